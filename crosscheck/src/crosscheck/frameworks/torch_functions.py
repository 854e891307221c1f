"""The Rosetta's functions: each name of F as the PyTorch call that corresponds to it."""

from __future__ import annotations

from typing import Any

import torch


class TorchFunctions:
    """What a method returns is the call; its docstring is the difference, if there is one."""

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
        """Arrays of no dimension are weak in PyTorch: float32 times a float64 scalar tensor is float32."""
        return torch.mul(x0, x1)

    def div(self, x0: Any, x1: Any) -> Any:
        return torch.div(x0, x1)

    def rdiv(self, x0: Any, x1: Any) -> Any:
        return torch.div(x1, x0)

    def neg(self, x: Any) -> Any:
        return torch.neg(x)

    def pow(self, x: Any, c: Any) -> Any:
        """Stage 2 takes numbers as exponents, from stage 3 on variables too."""
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
