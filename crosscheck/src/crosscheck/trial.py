"""A trial: one case of a cell and its results, for the judges."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .compare import distance, same_bytes
from .computations import Computation
from .differences import Slope, agrees, near_slopes, slopes
from .frameworks import Framework
from .frameworks.base import Array
from .frameworks.numpy import NumPyFramework
from .inputs import Case, stable_rng

NUMPY = NumPyFramework()
SHAKE = 2.0**-26  # the relative error of inputs by which condition numbers are measured
SAMPLES = 3


@dataclass(frozen=True)
class Result:
    """An array of an outcome. order: 0 for a value, k for a derivative of order k."""

    order: int
    name: str
    array: Array


@dataclass
class Outcome:
    """The results of a case: the values, then the gradients of each order, input by input."""

    values: list[Array]
    gradients: list[list[Array]]
    cotangents: list[list[Array] | None]
    broken: list[str] = field(default_factory=list)  # violated invariants
    shared: list[tuple[int, int]] = field(default_factory=list)  # (i, j): value i shares memory with input j

    def arrays(self) -> Iterator[Result]:
        """Every array with its order and name."""
        for i, value in enumerate(self.values):
            yield Result(0, f"value{f' {i}' if len(self.values) > 1 else ''}", value)
        for order, gradients in enumerate(self.gradients, 1):
            for i, gradient in enumerate(gradients):
                kind = "gradient" if order == 1 else f"derivative of order {order}"
                yield Result(order, f"{kind}{f' of input {i}' if len(gradients) > 1 else ''}", gradient)

    def same_bytes(self, other: Outcome) -> bool:
        """Whether both have bit-equal arrays."""
        ours, theirs = list(self.arrays()), list(other.arrays())
        return len(ours) == len(theirs) and all(same_bytes(a.array, b.array) for a, b in zip(ours, theirs, strict=True))


@dataclass(frozen=True)
class Failure:
    """A failure. kind: torch, differences, stage, invariant, exception, ..."""

    kind: str
    text: str


@dataclass(frozen=True)
class Reference:
    """PyTorch on the same inputs, in float64 and in the dtype of the cell.

    shaken: PyTorch in float64 with small relative errors in all inputs and cotangents, n-th sample.
    """

    precise: Outcome
    same: Outcome
    shaken: Callable[[int], Outcome]

    @functools.cached_property
    def conditions(self) -> list[float]:
        """The condition number of each result: relative error in the result / relative error in the inputs."""
        found = []
        samples = [list(self.shaken(n).arrays()) for n in range(SAMPLES)]
        for i, exact in enumerate(self.precise.arrays()):
            eps = [distance(sample[i].array, exact.array, np.dtype("float64")) for sample in samples]
            found.append(max(eps) * float(np.finfo("float64").eps) / SHAKE)
        return found


@dataclass(frozen=True, eq=False)
class Trial:
    """One case of a cell.

    reference: None without PyTorch. before: the previous stage and its outcome, or None. on_cpu: the outcome on the CPU
    of a framework that computes elsewhere. sloped: whether central differences apply. twice: whether to run it
    again; see `Runner.is_twice`.
    """

    computation: Computation
    framework: Framework
    case: Case
    dtype: np.dtype[Any]
    seed: int
    outcome: Outcome
    reference: Reference | None = None
    before: tuple[str, Outcome] | None = None
    on_cpu: Outcome | None = None
    sloped: bool = True
    twice: bool = True

    @property
    def allowed(self) -> float:
        """The allowed distance in eps: the computation's; a custom framework's tolerance replaces the default."""
        computation, dtype = self.computation, str(self.dtype)
        own = self.framework.tolerance.get(dtype)
        return computation.allowed(dtype) if own is None else max(own, computation.budget.get(dtype, 0.0))

    @functools.cached_property
    def direction(self) -> list[Array]:
        """A random direction in the space of inputs."""
        shapes = tuple(a.shape for a in self.case.arrays)
        return normals(self.computation.name, self.case.name, self.seed, "direction", shapes)

    @property
    def contractions(self) -> Callable[[Sequence[Array]], list[float]]:
        return contractions(self.computation, self.framework, self.case, len(self.outcome.gradients), self.seed)

    @functools.cached_property
    def slopes(self) -> list[Slope]:
        """By order, from 1 on: the slope of the results of the previous order along the direction."""
        return slopes(self.contractions, self.case.arrays, self.direction)

    @functools.cached_property
    def near_slopes(self) -> list[Slope]:
        """The same in a third of the time: enough to accept a gradient, but not to reject it."""
        return near_slopes(self.contractions, self.case.arrays, self.direction)

    def slope(self, order: int) -> Slope:
        """The derivative of an order along the direction, by central differences."""
        return self.slopes[order - 1]

    @functools.cached_property
    def again(self) -> Outcome:
        """The results of a second run, up to order 1, without a graph of the gradients."""
        order = min(len(self.outcome.gradients), 1)
        return evaluate(self.computation, self.framework, self.case, self.dtype, self.seed, order, check=True)

    @functools.cached_property
    def in_numpy(self) -> Outcome | None:
        """The values in NumPy, without gradients; None if it lacks a function or rejects the integers."""
        try:
            return evaluate(self.computation, NUMPY, self.case, self.dtype, self.seed, order=0)
        except (AttributeError, ArithmeticError, TypeError, ValueError):
            return None

    def backed(self, gradients: Sequence[Array], order: int) -> bool:
        """Whether central differences of the framework's own values agree with these gradients."""
        if [np.shape(g) for g in gradients] != [a.shape for a in self.case.arrays]:
            return False
        near = agrees(gradients, self.direction, self.near_slopes[order - 1])
        return near or agrees(gradients, self.direction, self.slope(order))


