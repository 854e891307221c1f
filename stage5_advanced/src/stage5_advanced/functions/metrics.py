"""Measures that are not differentiated."""

from .. import cuda
from ..core import Variable, as_array
from .shape import beside


def accuracy(y, t):
    """The share of rows whose largest score is that of their class, a number without a gradient. [step 50]

    y (N, C) scores, t (N,) classes.
    """
    y = cuda.get_array_module(y).asarray(cuda.data_of(y))
    t = beside("accuracy", y, t)
    if y.ndim != 2 or t.size != len(y):
        raise ValueError(f"accuracy: y {y.shape}, t {t.shape} came, y (N, C) and t (N,) are needed")
    return Variable(as_array((y.argmax(axis=1).reshape(t.shape) == t).mean()))
