"""Images of handwritten digits."""

import gzip
import math
import pathlib
import struct
import zlib

import numpy as np

from ..download import fetch
from ..transforms import Compose, Flatten, Normalize, ToFloat
from .base import Dataset


class Images(Dataset):
    """Images: data (N, C, H, W), label (N,); digits, unless a subclass has other `labels`. [step 51]"""

    def show(self, row=10, col=10, to_file=None):
        """Draw the first row * col images, without the transform. [step 51]

        In a window, or to a file if to_file names one. Raises RuntimeError if matplotlib is not installed.
        """
        if row < 1 or col < 1:
            raise ValueError(f"show: expected row and col to be at least 1, got {row} and {col}")
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise RuntimeError("show: matplotlib is needed: pip install matplotlib") from error
        images = np.pad(self.data[: row * col], ((0, 0), (0, 0), (1, 1), (1, 1)))  # a margin between them
        N, C, H, W = images.shape
        page = np.zeros((row * col, C, H, W), images.dtype)
        page[:N] = images
        # (row * col, C, H, W) -> (row * H, col * W, C)
        page = page.reshape(row, col, C, H, W).transpose(0, 3, 1, 4, 2).reshape(row * H, col * W, C)
        figure, axes = plt.subplots(layout="constrained")
        axes.imshow(page, cmap="gray")
        axes.axis("off")
        if to_file is None:
            plt.show()
        else:
            figure.savefig(to_file, dpi=150)
        plt.close(figure)

    @staticmethod
    def labels():
        """The name of each label: {0: '0', ..., 9: '9'}. [step 51]"""
        return {i: str(i) for i in range(10)}


DIGITS_TRANSFORM = Compose([Flatten(), ToFloat(), Normalize(0, 16)])


MNIST_TRANSFORM = Compose([Flatten(), ToFloat(), Normalize(0, 255)])


class Digits(Images):
    """Small handwritten digits, part of this package: 1,500 to train, 297 to test. [step 51, not in the book]

    A sample is (64,), float32, 0-1; with transform=None (1, 8, 8), uint8, 0-16. The label is 0-9.
    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository (1998), https://doi.org/10.24432/C50P49, CC BY 4.0; stored as bytes.
    """

    def __init__(self, train=True, transform=DIGITS_TRANSFORM, target_transform=None):
        super().__init__(train, transform, target_transform)

    def prepare(self):
        part = slice(0, 1500) if self.train else slice(1500, None)
        with np.load(pathlib.Path(__file__).with_name("digits.npz")) as arrays:
            self.data = arrays["images"][part, None]
            self.label = arrays["labels"][part].astype(int)


class MNIST(Images):
    """Handwritten digits: 60,000 to train, 10,000 to test; 11 MB, downloaded once. [step 51]

    A sample is (784,), float32, 0-1; with transform=None (1, 28, 28), uint8, 0-255. The label is 0-9.
    Raises RuntimeError if a file cannot be downloaded (the message says how to put it there by hand),
    ValueError for unexpected contents.
    """

    FOLDER = "mnist"
    MIRRORS = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    FILES = (  # training images and labels, test images and labels: name, SHA-256
        ("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        ("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        ("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        ("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    )

    def __init__(self, train=True, transform=MNIST_TRANSFORM, target_transform=None):
        super().__init__(train, transform, target_transform)

    def prepare(self):
        paths = [
            fetch(self.FOLDER, name, [mirror + name for mirror in self.MIRRORS], checksum)
            for name, checksum in (self.FILES[:2] if self.train else self.FILES[2:])
        ]
        images, labels = read_idx(paths[0], ndim=3), read_idx(paths[1], ndim=1)
        if images.shape != (len(labels), 28, 28):
            raise ValueError(f"MNIST: expected images (N, 28, 28) and labels (N,), got {images.shape}, {labels.shape}")
        self.data = images[:, None]
        self.label = labels.astype(int)


def read_idx(path, ndim):
    """The array in a gzipped idx file: uint8, ndim axes. [step 51]

    The file: two zeros, 8 for bytes, ndim; the length of each axis, four bytes, big-endian; the elements.
    Raises ValueError for anything else.
    """
    try:
        with gzip.open(path) as file:
            content = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: expected a complete gzip file, got {error}") from error
    magic = bytes([0, 0, 8, ndim])
    start = 4 + 4 * ndim
    if content[:4] != magic or len(content) < start:
        raise ValueError(f"{path}: expected an idx file with {ndim} axes, {magic}, got {content[:4]}")
    shape = struct.unpack_from(f">{ndim}I", content, 4)
    if len(content) - start != math.prod(shape):
        raise ValueError(f"{path}: expected {shape} elements, got {len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()  # since bytes are not writable
