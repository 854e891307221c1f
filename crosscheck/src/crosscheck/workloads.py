"""What `crosscheck bench` times. Most workloads are the body of a computation, with inputs of a size."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .computations.steps11_24 import added, goldstein_price, operators
from .frameworks import Framework
from .frameworks.base import Array

Work = Callable[[], object]
Arrays = Callable[[], Sequence[Array]]


@dataclass(frozen=True)
class Workload:
    """A name, the first stage that supports it, and a function that builds the work for a framework.

    memory: a training step, whose peak memory is compared as well. book: the published original supports it.
    """

    name: str
    since: int
    build: Callable[[Framework], Work]
    memory: bool = False
    book: bool = True


WORKLOADS: list[Workload] = []


def workload(since: int, **options: bool) -> Callable[[Callable[[Any], Work]], Callable[[Any], Work]]:
    """Register the builder below, under its name."""

    def register(build: Callable[[Any], Work]) -> Callable[[Any], Work]:
        WORKLOADS.append(Workload(build.__name__, since, build, **options))
        return build

    return register


def timed(
    since: int,
    inputs: Arrays,
    constants: Arrays = lambda: (),
    order: int = 1,
    name: str | None = None,
    memory: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the computation below: forward, and backward `order` times with the default initial gradient.

    Its arguments are the framework, new variables with the inputs, and constants.
    """

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        def build(fw: Any) -> Work:
            arrays, given = inputs(), [fw.constant(a) for a in constants()]

            def work() -> object:
                leaves = [fw.Variable(a) for a in arrays]
                y, found = body(fw, *leaves, *given), []
                for left in range(order - 1, -1, -1):
                    found = fw.gradients([y], leaves, None, create_graph=left > 0)
                    y = found[0]
                return found if order else y

            return work

        WORKLOADS.append(Workload(name or body.__name__, since, build, memory))
        return body

    return register


def number(*values: float) -> Arrays:
    """0-d arrays."""
    return lambda: [np.array(value) for value in values]


@timed(since=1, inputs=number(1.0))
def chain_of_100_squares(fw: Any, x: Any) -> Any:
    """100 squares in a chain, 0-d: what an operation costs"""
    for _ in range(100):
        x = fw.square(x)
    return x


@timed(since=1, inputs=lambda: [np.linspace(-1.0, 1.0, 1_000_000)])
def exp_of_square_of_1000000(fw: Any, x: Any) -> Any:
    """exp(square(x)) of 1,000,000 elements: what the arrays cost"""
    return fw.exp(fw.square(x))


timed(since=2, inputs=number(1.0, 1.0))(goldstein_price)  # 38 functions, 0-d


@workload(since=2)
def rosenbrock_descent(fw: Any) -> Work:
    """1,000 steps of gradient descent on the Rosenbrock function"""

    def work() -> object:
        x0, x1 = fw.Variable(np.array(0.0)), fw.Variable(np.array(2.0))
        for _ in range(1000):
            y = 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2
            for x, gx in zip((x0, x1), fw.gradients([y], [x0, x1], None), strict=True):
                x.data = x.data - 0.001 * (gx if isinstance(gx, np.ndarray) else gx.data)
        return x0.data, x1.data

    return work


timed(since=2, inputs=number(1.0), name="chain_of_1000_operators")(lambda fw, x: operators(x, 500))
timed(since=2, inputs=number(1.0), name="sum_of_4000_terms")(lambda fw, x: added(x, 4000))


@timed(since=3, inputs=number(1.0), order=7)
def seventh_derivative_of_sin(fw: Any, x: Any) -> Any:
    """The seventh derivative of sin, each by backpropagation through the one before"""
    return fw.sin(x)


@timed(since=3, inputs=number(1.0), order=5)
def fifth_derivative_of_tanh(fw: Any, x: Any) -> Any:
    """The fifth derivative of tanh"""
    return fw.tanh(x)


# --- tensors and training, in float32 ---


