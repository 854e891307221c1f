"""The data of a Variable, and how Python, NumPy, copy and pickle treat a Variable."""

import copy
import operator
import pickle

import numpy as np
import pytest

from .stage import F, Variable, no_grad

INF, NAN = float("inf"), float("nan")


def scalar(value):
    return Variable(np.array(value))


# --- data ---


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "float16", "float32", "float64", "longdouble"])
@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0, 4)])
def test_arrays_of_real_numbers_are_data(dtype, shape):
    data = np.ones(shape, dtype)
    assert Variable(data).data is data


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")  # np.matrix is not recommended
def test_matrices_and_masked_arrays_are_not_data():
    for data in (np.matrix([[1.0, 2.0]]), np.ma.array([1.0, 2.0], mask=[True, False])):
        with pytest.raises(
            TypeError, match=r"Variable: expected a numpy.ndarray.*, got <class 'numpy.*(matrix|Masked)"
        ):
            Variable(data)
        with pytest.raises(TypeError, match=r"expected a numpy.ndarray"):
            F.square(data)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "object", "U1", "S1", "datetime64[s]", "f8,i4"])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_arrays_of_anything_else_are_not_data(dtype, shape):
    data = np.zeros(shape, dtype)
    with pytest.raises(TypeError, match="Variable: expected an array of real numbers, got dtype"):
        Variable(data)
    with pytest.raises(TypeError, match="expected an array of real numbers"):
        F.square(data)


def test_an_array_in_a_file_is_data(tmp_path):
    data = np.memmap(tmp_path / "x", np.float32, "w+", shape=(3,))
    data[:] = [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(F.square(Variable(data)).data, [1.0, 4.0, 9.0])


@pytest.mark.parametrize("missing", [None, Variable(None)], ids=["None", "Variable(None)"])
def test_a_function_names_itself_if_data_is_missing(missing):
    x = scalar(2.0)
    calls = {
        "Square": [lambda: F.square(missing), lambda: F.Square()(missing)],
        "Exp": [lambda: F.exp(missing)],
        "Add": [lambda: x + missing, lambda: F.add(missing, x), lambda: F.add(missing, 2.0), lambda: F.add(x, missing)],
        "Mul": [lambda: missing * x, lambda: F.mul(missing, 2.0)],
        "Div": [lambda: x / missing, lambda: F.rdiv(missing, 2.0)],
        "Pow": [lambda: F.pow(missing, 2)],
    }
    for name, functions in calls.items():
        for function in functions:
            with pytest.raises(TypeError, match=f"{name}: expected a Variable with data or an array, got None"):
                function()


# --- numbers ---


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@pytest.mark.parametrize("value", [0.0, 2.5, -1.5, True, 7])
def test_a_variable_with_one_element_is_a_number(shape, value):
    x = Variable(np.full(shape, value))
    assert bool(x) is bool(value)
    assert float(x) == float(value)
    assert type(float(x)) is float
    assert int(x) == int(value)
    assert type(int(x)) is int


def test_a_variable_with_one_zero_is_false():
    assert not Variable(np.array([0.0]))
    assert Variable(np.array([-0.5]))


def test_an_integer_is_an_index():
    x = ["a", "b", "c"]
    assert x[scalar(1)] == "b"
    assert x[Variable(np.array([2], np.uint8))] == "c"
    assert list(range(scalar(2))) == [0, 1]
    with pytest.raises(TypeError, match="float"):
        operator.index(scalar(1.0))


@pytest.mark.parametrize("convert", [bool, float, int, operator.index])
@pytest.mark.parametrize("shape", [(2,), (0,), (2, 1)])
def test_several_elements_are_not_a_number(convert, shape):
    with pytest.raises(ValueError, match="size 1"):
        convert(Variable(np.ones(shape, int)))


def test_equality_is_identity():
    x, y = scalar(1.0), scalar(1.0)
    assert x == x
    assert x != y
    assert {x: 1, y: 2}[y] == 2


# --- NumPy ---


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
def test_numpy_converts_a_variable_to_its_array(shape):
    data = np.ones(shape, np.float32)
    x = Variable(data)
    assert np.asarray(x) is data or np.shares_memory(np.asarray(x), data) or data.size == 0
    assert np.asarray(x).dtype == np.float32
    assert not np.shares_memory(np.array(x), data)
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.array(x, dtype=np.float64, copy=False)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_numpys_reductions_call_the_methods(name):
    x = Variable(np.arange(6.0).reshape(2, 3))
    function = getattr(np, name)
    for options in ({}, {"axis": 1}, {"axis": (0, 1), "keepdims": True}):
        y = function(x, **options)
        np.testing.assert_array_equal(y.data, function(x.data, **options))
        assert y.creator.inputs[0] is x
    for given, option in (
        ("dtype float32 and out None", {"dtype": "float32"}),
        ("dtype None and out 0.0", {"out": 0.0}),
    ):
        with pytest.raises(TypeError, match=f"{name}: expected neither dtype nor out, got {given}"):
            getattr(x, name)(**option)


def test_a_list_of_losses_is_an_array_of_numbers():
    losses = [F.square(scalar(v)) for v in (1.0, 2.0, 3.0)]
    array = np.array(losses)
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, [1.0, 4.0, 9.0])


def test_dlpack_shares_the_array():
    data = np.arange(3.0)
    y = np.from_dlpack(Variable(data))
    assert np.shares_memory(y, data)


def test_ufuncs_do_not_take_variables():
    x = Variable(np.array([1.0, 2.0]))
    with pytest.raises(TypeError, match="does not support ufuncs"):
        np.exp(x)
    for y in (np.ones(2) * x, np.float64(2.0) * x, x * np.ones(2)):
        assert isinstance(y, Variable)
        assert y.creator is not None


