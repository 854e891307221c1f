"""Check that a computation covers each differentiable public name and compares its derivatives.

Computations run, forward only, on a framework that records what they call: functions are wrapped on lookup,
and during the run the operators and methods of Variable are replaced by wrappers that record their names.
Calls made by the framework itself do not count.
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
from .inputs import LAYOUTS

# Functions that are not differentiated, each with the reason; a computation must still call them.
NOT_DIFFERENTIABLE = {
    "accuracy": "the fraction of correct predictions is piecewise constant",
    "pair": "a kernel size or stride for both axes",
    "get_conv_outsize": "an integer size",
    "get_deconv_outsize": "an integer size",
}


def functions_of(framework: BookStyle) -> dict[str, Callable[..., Any]]:
    """The public functions exported by its `functions` package."""
    gathered = [vars(module) for module in framework.modules if module.__name__.endswith(".functions")]
    return {
        name: value
        for names in gathered
        for name, value in names.items()
        if inspect.isfunction(value) and not name.startswith("_")
    }


def operators_of(framework: BookStyle) -> dict[str, Any]:
    """Operators, methods and properties that are assigned to Variable outside its class definition."""
    Variable = framework.find("Variable")

    def code(value: Any) -> Any:
        return value.fget if isinstance(value, property) else value

    return {
        name: value
        for name, value in vars(Variable).items()
        if inspect.isfunction(code(value)) and code(value).__module__ != Variable.__module__
    }


class Recorder(BookStyle):
    """A framework that records which of its names a computation calls."""

    def __init__(self, framework: BookStyle):
        super().__init__(framework.name, framework.modules, framework.number)
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
        """Within the block, the operators of Variable record their names, except for calls from within the stage."""
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
        """The names that a computation calls on its first case; errors are left to the matrix."""
        self.called = set()
        case = computation.make_cases(computation.dtypes[0], seed=0)[0]
        with contextlib.suppress(Exception), np.errstate(all="ignore"), self.watching_operators():
            computation.body(self, *(self.Variable(a) for a in case.fresh()))
        return self.called


def uncovered(framework: BookStyle, computations: Sequence[Computation]) -> list[str]:
    """The names of a stage that no computation differentiates: twice, if the stage supports it."""
    recorder = Recorder(framework)
    names = {*recorder.functions, *(f"Variable.{name}" for name in recorder.operators)}
    twice = min(2, framework.max_order)
    called: set[str] = set()
    checked: set[str] = set()
    able = [c for c in computations if c.raises is None and c.since <= (framework.number or 99)]
    for computation in sorted(able, key=lambda c: not c.cases >= LAYOUTS):  # cheap ones first
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
    """Names declared as not differentiable that no stage has."""
    there = {name for framework in frameworks for name in functions_of(framework)}
    return sorted(set(NOT_DIFFERENTIABLE) - there)
