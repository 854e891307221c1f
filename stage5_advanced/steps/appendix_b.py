"""Appendix B: get_item (a supplement to step 47).

Step 47 uses `F.get_item(x, slices)`, and with it x[slices]. This is its implementation. Forward is one line, x[slices]
on arrays. Backward puts each gradient where its number was taken from, and zeros elsewhere. In `backward` gradients are
Variables and must be computed with functions, so that they can be differentiated again, and no other function does
this. So there are two:

    GetItem        forward    y = x[slices]                    backward   GetItemGrad(slices, shape of x)(gy)
    GetItemGrad    forward    gx = 0; gx[slices] += gy         backward   get_item(ggx, slices)

The forward of one is the backward of the other, so both have derivatives of any order.

The += is not enough: for gx[[0, 0]] += gy NumPy reads, adds and writes once per index, and one of two gradients for the
same number is lost. `np.add.at` adds both. It is slow, so the package uses it only where a number can be selected
twice, which is with arrays of indices. The package also creates the zeros on the device of gy and in its dtype, where
np.zeros would turn float32 into float64.
"""

import numpy as np

import stage5_advanced.functions as F
from stage5_advanced import Function, Variable, as_variable, check_gradients, grad


class GetItem(Function):
    def __init__(self, slices):
        self.slices = slices

    def forward(self, x):
        return x[self.slices]

    def backward(self, gy):
        (x,) = self.inputs
        return GetItemGrad(self.slices, x.shape)(gy)


class GetItemGrad(Function):
    def __init__(self, slices, in_shape):
        self.slices = slices
        self.in_shape = in_shape

    def forward(self, gy):
        gx = np.zeros(self.in_shape, gy.dtype)
        np.add.at(gx, self.slices, gy)
        return gx

    def backward(self, ggx):
        return get_item(ggx, self.slices)


def get_item(x, slices):
    return GetItem(slices)(as_variable(x))


# What np.add.at does.
a = np.zeros((2, 3))
b = np.ones((3,))
slices = 1
np.add.at(a, slices, b)
print(a)  # -> [[0. 0. 0.]
#               [1. 1. 1.]]

# Where += is not enough: row 0 twice.
a, b = np.zeros((2, 3)), np.ones((3, 3))
a[[0, 0, 1]] += b
print(a)  # -> [[1. 1. 1.]
#               [1. 1. 1.]]
a = np.zeros((2, 3))
np.add.at(a, [0, 0, 1], b)
print(a)  # -> [[2. 2. 2.]
#               [1. 1. 1.]]

# As in step 47.
x = Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
y = get_item(x, 1)
print(y)  # -> variable([4. 5. 6.])
y.backward()
print(x.grad)  # -> variable([[0. 0. 0.]
#                             [1. 1. 1.]])

# First and second derivatives of y = x[1]^3: 3 x^2 and 6 x in row 1.
y = get_item(x, 1) ** 3
(gx,) = grad(y, [x], create_graph=True)
(ggx,) = grad(gx, [x])
print(gx)  # -> variable([[  0.   0.   0.]
#                         [ 48.  75. 108.]])
print(ggx)  # -> variable([[ 0.  0.  0.]
#                          [24. 30. 36.]])

# This one and the package's, against numerical derivatives up to the second order, with all kinds of slices.
for slices in (1, slice(None, None, -1), (Ellipsis, 2), np.array([0, 0, 1]), ([0, 1, 1], [2, 0, 0]), x.data > 2):
    check_gradients(lambda x, slices=slices: get_item(x, slices), x)
    check_gradients(lambda x, slices=slices: F.get_item(x, slices), x)
print("all derivatives are right")  # -> all derivatives are right
