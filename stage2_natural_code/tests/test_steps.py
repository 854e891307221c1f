"""Every step runs as a script, from any folder, with this stage's dependencies alone."""

import pathlib
import subprocess
import sys

import pytest

STEPS = {path.stem: path for path in sorted((pathlib.Path(__file__).parents[1] / "steps").glob("step*.py"))}


@pytest.mark.parametrize("step", STEPS)
def test_step_runs(step, tmp_path):
    subprocess.run([sys.executable, "-W", "error", STEPS[step]], cwd=tmp_path, check=True, timeout=60)


def test_all_fourteen_steps_are_there():
    assert list(STEPS) == [f"step{n:02}" for n in range(11, 25)]


@pytest.mark.parametrize(
    ("step", "first_line", "last_line"),
    [("step17", "[1 2 3]", "[2. 4. 0. 0.]"), ("step24", "2.0 2.0", "variable(102.0) 34.0")],
)
def test_a_step_without_matplotlib_prints_its_numbers_and_says_what_a_figure_needs(
    step, first_line, last_line, tmp_path
):
    hide = "import runpy, sys; sys.modules['matplotlib'] = None; sys.argv = sys.argv[1:]; "
    command = [sys.executable, "-c", hide + "runpy.run_path(sys.argv[0], run_name='__main__')", STEPS[step]]
    plain = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = plain.stdout.splitlines()
    assert (lines[0], lines[-1]) == (first_line, last_line)
    with_figure = subprocess.run([*command, "--out", tmp_path / "figures"], capture_output=True, text=True, check=False)
    assert with_figure.returncode == 1
    assert with_figure.stdout == plain.stdout or step == "step17"  # which prints measurements
    assert with_figure.stderr == f"{step}: no figure without matplotlib: pip install matplotlib\n"
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("step", ["step17", "step24"])
def test_a_step_draws_its_figure(step, tmp_path):
    pytest.importorskip("matplotlib")  # an extra
    subprocess.run([sys.executable, STEPS[step], "--out", tmp_path / "figures"], check=True, timeout=60)
    assert (tmp_path / "figures" / f"{step}.png").read_bytes().startswith(b"\x89PNG")
