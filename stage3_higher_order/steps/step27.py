"""Step 27: the derivative of a Taylor expansion.

The derivative of sin twice. First with a function class, where a formula is written by hand: (sin x)' = cos x.
Then without one: near 0 a smooth function is a sum of powers, and for sin it is

    sin x = x/1! - x^3/3! + x^5/5! - ... = sum over i of (-1)^i x^(2i+1) / (2i+1)!

`my_sin` adds such terms until one is smaller than the threshold. It is a loop of + * and **, with a branch that
looks at the data, and nothing in it says how to differentiate it. `backward` gets the derivative from the graph
that the loop left behind. The threshold decides how close the result is and how large the graph gets. In theory
smaller is better; in floating point the rounding sets a limit.

`Sin` stands here as stage 2 would write it: its `backward` takes the data of x and asks NumPy for the cosine. That
gives the right first derivative. But a NumPy array does not know where it comes from: as far as anyone can tell
later, cos(x) is a constant, and the second derivative is lost without a word. `my_sin`, built from functions whose
`backward` uses functions, has it. Why, and what to do about `Sin`, is the question of steps 30 to 32; step 34 has
the cure.

`--out DIR` draws the graphs of my_sin to DIR/my_sin_1e-4.png and DIR/my_sin_1e-150.png (needs Graphviz).
"""

import argparse
import math
import pathlib
import sys
from collections import Counter

import numpy as np

from stage3_higher_order import Function, Variable
from stage3_higher_order.utils import get_dot_graph, plot_dot_graph

# --- demonstration ---


class Sin(Function):
    """y = sin(x);  gx = gy cos(x), with the cosine of the bare data."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * np.cos(x)


def sin(x):
    return Sin()(x)


x = Variable(np.array(np.pi / 4))
y = sin(x)
y.backward()
print(y.data)  # ~> 0.7071067811865476 (1e-15)
print(x.grad.data)  # ~> 0.7071067811865476 (1e-15)


def my_sin(x, threshold=0.0001):
    y = 0
    for i in range(100000):
        c = (-1) ** i / math.factorial(2 * i + 1)
        t = c * x ** (2 * i + 1)
        y = y + t
        if abs(t.data) < threshold:
            break
    return y


def boxes(y):
    """How many functions of which class the graph of y has."""
    lines = get_dot_graph(y, verbose=False).splitlines()
    return Counter(line.split('"')[1] for line in lines if "shape=box" in line)


x = Variable(np.array(np.pi / 4), name="x")
y = my_sin(x)
y.name = "y"
y.backward()
print(y.data)  # -> 0.7071064695751781
print(x.grad.data)  # -> 0.7071032148228457
print(dict(boxes(y)))  # -> {'Add': 4, 'Mul': 4, 'Pow': 4}
short = y

x = Variable(np.array(np.pi / 4), name="x")
y = my_sin(x, threshold=1e-150)
y.name = "y"
y.backward()
print(y.data)  # ~> 0.7071067811865475 (1e-15)
print(x.grad.data)  # ~> 0.7071067811865475 (1e-15)
print(dict(boxes(y)))  # -> {'Add': 47, 'Mul': 47, 'Pow': 47}
long = y

# The second derivative is -sin(x) = -0.707... The series has it, Sin has nothing at all.
for f in (my_sin, sin):
    x = Variable(np.array(np.pi / 4))
    y = f(x)
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    print(x.grad)  # ~> variable(-0.70708) (1e-4)
    #    None


parser = argparse.ArgumentParser(description="Step 27: the derivative of a Taylor expansion")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="draw to DIR/my_sin_1e-4.png and _1e-150.png")
arguments = parser.parse_args()
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        plot_dot_graph(short, verbose=False, to_file=arguments.out / "my_sin_1e-4.png")
        plot_dot_graph(long, verbose=False, to_file=arguments.out / "my_sin_1e-150.png")
    except RuntimeError as error:
        sys.exit(f"step27: no figure: {error}")
