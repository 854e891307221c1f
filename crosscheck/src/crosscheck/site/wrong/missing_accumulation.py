"""A gradient replaces the one before instead of being added to it. [step 14]

A variable that is used twice receives two gradients, one from each use, and its derivative is their sum. An assignment
keeps only the last one: x + x then has the derivative 1.
"""

import numpy as np

from stage2_natural_code import Variable


def backward(y, add):
    gradients = {y: np.ones_like(y.data)}
    f = y.creator
    for x, gx in zip(f.inputs, f.backward(gradients[y]), strict=True):
        gradients[x] = gradients[x] + gx if add and x in gradients else gx
    return gradients


x = Variable(np.array(3.0))
y = x + x

print(backward(y, add=False)[x])  # -> 1.0
print(backward(y, add=True)[x])  # -> 2.0
