"""PyTorch in float64 on the same inputs: shapes, dtypes, and distances in eps."""

import functools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..compare import distance, mismatch, shorten
from ..computations import DEFAULT_BUDGET
from ..trial import Failure, Result, Trial
from .differences import witness


@functools.lru_cache(maxsize=1)  # the verdict and the distance of a trial need the same
def compared(trial: Trial) -> list[tuple[Result, float | None, str | None]]:
    """Each result, its distance from PyTorch in eps (None if shape or dtype differ), and its mismatch, if any.

    A distance is allowed up to the computation's budget, or 4 times the distance of PyTorch itself in this dtype, or
    the default budget times the condition number of the result, which is measured only if the others are exceeded. A
    loss of a training run has its budget alone.
    """
    assert trial.reference is not None
    found: list[tuple[Result, float | None, str | None]] = []
    precise, same = trial.reference.precise.arrays(), trial.reference.same.arrays()
    for i, (ours, exact, theirs) in enumerate(zip(trial.outcome.arrays(), precise, same, strict=False)):
        a, r = ours.array, exact.array
        dtype = trial.dtype
        if trial.case.integer:  # the dtype is NumPy's
            dtype = a.dtype if a.dtype.kind == "f" else dtype
            theirs = replace(theirs, array=r.astype(a.dtype))
        text = mismatch(a, theirs.array)
        if text is not None:
            found.append((ours, None, text))
            continue
        far = distance(a, r, dtype)
        allowed = trial.allowed
        if not far <= allowed:
            allowed = max(allowed, 4 * distance(theirs.array, r, dtype))
        if not far <= allowed and trial.case.smooth and not trial.computation.curve:
            allowed = max(allowed, by_condition(trial.reference.conditions[i], trial.dtype))
        if not far <= allowed:
            text = f"{far:.3g} eps from PyTorch, {allowed:.3g} allowed: {shorten(a)}, PyTorch has {shorten(r)}"
        found.append((ours, far, text))
    return found


def by_condition(number: float, dtype: np.dtype[Any]) -> float:
    """The distance allowed for a result with this condition number; at least half of the digits must agree."""
    return min(DEFAULT_BUDGET * number, math.sqrt(1 / float(np.finfo(dtype).eps)))


def distance_from_reference(trial: Trial) -> float | None:
    """The largest distance in a trial, or None if there is nothing to measure."""
    if trial.reference is None or trial.case.small:
        return None
    return max((far for _, far, _ in compared(trial) if far is not None), default=None)


def against_reference(trial: Trial) -> Iterator[Failure]:
    """Report the first mismatch per order, and for gradients which side agrees with central differences."""
    if trial.reference is None or (trial.case.small and trial.in_numpy is not None):  # values may wrap around
        return
    case, ours, theirs = trial.case.name, len(trial.outcome.values), len(trial.reference.precise.values)
    if ours != theirs:
        yield Failure("value", f"{case}: {ours} outputs, PyTorch has {theirs}")
        return
    wrong: set[int] = set()
    for result, _, text in compared(trial):
        if text is None or (result.order and result.order in wrong):
            continue
        wrong.add(result.order)
        if result.order == 0:
            yield Failure("value", f"{case}: {result.name}: {text}")
            yield Failure("torch", f"{case}: {result.name}: refuted by PyTorch")
        else:
            said = f"; {witness(trial, result.order)}" if trial.sloped else ""
            yield Failure("torch", f"{case}: {result.name}: {text}{said}")


def off(trial: Trial) -> float:
    """The largest distance of PyTorch in the dtype of the trial from PyTorch in float64."""
    if trial.reference is None:
        return 0.0
    pairs = zip(trial.reference.precise.arrays(), trial.reference.same.arrays(), strict=True)
    far = [distance(b.array, a.array, np.dtype(trial.dtype)) for a, b in pairs if a.array.shape == b.array.shape]
    return max(far, default=0.0)
