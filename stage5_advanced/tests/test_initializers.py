"""Initializers, `initialize`, and layers whose weights an initializer draws."""

import copy
import math

import numpy as np
import pytest

from .stage import F, L, Layer, initializers, models

SHAPES = [(300, 200), (60, 40, 3, 2)]


def spread(initializer, shape, seed=0, **options):
    """The standard deviation of the values."""
    return initializer(shape, np.float64, rng=np.random.default_rng(seed), **options).std()


ALL = [initializers.Zeros(), initializers.Ones(), initializers.Uniform(-1, 1), initializers.Orthogonal()]
ALL += [initializers.Constant(3), initializers.Normal(), initializers.TruncatedNormal(), initializers.He("fan_out")]
ALL += [initializers.Glorot(), initializers.Glorot(2, True), initializers.He(normal=False), initializers.LeCun()]


@pytest.mark.parametrize("initializer", ALL, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 4), (5, 2, 3, 3), [2, 3], (2, 0), (1, 1)])
def test_shape_and_dtype(initializer, dtype, shape):
    values = initializer(shape, dtype)
    assert type(values) is np.ndarray
    assert values.shape == tuple(shape)
    assert values.dtype == dtype
    assert initializer(shape).dtype == np.float32
    assert values.flags.writeable


def test_the_same_seed_draws_the_same_values():
    for initializer in (
        initializers.Normal(1),
        initializers.TruncatedNormal(1),
        initializers.Uniform(0, 1),
        initializers.Glorot(),
        initializers.He(),
        initializers.Orthogonal(),
    ):
        np.random.seed(0)
        first, second = initializer((3, 4)), initializer((3, 4))
        np.random.seed(0)
        np.testing.assert_array_equal(initializer((3, 4)), first)
        assert not np.array_equal(first, second)
        state = str(np.random.get_state())
        drawn = [initializer((3, 4), rng=np.random.default_rng(5)) for _ in range(2)]
        np.testing.assert_array_equal(*drawn)
        assert str(np.random.get_state()) == state


def test_constants():
    np.testing.assert_array_equal(initializers.Constant(-2)((2, 3)), np.full((2, 3), -2))
    np.testing.assert_array_equal(initializers.Zeros()((4,)), np.zeros(4))
    np.testing.assert_array_equal(initializers.Ones()(()), np.ones(()))
    np.testing.assert_array_equal(initializers.Identity()((2, 3)), [[1, 0, 0], [0, 1, 0]])


# (initializer, standard deviation) for a matrix (300, 200), and for a convolution: in 40 * 6, out 60 * 6.
SPREADS = [
    (initializers.Normal(0.3, 5), 0.3, 0.3),
    (initializers.Uniform(-1, 3), 4 / math.sqrt(12), 4 / math.sqrt(12)),
    (initializers.Glorot(), math.sqrt(2 / 500), math.sqrt(2 / 600)),
    (initializers.Xavier(3, normal=True), 3 * math.sqrt(2 / 500), 3 * math.sqrt(2 / 600)),
    (initializers.He(), math.sqrt(2 / 300), math.sqrt(2 / 240)),
    (initializers.Kaiming("fan_out"), math.sqrt(2 / 200), math.sqrt(2 / 360)),
    (initializers.He(normal=False, slope=0.5), math.sqrt(2 / 1.25 / 300), math.sqrt(2 / 1.25 / 240)),
    (initializers.LeCun(), math.sqrt(1 / 300), math.sqrt(1 / 240)),
    (initializers.LeCun(False), math.sqrt(1 / 300), math.sqrt(1 / 240)),
]


@pytest.mark.parametrize(("initializer", *("matrix", "kernels")), SPREADS, ids=lambda x: type(x).__name__)
def test_standard_deviations(initializer, matrix, kernels):
    np.testing.assert_allclose([spread(initializer, shape) for shape in SHAPES], [matrix, kernels], rtol=0.02)


def test_given_fans_replace_those_of_the_shape():
    fans = (8, 2)
    np.testing.assert_allclose(spread(initializers.Glorot(), (100, 100), fans=fans), math.sqrt(2 / 10), rtol=0.02)
    np.testing.assert_allclose(spread(initializers.He(), (10000,), fans=fans), math.sqrt(2 / 8), rtol=0.02)
    np.testing.assert_allclose(spread(initializers.He("fan_out"), (10000,), fans=fans), 1, rtol=0.02)


