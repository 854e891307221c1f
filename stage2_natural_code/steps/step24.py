"""Step 24: differentiating complex functions.

Three test functions of optimization, written as they stand in a table of formulas, and differentiated by
one call of `backward`. Without operators Matyas would read

    sub(mul(add(pow(x, 2), pow(y, 2)), 0.26), mul(mul(x, y), 0.48))

The graph is defined by running the code, so Python's loops and branches are part of the language that is
differentiated: a graph has as many additions as the loop had rounds.

`--out DIR` writes the contour lines of the three, and the way down from (1, 1), to DIR/step24.png (needs
matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np

from stage2_natural_code import Variable, no_grad, numerical_diff

# --- demonstration ---


def sphere(x, y):
    return x**2 + y**2


def matyas(x, y):
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def goldstein(x, y):
    """Goldstein-Price. Its least value is 3, at (0, -1)."""
    return (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
        30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    )


x = Variable(np.array(1.0))
y = Variable(np.array(1.0))
z = sphere(x, y)
z.backward()
print(x.grad, y.grad)  # -> 2.0 2.0

x = Variable(np.array(1.0))
y = Variable(np.array(1.0))
z = matyas(x, y)
z.backward()
print(x.grad, y.grad)  # -> 0.040000000000000036 0.040000000000000036

x = Variable(np.array(1.0))
y = Variable(np.array(1.0))
z = goldstein(x, y)
z.backward()
print(x.grad, y.grad)  # -> -5376.0 8064.0

# The judge of step 10 agrees.
print(numerical_diff(lambda x: goldstein(x, y), x))  # ~> -5376.0 (0.01)
print(numerical_diff(lambda y: goldstein(x, y), y))  # ~> 8064.0 (0.01)

values = [f(x, y).data for f in (sphere, matyas, goldstein)]
print(*values)  # -> 2.0 0.040000000000000036 1876.0

# A loop whose length the data decide.
x = Variable(np.array(3.0))
y = Variable(np.array(0.0))
while y.data <= 100:
    y = y + x
y.backward()
print(y, x.grad)  # -> variable(102.0) 34.0


def draw(plt):
    """Contour lines, each a constant factor above the one before, and the negative gradient at (1, 1)."""
    t = np.linspace(-2, 2, 200)
    grid = [Variable(axis) for axis in np.meshgrid(t, t)]
    figure, row = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
    for axes, f, title, least in zip(
        row,
        (sphere, matyas, goldstein),
        ("Sphere", "Matyas", "Goldstein-Price"),
        ((0, 0), (0, 0), (0, -1)),
        strict=True,
    ):
        with no_grad():
            heights = f(*grid).data
        levels = np.geomspace(max(heights.min(), 1e-5 * heights.max()), heights.max(), 15)
        axes.contour(t, t, heights, levels=levels, norm="log", cmap="viridis")
        x, y = Variable(np.array(1.0)), Variable(np.array(1.0))
        f(x, y).backward()
        down = -np.array([x.grad, y.grad])
        down = down / np.linalg.norm(down)  # its direction; the lengths differ by a factor of 200,000
        axes.annotate("", xy=(1 + down[0], 1 + down[1]), xytext=(1, 1), arrowprops={"color": "tab:red", "width": 1.5})
        axes.plot(1, 1, "o", color="tab:red", label="(1, 1), and its negative gradient")
        axes.plot(*least, "*", color="black", label="least value")
        axes.set_title(title)
        axes.set_xlabel("x")
        axes.set_ylabel("y")
        axes.set_aspect("equal")
    row[0].legend(loc="lower left", fontsize=8)
    return figure


parser = argparse.ArgumentParser(description="Step 24: differentiating complex functions")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step24.png")
arguments = parser.parse_args()
try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step24: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
figure = draw(plt)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out / "step24.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    plt.show()
