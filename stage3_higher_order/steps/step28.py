"""Step 28: function optimization.

The main use of derivatives is to find the minimum of a function. A network is trained in this way; its function is the
loss. The example here is the Rosenbrock function,

    y = 100 (x1 - x0^2)^2 + (x0 - 1)^2,

whose minimum is at (1, 1), in a long curved valley with steep sides and an almost flat floor: the banana function. In
general it is (a - x0)^2 + b (x1 - x0^2)^2, with the minimum at (a, a^2); here a = 1 and b = 100.

The gradient, the vector of all partial derivatives, points in the direction of the steepest ascent. Gradient descent
takes a small step in the opposite direction, again and again:

    x  <-  x - lr * gradient         lr: the learning rate, chosen by hand

Every iteration uses the same variables, so their gradients must be cleared first. The update is not part of the
computation, so it changes `.data`; `.grad` is a Variable in this stage (step 32), so its array is `.grad.data`.

Gradient descent reaches the valley at once and is slow there: (0.683, 0.466) after 1000 iterations, (0.994, 0.989)
after 10,000, and 50,000 for the minimum. Step 29 does better.

`--iters N` runs N iterations. `--out DIR` saves the paths of 1000 and 10,000 iterations as DIR/step28.png.
"""

import numpy as np
from demo import options, show

from stage3_higher_order import Variable, no_grad

args = options(__doc__, iters=1000).parse_args()


def rosenbrock(x0, x1):
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


x0 = Variable(np.array(0.0))
x1 = Variable(np.array(2.0))
y = rosenbrock(x0, x1)
y.backward()
print(x0.grad.data, x1.grad.data)  # -> -2.0 400.0


def descend(iters):
    """Yield the variables before each update."""
    x0 = Variable(np.array(0.0))
    x1 = Variable(np.array(2.0))
    lr = 0.001
    for _ in range(iters):
        yield x0, x1
        y = rosenbrock(x0, x1)
        x0.cleargrad()
        x1.cleargrad()
        y.backward()
        x0.data -= lr * x0.grad.data
        x1.data -= lr * x1.grad.data


for x0, x1 in descend(args.iters):
    print(x0, x1)  # -> variable(0.0) variable(2.0)
    #    variable(0.002) variable(1.6)
    #    variable(0.0052759968) variable(1.2800008)
    #    ...
    #    variable(0.6834917840420289) variable(0.46565059996514135)


def draw(plt):
    """The surface, contour lines and both paths."""
    grid = np.meshgrid(np.linspace(-2, 2, 500), np.linspace(-1, 3, 500))
    with no_grad():
        heights = rosenbrock(*[Variable(axis) for axis in grid]).data
    path = np.array([(float(x0), float(x1)) for x0, x1 in descend(10000)])  # copies: the updates are in place
    figure = plt.figure(figsize=(15, 4.6), layout="constrained")
    surface = figure.add_subplot(1, 3, 1, projection="3d")
    surface.plot_surface(*grid, np.log(heights + 1), cmap="viridis", rcount=80, ccount=80)
    surface.set(xlabel="x0", ylabel="x1", title="log(y + 1)")
    surface.view_init(azim=-130)
    row = [figure.add_subplot(1, 3, n) for n in (2, 3)]
    for axes, iters in zip(row, (1000, 10000), strict=True):
        axes.contour(*grid, heights, levels=np.geomspace(0.1, 2500, 14), norm="log", cmap="viridis", linewidths=0.8)
        axes.plot(*path[:iters].T, ".-", color="tab:orange", markersize=4, linewidth=0.5, label=f"{iters} iterations")
        axes.plot(1, 1, "*", color="tab:blue", markersize=12, label="minimum")
        axes.set_xlabel("x0")
        axes.legend(loc="lower right")
    row[0].set_ylabel("x1")
    return figure


show(draw, args.out)
