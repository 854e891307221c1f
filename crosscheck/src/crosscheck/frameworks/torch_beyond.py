"""The Rosetta beyond the book: tensor operations, activations and losses of stage 5 as PyTorch calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnF

from .torch_tensors import axes_of, promoted


def tensor(x: Any, like: Any = None) -> Any:
    """A tensor; a number becomes one of the dtype that it has next to another tensor."""
    return x if isinstance(x, torch.Tensor) else torch.as_tensor(x, dtype=None if like is None else like.dtype)


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of losses, or the losses."""
    return losses if reduction == "none" else torch.mean(losses) if reduction == "mean" else torch.sum(losses)


class TorchBeyond:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    # --- comparisons, where, conversions ---

    def equal(self, x0: Any, x1: Any) -> Any:
        return torch.eq(x0, x1)

    def not_equal(self, x0: Any, x1: Any) -> Any:
        return torch.ne(x0, x1)

    def less(self, x0: Any, x1: Any) -> Any:
        return torch.lt(x0, x1)

    def less_equal(self, x0: Any, x1: Any) -> Any:
        return torch.le(x0, x1)

    def greater(self, x0: Any, x1: Any) -> Any:
        return torch.gt(x0, x1)

    def greater_equal(self, x0: Any, x1: Any) -> Any:
        return torch.ge(x0, x1)

    def where(self, condition: Any, x0: Any, x1: Any) -> Any:
        return torch.where(condition, x0, x1)

    def argmax(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """In a tie it may be any of the indices; in the stages it is the first."""
        return torch.argmax(x, dim=axis, keepdim=keepdims)

    def argmin(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """In a tie it may be any of the indices; in the stages it is the first."""
        return torch.argmin(x, dim=axis, keepdim=keepdims)

    def cast(self, x: Any, dtype: Any) -> Any:
        """The dtype is one of torch's."""
        dtype = torch.from_numpy(np.empty(0, dtype)).dtype
        return x.to(dtype)

    def one_hot(self, t: Any, size: int, dtype: Any = np.float32) -> Any:
        """The result is int64."""
        return self.cast(nnF.one_hot(t, size), dtype)

    def sign(self, x: Any) -> Any:
        """torch.sign(nan) is 0; in the stages it is nan."""
        return torch.where(torch.isnan(x), x.detach(), torch.sign(x))

    # --- selecting, repeating, padding ---

    def take(self, x: Any, indices: Any, axis: int = 0) -> Any:
        """The index is a vector and not negative; torch.take is for the flattened tensor."""
        n = x.shape[axis]
        axis %= x.ndim
        y = torch.index_select(x, axis, indices.reshape(-1) % max(n, 1))
        return y.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))

    def gather(self, x: Any, index: Any, axis: int) -> Any:
        """torch.gather does not broadcast, but cuts off the other axes of x. The index is not negative."""
        return torch.take_along_dim(x, index % x.shape[axis], dim=axis)

    def split(self, x: Any, sections: Any, axis: int = 0) -> Any:
        """torch.split takes the length of the parts, or a list of lengths."""
        return list(torch.tensor_split(x, sections, dim=axis))

    def squeeze(self, x: Any, axis: Any = None) -> Any:
        """An axis of another length is ignored."""
        return torch.squeeze(x) if axis is None else torch.squeeze(x, axis)

    def swapaxes(self, x: Any, a: int, b: int) -> Any:
        return torch.swapaxes(x, a, b)

    def flip(self, x: Any, axis: Any = None) -> Any:
        """The axes must be given; the result is a copy."""
        return torch.flip(x, axes_of(x, axis))

    def tile(self, x: Any, reps: Any) -> Any:
        reps = (reps,) if isinstance(reps, int) else reps
        return torch.tile(x, reps)

    def repeat(self, x: Any, n: int, axis: Any = None) -> Any:
        """x.repeat is tile."""
        return torch.repeat_interleave(x, n, dim=axis)

    def pad(self, x: Any, pad_width: Any, mode: str = "constant", value: float = 0) -> Any:
        """The widths are one flat list, the last axis first; the modes 'edge' (replicate) and 'reflect' need images."""
        widths = np.broadcast_to(pad_width, (x.ndim, 2))
        if mode == "constant":
            return nnF.pad(x, widths[::-1].ravel().tolist(), value=value)
        for axis, pair in enumerate(widths.tolist()):
            x = torch.index_select(x, axis, torch.as_tensor(np.pad(np.arange(x.shape[axis]), pair, mode=mode)))  # type: ignore[call-overload]
        return x

    # --- elementwise ---

    def abs(self, x: Any) -> Any:
        return torch.abs(x)

    def sqrt(self, x: Any) -> Any:
        return torch.sqrt(x)

    def expm1(self, x: Any) -> Any:
        return torch.expm1(x)

    def maximum(self, x0: Any, x1: Any) -> Any:
        """Both must be tensors."""
        x0, x1 = tensor(x0, x1), tensor(x1, x0)
        return torch.maximum(x0, x1)

    def minimum(self, x0: Any, x1: Any) -> Any:
        """Both must be tensors."""
        x0, x1 = tensor(x0, x1), tensor(x1, x0)
        return torch.minimum(x0, x1)

    def erf(self, x: Any) -> Any:
        return torch.erf(x)

    def elu(self, x: Any, alpha: float = 1.0) -> Any:
        return nnF.elu(x, alpha)

    def selu(self, x: Any) -> Any:
        return nnF.selu(x)

    def crelu(self, x: Any, axis: int = 1) -> Any:
        """There is no such function."""
        return torch.cat([torch.relu(x), torch.relu(-x)], dim=axis)

    def relu6(self, x: Any) -> Any:
        return nnF.relu6(x)

    def softplus(self, x: Any, beta: float = 1.0) -> Any:
        """nn.functional.softplus is x where beta x > 20, which differs by up to 2e-9."""
        return torch.logaddexp(beta * x, torch.zeros_like(x)) / beta

    def softsign(self, x: Any) -> Any:
        """nn.functional.softsign is this formula, whose gradient loses digits for large x."""
        return x / (1 + torch.abs(x))

    def gelu(self, x: Any, approximate: str = "none") -> Any:
        return nnF.gelu(x, approximate=approximate)

    def silu(self, x: Any) -> Any:
        """nn.functional.silu is this formula; its last bits depend on where the tensor is in memory."""
        return x * torch.sigmoid(x)

    swish = silu

    # --- statistics ---

    def var(self, x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """The correction is 1 by default."""
        return torch.var(x, dim=axes_of(x, axis), correction=ddof, keepdim=keepdims)

    def std(self, x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """The correction is 1 by default."""
        return torch.std(x, dim=axes_of(x, axis), correction=ddof, keepdim=keepdims)

    def normalize(self, x: Any, axis: Any = 1, eps: float = 1e-12) -> Any:
        return nnF.normalize(x, dim=axis, eps=eps)

    def cosine_similarity(self, x0: Any, x1: Any, axis: int = 1, eps: float = 1e-8) -> Any:
        return nnF.cosine_similarity(x0, x1, dim=axis, eps=eps)

    # --- losses ---

    def nll_loss(
        self, log_p: Any, t: Any, weight: Any = None, ignore: Any = None, axis: int = 1, reduction: str = "mean"
    ) -> Any:
        """ignore_index is -100 by default; a mean of nothing is nan."""
        log_p = torch.movedim(log_p, axis, 1)
        return nnF.nll_loss(log_p, t, weight, ignore_index=-100 if ignore is None else ignore, reduction=reduction)

    def l1_loss(self, x: Any, t: Any, reduction: str = "mean") -> Any:
        """Broadcasting only warns."""
        x, t = promoted(x, t)
        return nnF.l1_loss(x, t, reduction=reduction)

    def smooth_l1_loss(self, x: Any, t: Any, beta: float = 1.0, reduction: str = "mean") -> Any:
        """Broadcasting only warns."""
        x, t = promoted(x, t)
        return nnF.smooth_l1_loss(x, t, beta=beta, reduction=reduction)

    def huber_loss(self, x: Any, t: Any, delta: float = 1.0, reduction: str = "mean") -> Any:
        """Broadcasting only warns."""
        x, t = promoted(x, t)
        return nnF.huber_loss(x, t, delta=delta, reduction=reduction)

    def kl_div(self, log_q: Any, p: Any, reduction: str = "mean") -> Any:
        """Broadcasts; p may also be given as logarithms."""
        return nnF.kl_div(log_q, p, reduction=reduction)

    def gaussian_kl_divergence(self, mu: Any, log_var: Any, reduction: str = "sum") -> Any:
        """A function of distributions, which takes standard deviations, without a reduction."""
        normal = torch.distributions.Normal
        y = torch.distributions.kl_divergence(
            normal(mu, torch.exp(log_var / 2)), normal(torch.zeros_like(mu), torch.ones_like(mu))
        )
        return reduced(y, reduction)

    def focal_loss(
        self, x: Any, t: Any, gamma: float = 2.0, alpha: float = 1.0, axis: int = 1, reduction: str = "mean"
    ) -> Any:
        """There is no such function; torchvision's sigmoid_focal_loss is for binary classification."""
        losses = nnF.cross_entropy(torch.movedim(x, axis, 1), t, reduction="none")
        losses = alpha * (-torch.expm1(-losses)) ** gamma * losses
        return reduced(losses, reduction)

    def binary_cross_entropy_with_logits(
        self, x: Any, t: Any, weight: Any = None, pos_weight: Any = None, reduction: str = "mean"
    ) -> Any:
        return nnF.binary_cross_entropy_with_logits(x, t, weight, pos_weight=pos_weight, reduction=reduction)

    def total_variation(self, x: Any) -> Any:
        """There is no such function."""
        return (torch.diff(x, dim=-2).abs().mean() + torch.diff(x, dim=-1).abs().mean()) / 2
