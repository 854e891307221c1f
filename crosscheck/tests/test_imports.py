"""The import graphs: no cycle in a stage or in crosscheck; a stage's modules import what ALLOWED lists."""

import graphlib
import pathlib
import sys

import pytest

import crosscheck
from crosscheck.imports import Import, graph, imports, modules_in, reading_order
from crosscheck.stages import STAGES

CROSSCHECK = pathlib.Path(crosscheck.__file__).parent

FAMILIES = [
    {"kernels", "products"},
    {"recurrent_kernels", "window_kernels"},
    {"broadcast", "elementwise", "shape"},
    {"windows"},
    {"arithmetic", "matrix", "reduce", "sizes", "special"},
    {"compare"},
    {"select"},
    {"activation", "regularize"},
    {"units"},
    {"normalize"},
    {"loss", "metrics", "recurrent", "sequences"},
    {"attention", "objectives", "sampling"},
    {"conv"},
    {"depthwise", "filters", "pool", "resize"},
]
F = {f"functions.{name}" for level in FAMILIES for name in level}
ENGINE = {"core", "config", "cuda"}

ALLOWED = {
    "config": set(),
    "cuda": set(),
    "dot": set(),
    "transforms": set(),
    "download": set(),
    "saving": {"core", "cuda"},
    "core": {"config", "cuda"},
    "functions": F,
    "operators": {"core", "dot", "functions"},
    "gradcheck": {"core", "cuda"},
    "optimizers": {"core", "cuda"},
    "initializers": {"config", "core"},
    "layers": {
        *("config", "core", "cuda", "functions"),
        *("functions.regularize", "functions.sequences", "functions.sizes"),
        *("initializers", "saving", "state_dict"),
    },
    "state_dict": set(),
    "models": {
        *(
            "config",
            "core",
            "cuda",
            "functions",
            "functions.elementwise",
            "functions.regularize",
            "initializers",
            "layers",
            "optimizers",
            "text",
        ),
        *("state_dict", "dot", "download"),
        "vision.boxes",
    },
    "datasets": {"transforms", "download"},
    "dataloaders": {"core", "cuda"},
    "training": {"config", "core", "cuda", "functions", "layers", "optimizers", "saving"},
    "hybrid": {
        *("config", "core", "cuda", "functions", "layers", "models"),
        *("functions.arithmetic", "functions.broadcast", "functions.loss", "functions.reduce", "functions.shape"),
    },
    "records": {"datasets"},
    "scores": {"core", "cuda"},
    "text": {"config", "cuda"},
    "synthetic": {"core", "datasets"},
    "vision": {"cuda", "transforms"},
    "prefetch": {"config", "core", "cuda", "dataloaders"},
    "distributed": {
        *("config", "core", "cuda", "functions", "functions.regularize", "layers", "saving"),
        *("training.inspect", "training.validation"),
    },
}
for level, names in enumerate(FAMILIES):
    left = {f"functions.{name}" for lower in FAMILIES[:level] for name in lower}
    for name in names:
        ALLOWED[f"functions.{name}"] = ENGINE | left

# Modules that are packages in stage 5. A file may import what its module may, and the files of the levels before.
PACKAGES = {
    "layers": [
        ["base"],
        ["linear", "convolution", "normalization", "embedding", "sampling"],
        ["attention", "recurrent"],
    ],
    "models": [
        ["base", "blocks"],
        ["embeddings", "language", "vgg", "resnet", "squeezenet", "lenet", "alexnet", "nin", "googlenet", "densenet"],
        ["detection", "segmentation", "autoencoders"],
    ],
    "optimizers": [["base"], ["rules", "groups", "hooks", "schedules"]],
    "text": [["search", "vocabulary", "batches"], ["sequences"]],
    "datasets": [
        ["base", "archives"],
        ["curves", "text", "digits", "imagenet", "tables", "corpora", "folders"],
        ["cifar", "fashion", "voc"],
    ],
    "vision": [["boxes"], ["augment"]],
    "hybrid": [["structure", "shortcuts"], ["reach"], ["program"], ["proof"], ["replay"], ["model"]],
    "training": [["averaging", "validation", "inspect", "callbacks"], ["trainer"]],
    "distributed": [["communicator", "data", "normalization"], ["launch", "optimizer", "checkpoints"]],
}
for package, levels in PACKAGES.items():
    outside, left = ALLOWED[package], set()
    for names in levels:
        level = {f"{package}.{name}" for name in names}
        ALLOWED |= dict.fromkeys(level, outside | left)
        left = left | level
    ALLOWED[package] = outside | left
AT_THE_END = {"", "utils", "scratch"}  # the package itself and facades: they may import all, nothing imports them

# The standard library, and what a stage may depend on (all but NumPy optional, imported where it is used).
OUTSIDE = {
    "numpy",
    "cupy",
    "cupyx",
    "google_crc32c",
    "matplotlib",
    "pooch",
    "pygraphviz",
    "tqdm",
    "PIL",
    "IPython",
    "safetensors",
    "mpi4py",
    "threadpoolctl",
}
EVERYWHERE = {"numpy"}


def sources(folder):
    return {module: path.read_text(encoding="utf-8") for module, path in modules_in(folder).items()}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_imports_point_to_the_right(stage):
    for module, imported in graph(sources(stage.source)).items():
        if module not in AT_THE_END:
            assert imported <= ALLOWED[module], f"{stage.name}: {module} imports {imported - ALLOWED[module]}"


@pytest.mark.parametrize(
    "folder", [*(stage.source for stage in STAGES), CROSSCHECK], ids=[*(stage.name for stage in STAGES), "crosscheck"]
)
def test_there_is_no_cycle(folder):
    needs = graph(sources(folder))
    list(graphlib.TopologicalSorter(needs).static_order())  # a CycleError names the cycle
    order = reading_order(needs)
    assert sorted(order) == sorted(needs)
    for n, module in enumerate(order):
        assert needs[module] <= set(order[:n]), module


def test_only_the_command_line_knows_argparse():
    found = sources(CROSSCHECK)
    knowing = {
        module for module, source in found.items() for one in imports(module, source, found) if one.name == "argparse"
    }
    assert knowing == {"cli", "options"}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_imports_nothing_but_itself_numpy_and_the_standard_library(stage):
    found = sources(stage.source)
    for module, source in found.items():
        for one in imports(module, source, found):
            root = one.name.partition(".")[0]
            allowed = OUTSIDE if one.nested else EVERYWHERE
            known = one.own or root in sys.stdlib_module_names or root in allowed
            assert known, f"{stage.name}: {module} imports {one.name}"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_no_module_names_its_own_stage(stage):
    for module, source in sources(stage.source).items():
        for other in STAGES:
            assert other.package not in source, f"{stage.name}: {module}"


def test_the_judge_sees_relative_imports():
    modules = {"", "core", "functions", "functions.loss", "functions.reduce"}
    source = (
        "from ..core import Variable\nfrom . import reduce\ndef f():\n    from .reduce import sum\n    import cupy\n"
    )
    assert imports("functions.loss", source, modules) == [
        Import("core", own=True, nested=False),
        Import("functions.reduce", own=True, nested=False),
        Import("functions.reduce", own=True, nested=True),
        Import("cupy", own=False, nested=True),
    ]
