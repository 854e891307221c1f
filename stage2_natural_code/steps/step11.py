"""Step 11: variable-length arguments, forward.

Addition takes two variables, and a function that splits an array returns two. So a function now
takes a list of variables and returns a list of variables:

    (x0) --+                                          +--> (y0)
           +--> [ Add ] ---> (y)        (x) ---> [ Separate ]
    (x1) --+                                          +--> (y1)

`inputs` and `outputs` replace `input` and `output`. Otherwise a call works as before.

`Variable.backward` is still that of step 10: it reads `output`, which no longer exists, and fails
until step 13, which also adds Square, Exp and `numerical_diff` again.
"""

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
    """A computation from a list of Variables to a list of Variables. [step 2]

    A subclass defines `forward` and `backward`, both from a list of arrays to a list or tuple of
    arrays. An instance keeps its latest call (`inputs`, `outputs`), so use a new instance for each
    call: `Add()([x0, x1])`.
    """

    def __call__(self, inputs):
        for x in inputs:
            if not isinstance(x, Variable):
                raise TypeError(f"{type(self).__name__}: expected Variables, got {type(x)}")
            if x.data is None:
                raise TypeError(f"{type(self).__name__}: expected Variables with data, got Variable(None)")
        xs = [x.data for x in inputs]
        ys = self.forward(xs)
        outputs = [Variable(as_array(y)) for y in ys]
        for output in outputs:
            output.set_creator(self)
        self.inputs = inputs
        self.outputs = outputs
        return outputs

    def forward(self, xs):
        """Compute the outputs: a list of arrays xs -> a list or tuple of arrays ys."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, gys):
        """Apply the chain rule: a list of gradients gys of the outputs -> those of the inputs, all arrays."""
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


class Add(Function):
    """y = x0 + x1."""

    def forward(self, xs):
        x0, x1 = xs
        y = x0 + x1
        return (y,)


# --- demonstration ---

xs = [Variable(np.array(2)), Variable(np.array(3))]
f = Add()
ys = f(xs)  # a list of one variable
y = ys[0]
print(y.data)  # -> 5

print(f.inputs == xs, f.outputs == ys, y.creator == f)  # -> True True True


class Separate(Function):
    """y0 is the first half of x, y1 the second half."""

    def forward(self, xs):
        (x,) = xs
        return np.split(x, 2, axis=1)


y0, y1 = Separate()([Variable(np.array([[1, 2, 3, 4], [5, 6, 7, 8]]))])
print(y0.data.tolist(), y1.data.tolist())  # -> [[1, 2], [5, 6]] [[3, 4], [7, 8]]

try:
    f([Variable(np.array(2)), 3])
except TypeError as error:
    print(f"TypeError: {error}")
# !> TypeError: Add: expected Variables, got <class 'int'>

try:
    y.backward()  # not yet: step 13
except AttributeError as error:
    print(f"AttributeError: {error}")  # !> AttributeError: 'Add' object has no attribute 'output'
