"""Layers: their parameters and buffers, the order and the names of these; and each kind of layer."""

import copy
import gc
import math
import pickle
import weakref

import numpy as np
import pytest

from .stage import F, L, Layer, Parameter, Variable, check_gradients, cuda, grad, models, no_grad
from .stage import test_mode as in_use  # pytest would collect it under its own name


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


# --- buffers ---


def test_buffers_belong_to_the_state_but_are_not_trained():
    model = Layer()
    model.l1 = Layer()
    model.l1.mean, model.l1.p1 = L.Buffer(np.array(0.0)), Parameter(np.array(1.0))
    model.p2 = Parameter(np.array(2.0))
    assert [path for path, _ in model.named_state()] == ["l1/mean", "l1/p1", "p2"]
    assert paths(model) == ["l1/p1", "p2"]
    assert list(model.params()) == [model.l1.p1, model.p2]
    assert list(model.get_weights()) == ["l1/mean", "l1/p1", "p2"]
    assert repr(model) == "Layer(\n  p2 ()\n  (l1): Layer(mean (), p1 ())\n)"
    model.l1.mean = None
    assert [path for path, _ in model.named_state()] == ["l1/p1", "p2"]
    with pytest.raises(ValueError, match="Layer: 'a/b' cannot be the name"):
        setattr(model, "a/b", L.Buffer(np.array(0.0)))


def test_a_buffer_set_before_super_init_is_rejected():
    class Forgetful(Layer):
        def __init__(self):
            self.mean = L.Buffer(np.array(0.0))

    with pytest.raises(RuntimeError, match=r"Forgetful: call super\(\).__init__\(\) before setting 'mean'"):
        Forgetful()


def test_flattened_parameters_have_their_paths_as_in_step_53():
    layer = Layer()
    layer.l1 = Layer()
    layer.l1.p1 = Parameter(np.array(1))
    layer.p2, layer.p3 = Parameter(np.array(2)), Parameter(np.array(3))
    flat = {}
    layer._flatten_params(flat)
    assert repr(flat) == "{'l1/p1': variable(1), 'p2': variable(2), 'p3': variable(3)}"
    assert flat["l1/p1"] is layer.l1.p1
    below = {}
    layer._flatten_params(below, "model")
    assert list(below) == ["model/l1/p1", "model/p2", "model/p3"]


# --- devices ---


def layers_with_data():
    """One initialized layer of each kind, with gradients, and state if it has any."""
    made = [L.Linear(2), L.Conv2d(2, 3), L.Deconv2d(2, 3), L.BatchNorm(), L.EmbedID(4, 2), L.RNN(3), L.LSTM(3)]
    for layer in made:
        images = isinstance(layer, (L.Conv2d, L.BatchNorm))
        x = np.ones((2, 2, 3, 3), np.float32) if images else np.ones((2, 2), np.float32)
        F.sum(layer(np.array([1, 2]) if isinstance(layer, L.EmbedID) else x)).backward()
    return made


def test_a_model_on_the_host_stays_where_it_is():
    for layer in layers_with_data():
        arrays = [(v, v.data, v.grad, None if v.grad is None else v.grad.data) for v in layer.all_variables()]
        assert layer.xp is np
        layer.to_cpu()
        for variable, data, gx, gx_data in arrays:
            assert variable.data is data
            assert variable.grad is gx
            assert gx is None or gx.data is gx_data
    L.Linear(3).to_cpu()  # uninitialized
    assert L.BatchNorm().xp is np


@pytest.fixture
def no_gpu(monkeypatch):
    """As on a machine without CuPy."""
    monkeypatch.setattr(cuda, "cupy", None)
    monkeypatch.setattr(cuda, "gpu_enable", False)


def test_without_a_gpu_to_gpu_fails_and_changes_nothing(no_gpu):
    for layer in layers_with_data():
        arrays = [(v, v.data) for v in layer.all_variables()]
        with pytest.raises(RuntimeError, match="CuPy cannot be loaded"):
            layer.to_gpu()
        assert all(variable.data is data for variable, data in arrays)


@pytest.mark.parametrize("make", [L.BatchNorm, lambda: L.Conv2d(2, 3, nobias=True), Layer], ids=["bn", "conv", "Layer"])
def test_without_a_gpu_to_gpu_fails_for_a_layer_without_data_too(make, no_gpu):
    with pytest.raises(RuntimeError, match="CuPy cannot be loaded"):
        make().to_gpu()


