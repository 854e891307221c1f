"""The Rosetta for functions: each name of F as the corresponding PyTorch call."""

from __future__ import annotations

from typing import Any

import torch


class TorchFunctions:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    # --- stage 1 ---

    def square(self, x: Any) -> Any:
        return torch.square(x)

    def exp(self, x: Any) -> Any:
        return torch.exp(x)

    # --- stage 2 ---

    def add(self, x0: Any, x1: Any) -> Any:
        return torch.add(x0, x1)

    def sub(self, x0: Any, x1: Any) -> Any:
        return torch.sub(x0, x1)

    def rsub(self, x0: Any, x1: Any) -> Any:
        return torch.rsub(x0, x1)

    def mul(self, x0: Any, x1: Any) -> Any:
        """0-d tensors are weak in PyTorch: float32 times a 0-d float64 tensor is float32."""
        return torch.mul(x0, x1)

    def div(self, x0: Any, x1: Any) -> Any:
        return torch.div(x0, x1)

    def rdiv(self, x0: Any, x1: Any) -> Any:
        return torch.div(x1, x0)

    def neg(self, x: Any) -> Any:
        return torch.neg(x)

    def pow(self, x: Any, c: Any) -> Any:
        """In stage 2 the exponent is a number; from stage 3 on it may be a Variable."""
        return torch.pow(x, c)

    # --- stage 3 ---

    def rpow(self, x: Any, c: Any) -> Any:
        return torch.pow(c, x)

    def log(self, x: Any) -> Any:
        return torch.log(x)

    def sin(self, x: Any) -> Any:
        return torch.sin(x)

    def cos(self, x: Any) -> Any:
        return torch.cos(x)

    def tanh(self, x: Any) -> Any:
        return torch.tanh(x)
