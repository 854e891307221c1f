"""A framework in about 60 lines: each variable stores its parents and its backward function."""

import itertools

import numpy as np

name = "tiny"  # the title of the column
differs = {  # computations whose result differs on purpose, and why
    "square_of_an_array": "accepts arrays",
    **{f"variable_of_{data}": "accepts any data" for data in ("a_float", "a_list", "complex_numbers", "objects")},
}
counter = itertools.count()


class Variable:
    def __init__(self, data, parents=(), back=None):
        self.data = np.asarray(data)
        self.parents = parents
        self.back = back  # gradient of this variable -> gradients of its parents
        self.age = next(counter)


def function(forward, backward):
    """A user-defined function: forward(*xs) -> y, backward(gy, *xs) -> gxs."""

    def call(*xs):
        xs = [x if isinstance(x, Variable) else Variable(x) for x in xs]
        arrays = [x.data for x in xs]
        return Variable(forward(*arrays), xs, lambda gy: backward(gy, *arrays))

    return call


square = function(lambda x: x**2, lambda gy, x: 2 * x * gy)
exp = function(np.exp, lambda gy, x: np.exp(x) * gy)


def gradients(outputs, inputs, seeds):
    """The gradients of sum(seed * output) with respect to the inputs. seeds: None for ones."""
    found = {}

    def add(x, g):
        if np.shape(g) != x.data.shape:
            raise ValueError(f"gradients: expected shape {x.data.shape}, got {np.shape(g)}")
        found[x] = found[x] + g if x in found else g

    for i, y in enumerate(outputs):
        add(y, np.ones_like(y.data) if seeds is None else seeds[i])
    waiting = set(outputs)
    while waiting:
        y = max(waiting, key=lambda x: x.age)  # the newest first: its gradient is complete
        waiting.remove(y)
        if y.parents:
            gxs = y.back(found[y])
            for x, gx in zip(y.parents, gxs if isinstance(gxs, tuple) else (gxs,), strict=True):
                add(x, gx)
                waiting.add(x)
    return [found.get(x) for x in inputs]


def array(x):
    """The NumPy array in a variable or a gradient."""
    return np.asarray(x.data if isinstance(x, Variable) else x)
