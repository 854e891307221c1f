"""Convolution: im2col, col2im, conv2d, deconv2d; the gradients of each are computed by the others. [steps 55-57]

Shapes: x (N, C, H, W), W (OC, C, KH, KW), y (N, OC, OH, OW). A size is one number for both directions, or a pair
(height, width).
"""

import math

import numpy as np

from .. import cuda
from ..core import Function, as_input
from .matrix import linear
from .reduce import sum
from .shape import reshape, transpose
from .windows import Geometry, add_patches, convolve, convolve_back, correlate


def pair(x, name="pair"):
    """A size for both directions: 1 -> (1, 1), (1, 2) -> (1, 2). [step 57]

    name: of the function or layer, for the error. Raises ValueError for anything else.
    """
    if isinstance(x, (int, np.integer)):
        return (int(x), int(x))
    if isinstance(x, tuple) and len(x) == 2 and all(isinstance(n, (int, np.integer)) for n in x):
        return x
    raise ValueError(f"{name}: expected an integer or a tuple of two, got {x!r}")


def get_conv_outsize(input_size, kernel_size, stride, pad):
    """The number of positions of a kernel along one direction: (input + 2 pad - kernel) // stride + 1. [step 55]"""
    return (input_size + pad * 2 - kernel_size) // stride + 1


def get_deconv_outsize(size, k, s, p):
    """The smallest input that a convolution maps to this size: s (size - 1) + k - 2 p. [step 57, not in the book]"""
    return s * (size - 1) + k - 2 * p


def pairs(name, kernel_size, stride, pad, dilation=1):
    """Kernel size, stride, padding and dilation as pairs. Raises ValueError if one is too small.

    pad: also "same", "valid" or "full", which stay as they are, or (before, after) for a direction.
    """
    kernel, stride, dilation = (pair(size, name) for size in (kernel_size, stride, dilation))
    pad = check_padding(name, pad) if isinstance(pad, str) else sides(name, pad)
    least = 0 if isinstance(pad, str) else min(np.min(p) for p in pad)
    if min(kernel) < 1 or min(stride) < 1 or least < 0:
        sizes = f"kernel_size {kernel}, stride {stride}, pad {pad}"
        raise ValueError(f"{name}: expected a kernel_size and a stride of at least 1, a pad of at least 0, got {sizes}")
    if min(dilation) < 1:
        raise ValueError(f"{name}: expected a dilation of at least 1, got {dilation}")
    return kernel, stride, pad, dilation


def sides(name, pad):
    """Padding of both directions: a pair of numbers, or of pairs (before, after)."""
    if isinstance(pad, tuple) and len(pad) == 2 and any(isinstance(p, tuple) for p in pad):
        return tuple(pair(p, name) for p in pad)
    return pair(pad, name)


def check_padding(name, pad):
    """The name of a padding. Raises ValueError if it is unknown."""
    if pad not in ("same", "valid", "full"):
        raise ValueError(f"{name}: expected pad 'same', 'valid', 'full' or numbers, got {pad!r}")
    return pad


def padding(size, kernel, stride, pad, dilation=(1, 1)):
    """The padding of images (H, W) as numbers, if it is "same", "valid" or "full"; otherwise pad itself."""
    if pad == "same":
        return tuple(map(same_padding, size, kernel, stride, dilation))
    if pad == "full":
        return tuple((k - 1) * d for k, d in zip(kernel, dilation, strict=True))
    return (0, 0) if pad == "valid" else pad


