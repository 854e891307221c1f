"""Functions of rows of a table: embedding_bag; losses that score a few words instead of all of them."""

import numpy as np

from ..core import Function, as_input
from .compare import as_indices, cast, where
from .loss import reduced
from .matrix import matmul
from .reduce import sum
from .select import squeeze
from .shape import EmbedIDGrad, check_indices, concat, embed_id, expand_dims
from .units import maximum, softplus


def embedding_bag(ids, W, mask=None, mode="mean"):
    """Mean or sum of rows of W.  ids (N, M), W (V, D), mask (N, M) of bool -> (N, D). [not in the book]

    mask: which ids count. mode: 'mean' or 'sum'. The result for a bag without ids is 0. Raises ValueError if shapes do
    not match, if an id that counts is not from 0 to V - 1, or for another mode; TypeError unless ids are integers.
    """
    if mode not in ("mean", "sum"):
        raise ValueError(f"embedding_bag: expected mode 'mean' or 'sum', got {mode!r}")
    W = as_input(W, "embedding_bag")
    ids, mask = rows_of("embedding_bag", ids, mask, W)
    rows = embed_id(ids, W)
    y = sum(rows if mask is None else where(expand_dims(mask, 2), rows, 0), axis=1)
    if mode == "sum":
        return y
    return y / (max(1, ids.shape[1]) if mask is None else maximum(sum(cast(mask, y.dtype), axis=1, keepdims=True), 1))


def rows_of(name, ids, mask, W):
    """ids (N, M) and their mask as Variables; ids that do not count become 0, so that they may have any value."""
    ids = as_indices(name, ids, W)
    if W.ndim != 2 or ids.ndim != 2:
        raise ValueError(f"{name}: expected ids (N, M) and W (V, D), got ids {ids.shape} and W {W.shape}")
    if mask is None:
        return ids, None
    mask = as_input(W.xp.asarray(mask) if isinstance(mask, list) else mask, name)
    if mask.dtype != bool or mask.shape != ids.shape:
        raise ValueError(f"{name}: expected a mask of bool {ids.shape}, got {mask.dtype} {mask.shape}")
    return where(mask, ids, 0), mask


def negative_sampling(v, W, positive, negative, mask=None, reduction="mean"):
    """Binary classification of words as context of v or not.  v (N, D), W (V, D) -> (). [not in the book]

    -sum log sigmoid(v W[positive]) - sum log sigmoid(-v W[negative]): positive (N,) or (N, M), negative (N, K). mask
    (N, M) or (N, M + K) of bool: which of these words count. reduction: of the N sums, 'mean', 'sum', 'none', or
    'row_mean', the mean of the sums divided by the number of words that count. Raises ValueError if shapes do not match
    or for another reduction.
    """
    v, W = as_input(v, "negative_sampling"), as_input(W, "negative_sampling")
    positive, negative = (as_indices("negative_sampling", ids, W) for ids in (positive, negative))
    positive = expand_dims(positive, 1) if positive.ndim == 1 else positive
    shapes = v.shape, W.shape, positive.shape, negative.shape
    if {*map(len, shapes)} != {2} or {len(v)} != {len(positive), len(negative)} or v.shape[1] != W.shape[1]:
        raise ValueError(
            "negative_sampling: expected v (N, D), W (V, D), positive (N, M) and negative (N, K), "
            f"got {', '.join(map(str, shapes))}"
        )
    M, K = positive.shape[1], negative.shape[1]
    if mask is not None:
        mask = as_input(W.xp.asarray(mask) if isinstance(mask, list) else mask, "negative_sampling")
        if mask.shape == positive.shape:
            mask = concat([mask, W.xp.ones(negative.shape, bool)], axis=1)
    ids, mask = rows_of("negative_sampling", concat([positive, negative], axis=1), mask, W)
    signs = np.repeat(np.array([-1, 1], v.dtype), [M, K])
    return path_loss("negative_sampling", v, W, ids, v.xp.asarray(signs), mask, reduction)


def hierarchical_softmax(v, W, paths, codes, mask=None, reduction="mean"):
    """-log of the probability of a word: a product over the nodes on its path in a tree of words. [not in the book]

    v (N, D), W (V - 1, D): a row for each inner node. paths (N, L): nodes; codes (N, L): 1 where the path turns left,
    with probability sigmoid(v W[node]), -1 where it turns right. mask (N, L) of bool: which nodes count. reduction: as
    for `negative_sampling`. Raises ValueError if shapes do not match or for another reduction.
    """
    name = "hierarchical_softmax"
    v, W = as_input(v, name), as_input(W, name)
    paths, mask = rows_of(name, paths, mask, W)
    codes = as_input(codes, name)
    if v.ndim != 2 or v.shape[1] != W.shape[1] or len(paths) != len(v) or codes.shape != paths.shape:
        raise ValueError(
            f"{name}: expected v (N, D), W (V - 1, D), paths (N, L) and codes (N, L), "
            f"got {v.shape}, {W.shape}, {paths.shape} and {codes.shape}"
        )
    return path_loss(name, v, W, paths, -cast(codes, v.dtype), mask, reduction)


class RowScores(Function):
    """y[n, l] = W[ids[n, l]] v[n];  gv[n] = sum over l of gy W[ids], gW[ids] += gy v."""

    not_differentiated = (0,)

    def forward(self, ids, v, W):
        check_indices("embed_id", ids, len(W))
        return self.xp.matmul(W[ids], v[:, :, None])[:, :, 0]

    def backward(self, gy):
        ids, v, W = self.inputs
        gv = None if v.constant else squeeze(matmul(expand_dims(gy, 1), embed_id(ids, W)), 1)
        gW = None if W.constant else EmbedIDGrad(W.shape)(ids, expand_dims(gy, 2) * expand_dims(v, 1))
        return None, gv, gW


def path_loss(name, v, W, ids, signs, mask, reduction):
    """Sums over rows of softplus(signs * v W[ids]), without what the mask excludes, reduced."""
    losses = softplus(RowScores()(ids, v, W) * signs)
    losses = losses if mask is None else where(mask, losses, 0)
    if reduction != "row_mean":
        return reduced(name, sum(losses, axis=1), reduction)
    counts = max(1, ids.shape[1]) if mask is None else maximum(sum(cast(mask, losses.dtype), axis=1), 1)
    return reduced(name, sum(losses, axis=1) / counts, "mean")
