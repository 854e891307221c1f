"""Steps 42-51, what networks are made of: linear functions, activations, indexing, losses, and metrics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.exceptions import AxisError

from ..inputs import DIFFERENCES, EVERYTHING, FINITE, FLOATS, INTEGER_DTYPES, SHAPES_ONLY, normal
from . import computation
from .steps37_41 import TENSORS, Shape, apart, each_axis, given, ones, refused, shaped, times_4, whole

FULL: tuple[Shape, ...] = ((3,), (2, 3), (2, 3, 4), (4, 1, 2))  # non-empty along every axis


def in_the_stages(reason: str) -> dict[str, str]:
    """The same reason for all stages that have the function."""
    return {f"stage{n}": reason for n in range(4, 6)}


def labels(fw: Any, x: Any) -> Any:
    """A label for each row of x, unsorted."""
    N, C = x.shape
    return fw.constant(np.arange(N) ** 2 % C)


# --- mean, max and other reductions ---


@computation(step=42, inputs=[normal()], shapes=FULL)
def mean_over_axes(fw: Any, x: Any) -> Any:
    """The mean over every kind of axis"""
    return [*each_axis(fw.mean, x), fw.average(x)]


@computation(step=42, inputs=[normal()], shapes=((0,), (2, 0)), cases=SHAPES_ONLY - DIFFERENCES)
def mean_of_nothing(fw: Any, x: Any) -> Any:
    """nan, and an empty gradient"""
    return fw.mean(x), fw.mean(x, axis=-1), fw.mean(x, axis=0)


@computation(step=42, inputs=[normal()], shapes=TENSORS[1:4])
def mean_method(fw: Any, x: Any) -> Any:
    """x.mean(), in full and over an axis"""
    return x.mean(), x.mean(-1), x.mean(axis=0, keepdims=True)


@computation(step=47, inputs=[apart()], shapes=FULL, order=3)
def max_over_axes(fw: Any, x: Any) -> Any:
    """The maximum over every kind of axis"""
    return each_axis(fw.max, x)


@computation(step=47, inputs=[apart()], shapes=FULL, order=3)
def min_over_axes(fw: Any, x: Any) -> Any:
    """The minimum over every kind of axis"""
    return each_axis(fw.min, x)


@computation(step=47, inputs=[apart()], shapes=FULL, order=3)
def extremes_by_methods(fw: Any, x: Any) -> Any:
    """x.max() and x.min(), in full and over the last axis"""
    largest = x.amax if fw.name == "torch" else x.max  # torch's max over an axis returns two tensors
    smallest = x.amin if fw.name == "torch" else x.min
    return largest() * smallest(), largest(-1) * smallest(-1)


@computation(step=47, inputs=[whole(-1, 1)], shapes=(*FULL, (5, 6)), cases=EVERYTHING - DIFFERENCES)
def ties_of_max_and_min(fw: Any, x: Any) -> Any:
    """Equal elements share the gradient evenly"""
    return [*each_axis(fw.max, x), *each_axis(fw.min, x)]


@computation(
    step=47, inputs=[given(1, np.inf, -np.inf, 2, np.inf, -np.inf)], shapes=((),), cases=SHAPES_ONLY - DIFFERENCES
)
def infinities_of_max_and_min(fw: Any, x: Any) -> Any:
    """Infinities as maximum and minimum, sharing the gradient too"""
    return fw.max(x), fw.min(x), fw.max(x.reshape(3, 2), axis=1), fw.min(x.reshape(2, 3), axis=0)


@computation(step=47, inputs=[normal()], shapes=((2, 0), (0, 3)), cases=SHAPES_ONLY - DIFFERENCES)
def extremes_where_nothing_is_left(fw: Any, x: Any) -> Any:
    """Reductions of an empty array over its non-empty axis: the result is empty"""
    axis = 0 if x.shape[0] else 1
    return fw.max(x, axis=axis), fw.min(x, axis=axis), fw.logsumexp(x), fw.logsumexp(x, axis=axis)


@computation(step=47, inputs=[normal()], shapes=((3,), (2, 3), (2, 3, 4), (4, 1, 2)), cases=FINITE)
def logsumexp_over_axes(fw: Any, x: Any) -> Any:
    """log(sum exp(x)) over every kind of axis, of x^2 and times x: ones as cotangent would give zeros"""
    return [*each_axis(fw.logsumexp, x), fw.logsumexp(x * x) * x]


@computation(step=47, inputs=[normal()], shapes=((), (1,), (1, 1)), order=1, cases=SHAPES_ONLY)
def logsumexp_of_one_element(fw: Any, x: Any) -> Any:
    """logsumexp of a single element is that element, in any number of dimensions"""
    return fw.logsumexp(x) * fw.logsumexp(x, axis=(), keepdims=True)


@computation(step=47, inputs=[normal()], shapes=((), (1,), (1, 1)), order=3, cases=SHAPES_ONLY)
def reductions_of_one_element(fw: Any, x: Any) -> Any:
    """sum, mean, max and min of one element are that element, so their product is its fourth power"""
    return fw.sum(x) * fw.mean(x, axis=()) * fw.max(x, keepdims=True) * fw.min(x)


@computation(
    step=47,
    inputs=[normal(2.0, shift=1000.0), normal(2.0, shift=-1000.0)],
    shapes=((3,), (2, 3), (5, 6)),
    order=1,
    budget={"float64": 2e4, "float32": 2e4},
    why_budget="the result is rounded to the precision of numbers near 1,000, and the gradient exponentiates the rest",
    cases=SHAPES_ONLY,
)
def logsumexp_of_large_numbers(fw: Any, x0: Any, x1: Any) -> Any:
    """Numbers whose exponentials overflow, or all underflow to zero"""
    return *each_axis(fw.logsumexp, x0), *each_axis(fw.logsumexp, x1)


@computation(
    step=47,
    inputs=[given(1, np.inf, -2, -np.inf, 3, 0.5), given(-np.inf, -np.inf, np.nan, 1, 2, 3)],
    shapes=((),),
    cases=SHAPES_ONLY - DIFFERENCES,
)
def logsumexp_of_special_values(fw: Any, x0: Any, x1: Any) -> Any:
    """Rows with an infinity, with nan, and of -inf only"""
    return [fw.logsumexp(x.reshape(3, 2), axis=1) * x.reshape(3, 2)[:, 0] for x in (x0, x1)]


# --- linear functions ---

LAYER: dict[str, Any] = {"step": 43}
BIAS = [normal(), shaped(times_4), shaped(lambda shape: (4,))]


@computation(**LAYER, inputs=BIAS, shapes=((2, 3), (3,), (1, 1), (2, 3, 2), (0, 3), (2, 0)), order=3, cases=FINITE)
def linear(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """x W + b for a batch, for a single vector, and for more axes"""
    return fw.linear(x, W, b)


@computation(**LAYER, inputs=BIAS[:2], shapes=((2, 3), (3,), (2, 3, 2), (0, 3)), cases=FINITE)
def linear_without_bias(fw: Any, x: Any, W: Any) -> Any:
    """x W"""
    return fw.linear(x, W), fw.linear(x, W, None), fw.linear_simple(x, W)


@computation(**LAYER, inputs=BIAS, shapes=((2, 3), (4, 1), (2, 3, 2), (0, 3)), cases=FINITE)
def linear_simple(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """x W + b as two functions; the data of the product is released in between"""
    return fw.linear_simple(x, W, b)


@computation(
    **LAYER,
    inputs=[*BIAS[:2], shaped(lambda shape: (1, 4)), shaped(lambda shape: (1,)), shaped(lambda shape: ())],
    shapes=((2, 3), (2, 3, 2)),
    cases=SHAPES_ONLY,
)
def linear_with_other_biases(fw: Any, x: Any, W: Any, b2: Any, b1: Any, b0: Any) -> Any:
    """b as a one-row matrix, with one element, and 0-d"""
    return fw.linear(x, W, b2), fw.linear(x, W, b1), fw.linear(x, W, b0)


@computation(**LAYER, inputs=BIAS, shapes=((2, 3),), cases=SHAPES_ONLY)
def linear_of_arrays(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """Constant arrays as data or as weights, which get no gradient"""
    a, c = (fw.constant(np.full(fw.array(v).shape, 0.5, fw.array(v).dtype)) for v in (x, W))
    return fw.linear(a, W, b), fw.linear(x, c, b), fw.linear_simple(a, W, b), fw.linear(a, W)


@computation(**LAYER, inputs=BIAS, shapes=((2, 3),), dtypes=("float32",), cases=SHAPES_ONLY)
def linear_of_float64_data(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """float64 data, or a float64 bias, with float32 weights: float64 values, float32 gradients of the weights"""
    a = fw.constant(np.linspace(-1.0, 1.0, fw.array(x).size).reshape(fw.array(x).shape))
    d = fw.constant(np.linspace(-1.0, 1.0, 4))
    return fw.linear(a, W, b), fw.linear_simple(a * x, W, b), fw.linear(x, W, d), fw.linear_simple(x, W, d)


@computation(step=44, order=0, inputs=[normal(), normal()], cases=SHAPES_ONLY)
def parameter(fw: Any, x: Any, p: Any) -> Any:
    """A Parameter computes like a Variable; results are Variables, not Parameters"""
    p = fw.Parameter(np.array(fw.array(p)))
    y = p * x + p
    kinds = np.array([type(v).__name__ == "Parameter" for v in (x, p, y)])
    return y, kinds, *fw.gradients([y], [p, x], None)


# --- activations ---


@computation(step=43, inputs=[normal(2.0)], order=3)
def sigmoid(fw: Any, x: Any) -> Any:
    """y = 1 / (1 + e^-x)"""
    return fw.sigmoid(x)


@computation(
    step=43,
    inputs=[given(-1e4, 1e4, -800, 800, -100, 100, -30, 30, 0.5)],
    shapes=((),),
    cases=SHAPES_ONLY - DIFFERENCES,
)
def sigmoid_of_large_numbers(fw: Any, x: Any) -> Any:
    """Saturates to 0 and 1, with zero gradients, where e^x overflows"""
    return fw.sigmoid(x)


@computation(step=43, inputs=[normal(2.0)])
def sigmoid_simple(fw: Any, x: Any) -> Any:
    """sigmoid composed of basic functions; where e^-x overflows, the gradient is nan"""
    return fw.sigmoid_simple(x)


@computation(step=51, inputs=[apart()], cases=FINITE)
def relu(fw: Any, x: Any) -> Any:
    """max(x, 0)"""
    return fw.relu(x)


@computation(
    step=51, inputs=[given(0, -0.0, np.inf, -np.inf, 1e-300, -1e-300)], shapes=((),), cases=SHAPES_ONLY - DIFFERENCES
)
def relu_at_its_kink(fw: Any, x: Any) -> Any:
    """The gradient at 0 and at -0 is 0"""
    return fw.relu(x)


@computation(
    step=51,
    inputs=[given(np.nan)],
    shapes=((),),
    differs=in_the_stages("the book's mask is x > 0, which is false for nan; PyTorch passes the gradient through"),
    cases=SHAPES_ONLY - DIFFERENCES,
)
def relu_of_nan(fw: Any, x: Any) -> Any:
    """relu(nan) is nan; its gradient is 0 in the stages"""
    return fw.relu(x)


@computation(
    step=51,
    inputs=[given(-1, 0, 4)],
    shapes=((),),
    order=1,
    differs=in_the_stages("the book multiplies by a mask, and 0 * inf is nan; PyTorch selects"),
    cases=SHAPES_ONLY - DIFFERENCES,
)
def infinite_gradient_through_relu(fw: Any, x: Any) -> Any:
    """sqrt(relu(x)): the gradient at 0 is nan in the stages, 0 in PyTorch"""
    return fw.relu(x) ** 0.5


@computation(
    step=47,
    inputs=[given(-1, 0, 4)],
    shapes=((),),
    order=1,
    differs=in_the_stages("as in relu, a mask is multiplied, and 0 * inf is nan; PyTorch selects"),
    cases=SHAPES_ONLY - DIFFERENCES,
)
def infinite_gradient_through_clip(fw: Any, x: Any) -> Any:
    """sqrt of values clipped to 0: the gradient is nan in the stages, 0 in PyTorch"""
    return fw.clip(x, 0.0, 9.0) ** 0.5


@computation(step=47, inputs=[apart()])
def clip(fw: Any, x: Any) -> Any:
    """clip(x, low, high), with integer and infinite bounds"""
    return fw.clip(x, -0.1, 0.2), fw.clip(x, 0, 1), fw.clip(x, -math.inf, 0.1)


@computation(step=47, inputs=[whole(-2, 2)], shapes=((9,), (3, 4)), cases=SHAPES_ONLY - DIFFERENCES)
def clip_at_its_bounds(fw: Any, x: Any) -> Any:
    """The gradient passes through at the bounds themselves"""
    return fw.clip(x, -1, 1), fw.clip(x, 0.0, 0.0), fw.clip(x, 1.0, 2.0)


SCORES: dict[str, Any] = {"step": 47, "inputs": [normal()]}


CANCELS: dict[str, Any] = {
    "budget": {"float64": 1e3, "float32": 1e3},
    "why_budget": "terms of the second derivative cancel where a probability is near 1",
}


@computation(**SCORES, **CANCELS, shapes=((2, 3), (4, 1), (2, 3, 2), (0, 3), (2, 0)), cases=FINITE)
def softmax(fw: Any, x: Any) -> Any:
    """e^x / sum e^x along each axis, of x^2 and times x: ones as cotangent would give zeros"""
    return fw.softmax(x * x) * x, fw.softmax(x, axis=0), fw.softmax(x, axis=-1)


@computation(**SCORES, **CANCELS, shapes=((2, 3), (1, 5)), order=3, cases=SHAPES_ONLY)
def softmax_to_third_order(fw: Any, x: Any) -> Any:
    """softmax along axis 1, up to the third derivative"""
    return fw.softmax(x * x) * x


@computation(**SCORES, **CANCELS, shapes=((2, 3), (2, 3, 2), (1, 2, 2)), cases=SHAPES_ONLY)
def softmax_over_several_axes(fw: Any, x: Any) -> Any:
    """softmax over all axes, and over the first and last"""
    functions = fw.softmax, fw.softmax_simple, fw.log_softmax
    return [f(x * x, axis=axis) * x for f in functions for axis in (None, (0, -1), [1])]


@computation(**SCORES, **CANCELS, shapes=((3,), (5,), (0,)), cases=SHAPES_ONLY)
def softmax_of_a_vector(fw: Any, x: Any) -> Any:
    """softmax along the only axis"""
    return fw.softmax(x * x, axis=0) * x, fw.softmax_simple(x, axis=-1), fw.log_softmax(x * x, axis=0) * x


@computation(step=47, inputs=[normal(2.0, shift=1000.0)], shapes=((2, 3), (5, 20)), order=1, cases=SHAPES_ONLY)
def softmax_of_large_numbers(fw: Any, x: Any) -> Any:
    """softmax of logits whose exponentials overflow"""
    return fw.softmax(x) ** 2


@computation(step=47, inputs=[normal(shift=1e4)], shapes=((2, 3), (5, 20)), order=1, cases=SHAPES_ONLY)
def log_softmax_of_large_numbers(fw: Any, x: Any) -> Any:
    """log_softmax of logits far from 0 but close to each other: only their differences matter"""
    return fw.log_softmax(x)


@computation(**SCORES, **CANCELS, shapes=((2, 3), (4, 1), (2, 3, 2), (0, 3)), cases=FINITE)
def softmax_simple(fw: Any, x: Any) -> Any:
    """softmax composed of basic functions"""
    return fw.softmax_simple(x * x) * x, fw.softmax_simple(x, axis=0)


@computation(
    step=47,
    inputs=[given(50, 50, 48)],
    shapes=((),),
    dtypes=("float32",),
    order=1,
    cases=SHAPES_ONLY - DIFFERENCES,
)
def softmax_simple_of_large_numbers(fw: Any, x: Any) -> Any:
    """Values and gradients above e^44, whose square overflows in float32"""
    return fw.softmax_simple(x, axis=0)


@computation(**SCORES, **CANCELS, shapes=((2, 3), (4, 1), (2, 3, 2), (0, 3), (2, 0)), cases=FINITE)
def log_softmax(fw: Any, x: Any) -> Any:
    """x - log sum e^x along each axis, of x^2 and times x: ones as cotangent would give zeros"""
    return fw.log_softmax(x * x) * x, fw.log_softmax(x, axis=0), fw.log_softmax(x, axis=-1)


@computation(**SCORES, **CANCELS, shapes=((2, 3), (1, 5)), order=3, cases=SHAPES_ONLY)
def log_softmax_to_third_order(fw: Any, x: Any) -> Any:
    """log_softmax along axis 1, up to the third derivative"""
    return fw.log_softmax(x * x) * x


@computation(
    step=47,
    inputs=[
        given(1, -np.inf, 2, -np.inf, -np.inf, 3),
        given(np.nan, 1, 2, 3, 4, 5),
        given(-np.inf, -np.inf, -np.inf, 0, 1, 2),
    ],
    shapes=((),),
    order=1,
    cases=SHAPES_ONLY - DIFFERENCES,
)
def softmax_of_special_values(fw: Any, x0: Any, x1: Any, x2: Any) -> Any:
    """-inf gives a probability of 0; nan, or a row of -inf only, affects no other row"""
    functions = fw.softmax, fw.softmax_simple, fw.log_softmax
    return [f(x.reshape(2, 3)) for f in functions for x in (x0, x1, x2)]


# --- indexing, concatenation and stacking ---


@computation(step=47, inputs=[normal()], shapes=((3,), (2, 3), (4, 1, 2), (3, 0)))
def get_item_by_numbers(fw: Any, x: Any) -> Any:
    """x[1], x[-1], x[()]"""
    n = min(1, x.shape[0] - 1)
    return fw.get_item(x, n), x[-1], x[()], x[np.int64(n)]


@computation(step=47, inputs=[normal()], shapes=((5,), (4, 3), (3, 4, 2), (2, 0), (0, 2)))
def get_item_by_slices(fw: Any, x: Any) -> Any:
    """Slices, with steps, beyond the end, and empty; Ellipsis and new axes"""
    return x[1:], x[:-1], x[::2], x[1:99], x[3:1], x[...], x[..., 0:1], x[None], x[:, None], x[..., None]


@computation(step=47, inputs=[normal()], shapes=((5,), (4, 3), (3, 4, 2)))
def get_item_by_negative_steps(fw: Any, x: Any) -> Any:
    """x[::-1], x[..., ::-2], x[3:0:-2]"""
    return (
        fw.get_item(x, slice(None, None, -1)),
        fw.get_item(x, slice(3, 0, -2)),
        fw.get_item(x, (slice(None, None, -1), ...)),
    )


@computation(step=47, inputs=[normal()], shapes=((2, 3), (4, 1), (3, 4, 2)), cases=FINITE)
def get_item_by_several(fw: Any, x: Any) -> Any:
    """One index or slice per axis: x[:, 0], x[1, 0], x[1:, -1]"""
    return x[:, 0], x[1, 0], x[1:, -1], x[0, ..., 0], x[-1, None, 0]


@computation(step=47, inputs=[normal()], shapes=((3,), (2, 3), (4, 1, 2)))
def get_item_by_arrays_of_indices(fw: Any, x: Any) -> Any:
    """Index arrays with repeated indices, whose gradients accumulate; negative; as a list, as a matrix, empty"""
    again, table = np.array([0, 0, 1, 0]), np.array([[0, 1, -1], [-1, -1, 0]])
    none = np.array([], dtype=int)
    return fw.get_item(x, again), fw.get_item(x, [0, 0, 1]), x[table], x[none], x[fw.as_variable(again)]


@computation(step=47, inputs=[normal()], shapes=((260, 3),), order=1, cases=SHAPES_ONLY)
def get_item_by_every_integer_dtype(fw: Any, x: Any) -> Any:
    """Index arrays of every integer dtype, up to its end or that of x, where a product with the width would overflow"""
    found = []
    for dtype in INTEGER_DTYPES:
        last = min(np.iinfo(dtype).max, 259)
        rows = np.array([last, 0, last, 100], dtype)
        if fw.name == "torch":  # it takes uint8 for a mask, and has no larger unsigned integers
            rows = rows.astype(np.int64)
        found += [fw.get_item(x, rows), fw.get_item(x, (rows, rows % 3))]
    return [*found, x[np.array([-1, -128, -1], np.int8)]]


@computation(step=47, inputs=[normal()], shapes=((2, 3), (4, 2), (3, 4, 2)), cases=FINITE)
def get_item_by_pairs_of_arrays(fw: Any, x: Any) -> Any:
    """x[rows, columns] with a repeated pair; with a slice, with an int, and with shapes that broadcast"""
    rows, columns = np.array([0, 1, 0, -1]), np.array([1, 0, 1, 1])
    return (
        fw.get_item(x, (rows, columns)),
        fw.get_item(x, (slice(None), columns)),
        fw.get_item(x, (1, columns)),
        fw.get_item(x, (rows[:, None], columns[:2])),
        fw.get_item(x, (fw.as_variable(rows), fw.as_variable(columns))),
    )


@computation(step=47, inputs=[normal()], shapes=((3,), (2, 3), (4, 1, 2)))
def get_item_by_masks(fw: Any, x: Any) -> Any:
    """Boolean masks along the first axis and for the whole array; all and none"""
    N = x.shape[0]
    some = np.arange(N) % 2 == 0
    every = np.arange(math.prod(x.shape)).reshape(x.shape) % 3 == 1
    return fw.get_item(x, some), x[every], x[np.ones(N, bool)], x[np.zeros(N, bool)]


@computation(step=47, inputs=[normal()], shapes=((2,), (2, 3), (2, 1, 2)), cases=FINITE)
def rows_one_by_one(fw: Any, x: Any) -> Any:
    """Iteration over rows: first, second = x"""
    first, second = x
    return first * second, second - first


JOINED: dict[str, Any] = {"step": 47, "inputs": [normal(), normal()]}


@computation(**JOINED, shapes=((1,), (3,), (2, 3), (2, 3, 2), (0, 2)), cases=EVERYTHING)
def concat(fw: Any, x0: Any, x1: Any) -> Any:
    """concat along the first and the last axis, of one variable twice, of a single variable"""
    return fw.concat([x0, x1]), fw.concat((x1, x0, x1), axis=-1), fw.concat([x0])


@computation(
    step=47,
    inputs=[normal(), shaped(lambda s: (s[0], 1, *s[2:])), shaped(lambda s: (s[0], 0, *s[2:]))],
    shapes=((2, 3), (3, 2, 4)),
    cases=FLOATS,
)
def concat_of_other_lengths(fw: Any, x: Any, y: Any, z: Any) -> Any:
    """concat of three, one and zero columns, and with a constant array"""
    a = fw.constant(np.full(fw.array(y).shape, 0.5, fw.array(y).dtype))
    return fw.concat([x, y, z], axis=1), fw.concat([y, a, x], 1)


@computation(**JOINED, shapes=((), (1,), (3,), (2, 3), (2, 3, 2), (0, 2)), cases=EVERYTHING)
def stack(fw: Any, x0: Any, x1: Any) -> Any:
    """stack along a new first axis, and along a new last one"""
    return fw.stack([x0, x1]), fw.stack((x1, x0, x1), axis=-1), fw.stack([x0, fw.constant(np.ones_like(fw.array(x0)))])


# --- losses ---

PAIRS: tuple[Shape, ...] = ((3,), (2, 3), (4, 1), (1, 1), (2, 3, 4), (2, 0))


@computation(step=42, inputs=[normal(), normal()], shapes=PAIRS, cases=FINITE)
def mean_squared_error(fw: Any, x0: Any, x1: Any) -> Any:
    """Sum of squared differences divided by the length of axis 0"""
    return fw.mean_squared_error(x0, x1)


@computation(step=42, order=0, dtypes=("float64",))
def mean_squared_error_of_small_integers(fw: Any) -> Any:
    """Differences that would wrap around; PyTorch, where they do, gets floats"""
    pairs = [np.array(pair, dtype) for dtype in (np.uint8, np.int8) for pair in ([[10, 110], [110, 10]],)]
    if fw.name == "torch":
        pairs = [pair.astype(np.float64) for pair in pairs]
    return [
        loss(fw.constant(pair[i]), fw.constant(pair[1 - i]))
        for loss in (fw.mean_squared_error, fw.mean_squared_error_simple)
        for pair in pairs
        for i in (0, 1)
    ]


@computation(step=42, inputs=[normal(), normal()], shapes=PAIRS, cases=FINITE)
def mean_squared_error_simple(fw: Any, x0: Any, x1: Any) -> Any:
    """mean_squared_error composed of basic functions"""
    return fw.mean_squared_error_simple(x0, x1)


@computation(
    step=42,
    inputs=[normal(), shaped(lambda s: s[1:]), shaped(lambda s: (1,) * len(s))],
    shapes=((2, 3), (1, 1), (1, 4), (3, 2, 2)),
    cases=FINITE,
)
def mean_squared_error_of_two_shapes(fw: Any, x: Any, row: Any, one: Any) -> Any:
    """(1, 1) with (1,), and pairs in which either broadcasts to the shape of the other"""
    return [f(*pair) for f in (fw.mean_squared_error, fw.mean_squared_error_simple) for pair in ((x, row), (one, x))]


@computation(
    step=42,
    inputs=[given(np.nan, np.inf, 0, -0.0, 1, 1e-300), given(1, 2, -0.0, np.inf, -np.inf, 0)],
    shapes=((),),
    cases=SHAPES_ONLY - DIFFERENCES,
)
def mean_squared_error_of_special_values(fw: Any, x0: Any, x1: Any) -> Any:
    """nan and infinities; finite elements keep their gradients"""
    return fw.mean_squared_error(x0, x1), fw.mean_squared_error_simple(x0, x1)


@computation(step=42, inputs=[normal()], shapes=((4, 1), (2, 3)), dtypes=("float32",), cases=SHAPES_ONLY)
def mean_squared_error_of_two_dtypes(fw: Any, x: Any) -> Any:
    """float32 predictions and float64 targets"""
    truth = fw.constant(np.linspace(-1.0, 1.0, fw.array(x).size).reshape(fw.array(x).shape))
    return fw.mean_squared_error(x, truth), fw.mean_squared_error(truth, x), fw.mean_squared_error_simple(x, truth)


@computation(**SCORES, **CANCELS, shapes=((2, 3), (4, 1), (1, 5), (3, 7)), cases=FINITE)
def softmax_cross_entropy(fw: Any, x: Any) -> Any:
    """The mean of -log softmax(x)[t], also of x^2: ones as cotangent would give zeros"""
    return fw.softmax_cross_entropy(x, labels(fw, x)), fw.softmax_cross_entropy(x * x, labels(fw, x))


@computation(**SCORES, **CANCELS, shapes=((2, 3), (1, 5)), order=3, cases=SHAPES_ONLY)
def cross_entropy_to_third_order(fw: Any, x: Any) -> Any:
    """The mean of -log softmax(x^2)[t], up to the third derivative"""
    return fw.softmax_cross_entropy(x * x, labels(fw, x))


@computation(**SCORES, **CANCELS, shapes=((2, 3), (1, 5), (3, 7)), cases=FINITE)
def softmax_cross_entropy_simple(fw: Any, x: Any) -> Any:
    """softmax_cross_entropy composed of basic functions"""
    t = fw.as_variable(labels(fw, x))
    return fw.softmax_cross_entropy_simple(x, t), fw.softmax_cross_entropy_simple(x * x, t)


@computation(step=47, inputs=[normal()], shapes=((3, 2000),), cases=SHAPES_ONLY - DIFFERENCES)
def cross_entropy_of_many_classes(fw: Any, x: Any) -> Any:
    """Cross-entropy with 2,000 classes"""
    return fw.softmax_cross_entropy(x * x, labels(fw, x)), fw.softmax_cross_entropy_simple(x, labels(fw, x))


@computation(**SCORES, shapes=((30, 9),), order=1, cases=SHAPES_ONLY)
def kinds_of_classes(fw: Any, x: Any) -> Any:
    """Labels of every integer dtype, although 30 x 9 logits are more than int8 and uint8 can count; with gaps"""
    t = np.array([np.arange(30) ** 2 % 9, np.arange(30) % 9]).T
    kinds = [*(t[:, 0].astype(dtype) for dtype in INTEGER_DTYPES), t[:, 1]]
    if fw.name == "torch":  # it has no larger unsigned integers
        kinds = [t.astype(np.int64) for t in kinds]
    functions = fw.softmax_cross_entropy, fw.softmax_cross_entropy_simple
    return [*(f(x, fw.constant(t)) for f in functions for t in kinds), *(fw.accuracy(x, fw.constant(t)) for t in kinds)]


@computation(step=47, inputs=[normal(1e4)], shapes=((4, 3), (2, 9)), order=1, cases=SHAPES_ONLY)
def cross_entropy_of_extreme_scores(fw: Any, x: Any) -> Any:
    """Certain predictions, right and wrong: a loss in the thousands still has its gradient"""
    return fw.softmax_cross_entropy(x, labels(fw, x)), fw.softmax_cross_entropy(-x, labels(fw, x))


@computation(
    step=47,
    inputs=[given(1, -np.inf, 2, -np.inf, -np.inf, 3), given(np.nan, 1, 2, 3, 4, 5)],
    shapes=((),),
    order=1,
    cases=SHAPES_ONLY - DIFFERENCES,
)
def cross_entropy_of_special_values(fw: Any, x0: Any, x1: Any) -> Any:
    """A logit of -inf for another class does not matter; for the correct class the loss is infinite"""
    t = fw.constant(np.array([0, 2])), fw.constant(np.array([1, 0]))
    return [fw.softmax_cross_entropy(x.reshape(2, 3), each) for x in (x0, x1) for each in t]


@computation(step=47, inputs=[given(0, 40, -40, 40, 0, 20)], shapes=((),), order=1, cases=SHAPES_ONLY)
def clipped_probabilities(fw: Any, x: Any) -> Any:
    """The composed form clips probabilities at 1e-15: no gradient below, where PyTorch's cross_entropy has one"""
    return fw.softmax_cross_entropy_simple(x.reshape(2, 3), fw.constant(np.array([2, 1])))


