"""Sums over many elements: float32 and float64 keep their digits, float16 neither stops at 2048 nor overflows."""

import warnings

import numpy as np
import pytest

from .stage import F, Variable, grad, utils

N = 10**6


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def relative_error(y, exact):
    return np.max(np.abs(np.asarray(y, np.float64) / exact - 1))


SUMS = {
    "sum": lambda x: F.sum(x, 0),
    "mean": lambda x: F.mean(x, 0) * float(len(x)),
    "sum_to": lambda x: F.sum_to(x, x.shape[1:]),
    "utils.sum_to": lambda x: Variable(utils.sum_to(x.data, x.shape[1:])),
    "gradient of a bias": lambda x: grad(F.linear(np.ones((len(x), 1), x.dtype), *bias(x)), bias.b, x),
    "gradient of broadcast_to": lambda x: grad(F.broadcast_to(row(x), x.shape), row.x, x),
    "gradient of a product": lambda x: grad(x * row(x), row.x, np.ones_like(x.data)),
}


def bias(x):
    """W and b of a linear layer with outputs like x; b is kept as an attribute."""
    bias.b = Variable(np.zeros(x.shape[1], x.dtype))
    return Variable(np.zeros((1, x.shape[1]), x.dtype)), bias.b


def row(x):
    """A variable like a row of x, kept as an attribute."""
    row.x = Variable(np.ones(x.shape[1], x.dtype))
    return row.x


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("shape", [(N, 8), (N, 1), (129, 64), (3000, 500)], ids=str)
def test_a_sum_down_the_rows_of_float32_is_precise(name, shape):
    """Four times the error of PyTorch at (1000000, 8) is 2e-6, elsewhere 4e-7; row by row it was 1e-2.

    Contiguous memory is summed by NumPy itself: pairwise, and before version 2.3 with an error of 8e-7.
    """
    old = np.lib.NumpyVersion(np.__version__) < "2.3.0"
    x = Variable(np.full(shape, 0.1, np.float32))
    found = SUMS[name](x)
    assert found.dtype == np.float32
    assert found.shape == shape[1:]
    assert relative_error(found.data, float(np.float32(0.1)) * shape[0]) < (1e-6 if old and shape == (N, 1) else 4e-7)


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_down_the_rows_of_float64_is_precise(name):
    x = Variable(np.full((N // 10, 8), 0.1))
    assert relative_error(SUMS[name](x).data, 0.1 * (N // 10)) < 4e-16 * 4


LAYOUTS = {
    "C": lambda x: x.copy(),
    "Fortran": np.asfortranarray,
    "transposed": lambda x: x.transpose(2, 0, 1).copy().transpose(1, 2, 0),
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[::-1, :, ::-1],
    "broadcast": lambda x: np.broadcast_to(x[:, :1, :1], x.shape),
}
AXES = [None, 0, 1, 2, (0, 1), (0, 2), (1, 2), (2, 0), -2]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("shape", [(300, 40, 30), (1, 500, 200), (20, 2000, 1), (17, 19, 23)], ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_sums_over_any_axes_of_any_layout_are_precise(layout, shape, dtype):
    x = layout(np.random.default_rng(0).uniform(0.01, 0.1, shape).astype(dtype))
    for axis in AXES:
        for keepdims in (False, True):
            found = F.sum(Variable(x), axis, keepdims)
            expected = x.sum(axis, dtype=np.float64, keepdims=keepdims)
            assert (found.dtype, found.shape) == (dtype, expected.shape)
            assert relative_error(found.data, expected) < 16 * np.finfo(dtype).eps


def test_short_sums_have_the_bits_of_numpy():
    """Splitting costs time, so only sums of many rows are split."""
    for shape in ((100, 30), (128, 5), (3, 4, 5), (32, 3, 28, 28), (5000,)):
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        axes = tuple(i for i in range(x.ndim) if i != 1)
        np.testing.assert_array_equal(F.sum(Variable(x), axes).data, x.sum(axes))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_stay_in_their_column(value):
    x = np.ones((1000, 4), np.float32)
    x[777, 2] = value
    np.testing.assert_array_equal(F.sum(Variable(x), 0).data, [1000, 1000, value, 1000])


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64])
def test_integers_are_summed_as_numpy_does(dtype):
    x = np.ones((5000, 3), dtype)
    for axis in (None, 0, 1):
        found, expected = F.sum(Variable(x), axis), x.sum(axis)
        assert (found.dtype, found.data.tolist()) == (expected.dtype, expected.tolist())
    np.testing.assert_array_equal(F.mean(Variable(x), 0).data, [1.0, 1.0, 1.0])


# --- float16 ---


def half(shape, value=1.0):
    return Variable(np.full(shape, value, np.float16))


LABELS = np.zeros(70_000, int)
HALVES = {  # function, input, value, gradient of x
    "mean": (F.mean, half(5000), 1, 1 / 5000),
    "mean down the rows": (lambda x: F.mean(x, 0)[0], half((5000, 1)), 1, 1 / 5000),
    "mean of more than 65504": (F.mean, half((300, 300), 2.0), 2, 1 / 90_000),
    "average": (F.average, half((300, 300), 2.0), 2, 1 / 90_000),
    "sum": (F.sum, half(5000), 5000, 1),
    "sum down the rows": (lambda x: F.sum(x, 0)[0], half((5000, 1)), 5000, 1),
    "logsumexp": (F.logsumexp, half(70_000, 0.0), np.log(70_000), 1 / 70_000),
    "max of equals": (F.max, half(5000), 1, 1 / 5000),
    "softmax": (lambda x: F.softmax(x, 0)[0], half(5000, 0.0), 1 / 5000, None),
    "softmax of more than 65504": (lambda x: F.softmax(x, 0)[0], half(70_000, 0.0), 1 / 70_000, None),
    "log_softmax": (lambda x: F.log_softmax(x, 0)[0], half(70_000, 0.0), -np.log(70_000), None),
    "mean_squared_error": (lambda x: F.mean_squared_error(x, x.data * 0), half(5000), 1, 2 / 5000),
    "mean_squared_error of many rows": (
        lambda x: F.mean_squared_error(x, x.data * 0),
        half(70_000, 3.0),
        9,
        6 / 70_000,
    ),
    "mean_squared_error of many columns": (
        lambda x: F.mean_squared_error(x, x.data * 0),
        half((300, 300), 2.0),
        1200,
        4 / 300,
    ),
    "mean_squared_error of large numbers": (
        lambda x: F.mean_squared_error(x, x.data * 0),
        half((5000,), 250.0),
        62500,
        0.1,
    ),
    "mean_squared_error_simple": (
        lambda x: F.mean_squared_error_simple(x, x.data * 0),
        half((300, 300), 2.0),
        1200,
        4 / 300,
    ),
    "softmax_cross_entropy": (
        lambda x: F.softmax_cross_entropy(x, LABELS[:5000]),
        half((5000, 3), 0.0),
        np.log(3),
        None,
    ),
    "softmax_cross_entropy of many rows": (
        lambda x: F.softmax_cross_entropy(x, LABELS),
        half((70_000, 3), 0.0),
        np.log(3),
        None,
    ),
    "softmax_cross_entropy of many columns": (
        lambda x: F.softmax_cross_entropy(x, LABELS[:2]),
        half((2, 70_000), 0.0),
        np.log(70_000),
        None,
    ),
    "softmax_cross_entropy_simple": (
        lambda x: F.softmax_cross_entropy_simple(x, LABELS),
        half((70_000, 3), 0.0),
        np.log(3),
        None,
    ),
}


@pytest.mark.parametrize(("f", "x", "value", "gradient"), HALVES.values(), ids=HALVES)
def test_float16_is_accumulated_in_float32(f, x, value, gradient):
    x = Variable(x.data)
    y = f(x)
    assert y.dtype == np.float16
    np.testing.assert_allclose(y.data, value, rtol=2e-3)
    gx = grad(y, x)
    assert (gx.dtype, gx.shape) == (np.float16, x.shape)
    assert np.isfinite(gx.data).all()
    if gradient is not None:
        np.testing.assert_allclose(gx.data, np.full(x.shape, gradient), rtol=4e-3)


def test_the_gradient_of_a_bias_in_float16_counts_beyond_2048():
    x, W, b = half((5000, 4)), half((4, 3)), half(3)
    gW, gb = grad(F.linear(x, W, b), [W, b])
    np.testing.assert_array_equal(gb.data, np.full(3, 5000, np.float16))
    np.testing.assert_array_equal(gW.data, np.full((4, 3), 5000, np.float16))
    gb = grad(x[:, :3] + b, b)
    np.testing.assert_array_equal(gb.data, np.full(3, 5000, np.float16))


def test_the_gradient_of_a_row_that_is_selected_often_counts_beyond_2048():
    W = half((3, 2))
    gW = grad(F.get_item(W, np.zeros(5000, int)), W)
    np.testing.assert_array_equal(gW.data, [[5000, 5000], [0, 0], [0, 0]])


def test_the_gradient_of_a_mean_in_float16_keeps_its_digits():
    """A loss is often scaled before backward; 1 / 90000 in float16 has few digits."""
    x = half((300, 300))
    gx = grad(F.mean(x), x, np.array(1024.0, np.float16))
    np.testing.assert_allclose(gx.data, np.full((300, 300), 1024 / 90_000), rtol=5e-4)
    x = half(5000, 2.0)
    gx = grad(F.square(F.mean(x)), x, create_graph=True)
    ggx = grad(F.sum(gx), x)
    np.testing.assert_allclose(ggx.data, np.full(5000, 2 / 5000), rtol=4e-3)


# --- integers that would wrap around ---


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint64, np.int64])
@pytest.mark.parametrize("function", [F.mean_squared_error, F.mean_squared_error_simple])
def test_the_squared_error_of_integers_does_not_wrap_around(dtype, function):
    small, large = (0, 1) if dtype is bool else (10, 110)
    a, b = np.array([small, large], dtype), np.array([large, small], dtype)
    for x0, x1 in ((a, b), (b, a), (a.astype(float), b), (a, b.astype(np.float32))):
        x0, x1 = Variable(x0), Variable(x1)
        y = function(x0, x1)
        assert y.data == (large - small) ** 2
        gx0, gx1 = grad(y, [x0, x1])
        np.testing.assert_array_equal(gx0.data, x0.data.astype(float) - x1.data)
        np.testing.assert_array_equal(gx1.data, x1.data.astype(float) - x0.data)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int64])
