"""The Rosetta beyond the book: attention as PyTorch calls."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


class Heads(torch.nn.Module):
    """torch.nn.MultiheadAttention called as in the stages, without the kernels that have no second derivative."""

    def __init__(self, module: Any):
        super().__init__()
        self.module = module

    def forward(self, q: Any, k: Any = None, v: Any = None, mask: Any = None, causal: bool = False) -> Any:
        k = q if k is None else k
        v = k if v is None else v
        shape = (len(q), self.module.num_heads, q.shape[1], k.shape[1])
        counts = torch.ones(shape[2:], dtype=torch.bool).tril() if causal else torch.ones(shape[2:], dtype=torch.bool)
        if mask is not None:
            counts = counts & (mask[:, None, None] if mask.ndim == 2 else mask)
        hidden = ~counts.expand(shape).reshape(-1, *shape[2:])
        with sdpa_kernel(SDPBackend.MATH):
            return self.module(q, k, v, attn_mask=hidden, need_weights=False)[0]


class Additive(torch.nn.Module):
    """Additive attention, which PyTorch does not have."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.q = torch.nn.LazyLinear(hidden_size, bias=False)
        self.k = torch.nn.LazyLinear(hidden_size, bias=False)
        self.v = torch.nn.Linear(hidden_size, 1, bias=False)

    def forward(self, query: Any, key: Any, value: Any, mask: Any = None) -> Any:
        scores = self.v(torch.tanh(self.q(query)[:, :, None] + self.k(key)[:, None]))[..., 0]
        if mask is not None:
            scores = scores.masked_fill(~(mask[:, None] if mask.ndim == 2 else mask), -torch.inf)
        return torch.softmax(scores, -1).nan_to_num(0.0) @ value


class TorchBeyondAttention:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def masked_softmax(self, x: Any, mask: Any, axis: int = -1) -> Any:
        """No direct equivalent; where no element counts, this has nan."""
        none = ~mask.broadcast_to(x.shape).any(axis, keepdim=True)
        y = torch.softmax(torch.where(none, 0.0, x.masked_fill(~mask, -torch.inf)), axis)
        return torch.where(none, 0.0, y)

    def attention(
        self,
        q: Any,
        k: Any,
        v: Any,
        mask: Any = None,
        *,
        scale: Any = None,
        causal: bool = False,
        dropout_ratio: float = 0.0,
        return_weights: bool = False,
    ) -> Any:
        """Does not return the weights, and takes no mask with is_causal. True means the same in the mask."""
        options = {"dropout_p": dropout_ratio if self.training else 0.0, "scale": scale}  # type: ignore[attr-defined]
        if causal:
            past = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
            mask = past if mask is None else mask & past
        with sdpa_kernel(SDPBackend.MATH):
            y = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask, **options)
        if not return_weights:
            return y
        scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
        counts = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask
        return y, self.masked_softmax(scores, counts)

    def sinusoids(self, T: int, D: int, base: float = 10000.0) -> Any:
        """There is no such function."""
        angles = torch.arange(T).double()[:, None] / base ** (torch.arange(0, D, 2).double() / D)
        return torch.stack([angles.sin(), angles.cos()], 2).reshape(T, D).float()

    def MultiHeadAttention(
        self, n_heads: int, size: Any = None, *, dropout_ratio: float = 0.0, nobias: bool = False
    ) -> Any:
        """size must be given. batch_first is an option. The masks are the opposite: True means hidden.

        The weights of q, k and v are one parameter, concatenated. A query that sees no key has nan unless
        need_weights=False.
        """
        options = {"dropout": dropout_ratio, "bias": not nobias, "batch_first": True}
        return Heads(torch.nn.MultiheadAttention(size, n_heads, **options))

    def AdditiveAttention(self, hidden_size: int) -> Any:
        """No such module."""
        return Additive(hidden_size)
