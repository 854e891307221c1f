"""In a worker: which computations execute which lines, and the verdict on a mutant."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import CodeType, FrameType
from typing import Any

from ..computations import Computation, all_computations
from ..faults import NO_DETECTION
from ..frameworks import BookStyle, Framework, load_stage, load_torch
from ..ledger import Ledger
from ..limits import TIME_LIMIT
from ..runner import Judged, Runner
from ..stages import STAGES, Stage
from ..trial import Trial
from ..workers import Again
from .planted import Copy

IMPORT = ""  # instead of the name of a computation
CACHED = type(functools.cache(len))
LEAST, TIMES = 3.0, 20.0  # a cell hangs after TIMES the CPU time of the sound one, but not before LEAST seconds


@dataclass(frozen=True)
class Verdict:
    """detected, survived, invalid (it cannot be imported) or hangs; the cell and its message."""

    result: str
    cell: str = ""
    text: str = ""


class MutantRunner(Runner):
    """A runner for the planted copies of a stage; fast, and never stricter than `crosscheck run`.

    It trusts a case with the bytes of the sound stage, which was accepted, and does not ask central differences, which
    tolerate more than PyTorch does.
    """

    def __init__(self, stage: Stage):
        before = [load_stage(other) for other in STAGES if other.number == stage.number - 1]
        super().__init__(before, load_torch(), ledger=Ledger.read())
        self.before = before
        self.sound: dict[tuple[str, str], float] = {}  # seconds of CPU time
        self.outcomes: dict[tuple[str, str, str, str], Judged] = {}

    def recorder(self, *_: object) -> None:
        """What a computation calls is of no interest here."""

    def trial(self, *arguments: Any) -> Trial:
        return replace(super().trial(*arguments), sloped=False)

    def judge(self, *arguments: Any) -> Iterator[Judged]:
        """Judge the cases of a cell up to the first detection."""
        for judged in super().judge(*arguments):
            yield judged
            if any(failure.kind not in NO_DETECTION for failure in judged.failures):
                return

    def inherited(self, trial: Trial) -> Judged | None:
        sound = self.outcomes.get((trial.computation.name, trial.framework.label, str(trial.dtype), trial.case.name))
        if sound is None or not sound.accepted:  # a declared difference must show again
            return super().inherited(trial)
        assert sound.outcome is not None
        return sound if trial.outcome.same_bytes(sound.outcome) else None

    def run_sound(self, computation: Computation, framework: Framework, dtype: str) -> None:
        """Run a cell of the unplanted stage, which must be green, and keep its outcomes."""
        self.frameworks = [*self.before, framework]
        start = time.process_time()
        cell = self.run(computation, framework, dtype)
        if not cell.ok:
            raise RuntimeError(f"{cell.name} is red without a mutant: {cell.failures[0].text}")
        self.sound[computation.name, dtype] = time.process_time() - start
        for key in [key for key in self.judged if key[:3] == (computation.name, framework.label, dtype)]:
            self.outcomes[key] = self.judged.pop(key)


class Judge:
    """Judges the mutants of one stage."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self.copy = Copy(stage)
        self.copy.exchange({})
        self.sound = self.copy.load()
        self.modules = self.copy.exchange({})
        self.copy.exchange(self.modules)
        self.runner = MutantRunner(stage)
        self.computations = {c.name: c for c in all_computations() if c.since <= stage.number}
        self.judged = 0  # mutants; each may leave something behind

    def __call__(self, task: tuple[Any, ...]) -> Any:
        """Answer a task: the name of a computation, or a mutant's file and text and the computations to run."""
        return self.lines(*task) if len(task) == 1 else self.judge(*task)

    def lines(self, name: str) -> tuple[dict[str, list[int]], float]:
        """The lines of each file that a computation executes, or that importing the stage does; and its seconds."""
        dtypes = self.computations[name].dtypes if name != IMPORT else ()
        for value in (value for module in self.modules.values() for value in vars(module).values()):
            if isinstance(value, CACHED):  # what another computation left in it would hide lines
                value.cache_clear()
        with Recorder(self.stage.source) as recorder:
            if name == IMPORT:
                self.copy.exchange({})
                self.copy.load()
                self.copy.exchange(self.modules)
            for dtype in dtypes:
                self.runner.run_sound(self.computations[name], self.sound, dtype)
        return recorder.files(), sum(self.runner.sound[name, dtype] for dtype in dtypes)

    def judge(self, file: str, text: str, names: Sequence[str]) -> Verdict:
        """Run computations, in this order, until a cell is red."""
        verdict = self.first_red(file, text, names)
        self.judged += 1
        return verdict

    def first_red(self, file: str, text: str, names: Sequence[str]) -> Verdict:
        with contextlib.ExitStack() as stack:
            try:
                planted = stack.enter_context(self.copy.planted(file, text))
            except (Exception, SystemExit) as error:
                return Verdict("invalid", text=f"{type(error).__name__}: {error}")
            verdict = Verdict("survived")
            for name in names:
                for dtype in self.computations[name].dtypes:
                    verdict = self.cell(planted, name, dtype) or verdict
                    if verdict.result != "survived":
                        return verdict
            return verdict

    def cell(self, planted: BookStyle, name: str, dtype: str) -> Verdict | None:
        """Run a cell; return None if it is green."""
        computation = self.computations[name]
        if (name, dtype) not in self.runner.sound:
            modules = self.copy.exchange(self.modules)  # pickle looks classes up there
            try:
                self.runner.run_sound(computation, self.sound, dtype)
            except RuntimeError as error:  # although it was green when its lines were recorded
                if self.judged:
                    raise Again from error
                return None  # this mutant itself left something behind
            finally:
                self.copy.exchange(modules)
        self.runner.frameworks = [*self.runner.before, planted]
        self.runner.time_limit = max(LEAST, TIMES * self.runner.sound[name, dtype])
        cell = self.runner.run(computation, planted, dtype)
        self.runner.time_limit = TIME_LIMIT
        for kind, text in ((failure.kind, failure.text) for failure in cell.failures):
            result = "hangs" if kind == "hang" else "survived" if kind in NO_DETECTION else "detected"
            verdict = Verdict(result, cell.name, f"{kind}: {text}"[:300])
            if result != "survived":
                return verdict
        return verdict if cell.failures else None


