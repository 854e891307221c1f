"""Errors of functions, layers and models of steps 37-60 that other computations do not ask for."""

from __future__ import annotations

from typing import Any

import numpy as np
import PIL.Image

from .errors import errors, hidden, under
from .steps37_41 import ones

# --- functions ---

# fmt: off
errors(
    47,
    ("clip_by_an_array", lambda fw: fw.clip(ones(fw, 2), np.zeros(2), 1.0),
     ValueError, "clip: expected numbers as bounds, got shapes (2,) and ()"),
    ("concat_of_one_array", lambda fw: fw.concat(ones(fw, 2)),
     TypeError, "concat: expected a list of variables or arrays, got one Variable"),
)
# fmt: on
# fmt: off
errors(
    57,
    ("col2im_of_no_images", lambda fw: fw.col2im(ones(fw, 4, 4), (2, 2), 2),
     ValueError, "col2im: expected input_shape (N, C, H, W), got (2, 2)"),
)
# fmt: on


def with_statistics(fw: Any, mean: Any) -> Any:
    """A batch normalization of three rows with this running mean."""
    return fw.functions.batch_norm(ones(fw, 3, 2), ones(fw, 2), ones(fw, 2), mean, np.ones(2))


def read_only() -> Any:
    """An array of ones that cannot be written to."""
    a = np.ones(2)
    a.flags.writeable = False
    return a


# fmt: off
errors(
    54,
    ("batch_norm_with_integer_statistics", lambda fw: with_statistics(fw, np.ones(2, int)),
     TypeError, "batch_norm: expected a floating array as mean, got array([1, 1])"),
    ("batch_norm_with_read_only_statistics", lambda fw: with_statistics(fw, read_only()),
     ValueError, "batch_norm: expected a writable array as mean in training, got a read-only one"),
)
# fmt: on
# fmt: off
errors(
    60,
    ("complex_targets", lambda fw: fw.functions.sigmoid_cross_entropy(ones(fw, 2), np.ones(2) * 1j),
     TypeError, "sigmoid_cross_entropy: expected real numbers as targets, got complex128"),
    ("embed_id_by_a_vector", lambda fw: fw.embed_id(fw.constant(np.array([0])), ones(fw, 3)),
     ValueError, "embed_id: expected W (in_size, out_size), got W (3,)"),
    ("lstm_cell_without_weights", lambda fw: fw.functions.lstm_cell(ones(fw, 2, 3), None, None, None, [], []),
     TypeError, "lstm_cell: expected four W_x, got None"),
    ("lstm_cell_with_h_alone", lambda fw: fw.functions.lstm_cell(ones(fw, 2, 3), ones(fw, 2, 1), None, [], [], []),
     ValueError, "lstm_cell: expected h and c, or None for both, got h alone"),
)
# fmt: on


# --- layers ---


def set_before_super(fw: Any) -> Any:
    """A layer of the user that sets a parameter before super().__init__()."""

    def __init__(self: Any) -> None:
        self.W = fw.Parameter(np.ones(2))

    return type("Mine", (fw.layers.Layer,), {"__init__": __init__})()


def named(fw: Any, name: str) -> None:
    """A parameter with this name."""
    setattr(fw.Layer(), name, fw.Parameter(np.ones(2)))


# fmt: off
errors(
    44,
    ("parameter_before_super", set_before_super, RuntimeError, "Mine: call super().__init__() before setting 'W'"),
    ("parameter_named_inputs", lambda fw: named(fw, "inputs"),
     ValueError, "Layer: 'inputs' cannot be the name of a parameter or layer: inputs and outputs hold the "
                 "latest call, slashes separate names in paths", "accepts it"),
    ("parameter_with_a_slash", lambda fw: named(fw, "l0/W"),
     ValueError, "Layer: 'l0/W' cannot be the name of a parameter or layer: inputs and outputs hold the latest "
                 "call, slashes separate names in paths", "accepts it"),
    ("layer_without_forward", lambda fw: fw.Layer()(ones(fw, 2)), NotImplementedError, "Layer has no forward"),
    ("shape_of_an_uninitialized_parameter", lambda fw: fw.layers.Linear(2).W.shape,
     AttributeError, "parameter W has no 'shape' while it is uninitialized; call its layer once"),
    ("unknown_attribute_of_a_parameter", lambda fw: fw.Parameter(np.ones(2)).nothing,
     AttributeError, "'Parameter' object has no attribute 'nothing'"),
    ("linear_layer_of_no_columns", lambda fw: fw.layers.Linear(2)(ones(fw, 2, 0)),
     ValueError, "Linear: expected x (N, in_size) with in_size at least 1, got (2, 0)"),
    ("linear_layer_of_a_number", lambda fw: fw.layers.Linear(2)(ones(fw)),
     ValueError, "Linear: expected x (N, in_size) with in_size at least 1, got ()"),
    ("linear_layer_of_no_outputs", lambda fw: fw.Linear(0),
     ValueError, "Linear: expected out_size to be a positive integer, got 0", "accepts it"),
    ("linear_layer_of_half_a_column", lambda fw: fw.Linear(2, in_size=0.5),
     ValueError, "Linear: expected in_size to be a positive integer, got 0.5"),
    ("linear_layer_with_its_sizes_swapped", lambda fw: fw.layers.Linear(2, 3),
     TypeError, "Linear: expected nobias to be True or False, got 3; pass input sizes by keyword"),
    ("linear_layer_of_no_data", lambda fw: fw.Linear(2)(fw.Variable(None)),
     TypeError, "Linear: expected a Variable with data or an array, got None"),
)
# fmt: on


