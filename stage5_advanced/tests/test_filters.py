"""Filters: convolution and correlation without channels, directly and by FFT."""

import re

import numpy as np
import pytest

from .stage import F, Variable, check_gradients, grad

MODES = ("full", "same", "valid")


def array(*shape):
    """Random numbers of both signs that depend on the shape alone."""
    return np.asarray(np.random.default_rng(shape).standard_normal(shape))


def convolution(x, w, mode):
    """The definition: each element of w times x, shifted, at the positions of a mode."""
    full = np.zeros([n + k - 1 for n, k in zip(x.shape, w.shape, strict=True)])
    for q in np.ndindex(*w.shape):
        full[tuple(slice(i, i + n) for i, n in zip(q, x.shape, strict=True))] += x * w[q]
    if mode == "full":
        return full
    parts = {
        "same": lambda n, k: slice((k - 1) // 2, (k - 1) // 2 + n),
        "valid": lambda n, k: slice(min(n, k) - 1, max(n, k)),
    }
    return full[tuple(parts[mode](n, k) for n, k in zip(x.shape, w.shape, strict=True))]


def correlation(x, w, mode):
    return convolution(x, np.flip(w), mode)


FILTERS = [
    (F.convolve1d, convolution, 1),
    (F.correlate1d, correlation, 1),
    (F.fft_convolve, convolution, 1),
    (F.convolve2d, convolution, 2),
    (F.correlate2d, correlation, 2),
    (F.fft_convolve, convolution, 2),
]
SIZES = {
    1: [((5,), (3,)), ((6,), (4,)), ((4,), (4,)), ((3,), (7,)), ((1,), (1,)), ((2,), (9,))],
    2: [((4, 5), (3, 2)), ((3, 2), (4, 4)), ((3, 3), (1, 4)), ((1, 1), (2, 3))],
}
CASES = [(f, definition, x, w, mode) for f, definition, n in FILTERS for x, w in SIZES[n] for mode in MODES]
CASES = [case for case in CASES if case[2:] != ((3, 3), (1, 4), "valid")]


@pytest.mark.parametrize(("f", "definition", "x", "w", "mode"), CASES)
def test_filters_have_the_value_of_their_definition(f, definition, x, w, mode):
    x, w = array(*x), array(*w)
    np.testing.assert_allclose(f(Variable(x), w, mode).data, definition(x, w, mode), atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("f", "x", "w"),
    [
        (F.convolve1d, (6,), (4,)),
        (F.correlate1d, (2,), (7,)),
        (F.convolve2d, (3, 2), (4, 4)),
        (F.correlate2d, (4, 3), (2, 3)),
        (F.fft_convolve, (2,), (5,)),
        (F.fft_convolve, (3, 2), (2, 2)),
    ],
)
def test_filters_are_differentiable_to_the_second_order(f, x, w, mode):
    x, w = array(*x), array(*w)
    check_gradients(lambda x, w: F.sin(f(x, w, mode)), x, w, order=2)


@pytest.mark.parametrize("mode", MODES)
def test_convolve1d_is_numpys(mode):
    for n, k in ((5, 3), (6, 4), (1, 1)):
        x, w = array(n), array(k)
        np.testing.assert_allclose(F.convolve1d(x, w, mode).data, np.convolve(x, w, mode), atol=1e-14)
        np.testing.assert_allclose(F.correlate1d(x, w, "full").data, np.correlate(x, w, "full"), atol=1e-14)
    x, w = np.arange(5), np.arange(2)
    np.testing.assert_array_equal(F.convolve1d(x, w, mode).data, np.convolve(x, w, mode), strict=True)


def test_known_values():
    x, w = np.arange(1.0, 6), np.arange(1.0, 5)
    np.testing.assert_array_equal(F.convolve1d(x, w, "same").data, [4, 10, 20, 30, 34])  # as in SciPy
    np.testing.assert_array_equal(F.convolve1d(x, w).data[2:7], [10, 20, 30, 34, 31])  # TensorFlow's "same"
    np.testing.assert_array_equal(
        F.correlate1d(np.arange(7.0), np.array([1.0, 2]), "valid").data, [2, 5, 8, 11, 14, 17]
    )
    image, kernel = np.arange(1.0, 17).reshape(4, 4), np.arange(1.0, 10).reshape(3, 3)
    np.testing.assert_array_equal(F.correlate2d(image, kernel, "valid").data, [[348, 393], [528, 573]])


def test_same_and_valid_are_parts_of_full():
    x, w = array(7), array(3)
    full = F.convolve1d(x, w).data
    np.testing.assert_array_equal(F.convolve1d(x, w, "same").data, full[1:-1])
    np.testing.assert_allclose(F.convolve1d(x, w, "valid").data, full[2:-2], rtol=1e-14)


@pytest.mark.parametrize("f", [F.convolve2d, F.fft_convolve])
def test_a_full_convolution_is_commutative_and_associative(f):
    x, v, w = array(4, 5), array(2, 3), array(3, 2)
    np.testing.assert_allclose(f(x, w).data, f(w, x).data, atol=1e-13)
    np.testing.assert_allclose(f(f(x, v), w).data, f(x, f(v, w)).data, atol=1e-12)


def test_a_separable_kernel_is_two_filters_along_one_axis_each():
    x, K = array(6, 5), np.outer([1.0, 2.0, 1.0], [1.0, 0.0, -1.0])
    column, row = F.separate_kernel(K)
    np.testing.assert_array_equal(np.outer(column, row), K)
    y = F.swapaxes(F.convolve1d(F.swapaxes(F.convolve1d(x, row), 0, 1), column), 0, 1)
    np.testing.assert_allclose(y.data, F.convolve2d(x, K).data, atol=1e-13)


def test_kernels_of_rank_one_are_separated_and_others_are_an_error():
    column, row = F.separate_kernel(np.outer(array(4), array(3)).astype(np.float32))
    assert (column.dtype, row.dtype, column.max(), column.shape, row.shape) == (np.float32, np.float32, 1, (4,), (3,))
    assert all(not a.any() for a in F.separate_kernel(np.zeros((2, 2)))[1:])
    nearly = np.outer([1.0, 2.0], [3.0, 4.0]) + 1e-3 * np.eye(2)
    np.testing.assert_allclose(np.outer(*F.separate_kernel(nearly, tol=1e-2)), nearly, atol=2e-3)
    for K in (np.eye(2), nearly, np.full((2, 2), np.nan)):
        with pytest.raises(ValueError, match=r"separate_kernel: expected an outer product .* got K \(2, 2\)"):
            F.separate_kernel(K)
    for K in (np.ones(3), np.ones((0, 2))):
        with pytest.raises(ValueError, match=r"separate_kernel: expected K \(KH, KW\) with elements"):
            F.separate_kernel(K)


def test_axes_before_are_a_batch_that_broadcasts():
    x, w = array(2, 1, 6), array(3, 4)
    y = F.convolve1d(x, w)
    assert y.shape == (2, 3, 9)
    np.testing.assert_allclose(y.data[1, 2], np.convolve(x[1, 0], w[2]), atol=1e-14)
    check_gradients(lambda x, w: F.sin(F.convolve1d(x, w)), x, w, order=2)
    assert F.convolve2d(array(2, 0, 3, 3), array(2, 2)).shape == (2, 0, 4, 4)
    w = Variable(array(2))
    np.testing.assert_array_equal(grad(F.convolve1d(array(0, 3), w), w).data, [0, 0])


def test_fft_convolve_along_some_axes():
    x, w = array(4, 3, 5), array(2, 1, 3)
    y = F.fft_convolve(x, w, axes=(2, 0))
    assert y.shape == (5, 3, 7)
    np.testing.assert_allclose(y.data[:, 1], convolution(x[:, 1], w[:, 0], "full"), atol=1e-13)
    np.testing.assert_allclose(
        F.fft_convolve(x, w[:1, :, :2], "same", axes=-1).data[2, 1], np.convolve(x[2, 1], w[0, 0, :2])[:5], atol=1e-13
    )
    check_gradients(lambda x, w: F.sin(F.fft_convolve(x, w, "same", (0, 2))), x, w, order=2)


@pytest.mark.parametrize("pad", ["valid", "same", "full", 1, (0, 2), ((1, 0), (2, 1))])
def test_fft_conv2d_is_conv2d(pad):
    x, W, b = array(2, 3, 5, 6), array(4, 3, 2, 3), array(4)
    np.testing.assert_allclose(F.fft_conv2d(x, W, b, pad).data, F.conv2d(x, W, b, pad=pad).data, atol=1e-12)
    y = F.fft_conv2d(x.astype(np.float32), W.astype(np.float32), pad=pad)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, F.conv2d(x, W, pad=pad).data, atol=1e-5)


