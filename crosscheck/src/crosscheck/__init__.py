"""Run identical computations in every stage of the framework and in PyTorch, and check values and gradients."""

__version__ = "1.1.0"


class UsageError(Exception):
    """A mistake that the user can fix, described in one line; the exit status is 2."""
