"""The operators of Variable, with every kind of operand on both sides."""

import operator

import numpy as np
import pytest

from .stage import F, Variable

BINARY = [  # operator, function, reversed function, derivatives with respect to the left and the right operand
    (operator.add, F.add, F.add, lambda a, b: (1, 1)),
    (operator.mul, F.mul, F.mul, lambda a, b: (b, a)),
    (operator.sub, F.sub, F.rsub, lambda a, b: (1, -1)),
    (operator.truediv, F.div, F.rdiv, lambda a, b: (1 / b, -a / b**2)),
]
BINARY_IDS = ["+", "*", "-", "/"]
NUMBERS = [3, 3.0, True, np.float64(3.0), np.float32(3.0), np.int64(3)]


@pytest.mark.parametrize(("sign", "function", "_", "derivatives"), BINARY, ids=BINARY_IDS)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,)])
def test_two_variables(sign, function, _, derivatives, shape):
    rng = np.random.default_rng(0)
    a, b = (Variable(rng.uniform(1, 2, shape)) for _ in range(2))
    y = sign(a, b)
    np.testing.assert_array_equal(y.data, sign(a.data, b.data))
    np.testing.assert_array_equal(function(a, b).data, y.data)
    y.grad = seed = rng.normal(size=shape)
    y.backward()
    for x, derivative in zip((a, b), derivatives(a.data, b.data), strict=True):
        np.testing.assert_allclose(x.grad, derivative * seed, rtol=1e-14)


@pytest.mark.parametrize(("sign", "function", "reversed_", "derivatives"), BINARY, ids=BINARY_IDS)
@pytest.mark.parametrize("other", [*NUMBERS, np.array(3.0), np.array([3.0, 4.0])], ids=lambda x: f"{type(x)}")
@pytest.mark.parametrize("left", [True, False])
def test_a_variable_and_something_else(sign, function, reversed_, derivatives, other, left):
    data = np.array([1.5, 2.5])
    x = Variable(data)
    y, expected = (sign(x, other), sign(data, other)) if left else (sign(other, x), sign(other, data))
    assert isinstance(y, Variable)
    np.testing.assert_array_equal(y.data, expected)
    np.testing.assert_array_equal((function if left else reversed_)(x, other).data, expected)
    y.backward()
    precise = np.asarray(other, float)
    gradient = derivatives(data, precise)[0] if left else derivatives(precise, data)[1]
    np.testing.assert_allclose(x.grad, np.broadcast_to(gradient, (2,)), rtol=1e-14)


@pytest.mark.parametrize("sign", [row[0] for row in BINARY], ids=BINARY_IDS)
def test_arrays_without_axes_stay_variables(sign):
    x = Variable(np.array(2.0))
    for y in (sign(x, np.array(3.0)), sign(np.array(3.0), x), sign(np.float64(3.0), x)):
        assert isinstance(y, Variable)
        assert isinstance(y.data, np.ndarray)
        assert y.shape == ()


@pytest.mark.parametrize("sign", [*(row[0] for row in BINARY), operator.pow], ids=[*BINARY_IDS, "**"])
@pytest.mark.parametrize("other", [2, 2.0, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_floats_keep_their_dtype_with_python_numbers(sign, other, dtype, shape):
    x = Variable(np.full(shape, 2.0, dtype))
    results = [sign(x, other)] if sign is operator.pow else [sign(x, other), sign(other, x)]
    for y in results:
        x.cleargrad()
        y.backward()
        assert y.dtype == dtype
        assert x.grad.dtype == dtype


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x + 1, np.array([2, 3, 5])),
        (lambda x: x * 2, np.array([2, 4, 8])),
        (lambda x: 2 - x, np.array([1, 0, -2])),
        (lambda x: -x, np.array([-1, -2, -4])),
        (lambda x: x**2, np.array([1, 4, 16])),
        (lambda x: x + 0.5, np.array([1.5, 2.5, 4.5])),
        (lambda x: x * np.float32(2), np.array([2.0, 4.0, 8.0])),
        (lambda x: x / 2, np.array([0.5, 1.0, 2.0])),
        (lambda x: 1 / x, np.array([1.0, 0.5, 0.25])),
        (lambda x: x**-1, np.array([1.0, 0.5, 0.25])),
        (lambda x: x**0.5, np.array([1.0, 2**0.5, 2.0])),
    ],
)
def test_integers_behave_as_in_numpy(f, expected):
    y = f(Variable(np.array([1, 2, 4])))
    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(y.data, expected)


@pytest.mark.parametrize(
    ("other", "dtype"),
    [
        (np.float64(2.0), np.float64),
        (np.array(2.0), np.float64),
        (np.float32(2.0), np.float32),
        (np.int8(2), np.float32),
    ],
)
def test_numpy_scalars_and_arrays_are_not_weak(other, dtype):
    x = Variable(np.array([1.0], np.float32))
    assert (x * other).dtype == (other * x).dtype == dtype


def test_the_gradient_of_an_integer_is_not_cast():
    x = Variable(np.array(2))
    (x / 4.0).backward()
    assert x.grad == 0.25


