"""Beyond the book: losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DIFFERENCES, FLOATS, SHAPES_ONLY, normal, uniform
from . import computation
from .beyond_tensors import BEYOND
from .steps37_41 import Shape, whole
from .steps42_51 import CANCELS

REDUCTIONS = ("mean", "sum", "none")
SCORES: tuple[Shape, ...] = ((2, 3), (4, 5), (2, 3, 4))  # (N, C, ...)


def classes(fw: Any, x: Any, axis: int = 1, lowest: int = 0) -> Any:
    """A label for each position of x, unsorted; the classes are along an axis."""
    shape = [n for i, n in enumerate(x.shape) if i != axis % len(x.shape)]
    return fw.constant(np.arange(np.prod(shape)).reshape(shape) ** 2 % (x.shape[axis] - lowest) + lowest)


def weights(fw: Any, x: Any, n: int) -> Any:
    """A weight for each class, in the dtype of x."""
    return fw.constant(np.linspace(0.5, 2.0, n).astype(fw.array(x).dtype))


def probabilities(fw: Any, x: Any) -> Any:
    """Positive numbers in the shape and dtype of x, which sum to 1 along axis 1; the first is 0."""
    p = np.arange(fw.array(x).size).reshape(x.shape) % 7.0
    return (p / p.sum(axis=1, keepdims=True)).astype(fw.array(x).dtype)


@computation(**BEYOND, inputs=[normal()], shapes=SCORES, cases=FLOATS)
def cross_entropy_with_options(fw: Any, x: Any) -> Any:
    """Weights, an ignored label, smoothing and every reduction; all together too"""
    t, w = classes(fw, x), weights(fw, x, x.shape[1])
    f = fw.softmax_cross_entropy
    found = [f(x, t, reduction=reduction) for reduction in REDUCTIONS]
    found += [f(x, t, weight=w), f(x, t, ignore=1), f(x, t, label_smoothing=0.2)]
    return found + [f(x * x, t, w, 0, 0.1, reduction=reduction) for reduction in REDUCTIONS]


@computation(**BEYOND, inputs=[normal()], shapes=((3, 2), (2, 3, 4)), cases=FLOATS)
def cross_entropy_along_another_axis(fw: Any, x: Any) -> Any:
    """The classes along the first and the last axis"""
    return [fw.softmax_cross_entropy(x * x, classes(fw, x, axis), axis=axis) for axis in (0, -1)]


@computation(**BEYOND, **CANCELS, inputs=[normal()], shapes=SCORES, cases=FLOATS)
def cross_entropy_of_probabilities(fw: Any, x: Any) -> Any:
    """Probabilities as targets, with weights and smoothing"""
    t, w = fw.constant(probabilities(fw, x)), weights(fw, x, x.shape[1])
    x, f = x * x, fw.softmax_cross_entropy
    return f(x, t, weight=w, label_smoothing=0.3), f(x, t), f(x, t, reduction="none")


@computation(**BEYOND, inputs=[normal()], shapes=SCORES, cases=FLOATS)
def nll_loss(fw: Any, x: Any) -> Any:
    """-log p[t] of logarithms, with weights, an ignored label and every reduction"""
    t, w, log_p = classes(fw, x), weights(fw, x, x.shape[1]), fw.log_softmax(x * x)
    return [
        fw.nll_loss(x * x, t),
        fw.nll_loss(log_p, t, w, 0),
        *(fw.nll_loss(log_p, t, reduction=r) for r in REDUCTIONS),
    ]


@computation(**BEYOND, inputs=[normal(2.0), normal(2.0)], shapes=((3,), (2, 3)), cases=FLOATS)
def losses_of_differences(fw: Any, x: Any, t: Any) -> Any:
    """l1, smooth l1 and Huber losses, with every reduction, with respect to predictions and targets"""
    y = x * x
    found = [f(y, t, reduction=r) for f in (fw.l1_loss, fw.smooth_l1_loss, fw.huber_loss) for r in REDUCTIONS]
    return [*found, fw.smooth_l1_loss(y, t, 0.3), fw.smooth_l1_loss(y, t, beta=0.0), fw.huber_loss(y, t, delta=2.5)]


@computation(**BEYOND, inputs=[whole(-1, 1), whole(-1, 1)], shapes=((4, 5),), cases=SHAPES_ONLY - DIFFERENCES)
def losses_of_differences_at_their_kinks(fw: Any, x: Any, t: Any) -> Any:
    """Differences of 0, and of just beta and delta"""
    return fw.l1_loss(x, t), fw.smooth_l1_loss(x, t), fw.huber_loss(x, t), fw.huber_loss(x, t, 2.0)


@computation(**BEYOND, inputs=[normal(), uniform(0.1, 1.0)], shapes=((2, 3), (4, 2)), cases=FLOATS)
def kl_div(fw: Any, x: Any, p: Any) -> Any:
    """The divergence of probabilities from log probabilities, with every reduction; p may be 0"""
    log_q = fw.log_softmax(x) * x
    return [
        *(fw.kl_div(log_q, p, r) for r in (*REDUCTIONS, "batchmean")),
        fw.kl_div(x, fw.constant(probabilities(fw, x))),
    ]


@computation(**BEYOND, inputs=[normal(), normal()], shapes=((3,), (2, 3)), cases=FLOATS)
def gaussian_kl_divergence(fw: Any, mu: Any, log_var: Any) -> Any:
    """The divergence of normal distributions from the standard one"""
    return [fw.gaussian_kl_divergence(mu, log_var), *(fw.gaussian_kl_divergence(mu, log_var, r) for r in REDUCTIONS)]


@computation(**BEYOND, inputs=[normal()], shapes=SCORES, cases=FLOATS)
def focal_loss(fw: Any, x: Any) -> Any:
    """Easy samples count less: every reduction, other exponents"""
    t, f = classes(fw, x), fw.focal_loss
    return [
        *(f(x, t, reduction=r) for r in REDUCTIONS),
        f(x, t, 0.0),
        f(x * x, t, 3.0, 0.25),
        f(x, classes(fw, x, 0), axis=0),
    ]


@computation(**BEYOND, inputs=[normal()], shapes=((4, 5),), order=0, dtypes=("float64",), cases=SHAPES_ONLY)
def focal_loss_of_sure_predictions(fw: Any, x: Any) -> Any:
    """Probabilities of nearly 1, from which 1 - p would lose half of the digits"""
    t = classes(fw, x)
    return fw.focal_loss(x + fw.constant(20.0 * np.eye(5)[fw.array(t)]), t)


@computation(**BEYOND, inputs=[normal(2.0), uniform(0.0, 1.0)], shapes=((3,), (2, 3)), cases=FLOATS)
def binary_cross_entropy_with_logits(fw: Any, x: Any, t: Any) -> Any:
    """With weights of elements and of the first term, and every reduction; with respect to logits and targets"""
    f, w = fw.binary_cross_entropy_with_logits, weights(fw, x, x.shape[-1])
    return [*(f(x, t, reduction=r) for r in REDUCTIONS), f(x, t, w), f(x, t, w, w * 3)]


@computation(**BEYOND, inputs=[normal(300.0), uniform(0.0, 1.0)], shapes=((4, 5),), order=1, cases=SHAPES_ONLY)
def losses_of_large_logits(fw: Any, x: Any, t: Any) -> Any:
    """Logits whose exponentials overflow"""
    return fw.binary_cross_entropy_with_logits(x, t), fw.softmax_cross_entropy(x, classes(fw, x), label_smoothing=0.1)


@computation(**BEYOND, inputs=[normal()], shapes=((2, 2), (2, 3, 4), (1, 2, 3, 3)), cases=FLOATS)
def total_variation(fw: Any, x: Any) -> Any:
    """Mean differences of neighbors"""
    return fw.total_variation(x), fw.total_variation(x * x)
