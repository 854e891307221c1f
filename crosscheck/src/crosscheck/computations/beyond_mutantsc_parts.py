"""What detects mutants of the parts of hybridize that nothing else detects: what a model refers to, other values."""

from __future__ import annotations

import copy
import logging
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache, partial
from typing import Any
from unittest import mock

import numpy as np

from .values import values

RULES = "literals, by the rules of the docstrings: PyTorch has no such functions"
COUNTER, NAMED = [0], {"key": 1.5}  # which functions below name


HOME: Any = types.ModuleType("home")
HOME.part, HOME.home = [2], HOME


class Owner:
    """A class with a method that names a global variable, and one that is inherited."""

    def __init__(self, part: Any) -> None:
        self.part = part

    def count(self) -> list[int]:
        return COUNTER


class Slotted:
    """A class whose objects have one attribute, and no dict."""

    __slots__ = ("empty", "part")


def kind_of(**attributes: Any) -> Any:
    return type("Kind", (), attributes)


class Heir(Owner):
    def name(self) -> Any:
        return [NAMED for _ in range(2)]


def outer(a: Any, b: Any = NAMED, *, c: Any = None) -> Callable[[], Any]:
    def inner() -> Any:
        return a

    return inner


# --- what objects refer to ---


def reached(fw: Any) -> Any:
    """Whether each of some objects is found from a root that contains it in one way."""
    reach, goal = fw.hybrid.reach.reach, [1]
    own: Any = outer(goal)
    layer, plain = fw.layers.Linear(2, in_size=2), fw.optimizers.SGD(0.1)
    layer.extra, plain.extra = goal, goal
    plain.owner = types.SimpleNamespace(part=goal)
    logger = logging.Logger("crosscheck")
    logger.part = goal  # type: ignore[attr-defined]
    marked = outer(0)
    marked.part = goal  # type: ignore[attr-defined]
    variable, function = fw.Variable(np.ones(2)), fw.functions.Exp()
    slotted: Any = Slotted()
    slotted.part = goal
    wrapped = lru_cache(outer(goal))
    variable.part, function.part = goal, goal
    roots: list[Any] = [
        goal, [goal], (goal,), {"a": goal}, deque([goal]), {1: {2: goal}}, outer(goal), partial(outer, goal),
        partial(outer, c=goal), Owner(goal), Heir(goal), Owner(goal).count, types.SimpleNamespace(a=goal), marked,
        layer,
        plain, lambda: outer(goal), slotted, kind_of(part=goal), kind_of(f=property(own)), kind_of(f=wrapped),
        kind_of(f=staticmethod(outer(goal))), kind_of(f=classmethod(own)),
        kind_of(f=cached_property(own)),
        type("Under", (kind_of(part=goal),), {})(), {Owner(goal)}, frozenset([Owner(goal)]), lambda: sys.modules,
        logger, variable, function, "a", 1, types.ModuleType("m"), slotted.__class__, np.random.default_rng(0),
    ]  # fmt: skip
    found = [id(goal) in map(id, reach([root], lambda x: x)) for root in roots]
    simple = [
        len(reach([x], lambda x: x)) for x in ("a", 1, 2.5, None, fw.functions.Exp(), np.ones(2), np, list, variable)
    ]
    named = [
        [id(x) in map(id, reach([root], lambda x: x)) for x in (COUNTER, NAMED)]
        for root in (
            Owner(0),
            Heir(0),
            Owner.count,
            outer,
            outer(0),
            Owner,
            partial(Heir.name, Heir(0)),
            fw.functions.relu,
        )
    ]
    home = [
        id(HOME.part) in map(id, reach([f], lambda x: x)) for f in (lambda: HOME.part, lambda: HOME.home.part, called)
    ]
    other = reach([goal, "a", goal], lambda x: COUNTER if x is goal else x)
    deep = reach([Owner({frozenset([3.5]), ("t", Owner(goal))})], lambda x: x)
    return [found, simple, named, [x is COUNTER for x in other], id(goal) in map(id, deep), home]


