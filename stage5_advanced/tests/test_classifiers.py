"""Image classifiers beyond the book: LeNet, AlexNet, VGG, NiN, GoogLeNet, ResNet18, DenseNet, SqueezeNet 1.1."""

import itertools

import numpy as np
import pytest

from .stage import F, L, cuda, models, no_grad, test_mode

test_mode.__test__ = False  # pytest would collect it by its name


def images(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def use(model, x):
    """The output in test mode, an array."""
    with test_mode(), no_grad():
        return model(x).data


def small_densenet(**options):
    return models.DenseNet(4, (2, 1, 2), 8, n_classes=7, **options)


# --- parameters ---

D2L_DENSENET = {"growth": 32, "blocks": (4, 4, 4, 4), "init": 64, "bottleneck": None, "n_classes": 10}
TOTALS = [  # class, options, x, parameters: torchvision's, or of the texts that build the network
    ("LeNet", {}, (1, 1, 28, 28), 44_426),
    ("LeNet", {"style": "classic"}, (1, 1, 28, 28), 61_706),
    ("AlexNet", {}, (1, 3, 63, 63), 61_100_840),
    ("AlexNet", {"style": "paper"}, (1, 3, 224, 224), 50_844_008),
    ("AlexNet", {"style": "paper", "n_classes": 10}, (1, 1, 224, 224), 46_764_746),
    ("VGG11", {}, (1, 3, 32, 32), 132_863_336),
    ("VGG13", {}, (1, 3, 32, 32), 133_047_848),
    ("VGG19", {}, (1, 3, 32, 32), 143_667_240),
    ("VGG11", {"batch_norm": True}, (1, 3, 32, 32), 132_868_840),
    ("VGG13", {"batch_norm": True}, (1, 3, 32, 32), 133_053_736),
    ("VGG19", {"batch_norm": True}, (1, 3, 32, 32), 143_678_248),
    ("NiN", {}, (1, 3, 67, 67), 7_439_608),
    ("NiN", {"n_classes": 10}, (1, 1, 67, 67), 1_992_166),
    ("GoogLeNet", {}, (1, 3, 15, 15), 6_624_904),
    ("GoogLeNet", {"style": "paper"}, (1, 3, 1, 1), 6_998_552),
    ("GoogLeNet", {"style": "paper", "n_classes": 10}, (1, 1, 1, 1), 5_977_530),
    ("ResNet18", {}, (1, 3, 1, 1), 11_689_512),
    ("ResNet34", {}, (1, 3, 1, 1), 21_797_672),
    ("DenseNet121", {}, (1, 3, 29, 29), 7_978_856),
    ("DenseNet161", {}, (1, 3, 29, 29), 28_681_000),
    ("DenseNet169", {}, (1, 3, 29, 29), 14_149_480),
    ("DenseNet201", {}, (1, 3, 29, 29), 20_013_928),
    ("DenseNet", D2L_DENSENET, (1, 1, 29, 29), 758_226),
    ("SqueezeNet11", {}, (1, 3, 17, 17), 1_235_496),
]


def n_parameters(model, x):
    """The number of parameters after a call; large linear layers are counted, but not created."""
    large = [name for name in ("fc6", "fc7", "fc8") if hasattr(model, "fc7")]
    sizes = [getattr(model, name).out_size for name in large]
    for name in large:
        setattr(model, name, L.Linear(1))
    use(model, x)
    total = sum(param.size for param in model.params())
    if large:
        sizes = [model.fc6.W.shape[0], *sizes]
        total += sum((n + 1) * m for n, m in itertools.pairwise(sizes))
        total -= sum(param.size for name in large for param in getattr(model, name).params())
    return total


@pytest.mark.parametrize(("name", "options", "shape", "total"), TOTALS, ids=str)
def test_the_number_of_parameters_of_a_classifier(name, options, shape, total, monkeypatch):
    monkeypatch.setattr(np.random, "randn", lambda *shape: np.zeros(shape, np.float32))  # fast
    assert n_parameters(getattr(models, name)(**options), np.zeros(shape, np.float32)) == total


def test_auxiliary_classifiers_have_as_many_parameters_as_in_torchvision(monkeypatch):
    monkeypatch.setattr(np.random, "randn", lambda *shape: np.zeros(shape, np.float32))
    model = models.GoogLeNet(aux=True)
    with no_grad():
        model(images(2, 3, 15, 15))
    assert sum(param.size for param in model.params()) == 13_004_888


def test_vgg_of_16_layers_with_batch_norm_has_torchvisions_parameters(monkeypatch):
    monkeypatch.setattr(np.random, "randn", lambda *shape: np.zeros(shape, np.float32))
    for batch_norm, total in ((False, 138_357_544), (True, 138_365_992)):
        assert n_parameters(models.VGG(16, batch_norm=batch_norm), images(1, 3, 32, 32)) == total


# --- names ---

NORM = ["weight", "bias", "running_mean", "running_var"]


def conv(name, bias=True):
    return [f"{name}.weight"] + [f"{name}.bias"] * bias


def norm(name):
    return [f"{name}.{part}" for part in NORM]


def densenet_names(blocks):
    names = conv("features.conv0", False) + norm("features.norm0") + norm("features.norm5") + conv("classifier")
    for i, count in enumerate(blocks, start=1):
        for j in range(1, count + 1):
            for part in (1, 2):
                layer = f"features.denseblock{i}.denselayer{j}"
                names += norm(f"{layer}.norm{part}") + conv(f"{layer}.conv{part}", False)
        if i < len(blocks):
            names += norm(f"features.transition{i}.norm") + conv(f"features.transition{i}.conv", False)
    return names


def resnet_names(blocks):
    names = conv("conv1", False) + norm("bn1") + conv("fc")
    for i, count in enumerate(blocks, start=1):
        for j in range(count):
            for part in (1, 2):
                names += conv(f"layer{i}.{j}.conv{part}", False) + norm(f"layer{i}.{j}.bn{part}")
        if i > 1:
            names += conv(f"layer{i}.0.downsample.0", False) + norm(f"layer{i}.0.downsample.1")
    return names


def googlenet_names(aux):
    units = ["conv1", "conv2", "conv3"]
    for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        branches = ("branch1", "branch2.0", "branch2.1", "branch3.0", "branch3.1", "branch4.1")
        units += [f"inception{name}.{branch}" for branch in branches]
    names = conv("fc")
    for name in ("aux1", "aux2") if aux else ():
        units.append(f"{name}.conv")
        names += conv(f"{name}.fc1") + conv(f"{name}.fc2")
    return names + [name for unit in units for name in conv(f"{unit}.conv", False) + norm(f"{unit}.bn")]


def numbered(convs, linear, norms=()):
    names = [name for number in convs for name in conv(f"features.{number}")]
    names += [name for number in norms for name in norm(f"features.{number}")]
    return names + [name for number in linear for name in conv(f"classifier.{number}")]


VGG11_BN = (0, 4, 8, 11, 15, 18, 22, 25)
FIRES = (3, 4, 6, 7, 9, 10, 11, 12)
NAMES = {
    "AlexNet": (models.AlexNet, numbered((0, 3, 6, 8, 10), (1, 4, 6))),
    "VGG11": (models.VGG11, numbered((0, 3, 6, 8, 11, 13, 16, 18), (0, 3, 6))),
    "VGG11 with batch norm": (
        lambda: models.VGG11(batch_norm=True),
        numbered(VGG11_BN, (0, 3, 6), [number + 1 for number in VGG11_BN]),
    ),
    "VGG19": (
        models.VGG19,
        numbered((0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34), (0, 3, 6)),
    ),
    "GoogLeNet": (models.GoogLeNet, googlenet_names(aux=False)),
    "GoogLeNet with aux": (lambda: models.GoogLeNet(aux=True), googlenet_names(aux=True)),
    "ResNet18": (models.ResNet18, resnet_names((2, 2, 2, 2))),
    "ResNet34": (models.ResNet34, resnet_names((3, 4, 6, 3))),
    "DenseNet121": (models.DenseNet121, densenet_names((6, 12, 24, 16))),
    "DenseNet161": (models.DenseNet161, densenet_names((6, 12, 36, 24))),
    "DenseNet169": (models.DenseNet169, densenet_names((6, 12, 32, 32))),
    "DenseNet201": (models.DenseNet201, densenet_names((6, 12, 48, 32))),
    "SqueezeNet11": (
        models.SqueezeNet11,
        [f"classifier.1.{part}" for part in ("weight", "bias")]
        + conv("features.0")
        + [
            name
            for number in FIRES
            for part in ("squeeze", "expand1x1", "expand3x3")
            for name in conv(f"features.{number}.{part}")
        ],
    ),
}


@pytest.mark.parametrize(("make", "names"), NAMES.values(), ids=NAMES)
def test_a_classifier_has_torchvisions_names(make, names):
    assert sorted(make().torch_names().values()) == sorted(names)


# --- weights of torchvision ---


def made_state_dict(model, seed=0):
    """Small weights under PyTorch's names: 2 for each size that the first call determines."""
    rng, found = np.random.default_rng(seed), {}
    names = model.torch_names()
    for path, variable in model.named_state():
        form = variable.form[0] if variable.data is None else variable.shape
        a = rng.random([2 if n is None else n for n in form], np.float32)
        found[names[path]] = a.T if a.ndim == 2 else a
    return found


LOADED = {
    "AlexNet": models.AlexNet,
    "VGG11": lambda: models.VGG11(batch_norm=True, width=0.25),
    "GoogLeNet": lambda: models.GoogLeNet(aux=True),
    "ResNet18": models.ResNet18,
    "DenseNet121": models.DenseNet121,
    "SqueezeNet11": models.SqueezeNet11,
}


@pytest.mark.parametrize("make", LOADED.values(), ids=LOADED)
def test_a_classifier_loads_a_state_dict(make):
    model = make()
    state_dict = made_state_dict(model)
    counters = [name.replace("running_var", "num_batches_tracked") for name in state_dict if "running_var" in name]
    model.load_state_dict(state_dict | dict.fromkeys(counters, np.array(3)))
    names = model.torch_names()
    for path, variable in model.named_state():
        expected = state_dict[names[path]]
        np.testing.assert_array_equal(variable.data, expected.T if expected.ndim == 2 else expected)


def test_densenet_loads_the_names_of_the_published_files():
    model = small_densenet()
    state_dict = made_state_dict(model)
    old = {
        name.replace(".norm1.", ".norm.1.").replace(".norm2.", ".norm.2.")
        .replace(".conv1.", ".conv.1.").replace(".conv2.", ".conv.2."): a
        for name, a in state_dict.items()
    }  # fmt: skip
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    assert "features.transition1.norm.weight" in old
    model.load_state_dict(old)
    expected = state_dict["features.denseblock3.denselayer2.norm2.running_var"]
    np.testing.assert_array_equal(model.block3.layer2.norm2.avg_var.data, expected)


def test_googlenet_ignores_the_weights_of_auxiliary_classifiers_that_it_does_not_have():
    state_dict = made_state_dict(models.GoogLeNet(aux=True))
    model = models.GoogLeNet()
    model.load_state_dict(state_dict)
    np.testing.assert_array_equal(model.fc.b.data, state_dict["fc.bias"])
    with pytest.raises(ValueError, match=r"\[\] missing, \['aux3.fc1.bias'\] unknown"):
        model.load_state_dict(state_dict | {"aux3.fc1.bias": np.zeros(3, np.float32)})
    lacking = {name: a for name, a in state_dict.items() if not name.startswith("aux2.")}
    with pytest.raises(ValueError, match=r"GoogLeNet.load_state_dict: .*'aux2.conv.bn.bias', .* 9 in all\] missing"):
        models.GoogLeNet(aux=True).load_state_dict(lacking)


@pytest.mark.parametrize("make", [models.GoogLeNet, small_densenet])
def test_what_is_no_state_dict_is_rejected(make):
    with pytest.raises(TypeError, match=r"load_state_dict: expected the dict from a module's state_dict\(\), got list"):
        make().load_state_dict([])


def test_weights_of_a_classifier_are_saved_and_loaded(tmp_path):
    model, x = small_densenet(), images(2, 3, 13, 13)
    y = use(model, x)
    model.save_weights(tmp_path / "densenet.npz")
    twin = small_densenet()
    twin.load_weights(tmp_path / "densenet.npz")
    np.testing.assert_array_equal(use(twin, x), y)


# --- calls ---

SMALLEST = {
    "LeNet": (models.LeNet, 16),
    "classic LeNet": (lambda: models.LeNet(style="classic"), 12),
    "AlexNet": (models.AlexNet, 63),
    "AlexNet of the paper": (lambda: models.AlexNet(style="paper"), 67),
    "VGG11": (lambda: models.VGG11(width=0.1), 32),
    "NiN": (models.NiN, 67),
    "GoogLeNet": (models.GoogLeNet, 15),
    "GoogLeNet of the paper": (lambda: models.GoogLeNet(style="paper"), 1),
    "ResNet18": (models.ResNet18, 1),
    "small ResNet18": (lambda: models.ResNet18(stem="small"), 1),
    "DenseNet": (lambda: models.DenseNet(4, (1, 1, 1, 1), 8), 29),
    "DenseNet of three blocks": (small_densenet, 13),
    "SqueezeNet11": (models.SqueezeNet11, 17),
}


@pytest.mark.parametrize(("make", "size"), SMALLEST.values(), ids=SMALLEST)
def test_the_smallest_images_of_a_classifier(make, size, monkeypatch):
    monkeypatch.setattr(np.random, "randn", lambda *shape: np.zeros(shape, np.float32))
    model = make()
    for name in ("fc6", "fc7") if hasattr(model, "fc7") else ():
        setattr(model, name, L.Linear(2))
    for shape in ((1, 3, size - 1, size), (1, 3, size, size - 1), (3, size, size)):
        message = rf"expected x \(N, C, H, W\) with H and W at least {size}, got \({shape[0]}, "
        with pytest.raises(ValueError, match=f"{type(model).__name__}: {message}"):
            use(model, np.zeros(shape, np.float32))
    assert all(v.data is None for path, v in model.named_state() if path.endswith("/W"))
    y = use(model, np.zeros((1, 3, size, size), np.float32))
    assert (y.shape, y.dtype) == (
        (1, {"LeNet": 10, "DenseNet": y.shape[1]}.get(type(model).__name__, 1000)),
        np.float32,
    )


@pytest.mark.parametrize(
    "name", ["AlexNet", "VGG11", "GoogLeNet", "ResNet18", "ResNet34", "DenseNet121", "DenseNet201", "SqueezeNet11"]
)
def test_no_weights_are_published_but_torchvisions(name):
    message = f"{name}: expected pretrained=False, .*, got True; load_state_dict loads those of torchvision"
    with pytest.raises(ValueError, match=message):
        getattr(models, name)(True)


@pytest.mark.parametrize(("make", "error"), [
    (lambda: models.LeNet(10), "LeNet: expected pretrained=False, since there are no published weights, got 10$"),
    (lambda: models.NiN(10), "NiN: expected pretrained=False, since there are no published weights, got 10$"),
    (lambda: models.LeNet(style="new"), r"LeNet: expected style to be one of \['d2l', 'classic'\], got 'new'"),
    (lambda: models.AlexNet(style="book"), r"AlexNet: expected style to be one of \['torch', 'paper'\], got 'book'"),
    (lambda: models.GoogLeNet(style="v3"), r"GoogLeNet: expected style to be one of \['torch', 'paper'\], got 'v3'"),
    (lambda: models.ResNet18(stem="cifar"), r"expected stem to be one of \['imagenet', 'small'\], got 'cifar'"),
    (lambda: models.VGG(12), r"VGG: expected n_layers to be one of \[11, 13, 16, 19\], got 12"),
    (lambda: models.VGG11(width=0.001), "Conv2d: expected out_channels to be a positive integer, got 0"),
])  # fmt: skip
def test_arguments_that_make_no_classifier_are_rejected(make, error):
    with pytest.raises(ValueError, match=error):
        make()


def test_the_sizes_of_lenet():
    model = models.LeNet()
    y = model(images(2, 1, 28, 28))
    assert [layer.outputs[0]().shape[2] for layer in (model.conv1, model.conv2)] == [24, 8]
    assert (model.conv2.inputs[0]().shape[2], model.fc3.inputs[0]().shape[1], y.shape) == (12, 16 * 4 * 4, (2, 10))


def test_the_sizes_of_alexnet_in_the_style_of_the_paper():
    model = models.AlexNet(style="paper", n_classes=10)
    model.fc6 = L.Linear(8)
    model.fc7 = L.Linear(8)
    y = model(images(1, 1, 224, 224))  # keeps the graph alive
    convs = [getattr(model, f"conv{i}") for i in range(1, 6)]
    assert [layer.outputs[0]().shape[2] for layer in convs] == [54, 26, 12, 12, 12]
    assert [layer.inputs[0]().shape[2] for layer in convs] == [224, 26, 12, 12, 12]
    assert (model.fc6.inputs[0]().shape, y.shape) == ((1, 256 * 5 * 5), (1, 10))


def test_a_densenet_appends_and_halves_channels():
    model = models.DenseNet(**D2L_DENSENET)
    y = model(images(2, 1, 29, 29))  # keeps the graph alive
    assert y.shape == (2, 10)
    assert [getattr(model, f"block{i}").outputs[0]().shape[1] for i in (1, 2, 3, 4)] == [192, 224, 240, 248]
    assert [getattr(model, f"transition{i}").outputs[0]().shape[1:] for i in (1, 2, 3)] == [
        (96, 4, 4),
        (112, 2, 2),
        (120, 1, 1),
    ]


def test_a_dense_layer_keeps_its_input():
    block, x = small_densenet().block1, images(2, 5, 3, 4)
    y = block(x)
    assert y.shape == (2, 5 + 2 * 4, 3, 4)
    np.testing.assert_array_equal(y.data[:, :5], x)


def test_the_small_stem_of_a_resnet_keeps_the_size():
    for stem, size in (("small", 32), ("imagenet", 8)):
        model = models.BasicResNet((1, 1, 1, 1), stem=stem)
        y = model(images(2, 3, 32, 32))  # keeps the graph alive
        assert y.shape == (2, 1000)
        assert model.res2.inputs[0]().shape == (2, 64, size, size)
        assert model.res5.outputs[0]().shape[2] == size // 8


def test_width_is_a_factor_of_the_channels_of_convolutions_only():
    model = models.VGG11(n_classes=10, width=0.25)
    channels = [getattr(model, f"conv{names[-1]}").out_channels for names in model.blocks]
    assert channels == [16, 32, 64, 128, 128]
    assert [layer.out_size for layer in (model.fc6, model.fc7, model.fc8)] == [4096, 4096, 10]


def test_weights_of_a_vgg_do_not_depend_on_the_size_of_the_images():
    model = models.VGG11(width=0.05)
    model.fc6 = L.Linear(5)
    model.fc7 = L.Linear(5)
    assert [use(model, images(1, 3, *size)).shape for size in ((32, 32), (40, 100))] == [(1, 1000)] * 2


def test_googlenet_returns_auxiliary_logits_in_training_only(monkeypatch):
    monkeypatch.setattr(np.random, "randn", lambda *shape: np.zeros(shape, np.float32))
    model, x = models.GoogLeNet(n_classes=5, aux=True), images(2, 3, 17, 15)
    with no_grad():
        ys = model(x)
    assert [y.shape for y in ys] == [(2, 5)] * 3
    assert use(model, x).shape == (2, 5)
    with no_grad():
        assert models.GoogLeNet(n_classes=5)(x).shape == (2, 5)


def test_images_are_converted_from_the_colors_of_imagenet():
    plain, model = models.GoogLeNet(n_classes=3), models.GoogLeNet(n_classes=3, transform_input=True)
    colors = images(2, 3, 15, 16) + 0.5  # 0 to 1, more or less
    mean, deviation = np.array([[[0.485]], [[0.456]], [[0.406]]]), np.array([[[0.229]], [[0.224]], [[0.225]]])
    y = use(plain, ((colors - 0.5) / 0.5).astype(np.float32))
    model.set_weights(plain.get_weights())
    x = ((colors - mean) / deviation).astype(np.float32)
    found = use(model, x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, y, rtol=1e-3, atol=1e-5 * np.abs(y).max())
    with pytest.raises(
        ValueError, match=r"GoogLeNet: expected x \(N, 3, H, W\) for transform_input, got \(1, 1, 15, 15\)"
    ):
        model(images(1, 1, 15, 15))


def dropped(model, x):
    """Whether two passes in training differ."""
    with no_grad():
        return not np.array_equal(model(x).data, model(x).data)


@pytest.mark.parametrize(
    ("make", "x"),
    [
        (lambda **options: models.SqueezeNet11(**options), (1, 3, 17, 17)),
        (lambda **options: models.NiN(**options), (1, 3, 67, 67)),
        (lambda **options: small_densenet(**options), (2, 3, 13, 13)),
        (lambda **options: models.GoogLeNet(style="paper", **options), (1, 3, 4, 4)),
    ],
)
def test_dropout_makes_two_passes_differ_in_training_only(make, x):
    x = images(*x)
    model = make(dropout_ratio=0.5)
    np.testing.assert_array_equal(use(model, x), use(model, x))
    assert dropped(model, x)
    model = make(dropout_ratio=0.0)
    assert not dropped(model, x)


class Ratios:
    """Records the ratios of dropout, and what it is called with."""

    def __init__(self, monkeypatch):
        self.calls = []
        monkeypatch.setattr(F, "dropout", self)

    def __call__(self, x, ratio=0.5):
        self.calls.append((ratio, x.shape))
        return x


@pytest.mark.parametrize(("style", "calls"), [
    ("torch", [(0.5, (1, 9216)), (0.5, (1, 6))]), ("paper", [(0.5, (1, 6)), (0.5, (1, 7))]),
])  # fmt: skip
def test_dropout_of_alexnet_is_before_or_behind_its_linear_layers(style, calls, monkeypatch):
    ratios, model = Ratios(monkeypatch), models.AlexNet(style=style)
    model.fc6 = L.Linear(6)
    model.fc7 = L.Linear(7)
    model(images(1, 3, 67, 67))
    assert ratios.calls == calls


def test_alexnet_normalizes_across_channels_with_the_numbers_of_the_paper(monkeypatch):
    calls, f = [], F.local_response_norm

    def record(x, *sizes, **options):
        calls.append((x.shape, sizes, options))
        return f(x, *sizes, **options)

    monkeypatch.setattr(F, "local_response_norm", record)
    for lrn in (False, True):
        model = models.AlexNet(style="paper", lrn=lrn)
        model.fc6 = L.Linear(6)
        model.fc7 = L.Linear(7)
        use(model, images(1, 3, 67, 67))
        assert len(calls) == 2 * lrn
    numbers = {"alpha": 5 * 1e-4, "beta": 0.75, "k": 2.0}  # its alpha is not divided by the size
    assert calls == [((1, 96, 15, 15), (5,), numbers), ((1, 256, 7, 7), (5,), numbers)]


def test_dropout_of_googlenet(monkeypatch):
    monkeypatch.setattr(np.random, "randn", lambda *shape: np.zeros(shape, np.float32))
    ratios = Ratios(monkeypatch)
    with no_grad():
        models.GoogLeNet(aux=True)(images(2, 3, 15, 15))
    assert ratios.calls == [(0.2, (2, 1024)), (0.7, (2, 1024)), (0.7, (2, 1024))]


@pytest.mark.parametrize("name", ["LeNet", "AlexNet", "NiN", "GoogLeNet", "ResNet18", "DenseNet121", "SqueezeNet11"])
def test_a_classifier_draws_no_weights_before_its_first_call(name):
    before = np.random.get_state()[1].tobytes()
    model = getattr(models, name)()
    assert np.random.get_state()[1].tobytes() == before
    assert all(v.data is None for path, v in model.named_state() if path.endswith("/W"))


@pytest.mark.parametrize(
    ("make", "x"),
    [
        (models.LeNet, (2, 1, 28, 28)),
        (lambda: models.LeNet(style="classic"), (2, 1, 28, 28)),
        (lambda: models.BasicResNet((1, 2, 1, 1), n_classes=3, stem="small"), (2, 3, 16, 16)),
        (small_densenet, (4, 3, 29, 29)),
    ],
)
def test_every_parameter_of_a_classifier_gets_a_gradient(make, x):
    model = make()
    y = model(images(*x))
    F.sum(y * np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)).backward()
    for path, param in model.named_params():
        assert np.any(param.grad.data), path
        assert param.grad.dtype == np.float32


