"""Cells of the matrix: one computation in one framework and dtype, and what is known of it after a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from .computations import Computation
from .details import Details
from .recorder import Called
from .trial import Failure, Outcome


@dataclass(frozen=True)
class Curve:
    """The losses of a training run, step by step, and the oracle's on the same inputs."""

    losses: list[float]
    oracle: list[float]

    @classmethod
    def of(cls, outcome: Outcome, oracle: Outcome | None, steps: int) -> Curve:
        found = [o.values[:steps] if o else [] for o in (outcome, oracle)]
        return cls(*([float(a) for a in values if a.ndim == 0] for values in found))

    def differences(self) -> list[float]:
        """|loss - oracle's| / |oracle's|, for each step."""
        return [abs(a - r) / abs(r) if r else float(a != r) for a, r in zip(self.losses, self.oracle, strict=False)]


@dataclass(frozen=True)
class Cell:
    """One computation in one framework and dtype.

    inherited: every case is bit-equal to the previous stage, which PyTorch and central differences accepted.
    called: the public names that the computation calls in a stage. raised: (file, line) that its declared error passed.
    """

    computation: Computation
    framework: str
    dtype: str
    custom: bool = False
    state: str = "equal"  # equal, partial, unsupported, differs, error as declared; failed otherwise
    order: int | None = None  # the highest order of differentiation compared; 0 for values, None if nothing was
    asked: int = 0  # the computation's own order, as far as PyTorch was compared
    lacks: str = ""  # the name whose lack makes a custom framework fail
    distance: float | None = None
    inherited: bool = False
    reason: str = ""
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    curve: Curve | None = None
    called: Called = field(default_factory=dict)
    raised: frozenset[tuple[str, int]] = frozenset()
    program: str = ""  # of a computation that is hybridized: "program", or why it has none
    details: Details | None = None  # for its page in the HTML report, if one is asked for

    @property
    def name(self) -> str:
        return f"{self.computation.name}/{self.framework}/{self.dtype}"

    @property
    def ok(self) -> bool:
        return self.state != "failed"
