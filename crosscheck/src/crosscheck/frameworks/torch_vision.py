"""The Rosetta for well-known networks: torchvision provides them; torch_models builds them without it."""

from __future__ import annotations

from typing import Any

from .torch_models import resnet, squeezenet, vgg16


class TorchVision:
    """Each method returns an equivalent module; its docstring names the torchvision call and the difference."""

    def VGG16(self, pretrained: bool = False) -> Any:
        """torchvision.models.vgg16(weights=...). Its weights expect RGB in 0-1; the book's expect BGR in 0-255."""
        return vgg16()

    def ResNet(self, n_layers: int = 152, pretrained: bool = False, *, style: str = "book") -> Any:
        """torchvision.models.resnet152(weights=...): strides in the 3x3 convolutions, no bias in conv1, pad 1."""
        return resnet(n_layers, style)

    def ResNet50(self, pretrained: bool = False, *, style: str = "book") -> Any:
        """torchvision.models.resnet50(weights=...); see ResNet."""
        return resnet(50, style)

    def ResNet101(self, pretrained: bool = False, *, style: str = "book") -> Any:
        """torchvision.models.resnet101(weights=...); see ResNet."""
        return resnet(101, style)

    def ResNet152(self, pretrained: bool = False, *, style: str = "book") -> Any:
        """torchvision.models.resnet152(weights=...); see ResNet."""
        return resnet(152, style)

    def SqueezeNet(self, pretrained: bool = False) -> Any:
        """torchvision.models.squeezenet1_0(weights=...)."""
        return squeezenet()
