"""Step 11: any number of arguments, forward.

Addition takes two variables, and a function that cuts an array in two gives two. So a function
now takes a list of variables and returns a list of variables:

    (x0) --+                                          +--> (y0)
           +--> [ Add ] ---> (y)        (x) ---> [ Separate ]
    (x1) --+                                          +--> (y1)

`inputs` and `outputs` take the place of `input` and `output`. Otherwise a call does what it did.

`Variable.backward` is still that of step 10: it looks for `output`, which is gone, and fails until
step 13. Square, Exp and `numerical_diff` come back there too.
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
    """A computation from a list of Variables to a list of Variables. [steps 2, 6, 7, 9, 11]

    A subclass writes `forward` and `backward`, both from a list of arrays to a list or tuple of
    arrays. An instance remembers its latest call (`inputs`, `outputs`), so each call takes an
    instance of its own: `Add()([x0, x1])`.
    """

    def __call__(self, inputs):
        for x in inputs:
            if not isinstance(x, Variable):
                raise TypeError(f"{type(self).__name__}: {type(x)} came, a Variable is needed: Variable(np.array(...))")
        xs = [x.data for x in inputs]
        ys = self.forward(xs)
        outputs = [Variable(as_array(y)) for y in ys]
        for output in outputs:
            output.set_creator(self)
        self.inputs = inputs
        self.outputs = outputs
        return outputs

    def forward(self, xs):
        """The values: a list of arrays xs -> a list or tuple of arrays ys."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, gys):
        """The chain rule: a list of gradients gys of the outputs -> those of the inputs, all arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")


def as_array(x):
    """A 0-d array for a Python or NumPy scalar; anything else as it is. [step 9]

    NumPy's arithmetic on 0-d arrays returns scalars, which Variable would refuse.
    """
    return np.array(x) if np.isscalar(x) else x


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
# !> TypeError: Add: <class 'int'> came, a Variable is needed: Variable(np.array(...))

try:
    y.backward()  # not yet: step 13
except AttributeError as error:
    print(f"AttributeError: {error}")  # !> AttributeError: 'Add' object has no attribute 'output'
