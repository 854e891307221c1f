"""What detects mutants of training loops, models as they are looked into, prefetching and saving."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import types
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from .errors import package
from .mutants_functions import message
from .values import values

BY_RULES = "literals and NumPy, by the rules of the docstrings; PyTorch has no such functions"
A = np.arange(6.0).reshape(2, 3)


def stopped(fw: Any) -> Any:
    """When EarlyStopping stops, what it restores, and what it knows when another run begins."""
    T = fw.training
    found: list[Any] = []
    plans: list[tuple[list[float], dict[str, Any]]] = [
        ([3.0, 2.0, 2.5, 1.5, 1.5, 1.6], {}), ([1.0, 2.0, 2.0, 2.5], {"mode": "max", "min_delta": 0.5}),
        ([np.nan, np.nan, np.nan], {}), ([np.nan, 1.0, np.nan, 2.0], {"restore_best": False}), ([2.0, 1.5, 1.0],
        {"min_delta": 0.5}),
    ]  # fmt: skip
    for losses, options in plans:
        early, layer = T.EarlyStopping("loss", 2, **options), fw.layers.Linear(1, in_size=1, nobias=True)
        run = types.SimpleNamespace(history=T.History(), expected=["loss"], stop=False, model=layer, epoch=0)
        early.on_begin(run)
        for run.epoch, loss in enumerate(losses, 1):
            run.history.epochs.append({"loss": loss})
            layer.W.data = np.array([[float(run.epoch)]])
            early.on_epoch_end(run)
            found.append([early.best_epoch, run.stop, [*early.weights]])
            if run.stop:
                break
        early.on_end(run)
        state = early.state()
        found += [layer.W.data.copy(), [*state], early.best_epoch]
        for a in state.values():
            a[...] = 9
        found += [early.best_epoch, [*early.weights.values()]]
        early.on_begin(run)
        found.append([early.best_epoch, [*early.weights]])
        run.history = T.History()
        early.on_begin(run)
        found.append([early.best_epoch, early.weights == {}])
    return found


def expected_stops() -> Any:
    rows: list[tuple[list[tuple[int, bool]], bool]] = [
        ([(1, False), (2, False), (2, False), (4, False), (4, False), (4, True)], True),
        ([(1, False), (2, False), (2, False), (2, True)], True), ([(0, False), (0, True)], False),
        ([(0, False), (2, False), (2, False), (2, True)], False), ([(1, False), (1, False), (3, False)], True),
    ]  # fmt: skip
    found: list[Any] = []
    for row, kept in rows:
        names = ["W"] if kept else []
        found += [[best, stop, names] for best, stop in row]
        best = row[-1][0]
        weights = np.array([[float(best if kept else len(row))]])
        found += [weights, ["best_epoch", *names], best, best, [weights] * kept, [best, names], [0, True]]
    return found


def measured(fw: Any) -> Any:
    """What a new Trainer knows; loaded states are its own; the time of an epoch; the model of a summary as it was."""
    T, model = fw.training, fw.Sequential(fw.layers.Linear(2, in_size=3))
    trainer = T.Trainer(model, fw.optimizers.SGD(0.1), lambda y, t: fw.functions.sum(y))
    found: list[Any] = [trainer.loader, trainer.expected, trainer.batches, trainer.values, trainer.stop, trainer.epochs]
    found += [trainer.epoch, trainer.batch, trainer.parts, trainer.resumed, trainer.clip, trainer.names]
    state = {"head": np.array('{"history": [{"loss": 0.5}], "parts": ["a"]}'), "a/b/c": np.ones(2)}
    trainer.load_state(state)
    state["a/b/c"] += 1
    found += [trainer.resumed, len(trainer.history)]
    bar, times = T.ProgressBar(), iter([10.0, 12.5])
    run = types.SimpleNamespace(history=trainer.history, epoch=1, epochs=3, batches=2)
    clock = types.SimpleNamespace(perf_counter=lambda: next(times))
    timed = mock.patch.object(sys.modules[f"{package(fw)}.training.callbacks"], "time", clock)
    with contextlib.redirect_stderr(io.StringIO()) as stderr, timed:
        for event in (bar.on_begin, bar.on_epoch, bar.on_batch, bar.on_epoch_end, bar.on_end):
            event(run)
    return [*found, stderr.getvalue()]


def looked_into(fw: Any) -> Any:
    """Layers that are not called, gradients that are missing, folded batch norms, kernels of other shapes."""
    T, L = fw.training, fw.layers
    found: list[Any] = []
    model = fw.Sequential(L.Linear(2, in_size=3))
    model.unused = L.Linear(4)
    with contextlib.redirect_stdout(io.StringIO()):
        found += [str(T.summary(model, A.astype("f"))).splitlines()[3:6]]
    model.unused.b.grad = fw.Variable(np.array([3.0, 4.0]))
    found += [T.gradient_norms(model), message(lambda: T.count_params(model))]
    texts = [message(partial(T.from_tf_kernel, W, d)) for W, d in ((A, False), (A, True), (np.ones((1, 2, 3)), True))]
    np.random.seed(0)
    x = np.random.randn(4, 3)
    for layers in (
        [L.Linear(2, in_size=3), L.BatchNorm()],
        [L.Linear(2, in_size=3, nobias=True), L.BatchNorm(affine=False)],
    ):
        whole = fw.Sequential(*layers, fw.functions.tanh)
        found += [message(partial(T.fuse, whole))]
        whole.layers[0].W.data = np.random.randn(3, 2)
        found += [message(partial(T.fuse, whole))]
        whole(x)
        whole.layers[1].avg_mean.data, whole.layers[1].avg_var.data = np.array([0.5, -1.0]), np.array([0.25, 4.0])
        if layers[1].affine:
            layers[1].gamma.data, layers[1].beta.data = np.array([2.0, 3.0]), np.array([0.5, 1.5])
        fused = T.fuse(whole)
        with fw.test_mode():
            found += [np.allclose(fused(x).data, whole(x).data), np.allclose(whole(x).data, fused(x).data * 2)]
        first = fused.layers[0]
        found += [
            type(first.b).__name__,
            first.b.name,
            first.W.dtype,
            first.b.dtype,
            len(fused.layers),
            len(whole.layers),
        ]
        found += [[path for path, _ in fused.named_params()], np.shares_memory(first.W.data, whole.layers[0].W.data)]
    return [*found, texts]


EMPTY = "ValueError: fuse: expected a model whose layers are initialized; call it once first"


def expected_looks() -> Any:
    rows = ["Sequential          (2, 2)            --", "├─ l0 (Linear)      (2, 2)             8"]
    rows += ["└─ unused (Linear)  --                --"]
    count = "ValueError: count_params: 'unused/W' is uninitialized; call the model once first"
    fused = [
        EMPTY,
        EMPTY,
        True,
        False,
        "Parameter",
        "b",
        np.dtype(float),
        np.dtype(float),
        2,
        3,
        ["l0/W", "l0/b"],
        False,
    ]
    kernel, depthwise = "W (KH, KW, C, OC) or (KW, C, OC)", "W (KH, KW, C, m)"
    got = [(kernel, (2, 3)), (depthwise, (2, 3)), (depthwise, (1, 2, 3))]
    texts = [f"ValueError: from_tf_kernel: expected {one}, got {shape}" for one, shape in got]
    return [rows, {"unused/b": 5.0}, count, *fused, *fused, texts]


def expected_measures() -> Any:
    fresh: list[Any] = [None, [], None, {}, False, 0, 0, 0, {}, None, None, ["loss"]]
    return [*fresh, {"a": {"b/c": np.ones(2)}}, 1, "epoch 1/3: loss 0.5, 2.5 s\n"]


def expected_ahead() -> Any:
    batches = [np.array([[float(i), 0, 0] for i in part]) for part in ([0, 1], [2, 3], [4])]
    found: list[Any] = [2, 1, 3, [None, None, 0], 3, 2, [*batches, [0, 1, 2, 3, 4], 0] * 2]
    loaded = [np.array([0, 1]), np.array([0, 1]), np.array([2, 3]), 2, [0.0, 2.0, 4.0], 2]
    texts = ["TypeError: Prefetch: expected depth to be an integer, got 1.5"]
    texts += ["ValueError: Prefetch: expected workers to be at least 1, got 0"]
    return [*found, *loaded, *texts, "AttributeError: depth", "AttributeError: __nothing__", [3, 4, 5]]


def expected_saved() -> Any:
    head = "ValueError: MLP: the state_dict is of another network: "
    return [
        "ValueError: LayerNorm: 'beta': expected (3,) float64, as 'gamma', got (3,) float32", "no error",
        "ValueError: BatchNorm: 'beta': expected (3,) float64, as 'avg_mean', got (2,) float64", "no error",
        ["l0/W", "l0/b"], A.T.astype("f"), True, True,
        "TypeError: MLP: expected the dict from a module's state_dict(), got list",
        f"{head}['0.bias', '0.weight'] missing, [] unknown; torch_names() lists the names",
        f"{head}[] missing, ['0.x', '1.x', '2.x', ... 5 in all] unknown; torch_names() lists the names",
        "TypeError: MLP: '0.bias': expected a tensor or a numpy.ndarray, got list",
        {"l0/W": "a.0.weight", "l0/b": "a.0.bias", "l1/avg_mean": "b.running_mean", "l1/avg_var": "b.running_var",
         "l1/gamma": "b.weight", "l1/beta": "b.bias"},
    ]  # fmt: skip


def generators(fw: Any) -> Any:
    """Orders that one draw from np.random decides, and what is drawn next."""
    T = fw.training
    found: list[Any] = []
    labels = [0, 1, 0, 1, 0, 1, 1]
    for f in (
        lambda: list(T.KFold(2, True).split(5)),
        lambda: list(T.KFold(2, True, 3).split(5)),
        lambda: [part.indices for part in fw.split_dataset(range(7), [0.5, 0.5])],
        lambda: list(T.StratifiedKFold(2, True).split(labels)),
        lambda: T.cross_validate(lambda a, b: a[0] + 10 * b[0], range(4), 2, True)[0],
    ):
        np.random.seed(0)
        found += [f(), np.random.rand()]
    return found


def expected_generators() -> Any:
    state = np.random.RandomState(0)
    found: list[Any] = []
    seed, after, first = state.randint(2**31), state.rand(), np.random.RandomState(0).rand()

    def halves(order: Any) -> list[Any]:
        parts = [np.sort(part) for part in np.array_split(order, 2)]
        return [[parts[1], parts[0]], [parts[0], parts[1]]]

    def rng(k: int = seed) -> np.random.Generator:
        return np.random.default_rng(k)

    found += [halves(rng().permutation(5)), after, halves(rng(3).permutation(5)), first]
    found += [np.split(rng().permutation(7), [4]), after]
    order, fold, one = rng(), np.empty(7, int), np.arange(7) % 2
    for where, cards in (([0, 2, 4], one[:3]), ([1, 3, 5, 6], one[3:])):
        fold[where] = order.permutation(np.sort(cards))
    found += [[[np.flatnonzero(fold != k), np.flatnonzero(fold == k)] for k in (0, 1)], after]
    pairs = halves(rng().permutation(4))
    return [*found, [float(a[0] + 10 * b[0]) for a, b in pairs], after]


def ahead(fw: Any) -> Any:
    """Defaults of Prefetch; how often next prepares samples, after a loaded state, and in modes of the caller."""
    calls: list[int] = []
    D = fw.prefetch.Prefetch

    class Data:
        def __len__(self) -> int:
            return 5

        def __getitem__(self, i: int) -> Any:
            calls.append(i)
            return np.array([float(i), fw.Config.train, fw.Config.enable_backprop]), i

    loader = fw.DataLoader(Data(), 2, False)
    p = D(loader)
    found: list[Any] = [p.depth, p.workers, D(loader, np.int64(3), 2).depth, D([1, 2]).own, len(p), p.batch_size]
    for _ in range(2):
        with fw.test_mode(), fw.no_grad():
            try:
                while True:
                    found.append(next(p)[0])
            except StopIteration:
                found += [sorted(calls), loader.iteration]
        calls.clear()
    state = p.state()
    first = p.next()[1]
    p.load_state(state)
    found += [first, next(p)[1], next(p)[1], p.iteration]
    found += [[x[0][0, 0] for x in p], p.iteration, message(lambda: D(loader, 1.5)), message(lambda: D(loader, 1, 0))]
    blank: Any = object.__new__(D)
    return [*found, message(lambda: blank.depth), message(lambda: p.__nothing__), [*D([3, 4, 5], depth=1)]]


def saved(fw: Any) -> Any:
    """Arrays that fit together or not, of layers that are initialized or not; state_dicts of other networks."""
    home = fw.training.__name__.rpartition(".")[0]
    S, L = importlib.import_module(f"{home}.saving"), fw.layers
    found: list[Any] = []
    layer = L.LayerNorm()
    arrays = {"gamma": np.ones(3), "beta": np.ones(3, "f")}
    found += [message(lambda: S.check_alike("LayerNorm", dict(layer.named_state()), arrays))]
    layer(A)
    found += [message(lambda: S.check_alike("LayerNorm", dict(layer.named_state()), arrays))]
    fresh = L.BatchNorm()
    alike = {path: np.ones(3) for path, _ in fresh.named_state()}
    found += [
        message(lambda: fresh.set_weights(alike | {"beta": np.ones(2)})),
        message(lambda: fresh.set_weights(alike)),
    ]
    other = sys.modules[f"{package(fw)}.state_dict"]
    names = {"l0/W": "0.weight", "l0/b": "0.bias"}
    given = {"0.weight": A.astype("f"), "0.bias": np.ones(2, "f"), "0.num_batches_tracked": 3}
    renamed = other.arrays_of("MLP", given, names)
    found += [[*renamed], renamed["l0/W"], renamed["l0/W"].flags.c_contiguous, renamed["l0/b"] is given["0.bias"]]
    found += [
        message(lambda: other.arrays_of("MLP", [given], names)),
        message(lambda: other.arrays_of("MLP", {}, names)),
    ]
    wrong = {f"{k}.x": A for k in range(5)}
    found += [
        message(lambda: other.arrays_of("MLP", given | wrong, names)),
        message(lambda: other.arrays_of("MLP", given | {"0.bias": [1]}, names)),
    ]
    found += [other.names_of(fw.Sequential(L.Linear(1, in_size=1), L.BatchNorm()), {"l0": "a.0", "l1": "b"})]
    return found


values(
    60,
    BY_RULES,
    ("runs_that_stop_early", stopped, expected_stops),
    ("runs_that_are_measured", measured, expected_measures),
    ("models_looked_into", looked_into, expected_looks),
    ("orders_by_one_draw", generators, expected_generators),
    ("batches_that_are_prepared_once", ahead, expected_ahead),
    ("arrays_that_fit_together", saved, expected_saved),
    since=5,
)
