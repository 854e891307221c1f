"""hybridize: programs give what the model gives, bit for bit, or the model runs as before, with a reason."""

import copy
import gc
import pickle
import threading
from collections import Counter

import numpy as np
import pytest

from .stage import SGD, Adam, F, Function, L, Layer, Parameter, Variable, cuda, grad, models, no_grad, package
from .stage import test_mode as in_use  # pytest would collect it under its own name

hybridize = package.hybridize


@pytest.fixture(autouse=True)
def seeded():
    np.random.seed(0)


def states(hybrid):
    """State and reason of each program, and of its gradients."""
    return [(found["state"], found["reason"], found["gradients"]) for found in hybrid.programs()]


def all_programs(hybrid):
    """Whether every signature has a program, forward and gradient."""
    found = states(hybrid)
    return bool(found) and all(state == "program" and {*g} <= {"program"} for state, _, g in found)


def normals(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def learn(model, batches, parts, optimizer=None, loss=F.softmax_cross_entropy):
    """Losses, gradients and weights of some training steps."""
    optimizer = (optimizer or SGD(0.1)).setup(parts)
    found = []
    for x, t in batches:
        parts.cleargrads()
        y = loss(model(x), t)
        y.backward()
        optimizer.update()
        found += [y.data, *(p.grad.data for p in parts.params()), *(v.data.copy() for _, v in parts.named_state())]
    return found


def batches(n=4, *shape, classes=3):
    rng = np.random.default_rng(1)
    return [(normals(*shape, seed=i), rng.integers(0, classes, shape[0])) for i in range(n)]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def compare(model, data, **options):
    """Training with hybridize gives the bits of training without it. Returns the Hybrid."""
    other = copy.deepcopy(model)
    hybrid = hybridize(other)
    state = np.random.get_state()
    expected = learn(model, data, model, **options)
    np.random.set_state(state)
    assert_same(learn(hybrid, data, other, **options), expected)
    return hybrid


def goldstein(x, y):
    z = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    return z * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))


def seventh(x):
    y = F.sin(x)
    for _ in range(7):
        y = grad(y, x, create_graph=True)
    return y


def test_an_mlp_learns_the_same_bits():
    hybrid = compare(models.MLP((5, 3)), batches(4, 6, 4))
    assert all_programs(hybrid)
    assert [found["calls"] for found in hybrid.programs()] == [4]


def test_the_graph_has_one_function_for_a_call():
    hybrid = hybridize(models.MLP((5, 3)))
    hybrid(Variable(normals(2, 4)))
    x = Variable(normals(2, 4))
    y = hybrid(x)
    assert y.creator.inputs[0] is x
    assert {*y.creator.inputs[1:]} == {*hybrid.params()}
    assert all(v.creator is None for v in y.creator.inputs)
    F.sum(y).backward(retain_grad=True)
    assert y.grad is not None
    assert x.grad.shape == x.shape


def test_goldstein_price_and_its_gradients_have_the_same_bits():
    hybrid = hybridize(goldstein)
    for at in ((1.0, 1.0), (0.3, -2.0), (-1.5, 0.25)):
        found = []
        for f in (hybrid, goldstein):
            x, y = (Variable(np.array(v)) for v in at)
            z = f(x, y)
            z.backward()
            found.append([z.data, x.grad.data, y.grad.data])
        assert_same(*found)
    assert all_programs(hybrid)
    hybrid(Variable(np.array(1.0)), Variable(np.array(1.0))).backward()


def test_a_function_that_differentiates_is_a_program():
    hybrid = hybridize(seventh)
    for at in (1.0, 0.5, 2.0):
        x = Variable(np.array(at))
        y = hybrid(x)
        assert y.data == seventh(x).data
        assert abs(y.data + np.cos(at)) < 1e-15
        y.backward()
        assert abs(x.grad.data - np.sin(at)) < 1e-15
    assert all_programs(hybrid)


@pytest.mark.parametrize("order", [2, 3])
def test_higher_derivatives_have_the_same_bits(order):
    hybrid, found = hybridize(goldstein), []
    hybrid(Variable(np.array(0.2)), Variable(np.array(0.1)))
    for f in (hybrid, goldstein):
        x, y = Variable(np.array(0.3)), Variable(np.array(-0.7))
        z = f(x * 1, y)
        for _ in range(order):
            gx, gy = grad(z, [x, y], create_graph=True)
            z = gx * gy
        found.append([gx.data, gy.data])
    assert_same(*found)


def test_second_derivatives_reach_the_parameters():
    model, found = models.MLP((5, 1)), []
    model(normals(3, 4))
    hybrid = hybridize(model)
    for f in (hybrid, hybrid, model):
        x = Variable(normals(3, 4, seed=1))
        model.cleargrads()
        gx = grad(F.sum(f(x)), x, create_graph=True)
        F.sum(gx * gx).backward()
        found.append([p.grad.data for p in model.params() if p.grad is not None] + [x.grad.data])
    assert_same(found[1], found[2])
    assert all_programs(hybrid)


