"""Arrays on a GPU: results stay there and equal those of the host; mixed devices and a missing GPU are errors.

Everything runs on a stand-in for CuPy, and under `-m gpu` on CuPy itself. A function or layer that is added to the
package needs a row in FUNCTIONS or LAYERS.
"""

import inspect
import re
import subprocess
import sys

import numpy as np
import pytest

from .stage import (
    MLP,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    ClipGrad,
    DataLoader,
    F,
    FreezeParam,
    Function,
    L,
    Layer,
    MomentumSGD,
    Parameter,
    Variable,
    WeightDecay,
    check_gradients,
    cuda,
    grad,
    layers,
    models,
    numerical_diff,
    numerical_grad,
    optimizers,
    text,
    using_config,
    utils,
)

T = np.array([2, 0, 0])
IDS = np.array([[1, 3], [1, 0]])
YES = np.array([[1.0, 0.0], [0.25, 1.0], [0.0, 0.0]])


def array(*shape, low=-1.5):
    """Random numbers that depend on the shape alone."""
    return np.asarray(np.random.default_rng((*shape, 1)).uniform(low, 0.9, shape))


def positive(*shapes):
    return [array(*shape, low=0.1) for shape in shapes]


def signed(*shapes):
    return [array(*shape) for shape in shapes]


LSTM = [*[(3, 2)] * 4, *[(2,)] * 4, *[(2, 2)] * 4]  # the shapes of its weights
GRU = [*[(3, 2)] * 3, *[(2,)] * 3, *[(2, 2)] * 3]


def inference(f, *args):
    """f at inference."""
    with using_config("train", False):
        return f(*args)


ROIS = np.array([[1, 0, 0, 4, 6], [0, 2.5, -3, 9, 2], [1, -9, -9, -8, -8]])  # the last one is outside


