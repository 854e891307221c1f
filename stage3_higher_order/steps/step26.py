"""Step 26: visualizing computational graphs (2).

The walk that `backward` takes from an output to everything behind it passes each variable and each function once.
`get_dot_graph` takes the same walk and writes a line where `backward` would propagate a gradient:

    variable v    its label           <number of v> [label="x", color=orange, style=filled]
    function f    its class           <number of f> [label="Add", color=lightblue, style=filled, shape=box]
                  for each input x    <number of x> -> <number of f>
                  for each output y   <number of f> -> <number of y>

No gradients are needed here and no generations: what a picture shows does not depend on the order of its lines.
A variable is labelled with its `name`, so give names to those that matter before drawing. With verbose=True the
shape and the dtype come beside it. `plot_dot_graph` hands the text to Graphviz.

The book numbers a node by Python's id(), which differs in every run; here the numbers follow the walk, so the same
graph is the same text. It also asks the shell to run `dot`, through a file in the home directory; here no shell is
asked, since a file name may hold blanks and worse, and a missing `dot` is said, not passed over.

`--out DIR` draws the graphs to DIR/add.png and DIR/goldstein.png (needs Graphviz).
"""

import argparse
import pathlib
import sys
from collections import Counter

import numpy as np

from stage3_higher_order import Variable
from stage3_higher_order.utils import get_dot_graph, plot_dot_graph

# --- demonstration ---

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
add = y

# With shape and dtype. A variable that no function made is a graph too.
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

# What one formula makes behind the scenes.
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


parser = argparse.ArgumentParser(description="Step 26: visualizing computational graphs")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="draw to DIR/add.png and DIR/goldstein.png")
arguments = parser.parse_args()
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        plot_dot_graph(add, verbose=False, to_file=arguments.out / "add.png")
        plot_dot_graph(z, verbose=False, to_file=arguments.out / "goldstein.png")
    except RuntimeError as error:
        sys.exit(f"step26: no figure: {error}")
