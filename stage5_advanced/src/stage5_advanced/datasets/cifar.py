"""CIFAR-10 and CIFAR-100: small color images."""

import codecs
import functools
import gzip
import io
import pickle
import tarfile
import zlib

import numpy as np

from ..download import fetch
from ..transforms import Compose, Normalize, ToFloat
from .digits import Images

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
