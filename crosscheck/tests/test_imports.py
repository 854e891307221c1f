"""The import graph of every stage: names may point to the right only, no stage knows another, no cycle."""

import ast
import graphlib
import sys

import pytest

from crosscheck.lessons import module_names
from crosscheck.stages import STAGES

FAMILIES = [
    {"broadcast", "elementwise", "shape"},
    {"arithmetic", "matrix", "reduce"},
    {"activation", "regularize"},
    {"loss", "metrics", "recurrent"},
    {"conv"},
    {"pool"},
]
F = {f"functions.{name}" for level in FAMILIES for name in level}
ENGINE = {"core", "config", "cuda"}

ALLOWED = {
    "config": set(),
    "cuda": set(),
    "dot": set(),
    "transforms": set(),
    "download": set(),
    "saving": set(),
    "core": {"config", "cuda"},
    "functions": F,
    "operators": {"core", "functions"},
    "gradcheck": {"core", "cuda"},
    "optimizers": {"core", "cuda"},
    "layers": {"core", "cuda", "functions", "saving"},
    "blocks": {"functions", "layers"},
    "state_dict": set(),
    "models": {"core", "cuda", "functions", "layers", "blocks", "state_dict", "dot", "download"},
    "datasets": {"transforms", "download"},
    "dataloaders": {"cuda"},
}
for level, names in enumerate(FAMILIES):
    left = {f"functions.{name}" for lower in FAMILIES[:level] for name in lower}
    for name in names:
        ALLOWED[f"functions.{name}"] = ENGINE | left
AT_THE_END = {"", "utils"}  # the package itself and the facade: they may import all, nothing inside imports them

# The standard library, and what a stage may depend on (all but NumPy optional, imported where it is used).
OUTSIDE = {"numpy", "cupy", "matplotlib", "pooch", "tqdm", "PIL", "IPython"}
EVERYWHERE = {"numpy"}


def imports(module, source, modules):
    """(name, level of nesting) of each import in a module, its own package's names made absolute."""
    is_package = any(other.startswith(f"{module}.") for other in modules) or module == ""
    home = module.split(".") if is_package and module else module.split(".")[:-1]
    tree = ast.parse(source)
    top = set(map(id, tree.body))
    found = []
    for node in ast.walk(tree):
        nested = id(node) not in top
        if isinstance(node, ast.Import):
            found += [(alias.name, False, nested) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append((node.module, False, nested))
        elif isinstance(node, ast.ImportFrom):
            base = [*home[: len(home) - node.level + 1], *(node.module or "").split(".")]
            base = [part for part in base if part]
            for alias in node.names:
                deeper = ".".join([*base, alias.name])
                found.append((deeper if deeper in modules else ".".join(base), True, nested))
    return found


def graph(stage):
    """module -> the modules of the same stage that it imports."""
    modules = module_names(stage)
    return {
        module: {name for name, own, _ in imports(module, path.read_text(encoding="utf-8"), modules) if own}
        for module, path in modules.items()
    }


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_imports_point_to_the_right(stage):
    for module, imported in graph(stage).items():
        if module not in AT_THE_END:
            assert imported <= ALLOWED[module], f"{stage.name}: {module} imports {imported - ALLOWED[module]}"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_there_is_no_cycle(stage):
    order = list(graphlib.TopologicalSorter(graph(stage)).static_order())
    assert set(order) == set(module_names(stage))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_imports_nothing_but_itself_numpy_and_the_standard_library(stage):
    modules = module_names(stage)
    for module, path in modules.items():
        for name, own, nested in imports(module, path.read_text(encoding="utf-8"), modules):
            root = name.partition(".")[0]
            allowed = OUTSIDE if nested else EVERYWHERE
            assert own or root in sys.stdlib_module_names or root in allowed, f"{stage.name}: {module} imports {name}"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_no_module_names_its_own_stage(stage):
    for module, path in module_names(stage).items():
        for other in STAGES:
            assert other.package not in path.read_text(encoding="utf-8"), f"{stage.name}: {module}"


def test_the_judge_sees_relative_imports():
    modules = {"": None, "core": None, "functions": None, "functions.loss": None, "functions.reduce": None}
    source = (
        "from ..core import Variable\nfrom . import reduce\ndef f():\n    from .reduce import sum\n    import cupy\n"
    )
    assert imports("functions.loss", source, modules) == [
        ("core", True, False),
        ("functions.reduce", True, False),
        ("functions.reduce", True, True),
        ("cupy", False, True),
    ]
