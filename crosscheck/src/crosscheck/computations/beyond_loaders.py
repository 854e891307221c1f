"""Beyond the book: data sets that are downloaded, with small files of the same layout in their place."""

from __future__ import annotations

import io
import pathlib
import tarfile
import tempfile
import zipfile
from typing import Any
from unittest import mock

import numpy as np
import PIL.Image

from .errors import downloads, errors, hidden, under, with_file
from .errors_data import idx
from .errors_data import tar as tar_gz
from .values import values

LAYOUT = "the files that were put there; PyTorch has no such data sets without torchvision"


def zipped(**members: bytes) -> bytes:
    """A zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tar(**members: bytes) -> bytes:
    """A tar file that is not compressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def picture(seed: int, palette: bool = False) -> tuple[Any, bytes]:
    """(pixels, the bytes of an image file)."""
    a = np.random.RandomState(seed).randint(0, 21, (4, 5) if palette else (4, 5, 3)).astype(np.uint8)
    image = PIL.Image.fromarray(a)
    if palette:
        image.putpalette(list(range(63)))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return a, buffer.getvalue()


def loaded(fw: Any, name: str, /, *contents: bytes | Exception, **options: Any) -> Any:
    """A data set whose downloads have these contents, with its samples; checksums are not compared."""
    kind = getattr(fw.datasets, name)
    unchecked: dict[str, Any] = {}
    if hasattr(kind, "SOURCES"):
        unchecked["SOURCES"] = [(mirror, file, None) for mirror, file, _ in kind.SOURCES]
    elif "FILES" in vars(kind):
        unchecked["FILES"] = [(file, None) for file, _ in kind.FILES]
    else:
        unchecked["FILE"] = (kind.FILE[0], None)
    mirrors = {"MIRRORS": kind.MIRRORS[:1]} if hasattr(kind, "MIRRORS") else {}
    with mock.patch.multiple(kind, **unchecked, **mirrors), downloads(*contents):
        data = kind(**options)
        return data, [data[i] for i in range(len(data))]


def samples(fw: Any, name: str, /, *contents: bytes | Exception, **options: Any) -> Any:
    """All samples of a data set."""
    return loaded(fw, name, *contents, **options)[1]


def clothes(fw: Any, **options: Any) -> Any:
    """Two images of clothes, or one to test."""
    n = 2 if options.get("train", True) else 1
    files = idx(n, 28, 28, content=bytes(range(28)) * 28 * n), idx(n, content=bytes([9, 0][:n]))
    return samples(fw, "FashionMNIST", *files, **options)


PIXELS = np.tile(np.arange(28, dtype=np.float32) / np.float32(255), 28)
TRAIN = b"Id,MSSubClass,Alley,LotArea,SalePrice\n1,60,NA,10,208500\n2,20,Pave,NA,181500\n"
TEST = b"Id,MSSubClass,Alley,LotArea\n3,20,Grvl,20\n"
LOW, ROOT = 1 / np.sqrt(3), 0.5 / np.sqrt(0.5)
WINGS = np.random.RandomState(6).rand(4, 6)
LEVELS = ((WINGS - WINGS.mean(0)) / WINGS.std(0)).astype(np.float32)


def airfoil(fw: Any) -> Any:
    """Four measurements."""
    return samples(fw, "Airfoil", "\n".join("\t".join(map(str, row)) for row in WINGS.tolist()).encode())


REVIEWS = {"train/neg/10_1": "bad", "train/pos/2_9": "fine", "train/unsup/1_0": "?", "test/pos/0_8": "good"}
IMDB = tar_gz(**{f"aclImdb/{name}.txt": text.encode() for name, text in REVIEWS.items()})
PTB = zipped(**{f"ptb/ptb.{part}.txt": f" {part} a \n b \n".encode() for part in ("train", "valid", "test")})
EXAMPLES = tar_gz(**{"./simple-examples/data/ptb.train.txt": b" c \n"})
HOTDOGS = zipped(
    **{
        f"hotdog/{name}.png": picture(i)[1]
        for i, name in enumerate(("train/hotdog/0", "train/not-hotdog/1", "test/hotdog/2"))
    }
)
XML = b"""<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>5</ymax></bndbox>
</object></annotation>"""
VOC_FILES = {
    "ImageSets/Segmentation/train.txt": b"2007_000001\n", "ImageSets/Main/val.txt": b"2007_000001\n",
    "ImageSets/Segmentation/val.txt": b"2007_000002\n", "JPEGImages/2007_000001.jpg": picture(1)[1],
    "SegmentationClass/2007_000001.png": picture(2, palette=True)[1], "Annotations/2007_000001.xml": XML,
}  # fmt: skip
VOC = tar(**{f"VOCdevkit/VOC2012/{name}": content for name, content in VOC_FILES.items()})


def voc(fw: Any, content: bytes = VOC, **options: Any) -> Any:
    """All samples, read while the file is there."""
    return samples(fw, "VOC2012", content, **options)