HIGHEST = 3  # derivatives beyond this order are those of a plain sum, as in the book: the eighth of sin


def full_order(computation: Computation, case: Case) -> int:
    """The order of differentiation in frameworks that support any.

    1 for integers and special values; 0 for small integers, in which gradients would wrap around.
    """
    if case.integer or not case.smooth:
        return 0 if case.small else min(computation.order, 1)
    return 3 if case.deep and computation.order == 2 else computation.order


def order_of(computation: Computation, framework: Framework, case: Case) -> int:
    """The order of differentiation: at most 1 in early stages."""
    return min(full_order(computation, case), framework.max_order)


def squared(computation: Computation, case: Case, level: int) -> bool:
    """Whether sum(c r + r^2 / 2) is differentiated at this level, not sum(c r): results r, a random cotangent c.

    The gradient passed to each function is then c + r, which depends on the inputs, so that the next order also
    differentiates each backward with respect to the gradient that it receives. Of a linear function nothing else
    depends on the inputs. At the last level the square would show nothing.
    """
    return case.seeded and level + 1 < full_order(computation, case) <= HIGHEST


@functools.lru_cache(maxsize=64)  # frameworks, dtypes and central differences need the same numbers
def normals(computation: str, case: str, seed: int, what: str, shapes: tuple[tuple[int, ...], ...]) -> list[Array]:
    """Normally distributed arrays that depend only on the arguments. Do not write to them."""
    rng = stable_rng(computation, case, str(seed), what)
    return [np.asarray(rng.standard_normal(shape)) for shape in shapes]


def cotangents(computation: Computation, case: Case, seed: int, level: int, like: Sequence[Array]) -> list[Array]:
    """The random cotangents of these results, in float64."""
    return normals(computation.name, case.name, seed, f"cotangent {level}", tuple(a.shape for a in like))


def like_result(cotangent: Array, result: Array, dtype: Any) -> Array:
    """A cotangent rounded to the cell's dtype, in the dtype and memory layout of the result.

    The layout decides in which order sums are added; the sum of both has it in every framework.
    """
    found = np.empty_like(result)
    found[...] = cotangent.astype(dtype)
    return found


def shaken(a: Array, rng: np.random.Generator) -> Array:
    """A copy with a relative error of SHAKE in every element."""
    return np.asarray(a * (1 + SHAKE * rng.choice((-1.0, 1.0), a.shape))).astype(a.dtype)


def evaluate(
    computation: Computation,
    framework: Framework,
    case: Case,
    dtype: Any,
    seed: int,
    order: int,
    check: bool = False,
    shake: np.random.Generator | None = None,
) -> Outcome:
    """Run a computation on a case, forward and then backward `order` times, each time with a new cotangent.

    check: also list the invariants that it violates.
    shake: the generator of small relative errors that all inputs and cotangents get, if any.
    """
    arrays = case.fresh() if shake is None else [shaken(a, shake) for a in case.arrays]
    kept = [a.copy() for a in arrays]
    variables = [framework.Variable(a) for a in arrays]
    result = framework.run(computation.body, variables)
    outputs = list(result) if isinstance(result, tuple | list) else [result]
    values, inputs = ([framework.array(v) for v in those] for those in (outputs, variables))
    outcome = Outcome([np.array(a) for a in values], [], [])
    outcome.shared = [(i, j) for i, a in enumerate(values) for j, x in enumerate(inputs) if np.may_share_memory(a, x)]
    outcome.broken += dict.fromkeys(framework.broken)
    changeable = [(y, np.array(framework.array(y))) for y in (*variables, *outputs)] if check and order else []
    passes: list[tuple[list[Any], list[Array] | None, list[Any]]] = []  # roots, initial gradients, gradients
    for level in range(order):
        # None: independent of the inputs. Its cotangent is drawn anyway, so that the others do not change.
        like = outcome.values if level == 0 else outcome.gradients[-1]
        drawn = cotangents(computation, case, seed, level, like)
        if shake is not None:
            drawn = [shaken(c, shake) for c in drawn]
        roots = [y for y in outputs if y is not None]
        seeds = [like_result(c, a, dtype) for c, a, y in zip(drawn, like, outputs, strict=True) if y is not None]
        recorded = level + 1 < order
        if squared(computation, case, level):
            sums = zip(roots, seeds, strict=True)
            seeds = [y + framework.constant(c) if recorded else np.asarray(framework.array(y) + c) for y, c in sums]
        found = framework.gradients(roots, variables, seeds if case.seeded else None, create_graph=recorded)
        given = [np.array(framework.array(c)) for c in seeds] if case.seeded else None
        outcome.gradients.append(
            [
                np.zeros_like(a) if g is None else np.array(framework.array(g))
                for g, a in zip(found, arrays, strict=True)
            ]
        )
        outcome.cotangents.append(given)
        passes.append((roots, given, found))
        outputs = found
    if check and order and framework.owns_gradients:
        outcome.broken += first_order(framework, arrays, variables, *passes[0], order == 1)
    if any(not same_bytes(framework.array(y), a) for y, a in changeable):
        outcome.broken.append("the backward pass changed a variable")
    if check and any(not same_bytes(a, b) for a, b in zip(arrays, kept, strict=True)):
        outcome.broken.append("an input was changed")
    return outcome


