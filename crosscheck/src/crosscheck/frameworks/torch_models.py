"""Well-known networks as PyTorch modules with torchvision's parameter names; torchvision is not needed."""

# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False
# Without torch its classes are Any; parts of torch have no annotations.

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch import nn

N_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@contextlib.contextmanager
def shapes_only() -> Iterator[None]:
    """In the block, weights of new modules have shapes, but neither memory nor numbers, which need not be drawn."""

    def nothing(_: nn.Module) -> None:
        pass

    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.device("meta"))
        for kind in (nn.Conv2d, nn.Linear, nn.BatchNorm2d):
            stack.enter_context(mock.patch.object(kind, "reset_parameters", nothing))
        yield


def vgg16(size: int = 224) -> nn.Module:
    """torchvision.models.vgg16(). size: of the images; torchvision always pools to 7x7 before fc6."""
    return VGG16(size)


def resnet(n_layers: int = 50, style: str = "torch") -> nn.Module:
    """torchvision.models.resnet50(), 101, 152.

    style: "torch", or "book" with strides in the first 1x1 convolution of a block, a bias in conv1, no padding in the
    first pooling, and an eps of 2e-5 in batch normalization.
    """
    return ResNet(N_BLOCKS[n_layers], style)


def squeezenet() -> nn.Module:
    """torchvision.models.squeezenet1_0()."""
    return SqueezeNet()


class VGG16(nn.Module):
    """Five blocks of 3x3 convolutions, then three linear layers."""

    def __init__(self, size: int) -> None:
        super().__init__()
        features: list[nn.Module] = []
        channels = 3
        for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(count):
                features += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            features.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(
            nn.Linear(512 * (size // 32) ** 2, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 1000),
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(torch.flatten(self.features(x), 1))


class Bottleneck(nn.Module):
    """Three convolutions and a shortcut; downsample, if any, is a convolution on the shortcut."""

    def __init__(self, channels: int, width: int, stride: int, style: str, first: bool) -> None:
        super().__init__()
        stride1, stride2 = (stride, 1) if style == "book" else (1, stride)
        eps = 2e-5 if style == "book" else 1e-5
        self.conv1 = nn.Conv2d(channels, width, 1, stride1, bias=False)
        self.bn1 = nn.BatchNorm2d(width, eps)
        self.conv2 = nn.Conv2d(width, width, 3, stride2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width, eps)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width, eps)
        self.downsample: nn.Module | None = None
        if first:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width, eps)
            )

    def forward(self, x: Any) -> Any:
        h = torch.relu(self.bn1(self.conv1(x)))
        h = torch.relu(self.bn2(self.conv2(h)))
        h = self.bn3(self.conv3(h))
        return torch.relu(h + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A 7x7 convolution, four layers of bottlenecks, and a linear layer."""

    def __init__(self, n_blocks: tuple[int, ...], style: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=style == "book")
        self.bn1 = nn.BatchNorm2d(64, 2e-5 if style == "book" else 1e-5)
        self.maxpool = nn.MaxPool2d(3, 2, padding=0 if style == "book" else 1)
        channels = 64
        for i, count in enumerate(n_blocks):
            width = 64 * 2**i
            blocks = []
            for j in range(count):
                blocks.append(Bottleneck(channels, width, 2 if i > 0 and j == 0 else 1, style, first=j == 0))
                channels = 4 * width
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x: Any) -> Any:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for i in (1, 2, 3, 4):
            x = self.get_submodule(f"layer{i}")(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Fire(nn.Module):
    """A 1x1 convolution to few channels, followed by parallel 1x1 and 3x3 convolutions."""

    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """Eight Fire modules and no linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 7, 2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(96, 16, 64),
            Fire(128, 16, 64),
            Fire(128, 32, 128),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(256, 32, 128),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(512, 64, 256),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x: Any) -> Any:
        return torch.flatten(self.classifier(self.features(x)), 1)
