"""Step 45: a layer that collects layers.

With l1 and l2 there were two lists of parameters to clear. With fifty layers the layers themselves want collecting, and
Layer can do that with one more word: `__setattr__` notes a name also if the value is a Layer, and `params()` passes on
what the inner layer yields. An inner layer may hold layers itself. So one object stands for all parameters of a
network, however deep it is nested:

    model -+- l1 -+- W            model.params()      W, b of l1, then W, b of l2
           |      +- b            model.cleargrads()  all of them
           +- l2 -+- W
                  +- b            in a file: l1/W, l1/b, l2/W, l2/b

Two ways to use it: attach layers to a bare `Layer()` and write a function that takes it; or write a class, with the
layers made in `__init__` and used in `forward`. The class is the better habit, since everything about the network
stands in one place. Do not forget `super().__init__()`, which makes the list of names.

`Model` is a Layer that can draw itself: `model.plot(x)` runs forward once and draws the graph. The name says what it is
for, an abstract description of something by formulas; there is nothing more to it.

`MLP((10, 1))`, a multi-layer perceptron, makes such a network of any depth: one Linear for each size, the activation
after each but the last. A list of layers is not looked into by `__setattr__`, so it sets each as an attribute too,
under the names l0, l1 ...

The network below starts from the same random numbers as step 44 and takes the same steps, so its losses are the same.

`--iters N` runs N rounds, each over all data, so `--epochs N` is the same. `--seed N` makes other data and weights.
`--out DIR` draws the graph of a TwoLayerNet to DIR/step45.png (needs Graphviz).
"""

import argparse
import pathlib
import signal
import sys

import numpy as np

import stage4_neural_nets.functions as F
import stage4_neural_nets.layers as L
from stage4_neural_nets import Layer, Model, Variable
from stage4_neural_nets.models import MLP

parser = argparse.ArgumentParser(description="Step 45: a layer that collects layers")
parser.add_argument("--iters", "--epochs", type=int, default=10000, metavar="N", help="rounds, default 10000")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="draw the graph to DIR/step45.png")
arguments = parser.parse_args()
if arguments.iters < 1 or not 0 <= arguments.seed < 2**32:
    parser.error("--iters must be at least 1, --seed from 0 to 4294967295")


def interrupted(*_):
    print("step45: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nor where the pipe is closed, as by head

# --- demonstration ---

# The first way: layers in a layer, and a function.
model = Layer()
model.l1 = L.Linear(5)
model.l2 = L.Linear(3)


def predict(model, x):
    y = model.l1(x)
    y = F.sigmoid(y)
    return model.l2(y)


y = predict(model, np.ones((4, 2), np.float32))
print([p.shape for p in model.params()])  # -> [(2, 5), (5,), (5, 3), (3,)]
F.sum(y).backward()
model.cleargrads()
print([p.grad for p in model.params()])  # -> [None, None, None, None]


# The second way: a class.
class TwoLayerNet(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.l1 = L.Linear(hidden_size)
        self.l2 = L.Linear(out_size)

    def forward(self, x):
        y = F.sigmoid(self.l1(x))
        return self.l2(y)


model = TwoLayerNet(100, 10)
x = Variable(np.random.randn(5, 10), name="x")
print(model(x).shape)  # -> (5, 10)
for path, p in model.named_params():
    print(path, p.shape)  # -> l1/W (10, 100)
    #    l1/b (100,)
    #    l2/W (100, 10)
    #    l2/b (10,)

# The third: no class at all.
model = MLP((10, 20, 30, 40, 1))
print(model(x).shape, len(list(model.params())))  # -> (5, 1) 10

# The sine of steps 43 and 44.
np.random.seed(arguments.seed)
x = np.random.rand(100, 1)
y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)

lr = 0.2
hidden_size = 10
model = TwoLayerNet(hidden_size, 1)
for i in range(arguments.iters):
    y_pred = model(x)
    loss = F.mean_squared_error(y, y_pred)

    model.cleargrads()
    loss.backward()

    for p in model.params():
        p.data -= lr * p.grad.data
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


if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    x = Variable(np.random.randn(5, 10), name="x")
    try:
        TwoLayerNet(100, 10).plot(x, to_file=arguments.out / "step45.png")
    except RuntimeError as error:
        sys.exit(f"step45: no figure: {error}")
