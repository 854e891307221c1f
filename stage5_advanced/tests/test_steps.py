"""Every step runs once as a script, from any folder, and draws its figures. This file is the same in every stage."""

import ast
import functools
import importlib.util
import os
import pathlib
import shutil
import tempfile

import pytest

from .scripts import STAGE, run

HELPERS = ("demo", "drawings")
SCRIPTS = {path.stem: path for path in sorted((STAGE / "steps").glob("*.py")) if path.stem not in HELPERS}
STAGES = {1: range(1, 11), 2: range(11, 25), 3: range(25, 37), 4: range(37, 52), 5: range(52, 61)}

# Short runs; the numbers that a step prints in full are compared with its comments in crosscheck.
ARGUMENTS = {
    "step28": ("--iters", 10),
    **dict.fromkeys(("step42", "step43", "step44", "step45", "step46"), ("--iters", 2)),
    **dict.fromkeys(("step48", "step49", "step50", "step52", "step53"), ("--epochs", 2)),
    "step51": ("--epochs", 6),
    "step58": ("--quick",),
    "step59": ("--epochs", 4),
    "step60": ("--epochs", 25),
}
DATA = ("step51", "step52", "step53")  # they use Digits if MNIST cannot be downloaded
FIGURES = [*[f"step{n:02}" for n in (4, 17, 24, 28, 29, 34, 35, 42, 43, 44, 46, *range(48, 61))], "appendix_a"]
GRAPHS = {
    "step26": ["figures/add.png", "figures/goldstein.png"],
    "step27": ["figures/my_sin_1e-150.pdf", "figures/my_sin_1e-4.png"],
    "step35": ["figures/tanh_gx1.png", "figures/tanh_gx2.png", "figures/tanh_gx3.png"],
    "step37": ["figures/step37.png"],
    **{f"step{n}": [f"figures/step{n}_gx.png", f"figures/step{n}_y.png"] for n in (38, 39)},
    "step40": ["figures/step40_gx1.png", "figures/step40_y.png"],
    "step41": ["figures/step41_gW.png", "figures/step41_gx.png", "figures/step41_y.png"],
    "step45": ["figures/step45.png"],
    "step58": ["figures/step58_graph.pdf"],
    "step59": ["figures/step59_1.png", "figures/step59_2.png", "figures/step59_loss.png"],
}
STARTS = {".png": b"\x89PNG", ".pdf": b"%PDF"}


def digits_are_learned(lines):
    *_, sigmoid, relu, augmented = (float(line.rpartition(" ")[2]) for line in lines[-3:])
    assert sigmoid > 0.25
    assert relu > 0.88
    assert augmented > 0.8


def the_cosine_is_predicted(lines):
    assert float(lines[-1].removeprefix("mean error ")) < 0.15


RESULTS = {
    "step51": digits_are_learned,
    "step59": the_cosine_is_predicted,
    "step60": the_cosine_is_predicted,
}

has_matplotlib = importlib.util.find_spec("matplotlib") is not None
has_graphviz = shutil.which("dot") is not None or importlib.util.find_spec("pygraphviz") is not None


def draws(step):
    """Whether a step draws figures or graphs and the packages for them are installed."""
    return (step in FIGURES or step in GRAPHS) and (
        (has_matplotlib or step not in FIGURES) and (has_graphviz or step not in GRAPHS)
    )


@functools.cache
def short_run(step):
    """Run a step once; return its stdout, its stderr and the files that it writes."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ARGUMENTS.get(step, ())
        arguments = (*arguments, "--out", "figures") if draws(step) else arguments
        settings = {"hide": ["pooch"], "DEZERO_HOME": os.path.join(folder, "home")} if step in DATA else {}
        stdout, stderr = run(SCRIPTS[step], *arguments, cwd=folder, **settings)
        files = [path for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()]
        return stdout, stderr, {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="session")
def ran(request):
    """The short run of a step. The tests of a step are adjacent, so pytest-xdist runs them in one process."""
    return request.param, *short_run(request.param)


each_step = pytest.mark.parametrize("ran", SCRIPTS, indirect=True, scope="session")


def test_all_steps_are_there():
    steps = [f"step{n:02}" for n in STAGES[int(STAGE.name[5])]]
    assert [name for name in SCRIPTS if name.startswith("step")] == steps


@each_step
def test_a_step_prints_its_lesson(ran):
    step, stdout, _, _ = ran
    assert stdout != ""
    if step in RESULTS:
        RESULTS[step](stdout.splitlines())


@each_step
def test_a_step_warns_of_nothing_but_missing_data(ran):
    step, _, stderr, _ = ran
    if step in DATA:
        loading, instead = stderr.splitlines()
        assert loading.startswith(f"{step}: loading MNIST")
        assert instead.startswith(f"{step}: using Digits instead of MNIST: ")
    else:
        assert stderr == ""


@each_step
def test_a_step_writes_its_figures_and_nothing_else(ran):
    step, _, _, files = ran
    figures = [f"figures/{step}.png"] * (step in FIGURES) + GRAPHS.get(step, [])
    assert sorted(files) == (sorted(figures) if draws(step) else [])
    for name, content in files.items():
        assert content.startswith(STARTS[name[-4:]])


@pytest.mark.parametrize("step", SCRIPTS)
def test_options_are_read_before_anything_is_printed_and_the_seed_is_used(step):
    tree = ast.parse(SCRIPTS[step].read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    lines = {name: [call.lineno for call in calls if ast.unparse(call.func) == name] for name in ("print", "options")}
    if lines["options"] and lines["print"]:
        assert lines["options"][0] < min(lines["print"])
    options = [call for call in calls if ast.unparse(call.func) == "options"]
    if any(keyword.arg == "seed" for call in options for keyword in call.keywords):
        assert "np.random.seed(args.seed)" in map(ast.unparse, calls)
