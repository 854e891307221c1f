"""Weights into PyTorch's modules and out of them, in our order and orientation; these are no rows of the Rosetta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .base import Array

ALL: Any = ...


def places(module: Any) -> list[tuple[Any, Any, bool]]:
    """A module's own parameters in our order: each, the rows of it that ours is, and whether it is its transpose."""
    if isinstance(module, torch.nn.RNNCellBase):  # the second bias is not learned
        H = module.hidden_size
        gates = [slice(n * H, (n + 1) * H) for n in (1, 0, 3, 2)] if isinstance(module, torch.nn.LSTMCell) else [ALL]
        of_x = [place for g in gates for place in ((module.weight_ih, g, True), (module.bias_ih, g, False))]
        return of_x + [(module.weight_hh, g, True) for g in gates]
    turned = isinstance(module, torch.nn.Linear)
    return [(param, ALL, turned and name == "weight") for name, param in module.named_parameters(recurse=False)]


def sides(layer: Any) -> list[tuple[Any, Any, bool]]:
    """Those of all modules, each once."""
    found = [place for module in layer.modules() for place in places(module)]
    return list({(id(param), str(rows)): (param, rows, turned) for param, rows, turned in found}.values())


def oriented(a: Any, rows: Any, turned: bool) -> Array:
    """The part of a tensor that ours is, as ours lies."""
    part: Array = (a[rows].T if turned else a[rows]).detach().cpu().numpy()
    return part


class TorchWeights:
    """What a training run needs beside our names; see Framework."""

    def weights(self, layer: Any) -> list[Array]:
        return [oriented(*place) for place in sides(layer)]

    def weight_gradients(self, layer: Any) -> list[Array | None]:
        return [None if p.grad is None else oriented(p.grad, rows, turned) for p, rows, turned in sides(layer)]

    def set_weights(self, layer: Any, arrays: Sequence[Array]) -> None:
        for (param, rows, turned), a in zip(sides(layer), arrays, strict=True):
            values = torch.tensor(a.T if turned else a)
            if torch.nn.parameter.is_lazy(param):
                param.materialize(values.shape)
            if rows is ALL:
                param.data = values
            else:
                param.data = param.data.to(values.dtype)
                param.data[rows] = values
        if len({a.dtype for a in arrays}) == 1:  # what is not learned follows
            layer.to(torch.from_numpy(arrays[0]).dtype)

    def set_rate(self, optimizer: Any, rate: float) -> None:
        optimizer.param_groups[0]["lr"] = rate
