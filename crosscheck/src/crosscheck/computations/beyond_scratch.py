"""Beyond the book: Weidman's networks in `scratch`, in stage 5's own classes and in PyTorch, from the same weights."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import DEFAULT_SEED, SHAPES_ONLY, normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .mutants_functions import message
from .steps52_60 import drawing
from .values import values

EPOCHS, BATCH, SEED = 50, 8, 3
RUN: dict[str, Any] = {
    **BEYOND,
    "order": 0,
    "cases": SHAPES_ONLY - DEFAULT_SEED,
    "dtypes": ("float64",),
    "inputs": [normal()],
    "curve": EPOCHS,
    "quick": {"steps": 8},
}


def weights(*shapes: tuple[tuple[int, ...], tuple[int, ...], float]) -> list[Array]:
    """W and b of each layer (W only for a convolution), as `scratch` draws them: each layer from the same seed."""
    found = []
    for W, b, scale in shapes:
        rng = np.random.RandomState(SEED)
        found += [rng.normal(0, scale, shape) for shape in (W, b) if shape]
    return found


def epochs(count: int, data: Array, targets: Array) -> Iterator[list[tuple[Array, Array]]]:
    """The batches of each epoch in the order in which `scratch` draws them, after layers that draw nothing."""
    rng = np.random.RandomState(SEED)
    for _ in range(count):
        order = rng.permutation(len(data))
        data, targets = data[order], targets[order]
        yield [(data[i : i + BATCH], targets[i : i + BATCH]) for i in range(0, len(data), BATCH)]


def by_scratch(fw: Any, net: Any, optimizer: Any, count: int, data: Array, targets: Array) -> list[Array]:
    """The loss of the data after each epoch, and the parameters."""
    net.forward(data)  # draws the weights
    with contextlib.redirect_stdout(io.StringIO()):
        run = fw.scratch.Trainer(net, optimizer)
        losses = run.fit(data, targets, data, targets, count, 1, BATCH, SEED, restart=False, early_stopping=False)
    return [*map(np.array, losses), *net.params()]


def by_hand(
    fw: Any, model: Any, loss: Any, optimizer: Any, rate: Any, count: int, data: Array, targets: Array
) -> list[Array]:
    """The same by a loop with Variables or tensors. rate: epoch -> learning rate."""
    optimizer, losses = fw.setup(optimizer, model), []
    for epoch, batches in enumerate(epochs(count, data, targets)):
        fw.set_rate(optimizer, rate(epoch))
        for x, t in batches:
            fw.cleargrads(model)
            fw.backward(loss(model(fw.constant(x)), fw.constant(t)))
            fw.update(optimizer)
        losses.append(float(fw.array(loss(model(fw.constant(data)), fw.constant(targets)))))
    return [*map(np.array, losses), *(turned(np.array(a)) for a in fw.weights(model))]


def turned(a: Array) -> Array:
    """Weights between the layout of `scratch`, b (1, H) and kernels (C, OC, k, k), and that of layers."""
    if a.ndim == 4:
        return a.swapaxes(0, 1)
    return a[None] if a.ndim == 1 else a[0] if len(a) == 1 else a


def both(fw: Any, net: Callable[[Any], tuple[Any, Any]], layers: Any, start: Any, loss: Any, *run: Any) -> list[Array]:
    """The results of `scratch` and of the loop by hand; in PyTorch those of the loop twice."""
    made = None if fw.name == "torch" else net(fw.scratch)
    model = fw.Sequential(*layers)
    fw.set_weights(model, [turned(a) for a in start])
    with drawing(0):
        found = by_hand(fw, model, loss, *run)
        return [*(by_scratch(fw, *made, *run[-3:]) if made else found), *found]


@computation(**RUN, shapes=((16, 5),))
def scratch_regression(fw: Any, x: Any, steps: int = EPOCHS) -> Any:
    """A hidden layer of sigmoids and the mean squared error, by SGD"""
    data = fw.array(x)
    targets = np.sin(data.sum(axis=1, keepdims=True))

    def net(s: Any) -> Any:
        return s.NeuralNetwork([s.Dense(7, s.Sigmoid()), s.Dense(2)], s.MeanSquaredError(), SEED), s.SGD()

    start = weights(((5, 7), (1, 7), 1.0), ((7, 2), (1, 2), 1.0))
    layers = fw.Linear(7, in_size=5), fw.sigmoid, fw.Linear(2, in_size=7)
    run = fw.SGD(0.01), lambda epoch: 0.01, steps, data, np.hstack([targets, targets**2])
    return both(fw, net, layers, start, fw.mean_squared_error, *run)


@computation(**RUN, shapes=((16, 5),))
def scratch_classifier(fw: Any, x: Any, steps: int = EPOCHS) -> Any:
    """A hidden layer of tanh and softmax cross entropy, by AdaGrad with a learning rate that falls linearly"""

    def net(s: Any) -> Any:
        layers = [s.Dense(6, s.Tanh(), weight_init="glorot"), s.Dense(3, weight_init="glorot")]
        return s.NeuralNetwork(layers, s.SoftmaxCrossEntropy(), SEED), s.AdaGrad(0.1, 0.02, "linear")

    start = weights(((5, 6), (1, 6), np.sqrt(2 / 11)), ((6, 3), (1, 3), np.sqrt(2 / 9)))
    layers = fw.Linear(6, in_size=5), fw.tanh, fw.Linear(3, in_size=6)

    def rate(epoch: int) -> float:
        return 0.1 - epoch * 0.08 / (steps - 1)

    run = fw.AdaGrad(0.1, 1e-7), rate, steps, fw.array(x), np.eye(3)[np.arange(16) % 3]
    return both(fw, net, layers, start, fw.softmax_cross_entropy, *run)


@computation(**RUN, shapes=((16, 2, 4, 4),))
def scratch_images(fw: Any, x: Any, steps: int = EPOCHS) -> Any:
    """A convolution, relu and a Dense layer, by momentum"""

    def net(s: Any) -> Any:
        layers = [
            s.Conv2D(3, 3, weight_init="glorot", activation=s.ReLU()),
            s.Dense(2, conv_in=True, weight_init="glorot"),
        ]
        return s.NeuralNetwork(layers, s.SoftmaxCrossEntropy(), SEED), s.SGDMomentum(0.001)

    start = weights(((2, 3, 3, 3), (), np.sqrt(2 / 5)), ((48, 2), (1, 2), np.sqrt(2 / 50)))
    layers = fw.Conv2d(3, 3, 1, 1, True, np.float64, 2), fw.relu, flat(fw), fw.Linear(2, in_size=48)
    run = fw.MomentumSGD(0.001, 0.9), lambda epoch: 0.001, steps, fw.array(x), np.eye(2)[np.arange(16) % 2]
    return both(fw, net, layers, start, fw.softmax_cross_entropy, *run)


def flat(fw: Any) -> Any:
    """A function for Sequential that flattens images."""
    return lambda x: x.reshape(len(x), -1)


# --- values ---

FORMULA = "the documented formula in NumPy; PyTorch has no such function"
DATA = np.linspace(-1, 1, 12).reshape(4, 3)
TARGETS = np.array([[1.0], [0.0], [1.0], [0.5]])


def operations(fw: Any) -> Any:
    """Output, gradient of the input and gradient of the parameter of single operations."""
    s, found = fw.scratch, []
    for operation in (s.Linear(), s.Sigmoid(), s.Tanh(), s.ReLU(), s.Flatten()):
        found += [operation.forward(DATA), operation.backward(DATA + 2)]
    for operation in (s.WeightMultiply(DATA.T), s.BiasAdd(DATA[:1])):
        y = operation.forward(DATA)
        found += [y, operation.backward(y), operation.param_grad]
    cube = type("Cube", (s.Operation,), {"function": lambda self, x: x**3})()
    scale = type("Scale", (s.ParamOperation,), {"function": lambda self, x, p: x * p})(DATA)
    for operation in (cube, scale):
        found += [operation.forward(DATA), operation.backward(DATA)]
    s.assert_same_shape(DATA, DATA)
    images = np.ones((1, 1, 3, 3))
    y = s.Conv2D_Op(images).forward(images)
    dropout = s.Dropout()
    with drawing(0):
        kept = dropout.forward(DATA)
    return [*found, y, kept, dropout.backward(DATA), dropout.forward(DATA, inference=True)]


def expected_operations() -> Any:
    sigmoid, tanh, g = 1 / (1 + np.exp(-DATA)), np.tanh(DATA), DATA + 2
    found = [DATA, g, sigmoid, g * sigmoid * (1 - sigmoid), tanh, g * (1 - tanh**2)]
    found += [np.maximum(DATA, 0), np.where(DATA > 0, g, 0), DATA, g]
    product, total = DATA @ DATA.T, DATA + DATA[:1]
    found += [product, product @ DATA, DATA.T @ product, total, total, total.sum(axis=0, keepdims=True)]
    found_too = [DATA**3, 3 * DATA**3, DATA**2, DATA**2]
    counts = np.array([[4.0, 6, 4], [6, 9, 6], [4, 6, 4]])[None, None]
    mask = np.random.RandomState(0).binomial(1, 0.8, DATA.shape)
    return [*found, *found_too, counts, DATA * mask, DATA * mask, DATA * 0.8]


def losses(fw: Any) -> Any:
    """Values and gradients of the losses."""
    s, found = fw.scratch, []
    rows = np.abs(DATA) + 1
    for loss in (s.MeanSquaredError(), s.MeanSquaredError(normalize=True), s.SoftmaxCrossEntropy()):
        found += [loss.forward(rows, rows[::-1]), loss.backward()]
    absolute = type("Absolute", (s.Loss,), {"function": lambda self, x, t: fw.sum(x - t)})()
    return [*found, s.SoftmaxCrossEntropy().eps, absolute.forward(rows, DATA), absolute.backward()]


def expected_losses() -> Any:
    rows = np.abs(DATA) + 1
    t, sums = rows[::-1], rows.sum(axis=1, keepdims=True)
    found: list[Any] = [((rows - t) ** 2).sum() / 4, (rows - t) / 2]
    d = rows / sums - t
    found += [(d**2).sum() / 4, (d - (d * rows / sums).sum(axis=1, keepdims=True)) / sums / 2]
    p = np.exp(rows) / np.exp(rows).sum(axis=1, keepdims=True)
    return [
        *found,
        -(t * np.log(p)).sum() / 4,
        (p * t.sum(axis=1, keepdims=True) - t) / 4,
        1e-9,
        (rows - DATA).sum(),
        np.ones((4, 3)),
    ]


def optimizers(fw: Any) -> Any:
    """Three steps of each optimizer, with gradients g = p, and the learning rates of five epochs."""
    s, found = fw.scratch, []
    halved = type("Halved", (s.Optimizer,), {"_update_rule": lambda self, p, g, state: np.multiply(p, 0.5, p)})()
    for optimizer in (halved, s.SGD(), s.SGDMomentum(), s.SGDMomentum(0.1, momentum=0.5), s.AdaGrad()):
        p = np.array([1.0, -2.0])
        optimizer.net = Parameters(p)
        for _ in range(3):
            optimizer.step()
        found.append(p)
    for kind in ("exponential", "linear", None):
        optimizer = s.SGD(1.0, 1 / 16, kind)
        optimizer._setup_decay(5)
        for _ in range(4):
            found.append(optimizer.lr)
            optimizer._decay_lr()
        found.append(optimizer.lr)
    return found


class Parameters:
    """A network whose gradients are its parameters."""

    def __init__(self, p: Array):
        self.p = p

    def params(self) -> list[Array]:
        return [self.p]

    def param_grads(self) -> list[Array]:
        return [self.p.copy()]


def expected_optimizers() -> Any:
    found: list[Any] = [np.array([1.0, -2.0]) / 8, np.array([1.0, -2.0]) * 0.99**3]
    for lr, momentum in ((0.01, 0.9), (0.1, 0.5)):
        p, v = np.array([1.0, -2.0]), np.zeros(2)
        for _ in range(3):
            v = momentum * v + lr * p
            p = p - v
        found.append(p)
    p, squares = np.array([1.0, -2.0]), np.zeros(2)
    for _ in range(3):
        squares = squares + p**2
        p = p - 0.01 * p / (np.sqrt(squares) + 1e-7)
    return [*found, p, *(0.5**n for n in range(5)), *(1 - n * 15 / 64 for n in range(5)), *[1.0] * 5]


def fitted(fw: Any) -> Any:
    """What `fit` prints and returns: a run to its end, and one whose losses grow, which stops."""
    s, found, printed = fw.scratch, [], io.StringIO()
    with drawing(0), contextlib.redirect_stdout(printed):
        for lr, options in ((0.01, {}), (1.0, {"epochs": 20})):
            net = s.NeuralNetwork([s.Dense(1)], s.MeanSquaredError())
            run = s.Trainer(net, s.SGD(lr))
            losses = run.fit(DATA[:, :1], TARGETS, DATA[:, :1], TARGETS, **options)
            found += [np.array(losses), run.net is net, *run.net.params(), run.optim.lr]
    return [*found, printed.getvalue()]


def expected_fit() -> Any:
    found: list[Any] = []
    text = ""
    for lr, epochs in ((0.01, 100), (1.0, 20)):
        rng = np.random.RandomState(1)
        W, b = rng.normal(size=(1, 1)), rng.normal(size=(1, 1))
        losses, kept = [], (W, b)
        for epoch in range(1, epochs + 1):
            if epoch % 10 == 0:
                kept = W, b
            d = DATA[:, :1] @ W + b - TARGETS
            W, b = W - lr * DATA[:, :1].T @ d / 2, b - lr * d.sum(axis=0, keepdims=True) / 2
            if epoch % 10 == 0:
                losses.append(((DATA[:, :1] @ W + b - TARGETS) ** 2).sum() / 4)
                if lr == 0.01 or epoch == 10:
                    text += f"Validation loss after {epoch} epochs is {losses[-1]:.3f}\n"
        grows = lr > 0.5
        if grows:
            text += f"Loss increased after epoch 20, final loss was {losses[0]:.3f},\nusing the model from epoch 10\n"
        found += [np.array(losses), not grows, *(kept if grows else (W, b)), lr]
    return [*found, text]


def doubling(s: Any) -> Callable[[Any, Array], None]:
    """`_setup_layer` of a layer that multiplies by 2."""

    def setup(layer: Any, x: Array) -> None:
        layer.params = [2 * np.eye(x.shape[1])]
        layer.operations = [s.WeightMultiply(layer.params[0])]

    return setup


def passes(fw: Any) -> Any:
    """A network of every layer: its passes by hand, with dropout, at inference and in training."""
    s = fw.scratch
    layers = [s.Conv2D(2, 3, dropout=0.5, flatten=True), s.Dense(3, s.Tanh(), dropout=0.5), s.Dense(1)]
    net = s.NeuralNetwork(layers, s.MeanSquaredError(), 2)
    images = np.linspace(-1, 1, 32).reshape(2, 1, 4, 4)
    with drawing(0):
        first = net.train_batch(images, TARGETS[:2])
        y = net.forward(images, inference=True)
        net.loss.forward(y, TARGETS[:2])
        gx = net.backward(net.loss.backward())
    step = 1e-6 * np.cos(np.arange(32)).reshape(images.shape)
    ends = [net.loss.forward(net.forward(images + sign * step, True), TARGETS[:2]) for sign in (1, -1)]
    close = np.isclose((ends[0] - ends[1]) / 2, (gx * step).sum(), rtol=1e-5)
    doubled = type("Doubled", (s.Layer,), {"_setup_layer": doubling(s)})(1)
    shapes = [(a.shape, b.shape) for a, b in zip(net.params(), net.param_grads(), strict=True)]
    return [doubled.forward(DATA), first > 0, y.shape, gx.shape, shapes, close, [layer.first for layer in layers]]


def wrong_gradients(fw: Any) -> list[str]:
    """What is said of gradients of another shape: of outputs, and those that operations of the user compute."""
    s = fw.scratch
    layer, operation = s.Dense(2), s.Sigmoid()
    layer.forward(DATA)
    operation.forward(DATA)
    wide = type("Wide", (s.Operation,), {"function": lambda self, x: x, "_input_grad": lambda self, g: g[:1]})()
    thin = type("Thin", (s.ParamOperation,), {"function": lambda self, x, p: x * p, "_param_grad": lambda self, g: g})
    of_param = thin(DATA[:1])
    for each in (wide, of_param):
        each.forward(DATA)
    calls = (layer.backward, DATA), (operation.backward, DATA[:2]), (wide.backward, DATA), (of_param.backward, DATA)
    return [message(partial(call, gradient)) for call, gradient in calls]


SHAPES = ((4, 2), (4, 3)), ((4, 3), (2, 3)), ((4, 3), (1, 3)), ((1, 3), (4, 3))


def parts_of_layers(fw: Any) -> list[Any]:
    """The operations of layers, the input that they keep, and the seed of their network; defaults of an optimizer."""
    s, found = fw.scratch, []
    layers = [
        s.Conv2D(1, 1, dropout=0.5, flatten=True),
        s.Dense(2, conv_in=True, dropout=0.5),
        s.Dense(2),
        s.Conv2D(1, 1),
    ]
    x = np.ones((1, 1, 1, 1))
    layers[3].seed = 7
    for layer in layers:
        layer.forward(x if layer is not layers[2] else DATA)
        found.append([type(operation).__name__ for operation in layer.operations])
    momentum, new = s.SGDMomentum(decay_type="linear"), s.Dense(1)
    found += [[*new.params, *new.param_grads, *new.operations], layers[3].params[0]]
    return [found, layers[0].input_ is x, s.NeuralNetwork([], s.Loss(), 5).seed, momentum.final_lr]


PARTS = [["Conv2D_Op", "Linear", "Flatten", "Dropout"], ["Flatten", "WeightMultiply", "BiasAdd", "Linear", "Dropout"],
         ["WeightMultiply", "BiasAdd", "Linear"], ["Conv2D_Op", "Linear"]]  # fmt: skip


def again(fw: Any) -> list[Any]:
    """Whether a second training starts anew: with new weights, or with those of the first."""
    s, found = fw.scratch, []
    net = s.NeuralNetwork([s.Dense(2, s.Tanh()), s.Dense(1)], s.MeanSquaredError())
    run = s.Trainer(net, s.SGDMomentum())
    with drawing(0), contextlib.redirect_stdout(io.StringIO()):
        for restart in (True, True, False):
            found.append(run.fit(DATA, TARGETS, DATA, TARGETS, 3, 1, restart=restart, early_stopping=False))
    return [found[0] == found[1], found[2][0] < found[0][-1]]


def batches_of_three(fw: Any) -> list[Any]:
    """Whether each forward pass is of inference, in two epochs of a batch of three and one of one; the final rate."""
    s, found = fw.scratch, list[Any]()

    def forward(self: Any, x: Any, inference: bool = False) -> Any:
        found.append([len(x), inference])
        return s.Dense.forward(self, x, inference)

    net = s.NeuralNetwork([type("Spy", (s.Dense,), {"forward": forward})(1)], s.MeanSquaredError())
    run = s.Trainer(net, s.SGD(0.01, 0.001, "linear"))
    with drawing(0), contextlib.redirect_stdout(io.StringIO()):
        run.fit(DATA, TARGETS, DATA, TARGETS, 2, 2, 3)
    return [found, run.optim.lr]


# fmt: off
values(
    60, FORMULA,
    ("scratch_wrong_gradients", wrong_gradients, lambda: [
        f"ValueError: assert_same_shape: expected a gradient of shape {a}, got {b}" for a, b in SHAPES]),
    ("scratch_parts_of_layers", parts_of_layers, lambda: [
        *PARTS, np.random.RandomState(7).normal(size=(1, 1, 1, 1)), True, 5, 0]),
    ("scratch_trained_again", again, lambda: [True, True]),
    ("scratch_batches_of_three", batches_of_three, lambda: [*[[3, False], [1, False]] * 2, [4, True], 0.01]),
    ("scratch_operations", operations, expected_operations),
    ("scratch_losses", losses, expected_losses),
    ("scratch_optimizers", optimizers, expected_optimizers),
    ("scratch_trainer", fitted, expected_fit),
    ("scratch_passes", passes,
     lambda: [2 * DATA, True, (2, 1), (2, 1, 4, 4),
              [(shape, shape) for shape in ((1, 2, 3, 3), (32, 3), (1, 3), (3, 1), (1, 1))], True, [False] * 3]),
    since=5,
)
errors(
    60,
    ("scratch_shapes_that_differ", lambda fw: fw.scratch.assert_same_shape(DATA, DATA.T),
     ValueError, "assert_same_shape: expected a gradient of shape (4, 3), got (3, 4)"),
    ("scratch_operation_without_a_formula", lambda fw: fw.scratch.Operation().forward(DATA),
     NotImplementedError, "Operation has no function"),
    ("scratch_bias_of_one_axis", lambda fw: fw.scratch.BiasAdd(DATA[0]),
     ValueError, "BiasAdd: expected b (1, H), got (3,)"),
    ("scratch_dropout_of_everything", lambda fw: fw.scratch.Dropout(0),
     ValueError, "Dropout: expected 0 < keep_prob <= 1, got 0"),
    ("scratch_layer_without_operations", lambda fw: fw.scratch.Layer(2).forward(DATA),
     NotImplementedError, "Layer has no _setup_layer"),
    ("scratch_convolution_of_even_size", lambda fw: fw.scratch.Conv2D(2, 4),
     ValueError, "Conv2D: expected an odd param_size, got 4"),
    ("scratch_weights_of_he", lambda fw: fw.scratch.Dense(2, weight_init="he"),
     ValueError, "Dense: expected weight_init 'standard' or 'glorot', got 'he'"),
    ("scratch_targets_of_another_shape", lambda fw: fw.scratch.MeanSquaredError().forward(DATA, DATA[0]),
     ValueError, "MeanSquaredError: expected targets of shape (4, 3), got (3,)"),
    ("scratch_loss_without_a_formula", lambda fw: fw.scratch.Loss().forward(DATA, DATA),
     NotImplementedError, "Loss has no function"),
    ("scratch_decay_of_another_type", lambda fw: fw.scratch.SGD(decay_type="cosine"),
     ValueError, "SGD: expected decay_type 'exponential', 'linear' or None, got 'cosine'"),
    ("scratch_optimizer_without_a_rule", lambda fw: step_without_a_rule(fw),
     NotImplementedError, "Optimizer has no _update_rule"),
    since=5,
)
# fmt: on


def step_without_a_rule(fw: Any) -> None:
    """A step of the base class."""
    optimizer = fw.scratch.Optimizer()
    optimizer.net = Parameters(DATA)
    optimizer.step()
