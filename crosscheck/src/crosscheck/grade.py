"""`crosscheck grade`: compare the package of an exercise with PyTorch, step by step, and explain the first difference.

The learner's code runs in worker processes with a limit of CPU time; what it prints is not shown.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.markup import escape
from rich.table import Table

from . import UsageError
from .computations import all_computations
from .ending import Ending, ended_early
from .exercise import Notes, Task, left_to_do, to_do
from .faults import load_copy
from .frameworks import load_stage, load_torch
from .lessons import lessons
from .limits import TIME_LIMIT
from .raised import describe
from .report.out import console, output, track
from .runner import Runner
from .stages import STAGES, Stage
from .workers import Answer, workers


@dataclass(frozen=True)
class Mark:
    """The result of a computation: whether it is equal in every dtype, and if not, the first difference."""

    name: str
    step: int
    doc: str
    equal: bool = True
    cell: str = ""
    text: str = ""


@dataclass
class Grade:
    """The results so far, by step, of `total` computations. broken: why the others did not run."""

    stage: Stage
    total: int
    marks: list[Mark] = field(default_factory=list)
    broken: str = ""
    left: Sequence[Task] = ()
    known: frozenset[str] = frozenset()  # names of the computations that were equal the last time

    @property
    def passed(self) -> bool:
        return not self.broken and len(self.marks) == self.total and all(mark.equal for mark in self.marks)

    @property
    def equal(self) -> list[str]:
        return sorted(mark.name for mark in self.marks if mark.equal)

    @property
    def lost(self) -> list[str]:
        """What was equal the last time and no longer is."""
        return sorted(mark.name for mark in self.marks if not mark.equal and mark.name in self.known)

    @property
    def first(self) -> Mark | None:
        """The first difference, in the order of the steps."""
        return min((mark for mark in self.marks if not mark.equal), key=lambda mark: mark.step, default=None)

    def steps(self) -> list[tuple[str, list[Mark]]]:
        """The results under the headings of the steps; those of earlier stages together."""
        headings = {lesson.step: lesson.heading for lesson in lessons(self.stage)}
        found: dict[str, list[Mark]] = {}
        for mark in sorted(self.marks, key=lambda mark: mark.step):
            found.setdefault(headings.get(mark.step, f"Steps 1 to {self.stage.first_step - 1}"), []).append(mark)
        return list(found.items())

    def as_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage.name,
            "passed": self.passed,
            "broken": self.broken,
            "equal": self.equal,
            "different": [vars(mark) for mark in self.marks if not mark.equal],
            "lost": self.lost,
            "left": [{"verb": task.verb, "name": task.name, "step": task.step} for task in self.left],
        }


def answering(folder: pathlib.Path, number: int) -> Answer:
    """In a worker: a function that runs a computation in the package of the exercise, which the first call imports.

    It returns a Mark, or a text if the package cannot be imported.
    """
    stage = STAGES[number - 1]
    computations = {computation.name: computation for computation in all_computations()}
    oracle = load_torch()
    before = [load_stage(other) for other in STAGES if other.number == number - 1 and other.installed()]
    runners: list[Runner] = []

    def answer(name: str) -> Mark | str:
        if not runners:
            try:
                framework = load_copy(stage, folder / stage.package)
            except (Exception, SystemExit) as error:
                return f"{stage.package} cannot be imported: {describe(error)}"
            runners.append(Runner([*before, framework], oracle, quick=True))
        runner, computation = runners[0], computations[name]
        mark = Mark(name, computation.step, computation.doc)
        for dtype in computation.dtypes:
            cell = runner.run(computation, runner.frameworks[-1], dtype)
            if not cell.ok:
                texts = dict.fromkeys(failure.text for failure in cell.failures)
                return Mark(name, mark.step, mark.doc, False, cell.name, "\n".join(texts))
        runner.forget()
        return mark

    return answer


def grade(folder: pathlib.Path, n: int, limit: float = TIME_LIMIT) -> tuple[Grade, Ending]:
    """Run every computation that the stage supports; remember which are equal."""
    notes = Notes.read(folder)
    stage = notes.of
    if not (folder / stage.package).is_dir():
        raise UsageError(f"{folder} has no package {stage.package}")
    able = [computation for computation in all_computations() if computation.since <= stage.number]
    found = Grade(stage, len(able), left=left_to_do(stage, folder), known=frozenset(notes.equal))
    with ended_early() as ending, workers(n, answering, (folder.resolve(), stage.number), limit) as answers:
        names = [computation.name for computation in sorted(able, key=lambda computation: computation.step)]
        for name, answer in track(answers(names), len(names), lambda pair: pair[0], "computations"):
            if isinstance(answer, Mark):
                found.marks.append(answer)
                continue
            found.broken = answer if isinstance(answer, str) else f"{name}: {answer.text}"
            break
    if not ending.word and not found.broken:
        notes.equal = found.equal
        notes.write(folder)
    return found, ending


def grade_report(folder: pathlib.Path, n: int, json_target: str | None) -> int:
    """`crosscheck grade`: print the results; the status is 0 if everything is equal."""
    found, ending = grade(folder, n)
    output(found.as_json(), json_target, lambda: print_grade(found, folder))
    return ending.status or (0 if found.passed else 1)


def print_grade(found: Grade, folder: pathlib.Path) -> None:
    out = console()
    table = Table("step", "equal", "", box=None, pad_edge=False)
    for heading, marks in found.steps():
        equal = sum(mark.equal for mark in marks)
        table.add_row(escape(heading), f"{equal} of {len(marks)}", "" if equal < len(marks) else "[green]all[/]")
    out.print(table)
    for line in explanation(found, folder):
        out.print(escape(line), soft_wrap=True)


def explanation(found: Grade, folder: pathlib.Path) -> Iterator[str]:
    """What to do next."""
    yield ""
    if found.known:
        gained = len(set(found.equal) - found.known)
        yield f"{gained} more than the last time." + (f" No longer: {', '.join(found.lost)}." if found.lost else "")
    if found.broken:
        yield f"Stopped: {found.broken}"
    elif found.passed:
        yield f"Everything equals PyTorch: {found.total} computations."
        return
    elif found.first is not None:
        yield f"The first difference: {found.first.cell} (step {found.first.step})"
        yield f"  {found.first.doc}"
        yield from (f"  {line}" for line in found.first.text.splitlines())
    if found.left:
        step = min(task.step for task in found.left)
        todo = [task for task in found.left if task.step == step]
        yield f"Next, step {step}: {'; '.join(to_do(todo, found.stage))}. {folder / 'README.md'} has its lesson."
