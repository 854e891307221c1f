"""Beyond the book: optimizers for groups of parameters; dropout as a layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import FLOATS, SHAPES_ONLY, normal
from ..inputs import GPU as ON_GPU
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors, patched, under
from .layers import fixed, pull
from .steps52_60 import drawing
from .utilities import GPU, back, moving
from .values import values

SHAPES = (3, 4), (4,), (4, 2), (2,)  # of the parameters of `network`


def network(fw: Any, like: Array) -> Any:
    """Two layers with fixed weights."""
    model = fw.Sequential(fw.Linear(4, in_size=3), fw.tanh, fw.Linear(2, in_size=4))
    fw.set_weights(model, fixed(like, *SHAPES))
    return model


def first_and_last(model: Any) -> tuple[Any, Any]:
    """The two layers."""
    return (model[0], model[2]) if hasattr(model, "parameters") else (model.l0, model.l2)


@computation(**BEYOND, inputs=[normal()], order=0, shapes=((5, 3),), cases=SHAPES_ONLY)
def grouped(fw: Any, x: Any) -> Any:
    """The weights after 10 steps with two learning rates and momenta, by layers and by the rest"""
    found = []
    for last in (False, True):
        model = network(fw, fw.array(x))
        head, body = fw.NAG(0.02, 0.5), fw.NAG(0.001)
        first, second = first_and_last(model)
        optimizer = fw.setup(fw.Grouped([(second, head), ("rest" if last else first, body)]), model)
        for _ in range(10):
            fw.cleargrads(model)
            pull(fw, model(x))
            fw.update(optimizer)
        found += [np.array(a) for a in fw.weights(model)]
    return found


def learn(model: Any, optimizer: Any, steps: int) -> list[Any]:
    """The parameters after a few updates of a model of the stages."""
    x = np.linspace(-1, 1, 15).reshape(5, 3)
    for _ in range(steps):
        model.cleargrads()
        (model(x) ** 2).sum().backward()
        optimizer.update()
    return [param.data.copy() for param in model.params()]


def model_of(fw: Any) -> Any:
    return network(fw, np.empty(0))


def three(fw: Any) -> tuple[Any, ...]:
    """Three rules, one with a hook."""
    opt = fw.optimizers
    rules = opt.SGD(0.1), opt.Adam(0.01), opt.MomentumSGD(0.05)
    rules[1].add_hook(opt.WeightDecay(0.1))
    return rules


def holder(fw: Any, param: Any) -> Any:
    """A layer with one parameter."""
    layer = fw.layers.Layer()
    layer.p = param
    return layer


class Together:
    """Optimizers that are updated one after the other, after a hook of all parameters."""

    def __init__(self, parts: Any, model: Any, hook: Any):
        self.parts, self.model, self.hook = parts, model, hook

    def update(self) -> None:
        self.hook(list(self.model.params()))
        for part in self.parts:
            part.update()


def like_separate_optimizers(fw: Any) -> list[Any]:
    """Whether the weights are those of the same rules, one after the other; also those of a copy that goes on."""
    opt = fw.optimizers
    model, rules = model_of(fw), three(fw)
    for rule, target in zip(rules, (model.l2, holder(fw, model.l0.W), holder(fw, model.l0.b)), strict=True):
        rule.setup(target)
    expected = [learn(model, Together(rules, model, opt.ClipValue(2.0)), 3) for _ in range(2)]
    model, other = model_of(fw), model_of(fw)
    first, second = (
        opt.Grouped(list(zip((m.l2, [m.l0.W], "rest"), three(fw), strict=True))).setup(m) for m in (model, other)
    )
    for optimizer in (first, second):
        optimizer.add_hook(opt.ClipValue(2.0))
        optimizer.to_cpu()
    found = learn(model, first, 3)
    other.set_weights(model.get_weights())
    second.load_state(first.state())
    pairs = [(found, expected[0]), (learn(model, first, 3), expected[1]), (learn(other, second, 3), expected[1])]
    return [np.array_equal(a, b) for arrays in pairs for a, b in zip(*arrays, strict=True)]


def left_after_errors(fw: Any) -> list[Any]:
    """Weights and states after an update whose last hook fails, and after the state of another optimizer."""
    opt = fw.optimizers
    model = model_of(fw)
    optimizer = opt.Grouped([(model.l2, opt.Adam(0.1)), ("rest", opt.Adam(0.2))]).setup(model)
    learn(model, optimizer, 1)
    before = [*model.get_weights().values(), *optimizer.state().values()]
    optimizer.optimizers[1].add_hook(lambda params: 1 / 0)
    for attempt in (
        lambda: learn(model, optimizer, 1),
        lambda: optimizer.load_state(optimizer.state() | {"0/lr": 0.5, "1/beta": 1.0}),
    ):
        try:
            attempt()
            return ["no error"]
        except (ZeroDivisionError, ValueError):
            pass
    after = [*model.get_weights().values(), *optimizer.state().values()]
    return [np.array_equal(a, b) for a, b in zip(after, before, strict=True)]


def moved(fw: Any) -> list[Any]:
    """The state of a group, moved to what stands for a GPU and back."""
    owner = holder(fw, fw.Parameter(np.ones(3)))
    owner.p.grad = fw.Variable(np.ones(3))
    optimizer = fw.optimizers.Grouped([("rest", fw.optimizers.Adam())]).setup(owner)
    optimizer.update()
    with patched(fw, "cuda", cupy=GPU, gpu_enable=True):
        return moving(fw, optimizer, lambda: [a for _, a in sorted(optimizer.optimizers[0].states[owner.p].items())])


values(
    60, "NumPy: PyTorch's groups have the same rule",
    ("grouped_like_separate_optimizers", like_separate_optimizers, lambda: [True] * 12),
    ("grouped_moved", moved, lambda: back(3, [True, False, True])),
    ("left_after_errors_of_grouped", left_after_errors, lambda: [True] * 24),
)  # fmt: skip


@computation(**BEYOND, inputs=[normal()], shapes=((2, 3), (4, 5, 2), ()), cases=FLOATS - ON_GPU)
def dropout_layer(fw: Any, x: Any) -> Any:
    """The layer in training, with known masks, and at inference"""
    found = []
    for ratio in (0.5, 0.2):
        layer = fw.Dropout() if ratio == 0.5 else fw.Dropout(ratio)
        with drawing(5):
            mask = fw.constant(np.random.rand(*x.shape) > ratio)
            np.random.seed(5)
            found.append(x * mask / (1.0 - ratio) if fw.name == "torch" else layer(x))
        with fw.test_mode():
            found.append(layer(x) * x)
    return found


def groups(fw: Any, *pairs: Any) -> Any:
    """A Grouped with a new optimizer for each group, which are layers of a model or "rest", set up with the model."""
    model = model_of(fw)
    chosen = [getattr(model, name) if hasattr(model, name) else name for name in pairs]
    return fw.optimizers.Grouped([(layers, fw.optimizers.SGD(0.1)) for layers in chosen]).setup(model)


def after_setup(fw: Any) -> Any:
    """An update after a parameter was replaced."""
    optimizer = groups(fw, "l0", "rest")
    optimizer.target.l0.b = fw.Parameter(np.ones(4))
    return optimizer.update()


# fmt: off
errors(
    60,
    ("grouped_without_optimizers", lambda fw: fw.optimizers.Grouped([fw.layers.Linear(2)]),
     TypeError, "Grouped: expected pairs of layers and their optimizer, got Linear(...)"),
    ("grouped_with_the_rest_first", lambda fw: groups(fw, "rest", "l0"),
     ValueError, "Grouped: expected layers, or \"rest\" in the last pair, got 'rest' in pair 0"),
    ("grouped_of_nothing", lambda fw: groups(fw),
     ValueError, "Grouped: expected a different optimizer for each group, got []"),
    ("grouped_of_a_list", lambda fw: groups(fw, "rest").setup([]),
     TypeError, "Grouped.setup: expected a Layer or Model, got <class 'list'>"),
    ("grouped_twice", lambda fw: groups(fw, "l0", "l0"),
     ValueError, "Grouped: expected parameters of the model, each in one group, got 'l0/W' again"),
    ("grouped_without_a_rest", lambda fw: groups(fw, "l0"),
     ValueError, "Grouped: expected a group for ['l2/W', 'l2/b']; \"rest\" stands for all others"),
    ("grouped_of_numbers", lambda fw: fw.optimizers.Grouped([(3, fw.optimizers.SGD())]).setup(model_of(fw)),
     TypeError, "Grouped: expected layers, parameters or \"rest\", got <class 'int'>"),
    ("grouped_with_a_new_parameter", after_setup,
     ValueError, "Grouped.update: expected the parameters of setup, got new ones; call setup again"),
    ("grouped_state_of_more_groups", lambda fw: groups(fw, "rest").load_state({"1/lr": 0.1}),
     ValueError, "load_state: expected keys that begin with 0/ to 0/, got '1/lr'"),
    ("grouped_state_that_lacks_a_group", lambda fw: groups(fw, "l0", "rest").load_state({"0/lr": 0.1, "1/x": 1}),
     ValueError, "load_state: ..."),
    ("grouped_before_setup", lambda fw: fw.optimizers.Grouped([("rest", fw.optimizers.SGD())]).update(),
     RuntimeError, "Grouped.update: expected a target, got None; call setup(model) first"),
    ("grouped_on_a_gpu_that_is_missing",
     lambda fw: under(patched(fw, "cuda", cupy=None, gpu_enable=False), groups(fw, "rest").to_gpu),
     RuntimeError, "CuPy cannot be loaded. Install CuPy: pip install cupy-cuda12x or cupy-cuda13x"),
    ("dropout_layer_of_everything", lambda fw: fw.Dropout(1.0)(fw.Variable(np.ones(2))),
     ValueError, "Dropout: expected a ratio in [0, 1), got 1.0", "returns zeros"),
)
# fmt: on
