"""Datasets: samples, splits, and MNIST from files that are created and served here."""

import functools
import gzip
import hashlib
import http.server
import importlib.util
import pickle
import socket
import struct
import sys
import threading

import numpy as np
import pytest

from .stage import MNIST, AsType, Compose, DataLoader, Dataset, Digits, Normalize, Spiral, ToFloat, get_spiral, read_idx

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
    """Keep tests from the user's files and the network: MNIST is the small one, at an address without a server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}/"
    monkeypatch.setattr(MNIST, "MIRRORS", (dead,))
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


class Unlabelled(Numbers):
    labels = None


class Big(Dataset):
    """A dataset that loads on access, as outlined in step 49."""

    def __getitem__(self, index):
        return f"{index}.npy", index % 10

    def __len__(self):
        return 1000000


def test_a_sample_is_a_pair():
    dataset = Numbers()
    assert [dataset[i] for i in range(5)] == [(0, 3), (1, 1), (2, 4), (3, 1), (4, 5)]
    assert Numbers(train=False)[2] == (-2, 4)
    assert len(dataset) == 5
    assert dataset.train
    assert not Numbers(train=False).train


@pytest.mark.parametrize("index", [-1, -5, np.int64(3), np.uint8(3), np.array(3), True])
def test_any_integer_is_an_index(index):
    assert Numbers()[index] == Numbers()[int(index) % 5]


@pytest.mark.parametrize("index", [slice(0, 2), 1.0, np.float32(1), "1", None, [1], np.array([0, 1]), (0, 1), ...])
def test_an_index_must_be_an_integer(index):
    with pytest.raises(TypeError, match=r"cannot be interpreted as an integer|only integer scalar arrays"):
        Numbers()[index]


@pytest.mark.parametrize("index", [5, -6, 10**30])
def test_an_index_beyond_the_end_is_rejected(index):
    with pytest.raises(IndexError, match=rf"^Numbers: expected an index below 5, got {index}"):
        Numbers()[index]


def test_a_loop_over_a_dataset_ends():
    assert [t for _, t in Numbers()] == [3, 1, 4, 1, 5]


def test_without_labels_there_is_none():
    assert Unlabelled()[1] == (1, None)
    assert Unlabelled(target_transform=ToFloat())[1] == (1, None)


@pytest.mark.parametrize(
    ("label", "printed"),
    [
        (np.array([1, 2]), "1"),
        (np.array([1, 2], np.uint8), "1"),
        ([1, 2], "1"),
        (np.array([[1.0], [2.0]]), "array([1.])"),
        (["one", "two"], "'one'"),
    ],
)
def test_labels_print_as_plain_ints(label, printed):
    class Labelled(Numbers):
        labels = label

    assert repr(Labelled()[0][1]) == printed


def test_labels_that_are_float32_stay_so():
    class Regression(Numbers):
        labels = np.ones(5, np.float32)

    assert DataLoader(Regression(), 5).next()[1].dtype == np.float32


def test_transforms_are_applied():
    dataset = Numbers(transform=Normalize(1, 2), target_transform=lambda t: t * 10)
    assert dataset[3] == (1.0, 10)
    assert dataset[3][0].dtype == np.float32
    assert Numbers(target_transform=AsType(np.float32))[0][1].dtype == np.float32
    assert Numbers().transform(7) == 7  # the identity by default
    assert Numbers().target_transform(7) == 7


def test_data_may_be_prepared_by_anything_that_has_a_length_and_an_index():
    assert Big()[123456] == ("123456.npy", 6)
    assert len(Big()) == 1000000
    _, t = DataLoader(Big(), 3, shuffle=False).next()
    np.testing.assert_array_equal(t, [0, 1, 2])


def test_a_dataset_without_data_is_an_error():
    for read in (len, lambda dataset: dataset[0]):
        with pytest.raises(ValueError, match=r"Dataset: no data; prepare must set self\.data"):
            read(Dataset())


@pytest.mark.parametrize("settings", [{"transform": 2.0}, {"target_transform": [ToFloat()]}])
def test_a_transform_that_cannot_be_called_is_rejected(settings):
    with pytest.raises(TypeError, match=r"Numbers: expected a function as the transform, got (float|list)"):
        Numbers(**settings)


@pytest.mark.parametrize("make", [Spiral, Digits, functools.partial(Digits, False, None)])
def test_datasets_can_be_pickled(make):
    dataset = make()
    again = pickle.loads(pickle.dumps(dataset))
    for ours, theirs in zip(dataset[7], again[7], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("make", [Spiral, Digits, get_spiral])
def test_building_a_dataset_does_not_disturb_the_global_generator(make):
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    make()
    assert np.random.rand() == expected


# --- Spiral ---


def test_the_first_sample_prints_as_in_step_49():
    assert repr(Spiral(train=True)[0]) == "(array([-0.13981389, -0.00721657], dtype=float32), 1)"


@pytest.mark.parametrize("train", [True, False])
def test_the_spiral_is_three_arms_of_a_hundred(train):
    x, t = get_spiral(train)
    assert (x.shape, x.dtype, t.shape, t.dtype) == ((300, 2), np.float32, (300,), np.int64)
    np.testing.assert_array_equal(np.bincount(t), [100] * 3)
    for j in range(3):
        radius = np.hypot(*x[t == j].T)
        np.testing.assert_allclose(np.sort(radius), np.arange(100) / 100, atol=1e-6)
    assert np.any(np.diff(t) < 0)  # shuffled
    dataset = Spiral(train)
    assert len(dataset) == 300
    np.testing.assert_array_equal(dataset.data, x)
    np.testing.assert_array_equal(dataset.label, t)


def test_each_point_has_its_own_label():
    """Includes the two samples that step 48 prints, with their labels."""
    x, t = get_spiral()
    for point, label in [((0.05984409, 0.0801167), 0), ((-0.08959206, -0.04442143), 1)]:
        (found,) = np.flatnonzero(np.all(np.isclose(x, point, rtol=1e-6), axis=1))
        assert t[found] == label


def test_the_test_spiral_has_other_points():
    assert np.intersect1d(Spiral().data[:, 0], Spiral(train=False).data[:, 0]).size < 5  # the centers are in both


# --- Digits ---


def test_the_digits_are_those_of_the_repository():
    train, test = Digits(transform=None), Digits(train=False, transform=None)
    assert (len(train), len(test)) == (1500, 297)
    images, labels = (np.concatenate(arrays) for arrays in ((train.data, test.data), (train.label, test.label)))
    assert (images.shape, images.dtype, labels.dtype) == ((1797, 1, 8, 8), np.uint8, np.int64)
    assert (images.min(), images.max()) == (0, 16)
    np.testing.assert_array_equal(np.bincount(labels), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    np.testing.assert_array_equal(images[0, 0, :2], [[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0]])
    np.testing.assert_array_equal(labels[:12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    x, t = train[0]
    assert (x.shape, x.dtype, type(t)) == ((1, 8, 8), np.uint8, int)


def test_digits_are_vectors_from_0_to_1_by_default():
    x, t = Digits()[0]
    assert (x.shape, x.dtype, t) == ((64,), np.float32, 0)
    np.testing.assert_array_equal(x, Digits(transform=None)[0][0].ravel() / 16)
    assert np.max([x.max() for x, _ in Digits()]) == 1


def test_digits_can_be_told_apart():
    """The nearest training digit nearly always has the correct label, so images and labels match."""
    train, test = Digits(), Digits(train=False)
    x, t = next(DataLoader(train, 1500, shuffle=False))
    right = [t[np.argmin(np.sum((x - x0) ** 2, axis=1))] == t0 for x0, t0 in test]
    assert np.mean(right) > 0.9


# --- MNIST ---


@pytest.mark.parametrize(("train", "part"), [(True, "train"), (False, "t10k")])
def test_mnist_is_read_from_its_files(put, train, part):
    put()
    raw = MNIST(train, transform=None)
    assert len(raw) == len(LABELS[part])
    np.testing.assert_array_equal(raw.data, IMAGES[part][:, None])
    np.testing.assert_array_equal(raw.label, LABELS[part])
    x, t = raw[0]
    assert (type(x), x.shape, x.dtype, t, type(t)) == (np.ndarray, (1, 28, 28), np.uint8, LABELS[part][0], int)
    x, t = MNIST(train)[1]
    assert (x.shape, x.dtype, t) == ((784,), np.float32, LABELS[part][1])
    np.testing.assert_allclose(x, IMAGES[part][1].ravel() / 255, rtol=1e-6)
    assert 0 <= x.min() <= x.max() <= 1


def test_mnist_can_be_changed_and_pickled(put):
    put()
    dataset = MNIST()
    dataset.data[0] += 1
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again[0][0], dataset[0][0])


@needs_pooch
def test_mnist_is_downloaded_once(home, mirror, monkeypatch):
    folder, url = mirror
    for name, content in mnist_files().items():
        (folder / name).write_bytes(content)
    monkeypatch.setattr(MNIST, "MIRRORS", (*MNIST.MIRRORS, url))  # the first does not respond
    np.testing.assert_array_equal(MNIST(transform=None).data, IMAGES["train"][:, None])
    assert sorted(path.name for path in (home / "mnist").iterdir()) == sorted(NAMES[:2])
    for name in NAMES[:2]:
        (folder / name).unlink()
    assert len(MNIST()) == 7
    assert len(MNIST(train=False)) == 3


@needs_pooch
def test_mnist_without_a_mirror_is_a_runtime_error(home):
    with pytest.raises(RuntimeError, match=r"train-images-idx3-ubyte\.gz does not exist, and no download succeeded"):
        MNIST()


@needs_pooch
def test_a_damaged_file_of_mnist_is_never_used(home, put):
    put()
    path = home / "mnist" / NAMES[1]
    path.write_bytes(mnist_files()[NAMES[3]])
    with pytest.raises(RuntimeError, match=r"train-labels-idx1-ubyte\.gz has sha256 .* and no download succeeded"):
        MNIST()


def test_mnist_without_pooch_is_a_runtime_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(
        RuntimeError, match=r"t10k-images-idx3-ubyte\.gz does not exist; pooch, which downloads it, is not installed"
    ):
        MNIST(train=False)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": idx(IMAGES["train"])}, "train-images.*: expected a complete gzip file, got Not a gzipped file"),
        ({"images": zipped(idx(IMAGES["train"]))[:-20]}, "expected a complete gzip file, got .*end-of-stream"),
        ({"images": zipped(idx(IMAGES["train"]))[:10] + b"\xff" * 50}, "expected a complete gzip file, got "),
        ({"images": zipped(idx(IMAGES["train"], kind=9))}, "expected an idx file with 3 axes, "),
        (
            {"images": zipped(idx(LABELS["train"]))},
            r"expected an idx file with 3 axes, .*, got b'\\x00\\x00\\x08\\x01'",
        ),
        (
            {"labels": zipped(idx(IMAGES["train"]))},
            r"expected an idx file with 1 axes, b'\\x00\\x00\\x08\\x01'",
        ),
        ({"labels": zipped(b"")}, "train-labels.*: expected an idx file .*, got b''"),
        ({"labels": zipped(b"\0\0\x08\x01\0\0")}, "expected an idx file with 1 axes"),
        ({"labels": zipped(idx(LABELS["train"])[:-1])}, r"train-labels.*: expected \(7,\) elements, got 6"),
        ({"labels": zipped(idx(LABELS["train"]) + b"\0")}, r"expected \(7,\) elements, got 8"),
        ({"labels": zipped(idx(LABELS["t10k"]))}, r"MNIST: expected .*, got \(7, 28, 28\), \(3,\)"),
        (
            {"images": zipped(idx(IMAGES["train"][:, 1:]))},
            r"expected images \(N, 28, 28\) and labels \(N,\), got \(7, 27, 28\), \(7,\)",
        ),
    ],
)
def test_a_file_with_other_contents_is_reported(put, changed, message):
    put(**changed)
    with pytest.raises(ValueError, match=message):
        MNIST()


def test_idx_files_have_any_number_of_axes(tmp_path):
    for array in (np.arange(6).reshape(3, 2), np.arange(24).reshape(1, 2, 3, 4), np.zeros((0, 5), int)):
        (tmp_path / "x.gz").write_bytes(zipped(idx(array)))
        read = read_idx(tmp_path / "x.gz", array.ndim)
        np.testing.assert_array_equal(read, array)
        assert (read.shape, read.dtype) == (array.shape, np.uint8)


# --- drawings ---


def test_labels_have_names():
    expected = {i: str(i) for i in range(10)}
    assert Digits.labels() == MNIST.labels() == Digits().labels() == expected


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


@pytest.mark.parametrize(("row", "col"), [(1, 1), (2, 3), (3, 2), (10, 10)])
def test_show_draws_rows_of_digits(drawn, tmp_path, row, col):
    path = tmp_path / "page.png"
    assert Digits().show(row, col, to_file=path) is None
    (page,) = drawn
    assert page.shape == (10 * row, 10 * col, 1)  # a black frame of one pixel around each
    for i in range(row * col):
        r, c = divmod(i, col)
        picture = page[10 * r : 10 * r + 10, 10 * c : 10 * c + 10, 0]
        np.testing.assert_array_equal(picture, np.pad(Digits().data[i, 0], 1))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_show_opens_a_window_and_leaves_places_empty(drawn, put):
    put()
    MNIST(train=False).show(row=2, col=2)
    page, window = drawn
    assert window == "window"
    np.testing.assert_array_equal(page[1:29, 31:59, 0], IMAGES["t10k"][1])
    np.testing.assert_array_equal(page[30:, 30:], 0)


def test_a_page_is_ten_by_ten(drawn):
    Digits().show()
    assert drawn[0].shape == (100, 100, 1)


def test_show_without_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RuntimeError, match="show: matplotlib is needed: pip install matplotlib"):
        Digits().show()


@pytest.mark.parametrize(("row", "col"), [(0, 1), (1, -1)])
def test_an_empty_page_is_rejected(row, col):
    with pytest.raises(ValueError, match=f"show: expected row and col to be at least 1, got {row} and {col}"):
        Digits().show(row, col)


def test_compose_without_transforms_is_the_identity():
    assert isinstance(Spiral().transform, Compose)