def test_outputs_and_gradients_are_always_fresh():
    hybrid = hybridize(lambda x: (x + 0, x * F.broadcast_to(np.ones((1,)), (3,)), Variable(np.ones(3)) + 1))
    x = Variable(np.arange(3.0))
    for _ in range(3):
        ys = hybrid(x)
        np.testing.assert_array_equal(ys[2].data, [2, 2, 2])
        x.cleargrad()
        (ys[0] + ys[1]).backward()
        np.testing.assert_array_equal(x.grad.data, [2, 2, 2])
        kept = [y.data for y in ys]
        for y in ys:
            y.data += 5
        x.grad.data += 7
        assert not any(np.shares_memory(a, x.data) for a in kept)
    assert all_programs(hybrid)


def test_two_calls_before_a_backward_pass_do_not_mix():
    model = models.Sequential(L.Linear(4, in_size=3), F.sigmoid, L.Dropout(0.5), L.LayerNorm())
    hybrid, found = hybridize(model), []
    for _ in range(2):  # with one lease in stock
        F.sum(hybrid(normals(2, 3))).backward()
    for f in (hybrid, model):
        np.random.seed(3)
        model.cleargrads()
        first, second = (f(normals(2, 3, seed=seed)) for seed in (1, 2))
        F.sum(F.square(first)).backward()
        found.append([p.grad.data for p in model.params()])
        model.cleargrads()
        F.sum(F.square(second)).backward()
        found[-1] += [p.grad.data for p in model.params()]
    assert_same(*found)
    assert all_programs(hybrid)


def test_leases_are_given_back():
    hybrid = hybridize(models.MLP((5, 3)))
    traced = None
    for _ in range(50):
        F.sum(hybrid(normals(2, 4))).backward()
        (traced,) = hybrid.table.values()
    assert len(traced.leases) == 1
    ys = [hybrid(normals(2, 4)) for _ in range(3)]
    assert not traced.leases
    del ys
    assert len(traced.leases) == 3


def test_memory_stays_constant():
    hybrid = hybridize(models.MLP((5, 3)))
    counts = []
    for i in range(300):
        F.sum(hybrid(normals(2, 4))).backward()
        if i % 100 == 99:
            gc.collect()
            counts.append(len(gc.get_objects()))
    assert max(counts[1:]) - min(counts[1:]) < 20


def test_graphs_are_freed_without_the_collector():
    hybrid = hybridize(models.MLP((5, 3)))
    for _ in range(2):
        F.sum(hybrid(normals(2, 4))).backward()
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            F.sum(hybrid(normals(2, 4))).backward()
        assert gc.collect() == 0
    finally:
        gc.enable()


# --- state of layers ---


