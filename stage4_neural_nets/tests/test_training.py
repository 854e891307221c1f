"""Training: every array of a step stays float32, the book's results, and a network that learns."""

import gc
import math
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
    MomentumSGD,
    Sequential,
    Variable,
    WeightDecay,
    check_gradients,
    grad,
    no_grad,
)

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


# --- the book's numbers ---


def noisy_line():
    np.random.seed(0)
    x = np.random.rand(100, 1)
    return x, 5 + 2 * x + np.random.rand(100, 1)


def noisy_sine():
    np.random.seed(0)
    x = np.random.rand(100, 1)
    return x, np.sin(2 * np.pi * x) + np.random.rand(100, 1)


@pytest.mark.parametrize("loss", [F.mean_squared_error, F.mean_squared_error_simple], ids=lambda f: f.__name__)
def test_step_42_finds_the_line(loss):
    x, y = noisy_line()
    W, b = Variable(np.zeros((1, 1))), Variable(np.zeros(1))
    losses = []
    for _ in range(100):
        error = loss(y, F.matmul(x, W) + b)
        losses.append(float(error.data))
        W.cleargrad()
        b.cleargrad()
        error.backward()
        W.data -= 0.1 * W.grad.data
        b.data -= 0.1 * b.grad.data
    np.testing.assert_allclose(W.data, [[2.11807369]], atol=5e-9)
    np.testing.assert_allclose(b.data, [5.46608905], atol=5e-9)
    np.testing.assert_allclose(losses[0], 42.296340129442335, rtol=1e-12)
    np.testing.assert_allclose(losses[-1], 0.07908606512411756, rtol=1e-12)
    assert losses == sorted(losses, reverse=True)


STEP_43 = [0.8473695850105871, 0.2514286285183606, 0.247594854667, 0.237861204471, 0.212222313331]
STEP_43 += [0.167421811178, 0.0968193262, 0.0784952829, 0.0774972955, 0.0772213240]


def test_step_43_fits_the_sine_with_the_books_network():
    x, y = noisy_sine()
    W1, b1 = Variable(0.01 * np.random.randn(1, 10)), Variable(np.zeros(10))
    W2, b2 = Variable(0.01 * np.random.randn(10, 1)), Variable(np.zeros(1))
    losses = []
    for i in range(9001):
        loss = F.mean_squared_error(y, F.linear(F.sigmoid(F.linear(x, W1, b1)), W2, b2))
        for p in (W1, b1, W2, b2):
            p.cleargrad()
        loss.backward()
        for p in (W1, b1, W2, b2):
            p.data -= 0.2 * p.grad.data
        if i % 1000 == 0:
            losses.append(float(loss.data))
    np.testing.assert_allclose(losses[0], STEP_43[0], rtol=1e-14)
    np.testing.assert_allclose(losses, STEP_43, rtol=1e-7)  # over 9,000 iterations


STEP_44 = [0.8165178491, 0.2499028, 0.2460988, 0.2372159, 0.2079322]


def test_steps_44_to_46_fit_the_sine_with_layers_and_an_optimizer():
    """The weights are float32 and the data float64, so long runs differ between machines."""
    losses = {}
    for way in ("layers", "MLP"):
        x, y = noisy_sine()
        model = MLP((10, 1)) if way == "MLP" else Sequential(L.Linear(10), F.sigmoid, L.Linear(1))
        optimizer = SGD(0.2).setup(model)
        losses[way] = []
        for _ in range(4001 if way == "MLP" else 101):
            loss = F.mean_squared_error(y, model(x))
            model.cleargrads()
            loss.backward()
            optimizer.update()
            losses[way].append(float(loss.data))
    assert losses["layers"] == losses["MLP"][:101]
    np.testing.assert_allclose(losses["MLP"][0], STEP_44[0], rtol=1e-7)
    np.testing.assert_allclose(losses["MLP"][::1000], STEP_44, rtol=1e-4)


