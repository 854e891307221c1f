"""Every function: value, dtype, gradients to second order and some to third, and errors for invalid inputs."""

import gc
import math
import re
import tracemalloc
import weakref

import numpy as np
import pytest

from .stage import F, Parameter, Variable, check_gradients, grad, utils

UNARY = [
    (F.square, np.square),
    (F.exp, np.exp),
    (F.log, np.log),
    (F.sin, np.sin),
    (F.cos, np.cos),
    (F.tanh, np.tanh),
    (F.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    (F.sigmoid_simple, lambda x: 1 / (1 + np.exp(-x))),
    (F.relu, lambda x: x * (x > 0)),
    (F.leaky_relu, lambda x: x * np.where(x > 0, 1, 0.2).astype(x.dtype)),
    (lambda x: F.clip(x, -0.5, 1.0), lambda x: np.clip(x, -0.5, 1.0)),
]
BINARY = [
    (F.add, np.add),
    (F.mul, np.multiply),
    (F.sub, np.subtract),
    (F.div, np.divide),
    (F.pow, np.power),
    (F.rsub, lambda a, b: b - a),
    (F.rdiv, lambda a, b: b / a),
    (F.rpow, lambda a, b: b**a),
]
SHAPES = [(), (1,), (3,), (2, 3), (0,), (2, 0)]


def points(shape, n=1, positive=False):
    """Random arrays, away from the points where log and division fail."""
    rng = np.random.default_rng(0)
    low, high = (0.3, 2.0) if positive else (-2.0, 2.0)
    return [np.asarray(rng.uniform(low, high, shape)) for _ in range(n)]


def array(*shape):
    """Random numbers that depend on the shape alone, a quarter of them negative."""
    return np.asarray(np.random.default_rng(shape).uniform(-0.5, 1.5, shape))


def ids(function):
    return function.__name__ if hasattr(function, "__name__") else None


def gradients(f, *xs):
    """The value of f and its gradients for a random initial gradient."""
    variables = [Variable(x) for x in xs]
    y = f(*variables)
    seed = np.asarray(np.random.default_rng(1).standard_normal(y.shape))
    return [y.data, *(gx.data for gx in grad(y, variables, grad_outputs=seed))]


def check(f, *xs, order=2):
    """Check the gradients of f; without elements only their shapes, which `backward` checks."""
    if any(x.size for x in xs):
        check_gradients(f, *xs, order=order)
    else:
        variables = [Variable(x) for x in xs]
        grad(f(*variables), variables)


# --- elementwise, as in stage 3 ---


@pytest.mark.parametrize(("function", "reference"), UNARY, ids=ids)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_unary_value_and_dtype(function, reference, shape, dtype):
    x = points(shape, positive=function is F.log)[0].astype(dtype)
    y = function(Variable(x))
    np.testing.assert_allclose(y.data, reference(x), rtol=4 * np.finfo(dtype).eps)
    assert (y.dtype, y.shape) == (dtype, shape)


@pytest.mark.parametrize(("function", "reference"), UNARY, ids=ids)
@pytest.mark.parametrize("shape", SHAPES)
def test_unary_derivatives(function, reference, shape):
    (x,) = points(shape, positive=function is F.log)
    check(function, x, order=3)
    check(lambda x: F.sin(function(x)), x, order=3)  # now gy depends on x as well


@pytest.mark.parametrize(("function", "reference"), BINARY, ids=ids)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_binary_value_and_dtype(function, reference, shape, dtype):
    x0, x1 = (x.astype(dtype) for x in points(shape, 2, positive=True))
    y = function(Variable(x0), Variable(x1))
    np.testing.assert_array_equal(y.data, reference(x0, x1))
    assert y.dtype == dtype


@pytest.mark.parametrize(("function", "reference"), BINARY, ids=ids)
@pytest.mark.parametrize("shape", SHAPES)
def test_binary_derivatives(function, reference, shape):
    x0, x1 = points(shape, 2, positive=True)
    check(function, x0, x1, order=3)
    check(lambda x0, x1: F.sin(function(x0, x1)), x0, x1)  # now gy depends on the inputs as well


@pytest.mark.parametrize("shape", SHAPES)
def test_neg(shape):
    (x,) = points(shape)
    np.testing.assert_array_equal(F.neg(Variable(x)).data, -x)
    check(lambda x: F.sin(F.neg(x)), x, order=3)


@pytest.mark.parametrize("c", [0, 1, 2, 3, -1, -2, 0.5, 2.0])
def test_powers_with_a_number_as_exponent(c):
    (x,) = points((3,), positive=True)
    np.testing.assert_array_equal(F.pow(Variable(x), c).data, x**c)
    check_gradients(lambda x: x**c, x, order=3)
    check_gradients(lambda x: F.sin(x**c), x, order=3)


@pytest.mark.parametrize("c", [2, 3, -1])
def test_powers_of_negative_numbers(c):
    check_gradients(lambda x: x**c, np.array([-1.5, -0.5, 2.0]), order=3)


def test_the_derivatives_of_sin_are_periodic():
    x = Variable(np.linspace(-7, 7, 200))
    y = F.sin(x)
    for expected in (np.cos(x.data), -np.sin(x.data), -np.cos(x.data), np.sin(x.data)):
        y = grad(y, x, create_graph=True)
        np.testing.assert_allclose(y.data, expected, atol=1e-15)


# --- reductions ---


def log_sum_exp(x, axis=None, keepdims=False):
    return np.log(np.exp(x).sum(axis, keepdims=keepdims))


REDUCTIONS = [(F.sum, np.sum), (F.mean, np.mean), (F.max, np.max), (F.min, np.min), (F.logsumexp, log_sum_exp)]
AXES = [((2, 3, 2), axis) for axis in (None, 0, 1, -1, (0, 2), (-1, 0), [0, 1], (0, 1, 2), (1,), ())]
AXES += [((3,), None), ((3,), 0), ((3,), -1), ((2, 3), 1), ((), None), ((), ()), ((1, 3), 0), ((0, 3), 1)]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("shape", "axis"), AXES, ids=str)
@pytest.mark.parametrize(("function", "reference"), REDUCTIONS, ids=ids)
def test_reductions_over_any_axes(function, reference, shape, axis, keepdims):
    x = array(*shape)
    axes = tuple(axis) if isinstance(axis, list) else axis
    for dtype in (np.float32, np.float64):
        y = function(Variable(x.astype(dtype)), axis, keepdims)
        expected = reference(x.astype(dtype), axis=axes, keepdims=keepdims)
        np.testing.assert_allclose(y.data, expected, rtol=8 * np.finfo(dtype).eps)
        assert (y.dtype, y.shape) == (dtype, expected.shape)
    check(lambda x: function(x, axis, keepdims), x)
    check(lambda x: F.sin(function(x, axis, keepdims)), x)


@pytest.mark.parametrize("function", [function for function, _ in REDUCTIONS], ids=ids)
def test_a_reduction_over_no_axes_is_elementwise(function):
    x = array(2, 3)
    np.testing.assert_allclose(function(Variable(x), axis=()).data, x)


def test_sum_prints_what_the_book_prints():
    x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
    assert repr(F.sum(x)) == "variable(21)"
    y = F.sum(x, axis=0)
    y.backward()
    assert repr(y) == "variable([5 7 9])"
    assert repr(x.grad) == "variable([[1 1 1]\n          [1 1 1]])"
    assert Variable(array(2, 3, 4, 5)).sum(keepdims=True).shape == (1, 1, 1, 1)