def test_uniform_distributions_have_the_range_of_their_standard_deviation():
    values = initializers.Glorot()((300, 200), np.float64)
    limit = math.sqrt(6 / 500)
    assert 0.99 * limit < np.abs(values).max() <= limit


def test_a_truncated_normal_distribution_has_no_tails():
    values = initializers.TruncatedNormal(0.5, cut=1.5)((200, 200), np.float64)
    assert 0.74 < np.abs(values).max() <= 0.75
    # The standard deviation of N(0, 1) between -1.5 and 1.5: sqrt(1 - 2 * 1.5 p(1.5) / (P(1.5) - P(-1.5)))
    p, within = math.exp(-1.125) / math.sqrt(2 * math.pi), math.erf(1.5 / math.sqrt(2))
    np.testing.assert_allclose(values.std(), 0.5 * math.sqrt(1 - 3 * p / within), rtol=0.02)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 2, 2), (1, 1)])
def test_orthogonal_matrices_keep_lengths(shape):
    W = initializers.Orthogonal(gain=2)(shape, np.float64).reshape(shape[0], -1) / 2
    product = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)


def test_the_signs_of_orthogonal_matrices_are_random():
    # QR without a correction of signs returns mostly negative first elements.
    positive = [initializers.Orthogonal()((3, 3), rng=np.random.default_rng(seed))[0, 0] > 0 for seed in range(200)]
    assert 70 < sum(positive) < 130


