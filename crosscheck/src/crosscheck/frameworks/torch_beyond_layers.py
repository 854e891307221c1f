"""The Rosetta beyond the book: layers of convolution of stage 5 as PyTorch modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .torch_padding import with_border
from .torch_training import of_numpy


class Depthwise(torch.nn.Module):
    """A convolution with as many groups as its input has channels, which gets its weights from the stages."""

    def __init__(self, bias: bool, stride: Any, pad: Any, dilation: Any) -> None:
        super().__init__()
        self.weight = torch.nn.parameter.UninitializedParameter()
        self.bias = torch.nn.parameter.UninitializedParameter() if bias else None
        self.sizes = stride, pad, dilation

    def forward(self, x: Any) -> Any:
        stride, pad, dilation = self.sizes
        x, pad = with_border(x, tuple(self.weight.shape[2:]), stride, pad, 0.0, dilation)
        return torch.nn.functional.conv2d(x, self.weight, self.bias, stride, pad, dilation, x.shape[1])


class TorchBeyondLayers:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def Conv1d(
        self, out_channels: int, kernel_size: int, stride: int = 1, pad: Any = 0, nobias: bool = False,
        dtype: Any = np.float32, in_channels: Any = None, dilation: int = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        """in_channels comes first; without it, LazyConv1d. Weights and bias are initialized uniformly."""
        options = {"stride": stride, "padding": pad, "bias": not nobias, "dtype": of_numpy(dtype)}
        options |= {"dilation": dilation, "groups": groups}
        if in_channels is None:
            return torch.nn.LazyConv1d(out_channels, kernel_size, **options)
        return torch.nn.Conv1d(in_channels, out_channels, kernel_size, **options)

    def DepthwiseConv2d(
        self, multiplier: int, kernel_size: Any, stride: Any = 1, pad: Any = 0, nobias: bool = False,
        dtype: Any = np.float32, in_channels: Any = None, dilation: Any = 1,
    ) -> Any:  # fmt: skip
        """There is no such layer: a Conv2d whose groups is the number of channels."""
        return Depthwise(not nobias, stride, pad, dilation)

    def SeparableConv2d(
        self, out_channels: int, kernel_size: Any, multiplier: int = 1, stride: Any = 1, pad: Any = 0,
        nobias: bool = False, dtype: Any = np.float32, in_channels: Any = None, dilation: Any = 1,
    ) -> Any:  # fmt: skip
        """There is no such layer: a depthwise convolution without bias, then a Conv2d with a kernel of 1."""
        return torch.nn.Sequential(
            Depthwise(False, stride, pad, dilation), torch.nn.LazyConv2d(out_channels, 1, bias=not nobias)
        )
