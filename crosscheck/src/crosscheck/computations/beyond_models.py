"""Beyond the book: image classifiers, narrowed to a fraction of their channels, with weights from PyTorch's modules."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import DEFAULT_SEED, SHAPES_ONLY, normal
from . import computation
from .layers import fixed
from .networks import ADDED_UP, NETWORKS, Made, loaded, narrow_module, narrowed, run_of
from .training import digits, orders, train
from .utilities import architecture

# --- blocks ---


def with_weights(fw: Any, block: Any, x: Any) -> Any:
    """The output of a block for x, with fixed weights."""
    if fw.name != "torch":
        block(fw.constant(fw.array(x)))  # determines the shapes
    fw.set_weights(block, fixed(fw.array(x), *(a.shape for a in fw.weights(block))))
    return block(x)


@computation(step=58, order=1, inputs=[normal()], shapes=((2, 8, 3, 4),), cases=SHAPES_ONLY)
def residual_blocks_by_default(fw: Any, x: Any) -> Any:
    """A Bottleneck and Residuals with required arguments only"""
    if fw.name == "torch":
        from ..frameworks import torch_models

        bottlenecks = [torch_models.Bottleneck(8, 2, 1, "torch", first) for first in (False, True, False)]
        blocks = [bottlenecks[0], fw.Sequential(*bottlenecks[1:])]
    else:
        blocks = [fw.models.Bottleneck(2, 8), fw.models.Residuals(2, 2, 8, (1, 1))]
    return [with_weights(fw, block, x) for block in blocks]


# --- narrow networks ---


def torchvisions(fw: Any, kind: Any, *arguments: Any, **options: Any) -> Any:
    """A model that torchvision does not have as one whose layers have their names."""
    layers = {"torch_layers": lambda self: {path: path.replace("/", ".") for path in paths_of(self)}}
    return type(kind.__name__, (kind, fw.models.TorchvisionModel), layers)(*arguments, **options)


def paths_of(model: Any) -> list[str]:
    """The paths of the layers of a model."""
    return list(dict.fromkeys(path.rpartition("/")[0] for path, _ in model.named_state()))


def network(name: str, k: int, *arguments: Any, listed: bool = True, **options: Any) -> tuple[Made, Made]:
    """An entry of NETWORKS: a classifier with 1 / k of its channels. listed: torchvision has it."""

    def make(fw: Any) -> Any:
        kind = getattr(fw, name)
        model = kind(*arguments, **options) if listed else torchvisions(fw, kind, *arguments, **options)
        return narrowed(fw, model, k)

    def make_module(_: Any) -> Any:
        from ..frameworks.torch import TorchFramework

        return narrow_module(getattr(TorchFramework(), name)(*arguments, **options), k)

    return make, make_module


def with_auxiliary(k: int) -> tuple[Made, Made]:
    """GoogLeNet whose output is all three logits, concatenated; without dropout."""
    make, make_module = network("GoogLeNet", k, n_classes=10 * k, aux=True, dropout_ratio=0.0)

    def ours(fw: Any) -> Any:
        model = make(fw)
        model.aux1.dropout_ratio = model.aux2.dropout_ratio = 0.0
        forward = model.forward
        model.forward = lambda x: fw.concat(list(forward(x)), axis=1)
        return model

    def theirs(models: Any) -> Any:
        import torch

        module = make_module(models)
        module.aux1.dropout.p = module.aux2.dropout.p = 0.0
        forward = module.forward
        module.forward = lambda x: torch.cat(forward(x), 1)
        return module

    return ours, theirs


SMALL_DENSENET: dict[str, Any] = {"growth": 32, "blocks": (2, 1, 2), "init": 64, "bottleneck": None}
NETWORKS |= {
    "lenet": network("LeNet", 1, listed=False),
    "classic lenet": network("LeNet", 1, style="classic", listed=False),
    "alexnet": network("AlexNet", 16, n_classes=160),
    "alexnet of the paper": network("AlexNet", 16, n_classes=160, style="paper", lrn=True),
    "nin": network("NiN", 8, listed=False),
    "vgg11": network("VGG11", 16, n_classes=160),
    "vgg13 with batch norm": network("VGG13", 16, n_classes=160, batch_norm=True),
    "googlenet": network("GoogLeNet", 8, n_classes=80, transform_input=True),
    "googlenet in training": with_auxiliary(8),
    "googlenet of the paper": network("GoogLeNet", 8, n_classes=80, style="paper"),
    "resnet18": network("ResNet18", 16, n_classes=160),
    "small resnet18": network("ResNet18", 16, n_classes=160, stem="small"),
    "densenet": network("DenseNet", 16, 32, (2, 3, 2, 1), 64, n_classes=160),
    "densenet without a bottleneck": network("DenseNet", 16, n_classes=160, **SMALL_DENSENET),
    "squeezenet11": network("SqueezeNet11", 16, n_classes=160),
}

CLASSIFIER: dict[str, Any] = {
    "step": 60,
    "since": 5,
    "inputs": [normal()],
    "order": 0,
    "dtypes": ("float64",),
    "cases": SHAPES_ONLY - DEFAULT_SEED,
    "budget": {"float64": 1e3},
    "why_budget": ADDED_UP,
}
TRAINED = CLASSIFIER | {
    "budget": {"float64": 1e5},
    "why_budget": "normalized many times, at the end with the statistics of few numbers per channel",
}


@computation(**CLASSIFIER, shapes=((2, 1, 28, 28),))
def lenet(fw: Any, x: Any) -> Any:
    """LeNet: the output of every layer, and gradients"""
    return run_of(fw, "lenet", x)


@computation(**CLASSIFIER, shapes=((2, 1, 28, 28),))
def classic_lenet(fw: Any, x: Any) -> Any:
    """LeNet with tanh and average pooling"""
    return run_of(fw, "classic lenet", x)


@computation(**CLASSIFIER, shapes=((1, 3, 63, 95),))
def alexnet(fw: Any, x: Any) -> Any:
    """AlexNet on its smallest images: 1 x 2 features, averaged to 6 x 6"""
    return run_of(fw, "alexnet", x)


@computation(**CLASSIFIER, shapes=((1, 3, 67, 70),))
def alexnet_of_the_paper(fw: Any, x: Any) -> Any:
    """AlexNet with the channels and the normalization of the paper, without padding in the first convolution"""
    return run_of(fw, "alexnet of the paper", x)


@computation(**CLASSIFIER, shapes=((1, 3, 67, 83),))
def nin(fw: Any, x: Any) -> Any:
    """NiN on its smallest images"""
    return run_of(fw, "nin", x)


@computation(**CLASSIFIER, shapes=((1, 3, 32, 70),))
def vgg11(fw: Any, x: Any) -> Any:
    """VGG11 on its smallest images: 1 x 2 features, averaged to 7 x 7"""
    return run_of(fw, "vgg11", x)


@computation(**CLASSIFIER, shapes=((1, 3, 33, 64),))
def vgg13_with_batch_norm(fw: Any, x: Any) -> Any:
    """VGG13 with batch normalization; in training, the gradients of its biases would be 0 but for rounding"""
    return run_of(fw, "vgg13 with batch norm", x)


@computation(**CLASSIFIER, shapes=((1, 3, 15, 40),))
def googlenet(fw: Any, x: Any) -> Any:
    """GoogLeNet on its smallest images, converted from the colors of ImageNet"""
    return run_of(fw, "googlenet", x)


@computation(**TRAINED, shapes=((4, 3, 41, 33),))
def googlenet_in_training(fw: Any, x: Any) -> Any:
    """GoogLeNet with both auxiliary classifiers, in training"""
    return run_of(fw, "googlenet in training", x, train=True)


@computation(**CLASSIFIER, shapes=((1, 3, 9, 40),))
def googlenet_of_the_paper(fw: Any, x: Any) -> Any:
    """GoogLeNet with biases, 5x5 kernels and padded poolings"""
    return run_of(fw, "googlenet of the paper", x)


@computation(**CLASSIFIER, shapes=((1, 3, 33, 50),))
def resnet18(fw: Any, x: Any) -> Any:
    """ResNet18 at inference"""
    return run_of(fw, "resnet18", x)


@computation(**TRAINED, shapes=((4, 3, 16, 9),))
def small_resnet18_in_training(fw: Any, x: Any) -> Any:
    """ResNet18 for small images, in training"""
    return run_of(fw, "small resnet18", x, train=True)


@computation(**CLASSIFIER, shapes=((1, 3, 29, 45),))
def densenet(fw: Any, x: Any) -> Any:
    """DenseNet with few layers, on its smallest images"""
    return run_of(fw, "densenet", x)


@computation(**TRAINED, shapes=((4, 3, 45, 61),))
def densenet_in_training(fw: Any, x: Any) -> Any:
    """The same in training"""
    return run_of(fw, "densenet", x, train=True)


@computation(**CLASSIFIER, shapes=((2, 3, 13, 27),))
def densenet_without_a_bottleneck(fw: Any, x: Any) -> Any:
    """DenseNet of layers with a single convolution and biases, on its smallest images"""
    return run_of(fw, "densenet without a bottleneck", x)


@computation(**CLASSIFIER, shapes=((2, 3, 17, 40),))
def squeezenet11(fw: Any, x: Any) -> Any:
    """SqueezeNet 1.1 on its smallest images"""
    return run_of(fw, "squeezenet11", x)


ARCHITECTURES: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("AlexNet", (), {}), ("AlexNet", (), {"style": "paper"}), ("SqueezeNet11", (), {}),
    ("VGG", (16,), {}), ("VGG11", (), {}), ("VGG13", (), {}), ("VGG19", (), {}),
    ("VGG11", (), {"batch_norm": True, "width": 0.25}), ("VGG19", (), {"n_classes": 7, "batch_norm": True}),
    ("DenseNet", (), {}), ("BasicResNet", ((1, 2, 1, 1),), {}), ("DenseNet", (), SMALL_DENSENET),
    ("GoogLeNet", (), {}), ("GoogLeNet", (), {"aux": True}), ("GoogLeNet", (), {"style": "paper"}),
    ("ResNet18", (), {}), ("ResNet34", (), {}),
    ("DenseNet121", (), {}), ("DenseNet161", (), {}), ("DenseNet169", (), {}), ("DenseNet201", (), {}),
)  # fmt: skip


@computation(step=60, since=5, order=0, dtypes=("float64",), quick={"count": 11})
def architectures_of_classifiers(fw: Any, count: int = len(ARCHITECTURES)) -> Any:
    """The layers of all classifiers beyond the book, with their names in PyTorch and their sizes"""
    found = []
    for name, arguments, options in ARCHITECTURES[:count]:
        layers = architecture(fw, name, *arguments, **options)
        found.append(np.frombuffer("\n".join(sorted(layers)).encode(), np.uint8))
        found.append(np.array([size for key in sorted(layers) for size in layers[key]]))
    return found


# --- training ---

STEPS = 8


def enlarged(scale: int, border: int, channels: int) -> tuple[Array, Array]:
    """Digits of which each pixel is repeated, with a border of zeros, and their labels."""
    x, t = digits()
    images = x.reshape(-1, 1, 8, 8)[:1500].repeat(scale, 2).repeat(scale, 3).repeat(channels, 1)
    return np.pad(images, ((0, 0), (0, 0), (border, border), (border, border))), t


def trained(fw: Any, name: str, order: Any, steps: int, optimizer: Any, *size: int) -> list[Array]:
    """The loss of each step on batches of 8 digits, and logits afterwards. size: see `enlarged`."""
    dtype = fw.array(order).dtype
    model, _ = loaded(fw, name, dtype)
    images, t = enlarged(*size)
    order = fw.array(order).astype(int)
    batches = [(images[i].astype(dtype), t[i]) for i in np.split(order, STEPS)[:steps]]

    def loss_of(x: Array, t: Array) -> Any:
        return fw.softmax_cross_entropy(model(fw.constant(x)), fw.constant(t))

    losses = train(fw, model, optimizer, loss_of, batches)
    with fw.test_mode(), fw.no_grad():
        return [*losses[:steps], fw.array(model(fw.constant(batches[0][0])))]


TRAINING = CLASSIFIER | {"inputs": [orders(1500, 8 * STEPS)], "shapes": ((),), "curve": STEPS, "quick": {"steps": 2}}
TRAINING_NORMALIZED = TRAINING | {key: TRAINED[key] for key in ("budget", "why_budget")}


@computation(**TRAINING)
def training_lenet(fw: Any, order: Any, steps: int = STEPS) -> Any:
    """Digits of 28 x 28: LeNet, Adam, batches of 8; logits afterwards"""
    return trained(fw, "lenet", order, steps, fw.Adam(0.002), 3, 2, 1)


@computation(**TRAINING)
def training_classic_lenet(fw: Any, order: Any, steps: int = STEPS) -> Any:
    """Digits of 28 x 28: LeNet with tanh and average pooling, momentum; logits afterwards"""
    return trained(fw, "classic lenet", order, steps, fw.MomentumSGD(0.02, 0.9), 3, 2, 1)


@computation(**TRAINING_NORMALIZED)
def training_a_small_resnet18(fw: Any, order: Any, steps: int = STEPS) -> Any:
    """Digits of 8 x 8: ResNet18 for small images, momentum, batches of 8; logits afterwards"""
    return trained(fw, "small resnet18", order, steps, fw.MomentumSGD(0.005, 0.9), 1, 0, 3)


@computation(**TRAINING_NORMALIZED)
def training_a_densenet(fw: Any, order: Any, steps: int = STEPS) -> Any:
    """Digits of 32 x 32: DenseNet with few layers, SGD, batches of 8; logits afterwards"""
    return trained(fw, "densenet", order, steps, fw.SGD(0.005), 4, 0, 3)
