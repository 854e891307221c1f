"""Helpers for text, collected from the modules."""

from .batches import cooccurrences, pairs, skipgram_batches, subsample
from .search import beam_search, greedy
from .vocabulary import Vocabulary, tokenize
