"""Convolution: im2col, conv2d and deconv2d against loops over patches; each the gradient of another."""

import itertools
import re
import tracemalloc

import numpy as np
import pytest

from .stage import F, Function, Variable, check_gradients, grad, windows

# x (N, C, H, W), OC, kernel, stride, pad
CASES = {
    "one number": ((1, 1, 1, 1), 1, 1, 1, 0),
    "1x1 kernel": ((2, 3, 4, 5), 2, 1, 1, 0),
    "3x3": ((2, 3, 5, 6), 4, 3, 1, 0),
    "same size": ((1, 2, 5, 5), 3, 3, 1, 1),
    "high kernel": ((2, 2, 6, 5), 2, (3, 1), 1, 0),
    "wide kernel": ((2, 2, 5, 6), 2, (2, 4), 1, 0),
    "rectangular stride": ((2, 1, 7, 8), 2, 2, (3, 1), 0),
    "rectangular padding": ((1, 2, 4, 3), 2, 3, 1, (0, 2)),
    "everything rectangular": ((2, 3, 7, 9), 2, (2, 3), (3, 2), (2, 1)),
    "stride 2 with a remainder": ((2, 2, 6, 7), 2, 3, 2, 0),
    "stride 2 with padding": ((1, 2, 7, 7), 2, 3, 2, 1),
    "stride greater than kernel": ((2, 2, 8, 7), 3, 2, 4, 0),
    "stride greater than kernel and padding": ((1, 2, 8, 9), 2, 1, 3, 1),
    "stride greater than image": ((2, 2, 3, 4), 2, 2, 7, 0),
    "padding greater than kernel": ((1, 2, 2, 3), 2, 2, 1, 3),
    "padding greater than kernel and stride": ((1, 1, 2, 2), 1, 1, 3, 4),
    "patches of padding alone": ((1, 2, 1, 1), 2, 2, 2, 4),
    "kernel as large as the image": ((3, 2, 4, 3), 5, (4, 3), 1, 0),
    "kernel greater than the image": ((1, 2, 2, 2), 2, 5, 2, 2),
    "one row": ((2, 3, 1, 6), 2, (1, 3), (1, 2), (0, 1)),
    "one column": ((2, 3, 6, 1), 2, (3, 1), (2, 1), (1, 0)),
    "AlexNet's first, smaller": ((1, 3, 23, 19), 2, 11, 4, 2),
    "empty batch": ((0, 2, 4, 4), 3, 3, 1, 1),
    "several images in a chunk, a product each": ((3, 2, 18, 19), 3, 3, 1, 0),
    "pixels as patches, a product each": ((2, 3, 16, 17), 2, 1, 1, 0),
}
TINY = {
    "plain": ((1, 1, 3, 3), 1, 2, 1, 0),
    "two of each": ((2, 2, 2, 2), 2, 2, 1, 0),
    "stride and padding": ((1, 1, 3, 2), 1, 2, 2, 1),
    "a remainder": ((1, 1, 4, 3), 1, 2, 2, 0),
}
cases = pytest.mark.parametrize(("x_shape", "OC", "kernel", "stride", "pad"), CASES.values(), ids=CASES)
tiny = pytest.mark.parametrize(("x_shape", "OC", "kernel", "stride", "pad"), TINY.values(), ids=TINY)

# Step 55: each row is the one before, shifted right by one.
PLANE = np.array([[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]])
KERNEL = np.array([[2, 0, 1], [0, 1, 2], [1, 0, 2]])
# Fig. 57-4
CHANNELS = np.array(
    [
        [[1, 2, 3, 0], [0, 1, 2, 4], [1, 0, 4, 2], [3, 2, 0, 1]],
        [[0, 0, 6, 5], [4, 2, 4, 3], [3, 0, 1, 0], [2, 3, 3, 1]],
        [[7, 2, 1, 2], [0, 1, 0, 4], [3, 0, 6, 2], [4, 2, 4, 5]],
    ]
)


def array(*shape):
    """Random numbers of both signs that depend on the shape alone."""
    return np.random.default_rng(shape).standard_normal(shape)


def inputs(x_shape, OC, kernel):
    """x, W and b of a case."""
    return array(*x_shape), array(OC, x_shape[1], *F.pair(kernel)), array(OC)


def images(plane):
    """(H, W) -> (1, 1, H, W), floats."""
    return np.array(plane, dtype=float)[None, None]


def padded(x, pad):
    (PH, PW) = F.pair(pad)
    return np.pad(x, ((0, 0), (0, 0), (PH, PH), (PW, PW)))


