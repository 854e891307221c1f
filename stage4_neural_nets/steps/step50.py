"""Step 50: a DataLoader for mini-batches.

To shuffle, to take the next 30, to join them: half of the loop of step 49 is about that, and it is the same for every
data set. Python has a form for "the next one", the iterator: `iter(x)` gives one, `next` asks it for one thing after
the other, and StopIteration says that there are no more. `for` does just that. So an object with `__iter__` and
`__next__` may stand behind `for`:

    for x, t in DataLoader(train_set, batch_size):       arrays, x (30, 2) and t (30,), in a new order each time

In the book a loader is its own iterator and begins anew after StopIteration, so after a loop that was left by `break`
the next one begins in the middle. Here each `for` gets a pass of its own.

With the data set for testing, the question that counts can be asked: how good is the network on samples that it has not
seen? If it is much better on its own, it has learned them by heart; that is overfitting. `F.accuracy` is the share of
samples whose highest score is that of their class. It can only be counted, not differentiated: argmax jumps. On test
data there is nothing to learn, so no graph is recorded, `no_grad()`, and nothing to shuffle.

Batches may differ in size, so each counts by its size in the mean of an epoch.

`--epochs N` trains N epochs. `--seed N` starts from other weights and orders. `--out DIR` writes the figure of loss and
accuracy to DIR/step50.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import signal
import sys

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import DataLoader, no_grad, optimizers
from stage4_neural_nets.datasets import Spiral
from stage4_neural_nets.models import MLP

parser = argparse.ArgumentParser(description="Step 50: a DataLoader for mini-batches")
parser.add_argument("--epochs", type=int, default=300, metavar="N", help="default 300")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step50.png")
arguments = parser.parse_args()
if arguments.epochs < 1 or not 0 <= arguments.seed < 2**32:
    parser.error("--epochs must be at least 1, --seed from 0 to 4294967295")


def interrupted(*_):
    print("step50: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nor where the pipe is closed, as by head

# --- demonstration ---

# What `for` does with a list.
x = iter([1, 2, 3])
print(next(x))  # -> 1
print(next(x))  # -> 2
print(next(x))  # -> 3
try:
    next(x)
except StopIteration as end:
    print(type(end).__name__)  # !> StopIteration


class MyIterator:
    """1, 2, ..., max_cnt."""

    def __init__(self, max_cnt):
        self.max_cnt = max_cnt
        self.cnt = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.cnt == self.max_cnt:
            raise StopIteration
        self.cnt += 1
        return self.cnt


for x in MyIterator(5):
    print(x)  # -> 1
    #    2
    #    3
    #    4
    #    5

# Loaders.
batch_size = 10
train_set = Spiral(train=True)
test_set = Spiral(train=False)
train_loader = DataLoader(train_set, batch_size)
test_loader = DataLoader(test_set, batch_size, shuffle=False)
for x, t in train_loader:
    print(x.shape, t.shape)  # -> (10, 2) (10,)
    break
for x, t in test_loader:
    print(x.shape, t.shape)  # -> (10, 2) (10,)
    break

# Accuracy: the third of three is wrong.
y = np.array([[0.2, 0.8, 0], [0.1, 0.9, 0], [0.8, 0.1, 0.1]])
t = np.array([1, 2, 0])
print(F.accuracy(y, t))  # -> variable(0.6666666666666666)

# Training.
max_epoch = arguments.epochs
batch_size = 30
hidden_size = 10
lr = 1.0

np.random.seed(arguments.seed)
train_loader = DataLoader(train_set, batch_size)
test_loader = DataLoader(test_set, batch_size, shuffle=False)
model = MLP((hidden_size, 3))
optimizer = optimizers.SGD(lr).setup(model)

history = []  # for each epoch: loss and accuracy in training, loss and accuracy on test data
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
# -> ...
# -> epoch: 300
# ~> train loss: 0.12, accuracy: 0.96 (0.02)
# ~> test loss: 0.15, accuracy: 0.96 (0.03)


def draw(plt):
    """Loss and accuracy over the epochs; on test data nearly as good as in training."""
    figure, row = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    train_loss, train_acc, test_loss, test_acc = zip(*history, strict=True)
    epochs = range(1, len(history) + 1)
    curves = [("loss", train_loss, test_loss), ("accuracy", train_acc, test_acc)]
    for axes, (name, train, test) in zip(row, curves, strict=True):
        axes.plot(epochs, train, ".-", markersize=4, label="train")
        axes.plot(epochs, test, ".-", markersize=4, label="test")
        axes.set(xlabel="epoch", ylabel=name)
        axes.legend()
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step50: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step50.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
