"""Beyond the book: what a hybridized function depends on may change anywhere, and branches are seen by other values."""

from __future__ import annotations

import functools
from collections import UserDict, deque
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from .beyond_hybrid import known
from .values import values

X = np.array([0.5, -1.0, 2.0])
NUMBERS = [1.0, 2.0]
SETTINGS: Any = ModuleType("settings")  # as if imported


class Thing:
    """Attributes in slots and of the class; a property, a static method and a counter."""

    __slots__ = ("k",)
    rate = 1.0
    total = 0

    def __init__(self) -> None:
        self.k = 1.0

    @property
    def shift(self) -> float:
        return NUMBERS[0]

    @staticmethod
    def factor() -> float:
        return NUMBERS[1]


@functools.lru_cache
def cached(k: float) -> float:
    return k * NUMBERS[0]


def changes(fw: Any) -> dict[str, tuple[Callable[[Any], Any], Callable[[float], object]]]:
    """Functions, and what they depend on: name -> (function, a change for a number)."""
    F = fw.functions
    thing, table, layer, optimizer = Thing(), np.arange(3.0), fw.layers.Layer(), fw.optimizers.SGD(0.5)
    layer.hooks = []
    names, words, queue, long = {"a": 1.0}, {"up"}, deque([1.0, 2.0]), [1.0] * 100
    options, wrapped, keys, view = SimpleNamespace(k=1.0), UserDict({"k": 1.0}), {thing: None}, table[:]
    view.flags.writeable = False

    def number(k: float, place: int = 0) -> None:
        NUMBERS[place] = k
        cached.cache_clear()

    def hooked(x: Any) -> Any:
        for hook in layer.hooks:
            x = hook(x)
        return x * 2.0

    return {
        "slot": (lambda x: x * thing.k, lambda k: setattr(thing, "k", k)),
        "class": (lambda x: x * thing.rate, lambda k: setattr(Thing, "rate", k)),
        "class by name": (lambda x: x * Thing.rate, lambda k: setattr(Thing, "rate", k)),
        "property": (lambda x: x + thing.shift, number),
        "static method": (lambda x: x * thing.factor(), lambda k: number(k, 1)),
        "cached function": (lambda x: x * cached(2.0), number),
        "module": (lambda x: x * SETTINGS.rate, lambda k: setattr(SETTINGS, "rate", k)),
        "new attribute": (lambda x: x * getattr(layer, "other", 1.0), lambda k: setattr(layer, "other", k)),
        "empty list": (hooked, lambda k: layer.hooks.append(lambda x: x * k)),
        "array": (lambda x: x * np.exp(table), table.fill),
        "view": (lambda x: x * np.exp(np.asarray(view)), table.fill),
        "optimizer": (lambda x: x * optimizer.lr, lambda k: setattr(optimizer, "lr", k)),
        "new key": (lambda x: x * names.get("b", 1.0), lambda k: names.update(b=k)),
        "key": (lambda x: x * sum(key.k for key in keys), lambda k: setattr(thing, "k", k)),
        "set": (lambda x: x * len(words), lambda k: words.add(str(k))),
        "deque": (lambda x: x * queue[0], lambda k: queue.appendleft(k)),
        "long list": (lambda x: x * long[50], lambda k: long.insert(50, k)),
        "options": (lambda x: x * options.k, lambda k: setattr(options, "k", k)),
        "dict in an object": (lambda x: F.sin(x) * wrapped["k"], lambda k: wrapped.update(k=k)),
    }