# name of a public function -> calls of it: (function of the array module and the inputs, the inputs)
FUNCTIONS = {
    "abs": [(lambda xp, x: F.abs(x), signed((2, 3)))],
    "accuracy": [(lambda xp, y: F.accuracy(y, xp.asarray(T)), signed((3, 4)))],
    "adaptive_avg_pool1d": [(lambda xp, *xs: F.adaptive_avg_pool1d(*xs, 2), signed((2, 2, 5)))],
    "adaptive_avg_pool2d": [
        (lambda xp, *xs: F.adaptive_avg_pool2d(*xs, 2), signed((2, 2, 5, 4))),
        (lambda xp, *xs: F.adaptive_avg_pool2d(*xs, (3, None)), signed((2, 2, 5, 4))),
    ],
    "adaptive_max_pool1d": [(lambda xp, *xs: F.adaptive_max_pool1d(*xs, 2), signed((2, 2, 5)))],
    "adaptive_max_pool2d": [
        (lambda xp, *xs: F.adaptive_max_pool2d(*xs, 2), signed((2, 2, 5, 4))),
        (lambda xp, *xs: F.adaptive_max_pool2d(*xs, (3, None)), signed((2, 2, 5, 4))),
    ],
    "add": [(lambda xp, a, b: F.add(a, b), signed((2, 3), (3,)))],
    "argmax": [(lambda xp, x: F.cast(F.argmax(x, axis=1), float) * F.sum(x), signed((2, 3)))],
    "argmin": [(lambda xp, x: F.cast(F.argmin(x, keepdims=True), float) * x, signed((2, 3)))],
    "attention": [
        (lambda xp, *xs: F.attention(*xs, causal=True), signed((2, 3, 2), (2, 4, 2), (2, 4, 3))),
        (lambda xp, *xs: F.attention(*xs, xp.asarray([[True, False]])), signed((3, 2), (2, 2), (2, 3))),
        (lambda xp, *xs: F.attention(*xs, return_weights=True), signed((3, 2), (2, 2), (2, 3))),
    ],
    "average": [(lambda xp, x: F.average(x, axis=1), signed((2, 3)))],
    "average_pooling": [(lambda xp, x: F.average_pooling(x, 3, 2, 1), signed((2, 2, 5, 4)))],
    "average_pooling_simple": [(lambda xp, x: F.average_pooling_simple(x, 2, 2), signed((2, 2, 4, 4)))],
    "avg_pool1d": [(lambda xp, *xs: F.avg_pool1d(*xs, 3, 2, "same"), signed((2, 2, 5)))],
    "avg_pool2d": [
        (lambda xp, *xs: F.avg_pool2d(*xs, 2), signed((2, 2, 5, 4))),
        (lambda xp, *xs: F.avg_pool2d(*xs, 3, 2, "same"), signed((2, 2, 5, 4))),
        (lambda xp, *xs: F.avg_pool2d(*xs, 3, 2, 1, True), signed((2, 2, 5, 4))),
    ],
    "batch_norm": [
        (lambda xp, *xs: F.batch_norm(*xs, xp.zeros(3), xp.ones(3)), signed((4, 3), (3,), (3,))),
        (lambda xp, *xs: F.batch_norm(*xs, xp.zeros(3), xp.ones(3)), signed((2, 3, 2, 2), (3,), (3,))),
        (
            lambda xp, *xs: inference(F.batch_norm, *xs, xp.zeros(3, xs[0].dtype), xp.ones(3, xs[0].dtype)),
            signed((4, 3), (3,), (3,)),
        ),
    ],
    "binary_cross_entropy": [(lambda xp, p: F.binary_cross_entropy(p, xp.asarray(YES)), positive((3, 2)))],
    "binary_cross_entropy_with_logits": [
        (lambda xp, x: F.binary_cross_entropy_with_logits(x, xp.asarray(YES), pos_weight=2.0), signed((3, 2))),
    ],
    "broadcast_to": [(lambda xp, x: F.broadcast_to(x, (2, 3)), signed((3,)))],
    "cast": [(lambda xp, x: F.cast(F.cast(x, np.float32), float), signed((2, 3)))],
    "clip": [
        (lambda xp, x: F.clip(x, -0.5, 0.5), signed((2, 3))),
        (lambda xp, x: F.clip(x, None, np.float64(0.5)), signed((2, 3))),
    ],
    "col2im": [(lambda xp, x: F.col2im(x, (1, 2, 4, 3), (3, 2), 1, 1), signed((16, 12)))],
    "concat": [(lambda xp, *xs: F.concat(xs, axis=1), signed((2, 3), (2, 1)))],
    "conv1d": [(lambda xp, *xs: F.conv1d(*xs, pad="same", groups=2), signed((2, 4, 5), (2, 2, 3), (2,)))],
    "conv2d": [
        (lambda xp, *xs: F.conv2d(*xs, stride=2, pad=1), signed((2, 2, 5, 4), (3, 2, 3, 2), (3,))),
        (lambda xp, *xs: F.conv2d(*xs), signed((2, 2, 4, 4), (3, 2, 3, 3))),
        (lambda xp, *xs: F.conv2d(*xs, None, 2, "same", 2, 2), signed((2, 4, 5, 4), (2, 2, 3, 2))),
    ],
    "conv2d_simple": [(lambda xp, *xs: F.conv2d_simple(*xs, pad=1), signed((1, 2, 3, 4), (3, 2, 3, 2), (3,)))],
    "convolve1d": [
        (lambda xp, *xs: F.convolve1d(*xs), signed((2, 5), (3,))),
        (lambda xp, *xs: F.convolve1d(*xs, "valid"), signed((4,), (5,))),
    ],
    "convolve2d": [(lambda xp, *xs: F.convolve2d(*xs, "same"), signed((4, 5), (2, 3)))],
    "correlate1d": [(lambda xp, *xs: F.correlate1d(*xs, "same"), signed((5,), (2, 4)))],
    "correlate2d": [(lambda xp, *xs: F.correlate2d(*xs), signed((4, 3), (2, 2)))],
    "cos": [(lambda xp, x: F.cos(x), signed((2, 3)))],
    "cosine_similarity": [(lambda xp, *xs: F.cosine_similarity(*xs), signed((2, 3), (2, 3)))],
    "crelu": [(lambda xp, x: F.crelu(x), signed((2, 3)))],
    "deconv1d": [
        (lambda xp, *xs: F.deconv1d(*xs, stride=2, pad="same", dilation=2), signed((2, 2, 5), (2, 2, 3), (2,)))
    ],
    "deconv2d": [
        (lambda xp, *xs: F.deconv2d(*xs, stride=2, pad=1), signed((2, 2, 3, 2), (2, 3, 3, 3), (3,))),
        (lambda xp, *xs: F.deconv2d(*xs, stride=2, outsize=(8, 6)), signed((1, 2, 3, 2), (2, 3, 3, 3))),
    ],
    "depthwise_conv2d": [
        (lambda xp, *xs: F.depthwise_conv2d(*xs, stride=2, pad=1), signed((2, 2, 5, 4), (4, 1, 3, 2), (4,))),
        (lambda xp, *xs: F.depthwise_conv2d(*xs), signed((2, 2, 5, 4), (2, 1, 2, 2))),
    ],
    "div": [(lambda xp, a, b: F.div(a, b), positive((2, 3), (2, 1)))],
    "dropout": [
        (lambda xp, x: F.dropout(x, 0.0), signed((2, 3))),
        (lambda xp, x: inference(F.dropout, x), signed((2, 3))),
    ],
    "elu": [(lambda xp, x: F.elu(x), signed((2, 3)))],
    "embed_id": [(lambda xp, W: F.embed_id(xp.asarray(IDS), W), signed((4, 3)))],
    "equal": [(lambda xp, x: F.cast(F.equal(x, x), float) * x, signed((2, 3)))],
    "erf": [(lambda xp, x: F.erf(x), signed((2, 3)))],
    "exp": [(lambda xp, x: F.exp(x), signed((2, 3))), (lambda xp, x: F.exp(x), signed(()))],
    "expand_dims": [(lambda xp, x: F.expand_dims(x, (0, 2)), signed((2, 3)))],
    "expm1": [(lambda xp, x: F.expm1(x), signed((2, 3)))],
    "fft_conv2d": [(lambda xp, *xs: F.fft_conv2d(*xs, "same"), signed((2, 3, 4, 3), (2, 3, 2, 3), (2,)))],
    "fft_convolve": [
        (lambda xp, *xs: F.fft_convolve(*xs), signed((4, 3), (2, 2))),
        (lambda xp, *xs: F.fft_convolve(*xs, "same", 0), signed((4, 3), (2, 1))),
    ],
    "flatten": [(lambda xp, x: F.flatten(x), signed((2, 3, 2)))],
    "fold_batch_norm": [
        (lambda xp, W, b, *xs: F.fold_batch_norm(W, b, *xs, F.square(b)), signed((3, 2, 1, 1), *[(3,)] * 4)),
    ],
    "flip": [(lambda xp, x: F.flip(x, 1), signed((2, 3)))],
    "focal_loss": [(lambda xp, x: F.focal_loss(x, xp.asarray(T)), signed((3, 4)))],
    "gather": [(lambda xp, x: F.gather(x, xp.asarray([[1, 0], [-1, 0]]), 0), signed((3, 2)))],
    "gaussian_kl_divergence": [(lambda xp, *xs: F.gaussian_kl_divergence(*xs), signed((2, 3), (2, 3)))],
    "gelu": [(lambda xp, x: F.gelu(x), signed((2, 3))), (lambda xp, x: F.gelu(x, "tanh"), signed((2, 3)))],
    "get_item": [
        (lambda xp, x: F.get_item(x, (0, slice(1, None))), signed((2, 3))),
        (lambda xp, x: F.get_item(x, xp.asarray([0, 0, 1])), signed((2, 3))),
    ],
    "global_avg_pool": [(lambda xp, *xs: F.global_avg_pool(*xs), signed((2, 2, 5, 4)))],
    "global_max_pool": [(lambda xp, *xs: F.global_max_pool(*xs), signed((2, 2, 5, 4)))],
    "greater": [(lambda xp, x: F.cast(F.greater(x, 0), float) * x, signed((2, 3)))],
    "greater_equal": [(lambda xp, x: F.cast(F.greater_equal(x, 0.0), float) * x, signed((2, 3)))],
    "gru_cell": [
        (lambda xp, x, h, *w: F.gru_cell(x, h, w[:3], w[3:6], w[6:]), signed((2, 3), (2, 2), *GRU)),
        (lambda xp, x, c, *w: F.gru_cell(x, None, w[:3], w[3:6], w[6:], c), signed((2, 3), (2,), *GRU)),
    ],
    "huber_loss": [(lambda xp, x: F.huber_loss(x, xp.asarray(YES)), signed((3, 2)))],
    "im2col": [
        (lambda xp, x: F.im2col(x, (3, 2), 1, 1), signed((1, 2, 4, 3))),
        (lambda xp, x: F.im2col(x, 2, 2, to_matrix=False), signed((2, 1, 4, 4))),
    ],
    "kl_div": [(lambda xp, *xs: F.kl_div(*xs), positive((2, 3), (2, 3)))],
    "l1_loss": [(lambda xp, x: F.l1_loss(x, xp.asarray(YES)), signed((3, 2)))],
    "leaky_relu": [
        (lambda xp, x: F.leaky_relu(x), signed((2, 3))),
        (lambda xp, x: F.leaky_relu(x, np.float64(0.01)), signed((2, 3))),
    ],
    "layer_norm": [
        (lambda xp, *xs: F.layer_norm(*xs), signed((4, 3), (3,), (3,))),
        (lambda xp, x: F.layer_norm(x), signed((2, 2, 3))),
    ],
    "less": [(lambda xp, x: F.cast(F.less(0, x), float) * x, signed((2, 3)))],
    "less_equal": [(lambda xp, x: F.cast(F.less_equal(x, 0), float) * x, signed((2, 3)))],
    "linear": [
        (lambda xp, *xs: F.linear(*xs), signed((4, 2), (2, 3), (3,))),
        (lambda xp, *xs: F.linear(*xs), signed((2, 2, 2), (2, 3))),
    ],
    "linear_simple": [(lambda xp, *xs: F.linear_simple(*xs), signed((4, 2), (2, 3), (3,)))],
    "local_response_norm": [(lambda xp, x: F.local_response_norm(x, 3, 0.5), signed((2, 4, 3)))],
    "log": [(lambda xp, x: F.log(x), positive((2, 3)))],
    "log_softmax": [(lambda xp, x: F.log_softmax(x), signed((2, 3)))],
    "logsumexp": [
        (lambda xp, x: F.logsumexp(x, axis=1), signed((2, 3))),
        (lambda xp, x: F.logsumexp(x, axis=1), [np.zeros((2, 0))]),
        (lambda xp, x: F.logsumexp(x, keepdims=True), signed((2, 3))),
        (lambda xp, x: F.logsumexp(x), signed(())),
    ],
    "lstm": [
        (lambda xp, x, *w: F.lstm(x, None, None, w[:4], w[4:8], w[8:])[0], signed((2, 4, 3), *LSTM)),
    ],
    "lstm_cell": [
        (lambda xp, x, h, c, *w: F.lstm_cell(x, h, c, w[:4], w[4:8], w[8:]), signed((2, 3), *[(2, 2)] * 2, *LSTM)),
        (lambda xp, x, *w: F.lstm_cell(x, None, None, w[:4], w[4:8], w[8:]), signed((2, 3), *LSTM)),
    ],
    "masked_softmax": [
        (lambda xp, x: F.masked_softmax(x, xp.asarray([[True, False, True], [False] * 3])), signed((2, 3))),
    ],
    "matmul": [
        (lambda xp, *xs: F.matmul(*xs), signed((2, 3), (3, 2))),
        (lambda xp, *xs: F.matmul(*xs), signed((3,), (2, 3, 2))),
    ],
    "max": [
        (lambda xp, x: F.max(x, axis=(0, 2)), signed((2, 3, 2))),
        (lambda xp, x: F.max(x, axis=1), [np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]])]),
        (lambda xp, x: F.max(x), signed(())),
        (lambda xp, x: F.max(x, axis=1), [np.zeros((0, 3))]),
    ],
    "max_pool1d": [(lambda xp, *xs: F.max_pool1d(*xs, 3, 2, "same"), signed((2, 2, 5)))],
    "max_pool2d": [
        (lambda xp, *xs: F.max_pool2d(*xs, 2), signed((2, 2, 5, 4))),
        (lambda xp, *xs: F.max_pool2d(*xs, 3, 2, ((1, 0), 2)), signed((2, 2, 5, 4))),
    ],
    "maximum": [
        (lambda xp, *xs: F.maximum(*xs), signed((2, 3), (3,))),
        (lambda xp, x: F.maximum(x, 0.5), signed((2, 3))),
    ],
    "mean": [(lambda xp, x: F.mean(x), signed((2, 3)))],
    "mean_squared_error": [(lambda xp, *xs: F.mean_squared_error(*xs), signed((3, 2), (2,)))],
    "mean_squared_error_simple": [(lambda xp, *xs: F.mean_squared_error_simple(*xs), signed((3, 2), (3, 2)))],
    "min": [(lambda xp, x: F.min(x, axis=1, keepdims=True), signed((2, 3)))],
    "minimum": [(lambda xp, *xs: F.minimum(*xs), signed((2, 3), (2, 1)))],
    "moving_batch_norm": [
        (lambda xp, *xs: F.moving_batch_norm(*xs, xp.zeros(3), xp.ones(3)), signed((4, 3), (3,), (3,))),
        (
            lambda xp, *xs: F.moving_batch_norm(*xs, xp.zeros(3), xp.ones(3), updates=xp.zeros((), int)),
            signed((2, 3, 2), (3,), (3,)),
        ),
    ],
    "mul": [(lambda xp, a, b: F.mul(a, b), signed((2, 3), ()))],
    "neg": [(lambda xp, x: F.neg(x), signed((2, 3)))],
    "nll_loss": [(lambda xp, x: F.nll_loss(x, xp.asarray(T), ignore=0), signed((3, 4)))],
    "normalize": [(lambda xp, x: F.normalize(x), signed((2, 3)))],
    "not_equal": [(lambda xp, x: F.cast(F.not_equal(x, 0), float) * x, signed((2, 3)))],
    "one_hot": [(lambda xp, x: F.one_hot(xp.asarray(IDS), 4, float) * F.sum(x), signed((2, 3)))],
    "pad": [
        (lambda xp, x: F.pad(x, [(0, 1), (2, 0)], value=2.0), signed((2, 3))),
        (lambda xp, x: F.pad(x, 1, "reflect"), signed((2, 3))),
    ],
    "pad_sequence": [(lambda xp, *xs: F.pad_sequence(xs)[0], signed((2, 3), (1, 3)))],
    "pooling": [
        (lambda xp, x: F.pooling(x, 2, 2), signed((2, 2, 4, 4))),
        (lambda xp, x: F.pooling(x, 3, 2, 1), signed((2, 2, 5, 4))),
        (lambda xp, x: F.pooling(x, (3, 2), 2, ceil_mode=True), signed((1, 2, 6, 5))),
    ],
    "pooling_simple": [
        (lambda xp, x: F.pooling_simple(x, 2, 2), signed((2, 2, 4, 4))),
        (lambda xp, x: F.pooling_simple(x, 3, 2, 1), signed((2, 2, 5, 4))),
    ],
    "pow": [
        (lambda xp, x: F.pow(x, 3), signed((2, 3))),
        (lambda xp, x: F.pow(x, 0), signed((2, 3))),
        (lambda xp, x: F.pow(x, -1), signed((2, 3))),
        (lambda xp, a, b: F.pow(a, b), positive((2, 3), (3,))),
    ],
    "rdiv": [(lambda xp, a, b: F.rdiv(a, b), positive((2, 3), (2, 3)))],
    "relu": [(lambda xp, x: F.relu(x), signed((2, 3)))],
    "relu6": [(lambda xp, x: F.relu6(4 * x), signed((2, 3)))],
    "repeat": [(lambda xp, x: F.repeat(x, 2, 1), signed((2, 3)))],
    "reshape": [(lambda xp, x: F.reshape(x, (3, -1)), signed((2, 3)))],
    "resize_bilinear": [(lambda xp, x: F.resize_bilinear(x, (3, 5)), signed((2, 1, 2, 3)))],
    "resize_nearest": [(lambda xp, x: F.resize_nearest(x, (3, 2)), signed((2, 1, 2, 3)))],
    "roi_align": [(lambda xp, x: F.roi_align(x, xp.asarray(ROIS), (2, 3), 0.5), signed((2, 2, 4, 3)))],
    "roi_pooling": [(lambda xp, x: F.roi_pooling(x, xp.asarray(ROIS), (2, 3), 0.5), signed((2, 2, 4, 3)))],
    "rpow": [(lambda xp, x: F.rpow(x, 2), signed((2, 3)))],
    "rsub": [(lambda xp, a, b: F.rsub(a, b), signed((2, 3), (2, 3)))],
    "selu": [(lambda xp, x: F.selu(x), signed((2, 3)))],
    "separable_conv2d": [
        (lambda xp, *xs: F.separable_conv2d(*xs, pad="same"), signed((2, 2, 5, 4), (2, 1, 2, 3), (3, 2, 1, 1), (3,)))
    ],
    "separate_kernel": [(lambda xp, x: x * F.separate_kernel(xp.asarray([[1, 2], [2, 4]]))[1], signed((3, 2)))],
    "sequence_mask": [(lambda xp, x: F.cast(F.sequence_mask(xp.asarray([1, 3])), float) * x, signed((2, 3)))],
    "sigmoid": [(lambda xp, x: F.sigmoid(x), signed((2, 3)))],
    "sigmoid_cross_entropy": [(lambda xp, x: F.sigmoid_cross_entropy(x, xp.asarray(YES)), signed((3, 2)))],
    "sigmoid_simple": [(lambda xp, x: F.sigmoid_simple(x), signed((2, 3)))],
    "sign": [(lambda xp, x: F.sign(x) * x, signed((2, 3)))],
    "silu": [(lambda xp, x: F.silu(x), signed((2, 3)))],
    "sin": [(lambda xp, x: F.sin(x), signed((2, 3)))],
    "smooth_l1_loss": [(lambda xp, x: F.smooth_l1_loss(x, xp.asarray(YES)), signed((3, 2)))],
    "softmax": [
        (lambda xp, x: F.softmax(x), signed((2, 3))),
        (lambda xp, x: F.softmax(x, (0, 1)), signed((2, 3))),
        (lambda xp, x: F.softmax(x), [np.zeros((2, 0))]),
        (lambda xp, x: F.softmax(x, ()), signed(())),
    ],
    "softmax_cross_entropy": [
        (lambda xp, x: F.softmax_cross_entropy(x, xp.asarray(T)), signed((3, 4))),
        (
            lambda xp, x: F.softmax_cross_entropy(x, xp.asarray(T), xp.asarray([1.0, 2.0, 3.0, 4.0]), 1, 0.1),
            signed((3, 4)),
        ),
    ],
    "softmax_cross_entropy_simple": [(lambda xp, x: F.softmax_cross_entropy_simple(x, xp.asarray(T)), signed((3, 4)))],
    "softmax_simple": [(lambda xp, x: F.softmax_simple(x), signed((2, 3)))],
    "softplus": [(lambda xp, x: F.softplus(x, 2.0), signed((2, 3)))],
    "softsign": [(lambda xp, x: F.softsign(x), signed((2, 3)))],
    "split": [(lambda xp, x: F.split(x, [1, 3], axis=1), signed((2, 4)))],
    "sqrt": [(lambda xp, x: F.sqrt(x), positive((2, 3)))],
    "square": [(lambda xp, x: F.square(x), signed((2, 3)))],
    "squeeze": [(lambda xp, x: F.squeeze(x), signed((1, 3, 1)))],
    "stack": [(lambda xp, *xs: F.stack(xs, axis=-1), signed((2, 3), (2, 3)))],
    "std": [(lambda xp, x: F.std(x, axis=1), signed((2, 3)))],
    "sub": [(lambda xp, a, b: F.sub(a, b), signed((1, 3), (2, 1)))],
    "sum": [(lambda xp, x: F.sum(x, axis=-1), signed((2, 3))), (lambda xp, x: F.sum(x, axis=()), signed((2, 3)))],
    "sum_to": [(lambda xp, x: F.sum_to(x, (3, 1)), signed((2, 3, 2)))],
    "swapaxes": [(lambda xp, x: F.swapaxes(x, 0, 2), signed((2, 3, 2)))],
    "embedding_bag": [
        (lambda xp, x: F.embedding_bag(xp.asarray([[0, 1], [1, 1]]), x), signed((2, 3))),
        (lambda xp, x: F.embedding_bag(xp.asarray([[0, 1]]), x, xp.asarray([[True, False]])), signed((2, 3))),
    ],
    "hierarchical_softmax": [
        (
            lambda xp, x: F.hierarchical_softmax(x, x, xp.asarray([[0, 1], [1, 1]]), xp.asarray([[1, -1], [-1, 1]])),
            signed((2, 3)),
        )
    ],
    "negative_sampling": [
        (
            lambda xp, x: F.negative_sampling(x, x, xp.asarray([0, 1]), xp.asarray([[1, 1], [0, 0]])),
            signed((2, 3)),
        )
    ],
    "take": [
        (lambda xp, x: F.take(x, xp.asarray([[1, -1], [0, 1]]), axis=1), signed((2, 3))),
        (lambda xp, x: F.take(x, [0, 0]), signed((2, 3))),
    ],
    "tanh": [(lambda xp, x: F.tanh(x), signed((2, 3)))],
    "tile": [(lambda xp, x: F.tile(x, (2, 1, 2)), signed((2, 3)))],
    "total_variation": [(lambda xp, x: F.total_variation(x), signed((2, 3)))],
    "transpose": [
        (lambda xp, x: F.transpose(x), signed((2, 3))),
        (lambda xp, x: F.transpose(x, [1, 2, 0]), signed((2, 3, 2))),
        (lambda xp, x: F.transpose(x, ()), signed(())),
    ],
    "unpad_sequence": [(lambda xp, x: F.unpad_sequence(x, [1, 2]), signed((2, 3)))],
    "var": [(lambda xp, x: F.var(x, ddof=1), signed((2, 3)))],
    "where": [(lambda xp, *xs: F.where(xp.asarray([True, False, True]), *xs), signed((2, 3), (2, 1)))],
}
NOT_OF_ARRAYS = {"get_conv_outsize", "get_deconv_outsize", "pair", "receptive_field", "same_padding", "sinusoids"}
ALIASES = {"batch_nrom", "swish"}
CALLS = {f"{name} {i}": call for name, calls in FUNCTIONS.items() for i, call in enumerate(calls)}


