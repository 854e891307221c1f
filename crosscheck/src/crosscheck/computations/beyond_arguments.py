"""Beyond the book: arguments of another kind, numbers of NumPy, float16 whose squares overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import FLOATS, normal
from . import computation
from .beyond_errors import sgd, whole
from .errors import errors
from .steps37_41 import ones
from .values import values


@computation(step=60, since=5, inputs=[normal(), normal()], shapes=((2, 3), (2, 3, 4)), cases=FLOATS)
def cosine_similarity_of_shapes_that_broadcast(fw: Any, x0: Any, x1: Any) -> Any:
    """A column, or a row with fewer axes, is broadcast before its norm is computed"""
    rows = fw.cosine_similarity(x0[0], x1, axis=1)
    return fw.cosine_similarity(x0[:, :1], x1), fw.cosine_similarity(x0, x1[:1], axis=0), rows


def half(*numbers: float) -> Any:
    """Numbers as float16, whose largest is 65504."""
    return np.array([numbers], np.float16)


def squares(fw: Any) -> Any:
    """Results in the range of float16 from numbers whose squares are not."""
    x, t = half(300, 400), half(0, 0)
    return [
        fw.normalize(x), fw.cosine_similarity(x, half(400, 300)), fw.var(half(0, 0, 0, 400)),
        fw.std(half(0, 0, 0, 400)), fw.smooth_l1_loss(x, t, 600.0), fw.huber_loss(half(300), half(0), 400.0),
        fw.softplus(half(1000), 100.0), fw.local_response_norm(half(400), 1, 1.0, 0.5, 0.0), fw.gelu(half(300), "tanh"),
    ]  # fmt: skip


def expected_squares() -> Any:
    """The results of `squares`, from the formulas."""
    found = [[[0.6, 0.8]], [0.96], 3e4, 3e4**0.5, (300**2 + 400**2) / 2400, 45e3, [[1000]], [[1]], [[300]]]
    return [np.array(a, np.float16) for a in found]


def types(fw: Any) -> Any:
    """The dtypes of results of float32 with settings that are numbers of NumPy."""
    x, labels, n = np.ones((2, 3), np.float32), np.array([0, 1]), np.float64(0.5)
    found = [
        fw.normalize(x, eps=n), fw.cosine_similarity(x, x, eps=n), fw.layer_norm(x, eps=n), fw.var(x, ddof=n),
        fw.local_response_norm(x, np.int64(3), n, n, n), fw.smooth_l1_loss(x, 2 * x, n), fw.huber_loss(x, 2 * x, n),
        fw.softmax_cross_entropy(x, labels, label_smoothing=n), fw.focal_loss(x, labels, n, n), fw.softplus(x, n),
        fw.elu(x, n), fw.pad(x, 1, value=n), fw.attention(x, x, x, scale=n),
    ]  # fmt: skip
    return [fw.array(y).dtype for y in found]


def load_gamma(fw: Any, gamma: Any) -> None:
    """Load the arrays of a batch norm that was not called yet."""
    norm = fw.layers.BatchNorm()
    three = np.ones(3, np.float32)
    norm.set_weights({"avg_mean": three, "avg_var": three, "gamma": gamma, "beta": three})


# fmt: off
values(
    60, "PyTorch computes float16 in other ways, and has no numbers of NumPy",
    ("float16_whose_squares_overflow", squares, expected_squares),
    ("functions_with_numbers_of_numpy", types, lambda: [np.dtype(np.float32)] * 13),
    since=5,
)
errors(
    60,
    ("huber_loss_with_delta_in_a_list", lambda fw: fw.huber_loss(ones(fw, 2), ones(fw, 2), [1.0]),
     TypeError, "huber_loss: expected delta to be a number, got [1.0]"),
    ("cosine_similarity_of_shapes_that_do_not_broadcast", lambda fw: fw.cosine_similarity(ones(fw, 2), ones(fw, 3)),
     ValueError, "cosine_similarity: expected x0 and x1 that broadcast, got x0 (2,) and x1 (3,)"),
    ("cross_entropy_that_ignores_a_half",
     lambda fw: fw.softmax_cross_entropy(ones(fw, 2, 3), whole(fw, 0, 1), ignore=0.5),
     TypeError, "softmax_cross_entropy: expected a label to ignore, an integer, got 0.5"),
    ("warm_up_of_an_optimizer", lambda fw: fw.optimizers.WarmUp(sgd(fw), 3),
     TypeError, "WarmUp: expected a Schedule, got SGD"),
    since=5,
)
errors(
    60,
    ("sequence_mask_of_negative_length", lambda fw: fw.sequence_mask(np.array([1, 2]), -1),
     ValueError, "sequence_mask: expected T to be an integer of at least 0, got -1"),
    ("receptive_field_with_stride_zero", lambda fw: fw.receptive_field([3], [0]),
     ValueError, "receptive_field: expected positive integers, got 3, 0, 1", "the adapter has no check"),
    ("trainer_without_a_loss", lambda fw: fw.training.Trainer(fw.layers.Linear(1), fw.optimizers.SGD(), None),
     TypeError, "Trainer: expected a model, an optimizer and a function as the loss, got Linear, SGD, NoneType"),
    ("average_of_no_model", lambda fw: fw.training.ExponentialMovingAverage([1]),
     TypeError, "ExponentialMovingAverage: expected a Layer or Model, got list"),
    ("parameters_of_no_model", lambda fw: fw.training.count_params([1]),
     TypeError, "count_params: expected a Layer or Model, got list"),
    ("batch_norm_with_gamma_of_another_length", lambda fw: load_gamma(fw, np.ones(2, np.float32)),
     ValueError, "BatchNorm: 'gamma': expected (3,) float32, as 'avg_mean', got (2,) float32"),
    since=5,
)
# fmt: on
