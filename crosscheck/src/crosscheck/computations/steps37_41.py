"""Steps 37-41, functions of tensors: shapes, sums, broadcasting, and matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.exceptions import AxisError

from ..inputs import DIFFERENCES, FINITE, FLOATS, SHAPES_ONLY, Generator, normal, uniform
from . import Text, computation

Shape = tuple[int, ...]
TENSORS: tuple[Shape, ...] = ((), (1,), (3,), (2, 3), (2, 3, 4), (4, 1, 2), (0,), (2, 0))
MATRICES: tuple[Shape, ...] = ((2, 3), (3, 1), (1, 4), (1, 1), (0, 3), (2, 0))
FROM_STAGE_2: dict[int, str] = {2: "wrong", 3: "wrong"}  # forward broadcasts, backward ignores it


def shaped(of: Callable[[Shape], Shape], numbers: Generator | None = None) -> Generator:
    """Random numbers of a shape derived from the case's: W to match x, a row to match a matrix."""
    draw = numbers or normal()
    return lambda rng, shape: draw(rng, of(shape))


def whole(low: int, high: int) -> Generator:
    """A few integer values in a floating dtype, so that some are equal."""
    return lambda rng, shape: rng.integers(low, high + 1, shape).astype(float)


def apart(gap: float = 0.1) -> Generator:
    """Numbers of both signs, well away from each other and from 0, so that finite differences never cross a kink."""

    def draw(rng: np.random.Generator, shape: Shape) -> Any:
        size = math.prod(shape)
        ranks = rng.permutation(size) - size // 2 + 0.5
        return np.asarray((ranks * gap).reshape(shape))

    return draw


def given(*numbers: float) -> Generator:
    """These numbers, whatever the shape."""
    return lambda rng, shape: np.array(numbers)


def kinds_of_axis(x: Any) -> list[Any]:
    """axis: None, (), one from either end, several in any order, tuples and lists, as far as x has such axes."""
    n = len(x.shape)
    kinds: list[Any] = [None, ()]
    kinds += [0, -1, [n - 1]] if n > 0 else []
    kinds += [(-1, 0), n - 2] if n > 1 else []
    return kinds + ([(2, 0), (0, 1, 2)] if n > 2 else [])


def each_axis(reduce: Callable[..., Any], x: Any) -> list[Any]:
    """A reduction over every kind of axis, with and without keepdims."""
    return [reduce(x, axis=axis, keepdims=keepdims) for axis in kinds_of_axis(x) for keepdims in (False, True)]


# --- shapes ---


@computation(step=38, inputs=[normal()], shapes=TENSORS)
def reshape(fw: Any, x: Any) -> Any:
    """reshape to a tuple, a list, an int, and -1"""
    n = math.prod(x.shape)
    return fw.reshape(x, (1, *x.shape[::-1])), fw.reshape(x, [n, 1]), fw.reshape(x, -1), fw.reshape(x, (1, -1))


@computation(step=38, inputs=[normal()], shapes=TENSORS)
def reshape_to_the_same_shape(fw: Any, x: Any) -> Any:
    """reshape(x, x.shape), a no-op"""
    return fw.reshape(x, tuple(x.shape))


@computation(step=38, inputs=[normal()], shapes=TENSORS)
def reshape_method(fw: Any, x: Any) -> Any:
    """x.reshape(...) with separate ints, a tuple, a list"""
    return x.reshape(-1, 1), x.reshape((1, *x.shape, 1)), x.reshape([1, -1])


@computation(step=38, inputs=[normal()], shapes=(*TENSORS, (2, 1, 3, 4)))
def transpose(fw: Any, x: Any) -> Any:
    """transpose(x): all axes reversed"""
    return fw.transpose(x)


