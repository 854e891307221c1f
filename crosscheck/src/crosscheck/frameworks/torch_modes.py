"""The Rosetta's modes: what differs between training and use, what is cut from a graph, where arrays live."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch


def in_a_block(switch: Callable[..., Any]) -> Callable[..., Any]:
    """A switch of modules as a block: all that are called in it are switched; at its end they train again."""

    @contextlib.contextmanager
    def method(self: Any) -> Iterator[None]:
        switched = []

        def off(model: Any, _: Any) -> None:
            switch(self, model)
            switched.append(model)

        handle = torch.nn.modules.module.register_module_forward_pre_hook(off)
        self.training = False
        try:
            yield
        finally:
            self.training = True
            handle.remove()
            for model in switched:
                model.train()

    method.__wrapped__ = switch  # type: ignore[attr-defined]  # what the Rosetta reads
    method.__doc__ = switch.__doc__
    return method


class TorchModes:
    """What a method returns is the call; its docstring is the difference, if there is one."""

    training = True

    # --- training and use ---

    @in_a_block
    def test_mode(self, model: Any) -> Any:
        """A switch of each model, not of the process, and no block: model.train() is the way back."""
        return model.eval()

    def dropout(self, x: Any, dropout_ratio: float = 0.5) -> Any:
        """Draws from PyTorch's own generator; takes a ratio of 1 as well."""
        return torch.nn.functional.dropout(x, dropout_ratio, self.training)

    def batch_norm(
        self, x: Any, gamma: Any, beta: Any, mean: Any, var: Any, decay: float = 0.9, eps: float = 1e-5
    ) -> Any:
        """Another order, and momentum is the share of the new, not of the old: 0.1. Statistics may be left out."""
        return torch.nn.functional.batch_norm(x, mean, var, gamma, beta, self.training, 1 - decay, eps)

    batch_nrom = batch_norm

    # --- graphs that are cut ---

    def unchain(self, x: Any) -> Any:
        """detach_ is in place, detach gives another tensor."""
        return x.detach_()

    def unchain_backward(self, h: Any) -> Any:
        """There is no way back from a loss; what a network carries on is taken out of the graph, here h."""
        return h.detach()

    # --- devices ---

    def get_array_module(self, x: Any) -> Any:
        """One module for all devices; a tensor knows where it is."""
        return x.device

    def as_numpy(self, x: Any) -> Any:
        """Fails for what wants gradients, so detach first."""
        return x.detach().cpu().numpy()

    def as_cupy(self, x: Any) -> Any:
        """A tensor, not an array of CuPy."""
        return torch.as_tensor(x).to("cuda")

    def to_cpu(self, x: Any) -> Any:
        """Modules move in place, tensors do not."""
        return x.cpu()

    def to_gpu(self, x: Any) -> Any:
        """Modules move in place, tensors do not."""
        return x.cuda()
