"""Recurrent cells that PyTorch does not have, and recurrent modules for sequences of different lengths."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from .torch_layers import Recurrent, without_libraries


class ResetBefore(torch.nn.GRUCell):
    """A GRU cell in which r multiplies h before the product with the weights of n."""

    def forward(self, x: Any, h: Any = None) -> Any:
        h = x.new_zeros(len(x), self.hidden_size) if h is None else h
        return gated(x, h, self.weight_ih.T, self.bias_ih, self.weight_hh.T)


def gated(x: Any, h: Any, Wx: Any, b: Any, Wh: Any) -> Any:
    """h' of such a cell."""
    H = h.shape[1]
    z = x @ Wx + b
    r, u = torch.sigmoid(z[:, : 2 * H] + h @ Wh[:, : 2 * H]).chunk(2, 1)
    n = torch.tanh(z[:, 2 * H :] + (r * h) @ Wh[:, 2 * H :])
    return u * h + (1 - u) * n


class Activated(torch.nn.RNNCell):
    """An RNN cell with any activation."""

    activation: Any = None

    def forward(self, x: Any, h: Any = None) -> Any:
        z = x @ self.weight_ih.T + self.bias_ih
        return self.activation(z if h is None else z + h @ self.weight_hh.T)


def only_n_is_trained(bias: Any) -> Any:
    """The second bias of a GRU: only the part of n is trained, the others are zero."""
    n = len(bias) // 3 * 2
    bias.data.zero_()
    bias.requires_grad_()
    bias.register_hook(lambda gradient: torch.cat([torch.zeros_like(gradient[:n]), gradient[n:]]))
    return bias


class StepByStep(torch.nn.Module):
    """Layers of cells that PyTorch does not have, applied to each sequence alone."""

    def __init__(self, n_layers: int, hidden_size: int, in_size: int, bidirectional: bool, cell: Any):
        super().__init__()
        self.directions = 1 + bidirectional
        sizes = [in_size] + [hidden_size * self.directions] * (n_layers - 1)
        cells = [cell(size, hidden_size) for size in sizes for _ in range(self.directions)]
        self.cells = torch.nn.ModuleList([Recurrent(one) for one in cells])

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> Any:
        lengths = [x.shape[1]] * len(x) if lengths is None else lengths
        pairs = [self.sequence(x[i, :n], None if state is None else state[:, i : i + 1]) for i, n in enumerate(lengths)]
        ys, hs = zip(*pairs, strict=True)
        rows = [torch.nn.functional.pad(y, (0, 0, 0, x.shape[1] - len(y))) for y in ys]
        return torch.stack(rows), torch.cat(hs, 1)

    def sequence(self, y: Any, state: Any) -> Any:
        """y (T, H) and the last state (cells, 1, H) of one sequence."""
        last: list[Any] = []
        for first in range(0, len(self.cells), self.directions):
            outputs: list[Any] = []
            cells: list[Any] = list(self.cells)[first : first + self.directions]
            for cell in cells:
                h = None if state is None else state[len(last)]
                steps = []
                for t in range(len(y)) if len(outputs) == 0 else reversed(range(len(y))):
                    h = cell.cell(y[t : t + 1], h)
                    steps.append(h)
                last.append(h)
                outputs.append(torch.cat(steps if len(outputs) == 0 else steps[::-1]))
            y = torch.cat(outputs, 1)
        return y, torch.stack(last)


class Sequences(torch.nn.Module):
    """torch.nn.RNN, LSTM or GRU called with a padded batch and lengths, or with a list; the second bias as above."""

    def __init__(self, module: Any):
        super().__init__()
        self.module = module
        for name, parameter in module.named_parameters():
            if name.startswith("bias_hh"):
                parameter.data.zero_()
                parameter.requires_grad_(False)
                if isinstance(module, torch.nn.GRU):
                    only_n_is_trained(parameter)

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> Any:
        if isinstance(x, list):
            y, state = self(pad_sequence(x, batch_first=True), state, [len(v) for v in x])
            return [y[i, : len(v)] for i, v in enumerate(x)], state
        with without_libraries():
            if lengths is None:
                return self.module(x, state)
            packed = pack_padded_sequence(x, torch.as_tensor(lengths), batch_first=True, enforce_sorted=False)
            y, state = self.module(packed, state)
            return pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0], state
