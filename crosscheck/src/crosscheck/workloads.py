"""What `crosscheck bench` times, written in the same vocabulary as the computations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .frameworks import Framework

Work = Callable[[], object]


@dataclass(frozen=True)
class Workload:
    """A name, the first stage that can do it, and what builds the work for a framework."""

    name: str
    since: int
    build: Callable[[Framework], Work]

    @property
    def doc(self) -> str:
        return (self.build.__doc__ or "").strip()


WORKLOADS: list[Workload] = []


def workload(since: int) -> Callable[[Callable[[Framework], Work]], Callable[[Framework], Work]]:
    """Register the builder below."""

    def register(build: Callable[[Framework], Work]) -> Callable[[Framework], Work]:
        WORKLOADS.append(Workload(build.__name__, since, build))
        return build

    return register


def forward_and_backward(fw: Any, x: Any, f: Callable[[Any], Any]) -> Work:
    """One pass forward and one backward with the default seed, from a fresh variable."""

    def work() -> object:
        leaf = fw.Variable(x)
        return fw.gradients([f(leaf)], [leaf], None)

    return work


@workload(since=1)
def chain_of_100_squares(fw: Any) -> Work:
    """100 squares in a chain at 1.0, forward and backward, 0-d: what an operation costs"""

    def chain(x: Any) -> Any:
        for _ in range(100):
            x = fw.square(x)
        return x

    return forward_and_backward(fw, np.array(1.0), chain)


@workload(since=1)
def exp_of_square_of_1000000(fw: Any) -> Work:
    """exp(square(x)) of 1,000,000 elements, forward and backward: what the arrays cost"""
    x = np.linspace(-1.0, 1.0, 1_000_000)
    return forward_and_backward(fw, x, lambda x: fw.exp(fw.square(x)))


@workload(since=2)
def goldstein_price(fw: Any) -> Work:
    """Goldstein-Price at (1, 1), 0-d: 38 functions forward and backward"""

    def work() -> object:
        x, y = fw.Variable(np.array(1.0)), fw.Variable(np.array(1.0))
        z = (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
            30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
        )
        return fw.gradients([z], [x, y], None)

    return work


@workload(since=2)
def rosenbrock_descent(fw: Any) -> Work:
    """1,000 steps of gradient descent on the Rosenbrock function"""

    def work() -> object:
        x0, x1 = fw.Variable(np.array(0.0)), fw.Variable(np.array(2.0))
        for _ in range(1000):
            y = 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2
            for x, gx in zip((x0, x1), fw.gradients([y], [x0, x1], None), strict=True):
                x.data = x.data - 0.001 * (gx if isinstance(gx, np.ndarray) else gx.data)
        return x0.data, x1.data

    return work


@workload(since=2)
def chain_of_1000_operators(fw: Any) -> Work:
    """1,000 operators in a chain, 0-d"""

    def chain(x: Any) -> Any:
        for _ in range(500):
            x = x * 0.999 + 0.001
        return x

    return forward_and_backward(fw, np.array(1.0), chain)


@workload(since=2)
def sum_of_4000_terms(fw: Any) -> Work:
    """One variable added 4,000 times, 0-d"""

    def total(x: Any) -> Any:
        y = x
        for _ in range(4000):
            y = y + x
        return y

    return forward_and_backward(fw, np.array(1.0), total)


def derivative_of_order(fw: Any, f: Callable[[Any], Any], order: int) -> Work:
    """The derivative of that order at 1.0, each by backpropagation through the one before."""

    def work() -> object:
        x = fw.Variable(np.array(1.0))
        g = f(x)
        for _ in range(order - 1):
            (g,) = fw.gradients([g], [x], None, create_graph=True)
        return fw.gradients([g], [x], None)

    return work


@workload(since=3)
def seventh_derivative_of_sin(fw: Any) -> Work:
    """The seventh derivative of sin at 1.0"""
    return derivative_of_order(fw, fw.sin, 7)


@workload(since=3)
def fifth_derivative_of_tanh(fw: Any) -> Work:
    """The fifth derivative of tanh at 1.0"""
    return derivative_of_order(fw, fw.tanh, 5)