def place(xp, x, dtype=None):
    """A copy of a host array in the memory of a module."""
    return xp.asarray(np.array(x, dtype))


def everything(f, xp, xs):
    """The values of f, its gradients for random initial gradients gy, and their gradients with respect to x and gy."""
    rng = np.random.default_rng(0)

    def seeds(ys):
        return [Variable(place(xp, rng.standard_normal(y.shape), y.dtype)) for y in ys]

    variables = [Variable(x) for x in xs]
    ys = f(xp, *variables)
    ys = list(ys) if isinstance(ys, (list, tuple)) else [ys]
    gys = seeds(ys)
    gxs = grad(ys, variables, gys, create_graph=True)
    return [*ys, *gxs, *grad(gxs, [*variables, *gys], seeds(gxs))]


def assert_same(on_device, on_host, rtol=None):
    """Assert that the first Variables are on the device and equal the host's in dtype, shape and value."""
    for found, expected in zip(on_device, on_host, strict=True):
        assert cuda.is_on_gpu(found.data)
        assert not cuda.is_on_gpu(expected.data)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        # A GPU may round differently: two thirds of the digits must agree.
        close = np.finfo(expected.dtype).eps ** (2 / 3) if expected.dtype.kind == "f" else 0
        np.testing.assert_allclose(cuda.as_numpy(found), expected.data, rtol=rtol or close, atol=close)


