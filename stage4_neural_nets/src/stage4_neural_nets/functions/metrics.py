"""Metrics, which have no gradient."""

import numpy as np

from ..core import Variable, as_array
from .shape import check_indices


def accuracy(y, t):
    """Fraction of rows of y whose maximum is at the label, without a gradient.  y (N, C), t (N,). [step 50]

    A row with nan counts as wrong. Raises TypeError unless labels are integers, ValueError if shapes do not
    match or a label is not from 0 to C - 1.
    """
    if any(a is None or (isinstance(a, Variable) and a.data is None) for a in (y, t)):
        raise TypeError("accuracy: expected y (N, C) and t (N,), got None")
    y, t = (a.data if isinstance(a, Variable) else np.asarray(a) for a in (y, t))
    if y.ndim != 2 or t.size != len(y) or t.size == 0:
        raise ValueError(f"accuracy: expected y (N, C) and t (N,), N at least 1, got y {y.shape} and t {t.shape}")
    check_indices("accuracy", t, y.shape[1])
    right = (y.argmax(axis=1) == t.reshape(-1)) & (y == y).all(axis=1)
    return Variable(as_array(right.mean()))
