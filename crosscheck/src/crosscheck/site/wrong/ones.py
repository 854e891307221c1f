"""A gradient check starts every backward pass from ones. [step 36]

The outputs of softmax add up to 1 whatever its inputs are, so the gradient of their plain sum is zero. A backward that
returns zeros passes such a check. With a random gradient for each output, it fails. A check of the first derivative
only, or of a single shape, misses other mistakes in the same way.
"""

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import Function, Variable


class WrongSoftmax(Function):
    def forward(self, x):
        y = np.exp(x - x.max(axis=1, keepdims=True))
        return y / y.sum(axis=1, keepdims=True)

    def backward(self, gy):
        return gy * 0


def gradient(f, weights):
    x = Variable(np.array([[0.0, 1.0, 2.0]]))
    F.sum(f(x) * weights).backward()
    return np.round(x.grad.data, 4) + 0.0


ones, random = np.ones((1, 3)), np.array([[0.5, -1.0, 2.0]])
print(gradient(WrongSoftmax(), ones), gradient(F.softmax, ones))  # -> [[0. 0. 0.]] [[0. 0. 0.]]
print(gradient(WrongSoftmax(), random), gradient(F.softmax, random))
# -> [[0. 0. 0.]] [[-0.0568 -0.5215  0.5782]]
