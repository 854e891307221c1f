"""Dropout and batch normalization: in training, at inference, and their side effects."""

import math
import re

import numpy as np
import pytest

from .stage import Config, F, Parameter, Variable, check_gradients, grad, no_grad, using_config
from .stage import test_mode as inference  # pytest would collect it under its own name

SHAPES = [(4, 3), (5, 1), (2, 3, 4), (3, 2, 1), (2, 3, 2, 3), (3, 1, 2, 2), (1, 2, 3, 3), (2, 2, 2, 1, 2)]


def array(*shape):
    """Random numbers that depend on the shape alone, far from mean 0 and deviation 1."""
    return 3 + 2 * np.random.default_rng(shape).standard_normal(shape)


def inputs(*shape):
    """x, gamma, beta and running statistics for it."""
    rng = np.random.default_rng(len(shape))
    return array(*shape), *(rng.uniform(0.5, 2.0, shape[1]) for _ in range(4))


def normalized(x, gamma, beta, eps=1e-5):
    """The formula."""
    axes = (0, *range(2, x.ndim))
    shape = (1, x.shape[1], *[1] * (x.ndim - 2))
    xh = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    return gamma.reshape(shape) * xh + beta.reshape(shape)


def batch_norm(x, gamma, beta, **kwargs):
    """batch_norm with new running statistics, for gradient checks."""
    C = x.shape[1]
    return F.batch_norm(x, gamma, beta, np.zeros(C), np.ones(C), **kwargs)


# --- the switch ---


def test_the_switch_is_on_and_is_restored_after_an_error():
    assert Config.train is True
    with inference():
        assert (Config.train, Config.enable_backprop) == (False, True)
    assert Config.train is True
    with pytest.raises(ValueError, match="expected a ratio in \\[0, 1\\), got 1"), inference():
        F.dropout(np.ones(3), 1)
    assert Config.train is True
    with inference(), inference(), using_config("train", True):
        assert Config.train is True
    with no_grad():
        assert Config.train is True


# --- dropout ---


def test_the_script_of_step_54():
    x = np.ones(5)
    np.random.seed(0)
    y = F.dropout(x)
    assert isinstance(y, Variable)
    np.random.seed(0)
    np.testing.assert_array_equal(y.data, 2.0 * (np.random.rand(5) > 0.5))
    with inference():
        np.testing.assert_array_equal(F.dropout(x).data, np.ones(5))


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.6, 0.9, 0.43455])
def test_kept_elements_are_scaled_so_that_the_mean_is_preserved(ratio):
    np.random.seed(0)
    y = F.dropout(np.ones(100_000), ratio).data
    np.testing.assert_allclose(np.unique(y), [0.0, 1 / (1 - ratio)], rtol=1e-15)
    assert abs(np.mean(y == 0) - ratio) < 0.005
    assert abs(y.mean() - 1) < 0.05


def test_a_ratio_of_zero_keeps_everything():
    x = array(3, 4)
    np.testing.assert_array_equal(F.dropout(x, 0).data, x)
    np.testing.assert_array_equal(F.dropout(x, 0.0).data, x)


def test_a_seed_repeats_the_masks_and_each_call_draws_afresh():
    x = np.ones((4, 5))

    def draws():
        np.random.seed(3)
        return [F.dropout(x).data for _ in range(3)]

    np.testing.assert_array_equal(draws(), draws())
    first, second, _ = draws()
    assert (first != second).any()


def test_in_test_mode_it_is_the_variable_itself_and_nothing_is_drawn():
    x = Variable(np.ones(3))
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    with inference():
        assert F.dropout(x, 0.9) is x
        y = F.dropout(x.data)
        assert y.data is x.data
    assert np.random.rand() == expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("ratio", [0.3, np.float64(0.3), np.float32(0.25), 0])
def test_dropout_keeps_the_dtype(dtype, ratio):
    x = Variable(np.ones((3, 4), dtype))
    y = F.dropout(x, ratio)
    F.sum(y).backward()
    assert (y.dtype, x.grad.dtype) == (dtype, dtype)


@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 3, 4, 5)])
def test_dropout_accepts_any_shape(shape):
    assert F.dropout(np.ones(shape)).shape == shape


def test_integers_that_are_kept_are_scaled():
    np.random.seed(0)
    y = F.dropout(np.full(50, 3))
    assert y.dtype == np.float64
    assert set(y.data) == {0.0, 6.0}


