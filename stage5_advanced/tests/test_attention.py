"""Attention: masked softmax, dot-product, additive and multi-head attention."""

import math
import re
import sys

import numpy as np
import pytest

from .stage import F, L, Variable, check_gradients, grad, using_config


def array(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def softmax(x):
    y = np.exp(x - x.max(-1, keepdims=True))
    return y / y.sum(-1, keepdims=True)


MASK = np.array([[True, False, True, True], [False] * 4, [True] * 4])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_masked_softmax_is_softmax_of_what_counts(dtype):
    x = array(3, 4).astype(dtype)
    y = F.masked_softmax(x, MASK)
    assert y.dtype == dtype
    np.testing.assert_allclose(y.data[0, [0, 2, 3]], softmax(x[0, [0, 2, 3]].astype(float)), rtol=2e-3)
    np.testing.assert_array_equal(y.data[1], 0)
    np.testing.assert_allclose(y.data[2], softmax(x[2].astype(float)), rtol=2e-3)


def test_masked_softmax_along_other_axes():
    x = array(3, 4, 2)
    np.testing.assert_array_equal(F.masked_softmax(x, np.True_ * np.ones(2, bool), 0).data, F.softmax(x, 0).data)
    y = F.masked_softmax(x, MASK[:, :, None], axis=(0, 1))
    np.testing.assert_allclose(y.data.sum((0, 1)), 1)
    assert F.masked_softmax(np.ones((2, 0)), np.ones((2, 0), bool)).shape == (2, 0)


def test_what_is_masked_has_no_effect():
    x = np.where(MASK, array(3, 4), np.inf)
    x[0, 1] = np.nan
    v = Variable(x)
    y = F.masked_softmax(v, MASK)
    assert np.isfinite(y.data).all()
    np.testing.assert_array_equal(grad(F.sum(y * y), v).data[~MASK], 0)


def test_masked_softmax_is_differentiable_three_times():
    check_gradients(lambda x: F.masked_softmax(F.sin(x), MASK), array(3, 4))
    check_gradients(lambda x: F.masked_softmax(x, MASK[0]), array(4), order=3)


def qkv(*batch, Tq=3, Tk=4, D=2, E=5):
    return array(*batch, Tq, D), array(*batch, Tk, D, seed=1), array(*batch, Tk, E, seed=2)


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
@pytest.mark.parametrize("chunk", [1, 1 << 17])
def test_attention_is_its_formula(batch, chunk, monkeypatch):
    monkeypatch.setattr(sys.modules[F.attention.__module__], "CHUNK", chunk)
    q, k, v = qkv(*batch)
    expected = softmax(q @ np.swapaxes(k, -1, -2) / math.sqrt(2)) @ v
    np.testing.assert_allclose(F.attention(q, k, v).data, expected, rtol=1e-12)
    np.testing.assert_allclose(F.attention(q * 3, k, v, scale=1 / 3 / math.sqrt(2)).data, expected, rtol=1e-12)
    y, weights = F.attention(q, k, v, return_weights=True)
    np.testing.assert_allclose(y.data, expected, rtol=1e-12)
    np.testing.assert_allclose(weights.data.sum(-1), 1)


def test_a_query_sees_only_the_keys_of_the_mask():
    q, k, v = qkv(2)
    y = F.attention(q, k, v, MASK).data
    np.testing.assert_allclose(y[:, 0], F.attention(q[:, :1], k[:, [0, 2, 3]], v[:, [0, 2, 3]]).data[:, 0], rtol=1e-12)
    np.testing.assert_array_equal(y[:, 1], 0)
    np.testing.assert_allclose(y[:, 2], F.attention(q, k, v).data[:, 2], rtol=1e-12)


def test_causal_attention_does_not_see_the_future():
    q, k, v = qkv(2, Tq=4)
    y = F.attention(q, k, v, causal=True).data
    for i in range(4):
        seen = slice(i + 1)
        np.testing.assert_allclose(y[:, i], F.attention(q[:, i : i + 1], k[:, seen], v[:, seen]).data[:, 0], rtol=1e-12)
    both = F.attention(q, k, v, np.array([False, True, True, True]), causal=True).data
    np.testing.assert_array_equal(both[:, 0], 0)
    np.testing.assert_allclose(both[:, 1], v[:, 1], rtol=1e-12)


@pytest.mark.parametrize("mask", [None, MASK])
def test_both_ways_to_compute_attention_have_the_same_gradients(mask):
    """One Function, or composed of basic ones if the weights are returned."""
    arrays = qkv(2)
    cotangent = array(2, 3, 5, seed=9)
    found = []
    for options in ({}, {"return_weights": True}):
        variables = [Variable(a) for a in arrays]
        y = F.attention(*variables, mask, **options)
        gxs = grad(y[0] if options else y, variables, cotangent, create_graph=True)
        second = grad(sum(F.sum(gx**2) for gx in gxs), variables)
        found.append([*gxs, *second])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("options", [{}, {"mask": MASK}, {"causal": True}, {"return_weights": True}])
def test_attention_is_differentiable_twice(options):
    check_gradients(lambda q, k, v: F.attention(F.sin(q), k, v, **options), *qkv())


def test_attention_is_differentiable_three_times():
    check_gradients(F.attention, *qkv(Tq=1, Tk=2, D=1, E=1), order=3)


def test_attention_broadcasts_its_batches():
    q, k, v = qkv(2, 3)
    check_gradients(lambda q, k, v: F.attention(q, k, v), q[:, :1], k[0], v, order=1)
    np.testing.assert_array_equal(F.attention(q, k[0], v).data, F.attention(q, np.stack([k[0]] * 2), v).data)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_attention_keeps_its_dtype_at_every_order(dtype):
    variables = [Variable(a.astype(dtype)) for a in qkv(2)]
    y = F.attention(*variables, MASK)
    gxs = grad(y, variables, create_graph=True)
    ggxs = grad(sum(F.sum(gx**2) for gx in gxs), variables)
    assert {v.dtype for v in (y, *gxs, *ggxs)} == {np.dtype(dtype)}


def test_arrays_that_are_not_contiguous():
    q, k, v = (np.asfortranarray(a) for a in qkv(2))
    np.testing.assert_allclose(F.attention(q, k, v).data, F.attention(*qkv(2)).data, rtol=1e-14)


def test_dropout_is_applied_to_the_weights_in_training():
    q, k, v = np.zeros((1, 2)), np.zeros((1000, 2)), np.ones((1000, 1))
    np.random.seed(0)
    y, weights = F.attention(q, k, v, dropout_ratio=0.5, return_weights=True)
    np.testing.assert_allclose(weights.data, 1e-3)
    assert 0.8 < y.data.item() < 1.2
    assert y.data.item() != 1.0
    assert F.attention(q, k, v, dropout_ratio=0.5).data.item() != 1.0
    with using_config("train", False):
        np.testing.assert_allclose(F.attention(q, k, v, dropout_ratio=0.5).data, 1)


def test_sinusoids():
    p = F.sinusoids(3, 4)
    assert p.dtype == np.float32
    np.testing.assert_array_equal(p[0], [0, 1, 0, 1])
    np.testing.assert_allclose(p[2], [math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)], rtol=1e-6)


