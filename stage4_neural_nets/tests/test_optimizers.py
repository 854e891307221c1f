"""Optimizers compared with formulas in plain NumPy; hooks; saving and loading of state."""

import copy
import gc
import inspect
import io
import math
import re
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
    F,
    FreezeParam,
    Layer,
    MomentumSGD,
    Optimizer,
    Parameter,
    Variable,
    WeightDecay,
)

# The formulas for one parameter: arrays p and g, a dict s for its state, `rate` the learning rate.


def sgd(p, g, s, rate):
    return p - rate * g


def momentum(p, g, s, rate):
    s["v"] = 0.8 * s.get("v", 0) - rate * g
    return p + s["v"]


def adagrad(p, g, s, rate):
    s["h"] = s.get("h", 0) + g**2
    return p - rate * g / (np.sqrt(s["h"]) + 1e-8)


def adadelta(p, g, s, rate):
    s["h"] = rate * s.get("h", 0) + (1 - rate) * g**2
    d = np.sqrt(s.get("e", 0) + 1e-6) / np.sqrt(s["h"] + 1e-6) * g
    s["e"] = rate * s.get("e", 0) + (1 - rate) * d**2
    return p - d


def adam(p, g, s, rate):
    s["t"] = s.get("t", 0) + 1
    s["m"] = 0.7 * s.get("m", 0) + 0.3 * g
    s["v"] = 0.95 * s.get("v", 0) + 0.05 * g**2
    m, v = s["m"] / (1 - 0.7 ** s["t"]), s["v"] / (1 - 0.95 ** s["t"])
    return p - rate * m / (np.sqrt(v) + 1e-8)


# name -> the optimizer, its formula, the attribute that changes and its two values
RULES = {
    "SGD": (lambda: SGD(0.1), sgd, "lr", 0.1, 0.03),
    "MomentumSGD": (lambda: MomentumSGD(0.1, momentum=0.8), momentum, "lr", 0.1, 0.03),
    "AdaGrad": (lambda: AdaGrad(0.1), adagrad, "lr", 0.1, 0.03),
    "AdaDelta": (lambda: AdaDelta(rho=0.9), adadelta, "rho", 0.9, 0.7),
    "Adam": (lambda: Adam(0.1, beta1=0.7, beta2=0.95), adam, "alpha", 0.1, 0.03),
}
OPTIMIZERS = {name: rule[0] for name, rule in RULES.items()}
each_rule = pytest.mark.parametrize(("make", "formula", "name", "first", "second"), RULES.values(), ids=RULES)
each_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)


def layer_of(**arrays):
    """A layer with these parameters."""
    layer = Layer()
    for name, value in arrays.items():
        setattr(layer, name, Parameter(value, name=name))
    return layer


def arrays_of(optimizer):
    """The state without the hyperparameters."""
    return {key: value for key, value in optimizer.state().items() if "/" in key}


def give_gradients(layer, rng):
    """Set random gradients in the dtypes of the parameters."""
    for param in layer.params():
        gradient = np.asarray(rng.standard_normal(param.shape)).astype(param.dtype)
        param.grad = Variable(gradient)


# --- the rules ---


@each_rule
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fifty_steps_match_the_formula(make, formula, name, first, second, dtype):
    """The rate changes halfway; one parameter lacks a gradient now and then, one always."""
    rng = np.random.default_rng(0)
    shapes = {"number": (), "vector": (3,), "matrix": (2, 3), "sometimes": (2, 2), "never": (2,), "large": (150, 130)}
    layer = layer_of(**{key: np.asarray(rng.standard_normal(shape)).astype(dtype) for key, shape in shapes.items()})
    expected = {key: getattr(layer, key).data.astype(np.float64) for key in shapes}
    states = {key: {} for key in shapes}
    optimizer = make().setup(layer)
    for step in range(50):
        rate = first if step < 25 else second
        setattr(optimizer, name, rate)
        give_gradients(layer, rng)
        layer.never.cleargrad()
        if step % 3 == 0:
            layer.sometimes.cleargrad()
        for key in shapes:
            gradient = getattr(layer, key).grad
            if gradient is not None:
                expected[key] = formula(expected[key], gradient.data.astype(np.float64), states[key], rate)
        optimizer.update()
    for key in shapes:
        data = getattr(layer, key).data
        assert data.dtype == dtype
        tolerance = 1e-10 if dtype is np.float64 else 2e-4
        np.testing.assert_allclose(data, expected[key], rtol=tolerance, atol=tolerance, err_msg=key)


