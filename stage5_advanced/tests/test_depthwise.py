"""Convolution beyond the book, against loops: dilation, groups, paddings of any kind, in one and two directions."""

import itertools
import math

import numpy as np
import pytest

from .stage import F, L, Variable, check_gradients, grad, windows

# x (N, C, H, W), W (OC, C / groups, KH, KW), stride, pad, dilation, groups
CASES = {
    "dilation": ((2, 2, 7, 6), (3, 2, 3, 2), 1, 0, 2, 1),
    "dilation of each direction": ((1, 2, 5, 8), (2, 2, 2, 3), (2, 1), (1, 0), (1, 3), 1),
    "two groups": ((2, 4, 5, 4), (6, 2, 3, 2), 1, 1, 1, 2),
    "large groups": ((1, 16, 2, 3), (4, 8, 1, 2), 1, 0, 1, 2),
    "depthwise": ((2, 3, 5, 4), (3, 1, 3, 3), 1, 1, 1, 3),
    "depthwise with a stride": ((2, 3, 6, 7), (3, 1, 3, 2), (2, 3), (1, 1), 1, 3),
    "depthwise, rows left out": ((1, 2, 7, 6), (2, 1, 1, 2), 3, 0, 1, 2),
    "two kernels per channel": ((2, 3, 5, 4), (6, 1, 2, 3), 1, (1, 2), (2, 1), 3),
    "two kernels per channel with a stride": ((1, 2, 5, 6), (4, 1, 3, 3), 2, 1, 1, 2),
    "more channels than kernels": ((1, 6, 3, 4), (3, 2, 2, 1), (1, 2), 0, 1, 3),
    "same": ((1, 2, 5, 4), (3, 2, 3, 2), 1, "same", 1, 1),
    "same with a stride": ((2, 2, 7, 5), (2, 1, 4, 3), (3, 2), "same", 1, 2),
    "same with gaps": ((1, 1, 7, 5), (2, 1, 1, 1), (3, 2), "same", 1, 1),
    "same with dilation": ((1, 2, 6, 5), (2, 2, 2, 3), 1, "same", (3, 1), 1),
    "full": ((1, 2, 3, 4), (2, 2, 2, 3), 1, "full", (2, 1), 1),
    "valid": ((1, 2, 4, 4), (2, 2, 2, 3), 2, "valid", 1, 1),
    "different sides": ((2, 2, 4, 3), (3, 2, 3, 2), 2, ((2, 0), (1, 3)), 1, 1),
    "one side": ((1, 2, 4, 3), (2, 1, 3, 2), 1, (1, (0, 2)), 1, 2),
    "no images": ((0, 2, 4, 3), (2, 1, 2, 2), 1, "same", 2, 2),
}
cases = pytest.mark.parametrize(("x", "W", "stride", "pad", "dilation", "groups"), CASES.values(), ids=CASES)


def array(*shape, dtype=float):
    return np.random.default_rng(shape).standard_normal(shape).astype(dtype)


