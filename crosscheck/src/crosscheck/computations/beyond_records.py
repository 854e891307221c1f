"""Beyond the book: record files and the examples in them."""

from __future__ import annotations

import contextlib
import functools
import gzip
import pathlib
import struct
import tempfile
import types
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

from .errors import errors, hidden, under
from .values import values

BYTES = "the bytes that TensorFlow's and protobuf's documentation describe; PyTorch has no record files"
FORM = {"x": (np.float32, (2,)), "label": (np.int64, ())}


@functools.cache
def crc32c(data: bytes) -> int:
    """CRC-32C, bit by bit."""
    c = 0xFFFFFFFF
    for byte in data:
        c ^= byte
        for _ in range(8):
            c = c >> 1 ^ (0x82F63B78 if c & 1 else 0)
    return c ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    """The checksum of a record file, in four bytes."""
    c = crc32c(data)
    return struct.pack("<I", ((c >> 15 | c << 17) % 2**32 + 0xA282EAD8) % 2**32)


def framed(*records: bytes) -> bytes:
    """A record file."""
    heads = [struct.pack("<Q", len(data)) for data in records]
    return b"".join(h + masked(h) + data + masked(data) for h, data in zip(heads, records, strict=True))


@contextlib.contextmanager
def folder() -> Iterator[pathlib.Path]:
    """A folder, where checksums can be computed without google-crc32c."""
    fake = types.SimpleNamespace(value=lambda data: crc32c(bytes(data)))
    with tempfile.TemporaryDirectory() as name, mock.patch.dict("sys.modules", google_crc32c=fake):
        yield pathlib.Path(name)


def written(fw: Any, *records: bytes, complete: bool | None = None, **options: Any) -> Any:
    """The files in a folder after writing these records."""
    with folder() as place:
        file = fw.records.RecordWriter(place / "file", **options)
        for record in records:
            file.write(record)
        file.close() if complete is None else file.close(complete)
        contents = [path.read_bytes() for path in place.iterdir()]
    return [gzip.decompress(c) if c[:2] == b"\x1f\x8b" else c for c in contents]


def found(fw: Any, name: str, content: bytes, *arguments: Any) -> Any:
    """A function of a record file."""
    with folder() as place:
        (place / "file").write_bytes(content)
        result = getattr(fw.records, name)(place / "file", *arguments)
        return result if isinstance(result, int) else list(result)


def example(fw: Any, t: int) -> bytes:
    """The label t and x = [t, -t]."""
    return bytes(fw.records.encode_example({"x": [float(t), float(-t)], "label": t}))


def data_set(fw: Any, *labels: int, compressed: bool = False, **options: Any) -> Any:
    """The samples of a file of examples."""
    with folder() as place:
        content = framed(*(example(fw, t) for t in labels))
        (place / "file").write_bytes(gzip.compress(content) if compressed else content)
        data = fw.records.RecordDataset(place / "file", FORM, **options)
        return len(data), [data[i] for i in range(len(data))], data[-1]


def pairs(*labels: int) -> Any:
    """What `data_set` returns."""
    samples = [(np.array([t, -t], np.float32), t) for t in labels]
    return len(labels), samples, samples[-1]


ALL = {"a": [1, -1, 300], "b": np.array([1.5, -2]), "c": "é", "d": [b"x", b""], "e": True, "f": []}
ALL_BYTES = bytes.fromhex(
    "0a5b"
    "0a160a016112111a0f0a0d01ffffffffffffffffff01ac02"
    "0a110a0162120c120a0a080000c03f000000c0"
    "0a0b0a016312060a040a02c3a9"
    "0a0c0a016412070a050a01780a00"
    "0a0a0a016512051a030a0101"
    "0a070a016612021200"
)
ARRAY = np.arange(6, dtype=np.int16).reshape(2, 3)

