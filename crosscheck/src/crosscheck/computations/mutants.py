"""What detects mutants that nothing else detects: functions of the user, modes, shared memory, small numbers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import uniform
from . import computation
from .errors import errors
from .errors_engine import subclass
from .utilities import NUMPY, POINT, ROWS
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


def swapped(fw: Any) -> Any:
    """A function of two inputs and two outputs: y0 = x1^2, y1 = x0."""

    def backward(self: Any, g0: Any, g1: Any) -> Any:
        x1 = self.inputs[1]
        return g1, g0 * 2 * (x1 if fw.grads_are_variables else x1.data)

    return subclass(fw, forward=lambda self, x0, x1: (x1 * x1, x0.copy()), backward=backward)


def several(fw: Any) -> Any:
    """Functions with several outputs, with one in a tuple, and in no_grad: values, gradients, what is kept."""
    x0, x1 = fw.Variable(POINT), fw.Variable(ROWS[0, :2])
    y0, y1 = swapped(fw)(x0, x1)
    fw.add(y0, y1).backward()
    single = subclass(fw, forward=lambda self, x: (x * 2,), backward=lambda self, gy: gy * 2)(x := fw.Variable(POINT))
    single.backward()
    with fw.no_grad():
        kept = swapped(fw)
        outputs = kept(x0, x1)
    found = [vars(kept), *((y.creator, y.recorded) for y in outputs)]
    return [y0.data, y1.data, fw.array(x0.grad), fw.array(x1.grad), single.data, fw.array(x.grad), *found]


def retained(fw: Any) -> Any:
    """Three backward passes, of which the first and the third keep the gradients of intermediate variables."""
    x = fw.Variable(POINT)
    a = fw.square(x)
    y = fw.square(a)
    found = []
    for options in ({"retain_grad": True}, {}, {"retain_grad": True}):
        y.backward(**options)
        found += [None if v.grad is None else fw.array(v.grad).copy() for v in (x, a, y)]
    return found


def accumulated(fw: Any) -> Any:
    """10^16 x + x - 10^16 x: the three gradients are added in a fixed order, on which the sum depends."""
    x = fw.Variable(np.array(1.0))
    big, one, minus = (fw.Variable(np.array(c)) for c in (1e16, 1.0, -1e16))
    fw.add(fw.add(fw.mul(x, big), fw.mul(x, one)), fw.mul(x, minus)).backward()
    return x.grad


POWERS = (-2, -1, 0, 1, 2, 3, 0.5, 2.0)
BASES = (np.array([2, -3]), np.array([2, 3], np.uint8), np.array([2.0, 0.5], np.float32))


def powers(fw: Any) -> Any:
    """Powers of arrays of several dtypes, and their derivatives."""
    found = []
    for a in BASES:
        for c in POWERS:
            y = fw.pow(x := fw.Variable(a), c)
            y.backward()
            found += [y.data, fw.array(x.grad)]
    return found


def power(a: Array, c: float) -> Array:
    """a^c; NumPy has no negative powers of integers."""
    return np.asarray(a ** (float(c) if c < 0 and a.dtype.kind in "iu" else c))


def zeroth(fw: Any) -> Any:
    """The derivative of x^0 is 0, also for an initial gradient that is not finite."""
    y = fw.pow(x := fw.Variable(np.ones(4, int)), 0)
    gy = np.array([np.inf, np.nan, -2.0, 0.0])
    y.grad = fw.Variable(gy) if fw.grads_are_variables else gy
    y.data = y.data.astype(float)
    y.backward()
    gx = fw.array(x.grad)
    return [gx, np.signbit(gx)]


def owned(fw: Any) -> Any:
    """Whether gradients share memory: of two terms, of an intermediate variable and a leaf, of `grad`."""
    x0, x1 = fw.Variable(POINT), fw.Variable(POINT + 1)
    a = fw.add(x0, x1)
    y = fw.square(a)
    y.backward(retain_grad=True)
    gradients = [fw.array(x.grad) for x in (x0, x1, a)]
    if fw.grads_are_variables:
        gradients = gradients + [g.data for g in fw.grad(fw.square(fw.add(x0, x1)), [x0, x1])]
    return any(np.shares_memory(g, h) for i, g in enumerate(gradients) for h in gradients[:i])


def recorded_anyway(fw: Any) -> Any:
    """create_graph=True and False decide whether a gradient can be differentiated, whatever the mode."""
    y = fw.square(x := fw.Variable(POINT))
    with fw.no_grad():
        gx = fw.grad(y, x, create_graph=True)
        y.backward(create_graph=True)
    found = [gx.creator is None, x.grad.creator is None]
    y.backward()
    return [*found, fw.grad(y, x).creator is None]


class Rows(np.ndarray):
    """A subclass of arrays."""


def converted(fw: Any) -> Any:
    """Variables as arrays: memory shared or not, dtypes; as numbers of Python."""
    v = fw.Variable(ROWS)
    shared = [np.shares_memory(np.asarray(v), ROWS), np.shares_memory(np.array(v), ROWS)]
    dtypes = [np.asarray(v, np.float32).dtype, v.__array__(np.float32).dtype, np.array(v, copy=None).dtype]
    one = fw.Variable(np.array([1]))
    return [shared, dtypes, float(one), int(fw.Variable(np.array([2.5]))), "abc"[one], bool(one)]


# fmt: off
values(
    18, NUMPY,
    ("functions_with_several_outputs", several, lambda: [
        ROWS[0, :2] ** 2, POINT, np.ones(2), 2 * ROWS[0, :2], 2 * POINT, np.full(2, 2.0), {}, None, False, None,
        False]),
    ("gradients_retained", retained, lambda: [
        4 * POINT**3, 2 * POINT**2, np.ones(2), 8 * POINT**3, None, None, 12 * POINT**3, 2 * POINT**2, np.ones(2)]),
)
values(
    9, NUMPY,
    ("subclasses_of_arrays", lambda fw: [fw.Variable(a.view(Rows)).data for a in (ROWS, ROWS.astype(int), ROWS > 1)],
     lambda: [ROWS, ROWS.astype(int), ROWS > 1]),
)
values(
    21, NUMPY,
    ("variables_converted", converted, lambda: [
        [True, False], [np.float32, np.float32, np.float64], 1.0, 2, "b", True]),
    ("numpy_scalars_as_operands", lambda fw: [
        (v := fw.Variable(POINT.astype("f"))) * np.float32(2), v + np.float64(2), v - np.int64(2), v / np.float16(2),
        v ** 2.0, np.float32(2) * v, v * True, fw.Variable(np.arange(2)) + 0.5, fw.Variable(np.arange(2)) * 2],
     lambda: [(a := POINT.astype("f")) * np.float32(2), a + np.array(2.0), a - np.array(2), a / np.array(2, "e"),
              a * a, 2 * a, a, np.arange(2) + 0.5, np.arange(2) * 2]),
)
values(
    18, NUMPY,
    ("gradients_have_their_own_memory", owned, lambda: False),
)
values(
    36, NUMPY,
    ("create_graph_in_no_grad", recorded_anyway, lambda: [False, False, True]),
)
values(
    18, "the book's order of the graph's traversal",
    ("order_of_accumulation", accumulated, lambda: (1 + 1e16) - 1e16),
)
values(
    22, NUMPY,
    ("powers_of_several_dtypes", powers, lambda: [
        r for a in BASES for c in POWERS
        for r in (power(a, c), np.zeros_like(a) if c == 0 else c * power(a, c - 1) * np.ones_like(power(a, c)))]),
    ("derivative_of_the_zeroth_power", zeroth, lambda: [np.zeros(4), np.zeros(4, bool)]),
    ("constants_are_read_only", lambda fw: (fw.Variable(POINT) * 2.0).creator.inputs[1].data.flags.writeable,
     lambda: False),
)
values(
    4, NUMPY,
    ("central_differences_of_data", lambda fw: np.round(fw.array(fw.numerical_diff(
        lambda x: fw.Variable(x.data * x.data), fw.Variable(POINT))), 6), lambda: 2 * POINT),
)
errors(
    9,
    *((f"variable_of_a_{name}", lambda fw, a=a: fw.Variable(a), TypeError,
       f"Variable: expected a numpy.ndarray..., got {type(a)}", "a tensor has its values")
      for name, a in (("matrix", np.array([[1.0]]).view(np.matrix)), ("masked_array", np.ma.masked_array([1.0])))),
    ("function_that_returns_a_list", lambda fw: returned(fw, [1.0]),
     TypeError, "Variable: expected a numpy.ndarray..., got <class 'list'>"),
)
errors(
    20,
    ("sum_of_a_text_and_a_number", lambda fw: fw.add("text", 2.0),
     TypeError, "Variable: expected a numpy.ndarray..., got <class 'str'>"),
)
errors(
    19,
    ("truth_of_two_numbers", lambda fw: fw.Variable(POINT).__bool__(),
     ValueError, "can only convert an array of size 1 to a Python scalar"),
)
# fmt: on
