"""Every example runs once as a script and writes its figure; short runs, which say nothing about how well it learns."""

import functools
import importlib.util
import os
import pathlib
import re
import signal
import struct
import subprocess
import tempfile

import pytest

from .scripts import HANG, STAGE, process, run

FOLDER = STAGE / "examples"
HELPERS = ["common", "pictures"]
PRINTING = ["tensors"]  # without a figure; a test of crosscheck compares what it prints with its comments
TEXT = "The quick brown fox jumps over the lazy dog.\n" * 450

# The shortest run, and what it prints. MNIST is not there, so Digits replaces it.
EXAMPLES = {
    "char_rnn": (
        ("--epochs", 1, "text.txt"),
        r"epoch 1: \d\.\d+ bits per character, held out \d\.\d+\n--- temperature 0.4",
    ),
    "cnn": (("--epochs", 1), r"epoch 1: .*\ntest accuracy: 0\.[6-9]"),
    "gan": (("--epochs", 1), r"epoch 1: loss of D \d\.\d+, of G \d\.\d+\n"),
    "grad_cam": (("--epochs", 1), r"epoch 1: .*\ntest accuracy: 0\.\d+\n"),
    "spiral": (("--epochs", 3), r"epoch 3: loss 0\.\d+\ntrain accuracy: 0\.[4-9]\d+\ntest accuracy: 0\.[4-9]"),
    "style_transfer": (("--epochs", 2, "--size", 96), r"style 2 of 2\n48 pixels: style .*, content .*\n96 .*\n"),
    "vae": (("--epochs", 1), r"epoch 1: -log p\(x\|z\) \d+\.\d+, KL \d+\.\d+\ntest: root mean squared error 0\.[12]"),
}
DIGITS = ("cnn", "gan", "grad_cam", "vae")

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)
needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")
needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")


def example(name, *arguments, **settings):
    return run(FOLDER / f"{name}.py", *arguments, **settings)