@computation(step=38, inputs=[normal()], shapes=(*TENSORS[2:], (2, 1, 3, 4)))
def transpose_with_axes(fw: Any, x: Any) -> Any:
    """Axes rotated by one, a permutation that is not its own inverse; negative axes; axes as a list"""
    n = len(x.shape)
    turned = [*range(1, n), 0]
    return fw.transpose(x, tuple(turned)), fw.transpose(x, tuple(i - n for i in turned)), fw.transpose(x, turned[::-1])


@computation(step=38, inputs=[normal()], shapes=MATRICES, cases=FINITE)
def transpose_methods(fw: Any, x: Any) -> Any:
    """x.T, x.transpose() and x.transpose(1, 0), with separate ints and with a tuple"""
    if fw.name == "torch":  # torch's transpose swaps two axes
        return x.T, x.permute(1, 0), x.permute(1, 0), x.permute((-2, -1))
    return x.T, x.transpose(), x.transpose(1, 0), x.transpose((-2, -1))


@computation(step=38, inputs=[normal()], shapes=((3,), (2, 3), (2, 3, 4), (1, 2, 3, 2), (0, 2), (2, 0)))
def flatten(fw: Any, x: Any) -> Any:
    """All axes but the first merged; a vector becomes a column"""
    return fw.flatten(x)


@computation(step=39, inputs=[normal()], shapes=TENSORS)
def expand_dims(fw: Any, x: Any) -> Any:
    """A new axis at the front, at the end, and in between; two at once"""
    return fw.expand_dims(x, 0), fw.expand_dims(x, -1), fw.expand_dims(x, len(x.shape)), fw.expand_dims(x, (0, -1))


# --- sums ---


@computation(step=39, inputs=[normal(shift=3.0)], shapes=TENSORS)
def sum_over_axes(fw: Any, x: Any) -> Any:
    """The sum over every kind of axis, with and without keepdims"""
    return each_axis(fw.sum, x)


@computation(step=39, inputs=[normal()], shapes=TENSORS)
def sum_method(fw: Any, x: Any) -> Any:
    """x.sum(), in full and over the last axis"""
    return [x.sum(), *([x.sum(-1), x.sum(axis=0, keepdims=True)] if len(x.shape) else [])]


@computation(step=39, inputs=[normal(), normal()], cases=FINITE)
def sum_of_products(fw: Any, x: Any, c: Any) -> Any:
    """A loss of tensors: the sum of x * c"""
    return fw.sum((x + c) * c) * fw.sum(x * x, axis=None, keepdims=True)


@computation(step=39, order=1, inputs=[normal(shift=3.0)], shapes=((3,),), cases=SHAPES_ONLY - DIFFERENCES)
def sums_of_100000_rows(fw: Any, x: Any) -> Any:
    """Sums down 100,000 equal rows, where adding one by one loses three digits, and a gradient that is such a sum"""
    rows = fw.constant(np.full((100_000, 3), 0.1, fw.array(x).dtype))
    return fw.sum(rows * x, axis=0), fw.sum(rows * x) * 1e-5


@computation(step=39, order=0, dtypes=("float64",))
def sums_of_float16(fw: Any) -> Any:
    """5,000 ones, where float16 stops counting at 2048, along both axes and in all"""
    half = fw.constant(np.ones((5000, 3), np.float16))
    return fw.sum(half, axis=0), fw.sum(half, axis=1), fw.sum(half)


# --- broadcasting ---


@computation(step=40, inputs=[normal()], shapes=((), (1,), (3,), (1, 3), (2, 1), (2, 1, 4), (0,), (2, 0)))
def broadcast_to(fw: Any, x: Any) -> Any:
    """Broadcast along a new axis, and along axes of length 1"""
    wide = tuple(4 if n == 1 else n for n in x.shape)
    return fw.broadcast_to(x, (2, *wide)), fw.broadcast_to(x, [2, 1, *x.shape]), fw.broadcast_to(x, (0, *wide))