DEFAULTS = [
    (SGD, {"lr": 0.01}),
    (MomentumSGD, {"lr": 0.01, "momentum": 0.9}),
    (AdaGrad, {"lr": 0.001, "eps": 1e-8}),
    (AdaDelta, {"rho": 0.95, "eps": 1e-6}),  # lr is 1, as in the paper
    (Adam, {"alpha": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}),
]


@pytest.mark.parametrize(("kind", "defaults"), DEFAULTS, ids=lambda x: getattr(x, "__name__", ""))
def test_the_settings_and_their_defaults(kind, defaults):
    assert {key: p.default for key, p in inspect.signature(kind).parameters.items()} == defaults
    assert {key: getattr(kind(), key) for key in defaults} == defaults
    others = {key: value / 2 for key, value in defaults.items()}
    assert {key: getattr(kind(*others.values()), key) for key in defaults} == others


def test_the_velocity_has_the_learning_rate_in_it():
    """If the rate changes, the old part of the velocity keeps its old rate, unlike in PyTorch."""
    layer = layer_of(p=np.array(0.0))
    optimizer = MomentumSGD(lr=1.0, momentum=0.5).setup(layer)
    for rate, expected in ((1.0, -1.0), (0.0, -1.5)):  # in PyTorch it would stay at -1.0
        optimizer.lr = rate
        layer.p.grad = Variable(np.array(1.0))
        optimizer.update()
        assert layer.p.data == expected


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_the_first_step_of_adam_is_alpha_whatever_the_gradient(size):
    layer = layer_of(p=np.array([0.0, 0.0]))
    layer.p.grad = Variable(np.array([size, -size]))
    Adam(alpha=0.1).setup(layer).update()
    np.testing.assert_allclose(layer.p.data, [-0.1, 0.1], rtol=1e-3)


@each_optimizer
def test_a_gradient_of_zeros_moves_nothing(make):
    layer = layer_of(p=np.array([1.0, 2.0]))
    optimizer = make().setup(layer)
    for _ in range(3):
        layer.p.grad = Variable(np.zeros(2))
        optimizer.update()
    np.testing.assert_array_equal(layer.p.data, [1.0, 2.0])


ARRAYS = {
    "a number": lambda: np.array(1.0),
    "a vector": lambda: np.arange(3.0),
    "a matrix": lambda: np.arange(6.0).reshape(2, 3),
    "columns first": lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "every second": lambda: np.arange(24.0).reshape(4, 6)[::2, ::2],
    "transposed": lambda: np.arange(24.0).reshape(2, 3, 4).T,
    "nothing": lambda: np.zeros((0, 3)),
    "rows of nothing": lambda: np.zeros((3, 0)),
    "larger than a block": lambda: np.ones((3, 20_000)),
    "many rows": lambda: np.ones((20_000, 3)),
}


@each_rule
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_data_of_any_layout_are_updated_in_place(make, formula, name, first, second, array, order):
    data = array()
    layer = layer_of(p=data)
    before = data.copy()
    optimizer = make().setup(layer)
    g = np.asarray(np.random.default_rng(0).standard_normal(data.shape), order=order)
    layer.p.grad = Variable(g)
    optimizer.update()
    assert layer.p.data is data
    np.testing.assert_allclose(data, formula(before, g, {}, first), rtol=1e-12, atol=1e-12)


@each_optimizer
def test_a_numpy_scalar_as_rate_keeps_float32(make):
    layer = layer_of(p=np.ones(3, np.float32))
    optimizer = make().setup(layer)
    for key in optimizer.numbers():
        setattr(optimizer, key, np.float64(getattr(optimizer, key)))
    give_gradients(layer, np.random.default_rng(0))
    optimizer.update()
    assert {type(value) for value in optimizer.numbers().values()} == {float}
    assert {a.dtype for key, a in arrays_of(optimizer).items() if not key.endswith("/t")} <= {np.dtype(np.float32)}
    assert layer.p.dtype == np.float32


# --- Optimizer ---


