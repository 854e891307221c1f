"""Invariants of memory: what enters or leaves an object is a copy, and arguments are not modified."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from .compare import same_bytes
from .frameworks.base import Array

# Methods that copy what they are given and what they return, and after which no two arrays of the object share memory.
COPYING = frozenset({"get_weights", "set_weights", "take_weights", "load_state_dict", "state", "load_state", "update"})
NOTHING_IN_THEM = (type, str, bytes, int, float, complex, type(None))
WATCHED = COPYING | {"__call__"}  # a layer does not keep its input in its weights and running statistics


def arrays_in(value: Any, package: str) -> list[Array]:
    """All arrays that are reachable from a value, each once: in containers, variables and objects of the package.

    Of a variable these are its data and its gradient, not the graph.
    """
    found: dict[int, Array] = {}
    met: dict[int, Any] = {}  # by id, which no other object has as long as this one is alive
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, NOTHING_IN_THEM) or id(value) in met:
            continue
        met[id(value)] = value
        if isinstance(value, np.ndarray):
            found[id(value)] = value
        elif isinstance(value, dict):
            pending += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            pending += value
        elif hasattr(value, "creator"):
            pending += [value.data, value.grad]
        elif type(value).__module__.partition(".")[0] == package:
            pending += getattr(value, "__dict__", {}).values()
    return list(found.values())


def share(some: Sequence[Array], others: Sequence[Array]) -> bool:
    """Whether any array of the one shares memory with any of the other."""
    bounds = [(*byte_bounds(a), group) for group, arrays in enumerate((some, others)) for a in arrays if a.size > 0]
    ends = [0, 0]  # of each group, the end of the memory that begins before the current array
    for low, high, group in sorted(bounds):
        if low < ends[1 - group]:
            return True
        ends[group] = max(ends[group], high)
    return False


def overlap(arrays: Sequence[Array]) -> bool:
    """Whether any two arrays share memory."""
    bounds = sorted(byte_bounds(a) for a in arrays if a.size > 0)
    return any(before[1] > after[0] for before, after in itertools.pairwise(bounds))


def watched(f: Callable[..., Any], package: str, broken: list[str]) -> Callable[..., Any]:
    """A method that adds to `broken` what it does to memory that it must not do."""

    @functools.wraps(f)
    def call(owner: Any, *arguments: Any, **options: Any) -> Any:
        given = arrays_in((arguments, options), package)
        kept = [a.copy() for a in given]
        found = f(owner, *arguments, **options)
        name = f"{type(owner).__name__}.{f.__name__}"
        own = arrays_in(owner, package)
        if any(not same_bytes(a, b) for a, b in zip(given, kept, strict=True)):
            broken.append(f"{name} changed its argument")
        if share(given, own):
            broken.append(f"{name} keeps its argument, or a view of it, instead of a copy")
        if f.__name__ in COPYING and share(arrays_in(found, package), own):
            broken.append(f"{name} returns memory of the object instead of a copy")
        if f.__name__ in COPYING and overlap(own):
            broken.append(f"{name} leaves two arrays that share memory in the object")
        return found

    return call
