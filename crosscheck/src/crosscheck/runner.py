"""The matrix: every computation in every framework and dtype, one cell each."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .cells import Cell, Curve
from .computations import Computation
from .details import CaseDetails, Details, choose, details_of, draw
from .frameworks import BookStyle, Framework, Missing
from .inputs import DIFFERENCES, TWICE, Case, stable_rng
from .judges import ALWAYS, UNLESS_INHERITED
from .judges.baseline import baseline
from .judges.declared import Verdict, difference, on_error, on_lack, on_values, red, too_early
from .judges.reference import distance_from_reference
from .ledger import Ledger
from .limits import TIME_LIMIT, TimeLimit, deadline
from .raised import describe, kind_of
from .recorder import Called, Recorder, lines_of
from .trial import Failure, Outcome, Reference, Trial, evaluate, order_of


@dataclass(frozen=True)
class Judged:
    """What is kept of a case: its outcome or its error, and what the judges found.

    accepted: by the judges that a bit-equal result of the next stage need not pass again.
    inherited: bit-equal to an accepted result of the previous stage.
    order, asked: the highest order of differentiation compared, and the computation's own, as far as PyTorch has it.
    """

    outcome: Outcome | None = None
    error: BaseException | None = None
    failures: Sequence[Failure] = ()
    accepted: bool = False
    inherited: bool = False
    distance: float | None = None
    order: int | None = None
    asked: int = 0
    curve: Curve | None = None
    called: Called = field(default_factory=dict)
    raised: frozenset[tuple[str, int]] = frozenset()
    details: CaseDetails | None = None


class Runner:
    """Runs cells. Frameworks are compared with `oracle` (PyTorch, or None for no oracle), stages with each other.

    quick: one case per cell, central differences only without PyTorch. details: keep what the pages show.
    """

    def __init__(
        self,
        frameworks: Sequence[Framework],
        oracle: Framework | None,
        seed: int = 0,
        ledger: Ledger | None = None,
        quick: bool = False,
        time_limit: float = TIME_LIMIT,
        details: bool = False,
    ):
        self.frameworks = list(frameworks)
        self.oracle = oracle
        self.seed = seed
        self.ledger = ledger if seed == 0 else None  # different inputs have different distances
        self.quick = quick
        self.time_limit = time_limit
        self.details = details
        self.cases: dict[tuple[str, str], list[Case]] = {}
        self.references: dict[tuple[str, str, str], Reference] = {}
        self.judged: dict[tuple[str, str, str, str], Judged] = {}
        self.recorders: dict[str, Recorder] = {}
        self.recording = False

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
            if computation.concerns(framework.device != "cpu", framework.custom, framework.plain is not None)
        ]

    def cases_of(self, computation: Computation, dtype: str) -> list[Case]:
        """The cases of a cell, the same for every framework."""
        key = computation.name, dtype
        if key not in self.cases:
            self.cases[key] = computation.make_cases(dtype, self.seed, deep=not self.quick)
        return self.cases[key]

    def cases_for(self, computation: Computation, framework: Framework, dtype: str) -> list[Case]:
        """The cases to run in this framework: in a quick run only the first, unless what is declared needs more."""
        cases = [case for case in self.cases_of(computation, dtype) if framework.takes_integers or not case.integer]
        return cases[:1] if self.is_quick(computation, framework, dtype) else cases

    def is_quick(self, computation: Computation, framework: Framework, dtype: str) -> bool:
        """Whether to run a single case: not if that may not be enough to show what is declared."""
        return self.quick and not too_early(computation, framework) and not difference(computation, framework, dtype)

    def is_twice(self, computation: Computation, framework: Framework, case: Case, dtype: str) -> bool:
        """Whether to run a case again: the largest of a cell, but not in a quick run, and not PyTorch."""
        if self.quick or framework is self.oracle or not computation.cases >= TWICE:
            return False
        return case is max(self.cases_for(computation, framework, dtype), key=Case.size)

    def recorder(self, computation: Computation, framework: Framework, dtype: str) -> Recorder | None:
        """The recorder of a stage that supports a computation, in its first dtype."""
        supported = framework.number is not None and not too_early(computation, framework)
        if (
            not supported
            or framework.device != "cpu"
            or framework.plain is not None
            or dtype != computation.dtypes[0]
            or not isinstance(framework, BookStyle)
        ):
            return None
        known = self.recorders.get(framework.label)
        if known is None or known.modules is not framework.modules:  # another copy of a stage, with a planted bug
            self.recorders[framework.label] = known = Recorder(framework)
            known.stay(self.recording)
        return known

    @contextlib.contextmanager
    def many_cells(self) -> Iterator[None]:
        """In the block, the recorders of a quick run, which records nearly every case, stay in place between cells."""
        self.recording = self.quick
        try:
            yield
        finally:
            self.recording = False
            for recorder in self.recorders.values():
                recorder.stay(False)

    def forget(self) -> None:
        """Discard all stored cases, references and outcomes."""
        self.cases.clear()
        self.references.clear()
        self.judged.clear()

    def run(self, computation: Computation, framework: Framework, dtype: str) -> Cell:
        """Run every case of a cell, and compare the result with what is declared."""
        cell = Cell(computation, framework.label, dtype, framework.custom)
        if dtype not in framework.dtypes:
            return replace(
                cell, state="unsupported", reason=f"{framework.name} computes in {', '.join(framework.dtypes)}"
            )
        start = time.perf_counter()
        judged: list[Judged] = []
        program = computation.smaller() if self.quick else computation
        until_shown = self.quick and not self.is_quick(computation, framework, dtype)
        try:
            with np.errstate(all="ignore"), deadline(self.time_limit):
                for each in self.judge(program, framework, dtype):
                    judged.append(each)  # kept, if the next one exceeds the limit
                    if until_shown and self.verdict(computation, framework, dtype, judged).state != "failed":
                        break
        except TimeLimit:
            failures = [failure for each in judged for failure in each.failures]
            verdict = red("hang", f"no answer within {self.time_limit:g} s of CPU time", failures)
        else:
            verdict = self.verdict(computation, framework, dtype, judged)
        distances = [each.distance for each in judged if each.distance is not None]
        return replace(
            cell,
            **vars(verdict),
            seconds=time.perf_counter() - start,
            order=max((each.order for each in judged if each.order is not None), default=None),
            asked=max((each.asked for each in judged), default=0),
            distance=max(distances, default=None),
            inherited=bool(judged) and all(each.inherited for each in judged),
            curve=next((each.curve for each in judged if each.curve is not None), None),
            called=next((each.called for each in judged if each.called), {}),
            program=framework.noted(),
            raised=next((each.raised for each in judged if each.raised), frozenset()),
            details=self.details_of(computation, framework, dtype, judged) if self.details else None,
        )

    def details_of(
        self, computation: Computation, framework: Framework, dtype: str, judged: Sequence[Judged]
    ) -> Details:
        """What the page of a computation shows; the graph once, in its first dtype."""
        cases = self.cases_for(computation, framework, dtype)
        drawn = dtype == computation.dtypes[0] and computation.raises is None and judged and not judged[-1].error
        graph = draw(computation, framework, choose(cases)) if drawn else ""
        return Details([each.details for each in judged if each.details is not None], graph)

    def verdict(self, computation: Computation, framework: Framework, dtype: str, judged: Sequence[Judged]) -> Verdict:
        """The verdict on a cell, from its cases."""
        if computation.raises is not None:
            return on_error(computation, framework, dtype, judged[0].error)
        failures = [failure for each in judged for failure in each.failures]
        if framework.custom and judged and judged[-1].error and [failure.kind for failure in failures] == ["missing"]:
            return on_lack(framework, judged[-1].error, failures[0].text)
        verdict = on_values(computation, framework, dtype, failures, self.oracle is not None)
        if verdict.state == "equal" and framework.custom and (less := self.less_than_asked(judged)):
            return Verdict("partial", less)
        distance = max((each.distance for each in judged if each.distance is not None), default=None)
        measured = verdict.state == "equal" and framework.number is not None and framework.device == "cpu"
        measured = measured and not (self.quick and computation.quick)  # the entry is of the whole program
        if self.ledger and measured and distance is not None:
            beyond = list(baseline(self.ledger, computation.name, dtype, distance))
            return Verdict("failed", failures=beyond) if beyond else verdict
        return verdict

    def less_than_asked(self, judged: Sequence[Judged]) -> str:
        """What was not compared although the computation asks for it; empty if nothing."""
        if self.oracle is None:
            return "values are not compared with PyTorch"
        order, asked = (max(orders) for orders in zip(*((each.order or 0, each.asked) for each in judged), strict=True))
        return f"derivatives to order {order} of {asked}" if order < asked else ""

    def judge(self, computation: Computation, framework: Framework, dtype: str) -> Iterator[Judged]:
        """Judge the cases of a cell one by one, until the framework turns out to lack something.

        The first one runs on the recorder, if any.
        """
        recorder = self.recorder(computation, framework, dtype)
        for case in self.cases_for(computation, framework, dtype):
            try:
                if computation.raises is not None:
                    with recorder or contextlib.nullcontext():
                        computation.body(recorder or framework)
                    yield Judged()
                else:
                    yield self.judge_case(computation, framework, case, dtype, recorder)
                    recorder = None
            except (Exception, SystemExit) as error:
                kind = kind_of(error, framework, too_early(computation, framework))
                failures = [Failure(kind, f"{case.name}: {describe(error)}")]
                if recorder and computation.raises is not None:
                    called, raised = recorder.taken(), lines_of(error, recorder.folder)
                    yield Judged(error=error, failures=failures, called=called, raised=raised)
                else:
                    yield Judged(error=error, failures=failures)
                if isinstance(error, Missing) or (framework.custom and kind == "missing"):
                    return

    def judge_case(
        self, computation: Computation, framework: Framework, case: Case, dtype: str, recorder: Recorder | None
    ) -> Judged:
        """Judge one case, and keep the result for the next stage."""
        trial = self.trial(computation, framework, case, np.dtype(dtype), recorder)
        before = self.inherited(trial)
        failures = [failure for judge in ALWAYS for failure in judge(trial)]
        found = [] if before else [failure for judge in UNLESS_INHERITED for failure in judge(trial)]
        precise = trial.reference.precise if trial.reference else None
        judged = Judged(
            trial.outcome,
            failures=[*failures, *found],
            accepted=not found,
            inherited=before is not None,
            distance=before.distance if before else distance_from_reference(trial),
            order=len(trial.outcome.gradients) if trial.reference or trial.sloped or trial.before else None,
            asked=min(len(precise.gradients), computation.order) if precise else 0,
            curve=Curve.of(trial.outcome, precise, computation.curve) if computation.curve else None,
            called=recorder.taken() if recorder else {},
            details=self.case_details(trial, before is not None) if self.details else None,
        )
        self.judged[computation.name, framework.label, dtype, case.name] = judged
        return judged

    def case_details(self, trial: Trial, inherited: bool) -> CaseDetails:
        """A case for the page of its computation, with its values if it is the example."""
        example = choose(self.cases_for(trial.computation, trial.framework, str(trial.dtype)))
        return details_of(trial, inherited, trial.case is example)

    def inherited(self, trial: Trial) -> Judged | None:
        """The accepted result of the previous stage, if this trial is bit-equal to it."""
        if trial.before is None:
            return None
        before = self.judged[trial.computation.name, trial.before[0], str(trial.dtype), trial.case.name]
        assert before.outcome is not None
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
        sloped = smooth and not (reference and self.is_quick(computation, framework, str(dtype)))
        twice = self.is_twice(computation, framework, case, str(dtype))
        return Trial(computation, framework, case, dtype, self.seed, outcome, reference, before, on_cpu, sloped, twice)

    def reference(self, computation: Computation, case: Case, dtype: np.dtype[Any]) -> Reference:
        """PyTorch on the same inputs, in float64 and in the dtype of the cell; computed once."""
        assert self.oracle is not None
        key = computation.name, str(dtype), case.name
        if key not in self.references:
            run = functools.partial(evaluate, computation, self.oracle, dtype=dtype, seed=self.seed)
            order = order_of(computation, self.oracle, case)
            moved = replace(case, layout=np.copy)
            exact = replace(moved, arrays=tuple(a.astype(np.float64) for a in case.arrays))
            precise = run(exact, order=order)
            same = precise if dtype == np.float64 else run(moved, order=order)
            self.references[key] = Reference(
                precise, same, lambda n: run(exact, order=order, shake=stable_rng(*key, f"sample {n}"))
            )
        return self.references[key]

    def stage_before(
        self, computation: Computation, framework: Framework, case: Case, dtype: np.dtype[Any]
    ) -> tuple[str, Outcome] | None:
        """The stage to which this one must be bit-equal, and its outcome; with hybridize, the same without it."""
        if framework.device != "cpu" or framework.number is None:
            return None
        before = framework.plain
        if before is None and framework.number > computation.since:
            before = next((f for f in self.frameworks if f.number == framework.number - 1), None)
        if before is None:
            return None
        key = computation.name, before.label, str(dtype), case.name
        if key not in self.judged:
            order = order_of(computation, before, case)
            self.judged[key] = Judged(evaluate(computation, before, case, dtype, self.seed, order))
        outcome = self.judged[key].outcome
        assert outcome is not None
        return before.name, outcome
