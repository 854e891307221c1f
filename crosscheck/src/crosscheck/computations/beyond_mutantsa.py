"""What detects mutants of the engine, functions and layers of stage 5 (and of notebooks) that nothing else detects."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..frameworks.base import Array
from .errors import patched
from .mutants_functions import message
from .utilities import GOLDEN, NUMPY, POINT, ROWS
from .values import values

# --- notebooks ---


def refuse(text: str, kind: str) -> bytes:
    raise RuntimeError("no Graphviz")


def in_a_notebook(fw: Any) -> list[Any]:
    """HTML of a leaf, of a small graph, of the largest graph that is drawn and of the next, and without Graphviz."""
    x = fw.Variable(POINT)
    chains = [x]
    for _ in range(25):
        chains.append(fw.sin(chains[-1]))
    largest = fw.add(chains[23], fw.Variable(POINT))  # 24 functions, their results, and two leaves
    with patched(fw, "dot", render=lambda text, kind: f"<?xml {kind}?><svg>{text.count('style')}</svg>".encode()):
        shown = [y._repr_html_() for y in (x, chains[1], largest, chains[25])]
    with patched(fw, "dot", render=refuse):
        return [*shown, chains[1]._repr_html_()]


def shown(y: Any, count: int) -> str:
    return f"<pre>variable({y})</pre><svg>{count}</svg>"


DEEPEST = functools.reduce(lambda x, _: np.sin(x), range(23), POINT) + POINT

# fmt: off
values(
    26, GOLDEN,
    ("graphs_in_notebooks", in_a_notebook, lambda: [None, shown(np.sin(POINT), 3), shown(DEEPEST, 50), None, None]),
)
# fmt: on


# --- inputs that are refused, and their neighbors that are not ---


def ones(*shape: int) -> Array:
    return np.ones(shape)


def whole(*shape: int) -> Array:
    return np.zeros(shape, int)


def said(call: Callable[[], Any]) -> str:
    """The type of the error of a call, and whose it is."""
    return message(call).partition(": expected")[0]


Calls = list[Callable[[], Any]]


def refused_by_functions(fw: Any) -> dict[str, Calls]:
    """Calls whose shapes, sizes or numbers do not fit, by function: one for each part of a condition."""
    return {
        "attention": [
            lambda: fw.attention(ones(3), ones(2, 3), ones(2, 3)),
            lambda: fw.attention(ones(2, 3), ones(3), ones(2, 3)),
            lambda: fw.attention(ones(2, 3), ones(2, 3), ones(2)),
            lambda: fw.attention(ones(2, 3), ones(2, 3), ones(3, 3)),
            lambda: fw.attention(ones(2, 3), ones(0, 3), ones(0, 3)),
        ],
        "sinusoids": [lambda: fw.sinusoids(0, 4), lambda: fw.sinusoids(2, 0)],
        "one_hot": [lambda: fw.one_hot(whole(2), 1.5), lambda: fw.one_hot(whole(2), 0)],
        "conv2d": [
            lambda: fw.conv2d(ones(1, 1, 3, 3), ones(1, 1, 3)),
            lambda: fw.conv2d(ones(1, 1, 3), ones(1, 1, 3, 3)),
            lambda: fw.conv2d(ones(1, 1, 3), ones(1, 1, 3)),
            lambda: fw.conv2d(ones(1, 1, 3, 3), ones(1, 1, 2, 2), groups=1.5),
            lambda: fw.conv2d(ones(1, 1, 3, 3), ones(1, 1, 2, 2), pad=((1, 0), (0, 1), (1, 1))),
            lambda: fw.conv2d(ones(1, 1, 3, 3), ones(1, 1, 2, 2), stride=[1, 1]),
            lambda: fw.conv2d(ones(1, 1, 0, 0), ones(1, 1, 2, 2), pad=1),
            lambda: fw.conv2d(ones(1, 1, 3, 0), ones(1, 1, 2, 2), pad=1),
            lambda: fw.conv2d(ones(1, 1, 3, 3), ones(1, 1, 0, 2)),
        ],
        "conv1d": [lambda: fw.conv1d(ones(1, 1, 3, 3), ones(1, 1, 3, 3))],
        "max_pool2d": [lambda: fw.max_pool2d(ones(1, 1, 3, 3), 0)],
        "depthwise_conv2d": [
            lambda: fw.depthwise_conv2d(ones(1, 1, 3), ones(2, 1, 2, 2)),
            lambda: fw.depthwise_conv2d(ones(1, 1, 3, 3), ones(2, 1, 2)),
            lambda: fw.depthwise_conv2d(ones(1, 1, 3, 3), ones(2, 2, 2, 2)),
            lambda: fw.depthwise_conv2d(ones(1, 0, 3, 3), ones(2, 1, 2, 2)),
        ],
        "convolve1d": [
            lambda: fw.convolve1d(ones(3), ones(0)),
            lambda: fw.convolve1d(ones(2, 3, 5), ones(3, 2, 2)),
        ],
        "convolve2d": [
            lambda: fw.convolve2d(ones(3, 3), ones(3)),
            lambda: fw.convolve2d(ones(1, 2), ones(2, 1), "valid"),
        ],
        "fft_convolve": [
            lambda: fw.fft_convolve(ones(3), ones(1, 3)),
            lambda: fw.fft_convolve(ones(3), ones(3), axes=()),
        ],
        "separate_kernel": [
            lambda: fw.separate_kernel(ones(0, 3)),
            lambda: fw.separate_kernel(ones(3)),
            lambda: fw.separate_kernel(1e-9 * np.eye(2)),
            lambda: fw.separate_kernel(np.array([[1.0, 1.0], [1.0, 0.5]])),
        ],
        "softmax_cross_entropy": [
            lambda: fw.softmax_cross_entropy(ROWS, whole(2, 3), reduction="sum"),
            lambda: fw.softmax_cross_entropy(ROWS, whole(2), label_smoothing=-0.1),
            lambda: fw.softmax_cross_entropy(ROWS, whole(2), label_smoothing=1.1),
        ],
        "TypeError: softmax_cross_entropy": [lambda: fw.softmax_cross_entropy(ROWS, ones(3), reduction="sum")],
        "sigmoid_cross_entropy": [
            lambda: fw.sigmoid_cross_entropy(np.array(1.0), np.array(1.0)),
            lambda: fw.sigmoid_cross_entropy(ones(0, 3), ones(0, 3)),
        ],
        "layer_norm": [
            lambda: fw.layer_norm(np.array(1.0)),
            lambda: fw.layer_norm(ones(2, 0)),
            lambda: fw.layer_norm(ones(2, 3), ones(2)),
            lambda: fw.layer_norm(ones(2, 3), ones(3), ones(1, 3)),
        ],
        "local_response_norm": [
            lambda: fw.local_response_norm(ones(3)),
            lambda: fw.local_response_norm(ones(3, 2), 0),
        ],
        "fold_batch_norm": [
            lambda: fw.fold_batch_norm(ones(2), None, *[np.array(1.0)] * 4, axis=1),
            lambda: fw.fold_batch_norm(ones(2, 3), ones(3), *[ones(2)] * 4),
            *(
                lambda i=i: fw.fold_batch_norm(ones(2, 3), ones(2), *(ones(2 + (i == k)) for k in range(4)))
                for i in range(4)
            ),
        ],
        "batch_norm": [lambda: fw.batch_norm(ones(3), *[np.array(1.0)] * 4)],
        "kl_div": [
            lambda: fw.kl_div(np.array(0.0), np.array(1.0), reduction="batchmean"),
            lambda: fw.kl_div(ones(0, 2), ones(0, 2), reduction="batchmean"),
        ],
        "total_variation": [
            lambda: fw.total_variation(ones(3)),
            lambda: fw.total_variation(ones(0, 3, 3)),
            lambda: fw.total_variation(ones(1, 3)),
        ],
        "resize_nearest": [
            lambda: fw.resize_nearest(ones(1, 3, 3), 2),
            lambda: fw.resize_nearest(ones(1, 1, 0, 2), 2),
            lambda: fw.resize_nearest(ones(1, 1, 2, 0), 2),
            lambda: fw.resize_nearest(ones(1, 1, 2, 2), 0),
        ],
        "roi_align": [
            lambda: fw.roi_align(ones(1, 1, 2, 2), ones(1, 5), 2, sampling=1.5),
            lambda: fw.roi_align(ones(1, 1, 2, 2), ones(1, 5), 2, sampling=0),
            lambda: fw.roi_align(ones(1, 1, 2, 2), ones(2, 5, 1), 2),
            lambda: fw.roi_align(ones(1, 1, 2, 2), np.array([[0, 0, 0, 1, np.nan]]), 2),
            lambda: fw.roi_align(ones(1, 1, 2, 2), np.array([[0, 0, 0, 1, 1], [1, 0, 0, 1, 1]]), 2),
            lambda: fw.roi_align(ones(1, 1, 2, 2), np.array([[0, 0, 0, 1, 1], [0.5, 0, 0, 1, 1]]), 2),
        ],
        "adaptive_avg_pool2d": [
            lambda: fw.adaptive_avg_pool2d(ones(1, 1, 0, 2), 1),
            lambda: fw.adaptive_avg_pool2d(ones(1, 1, 2, 2), (1, 1, 1)),
        ],
        "embedding_bag": [
            lambda: fw.embedding_bag(whole(2, 3), ones(4)),
            lambda: fw.embedding_bag(whole(2), ones(4, 2)),
            lambda: fw.embedding_bag(whole(2, 3), ones(4, 2), ones(2, 3)),
            lambda: fw.embedding_bag(whole(2, 3), ones(4, 2), ones(2) > 0),
        ],
        "hierarchical_softmax": [
            lambda: fw.hierarchical_softmax(ones(2, 4, 1), ones(3, 4), whole(2, 3), ones(2, 3)),
            lambda: fw.hierarchical_softmax(ones(2, 3), ones(3, 4), whole(2, 3), ones(2, 3)),
            lambda: fw.hierarchical_softmax(ones(1, 4), ones(3, 4), whole(2, 3), ones(2, 3)),
            lambda: fw.hierarchical_softmax(ones(2, 4), ones(3, 4), whole(2, 3), ones(1, 3)),
        ],
        "IndexError: take": [lambda: fw.take(ROWS, [-3, 0]), lambda: fw.take(ROWS, [0, 2])],
        "TypeError: take": [lambda: fw.take(ROWS, [0.5])],
        "split": [
            lambda: fw.split(ROWS, 0),
            lambda: fw.split(ROWS, -1),
            lambda: fw.split(POINT, [3]),
            lambda: fw.split(POINT, [-1]),
            lambda: fw.split(POINT, [2, 1]),
        ],
        "pad": [lambda: fw.pad(ones(0), 1, "edge"), lambda: fw.pad(ones(2), 2, "reflect")],
        "pad_sequence": [
            lambda: fw.pad_sequence([ones(), ones()]),
            lambda: fw.pad_sequence([ones(2, 3), ones(2, 2)]),
        ],
        "sequence_mask": [lambda: fw.sequence_mask(whole(2, 1)), lambda: fw.sequence_mask(whole(0))],
        "unpad_sequence": [
            lambda: fw.unpad_sequence(ones(3), whole(3)),
            lambda: fw.unpad_sequence(ones(3, 2), whole(2)),
            lambda: fw.unpad_sequence(ones(2, 2), np.array([3, 1])),
            lambda: fw.unpad_sequence(ones(2, 2), np.array([-1, 1])),
        ],
        "lstm_cell": [
            lambda: fw.lstm_cell(ones(2, 2), None, None, [], [], []),
            lambda: fw.lstm_cell(ones(2, 2), None, None, [ones(2, 1, 3)] * 4, [ones(1, 3)] * 4, [ones(1, 3, 1, 3)] * 4),
        ],
        "gru_cell": [lambda: fw.gru_cell(ones(2, 4, 3), None, [ones(3, 2)] * 3, [ones(2)] * 3, [ones(2, 2)] * 3)],
        "TypeError: conv2d": [lambda: fw.conv2d(ones(1, 1, 3, 3), ones(1, 1, 2, 2), fw.Variable(None))],
        "TypeError: batch_norm": [lambda: fw.batch_norm(ROWS, *[ones(3)] * 2, [0.0] * 3, ones(3))],
    }


def with_gamma(fw: Any, n: int) -> Any:
    """A LayerNorm of which only gamma has values."""
    layer = fw.layers.LayerNorm()
    layer.gamma.data = ones(n)
    return layer


def refused_by_layers(fw: Any) -> dict[str, Calls]:
    """Likewise for layers, initializers and networks of arrays."""
    L, init, scratch = fw.layers, fw.initializers, fw.scratch
    heads, additive = L.MultiHeadAttention(1, 2), L.AdditiveAttention(2)
    boxes = L.BinaryHierarchicalSoftmax
    return {
        "MultiHeadAttention": [
            lambda: heads(ones(2, 2)),
            lambda: heads(ones(1, 2, 2), ones(2, 2, 2)),
            lambda: heads(ones(1, 2, 2), ones(1, 3, 2), ones(1, 2, 2)),
            lambda: L.MultiHeadAttention(1, 2, dropout_ratio=1.0),
        ],
        "AdditiveAttention": [
            lambda: additive(ones(2, 2), ones(2, 2), ones(2, 2)),
            lambda: additive(ones(1, 2, 2), ones(2, 2, 2), ones(2, 2, 2)),
            lambda: additive(ones(2, 2, 2), ones(2, 3, 2), ones(2, 2, 2)),
        ],
        "Conv1d": [lambda: L.Conv1d(2, 1.5)],
        "Conv2d": [lambda: L.Conv2d(3, 2, groups=2), lambda: L.Conv2d(4, 2, in_channels=3, groups=2)],
        "EmbedID": [lambda: L.EmbedID(3, 5, pad_id=4), lambda: L.EmbedID(3, 2, pad_id=1.5)],
        "EmbedID.of": [lambda: L.EmbedID.of(ones(3)), lambda: L.EmbedID.of(whole(3, 2))],
        "BatchNorm": [
            lambda: L.BatchNorm(decay=None, warmup=True),
            lambda: L.BatchNorm(decay=-0.1),
            lambda: L.BatchNorm(decay=1.1),
        ],
        "LayerNorm": [
            lambda: L.LayerNorm(1.5),
            lambda: L.LayerNorm(0),
            lambda: L.LayerNorm(2)(ones(3)),
            lambda: L.LayerNorm()(ones(2, 0)),
            lambda: with_gamma(fw, 2)(ROWS),
        ],
        "Dropout": [lambda: L.Dropout(1.0), lambda: L.Dropout(-0.1), lambda: scratch.Dropout(1.5)],
        "NStepRNN": [
            lambda: L.NStepRNN(2, 3, dropout_ratio=1.0),
            lambda: L.NStepRNN(2, 3, dropout_ratio=-0.5),
            lambda: L.NStepRNN(1, 3, dropout_ratio=0.5),
            lambda: L.NStepRNN(1, 3, 2)(ones(2)),
        ],
        "TypeError: NStepLSTM": [
            lambda: L.NStepLSTM(1, 3, 2)(ones(2, 4, 2), np.zeros((2, 1, 2, 3))),
            lambda: L.NStepLSTM(1, 3, 2)(ones(2, 4, 2), (np.zeros((1, 2, 3)),)),
        ],
        "BinaryHierarchicalSoftmax": [
            lambda: boxes(np.array([1.0]), 2),
            lambda: boxes(ones(2, 2), 2),
            lambda: boxes(np.array([2.0, -1.0]), 2),
            lambda: boxes(np.zeros(2), 2),
        ],
        "TypeError: EmbedID": [lambda: L.EmbedID(3, 2, initializer=5), lambda: L.EmbedID(3, 2, initializer=init.Zeros)],
        "Uniform": [lambda: init.Uniform(1, 0)],
        "Normal": [lambda: init.Normal(-1.0)],
        "TruncatedNormal": [lambda: init.TruncatedNormal(1.0, 0)],
        "Bilinear": [lambda: init.Bilinear()((2, 2)), lambda: init.Bilinear()((3, 2, 2, 2))],
        "BiasAdd": [lambda: scratch.BiasAdd(ones(1)), lambda: scratch.BiasAdd(ones(2, 2))],
    }


def all_said(calls: dict[str, Calls]) -> list[str]:
    """What each call says; first the errors that it should raise."""
    return [*(said(call) for group in calls.values() for call in group)]


class Nothing:
    """A framework of which only the names of functions are asked."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