def normals(*shape: int, seed: int = 0) -> Array:
    """Normally distributed float32 numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def classes(n: int, count: int) -> Array:
    """n labels."""
    return np.random.default_rng(1).integers(0, count, n)


def training_step(fw: Any, model: Any, rule: Any) -> Callable[[Any, Any], object]:
    """One training step: logits, loss, gradients, update."""
    loss, cleargrads, backward, update = fw.softmax_cross_entropy, fw.cleargrads, fw.backward, fw.update
    optimizer: Any = None

    def step(x: Any, t: Any) -> object:
        nonlocal optimizer
        y = loss(model(x), t)
        if optimizer is None:  # now the model is initialized
            optimizer = fw.setup(rule, model)
        cleargrads(model)
        backward(y)
        update(optimizer)
        return y

    return step


def mnist_step(fw: Any, sizes: Sequence[int], activation: Any, rule: Any) -> Work:
    """A training step on a batch of 100 images of 28 x 28."""
    step = training_step(fw, fw.MLP(tuple(sizes), activation), rule)
    x, t = fw.constant(normals(100, 784)), fw.constant(classes(100, 10))
    return lambda: step(x, t)


@workload(since=4)
def mlp_784_10_10_sgd(fw: Any) -> Work:
    """A training step of a small network with sigmoid: batch 100"""
    return mnist_step(fw, (10, 10), fw.sigmoid, fw.SGD(0.01))


@workload(since=4, memory=True)
def mlp_784_1000_10_sgd(fw: Any) -> Work:
    """A training step of step 51's network with sigmoid: batch 100"""
    return mnist_step(fw, (1000, 10), fw.sigmoid, fw.SGD(0.01))


@workload(since=4, memory=True)
def mlp_784_1000_1000_10_adam(fw: Any) -> Work:
    """A training step of step 51's second network with ReLU: batch 100"""
    return mnist_step(fw, (1000, 1000, 10), fw.relu, fw.Adam())


@timed(since=4, inputs=lambda: [normals(256, 10000)], constants=lambda: [classes(256, 10000)], memory=True)
def softmax_cross_entropy_256_10000(fw: Any, x: Any, t: Any) -> Any:
    """The loss of 10,000 classes and its gradient"""
    return fw.softmax_cross_entropy(x, t)


@timed(since=4, inputs=lambda: [normals(128, 128, seed=i) * 0.1 for i in range(8)])
def matmul_chain(fw: Any, *matrices: Any) -> Any:
    """A product of eight matrices of 128 x 128"""
    return functools.reduce(fw.matmul, matrices)


@timed(since=4, inputs=lambda: [normals(256, 1024), normals(1024, seed=1)])
def broadcasting_256x1024_and_1024(fw: Any, x: Any, b: Any) -> Any:
    """(256, 1024) and (1024,): sum, product, difference and quotient"""
    return ((x + b) * b - x) / (b * b + 2.0)


@timed(since=4, inputs=lambda: [normals(1000, 64)], constants=lambda: [classes(5000, 1000)])
def get_item_with_repeats(fw: Any, x: Any, rows: Any) -> Any:
    """5,000 rows of a table (1000, 64), many repeated"""
    return fw.get_item(x, rows)


class Pictures:
    """As many images as the training set of Digits, preprocessed one by one."""

    def __init__(self) -> None:
        self.images = np.random.default_rng(0).integers(0, 17, (1500, 1, 8, 8)).astype(np.uint8)
        self.labels = classes(1500, 10)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Array, int]:
        if i >= len(self):
            raise IndexError(i)
        return self.images[i].reshape(-1).astype(np.float32) / 16, int(self.labels[i])


@workload(since=4)
def epoch_of_digits(fw: Any) -> Work:
    """1,500 images of 8 x 8 in shuffled batches of 100, loaded and trained on: 64-100-10, ReLU, Adam"""
    step = training_step(fw, fw.MLP((100, 10), fw.relu), fw.Adam())
    loader = fw.DataLoader(Pictures(), 100, True)

    def work() -> object:
        for x, t in loader:
            step(x, t)
        return loader

    return work


# --- images and sequences, in float32 ---


# name: N, C, H, K, OC, padding. A layer at the beginning of a small network, one inside, and one of VGG16.
CONVOLUTIONS = {
    "conv_32x1x28x28_k5_oc30": (32, 1, 28, 5, 30, 0),
    "conv_32x64x28x28_k3_oc64": (32, 64, 28, 3, 64, 1),
    "conv_1x256x56x56_k3_oc256": (1, 256, 56, 3, 256, 1),
}


def convolution(name: str, N: int, C: int, H: int, K: int, OC: int, padding: int) -> None:
    """Square images and a square kernel: forward, then also backward to all three inputs."""

    def inputs() -> list[Array]:
        return [normals(N, C, H, H), normals(OC, C, K, K, seed=1) * 0.1, normals(OC, seed=2)]

    def body(fw: Any, x: Any, W: Any, b: Any) -> Any:
        return fw.conv2d(x, W, b, 1, padding)

    timed(5, inputs, order=0, name=f"{name}_forward")(body)
    timed(5, inputs, name=name, memory=C > 1)(body)