def test_every_public_function_has_a_row():
    public = {name for name, f in vars(F).items() if inspect.isfunction(f)}
    assert set(FUNCTIONS) == public - NOT_OF_ARRAYS - ALIASES


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("f", "xs"), CALLS.values(), ids=CALLS)
def test_a_function_computes_on_the_device_what_it_computes_on_the_host(xp_device, f, xs, dtype):
    """Values, first and second derivatives; none of them is on the host."""
    with np.errstate(all="ignore"):
        host = everything(f, np, [x.astype(dtype) for x in xs])
    assert_same(everything(f, xp_device, [place(xp_device, x, dtype) for x in xs]), host)


WHOLE = {
    "add": lambda x: x + 1,
    "half": lambda x: x / 4.0,
    "power": lambda x: x**-1,
    "2 ** x": lambda x: 2**x,
    "sigmoid": F.sigmoid,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "softmax": F.softmax,
    "logsumexp": F.logsumexp,
    "max": lambda x: F.max(x, axis=1),
    "mean": F.mean,
    "a row": lambda x: x[1],
    "matmul": lambda x: F.matmul(x, F.transpose(x)),
    "sigmoid_cross_entropy": lambda x: F.sigmoid_cross_entropy(x, [[1, 0], [0, 1]]),
}


@pytest.mark.parametrize("f", WHOLE.values(), ids=WHOLE)
def test_integers_on_the_device_promote_as_on_the_host(xp_device, f):
    results = []
    for xp in (xp_device, np):
        x = Variable(place(xp, [[1, 2], [3, 4]]))
        y = f(x)
        results.append([y, grad(y, x)])
    assert_same(*results)


# --- operators, methods, indices ---

NUMBERS = [2, 2.5, True, np.float64(1.5), np.float32(0.5), np.int64(3)]
OPERATORS = {
    "+": lambda x, c: x + c,
    "r+": lambda x, c: c + x,
    "-": lambda x, c: x - c,
    "r-": lambda x, c: c - x,
    "*": lambda x, c: x * c,
    "r*": lambda x, c: c * x,
    "/": lambda x, c: x / c,
    "r/": lambda x, c: c / x,
    "**": lambda x, c: x**c,
    "r**": lambda x, c: c**x,
}


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
@pytest.mark.parametrize("f", OPERATORS.values(), ids=OPERATORS)
def test_numbers_are_operands_on_the_device_and_have_the_same_dtype_there(xp_device, f, number):
    xs = positive((2, 3))
    for dtype in (np.float64, np.float32):
        host, device = (
            everything(lambda xp, x: f(x, number), xp, [place(xp, x, dtype) for x in xs]) for xp in (np, xp_device)
        )
        assert_same(device, host)


def test_a_device_array_may_be_either_operand(xp_device):
    data, other = positive((2, 3), (3,))
    for f in OPERATORS.values():
        if f is not OPERATORS["r**"]:
            y = f(Variable(place(xp_device, data)), place(xp_device, other))
            assert_same([y], [f(Variable(data), other)])
    y = place(xp_device, data) @ Variable(place(xp_device, other))
    assert_same([y], [data @ Variable(other)])


METHODS = {
    "reshape": lambda x: x.reshape(3, 2),
    "transpose": lambda x: x.transpose(1, 0),
    "T": lambda x: x.T,
    "sum": lambda x: x.sum(axis=0, keepdims=True),
    "mean": lambda x: x.mean(),
    "max": lambda x: x.max(axis=-1),
    "min": lambda x: x.min(),
    "matmul": lambda x: x.matmul(x.T),
    "rows": lambda x: [row * row for row in x][1],
}


@pytest.mark.parametrize("f", METHODS.values(), ids=METHODS)
def test_methods(xp_device, f):
    (x,) = signed((2, 3))
    host, device = (everything(lambda xp, x: f(x), xp, [place(xp, x)]) for xp in (np, xp_device))
    assert_same(device, host)


X = array(3, 4, 2)
INDICES = {
    "a number": 1,
    "a NumPy number": np.int64(-1),
    "a slice": slice(None, None, -2),
    "an element": (1, 2, 0),
    "the last axis": (..., 0),
    "a new axis": (None, 1),
    "a list": [0, 2, 0],
    "an empty list": [],
    "lists": ([0, 0], [1, 1]),
    "an array": np.array([1, 1, -1]),
    "a matrix": np.array([[0, 1], [1, 0]]),
    "small integers": np.array([1, 1], np.uint8),
    "pairs": (np.array([0, 1, 0]), np.array([2, 0, 2])),
    "pairs and a slice": (np.array([0, 0]), slice(None), np.array([1, 1])),
    "an array of no axis": np.array(1),
    "a mask": X[:, 0, 0] > -0.5,
    "a full mask": X > 0,
    "a list as a mask": [True, False, True],
    "nothing of an array": np.array([], int),
}


def on_device(xp, index):
    """The same index with its arrays on the device."""
    if isinstance(index, tuple):
        return tuple(on_device(xp, part) for part in index)
    return place(xp, index) if isinstance(index, np.ndarray) else index


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_an_index_may_be_on_the_host_or_the_device(xp_device, index):
    host = everything(lambda xp, x: x[index], np, [X])
    for given in (index, on_device(xp_device, index)):
        device = everything(lambda xp, x, given=given: x[given], xp_device, [place(xp_device, X)])
        assert_same(device, host)
    variable = Variable(place(xp_device, INDICES["an array"]))
    assert_same([Variable(place(xp_device, X))[variable]], [Variable(X)[INDICES["an array"]]])


# --- two devices ---

