"""What detects mutants of stage 5: blocks of any size, state that is copied, first calls, options, rare cases."""

from __future__ import annotations

import contextlib
import copy
import io
import sys
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from ..compare import distance
from ..frameworks.base import Array
from .beyond_mutantsa_kinds import IMAGES, KEYS, QUERIES, TABLE, VALUES, A, derived, near
from .errors import errors, package, patched, under
from .errors_engine import subclass
from .steps52_60 import drawing
from .utilities import NUMPY, POINT, ROWS
from .values import values

# --- blocks ---


def with_blocks(fw: Any, module: str, call: Callable[[], Any], **sizes: Any) -> Any:
    """What a call returns if a module works on blocks of these sizes."""
    with mock.patch.multiple(sys.modules[f"{package(fw)}.functions.{module}"], **sizes):
        return call()


EIGHT = np.random.RandomState(4).rand(2, 8, 5, 4)
TALL = np.random.RandomState(2).rand(2, 1, 402, 1)
THREE = np.random.RandomState(3).rand(3, 2, 5, 4)
CHOICES = "by_rows", "by_shifts", "by_runs", "by_convolution"  # of ways to compute a convolution
BLOCKS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("attention", {"CHUNK": 10}, ["attention"]),
    ("normalize", {"CHUNK": 3, "SHORT": 2}, ["layer_norm"]),
    ("special", {"CHUNK": 4}, ["erf"]),
    ("filters", {"LONG": 2}, ["convolve1d", "correlate2d"]),
    ("windows", {"CHUNK": 1, "COLUMNS": 1}, ["conv2d", "deconv2d", "max_pool2d", "avg_pool2d", "depthwise_conv2d"]),
    ("windows", {"CHUNK": 1, "COLUMNS": 40}, ["conv2d", "deconv2d"]),
    ("windows", {"CHUNK": 2000, "COLUMNS": 1}, ["conv2d"]),
    ("windows", {"COLUMNS": 1}, ["conv2d", "deconv2d"]),
    ("windows", {"by_rows": lambda *_: True, "row_chunk": lambda *_: (2, 1)}, ["conv2d"]),
    *(("windows", dict.fromkeys(CHOICES, lambda *_, yes=yes: yes), ["conv2d", "deconv2d"]) for yes in (True, False)),
    ("windows", {"by_runs": lambda *_: False, "by_shifts": lambda *_: True}, ["conv2d", "deconv2d"]),
]
LARGE: list[tuple[str, Any, Callable[..., Any]]] = [
    ("conv2d", (THREE, np.ones((2, 2, 2, 3)) / np.arange(1, 4)), lambda f, x, W: f(x, W, stride=(2, 1), pad=1)),
    ("deconv2d", (THREE, np.ones((2, 2, 2, 3)) / np.arange(1, 4)), lambda f, x, W: f(x, W, stride=(2, 1), pad=1)),
    ("conv2d", (THREE, np.ones((4, 1, 2, 2)) * np.arange(1, 3)), lambda f, x, W: f(x, W, groups=2)),
    ("max_pool2d", (THREE,), lambda f, x: f(x, 2, (2, 1))),
    ("conv2d", (TALL, TALL[:, :, :8].reshape(4, 1, 4, 1)), lambda f, x, W: f(x, W, stride=(2, 1))),
    ("conv2d", (EIGHT, EIGHT[:1, :, :2, 1:]), lambda f, x, W: f(x, W, stride=(2, 1), pad=1)),
    ("conv2d", (EIGHT, EIGHT[:, :, 2:4, :2]), lambda f, x, W: f(x, W, stride=(1, 2), dilation=(2, 1))),
    ("conv2d", (EIGHT, EIGHT.reshape(4, 4, 5, 4)[:, :, :3, :2]), lambda f, x, W: f(x, W, None, (3, 2), 2, groups=2)),
    ("conv2d", (THREE, EIGHT.reshape(8, 2, 5, 4)[:, :, :2, :3]), lambda f, x, W: f(x, W)),
]


def in_blocks(fw: Any) -> list[str]:
    """The functions whose values or gradients depend on the size of the blocks in which they are computed."""
    found = []
    for module, sizes, names in BLOCKS:
        for name, arrays, call in (row for row in TABLE + LARGE if row[0] in names):
            whole = derived(fw, name, call, arrays)
            parts = with_blocks(fw, module, partial(derived, fw, name, call, arrays), **sizes)
            if not all(near(a, r, 1e-14) for a, r in zip(parts, whole, strict=True)):
                found.append(f"{name} {sizes}")
    return found


