"""Mutation testing: bugs are planted in copies of the stages, and each must turn a cell red.

A worker process imports planted copies one after another, so that it computes PyTorch's results only once; it is
replaced if a bug makes it hang. An ImportError, a SyntaxError, a failing adapter or a hang
is not a detection.
"""

from __future__ import annotations

import importlib
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from rich.markup import escape
from rich.table import Table

from . import UsageError
from .computations import all_computations
from .ending import ended_early
from .files import read_toml
from .frameworks import BookStyle, load_stage, load_torch
from .ledger import Ledger
from .report.out import console, output, track
from .runner import Runner
from .select import matches
from .stages import STAGES, Stage, parse_stages
from .workers import Answer, Ended, workers

PATH = pathlib.Path(__file__).parent / "faults.toml"
NO_DETECTION = {"missing", "adapter", "hang"}
LIMIT = 400.0  # seconds of CPU time; all computations of stage 5 take a quarter of that


@dataclass(frozen=True)
class Fault:
    """A planted bug: in a copy of the file the old text, which occurs exactly once, is replaced by the new one."""

    stage: int
    name: str
    file: str
    old: str
    new: str

    @property
    def label(self) -> str:
        return f"stage{self.stage}/{self.name}"


@dataclass(frozen=True)
class Verdict:
    """The result for a fault: detected, missed, invalid (it could not be run) or hangs; the cell and its message."""

    name: str
    result: str
    cell: str = ""
    text: str = ""
    path: str = ""


FIELDS = [field.name for field in fields(Fault)]