@computation(step=50, order=0, inputs=[normal(), whole(0, 1)], shapes=((4, 3), (1, 2), (5, 1)), cases=SHAPES_ONLY)
def accuracy(fw: Any, y: Any, ties: Any) -> Any:
    """The fraction of rows whose largest logit is at the label; of equal logits the first counts"""
    t = labels(fw, y)
    return fw.accuracy(y, t), fw.accuracy(y, fw.as_variable(t)), fw.accuracy(ties, t), fw.accuracy(y, t.reshape(-1, 1))


@computation(step=42, order=0, dtypes=("float64",))
def means_of_float16(fw: Any) -> Any:
    """300 x 300 twos: their sum and their number are more than float16 can hold"""
    half = fw.constant(np.full((300, 300), 2, np.float16))
    return fw.mean(half), fw.mean(half, axis=0), fw.average(half, (0, 1), True)


# --- invalid input ---


@refused(47, ValueError, "max: expected at least one element along axes (0,), got x (0,)")
def max_of_nothing(fw: Any) -> Any:
    """The maximum of an empty array"""
    return fw.max(ones(fw, 0))


@refused(47, ValueError, "min: expected at least one element along axes (1,), got x (2, 0)")
def min_of_nothing(fw: Any) -> Any:
    """The minimum of two empty rows"""
    return fw.min(ones(fw, 2, 0), axis=-1)