def patches(x, kernel, stride):
    """(n, i, j) and the patch of sample n at row i, column j of the output, a view: the definition, in loops."""
    (KH, KW), (SH, SW) = F.pair(kernel), F.pair(stride)
    rows = [h for h in range(0, x.shape[2], SH) if h + KH <= x.shape[2]]
    columns = [w for w in range(0, x.shape[3], SW) if w + KW <= x.shape[3]]
    for n, (i, h), (j, w) in itertools.product(range(len(x)), enumerate(rows), enumerate(columns)):
        yield (n, i, j), x[n, :, h : h + KH, w : w + KW]


def convolved(x, W, b, stride, pad):
    """conv2d by the definition."""
    x = padded(x, pad)
    _, OH, OW = np.max([place for place, _ in patches(np.zeros((1, *x.shape[1:])), W.shape[2:], stride)], axis=0) + 1
    y = np.full((len(x), len(W), OH, OW), np.nan)
    for (n, i, j), patch in patches(x, W.shape[2:], stride):
        for o in range(len(W)):
            y[n, o, i, j] = (patch * W[o]).sum() + b[o]
    return y


def spread(x, W, b, stride, pad, outsize):
    """deconv2d by the definition: each element times the kernel, added to its patch."""
    y = padded(np.zeros((len(x), W.shape[1], *outsize)), pad)
    for (n, i, j), patch in patches(y, W.shape[2:], stride):
        for c in range(len(W)):
            patch += x[n, c, i, j] * W[c]
    (PH, PW) = F.pair(pad)
    return y[:, :, PH : PH + outsize[0], PW : PW + outsize[1]] + b[:, None, None]


def peak(f):
    """The result, the peak memory of the call in bytes, and the bytes that are still allocated after it."""
    f()  # NumPy's own caches
    tracemalloc.start()
    try:
        y = f()
        left, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return y, most, left


@pytest.fixture(params=["all at once", "row by row"])
def chunks(request, monkeypatch):
    """How much of a convolution is computed at a time."""
    if request.param == "row by row":
        monkeypatch.setattr(windows, "CHUNK", 1)
        monkeypatch.setattr(windows, "COLUMNS", 1)


# --- sizes ---


@pytest.mark.parametrize(("x", "expected"), [(1, (1, 1)), ((1, 2), (1, 2)), (np.int64(3), (3, 3)), ((0, 0), (0, 0))])
def test_a_pair_is_an_int_twice_or_a_tuple_of_two(x, expected):
    assert F.pair(x) == expected


@pytest.mark.parametrize("x", [(1, 2, 3), (1,), (), [1, 2], 1.0, (1.0, 2), None, "12", np.ones(2, int)], ids=repr)
def test_a_size_that_is_not_a_pair_is_rejected(x):
    with pytest.raises(ValueError, match=rf"pair: expected an integer or a tuple of two, got {re.escape(repr(x))}"):
        F.pair(x)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad", "expected"),
    [
        (4, 3, 1, 1, 4),  # step 55
        (4, 3, 1, 0, 2),
        (7, 3, 2, 0, 3),
        (8, 3, 2, 0, 3),  # a remainder is cut off
        (224, 7, 2, 3, 112),
        (5, 5, 1, 0, 1),
        (15, 3, 1, 1, 15),
        (2, 3, 1, 0, 0),  # does not fit
    ],
)
def test_the_size_of_an_output(size, kernel, stride, pad, expected):
    assert F.get_conv_outsize(size, kernel, stride, pad) == expected


def test_the_size_of_a_transposed_output_is_the_smallest_that_a_convolution_turns_back():
    for size, kernel, stride, pad in itertools.product(range(1, 6), range(1, 5), range(1, 4), range(3)):
        n = F.get_deconv_outsize(size, kernel, stride, pad)
        sizes = [F.get_conv_outsize(n + more, kernel, stride, pad) for more in range(-1, stride + 1)]
        assert sizes == [size - 1, *[size] * stride, size + 1]


# --- hand examples ---


@pytest.mark.parametrize("function", [F.conv2d, F.conv2d_simple], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [int, np.float32, np.float64])
def test_the_hand_examples_of_step_55(function, dtype):
    x, W = images(PLANE).astype(dtype), images(KERNEL).astype(dtype)
    np.testing.assert_array_equal(function(x, W).data, [[[[15, 16], [6, 15]]]])
    np.testing.assert_array_equal(function(x, W, np.array([3], dtype)).data, [[[[18, 19], [9, 18]]]])
    wide = [[7, 12, 10, 2], [4, 15, 16, 10], [10, 6, 15, 6], [8, 10, 4, 3]]
    np.testing.assert_array_equal(function(x, W, pad=1).data, [[wide]])
    large = np.array([[[[(w - h) % 4 + 1 if (w - h) % 4 < 3 else 0 for w in range(7)] for h in range(7)]]], dtype)
    np.testing.assert_array_equal(large[..., :4, :4], x)
    np.testing.assert_array_equal(function(large, W, stride=2).data, [[[[15, 17, 15], [17, 15, 17], [15, 17, 15]]]])


