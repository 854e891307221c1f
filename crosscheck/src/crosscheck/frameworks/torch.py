"""PyTorch as a framework under test, and the Rosetta: each name of ours as the call that corresponds to it.

A method that bears a name of ours is a row of `crosscheck rosetta`: what it returns is the PyTorch
call, its docstring is the difference, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from .base import Array, Framework, Missing


class TorchFramework(Framework):
    name = "torch"
    xp = torch
    takes_integers = False  # "only Tensors of floating point dtype can require gradients"

    def __getattr__(self, name: str) -> Any:
        raise Missing(f"the torch adapter has no {name}")

    def version(self) -> str:
        return f"torch {torch.__version__} ({torch.__file__})"

    # --- the engine ---

    def Variable(self, data: Any) -> Any:
        """A tensor must be told that it wants gradients; Python numbers and lists are taken too."""
        return torch.tensor(data).requires_grad_()

    def data(self, x: Any) -> Any:
        return x.detach()

    def array(self, x: Any) -> Array:
        return x.detach().numpy()  # type: ignore[no-any-return]  # torch is Any where lint runs

    def creator(self, y: Any) -> Any:
        """The backward half only; what computed the value is not kept."""
        return y.grad_fn

    def backward(self, y: Any, gy: Any = None) -> Any:
        """Adds to the gradients of leaves. Without gy, y must have one element."""
        return y.backward(gy)

    def grad(self, x: Any) -> Any:
        """Kept for leaves only, unless y.retain_grad() was called."""
        return x.grad

    def gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Array] | None, create_graph: bool = False
    ) -> list[Any]:
        gys = [torch.ones_like(y) for y in outputs] if seeds is None else [torch.tensor(gy) for gy in seeds]
        return list(torch.autograd.grad(outputs, inputs, gys, create_graph=create_graph, allow_unused=True))

    def function(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
        """Two static methods; what backward needs is kept on ctx."""

        class Custom(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *xs: Any) -> Any:
                ctx.save_for_backward(*xs)
                return forward(*xs)

            @staticmethod
            def backward(ctx: Any, *gys: Any) -> Any:
                return backward(*gys, *ctx.saved_tensors)

        return Custom.apply

    # --- functions ---

    def as_array(self, x: Any) -> Any:
        """Takes lists as well."""
        return torch.as_tensor(x)

    def square(self, x: Any) -> Any:
        return torch.square(x)

    def exp(self, x: Any) -> Any:
        return torch.exp(x)

    def numerical_diff(self, f: Any, x: Any, eps: float = 1e-4) -> Any:
        """Exact; ours moves all of x by eps and has the error of differences."""
        return torch.autograd.functional.jvp(f, x.detach(), torch.ones_like(x))[1]
