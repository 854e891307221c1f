"""Convolution layers."""

import math

import numpy as np

from .. import functions as F
from ..core import Parameter, as_input
from ..functions.sizes import check_groups, check_padding, geometry, row_sizes, sides, transposed_geometry
from ..initializers import check_initializer, initial_values
from .base import Layer, check_sizes, uninitialized


class Conv2d(Layer):
    """Convolution.  x (N, in_channels, H, W) -> (N, out_channels, OH, OW). [step 57]

    W (out_channels, in_channels / groups, KH, KW): normal with standard deviation sqrt(1 / (in_channels / groups KH
    KW)), drawn from NumPy's global generator: on construction if in_channels is given, otherwise at the first call.
    b (out_channels,): zeros; None with nobias. Both have the given dtype. kernel_size, stride, pad, dilation: an int or
    a pair (height, width); pad as in F.conv2d. initializer: what draws W instead, such as initializers.He().
    """

    axes = 2  # of images

    def __init__(
        self,
        out_channels,
        kernel_size,
        stride=1,
        pad=0,
        nobias=False,
        dtype=np.float32,
        in_channels=None,
        dilation=1,
        groups=1,
        initializer=None,
    ):
        super().__init__()
        name = type(self).__name__
        sizes = {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}
        sizes = {key: min(self.along(name, size)) for key, size in sizes.items()}
        check_sizes(self, nobias, out_channels=out_channels, in_channels=in_channels, **sizes)
        if isinstance(pad, str):
            check_padding(name, pad)
        elif min(map(np.min, self.borders(name, pad))) < 0:
            raise ValueError(f"{name}: expected pad to be at least 0, got {pad!r}")
        check_groups(name, groups, out_channels, *([] if in_channels is None else [in_channels]))
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad
        self.dilation = dilation
        self.groups = groups
        self.dtype = dtype
        self.initializer = check_initializer(name, initializer)

        self.W = uninitialized("W", self.W_shape(), dtype)
        if in_channels is not None:
            self._init_W()
        self.b = None if nobias else Parameter(np.zeros(out_channels, dtype=dtype), name="b")

    def along(self, name, size):
        """A size for each direction. Raises ValueError for what is no size."""
        return F.pair(size, name)

    def borders(self, name, pad):
        """Padding in numbers for each direction."""
        return sides(name, pad)

    def W_shape(self):
        """(OC, C / groups, KH, KW)."""
        C = self.in_channels and self.in_channels // self.groups
        return (self.out_channels, C, *self.along("W_shape", self.kernel_size))

    def fans(self, shape):
        """Of W of this shape: the number of inputs of an output element, and of outputs of an input element."""
        return math.prod(shape[1:]), shape[0] // self.groups * math.prod(shape[2:])

    def _init_W(self, xp=np):
        name, shape = type(self).__name__, self.W_shape()
        if self.initializer is not None:
            self.W.data = xp.asarray(initial_values(name, self.initializer, shape, self.dtype, self.fans(shape)))
            return
        scale = math.sqrt(1 / self.fans(shape)[0])
        self.W.data = xp.asarray(np.random.randn(*shape).astype(self.dtype) * scale)

    def prepare(self, x):
        """Draw W for inputs like x if it is uninitialized. Check x first, so that a failure changes nothing."""
        if self.W.data is None:
            self.check(type(self).__name__, x)
            self.start(x.shape[1], x.xp)

    def check(self, name, x):
        """Raise ValueError unless W can be drawn for x."""
        axes = "H, W" if self.axes == 2 else "L"
        if x.ndim != 2 + self.axes or 0 in x.shape[1:]:
            raise ValueError(f"{name}: expected x (N, C, {axes}) with C, {axes} at least 1, got {x.shape}")
        check_groups(name, self.groups, x.shape[1])
        self.fit(name, x.shape[2:])

    def fit(self, name, size):
        """Raise ValueError if the kernel does not fit images of this size."""
        geometry(name, size, self.kernel_size, self.stride, self.pad, self.dilation)

    def start(self, in_channels, xp):
        """Draw W for this number of channels."""
        self.in_channels = in_channels
        self._init_W(xp)

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.conv2d(x, self.W, self.b, self.stride, self.pad, self.dilation, self.groups)