# --- copies ---


@pytest.mark.parametrize(
    "way", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))], ids=["copy", "pickle"]
)
def test_copies_and_pickles_of_layers_that_were_called_are_independent(way):
    for layer in layers_with_data()[:5]:
        twin = way(layer)
        assert [path for path, _ in twin.named_state()] == [path for path, _ in layer.named_state()]
        for v, w in zip(layer.all_variables(), twin.all_variables(), strict=True):
            assert (type(v), v.name) == (type(w), w.name)
            np.testing.assert_array_equal(v.data, w.data)
            assert not np.shares_memory(v.data, w.data)


RECURRENT = [L.RNN, L.LSTM]
IDS = ["RNN", "LSTM"]


@pytest.mark.parametrize(
    "way", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))], ids=["copy", "pickle"]
)
@pytest.mark.parametrize("kind", RECURRENT, ids=IDS)
def test_a_recurrent_layer_that_was_called_can_be_copied(kind, way):
    layer = kind(3)
    x = np.ones((2, 2), np.float32)
    layer(x)
    twin = way(layer)
    np.testing.assert_array_equal(twin.h.data, layer.h.data)
    y = twin(x)
    np.testing.assert_array_equal(y.data, layer(x).data)
    y.backward()  # in the graph of the copy


# --- layers that draw their weights at the first call ---


DRAWN = {
    "Linear": (lambda size=None, **k: L.Linear(4, in_size=size, **k), (5, 3), (3, 4), 1 / 3),
    "Conv2d": (lambda size=None, **k: L.Conv2d(4, (2, 3), in_channels=size, **k), (2, 3, 5, 6), (4, 3, 2, 3), 1 / 18),
    "Deconv2d": (
        lambda size=None, **k: L.Deconv2d(4, (2, 3), in_channels=size, **k),
        (2, 3, 2, 3),
        (3, 4, 2, 3),
        1 / 18,
    ),
}
drawn = pytest.mark.parametrize(("make", "x_shape", "W_shape", "variance"), DRAWN.values(), ids=DRAWN)


@drawn
def test_weights_are_drawn_then_cast_and_then_scaled(make, x_shape, W_shape, variance):
    np.random.seed(0)
    layer = make(3)
    np.random.seed(0)
    expected = np.random.randn(*W_shape).astype(np.float32) * math.sqrt(variance)
    assert layer.W.data.tobytes() == expected.tobytes()
    assert (layer.W.dtype, layer.W.shape) == (np.float32, W_shape)
    np.testing.assert_array_equal(layer.b.data, np.zeros(4, np.float32))
    assert layer.b.dtype == np.float32


@drawn
def test_without_the_size_weights_are_initialized_at_the_first_call(make, x_shape, W_shape, variance):
    np.random.seed(0)
    expected = np.random.randn()
    np.random.seed(0)
    layer = make()
    assert np.random.randn() == expected  # nothing was drawn
    assert layer.W.data is None
    assert list(layer.params()) == [layer.W, layer.b]  # so an optimizer can be set up before the first call
    layer.cleargrads()
    np.random.seed(0)
    layer(np.ones(x_shape, np.float32))
    W = layer.W.data
    np.random.seed(0)
    assert W.tobytes() == make(3).W.data.tobytes()
    layer(np.ones((1, *x_shape[1:]), np.float32))
    assert layer.W.data is W


@drawn
def test_the_deviation_of_the_weights(make, x_shape, W_shape, variance):
    np.random.seed(0)
    weights = np.array([make(3).W.data for _ in range(400)])
    np.testing.assert_allclose(weights.var(), variance, rtol=0.05)
    assert abs(weights.mean()) < 0.05 * math.sqrt(variance)


@drawn
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_drawn_weights_have_the_dtype_that_was_asked_for(make, x_shape, W_shape, variance, dtype):
    for layer in (make(3, dtype=dtype), make(dtype=dtype)):
        layer(np.ones(x_shape))
        assert (layer.W.dtype, layer.b.dtype) == (dtype, dtype)


