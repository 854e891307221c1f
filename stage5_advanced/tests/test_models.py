"""Models: Model, Sequential, MLP, VGG16, ResNet, SqueezeNet, and drawings of them."""

import copy
import functools
import importlib.util
import shutil
import sys

import numpy as np
import pytest

from .stage import (
    MLP,
    VGG16,
    F,
    Fire,
    L,
    Layer,
    Model,
    Residuals,
    ResNet,
    ResNet50,
    ResNet101,
    ResNet152,
    Sequential,
    SqueezeNet,
    Variable,
    no_grad,
    package,
    test_mode,
    transforms,
    write_arrays,
)

test_mode.__test__ = False  # pytest would collect it by its name

needs_graphviz = pytest.mark.skipif(
    shutil.which("dot") is None and importlib.util.find_spec("pygraphviz") is None, reason="Graphviz is not installed"
)
needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")
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


# --- VGG16, ResNet, SqueezeNet ---

NETS = {
    "VGG16": VGG16,
    "ResNet50": ResNet50,
    "ResNet50 torch": lambda: ResNet50(style="torch"),
    "SqueezeNet": SqueezeNet,
}
IMAGES = np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype(np.float32)
EVERY_NET = pytest.mark.parametrize("name", NETS)


@functools.cache
def called(name):
    """A network after its first call. Tests that change it create their own."""
    model = NETS[name]()
    np.random.seed(0)
    with no_grad():
        model(IMAGES)
    return model


def use(model, x=IMAGES):
    """The output in test mode, an array."""
    with test_mode(), no_grad():
        return model(x).data


def state(model):
    return {path: variable.data for path, variable in model.named_state()}


def assert_unchanged(model, before):
    for path, variable in model.named_state():
        assert variable.data is before[path], path


def random_state():
    _, key, position, *_ = np.random.get_state()
    return key.tobytes(), position


def weights_for(model, seed=0):
    """Small weights that fit a network before its first call, keyed by path."""
    rng = np.random.default_rng(seed)
    forms = {path: v.form[0] if v.data is None else v.shape for path, v in model.named_state()}
    return {path: rng.random([2 if n is None else n for n in form], np.float32) for path, form in forms.items()}


def state_dict_for(model, weights=None):
    """The same weights as a PyTorch state_dict."""
    weights = weights or weights_for(model)
    return {
        name: weights[path].T if weights[path].ndim == 2 else weights[path]
        for path, name in model.torch_names().items()
    }


@EVERY_NET
def test_a_network_returns_a_thousand_logits_in_training_and_at_inference(name):
    model = called(name)
    with no_grad():
        y = model(IMAGES)
    assert (y.shape, y.dtype) == ((2, 1000), np.float32)
    y = use(model, IMAGES[:1])
    assert (y.shape, y.dtype) == ((1, 1000), np.float32)


@pytest.mark.parametrize(("name", "differ"), [("VGG16", True), ("SqueezeNet", True), ("ResNet50", False)])
def test_dropout_makes_two_passes_differ_in_training_only(name, differ):
    model = called(name)
    np.testing.assert_array_equal(use(model), use(model))
    with no_grad():
        assert np.array_equal(model(IMAGES).data, model(IMAGES).data) is not differ


def test_training_updates_the_running_statistics_of_a_resnet_and_inference_does_not():
    model = ResNet50()
    with no_grad():
        model(IMAGES)
    before = model.res5.b2.bn3.avg_mean.data.copy()
    use(model)
    np.testing.assert_array_equal(model.res5.b2.bn3.avg_mean.data, before)
    with no_grad():
        model(IMAGES)
    assert not np.array_equal(model.res5.b2.bn3.avg_mean.data, before)


@EVERY_NET
def test_a_network_draws_no_weights_before_its_first_call(name):
    before = random_state()
    model = NETS[name]()
    assert random_state() == before
    assert all(v.data is None for path, v in model.named_state() if path.endswith("/W"))


@pytest.mark.parametrize("name", ["SqueezeNet", "ResNet50"])
def test_every_parameter_of_a_network_gets_a_gradient(name):
    model = copy.deepcopy(called(name))
    y = model(IMAGES)
    F.sum(y * np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)).backward()
    for path, param in model.named_params():
        assert np.any(param.grad.data), path


COUNTS = [
    (SqueezeNet, 1_248_424),
    (lambda: ResNet50(style="torch"), 25_557_032),
    (lambda: ResNet101(style="torch"), 44_549_160),
    (lambda: ResNet152(style="torch"), 60_192_808),
    (ResNet50, 25_557_032 + 64),  # the bias of conv1
]


