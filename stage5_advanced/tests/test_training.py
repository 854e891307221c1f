"""Training: every array of a step stays float32, and networks that learn."""

import gc
import itertools
import weakref

import numpy as np
import pytest

from .stage import (
    MLP,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    ClipGrad,
    DataLoader,
    Digits,
    F,
    FreezeParam,
    Function,
    L,
    Model,
    MomentumSGD,
    SeqDataLoader,
    SinCurve,
    Variable,
    WeightDecay,
    check_gradients,
    no_grad,
)
from .stage import test_mode as in_use  # pytest would collect it under its own name

OPTIMIZERS = [SGD, MomentumSGD, AdaGrad, AdaDelta, Adam]
HOOKS = {
    "no hook": lambda model: [],
    "WeightDecay": lambda model: [WeightDecay(1e-4)],
    "ClipGrad": lambda model: [ClipGrad(0.01)],
    "FreezeParam": lambda model: [FreezeParam(model.l0)],
    "all hooks": lambda model: [WeightDecay(1e-4), ClipGrad(0.01), FreezeParam(model.l0)],
}


# --- float32 ---


def graph(output):
    """Every variable and function that an output depends on."""
    variables, functions, waiting = {}, {}, [output]
    while waiting:
        variable = waiting.pop()
        variables[id(variable)] = variable
        f = variable.creator
        if f is not None and id(f) not in functions:
            functions[id(f)] = f
            waiting += f.inputs
    return list(variables.values()), list(functions.values())


def arrays_of(function):
    """The arrays among the attributes of an instance."""
    return [value for value in vars(function).values() if isinstance(value, np.ndarray)]


def cross_entropy(y):
    return F.softmax_cross_entropy(y, np.array([2, 0, 1, 2]))


def simple_cross_entropy(y):
    return F.softmax_cross_entropy_simple(y, np.array([2, 0, 1, 2]))


def squares(y):
    return F.mean_squared_error(y, np.eye(4, 3, dtype=np.float32))


def penalty(y):
    """Means, maxima, minima and Python numbers."""
    return F.mean(F.log_softmax(y) ** 2) + 0.1 * F.max(y) - F.logsumexp(y, axis=1).sum() / 3 + (1 - y.mean()) ** 2


LOSSES = [cross_entropy, simple_cross_entropy, squares, penalty]
ACTIVATIONS = [F.sigmoid, F.relu, F.tanh, F.softmax, F.sigmoid_simple]


def dtypes(arrays):
    """The dtypes of all arrays but labels, which are integers."""
    return {array.dtype.name for array in arrays if array.dtype.kind != "i"}


def step_of(make, hooks, activation, loss):
    """Two training steps in float32; check the dtype of every array."""
    np.random.seed(0)
    model = MLP((5, 4, 3), activation=activation)
    optimizer = make().setup(model)
    for hook in hooks(model):
        optimizer.add_hook(hook)
    x = Variable(np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32))
    for _ in range(2):
        y = loss(model(x))
        variables, functions = graph(y)
        assert dtypes(v.data for v in variables if v.data is not None) == {"float32"}
        held = [a for f in functions for a in arrays_of(f) if a.dtype.kind == "f"]
        assert dtypes(held) <= {"float32"}

        model.cleargrads()
        x.cleargrad()
        y.backward(retain_grad=True)
        with_gradient = [v for v in variables if v.grad is not None]
        assert {id(v) for v in with_gradient} >= {id(v) for v in [x, y, *model.params()]}
        assert dtypes(v.grad.data for v in with_gradient) == {"float32"}

        optimizer.update()
        assert dtypes(p.grad.data for p in model.params() if p.grad is not None) == {"float32"}
        state = {
            key: value
            for key, value in optimizer.state().items()
            if isinstance(value, np.ndarray) and not key.endswith("/t")
        }
        assert dtypes(state.values()) <= {"float32"}
        assert dtypes(p.data for p in model.params()) == {"float32"}
    seen = [v for v in variables if v.data is None or v.data.dtype.kind == "f"]
    return len(seen), len(with_gradient), len(state)


@pytest.mark.parametrize("hooks", HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize("make", OPTIMIZERS, ids=lambda make: make.__name__)
def test_every_array_of_a_training_step_is_inspected(make, hooks):
    seen, _, state = step_of(make, hooks, F.sigmoid, cross_entropy)
    assert seen == 1 + 6 + 6  # x, the parameters, and an output for each function
    assert (state > 0) == (make is not SGD)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda f: f.__name__)
def test_every_array_of_a_step_is_float32_with_other_functions_too(activation, loss):
    seen, with_gradient, state = step_of(Adam, HOOKS["all hooks"], activation, loss)
    assert seen >= with_gradient >= 1 + 4 + 1  # x, the parameters, the loss
    assert state > 0


