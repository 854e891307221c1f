"""Functions that standardize or rescale: var, std, normalize, cosine_similarity."""

import math

from .compare import equal, where
from .elementwise import as_float, square
from .reduce import axes_of, mean, sum
from .units import maximum, sqrt


def var(x, axis=None, ddof=0, keepdims=False):
    """Variance over axes: the sum of squared deviations from the mean, divided by n - ddof. [not in the book]

    In PyTorch ddof is 1 by default. Integers are computed in float64. Raises ValueError unless ddof < n.
    """
    x = as_float(x, "var")
    n = math.prod(x.shape[i] for i in axes_of("var", axis, x.ndim))
    if not ddof < n:
        raise ValueError(f"var: expected more than ddof = {ddof} elements along axis {axis}, got x {x.shape}")
    y = mean(square(x - mean(x, axis, keepdims=True)), axis, keepdims)
    return y if ddof == 0 else y * (n / (n - ddof))


def std(x, axis=None, ddof=0, keepdims=False):
    """Standard deviation over axes, the root of `var`; where it is 0, so is its gradient. [not in the book]"""
    y = var(x, axis, ddof, keepdims)
    zero = equal(y, 0)
    return where(zero, 0, sqrt(where(zero, 1, y)))  # the gradient of sqrt at 0 is infinite


def normalize(x, axis=1, eps=1e-12):
    """x divided by its Euclidean norm along an axis, or by eps if that is larger. [not in the book]"""
    x = as_float(x, "normalize")
    return x / sqrt(maximum(sum(square(x), axis, keepdims=True), eps * eps))


def cosine_similarity(x0, x1, axis=1, eps=1e-8):
    """Cosine of the angle between x0 and x1 along an axis; norms below eps count as eps. [not in the book]"""
    return sum(normalize(x0, axis, eps) * normalize(x1, axis, eps), axis)
