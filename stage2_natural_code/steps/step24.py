"""Step 24: differentiating complex functions.

Three test functions for optimization, written as their formulas read and differentiated by one call of
`backward`. Without operators Matyas would read

    sub(mul(add(pow(x, 2), pow(y, 2)), 0.26), mul(mul(x, y), 0.48))

with each constant to the right of its variable; the book writes mul(0.26, ...), which its own functions do not accept.

Running the code defines the graph (define-by-run). So Python's loops and branches are part of the language that is
differentiated: a loop of n iterations adds n times as many nodes.

`--out DIR` saves the contour lines of the three functions as DIR/step24.png.
"""

import numpy as np
from demo import options, show

from stage2_natural_code import Variable, no_grad, numerical_diff

args = options(__doc__).parse_args()

# --- demonstration ---


def sphere(x, y):
    return x**2 + y**2


def matyas(x, y):
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def goldstein(x, y):
    """Goldstein-Price. Its minimum is 3, at (0, -1)."""
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

# The numerical derivative of step 4 agrees.
print(numerical_diff(lambda x: goldstein(x, y), x))  # ~> -5376.0 (0.01)
print(numerical_diff(lambda y: goldstein(x, y), y))  # ~> 8064.0 (0.01)

values = [f(x, y).data for f in (sphere, matyas, goldstein)]
print(*values)  # -> 2.0 0.040000000000000036 1876.0

# A loop whose length depends on the data.
x = Variable(np.array(3.0))
y = Variable(np.array(0.0))
while y.data <= 100:
    y = y + x
y.backward()
print(y, x.grad)  # -> variable(102.0) 34.0


def draw(plt):
    """Contour lines, and the direction of the negative gradient at (1, 1)."""
    t = np.linspace(-2, 2, 200)
    grid = [Variable(axis) for axis in np.meshgrid(t, t)]
    figure, row = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
    minima = {"Sphere": (sphere, (0, 0)), "Matyas": (matyas, (0, 0)), "Goldstein-Price": (goldstein, (0, -1))}
    for axes, (title, (f, minimum)) in zip(row, minima.items(), strict=True):
        with no_grad():
            heights = f(*grid).data
        levels = np.geomspace(max(heights.min(), 1e-5 * heights.max()), heights.max(), 15)
        axes.contour(t, t, heights, levels=levels, norm="log", cmap="viridis")
        x, y = Variable(np.array(1.0)), Variable(np.array(1.0))
        f(x, y).backward()
        down = -np.array([x.grad, y.grad])
        down = down / np.linalg.norm(down)  # the lengths differ by a factor of 200,000
        axes.annotate("", xy=(1 + down[0], 1 + down[1]), xytext=(1, 1), arrowprops={"color": "tab:red", "width": 1.5})
        axes.plot(1, 1, "o", color="tab:red", label="(1, 1), and its negative gradient")
        axes.plot(*minimum, "*", color="black", label="minimum")
        axes.set(title=title, xlabel="x", ylabel="y", aspect="equal")
    row[0].legend(loc="lower left", fontsize=8)
    return figure


show(draw, args.out)
