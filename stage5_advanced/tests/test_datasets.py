"""Datasets: samples, splits, and downloads from files that are created and served here."""

import functools
import gzip
import hashlib
import http.server
import importlib.util
import io
import os
import pathlib
import pickle
import socket
import struct
import tarfile
import threading
import zlib

import numpy as np
import pytest

from .stage import (
    CIFAR10,
    CIFAR100,
    MNIST,
    DataLoader,
    Dataset,
    Digits,
    ImageNet,
    Shakespear,
    SinCurve,
    Spiral,
    Text,
    ToFloat,
    get_spiral,
    package,
)

needs_pooch = pytest.mark.skipif(importlib.util.find_spec("pooch") is None, reason="pooch is not installed")


def idx(array, kind=8):
    """An array as an uncompressed idx file."""
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def zipped(content):
    return gzip.compress(content, mtime=0)


rng = np.random.default_rng(0)
IMAGES = {part: rng.integers(0, 256, (n, 28, 28), np.uint8) for part, n in (("train", 7), ("t10k", 3))}
LABELS = {"train": np.array([5, 0, 4, 1, 9, 2, 1]), "t10k": np.array([7, 2, 1])}
NAMES = [name for name, _ in MNIST.FILES]


def mnist_files():
    """The four files of a very small MNIST, in the order of its table."""
    contents = [idx(arrays[part]) for part in ("train", "t10k") for arrays in (IMAGES, LABELS)]
    return dict(zip(NAMES, map(zipped, contents), strict=True))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Keep tests from the user's files and the network: MNIST is the small one, at addresses without a server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}/"
    for dataset in (MNIST, CIFAR10, CIFAR100):
        monkeypatch.setattr(dataset, "MIRRORS", (dead,))
    for dataset in (Shakespear, ImageNet):
        monkeypatch.setattr(dataset, "ADDRESS", dead + dataset.ADDRESS.split("/")[-1])
    checksums = [(name, hashlib.sha256(content).hexdigest()) for name, content in mnist_files().items()]
    monkeypatch.setattr(MNIST, "FILES", tuple(checksums))
    monkeypatch.setenv("DEZERO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


@pytest.fixture
def put(home, monkeypatch):
    """Write the files of MNIST to the cache folder, some of them with other contents."""

    def put(**changed):
        (home / "mnist").mkdir(parents=True)
        files = mnist_files() | {NAMES[["images", "labels"].index(key)]: content for key, content in changed.items()}
        for name, content in files.items():
            (home / "mnist" / name).write_bytes(content)
        checksums = [(name, hashlib.sha256(content).hexdigest()) for name, content in files.items()]
        monkeypatch.setattr(MNIST, "FILES", tuple(checksums))

    return put


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def mirror(tmp_path):
    """A folder, and the address at which it is served."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


# --- the interface ---


class Numbers(Dataset):
    """Five numbers, with or without labels."""

    labels = np.array([3, 1, 4, 1, 5])

    def prepare(self):
        self.data = np.arange(5, dtype=np.float32) * (1 if self.train else -1)
        self.label = self.labels


@pytest.mark.parametrize("make", [Spiral, Digits, functools.partial(Digits, False, None), SinCurve])
def test_datasets_can_be_pickled(make):
    dataset = make()
    again = pickle.loads(pickle.dumps(dataset))
    for ours, theirs in zip(dataset[7], again[7], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("make", [Spiral, Digits, get_spiral, SinCurve])
def test_building_a_dataset_does_not_disturb_the_global_generator(make):
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    make()
    assert np.random.rand() == expected


# --- SinCurve ---


def test_the_label_is_the_next_of_999_points():
    dataset = SinCurve()
    assert len(dataset) == 999
    assert (dataset.data.shape, dataset.label.shape) == ((999, 1), (999, 1))
    assert dataset.data.dtype == dataset.label.dtype == np.float64
    xs, ts = (np.array(values) for values in zip(*dataset, strict=True))
    np.testing.assert_array_equal(xs[1:], ts[:-1])


def test_the_training_curve_is_a_sine_with_noise():
    noise = SinCurve().data[:, 0] - np.sin(np.linspace(0, 2 * np.pi, 1000))[:-1]
    assert -0.05 < noise.min() < -0.049
    assert 0.049 < noise.max() < 0.05
    assert abs(noise.mean()) < 0.003
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.1


def test_the_test_curve_is_a_cosine():
    dataset = SinCurve(train=False)
    cosine = np.cos(np.linspace(0, 2 * np.pi, 1000))
    np.testing.assert_array_equal(dataset.data[:, 0], cosine[:-1])
    np.testing.assert_array_equal(dataset.label[:, 0], cosine[1:])


def test_the_noise_is_always_the_same():
    np.testing.assert_array_equal(SinCurve().data, SinCurve().data)
    x, t = SinCurve()[0]
    np.testing.assert_allclose((x, t), [[0.04240351155744253], [-0.02792350863045305]], rtol=1e-12)


def test_a_point_may_be_changed_without_the_label_before_it():
    dataset = SinCurve(train=False)
    dataset.data[1] = 7
    assert dataset.label[0] < 1


# --- Text ---


@pytest.fixture
def text(tmp_path):
    """Write a file; return its path."""

    def text(content):
        (tmp_path / "my text").write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "my text"

    return text


def test_characters_are_numbered_as_they_appear(text):
    dataset = Text(text("hello, ö\n"))
    assert dataset.char_to_id == {"h": 0, "e": 1, "l": 2, "o": 3, ",": 4, " ": 5, "ö": 6, "\n": 7}
    assert dataset.id_to_char == {i: char for char, i in dataset.char_to_id.items()}


def test_the_label_is_the_next_character(text):
    dataset = Text(str(text("hello")))
    assert list(dataset) == [(0, 1), (1, 2), (2, 2), (2, 3)]
    assert len(dataset) == 4
    assert dataset.data.dtype == dataset.label.dtype == np.int64


def test_a_text_is_all_of_it_to_train_and_to_test(text):
    path = text("hello")
    np.testing.assert_array_equal(Text(path, train=False).data, Text(path).data)


def test_a_text_takes_transforms(text):
    one_hot = Text(text("abca"), transform=lambda i: np.eye(3)[i], target_transform=ToFloat())
    np.testing.assert_array_equal(one_hot[1][0], [0, 1, 0])
    assert one_hot[1][1].dtype == np.float32


def test_a_character_may_be_changed_without_the_label_before_it(text):
    dataset = Text(text("hello"))
    dataset.data[1] = 7
    assert dataset.label[0] == 1


def test_a_text_of_windows_is_read_as_any_other(text):
    dataset = Text(text(b"\xef\xbb\xbfa\r\nb"))
    assert list(dataset.char_to_id) == ["a", "\n", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"^Text: expected at least 2 characters, got 0 in .*my text"),
        ("x", r"^Text: expected at least 2 characters, got 1 in .*my text"),
        (b"gr\xfc\xdfe", r"^Text: expected text in UTF-8, got .*my text: .*0xfc"),
    ],
)
def test_a_file_that_is_not_text_is_reported(text, content, message):
    with pytest.raises(ValueError, match=message):
        Text(text(content))


def test_a_missing_text_file_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        Text(tmp_path / "nothing")


def test_text_rejects_invalid_paths():
    with pytest.raises(TypeError, match=r"^Text: expected a str or Path as the path, got int"):
        Text(3)


@needs_pooch
def test_shakespeare_is_downloaded_once(mirror, monkeypatch):
    folder, url = mirror
    (folder / "input.txt").write_text("First Citizen:\nBefore we proceed")
    monkeypatch.setattr(Shakespear, "ADDRESS", url + "input.txt")
    monkeypatch.setattr(Shakespear, "SIZE", 32)
    assert len(Shakespear()) == 31
    (folder / "input.txt").unlink()
    dataset = Shakespear(train=False, target_transform=ToFloat())
    assert "".join(dataset.id_to_char[i] for i in dataset.data.tolist()) == "First Citizen:\nBefore we procee"
    assert dataset[0][0] == 0
    assert dataset[0][1].dtype == np.float32


@pytest.mark.parametrize("content", [b'{"error": "log in"}', b"x", b"gr\xfc\xdfe"])
def test_another_text_in_place_of_shakespeare_says_which_file_to_delete(monkeypatch, tmp_path, content):
    (tmp_path / "input.txt").write_bytes(content)
    monkeypatch.setattr(package.datasets.text, "get_file", lambda url: str(tmp_path / "input.txt"))
    with pytest.raises(
        ValueError, match=rf"^Shakespear: expected .*; delete {tmp_path / 'input.txt'} to download it again"
    ):
        Shakespear()


@needs_pooch
def test_shakespeare_without_a_connection_is_a_runtime_error():
    with pytest.raises(RuntimeError, match=r"input\.txt does not exist, and no download succeeded"):
        Shakespear()


# --- Digits ---


def test_digits_can_be_told_apart():
    """The nearest training digit nearly always has the correct label, so images and labels match."""
    train, test = Digits(), Digits(train=False)
    x, t = next(DataLoader(train, 1500, shuffle=False))
    right = [t[np.argmin(np.sum((x - x0) ** 2, axis=1))] == t0 for x0, t0 in test]
    assert np.mean(right) > 0.9


# --- CIFAR ---


class Python2(pickle._Pickler):
    """A pickler that writes strings as Python 2 did: bytes without an encoding."""

    dispatch = pickle._Pickler.dispatch.copy()

    def string(self, value):
        value_bytes = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(value_bytes)) + value_bytes)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = string


def python2(value):
    """A pickle as in the archives of CIFAR: by Python 2 with NumPy 1, which wrote flags as 0 and 1."""
    file = io.BytesIO()
    Python2(file, 2).dump(value)
    content = file.getvalue().replace(b"numpy._core", b"numpy.core")
    flags = pickle.NEWFALSE + pickle.NEWTRUE + pickle.TUPLE3
    return content.replace(flags, pickle.BININT1 + b"\0" + pickle.BININT1 + b"\1" + pickle.TUPLE3)


def python3(value):
    return pickle.dumps(value, protocol=2)


def batch(n, seed, **labels):
    """n images and their labels, as in an archive."""
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 3072), np.uint8)
    return {b"batch_label": b"a batch", b"data": pixels} | {name.encode(): values for name, values in labels.items()}


TRAIN10 = {
    f"cifar-10-batches-py/data_batch_{i}": batch(2, i, labels=[i, 9 - i], filenames=["a.png", "b.png"])
    for i in range(1, 6)
}
TEST10 = {"cifar-10-batches-py/test_batch": batch(3, 6, labels=[9, 0, 3])}
TRAIN100 = {"cifar-100-python/train": batch(4, 7, fine_labels=[0, 99, 50, 1], coarse_labels=[4, 13, 19, 0])}
TEST100 = {"cifar-100-python/test": batch(2, 8, fine_labels=[1, 2], coarse_labels=[3, 4])}


def archive(batches, dump=python2):
    """A tar.gz file as bytes. batches: the contents of each member, bytes or an object to pickle."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, value in batches.items():
            content = value if isinstance(value, bytes) else dump(value)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def put_cifar(home, monkeypatch):
    """Write the archive of a dataset to the cache folder, with its checksum accepted."""

    def put_cifar(dataset, content):
        name = dataset.FILE[0]
        monkeypatch.setattr(dataset, "FILE", (name, "md5:" + hashlib.md5(content).hexdigest()))
        (home / "cifar").mkdir(parents=True, exist_ok=True)
        (home / "cifar" / name).write_bytes(content)

    return put_cifar


@pytest.mark.parametrize("dump", [python2, python3])
def test_the_five_training_batches_are_concatenated_in_order(put_cifar, dump):
    put_cifar(CIFAR10, archive(dict(reversed((TRAIN10 | TEST10).items())), dump))
    dataset = CIFAR10(transform=None)
    np.testing.assert_array_equal(dataset.data.reshape(10, -1), np.concatenate([b[b"data"] for b in TRAIN10.values()]))
    np.testing.assert_array_equal(dataset.label, [1, 8, 2, 7, 3, 6, 4, 5, 5, 4])
    assert (dataset.data.shape, dataset.data.dtype, dataset.label.dtype) == ((10, 3, 32, 32), np.uint8, np.int64)
    assert len(dataset) == 10


def test_the_test_batch_differs(put_cifar):
    put_cifar(CIFAR10, archive(TRAIN10 | TEST10))
    dataset = CIFAR10(train=False, transform=None)
    np.testing.assert_array_equal(dataset.data.reshape(3, -1), TEST10["cifar-10-batches-py/test_batch"][b"data"])
    assert [t for _, t in dataset] == [9, 0, 3]


def test_a_row_has_all_red_pixels_then_green_then_blue(put_cifar):
    row = np.repeat(np.array([1, 2, 3], np.uint8), 1024)
    row[:33] = 9  # the first row of the red plane, and the first pixel of the second
    put_cifar(CIFAR10, archive({"cifar-10-batches-py/test_batch": {b"data": row[None], b"labels": [0]}}))
    x, _ = CIFAR10(train=False, transform=None)[0]
    assert x[:, 31, 31].tolist() == [1, 2, 3]
    assert x[:, 0, 31].tolist() == [9, 2, 3]
    assert x[0, 1, :2].tolist() == [9, 1]


@pytest.mark.parametrize(("dataset", "batches"), [(CIFAR10, TEST10), (CIFAR100, TEST100)])
def test_colors_are_float32_from_0_to_1_by_default(put_cifar, dataset, batches):
    put_cifar(dataset, archive(batches))
    x, t = dataset(train=False)[0]
    assert (x.shape, x.dtype, type(t)) == ((3, 32, 32), np.float32, int)
    (content,) = batches.values()
    np.testing.assert_allclose(x.ravel(), content[b"data"][0] / 255, rtol=1e-6)
    assert 0 <= x.min() < 0.01
    assert 0.99 < x.max() <= 1


@pytest.mark.parametrize(
    ("train", "label_type", "expected"),
    [
        (True, "fine", [0, 99, 50, 1]),
        (True, "coarse", [4, 13, 19, 0]),
        (False, "fine", [1, 2]),
        (False, "coarse", [3, 4]),
    ],
)
def test_labels_of_one_archive_are_fine_or_coarse(put_cifar, train, label_type, expected):
    put_cifar(CIFAR100, archive(TRAIN100 | TEST100))
    dataset = CIFAR100(train, label_type=label_type)
    assert [t for _, t in dataset] == expected
    (content,) = (TRAIN100 if train else TEST100).values()
    np.testing.assert_array_equal(dataset.data.reshape(len(expected), -1), content[b"data"])


def test_labels_are_fine_by_default(put_cifar):
    put_cifar(CIFAR100, archive(TRAIN100))
    assert CIFAR100().label.tolist() == [0, 99, 50, 1]


@pytest.mark.parametrize("label_type", ["medium", "", None])
def test_labels_are_fine_or_coarse_and_nothing_else(label_type):
    for use in (CIFAR100.labels, lambda label_type: CIFAR100(label_type=label_type)):
        with pytest.raises(ValueError, match=rf"^CIFAR100: expected label_type 'fine' or 'coarse', got {label_type!r}"):
            use(label_type)


def test_things_have_names():
    assert CIFAR10.labels() == {
        0: "airplane",
        1: "automobile",
        2: "bird",
        3: "cat",
        4: "deer",
        5: "dog",
        6: "frog",
        7: "horse",
        8: "ship",
        9: "truck",
    }


@pytest.mark.parametrize(
    ("label_type", "n", "some"),
    [
        ("fine", 100, {0: "apple", 1: "aquarium_fish", 50: "mouse", 81: "streetcar", 99: "worm"}),
        ("coarse", 20, {0: "aquatic_mammals", 1: "fish", 13: "non-insect_invertebrates", 19: "vehicles_2"}),
    ],
)
def test_a_hundred_things_have_names_and_so_do_their_groups(label_type, n, some):
    names = CIFAR100.labels(label_type)
    assert list(names) == list(range(n))
    assert len(set(names.values())) == n
    assert list(names.values()) == sorted(names.values())
    assert {i: names[i] for i in some} == some


def test_the_class_has_the_fine_names_and_a_dataset_those_of_its_own_labels(put_cifar):
    put_cifar(CIFAR100, archive(TRAIN100))
    assert CIFAR100.labels() == CIFAR100().labels() == CIFAR100.labels("fine")
    assert CIFAR100(label_type="coarse").labels() == CIFAR100.labels("coarse")


@pytest.mark.parametrize("label_type", ["fine", "coarse"])
def test_cifar_can_be_changed_and_pickled(put_cifar, label_type):
    put_cifar(CIFAR100, archive(TRAIN100))
    dataset = CIFAR100(label_type=label_type)
    dataset.data[0] += 1
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again[0][0], dataset[0][0])
    assert again.labels() == dataset.labels()


