"""Record files: their bytes, examples, damaged files, and the data set."""

import gzip
import importlib.util
import pickle
import re
import sys

import numpy as np
import pytest

from .stage import DataLoader, package

records = package.records
needs_crc32c = pytest.mark.skipif(
    importlib.util.find_spec("google_crc32c") is None, reason="google-crc32c is not installed"
)
FORM = {"x": (np.float32, (2,)), "label": (np.int64, ())}


def write(path, *contents, compression=None):
    with records.RecordWriter(path, compression) as file:
        for content in contents:
            file.write(content)
    return path


def examples(path, *labels, compression=None):
    """A file with one example for each label t, with x = [t, -t]."""
    contents = [records.encode_example({"x": [float(t), float(-t)], "label": t}) for t in labels]
    return write(path, *contents, compression=compression)


# --- files ---


@needs_crc32c
@pytest.mark.parametrize(
    ("data", "checksum"), [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA)], ids=["digits", "zeros"]
)
def test_the_checksum_is_crc32c_masked(data, checksum):
    rotated = (checksum >> 15 | checksum << 17) & 0xFFFFFFFF
    assert records.checksum(data) == (rotated + 0xA282EAD8) % 2**32


@needs_crc32c
def test_the_bytes_of_a_record_file(tmp_path):
    path = write(tmp_path / "file", b"", bytearray(b"abc"))
    empty, abc = "000000000000000029039807d8ea82a2", "0300000000000000b099490e6162636e57f121"
    assert path.read_bytes().hex() == empty + abc
    assert list(records.read_records(path)) == [b"", b"abc"]
    assert (records.index_records(path), records.count_records(path)) == ([0, 16], 2)


@needs_crc32c
def test_compressed_files_are_recognized_and_reproducible(tmp_path):
    a, b = (write(tmp_path / name, b"abc", b"de", compression="gzip") for name in "ab")
    assert a.read_bytes() == b.read_bytes()
    assert gzip.decompress(a.read_bytes()) == write(tmp_path / "plain", b"abc", b"de").read_bytes()
    assert list(records.read_records(a)) == [b"abc", b"de"]
    assert records.index_records(a) == [0, 19]


@needs_crc32c
def test_a_record_whose_length_looks_like_a_gzip_file(tmp_path):
    path = write(tmp_path / "file", bytes(559_903))
    assert path.read_bytes().startswith(b"\x1f\x8b\x08")
    assert records.count_records(path) == 1


@needs_crc32c
def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = write(tmp_path / "file", b"old")

    def fail():
        with records.RecordWriter(path) as file:
            file.write(b"new")
            assert list(records.read_records(path)) == [b"old"]
            file.write("new")

    with pytest.raises(TypeError, match="RecordWriter: expected bytes, got str"):
        fail()
    assert list(records.read_records(path)) == [b"old"]
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@needs_crc32c
def test_a_writer_without_with_is_closed_by_hand(tmp_path):
    file = records.RecordWriter(tmp_path / "file", "gzip")
    file.write(memoryview(np.array([1, 2], np.int16)))
    assert not (tmp_path / "file").exists()
    file.close()
    file.close()
    assert list(records.read_records(tmp_path / "file")) == [b"\1\0\2\0"]
    with pytest.raises(ValueError, match="closed"):
        file.write(b"")


@needs_crc32c
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_every_flipped_byte_is_noticed(tmp_path, compression):
    path = write(tmp_path / "file", b"first", b"", b"second", compression=compression)
    content = path.read_bytes()
    for i in range(10 if compression else 0, len(content)):  # the head of a gzip file says nothing of the records
        path.write_bytes(content[:i] + bytes([content[i] ^ 1 << i % 8]) + content[i + 1 :])
        with pytest.raises(ValueError, match=re.escape(str(path))):
            list(records.read_records(path))


