"""Step 46: updating parameters through an Optimizer.

`p.data -= lr * p.grad.data` is one rule among many. Written into the loop, it has to be replaced there; taken out, it
is one word that one can exchange. An Optimizer gets the model once and then is told only that it is time:

    optimizer = SGD(lr).setup(model)     setup returns the optimizer itself
    optimizer.update()                   every parameter that has a gradient; first the hooks, if there are any

A subclass writes `update_one(param)`. Those of SGD and of MomentumSGD, with g the gradient:

    SGD             p <- p - lr g
    MomentumSGD     v <- momentum v - lr g,     p <- p + v

The S is for stochastic: with large data the gradient is that of a random part of them (step 48). Momentum is a ball
that rolls downhill: v is its velocity, lr g pushes it, and momentum = 0.9 is the friction, which leaves 90 % of the
velocity after each round. In a long valley of little slope the pushes add up, to ten times lr g; from side to side they
cancel. It costs an array v for each parameter, made at the first update.

A hook is a function that sees all parameters before each update and may change their gradients: WeightDecay pulls the
weights towards zero, ClipGrad shortens gradients that are too long, FreezeParam takes some away.

AdaGrad, AdaDelta and Adam give each weight a step length of its own, from the gradients that it has had. The comparison
below runs five optimizers on the problem of steps 43 to 45. Momentum arrives after 1000 rounds where plain descent
arrives after 6300. But a learning rate is good for one optimizer only, so no order of merit can be read from it.

`--iters N` runs N rounds, each over all data, so `--epochs N` is the same. `--seed N` makes other data and weights.
`--out DIR` writes the figure to DIR/step46.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import signal
import sys

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import optimizers
from stage4_neural_nets.models import MLP

parser = argparse.ArgumentParser(description="Step 46: updating parameters through an Optimizer")
parser.add_argument("--iters", "--epochs", type=int, default=10000, metavar="N", help="rounds, default 10000")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step46.png")
arguments = parser.parse_args()
if arguments.iters < 1 or not 0 <= arguments.seed < 2**32:
    parser.error("--iters must be at least 1, --seed from 0 to 4294967295")


def interrupted(*_):
    print("step46: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nor where the pipe is closed, as by head

# --- demonstration ---


def sine():
    """The data. Afterwards the random numbers always stand where the weights are drawn."""
    np.random.seed(arguments.seed)
    x = np.random.rand(100, 1)
    y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)
    return x, y


x, y = sine()
lr = 0.2
hidden_size = 10
model = MLP((hidden_size, 1))
optimizer = optimizers.SGD(lr).setup(model)
for i in range(arguments.iters):
    y_pred = model(x)
    loss = F.mean_squared_error(y, y_pred)

    model.cleargrads()
    loss.backward()

    optimizer.update()
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


def train(optimizer, iters):
    """The loop above with another optimizer, from the same weights; the loss of each round."""
    x, y = sine()
    model = MLP((hidden_size, 1))
    optimizer.setup(model)
    losses = []
    for _ in range(iters):
        loss = F.mean_squared_error(y, model(x))
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    return losses


# To exchange the rule, exchange one word. The losses after 1000 rounds:
rules = {
    "SGD(0.2)": optimizers.SGD(lr),
    "MomentumSGD(0.2)": optimizers.MomentumSGD(lr),
    "AdaGrad(0.1)": optimizers.AdaGrad(0.1),
    "AdaDelta()": optimizers.AdaDelta(),
    "Adam(0.03)": optimizers.Adam(0.03),
}
curves = {}
for name, rule in rules.items():
    curves[name] = train(rule, min(arguments.iters, 1000))
    print(f"{name} {curves[name][-1]:.4f}", flush=True)  # ~> SGD(0.2) 0.2499 (1e-3)
    #    MomentumSGD(0.2) 0.0774
    #    AdaGrad(0.1) 0.2236
    #    AdaDelta() 0.2415
    #    Adam(0.03) 0.0758


def draw(plt):
    """The losses of the five."""
    figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
    for name, losses in curves.items():
        axes.plot(range(1, len(losses) + 1), losses, ".-", markersize=4, label=name)
    axes.set(xlabel="round", ylabel="mean squared error", ylim=(0, 0.6))
    axes.legend()
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step46: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step46.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