def test_step_47_gives_the_books_logits_and_loss():
    np.random.seed(0)
    model = MLP((10, 3))
    y = model(np.array([[0.2, -0.4]]))
    np.testing.assert_allclose(y.data, [[-0.61505778, -0.42790161, 0.31733289]], atol=5e-9)
    np.testing.assert_allclose(F.softmax(y).data, [[0.21068638, 0.25404893, 0.53526469]], atol=1e-8)

    np.random.seed(0)
    model = MLP((10, 3))
    x = np.array([[0.2, -0.4], [0.3, 0.5], [1.3, -3.2], [2.1, 0.3]])
    t = np.array([2, 0, 1, 0])
    y = model(x)
    for loss in (F.softmax_cross_entropy, F.softmax_cross_entropy_simple):
        np.testing.assert_allclose(loss(y, t).data, 1.4967442524053058, rtol=1e-12)
    rows = [[0.210, 0.254, 0.535], [0.190, 0.318, 0.491], [0.215, 0.138, 0.646], [0.178, 0.276, 0.545]]
    np.testing.assert_allclose(F.softmax(y).data, rows, atol=1e-3)


# --- learning ---


def digits_accuracy(seed, make, epochs):
    """The accuracies on training and test digits after some epochs, and the weights."""
    np.random.seed(seed)
    model = MLP((50, 10), activation=F.relu)
    optimizer = make().setup(model)
    loader = DataLoader(Digits(train=True), batch_size=50)
    for _ in range(epochs):
        for x, t in loader:
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
    with no_grad():
        found = []
        for train in (True, False):
            for x, t in DataLoader(Digits(train), batch_size=2000, shuffle=False):
                found.append(float(F.accuracy(model(x), t).data))
    return *found, [p.data.tobytes() for p in model.params()]


GOOD = {"SGD": lambda: SGD(0.5), "MomentumSGD": lambda: MomentumSGD(0.1), "Adam": lambda: Adam(0.005)}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_a_small_network_learns_handwritten_digits(make):
    train, test, _ = digits_accuracy(0, make, epochs=8)
    assert train > 0.95
    assert test > 0.86  # guessing has an accuracy of 0.1


def test_a_seed_repeats_a_run_bit_for_bit():
    assert digits_accuracy(1, Adam, epochs=1) == digits_accuracy(1, Adam, epochs=1)
    assert digits_accuracy(1, Adam, epochs=1) != digits_accuracy(2, Adam, epochs=1)


# --- the whole network ---


def test_a_network_is_differentiable_twice_by_everything():
    rng = np.random.default_rng(0)
    x, W1, b1, W2, b2 = (rng.standard_normal(shape) / 2 for shape in ((3, 2), (2, 2), (2,), (2, 3), (3,)))
    t = np.array([2, 0, 1])

    def loss(x, W1, b1, W2, b2):
        return F.softmax_cross_entropy(F.linear(F.tanh(F.linear(x, W1, b1)), W2, b2), t)

    check_gradients(loss, x, W1, b1, W2, b2)


def test_a_penalty_on_a_gradient_trains_a_model():
    np.random.seed(0)
    model = MLP((8, 1), activation=F.tanh)
    optimizer = Adam(0.01).setup(model)
    x = Variable(np.linspace(-1, 1, 20, dtype=np.float32)[:, None])
    sizes = []
    for _ in range(200):
        gx = grad(F.sum(model(x)), x, create_graph=True)
        loss = F.mean((gx - 1) ** 2)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        sizes.append(float(loss.data))
    assert gx.dtype == np.float32
    assert sizes[-1] < 0.01 * sizes[0]


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


def test_the_loss_of_an_untrained_model_is_the_logarithm_of_the_number_of_classes():
    model = MLP((4, 10))
    model(np.ones((5, 6), np.float32))
    for p in model.params():
        p.data[...] = 0
    loss = F.softmax_cross_entropy(model(np.ones((5, 6), np.float32)), np.arange(5))
    np.testing.assert_allclose(loss.data, math.log(10), rtol=1e-6)