def test_setup_gives_the_optimizer_back():
    model, optimizer = MLP((2, 1)), SGD()
    assert optimizer.target is None
    assert optimizer.setup(model) is optimizer
    assert optimizer.target is model


@pytest.mark.parametrize("wrong", [None, [Parameter(np.array(1.0))], Parameter(np.array(1.0)), "model"], ids=repr)
def test_only_a_layer_can_be_the_target(wrong):
    with pytest.raises(TypeError, match=rf"SGD.setup: expected a Layer or Model, got {type(wrong)}"):
        SGD().setup(wrong)


def test_update_without_setup_says_what_is_missing():
    with pytest.raises(RuntimeError, match=r"Adam.update: expected a target, got None; call setup\(model\) first"):
        Adam().update()


def test_the_base_class_has_no_rule():
    layer = layer_of(p=np.array(1.0))
    give_gradients(layer, np.random.default_rng(0))
    with pytest.raises(NotImplementedError, match="Optimizer has no update_one"):
        Optimizer().setup(layer).update()


def test_a_user_defined_update_rule():
    class Sign(Optimizer):
        def update_one(self, param):
            param.data -= np.sign(param.grad.data)

    layer = layer_of(p=np.array([1.0, 2.0]))
    layer.p.grad = Variable(np.array([5.0, -5.0]))
    Sign().setup(layer).update()
    np.testing.assert_array_equal(layer.p.data, [0.0, 3.0])


def test_parameters_may_be_added_later():
    model = MLP((2, 1))
    optimizer = MomentumSGD().setup(model)
    optimizer.update()  # nothing has a gradient yet
    F.sum(model(np.ones((4, 3)))).backward()
    before = model.l1.b.data.copy()
    optimizer.update()
    assert not np.array_equal(model.l1.b.data, before)


def test_a_shared_parameter_is_updated_once():
    model = Layer()
    model.a = Layer()
    model.a.p = model.p = Parameter(np.array(1.0))
    model.p.grad = Variable(np.array(1.0))
    SGD(0.25).setup(model).update()
    assert model.p.data == 0.75


def test_state_belongs_to_its_parameter_and_never_to_another():
    """With id(param) as the key, a new parameter could inherit the state of a freed one."""
    layer = layer_of(p=np.array(1.0))
    optimizer = MomentumSGD().setup(layer)
    for _ in range(3):
        layer.p = Parameter(np.array(1.0))
        assert arrays_of(optimizer) == {}
        give_gradients(layer, np.random.default_rng(0))
        optimizer.update()
        gc.collect()


def test_the_state_of_a_parameter_that_was_replaced_is_dropped():
    layer = layer_of(p=np.ones(3), q=np.ones(2))
    optimizer = Adam().setup(layer)
    for _ in range(3):
        give_gradients(layer, np.random.default_rng(0))
        optimizer.update()
        former, layer.p = weakref.ref(layer.p), Parameter(np.ones(3))
        layer.p.grad, layer.q.grad = Variable(np.ones(3)), None  # q has no gradient but keeps its state
        optimizer.update()
        assert set(optimizer.states) == {layer.p, layer.q}
        gc.collect()
        assert former() is None


def test_a_copy_of_an_optimizer_has_the_state():
    layer = layer_of(p=np.array(1.0))
    optimizer = MomentumSGD().setup(layer)
    give_gradients(layer, np.random.default_rng(0))
    optimizer.update()
    assert copy.deepcopy(optimizer).state() == optimizer.state()


# --- hooks ---


def two_parameters():
    layer = layer_of(a=np.array([3.0, 4.0]), b=np.array([[12.0]]), none=np.array(1.0))
    layer.a.grad, layer.b.grad = Variable(np.array([3.0, 4.0])), Variable(np.array([[12.0]]))
    return layer


def test_hooks_get_the_parameters_with_gradients_in_the_order_they_were_added():
    layer = two_parameters()
    calls = []
    optimizer = SGD().setup(layer)
    for i in range(2):
        optimizer.add_hook(lambda params, i=i: calls.append((i, params[:])))
    optimizer.update()
    assert calls == [(0, [layer.a, layer.b]), (1, [layer.a, layer.b])]


