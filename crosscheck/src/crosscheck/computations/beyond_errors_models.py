"""Beyond the book: errors of image classifiers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import errors


def blank(fw: Any, *shape: int) -> Any:
    """Images without content."""
    return fw.constant(np.zeros(shape, np.float32))


# fmt: off
errors(
    60,
    ("vgg_of_12_layers", lambda fw: fw.models.VGG(12),
     ValueError, "VGG: expected n_layers to be one of [11, 13, 16, 19], got 12"),
    ("lenet_of_an_unknown_style", lambda fw: fw.models.LeNet(style="1998"),
     ValueError, "LeNet: expected style to be one of ['d2l', 'classic'], got '1998'"),
    ("published_weights_of_lenet", lambda fw: fw.models.LeNet(10),
     ValueError, "LeNet: expected pretrained=False, since there are no published weights, got 10"),
    ("published_weights_of_densenet", lambda fw: fw.models.DenseNet121(pretrained=True),
     ValueError, "DenseNet121: expected pretrained=False, since there are no published weights, got True; "
                 "load_state_dict loads those of torchvision"),
    ("alexnet_of_small_images", lambda fw: fw.models.AlexNet()(blank(fw, 1, 3, 63, 62)),
     ValueError, "AlexNet: expected x (N, C, H, W) with H and W at least 63, got (1, 3, 63, 62)"),
    ("resnet18_of_one_image", lambda fw: fw.models.ResNet18()(blank(fw, 3, 32, 32)),
     ValueError, "ResNet18: expected x (N, C, H, W) with H and W at least 1, got (3, 32, 32)"),
    ("googlenet_of_gray_images", lambda fw: fw.models.GoogLeNet(transform_input=True)(blank(fw, 1, 1, 15, 15)),
     ValueError, "GoogLeNet: expected x (N, 3, H, W) for transform_input, got (1, 1, 15, 15)"),
)
# fmt: on