def first_order(
    framework: Framework,
    arrays: Sequence[Array],
    variables: Sequence[Any],
    roots: Sequence[Any],
    seeds: Sequence[Array] | None,
    first: Sequence[Any],
    plain: bool,
) -> list[str]:
    """Run the first backward pass again, without a graph: equal gradients, own memory, initial gradients kept.

    plain: the first pass recorded no graph, so its gradients must have their own memory, too.
    """
    expected = [None if g is None else np.array(framework.array(g)) for g in first]
    second = framework.gradients(roots, variables, seeds)
    results = [y for y in roots if all(y is not x for x in variables)]
    others = [*arrays, *(seeds or []), *(framework.array(y) for y in roots)]
    others += [framework.array(y.grad) for y in results if y.grad is not None]
    broken = []
    for gradients in [first, second] if plain else [second]:
        broken += ownership([framework.array(g) for g in gradients if g is not None], others)
    broken += seeds_kept(framework, results, seeds)
    if any(
        (a is None) != (g is None) or (a is not None and not same_bytes(framework.array(g), a))
        for a, g in zip(expected, second, strict=True)
    ):
        broken.append("a different gradient in the second backward pass")
    return list(dict.fromkeys(broken))


def ownership(gradients: Sequence[Any], others: Sequence[Array]) -> list[str]:
    """First-order gradients of leaves are writable arrays that share memory with nothing else."""
    broken = []
    for i, g in enumerate(gradients):
        if not isinstance(g, np.ndarray):
            broken.append(f"gradient {i} is a {type(g).__name__}, not an array")
        elif g.base is not None:
            broken.append(f"gradient {i} is a view of another array")
        elif not g.flags.writeable:
            broken.append(f"gradient {i} cannot be written to")
        elif any(np.may_share_memory(g, other) for other in [*others, *gradients[:i]]):
            broken.append(f"gradient {i} shares memory with another array")
    return broken


def seeds_kept(framework: Framework, results: Sequence[Any], seeds: Sequence[Array] | None) -> list[str]:
    """After backward, `grad` of a result is the initial gradient, given or ones; from stage 2 on it may be None."""
    broken = []
    for i, y in enumerate(results):
        if y.grad is None and framework.number == 1:
            broken.append(f"the gradient of result {i} is missing")
        elif y.grad is not None:
            expected = np.ones_like(framework.array(y)) if seeds is None else seeds[i]
            if not same_bytes(framework.array(y.grad), expected):
                broken.append(f"the gradient of result {i} is no longer the initial gradient")
    return broken


def contractions(
    computation: Computation, framework: Framework, case: Case, orders: int, seed: int
) -> Callable[[Sequence[Array]], list[float]]:
    """The scalars whose slopes are the derivatives of orders 1, 2, ...: sum(c r) or sum(c r + r^2 / 2); see `squared`.

    r: the results of the order before.
    """

    def numbers(arrays: Sequence[Array]) -> list[float]:
        moved = replace(case, arrays=tuple(arrays), layout=np.copy)
        outcome = evaluate(computation, framework, moved, np.dtype("float64"), seed, orders - 1)
        found = []
        for level, results in enumerate([outcome.values, *outcome.gradients]):
            weights = cotangents(computation, case, seed, level, results) if case.seeded else map(np.ones_like, results)
            square = 0.5 if squared(computation, case, level) else 0.0
            found.append(sum(float((w * r + square * r * r).sum()) for w, r in zip(weights, results, strict=True)))
        return found

    return numbers
