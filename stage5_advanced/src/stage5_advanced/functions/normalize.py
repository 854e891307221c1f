"""Functions that standardize or rescale: var, std, normalize, cosine_similarity, layer_norm, local_response_norm."""

import math

import numpy as np

from ..core import Function, as_input, as_number
from .broadcast import accumulate, broadcast_to, unbuffered
from .compare import cast, equal, in_float32, where
from .elementwise import as_float, square
from .matrix import matmul
from .reduce import SHORT, axes_of, mean, row_sums, sum
from .regularize import Standardize, project
from .select import broadcastable
from .shape import reshape
from .units import maximum, sqrt


def var(x, axis=None, ddof=0, keepdims=False):
    """Variance over axes: the sum of squared deviations from the mean, divided by n - ddof. [not in the book]

    In PyTorch ddof is 1 by default. Integers are computed in float64. Raises ValueError unless ddof < n.
    """
    x, ddof = as_float(x, "var"), as_number("var", "ddof", ddof)
    n = math.prod(x.shape[i] for i in axes_of("var", axis, x.ndim))
    if not ddof < n:
        raise ValueError(f"var: expected more than ddof = {ddof} elements along axis {axis}, got x {x.shape}")
    d = in_float32(x)
    y = mean(square(d - mean(d, axis, keepdims=True)), axis, keepdims)
    return cast(y if ddof == 0 else y * (n / (n - ddof)), x.dtype)


def std(x, axis=None, ddof=0, keepdims=False):
    """Standard deviation over axes, the root of `var`; where it is 0, so is its gradient. [not in the book]"""
    x = as_float(x, "std")
    y = var(in_float32(x), axis, ddof, keepdims)
    zero = equal(y, 0)
    return cast(where(zero, 0, sqrt(where(zero, 1, y))), x.dtype)  # the gradient of sqrt at 0 is infinite


def normalize(x, axis=1, eps=1e-12):
    """x divided by its Euclidean norm along an axis, or by eps if that is larger. [not in the book]"""
    x, eps = as_float(x, "normalize"), as_number("normalize", "eps", eps)
    y, axes = in_float32(x), axes_of("normalize", axis, x.ndim)
    return cast(y / sqrt(maximum(sum(square(y), axes, keepdims=True), eps * eps)), x.dtype)


def cosine_similarity(x0, x1, axis=1, eps=1e-8):
    """Cosine of the angle between x0 and x1 along an axis; norms below eps count as eps. [not in the book]

    x0 and x1 broadcast first; the axis is that of the result of broadcasting. Raises ValueError if they do not.
    """
    name = "cosine_similarity"
    xs, eps = (as_float(x0, name), as_float(x1, name)), as_number(name, "eps", eps)
    if not broadcastable(*(x.shape for x in xs)):
        raise ValueError(f"{name}: expected x0 and x1 that broadcast, got x0 {xs[0].shape} and x1 {xs[1].shape}")
    shape = np.broadcast_shapes(*(x.shape for x in xs))
    axes = axes_of(name, axis, len(shape))
    x0, x1 = (normalize(in_float32(broadcast_to(x, shape)), axes, eps) for x in xs)
    return cast(sum(x0 * x1, axes), np.result_type(*(x.dtype for x in xs)))


class LayerNorm(Function):
    """y = gamma xh + beta, xh = (x - mean) s, s = 1 / sqrt(var + eps);  mean and var of each row of D = gamma.size.

    gx = s P(gamma gy), P(g) = g - mean(g) - xh mean(g xh), ggamma = sum(gy xh), gbeta = sum(gy).
    """

    def __init__(self, eps):
        self.eps = eps

    @unbuffered()
    def forward(self, x, gamma, beta):
        dtype, D = np.result_type(x.dtype, gamma.dtype, beta.dtype), gamma.size
        y = self.xp.empty(x.shape, np.result_type(dtype, np.float32))
        x, parts, gamma, beta = (as_rows(a, D, y.dtype) for a in (x, y, gamma, beta))
        self.mean, self.s = self.xp.empty((2, len(x), 1), y.dtype)
        memory = self.xp.empty_like(parts[: rows_at_once(x)])
        for rows in chunks(x):
            part, mean = parts[rows], row_sums(x[rows])[:, None] / D
            self.xp.subtract(x[rows], mean, out=part)
            s = 1 / self.xp.sqrt(row_products(part, part) / D + self.eps)
            part *= self.xp.multiply(s, gamma, out=memory[: len(part)])
            part += beta
            self.mean[rows], self.s[rows] = mean, s
        return y.astype(dtype, copy=False)

    def backward(self, gy):
        x, gamma, _ = self.inputs
        return tuple(LayerNormGrad(self)(x, gamma, gy))