@needs_crc32c
def test_damage_is_located(tmp_path):
    path = write(tmp_path / "file", *[b"record"] * 9)
    content = path.read_bytes()

    def damaged(place, new=b"?"):
        path.write_bytes(content[:place] + new + content[place + len(new) :])
        return list(records.read_records(path))

    with pytest.raises(ValueError, match=r"file: record 3 at byte 66: length is damaged, or this is not a record file"):
        damaged(66)
    with pytest.raises(ValueError, match=r"file: record 3 at byte 66: data is damaged"):
        damaged(66 + 14)
    with pytest.raises(ValueError, match=r"record 0 at byte 0: length is damaged, or this is not a record file"):
        damaged(0, b"PK\3\4")


@needs_crc32c
@pytest.mark.parametrize("size", [1, 11, 12, 15, 18, 21])
@pytest.mark.parametrize("verify", [True, False])
def test_a_truncated_file(tmp_path, size, verify):
    path = write(tmp_path / "file", b"record")
    path.write_bytes(path.read_bytes()[:size])
    for read in (lambda: list(records.read_records(path, verify)), lambda: records.count_records(path, verify)):
        with pytest.raises(ValueError, match="record 0 at byte 0: the file is truncated, or this is not a record file"):
            read()


@needs_crc32c
def test_a_truncated_compressed_file(tmp_path):
    path = write(tmp_path / "file", bytes(range(256)), compression="gzip")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="file: expected a complete gzip file, got"):
        list(records.read_records(path))


@needs_crc32c
def test_without_the_package_of_checksums_only_unverified_reading_works(tmp_path, monkeypatch):
    path = examples(tmp_path / "file", 1, 2)
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    assert len(list(records.read_records(path, verify=False))) == 2
    assert records.RecordDataset(path, FORM, verify=False)[1][1] == 2
    needed = (
        lambda: records.RecordWriter(tmp_path / "new"),
        lambda: list(records.read_records(path)),
        lambda: records.RecordDataset(path, FORM),
    )
    for f in needed:
        with pytest.raises(RuntimeError, match="not installed: pip install google-crc32c"):
            f()
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_unknown_compression(tmp_path):
    with pytest.raises(ValueError, match="RecordWriter: expected None or 'gzip' as the compression, got 'zip'"):
        records.RecordWriter(tmp_path / "file", "zip")


# --- examples ---

KNOWN = [
    ({"a": [1]}, "0a0c0a0a0a016112051a030a0101"),
    ({"x": [1.5, -2]}, "0a130a110a0178120c120a0a080000c03f000000c0"),
    ({"s": ["hi"]}, "0a0d0a0b0a017312060a040a026869"),
    ({"a": -1}, "0a150a130a0161120e1a0c0a0affffffffffffffffff01"),
    ({}, "0a00"),
]


@pytest.mark.parametrize(("features", "content"), KNOWN, ids=[str(features) for features, _ in KNOWN])
def test_the_bytes_of_an_example(features, content):
    assert records.encode_example(features).hex() == content


@pytest.mark.parametrize("n", [0, 1, 127, 128, 255, 16383, 16384, 2**31, 2**35])
def test_a_varint_is_one_of_the_varints(n):
    assert records.varint(n) == records.varints(np.array([n]))


def test_values_of_features():
    features = {
        "integers": np.array([[0, 1, 127, 128, -(2**63)]])[0, ::-1],
        "unsigned": np.uint64(2**63 - 1),
        "bools": [True, False],
        "floats": np.array([1.5, np.inf, 1e-45]),
        "half": np.float16(0.5),
        "text": "é",
        "texts": ("a", b"\0\0", ""),
        "array of texts": np.array(["ab", "c"]),
        "nothing": [],
        "no integers": np.array([], int),
    }
    assert records.decode_example(records.encode_example(features)) == {
        "integers": [-(2**63), 128, 127, 1, 0],
        "unsigned": [2**63 - 1],
        "bools": [1, 0],
        "floats": [1.5, np.inf, float(np.float32(1e-45))],
        "half": [0.5],
        "text": ["é".encode()],
        "texts": [b"a", b"\0\0", b""],
        "array of texts": [b"ab", b"c"],
        "nothing": [],
        "no integers": [],
    }


