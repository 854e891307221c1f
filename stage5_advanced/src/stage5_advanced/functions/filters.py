"""Filters of signals and images without channels: convolution and correlation, directly or by fast Fourier transform.

Layers have channels and do not flip their kernels: see `conv2d`. Shapes: x (..., n) and w (..., k), or x (..., H, W)
and w (..., KH, KW). The axes before those are a batch; they broadcast.
"""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import cuda
from ..core import Function, as_input
from .broadcast import LONG, accumulate, narrow, sum_to, widen
from .conv import check_inputs
from .elementwise import as_float
from .select import broadcastable, flip, swapaxes
from .shape import reshape, transpose
from .sizes import geometry


class Correlate(Function):
    """y[p] = sum over q of x[p + start + q] w[q], zeros outside of x;  gx = gy with the flipped w, gw = x with gy.

    start and out have an integer for each of the last axes: the first position and the shape of y. kernel computes y.
    """

    def __init__(self, kernel, start, out):
        self.kernel = kernel
        self.start = start
        self.out = out

    def forward(self, x, w):
        y = self.kernel(self.xp, widen(x), widen(w), self.start, self.out)
        return narrow(y, np.result_type(x.dtype, w.dtype))

    def backward(self, gy):
        x, w = self.inputs
        gx = gw = None
        if not x.constant:
            n, start = x.shape[-len(self.out) :], opposite(self.start, w.shape)
            gx = sum_to(Correlate(self.kernel, start, n)(gy, flip_last(w, len(n))), x.shape)
        if not w.constant:
            gw = sum_to(Correlate(self.kernel, self.start, w.shape[-len(self.out) :])(x, gy), w.shape)
        return gx, gw


def opposite(start, shape):
    """The first position of the correlation with the flipped kernel that computes gx; shape: of the kernel."""
    return tuple(1 - s - k for s, k in zip(start, shape[-len(start) :], strict=True))


def flip_last(w, ndim):
    """w, reversed along its last axes."""
    return flip(w, tuple(range(-ndim, 0)))


def directly(xp, x, w, start, out):
    """The sums of Correlate: over shifts of x, or for few positions over patches of x."""
    ndim, k = len(out), w.shape[-len(out) :]
    x = window(xp, x, start, [n + m - 1 for n, m in zip(out, k, strict=True)])
    y = xp.zeros((*np.broadcast_shapes(x.shape[:-ndim], w.shape[:-ndim]), *out), np.result_type(x.dtype, w.dtype))
    if math.prod(k) > math.prod(out):
        for p in np.ndindex(out):
            y[(..., *p)] = accumulate(patch(x, p, k) * w, tuple(range(-ndim, 0)))
        return y
    places = list(np.ndindex(k))
    for i in range(0, len(places), LONG):  # a sum of short sums has a smaller rounding error
        part = xp.zeros_like(y)
        for q in places[i : i + LONG]:
            part += patch(x, q, out) * w[(..., *(slice(i, i + 1) for i in q))]
        y += part
    return y


def patch(x, place, size):
    """The part of x of this size from a place on, along the last axes."""
    return x[(..., *(slice(i, i + n) for i, n in zip(place, size, strict=True)))]


def by_fft(xp, x, w, start, out):
    """The sums of Correlate by the convolution theorem: the transform of a convolution is a product."""
    axes = tuple(range(-len(out), 0))
    n, k = x.shape[-len(out) :], w.shape[-len(out) :]
    sizes = [fast_length(m + l - 1) for m, l in zip(n, k, strict=True)]
    y = xp.fft.rfftn(x, sizes, axes) * xp.fft.rfftn(w[(..., *[slice(None, None, -1)] * len(out))], sizes, axes)
    return from_spectrum(xp, y, n, k, start, out)


def from_spectrum(xp, y, n, k, start, out):
    """The real array (..., *out) from the spectrum of a convolution, whose first position is 1 - k."""
    y = xp.fft.irfftn(y, [fast_length(m + l - 1) for m, l in zip(n, k, strict=True)], tuple(range(-len(out), 0)))
    y = patch(y, (0,) * len(n), [m + l - 1 for m, l in zip(n, k, strict=True)])
    return window(xp, y, [s + l - 1 for s, l in zip(start, k, strict=True)], out)


