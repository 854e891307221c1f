"""Layers: their parameters, the order and the names of these; and Linear."""

import copy
import gc
import math
import weakref

import numpy as np
import pytest

from .stage import F, L, Layer, Parameter, Variable, check_gradients


class Scale(Layer):
    """y = c x, c a parameter."""

    def __init__(self, c=1.0):
        super().__init__()
        self.c = Parameter(np.array(c), name="c")

    def forward(self, x):
        return self.c * x


class Both(Layer):
    """Two outputs of two inputs."""

    def forward(self, x0, x1):
        return x0 + x1, x0 - x1


def parameter(*shape):
    return Parameter(np.ones(shape))


def paths(layer):
    return [path for path, _ in layer.named_params()]


# --- collecting parameters ---


def test_parameters_are_collected_in_the_order_of_their_definition_and_nothing_else_is():
    layer = Layer()
    layer.p2 = Parameter(np.array(2))
    layer.p1 = Parameter(np.array(1))
    layer.p3 = Variable(np.array(3))
    layer.p4 = "test"
    assert layer._params == ["p2", "p1"]
    assert list(layer.params()) == [layer.p2, layer.p1]
    assert [repr(p) for p in layer.params()] == ["variable(2)", "variable(1)"]


def test_many_parameters_keep_their_order():
    layer = Layer()
    names = [f"p{i * 7 % 50}" for i in range(50)]
    for name in names:
        setattr(layer, name, parameter())
    assert paths(layer) == names


def test_a_parameter_that_is_replaced_keeps_its_place():
    layer = Layer()
    layer.a, layer.b = parameter(), parameter()
    layer.a = new = parameter(2)
    assert paths(layer) == ["a", "b"]
    assert next(layer.params()) is new


@pytest.mark.parametrize("value", [None, 3, "text", Variable(np.array(1.0)), np.ones(2)], ids=repr)
def test_a_replaced_parameter_is_dropped(value):
    layer = Layer()
    layer.a, layer.b = parameter(), parameter()
    layer.a = value
    assert paths(layer) == ["b"]
    assert layer.a is value
    layer.a = parameter()
    assert paths(layer) == ["b", "a"]


def test_a_parameter_that_is_deleted_leaves_no_name_behind():
    layer = Layer()
    layer.a, layer.b, layer.plain = parameter(), L.Linear(2), 1
    del layer.a, layer.b, layer.plain
    assert paths(layer) == []
    with pytest.raises(AttributeError, match="nothing"):
        del layer.nothing


def test_a_shared_parameter_is_listed_once_and_has_two_paths():
    model = Layer()
    model.l1, model.l2 = Scale(), Scale()
    model.l2.c = model.l1.c
    model.again = model.l1
    assert list(model.params()) == [model.l1.c]
    assert paths(model) == ["l1/c", "l2/c", "again/c"]


def test_the_parameters_of_a_tree_are_listed_depth_first():
    model = Layer()
    model.first = Layer()
    model.first.inner = L.Linear(3, in_size=2)
    model.own = parameter()
    model.last = L.Linear(1, nobias=True)
    assert paths(model) == ["first/inner/W", "first/inner/b", "own", "last/W"]
    assert list(model.params()) == [model.first.inner.W, model.first.inner.b, model.own, model.last.W]


def test_layers_in_a_list_are_not_collected():
    model = Layer()
    model.layers = [Scale(), Scale()]
    assert paths(model) == []


def test_a_layer_of_a_list_is_collected_once_it_is_an_attribute_too():
    model = Layer()
    model.layers = [Scale(), Scale()]
    for i, layer in enumerate(model.layers):
        setattr(model, f"l{i}", layer)
    assert paths(model) == ["l0/c", "l1/c"]


def test_cleargrads_clears_every_gradient_of_the_tree():
    model = Layer()
    model.l1, model.l2, model.own = Scale(2.0), Scale(3.0), parameter()
    (model.l2(model.l1(Variable(np.array(5.0)))) * model.own).backward()
    assert [p.grad.data for p in model.params()] == [15.0, 10.0, 30.0]
    model.cleargrads()
    assert [p.grad for p in model.params()] == [None, None, None]


