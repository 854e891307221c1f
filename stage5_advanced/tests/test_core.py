"""Variable, Function, Parameter, backward to any order, and grad; the shapes and dtypes of gradients."""

import gc
import re
import sys
import weakref

import numpy as np
import pytest

from .stage import (
    Config,
    F,
    Function,
    Parameter,
    Variable,
    as_array,
    as_variable,
    check_gradients,
    grad,
    no_grad,
    package,
    using_config,
)


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
        return Reverse()(gy)


class SinCos(Function):
    """y0 = sin(x), y1 = cos(x): two outputs, differentiable to any order."""

    def forward(self, x):
        return np.sin(x), np.cos(x)

    def backward(self, gy0, gy1):
        (x,) = self.inputs
        return gy0 * F.cos(x) - gy1 * F.sin(x)


class Wrong(Function):
    """y = x, and whatever it was made with as its gradient."""

    def __init__(self, gradients):
        self.gradients = gradients

    def forward(self, x):
        return x

    def backward(self, gy):
        return self.gradients


class Broken(Function):
    """A function whose backward fails."""

    def forward(self, x):
        return x

    def backward(self, gy):
        raise ArithmeticError("on purpose")


@pytest.fixture
def no_collector():
    """Only reference counting frees objects."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def scalar(x):
    return Variable(np.array(x))


def composite(x):
    return F.square(F.exp(F.square(x)))


def diamond(x):
    """The graph of step 16: y = (x^2)^2 + (x^2)^2, so dy/dx = 8 x^3."""
    a = F.square(x)
    return F.square(a) + F.square(a)


# --- the package ---

ROOT = [
    "Variable",
    "Parameter",
    "Function",
    "Layer",
    "Model",
    "Dataset",
    "DataLoader",
    "as_array",
    "as_variable",
    "grad",
]
ROOT += [
    "SeqDataLoader",
    "test_mode",
    "Config",
    "using_config",
    "no_grad",
    "numerical_diff",
    "numerical_grad",
    "check_gradients",
    "setup_variable",
]
MODULES = ["cuda", "functions", "layers", "models", "optimizers", "datasets", "transforms", "utils"]


@pytest.mark.parametrize("name", [*ROOT, *MODULES])
def test_the_names_that_scripts_import_are_at_the_root(name):
    assert hasattr(package, name)


# --- Variable ---


def test_a_variable_is_a_container_whose_array_can_be_replaced():
    x = scalar(1.0)
    x.data = np.array(2.0)
    assert x.data == 2.0
    assert (x.grad, x.creator, x.generation, x.name) == (None, None, 0, None)


@pytest.mark.parametrize("data", [1.0, 3, [1.0], (1.0,), "1.0", np.float64(1.0), True])
def test_only_arrays_are_data(data):
    with pytest.raises(TypeError, match=rf"Variable: expected a numpy.ndarray.*, got {type(data)}"):
        Variable(data)


def test_none_means_no_data_yet():
    assert repr(Variable(None)) == "variable(None)"


def test_a_variable_has_the_attributes_of_its_data():
    x = Variable(np.zeros((2, 3), np.float32), name="x")
    assert (x.shape, x.ndim, x.size, x.dtype, len(x), x.name) == ((2, 3), 2, 6, np.float32, 2, "x")
    with pytest.raises(TypeError, match="len"):
        len(scalar(1.0))


def test_a_matrix_is_printed_with_its_rows_below_each_other():
    x = Variable(np.array([[1, 2], [3, 4]]))
    assert repr(x) == "variable([[1 2]\n          [3 4]])"


@pytest.mark.parametrize("x", [2.0, 3, True, np.float32(1.5)])
def test_as_array_wraps_scalars(x):
    y = as_array(x)
    assert isinstance(y, np.ndarray)
    assert y.shape == ()
    assert y == x


def test_as_array_and_as_variable_return_the_right_types_unchanged():
    data = np.array([1.0, 2.0])
    x = Variable(data)
    assert as_array(data) is data
    assert as_variable(x) is x
    assert as_variable(data).data is data


def test_a_ufunc_does_not_turn_data_into_variables():
    x = Variable(np.array([1.0, 2.0]))
    F.square(x).backward()
    with pytest.raises(TypeError, match="does not support ufuncs"):
        x.data -= 0.1 * x.grad
    assert type(x.data) is np.ndarray


# --- Function ---


def test_the_links_lead_from_the_output_to_the_inputs():
    x0, x1 = scalar(1.0), scalar(2.0)
    y = x0 * F.square(x1)
    f = y.creator
    assert f.inputs[0] is x0
    assert f.outputs[0]() is y
    assert (y.generation, f.generation, f.inputs[1].generation) == (2, 1, 1)


@pytest.mark.parametrize("function", [F.square, F.sin, F.Exp()])
@pytest.mark.parametrize("wrong", [2.0, "x", [1.0]])
def test_an_input_that_is_not_an_array_is_rejected(function, wrong):
    with pytest.raises(TypeError, match=rf"expected a numpy.ndarray.*, got {type(wrong)}"):
        function(wrong)


def test_the_base_class_has_neither_forward_nor_backward():
    with pytest.raises(NotImplementedError, match="Function has no forward"):
        Function()(scalar(1.0))
    with pytest.raises(NotImplementedError, match="Function has no backward"):
        Function().backward(scalar(1.0))


# --- backward, first order ---


def test_the_gradient_of_the_composite_is_the_books_and_a_variable():
    x = scalar(0.5)
    y = composite(x)
    y.backward()
    assert y.data == 1.648721270700128
    assert isinstance(x.grad, Variable)
    assert x.grad.data == 3.297442541400256


def test_each_function_runs_once_when_its_gradient_is_complete():
    x = scalar(2.0)
    diamond(x).backward()
    assert x.grad.data == 64.0


@pytest.mark.parametrize("times", [2, 3])
def test_an_input_that_is_used_several_times_gets_the_sum(times):
    x = scalar(3.0)
    y = x
    for _ in range(times - 1):
        y = y + x
    y.backward()
    assert x.grad.data == times


def test_gradients_accumulate_until_they_are_cleared():
    x = scalar(3.0)
    F.square(x).backward()
    F.square(x).backward()
    assert x.grad.data == 12.0
    x.cleargrad()
    F.square(x).backward()
    assert x.grad.data == 6.0


def test_a_gradient_that_was_saved_does_not_change_when_another_is_accumulated():
    x = scalar(3.0)
    F.square(x).backward()
    first = x.grad
    F.square(x).backward()
    assert first.data == 6.0


@pytest.mark.parametrize("wrap", [Variable, lambda seed: seed])
def test_a_given_initial_gradient_is_used_and_cleared(wrap):
    x = scalar(3.0)
    y = F.square(x)
    y.grad = wrap(np.array(10.0))
    y.backward()
    assert x.grad.data == 60.0
    assert y.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_initial_gradient_of_another_shape_is_rejected_and_nothing_changes(create_graph):
    x = Variable(np.array([1.0, 2.0]))
    y = F.square(x)
    y.grad = seed = Variable(np.array([1.0, 1.0, 1.0]))
    with pytest.raises(ValueError, match=r"expected a gradient of shape \(2,\), got \(3,\)"):
        y.backward(create_graph=create_graph)
    assert y.grad is seed
    assert x.grad is None


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (0,)])
def test_gradients_have_the_shape_and_dtype_of_the_data(shape, dtype):
    x = Variable(np.full(shape, 0.5, dtype))
    composite(x).backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    for gradient in (gx, x.grad):
        assert gradient.shape == shape
        assert gradient.dtype == dtype


def test_intermediate_variables_keep_no_gradient():
    x = scalar(3.0)
    a = F.square(x)
    y = F.exp(a)
    y.backward()
    assert (a.grad, y.grad) == (None, None)


def test_retain_grad_keeps_the_gradients_of_this_pass():
    x = scalar(3.0)
    a = F.square(x)
    y = a + a
    y.backward(retain_grad=True)
    assert (y.grad.data, a.grad.data, x.grad.data) == (1.0, 2.0, 12.0)


def test_a_retained_gradient_is_not_propagated_twice():
    x0, x1 = scalar(1.0), scalar(1.0)
    t = x0 + x1
    y = x0 + t
    for times in (1, 2):
        y.grad = None  # otherwise it would be the initial gradient
        y.backward(retain_grad=True)
        assert x0.grad.data == 2.0 * times
        assert t.grad.data == 1.0


def test_a_pass_without_retain_grad_clears_retained_gradients():
    x = scalar(3.0)
    a = F.square(x)
    y = F.square(a)
    y.backward(retain_grad=True)
    y.grad = None
    y.backward()
    assert (a.grad, y.grad) == (None, None)


def test_backward_on_a_leaf_sets_its_own_gradient():
    x = Variable(np.array([1.0, 2.0]))
    x.backward()
    np.testing.assert_array_equal(x.grad.data, [1.0, 1.0])
    x.backward()
    np.testing.assert_array_equal(x.grad.data, [1.0, 1.0])


@pytest.mark.parametrize("function", [lambda x: Identity()(x), lambda x: Reverse()(x), lambda x: x + x])
@pytest.mark.parametrize("retain_grad", [False, True])
def test_gradients_are_the_variables_own_and_writable(function, retain_grad):
    x = Variable(np.array([1.0, 2.0]))
    y = function(x)
    y.grad = Variable(np.array([3.0, 4.0]))
    seed = y.grad.data
    y.backward(retain_grad=retain_grad)
    arrays = [x.grad.data] + ([y.grad.data] if retain_grad else [])
    for i, array in enumerate(arrays):
        assert array.flags.writeable
        for other in [seed, *arrays[:i]]:
            assert not np.shares_memory(array, other)


def test_two_leaves_do_not_share_a_gradient():
    x0, x1 = Variable(np.array([1.0, 2.0])), Variable(np.array([3.0, 4.0]))
    (x0 + x1).backward()
    x0.grad.data *= 10
    np.testing.assert_array_equal(x1.grad.data, [1.0, 1.0])


def test_an_unreferenced_output_counts_as_zeros():
    x = Variable(np.array([0.3, 0.7]))
    y0, _ = SinCos()(x)
    del _
    y0.backward()
    np.testing.assert_allclose(x.grad.data, np.cos(x.data))


def test_an_output_that_was_not_used_counts_as_zeros():
    x = Variable(np.array([0.3, 0.7], np.float32))
    y0, y1 = SinCos()(x)
    y1.backward()
    np.testing.assert_allclose(x.grad.data, -np.sin(x.data))
    assert x.grad.dtype == np.float32
    assert y0.grad is None


def test_two_outputs_are_one_call_of_backward():
    calls = []

    class Counted(SinCos):
        def backward(self, *gys):
            calls.append(gys)
            return super().backward(*gys)

    x = scalar(0.5)
    y0, y1 = Counted()(x)
    (y0 * y1).backward()
    np.testing.assert_allclose(x.grad.data, np.cos(1.0))
    assert len(calls) == 1


@pytest.mark.parametrize("between", [lambda x: x, F.exp])
def test_an_instance_that_was_called_again_is_rejected(between):
    f = F.Square()
    x = scalar(2.0)
    y = f(between(f(x)))
    with pytest.raises(RuntimeError, match="output of the latest call of Square, got one of an earlier call"):
        y.backward()
    assert x.grad is None


def test_the_earlier_result_of_an_instance_that_was_called_again_is_rejected_unchanged():
    f = F.Square()
    y = f(scalar(2.0))
    f(scalar(3.0))
    with pytest.raises(RuntimeError, match=r"use a new Square\(\) for each call"):
        y.backward()
    assert y.grad is None


def test_an_error_in_backward_leaves_all_gradients_and_the_mode_unchanged():
    x0, x1 = scalar(2.0), scalar(3.0)
    x1.grad = kept = scalar(7.0)
    y = x1 * F.square(Broken()(x0))
    with pytest.raises(ArithmeticError, match="on purpose"):
        y.backward(create_graph=True)
    assert (x0.grad, y.grad) == (None, None)
    assert x1.grad is kept
    assert kept.data == 7.0
    assert Config.enable_backprop


# --- modes ---


def test_no_grad_records_nothing_and_ends_with_its_block():
    x = scalar(2.0)
    with no_grad():
        y = F.square(x)
    assert y.creator is None
    assert F.square(x).creator is not None


def test_a_mode_is_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), using_config("enable_backprop", False):
        raise ZeroDivisionError
    assert Config.enable_backprop


def test_an_unknown_mode_is_rejected():
    with pytest.raises(AttributeError, match="enable_backprob"), using_config("enable_backprob", False):
        pass


def test_backward_with_create_graph_records_inside_no_grad_too():
    x = scalar(3.0)
    y = F.square(x)
    with no_grad():
        y.backward(create_graph=True)
    assert x.grad.creator is not None


# --- higher orders ---


def test_without_create_graph_gradients_have_no_creator():
    x = scalar(3.0)
    y = x * x + F.exp(x)
    y.backward(retain_grad=True)
    y.backward(retain_grad=True)
    assert x.grad.creator is None
    assert y.grad.creator is None


def test_a_gradient_without_a_graph_has_no_backward():
    class Constant(Function):  # its gradient is a Variable without a creator
        def forward(self, x):
            return x * 1

        def backward(self, gy):
            return Variable(np.ones(gy.shape))

    for f in (F.square, Constant(), lambda x: x + 1.0, lambda x: F.add(x, x), lambda x: x):
        x = scalar(3.0)
        y = f(x)
        gradients = [grad(y, x), grad(scalar(1.0), x)]
        y.backward(retain_grad=True)
        gradients += [x.grad, *([] if y.grad is None else [y.grad])]
        for gx in gradients:
            with pytest.raises(RuntimeError, match="create_graph=True"):
                gx.backward()
            with pytest.raises(RuntimeError, match="create_graph=True"):
                grad(gx, x)
            assert gx.grad is None


def test_a_gradient_without_a_graph_is_a_constant_as_an_input():
    x = scalar(3.0)
    gx = grad(F.square(x), x)
    z = x * gx
    z.backward()
    assert (x.grad.data, gx.grad.data) == (6.0, 3.0)


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_initial_gradient_of_the_user_is_not_marked(create_graph):
    x, seed = scalar(3.0), scalar(2.0)
    y = F.square(x)
    y.grad = seed
    y.backward(create_graph=create_graph)
    seed.backward()
    assert seed.grad.data == 1.0
    grad(F.square(x), x, seed)
    seed.backward()
    assert x.grad.data == 12.0


def test_without_cleargrad_derivatives_of_two_orders_are_added():
    for clear, expected in [(True, 44.0), (False, 68.0)]:
        x = scalar(2.0)
        y = x**4 - 2 * x**2
        y.backward(create_graph=True)
        gx = x.grad
        assert gx.data == 24.0
        if clear:
            x.cleargrad()
        gx.backward()
        assert x.grad.data == expected


def test_the_derivatives_of_tanh_are_the_books():
    x = scalar(1.0)
    F.tanh(x).backward(create_graph=True)
    expected = [0.41997434161402614, -0.6397000084492246, 0.6216266807712962, 0.6650910447505024]
    expected += [-5.556893558473722, 13.624075441312101, 12.288367894320414, -277.06213560303127]
    for value in expected:
        gx = x.grad
        np.testing.assert_allclose(gx.data, value, rtol=1e-9)
        x.cleargrad()
        gx.backward(create_graph=True)


def test_a_gradient_can_be_used_in_a_formula():
    x = scalar(2.0)
    y = x**2
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    z = gx**3 + y
    z.backward()
    assert x.grad.data == 100.0


def test_an_initial_gradient_can_be_differentiated():
    x, v = scalar(3.0), scalar(5.0)
    y = F.square(x)
    y.grad = v
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()  # d(2 x v)
    assert (x.grad.data, v.grad.data) == (10.0, 6.0)


def test_the_sum_with_an_older_gradient_is_part_of_the_graph():
    x = scalar(2.0)
    F.square(x).backward(create_graph=True)
    (x**3).backward(create_graph=True)
    gx = x.grad  # 2 x + 3 x^2
    x.cleargrad()
    gx.backward()
    assert x.grad.data == 2.0 + 12.0


def test_a_function_with_two_outputs_has_second_derivatives():
    x = scalar(0.5)
    y0, y1 = SinCos()(x)
    gx = grad(y0 * y1, x, create_graph=True)
    np.testing.assert_allclose(grad(gx, x).data, -2 * np.sin(1.0))


def test_retain_grad_keeps_gradients_with_their_graph():
    x = scalar(3.0)
    a = F.square(x)
    F.square(a).backward(retain_grad=True, create_graph=True)
    np.testing.assert_allclose(grad(a.grad, x).data, 4 * 3.0)  # a.grad = 2 x^2


# --- memory and size ---


def test_an_unreferenced_graph_is_freed(no_collector):
    x = scalar(2.0)
    y = diamond(x)
    y.backward()
    graph = weakref.ref(y.creator)
    gradient = weakref.ref(x.grad)
    del x, y
    assert graph() is None
    assert gradient() is None


def test_grad_leaves_nothing_behind_even_with_create_graph(no_collector):
    x = scalar(2.0)
    gx = grad(diamond(x), x, create_graph=True)
    box = weakref.ref(gx.creator)
    del gx
    assert box() is None


def test_cleargrad_breaks_the_reference_cycle_of_create_graph(no_collector):
    for clear in (True, False):
        x = scalar(2.0)
        diamond(x).backward(create_graph=True)
        if clear:
            x.cleargrad()
        box = weakref.ref(x)
        del x
        assert (box() is None) == clear


def test_a_chain_of_a_hundred_thousand_does_not_recurse():
    n = 100_000
    assert n > 10 * sys.getrecursionlimit()
    x = scalar(1.0)
    y = x
    for _ in range(n):
        y = Identity()(y)
    y.backward()
    assert x.grad.data == 1.0
    assert grad(y, x).data == 1.0


def test_a_sum_of_many_terms_takes_time_in_proportion():
    """Thousands of functions are pending at once; sorting them at each insertion would take minutes."""
    n = 20_000
    x = scalar(2.0)
    terms = [x * x for _ in range(n)]
    while len(terms) > 1:
        terms = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)] + terms[len(terms) // 2 * 2 :]
    terms[0].backward()
    assert x.grad.data == 4.0 * n


# --- grad ---


def test_grad_returns_one_variable_for_one_and_a_list_for_a_list():
    x0, x1 = scalar(2.0), scalar(3.0)
    y = x0 * x1
    assert grad(y, x0).data == 3.0
    assert isinstance(grad(y, [x0]), list)
    assert [gx.data for gx in grad(y, (x0, x1))] == [3.0, 2.0]


def test_grad_accumulates_over_several_outputs():
    x = scalar(2.0)
    assert grad([x * 3.0, F.square(x)], x).data == 7.0
    assert grad([x * 3.0, F.square(x)], x, grad_outputs=[np.array(10.0), None]).data == 34.0


def test_grad_of_an_output_on_which_another_depends():
    x = scalar(2.0)
    a = F.square(x)
    assert [g.data for g in grad([a, F.square(a)], [x, a])] == [4.0 + 32.0, 1.0 + 8.0]


def test_grad_of_a_variable_with_respect_to_itself_is_the_initial_gradient():
    x = scalar(2.0)
    y = F.square(x)
    assert grad(x, x).data == 1.0
    assert grad(y, [y, x])[0].data == 1.0
    assert grad(y, y, grad_outputs=np.array(5.0)).data == 5.0


def test_grad_with_respect_to_an_intermediate_variable():
    x = scalar(3.0)
    a = F.square(x)
    assert grad(a * a, a).data == 18.0


def test_grad_returns_zeros_for_an_unused_input():
    x, other = scalar(2.0), Variable(np.ones((2, 3), np.float32))
    gx = grad(F.square(x), other)
    np.testing.assert_array_equal(gx.data, np.zeros((2, 3)))
    assert gx.dtype == np.float32
    second = grad(grad(x * 3.0, x, create_graph=True), x)
    assert second.data == 0.0


def test_grad_leaves_every_grad_unchanged():
    x = scalar(2.0)
    a = F.square(x)
    y = F.square(a)
    x.grad, a.grad, y.grad = kept = scalar(10.0), scalar(20.0), scalar(30.0)
    assert grad(y, x).data == 32.0
    assert grad(y, x, create_graph=True).data == 32.0
    assert (x.grad, a.grad, y.grad) == kept
    assert [float(v.data) for v in kept] == [10.0, 20.0, 30.0]


def test_gradients_of_grad_share_memory_with_nothing():
    x0, x1 = Variable(np.array([1.0, 2.0])), Variable(np.array([3.0, 4.0]))
    seed = np.array([5.0, 6.0])
    g0, g1 = grad(x0 + x1, [x0, x1], grad_outputs=seed)
    g0.data *= 0
    np.testing.assert_array_equal(g1.data, [5.0, 6.0])
    np.testing.assert_array_equal(seed, [5.0, 6.0])
    h0, h1 = grad(F.square(x0), [x0, x0])
    h0.data *= 0
    np.testing.assert_array_equal(h1.data, [2.0, 4.0])


def test_grad_twice_is_a_hessian_times_a_vector():
    x = Variable(np.array([1.0, 2.0]))
    gx = grad(x**2, x, create_graph=True)
    np.testing.assert_array_equal(grad(gx, x, grad_outputs=np.array([4.0, 5.0])).data, [8.0, 10.0])


@pytest.mark.parametrize(("outputs", "inputs"), [(np.array(1.0), None), (None, np.array(1.0)), (None, 2.0)])
def test_grad_takes_only_variables(outputs, inputs):
    x = scalar(2.0)
    y = F.square(x)
    with pytest.raises(TypeError, match=r"grad: expected Variables, got <class '"):
        grad(y if outputs is None else outputs, x if inputs is None else inputs)


def test_grad_rejects_initial_gradients_of_other_shapes():
    x = Variable(np.array([1.0, 2.0]))
    y = F.square(x)
    with pytest.raises(ValueError, match="grad: expected as many grad_outputs as outputs, 1, got 2"):
        grad(y, x, grad_outputs=[None, None])
    with pytest.raises(ValueError, match=r"expected a gradient of shape \(2,\), got \(\)"):
        grad(y, x, grad_outputs=np.array(1.0))
    with pytest.raises(TypeError, match=r"Variable: expected a numpy.ndarray"):
        grad(y, x, grad_outputs=[object])


def test_grad_rejects_an_instance_that_was_called_again():
    f = F.Square()
    x = scalar(2.0)
    y = f(x)
    f(x)
    with pytest.raises(RuntimeError, match="output of the latest call of Square, got one of an earlier call"):
        grad(y, x)


@pytest.mark.parametrize(
    ("gradients", "error", "text"),
    [
        (
            np.array(1.0),
            TypeError,
            r"Wrong\.backward: expected Variables, got <class 'numpy.ndarray'>",
        ),
        (None, TypeError, r"Wrong\.backward: expected Variables, got <class 'NoneType'>"),
        ((), ValueError, r"Wrong\.backward: expected 1 gradients, one for each input, got 0"),
    ],
)
def test_a_backward_that_does_not_return_a_variable_is_reported_and_nothing_changes(gradients, error, text):
    x = Variable(np.array(1.0))
    y = Wrong(gradients)(x * x) + x
    with pytest.raises(error, match=text):
        y.backward()
    assert x.grad is None
    assert y.grad is None


def test_a_gradient_that_is_its_own_input_is_copied():
    class Lazy(Function):
        def forward(self, x):
            return x**2 / 2

        def backward(self, gy):
            return self.inputs[0]

    x = Variable(np.array([1.0, 2.0]))
    Lazy()(x).backward()
    assert x.grad is not x
    assert not np.shares_memory(x.grad.data, x.data)


# --- the shape of a gradient ---


@pytest.mark.parametrize("shape", [(1, 2), (1,), (3,), (), (2, 1)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_of_another_shape_is_an_error_that_names_its_function_and_nothing_changes(shape, create_graph):
    x = Variable(np.array([1.0, 2.0]))
    y = x + Wrong(Variable(np.ones(shape)))(x * x)
    text = f"Wrong.backward: expected a gradient of shape (2,), got {shape}"
    with pytest.raises(ValueError, match=re.escape(text)):
        y.backward(create_graph=create_graph)
    with pytest.raises(ValueError, match=re.escape(text)):
        grad(y, x)
    assert (x.grad, y.grad) == (None, None)


def test_released_data_are_not_asked_for_their_shape():
    x = Variable(np.array([[1.0, 2.0], [3.0, 4.0]]))
    t = x * 3.0
    y = t + Variable(np.array([10.0, 20.0]))
    t.data = None
    y.backward(retain_grad=True)
    np.testing.assert_array_equal(t.grad.data, np.ones((2, 2)))
    np.testing.assert_array_equal(x.grad.data, np.full((2, 2), 3.0))


# --- constants ---


def test_an_array_that_a_function_was_given_is_a_constant_node_of_the_graph():
    x = Variable(np.array([1.0, 2.0]))
    for y in (x * np.array([3.0, 4.0]), x * 3.0):
        left, right = y.creator.inputs
        assert left is x
        assert (left.constant, right.constant, y.constant) == (False, True, False)
    assert not as_variable(np.array(1.0)).constant


W = np.array([[1.0, 2.0], [3.0, 4.0]])
WITH_CONSTANTS = {
    "add": lambda x: x + W,
    "radd": lambda x: F.add(W, x),
    "sub": lambda x: x - W,
    "rsub": lambda x: F.sub(W, x),
    "mul": lambda x: x * W,
    "rmul": lambda x: F.mul(W, x),
    "div": lambda x: x / W,
    "rdiv": lambda x: F.div(W, x),
    "pow": lambda x: x**W,
    "rpow": lambda x: W**x,
    "matmul": lambda x: F.matmul(x, W),
    "rmatmul": lambda x: F.matmul(W, x),
    "linear's x": lambda x: F.linear(W, x),
    "linear's W": lambda x: F.linear(x, W),
    "mean_squared_error": lambda x: F.mean_squared_error(x, W),
    "mean_squared_error of data": lambda x: F.mean_squared_error(W, x),
    "concat": lambda x: F.concat([W, x]),
}


@pytest.mark.parametrize("f", WITH_CONSTANTS.values(), ids=WITH_CONSTANTS)
def test_no_gradient_is_computed_for_constants(f):
    x = Variable(np.array([[0.5, 1.5], [2.5, 3.5]]))
    y = f(x)
    gxs = y.creator.backward(Variable(np.ones_like(y.data)))
    assert [gx is None for gx in gxs] == [v.constant for v in y.creator.inputs]
    assert sum(v.constant for v in y.creator.inputs) == 1
    check_gradients(f, x)


def test_constants_end_without_a_gradient():
    x = Variable(np.array([1.0, 2.0]))
    y = x * np.array([3.0, 4.0])
    y.backward(retain_grad=True)
    assert y.creator.inputs[1].grad is None


@pytest.mark.parametrize("gradient", [None, Variable(np.ones(5)), "anything"], ids=repr)
def test_gradients_of_constants_are_ignored(gradient):
    class TakesTwo(Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            return gy, gradient

    x = Variable(np.array([1.0, 2.0]))
    TakesTwo()(x, np.array([3.0, 4.0])).backward()
    np.testing.assert_array_equal(x.grad.data, [1.0, 1.0])


# --- the dtype of a gradient ---

MIXED = [F.add, F.sub, F.mul, F.div, F.pow, F.matmul, F.mean_squared_error, F.linear]


@pytest.mark.parametrize("f", MIXED, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f8", "f4"), ("f2", "f4")], ids=str)
def test_a_gradient_has_the_dtype_of_its_variable_when_dtypes_are_mixed(f, dtypes):
    """To the second order: the cast is part of the graph."""
    x0, x1 = (Variable(np.array([[0.5, 1.0], [1.25, 0.75]], dtype)) for dtype in dtypes)
    once = grad(F.square(f(x0, x1)), [x0, x1], create_graph=True)
    twice = grad([F.square(gx) for gx in once], [x0, x1])
    exact0, exact1 = (Variable(x.data.astype(np.float64)) for x in (x0, x1))
    exact_once = grad(F.square(f(exact0, exact1)), [exact0, exact1], create_graph=True)
    exact_twice = grad([F.square(gx) for gx in exact_once], [exact0, exact1])
    tolerance = 1e-2 if "f2" in dtypes else 1e-5
    for gxs, exact in ((once, exact_once), (twice, exact_twice)):
        assert [gx.dtype for gx in gxs] == list(dtypes)
        for gx, expected in zip(gxs, exact, strict=True):
            np.testing.assert_allclose(gx.data, expected.data, rtol=tolerance, atol=tolerance)


def test_a_cast_gradient_has_derivatives_of_any_order():
    x, w = Variable(np.array([0.5, 1.0], np.float32)), np.array([2.0, 3.0])
    y = grad(F.sin(x * w), x, create_graph=True)
    y = F.square(y)  # now what comes back to the cast depends on x as well
    for expected in (-(w**3) * np.sin(2 * w * x.data), -2 * w**4 * np.cos(2 * w * x.data)):
        y = grad(y, x, create_graph=True)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y.data, expected, rtol=1e-5)


def test_an_initial_gradient_is_cast_to_the_dtype_of_its_variable():
    x = Variable(np.array([1.0, 2.0], np.float32))
    seed = np.array([3.0, 4.0])
    assert grad(F.square(x), x, grad_outputs=seed).dtype == np.float32
    y = F.square(x)
    y.grad = Variable(seed)
    y.backward(retain_grad=True)
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(x.grad.data, [6.0, 16.0])


def test_an_initial_gradient_of_another_dtype_can_be_differentiated():
    x, v = Variable(np.array([1.0, 2.0], np.float32)), Variable(np.array([3.0, 4.0]))
    gx = grad(F.square(x), x, grad_outputs=v, create_graph=True)  # 2 x v
    g2x, gv = grad(gx, [x, v])
    assert (gx.dtype, g2x.dtype, gv.dtype) == (np.float32, np.float32, np.float64)
    np.testing.assert_array_equal(g2x.data, [6.0, 8.0])
    np.testing.assert_array_equal(gv.data, [2.0, 4.0])


def test_an_initial_gradient_of_another_dtype_can_be_differentiated_inside_no_grad():
    x, v = Variable(np.array(3.0, np.float32)), scalar(2.0)
    y = F.square(x)
    y.grad = v
    with no_grad():
        y.backward(create_graph=True)
    assert grad(x.grad, v).data == 6.0


def test_a_gradient_that_was_cast_is_the_variables_own_and_writable():
    x0, x1 = Variable(np.ones((2, 2), np.float32)), Variable(np.ones((2, 2), np.float32))
    F.sum((x0 + x1) * np.ones((2, 2))).backward()
    assert (x0.grad.dtype, x1.grad.dtype) == (np.float32, np.float32)
    x0.grad.data *= 10
    np.testing.assert_array_equal(x1.grad.data, np.ones((2, 2)))


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_gradients_of_integers_are_not_cast(dtype):
    x = Variable(np.array([1, 0], dtype))
    np.testing.assert_array_equal(grad(x / 4.0, x).data, [0.25, 0.25])


# --- train and test ---


def test_test_mode_is_for_its_block_and_leaves_graphs_alone():
    assert Config.train
    with package.test_mode():
        assert not Config.train
        assert Config.enable_backprop
        with no_grad(), package.test_mode():
            assert (Config.train, Config.enable_backprop) == (False, False)
        assert not Config.train
        assert F.square(scalar(2.0)).creator is not None
    assert (Config.train, Config.enable_backprop) == (True, True)


def test_the_mode_before_is_restored_also_after_an_error():
    def fail():
        assert not Config.train
        raise KeyError("on the way")

    with pytest.raises(KeyError, match="on the way"), package.test_mode():
        fail()
    assert Config.train
    with using_config("train", False):
        with pytest.raises(KeyError, match="on the way"), package.test_mode():
            fail()
        assert not Config.train
    assert Config.train


# --- unchain ---


def test_a_variable_that_is_unchained_is_a_leaf_with_its_value():
    x = scalar(2.0)
    a = x * 3.0
    y = F.square(a)
    a.unchain()
    y.backward()
    assert (a.data, a.grad.data, a.creator, x.grad) == (6.0, 12.0, None, None)
    F.square(a).backward()
    assert a.grad.data == 24.0
    leaf = scalar(1.0)
    leaf.unchain()
    assert leaf.creator is None


def test_unchain_backward_unchains_every_variable_but_the_last():
    x = scalar(2.0)
    a = F.square(x)
    b, c = a * 3.0, a + x
    y = b * c
    creator = y.creator
    y.unchain_backward()
    assert [v.creator for v in (a, b, c, y)] == [None, None, None, creator]
    y.backward()
    assert (b.grad.data, c.grad.data, a.grad, x.grad) == (6.0, 12.0, None, None)


def test_unchain_backward_of_a_leaf_changes_nothing():
    x = scalar(2.0)
    x.unchain_backward()
    y = F.square(x)
    y.backward()
    assert x.grad.data == 4.0


def test_unchain_backward_frees_the_graph(no_collector):
    x = scalar(2.0)
    a = F.square(x)
    b = F.square(a)
    y = F.square(b)
    between, graph = weakref.ref(a), weakref.ref(b.creator)
    del a
    assert between() is not None
    y.unchain_backward()
    assert (between(), graph()) == (None, None)
    assert b.data == 16.0


def test_a_sequence_is_differentiated_piece_by_piece():
    """Truncated backpropagation through time: the state's value goes on, its history ends."""
    w, h = scalar(0.5), scalar(1.0)
    found = []
    for _ in range(3):
        before = h.data
        for _ in range(2):
            h = h * w
        loss = F.square(h)
        w.cleargrad()
        loss.backward()
        loss.unchain_backward()
        found.append(w.grad.data)
        np.testing.assert_allclose(found[-1], 4 * before**2 * w.data**3)  # of (before w^2)^2
        assert h.creator is None
    assert h.data == 0.5**6


