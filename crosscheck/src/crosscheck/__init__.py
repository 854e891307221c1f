"""Identical computations in every stage of the framework and in PyTorch: equal values, equal gradients."""

__version__ = "1.1.0"


class UsageError(Exception):
    """Something the user can mend, said in one line: exit status 2."""
