"""Invariants of every framework: inputs are not modified, gradients are not shared, two runs are bit-equal."""

from collections.abc import Iterator

from ..compare import same_bytes
from ..trial import Failure, Trial


def invariants(trial: Trial) -> Iterator[Failure]:
    """Both runs make the same array calls on the same shapes, so their results must be bit-equal."""
    for text in trial.again.broken:
        yield Failure("invariant", f"{trial.case.name}: {text}")
    if trial.framework.device != "cpu":  # a GPU may add in any order
        return
    for first, second in zip(trial.outcome.arrays(), trial.again.arrays(), strict=False):  # order 1 only
        if not same_bytes(first.array, second.array):
            yield Failure("invariant", f"{trial.case.name}: {first.name}: a different result in the second run")
