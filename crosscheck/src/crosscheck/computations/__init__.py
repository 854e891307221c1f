"""Every computation once: what is computed, on what, in which step it becomes possible.

A computation's only vocabulary is the framework that it is handed, `fw`; see frameworks/base.py.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..inputs import SHAPES, Generator
from ..stages import STAGES

DTYPES = ("float64", "float32")
DEFAULT_BUDGET = 64.0


@dataclass(frozen=True)
class Computation:
    """A computation and everything that is declared about it."""

    name: str
    body: Callable[..., Any]
    step: int  # where the book shows it
    since: int  # the first stage that can do it
    inputs: Sequence[Generator]
    shapes: Sequence[tuple[int, ...]] = SHAPES
    dtypes: Sequence[str] = DTYPES
    order: int = 2  # of differentiation, 1 before stage 3; 0: values only
    edges: bool = True  # put through odd layouts, special values and integers
    special: bool = True  # put through nan, infinities ...
    integers: bool = True  # put through integer inputs
    once: bool = False  # of one shape, takes too long for a second case, which has the default seed
    differences: bool = True  # held against central differences
    budget: Mapping[str, float] = field(default_factory=dict)  # dtype -> eps allowed, where not the usual
    why_budget: str = ""
    curve: int = 0  # so many results, the first ones, are the losses of a training run: the report draws them
    raises: tuple[type[Exception], str] | None = None  # the error that is expected, and a piece of its text
    absent: str | Mapping[int, str] = "missing"  # how stages before `since` fail: missing or wrong
    differs: Mapping[str, str] = field(default_factory=dict)  # framework -> reason
    on_gpu: bool = True  # False: draws numbers on the host, or is about the host

    @property
    def doc(self) -> str:
        return (self.body.__doc__ or "").strip()

    @property
    def allowed_on_gpu(self) -> bool:
        """Whether it has values, and hands over nothing that stays on the host."""
        return self.on_gpu and self.raises is None

    def allowed(self, dtype: str) -> float:
        return self.budget.get(dtype, DEFAULT_BUDGET)

    def declared_absence(self, stage: int) -> str:
        return self.absent if isinstance(self.absent, str) else self.absent.get(stage, "missing")


COMPUTATIONS: dict[str, Computation] = {}


def computation(
    *, step: int, inputs: Sequence[Generator] = (), since: int | None = None, **declared: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the function below as a computation; `since` follows from the step unless it is given."""

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        name = body.__name__
        if name in COMPUTATIONS:
            raise ValueError(f"there are two computations {name}")
        if declared.get("budget") and not declared.get("why_budget"):
            raise ValueError(f"{name}: a budget of its own needs a reason, why_budget")
        first = since or next(stage.number for stage in STAGES if step in stage.steps)
        COMPUTATIONS[name] = Computation(name, body, step, first, inputs, **declared)
        return body

    return register


def all_computations() -> list[Computation]:
    """Every computation, in the order of steps."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return sorted(COMPUTATIONS.values(), key=lambda c: c.step)
