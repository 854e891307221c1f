"""ResNet: blocks with shortcuts."""

from .. import functions as F
from ..layers import BatchNorm, Conv2d, Linear
from .base import TorchvisionModel, check_choice, check_pretrained, images
from .blocks import BasicResiduals, Residuals

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


class BasicResNet(TorchvisionModel):
    """A ResNet of two 3x3 convolutions per block.  x (N, C, H, W) -> logits (N, n_classes). [not in the book]

    n_blocks: in res2, res3, res4, res5. stem: 'imagenet' begins with a 7x7 convolution and a pooling, which divide the
    size by 4; 'small', for images of 32 x 32, with a 3x3 convolution only. Raises ValueError if pretrained.
    """

    def __init__(self, n_blocks, pretrained=False, n_classes=1000, stem="imagenet"):
        super().__init__()
        check_pretrained(self, pretrained)
        check_choice(self, "stem", stem, ("imagenet", "small"))
        self.stem = stem
        n2, n3, n4, n5 = n_blocks

        self.conv1 = Conv2d(64, 3, pad=1, nobias=True) if stem == "small" else Conv2d(64, 7, 2, pad=3, nobias=True)
        self.bn1 = BatchNorm()
        self.res2 = BasicResiduals(n2, 64)
        self.res3 = BasicResiduals(n3, 128, stride=2)
        self.res4 = BasicResiduals(n4, 256, stride=2)
        self.res5 = BasicResiduals(n5, 512, stride=2)
        self.fc6 = Linear(n_classes)

    def features(self, x):
        """The last maps of features, of 1/32 of the size of x, or with the small stem of 1/8."""
        x = images(self, x, smallest=1)
        x = F.relu(self.bn1(self.conv1(x)))
        if self.stem == "imagenet":
            x = F.max_pool2d(x, 3, 2, pad=1)
        x = self.res2(x)
        x = self.res3(x)
        x = self.res4(x)
        return self.res5(x)

    def forward(self, x):
        return self.fc6(F.global_avg_pool(self.features(x)))

    def torch_layers(self):
        """The modules of torchvision.models.resnet18, resnet34."""
        layers = {"conv1": "conv1", "bn1": "bn1", "fc6": "fc"}
        for i, res in enumerate((self.res2, self.res3, self.res4, self.res5), start=1):
            for j, block in enumerate(res.names):
                for name in ("conv1", "bn1", "conv2", "bn2"):
                    layers[f"res{i + 1}/{block}/{name}"] = f"layer{i}.{j}.{name}"
            if res.a.projects:
                layers[f"res{i + 1}/a/conv4"] = f"layer{i}.0.downsample.0"
                layers[f"res{i + 1}/a/bn4"] = f"layer{i}.0.downsample.1"
        return layers


class ResNet18(BasicResNet):
    """BasicResNet with 18 layers. [not in the book]"""

    def __init__(self, pretrained=False, n_classes=1000, stem="imagenet"):
        super().__init__((2, 2, 2, 2), pretrained, n_classes, stem)


class ResNet34(BasicResNet):
    """BasicResNet with 34 layers. [not in the book]"""

    def __init__(self, pretrained=False, n_classes=1000, stem="imagenet"):
        super().__init__((3, 4, 6, 3), pretrained, n_classes, stem)