def test_functions_of_numpy_that_are_not_ufuncs_return_arrays_without_a_graph():
    x = Variable(np.array([1.0, 2.0]))
    results = [
        np.dot(x, x),
        np.concatenate([x, x]),
        np.where([True, False], x, 0.0),
        np.einsum("i,i->", x, x),
    ]
    assert not any(isinstance(y, Variable) for y in results)
    a = np.zeros(2)
    a[:] = x
    np.testing.assert_array_equal(a, x.data)


def test_no_function_of_the_package_converts_a_variable_to_an_array(monkeypatch):
    def refuse(x, *args, **kwargs):
        raise AssertionError("a Variable was converted to an array: its graph is lost")

    monkeypatch.setattr(Variable, "__array__", refuse)
    x, y = Variable(np.array([0.5, 2.0])), Variable(np.array([1.5, 3.0]))
    z = F.exp(F.square(x)) * 2.0 + x**3 / y - (1.0 - x) * np.array([1.0, 2.0]) + (-y) ** 2 + 1.0 / y
    z.backward()
    assert x.grad is not None


# --- constants ---


@pytest.mark.parametrize("value", [2.0, 1, True, 0.1, -3.5, INF, -INF, NAN])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_constant_is_made_once_for_each_dtype_and_is_read_only(value, dtype):
    x = Variable(np.ones(2, dtype))
    c, again = ((x * value).creator.inputs[1] for _ in range(2))
    assert c is not again  # a separate node in each graph
    assert c.data is again.data
    assert not c.data.flags.writeable
    np.testing.assert_array_equal(c.data, np.array(value, dtype))
    assert c.dtype == dtype


def test_zeros_keep_their_sign():
    x = Variable(np.array([-0.0, 1.0]))
    for zero in (0.0, -0.0, 0.0, -0.0):
        np.testing.assert_array_equal(np.signbit((x * zero).data), np.signbit(x.data * zero))
        np.testing.assert_array_equal(np.signbit((x + zero).data), np.signbit(x.data + zero))


def test_equal_numbers_of_different_types_keep_their_dtypes():
    x = Variable(np.ones(2, np.int64))
    assert [(x * number).dtype for number in (1, 1.0, True, 1.0, 1)] == [
        (x.data * number).dtype for number in (1, 1.0, True, 1.0, 1)
    ]


def test_a_gradient_that_is_a_constant_is_a_writable_copy():
    class Scale(F.Square):
        def forward(self, x, c):
            return x * c

        def backward(self, gy):
            c = self.inputs[1]
            return (c if isinstance(gy, Variable) else c.data), gy

    x = scalar(3.0)
    c = (scalar(1.0) * 5.0).creator.inputs[1]
    Scale()(x, c.data).backward()
    grad = x.grad.data if isinstance(x.grad, Variable) else x.grad
    grad += 1.0
    assert (grad, c.data) == (6.0, 5.0)


# --- copies ---


COPIES = [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_a_leaf_is_copied_with_its_gradient_and_name(copied):
    x = Variable(np.array([1.0, 2.0]), name="x")
    F.square(x).backward()
    y = copied(x)
    assert y.name == "x"
    np.testing.assert_array_equal(y.data, x.data)
    np.testing.assert_array_equal(y.grad, x.grad)
    y.cleargrad()
    F.square(y).backward()
    np.testing.assert_array_equal(y.grad, [2.0, 4.0])


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_the_copy_of_an_output_has_no_graph_and_backward_says_so(copied):
    x = Variable(np.array([1.0, 2.0]))
    y = F.square(x)
    z = copied(y)
    np.testing.assert_array_equal(z.data, y.data)
    assert (z.creator, z.generation) == (None, 0)
    with pytest.raises(RuntimeError, match="got a copy of a variable"):
        z.backward()
    F.square(z).backward()  # used as an input, it is a leaf
    np.testing.assert_array_equal(z.grad, 2 * y.data)
    y.backward()
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])


def test_a_variable_that_was_not_recorded_can_be_copied():
    with no_grad():
        y = F.square(scalar(3.0))
    assert pickle.loads(pickle.dumps(y)).data == 9.0


# --- quotients ---


@pytest.mark.parametrize(
    ("x0", "x1", "dtype"),
    [
        (1e30, 1e30, "float32"),
        (1e-30, 1e-30, "float32"),
        (1e20, 1e20, "float32"),
        (1e200, 1e200, "float64"),
        (1e-200, 1e-200, "float64"),
        (300.0, 300.0, "float16"),
        (1e-3, 1e-3, "float16"),
    ],
)
def test_the_gradient_of_a_quotient_stays_in_range(x0, x1, dtype):
    x0, x1 = Variable(np.array([x0], dtype)), Variable(np.array([x1], dtype))
    (x0 / x1).backward()
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(np.asarray(x0.grad, np.float64), 1 / np.asarray(x1, np.float64), rtol=4 * eps)
    np.testing.assert_allclose(np.asarray(x1.grad, np.float64), -1 / np.asarray(x1, np.float64), rtol=4 * eps)
    assert np.asarray(x1.grad).dtype == dtype


@pytest.mark.parametrize("value", [INF, -INF, NAN, 2.0])
def test_the_gradient_of_a_power_of_zero_is_zero_for_any_initial_gradient(value):
    x = Variable(np.array([0.0, 3.0]))
    y = x**0
    y.grad = np.full(2, value)
    y.backward()
    np.testing.assert_array_equal(x.grad, [0.0, 0.0])
    assert not np.signbit(np.asarray(x.grad)).any()
