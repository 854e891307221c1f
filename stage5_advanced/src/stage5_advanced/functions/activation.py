"""Activations: sigmoid, relu, leaky_relu, softmax, log_softmax."""

import numpy as np

from ..core import Function, as_variable
from .elementwise import exp
from .reduce import axes_of, largest, sum


class Sigmoid(Function):
    """y = 1 / (1 + e^-x);  gx = gy y (1 - y)."""

    def forward(self, x):
        with np.errstate(over="ignore"):  # to inf, and 1 / inf is right
            return 1 / (1 + self.xp.exp(-1.0 * x))  # a float: -x of unsigned integers would wrap around

    def backward(self, gy):
        y = self.outputs[0]()
        return gy * y * (1 - y)


def sigmoid(x):
    """Sigmoid, elementwise. [step 43]"""
    return Sigmoid()(x)


def sigmoid_simple(x):
    """The same of simple functions; warns where e^-x overflows: x < -709, in float32 x < -88. [step 43]"""
    x = as_variable(x)
    return 1 / (1 + exp(-x))


class ReLU(Function):
    """y = max(x, 0);  gx = gy where x > 0, otherwise 0."""

    def forward(self, x):
        return self.xp.maximum(x, 0.0)

    def backward(self, gy):
        return gy * (self.inputs[0].data > 0)  # a mask is constant, so bare data is enough


def relu(x):
    """Rectified linear unit, elementwise; its gradient at 0 is 0. [step 51]"""
    return ReLU()(x)


class LeakyReLU(Function):
    """y = x where x > 0, otherwise slope x;  gx = gy where x > 0, otherwise slope gy."""

    def __init__(self, slope):
        self.slope = float(slope)  # a NumPy number would make float64 of float32

    def forward(self, x):
        return self.xp.where(x > 0, x, self.slope * x)

    def backward(self, gy):
        x = self.inputs[0].data  # the slopes are constant, so bare data is enough
        number = np.result_type(gy.dtype, 0.0).type
        return gy * self.xp.where(x > 0, number(1), number(self.slope))


def leaky_relu(x, slope=0.2):
    """Rectified linear unit that lets a part through where x <= 0, elementwise. [beside step 60]"""
    return LeakyReLU(slope)(x)


class Softmax(Function):
    """y = e^x / sum e^x along an axis;  gx = y (gy - sum(y gy))."""

    def __init__(self, axis):
        self.axis = axis

    def forward(self, x):
        self.axes = axes_of("softmax", self.axis, x.ndim)
        y = self.xp.asarray(x - largest(x, self.axes))
        self.xp.exp(y, out=y)
        y /= y.sum(self.axes, keepdims=True)
        return y

    def backward(self, gy):
        y = self.outputs[0]()
        gx = y * gy
        return gx - y * sum(gx, self.axes, keepdims=True)


def softmax(x, axis=1):
    """Scores to probabilities along an axis: x (N, C) -> (N, C), rows of sum 1, without overflow. [step 47]"""
    return Softmax(axis)(x)


def softmax_simple(x, axis=1):
    """The same of simple functions; e^x overflows for x > 709, in float32 for x > 88. [step 47]"""
    x = as_variable(x)
    y = exp(x)
    return y / sum(y, axis, keepdims=True)


class LogSoftmax(Function):
    """y = x - log sum e^x along an axis;  gx = gy - e^y sum(gy)."""

    def __init__(self, axis):
        self.axis = axis

    def forward(self, x):
        self.axes = axes_of("log_softmax", self.axis, x.ndim)
        y = x - largest(x, self.axes)  # before the logarithm is, or rounding would be that of large scores
        return y - self.xp.log(self.xp.exp(y).sum(self.axes, keepdims=True))

    def backward(self, gy):
        y = self.outputs[0]()
        return gy - exp(y) * sum(gy, self.axes, keepdims=True)


def log_softmax(x, axis=1):
    """The logarithm of softmax, finite also where softmax is 0 in rounding. [beside step 47]"""
    return LogSoftmax(axis)(x)
