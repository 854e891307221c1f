"""The Rosetta beyond the book: losses of stage 5 as PyTorch calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnF

from .torch_tensors import promoted


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of losses, or the losses."""
    return losses if reduction == "none" else torch.mean(losses) if reduction == "mean" else torch.sum(losses)


def alike(x: Any, t: Any) -> tuple[Any, Any]:
    """Both in the dtype and the shape of their difference."""
    shape = np.broadcast_shapes(x.shape, t.shape)
    x, t = promoted(x, t)
    return x.expand(shape), t.expand(shape)


class TorchBeyondLosses:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def nll_loss(
        self, log_p: Any, t: Any, weight: Any = None, ignore: Any = None, axis: int = 1, reduction: str = "mean"
    ) -> Any:
        """ignore_index is -100 by default; a mean of nothing is nan."""
        log_p = torch.movedim(log_p, axis, 1).contiguous()  # its second derivative needs it
        return nnF.nll_loss(log_p, t, weight, ignore_index=-100 if ignore is None else ignore, reduction=reduction)

    def l1_loss(self, x: Any, t: Any, reduction: str = "mean") -> Any:
        """Broadcasting only warns."""
        x, t = alike(x, t)
        return nnF.l1_loss(x, t, reduction=reduction)

    def smooth_l1_loss(self, x: Any, t: Any, beta: float = 1.0, reduction: str = "mean") -> Any:
        """Broadcasting only warns."""
        x, t = alike(x, t)
        return nnF.smooth_l1_loss(x, t, beta=beta, reduction=reduction)

    def huber_loss(self, x: Any, t: Any, delta: float = 1.0, reduction: str = "mean") -> Any:
        """Broadcasting only warns."""
        x, t = alike(x, t)
        return nnF.huber_loss(x, t, delta=delta, reduction=reduction)

    def kl_div(self, log_q: Any, p: Any, reduction: str = "mean") -> Any:
        """Broadcasts; p may also be given as logarithms. reduction="mean" warns that it is not "batchmean"."""
        if reduction == "mean":
            return nnF.kl_div(log_q, p, reduction="none").mean()
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
