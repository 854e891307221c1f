"""Steps without the packages that their figures need, and their own options."""

import pytest

from .scripts import STAGE, run

STEPS = STAGE / "steps"


def test_step_48_without_matplotlib_prints_its_numbers_and_says_what_a_figure_needs(tmp_path):
    out = tmp_path / "figures"
    stdout, stderr = run(STEPS / "step48.py", "--epochs", 2, "--out", out, hide=["matplotlib"], status=1)
    assert "epoch 2, loss " in stdout
    assert stderr == "step48: no figure without matplotlib: pip install matplotlib\n"
    assert not out.exists()


def test_step_41_without_graphviz_says_what_it_needs(tmp_path):
    hidden = {"PATH": str(tmp_path), "hide": ["pygraphviz"]}
    stdout, stderr = run(STEPS / "step41.py", "--out", tmp_path / "figures", status=1, **hidden)
    assert stdout.startswith("32\n")
    assert stderr.startswith("step41: no graph: plot_dot_graph: expected the command 'dot' or the package pygraphviz")


def test_step_48_with_another_seed_is_another_run():
    runs = [run(STEPS / "step48.py", "--epochs", 1, "--seed", seed, hide=["matplotlib"]) for seed in (0, 1, 1)]
    assert runs[0] != runs[1] == runs[2]


@pytest.mark.parametrize(
    ("step", "wrong"), [("step43", ("--epochs", 0)), ("step50", ("--seed", -1)), ("step51", ("--data", "x"))]
)
def test_steps_43_50_and_51_reject_wrong_options_before_anything_is_printed(step, wrong):
    stdout, stderr = run(STEPS / f"{step}.py", *wrong, status=2)
    assert stdout == ""
    assert stderr.startswith(f"usage: {step}.py")
