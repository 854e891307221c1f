"""Images in another size, and regions of images in one size."""

import re

import numpy as np
import pytest

from .stage import F, Variable, check_gradients, grad


def array(*shape):
    """Random numbers of both signs that depend on the shape alone."""
    return np.asarray(np.random.default_rng(shape).standard_normal(shape))


def ramp(n):
    return np.arange(float(n)).reshape(1, 1, 1, n)


def test_known_values_of_resize_bilinear():
    y = F.resize_bilinear(ramp(4), (1, 8))
    np.testing.assert_allclose(y.data.ravel(), [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], atol=1e-15)
    y = F.resize_bilinear(ramp(4), (1, 8), align_corners=True)
    np.testing.assert_allclose(y.data.ravel(), np.linspace(0, 3, 8), atol=1e-14)
    np.testing.assert_array_equal(F.resize_bilinear(ramp(4), 1, align_corners=True).data.ravel(), [0])
    np.testing.assert_array_equal(F.resize_bilinear(ramp(5), 1).data.ravel(), [2])


@pytest.mark.parametrize("align_corners", [False, True])
def test_resize_bilinear_interpolates_along_both_directions(align_corners):
    """A plane stays a plane, but at the border."""
    x = np.arange(6.0)[:, None] * 3 + np.arange(5.0)
    y = F.resize_bilinear(x.reshape(1, 1, 6, 5), (11, 9), align_corners).data[0, 0, 1:-1, 1:-1]
    np.testing.assert_allclose(np.diff(y, 2, axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(np.diff(y, 2, axis=1), 0, atol=1e-13)
    same = array(2, 1, 3, 4)
    np.testing.assert_allclose(F.resize_bilinear(same, (3, 4), align_corners).data, same, rtol=1e-15)


def test_resize_nearest_repeats_or_leaves_out_pixels():
    x = array(2, 1, 3, 4)
    np.testing.assert_array_equal(F.resize_nearest(x, (6, 8)).data, x.repeat(2, 2).repeat(2, 3))
    np.testing.assert_array_equal(F.resize_nearest(x, (3, 2)).data, x[..., ::2])
    np.testing.assert_array_equal(F.resize_nearest(ramp(5), (1, 3)).data.ravel(), [0, 1, 3])
    assert F.resize_nearest(np.arange(4).reshape(1, 1, 2, 2), 3).dtype == int


@pytest.mark.parametrize(
    "f",
    [
        lambda x: F.resize_bilinear(x, (3, 5)),
        lambda x: F.resize_bilinear(x, (4, 1), True),
        lambda x: F.resize_nearest(x, (5, 2)),
        lambda x: F.roi_pooling(x, ROIS, (2, 3), 0.5),
        lambda x: F.roi_align(x, ROIS, (2, 3), 0.5),
        lambda x: F.roi_align(x, ROIS, 2, 0.5, sampling=1, aligned=False),
    ],
)
def test_functions_are_differentiable_to_the_second_order(f):
    check_gradients(lambda x: F.sin(f(x)), array(2, 2, 3, 4), order=2)
    x = Variable(np.zeros((2, 0, 3, 4)))
    assert grad(f(x), x).shape == x.shape
    y = f(array(2, 2, 3, 4).astype(np.float32).transpose(0, 1, 3, 2))
    assert y.dtype == np.float32


ROIS = np.array([[1, 0, 0, 6, 4], [0, -3, 2, 99, 3], [1, 3, 2, 1, 5], [0, -30, -30, -20, -20]])


def test_known_values_of_roi_pooling():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    y = F.roi_pooling(x, np.array([[0, 0, 0, 20, 20], [0, 0, 10, 30, 30]]), 2, 0.1)
    np.testing.assert_array_equal(y.data.reshape(2, 4), [[5, 6, 9, 10], [9, 11, 13, 15]])


def test_roi_pooling_is_the_maximum_of_its_cells_and_0_where_there_is_none():
    x = array(2, 3, 5, 6)
    y = F.roi_pooling(x, np.array([[1, 1, 0, 5, 3], [0, -4, -4, -2, -2], [0, 2.5, 1.4, 2.5, 1.4]]), (2, 5)).data
    np.testing.assert_array_equal(y[0], x[1, :, :4, 1:].reshape(3, 2, 2, 5).max(2))
    assert not y[1].any()
    np.testing.assert_array_equal(y[2], np.broadcast_to(x[0, :, 1, 3][:, None, None], (3, 2, 5)))


def test_roi_pooling_gives_the_gradient_of_a_tie_to_the_first_maximum():
    x = Variable(np.zeros((1, 1, 2, 2)))
    gx = grad(F.roi_pooling(x, np.array([[0, 0, 0, 1, 1]]), 1), x)
    np.testing.assert_array_equal(gx.data.ravel(), [1, 0, 0, 0])
    assert np.isnan(F.roi_pooling(np.full((1, 1, 2, 2), np.nan), np.array([[0, 0, 0, 1, 1]]), 1).data).all()


def test_roi_align_of_a_plane_is_the_plane_at_the_centers_of_the_cells():
    x = (np.arange(6.0)[:, None] * 10 + np.arange(8.0)).reshape(1, 1, 6, 8)
    rois = np.array([[0, 1.0, 1.0, 5.0, 4.0]])
    centers = (np.array([1.75, 3.25])[:, None] - 0.5) * 10 + np.array([2.0, 4.0]) - 0.5
    np.testing.assert_allclose(F.roi_align(x, rois, 2).data[0, 0], centers, atol=1e-13)
    np.testing.assert_allclose(F.roi_align(x, rois, 2, aligned=False).data[0, 0], centers + 5.5, atol=1e-13)
    point = np.array([[0, 2, 2, 2, 2]])
    np.testing.assert_allclose(F.roi_align(x, point, 1, aligned=False).data, 22 + 5.5)  # at least one pixel wide
    np.testing.assert_allclose(F.roi_align(x, point, 1).data, 16.5)


def test_sampling_points_of_roi_align_outside_of_the_image_are_0():
    x = np.ones((1, 1, 4, 4))
    rois = np.array([[0, -4.0, 0, 4.0, 4.0]])
    np.testing.assert_array_equal(F.roi_align(x, rois, (1, 2), sampling=4, aligned=False).data.ravel(), [0.25, 1])


def test_roi_align_passes_initial_gradients_of_integers_on():
    x, rois = Variable(array(1, 1, 3, 4)), np.array([[0, 0.25, 0.5, 3, 2]])
    y = F.roi_align(x, rois, 2)
    gys = np.array([[[[1, 2], [3, 4]]]]), np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    gx, expected = (grad(y, x, Variable(gy)).data for gy in gys)
    np.testing.assert_array_equal(gx, expected)


def test_regions_of_integers_and_no_regions():
    x = np.arange(12).reshape(1, 1, 3, 4)
    assert F.roi_pooling(x, np.array([[0, 0, 0, 3, 2]]), 1).data.tolist() == [[[[11]]]]
    assert F.roi_align(x, np.array([[0, 0, 0, 3, 2]]), 1).dtype == float
    for f in (F.roi_pooling, F.roi_align):
        assert f(x, np.zeros((0, 5)), (2, 3)).shape == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: F.resize_bilinear(x[0], 2), "resize_bilinear: expected x (N, C, H, W) and a size of at least 1"),
        (lambda x: F.resize_nearest(x, (0, 2)), "resize_nearest: expected x (N, C, H, W) and a size of at least 1"),
        (lambda x: F.resize_nearest(x[:, :, :0], 2), "got x (2, 1, 0, 3) and (2, 2)"),
        (lambda x: F.resize_nearest(x, 2.5), "resize_nearest: expected an integer or a tuple of two, got 2.5"),
        (
            lambda x: F.roi_pooling(x, np.zeros((2, 4)), 2),
            "roi_pooling: expected rois (R, 5), a sample and two corners",
        ),
        (
            lambda x: F.roi_pooling(x, ROIS + 1, 2),
            "roi_pooling: expected rois of finite numbers with a sample from 0 to 1",
        ),
        (
            lambda x: F.roi_align(x, ROIS + 0.5, 2),
            "roi_align: expected rois of finite numbers with a sample from 0 to 1",
        ),
        (lambda x: F.roi_align(x, np.full((1, 5), np.nan), 2), "roi_align: expected rois of finite numbers"),
        (
            lambda x: F.roi_align(x, ROIS, 2, sampling=0),
            "roi_align: expected a positive number of sampling points, got 0",
        ),
    ],
)
def test_arguments_are_checked(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        call(array(2, 1, 2, 3))
