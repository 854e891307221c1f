"""Convolution: im2col, col2im, conv2d, deconv2d; the gradients of each are computed by the others. [steps 55-57]

Shapes: x (N, C, H, W), W (OC, C, KH, KW), y (N, OC, OH, OW). A size is one number for both directions, or a pair
(height, width).
"""

import math

from .. import cuda
from ..core import Function, as_input
from .matrix import linear
from .reduce import sum
from .shape import reshape, transpose
from .sizes import check_groups, geometry, get_conv_outsize, pair, row_sizes, transposed_geometry
from .windows import add_patches, convolve, convolve_back, correlate


class Conv2d(Function):
    """y = x * W + b;  gx = deconv2d(gy, W), gW = the correlation of x and gy, gb = gy summed over N, OH, OW."""

    def __init__(self, stride=1, pad=0, dilation=1, groups=1, name="conv2d"):
        self.sizes = stride, pad, dilation, groups
        self.name = name

    def forward(self, x, W, b=None):
        g = geometry(self.name, x.shape[2:], W.shape[2:], *self.sizes)
        return convolve(self.xp, g, x, W, b)

    def backward(self, gy):
        x, W, *bs = self.inputs
        gx = None if x.constant else Deconv2d(*self.sizes, x.shape[2:])(gy, W)
        gW = None if W.constant else Conv2dGradW(W.shape[2:], *self.sizes)(x, gy)
        return gx, gW, *(None if b.constant else sum(gy, (0, 2, 3)) for b in bs)


def conv2d(x, W, b=None, stride=1, pad=0, dilation=1, groups=1):
    """Convolution.  x (N, C, H, W), W (OC, C, KH, KW), b (OC,) -> (N, OC, OH, OW). [step 57]

    OH = (H + 2 PH - KH) // SH + 1, OW likewise; images are padded with zeros. Raises ValueError if shapes do not match.
    Beyond the book: pad may be "valid" (none), "same" (see `same_padding`; OH = ceil(H / SH)), "full" (KH - 1), or a
    pair (before, after) for each direction. dilation: the distance between the pixels that a kernel sees. groups: the
    channels are split into so many groups, each with its own kernels, W (OC, C / groups, KH, KW). The kernel is not
    flipped; `convolve2d` is the convolution of mathematics.
    """
    return Conv2d(stride, pad, dilation, groups)(*check_inputs("conv2d", x, W, b, 1, groups))


class Deconv2d(Function):
    """y = gx of a convolution whose gy is x;  gx = conv2d(gy, W), gW = the correlation of gy and x, gb as in Conv2d."""

    def __init__(self, stride=1, pad=0, dilation=1, groups=1, outsize=None, name="deconv2d"):
        self.sizes = stride, pad, dilation, groups
        self.outsize = outsize
        self.name = name

    def forward(self, x, W, b=None):
        g = transposed_geometry(self.name, x.shape[2:], W.shape[2:], *self.sizes, self.outsize)
        y = convolve_back(self.xp, g, x, W)
        return y if b is None else y + b.reshape(-1, 1, 1)

    def backward(self, gy):
        x, W, *bs = self.inputs
        gx = None if x.constant else Conv2d(*self.sizes)(gy, W)
        gW = None if W.constant else Conv2dGradW(W.shape[2:], *self.sizes)(gy, x)
        return gx, gW, *(None if b.constant else sum(gy, (0, 2, 3)) for b in bs)


def deconv2d(x, W, b=None, stride=1, pad=0, outsize=None, dilation=1, groups=1):
    """Transposed convolution: each element of x times the kernel is added to a patch of y. [step 57, not in the book]

    x (N, C, H, W), W (C, OC, KH, KW), b (OC,) -> (N, OC, OH, OW), OH = SH (H - 1) + KH - 2 PH, OW likewise.
    outsize may exceed (OH, OW) by up to SH - 1, SW - 1, the remainder that a convolution drops. With groups, W is
    (C, OC / groups, KH, KW); pad and dilation as in `conv2d`. With pad="same", OH = SH H unless outsize is less.
    """
    return Deconv2d(stride, pad, dilation, groups, outsize)(*check_inputs("deconv2d", x, W, b, 0, groups))


