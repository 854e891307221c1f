"""Stage N+1 is bit-equal to stage N."""

from collections.abc import Iterator

from ..compare import same_bytes, shorten
from ..trial import Failure, Trial


def against_stage_before(trial: Trial) -> Iterator[Failure]:
    """Bit-equal to the previous stage, up to the order that it supports."""
    if trial.before is None:
        return
    before, outcome = trial.before
    for ours, theirs in zip(trial.outcome.arrays(), outcome.arrays(), strict=False):
        if not same_bytes(ours.array, theirs.array):
            both = f"{shorten(ours.array)}, {before} has {shorten(theirs.array)}"
            yield Failure("stage", f"{trial.case.name}: {ours.name}: not bit-equal to {before}: {both}")
