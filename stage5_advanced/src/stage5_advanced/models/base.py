"""Model, Sequential, MLP, and the base class of models that torchvision also has."""

from .. import functions as F
from ..core import as_input
from ..layers import Layer, Linear
from ..state_dict import arrays_of, names_of


class Model(Layer):
    """A layer that can draw its graph. [step 45]"""

    def plot(self, *inputs, to_file="model.png"):
        """Run the model on inputs and draw its graph to a file; return what `plot_dot_graph` returns. [step 45]"""
        from ..dot import plot_dot_graph  # here, since it is rarely used and its imports take long

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

        torch_names() lists the names. Raises ValueError if a name, shape or dtype does not match, with the name in the
        state_dict and here, TypeError if it is not a dict of arrays; then nothing is changed. torchvision's weights
        expect RGB images, 0-1, minus (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225).
        """
        names = self.torch_names()
        arrays = arrays_of(f"{type(self).__name__}.load_state_dict", state_dict, names)
        try:
            self.set_weights(arrays)
        except ValueError as error:
            text = str(error)
            for path, name in names.items():
                text = text.replace(f"{path!r}:", f"{name!r}, here {path!r}:")
            raise ValueError(text) from error

    def load_pretrained(self, url):
        """Download weights once and load them. Raises ValueError, with the file to delete, if they do not fit."""
        from ..download import get_file

        path = get_file(url)
        try:
            self.load_weights(path)
        except ValueError as error:
            raise ValueError(f"{error}; delete {path} to download it again") from error


def check_choice(model, key, value, choices):
    """Raise ValueError unless value, of the argument called key, is one of the choices."""
    if value not in choices:
        raise ValueError(f"{type(model).__name__}: expected {key} to be one of {list(choices)}, got {value!r}")


def check_pretrained(model, pretrained):
    """Raise ValueError if pretrained: nobody has published weights in the format of `load_weights`."""
    if pretrained:
        torchvision = "; load_state_dict loads those of torchvision" * isinstance(model, TorchvisionModel)
        raise ValueError(
            f"{type(model).__name__}: expected pretrained=False, since there are no published weights, "
            f"got {pretrained!r}{torchvision}"
        )


def images(model, x, smallest):
    """x as a Variable. Raises ValueError unless it is (N, C, H, W) with H and W at least smallest."""
    x = as_input(x, type(model).__name__)
    if x.ndim != 4 or min(x.shape[2:]) < smallest:
        raise ValueError(
            f"{type(model).__name__}: expected x (N, C, H, W) with H and W at least {smallest}, got {x.shape}"
        )
    return x
