"""Pooling: the largest or the mean of each window, channel by channel. [steps 56, 57]

Shapes: x (N, C, H, W) -> y (N, C, OH, OW). A size for both directions is one number, or a pair: height, width.
"""

import math

import numpy as np

from ..core import Function, as_input
from .conv import get_conv_outsize, im2col, im2col_array, pairs
from .reduce import max, mean
from .shape import reshape, transpose


class Places:
    """Where each place of a kernel lies in images (H, W), in all windows at once: slices of the padded images."""

    def __init__(self, name, x_size, kernel_size, stride, pad, ceil_mode=False):
        self.size = x_size
        self.kernel, self.stride, self.pad = pairs(name, kernel_size, stride, pad)
        if self.pad[0] >= self.kernel[0] or self.pad[1] >= self.kernel[1]:
            raise ValueError(f"{name}: pad {self.pad} came, less than the kernel {self.kernel} is needed")
        rule = ceil_outsize if ceil_mode else get_conv_outsize
        self.out = tuple(map(rule, self.size, self.kernel, self.stride, self.pad))
        if min(self.out) < 1:
            raise ValueError(f"{name}: a kernel {self.kernel} does not fit images {self.size} with padding {self.pad}")
        # What windows cover may be less than the padded image, or more with ceil_mode.
        self.covered = tuple((n - 1) * s + k for n, s, k in zip(self.out, self.stride, self.kernel, strict=True))
        self.apart = self.stride[0] >= self.kernel[0] and self.stride[1] >= self.kernel[1]

    def along(self, axis, place):
        """The positions of one place of the kernel along one direction."""
        return slice(place, place + (self.out[axis] - 1) * self.stride[axis] + 1, self.stride[axis])

    def views(self, x):
        """What each place of the kernel sees, row by row: views (N, C, OH, OW) of covered images."""
        KH, KW = self.kernel
        return [x[:, :, self.along(0, i), self.along(1, j)] for i in range(KH) for j in range(KW)]

    def cover(self, xp, x, padding):
        """The images as far as windows cover them, with their padding; x itself where that is the same."""
        if self.covered == self.size and self.pad == (0, 0):
            return x
        covered = xp.full((*x.shape[:2], *self.covered), padding, x.dtype)
        inside = self.inside(covered)
        inside[...] = x[:, :, : inside.shape[2], : inside.shape[3]]
        return covered

    def uncover(self, xp, covered):
        """The images (N, C, H, W), zeros where no window is."""
        if self.covered == self.size and self.pad == (0, 0):
            return covered
        x = xp.zeros((*covered.shape[:2], *self.size), covered.dtype)
        inside = self.inside(covered)
        x[:, :, : inside.shape[2], : inside.shape[3]] = inside
        return x

    def inside(self, covered):
        """Covered images without their padding."""
        (PH, PW), (H, W) = self.pad, self.size
        return covered[:, :, PH : PH + H, PW : PW + W]

    def combine(self, f, x):
        """f of all places of each window: first of those that are in one column, then of these columns."""
        for axis in (0, 1):
            lead = (slice(None),) * (2 + axis)
            first, *others = [x[(*lead, self.along(axis, i))] for i in range(self.kernel[axis])]
            x = f(first, others[0]) if others else first.copy()
            for other in others[1:]:
                f(x, other, out=x)
        return x


def ceil_outsize(input_size, kernel_size, stride, pad):
    """get_conv_outsize rounded up, but no window may begin beyond the image and the padding before it."""
    n = get_conv_outsize(input_size + stride - 1, kernel_size, stride, pad)
    return n - 1 if (n - 1) * stride >= input_size + pad else n


class Pooling(Function):
    """y = the largest of each window;  gx = gy at the first that is the largest, 0 elsewhere."""

    def __init__(self, kernel_size, stride=1, pad=0, ceil_mode=False):
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad
        self.ceil_mode = ceil_mode

    def forward(self, x):
        self.places = Places("pooling", x.shape[2:], self.kernel_size, self.stride, self.pad, self.ceil_mode)
        return self.places.combine(self.xp.maximum, self.places.cover(self.xp, x, smallest(x.dtype)))

    def backward(self, gy):
        x, y = self.inputs[0].data, self.outputs[0]().data  # which is the largest is constant
        *views, _ = self.places.views(self.places.cover(self.xp, x, smallest(x.dtype)))
        padding = self.places.views(self.places.cover(self.xp, self.xp.zeros((1, 1, *x.shape[2:]), bool), True))
        padded = self.places.pad != (0, 0)
        nans = self.xp is not np or (y != y).any()  # on a GPU to look would be to wait
        # The number of the first that is the largest, or nan: how many before it are not.
        which = self.xp.zeros(y.shape, np.min_scalar_type(len(views)))
        missing = self.xp.ones(y.shape, bool)
        for view, outside in zip(views, padding, strict=False):
            miss = view != y
            if nans:
                miss &= view == view
            if padded:  # an image of -inf equals its padding
                miss |= outside
            missing &= miss
            which += missing
        return PoolingGrad(self.places, which)(gy)


