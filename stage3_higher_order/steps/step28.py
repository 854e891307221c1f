"""Step 28: function optimization.

What derivatives are wanted for most: to find the place where a function is smallest. A network is trained in this
way, with its loss as the function. The example is Rosenbrock's,

    y = 100 (x1 - x0^2)^2 + (x0 - 1)^2,

whose least value lies at (1, 1), in a long bent valley with steep sides and an almost level floor.

The gradient, all partial derivatives together, points to where the function rises fastest. Gradient descent goes a
small step the other way, and again:

    x  <-  x - lr * gradient         lr: the learning rate, chosen by hand

The same variables are used in each round, so their gradients have to be cleared first. The update is no part of
the computation, so it is done on `.data`; `.grad` is a Variable in this stage (step 32), so its numbers are in
`.grad.data`.

The descent falls into the valley at once and then creeps: (0.683, 0.466) after 1000 rounds, (0.994, 0.989) after
10,000, and 50,000 until it is there. Step 29 does better.

`--iters N` runs N rounds. `--out DIR` writes the figure of the two paths, of 1000 and 10,000 rounds, to
DIR/step28.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np

from stage3_higher_order import Variable, no_grad

parser = argparse.ArgumentParser(description="Step 28: function optimization")
parser.add_argument("--iters", type=int, default=1000, metavar="N", help="rounds of gradient descent, default 1000")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step28.png")
arguments = parser.parse_args()

# --- demonstration ---


def rosenbrock(x0, x1):
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


x0 = Variable(np.array(0.0))
x1 = Variable(np.array(2.0))
y = rosenbrock(x0, x1)
y.backward()
print(x0.grad.data, x1.grad.data)  # -> -2.0 400.0

x0 = Variable(np.array(0.0))
x1 = Variable(np.array(2.0))
lr = 0.001
for _ in range(arguments.iters):
    print(x0, x1)  # -> variable(0.0) variable(2.0)
    #    variable(0.002) variable(1.6)
    #    variable(0.0052759968) variable(1.2800008)
    #    ...
    #    variable(0.6834917840420289) variable(0.46565059996514135)
    y = rosenbrock(x0, x1)
    x0.cleargrad()
    x1.cleargrad()
    y.backward()
    x0.data -= lr * x0.grad.data
    x1.data -= lr * x1.grad.data


def descend(iters):
    """The path of the loop above: iters places, an array of shape (iters, 2)."""
    x0, x1 = Variable(np.array(0.0)), Variable(np.array(2.0))
    path = []
    for _ in range(iters):
        path.append((float(x0.data), float(x1.data)))
        x0.cleargrad()
        x1.cleargrad()
        rosenbrock(x0, x1).backward()
        x0.data -= lr * x0.grad.data
        x1.data -= lr * x1.grad.data
    return np.array(path)


def draw(plt):
    """Contour lines, closer together where the function is small, and both paths."""
    grid = np.meshgrid(np.linspace(-2, 2, 500), np.linspace(-1, 3, 500))
    with no_grad():
        heights = rosenbrock(*[Variable(axis) for axis in grid]).data
    path = descend(10000)
    figure, row = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
    for axes, iters in zip(row, (1000, 10000), strict=True):
        axes.contour(*grid, heights, levels=np.geomspace(0.1, 2500, 14), norm="log", cmap="viridis", linewidths=0.8)
        axes.plot(*path[:iters].T, ".-", color="tab:orange", markersize=4, linewidth=0.5, label=f"{iters} rounds")
        axes.plot(1, 1, "*", color="tab:blue", markersize=12, label="least value")
        axes.set_xlabel("x0")
        axes.legend(loc="lower right")
    row[0].set_ylabel("x1")
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step28: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step28.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
