"""Compare a GPU with the CPU."""

from collections.abc import Iterator

import numpy as np

from ..compare import distance, mismatch, shorten
from ..trial import Failure, Trial
from .reference import off


def against_cpu(trial: Trial) -> Iterator[Failure]:
    """Equal shapes and dtypes, and values within twice the tolerance of either."""
    if trial.on_cpu is None:
        return
    allowed = 2 * trial.computation.allowed(str(trial.dtype)) + 8 * off(trial)
    for there, here in zip(trial.outcome.arrays(), trial.on_cpu.arrays(), strict=True):
        text = mismatch(there.array, here.array, "the CPU")
        far = 0.0 if text else distance(there.array, here.array.astype(np.float64), trial.dtype)
        if text or not far <= allowed:
            said = text or f"{far:.3g} eps from the CPU: {shorten(there.array)}, the CPU has {shorten(here.array)}"
            yield Failure("device", f"{trial.case.name}: {there.name}: {said}")