def all_expected(calls: Callable[[Any], dict[str, Calls]]) -> list[str]:
    return [who if ": " in who else f"ValueError: {who}" for who, group in calls(Nothing()).items() for _ in group]


def accepted(fw: Any) -> list[Any]:
    """Calls at the limits of what is accepted: their values, or the shapes of what is drawn."""
    L, init = fw.layers, fw.initializers
    x = np.arange(6.0).reshape(2, 3)
    drawn: list[Any] = [
        L.EmbedID(3, 2, pad_id=0).W, L.BatchNorm(decay=0)(ROWS), L.BatchNorm(decay=1)(ROWS), L.LayerNorm(2)(ROWS),
        L.BinaryHierarchicalSoftmax(np.array([0.5, 0.25]), 2).W, L.Dropout(0)(ROWS), L.LayerNorm()(ones(2, 1)),
        fw.attention(ones(1, 1), ones(1, 1), ones(1, 1)), with_gamma(fw, 3)(ROWS),
    ]  # fmt: skip
    return [
        [v.shape for v in drawn],
        fw.masked_softmax(ones(2, 0), ones(2, 0) > 0), fw.masked_softmax(np.array([5.0]), np.array([True])),
        fw.sinusoids(1, 2), fw.one_hot(whole(2), 1), fw.convolve2d(ones(2, 3), ones(3, 3), "valid"),
        fw.convolve2d(ones(1, 2), ones(2, 1)), fw.convolve1d(ones(2, 2), ones(2, 2)),
        *fw.separate_kernel(ones(2, 2) * 0), *fw.separate_kernel(1e9 * np.outer([1.0, 3.0], [1.0, 1 / 3])),
        fw.softmax_cross_entropy(ones(2, 3), whole(2), label_smoothing=1),
        fw.softmax_cross_entropy(ones(0, 3), whole(0), reduction="sum"),
        fw.softmax_cross_entropy(ones(0, 3), whole(0), reduction="none"),
        fw.local_response_norm(ones(1, 2), 1, alpha=3.0, beta=1), fw.kl_div(ROWS[:1] * 0, ONE, reduction="batchmean"),
        fw.focal_loss(ones(1, 3), whole(1), gamma=0, alpha=0.25), fw.total_variation(ones(1, 2, 2)),
        fw.take(x, []), fw.take(x, 1), fw.take(x, [1, 0], 1), *fw.split(ones(0, 2), 3), *fw.split(x, [0, 1, 2]),
        fw.pad_sequence([ones(2, 1)])[0], fw.sequence_mask(np.array([1])), fw.sequence_mask(whole(0), 2),
        *fw.unpad_sequence(x, np.array([0, 3])), fw.embedding_bag([[0, 1]], x, [[True, False]]),
        fw.embedding_bag([[0]], x), fw.embedding_bag(whole(1, 0), x),
        init.Uniform(2, 2)((2,)), init.Normal(0)((2,)), init.Constant(3)([2]), init.He()((2, 2), fans=(8, 8)).shape,
        fw.conv2d(ones(1, 1, 1, 1), ones(1, 1, 1, 1), stride=5, pad=1),
        fw.hierarchical_softmax(ones(1, 2), ones(1, 2), whole(1, 1), ones(1, 1), reduction="row_mean"),
        fw.negative_sampling(ones(1, 2), ones(2, 2), whole(1), whole(1, 2), [[True, False, True]]),
        (L.BinaryHierarchicalSoftmax(np.array([9, 1, 1, 5]), 2).codes != 0).sum(1),
    ]  # fmt: skip


