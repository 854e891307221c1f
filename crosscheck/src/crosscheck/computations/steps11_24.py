"""Steps 11-24: arbitrary graphs, and operators."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np

from ..inputs import DEFAULT_SEED, DIFFERENCES, FINITE, GPU, SHAPES_ONLY, normal, uniform
from . import computation

TWO = [normal(), normal()]
SCALAR: tuple[tuple[int, ...], ...] = ((),)


def constant(fw: Any, x: Any, value: float) -> Any:
    """A constant array, not a variable, with the shape and dtype of x."""
    return fw.constant(np.full_like(fw.array(x), value))


# --- functions of several variables, and the operators ---


@computation(step=12, inputs=TWO)
def add_function(fw: Any, x0: Any, x1: Any) -> Any:
    """add(x0, x1)"""
    return fw.add(x0, x1)


@computation(step=20, inputs=TWO)
def add(fw: Any, x0: Any, x1: Any) -> Any:
    """x0 + x1"""
    return x0 + x1


@computation(step=20, inputs=TWO)
def mul(fw: Any, x0: Any, x1: Any) -> Any:
    """x0 * x1, as a function and as an operator"""
    return fw.mul(x0, x1), x0 * x1


@computation(step=22, inputs=TWO)
def sub(fw: Any, x0: Any, x1: Any) -> Any:
    """x0 - x1, as sub, rsub and an operator"""
    return fw.sub(x0, x1), fw.rsub(x0, x1), x0 - x1


@computation(step=22, inputs=[normal(), uniform(0.5, 2.0)], cases=FINITE)
def div(fw: Any, x0: Any, x1: Any) -> Any:
    """x0 / x1, as a function and as an operator"""
    return fw.div(x0, x1), x0 / x1


@computation(step=22, inputs=[uniform(0.5, 2.0), uniform(0.5, 2.0)], order=1, cases=SHAPES_ONLY)
def div_of_large_and_small_numbers(fw: Any, x0: Any, x1: Any) -> Any:
    """Quotients of operands whose squares overflow or underflow"""
    scale = 2.0 ** (np.finfo(fw.array(x0).dtype).maxexp * 3 // 4)
    return (x0 * scale) / (x1 * scale), (x0 / scale) / (x1 / scale)


@computation(step=22, inputs=[uniform(0.5, 2.0), normal()], cases=FINITE)
def rdiv(fw: Any, x0: Any, x1: Any) -> Any:
    """x1 / x0: rdiv"""
    return fw.rdiv(x0, x1)


@computation(step=22, inputs=[normal()])
def neg(fw: Any, x: Any) -> Any:
    """-x, as a function and as an operator"""
    return fw.neg(x), -x


@computation(step=21, inputs=[normal()])
def add_constants(fw: Any, x: Any) -> Any:
    """x + 2, 2 + x, x + 0.1, 0.1 + x, and an array on either side"""
    a = constant(fw, x, 3)
    return x + 2, 2 + x, x + 0.1, 0.1 + x, x + a, a + x


@computation(step=21, inputs=[normal()])
def mul_constants(fw: Any, x: Any) -> Any:
    """x * 2, 2 * x, x * 0.1, 0.1 * x, and an array on either side"""
    a = constant(fw, x, 3)
    return x * 2, 2 * x, x * 0.1, 0.1 * x, x * a, a * x


@computation(step=22, inputs=[normal()])
def sub_constants(fw: Any, x: Any) -> Any:
    """x - 2, 2 - x, x - 0.1, 0.1 - x, and an array on either side"""
    a = constant(fw, x, 3)
    return x - 2, 2 - x, x - 0.1, 0.1 - x, x - a, a - x


@computation(step=22, inputs=[uniform(0.5, 2.0)], cases=FINITE)
def div_constants(fw: Any, x: Any) -> Any:
    """x / 4, 2 / x, x / 0.1, 0.1 / x, and an array on either side"""
    a = constant(fw, x, 3)
    return x / 4, 2 / x, x / 0.1, 0.1 / x, x / a, a / x


@computation(step=21, order=0, inputs=[normal()], cases=FINITE)
def zeros_of_both_signs(fw: Any, x: Any) -> Any:
    """The signs of x * 0.0 and x * -0.0, each twice"""
    return [np.array(np.signbit(fw.array(x * zero)), float) for zero in (0.0, -0.0, 0.0, -0.0)]


@computation(step=22, inputs=[normal()])
def pow_of_integers(fw: Any, x: Any) -> Any:
    """x ** 0, 1, 2 and 3; the gradient of x ** 0 is zero even at x = 0"""
    return x**0, x**1, x**2, x**3


@computation(step=22, inputs=[normal()], order=1, cases=SHAPES_ONLY - DIFFERENCES)
def infinite_gradient_through_power_0(fw: Any, x: Any) -> Any:
    """(x ** 0 - 1) ** 0.5: the gradient of the root is infinite, and that of x ** 0 zero all the same"""
    return (x**0 - 1) ** 0.5


@computation(step=22, inputs=[uniform(0.5, 2.0)], cases=FINITE)
def pow_of_negatives_and_fractions(fw: Any, x: Any) -> Any:
    """x ** -1, -2, 0.5, 2.5 and -0.5"""
    return x**-1, fw.pow(x, -2), x**0.5, x**2.5, x**-0.5


@computation(
    step=21,
    inputs=[normal()],
    dtypes=("float32",),
    shapes=((), (3,)),
    differs={f"stage{n}": "NumPy's type promotion: a float64 array is not weak, not even 0-d" for n in range(2, 6)},
    cases=SHAPES_ONLY,
)
def float64_array_of_no_dimension(fw: Any, x: Any) -> Any:
    """float32 x * np.array(0.1): float64 here, float32 in PyTorch"""
    return x * fw.constant(np.array(0.1))


# --- graphs ---


@computation(step=14, inputs=[normal()], unsupported={1: "wrong"}, cases=FINITE)
def two_results(fw: Any, x: Any) -> Any:
    """Two functions of one variable, whose gradients are added"""
    return fw.square(x), fw.exp(x)


@computation(step=14, inputs=[normal()])
def reuse(fw: Any, x: Any) -> Any:
    """One variable used several times: add(add(x, x), x) and x * x * x"""
    return fw.add(fw.add(x, x), x), x * x * x


@computation(step=16, inputs=[normal()], cases=FINITE)
def diamond(fw: Any, x: Any) -> Any:
    """y = (x^2)^2 + (x^2)^2, the book's graph of step 16"""
    a = fw.square(x)
    return fw.add(fw.square(a), fw.square(a))