def same_padding(n, kernel_size, stride=1, dilation=1):
    """(before, after): the padding for ceil(n / stride) positions along a direction. [not in the book]

    It is as little as possible, and an odd number has its larger half after the image, as in TensorFlow; so for a
    stride of 1 it is PyTorch's padding="same".
    """
    total = max((-(-n // stride) - 1) * stride + (kernel_size - 1) * dilation + 1 - n, 0)
    return total // 2, total - total // 2


def geometry(name, size, kernel_size, stride, pad, dilation=1, groups=1):
    """The Geometry of the patches of images (H, W)."""
    kernel, stride, pad, dilation = pairs(name, kernel_size, stride, pad, dilation)
    return Geometry(name, size, kernel, stride, padding(size, kernel, stride, pad, dilation), dilation, groups=groups)


def transposed_geometry(name, size, kernel_size, stride, pad, dilation, groups, outsize):
    """The Geometry of the images (outsize, or those of default size) that a convolution maps to this size."""
    kernel, stride, pad, dilation = pairs(name, kernel_size, stride, pad, dilation)
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    rest = [s - 1 for s in stride]
    if pad == "same":  # any size with ceil(n / stride) positions; the default is the largest
        smallest = tuple(n * s - r for n, s, r in zip(size, stride, rest, strict=True))
    else:
        edges = [np.sum(p) if isinstance(p, tuple) else 2 * p for p in padding(size, kernel, stride, pad, dilation)]
        smallest = tuple(
            int(get_deconv_outsize(*place, 0) - n) for *place, n in zip(size, span, stride, edges, strict=True)
        )
    largest = tuple(n + r for n, r in zip(smallest, rest, strict=True))
    if outsize is None:
        outsize = largest if pad == "same" else smallest
    outsize = pair(outsize, name)
    if not all(low <= n <= high for low, n, high in zip(smallest, outsize, largest, strict=True)):
        raise ValueError(f"{name}: expected an outsize from {smallest} to {largest}, got {outsize}")
    pad = padding(outsize, kernel, stride, pad, dilation)
    return Geometry(name, outsize, kernel, stride, pad, dilation, groups=groups)


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


def check_groups(name, groups, *channels):
    """Raise ValueError unless groups is a positive integer that divides the numbers of channels."""
    if not isinstance(groups, (int, np.integer)) or groups < 1:
        raise ValueError(f"{name}: expected groups to be a positive integer, got {groups!r}")
    if any(C % groups for C in channels):
        raise ValueError(f"{name}: expected numbers of channels that groups = {groups} divides, got {channels}")


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


def row_sizes(name, *sizes):
    """Sizes of sequences, the last a padding, as sizes of images of height 1: 3 -> (1, 3), padding 1 -> (0, 1)."""
    *numbers, pad = sizes
    if not all(isinstance(n, (int, np.integer)) for n in numbers):
        raise ValueError(f"{name}: expected integers as sizes, got {', '.join(map(str, numbers))}")
    return *((1, n) for n in numbers), pad if isinstance(pad, str) else (0, pad)


def as_rows(name, x):
    """Sequences as images of height 1: (N, C, L) -> (N, C, 1, L). Raises ValueError unless x has three axes."""
    x = as_input(x, name)
    if x.ndim != 3:
        raise ValueError(f"{name}: expected x (N, C, L), got x {x.shape}")
    return reshape(x, (*x.shape[:2], 1, x.shape[2]))


def as_sequences(y):
    """Images of height 1 as sequences: (N, C, 1, L) -> (N, C, L)."""
    return reshape(y, (*y.shape[:2], y.shape[3]))


def receptive_field(kernels, strides, dilations=None):
    """How many elements of the input, along a direction, an element of the output of several layers depends on.

    kernels, strides, dilations: a number for each layer, convolution or pooling. [not in the book]
    """
    dilations = [1] * len(kernels) if dilations is None else dilations
    if not len(kernels) == len(strides) == len(dilations):
        found = f"{len(kernels)}, {len(strides)} and {len(dilations)}"
        raise ValueError(f"receptive_field: expected as many strides and dilations as kernels, got {found}")
    seen, step = 1, 1
    for k, s, d in zip(kernels, strides, dilations, strict=True):
        seen += (k - 1) * d * step
        step *= s
    return seen


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
