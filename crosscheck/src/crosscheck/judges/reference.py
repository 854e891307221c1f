"""PyTorch in float64 on the same inputs: shapes, dtypes, and distances in eps."""

from collections.abc import Iterator

import numpy as np

from ..compare import distance, mismatch, shorten
from ..trial import Failure, Result, Trial
from .differences import witness


def compared(trial: Trial) -> Iterator[tuple[Result, float | None, str | None]]:
    """Each result, its distance from PyTorch in eps (None if shape or dtype differ), and its mismatch, if any."""
    assert trial.reference is not None
    precise, same = trial.reference.precise.arrays(), trial.reference.same.arrays()
    for ours, exact, theirs in zip(trial.outcome.arrays(), precise, same, strict=False):  # early stages stop at order 1
        a, r = ours.array, exact.array
        text = mismatch(a, r.astype(a.dtype) if trial.case.integer else theirs.array)
        if text is not None:
            yield ours, None, text
            continue
        far = distance(a, r, trial.dtype)
        allowed = max(trial.allowed, 4 * distance(theirs.array, r, trial.dtype))
        if not far <= allowed:
            text = f"{far:.3g} eps from PyTorch, {allowed:.3g} allowed: {shorten(a)}, PyTorch has {shorten(r)}"
        yield ours, far, text


def distance_from_reference(trial: Trial) -> float | None:
    """The largest distance in a trial, or None if there is nothing to measure."""
    far = [] if trial.reference is None else [far for _, far, _ in compared(trial) if far is not None]
    return max(far, default=None)


def against_reference(trial: Trial) -> Iterator[Failure]:
    """Report the first mismatch per order, and for gradients which side agrees with central differences."""
    if trial.reference is None:
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