def normalized_with(fw: Any, x: Any, **sizes: int) -> Any:
    """A BatchNorm layer with some parameters of given sizes, called on x."""
    layer = fw.layers.BatchNorm()
    for name, size in sizes.items():
        getattr(layer, name).data = np.ones(size)
    return layer(x)


# fmt: off
errors(
    57,
    ("conv2d_layer_with_negative_padding", lambda fw: fw.Conv2d(2, 3, pad=-1),
     ValueError, "Conv2d: expected pad to be at least 0, got -1", "accepts it"),
    ("deconv2d_layer_with_negative_padding", lambda fw: fw.Deconv2d(2, 3, pad=(0, -1)),
     ValueError, "Deconv2d: expected pad to be at least 0, got (0, -1)", "accepts it"),
    ("conv2d_layer_of_a_matrix", lambda fw: fw.Conv2d(2, 3)(ones(fw, 4, 4)),
     ValueError, "Conv2d: expected x (N, C, H, W) with C, H, W at least 1, got (4, 4)"),
    ("conv2d_layer_of_no_channels", lambda fw: fw.layers.Conv2d(2, 3)(ones(fw, 1, 0, 4, 4)),
     ValueError, "Conv2d: expected x (N, C, H, W) with C, H, W at least 1, got (1, 0, 4, 4)"),
    ("conv2d_layer_of_small_images", lambda fw: fw.layers.Conv2d(2, 5)(ones(fw, 1, 1, 4, 6)),
     ValueError, "Conv2d: expected a kernel that fits images (4, 6) with padding (0, 0), got (5, 5)"),
    ("conv2d_layer_without_a_kernel", lambda fw: fw.Conv2d(2, (0, 3)),
     ValueError, "Conv2d: expected kernel_size to be a positive integer, got 0", "accepts it"),
    ("conv2d_layer_without_a_stride", lambda fw: fw.Conv2d(2, 3, 0),
     ValueError, "Conv2d: expected stride to be a positive integer, got 0", "accepts it"),
)
# fmt: on
# fmt: off
errors(
    54,
    ("batch_norm_layer_of_a_vector", lambda fw: fw.layers.BatchNorm()(ones(fw, 3)),
     ValueError, "BatchNorm: expected x (N, C, ...) with parameters (C,), got (3,) "),
    ("batch_norm_layer_of_other_channels", lambda fw: normalized_with(fw, ones(fw, 2, 3), gamma=2),
     ValueError, "BatchNorm: expected x (N, C, ...) with parameters (C,), got (2, 3) {(2,)}"),
    ("batch_norm_layer_of_one_row", lambda fw: fw.layers.BatchNorm()(ones(fw, 1, 3)),
     ValueError, "BatchNorm: expected at least two numbers per channel in training, got x (1, 3)"),
)
# fmt: on
# fmt: off
errors(
    60,
    ("rnn_of_a_vector", lambda fw: fw.layers.RNN(2)(ones(fw, 3)),
     ValueError, "RNN: expected x (N, in_size), got (3,)"),
    ("lstm_of_other_columns", lambda fw: fw.LSTM(2, in_size=3)(ones(fw, 2, 4)),
     ValueError, "LSTM: expected x (N, 3), got (2, 4)"),
    ("embedding_of_nothing", lambda fw: fw.EmbedID(0, 2),
     ValueError, "EmbedID: expected in_size to be a positive integer, got 0", "accepts it"),
)
# fmt: on


# --- models ---


def loaded(fw: Any, state_dict: Any) -> Any:
    """SqueezeNet with this state_dict."""
    fw.models.SqueezeNet().load_state_dict(state_dict)


def squeezed(fw: Any, **changed: Any) -> dict[str, Any]:
    """A state_dict for SqueezeNet with arrays of no use, and changes to it."""
    names = fw.models.SqueezeNet().torch_names().values()
    return dict.fromkeys(names, np.ones(1, np.float32)) | changed


class InBfloat16:
    """Stands for a tensor of a dtype that NumPy does not have."""

    def detach(self) -> Any:
        return self

    cpu = detach

    def numpy(self) -> Any:
        raise TypeError("Got unsupported ScalarType BFloat16")