ONE = np.array([[1.0, 0.0, 0.0]])


def at_the_limits() -> list[Any]:
    """The references of `accepted`."""
    x, f = np.arange(6.0).reshape(2, 3), np.float32
    return [
        [(3, 2), (2, 3), (2, 3), (2, 3), (1, 2), (2, 3), (2, 1), (1, 1), (2, 3)], ones(2, 0), ones(1),
        np.array([[0, 1]], f), np.ones((2, 1), f), 6 * ones(2, 1), ones(2, 2), np.array([[1.0, 2, 1]] * 2),
        *[0 * ones(2)] * 2, np.array([1 / 3, 1]),
        np.array([3e9, 1e9]), np.log(3), 0.0, ones(0), ones(1, 2) / 4, 0.0, np.log(3) / 4, 0.0,
        ones(0, 3), x[1], x[:, [1, 0]], *[ones(0, 2)] * 3, *np.split(x, [0, 1, 2]), ones(1, 2, 1), ones(1, 1) > 0,
        ones(0, 2) > 0, ones(0), x[1], x[:1], x[:1], 0 * ones(1, 3), np.full(2, 2, f), np.zeros(2, f), np.full(2, 3, f),
        (2, 2), 0 * ones(1, 1, 1, 1), np.log1p(np.exp(-2)), np.log1p(np.exp(-2)) + np.log1p(np.exp(2)),
        np.array([1, 3, 3, 2]),
    ]  # fmt: skip


# fmt: off
values(
    60, NUMPY,
    ("refused_by_functions", lambda fw: all_said(refused_by_functions(fw)), lambda: all_expected(refused_by_functions)),
    ("refused_by_layers", lambda fw: all_said(refused_by_layers(fw)), lambda: all_expected(refused_by_layers)),
    ("accepted_at_the_limits", accepted, at_the_limits),
    since=5,
)
# fmt: on
