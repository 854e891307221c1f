"""What must not change: arrays that are given or returned share no memory; an error leaves everything as it was."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .data import X, images
from .errors import with_file
from .errors_data import idx
from .values import values

NUMPY = "whether arrays share memory or have changed, found out with NumPy; PyTorch has other rules"
ROWS = np.arange(6.0).reshape(2, 3)


def shared(*pairs: tuple[Any, Any]) -> list[bool]:
    """Whether the arrays of each pair share memory."""
    return [np.shares_memory(a, b) for a, b in pairs]


def trained(fw: Any, rule: Any) -> Any:
    """An optimizer after one update of a layer with the parameters p and q."""
    layer = fw.layers.Layer()
    layer.p, layer.q = fw.Parameter(ROWS.copy()), fw.Parameter(np.ones(2))
    for param in layer.params():
        param.grad = fw.Variable(param.data * 2)
    rule.setup(layer).update()
    return rule


def memory_of_state(fw: Any) -> Any:
    """The state of an optimizer, given and taken."""
    rule = trained(fw, fw.optimizers.MomentumSGD())
    own = rule.states[rule.target.p]
    state = rule.state()
    found = shared((state["p/v"], own["v"]), (rule.target.p.data, rule.target.p.grad.data))
    rule.load_state(state)
    return found + shared((state["p/v"], rule.states[rule.target.p]["v"]))


def memory_of_weights(fw: Any) -> Any:
    """The weights of a layer, given and taken."""
    layer = fw.layers.Linear(3, in_size=2, dtype=np.float64)
    given = {"W": ROWS.copy(), "b": np.ones(3)}
    layer.set_weights(given)
    taken = layer.get_weights()
    layer.take_weights(given)
    return shared((layer.W.data, given["W"]), (layer.b.data, given["b"]), (layer.W.data, taken["W"]))


def memory_of_loaders(fw: Any) -> Any:
    """The state of a loader, given and taken; batches of the same samples."""
    loader = fw.dataloaders.DataLoader([(row, 0) for row in ROWS], 2, shuffle=False)
    state = loader.state()
    found = shared((state["index"], loader.index))
    loader.load_state(state)
    return found + shared((state["index"], loader.index), (next(loader)[0], ROWS))


def text(fw: Any) -> Any:
    data = with_file(b"abac", fw.datasets.Text)
    return shared((data.data, data.label))


def curve(fw: Any) -> Any:
    data = fw.datasets.SinCurve()
    return shared((data.data, data.label))


# fmt: off
values(
    46, NUMPY,
    ("memory_of_state", memory_of_state, lambda: [False] * 3),
)
values(
    49, NUMPY,
    ("memory_of_transforms", lambda fw: shared(
        (fw.transforms.AsType(float)(X), X), (fw.transforms.ToInt(int)(x := images(3, 2).astype(int)), x),
        (fw.transforms.Normalize()(X), X), (fw.transforms.Compose()(X), X)),
     lambda: [False, False, False, True]),
)
values(
    51, NUMPY,
    ("memory_of_a_flattened_sample", lambda fw: shared((fw.transforms.Flatten()(X), X)), lambda: [True]),
    ("memory_of_an_idx_file", lambda fw: with_file(
        idx(2, content=b"ab"), lambda path: fw.datasets.read_idx(path, 1)).flags.writeable, lambda: True),
)
values(
    53, NUMPY,
    ("memory_of_weights", memory_of_weights, lambda: [False] * 3),
    ("memory_of_loaders", memory_of_loaders, lambda: [False] * 3),
)
values(
    58, NUMPY,
    ("memory_of_images_as_arrays", lambda fw: shared(
        (fw.transforms.ToArray(float)(X), X), (fw.transforms.RandomHorizontalFlip(1)(X), X),
        (fw.transforms.RandomHorizontalFlip(0)(X), X)), lambda: [False, False, True]),
)
values(
    59, NUMPY,
    ("memory_of_a_curve", curve, lambda: [False]),
)
values(
    60, NUMPY,
    ("memory_of_a_text", text, lambda: [False]),
)
# fmt: on


# --- after errors ---


def everything(rule: Any) -> list[Any]:
    """Copies of all parameters, gradients, states and hyperparameters of an optimizer."""
    params = list(rule.target.params())
    found = [copy.deepcopy(a) for p in params for a in (p.data, None if p.grad is None else p.grad.data)]
    return [*found, [copy.deepcopy(rule.states[p]) for p in params if p in rule.states], rule.numbers()]


def kept(rule: Any, f: Callable[[], Any]) -> list[Any]:
    """The type of the error of f(), and everything before and after it."""
    before = everything(rule)
    try:
        f()
    except (ValueError, RuntimeError) as error:
        return [type(error).__name__, before, everything(rule)]
    return ["no error", before, everything(rule)]


def unchanged(rows: list[list[Any]]) -> list[bool]:
    """For each error that was raised, whether everything was kept."""
    return [row[0] != "no error" and repr(row[1]) == repr(row[2]) for row in rows]


def after_errors_of_an_optimizer(fw: Any) -> Any:
    """Updates and states that fail: in a check, in a hook, in the second parameter, in a rule."""
    found = []
    for make in (fw.optimizers.Adam, fw.optimizers.AdaDelta, fw.optimizers.AdaGrad, fw.optimizers.MomentumSGD):
        rule = trained(fw, make())
        wrong, right = fw.Variable(np.ones(3)), rule.target.q.grad
        rule.target.q.grad = wrong
        found.append(kept(rule, rule.update))
        rule.target.q.grad = right

        def hook(params: Any) -> None:
            params[0].grad = fw.Variable(params[0].data * 3)
            raise RuntimeError("in the hook")

        rule.add_hook(hook)
        found.append(kept(rule, rule.update))
        rule.hooks.clear()
        state = rule.state()
        last = [key for key in state if key.startswith("q/")][-1]
        found.append(kept(rule, functools.partial(rule.load_state, state | {last: np.ones(7)})))
        found.append(kept(rule, functools.partial(rule.load_state, state | {"lr": 0.5, "nobody": 1.0})))
    return unchanged(found)


def after_errors_of_weights(fw: Any) -> Any:
    """Weights that do not fit: the names, the second array; and a checkpoint with a state that does not fit."""
    layer = fw.layers.Linear(3, in_size=2, dtype=np.float64)
    rule = fw.optimizers.MomentumSGD().setup(layer)
    for param in layer.params():
        param.grad = fw.Variable(np.ones_like(param.data))
    rule.update()
    weights = {name: a + 1 for name, a in layer.get_weights().items()}
    found = [
        kept(rule, lambda: layer.set_weights({"W": weights["W"]})),
        kept(rule, lambda: layer.set_weights(weights | {"b": np.ones(4)})),
    ]

    def resumed(path: str) -> bool:
        fw.save_checkpoint(path, layer, rule)
        with np.load(path) as arrays:
            changed: dict[str, Any] = dict(arrays) | {"model/W": weights["W"], "optimizer/b/v": np.ones(4)}
        np.savez(path, **changed)
        before = np.random.get_state()
        np.random.seed(5)
        found.append(kept(rule, lambda: fw.load_checkpoint(path, layer, rule)))
        drawn = float(np.random.random_sample())
        np.random.set_state(before)
        return drawn == np.random.RandomState(5).random_sample()

    return [with_file(None, resumed, "checkpoint.npz"), unchanged(found)]


def after_an_uninitialized_call(fw: Any) -> Any:
    """A first call that fails leaves a layer uninitialized; the second one succeeds."""
    found = []
    for layer, wrong, right in (
        (fw.layers.Linear(2), np.ones((2, 0)), np.ones((2, 3))),
        (fw.layers.Conv2d(2, 3), np.ones((1, 1, 2, 2)), np.ones((1, 2, 3, 3))),
        (fw.layers.BatchNorm(), np.ones((1, 3)), np.ones((2, 2))),
    ):
        with contextlib.suppress(ValueError):
            layer(fw.Variable(wrong))
        found += [repr(layer), layer(fw.Variable(right)).shape]
    return found


def renamed(fw: Any) -> Any:
    """Parameters that are replaced, deleted, or replaced by something else; layers of a shorter Sequential."""
    layer = fw.layers.Layer()
    layer.a, layer.b, layer.c = (fw.Parameter(np.full(1, n)) for n in (1.0, 2.0, 3.0))
    layer.a, layer.b = fw.Parameter(np.full(1, 4.0)), None
    del layer.c
    layer.d = fw.Parameter(np.full(1, 5.0))
    model = fw.models.Sequential(*(fw.layers.Linear(1, in_size=1) for _ in range(3)))
    model.layers = model.layers[:1]
    return [dict(layer.named_params()), [name for name, _ in model.named_params()], hasattr(model, "l1"), model.size]


# fmt: off
values(
    45, NUMPY,
    ("parameters_renamed", renamed,
     lambda: [{"a": np.full(1, 4.0), "d": np.full(1, 5.0)}, ["l0/W", "l0/b"], False, 1]),
)
values(
    46, NUMPY,
    ("after_errors_of_an_optimizer", after_errors_of_an_optimizer, lambda: [True] * 16),
)
values(
    53, NUMPY,
    ("after_errors_of_weights", after_errors_of_weights, lambda: [True] * 4),
)
values(
    57, NUMPY,
    ("after_an_uninitialized_call", after_an_uninitialized_call, lambda: [
        "Linear(W (None, 2) uninitialized, b (2,))", (2, 2),
        "Conv2d(W (2, None, 3, 3) uninitialized, b (2,))", (1, 2, 1, 1),
        "BatchNorm(avg_mean (None,) uninitialized, avg_var (None,) uninitialized, "
        "gamma (None,) uninitialized, beta (None,) uninitialized)", (2, 2)]),
)
# fmt: on
