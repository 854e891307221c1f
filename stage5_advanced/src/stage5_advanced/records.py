"""Record files, TensorFlow's TFRecord: records of bytes with checksums, usually examples of named features.

A record is its length (uint64, little-endian), the checksum of these 8 bytes, the data, and the checksum of the data.
A checksum is a masked CRC-32C (uint32). The package google-crc32c computes it; it is imported when it is needed.
"""

import glob
import gzip
import operator
import os
import pathlib
import re
import struct
import uuid
import zlib

import numpy as np

from .datasets import Dataset

CHUNK = 2**20  # bytes read at once, so that a damaged length does not allocate more memory than the file needs
TEXT, FLOATS, INTEGERS = 1, 2, 3  # the kinds of features, by their field numbers in tf.train.Feature
KINDS = {TEXT: "bytes", FLOATS: "floats", INTEGERS: "integers"}
SHARD = re.compile(r"-(\d{5})-of-(\d{5})")  # name-00000-of-00004, the first of four files


# --- files ---


class RecordWriter:
    """A record file to write: `with RecordWriter(path) as file: file.write(data)`. [not in the book]

    The file appears under its name when it is closed. If the `with` block raises an error, it does not appear, and an
    existing file stays as it was. compression: None or "gzip". Raises RuntimeError if google-crc32c is not installed.
    """

    def __init__(self, path, compression=None):
        if compression not in (None, "gzip"):
            raise ValueError(f"RecordWriter: expected None or 'gzip' as the compression, got {compression!r}")
        checksum(b"")  # raises its error before there is a file
        self.path = pathlib.Path(path)
        self.part = self.path.with_name(f".{uuid.uuid4().hex}.part")
        self.raw = self.file = open(self.part, "xb")  # noqa: SIM115 (closed by close)
        if compression:  # without a name and a time in its header, so that equal records give equal files
            self.file = gzip.GzipFile("", "wb", fileobj=self.raw, mtime=0)

    def write(self, data):
        """Append a record. Raises TypeError unless data is bytes."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"RecordWriter: expected bytes, got {type(data).__name__}")
        data = bytes(data)
        length = struct.pack("<Q", len(data))
        self.file.write(length + struct.pack("<I", checksum(length)) + data + struct.pack("<I", checksum(data)))

    def close(self, complete=True):
        """Close the file and give it its name, or delete it if it is not complete. A second call does nothing."""
        if self.raw.closed:
            return
        try:
            self.file.close()
            self.raw.close()
            if complete:
                os.replace(self.part, self.path)
        finally:
            self.raw.close()
            self.part.unlink(missing_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close(complete=kind is None)


def checksum(data):
    """The masked CRC-32C of bytes."""
    try:
        import google_crc32c
    except ImportError as error:
        raise RuntimeError(
            "records: google-crc32c, which computes the checksums, is not installed: pip install google-crc32c"
        ) from error
    c = google_crc32c.value(data)
    return ((c >> 15 | c << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def read_records(path, verify=True):
    """Iterate over the records of a file, which may be compressed by gzip: bytes. [not in the book]

    verify=False ignores the checksums, and does not need google-crc32c. Raises ValueError if the file is damaged or
    truncated, with the number of the record, from 0, and the byte at which it starts.
    """
    for _, data in frames(path, verify):
        yield data


def index_records(path, verify=True):
    """The byte at which each record starts, a list; those of a compressed file count its contents. [not in the book]

    Checks the lengths but not the data; otherwise as `read_records`.
    """
    return [start for start, _ in frames(path, verify, data=False)]


def count_records(path, verify=True):
    """The number of records in a file; checks what `index_records` checks. [not in the book]"""
    return len(index_records(path, verify))


def frames(path, verify, data=True):
    """Iterate over (first byte, data) of the records. data: whether to verify the data, too."""
    with open(path, "rb") as raw, gzip.GzipFile(fileobj=raw) if is_gzip(path, verify) else raw as file:
        start = number = 0
        try:
            while (record := read_frame(file, f"{path}: record {number} at byte {start}", verify, data)) is not None:
                yield start, record
                start, number = start + len(record) + 16, number + 1
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: expected a complete gzip file, got {error}") from error


def read_frame(file, place, verify, data=True):
    """The record at the position of a file: bytes, or None at the end. place: of the record, for messages."""
    head = file.read(12)
    if not head:
        return None
    length = int.from_bytes(head[:8], "little")
    if len(head) == 12 and verify and checksum(head[:8]) != int.from_bytes(head[8:], "little"):
        raise ValueError(f"{place}: length is damaged, or this is not a record file")
    parts, missing = [], length
    while part := file.read(min(missing, CHUNK)):
        parts.append(part)
        missing -= len(part)
    record, tail = b"".join(parts), file.read(4)
    if len(tail) < 4:
        raise ValueError(f"{place}: the file is truncated, or this is not a record file")
    if verify and data and checksum(record) != int.from_bytes(tail, "little"):
        raise ValueError(f"{place}: data is damaged")
    return record


def is_gzip(path, verify):
    """Whether a file is compressed. A record of 559,903 bytes starts like a gzip file, but has its checksum."""
    with open(path, "rb") as file:
        head = file.read(12)
    return head[:3] == b"\x1f\x8b\x08" and not (verify and checksum(head[:8]) == int.from_bytes(head[8:], "little"))


# --- examples: messages tf.train.Example of protocol buffers ---


def encode_example(features):
    """{name: value} as the bytes of a tf.train.Example. [not in the book]

    A value is one element or one axis of them: str (stored as UTF-8) or bytes; integers or bools, stored as int64;
    floats, stored as float32, so float64 loses digits. For more axes, store `a.tobytes()`, and the shape as another
    feature. Raises TypeError for other values, ValueError for more axes or numbers out of range.
    """
    entries = []
    for name, value in features.items():
        if not isinstance(name, str):
            raise TypeError(f"encode_example: expected a str as the name of a feature, got {type(name).__name__}")
        entries.append(message(1, message(1, name.encode()) + message(2, encode_feature(name, value))))
    return message(1, b"".join(entries))


def encode_feature(name, value):
    """A value as a tf.train.Feature."""
    values = [value] if isinstance(value, (str, bytes)) else value
    if isinstance(values, (list, tuple)) and values and all(isinstance(v, (str, bytes)) for v in values):
        texts = [v.encode() if isinstance(v, str) else v for v in values]  # NumPy would cut zeros off
        return message(TEXT, b"".join(message(1, text) for text in texts))
    a = np.asarray(values)
    if a.ndim > 1:
        raise ValueError(
            f"encode_example: expected at most one axis for {name!r}, got {a.shape}; "
            "encode a.tobytes() and store the shape next to it"
        )
    a = a.reshape(-1)
    if a.dtype.kind in "US" and isinstance(values, np.ndarray):
        return encode_feature(name, a.tolist())
    if a.dtype.kind == "f":
        with np.errstate(over="ignore"):
            floats = a.astype("<f4")
        if np.isinf(floats).sum() > np.isinf(a).sum():
            raise ValueError(f"encode_example: expected numbers within float32 for {name!r}, got {value!r}")
        return message(FLOATS, message(1, floats.tobytes()) if len(a) else b"")
    if a.dtype.kind not in "biu":
        raise TypeError(f"encode_example: expected numbers, str or bytes for {name!r}, got {value!r}")
    if a.dtype == np.uint64 and np.any(a >= 2**63):
        raise ValueError(f"encode_example: expected integers within int64 for {name!r}, got {value!r}")
    return message(INTEGERS, message(1, varints(a.astype(np.int64))) if len(a) else b"")


def message(number, content):
    """A field of bytes: its number and wire type 2, the length, the content."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(n):
    """One integer from 0 on, as `varints`, without arrays: a message has many."""
    groups = []
    while n > 127:
        groups.append(n & 127 | 128)
        n >>= 7
    return bytes([*groups, n])


