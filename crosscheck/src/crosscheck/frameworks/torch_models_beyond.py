"""Image classifiers beyond the book as PyTorch modules, with torchvision's parameter names where it has them."""

# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False
# Without torch its classes are Any; parts of torch have no annotations.

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import nn

from .torch_models import Fire

# --- LeNet, NiN: not in torchvision ---


class LeNet(nn.Module):
    """The network of d2l, or the classic one with padding, tanh and means."""

    def __init__(self, n_classes: int = 10, style: str = "d2l") -> None:
        super().__init__()
        classic = style == "classic"
        self.act: nn.Module = nn.Tanh() if classic else nn.Sigmoid()
        self.pool: nn.Module = nn.AvgPool2d(2) if classic else nn.MaxPool2d(2)
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2 if classic else 0)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc3 = nn.Linear(400 if classic else 256, 120)
        self.fc4 = nn.Linear(120, 84)
        self.fc5 = nn.Linear(84, n_classes)

    def forward(self, x: Any) -> Any:
        x = self.pool(self.act(self.conv1(x)))
        x = self.pool(self.act(self.conv2(x)))
        x = self.act(self.fc3(torch.flatten(x, 1)))
        return self.fc5(self.act(self.fc4(x)))


class NiN(nn.Module):
    """Four blocks of three convolutions."""

    def __init__(self, n_classes: int = 1000, dropout_ratio: float = 0.5) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout_ratio)
        sizes = ((3, 96, 11, 4, 0), (96, 256, 5, 1, 2), (256, 384, 3, 1, 1), (384, n_classes, 3, 1, 1))
        for i, (channels, width, kernel, stride, padding) in enumerate(sizes, 1):
            block = nn.Module()
            block.conv1 = nn.Conv2d(channels, width, kernel, stride, padding)
            block.conv2 = nn.Conv2d(width, width, 1)
            block.conv3 = nn.Conv2d(width, width, 1)
            self.add_module(f"block{i}", block)

    def forward(self, x: Any) -> Any:
        for i in (1, 2, 3, 4):
            if i == 4:
                x = self.dropout(x)
            for j in (1, 2, 3):
                x = torch.relu(self.get_submodule(f"block{i}.conv{j}")(x))
            if i < 4:
                x = nn.functional.max_pool2d(x, 3, 2)
        return x.mean((2, 3))


# --- AlexNet, VGG, SqueezeNet ---


class Classifier(nn.Module):
    """Features, perhaps averaged to a size, then a classifier; or features and a convolution per class."""

    def __init__(self, features: list[nn.Module], size: int | None, classifier: list[nn.Module]) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.avgpool = nn.Identity() if size is None else nn.AdaptiveAvgPool2d(size)
        self.classifier = nn.Sequential(*classifier)

    def forward(self, x: Any) -> Any:
        x = self.avgpool(self.features(x))
        return self.classifier(torch.flatten(x, 1) if isinstance(self.classifier[-1], nn.Linear) else x).flatten(1)


