"""Steps 25-36: derivatives of any order, and drawings of graphs."""

from . import functions, utils
from .config import Config, no_grad, using_config
from .core import Function, Variable, as_array, as_variable, grad
from .functions import Exp, Square, exp, square
from .gradcheck import check_gradients, numerical_diff, numerical_grad
from .operators import setup_variable

__version__ = "1.1.0"

setup_variable()
