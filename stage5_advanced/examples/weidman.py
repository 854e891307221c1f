"""One network three ways: Weidman's operations, each with its own backward; layers of stage 5; functions and `grad`.

In his book an operation knows its gradient, and layers, network and trainer pass it from hand to hand; `scratch` has
these classes. Stage 5 records what is computed and derives the gradient itself. From the same weights and with the same
batches all are the same computation, and the losses agree to the last digits.

    python stage5_advanced/examples/weidman.py --quick
    python stage5_advanced/examples/weidman.py --data boston         needs pip install mlxtend
    python stage5_advanced/examples/weidman.py --plain               the two layers of the preface, no figure

With --data boston the validation losses are those that chapter 3 of the book prints: 30.293, ..., 25.087 without a
hidden layer, 16.215 with one, 14.655 with two. (One column of these data encodes the ethnic composition of a district,
so they are no default, and scikit-learn has removed them.) The default is synthetic.Houses, prices in units of 10,000.

The figure: validation losses of the three networks; predictions of the largest; its losses the three ways.

S. Weidman, Deep Learning from Scratch, chapter 3 (2019).
"""

import contextlib
import io
import itertools

import numpy as np
from common import begin, figure, options, package_file, pick, save, table

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Parameter, grad, models, no_grad, optimizers, scratch
from stage5_advanced.synthetic import Houses

SEED, BATCH, RATE = 20190501, 32, 0.01
HIDDEN = {"linear": (), "13": (13,), "13 + 13": (13, 13)}


