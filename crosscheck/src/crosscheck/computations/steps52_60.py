"""Steps 52-60 except convolution: dropout, normalization, recurrent functions, losses, truncated graphs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..inputs import DEEP, DEFAULT_SEED, DIFFERENCES, FINITE, FLOATS, GPU, INTEGER_DTYPES, SHAPES_ONLY, normal, uniform
from . import computation
from .steps37_41 import Shape, apart, given, ones, refused, shaped
from .steps42_51 import PAIRS, in_the_stages

# --- dropout ---


@contextlib.contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Within the block, NumPy's global generator is seeded; its state is restored afterwards."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


def dropout_with_mask(fw: Any, x: Any, ratio: float, seed: int) -> Any:
    """Dropout with the mask drawn from this seed."""
    with drawing(seed):
        if fw.name == "torch":  # torch draws from a generator of its own
            mask = fw.constant(np.random.rand(*x.shape) > ratio)
            return x * mask / (1.0 - ratio)
        return fw.dropout(x, ratio)


@computation(step=54, inputs=[normal()], shapes=((), (3,), (2, 3), (4, 5, 2), (0, 3)), cases=FLOATS - GPU)
def dropout(fw: Any, x: Any) -> Any:
    """x * mask / (1 - ratio), with a known mask for each ratio; the default ratio is 0.5"""
    found = [dropout_with_mask(fw, x, ratio, seed) for ratio, seed in ((0.5, 0), (0.2, 1), (0.9, 2))]
    return [*found, fw.dropout(x, 0.0), fw.dropout(x, dropout_ratio=0)]


@computation(step=54, inputs=[normal()], shapes=((2, 3), (4, 1)), order=3, cases=FLOATS)
def dropout_in_use(fw: Any, x: Any) -> Any:
    """In test_mode dropout returns x for every ratio; after the block it drops elements again"""
    with fw.test_mode():
        y = fw.dropout(x, 0.9) * fw.dropout(x) * x
    kept = fw.dropout(fw.constant(np.ones(1000)), 0.75)
    return y, fw.as_variable(np.array(0.1 < (fw.array(kept) > 0).mean() < 0.4))


@computation(step=54, order=0, dtypes=("float64",))
def shares_of_dropout(fw: Any) -> Any:
    """About 1 - ratio of 10,000 ones remain, scaled by 1 / (1 - ratio); each call draws a new mask; float32 is kept"""
    found = []
    for ratio in (0.1, 0.5, 0.8):
        ys = [np.array(fw.array(fw.dropout(fw.constant(np.ones(10_000, np.float32)), ratio))) for _ in range(2)]
        left = [(y > 0).mean() for y in ys]
        values = np.unique(np.round(np.concatenate(ys).astype(float) * (1 - ratio), 6))
        found += [abs(share - (1 - ratio)) < 0.03 for share in left]
        found += [bool((ys[0] != ys[1]).any()), ys[0].dtype == np.float32, values.tolist() == [0.0, 1.0]]
    return np.array(found)


@refused(54, ValueError, "dropout: expected a ratio in [0, 1), got 1.0", differs={"torch": "returns zeros"})
def dropout_of_everything(fw: Any) -> Any:
    """A ratio of 1, which would divide by 0"""
    return fw.dropout(ones(fw, 2, 3), 1.0)


@refused(54, ValueError, "dropout: expected a ratio in [0, 1), got -0.1")
def dropout_of_less_than_nothing(fw: Any) -> Any:
    """A negative ratio is rejected even in test_mode, where nothing is dropped"""
    with fw.test_mode():
        return fw.dropout(ones(fw, 2, 3), -0.1)


# --- batch normalization ---

BATCHES: tuple[Shape, ...] = ((4, 3), (5, 1), (3, 2, 4), (2, 3, 2, 4), (1, 2, 3, 1), (3, 1, 1, 1))


def batches(shape: Shape) -> Shape:
    """The shape of a batch; cases without one, such as those about memory layout, get (2, 3) -> (2, 3, 5)."""
    return (2, 3, 5) if shape == (2, 3) else shape


CHANNELS = [shaped(lambda s: s[1:2], uniform(0.5, 2.0)), shaped(lambda s: s[1:2])]
SCALED = [shaped(batches, normal(2.0, 0.5)), *CHANNELS]
CANCELLING: dict[str, Any] = {
    "budget": {"float64": 1e3, "float32": 1e3},
    "why_budget": "terms with the mean and the deviation cancel in the gradients, most of all for small batches",
}


def running(fw: Any, x: Any) -> tuple[Any, Any]:
    """Running statistics for the channels of x, neither zeros nor ones."""
    dtype, C = fw.array(x).dtype, x.shape[1]
    return fw.constant(np.linspace(-0.5, 1.0, C, dtype=dtype)), fw.constant(np.linspace(0.5, 3.0, C, dtype=dtype))


NOT_IN_TORCH = DEEP  # PyTorch's third derivative of batch_norm is wrong, as central differences of its second show


@computation(step=54, inputs=SCALED, shapes=BATCHES, **CANCELLING, cases=FLOATS - NOT_IN_TORCH)
def batch_norm(fw: Any, x: Any, gamma: Any, beta: Any) -> Any:
    """Training on vectors, sequences and images; multiplied by x^2: ones as cotangent would give zeros"""
    return fw.batch_norm(x, gamma, beta, *running(fw, x)) * x * x


@computation(
    step=54, inputs=SCALED, shapes=((4, 3), (3, 2, 4)), order=3, **CANCELLING, cases=SHAPES_ONLY - DEFAULT_SEED
)
def batch_norm_to_third_order(fw: Any, x: Any, gamma: Any, beta: Any) -> Any:
    """Training up to the third derivative, which PyTorch only has of batch_norm composed of basic functions"""
    if fw.name != "torch":
        return fw.batch_norm(x, gamma, beta, *running(fw, x)) * x * x
    axes = [axis for axis in range(x.ndim) if axis != 1]
    gamma, beta = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (gamma, beta))
    centered = x - fw.mean(x, axis=axes, keepdims=True)
    return (gamma * centered / (fw.mean(centered**2, axis=axes, keepdims=True) + 1e-5) ** 0.5 + beta) * x * x


@computation(step=54, inputs=SCALED, shapes=BATCHES, order=3, cases=FLOATS)
def batch_norm_in_use(fw: Any, x: Any, gamma: Any, beta: Any) -> Any:
    """In test_mode the running statistics are used and not updated; a batch of one is allowed"""
    mean, var = running(fw, x)
    with fw.test_mode():
        y = fw.batch_norm(x, gamma, beta, mean, var, eps=0.1)
        one = fw.batch_norm(x[:1], gamma, beta, mean, var)
    return y, one, *(fw.as_variable(fw.constant(np.array(fw.array(v)))) for v in (mean, var))


@computation(step=54, inputs=[normal(2.0, 0.5)], shapes=BATCHES, order=0, cases=FLOATS)
def running_statistics(fw: Any, x: Any) -> Any:
    """The running mean and variance after three batches, with the default decay and with others"""
    found = []
    for decay in (0.9, 0.5, 0.0, 1.0):
        mean, var = running(fw, x)
        gamma, beta = (fw.constant(np.array(fw.array(v))) for v in running(fw, x))
        for k in (1.0, 2.0, -3.0):
            fw.batch_norm(fw.constant(fw.array(x) * k), gamma, beta, mean, var, decay=decay)
        found += [np.array(fw.array(mean)), np.array(fw.array(var))]
    return found


@computation(step=54, inputs=[normal(2.0, 0.5)], shapes=((4, 3),), **CANCELLING, cases=SHAPES_ONLY - NOT_IN_TORCH)
def batch_norm_of_arrays(fw: Any, x: Any) -> Any:
    """gamma and beta as constant arrays, another eps; called by the book's name, batch_nrom"""
    gamma, beta = running(fw, x)
    return fw.batch_nrom(x, gamma, beta, *running(fw, x), 0.9, 0.5) * x * x