for name, sizes in CONVOLUTIONS.items():
    convolution(name, *sizes)


# name: shapes of x and W, and other arguments. What PyTorch's kernels for the usual convolution do not cover.
OTHER_CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, int]]] = {
    "conv_grouped_32x64x28x28_k3_g4": ((32, 64, 28, 28), (64, 16, 3, 3), {"pad": 1, "groups": 4}),
    "conv_grouped_8x128x28x28_k3_g32": ((8, 128, 28, 28), (128, 4, 3, 3), {"pad": 1, "groups": 32}),
    "conv_depthwise_32x64x28x28_k3": ((32, 64, 28, 28), (64, 1, 3, 3), {"pad": 1, "groups": 64}),
    "conv_depthwise_1x32x112x112_k3": ((1, 32, 112, 112), (32, 1, 3, 3), {"pad": 1, "groups": 32}),
    "conv_dilated_32x64x28x28_k3_d2": ((32, 64, 28, 28), (64, 64, 3, 3), {"pad": 2, "dilation": 2}),
    "conv1d_32x64x500_k3_oc64": ((32, 64, 500), (64, 64, 3), {"pad": 1}),
}


def other_convolution(name: str, x_shape: tuple[int, ...], W_shape: tuple[int, ...], sizes: dict[str, int]) -> None:
    """Forward, then also backward to both inputs."""

    def inputs() -> list[Array]:
        return [normals(*x_shape), normals(*W_shape, seed=1) * 0.1]

    def body(fw: Any, x: Any, W: Any) -> Any:
        return (fw.conv1d if len(x_shape) == 3 else fw.conv2d)(x, W, **sizes)

    timed(5, inputs, order=0, name=f"{name}_forward")(body)
    timed(5, inputs, name=name)(body)


for name, other in OTHER_CONVOLUTIONS.items():
    other_convolution(name, *other)


@timed(since=5, inputs=lambda: [normals(32, 64, 28, 28)])
def max_pooling_32x64x28x28(fw: Any, x: Any) -> Any:
    """2 x 2 windows with stride 2"""
    return fw.pooling(x, 2, 2)


@timed(
    since=5,
    inputs=lambda: [normals(32, 64, 28, 28), normals(64, seed=1), normals(64, seed=2)],
    constants=lambda: [np.zeros(64, np.float32), np.ones(64, np.float32)],
    memory=True,
)
def batch_norm_32x64x28x28(fw: Any, x: Any, gamma: Any, beta: Any, mean: Any, var: Any) -> Any:
    """In training, with gradients of x, gamma and beta"""
    return fw.batch_norm(x, gamma, beta, mean, var)


@timed(since=5, inputs=lambda: [normals(8, 128, 256), normals(256, seed=1), normals(256, seed=2)])
def layer_norm_8x128x256(fw: Any, x: Any, gamma: Any, beta: Any) -> Any:
    """Rows of 256, with gradients of x, gamma and beta"""
    return fw.layer_norm(x, gamma, beta)


@workload(since=5)
def cnn_step_100x1x28x28(fw: Any) -> Work:
    """A training step of a small network, batch 100: conv 5 x 5 of 30, ReLU, pooling, 100, ReLU, 10; Adam"""
    pooling, flatten = fw.pooling, fw.flatten
    layers = [fw.Conv2d(30, 5), fw.relu, lambda x: pooling(x, 2, 2), flatten, fw.Linear(100), fw.relu, fw.Linear(10)]
    step = training_step(fw, fw.Sequential(*layers), fw.Adam())
    x, t = fw.constant(normals(100, 1, 28, 28)), fw.constant(classes(100, 10))
    return lambda: step(x, t)


@workload(since=5)
def lstm_step_by_step_t30_b32_i64_h128(fw: Any) -> Work:
    """30 calls of an LSTM layer (PyTorch: LSTMCell), batch 32, from 64 to 128, and back to all weights"""
    xs = [fw.constant(x) for x in normals(30, 32, 64)]
    sum, cleargrads, backward = fw.sum, fw.cleargrads, fw.backward
    lstm = fw.LSTM(128, 64)

    def work() -> object:
        cleargrads(lstm)
        lstm.reset_state()
        for x in xs:
            h = lstm(x)
        loss = sum(h)
        backward(loss)
        return loss

    return work


