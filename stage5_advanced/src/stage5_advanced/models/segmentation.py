"""Segmentation: FCN, a fully convolutional network that classifies each pixel."""

from ..core import as_input
from ..initializers import Bilinear
from ..layers import Conv2d, Deconv2d
from .base import Model


class FCN(Model):
    """Classes of pixels: the features of a trunk, classified, and enlarged to the size of the image.

    x (N, C, H, W), sides divisible by the stride -> logits (N, n_classes, H, W). trunk: a layer or function, or a model
    with a method `features`, that makes maps (N, C', H / stride, W / stride). The transposed convolution that enlarges
    them starts as bilinear interpolation. Raises ValueError for other sides. [not in the book]
    """

    def __init__(self, trunk, n_classes, stride=32):
        super().__init__()
        self.stride = stride
        self.trunk = trunk
        self.score = Conv2d(n_classes, 1)
        # Kernels that overlap by half, so that a pixel is a weighted mean of the four nearest positions.
        options = {"pad": stride // 2, "in_channels": n_classes, "initializer": Bilinear()}
        self.enlarge = Deconv2d(n_classes, 2 * stride - stride % 2, stride, **options)

    def forward(self, x):
        x = as_input(x, "FCN")
        if x.ndim != 4 or any(n % self.stride or not n for n in x.shape[2:]):
            more = tuple(-(-max(n, 1) // self.stride) * self.stride for n in x.shape[2:])
            raise ValueError(
                f"FCN: expected x (N, C, H, W) with sides that {self.stride} divides, such as {more}, got {x.shape}"
            )
        return self.enlarge(self.score(getattr(self.trunk, "features", self.trunk)(x)))


def bilinear_kernel(C, OC, k):
    """The weights (C, OC, k, k) of a Deconv2d that interpolates each channel; OC is C, or 1. [not in the book]"""
    return Bilinear()((C, OC, k, k))
