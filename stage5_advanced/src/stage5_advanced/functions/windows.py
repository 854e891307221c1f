"""Array kernels of convolution and pooling, which work on the patches of images; skip on first reading.

Shapes: x (N, C, H, W), W (OC, C, KH, KW), y (N, OC, OH, OW). A patch (C, KH, KW) is what the kernel sees at one
position of the output; flattened it is a column of a matrix (C*KH*KW, positions).
"""

import functools
import itertools
import math

import numpy as np

from .. import cuda
from . import window_kernels as kernels
from .broadcast import unbuffered

CHUNK = 2**20  # bytes of columns at a time, few enough to stay in the cache until they are read ...
COLUMNS = 256  # ... but at least as many columns as a fast matrix product needs
GPU_CHUNK = 2**28  # bytes at a time on a GPU, where a call costs more than memory


class Geometry:
    """The positions of the patches in images (H, W).

    kernel, stride, dilation: (height, width). pad: (height, width), each a number or (before, after). out: (OH, OW).
    groups: of channels; each has kernels of its own.
    span: the size of a patch, gaps included. reach: the size of padded images up to the end of the last patches.
    inside: the index of the image in them; seen: the index of the same pixels in the image.
    """

    def __init__(self, name, size, kernel, stride, pad, dilation=(1, 1), ceil_mode=False, groups=1):
        self.groups = groups
        self.size, self.kernel, self.stride, self.dilation = tuple(size), kernel, stride, dilation
        self.pad = tuple(p if isinstance(p, tuple) else (p, p) for p in pad)
        self.span = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
        axes = zip(self.size, self.span, stride, self.pad, strict=True)
        self.out = tuple(positions(*axis, ceil_mode) for axis in axes)
        if min(self.out) < 1 or min(self.size) < 1:
            got = f"{kernel}" if dilation == (1, 1) else f"{kernel} with dilation {dilation}"
            raise ValueError(f"{name}: expected a kernel that fits images {self.size} with padding {pad}, got {got}")
        self.reach = tuple((n - 1) * s + k for n, s, k in zip(self.out, stride, self.span, strict=True))
        begin = [before for before, _ in self.pad]
        count = [max(0, min(n, r - p)) for n, r, p in zip(self.size, self.reach, begin, strict=True)]
        self.inside = (..., *(slice(p, p + n) for p, n in zip(begin, count, strict=True)))
        self.seen = (..., *map(slice, count))
        self.beyond = self.reach != tuple(count)  # whether patches reach beyond the images
        self.few = math.prod(self.out) < COLUMNS  # several images share a matrix product

    def padded(self, xp, x, value=0):
        """Pad images (..., H, W) as far as patches reach: (..., *reach). Returns x itself if patches stay within it."""
        if not self.beyond:
            return x
        images = xp.full((*x.shape[:-2], *self.reach), value, x.dtype)
        images[self.inside] = x[self.seen]
        return images

    def unpadded(self, xp, images):
        """Remove the padding: (..., *reach) -> (..., H, W), with zeros where no patch reaches."""
        x = xp.zeros((*images.shape[:-2], *self.size), images.dtype)
        x[self.seen] = images[self.inside]
        return x

    def patches(self, xp, images):
        """All patches of padded images, a view: (N, C, *reach) -> (N, C, KH, KW, OH, OW)."""
        (SH, SW), (DH, DW) = self.stride, self.dilation
        view = xp.lib.stride_tricks.sliding_window_view(images, self.span, axis=(2, 3))
        return view[:, :, ::SH, ::SW, ::DH, ::DW].transpose(0, 1, 4, 5, 2, 3)

    def along(self, axis, place, count=None):
        """The slice, along an axis of padded images, that an element of the kernel reads for all output positions."""
        start, stride = place * self.dilation[axis], self.stride[axis]
        return slice(start, start + ((count or self.out[axis]) - 1) * stride + 1, stride)

    def places(self):
        """For each element of the kernel, in row-major order, the index of what it reads in padded images."""
        KH, KW = self.kernel
        return [(..., self.along(0, i), self.along(1, j)) for i in range(KH) for j in range(KW)]

    def counts(self, padding):
        """How many elements of each patch are in the image, or with padding in the image or its padding: (OH, OW)."""
        found = []
        for n, k, s, m, (before, after) in zip(self.size, self.kernel, self.stride, self.out, self.pad, strict=True):
            low, high = (0, before + n + after) if padding else (before, before + n)
            start = np.arange(m) * s
            found.append(np.clip(start + k, low, high) - np.clip(start, low, high))
        return found[0][:, None] * found[1]

    def chunk(self, xp, N, height, dtype):
        """How many samples, and how many rows of the output, to process at a time if a column has `height` elements."""
        OH, OW = self.out
        columns = max(COLUMNS, (CHUNK if xp is np else GPU_CHUNK) // (max(height, 1) * dtype.itemsize))
        return max(1, min(N, columns // (OH * OW))), min(OH, -(-columns // OW))

    def merge(self, a):
        """A chunk as a matrix factor: (n, D, R, OW) -> (n, D, R*OW), or (1, D, n*R*OW) for small images."""
        n, D, R, OW = a.shape
        return a.transpose(1, 0, 2, 3).reshape(1, D, n * R * OW) if self.few else a.reshape(n, D, R * OW)

    def split(self, a, n):
        """The inverse of merge, a view."""
        D, (OH, OW) = a.shape[1], self.out
        return a.reshape(D, n, OH, OW).transpose(1, 0, 2, 3) if self.few else a.reshape(n, D, a.shape[2] // OW, OW)


def positions(size, span, stride, pad, ceil_mode):
    """The number of patches along an axis; ceil_mode rounds up, but no patch may begin beyond the image."""
    rest = size + sum(pad) - span
    if not ceil_mode:
        return rest // stride + 1
    n = -(-rest // stride) + 1
    return n - 1 if (n - 1) * stride >= size + pad[0] else n


def slices(size, step):
    """Cut range(size) into slices of length step."""
    return [slice(i, min(i + step, size)) for i in range(0, size, step)]


def wide(dtype):
    """The dtype to compute in: float32 for float16, whose long sums are inexact."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def columns(xp, g, x, others, dtype):
    """Yield chunks of x: a slice of samples, a slice of output rows, and their columns, in memory that is reused.

    The columns are a factor as `merge` returns it, D = C*KH*KW. others: how many more numbers a position needs.
    """
    (N, C), (OH, OW) = x.shape[:2], g.out
    K = C * math.prod(g.kernel)
    samples, rows = g.chunk(xp, N, others + K, dtype)
    if not g.beyond and g.out == g.size:  # each pixel is a patch: nothing to copy
        for s in slices(N, samples):
            yield s, slice(OH), g.merge(x[s].astype(dtype, copy=False))
        return
    images = xp.zeros((samples, C, *g.reach), dtype)
    patches = g.patches(xp, images)
    memory = xp.empty(samples * K * rows * OW, dtype)
    for s in slices(N, samples):
        n = s.stop - s.start
        images[:n][g.inside] = x[s][g.seen]
        for r in slices(OH, rows):
            part, shape = patches[:n, ..., r, :], (n, K, (r.stop - r.start) * OW)
            if g.few:
                part, shape = part.transpose(1, 2, 3, 0, 4, 5), (1, K, n * OH * OW)
            col = memory[: part.size].reshape(part.shape)
            col[...] = part
            yield s, r, col.reshape(shape)


def product(xp, W, col, out=None):
    """W (G, D, K) times a chunk of columns (n, G K, columns) -> (n, G D, columns), group by group."""
    (G, D, K), (n, _, count) = W.shape, col.shape
    y = xp.matmul(W, col.reshape(n, G, K, count), out=None if out is None else out.reshape(n, G, D, count))
    return y.reshape(n, G * D, count)


@cuda.on_gpu(kernels.convolve)
def convolve(xp, g, x, W, b=None):
    """Convolution.  x (N, C, H, W), W (OC, C / groups, KH, KW), b (OC,) -> y (N, OC, OH, OW)."""
    N, OC = len(x), len(W)
    dtype = np.result_type(*(a.dtype for a in (x, W, b) if a is not None))
    dense = xp is np and g.groups == 1 and g.stride == (1, 1)
    if dense and by_runs(g, x.shape[1], OC):
        y = convolve_runs(g, x, W, wide(dtype))
        return (y if b is None else y + b.reshape(OC, 1, 1)).astype(dtype, copy=False)
    if dense and g.kernel[0] > 1 and by_shifts(g, N, x.shape[1], OC, wide(dtype)):
        return convolve_shifted(g, x, W, b, wide(dtype)).astype(dtype, copy=False)
    if xp is np and by_rows(g, N, x.shape[1], OC, wide(dtype)):
        return convolve_rows(g, x, W, b, wide(dtype)).astype(dtype, copy=False)
    W = W.reshape(g.groups, OC // g.groups, math.prod(W.shape[1:])).astype(wide(dtype), copy=False)
    y = xp.empty((N, OC, *g.out), W.dtype)
    for s, r, col in columns(xp, g, x, OC, W.dtype):
        part = y[s, :, r]
        if g.few:
            part[...] = g.split(product(xp, W, col), len(part))
        else:
            product(xp, W, col, out=g.merge(part))
        if b is not None:
            part += b.reshape(OC, 1, 1)
    return y.astype(dtype, copy=False)


def by_runs(g, C, OC):
    """Whether `convolve_runs` is faster: if there are few output channels."""
    return C >= 4 * OC and math.prod(g.kernel) > 1


def convolve_runs(g, x, W, dtype):
    """Convolution of stride 1 without columns.

    What an element of the kernel reads is a run of the flattened, padded image, in which rows are `width` apart; the
    positions where a patch would reach from the end of one row into the next are computed, too, and left out.
    """
    (N, C), OC, (OH, OW), width = x.shape[:2], len(W), g.out, g.reach[1]
    images = g.padded(np, x.astype(dtype, copy=False)).reshape(N, C, math.prod(g.reach))
    W = W.astype(dtype).transpose(2, 3, 0, 1).reshape(math.prod(g.kernel), OC, C).copy()  # products need rows
    n = (OH - 1) * width + OW
    y, total, part = np.empty((N, OC, OH, OW), dtype), np.empty((OC, OH * width), dtype), np.empty((OC, n), dtype)
    starts = [i * g.dilation[0] * width + j * g.dilation[1] for i, j in np.ndindex(*g.kernel)]
    for image, found in zip(images, y, strict=True):
        np.matmul(W[0], image[:, :n], out=total[:, :n])
        for w, start in zip(W[1:], starts[1:], strict=True):
            total[:, :n] += np.matmul(w, image[:, start : start + n], out=part)
        found[...] = total.reshape(OC, OH, width)[..., :OW]
    return y


def by_shifts(g, N, C, OC, dtype):
    """Whether `convolve_shifted` is faster: for many columns, if they and their products take 5 MB at most."""
    K, positions = C * g.kernel[1], math.prod(g.out)
    few = 2 * K < 3 * OC or N * positions < 8 * OC
    return not few and (K + g.kernel[0] * OC) * positions * dtype.itemsize <= 5 * CHUNK


@unbuffered()
def convolve_shifted(g, x, W, b, dtype):
    """Convolution of stride 1 by one product for all rows of the kernel, two or more: a sum of its results, shifted.

    They are computed for the rows of the image only, and zero in those that padding adds.
    """
    (N, C), OC, (KH, KW), (OH, OW), height = x.shape[:2], len(W), g.kernel, g.out, g.reach[0]
    W = W.transpose(2, 0, 1, 3).reshape(KH * OC, C * KW).astype(dtype)
    rows, inside = g.seen[1], g.inside[1]
    across = [overlap(j * g.dilation[1] - g.pad[1][0], 1, g.size[1], OW) for j in range(KW)]
    col, found = np.zeros((C, KW, rows.stop, OW), dtype), np.zeros((KH, OC, height * OW), dtype)
    product = found.reshape(KH * OC, height * OW)[:, inside.start * OW : inside.stop * OW]
    starts = [i * g.dilation[0] * OW for i in range(KH)]
    shifted = [part[:, start : start + OH * OW] for part, start in zip(found, starts, strict=True)]
    y = np.empty((N, OC, OH, OW), dtype)
    for image, total in zip(x, y.reshape(N, OC, OH * OW), strict=True):
        for j, (at, column) in enumerate(across):
            col[:, j, :, at] = image[:, rows, column]
        np.matmul(W, col.reshape(C * KW, rows.stop * OW), out=product)
        np.add(shifted[0], shifted[1], out=total)
        for part in shifted[2:]:
            total += part
        if b is not None:
            total += b[:, None]
    return y


def by_rows(g, N, C, OC, dtype):
    """Whether `convolve_rows` is faster: for groups, and where there are many columns, and all rows fit in a chunk."""
    if g.groups > 1 or math.prod(g.kernel) == 1:
        return g.groups > 1
    K, positions = C * g.kernel[1], math.prod(g.out)
    return K >= 2 * OC and N * positions >= 8 * OC and (K * g.stride[0] + 2 * OC) * positions * dtype.itemsize <= CHUNK


def convolve_rows(g, x, W, b, dtype):
    """Convolution as a sum over the rows of the kernel, one product each; columns are a KH-th of the usual ones."""
    (N, C), OC, G, (KH, KW), (OH, OW) = x.shape[:2], len(W), g.groups, g.kernel, g.out
    D = OC // G
    W = W.reshape(G, D, C // G, KH, KW).transpose(3, 0, 1, 2, 4).reshape(KH, G, D, C // G * KW).astype(dtype)
    b = None if b is None else b.reshape(G, D, 1)
    y, memory = np.empty((N, OC, OH, OW), dtype), np.empty(OC * OH * OW, dtype)
    for n, k, r, factors in row_columns(g, x, OC, dtype):
        total = y[n, k.start * D : k.stop * D, r].reshape(k.stop - k.start, D, (r.stop - r.start) * OW)  # a view
        part = memory[: total.size].reshape(total.shape)
        np.matmul(W[0, k], factors[0], out=total)
        for w, factor in zip(W[1:, k], factors[1:], strict=True):
            total += np.matmul(w, factor, out=part)
        if b is not None:
            total += b[k]
    return y


def correlate_rows(g, x, gy, dtype):
    """The gradient of the weights, likewise: one product for each row of the kernel."""
    G, (KH, KW), (C, OC) = g.groups, g.kernel, (x.shape[1], gy.shape[1])
    D = OC // G
    gW = np.zeros((KH, G, C // G * KW, D), dtype)
    for n, k, r, factors in row_columns(g, x, OC, dtype):
        part = gy[n, k.start * D : k.stop * D, r].astype(dtype, copy=False)
        part = part.reshape(k.stop - k.start, D, (r.stop - r.start) * g.out[1]).transpose(0, 2, 1)
        for total, factor in zip(gW[:, k], factors, strict=True):
            total += factor @ part
    return gW.reshape(KH, G, C // G, KW, D).transpose(1, 4, 2, 0, 3).reshape(OC, C // G, KH, KW)


def row_chunk(g, C, OC, dtype):
    """How many rows of the output, and how many groups, to process at a time; C, OC: the channels of a group."""
    OH, OW = g.out
    most = CHUNK // max(1, (C * g.kernel[1] * g.stride[0] + 2 * OC) * OW * dtype.itemsize)  # rows of one group
    rows = min(OH, max(-(-COLUMNS // OW), most))
    return rows, min(g.groups, max(1, most // rows))


def row_columns(g, x, OC, dtype):
    """Yield chunks of x: the number of a sample, slices of groups and of output rows, and KH factors of products.

    A factor (groups, C / groups * KW, R*OW) is what a row of the kernel reads, a run of memory that is reused: there,
    only the columns of the kernel are unrolled, and rows of the padded image that are SH apart follow each other.
    """
    C, (OH, OW), (KH, KW), (SH, SW), (DH, DW) = x.shape[1] // g.groups, g.out, g.kernel, g.stride, g.dilation
    rows, groups = row_chunk(g, C, OC // g.groups, dtype)
    across = [overlap(j * DW - g.pad[1][0], SW, g.size[1], OW) for j in range(KW)]
    for r in slices(OH, rows):
        R, Q = r.stop - r.start, r.stop - r.start + (g.span[0] - 1) // SH
        down = [overlap(r.start * SH + i - g.pad[0][0], SH, g.size[0], Q) for i in range(SH)]
        col = np.zeros((groups * C, KW, SH, Q, OW), dtype)
        flat = col.reshape(groups, C * KW, SH * Q * OW)
        starts = [(i * DH % SH * Q + i * DH // SH) * OW for i in range(KH)]
        for k, n in itertools.product(slices(g.groups, groups), range(len(x))):
            image = x[n, k.start * C : k.stop * C]
            for (i, (to, row)), (j, (at, column)) in itertools.product(enumerate(down), enumerate(across)):
                col[: len(image), j, i, to, at] = image[:, row, column]
            yield n, k, r, [flat[: k.stop - k.start, :, start : start + R * OW] for start in starts]


def overlap(place, stride, size, count):
    """Those k < count for which place + k * stride is in range(size), and these places: two slices."""
    first, last = max(0, -(place // stride)), min(count, -((place - size) // stride))
    n, start = max(0, last - first), place + first * stride
    return slice(first, first + n), slice(start, start + n * stride, stride)


@cuda.on_gpu(kernels.correlate)
def correlate(xp, g, x, gy):
    """The gradient of the weights.  x (N, C, H, W), gy (N, OC, OH, OW) -> gW (OC, C / groups, KH, KW)."""
    C, OC = x.shape[1] // g.groups, gy.shape[1] // g.groups  # of a group
    K, dtype = C * math.prod(g.kernel), np.result_type(x.dtype, gy.dtype)
    if xp is np and by_rows(g, len(x), C, OC, wide(dtype)):
        return correlate_rows(g, x, gy, wide(dtype)).astype(dtype, copy=False)
    gW = xp.zeros((g.groups, K, OC), wide(dtype))
    for s, r, col in columns(xp, g, x, gy.shape[1], gW.dtype):
        part = g.merge(gy[s, :, r].astype(gW.dtype, copy=False))
        n, _, count = col.shape
        part = part.reshape(n, g.groups, OC, count).transpose(0, 1, 3, 2)
        found = xp.matmul(col.reshape(n, g.groups, K, count), part)  # its transpose would be slower
        gW += found[0] if n == 1 else found.sum(axis=0)
    return gW.transpose(0, 2, 1).reshape(gy.shape[1], C, *g.kernel).astype(dtype, copy=False)


@cuda.on_gpu(kernels.convolve_back)
def convolve_back(xp, g, gy, W):
    """The gradient of the images.  gy (N, OC, OH, OW), W (OC, C / groups, KH, KW) -> gx (N, C, H, W)."""
    N, (OC, C), G = len(gy), W.shape[:2], g.groups
    dtype = np.result_type(gy.dtype, W.dtype)
    W = W.reshape(G, OC // G, C, *g.kernel)
    pad = tuple((k - 1 - before, k - 1 - after) for k, (before, after) in zip(g.span, g.pad, strict=True))
    if min(map(min, pad)) >= 0 and by_convolution(g, OC, C):
        rotated = W[..., ::-1, ::-1].transpose(0, 2, 1, 3, 4)  # gx is also a convolution
        rotated = rotated.reshape(G * C, OC // G, *g.kernel)
        rotated = rotated if G == 1 else rotated.copy()  # products are slow if strides are negative
        gy, pad = spaced(xp, g, gy, pad)
        return convolve(xp, Geometry("", gy.shape[2:], g.kernel, (1, 1), pad, g.dilation, groups=G), gy, rotated)
    W = W.reshape(G, OC // G, C * math.prod(g.kernel)).transpose(0, 2, 1).astype(wide(dtype), copy=False)
    gx = xp.empty((N, G * C, *g.size), W.dtype)
    samples, rows = g.chunk(xp, N, G * W.shape[1] + OC, W.dtype)
    for s in slices(N, samples):
        images = xp.zeros((s.stop - s.start, G * C, *g.reach), W.dtype)
        for r in slices(g.out[0], rows):
            part = g.merge(gy[s, :, r].astype(W.dtype, copy=False))
            col = g.split(product(xp, W, part), len(images))
            col = col.reshape(len(images), G * C, *g.kernel, *col.shape[2:])
            add_patches(xp, g, images[:, :, r.start * g.stride[0] :], col)
        gx[s] = g.unpadded(xp, images)
    return gx.astype(dtype, copy=False)


def by_convolution(g, OC, C):
    """Whether a convolution is the faster way to the gradient of images: depthwise, or with a stride of 1."""
    return C == 1 < g.groups or (g.stride == (1, 1) and g.groups * C >= OC)


def spaced(xp, g, gy, pad):
    """gy with zeros between its elements, as far apart as the patches, and its padding (before, after) up to g.size."""
    if g.stride == (1, 1):
        return gy, pad
    size = tuple((n - 1) * s + 1 for n, s in zip(g.out, g.stride, strict=True))
    y = xp.zeros((*gy.shape[:2], *size), gy.dtype)
    y[:, :, :: g.stride[0], :: g.stride[1]] = gy
    places = zip(g.size, g.span, size, pad, strict=True)
    return y, tuple((before, n + k - 1 - m - before) for n, k, m, (before, _) in places)


def add_patches(xp, g, images, patches):
    """Add patches (N, C, KH, KW, R, OW) to padded images: first over KH, where memory is contiguous, then over KW."""
    N, C, KH, KW, R, OW = patches.shape
    rows = xp.zeros((N, C, KW, (R - 1) * g.stride[0] + g.span[0], OW), patches.dtype)
    for i in range(KH):
        rows[:, :, :, g.along(0, i, R)] += patches[:, :, i]
    for j in range(KW):
        images[:, :, : rows.shape[3], g.along(1, j)] += rows[:, :, j]


def channels(xp, *arrays):
    """Yield chunks of arrays (N, C, H, W) of different H, W: views (n, H, W) of the same channels."""
    flat = [a.reshape(len(a) * a.shape[1], *a.shape[2:]) for a in arrays]
    total, size = sum(a.nbytes for a in arrays), CHUNK if xp is np else GPU_CHUNK
    for s in slices(len(flat[0]), max(1, len(flat[0]) * size // max(total, 1))):
        yield [a[s] for a in flat]


def reduce_patches(xp, g, f, x, padding):
    """Reduce each patch of each channel by a binary ufunc f.  x (N, C, H, W) -> y (N, C, OH, OW)."""
    y = xp.empty((*x.shape[:2], *g.out), x.dtype)
    for a, out in channels(xp, x, y):
        a = g.padded(xp, a, padding)
        for axis in (0, 1):
            lead = (...,) if axis else (slice(None),)
            a = functools.reduce(f, [a[(*lead, g.along(axis, i))] for i in range(g.kernel[axis])])
        out[...] = a
    return y


@cuda.on_gpu(kernels.max_patches)
def max_patches(xp, g, x, padding):
    """The maximum of each patch; and the number of the first element equal to it, None unless a kernel has found it."""
    return reduce_patches(xp, g, xp.maximum, x, padding), None


@cuda.on_gpu(kernels.sum_patches)
def sum_patches(xp, g, x):
    """The sum of each patch."""
    return reduce_patches(xp, g, xp.add, x, 0)


def first_equal(xp, g, x, y, padding):
    """The number of the first element of each patch of x that equals y, or is nan if y is: (N, C, OH, OW)."""
    places = g.places()[:-1]
    which = xp.zeros(y.shape, np.min_scalar_type(len(places)))
    outside = g.padded(xp, xp.zeros(g.size, bool), True)
    for a, top, out in channels(xp, x, y, which):
        a = g.padded(xp, a, padding)
        nans = xp is not np or (top != top).any()  # on a GPU, the host would wait for the check
        missing = xp.ones(top.shape, bool)
        for place in places:
            miss = a[place] != top
            if nans:
                miss &= a[place] == a[place]
            if g.beyond:  # an image of -inf equals its padding
                miss |= outside[place]
            missing &= miss
            out += missing
    return which


@cuda.on_gpu(kernels.spread, integers=True)
def spread(xp, g, gy, which=None):
    """gx (N, C, H, W): gy (N, C, OH, OW) added to element number `which` of each patch, or to all its elements."""
    gx = xp.zeros((*gy.shape[:2], *g.size), wide(gy.dtype))
    apart = g.stride[0] >= g.span[0] and g.stride[1] >= g.span[1]
    for part, out, *number in channels(xp, gy, gx, *([] if which is None else [which])):
        images = xp.zeros((len(part), *g.reach), gx.dtype) if g.beyond else out
        for k, place in enumerate(g.places()):
            share = part * (number[0] == k) if number else part
            if apart:
                images[place] = share
            else:
                images[place] += share
        if g.beyond:
            out[...] = g.unpadded(xp, images)
    return gx.astype(gy.dtype, copy=False)


def pick(xp, g, x, which):
    """y (N, C, OH, OW): element number `which` of each patch of x (N, C, H, W)."""
    y = xp.empty(which.shape, x.dtype)
    for a, number, out in channels(xp, x, which, y):
        a = g.padded(xp, a)
        for k, place in enumerate(g.places()):
            xp.copyto(out, a[place], where=number == k)
    return y
