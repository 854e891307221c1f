"""What detects mutants of training with many processes that nothing else detects."""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import os
import pathlib
import sys
import tempfile
import threading
import types
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from .beyond_ranks import Rank, Shared, run
from .mutants_functions import message
from .values import values

BY_HAND = "sums, copies and texts by hand; PyTorch's are of torch.distributed, for processes that it starts"


def submodule(fw: Any, name: str) -> Any:
    """A module of training with many processes."""
    return importlib.import_module(f"{fw.distributed.__name__}.{name}")


def apart(comm: Any, f: Callable[[], Any]) -> str:
    """The error of a call on this rank, which is raised on every rank; then they go on together."""
    text = message(f)
    comm.barrier()
    return text


# --- exchanges ---


def arrays_of_one(fw: Any) -> Any:
    """Results of one process, which share no memory with what is given; whatever is no array of numbers."""
    comm, x = fw.distributed.create_communicator("single"), np.arange(6.0, dtype="f").reshape(2, 3)[:, ::2]
    calls = [
        comm.allreduce,
        lambda a: comm.allgather(a)[0],
        comm.bcast,
        comm.sum_of,
        lambda a: comm.copy_of(a, 0),
        comm.all_of,
    ]
    found = [[y.dtype, np.shares_memory(x, y), y] for y in (call(x) for call in calls)]
    bad = (np.ones(2) > 0, fw.Variable(np.ones(2)), None, np.array(["a"]), np.ones(2) * 1j)
    texts = [message(partial(call, a)) for a in bad for call in calls[:3]]
    roots = [comm.bcast_obj, comm.scatter_obj, comm.gather_obj, comm.bcast]
    wrong = [message(partial(call, [x], root)) for call in roots for root in (1, -1)]
    return [found, texts, wrong, comm.split(3, 2) is comm, comm.any(0), comm.any(True), comm.allreduce(np.array(3))]


REFUSED = ("bool", "Variable", "NoneType", "<U1", "complex128")
X = np.array([[0, 2], [3, 5]], "f")


def expected_of_one() -> Any:
    found = [[np.dtype("f"), False, y] for y in (X, X, X, X, X, X[None])]
    names = [(kind, name) for kind in REFUSED for name in ("allreduce", "allgather", "bcast")]
    texts = [f"TypeError: {name}: expected an array of integers or floats, got {kind}" for kind, name in names]
    wrong = [f"ValueError: Communicator: expected a root from 0 to 0, got {root}" for root in (1, -1)] * 4
    return [found, texts, wrong, False, False, True, 3]


def arrays_of_two(fw: Any, comm: Any) -> Any:
    """Every dtype and root, arrays with gaps, objects; errors that are raised on both ranks."""
    r = comm.rank
    found: list[Any] = []
    for dtype in ("e", "f", "d", "i4", "u1"):
        x = (np.arange(6).reshape(2, 3).T + r).astype(dtype)
        y, z, w = (
            comm.allreduce(x),
            comm.allgather(x[:, 0]),
            [comm.bcast(x if r == root else None, root) for root in (0, 1)],
        )
        found += [[a.dtype for a in (y, *z, *w)], [np.shares_memory(a, x) for a in (y, *z, *w)], y, z, w, x]
    objects = [
        comm.gather_obj(r, 1),
        comm.bcast_obj(r, 1),
        comm.scatter_obj([5, 6] if r else None, 1),
        comm.allreduce_obj([r]),
    ]
    given = np.ones(2)
    calls: list[Callable[[], Any]] = [
        lambda: comm.allreduce(np.ones(2, "fd"[r])),
        lambda: comm.allgather(np.ones(2 + r)),
        lambda: comm.bcast(given, r),
        lambda: comm.bcast(None if r == 0 else given),
        lambda: comm.allreduce([None, given][r]),
        lambda: comm.allreduce(given) if r else comm.allgather(given),
        lambda: comm.check("do", "it is bad" if r else None),
        lambda: comm.check("do", "a" if r else "b"),
        lambda: comm.bcast_obj(1, 2),
        lambda: comm.agree("do", r),
        lambda: comm.scatter_obj([1, 2], r),
        lambda: comm.bcast_obj(1, r),
        lambda: comm.barrier() if r else comm.check("do", None),
    ]  # fmt: skip
    found += [objects, [apart(comm, call) for call in calls]]
    comm.check("do", None)
    comm.agree("do", 1)
    found.append(comm.scatter_obj(None if r else [5, 6]))
    return [*found, comm.any(r == 0), comm.any(0), given]