@needs_pooch
@pytest.mark.parametrize(("dataset", "batches", "n"), [(CIFAR10, TRAIN10, 10), (CIFAR100, TRAIN100, 4)])
def test_cifar_is_downloaded_once(home, mirror, monkeypatch, dataset, batches, n):
    folder, url = mirror
    name, content = dataset.FILE[0], archive(batches)
    (folder / name).write_bytes(content)
    monkeypatch.setattr(dataset, "FILE", (name, "md5:" + hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(dataset, "MIRRORS", (url,))
    assert len(dataset()) == n
    assert [path.name for path in (home / "cifar").iterdir()] == [name]
    (folder / name).unlink()
    assert len(dataset()) == n


def test_the_addresses_and_checksums_are_those_of_the_authors():
    assert CIFAR10.FILE == ("cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3b95e74349a")
    assert CIFAR100.FILE == ("cifar-100-python.tar.gz", "md5:eb9058c3a382ffc7106e4002c42a8d85")


@needs_pooch
def test_an_archive_with_another_checksum_is_never_opened(home, put_cifar, marker):
    put_cifar(CIFAR10, archive(TRAIN10))
    (home / "cifar" / CIFAR10.FILE[0]).write_bytes(archive(dict.fromkeys(TRAIN10, pickle.dumps(Evil(marker)))))
    with pytest.raises(RuntimeError, match=r"cifar-10-python\.tar\.gz has md5 .* and no download succeeded"):
        CIFAR10()
    assert not marker.exists()


class Evil:
    """Unpickling it creates a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_run_code_is_rejected(put_cifar, marker, protocol):
    name = "cifar-100-python/test"
    evil = {b"filenames": [Evil(marker)]} | TEST100[name]
    put_cifar(CIFAR100, archive({name: pickle.dumps(evil, protocol)}))
    with pytest.raises(ValueError, match=rf"tar\.gz: {name}: expected a pickle of arrays and .*, got \w+\.mkdir"):
        CIFAR100(train=False)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (bytearray(b"x"), r"__builtin__\.bytearray"),
        (np.load, r"numpy\.load"),
        (eval, r"__builtin__\.eval"),
        (pathlib.PurePosixPath("x"), r"pathlib\S*\.PurePosixPath"),
        (Numbers(), r"\S+\.Numbers"),
    ],
)
def test_a_pickle_may_only_contain_arrays_and_plain_containers(put_cifar, value, asked):
    put_cifar(CIFAR100, archive({"cifar-100-python/test": value}, python3))
    with pytest.raises(ValueError, match=rf"expected a pickle of arrays and plain containers, got {asked}$"):
        CIFAR100(train=False)


def changed(**values):
    """The test batch of CIFAR100, with other contents."""
    (content,) = TEST100.values()
    return content | {name.encode(): value for name, value in values.items()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cifar-100-python/test: expected a pickle of arrays and plain containers, got Ran out of input"),
        (b"something else", "test: expected a pickle of arrays and plain containers, got "),
        (python2(batch(2, 8))[:-100], "test: expected a pickle of arrays and plain containers, got "),
        (b"cnumpy\nndarray\n)R.", "test: expected a pickle of arrays and plain containers, got ndarray\\(\\) missing"),
        (
            b"c_codecs\nencode\n(X\1\0\0\0aX\1\0\0\0btR.",
            "test: expected a pickle of .* containers, got unknown encoding: b",
        ),
        (b"N}b.", "test: expected a pickle of arrays and plain containers, got "),
        ([1, 2], r"test: expected uint8 \(N, 3072\) as its data, got NoneType"),
        ({b"fine_labels": [1, 2]}, r"test: expected uint8 \(N, 3072\) as its data, got NoneType"),
        (changed(data=[[0] * 3072] * 2), r"test: expected uint8 .* as its data, got list"),
        (changed(data=np.zeros((2, 3072))), r"test: expected .* as its data, got float64 \(2, 3072\)"),
        (changed(data=np.zeros((2, 3071), np.uint8)), r"test: expected .* as its data, got uint8 \(2, 3071\)"),
        (changed(data=np.zeros((2, 3072, 1), np.uint8)), r"test: expected .* as its data, got uint8 \(2, 3072, 1\)"),
        (changed(data=np.zeros((3, 3072), np.uint8)), "test: expected 3 ints from 0 to 99 as its fine_labels"),
        (changed(fine_labels=None), "test: expected 2 ints from 0 to 99 as its fine_labels"),
        (changed(fine_labels=[1]), "test: expected 2 ints from 0 to 99 as its fine_labels"),
        (changed(fine_labels=[1, 100]), "test: expected 2 ints"),
        (changed(fine_labels=[-1, 0]), "test: expected 2 ints"),
        (changed(fine_labels=[1.0, 0]), "test: expected 2 ints"),
        (changed(fine_labels=np.array([1, 2])), "test: expected 2 ints"),
    ],
)
def test_an_invalid_batch_file_is_reported(put_cifar, content, message):
    put_cifar(CIFAR100, archive({"cifar-100-python/test": content}))
    with pytest.raises(ValueError, match=message):
        CIFAR100(train=False)


def test_coarse_labels_are_below_20(put_cifar):
    put_cifar(CIFAR100, archive({"cifar-100-python/test": changed(coarse_labels=[0, 20])}))
    with pytest.raises(ValueError, match="test: expected 2 ints from 0 to 19 as its coarse_labels"):
        CIFAR100(train=False, label_type="coarse")


def begun(content):
    """A gzip file that begins with these bytes."""
    stream = zlib.compressobj(wbits=31)
    return stream.compress(content) + stream.flush(zlib.Z_FULL_FLUSH)


HALF = gzip.decompress(archive({"cifar-10-batches-py/data_batch_1": bytes(1000000)}))[:500000]  # of the first member


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"something else", r"cifar-10-python\.tar\.gz: expected a complete tar\.gz file, got "),
        (b"", r"expected a complete tar\.gz file, got "),
        (zipped(b"something else" * 1000), r"expected a complete tar\.gz file, got "),
        (archive(TRAIN10)[:-5000], r"expected a complete tar\.gz file, got "),
        (archive(TRAIN10)[:100] + b"\xff" * 500, r"expected a complete tar\.gz file, got "),
        (zipped(HALF), r"expected a complete tar\.gz file, got unexpected end of data"),
        (zipped(HALF)[:-8] + b"\0" * 8, r"expected a complete tar\.gz file, got CRC check failed"),
        (begun(HALF) + b"\xff" * 50, r"expected a complete tar\.gz file, got Error -3 while decompressing"),
        (archive(TEST10), r"tar\.gz lacks cifar-10-batches-py/data_batch_1, .*/data_batch_5$"),
        (archive(dict(list(TRAIN10.items())[:-1])), r"tar\.gz lacks cifar-10-batches-py/data_batch_5$"),
    ],
)
def test_an_invalid_archive_is_reported(put_cifar, content, message):
    put_cifar(CIFAR10, content)
    with pytest.raises(ValueError, match=message):
        CIFAR10()


def test_a_member_that_is_not_a_file_is_missing(put_cifar):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        member = tarfile.TarInfo("cifar-100-python/test")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    put_cifar(CIFAR100, file.getvalue())
    with pytest.raises(ValueError, match="lacks cifar-100-python/test"):
        CIFAR100(train=False)


# --- ImageNet ---


@pytest.fixture
def served(mirror, monkeypatch):
    """Serve a text as the file of ImageNet's class names."""
    folder, url = mirror

    def served(content):
        (folder / "labels.txt").write_bytes(content.encode())
        monkeypatch.setattr(ImageNet, "ADDRESS", url + "labels.txt")

    return served


@needs_pooch
def test_the_names_of_imagenet_are_downloaded_once(served, mirror):
    served("{0: 'tench, Tinca tinca',\n 1: \"Dall's sheep\",\n 340: 'zebra'}")
    expected = {0: "tench, Tinca tinca", 1: "Dall's sheep", 340: "zebra"}
    assert ImageNet.labels() == expected
    (mirror[0] / "labels.txt").unlink()
    assert ImageNet.labels() == expected


@needs_pooch
def test_the_names_of_imagenet_are_never_evaluated(served, marker):
    served(f"{{0: __import__('os').mkdir({str(marker)!r})}}")
    with pytest.raises(
        ValueError, match=r"^ImageNet: expected a dict, got .*; delete .*labels\.txt to download it again$"
    ):
        ImageNet.labels()
    assert not marker.exists()


@needs_pooch
@pytest.mark.parametrize(
    "content", ["", "login", "{0: 'tench'", "{[]: 'tench'}", "{0: tench}", "-" * 9999, "-" * 99999 + "1"]
)
def test_names_that_are_not_a_python_literal_are_rejected(served, content):
    served(content)
    with pytest.raises(ValueError, match=r"^ImageNet: expected a dict, got "):
        ImageNet.labels()


@needs_pooch
@pytest.mark.parametrize("content", ["['tench']", "{'0': 'tench'}", "{0: 1}", "{0: 'tench', True: 'goldfish'}", "0"])
def test_names_are_a_dict_from_int_to_str(served, content):
    served(content)
    with pytest.raises(
        ValueError, match=r"^ImageNet: expected a dict from int to str; delete .*labels\.txt to download"
    ):
        ImageNet.labels()


@needs_pooch
def test_imagenet_without_a_connection_is_a_runtime_error():
    with pytest.raises(RuntimeError, match=r"labels\.txt does not exist, and no download succeeded"):
        ImageNet.labels()


def test_imagenet_has_names_and_no_images():
    with pytest.raises(TypeError, match=r"^ImageNet: its images cannot be downloaded freely; .* ImageNet\.labels\(\)"):
        ImageNet()


# --- drawings ---


@pytest.fixture
def drawn(monkeypatch):
    """The pages drawn, as arrays, and the number of windows shown."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    plt.switch_backend("Agg")

    pages, imshow = [], Axes.imshow
    monkeypatch.setattr(Axes, "imshow", lambda axes, page, **s: pages.append(page) or imshow(axes, page, **s))
    monkeypatch.setattr(plt, "show", lambda: pages.append("window"))
    yield pages
    assert plt.get_fignums() == []


def test_color_images_are_drawn_in_color(drawn, put_cifar, tmp_path):
    put_cifar(CIFAR100, archive(TEST100))
    dataset = CIFAR100(train=False)
    dataset.show(row=1, col=2, to_file=tmp_path / "page.png")
    (page,) = drawn
    assert page.shape == (34, 68, 3)
    for i in range(2):
        np.testing.assert_array_equal(page[1:33, 34 * i + 1 : 34 * i + 33], dataset.data[i].transpose(1, 2, 0))
