"""Losses: how far predictions are from targets, as one number."""

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .. import cuda
from ..core import Function, Variable, as_input, as_number
from . import kernels
from .activation import log_softmax, sigmoid, softmax, softmax_simple
from .broadcast import accumulate, narrow, sum_to, widen
from .compare import as_constant, as_indices, cast, equal, not_equal, where
from .elementwise import as_float, clip, log
from .reduce import maximum, mean, row_sums, sum
from .select import gather, squeeze, take
from .shape import check_indices, expand_dims, reshape, to_device_of


class MeanSquaredError(Function):
    """y = sum (x0 - x1)^2 / N;  gx0 = 2 (x0 - x1) gy / N, gx1 = -gx0. N is the length of the first axis."""

    def forward(self, x0, x1):
        self.N = np.broadcast_shapes(x0.shape, x1.shape)[0]
        return narrow(sum_of_squares(x0, x1) / self.N, np.result_type(x0.dtype, x1.dtype))

    def backward(self, gy):
        x0, x1 = self.inputs
        gx0 = mean_squared_error_gradient(gy, x0, x1, 2 / self.N)
        gx1 = None if x1.constant else sum_to(-gx0, x1.shape)
        return None if x0.constant else sum_to(gx0, x0.shape), gx1


@cuda.on_gpu(
    cuda.Kernel(
        "ReductionKernel", "T x0, T x1", "T y", "(x0 - x1) * (x0 - x1)", "a + b", "y = a", "0", "sum_of_squares"
    )
)
def sum_of_squares(x0, x1):
    """The sum of (x0 - x1)^2, of arrays."""
    return total(widen(x0 - x1) ** 2)


@kernels.gradient("T gy, T x0, T x1, T factor", "gx = gy * (x0 - x1) * factor")
def mean_squared_error_gradient(gy, x0, x1, factor):
    """The gradient of mean_squared_error with respect to x0, not summed to its shape."""
    return gy * (x0 - x1) * factor


def mean_squared_error(x0, x1):
    """Sum of squared differences, divided by the length of axis 0 (in PyTorch by the number of elements). [step 42]

    Integers are computed in float64. Raises ValueError if neither x0 nor x1 broadcasts to the shape of the
    other, or if axis 0 has no elements.
    """
    return MeanSquaredError()(*as_pair("mean_squared_error", x0, x1))


def mean_squared_error_simple(x0, x1):
    """mean_squared_error composed of basic functions, which keep intermediate arrays for backward. [step 42]"""
    x0, x1 = as_pair("mean_squared_error_simple", x0, x1)
    return sum(mean((x0 - x1) ** 2, axis=0))


def as_pair(name, x0, x1):
    """x0, x1 as floating-point Variables. Raises ValueError for (N, 1) and (N,), which would broadcast to (N, N)."""
    x0, x1 = as_float(x0, name), as_float(x1, name)
    try:
        shape = np.broadcast_shapes(x0.shape, x1.shape)
    except ValueError:
        shape = None
    if shape not in (x0.shape, x1.shape):
        raise ValueError(f"{name}: expected x0 and x1 of the same shape, got x0 {x0.shape} and x1 {x1.shape}")
    if len(shape) == 0 or shape[0] == 0:
        raise ValueError(f"{name}: expected a first axis with elements, got x0 {x0.shape} and x1 {x1.shape}")
    return x0, x1


def total(x):
    """Sum of all elements of an array; float16 is summed in, and returned as, float32."""
    return accumulate(x, tuple(range(x.ndim)))


class SoftmaxCrossEntropy(Function):
    """y = mean of -log p[t], p = softmax(x);  gx = (p - one-hot t) gy / N."""

    not_differentiated = (1,)

    @cuda.on_gpu(kernels.cross_entropy, integers=True)
    def forward(self, x, t):
        check_indices("softmax_cross_entropy", t, x.shape[1])
        N = len(x)
        e = x - maximum(x, axis=1)
        picked = e[self.xp.arange(N), t]
        self.e = self.xp.exp(e, out=e)
        self.total = row_sums(e)[:, None]
        return narrow(total(self.xp.log(self.total[:, 0]) - picked) / N, e.dtype)

    def backward(self, gy):
        return SoftmaxCrossEntropyGrad(self)(*self.inputs, gy), None


