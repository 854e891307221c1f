"""How weights begin: initializers of small sizes, `initialize` by names and inputs, layers that draw their weights."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from .beyond_initializers import deferred, ramp
from .beyond_mutantsa import said
from .errors import errors
from .mutants_functions import message
from .steps52_60 import drawing
from .utilities import NUMPY, POINT, ROWS
from .values import values


def without_fans(fw: Any) -> list[Any]:
    """Initial values of parameters without inputs or outputs: no division by 0."""
    init, found = fw.initializers, []
    for fans in ((0, 1), (0, 0), (1, 1)):
        for initializer in (init.Glorot(normal=True), init.He(), init.LeCun()):
            found.append(initializer((3,), float, fans=fans, rng=np.random.default_rng(0)))
    return found


def by_their_fans() -> list[Any]:
    z = np.random.default_rng(0).standard_normal(3)
    root = np.sqrt(2)
    return [z * root, z * root, z] * 2 + [z, z * root, z]


def chosen(fw: Any) -> list[Any]:
    """The parameters that `initialize` gives new values, for patterns of their paths; a model with all its weights."""
    found = []
    for names in ("l0/W", "l*/W", "W", "l?/b", "*W", "*"):
        model = fw.models.Sequential(fw.layers.Linear(2, in_size=3), fw.layers.Linear(2, in_size=2))
        before = {path: v.data.copy() for path, v in model.named_params()}
        message(partial(fw.initialize, model, fw.initializers.Constant(5), names=names))
        found.append([path for path, v in model.named_params() if not np.array_equal(v.data, before[path])])
    fw.initialize(model, ramp, "inputs, of which only uninitialized weights make use")
    return [*found, *model.params()]


def in_a_copy(fw: Any) -> list[Any]:
    """How `initialize` calls a model for the shapes of its weights: without a graph, at inference, in a copy."""
    found: list[Any] = []

    def note(x: Any) -> Any:
        found.append([x.creator is None, fw.dropout(x, 0.5) is x])
        return x

    model = fw.models.Sequential(fw.layers.Linear(2), note, fw.layers.Linear(3, in_size=2))
    fw.initialize(model, ramp, np.ones((1, 2), np.float32))
    return [*found, *(param.data for param in model.params())]


def flattened(fw: Any) -> list[Any]:
    """The dict of all parameters and buffers that the book's method fills, alone and below a path."""
    model = fw.models.Sequential(fw.layers.Linear(1, in_size=1), fw.layers.BatchNorm())
    found: dict[str, Any] = {}
    model._flatten_params(found)
    model._flatten_params(found, "top")
    return [*found, all(v is dict(model.named_state())[path.removeprefix("top/")] for path, v in found.items())]


def attending(fw: Any) -> list[Any]:
    """Layers of attention: what they draw on construction, dropout of the weights, and inputs that are no arrays."""
    L, x = fw.layers, np.arange(12.0).reshape(1, 3, 4) / 8
    with drawing(0):
        layer = L.MultiHeadAttention(1, 4, dropout_ratio=0.5)
    drawn = [linear.W.data is None for linear in (layer.q, layer.k, layer.v, layer.o)]
    layer(x)
    for linear in (layer.q, layer.k, layer.v, layer.o):
        linear.W.data = np.eye(4)
    with drawing(1):
        y = layer(x)
    with drawing(1):
        z = fw.attention(x, x, x, dropout_ratio=0.5)
    additive = L.AdditiveAttention(2)
    calls = (
        lambda: layer([1]), lambda: layer(x, [1]), lambda: layer(x, x, [1]), lambda: layer(x, mask=[True] * 3),
        lambda: additive([1], x, x), lambda: additive(x, [1], x), lambda: additive(x, x, [1]),
    )  # fmt: skip
    return [drawn, np.array_equal(y.data, z.data), [said(call) for call in calls]]


def shallow(fw: Any) -> list[bool]:
    """A shallow copy of a recurrent layer has the same state, without the graph, which the layer keeps."""
    with drawing(0):
        layer = fw.layers.RNN(2, 3)
    h = layer(ROWS)
    h.name = "state"
    twin = copy.copy(layer)
    return [twin.h.creator is None, twin.h.data is h.data, twin.h.name == "state", layer.h.creator is not None]


