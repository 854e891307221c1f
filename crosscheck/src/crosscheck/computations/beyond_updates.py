"""Updates of optimizers beyond the book: groups that fail or share parameters, numbers of NumPy as limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .beyond_groups import learn, model_of
from .mutants_functions import message
from .utilities import NUMPY
from .values import values


def failed_update(fw: Any) -> list[Any]:
    """What is left of an update whose second group fails after the first was updated: the state of the first."""
    opt = fw.optimizers

    def fail(self: Any, param: Any) -> None:
        raise ZeroDivisionError

    model, failing = model_of(fw), type("Failing", (opt.Adam,), {"update_one": fail})(0.1)
    optimizer = opt.Grouped(iter([(model.l2, opt.Adam(0.1)), ("rest", failing)])).setup(model)
    return [message(lambda: learn(model, optimizer, 1)), *(key.rpartition("/")[2] for key in optimizer.state())]


def groups_of(fw: Any) -> list[str]:
    """What groups do not accept: three items, state of another group, other numbers; names of a shared parameter."""
    opt = fw.optimizers
    model = model_of(fw)
    optimizer = opt.Grouped([(model.l2, opt.MomentumSGD()), ("rest", opt.SGD())]).setup(model)
    learn(model, optimizer, 1)
    other = model_of(fw)
    other.l2.b = other.l0.b
    calls = (
        lambda: opt.Grouped([(model.l2, opt.SGD(), 1)]),
        lambda: optimizer.load_state(optimizer.state() | {"0/l0/W/v": np.zeros((3, 4))}),
        lambda: optimizer.load_state({"a/lr": 0.1}),
        lambda: optimizer.load_state({"/lr": 0.1}),
        lambda: optimizer.load_state({"2/lr": 0.1}),
        lambda: opt.Grouped([(other.l0.W, opt.SGD()), (other.l2.W, opt.SGD())]).setup(other),
        lambda: opt.Grouped([(other.l0, opt.SGD()), (other.l2, opt.SGD())]).setup(other),
    )
    return [message(call).partition("<")[0] for call in calls]


def clipped(fw: Any) -> list[Any]:
    """Gradients of float32 limited by a number of NumPy."""
    param = fw.Parameter(np.ones(3, np.float32))
    param.grad = fw.Variable(np.array([-2, 0.25, 2], np.float32))
    fw.optimizers.ClipValue(np.float64(0.5))([param])
    return [param.grad.data.dtype, param.grad]


OPTIONS = {
    "AdamW": "lr beta1 beta2 eps weight_decay", "Adam": "lr beta1 beta2 eps", "RMSprop": "lr alpha eps momentum",
    "NAG": "lr momentum", "MomentumSGD": "lr momentum", "AdaDelta": "rho eps", "AdaGrad": "lr eps", "SGD": "lr",
}  # fmt: skip


def options_of(fw: Any) -> list[Any]:
    """The options of rules as they are given, in their order; options of schedules that are no numbers above 0."""
    opt, found = fw.optimizers, []
    for name, options in OPTIONS.items():
        numbers = getattr(opt, name)(*(k / 8 for k in range(1, 1 + len(options.split())))).numbers()
        found += [numbers[option] for option in options.split()]
    calls = lambda: opt.StepLR(opt.SGD(), "x"), lambda: opt.LinearLR(opt.SGD(), 0), lambda: opt.CosineLR(opt.SGD(), [1])
    return [*found, [message(call) for call in calls]]


def in_eighths() -> list[Any]:
    """What `options_of` finds."""
    texts = (
        "TypeError: StepLR: expected step_size to be a number, got 'x'",
        "ValueError: LinearLR: expected start above 0, got 0",
        "TypeError: CosineLR: expected total to be a number, got [1]",
    )
    return [*(k / 8 for options in OPTIONS.values() for k in range(1, 1 + len(options.split()))), texts]


def on_plateaus(fw: Any) -> list[float]:
    """Learning rates if a value stays the same: that is no improvement, also without a least difference."""
    found = []
    for options in ({"min_delta": 0}, {"min_delta": 0, "mode": "max"}, {"min_delta": 0.5, "mode": "max"}):
        optimizer = fw.optimizers.SGD(1.0)
        schedule = fw.optimizers.OnPlateau(optimizer, 0.5, 0, **options)
        for value in (2.0, 2.0, 3.5):
            schedule.step(value)
            found.append(optimizer.lr)
    for given, patience in (([math.inf], 0), ([1.0, 1 - 1.5e-4], 0), ([math.inf, 2.0, 2.0], 1)):
        optimizer = fw.optimizers.SGD(1.0)
        schedule = fw.optimizers.OnPlateau(optimizer, 0.5, patience)
        for value in given:
            schedule.step(value)
        found.append(optimizer.lr)
    return found


def loaded_schedules(fw: Any) -> list[Any]:
    """A schedule whose state was saved as arrays: its numbers are Python's."""
    optimizer = fw.optimizers.SGD(1.0)
    schedule = fw.optimizers.ExponentialLR(optimizer, 0.5)
    schedule.load_state({"t": np.array(3), "base": np.array(2.0)})
    state = schedule.state()
    kinds = zip(state.values(), (int, float), strict=True)
    return [optimizer.lr, *state.values(), [type(value) is kind for value, kind in kinds]]


ADAM = ["lr", "beta1", "beta2", "eps"]
NUMBER = "ValueError: load_state: expected keys that begin with 0/ to 1/, got "
EXPECTED = [
    "TypeError: Grouped: expected pairs of layers and their optimizer, got (Linear(W (4, 2), b (2,)), ",
    "ValueError: load_state: expected ['lr', 'momentum'] and state of ['l2/W', 'l2/b'], got 'l0/W/v'",
    *(f"{NUMBER}{key!r}" for key in ("a/lr", "/lr", "2/lr")),
    "ValueError: Grouped: expected a group for ['l0/b']; \"rest\" stands for all others",
    "ValueError: Grouped: expected parameters of the model, each in one group, got 'l0/b' again",
]

# fmt: off
values(
    60, NUMPY,
    ("update_of_a_group_that_fails", failed_update, lambda: ["ZeroDivisionError: ", *ADAM * 2]),
    ("arguments_and_state_of_groups", groups_of, lambda: EXPECTED),
    ("learning_rates_on_plateaus", on_plateaus, lambda: [1.0, 0.5, 0.25, 1.0, 0.5, 0.5, 1.0, 0.5, 0.5, 0.5, 1.0, 1.0]),
    ("options_of_rules_and_schedules", options_of, in_eighths),
    ("schedule_loaded_from_arrays", loaded_schedules, lambda: [0.25, 3, 2.0, [True, True]]),
    ("gradients_limited_by_a_number_of_numpy", clipped, lambda: [np.dtype("f"), np.array([-0.5, 0.25, 0.5], "f")]),
    since=5,
)
# fmt: on