def test_weight_decay_adds_the_gradient_of_the_penalty():
    layer = two_parameters()
    WeightDecay(0.5)([layer.a, layer.b])
    np.testing.assert_array_equal(layer.a.grad.data, [4.5, 6.0])
    assert layer.b.grad.data == 18.0


@pytest.mark.parametrize(("max_norm", "rate"), [(6.5, 0.5), (13.1, 1.0), (100.0, 1.0)])
def test_clip_grad_scales_all_gradients_together(max_norm, rate):
    layer = two_parameters()  # the norm of the gradients is 13
    ClipGrad(max_norm)([layer.a, layer.b])
    np.testing.assert_allclose(layer.a.grad.data, [3.0 * rate, 4.0 * rate], rtol=1e-6)
    np.testing.assert_allclose(layer.b.grad.data, 12.0 * rate, rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float16, 300), (np.float16, 1e-4), (np.float32, 1e25), (np.float64, 1e-30)]
)
def test_the_norm_of_gradients_does_not_overflow_their_dtype(dtype, size):
    layer = layer_of(p=np.zeros(4, dtype))
    layer.p.grad = Variable(np.full(4, size, dtype))
    norm = 2 * float(layer.p.grad.data[0])
    ClipGrad(norm / 2)([layer.p])
    if norm > 1e-3:  # otherwise the 1e-6 added to the norm matters
        np.testing.assert_allclose(layer.p.grad.data, dtype(size / 2), rtol=2e-3)
    assert layer.p.grad.dtype == dtype


def test_the_norm_of_many_gradients_is_exact():
    """Summing 10^6 float32 numbers along a column would have an error of 1 %."""
    layer = layer_of(p=np.zeros((1_000_000, 2), np.float32))
    layer.p.grad = Variable(np.full((1_000_000, 2), 0.1, np.float32))
    ClipGrad(1.0)([layer.p])
    np.testing.assert_allclose(layer.p.grad.data, 1 / math.sqrt(2_000_000), rtol=1e-6)


def test_clip_grad_ignores_missing_and_zero_gradients():
    ClipGrad(1.0)([])
    layer = layer_of(p=np.ones(2))
    layer.p.grad = Variable(np.zeros(2))
    ClipGrad(1.0)([layer.p])
    np.testing.assert_array_equal(layer.p.grad.data, [0.0, 0.0])


@pytest.mark.parametrize("hook", [WeightDecay(0.1), ClipGrad(1.0)], ids=["WeightDecay", "ClipGrad"])
def test_hooks_make_new_gradients(hook):
    """With create_graph=True a gradient may be shared."""
    layer = two_parameters()
    shared = layer.a.grad
    hook([layer.a, layer.b])
    assert layer.a.grad is not shared
    np.testing.assert_array_equal(shared.data, [3.0, 4.0])


@pytest.mark.parametrize("hook", [WeightDecay(0.5), ClipGrad(1.0)], ids=["WeightDecay", "ClipGrad"])
def test_hooks_take_a_parameter_that_is_one_number(hook):
    layer = layer_of(p=np.array(2.0))
    layer.p.grad = Variable(np.array(3.0))
    hook([layer.p])
    np.testing.assert_allclose(layer.p.grad.data, 4.0 if isinstance(hook, WeightDecay) else 1.0, rtol=1e-6)


@pytest.mark.parametrize("frozen", ["layer", "parameter", "model"])
def test_frozen_parameters_do_not_change(frozen):
    model = MLP((3, 1))
    F.sum(model(np.ones((4, 2)))).backward()
    before = {path: p.data.copy() for path, p in model.named_params()}
    expected = {"layer": {"l0/W", "l0/b"}, "parameter": {"l1/W"}, "model": set(before)}[frozen]
    optimizer = Adam().setup(model)
    optimizer.add_hook(FreezeParam({"layer": model.l0, "parameter": model.l1.W, "model": model}[frozen]))
    optimizer.update()
    assert {path for path, p in model.named_params() if np.array_equal(p.data, before[path])} == expected


def test_several_layers_and_parameters_are_frozen_at_once():
    model = MLP((3, 3, 1))
    F.sum(model(np.ones((4, 2)))).backward()
    optimizer = SGD().setup(model)
    optimizer.add_hook(FreezeParam(model.l0, model.l2.b))
    optimizer.update()
    kept = [path for path, p in model.named_params() if p.grad is not None]
    assert kept == ["l1/W", "l1/b", "l2/W"]


