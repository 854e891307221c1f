"""Beyond the book: scores of Variables and lists, sentences at their limits, searches and batches step by step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import PIL.Image

from .beyond_limits import ONCE, owner
from .steps52_60 import drawing
from .utilities import NUMPY
from .values import values

# --- scores ---

CLASSES = np.array([[0, 1, 1], [2, 0, 1]])
FOUND = np.array([[0, 1, 0], [2, 2, 1]])
ROWS = np.array([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]])
LARGE = np.array([2**24 + 1, 0])
FEW = np.array([0.1, 0.2, 0.4], np.float32)
NOTHING = [[0, 0], [0, 0]]


def score(fw: Any, kind: Any) -> list[Any]:
    """Every score, of arguments of a kind; numbers are Python's."""
    s, t, y = fw.scores, kind(CLASSES), kind(FOUND)
    iou, each = s.mean_iou(t, y, 4)
    found = [
        s.pixel_accuracy(t, y), s.pixel_accuracy(t, y, 2), iou, s.top_k(kind(np.array([1, 0])), kind(ROWS), 1),
        s.top_k(kind(np.array([0])), kind(ROWS[:1]), 2), s.f1(t, y), s.mae(kind(LARGE), kind(0 * LARGE)),
        s.rmse_log(kind(1.0 + CLASSES), kind(1.0 + FOUND)), s.perplexity(kind(np.log([2.0, 8.0]))),
        s.perplexity(kind(np.array([1e9]))),
        s.bleu("a", "a"), s.corpus_bleu(["a b c d"], ["a b c d"]),
    ]  # fmt: skip
    return [s.confusion(t, y, 3), *found, [type(number) is float for number in found], each]


def expected_scores() -> list[Any]:
    log = np.sqrt((np.log(2) ** 2 + np.log(3) ** 2) / 6)
    found = [4 / 6, 3 / 5, 0.5, 0.5, 0.0, 4 / 5, (2**24 + 1) / 2, log, 4.0, np.inf, 1.0, 1.0]
    counts = np.array([[1, 0, 1], [1, 2, 0], [0, 0, 1]])
    return [counts, *found, [True] * 12, np.array([1 / 3, 2 / 3, 1 / 2, np.nan])]


def all_scores(fw: Any) -> list[Any]:
    """Of arrays, Variables and lists; a division by 0 would raise an error."""
    fw.scores  # noqa: B018 - Missing, if the stage does not have it
    with np.errstate(all="raise"):
        return [score(fw, kind) for kind in (np.asarray, fw.Variable, np.ndarray.tolist)]


def small_types(fw: Any) -> list[Any]:
    """Scores of bytes, of classes that bytes cannot count, and of float32, whose means are of float64."""
    s, t = fw.scores, np.array([0, 200], np.uint8)
    return [
        s.confusion(CLASSES.astype(np.uint8), FOUND.astype(np.uint8), 3), np.argwhere(s.confusion(t, t, 250)),
        s.rmse_log(FEW, FEW * 20), s.perplexity(FEW), s.top_k([3, 10], np.ones((2, 30))),
    ]  # fmt: skip


def expected_small() -> list[Any]:
    squares = (np.log(np.maximum(FEW * 20, 1)) - np.log(FEW)) ** 2
    found = [np.sqrt(squares.astype(float).mean()), np.exp(FEW.astype(float).mean())]
    return [expected_scores()[0], np.array([[0, 0], [200, 200]]), *found, 0.5]


def sentences(fw: Any) -> list[Any]:
    """BLEU, whose n-grams have up to four words by default; sentences may be iterators."""
    return [
        fw.scores.bleu(iter("ab"), iter("ab")),
        fw.scores.bleu("a b c d e", "a b c d f"),
        fw.scores.corpus_bleu(["a b c d e"], ["a b c d f"]),
    ]


