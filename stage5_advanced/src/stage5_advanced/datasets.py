"""Datasets: single samples, preprocessed on access."""

import ast
import codecs
import functools
import gzip
import io
import math
import operator
import os
import pathlib
import pickle
import struct
import tarfile
import zlib

import numpy as np

from .download import fetch, get_file
from .transforms import Compose, Flatten, Normalize, ToFloat


class Dataset:
    """dataset[i] -> (transform(data[i]), target_transform(label[i])); the label is None if there are none. [step 49]

    A subclass defines `prepare`, which sets `data` and, if there are labels, `label`: arrays or other
    sequences, one entry per sample. A dataset that loads on access defines `__getitem__` and `__len__`.
    train: whether these are the training data. transform, target_transform: functions of one sample or
    label; None changes nothing.
    """

    def __init__(self, train=True, transform=None, target_transform=None):
        for f in (transform, target_transform):
            if f is not None and not callable(f):
                raise TypeError(f"{type(self).__name__}: expected a function as the transform, got {type(f).__name__}")
        self.train = train
        self.transform = Compose() if transform is None else transform
        self.target_transform = Compose() if target_transform is None else target_transform
        self.data = None
        self.label = None
        self.prepare()

    def prepare(self):
        """Set `data` and `label`; called once, on construction."""

    def __getitem__(self, index):
        """One sample, a pair; an integer label is an int. Raises IndexError if there is no such sample."""
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"{type(self).__name__}: expected an index below {len(self)}, got {index}")
        x = self.transform(self.data[i])
        if self.label is None:
            return x, None
        t = self.target_transform(self.label[i])
        return x, int(t) if isinstance(t, np.integer) else t  # prints as 1, not as np.int64(1)

    def __len__(self):
        """The number of samples."""
        if self.data is None:
            raise ValueError(f"{type(self).__name__}: no data; prepare must set self.data")
        return len(self.data)


def get_spiral(train=True):
    """Three arms of a spiral: points x (300, 2), float32, labels t (300,), int; shuffled. [step 48]

    Arm j, point i, r = i / 100:  angle = 4j + 4r + 0.2 noise,  x = (r sin angle, r cos angle). The noise
    has its own generator, so the numbers are always the same and np.random is not used. In the book,
    step 49 prints samples of these points, but step 48 those of an older version, not shuffled.
    """
    rng = np.random.RandomState(1984 if train else 2020)
    r = np.arange(100) / 100
    arms = []
    for j in range(3):
        angle = 4 * j + 4 * r + 0.2 * rng.randn(100)
        arms.append(np.stack([r * np.sin(angle), r * np.cos(angle)], axis=1))
    x = np.concatenate(arms).astype(np.float32)
    t = np.repeat(np.arange(3), 100)
    order = rng.permutation(300)
    return x[order], t[order]


class Spiral(Dataset):
    """The points of `get_spiral`: x (2,), float32, label 0, 1 or 2; 300 samples for each value of train. [step 49]"""

    def prepare(self):
        self.data, self.label = get_spiral(self.train)


class SinCurve(Dataset):
    """y = sin(x) + noise, 1000 points from 0 to 2 pi; for train=False y = cos(x). [step 59]

    A sample is one y, (1,), float64, its label the next y, (1,); so there are 999. The noise, uniform in
    (-0.05, 0.05), has its own generator, so the numbers are always the same and np.random is not used.
    (The book's noise has no seed.)
    """

    def prepare(self):
        x = np.linspace(0, 2 * np.pi, 1000)
        noise = np.random.RandomState(59).uniform(-0.05, 0.05, x.shape)
        y = np.sin(x) + noise if self.train else np.cos(x)
        self.data = y[:-1, None]
        self.label = y[1:, None].copy()  # so that changing one does not change the other


