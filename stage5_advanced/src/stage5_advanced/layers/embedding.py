"""Embedding layers."""

import numpy as np

from .. import functions as F
from ..core import Parameter
from ..initializers import check_initializer, initial_values
from .base import Layer, check_sizes


class EmbedID(Layer):
    """A vector for each integer.  x (...), from 0 to in_size - 1 -> (..., out_size). [step 60, not in the book]

    W (in_size, out_size): float32, normal with standard deviation 1, drawn from NumPy's global generator.
    initializer: what draws W instead, such as initializers.Uniform(-0.1, 0.1).
    """

    def __init__(self, in_size, out_size, initializer=None):
        super().__init__()
        check_sizes(self, in_size=in_size, out_size=out_size)
        if check_initializer("EmbedID", initializer) is None:
            W = np.random.randn(in_size, out_size).astype(np.float32)
        else:
            W = initial_values("EmbedID", initializer, (in_size, out_size), np.float32)
        self.W = Parameter(W, name="W")

    def forward(self, x):
        return F.embed_id(x, self.W)