class Conv2dGradW(Function):
    """gW of a convolution, from x and gy: their correlation;  gx = deconv2d(gy, ggW), ggy = conv2d(x, ggW)."""

    def __init__(self, kernel_size, stride, pad, dilation, groups):
        self.kernel_size = kernel_size
        self.sizes = stride, pad, dilation, groups

    def forward(self, x, gy):
        g = geometry("conv2d", x.shape[2:], self.kernel_size, *self.sizes)
        return correlate(self.xp, g, x, gy)

    def backward(self, ggW):
        x, gy = self.inputs
        gx = None if x.constant else Deconv2d(*self.sizes, x.shape[2:])(gy, ggW)
        ggy = None if gy.constant else Conv2d(*self.sizes)(x, ggW)
        return gx, ggy


def check_inputs(name, x, W, b, channels, groups=1):
    """The inputs as Variables, without b if it is None. channels: the axis of W with the channels of x.

    Sequences (N, C, L) and kernels (OC, C, K) are taken for a name that ends in 1d.
    """
    x, W = as_input(x, name), as_input(W, name)
    images, kernels = ("L", "K") if name.endswith("1d") else ("H, W", "KH, KW")
    share = "" if groups == 1 else " / groups"
    axes = f"W (OC, C{share}, {kernels})" if channels else f"W (C, OC{share}, {kernels})"
    found = f"x {x.shape} and W {W.shape}"
    if x.ndim != W.ndim or x.ndim != (3 if name.endswith("1d") else 4):
        raise ValueError(f"{name}: expected x (N, C, {images}) and {axes}, got {found}")
    check_groups(name, groups, x.shape[1], len(W))
    if x.shape[1] != W.shape[channels] * (groups if channels else 1):
        raise ValueError(f"{name}: expected x (N, C, {images}) and {axes} of equal C, got {found}")
    if b is None:
        return x, W
    b = as_input(b, name)
    OC = len(W) if channels else W.shape[1] * groups
    if b.shape != (OC,):
        raise ValueError(f"{name}: expected b ({OC},) for W {W.shape}, got b {b.shape}")
    return x, W, b


def conv1d(x, W, b=None, stride=1, pad=0, dilation=1, groups=1):
    """conv2d along one direction.  x (N, C, L), W (OC, C / groups, K), b (OC,) -> (N, OC, OL). [not in the book]

    A pair pad is (before, after).
    """
    x, W, *bs = check_inputs("conv1d", x, W, b, 1, groups)
    stride, dilation, pad = row_sizes("conv1d", stride, dilation, pad)
    return as_sequences(
        Conv2d(stride, pad, dilation, groups, "conv1d")(as_rows("conv1d", x), as_rows("conv1d", W), *bs)
    )


def deconv1d(x, W, b=None, stride=1, pad=0, outsize=None, dilation=1, groups=1):
    """deconv2d along one direction.  x (N, C, L), W (C, OC / groups, K), b (OC,) -> (N, OC, OL). [not in the book]"""
    x, W, *bs = check_inputs("deconv1d", x, W, b, 0, groups)
    stride, dilation, pad = row_sizes("deconv1d", stride, dilation, pad)
    outsize = None if outsize is None else (1, outsize)
    f = Deconv2d(stride, pad, dilation, groups, outsize, "deconv1d")
    return as_sequences(f(as_rows("deconv1d", x), as_rows("deconv1d", W), *bs))


def as_rows(name, x):
    """Sequences as images of height 1: (N, C, L) -> (N, C, 1, L). Raises ValueError unless x has three axes."""
    x = as_input(x, name)
    if x.ndim != 3:
        raise ValueError(f"{name}: expected x (N, C, L), got x {x.shape}")
    return reshape(x, (*x.shape[:2], 1, x.shape[2]))


def as_sequences(y):
    """Images of height 1 as sequences: (N, C, 1, L) -> (N, C, L)."""
    return reshape(y, (*y.shape[:2], y.shape[3]))


