"""Step 29: Newton's method, with the second derivative by hand.

Gradient descent knows the slope and nothing else, so how far to go has to be guessed. The second derivative says
how the slope changes. Around the current place a, the function is nearly a parabola:

    f(x) ~ f(a) + f'(a) (x - a) + f''(a)/2 (x - a)^2

The parabola touches f at a, with the same slope and the same bend. Its derivative f'(a) + f''(a) (x - a) is zero at

    b = a - f'(a) / f''(a)

Newton's method goes to b, the bottom of the parabola, and starts again from there. It is gradient descent whose
learning rate 1 / f''(x) sets itself: small where the curve bends sharply, large where it is flat. Like every good
thing it has its conditions: close to the solution it is very fast, far from it or where f'' <= 0 it may go astray.

The framework gives f'. For f'' there is only paper and pencil yet, so `gx2` is typed in; step 33 removes it.

With several inputs the gradient stands for f' and the matrix of all second derivatives, the Hessian, for f'': solve
H d = gradient and go to x - d. Rosenbrock then takes 6 steps where step 28 took 50,000. Nobody trains a network
like this: with a million parameters its Hessian has 10^12 elements.

The book says that gradient descent with lr = 0.01 needs 124 rounds to come within 0.001 of the minimum of the first
example; the count below is what the code gives.

`--out DIR` writes the figure of both methods on both functions to DIR/step29.png (needs matplotlib); without it
the figure is shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np

from stage3_higher_order import Variable, no_grad

# --- demonstration ---


def f(x):
    return x**4 - 2 * x**2


def gx2(x):
    """The second derivative of f, by hand; from array to array."""
    return 12 * x**2 - 4


x = Variable(np.array(2.0))
for i in range(10):
    print(i, x)  # -> 0 variable(2.0)
    #    1 variable(1.4545454545454546)
    #    2 variable(1.1510467893775467)
    #    3 variable(1.0253259289766978)
    #    4 variable(1.0009084519430513)
    #    5 variable(1.0000012353089454)
    #    6 variable(1.000000000002289)
    #    7 variable(1.0)
    #    8 variable(1.0)
    #    9 variable(1.0)
    y = f(x)
    x.cleargrad()
    y.backward()
    x.data -= x.grad.data / gx2(x.data)

# Gradient descent on the same function, until it is nearer than 0.001, as Newton's method is after 4 rounds.
x = Variable(np.array(2.0))
rounds = 0
while abs(x.data - 1) >= 0.001:
    y = f(x)
    x.cleargrad()
    y.backward()
    x.data -= 0.01 * x.grad.data
    rounds += 1
print(rounds)  # -> 70


def rosenbrock(x0, x1):
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


def hessian(x0, x1):
    """All second derivatives of rosenbrock, by hand; from arrays to an array."""
    return np.array([[1200 * x0**2 - 400 * x1 + 2, -400 * x0], [-400 * x0, 200]])


x0 = Variable(np.array(0.0))
x1 = Variable(np.array(2.0))
for i in range(6):
    print(i, x0, x1)  # ~> 0 variable(0.0) variable(2.0) (1e-9)
    #    1 variable(-0.0025062657) variable(0.0)
    #    2 variable(0.9987421581) variable(-0.0050125077)
    #    3 variable(0.9987484005) variable(0.9974983675)
    #    4 variable(0.9999999999902) variable(0.9999984334793)
    #    5 variable(1.0) variable(1.0)
    y = rosenbrock(x0, x1)
    x0.cleargrad()
    x1.cleargrad()
    y.backward()
    d0, d1 = np.linalg.solve(hessian(x0.data, x1.data), [x0.grad.data, x1.grad.data])
    x0.data -= d0
    x1.data -= d1
print(x0, x1)  # ~> variable(1.0) variable(1.0) (1e-9)


def walk(f, start, step, rounds):
    """The places from start on: an array of shape (rounds + 1, inputs). step: from data and gradients to the move."""
    xs = [Variable(np.array(x)) for x in start]
    path = [start]
    for _ in range(rounds):
        for x in xs:
            x.cleargrad()
        f(*xs).backward()
        moves = step([x.data for x in xs], [x.grad.data for x in xs])
        for x, move in zip(xs, moves, strict=True):
            x.data -= move
        path.append(tuple(float(x.data) for x in xs))
    return np.array(path)


def draw(plt):
    """Left gradient descent, right Newton's method; above f, below rosenbrock."""
    figure, grid = plt.subplots(2, 2, figsize=(10, 8), sharex="row", sharey="row", layout="constrained")
    paths = {
        "gradient descent, lr = 0.01": walk(f, (2.0,), lambda xs, gxs: [0.01 * gx for gx in gxs], 70),
        "Newton's method": walk(f, (2.0,), lambda xs, gxs: [gxs[0] / gx2(xs[0])], 7),
    }
    t = np.linspace(-2.1, 2.1, 200)
    for axes, (title, path) in zip(grid[0], paths.items(), strict=True):
        axes.plot(t, f(t), color="grey")
        axes.plot(path, f(path), "o", color="tab:red", markersize=4)
        axes.plot(1, -1, "*", color="black", markersize=10)
        axes.set_title(f"{title}, {len(path) - 1} rounds")
        axes.set_xlabel("x")
    grid[0, 0].set_ylabel("x^4 - 2 x^2")
    paths = {
        "gradient descent, lr = 0.001": walk(rosenbrock, (0.0, 2.0), lambda xs, gxs: [0.001 * gx for gx in gxs], 10000),
        "Newton's method": walk(rosenbrock, (0.0, 2.0), lambda xs, gxs: np.linalg.solve(hessian(*xs), gxs), 6),
    }
    mesh = np.meshgrid(np.linspace(-2, 2, 500), np.linspace(-1, 3, 500))
    with no_grad():
        heights = rosenbrock(*[Variable(axis) for axis in mesh]).data
    for axes, (title, path) in zip(grid[1], paths.items(), strict=True):
        axes.contour(*mesh, heights, levels=np.geomspace(0.1, 2500, 14), norm="log", cmap="viridis", linewidths=0.8)
        axes.plot(*path.T, "o-", color="tab:red", markersize=4, linewidth=1)
        axes.plot(1, 1, "*", color="black", markersize=10)
        axes.set_title(f"{title}, {len(path) - 1} rounds")
        axes.set_xlabel("x0")
    grid[1, 0].set_ylabel("x1")
    return figure


parser = argparse.ArgumentParser(description="Step 29: Newton's method")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step29.png")
arguments = parser.parse_args()
try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step29: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step29.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
