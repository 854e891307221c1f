"""Step 39: the sum function.

A loss is one number, computed from many. What makes one of many is a sum. Its derivative follows from that of `+`: a
sum of two numbers hands the gradient that comes to it on to both of them,

    y = x0 + x1            gx0 = gy,  gx1 = gy

and a sum of n numbers is n - 1 such additions. So each element gets the same gy, copied until it has the shape of x:

    y = sum(x)             gx = broadcast_to(gy, shape of x)

                 x = [[1 2 3] [4 5 6]]  --sum-->  21
    gx = gy times    [[1 1 1] [1 1 1]]  <--copy-- gy

`broadcast_to` must be a function of the framework, since gy is a Variable; it is the subject of step 40.

NumPy's sum has two options, and ours has them too. axis says along which axis, or axes, to add up: for a (2, 3) matrix
axis=0 adds the rows, (3,) is left, axis=1 the columns, (2,). None, the default, is all of them. keepdims leaves what
was summed as an axis of length 1. With an axis, each gy still is copied to all elements that went into its sum. Only
its shape is in the way: (2,) does not broadcast to (2, 3), but (2, 1) does, so the lost axes are put back first:

    y = sum(x, axis=1)     gx = broadcast_to(reshape(gy, (2, 1)), (2, 3))

`--out DIR` draws the graphs of y = sum(x, axis=1) and of its gradient to DIR/step39_y.png and DIR/step39_gx.png (needs
Graphviz).
"""

import argparse
import pathlib
import sys

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, grad
from stage4_neural_nets.utils import plot_dot_graph

# --- demonstration ---

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

# Along an axis, in NumPy and here.
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

# Each sum has its own gradient, and gives it to all that it was made of.
x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
print(grad(x.sum(axis=1), x, grad_outputs=np.array([10, 20])))  # -> variable([[10 10 10]
#                                                                              [20 20 20]])


parser = argparse.ArgumentParser(description="Step 39: the sum function")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="draw to DIR/step39_y.png and DIR/step39_gx.png")
arguments = parser.parse_args()
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    x = Variable(np.array([[1, 2, 3], [4, 5, 6]]), name="x")
    y = F.sum(x, axis=1)
    y.name = "y"
    gy = Variable(np.ones_like(y.data), name="gy")
    gx = grad(y, x, grad_outputs=gy, create_graph=True)
    gx.name = "gx"
    try:
        for v in (y, gx):
            plot_dot_graph(v, to_file=arguments.out / f"step39_{v.name}.png")
    except RuntimeError as error:
        sys.exit(f"step39: no figure: {error}")
