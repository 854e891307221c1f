"""The affine layer."""

import math

import numpy as np

from .. import functions as F
from ..core import Parameter, as_input
from ..initializers import check_initializer, initial_values
from .base import Layer, check_sizes, uninitialized


class Linear(Layer):
    """y = x W + b.  x (N, in_size) -> (N, out_size). [step 44]

    W (in_size, out_size): normal with standard deviation sqrt(1 / in_size), drawn from NumPy's global generator: on
    construction if in_size is given, otherwise at the first call. b (out_size,): zeros; None with nobias.
    Both have the given dtype. initializer: what draws W instead, such as initializers.He().
    """

    def __init__(self, out_size, nobias=False, dtype=np.float32, in_size=None, initializer=None):
        super().__init__()
        check_sizes(self, nobias, out_size=out_size, in_size=in_size)
        self.initializer = check_initializer(type(self).__name__, initializer)
        self.in_size = in_size
        self.out_size = out_size
        self.dtype = dtype

        self.W = uninitialized("W", (in_size, out_size), dtype)
        if self.in_size is not None:
            self._init_W()
        self.b = None if nobias else Parameter(np.zeros(out_size, dtype=dtype), name="b")

    def _init_W(self, xp=np):
        I, O = self.in_size, self.out_size
        if self.initializer is not None:
            self.W.data = xp.asarray(initial_values("Linear", self.initializer, (I, O), self.dtype))
            return
        # math.sqrt, since the NumPy scalar from np.sqrt would turn float32 into float64.
        self.W.data = xp.asarray(np.random.randn(I, O).astype(self.dtype) * math.sqrt(1 / I))

    def prepare(self, x):
        """Draw W for inputs like x if it is uninitialized. Check x first, so that a failure changes nothing."""
        if self.W.data is None:
            if x.ndim == 0 or x.shape[-1] == 0:
                raise ValueError(f"Linear: expected x (N, in_size) with in_size at least 1, got {x.shape}")
            self.in_size = x.shape[-1]
            self._init_W(x.xp)

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.linear(x, self.W, self.b)
