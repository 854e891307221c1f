"""The Rosetta for tensors: shapes, sums, broadcasting and matrix products as PyTorch calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def axes_of(x: Any, axis: Any) -> tuple[int, ...]:
    """The axes for PyTorch, as a tuple."""
    return tuple(range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis)


def over(reduce: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction over a tuple of axes; () means no axis, where PyTorch means all axes."""

    def method(self: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = axes_of(x, axis)
        return reduce(self, x, axes, keepdims) if axes else x.clone()

    method.__wrapped__ = reduce  # type: ignore[attr-defined]  # what the Rosetta reads
    method.__doc__ = reduce.__doc__
    return method


def promoted(*xs: Any) -> list[Any]:
    """Tensors converted to the dtype that NumPy would compute in."""
    dtypes = (torch.empty(0, dtype=x.dtype, device="cpu").numpy().dtype for x in xs)
    dtype = torch.from_numpy(np.empty(0, np.result_type(*dtypes))).dtype
    return [x.to(dtype) for x in xs]


class TorchTensors:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    # --- shapes ---

    def reshape(self, x: Any, shape: Any) -> Any:
        shape = (shape,) if isinstance(shape, int) else shape
        return torch.reshape(x, shape)

    def transpose(self, x: Any, axes: Any = None) -> Any:
        """torch.transpose swaps two axes; x.T is for matrices, x.mT for batches of them."""
        axes = range(x.ndim)[::-1] if axes is None else axes
        return torch.permute(x, tuple(axes))

    def flatten(self, x: Any) -> Any:
        """start_dim defaults to 0. A vector has no axis 1, but the stages make it a column."""
        x = x[:, None] if x.ndim == 1 else x
        return torch.flatten(x, start_dim=1)

    def expand_dims(self, x: Any, axis: Any) -> Any:
        """One axis per call."""
        axes = axis if isinstance(axis, tuple) else (axis,)
        *first, axis = sorted(i % (x.ndim + len(axes)) for i in axes)
        for i in first:
            x = x.unsqueeze(i)
        return torch.unsqueeze(x, axis)

    def get_item(self, x: Any, slices: Any) -> Any:
        """PyTorch does not support negative steps: use torch.flip, or an index array as here."""
        parts = slices if isinstance(slices, tuple) else (slices,)
        if any(isinstance(part, slice) and (part.step or 1) < 0 for part in parts):
            return torch.take(x, torch.as_tensor(np.arange(x.numel()).reshape(x.shape)[slices].copy()))
        return x[slices]

    def concat(self, xs: Any, axis: int = 0) -> Any:
        return torch.cat(xs, dim=axis)

    def stack(self, xs: Any, axis: int = 0) -> Any:
        return torch.stack(xs, dim=axis)

    # --- sum and other reductions ---

    @over
    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """axis=() means no axis; in PyTorch it means all axes. The same holds for mean, max and min."""
        return torch.sum(x, dim=axis, keepdim=keepdims)

    @over
    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.mean(x, dim=axis, keepdim=keepdims)

    average = mean

    @over
    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """torch.max over an axis also returns indices, and in a tie the gradient goes to one element."""
        return torch.amax(x, dim=axis, keepdim=keepdims)

    @over
    def min(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """torch.min over an axis also returns indices, and in a tie the gradient goes to one element."""
        return torch.amin(x, dim=axis, keepdim=keepdims)

    @over
    def logsumexp(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """PyTorch requires an axis, and fails for axis=()."""
        return torch.logsumexp(x, dim=axis, keepdim=keepdims)

    # --- broadcasting, matrix products ---

    def broadcast_to(self, x: Any, shape: Any) -> Any:
        shape = (shape,) if isinstance(shape, int) else shape
        return torch.broadcast_to(x, shape)

    def sum_to(self, x: Any, shape: Any) -> Any:
        return x.sum_to_size(shape)

    def matmul(self, x: Any, W: Any) -> Any:
        """Both operands must have one dtype; the stages promote."""
        x, W = promoted(x, W)
        return torch.matmul(x, W)

    def linear(self, x: Any, W: Any, b: Any = None) -> Any:
        """W is (out, in). All arguments must have one dtype; the stages promote."""
        x, W, *rest = promoted(x, W, *([] if b is None else [b.flatten()]))
        b = rest[0].expand(W.shape[1]) if rest else None
        return torch.nn.functional.linear(x, W.mT, b)

    def linear_simple(self, x: Any, W: Any, b: Any = None) -> Any:
        """PyTorch cannot release the product's memory before backward."""
        x, W, b = promoted(x, W, torch.zeros((), dtype=W.dtype) if b is None else b)
        return torch.matmul(x, W) + b
