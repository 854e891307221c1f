"""AlexNet: five convolutions, three linear layers."""

from .. import functions as F
from ..functions.regularize import as_ratio
from ..layers import Conv2d, Linear
from .base import TorchvisionModel, check_choice, check_pretrained, images


class AlexNet(TorchvisionModel):
    """x (N, C, 224, 224) -> logits (N, n_classes). [not in the book]

    style: 'torch' is torchvision's, for H, W >= 63; 'paper' has more channels, for H, W >= 67, which the first call
    determines. Neither divides its channels between two GPUs. lrn: normalize across channels after the first two
    convolutions, with the numbers of the paper. Raises ValueError if pretrained.
    """

    def __init__(self, pretrained=False, n_classes=1000, style="torch", lrn=False, dropout_ratio=0.5):
        super().__init__()
        check_pretrained(self, pretrained)
        check_choice(self, "style", style, ("torch", "paper"))
        self.style = style
        self.lrn = lrn
        self.dropout_ratio = as_ratio("AlexNet", "dropout_ratio", dropout_ratio)
        c1, c2, c3, c4, c5 = (64, 192, 384, 256, 256) if style == "torch" else (96, 256, 384, 384, 256)
        self.conv1 = Conv2d(c1, 11, stride=4, pad=2 if style == "torch" else 0)
        self.conv2 = Conv2d(c2, 5, pad=2)
        self.conv3 = Conv2d(c3, 3, pad=1)
        self.conv4 = Conv2d(c4, 3, pad=1)
        self.conv5 = Conv2d(c5, 3, pad=1)
        self.fc6 = Linear(4096)
        self.fc7 = Linear(4096)
        self.fc8 = Linear(n_classes)

    def features(self, x):
        """The last maps of features, of 1/32 of the size of x, less 1."""
        x = images(self, x, smallest=63 if self.style == "torch" else 67)
        x = F.max_pool2d(self.normalized(F.relu(self.conv1(x))), 3, 2)
        x = F.max_pool2d(self.normalized(F.relu(self.conv2(x))), 3, 2)
        x = F.relu(self.conv3(x))
        x = F.relu(self.conv4(x))
        return F.max_pool2d(F.relu(self.conv5(x)), 3, 2)

    def forward(self, x):
        x = self.features(x)
        if self.style == "paper":
            x = F.dropout(F.relu(self.fc6(F.flatten(x))), self.dropout_ratio)  # (N, 256, 5, 5) -> (N, 6400)
            x = F.dropout(F.relu(self.fc7(x)), self.dropout_ratio)
            return self.fc8(x)
        x = F.flatten(F.adaptive_avg_pool2d(x, 6))  # (N, 256, 6, 6) -> (N, 9216)
        x = F.relu(self.fc6(F.dropout(x, self.dropout_ratio)))
        x = F.relu(self.fc7(F.dropout(x, self.dropout_ratio)))
        return self.fc8(x)

    def normalized(self, x):
        """x, normalized across channels if lrn. The alpha of the paper, 1e-4, is not divided by the size."""
        return F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0) if self.lrn else x

    def torch_layers(self):
        """The modules of torchvision.models.alexnet, whose numbers also count activations, poolings and dropout."""
        return {
            "conv1": "features.0",
            "conv2": "features.3",
            "conv3": "features.6",
            "conv4": "features.8",
            "conv5": "features.10",
            "fc6": "classifier.1",
            "fc7": "classifier.4",
            "fc8": "classifier.6",
        }
