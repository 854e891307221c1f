"""More losses. They follow PyTorch: the mean is over all elements; reduction: 'mean', 'sum' or 'none'."""

import math

from numpy.lib.array_utils import normalize_axis_index

from ..core import Variable, as_input, as_number
from .activation import log_softmax
from .compare import as_indices, equal, less, where
from .elementwise import as_float, exp, log, square
from .loss import checked, cross_entropy, reduced, softmax_cross_entropy
from .reduce import mean, sum
from .select import gather, squeeze
from .shape import check_indices, expand_dims, get_item, to_device_of
from .units import abs, expm1, softplus


def nll_loss(log_p, t, weight=None, ignore=None, axis=1, reduction="mean"):
    """Mean of -log_p[t]: softmax_cross_entropy of log probabilities instead of logits. [not in the book]

    All arguments and errors are those of `softmax_cross_entropy`.
    """
    log_p = as_float(log_p, "nll_loss")
    axis = normalize_axis_index(axis, log_p.ndim, "nll_loss")
    return cross_entropy("nll_loss", log_p, t, weight, ignore, 0.0, axis, reduction)


def difference(name, x, t):
    """x - t. Raises ValueError unless they have the same shape: losses do not broadcast."""
    x, t = as_pair(name, x, t)
    return x - t


def as_pair(name, x, t):
    """Predictions and targets as floating-point Variables of the same shape, targets on the device of x."""
    x = as_float(x, name)
    t = as_float(t if isinstance(t, Variable) else to_device_of(name, x.data, t), name)
    if x.shape != t.shape:
        raise ValueError(f"{name}: expected targets in the shape of x, got x {x.shape} and t {t.shape}")
    return x, t


def l1_loss(x, t, reduction="mean"):
    """Mean of |x - t|, whose gradient is 0 where they are equal. [not in the book]

    Raises ValueError if the shapes differ.
    """
    return reduced("l1_loss", abs(difference("l1_loss", x, t)), reduction)


def smooth_l1_loss(x, t, beta=1.0, reduction="mean"):
    """Mean of d^2 / (2 beta) where d = |x - t| is below beta, otherwise of d - beta / 2. [not in the book]

    Raises ValueError if the shapes differ or beta is negative.
    """
    d, beta = difference("smooth_l1_loss", x, t), as_number("smooth_l1_loss", "beta", beta)
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: expected beta of at least 0, got {beta}")
    if beta == 0:
        return reduced("smooth_l1_loss", abs(d), reduction)
    return reduced("smooth_l1_loss", where(less(abs(d), beta), d * (d * (0.5 / beta)), abs(d) - 0.5 * beta), reduction)


def huber_loss(x, t, delta=1.0, reduction="mean"):
    """Mean of d^2 / 2 where d = |x - t| is below delta, otherwise of delta (d - delta / 2). [not in the book]

    Raises ValueError if the shapes differ or delta is not above 0.
    """
    d, delta = difference("huber_loss", x, t), as_number("huber_loss", "delta", delta)
    if not 0 < delta < math.inf:
        raise ValueError(f"huber_loss: expected 0 < delta < inf, got {delta}")
    return reduced("huber_loss", where(less(abs(d), delta), d * (0.5 * d), delta * (abs(d) - 0.5 * delta)), reduction)


def kl_div(log_q, p, reduction="mean"):
    """Mean of p (log p - log q), 0 where p = 0; p are probabilities, log_q are log probabilities. [not in the book]

    The divergence itself is the sum over classes, averaged over axis 0: reduction 'batchmean'. Raises ValueError if
    the shapes differ.
    """
    log_q, p = as_pair("kl_div", log_q, p)
    zero = equal(p, 0)
    losses = where(zero, 0, p * (log(where(zero, 1, p)) - log_q))
    if reduction != "batchmean":
        return reduced("kl_div", losses, reduction)
    if losses.ndim == 0 or len(losses) == 0:
        raise ValueError(f"kl_div: expected a first axis with elements, got {losses.shape}")
    return sum(losses) / len(losses)


