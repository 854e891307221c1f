"""Attention: means of values, weighted by a softmax over the products of queries and keys."""

import math

import numpy as np

from ..config import Config
from ..core import Function, as_input, as_number
from .activation import softmax
from .broadcast import accumulate, broadcast_to, broadcasts, narrow, widen
from .elementwise import as_float
from .matrix import matmul, swap_last_axes
from .recurrent import Checkpoint, gradients
from .reduce import axes_of, sum
from .regularize import as_ratio, dropout

CHUNK = 1 << 17  # elements of the weights in a chunk, whose temporary arrays fit a processor's cache


class MaskedSoftmax(Function):
    """y = e^x / sum e^x along an axis where the mask is True, 0 elsewhere;  gx = y (gy - sum(y gy))."""

    not_differentiated = (1,)

    def __init__(self, axis):
        self.axis = axis

    def forward(self, x, mask):
        self.axes = axes_of("masked_softmax", self.axis, x.ndim)
        y = self.xp.where(mask, widen(x), -math.inf)
        if y.size > 0:
            exponentials(self.xp, y, self.axes)
        return narrow(y, x.dtype)

    def backward(self, gy):
        y = self.outputs[0]()
        gx = y * gy
        return gx - y * sum(gx, self.axes, keepdims=True), None


def exponentials(xp, y, axes):
    """Compute softmax in place; where all elements are -inf, it is 0."""
    top = y.max(axes, keepdims=True)
    y -= xp.where(top == -math.inf, 0, top)  # -inf - -inf is nan
    xp.exp(y, out=y)
    total = accumulate(y, axes, keepdims=True)
    y /= xp.where(total == 0, 1, total)


def masked_softmax(x, mask, axis=-1):
    """softmax over the elements where the mask is True; 0 elsewhere, also where no element counts. [not in the book]

    mask: bool, broadcast to the shape of x. Raises TypeError for another dtype, ValueError for another shape.
    """
    x = as_float(x, "masked_softmax")
    return MaskedSoftmax(axis)(x, as_mask("masked_softmax", mask, x.shape))


def as_mask(name, mask, shape):
    """A mask as a Variable. Raises TypeError unless it is of bool, ValueError unless it broadcasts to the shape."""
    mask = as_input(mask, name)
    if mask.dtype != bool:
        raise TypeError(f"{name}: expected a mask of bool, got {mask.dtype}")
    if not broadcasts(mask.shape, shape):
        raise ValueError(f"{name}: expected a mask that broadcasts to {shape}, got {mask.shape}")
    return mask


class Attention(Function):
    """y = w v, w = softmax(scale q k^T), 0 where the mask is False. Inputs: q, k, v and maybe a mask.

    With gw = gy v^T, gs = w (gw - sum(gy y)):  gq = scale gs k,  gk = scale gs^T q,  gv = w^T gy.
    """

    not_differentiated = (3,)

    def __init__(self, scale):
        self.scale = scale

    def forward(self, q, k, v, mask=None):
        xp, batch = self.xp, q.shape[:-2]
        dtype = np.result_type(0.0, q.dtype, k.dtype, v.dtype)
        q, k, v = three_axes(dtype, q, k, v)
        if mask is not None:
            mask = xp.broadcast_to(mask, (*batch, q.shape[1], k.shape[1])).reshape(len(q), q.shape[1], k.shape[1])
        q = q * self.scale
        w = self.weights = xp.empty((len(q), q.shape[1], k.shape[1]), q.dtype)
        y = xp.empty((*q.shape[:2], v.shape[2]), q.dtype)
        for part in chunks(xp, w):
            xp.matmul(q[part], k[part].transpose(0, 2, 1), out=w[part])
            if mask is not None:
                w[part] = xp.where(mask[part], w[part], -math.inf)
            exponentials(xp, w[part], (2,))
            xp.matmul(w[part], v[part], out=y[part])
        self.y = y
        return y.reshape(*batch, *y.shape[1:]).astype(dtype, copy=False)

    def backward(self, gy):
        gxs = AttentionGrad(self)(*self.inputs, gy)
        return (*gxs, *[None] * (len(self.inputs) - 3))


