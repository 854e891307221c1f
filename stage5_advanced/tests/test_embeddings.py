"""Embeddings with padding and pretrained vectors, bags of rows, negative sampling, hierarchical softmax."""

import numpy as np
import pytest

from .stage import SGD, F, L, Variable, check_gradients, grad, models

RNG = np.random.default_rng(0)
W0 = RNG.standard_normal((6, 3))
V0 = RNG.standard_normal((4, 3))
IDS = np.array([[0, 5, 5], [2, 1, 0], [3, 3, 3], [4, 0, 1]])
MASK = np.array([[True, True, True], [True, False, True], [False, False, False], [True, False, False]])


def softplus(x):
    return np.log1p(np.exp(x))


# --- ids as inputs ---


def test_ids_may_be_a_variable_without_gradient():
    ids, W = Variable(IDS), Variable(W0)
    y = F.embed_id(ids, W)
    np.testing.assert_array_equal(y.data, W0[IDS])
    y.backward()
    assert ids.grad is None
    np.testing.assert_array_equal(grad(F.embed_id(ids, W), ids).data, np.zeros_like(IDS))
    expected = np.zeros_like(W0)
    np.add.at(expected, IDS, 1)
    np.testing.assert_array_equal(W.grad.data, expected)
    np.testing.assert_array_equal(L.EmbedID.of(W0)(Variable(IDS)).data, W0[IDS])


@pytest.mark.parametrize("x", [IDS, np.array(2), np.zeros((2, 0), int), IDS.T[::2], [1, 2]])
def test_gradients_of_embed_id(x):
    check_gradients(lambda W: F.square(F.embed_id(x, W)), W0, order=2)


# --- EmbedID ---


@pytest.mark.parametrize("ids", [IDS, Variable(IDS)], ids=["array", "Variable"])
def test_the_vector_of_padding_stays_zero(ids):
    layer = L.EmbedID(6, 3, pad_id=5)
    np.testing.assert_array_equal(layer.W.data[5], 0)
    before = layer.W.data.copy()
    y = layer(ids)
    np.testing.assert_array_equal(y.data, before[IDS])
    optimizer = SGD(0.1).setup(layer)
    y.backward()
    np.testing.assert_array_equal(layer.W.grad.data[5], 0)
    np.testing.assert_array_equal(layer.W.grad.data[3], 3)
    optimizer.update()
    np.testing.assert_array_equal(layer.W.data[5], 0)
    assert (layer.W.data[:5] != before[:5]).all()
    assert y.dtype == np.float32


def test_frozen_vectors_are_saved_but_not_trained():
    layer = L.EmbedID(6, 3, frozen=True)
    assert list(layer.params()) == []
    assert [path for path, _ in layer.named_state()] == ["W"]
    model = models.Sequential(layer, L.Linear(2, in_size=3))
    F.sum(model(IDS)).backward()
    assert layer.W.grad is None
    assert model.l1.W.grad is not None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pretrained_vectors(dtype):
    array = W0.astype(dtype)
    layer = L.EmbedID.of(array)
    assert list(layer.params()) == []
    assert layer.W.dtype == dtype
    np.testing.assert_array_equal(layer(np.array([1, 1])).data, array[[1, 1]])
    array[:] = 0
    assert layer.W.data.any()
    assert len(list(L.EmbedID.of(W0, frozen=False).params())) == 1
    np.testing.assert_array_equal(L.EmbedID.of(W0, pad_id=2).W.data[2], 0)


def test_embed_id_without_options_draws_what_it_drew():
    np.random.seed(0)
    expected = np.random.randn(4, 2).astype(np.float32)
    np.random.seed(0)
    np.testing.assert_array_equal(L.EmbedID(4, 2).W.data, expected)


