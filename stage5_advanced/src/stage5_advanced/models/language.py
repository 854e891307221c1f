"""Models of text: n-grams, language models, classifiers, and sequence to sequence with attention."""

import math

import numpy as np

from .. import cuda
from .. import functions as F
from .. import layers as L
from ..config import no_grad, test_mode
from ..core import Parameter, as_input, as_number
from ..functions.elementwise import derived
from ..functions.regularize import as_ratio
from .base import Model

CELLS = {"rnn": L.NStepRNN, "lstm": L.NStepLSTM, "gru": L.NStepGRU}
DISCOUNT = 0.75  # of Kneser-Ney smoothing


class NGram:
    """Counts of n tokens in a row: P(w given the n - 1 before). Arrays, without gradients. [not in the book]

    smoothing: 'add', (c + k) / (C + k V) for counts c of the n tokens, C of the first n - 1, and V ids; or
    'kneser_ney', interpolated, with a discount of 0.75: shorter contexts count the different tokens before them.
    interpolate: weights of the orders 1 to n, whose probabilities are then added. Raises ValueError for other values.
    """

    def __init__(self, n, smoothing="add", k=1.0, interpolate=None):
        if not (isinstance(n, (int, np.integer)) and n >= 1):
            raise ValueError(f"NGram: expected n of at least 1, got {n!r}")
        if smoothing not in ("add", "kneser_ney"):
            raise ValueError(f"NGram: expected smoothing 'add' or 'kneser_ney', got {smoothing!r}")
        if not as_number("NGram", "k", k) >= 0:
            raise ValueError(f"NGram: expected k of at least 0, got {k}")
        if interpolate is not None and (len(interpolate) != n or not math.isclose(sum(interpolate), 1)):
            raise ValueError(f"NGram: expected {n} weights whose sum is 1, got {interpolate}")
        self.n = n
        self.smoothing = smoothing
        self.k = k
        self.interpolate = interpolate

    def fit(self, ids, vocab_size=None):
        """Count the n-grams of a list of ids, from 0 to vocab_size - 1, or to the largest one if None. Returns self."""
        ids = as_ids("NGram.fit", ids, self.n)
        self.vocab_size = max(ids) + 1 if vocab_size is None else vocab_size
        if not 0 <= min(ids) <= max(ids) < self.vocab_size:
            raise ValueError(f"NGram.fit: expected ids from 0 to {self.vocab_size - 1}, got {min(ids)} to {max(ids)}")
        self.counts = {}  # context -> the count of each next id
        for m in range(1, self.n + 1):
            for start in range(len(ids) - m + 1):
                *context, token = ids[start : start + m]
                self.counts_of(tuple(context), create=True)[token] += 1
        self.continuations = {}  # context -> the number of different ids before it and each next id
        for context, counts in self.counts.items():
            if context:
                self.continuations.setdefault(context[1:], np.zeros(self.vocab_size))[counts > 0] += 1
        return self

    def counts_of(self, context, create=False):
        """The count of each id after a context."""
        if create:
            return self.counts.setdefault(context, np.zeros(self.vocab_size))
        return self.counts.get(context, np.zeros(self.vocab_size))

    def probabilities(self, context=()):
        """P(w) of each id (V,) after the last n - 1 ids of the context, or after all of a shorter one."""
        context = tuple(int(i) for i in context)
        context = context[max(0, len(context) - self.n + 1) :]
        if self.smoothing == "kneser_ney":
            return self.kneser_ney(context)
        if self.interpolate is None:
            return self.additive(context)
        orders = range(min(len(context) + 1, self.n))
        weights = np.array(self.interpolate[: len(orders)])
        parts = [self.additive(context[len(context) - m :]) for m in orders]
        return sum(w * p for w, p in zip(weights / weights.sum(), parts, strict=True))

    def additive(self, context):
        """(c + k) / (C + k V); uniform if nothing is known."""
        counts = self.counts_of(context) + self.k
        total = counts.sum()
        return counts / total if total > 0 else np.full(self.vocab_size, 1 / self.vocab_size)

    def kneser_ney(self, context):
        """max(c - d, 0) / C, and what that leaves times the probability after the shorter context."""
        full = len(context) == self.n - 1
        counts = self.counts_of(context) if full else self.continuations.get(context, np.zeros(self.vocab_size))
        total = counts.sum()
        if not context:
            return counts / total
        shorter = self.kneser_ney(context[1:])
        if total == 0:
            return shorter
        kept = np.maximum(counts - DISCOUNT, 0) / total
        return kept + (1 - kept.sum()) * shorter

    def perplexity(self, ids):
        """exp of the mean of -log P, over the ids that have n - 1 before them."""
        ids = as_ids("NGram.perplexity", ids, self.n)
        with np.errstate(divide="ignore"):
            logs = [np.log(self.probabilities(ids[:t])[ids[t]]) for t in range(self.n - 1, len(ids))]
        return float(np.exp(-np.mean(logs)))

    def sample(self, length, prefix=(), rng=None):
        """prefix and `length` ids drawn after it, an array; from NumPy's global generator if rng is None."""
        ids = [int(i) for i in prefix]
        rng = None if rng is None else np.random.default_rng(rng)
        for _ in range(length):
            ids.append(draw(self.probabilities(ids), rng))
        return np.array(ids, int)


