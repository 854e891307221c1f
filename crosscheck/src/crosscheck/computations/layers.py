"""Layers and models of steps 44 and 45: nested parameters, and their gradients after a backward pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import SHAPES_ONLY, normal, stable_rng
from ..stages import STAGES
from . import computation

ROWS: tuple[tuple[int, ...], ...] = ((4, 3), (1, 3), (2, 5, 3))  # with three columns
LAYERS_AS_THEY_WERE_SET = {
    stage.name: "parameters and layers are in the order of assignment; PyTorch lists a module's own parameters first"
    for stage in STAGES
    if stage.number >= 4
}


def fixed(like: Array, *shapes: tuple[int, ...]) -> list[Array]:
    """Arrays of numbers that float32 represents exactly, so that float32 and float64 start from equal values."""
    rng = stable_rng("weights", str(shapes))
    return [rng.standard_normal(shape).astype(np.float32).astype(like.dtype) for shape in shapes]


def pull(fw: Any, y: Any) -> None:
    """Backward from a weighted sum of y, with a different weight for each element."""
    (weights,) = fixed(fw.array(y), fw.array(y).shape)
    fw.backward((y * fw.constant(weights)).sum())


def without_gradient(fw: Any, layer: Any) -> Array:
    """Which parameters have no gradient."""
    return np.array([g is None for g in fw.weight_gradients(layer)])


# --- Linear ---


@computation(step=44, inputs=[normal()], shapes=ROWS, cases=SHAPES_ONLY)
def linear_layer(fw: Any, x: Any) -> Any:
    """y = x W + b, with in_size given and W and b copied in"""
    layer = fw.Linear(2, in_size=3)
    fw.set_weights(layer, fixed(fw.array(x), (3, 2), (2,)))
    return layer(x)


@computation(step=44, inputs=[normal()], shapes=ROWS, cases=SHAPES_ONLY)
def linear_layer_without_in_size(fw: Any, x: Any) -> Any:
    """W and b copied into a layer before its first call, and into one with initialized weights"""
    W_and_b = fixed(fw.array(x), (3, 2), (2,))
    early, late = fw.Linear(2), fw.Linear(2)
    fw.set_weights(early, W_and_b)
    late(fw.constant(fw.array(x).astype(np.float32)))
    fw.set_weights(late, W_and_b)
    return early(x), late(x)


@computation(step=44, inputs=[normal()], shapes=ROWS, cases=SHAPES_ONLY)
def linear_layer_without_b(fw: Any, x: Any) -> Any:
    """y = x W, with nobias"""
    layer = fw.Linear(2, nobias=True, in_size=3)
    fw.set_weights(layer, fixed(fw.array(x), (3, 2)))
    return layer(x)


@computation(step=44, inputs=[normal()], shapes=((4, 3),), order=0, cases=SHAPES_ONLY)
def weights_of_a_new_layer(fw: Any, x: Any) -> Any:
    """Shape and dtype of W and b: float32 by default or as given; in_size given or inferred from the first input"""
    lazy = fw.Linear(2)
    lazy(fw.constant(fw.array(x).astype(np.float32)))
    layers = [lazy, fw.Linear(2, in_size=3), fw.Linear(2, True, fw.array(x).dtype, 3)]
    return [np.zeros_like(a) for layer in layers for a in fw.weights(layer)]


@computation(step=44, order=0, dtypes=("float64",))
def scale_of_new_weights(fw: Any) -> Any:
    """The scale of W is sqrt(1 / in_size), a standard deviation in the stages, a bound in PyTorch; b is small"""
    layer = fw.Linear(50, in_size=400)
    W, b = fw.weights(layer)
    return np.array([0.5 < np.std(W) * math.sqrt(400) < 1.1, np.abs(b).max() <= math.sqrt(1 / 400)])


@computation(step=44, inputs=[normal()], shapes=((4, 3), (2, 5, 3)), order=0, cases=SHAPES_ONLY)
def gradients_of_a_layer(fw: Any, x: Any) -> Any:
    """gW and gb: none at first, set by a backward pass, accumulated over two, none after cleargrads"""
    layer = fw.Linear(2, in_size=3)
    fw.set_weights(layer, fixed(fw.array(x), (3, 2), (2,)))
    found = [without_gradient(fw, layer)]
    for _ in range(2):
        pull(fw, fw.sigmoid(layer(x)))
        found += [np.array(g) for g in fw.weight_gradients(layer)]
    fw.cleargrads(layer)
    return [*found, without_gradient(fw, layer)]


# --- nested layers ---


def numbered(fw: Any, layer: Any) -> Any:
    """The layer, with its n-th parameter filled with n."""
    fw.set_weights(layer, [np.full(a.shape, float(n)) for n, a in enumerate(fw.weights(layer))])
    return layer


@computation(step=45, inputs=[normal()], shapes=((4, 3),), order=0, cases=SHAPES_ONLY)
def nested_layers(fw: Any, x: Any) -> Any:
    """A plain Layer with layers nested two levels deep: the order of parameters, all gradients, cleargrads"""
    model, inner = fw.Layer(), fw.Layer()
    model.first = fw.Linear(4, in_size=3)
    inner.second, inner.third = fw.Linear(5, in_size=4), fw.Linear(2, nobias=True, in_size=5)
    model.inner = inner
    fw.set_weights(model, fixed(fw.array(x), (3, 4), (4,), (4, 5), (5,), (5, 2)))
    y = inner.third(fw.sigmoid(inner.second(fw.sigmoid(model.first(x)))))
    pull(fw, y)
    found = [y, *fw.weights(model), *(np.array(g) for g in fw.weight_gradients(model))]
    fw.cleargrads(model)
    return [*found, without_gradient(fw, model)]


@computation(step=45, order=0, dtypes=("float64",), differs=LAYERS_AS_THEY_WERE_SET)
def parameters_set_around_a_layer(fw: Any) -> Any:
    """The order of params() for a parameter, a layer, and another parameter"""
    model = fw.Layer()
    model.before = fw.Parameter(np.array(1.0))
    model.between = fw.Layer()
    model.between.inside = fw.Parameter(np.array(2.0))
    model.after = fw.Parameter(np.array(3.0))
    return np.array([float(a) for a in fw.weights(model)])


@computation(step=44, order=0, dtypes=("float64",))
def parameters_replaced_and_deleted(fw: Any) -> Any:
    """A parameter that is reassigned keeps its position; one that is deleted or set to None is dropped"""
    model = fw.Layer()
    for name, value in (("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0), ("a", 5.0)):
        setattr(model, name, fw.Parameter(np.array(value)))
    model.c = None
    del model.b
    return np.array([float(a) for a in fw.weights(model)])


@computation(step=45, inputs=[normal()], shapes=((4, 3),), order=0, cases=SHAPES_ONLY)
def a_layer_in_two_places(fw: Any, x: Any) -> Any:
    """A layer used in two places: its parameters are listed once, and its gradients accumulate"""
    model = fw.Layer()
    model.l0 = model.l1 = fw.Linear(3, in_size=3)
    fw.set_weights(model, fixed(fw.array(x), (3, 3), (3,)))
    pull(fw, model.l1(fw.sigmoid(model.l0(x))))
    return fw.weight_gradients(model)


# --- Sequential and MLP ---


@computation(step=45, inputs=[normal()], shapes=((4, 3), (1, 3)), cases=SHAPES_ONLY)
def sequential(fw: Any, x: Any) -> Any:
    """Sequential: Linear layers and functions in order"""
    model = fw.Sequential(fw.Linear(4), fw.tanh, fw.Linear(2, nobias=True), fw.sigmoid)
    fw.set_weights(model, fixed(fw.array(x), (3, 4), (4,), (4, 2)))
    return model(x)


@computation(step=45, inputs=[normal()], shapes=((4, 3), (1, 3)), cases=SHAPES_ONLY)
def mlp(fw: Any, x: Any) -> Any:
    """MLP((5, 4, 2)): three layers, two sigmoids"""
    model = fw.MLP((5, 4, 2))
    fw.set_weights(model, fixed(fw.array(x), (3, 5), (5,), (5, 4), (4,), (4, 2), (2,)))
    return model(x)


@computation(step=45, inputs=[normal()], shapes=((4, 3), (1, 3)), cases=SHAPES_ONLY)
def mlp_of_one_layer(fw: Any, x: Any) -> Any:
    """MLP((2,)): a single layer, without activation"""
    model = fw.MLP((2,))
    fw.set_weights(model, fixed(fw.array(x), (3, 2), (2,)))
    return model(x)


@computation(step=51, inputs=[normal()], shapes=((4, 3),), order=0, cases=SHAPES_ONLY)
def gradients_of_an_mlp(fw: Any, x: Any) -> Any:
    """gW and gb of every layer of MLP((5, 4, 2)), with sigmoid, tanh and relu as activations"""
    found = []
    for activation in (fw.sigmoid, fw.tanh, fw.relu):
        model = fw.MLP((5, 4, 2), activation=activation)
        fw.set_weights(model, fixed(fw.array(x), (3, 5), (5,), (5, 4), (4,), (4, 2), (2,)))
        pull(fw, model(x))
        found += [np.array(g) for g in fw.weight_gradients(model)]
    return found
