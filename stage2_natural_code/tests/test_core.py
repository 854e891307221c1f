"""Variable, Function and their helpers."""

import gc
import sys
import time
import weakref

import numpy as np
import pytest

from .stage import Exp, F, Function, Square, Variable, as_array, as_variable, exp, square


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


class Halves(Function):
    """y0 is the first half of x, y1 the second half."""

    def forward(self, x):
        y0, y1 = np.split(x, 2)
        return y0, y1

    def backward(self, gy0, gy1):
        self.got = gy0, gy1
        return np.concatenate([gy0, gy1])


class Twice(Function):
    """y = x0 + x1, with one new array as the gradient of both."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        gx = gy * 1
        return gx, gx


class Same(Function):
    """y = x; counts the calls of backward."""

    calls = 0

    def forward(self, x):
        return x * 1

    def backward(self, gy):
        Same.calls += 1
        return gy * 1


@pytest.fixture
def no_collector():
    """Only reference counting frees objects."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def scalar(value):
    return Variable(np.array(value))


def composite(x):
    return square(exp(square(x)))


# --- the container ---


def test_a_variable_is_a_container_whose_array_can_be_replaced():
    x = scalar(1.0)
    x.data = np.array(2.0)
    np.testing.assert_equal(x.data, np.array(2.0))
    assert x.grad is None
    assert x.creator is None
    assert x.name is None
    assert x.generation == 0


@pytest.mark.parametrize("data", [1.0, 3, [1.0], (1.0,), "1.0", np.float64(1.0), True])
def test_only_arrays_are_data(data):
    with pytest.raises(TypeError, match=rf"Variable: expected a numpy.ndarray.*, got {type(data)}"):
        Variable(data)


def test_none_means_no_data_yet():
    assert Variable(None).data is None


def test_a_variable_can_have_a_name():
    assert Variable(np.array(1.0), "input_x").name == "input_x"
    assert Variable(np.array(1.0), name="input_x").name == "input_x"


@pytest.mark.parametrize("attribute", ["shape", "ndim", "size", "dtype"])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0, 4)])
def test_a_variable_has_the_attributes_of_its_array(attribute, shape):
    data = np.zeros(shape, np.float32)
    assert getattr(Variable(data), attribute) == getattr(data, attribute)
    with pytest.raises(AttributeError, match=attribute):
        setattr(Variable(data), attribute, 1)


def test_a_variable_has_the_length_of_its_array():
    assert len(Variable(np.array([[1, 2, 3], [4, 5, 6]]))) == 2
    with pytest.raises(TypeError, match="unsized"):
        len(scalar(1.0))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "variable(None)"),
        (np.array(7.0), "variable(7.0)"),
        (np.array([1, 2, 3]), "variable([1 2 3])"),
        (np.array([[1, 2, 3], [4, 5, 6]]), "variable([[1 2 3]\n          [4 5 6]])"),
        (np.zeros(0), "variable([])"),
    ],
)
def test_a_variable_prints_its_array(data, text):
    assert str(Variable(data)) == repr(Variable(data)) == text


# --- the helpers ---


@pytest.mark.parametrize("x", [2.0, 3, True, np.float32(1.5)])
def test_as_array_wraps_scalars(x):
    y = as_array(x)
    assert isinstance(y, np.ndarray)
    assert y.shape == ()
    assert y == x


def test_as_array_returns_arrays_unchanged():
    x = np.array([1.0, 2.0])
    assert as_array(x) is x


def test_as_variable_wraps_arrays_and_returns_variables_unchanged():
    data = np.array([1.0, 2.0])
    x = as_variable(data)
    assert x.data is data
    assert as_variable(x) is x


# --- calls ---


@pytest.mark.parametrize("function", [square, exp, Square(), Exp()])
@pytest.mark.parametrize("wrong", [2.0, [2.0], "2.0"])
def test_a_function_takes_only_variables_and_arrays(function, wrong):
    with pytest.raises(TypeError, match=rf"expected a numpy.ndarray.*, got {type(wrong)}"):
        function(wrong)


