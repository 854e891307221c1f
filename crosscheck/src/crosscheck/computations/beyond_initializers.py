"""Beyond the book: initializers, drawn from NumPy's generator in every framework, and layers that use them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import SHAPES_ONLY, normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .layers import pull
from .values import values

GIVEN: dict[str, Any] = {"inputs": [normal()], "order": 0, "shapes": ((3, 4),), "cases": SHAPES_ONLY}
MATRICES = (3, 4), (4, 3)
KERNELS = (4, 3, 2, 3), (2, 5, 3)
INITIALIZERS: dict[str, Callable[[Any], Any]] = {
    "Constant": lambda fw: fw.Constant(-0.3),
    "Zeros": lambda fw: fw.Zeros(),
    "Ones": lambda fw: fw.Ones(),
    "Normal": lambda fw: fw.Normal(),
    "Normal, both options": lambda fw: fw.Normal(2, 0.5),
    "Uniform": lambda fw: fw.Uniform(-0.1, 0.3),
    "Glorot": lambda fw: fw.Glorot(),
    "Xavier, both options": lambda fw: fw.Xavier(2.0, normal=True),
    "He": lambda fw: fw.He(),
    "Kaiming, all options": lambda fw: fw.Kaiming("fan_out", False, 0.3),
    "He, slope": lambda fw: fw.He(slope=0.2),
    "LeCun": lambda fw: fw.LeCun(),
    "LeCun, uniform": lambda fw: fw.LeCun(normal=False),
    "Orthogonal": lambda fw: fw.Orthogonal(),
    "Orthogonal, gain": lambda fw: fw.Orthogonal(1.5),
}


def drawn(fw: Any, initializer: Any, shapes: Any, dtype: Any) -> Iterator[Array]:
    """The values of an initializer for each shape, from a generator in the same state."""
    state = np.random.get_state()
    np.random.seed(7)
    try:
        for shape in shapes:
            yield np.array(fw.array(initializer(shape, dtype)))
    finally:
        np.random.set_state(state)


@computation(**BEYOND, **GIVEN)
def initializers(fw: Any, x: Any) -> Any:
    """Every initializer for matrices and for kernels of convolutions"""
    dtype = fw.array(x).dtype
    return [a for make in INITIALIZERS.values() for a in drawn(fw, make(fw), MATRICES + KERNELS, dtype)]


@computation(**BEYOND, **GIVEN)
def identity_and_bilinear(fw: Any, x: Any) -> Any:
    """Matrices with ones on the diagonal; kernels that interpolate, of even and odd sizes, also one per channel"""
    dtype = fw.array(x).dtype
    kernels = (2, 2, 4, 4), (3, 3, 3, 2), (1, 1, 5, 1), (4, 1, 4, 3)
    return [*drawn(fw, fw.Identity(), MATRICES, dtype), *drawn(fw, fw.Bilinear(), kernels, dtype)]


@computation(**BEYOND, order=0, dtypes=("float64",))
def truncated_normal(fw: Any) -> Any:
    """A truncated normal distribution: its range and, roughly, its standard deviation, for two widths"""
    found = []
    for initializer, cut, std in ((fw.TruncatedNormal(), 0.02, 0.0088), (fw.TruncatedNormal(2.0, 1.0), 2.0, 1.0793)):
        a = np.array(fw.array(initializer((100, 100))))
        found += [a.dtype == np.float32, 0.99 * cut < np.abs(a).max() <= cut, abs(a.std() / std - 1) < 0.05]
        found += [abs(a.mean()) < 0.05 * cut, len(np.unique(a)) > 5000]
    return np.array(found)


@computation(**BEYOND, **GIVEN)
def weights_of_a_model_initialized(fw: Any, x: Any) -> Any:
    """The weights of a network drawn again, the biases set, and the output; by names, and for deferred sizes"""
    dtype = fw.array(x).dtype
    model = fw.Sequential(fw.Linear(5, dtype=dtype), fw.tanh, fw.Linear(2, dtype=dtype, in_size=5))
    state = np.random.get_state()
    for names in ("*/W", "*/b"):
        np.random.seed(3)
        fw.initialize(model, fw.He() if names == "*/W" else fw.Constant(0.25), x, names=names)
    np.random.set_state(state)
    found = [np.array(a) for a in fw.weights(model)]
    y = model(x)
    pull(fw, y)
    return [*found, y, *(np.array(g) for g in fw.weight_gradients(model))]


# --- what PyTorch has no argument for ---


def ramp(shape: tuple[int, ...], dtype: Any = np.float32, *, fans: Any = None, rng: Any = None) -> Array:
    """An initializer of one's own: 0, 1, 2, ..., divided by the fans."""
    return (np.arange(math.prod(shape)).reshape(shape) / math.prod(fans or (1,))).astype(dtype)


