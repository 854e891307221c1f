"""Step 51: training MNIST.

70,000 handwritten digits, 28 x 28 grey pixels each: the first real data. Nothing new is needed. The data set gives
samples (784,), float32, 0 to 1; the loader makes batches of 100; the rest is the loop of step 50, with more neurons.

    MLP((1000, 10)), sigmoid, SGD(0.01), 5 epochs           the book's test accuracy: 0.8668
    MLP((1000, 1000, 10)), ReLU, Adam(), 5 epochs           about 0.98

What the second does better: the slope of sigmoid is at most 1/4, almost 0 for large inputs, and a gradient that comes
through many of them fades. ReLU is a gate,

    relu(x) = max(x, 0),        gx = gy where x > 0, otherwise 0,

open or shut, in both directions alike: what it lets through is not weakened, so layers can be added. And Adam gives
each weight a step length of its own (step 46). What it costs: 1.8 million weights in place of 0.8, and two arrays of
that size for Adam.

MNIST is downloaded once, 11 MB, to ~/.dezero or to the folder that $DEZERO_HOME names. Where it cannot be had, Digits
takes its place, 1,797 digits of 8 x 8 pixels that are part of the package. It is 40 times smaller: an epoch has 15
updates, not 600, so 20 epochs are made of it, and the first model still is far from done. The last 297 are for testing,
and they are less like the 1,500 before them than a shuffled part would be: the second model learns the 1,500 without a
mistake and stays at about 0.93 on the others.

`--data digits` takes Digits at once. `--epochs N` trains N epochs. `--seed N` starts from other weights and orders.
`--out DIR` writes the figure, a page of digits, the loss and the accuracy, to DIR/step51.png (needs matplotlib);
without it the figure is shown in a window.
"""

import argparse
import pathlib
import signal
import sys

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import DataLoader, Variable, no_grad, optimizers
from stage4_neural_nets.datasets import MNIST, Digits
from stage4_neural_nets.models import MLP

parser = argparse.ArgumentParser(description="Step 51: training MNIST")
parser.add_argument("--data", choices=["mnist", "digits"], default="mnist", help="default mnist")
parser.add_argument("--epochs", type=int, metavar="N", help="default 5, for digits 20")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step51.png")
arguments = parser.parse_args()
if (arguments.epochs is not None and arguments.epochs < 1) or not 0 <= arguments.seed < 2**32:
    parser.error("--epochs must be at least 1, --seed from 0 to 4294967295")


def interrupted(*_):
    print("step51: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback

# --- demonstration ---

# The gate.
x = Variable(np.array([-1.0, 0.0, 2.0]))
y = F.relu(x)
y.backward()
print(y)  # -> variable([0. 0. 2.])
print(x.grad)  # -> variable([0. 0. 1.])


def load(data):
    """The data set asked for, to train and to test; Digits if MNIST cannot be had."""
    if data == "mnist":
        try:
            return MNIST(train=True), MNIST(train=False)
        except RuntimeError as error:
            reason = str(error).splitlines()[0].rstrip(":")
            print(f"step51: Digits take the place of MNIST: {reason}", file=sys.stderr)
    return Digits(train=True), Digits(train=False)


train_set, test_set = load(arguments.data)
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a closed pipe, as by head: no traceback; not while downloading
max_epoch = arguments.epochs or (5 if isinstance(train_set, MNIST) else 20)
batch_size = 100
hidden_size = 1000

# MNIST: 60000 10000, then (1, 28, 28) 5. Digits: 1500 297, then (1, 8, 8) 0.
print(len(train_set), len(test_set))
print(train_set.data[0].shape, train_set.label[0])


def train(model, optimizer):
    """Train for max_epoch epochs; for each of them loss and accuracy in training, loss and accuracy on test data."""
    train_loader = DataLoader(train_set, batch_size)
    test_loader = DataLoader(test_set, batch_size, shuffle=False)
    optimizer.setup(model)
    history = []
    for epoch in range(max_epoch):
        sum_loss, sum_acc = 0, 0
        for x, t in train_loader:
            y = model(x)
            loss = F.softmax_cross_entropy(y, t)
            acc = F.accuracy(y, t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            sum_loss += float(loss.data) * len(t)
            sum_acc += float(acc.data) * len(t)
        train_loss, train_acc = sum_loss / len(train_set), sum_acc / len(train_set)

        sum_loss, sum_acc = 0, 0
        with no_grad():
            for x, t in test_loader:
                y = model(x)
                sum_loss += float(F.softmax_cross_entropy(y, t).data) * len(t)
                sum_acc += float(F.accuracy(y, t).data) * len(t)
        test_loss, test_acc = sum_loss / len(test_set), sum_acc / len(test_set)

        history.append((train_loss, train_acc, test_loss, test_acc))
        print(f"epoch: {epoch + 1}")
        print(f"train loss: {train_loss:.4f}, accuracy: {train_acc:.4f}")
        print(f"test loss: {test_loss:.4f}, accuracy: {test_acc:.4f}", flush=True)
    return history


np.random.seed(arguments.seed)
first = train(MLP((hidden_size, 10)), optimizers.SGD())
improved = train(MLP((hidden_size, hidden_size, 10), activation=F.relu), optimizers.Adam())

# -> ...
# The accuracies on test data, of MNIST or of Digits.
print(f"the first: {first[-1][3]:.4f}")  # ~> the first: 0.78 (0.15)
print(f"improved: {improved[-1][3]:.4f}")  # ~> improved: 0.96 (0.04)


def draw(plt):
    """A page of digits; loss and accuracy over the epochs, of both models."""
    figure, (left, *row) = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
    pictures = np.pad(train_set.data[:100, 0], ((0, 0), (1, 1), (1, 1)))
    H, W = pictures.shape[1:]
    page = pictures.reshape(10, 10, H, W).transpose(0, 2, 1, 3).reshape(10 * H, 10 * W)
    left.imshow(page, cmap="gray")
    left.set(title=f"{type(train_set).__name__}: the first 100")
    left.axis("off")
    for name, color, history in [("sigmoid, SGD", "tab:blue", first), ("ReLU, Adam", "tab:orange", improved)]:
        train_loss, train_acc, test_loss, test_acc = zip(*history, strict=True)
        epochs = range(1, len(history) + 1)
        for axes, train, test in zip(row, (train_loss, train_acc), (test_loss, test_acc), strict=True):
            axes.plot(epochs, train, ".--", color=color, label=f"{name}: train")
            axes.plot(epochs, test, ".-", color=color, label=f"{name}: test")
    for axes, name in zip(row, ("loss", "accuracy"), strict=True):
        axes.set(xlabel="epoch", ylabel=name)
        axes.locator_params(axis="x", integer=True)
        axes.legend()
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step51: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step51.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
