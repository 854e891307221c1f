"""LeNet: the first convolutional network."""

from .. import functions as F
from ..layers import Conv2d, Linear
from .base import Model, check_choice, check_pretrained, images


class LeNet(Model):
    """Two convolutions and three linear layers.  x (N, C, 28, 28) -> logits (N, n_classes). [not in the book]

    style: 'd2l' has sigmoid and max pooling; 'classic' pads the first convolution and has tanh and average pooling.
    Other sizes of at least 16 x 16 ('classic': 12 x 12) are possible. There are no published weights.
    """

    def __init__(self, pretrained=False, n_classes=10, style="d2l"):
        super().__init__()
        check_pretrained(self, pretrained)
        check_choice(self, "style", style, ("d2l", "classic"))
        classic = style == "classic"
        self.smallest = 12 if classic else 16
        self.activation = F.tanh if classic else F.sigmoid
        self.pooling = F.avg_pool2d if classic else F.max_pool2d
        self.conv1 = Conv2d(6, 5, pad=2 if classic else 0)
        self.conv2 = Conv2d(16, 5)
        self.fc3 = Linear(120)
        self.fc4 = Linear(84)
        self.fc5 = Linear(n_classes)

    def forward(self, x):
        x = images(self, x, self.smallest)
        x = self.pooling(self.activation(self.conv1(x)), 2)
        x = self.pooling(self.activation(self.conv2(x)), 2)
        x = self.activation(self.fc3(F.flatten(x)))  # (N, 16, 4, 4) -> (N, 256)
        x = self.activation(self.fc4(x))
        return self.fc5(x)
