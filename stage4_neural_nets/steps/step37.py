"""Step 37: handling tensors.

Every example so far was a single number. Machine learning computes with vectors, matrices and arrays of more axes,
tensors for short. What must change for that? For functions that treat each element by itself, nothing:

    forward     np.sin takes an array and computes the sine of each element;
    backward    gx = gy * cos(x) was written for one number, and `*` and cos are element-wise themselves.

Functions that mix elements or move them (sum, reshape, a matrix product) come in the next steps. One rule guides all
of them. The derivative of a number by a tensor, called its gradient, says for each element how much the number
changes with it; so it has one entry for each element:

    x.grad.shape == x.shape

The usual case is that: tensors in, one number out, the loss, and gradients back.

Why does backpropagation start from the output? Let y = C(b), b = B(a), a = A(x), with n elements in x, a and b. The
derivative of a vector by a vector is a matrix, the Jacobian, (da/dx)_ij = da_i/dx_j, and the chain rule is a product:

    dy/dx  =  dy/db   db/da   da/dx
              1 x n   n x n   n x n

    from the right   (db/da da/dx) first: matrix times matrix, n^3 multiplications      forward mode
    from the left    (dy/db db/da) first: row times matrix, n^2, and again a row        reverse mode

With one number at the end, reverse mode carries a row of n numbers where forward mode carries a matrix. That row is
`gy`, and `backward` is a product of gy and a Jacobian that nobody has to write down: that of an element-wise function
has zeros everywhere but on its diagonal, so the product is element-wise too, gy * cos(x).

`--out DIR` draws the graph of sum(x + c) to DIR/step37.png (needs Graphviz).
"""

import argparse
import pathlib
import sys

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, grad
from stage4_neural_nets.utils import plot_dot_graph

# --- demonstration ---

x = Variable(np.array(1.0))
y = F.sin(x)
print(y)  # -> variable(0.8414709848078965)

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.sin(x)
print(y)  # ~> variable([[ 0.84147098  0.90929743  0.14112001] (1e-8)
#                        [-0.7568025  -0.95892427 -0.2794155 ]])
print(y.shape)  # -> (2, 3)

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]), name="x")
c = Variable(np.array([[10, 20, 30], [40, 50, 60]]), name="c")
y = x + c
print(y)  # -> variable([[11 22 33]
#                        [44 55 66]])

# Tensors in, one number out. (F.sum is the subject of step 39.)
t = x + c
t.name = "t"
y = F.sum(t)
y.name = "y"
print(y)  # -> variable(231)

y.backward(retain_grad=True)
print(y.grad)  # -> variable(1)
print(t.grad)  # -> variable([[1 1 1]
#                             [1 1 1]])
print(x.grad)  # -> variable([[1 1 1]
#                             [1 1 1]])
print(c.grad)  # -> variable([[1 1 1]
#                             [1 1 1]])
for v in (t, x, c):
    print(v.name, v.shape == v.grad.shape)  # -> t True
    #    x True
    #    c True
total = y

# The Jacobian of a function, row by row: the seed (0, .., 1, .., 0) asks for the gradient of one element of y.
x = Variable(np.array([0.0, 0.5, 1.0]))
y = F.sin(x)
jacobian = np.stack([grad(y, x, grad_outputs=seed).data for seed in np.eye(3)])
print(jacobian)  # ~> [[1.         0.         0.        ] (1e-8)
#                      [0.         0.87758256 0.        ]
#                      [0.         0.         0.54030231]]

# What `backward` computes is a row times this matrix, without the matrix.
gy = np.array([1.0, 10.0, 100.0])
print(gy @ jacobian)  # ~> [ 1.          8.77582562 54.03023059] (1e-8)
print(grad(y, x, grad_outputs=gy).data)  # ~> [ 1.          8.77582562 54.03023059] (1e-8)


parser = argparse.ArgumentParser(description="Step 37: handling tensors")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="draw the graph to DIR/step37.png")
arguments = parser.parse_args()
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        plot_dot_graph(total, to_file=arguments.out / "step37.png")
    except RuntimeError as error:
        sys.exit(f"step37: no figure: {error}")