def test_unchain_backward_of_a_hundred_thousand_does_not_recurse():
    x = scalar(1.0)
    y = x
    for _ in range(100_000):
        y = Identity()(y)
    y.unchain_backward()
    y.backward()
    assert x.grad is None


# --- Parameter ---


def test_a_parameter_is_a_variable_and_what_is_computed_with_it_is_not_a_parameter():
    x, p = scalar(1.0), Parameter(np.array(2.0))
    y = x * p
    assert [isinstance(v, Parameter) for v in (p, x, y)] == [True, False, False]
    assert isinstance(p, Variable)
    y.backward()
    assert p.grad.data == 1.0
    assert not isinstance(p.grad, Parameter)


def test_a_parameter_may_have_a_name_and_no_data_yet():
    p = Parameter(None, name="W")
    assert (p.name, p.data, repr(p)) == ("W", None, "variable(None)")
    with pytest.raises(TypeError, match=r"Variable: expected a numpy.ndarray"):
        Parameter(1.0)


# --- inputs that are not differentiated ---


class Pick(Function):
    """y = x[ids];  gx = gy at ids, 0 elsewhere; ids has no gradient."""

    not_differentiated = (1,)

    def forward(self, x, ids):
        return x[ids]

    def backward(self, gy):
        x, ids = self.inputs
        gx = np.zeros(x.shape)
        np.add.at(gx, ids.data, gy.data)
        return Variable(gx), self.of_ids

    of_ids = None