@drawn
def test_without_a_bias_there_is_none(make, x_shape, W_shape, variance):
    layer = make(3, nobias=True, dtype=np.float64)
    assert layer.b is None
    assert paths(layer) == ["W"]
    x = np.random.default_rng(0).standard_normal(x_shape)
    with_bias = make(3, dtype=np.float64)
    with_bias.W.data[...] = layer.W.data
    with_bias.b.data[...] = np.arange(4)
    b = np.arange(4).reshape(-1, *[1] * (len(x_shape) - 2))
    np.testing.assert_allclose(layer(x).data + b, with_bias(x).data, rtol=1e-12, atol=1e-12)


@drawn
def test_the_names_of_drawn_parameters(make, x_shape, W_shape, variance):
    assert [(path, param.name) for path, param in make().named_params()] == [("W", "W"), ("b", "b")]


# --- Conv2d, Deconv2d ---


@pytest.mark.parametrize("kind", [L.Conv2d, L.Deconv2d], ids=["Conv2d", "Deconv2d"])
def test_convolutional_layers_are_their_functions(kind):
    x = np.random.default_rng(0).standard_normal((2, 2, 5, 6))
    for kernel, stride, pad in ((3, 1, 0), (3, 2, 1), ((2, 3), (1, 2), (0, 1)), (2, 3, 1)):
        layer = kind(3, kernel, stride, pad, dtype=np.float64)
        y = layer(x)
        layer.b.data[...] = [1.0, 2.0, 3.0]
        function = F.conv2d if kind is L.Conv2d else F.deconv2d
        np.testing.assert_array_equal(layer(x).data, function(x, layer.W, layer.b, stride, pad).data)
        assert y.shape[1] == 3
    layer = kind(1, 2, stride=2, dtype=np.float64)
    layer(x)
    check_gradients(layer, x[:1, :, :2, :2])


def test_a_convolutional_layer_with_another_number_of_channels_is_rejected():
    layer = L.Conv2d(4, 3, in_channels=2)
    with pytest.raises(ValueError, match=r"of equal C, got x \(1, 3, 5, 5\) and W \(4, 2, 3, 3\)"):
        layer(np.ones((1, 3, 5, 5)))


@pytest.mark.parametrize("kind", [L.Conv2d, L.Deconv2d], ids=["Conv2d", "Deconv2d"])
@pytest.mark.parametrize("shape", [(2, 5, 5), (5,), (), (1, 0, 5, 5), (1, 2, 3, 5, 5)], ids=str)
def test_a_first_input_that_is_not_an_image_initializes_no_weights(kind, shape):
    layer = kind(4, 3)
    with pytest.raises(
        ValueError, match=rf"{kind.__name__}: expected x \(N, C, H, W\) with C, H, W at least 1, got \("
    ):
        layer(np.ones(shape))
    assert (layer.W.data, layer.in_channels) == (None, None)


@pytest.mark.parametrize("kind", [L.Conv2d, L.Deconv2d])
@pytest.mark.parametrize("option", ["kernel_size", "stride", "pad"])
def test_a_size_that_is_not_a_pair_is_rejected_on_construction(kind, option):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: expected an integer or a tuple of two, got \(1, 2, 3\)"):
        kind(4, **{"kernel_size": 3, option: (1, 2, 3)})


# --- BatchNorm ---


def test_batch_norm_creates_its_arrays_at_the_first_call():
    layer = L.BatchNorm()
    assert [path for path, _ in layer.named_state()] == ["avg_mean", "avg_var", "gamma", "beta"]
    assert [v.name for _, v in layer.named_state()] == ["avg_mean", "avg_var", "gamma", "beta"]
    assert [v.data for _, v in layer.named_state()] == [None] * 4
    assert list(layer.params()) == [layer.gamma, layer.beta]
    with in_use():
        x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
        np.testing.assert_allclose(layer(x).data, x, rtol=1e-5)  # the initial statistics: mean 0, variance 1
    for variable, value in ((layer.avg_mean, 0), (layer.avg_var, 1), (layer.gamma, 1), (layer.beta, 0)):
        np.testing.assert_array_equal(variable.data, np.full(3, value, np.float32))
        assert variable.dtype == np.float32


@pytest.mark.parametrize(("given", "dtype"), [("f4", "f4"), ("f8", "f8"), ("i8", "f4"), ("f2", "f4")])
def test_batch_norm_has_the_dtype_of_the_first_input(given, dtype):
    layer = L.BatchNorm()
    layer(np.arange(12).reshape(4, 3).astype(given))
    assert {v.dtype for v in layer.all_variables()} == {np.dtype(dtype)}


