"""Models of detection and segmentation, and models without labels."""

import re

import numpy as np
import pytest

from .stage import F, L, Sequential, Variable, check_gradients, models, optimizers, test_mode, using_config

test_mode.__test__ = False  # pytest would collect it by its name


def array(*shape):
    """Random numbers of both signs that depend on the shape alone."""
    return np.asarray(np.random.default_rng(shape).standard_normal(shape))


def total(model):
    return sum(param.size for param in model.params())


# --- detection ---


def test_tiny_ssd_has_the_anchors_scores_and_offsets_of_five_maps():
    model = models.TinySSD(1)
    anchors, scores, offsets = model(np.zeros((2, 3, 64, 64), np.float32))
    M = 4 * (8 * 8 + 4 * 4 + 2 * 2 + 1 + 1)
    assert (anchors.shape, scores.shape, offsets.shape) == ((M, 4), (2, M, 2), (2, M, 4))
    assert {anchors.dtype, scores.dtype, offsets.dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(anchors[0], [1 / 16 - 0.1, 1 / 16 - 0.1, 1 / 16 + 0.1, 1 / 16 + 0.1], rtol=1e-6)
    assert total(model) == 1_010_376
    assert 4 * (32 * 32 + 16 * 16 + 8 * 8 + 4 * 4 + 1) == 5444  # for 256 x 256
    with pytest.raises(ValueError, match=r"TinySSD: expected x \(N, C, H, W\) with sides of at least 64"):
        model(np.zeros((1, 3, 63, 64), np.float32))


def test_rows_of_predictions_are_ordered_by_row_column_and_anchor():
    y = np.arange(24.0).reshape(1, 4, 2, 3)  # two anchors of two numbers at each position
    found = models.detection.rows(Variable(y), 2).data
    np.testing.assert_array_equal(found[0, 3], y[0, 2:, 0, 1])


def example():
    scores, offsets = array(2, 5, 3), array(2, 5, 4)
    labels = np.array([[0, 2, 0, 0, 1], [0, 0, 0, 0, 0]])
    mask = np.repeat(labels > 0, 4, axis=1).reshape(2, 20).astype(float)
    return scores, offsets, labels, array(2, 20), mask


def cross_entropies(scores, labels):
    log_p = scores - np.log(np.exp(scores).sum(2, keepdims=True))
    return -np.take_along_axis(log_p, labels[..., None], 2)[..., 0]


def test_ssd_loss_is_the_mean_of_both_terms():
    scores, offsets, labels, targets, mask = example()
    expected = cross_entropies(scores, labels).mean() + np.mean(np.abs(offsets.reshape(2, 20) - targets) * mask)
    np.testing.assert_allclose(models.ssd_loss(scores, offsets, labels, targets, mask).data, expected)
    check_gradients(lambda *xs: models.ssd_loss(*xs, labels, targets, mask, box="smooth_l1"), scores, offsets, order=2)


def test_hard_negative_mining_counts_the_largest_losses_of_each_image():
    scores, offsets, labels, targets, mask = example()
    each = cross_entropies(scores, labels)
    counted = np.sort(each[0, [0, 2, 3]])[-2:].sum() + each[0, [1, 4]].sum()  # none in the second image
    expected = (counted + np.sum(np.abs(offsets.reshape(2, 20) - targets) * mask)) / 2
    found = models.ssd_loss(scores, offsets, labels, targets, mask, negatives=1)
    np.testing.assert_allclose(found.data, expected)
    check_gradients(lambda *xs: models.ssd_loss(*xs, labels, targets, mask, negatives=1), scores, offsets, order=2)
    none = models.ssd_loss(scores, offsets, labels * 0, targets, mask * 0, negatives=3)
    assert none.data == 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"labels": np.zeros((2, 4), int)}, "ssd_loss: expected scores (N, M, C), labels (N, M) and N M 4 offsets"),
        ({"mask": np.ones((2, 5))}, "ssd_loss: expected scores (N, M, C), labels (N, M) and N M 4 offsets"),
        ({"box": "l2"}, "ssd_loss: expected box 'l1' or 'smooth_l1', got 'l2'"),
    ],
)
def test_arguments_of_ssd_loss_are_checked(change, text):
    arguments = dict(zip(("scores", "offsets", "labels", "targets", "mask"), example(), strict=True))
    with pytest.raises(ValueError, match=re.escape(text)):
        models.ssd_loss(**arguments | change)


# --- segmentation ---


def test_fcn_classifies_each_pixel():
    trunk = Sequential(L.Conv2d(4, 3, 2, 1), F.relu, L.Conv2d(4, 3, 2, 1))
    model = models.FCN(trunk, 3, stride=4)
    x = array(2, 2, 8, 12).astype(np.float32)
    y = model(x)
    assert (y.shape, y.dtype) == ((2, 3, 8, 12), np.float32)
    with pytest.raises(ValueError, match=re.escape("sides that 4 divides, such as (8, 12), got (2, 2, 6, 12)")):
        model(x[:, :, :6])


