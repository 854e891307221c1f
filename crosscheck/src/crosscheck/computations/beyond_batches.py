"""Beyond the book: batches in detail: states, threads, subsets, folds, and loaders with a stand-in for a GPU."""

from __future__ import annotations

import json
import sys
import threading
import types
from functools import partial
from typing import Any, ClassVar
from unittest import mock

import numpy as np

from .beyond_exchanges import Squares
from .beyond_runs import BY_RULES, replaced
from .errors import hidden
from .mutants_functions import message
from .values import values

PAIRS = [(i, -i) for i in range(5)]


def firsts(loader: Any) -> list[Any]:
    """The inputs of the batches."""
    return [x for x, _ in loader]


# --- loaders ---


def states(fw: Any) -> Any:
    """States as arrays that are copies, of generators of all kinds; from lists; errors that change nothing."""
    found: list[Any] = []
    for bits in (np.random.MT19937, np.random.PCG64):
        loader = fw.DataLoader(PAIRS, 2, rng=np.random.Generator(bits(3)))
        next(loader)
        state = loader.state()
        found.append([type(a) is np.ndarray for a in state.values()])
        rest = [x for x, _ in (next(loader), next(loader))]
        as_lists = {"iteration": 1, "index": state["index"].tolist(), "rng": str(state["rng"])}
        for given in (state, as_lists):
            loader.load_state(given)
            found.append(type(loader.iteration) is int)
            found.append(all(np.array_equal(a, next(loader)[0]) for a in rest))
            found.append([int(state["iteration"]), np.array_equal(loader.index, state["index"])])
        before = loader.rng.bit_generator.state
        other = fw.DataLoader(PAIRS, 2, rng=np.random.Generator(bits(4))).state() | {"index": np.zeros(5, int)}
        found.append(message(partial(loader.load_state, other)))
        found.append(str(loader.rng.bit_generator.state) == str(before))
    plain = fw.DataLoader(PAIRS, 2, False)
    for rng in ("{", "[]"):
        found.append(message(partial(plain.load_state, plain.state() | {"rng": np.array(rng)})))
    return found


def expected_states() -> Any:
    wrong = "ValueError: DataLoader.load_state: expected an order of 5 samples, got [0 0 0 0 0]"
    one = [[True] * 3, *[True, True, [1, True]] * 2, wrong, True]
    text = "ValueError: DataLoader.load_state: expected the state of a generator, got {"
    return [*one, *one, text, "ValueError: DataLoader.load_state: one of the two loaders shuffles, the other does not"]


def in_sequence(fw: Any) -> Any:
    """A loader of sequences draws nothing and has no generator."""
    np.random.seed(3)
    loader = fw.SeqDataLoader(PAIRS, 2)
    return [np.random.rand(), loader.shuffle, loader.rng, json.loads(str(loader.state()["rng"])), firsts(loader)]


def on_a_gpu(fw: Any) -> Any:
    """Loaders that ask for a GPU, and batches that are moved as a whole, or by what uploads them."""
    asked: list[Any] = []

    def moved(a: Any) -> Any:
        asked.append("move")
        return a + 10

    gpu = types.SimpleNamespace(need_gpu=lambda: asked.append("need"), as_cupy=moved)

    def uploading(prepare: Any) -> Any:
        return lambda index: [None if a is None else a + 20 for a in prepare(index)]

    with replaced(fw, "dataloaders", cuda=gpu):
        first, late = fw.DataLoader(PAIRS, 3, False, True), fw.DataLoader([(0, None)], 1, False)
        rows = fw.SeqDataLoader(PAIRS, 2, True)
        late.to_gpu()
        found = [[*first], [*late], firsts(rows), [loader.gpu for loader in (first, late, rows)], [*asked]]
        asked.clear()
        p = fw.prefetch.Prefetch(first)
        with replaced(fw, "prefetch", uploading=uploading):
            found += [[*p], next(p), next(p), first.gpu, asked]
        first.to_cpu()
        return [*found, next(iter(first)), first.gpu]


def expected_on_a_gpu() -> Any:
    x = [np.array([0, 1, 2]), np.array([3, 4])]
    rows = [np.array([k, k + 2]) + 10 for k in range(3)]
    moved, uploaded = ([[a + n, -a + n] for a in x] for n in (10, 20))
    asked = ["need"] * 3 + ["move"] * (4 + 1 + 6)
    return [
        moved,
        [[np.array([10]), None]],
        rows,
        [True] * 3,
        asked,
        uploaded,
        *uploaded,
        True,
        [],
        [x[0], -x[0]],
        False,
    ]


# --- threads ---


class Threads:
    """A pool of threads that calls each function at once, and notes what it is asked for."""

    notes: ClassVar[list[Any]] = []

    def __init__(self, workers: int, thread_name_prefix: str = ""):
        self.notes.append(["threads", workers, thread_name_prefix])

    def submit(self, f: Any) -> Any:
        self.notes.append("submit")
        return types.SimpleNamespace(result=partial(lambda result: result, f()))

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        self.notes.append(["shutdown", wait, cancel_futures])


def ahead(fw: Any) -> Any:
    """How many batches are prepared ahead; the ends of threads; batches of the loader between those of a Prefetch."""
    found: list[Any] = []
    Prefetch, loader = fw.prefetch.Prefetch, fw.DataLoader([(i, i) for i in range(6)], 1, False)
    with replaced(fw, "prefetch", ThreadPoolExecutor=Threads):
        for options in ({}, {"depth": 1, "workers": 3}):
            Threads.notes.clear()
            for i, _ in enumerate(Prefetch(loader, **options)):
                Threads.notes.append("use")
                if i == 2:
                    break
            found.append([*Threads.notes])
        Threads.notes.clear()
        p = Prefetch(loader)
        found += [next(p)[0], next(p)[0], next(loader)[0], next(p)[0], len([n for n in Threads.notes if n != "submit"])]
        found += [[x for x, _ in p], next(loader)[0]]
    names: list[str] = []

    class Named(Squares):
        def __getitem__(self, i: Any) -> Any:
            names.append(threading.current_thread().name)
            return i, i

    found.append(len([*Prefetch(fw.DataLoader(Named(), 12, False))]))
    return [*found, [name.partition("_")[0] for name in names[:1]]]