def test_batch_norm_is_its_function_and_updates_its_buffers():
    layer = L.BatchNorm()
    x = np.random.default_rng(0).standard_normal((4, 3, 2, 2)) * 3 + 1
    mean, var = np.zeros(3), np.ones(3)
    for _ in range(3):
        y = layer(x)
        np.testing.assert_array_equal(y.data, F.batch_norm(x, layer.gamma, layer.beta, mean, var).data)
        np.testing.assert_array_equal(layer.avg_mean.data, mean)
        np.testing.assert_array_equal(layer.avg_var.data, var)
    np.testing.assert_allclose(mean, (1 - 0.9**3) * x.mean((0, 2, 3)), rtol=1e-12)
    F.sum(y**2).backward()
    assert [v.grad is None for _, v in layer.named_state()] == [True, True, False, False]
    before = layer.avg_mean.data.copy()
    with in_use():
        one = layer(x[:1])  # even a batch of one
        expected = F.batch_norm(x[:1], layer.gamma, layer.beta, mean, var)
    np.testing.assert_array_equal(layer.avg_mean.data, before)
    np.testing.assert_array_equal(one.data, expected.data)


def test_batch_norm_keeps_existing_arrays():
    layer = L.BatchNorm()
    layer.gamma.data = np.array([2.0, 3.0])
    layer(np.random.default_rng(0).standard_normal((4, 2)))
    np.testing.assert_array_equal(layer.gamma.data, [2.0, 3.0])
    np.testing.assert_array_equal(layer.beta.data, [0.0, 0.0])


def test_batch_norm_rejects_other_shapes():
    layer = L.BatchNorm()
    with pytest.raises(ValueError, match=r"BatchNorm: expected x \(N, C, ...\) with parameters \(C,\), got \(3,\)"):
        layer(np.ones(3))
    assert layer.gamma.data is None
    layer(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"batch_norm: expected .* got x \(2, 4\), gamma \(3,\)"):
        layer(np.ones((2, 4)))
    with pytest.raises(ValueError, match="batch_norm: expected at least two elements per channel in training"):
        layer(np.ones((1, 3)))


# --- EmbedID ---


def test_embed_id_looks_rows_up():
    np.random.seed(0)
    layer = L.EmbedID(5, 3)
    np.random.seed(0)
    assert layer.W.data.tobytes() == np.random.randn(5, 3).astype(np.float32).tobytes()
    assert (layer.W.dtype, layer.W.name, paths(layer)) == (np.float32, "W", ["W"])
    ids = np.array([[1, 4], [1, 0]])
    y = layer(ids)
    np.testing.assert_array_equal(y.data, layer.W.data[ids])
    F.sum(y).backward()
    np.testing.assert_array_equal(layer.W.grad.data, np.array([[1], [2], [0], [0], [1]]) * np.ones(3))


@pytest.mark.parametrize("ids", [[5], [-1]])
def test_an_id_without_a_row_is_rejected(ids):
    with pytest.raises(ValueError, match=f"embed_id: expected integers from 0 to 4, got {ids[0]}"):
        L.EmbedID(5, 3)(np.array(ids))


# --- RNN, LSTM ---


def series(n, rows=2, width=2):
    """n inputs (rows, columns)."""
    return list(np.random.default_rng(0).standard_normal((n, rows, width)).astype(np.float32))


def run(layer, xs):
    for x in xs:
        y = layer(x)
    return y


def state_of(layer):
    return [layer.h] if isinstance(layer, L.RNN) else [layer.h, layer.c]


def set_state(layer, arrays):
    """The state as leaves of these values."""
    for name, a in zip(("h", "c"), arrays, strict=False):
        setattr(layer, name, Variable(a.copy()))


class Composed(Layer):
    """The book's LSTM of eight linear layers, with the parameters of another LSTM."""

    def __init__(self, lstm):
        super().__init__()
        self.lstm = lstm
        self.h = self.c = None

    def gate(self, name, x):
        z = getattr(self.lstm, f"x2{name}")(x)
        return z if self.h is None else z + getattr(self.lstm, f"h2{name}")(self.h)

    def forward(self, x):
        f, i, o = (F.sigmoid(self.gate(name, x)) for name in "fio")
        u = F.tanh(self.gate("u", x))
        self.c = i * u if self.c is None else f * self.c + i * u
        self.h = o * F.tanh(self.c)
        return self.h


