"""Functions of stage 5 in detail: sums that float16 cannot hold, lists of indices, labels that are variables."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .beyond_mutantsa_kinds import CELL, IDS, WEIGHTS, A, B, C, near
from .beyond_mutantsa_layers import CHOICES, with_blocks
from .utilities import NUMPY
from .values import values

# --- float16 and float32 ---


def in_float16(fw: Any) -> list[Any]:
    """Sums of a large number and ones, each of which float16 would round away; a variance that it cannot hold."""
    column = np.array([2048, 1, 1, 1, 1, 1, 1, 1], "e").reshape(1, 1, 8, 1)
    kernel = np.ones((1, 1, 3, 1), "e")
    found = [fw.conv2d(column, kernel)]
    for way in CHOICES:
        ways = {name: lambda *_, yes=name == way: yes for name in CHOICES}
        found.append(with_blocks(fw, "windows", partial(fw.conv2d, column, kernel), **ways))
    for way in ("none of them", *CHOICES, "by_convolution"):
        ways = {name: lambda *_, yes=name == way: yes for name in (*CHOICES, "by_convolution")}
        found += with_blocks(fw, "windows", partial(deconvolved, fw, column, kernel), **ways)
    x, rois = fw.Variable(np.zeros((1, 1, 1, 1), "e")), np.zeros((8, 5))
    y = fw.roi_align(x, rois, 1, aligned=False)
    rows = np.full((1, 64), 2000, "e")
    rows[:, ::2] += 2
    return [
        *found, fw.grad(y, x, column.reshape(y.shape)), fw.std(np.array([-300, 300], "e")),
        fw.avg_pool2d(column, (8, 1)), fw.layer_norm(rows).data[0, :2], fw.erf(np.array([0.3, -1.1], "e")),
        fw.gru_cell(np.ones((1, 2), "e"), None, [np.array([[2048], [1]], "e")] * 3, [np.array([-2048], "e")] * 3,
                    [np.ones((1, 1), "e")] * 3),
    ]  # fmt: skip


def deconvolved(fw: Any, column: Any, kernel: Any) -> list[Any]:
    """The end of a transposed convolution; the gradient of a weight, a sum over samples."""
    weight = fw.Variable(np.ones((1, 1, 1, 1), "e"))
    y = fw.deconv2d(column[:, :, ::-1], kernel)
    return [y.data[0, 0, 7:, 0], fw.grad(fw.conv2d(column.reshape(8, 1, 1, 1), weight), weight)]


def rounded() -> list[Any]:
    """The sums of `in_float16`."""
    y = np.array([2050, 3, 3, 3, 3, 3], "e").reshape(1, 1, 6, 1)
    one = np.ones((1, 1, 1, 1), "e")
    state = np.array([[np.tanh(1) / (1 + np.e)]], "e")
    erf = np.array([math.erf(x) for x in np.array([0.3, -1.1], "e")], "e")
    ends = [np.array([2050, 2049, 2048], "e"), 2055 * one]
    return [
        *[y] * 5, *ends * 6, 2055 * one, np.array(300, "e"), 257 * one, np.array([1, -1], "e"), erf, state
    ]  # fmt: skip


def first_far_from_0(fw: Any) -> list[bool]:
    """Values and gradients of batch_norm of float32 far from 0: those of float64, rounded."""
    rng = np.random.RandomState(1)
    arrays, gy = [1e6 + rng.randint(0, 8, (3000, 1)), rng.rand(1), rng.rand(1)], rng.rand(3000, 1)
    found = []
    for kind in "fd":
        xs = [fw.Variable(a.astype("f").astype(kind)) for a in arrays]
        y = fw.batch_norm(*xs, *np.zeros((2, 1), kind))
        found.append([y.data, *(v.data for v in fw.grad(y, xs, gy.astype(kind)))])
    return [near(a, r, 3e-6) for a, r in zip(*found, strict=True)]


# --- indices, labels and masks ---


def of_lists(fw: Any) -> list[Any]:
    """Functions of lists of indices, lengths and masks, in pairs with the same of arrays."""
    ids, mask, codes = IDS % 2, IDS > 0, np.array([[1, -1], [1, 1]])
    calls: list[tuple[Callable[..., Any], list[Any]]] = [
        (lambda t: fw.embed_id(t, A), [ids]), (lambda t: fw.embedding_bag(t, A), [ids]),
        (lambda t, mask: fw.embedding_bag(t, A, mask), [ids, mask]),
        (lambda t, s: fw.negative_sampling(A, B, t, s), [ids, ids]),
        (lambda t, s, mask: fw.negative_sampling(A, B, t, s, mask), [ids, ids, mask]),
        (lambda t, mask: fw.hierarchical_softmax(A, B, t, codes, mask), [ids, mask]),
        (lambda t: fw.take(A, t), [ids]), (lambda t: fw.gather(A[:, :2], t, 0), [ids]),
        (lambda t: fw.one_hot(t, 2), [ids]), (fw.sequence_mask, [ids[0]]), (lambda t: fw.take(A, t), [ids[:, :0]]),
        (lambda t: fw.unpad_sequence(A, t)[0], [ids[0] + 1]), (lambda t: fw.nll_loss(A, t), [ids[0]]),
        (lambda t: fw.focal_loss(A, t), [ids[0]]), (lambda t: fw.softmax_cross_entropy(A, t), [ids[0]]),
    ]  # fmt: skip
    return [np.array_equal(f(*map(np.ndarray.tolist, given)).data, f(*given).data) for f, given in calls]


def with_variables(fw: Any) -> list[str]:
    """The functions whose indices, labels or masks, as variables, are not without gradient, also to second order."""
    t, mask, targets = fw.Variable(IDS[0]), fw.Variable(A > 0.5), fw.Variable(B)
    codes, rois = np.array([[1, -1], [1, 1]]), fw.Variable(np.array([[0, 0, 0, 2, 2.0]]))
    ids, image = fw.Variable(IDS % 2), A.reshape(1, 1, 2, 3)
    calls: dict[str, tuple[Any, Callable[[Any], Any]]] = {
        "softmax_cross_entropy": (t, lambda x: fw.softmax_cross_entropy(x, t)),
        "sum of softmax_cross_entropy": (t, lambda x: fw.softmax_cross_entropy(x, t, reduction="sum")),
        "nll_loss": (t, lambda x: fw.nll_loss(x, t)), "focal_loss": (t, lambda x: fw.focal_loss(x, t)),
        "sigmoid_cross_entropy": (targets, lambda x: fw.sigmoid_cross_entropy(x, targets)),
        "binary_cross_entropy": (targets, lambda x: fw.binary_cross_entropy(x, targets)),
        "masked_softmax": (mask, lambda x: fw.masked_softmax(x, mask)),
        "attention": (mask, lambda x: fw.attention(x, x, x, mask[:, :2])),
        "where": (mask, lambda x: fw.where(mask, x * x, 1)), "take": (t, lambda x: fw.take(x * x, t, 1)),
        "gather": (ids, lambda x: fw.gather((x * x)[:, :2], ids, 0)), "embed_id": (ids, lambda x: fw.embed_id(ids, x)),
        "embedding_bag": (ids, lambda x: fw.embedding_bag(ids, x)),
        "negative_sampling": (ids, lambda x: fw.negative_sampling(A, x, ids, IDS % 2)),
        "hierarchical_softmax": (ids, lambda x: fw.hierarchical_softmax(A, x, ids, codes)),
        "roi_align": (rois, lambda x: fw.roi_align(fw.reshape(x * x, image.shape), rois, 2)),
        "roi_pooling": (rois, lambda x: fw.roi_pooling(fw.reshape(x * x, image.shape), rois, 2)),
    }  # fmt: skip
    found = []
    for name, (index, f) in calls.items():
        x = fw.Variable(A)
        y = fw.sum(f(x) * f(x))
        gx = fw.grad(y, x, create_graph=True)
        ggx = fw.grad(fw.sum(gx * gx), x)
        index.cleargrad()
        fw.sum(gx * gx).backward()
        if index.grad is not None or not np.isfinite(ggx.data).all() or not ggx.data.any():
            found.append(name)
    return found


def weights_of_classes(fw: Any) -> bool:
    """The gradients of a weighted loss with respect to the weights of the classes are those of central differences."""
    fw.check_gradients(lambda x, w: fw.softmax_cross_entropy(x, IDS[0], w), A, C)  # or an error
    fw.check_gradients(lambda x, w: fw.nll_loss(x, IDS[0], w, reduction="sum"), A, C)
    return True


def constants(fw: Any) -> list[str]:
    """The functions whose results are no constants, or pass a gradient on, although they have none."""
    x = fw.Variable(A)
    results = {
        **{name: getattr(fw, name)(x, 0.5) for name in ("equal", "not_equal", "less", "less_equal", "greater")},
        "greater_equal": fw.greater_equal(0.5, x), "argmax": fw.argmax(x), "argmin": fw.argmin(x),
        "cast to int": fw.cast(x, int), "cast to bool": fw.cast(x, bool), "one_hot": fw.one_hot(fw.argmax(x, 1), 3),
        "sequence_mask": fw.sequence_mask(fw.cast(x[0] * 8, int)),
    }  # fmt: skip
    for y in results.values():
        y.backward()
    return [name for name, y in results.items() if not y.constant or x.grad is not None]


# --- at the limits ---


def many_elements(fw: Any) -> list[Any]:
    """The gradient of a pooling of more elements than 8 bits can number, and of -inf; axes without elements."""
    x, low = fw.Variable(np.arange(258.0).reshape(1, 1, 258, 1)), fw.Variable(np.full((1, 1, 2, 2), -np.inf))
    return [
        fw.grad(fw.max_pool2d(x, (257, 1), 1), x).data.nonzero()[2], fw.grad(fw.max_pool2d(low, 2, pad=1), low),
        fw.pad(np.ones((0, 2)), ((0, 0), (1, 1)), "reflect").shape, fw.same_padding(0, 3, 2),
        fw.sequence_mask(np.array([0]), 0).shape, fw.sinusoids(2, 2, 0.5).shape,
    ]  # fmt: skip


def with_limits(fw: Any) -> list[Any]:
    """Vectors about as short as eps; a logit of -inf, whose class has no label; focal loss without a focus."""
    x, sure = np.array([[0.5, 0.25, -np.inf], [1.0, 2.0, -np.inf]]), fw.Variable(np.array([[100.0, 0.0]]))
    return [
        fw.cosine_similarity(np.array([1.5e-8]), np.array([1.0]), 0), fw.normalize(np.array([1.5e-12]), 0),
        fw.softmax_cross_entropy(x, np.array([0, 1]), reduction="sum"), fw.focal_loss(A, IDS[0], 0, reduction="sum"),
        fw.focal_loss(A.T, IDS[0], 0, 0.5, axis=0, reduction="none"),
        fw.focal_loss(np.array([[0.0, 100.0]]), np.array([0])), fw.grad(fw.focal_loss(sure, np.array([0]), 0.5), sure),
        fw.focal_loss(sure, np.array([0]), 0.5), fw.where(A > 0.5, 1, 0), type(fw.cast(A, float)) is type(sure),
        fw.masked_softmax(np.array([1000.0, 1000, -1000]), np.ones(3, bool)), fw.smooth_l1_loss(A, B, 0),
        fw.focal_loss(A, IDS[0], 1),
        fw.attention(np.full((1, 1), 1e4), np.ones((2, 1)), np.array([[1.0], [3.0]])),
    ]  # fmt: skip


def limited() -> list[Any]:
    """What `with_limits` finds."""
    loss = -np.log(np.exp(A) / np.exp(A).sum(1, keepdims=True))[[0, 1], IDS[0]]
    rest = np.log1p(np.exp(-0.25)) + np.log1p(np.exp(-1))
    return [
        1.0,
        np.ones(1),
        rest,
        loss.sum(),
        loss / 2,
        100.0,
        np.zeros((1, 2)),
        0.0,
        np.where(A > 0.5, 1, 0),
        True,
        np.array([0.5, 0.5, 0]),
        np.abs(A - B).mean(),
        ((1 - np.exp(-loss)) * loss).mean(),
        2 * np.ones((1, 1)),
    ]


def of_boxes(fw: Any) -> list[Any]:
    """Pooling of boxes whose corners are rounded to pixels outside of the image, or that lie beside it."""
    x = np.arange(25.0).reshape(1, 1, 5, 5)
    boxes = np.array([[0, -2, -2, 3, 3], [0, -1.6, 0.4, 2.6, 1.5], [0, 6, 6, 8, 8], [0, -9, 0, -8, 4]])
    corner = fw.roi_pooling(24 - x, np.array([[0, 0, 0, 1, 1]]), 1)
    return [fw.roi_pooling(x, boxes, 2), fw.roi_pooling(x, boxes[:1], (1, 3), 0.5), corner]


def by_cells() -> list[Any]:
    """The maxima of `of_boxes`: cells of three pixels from -2 on, of two rows and of 2.5 columns; none in the image."""
    first, second, none = [[0, 3], [15, 18]], [[5, 8], [10, 13]], [[0, 0], [0, 0]]
    return [
        np.array([[first], [second], [none], [none]], float),
        np.array([[[[10, 11, 12]]]], float),
        np.full((1, 1, 1, 1), 24.0),
    ]


# --- recurrent cells over sequences ---


def over_time(fw: Any, gates: int, after: bool, x: Any, h: Any, c: Any) -> Any:
    """All states of a LSTM (of four gates) or GRU over a sequence, as one function."""
    groups = [W for group in WEIGHTS for W in group[:gates]]
    if gates == 4:
        return fw.lstm(x, h, c, *WEIGHTS)[0]
    return fw.functions.GRU(after)(x, *groups, *([WEIGHTS[1][3]] if after else []), h)


def step_by_step(fw: Any, gates: int, after: bool, x: Any, h: Any, c: Any) -> Any:
    """The same by calls of the cell."""
    groups, hs = [group[:gates] for group in WEIGHTS], []
    for t in range(x.shape[1]):
        if gates == 4:
            h, c = fw.lstm_cell(x[:, t], h, c, *groups)
        else:
            h = fw.gru_cell(x[:, t], h, *groups, WEIGHTS[1][3] if after else None)
        hs.append(h)
    return fw.stack(hs, 1)


def unrolled(fw: Any) -> list[bool]:
    """Recurrent cells over three steps of two sequences are three calls, with the gradients to second order."""
    steps, found = np.sin(np.arange(18.0)).reshape(2, 3, 3), []
    for gates, after in ((4, False), (3, False), (3, True)):
        pair = []
        for f in (over_time, step_by_step):
            x, h, c = (fw.Variable(a) for a in (steps, *CELL[1:]))
            y = f(fw, gates, after, x, h, c)
            gx, gh = fw.grad(fw.sum(y * np.arange(12.0).reshape(2, 3, 2)), [x, h], create_graph=True)
            pair.append([y, gx, gh, *fw.grad(fw.sum(gx * steps) + fw.sum(gh * gh), [x, h])])
        found += [near(a.data, r.data, 1e-12) for a, r in zip(*pair, strict=True)]
    return found


def powers(fw: Any) -> list[Any]:
    """Gradients of powers whose exponent is 0, or whose base is; a metric, which is a variable."""
    base, exponent = fw.Variable(np.array([2.0, 0.5, 0.0, 0.0])), fw.Variable(np.array([0.0, 0.0, 1.0, 2.0]))
    y = fw.pow(base, exponent)
    gx = fw.grad(fw.pow(base[:2], exponent[:2]), base, create_graph=True)
    right = fw.accuracy(A, IDS[0])
    return [y, *fw.grad(y, [base, exponent]), fw.grad(gx, exponent).data[:2], type(right) is type(y)]


# fmt: off
values(
    47, NUMPY,
    ("powers_of_0_and_to_0", powers, lambda: [
        np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 1, 0]), np.array([np.log(2), np.log(0.5), 0, 0]),
        np.array([0.5, 2.0]), True]),
)
values(
    60, NUMPY,
    ("sums_that_float16_cannot_hold", in_float16, rounded),
    ("gradients_far_from_0", first_far_from_0, lambda: [True] * 4),
    ("lists_of_indices_and_masks", of_lists, lambda: [True] * 15),
    ("indices_and_labels_as_variables", with_variables, list),
    ("gradients_of_weights_of_classes", weights_of_classes, lambda: True),
    ("results_that_are_constants", constants, list),
    ("pooling_of_many_elements", many_elements, lambda: [
        np.array([256, 257]), np.ones((1, 1, 2, 2)), (0, 4), (0, 1), (1, 0), (2, 2)]),
    ("functions_with_limits", with_limits, limited),
    ("boxes_beside_the_image", of_boxes, by_cells),
    ("recurrent_cells_step_by_step", unrolled, lambda: [True] * 15),
    since=5,
)
# fmt: on
