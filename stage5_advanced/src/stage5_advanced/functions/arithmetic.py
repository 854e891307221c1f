"""The functions behind the operators + - * / and **, elementwise; the operands broadcast as in NumPy."""

import numpy as np

from ..core import Function, Variable, as_operand
from .broadcast import sum_to
from .elementwise import log


class Add(Function):
    """y = x0 + x1;  gx0 = gy, gx1 = gy, each summed to its operand's shape."""

    def forward(self, x0, x1):
        y = x0 + x1
        self.x0_shape, self.x1_shape = x0.shape, x1.shape
        return y

    def backward(self, gy):
        x0, x1 = self.inputs
        gx0 = None if x0.constant else sum_to(gy, self.x0_shape)
        gx1 = None if x1.constant else sum_to(gy, self.x1_shape)
        return gx0, gx1


def add(x0, x1):
    """Sum: x0 + x1. x1 may be a number or an array. [steps 12, 20, 21]"""
    return Add()(x0, as_operand(x1, x0))


class Mul(Function):
    """y = x0 x1;  gx0 = gy x1, gx1 = gy x0."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.inputs
        gx0 = None if x0.constant else sum_to(gy * x1, x0.shape)
        gx1 = None if x1.constant else sum_to(gy * x0, x1.shape)
        return gx0, gx1


def mul(x0, x1):
    """Product: x0 * x1. x1 may be a number or an array. [steps 20, 21]"""
    return Mul()(x0, as_operand(x1, x0))


class Neg(Function):
    """y = -x;  gx = -gy."""

    def forward(self, x):
        return -x

    def backward(self, gy):
        return -gy


def neg(x):
    """Negative: -x. [step 22]"""
    return Neg()(x)


class Sub(Function):
    """y = x0 - x1;  gx0 = gy, gx1 = -gy."""

    def forward(self, x0, x1):
        y = x0 - x1
        self.x0_shape, self.x1_shape = x0.shape, x1.shape
        return y

    def backward(self, gy):
        x0, x1 = self.inputs
        gx0 = None if x0.constant else sum_to(gy, self.x0_shape)
        gx1 = None if x1.constant else sum_to(-gy, self.x1_shape)
        return gx0, gx1


def sub(x0, x1):
    """Difference: x0 - x1. x1 may be a number or an array. [step 22]"""
    return Sub()(x0, as_operand(x1, x0))


def rsub(x0, x1):
    """Difference with the operands reversed: x1 - x0. [step 22]"""
    return Sub()(as_operand(x1, x0), x0)


class Div(Function):
    """y = x0 / x1;  gx0 = gy / x1, gx1 = -gy x0 / x1^2."""

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = self.inputs
        gx0 = None if x0.constant else sum_to(gy / x1, x0.shape)
        gx1 = None if x1.constant else sum_to(gy * (-x0 / x1**2), x1.shape)
        return gx0, gx1


def div(x0, x1):
    """Quotient: x0 / x1. x1 may be a number or an array. [step 22]"""
    return Div()(x0, as_operand(x1, x0))


def rdiv(x0, x1):
    """Quotient with the operands reversed: x1 / x0. [step 22]"""
    return Div()(as_operand(x1, x0), x0)


class Pow(Function):
    """y = x^c;  gx = c x^(c-1) gy, and 0 for c = 0. The exponent c is a constant number."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return x ** exponent(self.c, x)

    def backward(self, gy):
        (x,), c = self.inputs, self.c
        if c == 0:  # c x^(c-1) would be 0 * inf at x = 0; a constant, so its derivatives are 0 as well
            return Variable(self.xp.zeros_like(gy.data))
        return c * x ** (c - 1) * gy


def exponent(c, x):
    """The exponent as NumPy wants it: it raises integers to negative powers only as floats."""
    return float(c) if c < 0 and x.dtype.kind in "iu" else c


class Power(Function):
    """y = x0^x1;  gx0 = gy x1 x0^(x1-1), gx1 = gy y log(x0); 0 in place of 0 * inf at x0 = 0, x1 >= 0."""

    def forward(self, x0, x1):
        if x0.dtype.kind in "iu" and x1.dtype.kind in "iu" and (x1 < 0).any():
            x1 = x1.astype(float)  # as exponent() does for numbers
        return x0**x1

    def backward(self, gy):
        x0, x1 = self.inputs
        y = self.outputs[0]()
        # Masks are read off the data: where they are 1 the formulas would give 0 * inf.
        zero = x0.data == 0
        both_zero = (zero & (x1.data == 0)).astype(x0.dtype)
        no_log = (zero & (x1.data >= 0)).astype(x0.dtype)
        gx0 = None if x0.constant else sum_to(gy * x1 * x0 ** (x1 - 1 + both_zero), x0.shape)
        gx1 = None if x1.constant else sum_to(gy * y * log(x0 + no_log), x1.shape)
        return gx0, gx1


def pow(x, c):
    """Power: x ** c. The exponent may be a number, an array or a Variable. [step 22]"""
    return Pow(c)(x) if np.isscalar(c) else Power()(x, c)


def rpow(x, c):
    """Power with the operands reversed: c ** x. [beside step 34]"""
    return Power()(as_operand(c, x), x)
