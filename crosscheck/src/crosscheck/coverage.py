"""Whether every public name that has a derivative is called by a computation that checks this derivative.

The computations are run, forward only, on a framework that takes down what they call: functions looked up
in it come wrapped, and for the time of the run the operators and methods of Variable are replaced by such
as write down their name. What the framework itself calls meanwhile is not counted.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .computations import Computation
from .frameworks import BookStyle
from .runner import Runner

# Functions that are not differentiated, each with its reason; a computation must call them all the same.
NOT_DIFFERENTIABLE = {
    "accuracy": "a share of right answers, which does not change with small changes of the scores",
    "pair": "a size for both directions",
    "get_conv_outsize": "a size, of integers",
    "get_deconv_outsize": "a size, of integers",
}


def functions_of(framework: BookStyle) -> dict[str, Callable[..., Any]]:
    """The public functions that its `functions` gathers."""
    gathered = [vars(module) for module in framework.modules if module.__name__.endswith(".functions")]
    return {
        name: value
        for names in gathered
        for name, value in names.items()
        if inspect.isfunction(value) and not name.startswith("_")
    }


def operators_of(framework: BookStyle) -> dict[str, Any]:
    """Operators, methods and properties of Variable that were not written with it, but assigned to it."""
    Variable = framework.find("Variable")

    def code(value: Any) -> Any:
        return value.fget if isinstance(value, property) else value

    return {
        name: value
        for name, value in vars(Variable).items()
        if inspect.isfunction(code(value)) and code(value).__module__ != Variable.__module__
    }


class Recorder(BookStyle):
    """The framework, taking down which of its names a computation calls."""

    def __init__(self, framework: BookStyle):
        super().__init__(framework.name, framework.modules, framework.number, framework.guest)
        self.called: set[str] = set()
        self.functions = functions_of(framework)
        self.operators = operators_of(framework)

    def find(self, name: str) -> Any:
        found = super().find(name)
        function = self.__dict__.get("functions", {}).get(name)
        return found if function is None or function is not found else self.recorded(name, function, lambda: True)

    def recorded(self, name: str, f: Callable[..., Any], counts: Callable[[], bool]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if counts():
                self.called.add(name)
            return f(*arguments, **options)

        return call

    @contextlib.contextmanager
    def watching_operators(self) -> Iterator[None]:
        """Within the block the operators of Variable write down their names, unless a stage uses them itself."""
        Variable = self.find("Variable")
        package = Variable.__module__.partition(".")[0]

        def from_outside() -> bool:
            caller = str(sys._getframe(2).f_globals["__name__"])
            return caller.partition(".")[0] != str(package)

        try:
            for name, value in self.operators.items():
                if isinstance(value, property):
                    assert value.fget is not None
                    setattr(Variable, name, property(self.recorded(f"Variable.{name}", value.fget, from_outside)))
                else:
                    setattr(Variable, name, self.recorded(f"Variable.{name}", value, from_outside))
            yield
        finally:
            for name, value in self.operators.items():
                setattr(Variable, name, value)

    def calls(self, computation: Computation) -> set[str]:
        """The names that a computation calls on its first case; whether it succeeds is for the matrix to say."""
        self.called = set()
        case = Runner([], None).cases_of(computation, computation.dtypes[0])[0]
        with contextlib.suppress(Exception), np.errstate(all="ignore"), self.watching_operators():
            computation.body(self, *(self.Variable(a) for a in case.fresh()))
        return self.called


def uncovered(framework: BookStyle, computations: Sequence[Computation]) -> list[str]:
    """The names of a stage that no computation calls and differentiates: twice, if the stage can do that."""
    recorder = Recorder(framework)
    names = {*recorder.functions, *(f"Variable.{name}" for name in recorder.operators)}
    twice = min(2, framework.max_order)
    called: set[str] = set()
    checked: set[str] = set()
    able = [c for c in computations if c.raises is None and c.since <= (framework.number or 99)]
    for computation in sorted(able, key=lambda c: not c.edges):  # the plain ones first, which are quick
        if names <= called and names - set(NOT_DIFFERENTIABLE) <= checked:
            break
        found = recorder.calls(computation)
        called |= found
        if computation.order >= twice and framework.name not in computation.differs:
            checked |= found
    wanting = [f"{framework.name}: no computation calls {name}" for name in sorted(names - called)]
    for name in sorted(names & called - checked - set(NOT_DIFFERENTIABLE)):
        wanting.append(f"{framework.name}: no computation of order {twice} calls {name}")
    return wanting


def without_reason(frameworks: Sequence[BookStyle]) -> list[str]:
    """Names that are declared not to be differentiable, and that no stage has."""
    there = {name for framework in frameworks for name in functions_of(framework)}
    return sorted(set(NOT_DIFFERENTIABLE) - there)