def layers_drawn(fw: Any) -> list[Any]:
    """W and b of every layer with an initializer: its size given, or determined by the first call."""
    found = []
    images, rows = np.ones((1, 3, 4, 4)), np.ones((2, 3), np.float32)
    L = fw.layers
    for late, early, x in (
        (L.Linear(2, initializer=ramp), L.Linear(2, in_size=3, dtype=float, initializer=ramp), rows),
        (L.Conv2d(2, (3, 2), initializer=ramp), L.Conv2d(2, (3, 2), in_channels=3, initializer=ramp), images),
        (L.Deconv2d(2, (3, 2), initializer=ramp), L.Deconv2d(2, (3, 2), in_channels=3, initializer=ramp), images),
        (L.RNN(2, initializer=ramp), L.RNN(2, in_size=3, initializer=ramp), rows),
        (L.LSTM(2, initializer=ramp), L.LSTM(2, in_size=3, initializer=ramp), rows),
    ):
        late(x)
        found += [p.data for layer in (late, early) for p in layer.params()]
    return [*found, L.EmbedID(3, 2, initializer=ramp).W]


def expected_of_layers() -> list[Any]:
    """The same, by the shapes and fans."""

    def linear(dtype: Any = np.float32) -> list[Array]:
        return [ramp((3, 2), dtype), np.zeros(2, dtype)]

    def kernels(shape: tuple[int, ...]) -> list[Array]:
        return [ramp(shape, fans=(18, 12)), np.zeros(2, np.float32)]

    x2h, h2h = linear(), [ramp((2, 2))]
    return [
        *linear(), *linear(float), *kernels((2, 3, 3, 2)) * 2, *kernels((3, 2, 3, 2)) * 2, *(x2h + h2h) * 2,
        *(x2h * 4 + h2h * 4) * 2, ramp((3, 2)),
    ]  # fmt: skip


def left_as_it_was(fw: Any) -> list[Any]:
    """What `initialize` leaves alone: state, other parameters, NumPy's generator; and a generator of one's own."""
    model = fw.models.Sequential(fw.layers.RNN(2), fw.layers.Linear(2))
    model.l1.W = model.l0.h2h.W  # shared
    state = str(np.random.get_state())
    rng = np.random.Generator(np.random.PCG64(5))
    fw.initializers.initialize(model, fw.initializers.Uniform(0, 1), np.ones((1, 3)), rng=rng)
    same = state == str(np.random.get_state())
    x = np.array([[1.0, 2.0, 3.0]])
    fw.initializers.initialize(model.l0.x2h, ramp)
    return [model.l0.h, same, model.l0.x2h.W, model.l0.h2h.W, model.l1.b.data, model(x).shape, rng.random()]


def expected_to_be_left() -> list[Any]:
    rng = np.random.Generator(np.random.PCG64(5))
    rng.uniform(size=(3, 2))
    h2h = rng.uniform(size=(2, 2)).astype(np.float32)
    return [None, True, ramp((3, 2)), h2h, np.zeros(2, np.float32), (1, 2), rng.random()]


