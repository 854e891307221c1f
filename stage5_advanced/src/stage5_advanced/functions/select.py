"""Functions that select, repeat or add elements: take, gather, split, squeeze, swapaxes, flip, tile, repeat, pad."""

import math
import operator

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .. import cuda
from ..core import Function, as_input, as_number
from . import kernels
from .broadcast import broadcast_to, narrow, widen
from .compare import as_indices
from .reduce import axes_of
from .shape import concat, get_item, reshape, transpose


class Take(Function):
    """y = x with an axis replaced by the axes of the indices;  gx[index] += gy along the axis."""

    not_differentiated = (1,)

    def __init__(self, axis):
        self.axis = axis

    @cuda.on_gpu(kernels.take, integers=True)
    def forward(self, x, indices):
        check_range("take", indices, x.shape[self.axis])
        self.x_shape = x.shape
        return x.take(indices, self.axis)

    def backward(self, gy):
        return TakeGrad(self.axis, self.x_shape)(gy, self.inputs[1]), None


class TakeGrad(Function):
    """Gradient of Take: gx[index] += gy along the axis;  ggy = take(ggx, indices)."""

    not_differentiated = (1,)

    def __init__(self, axis, x_shape):
        self.axis = axis
        self.x_shape = x_shape

    def forward(self, gy, indices):
        # The axes of the indices first: (..., I, J, ...) -> (I * J, rows)
        rows = self.xp.moveaxis(gy, range(self.axis, self.axis + indices.ndim), range(indices.ndim))
        lead, n, rest = self.x_shape[: self.axis], self.x_shape[self.axis], self.x_shape[self.axis + 1 :]
        width = math.prod(lead + rest)
        positions = indices.reshape(-1, 1).astype(np.intp) % max(n, 1) * width + self.xp.arange(width)
        gx = scattered(positions, rows, n * width).reshape(n, *lead, *rest)
        return self.xp.moveaxis(gx, 0, self.axis)

    def backward(self, ggx):
        return take(ggx, self.inputs[1], self.axis), None


def take(x, indices, axis=0):
    """x with an axis replaced by the axes of the indices, tf.gather.  axis 0: (n, ...) -> (I, J, ..., ...).

    A negative index counts from the end; elements that are taken twice receive both gradients. Raises
    TypeError unless the indices are integers, IndexError if one is out of range. [not in the book]
    """
    x = as_input(x, "take")
    return Take(normalize_axis_index(axis, x.ndim, "take"))(x, as_indices("take", indices, x))


class Gather(Function):
    """y[i, j] = x[index[i, j], j] for axis 0;  gx[index[i, j], j] += gy[i, j]."""

    not_differentiated = (1,)

    def __init__(self, axis):
        self.axis = axis

    def forward(self, x, index):
        check_range("gather", index, x.shape[self.axis])
        self.x_shape = x.shape
        return x.reshape(-1)[flat_positions(x.shape, index, self.axis)]

    def backward(self, gy):
        return GatherGrad(self.axis, self.x_shape)(gy, self.inputs[1]), None


class GatherGrad(Function):
    """Gradient of Gather: gx[index[i, j], j] += gy[i, j] for axis 0;  ggy = gather(ggx, index)."""

    not_differentiated = (1,)

    def __init__(self, axis, x_shape):
        self.axis = axis
        self.x_shape = x_shape

    def forward(self, gy, index):
        positions = flat_positions(self.x_shape, index, self.axis)
        return scattered(positions, gy, math.prod(self.x_shape)).reshape(self.x_shape)

    def backward(self, ggx):
        return gather(ggx, self.inputs[1], self.axis), None


