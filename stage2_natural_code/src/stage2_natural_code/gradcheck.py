"""Numerical differentiation, to check backpropagation."""

import numpy as np

from .core import Variable, as_array


def numerical_diff(f, x, eps=1e-4):
    """Central difference (f(x + eps) - f(x - eps)) / (2 eps), computed in float64. [step 4]

    f: maps a Variable to a Variable. All elements of x change together, so for an array this is the
    derivative of each element only if f is elementwise.
    """
    if not isinstance(x, Variable):
        raise TypeError(f"numerical_diff: expected a Variable, got {type(x)}; use Variable(np.array(...))")
    point = x.data.astype(np.float64)  # float32 would round x - eps and x + eps
    x0 = Variable(as_array(point - eps))
    x1 = Variable(as_array(point + eps))
    y0 = f(x0)
    y1 = f(x1)
    return (y1.data - y0.data) / (2 * eps)
