"""What detects mutants of text, vision and data sets of stage 5: types, ties, unknown words, odd archives."""

from __future__ import annotations

import gzip
import math
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from .beyond_limits import ONCE, owner
from .beyond_loaders import VOC, voc
from .beyond_mutantsd import inside
from .errors import patched, with_file
from .mutants_functions import message
from .steps52_60 import drawing
from .utilities import NUMPY
from .values import values

# --- text ---


def types_of_words(fw: Any) -> list[Any]:
    """The types of what functions of texts return; the largest of the windows that `pairs` draws by default."""
    text = fw.text
    with drawing(0):
        found = list(text.pairs([np.arange(40)] * 3))
    empty = text.Vocabulary([], reserved=())
    rows = fw.models.FastText(text.Vocabulary(["a", "abc"]), 2).rows
    return [
        {type(word) for word, _ in found} == {int}, max(abs(around - word).max() for word, around in found),
        empty.counts.dtype, type(rows) is np.ndarray, rows.dtype,
    ]  # fmt: skip


def unknown_words(fw: Any) -> list[Any]:
    """Words without an id, if there is no "<unk>"; the others have one."""
    vocab = fw.text.Vocabulary(["a", "b", "b"], reserved=())
    return [vocab.encode(["a", "b"]), message(partial(vocab.encode, ["a", "c"]))]


def search_that_ends(fw: Any) -> list[Any]:
    """How many sequences a beam search continues at each step: it ends when all have ended."""
    widths = []

    def step(ids: Any, state: Any) -> Any:
        widths.append(len(ids))
        log_p = np.log([[0.5, 0.5, 0.0]] if len(widths) == 1 else [[0.0, 0.0, 1.0]] * len(ids))
        return log_p, np.zeros((len(ids), 1))

    with np.errstate(divide="ignore"):
        found = fw.text.beam_search(step, (0, np.zeros((1, 1))), 2, 2, 9)
    return [widths, [ids for ids, _ in found], {type(score) for _, score in found} == {float}]


