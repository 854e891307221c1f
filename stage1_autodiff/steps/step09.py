"""Step 9: making functions easier to use.

Three comforts. `square(x)` makes the instance and calls it, so calls nest. `backward` starts
from ones where no seed was set, in the data's own dtype, so float32 stays float32. And only
arrays are data: `Variable(1.0)` is refused at once, where the mistake was made.

NumPy's arithmetic turns 0-d arrays into scalars, which would be refused too; `as_array` turns
them back, in the results of `forward` and in gradients. A gradient is therefore always an array,
and no two variables share one: even a seed is copied. Gradients are written when all are there,
so that an error leaves nothing half-changed. (In the book the gradient of a 0-d variable is a NumPy
scalar, and a `backward` that returns what it got lets two variables share one array.)
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
    """A computation from one Variable to one Variable. [steps 2, 6, 7, 9]

    A subclass writes `forward` and `backward`, both from arrays to arrays. An instance remembers
    its latest call (`input`, `output`), so each call takes an instance of its own: `Square()(x)`.
    """

    def __call__(self, input):
        if not isinstance(input, Variable):
            raise TypeError(f"{type(self).__name__}: {type(input)} came, a Variable is needed: Variable(np.array(...))")
        x = input.data
        y = self.forward(x)
        output = Variable(as_array(y))
        output.set_creator(self)
        self.input = input
        self.output = output
        return output

    def forward(self, x):
        """The value: array x -> array y."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, gy):
        """The chain rule: gradient gy of the output -> gradient gx of the input, both arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")


def as_array(x):
    """A 0-d array for a Python or NumPy scalar; anything else as it is. [step 9]

    NumPy's arithmetic on 0-d arrays returns scalars, which Variable would refuse.
    """
    return np.array(x) if np.isscalar(x) else x


class Square(Function):
    """y = x^2;  gx = 2 x gy."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return 2 * x * gy


def square(x):
    """Square, elementwise. [step 9]"""
    return Square()(x)


class Exp(Function):
    """y = e^x;  gx = e^x gy."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return np.exp(x) * gy


def exp(x):
    """Exponential, elementwise. [step 9]"""
    return Exp()(x)


def numerical_diff(f, x, eps=1e-4):
    """Central difference (f(x + eps) - f(x - eps)) / (2 eps), computed in float64. [step 4]

    f: from Variable to Variable. All elements of x change together, so for an array this is the
    derivative of each element only if f works elementwise.
    """
    point = x.data.astype(np.float64)  # float32 would round x - eps and x + eps
    x0 = Variable(as_array(point - eps))
    x1 = Variable(as_array(point + eps))
    y0 = f(x0)
    y1 = f(x1)
    return (y1.data - y0.data) / (2 * eps)


# --- demonstration ---

x = Variable(np.array(0.5))
a = square(x)
b = exp(a)
y = square(b)
y.grad = np.array(1.0)
y.backward()
print(x.grad)  # -> 3.297442541400256

x = Variable(np.array(0.5))
y = square(exp(square(x)))  # the same, nested
y.grad = np.array(1.0)
y.backward()
print(x.grad)  # -> 3.297442541400256

x = Variable(np.array(0.5))
y = square(exp(square(x)))
y.backward()  # no seed: y.grad is made of ones like y.data
print(x.grad)  # -> 3.297442541400256

x = Variable(np.array([0.5], dtype=np.float32))
square(x).backward()
print(x.grad, x.grad.dtype)  # -> [1.] float32

x = Variable(np.array(1.0))  # an array
x = Variable(None)  # no data yet
for data in (1.0, 3, [1.0]):
    try:
        x = Variable(data)
    except TypeError as error:
        print(f"TypeError: {error}")
# !> TypeError: <class 'float'> is not supported: Variable needs a numpy.ndarray, or None
# !> TypeError: <class 'int'> is not supported: Variable needs a numpy.ndarray, or None
# !> TypeError: <class 'list'> is not supported: Variable needs a numpy.ndarray, or None

# Why as_array: a 1-d array squared is an array, a 0-d array squared is a scalar.
x = np.array([1.0])
y = x**2
print(type(x), x.ndim)  # -> <class 'numpy.ndarray'> 1
print(type(y))  # -> <class 'numpy.ndarray'>
x = np.array(1.0)
y = x**2
print(type(x), x.ndim)  # -> <class 'numpy.ndarray'> 0
print(type(y))  # -> <class 'numpy.float64'>

print(np.isscalar(np.float64(1.0)))  # -> True
print(np.isscalar(2.0))  # -> True
print(np.isscalar(np.array(1.0)))  # -> False
print(np.isscalar(np.array([1, 2, 3])))  # -> False
