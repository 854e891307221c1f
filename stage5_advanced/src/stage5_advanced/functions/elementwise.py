"""Elementwise functions: square, exp, log, sin, cos, tanh, clip."""

import math

import numpy as np

from ..core import Function, as_input
from . import kernels


class Derived(Function):
    """y = f(xs), what a gradient derives from data, such as a mask: computed when it is called, without gradient."""

    not_differentiated = (0, 1)

    def __init__(self, f):
        self.f = f

    def forward(self, *xs):
        return self.f(*xs)

    def backward(self, gy):
        return (None,) * len(self.inputs)


def derived(f, *xs):
    """A constant f(xs): f is a function of arrays. The graph leads to xs, so that it can be computed again.

    Its generation is that of a constant, since no backward pass goes through it.
    """
    y = Derived(f)(*xs)
    y.constant, y.generation = True, 0
    return y


class Square(Function):
    """y = x^2;  gx = 2 x gy."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        (x,) = self.inputs
        return 2 * x * gy


def square(x):
    """Square, elementwise. [step 9]"""
    return Square()(x)


class Exp(Function):
    """y = e^x;  gx = e^x gy."""

    def forward(self, x):
        return self.xp.exp(x)

    def backward(self, gy):
        y = self.outputs[0]()
        return y * gy


def exp(x):
    """Exponential, elementwise. [step 9]"""
    return Exp()(x)


class Log(Function):
    """y = log(x);  gx = gy / x."""

    def forward(self, x):
        return self.xp.log(x)

    def backward(self, gy):
        (x,) = self.inputs
        return gy / x


def log(x):
    """Natural logarithm, elementwise. [step 34, not in the book]"""
    return Log()(x)


class Sin(Function):
    """y = sin(x);  gx = gy cos(x)."""

    def forward(self, x):
        return self.xp.sin(x)

    def backward(self, gy):
        (x,) = self.inputs
        return gy * cos(x)


def sin(x):
    """Sine of x in radians, elementwise. [step 34]"""
    return Sin()(x)


class Cos(Function):
    """y = cos(x);  gx = gy (-sin(x))."""

    def forward(self, x):
        return self.xp.cos(x)

    def backward(self, gy):
        (x,) = self.inputs
        return gy * -sin(x)


def cos(x):
    """Cosine of x in radians, elementwise. [step 34]"""
    return Cos()(x)


class Tanh(Function):
    """y = tanh(x);  gx = gy (1 - y^2)."""

    def forward(self, x):
        return self.xp.tanh(x)

    def backward(self, gy):
        return tanh_gradient(gy, self.outputs[0]())


@kernels.gradient("T gy, T y", "gx = gy * (1 - y * y)")
def tanh_gradient(gy, y):
    """The gradient of tanh."""
    return gy * (1 - y * y)


def tanh(x):
    """Hyperbolic tangent, elementwise. [step 35]"""
    return Tanh()(x)


class Clip(Function):
    """y = x limited to [x_min, x_max];  gx = gy where x_min <= x <= x_max, otherwise 0."""

    def __init__(self, x_min, x_max):
        self.x_min = x_min
        self.x_max = x_max

    def forward(self, x):
        return self.xp.clip(x, self.x_min, self.x_max)

    def backward(self, gy):
        low, high = self.x_min, self.x_max
        return gy * derived(lambda x: (x >= low) & (x <= high), *self.inputs)


def clip(x, x_min, x_max):
    """Limit x to [x_min, x_max], elementwise. Each bound is a number, or None for no bound. [step 47]"""
    x_min = -math.inf if x_min is None else x_min
    x_max = math.inf if x_max is None else x_max
    if not (np.ndim(x_min) == np.ndim(x_max) == 0):
        raise ValueError(f"clip: expected numbers as bounds, got shapes {np.shape(x_min)} and {np.shape(x_max)}")
    # As Python numbers: a NumPy scalar would promote float32 to float64.
    return Clip(np.asarray(x_min).item(), np.asarray(x_max).item())(x)


def as_float(x, name):
    """x as a floating-point Variable. Integers, whose differences may wrap around, and booleans become float64."""
    x = as_input(x, name)
    return x if x.dtype.kind == "f" else x * 1.0
