"""Averages of the weights over the updates, which often generalize better than the latest weights."""

import contextlib

import numpy as np

from .. import cuda
from ..core import Parameter, as_number


class ExponentialMovingAverage:
    """shadow <- d shadow + (1 - d) p at each `update()`, shadow starting as a copy of p. [not in the book]

    decay: d. warmup: d = min(decay, (1 + t) / (10 + t)) after t updates, so that the start is soon forgotten.
    If the model is uninitialized, the first update makes the copy instead. Buffers, such as running statistics, are
    copied at each update, not averaged. shadow: path -> array. Raises ValueError if the decay is outside [0, 1).
    """

    def __init__(self, model, decay=0.999, warmup=False):
        if not 0 <= as_number("ExponentialMovingAverage", "decay", decay, nan=True) < 1:
            raise ValueError(f"ExponentialMovingAverage: expected 0 <= decay < 1, got {decay}")
        if not hasattr(model, "named_state"):
            raise TypeError(f"ExponentialMovingAverage: expected a Layer or Model, got {type(model).__name__}")
        self.model = model
        self.decay = float(decay)
        self.warmup = warmup
        self.t = 0
        known = all(variable.data is not None for _, variable in model.named_state())
        self.shadow = {path: variable.data.copy() for path, variable in model.named_state()} if known else {}

    def update(self):
        """Move the average towards the weights. Raises ValueError if one is uninitialized. [not in the book]"""
        d = min(self.decay, (1 + self.t) / (10 + self.t)) if self.warmup else self.decay
        self.shadow = {path: self.average(path, variable, d) for path, variable in self.model.named_state()}
        self.t += 1

    def average(self, path, variable, d):
        """The next average of one parameter; a copy of a buffer."""
        if variable.data is None:
            raise ValueError(f"ExponentialMovingAverage: {path!r} is uninitialized; call the model once first")
        if path not in self.shadow or not isinstance(variable, Parameter):
            return variable.data.copy()
        return d * on_device_of(self.shadow[path], variable.data) + (1 - d) * variable.data

    @contextlib.contextmanager
    def applied(self):
        """In the block, the model has the averaged weights; after it, the former ones in any case. [not in the book]

        What the block changes in the model's weights and buffers is lost.
        """
        if not self.shadow:
            raise ValueError("ExponentialMovingAverage: expected at least one update before applied, got none")
        before = [(variable, variable.data) for _, variable in self.model.named_state()]
        try:
            for path, variable in self.model.named_state():
                variable.data = on_device_of(self.shadow[path], variable.data).copy()
            yield self.model
        finally:
            for variable, data in before:
                variable.data = data

    def state(self):
        """The number of updates and copies of the averages: {"t": 3, "l0/W": array, ...}. [not in the book]"""
        return {"t": np.array(self.t)} | {path: cuda.as_numpy(a).copy() for path, a in self.shadow.items()}

    def load_state(self, state):
        """Load what `state` returned. Raises ValueError, without changes, if it does not fit. [not in the book]"""
        shadow = {path: np.array(cuda.as_numpy(a)) for path, a in state.items() if path != "t"}
        expected = {path: variable.shape for path, variable in self.model.named_state() if variable.data is not None}
        got = {path: a.shape for path, a in shadow.items()}
        if "t" not in state or (got and expected and got != expected):
            raise ValueError(f"ExponentialMovingAverage: expected the averages of {expected}, got {got}")
        self.t, self.shadow = int(state["t"]), shadow


def on_device_of(a, other):
    """The array a on the device of the other array."""
    return cuda.as_cupy(a) if cuda.is_on_gpu(other) else cuda.as_numpy(a)
