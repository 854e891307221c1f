"""Copies weights into PyTorch modules and out of them, in the stages' order and orientation; no rows of the Rosetta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .base import Array

ALL: Any = ...


def places(module: Any) -> list[tuple[Any, Any, bool]]:
    """A module's own parameters in the stages' order: each with the corresponding rows, and whether transposed."""
    if isinstance(module, torch.nn.RNNCellBase):
        return cell_places(module, "")
    if isinstance(module, torch.nn.RNNBase):
        suffixes = [name.removeprefix("weight_ih") for name in module.state_dict() if name.startswith("weight_ih")]
        return [place for suffix in suffixes for place in cell_places(module, suffix)]
    if isinstance(module, torch.nn.MultiheadAttention):  # the weights of q, k and v, concatenated
        thirds = [slice(n * module.embed_dim, (n + 1) * module.embed_dim) for n in range(3)]
        sides = [(module.in_proj_weight, True), (module.in_proj_bias, False)]
        return [(param, rows, turned) for rows in thirds for param, turned in sides if param is not None]
    turned = isinstance(module, torch.nn.Linear)
    return [(param, ALL, turned and name == "weight") for name, param in module.named_parameters(recurse=False)]


def cell_places(module: Any, suffix: str) -> list[tuple[Any, Any, bool]]:
    """Those of one cell, gate by gate; the second bias is trained only in n of a GRU."""
    H = module.hidden_size
    Wx, b, Wh, c = (getattr(module, f"{name}{suffix}") for name in ("weight_ih", "bias_ih", "weight_hh", "bias_hh"))
    order = (1, 0, 3, 2) if len(Wx) == 4 * H else range(len(Wx) // H)
    gates = [slice(n * H, (n + 1) * H) for n in order] if len(Wx) > H else [ALL]
    of_x = [place for g in gates for place in ((Wx, g, True), (b, g, False))]
    return of_x + [(Wh, g, True) for g in gates] + [(c, gates[-1], False)] * c.requires_grad


def sides(layer: Any) -> list[tuple[Any, Any, bool]]:
    """The same for all modules in a layer, each parameter once."""
    found = [place for module in layer.modules() for place in places(module)]
    return list({(id(param), str(rows)): (param, rows, turned) for param, rows, turned in found}.values())


def oriented(a: Any, rows: Any, turned: bool) -> Array:
    """The corresponding part of a tensor, in the stages' orientation."""
    part: Array = (a[rows].T if turned else a[rows]).detach().cpu().numpy()
    return part


class TorchWeights:
    """Methods needed to compare training runs; see Framework."""

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
        if len({a.dtype for a in arrays}) == 1:  # buffers are converted too
            layer.to(torch.from_numpy(arrays[0]).dtype)

    def set_rate(self, optimizer: Any, rate: float) -> None:
        optimizer.param_groups[0]["lr"] = rate
