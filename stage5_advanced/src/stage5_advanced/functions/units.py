"""Elementwise functions and activations: abs, sqrt, expm1, maximum, minimum, erf, elu, selu, crelu, relu6, ..."""

import math

import numpy as np

from .. import cuda
from ..core import Function, as_input, as_number, as_operand
from . import kernels
from .activation import relu, sigmoid
from .broadcast import sum_to
from .compare import cast, equal, greater, greater_equal, in_float32, less, less_equal, sign, where
from .elementwise import as_float, exp, square, tanh
from .shape import concat
from .special import erf_of, normal_of

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # keep mean 0 and variance 1 from layer to layer


class Abs(Function):
    """y = |x|;  gx = sign(x) gy, 0 at 0."""

    def forward(self, x):
        return self.xp.abs(x)

    def backward(self, gy):
        (x,) = self.inputs
        return sign(x) * gy


def abs(x):
    """Absolute value, elementwise; its gradient at 0 is 0. [not in the book]"""
    return Abs()(x)


class Sqrt(Function):
    """y = sqrt(x);  gx = gy / (2 y)."""

    def forward(self, x):
        with np.errstate(invalid="ignore"):
            return self.xp.sqrt(x)

    def backward(self, gy):
        y = self.outputs[0]()
        return gy / (2 * y)


def sqrt(x):
    """Square root, elementwise; nan for negative numbers. Integers are computed in float64. [not in the book]"""
    return Sqrt()(as_float(x, "sqrt"))


class Expm1(Function):
    """y = e^x - 1;  gx = e^x gy."""

    def forward(self, x):
        return self.xp.expm1(x)

    def backward(self, gy):
        (x,) = self.inputs
        return exp(x) * gy


def expm1(x):
    """e^x - 1, elementwise, also precise for small x. Integers are computed in float64. [not in the book]"""
    return Expm1()(as_float(x, "expm1"))


class Maximum(Function):
    """y = the larger of x0 and x1;  gx0 = gy where x0 is larger, gy / 2 in a tie, otherwise 0;  gx1 likewise."""

    smaller = staticmethod(less)

    def forward(self, x0, x1):
        return self.xp.maximum(x0, x1)

    def backward(self, gy):
        x0, x1 = self.inputs
        tie = equal(x0, x1)
        gx0 = None if x0.constant else share(self.smaller(x0, x1), tie, gy, x0)
        gx1 = None if x1.constant else share(self.smaller(x1, x0), tie, gy, x1)
        return gx0, gx1


class Minimum(Maximum):
    """y = the smaller of x0 and x1;  gx0 = gy where x0 is smaller, gy / 2 in a tie, otherwise 0;  gx1 likewise."""

    smaller = staticmethod(greater)

    def forward(self, x0, x1):
        return self.xp.minimum(x0, x1)


def share(lost, tie, gy, x):
    """The part of gy that x receives, summed to its shape."""
    return sum_to(where(lost, 0, where(tie, gy / 2, gy)), x.shape)


def maximum(x0, x1):
    """The larger of x0 and x1, elementwise; in a tie, both receive half of the gradient. [not in the book]

    One of them may be a number. nan if either is nan.
    """
    return Maximum()(as_operand(x0, x1), as_operand(x1, x0))


def minimum(x0, x1):
    """The smaller of x0 and x1, elementwise; in a tie, both receive half of the gradient. [not in the book]

    One of them may be a number. nan if either is nan.
    """
    return Minimum()(as_operand(x0, x1), as_operand(x1, x0))


class Erf(Function):
    """y = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x;  gx = 2 / sqrt(pi) e^(-x^2) gy."""

    def forward(self, x):
        return erf_of(x)

    def backward(self, gy):
        (x,) = self.inputs
        return gy * (2 / math.sqrt(math.pi) * exp(-square(x)))


def erf(x):
    """Error function, elementwise; at most 2 units in the last place off. [not in the book]"""
    return Erf()(as_float(x, "erf"))


class ELU(Function):
    """y = x where x > 0, otherwise alpha (e^x - 1);  gx = gy, or alpha e^x gy."""

    def __init__(self, alpha):
        self.alpha = alpha

    def forward(self, x):
        return elu_of(x, self.alpha)

    def backward(self, gy):
        return elu_gradient(gy, self.inputs[0], self.alpha)


@cuda.kernel("T x, T alpha", "T y", "y = x > 0 ? x : alpha * expm1(x)")
def elu_of(x, alpha):
    """elu of an array."""
    xp = cuda.get_array_module(x)
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0.0)))


@kernels.gradient("T gy, T x, T alpha", "gx = gy * (x > 0 ? T(1) : alpha * exp(x))")
def elu_gradient(gy, x, alpha):
    """The gradient of elu."""
    positive = greater(x, 0)
    return gy * where(positive, 1, alpha * exp(where(positive, 0, x)))


