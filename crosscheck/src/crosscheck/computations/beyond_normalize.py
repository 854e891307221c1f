"""Beyond the book: layer norm, local response norm, and variants of batch norm."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DEEP, DEFAULT_SEED, DIFFERENCES, FLOATS, SHAPES_ONLY, normal, uniform
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .layers import fixed
from .states import LAYER, with_gradients
from .steps37_41 import ones, shaped

LAST = [normal(), shaped(lambda s: s[1:]), shaped(lambda s: s[1:])]


@computation(**BEYOND, inputs=LAST, shapes=((3, 4), (2, 3, 2), (0, 3)), cases=FLOATS - DEEP)
def layer_norm(fw: Any, x: Any, gamma: Any, beta: Any) -> Any:  # PyTorch's third derivative is wrong
    """All axes but the first normalized together, with each of gamma and beta, and the last one alone"""
    y = x * x
    return [
        fw.layer_norm(x, gamma, beta),
        fw.layer_norm(y, gamma),
        fw.layer_norm(y, beta=beta, eps=0.1),
        fw.layer_norm(y, eps=0.2),
    ]


@computation(**BEYOND, inputs=[normal()], shapes=((2, 1100),), order=1, cases=SHAPES_ONLY)
def layer_norm_of_long_rows(fw: Any, x: Any) -> Any:
    """Rows whose sums are made of parts, with constant gamma"""
    return fw.layer_norm(x, fw.constant(np.linspace(0.5, 1.5, 1100).astype(fw.array(x).dtype)))


@computation(**BEYOND, shapes=((3, 4), (2, 3, 2)), order=0, **LAYER, cases=SHAPES_ONLY)
def layer_norm_layer(fw: Any, x: Any) -> Any:
    """LayerNorm of one axis and of more: outputs and all gradients"""
    found: list[Any] = []
    for ndim in range(1, len(x.shape)):
        shape = tuple(x.shape[-ndim:])
        if fw.name == "torch":
            layer = fw.LayerNorm(shape=shape)
        else:
            layer = fw.LayerNorm() if ndim == 1 else fw.LayerNorm(ndim, eps=1e-5)
        fw.set_weights(layer, fixed(fw.array(x), shape, shape))
        y = layer(fw.Variable(np.array(fw.array(x))))
        found += with_gradients(fw, layer, y * y)
    return found


@computation(**BEYOND, inputs=[normal(2.0)], shapes=((2, 6, 3), (1, 3, 2, 2), (0, 2, 3)), cases=SHAPES_ONLY)
def local_response_norm(fw: Any, x: Any) -> Any:
    """Odd and even numbers of neighbors, and more than there are channels"""
    f = fw.local_response_norm
    return [f(x), f(x, 2, 0.5, 0.6, 2.0), f(x, 3, alpha=1.0), f(x, 9, beta=0.5)]


@computation(
    **BEYOND,
    inputs=[normal(), *[shaped(lambda s: s[1:2])] * 2],
    shapes=((5, 4), (2, 3, 2)),
    cases=SHAPES_ONLY - DEEP - DEFAULT_SEED,
)
def moving_batch_norm(fw: Any, x: Any, gamma: Any, beta: Any) -> Any:  # PyTorch's third derivative is wrong
    """In training, in any mode"""
    with fw.test_mode():
        mean, var = (fw.constant(f(x.shape[1], fw.array(x).dtype)) for f in (np.zeros, np.ones))
        return fw.moving_batch_norm(x, gamma, beta, mean, var)


@computation(**BEYOND, inputs=[normal()], shapes=((5, 4),), order=0, cases=SHAPES_ONLY - DIFFERENCES)
def running_statistics_of_three_calls(fw: Any, x: Any) -> Any:
    """Three calls each: with a decay, with means over all calls, and with a warm-up"""
    found, dtype = [], fw.array(x).dtype
    for options in ({"decay": 0.8}, {"decay": None}, {"decay": 0.3}):
        mean, var, gamma, beta = (fw.constant(f(4, dtype)) for f in (np.zeros, np.ones, np.ones, np.zeros))
        updates = fw.constant(np.zeros((), int))
        counted = {} if options["decay"] == 0.8 else {"updates": updates}
        for i in range(3):
            fw.moving_batch_norm(x * (i + 1) + i, gamma, beta, mean, var, **options, **counted)
        found += [np.array(fw.array(v)) for v in (mean, var, updates)]
    return found


def batch_norms(fw: Any, shape: Any, **options: Any) -> Any:
    """A BatchNorm layer."""
    return fw.BatchNorm(shape, **options) if fw.name == "torch" else fw.BatchNorm(**options)


@computation(**BEYOND, order=0, dtypes=("float32",))
def batch_norm_layers(fw: Any) -> Any:
    """50 calls in training, then one at inference, of layers with every option"""
    found = []
    x = np.random.default_rng(0).standard_normal((51, 6, 3)).astype(np.float32) + 2
    kinds: list[dict[str, Any]] = [{"eps": 0.1, "decay": 0.7}, {"decay": None}, {"warmup": True}, {"affine": False}]
    for options in kinds:
        layer = batch_norms(fw, (6, 3), **options)
        found += [layer(fw.constant(a)) for a in x[:50]][::7]
        if fw.name == "torch":
            layer.eval()
        with fw.test_mode():
            found.append(layer(fw.constant(x[50])))
    return found


@computation(
    **BEYOND,
    inputs=[
        normal(),
        *(shaped(lambda s: s[:1], numbers) for numbers in (normal(), normal(), normal(), uniform(0.5, 2))),
    ],
    shapes=((3, 2, 2, 2), (2, 3)),
    cases=SHAPES_ONLY,
)
def fold_batch_norm(fw: Any, W: Any, gamma: Any, beta: Any, mean: Any, var: Any) -> Any:
    """Weights with and without a bias; the channels along the second axis"""
    W_t = fw.swapaxes(W, 0, 1)
    return [
        *fw.fold_batch_norm(W, beta, gamma, beta, mean, var),
        *fw.fold_batch_norm(W_t, None, gamma, beta, mean, var, eps=0.1, axis=1),
    ]


# fmt: off
errors(
    60,
    ("layer_norm_with_parameters_of_another_shape", lambda fw: fw.layer_norm(ones(fw, 2, 3), ones(fw, 2)),
     ValueError, "layer_norm: expected gamma and beta in the shape of the last axes of x, with elements, "
                 "got x (2, 3), gamma (2,), beta (2,)"),
    ("local_response_norm_of_no_channels", lambda fw: fw.local_response_norm(ones(fw, 1, 3, 2), 0),
     ValueError, "local_response_norm: expected x (N, C, ...) and a size of at least 1, got (1, 3, 2), 0"),
    ("fold_batch_norm_of_other_channels", lambda fw: fw.fold_batch_norm(ones(fw, 4, 3), None, *(ones(fw, 3),) * 4),
     ValueError, "fold_batch_norm: expected a number for each of (4,) output channels of W, got (3,), ..."),
    ("moving_batch_norm_that_does_not_count",
     lambda fw: fw.moving_batch_norm(ones(fw, 2, 3), *(ones(fw, 3),) * 4, None),
     ValueError, "moving_batch_norm: expected updates, to count the calls, with decay None"),
    ("batch_norm_with_a_decay_of_two", lambda fw: batch_norms(fw, (2, 3), decay=2),
     ValueError, "BatchNorm: expected a decay from 0 to 1, or None without warmup, got 2", "accepts any momentum"),
    ("layer_norm_layer_of_no_axes", lambda fw: fw.layers.LayerNorm(0),
     ValueError, "LayerNorm: expected a positive number of axes, got 0"),
    ("layer_norm_layer_of_too_few_axes", lambda fw: fw.layers.LayerNorm(3)(ones(fw, 2, 3)),
     ValueError, "LayerNorm: expected x with 3 axes to normalize, with elements, got (2, 3)"),
)
# fmt: on
