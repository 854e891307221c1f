"""Step 1: variables as containers.

A variable is a container that holds an array:

    Variable ----> [ 1.0 ]      x.data = np.array(2.0)  stores another array in the same container

A separate class leaves room for what later steps store next to the data: the gradient (step 6)
and the function that created the variable (step 7). The data are always NumPy arrays; this is a
convention here, and is checked from step 9 on.
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

# An array has axes, and ndim counts them: a scalar has none, a vector one, a matrix two. The dimension of a vector is
# something else, the number of its elements: [1, 2, 3] is a vector of dimension 3, and an array with one axis.
print(np.array(1).ndim)  # -> 0
print(np.array([1, 2, 3]).ndim)  # -> 1
print(np.array([[1, 2, 3], [4, 5, 6]]).ndim)  # -> 2
