"""The Rosetta's layers of images and sequences, and what is saved of them, as PyTorch calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .torch_training import of_numpy


class Recurrent(torch.nn.Module):
    """A cell with the state that it carries, as ours do; the second bias is zero and stays so."""

    def __init__(self, cell: Any):
        super().__init__()
        self.cell = cell
        self.reset_state()
        cell.bias_hh.data.zero_()
        cell.bias_hh.requires_grad_(False)

    def reset_state(self) -> None:
        """The next input is the first of a sequence."""
        self.h = self.c = None

    def forward(self, x: Any) -> Any:
        if isinstance(self.cell, torch.nn.LSTMCell):
            self.h, self.c = self.cell(x, None if self.h is None else (self.h, self.c))
        else:
            self.h = self.cell(x, self.h)
        return self.h


class TorchLayers:
    """What a method returns is the call; its docstring is the difference, if there is one."""

    def Conv2d(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, pad: Any = 0, nobias: bool = False,
        dtype: Any = np.float32, in_channels: Any = None,
    ) -> Any:  # fmt: skip
        """in_channels comes first; without it LazyConv2d. Weights and bias are uniform."""
        options = {"stride": stride, "padding": pad, "bias": not nobias, "dtype": of_numpy(dtype)}
        if in_channels is None:
            return torch.nn.LazyConv2d(out_channels, kernel_size, **options)
        return torch.nn.Conv2d(in_channels, out_channels, kernel_size, **options)

    def Deconv2d(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, pad: Any = 0, nobias: bool = False,
        dtype: Any = np.float32, in_channels: Any = None,
    ) -> Any:  # fmt: skip
        """in_channels comes first; without it LazyConvTranspose2d. Weights and bias are uniform."""
        options = {"stride": stride, "padding": pad, "bias": not nobias, "dtype": of_numpy(dtype)}
        if in_channels is None:
            return torch.nn.LazyConvTranspose2d(out_channels, kernel_size, **options)
        return torch.nn.ConvTranspose2d(in_channels, out_channels, kernel_size, **options)

    def BatchNorm(self, shape: tuple[int, ...]) -> Any:
        """It is told the channels, ours looks at its first input; momentum is the share of the new, 0.1."""
        return (torch.nn.BatchNorm1d if len(shape) < 4 else torch.nn.BatchNorm2d)(shape[1])

    def EmbedID(self, in_size: int, out_size: int) -> Any:
        return torch.nn.Embedding(in_size, out_size)

    def RNN(self, hidden_size: int, in_size: Any = None) -> Any:
        """The caller carries the state. Two biases, where ours has one. torch.nn.RNN is for whole sequences."""
        return Recurrent(torch.nn.RNNCell(in_size, hidden_size))

    def LSTM(self, hidden_size: int, in_size: Any = None) -> Any:
        """The caller carries the state. Two biases, and the gates joined in the order i, f, u, o."""
        return Recurrent(torch.nn.LSTMCell(in_size, hidden_size))

    def lstm_cell(self, x: Any, h: Any, c: Any, Wx: Any, b: Any, Wh: Any) -> Any:
        """Joined weights, transposed, in the order i, f, u, o; two biases; h and c are zeros in the beginning."""
        Wx, b, Wh = (torch.cat([weights[k] for k in (1, 0, 3, 2)], -1) for weights in (Wx, b, Wh))
        h, c = (x.new_zeros(len(x), len(Wh)) if state is None else state for state in (h, c))
        return torch.lstm_cell(x, (h, c), Wx.T, Wh.T, b)

    def SeqDataLoader(self, dataset: Any, batch_size: int) -> Any:
        """No call of its own: the numbers of the samples, a batch each, to a DataLoader."""
        jump, steps = len(dataset) // batch_size, -(-len(dataset) // batch_size)
        batches = [[i * jump + k for i in range(batch_size)] for k in range(steps)]
        return torch.utils.data.DataLoader(dataset, batch_sampler=batches)

    # --- files ---

    def save_weights(self, model: Any, path: Any) -> Any:
        """A pickle; a file that is there already is lost if writing fails."""
        return torch.save(model.state_dict(), path)

    def load_weights(self, model: Any, path: Any) -> Any:
        return model.load_state_dict(torch.load(path))

    def save_checkpoint(self, path: Any, model: Any, optimizer: Any, **values: Any) -> Any:
        """What is in it is up to you: random generators and the loader's order, too."""
        return torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), **values}, path)

    def load_checkpoint(self, path: Any, model: Any, optimizer: Any) -> Any:
        """Each part is loaded by itself: model.load_state_dict(...), optimizer.load_state_dict(...)."""
        return torch.load(path)
