"""The source of a computation, and the definitions that it uses in each framework, without importing one."""

from __future__ import annotations

import ast
import functools
import pathlib
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from ..computations import Computation
from ..imports import modules_in

# Where a name is searched first, as in frameworks/book.py: Linear is the layer, not the Function.
FIRST = ("core", "layers", "models", "optimizers", "dataloaders", "datasets", "functions")
COMPUTATIONS = Computation.__module__
MODULES = {*FIRST, "cuda", "functions", "gradcheck", "transforms", "utils"}
LONG = 60  # lines; of a longer class only the beginning is shown
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign


@functools.cache
def parsed(path: pathlib.Path) -> tuple[list[str], ast.Module]:
    """The lines of a file, and its syntax tree."""
    text = path.read_text(encoding="utf-8")
    return text.splitlines(), ast.parse(text)


@functools.cache
def source_of(function: FunctionType) -> str:
    """The source of a function without its decorators, or of a lambda, found by line."""
    path = pathlib.Path(function.__code__.co_filename)
    node = functions_in(path).get(function.__code__.co_firstlineno)
    if node is None:
        return ""
    lines = parsed(path)[0][node.lineno - 1 : node.end_lineno]
    if isinstance(node, ast.Lambda):
        lines[-1] = lines[-1].encode()[: node.end_col_offset].decode()  # offsets count bytes
        lines[0] = lines[0].encode()[node.col_offset :].decode().rjust(len(lines[0]))
    return textwrap.dedent("\n".join(lines))


@functools.cache
def functions_in(path: pathlib.Path) -> dict[int, ast.FunctionDef | ast.Lambda]:
    """The functions and lambdas of a file by their first line, decorators included; of two lambdas the outer one."""
    found: dict[int, ast.FunctionDef | ast.Lambda] = {}
    for node in ast.walk(parsed(path)[1]):  # outer nodes before inner ones
        if isinstance(node, ast.FunctionDef):
            found |= dict.fromkeys([node.lineno, *(d.lineno for d in node.decorator_list)], node)
        elif isinstance(node, ast.Lambda):
            found.setdefault(node.lineno, node)
    return found


def helpers(body: FunctionType) -> list[FunctionType]:
    """The functions next to a computation that it calls, directly or not."""
    found = [body]
    for function in found:
        for name in sorted(names_in_source(source_of(function))):
            other = function.__globals__.get(name)
            if isinstance(other, FunctionType) and other.__module__.startswith(COMPUTATIONS) and other not in found:
                found.append(other)
    return found[1:]


@functools.cache
def names_in_source(source: str) -> set[str]:
    return names_in(ast.parse(source))


def names_in(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


@dataclass(frozen=True)
class Listing:
    """The source of a computation with its helpers, and the names of the framework that occur in it, in order."""

    source: str
    names: list[str]


def listing(computation: Computation) -> Listing:
    body: Any = computation.body
    sources = [source_of(f) for f in (body, *helpers(body))]
    names = [name for source in sources for name in names_of_framework(ast.parse(source))]
    return Listing("\n\n\n".join(sources), list(dict.fromkeys(names)))


def names_of_framework(tree: ast.AST) -> Iterator[str]:
    """`fw.square` -> square, `fw.layers.Linear` -> Linear."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            module = node.value.attr if isinstance(node.value, ast.Attribute) and node.value.attr in MODULES else ""
            owner = node.value.value if module else node.value  # type: ignore[attr-defined]  # an Attribute
            if isinstance(owner, ast.Name) and owner.id == "fw" and node.attr not in MODULES:
                yield node.attr


class Package:
    """The definitions of a framework: a package, or a file in its style."""

    def __init__(self, path: pathlib.Path):
        files = modules_in(path) if path.is_dir() else {"": path}
        self.sources: dict[str, str] = {}  # found so far
        self.files = [files[module] for module in sorted(files, key=rank)]

    def definitions(self) -> Iterator[tuple[pathlib.Path, Definition]]:
        for path in self.files:
            for node in parsed(path)[1].body:
                if isinstance(node, Definition):
                    yield path, node

    @functools.cached_property
    def by_name(self) -> Mapping[str, tuple[pathlib.Path, Definition]]:
        """Functions and classes, and methods of variables, layers and optimizers as `backward`."""
        found: dict[str, tuple[pathlib.Path, Definition]] = {}
        for path, node in self.definitions():
            found.setdefault(name_of(node), (path, node))
        for owner in ("Variable", "Layer", "Optimizer"):
            if owner in found:
                path, node = found[owner]
                for method in node.body if isinstance(node, ast.ClassDef) else ():
                    if isinstance(method, ast.FunctionDef) and not method.name.startswith("__"):
                        found.setdefault(method.name, (path, method))
        return found

    def source(self, name: str) -> str:
        """The source of a name, with the Function that it applies; empty if the framework does not have it."""
        if name not in self.sources:
            self.sources[name] = self.find(name)
        return self.sources[name]

    def find(self, name: str) -> str:
        if name not in self.by_name:
            return ""
        path, node = self.by_name[name]
        parts = [self.text(path, node)]
        if isinstance(node, ast.FunctionDef):
            for other in parsed(path)[1].body:
                if isinstance(other, ast.ClassDef) and other.name in names_in(node) and is_function(other):
                    parts.insert(0, self.text(path, other))
        return "\n\n\n".join(parts)

    def applies(self, name: str) -> str:
        """The public function that applies a Function of this name: `mul` for `Mul`; else the name itself."""
        for path, node in self.definitions():
            if isinstance(node, ast.ClassDef) and node.name == name and is_function(node):
                for other in parsed(path)[1].body:
                    if isinstance(other, ast.FunctionDef) and name in names_in(other) and other.name[0] != "_":
                        return other.name
        return name

    def text(self, path: pathlib.Path, node: Definition) -> str:
        """The source of a definition; of a long class its beginning up to `__init__`."""
        lines, _ = parsed(path)
        start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        end = node.end_lineno or start
        if isinstance(node, ast.ClassDef) and end - start > LONG:
            made = next((m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"), node.body[0])
            return "\n".join([*lines[start - 1 : made.end_lineno], "", "    ..."])
        return textwrap.dedent("\n".join(lines[start - 1 : end]))


def name_of(node: Definition) -> str:
    """The name of a function or class, or that of `average = mean`."""
    return ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else node.name


def is_function(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Function" for base in node.bases)


def rank(module: str) -> tuple[int, str]:
    top = module.partition(".")[0]
    return (FIRST.index(top) if top in FIRST else len(FIRST), module)


@dataclass(frozen=True)
class Version:
    """The definition of a name in some frameworks with equal source. before: the source in the stage before."""

    frameworks: tuple[str, ...]
    source: str
    before: str | None = None


def versions(name: str, packages: Mapping[str, Package]) -> list[Version]:
    """The definitions of a name, once for frameworks with equal source, in their order."""
    found: list[Version] = []
    for framework, package in packages.items():
        source = package.source(name)
        if not source:
            continue
        if found and found[-1].source == source:
            found[-1] = Version((*found[-1].frameworks, framework), source, found[-1].before)
        else:
            follows = bool(found) and framework.startswith("stage")
            found.append(Version((framework,), source, found[-1].source if follows else None))
    return found
