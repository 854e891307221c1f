"""Vectors of words: SkipGram, CBOW, FastText and GloVe learn them, Vectors searches them."""

import math

import numpy as np

from .. import functions as F
from ..core import Function, Variable
from ..cuda import as_numpy
from ..initializers import Uniform
from ..layers import BinaryHierarchicalSoftmax, EmbedID, Linear, NegativeSampling, check_sizes
from ..optimizers import Adam
from ..text import cooccurrences, skipgram_batches, subsample
from .base import Model


class SkipGram(Model):
    """Predicts the neighbors of a word from its vector. Called (words (N,), neighbors (N,)) -> loss. [not in the book]

    vocab: a text.Vocabulary. loss: 'negative' (sampling), 'hierarchical' (softmax) or 'softmax', of all words. Raises
    ValueError for another loss.
    """

    def __init__(self, vocab, size, loss="negative"):
        super().__init__()
        check_sizes(self, size=size)
        self.vocab = vocab
        self.embed = EmbedID(self.n_rows(), size, initializer=Uniform(-0.5 / size, 0.5 / size))
        if loss == "negative":
            self.output = NegativeSampling(np.maximum(vocab.counts, 1), size)
        elif loss == "hierarchical":
            self.output = BinaryHierarchicalSoftmax(np.maximum(vocab.counts, 1), size)
        elif loss == "softmax":
            self.output = Linear(len(vocab), nobias=True, in_size=size)
        else:
            raise ValueError(
                f"{type(self).__name__}: expected loss 'negative', 'hierarchical' or 'softmax', got {loss!r}"
            )

    def n_rows(self):
        """The number of rows of the table of vectors."""
        return len(self.vocab)

    def encode(self, words):
        """Vectors of words.  (N,) -> (N, size)."""
        return self.embed(words)

    def loss(self, v, t):
        """The loss of predicting words t (N,) from vectors v (N, size)."""
        return F.softmax_cross_entropy(self.output(v), t) if isinstance(self.output, Linear) else self.output(v, t)

    def forward(self, words, neighbors):
        return self.loss(self.encode(words), neighbors)

    def batch_loss(self, words, neighbors, mask):
        """The loss of a batch of text.skipgram_batches."""
        return self(np.repeat(words, mask.sum(axis=1)), neighbors[mask])

    def fit(self, corpus, epochs=1, window=5, sample=1e-4, negatives=5, batch_size=256, optimizer=None, rng=None):
        """Train on sentences, lists of words; return the mean loss of each epoch. [not in the book]

        window, sample: of text.pairs and text.subsample; sample None keeps all words. negatives: drawn for each
        neighbor. optimizer: None stands for Adam(0.01). rng: of windows, subsampling and order.
        """
        self.output.sample_size = negatives
        rng = None if rng is None else np.random.default_rng(rng)
        optimizer = (Adam(0.01) if optimizer is None else optimizer).setup(self)
        sentences = [self.vocab.encode(sentence) for sentence in corpus]
        history = []
        for _ in range(epochs):
            kept = sentences if sample is None else subsample(sentences, self.vocab.counts, sample, rng)
            losses = [0.0]
            for batch in skipgram_batches(kept, batch_size, window, rng):
                loss = self.batch_loss(*batch)
                self.cleargrads()
                loss.backward()
                optimizer.update()
                losses.append(float(loss.data))
            history.append(sum(losses) / max(1, len(losses) - 1))
        return history

    def vectors(self):
        """The vectors of all words, as Vectors. [not in the book]"""
        return Vectors(self.vocab.tokens, as_numpy(self.encode(np.arange(len(self.vocab))).data))


class CBOW(SkipGram):
    """Predicts a word from the mean vector of its neighbors: (neighbors (N, M), words (N,), mask). [not in the book]

    All else is as in SkipGram.
    """

    def forward(self, neighbors, words, mask=None):
        return self.loss(F.embedding_bag(neighbors, self.embed.W, mask), words)

    def batch_loss(self, words, neighbors, mask):
        return self(neighbors, words, mask)


