"""Two runs on the same inputs are bit-equal."""

from collections.abc import Iterator

from ..compare import same_bytes
from ..trial import Failure, Trial


def against_second_run(trial: Trial) -> Iterator[Failure]:
    """Both runs make the same array calls on the same shapes, so their results must be bit-equal."""
    if not trial.twice:
        return
    for text in trial.again.broken:
        yield Failure("invariant", f"{trial.case.name}: {text} in the second run")
    if trial.framework.device != "cpu" or not trial.framework.deterministic:  # a GPU may add in any order
        return
    for first, second in zip(trial.outcome.arrays(), trial.again.arrays(), strict=False):  # order 1 only
        if not same_bytes(first.array, second.array):
            yield Failure("invariant", f"{trial.case.name}: {first.name}: a different result in the second run")
