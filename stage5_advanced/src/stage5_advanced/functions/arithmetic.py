"""Elementwise arithmetic with broadcasting: the functions of the operators + - * / and **."""

import numpy as np

from ..core import Function, as_operand
from .broadcast import sum_to
from .elementwise import derived, log


class Add(Function):
    """y = x0 + x1;  gx0 = gy, gx1 = gy, each summed to the shape of its operand."""

    def forward(self, x0, x1):
        y = x0 + x1
        self.x0_shape, self.x1_shape = x0.shape, x1.shape  # the data may be released, as in linear_simple
        return y

    def backward(self, gy):
        x0, x1 = self.inputs
        gx0 = None if x0.constant else sum_to(gy, self.x0_shape)
        gx1 = None if x1.constant else sum_to(gy, self.x1_shape)
        return gx0, gx1


def add(x0, x1):
    """Sum x0 + x1; x1 may be a number or an array. [step 12]"""
    return Add()(x0, as_operand(x1, x0))


class Mul(Function):
    """y = x0 x1;  gx0 = gy x1, gx1 = gy x0."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.inputs
        gx0 = None if x0.constant else sum_to(gy * x1, x0.data.shape)
        gx1 = None if x1.constant else sum_to(gy * x0, x1.data.shape)
        return gx0, gx1


def mul(x0, x1):
    """Product x0 * x1; x1 may be a number or an array. [step 20]"""
    return Mul()(x0, as_operand(x1, x0))


class Neg(Function):
    """y = -x;  gx = -gy."""

    def forward(self, x):
        return -x

    def backward(self, gy):
        return -gy


def neg(x):
    """Negative -x. [step 22]"""
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
    """Difference x0 - x1; x1 may be a number or an array. [step 22]"""
    return Sub()(x0, as_operand(x1, x0))


def rsub(x0, x1):
    """Reversed difference x1 - x0. [step 22]"""
    return Sub()(as_operand(x1, x0), x0)


class Div(Function):
    """y = x0 / x1;  gx0 = gy / x1, gx1 = gx0 (-x0 / x1): x1^2 could overflow or underflow."""

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = self.inputs
        quotient = gy / x1
        gx0 = None if x0.constant else sum_to(quotient, x0.data.shape)
        gx1 = None if x1.constant else sum_to(quotient * (-(x0 / x1)), x1.data.shape)
        return gx0, gx1


def div(x0, x1):
    """Quotient x0 / x1; x1 may be a number or an array. [step 22]"""
    return Div()(x0, as_operand(x1, x0))


def rdiv(x0, x1):
    """Reversed quotient x1 / x0. [step 22]"""
    return Div()(as_operand(x1, x0), x0)


class Pow(Function):
    """y = x^c;  gx = c x^(c-1) gy, and 0 if c = 0. The exponent c is a number."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return x ** exponent(self.c, x)

    def backward(self, gy):
        (x,), c = self.inputs, self.c
        if c == 0:  # c x^(c-1) would be 0 * inf at x = 0
            return 0 * gy**0  # 0 also where gy is inf or nan
        return c * x ** (c - 1) * gy


def exponent(c, x):
    """c, as a float if negative and x holds integers: NumPy rejects negative integer powers of integers."""
    return float(c) if c < 0 and x.dtype.kind in "iu" else c


class Power(Function):
    """y = x0^x1;  gx0 = gy x1 x0^(x1-1), gx1 = gy y log(x0); 0 instead of 0 * inf at x0 = 0, x1 >= 0."""

    def forward(self, x0, x1):
        if x0.dtype.kind in "iu" and x1.dtype.kind in "iu" and (x1 < 0).any():
            x1 = x1.astype(float)  # like exponent(), for arrays
        return x0**x1

    def backward(self, gy):
        x0, x1 = self.inputs
        y = self.outputs[0]()
        # The masks are constants. They are True, which adds 1, where the formulas would give 0 * inf.
        both_zero = derived(lambda x0, x1: (x0 == 0) & (x1 == 0), x0, x1)
        no_log = derived(lambda x0, x1: (x0 == 0) & (x1 >= 0), x0, x1)
        gx0 = None if x0.constant else sum_to(gy * x1 * x0 ** (x1 - 1 + both_zero), x0.data.shape)
        gx1 = None if x1.constant else sum_to(gy * y * log(x0 + no_log), x1.data.shape)
        return gx0, gx1


def pow(x, c):
    """Power x ** c; the exponent may be a number, an array or a Variable. [step 22]"""
    return Pow(c)(x) if np.isscalar(c) else Power()(x, c)


def rpow(x, c):
    """Reversed power c ** x. [step 34, not in the book]"""
    return Power()(as_operand(c, x), x)
