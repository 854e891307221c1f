"""Beyond the book: bags of rows, negative sampling, hierarchical softmax, and layers of these."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import FLOATS, SHAPES_ONLY, normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .layers import fixed
from .states import with_gradients
from .steps37_41 import Shape, shaped
from .steps52_60 import drawing
from .values import values

# v (N, D) and a table W (5, D)
TABLES: dict[str, Any] = {
    "inputs": [normal(), shaped(lambda shape: (5, shape[-1]))], "shapes": ((3, 2), (3, 1), (3, 4)), "cases": FLOATS,
}  # fmt: skip
IDS = np.array([[0, 4, 4], [2, 1, 0], [3, 3, 3]])
OTHERS = np.array([[1, 2], [0, 0], [4, 1]])
MASK = np.array([[True, True, True], [True, False, True], [False, False, False]])
WIDE = np.concatenate([MASK, [[True, False], [False, True], [False, False]]], 1)
CODES = np.array([[1, -1, 1], [-1, -1, 1], [1, 1, -1]])


def rows(fw: Any, v: Any, *arrays: Array) -> list[Any]:
    """Constants with as many rows as v."""
    return [fw.constant(a[np.arange(v.shape[0]) % len(a)]) for a in arrays]


REDUCTIONS = ("mean", "sum", "none", "row_mean")


@computation(**BEYOND, **TABLES)
def embedding_bag(fw: Any, v: Any, W: Any) -> Any:
    """Means and sums of rows, with repeated ids, with a mask that excludes some ids or all ids of a bag"""
    ids, mask = rows(fw, v, IDS, MASK)
    found = [fw.embedding_bag(ids, W) * v, fw.embedding_bag(ids, W, mode="sum")]
    return [*found, fw.embedding_bag(ids, W, mask), fw.embedding_bag(ids, W, mask, "sum") * v]


@computation(**BEYOND, **TABLES)
def negative_sampling(fw: Any, v: Any, W: Any) -> Any:
    """Every reduction, without a mask, with one of the positives, and with one of both"""
    first, ids, others, *masks = rows(fw, v, IDS[:, 0], IDS, OTHERS, MASK, WIDE)
    found = [fw.negative_sampling(v, W, first, others), fw.negative_sampling(v, W, ids, others)]
    for mask in (None, *masks):
        found += [fw.negative_sampling(v, W, ids, others, mask, reduction) for reduction in REDUCTIONS]
    return found


@computation(**BEYOND, **TABLES)
def hierarchical_softmax(fw: Any, v: Any, W: Any) -> Any:
    """Every reduction, with and without a mask"""
    ids, codes, mask = rows(fw, v, IDS, CODES, MASK)
    found = [fw.hierarchical_softmax(v, W, ids, codes)]
    for reduction in REDUCTIONS:
        found.append(fw.hierarchical_softmax(v, W, ids, codes, None, reduction))
        found.append(fw.hierarchical_softmax(v, W, ids, codes, mask, reduction))
    return found


@computation(**BEYOND, inputs=[normal()], shapes=((5, 3),), order=0, cases=SHAPES_ONLY)
def embedding_with_padding(fw: Any, W: Any) -> Any:
    """A row that stays 0, and its gradient of 0"""
    layer = fw.EmbedID(5, 3, 2)
    a = np.array(fw.array(W))
    a[2] = 0
    fw.set_weights(layer, [a])
    return with_gradients(fw, layer, layer(fw.constant(IDS)))


# --- what only the stages have ---


def softplus(x: Array) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def numbers(*shapes: Shape) -> list[Array]:
    return fixed(np.empty(0), *shapes)


def layer_with(layer: Any, W: Array) -> Any:
    """The layer with these weights."""
    layer.W.data = W
    return layer


COUNTS = (100, 1, 50, 3, 0, 20)


def negatives(fw: Any) -> list[Any]:
    """Losses of the layer with W of zeros or not, of one positive per row, of several, of masked ones; W at first."""
    v, W = numbers((3, 2), (6, 2))
    with drawing(3):
        layer = fw.layers.NegativeSampling(COUNTS, 2)
        found = [layer.W.data, layer(v, np.array([0, 1, 2]))]
        layer = layer_with(fw.layers.NegativeSampling(COUNTS, 2, sample_size=3, power=0.5), W)
        found += [layer(v, np.array([0, 1, 2])), layer(v, np.array([[0, 2], [5, 1], [3, 3]]))]
        found.append(layer(v, np.array([[0, 2], [5, 1], [3, 3]]), np.array([[True, False]] * 3)))
        rare = layer_with(fw.layers.NegativeSampling((10**12, 1, 2), 2, 4), W[:3])
        return [*found, rare(v, np.array([0, 0, 0]))]


def expected_of_negatives() -> list[Any]:
    """The same from the formula: draws by inverse of the cumulative sum, again where they are positive."""
    v, W = numbers((3, 2), (6, 2))

    def loss(W: Array, counts: Any, K: int, power: float, positive: Array, mask: Array | None = None) -> Any:
        p = np.asarray(counts, float) ** power
        total = np.cumsum(p)
        seen = positive if mask is None else np.where(mask, positive, -1)
        ids = np.searchsorted(total, np.random.random_sample((3, K)) * total[-1], side="right")
        for _ in range(20):
            clash = np.array([[word in row for word in drawn] for drawn, row in zip(ids, seen, strict=True)])
            if not clash.any():
                break
            ids[clash] = np.searchsorted(total, np.random.random_sample(clash.sum()) * total[-1], side="right")
        for n in range(3):
            if clash[n].any():
                rest = np.cumsum(np.where(np.isin(np.arange(len(p)), seen[n]), 0, p))
                u = np.random.random_sample(clash[n].sum()) * rest[-1]
                ids[n, clash[n]] = np.searchsorted(rest, u, side="right")
        scores = np.einsum("nd,nmd->nm", v, W[positive])
        kept = softplus(-scores) if mask is None else np.where(mask, softplus(-scores), 0)
        return (kept.sum(1) + softplus(np.einsum("nd,nkd->nk", v, W[ids])).sum(1)).mean()

    one, two = np.array([[0], [1], [2]]), np.array([[0, 2], [5, 1], [3, 3]])
    with drawing(3):
        return [
            np.zeros((6, 2), np.float32), loss(W * 0, COUNTS, 5, 0.75, one), loss(W, COUNTS, 3, 0.5, one),
            loss(W, COUNTS, 3, 0.5, two), loss(W, COUNTS, 3, 0.5, two, np.array([[True, False]] * 3)),
            loss(W[:3], (10**12, 1, 2), 4, 0.75, one * 0),
        ]  # fmt: skip


def tree(fw: Any) -> list[Any]:
    """Paths, codes, a loss, log-probabilities of all words and their sums, and W at first."""
    v, W = numbers((3, 2), (5, 2))
    layer = fw.layers.BinaryHierarchicalSoftmax((5, 9, 12, 13, 16, 45), 2)
    found = [layer.paths, layer.codes, layer.W.data]
    layer = layer_with(layer, W)
    log_p = layer.log_prob(v).data
    found += [layer(v, np.array([5, 0, 2])), log_p, abs(np.exp(log_p).sum(1) - 1).max() < 1e-12]
    return [*found, fw.layers.BinaryHierarchicalSoftmax([1.0, 1.0, 1.0], 2).codes]


def expected_of_tree() -> list[Any]:
    """The tree of a textbook: nodes 0 (5, 9), 1 (12, 13), 2 (0, 16), 3 (1, 2), 4 (45, 3)."""
    v, W = numbers((3, 2), (5, 2))
    paths = [[4, 3, 2, 0], [4, 3, 2, 0], [4, 3, 1, 0], [4, 3, 1, 0], [4, 3, 2, 0], [4, 0, 0, 0]]
    codes = [[-1, -1, 1, 1], [-1, -1, 1, -1], [-1, 1, 1, 0], [-1, 1, -1, 0], [-1, -1, -1, 0], [1, 0, 0, 0]]
    scores = np.array([[row @ W[nodes].T for nodes in paths] for row in v])
    log_p = -np.where(np.array(codes) != 0, softplus(-np.array(codes) * scores), 0).sum(2)
    loss = -log_p[np.arange(3), [5, 0, 2]].mean()
    return [
        np.array(paths), np.array(codes), np.zeros((5, 2), np.float32), loss, log_p, True,
        np.array([[-1, 1], [-1, -1], [1, 0]]),
    ]  # fmt: skip


def pretrained(fw: Any) -> list[Any]:
    """Layers of given vectors: frozen, trained, with padding, and their parameters; a frozen layer of new vectors."""
    (W,) = numbers((4, 2))
    kind = fw.layers.EmbedID
    layers = kind.of(W), kind.of(W, frozen=False), kind.of(W, pad_id=1), kind(4, 2, frozen=True)
    found = [np.array([len(list(layer.params())) for layer in layers])]
    found += [layer(np.array([[3, 1]])) for layer in layers[:3]]
    ids = fw.Variable(np.array([0, 0]))
    layers[1](ids).backward()
    return [*found, layers[1].W.grad, ids.grad, fw.grad(layers[1](ids), ids)]


def expected_of_pretrained() -> list[Any]:
    (W,) = numbers((4, 2))
    rows, gW = W[[[3, 1]]], np.zeros((4, 2))
    gW[0] = 2
    return [np.array([0, 1, 0, 0]), rows, rows, rows * [[[1], [0]]], gW, None, np.zeros(2, int)]


values(
    60, "NumPy: PyTorch has no such layers",
    ("negative_sampling_layer", negatives, expected_of_negatives),
    ("binary_hierarchical_softmax", tree, expected_of_tree),
    ("pretrained_vectors", pretrained, expected_of_pretrained),
)  # fmt: skip


def table(fw: Any, *shape: int) -> Any:
    return fw.constant(np.ones(shape))


# fmt: off
errors(
    60,
    ("bag_of_maxima", lambda fw: fw.embedding_bag(fw.constant(IDS), table(fw, 5, 2), mode="max"),
     ValueError, "embedding_bag: expected mode 'mean' or 'sum', got 'max'", "the adapter takes it for 'sum'"),
    ("bag_of_a_vector", lambda fw: fw.embedding_bag(fw.constant(IDS[0]), table(fw, 5, 2)),
     ValueError, "embedding_bag: expected ids (N, M) and W (V, D), got ids (3,) and W (5, 2)"),
    ("bag_with_too_short_a_mask",
     lambda fw: fw.embedding_bag(fw.constant(IDS), table(fw, 5, 2), fw.constant(MASK[:2])),
     ValueError, "embedding_bag: expected a mask of bool (3, 3), got bool (2, 3)"),
    ("negative_sampling_of_too_few_rows",
     lambda fw: fw.negative_sampling(table(fw, 3, 2), table(fw, 5, 2), fw.constant(IDS), fw.constant(OTHERS[:2])),
     ValueError, "negative_sampling: expected v (N, D), W (V, D), positive (N, M) and negative (N, K), "
                 "got (3, 2), (5, 2), (3, 3), (2, 2)"),
    ("hierarchical_softmax_of_too_few_codes",
     lambda fw: fw.hierarchical_softmax(table(fw, 3, 2), table(fw, 5, 2), fw.constant(IDS), fw.constant(CODES[:2])),
     ValueError, "hierarchical_softmax: expected v (N, D), W (V - 1, D), paths (N, L) and codes (N, L), "
                 "got (3, 2), (5, 2), (3, 3) and (2, 3)"),
    ("pad_id_that_is_not_there", lambda fw: fw.layers.EmbedID(3, 2, 3),
     ValueError, "EmbedID: expected pad_id from 0 to 2 or None, got 3"),
    ("pretrained_vectors_of_integers", lambda fw: fw.layers.EmbedID.of(IDS),
     ValueError, "EmbedID.of: expected floats (in_size, out_size), got int64 (3, 3)"),
    ("negative_sampling_of_no_words", lambda fw: fw.layers.NegativeSampling([0.0, 0.0], 2),
     ValueError, "NegativeSampling: expected counts of words, at least 0 and not all 0, got [0. 0.]"),
    ("negative_sampling_without_negatives",
     lambda fw: fw.layers.NegativeSampling([1, 1], 2)(np.ones((1, 2)), np.array([[0, 1]])),
     ValueError, "NegativeSampling: expected a word that is not positive, got [0, 1]"),
    ("tree_of_one_word", lambda fw: fw.layers.BinaryHierarchicalSoftmax([2], 2),
     ValueError, "BinaryHierarchicalSoftmax: expected at least two words, got 1"),
)
# fmt: on
