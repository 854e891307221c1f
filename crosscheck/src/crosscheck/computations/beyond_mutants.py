"""What detects mutants of what stage 5 has beyond the book, and that nothing else detects."""

from __future__ import annotations

import contextlib
import io
import math
import zlib
from typing import Any

import numpy as np

from .beyond_loaders import PTB, loaded, samples
from .beyond_models import torchvisions
from .errors import errors, with_file
from .mutants_functions import message
from .networks import narrowed
from .steps52_60 import drawing
from .values import values

ROW = np.array([[1.0, -2.0, 0.5], [3.0, 1.0, -1.0]])
HALF = np.array(0.5)


def image(size: tuple[int, int]) -> Any:
    return np.linspace(0, 1, 3 * size[0] * size[1], dtype=np.float32).reshape(1, 3, *size)


def number_after(count: int) -> float:
    """The number that follows `count` others in a seeded sequence."""
    with drawing(5):
        np.random.rand(count)
        return float(np.random.rand())


def dropout_of_models(fw: Any) -> Any:
    """The random number after a call in training: it shows how many elements dropout has drawn masks for."""
    models, Linear = fw.models, fw.layers.Linear
    found = []
    for model, size in (
        (narrowed(fw, models.AlexNet(), 16), (63, 63)),
        (narrowed(fw, models.AlexNet(style="paper"), 16), (67, 67)),
        (models.VGG(11, width=1 / 64), (32, 32)),
        (narrowed(fw, torchvisions(fw, models.NiN), 8), (67, 67)),
        (narrowed(fw, models.SqueezeNet(), 8), (35, 33)),
        (narrowed(fw, models.SqueezeNet11(), 8), (33, 35)),
    ):
        if hasattr(model, "fc6"):  # the real ones have millions of weights
            model.fc6, model.fc7, model.fc8 = Linear(3), Linear(2), Linear(1)
        with fw.test_mode():
            model(image(size))  # determines the shapes of all weights
        with drawing(5):
            model(image(size))
            found.append(float(np.random.rand()))
    return found


DROPPED = 16 * 36 + 3, 3 + 2, 3 + 2, 48, 64, 64 * 4


def untouched(fw: Any) -> Any:
    """summary leaves NumPy's generator as it is, even if it initializes weights; the size of the weights."""
    with drawing(5), contextlib.redirect_stdout(io.StringIO()):
        text = fw.summary(fw.layers.Linear(1000), np.ones((1, 1000), np.float32))
        return [float(np.random.rand()), text.splitlines()[-2]]


def failed_call(fw: Any) -> Any:
    """A row that is shorter than the kernel is an error before the weights are initialized."""
    layer = fw.Conv1d(2, 5)
    return [message(lambda: layer(np.ones((1, 1, 3)))), layer.W.data is None]


def learning_rates(fw: Any) -> Any:
    """A schedule is given the losses as variables, an average its decay as a float64: both are converted."""
    layer = fw.layers.Linear(2, in_size=3)
    optimizer = fw.optimizers.SGD(1.0).setup(layer)
    schedule = fw.optimizers.OnPlateau(optimizer, 0.5, patience=0)
    for _ in range(3):
        schedule.step(fw.Variable(HALF))
    average = fw.training.ExponentialMovingAverage(layer, np.float64(0.5))
    average.update()
    best = schedule.state()["best"]
    return [optimizer.lr, best, isinstance(best, float), [a.dtype for a in average.shadow.values()]]


def words(fw: Any) -> Any:
    """Mean losses of a model that does not learn and knows nothing: all words have the same probability."""
    vocab = fw.text.Vocabulary("abcd")
    found = []
    for options in ({"sample": None}, {"sample": 1e-300}):
        model = fw.models.SkipGram(vocab, 3, "softmax")
        model.embed.W.data = np.zeros((len(vocab), 3), np.float32)
        optimizer = fw.optimizers.SGD(0.0)
        found += model.fit(["abcd"], 2, 1, batch_size=2, optimizer=optimizer, rng=np.random.default_rng(0), **options)
    return [len(vocab), np.array(found, np.float32)]


def field(number: int, content: bytes) -> bytes:
    """A field of a message in the format of Protocol Buffers: of bytes, at most 127."""
    return bytes([number << 3 | 2, len(content)]) + content


UNPACKED = bytes([1 << 3, 5, 1 << 3, 0x87, 1])  # 5 and 135, each a field of its own
UNKNOWN = bytes([9 << 3, 0xFF, 1])  # a number in a field that no feature has


def decoded(fw: Any, feature: bytes) -> Any:
    """The example whose only feature has this content."""
    entry = field(1, b"x") + field(2, feature)
    return fw.records.decode_example(field(1, UNKNOWN + field(1, entry)))["x"]


def features(fw: Any) -> Any:
    """Integers that are not packed, an unknown field, a feature in two parts, and one of two kinds: the last counts."""
    floats = field(1, np.array([0.5, 2.0], "<f4").tobytes())
    parts = (
        field(3, UNPACKED), UNKNOWN + field(3, UNPACKED) + UNKNOWN, field(3, UNPACKED) + field(3, UNPACKED),
        field(2, floats) + field(3, UNPACKED), field(3, UNPACKED) + field(2, floats),
    )  # fmt: skip
    return [decoded(fw, part) for part in parts]


def training_runs(fw: Any) -> Any:
    """A checkpoint after every second epoch; the smallest patience."""

    def trainer() -> Any:
        layer = fw.layers.Linear(1, in_size=3)
        return fw.Trainer(layer, fw.optimizers.SGD(0.1), lambda y, t: fw.sum(y))

    def from_file(path: str) -> int:
        callbacks = [fw.training.Checkpoint(path, every=2)]
        trainer().fit([(ROW.astype(np.float32), None)], 3, callbacks=callbacks)
        return int(trainer().resume(path))

    return [with_file(None, from_file, "run.npz"), fw.training.EarlyStopping(patience=1).patience]


