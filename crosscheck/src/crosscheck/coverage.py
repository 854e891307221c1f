"""Coverage: what the matrix compares of each stage - every public name, every default, every `raise`.

The cells of a run record what they use (recorder.py); `coverage` puts it together. What nothing compares fails the run,
unless `coverage.toml` has a reason for it.
"""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from .files import read_toml
from .stages import STAGES, Stage

if TYPE_CHECKING:
    from .cells import Cell
    from .recorder import Surface

REASONS = pathlib.Path(__file__).parent / "coverage.toml"
SECTIONS = ("names", "torch", "order", "defaults", "raises")


@dataclass
class Name:
    """A public name of a stage.

    computations: those that call it and whose values are equal in this stage to the reference's, and to those of the
        stage before. errors: those that call it with invalid input, and whose error is as declared.
    torch: whether PyTorch has computed one of the references. order: the highest order of differentiation compared.
    defaults: each parameter with a default -> a computation that relies on it, or "".
    reason: why it is not compared, from coverage.toml, or not with PyTorch, from there or from the computation.
    """

    computations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    torch: bool = False
    order: int = 0
    defaults: dict[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass
class Raise:
    """A `raise` of a stage: `layers.py:209`, in `layers.Linear.prepare`, and its source on one line.

    errors: the computations that meet it and compare the error's type and text.
    reason: why none does, from coverage.toml.
    """

    place: str
    within: str
    source: str
    errors: list[str] = field(default_factory=list)
    reason: str = ""


@dataclass
class Coverage:
    """names[stage][public name], raises[stage] in the order of the source, and what is missing, one line each.

    Stages are named as in cells (stage1 ...), public names as users reach them: `functions.exp`, `layers.Linear`,
    `Variable.backward`, `grad`, `utils.sum_to`.
    """

    names: dict[str, dict[str, Name]]
    raises: dict[str, list[Raise]]
    missing: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """{stage: {"names": {name: {...}}, "raises": [...]}}, with the fields of Name and Raise."""
        return {
            stage: {
                "names": {name: asdict(found) for name, found in names.items()},
                "raises": [asdict(found) for found in self.raises[stage]],
            }
            for stage, names in self.names.items()
        }

    def summary(self) -> str:
        """One line: names, defaults and raises of all stages, how many are compared, how many have a reason."""
        names = [name for stage in self.names.values() for name in stage.values()]
        raises = [each for stage in self.raises.values() for each in stage]
        defaults = [used for name in names for used in name.defaults.values()]
        torch = sum(name.torch for name in names)
        compared = sum(bool(name.computations) for name in names)
        rest = f"{len(self.missing)} lines are missing" if self.missing else "the rest has a reason"
        return (
            f"coverage of all stages: {compared} of {len(names)} public names compared ({torch} with PyTorch), "
            f"{sum(map(bool, defaults))} of {len(defaults)} defaults used, "
            f"{sum(bool(each.errors) for each in raises)} of {len(raises)} raises met; {rest}"
        )


# --- what a stage has ---


@dataclass(frozen=True)
class Scope:
    """The public names of a stage as plain data: name -> its parameters with defaults; those of differentiable ones."""

    defaults: Mapping[str, tuple[str, ...]]
    differentiable: tuple[str, ...]

    @classmethod
    def of(cls, surface: Surface) -> Scope:
        return cls(surface.defaults(), surface.differentiable())


def raises_of(stages: Sequence[Stage]) -> dict[str, list[Statement]]:
    """Every `raise` of each stage; nothing if one cannot be parsed, which importing it reports."""
    try:
        return {stage.name: list(statements(stage.source)) for stage in stages}
    except (SyntaxError, ValueError):
        return {}


@dataclass(frozen=True)
class Statement:
    """A `raise`. lines: of its file, where its error is raised; a bare `raise` passes on what its `try` has raised."""

    file: str
    line: int
    lines: range
    within: str
    source: str


def statements(folder: pathlib.Path) -> Iterator[Statement]:
    """Every `raise` of a package, from its syntax trees."""
    for path in sorted(folder.rglob("*.py")):
        file = path.relative_to(folder).as_posix()
        module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        yield from raises_in(ast.parse(path.read_text(encoding="utf-8")), file, module, range(0))


def raises_in(node: ast.AST, file: str, scope: str, tried: range) -> Iterator[Statement]:
    """Every `raise` in a node. tried: the lines of the `try` whose handler contains it."""
    if isinstance(node, ast.Raise):
        lines = range(node.lineno, (node.end_lineno or 0) + 1) if node.exc else tried
        yield Statement(file, node.lineno, lines, scope, " ".join(ast.unparse(node).split()))
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        scope, tried = f"{scope}.{node.name}", range(0)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            continue
        body = tried
        if isinstance(node, ast.Try) and isinstance(child, ast.ExceptHandler):
            body = range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1)
        yield from raises_in(child, file, scope, body)


