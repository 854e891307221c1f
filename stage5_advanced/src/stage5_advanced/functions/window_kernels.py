"""Kernels for the patches of images, instead of what windows.py does with slices; skip on first reading.

i counts the elements of the output. In a kernel, `plane` is the number of elements for one channel of one image, so
that one division is in 64 bits. A patch begins at row y SH - PH, column x SW - PW; its element (a, b) is a DH rows and
b DW columns further.
"""

import math

import numpy as np

from .. import cuda
from .products import product

GPU_CHUNK = 2**28  # bytes of columns at a time
SIZES = """int32 plane, int32 H, int32 W, int32 OH, int32 OW, int32 KH, int32 KW, int32 SH, int32 SW,
    int32 PH, int32 PW, int32 DH, int32 DW"""
POSITION = "long long channel = i / plane; int q = i - channel * plane;"
# For each element of a patch: whether it is in the image, and where.
IN_PATCH = """
    for (int a = 0; a < KH; a++) for (int b = 0; b < KW; b++) {
        int r = q / OW * SH + a * DH - PH, s = q % OW * SW + b * DW - PW;
        if (r < 0 || r >= H || s < 0 || s >= W) continue;
        T v = img[(channel * H + r) * W + s];
"""
# For each element of a patch that reads pixel q: the position p of the patch.
OVER_PIXEL = """
    int y = q / W + PH, x = q % W + PW;
    for (int a = 0; a < KH; a++) for (int b = 0; b < KW; b++) {
        int r = y - a * DH, s = x - b * DW;
        if (r < 0 || s < 0 || r % SH || s % SW || r / SH >= OH || s / SW >= OW) continue;
        int p = r / SH * OW + s / SW;
"""

im2col = cuda.Kernel(
    "ElementwiseKernel",
    f"raw T img, {SIZES}",
    "T col",
    f"""{POSITION}
    int x = q % OW, y = q / OW % OH, b = q / (OW * OH) % KW, a = q / (OW * OH * KW);
    int r = y * SH + a * DH - PH, s = x * SW + b * DW - PW;
    col = r >= 0 && r < H && s >= 0 && s < W ? img[(channel * H + r) * W + s] : T(0);
    """,
    "im2col",
)
col2im = cuda.Kernel(
    "ElementwiseKernel",
    f"raw T col, {SIZES}",
    "T img",
    f"""{POSITION} T sum = 0;
    {OVER_PIXEL} sum += col[((channel * KH + a) * KW + b) * OH * OW + p]; }}
    img = sum;
    """,
    "col2im",
)
highest = cuda.Kernel(
    "ElementwiseKernel",
    f"raw T img, {SIZES}",
    "T top, U which",
    f"""{POSITION} int k = -1; T best = 0;
    {IN_PATCH}
        if (k < 0 || v > best || (v != v && best == best)) {{ best = v; k = a * KW + b; }}
    }}
    top = best; which = k;
    """,
    "pooling",
)
added = cuda.Kernel(
    "ElementwiseKernel",
    f"raw T img, {SIZES}",
    "T y",
    f"{POSITION} T sum = 0; {IN_PATCH} sum += v; }} y = sum;",
    "sum_patches",
)
spread_first = cuda.Kernel(
    "ElementwiseKernel",
    f"raw T gy, raw U which, {SIZES}",
    "T img",
    f"""{POSITION} T sum = 0;
    {OVER_PIXEL} if (which[channel * OH * OW + p] == a * KW + b) sum += gy[channel * OH * OW + p]; }}
    img = sum;
    """,
    "spread_which",
)
spread_all = cuda.Kernel(
    "ElementwiseKernel",
    f"raw T gy, {SIZES}",
    "T img",
    f"{POSITION} T sum = 0; {OVER_PIXEL} sum += gy[channel * OH * OW + p]; }} img = sum;",
    "spread",
)


def sizes(g, plane):
    """The sizes that kernels take, of a Geometry."""
    return plane, *g.size, *g.out, *g.kernel, *g.stride, g.pad[0][0], g.pad[1][0], *g.dilation


