"""Step 54: dropout and test mode.

A network that has learned its training data by heart is overfitted: good there, bad on everything else. Either there
are too few data, then more of them help, or more made of them (data augmentation, steps 49 and 51); or the model can
express too much, then it must be held back. Weight decay does so (step 46), batch normalization, and dropout:

    In every training pass each neuron is switched off with probability `dropout_ratio`, by lot, and sends nothing on.

No neuron can rely on another one to be there, so each has to be of use by itself. And with other neurons missing each
time, many networks are trained in one. To train five and average their answers, an ensemble, is known to gain some
percent; dropout is about that, for the price of one.

In use, no neuron is missing, and the next layer would receive more than it ever did in training. Two ways out:

                   in training                            in use
    direct         y = x * mask                           y = x * (1 - dropout_ratio)
    inverted       y = x * mask / (1 - dropout_ratio)     y = x

`F.dropout` is the inverted form. Nothing is left to do in use, where time counts, and the ratio may change from one
pass to the next; in the direct form the one factor fits one ratio only. Multiplied and divided with what there is, it
needs no backward of its own: the gradient is multiplied by the same mask and divided by the same number.

So from here on there are functions that behave differently in training and in use, and a switch that says which it is,
`Config.train`, beside that of step 18. It is on from the start; `with test_mode():` turns it off inside. It has nothing
to do with `no_grad()`: one is about what is computed, the other about what is remembered, and in use one wants both.

Batch normalization is the second function with two faces. In training, `L.BatchNorm()` normalizes each feature by mean
and variance of the batch at hand, so what comes out for a sample depends on the others beside it. Meanwhile it keeps a
running mean of both, which takes their place in use: there the answer for a sample must depend on it alone. (The book
names it only; here it is made.) A switch forgotten is a frequent fault with both: the network answers, only worse, and
a little differently each time.

`--out DIR` writes the figure to DIR/step54.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Config, Variable, test_mode

parser = argparse.ArgumentParser(description="Step 54: dropout and test mode")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step54.png")
arguments = parser.parse_args()

# --- demonstration ---

# Direct dropout on ten neurons, of which four survive on average.
np.random.seed(0)
dropout_ratio = 0.6
x = np.ones(10)

mask = np.random.rand(10) > dropout_ratio
y = x * mask
print(mask)  # -> [False  True  True False False  True False  True  True False]
survivors = [(np.random.rand(10) > dropout_ratio).sum() for _ in range(10000)]
print(np.mean(survivors))  # ~> 4.0 (0.05)

# In use all of them, weakened to what arrived on average.
scale = 1 - dropout_ratio
y = x * scale
print(y.sum())  # ~> 4.0 (1e-9)

# Inverted dropout: what arrives on average is the same in training and in use.
y = [(x * (np.random.rand(10) > dropout_ratio) / scale).sum() for _ in range(10000)]
print(np.mean(y))  # ~> 10.0 (0.2)

# F.dropout. The book has no seed here; 16 is the first that draws its numbers.
np.random.seed(16)
x = np.ones(5)
print(x)  # -> [1. 1. 1. 1. 1.]

y = F.dropout(x)
print(y)  # -> variable([0. 2. 2. 0. 0.])

with test_mode():
    y = F.dropout(x)
    print(y)  # -> variable([1. 1. 1. 1. 1.])

# Drawn afresh each time; whatever the lot, only 0 or 2; and the ratio may change as one likes.
print(sorted({number for _ in range(100) for number in F.dropout(x).data.tolist()}))  # -> [0.0, 2.0]
for ratio in (0.43455, 0.56245):
    y = F.dropout(np.ones(100000), ratio)
    print(f"{y.data.max():.4f} {y.data.mean():.2f}")  # ~> 1.7685 1.0 (0.02)
    #    2.2857 1.0

# The gradient takes the way of the values.
x = Variable(np.ones(5))
y = F.dropout(x)
y.backward()
print(np.array_equal(x.grad.data, y.data))  # -> True

# The switch, and that the graph is recorded all the same.
print(Config.train)  # -> True
with test_mode():
    print(Config.train, Config.enable_backprop)  # -> False True
print(Config.train)  # -> True

try:
    F.dropout(x, 1.0)
except ValueError as error:
    print(error)  # !> dropout: ratio 1.0 came, at least 0 and less than 1 is needed

# Batch normalization: in training mean 0 and standard deviation 1 for each feature, whatever came ...
norm = L.BatchNorm()
for _ in range(100):
    x = np.random.randn(50, 3) * [1, 10, 0.1] + [0, 5, -2]
    y = norm(x)
print(np.allclose(y.data.mean(axis=0), 0), np.allclose(y.data.std(axis=0), 1, atol=0.01))  # -> True True

# ... and in use by what was seen in training, so that a sample gets its answer, whoever is beside it.
print(norm.avg_mean)  # ~> variable([ 0.0 5.0 -2.0]) (1.0)
with test_mode():
    print(np.allclose(norm(x[:1]).data, norm(x).data[:1]))  # -> True
print(np.allclose(norm(x[:2]).data, norm(x).data[:2]))  # -> False


def draw(plt):
    """A network in use, and in two passes of training."""
    figure, row = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    sizes, gap = (3, 6, 6, 2), 1.9
    places = [[(i * gap, j - (n - 1) / 2) for j in range(n)] for i, n in enumerate(sizes)]
    rng = np.random.default_rng(4)
    titles = ("in use: all neurons", "training: one pass", "training: the next one")
    for k, (axes, title) in enumerate(zip(row, titles, strict=True)):
        on = [[True] * n for n in sizes]
        if k:
            on[1:3] = (rng.random((2, 6)) > 0.5).tolist()
        for i in range(3):
            for a, a_on in zip(places[i], on[i], strict=True):
                for b, b_on in zip(places[i + 1], on[i + 1], strict=True):
                    if a_on and b_on:
                        axes.plot(*zip(a, b, strict=True), color="grey", linewidth=0.8, zorder=1)
        for layer, layer_on in zip(places, on, strict=True):
            for (x, y), here in zip(layer, layer_on, strict=True):
                color = "tab:orange" if here else "white"
                edge = "black" if here else "lightgrey"
                axes.add_patch(plt.Circle((x, y), 0.3, facecolor=color, edgecolor=edge, zorder=2))
                if not here:
                    axes.plot(x, y, "x", color="tab:red", markersize=13, markeredgewidth=2, zorder=3)
        axes.set(title=title, xlim=(-0.5, 3 * gap + 0.5), ylim=(-3, 3), aspect="equal")
        axes.axis("off")
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step54: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step54.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
