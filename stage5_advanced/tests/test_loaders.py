"""Data sets that are downloaded: small archives of the same layout, served here or put into the cache."""

import functools
import gzip
import hashlib
import http.server
import importlib.util
import io
import pickle
import struct
import sys
import tarfile
import threading
import zipfile

import numpy as np
import pytest

from .stage import DataLoader, package

datasets = package.datasets
needs_pooch = pytest.mark.skipif(importlib.util.find_spec("pooch") is None, reason="pooch is not installed")
needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The cache folder."""
    monkeypatch.setenv("DEZERO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serve the files of a data set under its names, with their checksums."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()

    def serve(dataset, *contents):
        monkeypatch.setattr(dataset, "MIRRORS", (f"http://127.0.0.1:{server.server_port}/",))
        names = [name for name, _ in (dataset.FILES if "FILES" in vars(dataset) else [dataset.FILE])]
        files = [(name, f"sha1:{hashlib.sha1(content).hexdigest()}") for name, content in zip(names, contents)]  # noqa: B905
        for (name, _), content in zip(files, contents, strict=True):
            (folder / name).write_bytes(content)
        monkeypatch.setattr(dataset, *(("FILES", tuple(files)) if "FILES" in vars(dataset) else ("FILE", files[0])))

    yield serve
    server.shutdown()
    thread.join()
    server.server_close()


def put(monkeypatch, home, dataset, content, name=None):
    """Put the file of a data set into the cache, with its checksum."""
    name = name or dataset.FILE[0]
    (home / dataset.FOLDER).mkdir(parents=True)
    (home / dataset.FOLDER / name).write_bytes(content)
    monkeypatch.setattr(dataset, "FILE", (name, f"sha1:{hashlib.sha1(content).hexdigest()}"), raising=False)


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(mode, **members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def picture(*shape, seed=0, palette=False, kind="PNG"):
    """(array, the bytes of an image file)."""
    import PIL.Image

    a = np.random.default_rng(seed).integers(0, 21 if palette else 256, shape).astype(np.uint8)
    image = PIL.Image.fromarray(a)
    if palette:
        image.putpalette(datasets.VOC2012.colors().ravel().tolist())
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return a, buffer.getvalue()


# --- archives ---


@pytest.mark.parametrize("make", [zipped, functools.partial(tarred, "w:gz"), functools.partial(tarred, "w")])
def test_archives_are_read_in_order_of_names(tmp_path, make):
    path = tmp_path / "archive"
    path.write_bytes(make(b=b"2", a=b"1", c=b"3"))
    assert list(datasets.read_archive(path, lambda name: name != "c").items()) == [("a", b"1"), ("b", b"2")]
    with pytest.raises(ValueError, match="archive lacks the files of this data set"):
        datasets.read_archive(path, lambda name: name == "d")
    assert [file.name for file in tmp_path.iterdir()] == ["archive"]


@pytest.mark.parametrize(
    "content",
    [b"text", zipped(a=b"1" * 999)[:-30], tarred("w:gz", a=bytes(range(256)) * 9)[:60], zipped(a=b"1234")[:40] + b"?"],
    ids=["text", "end of zip lost", "end of tar lost", "head of zip alone"],  # the bytes hold the time of day
)
def test_damaged_archives(tmp_path, content):
    path = tmp_path / "archive"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="archive: expected a complete zip or tar file, got"):
        datasets.read_archive(path, lambda name: True)


# --- images ---


@needs_pooch
def test_fashion_mnist_does_not_share_the_files_of_mnist(serve, home):
    def idx(a):
        head = struct.pack(f">HBB{a.ndim}I", 0, 8, a.ndim, *a.shape)
        return gzip.compress(head + a.astype(np.uint8).tobytes(), mtime=0)

    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28))
    serve(datasets.FashionMNIST, idx(images), idx(np.array([9, 0])), idx(images[:1]), idx(np.array([3])))
    data = datasets.FashionMNIST()
    assert (len(data), data[0][1], data.labels()[9]) == (2, 9, "Ankle boot")
    np.testing.assert_allclose(data[1][0], images[1].ravel() / 255, rtol=1e-6)
    assert len(datasets.FashionMNIST(train=False)) == 1
    assert [folder.name for folder in home.iterdir()] == ["fashion-mnist"]


@needs_pillow
def test_images_in_folders(tmp_path):
    for name, seed in (("dog/2.png", 2), ("cat/1.PNG", 1), ("cat/0.png", 0), ("cat/notes.txt", 3)):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(2, 3, 3, seed=seed)[1])
    data = pickle.loads(pickle.dumps(datasets.ImageFolder(str(tmp_path / "images"))))
    assert (data.labels(), data.label.tolist()) == ({0: "cat", 1: "dog"}, [0, 0, 1])
    for i in range(3):
        np.testing.assert_array_equal(data[i][0], picture(2, 3, 3, seed=i)[0].transpose(2, 0, 1), strict=True)
    x, t = next(iter(DataLoader(data, 3, shuffle=False)))
    assert (x.shape, t.tolist()) == ((3, 3, 2, 3), [0, 0, 1])
    (tmp_path / "images" / "cat" / "0.png").write_bytes(b"text")
    with pytest.raises(ValueError, match=r"read_image: expected an image, got .*0.png"):
        _ = data[0]
    with pytest.raises(ValueError, match=r"ImageFolder: expected folders of images in .*cat, got none"):
        datasets.ImageFolder(tmp_path / "images" / "cat")


@needs_pillow
@needs_pooch
def test_hotdog(serve):
    names = ["train/hotdog/1.png", "train/not-hotdog/2.png", "test/hotdog/3.png"]
    serve(datasets.Hotdog, zipped(**{f"hotdog/{name}": picture(4, 4, 3, seed=i)[1] for i, name in enumerate(names)}))
    data = datasets.Hotdog()
    assert (len(data), data.label.tolist(), data.labels()) == (2, [0, 1], {0: "hotdog", 1: "not-hotdog"})
    np.testing.assert_array_equal(data[1][0], picture(4, 4, 3, seed=1)[0].transpose(2, 0, 1))
    assert len(datasets.Hotdog(train=False)) == 1


XML = """<annotation>
  <object><name>cat</name><part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>
  </part><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>5</ymax></bndbox></object>
  <object><name>tvmonitor</name><bndbox><xmin>3</xmin><ymin>3</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></object>
