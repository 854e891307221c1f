"""The Rosetta beyond the book: bags of rows and approximate losses of stage 5 as PyTorch calls."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as nnF


def scores(v: Any, W: Any, ids: Any) -> Any:
    """The products of each row of v with its rows of W."""
    return (nnF.embedding(ids, W) @ v[:, :, None])[:, :, 0]


def reduced(losses: Any, counts: Any, reduction: str) -> Any:
    """The sums of losses (N, L) over rows, reduced; 'row_mean' divides them by the number of elements that count."""
    rows = losses.sum(1)
    if reduction == "row_mean":
        return (rows / counts.clamp(min=1)).mean()
    return {"mean": rows.mean, "sum": rows.sum, "none": lambda: rows}[reduction]()


class TorchBeyondEmbeddings:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def embedding_bag(self, ids: Any, W: Any, mask: Any = None, mode: str = "mean") -> Any:
        """nn.functional.embedding_bag(ids, W, mode=mode) has no mask and no second derivative."""
        weights = torch.ones(ids.shape, dtype=W.dtype) if mask is None else mask.to(W.dtype)
        if mode == "mean":
            weights = weights / weights.sum(1, keepdim=True).clamp(min=1)
        return (weights[:, None] @ nnF.embedding(ids, W))[:, 0]

    def negative_sampling(
        self, v: Any, W: Any, positive: Any, negative: Any, mask: Any = None, reduction: str = "mean"
    ) -> Any:
        """No direct equivalent: binary_cross_entropy_with_logits of the scores of all words, labels 1 and 0."""
        positive = positive.reshape(len(positive), -1)
        ids = torch.cat([positive, negative], 1)
        labels = torch.cat([torch.ones_like(positive), torch.zeros_like(negative)], 1).to(v.dtype)
        counts = torch.ones(ids.shape, dtype=torch.bool) if mask is None else mask
        if counts.shape != ids.shape:
            counts = torch.cat([counts, torch.ones(negative.shape, dtype=torch.bool)], 1)
        losses = nnF.binary_cross_entropy_with_logits(scores(v, W, ids), labels, reduction="none")
        return reduced(torch.where(counts, losses, 0), counts.sum(1), reduction)

    def hierarchical_softmax(
        self, v: Any, W: Any, paths: Any, codes: Any, mask: Any = None, reduction: str = "mean"
    ) -> Any:
        """No direct equivalent; nn.AdaptiveLogSoftmaxWithLoss has a tree of two levels."""
        counts = torch.ones(paths.shape, dtype=torch.bool) if mask is None else mask
        losses = -nnF.logsigmoid(codes * scores(v, W, paths))
        return reduced(torch.where(counts, losses, 0), counts.sum(1), reduction)