@refused(47, AxisError, "max: axis -3 is out of bounds for array of dimension 2")
def max_over_an_axis_too_many(fw: Any) -> Any:
    """Axis -3 of a matrix"""
    return fw.max(ones(fw, 2, 3), axis=-3)


@refused(47, AxisError, "min: axis 2 is out of bounds for array of dimension 2")
def min_over_an_axis_too_many(fw: Any) -> Any:
    """Axis 2 of a matrix"""
    return fw.min(ones(fw, 2, 3), axis=2)


@refused(47, AxisError, "logsumexp: axis 1 is out of bounds for array of dimension 1")
def logsumexp_over_an_axis_too_many(fw: Any) -> Any:
    """Axis 1 of a vector"""
    return fw.logsumexp(ones(fw, 3), axis=1)


@refused(42, AxisError, "mean: axis 1 is out of bounds for array of dimension 1")
def mean_over_an_axis_too_many(fw: Any) -> Any:
    """Axis 1 of a vector"""
    return fw.mean(ones(fw, 3), axis=1)


@refused(47, AxisError, "softmax: axis 1 is out of bounds for array of dimension 1")
def softmax_over_an_axis_too_many(fw: Any) -> Any:
    """Axis 1, the default, of a vector"""
    return fw.softmax(ones(fw, 3))


