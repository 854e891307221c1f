"""Sections of texts, padded batches, sentences for translation."""

import numpy as np
import pytest

from .stage import package

text = package.text


def test_batches_of_d2l():
    for order in ("random", "consecutive"):
        batches = list(text.lm_batches(range(30), 2, 6, order))
        assert [x.shape for x, _ in batches] == [(2, 6)] * 2
        for x, t in batches:
            np.testing.assert_array_equal(t, x + 1)
    (a, _), (b, _) = text.lm_batches(range(30), 2, 6, "consecutive")
    np.testing.assert_array_equal(a[:, 0], [0, 15])
    np.testing.assert_array_equal(b[:, 0], a[:, -1] + 1)


def test_random_sections_do_not_overlap():
    rng = np.random.default_rng(0)
    batches = [x for x, _ in text.lm_batches(np.arange(100) * 2, 3, 4, rng=rng)]
    starts = np.concatenate([x[:, 0] for x in batches])
    assert len(starts) == len(set(starts.tolist())) == 24
    assert not np.array_equal(starts, np.sort(starts))
    assert (starts % 8 == 0).all()


@pytest.mark.parametrize("n", [13, 24, 25, 26, 36, 37])
def test_no_batch_is_incomplete(n):
    for order in ("random", "consecutive"):
        batches = list(text.lm_batches(range(n), 2, 6, order))
        assert len(batches) == (n - 1) // 12
        assert all(x.shape == t.shape == (2, 6) for x, t in batches)


def test_pad_batch():
    ids, lengths = text.pad_batch([[1, 2, 3], [], [4]], pad=9)
    np.testing.assert_array_equal(ids, [[1, 2, 3], [9, 9, 9], [4, 9, 9]])
    assert lengths.tolist() == [3, 0, 1]
    ids, lengths = text.pad_batch([[1, 2, 3], [4]], 2)
    np.testing.assert_array_equal(ids, [[1, 2], [4, 0]])
    assert lengths.tolist() == [2, 1]


def test_sentences_for_translation():
    pairs = [("a b", "x"), ("a", "x y z"), ("b", "z z")]
    x, t, (source, target) = text.translation_batches(pairs, 3)
    assert source.tokens == ["<pad>", "<bos>", "<eos>", "<unk>", "b", "a"]
    assert target.tokens == ["<pad>", "<bos>", "<eos>", "<unk>", "z", "x"]
    np.testing.assert_array_equal(x, [[5, 4, 2], [4, 2, 0]])
    np.testing.assert_array_equal(t, [[5, 2, 0], [4, 4, 2]])
    x, t, same = text.translation_batches([("c a", "z")], 4, (source, target))
    assert (x.tolist(), t.tolist(), same) == ([[3, 5, 2, 0]], [[4, 2, 0, 0]], (source, target))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: text.lm_batches(range(9), 2, 2, "sorted"), "expected order 'random' or 'consecutive', got 'sorted'"),
        (lambda: text.lm_batches(range(12), 2, 6), r"more than batch \* steps = 12 elements, got \(12,\)"),
        (lambda: text.translation_batches([("a b", "c")], 2), "expected sentences of less than 2 tokens, got none"),
    ],
)
def test_errors_of_sequences(call, message):
    with pytest.raises(ValueError, match=message):
        call()
