"""Functions that rearrange elements: reshape, transpose, get_item, concat and their variants."""

import math

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .. import cuda
from ..core import Function, Variable, as_input
from . import kernels


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
    """Reshape x; one length may be -1. The result may share memory with x. [step 38]"""
    x = as_input(x, "reshape")
    return x if isinstance(shape, tuple) and x.shape == shape else Reshape(shape)(x)


def expand_dims(x, axis):
    """Insert an axis of length 1 at a position, or several at a tuple of positions. [step 39, not in the book]"""
    x = as_input(x, "expand_dims")
    return reshape(x, x.xp.expand_dims(x.data, axis).shape)


def flatten(x):
    """Flatten all axes but the first: (N, C, H, W) -> (N, C*H*W). [step 38, not in the book]"""
    x = as_input(x, "flatten")
    if x.ndim == 0:
        raise ValueError("flatten: expected x with at least one axis, got x ()")
    return reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class Transpose(Function):
    """y = x with permuted axes;  gx = gy with the inverse permutation."""

    def __init__(self, axes):
        self.axes = axes

    def forward(self, x):
        if self.axes is not None and len(self.axes) != x.ndim:
            raise ValueError(f"transpose: expected {x.ndim} axes for x {x.shape}, got {self.axes}")
        return x.transpose(self.axes)

    def backward(self, gy):
        if self.axes is None:
            return transpose(gy)
        inverse = np.argsort([axis % len(self.axes) for axis in self.axes])
        return transpose(gy, tuple(map(int, inverse)))


def transpose(x, axes=None):
    """Permute the axes, or reverse their order if axes is None; shares memory with x. [step 38]"""
    return Transpose(axes)(x)


class GetItem(Function):
    """y = x[slices];  gx = gy at slices, 0 elsewhere."""

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
    """Gradient of GetItem, floating-point even for integers: gx[slices] += gy;  ggy = ggx[slices].

    A GPU adds gradients of the same element in any order, so its rounding may differ from run to run.
    """

    def __init__(self, slices, x_shape):
        self.slices = slices
        self.x_shape = x_shape

    def forward(self, gy):
        dtype = np.result_type(gy.dtype, 0.0)
        if is_basic_index(self.slices):
            gx = self.xp.zeros(self.x_shape, dtype)
            gx[self.slices] = gy
            return gx
        gx = self.xp.zeros(self.x_shape, np.result_type(dtype, np.float32))  # float16 would lose small gradients
        if isinstance(self.slices, np.ndarray):
            add_rows(gx, self.slices, gy)
        else:
            self.xp.add.at(gx, self.slices, gy)
        return gx.astype(dtype, copy=False)

    def backward(self, ggx):
        return get_item(ggx, self.slices)


def is_basic_index(slices):
    """True if the index cannot select an element twice: it has no index arrays, or is one boolean mask."""
    parts = slices if isinstance(slices, tuple) else (slices,)
    if len(parts) == 1 and is_array(parts[0]):
        return parts[0].dtype == bool
    return all(part is None or part is Ellipsis or isinstance(part, (int, np.integer, slice)) for part in parts)


def add_rows(x, index, rows):
    """np.add.at(x, index, rows) for x of zeros: the first row for each index is assigned, which is faster."""
    width = math.prod(x.shape[1:])
    x, index, rows = x.reshape(len(x), width), index.ravel().astype(np.intp), rows.reshape(index.size, width)
    place, numbers = np.empty(len(x), np.intp), np.arange(index.size)
    place[index[::-1]] = numbers[::-1]  # for each index, its first position
    first = place[index] == numbers
    x[index[first]] = rows[first] + 0  # -0.0 becomes 0.0, as in a sum
    if not first.all():
        index, rows = index[~first], rows[~first]
        positions = index[:, None] * width + np.arange(width)  # may be negative, like index
        np.add.at(x.reshape(-1), positions.ravel(), rows.ravel())


def index_for(x, index):
    """Move arrays and lists in an index to the GPU if x is there. Raises TypeError if only the index is there."""
    if isinstance(index, tuple):
        return tuple(index_for(x, part) for part in index)
    if cuda.is_on_gpu(index):
        cuda.common_module("get_item", [x, index])
    elif cuda.is_on_gpu(x) and isinstance(index, (np.ndarray, list)):
        return cuda.cupy.asarray(index, int if np.size(index) == 0 else None)
    return index


