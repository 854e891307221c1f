"""Normalization layers, and dropout."""

import numpy as np

from .. import functions as F
from ..config import Config
from ..core import as_input
from .base import Buffer, Layer, uninitialized


class BatchNorm(Layer):
    """Normalize each channel, scale by gamma, shift by beta.  x (N, C, ...) -> its shape. [step 54, not in the book]

    gamma, beta (C,): parameters, ones and zeros. avg_mean, avg_var (C,): buffers, the running statistics that
    training updates and `test_mode` uses. All are created at the first call: float64 if x is, otherwise float32.
    eps is added to the variance.
    """

    def __init__(self, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.avg_mean = uninitialized("avg_mean", (None,), kind=Buffer)
        self.avg_var = uninitialized("avg_var", (None,), kind=Buffer)
        self.gamma = uninitialized("gamma", (None,))
        self.beta = uninitialized("beta", (None,))

    def prepare(self, x):
        """Initialize parameters and buffers for inputs like x. Check x first, so that a failure changes nothing."""
        state = {self.avg_mean: 0, self.avg_var: 1, self.gamma: 1, self.beta: 0}
        missing = [variable for variable in state if variable.data is None]
        if missing:
            shapes = {variable.shape for variable in state if variable.data is not None}
            if x.ndim < 2 or not shapes <= {x.shape[1:2]}:
                raise ValueError(
                    f"BatchNorm: expected x (N, C, ...) with parameters (C,), got {x.shape} {shapes or ''}"
                )
            if Config.train and x.size < 2 * x.shape[1]:
                raise ValueError(f"BatchNorm: expected at least two numbers per channel in training, got x {x.shape}")
        dtype = np.float64 if x.dtype == np.float64 else np.float32
        for variable in missing:
            variable.data = x.xp.full(x.shape[1], state[variable], dtype)

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.batch_norm(x, self.gamma, self.beta, self.avg_mean, self.avg_var, eps=self.eps)


class Dropout(Layer):
    """In training, 0 with probability ratio, otherwise x / (1 - ratio); at inference, x. [not in the book]

    The function `dropout` as a layer. Raises ValueError for a ratio outside [0, 1).
    """

    def __init__(self, ratio=0.5):
        super().__init__()
        if not 0 <= ratio < 1:
            raise ValueError(f"Dropout: expected a ratio in [0, 1), got {ratio}")
        self.ratio = float(ratio)

    def forward(self, x):
        return F.dropout(x, self.ratio)