def as_ids(name, ids, least):
    """A list of integers. Raises ValueError if there are fewer than `least`."""
    ids = [int(i) for i in ids]
    if len(ids) < least:
        raise ValueError(f"{name}: expected at least {least} ids, got {len(ids)}")
    return ids


def draw(p, rng):
    """An id drawn with these probabilities."""
    u = np.random.random() if rng is None else rng.random()
    return int(min(np.searchsorted(np.cumsum(p), u * np.sum(p), side="right"), np.flatnonzero(p)[-1]))


def recurrent(name, cell, *sizes, **options):
    """A recurrent layer by its name. Raises ValueError for another one."""
    if cell not in CELLS:
        raise ValueError(f"{name}: expected cell 'rnn', 'lstm' or 'gru', got {cell!r}")
    return CELLS[cell](*sizes, **options)


class LanguageModel(Model):
    """Scores of the next token at each step: EmbedID, recurrent layers, Linear. [not in the book]

    embed (vocab_size, size), or one-hot vectors if size is None; rnn: cell 'rnn', 'gru' or 'lstm'; fc. dropout_ratio:
    between layers. tied: the output shares W with the embedding, so sizes must be equal. A network in both directions
    would see what it predicts, so it raises ValueError; it is for RNNClassifier.
    """

    def __init__(
        self, vocab_size, size, hidden_size, cell="rnn", n_layers=1, dropout_ratio=0.0, tied=False, bidirectional=False
    ):
        super().__init__()
        if bidirectional:
            raise ValueError("LanguageModel: expected bidirectional=False, since it must not see what it predicts")
        if tied and size != hidden_size:
            raise ValueError(f"LanguageModel: expected equal sizes to share W, got {size} and {hidden_size}")
        self.vocab_size = vocab_size
        self.tied = tied
        self.embed = None if size is None else L.EmbedID(vocab_size, size)
        width = vocab_size if size is None else size
        self.rnn = recurrent("LanguageModel", cell, n_layers, hidden_size, width, dropout_ratio=dropout_ratio)
        self.fc = None if tied else L.Linear(vocab_size, in_size=hidden_size)
        self.b = Parameter(np.zeros(vocab_size, np.float32), name="b") if tied else None

    def forward(self, ids, state=None, lengths=None):
        """ids (N, T), state of rnn, or None at the beginning -> scores (N, T, vocab_size), state."""
        x = F.one_hot(ids, self.vocab_size, self.fc.W.dtype) if self.embed is None else self.embed(ids)
        y, state = self.rnn(x, state, lengths)
        return F.linear(y, F.transpose(self.embed.W), self.b) if self.tied else self.fc(y), state

    def loss(self, ids, targets, state=None):
        """The mean cross entropy of the next tokens (N, T), and the state; the perplexity is exp of the loss."""
        y, state = self(ids, state)
        return F.softmax_cross_entropy(F.reshape(y, (-1, self.vocab_size)), F.reshape(targets, (-1,))), state

    def generate(self, prefix, length, temperature=1.0, rng=None):
        """prefix and `length` ids drawn after it, an array: from softmax(scores / temperature), the maximum at 0.

        Draws from NumPy's global generator if rng is None. Raises ValueError for an empty prefix.
        """
        ids = as_ids("LanguageModel.generate", prefix, 1)
        if not as_number("LanguageModel.generate", "temperature", temperature) >= 0:
            raise ValueError(f"LanguageModel.generate: expected a temperature of at least 0, got {temperature}")
        rng = None if rng is None else np.random.default_rng(rng)
        state, new = None, ids
        with no_grad(), test_mode():
            for _ in range(length):
                y, state = self(self.xp.asarray([new]), state)
                scores = cuda.as_numpy(y)[0, -1].astype(float)
                if temperature == 0:
                    new = [int(scores.argmax())]
                else:
                    new = [draw(np.exp((scores - scores.max()) / temperature), rng)]
                ids = ids + new
        return np.array(ids)


