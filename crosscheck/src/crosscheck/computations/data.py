"""Data sets and transforms of steps 48-60, with files in a temporary folder instead of downloads."""

from __future__ import annotations

import hashlib
import pickle
import types
from typing import Any
from unittest import mock

import numpy as np
import PIL.Image

from ..frameworks.base import Array
from .errors import downloads, with_file
from .errors_data import idx, tar
from .values import values

NUMPY = "computed with NumPy; PyTorch has no such data sets without torchvision"


def samples(data: Any, count: int = 3) -> Any:
    """The number of samples, and the first and the last."""
    return len(data), [data[i] for i in (*range(min(count, len(data))), -1)]


# --- points and curves ---


def spiral(train: bool) -> tuple[Array, Array]:
    """Three arms of 100 points, shuffled."""
    rng = np.random.RandomState(1984 if train else 2020)
    noise = np.stack([rng.randn(100) for _ in range(3)])
    r = np.linspace(0, 1, 100, endpoint=False)
    angle = 4 * np.arange(3)[:, None] + 4 * r + 0.2 * noise
    x = np.stack([r * np.sin(angle), r * np.cos(angle)], 2).reshape(300, 2).astype(np.float32)
    order = rng.permutation(300)
    return x[order], np.arange(300)[order] // 100


def curve(train: bool) -> tuple[Array, Array]:
    """A sine with noise, or a cosine: all points but the last, and all but the first."""
    x = np.linspace(0, 2 * np.pi, 1000)
    y = np.sin(x) + np.random.RandomState(59).uniform(-0.05, 0.05, 1000) if train else np.cos(x)
    return y[:-1, None], y[1:, None]


def pairs(data: Array, label: Array, count: int = 3) -> Any:
    """What `samples` returns for these arrays; labels as int."""
    chosen = [*range(min(count, len(data))), -1]
    return len(data), [(data[i], int(label[i]) if label[i].ndim == 0 else label[i]) for i in chosen]


class Labels:
    """Rows of a matrix and their labels."""

    data = np.arange(12.0).reshape(4, 3)
    label = np.array([0, 1, 2, 1], np.uint8)


def mine(fw: Any, *arguments: Any, label: Any = Labels.label) -> Any:
    """A data set of the user."""

    def prepare(self: Any) -> None:
        self.data, self.label = Labels.data * (1 if self.train else -1), label

    return type("Mine", (fw.datasets.Dataset,), {"prepare": prepare})(*arguments)


# fmt: off
values(
    48, NUMPY,
    ("points_of_the_spiral", lambda fw: fw.datasets.get_spiral(), lambda: spiral(True)),
    ("test_points_of_the_spiral", lambda fw: fw.datasets.get_spiral(False), lambda: spiral(False)),
)
values(
    49, NUMPY,
    ("spiral_data_set", lambda fw: samples(fw.datasets.Spiral()), lambda: pairs(*spiral(True))),
    ("spiral_data_set_to_test", lambda fw: samples(fw.datasets.Spiral(train=False)), lambda: pairs(*spiral(False))),
    ("data_set_of_the_user", lambda fw: samples(mine(fw)), lambda: pairs(Labels.data, Labels.label)),
    ("data_set_of_the_user_to_test", lambda fw: samples(mine(fw, False)), lambda: pairs(-Labels.data, Labels.label)),
    ("data_set_without_labels", lambda fw: mine(fw, label=None)[np.int8(1)], lambda: (Labels.data[1], None)),
    ("data_set_with_transforms", lambda fw: samples(mine(fw, True, np.sum, lambda t: t * 1.5)),
     lambda: (4, [(Labels.data[i].sum(), Labels.label[i] * 1.5) for i in (0, 1, 2, -1)])),
    ("data_set_without_data", lambda fw: [fw.datasets.Dataset().data, fw.datasets.Dataset().label],
     lambda: [None, None]),
)
values(
    59, NUMPY,
    ("sine_curve", lambda fw: samples(fw.datasets.SinCurve()), lambda: pairs(*curve(True))),
    ("sine_curve_to_test", lambda fw: samples(fw.datasets.SinCurve(False)), lambda: pairs(*curve(False))),
)
# fmt: on


