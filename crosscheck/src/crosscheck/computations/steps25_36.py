"""Steps 25-36: derivatives of any order and their applications."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..inputs import EVERYTHING, FINITE, FLOATS, INTEGERS, SHAPES_ONLY, normal, uniform
from . import computation

SCALAR: tuple[tuple[int, ...], ...] = ((),)
FEW: tuple[tuple[int, ...], ...] = ((), (3,))


def derivative(fw: Any, y: Any, x: Any) -> Any:
    """dy/dx as a variable that can be differentiated again."""
    (gx,) = fw.gradients([y], [x], None, create_graph=True)
    return gx


@computation(step=27, inputs=[uniform(-1.0, 1.0)], since=2, cases=FLOATS)
def taylor_sin(fw: Any, x: Any) -> Any:
    """sin(x) as a Taylor series: sums, products and powers in a loop"""
    y = 0
    for i in range(12):
        y = y + (-1) ** i / math.factorial(2 * i + 1) * x ** (2 * i + 1)
    return y


@computation(
    step=28,
    inputs=[normal(), normal()],
    since=2,
    budget={"float64": 1e4, "float32": 1e4},
    why_budget="terms of the second derivative cancel",
    cases=FINITE,
)
def rosenbrock(fw: Any, x0: Any, x1: Any) -> Any:
    """y = 100 (x1 - x0^2)^2 + (x0 - 1)^2"""
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


@computation(step=28, order=0, dtypes=("float64",), since=2)
def gradient_descent(fw: Any) -> Any:
    """200 steps of gradient descent on the Rosenbrock function from (0, 2): every point"""
    point = np.array([0.0, 2.0])
    path = []
    for _ in range(200):
        x0, x1 = fw.Variable(point[0:1].copy()), fw.Variable(point[1:2].copy())
        y = 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2
        gradients = fw.gradients([y], [x0, x1], None)
        point = point - 0.001 * np.concatenate([fw.array(g) for g in gradients])
        path.append(point)
    return np.array(path)


@computation(step=29, order=0, dtypes=("float64",), since=2)
def newton_by_hand(fw: Any) -> Any:
    """Newton's method on x^4 - 2 x^2 from x = 2, with the second derivative written by hand"""
    x, path = np.array(2.0), []
    for _ in range(10):
        v = fw.Variable(x)
        (gx,) = fw.gradients([v**4 - 2 * v**2], [v], None)
        x = np.asarray(x - fw.array(gx) / (12 * x**2 - 4))
        path.append(x)
    return np.array(path)


@computation(step=33, order=0, dtypes=("float64",))
def newton(fw: Any) -> Any:
    """The same, with the second derivative by double backpropagation"""
    x, path = np.array(2.0), []
    for _ in range(10):
        v = fw.Variable(x)
        gx = derivative(fw, v**4 - 2 * v**2, v)
        (gx2,) = fw.gradients([gx], [v], None)
        x = np.asarray(x - fw.array(gx) / fw.array(gx2))
        path.append(x)
    return np.array(path)


@computation(step=33, inputs=[normal()], since=2, order=4, cases=FINITE)
def quartic(fw: Any, x: Any) -> Any:
    """y = x^4 - 2 x^2, up to the fourth derivative"""
    return x**4 - 2 * x**2


@computation(step=34, inputs=[normal()], order=3)
def sin(fw: Any, x: Any) -> Any:
    """y = sin(x)"""
    return fw.sin(x)


@computation(step=34, inputs=[normal()], order=3)
def cos(fw: Any, x: Any) -> Any:
    """y = cos(x)"""
    return fw.cos(x)


@computation(step=34, inputs=[uniform(0.5, 2.0)], order=3, cases=EVERYTHING - INTEGERS)
def log(fw: Any, x: Any) -> Any:
    """y = log(x)"""
    return fw.log(x)


@computation(step=35, inputs=[normal()], order=3, cases=FINITE)
def tanh(fw: Any, x: Any) -> Any:
    """y = tanh(x)"""
    return fw.tanh(x)


@computation(step=34, inputs=[normal()], shapes=FEW, order=8, cases=SHAPES_ONLY)
def eight_derivatives_of_sin(fw: Any, x: Any) -> Any:
    """y = sin(x), up to the eighth derivative"""
    return fw.sin(x)


@computation(
    step=35,
    inputs=[normal(0.7)],
    shapes=SCALAR,
    order=8,
    budget={"float64": 1e4, "float32": 1e4},
    why_budget="terms of the higher derivatives cancel, in PyTorch as well",
    cases=SHAPES_ONLY,
)
def eight_derivatives_of_tanh(fw: Any, x: Any) -> Any:
    """y = tanh(x), up to the eighth derivative: 2,571 functions"""
    return fw.tanh(x)


@computation(step=34, inputs=[uniform(0.5, 2.0), normal()], order=3, cases=FLOATS)
def power_of_a_variable(fw: Any, x0: Any, x1: Any) -> Any:
    """x0 ** x1, with a Variable as the exponent"""
    return x0**x1, fw.pow(x0, x1)