def gather(x, index, axis):
    """Elements along an axis:  y[i, j] = x[index[i, j], j] for axis 0. np.take_along_axis. [not in the book]

    The other axes of x and index broadcast; a negative index counts from the end. Raises TypeError unless the
    indices are integers, ValueError if the shapes do not match, IndexError if an index is out of range.
    """
    x = as_input(x, "gather")
    index = as_indices("gather", index, x)
    axis = normalize_axis_index(axis, x.ndim, "gather")
    sides = zip(x.shape, index.shape, strict=False)
    if x.ndim != index.ndim or any(n != m and 1 not in (n, m) for i, (n, m) in enumerate(sides) if i != axis):
        raise ValueError(f"gather: expected indices that match x {x.shape} but for axis {axis}, got {index.shape}")
    return Gather(axis)(x, index)


def broadcastable(a, b):
    """True if both shapes broadcast to a third."""
    return all(n == m or 1 in (n, m) for n, m in zip(a[::-1], b[::-1], strict=False))


def check_range(name, indices, n):
    """Raise IndexError unless indices are from -n to n - 1; on a GPU, the host waits for the check."""
    if indices.size > 0:
        low, high = int(indices.min()), int(indices.max())
        if not -n <= low <= high < n:
            raise IndexError(f"{name}: expected indices from {-n} to {n - 1}, got {low} to {high}")


def flat_positions(shape, index, axis):
    """Positions in the flattened x of the elements that `gather` selects."""
    xp = cuda.get_array_module(index)
    positions, stride = 0, 1
    for i in reversed(range(len(shape))):
        along = index % max(shape[i], 1) if i == axis else xp.arange(shape[i]).reshape(-1, *[1] * (len(shape) - 1 - i))
        positions = positions + along.astype(np.intp) * stride
        stride *= shape[i]
    return positions


def scattered(positions, values, size):
    """An array (size,) of zeros to which the values are added at the positions; float16 is added in float32."""
    xp = cuda.get_array_module(values)
    y = xp.zeros(size, widen(values).dtype)
    xp.add.at(y, positions.ravel(), values.ravel())
    return narrow(y, values.dtype)


class Split(Function):
    """ys = parts of x along an axis;  gx = the gradients, concatenated."""

    def __init__(self, points, axis):
        self.points = points
        self.axis = axis

    def forward(self, x):
        return tuple(self.xp.split(x, self.points, self.axis))

    def backward(self, *gys):
        return concat(list(gys), self.axis)


def split(x, sections, axis=0):
    """A list of parts of x along an axis: a number of equal parts, or the indices at which x is split.

    The parts share memory with x. Raises ValueError if x cannot be divided so. [not in the book]
    """
    x = as_input(x, "split")
    axis = normalize_axis_index(axis, x.ndim, "split")
    n = x.shape[axis]
    if isinstance(sections, (int, np.integer)):
        if sections < 1 or n % sections:
            raise ValueError(f"split: expected a number of parts that divides {n}, got {sections}")
        points = list(range(n // sections, n, n // sections)) if n else [0] * (sections - 1)
    else:
        points = [operator.index(point) for point in sections]
        if points != sorted(points) or not all(0 <= point <= n for point in points):
            raise ValueError(f"split: expected increasing indices from 0 to {n}, got {points}")
    ys = Split(points, axis)(x)
    return ys if isinstance(ys, list) else [ys]


def squeeze(x, axis=None):
    """x without axes of length 1: all of them, or those given. [not in the book]

    Raises ValueError for an axis of another length.
    """
    x = as_input(x, "squeeze")
    axes = (
        [i for i, n in enumerate(x.shape) if n == 1] if axis is None else normalize_axis_tuple(axis, x.ndim, "squeeze")
    )
    if any(x.shape[i] != 1 for i in axes):
        raise ValueError(f"squeeze: expected axes of length 1, got axis {axis} of x {x.shape}")
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in axes))


def swapaxes(x, a, b):
    """x with two axes exchanged; shares memory with x. [not in the book]"""
    x = as_input(x, "swapaxes")
    axes = list(range(x.ndim))
    a, b = (normalize_axis_index(axis, x.ndim, "swapaxes") for axis in (a, b))
    axes[a], axes[b] = b, a
    return transpose(x, tuple(axes))