# --- digits ---

DIGITS = "a golden output: the hash of the arrays that this file had when it was made"


def hashed(*arrays: Array) -> str:
    """SHA-256 of the bytes of arrays, with dtype and shape."""
    return hashlib.sha256(b"".join(f"{a.dtype}{a.shape}".encode() + a.tobytes() for a in arrays)).hexdigest()


def digits(fw: Any, **options: Any) -> Any:
    """The hash of all samples and labels."""
    data = fw.datasets.Digits(**options)
    return len(data), hashed(np.array([x for x, _ in data]), np.array([t for _, t in data])), data.label.dtype


def images(n: int, *shape: int) -> Array:
    """n images of bytes."""
    return np.random.RandomState(n).randint(0, 256, (n, *shape)).astype(np.uint8)


def labels(n: int, classes: int = 10) -> Array:
    """n labels."""
    return np.random.RandomState(n).randint(0, classes, n).astype(np.uint8)


def mnist(fw: Any, *arguments: Any, **options: Any) -> Any:
    """The first samples of MNIST with five images to train, and four to test."""
    files = [idx(*a.shape, content=a.tobytes()) for n in (5, 4) for a in (images(n, 28, 28), labels(n))]
    names = [name for name, _ in fw.datasets.MNIST.FILES]
    unchecked = mock.patch.object(fw.datasets.MNIST, "FILES", [(name, None) for name in names])
    addresses = [fw.datasets.MNIST.MIRRORS[0] + name for name in names]
    with unchecked, downloads(named=dict(zip(addresses, files, strict=True))):
        data = fw.datasets.MNIST(*arguments, **options)
    return samples(data), data.label.dtype


def page(fw: Any, images: Array, *arguments: Any, **options: Any) -> Any:
    """What Images.show draws: the page of images, the color map, what becomes of the figure."""
    drawn: list[Any] = []
    axes = types.SimpleNamespace(imshow=lambda page, cmap: drawn.extend([page, cmap]), axis=drawn.append)
    figure = types.SimpleNamespace(savefig=lambda file, dpi: drawn.extend([file, dpi]))

    def subplots(**options: Any) -> Any:
        drawn.append(options)
        return figure, axes

    plot = types.SimpleNamespace(
        subplots=subplots, show=lambda: drawn.append("shown"), close=lambda _: drawn.append("closed")
    )
    data = type("Mine", (fw.datasets.Images,), {"prepare": lambda self: setattr(self, "data", images)})()
    matplotlib = types.SimpleNamespace(pyplot=plot)
    with mock.patch.dict("sys.modules", {"matplotlib": matplotlib, "matplotlib.pyplot": plot}):
        data.show(*arguments, **options)
    return drawn


LAYOUT = {"layout": "constrained"}


def pages(images: Array, row: int, col: int) -> Array:
    """The page of row * col images, each with a margin of one black pixel."""
    n, channels, height, width = images.shape
    found = np.zeros((row * (height + 2), col * (width + 2), channels), images.dtype)
    for i in range(min(n, row * col)):
        top, left = i // col * (height + 2) + 1, i % col * (width + 2) + 1
        found[top : top + height, left : left + width] = images[i].transpose(1, 2, 0)
    return found


