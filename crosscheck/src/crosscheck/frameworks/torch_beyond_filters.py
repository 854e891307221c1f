"""The Rosetta beyond the book: filters of signals and images without channels of stage 5 as PyTorch calls."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as nnF

from .torch_padding import with_border


def correlated(x: Any, w: Any, ndim: int, mode: str) -> Any:
    """The correlation along the last axes: products of the patches of x, padded with zeros, and w."""
    n, k = x.shape[x.ndim - ndim :], w.shape[w.ndim - ndim :]
    patches = nnF.pad(x, [width for size in reversed(k) for width in (size - 1, size - 1)])
    for i, size in enumerate(k):
        patches = patches.unfold(x.ndim - ndim + i, size, 1)
    y = (patches * w.reshape((*w.shape[: w.ndim - ndim], *[1] * ndim, *k))).sum(tuple(range(-ndim, 0)))
    if mode == "full":
        return y
    center = [slice((m - 1) // 2, (m - 1) // 2 + size) for size, m in zip(n, k, strict=True)]
    overlap = [slice(min(size, m) - 1, max(size, m)) for size, m in zip(n, k, strict=True)]
    return y[(..., *(center if mode == "same" else overlap))]


def convolved(x: Any, w: Any, ndim: int, mode: str) -> Any:
    """The correlation with the flipped w."""
    return correlated(x, torch.flip(w, tuple(range(-ndim, 0))), ndim, mode)


class TorchBeyondFilters:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def convolve1d(self, x: Any, w: Any, mode: str = "full") -> Any:
        """There is no such function: nn.functional.conv1d has channels and does not flip w."""
        return convolved(x, w, 1, mode)

    def convolve2d(self, x: Any, w: Any, mode: str = "full") -> Any:
        """There is no such function: nn.functional.conv2d has channels and does not flip w."""
        return convolved(x, w, 2, mode)

    def correlate1d(self, x: Any, w: Any, mode: str = "full") -> Any:
        """There is no such function: nn.functional.conv1d has channels."""
        return correlated(x, w, 1, mode)

    def correlate2d(self, x: Any, w: Any, mode: str = "full") -> Any:
        """There is no such function: nn.functional.conv2d has channels."""
        return correlated(x, w, 2, mode)

    def fft_convolve(self, x: Any, w: Any, mode: str = "full", axes: Any = None) -> Any:
        """There is no such function; torch.fft has its parts. The oracle is the sum itself."""
        axes = range(x.ndim) if axes is None else (axes,) if isinstance(axes, int) else axes
        last = tuple(range(-len(axes), 0))
        x, w = (torch.movedim(v, tuple(axes), last) for v in (x, w))
        return torch.movedim(convolved(x, w, len(axes), mode), last, tuple(axes))

    def fft_conv2d(self, x: Any, W: Any, b: Any = None, pad: Any = "valid") -> Any:
        """On a GPU, cuDNN may choose an FFT. There is no padding="full"."""
        x, pad = with_border(x, tuple(W.shape[2:]), 1, pad, 0.0)
        return nnF.conv2d(x, W, b, padding=pad)

    def separate_kernel(self, K: Any, tol: float = 1e-6) -> Any:
        """There is no such function. The largest element of the column is 1."""
        U, sizes, V = torch.linalg.svd(K)
        pivot = U[U[:, 0].abs().argmax(), 0]
        return U[:, 0] / pivot, sizes[0] * V[0] * pivot