@pytest.mark.parametrize("value", [parameter(), L.Linear(2)], ids=["parameter", "layer"])
def test_a_constructor_without_super_init_is_rejected(value):
    class Forgetful(Layer):
        def __init__(self):
            self.x = value

    with pytest.raises(RuntimeError, match=r"Forgetful: call super\(\).__init__\(\) before setting 'x'"):
        Forgetful()


@pytest.mark.parametrize("name", ["inputs", "outputs", "a/b", "/"])
def test_names_that_mean_something_else_are_rejected(name):
    """Layers use inputs and outputs; and in a file, "a/b" and b in a would have the same name."""
    for value in (parameter(), L.Linear(2)):
        layer = Layer()
        with pytest.raises(ValueError, match=f"Layer: '{name}' cannot be the name of a parameter or layer"):
            setattr(layer, name, value)
        assert paths(layer) == []
        setattr(layer, name, 3)  # as a plain attribute it is allowed


def test_trained_parameters_are_in_the_state():
    model = Layer()
    model.l1, model.own = Scale(), parameter()
    assert list(model.named_state()) == list(model.named_params())


# --- repr ---


def test_a_layer_shows_its_parameters():
    assert repr(Layer()) == "Layer()"
    assert repr(Scale()) == "Scale(c ())"
    assert repr(L.Linear(4, in_size=3)) == "Linear(W (3, 4), b (4,))"
    assert repr(L.Linear(4, nobias=True, in_size=3)) == "Linear(W (3, 4))"


def test_a_layer_shows_what_its_first_call_will_make():
    layer = L.Linear(4)
    assert repr(layer) == "Linear(W (None, 4) uninitialized, b (4,))"
    layer(np.ones((2, 3)))
    assert repr(layer) == "Linear(W (3, 4), b (4,))"
    layer.own = Parameter(None)
    assert repr(layer) == "Linear(W (3, 4), b (4,), own uninitialized)"


def test_a_tree_of_layers_is_shown_as_a_tree():
    model = Layer()
    model.first, model.scale = Layer(), parameter(2)
    model.first.inner, model.first.empty = L.Linear(3, in_size=2), Layer()
    model.last = L.Linear(1)
    lines = [
        "Layer(",
        "  scale (2,)",
        "  (first): Layer(",
        "    (inner): Linear(W (2, 3), b (3,))",
        "    (empty): Layer()",
        "  )",
        "  (last): Linear(W (None, 1) uninitialized, b (1,))",
        ")",
    ]
    assert repr(model).splitlines() == lines


# --- arguments, and uninitialized parameters ---


@pytest.mark.parametrize("size", [0, -1, 2.5, None, "3", (3,)], ids=repr)
def test_a_width_of_none_is_rejected(size):
    with pytest.raises(ValueError, match=r"Linear: expected out_size to be a positive integer, got "):
        L.Linear(size)
    if size is not None:
        with pytest.raises(ValueError, match=r"Linear: expected in_size to be a positive integer, got "):
            L.Linear(2, in_size=size)


def test_widths_may_be_integers_of_numpy():
    assert L.Linear(np.int64(2), in_size=np.int32(3)).W.shape == (3, 2)


@pytest.mark.parametrize("nobias", [3, 1, 0, None, "no"], ids=repr)
def test_a_number_for_nobias_is_rejected(nobias):
    """Linear(4, 3) would be a layer of any input size without a bias."""
    with pytest.raises(
        TypeError, match=r"Linear: expected nobias to be True or False, got .*; pass input sizes by key"
    ):
        L.Linear(4, nobias)