def get_item(x, slices):
    """x[slices]: integers, slices, Ellipsis, None, index arrays or masks, which may be Variables. [step 47]

    The result shares memory with x unless there are index arrays or masks. Index arrays out of range
    raise IndexError on the host, but wrap around on a GPU.
    """
    if isinstance(slices, tuple):
        slices = tuple(part.data if isinstance(part, Variable) else part for part in slices)
    return GetItem(slices.data if isinstance(slices, Variable) else slices)(x)


class EmbedID(Function):
    """y = W[x];  gW[x] += gy."""

    not_differentiated = (0,)

    @cuda.on_gpu(kernels.embed_id, integers=True)
    def forward(self, x, W):
        check_indices("embed_id", x, len(W))
        self.W_shape = W.shape
        return W[x]

    def backward(self, gy):
        x, W = self.inputs
        return None, None if W.constant else EmbedIDGrad(self.W_shape)(x, gy)


class EmbedIDGrad(Function):
    """Gradient of EmbedID: gW[x] += gy;  ggy = ggW[x]."""

    not_differentiated = (0,)

    def __init__(self, W_shape):
        self.W_shape = W_shape

    def forward(self, x, gy):
        grad = GetItemGrad(x, self.W_shape)
        grad.xp = self.xp
        return grad.forward(gy)

    def backward(self, ggW):
        return None, embed_id(self.inputs[0], ggW)


def embed_id(x, W):
    """Rows of W selected by id.  x (...) ids, W (in_size, out_size) -> (..., out_size). [step 60, not in the book]

    Raises TypeError unless ids are integers, ValueError unless they are from 0 to in_size - 1.
    """
    W = as_input(W, "embed_id")
    if W.ndim != 2:
        raise ValueError(f"embed_id: expected W (in_size, out_size), got W {W.shape}")
    return EmbedID()(x if isinstance(x, Variable) else to_device_of("embed_id", W.data, x), W)


def to_device_of(name, x, t):
    """Labels or ids t, a Variable, an array or a list, as an array on the device of the array x.

    Raises TypeError if t is None, or an array on another device.
    """
    t = cuda.data_of(t)
    if t is None:
        raise TypeError(f"{name}: expected a Variable with data or an array, got None")
    if cuda.gpu_enable and is_array(t):
        cuda.common_module(name, [x, t])
    return cuda.get_array_module(x).asarray(t)


def check_indices(name, t, size):
    """Raise TypeError unless labels or ids are integers, ValueError unless they are from 0 to size - 1."""
    if t.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers from 0 to {size - 1}, got {t.dtype}")
    if t.size == 0:
        return
    low, high = t.min(), t.max()
    if cuda.is_on_gpu(t):  # one transfer for both: the host waits for each
        low, high = cuda.as_numpy(cuda.cupy.stack((low, high)))
    if not 0 <= low <= high < size:
        raise ValueError(f"{name}: expected integers from 0 to {size - 1}, got {low} to {high}")


def is_array(x):
    """True if x is an array, on the host or on the GPU."""
    return isinstance(x, np.ndarray) or cuda.is_on_gpu(x)


class Concat(Function):
    """y = xs concatenated along an axis;  gxs = the parts of gy."""

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
    """Join a list of variables or arrays along an existing axis. [step 47, not in the book]"""
    return Concat(axis)(*as_inputs("concat", xs))


def stack(xs, axis=0):
    """Join a list of variables or arrays of the same shape along a new axis. [step 47, not in the book]"""
    xs = as_inputs("stack", xs)
    if len({x.shape for x in xs}) > 1:
        raise ValueError(f"stack: expected inputs of the same shape, got {[x.shape for x in xs]}")
    return concat([expand_dims(x, axis) for x in xs], axis)


def as_inputs(name, xs):
    """Convert a list of arrays to Variables. Raises TypeError for a single array, ValueError for an empty list."""
    if xs is None or isinstance(xs, Variable) or is_array(xs):
        raise TypeError(f"{name}: expected a list of variables or arrays, got one {type(xs).__name__}")
    if len(xs) == 0:
        raise ValueError(f"{name}: expected at least one variable or array, got an empty list")
    return [as_input(x, name) for x in xs]