def test_a_function_takes_arrays_as_variables():
    np.testing.assert_array_equal(square(np.array([2.0, 3.0])).data, [4.0, 9.0])


def test_the_base_class_has_neither_forward_nor_backward():
    with pytest.raises(NotImplementedError, match="Function has no forward"):
        Function()(scalar(1.0))
    with pytest.raises(NotImplementedError, match="Function has no backward"):
        Function().backward(np.array(1.0))


def test_a_list_of_results_is_rejected():
    class Wrong(Function):
        def forward(self, x):
            return [x, x]

    with pytest.raises(TypeError, match=r"expected a numpy.ndarray, got <class 'list'>"):
        Wrong()(scalar(1.0))


def test_the_links_lead_from_the_outputs_to_the_inputs():
    x0, x1 = scalar(2.0), scalar(3.0)
    y = F.add(x0, x1)
    assert y.data == 5.0
    assert [x is given for x, given in zip(y.creator.inputs, (x0, x1), strict=True)] == [True, True]
    assert [output() is y for output in y.creator.outputs] == [True]


def test_several_outputs_are_returned_as_a_list():
    y0, y1 = outputs = Halves()(Variable(np.array([1.0, 2.0, 3.0, 4.0])))
    assert isinstance(outputs, list)
    assert y0.creator is y1.creator
    np.testing.assert_array_equal(y0.data, [1.0, 2.0])
    np.testing.assert_array_equal(y1.data, [3.0, 4.0])


def test_generations_are_those_of_the_book():
    x = scalar(2.0)
    a = square(x)
    b, c = square(a), square(a)
    y = F.add(b, c)
    assert [v.generation for v in (x, a, b, c, y)] == [0, 1, 2, 2, 3]
    assert [v.creator.generation for v in (a, b, c, y)] == [0, 1, 1, 2]
    assert F.add(a, y).creator.generation == 3


# --- gradients ---

GRADIENTS = [  # f, values of the inputs, value, gradients
    (composite, [0.5], 1.648721270700128, [3.297442541400256]),
    (lambda x, y: F.add(square(x), square(y)), [2.0, 3.0], 13.0, [4.0, 6.0]),
    (lambda x: F.add(x, x), [3.0], 6.0, [2.0]),
    (lambda x: F.add(F.add(x, x), x), [3.0], 9.0, [3.0]),
    (lambda x: (lambda a: F.add(square(a), square(a)))(square(x)), [2.0], 32.0, [64.0]),
    (lambda a, b, c: F.add(F.mul(a, b), c), [3.0, 2.0, 1.0], 7.0, [2.0, 3.0, 1.0]),
    (lambda x: F.mul(x, F.mul(x, x)), [2.0], 8.0, [12.0]),
    (lambda x: (lambda a: F.mul(x, F.add(a, square(a))))(exp(x)), [0.0], 0.0, [2.0]),
]


@pytest.mark.parametrize(("f", "values", "value", "gradients"), GRADIENTS)
def test_the_gradients_of_a_graph(f, values, value, gradients):
    xs = [scalar(v) for v in values]
    y = f(*xs)
    y.backward()
    assert y.data == value
    assert [x.grad for x in xs] == gradients
    assert all(isinstance(x.grad, np.ndarray) for x in xs)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,)])
def test_gradients_have_the_shape_and_dtype_of_the_data(shape, dtype):
    x = Variable(np.full(shape, 0.5, dtype))
    y = F.add(composite(x), x)
    y.backward(retain_grad=True)
    for variable in (x, y):
        assert isinstance(variable.grad, np.ndarray)
        assert variable.grad.shape == shape
        assert variable.grad.dtype == dtype


def test_gradients_of_several_passes_accumulate_until_cleargrad():
    x = scalar(3.0)
    F.add(x, x).backward()
    assert x.grad == 2.0
    F.add(F.add(x, x), x).backward()
    assert x.grad == 5.0
    x.cleargrad()
    assert x.grad is None
    F.add(F.add(x, x), x).backward()
    assert x.grad == 3.0