def zeros(*shape):
    """Fast substitute for random weights."""
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(("make", "count"), COUNTS)
def test_the_number_of_parameters(make, count, monkeypatch):
    monkeypatch.setattr(np.random, "randn", zeros)
    model = make()
    use(model, IMAGES[:1])
    assert sum(param.size for param in model.params()) == count


def test_vgg16_has_138_million_parameters_for_images_of_224(monkeypatch):
    monkeypatch.setattr(np.random, "randn", zeros)
    model = VGG16()
    y = use(model, np.zeros((1, 3, 224, 224), np.float32))
    assert y.shape == (1, 1000)
    assert model.fc6.W.shape == (25088, 4096)
    assert sum(param.size for param in model.params()) == 138_357_544


VGG_CHANNELS = {"conv1": [64] * 2, "conv2": [128] * 2, "conv3": [256] * 3, "conv4": [512] * 3, "conv5": [512] * 3}


def test_vgg16_has_the_layers_of_the_published_file():
    model = called("VGG16")
    layers = {f"{block}_{i}": OC for block, widths in VGG_CHANNELS.items() for i, OC in enumerate(widths, 1)}
    assert list(state(model)) == [f"{layer}/{name}" for layer in [*layers, "fc6", "fc7", "fc8"] for name in "Wb"]
    for layer, OC in layers.items():
        assert getattr(model, layer).W.shape[::2] == (OC, 3), layer
    assert [layer.W.shape for layer in (model.fc6, model.fc7, model.fc8)] == [(512, 4096), (4096, 4096), (4096, 1000)]


def test_every_pooling_of_vgg16_halves_the_image():
    model = called("VGG16")
    y = model(IMAGES)  # keeps the graph alive
    sizes = [getattr(model, f"conv{i}_1").inputs[0]().shape[1:] for i in (1, 2, 3, 4, 5)]
    assert sizes == [(3, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2)]
    assert model.fc6.inputs[0]().shape == (2, 512)
    assert y.shape == (2, 1000)


BATCH_NORM = ["avg_mean", "avg_var", "gamma", "beta"]
A_BLOCK = [
    f"{kind}{i}/{name}" for i in (1, 2, 3) for kind, names in (("conv", "W"), ("bn", BATCH_NORM)) for name in names
]


@pytest.mark.parametrize(("style", "first"), [("book", ["conv1/W", "conv1/b"]), ("torch", ["conv1/W"])])
def test_a_resnet_has_the_names_of_the_published_file(style, first):
    paths = list(state(ResNet50(style=style)))
    expected = first + [f"bn1/{name}" for name in BATCH_NORM]
    for res, n_blocks in (("res2", 3), ("res3", 4), ("res4", 6), ("res5", 3)):
        expected += [f"{res}/a/{name}" for name in [*A_BLOCK, "conv4/W", *[f"bn4/{name}" for name in BATCH_NORM]]]
        expected += [f"{res}/b{i}/{name}" for i in range(1, n_blocks) for name in A_BLOCK]
    assert paths == [*expected, "fc6/W", "fc6/b"]


@pytest.mark.parametrize(("n_layers", "last"), [(50, (2, 3, 5, 2)), (101, (2, 3, 22, 2)), (152, (2, 7, 35, 2))])
def test_a_resnet_has_as_many_blocks_as_it_says(n_layers, last):
    model = ResNet(n_layers)
    for res, i in zip((model.res2, model.res3, model.res4, model.res5), last, strict=True):
        assert hasattr(res, f"b{i}")
        assert not hasattr(res, f"b{i + 1}")


def test_the_resnet_without_a_number_has_152_layers():
    assert ResNet().n_layers == 152
    assert [net().n_layers for net in (ResNet50, ResNet101, ResNet152)] == [50, 101, 152]


@pytest.mark.parametrize(("style", "strides"), [("book", (2, 1, 2)), ("torch", (1, 2, 2))])
def test_the_style_of_a_resnet_says_where_a_block_halves_the_image(style, strides):
    model = ResNet50(style=style)
    for a in (model.res3.a, model.res4.a, model.res5.a):
        assert (a.conv1.stride, a.conv2.stride, a.conv4.stride) == strides
    a = model.res2.a
    assert (a.conv1.stride, a.conv2.stride, a.conv4.stride) == (1, 1, 1)


