"""Beyond the book: the bytes of record files, what is left of interrupted ones, and examples at their limits."""

from __future__ import annotations

import gzip
import os
import pathlib
import struct
import warnings
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from .beyond_limits import ONCE, owner
from .beyond_records import BYTES, example, folder, framed, masked
from .mutants_functions import message
from .values import values


def compressed(fw: Any) -> bytes:
    """The first bytes of a compressed file: the format, without a name and a time."""
    with folder() as place, warnings.catch_warnings():
        warnings.simplefilter("error")
        with fw.records.RecordWriter(place / "file", compression="gzip") as file:
            file.write(b"abc")
        return (place / "file").read_bytes()[:8]


def interrupted(fw: Any) -> list[Any]:
    """A file has all its bytes before it gets its name; if it cannot be closed, nothing of it is left, or open."""
    complete = []

    def replace(part: pathlib.Path, path: pathlib.Path) -> None:
        complete.append(gzip.decompress(part.read_bytes()))
        rename(part, path)

    rename = os.replace
    with folder() as place:
        file = fw.records.RecordWriter(place / "file", compression="gzip")
        file.write(b"abc")
        with mock.patch("os.replace", replace):
            file.close()
        file.close()  # does nothing
        other = fw.records.RecordWriter(place / "other", compression="gzip")
        with mock.patch.object(other.file, "close", side_effect=OSError("full")):
            said = owner(other.close)
        names = sorted(path.name for path in place.iterdir())
        return [complete, said, other.raw.closed, names]


def verified(fw: Any) -> list[bool]:
    """Whether damaged lengths and data, and files that end in a record, are found by default, with their places.

    A record whose length is the head of a gzip file is told from one by its checksum.
    """
    content = framed(b"abc")
    with folder() as place:
        (place / "damaged").write_bytes(content[:8] + b"????" + content[12:])
        (place / "short").write_bytes(content + bytes(5))
        (place / "third").write_bytes(content * 2 + content[:-4] + b"????")
        (place / "tail").write_bytes(content[:-2])
        (place / "head").write_bytes(LONG + masked(LONG) + b"x")
        r = fw.records
        functions = r.count_records, r.index_records
        calls: list[Any] = [partial(f, place / name) for f in functions for name in ("damaged", "short")]
        calls += [lambda: list(r.read_records(place / "third")), partial(r.count_records, place / "tail", False)]
        said = [message(call) for call in calls]
        places = ["record 0 at byte 0: length", "record 1 at byte 19"] * 2 + [
            "record 2 at byte 38",
            "record 0 at byte 0",
        ]
        found = [text.startswith("ValueError") and at in text for text, at in zip(said, places, strict=True)]
        return [*found, r.is_gzip(place / "head", True), r.is_gzip(place / "head", False)]


def shard(fw: Any) -> list[Any]:
    """A data set of one file of one, whose form is changed afterwards; a form without another feature."""
    with folder() as place:
        (place / "a-00000-of-00001").write_bytes(framed(example(fw, 1)))
        form = {"x": (np.float32, (2,)), "label": (np.int64, ())}
        data = fw.records.RecordDataset(place / "a-*", form)
        form.clear()
        path = place / "a[0]"  # a file, not a pattern
        path.write_bytes(framed(fw.records.encode_example({"x": 1.0, "label": "a", "n": 3})))
        kind = fw.records.RecordDataset
        texts = kind(path, {"x": (np.float32, ()), "label": (str, ())})[0]
        bytes_of = kind(str(path), {"x": (np.float32, ()), "n": (np.uint8, ())}, target="n")[0]
        types = [type(t) is int for t in (data[0][1], bytes_of[1])]
        said = [owner(partial(kind, path, dict.fromkeys(names, (str, ())))) for names in (["label"], ["x", "y"])]
        return [data[0], texts, bytes_of, types, said]


def field(number: int, content: bytes) -> bytes:
    """A field of bytes of a message, both short."""
    return bytes([number << 3 | 2, len(content)]) + content


def integers(content: bytes) -> bytes:
    """An example whose feature a is these varints."""
    return field(1, field(1, field(1, b"a") + field(2, field(3, field(1, content)))))


def long(length: int) -> bytes:
    """A length of 128 to 16,383 as a varint."""
    return bytes([length & 127 | 128, length >> 7])


def odd_examples(fw: Any) -> list[Any]:
    """A text of 300 bytes; fields at the limits of their numbers; features without values, or of other kinds."""
    encode, decode = fw.records.encode_example, fw.records.decode_example
    number = struct.pack("B", 0x80) * 4
    with np.errstate(over="raise"):
        said = [owner(partial(encode, {"a": value})) for value in (1e39, [1.0, -1e300], [np.inf, 1e39], [1, "x"])]
    calls = [
        partial(decode, number + b"\x10\x00"), partial(decode, integers(b"\x01" + b"\x80" * 10 + b"\x01")),
        partial(decode, encode({"a": ["x", "y"]}), {"a": (np.uint8, (1,))}), partial(decode, b"\x80"),
    ]  # fmt: skip
    return [
        encode({"s": "x" * 300}), decode(encode({"s": "x" * 300})), decode(b"\xf8\xff\xff\xff\x0f\x00"),
        decode(encode({"a": []}), {"a": (np.int64, (0,))}), decode(encode({"a": []}), {"a": (str, (0,))}),
        said, [owner(call) for call in calls], decode(encode({"s": "x" * 128})), encode({"a": np.zeros(0, int)}),
        decode(field(1, field(1, field(1, b"a") + field(2, b"")))), decode(b"\x08\x05"),
        decode(field(1, field(1, field(1, b"a") + field(2, field(3, b"\x0d1234" + field(1, b"\x05")))))),
        decode(encode({"s": b"\xff"}), {"s": (bytes, ())}), decode(encode({"f": 0.1}), {"f": (np.float16, ())}),
    ]  # fmt: skip


LONG = struct.pack("<Q", 559903)
X = b"x" * 300
TEXT = b"\x0a" + long(300) + X
FEATURE = b"\x0a\x01s\x12" + long(len(TEXT) + 3) + b"\x0a" + long(len(TEXT)) + TEXT
ENTRY = b"\x0a" + long(len(FEATURE)) + FEATURE

# fmt: off
values(
    60, BYTES,
    ("head_of_a_compressed_file", compressed, lambda: b"\x1f\x8b\x08" + bytes(5)),
    ("record_files_interrupted", interrupted, lambda: [[framed(b"abc")], "OSError: full", True, ["file"]]),
    ("record_files_verified", verified, lambda: [*[True] * 6, False, True]),
    ("record_file_in_one_shard", shard, lambda: [
        (np.array([1, -1], np.float32), 1), (np.float32(1), "a"), (np.float32(1), 3), [True] * 2,
        ["ValueError: RecordDataset"] * 2]),
    ("odd_examples", odd_examples, lambda: [
        b"\x0a" + long(len(ENTRY)) + ENTRY, {"s": [X]}, {}, {"a": np.zeros(0, int)}, {"a": []},
        [*["ValueError: encode_example"] * 3, "TypeError: encode_example"], ["ValueError: decode_example"] * 4,
        {"s": [b"x" * 128]}, field(1, field(1, field(1, b"a") + field(2, field(3, b"")))), {"a": []}, {}, {"a": [5]},
        {"s": b"\xff"}, {"f": np.array(0.1, np.float16)}]),
    **ONCE,
)
# fmt: on
