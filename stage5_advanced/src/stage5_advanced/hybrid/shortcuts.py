"""Shortcuts: `forward` of some functions for arrays of known shapes and dtypes, with the bits of `forward`.

What `forward` decides anew at each call is decided once here, and constants are created once, as arrays: NumPy takes
twice as long for a small array and a Python number. A shortcut is made for a function and arrays of these shapes and
dtypes; None means that `forward` is called.
"""

import math
from operator import attrgetter

import numpy as np

from ..functions import (
    Add,
    Cos,
    Div,
    Exp,
    Linear,
    Log,
    MatMul,
    Mul,
    Neg,
    Pow,
    Sigmoid,
    Sin,
    SoftmaxCrossEntropy,
    Sub,
    SumTo,
    Tanh,
    Transpose,
)
from ..functions.arithmetic import exponent
from ..functions.broadcast import LONG
from ..functions.loss import SoftmaxCrossEntropyGrad
from ..functions.reduce import SHORT, maximum
from ..functions.shape import check_indices

FLOATS = "float32", "float64"
exp_up_to_inf = np.errstate(over="ignore")(np.exp)
FEW = 32  # columns: the maximum of each row is found sooner in a transposed copy


def shortcut(f, xs):
    """What to call instead of the forward of a function f, for arrays like xs."""
    make = SHORTCUTS.get(type(f))
    simple = make is not None and all(type(x) is np.ndarray for x in xs)
    return (make if isinstance(make, np.ufunc) else make(f, *xs)) if simple else None


def matmul(f, x, W):
    """A product of matrices."""
    return np.matmul if x.ndim == W.ndim == 2 else None


def transpose(f, x):
    """The reversed order of axes."""
    return attrgetter("T") if f.axes is None else None


def power(f, x):
    """The exponent as it is for the dtype of x."""
    c = exponent(f.c, x)
    return lambda x: x**c


def linear(f, x, W, b=None):
    """x (N, D), W (D, H), b (H,), all of one dtype."""
    if x.ndim != 2 or b is None or b.shape != W.shape[1:] or not x.dtype == W.dtype == b.dtype:
        return None

    def rows(x, W, b):
        y = np.matmul(x, W)
        return np.add(y, b, y)

    def row(x, W, b):
        y = np.matmul(x, W)
        only = y[0]
        np.add(only, b, only)  # without broadcasting, which takes NumPy longer than the sum
        return y

    return row if len(x) == 1 else rows


def sigmoid(f, x):
    """Numbers are arrays, and results are written to the first one."""
    if x.dtype not in FLOATS or x.ndim == 0:
        return None
    one, minus_one = np.array(1, x.dtype), np.array(-1, x.dtype)

    def run(x):
        y = np.multiply(minus_one, x)
        exp_up_to_inf(y, y)
        np.add(one, y, y)
        return np.divide(one, y, y)

    return run


def sum_to(f, x):
    """A sum over the first axes, with few terms, which is not split."""
    lead = x.ndim - len(f.shape)
    if x.dtype not in FLOATS or f.shape != x.shape[lead:] or not f.shape or math.prod(x.shape[:lead]) > LONG:
        return None
    axes = tuple(range(lead))
    return lambda x: np.add.reduce(x, axes)


def softmax_cross_entropy(f, x, t):
    """Labels are compared with the largest one as unsigned numbers, where negative ones are large."""
    N, C = x.shape
    if x.dtype not in FLOATS or t.dtype.kind not in "iu" or C > SHORT:
        return None
    rows, ones = np.arange(N), np.ones(C, x.dtype)
    unsigned = np.dtype(f"u{t.itemsize}")

    def run(x, t):
        if np.maximum.reduce(t.view(unsigned)) >= C:
            check_indices("softmax_cross_entropy", t, C)
        e = x - (np.maximum.reduce(x.T.copy(), 0)[:, None] if C <= FEW else maximum(x, 1))
        picked = e[rows, t]
        f.e = np.exp(e, e)
        total = np.matmul(e, ones)
        f.total = total[:, None]
        losses = np.log(total)
        losses -= picked
        return np.add.reduce(losses) / N

    return run


def softmax_cross_entropy_gradient(f, x, t, gy):
    """Reads e and total of the loss when it is called."""
    if x.dtype not in FLOATS or gy.dtype != x.dtype:
        return None
    N = np.array(len(x), x.dtype)
    rows = np.arange(len(x))

    def run(x, t, gy):
        share = gy / N
        gx = f.loss.e * (share / f.loss.total)
        gx[rows, t] -= share
        return gx

    return run


SHORTCUTS = {
    Add: np.add,
    Cos: np.cos,
    Div: np.true_divide,
    Exp: np.exp,
    Linear: linear,
    Log: np.log,
    MatMul: matmul,
    Mul: np.multiply,
    Neg: np.negative,
    Pow: power,
    Sigmoid: sigmoid,
    Sin: np.sin,
    SoftmaxCrossEntropy: softmax_cross_entropy,
    SoftmaxCrossEntropyGrad: softmax_cross_entropy_gradient,
    Sub: np.subtract,
    SumTo: sum_to,
    Tanh: np.tanh,
    Transpose: transpose,
}
