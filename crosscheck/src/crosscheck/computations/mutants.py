"""What detects mutants that nothing else detects: functions of the user, modes, shared memory, small numbers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from ..inputs import uniform
from . import computation
from .errors_engine import subclass
from .utilities import NUMPY, POINT
from .values import values

# --- central differences ---


def cubed(fw: Any, *eps: float) -> Any:
    """The central difference of x^3 at 0, which is eps^2."""
    cube = subclass(fw, forward=lambda self, x: x * x * x)
    return fw.numerical_diff(cube, fw.Variable(np.array(0.0)), *eps)


# --- functions of the user ---


def input_of(fw: Any, function: Any) -> Any:
    """The input of a function: its array in stages 1 and 2, where gradients are arrays."""
    x = function.inputs[0] if hasattr(function, "inputs") else function.input
    return x if fw.grads_are_variables else x.data


def gradient_of(fw: Any, backward: Callable[[Any, Any], Any]) -> Any:
    """The gradient of x^2 / 2 with this backward; whether it is x's own, and can be written to."""
    x = fw.Variable(POINT.copy())
    y = subclass(fw, forward=lambda self, x: x * x / 2, backward=backward)(x)
    y.backward()
    gx = fw.array(x.grad)
    others = [x.data, y.data] if y.grad is None else [x.data, y.data, fw.array(y.grad)]
    return [gx, any(np.shares_memory(gx, other) for other in others), gx.flags.writeable]


def returned(fw: Any, *results: Any) -> Any:
    """Values that forward may return for an array: Python and NumPy numbers."""
    return [subclass(fw, forward=lambda self, x, y=y: y)(fw.Variable(POINT)).data for y in results]


# fmt: off
values(
    4, NUMPY,
    ("error_of_central_differences", lambda fw: [cubed(fw), cubed(fw, 1e-2)], lambda: [1e-4**2, 1e-2**2]),
)
values(
    7, NUMPY,
    ("gradient_that_is_the_input", lambda fw: gradient_of(fw, lambda self, gy: input_of(fw, self)),
     lambda: [POINT, False, True]),
    ("gradient_that_is_the_initial_one", lambda fw: gradient_of(fw, lambda self, gy: gy),
     lambda: [np.ones(2), False, True]),
)
values(
    9, NUMPY,
    ("function_that_returns_numbers", lambda fw: returned(fw, 2.5, 0.0, 3, np.float32(1.5), np.bool_(True)),
     lambda: [np.array(2.5), np.array(0.0), np.array(3), np.array(1.5, "f"), np.array(True)]),
)
# fmt: on


# --- modes ---


def decorated(fw: Any) -> Any:
    """Functions and generators that run in a mode: what is recorded in them, and between their items."""
    x = fw.Variable(POINT)

    def recorded() -> bool:
        return bool(fw.square(x).creator is not None)

    def plain(n: int, m: int = 2) -> Any:
        """Text."""
        return recorded(), n, m

    def items_of(n: int) -> Generator[Any, Any, Any]:
        sent: list[Any] = []
        for _ in range(n):
            try:
                sent.append((yield recorded()))
            except KeyError:
                sent.append("thrown")
                yield recorded()
        return sent

    function, generator = fw.no_grad()(plain), fw.no_grad()(items_of)
    items = generator(3)
    found: list[Any] = [next(items), recorded(), items.send(5), recorded(), items.throw(KeyError), recorded()]
    try:
        while True:
            found.append(next(items))
    except StopIteration as end:
        found.append([str(value) for value in end.value])
    failing = fw.no_grad()(lambda: 1 / 0)
    try:
        failing()
    except ZeroDivisionError:
        found.append(recorded())
    with fw.using_config("enable_backprop", True) as nothing, fw.no_grad():
        found += [recorded(), nothing]
    names = [function.__name__, function.__doc__, generator.__name__]
    return [*function(1, m=3), *function(4), recorded(), *found, *names]


def closed(fw: Any) -> Any:
    """A generator in a mode is closed while it waits; a mode is used twice, one in the other."""
    x = fw.Variable(POINT)
    found = []

    def generator() -> Iterator[int]:
        try:
            yield 1
        finally:
            found.append(fw.square(x).creator is None)

    items = fw.no_grad()(generator)()
    next(items)
    items.close()
    mode = fw.no_grad()
    with mode, mode:
        found.append(fw.square(x).creator is None)
    return [*found, fw.square(x).creator is None]


# fmt: off
values(
    18, NUMPY,
    ("modes_as_decorators", decorated, lambda: [
        False, 1, 3, False, 4, 2, True, False, True, False, True, False, True, False, ["5", "thrown", "None"],
        True, False, None, "plain", "Text.", "items_of"]),
    ("modes_closed_and_nested", closed, lambda: [True, True, False]),
)
# fmt: on


# --- the engine ---


@computation(step=18, order=1, inputs=[uniform(0.5, 1.5)])
def outputs_used_at_two_depths(fw: Any, x: Any) -> Any:
    """A function of the user with two outputs, in the middle of a graph: what uses it goes backward before it does"""
    split = fw.function(lambda x: (x * 2, x * 3), lambda g0, g1, x: g0 * 2 + g1 * 3)
    a, b = split(fw.exp(x))
    return fw.add(fw.mul(a, fw.square(a)), fw.mul(fw.square(b), b))
