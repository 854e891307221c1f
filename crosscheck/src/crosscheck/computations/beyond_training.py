"""Beyond the book: optimizers, a hook, and schedules of the learning rate."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..frameworks.base import Array
from . import computation
from .beyond_tensors import BEYOND
from .defaults import UPDATES
from .training import FEWER, FIFTY, OPTIMIZING, STEPS, all_steps, descent, hooked, paths


@computation(**BEYOND, **FIFTY)
def nag(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of NAG"""
    return all_steps(fw, fw.NAG(0.05, 0.8), start, slopes, steps)


@computation(**BEYOND, **FIFTY)
def rmsprop(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of RMSprop, with a fifth of the learning rate from step 25 on"""
    return all_steps(fw, fw.RMSprop(0.05), start, slopes, steps, rate=0.01)


@computation(**BEYOND, **FIFTY)
def rmsprop_with_momentum_and_centered(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of RMSprop with every option, with a fifth of the learning rate from step 25 on"""
    return all_steps(fw, fw.RMSprop(0.02, 0.9, 1e-3, momentum=0.7, centered=True), start, slopes, steps, rate=0.004)


@computation(**BEYOND, **FIFTY)
def adamw(fw: Any, start: Any, slopes: Any, steps: int = STEPS) -> Any:
    """50 steps of AdamW, with a fifth of the learning rate from step 25 on"""
    return all_steps(fw, fw.AdamW(0.1, weight_decay=0.2), start, slopes, steps, rate=0.02)


@computation(**BEYOND, **OPTIMIZING)
def optimizers_beyond_the_book_by_default(fw: Any, start: Any, slopes: Any) -> Any:
    """Five steps of each optimizer with its default hyperparameters"""
    found = []
    for kind in (fw.NAG, fw.RMSprop, fw.AdamW):
        down = descent(fw, kind(), start, slopes)
        found += paths(down.step(number) for number in range(UPDATES))
    return found


@computation(**BEYOND, **FEWER)
def clip_value(fw: Any, start: Any, slopes: Any, steps: int = 20) -> Any:
    """Each element of a gradient limited to [-0.5, 0.5]"""
    return hooked(fw, start, slopes, steps, fw.ClipValue(0.5))


SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "StepLR": lambda fw, optimizer: fw.StepLR(optimizer, 7),
    "MultiStepLR": lambda fw, optimizer: fw.MultiStepLR(optimizer, [3, 20, 21], 0.5),
    "ExponentialLR": lambda fw, optimizer: fw.ExponentialLR(optimizer, 0.9),
    "LinearLR": lambda fw, optimizer: fw.LinearLR(optimizer),
    "LinearLR downwards": lambda fw, optimizer: fw.LinearLR(optimizer, start=1.0, end=0.1, total=30),
    "PolynomialLR": lambda fw, optimizer: fw.PolynomialLR(optimizer, 40, power=2.0),
    "CosineLR": lambda fw, optimizer: fw.CosineLR(optimizer, 50, 0.01),
    "InverseLR": lambda fw, optimizer: fw.InverseLR(optimizer, 0.5, power=0.5),
    "LambdaLR": lambda fw, optimizer: fw.LambdaLR(optimizer, lambda t: 0.5 + t % 5),
    "WarmUp": lambda fw, optimizer: fw.WarmUp(fw.StepLR(optimizer, 20, 0.5), 8),
    "between, linear": lambda fw, optimizer: fw.between(optimizer, 0.01, 51),
    "between, exponential": lambda fw, optimizer: fw.between(optimizer, 0.01, 51, "exponential"),
}


def rate_of(optimizer: Any) -> float:
    """The learning rate of an optimizer."""
    return float(optimizer.lr if hasattr(optimizer, "lr") else optimizer.param_groups[0]["lr"])


