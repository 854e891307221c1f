"""Variable and Function: an array with its gradient, and a computation that records how its output was made."""

import numpy as np
from numpy import generic, ndarray


class Variable:
    """An array with its gradient and the function that created it. [step 1]

    data: numpy.ndarray of real numbers of any shape and dtype, or None. Anything else raises TypeError.
    grad: None until `backward` computes it; then an ndarray with the shape of data, and with its
        dtype unless the initial gradient had another.
    creator: the Function whose output this is, or None for a leaf (created by the user).

    Do not edit `data` between a forward pass and its backward pass, which reads it.
    """

    grad = creator = None

    def __init__(self, data):
        if type(data) is not ndarray or data.dtype.kind not in "biuf":
            check_data(data)
        self.data = data

    def set_creator(self, func):
        """Record the function that created this variable. [step 7]"""
        self.creator = func

    def backward(self):
        """Compute `grad` of every variable that this variable depends on. [step 7]

        Starts from `self.grad`, or from ones if it is None. Every `grad` is overwritten, not added
        to. Raises ValueError if `self.grad` and `self.data` differ in shape, and RuntimeError if a
        function in the graph was called again: an instance keeps only its latest call. After an
        error every `grad` is unchanged.
        """
        if self.grad is not None and np.shape(self.grad) != self.data.shape:
            raise ValueError(f"backward: expected a gradient of shape {self.data.shape}, got {np.shape(self.grad)}")
        funcs = []

        def add_creator(variable):
            f = variable.creator
            if f is None:  # a leaf
                return
            if f.output is not variable:
                name = type(f).__name__
                raise RuntimeError(
                    f"backward: expected the output of the latest call of {name}, got one of an earlier call; "
                    f"use a new {name}() for each call"
                )
            funcs.append(f)

        add_creator(self)
        # A copy: no two variables share an array.
        grads = {self: np.ones_like(self.data) if self.grad is None else np.array(self.grad)}
        while funcs:
            f = funcs.pop()
            x, y = f.input, f.output
            gx = as_array(f.backward(grads[y]))
            # Copy the gradient of y, the data of x, and possible views of them.
            shared = gx is grads[y] or gx is x.data or gx.base is not None
            grads[x] = gx.copy() if shared else gx
            add_creator(x)
        for variable, grad in grads.items():
            variable.grad = grad


class Function:
    """A computation from one Variable to one Variable. [step 2]

    A subclass defines `forward` and `backward`, both on arrays. An instance keeps its latest call
    (`input`, `output`), so use a new instance for each call: `Square()(x)`.
    """

    def __call__(self, input):
        if not isinstance(input, Variable):
            raise TypeError(f"{type(self).__name__}: expected a Variable, got {type(input)}")
        x = input.data
        if x is None:
            raise TypeError(f"{type(self).__name__}: expected a Variable with data, got Variable(None)")
        y = self.forward(x)
        output = Variable(as_array(y))
        output.set_creator(self)
        self.input = input
        self.output = output
        return output

    def forward(self, x):
        """Compute the output: array x -> array y."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, gy):
        """Apply the chain rule: gradient gy of the output -> gradient gx of the input, both arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")


def check_data(data):
    """Raise TypeError unless data is None or an array of real numbers. [step 9]

    Matrices and masked arrays are rejected, since their arithmetic differs from that of arrays.
    """
    if data is None:
        return
    if not isinstance(data, ndarray) or isinstance(data, (np.matrix, np.ma.MaskedArray)):
        raise TypeError(f"Variable: expected a numpy.ndarray, got {type(data)}")
    if data.dtype.kind not in "biuf":
        raise TypeError(f"Variable: expected an array of real numbers, got dtype {data.dtype}")


def as_array(x):
    """Convert a Python or NumPy scalar to a 0-d array; return anything else unchanged. [step 9]

    NumPy arithmetic on 0-d arrays returns scalars, which Variable does not accept.
    """
    if isinstance(x, ndarray):
        return x
    return np.array(x) if isinstance(x, generic) or np.isscalar(x) else x
