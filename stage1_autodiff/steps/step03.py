"""Step 3: chaining functions.

Calls take variables and return variables, so they can be composed:

    (x) -> [A] -> (a) -> [B] -> (b) -> [C] -> (y)          y = (e^(x^2))^2

A chain of functions is itself a function. The graph of the chain makes its derivative cheap to
compute.
"""

import numpy as np


class Variable:
    """A container for an array. [step 1]"""

    def __init__(self, data):
        self.data = data


class Function:
    """A computation from one Variable to one Variable. [step 2]

    A subclass defines `forward` on arrays.
    """

    def __call__(self, input):
        x = input.data
        y = self.forward(x)
        return Variable(y)

    def forward(self, x):
        """Compute the output: array x -> array y."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")


class Square(Function):
    """y = x^2."""

    def forward(self, x):
        return x**2


class Exp(Function):
    """y = e^x."""

    def forward(self, x):
        return np.exp(x)


# --- demonstration ---

A = Square()
B = Exp()
C = Square()

x = Variable(np.array(0.5))
a = A(x)
b = B(a)
y = C(b)
print(a.data, b.data)  # -> 0.25 1.2840254166877414
print(y.data)  # -> 1.648721270700128