@refused(47, AxisError, "log_softmax: axis 1 is out of bounds for array of dimension 1")
def log_softmax_over_an_axis_too_many(fw: Any) -> Any:
    """Axis 1, the default, of a vector"""
    return fw.log_softmax(ones(fw, 3))


@refused(
    42,
    ValueError,
    "mean_squared_error: expected x0 and x1 of the same shape, got x0 (4, 1) and x1 (4,)",
    differs={"torch": "broadcasts, with a warning"},
)
def squared_error_of_column_and_vector(fw: Any) -> Any:
    """(N, 1) with (N,), which would broadcast to N x N pairs"""
    return fw.mean_squared_error(ones(fw, 4, 1), ones(fw, 4))


@refused(42, ValueError, "mean_squared_error_simple: expected x0 and x1 of the same shape, got x0 (2,) and x1 (3,)")
def mean_squared_error_of_two_lengths(fw: Any) -> Any:
    """(2,) with (3,)"""
    return fw.mean_squared_error_simple(ones(fw, 2), ones(fw, 3))


@refused(
    42,
    ValueError,
    "mean_squared_error: expected a first axis with elements, got x0 (0, 2) and x1 (0, 2)",
    differs={"torch": "returns nan"},
)
def mean_squared_error_of_nothing(fw: Any) -> Any:
    """A batch of no rows"""
    return fw.mean_squared_error(ones(fw, 0, 2), ones(fw, 0, 2))


