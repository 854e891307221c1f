"""Mini-batches: the samples of a data set, shuffled and joined into arrays."""

import copy
import json
import math
import operator

import numpy as np

from . import cuda


class DataLoader:
    """Batches (x, t): x (N, ...), t (N, ...) or None without labels; N = batch_size, the last may be smaller. [step 50]

    `for x, t in loader` is a pass over the data of its own, each time: leaving it with break or running
    two at once disturbs nothing. `next(loader)` goes on with the one pass that the loader itself keeps.

    dataset: anything with `__len__` and `__getitem__` from an int to a pair, a list of pairs too.
    shuffle: a new order for each pass. drop_last: leave a smaller last batch out.
    gpu: whether the batches are arrays of CuPy, not of NumPy; joined on the host, then moved as one. [step 52]
    rng: a np.random.Generator for the order, or a seed; None is one seeded by a single draw from
        np.random, so that np.random.seed repeats a run. Without shuffle nothing is drawn.
    max_iter: the number of batches of a pass. iteration: how many the loader's own pass has given.
    index: its order of the samples.

    TypeError for a data set or a batch size of another kind, ValueError for a batch size below 1,
    RuntimeError for gpu=True where there is none.
    """

    def __init__(self, dataset, batch_size, shuffle=True, gpu=False, *, drop_last=False, rng=None):
        for method in ("__len__", "__getitem__"):
            if not hasattr(dataset, method):
                raise TypeError(f"DataLoader: {type(dataset).__name__} came, a dataset with {method} is needed")
        try:
            batch_size = operator.index(batch_size)
        except TypeError:
            raise TypeError(f"DataLoader: batch_size {batch_size!r} came, an integer is needed") from None
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size {batch_size} came, at least 1 is needed")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rng = None if rng is None else np.random.default_rng(rng)
        self.data_size = len(dataset)
        self.max_iter = self.data_size // batch_size if drop_last else math.ceil(self.data_size / batch_size)
        self.gpu = False
        if gpu:
            self.to_gpu()
        self.reset()

    def to_cpu(self):
        """From now on the batches are arrays of NumPy. [step 52]"""
        self.gpu = False

    def to_gpu(self):
        """From now on the batches are arrays of CuPy; RuntimeError where there is no CuPy or no GPU. [step 52]"""
        cuda.need_gpu()
        self.gpu = True

    def reset(self):
        """Begin the loader's own pass again, in a new order if the samples are shuffled. [step 50]"""
        self.iteration = 0
        if self.shuffle:
            if self.rng is None:
                self.rng = np.random.default_rng(np.random.randint(2**31))
            self.index = self.rng.permutation(self.data_size)
        else:
            self.index = np.arange(self.data_size)

    def __iter__(self):
        """A new pass. (In the book it is the loader itself, so a loop after a break begins in the middle.) [step 50]"""
        loader = copy.copy(self)
        loader.reset()
        for _ in range(self.max_iter):
            yield next(loader)

    def __next__(self):
        """The next batch of the loader's own pass; at its end it is reset, and StopIteration. [step 50]"""
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
        """Where the loader's own pass is, and what decides the order of the next: name -> array. [beside step 53]"""
        rng = None if self.rng is None else self.rng.bit_generator.state
        return {
            "iteration": np.array(self.iteration),
            "index": self.index.copy(),
            "rng": np.array(json.dumps(rng, default=np.ndarray.tolist)),
        }

    def load_state(self, state):
        """Take over what `state` gave. ValueError, and no change, where it is of other data. [beside step 53]"""
        if state.keys() != {"iteration", "index", "rng"}:
            raise ValueError(f"DataLoader.load_state: {sorted(state)} came, index, iteration and rng are needed")
        iteration, index, rng = int(state["iteration"]), np.array(state["index"]), json.loads(str(state["rng"]))
        if index.shape != self.index.shape or index.dtype.kind != "i" or not set(index) <= set(range(self.data_size)):
            raise ValueError(
                f"DataLoader.load_state: the order of {index.size} samples came, there are {self.data_size}"
            )
        if (rng is None) != (self.rng is None):
            raise ValueError("DataLoader.load_state: of two loaders with and without shuffle came the other's state")
        if rng is not None:
            self.rng.bit_generator.state = rng  # ValueError for that of another kind of generator
        self.index = index
        self.iteration = iteration

    def __len__(self):
        """The number of batches of a pass."""
        return self.max_iter

    def batch(self, index):
        """The samples of these numbers, joined: (x, t)."""
        samples = [self.dataset[int(i)] for i in index]
        for sample in samples:
            if not isinstance(sample, (tuple, list)) or len(sample) != 2:
                raise TypeError(f"DataLoader: the dataset gave {type(sample).__name__}, a pair (x, t) is needed")
        x, t = join("x", [x for x, _ in samples]), join("t", [t for _, t in samples])
        if not self.gpu:
            return x, t
        return cuda.as_cupy(x), None if t is None else cuda.as_cupy(t)


class SeqDataLoader(DataLoader):
    """Batches of a series: row i of batch k is sample i * jump + k, where jump = data_size // batch_size. [step 60]

    So each row is a stretch of the series and goes on from batch to batch. A pass has as many batches as one
    of a DataLoader, ceil(data_size / batch_size). Where batch_size does not divide data_size, each row ends with
    the sample that the next one began with, and the last data_size % batch_size - 1 samples are in no batch.
    (Hence nothing goes beyond the end; the book takes the number modulo data_size besides.)
    ValueError for a batch size above data_size, where jump would be 0; else as for DataLoader.
    """

    def __init__(self, dataset, batch_size, gpu=False):
        super().__init__(dataset, batch_size, shuffle=False, gpu=gpu)

    def reset(self):
        """Begin the loader's own pass again, each row where it began. [step 60]"""
        super().reset()
        jump = self.data_size // self.batch_size
        if jump == 0:
            raise ValueError(f"SeqDataLoader: batch_size {self.batch_size} came for {self.data_size} samples, too many")
        starts = np.arange(self.batch_size) * jump
        # (max_iter, batch_size), one row for each batch -> (max_iter * batch_size,)
        self.index = (np.arange(self.max_iter)[:, None] + starts).reshape(-1)


def join(name, values):
    """One array of equally shaped values; None if all are None. ValueError where they do not fit together."""
    if all(value is None for value in values):
        return None
    shapes = {None if value is None else np.shape(value) for value in values}
    if len(shapes) > 1:
        raise ValueError(f"DataLoader: the samples of a batch have {name} of different shapes: {shapes}")
    return np.array(values)