def fast_length(n):
    """The smallest number from n on without prime factors above 5."""
    while True:
        rest = n
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return n
        n += 1


def window(xp, x, start, sizes):
    """x[start : start + size] along the last axes; positions outside of x are 0."""
    ends = [s + size for s, size in zip(start, sizes, strict=True)]
    n = x.shape[-len(ends) :]
    x = x[(..., *(slice(max(s, 0), max(e, 0)) for s, e in zip(start, ends, strict=True)))]
    widths = [(min(max(-s, 0), e - s), min(max(e - m, 0), e - s)) for s, e, m in zip(start, ends, n, strict=True)]
    return xp.pad(x, [(0, 0)] * (x.ndim - len(ends)) + widths) if any(map(any, widths)) else x


MODES = {  # of n and k: the first position of the correlation, which may start at 1 - k, and how many there are
    "full": lambda n, k: (1 - k, n + k - 1),
    "same": lambda n, k: ((k - 1) // 2 + 1 - k, n),
    "valid": lambda n, k: (min(n, k) - k, abs(n - k) + 1),
}


def filtered(name, kernel, x, w, ndim, mode, flipped):
    """The correlation of x and w, or of x and the flipped w, along the last axes, at the positions of a mode."""
    n, k = x.shape[x.ndim - ndim :], w.shape[w.ndim - ndim :]
    if mode not in MODES:
        raise ValueError(f"{name}: expected mode 'full', 'same' or 'valid', got {mode!r}")
    if min(x.ndim, w.ndim) < ndim or 0 in n + k:
        last = "the last axis" if ndim == 1 else f"the last {ndim} axes"
        raise ValueError(f"{name}: expected elements along {last}, got x {x.shape} and w {w.shape}")
    pairs = list(zip(n, k, strict=True))
    if mode == "valid" and any(m < l for m, l in pairs) and any(m > l for m, l in pairs):
        raise ValueError(
            f"{name}: expected x or w to be the larger one along each axis for mode 'valid', "
            f"got x {x.shape} and w {w.shape}"
        )
    if not broadcastable(x.shape[: x.ndim - ndim], w.shape[: w.ndim - ndim]):
        raise ValueError(f"{name}: expected axes of a batch that broadcast, got x {x.shape} and w {w.shape}")
    start, out = zip(*(MODES[mode](m, l) for m, l in pairs), strict=True)
    return Correlate(kernel, start, out)(x, flip_last(w, ndim) if flipped else w)


def convolve1d(x, w, mode="full"):
    """Convolution along the last axis:  y[p] = sum over q of x[p - q] w[q].  x (..., n), w (..., k). [not in the book]

    mode: 'full', every position where x and w overlap, n + k - 1; 'same', the n in their center; 'valid', the
    |n - k| + 1 where they overlap completely. For an even k, 'same' is one position later than the padding "same" of
    `conv1d`, which does not flip w. Raises ValueError unless all axes have elements.
    """
    x, w = as_input(x, "convolve1d"), as_input(w, "convolve1d")
    return filtered("convolve1d", directly, x, w, 1, mode, flipped=True)


def convolve2d(x, w, mode="full"):
    """Convolution along the last two axes, as `convolve1d`.  x (..., H, W), w (..., KH, KW). [not in the book]

    It flips w in both directions; `conv2d` does not. Raises ValueError unless all axes have elements, or if in mode
    'valid' x is larger along one axis and w along the other.
    """
    x, w = as_input(x, "convolve2d"), as_input(w, "convolve2d")
    return filtered("convolve2d", directly, x, w, 2, mode, flipped=True)


def correlate1d(x, w, mode="full"):
    """Correlation along the last axis: `convolve1d` with w not flipped.  x (..., n), w (..., k). [not in the book]"""
    x, w = as_input(x, "correlate1d"), as_input(w, "correlate1d")
    return filtered("correlate1d", directly, x, w, 1, mode, flipped=False)


def correlate2d(x, w, mode="full"):
    """Correlation along the last two axes: `convolve2d` with w not flipped. [not in the book]"""
    x, w = as_input(x, "correlate2d"), as_input(w, "correlate2d")
    return filtered("correlate2d", directly, x, w, 2, mode, flipped=False)


def fft_convolve(x, w, mode="full", axes=None):
    """Convolution along axes, or along all, by FFT: for long kernels. [not in the book]

    x and w have the same number of axes; the others broadcast. The modes are those of `convolve1d`. The rounding
    error is relative to the largest element. Integers are computed in float64. Raises ValueError as `convolve2d`.
    """
    x, w = as_float(x, "fft_convolve"), as_float(w, "fft_convolve")
    axes = tuple(range(x.ndim)) if axes is None else normalize_axis_tuple(axes, x.ndim, "fft_convolve")
    if x.ndim != w.ndim or not axes:
        raise ValueError(f"fft_convolve: expected x and w with equally many axes, got x {x.shape} and w {w.shape}")
    order = [axis for axis in range(x.ndim) if axis not in axes] + list(axes)
    y = filtered("fft_convolve", by_fft, transpose(x, order), transpose(w, order), len(axes), mode, flipped=True)
    return transpose(y, tuple(order.index(axis) for axis in range(x.ndim)))


class FFTConv2d(Function):
    """y[n, o, p] = sum over c and q of x[n, c, p + start + q] W[o, c, q], by FFT;  gx and gW have the same form."""

    def __init__(self, start, out):
        self.start = start
        self.out = out

    def forward(self, x, W):
        xp, dtype, x, W = self.xp, np.result_type(x.dtype, W.dtype), widen(x), widen(W)
        sizes = [fast_length(n + k - 1) for n, k in zip(x.shape[2:], W.shape[2:], strict=True)]
        x_f = xp.moveaxis(xp.fft.rfftn(x, sizes, (2, 3)), (0, 1), (2, 3))  # (N, C, U, V) -> (U, V, N, C)
        W_f = xp.moveaxis(
            xp.fft.rfftn(W[:, :, ::-1, ::-1], sizes, (2, 3)), (0, 1), (3, 2)
        )  # (OC, C, U, V) -> (U, V, C, OC)
        y = xp.moveaxis(x_f @ W_f, (2, 3), (0, 1))
        return narrow(from_spectrum(xp, y, x.shape[2:], W.shape[2:], self.start, self.out), dtype)

    def backward(self, gy):
        x, W = self.inputs
        gx = gW = None
        if not x.constant:
            gx = FFTConv2d(opposite(self.start, W.shape), x.shape[2:])(gy, swapaxes(flip_last(W, 2), 0, 1))
        if not W.constant:
            gW = FFTConv2d(self.start, W.shape[2:])(swapaxes(x, 0, 1), swapaxes(gy, 0, 1))
            gW = swapaxes(gW, 0, 1)
        return gx, gW


def fft_conv2d(x, W, b=None, pad="valid"):
    """conv2d by FFT, with a stride of 1: faster for kernels of about 15 x 15 and larger. [not in the book]

    x (N, C, H, W), W (OC, C, KH, KW), b (OC,) -> (N, OC, OH, OW). pad and errors are those of `conv2d`; the rounding
    error is relative to the largest element. Integers are computed in float64.
    """
    x, W, *bs = check_inputs("fft_conv2d", as_float(x, "fft_conv2d"), as_float(W, "fft_conv2d"), b, channels=1)
    g = geometry("fft_conv2d", x.shape[2:], W.shape[2:], 1, pad)
    y = FFTConv2d(tuple(-before for before, _ in g.pad), g.out)(x, W)
    return y + reshape(bs[0], (-1, 1, 1)) if bs else y


def separate_kernel(K, tol=1e-6):
    """(column, row) of which K (KH, KW) is the outer product: two filters along one axis each. [not in the book]

    Arrays, without gradient; the largest element of the column is 1. Raises ValueError if K differs from every outer
    product of that form by more than tol times its largest element: it has a rank above 1.
    """
    K = as_float(K, "separate_kernel").data
    if K.ndim != 2 or K.size == 0:
        raise ValueError(f"separate_kernel: expected K (KH, KW) with elements, got {K.shape}")
    xp = cuda.get_array_module(K)
    size = xp.abs(K)
    i, j = divmod(int(size.argmax()), K.shape[1])
    column, row = K[:, j] / (K[i, j] if K[i, j] else 1), K[i].copy()
    if not float(xp.abs(K - column[:, None] * row).max()) <= tol * float(size[i, j]):
        raise ValueError(
            f"separate_kernel: expected an outer product of a column and a row, got K {K.shape} of a higher rank"
        )
    return column, row
