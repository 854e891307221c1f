"""What the examples have in common: options, the checks before the work begins, the digits, the picture's file."""

import argparse
import pathlib
import signal
import sys
import tempfile

import numpy as np

from stage5_advanced import cuda
from stage5_advanced.datasets import MNIST, Digits
from stage5_advanced.transforms import Compose, Normalize, ToFloat

NAME = pathlib.Path(sys.argv[0]).stem  # of the example that runs


def options(title, epochs, mnist=None):
    """A parser with the options of every example. epochs: how many there are, and how many with --quick.

    mnist: the same where the data are MNIST; None for an example that does not read digits.
    """
    parser = argparse.ArgumentParser(description=title.splitlines()[0])
    parser.set_defaults(default_epochs=epochs, mnist_epochs=mnist)
    number = "default {}, with --quick {}".format(*epochs)
    if mnist:
        number += "; of MNIST {} and {}".format(*mnist)
        parser.add_argument("--data", choices=["mnist", "digits"], default="mnist", help="default mnist")
    parser.add_argument("--quick", action="store_true", help="less of everything: at most two minutes")
    parser.add_argument("--epochs", type=integer(1), metavar="N", help=number)
    parser.add_argument("--seed", type=integer(0), default=0, metavar="N", help="of the random numbers, default 0")
    parser.add_argument("--gpu", action="store_true", help="compute on the GPU, with CuPy")
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("figures"),
        metavar="FOLDER",
        help="where the picture is written, default figures",
    )
    return parser


def integer(least, step=1):
    """A type for options: an integer of at least `least`, which step divides."""

    def read(text):
        number = int(text)
        if number < least or number % step:
            raise argparse.ArgumentTypeError(
                f"{text} came, one of {least}, {least + step}, {least + 2 * step}, ... is needed"
            )
        return number

    read.__name__ = "integer"  # as argparse calls what int refuses
    return read


def begin(parser):
    """The arguments, once nothing is in the way of the work that could be known before it; seeds the random numbers."""
    arguments = parser.parse_args()
    if arguments.seed >= 2**32:
        parser.error("--seed must be from 0 to 4294967295")
    if arguments.gpu:
        try:
            cuda.as_cupy(0)
        except RuntimeError as error:
            parser.error(f"--gpu: {error}")
        cuda.cupy.random.seed(arguments.seed)  # for dropout
    try:
        import matplotlib.figure  # noqa: F401 - is it there?
    except ImportError:
        sys.exit(f"{NAME}: no picture without matplotlib: pip install matplotlib")
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=arguments.out).close()
    except OSError as error:
        parser.error(f"--out: {arguments.out} cannot be written to: {error.strerror}")
    np.random.seed(arguments.seed)
    signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback
    if not arguments.mnist_epochs:
        settle(arguments, arguments.default_epochs)
    return arguments


def settle(arguments, epochs):
    """The number of epochs, unless it was given; and from now on a closed pipe, as by head, is no error."""
    arguments.epochs = arguments.epochs or epochs[arguments.quick]
    if hasattr(signal, "SIGPIPE"):  # Windows has none
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # not while downloading


def interrupted(*_):
    print(f"{NAME}: interrupted", file=sys.stderr)
    sys.exit(130)


def load_digits(arguments):
    """Images (1, H, W), float32, 0-1, with labels, to train and to test: MNIST, 28 x 28, or Digits, 8 x 8.

    Digits if MNIST cannot be had. With --quick only the first 6,000 and 1,000 of MNIST.
    """
    if arguments.data == "mnist":
        try:
            transform = Compose([ToFloat(), Normalize(0, 255)])
            sets = [MNIST(train=train, transform=transform) for train in (True, False)]
        except RuntimeError as error:
            reason = str(error).splitlines()[0].rstrip(":")
            print(f"{NAME}: Digits take the place of MNIST: {reason}", file=sys.stderr)
        else:
            settle(arguments, arguments.mnist_epochs)
            if arguments.quick:
                for dataset, size in zip(sets, (6000, 1000), strict=True):
                    dataset.data, dataset.label = dataset.data[:size], dataset.label[:size]
            return sets
    settle(arguments, arguments.default_epochs)
    transform = Compose([ToFloat(), Normalize(0, 16)])
    return [Digits(train=train, transform=transform) for train in (True, False)]


def page(images, rows, columns, space=1, paper=0.0):
    """Images (N, H, W) side by side in one, with space between them: (rows (H + space) + space, ...)."""
    N, H, W = images.shape
    sheet = np.full((rows * columns, H + space, W + space), paper, images.dtype)
    sheet[:N, space:, space:] = images
    sheet = sheet.reshape(rows, columns, H + space, W + space).transpose(0, 2, 1, 3)
    sheet = sheet.reshape(rows * (H + space), columns * (W + space))
    return np.pad(sheet, ((0, space), (0, space)), constant_values=paper)


def save(figure, arguments):
    """Write the picture to the folder of --out, under the example's name."""
    path = arguments.out / f"{NAME}.png"
    figure.savefig(path, dpi=150)
    print(f"picture: {path}")