@mock.patch(f"{__name__}.NAMED", NAMED)
def changes_of_all(fw: Any) -> Any:
    """What is changed in all kinds of containers is named and undone; generators go on where they were."""
    reach, V = fw.hybrid.reach, fw.Variable
    COUNTER[:] = [0]  # also if it was not undone before
    numbers, recent, seen, table = (
        [1, V(np.ones(2))],
        deque([1, 2], maxlen=2),
        {1, 2},
        {"a": 1, "b": np.ones(2), "c": 5, "inputs": 6},
    )
    layer = fw.layers.Layer()
    layer.k, layer.inputs, layer.own = 1, (1,), types.SimpleNamespace(n=np.ones(2), m=3)
    state, rng, own = V(np.ones(2)), np.random.default_rng(3), random.Random(3)
    old: Any = np.random.RandomState(3)
    state.name, state.grad, counts, frozen = "w", V(np.zeros(2)), np.zeros(2), np.zeros(3)
    frozen.flags.writeable = False
    cell = [np.ones(1)]

    def f() -> None:
        nonlocal cell
        cell = [np.zeros(1)]

    g, empty = emptied()
    held: Any = Slotted()
    kind, held.part = kind_of(part=1), 1
    roots = [kind, held, numbers, recent, seen, table, layer, state, rng, old, own, counts, frozen, f, g, called]
    kept = reach.Kept(reach.reach(roots, lambda x: x))
    before = repr((numbers, recent, seen, table))
    found: list[Any] = [[*kept.changes()], len(kept.arrays), len(kept.generators.all)]
    np.random.seed(5)
    drawn = [np.random.rand(), rng.random(), old.rand(), own.random(), random.random()]
    numbers[:2], state.grad, layer.k, layer.inputs, layer.own.n = [2, V(np.zeros(2))], None, 2, (3,), np.zeros(2)
    numbers.append(7)
    recent.append(5)
    seen.add(3)
    table.update({"a": 2, "b": np.zeros(2), "d": 4, "inputs": 7})
    del table["c"]
    layer.own.m, layer.new, kind.new, kind.part, held.part = 4, 1, 2, 3, 4
    f()
    g()
    COUNTER[0] += 1
    globals()["NAMED"] = np.ones(1)
    found += [[text for _, text in kept.changes()], len({key for key, _ in kept.changes()})]
    kept.restore()
    found += [[text for _, text in kept.changes()], before == repr((numbers, recent, seen, table))]
    found += [
        [cell[0], layer.k, layer.own.m, hasattr(layer, "new"), recent.maxlen, COUNTER, type(NAMED)],
        state.grad is None,
    ]
    found += [empty(5), hasattr(kind, "new"), kind.part, held.part]
    kept.generators.rewind(kept.states)
    again = [rng.random(), old.rand(), own.random()]
    found.append([drawn[1:4] == again, len(repr(kept.text([], 0)))])
    return found


def emptied() -> Any:
    """A function that sets a variable which has no value, and one that returns it, or a default."""
    variable: Any

    def sets() -> None:
        nonlocal variable
        variable = 1

    def returns(default: Any) -> Any:
        try:
            return variable
        except NameError:
            return default

    return sets, returns


def called() -> Any:
    return COUNTER, NAMED


