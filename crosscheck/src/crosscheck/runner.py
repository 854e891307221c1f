"""The matrix: every computation in every framework and dtype, one cell each, and what its state is."""

from __future__ import annotations

import contextlib
import pathlib
import re
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .compare import distance, mismatch, same_bytes, shorten
from .computations import Computation
from .differences import agrees, slope
from .frameworks import Framework, Missing
from .frameworks.base import Array
from .inputs import Case, make_cases, stable_rng
from .ledger import Ledger

TIME_LIMIT = 120  # seconds for a cell
# How a framework says that it lacks a name, an operator, a keyword or an argument.
LACKS = re.compile(
    r"unsupported operand type|bad operand type|has no attribute|unexpected keyword|positional argument"
    r"|not subscriptable|cannot import|has no len|cannot unpack|no keyword arguments"
    r"|a Variable is needed|is not supported|a number is needed"
)


@dataclass
class Outcome:
    """What a framework made of a case: the values, then the gradients of each order, input by input."""

    values: list[Array]
    gradients: list[list[Array]]
    cotangents: list[list[Array] | None]
    broken: list[str] = field(default_factory=list)  # invariants

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Everything with its name."""
        for i, value in enumerate(self.values):
            yield f"value{f' {i}' if len(self.values) > 1 else ''}", value
        for order, gradients in enumerate(self.gradients, 1):
            for i, gradient in enumerate(gradients):
                kind = "gradient" if order == 1 else f"derivative of order {order}"
                yield f"{kind}{f' of input {i}' if len(gradients) > 1 else ''}", gradient


@dataclass
class Failure:
    """One thing that is not as it should be. kind: torch, differences, stage, invariant, exception, ..."""

    kind: str
    text: str


@dataclass(frozen=True)
class Curve:
    """The losses of a training run, step by step, and the oracle's on the very same inputs."""

    losses: list[float]
    oracle: list[float]

    @classmethod
    def of(cls, outcome: Outcome, oracle: Outcome | None, steps: int) -> Curve:
        found = [o.values[:steps] if o else [] for o in (outcome, oracle)]
        return cls(*([float(a) for a in values if a.ndim == 0] for values in found))

    def differences(self) -> list[float]:
        """|loss - oracle's| / |oracle's|, for each step."""
        return [abs(a - r) / abs(r) if r else float(a != r) for a, r in zip(self.losses, self.oracle, strict=False)]


@dataclass
class Cell:
    """One computation in one framework and dtype."""

    computation: Computation
    framework: str
    dtype: str
    custom: bool = False
    state: str = "equal"  # equal, unsupported, differs, error as declared; failed otherwise
    distance: float | None = None
    reason: str = ""
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    curve: Curve | None = None

    @property
    def name(self) -> str:
        return f"{self.computation.name}/{self.framework}/{self.dtype}"

    @property
    def ok(self) -> bool:
        return self.state != "failed"


