"""Steps 37-51: tensors, layers, optimizers, data."""

from . import datasets, functions, layers, models, optimizers, transforms, utils
from .config import Config, no_grad, using_config
from .core import Function, Parameter, Variable, as_array, as_variable, grad
from .dataloaders import DataLoader
from .datasets import Dataset
from .functions import Exp, Square, exp, square
from .gradcheck import check_gradients, numerical_diff, numerical_grad
from .layers import Layer
from .models import Model
from .operators import setup_variable

__version__ = "1.1.0"

setup_variable()
