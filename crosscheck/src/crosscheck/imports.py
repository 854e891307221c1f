"""The modules of a package, their imports, and a reading order."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from . import UsageError


@dataclass(frozen=True)
class Import:
    """An import in a module. own: from the same package. nested: inside a function, class or condition."""

    name: str
    own: bool
    nested: bool


def module_of(path: str) -> str:
    """`functions/loss.py` -> `functions.loss`; the package's `__init__.py` -> the empty name."""
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_in(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Files by module."""
    return {module_of(path.relative_to(folder).as_posix()): path for path in sorted(folder.rglob("*.py"))}


def parse(source: str, module: str) -> ast.Module:
    """The syntax tree of a module. Raises UsageError if its syntax is invalid."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        where = f"module {module}" if module else "this source"
        raise UsageError(f"{where} has a syntax error in line {error.lineno}: {error.msg}") from error


def imports(module: str, source: str, modules: Iterable[str]) -> list[Import]:
    """All imports of a module. Relative names become absolute within the package."""
    modules = set(modules)
    is_package = module == "" or any(other.startswith(f"{module}.") for other in modules)
    home = [part for part in module.split(".") if part]
    if not is_package:
        home.pop()
    tree = parse(source, module)
    top = set(map(id, tree.body))
    found = []
    for node in ast.walk(tree):
        nested = id(node) not in top
        if isinstance(node, ast.Import):
            found += [Import(alias.name, False, nested) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append(Import(node.module or "", False, nested))
        elif isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] + (node.module.split(".") if node.module else [])
            for alias in node.names:
                deeper = ".".join([*base, alias.name])
                found.append(Import(deeper if deeper in modules else ".".join(base), True, nested))
    return found


def graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """For each module the modules of the package that it imports, also inside functions. sources: by module."""
    return {
        module: {found.name for found in imports(module, source, sources) if found.own}
        for module, source in sources.items()
    }


FIRST = ("config", "core", "functions.elementwise", "functions.arithmetic", "functions", "operators")  # the engine


def reading_order(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Every module after its imports: the engine first, then by name, the package's __init__ last."""
    order: list[str] = []
    seen: set[str] = set()

    def read(module: str) -> None:
        if module in needs and module not in seen:
            seen.add(module)
            for needed in sorted(needs[module]):
                read(needed)
            order.append(module)

    for module in [*FIRST, *sorted(needs, key=lambda name: (name == "", name))]:
        read(module)
    return order