@pytest.mark.parametrize("function", [F.conv2d, F.conv2d_simple], ids=lambda f: f.__name__)
def test_channels_are_summed_and_every_filter_makes_a_map_as_in_step_56(function):
    x, W = array(2, 3, 4, 5), array(20, 3, 2, 3)
    y = function(x, W).data
    one_by_one = [[function(x[n : n + 1, c : c + 1], W[:, c : c + 1]).data[0] for c in range(3)] for n in range(2)]
    np.testing.assert_allclose(y, np.sum(one_by_one, axis=1), rtol=1e-12, atol=1e-12)
    assert y.shape == (2, 20, 3, 3)


def test_the_script_of_step_57():
    x, W = Variable(array(1, 5, 15, 15)), Variable(array(8, 5, 3, 3))
    for function in (F.conv2d_simple, F.conv2d):
        x.cleargrad()
        y = function(x, W, b=None, stride=1, pad=1)
        y.backward()
        assert (y.shape, x.grad.shape) == ((1, 8, 15, 15), (1, 5, 15, 15))


# --- im2col, col2im ---


def test_im2col_has_the_shapes_of_step_57():
    assert F.im2col(array(1, 3, 7, 7), 5, 1, 0, to_matrix=True).shape == (9, 75)
    assert F.im2col(array(10, 3, 7, 7), (5, 5), (1, 1), (0, 0), to_matrix=True).shape == (90, 75)


def test_im2col_gives_the_matrix_of_figure_57_4():
    expected = [
        [1, 2, 0, 1, 0, 0, 4, 2, 7, 2, 0, 1],
        [3, 0, 2, 4, 6, 5, 4, 3, 1, 2, 0, 4],
        [1, 0, 3, 2, 3, 0, 2, 3, 3, 0, 4, 2],
        [4, 2, 0, 1, 1, 0, 3, 1, 6, 2, 4, 5],
    ]
    np.testing.assert_array_equal(F.im2col(CHANNELS[None], 2, 2).data, expected)


@cases
def test_im2col_puts_every_patch_in_a_row(x_shape, OC, kernel, stride, pad):
    x = array(*x_shape)
    found = [patch.ravel() for _, patch in patches(padded(x, pad), kernel, stride)]
    matrix = F.im2col(x, kernel, stride, pad).data
    np.testing.assert_array_equal(matrix, np.array(found).reshape(matrix.shape))
    tensor = F.im2col(x, kernel, stride, pad, to_matrix=False).data  # (N, C, KH, KW, OH, OW)
    assert tensor.shape[:4] == (*x_shape[:2], *F.pair(kernel))
    np.testing.assert_array_equal(tensor.transpose(0, 4, 5, 1, 2, 3).reshape(matrix.shape), matrix)


@cases
def test_col2im_is_the_adjoint_of_im2col(x_shape, OC, kernel, stride, pad):
    x = array(*x_shape)
    for to_matrix in (True, False):
        col = F.im2col(x, kernel, stride, pad, to_matrix).data
        weights = array(*col.shape)
        back = F.col2im(weights, x_shape, kernel, stride, pad, to_matrix).data
        assert back.shape == x_shape
        np.testing.assert_allclose((back * x).sum(), (weights * col).sum(), rtol=1e-11, atol=1e-11)


def test_col2im_sums_overlapping_patches():
    col = np.ones((4, 4))  # 2x2 patches of a 3x3 image
    np.testing.assert_array_equal(F.col2im(col, (1, 1, 3, 3), 2).data, [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]])
    np.testing.assert_array_equal(F.col2im(col, (1, 1, 4, 4), 2, 2).data, np.ones((1, 1, 4, 4)))
    left_out = F.col2im(col, (1, 1, 5, 5), 2, 3).data[0, 0]
    np.testing.assert_array_equal(left_out[2], np.zeros(5))
    np.testing.assert_array_equal(left_out[:, 2], np.zeros(5))


@tiny
@pytest.mark.parametrize("to_matrix", [True, False])
def test_im2col_and_col2im_are_differentiable_three_times(x_shape, OC, kernel, stride, pad, to_matrix):
    x = array(*x_shape)
    check_gradients(lambda x: F.sin(F.im2col(x, kernel, stride, pad, to_matrix)), x, order=3)
    col = F.im2col(x, kernel, stride, pad, to_matrix).data
    check_gradients(lambda x: F.sin(F.col2im(x, x_shape, kernel, stride, pad, to_matrix)), col, order=2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.uint8, bool])
