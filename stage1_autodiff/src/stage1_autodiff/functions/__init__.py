"""F: every function, gathered from the families."""

from .elementwise import Exp, Square, exp, square