def latest_calls(fw: Any) -> list[Any]:
    """What a layer keeps of its latest call: variables and arrays while they are alive, everything else."""
    layer = type("First", (fw.layers.Layer,), {"forward": lambda self, x, *rest, **options: x[0]})()
    x, pair = fw.Variable(POINT), (fw.Variable(POINT), POINT)
    found: list[Any] = []
    arguments: Any = (pair, (1, 2)), (list(pair), []), ((x,), x)
    for given in arguments:
        y = layer(*given, unused=None)
        kept = [keep() for keep in layer.inputs]
        found += [len(kept), type(kept[0]).__name__, kept[0][0] is given[0][0], kept[1] is given[1], y is given[0][0]]
    alone = fw.layers.Linear(1)
    alone(np.ones((1, 2)))
    return [*found, alone.inputs[0]() is None, alone.outputs[0]() is None]


def padded(fw: Any) -> list[Any]:
    """Embeddings with an id of padding, from the first on, drawn or given; a frozen one is a constant."""
    EmbedID, table, found = fw.layers.EmbedID, np.arange(1.0, 7).reshape(3, 2), []
    for layer in (EmbedID(3, 2, 1, ramp), EmbedID.of(table, pad_id=0), EmbedID.of(table, frozen=False, pad_id=2)):
        found += [layer.W, layer(np.array([[2, 1], [0, 1]])), layer.W.constant]
    return [*found, bool(EmbedID(3, 2, 2).W.data[:2].all()), EmbedID(3, 2, 2).W.data[2], table]


def with_zeros() -> list[Any]:
    """What `padded` finds."""
    table, found = np.arange(1.0, 7).reshape(3, 2), []
    for W, pad_id, constant in ((ramp((3, 2)), 1, False), (table.copy(), 0, True), (table.copy(), 2, False)):
        W[pad_id] = 0
        found += [W, W[[[2, 1], [0, 1]]], constant]
    return [*found, True, np.zeros(2, "f"), table]


def named(fw: Any) -> list[str]:
    """The names of parameters and buffers of layers, as graphs show them; shapes that repr shows."""
    L, one = fw.layers, {"in_channels": 1}
    layers = (
        L.Linear(1), L.Linear(1, in_size=2), L.Conv2d(2, 1), L.Conv2d(2, 1, groups=2, in_channels=4), L.Deconv2d(1, 1),
        L.Conv1d(1, 1, **one), L.DepthwiseConv2d(2, 3, **one), L.DepthwiseConv2d(2, 3), L.BatchNorm(decay=None),
        L.LayerNorm(2), L.EmbedID(2, 1), L.EmbedID(2, 1, frozen=True), L.NegativeSampling(np.ones(2), 1),
        L.BinaryHierarchicalSoftmax(np.ones(2), 1),
    )  # fmt: skip
    return [f"{layer!r}: {' '.join(v.name for _, v in layer.named_state())}" for layer in layers]


def convolving(fw: Any) -> list[Any]:
    """Convolution layers: fans with groups, defaults, and failed calls, which draw no weights."""
    L, asked = fw.layers, []

    def note(shape: Any, dtype: Any, *, fans: Any, rng: Any) -> Any:
        asked.append([*shape, *fans])
        return np.zeros(shape, dtype)

    for kind in (L.Conv2d, L.Deconv2d):
        kind(6, (2, 5), in_channels=4, groups=2, initializer=note)
    separable, depthwise = L.SeparableConv2d(3, 2, in_channels=4), L.DepthwiseConv2d(2, 2)
    drawn = [separable.depthwise.W, separable.pointwise.W, separable.pointwise.b]
    image, row = np.ones((1, 2, 3, 3)), np.ones((1, 2, 3))
    refused = (
        (L.Deconv2d(2, 1, pad=2), image), (L.Deconv2d(2, 2, pad=((3, 2), (0, 0))), image),
        (L.Conv1d(2, 2, dilation=3), row), (L.Conv1d(2, 2, pad=1, stride=2, dilation=5), row),
        (L.Conv2d(2, 4), image), (L.Conv2d(2, 3, dilation=(1, 2)), image), (L.Conv2d(3, 1, groups=3), image),
        (depthwise, row),
    )  # fmt: skip
    failed = [[said(partial(layer, x)), layer.W.data is None] for layer, x in refused]
    sizes = (
        lambda: L.Conv1d(1, 2, pad=1.5), lambda: L.Conv1d(1, 2, pad=-1), lambda: L.Conv2d(1, 2, pad=((-1, 1), (0, 0))),
        lambda: L.Conv2d(1, 2, pad=((0, 0), (0, -1))), lambda: L.Conv1d(1, 2, pad=(0, -1)),
    )  # fmt: skip
    return [asked, [[v.shape, v.dtype] for v in drawn], depthwise.out_channels, failed, [said(f) for f in sizes]]


