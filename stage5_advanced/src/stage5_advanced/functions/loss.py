"""Losses: how far the answers are from the truth, as one number."""

import numpy as np

from ..core import Function, as_input
from .activation import sigmoid, softmax, softmax_simple
from .broadcast import sum_to
from .elementwise import clip, log
from .reduce import largest, sum
from .shape import beside, get_item, out_of_range


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
        picked = e[self.xp.arange(N), self.t]
        self.e = self.xp.exp(e, out=e)
        self.total = (e @ self.xp.ones(x.shape[1], e.dtype))[:, None]  # e.sum(axis=1), several times faster
        return (self.xp.log(self.total[:, 0]) - picked).sum() / N

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
        gx[self.xp.arange(N), self.t] -= gy / N
        return gx

    def backward(self, ggx):
        x, gy = self.inputs
        N = len(x)
        p = softmax(x)
        s = p * ggx
        total = sum(s, axis=1, keepdims=True)
        picked = get_item(ggx, (self.xp.arange(N), self.t))
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
    return -1 * sum(log(p)[x.xp.arange(N), t]) / N


def as_classes(name, x, t):
    """The classes as an array of integers, checked against the scores x."""
    t = beside(name, x.data, t)
    if t.dtype.kind not in "iu":
        raise TypeError(f"{name}: t of {t.dtype} came, classes are integers")
    if x.ndim != 2 or t.shape != x.shape[:1] or len(t) == 0:
        raise ValueError(f"{name}: x {x.shape}, t {t.shape} came, x (N, C) and t (N,) are needed, N at least 1")
    wrong = out_of_range(t, x.shape[1])
    if wrong is not None:
        raise ValueError(f"{name}: class {wrong} came, x {x.shape} has the classes 0 to {x.shape[1] - 1}")
    return t


class SigmoidCrossEntropy(Function):
    """y = -sum (t log p + (1 - t) log(1 - p)) / N, p = sigmoid(x);  gx = (p - t) gy / N."""

    def __init__(self, t):
        self.t = t

    def forward(self, x):
        xp = self.xp
        # log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), where nothing overflows; -1.0, for unsigned integers.
        y = xp.maximum(x, 0.0) - x * self.t + xp.log1p(xp.exp(-1.0 * xp.abs(x)))
        return y.sum() / len(x)

    def backward(self, gy):
        (x,) = self.inputs
        return (sigmoid(x) - self.t) * (gy / len(x))


def sigmoid_cross_entropy(x, t):
    """The loss of yes-or-no answers.  x scores, t of the same shape, from 0 (no) to 1 (yes) -> (). [beside step 60]

    -(t log p + (1 - t) log(1 - p)) with p = sigmoid(x), summed, over the length of axis 0 (for PyTorch's
    binary_cross_entropy_with_logits: over all elements). Finite for any finite scores. Axes of length 1
    may differ, as (N, 1) and (N,). t takes the dtype of x, and gets no gradient. ValueError for shapes that
    do not fit and for a t that is not in 0 to 1.
    """
    x = as_input(x)
    return SigmoidCrossEntropy(as_targets("sigmoid_cross_entropy", x, t))(x)


class BinaryCrossEntropy(Function):
    """y = -sum (t log p + (1 - t) log(1 - p)) / N;  gx = ((1 - t) / (1 - p) - t / p) gy / N."""

    def __init__(self, t):
        self.t = t

    def forward(self, p):
        xp, t = self.xp, self.t
        with np.errstate(divide="ignore"):  # to -inf, and then -100
            log_p = xp.maximum(xp.log(p), -100.0)
            log_q = xp.maximum(xp.log1p(-1.0 * p), -100.0)
        return ((t - 1) * log_q - t * log_p).sum() / len(p)

    def backward(self, gy):
        (p,), t = self.inputs, self.t
        # Where p is 0 or 1 there is nothing to divide by; these masks are constant, so bare data is enough.
        at_0, at_1 = ((p.data == end).astype(t.dtype) * 1e-12 for end in (0, 1))
        return ((1 - t) / (1 - p + at_1) - t / (p + at_0)) * (gy / len(p))


def binary_cross_entropy(p, t):
    """The same of probabilities p from 0 to 1, for models that end in a sigmoid. [beside step 60]

    -(t log p + (1 - t) log(1 - p)), summed, over the length of axis 0 (for PyTorch: over all elements).
    Logarithms are at least -100, as in PyTorch; where p is 0 or 1 and t the other, the gradient is 1e12, and
    everywhere else it is exact. A sigmoid rounds to 1 for scores above 37, in float32 above 17, and has no
    gradient there: sigmoid_cross_entropy has. ValueError as there, and for a p that is not in 0 to 1.
    """
    p = as_input(p)
    t = as_targets("binary_cross_entropy", p, t)
    if not ((p.data >= 0) & (p.data <= 1)).all():
        raise ValueError(f"binary_cross_entropy: p from {p.data.min()} to {p.data.max()} came, 0 to 1 is needed")
    return BinaryCrossEntropy(t)(p)


def as_targets(name, x, t):
    """The targets as an array of the shape and floating dtype of x, checked; for that the host waits for a GPU."""
    t = beside(name, x.data, t)
    if t.dtype.kind not in "fiub":
        raise TypeError(f"{name}: t of {t.dtype} came, numbers are needed")
    if x.ndim == 0 or len(x) == 0 or [n for n in x.shape if n != 1] != [n for n in t.shape if n != 1]:
        raise ValueError(f"{name}: {x.shape} and t {t.shape} came, the same shape is needed, with a first axis")
    if not ((t >= 0) & (t <= 1)).all():
        raise ValueError(f"{name}: t from {t.min()} to {t.max()} came, 0 to 1 is needed")
    return t.reshape(x.shape).astype(x.dtype if x.dtype.kind == "f" else float, copy=False)
