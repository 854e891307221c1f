"""Depthwise and separable convolution: every channel has kernels of its own."""

from ..core import as_input
from .conv import Conv2d, check_inputs, conv2d


def depthwise_conv2d(x, W, b=None, stride=1, pad=0, dilation=1):
    """Convolution of each channel with m kernels.  x (N, C, H, W), W (C m, 1, KH, KW), b (C m,) -> (N, C m, OH, OW).

    Channel c m + j of the output is channel c convolved with kernel j. pad and dilation as in `conv2d`. TensorFlow's
    kernels (KH, KW, C, m) are transposed and reshaped: (2, 3, 0, 1). [not in the book]
    """
    name = "depthwise_conv2d"
    x, W = as_input(x, name), as_input(W, name)
    if x.ndim != 4 or W.ndim != 4 or W.shape[1] != 1 or x.shape[1] < 1 or len(W) % x.shape[1]:
        raise ValueError(f"{name}: expected x (N, C, H, W) and W (C m, 1, KH, KW), got x {x.shape} and W {W.shape}")
    return Conv2d(stride, pad, dilation, x.shape[1], name)(*check_inputs(name, x, W, b, 1, x.shape[1]))


def separable_conv2d(x, Wd, Wp, b=None, stride=1, pad=0, dilation=1):
    """depthwise_conv2d with Wd, then a convolution with 1 x 1 kernels Wp (OC, C m, 1, 1). [not in the book]

    It has C m KH KW + OC C m weights instead of OC C KH KW.
    """
    y, Wp = depthwise_conv2d(x, Wd, None, stride, pad, dilation), as_input(Wp, "separable_conv2d")
    if Wp.shape[1:] != (y.shape[1], 1, 1):
        raise ValueError(f"separable_conv2d: expected Wp (OC, {y.shape[1]}, 1, 1), got {Wp.shape}")
    return conv2d(y, Wp, b)
