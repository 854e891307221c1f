"""Definitions in the source, their differences between steps or stages, and the lessons that explain them."""

from __future__ import annotations

import ast
import functools
import pathlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import UsageError
from .files import read_toml
from .imports import modules_in, parse
from .stages import STAGES, Stage

DEMONSTRATION = "# --- demonstration ---"
SELF_CONTAINED = 22  # up to this step, a script contains the whole framework
PACKAGING = {"__version__"}  # assignments that are not definitions of the framework


@dataclass(frozen=True)
class Lesson:
    """What a step adds, changes and removes, and why. Names have the form `core.Variable.backward`."""

    step: int
    title: str
    why: str
    adds: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)  # in other languages
    whys: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {*self.adds, *self.changes, *self.removes}

    @property
    def heading(self) -> str:
        return f"Step {self.step}: {self.title}"


@dataclass(frozen=True)
class Part:
    """What a stage has beyond the book: modules that are new as a whole, and single definitions."""

    part: str
    title: str
    why: str
    modules: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)  # in other languages
    whys: Mapping[str, str] = field(default_factory=dict)

    def includes(self, name: str) -> bool:
        """Whether it names the definition or its module."""
        return name in self.definitions or any(name.startswith(f"{module}.") for module in self.modules)

    @property
    def heading(self) -> str:
        return f"Beyond the book, {self.part}: {self.title}"


@dataclass(frozen=True)
class Difference:
    """The definitions in which two sources differ."""

    added: frozenset[str]
    changed: frozenset[str]
    removed: frozenset[str]

    @classmethod
    def between(cls, before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
        return cls(
            added=frozenset(after.keys() - before.keys()),
            changed=frozenset(name for name in before.keys() & after.keys() if before[name] != after[name]),
            removed=frozenset(before.keys() - after.keys()),
        )


def lessons(stage: Stage) -> list[Lesson]:
    """The lessons of a stage, by step."""
    return [
        Lesson(
            step=entry["step"],
            title=entry["title"],
            why=" ".join(entry["why"].split()),
            adds=tuple(entry.get("adds", ())),
            changes=tuple(entry.get("changes", ())),
            removes=tuple(entry.get("removes", ())),
            titles=translations(entry, "title"),
            whys=translations(entry, "why"),
        )
        for entry in entries(stage, "lesson", {"step": int, "title": str, "why": str}, ("adds", "changes", "removes"))
    ]


def parts(stage: Stage) -> list[Part]:
    """The parts of a stage that are not in the book, in their order."""
    return [
        Part(
            part=entry["part"],
            title=entry["title"],
            why=" ".join(entry["why"].split()),
            modules=tuple(entry.get("modules", ())),
            definitions=tuple(entry.get("definitions", ())),
            titles=translations(entry, "title"),
            whys=translations(entry, "why"),
        )
        for entry in entries(stage, "beyond", {"part": str, "title": str, "why": str}, ("modules", "definitions"))
    ]


def entries(stage: Stage, table: str, needed: Mapping[str, type], names: Collection[str]) -> list[dict[str, Any]]:
    """The entries [[lesson]] or [[beyond]] of a stage. Raises UsageError if one lacks a key or has an unknown one."""
    path = stage.folder / "lessons.toml"
    found = read_toml(path).get(table, [] if table == "beyond" else None)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise UsageError(f"{path} is damaged: expected tables [[{table}]], got {found!r}")
    for entry in found:
        for key, kind in needed.items():
            if not isinstance(entry.get(key), kind):
                raise UsageError(f"{path} is damaged: [[{table}]] needs {key!r}, got {entry}")
        for key in entry:
            if key.partition(".")[0] not in {*needed, *names}:
                raise UsageError(f"{path} is damaged: [[{table}]] has the unknown key {key!r}: {entry}")
    return found


def translations(entry: Mapping[str, Any], key: str) -> dict[str, str]:
    """Language -> text: the key "why.ja" is the text of "why" in Japanese."""
    return {
        name.removeprefix(f"{key}."): " ".join(text.split())
        for name, text in entry.items()
        if name.startswith(f"{key}.")
    }


@functools.lru_cache(maxsize=1024)  # pages, lessons and differences are about the same files
def definitions(source: str, module: str = "") -> dict[str, str]:
    """The source text of every function, method, class (without its methods) and module-level assignment, by name.

    Do not write to it.
    """
    lines = source.splitlines()
    found: dict[str, str] = {}

    def text(nodes: list[ast.stmt], first: int | None = None) -> str:
        parts = [] if first is None else [lines[first - 1]]
        for node in nodes:
            decorators = getattr(node, "decorator_list", [])
            start = min([node.lineno, *(d.lineno for d in decorators)])
            parts += lines[start - 1 : node.end_lineno]
        return "\n".join(parts)

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    found[prefix + name] = text([node])
                case ast.ClassDef(name=name, body=inner):
                    methods = [n for n in inner if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
                    rest = [n for n in inner if n not in methods]
                    found[prefix + name] = text(rest, first=node.lineno)
                    visit([*methods], f"{prefix}{name}.")
                case ast.Assign(targets=targets):
                    for target in targets:
                        # not an attribute: Variable.__add__ = add uses a name but does not define one
                        if isinstance(target, ast.Name) and target.id not in PACKAGING:
                            found[prefix + target.id] = text([node])
                case ast.AnnAssign(target=ast.Name(id=name)):
                    found[prefix + name] = text([node])

    visit(parse(source, module).body, f"{module}." if module else "")
    return found


def module_names(stage: Stage) -> dict[str, pathlib.Path]:
    """Files of the package by dotted module name; the package's __init__ has the empty name."""
    return modules_in(stage.source)


def stage_definitions(stage: Stage) -> dict[str, str]:
    """All definitions of a stage's package, by full name."""
    found: dict[str, str] = {}
    for module, path in module_names(stage).items():
        found |= definitions(path.read_text(encoding="utf-8"), module)
    return found


def moved(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Old name -> new name of definitions that moved to another module.

    A definition moved if exactly one new definition of the same name has the same text or is in a package that
    replaced its module: `layers.Linear` -> `layers.linear.Linear`.
    """
    arrived: dict[str, list[str]] = {}
    for name in after.keys() - before.keys():
        arrived.setdefault(without_module(name, after), []).append(name)
    found = {}
    for name in before.keys() - after.keys():
        short_name = without_module(name, before)
        module = name.removesuffix(f".{short_name}")
        homes = [
            new for new in arrived.get(short_name, ()) if after[new] == before[name] or new.startswith(f"{module}.")
        ]
        if len(homes) == 1:
            found[name] = homes[0]
    return found


def without_module(name: str, names: Mapping[str, str]) -> str:
    """`core.Variable.backward` -> `Variable.backward`, if `core.Variable` is also among the names."""
    owner, _, last = name.rpartition(".")
    return f"{owner.rpartition('.')[2]}.{last}" if owner in names else last


def step_path(step: int) -> pathlib.Path:
    """The script of a step."""
    stage = next(stage for stage in STAGES if step in stage.steps)
    return stage.folder / "steps" / f"step{step:02}.py"


@functools.cache
def step_definitions(step: int) -> dict[str, str]:
    """The definitions of a self-contained step, above its demonstration; none for a theory step."""
    return definitions(step_path(step).read_text(encoding="utf-8").partition(DEMONSTRATION)[0])


def short(name: str, modules: Mapping[str, pathlib.Path]) -> str:
    """`functions.elementwise.Square.forward` -> `Square.forward`, its name in a self-contained step."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        if ".".join(parts[:n]) in modules:
            return ".".join(parts[n:])
    return name
