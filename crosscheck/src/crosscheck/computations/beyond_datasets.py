"""Beyond the book: what data sets do with their arguments, with odd files, and in another locale."""

from __future__ import annotations

import io
import locale
import pathlib
import pickle
import tarfile
import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np

from .beyond_limits import ONCE, owner
from .beyond_loaders import (
    HOTDOGS,
    IMDB,
    LOW,
    PTB,
    ROOT,
    TEST,
    TRAIN,
    VOC,
    VOC_FILES,
    WINGS,
    XML,
    loaded,
    picture,
    samples,
    tar,
    zipped,
)
from .data import images, labels
from .errors import downloads, under, with_file
from .errors_data import idx
from .errors_data import tar as tar_gz
from .mutants_functions import message
from .utilities import NUMPY
from .values import values

CIFAR = {b"data": images(2, 3072), b"labels": labels(2).tolist(), b"fine_labels": [7, 99], b"coarse_labels": [3, 19]}


def cifar(*names: str) -> bytes:
    """An archive of batches of two images."""
    return tar_gz(**{name: pickle.dumps(CIFAR, 2) for name in names})


CIFAR10 = cifar(*(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)), "cifar-10-batches-py/test_batch")
CIFAR100 = cifar("cifar-100-python/train", "cifar-100-python/test")
CLOTHES = idx(2, 28, 28, content=bytes(1568)), idx(2, content=bytes([9, 0]))
PAIRS = zipped(**{"fra-eng/fra.txt": b"Go.\tVa !\nRun!\tCours !\n"})
WORDS = zipped(**{"glove/vec.txt": b"the 0.5 -1\n, 1e-3 2\n"})
NOISE = "\n".join("\t".join(map(str, row)) for row in WINGS.tolist()).encode()
VOCS: Any = {"segmentation": "ImageSets/Segmentation/train.txt", "detection": "ImageSets/Main/val.txt"}

BOOK: list[tuple[str, Any, dict[str, Any]]] = [
    ("MNIST", CLOTHES, {}), ("MNIST", CLOTHES, {"train": False}), ("CIFAR10", [CIFAR10], {}),
    ("CIFAR10", [CIFAR10], {"train": False}), ("CIFAR100", [CIFAR100], {}), ("CIFAR100", [CIFAR100], {"train": False}),
    ("CIFAR100", [CIFAR100], {"label_type": "coarse"}),
]  # fmt: skip
DATA_SETS: list[tuple[str, Any, dict[str, Any]]] = [
    ("FashionMNIST", CLOTHES, {}), ("Hotdog", [HOTDOGS], {}),
    ("Hotdog", [HOTDOGS], {"train": False}), ("VOC2012", [VOC], {}),
    ("VOC2012", [VOC], {"part": "val", "task": "detection"}), ("HousePrices", (TRAIN, TEST), {}),
    ("HousePrices", (TRAIN, TEST), {"train": False}), ("Airfoil", [NOISE], {}), ("IMDb", [IMDB], {"train": False}),
    ("FrenchEnglish", [PAIRS], {}), ("TimeMachine", [b"a b"], {}),
    ("Text8", [zipped(text8=b"a")], {}),
]  # fmt: skip


def arguments(fw: Any, rows: Any) -> Iterator[Any]:
    """Of each data set: whether it is for training, its first sample by both transforms, the type of its labels."""
    for name, contents, options in rows:
        data, found = loaded(fw, name, *contents, **options, transform=lambda x: "x", target_transform=lambda t: "t")
        yield [data.train, found[0], kind(data.label)]


def expected(rows: Any) -> Any:
    """What was asked for."""
    kinds = {"VOC2012": "sequence", "FrenchEnglish": "list", "HousePrices": np.float32, "Airfoil": np.float32}
    for name, _, options in rows:
        train = options.get("train", "part" not in options)
        none = name in ("TimeMachine", "Text8") or (name == "HousePrices" and not train)
        yield [train, ("x", None if none else "t"), None if none else kinds.get(name, int)]


def kind(label: Any) -> Any:
    """The dtype of labels in an array, and what else they are in."""
    if label is None or isinstance(label, np.ndarray):
        return None if label is None else label.dtype
    return "list" if isinstance(label, list) else "sequence"


def parts_of_news(fw: Any) -> Any:
    """Whether parts of the Penn Treebank are for training."""
    return [loaded(fw, "PTB", PTB, part=part)[0].train for part in ("train", "valid", "test")]


def folders(fw: Any) -> Any:
    """The labels of three images in two folders, and their dtype; a gray image; the path of one that is no image."""
    with tempfile.TemporaryDirectory() as root:
        for name in ("cat/0.png", "cat/1.PNG", "dog/0.png", "dog/0.txt"):
            path = pathlib.Path(root, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture(1, palette=True)[1] if name == "dog/0.png" else b"text")
        data = fw.datasets.ImageFolder(root)
        return [
            data.label,
            data[2][0].shape,
            data.labels(),
            f"got {pathlib.Path(root, 'cat', '0.png')}: " in message(lambda: data[0]),
        ]