@pytest.mark.parametrize("function", [F.max, F.min], ids=ids)
@pytest.mark.parametrize("keepdims", [False, True])
def test_ties_share_the_gradient_evenly(function, keepdims):
    x = Variable(np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]]) * (1 if function is F.max else -1))
    y = function(x, axis=1, keepdims=keepdims)
    gx = grad(y, x, grad_outputs=np.array([6.0, 9.0]).reshape(y.shape))
    np.testing.assert_array_equal(gx.data, [[0.0, 3.0, 3.0], [3.0, 3.0, 3.0]])
    x = Variable(np.zeros(4, np.float32))
    gx = grad(function(x), x)
    np.testing.assert_array_equal(gx.data, np.full(4, 0.25))
    assert gx.dtype == np.float32


@pytest.mark.parametrize("function", [F.max, F.min], ids=ids)
def test_nan_is_the_maximum_and_the_minimum_and_its_gradient_is_nan(function):
    x = Variable(np.array([[1.0, np.nan], [1.0, 2.0]]))
    y = function(x, axis=1)
    assert np.isnan(y.data[0])
    with pytest.warns(RuntimeWarning, match="invalid value encountered in divide"):
        gx = grad(y, x)
    assert np.isnan(gx.data[0]).all()
    np.testing.assert_array_equal(np.sort(gx.data[1]), [0.0, 1.0])


@pytest.mark.parametrize("function", [F.max, F.min], ids=ids)
@pytest.mark.parametrize(("shape", "axis"), [((0,), None), ((2, 0), 1), ((0, 3), 0), ((0,), 0)])
def test_the_maximum_of_an_empty_array_is_an_error(function, shape, axis):
    text = rf"{function.__name__}: expected at least one element along axes .*, got x {re.escape(str(shape))}"
    with pytest.raises(ValueError, match=text):
        function(Variable(np.zeros(shape)), axis)


def test_the_sum_of_nothing_is_zero_and_its_mean_is_nan():
    x = np.zeros((2, 0))
    np.testing.assert_array_equal(F.sum(Variable(x), axis=1).data, [0.0, 0.0])
    with pytest.warns(RuntimeWarning, match="invalid value encountered in divide"):
        assert np.isnan(F.mean(Variable(x), axis=1).data).all()
    np.testing.assert_array_equal(F.logsumexp(Variable(x), axis=1).data, [-np.inf, -np.inf])


def test_mean_is_average():
    assert F.average is F.mean


@pytest.mark.parametrize(
    ("x", "expected", "gradient"),
    [
        ([1e4, 1e4], 1e4 + math.log(2), [0.5, 0.5]),
        ([-1e4, -1e4], -1e4 + math.log(2), [0.5, 0.5]),
        ([-np.inf, 1.0], 1.0, [0.0, 1.0]),
        ([0.0, -1000.0], 0.0, [1.0, 0.0]),
    ],
)
def test_logsumexp_neither_overflows_nor_underflows(x, expected, gradient):
    x = Variable(np.array(x))
    y = F.logsumexp(x)
    np.testing.assert_allclose(y.data, expected, rtol=1e-15)
    np.testing.assert_allclose(grad(y, x).data, gradient, rtol=1e-11)


@pytest.mark.parametrize("x", [-np.inf, np.inf])
def test_logsumexp_of_infinities(x):
    assert F.logsumexp(Variable(np.array([x, x]))).data == x


# --- every other function: f of Variables, the same of arrays, inputs ---


def softmax(x, axis=1):
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


def log_softmax(x, axis=1):
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def mean_squared_error(x0, x1):
    return ((x0 - x1) ** 2).sum() / len(x0 - x1)


T = np.array([2, 0, 0])
YES = np.array([[1.0, 0.0], [0.25, 1.0], [0.0, 0.75]], np.float32)  # exact; float64 would be a node of the graph
IDS = np.array([[1, 3, 1], [0, 1, 3]])


def cross_entropy(x):
    return -log_softmax(x)[np.arange(len(T)), T].mean()


def yes_or_no(x, t=YES):
    """Minus the log-probability of the targets, summed and divided by the number of rows."""
    t = t.reshape(x.shape).astype(x.dtype)
    return (t * np.log1p(np.exp(-x)) + (1 - t) * np.log1p(np.exp(x))).sum() / len(x)