@mock.patch(f"{__name__}.NAMED", NAMED)
def watched(fw: Any) -> Any:
    """Whether a Watch sees each of some changes, and whether it sees none before; what it leaves out."""
    reach, V, found = fw.hybrid.reach, fw.Variable, []

    def seen(change: Callable[[Any], Any], *parts: Any, skipped: Any = ()) -> list[bool]:
        watch = reach.Watch(reach.reach(parts, lambda x: x), skipped)
        before = watch.changed()
        change(parts[0])
        return [before, watch.changed()]

    def renamed(x: Any) -> None:
        x.__closure__[0].cell_contents = 2

    def emptied(x: Any) -> None:
        del x.__closure__[0].cell_contents

    def named(x: Any) -> None:
        globals()["NAMED"] = dict(NAMED)

    layer, space, d, numbers = fw.layers.Layer(), types.SimpleNamespace(n=1, m=2), {"a": 1, "b": 2}, [1, 2]
    layer.p, layer.k, layer.inputs, many = fw.layers.Linear(1).b, 1, 5, [0] * 1000
    found += [seen(lambda x: x.__dict__.update(k=2), layer), seen(lambda x: x.__dict__.update(inputs=2), layer)]
    found += [seen(lambda x: delattr(x, "k"), layer), seen(lambda x: x.__dict__.update(new=2), layer)]
    found += [seen(lambda x: setattr(x, "q", fw.layers.Linear(1).b), layer), seen(lambda x: x.update(c=2), d)]
    found += [seen(lambda x: x.update(a=5), d), seen(lambda x: x.update(a=1.0), d), seen(lambda x: x.pop("a"), d)]
    found += [seen(lambda x: x.append(5), numbers), seen(lambda x: x.__setitem__(0, 9), numbers), seen(named, called)]
    found += [seen(lambda x: x.append(5), many), seen(lambda x: x.append(5), many), seen(lambda x: x.append(5), [])]
    found += [seen(renamed, outer(1)), seen(emptied, outer(1)), seen(lambda x: x.__dict__.update(n=2), space)]
    found += [seen(lambda x: x.__dict__.update(m=3), space, skipped={(id(vars(space)), "m")})]
    found += [seen(lambda x: x.__setitem__(0, 5), numbers, skipped={(id(numbers), 1)})]
    found += [seen(lambda x: x.update({0: 1}), dict.fromkeys(range(n), 0)) for n in (1000, 1001)]
    found += [seen(lambda x: x.update(a=copy), {"a": Owner}), seen(lambda x: x.update(a=1), {"a": types})]
    found += [seen(lambda x: x.update(a=V(np.ones(2))), {"a": V(np.ones(2)), "b": 3, "c": Owner})]
    held: Any = Slotted()
    kind, elements = kind_of(part=1, other=2), {1, 2}
    held.part, frozen = 1, np.zeros(2)
    frozen.flags.writeable = False
    found += [seen(lambda x: setattr(x, "part", 5), kind), seen(lambda x: setattr(x, "new", 5), kind)]
    found += [seen(lambda x: delattr(x, "other"), kind), seen(lambda x: setattr(x, "part", 5), held)]
    found += [seen(lambda x: setattr(x, "empty", 5), held), seen(lambda x: delattr(x, "part"), held)]
    found += [seen(lambda x: x.append(1), deque()), seen(lambda x: x.add(3), elements), seen(lambda x: x.add(3), set())]
    found += [seen(lambda x: np.add(x, 1, x), np.zeros(n)) for n in (1, 1000, 1001)]
    skipped = np.zeros(2)
    found += [seen(lambda x: np.add(x, 1, x), skipped, skipped={(id(skipped), "")}), seen(lambda x: None, frozen)]
    found += [seen(lambda x: x.append(1), numbers, skipped={(id(numbers), 1)}), seen(lambda x: x.update(z=1), {})]
    sgd = fw.optimizers.SGD()
    found += [
        seen(lambda x: x.__dict__.update(lr=2), sgd, lambda x: x.lr),
        seen(lambda x: x.__dict__.update(lr=3), sgd, len),
    ]
    arrays = {"a": np.ones(2)}
    found += [
        seen(lambda x: x.update(a=np.ones(2)), arrays),
        seen(lambda x: x.__dict__.update(lr=2), fw.optimizers.SGD()),
    ]
    layer.__dict__.update({f"a{k}": 0 for k in range(1001)})
    found += [seen(lambda x: x.__dict__.update(a7=2), layer)]
    found += [seen(lambda x: x[0].append(5), (numbers,)), reach.Watch().changed()]
    return found


def named_in(fw: Any) -> Any:
    """The names of global variables in functions; what containers hold, by name; what is an array."""

    def names(f: Any) -> Any:
        return reach.Names(f.__globals__, reach.names_in(f.__code__))

    reach, empty = fw.hybrid.reach, outer(1).__closure__[0]  # type: ignore[index]
    del empty.cell_contents
    full = outer([1]).__closure__[0]  # type: ignore[index]
    found = [reach.names_in(f.__code__) for f in (called, outer, Heir.name, Owner.count, missing)]
    held = [reach.contents(x) for x in (empty, full, names(called), [3, 4], {"a": 1}, (5,), deque([6]))]
    held[2] = [*held[2]]
    objects: list[Any] = [np.ones(2), fw.Variable(np.ones(2)), [1, (np.ones(1),)], [1], 2.0, {}, [], None]
    kinds = [reach.computed(x) for x in objects]
    target: list[Any] = [1, 2]
    for old in ({}, {0: 5, 1: 6, 2: 7}):
        reach.refill(target, old)
        held.append([*target])
    reach.refill(empty, {"": 3})
    reach.refill(full, {})
    keys = [reach.key_of(names(called)) == id(globals()), reach.key_of(target) == id(target)]
    owners = [[reach.of_library(f), reach.of_package(f)] for f in (np.ones, copy.copy, called, fw.functions.exp, Owner)]
    beside: Any = types.ModuleType("beside")  # a module whose name begins as that of the stage
    beside.__file__ = reach.OWN.rstrip("/\\") + "_more.py"
    with mock.patch.dict(sys.modules, beside=beside):
        owners += [reach.of_package(beside)]
    return [found, held, kinds, empty.cell_contents, reach.contents(full), keys, owners, *drawn(fw)]


def missing() -> Any:
    return undefined  # type: ignore[name-defined]  # noqa: F821