def refusing() -> list[Any]:
    """What `convolving` finds."""
    f = np.dtype("f")
    names = ("Deconv2d", "Deconv2d", "Conv1d", "Conv1d", "Conv2d", "Conv2d", "Conv2d", "DepthwiseConv2d")
    return [
        [[6, 2, 2, 5, 20, 30], [4, 3, 2, 5, 20, 30]], [[(4, 1, 2, 2), f], [(3, 4, 1, 1), f], [(3,), f]], None,
        [[f"ValueError: {name}", True] for name in names],
        [f"ValueError: {name}" for name in ("Conv1d", "Conv1d", "Conv2d", "Conv2d", "Conv1d")],
    ]  # fmt: skip


REPRS = [
    "Linear(W (None, 1) uninitialized, b (1,)): W b", "Linear(W (2, 1), b (1,)): W b",
    "Conv2d(W (2, None, 1, 1) uninitialized, b (2,)): W b", "Conv2d(W (2, 2, 1, 1), b (2,)): W b",
    "Deconv2d(W (None, 1, 1, 1) uninitialized, b (1,)): W b", "Conv1d(W (1, 1, 1), b (1,)): W b",
    "DepthwiseConv2d(W (2, 1, 3, 3), b (2,)): W b",
    "DepthwiseConv2d(W (None, 1, 3, 3) uninitialized, b (None,) uninitialized): W b",
    "BatchNorm(avg_mean (None,) uninitialized, avg_var (None,) uninitialized, gamma (None,) uninitialized, "
    "beta (None,) uninitialized, updates ()): avg_mean avg_var gamma beta updates",
    "LayerNorm(gamma (None, None) uninitialized, beta (None, None) uninitialized): gamma beta",
    *["EmbedID(W (2, 1)): W"] * 2, "NegativeSampling(W (2, 1)): W", "BinaryHierarchicalSoftmax(W (1, 1)): W",
]  # fmt: skip


def normalizing(fw: Any) -> list[Any]:
    """Layers that normalize, with gamma and beta as they create them, over one and two axes; inputs that do not fit."""
    L, x = fw.layers, IMAGE
    one, two, batch = L.LayerNorm(eps=0.5), L.LayerNorm(2, 0.25), L.BatchNorm(decay=None)
    found = [one(x), two(x), batch(x), batch.updates.dtype, batch.updates]
    calls = [lambda: one(x[..., :2]), lambda: two(x[0, 0]), lambda: two(x[:, :1]), lambda: L.LayerNorm(2)(x[:, :0])]
    states = [np.zeros((1, 2, 2))], (np.zeros((1, 2, 2)), [0]), np.zeros((1, 2, 3)), np.zeros((2, 2, 2))
    for kind, state in zip((L.NStepRNN, L.NStepLSTM, L.NStepGRU, L.NStepRNN), states, strict=True):
        calls.append(partial(kind(1, 2, 3), np.ones((2, 4, 3)), state))
    return [*found, [said(call) for call in calls]]


def normalized() -> list[Any]:
    """What `normalizing` finds."""

    def normal(axes: Any, eps: float) -> Any:
        return (IMAGE - IMAGE.mean(axes, keepdims=True)) / np.sqrt(IMAGE.var(axes, keepdims=True) + eps)

    first = [normal(2, 0.5), normal((1, 2), 0.25), normal((0, 2), 1e-5), np.dtype(np.int64), 1]
    names = "layer_norm", "layer_norm", "layer_norm", "LayerNorm", "TypeError: Variable", "TypeError: Variable"
    texts = [name if ":" in name else f"ValueError: {name}" for name in (*names, "NStepGRU", "NStepRNN")]
    return [*first, texts]


