"""Every example runs as a script and writes its picture; short runs, so that nothing is said of how well it learns."""

import functools
import importlib.util
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile

import pytest

FOLDER = pathlib.Path(__file__).parents[1] / "examples"
HELPERS = ["common", "pictures"]
TEXT = "The quick brown fox jumps over the lazy dog.\n" * 450

# The shortest run, and what it must have said besides where the picture is.
EXAMPLES = {
    "char_rnn": (
        ("--epochs", 1, "text.txt"),
        r"epoch 1: \d\.\d+ bits a character, held out \d\.\d+\n--- temperature 0.4",
    ),
    "cnn": (("--epochs", 1, "--data", "digits"), r"epoch 1: .*\ntest accuracy: 0\.[6-9]"),
    "gan": (("--epochs", 1, "--data", "digits"), r"epoch 1: loss of D \d\.\d+, of G \d\.\d+\n"),
    "grad_cam": (("--epochs", 1, "--data", "digits"), r"epoch 1: .*\ntest accuracy: 0\.\d+\n"),
    "spiral": (("--epochs", 3), r"epoch 3: loss 0\.\d+\ntrain accuracy: 0\.[4-9]\d+\ntest accuracy: 0\.[4-9]"),
    "style_transfer": (("--epochs", 2, "--size", 96), r"style 2 of 2\n48 pixels: style .*, content .*\n96 .*\n"),
    "vae": (("--epochs", 1, "--data", "digits"), r"epoch 1: -log p\(x\|z\) \d+\.\d+, KL \d+\.\d+\ntest: 0\.[12]"),
}

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)
needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")
needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")


