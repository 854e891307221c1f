"""Computations that detect mutants which the others do not: odd functions of the user, shared memory, small details."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import SHAPES_ONLY
from . import computation


@computation(step=4, order=0, cases=SHAPES_ONLY, dtypes=("float64",))
def error_of_central_differences(fw: Any) -> Any:
    """The central difference of x^3 at 0 is eps^2, with the default eps and another"""
    if fw.name == "torch":
        return [np.array(eps**2) for eps in (1e-4, 1e-2)]
    x = fw.Variable(np.array(0.0))
    ys = fw.numerical_diff(cube(fw), x), fw.numerical_diff(cube(fw), x, 1e-2)
    return [np.array(fw.array(y)) for y in ys]


def cube(fw: Any) -> Any:
    return fw.function(lambda x: x * x * x, lambda gy, x: 3 * x * x * gy)
