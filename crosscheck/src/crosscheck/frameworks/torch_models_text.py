"""Models of text as PyTorch modules: language models, classifiers, translators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import cross_entropy


def recurrent(fw: Any, cell: str, *sizes: int, **options: Any) -> Any:
    """The adapter's recurrent layer of this name."""
    return {"rnn": fw.NStepRNN, "lstm": fw.NStepLSTM, "gru": fw.NStepGRU}[cell](*sizes, **options)


class Bias(torch.nn.Module):
    """A parameter that is added, in a module of its own, which fixes its place among the parameters."""

    def __init__(self, size: int):
        super().__init__()
        self.b = torch.nn.Parameter(torch.zeros(size))

    def forward(self, x: Any) -> Any:
        return x + self.b


class LanguageModel(torch.nn.Module):
    """Embedding, recurrent layers, Linear."""

    def __init__(self, vocab_size: int, size: Any, rnn: Any, hidden_size: int, tied: bool):
        super().__init__()
        self.vocab_size = vocab_size
        self.embed = None if size is None else torch.nn.Embedding(vocab_size, size)
        self.rnn = rnn
        self.tied = tied
        self.fc = Bias(vocab_size) if tied else torch.nn.Linear(hidden_size, vocab_size)

    def forward(self, ids: Any, state: Any = None, lengths: Any = None) -> Any:
        dtype = next(self.rnn.parameters()).dtype
        hot = torch.nn.functional.one_hot(ids, self.vocab_size).to(dtype)
        y, state = self.rnn(hot if self.embed is None else self.embed(ids), state, lengths)
        if self.tied and self.embed is not None:
            y = y @ self.embed.weight.T
        return self.fc(y), state

    def loss(self, ids: Any, targets: Any, state: Any = None) -> Any:
        y, state = self(ids, state)
        return cross_entropy(y.transpose(1, 2), targets), state

    def generate(self, prefix: Any, length: int, temperature: float) -> Any:
        """Only at temperature 0."""
        ids = torch.as_tensor(prefix)
        for _ in range(length):
            ids = torch.cat([ids, self(ids[None])[0][0, -1:].argmax(1)])
        return ids


class Classifier(torch.nn.Module):
    """Embedding, recurrent layers, a pooling over time, Linear."""

    def __init__(self, vocab_size: int, size: int, rnn: Any, width: int, n_classes: int, pool: str):
        super().__init__()
        self.embed = torch.nn.Embedding(vocab_size, size)
        self.rnn = rnn
        self.fc = torch.nn.Linear(width, n_classes)
        self.pool = pool

    def forward(self, ids: Any, lengths: Any = None) -> Any:
        y, _ = self.rnn(self.embed(ids), None, lengths)
        rows = [row if lengths is None else row[: lengths[i]] for i, row in enumerate(y)]
        pools: dict[str, Callable[[Any], Any]] = {
            "ends": lambda row: torch.cat([row[0], row[-1]]),
            "last": lambda row: row[-1],
            "mean": lambda row: row.mean(0),
            "max": lambda row: row.amax(0),
        }
        return self.fc(torch.stack([pools[self.pool](row) for row in rows]))


class TextCNN(torch.nn.Module):
    """Embeddings, convolutions of several kernel sizes, maxima over time, Linear."""

    def __init__(self, embed: Any, frozen: Any, convs: Any, fc: Any, dropout_ratio: float):
        super().__init__()
        self.embed = embed
        self.frozen = frozen
        self.convs = torch.nn.ModuleList(convs)
        self.fc = fc
        self.dropout = torch.nn.Dropout(dropout_ratio)

    def features(self, ids: Any) -> Any:
        x = self.embed(ids)
        x = x if self.frozen is None else torch.cat([x, self.frozen.to(x.dtype)[ids]], 2)
        convs: list[Any] = list(self.convs)
        missing = max(0, max(conv.kernel_size[0] for conv in convs) - x.shape[1])
        x = torch.nn.functional.pad(x, (0, 0, 0, missing)).transpose(1, 2)
        return torch.cat([torch.relu(conv(x)).amax(2) for conv in convs], 1)

    def forward(self, ids: Any) -> Any:
        return self.fc(self.dropout(self.features(ids)))


class Encoder(torch.nn.Module):
    """Embedding and recurrent layers."""

    def __init__(self, vocab_size: int, size: int, rnn: Any):
        super().__init__()
        self.embed = torch.nn.Embedding(vocab_size, size)
        self.rnn = rnn

    def forward(self, ids: Any, lengths: Any = None) -> Any:
        return self.rnn(self.embed(ids), None, lengths)


class Decoder(torch.nn.Module):
    """One step at a time: what attention finds, joined with the embedding."""

    def __init__(self, vocab_size: int, size: int, rnn: Any, hidden_size: int, attention: Any, attend: Any):
        super().__init__()
        self.embed = torch.nn.Embedding(vocab_size, size)
        self.rnn = rnn
        if attend is not None:
            self.attend = attend
        self.fc = torch.nn.Linear(hidden_size, vocab_size)
        self.attention = attention

    def forward(self, ids: Any, state: Any, outputs: Any = None, mask: Any = None) -> Any:
        ys = []
        for t in range(ids.shape[1]):
            x = self.embed(ids[:, t : t + 1])
            if self.attention is not None:
                x = torch.cat([self.context(state, outputs, mask), x], 2)
            y, state = self.rnn(x, state)
            ys.append(y)
        return self.fc(torch.cat(ys, 1)), state

    def context(self, state: Any, outputs: Any, mask: Any) -> Any:
        query = (state[0] if isinstance(state, tuple) else state)[-1][:, None]
        if self.attention == "additive":
            return self.attend(query, outputs, outputs, mask)
        scores = query @ outputs.transpose(1, 2) / outputs.shape[2] ** 0.5
        scores = scores if mask is None else scores.masked_fill(~mask[:, None], -torch.inf)
        return torch.softmax(scores, 2) @ outputs


class Seq2Seq(torch.nn.Module):
    """An encoder, and a decoder that starts with its last state."""

    def __init__(self, encoder: Any, decoder: Any, bos: int, eos: int):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.bos = bos
        self.eos = eos

    def forward(self, src: Any, targets: Any, lengths: Any = None) -> Any:
        outputs, state = self.encoder(src, lengths)
        mask = None if lengths is None else torch.arange(src.shape[1]) < torch.as_tensor(lengths)[:, None]
        ids = torch.cat([torch.full((len(targets), 1), self.bos), targets[:, :-1]], 1)
        return self.decoder(ids, state, outputs, mask)[0]

    def loss(self, src: Any, targets: Any, lengths: Any = None) -> Any:
        found = []
        for scores, row in zip(self(src, targets, lengths), targets, strict=True):
            ends = (row == self.eos).nonzero()
            n = len(row) if len(ends) == 0 else int(ends[0]) + 1
            found.append(cross_entropy(scores[:n], row[:n], reduction="none"))
        return torch.cat(found).mean()
