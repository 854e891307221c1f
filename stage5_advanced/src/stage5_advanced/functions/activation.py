"""Activation functions: sigmoid, relu, leaky_relu, softmax, log_softmax."""

import numpy as np

from .. import cuda
from ..core import Function, as_number
from . import kernels
from .broadcast import accumulate, narrow
from .elementwise import as_float, derived, exp
from .reduce import axes_of, maximum, sum


class Sigmoid(Function):
    """y = 1 / (1 + e^-x);  gx = gy y (1 - y)."""

    def forward(self, x):
        return sigmoid_of(x)

    def backward(self, gy):
        return sigmoid_gradient(gy, self.outputs[0]())


@cuda.kernel("T x", "T y", "y = 1 / (1 + exp(-x))")
def sigmoid_of(x):
    """sigmoid of an array."""
    with np.errstate(over="ignore"):  # e^-x may overflow to inf; 1 / inf = 0 is correct
        return 1 / (1 + cuda.get_array_module(x).exp(-1.0 * x))  # -x would wrap around for unsigned integers


@kernels.gradient("T gy, T y", "gx = gy * y * (1 - y)")
def sigmoid_gradient(gy, y):
    """The gradient of sigmoid."""
    return gy * y * (1 - y)


def sigmoid(x):
    """Sigmoid, elementwise. [step 43]"""
    return Sigmoid()(x)


def sigmoid_simple(x):
    """sigmoid composed of basic functions; warns if e^-x overflows (x < -709, in float32 x < -88). [step 43]"""
    return 1 / (1 + exp(-as_float(x, "sigmoid_simple")))


class ReLU(Function):
    """y = max(x, 0);  gx = gy where x > 0, otherwise 0."""

    def forward(self, x):
        return self.xp.maximum(x, 0.0)

    def backward(self, gy):
        return relu_gradient(gy, self.inputs[0])


@kernels.gradient("T gy, T x", "gx = gy * (x > 0)")
def relu_gradient(gy, x):
    """The gradient of relu."""
    return gy * derived(lambda x: x > 0, x)


def relu(x):
    """Rectified linear unit, elementwise; its gradient at 0 is 0. [step 51]"""
    return ReLU()(x)


class LeakyReLU(Function):
    """y = x where x > 0, otherwise slope x;  gx = gy where x > 0, otherwise slope gy."""

    def __init__(self, slope):
        self.slope = float(as_number("leaky_relu", "slope", slope))  # a NumPy scalar would promote float32 to float64

    def forward(self, x):
        return leaky_relu_of(x, self.slope)

    def backward(self, gy):
        return leaky_relu_gradient(gy, self.inputs[0], self.slope)


@cuda.kernel("T x, T slope", "T y", "y = x > 0 ? x : slope * x")
def leaky_relu_of(x, slope):
    """leaky_relu of an array."""
    return cuda.get_array_module(x).where(x > 0, x, slope * x)


@kernels.gradient("T gy, T x, T slope", "gx = gy * (x > 0 ? T(1) : slope)")
def leaky_relu_gradient(gy, x, slope):
    """The gradient of leaky_relu."""
    number = np.result_type(gy.dtype, 0.0).type
    return gy * derived(lambda x: cuda.get_array_module(x).where(x > 0, number(1), number(slope)), x)


def leaky_relu(x, slope=0.2):
    """Leaky rectified linear unit, elementwise: x where x > 0, otherwise slope x. [step 60, not in the book]"""
    return LeakyReLU(slope)(x)


class Softmax(Function):
    """y = e^x / sum e^x along an axis;  gx = y (gy - sum(y gy))."""

    def __init__(self, axis):
        self.axis = axis

    def forward(self, x):
        self.axes = axes_of("softmax", self.axis, x.ndim)
        return softmax_of(x, self.axes, False)

    def backward(self, gy):
        return softmax_gradient(gy, self.outputs[0](), self.axes, False)


@cuda.on_gpu(kernels.softmax)
def softmax_of(x, axes, logarithm):
    """softmax of an array, or its logarithm."""
    xp = cuda.get_array_module(x)
    y = x - maximum(x, axes)  # subtracted before the logarithm, so that large logits lose no digits
    if logarithm:
        return narrow(y - xp.log(accumulate(xp.exp(y), axes, keepdims=True)), y.dtype)
    y = xp.asarray(y)
    xp.exp(y, out=y)
    y /= accumulate(y, axes, keepdims=True)
    return y


@kernels.gradient_by(kernels.softmax_gradient)
def softmax_gradient(gy, y, axes, logarithm):
    """The gradient of softmax or log_softmax."""
    if logarithm:
        return gy - exp(y) * sum(gy, axes, keepdims=True)
    gx = y * gy
    return gx - y * sum(gx, axes, keepdims=True)


def softmax(x, axis=1):
    """Probabilities from logits along an axis, without overflow.  x (N, C) -> (N, C), rows sum to 1. [step 47]"""
    return Softmax(axis)(x)


def softmax_simple(x, axis=1):
    """softmax composed of basic functions; e^x overflows for x > 709, in float32 for x > 88. [step 47]"""
    y = exp(as_float(x, "softmax_simple"))
    return y / sum(y, axis, keepdims=True)


class LogSoftmax(Function):
    """y = x - log sum e^x along an axis;  gx = gy - e^y sum(gy)."""

    def __init__(self, axis):
        self.axis = axis

    def forward(self, x):
        self.axes = axes_of("log_softmax", self.axis, x.ndim)
        return softmax_of(x, self.axes, True)

    def backward(self, gy):
        return softmax_gradient(gy, self.outputs[0](), self.axes, True)


def log_softmax(x, axis=1):
    """Logarithm of softmax, finite even where softmax rounds to 0. [step 47, not in the book]"""
    return LogSoftmax(axis)(x)