@computation(
    step=54, inputs=[normal(2.0), normal()], shapes=((2, 3), (1, 4, 2)), **CANCELLING, cases=SHAPES_ONLY - NOT_IN_TORCH
)
def batch_norm_of_two(fw: Any, x: Any, c: Any) -> Any:
    """Two numbers per channel, with an eps of 1, without which they would become 1 and -1"""
    gamma, beta = running(fw, x)
    return fw.batch_norm(x, gamma, beta, *running(fw, x), eps=1.0) * x * x * c


@computation(
    step=54, inputs=[normal(1.0, 1e4), normal(1e-4)], shapes=((6, 3),), order=1, cases=SHAPES_ONLY,
    budget={"float64": 1e5},
    why_budget="PyTorch rounds its mean of numbers near 10,000, which costs it thousands of eps; the stages do not",
)  # fmt: skip
def batch_norm_far_from_zero(fw: Any, x: Any, tiny: Any) -> Any:
    """Numbers near 10,000, whose variance is lost if squares are subtracted, and tiny ones, smaller than eps"""
    gamma, beta = running(fw, x)
    weights = fw.constant(np.cos(np.arange(18, dtype=fw.array(x).dtype)).reshape(6, 3))
    return [fw.batch_norm(each, gamma, beta, *running(fw, x)) * weights for each in (x, tiny)]


