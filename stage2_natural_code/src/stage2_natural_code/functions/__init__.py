"""F: all functions, collected from the modules."""

from .arithmetic import Add, Div, Mul, Neg, Pow, Sub, add, div, mul, neg, pow, rdiv, rsub, sub
from .elementwise import Exp, Square, exp, square
