"""Convolution: im2col and col2im, conv2d and deconv2d; the gradient of each is made of the others. [steps 55-57]

Shapes: x (N, C, H, W), W (OC, C, KH, KW), y (N, OC, OH, OW). A size for both directions is one number, or a
pair: height, width.
"""

import math

import numpy as np

from .. import cuda
from ..core import Function, as_input
from .matrix import linear
from .reduce import sum
from .shape import reshape, transpose

CACHED = 2**20  # bytes of columns worked on at once: what a processor's cache holds between writing and reading ...
WIDE = 256  # ... but as many columns as a matrix product needs to be fast
ON_GPU = 2**28  # the same on a GPU, where a call costs more than the memory


def pair(x):
    """A size for both directions: 1 -> (1, 1), (1, 2) -> (1, 2). ValueError for anything else. [step 57]"""
    if isinstance(x, (int, np.integer)):
        return (int(x), int(x))
    if isinstance(x, tuple) and len(x) == 2 and all(isinstance(n, (int, np.integer)) for n in x):
        return x
    raise ValueError(f"pair: {x!r} came, an integer or a tuple of two is needed")


def get_conv_outsize(input_size, kernel_size, stride, pad):
    """The positions of a window along one direction: (input + 2 pad - kernel) // stride + 1. [step 55]"""
    return (input_size + pad * 2 - kernel_size) // stride + 1


def get_deconv_outsize(size, k, s, p):
    """The smallest input that a convolution turns into this size: s (size - 1) + k - 2 p. [beside step 57]"""
    return s * (size - 1) + k - 2 * p


def pairs(name, kernel_size, stride, pad):
    """All three as pairs; ValueError where one is too small."""
    kernel, stride, pad = pair(kernel_size), pair(stride), pair(pad)
    if min(kernel) < 1 or min(stride) < 1 or min(pad) < 0:
        raise ValueError(f"{name}: kernel {kernel}, stride {stride}, pad {pad} came, at least 1, 1 and 0 are needed")
    return kernel, stride, pad


