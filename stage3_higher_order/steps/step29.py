"""Step 29: Newton's method, with the second derivative by hand.

Gradient descent knows only the slope, so the step size has to be guessed. The second derivative says how the slope
changes. Near a point a, the function is almost a parabola:

    f(x) ~ f(a) + f'(a) (x - a) + f''(a)/2 (x - a)^2

The parabola touches f at a, with the same slope and the same curvature. Its derivative f'(a) + f''(a) (x - a) is zero
at

    b = a - f'(a) / f''(a)

Newton's method goes to b, the minimum of the parabola, and repeats from there. It is gradient descent whose learning
rate 1 / f''(x) adapts: small where the curve bends sharply, large where it is flat. Close to the solution it is very
fast; far from it, or where f'' <= 0, it may diverge. The example below has two minima, -1 and 1, and the start decides
which one is found.

The framework computes f'. It cannot compute f'' yet, so `gx2` is written by hand; step 33 removes it.

With several inputs, the gradient replaces f' and the Hessian, the matrix of all second derivatives, replaces f'':
solve H d = gradient and go to x - d. Rosenbrock then takes 6 iterations where step 28 took 50,000. Nobody trains a
network in this way: with a million parameters the Hessian has 10^12 elements.

The book says that gradient descent with lr = 0.01 needs 124 iterations to come within 0.001 of the minimum of the
first example; the code gives the number below.

`--out DIR` saves a figure of both methods on both functions as DIR/step29.png.
"""

import numpy as np
from demo import options, show

from stage3_higher_order import Variable, no_grad

args = options(__doc__).parse_args()


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

# Gradient descent on the same function, to within 0.001; Newton's method takes 4 iterations.
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


def draw(plt):
    """Gradient descent on the left, Newton's method on the right; f in the first row, rosenbrock in the second."""

    def path(f, start, step, iters):
        """All points of an optimization, (iters + 1, inputs); step(data, gradients) -> the amounts to subtract."""
        xs = [Variable(np.array(x)) for x in start]
        points = [start]
        for _ in range(iters):
            for x in xs:
                x.cleargrad()
            f(*xs).backward()
            for x, d in zip(xs, step([x.data for x in xs], [x.grad.data for x in xs]), strict=True):
                x.data -= d
            points.append([float(x.data) for x in xs])
        return np.array(points)

    figure, grid = plt.subplots(2, 2, figsize=(10, 8), sharex="row", sharey="row", layout="constrained")
    paths = {
        "gradient descent, lr = 0.01": path(f, [2.0], lambda xs, gxs: [0.01 * gx for gx in gxs], 70),
        "Newton's method": path(f, [2.0], lambda xs, gxs: [gxs[0] / gx2(xs[0])], 7),
    }
    t = np.linspace(-2.1, 2.1, 200)
    a, b = paths["Newton's method"][:2, 0]
    parabola = f(a) + (4 * a**3 - 4 * a) * (t - a) + gx2(a) / 2 * (t - a) ** 2
    grid[0, 1].plot(t[parabola < 9], parabola[parabola < 9], color="tab:blue", label="the parabola at x = 2")
    grid[0, 1].plot([b, b], [f(b), parabola.min()], ":", color="tab:blue", label="its minimum, the next x")
    grid[0, 1].legend(loc="upper center")
    for axes, (title, points) in zip(grid[0], paths.items(), strict=True):
        axes.plot(t, f(t), color="grey")
        axes.plot(points, f(points), "o", color="tab:red", markersize=4)
        axes.plot(1, -1, "*", color="black", markersize=10)
        axes.set(title=f"{title}, {len(points) - 1} iterations", xlabel="x")
    grid[0, 0].set_ylabel("x^4 - 2 x^2")

    paths = {
        "gradient descent, lr = 0.001": path(rosenbrock, [0.0, 2.0], lambda xs, gxs: np.array(gxs) * 0.001, 10000),
        "Newton's method": path(rosenbrock, [0.0, 2.0], lambda xs, gxs: np.linalg.solve(hessian(*xs), gxs), 6),
    }
    mesh = np.meshgrid(np.linspace(-2, 2, 500), np.linspace(-1, 3, 500))
    with no_grad():
        heights = rosenbrock(*[Variable(axis) for axis in mesh]).data
    for axes, (title, points) in zip(grid[1], paths.items(), strict=True):
        axes.contour(*mesh, heights, levels=np.geomspace(0.1, 2500, 14), norm="log", cmap="viridis", linewidths=0.8)
        axes.plot(*points.T, "o-", color="tab:red", markersize=4, linewidth=1)
        axes.plot(1, 1, "*", color="black", markersize=10)
        axes.set(title=f"{title}, {len(points) - 1} iterations", xlabel="x0")
    grid[1, 0].set_ylabel("x1")
    return figure


show(draw, args.out)