# fmt: off
values(
    51, DIGITS,
    ("digits", lambda fw: digits(fw),
     lambda: (1500, "72c9ce2d699f64a87bc20280b6ed2b54d65794789a166f088b43d2e5b373b3e3", int)),
    ("digits_to_test", lambda fw: digits(fw, train=False),
     lambda: (297, "f1e180b6e94d914486cbe4a9ed87778cb43c9d1a5efcb466dd384ccb1bb20728", int)),
    ("digits_as_bytes", lambda fw: digits(fw, transform=None),
     lambda: (1500, "ad98dfd37e2ef69fa488d0585c9ba884ee4c8966e3be3bf1abf6eeea09c43a26", int)),
)
values(
    51, NUMPY,
    ("mnist", lambda fw: mnist(fw), lambda: [pairs((images(5, 784) / np.float32(255)), labels(5)), int]),
    ("mnist_to_test_as_bytes", lambda fw: mnist(fw, False, transform=None),
     lambda: [pairs(images(4, 1, 28, 28), labels(4)), int]),
    ("idx_file", lambda fw: with_file(idx(2, 3, content=bytes(range(6))), lambda path: fw.datasets.read_idx(path, 2)),
     lambda: np.arange(6, dtype=np.uint8).reshape(2, 3)),
    ("images_on_a_page", lambda fw: page(fw, images(7, 3, 2, 4), 2, 3),
     lambda: [LAYOUT, pages(images(7, 3, 2, 4), 2, 3), "gray", "off", "shown", "closed"]),
    ("images_on_a_page_of_a_hundred", lambda fw: page(fw, images(101, 1, 2, 2), to_file="page.png"),
     lambda: [LAYOUT, pages(images(101, 1, 2, 2), 10, 10), "gray", "off", "page.png", 150, "closed"]),
    ("labels_of_digits", lambda fw: fw.datasets.Images.labels(), lambda: dict(enumerate("0123456789"))),
)
# fmt: on


# --- color images ---

FINE = "32768255d0e6619185030936b1045a42ee4ca3e81fbe99753e3e5e13acccb6a2"
CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"


def members(names: Any, classes: int, *keys: str) -> dict[str, Any]:
    """The data and labels of each member of an archive; a different number in each."""
    return {
        name: {b"data": images(n, 3072), **{key.encode(): labels(n, classes).tolist() for key in keys}}
        for n, name in enumerate(names, 2)
    }


def cifar(fw: Any, kind: str, classes: int, *keys: str, **options: Any) -> Any:
    """The first samples of a CIFAR data set."""
    data_set = getattr(fw.datasets, kind)
    contents = members((*data_set.TRAIN, *data_set.TEST), classes, *keys)
    archive = tar(**{name: pickle.dumps(content, 2) for name, content in contents.items()})
    with mock.patch.object(data_set, "FILE", ("archive.tar.gz", None)), downloads(archive):
        return samples(data_set(**options))


def batches(*counts: int, classes: int, dtype: Any = np.float32) -> Any:
    """The same samples, of members with these numbers of images."""
    data = np.concatenate([images(n, 3, 32, 32) for n in counts])
    label = np.concatenate([labels(n, classes) for n in counts])
    return pairs(data / np.float32(255) if dtype == np.float32 else data, label)


def two(fw: Any) -> Any:
    """Two members of an archive, in another order."""
    return with_file(tar(a=b"1", c=b"3", b=b"2"), lambda path: fw.datasets.read_tar(path, ("b", "a")))


def text(fw: Any, content: str, *arguments: Any, **options: Any) -> Any:
    """The data set of a text."""
    return with_file(content.encode(), lambda path: described(fw.datasets.Text(path, *arguments, **options)))


def described(data: Any) -> Any:
    """Samples, the dictionary of characters, and whether they are training data."""
    return samples(data), data.char_to_id, data.id_to_char, data.train


def shakespeare(fw: Any, content: str, **options: Any) -> Any:
    """The data set with another text."""
    with mock.patch.object(fw.datasets.Shakespear, "SIZE", len(content)), downloads(content.encode()):
        return described(fw.datasets.Shakespear(**options))


def imagenet(fw: Any, names: dict[int, str]) -> Any:
    """The labels of ImageNet with other names."""
    with downloads(repr(names).encode()):
        return fw.datasets.ImageNet.labels()


ABAC = ([0, 1, 0], [1, 0, 2]), {"a": 0, "b": 1, "c": 2}, {0: "a", 1: "b", 2: "c"}


def abac(train: bool = True, times: int = 1, add: int = 0) -> Any:
    """What `described` returns for the text abac."""
    (ids, following), numbers, characters = ABAC
    pairs_of_ids = [(i * times, t + add) for i, t in zip(ids, following, strict=True)]
    return (3, [*pairs_of_ids, pairs_of_ids[-1]]), numbers, characters, train


