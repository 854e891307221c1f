"""Optimizers compared step by step, and training runs from equal weights on equal batches: steps 42 to 60."""

from __future__ import annotations

import functools
import itertools
import math
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..compare import same_bytes
from ..frameworks import load_stage
from ..frameworks.base import Array
from ..inputs import DEFAULT_SEED, SHAPES_ONLY, TWICE, Generator
from ..stages import STAGES
from . import computation
from .states import forget

ONCE: tuple[tuple[int, ...], ...] = ((),)  # the generators below have fixed shapes


def cut(numbers: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Arrays of these shapes, copied from consecutive parts of a flat one."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [a.reshape(shape).copy() for a, shape in zip(np.split(numbers, ends[:-1]), shapes, strict=True)]


# --- optimizers ---

STEPS = 50
# One is a matrix, one has tiny gradients, one is 0-d, one has a gradient every third step, and one never.
PARAMETERS: tuple[tuple[int, ...], ...] = ((3, 2), (2,), (), (4,), (3,))
TINY, SOMETIMES, NEVER = 1, 3, 4
SIZE = sum(int(np.prod(shape)) for shape in PARAMETERS)


def slopes(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A constant slope for each parameter and step; zero at step 7."""
    drawn = rng.standard_normal((STEPS, SIZE))
    drawn[:, 6:8] *= 1e-7
    drawn[7] = 0
    return drawn


def numbers(count: int) -> Generator:
    """`count` normal numbers, whatever the shape."""
    return lambda rng, shape: rng.standard_normal(count)


# Nothing is differentiated from outside, so a case with the default initial gradient would compute the same.
VALUES: dict[str, Any] = {"shapes": ONCE, "order": 0, "cases": SHAPES_ONLY - DEFAULT_SEED}
OPTIMIZING: dict[str, Any] = {"inputs": [numbers(SIZE), slopes], **VALUES}
FIFTY = OPTIMIZING | {"quick": {"steps": 10}}  # one of which has no slope
FEWER = OPTIMIZING | {"quick": {"steps": 4}}


class Descent:
    """A layer with PARAMETERS, and an optimizer that minimizes  sum a p^2 + slope p."""

    def __init__(self, fw: Any, optimizer: Any, start: Sequence[Array], slopes: Array):
        self.fw = fw
        self.layer = fw.Layer()
        for i, a in enumerate(start):
            setattr(self.layer, f"p{i}", fw.Parameter(a))
        self.optimizer = fw.setup(optimizer, self.layer)
        self.slopes = slopes

    def step(self, number: int) -> list[Array]:
        """One update; returns the parameters after it."""
        fw = self.fw
        loss = None
        for i, slope in enumerate(cut(self.slopes[number], PARAMETERS)):
            if i == NEVER or (i == SOMETIMES and number % 3):
                continue
            p = getattr(self.layer, f"p{i}")
            a = 0.0 if i == TINY or number == 7 else 0.25
            term = (p * p * a + p * fw.constant(slope)).sum()
            loss = term if loss is None else loss + term
        fw.cleargrads(self.layer)
        fw.backward(loss)
        fw.update(self.optimizer)
        return [np.array(a) for a in fw.weights(self.layer)]


def descent(fw: Any, optimizer: Any, start: Any, slopes: Any) -> Descent:
    """A Descent from the inputs of a computation."""
    return Descent(fw, optimizer, cut(fw.array(start), PARAMETERS), fw.array(slopes))


def paths(steps: Iterable[list[Array]]) -> list[Array]:
    """For each parameter an array of its values after each step."""
    return [np.array(path) for path in zip(*steps, strict=True)]


def all_steps(fw: Any, optimizer: Any, start: Any, slopes: Any, count: int, rate: float | None = None) -> list[Array]:
    """The values of all parameters after each step; in the second half with the given learning rate, if any."""
    down = descent(fw, optimizer, start, slopes)

    def steps() -> Iterator[list[Array]]:
        for number in range(count):
            if rate is not None and number == count // 2:
                fw.set_rate(down.optimizer, rate)
            yield down.step(number)

    return paths(steps())


@computation(step=46, **FIFTY)
def sgd(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of SGD, with a fifth of the learning rate from step 25 on"""
    return all_steps(fw, fw.SGD(0.1), start, slopes, steps, rate=0.02)


@computation(step=46, **FIFTY)
def momentum_sgd(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of MomentumSGD"""
    return all_steps(fw, fw.MomentumSGD(0.05, 0.8), start, slopes, steps)


MOMENTUM = {
    stage.name: "the book's velocity includes the learning rate, so a new rate affects only new gradients; "
    "PyTorch multiplies the velocity by the current rate"
    for stage in STAGES
    if stage.number >= 4
}


@computation(step=46, differs=MOMENTUM, **FIFTY)
def momentum_sgd_with_a_changed_rate(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of MomentumSGD, with a fifth of the learning rate from step 25 on"""
    return all_steps(fw, fw.MomentumSGD(0.05, 0.8), start, slopes, steps, rate=0.01)


@computation(step=46, **FIFTY)
def ada_grad(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of AdaGrad, with a fifth of the learning rate from step 25 on"""
    return all_steps(fw, fw.AdaGrad(0.1), start, slopes, steps, rate=0.02)


@computation(step=46, **FIFTY)
def ada_delta(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of AdaDelta, with the default learning rate of 1"""
    return all_steps(fw, fw.AdaDelta(0.9), start, slopes, steps)


@computation(step=46, **FIFTY)
def adam(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of Adam, with a fifth of the learning rate from step 25 on"""
    return all_steps(fw, fw.Adam(0.1), start, slopes, steps, rate=0.02)


@computation(step=46, **FIFTY)
def adam_with_other_constants(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of Adam with a large eps and small betas"""
    return all_steps(fw, fw.Adam(0.05, 0.5, 0.7, 1e-3), start, slopes, steps)


EVERY: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda fw: fw.SGD(0.1),
    "MomentumSGD": lambda fw: fw.MomentumSGD(0.05, 0.8),
    "AdaGrad": lambda fw: fw.AdaGrad(0.1),
    "AdaDelta": lambda fw: fw.AdaDelta(0.9),
    "Adam": lambda fw: fw.Adam(0.1),
}


def hooked(fw: Any, start: Any, slopes: Any, steps: int, *hooks: Any) -> list[Array]:
    """Steps of SGD and of Adam with hooks."""
    found = []
    for optimizer in (fw.SGD(0.1), fw.Adam(0.1)):
        down = descent(fw, optimizer, start, slopes)
        for hook in hooks:
            fw.add_hook(down.optimizer, hook)
        found += paths(down.step(number) for number in range(steps))
    return found


@computation(step=46, **FEWER)
def weight_decay(fw: Any, start: Any, slopes: Any, steps: int = 20) -> Any:
    """WeightDecay(0.1): g + 0.1 p, where there is a gradient"""
    return hooked(fw, start, slopes, steps, fw.WeightDecay(0.1))


@computation(step=46, **FEWER)
def clip_grad(fw: Any, start: Any, slopes: Any, steps: int = 20) -> Any:
    """ClipGrad(3.0), with a total norm above 3 in some steps and below in others"""
    return hooked(fw, start, slopes, steps, fw.ClipGrad(3.0))


@computation(step=46, **FEWER)
def clip_grad_then_weight_decay(fw: Any, start: Any, slopes: Any, steps: int = 20) -> Any:
    """Hooks run in the order of add_hook"""
    return hooked(fw, start, slopes, steps, fw.ClipGrad(1.0), fw.WeightDecay(0.1))


def frozen(fw: Any, start: Any, steps: int, *hooks: Any) -> list[Array]:
    """Steps of every optimizer with a frozen parameter and a frozen layer, followed by other hooks."""
    found = []
    for make in EVERY.values():
        a, b, c, *_ = cut(fw.array(start), PARAMETERS)
        layer = fw.Layer()
        layer.frozen, layer.b, layer.c = fw.Parameter(a), fw.Parameter(b), fw.Parameter(c)
        layer.inner = fw.Linear(1, in_size=2)
        fw.set_weights(layer.inner, [a[:2, :1], a[2, :1]])
        optimizer = fw.setup(make(fw), layer)
        for hook in (fw.FreezeParam(layer.frozen, layer.inner), *hooks):
            fw.add_hook(optimizer, hook)
        for _ in range(steps):
            y = layer.inner(layer.b.reshape(1, 2)).sum() + (layer.frozen * layer.frozen).sum()
            fw.cleargrads(layer)
            fw.backward(y + layer.c * layer.c)
            fw.update(optimizer)
        found += [np.array(w) for w in fw.weights(layer)]
    return found


@computation(step=46, **FEWER)
def freeze_param(fw: Any, start: Any, slopes: Any, steps: int = 10) -> Any:
    """FreezeParam for a parameter and a layer: these stay constant, the others are updated"""
    return frozen(fw, start, steps)


@computation(step=46, **FEWER)
def freeze_param_then_other_hooks(fw: Any, start: Any, slopes: Any, steps: int = 10) -> Any:
    """Frozen parameters neither count in the total norm nor decay"""
    return frozen(fw, start, steps, fw.ClipGrad(0.5), fw.WeightDecay(0.1))


@computation(step=46, **OPTIMIZING, quick={"steps": 2})
def optimizer_state_saved_and_loaded(fw: Any, start: Any, slopes: Any, steps: int = 5) -> Any:
    """5 steps, then 5 more with the same optimizer and with a new one that loads its state: equal"""
    found = []
    for make in EVERY.values():
        down = descent(fw, make(fw), start, slopes)
        half = [down.step(number) for number in range(steps)][-1]
        saved = pickle.dumps(fw.state(down.optimizer))
        ahead = paths(down.step(number) for number in range(steps, 2 * steps))
        other = Descent(fw, make(fw), half, fw.array(slopes))
        fw.load_state(other.optimizer, pickle.loads(saved))
        again = paths(other.step(number) for number in range(steps, 2 * steps))
        found += [*ahead, np.array([same_bytes(a, b) for a, b in zip(ahead, again, strict=True)])]
    return found


@computation(step=46, **OPTIMIZING, quick={"steps": 2})
def optimizer_state_with_a_changed_rate(fw: Any, start: Any, slopes: Any, steps: int = 5) -> Any:
    """A learning rate that was changed is part of the state: a new optimizer that loads it makes the same 5 steps"""
    found = []
    for make in EVERY.values():
        down = descent(fw, make(fw), start, slopes)
        fw.set_rate(down.optimizer, 0.03)
        half = down.step(0)
        saved = pickle.dumps(fw.state(down.optimizer))
        ahead = paths(down.step(number) for number in range(1, 1 + steps))
        other = Descent(fw, make(fw), half, fw.array(slopes))
        fw.load_state(other.optimizer, pickle.loads(saved))
        again = paths(other.step(number) for number in range(1, 1 + steps))
        found += [*ahead, np.array([same_bytes(a, b) for a, b in zip(ahead, again, strict=True)])]
    return found


@computation(step=46, **OPTIMIZING)
def update_that_fails(fw: Any, start: Any, slopes: Any) -> Any:
    """A gradient of the wrong shape is an error that changes no parameter and no state; then 5 steps"""
    found = []
    for make in EVERY.values():
        down = descent(fw, make(fw), start, slopes)
        down.step(0)
        try:
            down.layer.p3.grad = fw.Variable(np.ones(7, fw.array(start).dtype))  # PyTorch rejects it here
            fw.update(down.optimizer)
            failed = False
        except (ValueError, RuntimeError):
            failed = True
        found += [np.array(failed), *(np.array(a) for a in fw.weights(down.layer))]
        found += paths(down.step(number) for number in range(1, 6))
    return found


def arrays_in(fw: Any, state: Any) -> Iterator[Array]:
    """All arrays in a state, at any level of nesting, except the number of steps."""
    if hasattr(state, "items"):
        for key, value in state.items():
            if key != "step":
                yield from arrays_in(fw, value)
    elif hasattr(state, "dtype"):
        yield fw.array(state)


@computation(step=46, **OPTIMIZING)
def dtype_of_the_optimizer_state(fw: Any, start: Any, slopes: Any) -> Any:
    """Optimizer state has the dtype of the parameters"""
    found = []
    for make in EVERY.values():
        down = descent(fw, make(fw), start, slopes)
        for number in range(4):
            down.step(number)
        dtypes = {a.dtype for a in arrays_in(fw, fw.state(down.optimizer)) if a.dtype.kind == "f"}
        found.append(np.array(dtypes <= {fw.array(start).dtype}))
    return found


# --- training runs ---

RUN, LONG = 100, 200  # steps; LONG where 100 reduce the loss too little
TRAINING: dict[str, Any] = {"curve": RUN, **VALUES, "cases": VALUES["cases"] - TWICE}
LONGER = TRAINING | {"quick": {"steps": 10}}
# Each loss is a separate result, so that it is compared relative to its own size: 64 eps of float64, the default
# budget, are 1.4e-14 of a loss; no budget here may exceed 1e-9 of it.


def shapes_of(sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Shapes of W and b for each layer between layers of these sizes."""
    return [shape for D, H in itertools.pairwise(sizes) for shape in ((D, H), (H,))]


def weights(*sizes: int) -> Generator:
    """Initial weights, flat: W normal with deviation sqrt(1 / in), b smaller but not zero."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        scales = [(1 / shape[0]) ** 0.5 if len(shape) == 2 else 0.1 for shape in shapes_of(sizes)]
        drawn = [rng.standard_normal(shape) * scale for shape, scale in zip(shapes_of(sizes), scales, strict=True)]
        return np.concatenate([a.ravel() for a in drawn])

    return draw


def on_a_line(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Points (x, y) of step 42: y = 5 + 2 x + noise."""
    x, noise = rng.random((2, 100))
    return np.stack([x, 5 + 2 * x + noise], axis=1)


def on_a_sine(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Points (x, y) of step 43: y = sin(2 pi x) + noise."""
    x, noise = rng.random((2, 100))
    return np.stack([x, np.sin(2 * np.pi * x) + noise], axis=1)


def on_a_spiral(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Points and labels (x0, x1, t) of step 48's spiral: three arms of a hundred points."""
    t, r = np.repeat(np.arange(3), 100), np.tile(np.arange(100) / 100, 3)
    angle = 4 * t + 4 * r + 0.2 * rng.standard_normal(300)
    return np.stack([r * np.sin(angle), r * np.cos(angle), t], axis=1)


def orders(count: int, length: int) -> Generator:
    """Indices of samples: shuffled epochs one after the other, `count` in total."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        passes = [rng.permutation(count) for _ in range(-(-length // count))]
        return np.concatenate(passes)[:length]

    return draw


@functools.cache
def digits() -> tuple[Array, Array]:
    """The handwritten digits that ship with stages 4 and 5, (1797, 64) and (1797,)."""
    for stage in STAGES:
        if stage.number >= 4 and stage.installed():
            parts = [load_stage(stage).Digits(train=train) for train in (True, False)]
            samples = [part[i] for part in parts for i in range(len(part))]
            return np.array([x for x, _ in samples]), np.array([t for _, t in samples])
    # Without a stage that can train, only PyTorch and custom frameworks are compared; they get other images.
    rng = np.random.default_rng(0)
    t = rng.integers(0, 10, 1797)
    return (rng.integers(0, 17, (10, 64))[t] / 16).astype(np.float32), t


def train(fw: Any, model: Any, optimizer: Any, loss_of: Callable[..., Any], batches: Iterable[Any]) -> list[Array]:
    """The loss of each step, then the final weights. Raises TypeError if a weight changes its dtype."""
    dtypes = [a.dtype for a in fw.weights(model)]
    optimizer = fw.setup(optimizer, model)
    losses = []
    with threadpool_limits(1):  # for matrices this small, threads only wait for each other
        for number, batch in enumerate(batches):
            loss = loss_of(*batch)
            fw.cleargrads(model)
            fw.backward(loss)
            for kind, arrays in (("gradient", fw.weight_gradients(model)), ("weight", fw.weights(model))):
                for i, (a, dtype) in enumerate(zip(arrays, dtypes, strict=True)):
                    found = None if a is None else a.dtype
                    if found != dtype:
                        raise TypeError(f"step {number}: {kind} {i} is {found}, at first the weights were {dtype}")
            fw.update(optimizer)
            losses.append(np.array(fw.array(loss)))
    return [*losses, *(np.array(a) for a in fw.weights(model))]


@computation(step=42, inputs=[weights(1, 1), on_a_line], **LONGER)
def training_linear_regression(fw: Any, start: Any, points: Any, steps: int = RUN) -> Any:
    """A line fitted to 100 points: Linear(1), SGD(0.1), full batches"""
    model = fw.Linear(1)
    fw.set_weights(model, cut(fw.array(start), shapes_of((1, 1))))
    x, y = (fw.constant(fw.array(points)[:, i : i + 1].copy()) for i in (0, 1))
    return train(fw, model, fw.SGD(0.1), lambda: fw.mean_squared_error(y, model(x)), [()] * steps)


@computation(step=46, inputs=[weights(1, 10, 1), on_a_sine], **LONGER)
def training_a_sine_fit(fw: Any, start: Any, points: Any, steps: int = RUN) -> Any:
    """A sine fitted to 100 points: MLP((10, 1)), SGD(0.2), full batches"""
    model = fw.MLP((10, 1))
    fw.set_weights(model, cut(fw.array(start), shapes_of((1, 10, 1))))
    x, y = (fw.constant(fw.array(points)[:, i : i + 1].copy()) for i in (0, 1))
    return train(fw, model, fw.SGD(0.2), lambda: fw.mean_squared_error(y, model(x)), [()] * steps)


@computation(
    step=50,
    inputs=[weights(2, 10, 3), on_a_spiral, orders(300, 30 * LONG)],
    budget={"float64": 1e3, "float32": 1e3},
    why_budget="a constant added to all biases of the last layer does not change the loss, so rounding adds up",
    **LONGER | {"curve": LONG},
)
def training_a_spiral_mlp(fw: Any, start: Any, points: Any, order: Any, steps: int = LONG) -> Any:
    """Three classes on a spiral: MLP((10, 3)), SGD(1.0), batches of 30 from the framework's DataLoader"""
    model = fw.MLP((10, 3))
    fw.set_weights(model, cut(fw.array(start), shapes_of((2, 10, 3))))
    samples = [(a[:2], int(a[2])) for a in fw.array(points)[fw.array(order).astype(int)]]
    batches = itertools.islice(fw.DataLoader(samples, 30, shuffle=False), steps)
    return train(fw, model, fw.SGD(1.0), lambda x, t: fw.softmax_cross_entropy(model(x), t), batches)


DIGITS_MLP = (64, 260, 32, 10)  # W of the first layer is large enough to be updated in chunks


@computation(
    step=51,
    inputs=[weights(*DIGITS_MLP), orders(1500, 50 * RUN)],
    budget={"float64": 1e4, "float32": 4e5},
    why_budget="Adam takes large steps for small gradients; in float32 rounding flips a ReLU, in PyTorch as well",
    **LONGER,
)
def training_a_digits_mlp(fw: Any, start: Any, order: Any, steps: int = RUN) -> Any:
    """Handwritten digits: three layers, ReLU, Adam, batches of 50; finally the accuracy on the test set"""
    model = fw.MLP(DIGITS_MLP[1:], activation=fw.relu)
    fw.set_weights(model, cut(fw.array(start), shapes_of(DIGITS_MLP)))
    x, t = digits()
    x = x.astype(fw.array(start).dtype)
    batches = [(x[i], t[i]) for i in np.split(fw.array(order).astype(int), RUN)[:steps]]

    def loss_of(x: Array, t: Array) -> Any:
        return fw.softmax_cross_entropy(model(fw.constant(x)), fw.constant(t))

    found = train(fw, model, fw.Adam(), loss_of, batches)
    with fw.no_grad():
        return [*found, fw.accuracy(model(fw.constant(x[1500:])), fw.constant(t[1500:]))]


CNN: tuple[tuple[int, ...], ...] = ((6, 1, 3, 3), (6,), (8, 6, 3, 2), (8,), (48, 10), (10,))


def scaled(*shapes: tuple[int, ...]) -> Generator:
    """Initial weights, flat: W normal with deviation sqrt(1 / fan_in), vectors smaller but not zero."""

    def deviation(shape: tuple[int, ...]) -> float:
        if len(shape) == 1:
            return 0.1
        return math.sqrt(1 / math.prod(shape[1:] if len(shape) == 4 else shape[:1]))

    return lambda rng, _: np.concatenate([(rng.standard_normal(s) * deviation(s)).ravel() for s in shapes])


@computation(
    step=57,
    inputs=[scaled(*CNN), orders(1500, 30 * RUN)],
    **LONGER,
)
def training_a_digits_cnn(fw: Any, start: Any, order: Any, steps: int = RUN) -> Any:
    """Handwritten digits: two convolutions with ReLU and pooling, a Linear layer, Adam, batches of 30; the accuracy"""
    conv1, conv2, fc = fw.Conv2d(6, 3, 1, 1), fw.Conv2d(8, (3, 2), (1, 2)), fw.Linear(10)
    model = fw.Layer()
    model.conv1, model.conv2, model.fc = conv1, conv2, fc
    fw.set_weights(model, cut(fw.array(start), CNN))
    x, t = digits()
    x = x.reshape(-1, 1, 8, 8).astype(fw.array(start).dtype)

    def scores(x: Array) -> Any:
        h = fw.pooling(fw.relu(conv1(fw.constant(x))), 3, (1, 2), 1)  # (N, 6, 8, 4)
        return fc(fw.flatten(fw.average_pooling(fw.relu(conv2(h)), (2, 1), (2, 1))))  # (N, 8, 3, 2) -> (N, 48)

    batches = [(x[i], t[i]) for i in np.split(fw.array(order).astype(int), RUN)[:steps]]
    found = train(fw, model, fw.Adam(0.003), lambda x, t: fw.softmax_cross_entropy(scores(x), fw.constant(t)), batches)
    with fw.no_grad():
        return [*found, fw.accuracy(scores(x[1500:]), fw.constant(t[1500:]))]


HIDDEN, WINDOW = 8, 4  # the hidden size of the LSTM, and the number of time steps after which the graph is truncated
SINE_LSTM: tuple[tuple[int, ...], ...] = (*[(1, HIDDEN), (HIDDEN,)] * 4, *[(HIDDEN, HIDDEN)] * 4, (HIDDEN, 1), (1,))


@functools.cache
def sine() -> list[tuple[Array, Array]]:
    """The samples of the stages' SinCurve, or similar ones."""
    for stage in STAGES:
        if stage.number >= 5 and stage.installed():
            curve = load_stage(stage).SinCurve(train=True)
            return [curve[i] for i in range(len(curve))]
    y = np.sin(np.linspace(0, 2 * np.pi, 1000))[:, None]
    return list(itertools.pairwise(y))


@computation(
    step=60,
    inputs=[scaled(*SINE_LSTM)],
    **LONGER,
)
def training_a_sine_lstm(fw: Any, start: Any, steps: int = RUN) -> Any:
    """A noisy sine: LSTM and Linear, Adam, 30 rows from SeqDataLoader, truncated after every fourth time step"""
    model = fw.Layer()
    model.rnn, model.fc = fw.LSTM(HIDDEN, in_size=1), fw.Linear(1, in_size=HIDDEN)
    fw.set_weights(model, cut(fw.array(start), SINE_LSTM))
    dtype = fw.array(start).dtype
    samples = [(x.astype(dtype), t.astype(dtype)) for x, t in sine()]
    losses: list[Any] = []

    def windows() -> Iterator[tuple[list[Any]]]:
        while True:
            model.rnn.reset_state()
            batches = list(fw.SeqDataLoader(samples, 30))
            for i in range(0, len(batches) - WINDOW, WINDOW):
                yield (batches[i : i + WINDOW],)

    def loss_of(batches: list[Any]) -> Any:
        if losses:
            forget(fw, model.rnn, losses.pop())
        for x, t in batches:
            losses.append(fw.mean_squared_error(model.fc(model.rnn(x)), t))
        losses[:] = [sum(losses[1:], losses[0]) / float(WINDOW)]
        return losses[0]

    return train(fw, model, fw.Adam(0.01), loss_of, itertools.islice(windows(), steps))


@computation(step=50, order=0, dtypes=("float64",))
def data_loader(fw: Any) -> Any:
    """Batches in order, the last one smaller; and shuffled, with every sample once"""
    samples = [(np.array([i, -i], np.float32), i % 3) for i in range(10)]
    found = [fw.array(a) for batch in fw.DataLoader(samples, 4, shuffle=False) for a in batch]
    shuffled = [fw.array(x)[:, 0] for x, _ in fw.DataLoader(samples, 4)]
    return [*found, np.sort(np.concatenate(shuffled)), np.array([len(x) for x in shuffled])]