def fans_by_layer(fw: Any) -> list[Any]:
    """The fans with which `initialize` calls an initializer for each kind of layer."""
    given: list[Any] = []

    def note(shape: Any, dtype: Any, *, fans: Any, rng: Any) -> Array:
        given.append([list(shape), list(fans or ())])
        return np.zeros(shape, dtype)

    L = fw.layers
    layers = L.Conv2d(5, (3, 2), in_channels=4), L.Deconv2d(5, (3, 2), in_channels=4), L.Linear(2, in_size=7)
    fw.initializers.initialize(fw.models.Sequential(*layers), note)
    return given


values(
    60, "NumPy: PyTorch's layers have no such argument",
    ("layers_with_an_initializer", layers_drawn, expected_of_layers),
    ("initialize_leaves_the_rest", left_as_it_was, expected_to_be_left),
    ("fans_of_layers", fans_by_layer,
     lambda: [[[5, 4, 3, 2], [24, 30]], [[4, 5, 3, 2], [24, 30]], [[7, 2], []]]),
)  # fmt: skip


def deferred(fw: Any) -> Any:
    return fw.models.Sequential(fw.layers.Linear(2))


# fmt: off
errors(
    60,
    ("normal_with_a_negative_std", lambda fw: fw.Normal(-1)((2, 2)),
     ValueError, "Normal: expected std of at least 0, got -1", "normal_ takes it as it is"),
    ("truncated_normal_of_nothing", lambda fw: fw.TruncatedNormal(cut=0)((2, 2)),
     ValueError, "TruncatedNormal: expected cut above 0, got 0", "fills the tensor with zeros"),
    ("uniform_downwards", lambda fw: fw.initializers.Uniform(1, 0),
     ValueError, "Uniform: expected low to be at most high, got 1 and 0"),
    ("he_of_both_fans", lambda fw: fw.He("fan_avg")((2, 2)),
     ValueError, "He: expected mode 'fan_in' or 'fan_out', got 'fan_avg'"),
    ("he_of_a_vector", lambda fw: fw.He()((2,)),
     ValueError, "He: expected a shape with at least two axes, or fans, got (2,)"),
    ("orthogonal_vector", lambda fw: fw.Orthogonal()((2,)),
     ValueError, "Orthogonal: expected a shape with at least two axes, got (2,)"),
    ("identity_of_a_vector", lambda fw: fw.Identity()((2,)),
     ValueError, "Identity: expected a shape (in, out), got (2,)"),
    ("bilinear_between_channels", lambda fw: fw.Bilinear()((3, 2, 4, 4)),
     ValueError, "Bilinear: expected a shape (C, C, KH, KW) or (C, 1, KH, KW), got (3, 2, 4, 4)",
     "the adapter has no check"),
    ("initializer_that_is_a_class", lambda fw: fw.layers.Linear(2, initializer=fw.initializers.Zeros),
     TypeError, "Linear: expected an initializer such as He(), got <class ...Zeros'>"),
    ("initializer_of_another_shape",
     lambda fw: fw.layers.Linear(2, in_size=3, initializer=lambda *_, **__: np.zeros(2)),
     ValueError, "Linear: expected an initializer that returns an array (3, 2), got (2,)"),
    ("initialize_a_list", lambda fw: fw.initializers.initialize([], fw.initializers.Zeros()),
     TypeError, "initialize: expected a Layer or Model, got <class 'list'>"),
    ("initialize_unknown_names", lambda fw: fw.initializers.initialize(deferred(fw), ramp, names="weight"),
     ValueError, "initialize: expected names of ['l0/W', 'l0/b'], got 'weight'"),
    ("initialize_without_inputs", lambda fw: fw.initializers.initialize(deferred(fw), ramp),
     ValueError, "initialize: ['l0/W'] are uninitialized; pass inputs of the model with which it creates them"),
)
# fmt: on
