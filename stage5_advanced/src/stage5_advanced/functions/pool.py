"""Pooling: the maximum or the mean of each patch, channel by channel. [steps 56, 57]

Shapes: x (N, C, H, W) -> y (N, C, OH, OW). A size is one number for both directions, or a pair (height, width).
"""

import math

import numpy as np

from ..core import Function, as_input
from .broadcast import narrow, widen
from .conv import im2col, im2col_array, pairs
from .reduce import max, mean
from .shape import reshape, transpose
from .windows import Geometry, first_equal, pick, reduce_patches, spread, wide


def geometry(name, x, kernel_size, stride, pad, ceil_mode=False):
    """The Geometry of the patches of x (N, C, H, W). Raises ValueError if one could consist of padding alone."""
    kernel, stride, pad = pairs(name, kernel_size, stride, pad)
    if pad[0] >= kernel[0] or pad[1] >= kernel[1]:
        raise ValueError(f"{name}: expected pad less than kernel_size {kernel}, got {pad}")
    return Geometry(name, x.shape[2:], kernel, stride, pad, ceil_mode=ceil_mode)


class Pooling(Function):
    """y = the maximum of each patch;  gx = gy at the first element equal to it, 0 elsewhere."""

    def __init__(self, kernel_size, stride=1, pad=0, ceil_mode=False):
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad
        self.ceil_mode = ceil_mode

    def forward(self, x):
        self.geometry = geometry("pooling", x, self.kernel_size, self.stride, self.pad, self.ceil_mode)
        return reduce_patches(self.xp, self.geometry, self.xp.maximum, x, lowest(x.dtype))

    def backward(self, gy):
        x, y = self.inputs[0].data, self.outputs[0]().data  # the index of the maximum is a constant
        which = first_equal(self.xp, self.geometry, x, y, lowest(x.dtype))
        return PoolingGrad(self.geometry, which)(gy)


class PoolingGrad(Function):
    """gx = gy at element number `which` of each patch;  ggy = ggx there."""

    def __init__(self, geometry, which):
        self.geometry = geometry
        self.which = which

    def forward(self, gy):
        return spread(self.xp, self.geometry, gy, self.which)

    def backward(self, ggx):
        return PoolingPick(self.geometry, self.which)(ggx)


class PoolingPick(Function):
    """y = x at element number `which` of each patch;  gx = gy there."""

    def __init__(self, geometry, which):
        self.geometry = geometry
        self.which = which

    def forward(self, x):
        return pick(self.xp, self.geometry, x, self.which)

    def backward(self, gy):
        return PoolingGrad(self.geometry, self.which)(gy)


def pooling(x, kernel_size, stride=1, pad=0, ceil_mode=False):
    """Max pooling: the maximum of each patch; padding is never the maximum. [step 57]

    x (N, C, H, W) -> (N, C, OH, OW), OH = (H + 2 PH - KH) // SH + 1, OW likewise; rounded up with ceil_mode, so that
    the last patches may reach beyond the image. In a tie the first element in row-major order receives the gradient.
    Raises ValueError if sizes do not match or pad is not less than kernel_size.
    """
    return Pooling(kernel_size, stride, pad, ceil_mode)(as_images("pooling", x))


class AveragePooling(Function):
    """y = the mean of each patch;  gx = gy / (KH KW), summed over the patches."""

    def __init__(self, kernel_size, stride=1, pad=0):
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad

    def forward(self, x):
        self.geometry = geometry("average_pooling", x, self.kernel_size, self.stride, self.pad)
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        y = reduce_patches(self.xp, self.geometry, self.xp.add, x.astype(wide(dtype), copy=False), 0)
        y /= math.prod(self.geometry.kernel)
        return y.astype(dtype, copy=False)

    def backward(self, gy):
        return AveragePoolingGrad(self.geometry)(gy)


class AveragePoolingGrad(Function):
    """gx = gy / (KH KW), summed over the patches;  ggy = the mean of each patch of ggx."""

    def __init__(self, geometry):
        self.geometry = geometry

    def forward(self, gy):
        share = widen(gy) / math.prod(self.geometry.kernel)  # KH KW may be more than float16 can hold
        return narrow(spread(self.xp, self.geometry, share), gy.dtype)

    def backward(self, ggx):
        g = self.geometry
        return AveragePooling(g.kernel, g.stride, tuple(before for before, _ in g.pad))(ggx)


def average_pooling(x, kernel_size, stride=1, pad=0):
    """Average pooling: the mean of each patch, padding counted as zeros. [step 57, not in the book]"""
    return AveragePooling(kernel_size, stride, pad)(as_images("average_pooling", x))


def pooling_simple(x, kernel_size, stride=1, pad=0):
    """pooling composed of basic functions, except that equal maxima share the gradient evenly, as in max. [step 57]"""
    x = as_images("pooling_simple", x)
    g = geometry("pooling_simple", x, kernel_size, stride, pad)
    col = im2col(x, kernel_size, stride, pad)
    if g.beyond:  # zeros would exceed negative numbers
        inside = im2col_array(x.xp.ones(x.shape, x.dtype), kernel_size, stride, pad)
        col = col + x.xp.where(inside == 1, 0, lowest(x.dtype)).astype(x.dtype)
    return of_patches(max, col, x, g)


def average_pooling_simple(x, kernel_size, stride=1, pad=0):
    """average_pooling composed of basic functions. [step 57, not in the book]"""
    x = as_images("average_pooling_simple", x)
    g = geometry("average_pooling_simple", x, kernel_size, stride, pad)
    return of_patches(mean, im2col(x, kernel_size, stride, pad), x, g)


def of_patches(f, col, x, g):
    """Apply f to each patch of each channel: (N*OH*OW, C*KH*KW) -> (N, C, OH, OW)."""
    y = f(reshape(col, (-1, math.prod(g.kernel))), axis=1)  # (N*OH*OW*C,)
    return transpose(reshape(y, (len(x), *g.out, x.shape[1])), (0, 3, 1, 2))


def as_images(name, x):
    """x as a Variable. Raises ValueError unless it has four axes."""
    x = as_input(x, name)
    if x.ndim != 4:
        raise ValueError(f"{name}: expected x (N, C, H, W), got x {x.shape}")
    return x


def lowest(dtype):
    """The lowest value of a dtype: padding with it is never greater than an element."""
    return {"f": -math.inf, "b": False}[dtype.kind] if dtype.kind in "fb" else np.iinfo(dtype).min