def test_no_function_receives_or_returns_float64(monkeypatch):
    """Includes the backward pass, where a cast would hide it."""
    met = []
    call = Function.__call__

    def watched(self, *inputs):
        y = call(self, *inputs)
        outputs = y if isinstance(y, list) else [y]
        arrays = [v.data if isinstance(v, Variable) else v for v in (*inputs, *outputs)]
        met.append((type(self).__name__, dtypes(arrays)))
        return y

    monkeypatch.setattr(Function, "__call__", watched)
    for loss in LOSSES:
        step_of(Adam, HOOKS["all hooks"], F.sigmoid, loss)
    assert len(met) > 100
    masks = {"float32", "bool"}  # products with a mask
    assert {name for name, kinds in met if not kinds <= masks} == set()
    assert "Cast" not in {name for name, _ in met}


# --- the whole network ---


def test_a_network_is_differentiable_twice_by_everything():
    rng = np.random.default_rng(0)
    x, W1, b1, W2, b2 = (rng.standard_normal(shape) / 2 for shape in ((3, 2), (2, 2), (2,), (2, 3), (3,)))
    t = np.array([2, 0, 1])

    def loss(x, W1, b1, W2, b2):
        return F.softmax_cross_entropy(F.linear(F.tanh(F.linear(x, W1, b1)), W2, b2), t)

    check_gradients(loss, x, W1, b1, W2, b2)


def test_a_training_step_leaves_nothing_for_the_garbage_collector():
    model = MLP((4, 3))
    optimizer = Adam().setup(model)
    x, t = np.ones((5, 6), np.float32), np.array([0, 1, 2, 0, 1])
    gc.collect()
    gc.disable()
    try:
        for _ in range(2):
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            box = weakref.ref(loss.creator)
            del loss
            assert box() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


# --- convolution, normalization, dropout ---


class CNN(Model):
    """Two convolutions and a linear layer, for digits of 8 x 8."""

    def __init__(self, channels=8, ratio=0.2, pooling=F.pooling):
        super().__init__()
        self.conv1 = L.Conv2d(channels, 3, pad=1)
        self.bn1 = L.BatchNorm()
        self.conv2 = L.Conv2d(2 * channels, 3, pad=1, nobias=True)
        self.bn2 = L.BatchNorm()
        self.fc = L.Linear(10)
        self.ratio = ratio
        self.pooling = pooling

    def forward(self, x):
        x = F.reshape(x, (-1, 1, 8, 8))
        x = self.pooling(F.relu(self.bn1(self.conv1(x))), 2, 2)
        x = self.pooling(F.relu(self.bn2(self.conv2(x))), 2, 2)
        return self.fc(F.dropout(F.flatten(x), self.ratio))


class Recurrent(Model):
    """A recurrent layer and a linear one."""

    def __init__(self, kind, hidden_size, out_size=1):
        super().__init__()
        self.rnn = kind(hidden_size)
        self.fc = L.Linear(out_size)

    def reset_state(self):
        self.rnn.reset_state()

    def forward(self, x):
        return self.fc(self.rnn(x))


def walk(model, optimizer, loss_of):
    """Training steps in float32; check the dtype of every array, also of those that functions store in lists."""
    for _ in range(2):
        loss = loss_of(model)
        variables, functions = graph(loss)
        held = [
            a for f in functions for value in vars(f).values() for a in (value if isinstance(value, list) else [value])
        ]
        arrays = [v.data for v in variables] + [a for a in held if isinstance(a, np.ndarray)]
        assert dtypes(a for a in arrays if a.dtype.kind == "f") == {"float32"}

        model.cleargrads()
        loss.backward(retain_grad=True)
        assert dtypes(v.grad.data for v in variables if v.grad is not None) == {"float32"}
        assert all(p.grad is not None for p in model.params())

        optimizer.update()
        assert dtypes(v.data for v in model.all_variables()) == {"float32"}
        state = {
            key: value
            for key, value in optimizer.state().items()
            if isinstance(value, np.ndarray) and not key.endswith("/t")
        }
        assert dtypes(state.values()) == {"float32"}
    return [type(f).__name__ for f in functions]


@pytest.mark.parametrize("pooling", [F.pooling, F.average_pooling, F.pooling_simple], ids=lambda f: f.__name__)
def test_every_array_of_a_convolutional_step_is_float32(pooling):
    np.random.seed(0)
    model = CNN(channels=2, pooling=pooling)
    x, t = np.random.default_rng(0).random((4, 64), np.float32), np.array([1, 0, 9, 3])
    met = walk(model, Adam().setup(model), lambda model: F.softmax_cross_entropy(model(x), t))
    assert {"Conv2d", "MovingBatchNorm", "Dropout", "ReLU", "Linear"} < set(met)


