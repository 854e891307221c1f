"""The matrix: every computation in every framework and dtype, one cell each, and the state of each cell."""

from __future__ import annotations

import contextlib
import pathlib
import re
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .computations import Computation
from .frameworks import BookStyle, Framework, Missing
from .inputs import DIFFERENCES, Case
from .judges import ALWAYS, UNLESS_INHERITED
from .judges.baseline import baseline
from .judges.reference import distance_from_reference
from .ledger import Ledger
from .recorder import Called, Recorder, lines_of
from .trial import Failure, Outcome, Reference, Trial, evaluate, order_of

TIME_LIMIT = 120.0  # seconds of CPU time per cell, so that a busy machine makes none fail
# Messages for a missing name, operator, keyword or argument.
LACKS = re.compile(
    r"unsupported operand type|bad operand type|has no attribute|unexpected keyword|positional argument"
    r"|not subscriptable|argument must be a|cannot import|has no len|cannot unpack|no keyword arguments"
    r"|expected (a )?Variables?, got|expected a numpy.ndarray|expected a number"
)


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


@dataclass
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
    asked: int = 0  # the highest order compared in PyTorch
    lacks: str = ""  # the name whose lack makes a custom framework fail
    distance: float | None = None
    inherited: bool = False
    reason: str = ""
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    curve: Curve | None = None
    called: Called = field(default_factory=dict)
    raised: frozenset[tuple[str, int]] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.computation.name}/{self.framework}/{self.dtype}"

    @property
    def ok(self) -> bool:
        return self.state != "failed"

    def fail(self, kind: str, text: str) -> None:
        """Turn the cell red."""
        self.state = "failed"
        self.failures.append(Failure(kind, text))


@dataclass(frozen=True)
class Judged:
    """What is kept of a case of a stage: its outcome, its distance, and whether the judges accepted it."""

    outcome: Outcome
    distance: float | None = None
    accepted: bool = False


