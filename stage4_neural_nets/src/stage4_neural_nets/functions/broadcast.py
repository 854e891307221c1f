"""Copying an array to a larger shape, and summing it to a smaller one: each is the gradient of the other."""

import numpy as np

from ..core import Function, Variable, as_variable


class BroadcastTo(Function):
    """y = x, copied along new axes and axes of length 1;  gx = gy, summed over the copies."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        if not broadcasts(x.shape, self.shape):
            raise ValueError(f"broadcast_to: {x.shape} does not broadcast to {self.shape}")
        self.x_shape = x.shape
        return np.broadcast_to(x, self.shape)

    def backward(self, gy):
        return sum_to(gy, self.x_shape)


def broadcast_to(x, shape):
    """x copied to a shape, as NumPy does it; the result's data are a read-only view. [step 40]"""
    x = as_variable(x)
    return x if x.shape == shape else BroadcastTo(as_shape(shape))(x)


class SumTo(Function):
    """y = x, summed to a shape;  gx = gy, copied to all that was summed."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        self.x_shape = x.shape
        return sum_array_to(x, self.shape)

    def backward(self, gy):
        return broadcast_to(gy, self.x_shape)


def sum_to(x, shape):
    """x summed to a shape from which NumPy would broadcast to that of x: (2, 3) to (1, 3) or (3,). [step 40]"""
    if isinstance(x, Variable) and x.data.shape == shape:
        return x
    x = as_variable(x)
    return x if x.shape == shape else SumTo(as_shape(shape))(x)


def broadcasts(small, large):
    """Whether NumPy broadcasts the one shape to the other."""
    lead = len(large) - len(small)
    return lead >= 0 and all(n in (1, m) for n, m in zip(small, large[lead:], strict=True))


def as_shape(shape):
    """A shape as a tuple, also from a list or one number."""
    return (shape,) if isinstance(shape, int) else tuple(shape)


def sum_array_to(x, shape):
    """The same from array to array; ValueError for a shape that cannot be broadcast to that of x. [step 40]"""
    shape = as_shape(shape)
    if not broadcasts(shape, x.shape):
        raise ValueError(f"sum_to: {x.shape} cannot be summed to {shape}, which does not broadcast to it")
    lead = x.ndim - len(shape)
    copied = [lead + i for i, n in enumerate(shape) if n == 1]
    return x.sum((*range(lead), *copied), keepdims=True).reshape(shape)
