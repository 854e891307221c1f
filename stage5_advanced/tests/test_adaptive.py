"""Pooling beyond the book, against loops: defaults, paddings, what a mean counts, global and adaptive pooling."""

import itertools
import math

import numpy as np
import pytest

from .stage import F, Variable, check_gradients, grad

X = (2, 3, 5, 6)
PADDINGS = [0, 1, (1, 0), "same", "valid", "full", ((1, 0), (0, 1)), (0, (0, 1))]


def array(*shape, dtype=float):
    """Distinct negative numbers: padding with zeros would exceed them."""
    order = np.random.default_rng(shape).permutation(math.prod(shape))
    return (-1.0 - order.reshape(shape) / 8).astype(dtype)


def borders(size, kernel, stride, pad):
    """Padding before and after each direction, from the rule."""
    if pad == "same":
        totals = [max((math.ceil(n / s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    if isinstance(pad, str):
        return [(k - 1, k - 1) if pad == "full" else (0, 0) for k in kernel]
    return [F.pair(p) for p in (pad if isinstance(pad, tuple) else (pad, pad))]


def spans(n, k, s, before, after, ceil_mode):
    """The part of the padded direction that each patch covers."""
    starts = [i for i in range(0, n + before + after, s) if i + k <= n + before + after]
    if ceil_mode and (not starts or starts[-1] + k < n + before + after):
        starts += [i for i in [starts[-1] + s if starts else 0] if i < n + before]
    return [(i, min(i + k, n + before + after)) for i in starts]


def pooled(x, kernel, stride, pad, ceil_mode, f):
    """f(the elements of the image, the number of places in image and padding) of each patch, in loops."""
    kernel = F.pair(kernel)
    stride = kernel if stride is None else F.pair(stride)
    sides = borders(x.shape[2:], kernel, stride, pad)
    rows, columns = (spans(*place) for place in [
        (n, k, s, *both, ceil_mode) for n, k, s, both in zip(x.shape[2:], kernel, stride, sides, strict=True)
    ])  # fmt: skip
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    (top, _), (left, _) = sides
    for (i, (a, b)), (j, (c, d)) in itertools.product(enumerate(rows), enumerate(columns)):
        seen = x[:, :, max(a - top, 0) : b - top, max(c - left, 0) : d - left]
        y[:, :, i, j] = f(seen, (b - a) * (d - c))
    return y


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("pad", PADDINGS, ids=str)
@pytest.mark.parametrize(("kernel", "stride"), [(2, None), (3, 2), ((2, 3), (3, 1)), (2, 1)])
def test_maxima_and_means_of_patches(kernel, stride, pad, ceil_mode):
    x = array(*X)
    y = F.max_pool2d(x, kernel, stride, pad, ceil_mode)
    np.testing.assert_array_equal(y.data, pooled(x, kernel, stride, pad, ceil_mode, lambda a, _: a.max((2, 3))))
    for counted in (None, True, False):
        include = pad != "same" if counted is None else counted
        expected = pooled(
            x, kernel, stride, pad, ceil_mode, lambda a, n, i=include: a.sum((2, 3)) / (n if i else a[0, 0].size)
        )
        y = F.avg_pool2d(x, kernel, stride, pad, ceil_mode, counted)
        np.testing.assert_allclose(y.data, expected, rtol=1e-13)


@pytest.mark.parametrize("pad", PADDINGS, ids=str)
def test_gradients_of_pooling(pad):
    x = array(1, 1, 3, 4)
    check_gradients(lambda x: F.sin(F.max_pool2d(x, 2, 1, pad)), x)
    check_gradients(lambda x: F.sin(F.max_pool2d(x, 2, 2, pad, True)), x)
    for counted in (True, False):
        check_gradients(lambda x, counted=counted: F.sin(F.avg_pool2d(x, 2, 1, pad, False, counted)), x)
        check_gradients(lambda x, counted=counted: F.sin(F.avg_pool2d(x, (3, 2), 2, pad, True, counted)), x)


def test_pooling_is_differentiable_three_times():
    x = array(1, 1, 3, 3)
    for f in (F.max_pool2d, F.avg_pool2d):
        check_gradients(lambda x, f=f: F.sin(f(x, 2, 1, "same")), x, order=3)
    for f in (F.adaptive_max_pool2d, F.adaptive_avg_pool2d):
        check_gradients(lambda x, f=f: F.sin(f(x, 2)), x, order=3)


def test_calls_of_the_book_keep_their_bits():
    x = array(2, 3, 6, 8, dtype=np.float32)
    for kernel, stride, pad in ((2, 2, 0), (3, 2, 1), ((2, 3), 1, (1, 0))):
        np.testing.assert_array_equal(F.max_pool2d(x, kernel, stride, pad).data, F.pooling(x, kernel, stride, pad).data)
        mean = F.average_pooling(x, kernel, stride, pad)
        np.testing.assert_array_equal(F.avg_pool2d(x, kernel, stride, pad).data, mean.data)
    assert F.pooling(x, 2).shape == (2, 3, 5, 7)  # its stride is 1
    assert F.max_pool2d(x, 2).shape == (2, 3, 3, 4)


def test_a_mean_counts_what_lies_inside():
    x = np.ones((1, 1, 3, 3))
    np.testing.assert_allclose(F.avg_pool2d(x, 2, 1, "same").data, x, rtol=1e-15)
    corner = F.avg_pool2d(x, 2, 2, 1).data[0, 0]
    np.testing.assert_array_equal(corner, [[0.25, 0.5], [0.5, 1]])
    counted = F.avg_pool2d(x, 2, 2, 1, True).data[0, 0]
    np.testing.assert_array_equal(counted, corner)  # a third patch would begin in the padding
    up = F.avg_pool2d(np.ones((1, 1, 4, 4)), 3, 2, 1, True).data[0, 0]
    np.testing.assert_allclose(up, np.outer([2, 3, 1], [2, 3, 1]) / np.outer([3, 3, 2], [3, 3, 2]), rtol=1e-15)


def test_padding_is_never_the_maximum_and_receives_no_gradient():
    for value in (-1.0, -math.inf, np.finfo(float).min):
        x = Variable(np.full((1, 1, 2, 2), value))
        y = F.max_pool2d(x, 3, 1, "same")
        np.testing.assert_array_equal(y.data, x.data)
        np.testing.assert_array_equal(grad(y, x, np.ones(y.shape)).data[0, 0], [[4, 0], [0, 0]])


@pytest.mark.parametrize(
    "f", [lambda x: F.max_pool2d(x, 2), lambda x: F.adaptive_max_pool2d(x, 2), lambda x: F.adaptive_max_pool2d(x, 3)]
)
def test_in_a_tie_the_first_element_receives_the_gradient(f):
    x = Variable(np.zeros((1, 1, 4, 4)))
    y = f(x)
    gx = grad(y, x, np.ones(y.shape)).data[0, 0]
    assert gx[0, 0] == 1
    assert gx.sum() == y.size
    assert not gx[-1].any()


def test_pooling_of_sequences_is_that_of_images_of_height_1():
    x = array(2, 3, 9)
    flat = x[:, :, None]
    for kernel, stride, pad in ((2, None, 0), (3, 2, "same"), (3, 1, (0, 2)), (4, 3, 1)):
        rows = pad if isinstance(pad, str) else (0, pad)
        sizes = (1, kernel), stride and (1, stride), rows
        for one, two in ((F.max_pool1d, F.max_pool2d), (F.avg_pool1d, F.avg_pool2d)):
            np.testing.assert_array_equal(one(x, kernel, stride, pad).data, two(flat, *sizes).data[:, :, 0])
            up = one(x, kernel, stride, pad, True)
            np.testing.assert_array_equal(up.data, two(flat, *sizes, True).data[:, :, 0])
    for one, two in (
        (F.adaptive_max_pool1d, F.adaptive_max_pool2d),
        (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d),
    ):
        np.testing.assert_array_equal(one(x, 4).data, two(flat, (1, 4)).data[:, :, 0])
    check_gradients(lambda x: F.sin(F.avg_pool1d(x, 3, 2, "same")) + F.sin(F.max_pool1d(x, 3, 2, "same")), x)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, (2, 6), (None, 4), (7, None), (6, 7), None], ids=str)
def test_adaptive_pooling(size):
    x = array(2, 3, 5, 6)
    sizes = size if isinstance(size, tuple) else (size, size)
    OH, OW = (n if m is None else m for n, m in zip((5, 6), sizes, strict=True))
    maxima, means = np.zeros((2, 3, OH, OW)), np.zeros((2, 3, OH, OW))
    for i, j in np.ndindex(OH, OW):
        rows = slice(math.floor(i * 5 / OH), math.ceil((i + 1) * 5 / OH))
        columns = slice(math.floor(j * 6 / OW), math.ceil((j + 1) * 6 / OW))
        maxima[:, :, i, j] = x[:, :, rows, columns].max(axis=(2, 3))
        means[:, :, i, j] = x[:, :, rows, columns].mean(axis=(2, 3))
    np.testing.assert_array_equal(F.adaptive_max_pool2d(x, size).data, maxima)
    np.testing.assert_allclose(F.adaptive_avg_pool2d(x, size).data, means, rtol=1e-13)
    check_gradients(lambda x: F.adaptive_max_pool2d(x, size) * F.sin(F.adaptive_avg_pool2d(x, size)), x[:1, :1])


def test_adaptive_pooling_to_a_divisor_is_the_plain_one():
    x = array(2, 3, 6, 8, dtype=np.float32)
    np.testing.assert_array_equal(F.adaptive_avg_pool2d(x, (3, 2)).data, F.avg_pool2d(x, (2, 4)).data)
    np.testing.assert_array_equal(F.adaptive_max_pool2d(x, (3, 2)).data, F.max_pool2d(x, (2, 4)).data)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (1, 2, 3, 2, 2)])
