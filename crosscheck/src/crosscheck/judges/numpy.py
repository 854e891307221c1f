"""NumPy on the same integers: dtypes, values that wrap around, and results that share memory with inputs."""

from collections.abc import Iterator

from ..compare import distance, mismatch, same_bytes, shorten
from ..trial import Failure, Trial

ROUNDING = 4.0  # eps; a function of the stages may add in another order


def against_numpy(trial: Trial) -> Iterator[Failure]:
    """Values at integers have the dtype that NumPy gives, and integers exactly its values."""
    if not trial.case.integer or trial.in_numpy is None:
        return
    for ours, theirs in zip(trial.outcome.arrays(), trial.in_numpy.arrays(), strict=False):  # without gradients
        a, r = ours.array, theirs.array
        text = mismatch(a, r, "NumPy")
        close = distance(a, r, a.dtype) <= ROUNDING if a.dtype.kind == "f" else same_bytes(a, r)
        if text or not close:
            said = text or f"{shorten(a)}, NumPy has {shorten(r)}"
            yield Failure("numpy", f"{trial.case.name}: {ours.name}: {said}")