@pytest.mark.parametrize(("style", "sizes"), [("book", [15, 15, 8, 4, 2]), ("torch", [16, 16, 8, 4, 2])])
def test_the_planes_of_a_resnet(style, sizes):
    model = ResNet50(style=style)
    y = model(np.zeros((2, 3, 64, 64), np.float32))  # keeps the graph alive
    layers = (model.res2, model.res3, model.res4, model.res5)
    assert [layers[0].inputs[0]().shape[2]] + [layer.outputs[0]().shape[2] for layer in layers] == sizes
    assert y.shape == (2, 1000)


def test_a_block_adds_its_input_before_the_last_relu():
    block = copy.deepcopy(called("ResNet50").res2.b1)
    x = np.random.default_rng(0).standard_normal((2, 256, 3, 3)).astype(np.float32)
    block.bn3.gamma.data[...] = 0
    np.testing.assert_array_equal(block(x).data, np.maximum(x, 0))


def test_a_fire_module_gives_1x1_channels_before_3x3_ones():
    fire, x = Fire(4, 6), np.random.default_rng(0).standard_normal((2, 5, 7, 7)).astype(np.float32)
    y = fire(x)
    squeezed = F.relu(fire.squeeze(x))
    np.testing.assert_array_equal(y.data[:, :6], F.relu(fire.expand1x1(squeezed)).data)
    np.testing.assert_array_equal(y.data[:, 6:], F.relu(fire.expand3x3(squeezed)).data)


def test_the_planes_of_squeezenet_are_rounded_up():
    model = called("SqueezeNet")
    y = model(IMAGES)  # 32 -> 13, pooled to 6, 3, 1; with rounding down the last would not fit
    fires = (model.fire2, model.fire5, model.fire9)
    assert [fire.inputs[0]().shape[1:] for fire in fires] == [(96, 6, 6), (256, 3, 3), (512, 1, 1)]
    assert y.shape == (2, 1000)


WRONG_NETS = [
    (lambda: ResNet(18), ValueError, r"ResNet: expected n_layers to be one of \[50, 101, 152\], got 18"),
    (lambda: ResNet50(style="pytorch"), ValueError, "ResNet: expected style 'book' or 'torch', got 'pytorch'"),
    (
        lambda: ResNet50(True, style="torch"),
        ValueError,
        "published weights are for style='book'; use load_state_dict",
    ),
    (lambda: SqueezeNet(pretrained=True), ValueError, "SqueezeNet: there are no published weights; load_state_dict"),
]


@pytest.mark.parametrize(("make", "error", "match"), WRONG_NETS)
def test_an_invalid_shape_is_rejected(make, error, match):
    with pytest.raises(error, match=match):
        make()


# --- weights ---


def test_a_network_of_blocks_is_saved_and_loaded(tmp_path):
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.fire = Fire(2, 4)
            self.res = Residuals(2, 3, 8, strides=(1, 2))
            self.fc = L.Linear(5)

        def forward(self, x):
            return self.fc(F.mean(self.res(self.fire(x)), axis=(2, 3)))

    model, twin = Net(), Net()
    model(IMAGES)  # updates the running statistics
    model.save_weights(tmp_path / "net.npz")
    twin.load_weights(tmp_path / "net.npz")
    np.testing.assert_array_equal(use(twin), use(model))


PRETRAINED = [
    (VGG16, "vgg16.npz"),
    (ResNet50, "resnet50.npz"),
    (ResNet101, "resnet101.npz"),
    (ResNet152, "resnet152.npz"),
    (ResNet, "resnet152.npz"),
]


@pytest.mark.parametrize(("net", "file"), PRETRAINED, ids=lambda value: getattr(value, "__name__", value))
def test_pretrained_weights_are_downloaded_and_nothing_is_drawn(net, file, monkeypatch, tmp_path):
    weights = weights_for(net())
    write_arrays(tmp_path / file, weights)
    asked, before = [], random_state()
    monkeypatch.setattr(package.download, "get_file", lambda url: asked.append(url) or str(tmp_path / file))
    model = net(pretrained=True)
    assert asked == [f"https://github.com/koki0702/dezero-models/releases/download/v0.1/{file}"]
    assert random_state() == before
    for path, a in state(model).items():
        np.testing.assert_array_equal(a, weights[path])


