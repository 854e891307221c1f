"""Beyond the book: elementwise functions and activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DIFFERENCES, EVERYTHING, FLOATS, SHAPES_ONLY, normal, uniform
from . import computation
from .beyond_tensors import BEYOND
from .steps37_41 import given, shaped, whole

KINKS = SHAPES_ONLY - DIFFERENCES


@computation(**BEYOND, inputs=[normal()], order=3, cases=EVERYTHING)
def abs_and_expm1(fw: Any, x: Any) -> Any:
    """|x| and e^x - 1"""
    return fw.abs(x), fw.abs(x) * x, fw.expm1(x)


@computation(**BEYOND, inputs=[uniform(0.1, 4.0)], order=3, cases=FLOATS)
def sqrt(fw: Any, x: Any) -> Any:
    """The square root, and its square"""
    return fw.sqrt(x), fw.sqrt(x * x)


@computation(**BEYOND, inputs=[given(0.0, -0.0, 1.0, -1.0, np.inf)], shapes=((),), order=1, cases=KINKS)
def sqrt_of_zero_and_below(fw: Any, x: Any) -> Any:
    """An infinite slope at 0; nan below, without a warning"""
    return fw.sqrt(x)


@computation(**BEYOND, inputs=[normal(), normal()], cases=EVERYTHING)
def maximum_and_minimum(fw: Any, x0: Any, x1: Any) -> Any:
    """The larger and the smaller of two arrays, and of an array and a number"""
    return [f(a, b) for f in (fw.maximum, fw.minimum) for a, b in ((x0, x1), (x0 * x0, 0.5), (1, x1))]


@computation(**BEYOND, inputs=[whole(-1, 1), whole(-1, 1)], shapes=((6,), (4, 5)), cases=KINKS)
def ties_of_maximum_and_minimum(fw: Any, x0: Any, x1: Any) -> Any:
    """Equal numbers receive half of the gradient each"""
    return fw.maximum(x0, x1), fw.minimum(x0, x1) * x0, fw.maximum(x0, x0)


@computation(**BEYOND, inputs=[normal(), shaped(lambda shape: shape[-1:])], shapes=((2, 3), (4, 1)), cases=FLOATS)
def maximum_of_a_row(fw: Any, x0: Any, x1: Any) -> Any:
    """A matrix and a row"""
    return fw.maximum(x0, x1), fw.minimum(x1, x0)


@computation(**BEYOND, inputs=[normal(1.5)], order=3, cases=EVERYTHING)
def erf(fw: Any, x: Any) -> Any:
    """The error function"""
    return fw.erf(x)


@computation(**BEYOND, inputs=[uniform(-7.0, 7.0)], shapes=((400,),), order=1, cases=SHAPES_ONLY)
def erf_of_many_numbers(fw: Any, x: Any) -> Any:
    """The error function over its whole range, and close to 0"""
    return fw.erf(x), fw.erf(x * 1e-3), fw.erf(x * 0.1)


@computation(**BEYOND, inputs=[normal()], order=3, cases=FLOATS)
def elu_and_selu(fw: Any, x: Any) -> Any:
    """Exponential linear units"""
    return fw.elu(x), fw.elu(x, 0.5), fw.selu(x)


@computation(**BEYOND, inputs=[normal()], shapes=((2, 3), (1, 1), (2, 3, 4), (2, 0)), cases=FLOATS)
def crelu(fw: Any, x: Any) -> Any:
    """relu of x and of -x, along every axis"""
    return [fw.crelu(x), *(fw.crelu(x * x, axis) for axis in range(len(x.shape)))]


@computation(**BEYOND, inputs=[normal(4.0)], cases=FLOATS)
def relu6(fw: Any, x: Any) -> Any:
    """x limited to the interval from 0 to 6"""
    return fw.relu6(x), fw.relu6(x) * x


@computation(**BEYOND, inputs=[given(0.0, -0.0, 6.0, 1.0, -1.0)], shapes=((),), cases=KINKS)
def units_at_their_kinks(fw: Any, x: Any) -> Any:
    """The gradients of relu6, abs and softsign at 0 and at 6"""
    return fw.relu6(x), fw.abs(x), fw.softsign(x)


@computation(**BEYOND, inputs=[given(0.0, -0.0)], shapes=((),), order=1, cases=KINKS)
def elu_and_selu_at_zero(fw: Any, x: Any) -> Any:
    """The gradient at 0 is alpha. (So is the second derivative, where PyTorch has 0.)"""
    return fw.elu(x, 2.0), fw.selu(x)


@computation(**BEYOND, inputs=[normal()], order=3, cases=FLOATS)
def softplus(fw: Any, x: Any) -> Any:
    """log(1 + e^x), also steeper and flatter"""
    return fw.softplus(x), fw.softplus(x, 3.0), fw.softplus(x, beta=0.5)


@computation(**BEYOND, inputs=[normal(500.0)], shapes=((6,), (4, 5)), order=1, cases=SHAPES_ONLY)
def softplus_of_large_numbers(fw: Any, x: Any) -> Any:
    """Numbers whose exponentials overflow"""
    return fw.softplus(x)


@computation(**BEYOND, inputs=[normal()], order=3, cases=FLOATS)
def softsign(fw: Any, x: Any) -> Any:
    """x / (1 + |x|)"""
    return fw.softsign(x)


@computation(**BEYOND, inputs=[normal()], order=3, cases=FLOATS)
def gelu(fw: Any, x: Any) -> Any:
    """Gaussian error linear units, exact and approximate"""
    return fw.gelu(x), fw.gelu(x, approximate="tanh"), fw.gelu(x) * x


@computation(**BEYOND, inputs=[uniform(-6.0, 0.0)], shapes=((200,),), order=1, cases=SHAPES_ONLY)
def gelu_of_negative_numbers(fw: Any, x: Any) -> Any:
    """Where gelu is small, so that the error of its probability shows"""
    return fw.gelu(x)


@computation(**BEYOND, inputs=[normal()], order=3, cases=FLOATS)
def silu_and_swish(fw: Any, x: Any) -> Any:
    """x sigmoid(x), by both of its names"""
    return fw.silu(x), fw.swish(x) * x
