"""Step 55: how a CNN works (1).

To a Linear layer an image is a row of numbers. That two pixels are neighbours it has to find out for each pair of them,
and a cat that moves one pixel to the right is another input altogether. A convolutional neural network (CNN) keeps the
picture a picture. It has two new kinds of layers, convolution and pooling, and its usual sequence is

    Conv -> ReLU -> (Pool)     in place of     Linear -> ReLU

again and again, pooling not always, and Linear -> ReLU only near the end.

Convolution is filtering: a small window, the filter (or kernel), moves over the input; at each place the numbers that
lie on top of each other are multiplied, and their sum is one number of the output. The numbers in the filter are what
is learned, the same at all places, so what is found in one corner is found in the other ones, too. To each output the
one bias of the filter is added. It is called two-dimensional since the filter moves in two directions: hence Conv2d.

    padding     numbers, usually zeros, put around the input, mainly to keep the size: else each convolution takes away
                from the picture, and after some nothing is left
    stride      by how much the filter moves: at 2 the output is half as large

Both can differ in height and width. How many places there are, along either direction:

    OH = (H + 2 PH - KH) // SH + 1          `get_conv_outsize`; what remains at the end is not looked at

This step explains with loops over plain arrays, and needs no function of the framework but that one. Channels and
batches come in step 56, and how to compute it fast in step 57.

`--out DIR` writes the figure to DIR/step55.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np

import stage5_advanced.functions as F
from stage5_advanced.utils import get_conv_outsize

parser = argparse.ArgumentParser(description="Step 55: how a CNN works (1)")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step55.png")
arguments = parser.parse_args()

# --- demonstration ---


def convolve(x, W, b=0, stride=1, pad=0):
    """One filter on one plane.  x (H, W), W (KH, KW), b a number -> y (OH, OW)."""
    KH, KW = W.shape
    OH, OW = (get_conv_outsize(n, k, stride, pad) for n, k in zip(x.shape, W.shape, strict=True))
    x = np.pad(x, pad)
    y = np.zeros((OH, OW), x.dtype)
    for i in range(OH):
        for j in range(OW):
            top, left = i * stride, j * stride
            window = x[top : top + KH, left : left + KW]
            y[i, j] = (window * W).sum() + b
    return y


x = np.array([[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]])
W = np.array([[2, 0, 1], [0, 1, 2], [1, 0, 2]])

# The filter at the first place.
print(1 * 2 + 2 * 0 + 3 * 1 + 0 * 0 + 1 * 1 + 2 * 2 + 3 * 1 + 0 * 0 + 1 * 2)  # -> 15
print(convolve(x, W))  # -> [[15 16]
#                            [ 6 15]]

# A bias of 3, to all the same.
print(convolve(x, W, b=3))  # -> [[18 19]
#                                 [ 9 18]]

# One row and column of zeros all around: the output is as large as the input.
print(convolve(x, W, pad=1))  # -> [[ 7 12 10  2]
#                                   [ 4 15 16 10]
#                                   [10  6 15  6]
#                                   [ 8 10  4  3]]

# Stride 2, on a larger input of the same pattern. (The book's figure has 11 in the second place; it is 17.)
large = np.array([np.roll([1, 2, 3, 0] * 2, i)[:7] for i in range(7)])
print(convolve(large, W, stride=2))  # -> [[15 17 15]
#                                          [17 15 17]
#                                          [15 17 15]]

# The size of the output.
H, W_ = 4, 4  # input
KH, KW = 3, 3  # kernel
SH, SW = 1, 1  # stride
PH, PW = 1, 1  # padding
OH = get_conv_outsize(H, KH, SH, PH)
OW = get_conv_outsize(W_, KW, SW, PW)
print(OH, OW)  # -> 4 4
print(get_conv_outsize(7, 3, 2, 0), get_conv_outsize(8, 3, 2, 0))  # -> 3 3

# The function of step 57 sees one sample with one channel, and the same comes out.
for stride in (1, 2, 3):
    for pad in (0, 1, 2):
        y = F.conv2d(large[None, None], W[None, None], np.array([3]), stride, pad)
        if not np.array_equal(y.data[0, 0], convolve(large, W, 3, stride, pad)):
            print("different!", stride, pad)
print(y.shape)  # -> (1, 1, 3, 3)


def draw(plt):
    """A sample network; the four places of the window, the bias, padding, stride 2."""
    figure, axes = plt.subplots(figsize=(11, 8.2), layout="constrained")

    def table(left, top, numbers, color=lambda i, j: "white"):
        """A matrix as a table, its upper left corner there; color of cell (i, j)."""
        for (i, j), number in np.ndenumerate(numbers):
            cell = plt.Rectangle((left + j, top + i), 1, 1, facecolor=color(i, j), edgecolor="grey", linewidth=0.8)
            axes.add_patch(cell)
            axes.text(left + j + 0.5, top + i + 0.5, number, ha="center", va="center", fontsize=9)

    def write(left, top, text, **style):
        axes.text(left, top, text, va="center", **style)

    def window(i, j, size=3):
        """Orange where the filter lies."""
        return lambda a, b: "orange" if i <= a < i + size and j <= b < j + size else "white"

    def filled(i, j):
        """Orange for the output just computed."""
        return lambda a, b: "orange" if (a, b) == (i, j) else "white"

    names = ["Conv", "ReLU", "Pool"] * 2 + ["Linear", "ReLU"] * 2 + ["Linear"]
    colors = {"Conv": "lightblue", "ReLU": "whitesmoke", "Pool": "palegreen", "Linear": "navajowhite"}
    write(0, -0.9, "A CNN: Conv and Pool keep the picture a picture", weight="bold")
    write(0, 0.8, "input")
    for i, name in enumerate(names):
        left = 3.2 + i * 3
        axes.annotate("", (left, 0.8), (left - 0.8, 0.8), arrowprops={"arrowstyle": "->"})
        axes.add_patch(plt.Rectangle((left, 0), 2.2, 1.6, facecolor=colors[name], edgecolor="black"))
        write(left + 1.1, 0.8, name, ha="center", fontsize=9)
    axes.annotate("", (37.4, 0.8), (35.5, 0.8), arrowprops={"arrowstyle": "->"})
    write(37.6, 0.8, "output")

    top = 5
    write(0, top - 1.6, "Convolution: the filter at its four places", weight="bold")
    write(1.5, top - 0.4, "filter", ha="center", fontsize=9)
    table(0, top, W, lambda i, j: "orange")
    y = convolve(x, W)
    for k, (i, j) in enumerate(np.ndindex(2, 2)):
        left = 5.5 + k * 9.2
        table(left, top, x, window(i, j))
        write(left + 4.5, top + 2, "→", ha="center")
        done = np.where(np.arange(4).reshape(2, 2) <= k, y.astype(str), "")
        table(left + 5, top + 1, done, filled(i, j))

    top = 13
    write(0, top - 1.6, "Bias: one number, added everywhere", weight="bold")
    table(0, top + 2, y)
    write(2.5, top + 3, "+", ha="center")
    table(3, top + 2.5, np.array([[3]]), lambda i, j: "orange")
    write(4.5, top + 3, "=", ha="center")
    table(5, top + 2, y + 3)
    left = 17
    write(left, top - 1.6, "Padding 1: 4 x 4 stays 4 x 4", weight="bold")
    border = np.pad(np.zeros((4, 4), bool), 1, constant_values=True)
    first = window(0, 0)
    table(left, top, np.pad(x, 1), lambda i, j: "gainsboro" if border[i, j] and first(i, j) == "white" else first(i, j))
    write(left + 6.7, top + 3, "*", ha="center", fontsize=14)
    table(left + 7.4, top + 1.5, W, lambda i, j: "orange")
    write(left + 11.1, top + 3, "=", ha="center")
    table(left + 11.8, top + 1, convolve(x, W, pad=1), filled(0, 0))

    top = 22.5
    write(0, top - 1.6, "Stride 2: the filter moves by two", weight="bold")
    y = convolve(large, W, stride=2)
    for k, (i, j) in enumerate([(0, 0), (0, 1), (2, 2)]):
        left = k * 14
        table(left, top, large, window(2 * i, 2 * j))
        write(left + 7.7, top + 3.5, "→", ha="center")
        done = np.where(np.arange(9).reshape(3, 3) <= 3 * i + j, y.astype(str), "")
        table(left + 8.4, top + 2, done, filled(i, j))
    axes.set(xlim=(-0.2, 42), ylim=(30, -1.5), aspect="equal")
    axes.axis("off")
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step55: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step55.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
