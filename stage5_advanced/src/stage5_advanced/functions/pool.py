"""Pooling: the maximum or the mean of each patch, channel by channel. [steps 56, 57]

`pooling` and `average_pooling` are the book's; `max_pool2d`, `avg_pool2d` have PyTorch's defaults and more paddings.

Shapes: x (N, C, H, W) -> y (N, C, OH, OW). A size is one number for both directions, or a pair (height, width).
"""

import math

import numpy as np

from ..core import Function, as_input
from .broadcast import narrow, widen
from .conv import as_rows, as_sequences, im2col, im2col_array
from .reduce import max, mean
from .select import pad as pad_with
from .select import take
from .shape import reshape, transpose
from .sizes import padding, pair, pairs, row_sizes
from .windows import Geometry, first_equal, max_patches, pick, spread, sum_patches, wide


def geometry(name, x, kernel_size, stride, pad, ceil_mode=False):
    """The Geometry of the patches of x (N, C, H, W). Raises ValueError if one could consist of padding alone."""
    kernel, stride, pad, _ = pairs(name, kernel_size, stride, pad)
    pad = padding(x.shape[2:], kernel, stride, pad)
    if any(np.max(p) >= k for p, k in zip(pad, kernel, strict=True)):
        raise ValueError(f"{name}: expected pad less than kernel_size {kernel}, got {pad}")
    return Geometry(name, x.shape[2:], kernel, stride, pad, ceil_mode=ceil_mode)


class Pooling(Function):
    """y = the maximum of each patch;  gx = gy at the first element equal to it, 0 elsewhere."""

    def __init__(self, kernel_size, stride=1, pad=0, ceil_mode=False, name="pooling"):
        self.sizes = kernel_size, stride, pad, ceil_mode
        self.name = name

    def forward(self, x):
        self.geometry = geometry(self.name, x, *self.sizes)
        y, self.found = max_patches(self.xp, self.geometry, x, lowest(x.dtype))
        self.arrays = x, y
        return y

    def which(self):
        """The number of the maximum in each patch, which is computed when the first gradient needs it."""
        if self.found is None:
            x, y = self.arrays
            self.found = first_equal(self.xp, self.geometry, x, y, lowest(x.dtype))
        return self.found

    def backward(self, gy):
        return PoolingGrad(self)(gy)


class PoolingGrad(Function):
    """gx = gy at the maximum of each patch;  ggy = ggx there."""

    def __init__(self, pooling):
        self.pooling = pooling

    def forward(self, gy):
        return spread(self.xp, self.pooling.geometry, gy, self.pooling.which())

    def backward(self, ggx):
        return PoolingPick(self.pooling)(ggx)


class PoolingPick(Function):
    """y = x at what was the maximum of each patch;  gx = gy there."""

    def __init__(self, pooling):
        self.pooling = pooling

    def forward(self, x):
        return pick(self.xp, self.pooling.geometry, x, self.pooling.which())

    def backward(self, gy):
        return PoolingGrad(self.pooling)(gy)


def pooling(x, kernel_size, stride=1, pad=0, ceil_mode=False):
    """Max pooling: the maximum of each patch; padding is never the maximum. [step 57]

    x (N, C, H, W) -> (N, C, OH, OW), OH = (H + 2 PH - KH) // SH + 1, OW likewise; rounded up with ceil_mode, so that
    the last patches may reach beyond the image. In a tie the first element in row-major order receives the gradient.
    Raises ValueError if sizes do not match or pad is not less than kernel_size.
    """
    return Pooling(kernel_size, stride, pad, ceil_mode)(as_images("pooling", x))


class AveragePooling(Function):
    """y = the sum of each patch / n;  gx = gy / n, summed over the patches.  n: KH KW, or as avg_pool2d counts."""

    def __init__(self, kernel_size, stride=1, pad=0, ceil_mode=False, count_include_pad=True, name="average_pooling"):
        self.arguments = kernel_size, stride, pad, ceil_mode, count_include_pad, name

    def forward(self, x):
        *sizes, count_include_pad, name = self.arguments
        self.geometry = geometry(name, x, *sizes)
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        y = sum_patches(self.xp, self.geometry, x.astype(wide(dtype), copy=False))
        n = self.geometry.counts(count_include_pad)
        self.n = int(n[0, 0]) if (n == n[0, 0]).all() else self.xp.asarray(n, y.dtype)
        y /= self.n
        return y.astype(dtype, copy=False)

    def backward(self, gy):
        return AveragePoolingGrad(self)(gy)