def too_large(g):
    """Whether an index within a channel does not fit 32 bits."""
    return max(math.prod(g.size), math.prod(g.kernel) * math.prod(g.out)) >= 2**31


def max_patches(xp, g, x, padding):
    """As in windows.py; it finds the number of the first maximum at once."""
    if too_large(g) or math.prod(g.kernel) > 255:
        return NotImplemented
    shape = *x.shape[:2], *g.out
    return highest(x, *sizes(g, math.prod(g.out)), xp.empty(shape, x.dtype), xp.empty(shape, np.uint8))


def sum_patches(xp, g, x):
    """As in windows.py."""
    if too_large(g):
        return NotImplemented
    return added(x, *sizes(g, math.prod(g.out)), xp.empty((*x.shape[:2], *g.out), x.dtype))


def spread(xp, g, gy, which=None):
    """As in windows.py."""
    if too_large(g):
        return NotImplemented
    gx = xp.empty((*gy.shape[:2], *g.size), gy.dtype)
    if which is None:
        return spread_all(gy, *sizes(g, math.prod(g.size)), gx)
    return spread_first(gy, which, *sizes(g, math.prod(g.size)), gx)


def patches_are_pixels(g):
    """Whether each pixel is a patch, so that images are columns."""
    return g.out == g.size and math.prod(g.kernel) == 1 and not g.beyond


def chunks(g, x, K):
    """Slices of as many images as have columns of GPU_CHUNK bytes, at least one; K: elements of a column."""
    n = max(1, GPU_CHUNK // (K * math.prod(g.out) * x.itemsize))
    return [slice(start, min(start + n, len(x))) for start in range(0, len(x), n)]


def columns(xp, g, x):
    """The columns of images (n, C, H, W): (n, C*KH*KW, OH*OW)."""
    shape = len(x), x.shape[1] * math.prod(g.kernel), math.prod(g.out)
    if patches_are_pixels(g):
        return x.reshape(shape)
    return im2col(x, *sizes(g, math.prod(g.kernel) * math.prod(g.out)), xp.empty(shape, x.dtype))


def convolve(xp, g, x, W, b=None):
    """As in windows.py."""
    if g.groups > 1 or too_large(g):
        return NotImplemented
    OC, K = len(W), math.prod(W.shape[1:])
    y = xp.empty((len(x), OC, math.prod(g.out)), x.dtype)
    for s in chunks(g, x, K):
        product(W.reshape(OC, K), columns(xp, g, x[s]), y[s])
    if b is not None:
        y += b[:, None]
    return y.reshape(len(x), OC, *g.out)


def correlate(xp, g, x, gy):
    """As in windows.py."""
    if g.groups > 1 or too_large(g):
        return NotImplemented
    C, OC, P = x.shape[1], gy.shape[1], math.prod(g.out)
    K, gW = C * math.prod(g.kernel), xp.empty((OC, C, *g.kernel), x.dtype)
    for s in chunks(g, x, K):
        part, col = gy[s].reshape(-1, OC, P), columns(xp, g, x[s]).transpose(0, 2, 1)
        total = gW.reshape(OC, K)
        if s.start > 0:
            total += product(part, col).sum(0)
        elif len(part) == 1:
            product(part[0], col[0], total)
        else:
            product(part, col).sum(0, out=total)
    return gW


def convolve_back(xp, g, gy, W):
    """As in windows.py."""
    if g.groups > 1 or too_large(g):
        return NotImplemented
    (OC, C), P = W.shape[:2], math.prod(g.out)
    WT = W.reshape(OC, C * math.prod(g.kernel)).T
    gx = xp.empty((len(gy), C, *g.size), gy.dtype)
    for s in chunks(g, gy, len(WT)):
        part = gy[s].reshape(-1, OC, P)
        if patches_are_pixels(g):
            product(WT, part, gx[s].reshape(part.shape[0], C, P))
        else:
            col2im(product(WT, part), *sizes(g, math.prod(g.size)), gx[s])
    return gx
