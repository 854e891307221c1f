"""Seven ways down a valley, and why it is difficult.

Gradient descent goes where a function decreases fastest. In a valley that is steep across and flat along, that is
across: a small rate creeps along the bottom, a large one jumps from wall to wall and out. Momentum adds up the steps,
so that those across cancel and those along grow. AdaGrad and RMSProp divide each coordinate by the size of its own
gradients.

    f(x) = 0.1 x1^2 + 2 x2^2, from (-5, -2), 20 steps: the end points that Dive into Deep Learning prints or draws

A gradient knows only the slope in one point. Taylor's polynomials show how far derivatives of higher order see; each is
one more `grad` of the graph of the last. Where the gradient is zero, the second derivatives tell a minimum from a
saddle, and from a minimum a better one elsewhere cannot be seen at all.

A gradient may be that of all samples, of one (stochastic gradient descent), or of a mini-batch. In the same number of
epochs, single samples make the most updates and come nearest to the weights of a linear regression; a mini-batch is in
between, but computes its samples at once.

    python stage5_advanced/examples/descent.py

The table has the end points, to six decimals those of the book; AdaGrad differs by 0.000001, because its eps is added
to the root here, and below it there. It takes a second, with --quick and without.

The figure: the seven paths; Taylor polynomials; descent that ends in one of two minima; a saddle.

A. Zhang and others, Dive into Deep Learning, chapter Optimization Algorithms. J. Duchi, E. Hazan, Y. Singer, Adaptive
subgradient methods, JMLR 12 (2011).
"""

import math

import numpy as np
from common import begin, figure, options, save, table

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, Layer, Parameter, Variable, grad, initializers, layers, optimizers

DESCENTS = {  # name -> a new optimizer
    "gradient descent, 0.4": lambda: optimizers.SGD(0.4),
    "gradient descent, 0.6": lambda: optimizers.SGD(0.6),
    "momentum 0.5, 0.4": lambda: optimizers.MomentumSGD(0.4, 0.5),
    "momentum 0.5, 0.6": lambda: optimizers.MomentumSGD(0.6, 0.5),
    "AdaGrad, 0.4": lambda: optimizers.AdaGrad(0.4, 1e-6),
    "AdaGrad, 2": lambda: optimizers.AdaGrad(2, 1e-6),
    "RMSProp 0.9, 0.4": lambda: optimizers.RMSprop(0.4, 0.9, 1e-6, style="tensorflow", start=0),
}


VALLEY, SADDLE = np.array([0.1, 2.0]), np.array([1.0, -1.0])  # f(x) = sum of these times x^2


def valley(x):
    return F.sum(x**2 * VALLEY)


def bumpy(x):
    return F.sum(x * F.cos(math.pi * x))


def saddle(x):
    return F.sum(x**2 * SADDLE)


class Point(Layer):
    """A point as the only parameter."""

    def __init__(self, x):
        super().__init__()
        self.x = Parameter(np.array(x, float))


def descend(f, start, optimizer, steps):
    """The points that the optimizer visits, (steps + 1, ...)."""
    point = Point(start)
    optimizer.setup(point)
    path = [point.x.data.copy()]
    for _ in range(steps):
        point.cleargrads()
        f(point.x).backward()
        optimizer.update()
        path.append(point.x.data.copy())
    return np.array(path)


def taylor(f, at, order):
    """The coefficients of the Taylor polynomial of f around a number."""
    x, coefficients = Variable(np.array(at)), []
    y = f(x)
    for n in range(order + 1):
        coefficients.append(float(y.data) / math.factorial(n))
        y = grad(y, x, create_graph=True)
    return coefficients


def hessian(f, at):
    """The second derivatives at a point: row i is the gradient of the i-th component of the gradient."""
    x = Variable(np.array(at))
    gx = grad(f(x), x, create_graph=True)
    return np.array([grad(gx[i], x).data for i in range(len(at))])


