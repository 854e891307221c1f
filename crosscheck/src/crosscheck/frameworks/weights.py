"""Weights into PyTorch's modules and out of them, in our order and orientation; these are no rows of the Rosetta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .base import Array


def sides(layer: Any) -> list[tuple[Any, bool]]:
    """Each parameter, and whether it is the transpose of ours, as the weight of an nn.Linear is."""
    turned = {id(module.weight) for module in layer.modules() if isinstance(module, torch.nn.Linear)}
    return [(param, id(param) in turned) for param in layer.parameters()]


class TorchWeights:
    """What a training run needs beside our names; see Framework."""

    def weights(self, layer: Any) -> list[Array]:
        return [(param.T if turned else param).detach().numpy() for param, turned in sides(layer)]

    def weight_gradients(self, layer: Any) -> list[Array | None]:
        found = [(param.grad, turned) for param, turned in sides(layer)]
        return [None if g is None else (g.T if turned else g).numpy() for g, turned in found]

    def set_weights(self, layer: Any, arrays: Sequence[Array]) -> None:
        for (param, turned), a in zip(sides(layer), arrays, strict=True):
            values = torch.tensor(a.T if turned else a)
            if torch.nn.parameter.is_lazy(param):
                param.materialize(values.shape)
            param.data = values

    def set_rate(self, optimizer: Any, rate: float) -> None:
        optimizer.param_groups[0]["lr"] = rate