@computation(step=16, inputs=TWO, cases=FINITE)
def uneven_diamond(fw: Any, x0: Any, x1: Any) -> Any:
    """Branches of different lengths that join, so that the generations decide the order"""
    a = fw.square(x0)
    b = fw.exp(a * 0.1)
    c = fw.square(fw.square(b)) * x1
    return a + b * c + c * x0


@computation(step=16, inputs=[normal(0.5)], cases=FINITE)
def ladder(fw: Any, x: Any) -> Any:
    """Ten diamond-shaped graphs in a chain: 1,024 paths"""
    for _ in range(10):
        x = x * 0.5 + x * x * 0.1
    return x


@computation(step=17, order=1, inputs=[normal()])
def one_of_two_outputs_dropped(fw: Any, x: Any) -> Any:
    """A function with two outputs, of which the second is garbage-collected"""
    f = fw.function(lambda x: (x * 2, x * 3), lambda gy0, gy1, x: gy0 * 2 + gy1 * 3)
    y, _ = f(fw.square(x))
    del _
    return y


@computation(step=17, order=1, inputs=[normal()])
def one_of_two_outputs_unused(fw: Any, x: Any) -> Any:
    """A function with two outputs, of which the first is referenced but not used"""
    f = fw.function(lambda x: (x * 2, x * 3), lambda gy0, gy1, x: gy0 * 2 + gy1 * 3)
    unused, y = f(x)
    return y * 1.0 if unused is not None else None


@computation(step=17, order=1, inputs=TWO, cases=FINITE)
def two_inputs_two_outputs(fw: Any, x0: Any, x1: Any) -> Any:
    """A user-defined function with two inputs and two outputs"""
    f = fw.function(
        lambda a, b: (a * b, a - b),
        lambda gy0, gy1, a, b: (gy0 * b + gy1, gy0 * a - gy1),
    )
    y0, y1 = f(x0, x1)
    return y0 * y1


