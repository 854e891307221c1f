"""Optimizers and schedules beyond the book. crosscheck compares 50 steps of each with PyTorch."""

import math
import re

import numpy as np
import pytest

from .stage import SGD, AdaGrad, Adam, Layer, MomentumSGD, Parameter, optimizers

NAG, RMSprop, AdamW = optimizers.NAG, optimizers.RMSprop, optimizers.AdamW


def layer_of(**arrays):
    """A layer with these parameters."""
    layer = Layer()
    for name, a in arrays.items():
        setattr(layer, name, Parameter(np.array(a)))
    return layer


def descend(optimizer, steps=20):
    """The end of a descent of f = 0.1 a^2 + 2 b^2 from (-5, -2), as in Dive into Deep Learning."""
    layer = layer_of(x=[-5.0, -2.0])
    optimizer.setup(layer)
    for _ in range(steps):
        layer.cleargrads()
        (layer.x * layer.x * np.array([0.1, 2.0])).sum().backward()
        optimizer.update()
    return layer.x.data


DESCENTS = [
    (SGD(0.4), (-0.943467, -0.000073), 1e-6),
    (SGD(0.6), (-0.387814, -1673.365109), 1e-6),
    (MomentumSGD(0.4, 0.5), (-0.062843, 0.001202), 1e-6),
    (MomentumSGD(0.6, 0.5), (0.007188, 0.002553), 1e-6),
    (AdaGrad(0.4, 1e-6), (-2.382563, -0.158591), 2e-6),
    (AdaGrad(2.0, 1e-6), (-0.002295, 0.0), 2e-6),
    (RMSprop(0.4, 0.9, 1e-6, style="tensorflow", start=0), (-0.010599, 0.0), 1e-6),
]


@pytest.mark.parametrize(("optimizer", "end", "tolerance"), DESCENTS, ids=lambda x: type(x).__name__)
def test_the_descents_of_dive_into_deep_learning(optimizer, end, tolerance):
    np.testing.assert_allclose(descend(optimizer), end, rtol=1e-6, atol=tolerance)


def test_nag_has_a_smaller_range_of_stable_learning_rates_than_momentum():
    np.testing.assert_allclose(descend(NAG(0.4, 0.5))[1], -44.66, atol=0.005)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop_in_the_style_of_tensorflow(momentum, centered):
    layer = layer_of(p=[1.0, -2.0])
    optimizer = RMSprop(0.1, 0.9, 1e-3, momentum, centered, style="tensorflow").setup(layer)
    p, s, m, v = layer.p.data.copy(), np.ones(2), np.zeros(2), np.zeros(2)
    for _ in range(5):
        layer.cleargrads()
        (layer.p * layer.p).sum().backward()
        optimizer.update()
        g = 2 * p
        s, m = 0.9 * s + 0.1 * g * g, 0.9 * m + 0.1 * g if centered else m
        v = momentum * v + 0.1 * g / np.sqrt(s - m * m + 1e-3)
        p = p - v
        np.testing.assert_allclose(layer.p.data, p)


def test_which_parameters_decay_is_decided_by_a_function_of_path_and_parameter():
    layer, asked = layer_of(W=[[1.0, 1.0]], b=[1.0, 1.0]), []
    optimizer = AdamW(weight_decay=0.5, alpha=0.1, decay=lambda path, p: asked.append(path) or p.ndim > 1).setup(layer)
    layer.W.grad = layer.b.grad = None
    for p in (layer.W, layer.b):
        p.grad = Parameter(np.zeros(p.shape))
    optimizer.update()
    np.testing.assert_allclose(layer.W.data, [[0.95, 0.95]])
    np.testing.assert_array_equal(layer.b.data, [1, 1])
    assert set(asked) == {"W", "b"}


