"""Step 58: networks with weights from PyTorch's modules, compared layer by layer, at inference and in training."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import DEFAULT_SEED, SHAPES_ONLY, TWICE, normal
from . import computation
from .layers import pull
from .steps52_60 import drawing

NETWORK: dict[str, Any] = {"step": 58, "inputs": [normal()], "order": 0}
ONCE: dict[str, Any] = {"cases": SHAPES_ONLY - DEFAULT_SEED - TWICE}  # their layers are run twice
DRAWN = 1_000_003  # of each weight; larger ones repeat these numbers
SMALL = 40_000  # elements; larger gradients, which PyTorch does not compute, are not compared
ADDED_UP = "sums of up to 4,608 products through dozens of layers, which PyTorch adds in a different order"
Made = Callable[[Any], Any]


def narrowed(fw: Any, model: Any, k: int) -> Any:
    """A model of a stage before its first call, with 1 / k of the channels in every convolution and linear layer."""
    for path in model.torch_layers():
        *owner, name = path.split("/")
        parent = functools.reduce(getattr, owner, model)
        layer = getattr(parent, name)
        if hasattr(layer, "kernel_size"):
            nobias = layer.b is None
            narrow = fw.Conv2d(layer.out_channels // k, layer.kernel_size, layer.stride, layer.pad, nobias=nobias)
            setattr(parent, name, narrow)
        elif hasattr(layer, "out_size"):
            setattr(parent, name, fw.Linear(layer.out_size // k))
    return model


def narrow_module(module: Any, k: int) -> Any:
    """The same for a PyTorch module. Images have up to 3 channels, which remain."""
    from torch import nn

    for path, layer in list(module.named_modules()):
        if isinstance(layer, nn.Conv2d):
            channels = layer.in_channels if layer.in_channels <= 3 else layer.in_channels // k
            sizes: Any = layer.kernel_size, layer.stride, layer.padding, 1, 1, layer.bias is not None
            narrow: Any = nn.Conv2d(channels, layer.out_channels // k, *sizes)
        elif isinstance(layer, nn.Linear):
            narrow = nn.Linear(layer.in_features // k, layer.out_features // k)
        elif isinstance(layer, nn.BatchNorm2d):
            narrow = nn.BatchNorm2d(layer.num_features // k, layer.eps)
        else:
            continue
        owner, _, name = path.rpartition(".")
        setattr(module.get_submodule(owner), name, narrow)
    return module


# The network in the framework, and the PyTorch module that provides its weights. The images are small enough for
# VGG16 to reduce them to one pixel, which saves 0.5 GB of weights.
NETWORKS: dict[str, tuple[Made, Made]] = {
    "vgg16": (lambda fw: fw.VGG16(), lambda models: models.vgg16(32)),
    "resnet50": (lambda fw: fw.ResNet50(style="torch"), lambda models: models.resnet(50, "torch")),
    "resnet50 of the book": (lambda fw: fw.ResNet50(), lambda models: models.resnet(50, "book")),
    "squeezenet": (lambda fw: fw.SqueezeNet(), lambda models: models.squeezenet()),
}


def an_eighth(make: Made, make_module: Made) -> tuple[Made, Made]:
    """An entry of NETWORKS with an eighth of the channels."""
    return lambda fw: narrowed(fw, make(fw), 8), lambda models: narrow_module(make_module(models), 8)


NETWORKS |= {f"narrow {name}": an_eighth(*entry) for name, entry in NETWORKS.items()}


@functools.lru_cache(maxsize=1)
def weights_of(name: str) -> dict[str, Array]:
    """A state_dict of random float32 weights, scaled so that activations keep their magnitude from layer to layer."""
    from ..frameworks import torch_models

    with torch_models.shapes_only():
        shapes = {key: tuple(a.shape) for key, a in NETWORKS[name][1](torch_models).state_dict().items()}
    rng = np.random.default_rng(58)

    def draw(key: str, shape: tuple[int, ...]) -> Array:
        if key.endswith("num_batches_tracked"):
            return np.array(0)
        if len(shape) > 1:
            drawn = rng.standard_normal(min(math.prod(shape), DRAWN), np.float32)
            return np.resize(drawn, shape) * np.float32((2 / math.prod(shape[1:])) ** 0.5)
        if key.endswith(("bias", "running_mean")):
            return 0.1 * rng.standard_normal(shape, np.float32)
        return rng.random(shape, np.float32) + np.float32(0.5)

    return {key: draw(key, shape) for key, shape in shapes.items()}


def loaded(fw: Any, name: str, dtype: Any) -> tuple[Any, dict[str, Any]]:
    """The network with these weights, and its layers by their PyTorch names."""
    make, make_module = NETWORKS[name]
    if fw.name != "torch":
        model = make(fw)
        layers = {
            theirs: functools.reduce(getattr, ours.split("/"), model) for ours, theirs in model.torch_layers().items()
        }
        weights = weights_of(name)
        if "book" in name:
            model.load_state_dict(weights, style="book")
        else:
            model.load_state_dict(weights)
        for _, variable in model.named_state():
            variable.data = variable.data.astype(dtype, copy=False)
        return model, layers
    import torch

    from ..frameworks import torch_models

    with torch_models.shapes_only():
        model = make_module(torch_models)
    kind = torch.from_numpy(np.empty(0, dtype)).dtype
    state = {key: torch.tensor(a, dtype=kind if a.ndim else None) for key, a in weights_of(name).items()}
    model.load_state_dict(state, assign=True)
    return model, {key: module for key, module in model.named_modules() if list(module.parameters(recurse=False))}


def recorded(layer: Any, key: str, outputs: dict[str, Any]) -> None:
    """Record the output of the layer under this key from now on."""
    forward = layer.forward

    def record(x: Any) -> Any:
        outputs[key] = forward(x)
        return outputs[key]

    layer.forward = record


def run_of(fw: Any, name: str, x: Any, train: bool = False) -> list[Any]:
    """The output of every layer, then the gradients of the image and of all small weights after a backward pass.

    In training also the updated running statistics.
    """
    x = fw.Variable(np.array(fw.array(x)))
    model, layers = loaded(fw, name, fw.array(x).dtype)
    for weight in model.parameters() if fw.name == "torch" else ():
        weight.requires_grad_(weight.numel() < SMALL)
    outputs: dict[str, Any] = {}
    for key, layer in layers.items():
        recorded(layer, key, outputs)
    with contextlib.nullcontext() if train else fw.test_mode():
        y = model(x)
    pull(fw, y)
    keys = sorted(layers)
    found = [*(fw.array(outputs[key]) for key in keys), y, np.array(fw.array(x.grad))]
    found += [g for key in keys for g in fw.weight_gradients(layers[key]) if g is not None and g.size < SMALL]
    for key in keys if train else ():
        for ours, theirs in (("avg_mean", "running_mean"), ("avg_var", "running_var")):
            statistic = getattr(layers[key], theirs if fw.name == "torch" else ours, None)
            found += [] if statistic is None else [np.array(fw.array(statistic))]
    return found


BUDGET: dict[str, Any] = {"budget": {"float64": 1e3, "float32": 1e3}, "why_budget": ADDED_UP}
IN_FLOAT64: dict[str, Any] = {"dtypes": ("float64",), **NETWORK, **BUDGET}


@computation(**IN_FLOAT64, shapes=((1, 3, 35, 50),), **ONCE, quick={"name": "narrow vgg16"})
def vgg16(fw: Any, x: Any, name: str = "vgg16") -> Any:
    """VGG16 at inference: the output of every layer, and gradients"""
    return run_of(fw, name, x)


@computation(**IN_FLOAT64, shapes=((2, 3, 47, 39),), **ONCE, quick={"name": "narrow resnet50"})
def resnet50(fw: Any, x: Any, name: str = "resnet50") -> Any:
    """ResNet50 in PyTorch's style at inference: the output of every layer, and gradients"""
    return run_of(fw, name, x)