@computation(step=14, order=0, inputs=[normal()], shapes=SCALAR, since=2, unsupported="wrong", cases=SHAPES_ONLY)
def gradients_add_up(fw: Any, x: Any) -> Any:
    """Two backward passes without cleargrad, then one after it"""
    fw.square(x).backward()
    fw.exp(x).backward()
    both = np.array(fw.array(x.grad))
    x.grad = None
    fw.exp(x).backward()
    return both, x.grad


@computation(step=18, order=0, inputs=[normal()], shapes=SCALAR, cases=SHAPES_ONLY)
def twice_through_one_graph(fw: Any, x: Any) -> Any:
    """Two backward passes through the same graph: gradients accumulate in leaves but not in intermediate variables"""
    options = {"retain_graph": True} if fw.name == "torch" else {"retain_grad": True}
    t = x + x * x
    y = x + t
    y.backward(**options)
    y.grad = None
    y.backward(**options)
    return x.grad


@computation(step=18, order=0, inputs=[normal()], cases=SHAPES_ONLY)
def no_grad(fw: Any, x: Any) -> Any:
    """Nothing is recorded inside no_grad; recording resumes after it"""
    with fw.no_grad():
        y = x * x
    z = x * x
    return y, np.array([fw.creator(y) is None, fw.creator(z) is None])


@computation(step=18, order=0, inputs=[normal()], cases=SHAPES_ONLY)
def nested_no_grad(fw: Any, x: Any) -> Any:
    """Leaving a nested no_grad restores the mode of the enclosing block, not the default"""
    with fw.no_grad():
        with fw.no_grad():
            y = x * x
        z = x * x
    return np.array([fw.creator(y) is None, fw.creator(z) is None])


@computation(
    step=18,
    order=0,
    raises=(
        RuntimeError,
        {
            2: (
                "backward: expected a variable with a graph, got a copy of a variable, or one computed under no_grad()"
            ),
            3: (
                "backward: expected a variable with a graph, got a copy of a variable, or one computed "
                "under no_grad() or without create_graph=True"
            ),
        },
    ),
    dtypes=("float64",),
)
def backward_without_a_graph(fw: Any) -> Any:
    """backward on a result that was computed under no_grad"""
    with fw.no_grad():
        y = fw.square(fw.Variable(np.array(2.0)))
    y.backward()


@computation(step=19, order=0, inputs=[normal(3.0)], shapes=((), (1,), (1, 1)), cases=SHAPES_ONLY)
def python_numbers(fw: Any, x: Any) -> Any:
    """float, int and bool of a variable with one element"""
    with fw.no_grad():
        y, zero = fw.square(x), fw.square(fw.Variable(np.zeros(x.shape)))
    return np.array([float(y), int(y), bool(y), bool(zero)])


@computation(step=17, order=0, inputs=[normal()], unsupported="wrong", cases=SHAPES_ONLY)
def graph_is_freed(fw: Any, x: Any) -> Any:
    """Which variables of an unreferenced graph are still alive while the garbage collector is off"""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        a = fw.square(x)
        y = fw.exp(a)
        y = fw.square(y)
        watched = [weakref.ref(a), weakref.ref(y)]
        del a, y
        return np.array([ref() is not None for ref in watched])
    finally:
        if was_enabled:
            gc.enable()


@computation(
    step=22,
    inputs=[normal()],
    shapes=SCALAR,
    order=1,
    dtypes=("float64",),
    cases=SHAPES_ONLY - DEFAULT_SEED - DIFFERENCES - GPU,  # torch needs minutes there, nearly all outside the operators
    quick={"count": 120},
)
def chain_of_4000_operators(fw: Any, x: Any, count: int = 400) -> Any:
    """4,000 operators in a chain, mostly negations, forward and backward; the stages' own tests have one of 100,000"""
    for _ in range(count):
        x = operators(x, 1)
        for _ in range(8):
            x = -x
    return x


def operators(x: Any, count: int) -> Any:
    """A chain of this many products and sums."""
    for _ in range(count):
        x = x * 0.9999 + 0.0001
    return x


