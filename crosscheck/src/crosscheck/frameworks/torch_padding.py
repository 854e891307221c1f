"""Padding of convolution and pooling as PyTorch calls; no rows of the Rosetta."""

from __future__ import annotations

import math
from typing import Any

import torch


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
