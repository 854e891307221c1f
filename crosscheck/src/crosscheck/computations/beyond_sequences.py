"""Beyond the book: sequences of ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import errors
from .values import values

LOOPS = "lists in loops, with the same random numbers; PyTorch has no such functions"


def seeded(f: Any, *arguments: Any, **options: Any) -> Any:
    """f(), and all that it iterates over, after seeding NumPy's global generator."""
    before = np.random.get_state()
    np.random.seed(4)
    try:
        found = f(*arguments, **options)
        return found if isinstance(found, list) else list(found)
    finally:
        np.random.set_state(before)


def sections(n: int, batch: int, steps: int) -> Any:
    """Sections in random order."""
    order = np.random.RandomState(4).permutation((n - 1) // steps)
    rows = [[i * steps + j for j in range(steps)] for i in order]
    return [
        (np.array(rows[i : i + batch]), np.array(rows[i : i + batch]) + 1)
        for i in range(0, len(rows) - batch + 1, batch)
    ]


def consecutive(n: int, batch: int, steps: int) -> Any:
    """Sections that go on in the next batch."""
    row, found = n // batch, []
    for start in range(0, min(row, n - 1 - row * (batch - 1)) - steps + 1, steps):
        x = np.array([[b * row + start + j for j in range(steps)] for b in range(batch)])
        found.append((x, x + 1))
    return found


def translated(fw: Any, *arguments: Any) -> Any:
    """Pairs of sentences as arrays."""
    x, t, vocabularies = fw.text.translation_batches([("a b", "x"), ("a", "x y z"), ("b", "z z")], 3, *arguments)
    return x, t, [vocabulary.tokens for vocabulary in vocabularies]


def again(fw: Any) -> Any:
    """A sentence with the vocabularies of others."""
    known = fw.text.translation_batches([("a", "x")], 3)[2]
    return fw.text.translation_batches([("c a", "x")], 4, known)[:2]


HEAD = ["<pad>", "<bos>", "<eos>", "<unk>"]

# fmt: off
values(
    60, LOOPS,
    ("batches_of_a_language_model", lambda fw: seeded(fw.text.lm_batches, range(30), 2, 6), lambda: sections(30, 2, 6)),
    ("consecutive_batches_of_a_language_model",
     lambda fw: [seeded(fw.text.lm_batches, range(n), 2, 6, "consecutive") for n in (30, 26, 25)],
     lambda: [consecutive(n, 2, 6) for n in (30, 26, 25)]),
    ("texts_of_one_length", lambda fw: [fw.text.pad_batch([[1, 2, 3], [], [4]]), fw.text.pad_batch([[1, 2], [4]], 1, 9),
                                        fw.text.pad_batch([[1], []], 2, 9)],
     lambda: [np.array([[1, 2, 3], [0, 0, 0], [4, 0, 0]]), np.array([3, 0, 1]), np.array([[1], [4]]), np.array([1, 1]),
              np.array([[1, 9], [9, 9]]), np.array([1, 0])]),
    ("sentences_to_translate", lambda fw: [translated(fw), translated(fw, None, 2), again(fw)],
     lambda: [np.array([[5, 4, 2], [4, 2, 0]]), np.array([[5, 2, 0], [4, 4, 2]]), [*HEAD, "b", "a"], [*HEAD, "z", "x"],
              np.array([[3, 4, 2], [4, 2, 0]]), np.array([[3, 2, 0], [4, 4, 2]]), [*HEAD, "b"], [*HEAD, "z"],
              np.array([[3, 4, 2, 0]]), np.array([[4, 2, 0, 0]])]),
    since=5,
)
errors(
    60,
    ("language_model_in_an_unknown_order", lambda fw: fw.text.lm_batches(range(9), 2, 2, "sorted"),
     ValueError, "lm_batches: expected order 'random' or 'consecutive', got 'sorted'"),
    ("language_model_of_a_short_text", lambda fw: fw.text.lm_batches(range(12), 2, 6),
     ValueError, "lm_batches: expected ids (N,) with more than batch * steps = 12 elements, got (12,)"),
    ("sentences_that_are_too_long", lambda fw: fw.text.translation_batches([("a b", "c")], 2),
     ValueError, "translation_batches: expected sentences of less than 2 tokens, got none"),
    since=5,
)
# fmt: on
