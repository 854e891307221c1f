"""Beyond the book: models of text, and the search for the most probable sequence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import GPU, SHAPES_ONLY, normal
from . import computation
from .beyond_recurrent import results
from .beyond_tensors import BEYOND
from .errors import errors
from .layers import fixed
from .states import with_gradients
from .steps52_60 import drawing
from .training import TRAINING, train
from .values import values

IDS = np.array([[1, 0, 4, 2], [3, 3, 0, 1]])  # two texts
TARGETS = np.array([[5, 3, 2, 2], [3, 4, 5, 2]])  # with eos = 2
LENGTHS = np.array([3, 4])
TEXT: dict[str, Any] = {
    **BEYOND,
    "inputs": [normal()],
    "shapes": ((2, 3),),
    "order": 0,
    "cases": SHAPES_ONLY - GPU,
}


def filled(fw: Any, model: Any, x: Any, *inputs: Any) -> Any:
    """A model with fixed weights, after a first call, which determines all sizes."""
    model(*inputs)
    fw.set_weights(model, fixed(fw.array(x), *(a.shape for a in fw.weights(model))))
    return model


@computation(**TEXT)
def language_models(fw: Any, x: Any) -> Any:
    """Scores, states and losses, the latter with gradients, of every cell; with one-hot vectors; with shared weights"""
    found = []
    ids, targets = fw.constant(IDS), fw.constant(IDS[:, ::-1].copy())
    for options in ({}, {"cell": "lstm", "n_layers": 2}, {"cell": "gru", "size": None}, {"size": 4, "tied": True}):
        sizes = {"vocab_size": 5, "size": 3, "hidden_size": 4}
        model = filled(fw, fw.LanguageModel(**sizes | options), x, ids)
        loss, state = model.loss(ids, targets)
        found += [*results((loss, state)), *results(model(ids, state, LENGTHS)), *with_gradients(fw, model, loss)]
        found += [model.loss(ids, targets, state)[0], model.generate([1, 2], 6, 0)]
    return found


@computation(**TEXT)
def recurrent_classifiers(fw: Any, x: Any) -> Any:
    """Every pooling over time, for texts of the same and of different lengths"""
    found = []
    ids = fw.constant(IDS)
    for options in ({}, {"pool": "last", "cell": "gru"}, {"pool": "mean"}, {"pool": "max", "bidirectional": False}):
        model = filled(fw, fw.RNNClassifier(5, 3, 4, **options), x, ids)
        found += [model(ids), *with_gradients(fw, model, model(ids, LENGTHS))]
    return found


@computation(**TEXT)
def text_cnn(fw: Any, x: Any) -> Any:
    """Convolutions over word vectors, next to pretrained ones, and of a text shorter than the kernels"""
    vectors = fixed(fw.array(x), (5, 3))[0]
    ids, short = fw.constant(IDS), fw.constant(IDS[:, :1].copy())
    plain = filled(fw, fw.TextCNN(5, 3, (2, 4), (3, 2)), x, ids)
    both = filled(fw, fw.TextCNN(5, 3, (2, 3), (3, 2), 4, 0.1, vectors), x, ids)
    found = [plain.features(ids), plain.features(short), both.features(short)]
    with fw.test_mode():
        return [*found, plain(ids), *with_gradients(fw, both, both(ids))]


@computation(**BEYOND, order=0, dtypes=("float32",))
def text_cnn_by_default(fw: Any) -> Any:
    """The shapes of all weights"""
    return [np.zeros_like(a) for a in fw.weights(fw.TextCNN(7, 4))]


def translator(fw: Any, attention: Any, **options: Any) -> Any:
    """An encoder and a decoder for six tokens."""
    encoder = fw.Encoder(6, 3, 4, **options)
    options |= {} if attention is None else {"attention": attention}
    return fw.Seq2Seq(encoder, fw.Decoder(6, 3, 4, **options))


@computation(**TEXT)
def sequence_to_sequence(fw: Any, x: Any) -> Any:
    """Scores and losses of a translator, with every kind of attention; what follows eos does not count"""
    found = []
    src, targets = fw.constant(IDS), fw.constant(TARGETS)
    for attention, options in ((None, {}), ("dot", {"cell": "lstm", "n_layers": 2}), ("additive", {"cell": "rnn"})):
        model = filled(fw, translator(fw, attention, **options), x, src, targets)
        found += [model(src, targets), model(src, targets, LENGTHS), model.loss(src, targets)]
        found += with_gradients(fw, model, model.loss(src, targets, LENGTHS))
    return found


@computation(**TEXT)
def parts_of_a_translator(fw: Any, x: Any) -> Any:
    """An encoder without lengths, decoders without what it found, and the start of a search"""
    src, targets = fw.constant(IDS), fw.constant(TARGETS)
    model, other = (filled(fw, translator(fw, attention), x, src, targets) for attention in (None, "dot"))
    outputs, state = model.encoder(src)
    scores = model.decoder(targets, state)[0]
    attended = other.decoder(targets, state, outputs)[0]
    if fw.name == "torch":
        return [outputs, scores, attended, outputs[:, -1], outputs]
    outputs, state, mask = model.encode(src)
    assert mask is None
    started = model.start(src)
    return [outputs, scores, attended, started["state"][:, 0], started["outputs"]]


@computation(**TEXT)
def translation_step_by_step(fw: Any, x: Any) -> Any:
    """The probabilities of a search, one step after the other, are those of teacher forcing"""
    src, targets = fw.constant(IDS), fw.constant(TARGETS)
    model = filled(fw, translator(fw, "dot", cell="lstm"), x, src, targets)
    if fw.name == "torch":
        return list(fw.log_softmax(model(src, targets, LENGTHS), 2).unbind(1))
    found, state, ids = [], model.start(src, LENGTHS), np.array([1, 1])
    for t in range(4):
        log_p, state = model.step(ids, state)
        found.append(log_p)
        ids = TARGETS[:, t]
    return found


@computation(**TEXT)
def greedy_translation(fw: Any, x: Any) -> Any:
    """The most probable token at each step, until eos or a length"""
    src, targets = fw.constant(IDS), fw.constant(TARGETS)
    model = filled(fw, translator(fw, "additive"), x, src, targets)
    if fw.name != "torch":
        return [*fw.text.greedy(model, IDS, 5, LENGTHS), *fw.text.greedy(model, IDS, 3)]
    found = []
    for max_len, lengths in ((5, LENGTHS), (3, None)):
        for i, row in enumerate(IDS):
            ids: list[int] = []
            row = row if lengths is None else row[: lengths[i]]
            while len(ids) < max_len and 2 not in ids:
                scores = model(fw.constant(row[None]), fw.constant(np.array([[*ids, 0]])))
                ids.append(int(scores[0, -1].argmax()))
            found.append(np.array(ids))
    return found


STEPS = 12


@computation(**BEYOND, inputs=[normal()], **TRAINING | {"curve": STEPS}, quick={"steps": 3})
def training_a_translator(fw: Any, x: Any, steps: int = STEPS) -> Any:
    """A GRU with additive attention learns to write words backwards; Adam"""
    rng = np.random.default_rng(3)
    batches = []
    for _ in range(steps):
        src, lengths = rng.integers(3, 6, (6, 3)), rng.integers(1, 4, 6)
        targets = np.full((6, 4), 2)
        for row, word, n in zip(targets, src, lengths, strict=True):
            row[:n] = word[:n][::-1]
        batches.append((src, targets, lengths))
    src, targets, _ = batches[0]
    model = filled(fw, translator(fw, "additive"), x, fw.constant(src), fw.constant(targets))
    fw.set_weights(model, [a * a.dtype.type(0.5) for a in fw.weights(model)])

    def loss(src: Array, targets: Array, lengths: Array) -> Any:
        return model.loss(fw.constant(src), fw.constant(targets), lengths)

    return train(fw, model, fw.Adam(0.01), loss, batches)


# --- n-grams ---

TOKENS = [0, 1, 2, 0, 1, 3, 0, 1, 2, 2, 0, 3, 1, 2, 0, 1]


def frequency(context: Sequence[int], token: int, k: float) -> float:
    """(c + k) / (C + k V), counted by looking everywhere."""
    n = len(context)
    places = [t for t in range(n, len(TOKENS)) if TOKENS[t - n : t] == list(context)]
    return (sum(TOKENS[t] == token for t in places) + k) / (len(places) + 4 * k)


def mixed(context: Sequence[int]) -> list[float]:
    """The mean of the frequencies of one, two and three tokens."""
    n = len(context)
    return [sum(frequency(context[n - m :], w, 1.0) for m in range(3)) / 3 for w in range(4)]


def perplexity(n: int) -> float:
    """exp of the mean of -log P."""
    logs = [math.log(frequency(TOKENS[t - n + 1 : t], TOKENS[t], 0.5)) for t in range(n - 1, len(TOKENS))]
    return math.exp(-sum(logs) / len(logs))


# Of nltk.lm.KneserNeyInterpolated(order, discount=0.75): the probabilities of 0, 1, 2, 3 after each context.
KNESER_NEY = {
    (0,): [0.075, 0.725, 0.075, 0.125],
    (1,): [0.09375, 0.09375, 0.65625, 0.15625],
    (2,): [0.65625, 0.09375, 0.15625, 0.09375],
    (0, 1): [0.0625, 0.0625, 0.6875, 0.1875],
    (1, 2): [0.6875, 0.0625, 0.1875, 0.0625],
    (2, 2): [0.65625, 0.09375, 0.15625, 0.09375],
}
ENDS = [[3, 1], [0, 1, 2, 3], []]


def sampled(fw: Any) -> Any:
    """Ids drawn after a prefix: their number, their frequencies."""
    model = fw.models.NGram(2, k=0.0).fit(TOKENS)
    with drawing(0):
        ids = model.sample(1000, [0])
    again = [model.sample(5, rng=np.random.default_rng(1)) for _ in range(2)]
    after = [np.mean(ids[1:][ids[:-1] == 0] == w) for w in range(4)]
    near = [abs(p - frequency([0], w, 0.0)) < 0.08 for w, p in enumerate(after)]
    return [len(ids), ids[0], all(near), bool((again[0] == again[1]).all())]


def generated(fw: Any) -> Any:
    """Ids drawn after a prefix: the prefix, their number; the same from the same generator, others from another."""
    model = fw.models.LanguageModel(5, 3, 4)
    with drawing(0):
        first = model.generate([2, 0], 50)
    with drawing(0):
        again = model.generate([2, 0], 50)
    other = model.generate([2, 0], 50, rng=np.random.default_rng(1))
    return [first[:2].tolist(), len(first), bool((first == again).all()), bool((first != other).any())]


values(
    60,
    "counted by loops, and of nltk.lm",
    (
        "ngrams",
        lambda fw: [
            [fw.models.NGram(n).fit(TOKENS).probabilities(c) for n, c in ((1, []), (2, [1]), (3, [0, 1]), (3, [3, 3]))],
            fw.models.NGram(2, k=0.5).fit(TOKENS, 4).probabilities([2, 0]),
            fw.models.NGram(3, interpolate=[1 / 3] * 3).fit(TOKENS).probabilities([0, 1]),
            fw.models.NGram(3, k=0.0).fit(TOKENS).probabilities([3, 3]),
        ],
        lambda: [
            [np.array([frequency(c, w, 1.0) for w in range(4)]) for c in ([], [1], [0, 1], [3, 3])],
            np.array([frequency([0], w, 0.5) for w in range(4)]),
            np.array(mixed([0, 1])),
            np.full(4, 0.25),
        ],
    ),
    (
        "ngrams_with_kneser_ney_smoothing",
        lambda fw: [fw.models.NGram(len(c) + 1, "kneser_ney").fit(TOKENS).probabilities(c) for c in KNESER_NEY],
        lambda: [np.array(p) for p in KNESER_NEY.values()],
    ),
    (
        "perplexity_of_ngrams",
        lambda fw: [fw.models.NGram(n, k=0.5).fit(TOKENS).perplexity(TOKENS) for n in (1, 2, 3)],
        lambda: [perplexity(n) for n in (1, 2, 3)],
    ),
    (
        "single_tokens",
        lambda fw: fw.models.NGram(1, k=0.0).fit(TOKENS).probabilities(),
        lambda: np.array([5, 5, 4, 2]) / 16,
    ),
    ("text_drawn_from_a_language_model", generated, lambda: [[2, 0], 52, True, True]),
    ("samples_of_ngrams", sampled, lambda: [1001, 0, True, True]),
    since=5,
)


# --- search ---

# Probabilities of A, B, C and eos after each sequence, of d2l's example; C follows all others.
TABLE = {
    "": [0.5, 0.2, 0.2, 0.1],
    "A": [0.1, 0.4, 0.3, 0.2],
    "AB": [0.2, 0.2, 0.4, 0.2],
    "ABC": [0.0, 0.2, 0.2, 0.6],
    "AC": [0.1, 0.6, 0.2, 0.1],
    "ACB": [0.1, 0.2, 0.1, 0.6],
}
LETTERS = "ABC."


def table_step(ids: Array, state: Any) -> Any:
    """The next step in the table; the state is what was written so far, as numbers in base 5."""
    past = state["past"] * 5 + np.where(ids < 0, 0, ids + 1)[:, None]
    rows = []
    for number in past[:, 0].tolist():
        text = ""
        while number:
            number, digit = divmod(number, 5)
            text = LETTERS[digit - 1] + text
        rows.append(TABLE.get(text, [0.1, 0.1, 0.1, 0.7]))
    with np.errstate(divide="ignore"):
        return np.log(np.array(rows)), {"past": past, "unused": [None, (past,)]}


def start() -> Any:
    """The id before the first one, and a state of one row."""
    return -1, {"past": np.zeros((1, 1), np.int64), "unused": [None, (np.zeros((1, 1), np.int64),)]}


def probability(text: str) -> float:
    """The probability of a whole sequence."""
    return math.prod(TABLE.get(text[:t], [0.1, 0.1, 0.1, 0.7])[LETTERS.index(letter)] for t, letter in enumerate(text))


def exhaustive(max_len: int, alpha: float) -> list[Any]:
    """The best three of all sequences, with their scores."""
    texts = ["".join(text) for n in range(max_len) for text in itertools.product("ABC", repeat=n)]
    whole = [text + "." for text in texts] + ["".join(text) for text in itertools.product("ABC", repeat=max_len)]
    scores = [(math.log(probability(text)) / len(text) ** alpha, text) for text in whole if probability(text) > 0]
    best = sorted(scores, key=lambda pair: -pair[0])[:3]
    return [[[LETTERS.index(letter) for letter in text], score] for score, text in best]


values(
    60,
    "probabilities of d2l's example, and of all sequences",
    (
        "beam_search_of_one_is_greedy",
        lambda fw: fw.text.beam_search(table_step, start(), 3, 1, 6, alpha=0),
        lambda: [[[0, 1, 2, 3], math.log(0.048)]],
    ),
    (
        "beam_search_of_two_finds_more",
        lambda fw: fw.text.beam_search(table_step, start(), 3, 2, 6, alpha=0.0)[0],
        lambda: [[0, 2, 1, 3], math.log(0.054)],
    ),
    (
        "beam_search_that_keeps_everything",
        lambda fw: [list(one) for one in fw.text.beam_search(table_step, start(), 3, 4**4, 4)[:3]],
        lambda: exhaustive(4, 0.75),
    ),
    since=5,
)


# fmt: off
errors(
    60,
    ("ngram_of_nothing", lambda fw: fw.models.NGram(0), ValueError, "NGram: expected n of at least 1, got 0"),
    ("ngram_smoothed_in_another_way", lambda fw: fw.models.NGram(2, "katz"),
     ValueError, "NGram: expected smoothing 'add' or 'kneser_ney', got 'katz'"),
    ("ngram_with_negative_counts", lambda fw: fw.models.NGram(2, k=-1), ValueError,
     "NGram: expected k of at least 0, got -1"),
    ("ngram_with_weights_of_too_much", lambda fw: fw.models.NGram(2, interpolate=[0.5, 0.6]),
     ValueError, "NGram: expected 2 weights whose sum is 1, got [0.5, 0.6]"),
    ("ngram_of_too_few_ids", lambda fw: fw.models.NGram(3).fit([1, 2]),
     ValueError, "NGram.fit: expected at least 3 ids, got 2"),
    ("ngram_of_ids_out_of_range", lambda fw: fw.models.NGram(1).fit([1, 2], 2),
     ValueError, "NGram.fit: expected ids from 0 to 1, got 1 to 2"),
    ("perplexity_of_too_few_ids", lambda fw: fw.models.NGram(2).fit([1, 2]).perplexity([1]),
     ValueError, "NGram.perplexity: expected at least 2 ids, got 1"),
    ("language_model_of_an_unknown_cell", lambda fw: fw.models.LanguageModel(5, 3, 4, "qrnn"),
     ValueError, "LanguageModel: expected cell 'rnn', 'lstm' or 'gru', got 'qrnn'"),
    ("language_model_that_sees_the_future", lambda fw: fw.models.LanguageModel(5, 3, 4, bidirectional=True),
     ValueError, "LanguageModel: expected bidirectional=False, since it must not see what it predicts"),
    ("language_model_with_weights_that_do_not_fit", lambda fw: fw.models.LanguageModel(5, 3, 4, tied=True),
     ValueError, "LanguageModel: expected equal sizes to share W, got 3 and 4"),
    ("text_generated_from_nothing", lambda fw: fw.models.LanguageModel(5, 3, 4).generate([], 3),
     ValueError, "LanguageModel.generate: expected at least 1 ids, got 0"),
    ("text_generated_below_zero", lambda fw: fw.models.LanguageModel(5, 3, 4).generate([1], 3, -1),
     ValueError, "LanguageModel.generate: expected a temperature of at least 0, got -1"),
    ("classifier_with_another_pooling", lambda fw: fw.models.RNNClassifier(5, 3, 4, pool="sum"),
     ValueError, "RNNClassifier: expected pool 'ends', 'last', 'mean' or 'max', got 'sum'"),
    ("text_cnn_without_channels", lambda fw: fw.models.TextCNN(5, 3, (2, 3), (4,)),
     ValueError, "TextCNN: expected as many channels as kernel sizes, got (4,) and (2, 3)"),
    ("text_cnn_with_vectors_of_another_size", lambda fw: fw.models.TextCNN(5, 3, vectors=np.ones((5, 2))),
     ValueError, "TextCNN: expected vectors (5, 3), got (5, 2)"),
    ("decoder_with_another_attention", lambda fw: fw.models.Decoder(5, 3, 4, attention="local"),
     ValueError, "Decoder: expected attention None, 'dot' or 'additive', got 'local'"),
    ("seq2seq_of_two_sizes", lambda fw: fw.models.Seq2Seq(fw.models.Encoder(5, 3, 4), fw.models.Decoder(5, 3, 5)),
     ValueError, "Seq2Seq: expected the same cell, layers and size, got ('gru', 1, 4) and ('gru', 1, 5)"),
    ("beam_search_of_no_width", lambda fw: fw.text.beam_search(table_step, start(), 3, 0, 4),
     ValueError, "beam_search: expected a positive width and max_len, got 0 and 4"),
)
# fmt: on
