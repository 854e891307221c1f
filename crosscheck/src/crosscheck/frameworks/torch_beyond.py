"""The Rosetta beyond the book: comparisons, and operations that select, repeat and pad of stage 5 as PyTorch calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnF

from .torch_tensors import axes_of


class TorchBeyond:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    # --- comparisons, where, conversions ---

    def equal(self, x0: Any, x1: Any) -> Any:
        return torch.eq(x0, x1)

    def not_equal(self, x0: Any, x1: Any) -> Any:
        return torch.ne(x0, x1)

    def less(self, x0: Any, x1: Any) -> Any:
        return torch.lt(x0, x1)

    def less_equal(self, x0: Any, x1: Any) -> Any:
        return torch.le(x0, x1)

    def greater(self, x0: Any, x1: Any) -> Any:
        return torch.gt(x0, x1)

    def greater_equal(self, x0: Any, x1: Any) -> Any:
        return torch.ge(x0, x1)

    def where(self, condition: Any, x0: Any, x1: Any) -> Any:
        return torch.where(condition, x0, x1)

    def argmax(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """In a tie it may be any of the indices; in the stages it is the first."""
        return torch.argmax(x, dim=axis, keepdim=keepdims)

    def argmin(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """In a tie it may be any of the indices; in the stages it is the first."""
        return torch.argmin(x, dim=axis, keepdim=keepdims)

    def cast(self, x: Any, dtype: Any) -> Any:
        """The dtype is one of torch's."""
        dtype = torch.from_numpy(np.empty(0, dtype)).dtype
        return x.to(dtype)

    def one_hot(self, t: Any, size: int, dtype: Any = np.float32) -> Any:
        """The result is int64."""
        return self.cast(nnF.one_hot(t, size), dtype)

    def sign(self, x: Any) -> Any:
        """torch.sign(nan) is 0; in the stages it is nan."""
        return torch.where(torch.isnan(x), x.detach(), torch.sign(x))

    # --- selecting, repeating, padding ---

    def take(self, x: Any, indices: Any, axis: int = 0) -> Any:
        """The index is a vector and not negative; torch.take is for the flattened tensor."""
        n = x.shape[axis]
        axis %= x.ndim
        y = torch.index_select(x, axis, indices.reshape(-1) % max(n, 1))
        return y.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))

    def gather(self, x: Any, index: Any, axis: int) -> Any:
        """torch.gather does not broadcast, but cuts off the other axes of x. The index is not negative."""
        return torch.take_along_dim(x, index % x.shape[axis], dim=axis)

    def split(self, x: Any, sections: Any, axis: int = 0) -> Any:
        """torch.split takes the length of the parts, or a list of lengths."""
        return list(torch.tensor_split(x, sections, dim=axis))

    def squeeze(self, x: Any, axis: Any = None) -> Any:
        """An axis of another length is ignored."""
        return torch.squeeze(x) if axis is None else torch.squeeze(x, axis)

    def swapaxes(self, x: Any, a: int, b: int) -> Any:
        return torch.swapaxes(x, a, b)

    def flip(self, x: Any, axis: Any = None) -> Any:
        """The axes must be given; the result is a copy."""
        return torch.flip(x, axes_of(x, axis))

    def tile(self, x: Any, reps: Any) -> Any:
        reps = (reps,) if isinstance(reps, int) else reps
        return torch.tile(x, reps)

    def repeat(self, x: Any, n: int, axis: Any = None) -> Any:
        """x.repeat is tile."""
        return torch.repeat_interleave(x, n, dim=axis)

    def pad(self, x: Any, pad_width: Any, mode: str = "constant", value: float = 0) -> Any:
        """The widths are one flat list, the last axis first; the modes 'edge' (replicate) and 'reflect' need images."""
        widths = np.broadcast_to(pad_width, (x.ndim, 2))
        if mode == "constant":
            return nnF.pad(x, widths[::-1].ravel().tolist(), value=value)
        for axis, pair in enumerate(widths.tolist()):
            x = torch.index_select(x, axis, torch.as_tensor(np.pad(np.arange(x.shape[axis]), pair, mode=mode)))  # type: ignore[call-overload]
        return x
