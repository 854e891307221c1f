"""Losses: how far predictions are from targets, as one number."""

import numpy as np

from ..core import Function, Variable, as_input
from .activation import softmax, softmax_simple
from .broadcast import accumulate, narrow, sum_to, widen
from .elementwise import as_float, clip, log
from .reduce import maximum, mean, row_sums, sum
from .shape import check_indices, get_item


class MeanSquaredError(Function):
    """y = sum (x0 - x1)^2 / N;  gx0 = 2 (x0 - x1) gy / N, gx1 = -gx0. N is the length of the first axis."""

    def forward(self, x0, x1):
        diff = x0 - x1
        self.N = len(diff)
        return narrow(total(widen(diff) ** 2) / self.N, diff.dtype)

    def backward(self, gy):
        x0, x1 = self.inputs
        gx0 = gy * (x0 - x1) * (2 / self.N)
        gx1 = None if x1.constant else sum_to(-gx0, x1.shape)
        return None if x0.constant else sum_to(gx0, x0.shape), gx1


def mean_squared_error(x0, x1):
    """Sum of squared differences, divided by the length of axis 0 (in PyTorch by the number of elements). [step 42]

    Integers are computed in float64. Raises ValueError if neither x0 nor x1 broadcasts to the shape of the
    other, or if axis 0 has no elements.
    """
    return MeanSquaredError()(*as_pair("mean_squared_error", x0, x1))


def mean_squared_error_simple(x0, x1):
    """mean_squared_error composed of basic functions, which keep intermediate arrays for backward. [step 42]"""
    x0, x1 = as_pair("mean_squared_error_simple", x0, x1)
    return sum(mean((x0 - x1) ** 2, axis=0))


def as_pair(name, x0, x1):
    """x0, x1 as floating-point Variables. Raises ValueError for (N, 1) and (N,), which would broadcast to (N, N)."""
    x0, x1 = as_float(x0, name), as_float(x1, name)
    try:
        shape = np.broadcast_shapes(x0.shape, x1.shape)
    except ValueError:
        shape = None
    if shape not in (x0.shape, x1.shape):
        raise ValueError(f"{name}: expected x0 and x1 of the same shape, got x0 {x0.shape} and x1 {x1.shape}")
    if len(shape) == 0 or shape[0] == 0:
        raise ValueError(f"{name}: expected a first axis with elements, got x0 {x0.shape} and x1 {x1.shape}")
    return x0, x1


def total(x):
    """Sum of all elements of an array; float16 is summed in, and returned as, float32."""
    return accumulate(x, tuple(range(x.ndim)))


class SoftmaxCrossEntropy(Function):
    """y = mean of -log p[t], p = softmax(x);  gx = (p - one-hot t) gy / N."""

    def __init__(self, t):
        self.t = t

    def forward(self, x):
        N = len(x)
        e = x - maximum(x, axis=1)
        picked = e[np.arange(N), self.t]
        self.e = np.exp(e, out=e)
        self.total = row_sums(e)[:, None]
        return narrow(total(np.log(self.total[:, 0]) - picked) / N, e.dtype)

    def backward(self, gy):
        return SoftmaxCrossEntropyGrad(self.t, self.e, self.total)(self.inputs[0], gy)


class SoftmaxCrossEntropyGrad(Function):
    """gx = (p - one-hot t) gy / N, p = softmax(x), without a one-hot array; e and total, p = e / total, are given.

    The gradient with respect to x: p (s - sum(p s)), s = ggx gy / N;  with respect to gy: sum(ggx gx / gy).
    """

    def __init__(self, t, e, total):
        self.t = t
        self.e = e
        self.total = total

    def forward(self, x, gy):
        N = len(x)
        share = widen(gy) / N
        gx = self.e * (share / self.total)
        gx[np.arange(N), self.t] -= share
        return narrow(gx, self.e.dtype)

    def backward(self, ggx):
        x, gy = self.inputs
        N = len(x)
        p = softmax(x)
        s = p * ggx
        row = sum(s, axis=1, keepdims=True)
        picked = get_item(ggx, (np.arange(N), self.t))
        return (s - p * row) * (gy * (1 / N)), mean(row) - mean(picked)


def softmax_cross_entropy(x, t):
    """Mean of -log softmax(x)[t].  x (N, C) logits, t (N,) labels, integers 0 to C - 1 -> (). [step 47]

    Stable for all logits. Raises TypeError unless labels are integers, ValueError if shapes do not match or a
    label is out of range.
    """
    x = as_input(x, "softmax_cross_entropy")
    t = as_labels("softmax_cross_entropy", x, t)
    return SoftmaxCrossEntropy(t)(x)


def softmax_cross_entropy_simple(x, t):
    """softmax_cross_entropy composed of basic functions. Probabilities below 1e-15 have no gradient. [step 47]"""
    x = as_input(x, "softmax_cross_entropy_simple")
    t = as_labels("softmax_cross_entropy_simple", x, t)
    p = clip(softmax_simple(x), 1e-15, 1.0)  # log(0) would be -inf
    return -1 * mean(log(p)[np.arange(len(x)), t])


def as_labels(name, x, t):
    """Array of labels, checked against the logits x."""
    t = t.data if isinstance(t, Variable) else np.asarray(t)
    if x.ndim != 2 or t.shape != x.shape[:1] or len(t) == 0:
        raise ValueError(f"{name}: expected x (N, C) and t (N,), N at least 1, got x {x.shape} and t {t.shape}")
    check_indices(name, t, x.shape[1])
    return t
