"""Beyond the book: detection, segmentation, and models without labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DIFFERENCES, SHAPES_ONLY, normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .layers import fixed
from .states import with_gradients
from .steps37_41 import ones, shaped


def with_weights(fw: Any, model: Any, *inputs: Any) -> Any:
    """A model with fixed weights, a tenth as large as those of a layer; inputs determine its shapes."""
    if fw.name != "torch":
        model(*inputs)
    like = fw.array(inputs[0])
    fw.set_weights(model, [0.1 * a for a in fixed(like, *(tuple(w.shape) for w in fw.weights(model)))])
    return model


def pixels(*shape: int) -> Any:
    """Numbers from 0 to 1."""
    return np.random.default_rng(0).uniform(size=shape)


@computation(**BEYOND, order=0, dtypes=("float64",), quick={"width": 64})
def tiny_ssd(fw: Any, width: int = 96) -> Any:
    """Anchors, scores, offsets and all gradients of TinySSD at inference, for an image of 64 x 96"""
    x, model = fw.constant(pixels(1, 3, 64, width)), fw.TinySSD()
    if fw.name == "torch":
        model.eval()
    with fw.test_mode():
        model = with_weights(fw, model, x)
        anchors, scores, offsets = model(x)
        shapes = [np.array(features.shape) for features in model.maps(x)]
        y = fw.concat([fw.reshape(scores, (-1,)), fw.reshape(offsets, (-1,))])
        return [np.array(fw.array(anchors)), *with_gradients(fw, model, y), *shapes]


@computation(
    **BEYOND, inputs=[normal(), shaped(lambda s: (*s[:2], 4))], shapes=((2, 5, 3), (1, 4, 2)), cases=SHAPES_ONLY
)
def ssd_loss(fw: Any, scores: Any, offsets: Any) -> Any:
    """The loss of all anchors, and with hard negative mining, with both losses of offsets"""
    N, M, C = scores.shape
    labels = np.arange(N * M).reshape(N, M) ** 2 % 5 % C
    labels[-1] = 0  # an image without objects, if there is another
    labels[0, 1] = 1
    dtype = fw.array(scores).dtype
    targets = fw.constant(np.cos(np.arange(4.0 * N * M)).reshape(N, 4 * M).astype(dtype))
    mask = fw.constant(np.repeat(labels > 0, 4, axis=1).astype(dtype))
    known = (fw.constant(labels), targets, mask)
    return [
        fw.ssd_loss(scores, offsets, *known),
        fw.ssd_loss(scores * scores, offsets, *known, box="smooth_l1", negatives=3),
        fw.ssd_loss(scores * 2, offsets, *known, negatives=1),
    ]


@computation(**BEYOND, inputs=[normal()], shapes=((2, 2, 8, 4),), order=0, cases=SHAPES_ONLY - DIFFERENCES)
def fcn(fw: Any, x: Any) -> Any:
    """An FCN with a trunk that divides the sides by 4: its first weights, output and gradients"""
    trunk = fw.Sequential(fw.Conv2d(3, 3, 2, 1, in_channels=2), fw.relu, fw.Conv2d(3, 3, 2, 1, in_channels=3))
    model = fw.FCN(trunk, 2, 4, channels=3) if fw.name == "torch" else fw.FCN(trunk, 2, stride=4)
    first = np.array(fw.weights(model)[-2], np.float64)  # before the first call
    large = fw.FCN(trunk, 2, channels=3) if fw.name == "torch" else fw.FCN(trunk, 2)
    model = with_weights(fw, model, x)
    return [first, *with_gradients(fw, model, model(x)), np.array(fw.weights(large)[-2].shape)]


@computation(**BEYOND, order=0, dtypes=("float64",))
def bilinear_kernel(fw: Any) -> Any:
    """Kernels of odd and even sizes, and of one channel each"""
    return [np.array(fw.array(fw.bilinear_kernel(*sizes))) for sizes in ((2, 2, 4), (3, 3, 5), (3, 1, 2))]


@computation(**BEYOND, inputs=[normal()], shapes=((3, 5),), order=0, cases=SHAPES_ONLY - DIFFERENCES)
def autoencoder(fw: Any, x: Any) -> Any:
    """Codes, reconstructions, losses and gradients of an Autoencoder, also sparse"""
    found = []
    for model in (fw.Autoencoder((5, 2)), fw.Autoencoder((5, 4, 2), fw.tanh, sparse=0.3)):
        model = with_weights(fw, model, x)
        code = model.encode(x)
        found += [np.array(fw.array(y)) for y in (code, model.decode(code), model(x))]
        found += with_gradients(fw, model, model.loss(x))
    return found


@computation(**BEYOND, inputs=[normal()], shapes=((1, 2, 4, 4),), cases=SHAPES_ONLY)
def fcn_of_images(fw: Any, x: Any) -> Any:
    """The logits of an FCN as a function of the image, to second order"""
    trunk = fw.Sequential(fw.Conv2d(3, 3, 2, 1, in_channels=2), fw.tanh)
    model = fw.FCN(trunk, 2, 2, channels=3) if fw.name == "torch" else fw.FCN(trunk, 2, stride=2)
    return with_weights(fw, model, x)(x)


@computation(**BEYOND, inputs=[normal()], shapes=((3, 5),), cases=SHAPES_ONLY)
def loss_of_images(fw: Any, x: Any) -> Any:
    """The loss of an Autoencoder as a function of the image, to second order"""
    return with_weights(fw, fw.Autoencoder((5, 4, 2), fw.tanh, sparse=0.3), x).loss(x)


@computation(**BEYOND, order=0, dtypes=("float64",))
def conv_autoencoder(fw: Any) -> Any:
    """Code, reconstruction, loss and gradients of a ConvAutoencoder, and the shapes of the default one"""
    x = fw.constant(pixels(2, 1, 4, 6))
    model = with_weights(fw, fw.ConvAutoencoder(3, (4, 6)), x)
    code = model.encode(x)
    found = [np.array(fw.array(y)) for y in (code, model.decode(code))] + with_gradients(fw, model, model.loss(x))
    return found + [np.array(w.shape) for w in fw.weights(fw.ConvAutoencoder())]


@computation(**BEYOND, order=0, dtypes=("float64",))
def variational_autoencoder(fw: Any) -> Any:
    """Codes, images, both terms of the loss and gradients of a VAE"""
    x, eps = fw.constant(pixels(3, 1, 4, 4)), fw.constant(np.cos(np.arange(6.0)).reshape(3, 2))
    found = []
    for options in ({"hidden": 5, "deviation": 0.5}, {}):
        model = with_weights(fw, fw.VAE(4, 2, **options), x, eps)
        found += [np.array(fw.array(y)) for y in (*model.encode(x), model.decode(eps))]
        error, kl = model(x, eps)
        found += [np.array(fw.array(error)), np.array(fw.array(kl)), *with_gradients(fw, model, error + kl)]
    if fw.name != "torch":
        np.random.seed(0)
        loss = float(fw.array(model.loss(x)))
        np.random.seed(0)
        assert loss == sum(float(fw.array(y)) for y in model(x, np.random.randn(3, 2)))
    return found


@computation(**BEYOND, order=0, dtypes=("float64",))
def fused_batch_norms(fw: Any) -> Any:
    """A model at inference, and in the stages its copy without batch norms"""
    x = fw.constant(pixels(5, 2, 4, 3))
    layers = [fw.Conv2d(3, 2, in_channels=2), fw.flatten, fw.Linear(4, in_size=18)]
    norms = (
        [fw.BatchNorm((5, 3, 3, 2)), fw.BatchNorm((5, 4))] if fw.name == "torch" else [fw.BatchNorm(), fw.BatchNorm()]
    )
    model = with_weights(fw, fw.Sequential(layers[0], norms[0], fw.relu, *layers[1:], norms[1]), x)
    if fw.name == "torch":
        for norm in norms:
            norm.reset_running_stats()
    else:
        for norm in norms:
            norm.avg_mean.data[...], norm.avg_var.data[...] = 0, 1
    for _ in range(3):
        model(x)
    if fw.name == "torch":
        return model.eval()(x)
    with fw.test_mode():
        return fw.array(fw.training.fuse(model)(x))


# fmt: off
errors(
    60,
    ("tiny_ssd_of_a_tiny_image", lambda fw: fw.models.TinySSD()(ones(fw, 1, 3, 63, 64)),
     ValueError, "TinySSD: expected x (N, C, H, W) with sides of at least 64, got (1, 3, 63, 64)"),
    ("ssd_loss_of_other_labels",
     lambda fw: fw.models.ssd_loss(ones(fw, 1, 2, 3), ones(fw, 1, 2, 4), np.zeros((1, 3), int), *np.ones((2, 1, 8))),
     ValueError, "ssd_loss: expected scores (N, M, C), labels (N, M) and N M 4 offsets, targets and mask, "
                 "got (1, 2, 3), (1, 3), (1, 2, 4), (1, 8), (1, 8)"),
    ("ssd_loss_of_another_kind",
     lambda fw: fw.models.ssd_loss(ones(fw, 1, 2, 3), ones(fw, 1, 2, 4), np.zeros((1, 2), int), *np.ones((2, 1, 8)),
                                   box="l2"),
     ValueError, "ssd_loss: expected box 'l1' or 'smooth_l1', got 'l2'"),
    ("fcn_of_odd_sides", lambda fw: fw.models.FCN(fw.relu, 2, 4)(ones(fw, 1, 2, 6, 8)),
     ValueError, "FCN: expected x (N, C, H, W) with sides that 4 divides, such as (8, 8), got (1, 2, 6, 8)"),
    ("fcn_of_another_stride", lambda fw: fw.models.FCN(fw.relu, 2, 4)(ones(fw, 1, 2, 8, 8)),
     ValueError, "FCN: expected a trunk that makes maps of (2, 2) from x (1, 2, 8, 8), got (1, 2, 8, 8)"),
    ("autoencoder_with_negative_noise", lambda fw: fw.models.Autoencoder((3, 2), noise=-1.0),
     ValueError, "Autoencoder: expected sparse and noise of at least 0, got 0.0, -1.0"),
    ("autoencoder_of_one_size", lambda fw: fw.models.Autoencoder((3,)),
     ValueError, "Autoencoder: expected at least two sizes, got (3,)"),
    ("autoencoder_of_exact_pixels", lambda fw: fw.models.VAE(2, 1, deviation=0.0),
     ValueError, "VAE: expected a deviation above 0, got 0.0"),
    ("fcn_without_a_trunk", lambda fw: fw.models.FCN(None, 2),
     TypeError, "FCN: expected a model, a layer or a function as the trunk, got None"),
    ("fuse_an_uninitialized_model",
     lambda fw: fw.training.fuse(fw.Sequential(fw.Linear(2), fw.layers.BatchNorm())),
     ValueError, "fuse: expected a model whose layers are initialized; call it once first"),
)
# fmt: on