def normalized(fw: Any, shape: Shape, *channels: int) -> Any:
    """A batch of ones, normalized with gamma, beta, mean and var of these lengths."""
    return fw.batch_norm(
        ones(fw, *shape), *(ones(fw, C) for C in channels[:2]), *(fw.constant(np.ones(C)) for C in channels[2:])
    )


@refused(
    54,
    ValueError,
    ("batch_norm: expected at least two elements per channel in training, got x (1, 3); use test_mode() for inference"),
)
def batch_norm_of_one(fw: Any) -> Any:
    """A single number per channel has no variance"""
    return normalized(fw, (1, 3), 3, 3, 3, 3)


@refused(
    54,
    ValueError,
    (
        "batch_norm: expected x (N, C, ...) and (C,) for the others, got x (4, 3), gamma (2,), "
        "beta (3,), mean (3,), var (3,)"
    ),
)
def batch_norm_of_other_channels(fw: Any) -> Any:
    """Two values of gamma for three channels"""
    return normalized(fw, (4, 3), 2, 3, 3, 3)


@refused(
    54,
    ValueError,
    (
        "batch_norm: expected x (N, C, ...) and (C,) for the others, got x (3,), gamma (3,), beta "
        "(3,), mean (3,), var (3,)"
    ),
)
def batch_norm_of_a_vector(fw: Any) -> Any:
    """x with a single axis"""
    return normalized(fw, (3,), 3, 3, 3, 3)


# --- activations and losses ---


@computation(step=60, inputs=[apart()], order=3, cases=FINITE)
def leaky_relu(fw: Any, x: Any) -> Any:
    """x, or 0.2 x where x < 0; other slopes"""
    return fw.leaky_relu(x), fw.leaky_relu(x, 0.01), fw.leaky_relu(x, 1), fw.leaky_relu(x, slope=-0.5)


@computation(
    step=60, inputs=[given(0, -0.0, np.inf, -np.inf, 1e-30, -1e-30)], shapes=((),), cases=SHAPES_ONLY - DIFFERENCES
)
def leaky_relu_at_its_kink(fw: Any, x: Any) -> Any:
    """At 0 the gradient is the negative slope; infinities"""
    return fw.leaky_relu(x), fw.leaky_relu(x, 0.5)


@computation(step=60, inputs=[given(np.nan)], shapes=((),), cases=SHAPES_ONLY - DIFFERENCES)
def leaky_relu_of_nan(fw: Any, x: Any) -> Any:
    """The gradient at nan is the negative slope"""
    return fw.leaky_relu(x)


def targets(fw: Any, x: Any) -> Any:
    """Targets for x, between 0 and 1."""
    like = fw.array(x)
    return fw.constant((np.arange(like.size) * 0.3 % 1.1).clip(0, 1).astype(like.dtype).reshape(like.shape))


@computation(step=60, inputs=[normal(2.0)], shapes=PAIRS[:5], order=3, cases=FLOATS)
def sigmoid_cross_entropy(fw: Any, x: Any) -> Any:
    """Targets between 0 and 1, as integers, and as booleans; the loss of logits"""
    t = targets(fw, x)
    yes = fw.array(t) > 0.5
    kinds = t, fw.constant(yes.astype(np.int64)), fw.constant(yes)
    found = [fw.sigmoid_cross_entropy(x, each) for each in kinds]
    return [*found, fw.sigmoid_cross_entropy(x * x, t)]