def wrong_scores(fw: Any) -> list[str]:
    """What is said of classes that are not integers or out of range, and of scores without rows."""
    s = fw.scores
    calls: list[Any] = [
        *(partial(s.confusion, t, y, 2) for t, y in (([0], [0.0]), ([0.0], [0]), ([0, -1], [0, 0]), ([0, 0], [-1, 1]),
                                                     ([0, 2], [0, 0]), ([0, 0], [2, 0]))),
        *(partial(s.top_k, t, y, 1) for t, y in (([0], [1.0]), ([0, 0], [[1.0]]), ([[0]], [[1.0]]), ([], ROWS[:0]))),
        partial(s.top_k, [0], ROWS[:1], 0), partial(s.top_k, [0], ROWS[:1], 4), partial(s.rmse_log, [1.0], [1, 2]),
    ]  # fmt: skip
    return [owner(call) for call in calls]


# --- searches ---


class Steps:
    """A model whose probabilities of the next token are rows of a table; it notes whether its steps are of inference.

    A row of src that starts with 1 ends at once.
    """

    bos, eos = 0, 1

    def __init__(self, fw: Any, *rows: Any):
        self.fw, self.rows, self.modes = fw, rows, list[bool]()

    def start(self, src: Any, lengths: Any) -> Any:
        self.ends = np.asarray(src)[:, 0] == 1
        return 0

    def step(self, ids: Any, state: Any) -> Any:
        y = self.fw.dropout(self.fw.Variable(np.ones(50)) * 1)
        self.modes.append(bool((y.data == 1).all() and y.creator is None))
        row = np.array(self.rows[state[0] if np.ndim(state) else state], float)
        p = np.tile(row, (len(ids), 1))
        if np.ndim(state) == 0:
            p[self.ends] = [0, 1, 0]
        with np.errstate(divide="ignore"):
            return np.log(p), state + 1


def searches(fw: Any) -> list[Any]:
    """Greedy and beam search: their sequences, how many steps they took, and whether each was one of inference."""
    model = Steps(fw, [0.1, 0.0, 0.9], [0.0, 0.8, 0.2], [0.5, 0.0, 0.5])
    found = fw.text.greedy(model, np.eye(2), 9)
    steps, model.modes = model.modes, []
    first = (0, np.zeros(1, int))
    best, short = (fw.text.beam_search(model.step, first, 1, 3, max_len) for max_len in (3, 1))
    scores = [type(number) is float and type(ids[0]) is int for ids, number in (*best, *short)]
    return [*found, len(steps), all(steps), best[0][0], short[0][0], len(model.modes), all(model.modes), all(scores)]


# --- batches ---


def batches(fw: Any) -> Iterator[Any]:
    """Consecutive batches of texts whose last row just has a token behind it, or not; sentences without words."""
    text = fw.text
    yield [list(text.lm_batches(range(n), 2, 2, "consecutive")) for n in (8, 9, 10)]
    yield [len(list(text.lm_batches(range(n), 3, 1, "consecutive"))) for n in (6, 7, 8, 9)]
    with drawing(0):
        yield list(text.lm_batches(range(13), 2, 2))
    yield [text.pad_batch([]), text.cooccurrences([]), text.Vocabulary("a").encode([])]
    ids, others, counts = text.cooccurrences([range(8)])
    yield [abs(ids - others).max(), counts.sum()]


def expected_batches() -> Iterator[Any]:
    for n in (8, 9, 10):
        row, starts = n // 2, (0,) if n == 8 else (0, 2)
        yield [(x := np.array([[i, i + 1], [row + i, row + i + 1]]), x + 1) for i in starts]
    yield [1, 2, 2, 2]
    order = np.random.RandomState(0).permutation(6).reshape(3, 2, 1) * 2
    yield [(x, x + 1) for x in order + np.arange(2)]
    yield [np.zeros((0, 0), int), *[np.zeros(0, int)] * 3, np.zeros(0), np.zeros(0, int)]
    yield [5, sum(2 * (8 - d) / d for d in range(1, 6))]


