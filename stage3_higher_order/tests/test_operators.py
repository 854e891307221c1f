"""The operators + - * / ** between variables, arrays and numbers, on either side."""

import operator

import numpy as np
import pytest

from .stage import F, Variable, check_gradients, grad

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
OTHERS = [2, 2.5, True, np.float64(1.5), np.array(3.0), np.array([1.5, 2.5])]


def scalar(x):
    return Variable(np.array(x))


def derivatives(f, x, orders):
    """The value and the derivatives of f at x."""
    x = Variable(x)
    y = f(x)
    found = [y.data]
    for _ in range(orders):
        y = grad(y, x, create_graph=True)
        found.append(y.data)
    return found


@pytest.mark.parametrize("sign", BINARY)
@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_a_number_or_an_array_may_be_on_either_side(sign, other):
    data = np.array([0.5, 2.0])
    for f in (lambda x: sign(x, other), lambda x: sign(other, x)):
        y = f(Variable(data))
        assert isinstance(y, Variable)
        np.testing.assert_array_equal(y.data, f(data))
        check_gradients(f, data)


@pytest.mark.parametrize("sign", BINARY)
def test_two_variables(sign):
    x0, x1 = np.array([0.5, 2.0]), np.array([1.5, 0.7])
    np.testing.assert_array_equal(sign(Variable(x0), Variable(x1)).data, sign(x0, x1))
    check_gradients(sign, x0, x1, order=3)


@pytest.mark.parametrize("sign", BINARY)
def test_the_same_variable_on_both_sides(sign):
    check_gradients(lambda x: sign(x, x), np.array([0.5, 2.0]), order=3)


def test_the_minus_sign():
    np.testing.assert_array_equal((-Variable(np.array([1.0, -2.0]))).data, [-1.0, 2.0])
    check_gradients(operator.neg, np.array([0.5, -2.0]))


@pytest.mark.parametrize("sign", BINARY)
@pytest.mark.parametrize("number", [2, 2.5, True])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_python_numbers_keep_float32(sign, number, order):
    data = np.array([0.5, 2.0], np.float32)
    assert derivatives(lambda x: sign(x, number), data, order)[-1].dtype == np.float32
    assert derivatives(lambda x: sign(number, x), data, order)[-1].dtype == np.float32


def test_python_numbers_with_integers_follow_numpy():
    x = Variable(np.array([1, 2]))
    assert (x * 2).dtype == np.int64
    assert (x * 2.5).dtype == np.float64
    assert (2**x).dtype == np.int64
    assert (2.5**x).dtype == np.float64


def test_numpy_scalars_and_arrays_keep_their_dtype():
    x = Variable(np.array([1.0, 2.0], np.float32))
    assert (x * np.float64(2.0)).dtype == np.float64
    assert (x * np.array(2.0)).dtype == np.float64


def test_the_gradient_of_integers_is_not_rounded():
    x = scalar(2)
    assert grad(x / 4.0, x).data == 0.25
    assert grad(x**-1, x).data == -0.25
    assert grad(2**x, x).data == 4 * np.log(2.0)


@pytest.mark.parametrize(("base", "expected"), [(0.0, [0.0, 0.0, 2.0, 0.0, 0.0]), (3.0, [9.0, 6.0, 2.0, 0.0, 0.0])])
def test_the_higher_derivatives_of_a_square_also_at_zero(base, expected):
    assert derivatives(lambda x: x**2, np.array(base), 4) == expected
    assert derivatives(lambda x: x ** scalar(2.0), np.array(base), 4) == expected


@pytest.mark.parametrize("exponent", [0, 0.0, scalar(0.0)], ids=repr)
def test_zero_to_the_power_of_zero_is_one_and_constant(exponent):
    assert derivatives(lambda x: x**exponent, np.array(0.0), 3) == [1.0, 0.0, 0.0, 0.0]


def test_the_gradient_with_respect_to_the_exponent_at_a_base_of_zero():
    x, c = Variable(np.array([0.0, 0.0, 0.0, 2.0])), Variable(np.array([0.0, 1.0, 2.0, 3.0]))
    gx, gc = grad(x**c, [x, c])
    np.testing.assert_allclose(gx.data, [0.0, 1.0, 0.0, 12.0])
    np.testing.assert_allclose(gc.data, [0.0, 0.0, 0.0, 8.0 * np.log(2.0)])


def test_a_negative_base_has_a_gradient_but_its_exponent_has_none():
    x, c = scalar(-2.0), scalar(3.0)
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
        gx, gc = grad(x**c, [x, c])
    assert gx.data == 12.0
    assert np.isnan(gc.data)


def test_the_derivatives_of_a_power_of_two():
    x = np.array([-1.5, 0.0, 3.0])
    for order, found in enumerate(derivatives(lambda x: 2**x, x, 3)):
        np.testing.assert_allclose(found, 2**x * np.log(2.0) ** order)


@pytest.mark.parametrize("wrong", [[1.0, 2.0], None, {}], ids=repr)
@pytest.mark.parametrize("sign", BINARY)
def test_unsupported_operands_are_rejected(sign, wrong):
    x = Variable(np.array([1.0, 2.0]))
    with pytest.raises(TypeError):
        sign(x, wrong)


def test_the_operators_are_the_functions():
    assert Variable.__add__ is Variable.__radd__ is F.add
    assert Variable.__mul__ is Variable.__rmul__ is F.mul
    assert (Variable.__sub__, Variable.__rsub__) == (F.sub, F.rsub)
    assert (Variable.__truediv__, Variable.__rtruediv__) == (F.div, F.rdiv)
    assert (Variable.__pow__, Variable.__rpow__, Variable.__neg__) == (F.pow, F.rpow, F.neg)


@pytest.mark.parametrize(
    ("power", "value"),
    [
        (lambda x, c: x**c, 2.0**-1),
        (lambda x, c: x ** Variable(c), 2.0**-1),
        (lambda x, c: 3 ** (x * -1), 3.0**-2),
    ],
)
def test_integers_have_negative_powers_with_arrays_as_exponents_too(power, value):
    x = Variable(np.array(2))
    y = power(x, np.array(-1))
    y.backward()
    np.testing.assert_allclose(y.data, value)
    assert np.isfinite(x.grad.data)


def test_an_integer_to_the_power_of_an_integer_zero_has_a_gradient():
    x, c = Variable(np.array(2)), Variable(np.array(0))
    (x**c).backward()
    np.testing.assert_allclose([x.grad.data, c.grad.data], [0.0, np.log(2.0)])