def varints(a):
    """Integers (N,), int64, as groups of 7 bits, the lowest first; the high bit says that another follows."""
    rest = a.astype(np.uint64)[:, None] >> np.arange(0, 70, 7, dtype=np.uint64)  # (N, 10)
    used = np.hstack([np.ones((len(a), 1), bool), rest[:, 1:] > 0])
    follows = np.hstack([used[:, 1:], np.zeros((len(a), 1), bool)])
    return (rest & np.uint64(127) | follows * np.uint64(128)).astype(np.uint8)[used].tobytes()


def decode_example(data, form=None):
    """The features of a tf.train.Example: {name: list of bytes, floats or ints}, or arrays by a form. [not in the book]

    form: {name: (dtype, shape)}, such as {"x": (np.float32, (28, 28)), "n": (np.int64, ()), "word": (str, ())}; other
    features are left out. str and bytes give a str, bytes, or lists of them; with a dtype of numbers, bytes that
    `a.tobytes()` made become an array again. One length may be -1. Raises ValueError if data is not an example, or has
    another form.
    """
    features = {}
    for entry in submessages(b"".join(submessages(data, 1)), 1):
        name = text(b"".join(submessages(entry, 1)[-1:]), "names")
        features[name] = decode_feature(b"".join(submessages(entry, 2)))
    if form is None:
        return {name: values if kind == TEXT else values.tolist() for name, (kind, values) in features.items()}
    missing = [name for name in form if name not in features]
    if missing:
        raise ValueError(f"decode_example: expected the features {missing}, got {sorted(features)}")
    return {name: formed(name, *features[name], *pair) for name, pair in form.items()}


