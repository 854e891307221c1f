"""PyTorch as a framework under test, and the Rosetta: each name of the stages as the corresponding PyTorch call.

Every public method is a row of `crosscheck rosetta`: the expression it returns is the PyTorch call, and
its docstring is the difference, if any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from .base import Array, Framework, Missing
from .torch_compiler import without_compiler
from .torch_convolution import TorchConvolution
from .torch_functions import TorchFunctions
from .torch_layers import TorchLayers
from .torch_modes import TorchModes
from .torch_networks import TorchNetworks
from .torch_stage5 import TorchStage5
from .torch_tensors import TorchTensors
from .torch_training import TorchTraining
from .torch_vision import TorchVision
from .weights import TorchWeights

without_compiler()


class TorchFramework(
    TorchStage5, TorchVision, TorchLayers, TorchModes, TorchConvolution, TorchTraining, TorchWeights, TorchNetworks,
    TorchTensors, TorchFunctions, Framework,
):  # fmt: skip
    name = "torch"
    xp = torch
    takes_integers = False  # "only Tensors of floating point dtype can require gradients"

    def __getattr__(self, name: str) -> Any:
        raise Missing(f"the torch adapter has no {name}")

    def version(self) -> str:
        return f"torch {torch.__version__} ({torch.__file__})"

    # --- the engine ---

    def Variable(self, data: Any) -> Any:
        """requires_grad must be given, and rejects integers. Numbers, lists and complex arrays are accepted too."""
        return torch.tensor(data).requires_grad_()

    def data(self, x: Any) -> Any:
        return x.detach()

    def array(self, x: Any) -> Array:
        return x if isinstance(x, np.ndarray) else x.detach().cpu().numpy()

    def constant(self, a: Array) -> Any:
        """An array must become a tensor before it can be combined with one that requires gradients."""
        return torch.tensor(a)

    def creator(self, y: Any) -> Any:
        """grad_fn is the backward half only; the function that computed the value is not kept."""
        return y.grad_fn

    def backward(self, y: Any, gy: Any = None) -> Any:
        """The initial gradient is an argument, not y.grad; without it y must have one element.

        For retain_grad=True call t.retain_grad() first. A second call needs retain_graph=True in the first.
        """
        return y.backward(gy)

    def gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Any] | None, create_graph: bool = False
    ) -> list[Any]:
        gys = [torch.ones_like(y) for y in outputs] if seeds is None else [torch.as_tensor(gy) for gy in seeds]
        able = [(y, gy) for y, gy in zip(outputs, gys, strict=True) if y.requires_grad]
        if not able:  # constants
            return [None for _ in inputs]
        roots, seeds_of_roots = zip(*able, strict=True)
        return list(torch.autograd.grad(roots, inputs, seeds_of_roots, create_graph=create_graph, allow_unused=True))

    def function(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
        """Two static methods; what backward needs is saved on ctx."""

        class Custom(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *xs: Any) -> Any:
                ctx.save_for_backward(*xs)
                return forward(*xs)

            @staticmethod
            def backward(ctx: Any, *gys: Any) -> Any:
                return backward(*gys, *ctx.saved_tensors)

        return Custom.apply

    # --- modes, conversions, derivatives ---

    def as_array(self, x: Any) -> Any:
        """Accepts lists as well."""
        return torch.as_tensor(x)

    def numerical_diff(self, f: Any, x: Any, eps: float = 1e-4) -> Any:
        """Exact, in float64. numerical_diff shifts all of x by eps and has the error of finite differences."""
        x = x.detach().double()
        return torch.autograd.functional.jvp(f, x, torch.ones_like(x))[1]

    def as_variable(self, obj: Any) -> Any:
        return torch.as_tensor(obj)

    def no_grad(self) -> Any:
        return torch.no_grad()

    def using_config(self, name: str, value: bool) -> Any:
        """Each mode has its own context manager; this one is for enable_backprop."""
        return torch.set_grad_enabled(value)

    def grad(self, outputs: Any, inputs: Any, grad_outputs: Any = None, create_graph: bool = False) -> Any:
        """Returns a tuple, even for one input. Without materialize_grads, an error or None for an unused input."""
        options = {"create_graph": create_graph, "allow_unused": True, "materialize_grads": True}
        return torch.autograd.grad(outputs, inputs, grad_outputs, **options)

    def check_gradients(self, f: Any, *xs: Any) -> Any:
        """Returns a bool; gradgradcheck checks the second order."""
        return torch.autograd.gradcheck(f, xs)

    def cleargrad(self, x: Any) -> Any:
        """An assignment: x.grad = None."""
        return x.__setattr__("grad", None)