def test_the_gradient_of_dropout_is_its_mask_by_its_scale():
    x = Variable(array(4, 5))
    y = F.dropout(x, 0.25)
    gy = array(5, 4).T
    gx = grad(y, x, gy)
    np.testing.assert_allclose(gx.data, gy * (y.data != 0) / 0.75, rtol=1e-15)

    def seeded(x):
        np.random.seed(0)
        return F.dropout(x, 0.4)

    check_gradients(lambda x: F.sin(seeded(x)), array(2, 3), order=3)


@pytest.mark.parametrize("ratio", [1, 1.0, 1.5, -0.1, math.nan, math.inf])
def test_a_ratio_outside_0_to_1_is_rejected(ratio):
    for mode in (True, False):
        with (
            using_config("train", mode),
            pytest.raises(ValueError, match=rf"dropout: expected a ratio in \[0, 1\), got {re.escape(str(ratio))}"),
        ):
            F.dropout(np.ones(3), ratio)


def test_dropout_does_not_modify_its_input():
    x = np.ones((3, 4))
    y = F.dropout(x, 0.5)
    y.data[...] = 7.0
    np.testing.assert_array_equal(x, np.ones((3, 4)))


# --- batch_norm in training ---


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm_is_its_formula(shape):
    x, gamma, beta, mean, var = inputs(*shape)
    y = F.batch_norm(x, gamma, beta, mean, var)
    np.testing.assert_allclose(y.data, normalized(x, gamma, beta), rtol=1e-11, atol=1e-12)
    plain = F.batch_norm(x, np.ones(shape[1]), np.zeros(shape[1]), mean, var, eps=0.0).data
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(plain.mean(axes), np.zeros(shape[1]), atol=1e-12)
    np.testing.assert_allclose(plain.std(axes), np.ones(shape[1]), rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_gradients_of_batch_norm_are_those_of_its_formula_in_basic_functions(shape):
    variables = [Variable(v) for v in inputs(*shape)[:3]]
    axes, ones = (0, *range(2, len(shape))), (1, shape[1], *[1] * (len(shape) - 2))

    def simple(x, gamma, beta):
        away = x - F.mean(x, axes, keepdims=True)
        xh = away / (F.mean(away**2, axes, keepdims=True) + 1e-5) ** 0.5
        return F.reshape(gamma, ones) * xh + F.reshape(beta, ones)

    gy = array(*shape)
    found = grad(batch_norm(*variables), variables, gy)
    for gx, expected in zip(found, grad(simple(*variables), variables, gy), strict=True):
        np.testing.assert_allclose(gx.data, expected.data, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("shape", [(4, 2), (2, 2, 2), (2, 1, 1, 3), (3, 1, 1, 1)], ids=str)
def test_batch_norm_is_differentiable_twice(shape):
    x, gamma, beta, _, _ = inputs(*shape)
    check_gradients(batch_norm, x, gamma, beta)
    check_gradients(lambda x, gamma: F.sin(batch_norm(x, gamma, beta)), x, gamma)
    check_gradients(lambda x, gamma, beta: batch_norm(x, gamma, beta, eps=0.5), x, gamma, beta)


def test_batch_norm_is_differentiable_three_times():
    """With a large eps, so that repeated numerical differences are accurate."""
    x, gamma, beta, _, _ = inputs(3, 2)
    check_gradients(lambda x, gamma, beta: batch_norm(x, gamma, beta, eps=0.5), x, gamma, beta, order=3)


def test_float32_stays_float32_at_every_order():
    x, gamma, beta, mean, var = (v.astype(np.float32) for v in inputs(4, 3, 2, 2))
    variables = [Variable(v) for v in (x, gamma, beta)]
    y = F.batch_norm(*variables, mean, var)
    gxs = grad(F.sum(y**2), variables, create_graph=True)
    ggxs = grad(sum(F.sum(gx**2) for gx in gxs), variables)
    with inference():
        z = F.batch_norm(*variables, mean, var)
    assert {v.dtype for v in (y, z, *gxs, *ggxs, mean, var)} == {np.dtype(np.float32)}
    assert "Cast" not in {type(gx.creator).__name__ for gx in gxs}
    assert {a.dtype for a in vars(y.creator).values() if isinstance(a, np.ndarray)} == {np.dtype(np.float32)}


def test_integers_are_normalized_as_floats():
    x = np.arange(12).reshape(4, 3)
    _, gamma, beta, mean, var = inputs(4, 3)
    y = F.batch_norm(x, gamma, beta, mean, var)
    np.testing.assert_allclose(y.data, normalized(x.astype(float), gamma, beta), rtol=1e-12)
    with inference():
        assert F.batch_norm(x, gamma, beta, mean, var).dtype == np.float64


def test_constants_receive_no_gradient():
    x, gamma, beta, mean, var = inputs(4, 3)
    for free, value in enumerate((x, gamma, beta)):
        variable = Variable(value)
        given = [variable if i == free else v for i, v in enumerate((x, gamma, beta))]
        F.sum(F.batch_norm(*given, mean, var) ** 2).backward()
        assert variable.grad.shape == value.shape
        with inference():
            variable.cleargrad()
            F.sum(F.batch_norm(*given, mean, var) ** 2).backward()
            assert variable.grad.shape == value.shape


def test_inputs_of_any_layout_are_accepted_and_not_modified():
    x, gamma, beta, mean, var = inputs(4, 3, 2, 5)
    variables = [Variable(v.copy()) for v in (x, gamma, beta)]
    y = F.batch_norm(*variables, mean.copy(), var.copy())
    gy = array(*y.shape)
    gxs = grad(y, variables, gy)
    for variable, v in zip(variables, (x, gamma, beta), strict=True):
        np.testing.assert_array_equal(variable.data, v)
    np.testing.assert_array_equal(gy, array(*y.shape))

    strange = [Variable(np.asfortranarray(x)), Variable(np.repeat(gamma, 2)[::2]), Variable(beta[::-1].copy()[::-1])]
    again = F.batch_norm(*strange, mean.copy(), var.copy())
    np.testing.assert_allclose(again.data, y.data, rtol=1e-12)
    for gx, expected in zip(grad(again, strange, np.asfortranarray(gy)), gxs, strict=True):
        np.testing.assert_allclose(gx.data, expected.data, rtol=1e-10, atol=1e-12)


def test_a_large_mean_costs_no_digits():
    """The mean of squares minus the square of the mean would lose them."""
    x = 1e6 + array(50, 2)
    y = batch_norm(x, np.ones(2), np.zeros(2)).data
    np.testing.assert_allclose(y, normalized(x - 1e6, np.ones(2), np.zeros(2)), atol=1e-6)


# --- running statistics ---


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("decay", [0.9, 0.5, 0.0, 1.0])
@pytest.mark.parametrize("kind", [np.asarray, Variable, Parameter], ids=lambda kind: kind.__name__)
def test_training_updates_the_running_statistics_in_place(shape, decay, kind):
    x, gamma, beta, mean, var = inputs(*shape)
    old_mean, old_var = mean.copy(), var.copy()
    for _ in range(2):
        F.batch_norm(x, gamma, beta, kind(mean), kind(var), decay=decay)
        axes = (0, *range(2, len(shape)))
        old_mean = decay * old_mean + (1 - decay) * x.mean(axes)
        old_var = decay * old_var + (1 - decay) * x.var(axes, ddof=1)
        np.testing.assert_allclose(mean, old_mean, rtol=1e-12)
        np.testing.assert_allclose(var, old_var, rtol=1e-12)


def test_at_inference_running_statistics_are_used_and_not_updated():
    for shape in SHAPES:
        x, gamma, beta, mean, var = inputs(*shape)
        old_mean, old_var = mean.copy(), var.copy()
        with inference():
            found = [F.batch_norm(x, gamma, beta, kind(mean), kind(var)).data for kind in (np.asarray, Variable)]
        ones = (1, shape[1], *[1] * (len(shape) - 2))
        m, v, g, b = (a.reshape(ones) for a in (mean, var, gamma, beta))
        for y in found:
            np.testing.assert_allclose(y, g * (x - m) / np.sqrt(v + 1e-5) + b, rtol=1e-11, atol=1e-12)
        np.testing.assert_array_equal(mean, old_mean)
        np.testing.assert_array_equal(var, old_var)


def test_running_statistics_receive_no_gradient():
    x, gamma, beta, mean, var = (Variable(v) for v in inputs(4, 3))
    F.sum(F.batch_norm(x, gamma, beta, mean, var) ** 2).backward()
    with inference():
        F.sum(F.batch_norm(x, gamma, beta, mean, var) ** 2).backward()
    assert (mean.grad, var.grad) == (None, None)


def test_a_graph_does_not_see_later_updates_of_the_running_statistics():
    x, gamma, beta, mean, var = inputs(4, 3)
    variable = Variable(x)
    y = F.batch_norm(variable, gamma, beta, mean, var)
    expected = grad(y, variable, array(4, 3)).data
    mean += 5
    var *= 3
    np.testing.assert_array_equal(grad(y, variable, array(4, 3)).data, expected)


def test_at_inference_it_is_differentiable_twice():
    x, gamma, beta, mean, var = inputs(2, 2, 3)
    with inference():
        check_gradients(lambda x, g, b: F.sin(F.batch_norm(x, g, b, mean, var)), x, gamma, beta)


def test_no_grad_does_not_switch_to_inference():
    x, gamma, beta, mean, var = inputs(4, 3)
    before = mean.copy()
    with no_grad():
        y = F.batch_norm(x, gamma, beta, mean, var)
    assert y.creator is None
    assert (mean != before).all()


def test_the_misspelled_name_of_the_book_is_an_alias():
    assert F.batch_nrom is F.batch_norm


# --- errors ---


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1), (1, 3, 1, 1), (0, 3), (0, 3, 4)], ids=str)
def test_a_batch_of_one_is_rejected_only_in_training(shape):
    _, gamma, beta, mean, var = inputs(*shape)
    before = mean.copy(), var.copy()
    message = rf"batch_norm: expected at least two elements per channel in training, got x {re.escape(str(shape))}"
    with pytest.raises(ValueError, match=message):
        F.batch_norm(np.ones(shape), gamma, beta, mean, var)
    np.testing.assert_array_equal((mean, var), before)
    with inference():
        assert F.batch_norm(np.ones(shape), gamma, beta, mean, var).shape == shape


