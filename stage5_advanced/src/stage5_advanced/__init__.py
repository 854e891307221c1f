"""Steps 52-60: GPU support, saved models, dropout, convolution, recurrent networks."""

import importlib

from . import cuda, functions, initializers, layers, optimizers
from .config import Config, no_grad, test_mode, using_config
from .core import Function, Parameter, Variable, as_array, as_variable, grad
from .dataloaders import DataLoader, SeqDataLoader
from .functions import Exp, Square, exp, square
from .gradcheck import check_gradients, numerical_diff, numerical_grad
from .layers import Layer
from .operators import setup_variable

__version__ = "1.1.0"

setup_variable()

_LATE = {  # imported at first use, since it takes long to import what they need: attribute -> its module
    "datasets": "datasets",
    "models": "models",
    "transforms": "transforms",
    "hybrid": "hybrid",
    "hybridize": "hybrid",
    "scratch": "scratch",
    "training": "training",
    "records": "records",
    "distributed": "distributed",
    "prefetch": "prefetch",
    "scores": "scores",
    "text": "text",
    "synthetic": "synthetic",
    "vision": "vision",
    "utils": "utils",
    "Dataset": "datasets",
    "Model": "models",
    "load_checkpoint": "saving",
    "save_checkpoint": "saving",
}


def __getattr__(name):
    """Import what is in _LATE."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{_LATE[name]}", __name__)
    return module if name == _LATE[name] else getattr(module, name)


def __dir__():
    """All names, also those that are not imported yet."""
    return {*globals(), *_LATE}
