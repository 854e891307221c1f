"""The page of a computation: its code, its definitions in each framework, its values, its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..cells import Cell
from ..details import CaseDetails, Example
from ..frameworks import BookStyle
from ..rosetta import Row
from ..stages import STAGES
from . import graphs
from .sources import Package, Version, listing, versions
from .words import computation_of, said

MOST_DEFINITIONS = 12  # of a computation
EVERYWHERE = {"Variable"}  # last, since most computations use it
ADAPTER = {*dir(BookStyle)}  # not names of a framework, but of what makes frameworks alike


@dataclass
class ExampleGroup:
    """Frameworks with the same bits in the example. Early stages have fewer derivatives."""

    frameworks: list[str]
    dtype: str
    example: Example
    orders: dict[str, int]  # framework -> the highest order that it has

    def fewer(self) -> list[str]:
        """The frameworks without the highest derivative."""
        return [name for name in self.frameworks if self.orders[name] < max(self.orders.values())]


def computation_page(
    name: str, columns: Mapping[str, list[Cell]], packages: Mapping[str, Package], calls: Mapping[str, Row]
) -> dict[str, Any]:
    computation = computation_of(columns)
    cells = [cell for column in columns.values() for cell in column]
    found = listing(computation)
    dot = graph_of(columns)
    return {
        "computation": computation,
        "listing": found,
        "columns": columns,
        "dtypes": list(dict.fromkeys(cell.dtype for cell in cells)),
        "red": [cell for cell in cells if not cell.ok],
        "definitions": list(definitions(used(found.names, dot, packages), packages, calls)),
        "examples": examples(cells),
        "cases": cases(cells),
        "case_columns": [cell.framework for cell in cells if cell.details and cell.details.cases and first(cell)],
        "dot": dot,
    }


def first(cell: Cell) -> bool:
    """Whether a cell has the first dtype of its computation, which the page shows in detail."""
    return cell.dtype == cell.computation.dtypes[0]


def graph_of(columns: Mapping[str, Sequence[Cell]]) -> str:
    """The graph in DOT, drawn by the last framework that can."""
    texts = [cell.details.graph for column in columns.values() for cell in column if cell.details is not None]
    return next((text for text in reversed(texts) if text), "")


def used(names: Sequence[str], dot: str, packages: Mapping[str, Package]) -> list[str]:
    """The names in a computation's source, then those of the operators in its graph."""
    drew = next((packages[stage.name] for stage in reversed(STAGES) if stage.name in packages), None)
    operators = [drew.applies(name) for name in graphs.functions(dot)] if drew else []
    found = [name for name in dict.fromkeys([*names, *operators]) if name not in ADAPTER]
    return [*found[:MOST_DEFINITIONS], *EVERYWHERE & set(names)]


def definitions(
    names: Sequence[str], packages: Mapping[str, Package], calls: Mapping[str, Row]
) -> list[tuple[str, list[Version], Row | None]]:
    found = [(name, versions(name, packages), calls.get(name)) for name in names]
    return [entry for entry in found if entry[1]]


def examples(cells: Sequence[Cell]) -> list[ExampleGroup]:
    """The example's values in the first dtype, once for frameworks that have the same, up to their last derivative."""
    groups: list[ExampleGroup] = []
    for cell in cells:
        if not first(cell) or cell.details is None or cell.details.example is None:
            continue
        example, name = cell.details.example, cell.framework
        order = max((result.order for result in example.results), default=0)
        for group in groups:
            ours, theirs = ([(r.name, r.dtype, r.text) for r in e.results] for e in (example, group.example))
            if all(a == b for a, b in zip(ours, theirs, strict=False)):
                group.frameworks.append(name)
                group.orders[name] = order
                if len(ours) > len(theirs):
                    group.example = example
                break
        else:
            groups.append(ExampleGroup([name], cell.dtype, example, {name: order}))
    # PyTorch's values are shown where they differ.
    return [group for group in groups if group.frameworks != ["torch"] or len(groups) == 1]


def cases(cells: Sequence[Cell]) -> dict[str, dict[str, CaseDetails]]:
    """case -> framework -> what was compared, in the first dtype."""
    found: dict[str, dict[str, CaseDetails]] = {}
    for cell in cells:
        for case in cell.details.cases if cell.details is not None and first(cell) else ():
            found.setdefault(case.name, {})[cell.framework] = case
    return found


def note(cells: Sequence[Cell]) -> str:
    """The reasons of the cells, and whether they have the bits of the stage before."""
    notes = ["same bits as the stage before"] if all(cell.inherited for cell in cells) else []
    notes += [said(cell.reason) for cell in cells if cell.reason and cell.state != "equal"]
    return "; ".join(dict.fromkeys(notes))
