"""Modes of the whole process: whether calls record a graph, whether layers are being trained."""

import contextlib


class Config:
    """The one configuration; used as a class, never instantiated. It is shared by all threads. [step 18]

    enable_backprop: whether function calls remember their inputs for a backward pass.
    train: whether dropout and batch normalization behave as in training. [step 54]
    """

    enable_backprop = True
    train = True


@contextlib.contextmanager
def using_config(name, value):
    """Set Config.name to a value inside a with block; the old value comes back in any case. [step 18]

    AttributeError for a name that Config does not have.
    """
    old_value = getattr(Config, name)
    setattr(Config, name, value)
    try:
        yield
    finally:
        setattr(Config, name, old_value)


def no_grad():
    """Record no graph inside a with block: less memory where no gradient is wanted. [step 18]"""
    return using_config("enable_backprop", False)


def test_mode():
    """Behave as in use, not as in training, inside a with block: dropout passes everything on. [step 54]

    Graphs are recorded as before; no_grad() is the switch for that.
    """
    return using_config("train", False)
