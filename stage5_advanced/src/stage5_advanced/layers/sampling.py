"""Layers that train vectors of words: they score a few words instead of the whole vocabulary."""

import heapq

import numpy as np

from .. import cuda
from .. import functions as F
from ..core import Function, Parameter, as_input, as_number
from .base import Layer, check_sizes


class DrawNegatives(Function):
    """y = K ids per row, drawn by their probabilities, none of which is in its row of positives; without gradient."""

    not_differentiated = (0,)

    def __init__(self, cumulative, K):
        self.cumulative = cumulative
        self.K = K

    def forward(self, positive):
        positive = cuda.as_numpy(positive).reshape(len(positive), -1)
        ids = self.sample((len(positive), self.K))
        for _ in range(20):
            clash = (ids[:, :, None] == positive[:, None, :]).any(2)
            if not clash.any():
                break
            ids[clash] = self.sample(np.count_nonzero(clash))
        for row in np.flatnonzero(clash.any(1)):  # nearly all probability is that of the positives
            ids[row, clash[row]] = self.sample_others(positive[row], np.count_nonzero(clash[row]))
        return self.xp.asarray(ids)

    def sample(self, shape):
        """Ids by inverse of the cumulative sum of their probabilities."""
        return np.searchsorted(self.cumulative, np.random.random_sample(shape) * self.cumulative[-1], side="right")

    def sample_others(self, excluded, n):
        """n ids that are not excluded. Raises ValueError if there are none."""
        p = np.diff(self.cumulative, prepend=0.0)
        p[excluded[excluded >= 0]] = 0
        total = np.cumsum(p)
        if not total[-1] > 0:
            raise ValueError(f"NegativeSampling: expected a word that is not positive, got {excluded.tolist()}")
        return np.searchsorted(total, np.random.random_sample(n) * total[-1], side="right")

    def backward(self, gy):
        return None


class NegativeSampling(Layer):
    """negative_sampling with negatives that it draws.  v (N, size), positive (N,) or (N, M) -> (). [not in the book]

    W (V, size): a row for each word, zeros. counts (V,): how often each word occurs; negatives are drawn by
    counts^power from NumPy's global generator, sample_size for each row, again where they are positives of the row.
    Raises ValueError unless counts are at least 0 and not all 0.
    """

    def __init__(self, counts, size, sample_size=5, power=0.75):
        super().__init__()
        check_sizes(self, size=size, sample_size=sample_size)
        power = as_number("NegativeSampling", "power", power)
        self.cumulative = np.cumsum(as_counts("NegativeSampling", counts) ** power)
        self.sample_size = sample_size
        self.W = Parameter(np.zeros((len(self.cumulative), size), np.float32), name="W")

    def forward(self, v, positive, mask=None):
        known = positive if mask is None else F.where(mask, positive, -1)
        negative = DrawNegatives(self.cumulative, self.sample_size)(known)
        return F.negative_sampling(v, self.W, positive, negative, mask)


class BinaryHierarchicalSoftmax(Layer):
    """hierarchical_softmax along a Huffman tree of the words.  v (N, size), t (N,) words -> (). [not in the book]

    W (V - 1, size): a row for each inner node, zeros. counts (V,): how often each word occurs; frequent words have
    short paths. In a tie the smaller id is first, so the same counts give the same tree. Raises ValueError unless
    there are at least two words with counts of at least 0.
    """

    def __init__(self, counts, size):
        super().__init__()
        check_sizes(self, size=size)
        counts = as_counts("BinaryHierarchicalSoftmax", counts)
        if len(counts) < 2:
            raise ValueError(f"BinaryHierarchicalSoftmax: expected at least two words, got {len(counts)}")
        self.paths, self.codes = huffman_paths(counts)
        self.W = Parameter(np.zeros((len(counts) - 1, size), np.float32), name="W")

    def forward(self, v, t):
        paths, codes = (F.embed_id(t, self.W.xp.asarray(table)) for table in (self.paths, self.codes))
        return F.hierarchical_softmax(v, self.W, paths, codes, F.not_equal(codes, 0))

    def log_prob(self, v):
        """Logarithms of the probabilities of all words.  v (N, size) -> (N, V). [not in the book]"""
        scores = F.matmul(as_input(v, "log_prob"), F.transpose(self.W))
        sides = F.concat([-F.softplus(-scores), -F.softplus(scores)], axis=1)  # log p of left, of right; (N, 2 V - 2)
        turns = self.W.xp.asarray(np.where(self.codes < 0, self.paths + len(self.W), self.paths))
        return F.sum(F.where(self.W.xp.asarray(self.codes != 0), F.take(sides, turns, axis=1), 0), axis=2)


def as_counts(name, counts):
    """Counts of words as floats. Raises ValueError unless they are a vector of numbers of at least 0, not all 0."""
    counts = np.asarray(counts)
    if counts.dtype.kind not in "biuf" or counts.ndim != 1 or not (counts >= 0).all() or not counts.sum() > 0:
        raise ValueError(f"{name}: expected counts of words, at least 0 and not all 0, got {counts}")
    return counts.astype(float)


def huffman_paths(counts):
    """For each word the inner nodes from the root to it, and its turns: 1 left, -1 right, 0 after the end.

    Two arrays (V, L), L being the length of the longest path. The inner nodes are numbered by their creation.
    """
    V = len(counts)
    heap = [(count, word) for word, count in enumerate(counts.tolist())]  # node n of the tree is word n or, from V on,
    heapq.heapify(heap)  # inner node n - V
    parents = {}
    for node in range(V, 2 * V - 1):
        (left_count, left), (right_count, right) = heapq.heappop(heap), heapq.heappop(heap)
        parents[left], parents[right] = (node, 1), (node, -1)
        heapq.heappush(heap, (left_count + right_count, node))
    ways = []
    for node in range(V):
        way = []
        while node in parents:
            node, code = parents[node]
            way.append((node - V, code))
        ways.append(way[::-1])
    table = np.zeros((2, V, max(map(len, ways))), np.int64)
    for word, way in enumerate(ways):
        table[:, word, : len(way)] = np.transpose(way)
    return table
