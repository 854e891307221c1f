"""Preprocessing of one sample, an array: each transform is a small callable object that can be pickled."""

import numpy as np


class Compose:
    """x -> f_n(... f_2(f_1(x))): several transforms as one; the identity if there are none. [step 49]"""

    def __init__(self, transforms=()):
        self.transforms = tuple(transforms)
        for f in self.transforms:
            if not callable(f):
                raise TypeError(f"Compose: expected functions, got {type(f).__name__}")

    def __call__(self, x):
        for f in self.transforms:
            x = f(x)
        return x


class Normalize:
    """y = (x - mean) / std.  x (C, ...) -> y of its shape. [step 49]

    A floating dtype is kept, integers become float64. mean, std: a number for the whole sample, or a
    sequence of C, one per channel.
    """

    def __init__(self, mean=0, std=1):
        if not np.all(std):
            raise ValueError(f"Normalize: expected std without 0, got {std}")
        self.mean = mean
        self.std = std

    def __call__(self, x):
        return (x - per_channel(x, "mean", self.mean)) / per_channel(x, "std", self.std)


class Flatten:
    """x of any shape -> y (size,), a view if NumPy can make one. [step 51]"""

    def __call__(self, x):
        return x.reshape(-1)


class AsType:
    """x -> a copy with another dtype, by default float32. [step 49]"""

    def __init__(self, dtype=np.float32):
        self.dtype = np.dtype(dtype)

    def __call__(self, x):
        return x.astype(self.dtype)


ToFloat = AsType


class ToInt(AsType):
    """x -> a copy with an integer dtype; fractions are truncated. [step 49]"""

    def __init__(self, dtype=int):
        super().__init__(dtype)


def per_channel(x, name, value):
    """A number as a 0-d array, a sequence (C,) as (C, 1, ..., 1); in the dtype of x, or float64 for integers."""
    value = np.asarray(value, x.dtype if x.dtype.kind == "f" else np.float64)
    if value.shape not in ((), (1,), x.shape[:1]):
        raise ValueError(f"Normalize: expected {name} to have one number per channel of {x.shape}, got {value.shape}")
    return value.reshape(-1, *[1] * (x.ndim - 1)) if value.ndim else value