@pytest.mark.parametrize(
    ("features", "kind", "message"),
    [
        ({1: 2}, TypeError, "expected a str as the name of a feature, got int"),
        ({"x": np.ones((2, 3))}, ValueError, r"expected at most one axis for 'x', got \(2, 3\); encode a.tobytes\(\)"),
        ({"x": 1j}, TypeError, "expected numbers, str or bytes for 'x', got 1j"),
        ({"x": None}, TypeError, "expected numbers, str or bytes for 'x', got None"),
        ({"x": ["a", 1]}, TypeError, "expected numbers, str or bytes for 'x'"),
        ({"x": 2**63}, ValueError, "expected integers within int64 for 'x'"),
        ({"x": 2**64}, TypeError, "expected numbers, str or bytes for 'x'"),
        ({"x": [1.0, 1e39]}, ValueError, "expected numbers within float32 for 'x'"),
    ],
)
def test_values_that_are_no_features(features, kind, message):
    with pytest.raises(kind, match=f"encode_example: {message}"):
        records.encode_example(features)


def test_a_form_gives_arrays():
    image = np.arange(6, dtype=np.int16).reshape(2, 3)
    data = records.encode_example(
        {"image": image.tobytes(), "x": [1, 2, 3, 4], "n": 7, "f": [0.1], "word": "é", "words": ["a", "b"], "none": []}
    )
    form = {
        "image": (np.int16, (2, 3)), "x": (np.uint8, (2, -1)), "n": (bool, ()), "f": (np.float64, (1,)),
        "word": (str, ()), "words": (bytes, (2,)), "none": (np.float32, (0, 5)),
    }  # fmt: skip
    with pytest.raises(ValueError, match="expected integers within bool for 'n', got"):
        records.decode_example(data, form)
    found = records.decode_example(data, form | {"n": (np.int64, ())})
    np.testing.assert_array_equal(found["image"], image)
    np.testing.assert_array_equal(found["x"], np.array([[1, 2], [3, 4]]))
    assert [found[name].dtype for name in ("image", "x", "n", "f")] == [np.int16, np.uint8, np.int64, np.float64]
    assert (found["n"].shape, found["none"].shape) == ((), (0, 5))
    assert found["f"] == np.float32(0.1)
    assert (found["word"], found["words"]) == ("é", [b"a", b"b"])
    found["image"][:] = 0  # arrays are the caller's own
    assert records.decode_example(data, {"n": (int, ())}) == {"n": 7}


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"y": (int, ())}, r"expected the features \['y'\], got \['f', 'n', 's'\]"),
        ({"n": (np.float32, (2,))}, "expected floats for 'n', got integers"),
        ({"f": (int, ())}, "expected integers for 'f', got floats"),
        ({"f": (str, ())}, "expected bytes for 'f', got floats"),
        ({"n": (int, (3,))}, r"expected \(3,\) for 'n', got 2 values"),
        ({"n": (np.int8, (2,))}, "expected integers within int8 for 'n'"),
        ({"s": (np.int64, ())}, "expected bytes of int64 for 's', got 2 bytes"),
        ({"s": (str, ())}, r"expected 's' in UTF-8, got b'\\xff\\xfe'"),
    ],
)
def test_examples_of_another_form(form, message):
    data = records.encode_example({"n": [1, 300], "f": 0.5, "s": b"\xff\xfe"})
    with pytest.raises(ValueError, match=f"decode_example: {message}"):
        records.decode_example(data, form)


def test_other_writers_are_read_as_well():
    varint, fixed = bytes.fromhex("08 96 01"), bytes.fromhex("0d 0000c03f")  # not packed: 150, 1.5
    unknown = bytes.fromhex("38 05  41 0102030405060708  4a 02 6869  55 01020304")  # fields 7, 8, 9, 10

    def entry(name, feature):
        return records.message(1, records.message(1, name) + records.message(2, feature) + unknown)

    packed = records.message(1, bytes.fromhex("0302"))
    integers = entry(b"n", records.message(3, varint + packed + unknown) + unknown)
    floats = entry(b"f", records.message(3, b"") + records.message(2, fixed) + records.message(2, fixed))
    twice = entry(b"n", records.message(3, packed)) + integers  # the last entry counts
    data = records.message(1, twice) + unknown + records.message(1, floats)  # messages that occur twice are merged
    assert records.decode_example(data) == {"n": [150, 3, 2], "f": [1.5, 1.5]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0a05", "expected a complete example"),
        ("0b", "expected wire type 0, 1, 2 or 5, got 3"),
        ("ff" * 11, "expected a complete varint"),
        ("0a", "expected a complete varint"),
        ("0a0c0a0a0a016112051a030a0181", "expected complete varints"),
        ("0a0d0a0b0a01781206120 40a020000".replace(" ", ""), "expected floats of 4 bytes, got 2 bytes"),
        ("0a0c0a0a0a01ff12051a030a0101", "expected names in UTF-8"),
    ],
)
def test_what_is_no_example(content, message):
    with pytest.raises(ValueError, match=f"decode_example: {message}"):
        records.decode_example(bytes.fromhex(content))