def test_a_download_without_weights_says_which_file_to_delete(monkeypatch, tmp_path):
    path = tmp_path / "resnet50.npz"
    path.write_text("<html>Please log in.</html>")
    monkeypatch.setattr(package.download, "get_file", lambda url: str(path))
    with pytest.raises(
        ValueError, match=rf"expected a file that save_weights wrote.*; delete {path} to download it again"
    ):
        ResNet50(pretrained=True)


TORCH_NAMES = {
    "VGG16": {
        "conv1_1/W": "features.0.weight",
        "conv1_2/b": "features.2.bias",
        "conv3_3/W": "features.14.weight",
        "conv5_3/b": "features.28.bias",
        "fc6/W": "classifier.0.weight",
        "fc8/b": "classifier.6.bias",
    },
    "ResNet50": {"conv1/W": "conv1.weight", "conv1/b": "conv1.bias", "fc6/b": "fc.bias"},
    "ResNet50 torch": {
        "conv1/W": "conv1.weight",
        "bn1/avg_mean": "bn1.running_mean",
        "bn1/gamma": "bn1.weight",
        "res2/a/conv1/W": "layer1.0.conv1.weight",
        "res2/a/conv4/W": "layer1.0.downsample.0.weight",
        "res3/a/bn4/beta": "layer2.0.downsample.1.bias",
        "res5/b2/bn3/avg_var": "layer4.2.bn3.running_var",
        "fc6/W": "fc.weight",
    },
    "SqueezeNet": {
        "conv1/W": "features.0.weight",
        "fire2/squeeze/W": "features.3.squeeze.weight",
        "fire4/expand1x1/b": "features.5.expand1x1.bias",
        "fire5/expand3x3/W": "features.7.expand3x3.weight",
        "fire9/expand3x3/W": "features.12.expand3x3.weight",
        "conv10/W": "classifier.1.weight",
    },
}


@EVERY_NET
def test_the_table_of_torch_names_is_complete_and_one_to_one(name):
    model = NETS[name]()
    names = model.torch_names()
    assert list(names) == list(state(model))
    assert len(set(names.values())) == len(names)
    assert names.items() >= TORCH_NAMES[name].items()


def test_the_numbers_of_torchs_vgg16_count_activations_and_poolings_too():
    layers, number = VGG16().torch_layers(), 0
    for block, widths in VGG_CHANNELS.items():
        for i in range(1, len(widths) + 1):
            assert layers[f"{block}_{i}"] == f"features.{number}"
            number += 2  # the convolution, its activation
        number += 1  # the pooling


def style_of(model):
    return {"style": model.style} if isinstance(model, ResNet) else {}


@EVERY_NET
def test_a_state_dict_puts_each_array_in_its_place(name):
    model = NETS[name]()
    weights, before = weights_for(model), random_state()
    model.load_state_dict(state_dict_for(model, weights), **style_of(model))
    for path, a in state(model).items():
        np.testing.assert_array_equal(a, weights[path])
    assert random_state() == before


@EVERY_NET
def test_a_network_with_the_state_dict_of_another_computes_the_same(name):
    model, twin = called(name), NETS[name]()
    twin.load_state_dict(state_dict_for(model, state(model)), **style_of(twin))
    np.testing.assert_array_equal(use(twin), use(model))


def test_weights_from_a_state_dict_are_copies():
    model = SqueezeNet()
    state_dict = state_dict_for(model)
    model.load_state_dict(state_dict)
    expected = state_dict["classifier.1.bias"].copy()
    for a in state_dict.values():
        a += 1
    np.testing.assert_array_equal(model.conv10.b.data, expected)


def test_the_counters_of_batch_norm_are_ignored():
    model = ResNet50(style="torch")
    state_dict = state_dict_for(model)
    for name in [name for name in state_dict if name.endswith("running_var")]:
        state_dict[name.replace("running_var", "num_batches_tracked")] = np.array(7)
    model.load_state_dict(state_dict)
    np.testing.assert_array_equal(model.bn1.avg_var.data, state_dict["bn1.running_var"])


class Tensor:
    """Like a PyTorch tensor on a GPU that requires a gradient: these calls are needed, in this order."""

    def __init__(self, a):
        self.a = a

    def detach(self):
        return OnGpu(self.a)


class OnGpu(Tensor):
    def cpu(self):
        return OnHost(self.a)


class OnHost(Tensor):
    def numpy(self):
        if self.a is None:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.a