def expected_of_two(r: int) -> Any:
    found: list[Any] = []
    for dtype in ("e", "f", "d", "i4", "u1"):
        x = np.arange(6).reshape(2, 3).T
        both = [(x + k).astype(dtype) for k in (0, 1)]
        found += [[np.dtype(dtype)] * 5, [False] * 5, (2 * x + 1).astype(dtype), [a[:, 0] for a in both], both, both[r]]
    texts = [
        "ValueError: allreduce: expected the same on every rank, got rank 0: allreduce((2,), '<f4'); rank 1: "
        "allreduce((2,), '<f8')",
        "ValueError: allgather: expected the same on every rank, got rank 0: allgather((2,), '<f8'); rank 1: "
        "allgather((3,), '<f8')",
        "ValueError: bcast: expected the same on every rank, got rank 0: bcast(0,); rank 1: bcast(1,)",
        "TypeError: bcast: expected an array of integers or floats, got NoneType",
        "ValueError: allreduce: expected the same on every rank, got rank 0: allreduce('NoneType',); rank 1: "
        "allreduce((2,), '<f8')",
        "ValueError: {}: expected the same on every rank, got rank 0: allgather; rank 1: allreduce",
        "ValueError: do: rank 1: it is bad",
        "ValueError: do: rank 0: b; rank 1: a",
        "ValueError: MPICommunicator: expected a root from 0 to 1, got 2",
        "ValueError: do: expected the same on every rank, got rank 0: do(0,); rank 1: do(1,)",
        "ValueError: scatter_obj: expected the same on every rank, got "
        "rank 0: scatter_obj(0,); rank 1: scatter_obj(1,)",
        "ValueError: bcast_obj: expected the same on every rank, got rank 0: bcast_obj(0,); rank 1: bcast_obj(1,)",
        f"ValueError: {('do', 'barrier')[r]}: expected the same on every rank, got rank 0: do; rank 1: barrier",
    ]  # fmt: skip
    texts[5] = texts[5].format(("allgather", "allreduce")[r])
    return [*found, [[0, 1] if r else None, 1, 5 + r, [0, 1]], texts, 5 + r, True, False, np.ones(2)]


# --- models ---


def model_of(fw: Any, rank: int, first: bool = True) -> Any:
    """Parameters of two dtypes, one that is used twice, one without data on rank 1, and buffers, by rank."""
    P, model = type(fw.Linear(1).W), fw.layers.Layer()
    model.a, model.b = P(np.array([1.0, 2.0]) + rank, "a"), P(np.ones((2, 1), "f") * (rank + 1), "b")
    model.inner = fw.layers.Layer()
    model.inner.a, model.inner.c = model.a, P(np.full(3, 5.0 + rank) if first else None, "c")
    model.n = fw.layers.Buffer(np.array([4 + rank, 8]), "n")
    model.mean, model.var = fw.layers.Buffer(np.array([1.0, 3.0]) * (rank + 1), "mean"), fw.layers.Buffer(None, "var")
    return model


def data_of(model: Any) -> list[Any]:
    return [None if v.data is None else v.data.copy() for _, v in model.named_state()]


def copied_models(fw: Any, comm: Any) -> Any:
    """Copies of models in place of others: roots, dtypes, what is initialized, memory; errors without changes."""
    r = comm.rank
    found: list[Any] = []
    for root in (0, 1):
        model = model_of(fw, r, r == root)
        before = model.a.data
        comm.bcast_data(model, root)
        found.append((model.a.data is before) == (r == root))
        arrays = [v.data for _, v in model.named_state() if v.data is not None]
        found += [data_of(model), [a.dtype for a in arrays], [a.base is None for a in arrays], comm.sent[model]]
        arrays[0] += 1
        found.append([np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i]].count(True))
    bad = [model_of(fw, r, r == 0) for _ in range(6)]
    bad[0] = model_of(fw, r, r == 1)
    if r:
        bad[1].more = bad[0].b
        bad[2].a.data = np.ones(3)
        bad[3].b.data = np.ones((2, 1))
        bad[4].mean.data = None
        bad[5] = fw.layers.Layer()
    else:
        bad[4].var.data = np.ones(2)
    for model in bad:
        before = data_of(model)
        found.append(apart(comm, partial(comm.bcast_data, model)))
        same = [(a is None and b is None) or np.array_equal(a, b) for a, b in zip(before, data_of(model), strict=True)]
        found.append(all(same))
    return found