POWERS = [  # c, and data at which the derivative exists
    (0, [0.0, 2.0, -3.0]),
    (1, [0.0, 2.0, -3.0]),
    (2, [0.0, 2.0, -3.0]),
    (3, [0.0, 2.0, -3.0]),
    (0.0, [0.0, 2.0]),
    (0.5, [1.0, 2.0]),
    (-1, [1.0, 2.0, -3.0]),
    (-2.5, [1.0, 2.0]),
    (np.float64(2.0), [0.0, 2.0, -3.0]),
    (np.int64(-2), [1.0, 2.0, -3.0]),
]


@pytest.mark.parametrize(("c", "data"), POWERS)
def test_powers(c, data):
    x = Variable(np.array(data))
    y = x**c
    np.testing.assert_array_equal(y.data, np.array(data) ** c)
    y.backward()
    expected = [c * v ** (c - 1) if c else 0.0 for v in data]
    np.testing.assert_allclose(x.grad, expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8])
@pytest.mark.parametrize("c", [-1, -2, np.int64(-1), 0, 1, 2])
def test_powers_of_integers(dtype, c):
    data = np.array([1, 2, 4], dtype)
    x = Variable(data)
    y = x**c
    np.testing.assert_array_equal(y.data, data.astype(float) ** c)
    y.backward()
    np.testing.assert_array_equal(x.grad, c * data.astype(float) ** (c - 1.0))


@pytest.mark.parametrize("shape", [(), (3,)])
def test_negation(shape):
    x = Variable(np.full(shape, 2.0))
    y = -x
    np.testing.assert_array_equal(y.data, np.full(shape, -2.0))
    np.testing.assert_array_equal(F.neg(x).data, y.data)
    y.backward()
    np.testing.assert_array_equal(x.grad, np.full(shape, -1.0))


def test_the_in_place_form_creates_a_new_variable():
    x = y = Variable(np.array(2.0))
    y += 1
    assert (x.data, y.data) == (2.0, 3.0)
    y.backward()
    assert x.grad == 1.0


@pytest.mark.parametrize(
    "in_place",
    [operator.iadd, operator.isub, operator.imul, operator.itruediv],
    ids=["+=", "-=", "*=", "/="],
)
@pytest.mark.parametrize("shape", [(), (2,)])
def test_an_array_is_not_updated_in_place_with_a_variable(in_place, shape):
    x = Variable(np.ones(shape))
    data = x.data
    with pytest.raises(TypeError, match="does not support ufuncs"):
        in_place(x.data, 0.5 * x)
    np.testing.assert_array_equal(data, np.ones(shape))


@pytest.mark.parametrize("ufunc", [np.sin, np.negative, lambda x: np.add(x, 1.0), lambda x: np.multiply([1.0], x)])
def test_numpy_ufuncs_reject_a_variable(ufunc):
    with pytest.raises(TypeError, match="does not support ufuncs"):
        ufunc(Variable(np.array([1.0])))


@pytest.mark.parametrize("sign", [row[0] for row in BINARY], ids=BINARY_IDS)
@pytest.mark.parametrize("wrong", [[1.0, 2.0], (1.0,), {}], ids=["list", "tuple", "dict"])
def test_inputs_that_are_neither_arrays_nor_numbers_are_rejected(sign, wrong):
    x = Variable(np.array([1.0, 2.0]))
    with pytest.raises(TypeError, match=rf"expected a numpy.ndarray.*, got {type(wrong)}"):
        sign(x, wrong)
    with pytest.raises(TypeError, match=rf"expected a numpy.ndarray.*, got {type(wrong)}"):
        sign(wrong, x)


@pytest.mark.parametrize(
    "wrong", [Variable(np.array(2.0)), np.array([1.0, 2.0]), None, [2]], ids=lambda x: f"{type(x)}"
)
def test_an_exponent_must_be_a_number(wrong):
    x = Variable(np.array(2.0))
    with pytest.raises(TypeError, match="pow: expected a number as the exponent, got"):
        x**wrong
    with pytest.raises(TypeError, match="pow: expected a number as the exponent, got"):
        F.pow(x, wrong)


@pytest.mark.parametrize("base", [2, 2.0])
def test_a_variable_exponent_is_not_supported_yet(base):
    with pytest.raises(TypeError, match="unsupported operand"):
        base ** Variable(np.array(2.0))


def sphere(x, y):
    return x**2 + y**2


def matyas(x, y):
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def goldstein(x, y):
    return (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
        30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    )


@pytest.mark.parametrize(
    ("f", "value", "gradients"),
    [
        (sphere, 2.0, (2.0, 2.0)),
        (matyas, 0.040000000000000036, (0.040000000000000036, 0.040000000000000036)),
        (goldstein, 1876.0, (-5376.0, 8064.0)),
    ],
)
def test_the_books_functions(f, value, gradients):
    x, y = Variable(np.array(1.0)), Variable(np.array(1.0))
    z = f(x, y)
    z.backward()
    assert z.data == value
    assert (x.grad, y.grad) == gradients


def test_the_graph_records_the_iterations_of_the_loop():
    x, y = Variable(np.array(3.0)), Variable(np.array(0.0))
    while y.data <= 100:
        y = y + x
    y.backward()
    assert y.data == 102.0
    assert x.grad == 34.0