def test_rnn_is_its_formula():
    layer = L.RNN(4)
    x0, x1 = series(2, rows=3)
    layer(x0)
    Wx, b, Wh = layer.x2h.W.data, layer.x2h.b.data, layer.h2h.W.data
    b[...] = [1.0, -1.0, 0.5, 0.0]
    layer.reset_state()
    h = np.tanh(x0 @ Wx + b)
    np.testing.assert_allclose(layer(x0).data, h, rtol=1e-6)
    np.testing.assert_allclose(layer(x1).data, np.tanh(x1 @ Wx + b + h @ Wh), rtol=1e-5, atol=1e-6)
    assert paths(layer) == ["x2h/W", "x2h/b", "h2h/W"]


def test_the_script_of_step_59():
    assert L.RNN(10)(np.random.default_rng(0).random((1, 1))).shape == (1, 10)


@pytest.mark.parametrize("kind", RECURRENT, ids=IDS)
@pytest.mark.parametrize("in_size", [None, 2, 4])
def test_the_state_may_be_of_another_size_than_the_input(kind, in_size):
    layer = kind(3, in_size=in_size)
    y = run(layer, series(3, width=in_size or 2))
    assert y.shape == (2, 3)
    assert {v.shape for path, v in layer.named_params() if path.startswith("x2") and path.endswith("W")} == {
        (in_size or 2, 3)
    }
    assert {v.shape for path, v in layer.named_params() if path.startswith("h2")} == {(3, 3)}
    assert {v.dtype for v in (y, *layer.params())} == {np.dtype(np.float32)}


def test_the_parameters_of_lstm():
    gates = "fiou"
    assert paths(L.LSTM(3)) == [f"x2{g}/{p}" for g in gates for p in "Wb"] + [f"h2{g}/W" for g in gates]


