"""Numerical derivatives, and that the checks detect wrong gradients."""

import re

import numpy as np
import pytest

from .stage import F, Function, Variable, check_gradients, numerical_diff, numerical_grad, utils


def composite(x):
    return F.square(F.exp(F.square(x)))


class Planted(Function):
    """y = x^3 with a planted gradient: `rule` receives gy, x as a Variable and x as an array."""

    def __init__(self, rule):
        self.rule = rule

    def forward(self, x):
        return x**3

    def backward(self, gy):
        (x,) = self.inputs
        return self.rule(gy, x, x.data)


RIGHT = {"3 x^2 gy": lambda gy, x, data: 3 * x**2 * gy}
WRONG_AT_ORDER_1 = {
    "the wrong sign": lambda gy, x, data: -3 * x**2 * gy,
    "the wrong factor": lambda gy, x, data: 2 * x**2 * gy,
    "no gy": lambda gy, x, data: 3 * x**2,
    "zeros": lambda gy, x, data: Variable(np.zeros_like(data)),
    "in the wrong order": lambda gy, x, data: Variable((3 * data**2 * gy.data)[::-1].copy()),
}
WRONG_AT_ORDER_2 = {
    "x as data": lambda gy, x, data: gy * (3 * data**2),
    "both as data": lambda gy, x, data: Variable(3 * data**2 * gy.data),
    "half as data": lambda gy, x, data: 3 * (x * data) * gy,
}
GY_AS_DATA = {"gy as data": lambda gy, x, data: 3 * x**2 * gy.data}
WRONG_AT_ORDER_3 = {
    "the right values, a curvature of 0": lambda gy, x, data: (3 * data**2 + 6 * data * (x - data)) * gy,
}


def check(rule, order):
    check_gradients(lambda x: Planted(rule)(x), np.array([0.5, -1.5, 2.0]), order=order)


@pytest.mark.parametrize("rule", RIGHT.values(), ids=RIGHT)
def test_a_right_gradient_passes(rule):
    check(rule, order=3)


@pytest.mark.parametrize("rule", WRONG_AT_ORDER_1.values(), ids=WRONG_AT_ORDER_1)
def test_a_wrong_gradient_is_rejected(rule):
    with pytest.raises(AssertionError, match="check_gradients: order 1, input 0: expected"):
        check(rule, order=1)


@pytest.mark.parametrize("rule", WRONG_AT_ORDER_2.values(), ids=WRONG_AT_ORDER_2)
def test_a_wrong_second_gradient_is_rejected(rule):
    check(rule, order=1)
    with pytest.raises(AssertionError, match="check_gradients: order 2, input 0: expected"):
        check(rule, order=2)


@pytest.mark.parametrize("rule", (GY_AS_DATA | WRONG_AT_ORDER_2).values(), ids=GY_AS_DATA | WRONG_AT_ORDER_2)
def test_a_gradient_detached_from_gy_is_rejected_where_another_function_follows(rule):
    """If the function stands alone, gy is a constant, and the error has no effect."""
    with pytest.raises(AssertionError, match="check_gradients: order 2, input 0: expected"):
        check_gradients(lambda x: F.sin(Planted(rule)(x)), np.array([0.5, -1.5, 2.0]))


@pytest.mark.parametrize("rule", WRONG_AT_ORDER_3.values(), ids=WRONG_AT_ORDER_3)
def test_a_wrong_third_gradient_is_rejected(rule):
    check(rule, order=2)
    with pytest.raises(AssertionError, match="check_gradients: order 3, input 0: expected"):
        check(rule, order=3)


def test_the_wrong_input_is_named():
    def f(x, y):
        return x * Planted(WRONG_AT_ORDER_1["the wrong sign"])(y)

    with pytest.raises(AssertionError, match="order 1, input 1: expected"):
        check_gradients(f, np.array(2.0), np.array(3.0))


def test_a_gradient_that_is_zero_for_a_cotangent_of_ones_is_rejected():
    class Normalize(Function):
        """y = x / sum(x). For an initial gradient of ones the gradient is zero, since sum(y) is always 1."""

        def forward(self, x):
            return x / x.sum()

        def backward(self, gy):
            return gy * 0.0

    with pytest.raises(AssertionError, match="order 1"):
        check_gradients(lambda x: Normalize()(x), np.array([1.0, 2.0, 3.0]), order=1)


def test_several_outputs_are_checked():
    check_gradients(lambda x, y: [x * y, F.sin(x)], np.array([0.5, 2.0]), np.array([1.0, -1.0]), order=3)

    def wrong(x, y):
        return x * y, Planted(WRONG_AT_ORDER_1["zeros"])(x)

    with pytest.raises(AssertionError, match="order 1, input 0"):
        check_gradients(wrong, np.array([0.5, 2.0]), np.array([1.0, -1.0]))