WRONG = {
    "x of one axis": (0, np.ones(3), r"x \(3,\), gamma \(3,\)"),
    "x of other channels": (0, np.ones((4, 2)), r"x \(4, 2\), gamma \(3,\)"),
    "gamma": (1, np.ones(2), r"x \(4, 3\), gamma \(2,\)"),
    "beta": (2, np.ones((3, 1)), r"x .*, beta \(3, 1\)"),
    "mean": (3, np.ones(4), r"x .*, mean \(4,\)"),
    "var": (4, np.array(1.0), r"x .*, var \(\)"),
}


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("which", "value", "message"), WRONG.values(), ids=WRONG)
def test_shapes_that_do_not_fit_are_rejected(which, value, message, train):
    given = list(inputs(4, 3))
    given[which] = value
    message = rf"batch_norm: expected x \(N, C, ...\) and \(C,\) for the others, got {message}"
    with using_config("train", train), pytest.raises(ValueError, match=message):
        F.batch_norm(*given)


@pytest.mark.parametrize(("mean", "std"), [(0, 1), (100, 1), (1000, 0.01), (1e4, 1)])
def test_batch_norm_of_numbers_far_from_zero_is_as_precise_as_they_are(mean, std):
    x = (mean + std * np.random.default_rng(0).standard_normal((64, 3, 8, 8))).astype(np.float32)
    wide = x.astype(np.longdouble)
    expected = (wide - wide.mean((0, 2, 3), keepdims=True)) / np.sqrt(wide.var((0, 2, 3), keepdims=True) + 1e-5)
    zeros, ones = np.zeros(3, np.float32), np.ones(3, np.float32)
    y = F.batch_norm(x, ones, zeros, zeros.copy(), ones.copy())
    np.testing.assert_allclose(y.data, expected.astype(float), atol=2e-6)