def drawn(fw: Any) -> Iterator[Any]:
    """What generators give after they were seeded anew, and when they go on; a subclass is not known."""
    reach = fw.hybrid.reach
    own: list[Any] = [
        np.random.default_rng(3),
        np.random.RandomState(3),
        random.Random(3),
        np.random.Generator(np.random.MT19937(3)),
    ]
    generators = reach.Generators([*own, 5, type("Other", (random.Random,), {})(3)])
    yield len(generators.all)

    def numbers() -> list[float]:
        return [np.random.rand(), random.random(), own[0].random(), own[1].rand(), own[2].random(), own[3].random()]

    states = generators.states()
    first = numbers()
    yield fw.hybrid.structure.same(states, generators.states())
    generators.rewind(states)
    yield fw.hybrid.structure.same(states, generators.states())
    with reach.preserved(generators):
        generators.reseed()
        again = numbers()
        generators.reseed()
        yield [numbers() == again, *(a == b for a, b in zip(first, again, strict=True))]
        numbers()
    yield numbers() == first
    yield again[1:5] == [
        random.Random(1).random(),
        np.random.default_rng(1).random(),
        again[0],
        random.Random(1).random(),
    ]


# --- structures, equality ---


def structures(fw: Any) -> Any:
    """What is flattened, in order, and rebuilt; which arguments have the same structure; constants."""
    s, V = fw.hybrid.structure, fw.Variable
    x, a, fixed = V(np.ones((2, 1))), np.zeros(3, int), V(np.ones((2, 1)))
    fixed.constant = True
    tree = {"b": [x, (a, 1.5)], "a": (), "c": {"d": fixed, "e": None}, 1: [[]], "o": len}
    leaves: list[Any] = []
    structure = s.flatten(tree, leaves)
    back = s.rebuild(structure, iter(leaves))
    found: list[Any] = [
        repr(back) == repr(tree),
        type(back["b"][1]),
        [x is y for x, y in zip(leaves, (x, a, fixed), strict=True)],
    ]
    others: list[Any] = [
        V(np.ones((2, 1))), fixed, np.ones((2, 1)), V(np.ones(2)), V(np.ones((2, 1), "f")), V(np.ones((2, 1), int)),
        np.ones(2), np.ones(2, int), [x], (x,), {"a": x}, {"b": x}, [x, x], [], (), {}, [[]], 0.0, -0.0, 0, 1.0, 1,
        True, False,
        np.float64(0.0), np.float64(-0.0), np.float32(0.0), "0.0", None, [0.0], [-0.0], {"a": 0.0}, {"b": 0.0},
        np.float64(1),
    ]  # fmt: skip
    keys = [s.flatten(other, []) for other in others]
    found += [[len({*keys}), len(keys)], keys.index(s.flatten(x, []))]
    found += [[c if c is None or isinstance(c, float) else c is len for c in s.constants(structure)]]
    return found