class Runner:
    """Runs cells. Frameworks are compared with `oracle` (PyTorch, or None for no oracle), stages with each other.

    quick: one case per cell, and central differences only without PyTorch.
    """

    def __init__(
        self,
        frameworks: Sequence[Framework],
        oracle: Framework | None,
        seed: int = 0,
        ledger: Ledger | None = None,
        quick: bool = False,
        time_limit: float = TIME_LIMIT,
    ):
        self.frameworks = list(frameworks)
        self.oracle = oracle
        self.seed = seed
        self.ledger = ledger if seed == 0 else None  # different inputs have different distances
        self.quick = quick
        self.time_limit = time_limit
        self.cases: dict[tuple[str, str], list[Case]] = {}
        self.references: dict[tuple[str, str, str], Reference] = {}
        self.judged: dict[tuple[str, str, str, str], Judged] = {}
        self.recorders: dict[str, Recorder] = {}

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
            self.cases[key] = computation.make_cases(dtype, self.seed)
        return self.cases[key]

    def cases_for(self, computation: Computation, framework: Framework, dtype: str) -> list[Case]:
        """The cases to run in this framework: in a quick run only the first, unless it is declared to fail."""
        cases = [case for case in self.cases_of(computation, dtype) if framework.takes_integers or not case.integer]
        return cases[:1] if self.is_quick(computation, framework) else cases

    def is_quick(self, computation: Computation, framework: Framework) -> bool:
        """Whether to run a single case: not if showing what is declared may take more."""
        too_early = framework.number is not None and framework.number < computation.since
        return self.quick and not too_early and not declared(computation, framework)

    def recorder(self, computation: Computation, framework: Framework, dtype: str) -> Recorder | None:
        """The recorder of a stage that supports a computation, in its first dtype."""
        early = framework.number is None or framework.number < computation.since
        if early or framework.device != "cpu" or dtype != computation.dtypes[0] or not isinstance(framework, BookStyle):
            return None
        known = self.recorders.get(framework.label)
        if known is None or known.modules is not framework.modules:  # another copy of a stage, with a planted bug
            self.recorders[framework.label] = known = Recorder(framework)
        return known

    def forget(self) -> None:
        """Discard all stored cases, references and outcomes."""
        self.cases.clear()
        self.references.clear()
        self.judged.clear()

    def run(self, computation: Computation, framework: Framework, dtype: str) -> Cell:
        """Run every case of a cell, and compare the result with what is declared."""
        cell = Cell(computation, framework.label, dtype, framework.custom)
        if dtype not in framework.dtypes:
            cell.state, cell.reason = "unsupported", f"{framework.name} computes in {', '.join(framework.dtypes)}"
            return cell
        start = time.perf_counter()
        try:
            with np.errstate(all="ignore"), deadline(self.time_limit):
                if computation.raises is not None:
                    self.expect_error(cell, framework)
                else:
                    self.expect_values(cell, framework)
        except TimeLimit:
            cell.fail("hang", f"no answer within {self.time_limit:g} s of CPU time")
        cell.seconds = time.perf_counter() - start
        return cell

    # --- computations that are meant to fail ---

    def expect_error(self, cell: Cell, framework: Framework) -> None:
        """A stage must raise exactly this error; another framework any error, unless declared to accept the input."""
        assert cell.computation.raises is not None
        kind = cell.computation.raises[0]
        text = cell.computation.expected_text(framework.number)
        reason = declared(cell.computation, framework)
        recorder = self.recorder(cell.computation, framework, cell.dtype)
        try:
            with recorder or contextlib.nullcontext():
                cell.computation.body(recorder or framework)
        except (Exception, SystemExit) as error:
            if recorder:
                cell.called, cell.raised = recorder.taken(), lines_of(error, recorder.folder)
            said = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
            exact = type(error) is kind and says(text, str(error))
            cell.state, cell.reason = "error", said
            if framework.number is not None and framework.number < cell.computation.since:
                cell.state = "unsupported"
            elif isinstance(error, Missing) and reason:
                cell.state, cell.reason = "differs", reason
            elif isinstance(error, AttributeError) and framework.custom:
                self.expect_lack(cell, framework, error, said)
            elif isinstance(error, Missing) and framework.number is None:
                cell.state = "unsupported"
            elif reason:
                cell.fail("undeclared", f"declared to accept this ({reason}), but raised {said}")
            elif framework.number is not None and not exact:
                cell.fail("exception", f"raised {said}; expected {kind.__name__}: {text}")
            return
        if reason:
            cell.state, cell.reason = "differs", reason
        else:
            cell.fail("undeclared", f"raised nothing; expected {kind.__name__}: {text}")

    # --- computations with values ---

    def expect_values(self, cell: Cell, framework: Framework) -> None:
        """Run and judge every case, and compare the result with what is declared."""
        computation = cell.computation
        cases = self.cases_for(computation, framework, cell.dtype)
        inherited = 0
        for case in cases:
            try:
                inherited += self.judge(cell, framework, case)
            except (Exception, SystemExit) as error:
                early = (framework.number or 99) < computation.since
                cell.failures.append(Failure(kind_of(error, framework, early), f"{case.name}: {describe(error)}"))
                if framework.custom and [failure.kind for failure in cell.failures] == ["missing"]:
                    self.expect_lack(cell, framework, error, cell.failures.pop().text)
                    return
                if isinstance(error, Missing):
                    break
        cell.inherited = inherited == len(cases)
        if framework.number is not None and framework.number < computation.since:
            self.expect_unsupported(cell, computation.declared_failure(framework.number))
            return
        reason = declared(computation, framework)
        if reason and (cell.failures or self.oracle is None):  # without PyTorch the difference is not visible
            cell.state, cell.reason = "differs", reason
            cell.failures.clear()
        elif reason:
            cell.fail("undeclared", f"declared to differ ({reason}), but is equal")
        elif cell.failures:
            cell.state = "failed"
        elif framework.custom and (less := self.less_than_asked(cell)):
            cell.state, cell.reason = "partial", less
        else:
            cell.reason = computation.why_budget
        if cell.state == "equal" and framework.device == "cpu" and framework.number and cell.distance is not None:
            for failure in baseline(self.ledger, computation.name, cell.dtype, cell.distance) if self.ledger else ():
                cell.fail(failure.kind, failure.text)

    def expect_unsupported(self, cell: Cell, how: str) -> None:
        """A stage that does not support the computation yet must fail in the declared way."""
        kinds = {failure.kind for failure in cell.failures}
        first = cell.failures[0].text if cell.failures else "everything equal"
        by_both = "differences" in kinds or "value" in kinds or cell.dtype != "float64"  # differences need float64
        refuted = ("torch" in kinds and by_both) or self.oracle is None
        if (how == "missing" and kinds == {"missing"}) or (how == "wrong" and refuted):
            cell.state, cell.reason = "unsupported", f"{how}: {first}"
            cell.failures.clear()
        else:
            cell.fail("undeclared", f"should be {how} before stage {cell.computation.since}, but: {first}")

    def expect_lack(self, cell: Cell, framework: Framework, error: BaseException, said: str) -> None:
        """A custom framework may lack any name; if it declares what it lacks, only those."""
        cell.lacks = lacking(error)
        if framework.lacks is None or cell.lacks in framework.lacks:
            cell.state, cell.reason = "unsupported", said
        else:
            cell.fail("undeclared", f"{said}; `lacks` in {framework.name} does not list {cell.lacks!r}")

    def less_than_asked(self, cell: Cell) -> str:
        """What was not compared although the computation asks for it; empty if nothing."""
        if self.oracle is None:
            return "values are not compared with PyTorch"
        return f"derivatives to order {cell.order} of {cell.asked}" if (cell.order or 0) < cell.asked else ""

    def judge(self, cell: Cell, framework: Framework, case: Case) -> bool:
        """Judge one case of a cell; return whether the verdict was inherited from the previous stage."""
        computation = cell.computation
        recorder = None if cell.called else self.recorder(computation, framework, cell.dtype)
        trial = self.trial(computation, framework, case, np.dtype(cell.dtype), recorder)
        if recorder:
            cell.called = recorder.taken()
        inherited = self.inherited(trial)
        cell.failures += [failure for judge in ALWAYS for failure in judge(trial)]
        found = [] if inherited else [failure for judge in UNLESS_INHERITED for failure in judge(trial)]
        cell.failures += found
        if trial.reference or trial.sloped or trial.before:
            cell.order = max(cell.order or 0, len(trial.outcome.gradients))
        if trial.reference:
            cell.asked = max(cell.asked, len(trial.reference.precise.gradients))
        far = inherited.distance if inherited else distance_from_reference(trial)
        if far is not None:
            cell.distance = max(cell.distance or 0.0, far)
        if computation.curve and cell.curve is None:  # of the first case
            oracle = trial.reference.precise if trial.reference else None
            cell.curve = Curve.of(trial.outcome, oracle, computation.curve)
        key = computation.name, framework.label, cell.dtype, case.name
        self.judged[key] = Judged(trial.outcome, far, accepted=not found)
        return inherited is not None

    def inherited(self, trial: Trial) -> Judged | None:
        """The accepted result of the previous stage, if this trial is bit-equal to it."""
        if trial.before is None:
            return None
        before = self.judged[trial.computation.name, trial.before[0], str(trial.dtype), trial.case.name]
        return before if before.accepted and trial.outcome.same_bytes(before.outcome) else None

    def trial(
        self,
        computation: Computation,
        framework: Framework,
        case: Case,
        dtype: np.dtype[Any],
        recorder: Recorder | None = None,
    ) -> Trial:
        """Run a case, on the recorder, if any; collect the results to compare it with."""
        order = order_of(computation, framework, case)
        if framework is self.oracle and case.layout is np.copy:
            outcome = self.reference(computation, case, dtype).same  # the same calls on the same inputs
        else:
            with recorder or contextlib.nullcontext():
                outcome = evaluate(computation, recorder or framework, case, dtype, self.seed, order, check=True)
        reference = self.reference(computation, case, dtype) if self.oracle else None  # after what may be unsupported
        before = self.stage_before(computation, framework, case, dtype)
        on_cpu = evaluate(computation, framework.cpu, case, dtype, self.seed, order) if framework.cpu else None
        smooth = case.smooth and computation.cases >= DIFFERENCES and framework.device == "cpu" and dtype == np.float64
        sloped = smooth and not (reference and self.is_quick(computation, framework))
        largest = max(self.cases_for(computation, framework, str(dtype)), key=Case.size)
        twice = case is largest and framework is not self.oracle and not self.quick
        return Trial(computation, framework, case, dtype, self.seed, outcome, reference, before, on_cpu, sloped, twice)

    def reference(self, computation: Computation, case: Case, dtype: np.dtype[Any]) -> Reference:
        """PyTorch on the same inputs, in float64 and in the dtype of the cell; computed once."""
        assert self.oracle is not None
        key = computation.name, str(dtype), case.name
        if key not in self.references:
            order = order_of(computation, self.oracle, case)
            found = []
            for oracle_dtype in dict.fromkeys((np.dtype("float64"), dtype)):
                moved = Case(case.name, tuple(a.astype(oracle_dtype) for a in case.arrays), case.seeded)
                found.append(evaluate(computation, self.oracle, moved, dtype, self.seed, order))
            self.references[key] = Reference(found[0], found[-1])
        return self.references[key]

    def stage_before(
        self, computation: Computation, framework: Framework, case: Case, dtype: np.dtype[Any]
    ) -> tuple[str, Outcome] | None:
        """The stage to which this one must be bit-equal, and its outcome."""
        if framework.device != "cpu" or framework.number is None or framework.number <= computation.since:
            return None
        before = next((f for f in self.frameworks if f.number == framework.number - 1), None)
        if before is None:
            return None
        key = computation.name, before.label, str(dtype), case.name
        if key not in self.judged:
            order = order_of(computation, before, case)
            self.judged[key] = Judged(evaluate(computation, before, case, dtype, self.seed, order))
        return before.name, self.judged[key].outcome


