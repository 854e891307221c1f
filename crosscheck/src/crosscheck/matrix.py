"""A run of the matrix as plain settings, from which any process can create frameworks and a runner."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import UsageError
from .computations import Computation
from .coverage import Scope
from .frameworks import BookStyle, Framework, load_file, load_stage, load_torch
from .frameworks.hybridized import Hybridized
from .inputs import DEFAULT_SEED
from .ledger import Ledger
from .limits import TIME_LIMIT
from .recorder import Surface
from .runner import Runner
from .select import matches
from .stages import STAGES, Stage


@dataclass(frozen=True)
class Settings:
    """The options of a run that affect its results."""

    stages: tuple[Stage, ...] = tuple(STAGES)
    custom: tuple[pathlib.Path, ...] = ()
    torch: bool = True
    device: str = "cpu"
    seed: int = 0
    baseline: bool = True  # compare every cell with the ledger
    quick: bool = False
    time_limit: float = TIME_LIMIT
    details: bool = False  # keep what the pages of the HTML report show
    hybrid: bool = False  # the last stage with hybridize, as another column

    def frameworks(self) -> tuple[list[Framework], Framework | None]:
        """Import the columns of the matrix, and the reference, if any."""
        if self.device != "cpu":
            return self.on_gpu()
        frameworks: list[Framework] = [load_stage(stage) for stage in self.stages]
        if self.hybrid:
            frameworks.append(Hybridized(load_stage(STAGES[-1])))
        oracle = load_torch() if self.torch else None
        if oracle is not None:
            frameworks.append(oracle)
        for path in self.custom:
            framework = load_file(path)
            if any(framework.name == other.name for other in frameworks):
                raise UsageError(f"--framework: there is a framework {framework.name!r} already; set `name` in {path}")
            frameworks.append(framework)
        return frameworks, oracle

    def on_gpu(self) -> tuple[list[Framework], Framework]:
        """The stage on a GPU, and PyTorch there."""
        from .frameworks.devices import on_gpu

        ours, oracle = on_gpu(load_stage(STAGES[-1]), load_torch)
        return [ours, oracle], oracle

    def runner(self) -> Runner:
        frameworks, oracle = self.frameworks()
        ledger = Ledger.read() if self.baseline else None
        return Runner(frameworks, oracle, self.seed, ledger, self.quick, self.time_limit, self.details)


@dataclass(frozen=True)
class Column:
    """A framework in the table. on_gpu: it has no cells for computations that need the host. scope: of a stage."""

    label: str
    version: str
    on_gpu: bool
    scope: Scope | None = None  # of a stage
    custom: bool = False
    settings: str = ""  # of a custom framework
    hybrid: bool = False  # it has cells for functions of inputs only

    @classmethod
    def of(cls, framework: Framework) -> Column:
        hybrid = framework.plain is not None
        is_stage = framework.number is not None and not hybrid
        scope = Scope.of(Surface(framework)) if is_stage and isinstance(framework, BookStyle) else None
        on_gpu, custom = framework.device != "cpu", framework.custom
        return cls(framework.label, framework.version(), on_gpu, scope, custom, framework.settings(), hybrid)


@dataclass(frozen=True)
class Row:
    """A computation in one dtype, in several frameworks, which share inputs and PyTorch's results."""

    computation: Computation
    dtype: str
    labels: tuple[str, ...]

    @property
    def heavy(self) -> bool:
        """Whether it is slow: a training run, or too slow for a second case."""
        return bool(self.computation.curve) or not self.computation.cases >= DEFAULT_SEED

    @property
    def together(self) -> int:
        """How many of its first cells a worker answers at once: those of the stages before the computation, or one."""
        before = {stage.name for stage in STAGES if stage.number < self.computation.since}
        return max(1, sum(1 for _ in itertools.takewhile(before.__contains__, self.labels)))

    def after(self, done: int) -> Row | None:
        """The row without its first cells; None if no cell is left."""
        return replace(self, labels=self.labels[done:]) if self.labels[done:] else None

    def names(self) -> list[str]:
        """The names of its cells."""
        return [f"{self.computation.name}/{label}/{self.dtype}" for label in self.labels]


def rows(
    columns: Sequence[Column],
    computations: Sequence[Computation],
    dtypes: Sequence[str],
    expression: str | None = None,
    one_dtype: bool = False,
) -> list[Row]:
    """The cells that match an expression, by row, in the order of the matrix.

    one_dtype: of each computation only those in the first dtype in which any matches.
    """
    found = []
    for computation in computations:
        for dtype in (dtype for dtype in computation.dtypes if dtype in dtypes):
            labels = [c.label for c in columns if computation.concerns(c.on_gpu, c.custom, c.hybrid)]
            row = Row(computation, dtype, tuple(labels))
            if expression:
                kept = [label for label, name in zip(labels, row.names(), strict=True) if matches(expression, name)]
                row = Row(computation, dtype, tuple(kept))
            if row.labels:
                found.append(row)
                if one_dtype:
                    break
    return found