@pytest.mark.parametrize("hook", [WeightDecay(0.5), ClipGrad(1.0)], ids=["WeightDecay", "ClipGrad"])
def test_a_hook_after_freeze_param_sees_the_remaining_gradients(hook):
    layer = two_parameters()
    optimizer = SGD(1.0).setup(layer)
    optimizer.add_hook(FreezeParam(layer.b))
    optimizer.add_hook(hook)
    optimizer.update()
    assert layer.b.data == 12.0


@pytest.mark.parametrize("hook", [WeightDecay(0.5), ClipGrad(1.0)], ids=["WeightDecay", "ClipGrad"])
def test_a_hook_before_freeze_param_does_not_unfreeze(hook):
    layer = two_parameters()
    optimizer = SGD(1.0).setup(layer)
    optimizer.add_hook(hook)
    optimizer.add_hook(FreezeParam(layer.b))
    optimizer.update()
    assert layer.b.data == 12.0
    assert layer.a.data[0] != 3.0


# --- state ---

NAMES = {"SGD": [], "MomentumSGD": ["v"], "AdaGrad": ["h"], "AdaDelta": ["h", "e"], "Adam": ["m", "v", "t"]}


def trained(make, steps=3):
    """A model and its optimizer after some updates, in float32."""
    np.random.seed(0)
    model = MLP((4, 2))
    optimizer = make().setup(model)
    go_on(model, optimizer, 0, steps)
    return model, optimizer


def go_on(model, optimizer, first, last):
    for step in range(first, last):
        rng = np.random.default_rng(step)
        x, t = rng.standard_normal((5, 3)).astype(np.float32), rng.integers(0, 2, 5)
        model.cleargrads()
        F.softmax_cross_entropy(model(x), t).backward()
        optimizer.update()