class SoftmaxCrossEntropyGrad(Function):
    """gx = (p - one-hot t) gy / N, p = softmax(x), without a one-hot array; p = e / total of the loss.

    The gradient with respect to x: p (s - sum(p s)), s = ggx gy / N;  with respect to gy: sum(ggx gx / gy).
    """

    not_differentiated = (1,)

    def __init__(self, loss):
        self.loss = loss

    @cuda.on_gpu(kernels.cross_entropy_gradient, integers=True)
    def forward(self, x, t, gy):
        N = len(x)
        share = widen(gy) / N
        gx = self.loss.e * (share / self.loss.total)
        gx[self.xp.arange(N), t] -= share
        return narrow(gx, self.loss.e.dtype)

    def backward(self, ggx):
        x, t, gy = self.inputs
        N = len(x)
        p = softmax(x)
        s = p * ggx
        row = sum(s, axis=1, keepdims=True)
        picked = gather(ggx, expand_dims(t, 1), 1)
        return (s - p * row) * (gy * (1 / N)), None, mean(row) - mean(picked)


def softmax_cross_entropy(x, t, weight=None, ignore=None, label_smoothing=0.0, axis=1, reduction="mean"):
    """Mean of -log softmax(x)[t].  x (N, C) logits, t (N,) labels, integers 0 to C - 1 -> (). [step 47]

    x may have more axes, with the classes along `axis` and t without it; t may also be probabilities, floats in the
    shape of x. weight (C,): the weight of each class; the mean is divided by the weights of the labels. ignore: a
    label, such as that of padding, that has no loss. label_smoothing: the share of the target distribution that is
    spread evenly over all classes. reduction: 'mean', 'sum' or 'none'.
    Stable for all logits. Raises TypeError unless labels are integers, ValueError if shapes do not match, if a
    label is out of range, or if nothing is left to average.
    """
    x = as_input(x, "softmax_cross_entropy")
    defaults = weight is None and ignore is None and label_smoothing == 0 and reduction == "mean"
    if x.ndim <= 2 and defaults and axis in (1, -1) and not is_distribution(x, t):
        return SoftmaxCrossEntropy()(x, as_labels("softmax_cross_entropy", x, t))
    axis = normalize_axis_index(axis, x.ndim, "softmax_cross_entropy")
    return cross_entropy(
        "softmax_cross_entropy", log_softmax(x, axis), t, weight, ignore, label_smoothing, axis, reduction
    )


def cross_entropy(name, log_p, t, weight, ignore, label_smoothing, axis, reduction):
    """Cross entropy of targets t and log probabilities; the arguments are those of softmax_cross_entropy."""
    C, label_smoothing = log_p.shape[axis], as_number(name, "label_smoothing", label_smoothing)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{name}: expected a label_smoothing from 0 to 1, got {label_smoothing}")
    if weight is not None:
        weight = as_input(weight, name)
        if weight.shape != (C,):
            raise ValueError(f"{name}: expected a weight for each of {C} classes, got {weight.shape}")
    if not is_distribution(log_p, t):
        t, counts = checked_labels(name, log_p, t, ignore, axis)
        return cross_entropy_of_labels(name, log_p, t, counts, weight, label_smoothing, axis, reduction)
    if ignore is not None:
        raise ValueError(f"{name}: expected labels with ignore={ignore}, got probabilities")
    t = as_input(t) * (1 - label_smoothing) + label_smoothing / C
    return reduced(name, -sum(t * weighted(log_p, weight, axis), axis), reduction)


def checked_labels(name, log_p, t, ignore, axis):
    """Labels with 0 in place of `ignore`, and which are not ignored, or None; both have the shape without `axis`."""
    t, shape, counts = as_indices(name, t, log_p), log_p.shape[:axis] + log_p.shape[axis + 1 :], None
    if t.shape != shape:
        raise ValueError(
            f"{name}: expected x (N, C) and t (N,), N at least 1, got x {log_p.shape} and t {t.shape}; "
            f"expected labels {shape} or probabilities {log_p.shape}"
        )
    if ignore is not None:
        if not isinstance(ignore, (int, np.integer)):
            raise TypeError(f"{name}: expected a label to ignore, an integer, got {ignore!r}")
        counts = not_equal(t, ignore)
        t = where(counts, t, 0)
    return checked(lambda t: check_indices(name, t, log_p.shape[axis]), t), counts