@computation(step=60, inputs=[normal()], shapes=((4, 1),), dtypes=("float32",), cases=SHAPES_ONLY)
def sigmoid_cross_entropy_of_columns(fw: Any, x: Any) -> Any:
    """(N, 1) with float64 targets (N,): the result is float32 all the same"""
    t = fw.constant(np.linspace(0.0, 1.0, 4))
    return fw.sigmoid_cross_entropy(x, t), fw.binary_cross_entropy(fw.sigmoid(x), t)


@computation(
    step=60, inputs=[given(-1e4, 1e4, -800, 800, -90, 90, -20, 20, 0)], shapes=((),), cases=SHAPES_ONLY - DIFFERENCES
)
def sigmoid_cross_entropy_of_extreme_scores(fw: Any, x: Any) -> Any:
    """Certain predictions, right and wrong: a loss in the thousands still has its gradient"""
    right, wrong = fw.array(x) > 0, fw.array(x) <= 0
    return [fw.sigmoid_cross_entropy(x, fw.constant(t)) for t in (right, wrong)]


EPSILON: dict[str, Any] = {
    "budget": {"float64": 4e7},
    "why_budget": "PyTorch divides by at least 1e-12 in float32, and its second derivative adds that everywhere",
}


@computation(step=60, inputs=[uniform(0.1, 0.9)], shapes=PAIRS[:5], order=3, **EPSILON, cases=FLOATS)
def binary_cross_entropy(fw: Any, p: Any) -> Any:
    """The loss of probabilities, given directly and from a sigmoid"""
    t = targets(fw, p)
    return fw.binary_cross_entropy(p, t), fw.binary_cross_entropy(fw.sigmoid(p), t)


AT_ITS_ENDS: dict[str, Any] = {"step": 60, "shapes": ((),), "order": 1}


@computation(inputs=[given(0, 1, 0.5, 1e-6, 1 - 2**-20)], **EPSILON, **AT_ITS_ENDS, cases=SHAPES_ONLY - DIFFERENCES)
def binary_cross_entropy_of_certainty(fw: Any, p: Any) -> Any:
    """p is 0 or 1, and wrong: the logarithm is clamped at -100, and the gradient divides by 1e-12"""
    return fw.binary_cross_entropy(p, fw.constant(np.array([1.0, 0.0, 0.25, 0.0, 1.0])))


@computation(
    inputs=[given(0, 1, 1e-20)],
    differs=in_the_stages("the stages return the derivative; PyTorch divides by max(p (1 - p), 1e-12)"),
    **AT_ITS_ENDS,
    cases=SHAPES_ONLY - DIFFERENCES,
)
def binary_cross_entropy_next_to_certainty(fw: Any, p: Any) -> Any:
    """p is 0 or 1, and right: gradients of 1 and -1, in PyTorch 0; p = 1e-20, and wrong: 1e20, in PyTorch 1e12"""
    return fw.binary_cross_entropy(p, fw.constant(np.array([0.0, 1.0, 1.0])))


@refused(
    60, ValueError, "sigmoid_cross_entropy: expected t from 0 to 1, got 0.0 to 2.0", differs={"torch": "accepts it"}
)
def targets_above_one(fw: Any) -> Any:
    """A class label as the target of a binary loss"""
    return fw.sigmoid_cross_entropy(ones(fw, 3), fw.constant(np.array([0.0, 1.0, 2.0])))


@refused(
    60,
    ValueError,
    "sigmoid_cross_entropy: expected predictions and t of the same shape, N at least 1, got (3,) and t (2,)",
)
def targets_of_another_number(fw: Any) -> Any:
    """Two targets for three logits"""
    return fw.sigmoid_cross_entropy(ones(fw, 3), fw.constant(np.zeros(2)))


@refused(60, ValueError, "binary_cross_entropy: expected p from 0 to 1, got 1.0 to 1.5")
def probabilities_above_one(fw: Any) -> Any:
    """Logits instead of probabilities"""
    return fw.binary_cross_entropy(fw.Variable(np.array([1.0, 1.5])), fw.constant(np.zeros(2)))


# --- embedding ---