class AttentionGrad(Function):
    """The gradients of Attention. Inputs: those of Attention, and gy."""

    def __init__(self, attention):
        self.attention = attention  # holds the weights and y
        self.not_differentiated = attention.not_differentiated if len(attention.inputs) > 3 else ()

    def forward(self, q, k, v, *others):
        xp, scale, shapes = self.xp, self.attention.scale, [a.shape for a in (q, k, v)]
        q, k, v, gy = three_axes(others[-1].dtype, q, k, v, others[-1])
        w, y = self.attention.weights, self.attention.y
        gq, gk, gv = (xp.empty(a.shape, q.dtype) for a in (q, k, v))
        inner = accumulate(gy * y, (2,), keepdims=True)
        for part in chunks(xp, w):
            gs = xp.matmul(gy[part], v[part].transpose(0, 2, 1))
            gs -= inner[part]
            gs *= w[part]
            gs *= scale
            xp.matmul(gs, k[part], out=gq[part])
            xp.matmul(gs.transpose(0, 2, 1), q[part], out=gk[part])
            xp.matmul(w[part].transpose(0, 2, 1), gy[part], out=gv[part])
        return tuple(a.reshape(shape) for a, shape in zip((gq, gk, gv), shapes, strict=True))

    def backward(self, ggq, ggk, ggv):
        q, k, v, *mask, gy = self.inputs

        scale = self.attention.scale

        def second(q, k, v, gy, ggq, ggk, ggv, *mask):
            first = gradients(lambda q, k, v: [matmul(weights_of(q, k, scale, *mask), v)], 3)
            return gradients(first, 4)(q, k, v, gy, ggq, ggk, ggv)

        gq, gk, gv, ggy = Checkpoint(second)(q, k, v, gy, ggq, ggk, ggv, *mask)[:4]
        return (gq, gk, gv, *[None] * len(mask), ggy)


def three_axes(dtype, *arrays):
    """Arrays (..., T, D) as (B, T, D), in the dtype to compute in: float32 for float16."""
    work = np.result_type(dtype, np.float32)
    return [a.reshape(math.prod(a.shape[:-2]), *a.shape[-2:]).astype(work, copy=False) for a in arrays]


def chunks(xp, w):
    """Slices of the first axis of w, small enough for the cache; on a GPU a single one."""
    size = max(1, CHUNK // max(1, w.shape[1] * w.shape[2])) if xp is np else max(1, len(w))
    return [slice(start, start + size) for start in range(0, len(w), size)]


def weights_of(q, k, scale, mask=None):
    """The weights of attention, composed of functions."""
    scores = matmul(q * scale, swap_last_axes(k))
    return softmax(scores, axis=-1) if mask is None else masked_softmax(scores, mask)


def attention(q, k, v, mask=None, *, scale=None, causal=False, dropout_ratio=0.0, return_weights=False):
    """Dot-product attention, softmax(scale q k^T) v.  q (..., Tq, D), k (..., Tk, D), v (..., Tk, E) -> (..., Tq, E).

    scale: 1 / sqrt(D) if None. mask: bool, broadcast to (..., Tq, Tk), True where a key takes part; a query without
    any gets zeros. causal: query i sees only the keys up to i. dropout_ratio: of the weights, in training. With
    return_weights the result is y, weights, those before dropout. Raises ValueError if shapes do not match, TypeError
    unless the mask is of bool. [not in the book]
    """
    q, k, v = (as_float(x, "attention") for x in (q, k, v))
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2] or 0 in k.shape[-2:]:
        raise ValueError(
            "attention: expected q (..., Tq, D), k (..., Tk, D), v (..., Tk, E), Tk and D at least 1, "
            f"got q {q.shape}, k {k.shape}, v {v.shape}"
        )
    dropout_ratio = as_ratio("attention", "dropout_ratio", dropout_ratio)
    Tq, Tk = q.shape[-2], k.shape[-2]
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in (q, k, v)))
    q, k, v = (x if x.shape[:-2] == batch else broadcast_to(x, (*batch, *x.shape[-2:])) for x in (q, k, v))
    mask = [] if mask is None else [as_mask("attention", mask, (*batch, Tq, Tk))]
    if causal:
        past = as_input(q.xp.arange(Tk) <= q.xp.arange(Tq).reshape(Tq, 1))
        mask = [mask[0] * past if mask else past]
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else float(as_number("attention", "scale", scale))
    if not return_weights and (dropout_ratio == 0 or not Config.train):
        return Attention(scale)(q, k, v, *mask)
    weights = weights_of(q, k, scale, *mask)
    y = matmul(dropout(weights, dropout_ratio), v)
    return (y, weights) if return_weights else y


def sinusoids(T, D, base=10000.0):
    """Positions as sines and cosines: an array (T, D) of float32. [not in the book]

    sin(t / base^(2 i / D)) in column 2 i, and the cosine in the next one. Raises ValueError unless D is even and the
    base is positive.
    """
    base = float(as_number("sinusoids", "base", base))
    if D % 2 or min(T, D) < 1 or not base > 0:
        raise ValueError(f"sinusoids: expected T of at least 1, an even D and a base above 0, got {T}, {D} and {base}")
    angles = np.arange(T)[:, None] / base ** (np.arange(0, D, 2) / D)
    return np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(T, D).astype(np.float32)
