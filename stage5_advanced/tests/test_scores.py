"""Scores of classes, pixels, values and sentences."""

import math

import numpy as np
import pytest

from .stage import Variable, cuda, package

scores = package.scores


def test_confusion_counts_classes():
    t, y = np.array([[0, 1, 2], [2, 255, 1]], np.uint8), np.array([[0, 2, 2], [1, 3, 1]])
    np.testing.assert_array_equal(
        scores.confusion(t, y, 4, ignore=255), [[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0] * 4]
    )
    np.testing.assert_array_equal(scores.confusion([1, 1], [0, 1], 2), [[0, 0], [1, 1]])


def test_scores_of_pixels():
    t, y = np.array([0, 0, 1, 1, 255, 3]), np.array([0, 1, 1, 1, 0, 0])
    assert scores.pixel_accuracy(t, y, ignore=255) == 3 / 5
    assert scores.pixel_accuracy(t, y) == 3 / 6
    mean, ious = scores.mean_iou(t, y, 5, ignore=255)
    np.testing.assert_array_equal(ious, [1 / 3, 2 / 3, np.nan, 0, np.nan])
    assert mean == pytest.approx(1 / 3)
    assert scores.mean_iou([0, 1], [0, 1], 2)[0] == 1


def test_top_k():
    y = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0], [0.3, 0.3, 0.4]])
    assert [scores.top_k([2, 1, 0], y, k) for k in (1, 2, 3)] == [1 / 3, 1, 1]
    assert scores.top_k(np.zeros(4, int), np.eye(4, 6)) == 1


def test_f1():
    t, y = np.array([1, 1, 1, 0, 0]), np.array([1, 0, 1, 1, 0])
    assert scores.f1(t, y) == pytest.approx(2 / 3)
    assert scores.f1(t, y, positive=0) == 0.5
    assert scores.f1([0, 0], [0, 0]) == 0


def test_scores_of_values():
    assert scores.mae(np.array([1, 2], np.uint8), np.array([2, 0], np.uint8)) == 1.5
    t, y = np.array([1.0, math.e, math.e**2]), np.array([-5.0, 1.0, math.e**4])
    assert scores.rmse_log(t, y) == pytest.approx(math.sqrt((0 + 1 + 4) / 3))
    assert scores.perplexity(math.log(7)) == pytest.approx(7)
    assert scores.perplexity([math.log(2), math.log(8)]) == pytest.approx(4)
    assert scores.perplexity(1e6) == math.inf


# --- sentences ---


def test_bleu_of_d2l():
    prediction, reference = "A B B C D", "A B C D E F"
    assert [scores.matches(prediction.split(), reference.split(), n) for n in (1, 2, 3, 4)] == [
        (4, 5), (3, 4), (1, 3), (0, 2),
    ]  # fmt: skip
    assert scores.bleu(prediction, reference, k=2) == pytest.approx(0.6815, abs=5e-5)
    assert scores.bleu(prediction, reference) == 0
    assert scores.bleu(list("ABBCD"), tuple("ABCDEF"), 2) == scores.bleu(prediction, reference, 2)


def test_bleu_of_short_and_of_ambiguous_sentences():
    assert scores.bleu("A B", "A B", k=4) == 1
    assert scores.bleu("", "A") == 0
    assert scores.bleu("A", "") == 0
    assert scores.bleu("A", "A B C", 1) == pytest.approx(math.exp(-2))
    assert scores.bleu(["a", "bc"], ["ab", "c"], 2) == 0  # joined without a space they would be equal


def test_bleu_of_a_corpus():
    # sacrebleu 2.6.0, tokenize="none", smooth_method="none": 54.14341926669983 and 36.21223993047662 of 100
    predictions = ["the cat is on the mat today", "there is a dog in the park"]
    references = ["the cat is on a mat", "there is a dog in a big park"]
    # n-grams: 11/14, 7/12, 5/10, 3/8, and 14 words each
    expected = (11 / 14 * 7 / 12 * 5 / 10 * 3 / 8) ** 0.25
    assert scores.corpus_bleu(predictions, references) == pytest.approx(expected)
    assert expected == pytest.approx(0.5414341926669983)
    predictions = ["the the the cat sat down here", "he reads the book because he is interested in world history"]
    references = ["the cat sat down over there now", "he was interested in world history because he read the book"]
    assert scores.corpus_bleu(predictions, references) == pytest.approx(0.3621223993047662)
    assert scores.corpus_bleu(references, references) == 1
    assert scores.corpus_bleu(["a b c"], ["a b c"]) == 0  # there are no 4-grams
    assert scores.corpus_bleu(["a b c"], ["a b c d"], k=2) == pytest.approx(math.exp(-1 / 3))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: scores.confusion([0], [0, 1], 2), ValueError, r"confusion: expected t and y of one shape, not empty"),
        (
            lambda: scores.mae([], []),
            ValueError,
            r"mae: expected t and y of one shape, not empty, got \(0,\) and \(0,\)",
        ),
        (lambda: scores.confusion([0.0], [0.0], 2), TypeError, "confusion: expected integers, got float64 and float64"),
        (lambda: scores.confusion([0], [2], 2), ValueError, "confusion: expected classes from 0 to 1, got 2 to 2"),
        (lambda: scores.mean_iou([-1], [0], 2), ValueError, "mean_iou: expected classes from 0 to 1, got -1 to -1"),
        (lambda: scores.mean_iou([9], [0], 2, 9), ValueError, "mean_iou: expected a target other than 9, got none"),
        (lambda: scores.pixel_accuracy([9], [0], 9), ValueError, "pixel_accuracy: expected a target other than 9"),
        (lambda: scores.top_k([0], np.eye(2)), ValueError, r"top_k: expected t \(N,\), y \(N, C\) and k from 1 to C"),
        (lambda: scores.rmse_log([0.0], [1.0]), ValueError, "rmse_log: expected positive targets, got 0.0"),
        (lambda: scores.perplexity([]), ValueError, r"perplexity: expected at least one loss, got \(0,\)"),
        (lambda: scores.bleu("a", "a", 0), ValueError, "^bleu: expected k to be at least 1, got 0"),
        (lambda: scores.corpus_bleu(["a"], ["a"], -1), ValueError, "^corpus_bleu: expected k to be at least 1, got -1"),
        (lambda: scores.corpus_bleu(["a"], []), ValueError, "corpus_bleu: expected one reference for each prediction"),
    ],
)
def test_errors_of_scores(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_scores_take_variables_and_arrays_of_a_gpu(xp_device):
    t, y = xp_device.asarray(np.array([0, 1, 1])), xp_device.asarray(np.array([0, 1, 0]))
    np.testing.assert_array_equal(scores.confusion(t, y, 2), [[1, 0], [1, 1]])
    assert scores.pixel_accuracy(t, y) == pytest.approx(2 / 3)
    assert scores.f1(t, y) == pytest.approx(2 / 3)
    assert scores.perplexity(Variable(xp_device.asarray(np.zeros(3)))) == 1
    assert scores.mae(cuda.as_numpy(t), y) == pytest.approx(1 / 3)
