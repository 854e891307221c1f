"""Invariants of every framework: inputs are not modified, gradients are not shared, a second backward pass is equal."""

from collections.abc import Iterator

from ..trial import Failure, Trial


def invariants(trial: Trial) -> Iterator[Failure]:
    """What the run itself found to be violated."""
    for text in trial.outcome.broken:
        yield Failure("invariant", f"{trial.case.name}: {text}")
