"""The signs + - * / ** @ and [] on variables, arrays and numbers; what arrays have for methods; broadcasting."""

import inspect
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


# --- broadcasting ---

SHAPES = [((2, 3), (3,)), ((2, 3), (1, 3)), ((2, 3), (2, 1)), ((2, 3), ()), ((2, 1), (1, 3)), ((3,), (2, 1))]
SHAPES += [((1,), ()), ((0, 3), (3,)), ((2, 3), (1, 1)), ((4, 1, 3), (2, 1)), ((1, 1), (1,))]


@pytest.mark.parametrize("sign", BINARY)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_operands_broadcast_and_gradients_are_summed_back(sign, shapes):
    rng = np.random.default_rng(0)
    a, b = (np.asarray(rng.uniform(0.5, 2.0, shape)) for shape in shapes)
    for x0, x1 in ((a, b), (b, a)):
        np.testing.assert_array_equal(sign(Variable(x0), Variable(x1)).data, sign(x0, x1))
        check_gradients(sign, x0, x1)
        check_gradients(lambda x0, x1: F.sin(sign(x0, x1)), x0, x1)
        if x0.size and x1.size:
            check_gradients(lambda x0, x1=x1: sign(x0, x1), x0)
            check_gradients(lambda x1, x0=x0: sign(x0, x1), x1)


def test_the_gradient_of_a_broadcast_operand_is_the_books():
    x0, x1 = Variable(np.array([1, 2, 3])), Variable(np.array([10]))
    y = x0 + x1
    y.backward()
    assert repr(y) == "variable([11 12 13])"
    assert repr(x1.grad) == "variable([3])"


@pytest.mark.parametrize("sign", BINARY)
def test_shapes_that_do_not_broadcast_are_rejected(sign):
    with pytest.raises(ValueError, match="could not be broadcast together"):
        sign(Variable(np.ones((2, 3))), Variable(np.ones(2)))


def test_a_broadcast_operand_that_is_used_twice_receives_the_sum():
    check_gradients(lambda x: x * x.sum() + x, np.array([0.5, 2.0]), order=3)


# --- @ ---


def test_the_product_sign_takes_variables_and_arrays_on_both_sides():
    x, W = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    for a in (x, Variable(x)):
        for b in (W, Variable(W)):
            if a is x and b is W:
                continue
            y = a @ b
            assert isinstance(y, Variable)
            np.testing.assert_array_equal(y.data, [[19.0, 22.0], [43.0, 50.0]])
    check_gradients(operator.matmul, x, W)
    check_gradients(lambda W: x @ W, W)
    check_gradients(lambda x: x @ W, x)


def test_matmul_and_dot_are_methods_of_the_product():
    x, W = Variable(np.array([1.0, 2.0, 3.0])), Variable(np.array([4.0, 5.0, 6.0]))
    assert x.matmul(W).data == x.dot(W).data == (x @ W).data == 32.0


@pytest.mark.parametrize("number", [2, 2.0])
def test_a_0d_operand_of_a_matrix_product_is_rejected(number):
    x = Variable(np.ones(2))
    for product in (lambda: x @ number, lambda: number @ x):
        with pytest.raises(TypeError, match=r"Variable: expected a numpy.ndarray"):
            product()


# --- methods ---