PHRASES = [
    ("the intelligent girl sleeps", "la fille intelligente dort"),
    ("my intelligent dogs want a car", "mes chiens intelligents veulent une voiture"),
    ("my calm girl does not hear a tree", "ma fille calme n' entend pas d' arbre"),
]


def phrases(fw: Any) -> Any:
    """Some of all phrases, and a checksum of 801."""
    pairs = [fw.synthetic.phrase(number) for number in range(0, 48816, 61)]
    return [pairs[3], pairs[400], pairs[777], zlib.crc32("\n".join(" | ".join(pair) for pair in pairs).encode())]


def prices(fw: Any) -> Any:
    """Whether prices of houses follow their formula, but for noise of the stated size."""
    synthetic = fw.synthetic
    data = synthetic.Houses(400)
    column = data.table
    size = np.log(column["area"] / 120)
    expected = (
        11.9 + 0.7 * size + 0.06 * np.log(column["lot"] / 400) + 0.05 * (column["quality"] - 5)
        + 0.03 * column["baths"] + 0.05 * column["garage"] + 0.02 * (column["rooms"] - column["floors"])
        + 0.1 * (column["fireplace"] == "brick") + 0.04 * (column["fireplace"] == "stove")
        + [synthetic.DISTRICTS[name] for name in column["district"]]
        + [synthetic.HEATING[name] for name in column["heating"]]
        + 0.25 * size * (column["district"] == "center")
        - 0.004 * (2020 - column["year"]) * (1 - 0.08 * column["quality"])
    )  # fmt: skip
    noise = (np.log(data.label[:, 0]) - expected) / synthetic.HOUSE_NOISE
    return [bool(0.8 < noise.std() < 1.2), bool(abs(noise.mean()) < 0.2)]


def houses(*files: bytes) -> Any:
    return lambda fw: samples(fw, "HousePrices", *files)


COLUMNS = "HousePrices: expected columns from Id to SalePrice, and the same to test, got "


# fmt: off
values(
    60, "NumPy: PyTorch has no such functions and models",
    ("dropout_of_models", dropout_of_models, lambda: [number_after(count) for count in DROPPED]),
    ("summary_of_an_uninitialized_layer", untouched, lambda: [number_after(0), "Size of both: 3.82 MiB"]),
    ("call_that_fails_before_weights_are_drawn", failed_call,
     lambda: ["ValueError: Conv1d: expected a kernel that fits images (1, 3) with padding (0, 0), got (1, 5)", True]),
    ("numbers_given_as_variables", learning_rates, lambda: [0.25, 0.5, True, [np.dtype("f4")] * 2]),
    ("losses_of_words_without_learning", words, lambda: [5, np.array([math.log(5)] * 2 + [0.0] * 2, "f4")]),
    ("features_in_other_forms", features,
     lambda: [[5, 135], [5, 135], [5, 135] * 2, [5, 135], [0.5, 2.0]]),
    ("runs_with_the_smallest_options", training_runs, lambda: [2, 1]),
    ("phrases_by_number", phrases, lambda: [*PHRASES, 3059405736]),
    ("prices_of_houses", prices, lambda: [True, True]),
    ("splits_into_three", lambda fw: [*fw.split(ROW, 3, axis=1), *fw.split(ROW.reshape(6), 3)],
     lambda: [*np.split(ROW, 3, axis=1), *np.split(ROW.reshape(6), 3)]),
    ("masked_softmax_of_integers", lambda fw: fw.masked_softmax(np.array([2, 1, 5]), np.array([True, True, False])),
     lambda: np.array([math.e, 1, 0]) / (math.e + 1)),
    ("rows_without_padding", lambda fw: fw.unpad_sequence(ROW, np.array([3, 1])), lambda: [ROW[0], ROW[1, :1]]),
    ("crop_of_the_size_of_the_image",
     lambda fw: fw.vision.augment.RandomCrop((3, 2))(ROW.reshape(1, 2, 3)), lambda: ROW.reshape(1, 2, 3)),
    ("part_of_the_penn_treebank",
     lambda fw: [loaded(fw, "PTB", PTB, part=part)[0].train for part in ("train", "valid")],
     lambda: [True, False]),
    since=5,
)
errors(
    60,
    ("vgg_with_published_weights", lambda fw: fw.models.VGG(11, pretrained=True),
     ValueError, "VGG: expected pretrained=False, since there are no published weights, got True; "
     "load_state_dict loads those of torchvision"),
    ("kernels_drawn_in_another_way", lambda fw: fw.scratch.Conv2D(2, 3, weight_init="he"),
     ValueError, "Conv2D: expected weight_init 'normal' or 'glorot', got 'he'"),
    ("top_classes_of_other_rows", lambda fw: fw.scores.top_k(np.zeros(3, int), np.zeros((2, 4)), 2),
     ValueError, "top_k: expected t (N,), y (N, C) and k from 1 to C, got (3,), (2, 4) and 2"),
    ("house_prices_without_numbers", houses(b"No,A,SalePrice\n1,2,3\n", b"No,A\n1,2\n"),
     ValueError, COLUMNS + "['No', 'A', 'SalePrice']"),
    ("house_prices_to_test_with_another_column", houses(b"Id,A,SalePrice\n1,2,3\n", b"Id\n1\n"),
     ValueError, COLUMNS + "['Id', 'A', 'SalePrice']"),
    since=5,
)
# fmt: on