class RNNClassifier(Model):
    """Classes of texts: EmbedID, recurrent layers in both directions, Linear. [not in the book]

    pool: what the classifier sees of the outputs: 'ends', the first and the last one, joined; 'last'; 'mean' and 'max'
    over the steps. ids (N, T), lengths (N,) -> scores (N, n_classes).
    """

    def __init__(
        self, vocab_size, size, hidden_size, n_layers=2, n_classes=2, cell="lstm", bidirectional=True, pool="ends",
        dropout_ratio=0.0,
    ):  # fmt: skip
        super().__init__()
        if pool not in ("ends", "last", "mean", "max"):
            raise ValueError(f"RNNClassifier: expected pool 'ends', 'last', 'mean' or 'max', got {pool!r}")
        self.pool = pool
        self.embed = L.EmbedID(vocab_size, size)
        options = {"bidirectional": bidirectional, "dropout_ratio": dropout_ratio}
        self.rnn = recurrent("RNNClassifier", cell, n_layers, hidden_size, size, **options)
        width = hidden_size * (1 + bidirectional) * (1 + (pool == "ends"))
        self.fc = L.Linear(n_classes, in_size=width)

    def forward(self, ids, lengths=None):
        y, _ = self.rnn(self.embed(ids), None, lengths)
        N, T, _ = y.shape
        lengths = np.full(N, T) if lengths is None else cuda.as_numpy(lengths)
        if self.pool in ("ends", "last"):
            last = y[np.arange(N), lengths - 1]
            return self.fc(last if self.pool == "last" else F.concat([y[:, 0], last], axis=1))
        if self.pool == "mean":  # y is 0 after the end
            return self.fc(F.sum(y, axis=1) / y.xp.asarray(lengths.reshape(N, 1).astype(y.dtype)))
        return self.fc(F.max(F.where(F.expand_dims(mask_for(y, lengths), 2), y, -math.inf), axis=1))


def mask_for(y, lengths):
    """Where the sequences in y (N, T, ...) have not ended: (N, T), on the device of y."""
    return F.sequence_mask(y.xp.asarray(cuda.as_numpy(lengths)), y.shape[1])


