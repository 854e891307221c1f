"""A framework in sixty lines: each node keeps its parents and, for each, the way back."""

import numpy as np

name = "tiny"  # the title of the column
differs = {  # computations that are meant to come out differently, and why
    "variable_of_a_float": "takes numbers",
    "variable_of_a_list": "takes lists",
    "square_of_an_array": "takes arrays",
}


class Variable:
    def __init__(self, data, parents=(), back=None):
        self.data = np.asarray(data)
        self.parents = parents
        self.back = back  # gradient of this node -> gradients of its parents


def square(x):
    return function(lambda x: x**2, lambda gy, x: 2 * x * gy)(x)


def exp(x):
    return function(np.exp, lambda gy, x: np.exp(x) * gy)(x)


def function(forward, backward):
    """A function of the user's own: forward(*xs) -> y, backward(gy, *xs) -> gx."""

    def call(x):
        x = x if isinstance(x, Variable) else Variable(x)
        return Variable(forward(x.data), (x,), lambda gy: (backward(gy, x.data),))

    return call


def gradients(outputs, inputs, seeds):
    """The gradients of sum(seed * output) by the inputs; seeds None: ones."""
    (y,) = outputs
    seed = np.ones_like(y.data) if seeds is None else seeds[0]
    if seed.shape != y.data.shape:
        raise ValueError(f"a seed of shape {seed.shape} for a result of shape {y.data.shape}")
    found = {y: seed}
    nodes = [y]
    while nodes:
        node = nodes.pop()
        for parent, g in zip(node.parents, node.back(found[node]) if node.back else (), strict=True):
            found[parent] = found[parent] + g if parent in found else g
            nodes.append(parent)
    return [found.get(x) for x in inputs]


def array(x):
    """The NumPy array in a variable or a gradient."""
    return np.asarray(x.data if isinstance(x, Variable) else x)
