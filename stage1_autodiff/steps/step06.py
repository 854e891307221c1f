"""Step 6: backpropagation by hand.

Step 5 as code: a variable has an attribute for its derivative (`grad`), and a function has a method
`backward` and stores its input, because the derivative of x^2 needs x.

    (x.grad) <- [A.backward] <- (a.grad) <- [B.backward] <- (b.grad) <- [C.backward] <- (y.grad = 1)

The calls are still written by hand, in the order C, B, A.
"""

import numpy as np


class Variable:
    """An array with its gradient. [step 1]

    grad: None, or the derivative of the final output with respect to this variable.
    """

    grad = None

    def __init__(self, data):
        self.data = data


class Function:
    """A computation from one Variable to one Variable. [step 2]

    A subclass defines `forward` and `backward`, both on arrays. An instance keeps the `input` of its
    latest call.
    """

    def __call__(self, input):
        x = input.data
        y = self.forward(x)
        self.input = input
        return Variable(y)

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
b.grad = C.backward(y.grad)
a.grad = B.backward(b.grad)
x.grad = A.backward(a.grad)
print(b.grad, a.grad)  # -> 2.568050833375483 3.297442541400256
print(x.grad)  # -> 3.297442541400256

# numerical_diff agrees to seven digits; the rest is its own error.
print(numerical_diff(lambda x: Square()(Exp()(Square()(x))), Variable(np.array(0.5))))  # -> 3.2974426293330694