def decode_feature(data):
    """(kind, values) of a tf.train.Feature; the values are a list of bytes, or an array."""
    kind, content = TEXT, b""  # of a feature without values
    for number, wire, value in fields(data):
        if number in KINDS and wire == 2:
            content = content + value if number == kind else value  # of several kinds, the last counts
            kind = number
    if kind == TEXT:
        return kind, submessages(content, 1)
    single = 0 if kind == INTEGERS else 5  # the wire type of elements that are not packed
    packed = b"".join(value for number, wire, value in fields(content) if number == 1 and wire in (2, single))
    if kind == INTEGERS:
        return kind, read_varints(packed)
    if len(packed) % 4:
        raise ValueError(f"decode_example: expected floats of 4 bytes, got {len(packed)} bytes")
    return kind, np.frombuffer(packed, "<f4")


def submessages(data, number):
    """The contents of all fields of bytes with this number."""
    return [value for found, wire, value in fields(data) if found == number and wire == 2]


def fields(data):
    """Iterate over (number, wire type, content) of the fields of a message; a varint is left as bytes."""
    place = 0
    while place < len(data):
        key, start = read_varint(data, place)
        wire = key & 7
        if not 0 < key >> 3 < 2**29:
            raise ValueError(f"decode_example: expected field numbers from 1 to 2**29 - 1, got {key >> 3}")
        if wire == 2:
            length, start = read_varint(data, start)
            place = start + length
        elif wire == 0:
            place = read_varint(data, start)[1]
        elif wire in (1, 5):
            place = start + (8 if wire == 1 else 4)
        else:
            raise ValueError(f"decode_example: expected wire type 0, 1, 2 or 5, got {wire}: not an example")
        if place > len(data):
            raise ValueError("decode_example: expected a complete example, got a part of one, or something else")
        yield key >> 3, wire, data[start:place]


def read_varint(data, place):
    """(value, place behind it) of one varint in bytes."""
    end = next((i for i in range(place, min(place + 10, len(data))) if data[i] < 128), None)
    if end is None:
        raise ValueError("decode_example: expected a complete varint, at most 10 bytes, got one without an end")
    return sum((byte & 127) << 7 * i for i, byte in enumerate(data[place : end + 1])), end + 1


def read_varints(data):
    """The int64 of bytes that `varints` made."""
    a = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(a < 128)
    starts = np.append(0, ends + 1)
    lengths = np.diff(starts)
    if starts[-1] != len(a) or np.any(lengths > 10):
        raise ValueError("decode_example: expected complete varints, at most 10 bytes each, got one without an end")
    shifts = 7 * (np.arange(len(a)) - np.repeat(starts[:-1], lengths))
    groups = (a & 127) << shifts.astype(np.uint64)
    return (np.bitwise_or.reduceat(groups, starts[:-1]) if len(a) else groups).view(np.int64)


