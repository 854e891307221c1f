"""Metrics, which have no gradient."""

from .. import cuda
from ..core import Variable, as_array
from .shape import check_indices, to_device_of


def accuracy(y, t):
    """Fraction of rows of y whose maximum is at the label, without a gradient.  y (N, C), t (N,). [step 50]

    A row with nan counts as wrong. Raises TypeError unless labels are integers, ValueError if shapes do not
    match or a label is not from 0 to C - 1.
    """
    if any(a is None or (isinstance(a, Variable) and a.data is None) for a in (y, t)):
        raise TypeError("accuracy: expected y (N, C) and t (N,), got None")
    y = cuda.get_array_module(y).asarray(cuda.data_of(y))
    t = to_device_of("accuracy", y, t)
    if y.ndim != 2 or t.size != len(y) or t.size == 0:
        raise ValueError(f"accuracy: expected y (N, C) and t (N,), N at least 1, got y {y.shape} and t {t.shape}")
    check_indices("accuracy", t, y.shape[1])
    right = (y.argmax(axis=1) == t.reshape(-1)) & (y == y).all(axis=1)
    return Variable(as_array(right.mean()))