def flip(x, axis=None):
    """x in reverse order along one axis, several, or all; shares memory with x. [not in the book]"""
    x = as_input(x, "flip")
    axes = axes_of("flip", axis, x.ndim)
    return get_item(x, tuple(slice(None, None, -1 if i in axes else None) for i in range(x.ndim)))


def tile(x, reps):
    """x repeated as a whole: reps times along each axis; a number stands for the last axis. [not in the book]"""
    x = as_input(x, "tile")
    reps = tuple(map(operator.index, reps)) if np.iterable(reps) else (operator.index(reps),)
    if any(n < 0 for n in reps):
        raise ValueError(f"tile: expected numbers of repetitions of at least 0, got {reps}")
    ndim = max(x.ndim, len(reps))
    shape, reps = (1,) * (ndim - x.ndim) + x.shape, (1,) * (ndim - len(reps)) + reps
    pairs = list(zip(reps, shape, strict=True))
    y = reshape(x, tuple(k for _, n in pairs for k in (1, n)))  # (H, W) -> (1, H, 1, W)
    y = broadcast_to(y, tuple(k for pair in pairs for k in pair))
    return reshape(y, tuple(r * n for r, n in pairs))


def repeat(x, n, axis=None):
    """x with each element repeated n times along an axis, or in the flattened array. [not in the book]"""
    x = as_input(x, "repeat")
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    axis, n = normalize_axis_index(axis, x.ndim, "repeat"), operator.index(n)
    if n < 0:
        raise ValueError(f"repeat: expected a number of repetitions of at least 0, got {n}")
    lead, length, rest = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    y = broadcast_to(reshape(x, (*lead, length, 1, *rest)), (*lead, length, n, *rest))
    return reshape(y, (*lead, length * n, *rest))


class Pad(Function):
    """y = x with a border of a constant value;  gx = gy without the border."""

    def __init__(self, widths, value):
        self.widths = widths
        self.value = value

    def forward(self, x):
        shape = [before + n + after for n, (before, after) in zip(x.shape, self.widths, strict=True)]
        self.inside = tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, self.widths, strict=True))
        y = self.xp.full(shape, self.value, x.dtype)
        y[self.inside] = x
        return y

    def backward(self, gy):
        return get_item(gy, self.inside)


def pad(x, pad_width, mode="constant", value=0):
    """x with a border: of a value, of its edge, or reflected at the edge. [not in the book]

    pad_width: as in np.pad: a number, (before, after), or such a pair for each axis. mode: 'constant', 'edge' or
    'reflect'. Raises ValueError for negative widths, or if there is too little to repeat or to reflect.
    """
    x = as_input(x, "pad")
    if mode not in ("constant", "edge", "reflect"):
        raise ValueError(f"pad: expected mode 'constant', 'edge' or 'reflect', got {mode!r}")
    try:
        widths = [tuple(map(operator.index, pair)) for pair in np.broadcast_to(pad_width, (x.ndim, 2)).tolist()]
    except (TypeError, ValueError) as error:
        raise ValueError(f"pad: expected integers, two for each axis of x {x.shape}, got {pad_width}") from error
    least = {"constant": lambda n: math.inf, "edge": lambda n: math.inf if n else 0, "reflect": lambda n: n - 1}[mode]
    if any(not 0 <= width <= max(least(n), 0) for n, pair in zip(x.shape, widths, strict=True) for width in pair):
        raise ValueError(f"pad: expected widths that mode {mode!r} can fill for x {x.shape}, got {widths}")
    if mode == "constant":
        return Pad(widths, as_number("pad", "value", value, nan=True))(x)
    for axis, pair in enumerate(widths):
        if pair != (0, 0):
            x = take(x, np.pad(np.arange(x.shape[axis]), pair, mode), axis)
    return x
