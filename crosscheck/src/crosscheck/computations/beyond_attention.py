"""Beyond the book: attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import DEEP, DEFAULT_SEED, DIFFERENCES, FLOATS, GPU, SHAPES_ONLY, normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .layers import fixed
from .states import with_gradients
from .steps37_41 import Shape, ones, shaped
from .training import TRAINING, cut, scaled, train


def whether(*rows: str) -> Array:
    """A mask, of rows such as "101"."""
    return np.array([[letter == "1" for letter in row] for row in rows])


@computation(**BEYOND, inputs=[normal()], shapes=((2, 3), (4, 3), (2, 2, 3)), cases=FLOATS - GPU - DEFAULT_SEED)
def masked_softmax(fw: Any, x: Any) -> Any:
    """Over the last and the first axis; a row of which nothing counts, and a column"""
    n = x.shape[0]
    mask = fw.constant(np.arange(n * 3).reshape(n, *[1] * (len(x.shape) - 2), 3) % 4 > 0)
    none = fw.constant(np.arange(n * 3).reshape(n, *[1] * (len(x.shape) - 2), 3) > 2)
    row = fw.constant(whether("110")[0])
    found = fw.masked_softmax(x, mask), fw.masked_softmax(x * x, none), fw.masked_softmax(x, row, axis=0)
    return [y * x for y in found]


HEADS = [
    normal(),
    shaped(lambda s: (*s[:-2], 4, s[-1])),
    shaped(lambda s: (*s[:-2], 4, 3)),
]  # q (..., Tq, D), k (..., 4, D), v (..., 4, 3)
ATTENTION: dict[str, Any] = {**BEYOND, "inputs": HEADS}


@computation(**ATTENTION, shapes=((3, 2), (2, 3, 2)), cases=FLOATS - DEEP)
def attention(fw: Any, q: Any, k: Any, v: Any) -> Any:
    """Means of values, weighted by queries and keys; with a scale of 1; as a causal product"""
    return fw.attention(q, k, v), fw.attention(q, k, v, scale=1), fw.attention(q, k, v, causal=True)


@computation(**ATTENTION, shapes=((3, 2), (2, 3, 2)), cases=SHAPES_ONLY - DEEP - DIFFERENCES - GPU)
def attention_with_a_mask(fw: Any, q: Any, k: Any, v: Any) -> Any:
    """Keys that do not take part; a query without any key; with a causal mask too; the weights"""
    mask = fw.constant(whether("1011", "0000", "0111"))
    row = fw.constant(whether("1011")[0])
    y, weights = fw.attention(q, k, v, mask, return_weights=True)
    return fw.attention(q, k, v, mask), fw.attention(q, k * 0.5, v, row, causal=True), y, weights


@computation(**ATTENTION, shapes=((2, 2, 3, 2),), order=1, cases=SHAPES_ONLY)
def attention_broadcasts(fw: Any, q: Any, k: Any, v: Any) -> Any:
    """The same keys for every batch, the same queries for every batch"""
    return fw.attention(q, k[0], v[:, :1]), fw.attention(q[:1], k, v)


@computation(**ATTENTION, shapes=((1, 2),), order=3, dtypes=("float64",), cases=SHAPES_ONLY)
def attention_to_third_order(fw: Any, q: Any, k: Any, v: Any) -> Any:
    """One query, differentiated three times"""
    return fw.attention(q, k, v)


@computation(**ATTENTION, shapes=((3, 2),), order=1, cases=SHAPES_ONLY)
def attention_at_inference(fw: Any, q: Any, k: Any, v: Any) -> Any:
    """In test_mode a dropout_ratio changes nothing"""
    with fw.test_mode():
        return fw.attention(q, k, v, dropout_ratio=0.9)


@computation(**BEYOND, order=0, dtypes=("float32",))
def sinusoids(fw: Any) -> Any:
    """Positions as sines and cosines"""
    return fw.sinusoids(5, 4), fw.sinusoids(3, 6, 100.0)


# --- layers ---

MHA: tuple[Shape, ...] = ((4, 4), (4,)) * 4  # q, k, v, o
LAYER: dict[str, Any] = {"inputs": [normal(), shaped(lambda s: (s[0], 3, s[2]))], "shapes": ((2, 2, 4),)}


def heads(fw: Any, like: Array, n: int, **options: Any) -> Any:
    """Attention of n heads with fixed weights."""
    layer = fw.MultiHeadAttention(n, 4, **options)
    layer(fw.constant(np.ones((1, 1, 4), np.float32)))
    fw.set_weights(layer, fixed(like, *(MHA[::2] if options.get("nobias") else MHA)))
    return layer


@computation(**BEYOND, **LAYER, cases=SHAPES_ONLY - DEEP - GPU)
def multi_head_attention(fw: Any, q: Any, k: Any) -> Any:
    """Of a sequence to itself and to another one, with masks of both shapes, without biases"""
    layer, bare = heads(fw, fw.array(q), 2), heads(fw, fw.array(q), 4, nobias=True)
    keys, pairs = fw.constant(whether("101", "011")), fw.constant(whether("100", "011")[None, None])
    return layer(q), layer(q, k), layer(q, k, k * 0.5, keys), layer(k, mask=keys, causal=True), bare(q, k, mask=pairs)


@computation(**BEYOND, **LAYER, order=0, cases=SHAPES_ONLY - GPU)
def gradients_of_attention_layers(fw: Any, q: Any, k: Any) -> Any:
    """The gradients of all weights"""
    layer = heads(fw, fw.array(q), 2, dropout_ratio=0.0)
    found = with_gradients(fw, layer, layer(q, k, mask=fw.constant(whether("110", "001"))))
    del found[4]  # of the bias of k, which has no effect: rounding errors
    additive = fw.AdditiveAttention(5)
    fw.set_weights(additive, fixed(fw.array(q), (4, 5), (4, 5), (5, 1)))
    return [*found, *with_gradients(fw, additive, additive(q, k, k * k))]


@computation(**BEYOND, **LAYER, cases=SHAPES_ONLY - DEEP - GPU)
def additive_attention(fw: Any, q: Any, k: Any) -> Any:
    """With masks of both shapes, of which one hides everything from a query"""
    layer = fw.AdditiveAttention(5)
    fw.set_weights(layer, fixed(fw.array(q), (4, 5), (4, 5), (5, 1)))
    keys, pairs = (
        fw.constant(whether("101", "111")),
        fw.constant(np.array([whether("100", "011"), whether("010", "111")])),
    )
    return layer(q, k, k), layer(q, k, k * k, keys), layer(q, k, k, mask=pairs)


@computation(**BEYOND, order=0, dtypes=("float32",))
def weights_of_attention_layers(fw: Any) -> Any:
    """Shape and dtype of all weights, also of a layer that is called before its size is known"""
    x = fw.constant(np.ones((2, 3, 4), np.float32))
    late = fw.MultiHeadAttention(2, 4) if fw.name == "torch" else fw.MultiHeadAttention(2)  # torch needs the size
    additive = fw.AdditiveAttention(5)
    late(x)
    additive(x, x, x)
    return [np.zeros_like(a) for layer in (late, additive) for a in fw.weights(layer)]


COPY: tuple[Shape, ...] = ((6, 8), *[(8, 8)] * 4, (8, 6), (6,))
COPY_STEPS = 20


@computation(**BEYOND, inputs=[scaled(*COPY)], **TRAINING | {"curve": COPY_STEPS}, quick={"steps": 4})
def training_attention_to_reverse(fw: Any, start: Any, steps: int = COPY_STEPS) -> Any:
    """Positions and letters: attention of two heads learns to write a word backwards; Adam"""
    model = fw.Layer()
    model.embed, model.heads, model.fc = (
        fw.EmbedID(6, 8),
        fw.MultiHeadAttention(2, 8, nobias=True),
        fw.Linear(6, in_size=8),
    )
    # Without a bias of k, which has no effect: Adam would follow the rounding errors of its gradient.
    model.heads(fw.constant(np.ones((1, 1, 8), np.float32)))
    fw.set_weights(model, cut(fw.array(start), COPY))
    dtype = fw.array(start).dtype
    positions = fw.constant(np.array(fw.array(fw.sinusoids(5, 8))).astype(dtype))
    rng = np.random.default_rng(3)
    words = [rng.integers(0, 6, (8, 5)) for _ in range(steps)]

    def loss(word: Array) -> Any:
        h = model.embed(fw.constant(word)) + positions
        y = model.fc(h + model.heads(h))
        return fw.softmax_cross_entropy(fw.reshape(y, (40, 6)), fw.constant(word[:, ::-1].reshape(40).copy()))

    return train(fw, model, fw.Adam(0.02), loss, [(word,) for word in words])


# fmt: off
errors(
    60,
    ("masked_softmax_with_numbers_as_mask", lambda fw: fw.masked_softmax(ones(fw, 2, 3), fw.constant(np.ones(3))),
     TypeError, "masked_softmax: expected a mask of bool, got float64"),
    ("masked_softmax_with_a_larger_mask",
     lambda fw: fw.masked_softmax(ones(fw, 3), fw.constant(whether("101", "110"))),
     ValueError, "masked_softmax: expected a mask that broadcasts to (3,), got (2, 3)"),
    ("attention_of_other_columns", lambda fw: fw.attention(ones(fw, 2, 3), ones(fw, 4, 2), ones(fw, 4, 3)),
     ValueError, "attention: expected q (..., Tq, D), k (..., Tk, D), v (..., Tk, E), Tk and D at least 1, "
                 "got q (2, 3), k (4, 2), v (4, 3)"),
    ("attention_that_drops_everything",
     lambda fw: fw.attention(ones(fw, 2, 3), ones(fw, 4, 3), ones(fw, 4, 3), dropout_ratio=1.0),
     ValueError, "attention: expected a dropout_ratio in [0, 1), got 1.0", "returns zeros"),
    ("sinusoids_of_an_odd_size", lambda fw: fw.sinusoids(4, 3),
     ValueError, "sinusoids: expected T of at least 1, an even D and a base above 0, got 4, 3 and 10000.0"),
    ("multi_head_attention_that_does_not_divide", lambda fw: fw.MultiHeadAttention(3, 4),
     ValueError, "MultiHeadAttention: expected a size that 3 heads divide, got 4"),
    ("multi_head_attention_that_drops_everything", lambda fw: fw.MultiHeadAttention(2, 4, dropout_ratio=1.0),
     ValueError, "MultiHeadAttention: expected a dropout_ratio in [0, 1), got 1.0", "accepts a ratio of 1"),
    ("multi_head_attention_of_a_matrix", lambda fw: fw.MultiHeadAttention(2, 4)(ones(fw, 3, 4)),
     ValueError, "MultiHeadAttention: expected q (N, Tq, D), k and v (N, Tk, D), got q (3, 4), k (3, 4), v (3, 4)"),
    ("additive_attention_to_fewer_values",
     lambda fw: fw.AdditiveAttention(2)(ones(fw, 2, 3, 4), ones(fw, 2, 3, 4), ones(fw, 2, 2, 4)),
     ValueError, "AdditiveAttention: expected query (N, Tq, Q), key (N, Tk, K), value (N, Tk, E), "
                 "got (2, 3, 4), (2, 3, 4), (2, 2, 4)"),
)
# fmt: on