def test_weight_decay_of_adamw_does_not_depend_on_the_gradient():
    ends = []
    for scale in (1.0, 100.0):
        for optimizer in (Adam(0.1), AdamW(0.1, weight_decay=0.5)):
            layer = layer_of(p=[3.0])
            optimizer.setup(layer)
            layer.p.grad = Parameter(np.array([scale]))
            optimizer.update()
            ends.append(float(layer.p.data[0]))
    np.testing.assert_allclose([ends[0] - ends[1], ends[2] - ends[3]], [0.15, 0.15])


MAKERS = [NAG, RMSprop, lambda: RMSprop(momentum=0.5, centered=True), AdamW]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_state_is_saved_and_loaded_and_has_the_dtype_of_its_parameter(make, dtype):
    def run(layer, optimizer, steps):
        for _ in range(steps):
            layer.cleargrads()
            (layer.p * layer.p * layer.p).sum().backward()
            optimizer.update()
        return layer.p.data

    layer = layer_of(p=np.linspace(-1, 1, 5, dtype=dtype))
    optimizer = make().setup(layer)
    run(layer, optimizer, 3)
    assert {a.dtype for a in optimizer.states[layer.p].values() if a.dtype.kind == "f"} == {np.dtype(dtype)}
    other = layer_of(p=layer.p.data)
    again = make().setup(other)
    again.load_state(optimizer.state())
    np.testing.assert_array_equal(run(layer, optimizer, 3), run(other, again, 3))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: RMSprop(style="keras"), "RMSprop: expected style 'torch' or 'tensorflow', got 'keras'"),
        (lambda: RMSprop(alpha=1.0), "RMSprop: expected 0 <= alpha < 1, got 1.0"),
        (lambda: AdamW(weight_decay=-1), "AdamW: expected 0 <= weight_decay < inf, got -1"),
        (
            lambda: optimizers.OnPlateau(SGD(), patience=math.nan),
            "OnPlateau: expected patience to be a number, got nan",
        ),
        (
            lambda: optimizers.OnPlateau(SGD(), cooldown=-1),
            "OnPlateau: expected patience and cooldown of at least 0, got 10 and -1",
        ),
        (lambda: NAG(momentum=math.nan), "NAG: expected momentum to be a number, got nan"),
        (lambda: optimizers.ClipValue(0.0), "ClipValue: expected a limit above 0, got 0.0"),
    ],
)
def test_hyperparameters_are_checked(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        call()
    Adam(alpha=2.0).alpha = 3.0  # a learning rate, not a decay rate


def test_counts_from_numpy_are_kept_as_numbers_of_python():
    schedule = optimizers.OnPlateau(SGD(), patience=np.int64(3), cooldown=np.float32(2))
    assert (type(schedule.patience), type(schedule.cooldown)) == (int, float)


def test_clip_value_limits_each_element_and_keeps_the_dtype():
    layer = layer_of(p=np.zeros(3, np.float32))
    layer.p.grad = Parameter(np.array([-3, 0.5, 3], np.float32))
    optimizers.ClipValue(np.float64(1))([layer.p])
    np.testing.assert_array_equal(layer.p.grad.data, [-1, 0.5, 1])
    assert layer.p.grad.dtype == np.float32


# --- schedules ---


def rates(make, steps, base=1.0):
    optimizer = SGD(base)
    schedule = make(optimizer)
    found = [optimizer.lr]
    for _ in range(steps):
        schedule.step()
        found.append(schedule.last)
    return found


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: optimizers.StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25]),
        (lambda o: optimizers.MultiStepLR(o, [3, 1]), [1, 0.1, 0.1, 0.01, 0.01]),
        (lambda o: optimizers.ExponentialLR(o, 0.5), [1, 0.5, 0.25, 0.125, 0.0625]),
        (lambda o: optimizers.LinearLR(o, 0.5, 1.0, 2), [0.5, 0.75, 1, 1, 1]),
        (lambda o: optimizers.PolynomialLR(o, 2), [1, 0.5, 0, 0, 0]),
        (lambda o: optimizers.CosineLR(o, 2, 0.5), [1, 0.75, 0.5, 0.5, 0.5]),
        (lambda o: optimizers.InverseLR(o, 1.0), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
        (lambda o: optimizers.LambdaLR(o, lambda t: 10 - t), [10, 9, 8, 7, 6]),
        (lambda o: optimizers.WarmUp(optimizers.ExponentialLR(o, 0.5), 2), [0.5, 0.5, 0.25, 0.125, 0.0625]),
        (lambda o: optimizers.between(o, 0.2, 5), [1, 0.8, 0.6, 0.4, 0.2]),
        (lambda o: optimizers.between(o, 0.0625, 5, "exponential"), [1, 0.5, 0.25, 0.125, 0.0625]),
    ],
)
def test_schedules_by_hand(make, expected):
    np.testing.assert_allclose(rates(make, 4), expected, atol=1e-16)
    optimizer = SGD(1.0)
    schedule = make(optimizer)
    schedule.step()
    schedule.step()
    other = make(SGD(1.0))
    other.load_state(schedule.state())
    assert other.last == schedule.last
    other.step()
    np.testing.assert_allclose(other.last, expected[3], atol=1e-16)