def test_global_pooling(shape):
    x = array(*shape)
    axes = tuple(range(2, x.ndim))
    for keepdims in (False, True):
        np.testing.assert_array_equal(F.global_max_pool(x, keepdims).data, x.max(axes, keepdims=keepdims))
        np.testing.assert_allclose(F.global_avg_pool(x, keepdims).data, x.mean(axes, keepdims=keepdims), rtol=1e-14)
    check_gradients(lambda x: F.global_max_pool(x) * F.sin(F.global_avg_pool(x)), x[:1, :1])


FUNCTIONS = {
    "max_pool2d": lambda x: F.max_pool2d(x, 3, 2, "same"),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 2, "same"),
    "global_avg_pool": F.global_avg_pool,
    "global_max_pool": F.global_max_pool,
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, 3),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 3),
}
functions = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


@functions
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_stays_at_every_order(f, dtype):
    x = Variable((array(2, 2, 4, 5) / 64).astype(dtype))
    y = f(x)
    gx = grad(F.sum(y**2), x, create_graph=True)
    assert {v.dtype for v in (y, gx, grad(F.sum(gx**2), x))} == {np.dtype(dtype)}


@functions
def test_images_of_any_layout_nan_and_no_images(f):
    x = array(2, 2, 4, 5)
    y = f(x).data
    np.testing.assert_allclose(f(np.asfortranarray(x)).data, y, rtol=1e-15)
    np.testing.assert_allclose(f(np.repeat(x, 2, axis=3)[..., ::2]).data, y, rtol=1e-15)
    x[0, 0, 0, 0] = math.nan
    assert np.isnan(f(x).data[0, 0]).sum() == 1
    assert f(np.zeros((0, 2, 4, 5))).shape == (0, *y.shape[1:])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_maxima_of_integers_are_integers_and_means_are_floats(name):
    x = -np.arange(40).reshape(1, 2, 4, 5).astype(np.int8)
    y = FUNCTIONS[name](x)
    np.testing.assert_array_equal(y.data, FUNCTIONS[name](x.astype(float)).data)
    assert y.dtype == (np.int8 if "max" in name else np.float64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.max_pool2d(np.ones((2, 4, 4)), 2), r"max_pool2d: expected x \(N, C, H, W\), got x \(2, 4, 4\)"),
        (lambda: F.avg_pool2d(np.ones((1, 2, 4, 4)), 5), r"avg_pool2d: expected a kernel that fits images \(4, 4\)"),
        (lambda: F.max_pool2d(np.ones((1, 2, 4, 4)), 2, 0), r"max_pool2d: expected a kernel_size and a stride of at"),
        (lambda: F.max_pool2d(np.ones((1, 2, 4, 4)), 2, 2, ((0, 2), 0)), r"pad less than kernel_size \(2, 2\), got"),
        (
            lambda: F.avg_pool2d(np.ones((1, 2, 4, 4)), 2, 2, "half"),
            r"avg_pool2d: expected pad 'same', 'valid'",
        ),
        (lambda: F.max_pool1d(np.ones((2, 4)), 2), r"max_pool1d: expected x \(N, C, L\), got x \(2, 4\)"),
        (lambda: F.avg_pool1d(np.ones((1, 2, 4)), (2, 2)), r"avg_pool1d: expected integers as sizes, got \(2, 2\)"),
        (lambda: F.max_pool1d(np.ones((1, 2, 4)), 5), r"max_pool1d: expected a kernel that fits images \(1, 4\)"),
        (lambda: F.global_avg_pool(np.ones((2, 3))), r"global_avg_pool: expected x \(N, C, ...\) with axes to pool"),
        (lambda: F.global_max_pool(np.ones((2, 3, 0))), r"max: "),
        (lambda: F.adaptive_avg_pool2d(np.ones((1, 2, 4, 4)), 0), r"adaptive_avg_pool2d: expected an output_size and"),
        (lambda: F.adaptive_max_pool2d(np.ones((1, 2, 0, 4)), 2), r"at least 1, got \(2, 2\) and x \(1, 2, 0, 4\)"),
        (lambda: F.adaptive_max_pool2d(np.ones((1, 2, 4, 4)), (1, 2, 3)), r"a tuple of two, got \(1, 2, 3\)"),
        (lambda: F.adaptive_max_pool1d(np.ones((1, 2, 4, 4)), 2), r"adaptive_max_pool1d: expected x \(N, C, L\), got"),
    ],
)
def test_what_does_not_match_is_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