@pytest.mark.parametrize("pair", [(F.sigmoid_simple, F.sigmoid), (F.softmax_simple, F.softmax)])
def test_the_simple_forms_convert_small_integers_to_float64(dtype, pair):
    x = np.array([[0, 3, 20], [120, 100, 1]], dtype)
    simple, expected = pair[0](Variable(x)), pair[1](Variable(x.astype(float)))
    assert simple.dtype == np.float64
    np.testing.assert_allclose(simple.data, expected.data, rtol=1e-12)
    t = np.array([2, 0])
    for loss in (F.softmax_cross_entropy, F.softmax_cross_entropy_simple):
        np.testing.assert_allclose(loss(Variable(x), t).data, loss(Variable(x.astype(float)), t).data, rtol=1e-12)


# --- accuracy ---


def test_a_row_with_nan_is_never_correct():
    y = np.array([[np.nan, np.nan], [np.nan, 1.0], [1.0, np.nan], [0.0, 1.0]])
    for t in ([0, 0, 0, 1], [1, 1, 1, 1]):
        assert F.accuracy(y, np.array(t)).data == 0.25


@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        ([-1, 0], ValueError, "expected integers from 0 to 2, got -1 to 0"),
        ([0, 99], ValueError, "expected integers from 0 to 2, got 0 to 99"),
        ([0, 3], ValueError, "expected integers from 0 to 2, got 0 to 3"),
        ([0.5, 1.0], TypeError, "expected integers from 0 to 2, got float64"),
        ([True, False], TypeError, "expected integers from 0 to 2, got bool"),
        (["0", "1"], TypeError, "expected integers from 0 to 2, got <U1"),
    ],
)
def test_accuracy_rejects_invalid_labels(t, error, message):
    for labels in (np.array(t), np.array(t)[:, None]):
        with pytest.raises(error, match=f"accuracy: {message}"):
            F.accuracy(np.ones((2, 3)), labels)


