"""Step 1: variables as boxes.

A variable is a box and the array is what lies in it:

    Variable ----> [ 1.0 ]      x.data = np.array(2.0)  puts another array into the same box

A box of our own, in place of the bare array, leaves room for what later steps write beside the
data: the gradient (step 6) and the function that made it (step 7). The contents are always
NumPy arrays; this is a convention here and a check from step 9 on.
"""

import numpy as np


class Variable:
    """A container for an array. [step 1]"""

    def __init__(self, data):
        self.data = data


# --- demonstration ---

data = np.array(1.0)
x = Variable(data)
print(x.data)  # -> 1.0

x.data = np.array(2.0)
print(x.data)  # -> 2.0

# An array has axes, and ndim counts them: a scalar has none, a vector one, a matrix two.
print(np.array(1).ndim)  # -> 0
print(np.array([1, 2, 3]).ndim)  # -> 1
print(np.array([[1, 2, 3], [4, 5, 6]]).ndim)  # -> 2
