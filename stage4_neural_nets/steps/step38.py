"""Step 38: functions that change the shape.

`reshape` and `transpose` are the first functions that are not elementwise. They do not change elements; they only move
them. So what is their derivative? The rule of step 37 gives the answer: the gradient must have the shape of x, and each
of its entries must be at the position of its element of x. The backward pass undoes the move:

    y = reshape(x, shape)       gx = reshape(gy, shape of x)
    y = transpose(x)            gx = transpose(gy)

          a b c                                          ga gb gc
    x  =  d e f    --reshape-->  a b c d e f       gx =  gd ge gf   <--reshape--  ga gb gc gd ge gf

`reshape` has to store the shape of x for backward, because y does not show it. The transpose of a matrix is its own
inverse. With more axes `transpose` takes an order of axes: (A, B, C, D) with (1, 0, 3, 2) becomes (B, A, D, C). The
backward pass uses the inverse permutation, which is the argsort of the axes.

Both `backward` methods call the framework's reshape and transpose, so they can be differentiated again. Neither
function copies: NumPy returns another view of the same memory, so the data of y must not be modified in place.

As methods, x.reshape(2, 3), x.reshape((2, 3)) and x.reshape([2, 3]) are the same, as in NumPy; so are x.transpose()
and x.T. If the shape does not change, `reshape` returns x itself and adds nothing to the graph.

When y is not a single number, the initial gradient of `y.backward()` is ones in the shape of y, which gives the
gradient of the sum of y.

`--out DIR` draws the graphs of y = reshape(x) and of its gradient to DIR/step38_y.png and DIR/step38_gx.png.
"""

import numpy as np
from demo import graph, options

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, grad
from stage4_neural_nets.utils import plot_dot_graph

args = options(__doc__).parse_args()

# Reshape in NumPy and here.
x = np.array([[1, 2, 3], [4, 5, 6]])
y = np.reshape(x, (6,))
print(y)  # -> [1 2 3 4 5 6]

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.reshape(x, (6,))
y.backward(retain_grad=True)
print(x.grad)  # -> variable([[1 1 1]
#                             [1 1 1]])

x = Variable(np.random.randn(1, 2, 3))
print(x.reshape((2, 3)).shape)  # -> (2, 3)
print(x.reshape([2, 3]).shape)  # -> (2, 3)
print(x.reshape(2, 3).shape)  # -> (2, 3)
print(F.reshape(x, (1, 2, 3)) is x)  # -> True

# Transpose.
x = np.array([[1, 2, 3], [4, 5, 6]])
y = np.transpose(x)
print(y)  # -> [[1 4]
#               [2 5]
#               [3 6]]
print(x.shape, y.shape)  # -> (2, 3) (3, 2)

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.transpose(x)
y.backward()
print(x.grad)  # -> variable([[1 1 1]
#                             [1 1 1]])

x = Variable(np.random.rand(2, 3))
print(x.transpose().shape)  # -> (3, 2)
print(x.T.shape)  # -> (3, 2)

# With an order of axes.
A, B, C, D = 1, 2, 3, 4
x = Variable(np.random.rand(A, B, C, D))
y = x.transpose(1, 0, 3, 2)
print(y.shape)  # -> (2, 1, 4, 3)
y = x.transpose(3, 0, 1, 2)
y.backward()
print(y.shape, x.grad.shape)  # -> (4, 1, 2, 3) (1, 2, 3, 4)

# Different initial gradients show that each entry returns to its position.
x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
print(grad(x.T, x, grad_outputs=np.array([[10, 40], [20, 50], [30, 60]])))  # -> variable([[10 20 30]
#                                                                                          [40 50 60]])

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]), name="x")
y = F.reshape(x, (6,))
y.name = "y"
gy = Variable(np.ones_like(y.data), name="gy")
gx = grad(y, x, grad_outputs=gy, create_graph=True)
gx.name = "gx"
for v in (y, gx):
    graph(plot_dot_graph, v, args.out, f"step38_{v.name}.png")
