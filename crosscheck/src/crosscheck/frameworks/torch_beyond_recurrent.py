"""The Rosetta beyond the book: recurrent layers and sequences of different lengths as PyTorch calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence, unpad_sequence

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


class TorchBeyondRecurrent:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def gru_cell(self, x: Any, h: Any, Wx: Any, b: Any, Wh: Any, c: Any = None) -> Any:
        """Weights concatenated and transposed; two biases, of which c is the last third. Without c no call of its own.

        There r multiplies h before the product; in PyTorch it multiplies h W_h + c.
        """
        Wx, b, Wh = (torch.cat(list(weights), -1) for weights in (Wx, b, Wh))
        h = x.new_zeros(len(x), len(Wh)) if h is None else h
        if c is None:
            return gated(x, h, Wx, b, Wh)
        return torch.gru_cell(x, h, Wx.T, Wh.T, b, torch.cat([c.new_zeros(2 * len(c)), c]))

    def GRU(self, hidden_size: int, in_size: Any = None, reset_after: bool = False) -> Any:
        """The caller keeps the state. Always with reset_after, and with two biases for each gate."""
        if not reset_after:
            return Recurrent(ResetBefore(in_size, hidden_size))
        layer = Recurrent(torch.nn.GRUCell(in_size, hidden_size))
        only_n_is_trained(layer.cell.bias_hh)
        return layer

    def NStepRNN(
        self,
        n_layers: int,
        hidden_size: int,
        in_size: Any = None,
        *,
        activation: Any = torch.tanh,
        bidirectional: bool = False,
        dropout_ratio: float = 0.0,
    ) -> Any:
        """Only tanh and relu. Packing is up to the caller. batch_first is an option. Two biases."""
        if activation is not torch.tanh:
            cell = type("Cell", (Activated,), {"activation": staticmethod(activation)})
            return StepByStep(n_layers, hidden_size, in_size, bidirectional, cell)
        options = {"batch_first": True, "bidirectional": bidirectional, "dropout": dropout_ratio}
        return Sequences(torch.nn.RNN(in_size, hidden_size, n_layers, **options))

    def NStepLSTM(
        self,
        n_layers: int,
        hidden_size: int,
        in_size: Any = None,
        *,
        bidirectional: bool = False,
        dropout_ratio: float = 0.0,
    ) -> Any:
        """Packing is up to the caller. batch_first is an option. Two biases."""
        options = {"batch_first": True, "bidirectional": bidirectional, "dropout": dropout_ratio}
        return Sequences(torch.nn.LSTM(in_size, hidden_size, n_layers, **options))

    def NStepGRU(
        self,
        n_layers: int,
        hidden_size: int,
        in_size: Any = None,
        *,
        bidirectional: bool = False,
        dropout_ratio: float = 0.0,
        reset_after: bool = False,
    ) -> Any:
        """Always with reset_after. Packing is up to the caller. batch_first is an option. Two biases."""
        if not reset_after:
            return StepByStep(n_layers, hidden_size, in_size, bidirectional, ResetBefore)
        options = {"batch_first": True, "bidirectional": bidirectional, "dropout": dropout_ratio}
        return Sequences(torch.nn.GRU(in_size, hidden_size, n_layers, **options))

    def pad_sequence(self, xs: Sequence[Any], value: float = 0) -> Any:
        """The lengths are not returned; batch_first is an option."""
        return pad_sequence(list(xs), batch_first=True, padding_value=value), [len(x) for x in xs]

    def unpad_sequence(self, x: Any, lengths: Any) -> Any:
        """batch_first is an option."""
        return unpad_sequence(x, torch.as_tensor(lengths), batch_first=True)

    def sequence_mask(self, lengths: Any, T: Any = None) -> Any:
        """There is no such function."""
        lengths = torch.as_tensor(lengths)
        return torch.arange(int(lengths.max()) if T is None else T) < lengths[:, None]
