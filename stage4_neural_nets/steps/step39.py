"""Step 39: the sum function.

A loss is one number computed from many, and a sum reduces many numbers to one. Its derivative follows from that of `+`,
which passes the gradient of its output to both inputs:

    y = x0 + x1            gx0 = gy,  gx1 = gy

A sum of n numbers is n - 1 such additions. So each element gets the same gy, copied to the shape of x:

    y = sum(x)             gx = broadcast_to(gy, shape of x)

                 x = [[1 2 3] [4 5 6]]  --sum-->  21
    gx = gy times    [[1 1 1] [1 1 1]]  <--copy-- gy

`broadcast_to` must be a function of the framework, since gy is a Variable; it is the subject of step 40.

NumPy's sum has two options, and so does `F.sum`. `axis` is the axis, or the axes, to sum over: for a (2, 3) matrix
axis=0 adds the rows, which leaves (3,), and axis=1 adds the columns, which leaves (2,). None, the default, means all
axes. `keepdims` keeps each summed axis with length 1. With an axis, each gy is still copied to all elements of its sum.
Only its shape does not fit: (2,) does not broadcast to (2, 3), but (2, 1) does, so the missing axes are restored first:

    y = sum(x, axis=1)     gx = broadcast_to(reshape(gy, (2, 1)), (2, 3))

`--out DIR` draws the graphs of y = sum(x, axis=1) and of its gradient to DIR/step39_y.png and DIR/step39_gx.png.
"""

import numpy as np
from demo import graph, options

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, grad
from stage4_neural_nets.utils import plot_dot_graph

args = options(__doc__).parse_args()

x0, x1 = Variable(np.array(1)), Variable(np.array(2))
y = x0 + x1
y.backward()
print(y, x0.grad, x1.grad)  # -> variable(3) variable(1) variable(1)

x = Variable(np.array([1, 2, 3, 4, 5, 6]))
y = F.sum(x)
y.backward()
print(y)  # -> variable(21)
print(x.grad)  # -> variable([1 1 1 1 1 1])

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.sum(x)
y.backward()
print(y)  # -> variable(21)
print(x.grad)  # -> variable([[1 1 1]
#                             [1 1 1]])

# Over one axis, in NumPy and here.
x = np.array([[1, 2, 3], [4, 5, 6]])
print(np.sum(x, axis=0))  # -> [5 7 9]
print(x.shape, np.sum(x, axis=0).shape)  # -> (2, 3) (3,)
print(np.sum(x, axis=1))  # -> [ 6 15]
print(np.sum(x, keepdims=True))  # -> [[21]]
print(np.sum(x, keepdims=True).shape, np.sum(x).shape)  # -> (1, 1) ()

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.sum(x, axis=0)
y.backward()
print(y)  # -> variable([5 7 9])
print(x.grad)  # -> variable([[1 1 1]
#                             [1 1 1]])

x = Variable(np.random.randn(2, 3, 4, 5))
y = x.sum(keepdims=True)
print(y.shape)  # -> (1, 1, 1, 1)
print(x.sum(axis=(0, 2)).shape)  # -> (3, 5)

# Each sum has its own gradient and passes it to all its elements.
x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
print(grad(x.sum(axis=1), x, grad_outputs=np.array([10, 20])))  # -> variable([[10 10 10]
#                                                                              [20 20 20]])

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]), name="x")
y = F.sum(x, axis=1)
y.name = "y"
gy = Variable(np.ones_like(y.data), name="gy")
gx = grad(y, x, grad_outputs=gy, create_graph=True)
gx.name = "gx"
for v in (y, gx):
    graph(plot_dot_graph, v, args.out, f"step39_{v.name}.png")
