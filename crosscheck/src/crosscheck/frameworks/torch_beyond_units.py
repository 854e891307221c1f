"""The Rosetta beyond the book: elementwise functions, activations and statistics of stage 5 as PyTorch calls."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as nnF

from .torch_modes import without_warning
from .torch_tensors import axes_of


def tensor(x: Any, like: Any = None) -> Any:
    """A tensor; a number becomes one of the dtype that it has next to another tensor."""
    return x if isinstance(x, torch.Tensor) else torch.as_tensor(x, dtype=None if like is None else like.dtype)


class TorchBeyondUnits:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

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
        """The second derivative at 0 is 0; in the stages it is alpha."""
        return nnF.elu(x, alpha)

    def selu(self, x: Any) -> Any:
        """The second derivative at 0 is 0; in the stages it is that of the exponential."""
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

    def Dropout(self, ratio: float = 0.5) -> Any:
        """Uses PyTorch's own generator; also accepts a ratio of 1."""
        return torch.nn.Dropout(ratio)

    # --- statistics ---

    @without_warning("var(): degrees of freedom is <= 0")  # nan for one value, as in NumPy
    def var(self, x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """The correction is 1 by default."""
        return torch.var(x, dim=axes_of(x, axis), correction=ddof, keepdim=keepdims)

    @without_warning("std(): degrees of freedom is <= 0")
    def std(self, x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """The correction is 1 by default."""
        return torch.std(x, dim=axes_of(x, axis), correction=ddof, keepdim=keepdims)

    def normalize(self, x: Any, axis: Any = 1, eps: float = 1e-12) -> Any:
        return nnF.normalize(x, dim=axis, eps=eps)

    def cosine_similarity(self, x0: Any, x1: Any, axis: int = 1, eps: float = 1e-8) -> Any:
        """Of a norm below eps, the gradient is that of another function, and the second one of zeros is nan."""
        return nnF.cosine_similarity(x0, x1, dim=axis, eps=eps)
