"""Mini-batches: the samples of a dataset, shuffled and stacked into arrays."""

import copy
import json
import math

import numpy as np

from . import cuda
from .core import as_count


class DataLoader:
    """Batches (x, t): x (N, ...), t (N, ...) or None without labels; N = batch_size, the last may be smaller. [step 50]

    Each loop `for x, t in loader` is a separate epoch, even after a break or inside another loop.
    `next(loader)` continues the loader's own epoch.

    dataset: has `__len__`, and a `__getitem__` that takes an int and returns a pair; for example, a list of pairs.
    shuffle: a new order in each epoch. drop_last: leave out a smaller last batch.
    gpu: whether batches are CuPy arrays; they are stacked on the host, then moved as a whole. [step 52]
    rng: a np.random.Generator for the order, or a seed. None: seeded by one draw from np.random, so that
        np.random.seed makes a run reproducible; without shuffle nothing is drawn.
    max_iter: batches per epoch. iteration: batches of its own epoch so far. index: the order of the samples.
    """

    def __init__(self, dataset, batch_size, shuffle=True, gpu=False, *, drop_last=False, rng=None):
        self.dataset = dataset
        self.batch_size = as_count("DataLoader", "batch_size", batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rng = None if rng is None else np.random.default_rng(rng)
        if not hasattr(dataset, "__len__"):
            raise TypeError(f"DataLoader: expected a dataset with a length, got {dataset!r}")
        self.data_size = len(dataset)
        self.max_iter = self.data_size // batch_size if drop_last else math.ceil(self.data_size / batch_size)
        self.gpu = False
        if gpu:
            self.to_gpu()
        self.reset()

    def to_cpu(self):
        """Return batches of NumPy arrays from now on. [step 52]"""
        self.gpu = False

    def to_gpu(self):
        """Return batches of CuPy arrays from now on. Raises RuntimeError without CuPy or a GPU. [step 52]"""
        cuda.need_gpu()
        self.gpu = True

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

    def state(self):
        """The position in the loader's own epoch, and the state of its generator. [step 53, not in the book]"""
        rng = None if self.rng is None else self.rng.bit_generator.state
        return {
            "iteration": np.array(self.iteration),
            "index": self.index.copy(),
            "rng": np.array(json.dumps(rng, default=np.ndarray.tolist)),
        }

    def load_state(self, state):
        """Load what `state` returned. Raises ValueError, without changes, on a mismatch. [step 53, not in the book]"""
        if state.keys() != {"iteration", "index", "rng"}:
            raise ValueError(f"DataLoader.load_state: expected index, iteration and rng, got {sorted(state)}")
        iteration, index = np.array(state["iteration"]), np.array(state["index"])
        try:
            rng = json.loads(str(state["rng"]))
            if rng is not None and self.rng is not None:
                copy.deepcopy(self.rng).bit_generator.state = rng
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            kind = type(self.rng.bit_generator).__name__ if self.rng is not None else "generator"
            raise ValueError(f"DataLoader.load_state: expected the state of a {kind}, got {state['rng']}") from error
        if (rng is None) != (self.rng is None):
            raise ValueError("DataLoader.load_state: one of the two loaders shuffles, the other does not")
        order, expected = (np.sort(index), np.arange(self.data_size)) if self.shuffle else (index, self.index)
        if index.dtype.kind != "i" or not np.array_equal(order, expected):
            raise ValueError(f"DataLoader.load_state: expected an order of {self.data_size} samples, got {index}")
        if iteration.dtype.kind != "i" or iteration.ndim > 0 or not 0 <= iteration <= self.max_iter:
            raise ValueError(f"DataLoader.load_state: expected an iteration up to {self.max_iter}, got {iteration}")
        if rng is not None:
            self.rng.bit_generator.state = rng
        self.index = index
        self.iteration = int(iteration)

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
        x, t = join("x", [x for x, _ in samples]), join("t", [t for _, t in samples])
        if not self.gpu:
            return x, t
        return cuda.as_cupy(x), None if t is None else cuda.as_cupy(t)


class SeqDataLoader(DataLoader):
    """Batches of a sequence: row i of batch k is sample i * jump + k, jump = data_size // batch_size. [step 60]

    Each row is a part of the sequence that continues from batch to batch. As in a DataLoader, an epoch has
    ceil(data_size / batch_size) batches. If batch_size does not divide data_size, each row ends with the first sample
    of the next row, and the last data_size % batch_size - 1 samples are in no batch. (The book instead takes indices
    modulo data_size.)
    """

    def __init__(self, dataset, batch_size, gpu=False):
        super().__init__(dataset, batch_size, shuffle=False, gpu=gpu)

    def reset(self):
        """Restart the loader's own epoch, each row at its start. [step 60]"""
        super().reset()
        jump = self.data_size // self.batch_size
        if jump == 0:
            raise ValueError(
                f"SeqDataLoader: expected batch_size up to {self.data_size} samples, got {self.batch_size}"
            )
        starts = np.arange(self.batch_size) * jump
        # (max_iter, batch_size), one row for each batch -> (max_iter * batch_size,)
        self.index = (np.arange(self.max_iter)[:, None] + starts).reshape(-1)


def join(name, values):
    """Stack equally shaped values; None if all are None. Raises ValueError if they differ in shape."""
    if all(value is None for value in values):
        return None
    shapes = {None if value is None else np.shape(value) for value in values}
    if len(shapes) > 1:
        raise ValueError(f"DataLoader: expected {name} of one shape in a batch, got {shapes}")
    return np.array(values)
