"""`crosscheck faults --automatic`: plant mutants, run the computations that execute them, list the survivors."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import inspect
import itertools
import pathlib
import random
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.markup import escape
from rich.table import Table

from .. import UsageError
from ..computations import all_computations
from ..ending import ended_early
from ..frameworks import load_torch
from ..ledger import Ledger
from ..report.out import attempt, console, track, write_json
from ..select import matches
from ..stages import Stage
from ..workers import Answers, Ended, workers
from .judge import IMPORT, Judge, Verdict
from .mutants import mutants
from .source import Mutant, digest
from .store import Store, default_path

PACKAGE = pathlib.Path(__file__).parents[1]
LIMIT = 400.0  # seconds of CPU time per mutant; a cell has a smaller limit of its own
GOAL = 0.98  # of the mutants that are no equivalent ones
READER = "defaults_of_arguments"  # a computation that reads the defaults of functions without executing them


@dataclass
class Result:
    """A mutant, its verdict, and the reason that survivors.toml gives for it, if any.

    With a reason a survivor is equivalent: no input can expose it.
    """

    mutant: Mutant
    verdict: Verdict
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        m = self.mutant
        return {"place": m.place, "definition": m.definition, "operator": m.operator, "diff": m.diff} | {
            **asdict(self.verdict),
            "reason": self.reason,
        }


@dataclass
class StageResult:
    """The results of a stage. total: how many mutants were to be planted."""

    stage: Stage
    total: int
    left_out: Counter[str]
    results: list[Result] = field(default_factory=list)

    def count(self, result: str) -> int:
        return sum(r.verdict.result == result for r in self.results)

    def wrongly_listed(self) -> list[Result]:
        """Mutants that survivors.toml calls equivalent, but that are detected."""
        return [r for r in self.results if r.reason and r.verdict.result == "detected"]

    @property
    def score(self) -> float:
        """Mutation score: detected / (detected + survived)."""
        detected, survived = self.count("detected"), self.count("survived")
        return detected / (detected + survived) if detected + survived else 1.0


def equivalent_mutants(stage: int, path: pathlib.Path = PACKAGE / "survivors.toml") -> dict[str, str]:
    """The committed list of mutants that no input can expose, and of definitions with only such survivors: reasons."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["equivalent"]
        mine = [entry for entry in entries if stage in entry.get("stages", (stage,))]
        keys = ("mutants", "definitions")
        return {name: entry["reason"] for entry in mine for key in keys for name in entry.get(key, ())}
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: {type(error).__name__}: {error}") from None


CASES = ("inputs.py", "computations/__init__.py", "frameworks/*.py")
JUDGES = (*CASES, "runner.py", "trial.py", "compare.py", "raised.py", "judges/*.py", "mutation/judge.py")


@functools.cache
def digest_of(*patterns: str) -> str:
    """A hash of source files of crosscheck."""
    paths = sorted(path for pattern in patterns for path in PACKAGE.glob(pattern))
    return digest(*(path.read_text(encoding="utf-8") for path in paths))


def versions(stage: Stage) -> dict[str, tuple[str, str]]:
    """For each computation two hashes: of what decides what it executes, and of what decides what it finds."""
    ledger = Ledger.read()
    found = {}
    for c in all_computations():
        if c.since <= stage.number:
            files = sorted({inspect.getfile(body) for body in (c.body, inspect.unwrap(c.body))})
            modules = [pathlib.Path(file).relative_to(PACKAGE).as_posix() for file in files]
            executed = digest(c.name, digest_of(*modules), digest_of(*CASES))
            found[c.name] = executed, digest(executed, digest_of(*JUDGES), repr(ledger.distances.get(c.name)))[:16]
    return found


Task = tuple[str, str, tuple[str, ...]]  # file, mutated text, computations