@pytest.mark.parametrize("s", [1, 2, 3, 4])
def test_a_bilinear_deconvolution_enlarges_images(s):
    k = 2 * s - s % 2
    W = initializers.Bilinear()((2, 2, k, k), np.float64)
    y = F.deconv2d(np.ones((1, 2, 3, 4)), W, stride=s, pad=s // 2).data
    assert y.shape == (1, 2, 3 * s, 4 * s)
    np.testing.assert_allclose(y[:, :, s : 2 * s, s : 3 * s], 1)  # away from the border


def test_bilinear_kernels():
    row = np.array([1, 3, 3, 1]) / 4
    W = initializers.Bilinear()((2, 2, 4, 3), np.float64)
    np.testing.assert_allclose(W[1, 1], np.outer(row, [0.5, 1, 0.5]))
    assert not W[0, 1].any()
    np.testing.assert_allclose(
        initializers.Bilinear()((2, 1, 4, 4), np.float64)[:, 0], np.outer(row, row) * np.ones((2, 1, 1))
    )


REFUSED = [
    (lambda: initializers.Normal(-1), "Normal: expected std of at least 0, got -1"),
    (lambda: initializers.Normal(math.nan), "Normal: expected std to be a number, got nan"),
    (lambda: initializers.TruncatedNormal(cut=0), "TruncatedNormal: expected cut above 0, got 0"),
    (lambda: initializers.TruncatedNormal(-2), "TruncatedNormal: expected std of at least 0, got -2"),
    (lambda: initializers.Uniform(1, 0), "Uniform: expected low to be at most high, got 1 and 0"),
    (lambda: initializers.Glorot(-1), "Glorot: expected gain of at least 0, got -1"),
    (lambda: initializers.Orthogonal(-1), "Orthogonal: expected gain of at least 0, got -1"),
    (lambda: initializers.He("fan_avg"), "He: expected mode 'fan_in' or 'fan_out', got 'fan_avg'"),
    (lambda: initializers.He()((3,)), r"He: expected a shape with at least two axes, or fans, got \(3,\)"),
    (lambda: initializers.Orthogonal()((3,)), r"Orthogonal: expected a shape with at least two axes, got \(3,\)"),
    (lambda: initializers.Identity()((3,)), r"Identity: expected a shape \(in, out\), got \(3,\)"),
    (
        lambda: initializers.Bilinear()((3, 2, 4, 4)),
        r"Bilinear: expected a shape \(C, C, KH, KW\) or .* got \(3, 2, 4, 4\)",
    ),
]


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()


# --- layers ---


def ramp(shape, dtype=np.float32, *, fans=None, rng=None):
    """An initializer of one's own: 0, 1, 2, ..., divided by the fans."""
    return (np.arange(math.prod(shape)).reshape(shape) / math.prod(fans or (1,))).astype(dtype)


IMAGES = np.ones((2, 3, 8, 8), np.float32)
LAYERS = [
    (lambda **options: L.Linear(5, **options), "in_size", (3, 5), (1,)),
    (lambda **options: L.Conv2d(5, (3, 2), **options), "in_channels", (5, 3, 3, 2), (18, 30)),
    (lambda **options: L.Deconv2d(5, (3, 2), **options), "in_channels", (3, 5, 3, 2), (18, 30)),
]


@pytest.mark.parametrize(("make", "size", "shape", "fans"), LAYERS)
def test_a_layer_draws_its_weights_by_its_initializer(make, size, shape, fans):
    late = make(initializer=ramp)
    late(IMAGES if len(shape) > 2 else IMAGES[0, :, 0].T)
    for layer in (late, make(initializer=ramp, **{size: 3}), make(initializer=ramp, dtype=np.float64, **{size: 3})):
        np.testing.assert_array_equal(layer.W.data, ramp(shape, layer.dtype, fans=fans))
        assert layer.W.dtype == layer.dtype
        np.testing.assert_array_equal(layer.b.data, np.zeros(5))


def test_fans_of_convolutions():
    given = []

    def note(shape, dtype, *, fans, rng):
        given.append(fans)
        return np.zeros(shape, dtype)

    L.Conv2d(5, (3, 2), in_channels=4, initializer=note)
    L.Deconv2d(5, (3, 2), in_channels=4, initializer=note)
    assert given == [(24, 30), (24, 30)]


@pytest.mark.parametrize(("make", "size", "shape", "fans"), LAYERS)
def test_invalid_initializers_of_layers(make, size, shape, fans):
    with pytest.raises(TypeError, match=r"expected an initializer such as He\(\), got <class .*He'>"):
        make(initializer=initializers.He)
    with pytest.raises(TypeError, match=r"expected an initializer such as He\(\), got 'he'"):
        make(initializer="he")
    layer = make(initializer=lambda shape, dtype, fans, rng: np.zeros(3))
    with pytest.raises(ValueError, match=r"expected an initializer that returns an array \(.*\), got \(3,\)"):
        layer(IMAGES if len(shape) > 2 else IMAGES[0, :, 0].T)
    assert layer.W.data is None


def test_without_an_initializer_nothing_has_changed():
    np.random.seed(0)
    W = np.random.randn(3, 2).astype(np.float32) * math.sqrt(1 / 3)
    np.random.seed(0)
    np.testing.assert_array_equal(L.Linear(2, in_size=3).W.data, W)


# --- initialize ---


def model_of(*layers):
    return models.Sequential(*layers)


def test_initialize_sets_the_weights_and_not_the_biases():
    model = model_of(L.Linear(3, in_size=2), F.tanh, L.Linear(1, in_size=3))
    initializers.initialize(model, initializers.Constant(0.5))
    found = {path: param.data for path, param in model.named_params()}
    assert sorted(found) == ["l0/W", "l0/b", "l2/W", "l2/b"]
    for path, a in found.items():
        np.testing.assert_array_equal(a, 0.5 if path.endswith("W") else 0)
        assert a.dtype == np.float32
    initializers.initialize(model, initializers.Ones(), names="l2/b")
    np.testing.assert_array_equal(model.l2.b.data, 1)
    np.testing.assert_array_equal(model.l0.b.data, 0)


def test_initialize_a_layer_by_itself():
    layer = L.Linear(3, in_size=2)
    initializers.initialize(layer, initializers.Ones())
    np.testing.assert_array_equal(layer.W.data, np.ones((2, 3)))
    np.testing.assert_array_equal(layer.b.data, np.zeros(3))


def test_initialize_draws_from_a_generator():
    model, other = (model_of(L.Linear(3, in_size=2), L.Linear(1, in_size=3)) for _ in range(2))
    for each in (model, other):
        initializers.initialize(each, initializers.Normal(1), rng=np.random.default_rng(3))
    rng = np.random.default_rng(3)
    for (_, a), (_, b) in zip(model.named_params(), other.named_params(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    np.testing.assert_array_equal(model.l0.W.data, rng.standard_normal((2, 3)).astype(np.float32))


def test_initialize_uses_the_fans_of_the_layer():
    model = model_of(L.Deconv2d(5, (3, 2), in_channels=4), L.Linear(2, in_size=7))
    given = {}

    def note(shape, dtype, *, fans, rng):
        given[shape] = fans
        return np.zeros(shape, dtype)

    initializers.initialize(model, note)
    assert given == {(4, 5, 3, 2): (24, 30), (7, 2): None}


class Network(models.Model):
    """Deferred sizes, a state, buffers and dropout."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.rnn, self.last = L.Linear(4), L.BatchNorm(), L.RNN(3), L.Linear(2)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.last(self.rnn(F.dropout(self.norm(self.first(x)))))


def test_initialize_a_model_whose_sizes_the_first_call_determines():
    model, x = Network(), np.ones((5, 6), np.float32)
    np.random.seed(1)
    state = str(np.random.get_state())
    initializers.initialize(model, initializers.Constant(2), x)
    assert str(np.random.get_state()) == state
    assert model.rnn.h is None
    assert model.calls == 0
    shapes = {path: v.data if v.data is None else v.shape for path, v in model.named_state()}
    assert shapes == {
        "first/W": (6, 4), "first/b": (4,), "norm/avg_mean": None, "norm/avg_var": None, "norm/gamma": None,
        "norm/beta": None, "rnn/x2h/W": (4, 3), "rnn/x2h/b": (3,), "rnn/h2h/W": (3, 3), "last/W": (3, 2),
        "last/b": (2,),
    }  # fmt: skip
    np.testing.assert_array_equal(model.first.W.data, np.full((6, 4), 2))
    model(x)
    np.testing.assert_array_equal(model.first.W.data, np.full((6, 4), 2))


def test_deferred_weights_do_not_change_what_is_drawn():
    x = np.ones((5, 6), np.float32)
    late, early = model_of(L.Linear(4), L.Linear(3)), model_of(L.Linear(4, in_size=6), L.Linear(3, in_size=4))
    for model in (late, early):
        np.random.seed(7)
        initializers.initialize(model, initializers.Glorot(), x)
    for a, b in zip(late.params(), early.params(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_a_shared_parameter_is_initialized_once():
    model = model_of(L.Linear(3, in_size=3), L.Linear(3, in_size=3))
    model.l1.W = model.l0.W
    np.random.seed(0)
    initializers.initialize(model, initializers.Normal(1))
    np.random.seed(0)
    np.testing.assert_array_equal(model.l1.W.data, np.random.randn(3, 3).astype(np.float32))
    assert model.l1.W is model.l0.W


def test_what_cannot_be_initialized_changes_nothing():
    model = model_of(L.Linear(3, in_size=2), L.Linear(3))
    before = copy.deepcopy(model.l0.W.data)
    with pytest.raises(ValueError, match=r"initialize: \['l1/W'\] are uninitialized; pass inputs of the model"):
        initializers.initialize(model, initializers.Ones())
    with pytest.raises(ValueError, match=r"initialize: expected names of \['l0/W', .*\], got '\*/weight'"):
        initializers.initialize(model, initializers.Ones(), names="*/weight")
    with pytest.raises(ValueError, match="linear"):
        initializers.initialize(
            model, initializers.Ones(), np.ones((4, 5), np.float32)
        )  # a call with these inputs fails
    with pytest.raises(ValueError, match=r"l1/b: expected an initializer that returns an array \(3,\), got \(1,\)"):
        initializers.initialize(model, lambda shape, dtype, fans, rng: np.zeros(1), names="l1/b")
    with pytest.raises(TypeError, match=r"initialize: expected an initializer such as He\(\), got <class"):
        initializers.initialize(model, initializers.He)
    with pytest.raises(TypeError, match=r"initialize: expected a Layer or Model, got <class 'list'>"):
        initializers.initialize([model], initializers.He())
    np.testing.assert_array_equal(model.l0.W.data, before)
    assert model.l1.W.data is None


class Unused(Layer):
    """A layer that its call does not reach."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = L.Linear(2), L.Linear(2)

    def forward(self, x):
        return self.used(x)


def test_a_parameter_that_the_call_does_not_create():
    with pytest.raises(ValueError, match=r"initialize: \['unused/W'\] are uninitialized"):
        initializers.initialize(Unused(), initializers.Ones(), np.ones((1, 3)))