def far_from_0(fw: Any) -> list[bool]:
    """Whether means and variances of float32 far from 0 are those of float64, rounded."""
    x = (1000 + np.random.RandomState(0).rand(3000, 2)).astype("f")
    mean, var = np.zeros(2, "f"), np.zeros(2, "f")
    y = fw.moving_batch_norm(x, np.ones(2, "f"), np.zeros(2, "f"), mean, var, 0)
    exact = x.astype("d")
    normal = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5)
    pairs = (mean, exact.mean(0)), (var, exact.var(0, ddof=1)), (y.data, normal)
    rows = fw.layer_norm(x.T.copy()).data.T, (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5)
    return [distance(a, r, a.dtype) <= allowed for (a, r), allowed in zip((*pairs, rows), (1, 8, 8, 2000), strict=True)]


def second_far_from_0(fw: Any) -> list[bool]:
    """Second derivatives of batch_norm of float32 far from 0: those of float64, rounded."""
    rng = np.random.RandomState(1)
    arrays = [1000 + rng.rand(400, 1), rng.rand(1), rng.rand(1)]
    gy, ggx = rng.rand(2, 400, 1)
    found = []
    for kind in "fd":
        x, gamma, beta = (fw.Variable(a.astype("f").astype(kind)) for a in arrays)
        y = fw.batch_norm(x, gamma, beta, *np.zeros((2, 1), kind))
        gx = fw.grad(y, x, gy.astype(kind), create_graph=True)
        found.append([v.data for v in fw.grad(gx, [x, gamma], ggx.astype(kind))])
    return [near(a, r, 1e-4) for a, r in zip(*found, strict=True)]


# --- third derivatives ---


def composed_norm(fw: Any, axis: int) -> Callable[..., Any]:
    """layer_norm or batch_norm, composed of basic functions."""

    def norm(x: Any, gamma: Any, beta: Any) -> Any:
        d = x - fw.mean(x, axis, keepdims=True)
        return gamma * d * (fw.mean(d * d, axis, keepdims=True) + 1e-5) ** -0.5 + beta

    return norm


def composed_attention(fw: Any) -> Callable[..., Any]:
    def attention(q: Any, k: Any, v: Any) -> Any:
        return fw.matmul(fw.softmax(fw.matmul(q, fw.transpose(k, (0, 2, 1))) * 3**-0.5, 2), v)

    return attention


def deep(fw: Any, f: Callable[..., Any], arrays: Any, order: int) -> list[Array]:
    """The derivatives of an order of a contraction that depends on every derivative before."""
    xs = [fw.Variable(a) for a in arrays]
    ys = [f(*xs)]
    for level in range(order):
        terms = [fw.sum((np.arange(y.size).reshape(y.shape) % 3 + 0.5 * y) * y) for y in ys]
        ys = fw.grad(sum(terms[1:], terms[0]), xs, create_graph=level + 1 < order)
    return [y.data for y in ys]


def third_derivatives(fw: Any) -> list[str]:
    """The functions whose derivatives of order 3 (batch_norm: 4) differ from those of their composed formulas."""
    normed = THREE[0, 0, :4, :3] ** 2, THREE[0, 1, 0, :3], THREE[0, 1, 1, :3]
    pairs = [
        (fw.layer_norm, composed_norm(fw, 1), normed, 3),
        (fw.attention, composed_attention(fw), (QUERIES, KEYS, VALUES), 3),
        (lambda *xs: fw.batch_norm(*xs, *np.zeros((2, 3))), composed_norm(fw, 0), normed, 4),
    ]  # fmt: skip
    found = []
    for f, composed, arrays, order in pairs:
        pair = zip(*(deep(fw, g, arrays, order) for g in (f, composed)), strict=True)
        if not all(near(a, r, 1e-8) for a, r in pair):
            found.append(str(getattr(f, "__name__", "batch_norm")))
    return found


# --- functions ---