def test_accumulation_creates_a_new_array():
    x = Variable(np.array([3.0]))
    square(x).backward()
    first = x.grad
    square(x).backward()
    assert first == [6.0]
    assert x.grad == [12.0]


def test_intermediate_gradients_are_dropped_or_retained():
    x0, x1 = scalar(1.0), scalar(1.0)
    t = F.add(x0, x1)
    y = F.add(x0, t)
    y.backward()
    assert (y.grad, t.grad, x0.grad, x1.grad) == (None, None, 2.0, 1.0)
    x0.cleargrad()
    x1.cleargrad()
    y.backward(retain_grad=True)
    assert (y.grad, t.grad, x0.grad, x1.grad) == (1.0, 1.0, 2.0, 1.0)


def test_a_retained_gradient_is_not_propagated_again():
    x0, x1 = scalar(1.0), scalar(1.0)
    t = F.add(x0, x1)
    y = F.add(x0, t)
    for n in (1, 2, 3):
        y.backward(retain_grad=True)
        assert (y.grad, t.grad, x0.grad, x1.grad) == (1.0, 1.0, 2.0 * n, 1.0 * n)
    y.backward()
    assert (y.grad, t.grad, x0.grad) == (None, None, 8.0)


def test_a_stale_intermediate_gradient_has_no_effect():
    x = scalar(3.0)
    a = square(x)
    y = square(a)
    a.grad = np.array(1000.0)
    y.backward()
    assert x.grad == 4 * 3.0**3
    assert a.grad is None


def test_each_function_runs_backward_once():
    Same.calls = 0
    x = scalar(1.0)
    a = Same()(x)
    y = F.add(F.add(a, a), F.add(a, square(a)))
    y.backward()
    assert Same.calls == 1
    assert x.grad == 5.0


# --- several outputs ---