@computation(step=60, inputs=[normal()], shapes=((4, 3), (1, 2), (5, 1)), order=3, cases=FLOATS)
def embed_id(fw: Any, W: Any) -> Any:
    """Rows of W by id: repeated and unused ids, a matrix of ids, a 0-d one"""
    last = W.shape[0] - 1
    ids = [np.array([0, last, 0, 0]), np.array([[last, 0, last]]), np.array(last)]
    return [fw.embed_id(fw.constant(x), W) for x in ids]


@computation(step=60, inputs=[normal()], shapes=((260, 3),), order=1, cases=SHAPES_ONLY)
def embed_id_of_every_integer_dtype(fw: Any, W: Any) -> Any:
    """Ids of every integer dtype, where a product with the width would overflow"""
    ids = [np.array([min(np.iinfo(dtype).max, 259), 0, 100, 100], dtype) for dtype in INTEGER_DTYPES]
    return [fw.embed_id(fw.constant(each), W) for each in ids]


@computation(step=60, inputs=[normal()], shapes=((4, 3), (1, 2)), order=1, cases=SHAPES_ONLY)
def embed_id_of_nothing(fw: Any, W: Any) -> Any:
    """No ids: no rows, and a gradient of zeros"""
    return fw.embed_id(fw.constant(np.array([], int)), W)


@refused(60, ValueError, "embed_id: expected integers from 0 to 3, got 0 to 4")
def id_that_is_not_there(fw: Any) -> Any:
    """Id 4 of four rows"""
    return fw.embed_id(fw.constant(np.array([0, 4])), ones(fw, 4, 2))


@refused(60, ValueError, "embed_id: expected integers from 0 to 3, got -1 to -1")
def id_minus_one(fw: Any) -> Any:
    """Id -1, which NumPy takes for the last row"""
    return fw.embed_id(fw.constant(np.array([-1])), ones(fw, 4, 2))


@refused(
    60,
    TypeError,
    "embed_id: expected integers from 0 to 3, got float64",
    differs={"torch": "the adapter converts them to int64"},
)
def id_that_is_no_integer(fw: Any) -> Any:
    """An id of 1.5"""
    return fw.embed_id(fw.constant(np.array([1.5])), ones(fw, 4, 2))


# --- the LSTM cell ---

# h, c (N, H) -> x (N, 2), the weights of the four gates concatenated: (2, 4H), (4H,), (H, 4H)
CELLS: tuple[Shape, ...] = ((2, 3), (1, 1), (4, 2), (0, 2))
GATES = [shaped(lambda s: (2, 4 * s[-1])), shaped(lambda s: (4 * s[-1],)), shaped(lambda s: (s[-1], 4 * s[-1]))]
CANCELLING_CELL: dict[str, Any] = {
    "budget": {"float64": 256.0, "float32": 256.0},
    "why_budget": "c' = f c + i u may be a small difference of larger numbers, and inherits their rounding errors",
}
LSTM: dict[str, Any] = {"step": 60, "inputs": [normal(), normal(), shaped(lambda s: (s[0], 2)), *GATES]}


def four(fw: Any, W: Any) -> list[Any]:
    """The weights of the four gates, split."""
    H = W.shape[-1] // 4
    return [fw.get_item(W, (..., slice(k * H, (k + 1) * H))) for k in range(4)]


@computation(**LSTM, **CANCELLING_CELL, shapes=CELLS, cases=FLOATS)
def lstm_cell(fw: Any, h: Any, c: Any, x: Any, Wx: Any, b: Any, Wh: Any) -> Any:
    """h and c of the next time step"""
    return fw.lstm_cell(x, h, c, *(four(fw, W) for W in (Wx, b, Wh)))


@computation(**LSTM, **CANCELLING_CELL, shapes=CELLS, cases=SHAPES_ONLY - DEEP)
def lstm_cell_at_the_beginning(fw: Any, h: Any, c: Any, x: Any, Wx: Any, b: Any, Wh: Any) -> Any:
    """No initial state, which counts as zeros; constant arrays as states and inputs; one of the two outputs unused"""
    weights = [four(fw, W) for W in (Wx, b, Wh)]
    first = fw.lstm_cell(x, None, None, *weights)
    a, state = (fw.constant(np.full(fw.array(v).shape, 0.5, fw.array(v).dtype)) for v in (x, h))
    return *first, *fw.lstm_cell(a, state, c, *weights), fw.lstm_cell(a, h, state, *weights)[0]


