"""Losses: how far the answers are from the truth, as one number."""

import numpy as np

from ..core import Function, Variable, as_input
from .activation import softmax, softmax_simple
from .broadcast import sum_to
from .elementwise import clip, log
from .reduce import largest, sum
from .shape import get_item


class MeanSquaredError(Function):
    """y = sum (x0 - x1)^2 / N;  gx0 = 2 (x0 - x1) gy / N, gx1 = -gx0. N is the length of the first axis."""

    def forward(self, x0, x1):
        diff = x0 - x1
        self.N = len(diff)
        return (diff**2).sum() / self.N

    def backward(self, gy):
        x0, x1 = self.inputs
        gx0 = gy * (x0 - x1) * (2 / self.N)
        gx1 = None if x1.constant else sum_to(-gx0, x1.shape)
        return None if x0.constant else sum_to(gx0, x0.shape), gx1


def mean_squared_error(x0, x1):
    """The sum of squared differences over the length of axis 0 (for PyTorch: over all elements). [step 42]

    x0, x1: of one shape, or one of a shape that broadcasts to the other's; ValueError otherwise, and
    where there is nothing to take the mean of.
    """
    x0, x1 = as_input(x0), as_input(x1)
    check_pair("mean_squared_error", x0, x1)
    return MeanSquaredError()(x0, x1)


def mean_squared_error_simple(x0, x1):
    """The same of simple functions, whose intermediate arrays stay until backward. [step 42]"""
    x0, x1 = as_input(x0), as_input(x1)
    check_pair("mean_squared_error_simple", x0, x1)
    diff = x0 - x1
    return sum(diff**2) / len(diff)


def check_pair(name, x0, x1):
    """ValueError where broadcasting would make pairs that were not meant, such as (N, 1) with (N,)."""
    try:
        shape = np.broadcast_shapes(x0.shape, x1.shape)
    except ValueError:
        shape = None
    if shape not in (x0.shape, x1.shape):
        raise ValueError(f"{name}: x0 {x0.shape}, x1 {x1.shape} came, the same shape is needed")
    if len(shape) == 0 or shape[0] == 0:
        raise ValueError(f"{name}: x0 {x0.shape}, x1 {x1.shape} came, a first axis with elements is needed")


class SoftmaxCrossEntropy(Function):
    """y = mean of -log p[t], p = softmax(x);  gx = (p - one-hot t) gy / N."""

    def __init__(self, t):
        self.t = t

    def forward(self, x):
        N = len(x)
        e = x - largest(x, axis=1)
        picked = e[np.arange(N), self.t]
        self.e = np.exp(e, out=e)
        self.total = (e @ np.ones(x.shape[1], e.dtype))[:, None]  # e.sum(axis=1), several times faster
        return (np.log(self.total[:, 0]) - picked).sum() / N

    def backward(self, gy):
        return SoftmaxCrossEntropyGrad(self.t, self.e, self.total)(self.inputs[0], gy)


class SoftmaxCrossEntropyGrad(Function):
    """gx = (p - one-hot t) gy / N, p = softmax(x);  by x: p (s - sum(p s)), s = ggx gy / N;  by gy: sum(ggx gx / gy).

    p = e / total is handed over from the forward pass in its two parts. The one-hot is never made.
    """

    def __init__(self, t, e, total):
        self.t = t
        self.e = e
        self.total = total

    def forward(self, x, gy):
        N = len(x)
        gx = self.e * (gy / N / self.total)
        gx[np.arange(N), self.t] -= gy / N
        return gx

    def backward(self, ggx):
        x, gy = self.inputs
        N = len(x)
        p = softmax(x)
        s = p * ggx
        total = sum(s, axis=1, keepdims=True)
        picked = get_item(ggx, (np.arange(N), self.t))
        return (s - p * total) * (gy / N), (sum(total) - sum(picked)) / N


def softmax_cross_entropy(x, t):
    """The mean of -log softmax(x)[t].  x (N, C) scores, t (N,) classes 0 to C - 1, integers -> (). [step 47]

    Stable for any scores. TypeError for t that are no integers, ValueError for shapes that do not fit
    and for a class that is not there.
    """
    x = as_input(x)
    t = as_classes("softmax_cross_entropy", x, t)
    return SoftmaxCrossEntropy(t)(x)


def softmax_cross_entropy_simple(x, t):
    """The same of simple functions. Probabilities below 1e-15 are clipped and get no gradient. [step 47]"""
    x = as_input(x)
    t = as_classes("softmax_cross_entropy_simple", x, t)
    N = len(x)
    p = clip(softmax_simple(x), 1e-15, 1.0)  # log(0) would be -inf
    return -1 * sum(log(p)[np.arange(N), t]) / N


def as_classes(name, x, t):
    """The classes as an array of integers, checked against the scores x."""
    t = t.data if isinstance(t, Variable) else np.asarray(t)
    if t.dtype.kind not in "iu":
        raise TypeError(f"{name}: t of {t.dtype} came, classes are integers")
    if x.ndim != 2 or t.shape != x.shape[:1] or len(t) == 0:
        raise ValueError(f"{name}: x {x.shape}, t {t.shape} came, x (N, C) and t (N,) are needed, N at least 1")
    if t.min() < 0 or t.max() >= x.shape[1]:
        wrong = t.min() if t.min() < 0 else t.max()
        raise ValueError(f"{name}: class {wrong} came, x {x.shape} has the classes 0 to {x.shape[1] - 1}")
    return t
