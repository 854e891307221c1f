"""Step 8: from recursion to a loop.

Instead of calling itself, `backward` keeps a list of functions still to be processed. The call
stack does not grow, and the list can hold several functions once graphs branch (step 15).

Repaired here: on a leaf the book's loop fails with AttributeError; this one returns at once. If one
function instance was called twice in a chain, the book's loop never ends, since the instance keeps
only its latest call; this one raises RuntimeError.
"""

import numpy as np


class Variable:
    """An array with its gradient and the function that created it. [step 1]

    grad: None, or the derivative of the final output with respect to this variable.
    creator: the Function whose output this is, or None for a leaf (created by the user).
    """

    grad = creator = None

    def __init__(self, data):
        self.data = data

    def set_creator(self, func):
        """Record the function that created this variable. [step 7]"""
        self.creator = func

    def backward(self):
        """Compute `grad` of every variable that this variable depends on. [step 7]

        Starts from `self.grad`, which the user sets first. Raises RuntimeError if a function in the
        graph was called again: an instance keeps only its latest call.
        """
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
        while funcs:
            f = funcs.pop()
            x, y = f.input, f.output
            x.grad = f.backward(y.grad)
            add_creator(x)


class Function:
    """A computation from one Variable to one Variable. [step 2]

    A subclass defines `forward` and `backward`, both on arrays. An instance keeps its latest call
    (`input`, `output`), so use a new instance for each call: `Square()(x)`.
    """

    def __call__(self, input):
        x = input.data
        y = self.forward(x)
        output = Variable(y)
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


class Square(Function):
    """y = x^2;  gx = 2 x gy."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return 2 * x * gy


class Exp(Function):
    """y = e^x;  gx = e^x gy."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return np.exp(x) * gy


def numerical_diff(f, x, eps=1e-4):
    """Central difference (f(x + eps) - f(x - eps)) / (2 eps), computed in float64. [step 4]

    f: maps a Variable to a Variable. All elements of x change together, so for an array this is the
    derivative of each element only if f is elementwise.
    """
    point = x.data.astype(np.float64)  # float32 would round x - eps and x + eps
    x0 = Variable(point - eps)
    x1 = Variable(point + eps)
    y0 = f(x0)
    y1 = f(x1)
    return (y1.data - y0.data) / (2 * eps)


# --- demonstration ---

A = Square()
B = Exp()
C = Square()

x = Variable(np.array(0.5))
a = A(x)
b = B(a)
y = C(b)

y.grad = np.array(1.0)
y.backward()
print(x.grad)  # -> 3.297442541400256

funcs = [1, 2, 3]
x = funcs.pop()  # removes the last item
print(x, funcs)  # -> 3 [1, 2]

# No recursion: a chain of 10,000 functions does not overflow the stack.
x = Variable(np.array(1.0))
y = x
for _ in range(10000):
    y = Square()(y)
y.grad = np.array(0.0)
y.backward()
print(x.grad)  # -> 0.0

x.grad = np.array(1.0)
x.backward()  # a leaf: nothing to do
print(x.grad)  # -> 1.0

A = Square()
y = A(A(Variable(np.array(3.0))))
y.grad = np.array(1.0)
try:
    y.backward()
except RuntimeError as error:
    print(str(error).split("; ")[0])
# !> backward: expected the output of the latest call of Square, got one of an earlier call