def equal(fw: Any) -> Any:
    """Which pairs of objects are the same, and which functions and classes have the same code."""
    s, V = fw.hybrid.structure, fw.Variable
    a, nan = np.array([1.0, np.nan]), float("nan")
    n = types.SimpleNamespace
    pairs: list[tuple[Any, Any]] = [
        (a, a.copy()), (a, -a), (a, a[:1]), (a, a[None]), (np.zeros(2), -np.zeros(2)), (np.zeros(2), np.zeros(2,
        "f")),
        (np.zeros(2, int), np.zeros(2)), (V(a), V(a.copy())), (V(a), a), (V(a), V(-a)), (1, 1), (1, 2), (1, 1.0),
        (nan, float("nan")), (nan, 1.0), (1.0, nan), ([a, 1], [a.copy(), 1]), ([a], [a, 1]), ([a], (a,)), ([a], [-a]),
        ({"a": a}, {"a": a.copy()}), ({"a": 1}, {"b": 1}), ({"a": 1}, {"a": 2}), ({"a": 1}, {"a": 1, "b": 2}),
        (n(a=a), n(a=a.copy())), (n(a=1), n(a=2)), (n(a=1), n(b=1)), (len, len), (len, max), (lambda: 1, lambda: 2),
        (fw.functions.Exp(), fw.functions.Exp()), (fw.functions.Exp(), fw.functions.Sin()), ("a", "a"), ({1}, {1}),
        ({1}, {2}), (a[:0], a[:0].copy()), (V(None), V(None)), (None, None), (None, 0), (V(a), type(V(a))(a, "name")),
    ]  # fmt: skip

    def made(k: Any, base: Any = object, default: Any = 1, name: str = "do") -> Any:
        class Made(base):  # type: ignore[misc]
            """A class with a method."""

            part = k if name == "part" else 0

            def do(self, x: Any = default) -> Any:
                return k, Made, x

        if name == "more":
            Made.more = 1
        return Made

    def fixed(k: Any) -> Any:
        class Made:
            @staticmethod
            def do() -> Any:
                return k

        return Made

    def heir() -> Any:
        class Made(Owner):
            def count(self) -> Any:
                return super().count()

        return Made

    def option(k: Any) -> Any:
        return lambda *, option=k: option

    def naming(other: Any) -> Any:
        def named() -> Any:
            return named if other is None else other

        return named

    other_self: Any = naming(None)
    names = other_self.__code__.co_freevars
    other_self.__closure__[names.index("named")].cell_contents = naming(5)
    one = made(1)
    codes: list[tuple[Any, Any]] = [
        (one, one), (one, made(1)), (one, made(2)), (one, made(1, Owner)), (one, made(1, default=2)), (one, Owner),
        (one, made(1, name="more")), (one, made(1, name="part")), (one.do, made(1).do), (one.do, made(2).do),
        (one.do, Owner.count), (naming(None), naming(None)), (naming(None), naming(5)), (naming(None), other_self),
        (one, fixed(1)), (fixed(1),
        fixed(1)),
        (outer(1), outer(1)), (outer(1), outer(2)), (outer(a), outer(a.copy())), (lambda: 1, lambda: 1),
        (lambda: 1, lambda: 2),
        (len, max), (len, one), (one, len), (1, 1), (1, 2), (outer(one), outer(made(1))), (outer(one),
        outer(made(2))),
        (outer(len), outer(max)), (outer(len), outer(len)), (called, named_in), (called, one), (outer(outer),
        outer(called)), (heir(), heir()), (option(1), option(1)), (option(1), option(2)),
    ]  # fmt: skip
    found = [[s.same(*pair), s.same(*pair[::-1])] for pair in pairs]
    return [found, [[s.same_code(*pair), s.same_code(*pair[::-1])] for pair in codes]]


# --- other values ---


POWERS = 16.0 ** np.arange(1, 13).reshape(3, 4)
FLOATS = [
    POWERS + 0.5, -POWERS - 0.5, POWERS * np.where(np.arange(12).reshape(3, 4) % 3 == 0, -1, 1) + 0.5, np.array(2.5),
    np.array([-1.5]), np.full(7, 1.5), np.full(3, -2.0), (POWERS + 0.5).astype("f"), (POWERS[:, ::2] + 0.5).T,
    np.arange(1, 2001) + 0.5, np.where(np.arange(1500) % 2 == 0, -2.5, 2.5),
]  # fmt: skip
WHOLE = [
    np.arange(6).reshape(2, 3), np.array([5, 5, 2, 9, 2]), np.array([1, 0], "u1"), np.arange(6.0), np.arange(2000),
    np.array([1.0, 0, 1, 0, 1, 1]), np.array([True, False, True]), np.arange(2000.0), np.array([7, 1, 7], "i1"),
]  # fmt: skip
FIXED = [np.zeros((2, 3)), np.zeros(2, int), np.ones(3, bool), np.zeros((0, 2)), np.zeros(0, int)]