@pytest.mark.parametrize(("y", "t"), [(None, [0]), (np.ones((1, 3)), None), (Variable(None), [0])])
def test_accuracy_of_none_is_rejected(y, t):
    with pytest.raises(TypeError, match=r"accuracy: expected y \(N, C\) and t \(N,\), got None"):
        F.accuracy(y, t)


def test_accuracy_of_nothing_is_rejected():
    with pytest.raises(ValueError, match=r"accuracy: expected y \(N, C\) and t \(N,\), N at least 1"):
        F.accuracy(np.ones((0, 3)), np.ones(0, int))


# --- shapes as NumPy integers ---


def test_shapes_may_be_numpy_integers():
    x = Variable(np.arange(6.0).reshape(2, 3))
    for shape in (np.prod(x.shape), 6, [np.int64(6)], np.array([6]), np.array(6), (np.int32(6),)):
        assert F.reshape(x, shape).shape == (6,)
    row = Variable(np.ones(3))
    for shape in (np.int64(3), 3, [3], np.array([3])):
        assert F.sum_to(x, shape).shape == (3,)
        assert F.sum_to(row, shape) is row
        assert F.broadcast_to(row, shape) is row
        assert F.broadcast_to(Variable(np.array(1.0)), shape).shape == (3,)
    for shape in ([2, 3], np.array([2, 3])):
        assert F.reshape(x, shape).shape == (2, 3)
        assert F.broadcast_to(row, shape).shape == (2, 3)


