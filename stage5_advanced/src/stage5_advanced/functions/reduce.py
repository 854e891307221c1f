"""Reductions over axes: sum, mean, max, min, logsumexp.

axis: None for all axes, one axis or several; negative ones count from the end. keepdims: keep the
reduced axes with length 1.
"""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import cuda
from ..core import Function
from .broadcast import accumulate, broadcast_to, narrow, widen
from .elementwise import derived, exp
from .shape import reshape

SHORT = 1024  # rows of up to this length may be summed by a product with ones


def axes_of(name, axis, ndim):
    """Axes as a tuple of non-negative integers. Raises AxisError, a ValueError that names the function."""
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim, name)


def kept_shape(shape, axes):
    """Shape after a reduction with keepdims=True."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


class Sum(Function):
    """y = sum of x over axes;  gx = gy broadcast to the shape of x."""

    def __init__(self, axis, keepdims):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        self.x_shape = x.shape
        self.axes = axes_of("sum", self.axis, x.ndim)
        return narrow(accumulate(x, self.axes, self.keepdims), x.dtype)

    def backward(self, gy):
        return broadcast_to(reshape(gy, kept_shape(self.x_shape, self.axes)), self.x_shape)


def sum(x, axis=None, keepdims=False):
    """Sum over axes. [step 39]"""
    return Sum(axis, keepdims)(x)


class Mean(Function):
    """y = (sum of x over axes) / n;  gx = gy / n, broadcast. n: the number of elements in each sum."""

    def __init__(self, axis, keepdims):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        self.x_shape = x.shape
        self.axes = axes_of("mean", self.axis, x.ndim)
        n = math.prod(x.shape[i] for i in self.axes)
        return narrow(accumulate(x, self.axes, self.keepdims) / n, x.dtype)

    def backward(self, gy):
        return MeanGrad(self.x_shape, self.axes)(gy)


class MeanGrad(Function):
    """gx = gy / n, broadcast;  ggy = mean of ggx over the same axes."""

    def __init__(self, x_shape, axes):
        self.x_shape = x_shape
        self.axes = axes

    def forward(self, gy):
        self.gy_shape = gy.shape
        n = math.prod(self.x_shape[i] for i in self.axes)
        gx = narrow(widen(gy) / n, gy.dtype)  # n may be more than float16 can hold
        return self.xp.broadcast_to(gx.reshape(kept_shape(self.x_shape, self.axes)), self.x_shape)

    def backward(self, ggx):
        return reshape(mean(ggx, self.axes), self.gy_shape)


def mean(x, axis=None, keepdims=False):
    """Mean over axes; nan if there are no elements. [step 42, not in the book]"""
    return Mean(axis, keepdims)(x)


average = mean


class Max(Function):
    """y = maximum of x over axes;  gx = gy, divided evenly between the elements that equal the maximum."""

    def __init__(self, axis, keepdims):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        name = type(self).__name__.lower()
        self.axes = axes_of(name, self.axis, x.ndim)
        if math.prod(x.shape[i] for i in self.axes) == 0:
            raise ValueError(f"{name}: expected at least one element along axes {self.axes}, got x {x.shape}")
        return self.pick(x)

    def pick(self, x):
        return x.max(self.axes, keepdims=self.keepdims)

    def backward(self, gy):
        (x,), y = self.inputs, self.outputs[0]()
        shape = kept_shape(x.shape, self.axes)
        axes, dtype = self.axes, np.result_type(gy.dtype, 0.0)

        def shares(x, y):
            share = (x == y.reshape(shape)).astype(dtype)
            share /= accumulate(share, axes, keepdims=True)  # of float16 it may be float32
            return share

        return broadcast_to(reshape(gy, shape), x.shape) * derived(shares, x, y)


class Min(Max):
    """y = minimum of x over axes;  gx = gy, divided evenly between the elements that equal the minimum."""

    def pick(self, x):
        return x.min(self.axes, keepdims=self.keepdims)


def max(x, axis=None, keepdims=False):
    """Maximum over axes; ties share the gradient evenly. Raises ValueError if empty. [step 47, not in the book]"""
    return Max(axis, keepdims)(x)


def min(x, axis=None, keepdims=False):
    """Minimum over axes; ties share the gradient evenly. Raises ValueError if empty. [step 47, not in the book]"""
    return Min(axis, keepdims)(x)


class LogSumExp(Function):
    """y = log(sum exp(x)) over axes;  gx = exp(x - y) gy."""

    def __init__(self, axis, keepdims):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        self.axes = axes_of("logsumexp", self.axis, x.ndim)
        y = log_sum_exp(x, self.axes)
        return y if self.keepdims else y.squeeze(self.axes)

    def backward(self, gy):
        (x,), y = self.inputs, self.outputs[0]()
        shape = kept_shape(x.shape, self.axes)
        return exp(x - reshape(y, shape)) * reshape(gy, shape)


def logsumexp(x, axis=None, keepdims=False):
    """log(sum exp(x)) over axes, without overflow; -inf for no elements. [step 47, not in the book]"""
    return LogSumExp(axis, keepdims)(x)


def log_sum_exp(x, axis=1):
    """log(sum exp(x)) of an array over an axis, with keepdims=True. [step 47, not in the book]"""
    xp = cuda.get_array_module(x)
    top = maximum(x, axis)
    top[xp.isinf(top)] = 0  # inf - inf would be nan
    total = accumulate(xp.exp(x - top), axes_of("logsumexp", axis, x.ndim), keepdims=True)
    with np.errstate(divide="ignore"):  # log(0) is -inf
        return narrow(xp.log(total) + top, top.dtype)


def maximum(x, axis):
    """Maximum of an array, in a floating dtype, with keepdims=True; -inf if empty. Softmax subtracts it."""
    x = x if x.dtype.kind == "f" else x.astype(float)
    if cuda.is_on_gpu(x):  # CuPy's max has no argument `initial`
        shape = kept_shape(x.shape, axes_of("max", axis, x.ndim))
        return cuda.cupy.full(shape, -math.inf, x.dtype) if x.size == 0 else x.max(axis, keepdims=True)
    return np.asarray(x.max(axis, keepdims=True, initial=-np.inf))


def row_sums(x):
    """Sum of each row of an array (N, C); float16 is summed in, and returned as, float32."""
    if x.shape[1] > SHORT:
        return accumulate(x, (1,))
    x = widen(x)
    return x @ cuda.get_array_module(x).ones(x.shape[1], x.dtype)  # several times as fast as a sum along short rows


def reshape_sum_backward(gy, x_shape, axis, keepdims):
    """Gradient of a sum with the summed axes restored as length 1, so that it broadcasts. [step 39]"""
    return gy.reshape(kept_shape(x_shape, axes_of("sum", axis, len(x_shape))))


def max_backward_shape(x, axis):
    """Shape of the maximum over axis with keepdims=True: (2, 3), 1 -> (2, 1). [step 47, not in the book]"""
    return kept_shape(x.shape, axes_of("max", axis, x.ndim))
