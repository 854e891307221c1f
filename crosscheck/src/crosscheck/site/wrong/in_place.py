"""Gradients are accumulated with `+=`. [step 14]

The backward pass of an addition returns the gradient that it receives, for both inputs: three names of one array. `+=`
writes into that array, so the gradient of the output changes as well, and what is computed from it later is wrong.
`x.grad = x.grad + gx` makes a new array.
"""

import numpy as np

from stage2_natural_code import Variable

x = Variable(np.array([3.0]))
y = x + x
gy = np.ones(1)
first, second = y.creator.backward(gy)

total = first
total += second  # the wrong line
print(total, gy)  # -> [2.] [2.]

gy = np.ones(1)
first, second = y.creator.backward(gy)
total = first + second
print(total, gy)  # -> [2.] [1.]