def conv2d_simple(x, W, b=None, stride=1, pad=0):
    """conv2d composed of basic functions: im2col, one matrix product, and a transpose. [step 57]"""
    x, Weight = check_inputs("conv2d_simple", x, W, None, channels=1)
    N, _, H, W = x.shape
    OC, _, KH, KW = Weight.shape
    (SH, SW), (PH, PW) = pair(stride, "conv2d_simple"), pair(pad, "conv2d_simple")
    col = im2col(x, (KH, KW), stride, pad, to_matrix=True)
    t = linear(col, transpose(reshape(Weight, (OC, math.prod(Weight.shape[1:])))), b)  # (N*OH*OW, OC)
    OH, OW = get_conv_outsize(H, KH, SH, PH), get_conv_outsize(W, KW, SW, PW)
    return transpose(reshape(t, (N, OH, OW, OC)), (0, 3, 1, 2))


class Im2col(Function):
    """y = the patches of x;  gx = col2im(gy): for each pixel the sum over the patches that contain it."""

    def __init__(self, kernel_size, stride, pad, to_matrix):
        self.sizes = kernel_size, stride, pad, to_matrix

    def forward(self, x):
        self.x_shape = x.shape
        return im2col_array(x, *self.sizes)

    def backward(self, gy):
        return col2im(gy, self.x_shape, *self.sizes)


def im2col(x, kernel_size, stride=1, pad=0, to_matrix=True):
    """Each patch as a row.  x (N, C, H, W) -> (N*OH*OW, C*KH*KW). [step 57]

    Rows are ordered by sample, output row, output column; within a row by channel, kernel row, kernel column.
    With to_matrix=False -> (N, C, KH, KW, OH, OW).
    """
    x = as_input(x, "im2col")
    if x.ndim != 4:
        raise ValueError(f"im2col: expected x (N, C, H, W), got x {x.shape}")
    return Im2col(kernel_size, stride, pad, to_matrix)(x)


class Col2im(Function):
    """y = images to which each patch is added at its position;  gx = im2col(gy)."""

    def __init__(self, input_shape, kernel_size, stride, pad, to_matrix):
        self.input_shape = input_shape
        self.sizes = kernel_size, stride, pad, to_matrix

    def forward(self, x):
        return col2im_array(x, self.input_shape, *self.sizes)

    def backward(self, gy):
        return im2col(gy, *self.sizes)


def col2im(x, input_shape, kernel_size, stride=1, pad=0, to_matrix=True):
    """The adjoint of im2col: patches added to images of input_shape (N, C, H, W). [step 57, not in the book]"""
    return Col2im(input_shape, kernel_size, stride, pad, to_matrix)(x)


def im2col_array(img, kernel_size, stride, pad, to_matrix=True):
    """im2col on arrays. [step 57]"""
    xp = cuda.get_array_module(img)
    g = geometry("im2col", img.shape[2:], kernel_size, stride, pad)
    col = g.patches(xp, g.padded(xp, img))
    if not to_matrix:
        return col.copy()
    N, C, KH, KW, OH, OW = col.shape
    return col.transpose(0, 4, 5, 1, 2, 3).copy().reshape(N * OH * OW, C * KH * KW)


def col2im_array(col, img_shape, kernel_size, stride, pad, to_matrix=True):
    """col2im on arrays. [step 57, not in the book]"""
    if len(img_shape) != 4:
        raise ValueError(f"col2im: expected input_shape (N, C, H, W), got {img_shape}")
    xp = cuda.get_array_module(col)
    N, C, H, W = img_shape
    g = geometry("col2im", (H, W), kernel_size, stride, pad)
    (KH, KW), (OH, OW) = g.kernel, g.out
    shape = (N * OH * OW, C * KH * KW) if to_matrix else (N, C, KH, KW, OH, OW)
    if col.shape != shape:
        raise ValueError(f"col2im: expected x {shape} for images {img_shape}, got x {col.shape}")
    if to_matrix:
        col = col.reshape(N, OH, OW, C, KH, KW).transpose(0, 3, 4, 5, 1, 2)
    images = xp.zeros((N, C, *g.reach), col.dtype)
    add_patches(xp, g, images, col)
    return g.unpadded(xp, images)
