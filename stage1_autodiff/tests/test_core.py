"""Variable, Function and as_array."""

import sys

import numpy as np
import pytest

from .stage import Exp, Function, Square, Variable, as_array, exp, square


class Identity(Function):
    """y = x, returning its arguments unchanged."""

    def forward(self, x):
        return x

    def backward(self, gy):
        return gy


class Reverse(Function):
    """y = x reversed, as a view."""

    def forward(self, x):
        return x[::-1]

    def backward(self, gy):
        return gy[::-1]


def composite(x):
    return square(exp(square(x)))


def test_a_variable_is_a_container_whose_array_can_be_replaced():
    x = Variable(np.array(1.0))
    x.data = np.array(2.0)
    np.testing.assert_equal(x.data, np.array(2.0))
    assert x.grad is None
    assert x.creator is None


@pytest.mark.parametrize("data", [1.0, 3, [1.0], (1.0,), "1.0", np.float64(1.0), True])
def test_only_arrays_are_data(data):
    with pytest.raises(TypeError, match=rf"Variable: expected a numpy.ndarray.*, got {type(data)}"):
        Variable(data)


def test_none_means_no_data_yet():
    assert Variable(None).data is None


@pytest.mark.parametrize("x", [2.0, 3, True, np.float32(1.5)])
def test_as_array_wraps_scalars(x):
    y = as_array(x)
    assert isinstance(y, np.ndarray)
    assert y.shape == ()
    assert y == x


def test_as_array_returns_arrays_unchanged():
    x = np.array([1.0, 2.0])
    assert as_array(x) is x


@pytest.mark.parametrize("function", [square, exp, Square(), Exp()])
@pytest.mark.parametrize("wrong", [2.0, np.array(2.0), None])
def test_a_function_takes_only_a_variable(function, wrong):
    with pytest.raises(TypeError, match=rf"(Square|Exp): expected a Variable, got {type(wrong)}"):
        function(wrong)


def test_the_base_class_has_neither_forward_nor_backward():
    with pytest.raises(NotImplementedError, match="Function has no forward"):
        Function()(Variable(np.array(1.0)))
    with pytest.raises(NotImplementedError, match="Function has no backward"):
        Function().backward(np.array(1.0))


def test_the_links_lead_from_the_output_to_the_input():
    x = Variable(np.array(0.5))
    y = square(x)
    assert isinstance(y.creator, Square)
    assert y.creator.input is x
    assert y.creator.output is y


def test_the_gradient_of_the_composite_is_the_books():
    x = Variable(np.array(0.5))
    y = composite(x)
    y.backward()
    assert y.data == 1.648721270700128
    assert x.grad == 3.297442541400256


def test_a_given_initial_gradient_is_kept():
    x = Variable(np.array(3.0))
    y = square(x)
    y.grad = np.array(10.0)
    y.backward()
    assert y.grad == 10.0
    assert x.grad == 60.0


def test_gradients_are_overwritten_not_added():
    x = Variable(np.array(3.0))
    for _ in range(2):
        square(x).backward()
        assert x.grad == 6.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,)])
def test_gradients_have_the_shape_and_dtype_of_the_data(shape, dtype):
    x = Variable(np.full(shape, 0.5, dtype))
    y = composite(x)
    y.backward()
    for variable in (x, y):
        assert isinstance(variable.grad, np.ndarray)
        assert variable.grad.shape == shape
        assert variable.grad.dtype == dtype


def test_backward_on_a_user_created_variable_sets_its_own_gradient():
    x = Variable(np.array([1.0, 2.0]))
    x.backward()
    np.testing.assert_array_equal(x.grad, [1.0, 1.0])


@pytest.mark.parametrize("function", [Identity, Reverse])
def test_no_gradient_shares_memory_with_another(function):
    x = Variable(np.array([1.0, 2.0]))
    y = function()(x)
    y.grad = seed = np.array([3.0, 4.0])
    y.backward()
    for grad in (x.grad, y.grad):
        assert grad.flags.writeable
        assert not np.shares_memory(grad, seed)
    assert not np.shares_memory(x.grad, y.grad)


def test_an_initial_gradient_of_another_shape_is_rejected_and_nothing_changes():
    x = Variable(np.array([1.0, 2.0]))
    y = square(x)
    y.grad = seed = np.array([1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"expected a gradient of shape \(2,\), got \(3,\)"):
        y.backward()
    assert y.grad is seed
    assert x.grad is None


@pytest.mark.parametrize("between", [lambda x: x, exp])
def test_an_instance_that_was_called_again_is_rejected(between):
    f = Square()
    y = f(between(f(Variable(np.array(2.0)))))
    with pytest.raises(RuntimeError, match="output of the latest call of Square, got one of an earlier call"):
        y.backward()


def test_the_earlier_result_of_an_instance_that_was_called_again_is_rejected_unchanged():
    f = Square()
    y = f(Variable(np.array(2.0)))
    f(Variable(np.array(3.0)))
    with pytest.raises(RuntimeError, match="use a new Square\\(\\) for each call"):
        y.backward()
    assert y.grad is None


def test_an_error_halfway_leaves_all_gradients_unchanged():
    f = Square()
    x = Variable(np.array(0.5))
    a = f(x)
    b = f(a)
    y = exp(b)
    x.grad = before = np.array(7.0)
    with pytest.raises(RuntimeError, match="got one of an earlier call"):
        y.backward()
    assert x.grad is before
    assert [variable.grad for variable in (a, b, y)] == [None, None, None]


def test_a_long_chain_does_not_recurse():
    x = Variable(np.array(1.0))
    y = x
    n = 10 * sys.getrecursionlimit()
    for _ in range(n):
        y = Identity()(y)
    y.backward()
    assert x.grad == 1.0
