"""Steps 1-10: chains of functions with one input and one output."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DEFAULT_SEED, SHAPES_ONLY, normal, uniform
from . import computation

SCALAR: tuple[tuple[int, ...], ...] = ((),)
DIFFERENCES = "central differences, computed in float64, have an error of about 1e-8"


@computation(step=1, order=0, inputs=[normal()])
def variable(fw: Any, x: Any) -> Any:
    """The array that was passed to Variable"""
    return x


@computation(step=1, inputs=[normal()])
def leaf(fw: Any, x: Any) -> Any:
    """The gradient of a variable with respect to itself: the initial gradient"""
    return x


@computation(step=2, inputs=[normal()])
def square(fw: Any, x: Any) -> Any:
    """y = x^2"""
    return fw.square(x)


@computation(step=3, inputs=[normal()])
def exp(fw: Any, x: Any) -> Any:
    """y = e^x"""
    return fw.exp(x)


@computation(step=3, inputs=[normal()])
def composite(fw: Any, x: Any) -> Any:
    """The book's y = (e^(x^2))^2"""
    return fw.square(fw.exp(fw.square(x)))


@computation(
    step=4,
    order=0,
    inputs=[uniform(0.5, 2.0)],
    budget={"float64": 1e9},
    why_budget=DIFFERENCES,
    cases=SHAPES_ONLY,
)
def numerical_diff_of_square(fw: Any, x: Any) -> Any:
    """Central differences of x^2, compared with PyTorch's exact derivative"""
    return fw.numerical_diff(fw.square, x)


@computation(
    step=4,
    order=0,
    inputs=[uniform(0.1, 1.0)],
    budget={"float64": 1e9},
    why_budget=DIFFERENCES,
    cases=SHAPES_ONLY,
)
def numerical_diff_of_composite(fw: Any, x: Any) -> Any:
    """Central differences of (e^(x^2))^2, compared with PyTorch's exact derivative"""
    return fw.numerical_diff(lambda x: fw.square(fw.exp(fw.square(x))), x)


@computation(
    step=4,
    order=0,
    inputs=[uniform(900.0, 1100.0)],
    budget={"float64": 1e9},
    why_budget=DIFFERENCES,
    cases=SHAPES_ONLY,
)
def numerical_diff_far_from_zero(fw: Any, x: Any) -> Any:
    """Differences of x^2 near 1000, where float32 would round x + 1e-4"""
    return fw.numerical_diff(fw.square, x)


@computation(step=6, order=1, inputs=[normal()])
def custom_function(fw: Any, x: Any) -> Any:
    """A user-defined function, y = sin(x), between two built-in ones"""
    return fw.exp(sin(fw)(fw.square(x)))


@computation(step=6, order=1, inputs=[normal()])
def identity_function(fw: Any, x: Any) -> Any:
    """A backward that returns the array it received"""
    identity = fw.function(lambda x: x * 1, lambda gy, x: gy)
    return identity(x)


@computation(step=6, order=1, inputs=[normal()], shapes=((3,), (2, 3), (0,), (1, 1)), cases=SHAPES_ONLY)
def transposing_function(fw: Any, x: Any) -> Any:
    """A forward and a backward that return views"""
    transpose = fw.function(lambda x: x.T if x.ndim == 2 else x[:], lambda gy, x: gy.T if x.ndim == 2 else gy[:])
    return transpose(x)


@computation(step=7, inputs=[normal(0.3)])
def chain_of_5(fw: Any, x: Any) -> Any:
    """square, exp, square, exp, square: a chain in which the order of the functions matters"""
    for f in (fw.square, fw.exp, fw.square, fw.exp, fw.square):
        x = f(x)
    return x


@computation(step=8, order=1, inputs=[normal()])
def chain_of_100(fw: Any, x: Any) -> Any:
    """sin applied 100 times, as a user-defined function"""
    f = sin(fw)
    for _ in range(100):
        x = f(x)
    return x


@computation(
    step=8, order=1, inputs=[normal()], shapes=((3,),), cases=SHAPES_ONLY - DEFAULT_SEED, quick={"count": 1_100}
)
def chain_of_2000(fw: Any, x: Any, count: int = 2_000) -> Any:
    """sin applied 2,000 times: a chain longer than Python's recursion limit"""
    f = sin(fw)
    for _ in range(count):
        x = f(x)
    return x