def cross_entropy_of_labels(name, log_p, t, counts, weight, label_smoothing, axis, reduction):
    """The reduced losses of labels; where counts is False, they are 0 and have no share in the mean."""
    losses = -squeeze(gather(log_p, expand_dims(t, axis), axis), axis)
    shares = None if weight is None else take(weight, t)
    losses = losses if weight is None else losses * shares
    if label_smoothing:
        spread = mean(weighted(log_p, weight, axis), axis)
        losses = (1 - label_smoothing) * losses - label_smoothing * spread
    if counts is not None:
        losses = where(counts, losses, 0)
        shares = cast(counts, log_p.dtype) if weight is None else where(counts, shares, 0)
    if shares is None or reduction != "mean":
        return reduced(name, losses, reduction)

    def check_total(total):
        if total == 0:
            raise ValueError(f"{name}: expected labels whose weights do not sum to 0, got a sum of 0")

    return sum(losses) / checked(check_total, sum(shares))


class Checked(Function):
    """y = x after a check of the array, which raises an error;  gx = gy."""

    def __init__(self, check):
        self.check = check

    def forward(self, x):
        self.check(x)
        return x

    def backward(self, gy):
        return gy


def checked(check, x):
    """x, whose values are checked by each call, also by one of a traced program."""
    y = Checked(check)(x)
    y.constant = x.constant
    return y


def is_distribution(x, t):
    """Whether targets are probabilities: floats in the shape of x."""
    t = cuda.data_of(t)
    return getattr(t, "shape", None) == x.shape and t.dtype.kind == "f"


def weighted(x, weight, axis):
    """x times a weight for each position along an axis, if there are weights."""
    return x if weight is None else x * reshape(weight, (-1, *[1] * (x.ndim - axis - 1)))