class Text(Dataset):
    """The characters of a text file as ids: a sample is one id, an int, its label the next. [step 60, not in the book]

    path: the file, in UTF-8. Training and test data are both the whole text.
    char_to_id, id_to_char: dicts; characters are numbered from 0 in the order of their first occurrence.
    Raises ValueError for a file of fewer than two characters or in another encoding.
    """

    def __init__(self, path, train=True, transform=None, target_transform=None):
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"{type(self).__name__}: expected a str or Path as the path, got {type(path).__name__}")
        self.path = path
        super().__init__(train, transform, target_transform)

    def prepare(self):
        name = type(self).__name__
        try:
            text = pathlib.Path(self.path).read_text(encoding="utf-8-sig")  # without a byte order mark
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}: expected text in UTF-8, got {self.path}: {error}") from error
        if len(text) < 2:
            raise ValueError(f"{name}: expected at least 2 characters, got {len(text)} in {self.path}")
        self.char_to_id = {char: i for i, char in enumerate(dict.fromkeys(text))}
        self.id_to_char = {i: char for char, i in self.char_to_id.items()}
        ids = np.array([self.char_to_id[char] for char in text])
        self.data = ids[:-1]
        self.label = ids[1:].copy()  # so that changing one does not change the other


class Shakespear(Text):
    """Scenes of Shakespeare: 1.1 million characters, 65 distinct ones; 1 MB. [step 60, not in the book]

    Downloaded once. Raises RuntimeError if that fails, ValueError if the file is not this text.
    """

    ADDRESS = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
    SIZE = 1_115_394  # characters

    def __init__(self, train=True, transform=None, target_transform=None):
        super().__init__(get_file(self.ADDRESS), train, transform, target_transform)

    def prepare(self):
        try:
            super().prepare()
            if len(self.data) + 1 != self.SIZE:
                raise ValueError(f"Shakespear: expected {self.SIZE} characters, got {len(self.data) + 1}")
        except ValueError as error:
            raise ValueError(f"{error}; delete {self.path} to download it again") from error


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


CIFAR_TRANSFORM = Compose([ToFloat(), Normalize(0, 255)])


class CIFAR(Images):
    """The base class of CIFAR10 and CIFAR100. [step 58, not in the book]

    FILE: the archive's name and checksum. TRAIN, TEST: its members. key: the key of the labels in a member.
    """

    FOLDER = "cifar"
    MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)

    def __init__(self, train=True, transform=CIFAR_TRANSFORM, target_transform=None):
        super().__init__(train, transform, target_transform)

    def prepare(self):
        name, checksum = self.FILE
        path = fetch(self.FOLDER, name, [mirror + name for mirror in self.MIRRORS], checksum)
        contents = read_tar(path, self.TRAIN if self.train else self.TEST)
        batches = [
            read_cifar(content, f"{path}: {member}", self.key, len(self.labels()))
            for member, content in contents.items()
        ]
        self.data = np.concatenate([data for data, _ in batches])
        self.label = np.concatenate([label for _, label in batches])


class CIFAR10(CIFAR):
    """Small color images of ten classes: 50,000 to train, 10,000 to test. [step 58, not in the book]

    170 MB, downloaded once. A sample is (3, 32, 32), float32, 0-1; with transform=None uint8, 0-255. The label
    is 0-9. Raises RuntimeError and ValueError as MNIST does. Source: A. Krizhevsky, Learning
    Multiple Layers of Features from Tiny Images (2009).
    """

    FILE = ("cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3b95e74349a")
    TRAIN = tuple(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6))
    TEST = ("cifar-10-batches-py/test_batch",)
    key = b"labels"

    @staticmethod
    def labels():
        """The name of each label: {0: 'airplane', ..., 9: 'truck'}. [step 58, not in the book]"""
        return dict(enumerate(CIFAR10_NAMES.split()))


CIFAR10_NAMES = "airplane automobile bird cat deer dog frog horse ship truck"


class CIFAR100(CIFAR):
    """Small color images of a hundred classes: 50,000 to train, 10,000 to test. [step 58, not in the book]

    label_type: 'fine' for labels 0-99, 'coarse' for 0-19, groups of five classes each; 169 MB, downloaded once
    for both. Everything else as in CIFAR10.
    """

    FILE = ("cifar-100-python.tar.gz", "md5:eb9058c3a382ffc7106e4002c42a8d85")
    TRAIN = ("cifar-100-python/train",)
    TEST = ("cifar-100-python/test",)

    def __init__(self, train=True, transform=CIFAR_TRANSFORM, target_transform=None, label_type="fine"):
        self.labels = functools.partial(CIFAR100.labels, label_type)  # the names of this dataset's own labels
        self.labels()  # raises for another label_type
        self.label_type = label_type
        self.key = f"{label_type}_labels".encode()
        super().__init__(train, transform, target_transform)

    @staticmethod
    def labels(label_type="fine"):
        """The name of each label: {0: 'apple', ..., 99: 'worm'}; coarse {0: 'aquatic_mammals', ...}. [step 58]

        On an instance, label_type is that of the instance.
        """
        names = {"fine": CIFAR100_FINE, "coarse": CIFAR100_COARSE}
        if label_type not in names:
            raise ValueError(f"CIFAR100: expected label_type 'fine' or 'coarse', got {label_type!r}")
        return dict(enumerate(names[label_type].split()))


