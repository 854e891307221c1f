"""Layers of attention: MultiHeadAttention, AdditiveAttention."""

from .. import functions as F
from ..core import as_input
from ..functions.regularize import as_ratio
from .base import Layer, check_sizes
from .linear import Linear


class MultiHeadAttention(Layer):
    """Attention of several heads: q (N, Tq, D), k, v (N, Tk, D) -> (N, Tq, size). [not in the book]

    q, k, v, o: Linear of `size` outputs, without biases with nobias. Each of n_heads heads attends with size / n_heads
    columns of q, k and v; o combines their results. size: that of the first q if None; then the first call creates the
    layers, and weights cannot be loaded before. dropout_ratio: of the weights of attention, in training. initializer:
    what draws the weights. Raises ValueError unless n_heads divides size.
    """

    def __init__(self, n_heads, size=None, *, dropout_ratio=0.0, nobias=False, initializer=None):
        super().__init__()
        check_sizes(self, nobias, n_heads=n_heads, in_size=size)
        self.n_heads = n_heads
        self.dropout_ratio = as_ratio("MultiHeadAttention", "dropout_ratio", dropout_ratio)
        self.options = {"nobias": nobias, "initializer": initializer}
        self.size = None
        if size is not None:
            self.prepare(size)

    def prepare(self, size):
        """Create the layers."""
        if size % self.n_heads:
            raise ValueError(f"MultiHeadAttention: expected a size that {self.n_heads} heads divide, got {size}")
        self.size = size
        self.q = Linear(size, **self.options)
        self.k = Linear(size, **self.options)
        self.v = Linear(size, **self.options)
        self.o = Linear(size, in_size=size, **self.options)

    def forward(self, q, k=None, v=None, mask=None, causal=False):
        """k: q if None. v: k if None. mask: bool, True where a key takes part: for each key (N, Tk), or broadcast to
        (N, n_heads, Tq, Tk). causal: query i sees only the keys up to i.
        """
        q = as_input(q, "MultiHeadAttention")
        k = q if k is None else as_input(k, "MultiHeadAttention")
        v = k if v is None else as_input(v, "MultiHeadAttention")
        if not q.ndim == k.ndim == v.ndim == 3 or len({len(x) for x in (q, k, v)}) > 1 or k.shape[1] != v.shape[1]:
            raise ValueError(
                "MultiHeadAttention: expected q (N, Tq, D), k and v (N, Tk, D), "
                f"got q {q.shape}, k {k.shape}, v {v.shape}"
            )
        if self.size is None:
            self.prepare(q.shape[2])
        heads = (self.split_heads(layer(x)) for layer, x in ((self.q, q), (self.k, k), (self.v, v)))
        y = F.attention(*heads, keys_mask(mask, 4), causal=causal, dropout_ratio=self.dropout_ratio)
        return self.o(F.reshape(F.transpose(y, (0, 2, 1, 3)), (*q.shape[:2], self.size)))

    def split_heads(self, x):
        """(N, T, size) -> (N, n_heads, T, size / n_heads)"""
        N, T, size = x.shape
        return F.transpose(F.reshape(x, (N, T, self.n_heads, size // self.n_heads)), (0, 2, 1, 3))


class AdditiveAttention(Layer):
    """Attention with weights softmax(v tanh(W_q q + W_k k)), for queries and keys of different sizes.

    query (N, Tq, Q), key (N, Tk, K), value (N, Tk, E) -> (N, Tq, E). q, k, v: Linear without a bias, the first two with
    hidden_size outputs, the last with one. initializer: what draws the weights. [not in the book]
    """

    def __init__(self, hidden_size, initializer=None):
        super().__init__()
        check_sizes(self, hidden_size=hidden_size)
        self.q = Linear(hidden_size, nobias=True, initializer=initializer)
        self.k = Linear(hidden_size, nobias=True, initializer=initializer)
        self.v = Linear(1, nobias=True, in_size=hidden_size, initializer=initializer)

    def forward(self, query, key, value, mask=None):
        """mask: bool, True where a key takes part: for each key (N, Tk), or broadcast to (N, Tq, Tk)."""
        q, k, value = (as_input(x, "AdditiveAttention") for x in (query, key, value))
        if not q.ndim == k.ndim == value.ndim == 3 or len(q) != len(k) or k.shape[:2] != value.shape[:2]:
            raise ValueError(
                "AdditiveAttention: expected query (N, Tq, Q), key (N, Tk, K), value (N, Tk, E), "
                f"got {q.shape}, {k.shape}, {value.shape}"
            )
        scores = self.v(F.tanh(F.expand_dims(self.q(q), 2) + F.expand_dims(self.k(k), 1)))  # (N, Tq, Tk, 1)
        scores = F.squeeze(scores, 3)
        mask = keys_mask(mask, 3)
        weights = F.softmax(scores, axis=-1) if mask is None else F.masked_softmax(scores, mask)
        return F.matmul(weights, value)


def keys_mask(mask, ndim):
    """A mask of keys (N, Tk) with as many axes as the scores (N, ..., Tk); any other mask unchanged."""
    if mask is None:
        return None
    mask = as_input(mask, "attention")
    if mask.ndim != 2:
        return mask
    N, Tk = mask.shape
    return F.reshape(mask, (N, *[1] * (ndim - 2), Tk))
