"""Record files of stage 5 against protobuf and tfrecord, and random ones."""

import importlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.stages import STAGES

records = importlib.import_module(f"{STAGES[-1].package}.records")

integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(width=32, allow_nan=False)
values = st.one_of(
    *(st.lists(element, min_size=1, max_size=4) for element in (integers, floats, st.binary(max_size=200)))
)
features = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), values, max_size=4)


@settings(deadline=None, max_examples=20)
@given(features)
def test_an_example_is_decoded_to_what_was_encoded(example):
    assert records.decode_example(records.encode_example(example)) == example


@settings(deadline=None, max_examples=20)
@given(features)
def test_protobuf_reads_the_same_examples_and_writes_them(example):
    messages = pytest.importorskip("tfrecord.example_pb2", reason="tfrecord is not installed")
    message = messages.Example.FromString(records.encode_example(example))
    found = {name: getattr(f, f.WhichOneof("kind")).value for name, f in message.features.feature.items()}
    assert {name: list(value) for name, value in found.items()} == example
    assert records.decode_example(message.SerializeToString()) == example


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=60))
def test_bytes_that_are_no_example_are_a_value_error(data):
    messages = pytest.importorskip("tfrecord.example_pb2", reason="tfrecord is not installed")
    try:
        found = records.decode_example(data)
    except ValueError:
        return
    message = messages.Example.FromString(data)  # what is read here is an example there, too
    assert found.keys() == message.features.feature.keys()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.binary(max_size=300), max_size=5), st.sampled_from([None, "gzip"]))
def test_a_record_file_is_read_as_it_was_written(tmp_path_factory, contents, compression):
    pytest.importorskip("google_crc32c", reason="google-crc32c is not installed")
    path = tmp_path_factory.mktemp("records") / "file"
    with records.RecordWriter(path, compression) as file:
        for content in contents:
            file.write(content)
    assert list(records.read_records(path)) == contents
    starts = list(itertools.accumulate((len(content) + 16 for content in contents), initial=0))[:-1]
    assert records.index_records(path) == starts


def test_tfrecord_reads_the_same_files_and_writes_them(tmp_path):
    reader = pytest.importorskip("tfrecord.reader", reason="tfrecord is not installed")
    writer = importlib.import_module("tfrecord.writer")
    with records.RecordWriter(tmp_path / "ours") as file:
        for n in range(3):
            file.write(records.encode_example({"x": [n, 0.5], "label": n, "name": f"{n}"}))
    found = list(reader.tfrecord_loader(str(tmp_path / "ours"), None, {"x": "float", "label": "int", "name": "byte"}))
    assert [(f["x"].tolist(), f["label"].tolist(), bytes(f["name"])) for f in found] == [
        ([n, 0.5], [n], b"%d" % n) for n in range(3)
    ]
    theirs = writer.TFRecordWriter(str(tmp_path / "theirs"))
    for n in range(3):
        theirs.write({"x": ([n, 0.5], "float"), "label": (n, "int"), "name": (b"%d" % n, "byte")})
    theirs.close()
    form = {"x": (np.float32, (2,)), "label": (int, ()), "name": (str, ())}
    data = records.RecordDataset(tmp_path / "theirs", form)
    assert [(x["x"].tolist(), x["name"], t) for x, t in data] == [([n, 0.5], str(n), n) for n in range(3)]
