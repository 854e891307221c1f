"""Step 2: functions that create variables.

A function takes a variable and creates a new one. The base class does what every function needs:
it takes the array out of the input and puts the result into a new variable. A subclass defines the
formula:

    (x) ---> [ Square ] ---> (y)          circles are variables, boxes are functions
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


# --- demonstration ---

x = Variable(np.array(10))
f = Square()
y = f(x)
print(type(y))  # -> <class '__main__.Variable'>
print(y.data)  # -> 100

try:
    Function()(x)  # the base class has no formula
except NotImplementedError as error:
    print(f"NotImplementedError: {error}")  # !> NotImplementedError: Function has no forward
