"""What detects mutants of backpropagation, powers, checks of gradients and drawings that nothing else detects."""

from __future__ import annotations

import contextlib
import io
import itertools
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from ..frameworks.base import Array
from .errors import errors
from .errors_engine import drawn, subclass
from .mutants import power, swapped
from .utilities import GOLDEN, NUMPY, POINT, ROWS, accepted, differences, off_by
from .values import values

# --- memory of gradients ---


def unchanged(fw: Any, x: Any) -> Any:
    """x, by a function that returns its input, and for a gradient the gradient itself."""
    return subclass(fw, forward=lambda self, x: x, backward=lambda self, gy: unchanged(fw, gy))(x)


def backwards(fw: Any, x: Any) -> Any:
    """The elements of x in the opposite order, by a function that returns a view of its input."""
    return subclass(fw, forward=lambda self, x: x[::-1], backward=lambda self, gy: backwards(fw, gy))(x)


def with_gradient(fw: Any, backward: Any) -> Any:
    """x, by a function with this backward."""
    return subclass(fw, forward=lambda self, x: x * 1, backward=backward)


def separate(fw: Any) -> Any:
    """Whether gradients have their own memory, if what computes them returns the arrays that it gets."""
    kept = fw.Variable(np.ones(2))
    functions: list[Callable[[Any], Any]] = [
        lambda x: unchanged(fw, x),
        lambda x: backwards(fw, x),
        lambda x: with_gradient(fw, lambda self, gy: unchanged(fw, self.inputs[0]))(x),
        lambda x: with_gradient(fw, lambda self, gy: kept)(x),
    ]
    found = []
    for f in functions:
        seeds = [fw.Variable(ROWS[0, :2].copy()) for _ in range(2)]
        x = fw.Variable(POINT.copy())
        gx, gy = fw.grad(y := f(x), [x, y], seeds[0])
        found.append([gx.data, *alone(gx, x, y, kept, gy, *seeds), *alone(gy, x, kept, gx, *seeds)])
        y = f(x)
        y.grad = seeds[1]
        y.backward()
        found.append([x.grad.data, *alone(x.grad, x, y, kept, *seeds)])
    return found


def alone(gradient: Any, *others: Any) -> list[bool]:
    """Whether a gradient is an array of its own, and whether it can be differentiated."""
    data = gradient.data
    return [data.base is None, not any(np.shares_memory(data, v.data) for v in others), gradient.recorded]


def unused(fw: Any) -> Any:
    """Gradients where one of two outputs of a function is not used."""
    found = []
    for i in (0, 1):
        x0, x1 = fw.Variable(POINT.copy()), fw.Variable(ROWS[0, :2].copy())
        outputs = swapped(fw)(x0, x1)
        fw.square(outputs[i]).backward()
        found += [fw.array(x0.grad), fw.array(x1.grad)]
    return found


def from_numbers(fw: Any) -> Any:
    """The gradients of a sum of two variables, from an initial gradient of every kind."""
    found = []
    for gy in (2.0, np.float64(2), np.array(2.0), fw.Variable(np.array(2.0))):
        x0, x1 = fw.Variable(np.array(1.0)), fw.Variable(np.array(3.0))
        y = fw.add(x0, x1)
        found += fw.grad(y, [x0, x1], gy)
        y.grad = gy
        y.backward()
        x0.grad = gy
        x0.backward()
        found += [x0.grad, x1.grad]
    return [[type(g) is type(x0), fw.array(g)] for g in found]


def released(fw: Any) -> Any:
    """A gradient that was kept is cleared by the next backward pass, also if the variable has no data any more."""
    x = fw.Variable(POINT.copy())
    a = fw.add(x, x)
    y = fw.add(a, a)
    y.backward(retain_grad=True)
    found = [fw.array(a.grad)]
    a.data = None
    y.backward()
    return [*found, a.grad, fw.array(x.grad)]


def second_of_zeroth(fw: Any) -> Any:
    """The derivative of x^0 z with respect to x is 0, and so is its own with respect to z."""
    x, z = fw.Variable(POINT.copy()), fw.Variable(ROWS[0, :2].copy())
    fw.mul(fw.pow(x, 0), z).backward(create_graph=True)
    gx = x.grad
    z.cleargrad()
    gx.backward()
    return [gx.data, z.grad]