class Runner:
    """Runs cells. Frameworks are compared with `oracle` (PyTorch, or None to do without) and stages with each other."""

    def __init__(
        self, frameworks: Sequence[Framework], oracle: Framework | None, seed: int = 0, ledger: Ledger | None = None
    ):
        self.frameworks = list(frameworks)
        self.oracle = oracle
        self.seed = seed
        self.ledger = ledger if seed == 0 else None  # other inputs have other distances
        self.cases: dict[tuple[str, str], list[Case]] = {}
        self.outcomes: dict[tuple[str, str, str, str], Outcome] = {}

    def cells(
        self, computations: Sequence[Computation], dtypes: Sequence[str]
    ) -> list[tuple[Computation, Framework, str]]:
        """Every cell, in the order of the matrix."""
        return [
            (computation, framework, dtype)
            for computation in computations
            for dtype in computation.dtypes
            if dtype in dtypes
            for framework in self.frameworks
            if framework.device == "cpu" or computation.allowed_on_gpu
        ]

    def cases_of(self, computation: Computation, dtype: str) -> list[Case]:
        """The cases of a cell, the same for every framework."""
        key = computation.name, dtype
        if key not in self.cases:
            if computation.inputs:
                self.cases[key] = make_cases(
                    computation.name,
                    computation.inputs,
                    computation.shapes,
                    np.dtype(dtype),
                    self.seed,
                    computation.edges,
                    computation.special,
                    computation.integers,
                    computation.once,
                )
            else:
                self.cases[key] = [Case("no input", ())]
        return self.cases[key]

    def run(self, computation: Computation, framework: Framework, dtype: str) -> Cell:
        """One cell: run every case, compare, and hold the result against what is declared."""
        cell = Cell(computation, framework.label, dtype, framework.custom)
        start = time.perf_counter()
        try:
            with np.errstate(all="ignore"), deadline(TIME_LIMIT):
                if computation.raises is not None:
                    self.expect_error(cell, framework)
                else:
                    self.expect_values(cell, framework)
        except TimeLimit:
            fail(cell, "hang", f"no answer within {TIME_LIMIT} s")
        cell.seconds = time.perf_counter() - start
        return cell

    # --- computations that are meant to fail ---

    def expect_error(self, cell: Cell, framework: Framework) -> None:
        """A stage must raise just this error; another framework any, unless it is declared to take the input."""
        assert cell.computation.raises is not None
        kind, text = cell.computation.raises
        declared = cell.computation.differs.get(framework.name) or framework.differs.get(cell.computation.name)
        try:
            cell.computation.body(framework)
        except (Exception, SystemExit) as error:
            said = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
            exact = isinstance(error, kind) and text in str(error)
            cell.state, cell.reason = "error", said
            if framework.number is not None and framework.number < cell.computation.since:
                cell.state = "unsupported"
            elif isinstance(error, Missing) and declared:
                cell.state, cell.reason = "differs", declared
            elif isinstance(error, Missing) and framework.custom:
                cell.state = "unsupported"
            elif declared:
                fail(cell, "undeclared", f"declared to take this ({declared}), but raised {said}")
            elif framework.number is not None and not exact:
                fail(cell, "exception", f"raised {said}; expected {kind.__name__}: ...{text}...")
            return
        if declared:
            cell.state, cell.reason = "differs", declared
        else:
            fail(cell, "undeclared", f"raised nothing; expected {kind.__name__}: ...{text}...")

    # --- computations with values ---

    def expect_values(self, cell: Cell, framework: Framework) -> None:
        """Run and compare every case; then see whether that is what was declared."""
        computation = cell.computation
        for case in self.cases_of(computation, cell.dtype):
            if case.integer and not framework.takes_integers:
                continue
            try:
                self.compare(cell, framework, case)
            except (Exception, SystemExit) as error:
                early = (framework.number or 99) < computation.since
                cell.failures.append(Failure(kind_of(error, framework, early), f"{case.name}: {describe(error)}"))
                if isinstance(error, Missing):
                    break
        if framework.number is not None and framework.number < computation.since:
            self.expect_unsupported(cell, computation.declared_failure(framework.number))
            return
        declared = computation.differs.get(framework.name) or framework.differs.get(computation.name)
        if framework.custom and any(failure.kind == "missing" for failure in cell.failures):
            cell.state, cell.reason = "unsupported", cell.failures[0].text
            cell.failures.clear()
        elif declared and cell.failures:
            cell.state, cell.reason = "differs", declared
            cell.failures.clear()
        elif declared:
            fail(cell, "undeclared", f"declared to differ ({declared}), but is equal")
        elif cell.failures:
            cell.state = "failed"
        else:
            cell.reason = computation.why_budget
        if cell.state == "equal" and framework.device == "cpu" and framework.number and cell.distance is not None:
            self.check_ledger(cell)

    def expect_unsupported(self, cell: Cell, how: str) -> None:
        """A stage too early for this computation must fail, and in the way that is declared."""
        kinds = {failure.kind for failure in cell.failures}
        first = cell.failures[0].text if cell.failures else "everything equal"
        by_both = "differences" in kinds or "value" in kinds or cell.dtype != "float64"  # differences need float64
        refuted = "torch" in kinds and by_both
        if (how == "missing" and kinds == {"missing"}) or (how == "wrong" and refuted):
            cell.state, cell.reason = "unsupported", f"{how}: {first}"
            cell.failures.clear()
        else:
            fail(cell, "undeclared", f"should be {how} before stage {cell.computation.since}, but: {first}")

    def check_ledger(self, cell: Cell) -> None:
        if self.ledger is None or cell.distance is None or self.oracle is None:
            return
        allowed = self.ledger.allowed(cell.computation.name, cell.dtype)
        if allowed is None:
            fail(cell, "ledger", "not in the ledger: crosscheck run --update-ledger")
        elif cell.distance > allowed:
            fail(cell, "ledger", f"{cell.distance:.3g} eps from the oracle; the ledger allows {allowed:.3g}")

    def compare(self, cell: Cell, framework: Framework, case: Case) -> None:
        """One case of a cell against both oracles, the stage before, and the invariants."""
        computation, dtype = cell.computation, np.dtype(cell.dtype)
        order = order_of(computation, framework, case)
        outcome = evaluate(computation, framework, case, dtype, self.seed, order)
        self.outcomes[computation.name, framework.label, cell.dtype, case.name] = outcome
        again = evaluate(computation, framework, case, dtype, self.seed, min(order, 1), check=True)
        for text in again.broken:
            cell.failures.append(Failure("invariant", f"{case.name}: {text}"))
        for (name, a), (_, b) in zip(outcome.arrays(), again.arrays(), strict=False):  # again is of order 1
            if framework.device == "cpu" and not same_bytes(a, b):  # a GPU may add in another order each time
                cell.failures.append(Failure("invariant", f"{case.name}: {name}: another answer the second time"))
        if computation.curve and cell.curve is None:  # of the first case
            oracle = self.oracles(computation, case, dtype)[0] if self.oracle else None
            cell.curve = Curve.of(outcome, oracle, computation.curve)
        against_torch = self.compare_with_oracle(cell, framework, case, outcome)
        self.compare_with_stage_before(cell, framework, case, outcome)
        if framework.cpu is not None:
            self.compare_with_cpu(cell, framework.cpu, case, outcome)
            return
        if framework.device == "cpu" and case.smooth and computation.differences and order and dtype == np.float64:
            self.compare_with_differences(cell, framework, case, outcome, against_torch)

    def compare_with_oracle(self, cell: Cell, framework: Framework, case: Case, outcome: Outcome) -> dict[int, str]:
        """Shape, dtype and distance from PyTorch; what is wrong with gradients is returned by order, to be judged."""
        if self.oracle is None:
            return {}
        precise, same = self.oracles(cell.computation, case, np.dtype(cell.dtype))
        wrong: dict[int, str] = {}
        theirs = list(precise.arrays())
        if len(outcome.values) != len(precise.values):
            cell.failures.append(
                Failure("value", f"{case.name}: {len(outcome.values)} outputs, PyTorch {len(precise.values)}")
            )
            return {}
        for i, (name, a) in enumerate(outcome.arrays()):
            order = 0 if i < len(outcome.values) else 1 + (i - len(outcome.values)) // max(1, len(case.arrays))
            reference, torch_same = theirs[i][1], list(same.arrays())[i][1]
            text = mismatch(a, torch_same if not case.integer else reference.astype(a.dtype))
            if text is None:
                far = distance(a, reference, np.dtype(cell.dtype))
                torch_far = distance(torch_same, reference, np.dtype(cell.dtype))
                allowed = max(cell.computation.allowed(cell.dtype), 4 * torch_far)
                cell.distance = max(cell.distance or 0.0, far)
                if not far <= allowed:
                    text = (
                        f"{far:.3g} eps from PyTorch, {allowed:.3g} allowed: "
                        f"{shorten(a)}, PyTorch has {shorten(reference)}"
                    )
            if text is not None and order == 0:
                cell.failures.append(Failure("value", f"{case.name}: {name}: {text}"))
                cell.failures.append(Failure("torch", f"{case.name}: {name}: refuted by PyTorch"))
            elif text is not None:
                wrong.setdefault(order, f"{name}: {text}")
        if not (case.smooth and cell.computation.differences and cell.dtype == "float64"):
            for text in wrong.values():
                cell.failures.append(Failure("torch", f"{case.name}: {text}"))
        return wrong

    def oracles(self, computation: Computation, case: Case, dtype: Any) -> tuple[Outcome, Outcome]:
        """PyTorch in float64 on the very same inputs, and PyTorch in the cell's own dtype."""
        assert self.oracle is not None
        found = []
        for oracle_dtype in (np.dtype("float64"), dtype):
            key = computation.name, f"oracle {oracle_dtype}", str(dtype), case.name
            if key not in self.outcomes:
                arrays = tuple(a.astype(oracle_dtype) for a in case.arrays)
                precise = Case(case.name, arrays, case.seeded)
                order = order_of(computation, self.oracle, case)
                self.outcomes[key] = evaluate(computation, self.oracle, precise, dtype, self.seed, order)
            found.append(self.outcomes[key])
        return found[0], found[1]

    def compare_with_stage_before(self, cell: Cell, framework: Framework, case: Case, outcome: Outcome) -> None:
        """Stage N+1 gives the very bytes of stage N."""
        if framework.device != "cpu" or framework.number is None or framework.number <= cell.computation.since:
            return
        before = next((f for f in self.frameworks if f.number == framework.number - 1), None)
        if before is None:
            return
        key = cell.computation.name, before.name, cell.dtype, case.name
        if key not in self.outcomes:
            order = order_of(cell.computation, before, case)
            self.outcomes[key] = evaluate(cell.computation, before, case, np.dtype(cell.dtype), self.seed, order)
        earlier = self.outcomes[key].arrays()  # perhaps without the higher orders
        for (name, a), (_, b) in zip(outcome.arrays(), earlier, strict=False):
            if not same_bytes(a, b):
                text = (
                    f"{case.name}: {name}: not the bytes of {before.name}: {shorten(a)}, {before.name} has {shorten(b)}"
                )
                cell.failures.append(Failure("stage", text))

    def compare_with_cpu(self, cell: Cell, cpu: Framework, case: Case, outcome: Outcome) -> None:
        """A GPU gives what the CPU gives: in shape and dtype just so, in value within twice what either may be off."""
        dtype = np.dtype(cell.dtype)
        expected = evaluate(cell.computation, cpu, case, dtype, self.seed, order_of(cell.computation, cpu, case))
        for (name, a), (_, b) in zip(outcome.arrays(), expected.arrays(), strict=True):
            text = mismatch(a, b)
            far = 0.0 if text else distance(a, b.astype(np.float64), dtype)
            if text or not far <= 2 * cell.computation.allowed(cell.dtype) + 8 * self.off(cell, case, dtype):
                said = text or f"{far:.3g} eps from the CPU: {shorten(a)}, there {shorten(b)}"
                cell.failures.append(Failure("device", f"{case.name}: {name}: {said.replace('PyTorch', 'the CPU')}"))

    def off(self, cell: Cell, case: Case, dtype: np.dtype[Any]) -> float:
        """How far PyTorch in this dtype is from PyTorch in float64, at most."""
        if self.oracle is None:
            return 0.0
        precise, same = self.oracles(cell.computation, case, dtype)
        pairs = zip(precise.arrays(), same.arrays(), strict=True)
        return max([distance(b, a, dtype) for (_, a), (_, b) in pairs if a.shape == b.shape], default=0.0)

    def compare_with_differences(
        self, cell: Cell, framework: Framework, case: Case, outcome: Outcome, against_torch: dict[int, str]
    ) -> None:
        """Gradients against slopes of the framework's own values; says who agrees with whom."""
        rng = stable_rng(cell.computation.name, case.name, str(self.seed), "direction")
        direction = [rng.standard_normal(a.shape) for a in case.arrays]
        for order, gradients in enumerate(outcome.gradients, 1):
            measured = slope(
                contraction(cell.computation, framework, case, order - 1, self.seed), case.arrays, direction
            )
            good = all(np.shape(g) == a.shape for g, a in zip(gradients, case.arrays, strict=True)) and agrees(
                gradients, direction, measured
            )
            text = against_torch.get(order)
            if text is not None:
                precise = self.oracles(cell.computation, case, np.dtype("float64"))[0].gradients[order - 1]
                backs_torch = agrees(precise, direction, measured)
                judge = (
                    "both agree with central differences"
                    if good and backs_torch
                    else f"central differences agree with {framework.name}"
                    if good
                    else "central differences agree with PyTorch"
                    if backs_torch
                    else "central differences agree with neither"
                )
                cell.failures.append(Failure("torch", f"{case.name}: {text}; {judge}"))
            if not good:
                along = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True))
                text = (
                    f"{case.name}: order {order}: central differences of {framework.name}'s own values give "
                    f"{measured.value:.10g} along a random direction, its gradient gives {along:.10g}"
                )
                cell.failures.append(Failure("differences", text))