def test_patches_keep_their_dtype(dtype):
    x = np.arange(9).reshape(1, 1, 3, 3).astype(dtype)
    col = F.im2col(x, 2, pad=1)
    assert col.dtype == dtype
    assert F.col2im(col, x.shape, 2, pad=1).dtype == dtype


def test_patches_are_copies():
    x = array(1, 1, 3, 3)
    before = x.copy()
    for kernel in (1, 2, 3):
        F.im2col(x, kernel).data[...] = 7.0
        F.im2col(x, kernel, to_matrix=False).data[...] = 7.0
    col = np.ones((9, 1))
    F.col2im(col, (1, 1, 3, 3), 1).data[...] = 7.0
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(col, np.ones((9, 1)))


# --- conv2d ---


@cases
def test_conv2d_is_its_definition(x_shape, OC, kernel, stride, pad, chunks):
    x, W, b = inputs(x_shape, OC, kernel)
    y = F.conv2d(x, W, b, stride, pad)
    expected = convolved(x, W, b, stride, pad)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(F.conv2d(x, W, None, stride, pad).data, expected - b[:, None, None], atol=1e-11)


@cases
def test_conv2d_and_its_gradients_are_those_of_conv2d_simple(x_shape, OC, kernel, stride, pad, chunks):
    found = []
    for function in (F.conv2d, F.conv2d_simple):
        variables = [Variable(v) for v in inputs(x_shape, OC, kernel)]
        y = function(*variables, stride, pad)
        found.append([y, *grad(y, variables, array(*y.shape))])
    for ours, simple in zip(*found, strict=True):
        assert ours.shape == simple.shape
        np.testing.assert_allclose(ours.data, simple.data, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("columns", [1, 2, 9, 17, 20, 40, 80, 100, 1000])
def test_chunks_of_several_rows_or_samples_and_a_smaller_last_one(columns, monkeypatch):
    """Seven images of 28 positions each, in chunks of about `columns` positions with one product each."""
    (x, W, b), stride, pad = inputs((7, 2, 5, 4), 3, (2, 3)), (1, 2), (1, 2)
    variables = [Variable(v) for v in (x, W, b)]
    whole = F.conv2d(*variables, stride, pad)
    expected = grad(whole, variables, array(*whole.shape))

    products = []

    def counted(*args, f=np.matmul, **kwargs):
        products.append(args)
        return f(*args, **kwargs)

    monkeypatch.setattr(windows, "CHUNK", 1)
    monkeypatch.setattr(windows, "COLUMNS", columns)
    monkeypatch.setattr(np, "matmul", counted)
    y = F.conv2d(*variables, stride, pad)
    assert (len(products) > 1) == (columns < 200)
    np.testing.assert_allclose(y.data, whole.data, rtol=1e-12, atol=1e-13)
    for gx, other in zip(grad(y, variables, array(*y.shape)), expected, strict=True):
        np.testing.assert_allclose(gx.data, other.data, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("columns", [1, 1000], ids=["a product for each image", "one product for all"])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (3, 2)], ids=str)
@pytest.mark.parametrize("pad", [((0, 1), (2, 0)), ((3, 0), (1, 1)), (1, (0, 2)), (0, 0)], ids=str)
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)], ids=str)
def test_the_kernels_take_dilations_and_padding_on_one_side(stride, pad, dilation, columns, monkeypatch):
    """The results are those of a kernel with zeros in its gaps and of images padded in advance."""
    monkeypatch.setattr(windows, "COLUMNS", columns)
    x, W = array(2, 3, 8, 7), array(2, 3, 3, 2)
    wide = np.zeros((2, 3, 2 * dilation[0] + 1, dilation[1] + 1))
    wide[:, :, :: dilation[0], :: dilation[1]] = W
    around = [(0, 0), (0, 0), *((p, p) if isinstance(p, int) else p for p in pad)]
    larger = np.pad(x, around)
    given = windows.Geometry("conv2d", x.shape[2:], (3, 2), stride, pad, dilation)
    plain = windows.Geometry("conv2d", larger.shape[2:], wide.shape[2:], stride, (0, 0))
    assert given.out == plain.out
    expected = windows.convolve(np, plain, larger, wide)
    np.testing.assert_allclose(windows.convolve(np, given, x, W), expected, rtol=1e-12, atol=1e-13)
    gy = array(*expected.shape)
    gW = windows.correlate(np, plain, larger, gy)[:, :, :: dilation[0], :: dilation[1]]
    np.testing.assert_allclose(windows.correlate(np, given, x, gy), gW, rtol=1e-12, atol=1e-13)
    gx = windows.convolve_back(np, plain, gy, wide)
    (top, _), (left, _) = around[2:]
    gx = gx[:, :, top : top + 8, left : left + 7]
    np.testing.assert_allclose(windows.convolve_back(np, given, gy, W), gx, rtol=1e-12, atol=1e-13)


