"""The Rosetta for modes, truncating graphs, and devices."""

from __future__ import annotations

import contextlib
import functools
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch


def without_warning(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator of a method of the Rosetta: what PyTorch warns of is compared on purpose, so its warning is noise."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any, **options: Any) -> Any:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", re.escape(text))
                return method(*args, **options)

        return call

    return decorate


def in_a_block(switch: Callable[..., Any]) -> Callable[..., Any]:
    """A context manager: `switch` is applied to every module called in its block, train() after the block."""

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
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    training = True

    # --- training and inference ---

    @in_a_block
    def test_mode(self, model: Any) -> Any:
        """A setting of each module, not a mode of the thread; model.train() switches back."""
        return model.eval()

    def dropout(self, x: Any, dropout_ratio: float = 0.5) -> Any:
        """Uses PyTorch's own generator; also accepts a ratio of 1."""
        return torch.nn.functional.dropout(x, dropout_ratio, self.training)

    def batch_norm(
        self, x: Any, gamma: Any, beta: Any, mean: Any, var: Any, decay: float = 0.9, eps: float = 1e-5
    ) -> Any:
        """Other argument order; momentum weights the new statistics: 1 - decay, by default 0.1."""
        return torch.nn.functional.batch_norm(x, mean, var, gamma, beta, self.training, 1 - decay, eps)

    batch_nrom = batch_norm

    # --- truncating graphs ---

    def unchain(self, x: Any) -> Any:
        """detach_ works in place; detach returns another tensor."""
        return x.detach_()

    def unchain_backward(self, h: Any) -> Any:
        """Cannot start from a loss: detach the state that is carried over, here h."""
        return h.detach()

    # --- devices ---

    def get_array_module(self, x: Any) -> Any:
        """A single module for all devices; a tensor knows its device."""
        return x.device

    def as_numpy(self, x: Any) -> Any:
        """Fails for a tensor that requires gradients: call detach first."""
        return x.detach().cpu().numpy()

    def as_cupy(self, x: Any) -> Any:
        """Returns a tensor, not a CuPy array."""
        return torch.as_tensor(x).to("cuda")

    def to_cpu(self, x: Any) -> Any:
        """Moves modules in place, but not tensors."""
        return x.cpu()

    def to_gpu(self, x: Any) -> Any:
        """Moves modules in place, but not tensors."""
        return x.cuda()