def test_sums_of_float16_do_not_overflow_in_batch_norm():
    x = Variable((np.random.default_rng(0).random((32, 3, 32, 32)) * 5).astype(np.float16))
    y = F.batch_norm(x, np.ones(3, np.float16), np.zeros(3, np.float16), np.zeros(3), np.ones(3))
    (gx,) = grad([y * y], [x])
    assert y.dtype == gx.dtype == np.float16
    assert np.isfinite(y.data).all()
    assert np.isfinite(gx.data).all()


@pytest.mark.parametrize(
    ("mean", "var", "error", "message"),
    [
        (None, np.ones(3), TypeError, "batch_norm: expected a floating array as mean, got None"),
        (np.zeros(3), np.ones(3, int), TypeError, "batch_norm: expected a floating array as var, got"),
        (
            np.zeros(3),
            np.broadcast_to(1.0, 3),
            ValueError,
            "batch_norm: expected a writable array as var in training, got a read-only one",
        ),
    ],
)
def test_running_statistics_that_cannot_be_updated_are_rejected_and_stay(mean, var, error, message):
    with pytest.raises(error, match=message):
        F.batch_norm(np.ones((4, 3)), np.ones(3), np.zeros(3), mean, var)
    assert mean is None or not mean.any()


@pytest.mark.parametrize("x", [None, Variable(None)], ids=["None", "no data"])
def test_none_instead_of_an_array_is_rejected_by_name(x):
    ones = np.ones(3)
    for function in (
        lambda: F.dropout(x),
        lambda: F.batch_norm(x, ones, ones, ones, ones),
        lambda: F.batch_norm(np.ones((2, 3)), ones, x, ones, ones),
    ):
        with pytest.raises(
            TypeError, match=r"^(dropout|batch_norm): expected a Variable with data or an array, got None$"
        ):
            function()


