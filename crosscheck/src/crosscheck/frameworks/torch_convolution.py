"""The Rosetta for convolution and pooling: each name of the stages as a PyTorch call."""

from __future__ import annotations

import math
from typing import Any

import torch

Pair = int | tuple[int, int]


def padded(x: Any, kernel: Pair, pad: Pair, value: float) -> tuple[Any, Any]:
    """x with the padding beyond half a kernel, which PyTorch's pooling rejects, and the padding that is left for it."""
    (KH, KW), (PH, PW) = torch.nn.modules.utils._pair(kernel), torch.nn.modules.utils._pair(pad)
    if (PH <= KH // 2 and PW <= KW // 2) or PH >= KH or PW >= KW:
        return x, pad
    return torch.nn.functional.pad(x, (PW, PW, PH, PH), value=value), 0


class TorchConvolution:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def pair(self, x: Any) -> Any:
        """Lists of any length are accepted too."""
        return torch.nn.modules.utils._pair(x)

    def get_conv_outsize(self, input_size: int, kernel_size: int, stride: int, pad: int) -> Any:
        """There is no such function; PyTorch's pooling rounds up with ceil_mode."""
        return (input_size + 2 * pad - kernel_size) // stride + 1

    def get_deconv_outsize(self, size: int, k: int, s: int, p: int) -> Any:
        """There is no such function."""
        return s * (size - 1) + k - 2 * p

    def im2col(self, x: Any, kernel_size: Pair, stride: Pair = 1, pad: Pair = 0, to_matrix: bool = True) -> Any:
        """Patches are columns, and samples have an axis of their own: (N, C KH KW, OH OW)."""
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
        """Patches are columns, and samples have an axis of their own: (N, C KH KW, OH OW)."""
        N, C, *size = input_shape
        K = C * math.prod(self.pair(kernel_size))
        x = x.reshape(N, -1 if N else 0, K).mT if to_matrix else x.flatten(4).flatten(1, 3)
        return torch.nn.functional.fold(x, size, kernel_size, 1, pad, stride)

    def conv2d(self, x: Any, W: Any, b: Any = None, stride: Pair = 1, pad: Pair = 0) -> Any:
        """All arguments must have one dtype. Also has groups, dilation, and pad="same"."""
        return torch.nn.functional.conv2d(x, W, b, stride, pad)

    conv2d_simple = conv2d

    def pooling(self, x: Any, kernel_size: Pair, stride: Pair = 1, pad: Pair = 0, ceil_mode: bool = False) -> Any:
        """stride defaults to the kernel size; padding is at most half of it. The last nan receives the gradient."""
        x, pad = padded(x, kernel_size, pad, -math.inf)
        return torch.nn.functional.max_pool2d(x, kernel_size, stride, pad, ceil_mode=ceil_mode)

    def pooling_simple(self, x: Any, kernel_size: Pair, stride: Pair = 1, pad: Pair = 0) -> Any:
        """In a tie the first element receives the gradient; in pooling_simple tied elements share it evenly."""
        return self.pooling(x, kernel_size, stride, pad)

    def average_pooling(self, x: Any, kernel_size: Pair, stride: Pair = 1, pad: Pair = 0) -> Any:
        """stride defaults to the kernel size; padding is at most half of it and may be excluded from the mean."""
        x, pad = padded(x, kernel_size, pad, 0.0)
        return torch.nn.functional.avg_pool2d(x, kernel_size, stride, pad)

    average_pooling_simple = average_pooling
