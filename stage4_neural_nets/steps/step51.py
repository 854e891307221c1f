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
from hands that the 1,500 before have not seen much of: the second model learns the 1,500 without a mistake and stays at
about 0.93 on the others. It knows too few hands. So a third run makes more of them (data augmentation, step 49): each
batch is turned, sheared, stretched and moved at random, no picture comes twice, and the same model, given 100 epochs
and steps that get smaller, reaches about 0.963.

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
parser.add_argument("--epochs", type=int, metavar="N", help="default 5, for digits 20 and 100")
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
more_epochs = arguments.epochs or 100
batch_size = 100
hidden_size = 1000

# MNIST: 60000 10000, then (1, 28, 28) 5. Digits: 1500 297, then (1, 8, 8) 0.
print(len(train_set), len(test_set))
print(train_set.data[0].shape, train_set.label[0])


def train(model, optimizer, max_epoch, change=lambda x: x, schedule=lambda done: None):
    """Train; for each epoch, loss and accuracy in training, loss and accuracy on test data.

    change: what is done to each batch. schedule: called before an epoch with the part of the epochs that is done.
    """
    train_loader = DataLoader(train_set, batch_size)
    test_loader = DataLoader(test_set, batch_size, shuffle=False)
    optimizer.setup(model)
    history = []
    for epoch in range(max_epoch):
        schedule(epoch / max_epoch)
        sum_loss, sum_acc = 0, 0
        for x, t in train_loader:
            y = model(change(x))
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


def jitter(x):
    """Digits as other hands might write them: turned, sheared, stretched and moved.  x (N, 64) -> (N, 64)."""
    N = len(x)
    turn, shear = np.random.normal(0, 0.15, (2, N))  # radians; pixels aside for each pixel down
    high, wide = np.exp(np.random.normal(0, 0.2, (2, N)))
    move = np.random.normal(0, 0.35, (N, 2, 1))  # pixels
    matrix = np.array([[high * np.cos(turn), shear - np.sin(turn)], [np.sin(turn), wide * np.cos(turn)]])
    grid = np.indices((8, 8)).reshape(2, 64) - 3.5  # row and column, counted from the middle
    place = matrix.transpose(2, 0, 1) @ grid + move + 3.5  # (N, 2, 64): where each new pixel comes from
    corner = np.clip(np.floor(place).astype(int), -2, 8)
    share = place - np.floor(place)
    paper = np.pad(x.reshape(N, 8, 8), ((0, 0), (2, 2), (2, 2)))
    y = np.zeros(x.shape)
    for i in (0, 1):  # the four pixels around that place, by their nearness
        for j in (0, 1):
            nearness = abs(1 - i - share[:, 0]) * abs(1 - j - share[:, 1])
            y += nearness * paper[np.arange(N)[:, None], corner[:, 0] + 2 + i, corner[:, 1] + 2 + j]
    return y.astype(x.dtype)


np.random.seed(arguments.seed)
runs = {"sigmoid, SGD": train(MLP((hidden_size, 10)), optimizers.SGD(), max_epoch)}
runs["ReLU, Adam"] = train(MLP((hidden_size, hidden_size, 10), activation=F.relu), optimizers.Adam(), max_epoch)
if isinstance(train_set, Digits):
    adam = optimizers.Adam()

    def smaller_steps(done):
        adam.alpha = 0.001 * (1 + np.cos(np.pi * done)) / 2

    model = MLP((hidden_size, hidden_size, 10), activation=F.relu)
    runs["ReLU, Adam, more hands"] = train(model, adam, more_epochs, jitter, smaller_steps)

# -> ...
# The accuracies on test data; here those of Digits, with --data digits.
for name, history in runs.items():
    print(f"{name}: {history[-1][3]:.4f}")
# ~> sigmoid, SGD: 0.7 (0.15)
# ~> ReLU, Adam: 0.93 (0.02)
# ~> ReLU, Adam, more hands: 0.965 (0.01)


def draw(plt):
    """A page of digits; loss and accuracy over the epochs of each run."""
    figure, (left, *row) = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
    pictures = np.pad(train_set.data[:100, 0], ((0, 0), (1, 1), (1, 1)))
    H, W = pictures.shape[1:]
    page = pictures.reshape(10, 10, H, W).transpose(0, 2, 1, 3).reshape(10 * H, 10 * W)
    left.imshow(page, cmap="gray")
    left.set(title=f"{type(train_set).__name__}: the first 100")
    left.axis("off")
    for color, (name, history) in zip(("tab:blue", "tab:orange", "tab:green"), runs.items(), strict=False):
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
