"""The Rosetta beyond the book: models of text, written with PyTorch's modules."""

from __future__ import annotations

from typing import Any

import torch

from . import torch_models_text as text


class TorchBeyondLanguage:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def LanguageModel(
        self,
        vocab_size: int,
        size: Any,
        hidden_size: int,
        cell: str = "rnn",
        n_layers: int = 1,
        dropout_ratio: float = 0.0,
        tied: bool = False,
    ) -> Any:
        """There is no such module."""
        width = vocab_size if size is None else size
        rnn = text.recurrent(self, cell, n_layers, hidden_size, width, dropout_ratio=dropout_ratio)
        return text.LanguageModel(vocab_size, size, rnn, hidden_size, tied)

    def RNNClassifier(
        self,
        vocab_size: int,
        size: int,
        hidden_size: int,
        n_layers: int = 2,
        n_classes: int = 2,
        cell: str = "lstm",
        bidirectional: bool = True,
        pool: str = "ends",
        dropout_ratio: float = 0.0,
    ) -> Any:
        """There is no such module."""
        options: dict[str, Any] = {"bidirectional": bidirectional, "dropout_ratio": dropout_ratio}
        width = hidden_size * (1 + bidirectional) * (1 + (pool == "ends"))
        rnn = text.recurrent(self, cell, n_layers, hidden_size, size, **options)
        return text.Classifier(vocab_size, size, rnn, width, n_classes, pool)

    def TextCNN(
        self,
        vocab_size: int,
        size: int,
        kernel_sizes: Any = (3, 4, 5),
        channels: Any = (100, 100, 100),
        n_classes: int = 2,
        dropout_ratio: float = 0.5,
        vectors: Any = None,
    ) -> Any:
        """There is no such module."""
        width = size if vectors is None else 2 * size
        convs = [torch.nn.Conv1d(width, C, K) for K, C in zip(kernel_sizes, channels, strict=True)]
        frozen = None if vectors is None else torch.as_tensor(vectors)
        fc = torch.nn.Linear(sum(channels), n_classes)
        return text.TextCNN(torch.nn.Embedding(vocab_size, size), frozen, convs, fc, dropout_ratio)

    def Encoder(
        self,
        vocab_size: int,
        size: int,
        hidden_size: int,
        n_layers: int = 1,
        cell: str = "gru",
        dropout_ratio: float = 0.0,
    ) -> Any:
        """There is no such module."""
        rnn = text.recurrent(self, cell, n_layers, hidden_size, size, dropout_ratio=dropout_ratio)
        return text.Encoder(vocab_size, size, rnn)

    def Decoder(
        self,
        vocab_size: int,
        size: int,
        hidden_size: int,
        n_layers: int = 1,
        cell: str = "gru",
        attention: Any = None,
        attention_size: int = 10,
        dropout_ratio: float = 0.0,
    ) -> Any:
        """There is no such module."""
        width = size if attention is None else size + hidden_size
        rnn = text.recurrent(self, cell, n_layers, hidden_size, width, dropout_ratio=dropout_ratio)
        attend = self.AdditiveAttention(attention_size) if attention == "additive" else None  # type: ignore[attr-defined]
        return text.Decoder(vocab_size, size, rnn, hidden_size, attention, attend)

    def Seq2Seq(self, encoder: Any, decoder: Any, bos: int = 1, eos: int = 2) -> Any:
        """There is no such module."""
        return text.Seq2Seq(encoder, decoder, bos, eos)
