"""Every step runs as a script, from any folder, with this stage's dependencies alone."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

STEPS = sorted((pathlib.Path(__file__).parents[1] / "steps").glob("step*.py"))
GRAPHS = {26: ["add", "goldstein"], 27: ["my_sin_1e-150", "my_sin_1e-4"], 35: ["tanh_gx1", "tanh_gx2", "tanh_gx3"]}
FIGURES = [28, 29, 34]

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)


def run(step, *arguments, path=None, hide=(), check=True):
    """Run a step without a window, with another search path, or as if some modules were not installed."""
    hidden = "".join(f"sys.modules[{name!r}] = None; " for name in hide)
    start = f"import runpy, sys; {hidden}sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    environment = os.environ | {"MPLBACKEND": "Agg"} | ({"PATH": str(path)} if path else {})
    command = [sys.executable, "-W", "error", "-c", start, STEPS[step - 25], *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=check)


@pytest.mark.parametrize("step", STEPS, ids=lambda path: path.stem)
def test_step_runs(step, tmp_path):
    environment = os.environ | {"MPLBACKEND": "Agg"}
    subprocess.run([sys.executable, "-W", "error", step], cwd=tmp_path, check=True, timeout=60, env=environment)
    assert list(tmp_path.iterdir()) == []  # nothing is written without --out


def test_all_twelve_steps_are_there():
    assert [path.stem for path in STEPS] == [f"step{n:02}" for n in range(25, 37)]


@pytest.mark.parametrize("step", FIGURES)
def test_without_matplotlib_numbers_are_printed_and_a_figure_says_what_it_needs(step, tmp_path):
    plain = run(step, hide=["matplotlib"])
    assert plain.stdout == run(step).stdout != ""
    with_figure = run(step, "--out", tmp_path / "figures", hide=["matplotlib"], check=False)
    assert with_figure.returncode == 1
    assert with_figure.stderr == f"step{step}: no figure without matplotlib: pip install matplotlib\n"
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("step", GRAPHS)
def test_without_graphviz_numbers_are_printed_and_a_figure_says_what_it_needs(step, tmp_path):
    assert run(step, path=tmp_path).stdout == run(step).stdout != ""
    with_figure = run(step, "--out", tmp_path / "figures", path=tmp_path, check=False)
    assert with_figure.returncode == 1
    assert with_figure.stderr.startswith(f"step{step}: no figure: plot_dot_graph: the command 'dot' is not there")


@needs_dot
@pytest.mark.parametrize("step", GRAPHS)
def test_graphs_are_drawn(step, tmp_path):
    run(step, "--out", tmp_path / "figures")
    assert sorted(path.stem for path in (tmp_path / "figures").iterdir()) == GRAPHS[step]


@needs_matplotlib
@pytest.mark.parametrize("step", FIGURES)
def test_figures_are_drawn(step, tmp_path):
    run(step, "--out", tmp_path / "figures")
    assert [path.name for path in (tmp_path / "figures").iterdir()] == [f"step{step}.png"]


def test_step_28_takes_the_number_of_rounds():
    """The place before the 10,000th update, as the book has it."""
    last = run(28, "--iters", 10000, hide=["matplotlib"]).stdout.splitlines()[-1]
    x0, x1 = (float(number) for number in last.replace("variable(", "").replace(")", "").split())
    assert (x0, x1) == pytest.approx((0.99449622, 0.98900063), abs=1e-8)


@needs_dot
def test_step_35_takes_the_order(tmp_path):
    run(35, "--order", 1, "--out", tmp_path)
    assert [path.stem for path in tmp_path.iterdir()] == ["tanh_gx1"]