def reduced(name, losses, reduction):
    """The mean or the sum of losses, or the losses. Raises ValueError for another reduction, or a mean of nothing."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: expected reduction 'mean', 'sum' or 'none', got {reduction!r}")
    if reduction == "mean" and losses.size == 0:
        raise ValueError(f"{name}: expected at least one element to average over, got losses {losses.shape}")
    return losses if reduction == "none" else {"mean": mean, "sum": sum}[reduction](losses)


def softmax_cross_entropy_simple(x, t):
    """softmax_cross_entropy composed of basic functions. Probabilities below 1e-15 have no gradient. [step 47]"""
    x = as_input(x, "softmax_cross_entropy_simple")
    t = as_labels("softmax_cross_entropy_simple", x, t)
    C = x.shape[1]
    t = checked(lambda t: check_indices("softmax_cross_entropy_simple", t, C), t)
    p = clip(softmax_simple(x), 1e-15, 1.0)  # log(0) would be -inf
    return -1 * mean(log(p)[x.xp.arange(len(x)), t])


def as_labels(name, x, t):
    """Labels as a Variable, their shape checked against the logits x."""
    t = t if isinstance(t, Variable) else as_input(to_device_of(name, x.data, t))
    if x.ndim != 2 or t.shape != x.shape[:1] or len(t) == 0:
        raise ValueError(f"{name}: expected x (N, C) and t (N,), N at least 1, got x {x.shape} and t {t.shape}")
    return t


class SigmoidCrossEntropy(Function):
    """y = -sum (t log p + (1 - t) log(1 - p)) / N, p = sigmoid(x);  gx = (p - t) gy / N."""

    not_differentiated = (1,)

    def forward(self, x, t):
        return narrow(sum_of_entropies(x, t) / len(x), x.dtype)

    def backward(self, gy):
        x, t = self.inputs
        return sigmoid_cross_entropy_gradient(gy, x, t, 1 / len(x)), None


@cuda.on_gpu(
    cuda.Kernel(
        "ReductionKernel",
        "T x, T t",
        "T y",
        "max(x, T(0)) - x * t + log1p(exp(-abs(x)))",
        "a + b",
        "y = a",
        "0",
        "sum_of_entropies",
    )
)
def sum_of_entropies(x, t):
    """The sum of -t log p - (1 - t) log(1 - p), p = sigmoid(x), of arrays."""
    xp = cuda.get_array_module(x)
    # log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which does not overflow
    return total(xp.maximum(x, 0.0) - x * t + xp.log1p(xp.exp(-xp.abs(x))))


@kernels.gradient("T gy, T x, T t, T factor", "gx = (1 / (1 + exp(-x)) - t) * (gy * factor)")
def sigmoid_cross_entropy_gradient(gy, x, t, factor):
    """The gradient of sigmoid_cross_entropy."""
    return (sigmoid(x) - t) * (gy * factor)


def sigmoid_cross_entropy(x, t):
    """Loss of binary classification.  x logits, t targets from 0 to 1, of the same shape. [step 60, not in the book]

    The sum of -(t log p + (1 - t) log(1 - p)), p = sigmoid(x), divided by the length of axis 0 (in PyTorch's
    binary_cross_entropy_with_logits by the number of elements). Finite for all finite logits. Shapes may
    differ in axes of length 1, as (N, 1) and (N,). t is cast to the dtype of x and receives no gradient.
    Raises ValueError if shapes do not match or t is not from 0 to 1.
    """
    x = as_float(x, "sigmoid_cross_entropy")
    return SigmoidCrossEntropy()(x, as_targets("sigmoid_cross_entropy", x, t))


class BinaryCrossEntropy(Function):
    """y = -sum (t log p + (1 - t) log(1 - p)) / N;  gx = ((1 - t) / (1 - p) - t / p) gy / N."""

    not_differentiated = (1,)

    def forward(self, p, t):
        xp = self.xp
        if not ((p >= 0) & (p <= 1)).all():
            raise ValueError(f"binary_cross_entropy: expected p from 0 to 1, got {p.min()} to {p.max()}")
        with np.errstate(divide="ignore"):  # log(0) is -inf, which becomes -100
            log_p = xp.maximum(xp.log(p), -100.0)
            log_q = xp.maximum(xp.log1p(-p), -100.0)
        return narrow(total((t - 1) * log_q - t * log_p) / len(p), p.dtype)

    def backward(self, gy):
        p, t = self.inputs
        small = float(max(1e-12, np.finfo(t.dtype).tiny))
        # Avoid division by 0 where p is 0 or 1.
        at_0, at_1 = (cast(equal(p, end), t.dtype) * small for end in (0, 1))
        return ((1 - t) / (1 - p + at_1) - t / (p + at_0)) * (gy * (1 / len(p))), None


def binary_cross_entropy(p, t):
    """sigmoid_cross_entropy of probabilities p from 0 to 1, the outputs of a sigmoid. [step 60, not in the book]

    The sum of -(t log p + (1 - t) log(1 - p)), divided by the length of axis 0 (in PyTorch by the number of
    elements). Logarithms are at least -100, as in PyTorch. The gradient is exact, except where p is 0 and t is
    not, or p is 1 and t is not: there it is about 1e12. A sigmoid rounds to 1 for logits above 37 (float32: 17)
    and has no gradient there, unlike sigmoid_cross_entropy. Also raises ValueError if p is not from 0 to 1.
    """
    p = as_float(p, "binary_cross_entropy")
    return BinaryCrossEntropy()(p, as_targets("binary_cross_entropy", p, t))


class Targets(Function):
    """y = t in a shape and a dtype, without gradient. Raises ValueError unless t is from 0 to 1."""

    not_differentiated = (0,)

    def __init__(self, name, shape, dtype):
        self.name = name
        self.shape = shape
        self.dtype = dtype

    @cuda.on_gpu(kernels.targets)
    def forward(self, t):
        if not ((t >= 0) & (t <= 1)).all():
            raise ValueError(f"{self.name}: expected t from 0 to 1, got {t.min()} to {t.max()}")
        return t.reshape(self.shape).astype(self.dtype, copy=False)

    def backward(self, gy):
        return None


def as_targets(name, x, t):
    """Targets as a constant with the shape and dtype of x, checked; on a GPU, the host waits for the check."""
    t = t if isinstance(t, Variable) else to_device_of(name, x.data, t)
    if t.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected real numbers as targets, got {t.dtype}")
    if x.ndim == 0 or len(x) == 0 or [n for n in x.shape if n != 1] != [n for n in t.shape if n != 1]:
        raise ValueError(
            f"{name}: expected predictions and t of the same shape, N at least 1, got {x.shape} and t {t.shape}"
        )
    return as_constant(Targets(name, x.shape, x.dtype)(t))
