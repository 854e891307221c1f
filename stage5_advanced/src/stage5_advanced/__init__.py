"""Steps 52-60: GPU support, saved models, dropout, convolution, recurrent networks."""

from . import cuda, datasets, functions, layers, models, optimizers, transforms, utils
from .config import Config, no_grad, test_mode, using_config
from .core import Function, Parameter, Variable, as_array, as_variable, grad
from .dataloaders import DataLoader, SeqDataLoader
from .datasets import Dataset
from .functions import Exp, Square, exp, square
from .gradcheck import check_gradients, numerical_diff, numerical_grad
from .layers import Layer
from .models import Model
from .operators import setup_variable
from .saving import load_checkpoint, save_checkpoint

__version__ = "1.1.0"

setup_variable()