class Deconv2d(Conv2d):
    """Transposed convolution.  x (N, in_channels, H, W) -> (N, out_channels, OH, OW). [step 57, not in the book]

    W (in_channels, out_channels / groups, KH, KW); everything else as in Conv2d.
    """

    def W_shape(self):
        """(C, OC / groups, KH, KW)."""
        return (self.in_channels, self.out_channels // self.groups, *F.pair(self.kernel_size))

    def fans(self, shape):
        """Of W of this shape: the number of inputs of an output element, and of outputs of an input element."""
        return super().fans(shape)[::-1]

    def fit(self, name, size):
        sizes = self.kernel_size, self.stride, self.pad, self.dilation, self.groups
        transposed_geometry(name, size, *sizes, None)

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.deconv2d(x, self.W, self.b, self.stride, self.pad, None, self.dilation, self.groups)


class Conv1d(Conv2d):
    """Convolution along one direction.  x (N, in_channels, L) -> (N, out_channels, OL). [not in the book]

    W (out_channels, in_channels / groups, K). kernel_size, stride, dilation: numbers; pad as in F.conv1d; everything
    else as in Conv2d.
    """

    axes = 1

    def along(self, name, size):
        if not isinstance(size, (int, np.integer)):
            raise ValueError(f"{name}: expected an integer, got {size!r}")
        return (int(size),)

    def borders(self, name, pad):
        return F.pair(pad, name)

    def fit(self, name, size):
        kernel, stride, dilation, pad = row_sizes(name, self.kernel_size, self.stride, self.dilation, self.pad)
        geometry(name, (1, *size), kernel, stride, pad, dilation)

    def forward(self, x):
        x = as_input(x, "Conv1d")
        self.prepare(x)
        return F.conv1d(x, self.W, self.b, self.stride, self.pad, self.dilation, self.groups)


class DepthwiseConv2d(Conv2d):
    """Convolution of each channel.  x (N, in_channels, H, W) -> (N, in_channels multiplier, OH, OW). [not in the book]

    W (in_channels multiplier, 1, KH, KW), b (in_channels multiplier,); everything else as in Conv2d.
    """

    def __init__(
        self,
        multiplier,
        kernel_size,
        stride=1,
        pad=0,
        nobias=False,
        dtype=np.float32,
        in_channels=None,
        dilation=1,
        initializer=None,
    ):
        check_sizes(self, multiplier=multiplier, in_channels=in_channels)
        super().__init__(multiplier, kernel_size, stride, pad, nobias, dtype, None, dilation, 1, initializer)
        self.multiplier = multiplier
        self.out_channels = None
        self.W = uninitialized("W", (None, 1, *F.pair(kernel_size)), dtype)
        self.b = None if nobias else uninitialized("b", (None,), dtype)
        if in_channels is not None:
            self.start(in_channels, np)

    def W_shape(self):
        """(C m, 1, KH, KW)."""
        return (self.out_channels, 1, *F.pair(self.kernel_size))

    def start(self, in_channels, xp):
        self.groups, self.out_channels = in_channels, in_channels * self.multiplier
        super().start(in_channels, xp)
        if self.b is not None:
            self.b.data = xp.zeros(self.out_channels, self.dtype)

    def forward(self, x):
        x = as_input(x, "DepthwiseConv2d")
        self.prepare(x)
        return F.depthwise_conv2d(x, self.W, self.b, self.stride, self.pad, self.dilation)


class SeparableConv2d(Layer):
    """Depthwise convolution, then 1 x 1 kernels.  x (N, in_channels, H, W) -> (N, out_channels, OH, OW).

    depthwise: DepthwiseConv2d without a bias; pointwise: Conv2d with kernels of 1 x 1. [not in the book]
    """

    def __init__(
        self,
        out_channels,
        kernel_size,
        multiplier=1,
        stride=1,
        pad=0,
        nobias=False,
        dtype=np.float32,
        in_channels=None,
        dilation=1,
        initializer=None,
    ):
        super().__init__()
        check_sizes(self, nobias, out_channels=out_channels, multiplier=multiplier, in_channels=in_channels)
        sizes = multiplier, kernel_size, stride, pad, True, dtype, in_channels, dilation
        self.depthwise = DepthwiseConv2d(*sizes, initializer)
        mixed = None if in_channels is None else in_channels * multiplier
        self.pointwise = Conv2d(out_channels, 1, 1, 0, nobias, dtype, mixed, initializer=initializer)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))
