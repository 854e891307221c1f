"""Sequences of ids to train on: sections of a text, padded batches, sentences and their translations."""

import numpy as np

from .vocabulary import Vocabulary


def lm_batches(ids, batch, steps, order="random", rng=None):
    """Iterate over (x, t), both (batch, steps): sections of a text, and the same one token later. [not in the book]

    order: "random", sections that do not overlap, in random order; or "consecutive", where each row continues that of
    the batch before, so that the state of a model can be kept. What is left over is left out. rng: a
    np.random.Generator, or a seed; None stands for NumPy's global one.
    """
    ids = np.asarray(ids)
    if order not in ("random", "consecutive"):
        raise ValueError(f"lm_batches: expected order 'random' or 'consecutive', got {order!r}")
    if ids.ndim != 1 or batch < 1 or steps < 1 or len(ids) <= batch * steps:
        raise ValueError(
            f"lm_batches: expected ids (N,) with more than batch * steps = {batch * steps} elements, got {ids.shape}"
        )
    if order == "random":
        starts = (np.random if rng is None else np.random.default_rng(rng)).permutation((len(ids) - 1) // steps) * steps
        starts = starts[: len(starts) // batch * batch].reshape(-1, batch)
    else:
        row = len(ids) // batch
        usable = min(row, len(ids) - 1 - row * (batch - 1))  # the last row needs a token behind it
        starts = np.arange(0, usable - steps + 1, steps)[:, None] + row * np.arange(batch)
    places = starts[:, :, None] + np.arange(steps)
    return ((ids[place], ids[place + 1]) for place in places)


def pad_batch(texts, length=None, pad=0):
    """Lists of numbers as one array -> (ids (N, T), lengths (N,)). [not in the book]

    T is the length of the longest, or `length`; longer ones are cut off, shorter ones filled up with `pad`.
    """
    T = max((len(text) for text in texts), default=0) if length is None else length
    ids = np.full((len(texts), T), pad)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = text[:T]
    return ids, np.array([min(len(text), T) for text in texts], int)


def translation_batches(pairs, max_len, vocabularies=None, min_freq=1):
    """Pairs of sentences as arrays -> (x (N, max_len), t (N, max_len), (vocabulary of x, of t)). [not in the book]

    pairs: (source, target), str with spaces between tokens. Each sentence ends with "<eos>" and is filled up with
    "<pad>", number 0; pairs with a sentence that does not fit are left out. vocabularies: those to use, for example of
    the training data; otherwise they are built here, with "<pad>", "<bos>", "<eos>" and "<unk>" as numbers 0 to 3.
    """
    split = [tuple([*text.split(), "<eos>"] for text in pair) for pair in pairs]
    split = [pair for pair in split if max(map(len, pair)) <= max_len]
    if not split:
        raise ValueError(f"translation_batches: expected sentences of less than {max_len} tokens, got none")
    sides = tuple(zip(*split, strict=True))
    if vocabularies is None:
        reserved = ("<pad>", "<bos>", "<eos>", "<unk>")
        vocabularies = tuple(
            Vocabulary([token for text in side for token in text], min_freq, reserved) for side in sides
        )
    x, t = (
        pad_batch([vocabulary.encode(text) for text in side], max_len, vocabulary.ids["<pad>"])[0]
        for vocabulary, side in zip(vocabularies, sides, strict=True)
    )
    return x, t, vocabularies
