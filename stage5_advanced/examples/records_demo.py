"""Record files: thousands of samples in one file, in which no damaged byte passes unnoticed.

A folder with a file for each image is slow to read and easily incomplete. TensorFlow's answer is a file of records: the
length of the data, the data, and a checksum of each. A record usually holds an example: named features, each a list of
bytes, floats or integers. An image is stored as its bytes, with its shape in another feature. The length of a record
says where the next one begins, so any sample can be read without the others, and a large set can be split into shards
and read in parallel.

    python stage5_advanced/examples/records_demo.py           (needs google-crc32c: pip install google-crc32c)

The example writes Digits in four shards, reads them back, compares every bit, damages some bytes, one after the other,
and shows the messages. A record takes 67 bytes more than its image.

The figure: the bytes of one record, in hexadecimal, colored by what they mean; digits as read back; the times.

TensorFlow, TFRecord and tf.train.Example, https://www.tensorflow.org/tutorials/load_data/tfrecord.
"""

import importlib
import importlib.util
import os
import pathlib
import tempfile
import time

import numpy as np
from common import begin, figure, options, page, pick, save, stop, table

from stage5_advanced import DataLoader
from stage5_advanced.datasets import Digits
from stage5_advanced.records import RecordDataset, RecordWriter, encode_example, index_records, read_records

FORM = {"image": (bytes, ()), "shape": (np.int64, (3,)), "label": (np.int64, ())}


def write(dataset, folder, shards):
    """Write a dataset as files digits-00000-of-00004, ..."""
    paths = [folder / f"digits-{k:05}-of-{shards:05}" for k in range(shards)]
    for k, path in enumerate(paths):
        with RecordWriter(path) as file:
            for image, label in zip(dataset.data[k::shards], dataset.label[k::shards], strict=True):
                file.write(encode_example({"image": image.tobytes(), "shape": image.shape, "label": int(label)}))
    return paths


def image_of(features):
    """The array of a sample."""
    return np.frombuffer(features["image"], np.uint8).reshape(features["shape"])


def timed(times, name, f):
    """Call f, and note the seconds it takes."""
    start = time.perf_counter()
    result = f()
    times[name] = time.perf_counter() - start
    return result


def main():
    arguments = begin(options(__doc__, gpu=False))
    if importlib.util.find_spec("google_crc32c") is None:
        stop("no checksums without google-crc32c: pip install google-crc32c")
    importlib.import_module("google_crc32c")  # now, since it would count as time to write
    dataset = Digits()
    count = pick(arguments, None, None, 100)
    dataset.data, dataset.label = dataset.data[:count], dataset.label[:count]
    times = {}
    with tempfile.TemporaryDirectory() as name:
        paths = timed(times, "write", lambda: write(dataset, pathlib.Path(name), 4))
        timed(times, "read all bytes, verified", lambda: [list(read_records(path)) for path in paths])
        timed(times, "read all bytes, unverified", lambda: [list(read_records(path, verify=False)) for path in paths])
        found = timed(times, "index", lambda: RecordDataset(paths, FORM, transform=image_of))
        loader = DataLoader(found, 50)
        timed(times, "one epoch in random order", lambda: list(loader))
        table(("", "milliseconds"), [(what, f"{1000 * seconds:.1f}") for what, seconds in times.items()])
        size = sum(os.path.getsize(path) for path in paths)
        print(f"{len(found)} samples in {len(paths)} files, {size / len(found):.0f} bytes each")

        first = paths[0].read_bytes()
        record = first[: index_records(paths[0])[1]]
        for place in (2, 9, 40, len(record) - 1):
            damaged = bytearray(first)
            damaged[place] ^= 1
            paths[0].write_bytes(damaged)
            try:
                list(read_records(paths[0]))
                stop(f"expected an error for the damaged byte {place}")
            except ValueError as error:
                print(f"byte {place} damaged: {str(error).replace(name + os.sep, '')}")
        paths[0].write_bytes(first)
        images, labels = map(np.array, zip(*found, strict=True))
    order = np.concatenate([np.arange(len(dataset))[k::4] for k in range(4)])
    same = np.array_equal(images, dataset.data[order]) and np.array_equal(labels, dataset.label[order])
    print(f"samples equal to what was written: {len(images) if same else 0} of {len(dataset)}")
    save(draw(record, images[:40, 0], times), arguments)


def draw(record, images, times):
    """The bytes of a record, colored by what they are; digits; times."""
    made, axes = figure("rrd;rrt", height=7.5)
    parts = {"length, 8 bytes": 8, "its checksum, 4": 4, f"the example, {len(record) - 16}": len(record) - 16}
    parts["its checksum, 4 "] = 4
    kinds = np.repeat(np.arange(4), list(parts.values()))
    columns = 16
    grid = np.full(-(-len(record) // columns) * columns, np.nan)
    grid[: len(record)] = kinds
    axes["r"].imshow(grid.reshape(-1, columns), cmap="Set3", vmin=0, vmax=11, aspect="auto")
    for i, byte in enumerate(record):
        letter = chr(byte) if 32 < byte < 127 and kinds[i] == 2 else f"{byte:02x}"
        weight = "bold" if len(letter) == 1 else "normal"
        axes["r"].text(i % columns, i // columns, letter, ha="center", va="center", fontsize=9, weight=weight)
    axes["r"].set(title="one record: its length, a checksum, the example, a checksum", xticks=[], yticks=[])
    axes["d"].imshow(page(images, 4, 10), cmap="gray_r")
    axes["d"].set_title("digits, as read back")
    axes["d"].axis("off")
    axes["t"].barh(list(times), [1000 * seconds for seconds in times.values()])
    axes["t"].invert_yaxis()
    axes["t"].set(title="milliseconds", xscale="log")
    return made


if __name__ == "__main__":
    main()
