"""Step 37: handling tensors.

Every example so far was a single number. Machine learning computes with vectors, matrices and arrays of more axes, in
short tensors. What must change? For elementwise functions, nothing:

    forward     np.sin takes an array and computes the sine of each element;
    backward    gx = gy * cos(x) was written for one number, but `*` and cos are elementwise, too.

Functions that combine or move elements (sum, reshape, matrix product) follow in the next steps. One rule guides them
all. The gradient of a scalar with respect to a tensor says how the scalar changes with each element, so it has one
entry per element:

    x.grad.shape == x.shape

The usual case is this: tensors in, one number out (the loss), and gradients back.

Why does backpropagation start from the output? Let y = C(b), b = B(a), a = A(x), with n elements in x, a and b. The
derivative of a vector with respect to a vector is a matrix, the Jacobian, (da/dx)_ij = da_i/dx_j, and the chain rule is
a product:

    dy/dx  =  dy/db   db/da   da/dx
              1 x n   n x n   n x n

    from the right   (db/da da/dx) first: matrix times matrix, n^3 multiplications      forward mode
    from the left    (dy/db db/da) first: row times matrix, n^2, and again a row        reverse mode

With one number as output, reverse mode computes with a row of n numbers where forward mode computes with a matrix. That
row is `gy`, and `backward` is the product of gy and a Jacobian, which is never stored: the Jacobian of an elementwise
function is diagonal, so the product is elementwise, too: gy * cos(x).

`--out DIR` draws the graph of sum(x + c) to DIR/step37.png.
"""

import numpy as np
from demo import graph, options

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, grad
from stage4_neural_nets.utils import plot_dot_graph

args = options(__doc__).parse_args()

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
graph(plot_dot_graph, y, args.out, "step37.png")

# The Jacobian, row by row: with the initial gradient (0, .., 1, .., 0), the gradient of one element of y.
x = Variable(np.array([0.0, 0.5, 1.0]))
y = F.sin(x)
jacobian = np.stack([grad(y, x, grad_outputs=gy).data for gy in np.eye(3)])
print(jacobian)  # ~> [[1.         0.         0.        ] (1e-8)
#                      [0.         0.87758256 0.        ]
#                      [0.         0.         0.54030231]]

# `backward` computes the product of a row and this matrix without the matrix.
gy = np.array([1.0, 10.0, 100.0])
print(gy @ jacobian)  # ~> [ 1.          8.77582562 54.03023059] (1e-8)
print(grad(y, x, grad_outputs=gy).data)  # ~> [ 1.          8.77582562 54.03023059] (1e-8)
