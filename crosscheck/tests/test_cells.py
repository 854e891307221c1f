"""Every cell of the matrix as a test."""

import pytest

from crosscheck.computations import DTYPES, all_computations
from crosscheck.frameworks import load_stage, load_torch
from crosscheck.ledger import Ledger
from crosscheck.runner import Runner
from crosscheck.stages import STAGES

TORCH = load_torch()
RUNNER = Runner([*(load_stage(stage) for stage in STAGES), TORCH], TORCH, ledger=Ledger.read())
CELLS = RUNNER.cells(all_computations(), DTYPES)


@pytest.mark.parametrize(
    ("computation", "framework", "dtype"), CELLS, ids=[f"{c.name}/{f.name}/{d}" for c, f, d in CELLS]
)
def test_cell(computation, framework, dtype):
    cell = RUNNER.run(computation, framework, dtype)
    assert cell.ok, "\n".join(f"{failure.kind}: {failure.text}" for failure in cell.failures)


def test_the_ledger_has_no_stale_entries():
    names = {(c.name, dtype) for c, _, dtype in CELLS if c.raises is None}
    assert {(name, dtype) for name, entries in Ledger.read().distances.items() for dtype in entries} <= names


def test_there_are_cells():
    assert len(CELLS) > 50