def expected_copies(r: int) -> Any:
    found: list[Any] = []
    for root in (0, 1):
        a, b, c, n, mean = (
            np.array([1.0, 2]) + root, np.ones((2, 1), "f") + root, np.full(3, 5.0) + root, np.array([4 + root, 8]),
            np.array([1.0, 3.0]) * (root + 1),
        )  # fmt: skip
        sent = {"a": True, "b": True, "inner/c": True, "n": True, "mean": True, "var": False}
        kinds = [np.dtype(kind) for kind in ("d", "f", "d", "d", "i8", "d")]
        found += [True, [a, b, a, c, n, mean, None], kinds, [True] * 6, [*sent.items()], 1]
    head = "ValueError: bcast_data: rank 1: "
    texts = [
        f"{head}'inner/c' is uninitialized on rank 0, but not here",
        f"{head}expected None as on rank 0, got 'more'",
    ]
    texts += [f"{head}'a': expected (3,) float64, got (2,) float64"]
    texts += [f"{head}'b': expected (2, 1) float64, got (2, 1) float32; cast it and call set_weights"]
    return [
        *found,
        [[text, True] for text in texts],
        "no error",
        r == 0,
        f"{head}expected 'a' as on rank 0, got None",
        True,
    ]


def mean_gradients(fw: Any, comm: Any) -> Any:
    """Means with weights, of gradients that one process lacks or both; errors without changes."""
    r, V = comm.rank, fw.Variable
    found: list[Any] = []

    def gradients(*given: Any) -> Any:
        model = model_of(fw, r)
        for param, grad in zip((model.a, model.b, model.inner.c), given, strict=True):
            param.grad = None if grad is None else V(np.full_like(param.data, grad))
        return model

    for weight in (1.0, r + 0.5, r, 2 - 2 * r):
        model = gradients(r + 1.0, None if r else 4.0, None)
        comm.multi_node_mean_grad(model, weight=weight)
        grads = [param.grad for param in model.params()]
        found += [[None if g is None else (g.data, g.dtype, type(g) is type(V(np.ones(1)))) for g in grads]]
        found[-1] = [part for part in found[-1] if part is not None]
    calls: list[tuple[Any, dict[str, Any]]] = [
        (gradients(1.0, None if r else 4.0, None), {"zero_fill": False}), (gradients(1.0, 2.0, None),
        {"zero_fill": False}),
        (gradients(1.0, 2.0, None), {"weight": np.nan}), (gradients(1.0, 2.0, None), {"weight": -0.5 * r}),
        (gradients(1.0, 2.0, None), {"weight": np.inf}), (gradients(1.0, 2.0, None), {"weight": 0}),
    ]  # fmt: skip
    calls.append((gradients(None, None if r else 4.0, None), {"zero_fill": False}))
    calls.append((gradients(1.0, 2.0, None), {}))
    calls[-1][0].a.grad = V(np.ones(2, "df"[r]))
    for model, options in calls:
        found.append(apart(comm, partial(comm.multi_node_mean_grad, model, **options)))
        found.append([None if p.grad is None else p.grad.data for p in (model.a, model.b)])
    model = gradients(r + 1.0, 2.0, None)
    if r:
        model.b.data, model.b.grad = np.ones((1, 2), "f"), None
    found.append(apart(comm, lambda: comm.multi_node_mean_grad(model)))
    model.extra = type(model.a)(np.ones(2), "extra")
    model.b.data = np.ones((2, 1), "f")
    if r:
        model = model.inner
    found.append(apart(comm, lambda: comm.multi_node_mean_grad(model)))
    return found


def expected_gradients(r: int) -> Any:
    means = [(1.5, 2), (1.75, 1), (2, 0), (1, 4)]
    kinds: list[Any] = [np.dtype("d"), np.dtype("f")]
    found: list[Any] = []
    for pair in means:
        a, b = (np.full(2, pair[0], kinds[0]), np.full((2, 1), pair[1], kinds[1]))
        found += [a, kinds[0], True, b, kinds[1], True]
    head = "ValueError: multi_node_mean_grad: "
    weights = [[np.nan] * 2, [-0.0, -0.5], [np.inf] * 2, [0.0] * 2]
    texts = [f"{head}'b': expected gradients of one form, got rank 0: ((2, 1), '<f4'); rank 1: None", "no error"]
    texts += [f"{head}expected weights of at least 0 with a positive sum, got {pair}" for pair in weights]
    texts += [texts[0], f"{head}'a': expected gradients of one form, got rank 0: ((2,), '<f8'); rank 1: ((2,), '<f4')"]
    left: list[Any] = [(1.0, None if r else 4.0), *[(1.0, 2.0)] * 5, (None, None if r else 4.0), (1.0, 2.0)]
    for text, (one, two) in zip(texts, left, strict=True):
        found += [
            text,
            [
                None if one is None else np.full(2, one, "df"[r] if text is texts[-1] else "d"),
                None if two is None else np.full((2, 1), two, "f"),
            ],
        ]
    same = f"{head}expected the same parameters on every rank, got rank 0: 'b' ((2, 1), '<f4'); rank 1: "
    return [*found, f"{same}'b' ((1, 2), '<f4')", f"{same}'c' ((3,), '<f8')"]


