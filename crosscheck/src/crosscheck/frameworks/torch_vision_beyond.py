"""The Rosetta for image classifiers beyond the book; torch_models_beyond builds them without torchvision."""

from __future__ import annotations

from typing import Any

from . import torch_models_beyond as models


class TorchVisionBeyond:
    """Each method returns an equivalent module; its docstring names the torchvision call and the difference."""

    def LeNet(self, pretrained: bool = False, n_classes: int = 10, style: str = "d2l") -> Any:
        """Not in torchvision."""
        return models.LeNet(n_classes, style)

    def AlexNet(
        self,
        pretrained: bool = False,
        n_classes: int = 1000,
        style: str = "torch",
        lrn: bool = False,
        dropout_ratio: float = 0.5,
    ) -> Any:
        """torchvision.models.alexnet(), which has no style 'paper' and no lrn."""
        return models.alexnet(n_classes, style, lrn, dropout_ratio)

    def NiN(self, pretrained: bool = False, n_classes: int = 1000, dropout_ratio: float = 0.5) -> Any:
        """Not in torchvision."""
        return models.NiN(n_classes, dropout_ratio)

    def VGG(self, n_layers: int, pretrained: bool = False, n_classes: int = 1000, *options: Any, **more: Any) -> Any:
        """torchvision.models.vgg11(), ..., vgg19_bn(), which have no width."""
        return models.vgg(n_layers, n_classes, *options, **more)

    def VGG11(self, pretrained: bool = False, n_classes: int = 1000, *options: Any, **more: Any) -> Any:
        """torchvision.models.vgg11(), vgg11_bn(); see VGG."""
        return models.vgg(11, n_classes, *options, **more)

    def VGG13(self, pretrained: bool = False, n_classes: int = 1000, *options: Any, **more: Any) -> Any:
        """torchvision.models.vgg13(), vgg13_bn(); see VGG."""
        return models.vgg(13, n_classes, *options, **more)

    def VGG19(self, pretrained: bool = False, n_classes: int = 1000, *options: Any, **more: Any) -> Any:
        """torchvision.models.vgg19(), vgg19_bn(); see VGG."""
        return models.vgg(19, n_classes, *options, **more)

    def GoogLeNet(self, pretrained: bool = False, n_classes: int = 1000, *options: Any, **more: Any) -> Any:
        """torchvision.models.googlenet(), with aux_logits for aux; there is no style 'paper'."""
        return models.GoogLeNet(n_classes, *options, **more)

    def BasicResNet(
        self, n_blocks: Any, pretrained: bool = False, n_classes: int = 1000, stem: str = "imagenet"
    ) -> Any:
        """torchvision.models.resnet.ResNet(BasicBlock, n_blocks); there is no stem 'small'."""
        return models.BasicResNet(n_blocks, n_classes, stem)

    def ResNet18(self, pretrained: bool = False, n_classes: int = 1000, stem: str = "imagenet") -> Any:
        """torchvision.models.resnet18(); there is no stem 'small'."""
        return models.BasicResNet((2, 2, 2, 2), n_classes, stem)

    def ResNet34(self, pretrained: bool = False, n_classes: int = 1000, stem: str = "imagenet") -> Any:
        """torchvision.models.resnet34(); there is no stem 'small'."""
        return models.BasicResNet((3, 4, 6, 3), n_classes, stem)

    def DenseNet(self, *sizes: Any, **options: Any) -> Any:
        """torchvision.models.DenseNet(), which always has a bottleneck and no biases."""
        return models.DenseNet(*sizes, **options)

    def DenseNet121(self, pretrained: bool = False, n_classes: int = 1000, dropout_ratio: float = 0.0) -> Any:
        """torchvision.models.densenet121()."""
        return models.DenseNet(32, (6, 12, 24, 16), 64, 4, n_classes, dropout_ratio)

    def DenseNet161(self, pretrained: bool = False, n_classes: int = 1000, dropout_ratio: float = 0.0) -> Any:
        """torchvision.models.densenet161()."""
        return models.DenseNet(48, (6, 12, 36, 24), 96, 4, n_classes, dropout_ratio)

    def DenseNet169(self, pretrained: bool = False, n_classes: int = 1000, dropout_ratio: float = 0.0) -> Any:
        """torchvision.models.densenet169()."""
        return models.DenseNet(32, (6, 12, 32, 32), 64, 4, n_classes, dropout_ratio)

    def DenseNet201(self, pretrained: bool = False, n_classes: int = 1000, dropout_ratio: float = 0.0) -> Any:
        """torchvision.models.densenet201()."""
        return models.DenseNet(32, (6, 12, 48, 32), 64, 4, n_classes, dropout_ratio)

    def SqueezeNet11(self, pretrained: bool = False, n_classes: int = 1000, dropout_ratio: float = 0.5) -> Any:
        """torchvision.models.squeezenet1_1()."""
        return models.squeezenet11(n_classes, dropout_ratio)