CIFAR100_FINE = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm
"""
CIFAR100_COARSE = """
aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices household_furniture
insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores
medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2
"""


def read_tar(path, names):
    """The contents of these members of a tar.gz file: {name: bytes}. [step 58, not in the book]

    Raises ValueError for another kind of file, or if a member is missing.
    """
    contents = {}
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:  # in one pass: going back in a gzip file means starting again
                if member.isreg() and member.name in names:
                    contents[member.name] = tar.extractfile(member).read()
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: expected a complete tar.gz file, got {error}") from error
    missing = [name for name in names if name not in contents]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}")
    return {name: contents[name] for name in names}


def read_cifar(content, place, key, n_classes):
    """(data (N, 3, 32, 32), uint8; labels (N,), int) of a pickled batch of CIFAR. [step 58, not in the book]

    The pickle: a dict with b"data", (N, 3072), a row with all red, then green, then blue pixels, and the
    labels, a list of N ints below n_classes. place: its source, for messages. Raises ValueError for anything else.
    """
    batch = unpickle(content, place)
    data, label = (batch.get(name) for name in (b"data", key)) if isinstance(batch, dict) else (None, None)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (3072,):
        found = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise ValueError(f"{place}: expected uint8 (N, 3072) as its data, got {found}")
    known = range(n_classes)
    if not isinstance(label, list) or len(label) != len(data) or not all(type(t) is int and t in known for t in label):
        raise ValueError(f"{place}: expected {len(data)} ints from 0 to {n_classes - 1} as its {key.decode()}")
    return data.reshape(-1, 3, 32, 32), np.array(label, int)


def unpickle(content, place):
    """The arrays, numbers, strings, and containers of them in a pickle of Python 2 or 3.

    Raises ValueError for anything else; no code that the pickle names is run.
    """
    try:
        return ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise almost any exception
        raise ValueError(f"{place}: expected a pickle of arrays and plain containers, got {error}") from error


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that can construct nothing but arrays."""

    def find_class(self, module, name):
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return ADMITTED[module, name]


def dtype_of(code, align=False, copy=False):
    """np.dtype(code), without the flags: Python 2 wrote them as 0 and 1, and NumPy 2.4.0 warns about that."""
    return np.dtype(code)


reconstruct = np.empty(0).__reduce__()[0]  # private in NumPy
ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): reconstruct,  # NumPy 1
    ("numpy._core.multiarray", "_reconstruct"): reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): dtype_of,
    ("_codecs", "encode"): codecs.encode,  # bytes, as Python 3 writes them for Python 2
}


class ImageNet:
    """The names of the 1,000 classes of ImageNet, whose images cannot be downloaded freely. [step 58]"""

    ADDRESS = (
        "https://gist.githubusercontent.com/yrevar/942d3a0ac09ec9e5eb3a/raw/"
        "238f720ff059c1f82f368259d1ca4ffa5dd8f9f5/imagenet1000_clsidx_to_labels.txt"
    )

    def __init__(self):
        raise TypeError("ImageNet: its images cannot be downloaded freely; there is only ImageNet.labels()")

    @staticmethod
    def labels():
        """The name of each label: {0: 'tench, Tinca tinca', ..., 340: 'zebra', ...}; downloaded once. [step 58]

        Raises RuntimeError if the file cannot be downloaded, ValueError if it is not a dict from int to str.
        """
        path = get_file(ImageNet.ADDRESS)
        try:
            labels = ast.literal_eval(pathlib.Path(path).read_text(encoding="utf-8"))
        except (
            ValueError,
            TypeError,
            SyntaxError,
            RecursionError,
            MemoryError,
        ) as error:  # invalid text; no code is run
            raise ValueError(f"ImageNet: expected a dict, got {error}; delete {path} to download it again") from error
        if not isinstance(labels, dict) or not all(type(i) is int and type(s) is str for i, s in labels.items()):
            raise ValueError(f"ImageNet: expected a dict from int to str; delete {path} to download it again")
        return labels
