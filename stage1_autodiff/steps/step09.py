"""Step 9: making functions easier to use.

Three improvements. `square(x)` creates the instance and calls it, so calls can be nested. `backward`
starts from ones if no initial gradient is set, with the dtype of the data, so float32 stays float32.
And only arrays of real numbers are accepted as data: `Variable(1.0)` raises an error where the
mistake is made. np.matrix and masked arrays are not accepted, since their arithmetic is different.

NumPy's arithmetic turns 0-d arrays into scalars, which Variable does not accept; `as_array` converts
them back, in the results of `forward` and in gradients. So a gradient is always an array, and no two
variables share one: even the initial gradient is copied. Gradients are assigned after all of them
are computed, so an error changes nothing. (In the book the gradient of a 0-d variable is a NumPy
scalar, and a `backward` that returns its argument makes two variables share one array.)
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

    f: maps a Variable to a Variable. All elements of x change together, so for an array this is the
    derivative of each element only if f is elementwise.
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
y.backward()  # no initial gradient: ones like y.data
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
# !> TypeError: Variable: expected a numpy.ndarray, got <class 'float'>
# !> TypeError: Variable: expected a numpy.ndarray, got <class 'int'>
# !> TypeError: Variable: expected a numpy.ndarray, got <class 'list'>

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
