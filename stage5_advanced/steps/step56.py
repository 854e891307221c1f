"""Step 56: how a CNN works (2).

A color image has three channels: red, green and blue. Inside a network there are hundreds. The convolution of step 55
uses all channels at once: a filter has as many channels as its input, each input channel is filtered by its own channel
of the filter, and the results are added to one feature map:

    (C, H, W)    *    (C, KH, KW)                      -->    (1, OH, OW)          one filter
    (C, H, W)    *    (OC, C, KH, KW)  +  (OC, 1, 1)   -->    (OC, OH, OW)         OC filters, each with a bias
    (N, C, H, W) *    (OC, C, KH, KW)  +  (OC, 1, 1)   -->    (N, OC, OH, OW)      N independent samples

So the output has channels again, one per filter, and the next layer can continue. Height and width of a filter are
free, its number of channels is not. The filter still moves in two directions only, hence the name Conv2d.

Pooling makes the image smaller: from each window it takes the maximum (max pooling) or the mean (average pooling). Max
pooling is usual for image recognition; if nothing else is said, pooling means max pooling. Usually windows do not
overlap: 2 x 2 with stride 2, 3 x 3 with stride 3. Three properties:

    - It has no parameters and learns nothing.
    - The number of channels stays the same, since each channel is pooled separately.
    - Small shifts of the image often do not change the output, because the maximum often stays in its window.

The code uses loops over plain arrays again and compares them with the functions of step 57: F.conv2d, F.pooling and
F.average_pooling.

`--out DIR` saves drawings of all this as DIR/step56.png.
"""

import numpy as np
from demo import options, show
from drawings import step56

import stage5_advanced.functions as F

args = options(__doc__).parse_args()


def convolve(x, W):
    """One filter, one channel, as in step 55.  x (H, W), W (KH, KW) -> (OH, OW)."""
    KH, KW = W.shape
    OH, OW = x.shape[0] - KH + 1, x.shape[1] - KW + 1
    return np.array([[(x[i : i + KH, j : j + KW] * W).sum() for j in range(OW)] for i in range(OH)])


# Three channels. The first is that of step 55; the book's drawing hides the others, so they are made up.
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
image, kernel = x, W  # for the drawing


def convolve_all(x, W, b):
    """All samples, filters and channels.  x (N, C, H, W), W (OC, C, KH, KW), b (OC, 1, 1) -> (N, OC, OH, OW)."""
    maps = [[sum(convolve(x_c, w_c) for x_c, w_c in zip(x_n, w, strict=True)) for w in W] for x_n in x]
    return np.array(maps) + b


# Twenty 5 x 5 filters for images of three channels; a batch of two; and the framework's function.
np.random.seed(0)
x = np.random.rand(2, 3, 7, 7)
W = np.random.rand(20, 3, 5, 5)
b = np.random.rand(20)
print(W.shape)  # -> (20, 3, 5, 5)
y = convolve_all(x, W, b.reshape(20, 1, 1))
print(y.shape)  # -> (2, 20, 3, 3)
print(np.allclose(F.conv2d(x, W, b).data, y))  # -> True

# Height and width of a filter are free; a 1 x 2 filter sees pairs of neighbors.
print(F.conv2d(x, W[:, :, :1, :2]).shape)  # -> (2, 20, 7, 6)
try:
    F.conv2d(x, W[:, :2])
except ValueError as error:
    print(error)
# !> conv2d: expected x (N, C, H, W) and W (OC, C, KH, KW) of equal C, got x (2, 3, 7, 7) and W (20, 2, 5, 5)


def pool(x, size, f=np.max):
    """The maximum of each window, or another f of it.  x (H, W) -> (H / size, W / size)."""
    H, W = x.shape
    return np.array([[f(x[i : i + size, j : j + size]) for j in range(0, W, size)] for i in range(0, H, size)])


x = np.array([[1, 2, 1, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 4, 0, 1]])
print(pool(x, 2))  # -> [[2 3]
#                        [4 2]]
print(pool(x, 2, np.mean))  # -> [[1.   1.5 ]
#                                 [2.25 1.  ]]

# Three channels: each is pooled alone, and there are three again.
channels = np.stack([x, 10 * x, x[::-1]])
print(np.array([pool(channel, 2) for channel in channels]).tolist())
# -> [[[2, 3], [4, 2]], [[20, 30], [40, 20]], [[4, 2], [2, 3]]]

# One pixel to the right: almost every number changes, the maxima do not.
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

# The framework's functions, for a batch with channels.
print(F.pooling(x[None, None], 2, 2))  # -> variable([[[[2 3]
#                                                       [4 2]]]])
print(np.array_equal(F.average_pooling(x[None, None], 2, 2).data[0, 0], pool(x, 2, np.mean)))  # -> True
print(F.pooling(np.random.rand(10, 5, 8, 8), kernel_size=2, stride=2).shape)  # -> (10, 5, 4, 4)

show(step56, args.out, image, kernel, x, still, moved, convolve, pool)
