"""Batches for training vectors of words, from sentences of ids: a list of integer arrays."""

import numpy as np


def subsample(corpus, counts, sample=1e-4, rng=None):
    """The sentences without some of the frequent words. [not in the book]

    A word whose share of all words is f is dropped with probability max(0, 1 - sqrt(sample / f)). rng: a
    np.random.Generator, or a seed; None stands for NumPy's global generator.
    """
    share = np.asarray(counts, float) / max(1, np.sum(counts))
    kept = np.sqrt(sample / np.maximum(share, 1e-300))
    draw = np.random.random_sample if rng is None else np.random.default_rng(rng).random
    return [ids[draw(len(ids)) < kept[ids]] for ids in map(np.asarray, corpus) if len(ids)]


def pairs(corpus, window=5, rng=None):
    """Yield (word, its neighbors) for each word: up to n on both sides, n drawn from 1 to window. [not in the book]"""
    draw = np.random.randint if rng is None else np.random.default_rng(rng).integers
    for ids in map(np.asarray, corpus):
        for at, n in enumerate(draw(1, window + 1, len(ids)).tolist()):
            around = np.concatenate([ids[max(0, at - n) : at], ids[at + 1 : at + 1 + n]])
            if len(around):
                yield int(ids[at]), around


def skipgram_batches(corpus, batch_size, window=5, rng=None):
    """Yield shuffled batches of `pairs`: words (N,), neighbors (N, 2 window), and a mask of these. [not in the book]

    Neighbors that do not exist are 0, and False in the mask.
    """
    rng = None if rng is None else np.random.default_rng(rng)
    found = list(pairs(corpus, window, rng))
    order = (np.random if rng is None else rng).permutation(len(found))
    for start in range(0, len(found), batch_size):
        chosen = [found[n] for n in order[start : start + batch_size]]
        neighbors = np.zeros((len(chosen), 2 * window), np.int64)
        mask = np.zeros(neighbors.shape, bool)
        for row, (_, around) in enumerate(chosen):
            neighbors[row, : len(around)] = around
            mask[row, : len(around)] = True
        yield np.array([word for word, _ in chosen]), neighbors, mask


def cooccurrences(corpus, window=5, weight="distance"):
    """How often words are at most `window` apart: arrays i, j and x, for each pair that occurs. [not in the book]

    weight: 'distance', each occurrence counts 1 / distance, or 'one'. Raises ValueError for anything else.
    """
    if weight not in ("distance", "one"):
        raise ValueError(f"cooccurrences: expected weight 'distance' or 'one', got {weight!r}")
    found = {}
    for ids in corpus:
        for at, i in enumerate(np.asarray(ids).tolist()):
            for distance, j in enumerate(np.asarray(ids)[at + 1 : at + 1 + window].tolist(), 1):
                x = 1 / distance if weight == "distance" else 1.0
                found[i, j] = found.get((i, j), 0.0) + x
                found[j, i] = found.get((j, i), 0.0) + x
    keys = sorted(found)
    i, j = np.array(keys, np.int64).reshape(-1, 2).T
    return i, j, np.array([found[key] for key in keys])