def expected_statistics(r: int) -> Any:
    a, b, c, n = np.array([1.0, 2]) + r, np.ones((2, 1), "f") + r, np.full(3, 5.0) + r, np.array([4 + r, 8])
    head, tail = "mean_buffers([('n', ((2,), '<i8')), ('mean', ((", ",), '<f8')), ('var', None)],)"
    calls = [f"rank {k}: {head}{k + 2}{tail}" for k in (0, 1)]
    text = f"ValueError: mean_buffers: expected the same on every rank, got {'; '.join(calls)}"
    return [True, [a, b, a, c, n, np.array([1.5, 4.5]), None], text, np.array([1.0, 3]) if r == 0 else np.ones(3)]


def expected_updates(r: int) -> Any:
    v, a = 0.0, np.array([1.0, 2.0])
    found: list[Any] = [True, True, False]
    for mean in (1.5, 5 / 3, 2.0):
        v = 0.9 * v - 0.5 * mean
        a = a + v
        found += [True, a]
    found += [False, np.ones(3), True, np.full(3, 0.25), 0.25 + r, True, False, 0.25, 1.5]
    name = ("update", "barrier")[r]
    found += ["ValueError: bcast_state: rank 1: "]
    texts = [f"ValueError: {name}: expected the same on every rank, got rank 0: update; rank 1: barrier"]
    texts += [
        "ValueError: multi_node_mean_grad: 'a': expected gradients of one form, got rank 0: None; rank 1: ((2,), '<f8')"
    ]
    texts += ["ValueError: update: rank 1: expected finite gradients, got nan or inf in ['a']"]
    step = [True, True, True, np.full(2, -0.75)]
    return [
        *found,
        texts[0],
        texts[1],
        *step,
        True,
        -np.inf,
        texts[2],
        *step,
        0.5,
        True,
        "AttributeError: lr",
        "AttributeError: __nothing__",
    ]


def mean_statistics(fw: Any, comm: Any) -> Any:
    """Means of floating buffers in place; others stay; models that differ."""
    model = model_of(fw, comm.rank)
    kept = model.mean.data
    comm.mean_buffers(model)
    other = model_of(fw, comm.rank)
    if comm.rank:
        other.mean.data = np.ones(3)
    text = apart(comm, lambda: comm.mean_buffers(other))
    return [model.mean.data is kept, data_of(model), text, other.mean.data]


def running_statistics(fw: Any, comm: Any) -> Any:
    """Whether two ranks have after three calls the statistics of one process, with each option."""
    x = np.random.default_rng(0).standard_normal((3, 6, 2))
    found: list[Any] = []
    for options in ({}, {"decay": None}, {"decay": 0.6, "warmup": True}):
        many, one = fw.distributed.MultiNodeBatchNormalization(comm, **options), fw.layers.BatchNorm(**options)
        for rows in x:
            many(rows[:4] if comm.rank else rows[4:])
            one(rows)
        pairs = zip(many.named_state(), one.named_state(), strict=True)
        alone = fw.distributed.create_mnbn_model(fw.Sequential(one), comm)
        found.append(not any(v is w for _, v in alone.named_state() for _, w in one.named_state()))
        found.append(message(partial(fw.distributed.MultiNodeBatchNormalization(comm), np.ones((1, 2)))))
        found.append(all(np.allclose(a.data, b.data, 1e-12, 1e-12) for (_, a), (_, b) in pairs))
    return found


