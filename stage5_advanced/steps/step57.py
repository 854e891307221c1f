"""Step 57: conv2d and pooling.

Convolution as steps 55 and 56 write it has six loops or so, one in the other, and in Python that is hopeless. What
computers are good at is the matrix product. `im2col`, image to columns, makes one of it: every window is unrolled to a
row, all rows make a matrix, and each filter, unrolled in the same way, is a column:

    x (N, C, H, W)      --im2col-->    (N*OH*OW, C*KH*KW)
    W (OC, C, KH, KW)   -reshape, T->            (C*KH*KW, OC)         product: (N*OH*OW, OC)
                                                                       reshape: (N, OH, OW, OC)
                                                                       transpose: (N, OC, OH, OW)

Rows go by sample, output row, output column; columns by channel, kernel row, kernel column. Pooling does the same with
the largest number of each row in place of the product, after another reshape, one row for each window of each channel.

`F.conv2d_simple` and `F.pooling_simple` are those lines, of im2col, reshape, linear, max, transpose. All of these can
be differentiated, so these two can be, as often as one likes, and there is no backward to write. Only im2col needs one:
a number goes to all windows that it is in, so its gradient is the sum of what comes from there, `col2im`, whose
gradient in turn is im2col.

What it costs is memory: windows overlap, and for a kernel of 3 x 3 each number is there nine times. `F.conv2d` is one
Function. It unrolls a few samples at a time and forgets the rows after the product; its backward, written by hand, is

    gx  =  deconv2d(gy, W)                 each gradient is spread over the window that its number came from
    gW  =  Conv2dGradW(x, gy)              what x and gy have in common at each place of the filter

and these can be differentiated again, with each other. Here many a framework of this kind is wrong, in the second
derivative by W, where the gradient that arrives must be used, not the one from before; so it is checked below.

Sizes for both directions may be a number or a pair, height and width. `L.Conv2d` is the layer; like Linear it finds out
the number of channels at its first call. Pooling learns nothing and is a function only.

`--out DIR` writes the figure to DIR/step57.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import sys

import numpy as np

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Variable, as_variable, check_gradients, grad
from stage5_advanced.utils import get_conv_outsize, pair

parser = argparse.ArgumentParser(description="Step 57: conv2d and pooling")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step57.png")
arguments = parser.parse_args()

# --- demonstration ---

np.random.seed(0)

# im2col: 9 windows of 75 numbers for a sample, 90 for ten.
x1 = np.random.rand(1, 3, 7, 7)
col1 = F.im2col(x1, kernel_size=5, stride=1, pad=0, to_matrix=True)
print(col1.shape)  # -> (9, 75)

x2 = np.random.rand(10, 3, 7, 7)
kernel_size = (5, 5)
stride = (1, 1)
pad = (0, 0)
col2 = F.im2col(x2, kernel_size, stride, pad, to_matrix=True)
print(col2.shape)  # -> (90, 75)

# Row 5 is the window in the middle row, on the right; and without the reshape.
print(np.array_equal(col1.data[5], x1[0, :, 1:6, 2:7].ravel()))  # -> True
print(F.im2col(x2, kernel_size, stride, pad, to_matrix=False).shape)  # -> (10, 3, 5, 5, 3, 3)

# What it costs: nine times the memory.
x = np.zeros((1, 64, 56, 56), np.float32)
print(F.im2col(x, 3, 1, 1).data.nbytes / x.nbytes)  # -> 9.0

# Sizes for both directions; and reshape with -1, for filters.
print(pair(1))  # -> (1, 1)
print(pair((1, 2)))  # -> (1, 2)
W = np.random.rand(10, 3, 5, 5)
print(W.size, W.reshape(10, -1).shape)  # -> 750 (10, 75)


# The function is this short.
def conv2d_simple(x, W, b=None, stride=1, pad=0):
    x, Weight = as_variable(x), as_variable(W)

    N, _, H, W = x.shape
    OC, _, KH, KW = Weight.shape
    SH, SW = pair(stride)
    PH, PW = pair(pad)
    OH = get_conv_outsize(H, KH, SH, PH)
    OW = get_conv_outsize(W, KW, SW, PW)

    col = F.im2col(x, (KH, KW), stride, pad, to_matrix=True)
    Weight = Weight.reshape(OC, -1).transpose()
    t = F.linear(col, Weight, b)
    return t.reshape(N, OH, OW, OC).transpose(0, 3, 1, 2)


N, C, H, W = 1, 5, 15, 15
OC, (KH, KW) = 8, (3, 3)

x = Variable(np.random.randn(N, C, H, W))
W = np.random.randn(OC, C, KH, KW)
y = conv2d_simple(x, W, b=None, stride=1, pad=1)
y.backward()

print(y.shape)  # -> (1, 8, 15, 15)
print(x.grad.shape)  # -> (1, 5, 15, 15)

# The example of step 55.
image = np.array([[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]])
kernel = np.array([[2, 0, 1], [0, 1, 2], [1, 0, 2]])
print(conv2d_simple(image[None, None], kernel[None, None]))  # -> variable([[[[15 16]
#                                                                             [ 6 15]]]])

# In one piece: the same numbers and the same gradients.
x = Variable(np.random.randn(2, 3, 7, 6))
W = Variable(np.random.randn(4, 3, 3, 2))
b = Variable(np.random.randn(4))
for options in ({}, {"pad": 1}, {"stride": 2, "pad": (2, 1)}):
    y, simple = F.conv2d(x, W, b, **options), conv2d_simple(x, W, b, **options)
    gy = np.random.randn(*y.shape)
    pairs = zip(grad(y, [x, W, b], gy), grad(simple, [x, W, b], gy), strict=True)
    print(np.allclose(y.data, simple.data), [np.allclose(one.data, other.data) for one, other in pairs])
# -> True [True, True, True]
# -> True [True, True, True]
# -> True [True, True, True]

# First and second derivatives against differences, with random gradients gy and ggx, ggW, ggb.
check_gradients(lambda x, W, b: F.conv2d(x, W, b, stride=2, pad=1), x, W, b)
check_gradients(lambda x: F.pooling(x, 2, 2), x)
print("second derivatives are right")  # -> second derivatives are right

# The layer: W is made at the first call.
layer = L.Conv2d(8, kernel_size=3, stride=1, pad=1)
print(layer.W)  # -> variable(None)
y = layer(np.zeros((1, 5, 15, 15), np.float32))
print(layer.W.shape, layer.b.shape, y.shape, y.dtype)  # -> (8, 5, 3, 3) (8,) (1, 8, 15, 15) float32

# Pooling, 2 x 2 with stride 2, for three channels: a row for each window, then one for each window of each channel.
planes = np.array(
    [
        [[1, 2, 3, 0], [0, 1, 2, 4], [1, 0, 4, 2], [3, 2, 0, 1]],
        [[0, 0, 6, 5], [4, 2, 4, 3], [3, 0, 1, 0], [2, 3, 3, 1]],
        [[7, 2, 1, 2], [0, 1, 0, 4], [3, 0, 6, 2], [4, 2, 4, 5]],
    ]
)
x = Variable(planes[None])
col = F.im2col(x, 2, 2, 0, to_matrix=True)
print(col)  # -> variable([[1 2 0 1 0 0 4 2 7 2 0 1]
#                          [3 0 2 4 6 5 4 3 1 2 0 4]
#                          [1 0 3 2 3 0 2 3 3 0 4 2]
#                          [4 2 0 1 1 0 3 1 6 2 4 5]])
col = col.reshape(-1, 4)
print(col.shape)  # -> (12, 4)
y = col.max(axis=1)
print(y)  # -> variable([2 4 7 4 6 4 3 3 4 4 3 6])
y = y.reshape(1, 2, 2, 3).transpose(0, 3, 1, 2)
for plane in y.data[0]:
    print(plane)  # -> [[2 4]
    #                   [3 4]]
    #                  [[4 6]
    #                   [3 3]]
    #                  [[7 4]
    #                   [4 6]]
print(np.array_equal(F.pooling_simple(x, 2, 2).data, y.data))  # -> True
print(np.array_equal(F.pooling(x, 2, 2).data, y.data))  # -> True


def draw(plt):
    """Above convolution, as a product; below pooling, as the largest of each row."""
    figure, axes = plt.subplots(figsize=(11, 8.6), layout="constrained")
    tints = ("#ffd9b3", "#cce6ff", "#d9f2d9", "#f2d9f2")

    def table(left, top, numbers, color=lambda i, j: "white", bold=lambda i, j: False):
        """A matrix as a table, its upper left corner there; color of cell (i, j), and whether it is bold."""
        for (i, j), number in np.ndenumerate(numbers):
            cell = plt.Rectangle((left + j, top + i), 1, 1, facecolor=color(i, j), edgecolor="grey", linewidth=0.8)
            axes.add_patch(cell)
            weight = "bold" if bold(i, j) else "normal"
            place = (left + j + 0.5, top + i + 0.5)
            axes.text(*place, number, ha="center", va="center", fontsize=9, weight=weight)

    def write(left, top, text, **style):
        axes.text(left, top, text, **{"ha": "center", "va": "center", "fontsize": 9} | style)

    def heading(left, top, text):
        write(left, top, text, ha="left", weight="bold", fontsize=10)

    heading(0, -1.6, "Convolution: every window is a row, the filter a column")
    for k, (i, j) in enumerate(np.ndindex(2, 2)):

        def color(a, b, i=i, j=j, k=k):
            return tints[k] if i <= a < i + 3 and j <= b < j + 3 else "white"

        table(j * 5, i * 5, image, color)
    write(10.5, 4.5, "im2col\n→")
    rows = F.im2col(image[None, None], 3).data
    table(12.2, 2.5, rows, lambda i, j: tints[i])
    write(16.7, 7.2, "(N OH OW, C KH KW)")
    write(22, 4.5, "@", fontsize=12)
    table(22.8, 0, kernel.reshape(-1, 1))
    write(24.6, 4.5, "=", fontsize=14)
    table(25.4, 2.5, rows @ kernel.reshape(-1, 1), lambda i, j: tints[i])
    write(28.2, 4.5, "reshape\ntranspose\n→")
    table(30, 3.5, (rows @ kernel.ravel()).reshape(2, 2), lambda i, j: tints[2 * i + j])

    top = 13.5
    heading(0, top - 1.8, "Max pooling of three channels: the largest of each row")
    for c in range(3):
        table(0, top + 4.6 * c, planes[c], lambda i, j: tints[i // 2 * 2 + j // 2])
    write(5.5, top + 6.6, "im2col\n→")
    rows = F.im2col(planes[None], 2, 2).data
    table(7, top + 4.6, rows, lambda i, j: tints[i])
    write(13, top + 9.3, "(N OH OW, C KH KW)")
    write(20.5, top + 6.6, "reshape\n→")
    rows = rows.reshape(-1, 4)
    largest = rows.argmax(axis=1)
    bottom = top + 0.6
    table(22, bottom, rows, lambda i, j: tints[i // 3], lambda i, j: j == largest[i])
    write(24, bottom + 12.7, "(N OH OW C, KH KW)")
    write(26.9, top + 6.6, "max\n→")
    table(27.8, bottom, rows.max(axis=1, keepdims=True), lambda i, j: tints[i // 3])
    write(30.8, top + 6.6, "reshape\ntranspose\n→")
    for c in range(3):
        pooled = rows.max(axis=1).reshape(2, 2, 3)[:, :, c]
        table(32.8, top + 1 + 4.6 * c, pooled, lambda i, j: tints[2 * i + j])
    axes.set(xlim=(-0.2, 35), ylim=(27.8, -2.4), aspect="equal")
    axes.axis("off")
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step57: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step57.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