def test_the_values_of_a_state_dict_may_be_tensors():
    model = SqueezeNet()
    state_dict = state_dict_for(model)
    model.load_state_dict({name: Tensor(a) for name, a in state_dict.items()})
    np.testing.assert_array_equal(model.fire9.squeeze.W.data, state_dict["features.12.squeeze.weight"])


def without(name):
    return lambda d: {k: v for k, v in d.items() if k != name}


def with_(name, value):
    return lambda d: d | {name: value}


WRONG_STATE_DICTS = {
    "missing": (without("fc.bias"), ValueError, r"\['fc.bias'\] missing, \[\] unknown; torch_names"),
    "unknown": (with_("fc2.bias", np.zeros(3, "f")), ValueError, r"\[\] missing, \['fc2.bias'\] unknown"),
    "all": (
        lambda d: {f"module.{k}": v for k, v in d.items()},
        ValueError,
        r"ResNet50.load_state_dict: the state_dict is of another network: \['bn1.bias', .*, ... 267 in all\] missing",
    ),
    "shape": (
        with_("fc.weight", np.zeros((10, 2), "f")),
        ValueError,
        r"ResNet50: 'fc.weight', here 'fc6/W': expected \(None, 1000\) float32, got \(2, 10\) float32",
    ),
    "axes": (with_("fc.weight", np.zeros(1000, "f")), ValueError, r"'fc6/W': expected .*, got \(1000,\) float32"),
    "dtype": (
        with_("fc.bias", np.zeros(1000)),
        ValueError,
        r"'fc6/b': expected \(1000,\) float32, got \(1000,\) float64",
    ),
    "kind": (with_("fc.bias", [0.0] * 1000), TypeError, "'fc.bias': expected a tensor or a numpy.ndarray, got list"),
    "bfloat16": (
        with_("fc.bias", Tensor(None)),
        TypeError,
        r"'fc.bias': Got unsupported ScalarType BFloat16; module.float\(\) converts its weights to float32",
    ),
    "bias": (with_("conv1.bias", np.zeros(64, "f")), ValueError, r"\[\] missing, \['conv1.bias'\] unknown"),
    "no dict": (list, TypeError, r"expected the dict from a module's state_dict\(\), got list"),
}


@pytest.mark.parametrize(("edit", "error", "match"), WRONG_STATE_DICTS.values(), ids=WRONG_STATE_DICTS)
def test_a_state_dict_that_does_not_fit_is_rejected_and_nothing_has_changed(edit, error, match):
    model = ResNet50(style="torch")
    before = state(model)
    with pytest.raises(error, match=match):
        model.load_state_dict(edit(state_dict_for(model)))
    assert_unchanged(model, before)


def test_a_network_that_was_called_knows_its_input_shapes():
    model = called("SqueezeNet")
    before = state(model)
    with pytest.raises(ValueError, match=r"'conv1/W': expected \(96, 3, 7, 7\) float32, got \(96, 1, 7, 7\) float32"):
        model.load_state_dict(state_dict_for(model) | {"features.0.weight": np.zeros((96, 1, 7, 7), "f")})
    assert_unchanged(model, before)


@pytest.mark.parametrize(
    ("style", "arguments", "match"),
    [
        (
            "book",
            {},
            r"expected .* of style 'book', got 'torch', .* create the model with style='torch', or, .*'book'\)",
        ),
        (
            "torch",
            {"style": "book"},
            r"expected .* of style 'torch', got 'book', .* create the model with style='book'",
        ),
        ("book", {"style": "caffe"}, "expected style 'book' or 'torch', got 'caffe'"),
    ],
)
def test_a_state_dict_of_the_other_style_is_rejected_though_its_numbers_would_fit(style, arguments, match):
    model = ResNet50(style=style)
    before = state(model)
    with pytest.raises(ValueError, match=rf"ResNet50.load_state_dict: .*{match}"):
        model.load_state_dict(state_dict_for(model), **arguments)
    assert_unchanged(model, before)


@pytest.mark.parametrize(
    ("style", "other", "match"),
    [
        ("book", "torch", r"expected weights of style 'torch', got 'book' \(with a 'conv1/b'\): create the model with"),
        (
            "torch",
            "book",
            r"expected weights of style 'book', got 'torch' \(with no 'conv1/b'\): create the model with",
        ),
    ],
)
def test_a_file_of_the_other_style_is_rejected(style, other, match, tmp_path):
    write_arrays(tmp_path / "resnet.npz", weights_for(ResNet50(style=style)))
    model = ResNet50(style=other)
    before = state(model)
    with pytest.raises(ValueError, match=f"ResNet50: {match} style='{style}'"):
        model.load_weights(tmp_path / "resnet.npz")
    assert_unchanged(model, before)
    ResNet50(style=style).load_weights(tmp_path / "resnet.npz")