def updates(fw: Any, comm: Any) -> Any:
    """Which updates are steps, after copies, initialization, errors; attributes, copies, and states of optimizers."""
    r, make, V = comm.rank, fw.distributed.create_multi_node_optimizer, fw.Variable
    model = model_of(fw, r, False)
    optimizer = make(fw.MomentumSGD(0.5), comm)
    found: list[Any] = [optimizer.setup(model) is optimizer, optimizer.target is model, optimizer.update()]

    def step(weight: Any = None, fill: float = 1.0) -> Any:
        for param in model.params():
            param.grad = None if param.data is None else V(np.full_like(param.data, fill + r))
        return optimizer.update() if weight is None else optimizer.update(weight)

    found += [part for w in (None, r + 1, r) for part in (step(w), model.a.data.copy())]
    model.inner.c.data = np.ones(3) * (r + 1)
    found += [part for w in (None, 0.5) for part in (step(w), model.inner.c.data.copy())]
    optimizer.lr = 0.25 + r
    found += [optimizer.actual_optimizer.lr, optimizer.comm is comm, "lr" in vars(optimizer)]
    comm.bcast_state(optimizer)
    found.append(optimizer.lr)
    optimizer.lr = 0.5 + r
    comm.bcast_state(optimizer, 1)
    found.append(optimizer.lr)
    wrong = (fw.Adam if r else fw.SGD)(0.5).setup(model)
    found.append(apart(comm, lambda: comm.bcast_state(wrong)).partition("load_state")[0])
    found.append(apart(comm, comm.barrier if r else optimizer.update))
    for zero_fill, check in ((False, False), (True, True)):
        optimizer = make(fw.SGD(0.5), comm, zero_fill, check_finite=check).setup(model)
        comm.bcast_data(model)
        before = model.a.data.copy()
        model.cleargrads()
        model.a.grad = V(np.array([1.0, np.inf])) if r else None
        grad = model.a.grad
        found += [apart(comm, optimizer.update), model.a.grad is grad, np.array_equal(before, model.a.data)]
        found += [step(), model.a.data - before]
        if not check:
            model.cleargrads()
            model.a.grad = V(np.array([1.0, np.inf]))
            found += [optimizer.update(), model.a.data[1]]
            comm.bcast_data(model)
            model.a.data[...] = before
    twin = copy.copy(optimizer)
    blank: Any = object.__new__(type(optimizer))
    return [*found, twin.lr, twin.comm is comm, message(lambda: blank.lr), message(lambda: optimizer.__nothing__)]


# --- data, checkpoints ---


def dealt(fw: Any, comm: Any) -> Any:
    """Parts of data sets for three ranks: lengths, roots, orders; who sends what."""
    scatter, r = fw.distributed.scatter_dataset, comm.rank
    found: list[Any] = []
    for n in (7, 8, 3, 2):
        for root, equal in ((0, True), (2, False), (None, True)):
            data = [10 * i for i in range(n)] if root in (None, r) else None
            part = scatter(data, comm, **({} if root == 0 else {"root": root}), force_equal_length=equal)
            found += [type(part).__name__, [part[i] for i in range(len(part))]]
    for seed in (3, np.random.default_rng(4), None):
        np.random.seed(5)
        part = scatter(range(6), comm, None, shuffle=True, seed=seed)
        found += [[part[i] for i in range(len(part))], np.random.rand() if r == 0 else 0.0]
    found += [apart(comm, lambda: scatter(range(3 + r), comm, None)), apart(comm, lambda: scatter(range(3), comm, 3))]
    return found


