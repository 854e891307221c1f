"""Functions that move elements without changing them: reshape, transpose, get_item, concat and their kin."""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .. import cuda
from ..core import Function, Variable, as_input, as_variable


class Reshape(Function):
    """y = x in another shape;  gx = gy in the shape of x."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        self.x_shape = x.shape
        return x.reshape(self.shape)

    def backward(self, gy):
        return reshape(gy, self.x_shape)


def reshape(x, shape):
    """The elements of x in another shape; one length may be -1. The result may share memory with x. [step 38]"""
    x = as_variable(x)
    return x if x.shape == shape else Reshape(shape)(x)


def expand_dims(x, axis):
    """A new axis of length 1 where axis says; several for a tuple. [beside step 39]"""
    x = as_variable(x)
    return reshape(x, x.xp.expand_dims(x.data, axis).shape)


def flatten(x):
    """All axes but the first made one: (N, C, H, W) -> (N, C*H*W). [beside step 38]"""
    x = as_variable(x)
    if x.ndim == 0:
        raise ValueError("flatten: x has no axis, at least one is needed")
    return reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class Transpose(Function):
    """y = x with its axes in another order;  gx = gy with the order undone."""

    def __init__(self, axes):
        self.axes = axes

    def forward(self, x):
        if self.axes is not None and len(self.axes) != x.ndim:
            raise ValueError(f"transpose: axes {self.axes} came, x {x.shape} has {x.ndim}")
        return x.transpose(self.axes)

    def backward(self, gy):
        if self.axes is None:
            return transpose(gy)
        inverse = np.argsort([axis % len(self.axes) for axis in self.axes])
        return transpose(gy, tuple(map(int, inverse)))


def transpose(x, axes=None):
    """x with its axes in the order given, reversed for None; shares memory with x. [step 38]"""
    return Transpose(axes)(x)


class GetItem(Function):
    """y = x[slices];  gx = gy where it was taken from, 0 elsewhere."""

    def __init__(self, slices):
        self.slices = slices

    def forward(self, x):
        self.x_shape = x.shape
        if cuda.gpu_enable:
            self.slices = index_for(x, self.slices)
        return x[self.slices]

    def backward(self, gy):
        return GetItemGrad(self.slices, self.x_shape)(gy)


class GetItemGrad(Function):
    """The gradient of GetItem, floating even for integers: gx[slices] += gy;  ggy = ggx[slices].

    A GPU adds what comes together at one element in any order, so that its rounding may differ from run to run.
    """

    def __init__(self, slices, x_shape):
        self.slices = slices
        self.x_shape = x_shape

    def forward(self, gy):
        gx = self.xp.zeros(self.x_shape, np.result_type(gy.dtype, 0.0))
        if takes_each_once(self.slices):
            gx[self.slices] = gy
        elif isinstance(self.slices, np.ndarray) and self.slices.size > 0:
            add_rows(gx, self.slices, gy)
        else:
            self.xp.add.at(gx, self.slices, gy)
        return gx

    def backward(self, ggx):
        return get_item(ggx, self.slices)


def takes_each_once(slices):
    """Whether no element can be taken twice: so it is without arrays of indices."""
    parts = slices if isinstance(slices, tuple) else (slices,)
    if len(parts) == 1 and is_array(parts[0]):
        return parts[0].dtype == bool
    return all(part is None or part is Ellipsis or isinstance(part, (int, np.integer, slice)) for part in parts)


def add_rows(x, index, rows):
    """np.add.at(x, index, rows) for an index of the first axis; one axis is the only case that np.add.at is fast in."""
    width = math.prod(x.shape[1:])
    positions = index.reshape(-1, 1).astype(np.intp) * width + np.arange(width)  # negative ones wrap around as well
    np.add.at(x.reshape(-1), positions.ravel(), rows.ravel())


def index_for(x, index):
    """An index with its arrays and lists brought to the GPU if x is there; TypeError if it is only they that are."""
    if isinstance(index, tuple):
        return tuple(index_for(x, part) for part in index)
    if cuda.is_on_gpu(index):
        cuda.common_module("get_item", [x, index])
    elif cuda.is_on_gpu(x) and isinstance(index, (np.ndarray, list)):
        return cuda.cupy.asarray(index, int if np.size(index) == 0 else None)
    return index


def get_item(x, slices):
    """x[slices]: numbers, slices, Ellipsis, None, arrays of indices or masks, also in Variables. [step 47]

    What numbers and slices take shares memory with x; what index arrays take does not. On a GPU index
    arrays wrap around where they are out of bounds, which is an IndexError on the host.
    """
    if isinstance(slices, tuple):
        slices = tuple(part.data if isinstance(part, Variable) else part for part in slices)
    return GetItem(slices.data if isinstance(slices, Variable) else slices)(x)


def embed_id(x, W):
    """The rows of W by their numbers.  x (...) ids, W (in_size, out_size) -> (..., out_size). [beside step 60]

    Ids are integers 0 to in_size - 1: TypeError for others, ValueError for one that is not there.
    """
    W = as_input(W)
    x = beside("embed_id", W.data, x)
    if x.dtype.kind not in "iu":
        raise TypeError(f"embed_id: x of {x.dtype} came, ids are integers")
    if W.ndim != 2:
        raise ValueError(f"embed_id: W {W.shape} came, (in_size, out_size) is needed")
    wrong = out_of_range(x, len(W))
    if wrong is not None:
        raise ValueError(f"embed_id: id {wrong} came, W {W.shape} has the ids 0 to {len(W) - 1}")
    return get_item(W, x)


def beside(name, x, t):
    """The array of labels or ids t: a Variable, an array, or a list, which goes where the array x is.

    TypeError for an array that is not there.
    """
    t = cuda.data_of(t)
    if cuda.gpu_enable and is_array(t):
        cuda.common_module(name, [x, t])
    return cuda.get_array_module(x).asarray(t)


def out_of_range(t, size):
    """The smallest or the largest of the numbers t if it is not in 0 to size - 1, otherwise None."""
    if t.size == 0:
        return None
    ends = (t.min(), t.max())
    if cuda.is_on_gpu(t):  # both in one go, since the host waits for the GPU here
        ends = cuda.as_numpy(cuda.cupy.stack(ends))
    return next((end for end in ends if not 0 <= end < size), None)


def is_array(x):
    """Whether x is an array, here or on the GPU."""
    return isinstance(x, np.ndarray) or cuda.is_on_gpu(x)


class Concat(Function):
    """y = the xs one behind the other along an axis;  gx = its part of gy."""

    def __init__(self, axis):
        self.axis = axis

    def forward(self, *xs):
        self.axis = normalize_axis_index(self.axis, xs[0].ndim, "concat")
        self.lengths = [x.shape[self.axis] for x in xs]
        return self.xp.concatenate(xs, self.axis)

    def backward(self, gy):
        gxs = []
        lead = (slice(None),) * self.axis
        start = 0
        for x, length in zip(self.inputs, self.lengths, strict=True):
            gxs.append(None if x.constant else gy[(*lead, slice(start, start + length))])
            start += length
        return tuple(gxs)


def concat(xs, axis=0):
    """A list of variables or arrays joined along an axis that they have. ValueError for none. [beside step 47]"""
    return Concat(axis)(*as_inputs("concat", xs))


def stack(xs, axis=0):
    """A list of variables or arrays of one shape joined along a new axis. ValueError for none. [beside step 47]"""
    xs = as_inputs("stack", xs)
    if len({x.shape for x in xs}) > 1:
        raise ValueError(f"stack: shapes {[x.shape for x in xs]} came, all must be the same")
    return concat([expand_dims(x, axis) for x in xs], axis)


def as_inputs(name, xs):
    """A list of variables or arrays as Variables. TypeError for one that is in no list, ValueError for none."""
    if isinstance(xs, Variable) or is_array(xs):
        raise TypeError(f"{name}: one {type(xs).__name__} came, a list of them is needed")
    if len(xs) == 0:
        raise ValueError(f"{name}: an empty list came, at least one variable is needed")
    return [as_input(x) for x in xs]