def from_the_end(fw: Any) -> list[str]:
    """The functions that do not take an axis that is counted from the end."""
    t = np.array([2, 0])
    calls: dict[str, Callable[[int], Any]] = {
        "nll_loss": lambda axis: fw.nll_loss(A, t, axis=axis),
        "focal_loss": lambda axis: fw.focal_loss(A, t, axis=axis),
        "softmax_cross_entropy": lambda axis: fw.softmax_cross_entropy(A, t, np.ones(3), axis=axis),
        "take": lambda axis: fw.take(A, t, axis), "gather": lambda axis: fw.gather(A, t[:, None], axis),
        "split": lambda axis: fw.split(A, 3, axis)[1], "squeeze": lambda axis: fw.squeeze(A[:, :1], axis),
        "swapaxes": lambda axis: fw.swapaxes(A, 0, axis), "repeat": lambda axis: fw.repeat(A, 2, axis),
        "masked_softmax": lambda axis: fw.masked_softmax(A, A > 0.2, axis),
        "fft_convolve": lambda axis: fw.fft_convolve(A, A, axes=(axis,)),
        "cosine_similarity": lambda axis: fw.cosine_similarity(A, A + 1, axis),
    }  # fmt: skip
    names = "flip", "var", "std", "normalize", "crelu", "argmax", "argmin", "logsumexp", "softmax", "log_softmax"
    calls |= {name: partial(getattr(fw, name), A) for name in names}
    return [name for name, f in calls.items() if not np.array_equal(fw.array(f(1)), fw.array(f(-1)))]


def with_dropout(fw: Any) -> Any:
    """Attention with dropout of the weights, in training and at inference."""
    with drawing(5):
        y = fw.attention(QUERIES, KEYS, VALUES, dropout_ratio=0.5)
    with fw.test_mode():
        return [y, fw.attention(QUERIES, KEYS, VALUES, dropout_ratio=0.5)]


def dropped() -> list[Any]:
    scores = QUERIES @ KEYS.transpose(0, 2, 1) / np.sqrt(3)
    weights = np.exp(scores) / np.exp(scores).sum(2, keepdims=True)
    with drawing(5):
        kept = np.random.rand(*weights.shape) > 0.5
    return [(2 * weights * kept) @ VALUES, weights @ VALUES]


def at_the_edges(fw: Any) -> list[Any]:
    """Pooling of bool, points of boxes one pixel outside of an image and farther, statistics that cannot be written."""
    image = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    boxes = np.array([[0, -2, -2, 2, 2], [0, -2.5, -2.5, 1.5, 1.5], [0, 0, 0, 3.5, 3.5]])
    mean, var = (np.full(3, c) for c in (1.0, 4.0))
    mean.flags.writeable = False
    with fw.test_mode():
        y = fw.batch_norm(ROWS, np.ones(3), np.zeros(3), mean, var, eps=0.0)
    return [
        fw.max_pool2d(np.zeros((1, 1, 2, 2), bool), 2, 1, 1),
        fw.roi_align(image, boxes, 2, sampling=1, aligned=False),
        fw.adaptive_max_pool2d(np.array([[[[1], [3], [2]]]]), 2), y,
    ]  # fmt: skip


def small(fw: Any) -> list[Any]:
    """Gradients of binary_cross_entropy where a logarithm is cut off, in three dtypes."""
    found = []
    for kind in "efd":
        p = fw.Variable(np.array([0.0, 1.0], kind))
        y = fw.binary_cross_entropy(p, np.array([1.0, 0.0]))
        found.append(fw.grad(y, p))
    return found


def user(fw: Any) -> Any:
    """A function of the user that returns a gradient for an index; a leaf is unchained, a result moved to the host."""
    x, t = fw.Variable(POINT.copy()), fw.Variable(np.ones(2))
    function = subclass(
        fw, not_differentiated=(1,), forward=lambda self, x, t: x * t, backward=lambda self, gy: (gy * 2, gy * 3)
    )
    y = function(x, t)
    y.backward()
    x.unchain_backward()
    y.to_cpu()
    return [x.grad, t.grad, x.creator is None, y.creator is function]


def edited(fw: Any) -> Any:
    """Numerical gradients of a function that changes its inputs in place."""

    def f(x: Any, t: Any) -> Any:
        x.data *= 2
        t.data *= 3
        return fw.sum(x * t)

    point, t = POINT.copy(), np.ones(2)
    fw.check_gradients(lambda x, t: fw.sum(x * t * t), point, t)
    return [np.round(fw.numerical_grad(f, point, t), 6), point, t]


# --- layers ---


def first_calls(fw: Any) -> Any:
    """The dtypes and shapes of what layers create at their first call."""
    L, found = fw.layers, []
    for kind in "efd":
        x = ROWS.astype(kind)
        for layer in (L.LayerNorm(), L.LayerNorm(2), L.BatchNorm(), L.BatchNorm(affine=False)):
            y = layer(x)
            found.append(
                [y.dtype, *(v.dtype for _, v in layer.named_state()), next(iter(layer.named_state()))[1].shape]
            )
    depthwise = L.DepthwiseConv2d(2, 2)
    found.append([depthwise.b.data is None, repr(depthwise), repr(L.LayerNorm(2)), repr(L.BatchNorm())])
    separable = L.SeparableConv2d(3, 2, multiplier=2, in_channels=2)
    plain = L.DepthwiseConv2d(2, 2, nobias=True)
    with drawing(0):
        empty = L.NStepRNN(1, 2, 3)(np.ones((0, 2, 3)))
    shapes = [plain(IMAGES).shape, separable.pointwise.W.shape, separable.depthwise.W.shape, empty[0].shape]
    return [*found, shapes]


