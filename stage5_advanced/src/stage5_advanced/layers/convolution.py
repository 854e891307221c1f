"""Convolution layers."""

import math

import numpy as np

from .. import functions as F
from ..core import Parameter, as_input
from ..initializers import check_initializer, initial_values
from .base import Layer, check_sizes, uninitialized


class Conv2d(Layer):
    """Convolution.  x (N, in_channels, H, W) -> (N, out_channels, OH, OW). [step 57]

    W (out_channels, in_channels, KH, KW): normal with standard deviation sqrt(1 / (in_channels KH KW)), drawn from
    NumPy's global generator: on construction if in_channels is given, otherwise at the first call.
    b (out_channels,): zeros; None with nobias. Both have the given dtype. kernel_size, stride, pad: an int or
    a pair (height, width). initializer: what draws W instead, such as initializers.He().
    """

    out_size = staticmethod(F.get_conv_outsize)

    def __init__(
        self,
        out_channels,
        kernel_size,
        stride=1,
        pad=0,
        nobias=False,
        dtype=np.float32,
        in_channels=None,
        initializer=None,
    ):
        super().__init__()
        name = type(self).__name__
        sizes = {"kernel_size": min(F.pair(kernel_size, name)), "stride": min(F.pair(stride, name))}
        check_sizes(self, nobias, out_channels=out_channels, in_channels=in_channels, **sizes)
        if min(F.pair(pad, name)) < 0:
            raise ValueError(f"{name}: expected pad to be at least 0, got {pad!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad
        self.dtype = dtype
        self.initializer = check_initializer(name, initializer)

        self.W = uninitialized("W", self.W_shape(), dtype)
        if in_channels is not None:
            self._init_W()
        self.b = None if nobias else Parameter(np.zeros(out_channels, dtype=dtype), name="b")

    def W_shape(self):
        """(OC, C, KH, KW)."""
        return (self.out_channels, self.in_channels, *F.pair(self.kernel_size))

    def fans(self, shape):
        """Of W of this shape: the number of inputs of an output element, and of outputs of an input element."""
        return math.prod(shape[1:]), shape[0] * math.prod(shape[2:])

    def _init_W(self, xp=np):
        if self.initializer is not None:
            name, shape = type(self).__name__, self.W_shape()
            self.W.data = xp.asarray(initial_values(name, self.initializer, shape, self.dtype, self.fans(shape)))
            return
        scale = math.sqrt(1 / (self.in_channels * math.prod(F.pair(self.kernel_size))))
        self.W.data = xp.asarray(np.random.randn(*self.W_shape()).astype(self.dtype) * scale)

    def prepare(self, x):
        """Draw W for inputs like x if it is uninitialized. Check x first, so that a failure changes nothing."""
        if self.W.data is None:
            name, sizes = type(self).__name__, [F.pair(size) for size in (self.kernel_size, self.stride, self.pad)]
            if x.ndim != 4 or 0 in x.shape[1:]:
                raise ValueError(f"{name}: expected x (N, C, H, W) with C, H, W at least 1, got {x.shape}")
            if min(map(self.out_size, x.shape[2:], *sizes)) < 1:
                fits = f"a kernel that fits images {x.shape[2:]} with padding {sizes[2]}"
                raise ValueError(f"{name}: expected {fits}, got {sizes[0]}")
            self.in_channels = x.shape[1]
            self._init_W(x.xp)

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.conv2d(x, self.W, self.b, self.stride, self.pad)


class Deconv2d(Conv2d):
    """Transposed convolution.  x (N, in_channels, H, W) -> (N, out_channels, OH, OW). [step 57, not in the book]

    W (in_channels, out_channels, KH, KW); everything else as in Conv2d.
    """

    out_size = staticmethod(F.get_deconv_outsize)

    def W_shape(self):
        """(C, OC, KH, KW)."""
        return (self.in_channels, self.out_channels, *F.pair(self.kernel_size))

    def fans(self, shape):
        """Of W of this shape: the number of inputs of an output element, and of outputs of an input element."""
        return super().fans(shape)[::-1]

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.deconv2d(x, self.W, self.b, self.stride, self.pad)
