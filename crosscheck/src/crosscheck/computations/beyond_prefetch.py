"""Beyond the book: batches prepared ahead, functions in threads, timers and waiting."""

from __future__ import annotations

import sys
import types
from typing import Any
from unittest import mock

import numpy as np

from .errors import errors, hidden
from .values import values

ORDER = "the batches of the loader itself; PyTorch's workers are processes"
DATA = [(np.full(2, float(i)), i) for i in range(7)]


def in_order(fw: Any, wrap: Any) -> list[Any]:
    """The labels of two loops, and of the loader's own epoch around the state that was saved in it."""
    loader = wrap(fw.DataLoader(DATA, 3, rng=4))
    found = [[t for _, t in loader] for _ in range(2)]
    found.append([next(loader)[1], loader.next()[1]])
    state = loader.state()
    found.append([next(loader)[1]])
    loader.load_state(state)
    return [*found, [next(loader)[1]], len(loader), [t for _, t in wrap(fw.SeqDataLoader(DATA, 2))]]


def ahead(fw: Any) -> list[Any]:
    """The same through Prefetch: with one thread, with more, and for a list."""
    Prefetch = fw.prefetch.Prefetch
    found = [in_order(fw, Prefetch), in_order(fw, lambda loader: Prefetch(loader, depth=3, workers=2))]
    return [*found, [t for _, t in Prefetch(DATA)]]


def by_hand() -> list[Any]:
    """The same, from the orders that a generator with this seed draws."""
    rng = np.random.default_rng(4)
    own, first, second = (rng.permutation(7) for _ in range(3))
    order = [[a[:3], a[3:6], a[6:]] for a in (first, second, own)]
    sequence = list(np.array([[0, 3], [1, 4], [2, 5], [3, 6]]))
    found = [*order[:2], order[2][:2], order[2][2:], order[2][2:], 3, sequence]
    return [found, found, list(range(7))]


def threads(fw: Any) -> list[Any]:
    """Squares, and the modes in the threads, with and without threadpoolctl."""
    Config = fw.Config
    limits = mock.MagicMock()
    pools = types.SimpleNamespace(threadpool_info=lambda: [{"num_threads": 6}], threadpool_limits=limits)
    with fw.using_config("enable_backprop", False):
        with hidden("threadpoolctl"):
            found = fw.prefetch.map_threads(lambda i: (i * i, Config.enable_backprop), range(5), 2)
        with mock.patch.dict(sys.modules, threadpoolctl=pools):
            found += fw.prefetch.map_threads(lambda i: -i, [3], 2)
    return [*found, *limits.call_args.args]


def waited(fw: Any) -> list[Any]:
    """What waiting returns, and whether a timer has measured something."""
    with fw.prefetch.Timer() as timer:
        found = [fw.prefetch.wait(np.zeros(1)), fw.prefetch.wait_all()]
    return [*found, timer.seconds >= 0]


def last(loader: Any) -> Any:
    """The batch after the last."""
    for _ in range(len(loader)):
        next(loader)
    try:
        return next(loader)
    except StopIteration as error:
        raise LookupError("the end") from error


values(60, ORDER, ("batches_prepared_ahead", ahead, by_hand))
values(
    60,
    "what the functions return when they are called in turn; PyTorch has no such functions",
    ("functions_in_threads", threads, lambda: [*((i * i, False) for i in range(5)), -3, 3, "blas"]),
    ("time_of_a_block", waited, lambda: [None, None, True]),
)

# fmt: off
errors(
    60,
    ("prefetch_of_no_batches", lambda fw: fw.prefetch.Prefetch(fw.DataLoader(DATA, 3), 0),
     ValueError, "Prefetch: expected depth to be at least 1, got 0"),
    ("prefetch_of_half_a_batch", lambda fw: fw.prefetch.Prefetch(DATA, 0.5),
     TypeError, "Prefetch: expected depth to be an integer, got 0.5"),
    ("prefetch_of_a_number", lambda fw: fw.prefetch.Prefetch(5), TypeError, "Prefetch: expected a loader, got 5"),
    ("prefetch_of_an_iterator", lambda fw: fw.prefetch.Prefetch(iter(DATA)),
     TypeError, "Prefetch: expected a loader, got list_iterator, which can be used only once"),
    ("prefetch_of_a_list_by_two", lambda fw: fw.prefetch.Prefetch(DATA, workers=2),
     TypeError, "Prefetch: expected a DataLoader for more than one worker, got list"),
    ("prefetch_of_a_list_by_next", lambda fw: next(fw.prefetch.Prefetch(DATA)),
     TypeError, "Prefetch: expected a DataLoader for next(), got list"),
    ("prefetch_after_the_last_batch", lambda fw: last(fw.prefetch.Prefetch(fw.DataLoader(DATA, 3))),
     LookupError, "the end"),
    ("attribute_that_a_loader_lacks", lambda fw: fw.prefetch.Prefetch(DATA).__no_such__,
     AttributeError, "__no_such__"),
    ("map_threads_without_threads", lambda fw: fw.prefetch.map_threads(abs, [1], 0),
     ValueError, "map_threads: expected workers to be at least 1, got 0"),
    ("map_threads_with_nan_threads", lambda fw: fw.prefetch.map_threads(abs, [1], np.nan),
     TypeError, "map_threads: expected workers to be an integer, got nan"),
)