# --- layers ---


def test_heads_attend_to_their_own_columns():
    layer = L.MultiHeadAttention(2, 4)
    q, k = (array(2, n, 4, seed=n).astype(np.float32) for n in (3, 5))
    y = layer(q, k)
    parts = []
    for columns in (slice(0, 2), slice(2, 4)):
        parts.append(F.attention(layer.q(q)[..., columns], layer.k(k)[..., columns], layer.v(k)[..., columns]))
    np.testing.assert_allclose(y.data, layer.o(F.concat(parts, 2)).data, atol=1e-6)
    assert y.dtype == np.float32


def test_masks_of_keys_and_of_pairs():
    layer = L.MultiHeadAttention(2, 4)
    x = array(2, 3, 4).astype(np.float32)
    keys = np.array([[True, True, False], [True] * 3])
    expected = layer(x, mask=np.broadcast_to(keys[:, None, None], (2, 2, 3, 3)))
    np.testing.assert_array_equal(layer(x, mask=keys).data, expected.data)
    np.testing.assert_array_equal(layer(x, mask=Variable(keys)).data, expected.data)
    np.testing.assert_allclose(layer(x, mask=keys).data[0], layer(x[:1, :], x[:1, :2]).data[0], atol=1e-6)
    additive = L.AdditiveAttention(5)
    both = [additive(x, x, x, mask).data for mask in (keys, np.broadcast_to(keys[:, None], (2, 3, 3)))]
    np.testing.assert_array_equal(*both)


