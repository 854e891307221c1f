"""The report of a run: on the terminal, as JSON, as a web page."""

from __future__ import annotations

import math
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import __version__, ending
from ..cells import Cell
from ..coverage import Coverage
from ..frameworks.hybridized import PROGRAM

STATES = {
    "equal": "equal to PyTorch and central differences within rounding",
    "partial": "equal as far as compared: a custom framework without some orders of differentiation, or no PyTorch",
    "unsupported": "not supported by this stage yet; verified to fail as declared",
    "differs": "differs on purpose, for a declared reason",
    "error": "invalid input, rejected as declared",
    "failed": "not as declared",
}
SIGNS = {
    "equal": "=",
    "partial": "partial",
    "unsupported": "unsupported",
    "differs": "differs",
    "error": "error",
    "failed": "FAILED",
}


@dataclass
class Report:
    """All cells of a run, and what they were run with."""

    frameworks: dict[str, str]  # name -> version and place
    seed: int
    options: str = ""  # of the command line, to reproduce a cell
    expected: int = 0  # number of cells in a complete run
    cells: list[Cell] = field(default_factory=list)
    seconds: float = 0.0
    ended: str = ""  # interrupted or terminated
    coverage: Coverage | None = None  # of a full run
    settings: dict[str, str] = field(default_factory=dict)  # custom framework -> what it limits, such as its orders

    @property
    def ok(self) -> bool:
        return bool(self.cells) and all(cell.ok for cell in self.cells) and not self.uncovered and not self.ended

    @property
    def uncovered(self) -> list[str]:
        """What no computation compares, without a reason."""
        return self.coverage.missing if self.coverage else []

    @property
    def status(self) -> int:
        """The exit status."""
        return ending.STATUS[self.ended] if self.ended else 0 if self.ok else 1

    @property
    def ran(self) -> str:
        """How long the run took, and its seed."""
        return f"{len(self.cells):,} cells in {self.seconds:.1f} s, seed {self.seed}."

    @property
    def inherited(self) -> int:
        """Number of cells bit-equal to the previous stage, which PyTorch and central differences accepted."""
        return sum(cell.inherited and cell.state == "equal" for cell in self.cells)

    def counts(self) -> dict[str, int]:
        counted = Counter(cell.state for cell in self.cells)
        return {state: counted[state] for state in STATES if counted[state]}

    def programs(self) -> dict[str, list[str]]:
        """What computations given to hybridize are: "program", or why they have none -> their names."""
        found: dict[str, list[str]] = {}
        for name, columns in rows(self.cells).items():
            texts = [cell.program for cells in columns.values() for cell in cells if cell.program]
            if texts:
                found.setdefault(next((text for text in texts if text != PROGRAM), PROGRAM), []).append(name)
        return found

    def columns(self) -> list[str]:
        """The frameworks that have a cell."""
        return [name for name in self.frameworks if any(cell.framework == name for cell in self.cells)]

    def dtypes(self) -> list[str]:
        return list(dict.fromkeys(cell.dtype for cell in self.cells))

    def worst(self) -> Cell | None:
        """The cell furthest from the oracle among those with the default budget."""
        judged = [cell for cell in self.cells if cell.state in ("equal", "partial") and cell.framework != "torch"]
        usual = [cell for cell in judged if cell.distance is not None and not cell.computation.budget]
        return max(usual, key=lambda c: c.distance or 0.0, default=None)

    def as_json(self) -> dict[str, Any]:
        return {
            "crosscheck": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "frameworks": self.frameworks,
            "settings": self.settings,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "ok": self.ok,
            "ended": self.ended,
            "uncovered": self.uncovered,
            "coverage": self.coverage.as_json() if self.coverage else None,
            "counts": self.counts(),
            "inherited": self.inherited,
            "cells": [cell_as_json(cell) for cell in self.cells],
        }


def cell_as_json(cell: Cell) -> dict[str, Any]:
    data: dict[str, Any] = {
        "cell": cell.name,
        "computation": cell.computation.name,
        "step": cell.computation.step,
        "framework": cell.framework,
        "dtype": cell.dtype,
        "state": cell.state,
        "distance_eps": cell.distance,
        "inherited": cell.inherited,
        "order": cell.order,
        "order_asked": cell.asked,
        "lacks": cell.lacks,
        "reason": cell.reason,
        "failures": [{"kind": failure.kind, "text": failure.text} for failure in cell.failures],
        "seconds": round(cell.seconds, 4),
    }
    if cell.program:
        data["program"] = cell.program
    if cell.curve is not None:
        for key, losses in (("losses", cell.curve.losses), ("oracle_losses", cell.curve.oracle)):
            data[key] = [loss if math.isfinite(loss) else None for loss in losses]  # JSON has no nan
    return data


def rows(cells: Sequence[Cell]) -> dict[str, dict[str, list[Cell]]]:
    """computation -> framework -> its cells, one for each dtype, in the order of the run."""
    table: dict[str, dict[str, list[Cell]]] = {}
    for cell in cells:
        table.setdefault(cell.computation.name, {}).setdefault(cell.framework, []).append(cell)
    return table


def label(cells: Sequence[Cell]) -> tuple[str, str]:
    """What the matrix shows for the dtypes of a computation: the state, and `= 0.4 | 1.2`, the distances in eps."""
    states = [cell.state for cell in cells]
    state = "failed" if "failed" in states else next((s for s in states if s != "unsupported"), "unsupported")
    shown = [cell for cell in cells if cell.distance is not None or cell.state == "unsupported"]
    distances = [eps(cell.distance) or "-" for cell in shown] if state in ("equal", "partial", "failed") else []
    orders = f"({orders_compared(cells)})" if cells[0].custom and distances else ""
    return state, f"{SIGNS[state]} {' | '.join(distances)} {orders}".rstrip()


def orders_compared(cells: Sequence[Cell]) -> str:
    """What a custom framework's cells compare: `order 2`, `order 1 of 8`, `values`."""
    compared, asked = (max(orders) for orders in zip(*((cell.order or 0, cell.asked) for cell in cells), strict=True))
    return f"order {compared} of {asked}" if compared < asked else f"order {compared}" if compared else "values"


def eps(distance: float | None) -> str:
    """A distance to two digits."""
    if distance is None:
        return ""
    return "0" if distance == 0 else f"{distance:.1f}" if distance < 1000 else f"{distance:.0e}"


def repeat_command(cell: Cell, options: str = "") -> str:
    """The command that reproduces a cell. options: those of the run that affect it, such as `--seed 3`."""
    return f"crosscheck show {cell.name} {options}".rstrip()