@refused(43, ValueError, "linear: expected x with as many columns as W has rows, got x (2, 3) and W (4, 2)")
def linear_of_shapes_that_do_not_fit(fw: Any) -> Any:
    """(2, 3) by (4, 2)"""
    return fw.linear(ones(fw, 2, 3), ones(fw, 4, 2))


@refused(43, ValueError, "linear: expected x (N, D) and W (D, H), got x (2, 3) and W (3,)")
def linear_by_a_vector(fw: Any) -> Any:
    """W without columns"""
    return fw.linear(ones(fw, 2, 3), ones(fw, 3))


@refused(43, ValueError, "linear: expected b (4,) for W (3, 4), got b (2,)")
def linear_with_a_bias_that_does_not_fit(fw: Any) -> Any:
    """Two biases for four columns"""
    return fw.linear(ones(fw, 2, 3), ones(fw, 3, 4), ones(fw, 2))


@refused(47, IndexError, "index 2 is out of bounds for axis 0 with size 2")
def get_item_out_of_bounds(fw: Any) -> Any:
    """x[[0, 2]] with two rows"""
    return fw.get_item(ones(fw, 2, 3), np.array([0, 2]))


@refused(47, IndexError, "too many indices for array: array is 2-dimensional, but 3 were indexed")
def get_item_by_too_many(fw: Any) -> Any:
    """x[0, 0, 0] of a matrix"""
    return ones(fw, 2, 3)[0, 0, 0]