PLACES = re.escape(
    "expected arrays on one device, got input 0 on the GPU, input 1 on the host; use to_gpu() or to_cpu()"
)
MIXED = {
    "Add": lambda a, b: Variable(a) + b,
    "Mul": lambda a, b: Variable(a) * Variable(b),
    "MatMul": lambda a, b: F.matmul(a, b),
    "Linear": lambda a, b: F.linear(a, b),
    "Concat": lambda a, b: F.concat([a, b]),
    "MeanSquaredError": lambda a, b: F.mean_squared_error(a, b),
    "softmax_cross_entropy": lambda a, b: F.softmax_cross_entropy(a, b[:, 0].astype(int)),
    "softmax_cross_entropy_simple": lambda a, b: F.softmax_cross_entropy_simple(a, b[:, 0].astype(int)),
    "sigmoid_cross_entropy": lambda a, b: F.sigmoid_cross_entropy(a, b),
    "binary_cross_entropy": lambda a, b: F.binary_cross_entropy(a, b),
    "embed_id": lambda a, b: F.embed_id(b.astype(int), a),
    "accuracy": lambda a, b: F.accuracy(a, b[:, 0].astype(int)),
}


@pytest.mark.parametrize("name", MIXED)
def test_arrays_on_two_devices_are_rejected_with_the_device_of_each(xp_device, name):
    host, device = np.zeros((2, 2)), xp_device.zeros((2, 2))
    with pytest.raises(TypeError, match=f"^{name}: {PLACES}$"):
        MIXED[name](device, host)
    with pytest.raises(
        TypeError, match=f"^{name}: expected arrays on one device, got input 0 on the host, input 1 on the GPU"
    ):
        MIXED[name](host, device)


@pytest.mark.parametrize("function", [F.concat, F.stack])
def test_one_array_on_the_device_is_not_a_list(xp_device, function):
    with pytest.raises(
        TypeError, match=f"{function.__name__}: expected a list of variables or arrays, got one ndarray"
    ):
        function(xp_device.ones((2, 2)))


def test_an_index_on_the_device_does_not_fit_an_array_on_the_host(xp_device):
    for index in (xp_device.asarray([0, 1]), (slice(None), xp_device.asarray([0]))):
        with pytest.raises(
            TypeError, match=r"^get_item: expected arrays on one device, got input 0 on the host, input 1 on the GPU"
        ):
            Variable(np.zeros((2, 2)))[index]


@pytest.mark.parametrize("function", [F.softmax_cross_entropy, F.softmax_cross_entropy_simple, F.accuracy])
def test_labels_in_a_list_are_moved_to_the_device_of_the_logits(xp_device, function):
    (x,) = signed((3, 4))
    assert_same([function(Variable(place(xp_device, x)), [2, 0, 0])], [function(Variable(x), [2, 0, 0])])


def test_indices_out_of_range_are_rejected_on_the_device(xp_device):
    x = Variable(xp_device.zeros((2, 3)))
    with pytest.raises(ValueError, match="expected integers from 0 to 2, got 0 to 3"):
        F.softmax_cross_entropy(x, xp_device.asarray([0, 3]))
    with pytest.raises(ValueError, match="expected integers from 0 to 2, got -1 to 0"):
        F.softmax_cross_entropy(x, xp_device.asarray([-1, 0]))
    with pytest.raises(ValueError, match="embed_id: expected integers from 0 to 1, got 0 to 2"):
        F.embed_id(xp_device.asarray([0, 2]), x)
    with pytest.raises(ValueError, match=r"sigmoid_cross_entropy: expected t from 0 to 1, got 0\.0 to 2\.0"):
        F.sigmoid_cross_entropy(x, xp_device.asarray([[0.0, 1.0, 2.0]] * 2))
    with pytest.raises(ValueError, match=r"binary_cross_entropy: expected p from 0 to 1, got -1\.0 to -1\.0"):
        F.binary_cross_entropy(x - 1.0, xp_device.zeros((2, 3)))


# --- the engine ---


def test_backward_leaves_unshared_gradients_on_the_device(xp_device):
    x = Variable(place(xp_device, [1.0, 2.0]))
    y = Variable(place(xp_device, [3.0, 4.0]))
    z = x + y
    (z * z).backward(retain_grad=True)
    assert_same([x.grad, y.grad, z.grad], [Variable(np.array([8.0, 12.0]))] * 3)
    x.grad.data *= 0
    assert_same([y.grad, z.grad], [Variable(np.array([8.0, 12.0]))] * 2)
    F.sum(y).backward()  # the gradient is a broadcast view
    assert_same([y.grad], [Variable(np.array([9.0, 13.0]))])
    y.grad.data *= 0
    assert_same([x.grad], [Variable(np.zeros(2))])


def test_an_unused_output_counts_as_zeros_on_the_device(xp_device):
    class SinCos(Function):
        def forward(self, x):
            return self.xp.sin(x), self.xp.cos(x)

        def backward(self, gy0, gy1):
            (x,) = self.inputs
            return gy0 * F.cos(x) - gy1 * F.sin(x)

    x, other = Variable(place(xp_device, 0.5)), Variable(place(xp_device, [1.0]))
    y, _ = SinCos()(x)
    assert_same([grad(y, x), grad(y, other)], [Variable(np.array(np.cos(0.5))), Variable(np.zeros(1))])


def test_a_function_knows_the_module_of_its_call_and_numpy_otherwise(xp_device):
    f = F.Exp()
    assert f.xp is np
    f(place(xp_device, 1.0))
    assert f.xp is xp_device
    f(np.array(1.0))
    assert f.xp is np
    assert F.Exp.xp is np


# --- gradients checked on the device ---


def test_gradients_are_checked_where_the_point_is(xp_device):
    x, W = (place(xp_device, x) for x in signed((2, 3), (3, 2)))
    check_gradients(lambda x, W: F.tanh(F.matmul(x, W)), x, W)
    check_gradients(F.square, place(xp_device, 0.5))
    gradient = numerical_grad(F.square, Variable(x))
    assert_same([Variable(gradient)], [Variable(2 * cuda.as_numpy(x))], rtol=1e-6)
    difference = numerical_diff(F.square, Variable(x))
    assert_same([Variable(difference)], [Variable(2 * cuda.as_numpy(x))], rtol=1e-6)
    assert utils.gradient_check(F.softmax, x)


def test_a_wrong_gradient_is_rejected_on_the_device(xp_device):
    class Wrong(Function):
        def forward(self, x):
            return x**3

        def backward(self, gy):
            return 2 * self.inputs[0] ** 2 * gy

    with pytest.raises(AssertionError, match="check_gradients: order 1, input 0: expected"):
        check_gradients(lambda x: Wrong()(x), place(xp_device, [0.5, 2.0]))


# --- moving ---


def test_a_variable_moves_to_the_device_and_back_with_its_gradient(xp_device):
    data = array(2, 3).astype(np.float32)
    x = Parameter(data, name="W")
    x.to_gpu()
    assert cuda.is_on_gpu(x.data)
    assert x.grad is None
    (x * 3.0).backward()
    x.to_cpu()
    assert type(x.data) is type(x.grad.data) is np.ndarray
    np.testing.assert_array_equal(x.data, data)
    np.testing.assert_array_equal(x.grad.data, np.full((2, 3), 3.0))
    assert (x.dtype, x.grad.dtype, x.name) == (np.float32, np.float32, "W")
    x.to_gpu()
    assert cuda.is_on_gpu(x.grad.data)
    moved = x.data
    x.to_gpu()
    assert x.data is moved
    none = Parameter(None)
    none.to_gpu()
    none.to_cpu()
    assert none.data is None


def test_a_variable_prints_its_numbers_wherever_they_are(xp_device):
    x = Variable(place(xp_device, [[1, 2], [3, 4]]))
    assert repr(x) == "variable([[1 2]\n          [3 4]])"
    assert (len(x), x.shape, x.ndim, x.size, x.dtype) == (2, (2, 2), 2, 4, np.int64)
    assert x.xp is xp_device
    assert Variable(np.ones(1)).xp is np


def test_a_variable_on_the_device_is_a_number_but_no_numpy_array(xp_device):
    x = Variable(xp_device.asarray(np.array([3.0])))
    assert (float(x), int(x), bool(x)) == (3.0, 3, True)
    for convert in (np.asarray, np.array, lambda x: np.concatenate([x, x])):
        with pytest.raises(TypeError, match=r"[Ii]mplicit conversion"):
            convert(x)


def test_gradients_without_a_graph_on_the_device_have_no_backward(xp_device):
    x = Variable(xp_device.asarray(np.array([3.0])))
    (x * x + x + 1.0).backward()
    for gx in (x.grad, grad(x + 1.0, x)):
        with pytest.raises(RuntimeError, match="create_graph=True"):
            gx.backward()


def test_the_module_of_an_array_a_variable_or_anything_else(xp_device):
    host, device = np.ones(2), xp_device.ones(2)
    for x in (device, Variable(device)):
        assert cuda.get_array_module(x) is xp_device
    for x in (host, Variable(host), Variable(None), 1.0, [1.0], None):
        assert cuda.get_array_module(x) is np
    assert cuda.is_on_gpu(device)
    assert not cuda.is_on_gpu(host)