@computation(
    **NETWORK,
    shapes=((4, 3, 40, 65),),
    dtypes=("float64",),
    budget={"float64": 1e5},
    why_budget="normalized dozens of times, at the end with the statistics of 24 numbers per channel",
    **ONCE,
    quick={"name": "narrow resnet50"},
)
def resnet50_in_training(fw: Any, x: Any, name: str = "resnet50") -> Any:
    """ResNet50 in training: batch statistics, gradients through them, and updated running statistics"""
    return run_of(fw, name, x, train=True)


@computation(**IN_FLOAT64, shapes=((1, 3, 47, 39),), **ONCE, quick={"name": "narrow resnet50 of the book"})
def resnet50_of_the_book(fw: Any, x: Any, name: str = "resnet50 of the book") -> Any:
    """ResNet50 in the style of the published weights at inference: the output of every layer, and gradients"""
    return run_of(fw, name, x)


@computation(**NETWORK, **BUDGET, shapes=((2, 3, 47, 60),), **ONCE)
def squeezenet(fw: Any, x: Any) -> Any:
    """SqueezeNet at inference: the output of every convolution, and gradients"""
    return run_of(fw, "squeezenet", x)


@computation(step=58, order=0, dtypes=("float32",), inputs=[normal()], shapes=((1, 3, 35, 33),), **ONCE)
def squeezenet_without_weights_from_elsewhere(fw: Any, x: Any) -> Any:
    """SqueezeNet initialized at the first call: float32 logits of shape (1, 1000), and the number of weights"""
    found = []
    for make, make_module in (NETWORKS["squeezenet"],):
        with drawing(0), fw.test_mode():
            model = torch_module(make_module) if fw.name == "torch" else make(fw)
            scores = fw.array(model(fw.constant(fw.array(x).astype(np.float32))))
        sizes = [a.size for a in fw.weights(model)]
        found += [np.zeros_like(scores), np.array([len(sizes), sum(sizes), np.isfinite(scores).all()])]
    return found


def torch_module(make: Made) -> Any:
    """A module with randomly initialized weights."""
    from ..frameworks import torch_models

    return make(torch_models)
