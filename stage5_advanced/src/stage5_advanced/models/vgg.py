"""VGG: 3x3 convolutions in blocks."""

import numpy as np

from .. import functions as F
from ..core import as_number
from ..functions.regularize import as_ratio
from ..layers import BatchNorm, Conv2d, Linear
from .base import TorchvisionModel, check_choice, check_pretrained, images

CHANNELS = (64, 128, 256, 512, 512)  # of each block
N_CONVS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # n_layers -> per block


class VGG16(TorchvisionModel):
    """Thirteen convolutions, three linear layers.  x (N, 3, 224, 224) -> logits (N, 1000) for ImageNet. [step 58]

    pretrained: load weights (0.5 GB, downloaded once); otherwise they are drawn at the first call, which also
    determines the image size, at least 32. Dropout is inactive in `test_mode`.
    """

    WEIGHTS_PATH = "https://github.com/koki0702/dezero-models/releases/download/v0.1/vgg16.npz"
    MEAN_BGR = (103.939, 116.779, 123.68)  # of the training images

    def __init__(self, pretrained=False):
        super().__init__()
        self.conv1_1 = Conv2d(64, kernel_size=3, stride=1, pad=1)
        self.conv1_2 = Conv2d(64, kernel_size=3, stride=1, pad=1)
        self.conv2_1 = Conv2d(128, kernel_size=3, stride=1, pad=1)
        self.conv2_2 = Conv2d(128, kernel_size=3, stride=1, pad=1)
        self.conv3_1 = Conv2d(256, kernel_size=3, stride=1, pad=1)
        self.conv3_2 = Conv2d(256, kernel_size=3, stride=1, pad=1)
        self.conv3_3 = Conv2d(256, kernel_size=3, stride=1, pad=1)
        self.conv4_1 = Conv2d(512, kernel_size=3, stride=1, pad=1)
        self.conv4_2 = Conv2d(512, kernel_size=3, stride=1, pad=1)
        self.conv4_3 = Conv2d(512, kernel_size=3, stride=1, pad=1)
        self.conv5_1 = Conv2d(512, kernel_size=3, stride=1, pad=1)
        self.conv5_2 = Conv2d(512, kernel_size=3, stride=1, pad=1)
        self.conv5_3 = Conv2d(512, kernel_size=3, stride=1, pad=1)
        self.fc6 = Linear(4096)
        self.fc7 = Linear(4096)
        self.fc8 = Linear(1000)

        if pretrained:
            self.load_pretrained(self.WEIGHTS_PATH)

    def forward(self, x):
        x = F.relu(self.conv1_1(x))
        x = F.relu(self.conv1_2(x))
        x = F.pooling(x, 2, 2)
        x = F.relu(self.conv2_1(x))
        x = F.relu(self.conv2_2(x))
        x = F.pooling(x, 2, 2)
        x = F.relu(self.conv3_1(x))
        x = F.relu(self.conv3_2(x))
        x = F.relu(self.conv3_3(x))
        x = F.pooling(x, 2, 2)
        x = F.relu(self.conv4_1(x))
        x = F.relu(self.conv4_2(x))
        x = F.relu(self.conv4_3(x))
        x = F.pooling(x, 2, 2)
        x = F.relu(self.conv5_1(x))
        x = F.relu(self.conv5_2(x))
        x = F.relu(self.conv5_3(x))
        x = F.pooling(x, 2, 2)
        x = F.reshape(x, (x.shape[0], -1))  # (N, 512, 7, 7) -> (N, 25088)
        x = F.dropout(F.relu(self.fc6(x)))
        x = F.dropout(F.relu(self.fc7(x)))
        return self.fc8(x)

    @staticmethod
    def preprocess(image, size=(224, 224), dtype=np.float32):
        """PIL image -> x (3, H, W) as in training: BGR, 0-255, minus the mean of each channel. [step 58]

        size: (width, height) of the result, or one int for both; None keeps the size of the image. Raises
        RuntimeError without Pillow. For torchvision's weights, see `load_state_dict` instead.
        """
        try:
            import PIL.Image
        except ImportError as error:
            raise RuntimeError("VGG16.preprocess: Pillow is needed: pip install pillow") from error
        if not isinstance(image, PIL.Image.Image):
            raise TypeError(f"VGG16.preprocess: expected a PIL image, got {type(image).__name__}")
        if np.dtype(dtype).kind != "f":
            raise ValueError(f"VGG16.preprocess: expected a floating dtype, got {np.dtype(dtype)}")
        image = image.convert("RGB")
        if size is not None:
            image = image.resize((size, size) if isinstance(size, int) else size, PIL.Image.Resampling.BILINEAR)
        x = np.asarray(image, dtype)[:, :, ::-1] - np.array(VGG16.MEAN_BGR, dtype)
        return np.ascontiguousarray(x.transpose(2, 0, 1))  # (H, W, C) -> (C, H, W)

    def torch_layers(self):
        """The modules of torchvision.models.vgg16, whose numbers also count activations and poolings."""
        return {
            "conv1_1": "features.0",
            "conv1_2": "features.2",
            "conv2_1": "features.5",
            "conv2_2": "features.7",
            "conv3_1": "features.10",
            "conv3_2": "features.12",
            "conv3_3": "features.14",
            "conv4_1": "features.17",
            "conv4_2": "features.19",
            "conv4_3": "features.21",
            "conv5_1": "features.24",
            "conv5_2": "features.26",
            "conv5_3": "features.28",
            "fc6": "classifier.0",
            "fc7": "classifier.3",
            "fc8": "classifier.6",
        }