# fmt: off
values(
    60, BYTES,
    ("record_file", lambda fw: written(fw, b"", b"abc"), lambda: [framed(b"", b"abc")]),
    ("record_file_compressed", lambda fw: written(fw, b"abc", b"d" * 99, compression="gzip"),
     lambda: [framed(b"abc", b"d" * 99)]),
    ("record_file_given_up", lambda fw: written(fw, b"abc", complete=False), list),
    ("records_of_a_file", lambda fw: found(fw, "read_records", framed(b"", b"abc", b"de")),
     lambda: [b"", b"abc", b"de"]),
    ("records_of_a_compressed_file", lambda fw: found(fw, "read_records", gzip.compress(framed(b"abc"))),
     lambda: [b"abc"]),
    ("records_that_are_not_verified", lambda fw: found(fw, "read_records", framed(b"abc")[:-4] + b"1234", False),
     lambda: [b"abc"]),
    ("places_of_records", lambda fw: found(fw, "index_records", framed(b"", b"abc", b"de")), lambda: [0, 16, 35]),
    ("number_of_records", lambda fw: found(fw, "count_records", framed(b"", b"abc", b"de")), lambda: 3),
    ("examples_encoded", lambda fw: fw.records.encode_example(ALL), lambda: ALL_BYTES),
    ("examples_decoded", lambda fw: fw.records.decode_example(ALL_BYTES),
     lambda: {"a": [1, -1, 300], "b": [1.5, -2.0], "c": ["é".encode()], "d": [b"x", b""], "e": [1], "f": []}),
    ("examples_in_a_form",
     lambda fw: fw.records.decode_example(
         fw.records.encode_example({"a": ARRAY.tobytes(), "n": [1, 2, 3, 4], "s": "é", "t": ["x", "y"]}),
         {"a": (np.int16, (2, 3)), "n": (np.uint8, (2, -1)), "s": (str, ()), "t": (bytes, (2,))}),
     lambda: {"a": ARRAY, "n": np.array([[1, 2], [3, 4]], np.uint8), "s": "é", "t": [b"x", b"y"]}),
    ("data_set_of_records", lambda fw: data_set(fw, 1, 2, 3), lambda: pairs(1, 2, 3)),
    ("data_set_of_compressed_records", lambda fw: data_set(fw, 1, 2, compressed=True, verify=False),
     lambda: pairs(1, 2)),
    ("data_set_of_records_with_transforms",
     lambda fw: data_set(fw, 4, transform=np.negative, target_transform=lambda t: t * 0.5),
     lambda: (1, [(np.array([-4, 4], "f"), 2.0)], (np.array([-4, 4], "f"), 2.0))),
    ("data_set_of_records_without_targets", lambda fw: data_set(fw, 4, target=None, transform=sorted),
     lambda: (1, [["label", "x"]], ["label", "x"])),
    since=5,
)
# fmt: on


def decoded(fw: Any, form: Any) -> Any:
    """An example in a form."""
    return fw.records.decode_example(fw.records.encode_example({"n": [1, 300], "f": 0.5, "s": b"\xff\xfe"}), form)


def message(text: str) -> Any:
    """Decode bytes given as hexadecimal digits."""
    return lambda fw: fw.records.decode_example(bytes.fromhex(text))


def opened(fw: Any, pattern: str, *names: str) -> Any:
    """A data set of the files of a pattern in a folder."""
    with folder() as place:
        for name in names:
            (place / name).write_bytes(framed(example(fw, 1)))
        return fw.records.RecordDataset(place / pattern, FORM)


def damaged(fw: Any) -> Any:
    """The second sample of a file whose second record was damaged after it was opened."""
    with folder() as place:
        content = framed(example(fw, 1), example(fw, 2))
        (place / "file").write_bytes(content)
        data = fw.records.RecordDataset(place / "file", FORM)
        (place / "file").write_bytes(content[:-9] + b"?" + content[-8:])
        return data[1]


