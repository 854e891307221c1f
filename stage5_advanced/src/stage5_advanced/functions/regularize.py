"""Functions that behave differently in training and in use: dropout, batch_norm. [step 54]"""

import math

import numpy as np

from .. import cuda
from ..config import Config
from ..core import Function, Variable, as_input
from .reduce import mean, sum
from .shape import reshape

CACHED = 2**15  # elements worked on at once: what a processor's cache holds over several passes


def dropout(x, dropout_ratio=0.5):
    """In training each element is 0 with probability dropout_ratio, the others x / (1 - ratio); in use x. [step 54]

    Drawn afresh at each call from NumPy's global generator, on a GPU from CuPy's. `test_mode` is the
    switch. ValueError for a ratio outside [0, 1).
    """
    if not 0 <= dropout_ratio < 1:
        raise ValueError(f"dropout: ratio {dropout_ratio} came, at least 0 and less than 1 is needed")
    x = as_input(x)
    if not Config.train:
        return x
    mask = x.xp.random.rand(*x.shape) > dropout_ratio
    return x * mask / (1.0 - float(dropout_ratio))


class BatchNorm(Function):
    """y = gamma xh + beta, xh = (x - mean) s, s = 1 / sqrt(var + eps); mean and var over all axes but 1.

    gx = gamma s (gy - mean(gy) - xh mean(gy xh)), ggamma = sum(gy xh), gbeta = sum(gy).
    """

    def __init__(self, eps):
        self.eps = eps

    def forward(self, x, gamma, beta):
        shape, dtype = x.shape, x.dtype
        x = three_axes(x)
        self.mean, self.rest, self.var, self.s = moments(self.xp, x, self.eps)
        k = gamma[:, None] * self.s
        b = beta[:, None] - self.rest * k
        y = self.xp.empty(x.shape, np.result_type(x.dtype, k.dtype, b.dtype))
        for s in slabs(self.xp, x):
            part = y[s]
            self.xp.subtract(x[s], self.mean, out=part)
            part *= k
            part += b
        return y.reshape(shape).astype(np.result_type(dtype, gamma.dtype, beta.dtype), copy=False)

    def backward(self, gy):
        x, gamma, _ = self.inputs
        gx, ggamma, gbeta = BatchNormGrad(self.eps, self.mean, self.rest, self.s)(x, gamma, gy)
        return gx, ggamma, gbeta