class Windows:
    """Where the windows of a kernel lie in images (H, W).

    The padded image is split into SH * SW planes, one for each remainder of a position by the stride. In
    its plane, row after row in one line, what a place (i, j) of the kernel sees in all windows is one
    contiguous run of OH rows of the plane's width QW: QW - OW numbers at the end of each row are of no
    window, and are the price of never moving single numbers.
    """

    def __init__(self, name, x_size, kernel_size, stride, pad):
        self.size = x_size
        self.kernel, self.stride, self.pad = pairs(name, kernel_size, stride, pad)
        self.out = tuple(map(get_conv_outsize, self.size, self.kernel, self.stride, self.pad))
        if min(self.out) < 1 or min(self.size) < 1:
            raise ValueError(f"{name}: a kernel {self.kernel} does not fit images {self.size} with padding {self.pad}")
        (KH, KW), (SH, SW), (OH, OW) = self.kernel, self.stride, self.out
        self.plane = QH, QW = OH + (KH - 1) // SH, OW + (KW - 1) // SW
        self.run = OH * QW
        self.line = QH * QW + (KW - 1) // SW
        self.places = [  # (i, j), its plane, where its run begins there
            (i, j, i % SH, j % SW, i // SH * QW + j // SW) for i in range(KH) for j in range(KW)
        ]
        self.kept = {}

    def parts(self):
        """For each plane that is needed: its place, the part of it that is no padding, where that is in the image."""
        for a in range(min(self.stride[0], self.kernel[0])):
            for b in range(min(self.stride[1], self.kernel[1])):
                inside, there = zip(*map(overlap, (a, b), self.size, self.stride, self.pad, self.plane), strict=True)
                yield (slice(None), slice(None), a, b, *inside), (slice(None), slice(None), *there)

    def memory(self, xp, name, shape, dtype):
        """An array that is used again for each piece of the work: fresh memory would cost more than filling it."""
        size = math.prod(shape)
        if name not in self.kept or self.kept[name].size < size:
            self.kept[name] = xp.empty(size, dtype)
        return self.kept[name][:size].reshape(shape)

    def lines(self, xp, N, C, dtype):
        """Planes of zeros (N, C, SH, SW, line), and a view of them (N, C, SH, SW, QH, QW)."""
        lines = xp.zeros((N, C, *self.stride, self.line), dtype)
        return lines, lines[..., : math.prod(self.plane)].reshape(N, C, *self.stride, *self.plane)

    def split(self, xp, x):
        """x (N, C, H, W) -> its planes (N, C, SH, SW, line)."""
        lines, planes = self.lines(xp, *x.shape[:2], x.dtype)
        for inside, there in self.parts():
            planes[inside] = x[there]
        return lines

    def unroll(self, xp, lines, rows):
        """The windows of R rows of the output as columns, windows of none among them: -> (C*KH*KW, N*R*QW)."""
        N, C = lines.shape[:2]
        first, run = self.run_of(rows)
        col = self.memory(xp, "columns", (C, *self.kernel, N, run), lines.dtype)
        for i, j, a, b, start in self.places:
            start += first
            col[:, i, j] = lines[:, :, a, b, start : start + run].transpose(1, 0, 2)
        return col.reshape(C * math.prod(self.kernel), N * run)

    def roll(self, col, rows, lines):
        """The reverse: columns added to planes, where they come from."""
        N, C = lines.shape[:2]
        first, run = self.run_of(rows)
        col = col.reshape(C, *self.kernel, N, run)
        for i, j, a, b, start in self.places:
            start += first
            lines[:, :, a, b, start : start + run] += col[:, i, j].transpose(1, 0, 2)

    def run_of(self, rows):
        """Where the run of some rows begins, and its length."""
        return rows.start * self.plane[1], (rows.stop - rows.start) * self.plane[1]

    def widen(self, xp, gy):
        """gy (N, OC, R, OW) -> (OC, N*R*QW), zeros where no window is."""
        N, OC, R, OW = gy.shape
        wide = xp.zeros((OC, N, R, self.plane[1]), gy.dtype)
        wide[..., :OW] = gy.transpose(1, 0, 2, 3)
        return wide.reshape(OC, N * R * self.plane[1])

    def narrow(self, y, N):
        """The reverse: (OC, N*R*QW) -> (N, OC, R, OW)."""
        OC, QW = len(y), self.plane[1]
        return y.reshape(OC, N, y.shape[1] // (N * QW), QW)[..., : self.out[1]].transpose(1, 0, 2, 3)

    def pieces(self, xp, N, height, dtype):
        """The work in pieces of few columns of a height: slices of the batch, each with slices of the output's rows."""
        size = CACHED if xp is np else ON_GPU
        columns = max(WIDE, size // max(1, height * dtype.itemsize))
        rows = min(self.out[0], -(-columns // self.plane[1]))
        samples = max(1, columns // self.run)
        of_rows = [slice(r, min(r + rows, self.out[0])) for r in range(0, self.out[0], rows)]
        return [(slice(n, n + samples), of_rows) for n in range(0, N, samples)]


def overlap(a, size, stride, pad, plane):
    """Along one direction, of the padded positions a, a + stride, ...: those in the image, and where they are there."""
    first = (a - pad) % stride
    start = (pad + first) // stride
    count = max(0, min(len(range(first, size, stride)), plane - start))
    return slice(start, start + count), slice(first, first + count * stride, stride)


def convolve(xp, windows, x, W, b=None):
    """y (N, OC, OH, OW) of x (N, C, H, W) and W (OC, C, KH, KW), from arrays to array."""
    N, OC = len(x), len(W)
    y = xp.empty((N, OC, *windows.out), np.result_type(*(a.dtype for a in (x, W, b) if a is not None)))
    W = W.reshape(OC, math.prod(W.shape[1:]))
    dtype = np.result_type(x.dtype, W.dtype)
    for s, pieces in windows.pieces(xp, N, OC + W.shape[1], dtype):
        lines = windows.split(xp, x[s])
        for rows in pieces:
            col = windows.unroll(xp, lines, rows)
            part = xp.matmul(W, col, out=windows.memory(xp, "product", (OC, col.shape[1]), dtype))
            part = windows.narrow(part, len(lines))
            if b is None:
                y[s, :, rows] = part
            else:
                xp.add(part, b.reshape(OC, 1, 1), out=y[s, :, rows])
    return y


def convolve_back(xp, windows, gy, W):
    """gx (N, C, H, W) of gy (N, OC, OH, OW) and W (OC, C, KH, KW), from arrays to array."""
    (OC, C), N = W.shape[:2], len(gy)
    gx = xp.zeros((N, C, *windows.size), np.result_type(gy.dtype, W.dtype))
    W = W.reshape(OC, math.prod(W.shape[1:]))
    for s, pieces in windows.pieces(xp, N, OC + W.shape[1], gx.dtype):
        lines, planes = windows.lines(xp, *gx[s].shape[:2], gx.dtype)
        for rows in pieces:
            wide = windows.widen(xp, gy[s, :, rows])
            col = windows.memory(xp, "columns", (W.shape[1], wide.shape[1]), gx.dtype)
            windows.roll(xp.matmul(W.T, wide, out=col), rows, lines)
        for inside, there in windows.parts():
            gx[s][there] = planes[inside]
    return gx


def correlate(xp, windows, x, gy):
    """gW (OC, C, KH, KW) of x (N, C, H, W) and gy (N, OC, OH, OW), from arrays to array."""
    (N, C), OC = x.shape[:2], gy.shape[1]
    gW = xp.zeros((OC, C * math.prod(windows.kernel)), np.result_type(x.dtype, gy.dtype))
    for s, pieces in windows.pieces(xp, N, OC + gW.shape[1], x.dtype):
        lines = windows.split(xp, x[s])
        for rows in pieces:
            gW += xp.matmul(windows.widen(xp, gy[s, :, rows]), windows.unroll(xp, lines, rows).T)
    return gW.reshape(OC, C, *windows.kernel)


class Conv2d(Function):
    """y = x * W + b;  gx = deconv2d(gy, W), gW = what x and gy have in common, gb = gy summed over N, OH, OW."""

    def __init__(self, stride=1, pad=0):
        self.stride = stride
        self.pad = pad

    def forward(self, x, W, b=None):
        windows = Windows("conv2d", x.shape[2:], W.shape[2:], self.stride, self.pad)
        return convolve(self.xp, windows, x, W, b)

    def backward(self, gy):
        x, W = self.inputs[:2]
        gx = gW = None
        if not x.constant:
            gx = deconv2d(gy, W, None, self.stride, self.pad, x.shape[2:])
        if not W.constant:
            gW = Conv2dGradW(W.shape[2:], self.stride, self.pad)(x, gy)
        if len(self.inputs) == 2:
            return gx, gW
        return gx, gW, None if self.inputs[2].constant else sum(gy, (0, 2, 3))


def conv2d(x, W, b=None, stride=1, pad=0):
    """Convolution.  x (N, C, H, W), W (OC, C, KH, KW), b (OC,) -> (N, OC, OH, OW). [step 57]

    OH = (H + 2 PH - KH) // SH + 1, OW likewise; the padding is of zeros. Large batches are worked in
    slices, so that the unrolled windows take little memory. ValueError for what does not fit.
    """
    inputs = check_inputs("conv2d", x, W, b, channels=1)
    return Conv2d(stride, pad)(*inputs)


class Deconv2d(Function):
    """y = the gradient of a convolution by its input;  gx = conv2d(gy, W), gW = that of the convolution."""

    def __init__(self, stride=1, pad=0, outsize=None):
        self.stride = stride
        self.pad = pad
        self.outsize = outsize

    def forward(self, x, W, b=None):
        kernel, stride, pad = W.shape[2:], pair(self.stride), pair(self.pad)
        fitting = tuple(map(get_deconv_outsize, x.shape[2:], kernel, stride, pad))
        outsize = fitting if self.outsize is None else pair(self.outsize)
        windows = Windows("deconv2d", outsize, kernel, stride, pad)
        if windows.out != x.shape[2:]:
            raise ValueError(
                f"deconv2d: outsize {outsize} came; a convolution of that gives {windows.out}, not {x.shape[2:]}: "
                f"from {fitting} on it fits"
            )
        y = convolve_back(self.xp, windows, x, W)
        return y if b is None else y + b.reshape(-1, 1, 1)

    def backward(self, gy):
        x, W = self.inputs[:2]
        gx = gW = None
        if not x.constant:
            gx = conv2d(gy, W, None, self.stride, self.pad)
        if not W.constant:
            gW = Conv2dGradW(W.shape[2:], self.stride, self.pad)(gy, x)
        if len(self.inputs) == 2:
            return gx, gW
        return gx, gW, None if self.inputs[2].constant else sum(gy, (0, 2, 3))


def deconv2d(x, W, b=None, stride=1, pad=0, outsize=None):
    """Transposed convolution.  x (N, C, H, W), W (C, OC, KH, KW), b (OC,) -> (N, OC, OH, OW). [beside step 57]

    It spreads every number over a window, as the gradient of a convolution does. OH = SH (H - 1) + KH -
    2 PH, OW likewise; outsize can name up to SH - 1, SW - 1 more, which a convolution would have cut off.
    ValueError for what does not fit.
    """
    inputs = check_inputs("deconv2d", x, W, b, channels=0)
    return Deconv2d(stride, pad, outsize)(*inputs)


class Conv2dGradW(Function):
    """gW of a convolution, from x and gy;  by x: deconv2d(gy, ggW), by gy: conv2d(x, ggW)."""

    def __init__(self, kernel_size, stride, pad):
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad

    def forward(self, x, gy):
        windows = Windows("conv2d", x.shape[2:], self.kernel_size, self.stride, self.pad)
        return correlate(self.xp, windows, x, gy)

    def backward(self, ggW):
        x, gy = self.inputs
        gx = None if x.constant else deconv2d(gy, ggW, None, self.stride, self.pad, x.shape[2:])
        ggy = None if gy.constant else conv2d(x, ggW, None, self.stride, self.pad)
        return gx, ggy


def check_inputs(name, x, W, b, channels):
    """The inputs as Variables, without b if that is None. channels: the axis of W that has those of x."""
    x, W = as_input(x), as_input(W)
    needed = "W (OC, C, KH, KW)" if channels else "W (C, OC, KH, KW)"
    if x.ndim != 4 or W.ndim != 4:
        raise ValueError(f"{name}: x {x.shape}, W {W.shape} came, x (N, C, H, W) and {needed} are needed")
    if x.shape[1] != W.shape[channels]:
        raise ValueError(f"{name}: x {x.shape} has {x.shape[1]} channels, {needed} {W.shape} has {W.shape[channels]}")
    if b is None:
        return x, W
    b = as_input(b)
    if b.shape != (W.shape[1 - channels],):
        raise ValueError(f"{name}: b {b.shape} came, ({W.shape[1 - channels]},) is needed for W {W.shape}")
    return x, W, b


def conv2d_simple(x, W, b=None, stride=1, pad=0):
    """The same of simple functions: the matrix of im2col, one product, and the axes put in order. [step 57]"""
    x, Weight = check_inputs("conv2d_simple", x, W, None, channels=1)
    N, _, H, W = x.shape
    OC, _, KH, KW = Weight.shape
    (SH, SW), (PH, PW) = pair(stride), pair(pad)

    col = im2col(x, (KH, KW), stride, pad, to_matrix=True)
    t = linear(col, transpose(reshape(Weight, (OC, math.prod(Weight.shape[1:])))), b)  # (N*OH*OW, OC)
    OH, OW = get_conv_outsize(H, KH, SH, PH), get_conv_outsize(W, KW, SW, PW)
    return transpose(reshape(t, (N, OH, OW, OC)), (0, 3, 1, 2))


class Im2col(Function):
    """y = the windows of x;  gx = col2im(gy), for each number the sum over the windows that it is in."""

    def __init__(self, kernel_size, stride, pad, to_matrix):
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad
        self.to_matrix = to_matrix

    def forward(self, x):
        self.x_shape = x.shape
        return im2col_array(x, self.kernel_size, self.stride, self.pad, self.to_matrix)

    def backward(self, gy):
        return col2im(gy, self.x_shape, self.kernel_size, self.stride, self.pad, self.to_matrix)


def im2col(x, kernel_size, stride=1, pad=0, to_matrix=True):
    """Every window as a row.  x (N, C, H, W) -> (N*OH*OW, C*KH*KW). [step 57]

    Rows in the order of sample, output row, output column; in a row channel, kernel row, kernel column.
    Without to_matrix (N, C, KH, KW, OH, OW). ValueError for a kernel that does not fit.
    """
    x = as_input(x)
    if x.ndim != 4:
        raise ValueError(f"im2col: x {x.shape} came, x (N, C, H, W) is needed")
    return Im2col(kernel_size, stride, pad, to_matrix)(x)


class Col2im(Function):
    """y = windows put back where they come from, overlaps added up;  gx = im2col(gy)."""

    def __init__(self, input_shape, kernel_size, stride, pad, to_matrix):
        self.input_shape = input_shape
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad
        self.to_matrix = to_matrix

    def forward(self, x):
        return col2im_array(x, self.input_shape, self.kernel_size, self.stride, self.pad, self.to_matrix)

    def backward(self, gy):
        return im2col(gy, self.kernel_size, self.stride, self.pad, self.to_matrix)


def col2im(x, input_shape, kernel_size, stride=1, pad=0, to_matrix=True):
    """The reverse of im2col, overlaps added up: (N*OH*OW, C*KH*KW) -> input_shape (N, C, H, W). [beside step 57]

    Without to_matrix x is (N, C, KH, KW, OH, OW). ValueError for what does not fit.
    """
    return Col2im(input_shape, kernel_size, stride, pad, to_matrix)(x)


def im2col_array(img, kernel_size, stride, pad, to_matrix=True):
    """im2col from array to array. [step 57]"""
    windows = Windows("im2col", img.shape[2:], kernel_size, stride, pad)
    (N, C), (KH, KW), (OH, OW) = img.shape[:2], windows.kernel, windows.out
    xp = cuda.get_array_module(img)
    col = windows.unroll(xp, windows.split(xp, img), slice(0, OH))
    col = col.reshape(C, KH, KW, N, OH, windows.plane[1])[..., :OW]
    if to_matrix:
        return col.transpose(3, 4, 5, 0, 1, 2).reshape(N * OH * OW, C * KH * KW)
    return col.transpose(3, 0, 1, 2, 4, 5)


def col2im_array(col, img_shape, kernel_size, stride, pad, to_matrix=True):
    """col2im from array to array. [beside step 57]"""
    if len(img_shape) != 4:
        raise ValueError(f"col2im: input_shape {img_shape} came, (N, C, H, W) is needed")
    N, C, H, W = img_shape
    windows = Windows("col2im", (H, W), kernel_size, stride, pad)
    (KH, KW), (OH, OW) = windows.kernel, windows.out
    needed = (N * OH * OW, C * KH * KW) if to_matrix else (N, C, KH, KW, OH, OW)
    if col.shape != needed:
        raise ValueError(f"col2im: x {col.shape} came, {needed} is needed for images {img_shape}")
    if to_matrix:
        col = col.reshape(N, OH, OW, C, KH, KW).transpose(0, 3, 4, 5, 1, 2)
    xp = cuda.get_array_module(col)
    wide = xp.zeros((C, KH, KW, N, OH, windows.plane[1]), col.dtype)
    wide[..., :OW] = col.transpose(1, 2, 3, 0, 4, 5)
    img = xp.zeros(img_shape, col.dtype)
    lines, planes = windows.lines(xp, N, C, col.dtype)
    windows.roll(wide, slice(0, OH), lines)
    for inside, there in windows.parts():
        img[there] = planes[inside]
    return img
