"""Invariants of every framework: inputs are not modified, memory is not shared, a second backward pass is equal."""

from collections.abc import Iterator

import numpy as np

from ..inputs import MEMORY
from ..trial import Failure, Trial


def invariants(trial: Trial) -> Iterator[Failure]:
    """What the run itself found to be violated."""
    for text in trial.outcome.broken:
        yield Failure("invariant", f"{trial.case.name}: {text}")
    case = trial.case
    if not trial.computation.cases >= MEMORY or trial.reference is None or case.integer or case.layout is not np.copy:
        return  # PyTorch has other inputs, or none
    for i, j in sorted(set(trial.outcome.shared) - set(trial.reference.same.shared)):
        if trial.in_numpy is None or (i, j) not in trial.in_numpy.shared:
            text = f"value {i} shares memory with input {j}, neither in PyTorch nor in NumPy"
            yield Failure("invariant", f"{trial.case.name}: {text}")