@computation(
    **LSTM,
    shapes=((9, 3),),
    order=1,
    budget={"float64": 1e4, "float32": 1e4},
    why_budget="the gates exponentiate numbers in the hundreds, and with them their rounding errors",
    cases=SHAPES_ONLY - DIFFERENCES,
)
def lstm_cell_of_large_numbers(fw: Any, h: Any, c: Any, x: Any, Wx: Any, b: Any, Wh: Any) -> Any:
    """Saturated gates, where e^-z overflows"""
    return fw.lstm_cell(x * 200.0, h, c * 100.0, *(four(fw, W) for W in (Wx, b, Wh)))


def cell_of(fw: Any, x: Shape, h: Shape, D: int, H: int) -> Any:
    """One step on ones, with weights for D inputs and H hidden units."""
    shapes = (D, H), (H,), (H, H)
    return fw.lstm_cell(ones(fw, *x), ones(fw, *h), ones(fw, *h), *([ones(fw, *shape)] * 4 for shape in shapes))


@refused(
    60,
    ValueError,
    (
        "lstm_cell: expected x (N, I), four W_x (I, H), four b (H,), four W_h (H, H), h and c (N, "
        "H), got x (2, 3), W_x [(2, 4), (2, 4), (2, 4), (2, 4)], b [(4,), (4,), (4,), (4,)], W_h "
        "[(4, 4), (4, 4), (4, 4), (4, 4)], h and c [(2, 4), (2, 4)]"
    ),
)
def lstm_cell_of_another_width(fw: Any) -> Any:
    """Three input columns, with weights for two"""
    return cell_of(fw, (2, 3), (2, 4), 2, 4)


@refused(60, TypeError, "lstm: expected four W_x, got None")
def lstm_without_weights(fw: Any) -> Any:
    """None instead of the weights of the inputs"""
    return fw.lstm(ones(fw, 1, 2, 3), None, None, None, [ones(fw, 4)] * 4, [ones(fw, 4, 4)] * 4)


@refused(
    60,
    ValueError,
    (
        "lstm_cell: expected x (N, I), four W_x (I, H), four b (H,), four W_h (H, H), h and c (N, "
        "H), got x (2, 3), W_x [(3, 4), (3, 4), (3, 4), (3, 4)], b [(4,), (4,), (4,), (4,)], W_h "
        "[(4, 4), (4, 4), (4, 4), (4, 4)], h and c [(3, 4), (3, 4)]"
    ),
)
def lstm_cell_of_another_batch(fw: Any) -> Any:
    """A state of three rows for a batch of two"""
    return cell_of(fw, (2, 3), (3, 4), 3, 4)


# --- an LSTM over a sequence ---

# h, c (N, H) -> x (N, 3, 2) and the weights as above
SEQUENCE: dict[str, Any] = LSTM | CANCELLING_CELL | {}
SEQUENCE["inputs"] = [normal(), normal(), shaped(lambda s: (s[0], 3, 2)), *GATES]


def outputs_of_lstm(fw: Any, x: Any, h: Any, c: Any, *weights: Any) -> list[Any]:
    """y, and the last h and c with the shape (N, H) in PyTorch too."""
    y, states = fw.lstm(x, h, c, *(four(fw, W) for W in weights))
    N, H = fw.array(y).shape[0], fw.array(y).shape[2]
    return [y, *(fw.reshape(state, (N, H)) for state in states)]


# To third order it takes seconds; lstm_to_third_order is a smaller one.
@computation(**SEQUENCE, shapes=((2, 3), (1, 1), (0, 2)), cases=SHAPES_ONLY - DEEP)
def lstm(fw: Any, h: Any, c: Any, x: Any, Wx: Any, b: Any, Wh: Any) -> Any:
    """Three time steps from an initial state: all h, the last h and c"""
    return outputs_of_lstm(fw, x, h, c, Wx, b, Wh)