# --- sums over many elements ---


@pytest.mark.parametrize("shape", [(5000, 3), (300, 2, 8), (4, 3, 50, 60), (2, 3, 1, 5000), (1, 2, 1025)], ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_batch_norm_over_many_elements_is_precise(shape, dtype):
    rng = np.random.default_rng(0)
    x, gy = ((3 + rng.standard_normal(shape)).astype(dtype) for _ in range(2))
    gamma, beta = rng.uniform(0.5, 2.0, (2, shape[1])).astype(dtype)
    C = shape[1]
    variables = [Variable(v) for v in (x, gamma, beta)]
    mean, var = np.zeros(C), np.ones(C)
    y = F.batch_norm(*variables, mean, var, decay=0.0)
    wide = [Variable(v.astype(np.float64)) for v in (x, gamma, beta)]
    expected = F.batch_norm(*wide, np.zeros(C), np.ones(C))
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(mean, x.mean(axes, dtype=np.float64), rtol=2e-7)
    np.testing.assert_allclose(var, x.var(axes, dtype=np.float64, ddof=1), rtol=2e-6)
    found = [y, *grad(y, variables, gy)]
    for v, e in zip(found, [expected, *grad(expected, wide, gy.astype(np.float64))], strict=True):
        assert v.dtype == dtype
        np.testing.assert_allclose(v.data, e.data, rtol=0, atol=8 * np.finfo(dtype).eps * np.abs(e.data).max())


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64])
def test_small_integers_do_not_wrap_around_in_losses_and_batch_norm(dtype):
    x = np.array([[0, 120, 3], [100, 7, 1]], dtype)
    wide = x.astype(float)
    t = np.array([[0, 1, 1], [1, 0, 0]], dtype)
    for a, b in (
        (F.sigmoid_cross_entropy(x, t), F.sigmoid_cross_entropy(wide, t)),
        (
            F.sigmoid_cross_entropy(-x if dtype is np.int8 else x, t),
            F.sigmoid_cross_entropy(-wide if dtype is np.int8 else wide, t),
        ),
        (F.binary_cross_entropy(t, t), F.binary_cross_entropy(t.astype(float), t)),
        (F.batch_norm(x, *np.ones((2, 3), int), np.zeros(3), np.ones(3)), F.batch_norm(wide, *np.ones((4, 3)))),
    ):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)
    np.testing.assert_allclose(F.sigmoid_cross_entropy(np.array([-128], np.int8), [1]).data, 128.0)


def test_losses_of_float16_accumulate_in_float32():
    """The sum and N exceed the range of float16; the mean and the gradient 1 / N do not."""
    x = Variable(np.zeros((70_000, 2), np.float16))
    t = np.zeros((70_000, 2))
    for loss, p in ((F.sigmoid_cross_entropy, x), (F.binary_cross_entropy, Variable(x.data + np.float16(0.5)))):
        y = loss(p, t)
        gx = grad(y, p)
        assert (y.dtype, gx.dtype) == (np.float16, np.float16)
        np.testing.assert_allclose(y.data, 2 * math.log(2), rtol=1e-3)
        np.testing.assert_allclose(gx.data * 1.0, np.full((70_000, 2), gx.data[0, 0]), rtol=0)
        assert gx.data[0, 0] > 0


def test_probabilities_of_float16_at_their_ends_have_finite_gradients():
    p = Variable(np.array([0, 1, 0, 1], np.float16))
    gp = grad(F.binary_cross_entropy(p, [0, 1, 1, 0]), p)
    np.testing.assert_allclose(gp.data[:2], [0.25, -0.25], rtol=1e-3)
    assert np.isfinite(gp.data).all()
    assert gp.data[2] < -1000
    assert gp.data[3] > 1000