def test_a_convolution_to_few_channels_reads_any_memory_layout():
    x, W = images(2, 5, 4, 8).transpose(0, 3, 1, 2), images(2, 3, 8, 3, seed=1).transpose(0, 2, 1, 3)
    y = F.conv2d(x, W, None, 1, (1, 0))
    np.testing.assert_allclose(y.data, F.conv2d_simple(x, W, None, 1, (1, 0)).data, rtol=1e-4, atol=1e-5)
    assert y.dtype == np.float32
    half = F.conv2d(x.astype(np.float16), W.astype(np.float16), None, 1, (1, 0))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half.data, y.data, rtol=0.1, atol=0.1)


# --- devices ---

ON_A_DEVICE = {
    "LeNet": (lambda: models.LeNet(style="classic"), (2, 1, 12, 12)),
    "GoogLeNet": (lambda: models.GoogLeNet(n_classes=3, transform_input=True), (1, 3, 15, 15)),
    "GoogLeNet of the paper": (lambda: models.GoogLeNet(n_classes=3, style="paper"), (1, 3, 4, 4)),
    "small ResNet": (lambda: models.BasicResNet((1, 1, 1, 1), n_classes=3, stem="small"), (2, 3, 4, 4)),
    "DenseNet": (small_densenet, (2, 3, 13, 13)),
    "SqueezeNet11": (lambda: models.SqueezeNet11(n_classes=3), (1, 3, 17, 17)),
}


@pytest.mark.parametrize(("make", "shape"), ON_A_DEVICE.values(), ids=ON_A_DEVICE)
def test_a_classifier_runs_on_the_device_of_its_images(make, shape, xp_device):
    model, x = make(), images(*shape)
    model.to_gpu()
    found = use(model, xp_device.asarray(x))
    assert isinstance(found, xp_device.ndarray)
    model.to_cpu()
    np.testing.assert_allclose(cuda.as_numpy(found), use(model, x), rtol=1e-3, atol=1e-4 * np.abs(use(model, x)).max())


@pytest.mark.parametrize(
    ("sizes", "text"),
    [({"growth": "x"}, "growth .* 'x'"), ({"init": -1}, "init .* -1"), ({"blocks": (2, 0)}, r"blocks\[1\] .* 0")],
)
def test_sizes_of_densenet_are_positive_integers(sizes, text):
    with pytest.raises(ValueError, match="^DenseNet: expected " + text.replace(".*", "to be a positive integer, got")):
        models.DenseNet(**sizes)