def other_values(fw: Any) -> Any:
    """Which rules altered values break; dtypes and shapes; what has no other values, and what Variables keep."""
    proof, found = fw.hybrid.proof, []
    for a in FLOATS:  # a permutation of a, each number down to an eighth, with the other sign if both signs occur
        b = proof.altered(a, np.random.default_rng(0))
        ratio = (
            np.sort(np.abs(b), None) / np.sort(np.abs(a), None)
            if len({*a.ravel()}) > 2
            else np.abs(b) / np.abs(a).max()
        )
        flips = a.min() < 0 < a.max()
        moved = np.argmax(np.abs(a)) != np.argmax(np.abs(b))
        rules = [
            (ratio > 0.124).all() and (ratio <= 1).all(),
            a.size < 3 or np.ptp(ratio) > 0.1,
            moved or a.size < 4 or len({*a.ravel()}) < 3,
        ]
        rules += [np.count_nonzero(b < 0) == np.count_nonzero(a > 0 if flips else a < 0), b.tobytes() != a.tobytes()]
        found += [b.dtype, b.shape, b.flags.c_contiguous == a.flags.c_contiguous, *map(bool, rules)]
    for a in WHOLE:  # the same numbers but the largest, which become the smallest; half of them, if they are floats
        b = proof.altered(a, np.random.default_rng(0))
        left = np.count_nonzero(b == a.max())
        kept = np.count_nonzero(a == a.max()) - np.count_nonzero(a == a.max()) // 2 if a.dtype.kind == "f" else 0
        rules = [
            {*b.ravel()} <= {*a.ravel()},
            left == (kept if a.dtype.kind != "b" else left),
            b.tobytes() != a.tobytes(),
        ]
        found += [b.dtype, b.shape, True, *map(bool, rules)]
    for seed in range(12):  # of 16 candidates the one that changes most: extremes, signs, elements
        for a in (
            np.array([0.0, 1.5, 0.0, -2.5, 0.0, 3.5, -0.5]),
            np.array([1.5, 0.5, 2.5]),
            np.arange(40) % 5 - 1,
        ):
            rng = np.random.default_rng(seed)
            made = [proof.other(a, rng.permutation(a), rng) for _ in range(16)]
            extremes = [(b.argmax() != a.argmax()) + (b.argmin() != a.argmin()) for b in made]
            scores = [(n, sum((b > 0) != (a > 0)), sum(b != a)) for n, b in zip(extremes, made, strict=True)]
            found.append(np.array_equal(proof.altered(a, np.random.default_rng(seed)), made[scores.index(max(scores))]))
    constant = proof.altered(np.full(50, -2.0), np.random.default_rng(0))
    found += [bool((constant < -1).all()), bool((proof.altered(LIKE[10], np.random.default_rng(0)) >= 0).all())]
    found += [proof.altered(a, np.random.default_rng(0)) for a in FIXED]
    found += [
        proof.altered(np.full(4, 3, "u1"), np.random.default_rng(0)),
        proof.altered(None, np.random.default_rng(0)),
    ]
    for change in (proof.enlarged, proof.reduced, proof.unaltered):
        found += [change(a) for a in LIKE]
        found += [change(LIKE[0]) is LIKE[0], change(LIKE[0].T).flags.c_contiguous]
    x = fw.Variable(np.array([1.5, 2.5]))
    x.name, x.constant = "x", True
    y, z = (proof.like(v, proof.altered, np.random.default_rng(0)) for v in (x, x.data))
    return [*found, y.name, y.constant, type(y) is type(x), y.data is not x.data, type(z), (z != x.data).any(), x.data]


LIKE: list[Any] = [
    np.array([[1.5, -2.5], [0.5, 3.0]]), np.array([1.5, 2.5], "f"), np.array([2, 5, 3]), np.array([4.0, 2.0]), None,
    np.array([True, False]), np.zeros((0, 2)), np.array([-2, 3], "i1"), np.array(1.5), np.array([0.0, -1.5]),
    np.array([0.0, 1.5, 2.5]),
]  # fmt: skip


def expected_likes() -> Any:
    a, b, c = LIKE[0], *LIKE[9:]
    large = [64 * a, 64 * LIKE[1], np.full(3, 5), np.full(2, 4.0), None, np.array([True, True]), LIKE[6]]
    large += [np.array([3, 3], "i1"), np.array(96.0), 64 * b, 64 * c]
    small = [a / -64, LIKE[1] / 64, np.full(3, 2), np.full(2, 2.0), None, np.array([False, False]), LIKE[6]]
    small += [np.array([-2, -2], "i1"), np.array(1.5 / 64), b / 64, c / 64]
    return [large, False, False, small, False, False, LIKE, False, True]


def expected_values() -> Any:
    rows = [[a.dtype, a.shape, True, *[True] * 5] for a in FLOATS] + [
        [a.dtype, a.shape, True, *[True] * 3] for a in WHOLE
    ]
    return [
        *rows,
        *[True] * 38,
        *FIXED,
        np.full(4, 2, "u1"),
        None,
        expected_likes(),
        "x",
        True,
        True,
        True,
        np.ndarray,
        True,
        np.array([1.5, 2.5]),
    ]


def sums(fw: Any) -> Any:
    """Checksums of arrays of every layout; None."""
    check = fw.hybrid.proof.checksum
    a = np.arange(6.0).reshape(2, 3)
    return [
        check(None),
        check(a) == check(a.copy()),
        check(a.T) == check(a.T.copy()),
        check(a) == check(-a),
        check(a[:, ::2]),
    ]


# --- shortcuts ---


def numbers(*shape: int) -> Any:
    """Normal numbers, many of which are zeros of both signs."""
    a = np.random.default_rng(0).standard_normal(shape) * 3
    return np.where(np.abs(a) < 1, np.copysign(0.0, a), a)