class Recorder:
    """Records which lines of the files in a folder are executed in the block, also in threads that start in it."""

    def __init__(self, folder: pathlib.Path):
        self.folder = str(folder)
        self.missing: dict[CodeType, set[int]] = {}  # lines not executed yet
        self.tracers: dict[CodeType, Callable[..., Any]] = {}

    def __enter__(self) -> Recorder:
        threading.settrace(self.called)
        sys.settrace(self.called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def called(self, frame: FrameType, event: str, argument: Any) -> Any:
        """The trace function of a frame; None if there is nothing to learn from it."""
        code = frame.f_code
        if code not in self.missing:
            inside = code.co_filename.startswith(self.folder)
            self.missing[code] = {line for _, _, line in code.co_lines() if line} if inside else set()
            self.tracers[code] = self.tracer(self.missing[code])
        return self.tracers[code] if self.missing[code] else None

    def tracer(self, missing: set[int]) -> Callable[..., Any]:
        def line(frame: FrameType, event: str, argument: Any) -> Any:
            missing.discard(frame.f_lineno)
            return line

        return line

    def files(self) -> dict[str, list[int]]:
        found: dict[str, set[int]] = {}
        for code, missing in self.missing.items():
            if code.co_filename.startswith(self.folder):
                file = pathlib.Path(code.co_filename).relative_to(self.folder).as_posix()
                found.setdefault(file, set()).update({line for _, _, line in code.co_lines() if line} - missing)
        return {file: sorted(lines) for file, lines in found.items()}
