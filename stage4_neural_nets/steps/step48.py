"""Step 48: multi-class classification.

Three classes of points, 100 each, that wind around each other as the arms of a spiral. No straight line separates them,
so without hidden layers the network would have to give up; with one it can bend its borders.

Real data do not fit into one array that is multiplied at once. So they are used in portions, mini-batches: here 30
points of 300, ten updates in place of one for about the same work. The gradient of a portion points roughly where that
of the whole does. Each epoch, once through all data, takes the points in a new order, `np.random.permutation`, so that
no portion comes twice. The last one may be smaller: there are ceil(data_size / batch_size) of them, and the mean loss
of an epoch weights each by its size.

What is chosen by hand, not learned, are the hyperparameters: epochs, batch size, hidden size, learning rate.

`get_spiral` makes the data, x (300, 2) float32 and t (300,), always the same ones, and leaves NumPy's global random
numbers alone. The samples that the book prints come from two versions of it. x[10] and x[110] of step 48 are from one
without a shuffle, where the points lie arm by arm, from the inside out; the sample of step 49 is from a later one with
a shuffle, and that is ours. Sorting by arm and radius brings the older order back, below. The losses are our own, since
the book shows them in a figure only.

`--epochs N` trains N epochs. `--seed N` starts from other weights and orders. `--out DIR` writes the figure, the data,
the loss and the regions that the network learned, to DIR/step48.png (needs matplotlib); without it the figure is shown
in a window.
"""

import argparse
import math
import pathlib
import signal
import sys

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import no_grad, optimizers
from stage4_neural_nets.datasets import get_spiral
from stage4_neural_nets.models import MLP

parser = argparse.ArgumentParser(description="Step 48: multi-class classification")
parser.add_argument("--epochs", type=int, default=300, metavar="N", help="default 300")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step48.png")
arguments = parser.parse_args()
if arguments.epochs < 1 or not 0 <= arguments.seed < 2**32:
    parser.error("--epochs must be at least 1, --seed from 0 to 4294967295")


def interrupted(*_):
    print("step48: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nor where the pipe is closed, as by head

# --- demonstration ---

x, t = get_spiral(train=True)
print(x.shape)  # -> (300, 2)
print(t.shape)  # -> (300,)

older = np.lexsort([np.hypot(*x.T), t])  # by class, then by radius
for i in (10, 110):
    print(x[older[i]], t[older[i]])  # ~> [0.05984409 0.0801167 ] 0 (2e-8)
    #    [-0.08959206 -0.04442143] 1

max_epoch = arguments.epochs
batch_size = 30
hidden_size = 10
lr = 1.0

np.random.seed(arguments.seed)
model = MLP((hidden_size, 3))
optimizer = optimizers.SGD(lr).setup(model)

data_size = len(x)
max_iter = math.ceil(data_size / batch_size)
losses = []
for epoch in range(max_epoch):
    index = np.random.permutation(data_size)
    sum_loss = 0
    for i in range(max_iter):
        batch_index = index[i * batch_size : (i + 1) * batch_size]
        batch_x = x[batch_index]
        batch_t = t[batch_index]

        y = model(batch_x)
        loss = F.softmax_cross_entropy(y, batch_t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        sum_loss += float(loss.data) * len(batch_t)

    losses.append(sum_loss / data_size)
    print(f"epoch {epoch + 1}, loss {losses[-1]:.2f}", flush=True)  # ~> epoch 1, loss 1.06 (0.03)
    #    epoch 2, loss 0.98
    #    ...
    #    epoch 300, loss 0.11

with no_grad():
    print(f"accuracy {(model(x).data.argmax(axis=1) == t).mean():.2f}")  # ~> accuracy 0.97 (0.03)


def draw(plt):
    """The data; the mean loss of each epoch; the class with the highest score at each point of the plane."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
    colors = ["tab:blue", "tab:orange", "tab:green"]
    for axes in (left, right):
        for j in range(3):
            axes.scatter(*x[t == j].T, s=18, marker="o^x"[j], color=colors[j], label=f"class {j}")
        axes.set(xlabel="x0", ylabel="x1", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
    left.legend(loc="lower right")
    middle.plot(range(1, len(losses) + 1), losses, ".-", markersize=4)
    middle.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    grid = np.meshgrid(np.linspace(-1.1, 1.1, 400, dtype=np.float32), np.linspace(-1.1, 1.1, 400, dtype=np.float32))
    points = np.stack([axis.ravel() for axis in grid], axis=1)
    with no_grad():
        classes = model(points).data.argmax(axis=1).reshape(grid[0].shape)
    right.contourf(*grid, classes, levels=[-0.5, 0.5, 1.5, 2.5], colors=colors, alpha=0.3, zorder=0)
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step48: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step48.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