def test_arrays_variables_and_numbers_go_to_the_host_and_to_the_device(xp_device):
    host, device = np.arange(6.0).reshape(2, 3), xp_device.arange(6.0).reshape(2, 3)
    assert cuda.as_numpy(host) is host
    assert cuda.as_cupy(device) is device
    for x in (host, device, Variable(host), Variable(device), host.tolist()):
        assert type(cuda.as_numpy(x)) is np.ndarray
        np.testing.assert_array_equal(cuda.as_numpy(x), host)
        assert cuda.is_on_gpu(cuda.as_cupy(x))
        np.testing.assert_array_equal(cuda.as_numpy(cuda.as_cupy(x)), host)
    for number in (2, 2.5, np.float32(2.5)):
        assert cuda.as_numpy(number) == number
        assert float(cuda.as_cupy(number)) == number
    back = cuda.as_numpy(device)
    back *= 0
    assert float(device.sum()) == 15.0


def test_the_facade_compares_arrays_wherever_they_are(xp_device):
    assert utils.as_numpy is cuda.as_numpy
    x = np.array([1.0, 2.0])
    for a in (place(xp_device, x), Variable(place(xp_device, x))):
        assert utils.array_equal(a, x)
        assert not utils.array_equal(x + 1e-9, a)
        assert utils.array_allclose(x + 1e-9, a)
        assert not utils.array_allclose(a, x + 0.1)


@pytest.mark.parametrize("shape", [(), (1, 3), (2, 1)])
def test_the_books_array_functions_of_utils(xp_device, shape):
    x = array(2, 3)
    device = place(xp_device, x)
    assert_same([Variable(utils.sum_to(device, shape))], [Variable(utils.sum_to(x, shape))])
    assert_same([Variable(utils.logsumexp(device))], [Variable(utils.logsumexp(x))])


# --- no GPU ---

NO_GPU = {"no CuPy": "CuPy cannot be loaded. Install CuPy:", "no device": "CuPy is installed, but it finds no GPU"}


@pytest.fixture(params=NO_GPU)
def without_gpu(request, monkeypatch, standin):
    monkeypatch.setattr(cuda, "gpu_enable", False)
    monkeypatch.setattr(cuda, "cupy", None if request.param == "no CuPy" else standin)
    return NO_GPU[request.param]


def test_without_a_gpu_nothing_is_moved_or_changed(without_gpu):
    data, gradient = np.ones(2), Variable(np.ones(2))
    x = Parameter(data)
    x.grad = gradient
    for move in (x.to_gpu, lambda: cuda.as_cupy(x)):
        with pytest.raises(RuntimeError, match=re.escape(without_gpu)):
            move()
    assert x.data is data
    assert x.grad is gradient
    x.to_cpu()
    assert x.data is data
    assert cuda.get_array_module(data) is np
    assert cuda.as_numpy(x) is data
    assert not cuda.is_on_gpu(data)


def test_without_a_gpu_the_state_of_an_optimizer_stays_as_it_is(without_gpu):
    layer, optimizer = one_parameter(np), Adam()
    step(optimizer.setup(layer), 0)
    before = optimizer.states
    with pytest.raises(RuntimeError, match=re.escape(without_gpu)):
        optimizer.to_gpu()
    assert optimizer.states is before
    with pytest.raises(RuntimeError, match=re.escape(without_gpu)):
        SGD().to_gpu()
    optimizer.to_cpu()
    step(optimizer, 1)


SCRIPT = """
import sys, types
{cupy}
from stage5_advanced import cuda
print(cuda.gpu_enable, cuda.cupy is None, cuda.cp is cuda.cupy)
import numpy as np
from stage5_advanced import Variable
x = Variable(np.ones(2))
(x * 2.0).backward()
print(x.grad)
try:
    x.to_gpu()
except RuntimeError as error:
    print(error)
"""
CUPY = """
def count():
    {body}
cupy = sys.modules["cupy"] = types.ModuleType("cupy")
cupy.cuda = types.SimpleNamespace(runtime=types.SimpleNamespace(getDeviceCount=count))
"""
MACHINES = {
    "CuPy cannot be imported": ("sys.modules['cupy'] = None", "False True True", NO_GPU["no CuPy"]),
    "there is no driver": (
        CUPY.format(body="raise RuntimeError('no driver')"),
        "False False True",
        NO_GPU["no device"],
    ),
    "there is no device": (CUPY.format(body="return 0"), "False False True", NO_GPU["no device"]),
}


@pytest.mark.parametrize(("cupy", "flags", "text"), MACHINES.values(), ids=MACHINES)
def test_the_package_works_on_the_host_where(cupy, flags, text):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(cupy=cupy)], capture_output=True, text=True, check=True
    )
    first, second, third = run.stdout.splitlines()
    assert (first, second) == (flags, "variable([2. 2.])")
    assert text in third


# --- optimizers ---

OPTIMIZERS = {
    "SGD": lambda: SGD(0.1),
    "MomentumSGD": lambda: MomentumSGD(0.1),
    "AdaGrad": lambda: AdaGrad(0.1),
    "AdaDelta": AdaDelta,
    "Adam": lambda: Adam(0.1),
}
each_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def one_parameter(xp, *shape, dtype=np.float64):
    layer = Layer()
    layer.p = Parameter(place(xp, array(*shape), dtype))
    return layer


def step(optimizer, number):
    """An update with random gradients on the device of the parameters."""
    rng = np.random.default_rng(number)
    for param in optimizer.target.params():
        param.grad = Variable(place(param.xp, rng.standard_normal(param.shape), param.dtype))
    optimizer.update()


def all_on_device(optimizer):
    """Which arrays of the optimizer state are on the device."""
    return {name: cuda.is_on_gpu(a) for state in optimizer.states.values() for name, a in state.items()}


