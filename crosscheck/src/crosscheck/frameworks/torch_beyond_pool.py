"""The Rosetta beyond the book: pooling of stage 5 as PyTorch calls."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as nnF

from .torch_padding import each, equal_sides, same_padding, with_border

Pair = int | tuple[int, int]


def bordered(x: Any, kernel: Any, stride: Any, pad: Any, value: float) -> tuple[Any, Any]:
    """`with_border`, also for padding by numbers that PyTorch rejects: more than half of the kernel size."""
    axes = x.dim() - 2
    if equal_sides(pad, axes) and any(2 * p > k for p, k in zip(each(pad, axes), each(kernel, axes), strict=True)):
        pairs = tuple((p, p) for p in each(pad, axes))
        pad = pairs if axes > 1 else pairs[0]
    return with_border(x, kernel, stride, pad, value)


class TorchBeyondPool:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def same_padding(self, n: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> Any:
        """There is no such function; padding="same" of a convolution is limited to a stride of 1."""
        return same_padding(n, kernel_size, stride, dilation)

    def max_pool2d(self, x: Any, kernel_size: Pair, stride: Any = None, pad: Any = 0, ceil_mode: bool = False) -> Any:
        """Padding is numbers, at most half of the kernel size; otherwise call nn.functional.pad with -inf first."""
        stride = kernel_size if stride is None else stride
        x, pad = bordered(x, kernel_size, stride, pad, -math.inf)
        return (nnF.max_pool2d if x.dim() == 4 else nnF.max_pool1d)(x, kernel_size, stride, pad, ceil_mode=ceil_mode)

    max_pool1d = max_pool2d

    def avg_pool2d(
        self,
        x: Any,
        kernel_size: Pair,
        stride: Any = None,
        pad: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: Any = None,
    ) -> Any:
        """Padding is numbers, at most half of the kernel size, and counted by default."""
        stride = kernel_size if stride is None else stride
        counted = pad != "same" if count_include_pad is None else count_include_pad
        pool = nnF.avg_pool2d if x.dim() == 4 else nnF.avg_pool1d
        border, rest = bordered(x, kernel_size, stride, pad, 0.0)
        if counted or border is x:
            return pool(border, kernel_size, stride, rest, ceil_mode, counted)
        inside, _ = bordered(torch.ones_like(x), kernel_size, stride, pad, 0.0)
        return pool(border, kernel_size, stride, 0, ceil_mode) / pool(inside, kernel_size, stride, 0, ceil_mode)

    avg_pool1d = avg_pool2d

    def global_max_pool(self, x: Any, keepdims: bool = False) -> Any:
        """There is no such function."""
        return torch.amax(x, tuple(range(2, x.dim())), keepdims)

    def global_avg_pool(self, x: Any, keepdims: bool = False) -> Any:
        """There is no such function."""
        return torch.mean(x, tuple(range(2, x.dim())), keepdims)

    def adaptive_max_pool2d(self, x: Any, output_size: Any) -> Any:
        return nnF.adaptive_max_pool2d(x, output_size)

    def adaptive_avg_pool2d(self, x: Any, output_size: Any) -> Any:
        return nnF.adaptive_avg_pool2d(x, output_size)

    def adaptive_max_pool1d(self, x: Any, output_size: int) -> Any:
        return nnF.adaptive_max_pool1d(x, output_size)

    def adaptive_avg_pool1d(self, x: Any, output_size: int) -> Any:
        return nnF.adaptive_avg_pool1d(x, output_size)