def weights(model):
    return [p.data.tobytes() for p in model.params()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_is_named_by_the_paths_of_the_parameters(name):
    _, optimizer = trained(OPTIMIZERS[name])
    paths = ["l0/W", "l0/b", "l1/W", "l1/b"]
    assert list(arrays_of(optimizer)) == [f"{path}/{key}" for path in paths for key in NAMES[name]]


def test_before_the_first_update_the_state_has_only_hyperparameters():
    assert Adam(0.1).setup(MLP((2, 1))).state() == {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


@each_optimizer
def test_the_state_has_the_numbers_of_the_rule(make):
    """A run resumes with the rate it last used, bit for bit, whatever the type of the number."""
    model, first = trained(make)
    for key in first.numbers():
        setattr(first, key, np.float32(first.numbers()[key] * 0.7))
    file = io.BytesIO()
    np.savez(file, **first.state())
    file.seek(0)
    second = make().setup(model)
    assert second.numbers() != first.numbers()
    second.load_state(np.load(file))
    assert second.numbers() == first.numbers()
    assert {type(value) for value in second.numbers().values()} == {float}


def test_the_hyperparameters_of_a_user_defined_rule_are_in_the_state():
    class Own(Optimizer):
        def __init__(self, power=2, sign=True):
            super().__init__()
            self.power, self.sign, self.name = power, sign, "own"

    layer = layer_of(p=np.ones(1))
    state = Own(3, False).setup(layer).state()
    assert state == {"power": 3, "sign": False}
    other = Own().setup(layer)
    other.load_state(state)
    assert (other.power, other.sign, other.name) == (3, False, "own")
    assert type(other.power) is int


def test_a_state_without_numbers_leaves_those_of_the_optimizer():
    """Older versions saved states without hyperparameters."""
    model, first = trained(Adam)
    second = Adam(0.5).setup(model)
    second.load_state(arrays_of(first))
    assert second.lr == 0.5
    np.testing.assert_equal(arrays_of(second), arrays_of(first))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_resumes_bit_for_bit_from_a_saved_state(name):
    make = OPTIMIZERS[name]
    model, optimizer = trained(make, steps=10)
    go_on(model, optimizer, 10, 20)

    stopped, first = trained(make, steps=10)
    file = io.BytesIO()
    np.savez(file, **first.state())
    file.seek(0)
    second = make().setup(stopped)
    with np.load(file) as state:
        second.load_state(state)
    go_on(stopped, second, 10, 20)
    assert weights(stopped) == weights(model)
    for key, value in optimizer.state().items():
        np.testing.assert_array_equal(second.state()[key], value)
    if NAMES[name]:
        forgetful, _ = trained(make, steps=10)
        go_on(forgetful, make().setup(forgetful), 10, 20)
        assert weights(forgetful) != weights(model)


def test_state_is_copied_when_saved_and_when_loaded():
    model, optimizer = trained(MomentumSGD)
    state = arrays_of(optimizer)
    expected = {key: value.copy() for key, value in state.items()}
    go_on(model, optimizer, 3, 4)
    np.testing.assert_equal(state, expected)
    optimizer.load_state(state)
    for value in state.values():
        value += 1
    np.testing.assert_equal(arrays_of(optimizer), expected)


def test_the_state_of_a_shared_parameter_is_under_both_paths():
    model = Layer()
    model.a, model.b = Layer(), Layer()
    model.a.p = model.b.p = Parameter(np.array(1.0))
    model.a.p.grad = Variable(np.array(1.0))
    optimizer = MomentumSGD().setup(model)
    optimizer.update()
    state = optimizer.state()
    assert list(state) == ["lr", "momentum", "a/p/v", "b/p/v"]
    optimizer.load_state(state)
    np.testing.assert_equal(optimizer.state(), state)


PATHS = "['l0/W', 'l0/b', 'l1/W', 'l1/b']"
WRONG = [
    ({"l7/W/v": np.zeros((3, 4), np.float32)}, f"expected ['lr', 'momentum'] and state of {PATHS}, got 'l7/W/v'"),
    ({"l0/W/v": np.zeros((4, 3), np.float32)}, "'l0/W': expected v (3, 4) float32, got v (4, 3) float32"),
    ({"l0/W/v": np.zeros((3, 4))}, "'l0/W': expected v (3, 4) float32, got v (3, 4) float64"),
    ({"v": np.zeros(3)}, f"expected ['lr', 'momentum'] and state of {PATHS}, got 'v'"),
    ({"beta1": 0.5}, f"expected ['lr', 'momentum'] and state of {PATHS}, got 'beta1'"),
    ({"lr": math.nan}, "expected lr to be a number, got nan"),
    ({"momentum": None}, "expected the hyperparameters ['lr', 'momentum'], got ['lr']"),
]


@pytest.mark.parametrize(("change", "text"), WRONG, ids=["path", "shape", "dtype", "name", "number", "nan", "missing"])
def test_state_that_does_not_fit_is_rejected_and_nothing_changes(change, text):
    _, optimizer = trained(MomentumSGD)
    before = optimizer.state()
    changed = {key: value + 1 for key, value in before.items()} | change
    state = {key: value for key, value in changed.items() if value is not None}
    with pytest.raises(ValueError, match=re.escape(f"load_state: {text}")):
        optimizer.load_state(state)
    np.testing.assert_equal(optimizer.state(), before)


def test_state_of_a_model_that_has_no_weights_yet_is_rejected():
    _, optimizer = trained(MomentumSGD)
    with pytest.raises(ValueError, match="load_state: 'l0/W' is uninitialized; call the model once first"):
        MomentumSGD().setup(MLP((4, 2))).load_state(optimizer.state())


@pytest.mark.parametrize(("of", "into"), [(AdaGrad, Adam), (Adam, MomentumSGD), (MomentumSGD, SGD)])
def test_state_of_another_rule_is_rejected(of, into):
    model, optimizer = trained(of)
    with pytest.raises(ValueError, match="load_state"):
        into().setup(model).load_state(optimizer.state())


@pytest.mark.parametrize("left_out", ["l0/W/t", "l0/W/m"])
def test_state_of_which_a_part_is_missing_is_rejected(left_out):
    model, optimizer = trained(Adam)
    state = optimizer.state()
    del state[left_out]
    with pytest.raises(ValueError, match="load_state"):
        Adam().setup(model).load_state(state)


# --- together ---


@each_optimizer
def test_every_rule_minimizes_a_quadratic(make):
    layer = layer_of(p=np.array([1.0, -2.0]))
    optimizer = make().setup(layer)
    first = None
    for _ in range(200):
        layer.cleargrads()
        loss = F.sum(layer.p**2)
        first = float(loss.data) if first is None else first
        loss.backward()
        optimizer.update()
    assert float(loss.data) < first * (0.97 if isinstance(optimizer, AdaDelta) else 0.1)


def test_the_total_norm_is_that_of_clip_grad():
    model = MLP((4, 2))
    F.sum(model(np.ones((5, 3), np.float32)) * 100.0).backward()
    optimizer = SGD().setup(model)
    optimizer.add_hook(ClipGrad(2.0))
    optimizer.update()
    norm = math.sqrt(sum(float((p.grad.data.astype(np.float64) ** 2).sum()) for p in model.params()))
    np.testing.assert_allclose(norm, 2.0, rtol=1e-5)


# --- all or nothing ---


FITTING = np.ones((4, 3))
READ_ONLY = np.ones((4, 3))
READ_ONLY.flags.writeable = False
MISFITS = {  # the data of a parameter, its gradient, the error message
    "a shape": (FITTING, Variable(np.ones(3)), r"expected a gradient \(4, 3\) float64, got \(3,\) float64"),
    "another shape": (FITTING, Variable(np.ones((7, 7))), r"expected a gradient \(4, 3\) float64, got \(7, 7\)"),
    "an array": (FITTING, np.ones((4, 3)), "expected a Variable as the gradient, got <class 'numpy.ndarray'>"),
    "a number": (FITTING, 1.0, "expected a Variable as the gradient, got <class 'float'>"),
    "read-only": (READ_ONLY, Variable(np.ones((4, 3))), "expected a writable parameter, got a read-only one"),
    "integers": (np.ones((4, 3), int), Variable(np.ones((4, 3))), "expected floats, got a parameter of int64"),
}


@each_optimizer
@pytest.mark.parametrize(("data", "grad", "text"), MISFITS.values(), ids=MISFITS)
@pytest.mark.parametrize("decay", [False, True])
def test_an_update_that_cannot_be_done_changes_nothing(make, data, grad, text, decay):
    """Neither parameters nor state change, nor gradients, which hooks replace."""
    layer = layer_of(a=np.ones((2, 2)))
    layer.inner = layer_of(b=data.copy() if data.flags.writeable else data)
    optimizer = make().setup(layer)
    if decay:
        optimizer.add_hook(WeightDecay(0.5))
    before = optimizer.state()
    gradients = layer.a.grad, layer.inner.b.grad = Variable(np.ones((2, 2))), grad
    with pytest.raises(ValueError, match=rf"^{type(optimizer).__name__}.update: inner/b: {text}"):
        optimizer.update()
    np.testing.assert_array_equal(layer.a.data, 1)
    assert optimizer.state() == before
    assert (layer.a.grad, layer.inner.b.grad) == gradients
    np.testing.assert_array_equal(layer.a.grad.data, 1)


def test_a_gradient_of_objects_is_rejected():
    layer = layer_of(a=np.ones(2), b=np.ones(2))
    layer.a.grad, layer.b.grad = Variable(np.ones(2)), Variable(np.ones(2))
    layer.b.grad.data = np.array([1.0, None])
    with pytest.raises(ValueError, match=r"SGD.update: b: expected a gradient \(2,\) float64, got \(2,\) object"):
        SGD().setup(layer).update()
    np.testing.assert_array_equal(layer.a.data, 1)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt], ids=lambda error: error.__name__)
