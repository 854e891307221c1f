"""Every step and appendix runs as a script, from any folder, with this stage's dependencies alone."""

import functools
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[1] / "steps"
SCRIPTS = {path.stem.removeprefix("step"): path for path in sorted(FOLDER.glob("*.py")) if path.stem != "demo"}
NOTEBOOK = FOLDER / "appendix_c_mnist_gpu.ipynb"
FIGURES = ["52", "53", "54", "55", "56", "57", "58", "59", "60", "appendix_a"]
GRAPHS = {"58": ["_graph.pdf"], "59": ["_1.png", "_2.png", "_loss.png"]}
SHORT = {
    "52": ("--data", "digits", "--epochs", 2),
    "53": ("--data", "digits", "--epochs", 2),
    "58": ("--quick",),
    "59": ("--epochs", 2),
    "60": ("--epochs", 2),
}
TRAINING = ["52", "53", "59", "60"]

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)
needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")
needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process, and no SIGPIPE")


def name_of(script):
    """What a script calls itself in messages and files."""
    return SCRIPTS[script].stem


def process(script, *arguments, cwd=None, hide=(), **settings):
    """How to run a script without a window, as if some modules were not installed; settings: environment variables."""
    hidden = "".join(f"sys.modules[{name!r}] = None; " for name in hide)
    code = f"import runpy, sys; {hidden}sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    settings = {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"} | settings  # more threads only wait for each other here
    command = [sys.executable, "-W", "error", "-c", code, SCRIPTS[script], *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return {"args": command, "cwd": cwd, "env": os.environ | settings, **pipes}


def run(script, *arguments, status=0, **settings):
    """Run a script to its end, which must be of this status: what it prints on stdout and on stderr."""
    done = subprocess.run(**process(script, *arguments, **settings), timeout=120, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


def steady(stdout):
    """What is printed without the seconds, which differ from run to run."""
    return [line.partition(", time: ")[0] for line in stdout.splitlines()]


@functools.cache
def numbers(script):
    """What a short run of a script prints; without --out it writes nothing, and it leaves nothing in /tmp either."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as temporary:
        short = SHORT.get(script, ())
        stdout, stderr = run(script, *short, cwd=folder, hide=["matplotlib"], TMPDIR=temporary)
        assert (stderr, os.listdir(folder), os.listdir(temporary)) == ("", [], [])
    return stdout


def test_all_nine_steps_and_three_appendices_are_there():
    assert list(SCRIPTS) == ["appendix_a", "appendix_b", *map(str, range(52, 61))]
    assert NOTEBOOK.is_file()


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_runs(script):
    assert numbers(script) != ""


@pytest.mark.parametrize("script", FIGURES)
def test_help_names_the_folder_for_figures(script):
    stdout, stderr = run(script, "--help")
    assert stdout.startswith("usage: ")
    assert "--out DIR" in stdout
    assert stderr == ""


@pytest.mark.parametrize("script", FIGURES)
def test_without_matplotlib_numbers_are_printed_and_a_figure_says_what_it_needs(script, tmp_path):
    out = tmp_path / "figures"
    stdout, stderr = run(script, *SHORT.get(script, ()), "--out", out, hide=["matplotlib"], status=1)
    assert steady(stdout) == steady(numbers(script))
    assert stderr == f"{name_of(script)}: no figure without matplotlib: pip install matplotlib\n"
    assert not out.exists()


@needs_matplotlib
@pytest.mark.parametrize("script", GRAPHS)
def test_without_graphviz_there_is_the_figure_and_a_graph_says_what_it_needs(script, tmp_path):
    hidden = {"PATH": str(tmp_path), "hide": ["pygraphviz"]}
    stdout, stderr = run(script, *SHORT[script], "--out", "figures", cwd=tmp_path, status=1, **hidden)
    assert stdout == numbers(script)
    assert stderr.startswith(
        f"step{script}: no graph: plot_dot_graph: expected the command 'dot' or the package pygraphviz"
    )
    assert list(tmp_path.rglob("*.*")) == [tmp_path / "figures" / f"step{script}.png"]


@needs_dot
@needs_matplotlib
@pytest.mark.parametrize("script", GRAPHS)
def test_figures_and_graphs_are_drawn(script, tmp_path):
    assert run(script, *SHORT[script], "--out", "figures", cwd=tmp_path) == (numbers(script), "")
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert written == sorted(os.path.join("figures", f"step{script}{part}") for part in [".png", *GRAPHS[script]])


@needs_matplotlib
@pytest.mark.parametrize("script", [script for script in FIGURES if script not in GRAPHS])
def test_figures_are_drawn(script, tmp_path):
    stdout, stderr = run(script, *SHORT.get(script, ()), "--out", "figures", cwd=tmp_path)
    assert (steady(stdout), stderr) == (steady(numbers(script)), "")
    assert list(tmp_path.rglob("*.*")) == [tmp_path / "figures" / f"{name_of(script)}.png"]


@needs_matplotlib
def test_without_a_display_and_without_out_there_is_no_figure(tmp_path):
    assert run("54", cwd=tmp_path) == (numbers("54"), "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", TRAINING)
def test_another_seed_is_another_run(script):
    stdout, _ = run(script, *SHORT[script], "--seed", 1, hide=["matplotlib"])
    assert steady(stdout) != steady(numbers(script))


@pytest.mark.parametrize(
    ("script", "wrong", "message"),
    [
        *[(script, ("--epochs", 0), "must be at least 1, --seed from 0 to 4294967295") for script in TRAINING],
        *[(script, ("--seed", -1), "must be at least 1, --seed from 0 to 4294967295") for script in TRAINING],
        *[(script, ("--data", "x"), "argument --data: invalid choice: 'x'") for script in ("52", "53")],
        *[(script, ("--nonsense",), "unrecognized arguments: --nonsense") for script in FIGURES],
        ("53", ("--weights", "my_mlp"), "--weights must be a file whose name ends in .npz, in a folder that exists"),
        ("53", ("--weights", "no/my_mlp.npz"), "in a folder that exists"),
        ("60", ("--graph", "graph"), "--graph must be a file with an ending such as .pdf, in a folder that exists"),
        ("60", ("--graph", "no/graph.pdf"), "in a folder that exists"),
        ("58", ("--quick", "--image", "x.png"), "--image needs the whole network, leave out --quick"),
    ],
)
def test_wrong_arguments_are_refused(script, wrong, message):
    stdout, stderr = run(script, *wrong, status=2)
    assert stdout == ""
    assert stderr.startswith("usage: ")
    assert message in stderr


@pytest.mark.parametrize("script", ["52", "53"])
def test_a_step_falls_back_to_digits_and_says_so(script, tmp_path):
    stdout, stderr = run(script, "--epochs", 2, hide=["matplotlib", "pooch"], DEZERO_HOME=str(tmp_path))
    assert steady(stdout) == steady(numbers(script))
    (line,) = stderr.splitlines()
    assert line.startswith(f"step{script}: Digits take the place of MNIST: {tmp_path}")


def test_step_53_goes_on_from_the_weights_of_the_last_run(tmp_path):
    arguments = (*SHORT["53"], "--weights", "my_mlp.npz")
    losses = []
    for _ in range(2):
        stdout, _ = run("53", *arguments, cwd=tmp_path, hide=["matplotlib"])
        losses += [float(line.rpartition(" ")[2]) for line in stdout.splitlines() if line.startswith("epoch: ")]
    assert losses == sorted(losses, reverse=True)
    assert [path.name for path in tmp_path.iterdir()] == ["my_mlp.npz"]


def test_step_53_refuses_weights_of_another_model_and_leaves_them(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, x=np.ones(3))
    content = path.read_bytes()
    _, stderr = run("53", *SHORT["53"], "--weights", path, hide=["matplotlib"], status=1)
    assert stderr.startswith("step53: MLP: ")
    assert "['l0/W', 'l0/b', 'l1/W', 'l1/b']" in stderr
    assert path.read_bytes() == content


@needs_pillow
def test_step_58_says_what_is_wrong_with_a_picture_before_it_downloads(tmp_path):
    path = tmp_path / "no.png"
    assert run("58", "--image", path, status=1)[1].startswith("step58: [Errno 2]")
    path.write_text("no picture", encoding="utf-8")
    assert run("58", "--image", path, status=1)[1].startswith("step58: cannot identify image file")


@needs_pillow
def test_step_58_without_weights_says_how_to_get_them(tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    home = tmp_path / "home"
    arguments = ("--image", tmp_path / "picture.png")
    stdout, stderr = run("58", *arguments, hide=["pooch"], DEZERO_HOME=str(home), status=1)
    assert stdout == ""
    assert stderr.startswith(f"step58: {home}")
    assert "vgg16.npz" in stderr


def test_step_58_runs_without_pillow():
    stdout, _ = run("58", "--quick", hide=["matplotlib", "PIL"])
    assert "no preprocessing without Pillow: pip install pillow" in stdout


def test_step_60_draws_its_graph_only_with_graphviz(tmp_path):
    arguments = ("--epochs", 1, "--graph", tmp_path / "graph.pdf")
    _, stderr = run("60", *arguments, hide=["matplotlib", "pygraphviz"], PATH=str(tmp_path), status=1)
    assert stderr.startswith("step60: no graph: plot_dot_graph: expected the command 'dot' or the package pygraphviz")


def test_steps_59_and_60_learn_the_curve():
    error = {}
    for script, epochs in (("59", 4), ("60", 25)):
        stdout, _ = run(script, "--epochs", epochs, hide=["matplotlib"])
        error[script] = float(stdout.splitlines()[-1].removeprefix("mean error "))
    assert error["59"] < 0.15
    assert error["60"] < 0.15


@pytest.mark.parametrize("cell", ["install", "check", "train", "cpu", "gpu", "compare"])
def test_the_notebook_is_of_plain_cells_without_outputs(cell):
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    assert len(cells) == len(notebook["cells"])
    assert cells[cell]["cell_type"] == "code"
    assert (cells[cell]["outputs"], cells[cell]["execution_count"]) == ([], None)
    compile("".join(cells[cell]["source"]), cell, "exec")


def test_the_notebook_compares_the_times(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DEZERO_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pooch", None)  # Digits, with a network and without
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    names = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["id"] != "install":
            exec("".join(cell["source"]), names)  # as a notebook does
    out = capsys.readouterr().out
    assert "Digits take the place of MNIST" in out
    assert "CPU: 0." in out


def endless(script):
    """How to run a training step for hours."""
    options = SHORT[script][:2] if "--data" in SHORT[script] else ()
    return process(script, *options, "--epochs", 10**6, hide=["matplotlib"])


@needs_signals
@pytest.mark.parametrize("script", TRAINING)
def test_control_c_ends_a_step_with_one_line(script):
    with subprocess.Popen(**endless(script)) as running:
        try:
            # Once the first line of progress is there, and it must not wait for a full buffer, the step trains.
            next(line for line in running.stdout if line.startswith(("epoch: ", "| epoch")))
            running.send_signal(signal.SIGINT)
            _, message = running.communicate(timeout=30)
        finally:
            running.kill()
    assert (running.returncode, message) == (130, f"step{script}: interrupted\n")


@needs_signals
@pytest.mark.parametrize("script", TRAINING)
def test_a_closed_pipe_ends_a_step_without_a_word(script):
    with subprocess.Popen(**endless(script)) as running:
        try:
            next(line for line in running.stdout if line.startswith(("epoch: ", "| epoch")))
            running.stdout.close()
            _, message = running.communicate(timeout=30)
        finally:
            running.kill()
    assert (running.returncode, message) == (-signal.SIGPIPE, "")