class TimeLimit(BaseException):
    """Raised in a cell that takes too long; no Exception, so that nobody takes it for an answer."""


@contextlib.contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Raise TimeLimit in the block after so many seconds, where the system has such an alarm."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fail(cell: Cell, kind: str, text: str) -> None:
    """Turn a cell red."""
    cell.state = "failed"
    cell.failures.append(Failure(kind, text))


def order_of(computation: Computation, framework: Framework, case: Case) -> int:
    """How often this case is differentiated: integers and special values once, early stages at most once."""
    once = case.integer or not case.smooth
    return min(computation.order, framework.max_order, 1 if once else computation.order)


def evaluate(
    computation: Computation, framework: Framework, case: Case, dtype: Any, seed: int, order: int, check: bool = False
) -> Outcome:
    """Run a computation on a case, forward and then backward `order` times, each with a cotangent of its own."""
    arrays = case.fresh()
    kept = [a.copy() for a in arrays]
    variables = [framework.Variable(a) for a in arrays]
    result = computation.body(framework, *variables)
    outputs = list(result) if isinstance(result, tuple | list) else [result]
    outcome = Outcome([np.array(framework.array(y)) for y in outputs], [], [])
    for level in range(order):
        # What is None depends on nothing; its cotangent is drawn all the same, so that the others' stay the same.
        like = outcome.values if level == 0 else outcome.gradients[-1]
        rng = stable_rng(computation.name, case.name, str(seed), f"cotangent {level}")
        drawn = [np.asarray(rng.standard_normal(a.shape)).astype(dtype).astype(a.dtype) for a in like]
        seeds = [s for s, y in zip(drawn, outputs, strict=True) if y is not None]
        roots = [y for y in outputs if y is not None]
        found = framework.gradients(roots, variables, seeds if case.seeded else None, create_graph=level + 1 < order)
        outcome.gradients.append(
            [
                np.zeros_like(a) if g is None else np.array(framework.array(g))
                for g, a in zip(found, arrays, strict=True)
            ]
        )
        outcome.cotangents.append(seeds if case.seeded else None)
        if check and order == 1 and framework.owns_gradients:
            results = [y for y in roots if all(y is not x for x in variables)]
            others = [*arrays, *seeds, *(framework.array(y) for y in roots)]
            others += [framework.array(y.grad) for y in results if y.grad is not None]
            outcome.broken += ownership([framework.array(g) for g in found if g is not None], others)
            outcome.broken += seeds_kept(framework, results, seeds if case.seeded else None)
            again = framework.gradients(roots, variables, seeds if case.seeded else None)
            if any(
                (a is None) != (g is None) or (a is not None and not same_bytes(framework.array(a), b))
                for a, g, b in zip(again, found, outcome.gradients[0], strict=True)
            ):
                outcome.broken.append("another gradient the second time that backward is called")
        outputs = found
    if check and any(not same_bytes(a, b) for a, b in zip(arrays, kept, strict=True)):
        outcome.broken.append("an input was changed")
    return outcome


