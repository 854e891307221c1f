"""Steps 11-24: arbitrary graphs, written as ordinary Python: operators, loops and branches."""

from . import functions
from .config import Config, no_grad, using_config
from .core import Function, Variable, as_array, as_variable
from .functions import Exp, Square, exp, square
from .gradcheck import numerical_diff
from .operators import setup_variable

__version__ = "1.1.0"

setup_variable()