@computation(step=40, inputs=[normal()], shapes=TENSORS)
def broadcast_to_the_same_shape(fw: Any, x: Any) -> Any:
    """broadcast_to(x, x.shape), a no-op"""
    return fw.broadcast_to(x, tuple(x.shape))


@computation(step=40, inputs=[normal()], shapes=((3,), *TENSORS[3:]))
def sum_to(fw: Any, x: Any) -> Any:
    """Sum over the axes that broadcasting would add or stretch: leading axes, axes of length 1, all axes"""
    first, last = x.shape[:1], x.shape[-1:]
    shapes: list[Any] = [(), x.shape[1:], [1] * len(x.shape), (*first, *(1 for _ in x.shape[1:])), (1,)]
    return [fw.sum_to(x, shape) for shape in [*shapes, *([last] if len(x.shape) > 1 else [])] if shape != x.shape]


@computation(step=40, inputs=[normal()], shapes=TENSORS)
def sum_to_the_same_shape(fw: Any, x: Any) -> Any:
    """sum_to(x, x.shape), a no-op"""
    return fw.sum_to(x, tuple(x.shape))


def row(shape: Shape) -> Shape:
    """The shape of a row that NumPy broadcasts along the first axis."""
    return shape[1:]


def column(shape: Shape) -> Shape:
    """The shape of a column that NumPy broadcasts along the last axis."""
    return (*shape[:-1], 1)


WIDE: tuple[Shape, ...] = ((2, 3), (3,), (4, 1, 2), (1, 3), (2, 3, 2), (2, 0))
BROADCAST: dict[str, Any] = {
    "step": 40,
    "shapes": WIDE,
    "unsupported": FROM_STAGE_2,
}
ANY = [normal(), shaped(row), shaped(column)]
POSITIVE = [uniform(0.5, 2.0), shaped(row, uniform(0.5, 2.0)), shaped(column, uniform(0.5, 2.0))]


@computation(**BROADCAST, inputs=ANY, cases=FINITE)
def broadcasting_add(fw: Any, x: Any, r: Any, c: Any) -> Any:
    """x + row, column + x, and row + column, where both are broadcast"""
    return x + r, c + x, fw.add(r, c)


@computation(**BROADCAST, inputs=ANY, cases=FINITE)
def broadcasting_sub(fw: Any, x: Any, r: Any, c: Any) -> Any:
    """x - row, column - x, row - column, and rsub"""
    return x - r, c - x, fw.sub(r, c), fw.rsub(r, x)


@computation(**BROADCAST, inputs=ANY, cases=FINITE)
def broadcasting_mul(fw: Any, x: Any, r: Any, c: Any) -> Any:
    """x * row, column * x, row * column"""
    return x * r, c * x, fw.mul(r, c)


@computation(**BROADCAST, inputs=POSITIVE, cases=FINITE)
def broadcasting_div(fw: Any, x: Any, r: Any, c: Any) -> Any:
    """x / row, column / x, row / column, and rdiv"""
    return x / r, c / x, fw.div(r, c), fw.rdiv(r, x)


@computation(**BROADCAST | {"unsupported": {3: "wrong"}}, inputs=POSITIVE, cases=FINITE)
def broadcasting_pow(fw: Any, x: Any, r: Any, c: Any) -> Any:
    """x ** row, column ** x, row ** column"""
    return x**r, c**x, fw.pow(r, c)


@computation(**BROADCAST, inputs=[shaped(row)], cases=FLOATS)
def broadcasting_with_arrays(fw: Any, r: Any) -> Any:
    """A row and a larger constant array, on either side of an operator"""
    a = fw.constant(np.full((2, *r.shape), 1.5, fw.array(r).dtype))
    return r + a, a + r, r - a, a - r, r * a, a * r, r / a


