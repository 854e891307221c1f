"""Elementwise functions: square, exp, log, sin, cos, tanh."""

import numpy as np

from ..core import Function


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
        return np.exp(x)

    def backward(self, gy):
        y = self.outputs[0]()
        return y * gy


def exp(x):
    """Exponential, elementwise. [step 9]"""
    return Exp()(x)


class Log(Function):
    """y = log(x);  gx = gy / x."""

    def forward(self, x):
        return np.log(x)

    def backward(self, gy):
        (x,) = self.inputs
        return gy / x


def log(x):
    """Natural logarithm, elementwise. [step 34, not in the book]"""
    return Log()(x)


class Sin(Function):
    """y = sin(x);  gx = gy cos(x)."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        (x,) = self.inputs
        return gy * cos(x)


def sin(x):
    """Sine of x in radians, elementwise. [step 34]"""
    return Sin()(x)


class Cos(Function):
    """y = cos(x);  gx = gy (-sin(x))."""

    def forward(self, x):
        return np.cos(x)

    def backward(self, gy):
        (x,) = self.inputs
        return gy * -sin(x)


def cos(x):
    """Cosine of x in radians, elementwise. [step 34]"""
    return Cos()(x)


class Tanh(Function):
    """y = tanh(x);  gx = gy (1 - y^2)."""

    def forward(self, x):
        return np.tanh(x)

    def backward(self, gy):
        y = self.outputs[0]()
        return gy * (1 - y * y)


def tanh(x):
    """Hyperbolic tangent, elementwise. [step 35]"""
    return Tanh()(x)
