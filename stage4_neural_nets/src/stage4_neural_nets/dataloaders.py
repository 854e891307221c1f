"""Mini-batches: the samples of a dataset, shuffled and stacked into arrays."""

import copy
import math

import numpy as np

from .core import as_count


class DataLoader:
    """Batches (x, t): x (N, ...), t (N, ...) or None without labels; N = batch_size, the last may be smaller. [step 50]

    Each loop `for x, t in loader` is a separate epoch, even after a break or inside another loop.
    `next(loader)` continues the loader's own epoch.

    dataset: has `__len__`, and a `__getitem__` that takes an int and returns a pair; for example, a list of pairs.
    shuffle: a new order in each epoch. drop_last: leave out a smaller last batch.
    rng: a np.random.Generator for the order, or a seed. None: seeded by one draw from np.random, so that
        np.random.seed makes a run reproducible; without shuffle nothing is drawn.
    max_iter: batches per epoch. iteration: batches of its own epoch so far. index: the order of the samples.
    """

    def __init__(self, dataset, batch_size, shuffle=True, *, drop_last=False, rng=None):
        self.dataset = dataset
        self.batch_size = as_count("DataLoader", "batch_size", batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rng = None if rng is None else np.random.default_rng(rng)
        if not hasattr(dataset, "__len__"):
            raise TypeError(f"DataLoader: expected a dataset with a length, got {dataset!r}")
        self.data_size = len(dataset)
        self.max_iter = self.data_size // batch_size if drop_last else math.ceil(self.data_size / batch_size)
        self.reset()

    def reset(self):
        """Restart the loader's own epoch, in a new order if the samples are shuffled. [step 50]"""
        self.iteration = 0
        if self.shuffle:
            if self.rng is None:
                self.rng = np.random.default_rng(np.random.randint(2**31))
            self.index = self.rng.permutation(self.data_size)
        else:
            self.index = np.arange(self.data_size)

    def __iter__(self):
        """Iterate over a new epoch. (In the book, a loop after a break continues the interrupted epoch.) [step 50]"""
        loader = copy.copy(self)
        loader.reset()
        for _ in range(self.max_iter):
            yield next(loader)

    def __next__(self):
        """The next batch of the loader's own epoch. Raises StopIteration at its end and restarts it. [step 50]"""
        if self.iteration >= self.max_iter:
            self.reset()
            raise StopIteration
        start = self.iteration * self.batch_size
        batch = self.batch(self.index[start : start + self.batch_size])
        self.iteration += 1
        return batch

    def next(self):
        """The same as next(loader). [step 50]"""
        return next(self)

    def __len__(self):
        """The number of batches per epoch."""
        return self.max_iter

    def batch(self, index):
        """Stack the samples at these indices: (x, t)."""
        try:
            samples = [self.dataset[int(i)] for i in index]
        except StopIteration as error:  # it would end the epoch without an error
            raise RuntimeError(
                f"DataLoader: the dataset, {type(self.dataset).__name__}, raised StopIteration"
            ) from error
        for sample in samples:
            if not isinstance(sample, (tuple, list)) or len(sample) != 2:
                raise TypeError(f"DataLoader: expected pairs (x, t) from the dataset, got {type(sample).__name__}")
        return join("x", [x for x, _ in samples]), join("t", [t for _, t in samples])


def join(name, values):
    """Stack equally shaped values; None if all are None. Raises ValueError if they differ in shape."""
    if all(value is None for value in values):
        return None
    shapes = {None if value is None else np.shape(value) for value in values}
    if len(shapes) > 1:
        raise ValueError(f"DataLoader: expected {name} of one shape in a batch, got {shapes}")
    return np.array(values)
