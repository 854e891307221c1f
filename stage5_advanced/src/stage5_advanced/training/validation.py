"""Model selection: folds, subsets and cross-validation."""

import operator

import numpy as np

from ..core import as_number


class KFold:
    """Splits samples into n_splits folds of nearly equal size; each is the validation set once. [not in the book]

    The first n % n_splits folds are one sample larger. shuffle: in a random order. rng: a np.random.Generator for it,
    or a seed; None: seeded by one draw from np.random.
    """

    def __init__(self, n_splits=5, shuffle=False, rng=None):
        name = type(self).__name__
        if as_number(name, "n_splits", n_splits) < 2:
            raise ValueError(f"{name}: expected at least 2 folds, got {n_splits}")
        self.n_splits = operator.index(n_splits)
        self.shuffle = shuffle
        self.rng = rng

    def split(self, n):
        """Yield (train, valid) for each fold: arrays of the indices of n samples. [not in the book]

        Raises ValueError if there are fewer samples than folds.
        """
        if n < self.n_splits:
            raise ValueError(f"{type(self).__name__}: expected at least {self.n_splits} samples, got {n}")
        order = generator(self.rng).permutation(n) if self.shuffle else np.arange(n)
        fold = np.empty(n, int)
        for number, indices in enumerate(np.array_split(order, self.n_splits)):
            fold[indices] = number
        yield from halves(fold, self.n_splits)


class StratifiedKFold(KFold):
    """KFold in which each label is spread evenly over the folds. [not in the book]"""

    def split(self, labels):
        """Yield (train, valid) for each fold: arrays of the indices of the labels (N,). [not in the book]

        Raises ValueError if no label occurs as often as there are folds.
        """
        _, first, label, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
        if counts.max(initial=0) < self.n_splits:
            raise ValueError(
                f"StratifiedKFold: expected a label that occurs at least {self.n_splits} times, got {counts} times"
            )
        # Deal out the samples, sorted by label, like cards: the folds' shares of each label differ by at most one.
        rank = np.argsort(np.argsort(first))[label]  # labels in the order in which they first occur
        hand = np.arange(len(labels)) % self.n_splits
        rng, fold, dealt = generator(self.rng) if self.shuffle else None, np.empty(len(labels), int), np.sort(rank)
        for one in range(len(counts)):
            folds = np.sort(hand[dealt == one])
            fold[rank == one] = rng.permutation(folds) if self.shuffle else folds
        yield from halves(fold, self.n_splits)


def halves(fold, n_splits):
    """(train, valid) for each fold, from the fold of each sample."""
    for number in range(n_splits):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def generator(rng):
    """A np.random.Generator, or a new one from a seed; None: seeded by one draw from np.random."""
    return np.random.default_rng(np.random.randint(2**31) if rng is None else rng)


class Subset:
    """The samples of a dataset at these indices, as a dataset. [not in the book]"""

    def __init__(self, dataset, indices):
        self.dataset = dataset
        self.indices = np.array(indices, int)
        if self.indices.ndim != 1 or not np.all((self.indices >= 0) & (self.indices < len(dataset))):
            raise ValueError(f"Subset: expected indices (n,) from 0 to {len(dataset) - 1}, got {indices}")

    def __getitem__(self, index):
        return self.dataset[int(self.indices[index])]

    def __len__(self):
        return len(self.indices)


def split_dataset(dataset, fractions, rng=None):
    """Split a dataset at random into Subsets, such as [0.8, 0.2] of the samples. [not in the book]

    What rounding down leaves over goes to the first parts, one sample each. rng: as in KFold. Raises ValueError
    unless the fractions are positive and their sum is 1.
    """
    if not all(fraction > 0 for fraction in fractions) or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(f"split_dataset: expected positive fractions with the sum 1, got {fractions}")
    n = len(dataset)
    sizes = [int(n * fraction + 1e-9) for fraction in fractions]
    for i in range(n - sum(sizes)):
        sizes[i] += 1
    parts = np.split(generator(rng).permutation(n), np.cumsum(sizes)[:-1])
    return [Subset(dataset, part) for part in parts]


def cross_validate(fit, dataset, k=5, shuffle=False, rng=None):
    """Scores of k folds: ([score, ...], their mean, their standard deviation). [not in the book]

    fit: a function of two datasets, (train, valid) -> float, that makes and trains a new model. shuffle, rng: as
    in KFold.
    """
    folds = KFold(k, shuffle, rng).split(len(dataset))
    scores = [float(fit(Subset(dataset, train), Subset(dataset, valid))) for train, valid in folds]
    return scores, float(np.mean(scores)), float(np.std(scores))