@pytest.mark.parametrize("name", ["shape", "ndim", "size", "dtype"])
def test_a_parameter_without_data_says_why_it_has_no_shape(name):
    for param in (L.Linear(2).W, copy.deepcopy(L.Linear(2)).W):
        with pytest.raises(
            AttributeError, match=f"parameter W has no '{name}' while it is uninitialized; call its layer"
        ):
            getattr(param, name)
    assert not hasattr(Parameter(None), name)
    with pytest.raises(AttributeError, match="'Parameter' object has no attribute 'nothing'"):
        parameter().nothing  # noqa: B018


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)], ids=str)
def test_a_first_input_without_a_width_changes_nothing(shape):
    layer = L.Linear(4)
    before = np.random.get_state()[1].tolist()
    with pytest.raises(ValueError, match=r"Linear: expected x \(N, in_size\) with in_size at least 1, got \("):
        layer(np.ones(shape))
    assert (layer.W.data, layer.in_size, np.random.get_state()[1].tolist()) == (None, None, before)


# --- calls ---


def test_a_layer_is_called_like_a_function():
    y = Scale(3.0)(Variable(np.array(2.0)))
    assert isinstance(y, Variable)
    assert y.data == 6.0


def test_several_outputs_are_a_tuple():
    x0, x1 = Variable(np.array(5.0)), Variable(np.array(2.0))
    layer = Both()
    total, difference = layer(x0, x1)
    assert (total.data, difference.data) == (7.0, 3.0)
    assert [x() for x in layer.inputs] == [x0, x1]
    assert [y() for y in layer.outputs] == [total, difference]


def test_the_base_class_has_no_forward():
    with pytest.raises(NotImplementedError, match="Layer has no forward"):
        Layer()(Variable(np.array(1.0)))


def test_a_layer_keeps_neither_inputs_nor_outputs_alive():
    layer = Scale()
    gc.collect()
    gc.disable()
    try:
        x = Variable(np.array(1.0))
        y = layer(x)
        refs = [weakref.ref(x), weakref.ref(y), weakref.ref(y.creator)]
        del x, y
        assert [ref() for ref in refs] == [None, None, None]
        assert (layer.inputs[0](), layer.outputs[0]()) == (None, None)
    finally:
        gc.enable()


@pytest.mark.parametrize("x", [np.ones((2, 3)), 2.0, 3, (1, 2), [1, 2], None, "text"], ids=repr)
def test_an_input_may_be_anything(x):
    class Takes(Layer):
        def forward(self, x):
            return Variable(np.array(1.0))

    layer = Takes()
    layer(x)
    assert layer.inputs[0]() is x


def test_a_copy_of_a_layer_that_was_called_is_independent():
    model = Layer()
    model.l1, model.l2 = L.Linear(3), L.Linear(2)
    x = Variable(np.ones((4, 5), np.float32))

    def predict(model):
        return model.l2(F.sigmoid(model.l1(x)))

    F.sum(predict(model)).backward()
    twin = copy.deepcopy(model)
    assert paths(twin) == paths(model)
    np.testing.assert_array_equal(predict(twin).data, predict(model).data)
    for p, q in zip(model.params(), twin.params(), strict=True):
        assert p is not q
        assert isinstance(q, Parameter)
        np.testing.assert_array_equal(p.grad.data, q.grad.data)
    before = predict(model).data
    twin.l1.W.data += 1
    twin.l2.b.grad.data += 1
    np.testing.assert_array_equal(predict(model).data, before)
    np.testing.assert_array_equal(model.l2.b.grad.data, [4.0, 4.0])


# --- Linear ---


def test_linear_draws_casts_and_then_scales():
    np.random.seed(0)
    layer = L.Linear(4, in_size=3)
    np.random.seed(0)
    expected = np.random.randn(3, 4).astype(np.float32) * math.sqrt(1 / 3)
    assert layer.W.data.tobytes() == expected.tobytes()
    assert (layer.W.dtype, layer.W.shape) == (np.float32, (3, 4))
    np.testing.assert_array_equal(layer.b.data, np.zeros(4, np.float32))
    assert layer.b.dtype == np.float32


