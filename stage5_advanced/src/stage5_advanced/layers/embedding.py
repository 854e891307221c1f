"""Embedding layers."""

import numpy as np

from .. import functions as F
from ..core import Parameter
from ..initializers import Zeros, check_initializer, initial_values
from .base import Buffer, Layer, check_sizes


class EmbedID(Layer):
    """A vector for each integer.  x (...), from 0 to in_size - 1 -> (..., out_size). [step 60, not in the book]

    W (in_size, out_size): float32, normal with standard deviation 1, drawn from NumPy's global generator.
    pad_id: an id whose vector is 0 and is not trained, such as that of padding. initializer: what draws W instead, such
    as initializers.Uniform(-0.1, 0.1). frozen: W is a Buffer, which is saved but not trained.
    """

    def __init__(self, in_size, out_size, pad_id=None, initializer=None, frozen=False):
        super().__init__()
        check_sizes(self, in_size=in_size, out_size=out_size)
        if pad_id is not None and not (isinstance(pad_id, (int, np.integer)) and 0 <= pad_id < in_size):
            raise ValueError(f"EmbedID: expected pad_id from 0 to {in_size - 1} or None, got {pad_id!r}")
        self.pad_id = pad_id
        if check_initializer("EmbedID", initializer) is None:
            W = np.random.randn(in_size, out_size).astype(np.float32)
        else:
            W = initial_values("EmbedID", initializer, (in_size, out_size), np.float32)
        if pad_id is not None:
            W[pad_id] = 0
        self.W = (Buffer if frozen else Parameter)(W, name="W")
        self.W.constant = bool(frozen)

    @classmethod
    def of(cls, array, frozen=True, pad_id=None):
        """A layer whose W is a copy of pretrained vectors, an array (in_size, out_size). [not in the book]"""
        array = np.array(array)
        if array.ndim != 2 or array.dtype.kind != "f":
            raise ValueError(f"EmbedID.of: expected floats (in_size, out_size), got {array.dtype} {array.shape}")
        layer = cls(*array.shape, pad_id, Zeros(), frozen)
        if pad_id is not None:
            array[pad_id] = 0
        layer.W.data = array
        return layer

    def forward(self, x):
        y = F.embed_id(x, self.W)
        if self.pad_id is None:
            return y
        return F.where(F.expand_dims(F.equal(x, self.pad_id), -1), 0, y)
