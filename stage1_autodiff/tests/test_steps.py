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
