"""Central differences, the second oracle: derivatives computed from values only."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .frameworks.base import Array

STEP, NEAR = 1e-3, 1e-4
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Slope:
    """A directional derivative and an estimate of its error."""

    value: float
    error: float


def near_slopes(
    f: Callable[[Sequence[Array]], Sequence[float]], point: Sequence[Array], direction: Sequence[Array]
) -> list[Slope]:
    """As `slopes`, from two points near the given one and without an estimate of the error."""
    before, after = (f([np.asarray(x + t * d) for x, d in zip(point, direction, strict=True)]) for t in (-NEAR, NEAR))
    return [Slope((b - a) / (2 * NEAR), 0.0) for a, b in zip(before, after, strict=True)]


def slopes(
    f: Callable[[Sequence[Array]], Sequence[float]], point: Sequence[Array], direction: Sequence[Array]
) -> list[Slope]:
    """The derivatives of the numbers f at a point along a direction, by fourth-order central differences in float64.

    The error is estimated by repeating them with half the step.
    """

    @functools.cache  # the coarse and the fine differences share two points
    def at(t: float) -> Array:
        return np.array(f([np.asarray(x + t * d) for x, d in zip(point, direction, strict=True)]))

    def differences(h: float) -> Array:
        found: Array = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
        return found

    coarse, fine = differences(STEP), differences(STEP / 2)
    return [Slope(float(value), float(error)) for value, error in zip(fine, abs(coarse - fine), strict=True)]


def agrees(gradient: Sequence[Array], direction: Sequence[Array], measured: Slope, floor: float = 0.0) -> bool:
    """Whether a gradient has this slope along the direction, within the accuracy of the differences."""
    terms = np.concatenate([(g * d).ravel() for g, d in zip(gradient, direction, strict=True)] or [np.zeros(0)])
    scale = max(float(np.abs(terms).sum()), abs(measured.value), floor)
    return abs(float(terms.sum()) - measured.value) <= TOLERANCE * scale + 10 * measured.error
