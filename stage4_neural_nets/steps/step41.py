"""Step 41: matrix multiplication.

A layer of a network is a matrix product, so this is the last tensor function that training needs. The inner product of
two vectors is a . b = a_1 b_1 + ... + a_n b_n; element (i, j) of a matrix product is the inner product of row i of the
left matrix and column j of the right one. The lengths that face each other must be equal:

    x       W       y
    3 x 2   2 x 4   3 x 4

For the derivative take one row first: x is 1 x D, W is D x H, y = x W is 1 x H, and L is the number at the end. Each
x_i reaches L through every y_j, and y_j = x_1 W_1j + ... + x_D W_Dj, so

    dL/dx_i  =  sum_j dL/dy_j dy_j/dx_i  =  sum_j dL/dy_j W_ij         which is   dL/dx  =  dL/dy W^T

With N rows it is the same for each row, and dL/dW adds up what the rows contribute:

    gx  =  gy  W^T               gW  =  x^T  gy
    N x D  N x H  H x D          D x H  D x N  N x H

The shapes under the letters are a check worth a habit: gx must have the shape of x, gy has that of y, and there is only
one way to make N x D of an N x H and a D x H by a product. (A shape check can suggest a formula and can refute one; it
does not prove it.)

`backward` computes both with `matmul` and `transpose` of the framework, so that they can be differentiated again. What
it costs: the way back is two products of the size of the way forward, twice its time. An input that came as a bare
array, as data do, can have no gradient asked of it, so none is computed, and one of the two products is saved.

`--out DIR` draws the graphs of y = x W and of both gradients to DIR/step41_y.png, step41_gx.png and step41_gW.png
(needs Graphviz).
"""

import argparse
import pathlib
import sys

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, grad
from stage4_neural_nets.utils import plot_dot_graph

# --- demonstration ---

# On arrays: an inner product of vectors, a product of matrices.
a = np.array([1, 2, 3])
b = np.array([4, 5, 6])
c = np.dot(a, b)
print(c)  # -> 32

a = np.array([[1, 2], [3, 4]])
b = np.array([[5, 6], [7, 8]])
c = np.dot(a, b)
print(c)  # -> [[19 22]
#               [43 50]]

# On Variables.
x = Variable(np.random.randn(2, 3), name="x")
W = Variable(np.random.randn(3, 4), name="W")
y = F.matmul(x, W)
y.name = "y"
y.backward()
print(y.shape)  # -> (2, 4)
print(x.grad.shape)  # -> (2, 3)
print(W.grad.shape)  # -> (3, 4)

# The formulas, with a gradient gy of its own for each element of y.
gy = np.random.randn(2, 4)
gx, gW = grad(y, [x, W], grad_outputs=gy)
print(np.allclose(gx.data, gy @ W.data.T), np.allclose(gW.data, x.data.T @ gy))  # -> True True

# Facing lengths that differ.
try:
    F.matmul(x, x)
except ValueError as error:
    print(error)  # !> matmul: x (2, 3) has 3 columns, W (2, 3) has 2 rows


parser = argparse.ArgumentParser(description="Step 41: matrix multiplication")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="draw to DIR/step41_y.png, _gx.png and _gW.png")
arguments = parser.parse_args()
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    gy = Variable(gy, name="gy")
    gx, gW = grad(y, [x, W], grad_outputs=gy, create_graph=True)
    gx.name, gW.name = "gx", "gW"
    try:
        for v in (y, gx, gW):
            plot_dot_graph(v, to_file=arguments.out / f"step41_{v.name}.png")
    except RuntimeError as error:
        sys.exit(f"step41: no figure: {error}")
