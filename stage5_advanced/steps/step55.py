"""Step 55: how a CNN works (1).

To a Linear layer an image is a row of numbers. It has to learn for each pair of pixels whether they are neighbors, and
a cat that moves by one pixel is a completely different input. A convolutional neural network (CNN) keeps the image an
image. It has two new kinds of layers, convolution and pooling, and its usual sequence is

    Conv -> ReLU -> (Pool)     instead of     Linear -> ReLU

repeated, with pooling in some places, and with Linear -> ReLU only near the end.

Convolution is filtering: a small filter (or kernel) moves over the input; at each position, overlapping numbers are
multiplied, and the sum of the products is one number of the output. The numbers of the filter are learned and are the
same at all positions, so a pattern learned in one corner is found in all others. The filter has one bias, which is
added to each output. The filter moves in two directions, hence the name Conv2d.

    padding     numbers, usually zeros, around the input, mainly to keep its size: otherwise each convolution makes the
                image smaller
    stride      the step size of the filter: with stride 2 the output is half as large

Both can differ in height and width. The size of the output in either direction:

    OH = (H + 2 PH - KH) // SH + 1          `get_conv_outsize`; a remainder at the end is ignored

This step uses loops over plain arrays; of the framework it needs only that function. Channels and batches follow in
step 56, and fast code in step 57.

`--out DIR` saves drawings of all this as DIR/step55.png.
"""

import numpy as np
from demo import options, show
from drawings import step55

import stage5_advanced.functions as F
from stage5_advanced.utils import get_conv_outsize

args = options(__doc__).parse_args()


def convolve(x, W, b=0, stride=1, pad=0):
    """One filter, one channel.  x (H, W), W (KH, KW), b a number -> y (OH, OW)."""
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

# The filter at the first position.
print(1 * 2 + 2 * 0 + 3 * 1 + 0 * 0 + 1 * 1 + 2 * 2 + 3 * 1 + 0 * 0 + 1 * 2)  # -> 15
print(convolve(x, W))  # -> [[15 16]
#                            [ 6 15]]

# A bias of 3, added to all outputs.
print(convolve(x, W, b=3))  # -> [[18 19]
#                                 [ 9 18]]

# A border of zeros: the output is as large as the input.
print(convolve(x, W, pad=1))  # -> [[ 7 12 10  2]
#                                   [ 4 15 16 10]
#                                   [10  6 15  6]
#                                   [ 8 10  4  3]]

# Stride 2, on a larger input of the same pattern. (The second number in the book's figure is 11; it should be 17.)
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

# The function of step 57 gives the same for one sample with one channel.
for stride in (1, 2, 3):
    for pad in (0, 1, 2):
        y = F.conv2d(large[None, None], W[None, None], np.array([3]), stride, pad)
        if not np.array_equal(y.data[0, 0], convolve(large, W, 3, stride, pad)):
            print("different!", stride, pad)
print(y.shape)  # -> (1, 1, 3, 3)

show(step55, args.out, x, W, large, convolve)
