"""The tolerance baseline: no cell may be much farther from PyTorch than its ledger entry."""

from collections.abc import Iterator

from ..ledger import Ledger
from ..trial import Failure


def baseline(ledger: Ledger, computation: str, dtype: str, distance: float) -> Iterator[Failure]:
    """Judge a whole cell by its largest distance."""
    allowed = ledger.allowed(computation, dtype)
    if allowed is None:
        yield Failure("ledger", "not in the ledger: crosscheck run --update-ledger")
    elif distance > allowed:
        yield Failure("ledger", f"{distance:.3g} eps from the oracle; the ledger allows {allowed:.3g}")