@refused(47, TypeError, "len() of unsized object")
def rows_of_a_number(fw: Any) -> Any:
    """Iteration over a 0-d variable"""
    return list(ones(fw))


@refused(47, ValueError, "concat: expected at least one variable or array, got an empty list")
def concat_of_nothing(fw: Any) -> Any:
    """concat of an empty list"""
    return fw.concat([])


@refused(
    47,
    ValueError,
    (
        "all the input array dimensions except for the concatenation axis must match exactly, but "
        "along dimension 1, the array at index 0 has size 3 and the array at index 1 has size 2"
    ),
)
def concat_of_widths_that_do_not_fit(fw: Any) -> Any:
    """Rows of three and of two elements"""
    return fw.concat([ones(fw, 2, 3), ones(fw, 2, 2)])


@refused(47, ValueError, "stack: expected at least one variable or array, got an empty list")
def stack_of_nothing(fw: Any) -> Any:
    """stack of an empty list"""
    return fw.stack([])


@refused(47, ValueError, "stack: expected inputs of the same shape, got [(3,), (2,)]")
def stack_of_two_shapes(fw: Any) -> Any:
    """(3,) and (2,)"""
    return fw.stack([ones(fw, 3), ones(fw, 2)])


def scores_and_classes(fw: Any, t: Any, *shape: int) -> Any:
    """The cross-entropy of equal logits."""
    return fw.softmax_cross_entropy(ones(fw, *shape), fw.constant(np.array(t)))