@pytest.mark.parametrize("in_size", [None, 2])
def test_lstm_is_eight_linear_layers(in_size):
    np.random.seed(0)
    layer = L.LSTM(4, in_size)
    xs = series(4)
    layer(xs[0])
    layer.reset_state()
    for gate in "fiou":
        getattr(layer, f"x2{gate}").b.data[...] = np.random.randn(4)
    composed = Composed(layer)
    found = []
    for model in (layer, composed):
        outputs = [model(x) for x in xs]
        layer.cleargrads()
        sum(F.sum(y**2) for y in outputs).backward()
        found.append([y.data for y in (*outputs, model.c)] + [p.grad.data for p in layer.params()])
    for ours, expected in zip(*found, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", RECURRENT, ids=IDS)
def test_weights_that_change_between_calls_are_seen(kind):
    """Weights changed in place, as optimizers do, or replaced."""
    layer = kind(3)
    xs = series(2)
    run(layer, xs)
    fresh = {"RNN": lambda: copy.deepcopy(layer), "LSTM": lambda: Composed(layer)}[kind.__name__]
    for change in ("in place", "data", "parameter"):
        for _, linear in sorted(vars(layer).items()):
            if isinstance(linear, L.Linear):
                if change == "in place":
                    linear.W.data += 1
                elif change == "data":
                    linear.W.data = linear.W.data * 2
                else:
                    linear.W = Parameter(linear.W.data - 3)
        layer.reset_state()
        expected = run(fresh(), xs)
        np.testing.assert_allclose(run(layer, xs).data, expected.data, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", RECURRENT, ids=IDS)
def test_the_state_is_kept_until_it_is_reset(kind):
    layer = kind(3)
    x = series(1)[0]
    assert all(v is None for v in state_of(layer))
    first = layer(x)
    assert layer.h is first
    second = layer(x)
    assert (first.data != second.data).any()
    layer.reset_state()
    assert all(v is None for v in state_of(layer))
    np.testing.assert_array_equal(layer(x).data, first.data)
    assert not {"h", "c"} & set(layer._params)


@pytest.mark.parametrize("kind", RECURRENT, ids=IDS)
def test_a_batch_of_another_size_is_rejected_and_the_state_is_kept(kind):
    layer = kind(3)
    xs = series(3)
    run(layer, xs)
    before = state_of(layer)
    for x in (xs[0][:1], np.ones((3, 2), np.float32), np.ones((0, 2), np.float32)):
        message = (
            rf"{kind.__name__}: expected 2 rows, as in the state, got x \(.*\); reset_state\(\) starts a new sequence"
        )
        with pytest.raises(ValueError, match=message):
            layer(x)
    with pytest.raises(ValueError, match=rf"{kind.__name__}: expected x \(N, in_size\), got \(\)"):
        layer(np.array(1.0))
    assert all(v is w for v, w in zip(state_of(layer), before, strict=True))
    layer.reset_state()
    assert layer(xs[0][:1]).shape == (1, 3)


@pytest.mark.parametrize("shape", [(5,), (2, 3, 5)], ids=str)
def test_a_first_input_that_does_not_fit_initializes_no_weights(shape):
    layer = L.LSTM(4)
    with pytest.raises(ValueError, match=r"LSTM: expected x \(N, in_size\)"):
        layer(np.ones(shape, np.float32))
    assert layer(np.ones((2, 3), np.float32)).shape == (2, 4)


@pytest.mark.parametrize("kind", RECURRENT, ids=IDS)
def test_gradients_flow_through_time(kind):
    layer = kind(2, in_size=1)
    for param in layer.params():
        param.data = param.data.astype(float)

    def two(x, y):
        layer.reset_state()
        layer(x)
        return layer(y)

    check_gradients(two, np.array([[0.5], [-1.0]]), np.array([[1.5], [0.3]]))
    x0, x1 = Variable(np.ones((2, 1))), Variable(np.ones((2, 1)))
    assert all(np.abs(gx.data).max() > 0 for gx in grad(two(x0, x1), [x0, x1]))


@pytest.mark.parametrize("kind", [L.RNN, L.LSTM])
def test_after_unchain_backward_no_gradient_passes_the_cut(kind):
    np.random.seed(0)
    layer = kind(3, in_size=2)
    xs = series(5)
    loss = F.sum(run(layer, xs[:3]))
    values = [v.data.copy() for v in state_of(layer)]
    loss.unchain_backward()
    for variable, value in zip(state_of(layer), values, strict=True):
        np.testing.assert_array_equal(variable.data, value)

    found = []
    for _ in range(2):
        layer.cleargrads()
        F.sum(run(layer, xs[3:])).backward()
        found.append([p.grad.data for p in layer.params()])
        layer.reset_state()
        set_state(layer, values)
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", [L.RNN, L.LSTM])
def test_after_unchain_backward_the_state_is_a_leaf(kind):
    layer = kind(3)
    loss = F.sum(run(layer, series(3)))
    loss.unchain_backward()
    assert [v.creator for v in state_of(layer)] == [None] * len(state_of(layer))


@pytest.mark.parametrize("kind", RECURRENT, ids=IDS)
@pytest.mark.parametrize("cut", [True, False])
def test_a_long_truncated_run_does_not_grow(kind, cut):
    layer = kind(3, in_size=2)
    made = []
    alive = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(6):
            loss = 0
            for x in series(4):
                y = layer(x)
                made.append(weakref.ref(y.creator))
                loss = loss + F.sum(y)
            loss.backward()
            if cut:
                loss.unchain_backward()
            del loss, y
            alive.append(sum(f() is not None for f in made))
    finally:
        gc.enable()
    if cut:
        assert max(alive) <= 1  # only that of the latest step
    else:
        assert alive == [4, 8, 12, 16, 20, 24]


@pytest.mark.parametrize("kind", RECURRENT, ids=IDS)
def test_without_a_graph_none_is_kept(kind):
    layer = kind(3)
    with no_grad():
        run(layer, series(3))
    assert [v.creator for v in state_of(layer)] == [None] * len(state_of(layer))


@pytest.mark.parametrize("kind", RECURRENT, ids=IDS)
def test_the_state_is_neither_trained_nor_saved(kind):
    layer = kind(3)
    run(layer, series(2))
    state = set(map(id, state_of(layer)))
    assert not state & {id(v) for _, v in layer.named_state()}
    assert state < {id(v) for v in layer.all_variables()}  # but it is moved between devices


def half_made():
    """A BatchNorm with gamma already initialized."""
    layer = L.BatchNorm()
    layer.gamma = Parameter(np.ones(2, np.float32))
    return layer


@pytest.mark.parametrize(
    ("make", "wrong", "right"),
    [
        (lambda: L.Conv2d(4, 9), (1, 1, 4, 4), (1, 3, 12, 12)),
        (lambda: L.Deconv2d(4, 1, pad=9), (1, 1, 4, 4), (1, 3, 30, 30)),
        (lambda: L.BatchNorm(), (1, 7), (4, 3)),
        (lambda: half_made(), (4, 3), (4, 2)),
        (lambda: L.Linear(2), (3, 0), (3, 1)),
        (lambda: L.RNN(2), (3, 0), (3, 1)),
        (lambda: L.LSTM(2), (3, 0), (3, 1)),
    ],
    ids=["Conv2d", "Deconv2d", "BatchNorm", "half", "Linear", "RNN", "LSTM"],
)
def test_a_first_call_that_fails_initializes_nothing(make, wrong, right):
    layer = make()
    before, shown = np.random.get_state()[1].tolist(), repr(layer)
    with pytest.raises(ValueError, match=r": expected"):
        layer(np.ones(wrong, np.float32))
    assert (np.random.get_state()[1].tolist(), repr(layer)) == (before, shown)  # and nothing was drawn
    layer(np.random.default_rng(0).standard_normal(right).astype(np.float32))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.Conv2d(0, 3), "Conv2d: expected out_channels to be a positive integer, got 0"),
        (lambda: L.Conv2d(4, 0), "Conv2d: expected kernel_size to be a positive integer, got 0"),
        (lambda: L.Conv2d(4, 3, stride=0), "Conv2d: expected stride to be a positive integer, got 0"),
        (lambda: L.Conv2d(4, 3, stride=(1, -2)), "Conv2d: expected stride to be a positive integer, got -2"),
        (lambda: L.Conv2d(4, 3, pad=-1), "Conv2d: expected pad to be at least 0, got -1"),
        (lambda: L.Deconv2d(4, 3, in_channels=0), "Deconv2d: expected in_channels to be a positive integer, got 0"),
        (lambda: L.EmbedID(-3, 2), "EmbedID: expected in_size to be a positive integer, got -3"),
        (lambda: L.RNN(None), "RNN: expected hidden_size to be a positive integer, got None"),
        (lambda: L.LSTM(4, 0), "LSTM: expected in_size to be a positive integer, got 0"),
        (lambda: L.LSTM(2.5), r"LSTM: expected hidden_size to be a positive integer, got 2\.5"),
    ],
)
def test_a_size_of_none_is_rejected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("kind", [L.Conv2d, L.Deconv2d], ids=["Conv2d", "Deconv2d"])
def test_a_number_for_nobias_of_a_convolution_is_rejected(kind):
    with pytest.raises(TypeError, match=f"{kind.__name__}: expected nobias to be True or False, got 3"):
        kind(4, 3, 1, 0, 3)