BIAS = "features.0.bias"
IMAGE = PIL.Image.new("RGB", (3, 2))

# fmt: off
errors(
    45,
    ("sequential_of_a_number", lambda fw: fw.models.Sequential(3),
     TypeError, "Sequential: expected layers or functions as arguments, got int"),
    ("mlp_of_no_layers", lambda fw: fw.models.MLP(()), ValueError, "MLP: expected at least one size, got none"),
    ("mlp_with_a_number_as_the_activation", lambda fw: fw.models.MLP((2, 1), 0.5),
     TypeError, "MLP: expected a function as the activation, got 0.5"),
)
# fmt: on
# fmt: off
errors(
    58,
    ("resnet_of_18_layers", lambda fw: fw.models.ResNet(18),
     ValueError, "ResNet: expected n_layers to be one of [50, 101, 152], got 18"),
    ("resnet_of_an_unknown_style", lambda fw: fw.models.ResNet(50, style="pytorch"),
     ValueError, "ResNet: expected style 'book' or 'torch', got 'pytorch'"),
    ("published_weights_in_the_style_of_torch", lambda fw: fw.models.ResNet(50, pretrained=True, style="torch"),
     ValueError, "ResNet: the published weights are for style='book'; use load_state_dict for PyTorch's"),
    ("published_weights_of_squeezenet", lambda fw: fw.models.SqueezeNet(pretrained=True),
     ValueError, "SqueezeNet: there are no published weights; load_state_dict loads those of torchvision"),
    ("model_without_torch_layers", lambda fw: fw.models.TorchvisionModel().torch_names(),
     NotImplementedError, "TorchvisionModel has no torch_layers"),
    ("resnet_of_a_state_dict_of_the_other_style", lambda fw: fw.models.ResNet50().load_state_dict({}),
     ValueError, "ResNet50.load_state_dict: expected a state_dict of style 'book', got 'torch', with strides "
                 "in other layers: create the model with style='torch', or, if the module is built like the "
                 "model, call load_state_dict(..., style='book')"),
    ("resnet_of_a_state_dict_of_no_style", lambda fw: fw.models.ResNet50().load_state_dict({}, style="tf"),
     ValueError, "ResNet50.load_state_dict: expected style 'book' or 'torch', got 'tf'"),
    ("resnet_of_weights_of_the_other_style", lambda fw: fw.models.ResNet50().set_weights({"conv1/W": 0}),
     ValueError, "ResNet50: expected weights of style 'book', got 'torch' (with no 'conv1/b'): create the "
                 "model with style='torch'"),
    ("resnet_in_the_style_of_torch_of_weights_of_the_book",
     lambda fw: fw.models.ResNet50(style="torch").set_weights({"conv1/b": 0}),
     ValueError, "ResNet50: expected weights of style 'torch', got 'book' (with a 'conv1/b'): create the model "
                 "with style='book'"),
    ("state_dict_that_is_a_list", lambda fw: loaded(fw, []),
     TypeError, "SqueezeNet.load_state_dict: expected the dict from a module's state_dict(), got list"),
    ("state_dict_of_another_network", lambda fw: loaded(fw, {"fc.weight": np.ones(2)}),
     ValueError, "SqueezeNet.load_state_dict: the state_dict is of another network: ['classifier.1.bias', "
                 "'classifier.1.weight', 'features.0.bias', ... 52 in all] missing, ['fc.weight'] unknown; "
                 "torch_names() lists the names"),
    ("state_dict_of_lists", lambda fw: loaded(fw, squeezed(fw, **{BIAS: [1.0]})),
     TypeError, "SqueezeNet.load_state_dict: 'features.0.bias': expected a tensor or a numpy.ndarray, got list"),
    ("state_dict_in_bfloat16", lambda fw: loaded(fw, squeezed(fw, **{BIAS: InBfloat16()})),
     TypeError, "SqueezeNet.load_state_dict: 'features.0.bias': Got unsupported ScalarType BFloat16; "
                "module.float() converts its weights to float32"),
    ("state_dict_of_other_shapes", lambda fw: loaded(fw, squeezed(fw)),
     ValueError, "SqueezeNet: 'features.0.weight', here 'conv1/W': expected (96, None, 7, 7) float32, "
                 "got (1,) float32"),
    ("preprocess_without_pillow",
     lambda fw: under(hidden("PIL", "PIL.Image"), lambda: fw.models.VGG16.preprocess(IMAGE)),
     RuntimeError, "VGG16.preprocess: Pillow is needed: pip install pillow"),
    ("preprocess_of_an_array", lambda fw: fw.models.VGG16.preprocess(np.ones((2, 3, 3))),
     TypeError, "VGG16.preprocess: expected a PIL image, got ndarray"),
    ("preprocess_to_integers", lambda fw: fw.models.VGG16.preprocess(IMAGE, dtype=int),
     ValueError, "VGG16.preprocess: expected a floating dtype, got int64"),
)
# fmt: on
