"""Appendix A: in-place operations (a supplement to step 14).

Why does `backward` add gradients with `x.grad = x.grad + gx`, and not with the shorter `x.grad += gx`?

    x += x         writes into the array that is there: no copy, and x is the same object as before
    x = x + x      makes a new array, and x is its name from now on

The first saves memory, and is right as long as the array has one name. But `backward` hands arrays on: the first time a
variable gets its gradient, the array is not copied, x.grad is the one that came. The derivative of `add` passes on what
came to it, so after y = add(x, x), x.grad and y.grad are two names of one array. If the second gradient of x is then
written into it, y.grad changes, too. A new array has one name only.

Since step 14 every stage adds in this way. In place is for arrays that nobody else can have: optimizers update
`param.data` so. (From stage 3 on gradients are Variables, and those that a plain `backward()` leaves in `grad` are
arrays of their own.)

`--out DIR` writes the figure, names and arrays, to DIR/appendix_a.png (needs matplotlib); without it the figure is
shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np

import stage5_advanced.functions as F
from stage5_advanced import Variable

parser = argparse.ArgumentParser(description="Appendix A: in-place operations")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/appendix_a.png")
arguments = parser.parse_args()

# --- demonstration ---

# The same object or not; the number that id gives is another one in every run.
x = np.array(1)
before = id(x)

x += x  # in place
print(id(x) == before)  # -> True

old = x  # keeps the old array alive, or its place could be taken by the new one
x = x + x  # a new array
print(id(x) == before)  # -> False


# The derivative of add as step 14 computes it, with arrays: gy goes to both inputs, x is both of them.
def backward_of_add(in_place):
    """x.grad and y.grad after y = add(x, x)."""
    y_grad = np.array(1)
    x_grad = None
    for gx in (y_grad, y_grad):
        if x_grad is None:
            x_grad = gx
        elif in_place:
            x_grad += gx
        else:
            x_grad = x_grad + gx
    return x_grad, y_grad


x_grad, y_grad = backward_of_add(in_place=True)
print("y.grad:", y_grad, "x.grad:", x_grad, x_grad is y_grad)  # -> y.grad: 2 x.grad: 2 True
x_grad, y_grad = backward_of_add(in_place=False)
print("y.grad:", y_grad, "x.grad:", x_grad, x_grad is y_grad)  # -> y.grad: 1 x.grad: 2 False

# The framework, where a gradient is a Variable; retain_grad keeps that of y.
x = Variable(np.array(3))
y = F.add(x, x)
y.backward(retain_grad=True)
print("y.grad:", y.grad, "x.grad:", x.grad)  # -> y.grad: variable(1) x.grad: variable(2)
print(x.grad.data is y.grad.data, np.shares_memory(x.grad.data, y.grad.data))  # -> False False


def draw(plt):
    """Names left, arrays right: after each of the three steps of backward, in place and not."""
    figure, rows = plt.subplots(2, 3, figsize=(11, 4.8), layout="constrained")
    titles = ("y.grad is given", "first gradient of x: no copy", "second gradient of x")
    one, both = {"y.grad": 0}, {"y.grad": 0, "x.grad": 0}
    # For each picture: name -> which array, the numbers in the arrays, which array is wrong.
    in_place = [(one, [1], None), (both, [1], None), (both, [2], 0)]
    new = [(one, [1], None), (both, [1], None), ({"y.grad": 0, "x.grad": 1}, [1, 2], None)]
    rules = ("x.grad += gx", "x.grad = x.grad + gx")
    for row, rule, pictures in zip(rows, rules, (in_place, new), strict=True):
        for axes, title, (names, arrays, wrong) in zip(row, titles, pictures, strict=True):
            places = [1.5 - 1.2 * i for i in range(len(arrays))]
            for array, (number, y) in enumerate(zip(arrays, places, strict=True)):
                color = "salmon" if array == wrong else "lightblue"
                axes.add_patch(plt.Rectangle((3, y - 0.4), 0.9, 0.8, facecolor=color, edgecolor="black"))
                axes.text(3.45, y, number, ha="center", va="center", fontsize=13)
            for i, (name, array) in enumerate(names.items()):
                y = 1.5 - 1.2 * i
                axes.text(0.2, y, name, family="monospace", fontsize=12, va="center")
                arrow = {"arrowstyle": "->", "linewidth": 1.5}
                axes.annotate("", (2.95, places[array] - 0.2 * (i != array)), (1.55, y), arrowprops=arrow)
            if wrong is not None:
                axes.text(4.1, places[wrong], "y.grad should be 1", color="tab:red", va="center")
            axes.set(title=title if pictures is in_place else "", xlim=(0, 6.4), ylim=(-0.3, 2.9))
            axes.axis("off")
        row[0].text(0.2, 2.4, rule, family="monospace", fontsize=12, weight="bold")
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("appendix_a: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "appendix_a.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