class Planter:
    """Plants the mutants of one stage."""

    def __init__(self, stage: Stage, store: Store, n: int, again: bool = False):
        self.stage, self.store, self.n, self.again = stage, store, n, again
        found = versions(stage)
        self.versions = {name: version for name, (_, version) in found.items()}
        texts = (path.read_text(encoding="utf-8") for path in sorted(stage.source.rglob("*.py")))
        sources = digest(digest_of("mutation/judge.py"), *texts)
        self.keys = {name: digest("lines", sources, executed) for name, (executed, _) in found.items()}
        self.keys[IMPORT] = digest("lines", sources, "import")

    def run(self, chosen: Sequence[Mutant]) -> Iterator[Result]:
        """Yield the verdict on each mutant, as they are found; what is known already first."""
        with workers(self.n, Judge, (self.stage,), LIMIT) as answers:
            lines = self.lines(answers)
            tasks: dict[Task, tuple[Mutant, dict[str, Any] | None]] = {}
            for mutant in chosen:
                names = self.names(mutant, lines)
                known = None if self.again else self.store[mutant.key]
                if known and self.holds(known, names):
                    yield Result(mutant, Verdict(known["result"], known["cell"], known["text"]))
                    continue
                if known and known["result"] == "survived":
                    names = [name for name in names if known["seen"].get(name) != self.versions[name]]
                elif known:  # what detected it before, first
                    names = sorted(names, key=known["cell"].partition("/")[0].__ne__)
                tasks[mutant.file, mutant.text, tuple(names)] = mutant, known
            for task, verdict in answers(tasks):
                mutant, known = tasks[task]
                if isinstance(verdict, Ended):
                    verdict = Verdict("hangs" if verdict.hang else "invalid", "", verdict.text)
                self.keep(mutant, verdict, task[2], known)
                yield Result(mutant, verdict)

    def lines(self, answers: Answers) -> dict[str, Any]:
        """For each computation the lines that it executes and its seconds, recorded unless they are known."""
        for (name,), found in answers([(name,) for name, key in self.keys.items() if self.store[key] is None]):
            if isinstance(found, Ended):
                raise UsageError(f"{self.stage.name}: {name} cannot be run without a mutant: {found.text}")
            self.store[self.keys[name]] = found
        return {name: self.store[key] for name, key in self.keys.items()}

    def holds(self, known: dict[str, Any], names: Sequence[str]) -> bool:
        """Whether an earlier result would be found again: what decided it is unchanged."""
        last = known["cell"].partition("/")[0]
        decided = names if known["result"] == "survived" else [last] if last in self.versions else []
        return all(known["seen"].get(name) == self.versions[name] for name in decided)

    def names(self, mutant: Mutant, lines: dict[str, Any]) -> list[str]:
        """The computations that execute the mutant, the fastest first; every one if it is executed at import."""

        def executes(name: str) -> bool:
            found = lines[name][0].get(mutant.file, ())
            return bool(found) if mutant.lines is None else any(line in mutant.lines for line in found)

        names = sorted(self.versions, key=lambda name: (not executes(name), lines[name][1]))
        if mutant.lines is None or executes(IMPORT):
            return names
        default = mutant.source.line(mutant.start) < mutant.lines.start  # in front of the body of its function
        return [name for name in names if executes(name) or (default and name == READER)]

    def keep(self, mutant: Mutant, verdict: Verdict, names: Sequence[str], known: dict[str, Any] | None) -> None:
        """Store a result, with the versions of the computations that decided it."""
        decided = names if verdict.result == "survived" else {verdict.cell.partition("/")[0]} & set(names)
        seen = {name: self.versions[name] for name in decided}
        if verdict.result == "survived" and known and known["result"] == "survived":
            seen = known["seen"] | seen
        self.store[mutant.key] = asdict(verdict) | {"seen": seen}


def choose(
    stages: Sequence[Stage], expression: str | None, sample: int | None, seed: int
) -> tuple[list[StageResult], list[Mutant]]:
    """The mutants to plant, and the stages with nothing planted yet."""
    found = [m for stage in stages for m in mutants(stage) if not expression or matches(expression, word(m))]
    chosen = [m for m in found if not m.left_out]
    if not chosen:
        raise UsageError("no mutant matches")
    if sample is not None:
        drawn = sorted(random.Random(seed).sample(range(len(chosen)), min(sample, len(chosen))))
        chosen = [chosen[i] for i in drawn]
    entries = []
    for stage in stages:
        left_out = Counter(m.left_out for m in found if m.stage == stage.number and m.left_out)
        entries.append(StageResult(stage, sum(m.stage == stage.number for m in chosen), left_out))
    return entries, chosen