class BatchNormGrad(Function):
    """The gradients gx, ggamma, gbeta of BatchNorm. mean, its rest and s are handed over.

    With P(g) = g - mean(g) - xh mean(g xh), which is its own transpose: gx = k P(gy), k = gamma s.
    By gy: P(k ggx) + xh gggamma + ggbeta;  by k: sum(ggx P(gy));  by xh: gy (gggamma - mean(k ggx xh)) - k ggx
    mean(gy xh).
    """

    def __init__(self, eps, mean, rest, s):
        self.eps = eps
        self.mean = mean
        self.rest = rest
        self.s = s

    def forward(self, x, gamma, gy):
        x, gy, shape = three_axes(x), three_axes(gy), x.shape
        m = x.size // x.shape[1]
        gbeta = gy.sum((0, 2))
        ggamma = 0
        for s in slabs(self.xp, x):
            part = x[s] - self.mean
            part *= gy[s]
            ggamma = ggamma + part.sum((0, 2))
        ggamma = (ggamma - self.rest[:, 0] * gbeta) * self.s[:, 0]
        slope = (ggamma / m)[:, None] * self.s
        shift = (gbeta / m)[:, None] - self.rest * slope
        k = gamma[:, None] * self.s
        gx = self.xp.empty(x.shape, np.result_type(x.dtype, gy.dtype, k.dtype))
        for s in slabs(self.xp, x):
            part = gx[s]
            self.xp.subtract(self.mean, x[s], out=part)
            part *= slope
            part += gy[s]
            part -= shift
            part *= k
        return gx.reshape(shape), ggamma, gbeta

    def backward(self, ggx, gggamma, ggbeta):
        x, gamma, gy = self.inputs
        axes = (0, *range(2, x.ndim))
        xh, s = Standardize(self.eps)(x)
        gamma, gggamma, ggbeta = (reshape(v, s.shape) for v in (gamma, gggamma, ggbeta))
        r = ggx * (gamma * s)
        gk = sum(ggx * centred(xh, gy, axes), axes, keepdims=True)
        gxh = gy * (gggamma - mean(r * xh, axes, keepdims=True)) - r * mean(gy * xh, axes, keepdims=True)
        gx = s * centred(xh, gxh, axes) - xh * (gk * gamma * s**2 / (x.size // s.size))
        ggy = centred(xh, r, axes) + xh * gggamma + ggbeta
        return gx, reshape(gk * s, (s.size,)), ggy


class Standardize(Function):
    """xh = (x - mean) s, s = 1 / sqrt(var + eps), both with all axes;  gx = s P(gxh) - gs s^2 xh / m."""

    def __init__(self, eps):
        self.eps = eps

    def forward(self, x):
        mean, rest, _, s = moments(self.xp, three_axes(x), self.eps)
        shape = (1, x.shape[1], *[1] * (x.ndim - 2))
        mean, rest, s = (v.reshape(shape) for v in (mean, rest, s))
        return (x - mean - rest) * s, s

    def backward(self, gxh, gs):
        (x,) = self.inputs
        xh, s = Standardize(self.eps)(x)
        axes = (0, *range(2, x.ndim))
        return s * centred(xh, gxh, axes) - xh * (gs * s**2 / (x.size // s.size))


def centred(xh, g, axes):
    """P(g) = g - mean(g) - xh mean(g xh): what is left of a gradient once mean and variance are fixed."""
    return g - mean(g, axes, keepdims=True) - xh * mean(g * xh, axes, keepdims=True)


def three_axes(x):
    """(N, C, ...) -> (N, C, S); float16 as float32, for its sums are soon too large."""
    x = x.astype(np.float32) if x.dtype == np.float16 else x
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def slabs(xp, x):
    """x (N, C, S) in slices of the batch: on the host small ones, on a GPU the whole."""
    step = max(1, CACHED // max(1, x[:1].size)) if xp is np else max(1, len(x))
    return [slice(start, start + step) for start in range(0, len(x), step)]


def moments(xp, x, eps):
    """mean, the rest of it, var and 1 / sqrt(var + eps) of x (N, C, S) for each channel, arrays (C, 1).

    The sum of many numbers that are far from 0 is rounded: what x - mean then has for a mean is the rest.
    """
    m = x.size // x.shape[1]
    mean = (x.sum((0, 2)) / m)[:, None]
    rest = var = 0
    for s in slabs(xp, x):
        part = x[s] - mean
        rest = rest + part.sum((0, 2))[:, None]
        part *= part
        var = var + part.sum((0, 2))[:, None]
    rest = rest / m
    var = var / m - rest * rest
    return mean, rest, var, 1 / xp.sqrt(var + eps)


def batch_norm(x, gamma, beta, mean, var, decay=0.9, eps=1e-5):
    """Each channel with mean beta and standard deviation gamma.  x (N, C, ...) -> its shape. [beside step 54]

    gamma, beta (C,): arrays or Variables. mean, var (C,): the running statistics, arrays or Variables that
    training updates in place,  mean <- decay mean + (1 - decay) m,  var likewise with the unbiased variance;
    in use (`test_mode`) they stand in for those of the batch. ValueError for shapes that do not fit, and in
    training for fewer than two numbers a channel.
    """
    x, gamma, beta = as_input(x), as_input(gamma), as_input(beta)
    running = [v.data if isinstance(v, Variable) else v for v in (mean, var)]
    for name, v in zip(("mean", "var"), running, strict=True):
        if getattr(v, "dtype", None) is None or v.dtype.kind != "f":
            raise TypeError(f"batch_norm: {name} {v!r} came, an array of floats is needed")
        if Config.train and isinstance(v, np.ndarray) and not v.flags.writeable:
            raise ValueError(f"batch_norm: {name} is read-only, in training it is updated")
    shapes = [v.shape for v in (gamma, beta, *running)]
    if x.ndim < 2 or set(shapes) != {x.shape[1:2]}:
        raise ValueError(
            f"batch_norm: x {x.shape}, gamma {shapes[0]}, beta {shapes[1]}, mean {shapes[2]}, var {shapes[3]} came, "
            "x (N, C, ...) and (C,) for the others are needed"
        )
    if cuda.gpu_enable:
        cuda.common_module("batch_norm", [x.data, gamma.data, beta.data, *running])
    mean, var = running
    if not Config.train:
        k = gamma / x.xp.sqrt(var + eps)
        shape = (1, x.shape[1], *[1] * (x.ndim - 2))
        return x * reshape(k, shape) + reshape(beta - k * mean, shape)

    m = x.size // max(1, x.shape[1])
    if m < 2:
        raise ValueError(
            f"batch_norm: x {x.shape} came, in training at least two numbers a channel are needed; "
            "test_mode() is for the use of one"
        )
    f = BatchNorm(eps)
    y = f(x, gamma, beta)
    mean *= decay
    mean += (1 - decay) * (f.mean + f.rest)[:, 0]
    var *= decay
    var += (1 - decay) * m / (m - 1) * f.var[:, 0]
    return y


batch_nrom = batch_norm  # the name that the book's package published
