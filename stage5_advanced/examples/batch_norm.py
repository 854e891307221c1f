"""Batch normalization: what it computes, what its gradient is, what it allows, and how it disappears in the end.

Each channel of a batch is shifted and scaled to mean 0 and variance 1, then scaled by gamma and shifted by beta:

    xhat = (x - mean) / s,   s = sqrt(var + eps),      y = gamma xhat + beta

The mean and s depend on all of x, so each input has an influence on each output. For a batch of N, the three paths add
up to

    gbeta = sum gy,   ggamma = sum gy xhat,   gx = gamma / s (gy - gbeta / N - xhat ggamma / N):

of the incoming gradient what is constant and what is proportional to xhat is removed, because a batch shifted or
stretched as a whole is normalized to the same numbers. The first part of the program computes these with four numbers
and compares them with what `grad` finds.

In use, running averages replace the mean and the variance of the batch. Then the normalization is linear, and can be
made part of the convolution before it: `fuse` does it to a whole model, which computes the same, and faster.

The exponential moving average of the weights is a second average, of the updates: with a constant learning rate the
weights jitter around a minimum, and the mean of the last hundred or so is closer to it than each of them.

    Digits, ten layers, --quick, 6 epochs, test accuracy:

    learning rate    without    with normalization    and averaged
             0.01       0.09                  0.84            0.81
              0.1       0.15                  0.94            0.95
                1       0.09                  0.91            0.93

    folded: outputs differ by 3e-7 of the largest

    python stage5_advanced/examples/batch_norm.py --quick

The figure: test accuracy by epoch for several learning rates, without and with normalization; the outputs of the last
layers, before training; the accuracy of the weights and of their average.

S. Ioffe, C. Szegedy, Batch normalization, arXiv:1502.03167 (2015).
"""

import time

import numpy as np
from common import begin, figure, load_digits, options, save, table

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, Variable, grad, no_grad, optimizers, test_mode
from stage5_advanced.models import Sequential
from stage5_advanced.training import Average, ExponentialMovingAverage, Trainer, fuse

RATES = (0.01, 0.1, 1.0)  # learning rates of SGD


def by_hand():
    """y and the gradients of batch normalization for four numbers, by the formulas and by `grad`."""
    x = np.array([[1.0], [2.0], [3.0], [6.0]])
    gy = np.array([[1.0], [0.0], [0.0], [0.0]])
    gamma, beta, eps = np.array([2.0]), np.array([1.0]), 1e-5
    s = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / s
    gbeta, ggamma = gy.sum(axis=0), (gy * xhat).sum(axis=0)
    ours = [gamma * xhat + beta, gamma / s * (gy - gbeta / 4 - xhat * ggamma / 4), ggamma, gbeta]

    inputs = [Variable(a) for a in (x, gamma, beta)]
    y = F.batch_norm(*inputs, np.zeros(1), np.ones(1), eps=eps)
    found = [y, *grad(F.sum(y * gy), inputs)]
    for name, a, b in zip(("y", "gx", "ggamma", "gbeta"), ours, found, strict=True):
        print(f"{name:6}  by hand {a.ravel().round(4)}, by grad {b.data.ravel().round(4)}")
        np.testing.assert_allclose(a, b.data, atol=1e-12)


def network(normalized):
    """Nine convolutions, two poolings and a linear layer: images (N, 1, H, W) -> logits (N, 10)."""
    layers = []
    for i in range(9):
        layers += [L.Conv2d(16, 3, pad=1, nobias=normalized), *[L.BatchNorm()] * normalized, F.relu]
        layers += [half] if i in (2, 5) else []
    return Sequential(*layers, F.global_avg_pool, L.Linear(10))


def half(x):
    return F.max_pool2d(x, 2)


class Averaged:
    """A callback: the test accuracy of the averaged weights after each epoch."""

    def __init__(self, average, loader):
        self.average, self.loader, self.accuracy = average, loader, []

    def on_epoch_end(self, trainer):
        with self.average.applied():
            self.accuracy.append(trainer.evaluate(self.loader)["accuracy"])


