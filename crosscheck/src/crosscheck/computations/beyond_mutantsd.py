"""What detects mutants of functions, layers, models and data of stage 5: lists, inference, float16, weights."""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from .beyond_limits import ONCE, owner
from .beyond_mutantsa_kinds import AUXILIARY, IDS, IMAGES, KEYS, QUERIES, TABLE, A, B, C
from .errors import downloads, errors
from .mutants_functions import LABELS, message
from .steps52_60 import drawing
from .utilities import NUMPY
from .values import values

# --- functions ---


def of_lists(fw: Any) -> Iterator[str]:
    """The losses that refuse targets or labels as lists, or give other values for them."""
    pairs = "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "sigmoid_cross_entropy", "binary_cross_entropy"
    for name, t in (*((name, B) for name in pairs), *((name, LABELS) for name in ("nll_loss", "focal_loss"))):
        f = getattr(fw, name)
        if not np.array_equal(fw.array(f(A, t.tolist())), fw.array(f(A, t))):
            yield name


def of_other_arguments(fw: Any) -> set[str]:
    """What functions say of None, or of a string, instead of one of their arrays, unless it is what most say."""
    calls: list[tuple[str, Any, Callable[..., Any]]] = [(name, arrays, partial(call, getattr(fw, name)))
        for name, arrays, call in TABLE]  # fmt: skip
    calls += [(name, given, partial(unnamed, getattr(fw, name), options)) for name, given, options in AUXILIARY]
    found = set()
    for name, given, call in calls:
        for i in (i for i, a in enumerate(given) if isinstance(a, np.ndarray)):
            for bad, most in ((None, f"TypeError: {name}"), ("x", "TypeError: Variable")):
                said = owner(partial(call, *given[:i], bad, *given[i + 1 :]))
                found |= {f"{name} {i} {bad}: {said}"} if said != most else set()
    return found


def unnamed(f: Callable[..., Any], options: dict[str, Any], *arguments: Any) -> Any:
    return f(*arguments, **options)


OPTIONAL = """
conv1d 2, conv2d 2, deconv1d 2, deconv2d 2, depthwise_conv2d 2, fft_conv2d 2, fold_batch_norm 4, gru_cell 1,
gru_cell 11,
hierarchical_softmax 4, layer_norm 1, layer_norm 2, negative_sampling 4, nll_loss 1, separable_conv2d 3,
softmax_cross_entropy 1"""
INDICES = "focal_loss 1, gather 1, hierarchical_softmax 2, negative_sampling 2, negative_sampling 3, nll_loss 1"
SAID = {
    *(f"{place} None: no error" for place in OPTIONAL.strip().replace("\n", " ").split(", ")),
    *(f"{place} None: TypeError: Variable" for place in INDICES.split(", ")),
    *(f"{name} 1 x: TypeError: {name}" for name in ("binary_cross_entropy", "sigmoid_cross_entropy")),
    *(f"{name} {i} None: ValueError: {name}" for name in ("lstm", "lstm_cell") for i in (1, 2)),
    *(f"{name.lower()} {i} None: TypeError: {name}" for name in ("Maximum", "Minimum") for i in (0, 1)),
    *(f"separable_conv2d {i} None: TypeError: depthwise_conv2d" for i in (0, 1)),
    "abs 0 None: TypeError: Abs", "leaky_relu 0 None: TypeError: LeakyReLU", "selu 0 None: TypeError: elu",
}  # fmt: skip

SIZES = {
    "Linear": "out_size in_size", "Conv2d": "out_channels kernel_size stride dilation in_channels groups",
    "Deconv2d": "out_channels kernel_size stride dilation in_channels groups",
    "Conv1d": "out_channels kernel_size stride dilation in_channels groups",
    "DepthwiseConv2d": "multiplier kernel_size stride dilation in_channels",
    "SeparableConv2d": "out_channels multiplier in_channels", "EmbedID": "in_size out_size",
    **dict.fromkeys(("RNN", "LSTM", "GRU"), "hidden_size in_size"), "MultiHeadAttention": "n_heads size",
    **dict.fromkeys(("NStepRNN", "NStepLSTM", "NStepGRU"), "n_layers hidden_size in_size"),
    "AdditiveAttention": "hidden_size", "NegativeSampling": "counts size sample_size",
    "BinaryHierarchicalSoftmax": "counts size", "LayerNorm": "ndim",
}  # fmt: skip


