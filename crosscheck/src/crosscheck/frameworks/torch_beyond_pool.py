"""The Rosetta beyond the book: pooling of stage 5 as PyTorch calls."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as nnF

Pair = int | tuple[int, int]


def same_padding(n: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's rule, which PyTorch has for a stride of 1 only."""
    total = max((math.ceil(n / stride) - 1) * stride + (kernel - 1) * dilation + 1 - n, 0)
    return total // 2, total - total // 2


def sides(x: Any, kernel: Any, stride: Any, pad: Any, dilation: Any) -> list[tuple[int, int]]:
    """The padding before and after each spatial axis."""
    axes = x.dim() - 2
    kernel, stride, dilation = (n if isinstance(n, tuple) else (n,) * axes for n in (kernel, stride, dilation))
    if pad == "same":
        places = zip(x.shape[2:], kernel, stride, dilation, strict=True)
        return [same_padding(*place) for place in places]
    if isinstance(pad, str):
        return [((k - 1) * d if pad == "full" else 0,) * 2 for k, d in zip(kernel, dilation, strict=True)]
    if axes == 1:
        return [pad if isinstance(pad, tuple) else (pad, pad)]
    return [p if isinstance(p, tuple) else (p, p) for p in (pad if isinstance(pad, tuple) else (pad, pad))]


def padded(x: Any, kernel: Any, stride: Any, pad: Any, value: float, dilation: Any = 1) -> Any:
    """x with a border, which PyTorch adds only if it is equal on both sides."""
    found = sides(x, kernel, stride, pad, dilation)
    return nnF.pad(x, [n for both in found[::-1] for n in both], value=value)


class TorchBeyondPool:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def same_padding(self, n: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> Any:
        """There is no such function; padding="same" of a convolution is limited to a stride of 1."""
        return same_padding(n, kernel_size, stride, dilation)

    def max_pool2d(self, x: Any, kernel_size: Pair, stride: Any = None, pad: Any = 0, ceil_mode: bool = False) -> Any:
        """Padding is numbers, at most half of the kernel size; otherwise call nn.functional.pad with -inf first."""
        stride = kernel_size if stride is None else stride
        pool = nnF.max_pool2d if x.dim() == 4 else nnF.max_pool1d
        if isinstance(pad, int):
            return pool(x, kernel_size, stride, pad, ceil_mode=ceil_mode)
        return pool(padded(x, kernel_size, stride, pad, -math.inf), kernel_size, stride, ceil_mode=ceil_mode)

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
        if isinstance(pad, int):
            return pool(x, kernel_size, stride, pad, ceil_mode, counted)

        def mean(images: Any) -> Any:
            return pool(padded(images, kernel_size, stride, pad, 0.0), kernel_size, stride, 0, ceil_mode)

        return mean(x) if counted else mean(x) / mean(torch.ones_like(x))

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