@each_optimizer
@pytest.mark.parametrize("shape", [(), (3,), (150, 130)], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_five_updates_on_the_device_are_those_on_the_host(xp_device, make, shape, dtype):
    results = []
    for xp in (xp_device, np):
        layer = one_parameter(xp, *shape, dtype=dtype)
        optimizer, data = make().setup(layer), layer.p.data
        for hook in (WeightDecay(0.1), ClipGrad(0.5)):
            optimizer.add_hook(hook)
        for number in range(5):
            step(optimizer, number)
        assert layer.p.data is data
        results.append([layer.p, *(Variable(a) for s in optimizer.states.values() for k, a in s.items() if k != "t")])
    assert_same(*results, rtol=1e-5 if dtype is np.float32 else 1e-12)


@each_optimizer
def test_state_follows_its_parameter(xp_device, make):
    """Five updates, with moves from device to device between them, are the same as five on the host."""
    layers = one_parameter(np, 3), one_parameter(np, 3)
    moving, staying = (make().setup(layer) for layer in layers)
    for number, move in enumerate(["to_gpu", "to_gpu", "to_cpu", "to_gpu", "to_cpu"]):
        getattr(layers[0].p, move)()
        for optimizer in (moving, staying):
            step(optimizer, number)
        there = all_on_device(moving)
        assert there.pop("t", False) is False
        assert set(there.values()) <= {move == "to_gpu"}
    np.testing.assert_allclose(layers[0].p.data, layers[1].p.data, rtol=1e-12)
    np.testing.assert_equal(list(moving.state()), list(staying.state()))


@each_optimizer
def test_state_can_be_moved_explicitly_except_for_counts(xp_device, make):
    layer = one_parameter(xp_device, 3)
    optimizer = make().setup(layer)
    step(optimizer, 0)
    before = optimizer.state()
    for move, there in ((optimizer.to_cpu, False), (optimizer.to_gpu, True), (optimizer.to_gpu, True)):
        move()
        assert {name: is_there for name, is_there in all_on_device(optimizer).items() if is_there != there} in (
            {},
            {"t": False},
        )
        np.testing.assert_equal(optimizer.state(), before)


@each_optimizer
def test_saved_state_is_numpys_and_goes_back_to_where_the_parameter_is(xp_device, make):
    layer = one_parameter(xp_device, 3)
    first, second = make().setup(layer), make().setup(layer)
    for number in range(3):
        step(first, number)
    state = first.state()
    arrays = [a for name, a in state.items() if name not in first.numbers()]
    assert all(type(a) is np.ndarray for a in arrays)
    second.load_state(state)
    assert all_on_device(second) == all_on_device(first)
    for a in arrays:
        a += 1  # copies, both when saved and when loaded
    np.testing.assert_equal(second.state(), first.state())
    before = cuda.as_numpy(layer.p)
    step(first, 3)
    expected = cuda.as_numpy(layer.p)
    layer.p.data = place(xp_device, before)
    step(second, 3)
    np.testing.assert_array_equal(cuda.as_numpy(layer.p), expected)


def test_state_that_does_not_fit_is_rejected_on_the_device_and_nothing_changes(xp_device):
    optimizer = MomentumSGD().setup(one_parameter(xp_device, 3))
    step(optimizer, 0)
    before = optimizer.state()
    with pytest.raises(ValueError, match=r"'p': expected v \(3,\) float64, got v \(2,\) float64"):
        optimizer.load_state({"p/v": np.zeros(2)})
    np.testing.assert_equal(optimizer.state(), before)


@pytest.mark.parametrize("hooks", [[], [WeightDecay(0.1)]], ids=["bare", "WeightDecay"])
def test_a_gradient_on_another_device_than_its_parameter_is_rejected_and_nothing_changes(xp_device, hooks):
    layer = one_parameter(xp_device, 3)
    layer.q = Parameter(place(xp_device, [1.0, 2.0]))
    optimizer = Adam().setup(layer)
    for hook in hooks:
        optimizer.add_hook(hook)
    layer.p.grad = Variable(xp_device.ones(3))
    layer.q.grad = Variable(np.ones(2))
    before = cuda.as_numpy(layer.p)
    with pytest.raises(
        ValueError, match=r"Adam.update: q: expected a gradient on the device of the parameter, got .*numpy"
    ):
        optimizer.update()
    np.testing.assert_array_equal(cuda.as_numpy(layer.p), before)
    assert optimizer.state() == optimizer.numbers()
    layer.q.to_cpu()
    with pytest.raises(
        TypeError, match="ClipGrad: expected arrays on one device, got input 0 on the GPU, input 1 on the host"
    ):
        ClipGrad(1.0)([layer.p, layer.q])
    layer.q.grad = Variable(xp_device.ones(2))
    with pytest.raises(ValueError, match=r"Adam.update: q: expected a gradient on the device of the parameter, got .*"):
        optimizer.update()


def test_an_update_on_the_device_is_not_split_into_chunks(xp_device):
    """Chunks are for the cache of a CPU; on a GPU each would cost several more calls."""
    assert len(list(optimizers.blocks(xp_device.zeros((150, 130)), xp_device.ones((150, 130))))) == 1
    assert len(list(optimizers.blocks(np.zeros((150, 130)), np.ones((150, 130))))) > 1


# --- waiting for the device: the host waits for what it reads ---


@pytest.fixture
def transfers(xp_standin, monkeypatch):
    """A list that grows with each transfer to the host."""
    log = []
    for name in ("get", "item", "tolist", "__float__", "__int__", "__bool__"):
        original = getattr(xp_standin.ndarray, name)
        monkeypatch.setattr(
            xp_standin.ndarray, name, lambda self, name=name, original=original: log.append(name) or original(self)
        )
    return log


@each_optimizer
def test_updates_do_not_wait_for_the_device(xp_standin, transfers, make):
    optimizer = make().setup(one_parameter(xp_standin, 3))
    optimizer.add_hook(WeightDecay(0.1))
    optimizer.add_hook(FreezeParam())
    for number in range(3):
        step(optimizer, number)
    assert transfers == []


def test_clip_grad_waits_for_the_device_once(xp_standin, transfers):
    layer = one_parameter(xp_standin, 3)
    layer.q, layer.r = Parameter(xp_standin.ones((2, 2))), Parameter(xp_standin.ones(()))
    optimizer = SGD().setup(layer)
    optimizer.add_hook(ClipGrad(0.1))
    step(optimizer, 0)
    assert transfers == ["get"]


@pytest.mark.parametrize(
    ("f", "count"),
    [
        (lambda xp, x: F.softmax_cross_entropy(x, xp.asarray([1, 0])), 1),
        (lambda xp, x: F.embed_id(xp.asarray([1, 0]), x), 1),
        (lambda xp, x: F.sigmoid_cross_entropy(x, xp.ones((2, 3))), 1),
        (lambda xp, x: F.binary_cross_entropy(F.sigmoid(x), xp.ones((2, 3))), 2),
        (lambda xp, x: F.mean_squared_error(x, xp.ones((2, 3))), 0),
        (lambda xp, x: F.softmax(F.logsumexp(F.max(x[:, :2], axis=1), keepdims=True), axis=0) + x.sum(), 0),
    ],
    ids=["softmax_cross_entropy", "embed_id", "sigmoid_cross_entropy", "binary_cross_entropy", "mse", "others"],
)
def test_only_the_checks_of_inputs_wait_for_the_device(xp_standin, transfers, f, count):
    x = Variable(xp_standin.ones((2, 3)))
    f(xp_standin, x).backward()
    assert len(transfers) == count


# --- training ---


def test_a_network_trains_on_the_device_as_on_the_host(xp_device):
    rng = np.random.default_rng(0)
    xs, ts = rng.standard_normal((8, 3)), rng.integers(0, 2, 8)
    results = []
    for xp in (xp_device, np):
        np.random.seed(0)
        model = MLP((4, 2), activation=F.relu)
        model(xs)  # initializes the weights
        for param in model.params():
            param.data = place(xp, param.data, np.float64)
        optimizer = Adam(0.01).setup(model)
        for _ in range(5):
            loss = F.softmax_cross_entropy(model(place(xp, xs)), place(xp, ts))
            model.cleargrads()
            loss.backward()
            optimizer.update()
        results.append([loss, *model.params()])
    assert_same(*results, rtol=1e-10)


# name of a layer -> (function that creates it, inputs of successive calls)
class Sampled(layers.NegativeSampling):
    def forward(self, v):
        return super().forward(v, self.W.xp.asarray([[0], [2]]))


class Tree(layers.BinaryHierarchicalSoftmax):
    def forward(self, v):
        return super().forward(v, self.W.xp.asarray([0, 2])) + self.log_prob(v)


LAYERS = {
    "BinaryHierarchicalSoftmax": (lambda: Tree([3, 1, 1], 3), [array(2, 3)]),
    "NegativeSampling": (lambda: Sampled([3, 1, 1], 3), [array(2, 3)]),
    "BatchNorm": (layers.BatchNorm, [array(4, 3), array(5, 3)]),
    "Conv1d": (lambda: layers.Conv1d(4, 3, pad="same", groups=2), [array(2, 2, 4)]),
    "Conv2d": (lambda: layers.Conv2d(2, 3, pad=1), [array(2, 3, 4, 4)]),
    "Deconv2d": (lambda: layers.Deconv2d(2, 3, stride=2), [array(2, 3, 2, 2)]),
    "DepthwiseConv2d": (lambda: layers.DepthwiseConv2d(2, 3, 2), [array(2, 3, 4, 4)]),
    "EmbedID": (lambda: layers.EmbedID(4, 3), [IDS]),
    "GRU": (lambda: layers.GRU(3), [array(2, 3), array(2, 3) / 2]),
    "LSTM": (lambda: layers.LSTM(3), [array(2, 3), array(2, 3) / 2]),
    "LayerNorm": (layers.LayerNorm, [array(2, 3), array(4, 3)]),
    "Linear": (lambda: layers.Linear(2), [array(2, 3)]),
    "RNN": (lambda: layers.RNN(3), [array(2, 3), array(2, 3) / 2]),
    "SeparableConv2d": (lambda: layers.SeparableConv2d(2, 3, pad="same"), [array(2, 3, 4, 4)]),
}


# Layers with several inputs or outputs, which have a test of their own.
SEVERAL = {"AdditiveAttention", "MultiHeadAttention", "NStepGRU", "NStepLSTM", "NStepRNN"}


def in_float32(xp, x):
    return place(xp, x, np.float32 if x.dtype.kind == "f" else None)


def test_every_layer_has_a_row():
    found = {name for name, kind in vars(layers).items() if inspect.isclass(kind) and issubclass(kind, Layer)}
    assert set(LAYERS) == found - {"Layer", "Dropout"} - SEVERAL  # Dropout has no arrays; its function has a row


@pytest.mark.parametrize("moment", ["before the first call", "before the last call"])
@pytest.mark.parametrize(("make", "xs"), LAYERS.values(), ids=LAYERS)
def test_a_layer_computes_on_the_device_what_it_computes_on_the_host(xp_device, make, xs, moment):
    """Also if its weights are initialized there, and if it has state that must be moved with it."""
    results = []
    for xp in (xp_device, np):
        np.random.seed(0)
        layer = make()
        for i, x in enumerate(xs):
            there = xp if moment == "before the first call" or i == len(xs) - 1 else np
            if there is not np:
                layer.to_gpu()
            for variable in layer.all_variables():
                variable.unchain()  # what was computed before the move cannot be differentiated after it
            y = layer(in_float32(there, x))
        F.sum(y * y).backward()
        gradients = [param.grad for param in layer.params()]
        results.append([y, *gradients, *(v for _, v in layer.named_state())])
        if xp is xp_device:
            assert layer.xp is xp_device
    assert_same(*results, rtol=1e-4)
    layer.to_gpu()
    layer.to_cpu()
    assert {v.xp for v in layer.all_variables()} == {np}


@pytest.mark.parametrize(("make", "xs"), LAYERS.values(), ids=LAYERS)
def test_the_weights_of_a_layer_on_the_device_are_saved_from_there_and_loaded_to_there(xp_device, tmp_path, make, xs):
    first, second = make(), make()
    for layer in (first, second):
        layer.to_gpu()
        layer(in_float32(xp_device, xs[0]))
    first.save_weights(tmp_path / "weights.npz")
    second.load_weights(tmp_path / "weights.npz")
    states = [[v for _, v in layer.named_state()] for layer in (second, first)]
    assert {v.xp for v in states[0] + states[1]} == {xp_device}
    for found, expected in zip(*states, strict=True):
        np.testing.assert_array_equal(cuda.as_numpy(found), cuda.as_numpy(expected))


def test_dropout_draws_and_passes_on_the_device(xp_device):
    x = Variable(xp_device.ones((100, 10), np.float32))
    y = F.dropout(x, 0.25)
    assert cuda.is_on_gpu(y.data)
    assert y.dtype == np.float32
    values, counts = np.unique(cuda.as_numpy(y), return_counts=True)
    np.testing.assert_allclose(values, [0.0, 4 / 3], rtol=1e-6)
    assert 150 < counts[0] < 350
    np.testing.assert_array_equal(cuda.as_numpy(grad(y, x)), cuda.as_numpy(y))


def test_a_loader_gives_batches_on_the_device(xp_device):
    loader = DataLoader([(np.ones(2), 1), (np.zeros(2), 0)], 2, shuffle=False, gpu=True)
    x, t = next(iter(loader))
    assert cuda.is_on_gpu(x)
    assert cuda.is_on_gpu(t)
    loader.to_cpu()
    assert [type(a) for a in next(iter(loader))] == [np.ndarray] * 2


# --- the stand-in ---


def test_the_stand_in_rejects_what_cupy_rejects(xp_standin):
    host, device = np.ones(2), xp_standin.ones(2)
    for mixed in (
        lambda: device + host,
        lambda: host * device,
        lambda: device - np.array(1.0),
        lambda: device * [1.0, 2.0],
        lambda: xp_standin.exp(host),
        lambda: xp_standin.exp([1.0]),
        lambda: xp_standin.where(device > 0, host, 0.0),
        lambda: xp_standin.concatenate([device, host]),
        lambda: device.__isub__(host),
        lambda: device.__setitem__(0, host[0:1]),
        lambda: device[np.array([0])],
        lambda: np.exp(device),
        lambda: np.add(device, 1.0),
        lambda: np.concatenate([device, device]),
        lambda: np.asarray(device),
        lambda: np.float64(device),
    ):
        with pytest.raises(TypeError):
            mixed()
    for unknown in (
        lambda: device.max(initial=0.0),
        lambda: xp_standin.max(device, initial=0.0),
        lambda: xp_standin.sum(device, where=device > 0),
    ):
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            unknown()
    for unknown in (lambda: xp_standin.scatter_add, lambda: device.scipy, lambda: xp_standin.random.poisson):
        with pytest.raises(AttributeError):
            unknown()


def test_the_stand_in_returns_device_arrays(xp_standin):
    x = xp_standin.asarray([[1.0, 2.0], [3.0, 4.0]])
    for y in (x.sum(), x[0, 0], x.max(axis=0), x > 1, np.float32(2) * x, 2 - x, xp_standin.sqrt(x), x @ x, -x, x[0]):
        assert isinstance(y, xp_standin.ndarray)
    assert x.sum().shape == ()
    row = x[0]
    row *= 10
    x[1, 0] = 5
    element = x[1, 1]
    element += 1
    np.testing.assert_array_equal(x.get(), [[10.0, 20.0], [5.0, 5.0]])
    assert row.base is not None
    assert x.base is x.copy().base is None
    assert x.astype(np.float64, copy=False) is x
    assert xp_standin.exp(x, out=x) is x
    xp_standin.add.at(x, xp_standin.asarray([0, 0]), xp_standin.ones(2))
    assert float(xp_standin.log(xp_standin.zeros(()))) == -np.inf  # without a warning


def test_the_stand_in_has_only_names_of_cupy(standin):
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    for table, owner in ((standin.FUNCTIONS, cupy), (standin.METHODS, cupy.ndarray), (standin.RANDOM, cupy.random)):
        for name, parameters in table.items():
            function = getattr(owner, name)
            try:
                known = inspect.signature(function).parameters
            except ValueError:  # of compiled code: its docstring begins with the signature
                known = re.findall(r"(\w+)(?==|,|\)|\*)", (function.__doc__ or "").split("\n")[0])
            if name not in standin.UFUNCS and name not in ("matmul", "rand", "randn", "reshape", "transpose"):
                assert set(standin.signature(parameters).parameters) <= {*known, "operands", "kwargs"}, name


def sequences_on_the_device():
    """Layers and models of sequences, each with a function of a batch."""
    ids = np.array([[1, 0, 4], [3, 3, 0]])
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    for kind in (L.NStepRNN, L.NStepLSTM, L.NStepGRU):
        yield kind(2, 3, 4, bidirectional=True), lambda layer, xp: layer(place(xp, x), None, [1, 3])[0]
    yield L.GRU(3, 4, reset_after=True), lambda layer, xp: (layer.reset_state(), 1.0 * layer(place(xp, x[0])))[1]
    yield L.MultiHeadAttention(2, 4), lambda layer, xp: layer(place(xp, x), mask=place(xp, ids > 0), causal=True)
    yield L.AdditiveAttention(5), lambda layer, xp: layer(*[place(xp, x)] * 3, place(xp, ids > 0))
    yield models.LanguageModel(5, 3, 4, "gru"), lambda model, xp: model.loss(place(xp, ids), place(xp, ids))[0]
    yield models.RNNClassifier(5, 3, 4), lambda model, xp: model(place(xp, ids), [1, 3])
    yield models.RNNClassifier(5, 3, 4, pool="mean"), lambda model, xp: model(place(xp, ids), [1, 3])
    yield models.RNNClassifier(5, 3, 4, pool="max"), lambda model, xp: model(place(xp, ids), [1, 3])
    yield models.TextCNN(5, 3, (2, 4), (3, 2), dropout_ratio=0.0), lambda model, xp: model(place(xp, ids))
    for attention in (None, "dot", "additive"):
        translator = models.Seq2Seq(models.Encoder(5, 3, 4), models.Decoder(5, 3, 4, attention=attention))
        yield translator, lambda model, xp: model.loss(place(xp, ids), place(xp, ids), [1, 3])


@pytest.mark.parametrize("number", range(14))
def test_sequences_are_computed_on_the_device(xp_device, number):
    assert_same_sequence(xp_device, number)


def assert_same_sequence(xp_device, number):
    """Assert that values and gradients are those of the host, and on the device."""
    np.random.seed(0)
    layer, call = list(sequences_on_the_device())[number]
    host = call(layer, np)
    params = list(layer.params())
    gxs = grad(F.sum(host**2), params)
    layer.to_gpu()
    found = call(layer, xp_device)
    assert_same([found, *grad(F.sum(found**2), params)], [host, *gxs], rtol=1e-3)


def test_a_translation_is_searched_on_the_device(xp_device):
    np.random.seed(0)
    model = models.Seq2Seq(models.Encoder(5, 3, 4), models.Decoder(5, 3, 4, attention="additive"))
    src = np.array([[1, 0, 4], [3, 3, 0]])
    host = text.greedy(model, src, 4, [2, 3])
    best = text.beam_search(model.step, (1, model.start(src[:1])), 2, 2, 4)
    model.to_gpu()
    on_device = place(xp_device, src)
    for a, b in zip(text.greedy(model, on_device, 4, [2, 3]), host, strict=True):
        np.testing.assert_array_equal(a, b)
    found = text.beam_search(model.step, (1, model.start(on_device[:1])), 2, 2, 4)
    assert [ids for ids, _ in found] == [ids for ids, _ in best]