def elu(x, alpha=1.0):
    """Exponential linear unit, elementwise: x where x > 0, otherwise alpha (e^x - 1). [not in the book]"""
    return ELU(float(as_number("elu", "alpha", alpha)))(as_float(x, "elu"))


def selu(x):
    """Scaled exponential linear unit, 1.0507 elu(x, 1.6733), elementwise. [not in the book]"""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def crelu(x, axis=1):
    """relu(x) and relu(-x), concatenated along an axis, whose length doubles. [not in the book]

    TensorFlow concatenates along the last axis, which has the channels there.
    """
    x = as_input(x, "crelu")
    return concat([relu(x), relu(-x)], axis)


def relu6(x):
    """x limited to the interval from 0 to 6, elementwise; its gradient at 0 and at 6 is 0. [not in the book]"""
    x = as_input(x, "relu6")
    return where(less_equal(x, 0), 0, where(greater_equal(x, 6), 6, x))


class Softplus(Function):
    """y = log(1 + e^(beta x)) / beta;  gx = sigmoid(beta x) gy."""

    def __init__(self, beta):
        self.beta = beta

    def forward(self, x):
        return softplus_of(x, self.beta)

    def backward(self, gy):
        return softplus_gradient(gy, self.inputs[0], self.beta)


@cuda.kernel("T x, T beta", "T y", "T z = beta * x; y = ((z > 0 ? z : T(0)) + log1p(exp(z > 0 ? -z : z))) / beta")
def softplus_of(x, beta):
    """softplus of an array."""
    xp, x = cuda.get_array_module(x), beta * x
    return (xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))) / beta  # e^(beta x) could overflow


@kernels.gradient("T gy, T x, T beta", "gx = gy / (1 + exp(-beta * x))")
def softplus_gradient(gy, x, beta):
    """The gradient of softplus."""
    return gy * sigmoid(beta * x)


def softplus(x, beta=1.0):
    """Smooth relu, log(1 + e^(beta x)) / beta, elementwise and without overflow. [not in the book]"""
    beta = float(as_number("softplus", "beta", beta))
    if not 0 < beta < math.inf:
        raise ValueError(f"softplus: expected 0 < beta < inf, got {beta}")
    x = as_float(x, "softplus")
    return cast(Softplus(beta)(in_float32(x)), x.dtype)


class Softsign(Function):
    """y = x / (1 + |x|);  gx = gy / (1 + |x|)^2."""

    def forward(self, x):
        return x / (1 + self.xp.abs(x))

    def backward(self, gy):
        (x,) = self.inputs
        return gy / square(1 + abs(x))


def softsign(x):
    """x / (1 + |x|), elementwise: like tanh, but it approaches -1 and 1 slowly. [not in the book]"""
    return Softsign()(as_float(x, "softsign"))


class GELU(Function):
    """y = x P, P = (1 + erf(x / sqrt(2))) / 2;  gx = (P + x p) gy, p = e^(-x^2 / 2) / sqrt(2 pi)."""

    @cuda.on_gpu(kernels.gelu)
    def forward(self, x):
        self.P = normal_of(x)
        return x * self.P

    def backward(self, gy):
        return GELUGrad(self)(self.inputs[0], gy)


class GELUGrad(Function):
    """gx = (P + x p) gy;  the gradient with respect to gy: (P + x p) ggx;  to x: p (2 - x^2) gy ggx."""

    def __init__(self, gelu):
        self.gelu = gelu

    @cuda.on_gpu(kernels.gelu_gradient)
    def forward(self, x, gy):
        gx = self.xp.exp(-0.5 * self.xp.square(x))
        gx *= 1 / math.sqrt(2 * math.pi)
        gx *= x  # in place: more arrays would take longer than their elements
        gx += self.gelu.P
        gx *= gy
        return gx

    def backward(self, ggx):
        x, gy = self.inputs
        p = exp(-0.5 * square(x)) * (1 / math.sqrt(2 * math.pi))
        return p * (2 - square(x)) * gy * ggx, GELUGrad(self.gelu)(x, ggx)


def gelu(x, approximate="none"):
    """Gaussian error linear unit, x P(X <= x) for a standard normal X, elementwise. [not in the book]

    approximate: 'none', exact, or 'tanh': 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: expected approximate 'none' or 'tanh', got {approximate!r}")
    x = as_float(x, "gelu")
    if approximate == "none":
        return GELU()(x)
    wide = in_float32(x)
    y = 0.5 * wide * (1 + tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * (wide * square(wide)))))
    return cast(y, x.dtype)


def silu(x):
    """Sigmoid linear unit, x sigmoid(x), elementwise; also called swish. [not in the book]"""
    x = as_float(x, "silu")
    return x * sigmoid(x)


swish = silu
