"""Step 41: matrix multiplication.

A layer of a network is a matrix product, so this is the last tensor function that training needs. The inner product of
two vectors is a . b = a_1 b_1 + ... + a_n b_n; element (i, j) of a matrix product is the inner product of row i of the
left matrix and column j of the right matrix. The inner dimensions must be equal:

    x       W       y
    3 x 2   2 x 4   3 x 4

To derive the gradient, take one row first: x is 1 x D, W is D x H, y = x W is 1 x H, and L is the loss. Each x_i
affects L through every y_j, and y_j = x_1 W_1j + ... + x_D W_Dj, so

    dL/dx_i  =  sum_j dL/dy_j dy_j/dx_i  =  sum_j dL/dy_j W_ij         which is   dL/dx  =  dL/dy W^T

N rows are N such products, and dL/dW is the sum over the rows:

    gx  =  gy  W^T               gW  =  x^T  gy
    N x D  N x H  H x D          D x H  D x N  N x H

The shapes below the letters are a useful check: gx must have the shape of x, gy has that of y, and only one product of
an N x H and a D x H matrix is N x D. (Shapes can suggest a formula and can refute one; they prove nothing.)

`backward` computes both with the framework's `matmul` and `transpose`, so they can be differentiated again. The cost:
the backward pass has two products of the size of the forward pass, so it takes twice as long. An input that is a plain
array, like the data, needs no gradient, which saves one of the two products.

`--out DIR` draws the graphs of y = x W and of both gradients to DIR/step41_y.png, step41_gx.png and step41_gW.png.
"""

import numpy as np
from demo import graph, options

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, grad
from stage4_neural_nets.utils import plot_dot_graph

args = options(__doc__).parse_args()

# With arrays: an inner product of vectors, a product of matrices.
a = np.array([1, 2, 3])
b = np.array([4, 5, 6])
c = np.dot(a, b)
print(c)  # -> 32

a = np.array([[1, 2], [3, 4]])
b = np.array([[5, 6], [7, 8]])
c = np.dot(a, b)
print(c)  # -> [[19 22]
#               [43 50]]

# With Variables.
x = Variable(np.random.randn(2, 3), name="x")
W = Variable(np.random.randn(3, 4), name="W")
y = F.matmul(x, W)
y.name = "y"
y.backward()
print(y.shape)  # -> (2, 4)
print(x.grad.shape)  # -> (2, 3)
print(W.grad.shape)  # -> (3, 4)

# The formulas, with different gradients gy.
gy = np.random.randn(2, 4)
gx, gW = grad(y, [x, W], grad_outputs=gy)
print(np.allclose(gx.data, gy @ W.data.T), np.allclose(gW.data, x.data.T @ gy))  # -> True True

# Inner dimensions that differ.
try:
    F.matmul(x, x)
except ValueError as error:
    print(error)
# !> matmul: expected x with as many columns as W has rows, got x (2, 3) and W (2, 3)


# The product of a Hessian and a vector (step 36) is the gradient of an inner product.
point = Variable(np.array([1.0, 2.0]))
v = Variable(np.array([4.0, 5.0]))
slope = grad(F.sum(point**2), point, create_graph=True)
print(grad(F.matmul(v, slope), point))  # -> variable([ 8. 10.])
print(grad(F.sum(v * slope), point))  # -> variable([ 8. 10.])

gy = Variable(gy, name="gy")
gx, gW = grad(y, [x, W], grad_outputs=gy, create_graph=True)
gx.name, gW.name = "gx", "gW"
for v in (y, gx, gW):
    graph(plot_dot_graph, v, args.out, f"step41_{v.name}.png")