# fmt: off
values(
    58, NUMPY,
    ("cifar10", lambda fw: cifar(fw, "CIFAR10", 10, "labels"), lambda: batches(2, 3, 4, 5, 6, classes=10)),
    ("cifar10_to_test_as_bytes", lambda fw: cifar(fw, "CIFAR10", 10, "labels", train=False, transform=None),
     lambda: batches(7, classes=10, dtype=np.uint8)),
    ("cifar100", lambda fw: cifar(fw, "CIFAR100", 100, "fine_labels"), lambda: batches(2, classes=100)),
    ("cifar100_with_coarse_labels",
     lambda fw: cifar(fw, "CIFAR100", 20, "coarse_labels", train=False, label_type="coarse"),
     lambda: batches(3, classes=20)),
    ("labels_of_cifar10", lambda fw: fw.datasets.CIFAR10.labels(), lambda: dict(enumerate(CIFAR10.split()))),
    ("labels_of_imagenet", lambda fw: imagenet(fw, {0: "tench, Tinca tinca", 1: "goldfish"}),
     lambda: {0: "tench, Tinca tinca", 1: "goldfish"}),
    ("two_members_of_an_archive", two, lambda: ["b", b"2", "a", b"1"]),
    ("batch_of_cifar_of_python_2", lambda fw: python_2(fw), lambda: (images(2, 3, 32, 32), labels(2).astype(int))),
)
values(
    58, "a golden output: the hash of the names",
    ("labels_of_cifar100", lambda fw: [hashed(np.array(list(fw.datasets.CIFAR100.labels(*kind).values())))
                                       for kind in ((), ("fine",), ("coarse",))],
     lambda: [FINE, FINE, "3a78360c375e58ca12818353c1d1ef7868a095b9d35224a68630b2fcfb721008"]),
)
values(
    60, NUMPY,
    ("text_of_four_characters", lambda fw: text(fw, "abac"), abac),
    ("text_to_test", lambda fw: text(fw, "\ufeffabac", False, lambda i: i * 2, lambda t: t + 1),
     lambda: abac(False, 2, 1)),
    ("text_of_shakespeare", lambda fw: shakespeare(fw, "abac"), abac),
    ("text_of_shakespeare_to_test",
     lambda fw: shakespeare(fw, "abac", train=False, transform=lambda i: i * 3, target_transform=lambda t: t + 2),
     lambda: abac(False, 3, 2)),
)
# fmt: on