@tiny
@pytest.mark.parametrize("function", [F.conv2d, F.conv2d_simple], ids=lambda f: f.__name__)
def test_conv2d_is_differentiable_twice(x_shape, OC, kernel, stride, pad, function):
    x, W, b = inputs(x_shape, OC, kernel)
    check_gradients(lambda x, W, b: function(x, W, b, stride, pad), x, W, b)
    check_gradients(lambda x, W: F.sin(function(x, W, None, stride, pad)), x, W)  # now gy depends on x and W


@pytest.mark.parametrize("name", ["plain", "stride and padding", "a remainder"])
def test_conv2d_is_differentiable_three_times(name):
    x_shape, OC, kernel, stride, pad = TINY[name]
    x, W, b = inputs(x_shape, OC, kernel)
    check_gradients(lambda x, W, b: F.conv2d(x, W, b, stride, pad), x, W, b, order=3)


def test_a_gradient_penalty_has_a_gradient_with_respect_to_the_weights():
    """A common bug: the gradients of gW with respect to x and gy must use the incoming ggW."""
    x, W = array(2, 1, 3, 3), array(2, 1, 2, 2)

    def penalty(x, W):
        gx, gW = grad(F.sum(F.tanh(F.conv2d(x, W))), [x, W], create_graph=True)
        return F.sum(gx**2) + F.sum(gW**2)

    check_gradients(penalty, x, W, order=1)


# --- deconv2d ---


@cases
def test_deconv2d_is_the_adjoint_of_conv2d(x_shape, OC, kernel, stride, pad, chunks):
    """<conv2d(x), y> = <x, deconv2d(y)>; and deconv2d agrees with its definition."""
    x, W, _ = inputs(x_shape, OC, kernel)
    collected = F.conv2d(x, W, None, stride, pad).data
    y, b = array(*collected.shape), array(x_shape[1])
    back = F.deconv2d(y, W, None, stride, pad, outsize=x_shape[2:]).data
    assert back.shape == x_shape
    np.testing.assert_allclose((collected * y).sum(), (x * back).sum(), rtol=1e-9, atol=1e-10)
    with_bias = F.deconv2d(y, W, b, stride, pad, x_shape[2:]).data
    np.testing.assert_allclose(with_bias, spread(y, W, b, stride, pad, x_shape[2:]), rtol=1e-9, atol=1e-11)


def test_a_transposed_convolution_by_hand():
    x, W = images([[1, 2], [3, 4]]), images([[1, 10], [100, 1000]])
    np.testing.assert_array_equal(
        F.deconv2d(x, W, stride=2).data[0, 0],
        [[1, 10, 2, 20], [100, 1000, 200, 2000], [3, 30, 4, 40], [300, 3000, 400, 4000]],
    )
    overlapping = [[1, 12, 20], [103, 1234, 2040], [300, 3400, 4000]]
    np.testing.assert_array_equal(F.deconv2d(x, W).data[0, 0], overlapping)
    np.testing.assert_array_equal(F.deconv2d(x, W, np.array([5.0])).data[0, 0], np.array(overlapping) + 5)
    np.testing.assert_array_equal(F.deconv2d(x, W, pad=1).data[0, 0], [[1234]])


def test_outsize_restores_the_rows_that_a_convolution_drops():
    x, W = array(1, 2, 3, 2), array(2, 3, 2, 3)
    assert F.deconv2d(x, W, stride=3).shape == (1, 3, 8, 6)
    for outsize in itertools.product((8, 9, 10), (6, 7, 8)):
        y = F.deconv2d(x, W, stride=3, outsize=outsize)
        assert y.shape == (1, 3, *outsize)
        np.testing.assert_array_equal(y.data[:, :, :8, :6], F.deconv2d(x, W, stride=3).data)
        assert not y.data[:, :, 8:].any()
        assert not y.data[:, :, :, 6:].any()
    assert F.deconv2d(array(1, 2, 3, 3), array(2, 3, 2, 2), stride=2, outsize=7).shape == (1, 3, 7, 7)


@pytest.mark.parametrize("outsize", [(7, 6), (11, 6), (8, 5), (8, 9), (1, 1), (80, 60)])
def test_an_outsize_that_no_convolution_inverts_is_rejected(outsize):
    x, W = array(1, 2, 3, 2), array(2, 3, 2, 3)
    message = f"deconv2d: expected an outsize from (8, 6) to (10, 8), got {outsize}"
    with pytest.raises(ValueError, match=re.escape(message)):
        F.deconv2d(x, W, stride=3, outsize=outsize)


