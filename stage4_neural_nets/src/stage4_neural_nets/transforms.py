"""Preprocessing of one sample, an array: each transform is a small callable object, which can be pickled."""

import numpy as np


class Compose:
    """x -> f_n(... f_2(f_1(x))): several transforms as one; of none it is the identity. [step 49]

    transforms: callables, applied in their order. TypeError if one is not callable.
    """

    def __init__(self, transforms=()):
        self.transforms = tuple(transforms)
        for f in self.transforms:
            if not callable(f):
                raise TypeError(f"Compose: {type(f).__name__} came among the transforms, a callable is needed")

    def __call__(self, x):
        for f in self.transforms:
            x = f(x)
        return x


class Normalize:
    """y = (x - mean) / std.  x (C, ...) -> y of its shape. [step 49]

    A floating dtype is kept, integers become float64. mean, std: a number for the whole sample, or a
    sequence of C, one for each channel. ValueError where its length is not C, and for a std of zero.
    """

    def __init__(self, mean=0, std=1):
        if not np.all(std):
            raise ValueError(f"Normalize: std {std} came, it must not be 0")
        self.mean = mean
        self.std = std

    def __call__(self, x):
        check(self, x)
        return (x - per_channel(x, "mean", self.mean)) / per_channel(x, "std", self.std)


class Flatten:
    """x of any shape -> y (size,), a view where NumPy can make one. [step 51]"""

    def __call__(self, x):
        check(self, x)
        return x.reshape(-1)


class AsType:
    """x -> a copy of it with another dtype, float32 unless told otherwise. [step 49]"""

    def __init__(self, dtype=np.float32):
        self.dtype = np.dtype(dtype)

    def __call__(self, x):
        check(self, x)
        return x.astype(self.dtype)


ToFloat = AsType


class ToInt(AsType):
    """x -> a copy of it with an integer dtype; fractions are cut off. [step 49]"""

    def __init__(self, dtype=int):
        super().__init__(dtype)


def check(transform, x):
    """TypeError if x is no array (a NumPy scalar, such as a label, counts as one)."""
    if not isinstance(x, (np.ndarray, np.generic)):
        raise TypeError(f"{type(transform).__name__}: {type(x).__name__} came, a numpy.ndarray is needed")


def per_channel(x, name, value):
    """A number as a 0-d array, a sequence (C,) as (C, 1, ..., 1); in the dtype of x, or float64 beside integers."""
    value = np.asarray(value, x.dtype if x.dtype.kind == "f" else np.float64)
    if value.shape not in ((), (1,), x.shape[:1]):
        raise ValueError(f"Normalize: {name} has shape {value.shape}, the sample has {x.shape}: one for each channel")
    return value.reshape(-1, *[1] * (x.ndim - 1)) if value.ndim else value
