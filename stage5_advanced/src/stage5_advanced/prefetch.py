"""Work at the same time: batches prepared ahead, independent computations in threads, and waiting.

NumPy computes when it is called, and its matrix products use all processors; CuPy starts kernels and returns, so that
the host continues until it needs a value.
"""

import contextlib
import copy
import functools
import itertools
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from . import cuda
from .config import Config, using_config
from .core import as_count
from .dataloaders import DataLoader


def wait(x):
    """Wait until the kernels started before have computed x, an array or a Variable, on a GPU. [not in the book]

    NumPy's arrays are computed already.
    """
    if cuda.is_on_gpu(cuda.data_of(x)):
        cuda.cupy.cuda.get_current_stream().synchronize()


def wait_all():
    """Wait until the current GPU has done all its work; return at once without a GPU. [not in the book]"""
    if cuda.gpu_enable:
        cuda.cupy.cuda.Device().synchronize()


class Timer:
    """Measures the time of a `with` block, in seconds, with the work on the GPU that it starts. [not in the book]"""

    seconds = 0.0

    def __enter__(self):
        wait_all()
        self.start = time.perf_counter()
        return self

    def __exit__(self, *error):
        wait_all()
        self.seconds = time.perf_counter() - self.start


class Prefetch:
    """A loader whose next batches are prepared in threads while the current one is used. [not in the book]

    Yields the batches of the loader, in its order; random orders are drawn in the thread of the loop. An exception
    is raised at the batch whose preparation failed. Leaving a loop ends its threads. Attributes, such as `batch_size`,
    and the methods `state` and `load_state` are those of the loader, which counts the batches that were used.

    loader: a DataLoader, or what a loop can run through more than once. depth: how many batches are prepared ahead.
    workers: the number of threads; above 1 only for a DataLoader, and then random transforms no longer draw in a
    reproducible order. Batches for a GPU are copied from pinned memory, next to the computation. Transforms that draw
    from np.random share it with the loop: give them generators of their own.
    """

    def __init__(self, loader, depth=2, workers=1):
        self.loader = loader
        self.depth = as_count("Prefetch", "depth", depth)
        self.workers = as_count("Prefetch", "workers", workers)
        if not np.iterable(loader):
            raise TypeError(f"Prefetch: expected a loader, got {loader!r}")
        if iter(loader) is loader:
            raise TypeError(f"Prefetch: expected a loader, got {type(loader).__name__}, which can be used only once")
        if workers > 1 and not isinstance(loader, DataLoader):
            raise TypeError(f"Prefetch: expected a DataLoader for more than one worker, got {type(loader).__name__}")
        self.own = None, None, 0  # the loader's own epoch: its batches, its order, how many were used

    def __getattr__(self, name):
        if name.startswith("__") or "loader" not in vars(self):  # a copy that is not filled yet
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        """Iterate over a new epoch. [not in the book]"""
        if isinstance(self.loader, DataLoader):
            epoch = copy.copy(self.loader)
            epoch.reset()
            yield from ahead(batches(epoch), self.depth, self.workers)
        else:
            jobs = itertools.repeat(functools.partial(next, iter(self.loader), END))
            yield from ahead(jobs, self.depth, self.workers)

    def __next__(self):
        """The next batch of the loader's own epoch, as that of the DataLoader. [not in the book]"""
        loader = self.loader
        if not isinstance(loader, DataLoader):
            raise TypeError(f"Prefetch: expected a DataLoader for next(), got {type(loader).__name__}")
        found, index, used = self.own
        if index is not loader.index or used != loader.iteration:  # the first batch of an epoch, or after load_state
            found = ahead(batches(copy.copy(loader)), self.depth, self.workers)
            index, used = loader.index, loader.iteration
        batch = next(found, END)
        if batch is END:
            loader.reset()
            raise StopIteration
        loader.iteration = used + 1
        self.own = found, index, used + 1
        return batch

    def next(self):
        """The same as next(loader). [not in the book]"""
        return next(self)


END = object()  # after the last batch


def ahead(jobs, depth, workers):
    """Yield the results of functions that are called in threads, until one returns END."""
    jobs = map(in_mode_of_caller, jobs)
    threads = ThreadPoolExecutor(workers, thread_name_prefix="Prefetch")
    try:
        pending = deque(map(threads.submit, itertools.islice(jobs, depth)))
        while pending:
            batch = pending.popleft().result()
            if batch is END:
                return
            pending.extend(map(threads.submit, itertools.islice(jobs, 1)))
            yield batch
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def batches(loader):
    """A function for each batch that is left in a DataLoader's epoch."""
    prepare = loader.batch
    if loader.gpu:
        loader.gpu = False
        prepare = uploading(prepare)
    size = loader.batch_size
    starts = range(loader.iteration * size, loader.max_iter * size, size)
    return [functools.partial(prepare, loader.index[start : start + size]) for start in starts]


def uploading(prepare):
    """A function that prepares a batch on the host and copies it to the GPU, for another thread than this."""
    cupy = cuda.cupy
    device, used = cupy.cuda.Device(), cupy.cuda.get_current_stream()
    stream = cupy.cuda.Stream(non_blocking=True)

    def upload(a):
        if a is None or a.size == 0:
            return None if a is None else cupy.empty(a.shape, a.dtype)
        pinned = np.frombuffer(cupy.cuda.alloc_pinned_memory(a.nbytes), a.dtype, a.size).reshape(a.shape)
        pinned[...] = a
        with used:
            x = cupy.empty(a.shape, a.dtype)
        stream.wait_event(used.record())  # kernels that are not done may still use this memory
        x.set(pinned, stream=stream)
        stream.synchronize()
        return x

    def call(index):
        x, t = prepare(index)
        with device:
            return upload(x), upload(t)

    return call


def in_mode_of_caller(f):
    """f, for another thread, in the modes of this one."""
    backprop, train = Config.enable_backprop, Config.train

    @functools.wraps(f)
    def call(*arguments):
        with using_config("enable_backprop", backprop), using_config("train", train):
            return f(*arguments)

    return call


def map_threads(f, items, workers):
    """[f(item) for item in items], computed in threads, in the modes of the caller. [not in the book]

    NumPy lets other threads run while it computes on large arrays. Where threadpoolctl is installed, the threads of
    matrix products are divided among the workers. The first exception, in the order of the items, is raised.
    """
    workers = as_count("map_threads", "workers", workers)
    with divided_blas(workers), ThreadPoolExecutor(workers) as threads:
        return list(threads.map(in_mode_of_caller(f), items))


@contextlib.contextmanager
def divided_blas(workers):
    """In the block, matrix products of one of `workers` threads use their share of the processors."""
    try:
        import threadpoolctl
    except ImportError:
        yield
        return
    most = max((pool["num_threads"] for pool in threadpoolctl.threadpool_info()), default=1)
    with threadpoolctl.threadpool_limits(max(1, most // workers), "blas"):
        yield
