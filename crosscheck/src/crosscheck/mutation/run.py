"""`crosscheck faults --automatic`: plant mutants, run the computations that execute them, list the survivors."""

from __future__ import annotations

import functools
import hashlib
import inspect
import pathlib
import random
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.markup import escape
from rich.table import Table

from .. import UsageError
from ..computations import Computation, all_computations
from ..frameworks import load_torch
from ..report.out import console
from ..select import matches
from ..stages import Stage
from ..workers import Ended, workers
from .judge import IMPORT, Judge, Verdict
from .mutants import mutants
from .source import Mutant, digest
from .store import Store

SURVIVORS = pathlib.Path(__file__).parents[1] / "survivors.toml"
LIMIT = 400.0  # seconds of CPU time per mutant; a cell has a smaller limit of its own
GOAL = 0.98  # of the mutants that are no equivalent ones


@dataclass
class Result:
    """A mutant and its verdict: equivalent if it survived and survivors.toml says why."""

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

    @property
    def score(self) -> float:
        """Mutation score: detected / (detected + survived)."""
        detected, survived = self.count("detected"), self.count("survived")
        return detected / (detected + survived) if detected + survived else 1.0


def equivalent_mutants(path: pathlib.Path = SURVIVORS) -> dict[str, str]:
    """The committed list of mutants that no input can expose: name -> reason."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["equivalent"]
        return {mutant: entry["reason"] for entry in entries for mutant in entry["mutants"]}
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: {type(error).__name__}: {error}") from None


def versions(stage: Stage) -> dict[str, str]:
    """For each computation a hash of all that decides what it finds: its module, its ledger entry and the judges."""
    package = pathlib.Path(__file__).parents[1]
    common = [package / f"{name}.py" for name in ("runner", "trial", "compare", "inputs", "differences", "select")]
    common += [package / "computations" / "__init__.py", *(package / "judges").glob("*.py")]
    common += [path for path in (package / "frameworks").glob("*.py")]
    judges = digest(*(path.read_text(encoding="utf-8") for path in sorted(common)))
    ledger = tomllib.loads((package / "ledger.toml").read_text(encoding="utf-8"))

    @functools.cache
    def module(path: str) -> str:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()

    return {
        c.name: digest(judges, module(inspect.getfile(c.body)), repr(entries_of(ledger, c)))[:16]
        for c in all_computations()
        if c.since <= stage.number
    }


def entries_of(ledger: dict[str, Any], computation: Computation) -> list[Any]:
    """What a ledger says of a computation, however it is nested."""
    own = [(key, value) for key, value in ledger.items() if key.split("/")[0].strip() == computation.name]
    return own + [e for value in ledger.values() if isinstance(value, dict) for e in entries_of(value, computation)]


class Planter:
    """Plants the mutants of one stage."""

    def __init__(self, stage: Stage, store: Store, n: int, again: bool = False):
        self.stage, self.store, self.n, self.again = stage, store, n, again
        self.versions = versions(stage)
        sources = digest(*(p.read_text(encoding="utf-8") for p in sorted(stage.source.rglob("*.py"))))
        self.keys = {name: digest("lines", sources, version) for name, version in self.versions.items()}
        self.keys[IMPORT] = digest("lines", sources, "import")

    def run(self, chosen: Sequence[Mutant]) -> Iterator[Result]:
        """Yield the verdict on each mutant, as they are found; what is known already first."""
        with workers(self.n, Judge, (self.stage,), LIMIT) as answers:
            for (name,), found in answers((name,) for name in self.keys if self.store[self.keys[name]] is None):
                if isinstance(found, Ended):
                    raise UsageError(f"{self.stage.name}: {name} cannot be run without a mutant: {found.text}")
                self.store[self.keys[name]] = found
            lines = {name: self.store[key] for name, key in self.keys.items()}
            tasks, waiting = [], {}
            for mutant in chosen:
                known = None if self.again else self.store[mutant.key]
                names = self.names(mutant, lines)
                todo = [name for name in names if not known or known["seen"].get(name) != self.versions[name]]
                if known and (known["result"] == "invalid" or (known["result"] == "survived" and not todo)):
                    yield Result(mutant, Verdict(known["result"], known["cell"], known["text"]))
                    continue
                last = known["cell"].split("/")[0] if known else ""
                if known and known["result"] in ("detected", "hangs") and last not in todo and last in self.versions:
                    yield Result(mutant, Verdict(known["result"], known["cell"], known["text"]))
                    continue
                if known and known["result"] == "survived":
                    names = todo
                names.sort(key=lambda name: name != last)
                task = mutant.file, mutant.text, names
                tasks.append(task)
                waiting[mutant.file, mutant.text] = mutant, known
            for (file, text, names), verdict in answers(tasks):
                mutant, known = waiting[file, text]
                if isinstance(verdict, Ended):
                    verdict = Verdict("hangs" if verdict.hang else "detected", "", verdict.text)
                self.keep(mutant, verdict, names, known)
                yield Result(mutant, verdict)

    def names(self, mutant: Mutant, lines: dict[str, Any]) -> list[str]:
        """The computations that execute the mutant, the fastest first; every one if it is executed at import."""

        def executes(name: str) -> bool:
            found = lines[name][0].get(mutant.file, ())
            return bool(found) if mutant.lines is None else any(line in mutant.lines for line in found)

        names = sorted(self.versions, key=lambda name: (not executes(name), lines[name][1]))
        everything = mutant.lines is None or executes(IMPORT)
        return names if everything else [name for name in names if executes(name)]

    def keep(self, mutant: Mutant, verdict: Verdict, names: Sequence[str], known: dict[str, Any] | None) -> None:
        seen = {name: self.versions[name] for name in names if name in self.versions}
        if verdict.result in ("detected", "hangs"):
            seen = {name: version for name, version in seen.items() if name == verdict.cell.split("/")[0]}
        elif known and known["result"] == "survived":
            seen = known["seen"] | seen
        self.store[mutant.key] = asdict(verdict) | {"seen": seen}


def plant_all(
    stages: Sequence[Stage],
    expression: str | None,
    sample: int | None,
    seed: int,
    store: Store,
    n: int,
    again: bool = False,
) -> tuple[list[StageResult], Iterator[Result]]:
    """The stages with nothing planted yet, and the results as they are found, which are entered there."""
    load_torch()  # fails early if PyTorch is not installed
    known = equivalent_mutants()
    found = [m for stage in stages for m in mutants(stage) if not expression or matches(expression, word(m))]
    chosen = [m for m in found if not m.left_out]
    if not chosen:
        raise UsageError("no mutant matches")
    if sample is not None:
        chosen = random.Random(seed).sample(chosen, min(sample, len(chosen)))
    collected = []
    for stage in stages:
        left_out = Counter(m.left_out for m in found if m.stage == stage.number and m.left_out)
        mine = sum(m.stage == stage.number for m in chosen)
        collected.append(StageResult(stage, mine, left_out))

    def results() -> Iterator[Result]:
        for entry in collected:
            mine = [m for m in chosen if m.stage == entry.stage.number]
            for result in Planter(entry.stage, store, n, again).run(mine) if mine else ():
                if result.verdict.result == "survived" and result.mutant.name in known:
                    result.verdict = Verdict("equivalent", result.verdict.cell, result.verdict.text)
                    result.reason = known[result.mutant.name]
                entry.results.append(result)
                yield result

    return collected, results()


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
            nobody = "" if r.verdict.text else ""
            out.print(f"[bold]{r.mutant.place}[/] {r.mutant.operator}: {escape(r.mutant.diff)}{nobody}")
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
