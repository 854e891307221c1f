"""Every function: value, dtype, and derivatives to the third order."""

import numpy as np
import pytest

from .stage import F, Variable, check_gradients, grad

UNARY = [
    (F.square, np.square),
    (F.exp, np.exp),
    (F.log, np.log),
    (F.sin, np.sin),
    (F.cos, np.cos),
    (F.tanh, np.tanh),
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
SHAPES = [(), (1,), (3,), (2, 3), (0,)]


def points(shape, n=1, positive=False):
    """Random arrays, away from the points where log and division fail."""
    rng = np.random.default_rng(0)
    low, high = (0.3, 2.0) if positive else (-2.0, 2.0)
    return [np.asarray(rng.uniform(low, high, shape)) for _ in range(n)]


def ids(function):
    return function.__name__ if hasattr(function, "__name__") else None


def check(f, *xs, order=2):
    """Check the gradients of f; without elements only their shapes, which `backward` checks."""
    if any(x.size for x in xs):
        check_gradients(f, *xs, order=order)
    else:
        variables = [Variable(x) for x in xs]
        grad(f(*variables), variables)


@pytest.mark.parametrize(("function", "reference"), UNARY, ids=ids)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_unary_value_and_dtype(function, reference, shape, dtype):
    x = points(shape, positive=function is F.log)[0].astype(dtype)
    y = function(Variable(x))
    np.testing.assert_array_equal(y.data, reference(x))
    assert y.dtype == dtype


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


def all_of_them(x):
    """Every function once, on values in its domain."""
    y = F.square(x) + F.exp(x) * F.sin(x) - F.cos(x) / (2 + F.tanh(x)) + F.log(x)
    return y + x**3 - 2**x + x**x + (1 - x) / 3 + 1 / x + (-x) * 0.5


def test_a_formula_of_all_functions():
    check_gradients(all_of_them, np.array([0.4, 1.3]), order=3)


def test_float32_stays_float32_in_every_function_at_every_order():
    x = Variable(np.array([0.4, 1.3], np.float32))
    y = all_of_them(x)
    for _ in range(3):
        assert y.dtype == np.float32
        y = grad(y, x, create_graph=True)
    assert y.dtype == np.float32


@pytest.mark.parametrize(("function", "reference"), UNARY, ids=ids)
def test_inputs_are_not_modified(function, reference):
    x = np.array([0.4, 1.3])
    x.flags.writeable = False
    v = Variable(x)
    gx = grad(function(v), v, create_graph=True)
    grad(gx, v)
    np.testing.assert_array_equal(x, [0.4, 1.3])


def test_the_derivatives_of_sin_are_periodic():
    x = Variable(np.linspace(-7, 7, 200))
    y = F.sin(x)
    for expected in (np.cos(x.data), -np.sin(x.data), -np.cos(x.data), np.sin(x.data)):
        y = grad(y, x, create_graph=True)
        np.testing.assert_allclose(y.data, expected, atol=1e-15)
