"""Beyond the book: pooling with PyTorch's defaults, every kind of padding, global and adaptive pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DIFFERENCES, FLOATS, SHAPES_ONLY
from . import computation
from .beyond_tensors import BEYOND
from .convolution import APART, IMAGES, images
from .steps37_41 import Shape, apart, shaped, whole

# kernel, stride, pad
SIZES: tuple[tuple[Any, Any, Any], ...] = (
    (2, None, 0),
    ((3, 2), (2, 1), "same"),
    (3, 2, ((2, 0), (1, 2))),
    ((1, 3), None, (0, (0, 2))),
    (2, (1, 2), "valid"),
    (2, 1, "full"),
)
ROWS: tuple[Shape, ...] = ((2, 3, 7), (1, 2, 4), (3, 1, 3))
ROW_SIZES: tuple[tuple[Any, Any, Any], ...] = ((2, None, 0), (3, 2, "same"), (3, 1, (0, 2)), (2, None, 1), (3, 2, 1))


def rows(shape: Shape) -> Shape:
    """The shape of sequences; cases without one get (2, 3) -> (2, 3, 5)."""
    return shape if len(shape) == 3 else (*shape, 5)[:3]


ROWS_APART = shaped(rows, apart())


@computation(**BEYOND, inputs=[APART], shapes=IMAGES, order=3, cases=FLOATS)
def max_pool2d(fw: Any, x: Any) -> Any:
    """The maximum, with every kind of padding, and rounded up"""
    found = [fw.max_pool2d(x, *sizes) for sizes in SIZES]
    return [*found, fw.max_pool2d(x * x * x, (1, 2)), fw.max_pool2d(x, 3, 2, 1, True), fw.max_pool2d(x, 2, 3, 0, True)]


@computation(**BEYOND, inputs=[shaped(images)], shapes=IMAGES, order=3, cases=FLOATS)
def avg_pool2d(fw: Any, x: Any) -> Any:
    """The mean, with padding that counts and padding that does not, and rounded up"""
    found = [fw.avg_pool2d(x, *sizes) for sizes in SIZES] + [fw.avg_pool2d(x, (3, 1))]
    found += [fw.avg_pool2d(x, *sizes, count_include_pad=counted) for sizes in SIZES for counted in (True, False)]
    return found + [fw.avg_pool2d(x * x * x, 3, 2, 1, True, counted) for counted in (True, False)]


@computation(**BEYOND, inputs=[ROWS_APART], shapes=ROWS, order=3, cases=FLOATS)
def pooling_of_sequences(fw: Any, x: Any) -> Any:
    """Maxima and means along one direction"""
    found = [f(x, *sizes) for f in (fw.max_pool1d, fw.avg_pool1d) for sizes in ROW_SIZES]
    counted = [fw.avg_pool1d(x * x, 3, 2, 1, True, counted) for counted in (True, False)]
    return [*found, *counted, fw.max_pool1d(x * x * x, 2, 2, 1, True), fw.max_pool1d(x, 2), fw.avg_pool1d(x, 2)]


@computation(**BEYOND, inputs=[shaped(images, whole(-1, 1))], shapes=IMAGES, cases=SHAPES_ONLY - DIFFERENCES)
def ties_of_max_pool2d(fw: Any, x: Any) -> Any:
    """Of equal elements the first receives the gradient, next to padding as well; in adaptive pooling too"""
    found = [fw.max_pool2d(x, *sizes) for sizes in SIZES]
    return [*found, fw.max_pool2d(x - 9, 3, 1, "same"), *(fw.adaptive_max_pool2d(x, n) for n in (1, 2, 3, (2, None)))]


@computation(
    **BEYOND,
    inputs=[shaped(lambda shape: (*shape, 2, 3)[: max(3, len(shape))])],
    shapes=((2, 3, 4), (2, 3, 5, 4), (1, 2, 3, 2, 2)),
    cases=FLOATS,
)
def global_pooling(fw: Any, x: Any) -> Any:
    """The maximum and the mean of each channel"""
    functions = fw.global_max_pool, fw.global_avg_pool
    return [y for f in functions for y in (f(x * x), f(x * x, keepdims=True))]


@computation(**BEYOND, inputs=[APART], shapes=((2, 3, 5, 4), (1, 2, 3, 7), (2, 1, 6, 6)), order=3, cases=FLOATS)
def adaptive_pooling(fw: Any, x: Any) -> Any:
    """Patches of equal and of different sizes; more of them than rows"""
    sizes = [1, 2, 3, (2, 3), (None, 2), (4, 8)]
    found = [f(x, size) for f in (fw.adaptive_max_pool2d, fw.adaptive_avg_pool2d) for size in sizes]
    return [*found, fw.adaptive_avg_pool2d(x * x * x, (3, 2))]


@computation(**BEYOND, inputs=[ROWS_APART], shapes=ROWS, cases=FLOATS)
def adaptive_pooling_of_sequences(fw: Any, x: Any) -> Any:
    """Sequences of any length to a given one"""
    return [f(x, size) for f in (fw.adaptive_max_pool1d, fw.adaptive_avg_pool1d) for size in (1, 2, 3, 5)]


@computation(**BEYOND, order=0, dtypes=("float64",))
def paddings(fw: Any) -> Any:
    """same_padding: as little as gives ceil(n / stride) positions"""
    places = [(n, k, s, d) for n in (1, 5, 13) for k in (1, 2, 6) for s in (1, 2, 5) for d in (1, 3)]
    return np.array([fw.same_padding(*place) for place in places] + [fw.same_padding(13, 6, 5), fw.same_padding(4, 2)])
