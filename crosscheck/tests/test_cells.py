"""The tolerance baseline and the cells; the cells themselves are run by `crosscheck run`."""

from crosscheck.computations import all_computations
from crosscheck.ledger import Ledger


def test_the_ledger_has_no_stale_entries():
    names = {(c.name, dtype) for c in all_computations() if c.raises is None for dtype in c.dtypes}
    assert {(name, dtype) for name, entries in Ledger.read().distances.items() for dtype in entries} <= names
    assert len(names) > 50