@computation(
    step=9, order=0, raises=(ValueError, "backward: expected a gradient of shape (3,), got (2,)"), dtypes=("float64",)
)
def seed_of_another_shape(fw: Any) -> Any:
    """An initial gradient whose shape differs from the data's"""
    x = fw.Variable(np.ones(3))
    fw.gradients([fw.square(x)], [x], [np.ones(2)])


@computation(
    step=9,
    order=0,
    raises=(
        TypeError,
        {
            1: "Variable: expected a numpy.ndarray, got <class 'float'>",
            5: "Variable: expected a numpy.ndarray or cupy.ndarray, got <class 'float'>",
        },
    ),
    dtypes=("float64",),
    differs={"torch": "creates a tensor from a Python number"},
)
def variable_of_a_float(fw: Any) -> Any:
    """Variable(1.0)"""
    return fw.Variable(1.0)


@computation(
    step=9,
    order=0,
    raises=(
        TypeError,
        {
            1: "Variable: expected a numpy.ndarray, got <class 'list'>",
            5: "Variable: expected a numpy.ndarray or cupy.ndarray, got <class 'list'>",
        },
    ),
    dtypes=("float64",),
    differs={"torch": "creates a tensor from a list"},
)
def variable_of_a_list(fw: Any) -> Any:
    """Variable([1.0])"""
    return fw.Variable([1.0])


@computation(
    step=9,
    order=0,
    raises=(TypeError, "Variable: expected an array of real numbers, got dtype complex128"),
    dtypes=("float64",),
    differs={"torch": "differentiates complex functions"},
)
def variable_of_complex_numbers(fw: Any) -> Any:
    """Variable(np.array([1j]))"""
    return fw.Variable(np.array([1j]))


@computation(
    step=9,
    order=0,
    raises=(TypeError, "Variable: expected an array of real numbers, got dtype object"),
    dtypes=("float64",),
)
def variable_of_objects(fw: Any) -> Any:
    """Variable of an array of Python objects"""
    return fw.Variable(np.array([1.0, None]))


@computation(
    step=9,
    order=0,
    raises=(TypeError, "Square: expected a Variable, got <class 'numpy.ndarray'>"),
    dtypes=("float64",),
    differs={f"stage{n}": "accepts arrays, from step 21 on" for n in range(2, 6)},
)
def square_of_an_array(fw: Any) -> Any:
    """square(array): stage 1 accepts only Variables"""
    return fw.square(np.array(2.0))


@computation(step=8, order=0, inputs=[normal()], shapes=SCALAR, cases=SHAPES_ONLY)
def gradient_in_between(fw: Any, x: Any) -> Any:
    """The gradient of an intermediate variable; from step 18 on kept only with retain_grad"""
    a = fw.square(x)
    y = fw.exp(a)
    if fw.name == "torch":
        a.retain_grad()
    y.backward(**({"retain_grad": True} if fw.number and fw.number >= 2 else {}))
    return a.grad, x.grad


@computation(
    step=8,
    order=0,
    raises=(
        RuntimeError,
        {
            1: (
                "backward: expected the output of the latest call of Square, got one of an earlier call; "
                "use a new Square() for each call"
            ),
            2: (
                "backward: expected an output of the latest call of Square, got one of an earlier call; "
                "use a new Square() for each call"
            ),
        },
    ),
    dtypes=("float64",),
    differs={"torch": "has no function instances to call twice"},
)
def instance_called_again(fw: Any) -> Any:
    """The gradient of an output of an earlier call of the same Function instance"""
    f = fw.Square()
    x = fw.Variable(np.array(2.0))
    y = f(x)
    f(fw.Variable(np.array(3.0)))
    fw.gradients([y], [x], None)


@computation(
    step=10,
    order=0,
    raises=(
        TypeError,
        ("numerical_diff: expected a Variable, got <class 'numpy.ndarray'>; use Variable(np.array(...))"),
    ),
    dtypes=("float64",),
)
def numerical_diff_at_an_array(fw: Any) -> Any:
    """numerical_diff(f, array)"""
    return fw.numerical_diff(fw.square, np.array(2.0))


def sin(fw: Any) -> Any:
    """sin as a user-defined function, with the framework's array module."""
    return fw.function(lambda x: fw.xp.sin(x), lambda gy, x: gy * fw.xp.cos(x))
