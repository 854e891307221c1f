"""Models: Model, Sequential, MLP, and drawings of them."""

import copy
import importlib.util
import shutil
import sys

import numpy as np
import pytest

from .stage import MLP, F, L, Layer, Model, Sequential, Variable

needs_graphviz = pytest.mark.skipif(
    shutil.which("dot") is None and importlib.util.find_spec("pygraphviz") is None, reason="Graphviz is not installed"
)
X = np.linspace(-1, 1, 12).reshape(4, 3).astype(np.float32)


class TwoLayerNet(Model):
    """The network of step 45."""

    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.l1 = L.Linear(hidden_size)
        self.l2 = L.Linear(out_size)

    def forward(self, x):
        return self.l2(F.sigmoid(self.l1(x)))


def paths(model):
    return [path for path, _ in model.named_params()]


# --- MLP ---


@pytest.mark.parametrize("sizes", [(10, 1), [10, 1], (10, 20, 30, 40, 1), (7,)], ids=str)
def test_an_mlp_has_a_linear_layer_for_each_size(sizes):
    model = MLP(sizes)
    assert paths(model) == [f"l{i}/{name}" for i in range(len(sizes)) for name in "Wb"]
    assert [getattr(model, f"l{i}") for i in range(len(sizes))] == model.layers
    assert model(X).shape == (4, sizes[-1])
    assert [layer.W.shape for layer in model.layers] == list(zip([3, *sizes], sizes, strict=False))


@pytest.mark.parametrize(("arguments", "activation"), [({}, F.sigmoid), ({"activation": F.relu}, F.relu)])
def test_the_activation_is_between_layers_and_not_at_the_end(arguments, activation):
    model = MLP((5, 4, 2), **arguments)
    y = model(X)
    expected = model.l2(activation(model.l1(activation(model.l0(X)))))
    np.testing.assert_array_equal(y.data, expected.data)
    assert type(y.creator) is F.Linear


def test_the_weights_of_an_mlp_are_drawn_in_the_order_of_its_layers():
    np.random.seed(0)
    model = MLP((5, 2))
    model(X)
    np.random.seed(0)
    for layer, in_size in ((model.l0, 3), (model.l1, 5)):
        np.testing.assert_array_equal(layer.W.data, L.Linear(layer.out_size, in_size=in_size).W.data)


def test_an_mlp_is_the_two_layer_net_of_step_45():
    outputs = []
    for make in (lambda: MLP((5, 2)), lambda: TwoLayerNet(5, 2)):
        np.random.seed(0)
        outputs.append(make()(X).data)
    np.testing.assert_array_equal(*outputs)


def test_a_plain_layer_can_be_used_as_a_model():
    model = Layer()
    model.l1 = L.Linear(5)
    model.l2 = L.Linear(3)
    y = model.l2(F.sigmoid(model.l1(X)))
    F.sum(y).backward()
    assert [p.grad.shape for p in model.params()] == [(3, 5), (5,), (5, 3), (3,)]


# --- Sequential ---


def test_a_sequence_of_layers_and_functions():
    model = Sequential(L.Linear(5), F.tanh, L.Linear(2))
    assert paths(model) == ["l0/W", "l0/b", "l2/W", "l2/b"]
    assert model.l1 is F.tanh
    y = model(X)
    np.testing.assert_array_equal(y.data, model.l2(F.tanh(model.l0(X))).data)


def test_sequences_can_be_nested():
    model = Sequential(Sequential(L.Linear(5), F.relu), MLP((4, 2)))
    assert paths(model) == ["l0/l0/W", "l0/l0/b", "l1/l0/W", "l1/l0/b", "l1/l1/W", "l1/l1/b"]
    assert model(X).shape == (4, 2)


def test_an_empty_sequence_changes_nothing():
    x = Variable(X)
    assert Sequential()(x) is x


def test_a_layer_used_twice_lists_its_parameters_once():
    layer = L.Linear(3, in_size=3)
    model = Sequential(layer, F.tanh, layer)
    assert len(list(model.params())) == 2
    F.sum(model(X)).backward()
    h = F.tanh(layer(X)).data
    gb = (1 - h**2) * (np.ones((4, 3)) @ layer.W.data.T)
    np.testing.assert_allclose(layer.b.grad.data, gb.sum(axis=0) + 4, rtol=1e-5)


# --- all ---