def advance(schedule: Any, *values: Any) -> None:
    """The next step of a schedule."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch expects an update before each step
        schedule.step(*values)


def rates(fw: Any, make: Callable[[Any, Any], Any], *values: Any) -> Array:
    """The learning rate before the first of 50 steps, and after each. values: what `step` is called with."""
    optimizer = fw.setup(fw.SGD(0.1), fw.Linear(1, in_size=1))
    schedule = make(fw, optimizer)
    found = [rate_of(optimizer)]
    for number in range(50):
        advance(schedule, *(value(number) for value in values))
        found.append(rate_of(optimizer))
    return np.array(found)


@computation(**BEYOND, order=0, dtypes=("float64",))
def schedules(fw: Any) -> Any:
    """The learning rates of every schedule over 50 steps"""
    return [rates(fw, make) for make in SCHEDULES.values()]


def value(number: int) -> float:
    """Values that stagnate after 12 steps."""
    return 1.0 / (1 + min(number, 12)) + 1e-5 * math.sin(number)


@computation(**BEYOND, order=0, dtypes=("float64",))
def schedule_on_plateau(fw: Any) -> Any:
    """The learning rate over 50 steps of values that stagnate, with every option"""
    found = [rates(fw, lambda fw, optimizer: fw.OnPlateau(optimizer, patience=3), value)]
    found.append(rates(fw, lambda fw, optimizer: fw.OnPlateau(optimizer, 0.5, 2, 0.1, "min", 4, 0.01), value))
    return [*found, rates(fw, lambda fw, optimizer: fw.OnPlateau(optimizer, 0.3, 4, mode="max"), lambda n: -value(n))]


@computation(**BEYOND, order=0, dtypes=("float64",))
def schedules_by_default(fw: Any) -> Any:
    """The learning rates over 50 steps of schedules with the required arguments only"""
    found = [
        rates(fw, lambda fw, optimizer: fw.MultiStepLR(optimizer, [3, 20])),
        rates(fw, lambda fw, optimizer: fw.PolynomialLR(optimizer, 40)),
        rates(fw, lambda fw, optimizer: fw.CosineLR(optimizer, 50)),
        rates(fw, lambda fw, optimizer: fw.InverseLR(optimizer, 0.5)),
    ]
    return [*found, rates(fw, lambda fw, optimizer: fw.OnPlateau(optimizer), value)]


def sawtooth(fw: Any, optimizer: Any) -> Any:
    """A schedule of one's own: a subclass with a `rate`."""
    if fw.name == "torch":
        return fw.LambdaLR(optimizer, lambda t: 1 - t % 4 / 8)
    return type("Sawtooth", (fw.Schedule,), {"rate": lambda self, t: self.base * (1 - t % 4 / 8)})(optimizer)


@computation(**BEYOND, order=0, dtypes=("float64",))
def schedule_of_ones_own(fw: Any) -> Any:
    """The learning rates over 50 steps of a subclass of Schedule"""
    return rates(fw, sawtooth)


def last_of(schedule: Any) -> float:
    """The current learning rate of a schedule."""
    return float(schedule.last if hasattr(schedule, "last") else schedule.get_last_lr()[0])


@computation(**BEYOND, order=0, dtypes=("float64",))
def schedule_state_saved_and_loaded(fw: Any) -> Any:
    """15 steps, then 15 more with the same schedule and with a new one, of another base, that loads its state"""
    found = []
    names = ("StepLR", "MultiStepLR", "LinearLR", "CosineLR", "InverseLR", "WarmUp")
    makes = {name: SCHEDULES[name] for name in names}
    makes["OnPlateau"] = lambda fw, optimizer: fw.OnPlateau(optimizer, 0.5, 2)
    for name, make in makes.items():
        values = [value] if name == "OnPlateau" else []
        optimizer = fw.setup(fw.SGD(0.1), fw.Linear(1, in_size=1))
        schedule = make(fw, optimizer)
        for number in range(15):
            advance(schedule, *(f(number) for f in values))
        other = fw.setup(fw.SGD(0.3), fw.Linear(1, in_size=1))
        again = make(fw, other)
        saved = pickle.dumps((fw.state(optimizer), fw.state(schedule)))
        for target, state in zip((other, again), pickle.loads(saved), strict=True):
            fw.load_state(target, state)
        for each, target in ((schedule, optimizer), (again, other)):
            path = [last_of(each)]
            for number in range(15, 30):
                advance(each, *(f(number) for f in values))
                path += [last_of(each), rate_of(target)]
            found.append(np.array(path))
    return found