@tiny
def test_deconv2d_is_differentiable_twice(x_shape, OC, kernel, stride, pad):
    x, W, b = array(*x_shape), array(x_shape[1], OC, *F.pair(kernel)), array(OC)
    check_gradients(lambda x, W, b: F.deconv2d(x, W, b, stride, pad), x, W, b)


@pytest.mark.parametrize("outsize", [None, (4, 3)])
def test_deconv2d_is_differentiable_three_times(outsize):
    x, W, b = array(1, 1, 2, 1), array(1, 1, 2, 2), array(1)
    outsize = None if outsize is None else (5, 3)
    check_gradients(lambda x, W, b: F.deconv2d(x, W, b, 2, 0, outsize), x, W, b, order=3)


# --- arrays ---


@pytest.mark.parametrize("function", [F.conv2d, F.deconv2d, F.conv2d_simple], ids=lambda f: f.__name__)
def test_float32_stays_float32_at_every_order(function):
    variables = [Variable(v.astype(np.float32)) for v in (array(2, 2, 4, 4), array(2, 2, 3, 3), array(2))]
    y = function(*variables, stride=1, pad=1)
    gxs = grad(F.sum(y**2), variables, create_graph=True)
    ggxs = grad(sum((F.sum(gx**2) for gx in gxs), F.sum(y)), variables)
    assert {v.dtype for v in (y, *gxs, *ggxs)} == {np.dtype(np.float32)}
    assert "Cast" not in {type(gx.creator).__name__ for gx in gxs}


@pytest.mark.parametrize("function", [F.conv2d, F.deconv2d], ids=lambda f: f.__name__)
@pytest.mark.parametrize("stride", [1, 2])
def test_float16_is_summed_in_float32(function, stride):
    """Sums of 4,096 and more, which would stop growing at 2,048 in float16."""
    shapes = ((64, 2, 16, 16), (3, 2, 1, 2)) if function is F.conv2d else ((64, 2, 16, 16), (2, 3, 1, 2))
    given = [Variable((array(*shape) + 1).astype(np.float16)) for shape in (*shapes, (3,))]
    exact = [Variable(v.data.astype(float)) for v in given]
    y, expected = (function(*variables, stride=stride) for variables in (given, exact))
    np.testing.assert_allclose(y.data, expected.data, rtol=2e-3, atol=2e-3)
    gy = np.ones(y.shape, np.float16)
    for gx, other in zip(grad(y, given, gy), grad(expected, exact, gy.astype(float)), strict=True):
        assert gx.dtype == np.float16
        np.testing.assert_allclose(gx.data, other.data, rtol=2e-3, atol=2e-3)


def test_a_sum_over_a_large_kernel_is_exact_in_float16():
    x, W = np.ones((1, 41, 10, 10), np.float16), np.ones((1, 41, 10, 10), np.float16)
    assert F.conv2d(x, W).data.item() == 4100
    gx = grad(F.conv2d(np.ones((1, 1, 70, 70), np.float16), V := Variable(np.ones((1, 1, 70, 70), np.float16))), V)
    np.testing.assert_array_equal(gx.data, np.ones((1, 1, 70, 70)))


