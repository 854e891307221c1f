"""SqueezeNet: few parameters."""

from .. import functions as F
from ..functions.regularize import as_ratio
from ..layers import Conv2d
from .base import TorchvisionModel, check_pretrained, images
from .blocks import Fire


class SqueezeNet(TorchvisionModel):
    """Version 1.0, 5 MB of weights.  x (N, 3, 224, 224) -> logits (N, 1000) for ImageNet. [step 58, not in the book]

    The weights are drawn at the first call. Raises ValueError if pretrained, since the book published none.
    """

    def __init__(self, pretrained=False):
        super().__init__()
        if pretrained:
            raise ValueError("SqueezeNet: there are no published weights; load_state_dict loads those of torchvision")
        self.conv1 = Conv2d(96, 7, stride=2)
        self.fire2 = Fire(16, 64)
        self.fire3 = Fire(16, 64)
        self.fire4 = Fire(32, 128)
        self.fire5 = Fire(32, 128)
        self.fire6 = Fire(48, 192)
        self.fire7 = Fire(48, 192)
        self.fire8 = Fire(64, 256)
        self.fire9 = Fire(64, 256)
        self.conv10 = Conv2d(1000, 1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.pooling(x, 3, 2, ceil_mode=True)
        x = self.fire2(x)
        x = self.fire3(x)
        x = self.fire4(x)
        x = F.pooling(x, 3, 2, ceil_mode=True)
        x = self.fire5(x)
        x = self.fire6(x)
        x = self.fire7(x)
        x = self.fire8(x)
        x = F.pooling(x, 3, 2, ceil_mode=True)
        x = self.fire9(x)
        x = F.relu(self.conv10(F.dropout(x)))
        return F.mean(x, axis=(2, 3))  # (N, 1000, 13, 13) -> (N, 1000)

    def torch_layers(self):
        """The modules of torchvision.models.squeezenet1_0, whose numbers also count activations and poolings."""
        return numbered(3, 4, 5, 7, 8, 9, 10, 12)


class SqueezeNet11(TorchvisionModel):
    """Version 1.1, a third of the work.  x (N, C, H, W), H, W >= 17 -> logits (N, n_classes). [not in the book]

    Raises ValueError if pretrained.
    """

    def __init__(self, pretrained=False, n_classes=1000, dropout_ratio=0.5):
        super().__init__()
        check_pretrained(self, pretrained)
        self.dropout_ratio = as_ratio("SqueezeNet11", "dropout_ratio", dropout_ratio)
        self.conv1 = Conv2d(64, 3, stride=2)
        self.fire2 = Fire(16, 64)
        self.fire3 = Fire(16, 64)
        self.fire4 = Fire(32, 128)
        self.fire5 = Fire(32, 128)
        self.fire6 = Fire(48, 192)
        self.fire7 = Fire(48, 192)
        self.fire8 = Fire(64, 256)
        self.fire9 = Fire(64, 256)
        self.conv10 = Conv2d(n_classes, 1)

    def forward(self, x):
        x = images(self, x, smallest=17)
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = self.fire2(x)
        x = self.fire3(x)
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = self.fire4(x)
        x = self.fire5(x)
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = self.fire6(x)
        x = self.fire7(x)
        x = self.fire8(x)
        x = self.fire9(x)
        x = F.relu(self.conv10(F.dropout(x, self.dropout_ratio)))
        return F.global_avg_pool(x)

    def torch_layers(self):
        """The modules of torchvision.models.squeezenet1_1."""
        return numbered(3, 4, 6, 7, 9, 10, 11, 12)


def numbered(*numbers):
    """The path of each layer -> its PyTorch module. numbers: of fire2, ..., fire9 among the features."""
    layers = {"conv1": "features.0", "conv10": "classifier.1"}
    for i, number in enumerate(numbers, start=2):
        for name in ("squeeze", "expand1x1", "expand3x3"):
            layers[f"fire{i}/{name}"] = f"features.{number}.{name}"
    return layers
