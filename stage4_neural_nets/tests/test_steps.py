"""Every step runs as a script, from any folder, with this stage's dependencies alone."""

import functools
import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

STEPS = sorted((pathlib.Path(__file__).parents[1] / "steps").glob("step*.py"))
GRAPHS = {37: [""], 38: ["_gx", "_y"], 39: ["_gx", "_y"], 40: ["_gx1", "_y"], 41: ["_gW", "_gx", "_y"], 45: [""]}
FIGURES = [42, 43, 44, 46, 48, 49, 50, 51]
TRAINING = dict.fromkeys((42, 43, 44, 45, 46, 48, 49, 50), ("--epochs", 2))
TRAINING[51] = ("--epochs", 1, "--data", "digits")

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)
needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process, and no SIGPIPE")


def process(step, *arguments, cwd=None, hide=(), **settings):
    """How to run a step without a window, as if some modules were not installed; settings: environment variables."""
    hidden = "".join(f"sys.modules[{name!r}] = None; " for name in hide)
    code = f"import runpy, sys; {hidden}sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    settings = {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"} | settings  # more threads only wait for each other here
    command = [sys.executable, "-W", "error", "-c", code, STEPS[step - 37], *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return {"args": command, "cwd": cwd, "env": os.environ | settings, **pipes}


def run(step, *arguments, status=0, **settings):
    """Run a step to its end, which must be of this status: what it prints on stdout and on stderr."""
    done = subprocess.run(**process(step, *arguments, **settings), timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


@functools.cache
def numbers(step):
    """What a short run of a step prints; without --out it writes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        stdout, stderr = run(step, *TRAINING.get(step, ()), cwd=folder, hide=["matplotlib"])
        assert (stderr, os.listdir(folder)) == ("", [])
    return stdout


def test_all_fifteen_steps_are_there():
    assert [path.stem for path in STEPS] == [f"step{n}" for n in range(37, 52)]


@pytest.mark.parametrize("step", range(37, 52))
def test_step_runs(step):
    assert numbers(step) != ""


@pytest.mark.parametrize("step", FIGURES)
def test_without_matplotlib_numbers_are_printed_and_a_figure_says_what_it_needs(step, tmp_path):
    out = tmp_path / "figures"
    stdout, stderr = run(step, *TRAINING[step], "--out", out, hide=["matplotlib"], status=1)
    assert stdout == numbers(step)
    assert stderr == f"step{step}: no figure without matplotlib: pip install matplotlib\n"
    assert not out.exists()


@pytest.mark.parametrize("step", GRAPHS)
def test_without_graphviz_numbers_are_printed_and_a_figure_says_what_it_needs(step, tmp_path):
    out = tmp_path / "figures"
    stdout, stderr = run(step, *TRAINING.get(step, ()), "--out", out, PATH=str(tmp_path), hide=["pygraphviz"], status=1)
    assert stdout == numbers(step)
    assert stderr.startswith(
        f"step{step}: no figure: plot_dot_graph: expected the command 'dot' or the package pygraphviz"
    )


@needs_dot
@pytest.mark.parametrize("step", GRAPHS)
def test_graphs_are_drawn(step, tmp_path):
    run(step, *TRAINING.get(step, ()), "--out", "figures", cwd=tmp_path)
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert written == [os.path.join("figures", f"step{step}{part}.png") for part in GRAPHS[step]]


@needs_matplotlib
@pytest.mark.parametrize("step", FIGURES)
def test_figures_are_drawn(step, tmp_path):
    assert run(step, *TRAINING[step], "--out", "figures", cwd=tmp_path) == (numbers(step), "")
    assert list(tmp_path.rglob("*.*")) == [tmp_path / "figures" / f"step{step}.png"]


@needs_matplotlib
def test_without_a_display_and_without_out_there_is_no_figure(tmp_path):
    assert run(42, *TRAINING[42], cwd=tmp_path) == (numbers(42), "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", TRAINING)
def test_another_seed_is_another_run(step):
    assert run(step, *TRAINING[step], "--seed", 1, hide=["matplotlib"])[0] != numbers(step)


@pytest.mark.parametrize("step", [42, 43, 44, 45, 46])
def test_where_each_round_sees_all_data_iters_and_epochs_are_the_same(step):
    assert run(step, "--iters", 2, hide=["matplotlib"])[0] == numbers(step)


@pytest.mark.parametrize(
    ("step", "wrong", "message"),
    [
        *[(step, ("--epochs", -1), "must be at least 1, --seed from 0 to 4294967295") for step in TRAINING],
        (51, ("--epochs", 0), "must be at least 1"),
        (51, ("--seed", -1), "--seed from 0 to 4294967295"),
        (51, ("--data", "x"), "argument --data: invalid choice: 'x'"),
    ],
)
def test_wrong_arguments_are_refused(step, wrong, message):
    stdout, stderr = run(step, *wrong, status=2)
    assert stdout == ""
    assert stderr.startswith("usage: ")
    assert message in stderr


def test_step_51_falls_back_to_digits_and_says_so(tmp_path):
    stdout, stderr = run(51, "--epochs", 1, hide=["matplotlib", "pooch"], DEZERO_HOME=str(tmp_path))
    assert stdout == numbers(51)
    (line,) = stderr.splitlines()
    assert line.startswith(f"step51: Digits take the place of MNIST: {tmp_path}")


def test_step_51_learns_the_digits():
    stdout, _ = run(51, "--data", "digits", "--epochs", 6, hide=["matplotlib"])
    *_, first, improved, more = stdout.splitlines()
    assert float(first.removeprefix("sigmoid, SGD: ")) > 0.25
    assert float(improved.removeprefix("ReLU, Adam: ")) > 0.88
    assert float(more.removeprefix("ReLU, Adam, more hands: ")) > 0.8


def endless(step):
    """How to run a training step for hours."""
    return process(step, "--epochs", 10**6, *TRAINING[step][2:], hide=["matplotlib"])


@needs_signals
@pytest.mark.parametrize("step", TRAINING)
def test_control_c_ends_a_step_with_one_line(step):
    with subprocess.Popen(**endless(step)) as running:
        try:
            # Once the first line of progress is there, and it must not wait for a full buffer, the step trains.
            next(line for line in running.stdout if line.startswith(("0 variable", "variable([[", "epoch")))
            running.send_signal(signal.SIGINT)
            _, message = running.communicate(timeout=30)
        finally:
            running.kill()
    assert (running.returncode, message) == (130, f"step{step}: interrupted\n")


@needs_signals
@pytest.mark.parametrize("step", TRAINING)
def test_a_closed_pipe_ends_a_step_without_a_word(step):
    with subprocess.Popen(**endless(step)) as running:
        try:
            running.stdout.readline()
            running.stdout.close()
            _, message = running.communicate(timeout=30)
        finally:
            running.kill()
    assert (running.returncode, message) == (-signal.SIGPIPE, "")
