"""Beyond the book: synthetic data, and tables as features."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .errors import errors
from .values import values

KNOWN = "what is known of data that are drawn at random; PyTorch has no such data sets"
NUMPY = "the formula in NumPy; PyTorch has no tables"
TABLE = {"n": [1, 3, 5], "x": np.array([1.0, np.nan, 2.0]), "same": [7, 7, 7], "w": np.array(["b", "", "a"])}
ROOT = 0.5 / np.sqrt(0.5)
FEATURES = np.array([[-1, -ROOT, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1], [1, ROOT, 0, 1, 0, 0]], np.float32)


def houses(fw: Any, **options: Any) -> Any:
    """Facts about houses."""
    data = fw.synthetic.Houses(50, **options)
    x, t = data[0]
    roomy = data.columns.index("rooms")
    rooms = data.table["rooms"]
    standardized = np.abs(data.data[:, roomy] - (rooms - rooms.mean()) / rooms.std(ddof=1)).max() < 1e-6
    return len(data), x.shape, x.dtype, np.shape(t), bool(standardized), sorted(data.table), len(data.columns)


def same(fw: Any) -> bool:
    """Whether a seed, its default and a generator give the same houses, and another seed others."""
    a, b, c, d = (fw.synthetic.Houses(5, *rng).label.tolist() for rng in ((), (0,), (np.random.default_rng(0),), (1,)))
    return bool(a == b == c != d)


def shapes(fw: Any, **options: Any) -> Any:
    """Facts about shapes: sizes, and whether boxes are the bounds of what the masks show."""
    data = fw.synthetic.Shapes(4, **options)
    x, t = data[1]
    S, right = x.shape[1], True
    for mask, boxes in zip(data.masks, data.boxes, strict=True):
        covered = np.zeros_like(mask)
        for c, x0, y0, x1, y1 in boxes[boxes[:, 0] >= 0]:
            area = np.s_[round(S * y0) : round(S * y1), round(S * x0) : round(S * x1)]
            part = covered[area]
            part[mask[area] == c + 1] = c + 1
        right &= bool((covered == mask).all() and (boxes[:, 0] >= 0).any())
    return len(data), x.shape, x.dtype, np.shape(t), right, fw.synthetic.Shapes.labels()


def world(fw: Any, **options: Any) -> Any:
    """Facts about a world of words."""
    found = fw.synthetic.World(**options)
    questions = {name: pairs[0] for name, pairs in found.questions.items()}
    return len(found.sentences), questions, sum(1 for _ in found.analogies()), next(found.analogies())


def reviews(fw: Any) -> Any:
    """Whether the last clause, or the one that counts, says the label."""
    data = fw.synthetic.Reviews(60)
    good = ["good", "great", "brilliant", "moving", "funny", "superb", "charming", "clever", "lovely", "gripping"]
    right = True
    for sentence, label in data:
        clause = sentence.split(" but ")[-1].split(" and ")[-1].split(" the ")[-1].split()
        right &= label == (any(word in good for word in clause) != ("not" in clause))
    return len(data), right, data.data == fw.synthetic.Reviews(60, 0).data


def phrases(fw: Any) -> Any:
    """Whether phrases are different, and articles elided before vowels only."""
    data = fw.synthetic.Phrases(300)
    pairs = [pair for french in data.label for pair in itertools.pairwise(french.split())]
    elided = [b[0] for a, b in pairs if a[-1] == "'"]
    full = [b[0] for a, b in pairs if a in ("le", "la", "ne")]
    return (
        len(set(data.data)), len(set(data.label)), set(elided) <= set("oaeé"), set(full) & set("oaeé") == set(),
        all(("not" in a.split()) == ("pas" in b.split()) for a, b in data),
    )  # fmt: skip


TRANSFORMED = {"transform": lambda x: x[:3], "target_transform": np.log}
COLUMNS = "area baths district fireplace floors garage heating lot quality renovated rooms year"
QUESTIONS = {
    "capitals": ("japan", "tokyo"), "currencies": ("japan", "yen"), "comparatives": ("big", "bigger"),
    "superlatives": ("big", "biggest"), "past": ("sing", "sang"), "participles": ("sing", "singing"),
}  # fmt: skip
FIRST = ("capitals", "japan", "tokyo", "china", "beijing")
NAMES = {0: "disc", 1: "square", 2: "triangle"}

# fmt: off
values(
    60, NUMPY,
    ("features_of_a_table", lambda fw: fw.datasets.table_features(TABLE),
     lambda: (FEATURES, ["n", "x", "same", "w=a", "w=b", "w="])),
    ("features_of_known_words", lambda fw: fw.datasets.table_features({"w": ["b", ""]}, {"w": ["a", "b"]}),
     lambda: (np.array([[0, 1, 0], [0, 0, 1]], np.float32), ["w=a", "w=b", "w="])),
    since=5,
)
values(
    60, KNOWN,
    ("houses", lambda fw: houses(fw), lambda: (50, (24,), np.float32, (1,), True, COLUMNS.split(), 24)),
    ("houses_transformed", lambda fw: houses(fw, **TRANSFORMED)[:4], lambda: (50, (3,), np.float32, (1,))),
    ("houses_of_a_seed", same, lambda: True),
    ("shapes_to_detect", lambda fw: shapes(fw), lambda: (4, (3, 64, 64), np.float32, (3, 5), True, NAMES)),
    ("shapes_to_segment", lambda fw: shapes(fw, size=32, task="segmentation", most=2, rng=1),
     lambda: (4, (3, 32, 32), np.float32, (32, 32), True, NAMES)),
    ("world_of_words", lambda fw: world(fw, n=50), lambda: (50, QUESTIONS, 2064, FIRST)),
    ("world_of_twenty_thousand_sentences", lambda fw: world(fw)[0], lambda: 20_000),
    ("reviews", reviews, lambda: (60, True, True)),
    ("phrases", phrases, lambda: (300, 300, True, True, True)),
    since=5,
)
errors(
    60,
    ("table_of_columns_of_different_lengths", lambda fw: fw.datasets.table_features({"a": [1, 2], "b": [1]}),
     ValueError, "table_features: expected columns of one length, got 1 for 'b'"),
    ("table_with_an_unknown_word", lambda fw: fw.datasets.table_features({"w": ["b"]}, {"w": ["a"]}),
     ValueError, "table_features: expected words of ['a'] for 'w', got ['b']"),
    ("no_houses", lambda fw: fw.synthetic.Houses(0), ValueError, "Houses: expected at least one sample, got 0"),
    ("shapes_for_an_unknown_task", lambda fw: fw.synthetic.Shapes(1, task="boxes"),
     ValueError, "Shapes: expected task 'detection' or 'segmentation', got 'boxes'"),
    ("shapes_that_are_too_small", lambda fw: fw.synthetic.Shapes(1, 8),
     ValueError, "Shapes: expected a size of at least 16 and at least one shape, got 8 and 3"),
    ("world_without_sentences", lambda fw: fw.synthetic.World(n=0),
     ValueError, "World: expected at least one sentence, got 0"),
    ("phrases_without_end", lambda fw: fw.synthetic.Phrases(10**6),
     ValueError, "Phrases: expected at most 48816 phrases, got 1000000"),
    since=5,
)
# fmt: on
