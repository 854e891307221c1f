"""Pooling: the maximum and the mean of each patch against loops; ties, padding, patches that reach beyond the image."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest

from .stage import F, Variable, check_gradients, grad, windows

# x (N, C, H, W), kernel, stride, pad
CASES = {
    "one number": ((1, 1, 1, 1), 1, 1, 0),
    "1x1 kernel": ((2, 2, 3, 4), 1, 1, 0),
    "the usual": ((2, 3, 4, 6), 2, 2, 0),
    "3x3": ((1, 2, 6, 9), 3, 3, 0),
    "overlapping": ((2, 2, 5, 6), 3, 1, 0),
    "overlapping, stride 2": ((1, 2, 7, 7), 3, 2, 0),
    "a remainder": ((1, 2, 5, 7), 2, 2, 0),
    "stride greater than kernel": ((2, 1, 7, 8), 2, 3, 0),
    "1x1 kernel, stride 2": ((1, 2, 5, 4), 1, 2, 0),
    "stride greater than image": ((1, 1, 3, 2), 2, 5, 0),
    "rectangular kernel": ((1, 2, 5, 6), (1, 3), 1, 0),
    "rectangular stride": ((1, 2, 7, 5), 2, (3, 1), 0),
    "everything rectangular": ((2, 2, 7, 9), (2, 3), (3, 2), (1, 2)),
    "padding": ((1, 2, 5, 6), 3, 2, 1),
    "wide padding": ((1, 1, 2, 3), 4, 3, 3),
    "padding and stride": ((2, 1, 4, 5), 2, 3, 1),
    "kernel as large as the image": ((2, 2, 4, 3), (4, 3), 1, 0),
    "empty batch": ((0, 2, 4, 4), 2, 2, 0),
}
cases = pytest.mark.parametrize(("x_shape", "kernel", "stride", "pad"), CASES.values(), ids=CASES)
TINY = {
    "disjoint": ((1, 1, 2, 4), 2, 2, 0),
    "overlapping": ((1, 2, 2, 3), 2, 1, 0),
    "padding": ((1, 1, 2, 3), 2, 2, 1),
    "left out": ((1, 1, 3, 3), 1, 2, 0),
}
tiny = pytest.mark.parametrize(("x_shape", "kernel", "stride", "pad"), TINY.values(), ids=TINY)
MAX = [F.pooling, F.pooling_simple]
MEAN = [F.average_pooling, F.average_pooling_simple]


def array(*shape):
    """Distinct negative numbers: padding with zeros would exceed them."""
    order = np.random.default_rng(shape).permutation(math.prod(shape))
    return -1.0 - order.reshape(shape) / 8


def images(plane):
    """(H, W) -> (1, 1, H, W), floats."""
    return np.array(plane, dtype=float)[None, None]


def starts(size, kernel, stride, pad, ceil_mode):
    """Where patches begin along one direction: they end, or with ceil_mode only begin, in the padded image."""
    found = []
    for start in range(-pad, size, stride):  # never in the padding after the image
        ends = start + kernel <= size + pad
        if ends or (ceil_mode and (not found or found[-1] + kernel < size + pad)):
            found.append(start)
    return found


def patches(x_shape, kernel, stride, pad, ceil_mode=False):
    """(i, j) -> the places (h, w) of the image that patch i, j covers, in reading order."""
    (KH, KW), stride, pad = F.pair(kernel), F.pair(stride), F.pair(pad)
    rows, columns = (starts(x_shape[2 + k], (KH, KW)[k], stride[k], pad[k], ceil_mode) for k in (0, 1))
    return {
        (i, j): [
            (h, w)
            for h in range(top, top + KH)
            for w in range(left, left + KW)
            if 0 <= h < x_shape[2] and 0 <= w < x_shape[3]
        ]
        for (i, top), (j, left) in itertools.product(enumerate(rows), enumerate(columns))
    }


def pooled(x, gy, found, f, share):
    """y = f of each patch, and gx: gy times share of each patch, in loops."""
    OH, OW = np.max(list(found), axis=0) + 1
    y, gx = np.full((*x.shape[:2], OH, OW), np.nan), np.zeros(x.shape)
    gy = np.zeros(y.shape) if gy is None else gy
    for n, c in np.ndindex(x.shape[:2]):
        for (i, j), places in found.items():
            seen = np.array([x[n, c, h, w] for h, w in places])
            y[n, c, i, j] = f(seen)
            for (h, w), part in zip(places, share(seen), strict=True):
                gx[n, c, h, w] += part * gy[n, c, i, j]
    return y, gx


def first(seen):
    """All of the gradient to the first maximum."""
    return np.arange(len(seen)) == np.argmax(seen)


def value_and_gradient(f, x):
    """y, a random gy, and gx of that."""
    x = Variable(x)
    y = f(x)
    gy = np.random.default_rng(1).standard_normal(y.shape)
    return y.data, gy, grad(y, x, gy).data


# --- the maximum ---


@pytest.mark.parametrize("function", MAX, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [int, np.float32, float])
def test_the_hand_examples_of_step_56(function, dtype):
    x = images([[1, 2, 1, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 4, 0, 1]]).astype(dtype)
    np.testing.assert_array_equal(function(x, 2, 2).data, [[[[2, 3], [4, 2]]]])
    rows = ["120710", "092323", "301212", "240101", "601212", "240181"]
    x = images([[int(n) for n in row] for row in rows]).astype(dtype)
    moved = images([[int(n) for n in row] for row in ["112071", "309232", "230121", "324010", "260121", "124018"]])
    for picture in (x, moved.astype(dtype)):
        np.testing.assert_array_equal(function(picture, 3, 3).data, [[[[9, 7], [6, 8]]]])


@pytest.mark.parametrize("function", MAX, ids=lambda f: f.__name__)
def test_the_hand_example_of_figure_57_5(function):
    x = [
        [[1, 2, 3, 0], [0, 1, 2, 4], [1, 0, 4, 2], [3, 2, 0, 1]],
        [[0, 0, 6, 5], [4, 2, 4, 3], [3, 0, 1, 0], [2, 3, 3, 1]],
        [[7, 2, 1, 2], [0, 1, 0, 4], [3, 0, 6, 2], [4, 2, 4, 5]],
    ]
    expected = [[[2, 4], [3, 4]], [[4, 6], [3, 3]], [[7, 4], [4, 6]]]
    np.testing.assert_array_equal(function(np.array([x], float), 2, 2).data, [expected])


@cases
@pytest.mark.parametrize("function", MAX, ids=lambda f: f.__name__)
def test_pooling_finds_the_maximum_which_receives_the_gradient(function, x_shape, kernel, stride, pad):
    x = array(*x_shape)
    y, gy, gx = value_and_gradient(lambda x: function(x, kernel, stride, pad), x)
    expected = pooled(x, gy, patches(x_shape, kernel, stride, pad), np.max, first)
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_allclose(gx, expected[1], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("ceil_mode", [True, False])
@pytest.mark.parametrize("stride", [1, 2, 3, 5, (2, 4)])
@pytest.mark.parametrize(("kernel", "pad"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2), ((2, 3), (1, 0))])
def test_with_ceil_mode_patches_may_reach_beyond_the_image(kernel, pad, stride, ceil_mode):
    for x_shape in ((1, 1, 3, 4), (2, 1, 5, 6), (1, 1, 7, 8)):
        x = array(*x_shape)
        y, gy, gx = value_and_gradient(lambda x: F.pooling(x, kernel, stride, pad, ceil_mode), x)
        expected = pooled(x, gy, patches(x_shape, kernel, stride, pad, ceil_mode), np.max, first)
        np.testing.assert_array_equal(y, expected[0])
        np.testing.assert_allclose(gx, expected[1], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad", "floor", "ceil"),
    [
        (109, 3, 2, 0, 54, 54),  # SqueezeNet's three poolings, of 224 x 224 images
        (54, 3, 2, 0, 26, 27),
        (27, 3, 2, 0, 13, 13),
        (4, 3, 2, 0, 1, 2),
        (5, 2, 2, 0, 2, 3),
        (3, 2, 2, 1, 2, 2),  # a third patch would begin in the padding after the image
        (4, 2, 3, 1, 2, 2),
        (1, 1, 3, 0, 1, 1),
        (2, 3, 1, 0, 0, 0),
        (2, 3, 2, 0, 0, 1),  # one patch, which begins in the image and ends beyond it
    ],
)
def test_the_size_with_ceil_mode_by_hand(size, kernel, stride, pad, floor, ceil):
    for mode, expected in ((False, floor), (True, ceil)):
        if expected == 0:
            with pytest.raises(ValueError, match="pooling: expected a kernel that fits images"):
                F.pooling(np.ones((1, 1, size, size)), kernel, stride, pad, mode)
        else:
            y = F.pooling(np.ones((1, 1, size, size)), kernel, stride, pad, mode)
            np.testing.assert_array_equal(y.data, np.ones((1, 1, expected, expected)))


def test_in_a_tie_the_first_in_row_major_order_receives_the_gradient():
    x = Variable(images([[1, 1, 2, 2], [1, 1, 3, 3], [0, 5, 4, 0], [5, 5, 0, 4]]))
    F.sum(F.pooling(x, 2, 2)).backward()
    np.testing.assert_array_equal(x.grad.data[0, 0], [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
    flat = Variable(np.zeros((1, 1, 3, 3)))
    F.sum(F.pooling(flat, 2, 1)).backward()
    np.testing.assert_array_equal(flat.grad.data[0, 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    padded = Variable(np.zeros((1, 1, 2, 2)))
    F.sum(F.pooling(padded, 2, 2, 1)).backward()
    np.testing.assert_array_equal(padded.grad.data[0, 0], [[1, 1], [1, 1]])


def test_pooling_simple_shares_a_tie_evenly():
    x = Variable(images([[1, 1], [0, 1]]))
    F.pooling_simple(x, 2).backward()
    np.testing.assert_allclose(x.grad.data[0, 0], [[1 / 3, 1 / 3], [0, 1 / 3]], rtol=1e-15)


@pytest.mark.parametrize("function", MAX, ids=lambda f: f.__name__)
@pytest.mark.parametrize("value", [-1.0, np.finfo(float).min, -math.inf])
def test_padding_is_never_the_maximum(function, value):
    x = np.full((1, 1, 2, 2), value)
    np.testing.assert_array_equal(function(x, 2, 2, 1).data, x)
    if value > -math.inf:
        _, gy, gx = value_and_gradient(lambda x: function(x, 2, 2, 1), x)
        np.testing.assert_array_equal(gx, gy)


@pytest.mark.parametrize("value", [-math.inf, math.nan])
def test_the_gradient_of_a_patch_stays_in_the_image(value):
    x = np.full((1, 1, 2, 2), value)
    _, gy, gx = value_and_gradient(lambda x: F.pooling(x, (1, 2), (1, 2), (0, 1), True), x)
    np.testing.assert_array_equal(gx, gy)


@pytest.mark.parametrize("function", [*MAX, *MEAN], ids=lambda f: f.__name__)
def test_elements_in_no_patch_have_a_gradient_of_zero(function):
    _, _, gx = value_and_gradient(lambda x: function(x, 2, 3), array(1, 1, 6, 7))
    assert not gx[:, :, 2::3].any()
    assert not gx[:, :, :, 2::3].any()
    assert not gx[:, :, :, 5:].any()
    assert gx[:, :, :2, :2].any()


@pytest.mark.parametrize("function", [*MAX, *MEAN], ids=lambda f: f.__name__)
def test_nan_is_propagated(function):
    x = images([[1, math.nan, 2, 3], [4, 5, 6, 7]])
    np.testing.assert_array_equal(np.isnan(function(x, 2, 2).data), [[[[True, False]]]])
    np.testing.assert_array_equal(np.isnan(function(x, 2, 1).data), [[[[True, True, False]]]])


@tiny
def test_pooling_is_differentiable_three_times(x_shape, kernel, stride, pad):
    x = array(*x_shape)
    check_gradients(lambda x: F.pooling(x, kernel, stride, pad), x, order=3)
    check_gradients(lambda x: F.sin(F.pooling(x, kernel, stride, pad)), x, order=3)
    check_gradients(lambda x: F.sin(F.pooling_simple(x, kernel, stride, pad)), x)


def test_pooling_with_ceil_mode_is_differentiable_three_times():
    check_gradients(lambda x: F.sin(F.pooling(x, 2, 2, 0, True)), array(1, 1, 3, 3), order=3)


# --- the mean ---


@cases
@pytest.mark.parametrize("function", MEAN, ids=lambda f: f.__name__)
def test_average_pooling_counts_padding_as_zeros(function, x_shape, kernel, stride, pad):
    x = array(*x_shape)
    n = math.prod(F.pair(kernel))
    y, gy, gx = value_and_gradient(lambda x: function(x, kernel, stride, pad), x)
    found = patches(x_shape, kernel, stride, pad)
    expected = pooled(x, gy, found, lambda seen: seen.sum() / n, lambda seen: np.ones(len(seen)) / n)
    np.testing.assert_allclose(y, expected[0], rtol=1e-13)
    np.testing.assert_allclose(gx, expected[1], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("function", MEAN, ids=lambda f: f.__name__)
def test_means_by_hand(function):
    x = images([[1, 2, 1, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 4, 0, 1]])
    np.testing.assert_array_equal(function(x, 2, 2).data, [[[[1, 1.5], [2.25, 1]]]])
    np.testing.assert_array_equal(function(np.ones((1, 1, 2, 2)), 2, 2, 1).data, [[[[0.25, 0.25], [0.25, 0.25]]]])


@tiny
@pytest.mark.parametrize("function", MEAN, ids=lambda f: f.__name__)
def test_average_pooling_is_differentiable_three_times(function, x_shape, kernel, stride, pad):
    x = array(*x_shape)
    check_gradients(lambda x: F.sin(function(x, kernel, stride, pad)), x, order=3)


# --- arrays ---


@pytest.mark.parametrize("function", [*MAX, *MEAN], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_stays_at_every_order(function, dtype):
    x = Variable(array(2, 2, 4, 4).astype(dtype))
    y = function(x, 2, 2, 1)
    gx = grad(F.sum(y**2), x, create_graph=True)
    ggx = grad(F.sum(gx**2), x)
    assert {v.dtype for v in (y, gx, ggx)} == {np.dtype(dtype)}
    assert type(gx.creator).__name__ != "Cast"


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8])
@pytest.mark.parametrize("pad", [0, 1])
def test_the_maximum_of_integers_is_an_integer(dtype, pad):
    x = np.arange(1, 17).reshape(1, 1, 4, 4).astype(dtype)
    if np.iinfo(dtype).min < 0:
        x = -x
    y = F.pooling(x, 2, 2, pad)
    np.testing.assert_array_equal(y.data, F.pooling(x.astype(float), 2, 2, pad).data)
    assert y.dtype == dtype


def test_the_simple_pooling_of_integers_with_padding():
    x = -np.arange(1, 17).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(F.pooling_simple(x, 2, 2, 1).data, F.pooling(x, 2, 2, 1).data)


@pytest.mark.parametrize("function", MEAN, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_the_mean_of_integers_is_a_float(function, dtype):
    x = (np.arange(16).reshape(1, 1, 4, 4) * 16 % 7).astype(dtype)
    y = function(x, 2, 2)
    np.testing.assert_array_equal(y.data, function(x.astype(float), 2, 2).data)
    assert y.dtype == np.float64


@pytest.mark.parametrize("function", [*MAX, *MEAN], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(2, 2, 0), (2, 1, 0), (1, 1, 0), (3, 2, 1)])
def test_inputs_of_any_layout_are_accepted_and_not_modified(function, kernel, stride, pad):
    x = array(2, 2, 4, 4)
    variable = Variable(x.copy())
    y = function(variable, kernel, stride, pad)
    gy = np.ones(y.shape)
    gx = grad(y, variable, gy)
    y.data[...] = 7.0
    np.testing.assert_array_equal(variable.data, x)
    gx.data[...] = 7.0
    np.testing.assert_array_equal(gy, np.ones(y.shape))

    strange = np.broadcast_to(x[:, :, ::-1].copy()[:, :, ::-1], x.shape)
    assert not strange.flags.writeable
    np.testing.assert_array_equal(function(strange, kernel, stride, pad).data, function(x, kernel, stride, pad).data)


def test_a_pooling_keeps_little_for_the_backward_pass():
    """Which element is the maximum is found again in the backward pass."""
    x = Variable(np.random.default_rng(0).standard_normal((8, 16, 32, 32)).astype(np.float32))
    F.pooling(x, 2, 2)
    tracemalloc.start()
    try:
        y = F.pooling(x, 2, 2)
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 1.1 * y.data.nbytes


@pytest.fixture
def chunks(monkeypatch):
    """One channel at a time."""
    monkeypatch.setattr(windows, "CHUNK", 1)


@pytest.mark.parametrize("function", [*MAX, *MEAN], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(2, 2, 0), (3, 2, 1), ((1, 2), (3, 1), (0, 1))])
def test_chunks_of_channels_give_the_same_bits(function, kernel, stride, pad, request):
    x = array(2, 3, 6, 5)

    def results():
        variable = Variable(x)
        y = function(variable, kernel, stride, pad)
        gx = grad(F.sum(F.sin(y)), variable, create_graph=True)
        return [y.data, gx.data, grad(F.sum(F.sin(gx)), variable).data]

    whole = results()
    request.getfixturevalue("chunks")
    for one, other in zip(results(), whole, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("function", [*MAX, *MEAN], ids=lambda f: f.__name__)
def test_gradients_with_and_without_a_graph_have_the_same_bits(function):
    x, gy = Variable(array(2, 3, 6, 5).astype(np.float32)), np.float32(np.random.default_rng(0).random((2, 3, 3, 2)))
    y = function(x, 3, 2, (1, 0))
    np.testing.assert_array_equal(grad(y, x, gy, create_graph=True).data, grad(y, x, gy).data)


@pytest.mark.parametrize("function", MEAN, ids=lambda f: f.__name__)
def test_the_mean_of_float16_is_that_of_float32(function):
    """The sum of 10,000 numbers near 10 is more than float16 holds."""
    x = (10 + np.arange(20000).reshape(1, 2, 100, 100) % 7).astype(np.float16)
    y = function(x, 100)
    assert y.dtype == np.float16
    np.testing.assert_array_equal(y.data, function(x.astype(np.float32), 100).data.astype(np.float16))


@pytest.mark.parametrize("function", [F.pooling, F.average_pooling], ids=lambda f: f.__name__)
def test_gradients_of_float16_are_summed_in_float32(function):
    """4,096 patches share an element: adding ones to 2,048 in float16 changes nothing."""
    x = np.zeros((1, 1, 127, 127), np.float16)
    x[:, :, 63, 63] = 1
    variable = Variable(x)
    y = function(variable, 64)
    gx = grad(y, variable, np.ones(y.shape, np.float16)).data
    expected = 4096 if function is F.pooling else 1
    assert gx[0, 0, 63, 63] == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, bool])
def test_sums_of_small_integers_do_not_wrap_around(dtype):
    x = np.full((1, 1, 20, 20), np.iinfo(dtype).max if dtype is not bool else True)
    for function in MEAN:
        np.testing.assert_array_equal(function(x.astype(dtype), 20).data, [[[[x.flat[0]]]]])


def test_the_maximum_of_booleans_is_whether_any_is_true():
    x = np.array([[[[False, False, True], [False, False, False]]]])
    np.testing.assert_array_equal(F.pooling(x, 2, 1).data, [[[[False, True]]]])
    np.testing.assert_array_equal(F.pooling(x, 2, 2, 1).data, [[[[False, True], [False, False]]]])


# --- errors ---


SIZES = r"{}: expected a kernel_size and a stride of at least 1, a pad of at least 0, got kernel_size "
ERRORS = {
    "no channels": (lambda f, x: f(x[0], 2), r"{}: expected x \(N, C, H, W\), got x \(2, 4, 5\)"),
    "a kernel that is too large": (
        lambda f, x: f(x, (5, 2)),
        r"{}: expected a kernel that fits images \(4, 5\) with padding \(0, 0\), got \(5, 2\)",
    ),
    "padding as large as the kernel": (
        lambda f, x: f(x, 2, 2, (0, 2)),
        r"{}: expected pad less than kernel_size \(2, 2\), got \(0, 2\)",
    ),
    "padding as high as the kernel": (
        lambda f, x: f(x, 2, 2, (2, 0)),
        r"{}: expected pad less than kernel_size \(2, 2\), got \(2, 0\)",
    ),
    "stride 0": (lambda f, x: f(x, 2, (1, 0)), SIZES + r"\(2, 2\), stride \(1, 0\), pad \(0, 0\)"),
    "kernel 0": (lambda f, x: f(x, (0, 1)), SIZES + r"\(0, 1\)"),
    "negative padding": (lambda f, x: f(x, 2, 1, -1), SIZES + r".*, pad \(-1, -1\)"),
    "a kernel of three": (lambda f, x: f(x, (1, 2, 3)), r"{}: expected .* a tuple of two, got \(1, 2, 3\)"),
}


@pytest.mark.parametrize("function", [*MAX, *MEAN], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("call", "message"), ERRORS.values(), ids=ERRORS)
def test_shapes_that_do_not_match_are_rejected(function, call, message):
    with pytest.raises(ValueError, match=message.replace("{}", f"({function.__name__}|im2col)")):
        call(function, array(1, 2, 4, 5))


@pytest.mark.parametrize("function", MEAN, ids=lambda f: f.__name__)
def test_a_mean_over_more_than_float16_can_count_keeps_value_and_gradient(function):
    x = Variable(np.full((1, 1, 300, 300), 2, np.float16))
    y = function(x, 300)
    gx = grad(y, x, np.full((1, 1, 1, 1), 1024, np.float16))
    np.testing.assert_array_equal(y.data, [[[[2.0]]]])
    np.testing.assert_allclose(gx.data, np.full(x.shape, 1024 / 90_000), rtol=1e-3)
    assert y.dtype == gx.dtype == np.float16
