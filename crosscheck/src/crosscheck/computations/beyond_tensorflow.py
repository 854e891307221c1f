"""Beyond the book: TensorFlow's names, as the README of stage 5 lists them, by the formulas of its documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..frameworks.base import Array
from .steps52_60 import drawing
from .values import values

WHY = "the formula of TensorFlow's documentation in NumPy, channels last"
x = np.sin(np.arange(12.0)).reshape(3, 4) * 3
ROWS = np.cos(np.arange(4.0))
IMAGES = np.sin(np.arange(2 * 7 * 6 * 3.0)).reshape(2, 7, 6, 3)  # (N, H, W, C)
KERNEL = np.cos(np.arange(3 * 2 * 3 * 4.0)).reshape(3, 2, 3, 4)  # (KH, KW, C, OC)


def first(a: Array) -> Array:
    """(N, H, W, C) -> (N, C, H, W)."""
    return np.ascontiguousarray(np.moveaxis(a, -1, 1))


def last(fw: Any, y: Any) -> Array:
    """(N, C, H, W) -> (N, H, W, C)."""
    return np.moveaxis(fw.array(y), 1, -1)


def windows(a: Array, size: tuple[int, int], stride: int, fill: float) -> Array:
    """The windows of SAME padding: (N, OH, OW, KH, KW, C); outside of the image is `fill`."""
    widths = [(0, 0)]
    for n, k in zip(a.shape[1:3], size, strict=True):
        total = max((-(-n // stride) - 1) * stride + k - n, 0)
        widths.append((total // 2, total - total // 2))
    padded = np.pad(a, [*widths, (0, 0)], constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(padded, size, axis=(1, 2))[:, ::stride, ::stride]
    return np.moveaxis(views, 3, -1)


def conv2d(a: Array, W: Array, stride: int = 1) -> Array:
    """tf.nn.conv2d(a, W, [1, stride, stride, 1], "SAME")"""
    y: Array = np.einsum("nhwklc,klco->nhwo", windows(a, W.shape[:2], stride, 0.0), W)
    return y


def depthwise(a: Array, W: Array) -> Array:
    """tf.nn.depthwise_conv2d(a, W, [1, 1, 1, 1], "SAME")"""
    y: Array = np.einsum("nhwklc,klcm->nhwcm", windows(a, W.shape[:2], 1, 0.0), W)
    return y.reshape(*y.shape[:3], -1)


def avg_pool(a: Array) -> Array:
    """tf.nn.avg_pool(a, [1, 3, 3, 1], [1, 2, 2, 1], "SAME"): padding does not count."""
    y: Array = np.nanmean(windows(a, (3, 3), 2, np.nan), axis=(3, 4))
    return y


def softmax(a: Array) -> Array:
    e: Array = np.exp(a - a.max(axis=-1, keepdims=True))
    y: Array = e / e.sum(axis=-1, keepdims=True)
    return y


def activations(fw: Any) -> Any:
    return [f(x) for f in (fw.relu, fw.leaky_relu, fw.elu, fw.selu, fw.relu6, fw.softplus, fw.softsign)]


def expected_activations() -> Any:
    negative = np.expm1(np.minimum(x, 0))
    selu = 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * negative)
    found = [np.maximum(x, 0), np.maximum(x, 0.2 * x), np.where(x > 0, x, negative), selu, np.clip(x, 0, 6)]
    return [*found, np.log1p(np.exp(x)), x / (1 + np.abs(x))]


def normalized(fw: Any) -> Any:
    """tf.nn.moments over all axes but the channels, and tf.nn.batch_normalization with them and an epsilon."""
    images = first(IMAGES)
    m, v = fw.mean(images, axis=(0, 2, 3)), fw.var(images, axis=(0, 2, 3))
    with fw.test_mode():  # uses the given statistics
        y = fw.batch_norm(images, ROWS[:3] + 2, ROWS[:3], fw.array(m), fw.array(v), eps=1e-3)
    return [m, v, last(fw, y)]


def expected_normalized() -> Any:
    m, v = IMAGES.mean(axis=(0, 1, 2)), IMAGES.var(axis=(0, 1, 2))
    return [m, v, (IMAGES - m) / np.sqrt(v + 1e-3) * (ROWS[:3] + 2) + ROWS[:3]]


def moving_average(fw: Any) -> Any:
    """tf.train.ExponentialMovingAverage(0.9, num_updates), two updates."""
    layer, found = fw.Layer(), []
    layer.W = fw.Parameter(ROWS.copy())
    average = fw.ExponentialMovingAverage(layer, 0.9, warmup=True)
    for _ in range(2):
        layer.W.data += 1
        average.update()
        found.append(average.shadow["W"])
    return found


def expected_average() -> Any:
    first = 0.1 * ROWS + 0.9 * (ROWS + 1)  # decay (1 + 0) / (10 + 0)
    return [first, 2 / 11 * first + 9 / 11 * (ROWS + 2)]


def updates(fw: Any, optimizer: Any) -> list[Array]:
    """A parameter after each of three updates with the gradients p^2 / 2."""
    layer, found = fw.Layer(), []
    layer.p = fw.Parameter(ROWS.copy())
    optimizer.setup(layer)
    for _ in range(3):
        layer.p.grad = fw.Variable(layer.p.data**2 / 2)
        optimizer.update()
        found.append(layer.p.data.copy())
    return found


def optimizers(fw: Any) -> Any:
    o = fw.optimizers
    rules = (o.SGD(0.1), o.MomentumSGD(0.1, 0.9), o.RMSprop(0.1, 0.9, 1e-10, 0.5, style="tensorflow"))
    return [updates(fw, rule) for rule in rules]


def expected_optimizers() -> Any:
    def path(rule: Callable[[Array, list[Array]], Array], *state: Array) -> list[Array]:
        p, found, slots = ROWS.copy(), [], list(state)
        for _ in range(3):
            p = p - rule(p**2 / 2, slots)
            found.append(p)
        return found

    def momentum(g: Array, slots: list[Array]) -> Array:
        slots[0] = 0.9 * slots[0] + g
        return 0.1 * slots[0]

    def rmsprop(g: Array, slots: list[Array]) -> Array:
        slots[0] = 0.9 * slots[0] + 0.1 * g**2
        slots[1] = 0.5 * slots[1] + 0.1 * g / np.sqrt(slots[0] + 1e-10)
        return slots[1]

    zeros = np.zeros(4)
    return [path(lambda g, slots: 0.1 * g), path(momentum, zeros), path(rmsprop, np.ones(4), zeros)]


def dropped(fw: Any) -> Any:
    """tf.nn.dropout(x, keep_prob=0.8): what is kept is divided by keep_prob."""
    with drawing(0):
        return fw.dropout(x, 1 - 0.8)


def expected_dropped() -> Any:
    kept = np.random.RandomState(0).rand(3, 4) > 1 - 0.8
    return x * kept / (1 - (1 - 0.8))


def kernel(fw: Any, W: Array, **options: Any) -> Any:
    return fw.training.from_tf_kernel(W, **options)


# fmt: off
values(
    60, WHY,
    ("tf_shape_slice_transpose_reshape",
     lambda fw: [fw.Variable(x).shape, fw.Variable(x)[1:, 1:3], fw.transpose(x, (1, 0)), fw.reshape(x, (2, -1))],
     lambda: [(3, 4), x[1:, 1:3], x.T, x.reshape(2, 6)]),
    ("tf_reduce", lambda fw: [f(x, axis=1) for f in (fw.sum, fw.mean, fw.max, fw.min)],
     lambda: [x.sum(axis=1), x.mean(axis=1), x.max(axis=1), x.min(axis=1)]),
    ("tf_concat_stack", lambda fw: [fw.concat([x, x], axis=0), fw.stack([x, x], axis=1)],
     lambda: [np.concatenate([x, x]), np.stack([x, x], axis=1)]),
    since=4,
)
values(
    60, WHY,
    ("tf_cast", lambda fw: [fw.cast(x, np.float32), fw.cast(x, bool)], lambda: [x.astype(np.float32), x.astype(bool)]),
    ("tf_argmax_argmin", lambda fw: [fw.argmax(x, axis=1), fw.argmin(x, axis=0)],
     lambda: [x.argmax(axis=1), x.argmin(axis=0)]),
    ("tf_equal_where_one_hot",
     lambda fw: [fw.equal(x, x[:1]), fw.where(x > 0, x, -x), fw.one_hot(np.array([2, 0]), 3)],
     lambda: [x == x[:1], np.abs(x), np.eye(3, dtype=np.float32)[[2, 0]]]),
    ("tf_gather", lambda fw: fw.take(x, np.array([2, 0, 2])), lambda: x[[2, 0, 2]]),
    ("tf_nn_activations", activations, expected_activations),
    ("tf_nn_crelu", lambda fw: fw.crelu(x, axis=-1),
     lambda: np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=-1)),
    ("tf_nn_sigmoid_cross_entropy_with_logits",
     lambda fw: fw.binary_cross_entropy_with_logits(x, np.abs(ROWS) * np.ones((3, 1)), reduction="none"),
     lambda: np.maximum(x, 0) - x * np.abs(ROWS) + np.log1p(np.exp(-np.abs(x)))),
    ("tf_nn_softmax_cross_entropy_with_logits",
     lambda fw: fw.softmax_cross_entropy(x, softmax(-x), reduction="none"),
     lambda: -(softmax(-x) * np.log(softmax(x))).sum(axis=-1)),
    ("tf_nn_conv1d", lambda fw: last(fw, fw.conv1d(first(IMAGES[:, :, 0]), kernel(fw, KERNEL[:, 0]), pad="same")),
     lambda: conv2d(IMAGES[:, :, :1], KERNEL[:, :1])[:, :, 0]),
    ("tf_nn_conv2d",
     lambda fw: [last(fw, fw.conv2d(first(IMAGES), kernel(fw, KERNEL), stride=s, pad="same")) for s in (1, 2, 3)],
     lambda: [conv2d(IMAGES, KERNEL, s) for s in (1, 2, 3)]),
    ("tf_nn_depthwise_conv2d",
     lambda fw: last(fw, fw.depthwise_conv2d(first(IMAGES), kernel(fw, KERNEL, depthwise=True), pad="same")),
     lambda: depthwise(IMAGES, KERNEL)),
    ("tf_nn_separable_conv2d",
     lambda fw: last(fw, fw.separable_conv2d(
         first(IMAGES), kernel(fw, KERNEL[..., :1], depthwise=True), kernel(fw, KERNEL[:1, :1]), pad="same")),
     lambda: conv2d(depthwise(IMAGES, KERNEL[..., :1]), KERNEL[:1, :1])),
    ("tf_nn_max_pool", lambda fw: last(fw, fw.max_pool2d(first(IMAGES), 3, stride=2, pad="same")),
     lambda: windows(IMAGES, (3, 3), 2, -np.inf).max(axis=(3, 4))),
    ("tf_nn_avg_pool", lambda fw: last(fw, fw.avg_pool2d(first(IMAGES), 3, stride=2, pad="same")),
     lambda: avg_pool(IMAGES)),
    ("tf_nn_dropout", dropped, expected_dropped),
    ("tf_nn_moments_batch_normalization", normalized, expected_normalized),
    ("tf_train_exponential_moving_average", moving_average, expected_average),
    ("tf_train_optimizers", optimizers, expected_optimizers),
    ("tf_spectral", lambda fw: fw.fft_convolve(ROWS, x[0]),
     lambda: np.fft.irfft(np.fft.rfft(ROWS, 7) * np.fft.rfft(x[0], 7), 7)),
    since=5,
)
# fmt: on