def declared(computation: Computation, framework: Framework) -> str | None:
    """The declared reason why a framework differs here, if any."""
    return computation.differs.get(framework.name) or framework.differs.get(computation.name)


class TimeLimit(BaseException):
    """Raised in a cell that takes too long; not an Exception, so that no `except Exception` catches it."""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise TimeLimit in the block after this much CPU time of the process, if the system has such a timer."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


OPERATOR = re.compile(r"operand type(?:\(s\))? for (?:unary )?(\S+?)(?: or pow\(\))?: ")
KEYWORD = re.compile(r"([\w.]+)\(\) got an unexpected keyword argument '(\w+)'")


def lacking(error: BaseException) -> str:
    """The name that a custom framework lacks: conv2d, Variable.max, operator **, sum(axis) or the error's message."""
    if isinstance(error, Missing):
        return str(error.name)
    if isinstance(error, AttributeError) and error.name:
        return f"{type(error.obj).__name__}.{error.name}"
    if found := OPERATOR.search(str(error)):
        return f"operator {found[1]}"
    if found := KEYWORD.search(str(error)):
        return f"{found[1].strip('.')}({found[2]})"
    return " ".join(str(error).split())


def says(pattern: str, text: str) -> bool:
    """Whether a text is as declared; ... stands for any part of it."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("..."))), text, re.DOTALL) is not None


def kind_of(error: BaseException, framework: Framework, early: bool) -> str:
    """missing: the framework lacks something; exception: it failed; adapter: the adapter failed.

    early: the stage is not expected to support everything, so a message that matches LACKS means missing. In a custom
    framework it does if the computation itself raised the error.
    """
    frames = [pathlib.Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    stumbled = framework.custom and frames[-1].is_relative_to(pathlib.Path(__file__).parent / "computations")
    if isinstance(error, Missing | ImportError) or ((early or stumbled) and LACKS.search(str(error))):
        return "missing"
    return "adapter" if frames[-1].is_relative_to(pathlib.Path(__file__).parent / "frameworks") else "exception"


def describe(error: BaseException) -> str:
    """The error and where it was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{pathlib.Path(last.filename).name}:{last.lineno} in {last.name}"
    return f"{type(error).__name__}: {error} ({place})"