@pytest.mark.parametrize("as_given", [lambda x: x, Variable])
def test_the_callers_inputs_are_not_modified(as_given):
    data = np.array([0.5, 2.0], np.float32)
    x = as_given(data)
    for _ in range(2):  # a second call must work too
        check_gradients(composite, x, order=2)
        assert utils.gradient_check(composite, x)
        numerical_grad(composite, x)
    np.testing.assert_array_equal(data, np.array([0.5, 2.0], np.float32))
    assert data.dtype == np.float32
    if isinstance(x, Variable):
        assert x.data is data
        assert x.grad is None


def test_the_global_random_state_is_not_changed():
    np.random.seed(0)
    expected = np.random.randn()
    np.random.seed(0)
    check_gradients(composite, np.array(0.5))
    assert np.random.randn() == expected


def test_gradient_check_returns_a_bool(capsys):
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert utils.gradient_check(lambda x, y: x * y, x, y) is True
    assert capsys.readouterr().out == ""
    assert utils.gradient_check(lambda x, y: x * Planted(WRONG_AT_ORDER_1["no gy"])(y), x, y) is False
    assert "order 1, input 1" in capsys.readouterr().out
    assert utils.gradient_check(lambda x: Planted(WRONG_AT_ORDER_2["x as data"])(x), x) is True  # first order only


def test_numerical_grad_moves_one_element_at_a_time():
    x = Variable(np.array([[1.0, 2.0], [3.0, 4.0]]))
    y = np.array([[5.0, 6.0], [7.0, 8.0]])
    np.testing.assert_allclose(numerical_grad(lambda x, y: x * y, x, y), y, rtol=1e-6)
    np.testing.assert_allclose(numerical_grad(lambda x: [x, x * 2.0], x), np.full((2, 2), 3.0), rtol=1e-6)


def test_numerical_grad_takes_integers_as_float64():
    gradient = numerical_grad(F.square, np.array([1, 2]))
    assert gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, [2.0, 4.0], rtol=1e-6)


def test_numerical_diff_prints_what_the_book_prints():
    assert numerical_diff(F.Square(), Variable(np.array(2.0))) == pytest.approx(4.000000000004, rel=1e-12)
    assert numerical_diff(composite, Variable(np.array(0.5))) == pytest.approx(3.2974426293330694, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16])
@pytest.mark.parametrize("at", [3, 1000])
def test_numerical_diff_computes_in_float64(dtype, at):
    """In float32 the derivative at 1000 would be wrong by a quarter; in float16 it would be 0."""
    for x in (np.array(at, dtype), np.array([at, -at], dtype)):
        derivative = numerical_diff(F.square, Variable(x))
        assert derivative.dtype == np.float64
        np.testing.assert_allclose(derivative, 2.0 * x, rtol=1e-7)


@pytest.mark.parametrize("wrong", [2.0, np.array(2.0)])
def test_the_point_of_numerical_diff_must_be_a_variable(wrong):
    with pytest.raises(TypeError, match=rf"numerical_diff: expected a Variable, got {type(wrong)}"):
        numerical_diff(F.square, wrong)


def test_a_gradient_of_another_shape_is_rejected():
    class Wrong(Function):
        def forward(self, x):
            return x * 2

        def backward(self, gy):
            return Variable((gy.data * 2)[None])

    with pytest.raises(AssertionError, match="order 1, input 0"):
        check_gradients(lambda x: Wrong()(x), np.array([1.0, 2.0]), order=1)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("shapes", [[], [(0,)], [(2, 0), (0, 3)], [(2,)]], ids=str)
def test_nothing_to_compare_is_rejected(shapes, order):
    """The gradient 7 of x is wrong, but without elements nothing shows it."""

    class Wrong(Function):
        def forward(self, *xs):
            return xs[0]

        def backward(self, gy):
            return tuple(x * 0.0 + 7.0 for x in self.inputs)

    error, message = ValueError, f"expected order >= 1 and inputs with elements, got {order} and {shapes}"
    if shapes == [(2,)] and order > 0:
        error, message = AssertionError, "order 1, input 0: expected"
    with pytest.raises(error, match=re.escape(f"check_gradients: {message}")):
        check_gradients(lambda *xs: Wrong()(*xs), *map(np.ones, shapes), order=order)


@pytest.mark.parametrize("tolerance", ["rtol", "atol"])
@pytest.mark.parametrize("value", [np.inf, np.nan, -1e-5])
def test_a_tolerance_that_accepts_everything_is_rejected(tolerance, value):
    with pytest.raises(ValueError, match=f"expected finite tolerances >= 0, got .*{tolerance}={value}"):
        check_gradients(F.square, np.ones(2), **{tolerance: value})
