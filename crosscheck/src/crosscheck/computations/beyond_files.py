"""Beyond the book: the bytes of record files, what is left of interrupted ones, and examples at their limits."""

from __future__ import annotations

import os
import pathlib
import struct
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from .beyond_limits import ONCE, owner
from .beyond_records import BYTES, example, folder, framed
from .values import values


def compressed(fw: Any) -> bytes:
    """The first bytes of a compressed file: the format, without a name and a time."""
    with folder() as place:
        with fw.records.RecordWriter(place / "file", compression="gzip") as file:
            file.write(b"abc")
        return (place / "file").read_bytes()[:8]


def interrupted(fw: Any) -> list[Any]:
    """A file has all its bytes before it gets its name; if it cannot be closed, nothing of it is left, or open."""
    complete = []

    def replace(part: pathlib.Path, path: pathlib.Path) -> None:
        complete.append(part.read_bytes())
        rename(part, path)

    rename = os.replace
    with folder() as place:
        file = fw.records.RecordWriter(place / "file")
        file.write(b"abc")
        with mock.patch("os.replace", replace):
            file.close()
        file.close()  # does nothing
        other = fw.records.RecordWriter(place / "other", compression="gzip")
        with mock.patch.object(other.file, "close", side_effect=OSError("full")):
            said = owner(other.close)
        names = sorted(path.name for path in place.iterdir())
        return [complete, said, other.raw.closed, names]


def verified(fw: Any) -> list[str]:
    """What functions say by default of a file with a damaged length, and of one that ends in a head."""
    content = framed(b"abc")
    with folder() as place:
        (place / "damaged").write_bytes(content[:8] + b"????" + content[12:])
        (place / "short").write_bytes(content + bytes(5))
        calls = [partial(f, place / name) for f in (fw.records.count_records, fw.records.index_records)
                 for name in ("damaged", "short")]  # fmt: skip
        return [owner(call).split(": ")[0] for call in calls]


def shard(fw: Any) -> list[Any]:
    """A data set of one file of one, whose form is changed afterwards; a form without another feature."""
    with folder() as place:
        (place / "a-00000-of-00001").write_bytes(framed(example(fw, 1)))
        form = {"x": (np.float32, (2,)), "label": (np.int64, ())}
        data = fw.records.RecordDataset(place / "a-*", form)
        form.clear()
        path = str(place / "a-00000-of-00001")
        return [data[0], owner(partial(fw.records.RecordDataset, path, {"label": (np.int64, ())}))]


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
        said = [owner(partial(encode, {"a": value})) for value in (1e39, [1.0, -1e300])]
    calls = [
        partial(decode, number + b"\x10\x00"), partial(decode, integers(b"\x01" + b"\x80" * 10 + b"\x01")),
        partial(decode, encode({"a": ["x", "y"]}), {"a": (np.uint8, (2,))}),
    ]  # fmt: skip
    return [
        encode({"s": "x" * 300}), decode(encode({"s": "x" * 300})), decode(b"\xf8\xff\xff\xff\x0f\x00"),
        decode(encode({"a": []}), {"a": (np.int64, (0,))}), decode(encode({"a": []}), {"a": (str, (0,))}),
        said, [owner(call) for call in calls],
    ]  # fmt: skip


X = b"x" * 300
TEXT = b"\x0a" + long(300) + X
FEATURE = b"\x0a\x01s\x12" + long(len(TEXT) + 3) + b"\x0a" + long(len(TEXT)) + TEXT
ENTRY = b"\x0a" + long(len(FEATURE)) + FEATURE

# fmt: off
values(
    60, BYTES,
    ("head_of_a_compressed_file", compressed, lambda: b"\x1f\x8b\x08" + bytes(5)),
    ("record_files_interrupted", interrupted, lambda: [[framed(b"abc")], "OSError: full", True, ["file"]]),
    ("record_files_verified", verified, lambda: ["ValueError"] * 4),
    ("record_file_in_one_shard", shard, lambda: [(np.array([1, -1], np.float32), 1), "ValueError: RecordDataset"]),
    ("odd_examples", odd_examples, lambda: [
        b"\x0a" + long(len(ENTRY)) + ENTRY, {"s": [X]}, {}, {"a": np.zeros(0, int)}, {"a": []},
        ["ValueError: encode_example"] * 2, ["ValueError: decode_example"] * 3]),
    **ONCE,
)
# fmt: on