class FastText(SkipGram):
    """SkipGram whose vectors are the sum of those of a word and its subwords, so unknown words have one, too.

    subwords: of lengths low to high, with < and > for the ends of the word, hashed to `buckets` rows. [not in the book]
    """

    def __init__(self, vocab, size, loss="negative", low=3, high=6, buckets=2**16):
        check_sizes(self, buckets=buckets)
        self.buckets = buckets
        self.lengths = low, high
        super().__init__(vocab, size, loss)
        rows = [[n, *self.rows_of(token)] for n, token in enumerate(vocab.tokens)]
        longest = max(map(len, rows))
        self.rows = np.array([row + [-1] * (longest - len(row)) for row in rows])  # -1 does not count

    def n_rows(self):
        return len(self.vocab) + self.buckets

    def rows_of(self, word):
        """The rows of a word's subwords."""
        return [len(self.vocab) + fnv1a(part) % self.buckets for part in subwords(word, *self.lengths)]

    def encode(self, words):
        rows = F.embed_id(words, self.embed.W.xp.asarray(self.rows))
        return F.embedding_bag(rows, self.embed.W, F.not_equal(rows, -1), "sum")

    def vector(self, word):
        """The vector of any word, an array (size,). [not in the book]"""
        known = [self.vocab.ids[word]] if word in self.vocab.ids else []
        return as_numpy(self.embed.W)[known + self.rows_of(word)].sum(axis=0)


def subwords(word, low=3, high=6):
    """The parts of "<word>" of low to high characters: where -> <wh, whe, her, ere, re>, ... [not in the book]"""
    text = f"<{word}>"
    return [text[i : i + n] for n in range(low, high + 1) for i in range(len(text) - n + 1)]


