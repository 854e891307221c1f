"""Step 42: linear regression.

The first problem whose solution is learned from data: 100 points that lie along a line, with noise, and the line is
wanted. A model with parameters W and b predicts

    y = x W + b          all points in one product:  x (100, 1), W (1, 1), b (1,), which broadcasts

and the mean squared error says how far the predictions are from the data, the mean of the squared residuals:

    L = (f(x_1) - y_1)^2 / N + ... + (f(x_N) - y_N)^2 / N

The rest is gradient descent as in step 28, with L as the function and W and b as its variables. All learning to come is
of this kind: a model, a loss, and steps downhill. With D numbers for each point only W changes, to (D, 1). Some write
1/(2N) for 1/N; then a learning rate twice as large does the same.

A loss can be put together from functions that are there, a difference, a square, a sum and a division, as below. Each
of them makes a Variable, and its array stays in memory as long as the graph does, from forward to backward.
`F.mean_squared_error` is one Function: what it computes on the way are arrays of NumPy, gone when `forward` returns,
and `backward` makes the difference anew from the inputs:

    gx0 = 2 (x0 - x1) gy / N,     gx1 = -gx0

The results are the same; the price is a derivative by hand. For what many will use, it is worth paying. N is the length
of the first axis, not the number of elements, which for outputs of several numbers makes a difference.

`--iters N` runs N rounds, each over all data, so `--epochs N` is the same. `--seed N` makes other data. `--out DIR`
writes the figure to DIR/step42.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import signal
import sys
import tracemalloc

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable

parser = argparse.ArgumentParser(description="Step 42: linear regression")
parser.add_argument("--iters", "--epochs", type=int, default=100, metavar="N", help="rounds, default 100")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step42.png")
arguments = parser.parse_args()
if arguments.iters < 1 or not 0 <= arguments.seed < 2**32:
    parser.error("--iters must be at least 1, --seed from 0 to 4294967295")


def interrupted(*_):
    print("step42: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nor where the pipe is closed, as by head

# --- demonstration ---

np.random.seed(arguments.seed)
x = np.random.rand(100, 1)
y = 5 + 2 * x + np.random.rand(100, 1)

W = Variable(np.zeros((1, 1)))
b = Variable(np.zeros(1))


def predict(x):
    return F.matmul(x, W) + b


def mean_squared_error(x0, x1):
    diff = x0 - x1
    return F.sum(diff**2) / len(diff)


lr = 0.1
losses = []
for _ in range(arguments.iters):
    y_pred = predict(x)
    loss = mean_squared_error(y, y_pred)

    W.cleargrad()
    b.cleargrad()
    loss.backward()

    W.data -= lr * W.grad.data  # on the data: an update is no part of what is differentiated
    b.data -= lr * b.grad.data
    losses.append(float(loss.data))
    print(W, b, loss, flush=True)  # ~> variable([[0.64433458]]) variable([1.29473389]) variable(42.29634013) (2e-8)
    #    ...
    #    variable([[2.11807369]]) variable([5.46608905]) variable(0.07908606512411756)


def kept(loss_function, N=100000):
    """How many arrays of N numbers the graph of a loss holds, beside its inputs."""
    x0, x1 = np.zeros(N), np.ones(N)
    tracemalloc.start()
    loss = loss_function(x0, x1)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return loss, round(size / x0.nbytes)


# The differences and their squares; their sum is a number. The same loss as one Function keeps nothing.
print(*kept(lambda x0, x1: mean_squared_error(Variable(x0), x1)))  # -> variable(1.0) 2
print(*kept(F.mean_squared_error))  # -> variable(1.0) 0


def draw(plt):
    """Left the data, the line that was learned and the residuals; right the loss."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    line = np.array([[0.0], [1.0]])
    left.vlines(x, y, predict(x).data, color="lightgrey", label="residuals")
    left.plot(x, y, "o", markersize=4, label="data")
    left.plot(line, predict(line).data, color="tab:red", label=f"y = {W.data.item():.2f} x + {b.data.item():.2f}")
    left.set(xlabel="x", ylabel="y")
    left.legend()
    right.plot(range(1, len(losses) + 1), losses, ".-", markersize=4)
    right.set(xlabel="round", ylabel="mean squared error", yscale="log")
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step42: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step42.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