@refused(47, TypeError, "softmax_cross_entropy: expected integers from 0 to 2, got float64")
def classes_that_are_no_integers(fw: Any) -> Any:
    """A label of 1.0"""
    return scores_and_classes(fw, [1.0, 0.0], 2, 3)


@refused(47, ValueError, "softmax_cross_entropy: expected integers from 0 to 2, got 0 to 3")
def class_that_is_not_there(fw: Any) -> Any:
    """Label 3 of three classes"""
    return scores_and_classes(fw, [0, 3], 2, 3)


@refused(47, ValueError, "softmax_cross_entropy: expected integers from 0 to 2, got -1 to 0")
def class_minus_one(fw: Any) -> Any:
    """Label -1, which NumPy takes for the last class"""
    return scores_and_classes(fw, [-1, 0], 2, 3)


@refused(47, ValueError, "softmax_cross_entropy: expected x (N, C) and t (N,), N at least 1, got x (2, 3) and t (3,)")
def classes_of_another_number(fw: Any) -> Any:
    """Three labels for two rows"""
    return scores_and_classes(fw, [0, 1, 2], 2, 3)


@refused(
    47,
    ValueError,
    "softmax_cross_entropy: expected x (N, C) and t (N,), N at least 1, got x (3,) and t ()",
    differs={"torch": "accepts one row, not a batch"},
)
def cross_entropy_of_one_row(fw: Any) -> Any:
    """A vector of logits, without rows"""
    return scores_and_classes(fw, 1, 3)