def created() -> list[Any]:
    """The dtypes and shapes of `first_calls`."""
    found: list[Any] = []
    for kind in "efd":
        dtype, own = np.dtype(kind), np.dtype("d" if kind == "d" else "f")
        y = np.result_type(dtype, own)
        found += [[y, own, own, (3,)], [y, own, own, (2, 3)], [y, *[own] * 4, (3,)], [y, own, own, (3,)]]
    texts = (
        "DepthwiseConv2d(W (None, 1, 2, 2) uninitialized, b (None,) uninitialized)",
        "LayerNorm(gamma (None, None) uninitialized, beta (None, None) uninitialized)",
        f"BatchNorm({', '.join(f'{name} (None,) uninitialized' for name in ('avg_mean', 'avg_var', 'gamma', 'beta'))})",
    )
    return [*found, [True, *texts], [(1, 8, 2, 2), (3, 4, 1, 1), (4, 1, 2, 2), (0, 2, 2)]]


def copied(fw: Any) -> Any:
    """Copies of layers: recurrent state without its graph, and names of their own."""
    with drawing(0):
        layer = fw.RNN(2, 3)
    h = layer(ROWS)
    h.name = "state"
    twin = copy.deepcopy(layer)
    shallow = copy.copy(layer)
    shallow.extra = fw.Parameter(POINT)
    same = np.array_equal(twin.h.data, h.data)
    return [twin.h.creator is None, h.creator is None, same, twin.h.name, len(list(layer.params())), layer._params]


def initialized(fw: Any) -> Any:
    """What initializers draw for small, square and given sizes, and what `initialize` asks of one."""
    init, L = fw.initializers, fw.layers
    draws = [
        (init.He(), (1, 3)),
        (init.LeCun(), (1, 3)),
        (init.Glorot(normal=True), (1, 1)),
        (init.Orthogonal(), (2, 2)),
    ]
    found = [f(shape, np.float64, rng=np.random.default_rng(0)) for f, shape in draws]
    found += [f((2, 2), np.float64, fans=(8, 4), rng=np.random.default_rng(0)) for f in (init.He(), init.He("fan_out"))]
    model, asked = fw.Sequential(L.Conv2d(2, 2, in_channels=3), L.BatchNorm()), []

    def initializer(shape: Any, dtype: Any, fans: Any, rng: Any) -> Any:
        asked.append([shape, dtype, fans])
        return np.full(shape, 2.0)

    init.initialize(model, initializer, np.ones((2, 3, 3, 3), np.float32), names="*")
    return [*found, asked, [v.data.ravel()[:1] for _, v in model.named_state() if v.data is not None]]


def by_formula() -> list[Any]:
    def z(*shape: int) -> Any:
        return np.random.default_rng(0).standard_normal(shape)

    q, r = np.linalg.qr(z(2, 2))
    asked = [[(2, 3, 2, 2), np.dtype("f"), (12, 8)], *[[(2,), np.dtype("f"), None]] * 3]
    two = np.full(1, 2.0, "f")
    return [
        z(1, 3) * np.sqrt(2), z(1, 3), z(1, 1), q * np.sign(np.diag(r)), z(2, 2) * 0.5, z(2, 2) * np.sqrt(0.5),
        asked, [two] * 4,
    ]  # fmt: skip


def unshared(fw: Any) -> list[bool]:
    """Whether results share memory with what they are made of."""
    table, kernel = np.ones((3, 2)), np.outer([1.0, 2.0], [3.0, 1.0])
    kept = fw.layers.EmbedID.of(table, pad_id=1).W.data
    return [np.shares_memory(kept, table), bool(table.all()), np.shares_memory(fw.separate_kernel(kernel)[1], kernel)]


def words_with_little_weight(fw: Any) -> Any:
    """Losses if nearly all probability is that of the positive word: no negative is positive."""
    with drawing(0):
        drawn = fw.layers.NegativeSampling(np.array([1e6, 0, 0.5]), 2, 3)
        v, ids = fw.Variable(np.ones((2, 2), "f")), np.array([0, 0])
        drawn.W.data[:] = np.arange(6).reshape(3, 2)
        found = [float(drawn(v, ids))]
        often = fw.layers.NegativeSampling(np.array([100, 1]), 2, 2)
        often.W.data[1] = 1
        return np.round([*found, float(often(np.ones((8, 2), "f"), np.zeros(8, int)))], 4)


