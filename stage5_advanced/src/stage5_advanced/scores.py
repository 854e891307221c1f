"""Scores of predictions, as numbers: of classes, pixels, values and sentences. The targets t come first.

Arguments are arrays, on the host or a GPU, or Variables; nothing here is differentiated.
"""

import collections
import math

import numpy as np

from . import cuda
from .core import as_count


def pair(name, t, y):
    """(t, y) as NumPy arrays. Raises ValueError if their shapes differ or they are empty."""
    t, y = cuda.as_numpy(t), cuda.as_numpy(y)
    if t.shape != y.shape or t.size == 0:
        raise ValueError(f"{name}: expected t and y of one shape, not empty, got {t.shape} and {y.shape}")
    return t, y


def counted(name, t, y, n, ignore):
    """The confusion matrix (n, n) of integers t and y."""
    t, y = pair(name, t, y)
    if t.dtype.kind not in "iu" or y.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got {t.dtype} and {y.dtype}")
    t, y = (a[t != ignore].astype(np.int64) for a in (t, y))  # a comparison with None is true everywhere
    if t.size == 0:
        raise ValueError(f"{name}: expected a target other than {ignore}, got none")
    for a in (t, y):
        if a.min() < 0 or a.max() >= n:
            raise ValueError(f"{name}: expected classes from 0 to {n - 1}, got {a.min()} to {a.max()}")
    return np.bincount(t * n + y, minlength=n * n).reshape(n, n)


def confusion(t, y, n, ignore=None):
    """How often class i (row) was predicted as class j (column) -> (n, n), int64. [not in the book]

    t, y: integers below n, of one shape; where t is `ignore`, nothing is counted.
    """
    return counted("confusion", t, y, n, ignore)


def pixel_accuracy(t, y, ignore=None):
    """The fraction of the targets other than `ignore` that are predicted correctly. [not in the book]"""
    t, y = pair("pixel_accuracy", t, y)
    known = t != ignore  # a comparison with None is true everywhere
    if not known.any():
        raise ValueError(f"pixel_accuracy: expected a target other than {ignore}, got none")
    return float((t == y)[known].mean())


def mean_iou(t, y, n, ignore=None):
    """(mean, per class (n,)) of intersection over union, for segmentation. [not in the book]

    A class that occurs neither in t nor in y is nan, and the mean leaves it out. Arguments as in `confusion`.
    """
    counts = counted("mean_iou", t, y, n, ignore)
    union = counts.sum(axis=0) + counts.sum(axis=1) - np.diag(counts)
    ious = np.where(union > 0, np.diag(counts) / np.maximum(union, 1), np.nan)
    return float(np.nanmean(ious)), ious


def top_k(t, y, k=5):
    """The fraction of rows whose class is among the k with the highest scores.  t (N,), y (N, C). [not in the book]

    Of equal scores, those of lower classes count as higher.
    """
    t, y = cuda.as_numpy(t), cuda.as_numpy(y)
    if y.ndim != 2 or t.shape != y.shape[:1] or len(t) == 0 or not 1 <= k <= y.shape[1]:
        raise ValueError(f"top_k: expected t (N,), y (N, C) and k from 1 to C, got {t.shape}, {y.shape} and {k}")
    highest = np.argsort(-y, axis=1, kind="stable")[:, :k]
    return float((highest == t[:, None]).any(axis=1).mean())


def f1(t, y, positive=1):
    """The harmonic mean of precision and recall for the class `positive`; 0 if it never occurs. [not in the book]"""
    t, y = pair("f1", t, y)
    both = np.sum((t == positive) & (y == positive))
    return float(2 * both / max(1, np.sum(t == positive) + np.sum(y == positive)))


def mae(t, y):
    """The mean absolute error. [not in the book]"""
    t, y = pair("mae", t, y)
    return float(np.abs(np.subtract(y, t, dtype=np.float64)).mean())


def rmse_log(t, y):
    """The root mean squared error of logarithms: relative errors of prices. [not in the book]

    Predictions below 1 count as 1. Raises ValueError if a target is not positive.
    """
    t, y = pair("rmse_log", t, y)
    if not t.min() > 0:
        raise ValueError(f"rmse_log: expected positive targets, got {t.min()}")
    return math.sqrt(np.mean((np.log(np.maximum(y, 1)) - np.log(t)) ** 2, dtype=np.float64))


def perplexity(losses):
    """exp of the mean of cross entropies, one per token; of C equally likely tokens it is C. [not in the book]"""
    losses = cuda.as_numpy(losses)
    if losses.size == 0:
        raise ValueError(f"perplexity: expected at least one loss, got {losses.shape}")
    with np.errstate(over="ignore"):
        return float(np.exp(losses.mean(dtype=np.float64)))


# --- sentences ---


def tokens(sentence):
    """A sentence as a list: a str split at white space, or a sequence of tokens."""
    return sentence.split() if isinstance(sentence, str) else list(sentence)


def matches(prediction, reference, n):
    """(how many n-grams of the prediction occur in the reference, how many there are); each counts once for each."""
    grams = [
        collections.Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in (prediction, reference)
    ]
    return (grams[0] & grams[1]).total(), grams[0].total()


def brevity(n_predicted, n_reference):
    """The penalty of predictions that are too short."""
    return math.exp(min(0, 1 - n_reference / n_predicted))


def bleu(prediction, reference, k=4):
    """BLEU of one sentence, as in d2l: exp(min(0, 1 - len_ref / len_pred)) prod_n p_n^(1/2^n). [not in the book]

    p_n: the fraction of the n-grams of the prediction that occur in the reference, for n up to k and up to the length
    of the prediction. A sentence is a str, split at white space, or a sequence of tokens. An empty prediction gives 0.
    """
    k = as_count("bleu", "k", k)
    prediction, reference = tokens(prediction), tokens(reference)
    if not prediction:
        return 0.0
    score = brevity(len(prediction), len(reference))
    for n in range(1, min(k, len(prediction)) + 1):
        matching, total = matches(prediction, reference, n)
        score *= (matching / total) ** 0.5**n
    return score


def corpus_bleu(predictions, references, k=4):
    """BLEU of a corpus, 0-1: the geometric mean of the precisions of n-grams, n = 1 to k, times the brevity penalty.

    Counts are summed over all sentences before they are divided, without smoothing: 0 if nothing of a length matches.
    predictions, references: sentences as in `bleu`, one reference for each prediction. [not in the book]
    """
    if len(predictions) != len(references) or len(predictions) == 0:
        raise ValueError(
            f"corpus_bleu: expected one reference for each prediction, got {len(predictions)} and {len(references)}"
        )
    k = as_count("corpus_bleu", "k", k)
    pairs = [(tokens(p), tokens(r)) for p, r in zip(predictions, references, strict=True)]
    logs = 0.0
    for n in range(1, k + 1):
        matching, total = (sum(counts) for counts in zip(*(matches(p, r, n) for p, r in pairs), strict=True))
        if matching == 0:
            return 0.0
        logs += math.log(matching / total)
    return brevity(sum(len(p) for p, _ in pairs), sum(len(r) for _, r in pairs)) * math.exp(logs / k)