def formed(name, kind, values, dtype, shape):
    """The values of a feature in the form (dtype, shape)."""
    if dtype not in (str, bytes):
        dtype = np.dtype(dtype)
    wanted = TEXT if dtype in (str, bytes) else FLOATS if dtype.kind == "f" else INTEGERS
    if kind == TEXT != wanted and len(values) == 1:  # from tobytes
        if len(values[0]) % dtype.itemsize:
            raise ValueError(f"decode_example: expected bytes of {dtype} for {name!r}, got {len(values[0])} bytes")
        kind, values = wanted, np.frombuffer(values[0], dtype)
    if kind != wanted and len(values):
        raise ValueError(f"decode_example: expected {KINDS[wanted]} for {name!r}, got {KINDS[kind]}")
    if wanted == TEXT:
        a = np.empty(len(values), object)
        a[:] = [text(v, repr(name)) for v in values] if dtype is str else values
    else:
        a = np.asarray(values).astype(dtype)
        if wanted == INTEGERS and np.any(a != values):
            raise ValueError(f"decode_example: expected integers within {dtype} for {name!r}, got {values}")
    try:
        a = a.reshape(shape)
    except ValueError as error:
        raise ValueError(f"decode_example: expected {shape} for {name!r}, got {a.size} values") from error
    return a.tolist() if wanted == TEXT else a  # a 0-d array of objects gives the object


def text(data, place):
    """Bytes in UTF-8 as a str."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"decode_example: expected {place} in UTF-8, got {data!r}") from error


# --- a data set ---


class RecordDataset(Dataset):
    """The examples of record files as a data set of pairs (x, t). [not in the book]

    path: a file, several, or a pattern such as "train-*", whose files are taken in order of their names; those called
    name-00000-of-00004 must all exist. form: as in `decode_example`. target: the feature that is t, an int if it is an
    integer; x is the other feature, or, if there are several, a dict of them. With target=None a sample is a dict.
    transform is applied to x or to that dict. Files are read on access, compressed ones at once. verify: whether to
    compare checksums. Raises ValueError for damaged files, FileNotFoundError if there are none.
    """

    def __init__(self, path, form, transform=None, target="label", target_transform=None, verify=True):
        self.paths = shards(path) if isinstance(path, (str, os.PathLike)) else [pathlib.Path(p) for p in path]
        if target is not None and (target not in form or len(form) < 2):
            raise ValueError(f"RecordDataset: expected {target!r} and another feature in the form, got {list(form)}")
        self.form = dict(form)
        self.target = target
        self.verify = verify
        super().__init__(transform=transform, target_transform=target_transform)

    def prepare(self):
        """Find the records: their files, numbers and first bytes; those of a compressed file are read."""
        self.data = []
        for path in self.paths:
            if is_gzip(path, self.verify):
                self.data += read_records(path, self.verify)
            else:
                self.data += [(path, n, start) for n, start in enumerate(index_records(path, self.verify))]

    def __getitem__(self, index):
        """One sample. Raises IndexError if there is no such sample, ValueError if its record is damaged."""
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"RecordDataset: expected an index below {len(self)}, got {index}")
        record = self.data[i]
        if not isinstance(record, bytes):
            path, number, start = record
            with open(path, "rb") as file:
                file.seek(start)
                record = read_frame(file, f"{path}: record {number} at byte {start}", self.verify)
        features = decode_example(record, self.form)
        if self.target is None:
            return self.transform(features)
        t = self.target_transform(features.pop(self.target))
        x = self.transform(features if len(features) > 1 else features.popitem()[1])
        return x, int(t) if isinstance(t, np.ndarray) and t.dtype.kind in "biu" and t.ndim == 0 else t


def shards(path):
    """The files of a pattern, or the path itself if it is a file or has no wildcard."""
    if os.path.exists(path) or not glob.has_magic(os.fspath(path)):
        return [pathlib.Path(path)]
    paths = [pathlib.Path(found) for found in sorted(glob.glob(os.fspath(path)))]
    if not paths:
        raise FileNotFoundError(f"RecordDataset: expected files of the pattern {str(path)!r}, got none")
    names = [SHARD.search(found.name) for found in paths]
    if all(names):
        found, total = {int(name[1]) for name in names}, int(names[0][2])
        if found != set(range(total)):
            raise FileNotFoundError(f"RecordDataset: expected {total} shards of {str(path)!r}, got {sorted(found)}")
    return paths
