"""GoogLeNet: branches of different kernels, concatenated."""

from collections.abc import Mapping

import numpy as np

from .. import functions as F
from ..config import Config
from ..functions.regularize import as_ratio
from ..layers import BatchNorm, Conv2d, Layer, Linear
from .base import TorchvisionModel, check_choice, check_pretrained, images

# Channels of each Inception: branch 1, reduce 2, branch 2, reduce 3, branch 3, branch 4.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


# The mean and deviation of the colors of ImageNet, by which images for torchvision's weights are normalized.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ConvUnit(Layer):
    """A convolution and relu.  x (N, C, H, W) -> (N, channels, OH, OW).

    style: 'torch' has a batch normalization with an eps of 0.001 between them, 'paper' a bias.
    """

    def __init__(self, style, channels, kernel_size, stride=1, pad=0):
        super().__init__()
        self.normalizes = style == "torch"
        self.conv = Conv2d(channels, kernel_size, stride, pad, nobias=self.normalizes)
        if self.normalizes:
            self.bn = BatchNorm(eps=0.001)

    def forward(self, x):
        x = self.conv(x)
        return F.relu(self.bn(x) if self.normalizes else x)


class Inception(Layer):
    """Four branches: 1x1; 1x1, 3x3; 1x1, 5x5; pooling, 1x1.  x (N, C, H, W) -> (N, c1 + c2 + c3 + c4, H, W).

    r2, r3: channels of the 1x1 convolutions before the larger ones. The 5x5 one is 3x3 in style 'torch'.
    """

    def __init__(self, style, c1, r2, c2, r3, c3, c4):
        super().__init__()
        kernel_size, pad = (3, 1) if style == "torch" else (5, 2)
        self.branch1 = ConvUnit(style, c1, 1)
        self.reduce2 = ConvUnit(style, r2, 1)
        self.branch2 = ConvUnit(style, c2, 3, pad=1)
        self.reduce3 = ConvUnit(style, r3, 1)
        self.branch3 = ConvUnit(style, c3, kernel_size, pad=pad)
        self.branch4 = ConvUnit(style, c4, 1)

    def forward(self, x):
        y1 = self.branch1(x)
        y2 = self.branch2(self.reduce2(x))
        y3 = self.branch3(self.reduce3(x))
        y4 = self.branch4(F.max_pool2d(x, 3, 1, pad=1))
        return F.concat([y1, y2, y3, y4], axis=1)


class Auxiliary(Layer):
    """A classifier of intermediate features, whose loss trains the layers before.  x (N, C, H, W) -> (N, n_classes)."""

    def __init__(self, style, n_classes):
        super().__init__()
        self.dropout_ratio = 0.7
        self.conv = ConvUnit(style, 128, 1)
        self.fc1 = Linear(1024)
        self.fc2 = Linear(n_classes)

    def forward(self, x):
        x = self.conv(F.adaptive_avg_pool2d(x, 4))  # (N, C, H, W) -> (N, 128, 4, 4)
        x = F.relu(self.fc1(F.flatten(x)))
        return self.fc2(F.dropout(x, self.dropout_ratio))


class GoogLeNet(TorchvisionModel):
    """Nine Inceptions.  x (N, C, H, W) -> logits (N, n_classes). [not in the book]

    aux: in training, return (logits, aux2, aux1) with the logits of two classifiers of intermediate features.
    style: 'torch' is torchvision's, for H, W >= 15; 'paper' has biases instead of normalizations, 5x5 kernels and
    padded poolings. transform_input: convert images normalized for ImageNet to (x - 0.5) / 0.5, which torchvision's
    weights expect. Raises ValueError if pretrained.
    """

    def __init__(
        self, pretrained=False, n_classes=1000, aux=False, style="torch", transform_input=False, dropout_ratio=0.2
    ):
        super().__init__()
        check_pretrained(self, pretrained)
        check_choice(self, "style", style, ("torch", "paper"))
        self.aux = aux
        self.style = style
        self.transform_input = transform_input
        self.dropout_ratio = as_ratio("GoogLeNet", "dropout_ratio", dropout_ratio)
        self.conv1 = ConvUnit(style, 64, 7, stride=2, pad=3)
        self.conv2 = ConvUnit(style, 64, 1)
        self.conv3 = ConvUnit(style, 192, 3, pad=1)
        for name, channels in INCEPTIONS.items():
            setattr(self, f"inception{name}", Inception(style, *channels))
        if aux:
            self.aux1 = Auxiliary(style, n_classes)
            self.aux2 = Auxiliary(style, n_classes)
        self.fc = Linear(n_classes)

    def forward(self, x):
        x = images(self, x, smallest=15 if self.style == "torch" else 1)
        if self.transform_input:
            x = self.transformed(x)
        x = self.halved(self.conv1(x))
        x = self.halved(self.conv3(self.conv2(x)))
        x = self.inception3a(x)
        x = self.halved(self.inception3b(x))
        x = x4a = self.inception4a(x)
        x = self.inception4b(x)
        x = self.inception4c(x)
        x = x4d = self.inception4d(x)
        x = self.inception4e(x)
        x = F.max_pool2d(x, 2, ceil_mode=True) if self.style == "torch" else self.halved(x)
        x = self.inception5a(x)
        x = F.global_avg_pool(self.inception5b(x))
        y = self.fc(F.dropout(x, self.dropout_ratio))
        return (y, self.aux2(x4d), self.aux1(x4a)) if self.aux and Config.train else y

    def halved(self, x):
        """Max pooling to half of the size."""
        return F.max_pool2d(x, 3, 2, ceil_mode=True) if self.style == "torch" else F.max_pool2d(x, 3, 2, pad=1)

    def transformed(self, x):
        """Images normalized by the mean and deviation of ImageNet -> normalized by 0.5 and 0.5."""
        if x.shape[1] != 3:
            raise ValueError(f"{type(self).__name__}: expected x (N, 3, H, W) for transform_input, got {x.shape}")
        dtype = np.result_type(x.dtype, 1.0)
        scale, shift = (x.xp.asarray(a, dtype).reshape(1, 3, 1, 1) for a in (DEVIATION, MEAN))
        return x * (scale / 0.5) + (shift - 0.5) / 0.5

    def torch_layers(self):
        """The modules of torchvision.models.googlenet."""
        units = {name: name for name in ("conv1", "conv2", "conv3")}
        parts = {
            "branch1": "branch1",
            "reduce2": "branch2.0",
            "branch2": "branch2.1",
            "reduce3": "branch3.0",
            "branch3": "branch3.1",
            "branch4": "branch4.1",
        }
        for name in INCEPTIONS:
            units |= {f"inception{name}/{ours}": f"inception{name}.{theirs}" for ours, theirs in parts.items()}
        layers = {"fc": "fc"}
        for aux in ("aux1", "aux2") if self.aux else ():
            units[f"{aux}/conv"] = f"{aux}.conv"
            layers |= {f"{aux}/fc{i}": f"{aux}.fc{i}" for i in (1, 2)}
        for ours, theirs in units.items():
            for part in ("conv", "bn") if self.style == "torch" else ("conv",):
                layers[f"{ours}/{part}"] = f"{theirs}.{part}"
        return layers

    def load_state_dict(self, state_dict):
        """As in TorchvisionModel; without aux, the weights of aux1 and aux2 are ignored. See transform_input."""
        if isinstance(state_dict, Mapping) and not self.aux:
            state_dict = {name: value for name, value in state_dict.items() if not name.startswith(("aux1.", "aux2."))}
        super().load_state_dict(state_dict)
