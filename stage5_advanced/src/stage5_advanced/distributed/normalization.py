"""Batch normalization with the statistics of the batches of all processes."""

import copy

import numpy as np

from .. import functions as F
from ..config import Config, test_mode
from ..core import Function, as_input
from ..functions.regularize import channels
from ..layers import BatchNorm
from ..training.inspect import tree


class AllReduce(Function):
    """y = sum of x over all processes;  gx = sum of gy over all processes."""

    def __init__(self, comm):
        self.comm = comm

    def forward(self, x):
        return self.comm.allreduce(x)

    def backward(self, gy):
        return AllReduce(self.comm)(gy)


def allreduce(comm, x):
    """Sum of x over all processes, on each of them.  x (...) -> its shape. [not in the book]

    Differentiable to any order: the gradient is that of the sum of what the processes differentiate, so all of them
    must call `backward`, and with graphs of the same form. Raises ValueError on every process if shapes or dtypes
    differ.
    """
    return AllReduce(comm)(x)


class MultiNodeBatchNormalization(BatchNorm):
    """BatchNorm with the mean and the variance of the batches of all processes together. [not in the book]

    What one process with the joined batch computes, within rounding, and its gradients to any order; the batches may
    differ in length. Each call in training exchanges 3 C + 1 numbers, and so does each backward pass. eps, decay,
    affine, warmup: as those of BatchNorm.
    """

    def __init__(self, comm, eps=1e-5, decay=0.9, affine=True, warmup=False):
        super().__init__(eps, decay, affine, warmup)
        self.comm = comm

    def forward(self, x):
        if not Config.train:
            return super().forward(x)
        x = as_input(x, type(self).__name__)
        with test_mode():  # one process may have a single number per channel
            self.prepare(x)
        gamma, beta = (self.gamma, self.beta) if self.affine else self.ones_and_zeros()
        x, gamma, beta, *_ = channels(type(self).__name__, x, gamma, beta, self.avg_mean, self.avg_var, False)
        C, axes = x.shape[1], (0, *range(2, x.ndim))
        shape = 1, C, *[1] * (x.ndim - 2)
        x = F.cast(x, np.result_type(0.0, np.float32, x.dtype, gamma.dtype))
        # Two passes: the squares of the deviations from the mean of all do not cancel, as E[x^2] - E[x]^2 does.
        sums = allreduce(self.comm, F.concat([F.sum(x, axes), x.xp.full(1, x.size // C, x.dtype)]))
        m = float(sums.data[C])
        if m < 2:
            raise ValueError(
                f"{type(self).__name__}: expected at least two numbers per channel in training, got {m:.0f}"
            )
        mean = sums[:C] / m
        x = x - F.reshape(mean, shape)
        # The mean of numbers far from 0 has a rounding error; rest, the mean of x - mean, corrects it.
        sums = allreduce(self.comm, F.stack([F.sum(x, axes), F.sum(x * x, axes)])) / m
        rest = sums[0]
        var = sums[1] - rest * rest
        self.update_statistics((mean + rest).data, m / (m - 1) * var.data)
        x = (x - F.reshape(rest, shape)) / F.sqrt(F.reshape(var + self.eps, shape))
        return x * F.reshape(gamma, shape) + F.reshape(beta, shape)

    def ones_and_zeros(self):
        """Constants for gamma and beta."""
        var = self.avg_var.data
        return self.avg_var.xp.ones_like(var), self.avg_var.xp.zeros_like(var)

    def update_statistics(self, mean, var):
        """Update the running statistics in place, as `moving_batch_norm` does."""
        decay = self.decay
        if self.updates is not None:
            t = int(self.updates.data)
            decay = t / (t + 1) if decay is None else min(decay, (1 + t) / (10 + t))
            self.updates.data += 1
        for running, new in ((self.avg_mean.data, mean), (self.avg_var.data, var)):
            running *= decay
            running += (1 - decay) * new


def create_mnbn_model(model, comm):
    """A copy of a model with a MultiNodeBatchNormalization in the place of each BatchNorm. [not in the book]"""
    copies = {}
    for layer in tree(model):
        if type(layer) is BatchNorm:
            norm = MultiNodeBatchNormalization(comm)
            vars(norm).update(vars(copy.deepcopy(layer, copies)))
            copies[id(layer)] = norm  # what deepcopy takes for a copy of the layer
    return copy.deepcopy(model, copies)
