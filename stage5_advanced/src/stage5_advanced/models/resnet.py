"""ResNet: blocks with shortcuts."""

from .. import functions as F
from ..layers import BatchNorm, Conv2d, Linear
from .base import TorchvisionModel
from .blocks import Residuals

N_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}  # n_layers -> blocks in res2, res3, res4, res5


class ResNet(TorchvisionModel):
    """50, 101 or 152 layers with shortcuts.  x (N, 3, 224, 224) -> logits (N, 1000). [step 58, not in the book]

    pretrained: load weights, downloaded once; otherwise they are drawn at the first call.
    style: 'book' halves the image in the first convolution of a block, 1x1, as the published weights require;
    'torch' in the second, 3x3, as PyTorch does; it also pads the first pooling, and conv1 has no bias. The eps of batch
    normalization is 2e-5 in 'book', with which the published weights were trained, 1e-5 in 'torch'.
    """

    WEIGHTS_PATH = "https://github.com/koki0702/dezero-models/releases/download/v0.1/resnet{}.npz"

    def __init__(self, n_layers=152, pretrained=False, *, style="book"):
        super().__init__()
        if n_layers not in N_BLOCKS:
            raise ValueError(f"ResNet: expected n_layers to be one of {list(N_BLOCKS)}, got {n_layers!r}")
        check_style("ResNet", style)
        if pretrained and style != "book":
            raise ValueError("ResNet: the published weights are for style='book'; use load_state_dict for PyTorch's")
        self.n_layers = n_layers
        self.style = style
        n2, n3, n4, n5 = N_BLOCKS[n_layers]
        halving = (2, 1) if style == "book" else (1, 2)
        eps = 2e-5 if style == "book" else 1e-5

        self.conv1 = Conv2d(64, 7, stride=2, pad=3, nobias=style == "torch")
        self.bn1 = BatchNorm(eps)
        self.res2 = Residuals(n2, 64, 256, (1, 1), eps)
        self.res3 = Residuals(n3, 128, 512, halving, eps)
        self.res4 = Residuals(n4, 256, 1024, halving, eps)
        self.res5 = Residuals(n5, 512, 2048, halving, eps)
        self.fc6 = Linear(1000)

        if pretrained:
            self.load_pretrained(self.WEIGHTS_PATH.format(n_layers))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.pooling(x, 3, 2, pad=1 if self.style == "torch" else 0)
        x = self.res2(x)
        x = self.res3(x)
        x = self.res4(x)
        x = self.res5(x)
        x = F.mean(x, axis=(2, 3))  # (N, 2048, 7, 7) -> (N, 2048)
        return self.fc6(x)

    def torch_layers(self):
        """The modules of torchvision.models.resnet50, 101, 152."""
        layers = {"conv1": "conv1", "bn1": "bn1", "fc6": "fc"}
        for i, res in enumerate((self.res2, self.res3, self.res4, self.res5), start=1):
            for j, block in enumerate(res.names):
                for name in ("conv1", "bn1", "conv2", "bn2", "conv3", "bn3"):
                    layers[f"res{i + 1}/{block}/{name}"] = f"layer{i}.{j}.{name}"
            layers[f"res{i + 1}/a/conv4"] = f"layer{i}.0.downsample.0"
            layers[f"res{i + 1}/a/bn4"] = f"layer{i}.0.downsample.1"
        return layers

    def load_state_dict(self, state_dict, *, style="torch"):
        """As in TorchvisionModel. style: the style of the module that was saved; torchvision's is 'torch'.

        Raises ValueError if the model has the other style: the shapes fit, but the strides are in other layers.
        """
        name = f"{type(self).__name__}.load_state_dict"
        check_style(name, style)
        if style != self.style:
            raise ValueError(
                f"{name}: expected a state_dict of style {self.style!r}, got {style!r}, with strides in other layers: "
                f"create the model with style={style!r}, or, if the module is built like the model, call "
                f"load_state_dict(..., style={self.style!r})"
            )
        super().load_state_dict(state_dict)

    def set_weights(self, arrays):
        """As in Layer. Also raises ValueError for weights of the other style: only 'book' has a bias in conv1."""
        style, bias = ("book", "a") if "conv1/b" in arrays else ("torch", "no")
        if style != self.style:
            raise ValueError(
                f"{type(self).__name__}: expected weights of style {self.style!r}, got {style!r} (with {bias} "
                f"'conv1/b'): create the model with style={style!r}"
            )
        super().set_weights(arrays)


def check_style(name, style):
    """Raise ValueError for an unknown style."""
    if style not in ("book", "torch"):
        raise ValueError(f"{name}: expected style 'book' or 'torch', got {style!r}")


class ResNet50(ResNet):
    """ResNet(50). [step 58, not in the book]"""

    def __init__(self, pretrained=False, *, style="book"):
        super().__init__(50, pretrained, style=style)


class ResNet101(ResNet):
    """ResNet(101). [step 58, not in the book]"""

    def __init__(self, pretrained=False, *, style="book"):
        super().__init__(101, pretrained, style=style)


class ResNet152(ResNet):
    """ResNet(152). [step 58, not in the book]"""

    def __init__(self, pretrained=False, *, style="book"):
        super().__init__(152, pretrained, style=style)