def test_a_hook_that_fails_leaves_the_gradients_as_they_were(error):
    def fail(params):
        raise error

    layer = two_parameters()
    before = layer.a.grad, layer.b.grad
    optimizer = SGD().setup(layer)
    for hook in (WeightDecay(0.5), FreezeParam(layer.b), fail):
        optimizer.add_hook(hook)
    with pytest.raises(error):
        optimizer.update()
    assert (layer.a.grad, layer.b.grad) == before


def test_a_gradient_that_a_hook_replaces_is_checked():
    def flatten(params):
        for param in params:
            param.grad = Variable(param.grad.data.reshape(-1))

    layer = two_parameters()
    optimizer = SGD().setup(layer)
    optimizer.add_hook(flatten)
    with pytest.raises(ValueError, match=r"SGD.update: b: expected a gradient \(1, 1\)"):
        optimizer.update()
    np.testing.assert_array_equal(layer.a.data, [3.0, 4.0])


@pytest.mark.parametrize("where", ["update_one", "state_of", "new_state"])
def test_an_interrupt_between_two_parameters_leaves_the_counts_of_adam_equal(where):
    layer = two_parameters()
    optimizer = Adam().setup(layer)
    method, calls = getattr(optimizer, where), []

    def interrupted(param):
        calls.append(param)
        if len(calls) == 2:  # in the first update, at the second parameter
            raise KeyboardInterrupt
        return method(param)

    setattr(optimizer, where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        optimizer.update()
    optimizer.update()
    counts = [int(value) for key, value in optimizer.state().items() if key.endswith("/t")]
    assert counts == [1, 1]


# --- numbers ---

NUMBERS = [
    (SGD, "lr", [-0.1, math.nan, math.inf]),
    (MomentumSGD, "momentum", [-0.1, math.nan]),
    (AdaGrad, "eps", [-1e-8, math.nan]),
    (AdaDelta, "rho", [-0.1, 1, 1.5, math.nan]),
    (Adam, "alpha", [-0.1, math.nan, math.inf]),
    (Adam, "beta1", [-0.1, 1, 1.5, math.nan]),
    (Adam, "beta2", [1.0, math.nan]),
    (WeightDecay, "rate", [-0.1, math.nan]),
]


@pytest.mark.parametrize(("kind", "name", "values"), NUMBERS, ids=lambda x: getattr(x, "__name__", None))
def test_a_number_out_of_range_is_rejected(kind, name, values):
    for value in values:
        shown = {"alpha": "lr"}.get(name, name)
        expected = f"{shown} to be a number" if math.isnan(value) else f"0 <= {shown} < (1|inf)"
        with pytest.raises(ValueError, match=f"{kind.__name__}: expected {expected}, got {value}"):
            kind(**{name: value})


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, name, _ in NUMBERS] + [(ClipGrad, "max_norm")])
def test_a_hyperparameter_is_a_number(kind, name):
    for value in ("x", None, [0.5], np.array([0.5])):
        text = rf"{kind.__name__}: expected {name.replace('alpha', 'lr')} to be a number, got"
        with pytest.raises(TypeError, match=text):
            kind(**{name: value})
    hyperparameters = vars(kind(**{name: np.array(0.5)}))
    assert type(hyperparameters[name.replace("alpha", "lr")]) is float


