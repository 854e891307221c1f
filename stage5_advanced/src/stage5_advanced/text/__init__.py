"""Helpers for text, collected from the modules."""

from .batches import cooccurrences, pairs, skipgram_batches, subsample
from .search import beam_search, greedy
from .sequences import lm_batches, pad_batch, translation_batches
from .vocabulary import Vocabulary, tokenize
