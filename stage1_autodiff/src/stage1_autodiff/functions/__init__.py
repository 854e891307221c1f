"""F: all functions, collected from the modules."""

from .elementwise import Exp, Square, exp, square
