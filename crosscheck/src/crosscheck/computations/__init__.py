"""Every computation, defined once: what is computed, on which inputs, and at which step it becomes possible.

A computation only uses the framework that it is given, `fw`; see frameworks/base.py.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..frameworks.base import DTYPES as DTYPES
from ..inputs import DEEP, EVERYTHING, GPU, SHAPES, Case, Cases, Generator, make_cases
from ..stages import STAGES

DEFAULT_BUDGET = 64.0
Text = (
    str | Mapping[int, str]
)  # of an error: ... stands for any part; or by stage: {1: "from stage 1 on", 3: "from 3 on"}


@dataclass(frozen=True)
class Computation:
    """A computation and its declared properties."""

    name: str
    body: Callable[..., Any]
    step: int  # where the book introduces it
    since: int  # the first stage that supports it
    inputs: Sequence[Generator]
    shapes: Sequence[tuple[int, ...]] = SHAPES
    dtypes: Sequence[str] = DTYPES
    order: int = 2  # of differentiation: 1 before stage 3; 0 for values only
    cases: Cases = EVERYTHING  # what it is put through, apart from its shapes
    budget: Mapping[str, float] = field(default_factory=dict)  # dtype -> allowed distance in eps, if not the default
    why_budget: str = ""
    quick: Mapping[str, int] = field(default_factory=dict)  # arguments of the body in a quick run: a smaller program
    curve: int = 0  # the first `curve` results are the losses of a training run, drawn in the report
    raises: tuple[type[Exception], Text] | None = None  # the expected error and its message
    unsupported: str | Mapping[int, str] = "missing"  # how stages before `since`, which do not support it, fail
    differs: Mapping[str, str] = field(default_factory=dict)  # framework -> reason
    golden: str = ""  # what the reference is if it is not PyTorch, and why

    @property
    def doc(self) -> str:
        return (self.body.__doc__ or "").strip()

    @property
    def allowed_on_gpu(self) -> bool:
        """Whether it returns values and passes nothing that must stay on the host."""
        return self.cases >= GPU and self.raises is None

    def concerns(self, on_gpu: bool, custom: bool, hybrid: bool = False) -> bool:
        """Whether a framework has a cell for it. Golden results are of names and texts that only the stages have.

        hybrid: whether it gives computations to hybridize, which concerns functions of inputs.
        """
        if hybrid and (not self.inputs or self.raises is not None):
            return False
        return (self.allowed_on_gpu or not on_gpu) and not (custom and self.golden)

    def smaller(self) -> Computation:
        """The program of a quick run: with fewer steps, or a smaller network, if it declares so."""
        if not self.quick:
            return self

        @functools.wraps(self.body)
        def body(*arguments: Any) -> Any:
            return self.body(*arguments, **self.quick)

        return replace(self, body=body, curve=min(self.curve, self.quick.get("steps", self.curve)), quick={})

    def make_cases(self, dtype: str, seed: int, deep: bool = True) -> list[Case]:
        """Its cases in one dtype, the same for every framework; to third order only in the first dtype, if at all."""
        cases = self.cases if deep and dtype == self.dtypes[0] else self.cases - DEEP
        return make_cases(self.name, self.inputs, self.shapes, cases, np.dtype(dtype), seed)

    def expected_text(self, stage: int | None) -> str:
        """The message of the expected error; the last stage's for other frameworks."""
        assert self.raises is not None
        text = self.raises[1]
        if isinstance(text, str):
            return text
        return text[max((number for number in text if number <= (stage or 99)), default=min(text))]

    def allowed(self, dtype: str) -> float:
        return self.budget.get(dtype, DEFAULT_BUDGET)

    def declared_failure(self, stage: int) -> str:
        return self.unsupported if isinstance(self.unsupported, str) else self.unsupported.get(stage, "missing")


COMPUTATIONS: dict[str, Computation] = {}


def computation(
    *, step: int, inputs: Sequence[Generator] = (), since: int | None = None, **declared: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a computation; `since` is the stage of its step unless given."""

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        name = body.__name__
        if name in COMPUTATIONS:
            raise ValueError(f"computation {name} is defined twice")
        if declared.get("budget") and not declared.get("why_budget"):
            raise ValueError(f"{name}: a non-default budget needs a reason, why_budget")
        if len(set(declared.get("shapes", ()))) < len(declared.get("shapes", ())):
            raise ValueError(f"{name}: a shape is given twice")
        first = since or next(stage.number for stage in STAGES if step in stage.steps)
        COMPUTATIONS[name] = Computation(name, body, step, first, inputs, **declared)
        return body

    return register


def module_names() -> list[str]:
    """The modules that define computations."""
    return [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]


def all_computations() -> list[Computation]:
    """All computations, sorted by step."""
    for name in module_names():
        importlib.import_module(name)
    return sorted(COMPUTATIONS.values(), key=lambda c: c.step)