class AveragePoolingGrad(Function):
    """gx = gy / n, summed over the patches;  ggy = the mean of each patch of ggx."""

    def __init__(self, pooling):
        self.pooling = pooling

    def forward(self, gy):
        share = widen(gy) / self.pooling.n  # n may be more than float16 can hold
        return narrow(spread(self.xp, self.pooling.geometry, share), gy.dtype)

    def backward(self, ggx):
        return AveragePooling(*self.pooling.arguments)(ggx)


def average_pooling(x, kernel_size, stride=1, pad=0):
    """Average pooling: the mean of each patch, padding counted as zeros. [step 57, not in the book]"""
    return AveragePooling(kernel_size, stride, pad)(as_images("average_pooling", x))


def pooling_simple(x, kernel_size, stride=1, pad=0):
    """pooling composed of basic functions, except that equal maxima share the gradient evenly, as in max. [step 57]"""
    x = as_images("pooling_simple", x)
    g = geometry("pooling_simple", x, kernel_size, stride, pad)
    col = im2col(x, kernel_size, stride, pad)
    if g.beyond:  # zeros would exceed negative numbers
        inside = im2col_array(x.xp.ones(x.shape, x.dtype), kernel_size, stride, pad)
        col = col + x.xp.where(inside == 1, 0, lowest(x.dtype)).astype(x.dtype)
    return of_patches(max, col, x, g)


def average_pooling_simple(x, kernel_size, stride=1, pad=0):
    """average_pooling composed of basic functions. [step 57, not in the book]"""
    x = as_images("average_pooling_simple", x)
    g = geometry("average_pooling_simple", x, kernel_size, stride, pad)
    return of_patches(mean, im2col(x, kernel_size, stride, pad), x, g)


def max_pool2d(x, kernel_size, stride=None, pad=0, ceil_mode=False):
    """The maximum of each patch, with PyTorch's defaults: the stride is the kernel size. [not in the book]

    x (N, C, H, W) -> (N, C, OH, OW). pad: numbers, as in `pooling`; pairs (before, after), as in ((1, 2), (0, 1)), for
    each direction; "valid", none; or "same", so that OH = ceil(H / SH). Padding is never the maximum.
    """
    stride = kernel_size if stride is None else stride
    return Pooling(kernel_size, stride, pad, ceil_mode, "max_pool2d")(as_images("max_pool2d", x))


def avg_pool2d(x, kernel_size, stride=None, pad=0, ceil_mode=False, count_include_pad=None):
    """The mean of each patch, with PyTorch's defaults; sizes as in `max_pool2d`. [not in the book]

    count_include_pad: whether padding counts as zeros; None: unless pad is "same", as TensorFlow has it. Where a patch
    reaches beyond the padding, with ceil_mode, that part is not counted.
    """
    stride = kernel_size if stride is None else stride
    counted = pad != "same" if count_include_pad is None else count_include_pad
    return AveragePooling(kernel_size, stride, pad, ceil_mode, counted, "avg_pool2d")(as_images("avg_pool2d", x))


def max_pool1d(x, kernel_size, stride=None, pad=0, ceil_mode=False):
    """max_pool2d along one direction.  x (N, C, L) -> (N, C, OL). pad may be (before, after). [not in the book]"""
    stride = kernel_size if stride is None else stride
    sizes = row_sizes("max_pool1d", kernel_size, stride, pad)
    return as_sequences(Pooling(*sizes, ceil_mode, "max_pool1d")(as_rows("max_pool1d", x)))


def avg_pool1d(x, kernel_size, stride=None, pad=0, ceil_mode=False, count_include_pad=None):
    """avg_pool2d along one direction.  x (N, C, L) -> (N, C, OL). pad may be (before, after). [not in the book]"""
    stride = kernel_size if stride is None else stride
    counted = pad != "same" if count_include_pad is None else count_include_pad
    sizes = row_sizes("avg_pool1d", kernel_size, stride, pad)
    return as_sequences(AveragePooling(*sizes, ceil_mode, counted, "avg_pool1d")(as_rows("avg_pool1d", x)))


def global_max_pool(x, keepdims=False):
    """The maximum of each channel; in a tie, equal elements share the gradient.  x (N, C, ...) -> (N, C).

    With keepdims -> (N, C, 1, ...). [not in the book]
    """
    return max(x, places("global_max_pool", x), keepdims)


def global_avg_pool(x, keepdims=False):
    """The mean of each channel.  x (N, C, ...) -> (N, C), with keepdims -> (N, C, 1, ...). [not in the book]"""
    return mean(x, places("global_avg_pool", x), keepdims)