class Limit(np.random.Generator):
    """A generator whose numbers are all 0.5."""

    def random(self, size: Any) -> Any:  # type: ignore[override]
        return np.full(size, 0.5)


def frequent(fw: Any) -> list[Any]:
    """Subsampled sentences: of words that were not counted, of a single word, of a draw that is the limit."""
    text = fw.text
    limit = Limit(np.random.PCG64(0))
    with drawing(0), np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        rare = text.subsample([[0, 1, 0]], np.array([0, 3], np.float16), 3.0)
        none, single = text.subsample([[0]], [0], 1.0), text.subsample([[0] * 100], [1], 0.25)
    words = [type(word) is int for word, _ in text.pairs([np.arange(3)])]
    return [rare, none, len(single[0]), text.subsample([[0, 0], []], [1], 0.25, limit), words]


def expected_frequent() -> list[Any]:
    draws = np.random.RandomState(0).random_sample(104)[4:]
    return [[np.array([0, 1, 0])], [np.array([0])], int((draws < 0.5).sum()), [np.array([], int)], [True] * 3]


# --- transforms ---


def transforms(fw: Any) -> list[Any]:
    """Transforms of an iterator; images that are black, and arrays that are no images."""
    t = fw.transforms
    calls = (np.zeros((1, 1, 2)), np.zeros((3, 2)), np.zeros((3, 2, 2, 2)))
    image = PIL.Image.fromarray(np.arange(63, dtype=np.uint8).reshape(7, 9))
    return [
        t.Compose(iter([np.negative, np.exp]))(np.zeros(2)),
        t.CenterCrop((2, 3))(image),
        [owner(partial(t.ToPIL(), x)) for x in calls],
    ]


def transformed(fw: Any) -> list[Any]:
    """The first sample of synthetic data, by both transforms."""
    s = fw.synthetic
    kinds = (s.Houses, partial(s.Shapes, size=16), s.Reviews, s.Phrases)
    return [kind(2, transform=lambda x: "x", target_transform=lambda t: "t")[0] for kind in kinds]


# fmt: off
values(
    58, NUMPY, ("transforms_at_their_limits", transforms, lambda: [
        np.ones(2), PIL.Image.fromarray(np.arange(63, dtype=np.uint8).reshape(7, 9)[2:5, 3:5]),
        ["no error", "ValueError: ToPIL", "ValueError: ToPIL"]]),
)
values(
    60, NUMPY,
    ("scores_of_every_kind", all_scores, lambda: [expected_scores()] * 3),
    ("scores_of_small_types", small_types, expected_small),
    ("bleu_of_up_to_four_words", sentences, lambda: [
        1.0, (4 / 5) ** 0.5 * (3 / 4) ** 0.25 * (2 / 3) ** 0.125 * 0.5 ** 0.0625, (4 / 5 * 3 / 4 * 2 / 3 / 2) ** 0.25]),
    ("scores_of_wrong_classes", wrong_scores, lambda: [
        *["TypeError: confusion"] * 2, *["ValueError: confusion"] * 4, *["ValueError: top_k"] * 6,
        "ValueError: rmse_log"]),
    ("searches_step_by_step", searches, lambda: [
        np.array([1]), np.array([2, 1]), 2, True, [2, 1], [2], 4, True, True]),
    ("batches_at_the_end_of_a_text", lambda fw: list(batches(fw)), lambda: list(expected_batches())),
    ("frequent_words_left_out", frequent, expected_frequent),
    ("houses_of_a_room", lambda fw: [fw.synthetic.Houses(4000).table[name].min() for name in ("rooms", "baths")],
     lambda: [1.0, 1.0]),
    ("shapes_where_there_is_room", lambda fw: (fw.synthetic.Shapes(12, 16, most=9).boxes[..., 0] >= 0).sum(axis=1),
     lambda: np.array([7, 6, 1, 8, 4, 1, 7, 3, 6, 3, 4, 5])),
    ("synthetic_data_transformed", transformed, lambda: [("x", "t")] * 4),
    **ONCE,
)
# fmt: on
