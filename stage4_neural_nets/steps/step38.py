"""Step 38: functions that change the shape.

`reshape` and `transpose` are the first functions that do not act on each element by itself. They do not change any
element at all; they only say where it stands. So what is their derivative? The rule of step 37 answers: the gradient
must have the shape of x, and each of its entries must stand where its element of x stands. The way back undoes the
move:

    y = reshape(x, shape)       gx = reshape(gy, shape of x)
    y = transpose(x)            gx = transpose(gy)

          a b c                                          ga gb gc
    x  =  d e f    --reshape-->  a b c d e f       gx =  gd ge gf   <--reshape--  ga gb gc gd ge gf

`reshape` has to remember a shape from forward to backward; which shape it came from cannot be seen in y. The transpose
of a matrix undoes itself. With more axes `transpose` takes an order, (A, B, C, D) by (1, 0, 3, 2) becomes
(B, A, D, C), and the way back is the inverse order: argsort of the axes, for it asks of each axis where it went.

Both `backward`s call our own reshape and transpose, so both can be differentiated again. Neither copies: NumPy gives
another view of the same memory, and so the data of y must not be edited either.

As methods, x.reshape(2, 3), x.reshape((2, 3)) and x.reshape([2, 3]) are the same, as in NumPy; so are x.transpose()
and x.T. If nothing is to be done, `reshape` returns x itself and adds nothing to the graph.

When y is not one number, `y.backward()` starts with ones in the shape of y, which is the gradient of their sum.

`--out DIR` draws the graphs of y = reshape(x) and of its gradient to DIR/step38_y.png and DIR/step38_gx.png (needs
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

# Reshape: NumPy's, then ours.
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

# With an order of the axes.
A, B, C, D = 1, 2, 3, 4
x = Variable(np.random.rand(A, B, C, D))
y = x.transpose(1, 0, 3, 2)
print(y.shape)  # -> (2, 1, 4, 3)
y = x.transpose(3, 0, 1, 2)
y.backward()
print(y.shape, x.grad.shape)  # -> (4, 1, 2, 3) (1, 2, 3, 4)

# A seed of ones would not show whether entries return to their places; one of different numbers does.
x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
print(grad(x.T, x, grad_outputs=np.array([[10, 40], [20, 50], [30, 60]])))  # -> variable([[10 20 30]
#                                                                                          [40 50 60]])


parser = argparse.ArgumentParser(description="Step 38: functions that change the shape")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="draw to DIR/step38_y.png and DIR/step38_gx.png")
arguments = parser.parse_args()
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    x = Variable(np.array([[1, 2, 3], [4, 5, 6]]), name="x")
    y = F.reshape(x, (6,))
    y.name = "y"
    gy = Variable(np.ones_like(y.data), name="gy")
    gx = grad(y, x, grad_outputs=gy, create_graph=True)
    gx.name = "gx"
    try:
        for v in (y, gx):
            plot_dot_graph(v, to_file=arguments.out / f"step38_{v.name}.png")
    except RuntimeError as error:
        sys.exit(f"step38: no figure: {error}")
