"""The operators of Variable, assigned one by one."""

from .core import Variable
from .functions import add, div, mul, neg, pow, rdiv, rpow, rsub, sub


def setup_variable():
    """Assign the operators of Variable. [step 23]"""
    Variable.__add__ = add
    Variable.__radd__ = add
    Variable.__mul__ = mul
    Variable.__rmul__ = mul
    Variable.__neg__ = neg
    Variable.__sub__ = sub
    Variable.__rsub__ = rsub
    Variable.__truediv__ = div
    Variable.__rtruediv__ = rdiv
    Variable.__pow__ = pow
    Variable.__rpow__ = rpow
    Variable._repr_html_ = repr_html


def repr_html(x):
    """What a notebook shows of a variable; `dot` is imported when it is needed. [step 26, not in the book]"""
    from .dot import shown_with_graph

    return shown_with_graph(x)