MODELS = {
    "MLP": lambda: MLP((5, 2)),
    "Sequential": lambda: Sequential(L.Linear(5), F.relu, L.Linear(2)),
    "TwoLayerNet": lambda: TwoLayerNet(5, 2),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_copy_of_a_model_is_independent_and_complete(make):
    model = make()
    expected = model(X).data
    twin = copy.deepcopy(model)
    for param in twin.params():
        param.data += 1
    np.testing.assert_array_equal(model(X).data, expected)
    assert not np.array_equal(twin(X).data, expected)  # it computes with the layers that it lists


@pytest.mark.parametrize("make", [MODELS["MLP"], MODELS["Sequential"]], ids=["MLP", "Sequential"])
def test_a_layer_that_is_replaced_is_the_one_that_computes(make):
    model = make()
    model.l0 = L.Linear(7)
    model(X)
    assert model.l0.W.shape == (3, 7)


def test_a_model_without_forward_is_an_error():
    with pytest.raises(NotImplementedError, match="Model has no forward"):
        Model()(X)


# --- drawings ---


@needs_graphviz
def test_a_model_is_drawn_with_names_shapes_and_dtypes(tmp_path):
    path = TwoLayerNet(100, 10).plot(Variable(np.ones((5, 10)), name="x"), to_file=tmp_path / "model.svg")
    assert path == tmp_path / "model.svg"
    text = path.read_text(encoding="utf-8")
    for label in ("x: (5, 10) float64", "W: (10, 100) float32", "b: (100,) float32", "W: (100, 10) float32", "Sigmoid"):
        assert label in text
    assert text.count(">Linear<") == 2


@needs_graphviz
def test_the_drawing_of_a_model_is_called_model_png(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    MLP((5, 2)).plot(X)
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")


@needs_graphviz
def test_a_model_of_two_inputs_is_drawn(tmp_path):
    class Distance(Model):
        def forward(self, x0, x1):
            return F.mean_squared_error(x0, x1)

    assert Distance().plot(Variable(X), Variable(X + 1), to_file=tmp_path / "d.png").exists()


def test_without_graphviz_a_plot_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(RuntimeError, match="the command 'dot' or the package pygraphviz"):
        MLP((5, 2)).plot(X, to_file=tmp_path / "model.png")


def test_layers_may_be_set_as_a_list():
    model = Sequential()
    model.layers = [L.Linear(4, in_size=3), F.relu]
    assert (model.layers, [path for path, _ in model.named_params()]) == ([model.l0, F.relu], ["l0/W", "l0/b"])
    assert model(X).shape == (len(X), 4)
    model.layers = [F.relu]  # a shorter list removes what is left of the longer one
    assert (model.layers, list(model.params())) == ([F.relu], [])


def test_a_call_does_not_traverse_the_tree(monkeypatch):
    """In a network with many layers, traversing the tree would take as long as calling small layers."""
    model = Sequential(*[Sequential(L.Linear(2, in_size=2)) for _ in range(3)])
    for name in ("named_state", "named_params", "params"):
        monkeypatch.setattr(Layer, name, None)
    assert model(np.ones((2, 2), np.float32)).shape == (2, 2)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: Sequential([L.Linear(2), L.Linear(3)]),
            "Sequential: expected layers or functions as arguments, got list",
        ),
        (
            lambda: Sequential(L.Linear(2), "relu"),
            "Sequential: expected layers or functions as arguments, got str",
        ),
        (lambda: MLP((3, 2), activation="relu"), "MLP: expected a function as the activation, got 'relu'"),
    ],
)
def test_a_layer_that_is_not_callable_is_rejected_on_construction(make, text):
    with pytest.raises(TypeError, match=text):
        make()


def test_a_rejected_list_leaves_the_layers_unchanged():
    model = Sequential(L.Linear(2), F.relu)
    before = model.layers
    with pytest.raises(TypeError, match="got NoneType"):
        model.layers = [F.relu, None]
    assert model.layers == before


@pytest.mark.parametrize(("sizes", "text"), [((), "at least one size, got none"), ((3, 0), "out_size .*, got 0")])
def test_sizes_that_make_no_mlp_are_rejected(sizes, text):
    with pytest.raises(ValueError, match=text):
        MLP(sizes)


def test_a_model_shows_its_layers():
    model = MLP((10, 1))
    assert repr(model).splitlines() == [
        "MLP(",
        "  (l0): Linear(W (None, 10) uninitialized, b (10,))",
        "  (l1): Linear(W (None, 1) uninitialized, b (1,))",
        ")",
    ]
    model(np.ones((4, 3)))
    assert repr(model) == "MLP(\n  (l0): Linear(W (3, 10), b (10,))\n  (l1): Linear(W (10, 1), b (1,))\n)"
