"""Preprocessing of single samples, arrays or images: each transform is a small callable that can be pickled.

Images are PIL.Image.Image objects; Pillow is imported only where it is used.
"""

import operator
import sys

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


class Convert:
    """image -> an image of another mode: 'RGB', 'L' or another Pillow mode, or 'BGR'. [step 58, not in the book]

    'BGR' is 'RGB' with its bands in the order B, G, R; Pillow has no such mode and still calls it 'RGB'.
    """

    def __init__(self, mode="RGB"):
        if not isinstance(mode, str):
            raise TypeError(f"Convert: expected a str as the mode, got {type(mode).__name__}")
        self.mode = mode

    def __call__(self, image):
        try:
            y = image.convert("RGB" if self.mode == "BGR" else self.mode)
        except ValueError as error:  # its message does not name the modes
            raise ValueError(f"Convert: expected a mode to which {image.mode!r} converts, got {self.mode!r}") from error
        return pillow(self).merge("RGB", y.split()[::-1]) if self.mode == "BGR" else y


class Resize:
    """image -> an image of this size, without keeping the aspect ratio. [step 58, not in the book]

    size: (width, height), or one number for a square. mode: a PIL.Image.Resampling, BILINEAR if None.
    """

    def __init__(self, size, mode=None):
        self.size = width_height(self, size)
        self.mode = mode

    def __call__(self, image):
        check_image(self, image)
        return image.resize(self.size, pillow(self).Resampling.BILINEAR if self.mode is None else self.mode)


class CenterCrop:
    """image -> its center; an odd remainder is cropped at the right and bottom. [step 58, not in the book]

    size: (width, height), or one number for a square.
    """

    def __init__(self, size):
        self.size = width_height(self, size)

    def __call__(self, image):
        width, height = self.size
        left, top = (image.width - width) // 2, (image.height - height) // 2
        if left < 0 or top < 0:
            raise ValueError(f"CenterCrop: expected an image of at least {self.size}, got {image.size}")
        return image.crop((left, top, left + width, top + height))


class ToArray:
    """image -> y (C, H, W), C = 1 for gray; by default float32, 0-255 as in the image. [step 58, not in the book]

    An array is cast and keeps its shape. Raises ValueError for an image with a palette: its pixels are not colors.
    """

    def __init__(self, dtype=np.float32):
        self.dtype = np.dtype(dtype)

    def __call__(self, x):
        if isinstance(x, np.ndarray):
            return x.astype(self.dtype)
        check_image(self, x, "a PIL image or a numpy.ndarray")
        if x.mode in ("P", "PA"):
            raise ValueError(f"ToArray: expected an image without a palette, got mode {x.mode!r}; Convert('RGB') first")
        y = np.asarray(x)
        y = y[None] if y.ndim == 2 else y.transpose(2, 0, 1)  # (H, W) or (H, W, C) -> (C, H, W)
        return y.astype(self.dtype, order="C")


class ToPIL:
    """x (C, H, W), 0-255 -> image: gray for C = 1, 'RGB' for 3, 'RGBA' for 4. [step 58, not in the book]

    Fractions are rounded. Pixels of 0-1 are not scaled. Raises RuntimeError if Pillow is not installed.
    """

    def __call__(self, x):
        if x.dtype.kind not in "iuf":
            raise TypeError(f"ToPIL: expected numbers, got an array of {x.dtype}")
        if x.ndim != 3 or x.shape[0] not in (1, 3, 4) or x.size == 0:
            raise ValueError(f"ToPIL: expected (C, H, W) with 1, 3 or 4 channels, got {x.shape}")
        if not (x.min() >= 0 and x.max() <= 255):  # false for nan, too
            raise ValueError(f"ToPIL: expected numbers from 0 to 255, got {x.min()} to {x.max()}")
        pixels = np.rint(x).astype(np.uint8).transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
        return pillow(self).fromarray(pixels[:, :, 0] if len(x) == 1 else pixels)


class RandomHorizontalFlip:
    """x -> x, or with probability p its mirror image, flipped left to right. [step 58, not in the book]

    x: an image or an array (C, H, W). Each call draws once from np.random.
    """

    def __init__(self, p=0.5):
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: expected a probability p from 0 to 1, got {p}")
        self.p = p

    def __call__(self, x):
        if not isinstance(x, np.ndarray):
            check_image(self, x, "a PIL image or a numpy.ndarray")
        elif x.ndim != 3:
            raise ValueError(f"RandomHorizontalFlip: expected (C, H, W), got {x.shape}")
        if np.random.rand() >= self.p:
            return x
        if isinstance(x, np.ndarray):
            return x[:, :, ::-1].copy()
        return x.transpose(pillow(self).Transpose.FLIP_LEFT_RIGHT)


def per_channel(x, name, value):
    """A number as a 0-d array, a sequence (C,) as (C, 1, ..., 1); in the dtype of x, or float64 for integers."""
    value = np.asarray(value, x.dtype if x.dtype.kind == "f" else np.float64)
    if value.shape not in ((), (1,), x.shape[:1]):
        raise ValueError(f"Normalize: expected {name} to have one number per channel of {x.shape}, got {value.shape}")
    return value.reshape(-1, *[1] * (x.ndim - 1)) if value.ndim else value


def check_image(transform, image, expected="a PIL image"):
    """Raise TypeError unless image is a PIL image. (If it is, PIL.Image is already imported.)"""
    module = sys.modules.get("PIL.Image")
    if module is None or not isinstance(image, module.Image):
        raise TypeError(f"{type(transform).__name__}: expected {expected}, got {type(image).__name__}")


def pillow(transform):
    """The module PIL.Image. Raises RuntimeError if Pillow is not installed."""
    try:
        import PIL.Image
    except ImportError as error:
        raise RuntimeError(f"{type(transform).__name__}: Pillow is needed: pip install pillow") from error
    return PIL.Image


def width_height(transform, size):
    """(width, height) from a pair or an int for both."""
    pair = tuple(map(operator.index, size if np.iterable(size) else (size, size)))
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"{type(transform).__name__}: expected one or two positive integers as the size, got {size!r}")
    return pair
