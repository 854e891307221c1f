"""Learning rates that change: closed forms of the number of steps, so that no rounding accumulates."""

import bisect
import math

import numpy as np

from ..core import as_number


class Schedule:
    """The base class: sets the learning rate of an optimizer; a subclass defines `rate`. [not in the book]

    Call `step()` after each epoch, or after each update. base: the learning rate at construction. t: the number of
    steps so far. last: the current learning rate. `state` and `load_state` are for checkpoints.
    """

    def __init__(self, optimizer):
        if not hasattr(optimizer, "lr"):
            raise TypeError(f"{type(self).__name__}: expected an optimizer with a learning rate, got {type(optimizer)}")
        self.optimizer = optimizer
        self.base = optimizer.lr
        self.t = 0

    @property
    def last(self):
        """The current learning rate. [not in the book]"""
        return self.optimizer.lr

    def rate(self, t):
        """The learning rate after t steps, from `self.base`."""
        raise NotImplementedError(f"{type(self).__name__} has no rate")

    def begin(self):
        """Set the learning rate of step 0, if it differs from the base."""
        self.optimizer.lr = self.rate(0)

    def step(self):
        """Set the learning rate of the next step. [not in the book]"""
        self.optimizer.lr = self.rate(self.t + 1)
        self.t += 1

    def state(self):
        """Numbers for a checkpoint: {"t": 3, "base": 0.1}. [not in the book]"""
        return {"t": self.t, "base": self.base}

    def load_state(self, state):
        """Load what `state` returned and set the learning rate. [not in the book]

        Raises ValueError, without changes, if it is the state of another kind of schedule.
        """
        expected = self.state().keys()
        if state.keys() != expected:
            raise ValueError(f"load_state: expected {list(expected)}, got {list(state)}")
        vars(self).update((name, np.asarray(value).item()) for name, value in state.items())
        self.optimizer.lr = self.rate(self.t)


def positive(schedule, **numbers):
    """Raise TypeError unless these are numbers, ValueError unless they are above 0."""
    for name, number in numbers.items():
        if not as_number(type(schedule).__name__, name, number) > 0:
            raise ValueError(f"{type(schedule).__name__}: expected {name} above 0, got {number}")


