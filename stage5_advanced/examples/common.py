"""Shared by the examples: options, checks before the work begins, the digits, the file of the figure."""

import argparse
import pathlib
import signal
import sys
import tempfile

import numpy as np

from stage5_advanced import cuda
from stage5_advanced.datasets import MNIST, Digits
from stage5_advanced.transforms import Compose, Normalize, ToFloat

NAME = pathlib.Path(sys.argv[0]).stem  # of the running example


def options(doc, epochs, mnist=None):
    """A parser with the options of every example. epochs: the number of epochs, and the number with --quick.

    mnist: the same for MNIST; None for an example without digits.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.set_defaults(default_epochs=epochs, mnist_epochs=mnist)
    text = "default {}, with --quick {}".format(*epochs)
    if mnist:
        text += "; for MNIST {} and {}".format(*mnist)
        parser.add_argument("--data", choices=["mnist", "digits"], default="mnist", help="default mnist")
    parser.add_argument("--quick", action="store_true", help="less of everything: at most two minutes")
    parser.add_argument("--epochs", type=integer(1), metavar="N", help=text)
    parser.add_argument("--seed", type=integer(0, most=2**32 - 1), default=0, metavar="N", help="default 0")
    parser.add_argument("--gpu", action="store_true", help="compute on the GPU, with CuPy")
    out = {"type": pathlib.Path, "default": pathlib.Path("figures"), "metavar": "DIR"}
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
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=arguments.out).close()
    except OSError as error:
        parser.error(f"argument --out: cannot write to {arguments.out}: {error.strerror}")
    np.random.seed(arguments.seed)
    if not arguments.mnist_epochs:
        arguments.epochs = arguments.epochs or arguments.default_epochs[arguments.quick]
    return arguments


def load_digits(arguments):
    """The training set and the test set: images (1, H, W), float32, 0-1, with labels. Sets arguments.epochs.

    MNIST, 28 x 28, or Digits, 8 x 8, if MNIST cannot be downloaded. --quick uses 6,000 and 1,000 samples of MNIST.
    """
    sets, epochs, transform = None, arguments.default_epochs, Compose([ToFloat(), Normalize(0, 255)])
    if arguments.data == "mnist":
        on_closed_pipe("SIG_IGN")  # a closed connection must not end the step
        try:
            sets = [MNIST(train=train, transform=transform) for train in (True, False)]
            epochs = arguments.mnist_epochs
        except RuntimeError as error:
            reason = str(error).splitlines()[0].rstrip(":")
            print(f"{NAME}: using Digits instead of MNIST: {reason}", file=sys.stderr)
        finally:
            on_closed_pipe("SIG_DFL")
    arguments.epochs = arguments.epochs or epochs[arguments.quick]
    if sets is None:
        transform = Compose([ToFloat(), Normalize(0, 16)])
        return [Digits(train=train, transform=transform) for train in (True, False)]
    if arguments.quick:
        for dataset, size in zip(sets, (6000, 1000), strict=True):
            dataset.data, dataset.label = dataset.data[:size], dataset.label[:size]
    return sets


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
    figure.savefig(path, dpi=150)
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
