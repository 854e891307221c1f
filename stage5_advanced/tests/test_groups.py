"""Grouped: several optimizers as one. And the layer Dropout."""

import numpy as np
import pytest

from .stage import SGD, Adam, F, L, Layer, Parameter, Variable, check_gradients, models, optimizers, saving
from .stage import test_mode as in_use  # pytest would collect it under its own name

Grouped = optimizers.Grouped


def model_of(seed=0):
    np.random.seed(seed)
    return models.Sequential(L.Linear(4, in_size=3), F.tanh, L.Linear(4, in_size=4), F.tanh, L.Linear(2, in_size=4))


def learn(model, optimizer, steps=3):
    """The parameters after a few updates."""
    x = np.linspace(-1, 1, 15, dtype=np.float32).reshape(5, 3)
    for _ in range(steps):
        model.cleargrads()
        F.sum(F.square(model(x))).backward()
        optimizer.update()
    return {path: param.data.copy() for path, param in model.named_params()}


def by_hand(steps=3):
    """The same with three optimizers that are updated one after the other."""
    model = model_of()
    parts = [SGD(0.1).setup(model.l4), Adam(0.01).setup(model.l0), optimizers.MomentumSGD(0.05).setup(model.l2)]

    class All:
        def update(self):
            for part in parts:
                part.update()

    return learn(model, All(), steps)


def grouped(model):
    return Grouped(
        [(model.l4, SGD(0.1)), ([model.l0.W, model.l0.b], Adam(0.01)), ("rest", optimizers.MomentumSGD(0.05))]
    )


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for path, a in expected.items():
        np.testing.assert_array_equal(found[path], a)


def test_each_group_is_updated_by_its_optimizer():
    model = model_of()
    optimizer = grouped(model)
    assert optimizer.setup(model) is optimizer
    assert optimizer.target is model
    assert_equal(learn(model, optimizer), by_hand())


def test_rest_is_what_the_setup_finds():
    model = model_of()
    optimizer = Grouped([(model.l4, SGD(0.1)), ("rest", SGD(0.0))])
    model.l0.extra = Parameter(np.ones(1, np.float32))  # between construction and setup
    optimizer.setup(model)
    learn(model, optimizer)
    model.l2.W = Parameter(model.l2.W.data.copy())
    with pytest.raises(ValueError, match=r"Grouped.update: expected the parameters of setup, got new ones; call setup"):
        learn(model, optimizer, 1)
    learn(model, optimizer.setup(model), 1)


def test_uninitialized_parameters_are_in_a_group():
    model = models.Sequential(L.Linear(4), L.Linear(2))
    optimizer = Grouped([(model.l1, SGD(1.0)), ("rest", SGD(0.0))]).setup(model)
    np.random.seed(0)
    model(np.ones((2, 3), np.float32))
    before = {path: param.data.copy() for path, param in model.named_params()}
    after = learn(model, optimizer, 1)
    assert [path for path in before if not np.array_equal(before[path], after[path])] == ["l1/W", "l1/b"]


def test_a_shared_parameter_belongs_to_one_group():
    model = model_of()
    model.l2.W = model.l4.other = Parameter(np.ones((4, 4), np.float32))
    Grouped([([model.l4, model.l4.W], SGD(0.1)), ("rest", SGD(0.1))]).setup(model)  # twice in the same group
    with pytest.raises(ValueError, match="each in one group, got 'l2/W' again"):
        Grouped([(model.l4, SGD(0.1)), (model.l2, SGD(0.1)), ("rest", SGD(0.1))]).setup(model)


def test_hooks_of_all_and_of_a_group():
    model, seen = model_of(), []
    optimizer = grouped(model).setup(model)
    optimizer.add_hook(lambda params: seen.append(len(params)))
    optimizer.optimizers[0].add_hook(lambda params: seen.append([param.shape for param in params]))
    learn(model, optimizer, 1)
    assert seen == [6, [(4, 2), (2,)]]


def test_a_global_hook_sees_the_norm_of_all_gradients():
    model = model_of()
    optimizer = Grouped([(model.l4, SGD(1.0)), ("rest", SGD(1.0))]).setup(model)
    optimizer.add_hook(optimizers.ClipGrad(0.01))
    before = {path: param.data.copy() for path, param in model.named_params()}
    after = learn(model, optimizer, 1)
    norm = np.sqrt(sum(((after[path] - before[path]) ** 2).sum() for path in before))
    np.testing.assert_allclose(norm, 0.01, rtol=1e-3)


def test_a_failed_update_changes_nothing():
    model = model_of()
    optimizer = grouped(model).setup(model)
    learn(model, optimizer, 1)
    before = {path: param.data.copy() for path, param in model.named_params()}
    state = optimizer.state()

    def fail(params):
        raise RuntimeError("a hook that fails")

    optimizer.optimizers[2].add_hook(fail)
    with pytest.raises(RuntimeError, match="a hook that fails"):
        learn(model, optimizer, 1)
    assert_equal({path: param.data for path, param in model.named_params()}, before)
    assert_equal(optimizer.state(), state)
    optimizer.optimizers[2].hooks.clear()
    model.l0.b.grad = Variable(np.zeros(7))  # of the second group
    with pytest.raises(ValueError, match="l0/b: expected a gradient"):
        optimizer.update()
    assert_equal({path: param.data for path, param in model.named_params()}, before)


