"""Broadcasting to a larger shape and summing to a smaller one; each is the gradient of the other.

`accumulate` computes the sums for all functions.
"""

import contextlib
import math
import operator

import numpy as np

from ..core import Function, Variable, as_input

LONG = 128  # sums of more elements than this are split ...
RUN = 16  # ... into sums of this many
SLOW_BUFFER = np.lib.NumpyVersion(np.__version__) >= "2.3.0"  # before, sums go through it, which are then not pairwise


class BroadcastTo(Function):
    """y = x broadcast to a shape;  gx = gy summed over the copies."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        if not broadcasts(x.shape, self.shape):
            raise ValueError(f"broadcast_to: expected a shape that x {x.shape} broadcasts to, got {self.shape}")
        self.x_shape = x.shape
        return self.xp.broadcast_to(x, self.shape)

    def backward(self, gy):
        return sum_to(gy, self.x_shape)


def broadcast_to(x, shape):
    """Broadcast x to a shape, as NumPy does; the data of the result is a read-only view. [step 40]"""
    x, shape = as_input(x, "broadcast_to"), as_shape(shape)
    return x if x.shape == shape else BroadcastTo(shape)(x)


class SumTo(Function):
    """y = x summed to a shape;  gx = gy broadcast to the shape of x."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        self.x_shape = x.shape
        return sum_array_to(x, self.shape)

    def backward(self, gy):
        return broadcast_to(gy, self.x_shape)


def sum_to(x, shape):
    """Sum x to a shape that broadcasts to the shape of x: (2, 3) to (1, 3) or (3,). [step 40]"""
    if not isinstance(x, Variable) or x.data is None:
        x = as_input(x, "sum_to")
    if not isinstance(shape, tuple):
        shape = as_shape(shape)
    return x if x.data.shape == shape else SumTo(shape)(x)  # every operator calls this: keep it fast


def broadcasts(small, large):
    """True if shape `small` broadcasts to shape `large`."""
    lead = len(large) - len(small)
    return lead >= 0 and all(n in (1, m) for n, m in zip(small, large[lead:], strict=True))


def as_shape(shape):
    """Convert a shape (a sequence or one integer) to a tuple."""
    return tuple(shape) if np.iterable(shape) else (operator.index(shape),)


def sum_array_to(x, shape):
    """sum_to for arrays. Raises ValueError if the shape does not broadcast to the shape of x. [step 40]"""
    shape = as_shape(shape)
    if not broadcasts(shape, x.shape):
        raise ValueError(f"sum_to: expected a shape that broadcasts to x {x.shape}, got {shape}")
    lead = x.ndim - len(shape)
    copied = [lead + i for i, n in enumerate(shape) if n == 1]
    if shape and not copied:  # no view, which `backward` would have to copy
        return narrow(accumulate(x, tuple(range(lead))), x.dtype)
    return narrow(accumulate(x, (*range(lead), *copied), keepdims=True).reshape(shape), x.dtype)


def accumulate(x, axes, keepdims=False):
    """Sum of an array over a tuple of axes; float16 is summed in, and returned as, float32.

    NumPy sums pairwise along contiguous memory, but row by row along other axes, where the error grows
    with the number of rows. A sum of many rows is therefore a sum of sums of RUN rows. A GPU sums pairwise.
    """
    x = widen(x)
    if x.size > LONG and x.dtype.kind == "f" and isinstance(x, np.ndarray):
        contiguous, rows = x.itemsize, []
        for axis in sorted(axes, key=lambda axis: x.strides[axis]):
            if x.strides[axis] == contiguous:
                contiguous *= x.shape[axis]
            else:
                rows.append(axis)
        if math.prod(x.shape[axis] for axis in rows) > LONG:
            while math.prod(x.shape[axis] for axis in rows) > RUN:
                x = partial_sums(x, max(rows, key=lambda axis: x.shape[axis]))
    return x.sum(axes, keepdims=keepdims)


def partial_sums(x, axis):
    """Sums of RUN neighbors along an axis: length n -> ceil(n / RUN)."""
    n = x.shape[axis]
    run = min(n, RUN)
    head, tail = np.split(x, [n // run * run], axis)
    head = head.reshape(*x.shape[:axis], n // run, run, *x.shape[axis + 1 :]).sum(axis + 1)
    return np.concatenate([head, tail.sum(axis, keepdims=True)], axis) if tail.size else head


def widen(x):
    """Convert float16, which ends at 65504 and skips integers above 2048, to float32; return other arrays unchanged."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def narrow(y, dtype):
    """Convert a result of widened arrays back to float16 if that was their dtype."""
    return y.astype(dtype) if dtype == np.float16 else y


@contextlib.contextmanager
def unbuffered():
    """Operations on an array and a number for each row take half the time: NumPy does not copy the numbers to a buffer.

    The functions it decorates must not convert dtypes of large arrays, which goes through the buffer as well.
    """
    with np.errstate():  # restores the size of the buffer as well
        if SLOW_BUFFER:
            np.setbufsize(16)
        yield