def test_fft_conv2d_is_differentiable_to_the_second_order():
    x, W, b = array(2, 2, 3, 2), array(1, 2, 2, 3), array(1)
    check_gradients(lambda x, W, b: F.sin(F.fft_conv2d(x, W, b, ((1, 0), (2, 1)))), x, W, b, order=2)


@pytest.mark.parametrize("f", [F.convolve1d, F.correlate1d, F.fft_convolve])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_dtype_stays_and_sums_are_precise(f, dtype):
    n = 2000 if dtype == np.float16 else 100_000
    x, w = Variable(np.full(n, 0.1, dtype)), Variable(np.full(3, 0.5, dtype))
    y = f(x, w, "valid")
    gw = grad(y, w)
    assert y.dtype == gw.dtype == dtype
    expected = (n - 2) * float(x.data[0])
    np.testing.assert_allclose(gw.data.astype(float), expected, rtol=1e-3 if dtype == np.float16 else 1e-6)
    z = f(x, Variable(np.full(1000, 0.5, dtype)), "valid")
    np.testing.assert_allclose(z.data.astype(float), 500 * float(x.data[0]), rtol=1e-3 if dtype == np.float16 else 1e-5)


def test_filters_of_arrays_that_are_not_contiguous():
    x, w = array(12)[::-2], array(6)[::2]
    np.testing.assert_allclose(F.convolve1d(x, w).data, np.convolve(x, w), atol=1e-14)
    x, w = array(5, 4).T, array(2, 3).T
    np.testing.assert_allclose(F.convolve2d(x, w).data, convolution(x, w, "full"), atol=1e-13)
    np.testing.assert_allclose(F.fft_convolve(x, w).data, convolution(x, w, "full"), atol=1e-13)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: F.convolve1d(array(3), array(2), "half"), "convolve1d: expected mode 'full', 'same' or 'valid'"),
        (
            lambda: F.correlate1d(array(0), array(2)),
            "correlate1d: expected elements along the last axis, got x (0,) and w (2,)",
        ),
        (
            lambda: F.convolve2d(array(3), array(2, 2)),
            "convolve2d: expected elements along the last 2 axes, got x (3,) and w (2, 2)",
        ),
        (
            lambda: F.correlate2d(array(3, 2), array(2, 3), "valid"),
            "correlate2d: expected x or w to be the larger one along each axis for mode 'valid', "
            "got x (3, 2) and w (2, 3)",
        ),
        (lambda: F.convolve1d(array(2, 3), array(3, 2)), "convolve1d: expected axes of a batch that broadcast"),
        (lambda: F.fft_convolve(array(2, 3), array(3)), "fft_convolve: expected x and w with equally many axes"),
        (lambda: F.fft_conv2d(array(1, 1, 2, 2), array(1, 1, 3, 3)), "fft_conv2d: expected a kernel that fits images"),
        (lambda: F.fft_conv2d(array(1, 1, 2, 2), array(1, 2, 1, 1)), "fft_conv2d: expected x (N, C, H, W) and W"),
        (lambda: F.fft_convolve(array(2), array(3), axes=()), "fft_convolve: expected x and w with equally many axes"),
    ],
)
def test_arguments_are_checked(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        call()
