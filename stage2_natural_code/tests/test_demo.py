"""demo.py: options, figures, Ctrl-C and closed pipes of the steps. The file is the same in stages 2 to 5."""

import importlib.util
import os
import runpy
import signal
import subprocess
import sys

import pytest

from .scripts import HANG, STAGE, process

DEMO = STAGE / "steps" / "demo.py"
needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process, and no SIGPIPE")


@pytest.fixture
def demo(monkeypatch):
    """demo.py as a module, without its signal handlers, in a step called step99."""
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(sys, "argv", ["folder/step99.py"])
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def parser(demo):
    return demo.options("Step 99: a test.\n\nMore.", epochs=3, seed=0, order=2, data="mnist")


def test_options_have_their_defaults(parser):
    assert vars(parser.parse_args([])) == {"epochs": 3, "seed": 0, "order": 2, "data": "mnist", "out": None}


def test_options_are_read(parser, tmp_path):
    args = parser.parse_args(["--order", "7", "--seed", "4294967295", "--data", "digits", "--out", str(tmp_path)])
    assert (args.order, args.seed, args.data, args.out) == (7, 2**32 - 1, "digits", tmp_path)


def test_iters_is_also_called_epochs(demo):
    assert demo.options("Step 99", iters=100).parse_args(["--epochs", "7"]).iters == 7


def test_help_names_the_step_and_its_options(parser, capsys):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for part in ("usage: step99.py", "Step 99: a test.\n", "--epochs N", "default 3", "--out DIR"):
        assert part in text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--epochs", "0"], "argument --epochs: expected an integer from 1 to 4294967295, got 0"),
        (["--epochs", "x"], "argument --epochs: invalid integer value: 'x'"),
        (["--order", "-1"], "expected an integer from 1 to 4294967295, got -1"),
        (["--seed", "-1"], "argument --seed: expected an integer from 0 to 4294967295, got -1"),
        (["--seed", "4294967296"], "expected an integer from 0 to 4294967295, got 4294967296"),
        (["--data", "x"], "argument --data: invalid choice: 'x'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--out", ""], "argument --out: expected a folder, got ''"),
        (["--out", "file"], "argument --out: cannot write to file"),
        (["--out", "file/folder"], "argument --out: cannot write to file/folder"),
    ],
)
def test_wrong_options_are_errors(wrong, message, parser, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as end:
        parser.parse_args(wrong)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_write_permission_is_an_error(parser, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SystemExit):
        parser.parse_args(["--out", str(tmp_path / "new" / "folder")])
    assert "argument --out: cannot write to" in capsys.readouterr().err


def figure(plt):
    return plt.figure()


def test_show_saves_a_figure_under_the_name_of_the_step(demo, tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    demo.show(lambda plt, number: plt.figure(figsize=(number, 1)), tmp_path / "a" / "b", 2)
    plt.close("all")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["step99.png"]
    assert (tmp_path / "a" / "b" / "step99.png").read_bytes().startswith(b"\x89PNG")


def test_show_without_a_display_and_without_out_draws_nothing(demo, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setattr(plt, "get_backend", lambda: "Agg")
    demo.show(None, None)


def test_show_does_not_import_matplotlib_if_its_backend_has_no_window(demo, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    demo.show(None, None)
    assert "matplotlib.pyplot" not in sys.modules


def test_show_opens_a_window_if_there_is_a_display(demo, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    calls = []
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setattr(plt, "get_backend", lambda: "TkAgg")
    monkeypatch.setattr(plt, "show", lambda: calls.append("show"))
    demo.show(lambda plt: calls.append("draw"), None)
    assert calls == ["draw", "show"]


def test_without_matplotlib_a_figure_says_what_it_needs_and_numbers_need_nothing(demo, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    demo.show(figure, None)
    with pytest.raises(SystemExit, match=r"^step99: no figure without matplotlib: pip install matplotlib$"):
        demo.show(figure, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_graph_draws_to_a_file_in_the_folder(demo, tmp_path):
    calls = []
    demo.graph(lambda x, to_file, verbose: calls.append((x, to_file, verbose)), "y", tmp_path, "y.png", verbose=False)
    demo.graph(calls.append, "y", None, "y.png")
    assert calls == [("y", tmp_path / "y.png", False)]


def test_without_graphviz_a_graph_says_what_it_needs(demo, tmp_path):
    def plot(x, to_file):
        raise RuntimeError("install Graphviz")

    with pytest.raises(SystemExit, match=r"^step99: no graph: install Graphviz$"):
        demo.graph(plot, "y", tmp_path, "y.png")


def test_load_uses_digits_if_mnist_cannot_be_downloaded(demo, capsys):
    def missing(train):
        raise RuntimeError("no network:\nmore")

    def digits(train):
        return f"digits {train}"

    assert demo.load("mnist", missing, digits) == ("digits True", "digits False")
    loading, instead = capsys.readouterr().err.splitlines()
    assert loading == "step99: loading MNIST (11 MB, downloaded once)"
    assert instead == "step99: using Digits instead of MNIST: no network"
    assert demo.load("digits", missing, digits) == ("digits True", "digits False")
    assert capsys.readouterr() == ("", "")
    assert demo.load("mnist", digits, missing) == ("digits True", "digits False")
    assert capsys.readouterr() == ("", f"{loading}\n")


@pytest.fixture
def endless(tmp_path):
    """A step that prints forever."""
    script = tmp_path / "step99.py"
    lines = ("import sys", f"sys.path.insert(0, {str(DEMO.parent)!r})", "from demo import options")
    script.write_text("\n".join([*lines, "options('Step 99')", "while True:", "    print('x' * 100, flush=True)"]))
    with subprocess.Popen(**process(script)) as running:
        running.stdout.readline()
        yield running
        running.kill()


@needs_signals
def test_control_c_ends_a_step_with_one_line(endless):
    endless.send_signal(signal.SIGINT)
    _, message = endless.communicate(timeout=HANG)
    assert (endless.returncode, message) == (130, "step99: interrupted\n")


@needs_signals
def test_a_closed_pipe_ends_a_step_silently(endless):
    endless.stdout.close()
    message = endless.stderr.read()
    assert (endless.wait(timeout=HANG), message) == (-signal.SIGPIPE, "")


def test_two_steps_in_one_process_share_demo_and_keep_their_names(tmp_path, monkeypatch, capsys):
    """demo.py depends on no stage and keeps no state, so it does not matter which copy a process has imported."""
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setitem(sys.modules, "demo", None)
    del sys.modules["demo"]  # restored afterwards
    monkeypatch.syspath_prepend(str(DEMO.parent))
    for name in ("step98.py", "step99.py"):
        path = tmp_path / name
        path.write_text("import demo\ndemo.options(demo.step()).parse_args()\nprint(demo.step())\n")
        monkeypatch.setattr(sys, "argv", [str(path)])
        runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out == "step98\nstep99\n"
