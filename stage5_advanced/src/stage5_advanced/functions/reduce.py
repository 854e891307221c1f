"""Functions that bring axes down to one number: sum, mean, max, min, logsumexp.

axis: None for all axes, one axis or several, negative ones from the end. keepdims: whether the
reduced axes stay, with length 1.
"""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import cuda
from ..core import Function, as_input
from .broadcast import broadcast_to
from .elementwise import exp
from .shape import reshape


def axes_of(name, axis, ndim):
    """The axes as a tuple of numbers from 0 on; AxisError (a ValueError) names the function."""
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim, name)


def kept_shape(shape, axes):
    """The shape after a reduction with keepdims."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


class Sum(Function):
    """y = the sum of x over axes;  gx = gy, copied to all that was summed."""

    def __init__(self, axis, keepdims):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        self.x_shape = x.shape
        self.axes = axes_of("sum", self.axis, x.ndim)
        return x.sum(self.axes, keepdims=self.keepdims)

    def backward(self, gy):
        return broadcast_to(reshape(gy, kept_shape(self.x_shape, self.axes)), self.x_shape)


def sum(x, axis=None, keepdims=False):
    """The sum over axes. [step 39]"""
    return Sum(axis, keepdims)(x)


def mean(x, axis=None, keepdims=False):
    """The mean over axes; nan where there is nothing. [beside step 42]"""
    x = as_input(x)
    axes = axes_of("mean", axis, x.ndim)
    return sum(x, axes, keepdims) / math.prod(x.shape[i] for i in axes)


average = mean


class Max(Function):
    """y = the largest of x over axes;  gx = gy, shared evenly between those that are the largest."""

    def __init__(self, axis, keepdims):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        self.axes = axes_of(type(self).__name__.lower(), self.axis, x.ndim)
        if math.prod(x.shape[i] for i in self.axes) == 0 and math.prod(kept_shape(x.shape, self.axes)) > 0:
            raise ValueError(f"{type(self).__name__.lower()}: x {x.shape} has no element along axes {self.axes}")
        return self.pick(x)

    def pick(self, x):
        return x.max(self.axes, keepdims=self.keepdims)

    def backward(self, gy):
        (x,), y = self.inputs, self.outputs[0]()
        shape = kept_shape(x.shape, self.axes)
        # Which are the largest is constant, so bare data is enough.
        share = (x.data == y.data.reshape(shape)).astype(np.result_type(gy.dtype, 0.0))
        share /= share.sum(self.axes, keepdims=True)
        return broadcast_to(reshape(gy, shape), x.shape) * share


class Min(Max):
    """y = the smallest of x over axes;  gx = gy, shared evenly between those that are the smallest."""

    def pick(self, x):
        return x.min(self.axes, keepdims=self.keepdims)


def max(x, axis=None, keepdims=False):
    """The largest over axes; ties share the gradient evenly. ValueError where there is none. [beside step 47]"""
    return Max(axis, keepdims)(x)


def min(x, axis=None, keepdims=False):
    """The smallest over axes; ties share the gradient evenly. ValueError where there is none. [beside step 47]"""
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
    """log(sum exp(x)) over axes, without overflow; -inf for the sum of nothing. [beside step 47]"""
    return LogSumExp(axis, keepdims)(x)


def log_sum_exp(x, axis=1):
    """log(sum exp(x)) over an axis, which is kept; from array to array. [beside step 47]"""
    xp = cuda.get_array_module(x)
    top = largest(x, axis)
    top[xp.isinf(top)] = 0  # inf - inf would be nan
    with np.errstate(divide="ignore"):  # the logarithm of nothing is -inf
        return xp.log(xp.exp(x - top).sum(axis, keepdims=True)) + top


def largest(x, axis):
    """The largest over axis, which is kept; -inf where there is nothing: what softmax and its kin take off first."""
    x = x if x.dtype.kind == "f" else x.astype(float)
    if cuda.is_on_gpu(x):  # there max has no `initial`
        shape = kept_shape(x.shape, axes_of("max", axis, x.ndim))
        return cuda.cupy.full(shape, -math.inf, x.dtype) if x.size == 0 else x.max(axis, keepdims=True)
    return np.asarray(x.max(axis, keepdims=True, initial=-np.inf))


def reshape_sum_backward(gy, x_shape, axis, keepdims):
    """The gradient of a sum with the summed axes put back, each of length 1, so that it broadcasts. [step 39]"""
    return gy.reshape(kept_shape(x_shape, axes_of("sum", axis, len(x_shape))))


def max_backward_shape(x, axis):
    """The shape of the largest over axis with the axes kept: (2, 3), 1 -> (2, 1). [beside step 47]"""
    return kept_shape(x.shape, axes_of("max", axis, x.ndim))