def test_an_lstm_has_the_widest_dtype_of_its_operands():
    layer = L.LSTM(2, 1)
    layer(np.ones((1, 1)))
    assert layer(np.ones((1, 1), np.float32)).dtype == layer.c.dtype == np.float64


def test_an_lstm_says_which_width_it_needs():
    layer = L.LSTM(4, 3)
    with pytest.raises(ValueError, match=r"LSTM: expected x \(N, 3\), got \(2, 5\)"):
        layer(np.ones((2, 5), np.float32))


def test_a_first_call_that_fails_later_keeps_the_weights_made_before():
    model = models.Sequential(L.Linear(4), L.Conv2d(2, 3))
    with pytest.raises(ValueError, match=r"Conv2d: expected x .*, got \(2, 4\)"):
        model(np.ones((2, 3), np.float32))
    assert model.l0.W.shape == (3, 4)
    assert model.l1.W.data is None


@pytest.mark.parametrize("x", [None, Variable(None)], ids=["None", "Variable(None)"])
def test_no_layer_takes_an_input_without_data(x):
    for layer in (L.Linear(2), L.Conv2d(2, 3), L.Deconv2d(2, 3), L.BatchNorm(), L.RNN(2), L.LSTM(2)):
        with pytest.raises(
            TypeError, match=f"^{type(layer).__name__}: expected a Variable with data or an array, got None"
        ):
            layer(x)