class TextCNN(Model):
    """Classes of texts: convolutions of several kernel sizes over word vectors, maxima over time. [not in the book]

    ids (N, T) -> scores (N, n_classes). embed: trained vectors; with `vectors` (vocab_size, size) it starts from them,
    and next to it frozen has them as they are. Texts shorter than the largest kernel are padded with zero vectors.
    """

    def __init__(
        self, vocab_size, size, kernel_sizes=(3, 4, 5), channels=(100, 100, 100), n_classes=2, dropout_ratio=0.5,
        vectors=None,
    ):  # fmt: skip
        super().__init__()
        if len(kernel_sizes) != len(channels) or not kernel_sizes:
            raise ValueError(f"TextCNN: expected as many channels as kernel sizes, got {channels} and {kernel_sizes}")
        if vectors is not None and np.shape(vectors) != (vocab_size, size):
            raise ValueError(f"TextCNN: expected vectors {(vocab_size, size)}, got {np.shape(vectors)}")
        self.kernel_sizes = tuple(kernel_sizes)
        self.dropout_ratio = as_ratio("TextCNN", "dropout_ratio", dropout_ratio)
        self.embed = L.EmbedID(vocab_size, size) if vectors is None else L.EmbedID.of(vectors, frozen=False)
        self.frozen = None if vectors is None else L.EmbedID.of(vectors)
        for k, (K, C) in enumerate(zip(kernel_sizes, channels, strict=True)):
            setattr(self, f"conv{k}", L.Conv1d(C, K, in_channels=size * (1 if vectors is None else 2)))
        self.fc = L.Linear(n_classes, in_size=sum(channels))

    def features(self, ids):
        """The maximum of each channel over time: ids (N, T) -> (N, sum of channels)."""
        x = self.embed(ids)
        if self.frozen is not None:
            x = F.concat([x, self.frozen(ids)], axis=2)
        missing = max(self.kernel_sizes) - x.shape[1]
        if missing > 0:
            x = F.pad(x, ((0, 0), (0, missing), (0, 0)))
        x = F.transpose(x, (0, 2, 1))  # (N, T, size) -> (N, size, T)
        convs = [getattr(self, f"conv{k}") for k in range(len(self.kernel_sizes))]
        return F.concat([F.global_max_pool(F.relu(conv(x))) for conv in convs], axis=1)

    def forward(self, ids):
        return self.fc(F.dropout(self.features(ids), self.dropout_ratio))


class Encoder(Model):
    """What a sentence says: EmbedID and recurrent layers.  ids (N, T) -> outputs (N, T, hidden_size), state.

    cell: 'rnn', 'gru' or 'lstm'. dropout_ratio: between layers. [not in the book]
    """

    def __init__(self, vocab_size, size, hidden_size, n_layers=1, cell="gru", dropout_ratio=0.0):
        super().__init__()
        self.form = (cell, n_layers, hidden_size)
        self.embed = L.EmbedID(vocab_size, size)
        self.rnn = recurrent("Encoder", cell, n_layers, hidden_size, size, dropout_ratio=dropout_ratio)

    def forward(self, ids, lengths=None):
        return self.rnn(self.embed(ids), None, lengths)


