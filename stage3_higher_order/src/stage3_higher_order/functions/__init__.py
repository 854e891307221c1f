"""F: all functions, collected from the modules."""

from .arithmetic import Add, Div, Mul, Neg, Pow, Power, Sub, add, div, mul, neg, pow, rdiv, rpow, rsub, sub
from .elementwise import Cos, Exp, Log, Sin, Square, Tanh, cos, exp, log, sin, square, tanh
