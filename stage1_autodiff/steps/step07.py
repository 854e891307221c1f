"""Step 7: automating backpropagation.

During the forward pass each variable records the function that created it. The backward pass
follows these links, so the order of the calls need not be written down (define-by-run):

    (x) <--input-- [A] <--creator-- (a) <--input-- [B] <--creator-- (b) <--input-- [C] <--creator-- (y)

Here `backward` calls itself for the previous variable. The user sets the initial gradient `y.grad`.
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

        Starts from `self.grad`, which the user sets first.
        """
        f = self.creator
        if f is not None:
            x = f.input
            x.grad = f.backward(self.grad)
            x.backward()


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

# The links from y to x.
assert y.creator == C
assert y.creator.input == b
assert y.creator.input.creator == B
assert y.creator.input.creator.input == a
assert y.creator.input.creator.input.creator == A
assert y.creator.input.creator.input.creator.input == x

# By hand, along the links: get the function, get its input, call backward.
y.grad = np.array(1.0)
C = y.creator
b = C.input
b.grad = C.backward(y.grad)
B = b.creator
a = B.input
a.grad = B.backward(b.grad)
A = a.creator
x = A.input
x.grad = A.backward(a.grad)
print(x.grad)  # -> 3.297442541400256

# Automatically.
x.grad = None
y.grad = np.array(1.0)
y.backward()
print(x.grad)  # -> 3.297442541400256