def test_fcn_takes_the_features_of_a_residual_network():
    trunk = models.ResNet18(n_classes=5)
    model = models.FCN(trunk, 2)
    assert (model.enlarge.kernel_size, model.enlarge.pad) == (64, 16)  # 10 x 15 -> 320 x 480
    trunk.features = lambda x: x[:, :1, ::32, ::32]  # a quick one
    assert model(np.zeros((1, 3, 64, 96), np.float32)).shape == (1, 2, 64, 96)


def test_fcn_takes_the_features_of_alexnet_and_vgg():
    x = np.random.rand(1, 3, 64, 96).astype(np.float32)
    for trunk, size in ((models.AlexNet(n_classes=2), (1, 2)), (models.VGG11(n_classes=2, width=1 / 16), (2, 3))):
        assert trunk.features(x).shape[2:] == size
        trunk.fc6, trunk.fc7 = L.Linear(4), L.Linear(4)  # the rest of the network, smaller
        with test_mode():
            assert trunk(x).shape == (1, 2)
        assert models.FCN(trunk, 2)(x).shape == (1, 2, 64, 96)  # AlexNet's is resized
    with pytest.raises(ValueError, match=re.escape("maps of (2, 3) from x (1, 3, 64, 96), got (1, 3, 16, 24)")):
        models.FCN(lambda x: x[:, :, ::4, ::4], 2)(x)
    with pytest.raises(TypeError, match=r"^FCN: expected a model, a layer or a function as the trunk, got 'resnet'$"):
        models.FCN("resnet", 2)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_bilinear_kernels_enlarge_a_ramp_exactly_inside(stride):
    W = models.bilinear_kernel(1, 1, 2 * stride - stride % 2)
    ramp = np.arange(6.0) + np.zeros((6, 1))
    y = F.deconv2d(ramp.reshape(1, 1, 6, 6), W, stride=stride, pad=stride // 2).data[0, 0]
    assert y.shape == (6 * stride, 6 * stride)
    inside = y[stride:-stride, stride:-stride]
    np.testing.assert_allclose(np.diff(inside, axis=1), 1 / stride, atol=1e-6)
    np.testing.assert_allclose(np.diff(inside, axis=0), 0, atol=1e-6)


# --- without labels ---


def trained(model, x, steps=60):
    np.random.seed(0)
    optimizer, losses = None, []
    for _ in range(steps):
        loss = model.loss(x)
        model.cleargrads()
        loss.backward()
        optimizer = optimizer or optimizers.Adam(0.01).setup(model)
        optimizer.update()
        losses.append(float(loss))
    return losses


def test_an_autoencoder_learns_a_code_of_lower_dimension():
    x = (array(40, 2) @ array(2, 6)).astype(np.float32)
    np.random.seed(0)
    model = models.Autoencoder((6, 8, 2), F.tanh)
    losses = trained(model, x, 150)
    assert losses[-1] < losses[0] / 5
    assert model.encode(x).shape == (40, 2)
    assert model(x).shape == x.shape


def test_the_loss_of_an_autoencoder_has_a_sparse_and_a_noisy_form():
    x = array(5, 6)
    np.random.seed(0)
    model = models.Autoencoder((6, 3), sparse=0.5, noise=0.1)
    with using_config("train", False):
        code = model.encode(x)
        expected = np.mean((model.decode(code).data - x) ** 2) + 0.5 * np.abs(code.data).mean()
        np.testing.assert_allclose(model.loss(x).data, expected, rtol=1e-6)
    assert len({float(model.loss(x)) for _ in range(2)}) == 2
    for arguments in ({"sizes": (6,)}, {"sizes": (6, 2), "noise": -1.0}):
        with pytest.raises(ValueError, match="Autoencoder: expected"):
            models.Autoencoder(**arguments)
    with pytest.raises(ValueError, match=r"^VAE: expected a deviation above 0, got -0\.5$"):
        models.VAE(4, 2, deviation=-0.5)


def test_weidmans_convolutional_autoencoder():
    model = models.ConvAutoencoder(3, size=(4, 6))
    x = array(2, 1, 4, 6).astype(np.float32)
    assert model.encode(x).shape == (2, 3)
    assert model(x).shape == x.shape
    assert models.ConvAutoencoder().fc3.W.shape == (7 * 28 * 28, 28)
    assert trained(model, 0.5 * np.ones((2, 1, 4, 6), np.float32), 30)[-1] < 0.1


def test_a_variational_autoencoder_has_the_two_terms_of_its_bound():
    np.random.seed(0)
    model = models.VAE(4, 2, hidden=8, deviation=0.5)
    x, eps = np.abs(array(3, 1, 4, 4)), array(3, 2)
    error, kl = model(x, eps)
    mu, log_var = (v.data for v in model.encode(x))
    y = model.decode(Variable(mu + np.exp(log_var / 2) * eps)).data
    np.testing.assert_allclose(error.data, ((y - x) ** 2).sum() / 3 / (2 * 0.25), rtol=1e-6)
    np.testing.assert_allclose(kl.data, -0.5 * (1 + log_var - mu**2 - np.exp(log_var)).sum() / 3, rtol=1e-6)
    np.random.seed(1)
    loss = model.loss(x)
    np.random.seed(1)
    np.testing.assert_allclose(loss.data, sum(float(v) for v in model(x, np.random.randn(3, 2))), rtol=1e-6)
