"""Sequences of different lengths: packed rows, padding, masks."""

import numpy as np

from .. import cuda
from ..core import Function, as_input, as_number
from .compare import as_indices, less
from .select import split
from .shape import as_inputs, concat, reshape


class Packing:
    """Sequences of different lengths (N, T, ...) as packed rows (S, ...): the rows of step 0, then of step 1, ...

    Within a step the longest sequence is first, so those that still run are the first ones, and only they are computed.
    lengths (N,): integers. counts: the number of sequences that have each step. [not in the book]
    """

    def __init__(self, lengths):
        order = np.argsort(-lengths, kind="stable")
        ranked = lengths[order]
        T = ranked[:1].sum()
        self.counts = tuple(map(int, (ranked > np.arange(T)[:, None]).sum(1))) or (0,)
        step = np.repeat(np.arange(len(self.counts)), self.counts)
        start = np.cumsum((0, *self.counts))
        row = np.arange(len(step)) - start[step]
        self.order = order
        self.rank = np.argsort(order)
        self.index = (order[row], step)  # of each packed row, in (N, T)
        self.reversal = start[ranked[row] - 1 - step] + row
        self.last = (start[ranked - 1] + np.arange(len(order)))[self.rank]  # of each sequence, in its own order

    def pack(self, x):
        """(N, T, ...) -> (S, ...)"""
        return select(x, self.index)

    def unpack(self, y, T, value=0):
        """(S, ...) -> (N, T, ...), with a value after the end of each sequence."""
        return Place(self.index, (len(self.order), T, *y.shape[1:]), value)(y)

    def reverse(self, y):
        """Packed rows with each sequence in the opposite direction."""
        return select(y, self.reversal)


def select(x, index):
    """x[index], where no element is selected twice; a constant if x is one."""
    y = Select(index)(x)
    y.constant = x.constant
    return y


class Select(Function):
    """y = x[index], where no element is selected twice;  gx[index] = gy, 0 elsewhere."""

    def __init__(self, index):
        self.index = index

    def forward(self, x):
        self.x_shape = x.shape
        return x[on_device(self.xp, self.index)]

    def backward(self, gy):
        return Place(self.index, self.x_shape)(gy)


class Place(Function):
    """y[index] = x, a constant value elsewhere;  gx = gy[index]."""

    def __init__(self, index, shape, value=0):
        self.index = index
        self.shape = shape
        self.value = value

    def forward(self, x):
        y = self.xp.full(self.shape, self.value, x.dtype)
        y[on_device(self.xp, self.index)] = x
        return y

    def backward(self, gy):
        return Select(self.index)(gy)


def on_device(xp, index):
    """An index, an array or a tuple of arrays, on the device."""
    return tuple(map(xp.asarray, index)) if isinstance(index, tuple) else xp.asarray(index)


def pad_sequence(xs, value=0):
    """Join sequences of different lengths: a list of (T_i, ...) -> x (N, T, ...), lengths (N,). [not in the book]

    x has the value after the end of each sequence; T is the largest length. Raises ValueError if the other axes differ.
    """
    xs, value = as_inputs("pad_sequence", xs), as_number("pad_sequence", "value", value, nan=True)
    if any(x.ndim == 0 or x.shape[1:] != xs[0].shape[1:] for x in xs):
        raise ValueError(f"pad_sequence: expected x (T_i, ...) that differ only in T_i, got {[x.shape for x in xs]}")
    lengths = np.array([len(x) for x in xs])
    index = np.nonzero(np.arange(lengths.max()) < lengths[:, None])
    return Place(index, (len(xs), int(lengths.max()), *xs[0].shape[1:]), value)(concat(xs)), lengths


def unpad_sequence(x, lengths):
    """The opposite of pad_sequence: x (N, T, ...), lengths (N,) -> a list of (T_i, ...). [not in the book]

    Raises ValueError unless lengths are integers from 0 to T.
    """
    x = as_input(x, "unpad_sequence")
    lengths = check_lengths("unpad_sequence", lengths, x, least=0)
    rows = Select(np.nonzero(np.arange(x.shape[1]) < lengths[:, None]))(x)
    return split(rows, np.cumsum(lengths)[:-1])


def sequence_mask(lengths, T=None):
    """Which steps belong to a sequence: lengths (N,) -> a constant (N, T) of bool, True before the end.

    T: the largest length if None. Raises TypeError unless lengths are integers. [not in the book]
    """
    lengths = as_indices("sequence_mask", lengths)
    if lengths.ndim != 1 or (lengths.size == 0 and T is None):
        raise ValueError(f"sequence_mask: expected lengths (N,), or T if there are none, got {lengths.shape}")
    T = int(lengths.data.max()) if T is None else T
    if not (isinstance(T, (int, np.integer)) and T >= 0):
        raise ValueError(f"sequence_mask: expected T to be an integer of at least 0, got {T!r}")
    return less(lengths.xp.arange(T), reshape(lengths, (len(lengths), 1)))


def check_lengths(name, lengths, x, least=1):
    """Lengths of the sequences in x (N, T, ...), an array on the host. Raises ValueError unless they fit."""
    found = cuda.as_numpy(as_indices(name, lengths))
    if x.ndim < 2 or found.shape != x.shape[:1] or not np.all((least <= found) & (found <= x.shape[1])):
        N, T = (*x.shape, None, None)[:2]
        raise ValueError(f"{name}: expected lengths ({N},) of {least} to {T} for x {x.shape}, got {found.tolist()}")
    return found