def gaussian_kl_divergence(mu, log_var, reduction="sum"):
    """Divergence of normal distributions from the standard one: -1/2 (1 + log_var - mu^2 - var). [not in the book]

    Raises ValueError if the shapes differ.
    """
    mu, log_var = as_pair("gaussian_kl_divergence", mu, log_var)
    return reduced("gaussian_kl_divergence", -0.5 * (1 + log_var - square(mu) - exp(log_var)), reduction)


def focal_loss(x, t, gamma=2.0, alpha=1.0, axis=1, reduction="mean"):
    """Mean of -alpha (1 - p)^gamma log p, p = softmax(x)[t]: easy samples count less. [not in the book]

    x (N, C, ...) logits, t (N, ...) labels; gamma 0 is softmax_cross_entropy. Raises TypeError unless labels are
    integers, ValueError if shapes do not match, a label is out of range or gamma is negative.
    """
    x = as_float(x, "focal_loss")
    gamma, alpha = as_number("focal_loss", "gamma", gamma), as_number("focal_loss", "alpha", alpha)
    if not gamma >= 0:
        raise ValueError(f"focal_loss: expected gamma of at least 0, got {gamma}")
    if gamma == 0:
        y = softmax_cross_entropy(x, t, axis=axis, reduction=reduction)
        return y if alpha == 1 else alpha * y
    axis, t = normalize_axis_index(axis, x.ndim, "focal_loss"), as_indices("focal_loss", t, x)
    if t.shape != x.shape[:axis] + x.shape[axis + 1 :]:
        raise ValueError(f"focal_loss: expected labels in the shape of x {x.shape} without axis {axis}, got {t.shape}")
    C = x.shape[axis]
    t = checked(lambda t: check_indices("focal_loss", t, C), t)
    log_p = squeeze(gather(log_softmax(x, axis), expand_dims(t, axis), axis), axis)
    rest = -expm1(log_p)  # 1 - p, without cancellation where p is near 1
    sure = equal(rest, 0)  # there the power may have an infinite gradient
    return reduced("focal_loss", where(sure, 0, where(sure, 1, rest) ** gamma * log_p) * -alpha, reduction)


def binary_cross_entropy_with_logits(x, t, weight=None, pos_weight=None, reduction="mean"):
    """Mean of -(t log p + (1 - t) log(1 - p)), p = sigmoid(x), from logits and without overflow. [not in the book]

    weight, pos_weight: of each element, and of the first term; they broadcast to the shape of x. Raises ValueError
    if the shapes of x and t differ. sigmoid_cross_entropy divides by the length of axis 0 instead.
    """
    x, t = as_pair("binary_cross_entropy_with_logits", x, t)
    positive = softplus(-x) if pos_weight is None else (1 + (pos_weight - 1) * t) * softplus(-x)
    losses = (1 - t) * x + positive
    losses = losses if weight is None else losses * weight
    if losses.shape != x.shape:
        raise ValueError(
            f"binary_cross_entropy_with_logits: expected weights that broadcast to x {x.shape}, got {losses.shape}"
        )
    return reduced("binary_cross_entropy_with_logits", losses, reduction)


def total_variation(x):
    """Half the sum of the mean absolute differences of neighbors, vertical and horizontal.  x (..., H, W) -> ().

    Small for smooth images. Raises ValueError if a side is shorter than 2. [not in the book]
    """
    x = as_input(x, "total_variation")
    if x.ndim < 2 or min(x.shape[-2:]) < 2 or x.size == 0:
        raise ValueError(f"total_variation: expected x (..., H, W) with sides of at least 2, got {x.shape}")
    vertical = get_item(x, (..., slice(1, None), slice(None))) - get_item(x, (..., slice(-1), slice(None)))
    horizontal = get_item(x, (..., slice(1, None))) - get_item(x, (..., slice(-1)))
    return 0.5 * (mean(abs(vertical)) + mean(abs(horizontal)))