def test_an_input_that_is_not_differentiated_has_no_gradient():
    x, ids = Variable(np.array([1.0, 2.0, 3.0])), Variable(np.array([2, 2]))
    y = Pick()(x, ids)
    np.testing.assert_array_equal(grad(y, ids).data, [0, 0])
    gx, gids = grad(y, [x, ids])
    np.testing.assert_array_equal(gx.data, [0, 0, 2])
    np.testing.assert_array_equal(gids.data, [0, 0])
    y.backward(retain_grad=True)
    assert ids.grad is None
    np.testing.assert_array_equal(x.grad.data, [0, 0, 2])


def test_what_an_input_that_is_not_differentiated_depends_on_is_not_visited():
    class Broken(Function):
        def forward(self, ids):
            return ids + 1

    x, start = Variable(np.array([1.0, 2.0, 3.0])), Variable(np.array([0, 1]))
    y = Pick()(x, Broken()(start))
    y.backward()
    assert start.grad is None
    np.testing.assert_array_equal(x.grad.data, [0, 1, 1])


def test_none_for_an_input_that_is_differentiated_is_an_error():
    class Wrong(Pick):
        not_differentiated = (0,)

    with pytest.raises(TypeError, match=r"Wrong.backward: expected Variables, got <class 'NoneType'>"):
        Wrong()(Variable(np.array([1.0, 2.0])), Variable(np.array([1]))).backward()