</annotation>"""


@needs_pillow
@needs_pooch
def test_voc2012(serve):
    _, photo = picture(5, 7, 3, kind="JPEG")
    mask, file = picture(5, 7, palette=True)
    members = {
        "ImageSets/Segmentation/train.txt": b"2007_000001\n",
        "ImageSets/Main/val.txt": b"2007_000001\n2007_000002\n",
        "JPEGImages/2007_000001.jpg": photo,
        "SegmentationClass/2007_000001.png": file,
        "Annotations/2007_000001.xml": XML.encode(),
    }
    serve(datasets.VOC2012, tarred("w", **{f"VOCdevkit/VOC2012/{name}": content for name, content in members.items()}))
    data = pickle.loads(pickle.dumps(datasets.VOC2012()))
    assert (len(data), data[0][0].shape, data[0][0].dtype) == (1, (3, 5, 7), np.uint8)
    np.testing.assert_array_equal(data[0][1], mask, strict=True)
    data = datasets.VOC2012("val", "detection")
    assert len(data) == 2
    np.testing.assert_array_equal(data[0][1], np.array([[7, 0, 1, 4, 5], [19, 2, 2, 3, 3]], np.float32), strict=True)
    with pytest.raises(ValueError, match=r"lacks VOCdevkit/VOC2012/JPEGImages/2007_000002.jpg"):
        _ = data[1]


def test_colors_of_voc():
    colors = datasets.VOC2012.colors()
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128)}
    assert {i: tuple(colors[i].tolist()) for i in known} == known
    assert tuple(colors[255].tolist()) == (224, 224, 192)
    assert list(datasets.VOC2012.labels().values())[::20] == ["background", "tvmonitor"]


# --- tables ---

TRAIN = "Id,MSSubClass,Alley,LotArea,SalePrice\n1,60,NA,10,208500\n2,20,Pave,NA,181500\n"
TEST = "Id,MSSubClass,Alley,LotArea\n3,20,Grvl,20\n"


@needs_pooch
def test_house_prices_are_standardized_over_both_parts(serve):
    serve(datasets.HousePrices, TRAIN.encode(), TEST.encode())
    data = datasets.HousePrices()
    assert data.columns == ["MSSubClass", "Alley=Grvl", "Alley=Pave", "Alley=", "LotArea"]
    np.testing.assert_array_equal(data.label, np.array([[208500], [181500]], np.float32), strict=True)
    a, b = 2 / np.sqrt(3), 0.5 / np.sqrt(0.5)
    np.testing.assert_allclose(data.data, np.array([[a, 0, 0, 1, -b], [-a / 2, 0, 1, 0, 0]], np.float32), rtol=1e-6)
    test = datasets.HousePrices(train=False)
    np.testing.assert_allclose(test[0][0], [-a / 2, 1, 0, 0, b], rtol=1e-6)
    assert test[0][1] is None


@needs_pooch
@pytest.mark.parametrize(
    ("train", "message"),
    [("Id,A\n1,2\n", "HousePrices: expected columns from Id to SalePrice"), ("Id,A\n1\n", "expected a csv file")],
)
def test_other_tables_of_prices(serve, train, message):
    serve(datasets.HousePrices, train.encode(), TEST.encode())
    with pytest.raises(ValueError, match=message):
        datasets.HousePrices()


@needs_pooch
def test_airfoil(serve, home):
    a = np.random.default_rng(0).random((4, 6))
    content = "\n".join("\t".join(map(str, row)) for row in a.tolist()).encode()
    serve(datasets.Airfoil, content)
    data = datasets.Airfoil()
    expected = ((a - a.mean(0)) / a.std(0)).astype(np.float32)
    np.testing.assert_array_equal(data.data, expected[:, :5], strict=True)
    np.testing.assert_array_equal(data[3][1], expected[3, 5:], strict=True)


@pytest.mark.parametrize(
    ("content", "message"), [(b"1\t2\n", "expected 6 columns, got 2"), (b"a\tb\n", "expected numbers")]
)
def test_other_tables_of_airfoils(monkeypatch, home, content, message):
    put(monkeypatch, home, datasets.Airfoil, content)
    with pytest.raises(ValueError, match=message):
        datasets.Airfoil()


# --- texts ---


@needs_pooch
def test_imdb(serve):
    reviews = {"train/neg/10_1": "bad", "train/pos/2_9": "góod", "train/neg/1_2": "worse", "test/pos/0_8": "fine"}
    members = {f"aclImdb/{name}.txt": text.encode() for name, text in reviews.items()}
    serve(datasets.IMDb, tarred("w:gz", **members, **{"aclImdb/train/unsup/1_0.txt": b"?", "aclImdb/README": b"."}))
    assert list(datasets.IMDb()) == [("bad", 0), ("worse", 0), ("góod", 1)]
    assert list(datasets.IMDb(train=False)) == [("fine", 1)]


@pytest.mark.parametrize(
    ("name", "archive"),
    [
        ("ptb.zip", zipped(**{f"ptb/ptb.{part}.txt": f" {part} a <unk> \n b \n" for part in ("train", "valid")})),
        ("simple-examples.tgz", tarred("w:gz", **{"./simple-examples/data/ptb.valid.txt": b" valid a <unk> \n b \n"})),
    ],
)
def test_ptb_in_both_archives(monkeypatch, home, name, archive):
    put(monkeypatch, home, datasets.PTB, archive, name)
    checksum = f"sha1:{hashlib.sha1(archive).hexdigest()}"
    sources = [(mirror, n, checksum if n == name else "0") for mirror, n, _ in datasets.PTB.SOURCES]
    monkeypatch.setattr(datasets.PTB, "SOURCES", [(mirror.replace("https", "no"), *rest) for mirror, *rest in sources])
    monkeypatch.setitem(sys.modules, "pooch", None)  # what is not in the cache cannot be downloaded
    data = datasets.PTB("valid")
    assert list(data) == [(["valid", "a", "<unk>", "<eos>"], None), (["b", "<eos>"], None)]
    assert data.tokens() == ["valid", "a", "<unk>", "<eos>", "b", "<eos>"]


def test_ptb_that_cannot_be_downloaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(RuntimeError, match=r"(?s)ptb.zip.*simple-examples.tgz"):
        datasets.PTB()
    with pytest.raises(ValueError, match="PTB: expected part 'train', 'valid' or 'test', got 'all'"):
        datasets.PTB("all")


def test_the_time_machine_has_letters_only(monkeypatch, home):
    put(monkeypatch, home, datasets.TimeMachine, b"The Time Machine, by H. G. Wells [1898]\n\n  I\n")
    data = datasets.TimeMachine()
    assert data.data == [["the", "time", "machine", "by", "h", "g", "wells"], ["i"]]
    assert data.text == "the time machine by h g wells i"
    assert len(data.tokens()) == 8


def test_text8_in_lines_of_a_thousand_words(monkeypatch, home):
    put(monkeypatch, home, datasets.Text8, zipped(text8=b" anarchism" + b" a" * 1000))
    data = datasets.Text8()
    assert [len(line) for line, _ in data] == [1000, 1]
    assert data.text.startswith(" anarchism a")


def test_french_and_english(monkeypatch, home):
    lines = "Go.\tVa !\nRun!\tCours\u202f!\tCC-BY 2.0\n"
    put(monkeypatch, home, datasets.FrenchEnglish, zipped(**{"fra-eng/fra.txt": lines}))
    assert list(datasets.FrenchEnglish()) == [("Go.", "Va !"), ("Run!", "Cours\u202f!")]
    put(monkeypatch, home / "other", datasets.FrenchEnglish, zipped(**{"fra-eng/fra.txt": "Go.\n"}))
    monkeypatch.setenv("DEZERO_HOME", str(home / "other"))
    with pytest.raises(ValueError, match="expected lines of two sentences with a tab between them"):
        datasets.FrenchEnglish()


def test_glove(monkeypatch, home):
    content = zipped(**{"glove.6B.50d/vec.txt": "the 0.5 -1\n, 1e-3 2\n"})
    put(monkeypatch, home, datasets.GloVe, content, "glove.6B.50d.zip")
    monkeypatch.setattr(datasets.GloVe, "FILES", (datasets.GloVe.FILE,))
    data = datasets.GloVe()
    assert data.words == ["the", ","]
    np.testing.assert_array_equal(data.vectors, np.array([[0.5, -1], [0.001, 2]], np.float32), strict=True)
    assert data[1][0] == ","
    with pytest.raises(ValueError, match=r"GloVe: expected a name of \['6B.50d'\], got '6B'"):
        datasets.GloVe("6B")


def test_addresses_and_checksums():
    for name in ("FashionMNIST", "HousePrices", "Airfoil", "IMDb", "Text8", "TimeMachine", "FrenchEnglish", "GloVe"):
        dataset = getattr(datasets, name)
        files = dataset.FILES if "FILES" in vars(dataset) else [dataset.FILE]
        for _, checksum in files:
            algorithm, digest = checksum.split(":")
            assert len(digest) == {"md5": 32, "sha1": 40}[algorithm]
