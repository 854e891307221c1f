"""Step 56: how a CNN works (2).

A colour image is three planes, one for red, green and blue, and inside of a network it is some hundreds: the channels.
The convolution of step 55 takes all of them at once. A filter is as deep as its input, each channel is filtered by a
plane of its own, and the results are added up to one plane, a feature map:

    (C, H, W)    *    (C, KH, KW)                      -->    (1, OH, OW)          one filter
    (C, H, W)    *    (OC, C, KH, KW)  +  (OC, 1, 1)   -->    (OC, OH, OW)         OC filters, a bias for each
    (N, C, H, W) *    (OC, C, KH, KW)  +  (OC, 1, 1)   -->    (N, OC, OH, OW)      N samples, each by itself

So the output has channels again, as many as there are filters, and the next layer can go on from it. Height and width
of a filter are free, its depth is not. The filter still moves in two directions only, which is why this is Conv2d.

Pooling makes the picture smaller: of each window there remains the largest number (max pooling) or the mean (average
pooling). The largest is usual in recognizing images; if nothing else is said, pooling means that. Usually windows do
not overlap: 2 x 2 with stride 2, 3 x 3 with stride 3. Three properties:

    - Nothing is learned: it has no parameters.
    - The number of channels stays, since each channel is taken by itself.
    - Small shifts of the picture often change nothing, for the largest number often stays in its window.

Again loops over plain arrays, and beside them what step 57 makes of them. Where it landed: F.conv2d, L.Conv2d,
F.pooling, F.average_pooling.

`--out DIR` writes the figure to DIR/step56.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np

import stage5_advanced.functions as F

parser = argparse.ArgumentParser(description="Step 56: how a CNN works (2)")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step56.png")
arguments = parser.parse_args()

# --- demonstration ---


def convolve(x, W):
    """One filter on one plane, as in step 55.  x (H, W), W (KH, KW) -> (OH, OW)."""
    KH, KW = W.shape
    OH, OW = x.shape[0] - KH + 1, x.shape[1] - KW + 1
    return np.array([[(x[i : i + KH, j : j + KW] * W).sum() for j in range(OW)] for i in range(OH)])


# Three channels. The front ones are those of step 55; the book's drawing hides the others, so they are ours.
x = np.array(
    [
        [[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]],
        [[3, 3, 4, 2], [2, 3, 0, 4], [0, 4, 1, 0], [4, 1, 3, 1]],
        [[2, 3, 4, 2], [4, 3, 0, 0], [0, 4, 2, 1], [0, 1, 1, 1]],
    ]
)
W = np.array(
    [
        [[2, 0, 1], [0, 1, 2], [1, 0, 2]],
        [[0, 1, 3], [2, 0, 0], [0, 0, 0]],
        [[0, 0, 2], [2, 1, 1], [2, 2, 1]],
    ]
)
print(convolve(x[0], W[0]))  # -> [[15 16]
#                                  [ 6 15]]
y = sum(convolve(x[c], W[c]) for c in range(3))
print(y)  # -> [[63 55]
#               [18 51]]
image, kernel = x, W  # for the figure


def convolve_all(x, W, b):
    """Samples, filters, channels.  x (N, C, H, W), W (OC, C, KH, KW), b (OC, 1, 1) -> (N, OC, OH, OW)."""
    maps = [[sum(convolve(x_c, w_c) for x_c, w_c in zip(x_n, w, strict=True)) for w in W] for x_n in x]
    return np.array(maps) + b


# Twenty filters of 5 x 5 for images of three channels; a batch of two; and the framework's function.
np.random.seed(0)
x = np.random.rand(2, 3, 7, 7)
W = np.random.rand(20, 3, 5, 5)
b = np.random.rand(20)
print(W.shape)  # -> (20, 3, 5, 5)
y = convolve_all(x, W, b.reshape(20, 1, 1))
print(y.shape)  # -> (2, 20, 3, 3)
print(np.allclose(F.conv2d(x, W, b).data, y))  # -> True

# Height and width of a filter are free; one of 1 x 2 sees pairs of neighbours.
print(F.conv2d(x, W[:, :, :1, :2]).shape)  # -> (2, 20, 7, 6)
try:
    F.conv2d(x, W[:, :2])
except ValueError as error:
    print(error)
# !> conv2d: expected x (N, C, H, W) and W (OC, C, KH, KW) of equal C, got x (2, 3, 7, 7) and W (20, 2, 5, 5)


def pool(x, size, f=np.max):
    """The largest of each window, or another f of it.  x (H, W) -> (H / size, W / size)."""
    H, W = x.shape
    return np.array([[f(x[i : i + size, j : j + size]) for j in range(0, W, size)] for i in range(0, H, size)])


x = np.array([[1, 2, 1, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 4, 0, 1]])
print(pool(x, 2))  # -> [[2 3]
#                        [4 2]]
print(pool(x, 2, np.mean))  # -> [[1.   1.5 ]
#                                 [2.25 1.  ]]

# One pixel to the right: nearly every number is another, the largest are the same.
still = np.array(
    [
        [1, 2, 0, 7, 1, 0],
        [0, 9, 2, 3, 2, 3],
        [3, 0, 1, 2, 1, 2],
        [2, 4, 0, 1, 0, 1],
        [6, 0, 1, 2, 1, 2],
        [2, 4, 0, 1, 8, 1],
    ]
)
moved = np.array(
    [
        [1, 1, 2, 0, 7, 1],
        [3, 0, 9, 2, 3, 2],
        [2, 3, 0, 1, 2, 1],
        [3, 2, 4, 0, 1, 0],
        [2, 6, 0, 1, 2, 1],
        [1, 2, 4, 0, 1, 8],
    ]
)
print(np.array_equal(still[:, :-1], moved[:, 1:]), (still != moved).mean() > 0.7)  # -> True True
print(pool(still, 3))  # -> [[9 7]
#                            [6 8]]
print(pool(moved, 3))  # -> [[9 7]
#                            [6 8]]

# The framework's functions, for a batch with channels. In max pooling the gradient goes to where the largest was.
print(F.pooling(x[None, None], 2, 2))  # -> variable([[[[2 3]
#                                                       [4 2]]]])
print(np.array_equal(F.average_pooling(x[None, None], 2, 2).data[0, 0], pool(x, 2, np.mean)))  # -> True
print(F.pooling(np.random.rand(10, 5, 8, 8), kernel_size=2, stride=2).shape)  # -> (10, 5, 4, 4)


def draw(plt):
    """Three channels; shapes with filters, bias and batch; max pooling; the shift."""
    figure, axes = plt.subplots(figsize=(11, 6.2), layout="constrained")
    tints = ("#ffd9b3", "#cce6ff", "#d9f2d9", "#f2d9f2")

    def table(left, top, numbers, color=lambda i, j: "white"):
        """A matrix as a table, its upper left corner there; color of cell (i, j)."""
        for (i, j), number in np.ndenumerate(numbers):
            cell = plt.Rectangle((left + j, top + i), 1, 1, facecolor=color(i, j), edgecolor="grey", linewidth=0.8)
            axes.add_patch(cell)
            axes.text(left + j + 0.5, top + i + 0.5, number, ha="center", va="center", fontsize=8)

    def block(left, top, depth, height, width, color, text):
        """A box: depth goes to the back, height down, width to the right."""
        d = depth * 0.5
        front = [(0, 0), (width, 0), (width, height), (0, height)]
        upper = [(0, 0), (d, -d), (width + d, -d), (width, 0)]
        side = [(width, 0), (width + d, -d), (width + d, height - d), (width, height)]
        for corners in (front, upper, side):
            corners = [(left + a, top + b) for a, b in corners]
            axes.add_patch(plt.Polygon(corners, facecolor=color, edgecolor="black", linewidth=0.8))
        write(left + width / 2, top + height + 0.7, text, ha="center", fontsize=9)

    def write(left, top, text, **style):
        axes.text(left, top, text, va="center", **style)

    def sign(left, top, text):
        write(left, top, text, ha="center", fontsize=14)

    top = 2
    write(0, top - 1.6, "One filter for three channels: a plane for each, and the sum", weight="bold")
    parts = [convolve(x, W) for x, W in zip(image, kernel, strict=True)]
    for k in range(3):
        for left, numbers in ((5 * k, image[k]), (16 + 4 * k, kernel[k]), (29 + 4.5 * k, parts[k])):
            table(left, top + (4 - len(numbers)) / 2, numbers, lambda i, j, k=k: tints[k])
        sign(32.2 + 4.5 * k, top + 2, "+" if k < 2 else "=")
    sign(15, top + 2, "*")
    sign(27.9, top + 2, "=")
    table(42.5, top + 1, sum(parts))

    top = 11.5
    write(0, top - 3.2, "The shapes: N samples, OC filters and biases", weight="bold")
    for n in range(3):
        block(n * 5.4, top, 3, 3, 3, "whitesmoke", "(N, C, H, W)" if n == 1 else "")
    sign(16.6, top + 1.3, "*")
    for k in range(4):
        block(17.6 + k * 3, top + 0.8, 3, 1.2, 1.2, tints[k], "")
    write(23.4, top + 3.7, "(OC, C, KH, KW)", ha="center", fontsize=9)
    sign(30.2, top + 1.3, "+")
    for k in reversed(range(4)):
        block(31.2 + k * 0.5, top + 1.6 - k * 0.5, 1, 0.6, 0.6, tints[k], "")
    write(32.4, top + 3.7, "(OC, 1, 1)", ha="center", fontsize=9)
    sign(34.5, top + 1.3, "=")
    for n in range(3):
        for k in reversed(range(4)):
            block(35.4 + n * 4.4 + k * 0.5, top + 0.8 - k * 0.5, 1, 2, 2, tints[k], "")
    write(41.5, top + 3.7, "(N, OC, OH, OW)", ha="center", fontsize=9)

    top = 19.5
    write(0, top - 1.6, "Max pooling, 2 x 2 with stride 2", weight="bold")
    table(0, top + 1, x, lambda i, j: tints[i // 2 * 2 + j // 2])
    sign(5, top + 3, "→")
    table(6, top + 2, pool(x, 2), lambda i, j: tints[2 * i + j])

    left = 16
    write(left, top - 1.6, "3 x 3 with stride 3: a pixel to the right, and the same comes out", weight="bold")
    for k, picture in enumerate((still, moved)):
        table(left + 15 * k, top, picture, lambda i, j: tints[i // 3 * 2 + j // 3])
        sign(left + 15 * k + 7, top + 3, "→")
        table(left + 15 * k + 8, top + 2, pool(picture, 3), lambda i, j: tints[2 * i + j])
    axes.set(xlim=(-0.2, 49.5), ylim=(25.8, -0.5), aspect="equal")
    axes.axis("off")
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step56: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step56.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