def test_a_number_out_of_range_is_rejected_later_too():
    optimizer = Adam(0.1)
    for name in ("lr", "alpha", "beta1", "eps"):
        with pytest.raises(ValueError, match=r"Adam: expected .* to be a number, got nan"):
            setattr(optimizer, name, math.nan)
    assert optimizer.numbers() == Adam(0.1).numbers()


@each_optimizer
def test_lr_is_the_rate_of_every_optimizer(make):
    layer = two_parameters()
    optimizer = make().setup(layer)
    assert optimizer.lr > 0
    optimizer.lr = 0
    optimizer.update()
    np.testing.assert_array_equal(layer.a.data, [3.0, 4.0])


def test_alpha_is_the_books_name_for_the_rate_of_adam():
    optimizer = Adam(alpha=0.1)
    assert (optimizer.lr, optimizer.alpha) == (0.1, 0.1)
    optimizer.alpha = 0.2
    assert optimizer.lr == 0.2
    optimizer.lr = 0.3
    assert optimizer.alpha == 0.3


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: SGD().add_hook(3), TypeError, "SGD.add_hook: expected a function, got <class 'int'>"),
        (lambda: ClipGrad(-1), ValueError, "ClipGrad: expected max_norm above 0, got -1"),
        (
            lambda: FreezeParam([Layer()]),
            TypeError,
            "FreezeParam: expected layers and parameters as arguments, got .* 'list'>",
        ),
    ],
)
def test_an_invalid_hook_is_rejected_at_once(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_the_numbers_of_hooks_may_be_those_of_numpy():
    layer = layer_of(p=np.ones(2, np.float32))
    for hook in (WeightDecay(np.float64(0.5)), ClipGrad(np.float64(0.1))):
        layer.p.grad = Variable(np.ones(2, np.float32))
        hook([layer.p])
        assert layer.p.grad.dtype == np.float32