IMAGE = np.sqrt(np.arange(2 * 4 * 3.0)).reshape(2, 4, 3)


def sampling(fw: Any) -> list[Any]:
    """Negatives at the limits of their intervals of probability; counts of small integers; what is no count."""
    L, v = fw.layers, np.ones((1, 1), np.float32)
    drawn, only = L.NegativeSampling(np.array([0, 1, 1]), 1, 2, 1), L.NegativeSampling(np.array([0, 1]), 1, 2)
    found = []
    for ids, number in (([0], 0.0), ([0], 0.5), ([1], 0.0)):
        drawn.W.cleargrad()
        with mock.patch("numpy.random.random_sample", lambda shape, number=number: np.full(shape, number)):
            drawn(v, fw.Variable(np.array(ids))).backward()
        found.append(np.flatnonzero(drawn.W.grad.data))
    masked = only(v, np.array([[0, 0]]), np.array([[True, False]]))
    few = np.array([200, 100], np.uint8)
    hierarchy = L.BinaryHierarchicalSoftmax(few, 1)
    calls = (
        lambda: L.NegativeSampling(few, 1, power="half"), lambda: L.NegativeSampling(np.array(["1", "2"]), 1),
        lambda: hierarchy.log_prob(None),
    )  # fmt: skip
    tree = hierarchy.paths, hierarchy.codes, L.BinaryHierarchicalSoftmax(few > 0, 1).codes
    return [*found, masked, L.NegativeSampling(few, 1, power=2).cumulative, *tree, [said(f) for f in calls]]


PATHS = ["l0/W", "l0/b", "l1/avg_mean", "l1/avg_var", "l1/gamma", "l1/beta"]

# fmt: off
values(
    53, NUMPY,
    ("state_as_a_flat_dict", flattened, lambda: [*PATHS, *(f"top/{path}" for path in PATHS), True]),
)
values(
    59, NUMPY,
    ("shallow_copy_of_a_recurrent_layer", shallow, lambda: [True] * 4),
)
values(
    60, NUMPY,
    ("initial_values_without_fans", without_fans, by_their_fans),
    ("initialize_by_names", chosen, lambda: [
        ["l0/W"], ["l0/W", "l1/W"], [], ["l0/b", "l1/b"], ["l0/W", "l1/W"], ["l0/W", "l0/b", "l1/W", "l1/b"],
        ramp((3, 2)), 5 * np.ones(2, "f"), ramp((2, 2)), 5 * np.ones(2, "f")]),
    ("initialize_calls_a_copy", in_a_copy, lambda: [
        [True, True], ramp((2, 2)), np.zeros(2, "f"), ramp((2, 3)), np.zeros(3, "f")]),
    ("inputs_of_the_latest_call", latest_calls, lambda: [
        2, "list", True, True, True, 2, "list", True, True, True, 2, "list", True, True, True, True, True]),
    ("names_of_parameters", named, lambda: REPRS),
    ("layers_that_normalize_by_default", normalizing, normalized),
    ("negatives_and_counts_at_the_limits", sampling, lambda: [
        np.array([0, 1]), np.array([0, 2]), np.array([1, 2]), np.float32(3 * np.log(2)), np.array([4e4, 5e4]),
        np.zeros((2, 1), int), np.array([[-1], [1]]), np.array([[1], [-1]]),
        ["TypeError: NegativeSampling", "ValueError: NegativeSampling", "TypeError: log_prob"]]),
    ("embeddings_with_padding", padded, with_zeros),
    ("convolution_layers_before_their_first_call", convolving, refusing),
    ("layers_of_attention_in_use", attending, lambda: [[True, True, True, False], True, ["TypeError: Variable"] * 7]),
    since=5,
)
errors(
    60,
    ("he_of_a_list_with_one_size", lambda fw: fw.initializers.He()([2]),
     ValueError, "He: expected a shape with at least two axes, or fans, got (2,)"),
    ("std_that_is_no_number", lambda fw: fw.initializers.Normal("wide"),
     TypeError, "Normal: expected std to be a number, got 'wide'"),
    ("initialize_with_a_class", lambda fw: fw.initialize(deferred(fw), fw.initializers.He),
     TypeError, "initialize: expected an initializer such as He(), got <class ...He'>"),
    since=5,
)
# fmt: on