# --- VGG16.preprocess ---


def picture(mode, size=(300, 200), color=None):
    from PIL import Image

    if color is not None:
        return Image.new(mode, size, color)
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), np.uint8)
    return Image.fromarray(pixels).convert(mode)


@needs_pillow
@pytest.mark.parametrize(
    ("mode", "color", "bgr"),
    [
        ("RGB", (255, 128, 0), (0, 128, 255)),
        ("RGBA", (255, 128, 0, 7), (0, 128, 255)),  # transparency is ignored
        ("L", 100, (100, 100, 100)),
        ("1", 1, (255, 255, 255)),
        ("P", (255, 128, 0), (0, 128, 255)),
    ],
)
def test_an_image_becomes_bgr_less_the_mean_color(mode, color, bgr):
    x = VGG16.preprocess(picture(mode, color=color))
    assert (type(x), x.shape, x.dtype) == (np.ndarray, (3, 224, 224), np.float32)
    for channel, value, mean in zip(x, bgr, (103.939, 116.779, 123.68), strict=True):
        np.testing.assert_array_equal(channel, np.float32(value) - np.float32(mean))


@needs_pillow
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_preprocess_is_four_transforms_in_a_row(mode):
    f = transforms.Compose(
        [
            transforms.Convert("BGR"),
            transforms.Resize((224, 224)),
            transforms.ToArray(),
            transforms.Normalize(mean=(103.939, 116.779, 123.68)),
        ]
    )
    np.testing.assert_array_equal(VGG16.preprocess(picture(mode)), f(picture(mode)))


@needs_pillow
def test_rows_stay_rows_and_the_size_is_width_then_height():
    image = picture("RGB", size=(4, 2), color=(0, 0, 0))
    image.putpixel((3, 0), (0, 0, 255))  # blue, at the right end of the first row
    x = VGG16.preprocess(image, size=None, dtype=np.float64)
    assert (x.shape, x.dtype) == ((3, 2, 4), np.float64)
    assert x[0, 0, 3] == 255 - 103.939
    assert VGG16.preprocess(image, size=(8, 6)).shape == (3, 6, 8)


@needs_pillow
def test_preprocess_leaves_the_image_alone():
    image = picture("RGB")
    before = image.tobytes()
    x = VGG16.preprocess(image)
    x += 1  # the result is a writable copy
    assert (image.size, image.tobytes()) == ((300, 200), before)


@needs_pillow
@pytest.mark.parametrize("image", [np.zeros((224, 224, 3), np.uint8), "zebra.jpg", None], ids=["array", "name", "None"])
def test_an_input_that_is_not_an_image_is_rejected(image):
    with pytest.raises(TypeError, match=f"VGG16.preprocess: expected a PIL image, got {type(image).__name__}"):
        VGG16.preprocess(image)


@needs_pillow
def test_preprocess_rejects_integer_dtypes():
    with pytest.raises(ValueError, match=r"VGG16\.preprocess: expected a floating dtype, got uint8"):
        VGG16.preprocess(picture("RGB"), dtype=np.uint8)


def test_without_pillow_preprocess_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(RuntimeError, match=r"VGG16\.preprocess: Pillow is needed: pip install pillow"):
        VGG16.preprocess(None)


# --- drawings of them ---


@needs_graphviz
@pytest.mark.parametrize(
    ("name", "boxes"),
    [
        ("VGG16", {"Conv2d": 13, "ReLU": 15, "Pooling": 5, "Linear": 3, "Dropout": 2}),
        ("ResNet50", {"Conv2d": 53, "MovingBatchNorm": 53, "ReLU": 49, "Pooling": 1, "Add": 16, "Linear": 1}),
        ("SqueezeNet", {"Conv2d": 26, "ReLU": 26, "Pooling": 3, "Concat": 8, "Dropout": 1}),
    ],
)
def test_a_network_is_drawn(name, boxes, tmp_path):
    path = called(name).plot(Variable(IMAGES, name="x"), to_file=tmp_path / "net.svg")
    text = path.read_text(encoding="utf-8")
    assert "x: (2, 3, 32, 32) float32" in text
    assert {box: text.count(f">{box}<") for box in boxes} == boxes


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