class Python2(pickle._Pickler):  # that of C cannot be changed
    """A pickler whose strings are those of Python 2, bytes."""

    def save_string(self: Any, text: Any) -> None:
        content = text.encode() if isinstance(text, str) else text
        self.write(b"T" + len(content).to_bytes(4, "little") + content)

    dispatch: ClassVar[Any] = {**pickle._Pickler.dispatch, str: save_string, bytes: save_string}


def of_python_2(fw: Any) -> Any:
    """A batch of CIFAR whose strings Python 2 wrote."""
    buffer = io.BytesIO()
    Python2(buffer, 2).dump({b"data": CIFAR[b"data"], b"labels": CIFAR[b"labels"]})
    content = buffer.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    return fw.datasets.read_cifar(content, "file", b"labels", 10)


def labels_of_cifar(fw: Any) -> Any:
    """The kind of labels of a data set, and what is said of labels that are no list."""
    content = pickle.dumps(CIFAR | {b"labels": tuple(CIFAR[b"labels"])})
    data = loaded(fw, "CIFAR100", CIFAR100, label_type="coarse")[0]
    return [data.label_type, owner(partial(fw.datasets.read_cifar, content, "file", b"labels", 10))]


def with_folders(mode: str) -> bytes:
    """A tar file with the folder a, and a file in it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in (("a", None), ("a/b", b"1")):
            info = tarfile.TarInfo(name)
            info.type, info.size = (tarfile.DIRTYPE, 0) if content is None else (tarfile.REGTYPE, len(content))
            archive.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()


def members(fw: Any) -> Any:
    """The files in archives that have folders, too; a folder that is called as a file should be."""
    read = fw.datasets.read_archive
    found = [with_file(content, lambda path: read(path, bool)) for content in (with_folders("w"), zipped(**FOLDERS))]
    contents = with_folders("w:gz"), tar(a=b"1")  # a folder called a, and a file that is not compressed
    said = [
        with_file(content, lambda path: message(partial(fw.datasets.read_tar, path, ["a"]))) for content in contents
    ]
    return [*found, *(text.startswith("ValueError") for text in said), said[0].endswith("lacks a")]


FOLDERS = {"a/": b"", "a/b": b"1"}


def others(fw: Any) -> Any:
    """Data sets whose archives have other files, too."""
    more = {"hotdog/train/hotdog/0.txt": b"text", "hotdog/train/hotdog/1.png": picture(3)[1]}
    words = {"glove/README": b"text", "glove/vec.txt": b"a 1\n"}
    hotdogs, found = loaded(fw, "Hotdog", zipped(**more))
    return [hotdogs.labels(), found, samples(fw, "GloVe", zipped(**words))]


def mistakes(fw: Any) -> list[bool]:
    """Whether files of other columns, separators or members are refused, with the right words."""
    fw.vision  # noqa: B018 - Missing, if the stage does not have it
    calls: list[tuple[str, str, Any]] = [
        ("HousePrices", "from Id to SalePrice", (b"No,A,SalePrice\n1,2,3\n", b"No,A\n1,2\n")),
        ("HousePrices", "from Id to SalePrice", (b"Id,A,Price\n1,2,3\n", b"Id,A\n1,2\n")),
        ("HousePrices", "from Id to SalePrice", (b"Id,A,SalePrice\n1,2,3\n", b"Id,A,B\n1,2,3\n")),
        ("Airfoil", "between tabs", (b"1 2 3 4 5 6\n7 8 9 10 11 12\n",)),
        ("GloVe", "all of one length", (zipped(**{"glove/vec.txt": b"a\nb\n"}),)),
        ("VOC2012", "lacks", (VOC.replace(b"JPEGImages/2007_000001", b"JPEGImages/2007_000003"),)),
    ]
    said = [message(partial(samples, fw, name, *contents)) for name, _, contents in calls]
    return [text.startswith("ValueError") and words in text for text, (_, words, _) in zip(said, calls, strict=True)]


def annotated(fw: Any, xml: bytes) -> Any:
    """The boxes of an image with these annotations."""
    name = "VOCdevkit/VOC2012/"
    files = {name + key: xml if key.endswith(".xml") else content for key, content in VOC_FILES.items()}
    return samples(fw, "VOC2012", tar(**files), part="val", task="detection")[0][1]


def lines(fw: Any) -> Any:
    """The numbers of words in the lines of a text of 2,001 words."""
    return [len(line) for line in loaded(fw, "Text8", zipped(text8=b" a" * 2001))[0].data]


def in_the_c_locale(fw: Any) -> Any:
    """Files in UTF-8, read where the encoding of the locale is ASCII."""
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    try:
        table = samples(fw, "HousePrices", TRAIN.replace(b"Pave", "Pavé".encode()), TEST)
        names = under(downloads("{0: 'ä'}".encode()), fw.datasets.ImageNet.labels)
        return [table, names, with_file("äa".encode(), lambda path: fw.datasets.Text(path).char_to_id)]
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def table(fw: Any, **columns: Any) -> Any:
    """The features of a table; a warning is an error."""
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        return fw.datasets.table_features(columns)


def names_of_classes(fw: Any) -> Any:
    """Labels and colors, asked of an instance; and what is said of labels of ImageNet that are of another type."""
    imagenet, voc = (object.__new__(getattr(fw.datasets, name)) for name in ("ImageNet", "VOC2012"))
    texts = (b"[1]", b"{0: 1}", b"{'0': 'a'}")
    said = [under(downloads(text), lambda: owner(fw.datasets.ImageNet.labels)) for text in texts]
    return [under(downloads(b"{0: 'a'}"), imagenet.labels), len(voc.labels()), voc.colors().shape, said]


def standard(column: Any) -> Any:
    """A column of numbers with mean 0 and deviation 1."""
    column = column.astype(float)
    return (column - column.mean()) / column.std(ddof=1)


HOUSES = [
    (np.array([2 * LOW, 0, 0, 1, -ROOT], np.float32), np.array([208500], np.float32)),
    (np.array([-LOW, 0, 1, 0, 0], np.float32), np.array([181500], np.float32)),
]
HIGH = np.array([40000, 60000, 50000], np.float16)
CRLF = b'Id,A,SalePrice\n1,"a\r\nb",2\n'

# fmt: off
values(
    51, NUMPY,
    ("arguments_of_mnist", lambda fw: list(arguments(fw, BOOK[:2])), lambda: list(expected(BOOK[:2]))),
)
values(
    58, NUMPY,
    ("arguments_of_cifar", lambda fw: list(arguments(fw, BOOK[2:])), lambda: list(expected(BOOK[2:]))),
    ("labels_of_cifar", labels_of_cifar, lambda: ["coarse", "ValueError: file"]),
    ("batch_of_cifar_by_python_2", of_python_2, lambda: (images(2, 3, 32, 32), labels(2).astype(int))),
)
values(
    60, NUMPY,
    ("text_of_two_characters", lambda fw: with_file(b"ab", lambda path: list(fw.datasets.Text(path))),
     lambda: [(0, 1)]),
)
values(
    60, NUMPY,
    ("arguments_of_data_sets", lambda fw: [list(arguments(fw, DATA_SETS)), parts_of_news(fw)],
     lambda: [list(expected(DATA_SETS)), [True, False, False]]),
    ("archives_with_folders", members, lambda: [{"a/b": b"1"}] * 2 + [True] * 3),
    ("archives_with_other_files", others, lambda: [
        {0: "hotdog"}, [(picture(3)[0].transpose(2, 0, 1), 0)], [("a", np.array([1], np.float32))]]),
    ("annotations_of_boxes", lambda fw: [annotated(fw, XML.replace(b"<xmin>1", b"<xmin>3")),
                                         annotated(fw, b"<annotation></annotation>")],
     lambda: [np.array([[7, 2, 1, 4, 5]], np.float32), np.zeros((0, 5), np.float32)]),
    ("lines_of_a_thousand_words", lines, lambda: [1000, 1000, 1]),
    ("images_in_folders_counted", folders, lambda: [
        np.array([0, 0, 1]), (3, 4, 5), {0: "cat", 1: "dog"}, True]),
    ("files_in_the_c_locale", in_the_c_locale, lambda: [
        HOUSES, {0: "ä"}, {"ä": 0, "a": 1}]),
    ("odd_columns_of_a_table",
     lambda fw: table(fw, none=[np.nan] * 3, one=[np.nan, 5, np.nan], same=[2, 2, 2], high=HIGH, odd=HIGH > 45000),
     lambda: [np.stack([*np.zeros((3, 3)), *map(standard, (HIGH, HIGH > 45000))]).T.astype(np.float32),
              ["none", "one", "same", "high", "odd"]]),
    ("data_sets_of_mistaken_files", mistakes, lambda: [True] * 6),
    ("words_in_alphabetical_order", lambda fw: fw.datasets.table_features({"w": list("hgfedcba")})[1],
     lambda: [f"w={word}" for word in [*"abcdefgh", ""]]),
    ("masks_to_write_on", lambda fw: samples(fw, "VOC2012", VOC)[0][1].flags.writeable, lambda: True),
    ("lines_in_a_field", lambda fw: loaded(fw, "HousePrices", CRLF, b"Id,A\n1,c\n")[0].columns, lambda: [
        "A=a\r\nb", "A=c", "A="]),
    ("names_of_classes", names_of_classes, lambda: [{0: "a"}, 21, (256, 3), ["ValueError: ImageNet"] * 3]),
    **ONCE,
)
# fmt: on
