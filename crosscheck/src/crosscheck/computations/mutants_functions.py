"""What detects mutants of functions of stage 4 that nothing else detects: arrays, None, float16, sums, warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..compare import distance, mismatch
from ..frameworks.base import Array, Missing
from .utilities import NUMPY, POINT, ROWS
from .values import values

NAN = np.nan
POSITIVE = ROWS + 1
LABELS = np.array([2, 0])


def message(call: Callable[[], Any]) -> str:
    """The type and text of the error that a call raises."""
    try:
        call()
    except Missing:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


# --- arrays and None instead of variables ---

UNARY = [
    "square",
    "exp",
    "log",
    "sin",
    "cos",
    "tanh",
    "neg",
    "sigmoid",
    "sigmoid_simple",
    "relu",
    "softmax",
    "softmax_simple",
    "log_softmax",
    "sum",
    "mean",
    "max",
    "min",
    "logsumexp",
    "flatten",
    "transpose",
]
CALLS: list[tuple[str, tuple[Any, ...]]] = [
    *((name, (POSITIVE,)) for name in UNARY),
    *((name, (POSITIVE, ROWS)) for name in ("add", "sub", "mul", "div", "pow")),
    *((name, (POSITIVE, ROWS)) for name in ("mean_squared_error", "mean_squared_error_simple")),
    *((name, (POSITIVE, LABELS)) for name in ("softmax_cross_entropy", "softmax_cross_entropy_simple", "accuracy")),
    *((name, (POSITIVE, (2, 3))) for name in ("broadcast_to", "reshape", "sum_to")),
    *((name, (POSITIVE, (1, 2, 3))) for name in ("broadcast_to", "reshape")),
    ("sum_to", (POSITIVE, (1, 3))),
    ("clip", (POSITIVE, 2.0, 3.0)),
    ("expand_dims", (POSITIVE, 0)),
    ("get_item", (POSITIVE, 0)),
    ("matmul", (POSITIVE, POSITIVE.T)),
    ("linear", (POSITIVE, POSITIVE.T, POINT)),
    ("linear_simple", (POSITIVE, POSITIVE.T, POINT)),
]


def of_arrays(fw: Any) -> list[Any]:
    """Whether each function, given arrays, returns a variable, with the same value as for variables."""
    found = []
    for name, arguments in CALLS:
        f = getattr(fw, name)
        given = f(*arguments)
        same = f(*(fw.Variable(a) if isinstance(a, np.ndarray) else a for a in arguments))
        found.append([type(given) is type(same), np.array_equal(fw.array(given), fw.array(same))])
    for f in (fw.concat, fw.stack):
        found.append([type(f([POSITIVE, POSITIVE])) is type(same), f([POSITIVE, fw.Variable(ROWS)]).size == 12])
    product = POSITIVE.T @ fw.Variable(ROWS)
    found.append([type(product) is type(same), np.array_equal(fw.array(product), POSITIVE.T @ ROWS)])
    return [*found, type(fw.as_variable(ROWS)) is type(same), type(fw.utils.as_numpy(same)) is np.ndarray]


def of_nothing(fw: Any) -> list[str]:
    """The functions that, given None or a variable without data, do not say so."""
    found = []
    for name, arguments in CALLS:
        for i, a in enumerate(arguments):
            if isinstance(a, np.ndarray) and a is not LABELS and not name.startswith(("linear_s", "pow", "neg")):
                for nothing in (fw.Variable(None), None)[: 1 if a is POINT else 2]:  # b may be None
                    given = *arguments[:i], nothing, *arguments[i + 1 :]
                    found += unsaid(name, partial(getattr(fw, name), *given))
    for name in ("concat", "stack"):
        found += unsaid(name, partial(getattr(fw, name), [POSITIVE, None]))
    return found


def unsaid(name: str, call: Callable[[], Any]) -> list[str]:
    """The error of a call with None, unless it says that this function got None; it may bear the name of the class."""
    text = message(call)
    kind, said, *_ = f"{text}: ".split(": ")
    ok = kind == "TypeError" and said.lower() in (name, name.replace("_", "")) and text.endswith("got None")
    return [] if ok else [f"{name}: {text}"]


# --- labels ---

SCORES = np.array([[1.0, NAN, 3.0], [3.0, 2.0, 1.0], [0.0, 5.0, 1.0]])


def accuracies(fw: Any) -> list[Any]:
    """The accuracy of a row with nan and two others, with labels of several kinds and shapes."""
    labels = np.array([1, 0, 2])
    kinds = labels, labels[:, None], labels.tolist(), fw.Variable(labels), labels.astype(np.uint8)
    found = [fw.accuracy(y, t) for y in (SCORES, fw.Variable(SCORES), SCORES.tolist()) for t in kinds]
    return [*found, fw.softmax_cross_entropy(POSITIVE, [2, 0]), fw.softmax_cross_entropy(POSITIVE, fw.Variable(LABELS))]


# --- small floats ---

LONG = np.random.RandomState(0).uniform(0.5, 1.5, 70000)


def in_half(fw: Any) -> list[Any]:
    """Whether values and gradients in float16 are those in float64, rounded, where float16 alone loses digits."""
    functions: list[tuple[Any, float, tuple[Array, ...]]] = [
        (fw.sum, 1, (LONG[:5000],)),
        (lambda x: fw.sum(x, 0), 1, (LONG[:9000].reshape(3000, 3),)),
        (fw.mean, 30000, (LONG,)),
        (lambda x: fw.mean(x, 0), 30000, (LONG.reshape(35000, 2),)),
        (lambda x: fw.sum_to(x, (1, 2)), 1, (LONG[:6000].reshape(3000, 2),)),
        (lambda x: fw.broadcast_to(x, (3000, 2)), 1, (LONG[:2],)),
        (fw.mean_squared_error, 1, (180 * LONG[:300], -LONG[:300])),
        (lambda x: fw.softmax_cross_entropy(x, np.arange(70000) % 2), 30000, (LONG.reshape(35000, 2).repeat(2, 0),)),
        (lambda x: fw.get_item(x, np.zeros(3000, int)), 1, (LONG[:2],)),
        (lambda x: fw.get_item(x, (np.zeros(3000, int), 1)), 1, (LONG[:4].reshape(2, 2),)),
        (lambda x: fw.max(x, 0), 1, (np.ones(3000),)),
    ]
    found = []
    for f in (fw.logsumexp, lambda x: fw.softmax(x, 0), lambda x: fw.log_softmax(x, 0)):  # their gradients lose digits
        y, exact = (f(fw.Variable(LONG[:5000].astype("e").astype(kind))).data for kind in ("e", "d"))
        found.append([rounded(y, exact)])
    for f, gy, arrays in functions:
        half, double = (outcome(fw, f, gy, [a.astype("e").astype(kind) for a in arrays]) for kind in ("e", "d"))
        found.append([rounded(a, r) for a, r in zip(half, double, strict=True)])
    return found


def rounded(a: Array, r: Array) -> bool:
    """Whether a, in float16, is r, in float64, except for rounding."""
    return mismatch(a, r.astype(np.float16)) is None and distance(a, r, a.dtype) <= 4


def outcome(fw: Any, f: Any, gy: float, arrays: list[Array]) -> list[Array]:
    """The value of f and its gradients from this initial gradient."""
    variables = [fw.Variable(a) for a in arrays]
    y = f(*variables)
    gxs = fw.grad(y, variables, np.full(y.shape, gy, y.dtype))
    return [y.data, *(gx.data for gx in gxs)]


# --- kinds of numbers ---

PAIRS = [(a, b) for a in ("i1", "u1", "i8", "f2", "f4", "f8") for b in ("i1", "u1", "i8", "f2", "f4", "f8")]


def errors_of_pairs(a: str, b: str) -> Array:
    """The mean squared error in NumPy; integers are float64."""
    x0, x1 = (ROWS.astype(kind) * (1 if kind[0] == "f" else np.float64(1)) for kind in (a, b))
    found = np.square((x0 - 2 * x1[::-1]).astype("d")).sum() / 2
    return np.asarray(found, np.result_type(x0, x1))


def gradients_of_integers(fw: Any) -> list[Any]:
    """The gradients of functions of integers, from the default initial gradient and from three dtypes."""
    found = []
    picks = (0, (slice(None), [0, 0, 2]), np.array([1, 1]))
    functions: list[Callable[[Any], Any]] = [
        *(partial(lambda i, x: x[i], i) for i in picks),
        lambda x: fw.max(x, 0),
        lambda x: fw.min(x, 1),
    ]
    for f in functions:
        for kind in (None, "e", "f", "d"):
            x = fw.Variable(ROWS.astype(int))
            y = f(x)
            found.append(fw.grad(y, x, None if kind is None else np.full(y.shape, 2, kind)))
    return found


def picked(*rows: list[int]) -> list[Array]:
    """These gradients in float64, and twice as large in three dtypes."""
    a = np.array(rows)
    return [a.astype("d"), *((2 * a).astype(kind) for kind in "efd")]


def signs(fw: Any) -> list[Any]:
    """The signs of the zeros in gradients of slices: those of the initial gradient, -0.0 where there is one."""
    found = []
    for index in (0, slice(1), ..., None, (0, 1), (..., 0), (None, 1), np.int64(1), (0, ...), (slice(1), 2)):
        y = fw.Variable(ROWS)[index]
        found.append(np.signbit(fw.grad(y, y.creator.inputs[0], np.full(y.shape, -0.0)).data))
    return found


def marked(index: Any) -> Array:
    """True at an index."""
    a = np.zeros((2, 3), bool)
    a[index] = True
    return a


# --- warnings ---


def warned(fw: Any) -> list[str]:
    """The warnings of functions that are stable for all numbers."""
    names = (
        *("sigmoid", "tanh", "relu", "softmax", "log_softmax", "logsumexp"),
        *("mean_squared_error", "softmax_cross_entropy"),
    )
    with warnings.catch_warnings(record=True) as found, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        for name in names:
            for a in (np.array([[-1000.0, 1000.0]]), np.array([[-1e30, 1e15]], np.float32)):
                more = {"softmax_cross_entropy": [np.array([0])], "mean_squared_error": [a]}.get(name, [])
                getattr(fw, name)(fw.Variable(a), *more)
        fw.logsumexp(fw.Variable(np.full((2, 3), -np.inf)), 1)
    return [str(warning.message) for warning in found]


# --- sums ---

BLOCK = np.random.RandomState(1).randn(5, 150, 3, 2)
AXES = (0, 1, 2, 3, (0, 1), (0, 2), (1, 2), (1, 3), (0, 1, 2), (0, 1, 3), (1, 2, 3), None)
LAYOUTS: tuple[Callable[[Array], Array], ...] = (
    lambda a: a,
    lambda a: a.T,
    lambda a: a.transpose(1, 0, 3, 2),
    lambda a: a[:, :, ::2],
    lambda a: a[:, :37],
)


def shapes_of_biases(fw: Any) -> list[Any]:
    """Where b may have more axes than one in linear, and where not."""
    W, b = POSITIVE.T, POINT
    cases = [(ROWS[0], b), (ROWS[None], b[None, None]), (ROWS[None], b[None]), (ROWS, b[None]), (ROWS[0], b[None])]
    cases += [(ROWS, np.ones((2, 2))), (ROWS, b[None, None]), (ROWS[None], np.ones((2, 1, 2)))]
    found: list[Any] = []
    for x, c in cases:
        said = message(partial(fw.linear, x, W, c))
        found.append(said if said != "no error" else fw.linear(x, W, c))
    return found


def no_bias(shape: str) -> str:
    return f"ValueError: linear: expected b (2,) for W (3, 2), got b {shape}"


def shapes_of_sums(fw: Any) -> list[Any]:
    """sum_to with lists and numbers as shapes; the same shape changes nothing."""
    x = fw.Variable(ROWS)
    same = [fw.sum_to(x, shape) is x for shape in ((2, 3), [2, 3])] + [fw.broadcast_to(x, [2, 3]) is x]
    return [*same, fw.sum_to(x, [1, 3]), fw.sum_to(x, 3), fw.sum_to(x, 1), fw.utils.sum_to(ROWS, 3)]


def empties(fw: Any) -> list[Any]:
    """Maxima of nothing: of no rows, and of rows without elements."""
    shapes = (((0, 0), 1), ((0, 3), 1), ((3, 0), 0), ((2, 0), 1), ((0, 0), None))
    return [
        said if (said := message(partial(fw.max, np.ones(s), a))) != "no error" else fw.max(np.ones(s), a)
        for s, a in shapes
    ]


def no_maximum(axes: str, shape: str) -> str:
    return f"ValueError: max: expected at least one element along axes {axes}, got x {shape}"


def wrong_calls(fw: Any) -> list[str]:
    """The messages for arguments of other shapes."""
    calls: list[Callable[[], Any]] = [
        lambda: fw.matmul(ROWS, np.array(1.0)),
        lambda: fw.matmul(np.array(1.0), ROWS),
        lambda: fw.mean_squared_error(np.array(1.0), np.array(2.0)),
        lambda: fw.softmax_cross_entropy(ROWS[0], np.array([0, 1, 2])),
        lambda: fw.softmax_cross_entropy(ROWS[:1], np.array([3])),
        lambda: fw.accuracy(ROWS[0], np.array([0, 1, 2])),
        lambda: fw.accuracy(ROWS[:1], np.array(7)),
        lambda: fw.stack([ROWS, ROWS.T]),
        lambda: fw.stack(None),
    ]
    return [message(call) for call in calls]


# fmt: off
values(
    47, NUMPY,
    ("functions_of_arrays", of_arrays, lambda: [True] * (2 * len(CALLS) + 8)),
    ("functions_of_nothing", of_nothing, list),
    ("functions_in_float16", in_half, lambda: [True] * 26),
    ("functions_that_warn", warned, list),
    ("accuracy_of_labels_of_every_kind", accuracies, lambda: [
        *[np.array(1 / 3)] * 15, *[np.log(np.exp(ROWS[0]).sum()) - 1.0] * 2]),
    ("mean_squared_errors_of_every_pair_of_dtypes", lambda fw: [
        fw.mean_squared_error(ROWS.astype(a), 2 * ROWS[::-1].astype(b)) for a, b in PAIRS],
     lambda: [errors_of_pairs(a, b) for a, b in PAIRS]),
    ("softmax_of_bytes", lambda fw: fw.softmax_simple(fw.Variable(ROWS.astype(np.uint8))),
     lambda: np.exp(ROWS) / np.exp(ROWS).sum(1, keepdims=True)),
    ("gradients_of_integers", gradients_of_integers, lambda: [
        *picked([1, 1, 1], [0, 0, 0]), *picked([2, 0, 1], [2, 0, 1]), *picked([0, 0, 0], [2, 2, 2]),
        *picked([0, 0, 0], [1, 1, 1]), *picked([1, 0, 0], [1, 0, 0])]),
    ("signs_of_zeros_in_gradients_of_slices", signs, lambda: [
        marked(i) for i in (0, slice(1), ..., None, (0, 1), (..., 0), (None, 1), 1, (0, ...), (slice(1), 2))]),
    ("sums_of_long_axes", lambda fw: [
        fw.sum(fw.Variable(change(BLOCK)), axes) for change in LAYOUTS for axes in AXES],
     lambda: [change(BLOCK).sum(axes) for change in LAYOUTS for axes in AXES]),
    ("biases_of_several_shapes", shapes_of_biases, lambda: [
        ROWS[0] @ POSITIVE.T + POINT, *[ROWS[None] @ POSITIVE.T + POINT] * 2, ROWS @ POSITIVE.T + POINT,
        *map(no_bias, ("(1, 2)", "(2, 2)", "(1, 1, 2)", "(2, 1, 2)"))]),
    ("shapes_of_sums", shapes_of_sums, lambda: [
        True, True, True, ROWS.sum(0, keepdims=True), ROWS.sum(0), ROWS.sum(keepdims=True)[0], ROWS.sum(0)]),
    ("maxima_of_nothing", empties, lambda: [
        no_maximum("(1,)", "(0, 0)"), np.zeros(0), np.zeros(0), no_maximum("(1,)", "(2, 0)"),
        no_maximum("(0, 1)", "(0, 0)")]),
    ("data_released_by_linear_simple", lambda fw: [
        y := fw.linear_simple(fw.Variable(ROWS), POSITIVE.T, POINT), y.creator.inputs[0].data],
     lambda: [ROWS @ POSITIVE.T + POINT, None]),
    ("methods_with_one_number", lambda fw: [
        fw.Variable(POINT).transpose(-1), fw.Variable(ROWS).reshape(6), fw.Variable(ROWS).transpose(None)],
     lambda: [POINT, ROWS.ravel(), ROWS.T]),
    ("messages_about_shapes_and_labels", wrong_calls, lambda: [
        "ValueError: matmul: expected arrays with at least one axis, got x (2, 3) and W ()",
        "ValueError: matmul: expected arrays with at least one axis, got x () and W (2, 3)",
        "ValueError: mean_squared_error: expected a first axis with elements, got x0 () and x1 ()",
        "ValueError: softmax_cross_entropy: expected x (N, C) and t (N,), N at least 1, got x (3,) and t (3,)",
        "ValueError: softmax_cross_entropy: expected integers from 0 to 2, got 3 to 3",
        "ValueError: accuracy: expected y (N, C) and t (N,), N at least 1, got y (3,) and t (3,)",
        "ValueError: accuracy: expected integers from 0 to 2, got 7 to 7",
        "ValueError: stack: expected inputs of the same shape, got [(2, 3), (3, 2)]",
        "TypeError: stack: expected a list of variables or arrays, got one NoneType"]),
    since=4,
)
# fmt: on