# --- the data set ---


@needs_crc32c
def test_a_data_set_of_several_files(tmp_path):
    paths = [examples(tmp_path / "a", 1, 2), str(examples(tmp_path / "b", 3, compression="gzip"))]
    data = pickle.loads(pickle.dumps(records.RecordDataset(paths, FORM)))
    assert len(data) == 3
    assert [t for _, t in data] == [1, 2, 3]
    assert [type(data[i][1]) for i in (0, -1)] == [int, int]
    np.testing.assert_array_equal(data[-1][0], np.array([3, -3], np.float32), strict=True)
    for i in (3, -4):
        with pytest.raises(IndexError, match=f"RecordDataset: expected an index below 3, got {i}"):
            _ = data[i]
    x, t = next(iter(DataLoader(data, 3, shuffle=False)))
    assert (x.shape, t.tolist()) == ((3, 2), [1, 2, 3])


@needs_crc32c
def test_transforms_and_targets_of_a_data_set(tmp_path):
    path = examples(tmp_path / "a", 5)
    data = records.RecordDataset(path, FORM, transform=np.negative, target_transform=lambda t: t * 0.5)
    assert (data[0][0].tolist(), data[0][1]) == ([-5.0, 5.0], 2.5)
    data = records.RecordDataset(path, FORM, target=None, transform=sorted)
    assert data[0] == ["label", "x"]
    path = write(tmp_path / "b", records.encode_example({"a": 1, "b": 2, "s": "c"}))
    form = {"a": (int, ()), "b": (int, ()), "s": (str, ())}
    assert records.RecordDataset(path, form, target="s")[0] == ({"a": 1, "b": 2}, "c")


@needs_crc32c
def test_shards_are_found_by_a_pattern(tmp_path):
    for n in (2, 0, 1):
        examples(tmp_path / f"train-{n:05}-of-00003", n)
    assert [t for _, t in records.RecordDataset(tmp_path / "train-*", FORM)] == [0, 1, 2]
    assert [t for _, t in records.RecordDataset(tmp_path / "train-00001-of-00003", FORM)] == [1]
    (tmp_path / "train-00001-of-00003").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected 3 shards of .*, got \[0, 2\]"):
        records.RecordDataset(tmp_path / "train-*", FORM)
    with pytest.raises(FileNotFoundError, match=r"expected files of the pattern .*, got none"):
        records.RecordDataset(tmp_path / "test-*", FORM)
    odd = examples(tmp_path / "file[1]", 4)
    assert records.RecordDataset(odd, FORM)[0][1] == 4


@needs_crc32c
def test_a_damaged_record_is_found_on_access(tmp_path):
    path = examples(tmp_path / "file", *range(5))
    content = bytearray(path.read_bytes())
    start = records.index_records(path)[3]
    content[start + 20] ^= 1
    path.write_bytes(content)
    data = records.RecordDataset(path, FORM)
    assert data[2][1] == 2
    with pytest.raises(ValueError, match=f"file: record 3 at byte {start}: data is damaged"):
        _ = data[3]


@pytest.mark.parametrize("form", [{"x": (int, ())}, {"label": (int, ())}])
def test_a_target_needs_another_feature(form):
    with pytest.raises(ValueError, match="RecordDataset: expected 'label' and another feature in the form, got"):
        records.RecordDataset("file", form)
