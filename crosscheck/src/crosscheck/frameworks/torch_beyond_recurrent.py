"""The Rosetta beyond the book: recurrent layers and sequences of different lengths as PyTorch calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence, unpad_sequence

from .torch_cells import Activated, ResetBefore, Sequences, StepByStep, gated, only_n_is_trained
from .torch_layers import Recurrent
from .torch_modes import without_warning

DROPOUT = "dropout option adds dropout after all but last recurrent layer"  # a ratio that one layer does not use


class TorchBeyondRecurrent:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def gru_cell(self, x: Any, h: Any, Wx: Any, b: Any, Wh: Any, c: Any = None) -> Any:
        """Weights concatenated and transposed; two biases, of which c is the last third; no equivalent without c.

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

    @without_warning(DROPOUT)
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

    @without_warning(DROPOUT)
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

    @without_warning(DROPOUT)
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
