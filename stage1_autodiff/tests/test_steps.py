"""Every step runs as a script, from any folder, with this stage's dependencies alone."""

import pathlib
import subprocess
import sys

import pytest

STEPS = sorted((pathlib.Path(__file__).parents[1] / "steps").glob("step*.py"))


@pytest.mark.parametrize("step", STEPS, ids=lambda path: path.stem)
def test_step_runs(step, tmp_path):
    subprocess.run([sys.executable, "-W", "error", step], cwd=tmp_path, check=True, timeout=60)


def test_all_ten_steps_are_there():
    assert [path.stem for path in STEPS] == [f"step{n:02}" for n in range(1, 11)]


def test_step_4_without_matplotlib_prints_its_numbers_and_says_what_a_figure_needs(tmp_path):
    hide = "import runpy, sys; sys.modules['matplotlib'] = None; sys.argv = sys.argv[1:]; "
    command = [sys.executable, "-c", hide + "runpy.run_path(sys.argv[0], run_name='__main__')", STEPS[3]]
    plain = subprocess.run(command, capture_output=True, text=True, check=True)
    assert plain.stdout == "4.000000000004\n3.2974426293330694\n"
    with_figure = subprocess.run([*command, "--out", tmp_path / "figures"], capture_output=True, text=True, check=False)
    assert with_figure.returncode == 1
    assert with_figure.stderr == "step04: no figure without matplotlib: pip install matplotlib\n"
    assert not (tmp_path / "figures").exists()