def contexts_not_seen(fw: Any) -> list[Any]:
    """Probabilities after contexts that did not occur: those after shorter ones; a perplexity that is infinite."""
    model = fw.models.NGram(3, "kneser_ney").fit([0, 1, 0, 0, 1], 3)
    same = [np.array_equal(model.probabilities(c), model.probabilities(())) for c in ((2,), (1, 2), (2, 2))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return [same, fw.models.NGram(1, k=0).fit([0, 0], 2).perplexity([1, 0])]


def short_sentences(fw: Any) -> list[Any]:
    """BLEU of predictions that are shorter than k words, or as long; of a corpus without sentences."""
    scores = fw.scores
    found = [scores.bleu(words, "a b c") for words in ("a", "b a", "a b d", "b")]
    return [*found, owner(partial(scores.corpus_bleu, [], []))]


def sizes_of_models(fw: Any) -> list[str]:
    """What models say of sizes that are not positive integers."""
    m, vocab = fw.models, fw.text.Vocabulary("abc")
    calls: list[Any] = [
        m.TinySSD,
        *(partial(getattr(m, name), vocab) for name in ("SkipGram", "CBOW", "FastText", "GloVe")),
    ]
    return [
        owner(partial(call, bad)) for call in (*calls, lambda n: m.FastText(vocab, 2, buckets=n)) for bad in (0, 1.5)
    ]


SIZED = "TinySSD", "SkipGram", "CBOW", "FastText", "GloVe", "FastText"
OPTIONS = [
    *((name, None) for name in ("LeNet", "ResNet18", "ResNet34")),
    *((f"DenseNet{n}", 0.25) for n in (121, 161, 169, 201)), *((f"VGG{n}", 0.25) for n in (11, 13, 19)),
    *((name, 0.25) for name in ("AlexNet", "NiN", "SqueezeNet11", "GoogLeNet")),
]  # fmt: skip


def options(fw: Any) -> Iterator[Any]:
    """The number of classes of published networks, and their ratio of dropout."""
    models, Layer = fw.models, fw.layers.Layer
    for name, ratio in OPTIONS:
        model = getattr(models, name)(n_classes=7, **({} if ratio is None else {"dropout_ratio": ratio}))
        layers = [vars(layer) for layer in (model, *(layer for _, layer in inside(Layer, model)))]
        found = [{part[key] for part in layers if key in part} for key in ("out_size", "out_channels", "dropout_ratio")]
        yield [7 if 7 in found[0] | found[1] else None, next(iter(found[2]), None)]


# --- vision and data sets ---


def short_record(fw: Any) -> str:
    """What is said of a file that ends in the length of its record."""
    read = fw.records.read_records
    text: str = with_file(b"12345", lambda path: message(lambda: list(read(path))))
    return "truncated" if "truncated" in text else text


def scores_at_the_limit(fw: Any) -> Any:
    """The class of an anchor whose score is min_score."""
    scores = np.array([[[0.5, 0.5], [0.75, 0.25]]])
    anchors = np.array([[0.0, 0, 1, 1], [2, 2, 3, 3]])
    return fw.vision.boxes.detect(scores, np.zeros((1, 2, 4)), anchors, min_score=0.5)[..., 0]


def of_detectors(fw: Any) -> Iterator[Any]:
    """ssd_loss of arrays, and of None instead of each; FCNs of images that are not square."""
    scores, offsets, labels = np.zeros((1, 2, 2)), np.zeros((1, 2, 4)), np.array([[0, 1]])
    given = [scores, offsets, labels, offsets + 1, offsets.reshape(1, 8) + 1]
    yield [owner(partial(fw.models.ssd_loss, *given[:i], None, *given[i + 1 :])) for i in range(5)]
    yield fw.models.ssd_loss(*given)
    model = fw.models.FCN(lambda x: fw.avg_pool2d(x, 2), 2, 2)
    yield model(np.ones((1, 1, 4, 8), np.float32)).shape
    small = fw.models.FCN(lambda x: fw.avg_pool2d(x, 2)[:, :, :-1], 2, 2)
    yield small(np.ones((1, 1, 8, 4), np.float32)).shape


def moved(fw: Any) -> Any:
    """An image that is moved by a pixel: what is outside is 0, and pixels are interpolated, by default."""
    image = np.array([[[1.0, 3.0], [5.0, 7.0]]])
    matrix = np.array([[1.0, 0, 1], [0, 1, 0.5]])
    return fw.vision.augment.warp(image, matrix, (2, 2))


def of_no_text(fw: Any) -> str:
    """The error of an annotation that is not UTF-8."""
    fw.vision  # noqa: B018 - Missing, if the stage does not have it
    return owner(partial(voc, fw, VOC.replace(b"<name>cat", b"<name>\xffat"), part="val", task="detection"))


def compressed(fw: Any) -> bool:
    """Whether a compressed archive is refused."""
    fw.vision  # noqa: B018 - Missing, if the stage does not have it
    return "expected a complete tar file" in message(partial(voc, fw, gzip.compress(VOC)))


def all_phrases(fw: Any) -> list[Any]:
    """As many phrases as there are, and one more."""
    fw.synthetic.Phrases  # noqa: B018 - Missing, if the stage does not have it
    with patched(fw, "synthetic", PHRASES=4):
        return [len(fw.synthetic.Phrases(4)), owner(partial(fw.synthetic.Phrases, 5))]


# fmt: off
values(
    49, NUMPY,
    ("dtype_that_does_not_exist", lambda fw: owner(partial(fw.transforms.AsType, "real")),
     lambda: "TypeError: data type 'real' not understood"),
)
values(
    60, NUMPY,
    ("types_of_words", types_of_words, lambda: [True, 5, np.dtype(np.int64), True, np.dtype(np.int64)]),
    ("bleu_of_short_sentences", short_sentences, lambda: [
        math.exp(-2), 0.0, 0.0, math.exp(-2), "ValueError: corpus_bleu"]),
    ("sides_of_nothing", lambda fw: message(partial(fw.models.FCN(fw.relu, 2, 1), np.ones((1, 1, 0, 4), "f"))), lambda:
        "ValueError: FCN: expected x (N, C, H, W) with sides that 1 divides, such as (1, 4), got (1, 1, 0, 4)"),
    ("logarithms_of_negative_targets",
     lambda fw: owner(partial(fw.scores.rmse_log, np.array([1.0, -1.0]), np.ones(2))), lambda: "ValueError: rmse_log"),
    ("kernels_of_three_axes", lambda fw: owner(partial(fw.conv2d, np.ones((1, 2, 3, 3)), np.ones((2, 2, 2)))),
     lambda: "ValueError: conv2d"),
    ("weights_that_are_a_number", lambda fw: owner(partial(fw.models.GoogLeNet().load_state_dict, 3)),
     lambda: "TypeError: GoogLeNet.load_state_dict"),
    ("sizes_of_models", sizes_of_models, lambda: [f"ValueError: {name}" for name in SIZED for _ in range(2)]),
    ("record_without_a_length", short_record, lambda: "truncated"),
    ("words_without_an_id", unknown_words, lambda: [np.array([1, 0]), "KeyError: 'c'"]),
    ("beam_search_that_ends", search_that_ends, lambda: [[1, 2], [[0, 2], [1, 2]], True]),
    ("contexts_not_seen", contexts_not_seen, lambda: [[True] * 3, np.inf]),
    ("scores_at_the_limit", scores_at_the_limit, lambda: np.array([[0.0, -1.0]])),
    ("detectors_of_arrays", lambda fw: list(of_detectors(fw)), lambda: [
        ["TypeError: ssd_loss"] * 5, np.log(2) + 1, (1, 2, 4, 8), (1, 2, 8, 4)]),
    ("all_phrases", all_phrases, lambda: [4, "ValueError: Phrases"]),
    ("image_moved_by_a_pixel", moved, lambda: np.array([[[0, 1.0], [0, 3.0]]])),
    ("annotation_that_is_no_text", of_no_text, lambda: "ValueError: 2007_000001"),
    ("archive_that_is_compressed", compressed, lambda: True),
    since=5,
)
values(
    60, NUMPY,
    ("options_of_networks", lambda fw: list(options(fw)), lambda: [[7, ratio] for _, ratio in OPTIONS]), **ONCE,
)
# fmt: on