def test_a_checkpoint_resumes_bit_for_bit(tmp_path):
    model = model_of()
    optimizer = grouped(model).setup(model)
    learn(model, optimizer)
    saving.save_checkpoint(tmp_path / "run", model, optimizer)
    expected = learn(model, optimizer)

    other = model_of(1)
    again = grouped(other).setup(other)
    saving.load_checkpoint(tmp_path / "run", other, again)
    assert_equal(learn(other, again), expected)
    assert sorted(key for key in again.state() if key.endswith("/lr")) == ["0/lr", "1/lr", "2/lr"]


def test_state_that_does_not_fit_changes_nothing():
    model = model_of()
    optimizer = grouped(model).setup(model)
    learn(model, optimizer)
    state = optimizer.state()
    with pytest.raises(ValueError, match=r"load_state: expected keys that begin with 0/ to 2/, got '3/lr'"):
        optimizer.load_state(state | {"3/lr": 1.0})
    with pytest.raises(ValueError, match=r"load_state: expected .* got 'beta'"):
        optimizer.load_state({**state, "0/lr": 0.5, "2/beta": 1.0})
    assert_equal(optimizer.state(), state)


REFUSED = [
    (lambda model: Grouped([model.l0]), TypeError, "Grouped: expected pairs of layers and .*, got Linear"),
    (lambda model: Grouped([(model.l0, "SGD")]), TypeError, "Grouped: expected pairs of layers and their optimizer"),
    (lambda model: Grouped([]), ValueError, r"Grouped: expected a different optimizer for each group, got \[\]"),
    (lambda model: Grouped([("rest", SGD()), (model.l0, SGD())]), ValueError, "in the last pair, got 'rest'"),
    (lambda model: Grouped([("all", SGD())]), ValueError, "in the last pair, got 'all' in pair 0"),
    (lambda model: Grouped([(model.l0, SGD())]).setup(model), ValueError,
     r"Grouped: expected a group for \['l2/W', 'l2/b', 'l4/W', 'l4/b'\]; \"rest\" stands"),
    (lambda model: Grouped([(model.l0, SGD()), ([model.l0.b], SGD()), ("rest", SGD())]).setup(model), ValueError,
     "Grouped: expected parameters of the model, each in one group, got 'l0/b' again"),
    (lambda model: Grouped([(L.Linear(2), SGD()), ("rest", SGD())]).setup(model), ValueError,
     "got 'W', which it does not have"),
    (lambda model: Grouped([(3, SGD())]).setup(model), TypeError, "or \"rest\", got <class 'int'>"),
    (lambda model: Grouped([("rest", SGD())]).setup([model]), TypeError, "Grouped.setup: expected a Layer or"),
    (lambda model: Grouped([("rest", SGD())]).update(), RuntimeError, "Grouped.update: expected a target, got None"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "text"), REFUSED)
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call(model_of())


def test_the_same_optimizer_twice():
    model, one = model_of(), SGD()
    with pytest.raises(ValueError, match="Grouped: expected a different optimizer for each group"):
        Grouped([(model.l0, one), ("rest", one)])


def test_a_failed_setup_changes_nothing():
    model, one = model_of(), SGD()
    optimizer = Grouped([(model.l0, one)])
    with pytest.raises(ValueError, match="expected a group"):
        optimizer.setup(model)
    assert optimizer.target is None
    assert one.target is None


# --- Dropout ---


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_layer_draws_the_bits_of_the_function(dtype):
    x = np.linspace(-2, 2, 40, dtype=dtype).reshape(5, 8)
    layer = L.Dropout(0.3)
    np.random.seed(4)
    expected = F.dropout(x, 0.3).data
    np.random.seed(4)
    y = layer(x)
    np.testing.assert_array_equal(y.data, expected)
    assert y.dtype == dtype
    assert L.Dropout().ratio == 0.5


def test_the_mask_is_drawn_at_each_call_and_kept_for_the_gradient():
    x = Variable(np.ones((50, 50)))
    layer = L.Dropout()
    first, second = layer(x), layer(x)
    assert (first.data != second.data).any()
    second.backward()
    np.testing.assert_array_equal(x.grad.data, second.data)
    x.cleargrad()
    first.backward()
    np.testing.assert_array_equal(x.grad.data, first.data)


def test_dropout_draws_when_its_function_runs():
    f = F.dropout(Variable(np.ones(1000))).creator
    state = np.random.get_state()
    first, second = (f.forward(np.ones(1000)) for _ in range(2))
    assert (first != second).any()
    np.random.set_state(state)
    np.testing.assert_array_equal(f.forward(np.ones(1000)), first)


def test_gradients_of_dropout():
    def drop(x):
        np.random.seed(3)
        return F.square(L.Dropout(0.4)(x))

    check_gradients(drop, np.random.default_rng(0).standard_normal((4, 3)), order=2)


def test_dropout_at_inference():
    x = np.ones(3)
    with in_use():
        np.testing.assert_array_equal(L.Dropout(0.9)(x).data, x)


@pytest.mark.parametrize("ratio", [1, -0.1, float("nan")])
def test_the_ratio_is_checked_at_construction(ratio):
    with pytest.raises(ValueError, match=rf"Dropout: expected a ratio in \[0, 1\), got {ratio}"):
        L.Dropout(ratio)


def test_a_group_of_a_plain_layer():
    layer = Layer()
    layer.p, layer.q = Parameter(np.ones(2)), Parameter(np.ones(2))
    optimizer = Grouped([(layer.p, SGD(0.5)), ("rest", SGD(0.25))]).setup(layer)
    (layer.p + layer.q).sum().backward()
    optimizer.update()
    np.testing.assert_array_equal([layer.p.data, layer.q.data], [[0.5, 0.5], [0.75, 0.75]])
    assert [path for path, _ in optimizer.optimizers[0].target.named_params()] == ["p"]