# fmt: off
OWN = [True, True, False]
values(
    36, NUMPY,
    ("gradients_from_functions_that_copy_nothing", separate, lambda: [
        [[g, *OWN, *OWN], [g, *OWN]] for g in (ROWS[0, :2], ROWS[0, 1::-1], POINT, np.ones(2))]),
    ("initial_gradients_of_every_kind", from_numbers, lambda: [[True, np.array(2.0)]] * 16),
    ("derivative_of_the_zeroth_power_twice", second_of_zeroth, lambda: [np.zeros(2), np.zeros(2)]),
)
values(
    18, NUMPY,
    ("gradients_of_unused_outputs", unused, lambda: [
        np.zeros(2), 4 * ROWS[0, :2] ** 3, 2 * POINT, np.zeros(2)]),
    ("gradients_retained_of_released_variables", released, lambda: [2 * np.ones(2), None, np.full(2, 8.0)]),
)
# fmt: on


# --- powers ---

KINDS = ("i1", "u1", "i8", "f2", "f4", "f8")
POWER_EXPONENTS = np.array([0, 1, 2]), np.array([-1, 0, 2])
SCALARS: tuple[Any, ...] = (np.int64(-2), np.int8(-1), np.float64(0.5), np.float32(-2))


POWER_BASES = [np.array([1, 2, 4]).astype(kind) for kind in KINDS]


def pairs() -> list[tuple[Array, Array]]:
    """Bases and exponents of every pair of dtypes; unsigned exponents are not negative."""
    exponents = [c.astype(kind) for kind in KINDS for c in POWER_EXPONENTS if kind[0] != "u" or c.min() >= 0]
    return list(itertools.product(POWER_BASES, exponents))


def of_pair(a: Array, c: Array) -> Array:
    """a^c; NumPy has no negative powers of integers."""
    whole = a.dtype.kind in "iu" and c.dtype.kind in "iu"
    return np.asarray(a ** (c.astype(float) if whole and c.min() < 0 else c))


# fmt: off
values(
    22, NUMPY,
    ("powers_by_numpy_scalars", lambda fw: [
        fw.pow(fw.Variable(a), c).data for a in POWER_BASES for c in SCALARS],
     lambda: [power(a, c) for a in POWER_BASES for c in SCALARS]),
)
values(
    34, NUMPY,
    ("powers_of_every_pair_of_dtypes", lambda fw: [fw.pow(fw.Variable(a), fw.Variable(c)).data for a, c in pairs()],
     lambda: [of_pair(a, c) for a, c in pairs()]),
    since=3,
)
# fmt: on


# --- checks of gradients ---


def judged(fw: Any, f: Any, *xs: Any, **options: Any) -> bool:
    """Whether check_gradients accepts f. From stage 4 on backpropagation itself rejects a gradient of another shape."""
    try:
        fw.gradcheck.check_gradients(f, *xs, **options)
    except (AssertionError, ValueError):
        return False
    return True


def kinds_seen(fw: Any, check: Any) -> list[str]:
    """The dtypes of the variables that a function is called with, for inputs of several kinds."""
    seen: set[Any] = set()

    def f(x: Any, y: Any) -> Any:
        seen.update((x.dtype, y.dtype))
        return fw.mul(x, y)

    check(f, fw.Variable(POINT.astype("f")), ROWS[0, :2].astype(int))
    check(f, POINT.astype("e"), fw.Variable(ROWS[0, :2]))
    return sorted(str(dtype) for dtype in seen)


def growing(fw: Any) -> Any:
    """x (y + 1), by a function that adds 1 to y."""

    def f(x: Any, y: Any) -> Any:
        y.data[...] += 1
        return fw.mul(x, y)

    return f


def moving(fw: Any) -> Any:
    """x^2, by a function that afterwards adds 1 to x."""

    def f(x: Any) -> Any:
        y = fw.square(fw.mul(x, fw.Variable(np.ones_like(x.data))))
        x.data[...] += 1
        return y

    return f


def detached(fw: Any) -> Any:
    """x^2; the derivative of its gradient with respect to the incoming gradient has no graph."""

    def slope(self: Any, ggx: Any) -> Any:
        x, gy = self.inputs
        return ggx * gy * 2.0, fw.Variable(ggx.data * x.data * 2)

    def backward(self: Any, gy: Any) -> Any:
        return subclass(fw, forward=lambda self, x, gy: x * gy * 2, backward=slope)(self.inputs[0], gy)

    return lambda x: subclass(fw, forward=lambda self, x: x * x, backward=backward)(x)


def raised(fw: Any) -> Any:
    """3 x; its gradient has one axis more."""
    return lambda x: subclass(
        fw, forward=lambda self, x: x * 3, backward=lambda self, gy: fw.Variable(gy.data[None] * 3)
    )(x)