def places(name, x):
    """The axes after N, C. Raises ValueError if there are none."""
    if as_input(x, name).ndim < 3:
        raise ValueError(f"{name}: expected x (N, C, ...) with axes to pool, got x {x.shape}")
    return tuple(range(2, x.ndim))


def adaptive_max_pool2d(x, output_size):
    """The maximum of each of OH x OW patches that cover the image.  x (N, C, H, W) -> (N, C, OH, OW).

    Patch i begins at row floor(i H / OH) and ends before row ceil((i + 1) H / OH), columns likewise. output_size: a
    number or a pair; None keeps H or W. [not in the book]
    """
    return adaptive_max("adaptive_max_pool2d", as_images("adaptive_max_pool2d", x), output_size)


def adaptive_avg_pool2d(x, output_size):
    """The mean of each of OH x OW patches that cover the image, as in `adaptive_max_pool2d`. [not in the book]"""
    return adaptive_avg("adaptive_avg_pool2d", as_images("adaptive_avg_pool2d", x), output_size)


def adaptive_max_pool1d(x, output_size):
    """adaptive_max_pool2d along one direction.  x (N, C, L) -> (N, C, output_size). [not in the book]"""
    name = "adaptive_max_pool1d"
    return as_sequences(adaptive_max(name, as_rows(name, x), (1, output_size)))


def adaptive_avg_pool1d(x, output_size):
    """adaptive_avg_pool2d along one direction.  x (N, C, L) -> (N, C, output_size). [not in the book]"""
    name = "adaptive_avg_pool1d"
    return as_sequences(adaptive_avg(name, as_rows(name, x), (1, output_size)))


def adaptive_max(name, x, output_size):
    """Adaptive pooling of images, whatever the public function is called."""
    x, kernel, _ = tiles(name, x, output_size, lowest(x.dtype))
    return max_pool2d(x, kernel)


def adaptive_avg(name, x, output_size):
    """Likewise with means: those of the tiles, times the size of the tiles / the number of elements in the patches."""
    x, kernel, counts = tiles(name, x, output_size, 0)
    y, n = avg_pool2d(x, kernel), math.prod(kernel)
    return y if (counts == n).all() else y * y.xp.asarray(n / counts, y.dtype)


def tiles(name, x, output_size, value):
    """The patches of adaptive pooling side by side, in tiles (KH, KW), which smaller patches leave filled with value.

    Returns the tiles (N, C, OH KH, OW KW), (KH, KW), and the numbers of elements in the patches (OH, OW).
    """
    size = output_size if isinstance(output_size, tuple) else (output_size, output_size)
    if len(size) == 2:
        size = tuple(n if m is None else m for n, m in zip(x.shape[2:], size, strict=True))
    if min(pair(size, name)) < 1 or min(x.shape[2:]) < 1:
        raise ValueError(f"{name}: expected an output_size and images of at least 1, got {size} and x {x.shape}")
    kernel, counts = [], []
    for axis, (n, m) in enumerate(zip(x.shape[2:], size, strict=True), start=2):
        start, end = np.arange(m) * n // m, -(-np.arange(1, m + 1) * n // m)
        counts.append(end - start)
        kernel.append(int(counts[-1].max()))
        if n % m:  # otherwise the patches are tiles already
            index = start[:, None] + np.arange(kernel[-1])
            index[index >= end[:, None]] = n  # the element that is added
            x = take(pad_with(x, [(0, i == axis) for i in range(4)], value=value), index.ravel(), axis)
    return x, tuple(kernel), counts[0][:, None] * counts[1]


def of_patches(f, col, x, g):
    """Apply f to each patch of each channel: (N*OH*OW, C*KH*KW) -> (N, C, OH, OW)."""
    y = f(reshape(col, (-1, math.prod(g.kernel))), axis=1)  # (N*OH*OW*C,)
    return transpose(reshape(y, (len(x), *g.out, x.shape[1])), (0, 3, 1, 2))


def as_images(name, x):
    """x as a Variable. Raises ValueError unless it has four axes."""
    x = as_input(x, name)
    if x.ndim != 4:
        raise ValueError(f"{name}: expected x (N, C, H, W), got x {x.shape}")
    return x


def lowest(dtype):
    """The lowest value of a dtype: padding with it is never greater than an element."""
    return {"f": -math.inf, "b": False}[dtype.kind] if dtype.kind in "fb" else np.iinfo(dtype).min
