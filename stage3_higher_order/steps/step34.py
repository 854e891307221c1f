"""Step 34: higher-order derivatives of sin.

`Sin` of step 27 asked NumPy for the cosine of its data, and its second derivative was lost. The `Sin` of the
package asks `cos`, a function of the framework, whose `backward` asks `sin` in turn:

    Sin:  gx = gy * cos(x)          Cos:  gx = gy * -sin(x)

These two lines are enough for every order, since each pass over a graph makes a graph of these two again:

    sin ---> cos ---> -sin ---> -cos ---> sin

From here on functions are added to the files under `functions/`, and a script calls them by `F.sin(x)`.

`--out DIR` writes the figure of sin and its first three derivatives to DIR/step34.png (needs matplotlib); without it
the figure is shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np

import stage3_higher_order.functions as F
from stage3_higher_order import Variable

# --- demonstration ---

x = Variable(np.array(1.0))
y = F.sin(x)
y.backward(create_graph=True)
print(x.grad)  # -> variable(0.5403023058681398)
for _ in range(3):
    gx = x.grad
    x.cleargrad()
    gx.backward(create_graph=True)
    print(x.grad)  # -> variable(-0.8414709848078965)
    #    variable(-0.5403023058681398)
    #    variable(0.8414709848078965)

# 200 points at once: each element has its own derivative.
x = Variable(np.linspace(-7, 7, 200))
y = F.sin(x)
y.backward(create_graph=True)
curves = [y.data]
for _ in range(3):
    curves.append(x.grad.data)
    gx = x.grad
    x.cleargrad()
    gx.backward(create_graph=True)
x.cleargrad()  # x and its gradient hold each other (step 32)
for curve, expected in zip(curves, (np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)), strict=True):
    print(np.allclose(curve, expected(x.data)))  # -> True
    #    True
    #    True
    #    True


def draw(plt):
    """Each derivative is the wave before, moved to the left by a quarter of its period."""
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for curve, label in zip(curves, ("y = sin(x)", "y'", "y''", "y'''"), strict=True):
        axes.plot(x.data, curve, label=label)
    axes.set_xlabel("x")
    figure.legend(loc="outside right center")
    return figure


parser = argparse.ArgumentParser(description="Step 34: higher-order derivatives of sin")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step34.png")
arguments = parser.parse_args()
try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step34: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
figure = draw(plt)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out / "step34.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    plt.show()