@pytest.mark.parametrize("make", [L.LSTM, L.GRU, L.RNN])
def test_the_state_of_a_layer_is_an_input_and_an_output(make):
    layer, found = make(4, in_size=3), []
    hybrid = hybridize(layer)
    for f in (hybrid, hybrid, layer):
        layer.cleargrads()
        layer.reset_state()
        for i in range(4):
            y = f(normals(2, 3, seed=i))
        F.sum(F.square(y)).backward()
        found.append([y.data, layer.h.data, *(p.grad.data for p in layer.params())])
        assert y is layer.h
    if make is L.LSTM:  # one function per call in any case
        assert_same(found[1], found[2])
    for a, b in zip(found[1], found[2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert all_programs(hybrid)
    assert len(hybrid.programs()) == 2  # without and with a state


def test_unchain_backward_cuts_between_calls():
    layer, found = L.LSTM(4, in_size=3), []
    hybrid = hybridize(layer)
    for f in (hybrid, hybrid, layer):
        layer.cleargrads()
        layer.reset_state()
        for i in range(4):
            y = f(normals(2, 3, seed=i))
            if i == 1:
                y.unchain_backward()
                layer.c.unchain_backward()
        F.sum(y).backward()
        found.append([p.grad.data for p in layer.params()])
    assert_same(found[1], found[2])


def test_the_state_follows_other_batch_sizes_and_resets():
    layer = L.LSTM(4, in_size=3)
    hybrid = hybridize(layer)
    for n in (2, 3, 2, 3):
        hybrid.reset_state()
        for i in range(3):
            y = hybrid(normals(n, 3, seed=i))
        layer.reset_state()
        for i in range(3):
            expected = layer(normals(n, 3, seed=i))
        np.testing.assert_array_equal(y.data, expected.data)
    assert all_programs(hybrid)
    hybrid(normals(3, 3))
    with pytest.raises(ValueError, match="LSTM: expected 3 rows, as in the state"):
        hybrid(normals(2, 3))


# --- modes, random numbers, buffers ---


def test_each_mode_has_its_program():
    model = models.Sequential(L.Linear(4, in_size=3), L.BatchNorm(), L.Dropout(0.5))
    hybrid = hybridize(model)
    x = normals(5, 3)
    for _ in range(3):
        for mode in (None, in_use, no_grad):
            found = []
            for f in (hybrid, model):
                saved = {path: v.data.copy() for path, v in model.named_state() if v.data is not None}
                np.random.seed(1)
                if mode is None:
                    found.append(f(x))
                else:
                    with mode():
                        found.append(f(x))
                after = {path: v.data.copy() for path, v in model.named_state()}
                if f is hybrid and len(saved) == len(after):
                    model.set_weights(saved)
            np.testing.assert_array_equal(found[0].data, found[1].data)
            assert found[0].recorded == found[1].recorded
    assert all_programs(hybrid)
    assert len(hybrid.programs()) == 3


def test_dropout_draws_what_it_draws_without_hybridize():
    model = models.Sequential(L.Linear(5, in_size=4), L.Dropout(0.5), F.tanh, L.Dropout(0.3), L.Linear(3, in_size=5))
    assert all_programs(compare(model, batches(5, 6, 4)))


def test_the_generator_is_left_as_without_hybridize():
    model, numbers = models.Sequential(L.Linear(3, in_size=4), L.Dropout(0.5)), []
    for f in (model, hybridize(model)):
        np.random.seed(7)
        for _ in range(3):
            f(normals(2, 4))
        numbers.append(np.random.rand())
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("options", [{}, {"decay": None}, {"warmup": True}, {"affine": False}])
def test_running_statistics_are_updated_once_per_call(options):
    model = models.Sequential(L.Linear(5, in_size=4), L.BatchNorm(**options), F.sigmoid, L.Linear(3, in_size=5))
    hybrid = compare(model, batches(5, 6, 4))
    assert all_programs(hybrid)


def test_weights_and_buffers_that_are_loaded_later_are_used(tmp_path):
    model = models.Sequential(L.Linear(5, in_size=4), L.BatchNorm(), L.Linear(3, in_size=5))
    hybrid, x = hybridize(model), normals(6, 4)
    hybrid(x)
    with in_use():
        hybrid(x)
    other = copy.deepcopy(model)
    for _, v in other.named_state():
        v.data = v.data * 2
    other.save_weights(tmp_path / "w.npz")
    hybrid.load_weights(tmp_path / "w.npz")
    with in_use():
        np.testing.assert_array_equal(hybrid(x).data, other(x).data)
    np.testing.assert_array_equal(hybrid(x).data, other(x).data)
    assert all_programs(hybrid)


def test_a_parameter_that_is_replaced_is_traced_again():
    model = models.MLP((5, 3))
    hybrid, x = hybridize(model), normals(2, 4)
    for _ in range(2):
        hybrid(x)
    model.l0.W = Parameter(normals(4, 5))
    np.testing.assert_array_equal(hybrid(x).data, model(x).data)
    model.activation = F.tanh
    np.testing.assert_array_equal(hybrid(x).data, model(x).data)
    model.layers = [*model.layers, L.Linear(2, in_size=3)]
    for _ in range(2):
        np.testing.assert_array_equal(hybrid(x).data, model(x).data)
    model.l2.W.data = normals(3, 7)
    model.l2.b.data = normals(7)
    for _ in range(2):
        assert hybrid(x).shape == (2, 7)
        np.testing.assert_array_equal(hybrid(x).data, model(x).data)
    assert all_programs(hybrid)


def test_a_parameter_that_is_frozen_later_receives_no_gradient():
    model = models.MLP((5, 3))
    hybrid = hybridize(model)
    for _ in range(2):
        F.sum(hybrid(normals(2, 4))).backward()
    model.cleargrads()
    model.l0.W.constant = True
    F.sum(hybrid(normals(2, 4))).backward()
    F.sum(hybrid(normals(2, 4))).backward()
    assert model.l0.W.grad is None
    assert model.l0.b.grad is not None


def test_a_parameter_used_outside_as_well_equals_eager_within_rounding():
    model = models.MLP((4, 4))
    hybrid, found = hybridize(model), []
    hybrid(normals(2, 4))
    for f in (hybrid, model):
        model.cleargrads()
        y = f(normals(2, 4)) @ model.l1.W + f(normals(2, 4, seed=1))
        (F.sum(F.square(y)) + F.sum(model.l0.W)).backward()
        found.append([p.grad.data for p in model.params()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


# --- signatures ---


def test_other_shapes_and_dtypes_have_other_programs():
    hybrid = hybridize(F.tanh)
    for x in (normals(2, 3), normals(3, 2), normals(2, 3).astype(float), normals(2, 3), np.zeros((2, 0))):
        for _ in range(2):
            y = hybrid(x)
            assert y.dtype == x.dtype
            np.testing.assert_array_equal(y.data, np.tanh(x))
    assert len(hybrid.programs()) == 4
    y = hybrid(normals(3, 2).T)
    np.testing.assert_array_equal(y.data, np.tanh(normals(3, 2).T))


def test_more_than_16_signatures_run_without_programs():
    hybrid = hybridize(F.tanh)
    for n in range(20):
        hybrid(np.ones(n))
    assert [found["state"] for found in hybrid.programs()] == ["program"] * 16 + ["eager"]
    assert hybrid.programs()[-1]["reason"] == "more than 16 signatures"
    assert hybrid.programs()[-1]["calls"] == 4
    hybrid.clear()
    assert hybrid.programs() == []


def test_the_same_variable_given_twice_is_another_signature():
    hybrid = hybridize(lambda x, y: x * y)
    a, b = Variable(np.array([2.0, 3.0])), Variable(np.array([5.0, 7.0]))
    for _ in range(2):
        for pair in ((a, a), (a, b), (b, b), (b, a)):
            a.cleargrad(), b.cleargrad()
            y = hybrid(*pair)
            y.backward()
            np.testing.assert_array_equal(y.data, pair[0].data * pair[1].data)
            assert [v.grad is not None for v in (a, b)] == [a in pair, b in pair]
    a.cleargrad()
    hybrid(a, a).backward()
    np.testing.assert_array_equal(a.grad.data, 2 * a.data)
    assert len(hybrid.programs()) == 2


def test_options_and_nested_arguments_and_results():
    def f(pair, scale=2.0, mask=None):
        x, (y, z) = pair
        return {"sum": (x + y) * scale, "rest": [z, None, "name", (x,)]}

    hybrid, (x, y, z) = hybridize(f), (Variable(np.ones(2) * k) for k in (1, 2, 3))
    for scale in (2.0, 2.0, 3.0, 2.0):
        found = hybrid((x, [y, z]), scale=scale) if scale != 2.0 else hybrid((x, [y, z]))
        np.testing.assert_array_equal(found["sum"].data, [3 * scale] * 2)
        assert found["rest"][1:3] == [None, "name"]
        assert found["rest"][0] is z
        assert found["rest"][3][0] is x
    assert [found["state"] for found in hybrid.programs()] == ["program"] * 2


def test_gradients_of_one_output_leave_the_inputs_of_the_other_alone():
    hybrid = hybridize(lambda x, y: (x * 2, y * 3))
    for _ in range(3):
        x, y = Variable(np.ones(2)), Variable(np.ones(2))
        first, second = hybrid(x, y)
        first.backward()
        assert y.grad is None
        second.backward()
        np.testing.assert_array_equal(y.grad.data, [3, 3])
    assert all_programs(hybrid)
    assert len(hybrid.programs()[0]["gradients"]) == 2


def test_a_gradient_that_is_always_zero():
    hybrid = hybridize(F.sign)
    for _ in range(3):
        x = Variable(np.array([2.0, -1.0]))
        hybrid(x).backward()
        np.testing.assert_array_equal(x.grad.data, [0, 0])
        x.grad.data += 1
    assert all_programs(hybrid)


def test_backward_twice_through_one_call():
    hybrid = hybridize(F.square)
    for _ in range(2):
        x = Variable(np.array([1.0, 2.0]))
        y = hybrid(x)
        y.backward()
        y.backward()
        np.testing.assert_array_equal(x.grad.data, [4, 8])


# --- what has no program ---


def check_eager(f, reason, *calls):
    """Every call gives what f gives, and there is no program, for a reason."""
    hybrid = hybridize(f)
    for arguments in calls:
        np.testing.assert_array_equal(hybrid(*arguments).data, f(*arguments).data)
    assert [(state, found) for state, found, _ in states(hybrid)] == [("eager", reason)]


def test_a_branch_on_data():
    check_eager(
        lambda x: x * 2 if x.data[0] > 0 else x + 1,
        "the functions that are called depend on the values",
        *[(Variable(np.array([s * 1.0, -s * 2.0, -s, -s])),) for s in (1, -1, 1)],
    )


def test_data_that_are_read():
    reason = "a constant of Mul, function number 0, changes from call to call"
    check_eager(lambda x: x * (x.data > 0), reason, *[(Variable(normals(5, seed=i)),) for i in range(3)])


def test_an_input_that_is_used_as_data():
    check_eager(
        lambda x, i: x[i],
        "input 1 is used as data, not as a variable",
        *[(Variable(normals(5)), np.array([i, 4, 1])) for i in (0, 3)],
    )


def test_a_global_counter():
    count = [0]

    def f(x):
        count[0] += 1
        return x * count[0]

    hybrid, x = hybridize(f), Variable(np.ones(2))
    for _ in range(3):
        hybrid(x)
    assert states(hybrid)[0][:2] == ("eager", "a list changes from call to call")


def test_a_counter_of_calls_counts_those_of_the_caller():
    count = Counter()

    def f(x):
        count["calls"] += 1
        return x * 2

    hybrid, x = hybridize(f), Variable(np.ones(2))
    for _ in range(3):
        hybrid(x)
    assert states(hybrid)[0][:2] == ("eager", "'calls' of an object or a dict changes from call to call")
    assert count == {"calls": 3}  # the calls again at the first one are undone


class Counting(models.Model):
    def __init__(self):
        super().__init__()
        self.l = L.Linear(2, in_size=3)
        self.count = 0

    def forward(self, x):
        self.count += 1
        return self.l(x)


def test_an_attribute_that_counts():
    model = Counting()
    hybrid = hybridize(model)
    for n in range(1, 5):
        hybrid(normals(2, 3))
        assert model.count == n
    assert states(hybrid) == [("eager", "the attribute count of a layer changes from call to call", [])]
    assert hybrid.programs()[0]["calls"] == 4


class Own(Function):
    """A function whose constructor gets an array that depends on the values."""

    def __init__(self, mask):
        self.mask = mask

    def forward(self, x):
        return x * self.mask

    def backward(self, gy):
        return gy * self.mask


def test_data_in_the_constructor_of_a_function():
    calls = [(Variable(normals(5, seed=i)),) for i in range(3)]
    check_eager(lambda x: Own(x.data > 0)(x), "Own.mask depends on the values", *calls)


def test_a_class_that_a_call_defines_with_an_array():
    def f(x):
        weights = np.array([1.0, 2.0, 0.5])

        class Weighted(Function):
            def forward(self, x):
                return x * weights

            def backward(self, gy):
                return gy * weights

        return Weighted()(x)

    hybrid = hybridize(f)
    for _ in range(3):
        x = Variable(np.ones(3))
        y = hybrid(x)
        y.backward()
        np.testing.assert_array_equal(y.data, [1, 2, 0.5])
        np.testing.assert_array_equal(x.grad.data, [1, 2, 0.5])
    assert all_programs(hybrid)


def test_data_in_the_gradient_run_as_before():
    class Stale(Function):
        def forward(self, x):
            return np.maximum(x, 0)

        def backward(self, gy):
            return gy * (self.inputs[0].data > 0)

    hybrid = hybridize(lambda x: Stale()(x))
    for i in range(3):
        x = Variable(normals(5, seed=i))
        hybrid(x).backward()
        np.testing.assert_array_equal(x.grad.data, x.data > 0)
    assert states(hybrid)[0][2] == ["a constant of Mul, function number 0, changes from call to call"]


def test_random_numbers_outside_of_functions():
    hybrid = hybridize(lambda x: x + np.random.rand(3))
    found = [hybrid(Variable(np.zeros(3))).data for _ in range(3)]
    np.random.seed(0)
    assert_same(found, [np.random.rand(3) for _ in range(3)])
    assert states(hybrid)[0][0] == "eager"


def test_a_buffer_that_changes_outside_of_functions():
    class Mean(Layer):
        def __init__(self):
            super().__init__()
            self.mean = L.Buffer(np.zeros(3), "mean")

        def forward(self, x):
            self.mean.data = 0.5 * self.mean.data + x.data.mean(0)
            return x * 1

    layer = Mean()
    hybrid = hybridize(layer)
    for n in range(3):
        before = layer.mean.data
        hybrid(Variable(np.ones((2, 3)) * n))
        np.testing.assert_array_equal(layer.mean.data, 0.5 * before + n)
    assert states(hybrid)[0][:2] == ("eager", "mean is replaced outside of functions")


def test_numbers_and_arrays_as_results():
    check = hybridize(lambda x: (x * 2, float(x.data.sum())))
    for n in (1.0, 2.0):
        assert check(Variable(np.ones(3) * n))[1] == 3 * n
    assert states(check)[0][:2] == ("eager", "the result has values that no function computed")
    check = hybridize(lambda x: (x * 2, x.data))
    check(Variable(np.ones(3)))
    assert states(check)[0][:2] == ("eager", "a constant of the result changes from call to call")
    check = hybridize(lambda x: (x * 2, np.arange(3)))
    for _ in range(3):
        found = check(Variable(np.ones(3)))[1]
        np.testing.assert_array_equal(found, [0, 1, 2])
        found += 1
    assert all_programs(check)


def test_a_function_without_inputs():
    w = Variable(np.ones(3))
    for f in (lambda: w * 2, lambda: Variable(np.ones(3)) * 2):
        hybrid = hybridize(f)
        for _ in range(3):
            np.testing.assert_array_equal(hybrid().data, [2, 2, 2])
        assert all_programs(hybrid)


def test_a_result_without_functions():
    hybrid, x = hybridize(lambda x: x), Variable(np.ones(3))
    assert all(hybrid(x) is x for _ in range(3))
    assert states(hybrid)[0][:2] == ("eager", "no function is called")


def test_an_error_in_the_second_call_is_a_reason():
    def f(x):
        if x.data.tolist() != [1.0, 2.0, 3.5]:
            raise RuntimeError("only these")
        return x * 2

    hybrid = hybridize(f)
    for _ in range(2):
        hybrid(Variable(np.array([1.0, 2.0, 3.5])))
    assert states(hybrid)[0][:2] == ("eager", "RuntimeError: only these")


# --- errors and the object itself ---


def test_errors_of_the_model_are_raised_by_every_call():
    hybrid = hybridize(lambda x, t: F.softmax_cross_entropy(x, t))
    x, t = normals(4, 3), np.array([0, 2, 1, 1])
    with pytest.raises(ValueError, match="softmax_cross_entropy: expected integers from 0 to 2, got 1 to 3"):
        hybrid(x, t + 1)
    for _ in range(3):
        hybrid(x, t)
    assert all_programs(hybrid)
    with pytest.raises(ValueError, match="softmax_cross_entropy: expected integers from 0 to 2, got 0 to 3"):
        hybrid(x, np.array([0, 3, 1, 1]))
    with pytest.raises(ValueError, match="expected x \\(N, C\\) and t \\(N,\\)"):
        hybrid(x, t[:2])
    assert hybrid(x, t).data == F.softmax_cross_entropy(x, t).data


def test_what_cannot_be_called_is_rejected():
    with pytest.raises(TypeError, match="hybridize: expected a model or a function, got int"):
        hybridize(3)


def test_a_variable_without_data_has_the_error_of_the_model():
    with pytest.raises(TypeError, match="Square: expected a Variable with data or an array, got None"):
        hybridize(F.square)(Variable(None))


def test_parameters_and_files_are_those_of_the_model(tmp_path):
    model = models.MLP((5, 3))
    hybrid = hybridize(model)
    hybrid(normals(2, 4))
    assert [path for path, _ in hybrid.named_state()] == ["l0/W", "l0/b", "l1/W", "l1/b"]
    assert list(hybrid.params()) == list(model.params())
    assert hybrid.l0 is model.l0
    assert hybrid.size == 2
    assert "MLP" in repr(hybrid)
    hybrid.save_weights(tmp_path / "w.npz")
    other = models.MLP((5, 3))
    other.load_weights(tmp_path / "w.npz")
    np.testing.assert_array_equal(other.l0.W.data, model.l0.W.data)
    with pytest.raises(AttributeError, match="no attribute 'l7'"):
        _ = hybrid.l7
    assert list(hybridize(F.tanh).params()) == []


def test_attributes_are_set_and_deleted_on_the_model():
    class Scaled(models.Model):
        scale = 1.0

        def __init__(self):
            super().__init__()
            self.l = L.Linear(3, in_size=3)

        def forward(self, x):
            return self.l(x) * self.scale

    model = Scaled()
    hybrid, x = hybridize(model), normals(2, 3)
    first, *found = hybrid(x).data, hybrid(x).data
    hybrid.scale = 2.0
    found.append(hybrid(x).data)
    del hybrid.scale
    np.testing.assert_array_equal(hybrid(x).data, first)
    hybrid.l = L.Linear(3, in_size=3)
    assert model.l is hybrid.l
    assert [path for path, _ in hybrid.named_state()] == ["l/W", "l/b"]
    np.testing.assert_array_equal(hybrid(x).data, model(x).data)
    np.testing.assert_array_equal(found[-1], 2 * first)
    assert all_programs(hybrid)
    with pytest.raises(AttributeError, match="scale"):
        del hybrid.scale


def test_an_argument_that_cannot_be_a_key_is_a_reason():
    hybrid, x = hybridize(lambda x, part: F.exp(x) * len(part)), Variable(normals(3))
    for n in range(1, 4):
        np.testing.assert_array_equal(hybrid(x, {*range(n)}).data, np.exp(x.data) * n)
    (found,) = hybrid.programs()
    assert (found["state"], found["reason"], found["calls"]) == ("eager", "TypeError: unhashable type: 'set'", 3)
    hybrid.clear()
    assert hybrid.programs() == []


def test_an_empty_batch_is_a_program():
    model, found = models.MLP((5, 3)), []
    model(normals(2, 4))
    hybrid = hybridize(model)
    for f in (hybrid, hybrid, model):
        model.cleargrads()
        F.sum(f(normals(0, 4))).backward()
        found.append([p.grad.data for p in model.params()])
    assert_same(found[1], found[2])
    assert all_programs(hybrid)


def test_active_false_calls_the_model():
    hybrid = hybridize(models.MLP((5, 3)))
    for _ in range(2):
        hybrid(normals(2, 4))
    hybrid.active = False
    assert type(hybrid(normals(2, 4)).creator).__name__ == "Linear"
    hybrid.active = True
    assert type(hybrid(normals(2, 4)).creator).__name__ == "Replay"


def test_copies_and_pickles_trace_again():
    hybrid = hybridize(models.MLP((5, 3)))
    x = normals(2, 4)
    for _ in range(2):
        hybrid(x)
    for other in (copy.deepcopy(hybrid), pickle.loads(pickle.dumps(hybrid))):
        assert other.programs() == []
        assert other.l0.W is not hybrid.l0.W
        for _ in range(2):
            np.testing.assert_array_equal(other(x).data, hybrid(x).data)


def test_what_a_call_looks_at_decides_which_program_runs():
    """Arguments that differ from those of the latest program are looked up among all programs."""

    def f(x, y):
        return F.sin(x) * y

    hybrid = hybridize(f)
    x, y, scalar = Variable(normals(2, 3)), Variable(normals(2, 3, seed=1)), Variable(np.ones((), np.float32))
    for _ in range(3):
        hybrid(x, y)
    (traced,) = hybrid.quick.values()
    assert traced.look is not None
    fixed = Variable(normals(2, 3))
    fixed.constant = True
    calls = [(x, x), (x, y.data), (x.data, y), (fixed, y), (x, scalar), (x, Variable(y.data.astype(float)))]
    calls += [(Parameter(x.data), y), (Variable(x.data[:, :2]), Variable(y.data[:, :2])), (x, 2.0), (y, x)]
    for arguments in [one for call in calls * 3 for one in ((x, y), call)]:
        results = []
        for g in (hybrid, f):
            leaves = [v for v in arguments if isinstance(v, Variable)]
            for v in leaves:
                v.cleargrad()
            z = g(*arguments)
            F.sum(z).backward()
            results.append([z.data, *(v.grad.data for v in leaves if v.grad is not None)])
        assert_same(*results)
    with no_grad():
        assert not hybrid(x, y).recorded
    assert hybrid(x, y).recorded
    assert len(hybrid.programs()) == 10
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        hybrid(x)
    with pytest.raises(TypeError, match="Sin: expected a Variable with data or an array, got None"):
        hybrid(Variable(None), y)


def test_a_program_is_not_quick_once_a_layer_has_a_state():
    class Sometimes(models.Model):
        def __init__(self):
            super().__init__()
            self.l, self.on, self.h = L.Linear(3, in_size=3), Parameter(np.zeros(1)), None

        def forward(self, x, keep=None):
            y = self.l(x) if self.h is None else self.l(x) + self.h
            if keep is not None:
                self.h = y * keep
            return y

    model = Sometimes()
    hybrid, other, x = hybridize(model), copy.deepcopy(model), normals(2, 3)
    for _ in range(2):
        for keep in (None, None, None, np.ones(3, np.float32)):
            options = {} if keep is None else {"keep": keep}
            np.testing.assert_array_equal(hybrid(x, **options).data, other(x, **options).data)


def test_a_hybrid_inside_a_hybrid_is_part_of_its_program():
    inner = hybridize(L.Linear(4, in_size=3))
    outer = hybridize(lambda x: F.tanh(inner(x)))
    for i in range(3):
        x = normals(2, 3, seed=i)
        np.testing.assert_array_equal(outer(x).data, F.tanh(inner.model(x)).data)
    assert all_programs(outer)
    assert inner.programs() == []


def test_a_hybrid_is_a_layer_of_a_model():
    inner = hybridize(models.Sequential(L.Linear(4, in_size=3), F.tanh))
    model = models.Sequential(inner, L.Linear(3, in_size=4))
    reference = copy.deepcopy(model)
    data = batches(4, 6, 3)
    assert_same(learn(model, data, model), learn(reference, data, reference))
    assert [path for path, _ in model.named_state()] == ["l0/l0/W", "l0/l0/b", "l1/W", "l1/b"]
    assert all_programs(inner)


def test_python_of_the_model_runs_when_it_is_traced():
    printed = []

    def f(x):
        printed.append(x.shape)
        return x * 2

    hybrid = hybridize(f)
    for _ in range(5):
        hybrid(Variable(np.ones(2)))
    assert len(printed) == 1  # what the second call adds is taken back


def test_a_loss_with_a_model_from_outside():
    model = models.MLP((5, 3))
    hybrid, found = hybridize(lambda x, t: F.softmax_cross_entropy(model(x), t)), []
    data = batches(4, 6, 4)
    model(data[0][0])
    saved = model.get_weights()
    for f in (hybrid, lambda x, t: F.softmax_cross_entropy(model(x), t)):
        model.set_weights(saved)
        optimizer = Adam().setup(model)
        for x, t in data:
            model.cleargrads()
            f(x, t).backward()
            optimizer.update()
        found.append([p.data.copy() for p in model.params()])
    assert_same(*found)
    assert all_programs(hybrid)
    replaced = Parameter(model.l0.W.data * 2)
    model.l0.W = replaced
    for x, t in data:
        assert hybrid(x, t).data == F.softmax_cross_entropy(model(x), t).data


def test_programs_in_threads():
    model = models.Sequential(L.Linear(8, in_size=4), L.LayerNorm(), F.tanh, L.Linear(3, in_size=8))
    hybrid = hybridize(model)
    for _ in range(2):
        F.sum(hybrid(Variable(normals(5, 4)))).backward()
    found, expected = {}, {}

    def work(k):
        for i in range(20):
            x = Variable(normals(5, 4, seed=100 * k + i))
            found[k, i] = hybrid(x).data, grad(F.sum(F.square(hybrid(x))), x).data

    threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=600)
        assert not thread.is_alive()
    for k, i in found:
        x = Variable(normals(5, 4, seed=100 * k + i))
        expected[k, i] = model(x).data, grad(F.sum(F.square(model(x))), x).data
    assert len(found) == 80
    for key, arrays in expected.items():
        assert_same(found[key], arrays)


def test_the_source_of_a_program_names_its_functions():
    hybrid = hybridize(models.MLP((5, 3)))
    hybrid(normals(2, 4))
    (found,) = hybrid.programs()
    assert [line.partition("# ")[2] for line in found["source"].splitlines() if "#" in line] == [
        "Linear",
        "Sigmoid",
        "Linear",
    ]
    assert found["signature"] == "float32 (2, 4); training"


@pytest.mark.usefixtures("xp_device")
def test_programs_on_a_device():
    x, t = normals(6, 4), np.random.default_rng(0).integers(0, 3, 6)
    model = models.Sequential(L.Linear(5, in_size=4), L.BatchNorm(), F.relu, L.Linear(3, in_size=5))
    hybrid, found = hybridize(model), []
    hybrid(x)  # on the host
    saved = model.get_weights()
    hybrid.to_gpu()
    on_device = Variable(cuda.as_cupy(x)), Variable(cuda.as_cupy(t))
    for f in (hybrid, model):
        model.set_weights(saved)
        for _ in range(3):
            model.cleargrads()
            F.softmax_cross_entropy(f(on_device[0]), on_device[1]).backward()
        found.append(
            [cuda.as_numpy(p.grad) for p in model.params()] + [cuda.as_numpy(v) for _, v in model.named_state()]
        )
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert all_programs(hybrid)
    assert len(hybrid.programs()) == 2
    with pytest.raises(TypeError, match="expected arrays on one device"):
        hybrid(x)


@pytest.mark.usefixtures("xp_device")
def test_a_recurrent_network_is_a_program_on_a_device():
    model, ids = models.Sequential(L.EmbedID(7, 4), L.LSTM(3), L.LayerNorm()), np.arange(6)
    model(ids)
    model.to_gpu()
    hybrid, found = hybridize(model), []
    for f in (hybrid, model):
        model.cleargrads()
        model.l1.reset_state()
        for k in range(4):
            y = f(Variable(cuda.as_cupy((ids + k) % 7)))
        F.sum(F.square(y)).backward()
        found.append([cuda.as_numpy(a) for a in (y, model.l1.h, *(p.grad for p in model.params()))])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert all_programs(hybrid)
    assert len(hybrid.programs()) == 2  # without and with a state


UNARY = [F.tanh, F.sin, F.cos, F.sigmoid, F.relu, F.leaky_relu, F.softplus, F.gelu, F.square, F.abs, F.neg, F.elu]
UNARY += [lambda x: F.clip(x, -0.5, 0.5), lambda x: F.softmax(x), lambda x: F.transpose(F.transpose(x)), F.log_softmax]
UNARY += [lambda x: F.broadcast_to(F.mean(x, 0, keepdims=True), x.shape), lambda x: F.dropout(x, 0.3), F.layer_norm]
UNARY += [lambda x: F.broadcast_to(F.max(x, 1, keepdims=True), x.shape), lambda x: F.flip(x, 1), F.silu, F.softsign]
BINARY = [F.add, F.sub, F.mul, F.maximum, F.minimum, lambda x, y: F.where(F.greater(x, y), x, 0.5 * y)]
BINARY += [lambda x, y: F.concat([x, y], 1)[:, 1:4], lambda x, y: F.matmul(x, F.transpose(y)) @ y * 0.1]


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_of_30_functions(seed):
    """Values, gradients and second derivatives of a graph that no one has thought of."""
    rng = np.random.default_rng(seed)
    plan = []
    for n in range(2, 32):
        binary = rng.random() < 0.4
        functions = BINARY if binary else UNARY
        plan.append((functions[rng.integers(len(functions))], rng.integers(max(0, n - 4), n, 1 + binary)))

    def graph(x, y):
        found = [x, y]
        for f, places in plan:
            found.append(f(*(found[i] for i in places)))
        return found[-1], found[-5] + found[-2]

    hybrid = hybridize(graph)
    for k in range(3):
        found = []
        for f in (hybrid, graph):
            np.random.seed(k)
            x, y = (Variable(rng_k.standard_normal((4, 3))) for rng_k in map(np.random.default_rng, (k, 99 + k)))
            first, second = f(x, y)
            gx, gy = grad([first, second], [x, y], create_graph=k == 2)
            found.append([first.data, second.data, gx.data, gy.data])
            if k == 2:
                found[-1] += [g.data for g in grad(F.sum(F.square(gx)) + F.sum(gy), [x, y])]
        assert_same(*found)
    (one,) = hybrid.programs()
    # Dropout draws where its result is not used, which is not in the graph; or an input is not used.
    assert one["reason"] in (None, "a random number changes outside of functions") or "used as data" in one["reason"]