# --- what has been compared ---


class Reasons:
    """coverage.toml: what is not compared, and why. Each entry must be of use."""

    def __init__(self, path: pathlib.Path = REASONS):
        data = read_toml(path)
        self.sections: dict[str, dict[str, str]] = {key: data.get(key, {}) for key in SECTIONS}
        self.used: set[tuple[str, str]] = set()

    def of(self, section: str, name: str) -> str:
        """The reason for a name, or ""."""
        reason = self.sections[section].get(name, "")
        if reason:
            self.used.add((section, name))
        return reason

    def of_raise(self, statement: Statement) -> str:
        """The reason for a `raise`; its entry is `module.function`, or `module.function: part of its source`."""
        for entry, reason in self.sections["raises"].items():
            name, _, part = entry.partition(": ")
            if name == statement.within and part in statement.source:
                self.used.add(("raises", entry))
                return reason
        return ""

    def unused(self, sections: Sequence[str] = SECTIONS) -> list[str]:
        """Entries for what does not exist, or is compared all the same."""
        return [
            f"coverage.toml: nothing needs the reason for {name}, in [{section}]"
            for section in sections
            for name in self.sections[section]
            if (section, name) not in self.used
        ]


def coverage(
    scopes: Mapping[str, Scope],
    cells: Sequence[Cell],
    reasons: Reasons | None = None,
    known: Mapping[str, Sequence[Statement]] | None = None,
) -> Coverage:
    """What the cells of a full run compare of these stages, by stage. known: their statements, if they are at hand."""
    reasons = reasons or Reasons()
    known = known or raises_of([stage for stage in STAGES if stage.name in scopes])
    found = Coverage({}, {})
    by_torch = {cell.computation.name for cell in cells if cell.framework == "torch" and cell.state == "equal"}
    for stage in (stage for stage in STAGES if stage.name in scopes):
        scope = scopes[stage.name]
        own = [cell for cell in cells if cell.framework == stage.name]
        names = {name: Name(defaults=dict.fromkeys(defaults, "")) for name, defaults in scope.defaults.items()}
        for cell in own:
            for name in cell.called:
                record(names[name], cell, name, cell.computation.name in by_torch)
        errors: dict[tuple[str, int], list[str]] = {}
        for cell in own:
            for place in cell.raised if cell.state == "error" else ():
                errors.setdefault(place, []).append(cell.computation.name)
        raises = [met(statement, errors, reasons) for statement in known[stage.name]]
        found.names[stage.name], found.raises[stage.name] = names, raises
        found.missing += missing_names(names, stage.name, scope, reasons, bool(by_torch))
        found.missing += [
            f"{stage.name}: no computation meets the error at {each.place}: {each.source}"
            for each in raises
            if not each.errors and not each.reason
        ]
    found.missing += reasons.unused([section for section in SECTIONS if by_torch or section != "torch"])
    return found


def record(name: Name, cell: Cell, key: str, by_torch: bool) -> None:
    """Enter what a cell has called."""
    computation = cell.computation
    if cell.state == "error":
        name.errors.append(computation.name)
    if cell.state != "equal":
        return
    if computation.name not in name.computations:
        name.computations.append(computation.name)
    name.torch |= by_torch and not computation.golden
    name.reason = name.reason or computation.golden
    name.order = max(name.order, cell.order or 0)
    for parameter in cell.called[key]:
        name.defaults[parameter] = name.defaults[parameter] or computation.name


def met(statement: Statement, errors: Mapping[tuple[str, int], Sequence[str]], reasons: Reasons) -> Raise:
    """A `raise` with the computations that meet it. errors: (file, line) -> those whose declared error passes it."""
    names = (name for line in statement.lines for name in errors.get((statement.file, line), ()))
    found = list(dict.fromkeys(names))
    place = f"{statement.file}:{statement.line}"
    return Raise(place, statement.within, statement.source, found, "" if found else reasons.of_raise(statement))


def missing_names(names: Mapping[str, Name], stage: str, scope: Scope, reasons: Reasons, torch: bool) -> Iterator[str]:
    """What is not compared, and has no reason. torch: whether PyTorch is part of the run."""
    twice = 2 if stage >= "stage3" else 1
    for key, name in names.items():
        if not name.computations:
            name.reason = reasons.of("names", key)
            if not name.reason:
                yield f"{stage}: no computation compares {key}"
            continue
        if torch and not name.torch:
            name.reason = name.reason or reasons.of("torch", key)
            if not name.reason:
                yield f"{stage}: PyTorch has no part in any comparison of {key}"
        if key in scope.differentiable and name.order < twice and not reasons.of("order", key):
            yield f"{stage}: no computation of order {twice} calls {key}"
        for parameter, used in name.defaults.items():
            if not used and not reasons.of("defaults", f"{key}.{parameter}"):
                yield f"{stage}: no computation relies on the default of {key}: {parameter}"
