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


def equal_sides(pad: Any, axes: int) -> bool:
    """Whether padding is a number for each axis, as PyTorch's convolutions take it. (1, 2) of one axis is not."""
    return isinstance(pad, int) or (axes == 2 and isinstance(pad, tuple) and not any(isinstance(p, tuple) for p in pad))


def each(n: Any, axes: int) -> tuple[Any, ...]:
    """A size for each spatial axis."""
    return n if isinstance(n, tuple) else (n,) * axes


def same_padding(n: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's rule."""
    total = max((math.ceil(n / stride) - 1) * stride + (kernel - 1) * dilation + 1 - n, 0)
    return total // 2, total - total // 2


def sides(size: Any, kernel: Any, stride: Any, pad: Any, dilation: Any = 1) -> list[tuple[int, int]]:
    """The padding before and after each spatial axis of images or sequences of this size."""
    axes = len(size)
    kernel, stride, dilation = (each(n, axes) for n in (kernel, stride, dilation))
    if pad == "same":
        return [same_padding(*place) for place in zip(size, kernel, stride, dilation, strict=True)]
    if isinstance(pad, str):
        return [((k - 1) * d if pad == "full" else 0,) * 2 for k, d in zip(kernel, dilation, strict=True)]
    found = (pad,) if axes == 1 else each(pad, axes)
    return [p if isinstance(p, tuple) else (p, p) for p in found]


def with_border(x: Any, kernel: Any, stride: Any, pad: Any, value: float, dilation: Any = 1) -> tuple[Any, Any]:
    """x and a padding that PyTorch takes; otherwise x with a border, and 0."""
    if equal_sides(pad, x.dim() - 2):
        return x, pad
    found = sides(x.shape[2:], kernel, stride, pad, dilation)
    return torch.nn.functional.pad(x, [n for both in found[::-1] for n in both], value=value), 0


CONVOLUTIONS = {3: torch.nn.functional.conv1d, 4: torch.nn.functional.conv2d}
TRANSPOSED = {3: torch.nn.functional.conv_transpose1d, 4: torch.nn.functional.conv_transpose2d}


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

    def conv2d(
        self, x: Any, W: Any, b: Any = None, stride: Pair = 1, pad: Any = 0, dilation: Pair = 1, groups: int = 1
    ) -> Any:
        """All arguments must have one dtype. Padding is numbers, "valid", or "same" if the stride is 1."""
        x, pad = with_border(x, tuple(W.shape[2:]), stride, pad, 0.0, dilation)
        return CONVOLUTIONS[W.dim()](x, W, b, stride, pad, dilation, groups)

    conv2d_simple = conv2d

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