@functools.cache
def short_run(name):
    """Run an example once: what it prints on stdout and on stderr, and the files that it writes."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        pathlib.Path(folder, "text.txt").write_text(TEXT, encoding="utf-8")
        settings = {"cwd": folder, "hide": ["pooch"], "DEZERO_HOME": home}
        stdout, stderr = example(name, "--quick", *EXAMPLES[name][0], **settings)
        files = [path for path in pathlib.Path(folder).rglob("*.*") if path.name != "text.txt"]
        return stdout, stderr, {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="session")
def ran(request):
    """The short run of an example. Its tests stand side by side, so that one process runs them with pytest-xdist."""
    return request.param, *short_run(request.param)


each_example = pytest.mark.parametrize("ran", EXAMPLES, indirect=True, scope="session")


def test_all_examples_are_tested():
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted([*EXAMPLES, *PRINTING, *HELPERS])


@needs_matplotlib
@each_example
def test_an_example_prints_its_results(ran):
    name, stdout, _, _ = ran
    assert re.search(EXAMPLES[name][1], stdout)
    assert stdout.endswith(f"\nfigure: {os.path.join('figures', name)}.png\n")


@needs_matplotlib
@each_example
def test_an_example_warns_of_nothing_but_missing_data(ran):
    name, _, stderr, _ = ran
    assert re.fullmatch(rf"{name}: using Digits instead of MNIST: .*\n" if name in DIGITS else "", stderr)


@needs_matplotlib
@each_example
def test_an_example_writes_its_figure(ran):
    name, _, _, files = ran
    assert list(files) == [f"figures/{name}.png"]
    (figure,) = files.values()
    assert figure[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", figure[16:24])
    assert width >= 1500
    assert height >= 600
    assert len(figure) > 30_000  # a figure of one color would be smaller


@pytest.mark.parametrize("name", ["char_rnn", "vae"])
def test_help_names_the_options_and_imports_no_matplotlib(name):
    stdout, stderr = example(name, "--help", hide=["matplotlib"])
    for option in ("--quick", "--epochs N", "--seed N", "--gpu", "--out DIR"):
        assert option in stdout
    assert ("--data {mnist,digits}" in stdout) == (name in DIGITS)
    assert stderr == ""


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("spiral", ("--epochs", 0), "argument --epochs: expected an integer such as 1, 2, 3, got 0"),
        ("spiral", ("--epochs", "x"), "argument --epochs: invalid integer value: 'x'"),
        ("spiral", ("--seed", 2**32), "argument --seed: expected an integer from 0 to 4294967295, got 4294967296"),
        ("cnn", ("--data", "x"), "argument --data: invalid choice: 'x'"),
        ("style_transfer", ("--size", 100), "argument --size: expected an integer such as 96, 112, 128, got 100"),
        ("vae", ("--latent", 0), "argument --latent: expected an integer such as 1, 2, 3, got 0"),
        ("spiral", ("--gpu",), "--gpu: "),
    ],
)
def test_wrong_arguments_are_rejected(name, wrong, message, tmp_path):
    stdout, stderr = example(name, *wrong, status=2, cwd=tmp_path, hide=["cupy"])
    assert stdout == ""
    assert stderr.startswith("usage: ")
    assert message in stderr
    assert list(tmp_path.iterdir()) == []


@needs_matplotlib
def test_a_folder_that_cannot_be_written_to_is_rejected_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    stdout, stderr = example("spiral", "--out", os.path.join("file", "folder"), status=2, cwd=tmp_path)
    assert stdout == ""
    assert f"argument --out: cannot write to {os.path.join('file', 'folder')}: " in stderr


def test_without_matplotlib_an_example_says_so_before_the_work(tmp_path):
    stdout, stderr = example("spiral", hide=["matplotlib"], status=1, cwd=tmp_path)
    assert (stdout, stderr) == ("", "spiral: no figure without matplotlib: pip install matplotlib\n")
    assert list(tmp_path.iterdir()) == []


@needs_matplotlib
def test_a_seed_repeats_a_run_and_another_makes_another(tmp_path):
    stdout, _, _ = short_run("spiral")
    same, _ = example("spiral", "--quick", *EXAMPLES["spiral"][0], cwd=tmp_path)
    other, _ = example("spiral", "--quick", *EXAMPLES["spiral"][0], "--seed", 1, cwd=tmp_path)
    assert same == stdout != other


@needs_matplotlib
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"\xff\xff", ".*UTF-8"),
        (b"short", "expected a text of at least 20,000 characters, got 5"),
    ],
)
def test_char_rnn_rejects_an_unreadable_text(content, message, tmp_path):
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    _, stderr = example("char_rnn", "text.txt", status=1, cwd=tmp_path)
    assert stderr.startswith("char_rnn: ")
    assert re.search(message, stderr)
    assert stderr.count("\n") == 1


@needs_matplotlib
@needs_pillow
def test_own_images(tmp_path):
    import PIL.Image

    for name, color in (("content.png", "navy"), ("style.png", "gold")):
        PIL.Image.new("RGB", (90, 70), color).save(tmp_path / name)
    arguments = ("--content", "content.png", "--style", "style.png", "--size", 96, "--epochs", 1)
    stdout, _ = example("style_transfer", *arguments, cwd=tmp_path)
    assert "style 1 of 1\n" in stdout

    hidden = {"hide": ["pooch"], "DEZERO_HOME": str(tmp_path / "cache")}
    _, stderr = example("grad_cam", "--image", "content.png", status=1, cwd=tmp_path, **hidden)
    assert re.fullmatch(r"grad_cam: .*vgg16.npz.*pooch.*\n", stderr)
    _, stderr = example("grad_cam", "--image", "none.png", status=1, cwd=tmp_path, **hidden)
    assert stderr == "grad_cam: [Errno 2] No such file or directory: 'none.png'\n"


@needs_matplotlib
@needs_signals
def test_control_c_ends_an_example_with_one_line(tmp_path):
    with subprocess.Popen(**process(FOLDER / "spiral.py", "--epochs", 10**6, cwd=tmp_path)) as running:
        try:
            running.stdout.readline()
            running.send_signal(signal.SIGINT)
            _, message = running.communicate(timeout=HANG)
        finally:
            running.kill()
    assert (running.returncode, message) == (130, "spiral: interrupted\n")