ROWS = {
    "reshape": (lambda x: F.reshape(x, (3, 2)), lambda x: x.reshape(3, 2), [(2, 3)]),
    "reshape to a row": (lambda x: F.reshape(x, 6), lambda x: x.reshape(6), [(2, 3)]),
    "reshape with -1": (lambda x: F.reshape(x, [-1, 2]), lambda x: x.reshape(-1, 2), [(2, 3)]),
    "reshape of one": (lambda x: F.reshape(x, ()), lambda x: x.reshape(()), [(1, 1)]),
    "reshape of none": (lambda x: F.reshape(x, (3, 0)), lambda x: x.reshape(3, 0), [(0, 2)]),
    "flatten": (F.flatten, lambda x: x.reshape(2, 6), [(2, 3, 2)]),
    "flatten a vector": (F.flatten, lambda x: x.reshape(3, 1), [(3,)]),
    "flatten none": (F.flatten, lambda x: x.reshape(0, 6), [(0, 3, 2)]),
    "expand_dims": (lambda x: F.expand_dims(x, 1), lambda x: x[:, None], [(2, 3)]),
    "expand_dims -1": (lambda x: F.expand_dims(x, -1), lambda x: x[..., None], [(2, 3)]),
    "expand_dims twice": (lambda x: F.expand_dims(x, (0, 2)), lambda x: x[None, :, None], [(2, 3)]),
    "expand_dims ()": (lambda x: F.expand_dims(x, 0), lambda x: x[None], [()]),
    "transpose": (F.transpose, np.transpose, [(2, 3)]),
    "transpose all": (F.transpose, np.transpose, [(2, 3, 2)]),
    "transpose a cycle": (lambda x: F.transpose(x, (1, 2, 0)), lambda x: x.transpose(1, 2, 0), [(2, 3, 2)]),
    "transpose -1": (lambda x: F.transpose(x, (-1, 0, 1)), lambda x: x.transpose(-1, 0, 1), [(2, 3, 2)]),
    "transpose a list": (lambda x: F.transpose(x, [1, 0]), lambda x: x.transpose(1, 0), [(2, 3)]),
    "transpose a vector": (F.transpose, np.transpose, [(3,)]),
    "transpose a number": (lambda x: F.transpose(x, ()), np.transpose, [()]),
    "broadcast_to": (lambda x: F.broadcast_to(x, (2, 3)), lambda x: np.broadcast_to(x, (2, 3)), [(3,)]),
    "broadcast_to columns": (lambda x: F.broadcast_to(x, [2, 3]), lambda x: np.broadcast_to(x, (2, 3)), [(2, 1)]),
    "broadcast_to of ()": (lambda x: F.broadcast_to(x, 3), lambda x: np.broadcast_to(x, 3), [()]),
    "broadcast_to both": (lambda x: F.broadcast_to(x, (2, 2, 3)), lambda x: np.broadcast_to(x, (2, 2, 3)), [(2, 1)]),
    "broadcast_to none": (lambda x: F.broadcast_to(x, (0, 3)), lambda x: np.broadcast_to(x, (0, 3)), [(1, 3)]),
    "sum_to": (lambda x: F.sum_to(x, (1, 3)), lambda x: x.sum(0, keepdims=True), [(2, 3)]),
    "sum_to a column": (lambda x: F.sum_to(x, (2, 1)), lambda x: x.sum(1, keepdims=True), [(2, 3)]),
    "sum_to a vector": (lambda x: F.sum_to(x, 3), lambda x: x.sum(0), [(2, 3)]),
    "sum_to ()": (lambda x: F.sum_to(x, ()), lambda x: x.sum(), [(2, 3)]),
    "sum_to both": (lambda x: F.sum_to(x, (3, 1)), lambda x: x.sum((0, 2)).reshape(3, 1), [(2, 3, 2)]),
    "sum_to of none": (lambda x: F.sum_to(x, (1, 3)), lambda x: x.sum(0, keepdims=True), [(0, 3)]),
    "concat": (lambda *xs: F.concat(xs), lambda *xs: np.concatenate(xs), [(2, 3), (1, 3), (0, 3)]),
    "concat columns": (lambda *xs: F.concat(xs, -1), lambda *xs: np.concatenate(xs, -1), [(2, 3), (2, 1)]),
    "concat in the middle": (lambda *xs: F.concat(xs, 1), lambda *xs: np.concatenate(xs, 1), [(2, 1, 2), (2, 2, 2)]),
    "concat one": (lambda *xs: F.concat(xs), lambda *xs: np.concatenate(xs), [(2,)]),
    "concat twice the same": (lambda x: F.concat([x, x]), lambda x: np.concatenate([x, x]), [(2, 2)]),
    "stack": (lambda *xs: F.stack(xs), lambda *xs: np.stack(xs), [(2, 3), (2, 3)]),
    "stack last": (lambda *xs: F.stack(xs, -1), lambda *xs: np.stack(xs, -1), [(2, 3), (2, 3), (2, 3)]),
    "stack numbers": (lambda *xs: F.stack(xs), lambda *xs: np.stack(xs), [(), ()]),
    "get_item": (lambda x: F.get_item(x, (0, slice(1, None))), lambda x: x[0, 1:], [(2, 3)]),
    "get_item twice": (lambda x: F.get_item(x, [0, 0, 1]), lambda x: x[[0, 0, 1]], [(2, 3)]),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.5), lambda x: x * (0.5 + (x > 0) / x.dtype.type(2)), [(2, 3)]),
    "embed_id": (lambda W: F.embed_id(IDS, W), lambda W: W[IDS], [(4, 2)]),
    "embed_id of one": (lambda W: F.embed_id(2, W), lambda W: W[2], [(4, 2)]),
    "embed_id of none": (lambda W: F.embed_id(IDS[:0], W), lambda W: W[IDS[:0]], [(4, 2)]),
    "linear": (F.linear, lambda x, W, b: x @ W + b, [(4, 2), (2, 3), (3,)]),
    "linear without b": (F.linear, lambda x, W: x @ W, [(4, 2), (2, 3)]),
    "linear of a vector": (F.linear, lambda x, W, b: x @ W + b, [(2,), (2, 3), (3,)]),
    "linear of batches": (F.linear, lambda x, W, b: x @ W + b, [(2, 2, 2), (2, 3), (3,)]),
    "linear, a row b": (F.linear, lambda x, W, b: x @ W + b, [(4, 2), (2, 3), (1, 3)]),
    "linear, one b": (F.linear, lambda x, W, b: x @ W + b, [(4, 2), (2, 3), (1,)]),
    "linear, b ()": (F.linear, lambda x, W, b: x @ W + b, [(4, 2), (2, 3), ()]),
    "linear of none": (F.linear, lambda x, W, b: x @ W + b, [(0, 2), (2, 3), (3,)]),
    "linear to none": (F.linear, lambda x, W, b: x @ W + b, [(4, 2), (2, 0), (0,)]),
    "linear from none": (F.linear, lambda x, W, b: x @ W + b, [(4, 0), (0, 3), (3,)]),
    "linear_simple": (F.linear_simple, lambda x, W, b: x @ W + b, [(4, 2), (2, 3), (3,)]),
    "linear_simple without b": (F.linear_simple, lambda x, W: x @ W, [(4, 2), (2, 3)]),
    "softmax": (F.softmax, softmax, [(2, 3)]),
    "softmax 0": (lambda x: F.softmax(x, 0), lambda x: softmax(x, 0), [(2, 3)]),
    "softmax -1": (lambda x: F.softmax(x, -1), lambda x: softmax(x, -1), [(2, 1, 3)]),
    "softmax of a vector": (lambda x: F.softmax(x, 0), lambda x: softmax(x, 0), [(3,)]),
    "softmax of all": (lambda x: F.softmax(x, (0, 1)), lambda x: softmax(x, (0, 1)), [(2, 3)]),
    "softmax of none": (F.softmax, softmax, [(0, 3)]),
    "softmax over none": (F.softmax, softmax, [(2, 0)]),
    "softmax_simple": (F.softmax_simple, softmax, [(2, 3)]),
    "softmax_simple 0": (lambda x: F.softmax_simple(x, 0), lambda x: softmax(x, 0), [(2, 3)]),
    "log_softmax": (F.log_softmax, log_softmax, [(2, 3)]),
    "log_softmax 0": (lambda x: F.log_softmax(x, 0), lambda x: log_softmax(x, 0), [(2, 3)]),
    "log_softmax -1": (lambda x: F.log_softmax(x, -1), lambda x: log_softmax(x, -1), [(2, 1, 3)]),
    "log_softmax of none": (F.log_softmax, log_softmax, [(0, 3)]),
    "mean_squared_error": (F.mean_squared_error, mean_squared_error, [(3, 2), (3, 2)]),
    "mean_squared_error of vectors": (F.mean_squared_error, mean_squared_error, [(3,), (3,)]),
    "mean_squared_error of a number": (F.mean_squared_error, mean_squared_error, [(3, 2), ()]),
    "mean_squared_error of a row": (F.mean_squared_error, mean_squared_error, [(2,), (3, 2)]),
    "mean_squared_error of one": (F.mean_squared_error, mean_squared_error, [(1, 1), (1,)]),
    "mean_squared_error_simple": (F.mean_squared_error_simple, mean_squared_error, [(3, 2), (3, 2)]),
    "mean_squared_error_simple of a row": (F.mean_squared_error_simple, mean_squared_error, [(2,), (3, 2)]),
    "softmax_cross_entropy": (lambda x: F.softmax_cross_entropy(x, T), cross_entropy, [(3, 4)]),
    "sigmoid_cross_entropy": (lambda x: F.sigmoid_cross_entropy(x, YES), yes_or_no, [(3, 2)]),
    "sigmoid_cross_entropy of vectors": (
        lambda x: F.sigmoid_cross_entropy(x, YES[:, 0]),
        lambda x: yes_or_no(x, YES[:, 0]),
        [(3,)],
    ),
    "sigmoid_cross_entropy of a column": (
        lambda x: F.sigmoid_cross_entropy(x, YES[:, 0]),
        lambda x: yes_or_no(x, YES[:, 0]),
        [(3, 1)],
    ),
    "sigmoid_cross_entropy of whole numbers": (
        lambda x: F.sigmoid_cross_entropy(x, (YES > 0.5).astype(int)),
        lambda x: yes_or_no(x, YES > 0.5),
        [(3, 2)],
    ),
    "sigmoid_cross_entropy of nothing": (
        lambda x: F.sigmoid_cross_entropy(x, YES[:, :0]),
        lambda x: yes_or_no(x, YES[:, :0]),
        [(3, 0)],
    ),
    "binary_cross_entropy": (lambda x: F.binary_cross_entropy(F.sigmoid(x), YES), yes_or_no, [(3, 2)]),
    "binary_cross_entropy of a column": (
        lambda x: F.binary_cross_entropy(F.sigmoid(x), [True, False, True]),
        lambda x: yes_or_no(x, np.array([1, 0, 1])),
        [(3, 1)],
    ),
    "softmax_cross_entropy_simple": (lambda x: F.softmax_cross_entropy_simple(x, T), cross_entropy, [(3, 4)]),
}
PRODUCTS = [((2, 3), (3, 2)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((1, 1), (1, 1)), ((2, 1), (1, 3))]
PRODUCTS += [
    ((2, 2, 3), (3, 2)),
    ((2, 2, 3), (2, 3, 1)),
    ((1, 2, 3), (2, 3, 2)),
    ((2, 3), (2, 3, 1)),
    ((3,), (2, 3, 2)),
]
PRODUCTS += [((2, 2, 3), (3,)), ((2, 1, 1, 2), (3, 2, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0,), (0,))]
ROWS |= {f"matmul {x} {W}": (F.matmul, np.matmul, [x, W]) for x, W in PRODUCTS}
THIRD_ORDER = ["transpose a cycle", "broadcast_to", "sum_to", "concat", "get_item twice", "linear", "softmax"]
THIRD_ORDER += ["log_softmax", "mean_squared_error", "softmax_cross_entropy", "matmul (2, 3) (3, 2)"]
THIRD_ORDER += ["embed_id", "sigmoid_cross_entropy", "binary_cross_entropy"]

each_row = pytest.mark.parametrize(("f", "reference", "shapes"), ROWS.values(), ids=ROWS)


@each_row
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_agree_with_numpy(f, reference, shapes, dtype):
    xs = [array(*shape).astype(dtype) for shape in shapes]
    y = f(*map(Variable, xs))
    np.testing.assert_allclose(y.data, reference(*xs), rtol=16 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)
    assert (y.shape, y.dtype) == (np.shape(reference(*xs)), dtype)


@each_row
def test_the_gradients_are_right_to_the_second_order(f, reference, shapes):
    xs = [array(*shape) for shape in shapes]
    check(f, *xs)
    check(lambda *xs: F.sin(f(*xs)), *xs)  # now gy depends on the inputs as well


@pytest.mark.parametrize("row", THIRD_ORDER)
def test_the_gradients_of_some_are_right_to_the_third_order(row):
    f, _, shapes = ROWS[row]
    check_gradients(lambda *xs: F.tanh(f(*xs)), *(array(*shape) / 2 for shape in shapes), order=3)


@pytest.mark.parametrize("function", [F.sum, F.mean, F.max, F.logsumexp], ids=ids)
def test_the_gradients_of_reductions_are_right_to_the_third_order(function):
    check_gradients(lambda x: F.tanh(function(x, axis=-1)), array(2, 2), order=3)


def casts_floats(y):
    """Whether the graph of y has a cast of floating-point numbers; one of booleans hides nothing."""
    todo, seen = [y.creator], set()
    while todo:
        f = todo.pop()
        if f is not None and id(f) not in seen:
            seen.add(id(f))
            if type(f).__name__ == "Cast" and f.inputs[0].dtype.kind == "f":
                return True
            todo += [x.creator for x in f.inputs]
    return False


@each_row
def test_float32_stays_float32_in_the_whole_backward_pass(f, reference, shapes):
    """Intermediate gradients too: a cast at the end would hide a gradient computed in float64."""
    xs = [Variable(array(*shape).astype(np.float32)) for shape in shapes]
    once = grad(F.square(f(*xs)), xs, create_graph=True)
    twice = grad([F.square(gx) for gx in once], xs, create_graph=True)
    for gx in [*once, *twice]:
        text = utils.get_dot_graph(gx)
        assert "float64" not in text
        assert not casts_floats(gx)


@each_row
def test_inputs_may_be_read_only_and_of_any_layout_and_are_not_modified(f, reference, shapes):
    xs = [array(*shape) for shape in shapes]
    expected = gradients(f, *xs)
    odd = []
    for x in xs:
        wide = np.zeros((*x.shape, 2))  # every second element of another array, with reversed axes
        strided = wide.T[0].T if x.ndim > 1 else wide[..., 0]
        strided[...] = x
        strided.flags.writeable = False
        odd.append(strided)
    for found, value in zip(gradients(f, *odd), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-13, atol=1e-15)
    for x, strided in zip(xs, odd, strict=True):
        np.testing.assert_array_equal(strided, x)


@each_row
def test_an_unreferenced_graph_is_freed(f, reference, shapes):
    xs = [Variable(array(*shape)) for shape in shapes]
    gc.disable()
    try:
        y = f(*xs)
        gxs = grad(y, xs, create_graph=True)
        graphs = [weakref.ref(v.creator) for v in [y, *gxs] if v.creator is not None]
        del y, gxs
        assert [graph() for graph in graphs] == [None] * len(graphs)
    finally:
        gc.enable()


# --- fused functions and their simple forms ---

FORMS = [
    (F.sigmoid, F.sigmoid_simple, [(3, 4)]),
    (F.linear, F.linear_simple, [(3, 2), (2, 4), (4,)]),
    (F.linear, F.linear_simple, [(3, 2), (2, 4)]),
    (F.softmax, F.softmax_simple, [(3, 4)]),
    (F.mean_squared_error, F.mean_squared_error_simple, [(3, 4), (3, 4)]),
    (lambda x: F.softmax_cross_entropy(x, T), lambda x: F.softmax_cross_entropy_simple(x, T), [(3, 4)]),
    (
        lambda x: F.sigmoid_cross_entropy(x, YES),
        lambda x: F.binary_cross_entropy(F.sigmoid(x), YES),
        [(3, 2)],
    ),
    (lambda W: F.embed_id(IDS, W), lambda W: F.get_item(W, IDS), [(4, 2)]),
]


@pytest.mark.parametrize(("fused", "simple", "shapes"), FORMS, ids=ids)
def test_a_function_and_its_simple_form_agree(fused, simple, shapes):
    xs = [array(*shape) for shape in shapes]
    for a, b in zip(gradients(fused, *xs), gradients(simple, *xs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


def kept_by(f):
    """The result of f, the bytes that are still allocated after the call, and the peak."""
    gc.collect()
    tracemalloc.start()
    try:
        result = f()
        return result, *tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def test_the_loss_of_step_42_keeps_no_intermediate_array_and_its_simple_form_keeps_two():
    x0, x1 = Variable(np.ones((1000, 100))), Variable(np.zeros((1000, 100)))
    _, fused, _ = kept_by(lambda: F.mean_squared_error(x0, x1))
    _, simple, _ = kept_by(lambda: F.mean_squared_error_simple(x0, x1))
    assert fused < 0.1 * x0.data.nbytes
    assert simple > 1.9 * x0.data.nbytes


@pytest.mark.parametrize("function", [F.linear, F.linear_simple], ids=ids)
def test_linear_keeps_only_its_result(function):
    x, W, b = Variable(np.ones((1000, 100))), Variable(np.ones((100, 100))), Variable(np.ones(100))
    y, kept, _ = kept_by(lambda: function(x, W, b))
    assert kept < 1.1 * y.data.nbytes


def test_linear_simple_releases_the_product():
    x, W, b = (Variable(array(*shape)) for shape in ((3, 2), (2, 4), (4,)))
    y = F.linear_simple(x, W, b)
    t = y.creator.inputs[0]
    assert t.data is None
    y.backward(retain_grad=True)
    np.testing.assert_array_equal(t.grad.data, np.ones((3, 4)))


def test_cross_entropy_of_ten_thousand_classes_makes_no_one_hot():
    N, C = 20, 10_000
    x = Variable(np.zeros((N, C), np.float32))
    t = np.arange(N)
    y, kept, most = kept_by(lambda: F.softmax_cross_entropy(x, t))
    assert kept < 1.1 * x.data.nbytes  # the probabilities
    assert most < 2.1 * x.data.nbytes
    _, kept, most = kept_by(y.backward)
    assert kept < 1.1 * x.data.nbytes  # the gradient
    assert most < 2.1 * x.data.nbytes
    np.testing.assert_allclose(y.data, math.log(C), rtol=1e-6)
    np.testing.assert_allclose(x.grad.data.sum(axis=1), np.zeros(N), atol=1e-6)
    assert x.grad.dtype == np.float32


# --- extremes ---


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_of_large_numbers_is_zero_or_one_without_a_warning(dtype):
    x = Variable(np.array([-np.inf, -1000, -20, 0, 20, 1000, np.inf], dtype))
    y = F.sigmoid(x)
    assert y.dtype == dtype
    small = np.exp(np.array(-20, dtype))
    expected = [0, 0, small / (1 + small), 0.5, 1 / (1 + small), 1, 1]
    np.testing.assert_allclose(y.data, np.array(expected, dtype), rtol=1e-15 if dtype is np.float64 else 1e-6)
    assert np.isfinite(grad(y, x).data).all()
    assert np.isnan(F.sigmoid(Variable(np.array(np.nan))).data)


def test_the_simple_forms_warn_where_they_overflow():
    with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
        assert F.sigmoid_simple(Variable(np.array(-1000.0))).data == 0.0
    with np.errstate(over="ignore"), pytest.warns(RuntimeWarning, match="invalid value encountered in divide"):
        y = F.softmax_simple(Variable(np.array([[1000.0, 0.0]])))
    np.testing.assert_array_equal(y.data, [[np.nan, 0.0]])


@pytest.mark.parametrize("offset", [1e4, -1e4, 0.0])
def test_softmax_and_its_variants_accept_any_logits(offset):
    scores = np.array([[0.0, 1.0, -1.0], [3.0, 3.0, 3.0], [0.0, -2000.0, -4000.0]])
    t = np.array([1, 0, 1])
    probabilities = [F.softmax(Variable(scores + d)).data for d in (0.0, offset)]
    np.testing.assert_allclose(*probabilities, rtol=1e-11)
    np.testing.assert_allclose(probabilities[1].sum(axis=1), [1.0, 1.0, 1.0])
    logarithms = F.log_softmax(Variable(scores + offset)).data
    np.testing.assert_allclose(np.exp(logarithms), probabilities[1], rtol=1e-11)
    np.testing.assert_allclose(logarithms[2], [0.0, -2000.0, -4000.0])
    x = Variable(scores + offset)
    loss = F.softmax_cross_entropy(x, t)
    np.testing.assert_allclose(loss.data, -logarithms[np.arange(3), t].mean(), rtol=1e-12)
    np.testing.assert_allclose(grad(loss, x).data[2], np.array([1.0, -1.0, 0.0]) / 3, atol=1e-12)


def test_a_logit_of_minus_infinity_has_probability_zero():
    x = Variable(np.array([[0.0, -np.inf, 0.0]]))
    np.testing.assert_array_equal(F.softmax(x).data, [[0.5, 0.0, 0.5]])
    np.testing.assert_allclose(F.log_softmax(x).data, [[-math.log(2), -np.inf, -math.log(2)]])
    loss = F.softmax_cross_entropy(x, np.array([0]))
    np.testing.assert_allclose(loss.data, math.log(2))
    np.testing.assert_array_equal(grad(loss, x).data, [[-0.5, 0.0, 0.5]])
    assert F.softmax_cross_entropy(x, np.array([1])).data == np.inf


def test_the_simple_cross_entropy_has_no_gradient_where_the_prediction_is_worst():
    x = np.array([[0.0, 100.0]])
    for function, expected in (
        (F.softmax_cross_entropy, [[-1.0, 1.0]]),
        (F.softmax_cross_entropy_simple, [[0.0, 0.0]]),
    ):
        v = Variable(x)
        np.testing.assert_allclose(grad(function(v, np.array([0])), v).data, expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_of_logits_is_finite_and_has_a_gradient_for_any_logits(dtype):
    """Without a warning; the gradient of a wrong prediction is 1 or -1, over N."""
    x = Variable(np.array([1000.0, 1000.0, -1000.0, -1000.0, 0.0], dtype))
    losses = [F.sigmoid_cross_entropy(x[i : i + 1], [t]) for i, t in enumerate([1, 0, 1, 0, 0.5])]
    np.testing.assert_allclose([y.data for y in losses], [0.0, 1000.0, 1000.0, 0.0, math.log(2)], rtol=1e-6)
    gx = grad(F.sigmoid_cross_entropy(x, [1, 0, 1, 0, 0.5]), x)
    np.testing.assert_allclose(gx.data, np.array([0, 1, -1, 0, 0]) / 5, rtol=1e-6)
    assert {y.dtype for y in losses} == {gx.dtype} == {np.dtype(dtype)}


def test_the_loss_of_logits_is_precise_for_good_predictions():
    x = np.array([20.0, -30.0])
    loss = F.sigmoid_cross_entropy(Variable(x), [1, 0])
    np.testing.assert_allclose(loss.data, np.log1p(np.exp(-np.abs(x))).sum() / 2, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_of_probabilities_0_and_1(dtype):
    """Logarithms are -100 there, slopes are over 1e-12: finite, and never 0 where the prediction is wrong."""
    p, t = Variable(np.array([0.0, 0.0, 1.0, 1.0], dtype)), np.array([0, 1, 0, 1])
    y = F.binary_cross_entropy(p, t)
    gp = grad(y, p, create_graph=True)
    np.testing.assert_allclose(y.data, 200 / 4)
    np.testing.assert_allclose(gp.data * 4, [1.0, -1e12, 1e12, -1.0], rtol=1e-6)
    assert (y.dtype, gp.dtype) == (dtype, dtype)
    assert np.isfinite(grad(gp, p).data).all()


@pytest.mark.parametrize("p", [1e-30, 1e-13, 1e-7, 0.001, 0.5, 0.999, 1 - 1e-7, 1 - 1e-15])
def test_the_loss_of_probabilities_has_exact_gradients_between_0_and_1(p):
    for t, value, slope, curvature in [
        (1, -math.log(p), -1 / p, 1 / p**2),
        (0, -math.log1p(-p), 1 / (1 - p), 1 / (1 - p) ** 2),
    ]:
        x = Variable(np.array([p]))
        y = F.binary_cross_entropy(x, [t])
        gx = grad(y, x, create_graph=True)
        found = [y.data, gx.data[0], grad(gx, x).data[0]]
        np.testing.assert_allclose(found, [value, slope, curvature], rtol=1e-12)


def test_the_gradients_of_probabilities_are_right_to_the_third_order():
    p = np.array([[0.2, 0.7], [0.4, 0.9], [0.5, 0.6]])
    check_gradients(lambda p: F.binary_cross_entropy(p, YES), p, order=3)
    check_gradients(lambda p: F.sin(F.binary_cross_entropy(p, YES)), p)


@pytest.mark.parametrize("function", [F.sigmoid_cross_entropy, F.binary_cross_entropy], ids=ids)
def test_losses_of_several_predictions_are_divided_by_the_length_of_the_first_axis(function):
    x = np.full((2, 3, 4), 0.5)
    expected = 12 * math.log(2 if function is F.binary_cross_entropy else 1 + math.exp(0.5))
    np.testing.assert_allclose(function(Variable(x), np.zeros((2, 3, 4))).data, expected)


@pytest.mark.parametrize("function", [F.sigmoid_cross_entropy, F.binary_cross_entropy], ids=ids)
@pytest.mark.parametrize("wrap", [lambda t: t, Variable, np.ndarray.tolist, lambda t: t.astype(np.float16)])
def test_targets_may_be_in_any_container_and_are_cast_to_the_dtype_of_the_logits(function, wrap):
    x = Variable(points((3, 2), positive=True)[0].astype(np.float32) / 2)
    y = function(x, wrap(YES))
    assert y.data == function(x, YES).data
    assert (y.dtype, grad(y, x).dtype) == (np.float32, np.float32)


def test_targets_receive_no_gradient():
    x, t = Variable(np.full(2, 0.5)), Variable(np.array([1.0, 0.0]))
    for function in (F.sigmoid_cross_entropy, F.binary_cross_entropy):
        function(x, t).backward()
    assert t.grad is None


def test_leaky_relu_at_its_corner_and_at_its_extremes():
    x = Variable(np.array([-np.inf, -2.0, -0.0, 0.0, 3.0, np.inf, np.nan], np.float32))
    y = F.leaky_relu(x, np.float64(0.25))
    np.testing.assert_array_equal(y.data, [-np.inf, -0.5, 0.0, 0.0, 3.0, np.inf, np.nan])
    gx = grad(y, x)
    np.testing.assert_array_equal(gx.data, [0.25, 0.25, 0.25, 0.25, 1.0, 1.0, 0.25])
    assert (y.dtype, gx.dtype) == (np.float32, np.float32)
    for slope in (0, 1, 2, -1):
        y = F.leaky_relu(Variable(np.array([-2.0, 2.0])), slope)
        np.testing.assert_array_equal(y.data, [-2.0 * slope, 2.0])


def test_relu_and_clip_at_their_corners_and_at_nan():
    x = Variable(np.array([-1.0, 0.0, 1.0, 2.0, np.nan]))
    y = F.relu(x)
    np.testing.assert_array_equal(y.data, [0.0, 0.0, 1.0, 2.0, np.nan])
    np.testing.assert_array_equal(grad(y, x).data, [0.0, 0.0, 1.0, 1.0, 0.0])
    y = F.clip(x, 0.0, 1.0)
    np.testing.assert_array_equal(y.data, [0.0, 0.0, 1.0, 1.0, np.nan])
    np.testing.assert_array_equal(grad(y, x).data, [0.0, 1.0, 1.0, 0.0, 0.0])


# --- integers ---

WHOLE = [
    (F.sum, np.int64, [[1, 1, 1], [1, 1, 1]]),
    (lambda x: F.reshape(x, 6), np.int64, [[1, 1, 1], [1, 1, 1]]),
    (F.transpose, np.int64, [[1, 1, 1], [1, 1, 1]]),
    (lambda x: F.broadcast_to(x, (2, 2, 3)), np.int64, [[2, 2, 2], [2, 2, 2]]),
    (lambda x: F.sum_to(x, (1, 3)), np.int64, [[1, 1, 1], [1, 1, 1]]),
    (lambda x: F.matmul(x, np.array([[1], [2], [3]])), np.int64, [[1, 2, 3], [1, 2, 3]]),
    (lambda x: F.linear(x, np.array([[1], [2], [3]]), np.array([1])), np.int64, [[1, 2, 3], [1, 2, 3]]),
    (lambda x: F.concat([x, x]), np.int64, [[2, 2, 2], [2, 2, 2]]),
    (lambda x: F.max(x, axis=1), np.int64, [[0, 0, 1], [0, 0, 1]]),
    (F.mean, np.float64, [[1 / 6, 1 / 6, 1 / 6], [1 / 6, 1 / 6, 1 / 6]]),
    (F.relu, np.float64, [[1, 1, 1], [1, 1, 1]]),
    (lambda x: F.leaky_relu(x - 3), np.float64, [[0.2, 0.2, 0.2], [1, 1, 1]]),
    (lambda x: F.embed_id([1, 1], x), np.int64, [[0, 0, 0], [2, 2, 2]]),
    (lambda x: F.clip(x, 2, 5), np.int64, [[0, 1, 1], [1, 1, 0]]),
    (lambda x: F.mean_squared_error(x, np.zeros((2, 3), int)), np.float64, [[1, 2, 3], [4, 5, 6]]),
]


@pytest.mark.parametrize(("f", "dtype", "gradient"), WHOLE, ids=range(len(WHOLE)))
def test_integers_follow_numpy_and_have_exact_gradients(f, dtype, gradient):
    x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
    y = f(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(grad(y, x).data, gradient)


FLOATING = [F.sigmoid, F.softmax, F.log_softmax, F.logsumexp, lambda x: F.softmax_cross_entropy(x, [1, 0])]
FLOATING += [F.leaky_relu, lambda x: F.sigmoid_cross_entropy(x, [[1, 0, 1], [0, 0.5, 0]])]
FLOATING += [lambda x: F.binary_cross_entropy(F.clip(x, 0, 1), [[1, 1, 1], [1, 0.5, 1]])]


@pytest.mark.parametrize("f", FLOATING, ids=ids)
@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_functions_of_floats_accept_integers(f, dtype):
    x = np.array([[1, 2, 3], [4, 5, 6]], dtype)
    for found, expected in zip(gradients(f, x), gradients(f, x.astype(float)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-2 if dtype is np.uint8 else 1e-15)


# --- labels ---


@pytest.mark.parametrize("function", [F.softmax_cross_entropy, F.softmax_cross_entropy_simple], ids=ids)
@pytest.mark.parametrize("wrap", [lambda t: t, Variable, list, lambda t: t.astype(np.uint8)])
def test_labels_may_be_in_any_container(function, wrap):
    assert function(Variable(array(3, 4)), wrap(T)).data == function(Variable(array(3, 4)), T).data


CLASSES = [
    ([0, 3], ValueError, "expected integers from 0 to 2, got 0 to 3"),
    ([0, -1], ValueError, "expected integers from 0 to 2, got -1 to 0"),
    ([0.0, 1.0], TypeError, "expected integers from 0 to 2, got float64"),
    ([True, False], TypeError, "expected integers from 0 to 2, got bool"),
    ([0], ValueError, "expected x (N, C) and t (N,), N at least 1, got x (2, 3) and t (1,)"),
    ([[0], [1]], ValueError, "expected x (N, C) and t (N,), N at least 1, got x (2, 3) and t (2, 1)"),
    ([[1, 0, 0], [0, 1, 0]], ValueError, "expected x (N, C) and t (N,), N at least 1, got x (2, 3) and t (2, 3)"),
    (1, ValueError, "expected x (N, C) and t (N,), N at least 1, got x (2, 3) and t ()"),
]


@pytest.mark.parametrize("function", [F.softmax_cross_entropy, F.softmax_cross_entropy_simple], ids=ids)
@pytest.mark.parametrize(("t", "error", "text"), CLASSES, ids=repr)
def test_labels_out_of_range_are_rejected(function, t, error, text):
    with pytest.raises(error, match=re.escape(f"{function.__name__}: {text}")):
        function(Variable(array(2, 3)), np.array(t))


@pytest.mark.parametrize("function", [F.softmax_cross_entropy, F.softmax_cross_entropy_simple], ids=ids)
@pytest.mark.parametrize(("shape", "N"), [((0, 3), 0), ((3,), 3), ((2, 3, 1), 2)])
def test_logits_without_rows_are_rejected(function, shape, N):
    with pytest.raises(
        ValueError,
        match=re.escape(f"{function.__name__}: expected x (N, C) and t (N,), N at least 1, got x {shape} and t ({N},)"),
    ):
        function(Variable(np.zeros(shape)), np.zeros(N, int))


@pytest.mark.parametrize("wrap", [lambda x: x, Variable, list, lambda x: x.astype(np.uint8)])
def test_ids_may_be_in_any_container(wrap):
    W = array(4, 2)
    np.testing.assert_array_equal(F.embed_id(wrap(IDS), Variable(W)).data, W[IDS])


def test_a_row_selected_several_times_receives_the_sum():
    W = Variable(array(4, 2))
    y = F.embed_id(IDS, W)
    gW = grad(y, W)
    assert y.shape == (2, 3, 2)
    np.testing.assert_array_equal(gW.data, np.array([[1.0], [3.0], [0.0], [2.0]]) * np.ones(2))


def test_accuracy_is_the_books_and_has_no_gradient():
    y = np.array([[0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [0.8, 0.1, 0.1]])
    t = np.array([1, 2, 0])
    for scores in (y, Variable(y)):
        for classes in (t, Variable(t), t.reshape(3, 1)):
            accuracy = F.accuracy(scores, classes)
            assert repr(accuracy) == "variable(0.6666666666666666)"
            assert accuracy.creator is None


# --- invalid inputs ---


def v(*shape):
    return Variable(np.ones(shape))


INVALID = [
    (
        lambda: F.broadcast_to(v(2, 3), (2,)),
        ValueError,
        "broadcast_to: expected a shape that x (2, 3) broadcasts to, got (2,)",
    ),
    (
        lambda: F.broadcast_to(v(2), (2, 3)),
        ValueError,
        "broadcast_to: expected a shape that x (2,) broadcasts to, got (2, 3)",
    ),
    (lambda: F.sum_to(v(2, 3), (2,)), ValueError, "sum_to: expected a shape that broadcasts to x (2, 3), got (2,)"),
    (lambda: F.sum_to(v(3), (2, 3)), ValueError, "sum_to: expected a shape that broadcasts to x (3,), got (2, 3)"),
    (
        lambda: utils.sum_to(np.ones((2, 3)), (3, 1)),
        ValueError,
        "sum_to: expected a shape that broadcasts to x (2, 3), got (3, 1)",
    ),
    (lambda: F.reshape(v(2, 3), (4,)), ValueError, "cannot reshape array of size 6 into shape (4,)"),
    (lambda: F.flatten(v()), ValueError, "flatten: expected x with at least one axis, got x ()"),
    (lambda: F.expand_dims(v(2), 3), ValueError, "axis 3 is out of bounds for array of dimension 2"),
    (lambda: F.transpose(v(2, 3), (1, 0, 2)), ValueError, "transpose: expected 2 axes for x (2, 3), got (1, 0, 2)"),
    (lambda: F.transpose(v(2, 3), ()), ValueError, "transpose: expected 2 axes for x (2, 3), got ()"),
    (lambda: F.transpose(v(2, 3), (0, 0)), ValueError, "repeated axis in transpose"),
    (lambda: F.concat([]), ValueError, "concat: expected at least one variable or array, got an empty list"),
    (lambda: F.concat([v(2, 3), v(2, 2)]), ValueError, "must match exactly"),
    (lambda: F.concat([v(2), 1.0]), TypeError, "got <class 'float'>"),
    (lambda: F.stack([]), ValueError, "stack: expected at least one variable or array, got an empty list"),
    (lambda: F.stack([v(2), v(3)]), ValueError, "stack: expected inputs of the same shape, got [(2,), (3,)]"),
    (lambda: F.stack([v(2), v(2)], axis=2), ValueError, "axis 2 is out of bounds"),
    (
        lambda: F.matmul(v(2, 3), v(2, 3)),
        ValueError,
        "matmul: expected x with as many columns as W has rows, got x (2, 3) and W (2, 3)",
    ),
    (
        lambda: F.matmul(v(3), v(2, 3)),
        ValueError,
        "matmul: expected x with as many columns as W has rows, got x (3,) and W (2, 3)",
    ),
    (
        lambda: F.matmul(v(2, 3), v(2)),
        ValueError,
        "matmul: expected x with as many columns as W has rows, got x (2, 3) and W (2,)",
    ),
    (
        lambda: F.matmul(v(2, 3), v(4, 2, 1)),
        ValueError,
        "matmul: expected x with as many columns as W has rows, got x (2, 3) and W (4, 2, 1)",
    ),
    (lambda: F.matmul(v(), v(2)), ValueError, "matmul: expected arrays with at least one axis, got x () and W (2,)"),
    (lambda: F.matmul(v(2, 1, 3), v(3, 3, 1)), ValueError, "broadcast"),
    (
        lambda: F.linear(v(2, 3), v(2, 3)),
        ValueError,
        "linear: expected x with as many columns as W has rows, got x (2, 3) and W (2, 3)",
    ),
    (lambda: F.linear(v(2, 3), v(3)), ValueError, "linear: expected x (N, D) and W (D, H), got x (2, 3) and W (3,)"),
    (lambda: F.linear(v(), v(1, 1)), ValueError, "linear: expected x (N, D) and W (D, H), got x () and W (1, 1)"),
    (lambda: F.linear(v(2, 3), v(3, 4), v(3)), ValueError, "linear: expected b (4,) for W (3, 4), got b (3,)"),
    (lambda: F.linear(v(2, 3), v(3, 4), v(2, 4)), ValueError, "linear: expected b (4,) for W (3, 4), got b (2, 4)"),
    (
        lambda: F.mean_squared_error(v(3, 1), v(3)),
        ValueError,
        "expected x0 and x1 of the same shape, got x0 (3, 1) and x1 (3,)",
    ),
    (
        lambda: F.mean_squared_error(v(3), v(4)),
        ValueError,
        "expected x0 and x1 of the same shape, got x0 (3,) and x1 (4,)",
    ),
    (lambda: F.mean_squared_error(v(), v()), ValueError, "expected a first axis with elements, got x0 () and x1 ()"),
    (
        lambda: F.mean_squared_error(v(0, 2), v(0, 2)),
        ValueError,
        "expected a first axis with elements, got x0 (0, 2) and x1 (0, 2)",
    ),
    (
        lambda: F.mean_squared_error_simple(v(3, 1), v(3)),
        ValueError,
        "mean_squared_error_simple: expected x0 and x1 of the same shape, got x0 (3, 1) and x1 (3,)",
    ),
    (
        lambda: F.accuracy(v(2, 3), np.zeros(3, int)),
        ValueError,
        "accuracy: expected y (N, C) and t (N,), N at least 1, got y (2, 3) and t (3,)",
    ),
    (
        lambda: F.accuracy(v(3), np.zeros(3, int)),
        ValueError,
        "accuracy: expected y (N, C) and t (N,), N at least 1, got y (3,) and t (3,)",
    ),
    (lambda: F.embed_id([0, 4], v(4, 2)), ValueError, "embed_id: expected integers from 0 to 3, got 0 to 4"),
    (lambda: F.embed_id([[-1, 0]], v(4, 2)), ValueError, "embed_id: expected integers from 0 to 3, got -1 to 0"),
    (lambda: F.embed_id([0.0], v(4, 2)), TypeError, "embed_id: expected integers from 0 to 3, got float64"),
    (lambda: F.embed_id([True], v(4, 2)), TypeError, "embed_id: expected integers from 0 to 3, got bool"),
    (lambda: F.embed_id([0], v(4)), ValueError, "embed_id: expected W (in_size, out_size), got W (4,)"),
    (lambda: F.embed_id([0], [[1.0]]), TypeError, "got <class 'list'>"),
    (lambda: F.leaky_relu(v(2), "0.2x"), TypeError, "leaky_relu: expected slope to be a number, got '0.2x'"),
    (
        lambda: F.sigmoid_cross_entropy(v(2, 3), [1, 0]),
        ValueError,
        "expected predictions and t of the same shape, N at least 1, got (2, 3) and t (2,)",
    ),
    (lambda: F.sigmoid_cross_entropy(v(2, 3), np.zeros((3, 2))), ValueError, "got (2, 3) and t (3, 2)"),
    (
        lambda: F.sigmoid_cross_entropy(v(), 1),
        ValueError,
        "expected predictions and t of the same shape, N at least 1, got () and t ()",
    ),
    (lambda: F.sigmoid_cross_entropy(v(0, 2), np.zeros((0, 2))), ValueError, "got (0, 2) and t (0, 2)"),
    (lambda: F.sigmoid_cross_entropy(v(2), [0, 2]), ValueError, "expected t from 0 to 1, got 0 to 2"),
    (lambda: F.sigmoid_cross_entropy(v(2), [-0.5, 1]), ValueError, "expected t from 0 to 1, got -0.5 to 1.0"),
    (lambda: F.sigmoid_cross_entropy(v(2), [np.nan, 1]), ValueError, "expected t from 0 to 1, got nan to nan"),
    (lambda: F.sigmoid_cross_entropy(v(1), ["yes"]), TypeError, "expected real numbers as targets, got <U3"),
    (
        lambda: F.binary_cross_entropy(v(2), [0, 1, 1]),
        ValueError,
        "binary_cross_entropy: expected predictions and t of the same shape, N at least 1, got (2,) and t (3,)",
    ),
    (
        lambda: F.binary_cross_entropy(v(2), [0, 2]),
        ValueError,
        "binary_cross_entropy: expected t from 0 to 1, got 0 to 2",
    ),
    (lambda: F.binary_cross_entropy(v(2) * 1.5, [0, 1]), ValueError, "expected p from 0 to 1, got 1.5 to 1.5"),
    (lambda: F.binary_cross_entropy(v(1) * np.nan, [0]), ValueError, "expected p from 0 to 1, got nan to nan"),
    (lambda: F.softmax(v(3)), ValueError, "softmax: axis 1 is out of bounds for array of dimension 1"),
    (lambda: F.log_softmax(v(3)), ValueError, "log_softmax: axis 1 is out of bounds for array of dimension 1"),
]


@pytest.mark.parametrize(("call", "error", "text"), INVALID, ids=range(len(INVALID)))
def test_invalid_inputs_are_rejected_by_name(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "logsumexp"])
@pytest.mark.parametrize(
    ("axis", "error", "text"),
    [
        (2, ValueError, "{}: axis 2 is out of bounds for array of dimension 2"),
        (-3, ValueError, "{}: axis -3 is out of bounds for array of dimension 2"),
        ((0, 5), ValueError, "{}: axis 5 is out of bounds for array of dimension 2"),
        ((0, -2), ValueError, "repeated axis in `{}` argument"),
        (1.0, TypeError, "'float' object cannot be interpreted as an integer|'float' object is not iterable"),
    ],
)
def test_an_axis_out_of_range_is_rejected_by_name(name, axis, error, text):
    with pytest.raises(error, match=text.format(name)):
        getattr(F, name)(v(2, 3), axis)


@pytest.mark.parametrize("wrong", [2.0, [1.0], "x"], ids=repr)
@pytest.mark.parametrize("function", [F.relu, F.sum, F.mean, F.transpose, F.softmax, F.flatten], ids=ids)
def test_an_input_that_is_not_an_array_is_rejected(function, wrong):
    with pytest.raises(TypeError, match=rf"expected a numpy.ndarray.*, got {type(wrong)}"):
        function(wrong)


# --- the book's array functions, in utils ---


def test_sum_to_of_utils_is_from_array_to_array():
    x = np.array([[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(utils.sum_to(x, (1, 3)), [[5, 7, 9]])
    np.testing.assert_array_equal(utils.sum_to(x, (2, 1)), [[6], [15]])
    np.testing.assert_array_equal(utils.sum_to(x, ()), 21)
    assert isinstance(utils.sum_to(x, ()), np.ndarray)


@pytest.mark.parametrize(("axis", "shape"), [(None, (1, 1, 1)), (1, (2, 1, 4)), (-1, (2, 3, 1)), ((0, 2), (1, 3, 1))])
def test_the_shapes_that_the_books_backward_needs(axis, shape):
    x = np.zeros((2, 3, 4))
    assert utils.max_backward_shape(x, axis) == shape
    for keepdims in (False, True):
        gy = F.sum(Variable(x), axis, keepdims)
        assert utils.reshape_sum_backward(gy, x.shape, axis, keepdims).shape == shape


def test_logsumexp_of_utils_keeps_the_axis():
    x = np.array([[1000.0, 1000.0], [0.0, -np.inf]])
    np.testing.assert_allclose(utils.logsumexp(x), [[1000.0 + math.log(2)], [0.0]])


def test_arrays_and_variables_are_compared():
    x = np.array([1.0, 2.0])
    for a in (x, Variable(x), Parameter(x)):
        assert utils.array_equal(a, x)
        assert not utils.array_equal(a, x + 1e-9)
        assert not utils.array_equal(a, x[:1])
        assert utils.array_allclose(a, Variable(x + 1e-9))
        assert not utils.array_allclose(a, x + 0.1)
        assert utils.array_allclose(a, x + 0.1, atol=0.2)


@pytest.mark.parametrize(("a", "b", "close"), [(0.0, 5e-5, False), (5e-5, 0.0, False), (1000.05, 1000.0, True)])
def test_array_allclose_has_relative_and_absolute_tolerances(a, b, close):
    assert utils.array_allclose(np.array(a), np.array(b)) is close


def test_clip_accepts_none_and_numpy_scalars_as_bounds():
    x = Variable(np.array([-2.0, 0.0, 2.0], np.float32))
    for bounds, expected, slope in [
        ((None, 1), [-2, 0, 1], [1, 1, 0]),
        ((np.float64(-1), None), [-1, 0, 2], [0, 1, 1]),
    ]:
        y = F.clip(x, *bounds)
        x.cleargrad()
        y.backward()
        np.testing.assert_array_equal(y.data, expected)
        np.testing.assert_array_equal(x.grad.data, slope)
        assert y.dtype == np.float32
    with pytest.raises(ValueError, match=r"clip: expected numbers as bounds, got shapes \(2,\) and \(\)"):
        F.clip(x, [0, 1], 1)


@pytest.mark.parametrize("function", [F.concat, F.stack])
def test_one_variable_is_not_a_list(function):
    with pytest.raises(
        TypeError, match=f"{function.__name__}: expected a list of variables or arrays, got one Variable"
    ):
        function(Variable(np.ones((2, 2))))
