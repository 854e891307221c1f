"""Hooks, which change gradients before an update."""

import math

import numpy as np

from .. import cuda
from ..core import Variable, as_array, as_number
from .base import checked


class WeightDecay:
    """Hook:  g <- g + rate p, the gradient of the penalty rate/2 times the sum of squares. [step 46]"""

    def __init__(self, rate):
        self.rate = checked("WeightDecay", "rate", rate)

    def __call__(self, params):
        for param in params:
            param.grad = Variable(as_array(param.grad.data + self.rate * param.data))


class ClipGrad:
    """Hook: scale all gradients down so that their total norm is at most max_norm. [step 46]"""

    def __init__(self, max_norm):
        if not as_number("ClipGrad", "max_norm", max_norm) > 0:
            raise ValueError(f"ClipGrad: expected max_norm above 0, got {max_norm}")
        self.max_norm = float(max_norm)

    def __call__(self, params):
        # In float64, since float16 overflows above 65504.
        squares = [param.xp.square(param.grad.data, dtype=np.float64).sum() for param in params]
        if cuda.gpu_enable and params:
            # One transfer, since the host waits for the GPU here.
            xp = cuda.common_module("ClipGrad", squares)
            squares = cuda.as_numpy(xp.stack(squares))
        rate = self.max_norm / (math.sqrt(sum(map(float, squares))) + 1e-6)
        if rate < 1:
            for param in params:
                param.grad = Variable(as_array(param.grad.data * rate))


class ClipValue:
    """Hook: limit each element of the gradients to [-limit, limit]. [not in the book]"""

    def __init__(self, limit):
        if not as_number("ClipValue", "limit", limit) > 0:
            raise ValueError(f"ClipValue: expected a limit above 0, got {limit}")
        self.limit = float(limit)

    def __call__(self, params):
        for param in params:
            param.grad = Variable(as_array(param.xp.clip(param.grad.data, -self.limit, self.limit)))


class FreezeParam:
    """Hook: exclude parameters, or all parameters of layers, from updates. [step 46]"""

    def __init__(self, *layers):
        for layer in layers:
            if not (hasattr(layer, "params") or hasattr(layer, "cleargrad")):
                raise TypeError(f"FreezeParam: expected layers and parameters as arguments, got {type(layer)}")
        self.layers = layers

    def __call__(self, params):
        for layer in self.layers:
            for param in layer.params() if hasattr(layer, "params") else [layer]:
                param.cleargrad()
