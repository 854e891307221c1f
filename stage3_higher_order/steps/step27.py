"""Step 27: the derivative of a Taylor expansion.

The derivative of sin, computed in two ways. First by a Function whose derivative is written by hand, (sin x)' = cos x.
Then without one: near 0 a smooth function is a sum of powers, and for sin it is

    sin x = x/1! - x^3/3! + x^5/5! - ... = sum over i of (-1)^i x^(2i+1) / (2i+1)!

`my_sin` adds such terms until one is smaller than the threshold. It is a loop of + * and **, with a branch that
depends on the data, and nothing in it says how to differentiate it. (About any point a, a smooth function is the sum
of f^(i)(a) (x - a)^i / i!, its Taylor series; with a = 0 it is called a Maclaurin series. Step 29 takes three terms.)
`backward` gets the derivative from the graph that the loop has built. The threshold determines the accuracy of the
result and the size of the graph. In theory a smaller threshold is better; in practice rounding sets a limit.

`Sin` is written as in stage 2: its `backward` takes the data of x and computes the cosine with NumPy. The first
derivative is right. But a NumPy array has no creator, so cos(x) is a constant for every later derivative, and the
second derivative is lost without an error. `my_sin` has a second derivative, because its functions compute their
gradients with functions. Steps 30 to 32 explain this, and step 34 repairs `Sin`.

`--out DIR` draws the graphs of my_sin to DIR/my_sin_1e-4.png and DIR/my_sin_1e-150.pdf.
"""

import math
from collections import Counter

import numpy as np
from demo import graph, options

from stage3_higher_order import Function, Variable
from stage3_higher_order.utils import get_dot_graph, plot_dot_graph

args = options(__doc__).parse_args()


class Sin(Function):
    """y = sin(x);  gx = gy cos(x), where cos(x) is a plain array."""

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
    """The number of functions of each class in the graph of y."""
    lines = get_dot_graph(y, verbose=False).splitlines()
    return Counter(line.split('"')[1] for line in lines if "shape=box" in line)


x = Variable(np.array(np.pi / 4), name="x")
y = my_sin(x)
y.name = "y"
y.backward()
print(y.data)  # -> 0.7071064695751781
print(x.grad.data)  # -> 0.7071032148228457
print(dict(boxes(y)))  # -> {'Add': 4, 'Mul': 4, 'Pow': 4}
graph(plot_dot_graph, y, args.out, "my_sin_1e-4.png", verbose=False)

x = Variable(np.array(np.pi / 4), name="x")
y = my_sin(x, threshold=1e-150)
y.name = "y"
y.backward()
print(y.data)  # ~> 0.7071067811865475 (1e-15)
print(x.grad.data)  # ~> 0.7071067811865475 (1e-15)
print(dict(boxes(y)))  # -> {'Add': 47, 'Mul': 47, 'Pow': 47}
graph(plot_dot_graph, y, args.out, "my_sin_1e-150.pdf", verbose=False)

# The second derivative is -sin(x) = -0.707... The series computes it; with Sin there is none.
for f in (my_sin, sin):
    x = Variable(np.array(np.pi / 4))
    y = f(x)
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    print(x.grad)  # ~> variable(-0.70708) (1e-4)
    #    None
