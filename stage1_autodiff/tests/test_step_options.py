"""Steps without the packages that their figures need."""

from .scripts import STAGE, run

STEP4 = STAGE / "steps" / "step04.py"
NUMBERS = "4.000000000004\n3.2974426293330694\nTrue True True\n"


def test_step_4_without_matplotlib_prints_its_numbers_and_says_what_a_figure_needs(tmp_path):
    assert run(STEP4, hide=["matplotlib"]) == (NUMBERS, "")
    stdout, stderr = run(STEP4, "--out", tmp_path / "figures", hide=["matplotlib"], status=1)
    assert stdout == NUMBERS
    assert stderr == "step04: no figure without matplotlib: pip install matplotlib\n"
    assert not (tmp_path / "figures").exists()


def test_step_4_expects_the_name_of_a_folder():
    _, stderr = run(STEP4, "--out", "", status=2)
    assert "argument --out: expected a folder, got ''" in stderr