# --- no data ---

X = np.ones((2, 3))
WITHOUT_DATA = {
    "sum": F.sum,
    "mean": F.mean,
    "max": F.max,
    "logsumexp": F.logsumexp,
    "reshape": lambda x: F.reshape(x, (2,)),
    "flatten": F.flatten,
    "expand_dims": lambda x: F.expand_dims(x, 0),
    "broadcast_to": lambda x: F.broadcast_to(x, (2,)),
    "sum_to": lambda x: F.sum_to(x, (2,)),
    "concat": lambda x: F.concat([X, x]),
    "stack": lambda x: F.stack([x, X]),
    "matmul": lambda x: F.matmul(X, x),
    "linear": lambda x: F.linear(x, X),
    "mean_squared_error": lambda x: F.mean_squared_error(X, x),
    "mean_squared_error_simple": lambda x: F.mean_squared_error_simple(x, X),
    "sigmoid_simple": F.sigmoid_simple,
    "softmax_simple": F.softmax_simple,
    "softmax_cross_entropy": lambda x: F.softmax_cross_entropy(x, np.array([0])),
}


@pytest.mark.parametrize("name", WITHOUT_DATA)
@pytest.mark.parametrize("x", [None, Variable(None)], ids=["None", "no data"])
def test_none_instead_of_an_array_is_rejected_by_name(name, x):
    with pytest.raises(TypeError, match=rf"(?i)^{name}: expected a Variable with data or an array, got None$"):
        WITHOUT_DATA[name](x)


# --- one formula for both modes ---


def test_a_gradient_has_the_same_bits_with_and_without_a_graph():
    rng = np.random.default_rng(0)
    x, W, b = (Variable(rng.standard_normal(shape).astype(np.float32)) for shape in ((40, 7), (7, 5), (5,)))
    t = rng.integers(0, 5, 40)
    y = F.linear(x, W, b)
    for loss in (
        F.softmax_cross_entropy(y, t),
        F.softmax_cross_entropy_simple(y, t),
        F.mean_squared_error(y, np.ones_like(y.data)),
        F.mean(F.logsumexp(F.tanh(y), 1) * F.max(y, 1)),
        F.sum(F.log_softmax(F.sigmoid(y)) * F.softmax(F.relu(y))),
    ):
        for once, twice in zip(grad(loss, [x, W, b]), grad(loss, [x, W, b], create_graph=True), strict=True):
            np.testing.assert_array_equal(once.data, twice.data)
