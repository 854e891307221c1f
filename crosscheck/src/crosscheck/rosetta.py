"""The Rosetta: each name of the stages as the corresponding PyTorch call.

The rows are read from the source of the torch adapter, so PyTorch need not be installed.
"""

from __future__ import annotations

import ast
import difflib
import pathlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .frameworks import BookStyle, load_stage
from .stages import STAGES

FOLDER = pathlib.Path(__file__).parent / "frameworks"
ADAPTER = "TorchFramework"
ATTRIBUTES = {"data", "creator", "backward", "cleargrad"}  # of variables, not of modules
NO_METHODS = {"staticmethod", "classmethod", "property"}
ADAPTER_ONLY = {"array", "constant", "gradients", "version"}


@dataclass(frozen=True)
class Row:
    """A name of the stages, the PyTorch call, the first stage that has it, and the difference."""

    name: str
    call: str
    stage: str
    difference: str

    def mentions(self, name: str) -> bool:
        """Whether the call or the difference has a name of PyTorch: nn.Linear is part of torch.nn.Linear."""
        name = re.sub(r"^F\.", "functional.", name.removesuffix("()"))
        return re.search(rf"(^|\W){re.escape(name)}(?!\w)", f"{self.call} {self.difference}") is not None


def first_stage(name: str, stages: Sequence[BookStyle]) -> str:
    """The first stage that has the name, in a module or as an attribute of its variables."""
    for stage in stages:
        try:
            found = hasattr(stage.find("Variable")(None), name) if name in ATTRIBUTES else bool(stage.find(name))
        except AttributeError:
            found = False
        if found:
            return stage.name
    return ""


def lineage(name: str, classes: dict[str, ast.ClassDef]) -> list[str]:
    """The class after all its bases, of which the last is the first."""
    bases = [base.id for base in reversed(classes[name].bases) if isinstance(base, ast.Name) and base.id in classes]
    return [*(ancestor for base in bases for ancestor in lineage(base, classes)), name]


def methods() -> dict[str, ast.FunctionDef]:
    """The methods of the torch adapter by name: those of its bases, the last first, then its own."""
    sources = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("torch*.py"))]
    classes = {node.name: node for text in sources for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}
    found: dict[str, ast.FunctionDef] = {}
    for node in [node for name in lineage(ADAPTER, classes) for node in classes[name].body]:
        match node:
            case ast.FunctionDef(name=name, decorator_list=decorators):
                if not any(ast.unparse(decorator) in NO_METHODS for decorator in decorators):
                    found[name] = node
            case ast.Assign(targets=[ast.Name(id=alias)], value=ast.Name(id=name)) if name in found:
                found[alias] = found[name]
    return found


def rosetta() -> list[Row]:
    """A row for each public method of the torch adapter: the expression it returns, and its docstring."""
    rows, stages = [], [load_stage(stage) for stage in STAGES if stage.installed()]
    for name, method in methods().items():
        if name.startswith("_") or name in ADAPTER_ONLY:
            continue
        result = method.body[-1]
        assert isinstance(result, ast.Return)
        assert result.value is not None
        call = ast.unparse(result.value)
        if name == "function":  # to subclass, in the stages and in PyTorch
            name, call = "Function", "torch.autograd.Function"
        rows.append(Row(name, call, first_stage(name, stages), " ".join((ast.get_docstring(method) or "").split())))
    return rows


def find(rows: Sequence[Row], name: str) -> list[Row]:
    """The rows for a name of the stages, or else for one of PyTorch: torch.nn.Linear, nn.Linear, F.linear."""
    return [row for row in rows if row.name == name] or [row for row in rows if row.mentions(name)]


def similar(rows: Sequence[Row], name: str) -> list[str]:
    """Names of either side that are spelled like this one."""
    theirs = [word for row in rows for word in re.findall(r"[\w.]+", row.call)]
    names = {word.rpartition(".")[2].lower(): word for word in [*theirs, *(row.name for row in rows)]}
    close = difflib.get_close_matches(name.rpartition(".")[2].lower(), names)
    return [names[word] for word in close]


def as_json(rows: Sequence[Row]) -> list[dict[str, str]]:
    return [asdict(row) for row in rows]
