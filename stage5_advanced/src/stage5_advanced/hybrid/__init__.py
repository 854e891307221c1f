"""hybridize: a model or a function is traced once, and replayed as a program for the next inputs of the same shapes."""

from .model import Hybrid, hybridize
