"""numerical_diff, and gradients compared with it."""

import numpy as np
import pytest

from .stage import Function, Square, Variable, exp, numerical_diff, square

UNARY = [(square, np.square), (exp, np.exp)]


def test_numerical_diff_prints_what_the_book_prints():
    assert numerical_diff(Square(), Variable(np.array(2.0))) == pytest.approx(4.000000000004, rel=1e-12)
    x = Variable(np.array(0.5))
    assert numerical_diff(lambda x: square(exp(square(x))), x) == pytest.approx(3.2974426293330694, rel=1e-12)


@pytest.mark.parametrize(("function", "reference"), UNARY)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,)])
def test_backward_agrees_with_differences(function, reference, shape):
    rng = np.random.default_rng(0)
    x = Variable(rng.normal(size=shape))
    y = function(x)
    np.testing.assert_array_equal(y.data, reference(x.data))
    y.grad = rng.normal(size=shape)
    y.backward()
    np.testing.assert_allclose(x.grad, y.grad * numerical_diff(function, x), rtol=1e-6)


def test_a_wrong_gradient_is_detected():
    class Wrong(Function):
        def forward(self, x):
            return x**2

        def backward(self, gy):
            return self.input.data * gy

    x = Variable(np.array(3.0))
    Wrong()(x).backward()
    assert not np.allclose(x.grad, numerical_diff(lambda x: Wrong()(x), x))


def test_the_point_is_not_modified():
    x = Variable(np.array([1.0, 2.0]))
    numerical_diff(square, x)
    np.testing.assert_array_equal(x.data, [1.0, 2.0])
    assert x.grad is None


def test_the_step_can_be_chosen():
    x = Variable(np.array(2.0))
    error = numerical_diff(exp, x, eps=0.1) - np.exp(2.0)
    assert error == pytest.approx(np.exp(2.0) * 0.1**2 / 6, rel=1e-2)  # the first neglected term of the Taylor series


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16])
@pytest.mark.parametrize("at", [3, 1000])
def test_numerical_diff_computes_in_float64(dtype, at):
    """In float32 the derivative at 1000 would be wrong by a quarter; in float16 it would be 0."""
    for x in (np.array(at, dtype), np.array([at, -at], dtype)):
        derivative = numerical_diff(square, Variable(x))
        assert derivative.dtype == np.float64
        np.testing.assert_allclose(derivative, 2.0 * x, rtol=1e-7)


@pytest.mark.parametrize("wrong", [2.0, np.array(2.0)])
def test_the_point_must_be_a_variable(wrong):
    with pytest.raises(TypeError, match=rf"numerical_diff: expected a Variable, got {type(wrong)}"):
        numerical_diff(square, wrong)