class StepLR(Schedule):
    """lr = base gamma^(t // step_size). [not in the book]"""

    def __init__(self, optimizer, step_size, gamma=0.1):
        super().__init__(optimizer)
        positive(self, step_size=step_size, gamma=gamma)
        self.step_size = step_size
        self.gamma = gamma

    def rate(self, t):
        return self.base * self.gamma ** (t // self.step_size)


class MultiStepLR(Schedule):
    """lr = base gamma^k after k of the milestones, which are numbers of steps. [not in the book]"""

    def __init__(self, optimizer, milestones, gamma=0.1):
        super().__init__(optimizer)
        positive(self, gamma=gamma)
        self.milestones = sorted(as_number("MultiStepLR", "milestones", t) for t in milestones)
        self.gamma = gamma

    def rate(self, t):
        return self.base * self.gamma ** bisect.bisect_right(self.milestones, t)


class ExponentialLR(Schedule):
    """lr = base gamma^t. [not in the book]"""

    def __init__(self, optimizer, gamma):
        super().__init__(optimizer)
        positive(self, gamma=gamma)
        self.gamma = gamma

    def rate(self, t):
        return self.base * self.gamma**t


class LinearLR(Schedule):
    """lr from start base to end base in `total` steps, in equal differences, then constant. [not in the book]

    The learning rate is start base from the construction on.
    """

    def __init__(self, optimizer, start=1 / 3, end=1.0, total=5):
        super().__init__(optimizer)
        positive(self, start=start, end=end, total=total)
        self.start = start
        self.end = end
        self.total = total
        self.begin()

    def rate(self, t):
        return self.base * (self.start + (self.end - self.start) * min(t, self.total) / self.total)


class PolynomialLR(Schedule):
    """lr = base (1 - t / total)^power, then 0. [not in the book]"""

    def __init__(self, optimizer, total, power=1.0):
        super().__init__(optimizer)
        positive(self, total=total, power=power)
        self.total = total
        self.power = power

    def rate(self, t):
        return self.base * (1 - min(t, self.total) / self.total) ** self.power


class CosineLR(Schedule):
    """lr from base to the minimum along half a cosine in `total` steps, then constant. [not in the book]"""

    def __init__(self, optimizer, total, minimum=0.0):
        super().__init__(optimizer)
        positive(self, total=total)
        self.total = total
        self.minimum = as_number("CosineLR", "minimum", minimum)

    def rate(self, t):
        share = (1 + math.cos(math.pi * min(t, self.total) / self.total)) / 2
        return self.minimum + (self.base - self.minimum) * share


class InverseLR(Schedule):
    """lr = base (1 + rate t)^-power. [not in the book]"""

    def __init__(self, optimizer, rate, power=1.0):
        super().__init__(optimizer)
        positive(self, rate=rate, power=power)
        self.decay = rate
        self.power = power

    def rate(self, t):
        return self.base * (1 + self.decay * t) ** -self.power


class LambdaLR(Schedule):
    """lr = base f(t), for a function f. [not in the book]"""

    def __init__(self, optimizer, f):
        super().__init__(optimizer)
        self.f = f
        self.begin()

    def rate(self, t):
        return self.base * self.f(t)


class WarmUp(Schedule):
    """The rate of another schedule times min(1, (t + 1) / steps). [not in the book]

    Call `step()` of this schedule only. The learning rate is that of step 0 from the construction on.
    """

    def __init__(self, schedule, steps):
        if not isinstance(schedule, Schedule):
            raise TypeError(f"WarmUp: expected a Schedule, got {type(schedule).__name__}")
        super().__init__(schedule.optimizer)
        positive(self, steps=steps)
        self.schedule = schedule
        self.base = schedule.base
        self.steps = steps
        self.begin()

    def rate(self, t):
        self.schedule.base = self.base  # which load_state replaces
        return self.schedule.rate(t) * min(1, (t + 1) / self.steps)


class OnPlateau(Schedule):
    """Multiplies lr by factor when a value has not improved for more than `patience` steps. [not in the book]

    An improvement is a change by the relative amount min_delta, downwards in mode 'min', upwards in mode 'max'.
    cooldown: steps after a reduction in which none is counted. minimum: of lr. Raises ValueError for another mode.
    """

    def __init__(self, optimizer, factor=0.1, patience=10, min_delta=1e-4, mode="min", cooldown=0, minimum=0.0):
        super().__init__(optimizer)
        if not 0 < as_number("OnPlateau", "factor", factor) < 1:
            raise ValueError(f"OnPlateau: expected a factor between 0 and 1, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"OnPlateau: expected mode 'min' or 'max', got {mode!r}")
        self.factor = factor
        self.patience = as_number("OnPlateau", "patience", patience)
        self.min_delta = as_number("OnPlateau", "min_delta", min_delta)
        self.mode = mode
        self.cooldown = as_number("OnPlateau", "cooldown", cooldown)
        self.minimum = as_number("OnPlateau", "minimum", minimum)
        if min(self.patience, self.cooldown) < 0:
            raise ValueError(f"OnPlateau: expected patience and cooldown of at least 0, got {patience} and {cooldown}")
        self.best = math.inf if mode == "min" else -math.inf
        self.bad = self.waiting = 0

    def rate(self, t):
        return self.optimizer.lr

    def step(self, value):
        """Compare the value with the best so far, and reduce the learning rate if it is time. [not in the book]"""
        value = float(value)
        sign = 1 if self.mode == "min" else -1
        if sign * value < sign * self.best * (1 - sign * self.min_delta):
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        if self.waiting > 0:
            self.waiting, self.bad = self.waiting - 1, 0
        if self.bad > self.patience:
            self.optimizer.lr = max(self.optimizer.lr * self.factor, self.minimum)
            self.waiting, self.bad = self.cooldown, 0
        self.t += 1

    def state(self):
        """Numbers for a checkpoint: those of Schedule, the best value and the counts. [not in the book]"""
        return super().state() | {"best": self.best, "bad": self.bad, "waiting": self.waiting}


def between(optimizer, final, epochs, kind="linear"):
    """A schedule from the learning rate of the optimizer to a final one, at the last epoch. [not in the book]

    kind: 'linear', equal differences, or 'exponential', equal ratios. Raises ValueError for another kind.
    """
    if kind not in ("linear", "exponential"):
        raise ValueError(f"between: expected kind 'linear' or 'exponential', got {kind!r}")
    if not as_number("between", "epochs", epochs) > 1:
        raise ValueError(f"between: expected more than one epoch, got {epochs}")
    ratio = as_number("between", "final", final) / Schedule(optimizer).base
    if kind == "linear":
        return LinearLR(optimizer, start=1.0, end=ratio, total=epochs - 1)
    return ExponentialLR(optimizer, ratio ** (1 / (epochs - 1)))