@computation(step=34, inputs=[normal()], order=3, cases=FLOATS)
def power_of_a_number(fw: Any, x: Any) -> Any:
    """2 ** x and 0.5 ** x"""
    return 2**x, 0.5**x, fw.rpow(x, 3)


@computation(step=34, order=0, dtypes=("float64",))
def powers_at_zero(fw: Any) -> Any:
    """0 ** 0, 0 ** 2 and 2 ** 0 with Variables as exponents, and the third derivative of x ** 2 at 0: never nan"""
    x0, x1 = fw.Variable(np.array([0.0, 0.0, 2.0])), fw.Variable(np.array([0.0, 2.0, 0.0]))
    y = x0**x1
    found = [y, *fw.gradients([y], [x0, x1], None)]
    x = fw.Variable(np.zeros(2))
    gx = derivative(fw, x**2 + x * 0.0, x)
    gx2 = derivative(fw, gx + x * 0.0, x)
    (gx3,) = fw.gradients([gx2 + x * 0.0], [x], None)
    return [*found, gx, gx2, gx3]


@computation(step=36, inputs=[normal()], order=1, cases=FINITE)
def double_backprop(fw: Any, x: Any) -> Any:
    """z = (dy/dx)^3 + y with y = x^2: a gradient used in a formula"""
    y = x**2
    return derivative(fw, y, x) ** 3 + y


@computation(step=36, inputs=[normal(), normal()], order=1, shapes=((2,), (5,)), cases=SHAPES_ONLY)
def hessian_vector_product(fw: Any, x: Any, v: Any) -> Any:
    """H v = grad(v . grad f), without forming the Hessian"""
    y = fw.exp(x * 0.3) * fw.sin(x) + x**3
    (gx,) = fw.gradients([y], [x], None, create_graph=True)
    (product,) = fw.gradients([gx * v], [x], None, create_graph=True)
    return product


@computation(step=36, inputs=[normal(), normal()], order=1, cases=FINITE)
def functional_grad(fw: Any, x0: Any, x1: Any) -> Any:
    """grad(...) with respect to two inputs, one of them an intermediate variable, and its own gradient"""
    a = x0 * x1
    y = a * a + fw.sin(x1)
    seed = fw.Variable(np.full_like(fw.array(y), 3))
    ga, g1 = fw.grad(y, [a, x1], seed, create_graph=True)
    return ga * 2.0 + g1 * g1


@computation(step=32, order=0, inputs=[normal()], cases=SHAPES_ONLY)
def graph_of_a_gradient(fw: Any, x: Any) -> Any:
    """A gradient has a creator with create_graph, and none without"""
    plain = fw.gradients([fw.sin(x)], [x], None)[0]
    graph = fw.gradients([fw.sin(x)], [x], None, create_graph=True)[0]
    return np.array([fw.creator(plain) is None, fw.creator(graph) is None])


@computation(step=36, inputs=[normal()], order=1)
def grad_of_an_output_given_twice(fw: Any, x: Any) -> Any:
    """grad([y, y], x): the gradients of both entries are added"""
    y = x * x
    seeds = [fw.Variable(np.full_like(fw.array(y), value)) for value in (2, 3)]
    (gx,) = fw.grad([y, y], [x], seeds, create_graph=True)
    return gx


@computation(step=36, inputs=[normal(), normal()], order=0)
def grad_of_what_does_not_depend(fw: Any, x0: Any, x1: Any) -> Any:
    """Zeros for an input that the output does not depend on"""
    y = x0 * x0
    seed = fw.Variable(np.ones_like(fw.array(y)))
    return tuple(fw.grad(y, [x0, x1], seed))


@computation(step=36, order=0, dtypes=("float64",))
def books_numbers_of_stage_3(fw: Any) -> Any:
    """The derivatives that the book's steps print: 24 and 44, sin at 1, dz/dx = 100"""
    x = fw.Variable(np.array(2.0))
    gx = derivative(fw, x**4 - 2 * x**2, x)
    found = [gx, *fw.gradients([gx], [x], None)]
    x = fw.Variable(np.array(1.0))
    g = fw.sin(x)
    for _ in range(4):
        g = derivative(fw, g, x)
        found.append(g)
    x = fw.Variable(np.array(2.0))
    y = x**2
    found += fw.gradients([derivative(fw, y, x) ** 3 + y], [x], None)
    return found


@computation(
    step=32,
    order=0,
    raises=(
        RuntimeError,
        (
            "backward: expected a variable with a graph, got a copy of a variable, or one computed "
            "under no_grad() or without create_graph=True"
        ),
    ),
    dtypes=("float64",),
)
def gradient_of_a_gradient_without_a_graph(fw: Any) -> Any:
    """A second derivative after a backward pass without create_graph"""
    x = fw.Variable(np.array(2.0))
    (x + 1.0).backward()  # its gradient is the initial one
    x.grad.backward()


@computation(
    step=36,
    order=0,
    raises=(TypeError, "grad: expected Variables, got <class 'float'>"),
    dtypes=("float64",),
)
def grad_of_a_number(fw: Any) -> Any:
    """grad(1.0, x)"""
    return fw.grad(1.0, fw.Variable(np.ones(1)))
