"""The operators and array methods of Variable, assigned one by one."""

import functools

from .core import Variable
from .functions import (
    add,
    div,
    get_item,
    matmul,
    max,
    mean,
    min,
    mul,
    neg,
    pow,
    rdiv,
    reshape,
    rpow,
    rsub,
    sub,
    sum,
    transpose,
)


def setup_variable():
    """Assign the operators and methods of Variable. [step 23]"""
    Variable.__add__ = add
    Variable.__radd__ = add
    Variable.__mul__ = mul
    Variable.__rmul__ = mul
    Variable.__neg__ = neg
    Variable.__sub__ = sub
    Variable.__rsub__ = rsub
    Variable.__truediv__ = div
    Variable.__rtruediv__ = rdiv
    Variable.__pow__ = pow
    Variable.__rpow__ = rpow
    Variable._repr_html_ = repr_html
    Variable.__matmul__ = matmul
    Variable.__rmatmul__ = rmatmul
    Variable.__getitem__ = get_item
    Variable.__iter__ = rows

    Variable.reshape = reshape_to
    Variable.transpose = transpose_to
    Variable.T = property(transpose)
    Variable.sum = reduction(sum)
    Variable.mean = reduction(mean)
    Variable.max = reduction(max)
    Variable.min = reduction(min)
    Variable.matmul = matmul
    Variable.dot = matmul


def repr_html(x):
    """What a notebook shows of a variable; `dot` is imported when it is needed. [step 26, not in the book]"""
    from .dot import shown_with_graph

    return shown_with_graph(x)


def reshape_to(x, *shape):
    """`x.reshape(2, 3)`, `x.reshape((2, 3))` or `x.reshape([2, 3])`. [step 38]"""
    return reshape(x, unpack(shape))


def transpose_to(x, *axes):
    """`x.transpose()`, `x.transpose(1, 0, 2)`, `x.transpose((1, 0, 2))`. [step 38]"""
    return transpose(x, unpack(axes) or None)


def unpack(numbers):
    """The arguments as one sequence, passed separately or as one tuple or list."""
    if len(numbers) == 1 and (numbers[0] is None or isinstance(numbers[0], (tuple, list))):
        return numbers[0]
    return numbers


def reduction(function):
    """The method for a reduction: np.sum(x) calls x.sum(axis=None, out=None). [step 39, not in the book]"""

    @functools.wraps(function)
    def method(x, axis=None, keepdims=False, *, dtype=None, out=None):
        if dtype is not None or out is not None:
            raise TypeError(f"{function.__name__}: expected neither dtype nor out, got dtype {dtype} and out {out}")
        return function(x, axis, keepdims)

    return method


def rmatmul(W, x):
    """Reversed product x @ W, for an array x. [step 41, not in the book]"""
    return matmul(x, W)


def rows(x):
    """Iterate over x[0], x[1], ... Raises TypeError if x has no axis. [step 47, not in the book]"""
    return (x[i] for i in range(len(x)))
