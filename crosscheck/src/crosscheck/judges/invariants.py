"""What holds for every framework: inputs stay as they are, gradients are its own, two runs agree to the bit."""

from collections.abc import Iterator

from ..compare import same_bytes
from ..trial import Failure, Trial


def invariants(trial: Trial) -> Iterator[Failure]:
    """Both runs make the same array calls on the same shapes, so their results have the same bytes."""
    for text in trial.again.broken:
        yield Failure("invariant", f"{trial.case.name}: {text}")
    if trial.framework.device != "cpu":  # a GPU may add in another order each time
        return
    for first, second in zip(trial.outcome.arrays(), trial.again.arrays(), strict=False):  # again is of order 1
        if not same_bytes(first.array, second.array):
            yield Failure("invariant", f"{trial.case.name}: {first.name}: another answer the second time")