@computation(**SEQUENCE, shapes=((2, 3),), cases=SHAPES_ONLY - DEEP - DEFAULT_SEED, quick={"steps": 2})
def lstm_at_the_beginning(fw: Any, h: Any, c: Any, x: Any, Wx: Any, b: Any, Wh: Any, steps: int = 3) -> Any:
    """No initial state, which counts as zeros; one time step; a constant x; a second sequence after the first"""
    x = x[:, :steps] if steps < 3 else x
    first = outputs_of_lstm(fw, x, None, None, Wx, b, Wh)
    one = outputs_of_lstm(fw, x[:, :1], None, None, Wx, b, Wh)
    constant = fw.constant(np.full(fw.array(x).shape, 0.5, fw.array(x).dtype))
    return (
        *first,
        one[0],
        *outputs_of_lstm(fw, constant, h, c, Wx, b, Wh),
        *outputs_of_lstm(fw, x, *first[1:], Wx, b, Wh),
    )


THIRD_ORDER = SEQUENCE | {
    "budget": {"float64": 4096.0},
    "why_budget": "a third derivative is a sum of hundreds of terms that may be larger than the sum",
}


@computation(
    **THIRD_ORDER, shapes=((2, 1),), order=3, dtypes=("float64",), cases=SHAPES_ONLY - DEFAULT_SEED, quick={"steps": 1}
)
def lstm_to_third_order(fw: Any, h: Any, c: Any, x: Any, Wx: Any, b: Any, Wh: Any, steps: int = 2) -> Any:
    """Two time steps, differentiated three times"""
    return outputs_of_lstm(fw, x[:, :steps], h, c, Wx, b, Wh)[2]


@refused(
    60,
    ValueError,
    (
        "lstm: expected x (N, T, I) with T at least 1, four W_x (I, H), four b (H,), four W_h (H, "
        "H), h and c (N, H), got x (2, 0, 3), W_x [(3, 1), (3, 1), (3, 1), (3, 1)], b [(1,), (1,), "
        "(1,), (1,)], W_h [(1, 1), (1, 1), (1, 1), (1, 1)], h and c [(2, 1), (2, 1)]"
    ),
)
def lstm_of_no_steps(fw: Any) -> Any:
    """A sequence of length 0"""
    state, weights = ones(fw, 2, 1), [[ones(fw, *shape)] * 4 for shape in ((3, 1), (1,), (1, 1))]
    return fw.lstm(ones(fw, 2, 0, 3), state, state, *weights)


# --- truncated graphs ---


@computation(step=59, inputs=[normal()], shapes=((), (3,), (2, 3)), cases=FLOATS - DIFFERENCES)
def unchain(fw: Any, x: Any) -> Any:
    """unchain turns an intermediate variable into a leaf, so that no gradient passes through it"""
    y = x * x
    fw.unchain(y)
    return y * x, fw.exp(x) * y


def cut_off(fw: Any, loss: Any, state: Any) -> Any:
    """Truncate the graph behind the loss; return the state to continue with."""
    if fw.name == "torch":
        return fw.unchain_backward(state)
    fw.unchain_backward(loss)
    return state


@computation(step=59, inputs=[normal()], shapes=((3,), (2, 3)), order=0, cases=FLOATS)
def unchain_backward(fw: Any, x: Any) -> Any:
    """A recurrence truncated after every second step: each backward pass adds the gradient since the last cut"""
    x = fw.Variable(np.array(fw.array(x)))
    h, found = fw.constant(np.full(x.shape, 0.5, fw.array(x).dtype)), []
    for _ in range(3):
        for _ in range(2):
            h = fw.tanh(h * x + x)
        loss = (h * h).sum()
        fw.backward(loss)
        found += [np.array(fw.array(x.grad)), np.array(fw.array(h))]
        h = cut_off(fw, loss, h)
    return found


@computation(step=54, order=0, dtypes=("float64",))
def modes_after_errors(fw: Any) -> Any:
    """Errors inside test_mode, and nested blocks: training mode is restored"""
    found = []
    x = fw.constant(np.ones(1000))

    def drops() -> bool:
        return bool((fw.array(fw.dropout(x)) == 0).any())

    with contextlib.suppress(ValueError), fw.test_mode():
        found.append(drops())
        raise ValueError
    found.append(drops())
    with fw.test_mode(), fw.no_grad():
        found.append(drops())
    return np.array([*found, drops()])
