"""The Rosetta's convolution and pooling: each name of ours as a PyTorch call."""

from __future__ import annotations

import math
from typing import Any

import torch

Pair = int | tuple[int, int]


def padded(x: Any, kernel: Pair, pad: Pair, value: float) -> tuple[Any, Any]:
    """Padding that PyTorch's pooling refuses, more than half a kernel, done by hand: x and what is left to pad."""
    (KH, KW), (PH, PW) = torch.nn.modules.utils._pair(kernel), torch.nn.modules.utils._pair(pad)
    if (PH <= KH // 2 and PW <= KW // 2) or PH >= KH or PW >= KW:
        return x, pad
    return torch.nn.functional.pad(x, (PW, PW, PH, PH), value=value), 0


class TorchConvolution:
    """What a method returns is the call; its docstring is the difference, if there is one."""

    def pair(self, x: Any) -> Any:
        """Lists are taken too, of any length."""
        return torch.nn.modules.utils._pair(x)

    def get_conv_outsize(self, input_size: int, kernel_size: int, stride: int, pad: int) -> Any:
        """No call of its own; PyTorch's pooling rounds up with ceil_mode."""
        return (input_size + 2 * pad - kernel_size) // stride + 1

    def get_deconv_outsize(self, size: int, k: int, s: int, p: int) -> Any:
        """No call of its own."""
        return s * (size - 1) + k - 2 * p

    def im2col(self, x: Any, kernel_size: Pair, stride: Pair = 1, pad: Pair = 0, to_matrix: bool = True) -> Any:
        """Windows are columns, samples stay apart: (N, C KH KW, OH OW)."""
        if not to_matrix:
            K, places = (
                self.pair(kernel_size),
                zip(x.shape[2:], *map(self.pair, (kernel_size, stride, pad)), strict=True),
            )
            return torch.nn.functional.unfold(x, kernel_size, 1, pad, stride).reshape(
                *x.shape[:2], *K, *(self.get_conv_outsize(*place) for place in places)
            )
        K = x.shape[1] * math.prod(self.pair(kernel_size))
        return torch.nn.functional.unfold(x, kernel_size, 1, pad, stride).mT.reshape(-1, K)

    def col2im(
        self, x: Any, input_shape: Any, kernel_size: Pair, stride: Pair = 1, pad: Pair = 0, to_matrix: bool = True
    ) -> Any:
        """Windows are columns, samples stay apart: (N, C KH KW, OH OW)."""
        N, C, *size = input_shape
        K = C * math.prod(self.pair(kernel_size))
        x = x.reshape(N, -1 if N else 0, K).mT if to_matrix else x.flatten(4).flatten(1, 3)
        return torch.nn.functional.fold(x, size, kernel_size, 1, pad, stride)

    def conv2d(self, x: Any, W: Any, b: Any = None, stride: Pair = 1, pad: Pair = 0) -> Any:
        """One dtype for all. Groups and dilation besides, and pad="same"."""
        return torch.nn.functional.conv2d(x, W, b, stride, pad)

    conv2d_simple = conv2d

    def deconv2d(self, x: Any, W: Any, b: Any = None, stride: Pair = 1, pad: Pair = 0, outsize: Any = None) -> Any:
        """Not an outsize, but how much is added to the smallest, output_padding."""
        places = list(zip(x.shape[2:], W.shape[2:], *map(self.pair, (stride, pad)), strict=True))
        smallest = [self.get_deconv_outsize(*place) for place in places]
        more = [n - m for n, m in zip(smallest if outsize is None else self.pair(outsize), smallest, strict=True)]
        return torch.nn.functional.conv_transpose2d(x, W, b, stride, pad, output_padding=more)

    def pooling(self, x: Any, kernel_size: Pair, stride: Pair = 1, pad: Pair = 0, ceil_mode: bool = False) -> Any:
        """The stride is the kernel by default. At most half a kernel is padded. Of several nan the last counts."""
        x, pad = padded(x, kernel_size, pad, -math.inf)
        return torch.nn.functional.max_pool2d(x, kernel_size, stride, pad, ceil_mode=ceil_mode)

    def pooling_simple(self, x: Any, kernel_size: Pair, stride: Pair = 1, pad: Pair = 0) -> Any:
        """The gradient of a tie goes to the first; ours shares it evenly."""
        return self.pooling(x, kernel_size, stride, pad)

    def average_pooling(self, x: Any, kernel_size: Pair, stride: Pair = 1, pad: Pair = 0) -> Any:
        """The stride is the kernel by default; at most half a kernel is padded, and need not count."""
        x, pad = padded(x, kernel_size, pad, 0.0)
        return torch.nn.functional.avg_pool2d(x, kernel_size, stride, pad)

    average_pooling_simple = average_pooling
