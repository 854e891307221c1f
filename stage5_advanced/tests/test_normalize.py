"""Normalization beyond the book: layer norm, local response norm, folded and moving batch norm, and their layers."""

import re

import numpy as np
import pytest

from stage5_advanced.functions.broadcast import SLOW_BUFFER, unbuffered

from .stage import F, L, Model, Sequential, Variable, check_gradients, grad, training, using_config


def array(*shape):
    """Random numbers of both signs that depend on the shape alone."""
    return np.asarray(np.random.default_rng(shape).standard_normal(shape))


def inference(f, *args):
    with using_config("train", False):
        return f(*args)


# --- layer norm ---


@pytest.mark.parametrize(("shape", "last"), [((3, 4), (4,)), ((2, 3, 4), (3, 4)), ((5, 1), (1,)), ((2, 0, 3), (3,))])
def test_layer_norm_has_the_value_of_its_formula(shape, last):
    x, gamma, beta = array(*shape), array(*last), array(*last)
    axes = tuple(range(-len(last), 0))
    xh = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    np.testing.assert_allclose(F.layer_norm(x, gamma, beta).data, xh * gamma + beta, atol=1e-12)
    np.testing.assert_allclose(F.layer_norm(x, beta=beta).data, xh + beta, atol=1e-12)
    if len(last) == 1:
        np.testing.assert_allclose(F.layer_norm(x).data, xh, atol=1e-12)
    if x.size:
        check_gradients(lambda *xs: F.sin(F.layer_norm(*xs, eps=0.1)), x, gamma, beta, order=2)


def test_layer_norm_is_differentiable_to_the_third_order():
    check_gradients(lambda *xs: F.layer_norm(*xs), array(2, 3), array(3), array(3), order=3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3000, 40), (5, 3000)])
def test_layer_norm_of_many_numbers_is_precise_and_keeps_its_dtype(shape, dtype):
    x, gy = (array(*shape) + 10).astype(dtype), array(*shape[::-1]).T.astype(dtype)
    gamma, beta = array(shape[1]).astype(dtype), array(shape[1], 1)[:, 0].astype(dtype)
    found, expected = [], []
    for kind, results in ((dtype, found), (np.float64, expected)):
        xs = [Variable(v.astype(kind)) for v in (x, gamma, beta)]
        y = F.layer_norm(*xs)
        results += [y, *grad(y, xs, Variable(gy.astype(kind)))]
    for a, e in zip(found, expected, strict=True):
        assert a.dtype == dtype
        tolerance = 2e-3 if dtype == np.float16 else 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(a.data.astype(float), e.data, atol=tolerance * np.abs(e.data).max())


def test_normalization_leaves_the_buffer_of_numpy_as_it_was():
    before, x = np.getbufsize(), Variable(array(4, 3))
    (F.layer_norm(x) + F.batch_norm(x, np.ones(3), np.zeros(3), np.zeros(3), np.ones(3))).backward()
    assert np.getbufsize() == before
    with unbuffered():
        assert (np.getbufsize() < before) == SLOW_BUFFER
    assert np.getbufsize() == before


def test_layer_norm_of_integers_and_of_another_layout():
    x = np.arange(12).reshape(4, 3)
    np.testing.assert_allclose(F.layer_norm(x).data, F.layer_norm(x * 1.0).data)
    np.testing.assert_array_equal(F.layer_norm(array(3, 4).T).data, F.layer_norm(array(3, 4).T.copy()).data)