@workload(since=5, book=False)
def lstm_sequence_t30_b32_i64_h128(fw: Any) -> Work:
    """The same in one call: lstm (PyTorch: torch.nn.LSTM)"""
    x = fw.constant(normals(32, 30, 64))
    sum, gradients = fw.sum, fw.gradients
    shapes = [(64, 128)] * 4, [(128,)] * 4, [(128, 128)] * 4
    weights = [[fw.Variable(normals(*shape) * 0.1) for shape in group] for group in shapes]
    leaves = [W for group in weights for W in group]
    if fw.name == "torch":  # in torch the weights are concatenated once, in a module
        module = fw.xp.nn.LSTM(64, 128, batch_first=True)
        leaves = list(module.parameters())

    def work() -> object:
        y = module(x)[0] if fw.name == "torch" else fw.lstm(x, None, None, *weights)[0]
        return gradients([sum(y[:, -1])], leaves, None)

    return work


@workload(since=5, book=False)
def gru_sequence_t30_b32_i64_h128(fw: Any) -> Work:
    """NStepGRU over whole sequences, batch 32, from 64 to 128, and back to all weights; its last output"""
    if fw.name == "torch":
        return over_sequences(fw, fw.xp.nn.GRU(64, 128, batch_first=True))
    return over_sequences(fw, fw.NStepGRU(1, 128, 64, reset_after=True))


@workload(since=5, book=False)
def lstm_layer_t30_b32_i64_h128(fw: Any) -> Work:
    """The same for NStepLSTM"""
    if fw.name == "torch":
        return over_sequences(fw, fw.xp.nn.LSTM(64, 128, batch_first=True))
    return over_sequences(fw, fw.NStepLSTM(1, 128, 64))


def over_sequences(fw: Any, layer: Any) -> Work:
    """A layer over 32 sequences of 30 steps of 64 numbers, and back from its last output."""
    x = fw.constant(normals(32, 30, 64))
    sum, cleargrads, backward = fw.sum, fw.cleargrads, fw.backward

    def work() -> object:
        cleargrads(layer)
        loss = sum(layer(x)[0][:, -1])
        backward(loss)
        return loss

    return work


@workload(since=5, book=False)
def attention_8x128x256_h8(fw: Any) -> Work:
    """MultiHeadAttention of 8 heads, batch 8, 128 steps of 256 columns, and back to all weights"""
    module: Any
    attend: Any
    if fw.name == "torch":  # the fast kernel, which crosscheck's own module avoids: it has no second derivative
        module = fw.xp.nn.MultiheadAttention(256, 8, batch_first=True)
        attend = lambda x: module(x, x, x, need_weights=False)[0]  # noqa: E731
    else:
        module = attend = fw.MultiHeadAttention(8, 256)
    x = fw.constant(normals(8, 128, 256))
    sum, cleargrads, backward = fw.sum, fw.cleargrads, fw.backward

    def work() -> object:
        cleargrads(module)
        loss = sum(attend(x))
        backward(loss)
        return loss

    return work


def inference(fw: Any, model: Any) -> Work:
    """A model on one image of 224 x 224, at inference, without a graph."""
    x, test_mode, no_grad = fw.constant(normals(1, 3, 224, 224)), fw.test_mode, fw.no_grad

    def work() -> object:
        with test_mode(), no_grad():
            return model(x)

    return work


@workload(since=5)
def vgg16_forward(fw: Any) -> Work:
    """VGG16 on one image of 224 x 224, at inference, without a graph"""
    return inference(fw, fw.VGG16())


@workload(since=5, book=False)
def googlenet_forward(fw: Any) -> Work:
    """GoogLeNet on one image of 224 x 224, likewise"""
    return inference(fw, fw.GoogLeNet())


@workload(since=5, book=False)
def densenet121_forward(fw: Any) -> Work:
    """DenseNet121 on one image of 224 x 224, likewise"""
    return inference(fw, fw.DenseNet121())


# --- beyond the book, in float32 ---


@timed(since=5, inputs=lambda: [normals(64, 1024)])
def gelu_64x1024(fw: Any, x: Any) -> Any:
    """gelu with the error function, which NumPy does not have"""
    return fw.gelu(x)