def ownership(gradients: Sequence[Any], others: Sequence[Array]) -> list[str]:
    """First-order gradients of leaves are writable arrays that share memory with nothing else."""
    broken = []
    for i, g in enumerate(gradients):
        if not isinstance(g, np.ndarray):
            broken.append(f"gradient {i} is a {type(g).__name__}, not an array")
        elif g.base is not None:
            broken.append(f"gradient {i} is a view of another array")
        elif not g.flags.writeable:
            broken.append(f"gradient {i} cannot be written to")
        elif any(np.may_share_memory(g, other) for other in [*others, *gradients[:i]]):
            broken.append(f"gradient {i} shares memory with another array")
    return broken


def seeds_kept(framework: Framework, results: Sequence[Any], seeds: Sequence[Array] | None) -> list[str]:
    """After backward a result has the seed that it was given, or ones; or None, from stage 2 on."""
    broken = []
    for i, y in enumerate(results):
        if y.grad is None and framework.number == 1:
            broken.append(f"the gradient of result {i} is gone")
        elif y.grad is not None:
            expected = np.ones_like(framework.array(y)) if seeds is None else seeds[i]
            if not same_bytes(framework.array(y.grad), expected):
                broken.append(f"the gradient of result {i} is not its seed any more")
    return broken


def contraction(
    computation: Computation, framework: Framework, case: Case, order: int, seed: int
) -> Callable[[Sequence[Array]], float]:
    """The number whose slope the derivative of the next order is: sum(cotangent * result of this order)."""

    def number(arrays: Sequence[Array]) -> float:
        moved = Case(case.name, tuple(arrays), case.seeded)
        outcome = evaluate(computation, framework, moved, np.dtype("float64"), seed, order)
        results = outcome.gradients[-1] if order else outcome.values
        rng = stable_rng(computation.name, case.name, str(seed), f"cotangent {order}")
        weights = [np.asarray(rng.standard_normal(r.shape)) if case.seeded else np.ones(r.shape) for r in results]
        return sum(float((w * r).sum()) for w, r in zip(weights, results, strict=True))

    return number


def kind_of(error: BaseException, framework: Framework, early: bool) -> str:
    """missing: the framework lacks something; exception: it failed; adapter: the adapter did.

    early: the stage is not expected to have everything, so a word of lack is taken as such; of a custom framework
    it is where the computation itself stumbles over it.
    """
    frames = [pathlib.Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    stumbled = framework.custom and frames[-1].is_relative_to(pathlib.Path(__file__).parent / "computations")
    if isinstance(error, Missing | ImportError) or ((early or stumbled) and LACKS.search(str(error))):
        return "missing"
    return "adapter" if frames[-1].is_relative_to(pathlib.Path(__file__).parent / "frameworks") else "exception"


def describe(error: BaseException) -> str:
    """The error, and the place that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{pathlib.Path(last.filename).name}:{last.lineno} in {last.name}"
    return f"{type(error).__name__}: {error} ({place})"
