"""The Rosetta for image and sequence layers, and for saving them: each name of the stages as a PyTorch call."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.func import functional_call

from .torch_training import of_numpy


@contextlib.contextmanager
def without_libraries() -> Iterator[None]:
    """Disable oneDNN, whose LSTM has other formulas with create_graph, and cuDNN, whose LSTM has no second order."""
    mkldnn: Any = torch.backends.mkldnn  # its annotations allow no assignment
    before, mkldnn.enabled = mkldnn.enabled, False
    try:
        with torch.backends.cudnn.flags(enabled=False):
            yield
    finally:
        mkldnn.enabled = before


class Recurrent(torch.nn.Module):
    """A cell that keeps its state, as the layers of the stages do; the second bias is zero and not trained."""

    def __init__(self, cell: Any):
        super().__init__()
        self.cell = cell
        self.reset_state()
        cell.bias_hh.data.zero_()
        cell.bias_hh.requires_grad_(False)

    def reset_state(self) -> None:
        """Reset the state: the next input starts a new sequence."""
        self.h = self.c = None

    def forward(self, x: Any) -> Any:
        if isinstance(self.cell, torch.nn.LSTMCell):
            self.h, self.c = self.cell(x, None if self.h is None else (self.h, self.c))
        else:
            self.h = self.cell(x, self.h)
        return self.h


class TorchLayers:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def Conv2d(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, pad: Any = 0, nobias: bool = False,
        dtype: Any = np.float32, in_channels: Any = None, dilation: Any = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        """in_channels comes first; without it, LazyConv2d. Weights and bias are initialized uniformly."""
        options = {"stride": stride, "padding": pad, "bias": not nobias, "dtype": of_numpy(dtype)}
        options |= {"dilation": dilation, "groups": groups}
        if in_channels is None:
            return torch.nn.LazyConv2d(out_channels, kernel_size, **options)
        return torch.nn.Conv2d(in_channels, out_channels, kernel_size, **options)

    def Deconv2d(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, pad: Any = 0, nobias: bool = False,
        dtype: Any = np.float32, in_channels: Any = None, dilation: Any = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        """in_channels comes first; without it, LazyConvTranspose2d. Weights and bias are initialized uniformly."""
        options = {"stride": stride, "padding": pad, "bias": not nobias, "dtype": of_numpy(dtype)}
        options |= {"dilation": dilation, "groups": groups}
        if in_channels is None:
            return torch.nn.LazyConvTranspose2d(out_channels, kernel_size, **options)
        return torch.nn.ConvTranspose2d(in_channels, out_channels, kernel_size, **options)

    def EmbedID(self, in_size: int, out_size: int, pad_id: Any = None) -> Any:
        return torch.nn.Embedding(in_size, out_size, padding_idx=pad_id)

    def RNN(self, hidden_size: int, in_size: Any = None) -> Any:
        """The caller keeps the state. Two biases instead of one. torch.nn.RNN processes whole sequences."""
        return Recurrent(torch.nn.RNNCell(in_size, hidden_size))

    def LSTM(self, hidden_size: int, in_size: Any = None) -> Any:
        """The caller keeps the state. Two biases; the gates are concatenated in the order i, f, u, o."""
        return Recurrent(torch.nn.LSTMCell(in_size, hidden_size))

    def lstm_cell(self, x: Any, h: Any, c: Any, Wx: Any, b: Any, Wh: Any) -> Any:
        """Weights concatenated in the order i, f, u, o, and transposed; two biases; the initial h and c are zeros."""
        Wx, b, Wh = (torch.cat([weights[k] for k in (1, 0, 3, 2)], -1) for weights in (Wx, b, Wh))
        h, c = (x.new_zeros(len(x), len(Wh)) if state is None else state for state in (h, c))
        return torch.lstm_cell(x, (h, c), Wx.T, Wh.T, b, torch.zeros_like(b))

    @without_libraries()
    def lstm(self, x: Any, h: Any, c: Any, Wx: Any, b: Any, Wh: Any) -> Any:
        """Weights concatenated in the order i, f, u, o, and transposed; two biases; h and c are (1, N, H)."""
        Wx, b, Wh = (torch.cat([weights[k] for k in (1, 0, 3, 2)], -1) for weights in (Wx, b, Wh))
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights = dict(zip(names, (Wx.T, Wh.T, b, torch.zeros_like(b)), strict=True))
        inputs = (x,) if h is None else (x, (h[None], c[None]))
        return functional_call(torch.nn.LSTM(len(Wx), len(Wh), batch_first=True), weights, inputs)

    def SeqDataLoader(self, dataset: Any, batch_size: int) -> Any:
        """There is no such class: pass the sample indices of each batch to a DataLoader."""
        jump, steps = len(dataset) // batch_size, -(-len(dataset) // batch_size)
        batches = [[i * jump + k for i in range(batch_size)] for k in range(steps)]
        return torch.utils.data.DataLoader(dataset, batch_sampler=batches)

    # --- files ---

    def save_weights(self, model: Any, path: Any) -> Any:
        """Writes a pickle; if writing fails, an existing file is lost."""
        return torch.save(model.state_dict(), path)

    def load_weights(self, model: Any, path: Any) -> Any:
        return model.load_state_dict(torch.load(path))

    def save_checkpoint(self, path: Any, model: Any, optimizer: Any, **values: Any) -> Any:
        """The contents are up to the caller, including random generators and the loader's order."""
        return torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), **values}, path)

    def load_checkpoint(self, path: Any, model: Any, optimizer: Any) -> Any:
        """Each part is loaded separately: model.load_state_dict(...), optimizer.load_state_dict(...)."""
        return torch.load(path)
