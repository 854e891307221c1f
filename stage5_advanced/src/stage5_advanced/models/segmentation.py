"""Segmentation: FCN, a fully convolutional network that classifies each pixel."""

from .. import functions as F
from ..core import as_input
from ..initializers import Bilinear
from ..layers import Conv2d, Deconv2d
from .base import Model


class FCN(Model):
    """Classes of pixels: the features of a trunk, classified, and enlarged to the size of the image.

    x (N, C, H, W), sides divisible by the stride -> logits (N, n_classes, H, W). trunk: a layer or function, or a model
    with a method `features`, that makes maps (N, C', H / stride, W / stride). The transposed convolution that enlarges
    them starts as bilinear interpolation. If maps have a row or column more or less, as AlexNet's, it ends by resizing
    the logits. Raises ValueError for other sides and other maps. [not in the book]
    """

    def __init__(self, trunk, n_classes, stride=32):
        super().__init__()
        if not callable(trunk):
            raise TypeError(f"FCN: expected a model, a layer or a function as the trunk, got {trunk!r}")
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
        maps = getattr(self.trunk, "features", self.trunk)(x)
        size = tuple(n // self.stride for n in x.shape[2:])
        if any(abs(n - m) > 1 for n, m in zip(maps.shape[2:], size, strict=True)):
            raise ValueError(f"FCN: expected a trunk that makes maps of {size} from x {x.shape}, got {maps.shape}")
        y = self.enlarge(self.score(maps))
        return y if y.shape[2:] == x.shape[2:] else F.resize_bilinear(y, x.shape[2:])


def bilinear_kernel(C, OC, k):
    """The weights (C, OC, k, k) of a Deconv2d that interpolates each channel; OC is C, or 1. [not in the book]"""
    return Bilinear()((C, OC, k, k))
