"""Functions with results that are not differentiated (comparisons, argmax, one_hot, sign), and where, which uses them.

The results are constants: functions that use them compute no gradient for them.
"""

import operator

import numpy as np

from .. import cuda
from ..core import Cast, Function, Variable, as_input, as_operand
from .broadcast import sum_to
from .reduce import axes_of
from .shape import check_indices, is_array


class Compare(Function):
    """y = x0 compared with x1: bool, without gradient."""

    not_differentiated = (0, 1)

    def __init__(self, relation):
        self.relation = relation

    def forward(self, x0, x1):
        return self.relation(x0, x1)

    def backward(self, gy):
        return None, None


def compare(relation, x0, x1):
    """The constant relation(x0, x1); one of x0 and x1 may be a number."""
    return as_constant(Compare(relation)(as_operand(x0, x1), as_operand(x1, x0)))


def as_constant(y):
    """Mark a Variable as a constant: no gradient is computed for it."""
    y.constant = True
    return y


def equal(x0, x1):
    """Whether x0 == x1, elementwise: a constant of bool. (`==` of Variables compares identity.) [not in the book]"""
    return compare(operator.eq, x0, x1)


def not_equal(x0, x1):
    """Whether x0 != x1, elementwise: a constant of bool. [not in the book]"""
    return compare(operator.ne, x0, x1)


def less(x0, x1):
    """Whether x0 < x1, elementwise: a constant of bool. [not in the book]"""
    return compare(operator.lt, x0, x1)


def less_equal(x0, x1):
    """Whether x0 <= x1, elementwise: a constant of bool. [not in the book]"""
    return compare(operator.le, x0, x1)


def greater(x0, x1):
    """Whether x0 > x1, elementwise: a constant of bool. [not in the book]"""
    return compare(operator.gt, x0, x1)


def greater_equal(x0, x1):
    """Whether x0 >= x1, elementwise: a constant of bool. [not in the book]"""
    return compare(operator.ge, x0, x1)


class Where(Function):
    """y = x0 where the condition is True, otherwise x1;  gx0 = gy there, otherwise 0;  gx1 = gy elsewhere."""

    not_differentiated = (0,)

    def forward(self, condition, x0, x1):
        return self.xp.where(condition, x0, x1)

    def backward(self, gy):
        condition, x0, x1 = self.inputs
        gx0 = None if x0.constant else sum_to(where(condition, gy, 0), x0.shape)
        gx1 = None if x1.constant else sum_to(where(condition, 0, gy), x1.shape)
        return None, gx0, gx1


def where(condition, x0, x1):
    """x0 where the condition is True, otherwise x1; all three broadcast, and x0, x1 may be numbers. [not in the book]

    Raises TypeError unless the condition is an array or a Variable of bool.
    """
    condition = as_input(condition, "where")
    if condition.dtype != bool:
        raise TypeError(f"where: expected a condition of bool, got {condition.dtype}")
    x0_or, x1_or = (condition if np.isscalar(x) else x for x in (x0, x1))
    return Where()(condition, as_operand(x0, x1_or), as_operand(x1, x0_or))


class ArgMax(Function):
    """y = the first index of the maximum, or of nan, along an axis, or of the flattened array; without gradient."""

    not_differentiated = (0,)

    def __init__(self, axis, keepdims):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        return self.index(x).astype(np.int64)

    def index(self, x):
        return self.xp.asarray(x.argmax(self.axis, keepdims=self.keepdims))

    def backward(self, gy):
        return None


class ArgMin(ArgMax):
    """y = the first index of the minimum, or of nan, along an axis, or of the flattened array; without gradient."""

    def index(self, x):
        return self.xp.asarray(x.argmin(self.axis, keepdims=self.keepdims))


def argmax(x, axis=None, keepdims=False):
    """Index of the maximum along an axis, or in the flattened array: a constant of int64. [not in the book]

    The first one in a tie, the first nan if there is one. Raises ValueError if there are no elements.
    """
    return as_constant(ArgMax(axis, keepdims)(with_elements("argmax", x, axis)))


def argmin(x, axis=None, keepdims=False):
    """Index of the minimum along an axis, or in the flattened array: a constant of int64. [not in the book]

    The first one in a tie, the first nan if there is one. Raises ValueError if there are no elements.
    """
    return as_constant(ArgMin(axis, keepdims)(with_elements("argmin", x, axis)))


def with_elements(name, x, axis):
    """x as a Variable. Raises ValueError if it has no elements along the axis."""
    x = as_input(x, name)
    if any(x.shape[i] == 0 for i in axes_of(name, axis, x.ndim)):
        raise ValueError(f"{name}: expected at least one element along axis {axis}, got x {x.shape}")
    return x


class OneHot(Function):
    """y[..., c] = 1 where t = c, otherwise 0; without gradient."""

    not_differentiated = (0,)

    def __init__(self, size, dtype):
        self.size = size
        self.dtype = dtype

    def forward(self, t):
        check_indices("one_hot", t, self.size)
        return (t[..., None] == self.xp.arange(self.size)).astype(self.dtype)

    def backward(self, gy):
        return None


def one_hot(t, size, dtype=np.float32):
    """Classes as rows with a single 1.  t (...) integers from 0 to size - 1 -> (..., size). [not in the book]

    Raises TypeError unless t are integers, ValueError for a class out of range, also for -1.
    """
    if not (isinstance(size, (int, np.integer)) and size >= 1):
        raise ValueError(f"one_hot: expected a positive number of classes, got {size!r}")
    return as_constant(OneHot(size, dtype)(as_indices("one_hot", t)))


def as_indices(name, t, x=None):
    """Indices or labels as a Variable of integers; an array or a list that is not on a GPU moves to the device of x.

    Raises TypeError unless they are integers.
    """
    if not isinstance(t, Variable):
        xp = np if x is None else x.xp
        if not is_array(t):
            t = xp.asarray(t, int if np.size(t) == 0 else None)
        t = t if cuda.is_on_gpu(t) else xp.asarray(t)
    t = as_input(t, name)
    if t.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got {t.dtype}")
    return t


def in_float32(x):
    """x, float16 as float32: squares would leave the range of float16."""
    return cast(x, np.float32) if x.dtype == np.float16 else x


class Sign(Function):
    """y = -1, 0 or 1, or nan;  gx = 0."""

    def forward(self, x):
        return self.xp.sign(x)

    def backward(self, gy):
        return Variable(gy.xp.zeros_like(gy.data))


def sign(x):
    """Sign of x, elementwise: -1, 0 or 1, and nan for nan; its gradient is 0. [not in the book]

    Raises TypeError for booleans.
    """
    x = as_input(x, "sign")
    if x.dtype.kind == "b":
        raise TypeError("sign: expected numbers, got bool")
    return Sign()(x)


class Discretize(Cast):
    """y = x as integers or booleans, without gradient."""

    not_differentiated = (0,)

    def backward(self, gy):
        return None


def cast(x, dtype):
    """x in another dtype; a constant if those are integers or booleans. [not in the book]

    Raises TypeError for a dtype that is not of real numbers.
    """
    x, dtype = as_input(x, "cast"), np.dtype(dtype)
    if dtype.kind not in "biuf":
        raise TypeError(f"cast: expected a dtype of real numbers, got {dtype}")
    if x.dtype == dtype:
        return x
    return Cast(dtype)(x) if dtype.kind == "f" else as_constant(Discretize(dtype)(x))