def of_sizes(fw: Any) -> list[str]:
    """The sizes of layers that do not have to be positive integers; the layer itself says it."""
    found = []
    for name, keys in SIZES.items():
        sizes = {key: np.array([2, 1, 1]) if key == "counts" else 2 for key in keys.split()}
        rest = {"kernel_size": 2} if name == "SeparableConv2d" else {}  # its error is that of DepthwiseConv2d
        call = partial(getattr(fw.layers, name), **sizes, **rest)
        for key in sizes:
            for bad in (0, -1, 1.5, "2"):
                if owner(partial(call, **{key: bad})) != f"ValueError: {name}":
                    found.append(f"{name} {key} {bad}")
    return found


def at_inference(fw: Any) -> list[Any]:
    """dropout of an array at inference, a variable; batch_norm of arrays."""
    with fw.test_mode():
        return [type(fw.dropout(A)) is type(fw.Variable(A)), fw.batch_norm(A, C, C, C, C + 1, eps=0.0)]


def compared(fw: Any) -> list[Any]:
    """Comparisons of float32 with a number on either side, which is rounded to float32 first."""
    x = np.array([0.1], "f")
    relations = fw.equal, fw.less, fw.less_equal, fw.greater, fw.greater_equal
    return [[f(0.1, x), f(x, 0.1)] for f in relations]


def in_float16(fw: Any) -> list[Any]:
    """The softmax of 70,000 elements, whose sum float16 cannot hold, and a loss that float16 would round to 0."""
    y = fw.masked_softmax(np.zeros(70000, "e"), np.array([True]))
    return [y.data[:1], y.dtype]


def auxiliary_gradients(fw: Any) -> list[str]:
    """The functions whose gradients with respect to boxes, masks or indices are not zeros."""
    found = []
    for name, given, options in AUXILIARY:
        xs = [fw.Variable(a) if isinstance(a, np.ndarray) else a for a in given]
        others = [x for x in xs[1:] if not isinstance(x, int)]
        gxs = fw.grad(fw.sum(getattr(fw, name)(*xs, **options)), others)
        if name not in TRAINED and any(fw.array(gx).any() for gx in gxs):
            found.append(name)
    return found


TRAINED = "negative_sampling", "hierarchical_softmax", "softmax_cross_entropy"  # their second arrays are trained


