"""Building blocks of ResNet and SqueezeNet. [step 58, not in the book]"""

from .. import functions as F
from ..layers import BatchNorm, Conv2d, Layer


class Bottleneck(Layer):
    """y = relu(h(x) + x), h: 1x1, 3x3 and 1x1 convolutions.  x (N, out_channels, H, W) -> its shape.

    The first two have mid_channels outputs, fewer than x has; strides are theirs. eps: of the normalizations.
    [step 58, not in the book]
    """

    def __init__(self, mid_channels, out_channels, strides=(1, 1), eps=1e-5):
        super().__init__()
        self.conv1 = Conv2d(mid_channels, 1, strides[0], nobias=True)
        self.bn1 = BatchNorm(eps)
        self.conv2 = Conv2d(mid_channels, 3, strides[1], pad=1, nobias=True)
        self.bn2 = BatchNorm(eps)
        self.conv3 = Conv2d(out_channels, 1, nobias=True)
        self.bn3 = BatchNorm(eps)

    def shortcut(self, x):
        """The term added to h(x)."""
        return x

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        h = self.bn3(self.conv3(h))
        return F.relu(h + self.shortcut(x))


class Projection(Bottleneck):
    """A Bottleneck with a 1x1 convolution of x as its shortcut.  x (N, C, H, W) -> (N, out_channels, OH, OW)."""

    def __init__(self, mid_channels, out_channels, strides, eps):
        super().__init__(mid_channels, out_channels, strides, eps)
        self.conv4 = Conv2d(out_channels, 1, max(strides), nobias=True)
        self.bn4 = BatchNorm(eps)

    def shortcut(self, x):
        return self.bn4(self.conv4(x))


class Residuals(Layer):
    """A Projection a with these strides, then Bottlenecks b1, b2, ...: n_blocks in all. [step 58, not in the book]"""

    def __init__(self, n_blocks, mid_channels, out_channels, strides, eps=1e-5):
        super().__init__()
        self.a = Projection(mid_channels, out_channels, strides, eps)
        self.names = ["a", *[f"b{i}" for i in range(1, n_blocks)]]
        for name in self.names[1:]:
            setattr(self, name, Bottleneck(mid_channels, out_channels, eps=eps))

    def forward(self, x):
        for name in self.names:
            x = getattr(self, name)(x)
        return x


class BasicBlock(Layer):
    """y = relu(h(x) + x), h: two 3x3 convolutions.  x (N, C, H, W) -> (N, channels, OH, OW). [not in the book]

    stride: of the first convolution. If it is not 1, a 1x1 convolution of x is the shortcut.
    """

    def __init__(self, channels, stride):
        super().__init__()
        self.conv1 = Conv2d(channels, 3, stride, pad=1, nobias=True)
        self.bn1 = BatchNorm()
        self.conv2 = Conv2d(channels, 3, pad=1, nobias=True)
        self.bn2 = BatchNorm()
        self.projects = stride != 1
        if self.projects:
            self.conv4 = Conv2d(channels, 1, stride, nobias=True)
            self.bn4 = BatchNorm()

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        return F.relu(h + (self.bn4(self.conv4(x)) if self.projects else x))


class BasicResiduals(Layer):
    """BasicBlocks a, b1, b2, ...: n_blocks in all; the stride is that of a. [not in the book]"""

    def __init__(self, n_blocks, channels, stride=1):
        super().__init__()
        self.names = ["a", *[f"b{i}" for i in range(1, n_blocks)]]
        for name in self.names:
            setattr(self, name, BasicBlock(channels, stride if name == "a" else 1))

    def forward(self, x):
        for name in self.names:
            x = getattr(self, name)(x)
        return x


class Fire(Layer):
    """A 1x1 convolution to few channels, then a 1x1 and a 3x3 one in parallel, relu after each.

    x (N, C, H, W) -> (N, 2 expand_channels, H, W). [step 58, not in the book]
    """

    def __init__(self, squeeze_channels, expand_channels):
        super().__init__()
        self.squeeze = Conv2d(squeeze_channels, 1)
        self.expand1x1 = Conv2d(expand_channels, 1)
        self.expand3x3 = Conv2d(expand_channels, 3, pad=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return F.concat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], axis=1)