def python_2(fw: Any) -> Any:
    """A batch as Python 2 pickled it: strings as bytes, the module of NumPy 1."""
    batch = {b"data": images(2, 3072), b"labels": labels(2).tolist()}
    content = pickle.dumps(batch, 2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    return fw.datasets.read_cifar(content, "file", b"labels", 10)


# --- transforms ---

FORMULA = "the formula of torchvision in NumPy, or Pillow"
X = np.linspace(-2.0, 3.0, 12).reshape(3, 2, 2)
IMAGE = PIL.Image.fromarray(images(6, 5, 3)[:, :, :])


def flips(fw: Any, x: Any, *arguments: Any) -> Any:
    """Ten calls of a RandomHorizontalFlip with the same seed."""
    before = np.random.get_state()
    np.random.seed(3)
    try:
        flip = fw.transforms.RandomHorizontalFlip(*arguments)
        return [flip(x) for _ in range(10)]
    finally:
        np.random.set_state(before)


def mirrored(x: Any, mirror: Any, p: float = 0.5) -> Any:
    """The same with NumPy's generator."""
    return [mirror if draw < p else x for draw in np.random.RandomState(3).random_sample(10)]


def channels(*values: float) -> Array:
    """(C,) -> (C, 1, 1)."""
    return np.array(values)[:, None, None]


# fmt: off
values(
    49, FORMULA,
    ("compose_of_nothing", lambda fw: fw.transforms.Compose()(X), lambda: X),
    ("compose", lambda fw: fw.transforms.Compose([np.negative, np.exp])(X), lambda: np.exp(-X)),
    ("normalize_by_default", lambda fw: fw.transforms.Normalize()(X), lambda: X),
    ("normalize", lambda fw: [fw.transforms.Normalize(0.5, 2)(x) for x in (X, X.astype("f"), np.arange(6), X[0, 0, 0])],
     lambda: [(X - 0.5) / 2, (X.astype("f") - np.float32(0.5)) / np.float32(2), (np.arange(6) - 0.5) / 2,
              (X[0, 0, 0] - 0.5) / 2]),
    ("normalize_each_channel", lambda fw: fw.transforms.Normalize([1, 2, 3], (4, 5, 6))(X),
     lambda: (X - channels(1, 2, 3)) / channels(4, 5, 6)),
    ("as_type", lambda fw: [fw.transforms.AsType()(X), fw.transforms.AsType(np.float16)(X)],
     lambda: [X.astype("f4"), X.astype("f2")]),
    ("to_float", lambda fw: [fw.transforms.ToFloat()(X), fw.transforms.ToFloat(float)(X)], lambda: [X.astype("f4"), X]),
    ("to_int", lambda fw: [fw.transforms.ToInt()(X), fw.transforms.ToInt(np.int8)(X)],
     lambda: [np.trunc(X).astype(int), np.trunc(X).astype(np.int8)]),
)
values(
    51, FORMULA,
    ("flatten_a_sample", lambda fw: [fw.transforms.Flatten()(x) for x in (X, X[0], X.T)],
     lambda: [X.ravel(), X[0].ravel(), X.T.ravel()]),
)
values(
    58, FORMULA,
    ("convert_images", lambda fw: [fw.transforms.Convert(*mode)(IMAGE) for mode in ((), ("L",), ("BGR",))],
     lambda: [IMAGE, IMAGE.convert("L"), PIL.Image.fromarray(np.asarray(IMAGE)[:, :, ::-1])]),
    ("convert_gray_images", lambda fw: fw.transforms.Convert()(IMAGE.convert("L")),
     lambda: IMAGE.convert("L").convert("RGB")),
    ("resize_images", lambda fw: [fw.transforms.Resize(4)(IMAGE), fw.transforms.Resize((7, 2))(IMAGE),
                                  fw.transforms.Resize((2, 4), PIL.Image.Resampling.NEAREST)(IMAGE)],
     lambda: [IMAGE.resize((4, 4), PIL.Image.Resampling.BILINEAR), IMAGE.resize((7, 2), PIL.Image.Resampling.BILINEAR),
              IMAGE.resize((2, 4), PIL.Image.Resampling.NEAREST)]),
    ("center_crop", lambda fw: [fw.transforms.CenterCrop(3)(IMAGE), fw.transforms.CenterCrop((2, 6))(IMAGE)],
     lambda: [PIL.Image.fromarray(np.asarray(IMAGE)[1:4, 1:4]), PIL.Image.fromarray(np.asarray(IMAGE)[:, 1:3])]),
    ("to_array", lambda fw: [fw.transforms.ToArray()(IMAGE), fw.transforms.ToArray(np.uint8)(IMAGE.convert("L")),
                             fw.transforms.ToArray()(X)],
     lambda: [np.asarray(IMAGE).transpose(2, 0, 1).astype("f"), np.asarray(IMAGE.convert("L"))[None], X.astype("f")]),
    ("to_pil", lambda fw: [fw.transforms.ToPIL()(x) for x in (X * 40 + 80.7, X[:1] * 0 + 2.5, images(4, 2, 3))],
     lambda: [PIL.Image.fromarray(a) for a in (np.rint(X * 40 + 80.7).astype(np.uint8).transpose(1, 2, 0),
                                               np.full((2, 2), 2, np.uint8), images(4, 2, 3).transpose(1, 2, 0))]),
    ("flips_of_arrays", lambda fw: [flips(fw, X), flips(fw, X, 0.2), flips(fw, X, 1), flips(fw, X, 0)],
     lambda: [mirrored(X, X[:, :, ::-1], p) for p in (0.5, 0.2, 1, 0)]),
    ("flips_of_images", lambda fw: flips(fw, IMAGE),
     lambda: mirrored(IMAGE, PIL.Image.fromarray(images(6, 5, 3)[:, ::-1]))),
)
# fmt: on
