"""Step 44: a layer that collects parameters.

Step 43 named each parameter three times: to make it, to clear it, to update it. This step lets an object keep the list.

`Parameter` is a Variable, and nothing else. It behaves like one everywhere; only `isinstance` tells it apart, and that
is its use: it marks what is to be learned.

`Layer` collects them. Python calls an object's `__setattr__` for every `layer.name = value`; Layer's looks at the
value, and notes the name if it is a Parameter. Names, not the parameters themselves, because saving weights to a file
will need them. `layer.params()` yields them one by one, and `layer.cleargrads()` clears them all. (The book notes the
names in a set, whose order differs from run to run; here it is the order in which they were set.)

A layer is also a function: `layer(x)` calls `forward(x)`, which a subclass writes. What separates it from a Function is
that it owns parameters. A Function has a backward, a layer needs none, for it is made of Functions.

    layer.__call__  -->  forward  -->  F.linear(x, self.W, self.b)  -->  the graph

`L.Linear(10)` has 10 outputs. It does not ask for the number of inputs, for it sees them at its first call, and W is
made then: normal numbers times sqrt(1 / inputs), so that the outputs have about the size of the inputs, however many
there are. Parameters are float32, 32 bits each, half the memory and up to twice the speed of NumPy's usual float64,
and a network does not need more digits. The root must be Python's: `np.sqrt` returns a float64, and since NumPy 2 that
makes float64 of the whole product, silently.

`--iters N` runs N rounds, each over all data, so `--epochs N` is the same. `--seed N` makes other data and weights.
`--out DIR` writes the figure to DIR/step44.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import math
import pathlib
import signal
import sys

import numpy as np

import stage4_neural_nets.functions as F
import stage4_neural_nets.layers as L
from stage4_neural_nets import Layer, Parameter, Variable, no_grad

parser = argparse.ArgumentParser(description="Step 44: a layer that collects parameters")
parser.add_argument("--iters", "--epochs", type=int, default=10000, metavar="N", help="rounds, default 10000")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step44.png")
arguments = parser.parse_args()
if arguments.iters < 1 or not 0 <= arguments.seed < 2**32:
    parser.error("--iters must be at least 1, --seed from 0 to 4294967295")


def interrupted(*_):
    print("step44: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nor where the pipe is closed, as by head

# --- demonstration ---

x = Variable(np.array(1.0))
p = Parameter(np.array(2.0))
y = x * p
print(isinstance(p, Parameter))  # -> True
print(isinstance(x, Parameter))  # -> False
print(isinstance(y, Parameter))  # -> False

layer = Layer()
layer.p1 = Parameter(np.array(1))
layer.p2 = Parameter(np.array(2))
layer.p3 = Variable(np.array(3))
layer.p4 = "test"
print(layer._params)  # -> ['p1', 'p2']
print("-------------")  # -> -------------
for name in layer._params:
    print(name, layer.__dict__[name])  # -> p1 variable(1)
    #    p2 variable(2)

# Weights at the first call, in float32; and the trap.
linear = L.Linear(2)
print(linear.W)  # -> variable(None)
linear(np.ones((5, 3), np.float32))
print(linear.W.shape, linear.W.dtype)  # -> (3, 2) float32
W = np.random.randn(3, 2).astype(np.float32)
print((W * math.sqrt(1 / 3)).dtype, (W * np.sqrt(1 / 3)).dtype)  # -> float32 float64

# The sine of step 43.
np.random.seed(arguments.seed)
x = np.random.rand(100, 1)
y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)

l1 = L.Linear(10)
l2 = L.Linear(1)


def predict(x):
    y = l1(x)
    y = F.sigmoid(y)
    return l2(y)


lr = 0.2
losses = []
for i in range(arguments.iters):
    y_pred = predict(x)
    loss = F.mean_squared_error(y, y_pred)

    l1.cleargrads()
    l2.cleargrads()
    loss.backward()

    for layer in (l1, l2):
        for p in layer.params():
            p.data -= lr * p.grad.data
    losses.append(float(loss.data))
    if i % 1000 == 0:
        print(i, loss, flush=True)  # ~> 0 variable(0.8165178492839) (1e-4)
        #    1000 variable(0.2499028)
        #    2000 variable(0.2460988)
        #    3000 variable(0.2372159)
        #    4000 variable(0.2079322)
        #    5000 variable(0.1231191)
        #    6000 variable(0.0788817)
        #    7000 variable(0.0765507)
        #    8000 variable(0.0763780)
        #    9000 variable(0.0761876)


def draw(plt):
    """Left the data and the curve that was learned; right the loss: a plateau, and peaks, for lr is at its limit."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    t = np.linspace(0, 1, 200)[:, None]
    left.plot(x, y, "o", markersize=4, label="data")
    with no_grad():
        left.plot(t, predict(t).data, color="tab:red", label=f"network, {arguments.iters} rounds")
    left.set(xlabel="x", ylabel="y")
    left.legend()
    right.plot(range(1, len(losses) + 1), losses, ".-", markersize=4)
    right.set(xlabel="round", ylabel="mean squared error", ylim=(0, 0.4))
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step44: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step44.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
