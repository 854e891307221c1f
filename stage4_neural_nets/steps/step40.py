"""Step 40: functions that broadcast.

NumPy adds arrays of different shapes: [1 2 3] + [10] is [11 12 13], as if the 10 stood there three times. Up to stage 3
this worked on the way forward and went wrong on the way back: the gradient that came to [10] had three entries, against
the rule of step 37. What is the right one? The 10 is used three times, and a variable used several times gets the sum
of its gradients (step 14). So copying and summing belong together, each the way back of the other:

    y = broadcast_to(x, shape)     gx = sum_to(gy, shape of x)          x copied to a larger shape
    y = sum_to(x, shape)           gx = broadcast_to(gy, shape of x)    x summed up to a smaller one

    [1 2 3]   --broadcast_to-->   [[1 2 3]          [[1 2 3]
                                   [1 2 3]]          [4 5 6]]    --sum_to (1, 3)-->    [[5 7 9]]

    [2 2 2]   <-----sum_to-----   [[1 1 1]          [[1 1 1]
                                   [1 1 1]]          [1 1 1]]    <--broadcast_to--     [[1 1 1]]

NumPy has `broadcast_to`, but no `sum_to`; it is in `functions/broadcast.py` for arrays (`utils.sum_to`) and for
Variables (`F.sum_to`). Which axes it sums is what broadcasting stretches: those that are missing in front, and those of
length 1.

With the pair, Add, Sub, Mul, Div (and Power) are repaired alike. Forward lets NumPy broadcast, as before, and remembers
the two shapes. Backward first applies its rule, then sums each gradient to the shape of its own input:

    y = x0 * x1         gx0 = sum_to(gy * x1, shape of x0)        gx1 = sum_to(gy * x0, shape of x1)

`--out DIR` draws the graphs of y = x0 * x1 and of the gradient by x1, which is the shorter one, to DIR/step40_y.png and
DIR/step40_gx1.png (needs Graphviz).
"""

import argparse
import pathlib
import sys

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, grad
from stage4_neural_nets.utils import plot_dot_graph, sum_to

# --- demonstration ---

# On arrays.
x = np.array([1, 2, 3])
y = np.broadcast_to(x, (2, 3))
print(y)  # -> [[1 2 3]
#               [1 2 3]]

x = np.array([[1, 2, 3], [4, 5, 6]])
y = sum_to(x, (1, 3))
print(y)  # -> [[5 7 9]]
y = sum_to(x, (2, 1))
print(y)  # -> [[ 6]
#               [15]]

# On Variables: copied twice, so the gradients of ones come back as twos; and the other way round.
x = Variable(np.array([1, 2, 3]))
y = F.broadcast_to(x, (2, 3))
y.backward()
print(x.grad)  # -> variable([2 2 2])

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.sum_to(x, (1, 3))
y.backward()
print(y)  # -> variable([[5 7 9]])
print(x.grad)  # -> variable([[1 1 1]
#                             [1 1 1]])

# In the operators.
x0 = Variable(np.array([1, 2, 3]), name="x0")
x1 = Variable(np.array([10]), name="x1")
y = x0 + x1
print(y)  # -> variable([11 12 13])
y.backward()
print(x0.grad)  # -> variable([1 1 1])
print(x1.grad)  # -> variable([3])

# The rule first, then the sum: gy * x0 is [1 2 3], which for the one factor 10 makes 6.
y = x0 * x1
for gx in grad(y, [x0, x1]):
    print(gx)  # -> variable([10 10 10])
    #    variable([6])


parser = argparse.ArgumentParser(description="Step 40: functions that broadcast")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="draw to DIR/step40_y.png and DIR/step40_gx1.png")
arguments = parser.parse_args()
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    y.name = "y"
    gy = Variable(np.ones_like(y.data), name="gy")
    gx1 = grad(y, x1, grad_outputs=gy, create_graph=True)
    gx1.name = "gx1"
    try:
        for v in (y, gx1):
            plot_dot_graph(v, to_file=arguments.out / f"step40_{v.name}.png")
    except RuntimeError as error:
        sys.exit(f"step40: no figure: {error}")