def regression(batch_size, epochs):
    """Linear regression on 200 samples -> the number of updates, and the distance from the true weights."""
    rng, w = np.random.default_rng(0), np.array([[2.0], [-3.4]])
    x = rng.standard_normal((200, 2))
    loader = DataLoader(list(zip(x, x @ w + 0.1 * rng.standard_normal((200, 1)), strict=True)), batch_size, rng=0)
    model = layers.Linear(1, nobias=True, dtype=float, in_size=2, initializer=initializers.Zeros())
    optimizer = optimizers.SGD(0.02).setup(model)
    for _ in range(epochs):
        for x, t in loader:
            model.cleargrads()
            F.mean_squared_error(model(x), t).backward()
            optimizer.update()
    return epochs * len(loader), np.linalg.norm(model.W.data - w)


def main():
    arguments = begin(options(__doc__, gpu=False))
    paths = {name: descend(valley, (-5, -2), make(), 20) for name, make in DESCENTS.items()}
    table(("after 20 steps", "x1", "x2"), [(name, *(f"{x:.6f}" for x in path[-1])) for name, path in paths.items()])
    line = descend(lambda x: F.sum(x**2), 10, optimizers.SGD(0.2), 10)
    print(f"x^2 from 10, rate 0.2, after 10 steps: {line[-1]:.10f}")
    for n in (200, 20, 1):
        print("{} of 200 samples per update: {} updates in 5 epochs, distance {:.4f}".format(n, *regression(n, 5)))
    for name, f in (("valley", valley), ("saddle", saddle)):
        print(f"second derivatives of the {name} at 0, eigenvalues: {np.linalg.eigvalsh(hessian(f, (0.0, 0.0)))}")
    save(draw(paths), arguments)


def contours(axes, weights, x, y, levels):
    """Lines of equal height of the sum of weights times x^2."""
    X = np.stack(np.meshgrid(np.linspace(*x, 121), np.linspace(*y, 121)), axis=-1)
    axes.contour(X[..., 0], X[..., 1], X**2 @ weights, levels, colors="tab:gray", linewidths=0.5)
    axes.set(xlim=x, ylim=y)


def draw(paths):
    made, axes = figure("abcd;efgt;llss", height=11)
    for place, (name, path) in zip("abcdefg", paths.items(), strict=True):
        contours(axes[place], VALLEY, (-5.5, 2), (-3, 3), [0.05, 0.25, 1, 2, 4, 8, 14])
        axes[place].plot(*path.T, "o-", color="tab:orange", markersize=4, clip_on=True)
        axes[place].set(title=name, xlabel="x1", ylabel="x2")

    x = np.linspace(-1.2, 2.2, 200)
    axes["t"].plot(x, x * np.cos(math.pi * x), "k", label="x cos(πx)")
    for order, style in ((1, ":"), (2, "--"), (4, "-.")):
        polynomial = np.polynomial.Polynomial(taylor(bumpy, 0.6, order))
        axes["t"].plot(x, polynomial(x - 0.6), style, label=f"order {order}")
    axes["t"].plot(0.6, 0.6 * math.cos(0.6 * math.pi), "ko")
    axes["t"].set(title="Taylor polynomials at 0.6", ylim=(-2, 2))
    axes["t"].legend()

    x = np.linspace(-1.2, 1.4, 200)
    axes["l"].plot(x, x * np.cos(math.pi * x), "k")
    for start, color in ((-0.75, "tab:red"), (0.4, "tab:blue")):
        path = descend(bumpy, start, optimizers.SGD(0.05), 15)
        axes["l"].plot(path, path * np.cos(math.pi * path), "o-", color=color, label=f"from {start}")
    axes["l"].set(title="the same function, descended from two points: the minimum depends on the start")
    axes["l"].legend()

    contours(axes["s"], SADDLE, (-2, 2), (-1.5, 1.5), np.arange(-4, 4.5, 0.5))
    for y, color in ((0.0, "tab:red"), (1e-3, "tab:blue")):
        path = descend(saddle, (-1.8, y), optimizers.SGD(0.1), 40)
        axes["s"].plot(*path.T, "o-", color=color, markersize=3 if y else 7, label=f"from (-1.8, {y:g})")
    axes["s"].set(title="a saddle: the gradient is zero, but it is no minimum")
    axes["s"].legend(loc="upper right")
    return made


if __name__ == "__main__":
    main()