class VGG(TorchvisionModel):
    """11, 13, 16 or 19 layers.  x (N, C, H, W), H, W >= 32 -> logits (N, n_classes). [not in the book]

    Unlike the book's VGG16, it averages the last features to 7 x 7, as torchvision does, so that the weights do not
    depend on the size of the images. batch_norm: normalize after each convolution. width: a factor of the channels of
    all convolutions. Raises ValueError if pretrained.
    """

    def __init__(self, n_layers, pretrained=False, n_classes=1000, batch_norm=False, width=1, dropout_ratio=0.5):
        super().__init__()
        check_choice(self, "n_layers", n_layers, N_CONVS)
        check_pretrained(self, pretrained)
        width = as_number(type(self).__name__, "width", width)
        self.batch_norm = batch_norm
        self.dropout_ratio = as_ratio(type(self).__name__, "dropout_ratio", dropout_ratio)
        self.blocks = [[f"{i}_{j}" for j in range(1, n + 1)] for i, n in enumerate(N_CONVS[n_layers], start=1)]
        for names, channels in zip(self.blocks, CHANNELS, strict=True):
            for name in names:
                setattr(self, f"conv{name}", Conv2d(int(channels * width), 3, pad=1))
                if batch_norm:
                    setattr(self, f"bn{name}", BatchNorm())
        self.fc6 = Linear(4096)
        self.fc7 = Linear(4096)
        self.fc8 = Linear(n_classes)

    def features(self, x):
        """The last maps of features, of 1/32 of the size of x."""
        x = images(self, x, smallest=32)
        for names in self.blocks:
            for name in names:
                x = getattr(self, f"conv{name}")(x)
                if self.batch_norm:
                    x = getattr(self, f"bn{name}")(x)
                x = F.relu(x)
            x = F.max_pool2d(x, 2)
        return x

    def forward(self, x):
        x = F.flatten(F.adaptive_avg_pool2d(self.features(x), 7))  # (N, 512, 7, 7) -> (N, 25088)
        x = F.dropout(F.relu(self.fc6(x)), self.dropout_ratio)
        x = F.dropout(F.relu(self.fc7(x)), self.dropout_ratio)
        return self.fc8(x)

    def torch_layers(self):
        """The modules of torchvision.models.vgg11, ..., vgg19_bn, whose numbers count activations and poolings."""
        layers, number = {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}, 0
        for names in self.blocks:
            for name in names:
                layers[f"conv{name}"] = f"features.{number}"
                if self.batch_norm:
                    layers[f"bn{name}"] = f"features.{number + 1}"
                number += 3 if self.batch_norm else 2
            number += 1
        return layers


class VGG11(VGG):
    """VGG(11). [not in the book]"""

    def __init__(self, pretrained=False, n_classes=1000, batch_norm=False, width=1, dropout_ratio=0.5):
        super().__init__(11, pretrained, n_classes, batch_norm, width, dropout_ratio)


class VGG13(VGG):
    """VGG(13). [not in the book]"""

    def __init__(self, pretrained=False, n_classes=1000, batch_norm=False, width=1, dropout_ratio=0.5):
        super().__init__(13, pretrained, n_classes, batch_norm, width, dropout_ratio)


class VGG19(VGG):
    """VGG(19). [not in the book]"""

    def __init__(self, pretrained=False, n_classes=1000, batch_norm=False, width=1, dropout_ratio=0.5):
        super().__init__(19, pretrained, n_classes, batch_norm, width, dropout_ratio)