@computation(
    step=20,
    inputs=[normal()],
    shapes=SCALAR,
    order=1,
    dtypes=("float64",),
    cases=SHAPES_ONLY - DIFFERENCES - DEFAULT_SEED,
    quick={"count": 1_200},
)
def sum_of_4000_terms(fw: Any, x: Any, count: int = 4_000) -> Any:
    """One variable added 4,000 times"""
    return added(x, count)


def added(x: Any, count: int) -> Any:
    """x, and x added to it that often."""
    y = x
    for _ in range(count):
        y = y + x
    return y


# --- step 24 ---


@computation(step=24, inputs=TWO, cases=FINITE)
def sphere(fw: Any, x: Any, y: Any) -> Any:
    """z = x^2 + y^2"""
    return x**2 + y**2


@computation(step=24, inputs=TWO, cases=FINITE)
def matyas(fw: Any, x: Any, y: Any) -> Any:
    """z = 0.26 (x^2 + y^2) - 0.48 x y"""
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


@computation(step=24, inputs=TWO, cases=FINITE)
def goldstein_price(fw: Any, x: Any, y: Any) -> Any:
    """The Goldstein-Price function"""
    return (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
        30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    )


@computation(step=24, inputs=[uniform(2.5, 3.5)], shapes=SCALAR, cases=SHAPES_ONLY - DIFFERENCES)
def while_loop(fw: Any, x: Any) -> Any:
    """y = y + x while y <= 100: the graph depends on Python's control flow"""
    y = x * 0.0
    while fw.array(y) <= 100:
        y = y + x
    return y


# --- invalid input ---


@computation(
    step=21,
    order=0,
    raises=(
        TypeError,
        {
            2: "Variable: expected a numpy.ndarray, got <class 'list'>",
            5: "Variable: expected a numpy.ndarray or cupy.ndarray, got <class 'list'>",
        },
    ),
    dtypes=("float64",),
)
def variable_plus_list(fw: Any) -> Any:
    """x + [1.0]"""
    return fw.Variable(np.ones(1)) + [1.0]  # noqa: RUF005 (not a list)


@computation(
    step=22,
    order=0,
    raises=(TypeError, "pow: expected a number as the exponent, got <class 'stage2_natural_code.core.Variable'>"),
    dtypes=("float64",),
    differs={"torch": "accepts tensors as exponents"}
    | {f"stage{n}": "accepts Variables as exponents" for n in range(3, 6)},
)
def variable_to_the_power_of_a_variable(fw: Any) -> Any:
    """x ** x: stage 2 accepts only numbers as exponents"""
    x = fw.Variable(np.ones(1))
    return x**x


@computation(
    step=22,
    order=0,
    raises=(TypeError, "unsupported operand type(s) for ** or pow(): 'int' and 'Variable'"),
    dtypes=("float64",),
    differs={"torch": "accepts tensors as exponents"}
    | {f"stage{n}": "accepts Variables as exponents" for n in range(3, 6)},
)
def number_to_the_power_of_a_variable(fw: Any) -> Any:
    """2 ** x: stage 2 accepts only numbers as exponents"""
    return 2 ** fw.Variable(np.ones(1))


@computation(
    step=21,
    order=0,
    raises=(TypeError, "operand 'Variable' does not support ufuncs (__array_ufunc__=None)"),
    dtypes=("float64",),
)
def numpy_function_of_a_variable(fw: Any) -> Any:
    """np.exp(x): rejected, since a ufunc would not be recorded in the graph"""
    return np.exp(fw.Variable(np.ones(1)))


@computation(step=20, order=0, inputs=[], dtypes=("float64",))
def books_numbers_of_stage_2(fw: Any) -> Any:
    """x^2 + y^2 of step 13, 2 x^4 of step 16, a b + c of step 20, (x + 3)^2 of step 23, and their gradients"""
    x, y = fw.Variable(np.array(2.0)), fw.Variable(np.array(3.0))
    z = fw.add(fw.square(x), fw.square(y))
    found = [z, *fw.gradients([z], [x, y], None)]
    a = fw.square(x)
    z = fw.add(fw.square(a), fw.square(a))
    found += [z, *fw.gradients([z], [x], None)]
    z = x * y + 1.0
    found += [z, *fw.gradients([z], [x, y], None)]
    z = (x + 3) ** 2
    found += [z, *fw.gradients([z], [x], None)]
    return found