def watched(fw: Any) -> list[Any]:
    """For each: whether a Hybrid gives what the functions give, whether a change made a difference; its programs.

    The Hybrid is of all functions together. Each change is followed by two calls.
    """
    NUMBERS[:], Thing.rate, SETTINGS.rate = [1.0, 2.0], 1.0, 1.0
    cached.cache_clear()
    table, x = changes(fw), fw.Variable(X.copy())
    functions = [f for f, _ in table.values()]
    hybrid, found = fw.hybridize(lambda x: [f(x) for f in functions]), list[Any]()
    results = [y.data for y in hybrid(x)]
    for k, (name, (f, change)) in enumerate(table.items()):
        equal, different = [], []
        change(k + 3.0)
        for _ in range(2):
            before, results = results, [y.data for y in hybrid(x)]
            equal.append(all(np.array_equal(y, f(x).data) for y, f in zip(results, functions, strict=True)))
            different.append(not np.array_equal(results[k], before[k]))
        found.append([name, equal, different, known(hybrid, "state", "reason", "calls")])
    return found


BRANCHES: tuple[tuple[Callable[[Any], Any], Any], ...] = (
    (lambda x: x.mean() > 1, np.array([0.125, 0.25, 0.5])),
    (lambda x: x.mean() > 1, np.array([1.5, 3.0, 8.0])),
    (lambda x: x.flat[0] > 0, np.array([0.5, -0.25, 0.125])),
    (lambda x: x.min() < -2, np.array([0.5, -0.25, 0.125])),
    (lambda x: x.any(), np.array([False, False, False])),
    (lambda x: x.all(), np.array([True, True, True])),
    (lambda x: x.sum() > 1.5, np.array([0.0, 1.0, 0.0])),
    (lambda x: x[0] == 0, np.array([2, 0, 1])),
)


def branches(fw: Any) -> list[Any]:
    """The state for each branch, and for one that only invalid values do not take."""
    F, found = fw.functions, []

    def invalid(x: Any) -> Any:
        if x.data.max() > 20:
            raise ValueError("expected at most 20")
        return F.sin(x)

    functions: list[Any] = [
        lambda x, condition=condition: F.sin(x * 1.0) if condition(x.data) else F.cos(x * 1.0)
        for condition, _ in BRANCHES
    ]
    for f, x in zip([*functions, invalid], [*(x for _, x in BRANCHES), X], strict=True):
        hybrid = fw.hybridize(f)
        hybrid(fw.Variable(x))
        found += known(hybrid, "state")
    return found


def counters(fw: Any) -> list[Any]:
    """Reasons of functions that change something at each call: a class, slots, a set that grows, an array."""
    thing, seen, counts = Thing(), set[int](), np.zeros(3)
    Thing.total = 0

    def of_class(x: Any) -> Any:
        Thing.total += 1
        return x * 2.0

    def of_slots(x: Any) -> Any:
        thing.k += 1
        return x * 2.0

    def of_set(x: Any) -> Any:
        seen.add(len(seen))
        return x * 2.0

    def of_array(x: Any) -> Any:
        np.add(counts, 1.0, counts)
        return x * counts

    found: list[Any] = []
    for f in (of_class, of_slots, of_set, of_array):
        hybrid = fw.hybridize(f)
        for _ in range(3):
            hybrid(fw.Variable(X))
        found.append(known(hybrid, "state", "reason", "calls"))
    return [*found, Thing.total, thing.k, len(seen), counts]


def expected_watched() -> list[Any]:
    names = (
        "slot,class,class by name,property,static method,cached function,module,new attribute,empty list,array,view,"
    )
    names += "optimizer,new key,key,set,deque,long list,options,dict in an object"
    return [[name, [True] * 2, [True, False], [["program", None, 2]]] for name in names.split(",")]


values(
    60,
    "literals: PyTorch has no programs",
    ("changes_that_hybridize_watches", watched, expected_watched),
    ("branches_that_hybridize_sees", branches, lambda: [["eager"]] * 8 + [["program"]]),
    (
        "counters_in_a_hybridized_function",
        counters,
        lambda: [
            [["eager", "the attribute total of a class changes from call to call", 3]],
            [["eager", "the attribute k of an object changes from call to call", 3]],
            [["program", None, 3]],
            [["eager", "the program has other results", 3]],
            *(3, 4.0, 1, np.full(3, 3.0)),
        ],
    ),
    since=5,
)