def test_both_outputs_are_used():
    x = Variable(np.array([1.0, 2.0, 3.0, 4.0]))
    y0, y1 = Halves()(x)
    F.add(square(y0), y1).backward()
    np.testing.assert_array_equal(x.grad, [2.0, 4.0, 1.0, 1.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("used", [0, 1])
@pytest.mark.parametrize("held", [True, False])
def test_an_output_that_is_unused_or_dropped_counts_as_zeros(used, held, dtype):
    x = Variable(np.array([[1.0], [2.0], [3.0], [4.0]], dtype))
    f = Halves()
    outputs = f(x)
    y = square(outputs[used])
    if not held:
        del outputs
    y.backward()
    expected = np.zeros((4, 1))
    expected[2 * used : 2 * used + 2] = 2 * x.data[2 * used : 2 * used + 2]
    np.testing.assert_array_equal(x.grad, expected)
    assert x.grad.dtype == dtype
    assert [(gy.shape, gy.dtype) for gy in f.got] == [((2, 1), dtype)] * 2


def test_one_of_several_outputs_can_be_the_root():
    x = Variable(np.array([1.0, 2.0, 3.0, 4.0]))
    y0, _ = Halves()(x)
    y0.grad = np.array([5.0, 6.0])
    y0.backward()
    np.testing.assert_array_equal(x.grad, [5.0, 6.0, 0.0, 0.0])


# --- initial gradients and roots ---


def test_a_given_initial_gradient_is_cleared():
    x = scalar(3.0)
    y = square(x)
    y.grad = np.array(10.0)
    y.backward()
    assert x.grad == 60.0
    assert y.grad is None


def test_an_initial_gradient_is_kept_under_retain_grad_as_a_copy():
    y = square(Variable(np.array([3.0])))
    y.grad = seed = np.array([10.0])
    y.backward(retain_grad=True)
    assert y.grad == seed
    assert not np.shares_memory(y.grad, seed)


def test_a_number_can_be_an_initial_gradient():
    x = scalar(3.0)
    y = square(x)
    y.grad = 10.0
    y.backward()
    assert isinstance(x.grad, np.ndarray)
    assert x.grad == 60.0


def test_backward_on_a_user_created_variable_sets_its_own_gradient():
    x = Variable(np.array([1.0, 2.0]))
    for _ in range(2):
        x.backward()
        np.testing.assert_array_equal(x.grad, [1.0, 1.0])


def test_backward_from_an_intermediate_variable_leaves_the_rest_alone():
    x = scalar(3.0)
    a = square(x)
    y = square(a)
    y.grad = np.array(7.0)
    a.backward()
    assert (x.grad, y.grad) == (6.0, 7.0)


def test_an_initial_gradient_of_another_shape_is_rejected_and_nothing_changes():
    x = Variable(np.array([1.0, 2.0]))
    y = square(x)
    y.grad = seed = np.array([1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"expected a gradient of shape \(2,\), got \(3,\)"):
        y.backward()
    assert y.grad is seed
    assert x.grad is None


# --- ownership ---

SHARING = [
    (Identity(), 1),
    (Reverse(), 1),
    (F.add, 2),
    (Twice(), 2),
    (F.sub, 2),
    (lambda x: F.add(x, x), 1),
    (lambda x: Identity()(Identity()(x)), 1),
    (lambda x, y, z: F.add(F.add(x, y), z), 3),
    (lambda x, y: F.add(Reverse()(x), Reverse()(y)), 2),
]


@pytest.mark.parametrize(("function", "n"), SHARING)
@pytest.mark.parametrize("retain_grad", [False, True])
@pytest.mark.parametrize("passes", [1, 2])
def test_no_gradient_shares_memory_with_another(function, n, retain_grad, passes):
    xs = [Variable(np.array([1.0, 2.0])) for _ in range(n)]
    y = function(*xs)
    for _ in range(passes):
        y.grad = seed = np.array([3.0, 4.0])
        y.backward(retain_grad=retain_grad)
    arrays = [seed, y.data, *(x.data for x in xs), *(v.grad for v in [*xs, y] if v.grad is not None)]
    for i, x in enumerate(xs):
        assert x.grad.flags.writeable
        assert x.grad.base is None
        assert sum(np.shares_memory(x.grad, a) for a in arrays) == 1, i


@pytest.mark.parametrize("shape", [(), (2,)])
def test_editing_the_gradient_of_one_term_leaves_the_other_alone(shape):
    x, y = Variable(np.zeros(shape)), Variable(np.zeros(shape))
    F.add(x, y).backward()
    x.grad += 10
    np.testing.assert_array_equal(y.grad, np.ones(shape))


# --- errors ---


@pytest.mark.parametrize("between", [lambda x: x, exp])
def test_an_instance_that_was_called_again_is_rejected(between):
    f = Square()
    x = scalar(2.0)
    y = f(between(f(x)))
    with pytest.raises(RuntimeError, match="output of the latest call of Square, got one of an earlier call"):
        y.backward()
    assert (x.grad, y.grad) == (None, None)


@pytest.mark.parametrize("held", [True, False])
def test_the_earlier_result_of_an_instance_that_was_called_again_is_rejected_unchanged(held):
    f = Square()
    x = scalar(2.0)
    y = f(x)
    later = f(scalar(3.0))
    if not held:
        del later
    with pytest.raises(RuntimeError, match=r"use a new Square\(\) for each call"):
        y.backward()
    assert (x.grad, y.grad) == (None, None)


def test_both_results_of_one_instance_in_one_graph_are_rejected():
    f = Square()
    x0, x1 = scalar(2.0), scalar(3.0)
    y = F.add(f(x0), f(x1))
    with pytest.raises(RuntimeError, match="output of the latest call of Square, got one of an earlier call"):
        y.backward()
    assert (x0.grad, x1.grad) == (None, None)


def test_the_earlier_result_of_a_function_with_several_outputs_is_rejected():
    f = Halves()
    x = Variable(np.array([1.0, 2.0]))
    y = f(x)[0]
    f(x)
    with pytest.raises(RuntimeError, match="output of the latest call of Halves, got one of an earlier call"):
        y.backward()
    assert x.grad is None


@pytest.mark.parametrize("gradients", [(), (1.0,), (1.0, 2.0, 3.0)])
def test_a_wrong_number_of_gradients_is_rejected(gradients):
    class Wrong(Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            return gradients

    with pytest.raises(
        ValueError, match=f"Wrong.backward: expected 2 gradients, one for each input, got {len(gradients)}"
    ):
        Wrong()(scalar(1.0), scalar(2.0)).backward()


def test_a_backward_that_returns_none_is_reported():
    class Forgetful(Function):
        def forward(self, x):
            return x

        def backward(self, gy):
            pass

    with pytest.raises(TypeError, match=r"Forgetful\.backward: expected arrays, got None"):
        Forgetful()(scalar(1.0)).backward()


def test_a_gradient_that_is_the_data_itself_is_copied():
    class Lazy(Function):
        def forward(self, x):
            return x**2 / 2

        def backward(self, gy):
            return self.inputs[0].data

    x = Variable(np.array([1.0, 2.0]))
    Lazy()(x).backward()
    assert not np.shares_memory(x.grad, x.data)


def test_an_error_during_backward_leaves_all_gradients_unchanged():
    class Broken(Identity):
        def backward(self, gy):
            raise ZeroDivisionError("broken")

    x = scalar(2.0)
    a = square(x)
    b = Broken()(a)
    y = F.add(F.mul(b, b), x)
    x.grad, a.grad, y.grad = before = np.array(1.0), np.array(2.0), np.array(3.0)
    with pytest.raises(ZeroDivisionError, match="broken"):
        y.backward(retain_grad=True)
    assert all(v.grad is g for v, g in zip((x, a, y), before, strict=True))
    assert b.grad is None


# --- size and memory ---


def test_a_chain_of_100000_functions_neither_recurses_nor_overflows_when_it_is_freed(no_collector):
    x = y = scalar(1.0)
    middle = None
    n = 100_000
    assert n > 10 * sys.getrecursionlimit()
    for i in range(n):
        y = Identity()(y)
        if i == n // 2:
            middle = weakref.ref(y)
    y.backward()
    assert x.grad == 1.0
    del y
    assert middle() is None


def test_a_sum_of_20000_terms_is_fast():
    def seconds(n):
        x = scalar(1.0)
        y = square(x)
        for _ in range(n - 1):
            y = F.add(y, square(x))
        start = time.process_time()  # not the wall clock, which runs on while other processes do
        y.backward()
        assert x.grad == 2.0 * n
        return time.process_time() - start

    small = min(seconds(2_000) for _ in range(3))
    large = min(seconds(20_000) for _ in range(2))
    assert large < 50 * small  # 10 in theory, 100 if the whole list were sorted at each insertion


def test_a_graph_is_freed_without_the_collector(no_collector):
    x = scalar(2.0)
    a = square(x)
    y = F.add(square(a), square(a))
    function, between = weakref.ref(a.creator), weakref.ref(a)
    y.backward(retain_grad=True)
    del a
    assert between() is not None  # y references it
    del y
    assert between() is None
    assert function() is None


def test_a_graph_is_freed_even_if_backward_was_never_called(no_collector):
    outputs = Halves()(Variable(np.array([1.0, 2.0])))
    watch = [weakref.ref(outputs[0]), weakref.ref(outputs[0].creator)]
    del outputs
    assert [ref() for ref in watch] == [None, None]


def test_the_number_of_live_variables_does_not_grow(no_collector):
    living = []
    for _ in range(10):
        x = Variable(np.random.default_rng(0).normal(size=10000))
        y = composite(x)
        y.backward()
        living.append(sum(type(obj) is Variable for obj in gc.get_objects()))
    assert len(set(living)) == 1