def test_the_first_weights_of_seed_zero():
    np.random.seed(0)
    layer = L.Linear(2, in_size=4, dtype=np.float64)
    np.testing.assert_allclose(layer.W.data[0], [0.882026172983832, 0.2000786041836117], rtol=1e-15)


def test_without_in_size_the_weights_are_drawn_at_the_first_call():
    np.random.seed(0)
    layer = L.Linear(4)
    assert (layer.W.data, layer.in_size) == (None, None)
    assert list(layer.params()) == [layer.W, layer.b]  # so an optimizer can be set up before the first call
    layer.cleargrads()
    np.random.seed(0)
    y = layer(np.ones((2, 3), np.float32))
    W = layer.W.data
    np.random.seed(0)
    assert W.tobytes() == L.Linear(4, in_size=3).W.data.tobytes()
    assert (layer.in_size, y.shape) == (3, (2, 4))
    layer(np.ones((5, 3), np.float32))
    assert layer.W.data is W


def test_making_a_lazy_layer_draws_nothing():
    np.random.seed(0)
    expected = np.random.randn()
    np.random.seed(0)
    L.Linear(4)
    assert np.random.randn() == expected


def test_linear_is_x_W_plus_b():
    layer = L.Linear(2, in_size=3, dtype=np.float64)
    layer.b.data[...] = [1.0, -1.0]
    for shape in ((4, 3), (2, 4, 3), (3,), (0, 3)):
        x = np.random.default_rng(0).standard_normal(shape)
        np.testing.assert_allclose(layer(Variable(x)).data, x @ layer.W.data + layer.b.data, rtol=1e-14)
        if x.size:
            check_gradients(layer, x)


def test_parameters_have_names():
    layer = L.Linear(2)
    assert (layer.W.name, layer.b.name) == ("W", "b")


def test_nobias_has_no_b():
    layer = L.Linear(2, nobias=True, in_size=3)
    assert layer.b is None
    assert paths(layer) == ["W"]
    x = np.ones((4, 3), np.float32)
    np.testing.assert_allclose(layer(Variable(x)).data, x @ layer.W.data, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_weights_have_the_dtype_that_was_asked_for(dtype):
    for layer in (L.Linear(4, dtype=dtype, in_size=3), L.Linear(4, dtype=dtype)):
        layer(np.ones((2, 3)))
        assert (layer.W.dtype, layer.b.dtype) == (dtype, dtype)


def test_input_is_not_cast_and_gradients_have_the_dtype_of_the_weights():
    layer = L.Linear(4)
    x = Variable(np.ones((2, 3)))
    y = layer(x)
    F.sum(y).backward()
    assert (y.dtype, x.grad.dtype) == (np.float64, np.float64)
    assert (layer.W.grad.dtype, layer.b.grad.dtype) == (np.float32, np.float32)


def test_an_input_of_another_width_is_rejected():
    layer = L.Linear(4, in_size=3)
    with pytest.raises(
        ValueError, match=r"linear: expected x with as many columns as W has rows, got x \(2, 5\) and W \(3, 4\)"
    ):
        layer(np.ones((2, 5)))


def test_a_copy_has_its_own_names():
    layer = Layer()
    layer.a = Parameter(np.array(1.0))
    other = copy.copy(layer)
    other.b = Parameter(np.array(2.0))
    del other.a
    assert [[name for name, _ in each.named_params()] for each in (layer, other)] == [["a"], ["b"]]


def test_a_name_that_cannot_be_set_is_not_registered():
    class Fixed(Layer):
        @property
        def gain(self):
            return 1.0

    layer = Fixed()
    with pytest.raises(AttributeError):
        layer.gain = Parameter(np.array(1.0))
    assert list(layer.params()) == []


@pytest.mark.parametrize("x", [None, Variable(None)], ids=["None", "Variable(None)"])
def test_an_input_without_data_is_rejected(x):
    for layer in (L.Linear(2), L.Linear(2, in_size=3)):
        with pytest.raises(
            TypeError, match=f"^{type(layer).__name__}: expected a Variable with data or an array, got None"
        ):
            layer(x)
