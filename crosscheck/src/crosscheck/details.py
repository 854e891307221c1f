"""What a cell keeps for its page in the HTML report: the cases, one of them with its values, and the graph.

Workers collect it only for `crosscheck run --html`, as plain text, since it is sent to the parent process.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .compare import shorten
from .computations import Computation
from .frameworks import Framework
from .frameworks.base import Array
from .inputs import Case
from .judges.reference import compared
from .trial import Outcome, Trial

READABLE = range(2, 25)  # elements of the inputs of an example
LONGEST = 12  # results shown of an example; a training run has hundreds
LONGEST_TEXT = 600  # characters of an array
LARGEST_GRAPH = 20_000  # characters of DOT text


@dataclass(frozen=True)
class ResultDetails:
    """A result of the example: ours, PyTorch's in float64, and the distance in eps, if it was compared."""

    name: str
    order: int
    dtype: str
    text: str
    reference: str | None = None
    distance: float | None = None


@dataclass(frozen=True)
class Example:
    """One case with its values. cotangents: per order, None for the framework's default initial gradient."""

    inputs: list[tuple[str, str]]
    cotangents: list[list[str] | None]
    results: list[ResultDetails]
    more: int = 0  # results that are not shown


@dataclass(frozen=True)
class CaseDetails:
    """A case: the order compared, the largest distance from PyTorch in eps, and the result in which it occurs."""

    name: str
    order: int
    distance: float | None
    furthest: str
    inherited: bool  # bit-equal to the stage before
    example: Example | None = None


@dataclass(frozen=True)
class Details:
    """All cases of a cell that ran. graph: that of the example as DOT text, if the framework can draw."""

    cases: list[CaseDetails]
    graph: str = ""

    @property
    def example(self) -> Example | None:
        return next((case.example for case in self.cases if case.example is not None), None)


def details_of(trial: Trial, inherited: bool, shown: bool) -> CaseDetails:
    """What is kept of a trial. shown: with its values."""
    found = list(compared(trial)) if trial.reference is not None else []
    names = parameters(trial.computation, len(trial.case.arrays))
    far, name = max(((d, r.name) for r, d, _ in found if d is not None), default=(None, ""), key=lambda pair: pair[0])
    distances = {result.name: distance for result, distance, _ in found}
    kept = example(trial, distances) if shown else None
    return CaseDetails(trial.case.name, len(trial.outcome.gradients), far, of_parameter(name, names), inherited, kept)


def choose(cases: Sequence[Case]) -> Case:
    """The case to show with its values: the first of a readable size."""
    for case in cases:
        if case.smooth and all(a.size for a in case.arrays) and sum(a.size for a in case.arrays) in READABLE:
            return case
    return cases[0]


def example(trial: Trial, distances: dict[str, float | None]) -> Example:
    ours = list(trial.outcome.arrays())
    theirs = list(trial.reference.precise.arrays()) if trial.reference is not None else []
    exact = {result.name: text_of(result.array) for result in theirs[:LONGEST]}
    names = parameters(trial.computation, len(trial.case.arrays))
    results = [
        ResultDetails(
            of_parameter(r.name, names),
            r.order,
            str(r.array.dtype),
            text_of(r.array),
            exact.get(r.name),
            distances.get(r.name),
        )
        for r in ours[:LONGEST]
    ]
    inputs = [(name, text_of(a)) for name, a in zip(names, trial.case.arrays, strict=True)]
    return Example(inputs, cotangents(trial.outcome), results, len(ours) - len(results))


def cotangents(outcome: Outcome) -> list[list[str] | None]:
    return [None if seeds is None else [text_of(a) for a in seeds[:LONGEST]] for seeds in outcome.cotangents]


def text_of(a: Array) -> str:
    """An array on one line."""
    text = tidy(shorten(a))
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT].rpartition(' ')[0]} ..."


def tidy(text: str) -> str:
    """A text without the spaces with which arrays align their columns."""
    return re.sub(r"(?<=\[) +| +(?=\])", "", text)


def of_parameter(name: str, names: Sequence[str]) -> str:
    """`gradient of input 1` -> `gradient of W`."""
    return re.sub(r"(?<= of )input (\d+)$", lambda found: names[int(found[1])], name)


def parameters(computation: Computation, number: int) -> list[str]:
    """The names of the computation's inputs."""
    names = list(inspect.signature(computation.body).parameters)[1:]
    return names if len(names) == number else [f"input {i}" for i in range(number)]


def draw(computation: Computation, framework: Framework, case: Case) -> str:
    """The graph of the computation's first result that has one, as DOT text; empty if the framework cannot draw it."""
    if not hasattr(framework, "get_dot_graph"):
        return ""
    with contextlib.suppress(Exception), np.errstate(all="ignore"):
        variables = [framework.Variable(a) for a in case.fresh()]
        for name, variable in zip(parameters(computation, len(variables)), variables, strict=True):
            variable.name = name
        result = computation.body(framework, *variables)
        outputs = list(result) if isinstance(result, tuple | list) else [result]
        for i, y in enumerate(outputs):
            if getattr(y, "creator", None) is not None:
                if y.name is None:
                    y.name = "y" if len(outputs) == 1 else f"y{i}"
                text = str(framework.get_dot_graph(y))
                return text if len(text) <= LARGEST_GRAPH else ""
    return ""