@pytest.mark.parametrize("function", [F.conv2d, F.deconv2d, F.conv2d_simple], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtypes", list(itertools.product("lfd", repeat=3)), ids="".join)
def test_the_dtype_of_a_mixture_is_that_of_numpy(function, dtypes):
    """Integers promote too: a bias of 0.5 is not truncated."""
    x, W = (images(v).astype(dtype) for v, dtype in zip((PLANE, KERNEL), dtypes, strict=False))
    b = np.array([0.5 if dtypes[2] != "l" else 1]).astype(dtypes[2])
    y = function(x, W, b)
    np.testing.assert_array_equal(y.data, function(x.astype(float), W.astype(float), b.astype(float)).data)
    assert y.dtype == np.result_type(*dtypes)


@pytest.mark.parametrize("function", [F.conv2d, F.deconv2d, F.conv2d_simple], ids=lambda f: f.__name__)
def test_inputs_of_any_layout_are_accepted_and_not_modified(function):
    x, W, b = array(2, 3, 5, 4), array(3, 3, 2, 2), array(3)
    variables = [Variable(v.copy()) for v in (x, W, b)]
    y = function(*variables, stride=2, pad=1)
    gy = array(*y.shape)
    gxs = grad(y, variables, gy)
    for variable, v in zip(variables, (x, W, b), strict=True):
        np.testing.assert_array_equal(variable.data, v)
    np.testing.assert_array_equal(gy, array(*y.shape))

    strange = [
        Variable(x.transpose(3, 2, 1, 0).copy().transpose(3, 2, 1, 0)),
        Variable(np.repeat(W, 2, axis=3)[..., ::2]),
        Variable(b[::-1].copy()[::-1]),
    ]
    assert not any(v.data.flags.c_contiguous for v in strange)
    again = function(*strange, stride=2, pad=1)
    np.testing.assert_allclose(again.data, y.data, rtol=1e-12)
    for ours, expected in zip(grad(again, strange, np.asfortranarray(gy)), gxs, strict=True):
        np.testing.assert_allclose(ours.data, expected.data, rtol=1e-12)


def test_read_only_and_broadcast_arrays_are_accepted():
    x = np.broadcast_to(array(1, 1, 4, 4), (3, 2, 4, 4))
    W = np.broadcast_to(array(1, 1, 2, 2), (2, 2, 2, 2))
    np.testing.assert_allclose(F.conv2d(x, W).data, F.conv2d(x.copy(), W.copy()).data, rtol=1e-13)
    np.testing.assert_allclose(F.deconv2d(x, W).data, F.deconv2d(x.copy(), W.copy()).data, rtol=1e-13)


@pytest.mark.parametrize("function", [F.conv2d, F.deconv2d], ids=lambda f: f.__name__)
def test_a_constant_has_no_gradient_and_none_is_computed(function, monkeypatch):
    met = []
    call = Function.__call__

    def watched(self, *inputs):
        met.append(type(self).__name__)
        return call(self, *inputs)

    monkeypatch.setattr(Function, "__call__", watched)
    arrays = array(1, 2, 4, 4), array(2, 2, 3, 3), array(2)
    for free in range(3):
        given = [Variable(v) if i == free else v for i, v in enumerate(arrays)]
        y = function(*given)
        met.clear()
        gxs = y.creator.backward(Variable(array(*y.shape)))
        assert [gx is None for gx in gxs] == [i != free for i in range(3)]
        assert met == [["Conv2d" if function is F.deconv2d else "Deconv2d"], ["Conv2dGradW"], ["Sum"]][free]
        y.backward()
        assert given[free].grad.shape == arrays[free].shape


def test_an_array_that_is_used_twice_receives_both_gradients():
    x = array(1, 1, 3, 3)
    check_gradients(lambda x: F.conv2d(x, x[:, :, :2, :2]), x)
    check_gradients(lambda x: F.conv2d(x, x), x)


def test_an_empty_batch_has_gradients_of_zero():
    x, W, b = Variable(np.ones((0, 2, 4, 4))), Variable(array(3, 2, 3, 3)), Variable(array(3))
    F.conv2d(x, W, b).backward()
    assert x.grad.shape == x.shape
    np.testing.assert_array_equal(W.grad.data, np.zeros(W.shape))
    np.testing.assert_array_equal(b.grad.data, np.zeros(3))


@pytest.mark.parametrize("function", [F.conv2d, F.deconv2d, F.conv2d_simple], ids=lambda f: f.__name__)
def test_sizes_may_be_numbers_or_pairs(function):
    x, W = array(1, 2, 5, 5), array(2, 2, 3, 3)
    np.testing.assert_array_equal(function(x, W, None, 2, 1).data, function(x, W, None, (2, 2), (1, 1)).data)
    np.testing.assert_array_equal(function(x, W, stride=np.int64(2)).data, function(x, W, stride=2).data)


# --- memory ---


LARGE = {"one image": (1, 16, 128, 128), "a batch": (128, 8, 16, 16)}


@pytest.mark.parametrize("x_shape", LARGE.values(), ids=LARGE)
def test_a_convolution_takes_far_less_memory_than_its_columns(x_shape):
    C = x_shape[1]
    x, W = np.ones(x_shape, np.float32), np.ones((C, C, 3, 3), np.float32)
    columns = 9 * x.nbytes
    y, most, left = peak(lambda: F.conv2d(Variable(x), Variable(W), None, 1, 1))
    assert y.shape == x_shape
    assert most < x.nbytes + y.data.nbytes + columns / 3
    assert left < 1.1 * y.data.nbytes  # no columns are kept for the backward pass
    assert y.data.base is None  # the engine would copy a view

    gy = np.ones_like(y.data)
    gxs, most, _ = peak(lambda: grad(y, y.creator.inputs, gy))
    assert most < sum(gx.data.nbytes for gx in gxs) + 2 * gy.nbytes + columns / 3


# --- errors ---


SIZES = r"{}: expected a kernel_size and a stride of at least 1, a pad of at least 0, got kernel_size "
ERRORS = {
    "x without channels": (
        lambda f, x, W, b: f(x[0], W),
        r"{}: expected x \(N, C, H, W\) and W \((OC, C|C, OC), KH, KW\), got x \(2, 4, 5\) and W \(2, 2, 3, 3\)",
    ),
    "W without channels": (lambda f, x, W, b: f(x, W[0]), r"{}: expected .*, got x \(1, 2, 4, 5\) and W \(2, 3, 3\)"),
    "other channels": (
        lambda f, x, W, b: f(x[:, :1], W),
        r"{}: expected x \(N, C, H, W\) and W \((OC, C|C, OC), KH, KW\) of equal C, got x \(1, 1, 4, 5\) and W \(2",
    ),
    "a kernel that is too large": (
        lambda f, x, W, b: f(x[..., :2], W),
        r"{}: expected a kernel that fits images \(4, 2\) with padding \(0, 0\), got \(3, 3\)",
    ),
    "images without pixels": (
        lambda f, x, W, b: f(x[:, :, :0], W, pad=3),
        r"{}: expected a kernel that fits images \(0, 5\) with padding \(3, 3\), got \(3, 3\)",
    ),
    "stride 0": (lambda f, x, W, b: f(x, W, stride=0), SIZES + r"\(3, 3\), stride \(0, 0\), pad \(0, 0\)"),
    "one stride 0": (lambda f, x, W, b: f(x, W, stride=(1, 0)), SIZES + r"\(3, 3\), stride \(1, 0\)"),
    "negative stride": (lambda f, x, W, b: f(x, W, stride=-1), SIZES + r"\(3, 3\), stride \(-1, -1\)"),
    "negative padding": (lambda f, x, W, b: f(x, W, pad=(0, -1)), SIZES + r".*, pad \(0, -1\)"),
    "an empty kernel": (lambda f, x, W, b: f(x, W[:, :, :0]), SIZES + r"\(0, 3\)"),
    "a stride of three": (
        lambda f, x, W, b: f(x, W, stride=(1, 2, 3)),
        r"{}: expected an integer or a tuple of two, got \(1, 2, 3\)",
    ),
    "a padding of half": (lambda f, x, W, b: f(x, W, pad=0.5), r"{}: expected an integer or a tuple of two, got 0.5"),
}
NAMES = {F.conv2d: "conv2d", F.deconv2d: "deconv2d", F.conv2d_simple: "(conv2d_simple|im2col)"}
NOT_FOR = {
    ("a kernel that is too large", F.deconv2d),
    ("images without pixels", F.deconv2d),
}  # any size fits


@pytest.mark.parametrize(
    ("function", "call", "message"),
    [
        pytest.param(f, call, message, id=f"{f.__name__}, {case}")
        for f, (case, (call, message)) in itertools.product(NAMES, ERRORS.items())
        if (case, f) not in NOT_FOR
    ],
)
def test_shapes_that_do_not_match_are_rejected(function, call, message):
    x, W, b = array(1, 2, 4, 5), array(2, 2, 3, 3), array(2)
    with pytest.raises(ValueError, match=message.replace("{}", NAMES[function])):
        call(function, x, W, b)


@pytest.mark.parametrize("shape", [(3,), (1,), (), (1, 2), (2, 1, 1)], ids=str)
def test_a_bias_of_another_shape_is_rejected(shape):
    x, W, b = array(1, 2, 4, 4), array(2, 2, 3, 3), np.ones(shape)
    for name in ("conv2d", "deconv2d"):
        message = f"{name}: expected b (2,) for W (2, 2, 3, 3), got b {shape}"
        with pytest.raises(ValueError, match=re.escape(message)):
            getattr(F, name)(x, W, b)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.im2col(np.ones((4, 4)), 2), "im2col: expected x (N, C, H, W), got x (4, 4)"),
        (
            lambda: F.im2col(np.ones((1, 1, 4, 4)), 5),
            "im2col: expected a kernel that fits images (4, 4) with padding (0, 0), got (5, 5)",
        ),
        (
            lambda: F.im2col(np.ones((1, 1, 4, 4)), 2, 0),
            "im2col: expected a kernel_size and a stride of at least 1, a pad of at least 0, got kernel_size (2, 2)",
        ),
        (
            lambda: F.col2im(np.ones((3, 4)), (1, 1, 3, 3), 2),
            "col2im: expected x (4, 4) for images (1, 1, 3, 3), got x (3, 4)",
        ),
        (
            lambda: F.col2im(np.ones((4, 4)), (1, 1, 3, 3), 2, to_matrix=False),
            "col2im: expected x (1, 1, 2, 2, 2, 2) for images (1, 1, 3, 3), got x (4, 4)",
        ),
        (lambda: F.col2im(np.ones((4, 4)), (3, 3), 2), "col2im: expected input_shape (N, C, H, W), got (3, 3)"),
    ],
)
def test_im2col_and_col2im_reject_sizes_that_do_not_match(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
