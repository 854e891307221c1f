"""Preprocessing of one sample, an array or an image: each transform is a small callable object that can be pickled.

An image is one of Pillow, PIL.Image.Image, which is imported only where it is used.
"""

import numbers
import operator
import sys

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


class Convert:
    """image -> an image of another mode: 'RGB', 'L' or another of Pillow's, or 'BGR'. [beside step 58]

    'BGR' is 'RGB' with its bands in the order B, G, R; Pillow has no such mode and still calls it 'RGB'.
    ValueError where Pillow cannot convert.
    """

    def __init__(self, mode="RGB"):
        if not isinstance(mode, str):
            raise TypeError(f"Convert: {type(mode).__name__} came as the mode, a str is needed")
        self.mode = mode

    def __call__(self, image):
        check_image(self, image)
        try:
            y = image.convert("RGB" if self.mode == "BGR" else self.mode)
        except ValueError as error:
            raise ValueError(
                f"Convert: {image.mode!r} to {self.mode!r} came, which Pillow cannot do: {error}"
            ) from error
        return pillow(self).merge("RGB", y.split()[::-1]) if self.mode == "BGR" else y


class Resize:
    """image -> an image of this size, whatever becomes of its proportions. [beside step 58]

    size: (width, height), or one number for a square. mode: a PIL.Image.Resampling, BILINEAR if None.
    """

    def __init__(self, size, mode=None):
        self.size = width_height(self, size)
        self.mode = mode

    def __call__(self, image):
        check_image(self, image)
        return image.resize(self.size, pillow(self).Resampling.BILINEAR if self.mode is None else self.mode)


class CenterCrop:
    """image -> the middle of it; of an odd rest the larger half goes off on the right and below. [beside step 58]

    size: (width, height), or one number for a square. ValueError for an image that is smaller.
    """

    def __init__(self, size):
        self.size = width_height(self, size)

    def __call__(self, image):
        check_image(self, image)
        width, height = self.size
        left, top = (image.width - width) // 2, (image.height - height) // 2
        if left < 0 or top < 0:
            raise ValueError(f"CenterCrop: an image of size {image.size} came, at least {self.size} is needed")
        return image.crop((left, top, left + width, top + height))


class ToArray:
    """image -> y (C, H, W), C = 1 for gray; float32 unless told otherwise, 0-255 as in the image. [beside step 58]

    An array is cast and keeps its shape. ValueError for an image with a palette: its pixels are no colours.
    """

    def __init__(self, dtype=np.float32):
        self.dtype = np.dtype(dtype)

    def __call__(self, x):
        if isinstance(x, np.ndarray):
            return x.astype(self.dtype)
        check_image(self, x, "a PIL image or a numpy.ndarray")
        if x.mode in ("P", "PA"):
            raise ValueError(f"ToArray: an image of mode {x.mode!r} came, which has a palette; Convert('RGB') first")
        y = np.asarray(x)
        y = y[None] if y.ndim == 2 else y.transpose(2, 0, 1)  # (H, W) or (H, W, C) -> (C, H, W)
        return y.astype(self.dtype, order="C")


class ToPIL:
    """x (C, H, W), numbers 0-255 -> image: gray for C = 1, 'RGB' for 3, 'RGBA' for 4. [beside step 58]

    Fractions are rounded. ValueError for another shape and for numbers outside of 0-255 (pixels of 0-1 are
    not scaled up); RuntimeError if Pillow is not installed.
    """

    def __call__(self, x):
        check(self, x)
        if x.dtype.kind not in "iuf":
            raise TypeError(f"ToPIL: an array of {x.dtype} came, numbers from 0 to 255 are needed")
        if x.ndim != 3 or x.shape[0] not in (1, 3, 4) or x.size == 0:
            raise ValueError(f"ToPIL: shape {x.shape} came, (C, H, W) is needed, with 1, 3 or 4 channels")
        if not (x.min() >= 0 and x.max() <= 255):  # so put, nan is refused too
            raise ValueError(f"ToPIL: numbers from {x.min()} to {x.max()} came, 0 to 255 is needed")
        pixels = np.rint(x).astype(np.uint8).transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
        return pillow(self).fromarray(np.ascontiguousarray(pixels[:, :, 0] if len(x) == 1 else pixels))


class RandomHorizontalFlip:
    """x -> x, or with probability p its mirror image, left and right exchanged. [beside step 58]

    x: an image, or an array (C, H, W), whose mirror image is a copy. Each call draws once from np.random.
    """

    def __init__(self, p=0.5):
        if not isinstance(p, numbers.Real):
            raise TypeError(f"RandomHorizontalFlip: {type(p).__name__} came as p, a number is needed")
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p={p} came, a probability from 0 to 1 is needed")
        self.p = p

    def __call__(self, x):
        if not isinstance(x, np.ndarray):
            check_image(self, x, "a PIL image or a numpy.ndarray")
        elif x.ndim != 3:
            raise ValueError(f"RandomHorizontalFlip: shape {x.shape} came, (C, H, W) is needed")
        if np.random.rand() >= self.p:
            return x
        if isinstance(x, np.ndarray):
            return x[:, :, ::-1].copy()
        return x.transpose(pillow(self).Transpose.FLIP_LEFT_RIGHT)


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


def check_image(transform, image, needed="a PIL image"):
    """TypeError if it is no image. Where there is one, its class has been imported: nothing is imported here."""
    module = sys.modules.get("PIL.Image")
    if module is None or not isinstance(image, module.Image):
        raise TypeError(f"{type(transform).__name__}: {type(image).__name__} came, {needed} is needed")


def pillow(transform):
    """The module PIL.Image; RuntimeError if Pillow is not installed."""
    try:
        import PIL.Image
    except ImportError as error:
        raise RuntimeError(f"{type(transform).__name__}: Pillow is needed: pip install pillow") from error
    return PIL.Image


def width_height(transform, size):
    """(width, height) of a pair, or of one number for both."""
    name = type(transform).__name__
    try:
        pair = tuple(map(operator.index, size if np.iterable(size) else (size, size)))
    except TypeError:
        raise TypeError(f"{name}: size {size!r} came, an integer or a pair (width, height) is needed") from None
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"{name}: size {size!r} came, one or two integers of at least 1 are needed")
    return pair