REFUSED = [
    (lambda: L.EmbedID(3, 2, pad_id=3), "EmbedID: expected pad_id from 0 to 2 or None, got 3"),
    (lambda: L.EmbedID(3, 2, pad_id=-1), "EmbedID: expected pad_id from 0 to 2 or None, got -1"),
    (lambda: L.EmbedID.of(np.ones(3)), r"EmbedID.of: expected floats \(in_size, out_size\), got float64 \(3,\)"),
    (lambda: L.EmbedID.of([[1, 2]]), "EmbedID.of: expected floats .* got int64"),
    (lambda: F.embedding_bag(IDS, W0, mode="max"), "embedding_bag: expected mode 'mean' or 'sum', got 'max'"),
    (lambda: F.embedding_bag(IDS[0], W0), r"embedding_bag: expected ids \(N, M\) and W \(V, D\), got ids \(3,\)"),
    (lambda: F.embedding_bag(IDS, W0, MASK[:2]), r"embedding_bag: expected a mask of bool \(4, 3\), got bool \(2, 3\)"),
    (lambda: F.embedding_bag(IDS, W0, MASK * 1), r"expected a mask of bool \(4, 3\), got int64 \(4, 3\)"),
    (lambda: F.embedding_bag(IDS + 1, W0), "embed_id: expected integers from 0 to 5, got 1 to 6"),
    (lambda: F.negative_sampling(V0[:3], W0, IDS, IDS), r"negative_sampling: expected v \(N, D\), .* got \(3, 3\)"),
    (lambda: F.negative_sampling(V0[:, :2], W0, IDS, IDS), r"negative_sampling: expected v \(N, D\), .* got \(4, 2\)"),
    (lambda: F.negative_sampling(V0, W0, IDS, IDS, reduction="max"), "negative_sampling: expected reduction 'mean', "),
    (lambda: F.hierarchical_softmax(V0, W0, IDS, IDS[:2]), r"hierarchical_softmax: expected v .* and \(2, 3\)"),
    (lambda: L.NegativeSampling([0, 0], 2), r"NegativeSampling: expected counts of words, at least 0 and not all 0"),
    (lambda: L.NegativeSampling([2, -1], 2), "NegativeSampling: expected counts of words"),
    (lambda: L.NegativeSampling([1, 1], 2, 0), "expected sample_size to be a positive integer, got 0"),
    (lambda: L.NegativeSampling([2, 3], 2)(V0[:1, :2], np.array([[0, 1]])),
     r"NegativeSampling: expected a word that is not positive, got \[0, 1\]"),
    (lambda: L.BinaryHierarchicalSoftmax([3], 2), "BinaryHierarchicalSoftmax: expected at least two words, got 1"),
    (lambda: L.BinaryHierarchicalSoftmax([[3, 2]], 2), "BinaryHierarchicalSoftmax: expected counts of words"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_ids_must_be_integers():
    with pytest.raises(TypeError, match="embedding_bag: expected integers, got float64"):
        F.embedding_bag(IDS * 1.0, W0)


# --- embedding_bag ---


def test_bags():
    np.testing.assert_allclose(F.embedding_bag(IDS, W0).data, W0[IDS].mean(1))
    np.testing.assert_allclose(F.embedding_bag(IDS, W0, mode="sum").data, W0[IDS].sum(1))
    total = (W0[IDS] * MASK[:, :, None]).sum(1)
    np.testing.assert_allclose(F.embedding_bag(IDS, W0, MASK, "sum").data, total)
    y = F.embedding_bag(IDS, W0, MASK).data
    np.testing.assert_allclose(y, total / np.array([3, 2, 1, 1])[:, None])
    np.testing.assert_array_equal(y[2], 0)  # an empty bag


def test_an_id_that_does_not_count_may_have_any_value():
    ids = np.where(MASK, IDS, -7)
    np.testing.assert_array_equal(F.embedding_bag(ids, W0, MASK).data, F.embedding_bag(IDS, W0, MASK).data)
    W = W0.copy()
    W[0] = np.inf  # what replaces it does not count either
    ids = np.array([[1, 99]])
    np.testing.assert_array_equal(F.embedding_bag(ids, W, np.array([[True, False]])).data, W[[1]])


@pytest.mark.parametrize("mode", ["mean", "sum"])
@pytest.mark.parametrize("mask", [None, MASK])
def test_gradients_of_bags(mode, mask):
    check_gradients(lambda W: F.square(F.embedding_bag(IDS, W, mask, mode)), W0, order=2)
    W = Variable(W0.astype(np.float32))
    y = F.embedding_bag(Variable(IDS), W, mask, mode)
    y.backward()
    assert y.dtype == W.grad.dtype == np.float32
    assert F.embedding_bag(np.zeros((2, 0), int), W0, mode=mode).data.tolist() == [[0, 0, 0], [0, 0, 0]]


# --- negative sampling ---

NEGATIVE = np.array([[1, 2], [3, 3], [0, 1], [5, 2]])


def sums_by_hand(mask=None):
    """The loss of each row, and how many words count."""
    positive = softplus(-np.einsum("nd,nmd->nm", V0, W0[IDS]))
    negative = softplus(np.einsum("nd,nkd->nk", V0, W0[NEGATIVE]))
    losses = np.concatenate([positive, negative], 1)
    mask = np.ones((4, 5), bool) if mask is None else mask
    mask = np.concatenate([mask, np.ones((4, 2), bool)], 1) if mask.shape[1] == 3 else mask
    return (losses * mask).sum(1), mask.sum(1)


WIDE = np.concatenate([MASK, [[True, False], [True, True], [False, False], [False, True]]], 1)


@pytest.mark.parametrize("mask", [None, MASK, WIDE], ids=["all", "positives", "both"])
def test_negative_sampling(mask):
    sums, counts = sums_by_hand(mask)
    expected = {"none": sums, "sum": sums.sum(), "mean": sums.mean()}
    expected["row_mean"] = (sums / np.maximum(counts, 1)).mean()  # as Dive into Deep Learning weights its rows
    for reduction, y in expected.items():
        found = F.negative_sampling(V0, W0, IDS, NEGATIVE, mask, reduction)
        np.testing.assert_allclose(found.data, y)
        if reduction != "none":
            assert found.shape == ()


def test_one_positive_per_row():
    np.testing.assert_array_equal(
        F.negative_sampling(V0, W0, IDS[:, 0], NEGATIVE).data, F.negative_sampling(V0, W0, IDS[:, :1], NEGATIVE).data
    )


@pytest.mark.parametrize("reduction", ["mean", "row_mean", "none"])
def test_gradients_of_negative_sampling(reduction):
    check_gradients(lambda v, W: F.negative_sampling(v, W, IDS, NEGATIVE, MASK, reduction), V0, W0, order=2)
    v, W = Variable(V0.astype(np.float32)), Variable(W0.astype(np.float32))
    y = F.negative_sampling(v, W, Variable(IDS), NEGATIVE, MASK, reduction)
    y.backward()
    assert y.dtype == v.grad.dtype == W.grad.dtype == np.float32


def test_only_the_rows_in_use_have_a_gradient():
    W = Variable(W0)
    F.negative_sampling(V0, W, np.array([1, 1, 3, 1]), np.array([[3], [3], [1], [3]])).backward()
    np.testing.assert_array_equal(W.grad.data.any(1), [False, True, False, True, False, False])


def test_large_scores_do_not_overflow():
    y = F.negative_sampling(V0 * 1e4, W0, IDS, NEGATIVE)
    assert np.isfinite(y.data)


COUNTS = np.array([100, 1, 50, 3, 0, 20])


def test_negatives_follow_the_counts_and_are_no_positives():
    layer = L.NegativeSampling(COUNTS, 3, sample_size=2000)
    np.random.seed(0)
    layer.W.data[:] = W0
    v, positive = V0[:2].astype(np.float32), np.array([[0, 3], [2, 2]])
    y = layer(v, positive)
    draw = y
    while type(draw.creator).__name__ != "RowScores":
        draw = draw.creator.inputs[0]
    negative = draw.creator.inputs[0].data[:, 2:]
    assert negative.shape == (2, 2000)
    for row, excluded in zip(negative, positive, strict=True):
        p = COUNTS**0.75
        p[excluded] = 0
        share = np.bincount(row, minlength=6) / len(row)
        np.testing.assert_allclose(share, p / p.sum(), atol=0.04)
        assert not np.isin(row, [*excluded, 4]).any()


def test_a_masked_positive_may_be_drawn():
    layer = L.NegativeSampling([1, 1], 3)
    y = layer(V0[:1].astype(np.float32), np.array([[0, 1]]), np.array([[True, False]]))
    np.testing.assert_allclose(y.data, 6 * np.log(2), rtol=1e-6)  # W is zeros


def test_negatives_beside_a_positive_that_has_nearly_all_probability():
    layer = L.NegativeSampling([10**12, 1, 2], 3, sample_size=4)
    np.random.seed(1)
    np.testing.assert_allclose(layer(V0.astype(np.float32), np.zeros(4, int)).data, 5 * np.log(2), rtol=1e-6)


def test_negative_sampling_is_trained():
    np.random.seed(0)
    layer = L.NegativeSampling(COUNTS, 3)
    assert not layer.W.data.any()
    assert layer.W.dtype == np.float32
    v = V0.astype(np.float32)
    optimizer = SGD(0.5).setup(layer)
    losses = []
    for _ in range(30):
        loss = layer(v, np.array([0, 1, 2, 3]))
        layer.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    assert losses[-1] < 0.8 * losses[0]


# --- hierarchical softmax ---


def test_hierarchical_softmax():
    codes = np.array([[1, -1, 1], [-1, -1, 1], [1, 1, 1], [-1, 1, -1]])
    losses = softplus(-codes * np.einsum("nd,nld->nl", V0, W0[IDS]))
    np.testing.assert_allclose(F.hierarchical_softmax(V0, W0, IDS, codes).data, losses.sum(1).mean())
    y = F.hierarchical_softmax(V0, W0, IDS, codes, MASK, "none")
    np.testing.assert_allclose(y.data, (losses * MASK).sum(1))
    check_gradients(lambda v, W: F.hierarchical_softmax(v, W, IDS, codes, MASK), V0, W0, order=2)


def test_a_huffman_tree_gives_frequent_words_short_paths():
    layer = L.BinaryHierarchicalSoftmax([5, 9, 12, 13, 16, 45], 3)
    np.testing.assert_array_equal((layer.codes != 0).sum(1), [4, 4, 3, 3, 3, 1])
    assert layer.W.shape == (5, 3)
    np.testing.assert_array_equal(layer.paths[5], [4, 0, 0, 0])  # the root is the last node


@pytest.mark.parametrize("counts", [[1, 1], [3, 1, 1], COUNTS, np.ones(9), 2.0 ** np.arange(8)], ids=str)
def test_probabilities_of_all_words_sum_to_1(counts):
    V = len(counts)
    layer = L.BinaryHierarchicalSoftmax(counts, 3)
    layer.W.data = np.random.default_rng(1).standard_normal((V - 1, 3))
    log_p = layer.log_prob(V0)
    np.testing.assert_allclose(np.exp(log_p.data).sum(1), 1, atol=1e-12)
    t = np.arange(4) % V
    np.testing.assert_allclose(layer(V0, t).data, -log_p.data[np.arange(4), t].mean())
    np.testing.assert_array_equal(layer(V0, Variable(t)).data, layer(V0, t).data)


def test_the_same_counts_give_the_same_tree():
    first, second = (L.BinaryHierarchicalSoftmax(np.ones(7), 2) for _ in range(2))
    np.testing.assert_array_equal(first.paths, second.paths)
    np.testing.assert_array_equal(first.codes, second.codes)
    np.testing.assert_array_equal(L.BinaryHierarchicalSoftmax([1, 1], 2).codes, [[1], [-1]])  # the smaller id is left


def test_gradients_of_log_prob():
    layer = L.BinaryHierarchicalSoftmax(COUNTS, 3)
    layer.W.data = W0[:5].copy()
    check_gradients(layer.log_prob, V0, order=2)


# --- labels and targets as inputs ---

LOGITS = V0[:, :3]
LABELS = np.array([2, 0, 1, 1])
TARGETS = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 1], [0, 1, 0]])
WITH_LABELS = [
    (F.softmax_cross_entropy, LOGITS, LABELS),
    (F.softmax_cross_entropy_simple, LOGITS, LABELS),
    (F.sigmoid_cross_entropy, LOGITS, TARGETS),
    (F.sigmoid_cross_entropy, LOGITS, TARGETS * 0.5),
    (F.binary_cross_entropy, 1 / (1 + np.exp(-LOGITS)), TARGETS),
    (F.binary_cross_entropy, np.array([[0.0, 1.0, 0.5]]), np.array([[1.0, 0.0, 0.5]])),
    (F.embed_id, IDS, W0),
]


