"""The pages that list: differences from PyTorch, coverage, mutants."""

from __future__ import annotations

import json
import pathlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import UsageError
from ..cells import Cell
from ..computations import Computation
from ..coverage import Coverage
from .words import computation_of, tolerance

RESULTS = ("detected", "survived", "equivalent", "hangs", "invalid")  # of mutants


@dataclass(frozen=True)
class Declared:
    """A computation in which frameworks differ: those, by reason, and what the others do, by answer."""

    computation: Computation
    reasons: dict[str, list[str]]
    others: dict[str, list[str]]


def declared(table: Mapping[str, Mapping[str, Sequence[Cell]]]) -> list[Declared]:
    found = []
    for columns in table.values():
        reasons: dict[str, list[str]] = {}
        others: dict[str, list[str]] = {}
        for framework, cells in columns.items():
            for cell in cells:
                if cell.state == "unsupported":
                    continue
                texts, text = (reasons, cell.reason) if cell.state == "differs" else (others, answer(cell))
                if framework not in texts.setdefault(text, []):
                    texts[text].append(framework)
        if reasons:
            found.append(Declared(computation_of(columns), reasons, others))
    return found


def answer(cell: Cell) -> str:
    """What a framework does where others differ."""
    if cell.state == "equal":
        return "the reference" if cell.framework == "torch" else "equal to PyTorch"
    return cell.reason or cell.state


def budgets(table: Mapping[str, Mapping[str, Sequence[Cell]]]) -> dict[str, list[tuple[str, str]]]:
    """reason -> the computations with a tolerance of their own, and the tolerance."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, columns in table.items():
        computation = computation_of(columns)
        if computation.budget:
            found.setdefault(computation.why_budget, []).append((name, tolerance(computation)))
    return found


# --- coverage ---


@dataclass
class CoveredName:
    """A public name in all stages that have it: the computations that compare it, and those with invalid input."""

    name: str
    stages: list[str] = field(default_factory=list)
    computations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    torch: bool = False
    order: int = 0
    defaults: dict[str, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def covered(coverage: Coverage) -> dict[str, list[CoveredName]]:
    """module or class -> its public names."""
    names: dict[str, CoveredName] = {}
    for stage, found in coverage.names.items():
        for key, name in found.items():
            entry = names.setdefault(key, CoveredName(key))
            entry.stages.append(stage)
            entry.computations = list(dict.fromkeys([*entry.computations, *name.computations]))
            entry.errors = list(dict.fromkeys([*entry.errors, *name.errors]))
            entry.torch |= name.torch
            entry.order = max(entry.order, name.order)
            entry.defaults |= {parameter: used for parameter, used in name.defaults.items() if used}
            entry.reasons = list(dict.fromkeys([*entry.reasons, *([name.reason] if name.reason else [])]))
    groups: dict[str, list[CoveredName]] = {}
    for key, entry in sorted(names.items()):
        groups.setdefault(key.rpartition(".")[0], []).append(entry)
    return dict(sorted(groups.items()))


def left_out(coverage: Coverage) -> dict[str, list[str]]:
    """reason -> what is not compared: public names, and `raise` statements."""
    found: dict[str, list[str]] = {}
    for stage, names in coverage.names.items():
        for key, name in names.items():
            if name.reason and key not in found.setdefault(name.reason, []):
                found[name.reason].append(key)
        for each in coverage.raises[stage]:
            if each.reason and each.within not in found.setdefault(each.reason, []):
                found[each.reason].append(each.within)
    return found


def coverage_page(coverage: Coverage) -> dict[str, Any]:
    names = [name for stage in coverage.names.values() for name in stage.values()]
    defaults = [used for name in names for used in name.defaults.values()]
    raises = [each for stage in coverage.raises.values() for each in stage]
    return {
        "missing": coverage.missing,
        "left_out": left_out(coverage),
        "groups": covered(coverage),
        "raises": coverage.raises,
        "facts": [
            ("public names compared", sum(bool(name.computations) for name in names), len(names)),
            ("of them with PyTorch", sum(name.torch for name in names), len(names)),
            ("defaults used", sum(map(bool, defaults)), len(defaults)),
            ("raise statements met", sum(bool(each.errors) for each in raises), len(raises)),
        ],
    }


# --- mutants ---


def read_mutants(path: pathlib.Path) -> dict[str, Any]:
    """The results of `crosscheck faults --automatic --json FILE`. Raises UsageError if they are not."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--mutation: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"--mutation: {path} is not JSON: {error}") from error
    try:
        return mutation_page(data)
    except (AttributeError, KeyError, TypeError) as error:
        raise UsageError(f"--mutation: expected the output of crosscheck faults --automatic --json {path}") from error


def mutation_page(data: Mapping[str, Any]) -> dict[str, Any]:
    """Counts by stage and by operator, survivors, and what is left out."""
    stages: dict[str, dict[str, Any]] = data["stages"]
    results = [result for stage in stages.values() for result in stage["results"]]
    operators: dict[str, Counter[str]] = {}
    for result in results:
        operators.setdefault(result["operator"], Counter())[result["result"]] += 1
    equivalent: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        if result["result"] == "equivalent":
            equivalent.setdefault(result["reason"], []).append(result)
    skipped: Counter[str] = Counter()
    for stage in stages.values():
        skipped.update(stage["left_out"])
    return {
        "stages": {name: {key: stage[key] for key in ("mutants", "score", *RESULTS)} for name, stage in stages.items()},
        "results": RESULTS,
        "operators": {name: operators[name] for name in sorted(operators)},
        "survivors": [result for result in results if result["result"] == "survived"],
        "equivalent": equivalent,
        "skipped": skipped,
        "score": score(results),
        "planted": len(results),
        "sample": data["sample"],
        "seed": data["seed"],
        "ended": data["ended"],
    }


def score(results: Sequence[Mapping[str, Any]]) -> float:
    """detected / (detected + survived)"""
    count = Counter(result["result"] for result in results)
    judged = count["detected"] + count["survived"]
    return count["detected"] / judged if judged else 1.0
