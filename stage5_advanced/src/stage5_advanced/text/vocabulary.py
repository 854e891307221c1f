"""Words as numbers."""

import re
from collections import Counter

import numpy as np


def tokenize(text, by="word"):
    """A list of tokens: characters, parts between spaces, or words and punctuation in lower case. [not in the book]

    by: 'char', 'space' or 'word'. Raises ValueError for anything else.
    """
    if by not in ("char", "space", "word"):
        raise ValueError(f"tokenize: expected by 'char', 'space' or 'word', got {by!r}")
    return re.findall(r"\w+|[^\w\s]", text.lower()) if by == "word" else list(text) if by == "char" else text.split()


class Vocabulary:
    """An id for each token: reserved ones first, then by decreasing count, in a tie alphabetically. [not in the book]

    Tokens that occur less than min_freq times have no id: `encode` returns the id of "<unk>", if it is reserved. counts
    (V,): how often each token occurs; "<unk>" counts those without an id.
    """

    def __init__(self, tokens, min_freq=1, reserved=("<unk>",)):
        found = Counter(tokens)
        kept = [token for token, n in found.items() if n >= min_freq and token not in reserved]
        self.tokens = [*reserved, *sorted(kept, key=lambda token: (-found[token], token))]
        self.ids = {token: n for n, token in enumerate(self.tokens)}
        self.counts = np.array([found[token] for token in self.tokens], np.int64)
        if "<unk>" in self.ids:
            self.counts[self.ids["<unk>"]] += sum(n for token, n in found.items() if token not in self.ids)

    def __len__(self):
        return len(self.tokens)

    def encode(self, tokens):
        """The ids of a list of tokens, int64 (N,). Raises KeyError if one is unknown and "<unk>" is not reserved."""
        unknown = {} if "<unk>" not in self.ids else dict.fromkeys(set(tokens) - self.ids.keys(), self.ids["<unk>"])
        return np.array([unknown[token] if token in unknown else self.ids[token] for token in tokens], np.int64)

    def decode(self, ids):
        """The tokens with these ids, a list."""
        return [self.tokens[n] for n in np.asarray(ids).tolist()]
