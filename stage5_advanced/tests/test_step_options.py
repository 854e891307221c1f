"""Steps without the packages that their figures need, and their own options; the notebook of appendix C."""

import importlib.util
import json
import sys

import numpy as np
import pytest

from .scripts import STAGE, run

STEPS = STAGE / "steps"
NOTEBOOK = STEPS / "appendix_c_mnist_gpu.ipynb"

needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")


def step(number, *arguments, **settings):
    return run(STEPS / f"step{number}.py", *arguments, **settings)


def test_step_54_without_matplotlib_prints_its_numbers_and_says_what_a_figure_needs(tmp_path):
    out = tmp_path / "figures"
    stdout, stderr = step(54, "--out", out, hide=["matplotlib"], status=1)
    assert stdout.startswith("[False  True")
    assert stderr == "step54: no figure without matplotlib: pip install matplotlib\n"
    assert not out.exists()


def test_step_60_draws_its_graph_only_with_graphviz(tmp_path):
    hidden = {"PATH": str(tmp_path), "hide": ["matplotlib", "pygraphviz"]}
    _, stderr = step(60, "--epochs", 1, "--graph", tmp_path / "graph.pdf", status=1, **hidden)
    assert stderr.startswith("step60: no graph: plot_dot_graph: expected the command 'dot' or the package pygraphviz")


@pytest.mark.parametrize(
    ("number", "wrong", "message"),
    [
        (53, ("--weights", "my_mlp"), "--weights: expected a file name that ends in .npz, in an existing folder"),
        (53, ("--weights", "no/my_mlp.npz"), "in an existing folder"),
        (60, ("--graph", "graph"), "--graph: expected a file name with a suffix such as .pdf, in an existing folder"),
        (60, ("--graph", "no/graph.pdf"), "in an existing folder"),
        (58, ("--quick", "--image", "x.png"), "--image needs the whole network; leave out --quick"),
        (59, ("--epochs", 0), "argument --epochs: expected an integer from 1 to 4294967295, got 0"),
    ],
)
def test_wrong_options_of_a_step_are_rejected_before_anything_is_printed(number, wrong, message):
    stdout, stderr = step(number, *wrong, status=2)
    assert stdout == ""
    assert stderr.startswith(f"usage: step{number}.py")
    assert message in stderr


def test_step_53_continues_from_the_weights_of_the_last_run(tmp_path):
    losses = []
    for _ in range(2):
        arguments = ("--data", "digits", "--epochs", 1, "--weights", "my_mlp.npz")
        stdout, _ = step(53, *arguments, cwd=tmp_path, hide=["matplotlib"])
        losses += [float(line.rpartition(" ")[2]) for line in stdout.splitlines() if line.startswith("epoch: ")]
    assert losses[0] > losses[1]
    assert [path.name for path in tmp_path.iterdir()] == ["my_mlp.npz"]


def test_step_53_rejects_weights_of_another_model_and_leaves_them(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, x=np.ones(3))
    content = path.read_bytes()
    _, stderr = step(53, "--data", "digits", "--weights", path, hide=["matplotlib"], status=1)
    assert stderr.startswith("step53: MLP: ")
    assert "['l0/W', 'l0/b', 'l1/W', 'l1/b']" in stderr
    assert path.read_bytes() == content


@needs_pillow
def test_step_58_reports_an_invalid_image_before_it_downloads(tmp_path):
    path = tmp_path / "no.png"
    assert step(58, "--image", path, status=1)[1].startswith("step58: [Errno 2]")
    path.write_text("no picture", encoding="utf-8")
    assert step(58, "--image", path, status=1)[1].startswith("step58: cannot identify image file")


@needs_pillow
def test_step_58_without_weights_says_how_to_get_them(tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    home = tmp_path / "home"
    stdout, stderr = step(58, "--image", tmp_path / "picture.png", hide=["pooch"], DEZERO_HOME=str(home), status=1)
    assert stdout == ""
    assert stderr.startswith(f"step58: {home}")
    assert "vgg16.npz" in stderr


def test_step_58_runs_without_pillow():
    stdout, _ = step(58, "--quick", hide=["matplotlib", "PIL"])
    assert "no preprocessing without Pillow: pip install pillow" in stdout


def cells():
    """The code of the notebook's cells, by their names."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all((cell["outputs"], cell["execution_count"]) == ([], None) for cell in code)
    return {cell["id"]: "".join(cell["source"]) for cell in code}


def test_the_notebook_is_of_plain_cells_without_outputs():
    assert list(cells()) == ["install", "check", "train", "cpu", "gpu", "compare"]
    for name, source in cells().items():
        compile(source, name, "exec")


def test_the_notebook_installs_nothing_over_an_installed_stage_5(capsys, monkeypatch):
    monkeypatch.setattr("subprocess.run", None)
    exec(cells()["install"], {})
    assert capsys.readouterr().out.startswith("stage5_advanced is installed: ")


def test_the_notebook_compares_the_times(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DEZERO_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pooch", None)  # Digits, with a network and without
    names = {}
    for source in cells().values():
        exec(source, names)  # as a notebook does
    out = capsys.readouterr().out
    assert "using Digits instead of MNIST" in out
    assert "CPU: " in out