@computation(
    step=40,
    inputs=[uniform(0.5, 2.0), shaped(lambda _: (), uniform(0.5, 2.0))],
    shapes=((3,), (2, 3), (1, 1), (0,)),
    unsupported=FROM_STAGE_2,
    cases=SHAPES_ONLY,
)
def broadcasting_of_a_number(fw: Any, x: Any, a: Any) -> Any:
    """A 0-d variable on either side"""
    return x + a, a - x, x * a, a / x, x / a


# --- matrix products ---


def times_4(shape: Shape) -> Shape:
    """The shape of a W by which x can be multiplied."""
    return (shape[-1], 4)


@computation(step=41, inputs=[normal(), shaped(times_4)], shapes=MATRICES, order=3, cases=FINITE)
def matmul(fw: Any, x: Any, W: Any) -> Any:
    """x W"""
    return fw.matmul(x, W)


@computation(step=41, inputs=[normal()], shapes=MATRICES, cases=FINITE)
def matmul_with_itself(fw: Any, x: Any) -> Any:
    """x x^T and x^T x: one variable as both operands"""
    return fw.matmul(x, fw.transpose(x)), fw.matmul(fw.transpose(x), x)


@computation(step=41, inputs=[normal(), shaped(times_4)], shapes=MATRICES, cases=FLOATS)
def matmul_operator(fw: Any, x: Any, W: Any) -> Any:
    """x @ W, also with a constant array on either side, and x.matmul(W)"""
    a, b = (np.full(fw.array(v).shape, 0.5, fw.array(v).dtype) for v in (x, W))
    return x @ W, fw.constant(a) @ W, x @ fw.constant(b), x.matmul(W)


@computation(
    step=41,
    inputs=[normal(), shaped(lambda s: s[-1:]), shaped(lambda s: s[:1])],
    shapes=((2, 3), (4, 2), (0, 3), (2, 0)),
    order=3,
    cases=FINITE,
)
def matmul_of_vectors(fw: Any, x: Any, v: Any, u: Any) -> Any:
    """Matrix-vector, vector-matrix, and vector-vector products"""
    return fw.matmul(x, v), fw.matmul(u, x), fw.matmul(v, v), v.dot(v)


@computation(
    step=41,
    inputs=[
        normal(),
        shaped(lambda s: (s[-1], 2)),
        shaped(lambda s: (*s[:-2], s[-1], 2)),
        shaped(lambda s: (3, *(1 for _ in s[:-2]), s[-1], 2)),
        shaped(lambda s: s[-1:]),
        shaped(lambda s: s[-2:-1]),
    ],
    shapes=((2, 3, 4), (1, 2, 3), (2, 1, 2, 3), (0, 2, 3)),
    cases=SHAPES_ONLY,
)
def matmul_of_batches(fw: Any, x: Any, W: Any, batch: Any, more: Any, v: Any, u: Any) -> Any:
    """Batched products with one matrix, with as many, with more, and with vectors on either side"""
    return fw.matmul(x, W), fw.matmul(x, batch), fw.matmul(x, more), fw.matmul(x, v), fw.matmul(u, x)


@computation(
    step=41,
    inputs=[given(np.nan, 1, -2, 0), given(1, np.inf, 0.5, -1)],
    shapes=((),),
    cases=SHAPES_ONLY - DIFFERENCES,
)
def matmul_of_special_values(fw: Any, x: Any, W: Any) -> Any:
    """nan and infinity affect only their own rows and columns"""
    return fw.matmul(x.reshape(2, 2), W.reshape(2, 2))


# --- the engine: shapes, dtypes, constants ---


@computation(
    step=40,
    inputs=[normal(), shaped(row)],
    shapes=((2, 3), (3,), (2, 0)),
    dtypes=("float32",),
    unsupported=FROM_STAGE_2,
    cases=SHAPES_ONLY,
)
def float64_arrays_beside_float32(fw: Any, x: Any, r: Any) -> Any:
    """Values are float64, gradients of float32 variables are float32"""
    a = fw.constant(np.full(fw.array(x).shape, 0.1, np.float64))
    return x * a + r, a - r * x, fw.exp(x) * a


