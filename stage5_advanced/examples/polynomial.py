"""Too simple, too complex, and how a penalty on the weights helps.

The data are y = 5 + 1.2 x - 3.4 x^2 + 5.6 x^3 plus noise of 0.1. A straight line is too simple for them: its error is
large on the training data, too (underfitting). A polynomial of degree 12 fitted to 20 points follows the noise: the
training error falls below the noise, the test error rises (overfitting). With degree 3 both are as small as the noise,
and gradient descent finds the weights that also have a closed form.

A penalty on the weights, rate / 2 times the sum of their squares, keeps a model with too many inputs in check: 200
inputs, 20 samples, y = 0.05 + sum of 0.01 x. Without it the model knows the training data by heart and nothing about
others; with it the training error is larger and the test error smaller.

    python stage5_advanced/examples/polynomial.py

The tables have the errors, means of squares; the noise alone has 0.01 and 0.0001. It takes seconds.

The figure: three polynomials; errors by degree; errors and the norm of the weights by the rate of the penalty.

A. Zhang and others, Dive into Deep Learning, chapters Model Selection and Weight Decay.
"""

import numpy as np
from common import begin, figure, options, pick, save, table

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, initializers, optimizers
from stage5_advanced.training import Trainer

RATES = (0, 0.1, 0.3, 1, 3, 10)


def curve(n):
    """x (N,), y (N, 1)."""
    x = np.random.uniform(-1, 1, n)
    return x, (np.polynomial.Polynomial([5, 1.2, -3.4, 5.6])(x) + np.random.normal(0, 0.1, n))[:, None]


def powers(x, degree):
    """(N,) -> x, x^2, ... (N, degree)."""
    return x[:, None] ** np.arange(1, degree + 1)


def closed_form(x, y):
    """The weights (D, 1) and bias of the smallest squared error, by linear algebra."""
    b, *w = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), y, rcond=None)[0]
    return np.array(w), b


def error(x, y, w, b):
    """The mean squared error of a linear model."""
    return float(np.mean((x @ w + b - y) ** 2))


def descend(train, epochs, optimizer, std=0.01, batch_size=10):
    """The weights and bias that gradient descent finds, from weights N(0, std)."""
    model = L.Linear(1, in_size=train[0].shape[1], dtype=np.float64)
    initializers.initialize(model, initializers.Normal(std), names="W")
    loader = DataLoader(list(zip(*train, strict=True)), batch_size)
    Trainer(model, optimizer, F.mean_squared_error).fit(loader, epochs, progress=False)
    return model.W.data, model.b.data


def main():
    arguments = begin(options(__doc__, gpu=False))
    epochs = pick(arguments, 200, 200, 2)
    x, y = curve(100)
    x_test, y_test = curve(100)
    x_few, y_few = curve(20)

    rows = []
    for name, degree, (x_fit, y_fit) in (
        ("a line, 100 points", 1, (x, y)),
        ("degree 3, 100 points", 3, (x, y)),
        ("degree 3, 20 points", 3, (x_few, y_few)),
        ("degree 12, 20 points", 12, (x_few, y_few)),
    ):
        weights = closed_form(powers(x_fit, degree), y_fit)
        errors = (error(powers(a, degree), b, *weights) for a, b in ((x_fit, y_fit), (x_test, y_test)))
        rows.append((name, *(f"{e:.4f}" for e in errors)))
    w, b = descend((powers(x, 3), y), epochs, optimizers.Adam(0.05))
    errors = (error(powers(a, 3), b_, w, b) for a, b_ in ((x, y), (x_test, y_test)))
    rows.append(("degree 3, by gradient descent", *(f"{e:.4f}" for e in errors)))
    table(("", "training", "test"), rows)
    print("true weights 1.2 -3.4 5.6, found", *(f"{value:.2f}" for value in w.ravel()))

    def wide(n):
        a = np.random.randn(n, 200)
        return a, 0.05 + 0.01 * a.sum(axis=1, keepdims=True) + np.random.normal(0, 0.01, (n, 1))

    train, test = wide(20), wide(100)
    decay = {}
    for rate in RATES:
        optimizer = optimizers.SGD(0.003)
        optimizer.add_hook(optimizers.WeightDecay(rate))
        w, b = descend(train, pick(arguments, 100, 100, 2), optimizer, std=1, batch_size=1)
        decay[rate] = error(*train, w, b), error(*test, w, b), float(np.linalg.norm(w))
    table(("weight decay", "training", "test", "norm of W"), [(r, *(f"{v:.4f}" for v in decay[r])) for r in RATES])
    print(f"test error without decay {decay[0][1]:.4f}, with {decay[3][1]:.4f}")
    save(draw((x_few, y_few), (x_test, y_test), decay), arguments)


def draw(few, test, decay):
    made, axes = figure((1, 3), height=6)
    grid = np.linspace(-1, 1, 300)
    axes[0].plot(*few, "ko", label="20 training points")
    for degree, color in ((1, "tab:orange"), (3, "tab:green"), (12, "tab:red")):
        w, b = closed_form(powers(few[0], degree), few[1])
        axes[0].plot(grid, powers(grid, degree) @ w + b, color=color, label=f"degree {degree}")
    axes[0].set(title="too simple, right, too complex", ylim=(-6, 10))
    axes[0].legend()
    degrees = range(1, 13)
    for name, (x, y) in (("training", few), ("test", test)):
        errors = [error(powers(x, k), y, *closed_form(powers(few[0], k), few[1])) for k in degrees]
        axes[1].semilogy(degrees, errors, ".-", label=name)
    axes[1].axhline(0.01, color="k", linestyle=":", label="noise")
    axes[1].set(title="error by degree, 20 training points", xlabel="degree", ylim=(1e-4, 1e4))
    axes[1].legend()
    train_errors, test_errors, norms = zip(*decay.values(), strict=True)
    for name, values in (("training", train_errors), ("test", test_errors), ("norm of W", norms)):
        axes[2].semilogy(range(len(RATES)), np.maximum(values, 1e-12), ".-", label=name)
    axes[2].set_xticks(range(len(RATES)), RATES)
    axes[2].set(title="200 inputs, 20 samples", xlabel="rate of the weight decay", ylim=(1e-6, 1e4))
    axes[2].legend()
    return made


if __name__ == "__main__":
    main()