# --- local response norm ---


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
def test_local_response_norm_has_the_value_of_its_formula(size):
    x = array(2, 6, 3)
    y = F.local_response_norm(x, size, alpha=0.5, beta=0.6, k=2.0).data
    for c in range(6):
        near = x[:, max(c - size // 2, 0) : c + (size - 1) // 2 + 1]
        s = (near**2).sum(1)
        np.testing.assert_allclose(y[:, c], x[:, c] / (2 + 0.5 / size * s) ** 0.6, atol=1e-13)


def test_local_response_norm_is_differentiable_and_keeps_its_dtype():
    check_gradients(lambda x: F.sin(F.local_response_norm(x, 3, 2.0)), array(2, 4, 2), order=2)
    assert F.local_response_norm(array(1, 3, 2, 2).astype(np.float32)).dtype == np.float32
    assert F.local_response_norm(array(2, 0)).shape == (2, 0)


# --- batch norm ---


def normalized(layer, n=4):
    """The layer after n calls in training, on other numbers each time."""
    for i in range(n):
        layer(array(6, 3) * (i + 1) + i)
    return layer


def test_moving_batch_norm_is_batch_norm_in_any_mode():
    x, gamma, beta = array(4, 3, 2), array(3), array(3)
    means, variances = (np.zeros(3), np.zeros(3)), (np.ones(3), np.ones(3))
    expected = F.batch_norm(x, gamma, beta, means[0], variances[0], 0.8)
    found = inference(F.moving_batch_norm, x, gamma, beta, means[1], variances[1], 0.8)
    for a, e in ((found.data, expected.data), means, variances):
        np.testing.assert_array_equal(a, e)
    np.testing.assert_allclose(means[0], 0.2 * x.mean((0, 2)), rtol=1e-13)


def test_running_statistics_receive_no_gradient():
    xs = [Variable(v) for v in (array(4, 3), array(3), array(3), np.zeros(3), np.ones(3))]
    *others, gmean, gvar = grad(F.sum(F.sin(F.moving_batch_norm(*xs))), xs)
    assert all(g.data.any() for g in others)
    assert not gmean.data.any()
    assert not gvar.data.any()


def test_batch_norm_without_decay_averages_over_all_calls():
    layer = normalized(L.BatchNorm(decay=None))
    batches = [array(6, 3) * (i + 1) + i for i in range(4)]
    np.testing.assert_allclose(layer.avg_mean.data, np.mean([b.mean(0) for b in batches], 0), rtol=1e-12)
    np.testing.assert_allclose(layer.avg_var.data, np.mean([b.var(0, ddof=1) for b in batches], 0), rtol=1e-12)
    assert layer.updates.data == 4
    inference(layer, array(6, 3))
    assert layer.updates.data == 4


def test_the_decay_of_batch_norm_warms_up():
    layer, expected = normalized(L.BatchNorm(decay=0.35, warmup=True)), np.zeros(3)
    for t in range(4):
        decay = min(0.35, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * (array(6, 3) * (t + 1) + t).mean(0)
    np.testing.assert_allclose(layer.avg_mean.data, expected, rtol=1e-12)


def test_batch_norm_without_gamma_and_beta():
    layer = L.BatchNorm(affine=False)
    assert [name for name, _ in layer.named_state()] == ["avg_mean", "avg_var"]
    np.testing.assert_allclose(layer(array(6, 3)).data, L.BatchNorm()(array(6, 3)).data)
    inference(layer, array(1, 3))


def test_the_number_of_updates_is_saved_and_loaded(tmp_path):
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.bn = L.BatchNorm(decay=None)

        def forward(self, x):
            return self.bn(x)

    model, again = normalized(Net()), Net()
    model.save_weights(tmp_path / "bn.npz")
    again.load_weights(tmp_path / "bn.npz")
    assert again.bn.updates.data == 4
    for net in (model, again):
        net(array(6, 3))
    np.testing.assert_array_equal(model.bn.avg_mean.data, again.bn.avg_mean.data)


# --- folding, the layer ---


def test_fold_batch_norm_makes_one_convolution_of_two_layers():
    x, W, b = array(2, 3, 5, 4), array(4, 3, 3, 2), array(4)
    gamma, beta, mean, var = array(4), array(4, 1)[:, 0], array(1, 4)[0], np.abs(array(4)) + 0.5
    for bias in (b, None):
        expected = inference(F.batch_norm, F.conv2d(x, W, bias), gamma, beta, mean, var, 0.9, 1e-3)
        found = F.conv2d(x, *F.fold_batch_norm(W, bias, gamma, beta, mean, var, eps=1e-3))
        np.testing.assert_allclose(found.data, expected.data, atol=1e-12)
    x, W = array(5, 3), array(3, 4)
    expected = inference(F.batch_norm, F.linear(x, W, b), gamma, beta, mean, var)
    W, b = F.fold_batch_norm(W, b, gamma, beta, mean, var, axis=1)
    np.testing.assert_allclose(F.linear(x, W, b).data, expected.data, atol=1e-12)
    check_gradients(lambda W, b: sum(map(F.sum, F.fold_batch_norm(W, b, *np.ones((4, 2))))), array(2, 1), array(2))


@pytest.mark.parametrize("nobias", [False, True])
def test_fuse_makes_batch_norms_part_of_the_layers_before_them(nobias):
    inner = Sequential(L.Deconv2d(3, 2, 2, nobias=nobias), L.BatchNorm(eps=1e-2), F.relu)
    layers = [L.Conv2d(4, 3, nobias=nobias), L.BatchNorm(affine=False), F.relu, inner, F.flatten, L.Linear(5)]
    model, x = Sequential(*layers, L.BatchNorm(), L.BatchNorm()), array(6, 2, 5, 4).astype(np.float32)
    for _ in range(3):
        model(x)
    again = training.fuse(model)
    assert [type(layer).__name__ for layer in again.layers] == [
        "Conv2d",
        "function",
        "Sequential",
        "function",
        "Linear",
    ]
    np.testing.assert_allclose(inference(again, x).data, inference(model, x).data, atol=2e-5)
    assert (len(model.layers), again.l0.W.dtype, again.l0.b.dtype) == (8, np.float32, np.float32)


def test_fuse_leaves_what_it_cannot_fold():
    conv = L.Conv2d(2, 1)
    model = Sequential(conv, L.BatchNorm(), conv, F.relu, L.BatchNorm())
    model(array(4, 2, 3, 3))
    assert len(training.fuse(model).layers) == 5
    with pytest.raises(ValueError, match="fuse: expected a model whose layers are initialized"):
        training.fuse(Sequential(L.Linear(2), L.BatchNorm()))


def test_layer_norm_layer_creates_its_parameters_at_the_first_call():
    layer = L.LayerNorm(2)
    assert repr(layer) == "LayerNorm(gamma (None, None) uninitialized, beta (None, None) uninitialized)"
    y = layer(array(5, 2, 3).astype(np.float32))
    assert (y.dtype, layer.gamma.dtype, layer.gamma.shape) == (np.float32, np.float32, (2, 3))
    np.testing.assert_allclose(y.data.reshape(5, -1).mean(1), 0, atol=1e-6)
    assert L.LayerNorm()(array(2, 3)).dtype == np.float64
    with pytest.raises(ValueError, match="layer_norm: expected gamma and beta in the shape of the last axes of x"):
        layer(array(5, 3, 2))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: F.layer_norm(array(2, 3), array(2)),
            "layer_norm: expected gamma and beta in the shape of the last axes",
        ),
        (lambda: F.layer_norm(array(2, 3), array(3), array(2, 3)), "got x (2, 3), gamma (3,), beta (2, 3)"),
        (lambda: F.layer_norm(np.array(1.0)), "layer_norm: expected gamma and beta in the shape of the last axes"),
        (lambda: F.layer_norm(array(2, 0)), "with elements, got x (2, 0), gamma (0,), beta (0,)"),
        (
            lambda: F.local_response_norm(array(3)),
            "local_response_norm: expected x (N, C, ...) and a size of at least 1",
        ),
        (lambda: F.local_response_norm(array(1, 3), 0), "got (1, 3), 0"),
        (lambda: F.fold_batch_norm(array(4, 3), None, *np.ones((4, 3))), "fold_batch_norm: expected a number for each"),
        (
            lambda: F.moving_batch_norm(array(1, 3), *np.ones((4, 3))),
            "moving_batch_norm: expected at least two elements",
        ),
        (lambda: F.moving_batch_norm(array(2, 3), *np.ones((4, 3)), None), "expected updates, to count the calls"),
        (lambda: L.BatchNorm(decay=1.5), "BatchNorm: expected a decay from 0 to 1, or None without warmup, got 1.5"),
        (lambda: L.BatchNorm(decay=None, warmup=True), "BatchNorm: expected a decay from 0 to 1, or None"),
        (lambda: L.LayerNorm(0), "LayerNorm: expected a positive number of axes, got 0"),
        (
            lambda: L.LayerNorm(3)(array(2, 3)),
            "LayerNorm: expected x with 3 axes to normalize, with elements, got (2, 3)",
        ),
    ],
)
def test_arguments_are_checked(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        call()
