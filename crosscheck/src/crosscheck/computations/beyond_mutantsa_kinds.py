"""Functions of stage 5 on every kind of input: arrays, None, integers, dtypes of each input, numbers of NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..frameworks.base import Array
from .mutants_functions import LABELS, unsaid
from .utilities import NUMPY
from .values import values

rng = np.random.RandomState(7)


def eighths(*shape: int) -> Array:
    """Numbers from 1/8 to 7/8, which float16 has exactly."""
    return rng.randint(1, 8, shape) / 8


A, B, C = eighths(2, 3), eighths(2, 3), eighths(3)
IMAGES, KERNELS, FEW = eighths(1, 4, 3, 3), eighths(2, 4, 2, 2), eighths(1, 4, 2, 2)
ROWS_OF_4, KERNELS_1D = eighths(1, 2, 4), eighths(2, 2, 2)
BOXES = np.array([[0, 0.5, 0, 2, 2.5], [0, -1.5, -1.0, 4.0, 3.5]])
QUERIES, KEYS, VALUES = eighths(2, 2, 3), eighths(2, 4, 3), eighths(2, 4, 2)
MASK = np.array([[True, False, True], [True, True, False]])
IDS = np.array([[0, 2], [1, 1]])
CELL = eighths(2, 3), eighths(2, 2), eighths(2, 2)
WEIGHTS = [eighths(3, 2) for _ in range(4)], [eighths(2) for _ in range(4)], [eighths(2, 2) for _ in range(4)]


AUXILIARY: list[tuple[str, list[Any], dict[str, Any]]] = []  # functions of arrays and of indices, masks or boxes


def cell(name: str, k: int, with_state: bool, *extra: Array) -> tuple[str, tuple[Array, ...], Callable[..., Any]]:
    """A recurrent cell with k gates, as a function of all its arrays."""
    Wx, b, Wh = (group[:k] for group in WEIGHTS)
    x, *state = CELL[: 1 + (with_state and (2 if k == 4 else 1))]

    def call(f: Any, x: Any, *others: Any) -> Any:
        n = len(state)
        h = others[:n] if n else (None,) * (2 if k == 4 else 1)
        groups = [list(others[n + i * k : n + (i + 1) * k]) for i in range(3)]
        return f(x, *h, *groups, *others[n + 3 * k :])

    return name, (x, *state, *Wx, *b, *Wh, *extra), call


def plain(name: str, arrays: Sequence[Array], *rest: Any, **options: Any) -> tuple[str, Any, Callable[..., Any]]:
    """A function of arrays, with the rest of its arguments."""
    if any(isinstance(a, np.ndarray) for a in rest):
        AUXILIARY.append((name, [*arrays, *rest], options))
    return name, tuple(arrays), lambda f, *xs: f(*xs, *rest, **options)


TABLE: list[tuple[str, Any, Callable[..., Any]]] = [
    *(plain(name, [A]) for name in (
        "abs", "sqrt", "expm1", "erf", "elu", "selu", "crelu", "relu6", "softplus", "softsign", "gelu", "silu",
        "leaky_relu", "var", "std", "normalize", "total_variation", "layer_norm", "flip", "squeeze")),
    *(plain(name, [A, B]) for name in (
        "maximum", "minimum", "cosine_similarity", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div",
        "gaussian_kl_divergence", "binary_cross_entropy_with_logits")),
    *(plain(name, [A - B]) for name in ("leaky_relu", "elu", "selu", "abs", "crelu", "softplus", "softsign", "silu")),
    plain("var", [A], axis=0, ddof=1), plain("gelu", [A], approximate="tanh"), plain("std", [A], axis=1),
    plain("swapaxes", [A], 0, 1), plain("tile", [A], 2), plain("repeat", [A], 2), plain("pad", [A], 1),
    plain("pad", [A], 1, "edge"), plain("take", [A], [0, 0]), plain("gather", [A], np.array([[0, 1, 1]]), 0),
    plain("masked_softmax", [A], MASK), plain("layer_norm", [A, C, C]), plain("local_response_norm", [IMAGES]),
    plain("nll_loss", [A], LABELS), plain("focal_loss", [A], LABELS),
    plain("softmax_cross_entropy", [A], B.astype("e")),
    *((name, (A, C), lambda f, x, weight: f(x, LABELS, weight)) for name in ("softmax_cross_entropy", "nll_loss")),
    *((name, (A,), lambda f, W: f(IDS % 2, W)) for name in ("embed_id", "embedding_bag")),
    plain("attention", [QUERIES, KEYS, VALUES]),
    ("attention", (QUERIES, KEYS), lambda f, q, k: f(q, k, VALUES.astype("e"), return_weights=True)),
    plain("attention", [QUERIES, KEYS, VALUES], causal=True), plain("binary_cross_entropy", [A], B),
    plain("sigmoid_cross_entropy", [A], B),
    ("fold_batch_norm", (*eighths(5, 2),), lambda f, *xs: f(KERNELS.astype("e"), xs[-1], *xs[:-1])[1]),
    plain("conv2d", [IMAGES, KERNELS, eighths(2)]), plain("conv2d", [IMAGES, FEW, eighths(1)]),
    plain("conv2d", [IMAGES, KERNELS[:, :2], eighths(2)], groups=2),
    plain("conv2d", [IMAGES, KERNELS], stride=2, pad=1),
    plain("deconv2d", [IMAGES, eighths(4, 2, 2, 2), eighths(2)]),
    plain("deconv2d", [IMAGES, eighths(4, 2, 2, 2)], stride=2),
    plain("depthwise_conv2d", [IMAGES, eighths(8, 1, 2, 2), eighths(8)]),
    plain("fft_conv2d", [IMAGES, KERNELS, eighths(2)]), plain("fft_conv2d", [IMAGES, KERNELS]),
    plain("im2col", [IMAGES], 2),
    plain("conv1d", [ROWS_OF_4, KERNELS_1D, eighths(2)]), plain("deconv1d", [ROWS_OF_4, KERNELS_1D, eighths(2)]),
    plain("convolve1d", [A, C]), plain("convolve1d", [C[:2], C], "valid"), plain("correlate2d", [A, B], "same"),
    plain("fft_convolve", [A, B]), plain("max_pool2d", [IMAGES], 2), plain("avg_pool2d", [IMAGES], 2, 1, 1),
    plain("avg_pool2d", [IMAGES], 2, ceil_mode=True), plain("global_avg_pool", [IMAGES]),
    plain("adaptive_avg_pool2d", [IMAGES], 2), plain("adaptive_max_pool2d", [IMAGES], 2),
    plain("resize_bilinear", [IMAGES], (2, 4)), plain("resize_nearest", [IMAGES], 2),
    plain("roi_align", [IMAGES], BOXES, 2), plain("roi_pooling", [IMAGES], BOXES, 2),
    plain("conv2d", [np.concatenate([IMAGES, IMAGES], 1), eighths(2, 4, 2, 2), eighths(2)], groups=2),
    ("batch_norm", (eighths(4, 2), *eighths(2, 2)), lambda f, *xs: f(*xs, np.zeros(2), np.ones(2))),
    plain("separable_conv2d", [IMAGES, eighths(8, 1, 2, 2), eighths(2, 8, 1, 1), eighths(2)]),
    plain("negative_sampling", [A, eighths(4, 3)], IDS, IDS),
    plain("negative_sampling", [A, eighths(4, 3)], IDS, IDS, IDS > 0),
    plain("hierarchical_softmax", [A, eighths(4, 3)], IDS, np.array([[1, -1], [1, 1]]), IDS > 0),
    cell("lstm_cell", 4, True), cell("lstm_cell", 4, False), cell("gru_cell", 3, True),
    cell("gru_cell", 3, True, eighths(2)), cell("gru_cell", 3, False),
    ("lstm", (eighths(2, 2, 3), *cell("", 4, True)[1][1:]), lambda f, x, *others: lstm(f, x, *others)),
    ("pad_sequence", (A, eighths(1, 3)), lambda f, *xs: f(list(xs))[0]),
]  # fmt: skip


def lstm(f: Any, x: Any, *others: Any) -> Any:
    """lstm as a function of all its arrays: all h, and the last c."""
    groups = [list(others[2 + i * 4 : 6 + i * 4]) for i in range(3)]
    y, (_, c) = f(x, *others[:2], *groups)
    return [y, c]


def outputs(fw: Any, name: str, call: Callable[..., Any], xs: Sequence[Any]) -> list[Any]:
    y = call(getattr(fw, name), *xs)
    return list(y) if isinstance(y, tuple | list) else [y]


def derived(fw: Any, name: str, call: Callable[..., Any], arrays: Sequence[Array], kind: str = "") -> list[Array]:
    """Values, and the gradients from whole numbers, which are given as this kind, or in the dtypes of the values."""
    xs = [fw.Variable(a) for a in arrays]
    ys = outputs(fw, name, call, xs)
    gys = [(1 + np.arange(y.size).reshape(y.shape) % 3).astype(kind or y.dtype) for y in ys]
    gxs = fw.grad(ys, xs, gys)
    return [fw.array(v) for v in (*ys, *gxs)]


def near(a: Array, r: Array, eps: float) -> bool:
    a = a.astype("d")
    return a.shape == r.shape and bool(np.abs(a - r).max(initial=0) <= eps * max(1, np.abs(r).max(initial=0)))


CASTS = ("e", "d"), ("d", "f")  # an input, the others
EACH = ("e", "e"), ("f", "f")
ALLOWED = {"e": 3e-3, "f": 4e-6, "d": 1e-13}  # of a result of this dtype
STEPWISE = {  # computes a part in the dtype of an input
    "cosine_similarity", "kl_div", "gaussian_kl_divergence", "binary_cross_entropy_with_logits",
    "softmax_cross_entropy", "attention", "fold_batch_norm", "fft_conv2d", "fft_convolve",
}  # fmt: skip


def of_dtypes(fw: Any) -> Iterator[str]:
    """What differs if one input, or each, has another floating dtype: the values are promoted, gradients are not."""
    for name, arrays, call in TABLE:
        exact = derived(fw, name, call, arrays)
        for i, (kind, rest) in (*itertools.product(range(min(len(arrays), 4)), CASTS), *((0, c) for c in EACH)):
            given = [a.astype(kind if i == k else rest) for k, a in enumerate(arrays)]
            found = derived(fw, name, call, given)
            n, dtype = len(found) - len(arrays), np.result_type(*given)
            kinds = [*[dtype] * n, *(a.dtype for a in given)]
            coarsest = max(ALLOWED[kind], ALLOWED[rest])
            for k, (a, r, expected) in enumerate(zip(found, exact, kinds, strict=True)):
                if a.dtype != expected or not near(a, r, coarsest if name in STEPWISE else ALLOWED[a.dtype.char]):
                    yield f"{name}: input {i} of {kind}: result {k} of {a.dtype}, {a.ravel()[:3]} for {r.ravel()[:3]}"


def of_integers(fw: Any) -> Iterator[str]:
    """What differs if inputs, or initial gradients, are integers."""
    for name, arrays, call in TABLE:
        exact, found = derived(fw, name, call, arrays), derived(fw, name, call, arrays, "i8")
        if not all(near(a, r, 1e-15) for a, r in zip(found, exact, strict=True)):
            yield f"{name}: initial gradients of integers"
        given = [np.rint(a).astype(int) for a in arrays]
        exact = derived(fw, name, call, [a.astype("d") for a in given])
        found = [fw.array(y) for y in outputs(fw, name, call, given)]
        if any(not np.array_equal(a, r, equal_nan=True) for a, r in zip(found, exact, strict=False)):
            yield f"{name}: integers: {found} {exact}"


def of_other_inputs(fw: Any) -> Iterator[str]:
    """What differs if inputs are arrays, or if the first is None; some errors are those of a function inside."""
    for name, arrays, call in TABLE:
        given = outputs(fw, name, call, arrays)
        same = outputs(fw, name, call, [fw.Variable(a) for a in arrays])
        for y, r in zip(given, same, strict=True):
            if type(y) is not type(r) or not np.array_equal(fw.array(y), fw.array(r)):
                yield f"{name}: arrays"
        who = {"selu": "elu", "separable_conv2d": "depthwise_conv2d"}
        yield from unsaid(who.get(name, name), partial(call, getattr(fw, name), None, *arrays[1:]))
    for name in ("l1_loss", "kl_div", "softmax_cross_entropy", "sigmoid_cross_entropy", "binary_cross_entropy"):
        yield from unsaid(name, partial(getattr(fw, name), A, None))
    for name, given, options in AUXILIARY:
        f = getattr(fw, name)
        y, r = f(*given, **options), f(*(fw.Variable(a) if isinstance(a, np.ndarray) else a for a in given), **options)
        if type(y) is not type(r) or not np.array_equal(fw.array(y), fw.array(r)):
            yield f"{name}: auxiliary inputs as variables"


def of_layers(fw: Any) -> Iterator[str]:
    """What differs if a layer is given arrays, or None."""
    L, x, rows = fw.layers, IMAGES[0], A
    layers = [
        (L.Linear(2), rows), (L.Conv2d(2, 2), IMAGES), (L.Deconv2d(2, 2), IMAGES), (L.Conv1d(2, 2), x),
        (L.DepthwiseConv2d(2, 2), IMAGES), (L.SeparableConv2d(2, 2), IMAGES), (L.BatchNorm(), rows),
        (L.LayerNorm(), rows), (L.Dropout(0.0), rows), (L.RNN(2), rows), (L.LSTM(2), rows), (L.GRU(2), rows),
        (L.NStepRNN(1, 2), x), (L.NStepLSTM(1, 2), x), (L.NStepGRU(1, 2), x), (L.MultiHeadAttention(1), x),
        (L.EmbedID(3, 2), IDS),
    ]  # fmt: skip
    inner = {"SeparableConv2d": "DepthwiseConv2d", "Linear": "Linear", "Dropout": "dropout", "EmbedID": "embed_id"}
    for layer, inputs in layers:
        name, found = type(layer).__name__, []
        for given in (inputs, fw.Variable(inputs)):
            getattr(layer, "reset_state", lambda: None)()
            y = layer(given)
            found.append(y[0] if isinstance(y, tuple) else y)
        y, r = found
        if type(y) is not type(r) or not np.array_equal(fw.array(y), fw.array(r)):
            yield f"{name}: arrays"
        yield from unsaid(inner.get(name, name).lower(), partial(layer, None))
    queries, keys = fw.Variable(QUERIES), fw.Variable(KEYS)
    for layer in (L.MultiHeadAttention(1, 4), L.AdditiveAttention(2)):
        y, r = layer(QUERIES, KEYS, KEYS), layer(queries, keys, keys)
        if not np.array_equal(fw.array(y), fw.array(r)):
            yield f"{type(layer).__name__}: arrays"


# fmt: off
values(
    60, NUMPY,
    ("dtypes_of_each_input", lambda fw: list(of_dtypes(fw)), list),
    ("integers_as_inputs_and_gradients", lambda fw: list(of_integers(fw)), list),
    ("arrays_and_none_as_inputs", lambda fw: list(of_other_inputs(fw)), list),
    ("arrays_and_none_as_inputs_of_layers", lambda fw: list(of_layers(fw)), list),
    since=5,
)
# fmt: on


# --- constants ---


def of_constants(fw: Any) -> list[list[bool]]:
    """For each input of a function, whether its backward returns no gradient for it, if one of all is a variable."""
    b, kernel = eighths(2), eighths(4, 2, 2, 2)
    calls: list[tuple[Callable[..., Any], list[Array]]] = [
        (fw.conv2d, [IMAGES, KERNELS, b]), (fw.deconv2d, [IMAGES, kernel, b]), (fw.maximum, [A, B]),
        (fw.correlate1d, [A, C]), (fw.fft_conv2d, [IMAGES, KERNELS]), (lambda x, t: fw.where(A > B, x, t), [A, B]),
        (lambda v, W: fw.negative_sampling(v, W, IDS, IDS), [A, eighths(4, 3)]),
    ]  # fmt: skip
    found = []
    for f, arrays in calls:
        for i in range(len(arrays)):
            x = fw.Variable(arrays[i])
            y = f(*(x if i == k else a for k, a in enumerate(arrays)))
            while all(v is not x for v in y.creator.inputs):  # the function whose input x is
                y = next(v for v in y.creator.inputs if not v.constant)
            gxs = y.creator.backward(fw.Variable(np.ones_like(y.data)))
            found.append([gx is None for gx in gxs])
    rows, gW = fw.embed_id(IDS % 2, A), fw.grad(fw.conv2d(IMAGES, W := fw.Variable(KERNELS)), W, create_graph=True)
    for name, k in (("lstm_cell", 4), ("gru_cell", 3)):  # x alone is a constant, or W_x is
        for constant in (0, 1):
            _, given, call = cell(name, k, False)
            inputs = [a if i == constant else fw.Variable(a) for i, a in enumerate(given)]
            y = call(getattr(fw, name), *inputs)
            f = (y[0] if isinstance(y, tuple | list) else y).creator
            found.append([gx is None for gx in f.backward(*(fw.Variable(v().data) for v in f.outputs))][:2])
    return [*found, *([gx is None for gx in y.creator.backward(y)] for y in (rows, gW))]


# --- options that are numbers of NumPy ---


def kept(fw: Any) -> Iterator[str]:
    """The functions of float32 that a float64 of NumPy as an option turns into float64."""
    x, number = A.astype("f"), np.float64(0.5)
    options = {"elu": "alpha", "softplus": "beta", "leaky_relu": "slope", "dropout": "dropout_ratio"}
    for name, option in (options | {"local_response_norm": "beta"}).items():
        y = getattr(fw, name)(v := fw.Variable(x), **{option: number})
        if {fw.array(y).dtype, fw.array(fw.grad(y, v)).dtype} != {x.dtype}:
            yield name
    q = QUERIES.astype("f")
    for option in ("scale", "dropout_ratio"):
        if fw.attention(q, q, q, **{option: number}).dtype != q.dtype:
            yield f"attention: {option}"


def types_of_options(fw: Any) -> list[str]:
    """The types of what initializers and layers keep of numbers of other types."""
    init, one = fw.initializers, np.int64(1)
    numbers = [
        init.Normal(one, one).std, init.Normal(one, one).mean, init.TruncatedNormal(one, one).cut,
        init.He(slope=one).slope, init.Uniform(one, one).low, init.Uniform(one, one).high, init.Constant(one).c,
        init.Glorot(one).gain, init.Orthogonal(one).gain, fw.layers.Dropout(np.float64(0.5)).ratio,
        *(kind(normal=1).normal for kind in (init.Glorot, init.He, init.LeCun)),
        fw.layers.EmbedID(2, 2, frozen=1).W.constant, *fw.pair(one), *fw.layers.Conv1d(1, one).along("", one),
    ]  # fmt: skip
    return [type(number).__name__ for number in numbers]


# --- indices of every dtype ---

LONG_ROWS, WIDE_IDS = rng.rand(20, 20), np.array([[19, 0], [15, 19]])


def of_indices(fw: Any) -> list[Any]:
    """Functions of small integers, which would wrap around if positions were computed in their dtype; and gradients."""
    found: list[Any] = []
    calls: list[Callable[[Any, Array], Any]] = [
        lambda x, t: fw.take(x, t), lambda x, t: fw.take(x, t, 1), lambda x, t: fw.gather(x, t.repeat(10, 1), 0),
        lambda x, t: fw.embed_id(t, x), lambda x, t: fw.embedding_bag(t, x),
        lambda x, t: fw.negative_sampling(x[:2], x, t[:, 0], t), lambda x, t: fw.one_hot(t, 20) * fw.sum(x),
        lambda x, t: fw.focal_loss(x[:2], t[:, 0]), lambda x, t: fw.nll_loss(x[:2], t[:, 0]),
        lambda x, t: fw.softmax_cross_entropy(x[:2], t[:, 1], ignore=0),
        lambda x, t: fw.sequence_mask(t[0], 20) * x[:2], lambda x, t: x[t],
        lambda x, t: fw.sigmoid_cross_entropy(x[:2, :2], t[:, :2] % 2),
    ]  # fmt: skip
    for call in calls:
        for kind in ("u1", "i1", "u8"):
            results = []
            for t in (WIDE_IDS, WIDE_IDS.astype(kind)):
                y = call(x := fw.Variable(LONG_ROWS), t)
                results.append([fw.array(y), fw.array(fw.grad(y, x))])
            found.append(all(np.array_equal(a, b) for a, b in zip(*results, strict=True)))
    return found


def last(fw: Any) -> list[Any]:
    """Gradients of an only element that is chosen by -1."""
    x = fw.Variable(np.array([[2.0, 3.0]]))
    ys = fw.take(x, [-1, 0]), fw.gather(x, np.array([[-1, 0]]), 0), fw.take(x, np.array([-1], "i1"), 1)
    return [fw.grad(y, x) for y in ys]


# fmt: off
values(
    60, NUMPY,
    ("constants_of_later_functions_have_no_gradients", of_constants, lambda: [
        *[[i != k for k in range(3)] for _ in range(2) for i in range(3)],
        *[[i != k for k in range(2)] for _ in range(3) for i in range(2)],
        *[[True, i != 0, i != 1] for _ in range(2) for i in range(2)],
        *[[True, False], [False, False]] * 2, [True, True], [True, False]]),
    ("options_that_are_numbers_of_numpy", lambda fw: list(kept(fw)), list),
    ("types_of_options", types_of_options, lambda: ["float"] * 10 + ["bool"] * 4 + ["int"] * 3),
    ("indices_of_every_dtype", of_indices, lambda: [True] * 39),
    ("gradients_of_an_only_element", last, lambda: [np.full((1, 2), 2.0), np.ones((1, 2)), np.array([[0.0, 1.0]])]),
    since=5,
)
# fmt: on
