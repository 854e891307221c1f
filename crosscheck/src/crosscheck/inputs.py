"""Inputs of computations: random generators, and the cases on which each computation runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .frameworks.base import Array

Generator = Callable[[np.random.Generator, tuple[int, ...]], Array]
INTEGER_DTYPES = tuple(np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64))
SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (3,), (2, 3), (0,), (2, 0))
LARGE = 1000  # elements; larger cases are not differentiated to third order

# What a computation is put through, apart from its shapes: `cases=EVERYTHING - SPECIAL`.
Cases = frozenset[str]
DEFAULT_SEED: Cases = frozenset({"default seed"})  # the first shape again, with the default initial gradient
LAYOUTS: Cases = frozenset({"layouts"})  # Fortran order, gaps in memory, read-only
SPECIAL: Cases = frozenset({"special values"})  # nan, infinities, signed zeros, the limits of the dtype
INTEGERS: Cases = frozenset({"integers"})
DIFFERENCES: Cases = frozenset({"differences"})  # central differences; not at kinks, or where they take too long
DEEP: Cases = frozenset({"deep"})  # one shape to third order in the first dtype, if the computation stops at the second
MEMORY: Cases = frozenset({"memory"})  # results share memory with inputs only if PyTorch's or NumPy's do
TWICE: Cases = frozenset({"twice"})  # the largest case a second time; not programs of layers that are
GPU: Cases = frozenset({"gpu"})  # not if it draws random numbers on the host or is about host arrays
EVERYTHING = DEFAULT_SEED | LAYOUTS | SPECIAL | INTEGERS | DIFFERENCES | DEEP | MEMORY | TWICE | GPU
FINITE = EVERYTHING - SPECIAL
FLOATS = FINITE - INTEGERS
SHAPES_ONLY = DEFAULT_SEED | DIFFERENCES | DEEP | MEMORY | TWICE | GPU


def normal(scale: float = 1.0, shift: float = 0.0) -> Generator:
    """Normally distributed numbers, of both signs."""
    return lambda rng, shape: np.asarray(shift + scale * rng.standard_normal(shape))


def uniform(low: float, high: float) -> Generator:
    """Uniformly distributed numbers, for functions with a restricted domain."""
    return lambda rng, shape: np.asarray(rng.uniform(low, high, shape))


@dataclass(frozen=True)
class Case:
    """A set of inputs. seeded: with a random cotangent, otherwise with the framework's default initial gradient.

    deep: also differentiated to third order, if the computation otherwise stops at the second.
    """

    name: str
    arrays: tuple[Array, ...]
    seeded: bool = True
    smooth: bool = True  # central differences apply
    integer: bool = False
    small: bool = False  # int8 or uint8: values only
    deep: bool = False
    layout: Callable[[Array], Array] = np.copy

    def size(self) -> int:
        """The number of elements."""
        return sum(a.size for a in self.arrays)

    def fresh(self) -> list[Array]:
        """New arrays with the case's values and memory layout."""
        return [self.layout(a) for a in self.arrays]


def transposed(a: Array) -> Array:
    """The same values in Fortran order: the first axis is contiguous."""
    return np.copy(a.T, order="C").T


def every_second(a: Array) -> Array:
    """The same values, not contiguous in memory."""
    return np.repeat(a, 2, axis=-1)[..., ::2]


def read_only(a: Array) -> Array:
    """A read-only copy."""
    a = np.copy(a)
    a.flags.writeable = False
    return a


def stable_rng(*words: str) -> np.random.Generator:
    """A generator that depends only on the words: the same numbers on every machine and in every run."""
    digest = hashlib.sha256("/".join(words).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def special_values(dtype: np.dtype[Any]) -> list[float]:
    """nan, infinities, both zeros, the smallest and largest numbers."""
    info = np.finfo(dtype)
    return [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, float(info.tiny), float(info.max)]


def make_cases(
    computation: str,
    generators: Sequence[Generator],
    shapes: Sequence[tuple[int, ...]],
    cases: Cases,
    dtype: np.dtype[Any],
    seed: int,
) -> list[Case]:
    """The cases of a computation in one dtype, the same for every framework."""
    if not generators:
        return [Case("no input", ())]

    def rng(label: str) -> np.random.Generator:
        return stable_rng(computation, label, str(seed))

    def case(label: str, shape: tuple[int, ...], **options: Any) -> Case:
        source = rng(label)
        return Case(label, tuple(generator(source, shape).astype(dtype) for generator in generators), **options)

    made = [case(f"shape {shape}", shape) for shape in shapes]
    if cases >= DEEP:
        sizes = {i: max(a.size for a in c.arrays) for i, c in enumerate(made)}
        for i in sorted((i for i, size in sizes.items() if size <= LARGE), key=lambda i: sizes[i] < 2)[:1]:
            made[i] = replace(made[i], deep=True)
    if cases >= DEFAULT_SEED:
        made.append(case("default seed", shapes[0], seeded=False))
    if cases >= LAYOUTS:
        made += [
            case("default seed, 2-d", (2, 3), seeded=False),
            case("transposed", (2, 3), layout=transposed),
            case("gaps in memory", (2, 3), layout=every_second),
            case("read-only", (2, 3), layout=read_only),
        ]
    if cases >= SPECIAL:
        source = rng("special values")
        values = tuple(source.permutation(special_values(dtype)).astype(dtype) for _ in generators)
        made.append(Case("special values", values, smooth=False))
    if cases >= INTEGERS and dtype == np.float64:
        source = rng("integers")
        whole = [np.clip(np.rint(3 * generator(source, (2, 3))), -3, 3) for generator in generators]
        for label, kind in (("integers", np.int64), ("int8", np.int8), ("uint8", np.uint8)):
            arrays = tuple(abs(a).astype(kind) if label == "uint8" else a.astype(kind) for a in whole)
            small = kind is not np.int64
            made.append(Case(label, arrays, smooth=False, integer=True, seeded=False, small=small))
    return made
