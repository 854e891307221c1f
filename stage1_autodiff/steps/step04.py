"""Step 4: numerical differentiation.

A computer cannot let h go to 0 in (f(x + h) - f(x)) / h, but it can use a small h. The line
through x - h and x + h is closer to the tangent than the line through x and x + h, so
`numerical_diff` computes the central difference. It works for any function that can be called, but
it is never exact, since it subtracts two nearly equal numbers. It needs two calls for each
variable, too many for a network with millions of them. It remains useful as a check of the better
method.

`numerical_diff` computes in float64: in float32, x - h and x + h would be rounded, and near x = 1000
the result would be 25 % off.

`--out DIR` writes the figure of the three lines to DIR/step04.png (needs matplotlib); without it
the figure is shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np


class Variable:
    """A container for an array. [step 1]"""

    def __init__(self, data):
        self.data = data


class Function:
    """A computation from one Variable to one Variable. [step 2]

    A subclass defines `forward` on arrays.
    """

    def __call__(self, input):
        x = input.data
        y = self.forward(x)
        return Variable(y)

    def forward(self, x):
        """Compute the output: array x -> array y."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")


class Square(Function):
    """y = x^2."""

    def forward(self, x):
        return x**2


class Exp(Function):
    """y = e^x."""

    def forward(self, x):
        return np.exp(x)


def numerical_diff(f, x, eps=1e-4):
    """Central difference (f(x + eps) - f(x - eps)) / (2 eps), computed in float64. [step 4]

    f: maps a Variable to a Variable. All elements of x change together, so for an array this is the
    derivative of each element only if f is elementwise.
    """
    point = x.data.astype(np.float64)  # float32 would round x - eps and x + eps
    x0 = Variable(point - eps)
    x1 = Variable(point + eps)
    y0 = f(x0)
    y1 = f(x1)
    return (y1.data - y0.data) / (2 * eps)


# --- demonstration ---

f = Square()
x = Variable(np.array(2.0))
dy = numerical_diff(f, x)
print(dy)  # -> 4.000000000004


def f(x):
    A = Square()
    B = Exp()
    C = Square()
    return C(B(A(x)))


x = Variable(np.array(0.5))
dy = numerical_diff(f, x)
print(dy)  # -> 3.2974426293330694

# A large step is far from the limit, and a small one loses digits: of 1.234 - 1.233, one digit is left.
exact = 3.297442541400256  # step 6
errors = [abs(numerical_diff(f, x, eps=10.0**-n) - exact) for n in range(1, 13)]
print(errors[0] > 0.05, min(errors) < 1e-8, errors[-1] > 1e-6)  # -> True True True


def draw(plt):
    """y = x^2 / 2 near x = 1, with a step h = 1 that is large enough to see: one line, all three; then the error."""

    def curve(t):
        return t**2 / 2

    x, h = 1.0, 1.0
    lines = {
        "tangent": (x, curve(x), x, "black", 1.0),
        "forward difference, through x and x + h": (x, curve(x), (curve(x + h) - curve(x)) / h, "tab:orange", 1.0),
        "central difference, through x - h and x + h": (
            x - h,
            curve(x - h),
            (curve(x + h) - curve(x - h)) / (2 * h),
            "tab:blue",
            2.5,
        ),
    }
    t = np.linspace(-0.6, 2.6, 100)
    figure, (left, right, far) = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
    right.sharey(left)
    for axes, shown in ((left, list(lines)[1:2]), (right, list(lines))):
        axes.plot(t, curve(t), color="grey", label="y = f(x)")
        for label in shown:
            x0, y0, slope, color, width = lines[label]
            axes.plot(t, y0 + slope * (t - x0), color=color, linewidth=width, label=label)
        points = [x, x + h] if axes is left else [x - h, x, x + h]
        axes.plot(points, [curve(p) for p in points], "o", color="black", markersize=4)
        axes.set_xticks([x - h, x, x + h], ["x - h", "x", "x + h"])
        axes.set_yticks([])
        axes.legend(loc="upper left", fontsize=8)
    left.set_title("(f(x + h) - f(x)) / h")
    right.set_title("which line is nearest to the tangent?")
    far.loglog([10.0**-n for n in range(1, 13)], errors, "o-", markersize=4)
    far.set(title="error of the derivative of (e^(x^2))^2 at 0.5", xlabel="eps")
    return figure


def folder(text):
    """An argument type: the path of a folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a folder, got ''")
    return pathlib.Path(text)


parser = argparse.ArgumentParser(description="Step 4: numerical differentiation")
parser.add_argument("--out", type=folder, metavar="DIR", help="write the figure to DIR/step04.png")
arguments = parser.parse_args()
try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step04: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
figure = draw(plt)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out / "step04.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # matplotlib chooses Agg if there is no display
    plt.show()