def sides(size, kernel, stride, pad, dilation):
    """Padding before and after each direction, from the rule."""
    found = []
    for axis, (n, k, s, d) in enumerate(zip(size, kernel, stride, dilation, strict=True)):
        span = (k - 1) * d + 1
        if pad == "same":
            total = max((math.ceil(n / s) - 1) * s + span - n, 0)
            found.append((total // 2, total - total // 2))
        elif isinstance(pad, str):
            found.append((span - 1, span - 1) if pad == "full" else (0, 0))
        else:
            found.append(F.pair(pad[axis] if isinstance(pad, tuple) else pad))
    return found


def correlated(x, W, stride, pad, dilation, groups):
    """The convolution in loops over the output."""
    stride, dilation = F.pair(stride), F.pair(dilation)
    x = np.pad(x, [(0, 0), (0, 0), *sides(x.shape[2:], W.shape[2:], stride, pad, dilation)])
    (N, C), (OC, _, KH, KW) = x.shape[:2], W.shape
    span = [(k - 1) * d + 1 for k, d in zip((KH, KW), dilation, strict=True)]
    OH, OW = ((n - k) // s + 1 for n, k, s in zip(x.shape[2:], span, stride, strict=True))
    y = np.zeros((N, OC, OH, OW))
    for o, i, j in np.ndindex(OC, OH, OW):
        first = o // (OC // groups) * (C // groups)
        rows = slice(i * stride[0], i * stride[0] + span[0], dilation[0])
        columns = slice(j * stride[1], j * stride[1] + span[1], dilation[1])
        y[:, o, i, j] = (x[:, first : first + C // groups, rows, columns] * W[o]).sum(axis=(1, 2, 3))
    return y


@cases
def test_conv2d_with_everything(x, W, stride, pad, dilation, groups):
    x, W = array(*x), array(*W)
    b = array(len(W))
    y = F.conv2d(x, W, b, stride, pad, dilation, groups)
    expected = correlated(x, W, stride, pad, dilation, groups) + b.reshape(-1, 1, 1)
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-13)


@cases
def test_deconv2d_is_the_adjoint_of_conv2d(x, W, stride, pad, dilation, groups):
    x, W = array(*x), array(*W)
    y = F.conv2d(x, W, None, stride, pad, dilation, groups).data
    gy = array(*y.shape)
    back = F.deconv2d(gy, W, None, stride, pad, x.shape[2:], dilation, groups)
    assert back.shape == x.shape
    np.testing.assert_allclose((x * back.data).sum(), (y * gy).sum(), rtol=1e-12, atol=1e-12)
    variable = Variable(x)
    gx = grad(F.conv2d(variable, W, None, stride, pad, dilation, groups), variable, gy)
    np.testing.assert_array_equal(gx.data, back.data)


@cases
def test_gradients_with_everything(x, W, stride, pad, dilation, groups):
    if x[0] == 0:
        return
    x, W = (1, *x[1:]), W
    rng = np.random.default_rng(0)
    x, W, b = rng.random(x), rng.random(W), rng.random(W[0])
    check_gradients(lambda x, W, b: F.sin(F.conv2d(x, W, b, stride, pad, dilation, groups)), x, W, b)
    y = F.conv2d(x, W, None, stride, pad, dilation, groups).data
    check_gradients(lambda y, W: F.sin(F.deconv2d(y, W, None, stride, pad, None, dilation, groups)), y, W, order=1)


@pytest.mark.parametrize("f", [F.conv2d, F.deconv2d], ids=lambda f: f.__name__)
def test_groups_are_differentiable_three_times(f):
    x, W = array(1, 2, 3, 2), array(2, 1, 2, 1)
    check_gradients(lambda x, W: F.sin(f(x, W, None, 2, "same", dilation=2, groups=2)), x, W, order=3)


@pytest.mark.parametrize("few", [1, 10**9])
def test_chunks_of_groups_give_equal_results(few, monkeypatch):
    x, W = array(3, 4, 6, 5), array(4, 2, 3, 2)

    def results():
        variables = Variable(x), Variable(W)
        y = F.conv2d(*variables, None, 1, "same", 1, 2)
        return [a.data for a in (y, *grad(F.sum(F.sin(y)), variables))]

    whole = results()
    monkeypatch.setattr(windows, "CHUNK", 1)
    monkeypatch.setattr(windows, "COLUMNS", few)
    for one, other in zip(results(), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("chunk", [1, 400, 2**20], ids=["a row at a time", "rows of a group", "all groups"])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (3, 2)], ids=str)
@pytest.mark.parametrize("stride", [(1, 1), (2, 3), (3, 1), (1, 4)], ids=str)
def test_rows_of_the_kernel_give_what_columns_do(stride, dilation, groups, chunk, monkeypatch):
    x, W, b = array(2, 4, 9, 7), array(8, 4 // groups, 3, 2), array(8)
    for pad in [((0, 1), (2, 0)), ((3, 0), (9, 1)), ((0, 0), (0, 0))]:
        g = windows.Geometry("conv2d", x.shape[2:], W.shape[2:], stride, pad, dilation, groups=groups)
        gy, found = array(2, 8, *g.out), []
        for by_rows in (False, True):
            monkeypatch.setattr(windows, "by_rows", lambda *args, by_rows=by_rows: by_rows)
            monkeypatch.setattr(windows, "CHUNK", chunk if by_rows else 2**20)
            monkeypatch.setattr(windows, "COLUMNS", 1 if by_rows else 256)
            found.append((windows.convolve(np, g, x, W, b), windows.correlate(np, g, x, gy)))
        for columns, rows in zip(*found, strict=True):
            np.testing.assert_allclose(rows, columns, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (3, 2)], ids=str)
@pytest.mark.parametrize("KH", [2, 3])
def test_shifted_sums_give_what_columns_do(KH, dilation, monkeypatch):
    x, W = array(2, 3, 9, 7), array(4, 3, KH, 2)
    monkeypatch.setattr(windows, "by_shifts", lambda *args: False)
    monkeypatch.setattr(windows, "by_rows", lambda *args: False)
    for pad in [((0, 1), (2, 0)), ((3, 0), (9, 1)), ((0, 0), (0, 0)), ((9, 8), (0, 0))]:
        g = windows.Geometry("conv2d", x.shape[2:], W.shape[2:], (1, 1), pad, dilation)
        for b in (None, array(4)):
            found = windows.convolve_shifted(g, x, W, b, x.dtype)
            np.testing.assert_allclose(found, windows.convolve(np, g, x, W, b), rtol=1e-12, atol=1e-13)


def test_sums_are_shifted_where_that_is_faster():
    def shifted(size=28, C=64, N=32):
        g = windows.Geometry("conv2d", (size, size), (3, 3), (1, 1), (1, 1))
        return windows.by_shifts(g, N, C, 64, np.dtype(np.float32))

    assert shifted()
    assert shifted(56)
    assert not shifted(64)  # takes too much memory
    assert not shifted(C=30)  # more sums than columns
    assert not shifted(4, N=31)  # weights that are as large as the images


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((-3, 1, 5, 9), (range(3, 8), range(5))),
        ((-3, 2, 5, 9), (range(2, 4), range(1, 4, 2))),
        ((1, 2, 6, 2), (range(2), range(1, 5, 2))),
        ((-9, 2, 5, 3), (range(0), range(0))),
        ((7, 1, 5, 3), (range(0), range(0))),
    ],
)
def test_overlap_by_hand(sizes, expected):
    found = [range(20)[part] for part in windows.overlap(*sizes)]
    assert [list(part) for part in found] == [list(part) for part in expected]


def test_numbers_by_hand():
    x, W = np.arange(7.0).reshape(1, 1, 7), np.array([[[1.0, 2.0]]])
    np.testing.assert_array_equal(F.conv1d(x, W).data[0, 0], [2, 5, 8, 11, 14, 17])
    x = np.stack([np.arange(7.0) + i for i in range(3)])[None]  # three channels
    W = np.stack([[1.0, 2], [3, 4], [-1, -3]])[None]
    np.testing.assert_array_equal(F.conv1d(x, W).data[0, 0], [2, 8, 14, 20, 26, 32])
    x, W = np.arange(1.0, 17).reshape(1, 1, 4, 4), np.arange(1.0, 10).reshape(1, 1, 3, 3)
    np.testing.assert_array_equal(F.conv2d(x, W).data[0, 0], [[348, 393], [528, 573]])


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "dilation", "expected"),
    [
        (13, 6, 5, 1, (1, 2)),  # the example of TensorFlow's documentation
        (4, 3, 1, 1, (1, 1)),
        (4, 2, 1, 1, (0, 1)),
        (4, 3, 2, 1, (0, 1)),
        (5, 3, 2, 1, (1, 1)),
        (5, 1, 3, 1, (0, 0)),
        (5, 3, 1, 4, (4, 4)),
        (6, 2, 6, 1, (0, 0)),
    ],
)
def test_same_padding_by_hand(n, kernel, stride, dilation, expected):
    assert F.same_padding(n, kernel, stride, dilation) == expected