@computation(
    step=41, inputs=[normal(), shaped(times_4)], shapes=((2, 3), (0, 3)), dtypes=("float32",), cases=SHAPES_ONLY
)
def matmul_of_two_dtypes(fw: Any, x: Any, W: Any) -> Any:
    """A product of float32 and a float64 array, on either side"""
    a = fw.constant(np.full(fw.array(W).shape, 0.1, np.float64))
    b = fw.constant(np.full(fw.array(x).shape, 0.1, np.float64))
    return fw.matmul(x, a), fw.matmul(b, W), fw.sum(x) * fw.sum(fw.matmul(x, a), axis=0)


@computation(step=41, inputs=[normal(), shaped(times_4), shaped(lambda s: (4,))], shapes=MATRICES, cases=SHAPES_ONLY)
def released_data(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """A product whose data is released before backward: only additions and subtractions use it"""
    t = fw.matmul(x, W)
    y = t + b
    z = 0.5 - t
    if fw.name != "torch":  # torch still needs its data
        t.data = None
    return y * y + z


@computation(step=41, order=0, inputs=[normal(), shaped(times_4)], shapes=((2, 3),), cases=SHAPES_ONLY)
def gradients_of_two_of_three(fw: Any, x: Any, W: Any) -> Any:
    """A graph with a constant operand: the gradients of the other two, computed twice"""
    a = fw.constant(np.arange(6.0, dtype=fw.array(x).dtype).reshape(2, 3))
    y = fw.sum(fw.matmul(x * a, W) + fw.matmul(a, W))
    first = [np.array(fw.array(g)) for g in fw.gradients([y], [x, W], None, create_graph=True)]
    return [y, *first, *fw.gradients([y], [x, W], None, create_graph=True)]


@computation(step=37, order=0, dtypes=("float64",))
def gradients_shaped_like_their_data(fw: Any) -> Any:
    """Every gradient, including retained intermediate ones, has the shape of its data: y = sum(x + c)"""
    x = fw.Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    c = fw.Variable(np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]]))
    t = x + c
    y = fw.sum(t)
    if fw.name == "torch":
        t.retain_grad()
    y.backward(**({} if fw.name == "torch" else {"retain_grad": True}))
    return y, t.grad, x.grad, c.grad


# --- invalid input ---


def refused(step: int, kind: type[Exception], text: Text, **declared: Any) -> Callable[..., Any]:
    """Register a computation that must raise this error."""
    return computation(step=step, order=0, raises=(kind, text), dtypes=("float64",), **declared)


def ones(fw: Any, *shape: int) -> Any:
    """A Variable of ones."""
    return fw.Variable(np.ones(shape))


@refused(38, ValueError, "cannot reshape array of size 6 into shape (4,)")
def reshape_to_another_size(fw: Any) -> Any:
    """Reshaping six elements to four"""
    return fw.reshape(ones(fw, 2, 3), (4,))


@refused(38, ValueError, "transpose: expected 2 axes for x (2, 3), got (0,)")
def transpose_with_too_few_axes(fw: Any) -> Any:
    """One axis given for a matrix"""
    return fw.transpose(ones(fw, 2, 3), (0,))


@refused(38, ValueError, "repeated axis in transpose")
def transpose_with_one_axis_twice(fw: Any) -> Any:
    """Axis 0 given twice"""
    return fw.transpose(ones(fw, 2, 3), (0, 0))


@refused(38, ValueError, "flatten: expected x with at least one axis, got x ()")
def flatten_a_number(fw: Any) -> Any:
    """A 0-d array has no first axis to keep"""
    return fw.flatten(ones(fw))


@refused(39, TypeError, "sum: expected neither dtype nor out, got dtype float32 and out None")
def sum_in_another_dtype(fw: Any) -> Any:
    """A dtype, as in NumPy; it would need a cast, and the gradient one back"""
    x = ones(fw, 2, 3)
    return x.sum(dtype="float32")