def silent(fw: Any) -> Any:
    """Functions of large numbers, and the root of a negative one, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return [
            fw.erf(np.array([1e30, -1e30], "f")),
            fw.sqrt(np.array([-1.0])),
            fw.elu(np.array([1e4])),
            fw.gru_cell(np.full((1, 1), -1e4), None, [np.ones((1, 1))] * 3, [np.zeros(1)] * 3, [np.ones((1, 1))] * 3),
        ]


def others_drawn(fw: Any) -> Any:
    """The loss if the first word is the only one that can be negative."""
    with drawing(0):
        layer = fw.layers.NegativeSampling(np.array([0.5, 1e9]), 1, 1)
        layer.W.data[:] = [[2], [1]]
        return round(float(layer(np.ones((1, 1), "f"), np.array([1]))), 4)


def normed(fw: Any) -> Any:
    """Batch norm in float16 of numbers whose sum float16 cannot hold."""
    x = np.full((1, 1, 64), 2000, "e")
    x[..., ::2] += 2
    return fw.batch_norm(x, np.ones(1, "e"), np.zeros(1, "e"), np.zeros(1, "e"), np.ones(1, "e")).data[0, 0, :2]


def sequences(fw: Any) -> bool:
    """The derivatives of second order of a LSTM of two sequences of three steps are those of central differences."""
    weights = [
        [np.full((1, 1), 0.5 + k) for k in range(4)],
        [np.ones(1)] * 4,
        [np.full((1, 1), 0.25 * k) for k in range(4)],
    ]
    fw.check_gradients(lambda x: fw.lstm(x, None, None, *weights)[0], SEQUENCES, order=2)  # or an error
    return True


SEQUENCES = np.arange(6.0).reshape(2, 3, 1) / 8


def biased(fw: Any) -> Any:
    """A convolution in float16 whose bias cancels nearly all of a sum."""
    return fw.conv2d(
        np.ones((1, 2, 1, 1), "e"), np.array([1000, 0.25], "e").reshape(1, 2, 1, 1), np.array([-1000], "e")
    )


def small_loss(fw: Any) -> Any:
    """A loss in float16 that is 0 if probabilities are summed in float16."""
    return fw.softmax_cross_entropy(np.array([[8, 0]], "e"), np.array([0]))


# fmt: off
values(
    47, NUMPY,
    ("small_loss_in_float16", small_loss, lambda: np.array(math.log1p(math.exp(-8)), "e")),
)
values(
    60, NUMPY,
    ("lists_as_targets_and_indices", lambda fw: list(of_lists(fw)), list),
    ("none_and_strings_as_other_inputs", lambda fw: sorted(of_other_arguments(fw)), lambda: sorted(SAID)),
    ("sizes_of_layers", of_sizes, list),
    ("arrays_at_inference", at_inference, lambda: [True, (A - C) / np.sqrt(C + 1) * C + C]),
    ("numbers_compared_with_float32", compared,
     lambda: [[np.array([yes])] * 2 for yes in (True, False, True, False, True)]),
    ("second_derivatives_of_sequences", sequences, lambda: True),
    ("gradients_of_boxes_and_masks", auxiliary_gradients, list),
    ("error_function_without_warnings", silent,
     lambda: [np.array([1, -1], "f"), np.array([np.nan]), np.array([1e4]), -np.ones((1, 1))]),
    ("negatives_of_an_only_other_word", others_drawn,
     lambda: round(math.log1p(math.exp(-1)) + math.log1p(math.exp(2)), 4)),
    ("batch_norm_of_large_sums_in_float16", normed, lambda: np.array([1, -1], "e")),
    ("convolution_with_a_bias_in_float16", biased, lambda: np.full((1, 1, 1, 1), 0.25, "e")),
    ("softmax_of_many_elements_in_float16", in_float16, lambda: [np.array([1 / 70000], "e"), np.dtype("e")]),
    since=5,
)
errors(
    60,
    ("read_only_running_mean_in_a_variable",
     lambda fw: fw.batch_norm(A, C, C, fw.Variable(np.broadcast_to(0.0, 3)), np.ones(3)),
     ValueError, "batch_norm: expected a writable array as mean in training, got a read-only one"),
    since=5,
)
# fmt: on

# --- models ---


def published(fw: Any) -> Iterator[Any]:
    """The files that models with published weights ask for, and the error if none can be read."""
    for name in ("VGG16", "ResNet50", "ResNet101", "ResNet152"):
        with downloads(OSError("no")) as network:
            yield [message(partial(getattr(fw.models, name), pretrained=True)).partition(":")[0], network.urls]


URL = "https://github.com/koki0702/dezero-models/releases/download/v0.1/"


def initialized(fw: Any) -> list[str]:
    """The layers whose initializer does not draw all weights; biases start with 0."""
    L, init, found = fw.layers, fw.initializers, []
    two = {"initializer": init.Constant(2.0)}
    for layer, *inputs in (
        (L.Linear(2, **two), A), (L.Conv2d(2, 2, **two), IMAGES), (L.Deconv2d(2, 2, **two), IMAGES),
        (L.Conv1d(2, 2, **two), QUERIES), (L.DepthwiseConv2d(2, 2, **two), IMAGES), (L.RNN(2, **two), A),
        (L.SeparableConv2d(2, 2, **two), IMAGES), (L.EmbedID(3, 2, **two), IDS), (L.LSTM(2, **two), A),
        (L.GRU(2, **two), A), (L.GRU(2, reset_after=True, **two), A), (L.NStepRNN(2, 2, **two), QUERIES),
        (L.NStepLSTM(1, 2, bidirectional=True, **two), QUERIES), (L.NStepGRU(1, 2, **two), QUERIES),
        (L.MultiHeadAttention(1, **two), QUERIES), (L.AdditiveAttention(2, **two), QUERIES, KEYS, KEYS),
    ):  # fmt: skip
        layer(*inputs)
        weights = [(path, v.data) for path, v in layer.named_params()]
        if not all((data == 2).all() for path, data in weights if data.ndim > 1 and "W" in path):
            found.append(type(layer).__name__)
    return found


def architectures(fw: Any) -> Iterator[Any]:
    """For each published network: how many layers have channels, the sum of these, and a checksum of all sizes."""
    names = (
        "AlexNet VGG16 VGG11 NiN LeNet SqueezeNet SqueezeNet11 GoogLeNet ResNet18 ResNet34 ResNet50 ResNet101 ResNet152"
    )
    models, Layer = fw.models, fw.layers.Layer
    for name in (*names.split(), "DenseNet", "DenseNet121", "DenseNet161", "DenseNet169", "DenseNet201"):
        sizes = [(path, channels(layer)) for path, layer in inside(Layer, getattr(models, name)())]
        sizes = [(path, size) for path, size in sizes if size]
        yield [len(sizes), sum(size[0] for _, size in sizes), zlib.crc32(repr(sizes).encode())]


def inside(Layer: Any, layer: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All layers in a layer, with their paths."""
    for name in sorted(vars(layer)):
        part = vars(layer)[name]
        if isinstance(part, Layer):
            yield f"{path}/{name}", part
            yield from inside(Layer, part, f"{path}/{name}")