def expected_ahead() -> Any:
    found: list[Any] = []
    for workers, depth in ((1, 2), (3, 1)):
        notes: list[Any] = [["threads", workers, "Prefetch"], *["submit"] * depth]
        found.append([*notes, *["submit", "use"] * 3, ["shutdown", False, True]])
    zero, one, two, three = (np.array([i]) for i in range(4))
    return [*found, zero, one, two, three, 3, [np.array([i]) for i in range(6)], np.array([4]), 1, ["Prefetch"]]


class Limits:
    """threadpoolctl: pools with these numbers of threads, and the limits that are set."""

    def __init__(self, *threads: int):
        self.set: list[Any] = []
        self.threads = threads

    def threadpool_info(self) -> list[dict[str, int]]:
        return [{"num_threads": n} for n in self.threads]

    def threadpool_limits(self, n: int, api: str) -> Any:
        self.set.append([n, api])
        return mock.MagicMock()


def divided(fw: Any) -> Any:
    """The share of each worker of the threads of matrix products, and what is computed with and without."""
    found: list[Any] = []
    for limits, workers in ((Limits(), 1), (Limits(2, 6, 4), 2), (Limits(3), 2), (Limits(4), 8)):
        with mock.patch.dict(sys.modules, {"threadpoolctl": limits}):
            found.append([fw.prefetch.map_threads(lambda x: x * x, [1, 2, 3], workers), limits.set])
    with hidden("threadpoolctl"):
        found.append(message(lambda: found.append(fw.prefetch.map_threads(lambda x: x + 1, (4, 5), 2))))
    waits: list[str] = []
    times = [12.5, 10.0]

    def clock() -> float:
        waits.append("clock")
        return times.pop()

    now = types.SimpleNamespace(perf_counter=clock)
    with replaced(fw, "prefetch", wait_all=lambda: waits.append("wait"), time=now), fw.prefetch.Timer() as timer:
        before = timer.seconds
    return [*found, before, timer.seconds, waits]


# --- subsets and folds ---


def subsets(fw: Any) -> Any:
    """Indices and samples of subsets, parts whose sizes rounding decides, folds by labels, types of scores."""
    T, found = fw.training, []
    part = T.Subset(Squares(), [3, 1])
    found += [[part[i] for i in (0, 1, np.int64(1))], T.Subset(PAIRS, []).indices.dtype.kind, len(T.Subset(PAIRS, []))]
    found += [message(partial(T.Subset, PAIRS, bad)) for bad in ([0, 9], [-1, 0], [[0]])]
    found += [
        [len(p) for p in fw.split_dataset(range(100), fractions, 0)] for fractions in ([0.71, 0.29], [0.29, 0.71])
    ]
    found += [message(partial(fw.split_dataset, range(3), [0.5, 0.5 + d])) for d in (1.5e-9, -1.5e-9, 1e-12)]
    scores = T.cross_validate(lambda a, b: np.float32(len(b)), range(5), 2)
    found += [scores, [type(x) is float for x in (*scores[0], *scores[1:])]]
    labels = ["b", "c", "a", "a", "b", "c", "c", "a", "b", "a", "b"]
    for given in (labels, np.array(labels)):
        found.append([valid for _, valid in T.StratifiedKFold(3).split(given)])
    return found


def expected_subsets() -> Any:
    labels = ["b", "c", "a", "a", "b", "c", "c", "a", "b", "a", "b"]
    hand = np.arange(11) % 3  # dealt out to the labels in the order in which they first occur: b, c, a
    fold, start = np.empty(11, int), 0
    for label in ("b", "c", "a"):
        where = [i for i, other in enumerate(labels) if other == label]
        fold[where] = np.sort(hand[start : start + len(where)])
        start += len(where)
    folds = [np.flatnonzero(fold == k) for k in range(3)]
    texts = [f"ValueError: Subset: expected indices (n,) from 0 to 4, got {bad}" for bad in ([0, 9], [-1, 0], [[0]])]
    wrong = [
        f"ValueError: split_dataset: expected positive fractions with the sum 1, got {[0.5, 0.5 + d]}"
        for d in (1.5e-9, -1.5e-9)
    ]
    scores = [[3.0, 2.0], 2.5, 0.5], [True] * 4
    return [[9, 1, 1], "i", 0, *texts, [71, 29], [29, 71], *wrong, "no error", *scores, folds, folds]


values(
    60,
    BY_RULES,
    ("states_of_loaders", states, expected_states),
    (
        "sequences_without_draws",
        in_sequence,
        lambda: [
            np.random.RandomState(3).rand(),
            False,
            None,
            None,
            [np.array([k, k + 2]) for k in range(3)],
        ],
    ),
    ("loaders_on_a_gpu", on_a_gpu, expected_on_a_gpu),
    ("batches_ahead", ahead, expected_ahead),
    (
        "shares_of_threads",
        divided,
        lambda: [
            *[[[1, 4, 9], [[n, "blas"]]] for n in (1, 3, 1, 1)],
            [5, 6],
            "no error",
            0.0,
            2.5,
            ["wait", "clock", "wait", "clock"],
        ],
    ),
    ("subsets_and_folds", subsets, expected_subsets),
    since=5,
)
