"""NiN: networks in a network, 1x1 convolutions instead of linear layers."""

from .. import functions as F
from ..functions.regularize import as_ratio
from ..layers import Conv2d, Layer
from .base import Model, check_pretrained, images


class NiNBlock(Layer):
    """A convolution and two of 1x1, relu after each.  x (N, C, H, W) -> (N, channels, OH, OW). [not in the book]"""

    def __init__(self, channels, kernel_size, stride=1, pad=0):
        super().__init__()
        self.conv1 = Conv2d(channels, kernel_size, stride, pad)
        self.conv2 = Conv2d(channels, 1)
        self.conv3 = Conv2d(channels, 1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        return F.relu(self.conv3(x))


class NiN(Model):
    """Four blocks; the last has a channel per class.  x (N, C, 224, 224) -> logits (N, n_classes). [not in the book]

    H and W are at least 67. There are no published weights.
    """

    def __init__(self, pretrained=False, n_classes=1000, dropout_ratio=0.5):
        super().__init__()
        check_pretrained(self, pretrained)
        self.dropout_ratio = as_ratio("NiN", "dropout_ratio", dropout_ratio)
        self.block1 = NiNBlock(96, 11, stride=4)
        self.block2 = NiNBlock(256, 5, pad=2)
        self.block3 = NiNBlock(384, 3, pad=1)
        self.block4 = NiNBlock(n_classes, 3, pad=1)

    def forward(self, x):
        x = images(self, x, smallest=67)
        x = F.max_pool2d(self.block1(x), 3, 2)
        x = F.max_pool2d(self.block2(x), 3, 2)
        x = F.max_pool2d(self.block3(x), 3, 2)
        x = self.block4(F.dropout(x, self.dropout_ratio))
        return F.global_avg_pool(x)  # (N, n_classes, 5, 5) -> (N, n_classes)
