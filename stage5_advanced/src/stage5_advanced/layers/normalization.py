"""Normalization layers, and dropout."""

import numpy as np

from .. import functions as F
from ..config import Config
from ..core import as_input, as_number
from ..functions.regularize import as_ratio
from .base import Buffer, Layer, uninitialized


class BatchNorm(Layer):
    """Normalize each channel, scale by gamma, shift by beta.  x (N, C, ...) -> its shape. [step 54, not in the book]

    gamma, beta (C,): parameters, ones and zeros. avg_mean, avg_var (C,): buffers, the running statistics that
    training updates and `test_mode` uses. All are created at the first call: float64 if x is, otherwise float32.
    eps is added to the variance. decay: of the running statistics; None for means over all calls. affine=False: without
    gamma and beta. warmup: the first calls count more, decay is at most (1 + t) / (10 + t) after t of them. With decay
    None or warmup, a buffer `updates` counts the calls in training. Raises ValueError for a decay outside [0, 1].
    """

    def __init__(self, eps=1e-5, decay=0.9, affine=True, warmup=False):
        super().__init__()
        if (warmup and decay is None) or not (decay is None or 0 <= as_number("BatchNorm", "decay", decay) <= 1):
            raise ValueError(f"BatchNorm: expected a decay from 0 to 1, or None without warmup, got {decay}")
        self.eps = as_number("BatchNorm", "eps", eps)
        self.decay = decay
        self.affine = affine
        self.avg_mean = uninitialized("avg_mean", (None,), kind=Buffer)
        self.avg_var = uninitialized("avg_var", (None,), kind=Buffer)
        if affine:
            self.gamma = uninitialized("gamma", (None,))
            self.beta = uninitialized("beta", (None,))
        self.updates = Buffer(np.zeros((), np.int64), "updates") if warmup or decay is None else None

    def prepare(self, x):
        """Initialize parameters and buffers for inputs like x. Check x first, so that a failure changes nothing."""
        state = {self.avg_mean: 0, self.avg_var: 1} | ({self.gamma: 1, self.beta: 0} if self.affine else {})
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
        mean, var = self.avg_mean, self.avg_var
        gamma, beta = (self.gamma, self.beta) if self.affine else (x.xp.ones_like(var.data), x.xp.zeros_like(var.data))
        if Config.train:
            return F.moving_batch_norm(x, gamma, beta, mean, var, self.decay, self.eps, self.updates)
        return F.batch_norm(x, gamma, beta, mean, var, eps=self.eps)


class LayerNorm(Layer):
    """Normalize the last ndim axes together, scale by gamma, shift by beta. [not in the book]

    gamma, beta: parameters in the shape of these axes, ones and zeros, created at the first call: float64 if x is,
    otherwise float32. eps is added to the variance. Raises ValueError if x has other axes.
    """

    def __init__(self, ndim=1, eps=1e-5):
        super().__init__()
        if not (isinstance(ndim, (int, np.integer)) and ndim >= 1):
            raise ValueError(f"LayerNorm: expected a positive number of axes, got {ndim!r}")
        self.ndim = ndim
        self.eps = as_number("LayerNorm", "eps", eps)
        self.gamma = uninitialized("gamma", (None,) * ndim)
        self.beta = uninitialized("beta", (None,) * ndim)

    def forward(self, x):
        x = as_input(x, "LayerNorm")
        state = {self.gamma: 1, self.beta: 0}
        missing = [variable for variable in state if variable.data is None]
        if missing:
            shape, shapes = x.shape[-self.ndim :], {variable.shape for variable in state if variable.data is not None}
            if x.ndim < self.ndim or 0 in shape or not shapes <= {shape}:
                raise ValueError(
                    f"LayerNorm: expected x with {self.ndim} axes to normalize, with elements, got {x.shape}"
                )
        for variable in missing:
            dtype = np.float64 if x.dtype == np.float64 else np.float32
            variable.data = x.xp.full(x.shape[-self.ndim :], state[variable], dtype)
        return F.layer_norm(x, self.gamma, self.beta, self.eps)


class Dropout(Layer):
    """In training, 0 with probability ratio, otherwise x / (1 - ratio); at inference, x. [not in the book]

    The function `dropout` as a layer. Raises ValueError for a ratio outside [0, 1).
    """

    def __init__(self, ratio=0.5):
        super().__init__()
        self.ratio = as_ratio("Dropout", "ratio", ratio)

    def forward(self, x):
        return F.dropout(x, self.ratio)