def said(fw: Any) -> str:
    """The beginning of what gradient_check prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        fw.utils.gradient_check(off_by(fw, 1.5), POINT)
    return printed.getvalue().partition(": expected ")[0]


# fmt: off
values(
    36, NUMPY,
    ("dtypes_in_checks_of_gradients", lambda fw: [
        kinds_seen(fw, fw.numerical_grad), kinds_seen(fw, fw.gradcheck.check_gradients)],
     lambda: [["float64"], ["float64"]]),
    ("numerical_gradients_of_coupled_elements", lambda fw: [
        fw.numerical_grad(lambda x: fw.Variable(x.data * x.data[::-1] ** 2), ROWS, eps=0.5),
        fw.numerical_grad(growing(fw), POINT, POINT, eps=0.5), fw.numerical_grad(fw.square, np.array(3.0), eps=0.5)],
     lambda: [differences(lambda x: x * x[::-1] ** 2, ROWS, eps=0.5),
              differences(lambda x, y: x * (y + 1), POINT, POINT, eps=0.5), np.array(6.0)]),
    ("gradients_checked", lambda fw: [
        judged(fw, moving(fw), POINT), judged(fw, fw.square, ROWS), judged(fw, fw.square, np.array(2.0)),
        judged(fw, lambda x, y: fw.mul(fw.mul(x, y), x), POINT, ROWS[0, :2], order=3),
        judged(fw, detached(fw), POINT), judged(fw, detached(fw), POINT, order=3),
        judged(fw, raised(fw), POINT, order=1),
        accepted(fw, off_by(fw, 1.22), POINT, rtol=0.2, order=1), accepted(fw, off_by(fw, 0.82), POINT, rtol=0.2)],
     lambda: [True, True, True, True, True, False, False, False, False, True, True]),
    ("what_gradient_check_prints", said, lambda: "check_gradients: order 1, input 0"),
)
# fmt: on


# --- drawings ---

CROSSED = r"""digraph g {
0 [label="3", color=orange, style=filled]
1 [label="Mul", color=lightblue, style=filled, shape=box]
2 -> 1
3 -> 1
1 -> 0
2 [label="a\n: (2,) float64", color=orange, style=filled]
3 [label="(2,) float64", color=orange, style=filled]
4 [label="Exp", color=lightblue, style=filled, shape=box]
5 -> 4
4 -> 3
5 [label="(2,) float64", color=orange, style=filled]
6 [label="Mine", color=lightblue, style=filled, shape=box]
7 -> 6
8 -> 6
6 -> 9
6 -> 5
9 [label="(2,) float64", color=orange, style=filled]
7 [label="(2,) float64", color=orange, style=filled]
8 [label="(2,) float64", color=orange, style=filled]
10 [label="Square", color=lightblue, style=filled, shape=box]
9 -> 10
10 -> 2
}"""


def crossed(fw: Any) -> Any:
    """Two outputs of a function, both used; names that are no words, a variable without data."""
    y0, y1 = swapped(fw)(fw.Variable(POINT), fw.Variable(POINT))
    a = fw.square(y0)
    y = fw.mul(a, fw.exp(y1))
    a.name, y.name, y.data = "a\n", 3, None
    return fw.utils.get_dot_graph(y)


def forgotten(fw: Any) -> Any:
    """A graph with an output that nothing refers to."""
    y0, _ = swapped(fw)(fw.Variable(POINT), fw.Variable(POINT))
    del _
    return fw.utils.get_dot_graph(y0, verbose=False)


FORGOTTEN = """digraph g {
0 [label="", color=orange, style=filled]
1 [label="Mine", color=lightblue, style=filled, shape=box]
2 -> 1
3 -> 1
1 -> 0
2 [label="", color=orange, style=filled]
3 [label="", color=orange, style=filled]
}"""


def line_of(fw: Any) -> str:
    """The line of one variable."""
    x = fw.Variable(POINT)
    return str(fw.utils._dot_var(x)).replace(str(id(x)), "id")


def to_a_folder(fw: Any) -> Any:
    """A drawing to a place where there is a folder."""
    with tempfile.TemporaryDirectory() as folder:
        (path := pathlib.Path(folder, "graph.png")).mkdir()
        return drawn(fw, str(path))


# fmt: off
values(
    26, GOLDEN,
    ("graph_of_crossed_outputs", crossed, lambda: CROSSED),
    ("graph_of_a_forgotten_output", forgotten, lambda: FORGOTTEN),
    ("line_of_a_variable", line_of, lambda: 'id [label="", color=orange, style=filled]\n'),
)
errors(
    26,
    ("drawing_in_place_of_a_folder", to_a_folder,
     ValueError, "plot_dot_graph: expected to_file to be a file in an existing folder, got '...graph.png'"),
)
# fmt: on
