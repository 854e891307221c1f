"""Step 12: any number of arguments, made easy.

Lists are a nuisance for two people. Who calls a function had to pack its arguments and unpack its
result; who writes one had to do the same inside `forward`. The star does it for both:

    calling     ys = f([x0, x1])               y = f(x0, x1)
                y = ys[0]
    writing     def forward(self, xs):         def forward(self, x0, x1):
                    x0, x1 = xs                    return x0 + x1
                    return (x0 + x1,)

A single output comes out bare, several as a list. In `forward` several results must be a *tuple*: a
list would be taken for one value, and is refused with a TypeError, since a list is no array.

`backward` works from step 13 on.
"""

import numpy as np


class Variable:
    """A box for an array, its gradient and the function that made it. [steps 1, 6, 7, 9]

    data: numpy.ndarray of any shape and dtype, or None. Raises TypeError for anything else.
    grad: None until `backward` fills it; then an ndarray with the shape of data, and with its dtype
        unless the seed had another.
    creator: the Function whose result this is, or None for a variable that the user made.

    Backward reads the data of the forward pass again: do not edit `data` in between.
    """

    def __init__(self, data):
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(f"{type(data)} is not supported: Variable needs a numpy.ndarray, or None")
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember the function that made this variable. [step 7]"""
        self.creator = func

    def backward(self):
        """Fill `grad` of every variable that this one was computed from. [steps 7, 8, 9]

        Starts from `self.grad`, or from ones where it is None. Each `grad` is overwritten, not
        added to. ValueError if `self.grad` has not the shape of the data; RuntimeError if a
        function on the way was called again since, for it remembers only its latest call. An
        error leaves every `grad` as it was.
        """
        if self.grad is not None and np.shape(self.grad) != self.data.shape:
            raise ValueError(f"backward: grad has shape {np.shape(self.grad)}, data has {self.data.shape}")
        funcs = []

        def add_creator(variable):
            f = variable.creator
            if f is None:  # made by the user: here the chain begins
                return
            if f.output is not variable:
                raise RuntimeError(
                    f"backward: this {type(f).__name__} was called again after it made this variable; "
                    f"use one {type(f).__name__}() for each call"
                )
            funcs.append(f)

        add_creator(self)
        # No two variables share one array: the user's seed is copied,
        grads = {self: np.ones_like(self.data) if self.grad is None else np.array(self.grad)}
        while funcs:
            f = funcs.pop()
            x, y = f.input, f.output
            gx = as_array(f.backward(grads[y]))
            # and so is a gradient that is the one before, the data, or perhaps a piece of them.
            shared = gx is grads[y] or gx is x.data or gx.base is not None
            grads[x] = gx.copy() if shared else gx
            add_creator(x)
        for variable, grad in grads.items():
            variable.grad = grad


class Function:
    """A computation from Variables to Variables. [steps 2, 6, 7, 9, 11, 12]

    A subclass writes `forward` and `backward`, both from arrays to arrays: one argument for each
    input or output, and a tuple where there are several results. An instance remembers its latest
    call (`inputs`, `outputs`), so each call takes an instance of its own: `Add()(x0, x1)`.
    """

    def __call__(self, *inputs):
        for x in inputs:
            if not isinstance(x, Variable):
                raise TypeError(f"{type(self).__name__}: {type(x)} came, a Variable is needed: Variable(np.array(...))")
        xs = [x.data for x in inputs]
        ys = self.forward(*xs)
        if not isinstance(ys, tuple):
            ys = (ys,)
        outputs = [Variable(as_array(y)) for y in ys]
        for output in outputs:
            output.set_creator(self)
        self.inputs = inputs
        self.outputs = outputs
        return outputs if len(outputs) > 1 else outputs[0]

    def forward(self, *xs):
        """The values: arrays xs -> array y, or a tuple of arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, *gys):
        """The chain rule: gradients gys of the outputs -> gradients of the inputs, all arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")


def as_array(x):
    """A 0-d array for a Python or NumPy scalar; anything else as it is. [step 9]

    NumPy's arithmetic on 0-d arrays returns scalars, which Variable would refuse.
    """
    return np.array(x) if np.isscalar(x) else x


class Add(Function):
    """y = x0 + x1."""

    def forward(self, x0, x1):
        return x0 + x1


def add(x0, x1):
    """Sum: x0 + x1. [step 12]"""
    return Add()(x0, x1)


# --- demonstration ---


def f(*x):
    print(x)


f(1, 2, 3)  # -> (1, 2, 3)
f(1, 2, 3, 4, 5, 6)  # -> (1, 2, 3, 4, 5, 6)

x0 = Variable(np.array(2))
x1 = Variable(np.array(3))
f = Add()
y = f(x0, x1)
print(y.data)  # -> 5

y = add(x0, x1)
print(y.data)  # -> 5


class Separate(Function):
    """y0 is the first half of x, y1 the second half."""

    def forward(self, x):
        y0, y1 = np.split(x, 2, axis=1)
        return y0, y1


x = Variable(np.array([[1, 2, 3, 4], [5, 6, 7, 8]]))
y0, y1 = Separate()(x)
print(y0.data.tolist(), y1.data.tolist())  # -> [[1, 2], [5, 6]] [[3, 4], [7, 8]]


class Wrong(Separate):
    """np.split returns a list."""

    def forward(self, x):
        return np.split(x, 2, axis=1)


try:
    Wrong()(x)
except TypeError as error:
    print(f"TypeError: {error}")
# !> TypeError: <class 'list'> is not supported: Variable needs a numpy.ndarray, or None