def process(example, *arguments, cwd=None, hide=(), **settings):
    """How to run an example, as if some modules were not installed; settings: environment variables."""
    hidden = "".join(f"sys.modules[{name!r}] = None; " for name in hide)
    code = (
        f"import runpy, sys; {hidden}sys.argv = sys.argv[1:]; sys.path[0] = {str(FOLDER)!r}; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    path = str(FOLDER / f"{example}.py")
    command = [sys.executable, "-W", "error", *(["-c", code] if hide else []), path, *map(str, arguments)]
    settings = {"OMP_NUM_THREADS": "1"} | settings  # more threads only wait for each other here
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    return {"args": command, "cwd": cwd, "env": os.environ | settings, **pipes}


def run(example, *arguments, status=0, **settings):
    """Run an example to its end, which must be of this status: what it prints on stdout and on stderr."""
    done = subprocess.run(**process(example, *arguments, **settings), timeout=120, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


@functools.cache
def short_run(example):
    """What the shortest run prints, and its picture."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "text.txt").write_text(TEXT, encoding="utf-8")
        stdout, stderr = run(example, "--quick", *EXAMPLES[example][0], cwd=folder)
        assert stderr == ""
        assert sorted(os.listdir(folder)) == ["figures", "text.txt"]
        assert os.listdir(os.path.join(folder, "figures")) == [f"{example}.png"]
        return stdout, pathlib.Path(folder, "figures", f"{example}.png").read_bytes()


def test_all_examples_are_tested():
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted([*EXAMPLES, *HELPERS])


@needs_matplotlib
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_prints_its_results(example):
    stdout, _ = short_run(example)
    assert re.search(EXAMPLES[example][1], stdout)
    assert stdout.endswith(f"\npicture: {os.path.join('figures', example)}.png\n")


@needs_matplotlib
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_writes_its_picture(example):
    _, picture = short_run(example)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    assert width >= 1500
    assert height >= 600
    assert len(picture) > 30_000  # of one colour it would be less


@pytest.mark.parametrize("example", EXAMPLES)
def test_help_names_the_options_and_imports_no_matplotlib(example):
    stdout, stderr = run(example, "--help", hide=["matplotlib"])
    for option in ("--quick", "--epochs N", "--seed N", "--gpu", "--out FOLDER"):
        assert option in stdout
    assert ("--data {mnist,digits}" in stdout) == ("--data" in EXAMPLES[example][0])
    assert stderr == ""


@pytest.mark.parametrize(
    ("example", "wrong", "message"),
    [
        ("spiral", ("--epochs", 0), "argument --epochs: 0 came, one of 1, 2, 3, ... is needed"),
        ("spiral", ("--epochs", "x"), "argument --epochs: invalid integer value: 'x'"),
        ("spiral", ("--seed", 2**32), "--seed must be from 0 to 4294967295"),
        ("cnn", ("--data", "x"), "argument --data: invalid choice: 'x'"),
        ("style_transfer", ("--size", 100), "argument --size: 100 came, one of 96, 112, 128, ... is needed"),
        ("vae", ("--latent", 0), "argument --latent: 0 came, one of 1, 2, 3, ... is needed"),
        ("spiral", ("--gpu",), "--gpu: CuPy cannot be loaded. Install CuPy! pip install cupy-cuda12x"),
    ],
)
def test_wrong_arguments_are_refused(example, wrong, message, tmp_path):
    stdout, stderr = run(example, *wrong, status=2, cwd=tmp_path, hide=["cupy"])
    assert stdout == ""
    assert stderr.startswith("usage: ")
    assert message in stderr
    assert list(tmp_path.iterdir()) == []


@needs_matplotlib
def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    for out in ("file", os.path.join("file", "folder")):
        stdout, stderr = run("spiral", "--out", out, status=2, cwd=tmp_path)
        assert stdout == ""
        assert f"--out: {out} cannot be written to: " in stderr


def test_without_matplotlib_an_example_says_so_before_the_work(tmp_path):
    stdout, stderr = run("spiral", hide=["matplotlib"], status=1, cwd=tmp_path)
    assert (stdout, stderr) == ("", "spiral: no picture without matplotlib: pip install matplotlib\n")
    assert list(tmp_path.iterdir()) == []


@needs_matplotlib
def test_digits_take_the_place_of_mnist(tmp_path):
    settings = {"cwd": tmp_path, "hide": ["pooch"], "DEZERO_HOME": str(tmp_path / "cache")}
    stdout, stderr = run("vae", "--quick", "--epochs", 1, **settings)
    assert stdout == short_run("vae")[0]
    (line,) = stderr.splitlines()
    assert line.startswith(f"vae: Digits take the place of MNIST: {tmp_path}")


@needs_matplotlib
def test_a_seed_repeats_a_run_and_another_makes_another(tmp_path):
    stdout, _ = short_run("spiral")
    same, _ = run("spiral", "--quick", *EXAMPLES["spiral"][0], cwd=tmp_path)
    other, _ = run("spiral", "--quick", *EXAMPLES["spiral"][0], "--seed", 1, cwd=tmp_path)
    assert same == stdout != other


@needs_matplotlib
@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file or directory"), (b"\xff\xff", "expected text in UTF-8"), (b"short", "20,000 are needed")],
)
def test_char_rnn_refuses_a_text_that_it_cannot_read(content, message, tmp_path):
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    _, stderr = run("char_rnn", "text.txt", status=1, cwd=tmp_path)
    assert stderr.startswith("char_rnn: ")
    assert message in stderr
    assert stderr.count("\n") == 1


@needs_matplotlib
@needs_pillow
def test_pictures_of_ones_own(tmp_path):
    import PIL.Image

    for name, color in (("content.png", "navy"), ("style.png", "gold")):
        PIL.Image.new("RGB", (90, 70), color).save(tmp_path / name)
    arguments = ("--content", "content.png", "--style", "style.png", "--size", 96, "--epochs", 1)
    stdout, _ = run("style_transfer", *arguments, cwd=tmp_path)
    assert "style 1 of 1\n" in stdout

    hidden = {"hide": ["pooch"], "DEZERO_HOME": str(tmp_path / "cache")}
    _, stderr = run("grad_cam", "--image", "content.png", status=1, cwd=tmp_path, **hidden)
    assert re.fullmatch(
        r"grad_cam: .*vgg16.npz is not there; pooch, which downloads it, is not installed: .*\n", stderr
    )
    _, stderr = run("grad_cam", "--image", "none.png", status=1, cwd=tmp_path, **hidden)
    assert stderr == "grad_cam: [Errno 2] No such file or directory: 'none.png'\n"


@needs_matplotlib
@needs_signals
def test_control_c_ends_an_example_with_one_line(tmp_path):
    with subprocess.Popen(**process("spiral", "--epochs", 10**6, cwd=tmp_path)) as running:
        try:
            running.stdout.readline()
            running.send_signal(signal.SIGINT)
            _, message = running.communicate(timeout=30)
        finally:
            running.kill()
    assert (running.returncode, message) == (130, "spiral: interrupted\n")
