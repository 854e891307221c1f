"""Beyond the book: how networks are put together: their parts, what they pass on, what they say, odd arguments."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import PIL.Image

from .beyond_limits import ONCE, owner
from .beyond_mutantsd import inside
from .beyond_words import fnv
from .errors import with_file
from .mutants_functions import message
from .steps52_60 import drawing
from .utilities import NUMPY
from .values import values

# --- networks of images ---


def counted(fw: Any, model: Any) -> list[Any]:
    """The number of convolutions of a model, and the eps of its normalizations."""
    layers = [layer for _, layer in inside(fw.layers.Layer, model)]
    kinds = [type(layer).__name__ for layer in layers]
    return [kinds.count("Conv2d"), sorted({layer.eps for layer in layers if type(layer).__name__ == "BatchNorm"})]


def parts_of_resnets(fw: Any) -> list[Any]:
    """Convolutions and eps of ResNets, in both styles; their numbers of layers."""
    styles = ("ResNet50", "torch"), ("ResNet50", "book"), ("ResNet101", "torch"), ("ResNet152", "torch")
    models = [getattr(fw.models, name)(style=style) for name, style in styles]
    return [[model.n_layers, model.style, *counted(fw, model)] for model in models]


def expected_parts() -> list[Any]:
    styles = (50, "torch", 53, 1e-5), (50, "book", 53, 2e-5), (101, "torch", 104, 1e-5), (152, "torch", 155, 1e-5)
    return [[n, style, count, [eps]] for n, style, count, eps in styles]


def passed_on(fw: Any) -> Iterator[Any]:
    """Ratios of dropout, sizes and dtypes as the parts of networks get them; weights that are there from the start."""
    m = fw.models
    layer = m.densenet.DenseLayer(4, None, 0.9)
    with drawing(0):
        yield bool((layer(fw.Variable(np.ones((2, 3, 9, 9), np.float32))).data == 0).mean() > 0.8)
    for model in (m.Encoder(3, 2, 2, 2, dropout_ratio=0.25), m.Decoder(3, 2, 2, 2, dropout_ratio=0.25)):
        found = [vars(part)["dropout_ratio"] for _, part in inside(fw.layers.Layer, model)
                 if "dropout_ratio" in vars(part)]  # fmt: skip
        yield found[:1]
    yield [p.data is not None for p in m.Autoencoder((3, 2)).params()]
    yield m.GoogLeNet(transform_input=True).transformed(fw.Variable(np.ones((1, 3, 2, 2), np.uint8))).dtype
    image = m.VGG16.preprocess(PIL.Image.new("RGB", (2, 3), (1, 2, 3)), None)
    yield [image.flags.c_contiguous, image.dtype, image.shape]
    sizes = [1, 2]
    text = m.TextCNN(5, 2, sizes, (3, 3))
    sizes.clear()
    yield text(np.zeros((2, 4), int)).shape


def said_by_models(fw: Any) -> list[Any]:
    """What models say of sizes and states that they cannot use."""
    m = fw.models
    calls: list[tuple[Any, Any]] = [
        (partial(m.FCN(lambda x: x, 2, 4), np.ones((1, 4, 4), "f")),
         "ValueError: FCN: expected x (N, C, H, W) with sides that 4 divides, such as (4,), got (1, 4, 4)"),
        (partial(m.FCN(lambda x: fw.avg_pool2d(x, 2)[:, :, 2:], 2, 2), np.ones((1, 1, 8, 8), "f")),
         "ValueError: FCN: expected a trunk that makes maps of (4, 4) from x (1, 1, 8, 8), got (1, 1, 2, 4)"),
    ]  # fmt: skip
    found = [message(call) == text for call, text in calls]
    kinds = [partial(m.VAE, 0, 2), partial(m.Decoder, 3, 2, 2, attention="additive", attention_size=0),
             partial(m.VGG11, width="2"), partial(m.DenseNet121().load_state_dict, 3)]  # fmt: skip
    dense, google = (message(partial(model.load_state_dict, {"denselayer1.norm.1.weight": 0, "aux1.x": 0}))
                     for model in (m.DenseNet121(), m.GoogLeNet()))  # fmt: skip
    return [found, [owner(call) for call in kinds], "norm.1" in dense, "aux1" in dense, "aux1" in google]


# --- models of text ---


class Number(np.random.Generator):
    """A generator that draws the same number again and again."""

    def __init__(self, number: float):
        super().__init__(np.random.PCG64(0))
        self.number = number

    def random(self, *_: Any) -> Any:  # type: ignore[override]
        return self.number


def drawn_ids(fw: Any) -> list[Any]:
    """Ids at the ends of intervals of probabilities; of ids that are floats, or come one by one; impossible ones."""
    language, NGram = fw.models.language, fw.models.NGram
    p = np.array([0.5, 0.5, 0.0])
    found = [language.draw(p, Number(u)) for u in (0.0, 0.5, 1.0)]
    model = NGram(2).fit(iter([0, 1, 0]), 2)
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        infinite = NGram(1, k=0).fit([0, 0], 2).perplexity([1, 0])
    return [found, [type(n) is int for n in found], model.probabilities([0]),
            NGram(2).fit(np.array([0.0, 1, 0]), 2).probabilities([0]), infinite]  # fmt: skip


def generated(fw: Any) -> list[Any]:
    """The last ids of all after a prefix of floats; losses of arrays."""
    model = fw.models.LanguageModel(3, 2, 2)
    ids = model.generate([1.0], 2, rng=Number(1.0))
    losses = [model.loss(np.array([[0, 1]]), np.array([[1, 2]]))[0].dtype]
    seq = fw.models.Seq2Seq(fw.models.Encoder(4, 2, 2), fw.models.Decoder(4, 2, 2))
    given = np.array([[1, 2]]), np.array([[3, 2]])
    same = np.array_equal(seq.loss(*given).data, seq.loss(*map(fw.Variable, given)).data)
    return [ids, losses, same]


def words(fw: Any) -> Iterator[Any]:
    """Vectors of words: of letters with bytes above 127, of counts as lists, of a single pair, in ties, as arrays."""
    m, text = fw.models, fw.text
    yield [m.embeddings.fnv1a(word) for word in ("À", "é", "a\x7f")]
    vocab = text.Vocabulary("ab")
    glove = m.GloVe(vocab, 2)
    x = [1.5, 200.0]
    found = [
        glove(np.array([0, 1]), np.array([1, 2]), kind(x))
        for kind in (list, np.array, lambda x: fw.Variable(np.array(x)))
    ]
    yield [len({float(y) for y in found}), *{y.dtype for y in found}, type(glove.vectors().array) is np.ndarray]
    single = m.GloVe(text.Vocabulary("a"), 2)
    before = float(single(np.array([1]), np.array([1]), np.array([2.0])))
    history = single.fit([["a", "a"]], optimizer=fw.optimizers.SGD(0.0))
    yield abs(history[0] - before) < 1e-6
    names = [f"w{i}" for i in range(30)]
    vectors = m.Vectors(names, np.ones((30, 2)))
    names.clear()
    yield [len(vectors.words), [word for word, _ in vectors.nearest("w5")], len(vectors.nearest("w0", 50))]
    corners = m.Vectors("abcd:", np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1], [1, -1]]))
    yield corners.evaluate([": a b c", "", "  \n", "a b c d", "a c x y"])


def read_vectors(fw: Any) -> Iterator[Any]:
    """Files of vectors: of one column, with spaces at the ends of lines, compressed."""
    load = fw.models.Vectors.load
    for content, name in ((b"a 1\nb 2\n", "file"), (b"2 1\na 1 \nb 2 \n", "file"), (gzip.compress(b"a 1\n"), "x.gz")):
        found = with_file(content, load, name)
        yield [found.words, found.array]
    yield with_file(b"a 0.1\n", lambda path: load(path, np.float64)).array


def expected_vectors() -> Iterator[Any]:
    both = [["a", "b"], np.array([[1], [2]], np.float32)]
    yield from (both, both, [["a"], np.array([[1]], np.float32)], np.array([[0.1]]))


# fmt: off
values(
    60, NUMPY,
    ("parts_of_resnets", parts_of_resnets, expected_parts),
    ("passed_on_to_layers", lambda fw: list(passed_on(fw)), lambda: [
        True, [0.25], [0.25], [True] * 4, np.dtype(float), [True, np.float32, (3, 3, 2)], (2, 2)]),
    ("said_by_models", said_by_models, lambda: [
        [True] * 2, ["ValueError: VAE", "ValueError: Decoder", "TypeError: VGG11",
                     "TypeError: DenseNet121.load_state_dict"], False, True, False]),
    ("ids_at_the_ends_of_intervals", drawn_ids, lambda: [
        [0, 1, 1], [True] * 3, np.array([1 / 3, 2 / 3]), np.array([1 / 3, 2 / 3]), np.inf]),
    ("ids_generated", generated, lambda: [np.array([1, 2, 2]), [np.float32], True]),
    ("vectors_of_odd_words", lambda fw: list(words(fw)), lambda: [
        [fnv("À"), fnv("é"), fnv("a\x7f")], [1, np.float32, True], True,
        [30, [f"w{i}" for i in range(11) if i != 5], 29], 1.0]),
    ("vectors_of_odd_files", lambda fw: list(read_vectors(fw)), lambda: list(expected_vectors())),
    **ONCE,
)
# fmt: on