def softplus(x: float) -> float:
    return float(np.log1p(np.exp(x)))


# --- networks of arrays ---


def learning_rates(fw: Any) -> Any:
    """Learning rates over 1, 2 and 3 epochs; a network that does not learn stops at the second evaluation."""
    scratch, found = fw.scratch, []
    for epochs in (1, 2, 3):
        for kind in ("exponential", "linear"):
            optimizer = scratch.SGD(0.5, 0.125, kind)
            optimizer._setup_decay(epochs)
            for _ in range(2):
                optimizer._decay_lr()
                found.append(optimizer.lr)
    rows, targets = ROWS, np.array([[1.0], [2.0]])
    with drawing(0), contextlib.redirect_stdout(io.StringIO()) as out:
        for stop in (True, False):
            network = scratch.NeuralNetwork([scratch.Dense(1)], scratch.MeanSquaredError())
            trainer = scratch.Trainer(network, scratch.SGD(0.0))
            found.append(len(trainer.fit(rows, targets, rows, targets, 3, 1, early_stopping=stop)))
        layer = scratch.Conv2D(2, 5)
        found.append(layer.forward(np.ones((1, 1, 4, 4))).shape)
    loss = scratch.SoftmaxCrossEntropy().forward(A, np.array([[1, 0, 0], [0, 0, 1]]))
    return [*found, loss, "increased after epoch 2" in out.getvalue()]


def rates() -> list[Any]:
    found: list[Any] = []
    for steps in (1, 1, 2):
        found += [0.5 * 0.25 ** (k / steps) for k in (1, 2)] + [0.5 - 0.375 * k / steps for k in (1, 2)]
    p = A - np.log(np.exp(A).sum(1, keepdims=True))
    return [*found, 2, 3, (1, 2, 4, 4), -(p[0, 0] + p[1, 2]) / 2, True]


# fmt: off
values(
    36, NUMPY,
    ("numerical_gradients_of_changed_inputs", edited, lambda: [6 * np.ones(2), POINT, np.ones(2)]),
    since=4,
)
values(
    60, NUMPY,
    ("functions_in_blocks", in_blocks, list),
    ("statistics_far_from_0", far_from_0, lambda: [True] * 4),
    ("second_derivatives_far_from_0", second_far_from_0, lambda: [True] * 2),
    ("third_derivatives_of_composed_formulas", third_derivatives, list),
    ("axes_from_the_end", from_the_end, list),
    ("attention_with_dropout", with_dropout, dropped),
    ("functions_at_the_edges", at_the_edges, lambda: [
        np.zeros((1, 1, 3, 3), bool),
        np.array([[[[1.0, 2.0], [3.0, 4.0]]], [[[0.0, 0.0], [0.0, 2.5]]], [[[3.625, 0.0], [0.0, 0.0]]]]),
        np.array([[[[3, 3], [3, 3]]]]), (ROWS - 1) / 2]),
    ("gradients_where_logarithms_are_cut_off", small, lambda: [
        np.array([-1, 1], kind) / 2 / max(1e-12, float(np.finfo(kind).tiny)) for kind in "efd"]),
    ("gradients_of_indices_of_the_user", user, lambda: [2 * np.ones(2), 3 * np.ones(2), True, True]),
    ("first_calls_of_layers", first_calls, created),
    ("copies_of_layers_with_state", copied, lambda: [True, False, True, "state", 3, ["x2h", "h2h"]]),
    ("initializers_of_small_sizes", initialized, by_formula),
    ("negatives_with_little_weight", words_with_little_weight,
     lambda: np.round([softplus(-1) + 3 * softplus(9), softplus(0) + 2 * softplus(2)], 4)),
    ("results_with_memory_of_their_own", unshared, lambda: [False, True, False]),
    ("learning_rates_of_networks_of_arrays", learning_rates, rates),
    since=5,
)
errors(
    60,
    ("loss_without_targets", lambda fw: fw.l1_loss(ROWS, None),
     TypeError, "l1_loss: expected a Variable with data or an array, got None"),
    ("no_gpu_for_a_layer_without_parameters",
     lambda fw: under(patched(fw, "cuda", cupy=None, gpu_enable=False), fw.layers.Dropout().to_gpu),
     RuntimeError, "CuPy cannot be loaded. Install CuPy: pip install cupy-cuda12x or cupy-cuda13x"),
    since=5,
)
# fmt: on