@pytest.mark.parametrize(("function", "x", "t"), WITH_LABELS)
def test_labels_may_be_variables_without_gradient(function, x, t):
    if function is F.embed_id:
        function, x, t = (lambda W, ids: F.embed_id(ids, W)), t, x
    v, labels, plain = Variable(x), Variable(t), Variable(x)
    y, same = function(v, labels), function(plain, t)
    np.testing.assert_array_equal(y.data, same.data)
    for result in (y, same):
        F.sum(result * result).backward(create_graph=True)
    np.testing.assert_array_equal(v.grad.data, plain.grad.data)
    assert labels.grad is None
    np.testing.assert_array_equal(grad(function(v, labels), labels, create_graph=True).data, np.zeros(t.shape))
    for variable, first in ((v, v.grad), (plain, plain.grad)):
        variable.cleargrad()
        F.sum(first * first).backward()
    np.testing.assert_array_equal(v.grad.data, plain.grad.data)
    assert labels.grad is None


@pytest.mark.parametrize(("function", "x", "t"), WITH_LABELS[2:5])
def test_values_are_checked_where_they_are_used(function, x, t):
    with pytest.raises(ValueError, match=r"expected t from 0 to 1, got 0\.0 to 2\.0"):
        function(x, Variable(t * 2.0 / t.max()))
    f = F.softmax_cross_entropy(LOGITS, Variable(LABELS)).creator
    with pytest.raises(ValueError, match="softmax_cross_entropy: expected integers from 0 to 2, got 1 to 3"):
        f.forward(LOGITS, LABELS + 1)
