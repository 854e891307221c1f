"""Functions that differ between training and inference: dropout, batch_norm. [step 54]"""

import math

import numpy as np

from .. import cuda
from ..config import Config
from ..core import Function, Variable, as_input, as_number
from . import kernels
from .broadcast import accumulate, unbuffered
from .elementwise import derived
from .reduce import SHORT, mean, sum
from .shape import reshape


class Dropout(Function):
    """y = x mask / (1 - ratio), the mask False with probability ratio and drawn here;  gx = gy / (1 - ratio) mask."""

    def __init__(self, ratio):
        self.ratio = ratio

    @cuda.on_gpu(kernels.dropout)
    def forward(self, x):
        self.mask = self.xp.random.rand(*x.shape) > self.ratio
        return x * self.mask / (1.0 - self.ratio)

    def backward(self, gy):
        return DropoutGrad(self)(gy)


class DropoutGrad(Function):
    """gx = gy / (1 - ratio) mask, with the mask that the Dropout has drawn;  ggy = ggx / (1 - ratio) mask."""

    def __init__(self, dropout):
        self.dropout = dropout

    @cuda.on_gpu(kernels.dropout_gradient)
    def forward(self, gy):
        return gy / (1.0 - self.dropout.ratio) * self.dropout.mask

    def backward(self, ggx):
        return DropoutGrad(self.dropout)(ggx)


def dropout(x, dropout_ratio=0.5):
    """In training, 0 with probability dropout_ratio, otherwise x / (1 - dropout_ratio); at inference, x. [step 54]

    Each call draws from NumPy's global generator, or on a GPU from CuPy's. `test_mode` switches to
    inference. Raises ValueError for a ratio outside [0, 1).
    """
    x, ratio = as_input(x, "dropout"), as_ratio("dropout", "ratio", dropout_ratio)
    return Dropout(ratio)(x) if Config.train else x


def as_ratio(name, key, ratio):
    """The ratio of a dropout as a float. Raises TypeError unless it is a number, ValueError unless it is in [0, 1)."""
    number = float(as_number(name, key, ratio, nan=True))
    if not 0 <= number < 1:
        raise ValueError(f"{name}: expected a {key} in [0, 1), got {ratio}")
    return number


class BatchNorm(Function):
    """y = gamma xh + beta, xh = (x - mean) s, s = 1 / sqrt(var + eps); mean and var over all axes but 1.

    gx = gamma s (gy - mean(gy) - xh mean(gy xh)), ggamma = sum(gy xh), gbeta = sum(gy).
    """

    def __init__(self, eps):
        self.eps = eps

    @unbuffered()
    def forward(self, x, gamma, beta):
        y, self.mean, self.rest, self.var, self.s = center(three_axes(x, gamma, beta), self.eps)
        k = gamma[:, None] * self.s
        y *= k
        y += beta[:, None] - self.rest * k
        return y.reshape(x.shape).astype(np.result_type(0.0, x.dtype, gamma.dtype, beta.dtype), copy=False)

    def backward(self, gy):
        x, gamma = self.inputs[:2]
        gx, ggamma, gbeta = BatchNormGrad(self)(x, gamma, gy)
        return gx, ggamma, gbeta


