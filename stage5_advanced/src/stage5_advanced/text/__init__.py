"""Helpers for text, collected from the modules."""

from .search import beam_search, greedy