def test_the_size_is_that_of_the_first_query():
    layer = L.MultiHeadAttention(3)
    with pytest.raises(ValueError, match="expected a size that 3 heads divide, got 4"):
        layer(np.ones((1, 2, 4), np.float32))
    assert layer(np.ones((1, 2, 6), np.float32), np.ones((1, 5, 4), np.float32)).shape == (1, 2, 6)
    assert layer.k.W.shape == (4, 6)


def test_additive_attention_of_other_sizes():
    layer = L.AdditiveAttention(7)
    q, k, v = array(2, 3, 4), array(2, 5, 6), array(2, 5, 1)
    y = layer(q, k, v)
    Wq, Wk, wv = layer.q.W.data, layer.k.W.data, layer.v.W.data
    scores = np.tanh((q @ Wq)[:, :, None] + (k @ Wk)[:, None]) @ wv
    np.testing.assert_allclose(y.data, softmax(scores[..., 0]) @ v, rtol=1e-6)
    assert [path for path, _ in layer.named_params()] == ["q/W", "k/W", "v/W"]


def test_layers_are_differentiable_twice():
    layer, additive = L.MultiHeadAttention(2, 4), L.AdditiveAttention(3)
    q, k = array(1, 2, 4), array(1, 3, 4)
    layer(q, k), additive(q, k, k)
    for one in (layer, additive):
        for param in one.params():
            param.data = param.data.astype(float)
    check_gradients(lambda q, k: layer(q, k, causal=True), q, k)
    check_gradients(lambda q, k: additive(q, k, k, np.array([[True, False, True]])), q, k)


def test_an_initializer_draws_all_weights():
    ones = lambda shape, dtype, **options: np.ones(shape, dtype)  # noqa: E731
    x = np.ones((1, 2, 4), np.float32)
    layer, additive = L.MultiHeadAttention(2, initializer=ones), L.AdditiveAttention(2, initializer=ones)
    layer(x), additive(x, x, x)
    for one in (layer, additive):
        assert all((v.data == 1).all() for path, v in one.named_params() if path.endswith("W"))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: F.masked_softmax(np.ones(3), [1, 0, 1]), TypeError, "Variable: expected"),
        (lambda: F.masked_softmax(np.ones(3), np.ones(2, bool)), ValueError, "broadcasts to (3,), got (2,)"),
        (lambda: F.attention(np.ones(3), np.ones((2, 3)), np.ones((2, 3))), ValueError, "got q (3,)"),
        (lambda: F.attention(*(np.ones((n, 3)) for n in (2, 3, 4))), ValueError, "k (3, 3), v (4, 3)"),
        (lambda: F.attention(np.ones((2, 3)), np.ones((0, 3)), np.ones((0, 3))), ValueError, "Tk and D at least 1"),
        (lambda: F.attention(*[np.ones((2, 3))] * 3, np.ones((3, 2, 2), bool)), ValueError, "broadcasts to (2, 2)"),
        (lambda: L.MultiHeadAttention(0), ValueError, "MultiHeadAttention: expected n_heads to be a positive integer"),
        (lambda: L.MultiHeadAttention(2, nobias=4), TypeError, "expected nobias to be True or False"),
        (lambda: L.AdditiveAttention(2.5), ValueError, "AdditiveAttention: expected hidden_size"),
    ],
)
def test_arguments_of_attention_are_checked(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()