def fnv1a(text):
    """fastText's hash: FNV-1a of 32 bits, whose bytes are signed."""
    h = 2166136261
    for byte in text.encode():
        h = ((h ^ (byte if byte < 128 else byte + 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return h


class Logarithms(Function):
    """(min(1, (x / 100)^0.75), log x) in a dtype: weights and targets of how often words occur together."""

    not_differentiated = (0,)

    def __init__(self, dtype):
        self.dtype = dtype

    def forward(self, x):
        x = x.astype(float)
        return tuple([self.xp.asarray(a, self.dtype) for a in (self.xp.minimum(1, (x / 100) ** 0.75), self.xp.log(x))])

    def backward(self, *gys):
        return None


class GloVe(Model):
    """Vectors whose products are logarithms of co-occurrences: (i (N,), j (N,), x (N,)) -> loss. [not in the book]

    loss = sum min(1, (x / 100)^0.75) (u_i v_j + b_i + c_j - log x)^2 over the pairs of words that occur together.
    """

    def __init__(self, vocab, size):
        super().__init__()
        check_sizes(self, size=size)
        self.vocab = vocab
        self.u, self.v = (EmbedID(len(vocab), size, initializer=Uniform(-0.5 / size, 0.5 / size)) for _ in range(2))
        self.b, self.c = (EmbedID(len(vocab), 1, initializer=Uniform(-0.5, 0.5)) for _ in range(2))

    def forward(self, i, j, x):
        W = self.u.W
        weight, target = Logarithms(W.dtype)(x if isinstance(x, Variable) else W.xp.asarray(x))
        y = F.sum(self.u(i) * self.v(j), axis=1) + F.sum(self.b(i) + self.c(j), axis=1)
        return F.sum(F.square(y - target) * weight)

    def fit(self, corpus, epochs=1, window=5, weight="distance", batch_size=256, optimizer=None, rng=None):
        """Train on sentences, lists of words; return the loss of each epoch per pair. [not in the book]

        window, weight: of text.cooccurrences. optimizer: None stands for Adam(0.01). rng: of the order.
        """
        optimizer = (Adam(0.01) if optimizer is None else optimizer).setup(self)
        rng = None if rng is None else np.random.default_rng(rng)
        i, j, x = cooccurrences([self.vocab.encode(sentence) for sentence in corpus], window, weight)
        history = []
        for _ in range(epochs):
            order, total = (np.random if rng is None else rng).permutation(len(x)), 0.0
            for start in range(0, len(x), batch_size):
                chosen = order[start : start + batch_size]
                loss = self(i[chosen], j[chosen], x[chosen])
                self.cleargrads()
                loss.backward()
                optimizer.update()
                total += float(loss.data)
            history.append(total / max(1, len(x)))
        return history

    def vectors(self):
        """u + v of all words, as Vectors. [not in the book]"""
        return Vectors(self.vocab.tokens, as_numpy(self.u.W) + as_numpy(self.v.W))


def of_length_1(array):
    """Vectors (..., size) divided by their lengths, in at least float32; zeros stay zeros."""
    array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    norms = np.linalg.norm(array, axis=-1, keepdims=True)
    return array / np.maximum(norms, np.finfo(array.dtype).tiny)


class Vectors:
    """Words and their vectors, an array (V, size). Raises ValueError if their numbers differ. [not in the book]"""

    def __init__(self, words, array):
        self.words = list(words)
        self.array = np.asarray(array)
        if self.array.ndim != 2 or len(self.words) != len(self.array):
            raise ValueError(f"Vectors: expected an array ({len(self.words)}, size), got {self.array.shape}")
        self.ids = {word: n for n, word in enumerate(self.words)}
        self.unit = of_length_1(self.array)

    def __getitem__(self, word):
        """The vector of a word. Raises KeyError if it is unknown."""
        return self.array[self.ids[word]]

    def best(self, v, k, excluded):
        """The k words of largest cosine with v: [(word, cosine), ...]."""
        cosines = self.unit @ of_length_1(v)
        cosines[[self.ids[word] for word in excluded]] = -math.inf
        order = np.argsort(-cosines, kind="stable")[: min(k, len(self.words) - len(set(excluded)))]
        return [(self.words[n], float(cosines[n])) for n in order.tolist()]

    def nearest(self, word, k=10):
        """The k words of largest cosine with a word, without itself: [(word, cosine), ...]. [not in the book]"""
        return self.best(self[word], k, (word,))

    def similarity(self, a, b):
        """The cosine of the vectors of two words. [not in the book]"""
        return float(self.unit[self.ids[a]] @ self.unit[self.ids[b]])

    def analogy(self, a, b, c, k=1, exclude=True):
        """a is to b as c is to what: the k words of largest cosine with b - a + c. [not in the book]

        exclude: leave out a, b and c themselves. Returns [(word, cosine), ...].
        """
        a_unit, b_unit, c_unit = (self.unit[self.ids[word]] for word in (a, b, c))
        return self.best(b_unit - a_unit + c_unit, k, (a, b, c) if exclude else ())

    def evaluate(self, questions):
        """The share of analogies answered correctly, of those whose words are known. [not in the book]

        questions: lines "a b c d"; lines that begin with a colon name a section. Returns nan if no words are known.
        """
        rows = [line.split() for line in questions if line.strip() and not line.startswith(":")]
        known = [row for row in rows if all(word in self.ids for word in row)]
        right = sum(self.analogy(a, b, c)[0][0] == d for a, b, c, d in known)
        return right / len(known) if known else math.nan

    def save(self, path):
        """Write a text file: the numbers of words and columns, then each word and its vector. [not in the book]"""
        import pathlib  # here, since its imports take long

        lines = [f"{len(self.words)} {self.array.shape[1]}"]
        lines += [" ".join([word, *map(repr, row)]) for word, row in zip(self.words, self.array.tolist(), strict=True)]
        path = pathlib.Path(path)
        part = path.with_name(f"{path.name}.part")
        with opened(part, "wt", path.suffix == ".gz") as file:
            file.write("\n".join(lines) + "\n")
        part.replace(path)

    @classmethod
    def load(cls, path, dtype=np.float32):
        """Read a text file of word2vec, fastText or GloVe, which has no first line; also .gz. [not in the book]

        Raises ValueError, with the number of the line, if it has another number of columns or no numbers.
        """
        words, rows = [], []
        with opened(path, "rt", str(path).endswith(".gz")) as file:
            for n, line in enumerate(file, 1):
                word, *numbers = line.rstrip().split(" ")
                if n == 1 and len(numbers) == 1 and word.isdecimal():
                    continue
                try:
                    row = np.array(numbers, dtype)
                except ValueError:
                    row = np.empty(0)
                if row.size == 0 or (rows and row.size != rows[0].size):
                    raise ValueError(
                        f"Vectors.load: line {n}: expected a word and numbers like the lines before, got {line!r}"
                    )
                words.append(word)
                rows.append(row)
        return cls(words, np.array(rows, dtype).reshape(len(words), -1))


def opened(path, mode, packed):
    """An open text file, compressed by gzip or not."""
    if not packed:
        return open(path, mode, encoding="utf-8")
    import gzip  # here, since it is rarely used

    return gzip.open(path, mode, encoding="utf-8")