def train(normalized, lr, train_set, test_set, arguments):
    """A model, its test accuracy after each epoch, and that of the average of its weights."""
    model = network(normalized)
    if arguments.gpu:
        model.to_gpu()
    loader = DataLoader(train_set, 32, gpu=arguments.gpu)
    test_loader = DataLoader(test_set, 500, shuffle=False, gpu=arguments.gpu)
    trainer = Trainer(model, optimizers.SGD(lr), F.softmax_cross_entropy, {"accuracy": F.accuracy})
    average = ExponentialMovingAverage(model, decay=0.98)
    averaged = Averaged(average, test_loader)
    with np.errstate(all="ignore"):  # without normalization, weights can overflow
        history = trainer.fit(loader, arguments.epochs, test_loader, [Average(average), averaged], progress=False)
    return model, history["valid_accuracy"], averaged.accuracy


def deviations(normalized, x):
    """The standard deviations of what the convolutions, or the normalizations, return before training."""
    kinds, found = (L.BatchNorm,) if normalized else (L.Conv2d,), []
    with no_grad():
        for layer in network(normalized).layers:
            x = layer(x)
            if isinstance(layer, kinds):
                found.append(float(x.data.std()))
    return found


def seconds(model, x):
    """The shortest of five calls in evaluation mode, and what it returns."""
    times = []
    with no_grad(), test_mode():
        for _ in range(5):
            start = time.perf_counter()
            y = model(x)
            times.append(time.perf_counter() - start)
    return min(times), y.data


def main():
    arguments = begin(options(__doc__, epochs=(20, 6), mnist=(3, 1), data=("digits", "mnist5k", "fashion", "mnist")))
    by_hand()
    train_set, test_set = load_digits(arguments)
    x = np.stack([train_set[i][0] for i in range(200)])
    accuracies, averages = {}, {}
    for lr in RATES:
        for normalized in (False, True):
            found = train(normalized, lr, train_set, test_set, arguments)
            model, accuracies[normalized, lr], averages[normalized, lr] = found
    rows = [(accuracies[False, lr][-1], accuracies[True, lr][-1], averages[True, lr][-1]) for lr in RATES]
    head = ("learning rate", "without", "with normalization", "and averaged")
    table(head, [(lr, *(f"{value:.4f}" for value in row)) for lr, row in zip(RATES, rows, strict=True)])
    model.to_cpu()
    slow, y = seconds(model, x)
    fast, folded = seconds(fuse(model), x)
    difference = abs(y - folded).max() / abs(y).max()
    print(f"folded: {slow / fast:.1f} times as fast, outputs differ by at most {difference:.1e}")
    save(draw(accuracies, averages, {name: deviations(name, x) for name in (False, True)}), arguments)


def draw(accuracies, averages, deviations):
    """Accuracy without and with; the scale of the layers before training; accuracy of the averaged weights."""
    made, axes = figure("ab;cd", height=8)
    for place, normalized, title in (("a", False, "without"), ("b", True, "with normalization")):
        for i, lr in enumerate(RATES):
            accuracy = accuracies[normalized, lr]
            axes[place].plot(range(1, len(accuracy) + 1), accuracy, ".-", color=f"C{i}", label=f"learning rate {lr}")
        axes[place].set(title=f"test accuracy {title}", xlabel="epoch", ylim=(0, 1.02))
        axes[place].legend()
    for normalized, deviation in deviations.items():
        axes["c"].semilogy(range(1, 10), deviation, "o-", label="with" if normalized else "without")
    axes["c"].set(title="standard deviation before training", xlabel="layer")
    axes["c"].legend()
    for name, found in (("weights", accuracies), ("their moving average", averages)):
        axes["d"].plot(range(1, len(found[True, RATES[-1]]) + 1), found[True, RATES[-1]], ".-", label=name)
    axes["d"].set(title=f"test accuracy, learning rate {RATES[-1]}", xlabel="epoch")
    axes["d"].legend()
    return made


if __name__ == "__main__":
    main()
