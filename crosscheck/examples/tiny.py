"""A framework in some sixty lines: each variable keeps its parents and the way back to them."""

import itertools

import numpy as np

name = "tiny"  # the title of the column
differs = {  # computations that are meant to come out differently, and why
    "variable_of_a_float": "takes numbers",
    "variable_of_a_list": "takes lists",
    "square_of_an_array": "takes arrays",
}
counter = itertools.count()


class Variable:
    def __init__(self, data, parents=(), back=None):
        self.data = np.asarray(data)
        self.parents = parents
        self.back = back  # the gradient of this variable -> those of its parents
        self.age = next(counter)


def function(forward, backward):
    """A function of the user's own: forward(*xs) -> y, backward(gy, *xs) -> gxs."""

    def call(*xs):
        xs = [x if isinstance(x, Variable) else Variable(x) for x in xs]
        arrays = [x.data for x in xs]
        return Variable(forward(*arrays), xs, lambda gy: backward(gy, *arrays))

    return call


square = function(lambda x: x**2, lambda gy, x: 2 * x * gy)
exp = function(np.exp, lambda gy, x: np.exp(x) * gy)


def gradients(outputs, inputs, seeds):
    """The gradients of sum(seed * output) by the inputs; seeds None: ones."""
    found = {}

    def add(x, g):
        if np.shape(g) != x.data.shape:
            raise ValueError(f"a gradient of shape {np.shape(g)} for data of shape {x.data.shape}")
        found[x] = found[x] + g if x in found else g

    for i, y in enumerate(outputs):
        add(y, np.ones_like(y.data) if seeds is None else seeds[i])
    waiting = set(outputs)
    while waiting:
        y = max(waiting, key=lambda x: x.age)  # the youngest first: all that comes from it is done
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