def labels(n: int, classes: int, dtype: str = "int64") -> Any:
    return np.random.default_rng(1).integers(0, classes, n).astype(dtype)


def cases_of_shortcuts(F: Any) -> list[tuple[Any, tuple[Any, ...], Any]]:
    """Functions, their arguments, and whether there is a shortcut."""
    a, b, row, cube = numbers(4, 3), numbers(4, 3) + 0.5, numbers(3), numbers(2, 3, 4)
    half, single, whole = a.astype("e"), a.astype("f"), np.arange(12).reshape(4, 3)
    loss = F.SoftmaxCrossEntropy
    return [
        *[(f(), xs, 1) for f in (F.Add, F.Sub, F.Mul, F.Div) for xs in ((a, b), (single, row))],
        *[(f(), (b,), 1) for f in (F.Neg, F.Exp, F.Sin, F.Cos, F.Tanh)], (F.Log(), (np.abs(b),), 1),
        *[(F.Pow(c), (np.abs(b),), 1) for c in (2, 3, -1, 0.5)], (F.Pow(-2), (whole + 1,), 1), (F.Exp(), ([1.0],), 0),
        *[(F.Sigmoid(), (x,), 1) for x in (400 * a, single, numbers(1, 3), numbers(5), numbers(2, 0))],
        (F.Sigmoid(), (np.array([np.nan, np.inf, -np.inf]),), 1), (F.Sigmoid(), (numbers(),), 0), (F.Sigmoid(),
        (half,), 0),
        *[(F.Transpose(axes), (cube,), axes is None) for axes in (None, (1, 0, 2))], (F.Square(), (a,), 0),
        (F.MatMul(), (a, numbers(3, 2)), 1), (F.MatMul(), (row, numbers(3, 2)), 0), (F.MatMul(), (numbers(2, 2, 3),
        numbers(3, 2)), 0),
        (F.MatMul(), (numbers(2, 3), numbers(2, 3, 2)), 0),
        *[(F.Linear(), (numbers(*x), numbers(5, 3), row), len(x) == 2) for x in ((4, 5), (2, 5), (1, 5), (0, 5),
        (2, 4, 5))],
        (F.Linear(), (numbers(4, 5), numbers(5, 3)), 0), (F.Linear(), (numbers(4, 5), numbers(5, 3), row[:1]), 0),
        (F.Linear(), (numbers(4, 5).astype("f"), numbers(5, 3), row), 0), (F.Linear(), (numbers(4, 5), numbers(5,
        3), row.astype("f")), 0), (F.Linear(), (numbers(4, 5), numbers(5, 3).astype("f"), row), 0),
        *[(F.SumTo(s), (numbers(100, 4),), s == (4,)) for s in ((4,), (1, 4), (100, 1), ())], (F.SumTo((2,)),
        (numbers(129, 2),), 0),
        (F.SumTo((2,)), (numbers(128, 2),), 1), *[(F.SumTo(s), (cube,), s in ((4,), (3, 4))) for s in ((4,), (3,
        4), (3, 1), (1, 3, 4), ())],
        (F.SumTo((3,)), (half,), 0), (F.SumTo((3,)), (single,), 1), (F.SumTo((3,)), (whole,), 0), (F.SumTo((4, 3)),
        (a,), 1),
        *[(loss(), (numbers(n, c), labels(n, c)), 1) for n, c in ((1, 1), (7, 2), (3, 32), (3, 33), (2, 63))],
        *[(loss(), (numbers(7, 5).astype("f"), labels(7, 5, t)), 1) for t in ("int32", "uint8", "int8")],
        (loss(), (numbers(1, 1024), labels(1, 9)), 1), (loss(), (numbers(1, 1025), labels(1, 9)), 0), (loss(),
        (half, labels(4, 3)), 0), (loss(), (a, np.array([True, False] * 2)), 0),
    ]  # fmt: skip


def twin(f: Any) -> Any:
    """A copy of a function, as programs have it."""
    new: Any = object.__new__(type(f))
    vars(new).update(vars(f), **({"e": None, "total": None} if type(f).__name__ == "SoftmaxCrossEntropy" else {}))
    return new