class PoolingGrad(Function):
    """gx = gy at one place of each window, that with the number `which`;  ggy = ggx there."""

    def __init__(self, places, which):
        self.places = places
        self.which = which

    def forward(self, gy):
        covered = self.xp.zeros((*gy.shape[:2], *self.places.covered), gy.dtype)
        for k, view in enumerate(self.places.views(covered)):
            if self.places.apart:
                self.xp.multiply(gy, self.which == k, out=view)
            else:
                view += gy * (self.which == k)
        return self.places.uncover(self.xp, covered)

    def backward(self, ggx):
        return PoolingPick(self.places, self.which)(ggx)


class PoolingPick(Function):
    """y = x at one place of each window, that with the number `which`;  gx = gy there."""

    def __init__(self, places, which):
        self.places = places
        self.which = which

    def forward(self, x):
        y = self.xp.zeros(self.which.shape, x.dtype)
        for k, view in enumerate(self.places.views(self.places.cover(self.xp, x, 0))):
            self.xp.copyto(y, view, where=self.which == k)
        return y

    def backward(self, gy):
        return PoolingGrad(self.places, self.which)(gy)


def pooling(x, kernel_size, stride=1, pad=0, ceil_mode=False):
    """The largest of each window; padding is never the largest. [step 57]

    OH = (H + 2 PH - KH) // SH + 1, OW likewise, rounded up with ceil_mode: the last windows may then reach
    beyond the image. A tie gives its gradient to the first in reading order. ValueError for what does not
    fit, and for padding as wide as the kernel.
    """
    return Pooling(kernel_size, stride, pad, ceil_mode)(as_images("pooling", x))


class AveragePooling(Function):
    """y = the mean of each window;  gx = gy / (KH KW), summed over the windows."""

    def __init__(self, kernel_size, stride=1, pad=0):
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad

    def forward(self, x):
        self.places = Places("average_pooling", x.shape[2:], self.kernel_size, self.stride, self.pad)
        x = x if x.dtype.kind == "f" else x.astype(float)
        y = self.places.combine(self.xp.add, self.places.cover(self.xp, x, 0))
        y /= math.prod(self.places.kernel)
        return y

    def backward(self, gy):
        return AveragePoolingGrad(self.places)(gy)


class AveragePoolingGrad(Function):
    """gx = gy / (KH KW), summed over the windows;  ggy = the mean of each window of ggx."""

    def __init__(self, places):
        self.places = places

    def forward(self, gy):
        share = gy / math.prod(self.places.kernel)
        covered = self.xp.zeros((*gy.shape[:2], *self.places.covered), gy.dtype)
        for view in self.places.views(covered):
            view += share
        return self.places.uncover(self.xp, covered)

    def backward(self, ggx):
        return AveragePooling(self.places.kernel, self.places.stride, self.places.pad)(ggx)


def average_pooling(x, kernel_size, stride=1, pad=0):
    """The mean of each window; padding counts, as zeros. ValueError as in `pooling`. [beside step 57]"""
    return AveragePooling(kernel_size, stride, pad)(as_images("average_pooling", x))


def pooling_simple(x, kernel_size, stride=1, pad=0):
    """The same as pooling of simple functions; but a tie shares its gradient evenly, as max does. [step 57]"""
    x = as_images("pooling_simple", x)
    places = Places("pooling_simple", x.shape[2:], kernel_size, stride, pad)
    col = im2col(x, kernel_size, stride, pad)
    if places.pad != (0, 0):  # zeros would win over negative numbers
        inside = im2col_array(x.xp.ones(x.shape, x.dtype), kernel_size, stride, pad)
        col = col + x.xp.where(inside == 1, 0, smallest(x.dtype)).astype(x.dtype)
    return of_windows(max, col, x, places)


def average_pooling_simple(x, kernel_size, stride=1, pad=0):
    """The same as average_pooling of simple functions. [beside step 57]"""
    x = as_images("average_pooling_simple", x)
    places = Places("average_pooling_simple", x.shape[2:], kernel_size, stride, pad)
    return of_windows(mean, im2col(x, kernel_size, stride, pad), x, places)


def of_windows(f, col, x, places):
    """f over the places of each window: (N*OH*OW, C*KH*KW) -> (N, C, OH, OW)."""
    y = f(reshape(col, (-1, math.prod(places.kernel))), axis=1)  # (N*OH*OW*C,)
    return transpose(reshape(y, (len(x), *places.out, x.shape[1])), (0, 3, 1, 2))


def as_images(name, x):
    """x as a Variable; ValueError unless it has the axes of images."""
    x = as_input(x)
    if x.ndim != 4:
        raise ValueError(f"{name}: x {x.shape} came, x (N, C, H, W) is needed")
    return x


def smallest(dtype):
    """What no element is less than: padding that never wins."""
    return -math.inf if dtype.kind == "f" else np.iinfo(dtype).min
