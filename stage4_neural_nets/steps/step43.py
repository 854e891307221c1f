"""Step 43: neural networks.

A line cannot follow a sine, whatever its W and b; and a line of a line is a line again. What is missing is a bend in
between. A neural network takes turns:

    x --> linear --> activation --> linear --> y          two layers: two pairs of parameters

The linear transformation y = x W + b (strictly an affine one) mixes all inputs; an activation, here

    y = sigmoid(x) = 1 / (1 + exp(-x)),         dy/dx = y (1 - y),

bends each number by itself. Ten numbers in between, H = 10, are ten such bends of different place, height and
steepness, and the last layer adds them up. The last layer has no activation: its output may be any number.

Each function is there twice. `F.linear_simple` is a matmul and a `+`. The result t of the matmul is an array as large
as the output, and nobody needs it again: the backward of `+` only passes the gradient on, that of matmul needs its own
inputs. So it says `t.data = None`; t stays in the graph as a node, its array is freed. In large networks most of the
memory goes to such arrays in between. `F.linear` is one Function and has no t at all. `F.sigmoid_simple` is a minus, an
exp, a `+` and a division; `F.sigmoid` is one Function whose backward needs y alone and which does not overflow.

The weights must start at random: two columns of W1 that are equal get equal gradients and stay equal for ever. They
start small, so that the sigmoids start where they are steep; the biases may start at zero.

What it costs: 10,000 rounds for one sine, and for every parameter a line here, a line to clear it and a line to update
it. With 100 layers that is no way to live, and step 44 ends it.

`--iters N` runs N rounds, each over all data, so `--epochs N` is the same. `--seed N` makes other data and weights.
`--out DIR` writes the figure to DIR/step43.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import signal
import sys

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, no_grad
from stage4_neural_nets.utils import get_dot_graph

parser = argparse.ArgumentParser(description="Step 43: neural networks")
parser.add_argument("--iters", "--epochs", type=int, default=10000, metavar="N", help="rounds, default 10000")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step43.png")
arguments = parser.parse_args()
if arguments.iters < 1 or not 0 <= arguments.seed < 2**32:
    parser.error("--iters must be at least 1, --seed from 0 to 4294967295")


def interrupted(*_):
    print("step43: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nor where the pipe is closed, as by head

# --- demonstration ---

x = Variable(np.array([-4.0, -1.0, 0.0, 1.0, 4.0]))
y = F.sigmoid(x)
y.backward()
print(y)  # ~> variable([0.01798621 0.26894142 0.5        0.73105858 0.98201379]) (1e-8)
print(x.grad)  # ~> variable([0.01766271 0.19661193 0.25       0.19661193 0.01766271]) (1e-8)


def boxes(y):
    """The functions in the graph of y, the last one first."""
    return [line.split('"')[1] for line in get_dot_graph(y, verbose=False).splitlines() if "shape=box" in line]


# Simple and in one piece: the same numbers, and different graphs.
x, W, b = (Variable(np.random.randn(*shape)) for shape in [(5, 3), (3, 2), (2,)])
simple, linear = F.linear_simple(x, W, b), F.linear(x, W, b)
print(np.allclose(simple.data, linear.data), boxes(simple), boxes(linear))  # -> True ['Add', 'MatMul'] ['Linear']
simple, sigmoid = F.sigmoid_simple(x), F.sigmoid(x)
print(np.allclose(simple.data, sigmoid.data), boxes(simple), boxes(sigmoid))
# -> True ['Div', 'Add', 'Exp', 'Neg'] ['Sigmoid']

# A network learns a sine.
np.random.seed(arguments.seed)
x = np.random.rand(100, 1)
y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)

I, H, O = 1, 10, 1  # noqa: E741, the book's letters
W1 = Variable(0.01 * np.random.randn(I, H))
b1 = Variable(np.zeros(H))
W2 = Variable(0.01 * np.random.randn(H, O))
b2 = Variable(np.zeros(O))


def predict(x):
    y = F.linear(x, W1, b1)
    y = F.sigmoid(y)
    return F.linear(y, W2, b2)


lr = 0.2
for i in range(arguments.iters):
    y_pred = predict(x)
    loss = F.mean_squared_error(y, y_pred)

    W1.cleargrad()
    b1.cleargrad()
    W2.cleargrad()
    b2.cleargrad()
    loss.backward()

    W1.data -= lr * W1.grad.data
    b1.data -= lr * b1.grad.data
    W2.data -= lr * W2.grad.data
    b2.data -= lr * b2.grad.data
    if i % 1000 == 0:
        print(i, loss, flush=True)  # ~> 0 variable(0.8473695850105871) (1e-8)
        #    1000 variable(0.2514286285183606)
        #    2000 variable(0.247594854667)
        #    3000 variable(0.237861204471)
        #    4000 variable(0.212222313331)
        #    5000 variable(0.167421811178)
        #    6000 variable(0.0968193262)
        #    7000 variable(0.0784952829)
        #    8000 variable(0.0774972955)
        #    9000 variable(0.0772213240)


def draw(plt):
    """Left the sigmoid; right the data and the curve that was learned."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    with no_grad():
        t = np.linspace(-5, 5, 200)
        left.plot(t, F.sigmoid(t).data)
        left.set(xlabel="x", ylabel="sigmoid(x)")
        left.grid(alpha=0.4)
        t = np.linspace(0, 1, 200)[:, None]
        right.plot(x, y, "o", markersize=4, label="data")
        right.plot(t, predict(t).data, color="tab:red", label=f"network, {arguments.iters} rounds")
        right.set(xlabel="x", ylabel="y")
        right.legend()
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step43: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step43.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
