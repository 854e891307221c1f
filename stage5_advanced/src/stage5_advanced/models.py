"""Models: Model, Sequential, MLP; the networks VGG16, ResNet and SqueezeNet."""

import numpy as np

from . import functions as F
from .blocks import Fire, Residuals
from .dot import plot_dot_graph
from .download import get_file
from .layers import BatchNorm, Conv2d, Layer, Linear
from .state_dict import arrays_of, names_of


class Model(Layer):
    """A layer that can draw its graph. [step 45]"""

    def plot(self, *inputs, to_file="model.png"):
        """Run the model on inputs and draw its graph to a file; return what `plot_dot_graph` returns. [step 45]"""
        y = self(*inputs)
        return plot_dot_graph(y, verbose=True, to_file=to_file)


class Sequential(Model):
    """Layers or functions, applied in order; they are the attributes l0, l1, ... [step 45, not in the book]"""

    def __init__(self, *layers):
        super().__init__()
        self.layers = layers

    @property
    def layers(self):
        """The layers as a list: the current values of l0, l1, ..."""
        return [getattr(self, f"l{i}") for i in range(self.size)]

    @layers.setter
    def layers(self, layers):
        for layer in layers:
            if not callable(layer):
                raise TypeError(
                    f"{type(self).__name__}: expected layers or functions as arguments, got {type(layer).__name__}"
                )
        for i in range(len(layers), self.__dict__.get("size", 0)):  # left over from a longer list
            delattr(self, f"l{i}")
        self.size = len(layers)
        for i, layer in enumerate(layers):
            setattr(self, f"l{i}", layer)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class MLP(Sequential):
    """A multi-layer perceptron: Linear layers of the given sizes with an activation between them. [step 45]

    MLP((10, 1)) has two layers, l0 and l1; the first call determines the input size.
    """

    def __init__(self, fc_output_sizes, activation=F.sigmoid):
        super().__init__(*[Linear(out_size) for out_size in fc_output_sizes])
        if self.size == 0:
            raise ValueError("MLP: expected at least one size, got none")
        if not callable(activation):
            raise TypeError(f"MLP: expected a function as the activation, got {activation!r}")
        self.activation = activation

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


class TorchvisionModel(Model):
    """A model that torchvision also has, and whose weights it can load. [step 58, not in the book]"""

    def torch_layers(self):
        """The path of each layer -> the name of its module in torchvision: {"fc6": "fc", ...}."""
        raise NotImplementedError(f"{type(self).__name__} has no torch_layers")

    def torch_names(self):
        """The path of each parameter and buffer -> its name in a state_dict: {"fc6/W": "fc.weight", ...}."""
        return names_of(self, self.torch_layers())

    def load_state_dict(self, state_dict):
        """Load a copy of a state_dict with torchvision's names, of tensors or NumPy arrays.

        torch_names() lists the names. Raises ValueError if a name, shape or dtype does not match, TypeError if it
        is not a dict of arrays; then nothing is changed. torchvision's weights expect RGB images, 0-1, minus
        (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225).
        """
        self.set_weights(arrays_of(f"{type(self).__name__}.load_state_dict", state_dict, self.torch_names()))

    def load_pretrained(self, url):
        """Download weights once and load them. Raises ValueError, with the file to delete, if they do not fit."""
        path = get_file(url)
        try:
            self.load_weights(path)
        except ValueError as error:
            raise ValueError(f"{error}; delete {path} to download it again") from error


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


N_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}  # n_layers -> blocks in res2, res3, res4, res5


class ResNet(TorchvisionModel):
    """50, 101 or 152 layers with shortcuts.  x (N, 3, 224, 224) -> logits (N, 1000). [step 58, not in the book]

    pretrained: load weights, downloaded once; otherwise they are drawn at the first call.
    style: 'book' halves the image in the first convolution of a block, 1x1, as the published weights require;
    'torch' in the second, 3x3, as PyTorch does; it also pads the first pooling, and conv1 has no bias.
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

        self.conv1 = Conv2d(64, 7, stride=2, pad=3, nobias=style == "torch")
        self.bn1 = BatchNorm()
        self.res2 = Residuals(n2, 64, 256, strides=(1, 1))
        self.res3 = Residuals(n3, 128, 512, halving)
        self.res4 = Residuals(n4, 256, 1024, halving)
        self.res5 = Residuals(n5, 512, 2048, halving)
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


class SqueezeNet(TorchvisionModel):
    """Version 1.0, 5 MB of weights.  x (N, 3, 224, 224) -> logits (N, 1000) for ImageNet. [step 58, not in the book]

    The weights are drawn at the first call. Raises ValueError if pretrained, since the book published none.
    """

    def __init__(self, pretrained=False):
        super().__init__()
        if pretrained:
            raise ValueError("SqueezeNet: there are no published weights; load_state_dict loads those of torchvision")
        self.conv1 = Conv2d(96, 7, stride=2)
        self.fire2 = Fire(16, 64)
        self.fire3 = Fire(16, 64)
        self.fire4 = Fire(32, 128)
        self.fire5 = Fire(32, 128)
        self.fire6 = Fire(48, 192)
        self.fire7 = Fire(48, 192)
        self.fire8 = Fire(64, 256)
        self.fire9 = Fire(64, 256)
        self.conv10 = Conv2d(1000, 1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.pooling(x, 3, 2, ceil_mode=True)
        x = self.fire2(x)
        x = self.fire3(x)
        x = self.fire4(x)
        x = F.pooling(x, 3, 2, ceil_mode=True)
        x = self.fire5(x)
        x = self.fire6(x)
        x = self.fire7(x)
        x = self.fire8(x)
        x = F.pooling(x, 3, 2, ceil_mode=True)
        x = self.fire9(x)
        x = F.relu(self.conv10(F.dropout(x)))
        return F.mean(x, axis=(2, 3))  # (N, 1000, 13, 13) -> (N, 1000)

    def torch_layers(self):
        """The modules of torchvision.models.squeezenet1_0, whose numbers also count activations and poolings."""
        fires = {"fire2": 3, "fire3": 4, "fire4": 5, "fire5": 7, "fire6": 8, "fire7": 9, "fire8": 10, "fire9": 12}
        layers = {"conv1": "features.0", "conv10": "classifier.1"}
        for fire, number in fires.items():
            for name in ("squeeze", "expand1x1", "expand3x3"):
                layers[f"{fire}/{name}"] = f"features.{number}.{name}"
        return layers