# fmt: off
errors(
    60,
    ("records_compressed_by_zip", lambda fw: fw.records.RecordWriter("file", "zip"),
     ValueError, "RecordWriter: expected None or 'gzip' as the compression, got 'zip'"),
    ("record_that_is_text", lambda fw: written(fw, "abc"),  # type: ignore[arg-type]
     TypeError, "RecordWriter: expected bytes, got str"),
    ("records_without_google_crc32c",
     lambda fw: under(hidden("google_crc32c"), lambda: fw.records.RecordWriter("file")),
     RuntimeError, "records: google-crc32c, which computes the checksums, is not installed: pip install google-crc32c"),
    ("record_with_a_damaged_length", lambda fw: found(fw, "read_records", framed(b"abc") + b"?" + framed(b"abc")[1:]),
     ValueError, "...: record 1 at byte 19: length is damaged, or this is not a record file"),
    ("record_with_damaged_data", lambda fw: found(fw, "read_records", framed(b"abc")[:-4] + framed(b"abd")[-4:]),
     ValueError, "...: record 0 at byte 0: data is damaged"),
    ("record_file_that_is_truncated", lambda fw: found(fw, "count_records", framed(b"abc")[:-5], False),
     ValueError, "...: record 0 at byte 0: the file is truncated, or this is not a record file"),
    ("record_file_whose_compression_is_truncated",
     lambda fw: found(fw, "index_records", gzip.compress(framed(b"abc"))[:-9]),
     ValueError, "...: expected a complete gzip file, got ..."),
    ("feature_without_a_name", lambda fw: fw.records.encode_example({1: 2}),
     TypeError, "encode_example: expected a str as the name of a feature, got int"),
    ("feature_with_two_axes", lambda fw: fw.records.encode_example({"x": np.ones((2, 3))}),
     ValueError, "encode_example: expected at most one axis for 'x', got (2, 3); "
     "encode a.tobytes() and store the shape next to it"),
    ("feature_out_of_float32", lambda fw: fw.records.encode_example({"x": 1e39}),
     ValueError, "encode_example: expected numbers within float32 for 'x', got 1e+39"),
    ("feature_of_complex_numbers", lambda fw: fw.records.encode_example({"x": 1j}),
     TypeError, "encode_example: expected numbers, str or bytes for 'x', got 1j"),
    ("feature_out_of_int64", lambda fw: fw.records.encode_example({"x": 2**63}),
     ValueError, "encode_example: expected integers within int64 for 'x', got 9223372036854775808"),
    ("example_without_a_feature", lambda fw: decoded(fw, {"y": (int, ())}),
     ValueError, "decode_example: expected the features ['y'], got ['f', 'n', 's']"),
    ("example_of_floats_in_a_form_of_integers", lambda fw: decoded(fw, {"f": (int, ())}),
     ValueError, "decode_example: expected integers for 'f', got floats"),
    ("example_in_a_form_that_is_too_small", lambda fw: decoded(fw, {"n": (np.int8, (2,))}),
     ValueError, "decode_example: expected integers within int8 for 'n', got [  1 300]"),
    ("example_in_a_form_of_another_shape", lambda fw: decoded(fw, {"n": (int, (3,))}),
     ValueError, "decode_example: expected (3,) for 'n', got 2 values"),
    ("example_in_a_form_of_another_size", lambda fw: decoded(fw, {"s": (np.int64, ())}),
     ValueError, "decode_example: expected bytes of int64 for 's', got 2 bytes"),
    ("example_that_is_not_text", lambda fw: decoded(fw, {"s": (str, ())}),
     ValueError, "decode_example: expected 's' in UTF-8, got b'\\xff\\xfe'"),
    ("example_with_half_a_float", message("0a0d0a0b0a0178120612040a020000"),
     ValueError, "decode_example: expected floats of 4 bytes, got 2 bytes"),
    ("example_of_another_wire_type", message("0b"),
     ValueError, "decode_example: expected wire type 0, 1, 2 or 5, got 3: not an example"),
    ("example_of_field_0", message("0000"),
     ValueError, "decode_example: expected field numbers from 1 to 2**29 - 1, got 0"),
    ("example_that_is_a_part", message("0a05"),
     ValueError, "decode_example: expected a complete example, got a part of one, or something else"),
    ("example_with_an_endless_varint", message("ff" * 11),
     ValueError, "decode_example: expected a complete varint, at most 10 bytes, got one without an end"),
    ("example_with_half_an_integer", message("0a0c0a0a0a016112051a030a0181"),
     ValueError, "decode_example: expected complete varints, at most 10 bytes each, got one without an end"),
    ("data_set_of_records_without_the_target", lambda fw: fw.records.RecordDataset("file", {"x": (int, ())}),
     ValueError, "RecordDataset: expected 'label' and another feature in the form, got ['x']"),
    ("record_after_the_last", lambda fw: opened(fw, "file", "file")[1],
     IndexError, "RecordDataset: expected an index below 1, got 1"),
    ("record_damaged_after_it_was_indexed", damaged, ValueError, "...: record 1 at byte ...: data is damaged"),
    ("records_of_no_file", lambda fw: opened(fw, "train-*"),
     FileNotFoundError, "RecordDataset: expected files of the pattern '...train-*', got none"),
    ("records_of_two_shards_of_three", lambda fw: opened(fw, "a-*", "a-00000-of-00003", "a-00002-of-00003"),
     FileNotFoundError, "RecordDataset: expected 3 shards of '...a-*', got [0, 2]"),
    since=5,
)
# fmt: on
