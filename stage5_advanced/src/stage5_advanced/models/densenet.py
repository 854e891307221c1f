"""DenseNet: each layer receives the outputs of all layers before it."""

import re
from collections.abc import Mapping

from .. import functions as F
from ..functions.regularize import as_ratio
from ..layers import BatchNorm, Conv2d, Layer, Linear, check_sizes
from .base import TorchvisionModel, check_pretrained, images


class DenseLayer(Layer):
    """Normalization, relu and a 3x3 convolution to `growth` channels.  x (N, C, H, W) -> (N, growth, H, W).

    Before it a normalization, relu and a 1x1 convolution to bottleneck * growth channels; with bottleneck None there is
    none, and the convolution has a bias. [not in the book]
    """

    def __init__(self, growth, bottleneck, dropout_ratio):
        super().__init__()
        self.bottleneck = bottleneck
        self.dropout_ratio = as_ratio("DenseNet", "dropout_ratio", dropout_ratio)
        self.norm1 = BatchNorm()
        if bottleneck is None:
            self.conv1 = Conv2d(growth, 3, pad=1)
        else:
            self.conv1 = Conv2d(bottleneck * growth, 1, nobias=True)
            self.norm2 = BatchNorm()
            self.conv2 = Conv2d(growth, 3, pad=1, nobias=True)

    def forward(self, x):
        x = self.conv1(F.relu(self.norm1(x)))
        if self.bottleneck is not None:
            x = self.conv2(F.relu(self.norm2(x)))
        return F.dropout(x, self.dropout_ratio) if self.dropout_ratio else x


class DenseBlock(Layer):
    """DenseLayers layer1, layer2, ...: each appends its channels.  x (N, C, H, W) -> (N, C + n_layers growth, H, W)."""

    def __init__(self, n_layers, growth, bottleneck, dropout_ratio):
        super().__init__()
        self.names = [f"layer{i}" for i in range(1, n_layers + 1)]
        for name in self.names:
            setattr(self, name, DenseLayer(growth, bottleneck, dropout_ratio))

    def forward(self, x):
        for name in self.names:
            x = F.concat([x, getattr(self, name)(x)], axis=1)
        return x


class Transition(Layer):
    """Half of the channels and of the size.  x (N, C, H, W) -> (N, C // 2, H // 2, W // 2).

    channels: C // 2. bias: whether the convolution has one.
    """

    def __init__(self, channels, bias):
        super().__init__()
        self.norm = BatchNorm()
        self.conv = Conv2d(channels, 1, nobias=not bias)

    def forward(self, x):
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


class DenseNet(TorchvisionModel):
    """Blocks of DenseLayers, halved in between.  x (N, C, H, W) -> logits (N, n_classes). [not in the book]

    growth: channels that each layer appends. blocks: the number of layers in each. init: channels of the first
    convolution. bottleneck, dropout_ratio: of each layer. With bottleneck None, as in texts that build it for small
    images, every convolution has a bias. H and W are at least 2^(n + 1) - 3 for n blocks: 29 for 4.
    """

    def __init__(self, growth=32, blocks=(6, 12, 24, 16), init=64, bottleneck=4, *, n_classes=1000, dropout_ratio=0.0):
        super().__init__()
        check_sizes(self, growth=growth, init=init, **{f"blocks[{i}]": n for i, n in enumerate(blocks)})
        bias = bottleneck is None
        self.n_blocks = len(blocks)
        self.bottleneck = bottleneck
        self.conv0 = Conv2d(init, 7, stride=2, pad=3, nobias=not bias)
        self.norm0 = BatchNorm()
        channels = init
        for i, n_layers in enumerate(blocks, start=1):
            setattr(self, f"block{i}", DenseBlock(n_layers, growth, bottleneck, dropout_ratio))
            channels += n_layers * growth
            if i < self.n_blocks:
                channels //= 2
                setattr(self, f"transition{i}", Transition(channels, bias))
        self.norm5 = BatchNorm()
        self.classifier = Linear(n_classes)

    def forward(self, x):
        x = images(self, x, smallest=2 ** (self.n_blocks + 1) - 3)
        x = F.relu(self.norm0(self.conv0(x)))
        x = F.max_pool2d(x, 3, 2, pad=1)
        for i in range(1, self.n_blocks + 1):
            x = getattr(self, f"block{i}")(x)
            if i < self.n_blocks:
                x = getattr(self, f"transition{i}")(x)
        return self.classifier(F.global_avg_pool(F.relu(self.norm5(x))))

    def torch_layers(self):
        """The modules of torchvision.models.densenet121, 161, 169, 201."""
        layers = {name: f"features.{name}" for name in ("conv0", "norm0")}
        for i in range(1, self.n_blocks + 1):
            for name in getattr(self, f"block{i}").names:
                for part in ("norm1", "conv1") if self.bottleneck is None else ("norm1", "conv1", "norm2", "conv2"):
                    layers[f"block{i}/{name}/{part}"] = f"features.denseblock{i}.dense{name}.{part}"
            if i < self.n_blocks:
                for part in ("norm", "conv"):
                    layers[f"transition{i}/{part}"] = f"features.transition{i}.{part}"
        return layers | {"norm5": "features.norm5", "classifier": "classifier"}

    def load_state_dict(self, state_dict):
        """As in TorchvisionModel. The published files have a dot more, as in `denselayer1.norm.1.weight`."""
        if isinstance(state_dict, Mapping):
            old = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")
            state_dict = {old.sub(r"\1\2", name): value for name, value in state_dict.items()}
        super().load_state_dict(state_dict)


class DenseNet121(DenseNet):
    """DenseNet with 121 layers: growth 32. [not in the book]"""

    def __init__(self, pretrained=False, n_classes=1000, dropout_ratio=0.0):
        check_pretrained(self, pretrained)
        super().__init__(32, (6, 12, 24, 16), 64, n_classes=n_classes, dropout_ratio=dropout_ratio)


class DenseNet161(DenseNet):
    """DenseNet with 161 layers: growth 48. [not in the book]"""

    def __init__(self, pretrained=False, n_classes=1000, dropout_ratio=0.0):
        check_pretrained(self, pretrained)
        super().__init__(48, (6, 12, 36, 24), 96, n_classes=n_classes, dropout_ratio=dropout_ratio)


class DenseNet169(DenseNet):
    """DenseNet with 169 layers: growth 32. [not in the book]"""

    def __init__(self, pretrained=False, n_classes=1000, dropout_ratio=0.0):
        check_pretrained(self, pretrained)
        super().__init__(32, (6, 12, 32, 32), 64, n_classes=n_classes, dropout_ratio=dropout_ratio)


class DenseNet201(DenseNet):
    """DenseNet with 201 layers: growth 32. [not in the book]"""

    def __init__(self, pretrained=False, n_classes=1000, dropout_ratio=0.0):
        check_pretrained(self, pretrained)
        super().__init__(32, (6, 12, 48, 32), 64, n_classes=n_classes, dropout_ratio=dropout_ratio)
