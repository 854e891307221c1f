"""What `crosscheck bench` times, written in the same vocabulary as the computations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .frameworks import Framework
from .frameworks.base import Array

Work = Callable[[], object]


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

    @property
    def doc(self) -> str:
        return (self.build.__doc__ or "").strip()


WORKLOADS: list[Workload] = []


def workload(
    since: int, memory: bool = False, book: bool = True
) -> Callable[[Callable[[Framework], Work]], Callable[[Framework], Work]]:
    """Register the builder below."""

    def register(build: Callable[[Framework], Work]) -> Callable[[Framework], Work]:
        WORKLOADS.append(Workload(build.__name__, since, build, memory, book))
        return build

    return register


def forward_and_backward(fw: Any, x: Any, f: Callable[[Any], Any]) -> Work:
    """A forward and a backward pass with the default initial gradient, from a new variable."""

    def work() -> object:
        leaf = fw.Variable(x)
        return fw.gradients([f(leaf)], [leaf], None)

    return work


@workload(since=1)
def chain_of_100_squares(fw: Any) -> Work:
    """100 squares in a chain at 1.0, forward and backward, 0-d: what an operation costs"""

    def chain(x: Any) -> Any:
        for _ in range(100):
            x = fw.square(x)
        return x

    return forward_and_backward(fw, np.array(1.0), chain)


@workload(since=1)
def exp_of_square_of_1000000(fw: Any) -> Work:
    """exp(square(x)) of 1,000,000 elements, forward and backward: what the arrays cost"""
    x = np.linspace(-1.0, 1.0, 1_000_000)
    return forward_and_backward(fw, x, lambda x: fw.exp(fw.square(x)))


@workload(since=2)
def goldstein_price(fw: Any) -> Work:
    """Goldstein-Price at (1, 1), 0-d: 38 functions forward and backward"""

    def work() -> object:
        x, y = fw.Variable(np.array(1.0)), fw.Variable(np.array(1.0))
        z = (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
            30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
        )
        return fw.gradients([z], [x, y], None)

    return work


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


@workload(since=2)
def chain_of_1000_operators(fw: Any) -> Work:
    """1,000 operators in a chain, 0-d"""

    def chain(x: Any) -> Any:
        for _ in range(500):
            x = x * 0.999 + 0.001
        return x

    return forward_and_backward(fw, np.array(1.0), chain)


@workload(since=2)
def sum_of_4000_terms(fw: Any) -> Work:
    """One variable added 4,000 times, 0-d"""

    def total(x: Any) -> Any:
        y = x
        for _ in range(4000):
            y = y + x
        return y

    return forward_and_backward(fw, np.array(1.0), total)


def derivative_of_order(fw: Any, f: Callable[[Any], Any], order: int) -> Work:
    """The derivative of that order at 1.0, each by backpropagation through the one before."""

    def work() -> object:
        x = fw.Variable(np.array(1.0))
        g = f(x)
        for _ in range(order - 1):
            (g,) = fw.gradients([g], [x], None, create_graph=True)
        return fw.gradients([g], [x], None)

    return work


@workload(since=3)
def seventh_derivative_of_sin(fw: Any) -> Work:
    """The seventh derivative of sin at 1.0"""
    return derivative_of_order(fw, fw.sin, 7)


@workload(since=3)
def fifth_derivative_of_tanh(fw: Any) -> Work:
    """The fifth derivative of tanh at 1.0"""
    return derivative_of_order(fw, fw.tanh, 5)


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


@workload(since=4, memory=True)
def softmax_cross_entropy_256_10000(fw: Any) -> Work:
    """The loss of 10,000 classes and its gradient"""
    t, loss = fw.constant(classes(256, 10000)), fw.softmax_cross_entropy
    return forward_and_backward(fw, normals(256, 10000), lambda x: loss(x, t))


@workload(since=4)
def matmul_chain(fw: Any) -> Work:
    """A product of eight matrices of 128 x 128, forward and backward"""
    matrices = [normals(128, 128, seed=i) * 0.1 for i in range(8)]
    matmul = fw.matmul

    def work() -> object:
        leaves = [fw.Variable(m) for m in matrices]
        return fw.gradients([functools.reduce(matmul, leaves)], leaves, None)

    return work


@workload(since=4)
def broadcasting_256x1024_and_1024(fw: Any) -> Work:
    """(256, 1024) and (1024,): sum, product, difference and quotient, forward and backward"""
    x0, x1 = normals(256, 1024), normals(1024, seed=1)

    def work() -> object:
        x, b = fw.Variable(x0), fw.Variable(x1)
        y = ((x + b) * b - x) / (b * b + 2.0)
        return fw.gradients([y], [x, b], None)

    return work


@workload(since=4)
def get_item_with_repeats(fw: Any) -> Work:
    """5,000 rows of a table (1000, 64), many repeated, forward and backward"""
    rows, get_item = fw.constant(classes(5000, 1000)), fw.get_item
    return forward_and_backward(fw, normals(1000, 64), lambda x: get_item(x, rows))


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


def convolution(fw: Any, N: int, C: int, H: int, K: int, OC: int, pad: int, backward: bool) -> Work:
    """A convolution of square images with a square kernel; gradients of all three inputs."""
    arrays = normals(N, C, H, H), normals(OC, C, K, K, seed=1) * 0.1, normals(OC, seed=2)
    conv2d = fw.conv2d

    def work() -> object:
        leaves = [fw.Variable(a) for a in arrays]
        y = conv2d(*leaves, 1, pad)
        return fw.gradients([y], leaves, None) if backward else y

    return work


@workload(since=5)
def conv_32x1x28x28_k5_oc30_forward(fw: Any) -> Work:
    """The first layer of a small network: one channel, 5 x 5"""
    return convolution(fw, 32, 1, 28, 5, 30, 0, backward=False)


@workload(since=5)
def conv_32x1x28x28_k5_oc30(fw: Any) -> Work:
    """The same, forward and backward"""
    return convolution(fw, 32, 1, 28, 5, 30, 0, backward=True)


@workload(since=5)
def conv_32x64x28x28_k3_oc64_forward(fw: Any) -> Work:
    """A layer in the middle of a network: 3 x 3, padded"""
    return convolution(fw, 32, 64, 28, 3, 64, 1, backward=False)


@workload(since=5, memory=True)
def conv_32x64x28x28_k3_oc64(fw: Any) -> Work:
    """The same, forward and backward"""
    return convolution(fw, 32, 64, 28, 3, 64, 1, backward=True)


@workload(since=5)
def conv_1x256x56x56_k3_oc256_forward(fw: Any) -> Work:
    """A layer of VGG16 for one image"""
    return convolution(fw, 1, 256, 56, 3, 256, 1, backward=False)


@workload(since=5, memory=True)
def conv_1x256x56x56_k3_oc256(fw: Any) -> Work:
    """The same, forward and backward"""
    return convolution(fw, 1, 256, 56, 3, 256, 1, backward=True)


@workload(since=5)
def max_pooling_32x64x28x28(fw: Any) -> Work:
    """2 x 2 windows with stride 2, forward and backward"""
    pooling = fw.pooling
    return forward_and_backward(fw, normals(32, 64, 28, 28), lambda x: pooling(x, 2, 2))


@workload(since=5, memory=True)
def batch_norm_32x64x28x28(fw: Any) -> Work:
    """In training, forward and backward, with gradients of all three inputs"""
    arrays = normals(32, 64, 28, 28), normals(64, seed=1), normals(64, seed=2)
    mean, var = fw.constant(np.zeros(64, np.float32)), fw.constant(np.ones(64, np.float32))
    batch_norm = fw.batch_norm

    def work() -> object:
        leaves = [fw.Variable(a) for a in arrays]
        return fw.gradients([batch_norm(*leaves, mean, var)], leaves, None)

    return work


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


@workload(since=5)
def vgg16_forward(fw: Any) -> Work:
    """VGG16 on one image of 224 x 224, at inference, without a graph"""
    model, x = fw.VGG16(), fw.constant(normals(1, 3, 224, 224))
    test_mode, no_grad = fw.test_mode, fw.no_grad

    def work() -> object:
        with test_mode(), no_grad():
            return model(x)

    return work