@timed(since=5, inputs=lambda: [normals(10000, 128)], constants=lambda: [classes(2048, 10000)])
def embedding_2048_of_10000x128(fw: Any, W: Any, ids: Any) -> Any:
    """2,048 rows of a table (10000, 128), and the gradient of the table"""
    return fw.embed_id(ids, W)


@timed(
    since=5,
    inputs=lambda: [normals(512, 100), normals(10000, 100, seed=1)],
    constants=lambda: [classes(512, 10000)[:, None], classes(2560, 10000).reshape(512, 5)],
)
def negative_sampling_512_of_10000x100(fw: Any, v: Any, W: Any, positive: Any, negative: Any) -> Any:
    """512 pairs of words, five negatives for each"""
    return fw.negative_sampling(v, W, positive, negative)


def updates(name: str, make: Callable[[Any], Any]) -> None:
    """Updates of a million parameters by a rule."""

    def build(fw: Any) -> Work:
        layer, update = fw.Linear(1000, in_size=1000), fw.update
        optimizer = fw.setup(make(fw), layer)
        fw.backward(fw.sum(layer(fw.constant(normals(4, 1000)))))

        def work() -> object:
            update(optimizer)
            return optimizer

        return work

    build.__doc__ = "An update of a layer of 1000 x 1000"
    WORKLOADS.append(Workload(name, 5, build, book=False))


updates("adamw_1000000", lambda fw: fw.AdamW())
updates("rmsprop_1000000", lambda fw: fw.RMSprop())


# --- hybridize, next to PyTorch without a compiler ---


def program(fw: Any, f: Callable[..., Any], *arrays: Array) -> Work:
    """A hybridized function of variables, and its gradients."""
    hybrid, gradients, Variable = fw.hybridize(f), fw.gradients, fw.Variable

    def work() -> object:
        leaves = [Variable(a) for a in arrays]
        return gradients([hybrid(*leaves)], leaves, None)

    return work


@workload(since=5, book=False)
def program_of_goldstein_price(fw: Any) -> Work:
    """goldstein_price, hybridized: forward and backward"""
    return program(fw, lambda x, y: goldstein_price(fw, x, y), np.array(1.0), np.array(1.0))


@workload(since=5, book=False)
def program_of_seventh_derivative_of_sin(fw: Any) -> Work:
    """The seventh derivative of sin, hybridized: a function that differentiates"""
    gradients, Variable, sin = fw.gradients, fw.Variable, fw.sin

    def seventh(x: Any) -> Any:
        y = sin(x)
        for _ in range(7):
            (y,) = gradients([y], [x], None, create_graph=True)
        return y

    hybrid = fw.hybridize(seventh)
    return lambda: hybrid(Variable(np.array(1.0)))


@workload(since=5, book=False)
def program_of_mlp_784_10_10(fw: Any) -> Work:
    """The loss of a small network with sigmoid, hybridized, and the gradients of its weights: batch 100"""
    model, loss, cleargrads, backward = (
        fw.MLP((10, 10), fw.sigmoid),
        fw.softmax_cross_entropy,
        fw.cleargrads,
        fw.backward,
    )
    hybrid = fw.hybridize(lambda x, t: loss(model(x), t))
    x, t = fw.constant(normals(100, 784)), fw.constant(classes(100, 10))

    def work() -> object:
        cleargrads(model)
        y = hybrid(x, t)
        backward(y)
        return y

    work()
    return work


@workload(since=5, book=False)
def program_of_mlp_784_10_10_inference(fw: Any) -> Work:
    """The same network, hybridized: the logits of a single image, without a graph"""
    model, no_grad = fw.MLP((10, 10), fw.sigmoid), fw.no_grad
    hybrid, x = fw.hybridize(model), fw.constant(normals(1, 784))

    def work() -> object:
        with no_grad():
            return hybrid(x)

    return work


@workload(since=5, book=False)
def program_of_lstm_step_by_step_t30_b32_i64_h128(fw: Any) -> Work:
    """lstm_step_by_step_t30_b32_i64_h128 with a hybridized layer"""
    xs = [fw.constant(x) for x in normals(30, 32, 64)]
    sum, cleargrads, backward = fw.sum, fw.cleargrads, fw.backward
    lstm = fw.LSTM(128, 64)
    hybrid = fw.hybridize(lstm)

    def work() -> object:
        cleargrads(lstm)
        lstm.reset_state()
        for x in xs:
            h = hybrid(x)
        loss = sum(h)
        backward(loss)
        return loss

    return work