@refused(
    47,
    ValueError,
    ("softmax_cross_entropy: expected x (N, C) and t (N,), N at least 1, got x (0, 3) and t (0,)"),
    differs={"torch": "returns nan"},
)
def cross_entropy_of_nothing(fw: Any) -> Any:
    """A batch of no rows"""
    return fw.softmax_cross_entropy(ones(fw, 0, 3), fw.constant(np.zeros(0, int)))


@refused(47, ValueError, "softmax_cross_entropy_simple: expected integers from 0 to 2, got 0 to 3")
def no_such_class_in_the_simple_form(fw: Any) -> Any:
    """Label 3 of three classes"""
    return fw.softmax_cross_entropy_simple(ones(fw, 2, 3), fw.constant(np.array([0, 3])))


@refused(50, TypeError, "accuracy: expected y (N, C) and t (N,), got None")
def accuracy_of_none(fw: Any) -> Any:
    """No predictions"""
    return fw.accuracy(None, fw.constant(np.array([0, 1])))


@refused(50, ValueError, "accuracy: expected y (N, C) and t (N,), N at least 1, got y (2, 3) and t (3,)")
def accuracy_of_another_number(fw: Any) -> Any:
    """Three labels for two rows"""
    return fw.accuracy(ones(fw, 2, 3), fw.constant(np.array([0, 1, 2])))


@refused(
    50,
    ValueError,
    "accuracy: expected integers from 0 to 2, got -1 to 0",
    differs={"torch": "has no accuracy; a comparison accepts any label"},
)
def accuracy_of_label_minus_one(fw: Any) -> Any:
    """Label -1, which no row can have"""
    return fw.accuracy(ones(fw, 2, 3), fw.constant(np.array([-1, 0])))


@refused(
    50,
    TypeError,
    "accuracy: expected integers from 0 to 2, got float64",
    differs={"torch": "has no accuracy; a comparison accepts any label"},
)
def accuracy_of_label_one_half(fw: Any) -> Any:
    """Label 0.5"""
    return fw.accuracy(ones(fw, 2, 3), fw.constant(np.array([0.5, 0.0])))


# --- the numbers that the steps print ---


@computation(step=51, order=0, dtypes=("float64",))
def books_numbers_of_stage_4(fw: Any) -> Any:
    """Tensors of steps 37-41 and get_item of step 47, with values and gradients"""
    x = fw.Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    c = fw.Variable(np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]]))
    found = [fw.sin(x), x + c]
    results = [fw.sum(x + c), fw.reshape(x, (6,)), fw.transpose(x), fw.sum(x), fw.sum(x, axis=0), fw.sum_to(x, (1, 3))]
    results += [fw.sum_to(x, (2, 1)), fw.get_item(x, 1), fw.get_item(x, np.array([0, 0, 1])), x[:, 2]]
    for y in results:
        found += [y, *fw.gradients([y], [x], None)]
    x0, x1 = fw.Variable(np.array([1.0, 2.0, 3.0])), fw.Variable(np.array([10.0]))
    y = x0 + x1
    found += [y, *fw.gradients([y], [x0, x1], None), fw.broadcast_to(x0, (2, 3))]
    a, b = fw.Variable(np.array([[1.0, 2.0], [3.0, 4.0]])), fw.Variable(np.array([[5.0, 6.0], [7.0, 8.0]]))
    found += [fw.matmul(x0, fw.Variable(np.array([4.0, 5.0, 6.0]))), fw.matmul(a, b)]
    scores = fw.Variable(np.array([[0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [0.8, 0.1, 0.1]]))
    return [*found, fw.accuracy(scores, fw.constant(np.array([1, 2, 0])))]


@computation(step=47, order=0, dtypes=("float64",))
def books_network_of_step_47(fw: Any) -> Any:
    """MLP((10, 3)) with float32 weights on float64 data: logits, probabilities, and the loss 1.4967442524053058"""
    rng = np.random.RandomState(0)
    drawn = [rng.randn(D, H).astype(np.float32) * math.sqrt(1 / D) for D, H in ((2, 10), (10, 3))]
    W0, W1 = (fw.Variable(W) for W in drawn)
    b0, b1 = (fw.Variable(np.zeros(H, np.float32)) for H in (10, 3))
    x = fw.constant(np.array([[0.2, -0.4], [0.3, 0.5], [1.3, -3.2], [2.1, 0.3]]))
    y = fw.linear(fw.sigmoid(fw.linear(x, W0, b0)), W1, b1)
    t = fw.constant(np.array([2, 0, 1, 0]))
    loss = fw.softmax_cross_entropy(y, t)
    simple = fw.softmax_cross_entropy_simple(y, t)
    return [y, fw.softmax(y), loss, simple, *fw.gradients([loss], [W0, b0, W1, b1], None)]


@computation(step=42, order=0, dtypes=("float64",))
def books_linear_regression(fw: Any) -> Any:
    """Step 42: 100 steps of gradient descent to W = 2.11807369, b = 5.46608905, with every loss"""
    rng = np.random.RandomState(0)
    x = rng.rand(100, 1)
    y = 5 + 2 * x + rng.rand(100, 1)
    W, b = np.zeros((1, 1)), np.zeros(1)
    losses = []
    for _ in range(100):
        variables = fw.Variable(W), fw.Variable(b)
        predicted = fw.matmul(fw.constant(x), variables[0]) + variables[1]
        loss = fw.mean_squared_error(fw.constant(y), predicted)
        gW, gb = (fw.array(g) for g in fw.gradients([loss], variables, None))
        W, b = W - 0.1 * gW, b - 0.1 * gb
        losses.append(np.array(fw.array(loss)))
    return W, b, np.array(losses)
