"""The Rosetta beyond the book: normalization of stage 5 as PyTorch calls."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as nnF


def warming(kind: Any, decay: float) -> Any:
    """A batch normalization whose first calls count more."""

    class Warming(kind):
        def forward(self, x: Any) -> Any:
            t = int(self.num_batches_tracked)
            self.momentum = 1 - min(decay, (1 + t) / (10 + t))
            return super().forward(x)

    return Warming


class TorchBeyondNormalize:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def BatchNorm(
        self, shape: tuple[int, ...], eps: float = 1e-5, decay: Any = 0.9, affine: bool = True, warmup: bool = False
    ) -> Any:
        """The number of channels must be given. momentum is 1 - decay, by default 0.1; there is no warm-up."""
        kind = torch.nn.BatchNorm1d if len(shape) < 4 else torch.nn.BatchNorm2d
        momentum = None if decay is None else 1 - decay
        return (
            warming(kind, decay)(shape[1], eps, momentum, affine) if warmup else kind(shape[1], eps, momentum, affine)
        )

    def layer_norm(self, x: Any, gamma: Any = None, beta: Any = None, eps: float = 1e-5) -> Any:
        """The shape of the normalized axes must be given; without gamma there is no second derivative."""
        shape = x.shape[-1:] if gamma is None and beta is None else (beta if gamma is None else gamma).shape
        gamma, beta = x.new_ones(shape) if gamma is None else gamma, x.new_zeros(shape) if beta is None else beta
        return nnF.layer_norm(x, shape, gamma, beta, eps)

    def LayerNorm(self, ndim: int = 1, eps: float = 1e-5, shape: Any = None) -> Any:
        """The shape of the normalized axes must be given, not their number."""
        return torch.nn.LayerNorm(shape, eps)

    def local_response_norm(
        self, x: Any, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> Any:
        """x has at least three axes."""
        return nnF.local_response_norm(x, size, alpha, beta, k)

    def moving_batch_norm(
        self,
        x: Any,
        gamma: Any,
        beta: Any,
        mean: Any,
        var: Any,
        decay: Any = 0.9,
        eps: float = 1e-5,
        updates: Any = None,
    ) -> Any:
        """momentum is 1 - decay. The means over all calls, and the count, are those of the module."""
        if updates is not None:
            t = int(updates)
            decay = t / (t + 1) if decay is None else min(decay, (1 + t) / (10 + t))
            updates += 1
        return nnF.batch_norm(x, mean, var, gamma, beta, training=True, momentum=1 - decay, eps=eps)

    def fold_batch_norm(
        self, W: Any, b: Any, gamma: Any, beta: Any, mean: Any, var: Any, eps: float = 1e-5, axis: int = 0
    ) -> Any:
        """torch.nn.utils.fuse_conv_bn_weights has another order of arguments and returns Parameters."""
        W = torch.movedim(W, axis, 0)
        b = torch.zeros_like(mean) if b is None else b
        scale = gamma * torch.rsqrt(var + eps)
        y = W * scale.reshape(-1, *[1] * (W.dim() - 1))
        return torch.movedim(y, 0, axis), (b - mean) * scale + beta