class BatchNormGrad(Function):
    """Gradients gx, ggamma, gbeta of BatchNorm, which provides mean, rest and s.

    gx = k P(gy), where k = gamma s and P(g) = g - mean(g) - xh mean(g xh), which is its own transpose.
    The gradients with respect to gy: P(k ggx) + xh gggamma + ggbeta;  k: sum(ggx P(gy));
    xh: gy (gggamma - mean(k ggx xh)) - k ggx mean(gy xh).
    """

    def __init__(self, norm):
        self.norm = norm

    @cuda.on_gpu(kernels.batch_norm_gradient)
    @unbuffered()
    def forward(self, x, gamma, gy):
        m, rest, s = x.size // x.shape[1], self.norm.rest, self.norm.s
        gx = three_axes(x, gamma, gy) - self.norm.mean
        gy = three_axes(gy, x, gamma)
        gbeta = channel_sums(gy)
        ggamma = (channel_sums(gx, gy) - rest * gbeta) * s
        slope = ggamma / m * s
        gx *= -slope
        gx += gy
        gx -= gbeta / m - rest * slope
        gx *= gamma[:, None] * s
        return gx.reshape(x.shape), ggamma[:, 0], gbeta[:, 0]

    def backward(self, ggx, gggamma, ggbeta):
        x, gamma, gy = self.inputs
        axes = (0, *range(2, x.ndim))
        xh, s = Standardize(self.norm.eps)(x)
        gamma, gggamma, ggbeta = (reshape(v, s.shape) for v in (gamma, gggamma, ggbeta))
        r = ggx * (gamma * s)
        gk = sum(ggx * project(xh, gy, axes), axes, keepdims=True)
        gxh = gy * (gggamma - mean(r * xh, axes, keepdims=True)) - r * mean(gy * xh, axes, keepdims=True)
        gx = s * project(xh, gxh, axes) - xh * (gk * gamma * s**2 / (x.size // s.size))
        ggy = project(xh, r, axes) + xh * gggamma + ggbeta
        return gx, reshape(gk * s, (s.size,)), ggy


class Standardize(Function):
    """xh = (x - mean) s, s = 1 / sqrt(var + eps), both with the axes of x;  gx = s P(gxh) - gs s^2 xh / m."""

    def __init__(self, eps):
        self.eps = eps

    def forward(self, x):
        xh, _, rest, _, s = center(three_axes(x), self.eps)
        xh -= rest
        xh *= s
        return xh.reshape(x.shape), s.reshape(1, -1, *[1] * (x.ndim - 2))

    def backward(self, gxh, gs):
        (x,) = self.inputs
        xh, s = Standardize(self.eps)(x)
        axes = (0, *range(2, x.ndim))
        return s * project(xh, gxh, axes) - xh * (gs * s**2 / (len(x) * math.prod(x.shape[2:])))


def project(xh, g, axes):
    """P(g) = g - mean(g) - xh mean(g xh): the gradient g without its components along 1 and xh."""
    return g - mean(g, axes, keepdims=True) - xh * mean(g * xh, axes, keepdims=True)


def three_axes(x, *others):
    """x (N, C, ...) as (N, C, S), in the floating dtype to which x and others promote, at least float32."""
    dtype = np.result_type(0.0, np.float16, x.dtype, *(other.dtype for other in others))
    x = x.astype(np.float32 if dtype == np.float16 else dtype, copy=False)
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def center(x, eps):
    """x - mean, mean, rest, var and 1 / sqrt(var + eps) of x (N, C, S); all but the first (C, 1).

    The mean of many numbers far from 0 has a rounding error; rest, the mean of x - mean, corrects it.
    """
    m = len(x) * x.shape[2]
    mean = channel_sums(x) / m
    x = x - mean
    rest = channel_sums(x) / m
    var = channel_sums(x, x) / m - rest * rest
    return x, mean, rest, var, 1 / cuda.get_array_module(x).sqrt(var + eps)


def channel_sums(x, y=None):
    """Sum of x, or of x y, for each channel of arrays (N, C, S): an array (C, 1)."""
    if isinstance(x, np.ndarray) and 8 <= x.shape[2] <= SHORT:
        rows = np.vecdot(x, np.ones(x.shape[2], x.dtype) if y is None else y)  # twice as fast as x.sum(2)
        return accumulate(rows, (0,))[:, None]
    return accumulate(x if y is None else x * y, (0, 2))[:, None]


class MovingBatchNorm(BatchNorm):
    """BatchNorm that also updates running statistics, inputs without gradient:  mean <- decay mean + (1 - decay) m."""

    not_differentiated = (3, 4, 5)

    def __init__(self, decay, eps):
        super().__init__(eps)
        self.decay = decay

    @cuda.on_gpu(kernels.batch_norm)
    def forward(self, x, gamma, beta, mean, var, updates=None):
        y = super().forward(x, gamma, beta)
        decay, m = self.decay, x.size // x.shape[1]
        if updates is not None:
            t = int(updates)
            decay = t / (t + 1) if decay is None else min(decay, (1 + t) / (10 + t))
            updates += 1
        mean *= decay
        mean += (1 - decay) * (self.mean + self.rest)[:, 0]
        var *= decay
        var += (1 - decay) * m / (m - 1) * self.var[:, 0]
        return y

    def backward(self, gy):
        return *super().backward(gy), *[None] * (len(self.inputs) - 3)


def batch_norm(x, gamma, beta, mean, var, decay=0.9, eps=1e-5):
    """Normalize each channel to mean beta and standard deviation gamma.  x (N, C, ...). [step 54, not in the book]

    gamma, beta (C,): arrays or Variables. mean, var (C,): running statistics, arrays or Variables, which
    training updates in place: mean <- decay mean + (1 - decay) m, and var likewise with the unbiased
    variance. Inference (`test_mode`) uses them instead of the statistics of the batch. Raises ValueError
    if shapes do not match, and in training if there are fewer than two elements per channel.
    """
    x, gamma, beta, mean, var = inputs = channels("batch_norm", x, gamma, beta, mean, var, Config.train)
    if Config.train:
        return MovingBatchNorm(decay, eps)(*inputs)
    xp, shape = x.xp, (1, x.shape[1], *[1] * (x.ndim - 2))
    k = gamma / derived(lambda var: xp.sqrt(var + eps), var)
    return x * reshape(k, shape) + reshape(beta - k * derived(lambda mean: mean, mean), shape)


def moving_batch_norm(x, gamma, beta, mean, var, decay=0.9, eps=1e-5, updates=None):
    """What `batch_norm` does in training, in any mode. [not in the book]

    updates: a 0-d array or Variable of integers that counts the calls in place. With it, the first calls weigh their
    statistics more: decay is at most (1 + t) / (10 + t) after t calls; with decay None the running statistics are the
    means over all calls.
    """
    if decay is None and updates is None:
        raise ValueError("moving_batch_norm: expected updates, to count the calls, with decay None")
    counted = [] if updates is None else [as_input(updates, "moving_batch_norm")]
    inputs = channels("moving_batch_norm", x, gamma, beta, mean, var, True)
    return MovingBatchNorm(decay, eps)(*inputs, *counted)


def channels(name, x, gamma, beta, mean, var, train):
    """The inputs of batch_norm as Variables. Raises its errors."""
    inputs = [as_input(v, name) for v in (x, gamma, beta)]
    for key, v in (("mean", mean), ("var", var)):
        v = v.data if isinstance(v, Variable) else v
        if getattr(v, "dtype", None) is None or v.dtype.kind != "f":
            raise TypeError(f"{name}: expected a floating array as {key}, got {v!r}")
        if train and isinstance(v, np.ndarray) and not v.flags.writeable:
            raise ValueError(f"{name}: expected a writable array as {key} in training, got a read-only one")
    x, *others = inputs = [*inputs, as_input(mean), as_input(var)]
    shapes = [v.shape for v in others]
    if x.ndim < 2 or set(shapes) != {x.shape[1:2]}:
        raise ValueError(
            f"{name}: expected x (N, C, ...) and (C,) for the others, got x {x.shape}, "
            f"gamma {shapes[0]}, beta {shapes[1]}, mean {shapes[2]}, var {shapes[3]}"
        )
    if cuda.gpu_enable:
        cuda.common_module(name, [v.data for v in inputs])
    if train and x.size // max(1, x.shape[1]) < 2:
        raise ValueError(
            f"{name}: expected at least two elements per channel in training, got x {x.shape}; "
            "use test_mode() for inference"
        )
    return inputs


batch_nrom = batch_norm  # the spelling of the book's package