def test_same_padding_is_as_little_as_gives_the_size():
    for n, k, s, d in itertools.product(range(1, 9), range(1, 5), range(1, 5), (1, 2)):
        before, after = F.same_padding(n, k, s, d)
        span, out = (k - 1) * d + 1, -(-n // s)
        assert (n + before + after - span) // s + 1 == out or before + after == 0
        assert 0 <= after - before <= 1
        assert before + after == 0 or n + before + after == (out - 1) * s + span


def test_calls_of_the_book_keep_their_bits():
    x, W, b = array(2, 3, 9, 8, dtype=np.float32), array(4, 3, 3, 3, dtype=np.float32), array(4, dtype=np.float32)
    y = F.conv2d(x, W, b, 1, 1).data
    for pad in ("same", ((1, 1), (1, 1)), (1, 1)):
        np.testing.assert_array_equal(F.conv2d(x, W, b, pad=pad, dilation=1, groups=1).data, y)
    back = F.deconv2d(y, W, None, 1, 1).data
    np.testing.assert_array_equal(F.deconv2d(y, W, pad="same", groups=1).data, back)


def test_conv1d_is_conv2d_of_images_of_height_1():
    x, W, b = array(2, 4, 9), array(6, 2, 3), array(6)
    for stride, pad, dilation in ((1, "same", 2), (2, 1, 1), (3, (2, 0), 1), (1, "full", 1), (2, "valid", 2)):
        y = F.conv1d(x, W, b, stride, pad, dilation, groups=2)
        rows = pad if isinstance(pad, str) else (0, pad)
        flat = F.conv2d(x[:, :, None], W[:, :, None], b, (1, stride), rows, (1, dilation), 2)
        np.testing.assert_array_equal(y.data, flat.data[:, :, 0])
        back = F.deconv1d(y, W, b[:4], stride, pad, 9, dilation, groups=2)
        plane = F.deconv2d(flat, W[:, :, None], b[:4], (1, stride), rows, (1, 9), (1, dilation), 2)
        np.testing.assert_array_equal(back.data, plane.data[:, :, 0])
    check_gradients(lambda x, W, b: F.sin(F.conv1d(x, W, b, 2, (1, 2), 2, 2)), x[:1], W, b)


@pytest.mark.parametrize(("pad", "expected"), [("same", (8, 6)), ("valid", (9, 8)), ("full", (5, 2)), (1, (7, 6))])
def test_default_sizes_of_deconv2d(pad, expected):
    y = F.deconv2d(np.ones((1, 2, 4, 3)), np.ones((2, 1, 3, 4)), None, 2, pad)
    assert y.shape[2:] == expected
    assert F.conv2d(y, np.ones((2, 1, 3, 4)), None, 2, pad).shape == (1, 2, 4, 3)


def test_depthwise_conv2d_has_several_kernels_per_channel():
    x, W = array(2, 3, 5, 4), array(6, 1, 3, 2)
    y = F.depthwise_conv2d(x, W, pad="same")
    for c, j in np.ndindex(3, 2):
        one = F.conv2d(x[:, c : c + 1], W[2 * c + j, None], pad="same")
        np.testing.assert_allclose(y.data[:, 2 * c + j], one.data[:, 0], rtol=1e-12, atol=1e-14)
    kernels = W.reshape(3, 2, 3, 2).transpose(2, 3, 0, 1)  # TensorFlow's layout
    np.testing.assert_array_equal(kernels.transpose(2, 3, 0, 1).reshape(6, 1, 3, 2), W)


def test_separable_conv2d_is_a_convolution_with_fewer_weights():
    x, Wd, Wp, b = array(2, 3, 6, 5), array(6, 1, 3, 2), array(4, 6, 1, 1), array(4)
    y = F.separable_conv2d(x, Wd, Wp, b, 2, "same")
    W = np.einsum("ocj,cjhw->ochw", Wp.reshape(4, 3, 2), Wd.reshape(3, 2, 3, 2))
    np.testing.assert_allclose(y.data, F.conv2d(x, W, b, 2, "same").data, rtol=1e-12, atol=1e-13)
    check_gradients(lambda *xs: F.sin(F.separable_conv2d(*xs)), x[:1, :, :3, :3], Wd, Wp, b)


@pytest.mark.parametrize(
    ("kernels", "strides", "dilations", "expected"),
    [((3, 3, 2), (1, 1, 2), None, 6), ((7, 3, 3), (2, 2, 1), None, 19), ((3, 3), (1, 1), (1, 2), 7), ((), (), None, 1)],
)
def test_receptive_field(kernels, strides, dilations, expected):
    """As many elements of the input have a gradient."""
    assert F.receptive_field(kernels, strides, dilations) == expected
    x = Variable(np.ones((1, 1, 40)))
    y = x * 1
    for k, s, d in zip(kernels, strides, dilations or [1] * len(kernels), strict=True):
        y = F.conv1d(y, np.ones((1, 1, k)), None, s, 0, d)
    assert np.count_nonzero(grad(y[0, 0, 1], x).data) == expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("groups", [2, 4])
def test_the_dtype_stays_at_every_order(dtype, groups):
    shapes = (2, 4, 5, 4), (4, 4 // groups, 3, 2), (4,)
    x, W, b = variables = [Variable((array(*shape) / 8).astype(dtype)) for shape in shapes]
    y = F.conv2d(x, W, b, 2, "same", 1, groups)
    gs = grad(F.sum(y**2), variables, create_graph=True)
    ggs = grad(F.sum(gs[0] ** 2) + F.sum(gs[1] ** 2), [x, W])
    back = F.deconv2d(y, W, None, 2, "same", groups=groups)
    assert {v.dtype for v in (y, *gs, *ggs, back)} == {np.dtype(dtype)}


def test_float16_is_summed_in_float32():
    x, W = np.full((1, 2, 64, 64), 1, np.float16), np.full((2, 1, 64, 64), 1, np.float16)
    np.testing.assert_array_equal(F.depthwise_conv2d(x, W).data, np.full((1, 2, 1, 1), 4096, np.float16))


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_inputs_of_any_layout_are_accepted_and_not_modified(groups):
    x, W = array(2, 4, 5, 6), array(4, 4 // groups, 2, 3)
    strange = [np.asfortranarray(x), np.broadcast_to(x[::-1].copy()[::-1], x.shape)]
    y = F.conv2d(x, W, None, 1, "same", 2, groups).data
    for other in strange:
        kernels = np.repeat(W, 2, axis=3)[..., ::2]
        found = F.conv2d(other, kernels, None, 1, "same", 2, groups).data
        np.testing.assert_allclose(found, y, rtol=1e-13, atol=1e-14)
        np.testing.assert_array_equal(other, x)
    variable = Variable(x)
    gx = grad(F.sum(F.conv2d(variable, W, groups=groups)), variable)  # the initial gradient is broadcast
    expected = F.deconv2d(np.ones((2, 4, 4, 4)), W, groups=groups).data
    np.testing.assert_allclose(gx.data, expected, rtol=1e-13, atol=1e-14)


def test_no_gradient_is_computed_for_constants():
    x, W = array(1, 2, 4, 4), array(2, 1, 2, 2)
    y = F.conv2d(Variable(x), W, groups=2)
    assert y.creator.backward(Variable(np.ones(y.shape)))[1] is None
    y = F.deconv2d(x, Variable(W), groups=2)
    assert y.creator.backward(Variable(np.ones(y.shape)))[0] is None


# --- layers ---


@pytest.mark.parametrize(
    ("layer", "x", "weights", "y"),
    [
        (lambda **o: L.Conv2d(6, 3, pad="same", groups=2, **o), (2, 4, 5, 4), [(6, 2, 3, 3), (6,)], (2, 6, 5, 4)),
        (lambda **o: L.Conv2d(2, (2, 1), 1, ((1, 0), 0), True, **o), (2, 4, 5, 4), [(2, 4, 2, 1)], (2, 2, 5, 4)),
        (lambda **o: L.Conv2d(2, 3, dilation=(2, 1), **o), (2, 4, 5, 4), [(2, 4, 3, 3), (2,)], (2, 2, 1, 2)),
        (lambda **o: L.Deconv2d(6, 3, 2, "same", groups=2, **o), (2, 4, 5, 4), [(4, 3, 3, 3), (6,)], (2, 6, 10, 8)),
        (lambda **o: L.Conv1d(6, 3, pad="same", groups=2, **o), (2, 4, 5), [(6, 2, 3), (6,)], (2, 6, 5)),
        (lambda **o: L.Conv1d(2, 3, 2, (0, 3), True, dilation=2, **o), (2, 4, 5), [(2, 4, 3)], (2, 2, 2)),
        (lambda **o: L.DepthwiseConv2d(2, 3, **o), (2, 4, 5, 4), [(8, 1, 3, 3), (8,)], (2, 8, 3, 2)),
        (lambda **o: L.DepthwiseConv2d(1, 2, 2, "same", True, **o), (2, 4, 5, 4), [(4, 1, 2, 2)], (2, 4, 3, 2)),
        (
            lambda **o: L.SeparableConv2d(3, 3, 2, 1, 1, **o),
            (2, 4, 5, 4),
            [(8, 1, 3, 3), (3, 8, 1, 1), (3,)],
            (2, 3, 5, 4),
        ),
    ],
)
def test_layers_draw_their_weights_now_or_at_the_first_call(layer, x, weights, y, tmp_path):
    np.random.seed(0)
    early, late = layer(in_channels=4), layer()
    assert [p.data.shape for p in early.params()] == weights
    np.random.seed(0)
    out = late(np.ones(x, np.float32))
    assert [p.data.shape for p in late.params()] == weights
    for one, other in zip(early.params(), late.params(), strict=True):
        np.testing.assert_array_equal(one.data, other.data)
        assert one.dtype == np.float32
    assert out.shape == y
    assert out.dtype == np.float32
    np.testing.assert_array_equal(early(np.ones(x, np.float32)).data, out.data)
    late.save_weights(tmp_path / "weights.npz")
    loaded = layer()
    loaded.load_weights(tmp_path / "weights.npz")
    np.testing.assert_array_equal(loaded(np.ones(x, np.float32)).data, out.data)


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (L.Conv2d(64, 3, groups=2, in_channels=32), 16 * 9),
        (L.Deconv2d(64, 3, groups=4, in_channels=32), 8 * 9),
        (L.Conv1d(64, 9, in_channels=32), 32 * 9),
        (L.DepthwiseConv2d(2, 9, in_channels=32), 81),
    ],
    ids=lambda value: str(value),
)
def test_weights_have_the_deviation_of_their_fan_in(layer, fan_in):
    np.testing.assert_allclose(layer.W.data.std() * math.sqrt(fan_in), 1, rtol=0.1)


def test_a_call_that_fails_leaves_a_layer_uninitialized():
    for layer, x in ((L.Conv2d(4, 3, groups=2), (1, 3, 4, 4)), (L.DepthwiseConv2d(2, 5), (1, 3, 4, 4))):
        state = np.random.get_state()[2]
        with pytest.raises(ValueError, match=": expected"):
            layer(np.ones(x))
        assert layer.W.data is None
        assert np.random.get_state()[2] == state


# --- errors ---


def images(*shape):
    return np.ones(shape)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.conv2d(images(1, 4, 4, 4), images(2, 2, 2, 2), groups=3), r"groups = 3 divides, got \(4, 2\)"),
        (lambda: F.conv2d(images(1, 4, 4, 4), images(4, 4, 2, 2), groups=2), r"W \(OC, C / groups, KH, KW\) of equal"),
        (
            lambda: F.conv2d(images(1, 2, 4, 4), images(2, 2, 2, 2), groups=1.0),
            r"groups to be a positive integer, got 1",
        ),
        (lambda: F.conv2d(images(1, 2, 4, 4), images(2, 2, 2, 2), b=images(3)), r"conv2d: expected b \(2,\) for W"),
        (lambda: F.deconv2d(images(1, 2, 4, 4), images(2, 2, 2, 2), b=images(2), groups=2), r"expected b \(4,\) for W"),
        (
            lambda: F.conv2d(images(1, 2, 4, 4), images(2, 2, 2, 2), dilation=0),
            r"a dilation of at least 1, got \(0, 0\)",
        ),
        (
            lambda: F.conv2d(images(1, 2, 4, 4), images(2, 2, 2, 2), dilation=4),
            r"padding \(0, 0\), got \(2, 2\) with dilation \(4, 4\)",
        ),
        (lambda: F.conv2d(images(1, 2, 4, 4), images(2, 2, 2, 2), pad="SAME"), r"'full' or numbers, got 'SAME'"),
        (lambda: F.conv2d(images(1, 2, 4, 4), images(2, 2, 2, 2), pad=((0, -1), 0)), r"pad \(\(0, -1\), \(0, 0\)\)"),
        (
            lambda: F.deconv2d(images(1, 2, 1, 1), images(2, 2, 2, 2), pad="full"),
            r"deconv2d: expected a kernel that fits images \(0, 0\)",
        ),
        (lambda: F.conv1d(images(2, 4), images(3, 2, 2)), r"conv1d: expected x \(N, C, L\) and W \(OC, C, K\), got"),
        (lambda: F.conv1d(images(1, 2, 4), images(3, 2, 5)), r"conv1d: expected a kernel that fits images \(1, 4\)"),
        (lambda: F.deconv1d(images(1, 2, 4), images(2, 2, 2), None, 2, 0, 12), r"deconv1d: expected an outsize from"),
        (lambda: F.depthwise_conv2d(images(1, 2, 4, 4), images(2, 2, 2, 2)), r"W \(C m, 1, KH, KW\), got"),
        (lambda: F.separable_conv2d(images(1, 2, 4, 4), images(2, 1, 2, 2), images(3, 3, 1, 1)), r"Wp \(OC, 2, 1, 1\)"),
        (lambda: F.receptive_field((3,), (1,), (1, 1)), r"got 1, 1 and 2"),
        (lambda: L.Conv2d(4, 3, groups=3), r"Conv2d: expected numbers of channels that groups = 3 divides, got \(4,\)"),
        (lambda: L.Conv2d(4, 3, dilation=0), r"Conv2d: expected dilation to be a positive integer, got 0"),
        (lambda: L.Conv2d(4, 3, pad=(0, (1, -1))), r"Conv2d: expected pad to be at least 0, got \(0, \(1, -1\)\)"),
        (lambda: L.Conv1d(4, (3,)), r"Conv1d: expected an integer, got \(3,\)"),
        (lambda: L.Conv1d(4, 3)(images(2, 4)), r"Conv1d: expected x \(N, C, L\) with C, L at least 1, got \(2, 4\)"),
        (lambda: L.Conv1d(4, 6)(images(1, 2, 4)), r"Conv1d: expected a kernel that fits images \(1, 4\)"),
        (lambda: L.DepthwiseConv2d(0, 3), r"DepthwiseConv2d: expected multiplier to be a positive integer, got 0"),
    ],
)
def test_what_does_not_match_is_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
