"""Steps without the packages that their figures need, and their own options."""

import pytest

from .scripts import STAGE, run
from .test_steps import has_graphviz

STEPS = STAGE / "steps"


@pytest.mark.parametrize("step", ["step29", "step34"])
def test_steps_29_and_34_without_matplotlib_print_their_numbers_and_say_what_a_figure_needs(step, tmp_path):
    stdout, stderr = run(STEPS / f"{step}.py", "--out", tmp_path / "figures", hide=["matplotlib"], status=1)
    assert stdout.count("\n") > 7
    assert stderr == f"{step}: no figure without matplotlib: pip install matplotlib\n"
    assert not (tmp_path / "figures").exists()


def test_step_26_without_graphviz_says_what_it_needs(tmp_path):
    hidden = {"PATH": str(tmp_path), "hide": ["pygraphviz"]}
    stdout, stderr = run(STEPS / "step26.py", "--out", tmp_path / "figures", status=1, **hidden)
    assert stdout.startswith("digraph g {")
    assert stderr.startswith("step26: no graph: plot_dot_graph: expected the command 'dot' or the package pygraphviz")


@pytest.mark.skipif(not has_graphviz, reason="Graphviz is not installed")
def test_step_35_takes_the_order(tmp_path):
    pytest.importorskip("matplotlib.pyplot")
    run(STEPS / "step35.py", "--order", 1, "--out", tmp_path)
    assert [path.name for path in tmp_path.glob("tanh*")] == ["tanh_gx1.png"]