@pytest.mark.parametrize("kind", [L.RNN, L.LSTM], ids=lambda kind: kind.__name__)
def test_every_array_of_a_recurrent_step_is_float32(kind):
    np.random.seed(0)
    model = Recurrent(kind, 4)
    xs = np.random.default_rng(0).random((3, 5, 1), np.float32)

    def loss_of(model):
        model.reset_state()
        return sum(F.mean_squared_error(model(x), t) for x, t in itertools.pairwise(xs))

    met = walk(model, Adam().setup(model), loss_of)
    assert "LSTM" in met or met.count("Tanh") == 2


def test_no_function_of_such_steps_receives_or_returns_float64(monkeypatch):
    met = []
    call = Function.__call__

    def watched(self, *inputs):
        y = call(self, *inputs)
        outputs = y if isinstance(y, list) else [y]
        arrays = [v.data if isinstance(v, Variable) else v for v in (*inputs, *outputs)]
        met.append((type(self).__name__, dtypes(arrays)))
        return y

    monkeypatch.setattr(Function, "__call__", watched)
    test_every_array_of_a_convolutional_step_is_float32(F.pooling)
    for kind in (L.RNN, L.LSTM):
        test_every_array_of_a_recurrent_step_is_float32(kind)
    assert {"Conv2d", "Deconv2d", "Conv2dGradW", "Pooling", "PoolingGrad", "BatchNormGrad", "LSTM"} < dict(met).keys()
    assert {name for name, kinds in met if not kinds <= {"float32", "bool"}} == set()
    assert "Cast" not in dict(met)


def digits_run(seed, epochs=1, **kwargs):
    """The losses of a CNN on the digits, and the model."""
    np.random.seed(seed)
    model = CNN(**kwargs)
    optimizer = Adam(0.01).setup(model)
    losses = []
    for _ in range(epochs):
        for x, t in DataLoader(Digits(), 50):
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            losses.append(float(loss.data))
    return losses, model


def test_a_convolutional_network_learns_handwritten_digits():
    losses, model = digits_run(0, epochs=5)
    assert losses[0] > 2  # guessing among ten classes has a loss of log 10
    assert np.mean(losses[-10:]) < 0.2
    x, t = next(DataLoader(Digits(train=False), 297, shuffle=False))
    with in_use(), no_grad():
        assert F.accuracy(model(x), t).data > 0.85
        one_by_one = np.concatenate([model(x[i : i + 1]).data for i in range(5)])
        np.testing.assert_allclose(one_by_one, model(x).data[:5], rtol=1e-4, atol=1e-4)


def test_a_seed_repeats_a_convolutional_run_bit_for_bit():
    runs = [digits_run(seed, channels=2) for seed in (1, 1, 2)]
    states = [[v.data.tobytes() for _, v in model.named_state()] for _, model in runs]
    assert runs[0][0] == runs[1][0]
    assert states[0] == states[1]
    assert states[0] != states[2]


# --- recurrence ---


def curve_run(kind, bptt_length, batch_size, epochs):
    """The mean losses of the epochs of steps 59 and 60 on the sine curve, and the model."""
    np.random.seed(0)
    model = Recurrent(kind, 20)
    optimizer = Adam(0.01).setup(model)
    means = []
    for _ in range(epochs):
        model.reset_state()
        total, losses = 0, []
        loader = SeqDataLoader(SinCurve(), batch_size)
        for count, (x, t) in enumerate(loader, 1):
            loss = F.mean_squared_error(model(x), t)
            losses.append(float(loss.data))
            total = total + loss
            if count % bptt_length == 0 or count == len(loader):
                model.cleargrads()
                total.backward()
                total.unchain_backward()
                optimizer.update()
                total = 0
        means.append(np.mean(losses))
    return means, model


@pytest.mark.parametrize("kind", [L.RNN, L.LSTM], ids=lambda kind: kind.__name__)
def test_a_recurrent_network_learns_a_curve(kind):
    means, model = curve_run(kind, bptt_length=15, batch_size=10, epochs=8)
    assert means[0] > 0.05
    assert means[-1] < 0.01
    model.reset_state()
    x = np.cos(np.linspace(0, 4 * np.pi, 400))[:, None, None]  # not in the training data
    with no_grad(), in_use():
        y = np.array([model(a).data for a in x])
    assert np.abs(y[20:-1] - x[21:]).mean() < 0.1


def test_an_embedding_and_an_lstm_learn_to_predict_the_next_character():
    """The next label depends on the input two steps before, so a state is needed."""

    class Speaker(Recurrent):
        def __init__(self):
            super().__init__(L.LSTM, 8, out_size=4)
            self.embed = L.EmbedID(4, 3)

        def forward(self, ids):
            return super().forward(self.embed(ids))

    np.random.seed(0)
    model = Speaker()
    optimizer = Adam(0.05).setup(model)
    series = np.array([[0, 2, 0], [1, 2, 1]]).T  # 0 2 0 and 1 2 1
    losses = []
    for _ in range(60):
        model.reset_state()
        model(series[0])
        loss = F.softmax_cross_entropy(model(series[1]), series[2])
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    assert losses[0] > 1
    assert losses[-1] < 0.05
