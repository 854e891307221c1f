"""Matrix products: matmul, and linear, the affine map of a layer."""

import math

from ..core import Function, as_input
from .broadcast import broadcasts, sum_to
from .products import product
from .shape import expand_dims, reshape, transpose


class MatMul(Function):
    """y = x W;  gx = gy W^T, gW = x^T gy. A vector x is one row, a vector W one column."""

    def forward(self, x, W):
        return product(x, W)

    def backward(self, gy):
        x, W = self.inputs
        row, column = x.ndim == 1, W.ndim == 1
        gy = expand_dims(gy, -1) if column else gy
        gy = expand_dims(gy, -2) if row else gy
        gx = gW = None
        if not x.constant:
            rows = (1, *x.shape) if row else x.shape
            gx = reshape(sum_to(matmul(gy, swap_last_axes(expand_dims(W, -1) if column else W)), rows), x.shape)
        if not W.constant:
            columns = (*W.shape, 1) if column else W.shape
            gW = reshape(sum_to(matmul(swap_last_axes(expand_dims(x, 0) if row else x), gy), columns), W.shape)
        return gx, gW


def matmul(x, W):
    """Matrix product.  x (N, D), W (D, H) -> (N, H). [step 41]

    A vector x is a row, a vector W a column; axes before the last two are batches and broadcast.
    Raises ValueError for 0-d inputs, and if the columns of x do not match the rows of W.
    """
    x, W = as_input(x, "matmul"), as_input(W, "matmul")
    if x.ndim == 0 or W.ndim == 0:
        raise ValueError(f"matmul: expected arrays with at least one axis, got x {x.shape} and W {W.shape}")
    check_product("matmul", x, W)
    if W.ndim == 2 and x.ndim > 2:  # one product for the whole batch
        return Linear()(x, W)
    return MatMul()(x, W)


def swap_last_axes(x):
    """Exchange the last two axes."""
    return transpose(x) if x.ndim == 2 else transpose(x, (*range(x.ndim - 2), -1, -2))


def check_product(name, x, W):
    """Raise ValueError unless x has as many columns as W has rows."""
    if x.shape[-1] != W.shape[-2:][0]:
        raise ValueError(f"{name}: expected x with as many columns as W has rows, got x {x.shape} and W {W.shape}")


class Linear(Function):
    """y = x W + b;  gx = gy W^T, gW = x^T gy, gb = sum of gy over rows. Keeps no intermediate array."""

    def forward(self, x, W, b=None):
        self.N = math.prod(x.shape[:-1])
        y = product(x.reshape(self.N, x.shape[-1]), W).reshape(*x.shape[:-1], W.shape[1])
        if b is None:
            return y
        self.b_shape = b.shape
        return self.xp.add(y, b, out=y if y.dtype == b.dtype else None)

    def backward(self, gy):
        x, W = self.inputs[:2]
        gx = None if x.constant else matmul(gy, transpose(W))
        gW = None
        if not W.constant:
            D, H = W.shape
            gW = matmul(transpose(reshape(x, (self.N, D))), reshape(gy, (self.N, H)))
        if len(self.inputs) == 2:
            return gx, gW
        gb = None if self.inputs[2].constant else sum_to(gy, self.b_shape)
        return gx, gW, gb


def linear(x, W, b=None):
    """Affine map x W + b.  x (N, D), W (D, H), b (H,) or None -> (N, H). [step 43]

    x may have any number of axes before D. Raises ValueError if shapes do not match.
    """
    x, W = as_input(x, "linear"), as_input(W, "linear")
    if x.ndim == 0 or W.ndim != 2:
        raise ValueError(f"linear: expected x (N, D) and W (D, H), got x {x.shape} and W {W.shape}")
    check_product("linear", x, W)
    if b is None:
        return Linear()(x, W)
    b = as_input(b, "linear")
    if not broadcasts(b.shape, (1,) * (x.ndim - 1) + W.shape[1:]):
        raise ValueError(f"linear: expected b ({W.shape[1]},) for W {W.shape}, got b {b.shape}")
    return Linear()(x, W, b)


def linear_simple(x, W, b=None):
    """linear composed of basic functions; releases the data of the product, which backward does not need. [step 43]"""
    t = matmul(x, W)
    if b is None:
        return t
    y = t + b
    t.data = None
    return y