class LayerNormGrad(Function):
    """Gradients gx, ggamma, gbeta of LayerNorm, whose mean and s it uses.

    The gradients with respect to gy: gamma s P(ggx) + xh gggamma + ggbeta;  gamma: sum(gy s P(ggx));
    xh: gy gggamma - s (ggx mean(g xh) + g mean(ggx xh)), where g = gamma gy;  s: sum(ggx P(g)).
    """

    def __init__(self, norm):
        self.norm = norm

    @unbuffered()
    def forward(self, x, gamma, gy):
        wide, D, xp = self.norm.s.dtype, gamma.size, self.xp
        gx, ggamma, gbeta = xp.empty(x.shape, wide), xp.zeros(gamma.shape, wide), xp.zeros(gamma.shape, wide)
        x, gy, parts, gamma, total, count = (as_rows(a, D, wide) for a in (x, gy, gx, gamma, ggamma, gbeta))
        memory = xp.empty_like(parts[: rows_at_once(x)])
        for rows in chunks(x):
            s, g, part = self.norm.s[rows], gy[rows], parts[rows]
            rest = xp.subtract(x[rows], self.norm.mean[rows], out=memory[: len(part)])
            total += s[:, 0] @ xp.multiply(g, rest, out=part)
            count += xp.ones(len(g), wide) @ g
            xp.multiply(s, gamma, out=part)
            part *= g
            rest *= row_products(part, rest) * (s * s / D)
            part -= rest
            part -= row_sums(part)[:, None] / D  # s mean(g), since the mean of rest is 0
        return gx, ggamma, gbeta

    def backward(self, ggx, gggamma, ggbeta):
        shape, given = self.inputs[0].shape, (*self.inputs, ggx, gggamma, ggbeta)
        D = gggamma.size
        x, gamma, gy, ggx, gggamma, ggbeta = (reshape(v, (v.size // D, D)) for v in given)
        xh, s = Standardize(self.norm.eps)(reshape(x, (1, *x.shape)))  # each row is a channel
        xh, s = reshape(xh, x.shape), reshape(s, (len(x), 1))
        g, r = gamma * gy, s * project(xh, ggx, (1,))
        gxh = gy * gggamma - s * (ggx * mean(g * xh, 1, keepdims=True) + g * mean(ggx * xh, 1, keepdims=True))
        gs = sum(ggx * project(xh, g, (1,)), 1, keepdims=True)
        gx = s * project(xh, gxh, (1,)) - xh * (gs * s**2 / x.shape[1])
        ggy = gamma * r + xh * gggamma + ggbeta
        return reshape(gx, shape), reshape(sum(gy * r, 0), given[1].shape), reshape(ggy, shape)


CHUNK = 2**16  # elements at a time, few enough to stay in the cache from one pass over them to the next


def as_rows(x, D, dtype):
    """An array as rows of D elements, a view of it unless its layout or its dtype is another: (R, D)."""
    return x.reshape(x.size // D, D).astype(dtype, copy=False)


def rows_at_once(x):
    """How many rows of x (R, D) to process at a time, so few that their sums are precise; on a GPU, all."""
    return min(max(1, CHUNK // x.shape[1]), SHORT) if isinstance(x, np.ndarray) else max(1, len(x))


def chunks(x):
    """Slices of rows_at_once(x) rows of x (R, D)."""
    step = rows_at_once(x)
    return [slice(i, i + step) for i in range(0, len(x), step)]


def row_products(x, y):
    """The sum of x y for each row: x (R, D), y (R, D) -> (R, 1)."""
    if isinstance(x, np.ndarray) and x.shape[1] <= SHORT:
        return np.vecdot(x, y)[:, None]
    return accumulate(x * y, (1,), keepdims=True)


def layer_norm(x, gamma=None, beta=None, eps=1e-5):
    """Normalize the last axes together, to mean beta and standard deviation gamma for each element. [not in the book]

    The shape of gamma, or else of beta, names the axes that are normalized together; without both it is the last one.
    The variance is divided by n. Integers are computed in float64. Raises ValueError if shapes do not match, or if
    there is nothing to normalize.
    """
    x, eps = as_float(x, "layer_norm"), as_number("layer_norm", "eps", eps)
    given = [as_input(v, "layer_norm") for v in (gamma, beta) if v is not None]
    shape = given[0].shape if given else x.shape[-1:]
    gamma = x.xp.ones(shape, x.dtype) if gamma is None else gamma
    beta = x.xp.zeros(shape, x.dtype) if beta is None else beta
    if not (shape and shape == gamma.shape == beta.shape == x.shape[-len(shape) :] and 0 not in shape):
        raise ValueError(
            f"layer_norm: expected gamma and beta in the shape of the last axes of x, with elements, "
            f"got x {x.shape}, gamma {gamma.shape}, beta {beta.shape}"
        )
    return LayerNorm(eps)(x, gamma, beta)


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha / size s)^beta, s the sum of squares over size channels around each.  x (N, C, ...).

    The channels are c - size // 2 to c + (size - 1) // 2. In TensorFlow alpha is not divided, and size is given by a
    radius. Raises ValueError unless x has two axes and size is positive. [not in the book]
    """
    name = "local_response_norm"
    x = as_float(x, name)
    alpha, beta, k = (as_number(name, *pair) for pair in {"alpha": alpha, "beta": beta, "k": k}.items())
    if x.ndim < 2 or not (isinstance(size, (int, np.integer)) and size >= 1):
        raise ValueError(f"{name}: expected x (N, C, ...) and a size of at least 1, got {x.shape}, {size!r}")
    N, C, *sides = x.shape
    c = np.arange(C)
    near = (c >= c[:, None] - size // 2) & (c <= c[:, None] + (size - 1) // 2)
    wide = in_float32(x)
    squares = reshape(square(wide), (N, C, math.prod(sides)))
    s = reshape(matmul(x.xp.asarray(near, wide.dtype), squares), x.shape)  # (C, C) @ (N, C, H*W)
    return cast(wide * (k + alpha / int(size) * s) ** -float(beta), x.dtype)


def fold_batch_norm(W, b, gamma, beta, mean, var, eps=1e-5, axis=0):
    """(W, b) of the convolution that does what one with W, b and the batch norm behind it do at inference.

    W has its output channels along an axis: 0 for conv2d, 1 for deconv2d and linear; b may be None. [not in the book]
    Raises ValueError if shapes do not match.
    """
    W, gamma, beta, mean, var = (as_input(v, "fold_batch_norm") for v in (W, gamma, beta, mean, var))
    b = None if b is None else as_input(b, "fold_batch_norm")
    eps = as_number("fold_batch_norm", "eps", eps)
    C = W.shape[axis : axis + 1]
    if not C or {v.shape for v in (gamma, beta, mean, var, mean if b is None else b)} != {C}:
        shapes = ", ".join(str(v.shape) for v in (gamma, beta, mean, var))
        raise ValueError(f"fold_batch_norm: expected a number for each of {C} output channels of W, got {shapes}")
    scale = gamma / sqrt(var + eps)
    return W * reshape(scale, (-1, *[1] * (W.ndim - axis - 1))), ((0 if b is None else b) - mean) * scale + beta