def alexnet(n_classes: int = 1000, style: str = "torch", lrn: bool = False, dropout_ratio: float = 0.5) -> nn.Module:
    """torchvision.models.alexnet(), or with the channels of the paper and dropout behind the linear layers."""
    paper = style == "paper"
    c1, c2, c3, c4, c5 = (96, 256, 384, 384, 256) if paper else (64, 192, 384, 256, 256)
    features = [
        *(nn.Conv2d(3, c1, 11, 4, 0 if paper else 2), rectified(lrn), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(c1, c2, 5, padding=2), rectified(lrn), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(c3, c4, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(c4, c5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
    ]
    rest = [*(nn.Linear(4096, 4096), nn.ReLU())]
    first, last = nn.Linear(c5, 4096) if paper else nn.Linear(c5 * 36, 4096), nn.Linear(4096, n_classes)
    if paper:  # torchvision's numbers of the linear layers
        parts = [nn.Identity(), first, nn.Sequential(nn.ReLU(), nn.Dropout(dropout_ratio)), nn.Identity()]
        return Classifier(features, None, [*parts, rest[0], nn.Sequential(nn.ReLU(), nn.Dropout(dropout_ratio)), last])
    return Classifier(
        features, 6, [nn.Dropout(dropout_ratio), first, nn.ReLU(), nn.Dropout(dropout_ratio), *rest, last]
    )


def rectified(lrn: bool) -> nn.Module:
    """ReLU, perhaps with the normalization of the paper."""
    return nn.Sequential(nn.ReLU(), nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)) if lrn else nn.ReLU()


def vgg(
    n_layers: int, n_classes: int = 1000, batch_norm: bool = False, width: float = 1, dropout_ratio: float = 0.5
) -> nn.Module:
    """torchvision.models.vgg11(), ..., vgg19_bn()."""
    counts = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}[n_layers]
    features: list[nn.Module] = []
    before = 3
    for channels, count in zip((64, 128, 256, 512, 512), counts, strict=True):
        for _ in range(count):
            features.append(nn.Conv2d(before, int(channels * width), 3, padding=1))
            before = int(channels * width)
            features += [nn.BatchNorm2d(before), nn.ReLU()] if batch_norm else [nn.ReLU()]
        features.append(nn.MaxPool2d(2, 2))
    linear = [nn.Linear(before * 49, 4096), nn.ReLU(), nn.Dropout(dropout_ratio)]
    linear += [nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(dropout_ratio), nn.Linear(4096, n_classes)]
    return Classifier(features, 7, linear)


def squeezenet11(n_classes: int = 1000, dropout_ratio: float = 0.5) -> nn.Module:
    """torchvision.models.squeezenet1_1()."""
    features = [
        *(nn.Conv2d(3, 64, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(Fire(64, 16, 64), Fire(128, 16, 64), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(Fire(128, 32, 128), Fire(256, 32, 128), nn.MaxPool2d(3, 2, ceil_mode=True)),
        *(Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)),
    ]
    classifier = [nn.Dropout(dropout_ratio), nn.Conv2d(512, n_classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return Classifier(features, None, classifier)


# --- GoogLeNet ---


class BasicConv(nn.Module):
    """A convolution, a normalization and ReLU; in the style of the paper without the normalization."""

    def __init__(self, style: str, channels: int, width: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding, bias=style == "paper")
        self.bn = nn.BatchNorm2d(width, eps=0.001) if style == "torch" else nn.Identity()

    def forward(self, x: Any) -> Any:
        return torch.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four branches, concatenated."""

    def __init__(self, style: str, channels: int, *widths: int) -> None:
        super().__init__()
        c1, r2, c2, r3, c3, c4 = widths
        kernel, padding = (5, 2) if style == "paper" else (3, 1)
        self.branch1 = BasicConv(style, channels, c1, 1)
        self.branch2 = nn.Sequential(BasicConv(style, channels, r2, 1), BasicConv(style, r2, c2, 3, padding=1))
        wide = BasicConv(style, r3, c3, kernel, padding=padding)
        self.branch3 = nn.Sequential(BasicConv(style, channels, r3, 1), wide)
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), BasicConv(style, channels, c4, 1))

    def forward(self, x: Any) -> Any:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Auxiliary(nn.Module):
    """A classifier of features inside."""

    def __init__(self, style: str, channels: int, n_classes: int) -> None:
        super().__init__()
        self.conv = BasicConv(style, channels, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, n_classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x: Any) -> Any:
        x = torch.flatten(self.conv(nn.functional.adaptive_avg_pool2d(x, 4)), 1)
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """torchvision.models.googlenet(), or with the layers of the paper."""

    def __init__(
        self,
        n_classes: int = 1000,
        aux: bool = False,
        style: str = "torch",
        transform_input: bool = False,
        dropout_ratio: float = 0.2,
    ) -> None:
        super().__init__()
        self.transform_input = transform_input
        torchs = style == "torch"
        halved = nn.MaxPool2d(3, 2, ceil_mode=True) if torchs else nn.MaxPool2d(3, 2, padding=1)
        self.conv1 = BasicConv(style, 3, 64, 7, 2, 3)
        self.maxpool1 = self.maxpool2 = self.maxpool3 = halved
        self.conv2 = BasicConv(style, 64, 64, 1)
        self.conv3 = BasicConv(style, 64, 192, 3, padding=1)
        self.inception3a = Inception(style, 192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(style, 256, 128, 128, 192, 32, 96, 64)
        self.inception4a = Inception(style, 480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(style, 512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(style, 512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(style, 512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(style, 528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True) if torchs else halved
        self.inception5a = Inception(style, 832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(style, 832, 384, 192, 384, 48, 128, 128)
        self.aux1 = Auxiliary(style, 512, n_classes) if aux else None
        self.aux2 = Auxiliary(style, 528, n_classes) if aux else None
        self.dropout = nn.Dropout(dropout_ratio)
        self.fc = nn.Linear(1024, n_classes)

    def forward(self, x: Any) -> Any:
        if self.transform_input:
            colors = zip((0.229, 0.224, 0.225), (0.485, 0.456, 0.406), strict=True)
            channels = [x[:, i] * (d / 0.5) + (m - 0.5) / 0.5 for i, (d, m) in enumerate(colors)]
            x = torch.stack(channels, 1)
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = inside1 = self.inception4a(x)
        x = inside2 = self.inception4d(self.inception4c(self.inception4b(x)))
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x)).mean((2, 3))
        y = self.fc(self.dropout(x))
        if self.aux1 is None or self.aux2 is None or not self.training:
            return y
        return y, self.aux2(inside2), self.aux1(inside1)


# --- ResNet-18, 34 ---


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Any) -> Any:
        h = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(h + (x if self.downsample is None else self.downsample(x)))


class BasicResNet(nn.Module):
    """torchvision.models.resnet18(), resnet34(); stem "small" has a 3x3 convolution and no pooling."""

    def __init__(self, n_blocks: tuple[int, ...], n_classes: int = 1000, stem: str = "imagenet") -> None:
        super().__init__()
        small = stem == "small"
        self.conv1 = nn.Conv2d(3, 64, 3 if small else 7, 1 if small else 2, padding=1 if small else 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, padding=1)
        before = 64
        for i, count in enumerate(n_blocks):
            blocks = [BasicBlock(64 * 2**i if j else before, 64 * 2**i, 2 if i and not j else 1) for j in range(count)]
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
            before = 64 * 2**i
        self.fc = nn.Linear(512, n_classes)

    def forward(self, x: Any) -> Any:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for i in (1, 2, 3, 4):
            x = self.get_submodule(f"layer{i}")(x)
        return self.fc(x.mean((2, 3)))


# --- DenseNet ---


class DenseLayer(nn.Module):
    """Appends `growth` channels to its input."""

    def __init__(self, channels: int, growth: int, bottleneck: int | None, dropout_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout_ratio)
        self.bottleneck = bottleneck
        if bottleneck is None:
            self.conv1 = nn.Conv2d(channels, growth, 3, padding=1)
        else:
            self.conv1 = nn.Conv2d(channels, bottleneck * growth, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(bottleneck * growth)
            self.conv2 = nn.Conv2d(bottleneck * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Any) -> Any:
        h = self.conv1(torch.relu(self.norm1(x)))
        if self.bottleneck is not None:
            h = self.conv2(torch.relu(self.norm2(h)))
        return torch.cat([x, self.dropout(h)], 1)


class Transition(nn.Module):
    """Halves channels and size."""

    def __init__(self, channels: int, bias: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=bias)

    def forward(self, x: Any) -> Any:
        return nn.functional.avg_pool2d(self.conv(torch.relu(self.norm(x))), 2)


class DenseNet(nn.Module):
    """torchvision.models.densenet121(), ...; without bottleneck as d2l builds it, with biases."""

    def __init__(
        self,
        growth: int = 32,
        blocks: tuple[int, ...] = (6, 12, 24, 16),
        init: int = 64,
        bottleneck: int | None = 4,
        n_classes: int = 1000,
        dropout_ratio: float = 0.0,
    ) -> None:
        super().__init__()
        bias = bottleneck is None
        features: list[tuple[str, nn.Module]] = [
            ("conv0", nn.Conv2d(3, init, 7, 2, padding=3, bias=bias)),
            ("norm0", nn.BatchNorm2d(init)),
            ("relu0", nn.ReLU()),
            ("pool0", nn.MaxPool2d(3, 2, padding=1)),
        ]
        channels = init
        for i, count in enumerate(blocks, 1):
            layers = [
                (f"denselayer{j + 1}", DenseLayer(channels + j * growth, growth, bottleneck, dropout_ratio))
                for j in range(count)
            ]
            features.append((f"denseblock{i}", nn.Sequential(OrderedDict(layers))))
            channels += count * growth
            if i < len(blocks):
                features.append((f"transition{i}", Transition(channels, bias)))
                channels //= 2
        self.features = nn.Sequential(OrderedDict([*features, ("norm5", nn.BatchNorm2d(channels))]))
        self.classifier = nn.Linear(channels, n_classes)

    def forward(self, x: Any) -> Any:
        return self.classifier(torch.relu(self.features(x)).mean((2, 3)))