class Decoder(Model):
    """Scores of the next token at each step, from a state and the outputs of an Encoder. [not in the book]

    attention: None; 'dot', of the state of the last layer before a step to the outputs; or 'additive', with
    attention_size units. What it finds is joined with the embedding. cell, n_layers, hidden_size as in the Encoder.
    """

    def __init__(
        self, vocab_size, size, hidden_size, n_layers=1, cell="gru", attention=None, attention_size=10,
        dropout_ratio=0.0,
    ):  # fmt: skip
        super().__init__()
        if attention not in (None, "dot", "additive"):
            raise ValueError(f"Decoder: expected attention None, 'dot' or 'additive', got {attention!r}")
        L.check_sizes(self, attention_size=attention_size)
        self.form = (cell, n_layers, hidden_size)
        self.attention = attention
        self.embed = L.EmbedID(vocab_size, size)
        width = size if attention is None else size + hidden_size
        self.rnn = recurrent("Decoder", cell, n_layers, hidden_size, width, dropout_ratio=dropout_ratio)
        if attention == "additive":
            self.attend = L.AdditiveAttention(attention_size)
        self.fc = L.Linear(vocab_size, in_size=hidden_size)

    def forward(self, ids, state, outputs=None, mask=None):
        """ids (N, T), state, outputs (N, S, hidden_size) of the encoder, mask (N, S) -> scores (N, T, V), state.

        mask: True where there is a token; None stands for everywhere.
        """
        x = self.embed(ids)
        if self.attention is None:
            y, state = self.rnn(x, state)
            return self.fc(y), state
        ys = []
        for t in range(x.shape[1]):
            context = self.context(state, outputs, mask)
            y, state = self.rnn(F.concat([context, x[:, t : t + 1]], axis=2), state)
            ys.append(y)
        return self.fc(F.concat(ys, axis=1)), state

    def context(self, state, outputs, mask):
        """What attention finds for a state: (N, 1, hidden_size)."""
        query = F.expand_dims((state[0] if isinstance(state, tuple) else state)[-1], 1)
        if self.attention == "additive":
            return self.attend(query, outputs, outputs, mask)
        return F.attention(query, outputs, outputs, None if mask is None else F.expand_dims(mask, 1))


class Seq2Seq(Model):
    """Translates sequences: the decoder starts with the last state of the encoder. [not in the book]

    bos, eos: the ids before the first and after the last token of a target. `text.greedy` and `text.beam_search` use
    `start` and `step`. Raises ValueError unless encoder and decoder have the same cells, layers and sizes.
    """

    def __init__(self, encoder, decoder, bos=1, eos=2):
        super().__init__()
        if encoder.form != decoder.form:
            raise ValueError(f"Seq2Seq: expected the same cell, layers and size, got {encoder.form} and {decoder.form}")
        self.encoder = encoder
        self.decoder = decoder
        self.bos = bos
        self.eos = eos

    def encode(self, src, lengths=None):
        """The outputs, the last state and the mask of the decoder's attention."""
        outputs, state = self.encoder(src, lengths)
        mask = None if lengths is None else mask_for(outputs, lengths)
        return outputs, state, mask

    def forward(self, src, targets, lengths=None):
        """Teacher forcing: src (N, S), targets (N, T), lengths of src (N,) -> scores (N, T, V) of the targets."""
        targets = as_input(targets)
        outputs, state, mask = self.encode(src, lengths)
        first = targets.xp.full((len(targets), 1), self.bos, targets.dtype)
        ids = F.concat([first, targets[:, :-1]], axis=1)
        return self.decoder(ids, state, outputs, mask)[0]

    def loss(self, src, targets, lengths=None):
        """The mean cross entropy of all tokens of the targets up to the first eos; what follows it does not count."""
        y = self(src, targets, lengths)
        xp, eos = y.xp, self.eos

        def labels(t):
            ended = (t == eos).cumsum(1) - (t == eos) > 0
            return xp.where(ended, -1, t.astype(int)).reshape(-1)

        t = derived(labels, as_input(targets))
        return F.softmax_cross_entropy(F.reshape(y, (len(t), y.shape[2])), t, ignore=-1)

    def start(self, src, lengths=None):
        """The state of a search for each row of src: a dict whose arrays have the rows first."""
        outputs, state, mask = self.encode(src, lengths)
        return {"state": turned(state), "outputs": outputs, "mask": mask}

    def step(self, ids, state):
        """The next step of a search: ids (K,), state -> log_p (K, V), state."""
        ids = state["outputs"].xp.asarray(ids)[:, None]
        y, new = self.decoder(ids, turned(state["state"]), state["outputs"], state["mask"])
        return F.log_softmax(y[:, 0]), state | {"state": turned(new)}


def turned(state):
    """Exchange the first two axes of a state: of layers, and of rows."""
    if isinstance(state, tuple):
        return tuple(map(turned, state))
    return F.swapaxes(state, 0, 1)