def shortcuts(fw: Any) -> Any:
    """Whether there is a shortcut, and whether it has the bits of forward, also in other memory and twice."""
    F, make, found = fw.functions, fw.hybrid.shortcuts.shortcut, []

    def bits(a: Any) -> Any:
        return np.asarray(a).dtype, np.shape(a), np.asarray(a).tobytes()

    for f, xs, _ in cases_of_shortcuts(F):
        g = twin(f)
        run, same = make(g, xs), []
        for change in (lambda a: a, np.asfortranarray, lambda a: a[::-1].copy()[::-1] if a.ndim else a):
            ys = [change(x) for x in xs] if run else ()
            with np.errstate(all="ignore", over="raise"):
                same += [bits(run(*ys)) == bits(f.forward(*ys)) for _ in range(2) if run]
        found += [run is not None, all(same)]
        if type(f) is F.SoftmaxCrossEntropy and run:
            first, second = F.loss.SoftmaxCrossEntropyGrad(f), F.loss.SoftmaxCrossEntropyGrad(g)
            gy = np.array(0.3, xs[0].dtype)
            found[-1] &= bits(g.e) == bits(f.e) and bits(g.total) == bits(f.total)
            found[-1] &= bits(make(second, (*xs, gy))(*xs, gy)) == bits(first.forward(*xs, gy))
            found[-1] &= (
                make(second, (*xs, gy.astype("e"))) is None
                and make(second, (xs[0].astype("e"), xs[1], gy.astype("e"))) is None
            )
            for bad in (-1, xs[0].shape[1]):
                try:
                    run(xs[0], np.full(len(xs[1]), bad).astype(xs[1].dtype))
                except ValueError as error:
                    found.append("expected integers from 0 to" in str(error))
    return found


def expected_shortcuts() -> Any:
    class Functions:
        def __getattr__(self, name: str) -> Any:
            return lambda *_: name

    return [
        [bool(there), True] + [True] * (2 * (f == "SoftmaxCrossEntropy" and bool(there)))
        for f, _, there in cases_of_shortcuts(Functions())
    ]


# --- what they give ---


def expected_reached() -> Any:
    named = [(1, 0), (1, 1), (1, 0), (0, 1), (0, 0), (1, 0), (1, 1), (0, 0)]
    simple = [0, 0, 0, 0, 0, 1, 0, 0, 1]
    return [
        [True] * 27 + [False] * 9,
        simple,
        [[bool(a), bool(b)] for a, b in named],
        [True],
        True,
        [True, True, False],
    ]


def expected_changes() -> Any:
    texts = ["the attribute part of a class", None]
    texts += ["a list", "a list", None, "a deque", "a deque", None, "'a' of an object or a dict"]
    texts += ["'b' of an object or a dict", None, "'inputs' of an object or a dict", None]
    texts += ["the attribute part of an object"]
    texts += ["the attribute k of a layer", "the attribute new of a layer"]
    texts += ["a variable of a closure", None, "the variable NAMED", "a list", "'n' of an object or a dict"]
    texts += ["'m' of an object or a dict", "the gradient of w"]
    left = [np.ones(1), 1, 3, False, 2, [0], dict]
    return [[], 4, 5, texts, 23, [], True, left, False, 5, False, 1, 1, [True, 8]]


def expected_watched() -> Any:
    seen = "10111111111010111100101111111011111100001101011"
    return [*([False, digit == "1"] for digit in seen), False]


def expected_named() -> Any:
    names = [["COUNTER", "NAMED"], [], ["range", "NAMED"], ["COUNTER"], ["undefined"]]
    held = [{}, {"": [1]}, ["COUNTER", "NAMED"], {0: 3, 1: 4}, {"a": 1}, {0: 5}, {0: 6}, [], [5, 6, 7]]
    owners = [[True, False], [True, False], [False, False], [False, True], [False, False], False]
    drawn = [6, False, True, [True] + [False] * 6, True, True]
    return [names, held, [True] * 3 + [False] * 5, 3, {}, [True, True], owners, drawn]


def expected_equal() -> Any:
    same = "1000000100100100100010001001111011011101"
    codes = "110000001001000010100000101001000110"
    return [[digit == "1"] * 2 for digit in same + codes]


values(
    60,
    RULES,
    ("what_a_model_refers_to", reached, expected_reached),
    ("what_is_changed_and_undone", changes_of_all, expected_changes),
    ("what_is_watched", watched, expected_watched),
    ("names_and_contents", named_in, expected_named),
    (
        "structures_of_arguments",
        structures,
        lambda: [True, tuple, [True] * 3, [34, 34], 0, [1.5, None, True]],
    ),
    ("equal_objects_and_functions", equal, expected_equal),
    ("altered_values", other_values, expected_values),
    ("checksums_of_arrays", sums, lambda: [None, True, True, False, 3514557807]),
    ("shortcuts_of_programs", shortcuts, expected_shortcuts),
    since=5,
)