def load(arguments):
    """(X_train, y_train, X_test, y_test), float64, standardized, as in the book."""
    if arguments.data == "boston":
        rows = np.genfromtxt(package_file("mlxtend", "data/data/boston_housing.csv"), delimiter=",")
        x, y = rows[:, :-1], rows[:, -1:]
    else:
        dataset = Houses(pick(arguments, 506, 506, 60), rng=arguments.seed)
        x, y = dataset.data.astype(np.float64), dataset.label.astype(np.float64) / 1e4
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-8)
    order, n = np.random.RandomState(80718).permutation(len(x)), -(-3 * len(x) // 10)
    return x[order[n:]], y[order[n:]], x[order[:n]], y[order[:n]]


def in_his_style(data, hidden, epochs, every):
    """Losses by epoch, and the network."""
    layers = [*(scratch.Dense(size, scratch.Sigmoid()) for size in hidden), scratch.Dense(1, scratch.Linear())]
    net = scratch.NeuralNetwork(layers, scratch.MeanSquaredError(), seed=SEED)
    trainer = scratch.Trainer(net, scratch.SGD(lr=RATE))
    losses = trainer.fit(*data, epochs=epochs, eval_every=every, batch_size=BATCH, seed=SEED, early_stopping=False)
    return losses, net


def same_weights(data, hidden):
    """[W, b, ...] as his layers draw them: each restarts the generator with the seed."""
    sizes, weights = [data[0].shape[1], *hidden, 1], []
    for before, after in itertools.pairwise(sizes):
        np.random.seed(SEED)
        weights += [np.random.normal(0, 1, (before, after)), np.random.normal(0, 1, (1, after))]
    return weights


def epochs_of(data, hidden, epochs):
    """Yield the number and the batches of each epoch as he draws them: each permutes the order of the last one."""
    X, y, *_ = data
    np.random.seed(SEED)
    for epoch in range(1, epochs + 1):
        order = np.random.permutation(len(X))
        if epoch == 1:
            same_weights(data, hidden)  # his layers draw now, and the generator goes on from there
        X, y = X[order], y[order]
        yield epoch, [(X[i : i + BATCH], y[i : i + BATCH]) for i in range(0, len(X), BATCH)]


def with_layers(data, hidden, epochs, every):
    """The same with a model and an optimizer of stage 5."""
    X, _, X_test, y_test = data
    parts = [part for size in (*hidden, 1) for part in (L.Linear(size, dtype=np.float64), F.sigmoid)]
    model = models.Sequential(*parts[:-1])  # no sigmoid at the end
    weights, losses = same_weights(data, hidden), []
    model(X[:1])  # creates the weights
    for param, value in zip(model.params(), weights, strict=True):
        param.data[...] = value.reshape(param.shape)
    optimizer = optimizers.SGD(RATE).setup(model)
    for epoch, batches in epochs_of(data, hidden, epochs):
        for x, t in batches:
            loss = F.mean_squared_error(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
        if epoch % every == 0:
            with no_grad():
                losses.append(float(F.mean_squared_error(model(X_test), y_test).data))
    return losses


def by_hand(data, hidden, epochs, every):
    """The same with nothing but functions and `grad`."""
    _, _, X_test, y_test = data
    weights, losses = [Parameter(value) for value in same_weights(data, hidden)], []

    def predict(x):
        for i in range(0, len(weights), 2):
            x = F.matmul(x if i == 0 else F.sigmoid(x), weights[i]) + weights[i + 1]
        return x

    for epoch, batches in epochs_of(data, hidden, epochs):
        for x, t in batches:
            for param, g in zip(weights, grad(F.mean_squared_error(predict(x), t), weights), strict=True):
                param.data -= RATE * g.data
        if epoch % every == 0:
            losses.append(float(F.mean_squared_error(predict(X_test), y_test).data))
    return losses


def plain(steps, seed):
    """The two layers of the preface, 64 samples, 1000 -> 100 -> 10: gradients of arrays by hand, and by `grad`."""
    rng, rows = np.random.default_rng(seed), []
    x, t, W1, W2 = (rng.standard_normal(shape) for shape in ((64, 1000), (64, 10), (1000, 100), (100, 10)))
    params = Parameter(W1.copy()), Parameter(W2.copy())
    for step in range(steps):
        z = x @ W1
        h = np.maximum(z, 0)
        y = h @ W2
        gy = 2 * (y - t)
        gz = gy @ W2.T * (z > 0)
        W1 -= 1e-6 * x.T @ gz
        W2 -= 1e-6 * h.T @ gy

        loss = F.sum((F.matmul(F.relu(F.matmul(x, params[0])), params[1]) - t) ** 2)
        for param, g in zip(params, grad(loss, params), strict=True):
            param.data -= 1e-6 * g.data
        if step % max(1, steps // 5) == 0:
            rows.append((str(step), f"{((y - t) ** 2).sum():.6g}", f"{float(loss):.6g}"))
    table(("update", "loss by hand", "loss by grad"), rows)


def main():
    parser = options(__doc__, epochs=(50, 50), data=("houses", "boston"), gpu=False)
    parser.add_argument("--plain", action="store_true", help="the two layers of the preface, no figure")
    arguments = begin(parser)
    if arguments.plain:
        plain(20 if arguments.smoke else 500, arguments.seed)
        return
    data = load(arguments)
    epochs = arguments.epochs
    every = max(1, epochs // 5)
    rows, curves, largest = [], {}, 0.0
    for name, hidden in HIDDEN.items():
        with contextlib.redirect_stdout(io.StringIO()):  # it prints the losses, too
            curves[name], net = in_his_style(data, hidden, epochs, every)
        others = with_layers(data, hidden, epochs, every), by_hand(data, hidden, epochs, every)
        largest = max(largest, *(float(np.abs(np.array(other) / curves[name] - 1).max()) for other in others))
        error = net.forward(data[2], inference=True) - data[3]
        numbers = *curves[name], np.abs(error).mean(), np.sqrt((error**2).mean())
        rows.append((name, *(f"{number:.3f}" for number in numbers)))
    names = (f"epoch {every * k}" for k in range(1, len(curves["linear"]) + 1))
    table(("validation loss", *names, "MAE", "RMSE"), rows)
    print(f"largest relative difference between the three ways: {largest:.1e}")
    ways = dict(zip(("scratch", "layers", "functions and grad"), (curves["13 + 13"], *others), strict=True))
    save(draw(curves, ways, net, data, every), arguments)


def draw(curves, ways, net, data, every):
    made, axes = figure((1, 3), height=6)
    for name, losses in curves.items():
        axes[0].plot(every * np.arange(1, len(losses) + 1), losses, ".-", label=name)
    axes[0].set(title="validation loss by hidden layers", xlabel="epoch")
    axes[0].legend()
    y = net.forward(data[2], inference=True)
    axes[1].plot(data[3], y, ".")
    axes[1].plot(*[[data[3].min(), data[3].max()]] * 2, "k:")
    axes[1].set(title="13 + 13, validation set", xlabel="true", ylabel="predicted")
    for size, (way, losses) in zip((14, 9, 4), ways.items(), strict=True):
        axes[2].plot(every * np.arange(1, len(losses) + 1), losses, "o-", markersize=size, label=way)
    axes[2].set(title="13 + 13, validation loss, three ways", xlabel="epoch")
    axes[2].legend()
    return made


if __name__ == "__main__":
    main()
