"""Compare two results: shape, dtype and values, and their distance in eps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .frameworks.base import Array


def same_bytes(a: Array, b: Array) -> bool:
    """Whether two arrays are bit-equal, including shape, dtype and the sign of zero; all NaNs count as equal."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    if a.dtype.itemsize <= 8 and np.array_equal(bits(a), bits(b)):
        return True
    nan = np.isnan(a)
    return bool(np.array_equal(nan, np.isnan(b))) and a[~nan].tobytes() == b[~nan].tobytes()


def bits(a: Array) -> Array:
    """The elements as unsigned integers."""
    return np.ascontiguousarray(a).view(f"u{a.dtype.itemsize}")


def not_finite(a: Array) -> Array:
    """Different codes for nan, inf and -inf; 0 for finite elements."""
    return np.where(np.isnan(a), 2, np.where(np.isinf(a), np.sign(a), 0))


def distance(a: Array, reference: Array, dtype: np.dtype[Any]) -> float:
    """max|a - r| / (eps max|r|) over elements that are finite in both; r is float64, eps that of dtype.

    If r is all zeros, the distance is max|a| / eps, an absolute error in eps.
    """
    if a is reference:  # PyTorch in float64 is its own reference
        return 0.0
    if a.dtype.kind == "b":
        return 0.0 if np.array_equal(a, reference) else math.inf
    both = np.isfinite(a) & np.isfinite(reference)
    if not both.all():
        a, reference = a[both], reference[both]
    if not a.size:
        return 0.0
    a, reference = a.astype(np.float64, copy=False), reference.astype(np.float64, copy=False)
    scale = float(np.max(np.abs(reference)))
    error = float(np.max(np.abs(a / scale - reference / scale))) if scale > 0 else float(np.max(np.abs(a)))
    return error / float(np.finfo(dtype).eps)


def mismatch(a: Array, same: Array, whose: str = "PyTorch") -> str | None:
    """A difference that rounding does not explain: shape, dtype, or the positions of nan and inf."""
    if a.shape != same.shape:
        return f"shape {a.shape}, {whose} has {same.shape}"
    if a.dtype != same.dtype:
        return f"dtype {a.dtype}, {whose} has {same.dtype}"
    if a.dtype.kind != "f" or (np.isfinite(a).all() and np.isfinite(same).all()):
        return None
    if not np.array_equal(not_finite(a), not_finite(same)):
        return f"nan or inf at different positions: {shorten(a)}, {whose} has {shorten(same)}"
    return None


def shorten(a: Array) -> str:
    """An array on one line."""
    text = np.array2string(a, threshold=12, edgeitems=3, floatmode="unique", max_line_width=10_000)
    return " ".join(text.split())