@refused(39, AxisError, "sum: axis 2 is out of bounds for array of dimension 2")
def sum_over_an_axis_too_many(fw: Any) -> Any:
    """Axis 2 of a matrix"""
    return fw.sum(ones(fw, 2, 3), axis=2)


@refused(
    39,
    AxisError,
    "sum: axis 0 is out of bounds for array of dimension 0",
    differs={"torch": "a 0-d tensor has axes 0 and -1"},
)
def sum_over_an_axis_of_a_number(fw: Any) -> Any:
    """Axis 0 of a 0-d array"""
    return fw.sum(ones(fw), axis=0)


@refused(39, ValueError, "repeated axis in `sum` argument")
def sum_over_one_axis_twice(fw: Any) -> Any:
    """Axes 0 and -2 of a matrix, which are the same"""
    return fw.sum(ones(fw, 2, 3), axis=(0, -2))


@refused(40, ValueError, "broadcast_to: expected a shape that x (3,) broadcasts to, got (2, 4)")
def broadcast_to_another_length(fw: Any) -> Any:
    """A vector of three to rows of four"""
    return fw.broadcast_to(ones(fw, 3), (2, 4))


@refused(40, ValueError, "broadcast_to: expected a shape that x (2, 3) broadcasts to, got (3,)")
def broadcast_to_fewer_axes(fw: Any) -> Any:
    """A matrix to a vector"""
    return fw.broadcast_to(ones(fw, 2, 3), (3,))


@refused(40, ValueError, "sum_to: expected a shape that broadcasts to x (2, 3), got (2,)")
def sum_to_what_was_not_copied(fw: Any) -> Any:
    """(2, 3) to (2,), which does not broadcast to (2, 3)"""
    return fw.sum_to(ones(fw, 2, 3), (2,))


@refused(40, ValueError, "operands could not be broadcast together with shapes (2,) (3,) ", since=2)
def add_shapes_that_do_not_broadcast(fw: Any) -> Any:
    """(2,) + (3,)"""
    return ones(fw, 2) + ones(fw, 3)


@refused(
    40,
    ValueError,
    "Custom.backward: expected a gradient of shape (2, 3), got (3,)",
    differs={f"stage{n}": "does not check the gradient's shape; from stage 4 on it is checked" for n in (1, 2, 3)},
)
def backward_returns_another_shape(fw: Any) -> Any:
    """A user-defined function whose gradient does not have the shape of its input"""
    f = fw.function(lambda x: x.sum(0), lambda gy, x: gy)
    x = ones(fw, 2, 3)
    return fw.gradients([f(x)], [x], None)


@refused(41, ValueError, "matmul: expected x with as many columns as W has rows, got x (2, 3) and W (2, 3)")
def matmul_of_shapes_that_do_not_fit(fw: Any) -> Any:
    """(2, 3) by (2, 3)"""
    return fw.matmul(ones(fw, 2, 3), ones(fw, 2, 3))


@refused(41, ValueError, "matmul: expected x with as many columns as W has rows, got x (2, 3) and W (2,)")
def matmul_by_a_vector_that_does_not_fit(fw: Any) -> Any:
    """(2, 3) by (2,)"""
    return ones(fw, 2, 3) @ ones(fw, 2)


@refused(41, ValueError, "matmul: expected arrays with at least one axis, got x () and W (3,)")
def matmul_of_a_number(fw: Any) -> Any:
    """() by (3,)"""
    return fw.matmul(ones(fw), ones(fw, 3))


@refused(
    41,
    TypeError,
    {
        4: "Variable: expected a numpy.ndarray, got <class 'list'>",
        5: "Variable: expected a numpy.ndarray or cupy.ndarray, got <class 'list'>",
    },
)
def matmul_by_a_list(fw: Any) -> Any:
    """x @ [1.0]"""
    return ones(fw, 1) @ [1.0]