def channels(layer: Any) -> tuple[Any, ...]:
    """The number of outputs of a layer, its other sizes, and whether it has a bias; empty for other layers."""
    names = "out_size", "out_channels", "kernel_size", "stride", "pad", "groups", "ratio"
    found = tuple(vars(layer)[name] for name in names if name in vars(layer))
    return (*found, getattr(layer, "b", None) is None) if found and "ratio" not in vars(layer) else ()


NETWORKS = [  # golden: as many layers as their names say, or their papers
    [8, 10344, 2195001118],
    [16, 13416, 2478194471],
    [11, 11944, 1896952024],
    [12, 5208, 3769932386],
    [5, 236, 2130845103],
    [26, 3976, 282433179],
    [26, 3944, 2125027841],
    [58, 8280, 2643614547],
    [21, 5800, 294390878],
    [37, 9512, 3132512115],
    [54, 27560, 171962504],
    [105, 53672, 112815135],
    [156, 76712, 2055808781],
    [121, 11240, 2034890660],
    [121, 11240, 2034890660],
    [161, 21448, 1516118756],
    [169, 15208, 2505232542],
    [201, 18024, 1401661107],
]

# fmt: off
values(
    58, "the addresses of the book",
    ("addresses_of_published_weights", lambda fw: list(published(fw)),
     lambda: [["RuntimeError", [f"{URL}{name}.npz"]] for name in ("vgg16", "resnet50", "resnet101", "resnet152")]),
)
values(
    60, NUMPY,
    ("weights_that_an_initializer_draws", initialized, list),
    since=5,
)
values(
    60, "golden outputs; the numbers of layers are those of the papers",
    ("sizes_of_published_networks", lambda fw: list(architectures(fw)), lambda: NETWORKS), **ONCE,
)
# fmt: on
