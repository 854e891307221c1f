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