def results(
    entries: Sequence[StageResult], chosen: Sequence[Mutant], planter: Callable[[Stage], Planter], again: bool
) -> Iterator[Result]:
    """Plant the mutants stage by stage; enter each result, and yield it. Equivalent ones are planted only again."""
    for entry in entries:
        equivalent = equivalent_mutants(entry.stage.number)
        chosen_by = {name.replace(" ", ".").rpartition(".")[2]: name for name in equivalent if ":" not in name}
        mine = [m for m in chosen if m.stage == entry.stage.number]
        listed = [] if again else [m for m in mine if m.name in equivalent]
        planted = [m for m in mine if again or m.name not in equivalent]
        found = planter(entry.stage).run(planted) if planted else ()
        for result in itertools.chain((Result(m, Verdict("survived")) for m in listed), found):
            result.reason = equivalent.get(result.mutant.name, "")
            if result.verdict.result == "survived":
                m = result.mutant
                places = [m.where, *(chosen_by.get(name, "") for name in m.calls)]
                reasons = (
                    equivalent[place] for place in places if place.startswith(f"{m.file} ") and place in equivalent
                )
                result.reason = result.reason or next(reasons, "")
                if result.reason:
                    result.verdict = dataclasses.replace(result.verdict, result="equivalent")
            entry.results.append(result)
            yield result


def automatic_report(
    stages: Sequence[Stage],
    expression: str | None,
    sample: int | None,
    seed: int,
    n: int,
    again: bool,
    path: pathlib.Path | None,
    json_target: str | None,
) -> int:
    """`crosscheck faults --automatic`."""
    load_torch()  # fails early if PyTorch is not installed
    entries, chosen = choose(stages, expression, sample, seed)
    start = time.perf_counter()
    with contextlib.closing(Store(path or default_path())) as store, ended_early() as ending:
        planted = results(entries, chosen, lambda stage: Planter(stage, store, n, again), again)
        collections.deque(track(planted, len(chosen), lambda r: r.mutant.place, "mutants"), maxlen=0)
    data = {"seed": seed, "sample": sample, "ended": ending.word, "stages": as_json(entries)}
    steps: list[Callable[[], object]] = []
    if json_target != "-":
        steps.append(lambda: print_results(entries, time.perf_counter() - start))
    if json_target:
        steps.append(lambda: write_json(data, json_target))
    attempt(*steps)
    if ending.word:
        done = sum(len(entry.results) for entry in entries)
        print(f"crosscheck: {ending.word} after {done} of {len(chosen)} mutants", file=sys.stderr)
    return ending.status or int(any(entry.score < GOAL or entry.wrongly_listed() for entry in entries))


def word(mutant: Mutant) -> str:
    """What -k is matched with: stage3/core.py:118/Variable.backward/drop_a_term"""
    return f"{mutant.place}/{mutant.definition}/{mutant.operator.replace(' ', '_')}"


def as_json(collected: Sequence[StageResult]) -> dict[str, Any]:
    return {
        entry.stage.name: {
            "mutants": entry.total,
            "left_out": dict(entry.left_out),
            "score": entry.score,
            **{result: entry.count(result) for result in ("detected", "survived", "equivalent", "hangs", "invalid")},
            "results": [r.as_json() for r in entry.results],
        }
        for entry in collected
    }


def print_results(collected: Sequence[StageResult], seconds: float) -> None:
    out = console()
    for entry in collected:
        survivors = [r for r in entry.results if r.verdict.result == "survived"]
        for r in sorted(survivors, key=lambda r: (r.mutant.file, r.mutant.start)):
            doubt = f" [dim]({escape(r.verdict.cell)}: {escape(r.verdict.text)})[/]" if r.verdict.cell else ""
            out.print(f"[bold]{r.mutant.place}[/] {r.mutant.operator}: {escape(r.mutant.diff)}{doubt}")
        for r in entry.wrongly_listed():
            out.print(f"[bold red]{r.mutant.place}[/] listed as equivalent, but detected: {escape(r.mutant.name)}")
    table = Table()
    for title in ("stage", "mutants", "detected", "survived", "equivalent", "hangs", "invalid", "mutation score"):
        table.add_column(title, justify="left" if title == "stage" else "right")
    for entry in collected:
        counts = [str(entry.count(k)) for k in ("detected", "survived", "equivalent", "hangs", "invalid")]
        table.add_row(entry.stage.name, str(len(entry.results)), *counts, f"{100 * entry.score:.1f} %")
    out.print(table)
    for reason, count in sum((entry.left_out for entry in collected), Counter()).items():
        out.print(f"left out: {count} mutants: {reason}")
    out.print(f"{seconds:.0f} s")
