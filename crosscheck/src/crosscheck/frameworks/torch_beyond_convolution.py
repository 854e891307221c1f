"""The Rosetta beyond the book: convolution of stage 5 with groups, dilation and padding by name as PyTorch calls."""

from __future__ import annotations

import math
from typing import Any

import torch

from .torch_convolution import Pair
from .torch_padding import each, equal_sides, sides, with_border

CONVOLUTIONS = {3: torch.nn.functional.conv1d, 4: torch.nn.functional.conv2d}
TRANSPOSED = {3: torch.nn.functional.conv_transpose1d, 4: torch.nn.functional.conv_transpose2d}


class TorchBeyondConvolution:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    get_deconv_outsize: Any

    def conv2d(
        self, x: Any, W: Any, b: Any = None, stride: Pair = 1, pad: Any = 0, dilation: Pair = 1, groups: int = 1
    ) -> Any:
        """All arguments must have one dtype. Padding is numbers, "valid", or "same" if the stride is 1."""
        x, pad = with_border(x, tuple(W.shape[2:]), stride, pad, 0.0, dilation)
        return CONVOLUTIONS[W.dim()](x, W, b, stride, pad, dilation, groups)

    def conv1d(
        self, x: Any, W: Any, b: Any = None, stride: int = 1, pad: Any = 0, dilation: int = 1, groups: int = 1
    ) -> Any:
        """All arguments must have one dtype. Padding is numbers, "valid", or "same" if the stride is 1."""
        return self.conv2d(x, W, b, stride, pad, dilation, groups)

    def deconv2d(
        self,
        x: Any,
        W: Any,
        b: Any = None,
        stride: Any = 1,
        pad: Any = 0,
        outsize: Any = None,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        """Takes output_padding, the number of rows and columns to add to the minimum, instead of outsize."""
        f, axes = TRANSPOSED[W.dim()], W.dim() - 2
        K, S, D = (each(n, axes) for n in (tuple(W.shape[2:]), stride, dilation))
        if equal_sides(pad, axes):
            span = [(k - 1) * d + 1 for k, d in zip(K, D, strict=True)]
            places = zip(x.shape[2:], span, S, each(pad, axes), strict=True)
            smallest = [self.get_deconv_outsize(*place) for place in places]
            size = smallest if outsize is None else each(outsize, axes)
            more = [n - m for n, m in zip(size, smallest, strict=True)]
            return f(x, W, b, stride, pad, more, groups, dilation)
        y = f(x, W, None, stride, 0, 0, groups, dilation)
        if outsize is None and pad == "same":
            outsize = tuple(n * s for n, s in zip(x.shape[2:], S, strict=True))
        if outsize is None:
            found = sides(y.shape[2:], K, S, pad, D)
            outsize = tuple(n - sum(both) for n, both in zip(y.shape[2:], found, strict=True))
        found = sides(each(outsize, axes), K, S, pad, D)
        edges = zip(y.shape[2:], each(outsize, axes), found, strict=True)
        border = [(-before, before + n - m) for m, n, (before, _) in edges]
        y = torch.nn.functional.pad(y, [n for both in border[::-1] for n in both])
        return y if b is None else y + b.reshape(-1, *[1] * axes)

    def deconv1d(
        self,
        x: Any,
        W: Any,
        b: Any = None,
        stride: int = 1,
        pad: Any = 0,
        outsize: Any = None,
        dilation: int = 1,
        groups: int = 1,
    ) -> Any:
        """Takes output_padding, the number of elements to add to the minimum, instead of outsize."""
        return self.deconv2d(x, W, b, stride, pad, outsize, dilation, groups)

    def depthwise_conv2d(
        self, x: Any, W: Any, b: Any = None, stride: Pair = 1, pad: Any = 0, dilation: Pair = 1
    ) -> Any:
        """There is no such function: groups is the number of channels."""
        return self.conv2d(x, W, b, stride, pad, dilation, groups=x.shape[1])

    def separable_conv2d(
        self, x: Any, Wd: Any, Wp: Any, b: Any = None, stride: Pair = 1, pad: Any = 0, dilation: Pair = 1
    ) -> Any:
        """There is no such function: a convolution of each channel, and one with kernels of 1 x 1."""
        return self.conv2d(self.depthwise_conv2d(x, Wd, None, stride, pad, dilation), Wp, b)

    def receptive_field(self, kernels: Any, strides: Any, dilations: Any = None) -> Any:
        """There is no such function."""
        steps = [math.prod(strides[:i]) for i in range(len(strides))]
        places = zip(kernels, dilations or [1] * len(kernels), steps, strict=True)
        return 1 + sum((k - 1) * d * step for k, d, step in places)
