"""Step 14: using a variable more than once.

The chain rule for several variables adds the gradients of all paths:

    (x) ==> [ + ] --> (y)         gx = 1 + 1 = 2, since y = x + x = 2x

Step 13 assigned, so the last path replaced the others. Now a gradient is added to the one that is
already there, in a new array: `x.grad + gx`. The short form `x.grad += gx` modifies an array that
others may hold: in the book's code `add` passes one array to y and to both inputs, and add(x, x)
would change the gradient of y to 2. (Appendix A shows this.)

The price: gradients are never cleared automatically. Call `cleargrad` before using a variable in a
second computation. This holds for intermediate variables as well, so call `backward` only once on a
graph; step 18 removes this restriction.
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

    def cleargrad(self):
        """Delete the gradient, so that the next backward pass does not add to it. [step 14]"""
        self.grad = None

    def backward(self):
        """Add gradients to `grad` of every variable that this variable depends on. [step 7]

        Starts from `self.grad`, or from ones if it is None. `cleargrad` deletes the gradients of
        earlier passes. Raises ValueError if `self.grad` and `self.data` differ in shape, and
        RuntimeError if a function in the graph was called again: an instance keeps only its latest
        call.
        """
        if self.grad is not None and np.shape(self.grad) != self.data.shape:
            raise ValueError(f"backward: expected a gradient of shape {self.data.shape}, got {np.shape(self.grad)}")
        funcs = []

        def add_creator(variable):
            f = variable.creator
            if f is None:  # a leaf
                return
            if variable not in f.outputs:
                name = type(f).__name__
                raise RuntimeError(
                    f"backward: expected an output of the latest call of {name}, got one of an earlier call; "
                    f"use a new {name}() for each call"
                )
            funcs.append(f)

        add_creator(self)
        # A copy: no two variables share an array.
        self.grad = np.ones_like(self.data) if self.grad is None else np.array(self.grad)
        while funcs:
            f = funcs.pop()
            gys = [output.grad for output in f.outputs]
            gxs = f.backward(*gys)
            if not isinstance(gxs, tuple):
                gxs = (gxs,)
            taken = gys.copy()
            for x, gx in zip(f.inputs, gxs, strict=True):
                gx = as_array(gx)
                # Copy an array that is already in use, and possible views of one.
                if gx.base is not None or any(gx is other for other in taken):
                    gx = gx.copy()
                taken.append(gx)
                # Not +=, which would modify an array that other variables may share.
                x.grad = gx if x.grad is None else as_array(x.grad + gx)
                add_creator(x)


class Function:
    """A computation from Variables to Variables. [step 2]

    A subclass defines `forward` and `backward`, both on arrays: one argument for each input or
    output, and a tuple for several results. An instance keeps its latest call (`inputs`, `outputs`),
    so use a new instance for each call: `Add()(x0, x1)`.
    """

    def __call__(self, *inputs):
        for x in inputs:
            if not isinstance(x, Variable):
                raise TypeError(f"{type(self).__name__}: expected Variables, got {type(x)}")
            if x.data is None:
                raise TypeError(f"{type(self).__name__}: expected Variables with data, got Variable(None)")
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
        """Compute the outputs: arrays xs -> array y, or a tuple of arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, *gys):
        """Apply the chain rule: gradients gys of the outputs -> gradients of the inputs, all arrays."""
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
        x = self.inputs[0].data
        return 2 * x * gy


def square(x):
    """Square, elementwise. [step 9]"""
    return Square()(x)


class Exp(Function):
    """y = e^x;  gx = e^x gy."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.inputs[0].data
        return np.exp(x) * gy


def exp(x):
    """Exponential, elementwise. [step 9]"""
    return Exp()(x)


class Add(Function):
    """y = x0 + x1;  gx0 = gy, gx1 = gy."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


def add(x0, x1):
    """Sum x0 + x1. [step 12]"""
    return Add()(x0, x1)


def numerical_diff(f, x, eps=1e-4):
    """Central difference (f(x + eps) - f(x - eps)) / (2 eps), computed in float64. [step 4]

    f: maps a Variable to a Variable. All elements of x change together, so for an array this is the
    derivative of each element only if f is elementwise.
    """
    if not isinstance(x, Variable):
        raise TypeError(f"numerical_diff: expected a Variable, got {type(x)}; use Variable(np.array(...))")
    point = x.data.astype(np.float64)  # float32 would round x - eps and x + eps
    x0 = Variable(as_array(point - eps))
    x1 = Variable(as_array(point + eps))
    y0 = f(x0)
    y1 = f(x1)
    return (y1.data - y0.data) / (2 * eps)


# --- demonstration ---

# Step 13 overwrote the gradient. Its assignment by hand:
x = Variable(np.array(3.0))
y = add(x, x)
print("y", y.data)  # -> y 6.0
for gx in y.creator.backward(np.array(1.0)):
    x.grad = gx
print("x.grad", x.grad)  # -> x.grad 1.0

# Now gradients add up.
x = Variable(np.array(3.0))
y = add(x, x)
y.backward()
print(x.grad)  # -> 2.0

x = Variable(np.array(3.0))
y = add(add(x, x), x)
y.backward()
print(x.grad)  # -> 3.0

# A pitfall: a second computation with the same variable adds to the gradient of the first.
x = Variable(np.array(3.0))
y = add(x, x)
y.backward()
print(x.grad)  # -> 2.0
y = add(add(x, x), x)
y.backward()
print(x.grad)  # -> 5.0

# The solution.
x = Variable(np.array(3.0))
y = add(x, x)
y.backward()
print(x.grad)  # -> 2.0
x.cleargrad()
y = add(add(x, x), x)
y.backward()
print(x.grad)  # -> 3.0

# Why not +=: Add.backward returns the array that it was passed, twice.
gy = np.array(1.0)
gx0, gx1 = Add().backward(gy)
gx0 += gx1
print(gy)  # -> 2.0

# Still wrong: y = 2x^4, so the gradient is 8x^3 = 64 (step 15 explains why, step 16 repairs it).
x = Variable(np.array(2.0))
a = square(x)
y = add(square(a), square(a))
y.backward()
print(y.data, x.grad)  # -> 32.0 96.0
