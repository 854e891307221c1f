"""Embedding layers."""

import numpy as np

from .. import functions as F
from ..core import Parameter
from .base import Layer, check_sizes


class EmbedID(Layer):
    """A vector for each integer.  x (...), from 0 to in_size - 1 -> (..., out_size). [step 60, not in the book]

    W (in_size, out_size): float32, normal with standard deviation 1, drawn from NumPy's global generator.
    """

    def __init__(self, in_size, out_size):
        super().__init__()
        check_sizes(self, in_size=in_size, out_size=out_size)
        self.W = Parameter(np.random.randn(in_size, out_size).astype(np.float32), name="W")

    def forward(self, x):
        return F.embed_id(x, self.W)