def image_folder(fw: Any, **options: Any) -> Any:
    """Two images in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        for i, name in enumerate(("dog", "cat")):
            pathlib.Path(folder, name).mkdir()
            pathlib.Path(folder, name, "image.png").write_bytes(picture(i)[1])
        data = fw.datasets.ImageFolder(folder, **options)
        return [data[i] for i in range(len(data))], data.labels()


def colors_of_voc() -> Any:
    """The colors of all values, bit by bit."""
    found = np.zeros((256, 3), np.uint8)
    for value in range(256):
        for bit in range(8):
            found[value, bit % 3] |= (value >> bit & 1) << 7 - bit // 3
    return found


CLOTHES = "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Ankle_boot"
OBJECTS = (
    "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person "
    "pottedplant sheep sofa train tvmonitor"
)
WORDS = ["letters", "of", "h", "g", "wells"]

# fmt: off
values(
    60, LAYOUT,
    ("members_of_a_zip_file",
     lambda fw: with_file(zipped(b=b"2", a=b"1", c=b""), lambda path: fw.datasets.read_archive(path, "c".__gt__)),
     lambda: {"a": b"1", "b": b"2"}),
    ("members_of_a_tar_file",
     lambda fw: [with_file(f(b=b"2", a=b"1", c=b""), lambda path: fw.datasets.read_archive(path, "c".__gt__))
                 for f in (tar, tar_gz)],
     lambda: [{"a": b"1", "b": b"2"}] * 2),
    ("fashion_mnist", lambda fw: clothes(fw), lambda: [(PIXELS, 9), (PIXELS, 0)]),
    ("fashion_mnist_to_test", lambda fw: clothes(fw, train=False), lambda: [(PIXELS, 9)]),
    ("labels_of_fashion_mnist", lambda fw: fw.datasets.FashionMNIST.labels(),
     lambda: {i: name.replace("_", " ") for i, name in enumerate(CLOTHES.split())}),
    ("images_in_folders", lambda fw: image_folder(fw),
     lambda: ([(picture(1)[0].transpose(2, 0, 1), 0), (picture(0)[0].transpose(2, 0, 1), 1)], {0: "cat", 1: "dog"})),
    ("images_in_folders_transformed", lambda fw: image_folder(fw, transform=np.sum, target_transform=np.negative)[0],
     lambda: [(picture(1)[0].sum(), 0), (picture(0)[0].sum(), -1)]),
    ("hotdogs", lambda fw: samples(fw, "Hotdog", HOTDOGS),
     lambda: [(picture(0)[0].transpose(2, 0, 1), 0), (picture(1)[0].transpose(2, 0, 1), 1)]),
    ("hotdogs_to_test", lambda fw: samples(fw, "Hotdog", HOTDOGS, train=False),
     lambda: [(picture(2)[0].transpose(2, 0, 1), 0)]),
    ("voc2012", lambda fw: voc(fw), lambda: [(picture(1)[0].transpose(2, 0, 1), picture(2, True)[0])]),
    ("voc2012_with_boxes", lambda fw: voc(fw, part="val", task="detection"),
     lambda: [(picture(1)[0].transpose(2, 0, 1), np.array([[7, 0, 1, 4, 5]], np.float32))]),
    ("labels_and_colors_of_voc2012", lambda fw: [fw.datasets.VOC2012.labels(), fw.datasets.VOC2012.colors()],
     lambda: [dict(enumerate(OBJECTS.split())), colors_of_voc()]),
    ("house_prices", lambda fw: samples(fw, "HousePrices", TRAIN, TEST),
     lambda: [(np.array([2 * LOW, 0, 0, 1, -ROOT], "f4"), np.array([208500], "f4")),
              (np.array([-LOW, 0, 1, 0, 0], "f4"), np.array([181500], "f4"))]),
    ("house_prices_to_test", lambda fw: samples(fw, "HousePrices", TRAIN, TEST, train=False),
     lambda: [(np.array([-LOW, 1, 0, 0, ROOT], "f4"), None)]),
    ("airfoil", airfoil, lambda: [(row[:5], row[5:]) for row in LEVELS]),
    ("imdb", lambda fw: samples(fw, "IMDb", IMDB), lambda: [("bad", 0), ("fine", 1)]),
    ("imdb_to_test", lambda fw: samples(fw, "IMDb", IMDB, train=False), lambda: [("good", 1)]),
    ("ptb", lambda fw: [loaded(fw, "PTB", PTB)[0].tokens(), loaded(fw, "PTB", PTB, part="test")[0].data],
     lambda: [["train", "a", "<eos>", "b", "<eos>"], ["test", "a", "<eos>", "b", "<eos>"]]),
    ("ptb_from_another_address",
     lambda fw: samples(fw, "PTB", OSError("no"), EXAMPLES, transform=len), lambda: [(2, None)]),
    ("time_machine", lambda fw: [(data.text, data.tokens(), rows) for data, rows in
                                 [loaded(fw, "TimeMachine", b"Letters, of [1898]\n\n H. G. Wells\n")]],
     lambda: [("letters of h g wells", WORDS, [(WORDS[:2], None), (WORDS[2:], None)])]),
    ("text8", lambda fw: [(data.text, len(rows), data.tokens()[-2:]) for data, rows in
                          [loaded(fw, "Text8", zipped(text8=b" a b" * 501))]],
     lambda: [(" a b" * 501, 2, ["a", "b"])]),
    ("french_and_english",
     lambda fw: samples(fw, "FrenchEnglish", zipped(**{"fra-eng/fra.txt": b"Go.\tVa !\nRun!\tCours !\tby\n"})),
     lambda: [("Go.", "Va !"), ("Run!", "Cours !")]),
    ("glove", lambda fw: [(data.words, data.vectors, rows) for name in ({}, {"name": "6B.100d"}) for data, rows in
                          [loaded(fw, "GloVe", zipped(**{"glove/vec.txt": b"the 0.5 -1\n, 1e-3 2\n"}), **name)]],
     lambda: [(["the", ","], np.array([[0.5, -1], [1e-3, 2]], "f4"),
               [("the", np.array([0.5, -1], "f4")), (",", np.array([1e-3, 2], "f4"))])] * 2),
    since=5,
)
errors(
    60,
    ("archive_that_is_text", lambda fw: with_file(b"text", lambda path: fw.datasets.read_archive(path, bool)),
     ValueError, "...: expected a complete zip or tar file, got ..."),
    ("archive_of_something_else", lambda fw: samples(fw, "IMDb", tar_gz(a=b"")),
     ValueError, "... lacks the files of this data set"),
    ("time_machine_in_another_encoding", lambda fw: samples(fw, "TimeMachine", b"\xff"),
     ValueError, "...: expected text in UTF-8, got ..."),
    ("folder_without_images", lambda fw: fw.datasets.ImageFolder("no folder"),
     ValueError, "ImageFolder: expected folders of images in no folder, got none"),
    ("image_that_is_text", lambda fw: samples(fw, "Hotdog", zipped(**{"hotdog/train/hotdog/0.png": b"text"})),
     ValueError, "read_image: expected an image, got the bytes of a member: ..."),
    ("image_without_pillow", lambda fw: under(hidden("PIL", "PIL.Image"), lambda: samples(fw, "Hotdog", HOTDOGS)),
     RuntimeError, "read_image: Pillow is needed: pip install pillow"),
    ("voc2012_of_an_unknown_part", lambda fw: fw.datasets.VOC2012("test"),
     ValueError, "VOC2012: expected part 'train', 'val' or 'trainval', got 'test'"),
    ("voc2012_for_an_unknown_task", lambda fw: fw.datasets.VOC2012(task="boxes"),
     ValueError, "VOC2012: expected task 'segmentation' or 'detection', got 'boxes'"),
    ("voc2012_that_is_text", lambda fw: voc(fw, b"text"), ValueError, "...: expected a complete tar file, got ..."),
    ("voc2012_without_an_image", lambda fw: voc(fw, part="val"),
     ValueError, "... lacks VOCdevkit/VOC2012/JPEGImages/2007_000002.jpg"),
    ("house_prices_without_prices", lambda fw: samples(fw, "HousePrices", b"Id,A\n1,2\n", TEST),
     ValueError, "HousePrices: expected columns from Id to SalePrice, and the same to test, got ['Id', 'A']"),
    ("house_prices_in_rows_of_different_lengths", lambda fw: samples(fw, "HousePrices", b"Id,A\n1\n", TEST),
     ValueError, "...: expected a csv file, with columns of equal length"),
    ("airfoil_of_words", lambda fw: samples(fw, "Airfoil", b"a\tb\n"),
     ValueError, "...: expected numbers between tabs, got ..."),
    ("airfoil_of_two_columns", lambda fw: samples(fw, "Airfoil", b"1\t2\n"),
     ValueError, "...: expected 6 columns, got 2"),
    ("ptb_of_an_unknown_part", lambda fw: fw.datasets.PTB("all"),
     ValueError, "PTB: expected part 'train', 'valid' or 'test', got 'all'"),
    ("ptb_without_a_network", lambda fw: samples(fw, "PTB", *[OSError("no")] * 4), RuntimeError, "...ptb.zip..."),
    ("sentences_without_translations", lambda fw: samples(fw, "FrenchEnglish", zipped(**{"fra-eng/fra.txt": b"Go.\n"})),
     ValueError, "...: expected lines of two sentences with a tab between them"),
    ("glove_of_an_unknown_name", lambda fw: fw.datasets.GloVe("7B"),
     ValueError, "GloVe: expected a name of ['6B.50d', '6B.100d'], got '7B'"),
    ("glove_in_lines_of_different_lengths", lambda fw: samples(fw, "GloVe", zipped(**{"a/vec.txt": b"a 1\nb 1 2\n"})),
     ValueError, "...: expected lines of a word and numbers, all of one length"),
    ("glove_of_words", lambda fw: samples(fw, "GloVe", zipped(**{"a/vec.txt": b"a b\n"})),
     ValueError, "...: expected lines of a word and numbers, got ..."),
    since=5,
)
# fmt: on