def test_a_schedule_sets_the_alpha_of_adam():
    adam = Adam(0.5)
    optimizers.ExponentialLR(adam, 0.5).step()
    assert adam.alpha == adam.lr == 0.25


def test_the_rate_falls_when_a_value_stops_improving():
    optimizer = SGD(1.0)
    schedule = optimizers.OnPlateau(optimizer, 0.5, patience=1, cooldown=2, minimum=0.3)
    found = []
    for value in [3, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1]:
        schedule.step(value)
        found.append(optimizer.lr)
    assert found == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3]
    other = optimizers.OnPlateau(SGD(optimizer.lr), 0.5, patience=1, cooldown=2)
    other.load_state(schedule.state())
    assert other.state() == schedule.state()
    assert other.last == 0.3


def test_a_failed_load_changes_nothing():
    schedule = optimizers.StepLR(SGD(1.0), 2)
    with pytest.raises(ValueError, match=re.escape("load_state: expected ['t', 'base'], got ['t', 'base', 'best']")):
        schedule.load_state({"t": 5, "base": 3.0, "best": 1.0})
    assert schedule.state() == {"t": 0, "base": 1.0}


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda o: optimizers.StepLR(None, 2), TypeError, "StepLR: expected an optimizer with a learning rate, got"),
        (lambda o: optimizers.StepLR(o, 0), ValueError, "StepLR: expected step_size above 0, got 0"),
        (lambda o: optimizers.LinearLR(o, total=0), ValueError, "LinearLR: expected total above 0, got 0"),
        (lambda o: optimizers.OnPlateau(o, 1.5), ValueError, "OnPlateau: expected a factor between 0 and 1, got 1.5"),
        (lambda o: optimizers.OnPlateau(o, mode="x"), ValueError, "OnPlateau: expected mode 'min' or 'max', got 'x'"),
        (lambda o: optimizers.between(o, 0.1, 1), ValueError, "between: expected more than one epoch, got 1"),
        (lambda o: optimizers.between(o, 0.1, 5, "x"), ValueError, "between: expected kind 'linear' or 'exponential'"),
        (lambda o: optimizers.Schedule(o).step(), NotImplementedError, "Schedule has no rate"),
    ],
)
def test_arguments_of_schedules_are_checked(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call(SGD(1.0))


def test_a_warm_up_resumes_at_its_own_base():
    first = optimizers.WarmUp(optimizers.StepLR(SGD(0.1), 3), 2)
    for _ in range(5):
        first.step()
    second = optimizers.WarmUp(optimizers.StepLR(SGD(0.01), 3), 2)  # another base until the state is loaded
    second.load_state(first.state())
    assert second.last == first.last
    second.step()
    first.step()
    assert second.last == first.last
