"""Step 26: visualizing computational graphs (2).

`backward` visits every variable and every function that an output depends on. `get_dot_graph` visits them in the same
way, each once, and writes lines of DOT text where `backward` would propagate a gradient:

    variable v    its label           <number of v> [label="x", color=orange, style=filled]
    function f    its class           <number of f> [label="Add", color=lightblue, style=filled, shape=box]
                  for each input x    <number of x> -> <number of f>
                  for each output y   <number of f> -> <number of y>

It needs no gradients and no generations, because the order of the lines does not change the drawing. The label of a
variable is its `name`; verbose=True adds the shape and the dtype. `plot_dot_graph` draws the text with Graphviz.

The book identifies a node by Python's id(), which differs from run to run; here nodes are numbered in the order of
the traversal, so the same graph always gives the same text. The book also runs `dot` through a shell; here no shell
is involved, since a file name may contain spaces or commands, and a missing Graphviz is an error.

`--out DIR` draws the graphs to DIR/add.png and DIR/goldstein.png.
"""

from collections import Counter

import numpy as np
from demo import graph, options

from stage3_higher_order import Variable
from stage3_higher_order.utils import get_dot_graph, plot_dot_graph

args = options(__doc__).parse_args()

x0 = Variable(np.array(1.0))
x1 = Variable(np.array(1.0))
y = x0 + x1
x0.name = "x0"
x1.name = "x1"
y.name = "y"
print(get_dot_graph(y, verbose=False))  # -> digraph g {
#    0 [label="y", color=orange, style=filled]
#    1 [label="Add", color=lightblue, style=filled, shape=box]
#    2 -> 1
#    3 -> 1
#    1 -> 0
#    2 [label="x0", color=orange, style=filled]
#    3 [label="x1", color=orange, style=filled]
#    }
graph(plot_dot_graph, y, args.out, "add.png", verbose=False)

# With shape and dtype. A variable without a creator is a graph too.
x = Variable(np.zeros((2, 3)), name="x")
print(get_dot_graph(x))  # -> digraph g {
#    0 [label="x: (2, 3) float64", color=orange, style=filled]
#    }


def goldstein(x, y):
    """Goldstein-Price, as in step 24."""
    return (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
        30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    )


x = Variable(np.array(1.0), name="x")
y = Variable(np.array(1.0), name="y")
z = goldstein(x, y)
z.name = "z"
z.backward()
print(z, x.grad, y.grad)  # -> variable(1876.0) variable(-5376.0) variable(8064.0)
graph(plot_dot_graph, z, args.out, "goldstein.png", verbose=False)

# The size of the graph that one formula builds.
lines = get_dot_graph(z, verbose=False).splitlines()
boxes = Counter(line.split('"')[1] for line in lines if "shape=box" in line)
for name, n in boxes.most_common():
    print(n, name)  # -> 17 Mul
    #    10 Add
    #    6 Pow
    #    5 Sub
print(boxes.total(), "functions")  # -> 38 functions
print(sum("color=orange" in line for line in lines), "variables")  # -> 57 variables
print(sum("->" in line for line in lines), "arrows")  # -> 108 arrows