M = np.arange(12.0).reshape(2, 3, 2) - 7
METHODS = {
    "reshape numbers": lambda x: x.reshape(6, 2),
    "reshape tuple": lambda x: x.reshape((6, 2)),
    "reshape list": lambda x: x.reshape([6, 2]),
    "reshape one number": lambda x: x.reshape(12),
    "reshape the rest": lambda x: x.reshape(2, -1),
    "reshape to the same": lambda x: x.reshape(2, 3, 2),
    "transpose": lambda x: x.transpose(),
    "transpose numbers": lambda x: x.transpose(1, 0, 2),
    "transpose tuple": lambda x: x.transpose((2, 0, 1)),
    "transpose list": lambda x: x.transpose([2, 0, 1]),
    "transpose None": lambda x: x.transpose(None),
    "transpose negative": lambda x: x.transpose(-1, 0, 1),
    "T": lambda x: x.T,
    "sum": lambda x: x.sum(),
    "sum axis": lambda x: x.sum(1),
    "sum axes": lambda x: x.sum(axis=(0, 2), keepdims=True),
    "mean": lambda x: x.mean(),
    "mean axes": lambda x: x.mean(axis=(0, -1), keepdims=True),
    "max": lambda x: x.max(),
    "max axis": lambda x: x.max(axis=1),
    "min": lambda x: x.min(),
    "min axes": lambda x: x.min(axis=(1, 2), keepdims=True),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_methods_are_those_of_arrays_with_gradients(method):
    np.testing.assert_allclose(method(Variable(M)).data, method(M), rtol=1e-15)
    check_gradients(lambda x: F.sin(method(x)), M, order=1)
    assert method(Variable(M.astype(np.float32))).dtype == np.float32


def test_the_methods_are_the_functions():
    for name in ("sum", "mean", "max", "min"):
        assert inspect.unwrap(getattr(Variable, name)) is getattr(F, name)
    assert Variable.__matmul__ is Variable.matmul is Variable.dot is F.matmul
    assert Variable.__getitem__ is F.get_item


# --- [] and iteration ---

X = np.arange(24.0).reshape(2, 3, 4) - 7
INDICES = {
    "a number": 1,
    "from the end": -1,
    "a NumPy number": np.int64(1),
    "a slice": slice(1, None),
    "steps backwards": slice(None, None, -2),
    "an empty slice": slice(5, 9),
    "a column": (slice(None), 1),
    "an element": (1, 2, 3),
    "the last axis": (..., 0),
    "a new axis": (None, 1),
    "everything": ...,
    "a list": [0, 1, 0],
    "an array": np.array([1, 1, 1]),
    "a matrix of indices": np.array([[0, 1], [1, 0]]),
    "negative indices": np.array([-1, 0]),
    "pairs": (np.array([0, 1, 0]), np.array([2, 0, 2])),
    "pairs and a slice": (np.array([0, 0]), slice(None), np.array([1, 1])),
    "lists": ([0, 0], [1, 1]),
    "a mask": X[:, 0, 0] > 0,
    "a full mask": X > 3,
    "a mask and a number": (X[:, 0, 0] < 0, 1),
    "nothing of an array": np.array([], int),
    "an array of no axis": np.array(1),
    "True": True,
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_an_index_takes_what_numpy_takes_and_repeated_elements_get_the_sum(index):
    y = Variable(X)[index]
    np.testing.assert_array_equal(y.data, X[index])
    check_gradients(lambda x: F.sin(x[index]), X / 10)


@pytest.mark.parametrize("wrap", [lambda i: i, lambda i: (i,), lambda i: (slice(None), i)])
def test_an_index_may_be_a_variable(wrap):
    index = np.array([1, 0, 1])
    np.testing.assert_array_equal(Variable(X)[wrap(Variable(index))].data, X[wrap(index)])


def test_the_gradient_of_an_index_is_the_books():
    x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
    y = x[1]
    y.backward()
    assert repr(y) == "variable([4 5 6])"
    assert repr(x.grad) == "variable([[0. 0. 0.]\n          [1. 1. 1.]])"
    x.cleargrad()
    x[np.array([0, 0, 1])].backward()
    np.testing.assert_array_equal(x.grad.data, [[2.0, 2.0, 2.0], [1.0, 1.0, 1.0]])


@pytest.mark.parametrize("dtype", "bBhHiIlL")
def test_an_index_array_may_be_of_any_integers(dtype):
    """Positions among all elements are larger than the index: they must not wrap around in its dtype."""
    x = Variable(np.zeros((120, 40)))
    index = np.array([119, 3, 119], dtype)
    expected = np.zeros((120, 40))
    expected[3], expected[119] = 1, 2
    np.testing.assert_array_equal(grad(x[index], x).data, expected)


@pytest.mark.parametrize(("index", "text"), [(5, "out of bounds"), ((0, 0, 0, 0), "too many indices")], ids=repr)
def test_an_index_out_of_range_is_numpys_error(index, text):
    with pytest.raises(IndexError, match=text):
        Variable(X)[index]


def test_rows_are_walked_with_their_gradients():
    x = Variable(np.array([[1.0, 2.0], [3.0, 4.0]]))
    a, b = x
    np.testing.assert_array_equal(b.data, [3.0, 4.0])
    (a * b).backward()
    np.testing.assert_array_equal(x.grad.data, [[3.0, 4.0], [1.0, 2.0]])
    assert list(Variable(np.zeros((0, 2)))) == []


def test_a_0d_variable_has_no_rows():
    with pytest.raises(TypeError, match="len"):
        iter(scalar(1.0))
    with pytest.raises(TypeError, match="len"):
        for _ in scalar(1.0):
            pass
