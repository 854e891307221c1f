"""Beyond the book: comparisons, selecting, repeating and padding; statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DIFFERENCES, EVERYTHING, FLOATS, MEMORY, SHAPES_ONLY, normal, uniform
from . import computation
from .steps37_41 import Shape, apart, shaped, whole

BEYOND: dict[str, Any] = {"step": 60, "since": 5}
FULL: tuple[Shape, ...] = ((3,), (2, 3), (2, 3, 4), (4, 1, 2))  # non-empty along every axis
RELATIONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def floats(fw: Any, y: Any, x: Any) -> Any:
    """Integers or booleans y in the dtype of x."""
    return fw.cast(y, fw.array(x).dtype)


@computation(**BEYOND, inputs=[whole(-1, 1), whole(-1, 1)], cases=EVERYTHING - DIFFERENCES)
def comparisons(fw: Any, x0: Any, x1: Any) -> Any:
    """Every comparison of arrays and of an array with a number, times x, so that there is a gradient"""
    pairs = [(x0, x1), (x0, 0), (x1, 0.5)]
    return [x0 * floats(fw, getattr(fw, name)(a, b), x0) for name in RELATIONS for a, b in pairs]


@computation(**BEYOND, inputs=[normal(), shaped(lambda shape: shape[-1:])], shapes=((2, 3), (4, 1)), cases=FLOATS)
def comparisons_of_a_row(fw: Any, x0: Any, x1: Any) -> Any:
    """A matrix compared with a row"""
    return [x1 * floats(fw, getattr(fw, name)(x0, x1), x0) for name in RELATIONS]


@computation(**BEYOND, inputs=[normal(), normal()], order=3, cases=EVERYTHING)
def where(fw: Any, x0: Any, x1: Any) -> Any:
    """where with arrays and with numbers; with an infinite or missing value in the other branch"""
    positive = fw.greater(x0, 0)
    return fw.where(positive, x0 * x0, x1 * x0), fw.where(positive, x1, 0.0), fw.where(positive, 2, x0)


@computation(
    **BEYOND, inputs=[normal(), shaped(lambda shape: (2, 1, shape[-1]))], shapes=((3, 2), (1, 4)), cases=FLOATS
)
def where_broadcasts(fw: Any, x0: Any, x1: Any) -> Any:
    """A condition, a matrix and an array of three axes"""
    return fw.where(fw.less(x1[0], 0), x0, x1), fw.where(fw.less(x0, 0), x1, x0 * x0)


@computation(**BEYOND, inputs=[normal()], shapes=((6,), (4, 5)), order=1, cases=SHAPES_ONLY)
def where_hides_infinity(fw: Any, x: Any) -> Any:
    """A gradient of 0, and not nan, for the branch that was not chosen, where the incoming gradient is infinite"""
    return fw.sqrt(fw.where(fw.greater(x, 0), x, 0.0))


@computation(**BEYOND, inputs=[apart()], shapes=FULL, cases=FLOATS)
def argmax_and_argmin(fw: Any, x: Any) -> Any:
    """Indices of the extremes, for one axis and for all, times x, so that there is a gradient"""
    found = []
    for f in (fw.argmax, fw.argmin):
        for axis in (None, 0, -1):
            for keepdims in (False, True):
                found.append(fw.sum(x * x) * floats(fw, f(x, axis=axis, keepdims=keepdims), x))
    return found


@computation(**BEYOND, inputs=[normal()], cases=FLOATS)
def cast(fw: Any, x: Any) -> Any:
    """To float32 and back, to float64, to integers and to booleans"""
    dtype = fw.array(x).dtype
    single = fw.cast(fw.cast(x, np.float64), np.float32)
    whole_numbers = fw.cast(fw.cast(x * 3, np.int64), dtype)
    return fw.cast(x, dtype) * x, fw.cast(single, dtype) * 0, x * whole_numbers, x * fw.cast(fw.cast(x, bool), dtype)


@computation(**BEYOND, inputs=[normal()], shapes=((3,), (2, 3), (1, 4)), cases=FLOATS)
def one_hot(fw: Any, x: Any) -> Any:
    """Rows with a single 1 for classes of any shape, times x, so that there is a gradient"""
    t = fw.constant(np.arange(fw.array(x).size).reshape(x.shape) % 3)
    dtype = fw.array(x).dtype
    return fw.one_hot(t, 3, dtype) * fw.expand_dims(x, -1), fw.cast(fw.one_hot(t, 5), dtype) * fw.sum(x)


@computation(**BEYOND, inputs=[normal()], cases=EVERYTHING)
def sign(fw: Any, x: Any) -> Any:
    """-1, 0, 1 or nan; its gradient is 0, and that of sign(x) x is sign(x)"""
    return fw.sign(x), fw.sign(x) * x


# --- selecting ---


@computation(**BEYOND, inputs=[normal()], shapes=((4,), (3, 4), (3, 2, 4)), order=3, cases=FLOATS)
def take(fw: Any, x: Any) -> Any:
    """Indices of no axis, of one and of two, repeated and negative, along every axis"""
    found = []
    for axis in range(len(x.shape)):
        n = x.shape[axis]
        for shape in ((), (5,), (2, 3)):
            index = fw.constant(
                (np.arange(np.prod(shape, dtype=int)).reshape(shape) ** 2 + 1) % n - (n if shape == (5,) else 0)
            )
            found += [fw.take(x, index, axis=axis), fw.take(x * x, index, axis - len(x.shape)) ** 2]
    return found


@computation(**BEYOND, inputs=[normal()], shapes=((0, 3), (3, 0)), cases=SHAPES_ONLY - DIFFERENCES)
def take_of_nothing(fw: Any, x: Any) -> Any:
    """No index, and rows without elements"""
    none = fw.constant(np.zeros(0, int))
    return [fw.take(x, none, axis=0), fw.take(x, none, axis=1)]


@computation(**BEYOND, inputs=[normal()], shapes=((4,), (3, 4), (3, 2, 4)), order=3, cases=FLOATS)
def gather(fw: Any, x: Any) -> Any:
    """An index for each element, repeated and negative, along every axis; with axes that broadcast"""
    found = []
    for axis in range(len(x.shape)):
        n = x.shape[axis]
        shape = (*x.shape[:axis], 2, *x.shape[axis + 1 :])
        index = (np.arange(np.prod(shape)).reshape(shape) ** 2 + 1) % n
        row = index[tuple(slice(None) if i == axis else slice(1) for i in range(len(shape)))]
        found += [fw.gather(x, fw.constant(index), axis), fw.gather(x * x, fw.constant(index - n), axis) ** 2]
        found.append(fw.gather(x, fw.constant(row), axis))
    return found


@computation(**BEYOND, inputs=[normal()], shapes=((6,), (4, 6), (2, 6, 4)), cases=SHAPES_ONLY)
def split(fw: Any, x: Any) -> Any:
    """Equal parts, parts of given ends, an empty part; one of them unused"""
    found = []
    for axis in range(len(x.shape)):
        found += [part * part for part in fw.split(x, 2, axis=axis)]
        found += fw.split(x, (1, 1, 2), axis=axis)
    return [*found, fw.split(x * x, 2)[1], fw.split(x, 1)[0]]


@computation(**BEYOND, inputs=[normal()], shapes=((1,), (3,), (1, 3), (2, 1, 1)), cases=EVERYTHING)
def squeeze(fw: Any, x: Any) -> Any:
    """All axes of length 1, or one of them"""
    ones = [i for i, n in enumerate(x.shape) if n == 1]
    return [fw.squeeze(x), *(fw.squeeze(x, axis) for axis in ones), *(fw.squeeze(x, (axis,)) for axis in ones)]


@computation(**BEYOND, inputs=[normal()], shapes=((3,), (2, 3), (2, 3, 4), (0, 2)), cases=EVERYTHING)
def swapaxes_and_flip(fw: Any, x: Any) -> Any:
    """Exchanged axes; the order reversed along one axis and along all"""
    return [
        fw.swapaxes(x, 0, -1),
        fw.flip(x),
        *(fw.flip(x, axis) for axis in range(len(x.shape))),
        fw.flip(x, (0, -1)[: len(x.shape)]),
    ]


@computation(**BEYOND, inputs=[normal()], shapes=((), (3,), (2, 3), (2, 0)), cases=EVERYTHING - MEMORY)
def tile_and_repeat(fw: Any, x: Any) -> Any:  # one element is repeated by a view
    """Repeated as a whole and by elements, also zero times"""
    found = [fw.tile(x, 2), fw.tile(x, (2, 1, 3)), fw.tile(x, (0, 2)), fw.repeat(x, 2)]
    return found + [fw.repeat(x, n, axis) for n in (3, 0) for axis in range(len(x.shape))]


@computation(**BEYOND, inputs=[normal()], shapes=((3,), (3, 4), (2, 3, 4)), cases=FLOATS)
def pad(fw: Any, x: Any) -> Any:  # unsigned integers have no border of -2
    """A border of zeros, of another value, of the edge, and reflected; of different widths"""
    pairs = [(i % 2, 1) for i in range(len(x.shape))]
    found = [fw.pad(x, 1), fw.pad(x, (0, 2), value=-2), fw.pad(x, pairs), fw.pad(x, 0)]
    return found + [f(x, w, mode) for f in (fw.pad,) for mode in ("edge", "reflect") for w in (1, (1, 0), pairs)]


# --- statistics ---


@computation(**BEYOND, inputs=[normal()], shapes=FULL, cases=FLOATS)
def var_and_std(fw: Any, x: Any) -> Any:
    """Variance and standard deviation over one axis and over all"""
    y = x * x  # sums of the second derivatives of var(x) cancel
    found = [fw.var(y), fw.std(y), fw.var(y, ddof=1), fw.std(y, ddof=1, keepdims=True)]
    for axis in range(len(x.shape)):
        found.append(fw.var(y, axis) + fw.sum(x))  # 0 along an axis of one element
        if x.shape[axis] > 1:
            found += [fw.std(y, axis), fw.std(y, (axis,), 1, True)]
    return found


@computation(
    **BEYOND,
    inputs=[normal(1e-3, shift=100.0)],
    shapes=((50,), (4, 30)),
    order=1,
    budget={"float64": 1e5, "float32": 1e5},
    why_budget="the deviations from a mean near 100 are about 0.001, so they lose five digits",
    cases=SHAPES_ONLY - DIFFERENCES,
)
def var_of_numbers_far_from_zero(fw: Any, x: Any) -> Any:
    """Numbers whose squares cancel"""
    return fw.var(x), fw.std(x, axis=-1)


@computation(**BEYOND, inputs=[normal(0.0, shift=3.0)], shapes=((3,), (2, 3)), order=1, cases=SHAPES_ONLY - DIFFERENCES)
def std_of_equal_numbers(fw: Any, x: Any) -> Any:
    """A standard deviation of 0, whose gradient is 0"""
    return fw.std(x) * 1, fw.std(x, axis=-1) + fw.sum(x)


@computation(**BEYOND, inputs=[uniform(0.5, 2.0)], shapes=((1, 3), (2, 3), (2, 3, 4)), cases=FLOATS)
def normalize_rows_and_columns(fw: Any, x: Any) -> Any:
    """Rows and columns divided by their norms, and by eps"""
    return fw.normalize(x), fw.normalize(-x, axis=0), fw.normalize(x, axis=-1, eps=100.0)


@computation(**BEYOND, inputs=[normal(0.0)], shapes=((2, 3),), order=1, cases=SHAPES_ONLY - DIFFERENCES)
def normalize_zeros(fw: Any, x: Any) -> Any:
    """Vectors of zeros have a finite gradient"""
    return fw.normalize(x)


@computation(**BEYOND, inputs=[normal(), normal()], shapes=((2, 3), (2, 3, 4)), cases=FLOATS)
def cosine_similarity(fw: Any, x0: Any, x1: Any) -> Any:
    """Angles between rows and between columns; of a vector and itself"""
    return fw.cosine_similarity(x0, x1), fw.cosine_similarity(x0, x1, axis=0), fw.cosine_similarity(x0 * 2, x0 + x1, -1)
