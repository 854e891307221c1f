"""The Rosetta: each name of the stages as the corresponding PyTorch call, read from the torch adapter."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import asdict, dataclass

from .frameworks import load_stage, load_torch
from .stages import STAGES

# Attributes of variables, not of modules.
ATTRIBUTES = {"data", "creator", "backward", "cleargrad"}
ADAPTERS = f"{__package__}.frameworks.torch"
ADAPTER_ONLY = {"array", "constant", "gradients", "version"}


@dataclass(frozen=True)
class Row:
    """A name of the stages, the PyTorch call, the first stage that has it, and the difference."""

    name: str
    call: str
    stage: str
    difference: str


def first_stage(name: str) -> str:
    """The first installed stage that has the name, in a module or as an attribute of its variables."""
    for stage in STAGES:
        if stage.installed():
            adapter = load_stage(stage)
            try:
                found = (
                    hasattr(adapter.find("Variable")(None), name) if name in ATTRIBUTES else bool(adapter.find(name))
                )
            except AttributeError:
                found = False
            if found:
                return stage.name
    return ""


def rosetta() -> list[Row]:
    """A row for each public method of the torch adapter."""
    rows = []
    adapter = type(load_torch())
    methods = {
        name: method
        for cls in reversed(adapter.__mro__)
        if cls.__module__.startswith(ADAPTERS)
        for name, method in vars(cls).items()
    }
    for name, method in methods.items():
        if name.startswith("_") or name in ADAPTER_ONLY or not inspect.isfunction(method):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(method))).body
        assert isinstance(tree, ast.FunctionDef)
        result = tree.body[-1]
        assert isinstance(result, ast.Return)
        assert result.value is not None
        call = ast.unparse(result.value)
        if name == "function":  # to subclass, in the stages and in PyTorch
            name, call = "Function", "torch.autograd.Function"
        rows.append(Row(name, call, first_stage(name), " ".join((method.__doc__ or "").split())))
    return rows


def as_json(rows: list[Row]) -> list[dict[str, str]]:
    return [asdict(row) for row in rows]
