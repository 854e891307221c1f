"""The Rosetta for activations, losses and metrics: each name of the stages as a PyTorch call."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .torch_tensors import axes_of, promoted


class TorchNetworks:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    # --- activations ---

    def sigmoid(self, x: Any) -> Any:
        return torch.sigmoid(x)

    def sigmoid_simple(self, x: Any) -> Any:
        """torch.sigmoid does not overflow; this formula does, like sigmoid_simple."""
        return 1 / (1 + torch.exp(-x))

    def relu(self, x: Any) -> Any:
        """Where x is nan, PyTorch passes the gradient through."""
        return torch.relu(x)

    def leaky_relu(self, x: Any, slope: float = 0.2) -> Any:
        """The slope is 0.01 by default. Where x is nan, PyTorch passes the gradient through."""
        return torch.nn.functional.leaky_relu(x, slope)

    def clip(self, x: Any, x_min: float, x_max: float) -> Any:
        return torch.clamp(x, x_min, x_max)

    def softmax(self, x: Any, axis: Any = 1) -> Any:
        """A single axis, without a default; the stages accept several."""
        if not isinstance(axis, int):
            return torch.exp(self.log_softmax(x, axis))
        return torch.softmax(x, dim=axis)

    def softmax_simple(self, x: Any, axis: Any = 1) -> Any:
        """torch.softmax does not overflow; this formula does, like softmax_simple."""
        return torch.exp(x) / torch.exp(x).sum(dim=axes_of(x, axis), keepdim=True)

    def log_softmax(self, x: Any, axis: Any = 1) -> Any:
        """A single axis, without a default; the stages accept several."""
        if not isinstance(axis, int):
            return x - torch.logsumexp(x, axes_of(x, axis), keepdim=True)
        return torch.log_softmax(x, dim=axis)

    # --- losses ---

    def mean_squared_error(self, x0: Any, x1: Any) -> Any:
        """reduction="mean" divides by the number of elements, the stages by len(x0). Broadcasting only warns."""
        x0, x1 = (x.expand(np.broadcast_shapes(x0.shape, x1.shape)) for x in promoted(x0, x1))
        return torch.nn.functional.mse_loss(x0, x1, reduction="sum") / len(x0)

    def mean_squared_error_simple(self, x0: Any, x1: Any) -> Any:
        return torch.sum((x0 - x1) ** 2) / len(x0 - x1)

    def softmax_cross_entropy(
        self,
        x: Any,
        t: Any,
        weight: Any = None,
        ignore: Any = None,
        label_smoothing: float = 0.0,
        axis: int = 1,
        reduction: str = "mean",
    ) -> Any:
        """t is int64 or uint8, in the stages any integer type; the label -100 is ignored. A mean of nothing is nan."""
        options = {} if ignore is None else {"ignore_index": ignore}
        options |= {"reduction": reduction, "label_smoothing": label_smoothing}
        if t.is_floating_point() and t.shape == x.shape:
            t = torch.movedim(t, axis, 1)
        x, t = torch.movedim(x, axis, 1) if axis != 1 else x, t if t.is_floating_point() else t.long()
        return torch.nn.functional.cross_entropy(x, t, weight, **options)

    def softmax_cross_entropy_simple(self, x: Any, t: Any) -> Any:
        """torch.nn.functional.cross_entropy does not clip, so even a confident wrong prediction has a gradient."""
        t = t if t.is_floating_point() else t.long()
        p = torch.clamp(self.softmax_simple(x), 1e-15, 1.0)
        return torch.nn.functional.nll_loss(torch.log(p), t)

    def sigmoid_cross_entropy(self, x: Any, t: Any) -> Any:
        """reduction="mean" divides by the number of elements, the stages by len(x). t has the dtype and shape of x."""
        t = t.reshape(x.shape).to(x.dtype)
        return torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction="sum") / len(x)

    def binary_cross_entropy(self, p: Any, t: Any) -> Any:
        """reduction="mean" divides by the number of elements, the stages by len(p). t has the dtype and shape of p."""
        t = t.reshape(p.shape).to(p.dtype)
        return torch.nn.functional.binary_cross_entropy(p, t, reduction="sum") / len(p)

    def embed_id(self, x: Any, W: Any) -> Any:
        """x is int64 or int32, in the stages any integer type."""
        return torch.nn.functional.embedding(x.long(), W)

    def accuracy(self, y: Any, t: Any) -> Any:
        """There is no such function."""
        return (y.argmax(dim=1).reshape(t.shape) == t).double().mean()