def read_faults(path: pathlib.Path = PATH) -> list[Fault]:
    """The planted bugs of a file. Raises UsageError if it is damaged."""
    try:
        return [Fault(**entry) for entry in read_toml(path)["fault"]]
    except (KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged: expected tables [[fault]] of {', '.join(FIELDS)}: {error}") from error


def plant(stage: Stage, fault: Fault | None, folder: pathlib.Path) -> pathlib.Path:
    """Copy the stage's package into a folder, with the fault if there is one; return the path of the copy."""
    copy = folder / stage.package
    shutil.copytree(stage.source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if fault is not None:
        file = copy / fault.file
        if not file.is_file():
            raise UsageError(f"fault {fault.name}: {stage.name} has no file {fault.file}")
        file.write_text(planted(fault, file.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


def planted(fault: Fault, source: str) -> str:
    """The source of a file with the fault. Raises UsageError unless its old text occurs exactly once."""
    if (count := source.count(fault.old)) != 1:
        raise UsageError(f"fault {fault.name}: its old text occurs {count} times in {fault.file}, not once")
    return source.replace(fault.old, fault.new)


def load_copy(stage: Stage, copy: pathlib.Path) -> BookStyle:
    """Import a copy instead of the installed package."""
    sys.path.insert(0, str(copy.parent))
    importlib.invalidate_caches()
    try:
        return BookStyle.from_package(stage.name, stage.package, number=stage.number)
    finally:
        sys.path.remove(str(copy.parent))


def judge(runner: Runner, costs: dict[str, float], stage: Stage, name: str, copy: pathlib.Path) -> Verdict:
    """Run the cells of a copy until one is red."""
    for module in [module for module in sys.modules if module.partition(".")[0] in {s.package for s in STAGES}]:
        del sys.modules[module]  # earlier copies
    before = [load_stage(other) for other in STAGES if other.number == stage.number - 1]
    try:
        framework = load_copy(stage, copy)
    except Exception as error:
        return Verdict(name, "invalid", text=f"{type(error).__name__}: {error}", path=str(copy))
    imported = str(framework.modules[0].__file__)
    if not imported.startswith(str(copy)):
        return Verdict(name, "invalid", text="the planted copy was not the one imported", path=imported)
    runner.frameworks = [*before, framework]
    runner.judged.clear()
    invalid = None
    # Everything the stage supports: what it adds first, then the fastest, so that most bugs are detected early.
    able = [computation for computation in all_computations() if computation.since <= stage.number]
    order = sorted(able, key=lambda c: (c.since != stage.number, costs.get(c.name, 0.0)))
    for computation in order:
        for dtype in computation.dtypes:
            cell = runner.run(computation, framework, dtype)
            costs[computation.name] = max(cell.seconds, costs.get(computation.name, 0.0))
            for failure in cell.failures:
                if failure.kind not in NO_DETECTION:
                    return Verdict(name, "detected", cell.name, f"{failure.kind}: {failure.text}", imported)
            if cell.failures and invalid is None:
                invalid = Verdict(name, "invalid", cell.name, cell.failures[0].text, imported)
    return invalid or Verdict(name, "missed", path=imported)


def answering() -> Answer:
    """In a worker: a function that judges one copy after another."""
    runner = Runner([], load_torch(), ledger=Ledger.read())
    costs: dict[str, float] = {}
    return lambda task: judge(runner, costs, *task)


def run_faults(faults: Sequence[Fault], n: int = 1, limit: float = LIMIT) -> Iterator[Verdict]:
    """Judge an unplanted copy of each stage, which must be green ("missed"), and each fault, in n processes."""
    stages = [stage for stage in STAGES if any(fault.stage == stage.number for fault in faults)]

    def copies(folder: pathlib.Path) -> Iterator[tuple[Stage, str, pathlib.Path]]:
        for stage in stages:
            yield stage, f"{stage.name} unplanted", plant(stage, None, folder / "unplanted")
            for fault in faults:
                if fault.stage == stage.number:
                    yield stage, fault.label, plant(stage, fault, folder / fault.label)

    with tempfile.TemporaryDirectory(prefix="crosscheck-faults-") as folder, workers(n, answering, (), limit) as judged:
        for (_, name, copy), verdict in judged(copies(pathlib.Path(folder))):
            if isinstance(verdict, Ended):
                yield Verdict(name, "hangs" if verdict.hang else "invalid", text=verdict.text, path=str(copy))
            else:
                yield verdict


def faults_report(stages: str | None, expression: str | None, n: int, json_target: str | None) -> int:
    """`crosscheck faults`: print the table, and detected / planted."""
    numbers = [stage.number for stage in (parse_stages(stages) if stages else STAGES)]
    faults = [fault for fault in read_faults() if fault.stage in numbers]
    if expression:
        faults = [fault for fault in faults if matches(expression, fault.label)]
    if not faults:
        raise UsageError(f"no fault matches -k {expression!r}" if expression else "there is no fault")
    load_torch()  # fails early if PyTorch is not installed
    total = len(faults) + len({fault.stage for fault in faults})
    verdicts: list[Verdict] = []
    with ended_early() as ending:
        verdicts.extend(track(run_faults(faults, n), total, lambda verdict: verdict.name, "planted bugs"))
    place = {fault.label: i for i, fault in enumerate(faults)}
    unplanted = [v for v in verdicts if v.name not in place]
    planted = sorted((v for v in verdicts if v.name in place), key=lambda v: place[v.name])
    detected = sum(v.result == "detected" for v in planted)
    green = all(v.result == "missed" for v in unplanted)
    data: dict[str, Any] = {
        "detected": detected,
        "planted": len(planted),
        "unplanted_green": green,
        "ended": ending.word,
        "verdicts": [asdict(v) for v in [*unplanted, *planted]],
    }
    output(data, json_target, lambda: print_verdicts(unplanted, planted, detected))
    if ending.word:
        print(f"crosscheck: {ending.word} after {len(verdicts)} of {total} planted bugs", file=sys.stderr)
    return ending.status or (0 if green and detected == len(planted) else 1)


def print_verdicts(unplanted: Sequence[Verdict], planted: Sequence[Verdict], detected: int) -> None:
    out = console()
    table = Table()
    for title, width in (("planted bug", None), ("result", 8), ("detected by", None), ("message", None)):
        table.add_column(title, no_wrap=True, overflow="ellipsis", min_width=width, max_width=44)
    for verdict in planted:
        style = "green" if verdict.result == "detected" else "bold red"
        table.add_row(verdict.name, f"[{style}]{verdict.result}[/]", verdict.cell, escape(verdict.text))
    out.print(table)
    for verdict in unplanted:
        state = "green" if verdict.result == "missed" else f"[bold red]{verdict.result}: {escape(verdict.text)}[/]"
        out.print(f"{verdict.name}: {state} (imported from {escape(verdict.path)})")
    out.print(f"{detected} of {len(planted)} planted bugs detected")
