"""Steps without the packages that their figures need."""

import pytest

from .scripts import STAGE, run


@pytest.mark.parametrize(
    ("step", "first_line", "last_line"),
    [("step17", "1", "[2. 4. 0. 0.]"), ("step24", "2.0 2.0", "variable(102.0) 34.0")],
)
def test_a_step_without_matplotlib_prints_its_numbers_and_says_what_a_figure_needs(
    step, first_line, last_line, tmp_path
):
    out = tmp_path / "figures"
    stdout, stderr = run(STAGE / "steps" / f"{step}.py", "--out", out, hide=["matplotlib"], status=1)
    lines = stdout.splitlines()
    assert lines[0] == first_line
    assert lines[-1] == last_line
    assert stderr == f"{step}: no figure without matplotlib: pip install matplotlib\n"
    assert not out.exists()


def test_step_17_expects_the_name_of_a_folder():
    _, stderr = run(STAGE / "steps" / "step17.py", "--out", "", status=2)
    assert "argument --out: expected a folder, got ''" in stderr