def expected_parts(r: int) -> Any:
    found: list[Any] = []
    for n in (7, 8, 3, 2):
        data, length = [10 * i for i in range(n)], -(-n // 3)
        equal = data[n * r // 3 : n * r // 3 + length]
        apart = [list(a) for a in np.array_split(data, 3)][r]
        found += ["list", equal, "list", apart, "Subset", equal]
    for seed in (3, 4, np.random.RandomState(5).randint(2**31)):
        state = np.random.RandomState(5)
        if seed not in (3, 4):
            state.randint(2**31)
        found += [
            np.random.default_rng(seed).permutation(6)[2 * r : 2 * r + 2].tolist(),
            state.rand() if r == 0 else 0.0,
        ]
    calls = "; ".join(f"rank {k}: scatter_dataset({3 + k},)" for k in range(3))
    texts = [f"ValueError: scatter_dataset: expected the same on every rank, got {calls}"]
    return [*found, *texts, "ValueError: MPICommunicator: expected a root from 0 to 2, got 3"]


def slices(fw: Any) -> Any:
    """Every part of every small number of samples."""
    part_of = submodule(fw, "data").part_of
    cases = [(n, i, size) for n in range(8) for size in (1, 2, 3) for i in range(size)]
    parts = fw.distributed.split_batch(np.arange(4), 6)
    alone, layer = fw.distributed.create_communicator("single"), fw.layers.Linear(1, in_size=1)
    layer.W.grad = grad = fw.Variable(np.ones((1, 1), "f"))
    alone.multi_node_mean_grad(layer, weight=0.5)
    others = [type(fw.distributed.scatter_dataset(range(3), alone)).__name__, layer.W.grad is grad]
    return [
        others,
        [[(s.start, s.stop) for s in (part_of(*case, True), part_of(*case, False))] for case in cases],
        [*map(len, parts)],
    ]


def expected_slices() -> Any:
    cases = [(n, i, size) for n in range(8) for size in (1, 2, 3) for i in range(size)]
    starts = [np.cumsum([0, *map(len, np.array_split(range(n), size))]) for n, _, size in cases]
    equal = [(n * i // size, n * i // size + -(-n // size)) for n, i, size in cases]
    return [
        ["Subset", True],
        [[e, (int(s[i]), int(s[i + 1]))] for e, s, (_, i, _) in zip(equal, starts, cases, strict=True)],
        [1] * 4 + [0] * 2,
    ]


def measured(fw: Any, comm: Any) -> Any:
    """Means over processes of which one has no samples, and over none; loaders of equal lengths."""
    make, r = fw.distributed.create_multi_node_evaluator, comm.rank
    evaluate = make(lambda x: (sum(x), len(x)), comm)
    several = make(lambda x: ({"b": sum(x), "a": np.ones(2)}, len(x)), comm)
    fw.distributed.check_steps(comm, [0] * 2)
    found = [evaluate([3, 4, 5] if r else []), several([1.0] * (r + 1)), evaluate([6.0] * (r + 1))]
    return [*found, apart(comm, lambda: evaluate([])), apart(comm, lambda: fw.distributed.check_steps(comm, [0] * r))]


def contents(folder: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in pathlib.Path(folder).glob("*")}


def checkpoints(fw: Any) -> Any:
    """Names, what is left of a checkpoint that one rank cannot write, missing and damaged files, the first update."""
    made, d = fw.distributed.create_multi_node_optimizer, fw.distributed
    save, load = d.save_checkpoint, d.load_checkpoint

    def whole(rank: int = 0) -> Any:
        model = model_of(fw, rank)
        model.var.data = np.ones(2)
        return model

    def saved(comm: Any, epoch: Any) -> None:
        model = whole()
        optimizer = made(fw.MomentumSGD(0.5), comm).setup(model)
        path = f"{folder}/a.b" if comm.rank else pathlib.Path(folder, "a.b.npz")
        wait = comm.barrier

        def counted() -> None:
            waits.append(comm.rank)
            wait()

        comm.barrier = counted
        save(comm, path, model, optimizer, epoch=epoch[comm.rank], best=0.5)

    def loaded(comm: Any) -> Any:
        found: list[Any] = []
        other = whole(comm.rank)
        save(comm, f"{folder}/d", other, made(fw.MomentumSGD(0.5), comm).setup(other))
        for own, name in ((whole(), "a.b"), (whole(), "d")):
            own.a.data[...] = 0
            new = made(fw.MomentumSGD(0.1), comm).setup(own)
            found += [load(comm, f"{folder}/{name}", own, new), own.a.data.copy(), new.lr, comm.sent.get(own)]
            for param in own.params():
                param.grad = fw.Variable(np.ones_like(param.data))
            found.append(new.update())
        names = [f"{folder}/{name}" for name in ("none", "one", "bad", "c")]
        texts = [apart(comm, partial(load, comm, name, own)) for name in names]
        return found + [text.replace(folder, "").partition(", got This")[0] for text in texts]

    waits: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        run(fw, 2, lambda comm: saved(comm, (3, 3)))
        ranks = sorted(waits)  # each waits twice: with all files written, and with all in their places
        before = contents(folder)
        text = message(lambda: run(fw, 2, lambda comm: saved(comm, (4, object()))))
        found = [text.partition(":")[0], before == contents(folder), sorted(before)]
        save(fw.distributed.create_communicator("single"), f"{folder}/one", whole())
        for name in ("bad.rank0of2.npz", "bad.rank1of2.npz", "c.rank0of2.npz"):
            pathlib.Path(folder, name).write_bytes(b"no zip" if name[0] == "b" else before["a.b.rank0of2.npz"])
        return [*found, ranks, run(fw, 2, loaded)]


WRONG = ": expected a file that save_weights wrote"


def expected_checkpoints() -> Any:
    sent = [(path, True) for path in ("a", "b", "inner/c", "n", "mean", "var")]
    texts = []
    for name, got in (("none", "no file"), ("one", "['one.rank0of1.npz']")):
        ranks = [f"rank {r}: expected {name}.rank{r}of2.npz, a checkpoint of 2 processes, got {got}" for r in (0, 1)]
        texts.append(f"ValueError: load_checkpoint: {'; '.join(ranks)}")
    texts.append("ValueError: load_checkpoint: rank 1: expected c.rank1of2.npz, a checkpoint of 2 processes, got ")
    last = texts.pop() + "['c.rank0of2.npz']"
    first = [{"epoch": 3, "best": 0.5}, np.array([1.0, 2]), 0.5, sent, True]
    rows = [
        [*first, {}, np.array([1.0, 2]) + r, 0.5, None, False, *texts, f"ValueError: /bad.rank{r}of2.npz{WRONG}", last]
        for r in (0, 1)
    ]
    return ["TypeError", True, ["a.b.rank0of2.npz", "a.b.rank1of2.npz"], [0, 0, 1, 1], rows]


# --- the start and the end of processes ---


def started(fw: Any) -> Any:
    """The kind of communicator by environment, name and number of processes; what an unknown MPI says."""
    create = fw.distributed.create_communicator
    found: list[Any] = []
    sizes = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
    for size in (1, 2):
        world = types.SimpleNamespace(COMM_WORLD=Rank(Shared(1), 0))
        with mock.patch.dict(sys.modules, {"mpi4py": types.SimpleNamespace(MPI=world)}):
            for name in sizes:
                with mock.patch.dict(os.environ, dict.fromkeys(sizes, "") | {name: str(size)}):
                    for kind in ("auto", "single", "mpi", "naive"):
                        found.append(message(partial(create, kind)).partition(" but")[0])
                    comm = create("auto", Rank(Shared(1), 0))
                    found += [
                        type(comm).__name__,
                        comm.cuda_aware,
                        create("mpi", comm.mpi_comm, cuda_aware=True).cuda_aware,
                    ]
    with mock.patch.dict(os.environ, {"PMI_SIZE": "2"}), mock.patch.dict(sys.modules, {"mpi4py": None}):
        found += [message(create), type(create("single")).__name__]
    launch = submodule(fw, "launch")
    ends: list[Any] = []
    flushed: list[str] = []
    streams = [types.SimpleNamespace(flush=partial(flushed.append, name)) for name in ("out", "err")]
    with mock.patch.object(launch, "end_all_on_error", lambda comm: ends.append([comm.rank, comm.size])):
        comm = create("mpi", Rank(Shared(1), 0))
        create("single")
    patches = mock.patch.object(sys, "stdout", streams[0]), mock.patch.object(sys, "stderr", streams[1])
    with patches[0], patches[1], contextlib.suppress(SystemExit):
        comm.abort()
    return [*found, launch.select_gpu(create("single")), ends, flushed]


class Flushed(io.StringIO):
    """A stream that counts how often it is flushed."""

    count = 0

    def flush(self) -> None:
        self.count += 1


def outermost(launch: Any, end: Any, statuses: list[int]) -> list[Any]:
    """The status that Python reads when a process ends, what is printed then, and the statuses that MPI gets."""
    printed, alone = Flushed(), types.SimpleNamespace(f_back=None)
    with mock.patch.object(launch, "sys", types.SimpleNamespace(_getframe=lambda: alone, stderr=printed)):
        return [end.code, printed.getvalue(), [*statuses], printed.count]


def waited(launch: Any) -> list[Any]:
    """What a process exchanges at the end of the program: until all are there, or MPI has ended."""
    found: list[Any] = []

    class Comm:
        def meet(self, name: str) -> None:
            found.append(name)
            if len(found) % 3:
                raise ValueError("another is elsewhere")

    for ends in ([False] * 4, [True], [False, True]):
        turns = iter(ends)
        mpi = types.SimpleNamespace(Is_finalized=partial(next, turns))
        with mock.patch.dict(sys.modules, {"mpi4py.MPI": mpi}):
            launch.end_together(Comm())
        found.append(len([*turns]))
    return found


def ended(fw: Any) -> Any:
    """What exceptions and sys.exit do in one of many processes, on the main thread and on others."""
    launch = submodule(fw, "launch")
    found: list[Any] = []
    statuses: list[int] = []
    stub = types.SimpleNamespace(set_abort_status=statuses.append)
    before = sys.excepthook, sys.exit
    seen: list[Any] = []
    sys.excepthook = lambda *error: seen.append(error[1])
    mine = sys.excepthook
    comm, other = (types.SimpleNamespace(rank=r, size=r + 1, meet=None) for r in (1, 5))
    at_exit: list[Any] = []
    ends = types.SimpleNamespace(register=lambda *call: at_exit.append(call), unregister=lambda f: at_exit.append(f))
    modules = {"mpi4py.MPI": stub, "mpi4py.run": stub, "mpi4py": types.SimpleNamespace(run=stub)}
    try:
        launch.end_all_on_error(comm)
        found.append(sys.excepthook is mine)
        with mock.patch.dict(sys.modules, modules), mock.patch.object(launch, "atexit", ends):
            launch.end_all_on_error(comm)
            hook = sys.excepthook
            launch.end_all_on_error(other)
            found += [sys.excepthook is hook, hook is mine]
            problem = ValueError("no data")
            with contextlib.redirect_stderr(Flushed()) as stderr:
                hook(ValueError, problem, None)
            found.append(stderr.count)
            found += [stderr.getvalue(), seen == [problem], [*statuses]]
            for status in (None, 0, 3, "no data"):
                try:
                    sys.exit() if status is None else sys.exit(status)
                except SystemExit as error:
                    end: Any = error
                    found += [type(end).__name__, end.code, end.args, [end.rank, end.size]]
                    found += outermost(launch, end, statuses)
            caught: list[Any] = []

            def leave() -> None:
                try:
                    sys.exit(4)
                except SystemExit as end:
                    caught.append([type(end).__name__, end.code])

            thread = threading.Thread(target=leave)
            thread.start()
            thread.join(10)
            found += [caught, at_exit == [(launch.end_together, comm), *[launch.end_together] * 3], *waited(launch)]
    finally:
        sys.excepthook, sys.exit = before
    return found


def blocks(fw: Any) -> Any:
    """What `abort_on_error` prints, raises and ends, in one process and in many."""
    abort = fw.distributed.abort_on_error
    found: list[Any] = []
    for size in (1, 2):
        for error in (None, ValueError("no data"), SystemExit(0), SystemExit(None), SystemExit(3), KeyboardInterrupt()):
            ended: list[int] = []
            comm = types.SimpleNamespace(rank=1, size=size, abort=lambda ended=ended: ended.append(1))
            raised = "nothing"
            with contextlib.redirect_stderr(io.StringIO()) as stderr:
                try:
                    with abort(comm):
                        if error is not None:
                            raise error
                except BaseException as other:
                    raised = repr(other)
            lines = stderr.getvalue().splitlines() or [""]
            found.append([raised, [*ended], lines[0], lines[-1], len(lines) > 2])
    return found


def expected_starts() -> Any:
    other = "RuntimeError: create_communicator: mpiexec started 2 processes,"
    made = ["MPICommunicator", False, True]
    rows = [["no error"] * 4 + made] * 4 + [[other, "no error", other, other, *made]] * 4
    missing = "RuntimeError: create_communicator: needs mpi4py and an MPI: pip install mpi4py mpich"
    return [*rows, missing, "Communicator", False, [[0, 1]], ["out", "err"]]


def expected_ends() -> Any:
    found: list[Any] = [True, True, False, 1, "rank 1 of 2:\n", True, [1]]
    ends = [
        (None, "", 1),
        (0, "", 1),
        (3, "rank 1 of 2:\nexit: 3\n", 2),
        ("no data", "rank 1 of 2:\nexit: no data\n", 3),
    ]
    for status, text, n in ends:
        found += ["Exit", status, (status,), [1, 2], status, text, [1] * n, int(n > 1)]
    end = "the end of the program"
    return [*found, [["SystemExit", 4]], True, *[end] * 3, 1, 0, end, 1]


def expected_blocks() -> Any:
    alone = ["ValueError('no data')", "SystemExit(0)", "SystemExit(None)", "SystemExit(3)", "KeyboardInterrupt()"]
    rows: list[Any] = [[raised, [], "", "", False] for raised in ("nothing", *alone, "nothing")]
    rows.append(["nothing", [1], "rank 1 of 2:", "ValueError: no data", True])
    rows += [[raised, [], "", "", False] for raised in alone[1:3]]
    rows.append(["nothing", [1], "rank 1 of 2:", "exit: 3", False])
    return [*rows, ["nothing", [1], "rank 1 of 2:", "KeyboardInterrupt", True]]


def ranks(n: int, call: Any, reference: Any) -> tuple[Any, Any]:
    """A call on n ranks, and the references of all."""
    return lambda fw: run(fw, n, lambda comm: call(fw, comm)), lambda: [reference(r) for r in range(n)]


MEASURED = [4.0, {"b": 1.0, "a": np.full(2, 2 / 3)}, 6.0]
NOTHING = "ValueError: create_multi_node_evaluator: expected samples on some rank, got none"
LENGTHS = "ValueError: check_steps: expected as many batches on every rank, got [0, 1]"

values(
    60,
    BY_HAND,
    ("arrays_of_one_process", arrays_of_one, expected_of_one),
    ("arrays_of_two_processes", *ranks(2, arrays_of_two, expected_of_two)),
    ("copies_of_models", *ranks(2, copied_models, expected_copies)),
    ("means_of_gradients", *ranks(2, mean_gradients, expected_gradients)),
    ("means_of_statistics", *ranks(2, mean_statistics, expected_statistics)),
    ("updates_of_two_processes", *ranks(2, updates, expected_updates)),
    ("statistics_after_three_calls", *ranks(2, running_statistics, lambda r: [True, "no error", True] * 3)),
    ("parts_of_three_processes", *ranks(3, dealt, expected_parts)),
    ("slices_of_parts", slices, expected_slices),
    ("means_without_samples", *ranks(2, measured, lambda r: [*MEASURED, NOTHING, LENGTHS])),
    ("checkpoints_that_are_whole", checkpoints, expected_checkpoints),
    ("starts_of_processes", started, expected_starts),
    ("ends_of_processes", ended, expected_ends),
    ("blocks_that_end_all", blocks, expected_blocks),
    since=5,
)
