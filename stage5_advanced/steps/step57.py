"""Step 57: conv2d and pooling.

The convolution of steps 55 and 56 needs seven nested loops, which is far too slow in Python. Computers are fast at
matrix products. `im2col`, image to columns, turns convolution into one: each patch (the part of the input under the
filter) becomes a row of a matrix, and each filter becomes a column:

    x (N, C, H, W)      --im2col-->    (N*OH*OW, C*KH*KW)
    W (OC, C, KH, KW)   -reshape, T->            (C*KH*KW, OC)         product: (N*OH*OW, OC)
                                                                       reshape: (N, OH, OW, OC)
                                                                       transpose: (N, OC, OH, OW)

Rows are ordered by sample, output row, output column; columns by channel, kernel row, kernel column. Pooling does the
same with the maximum of each row instead of the product, after another reshape: one row per patch and channel.

`F.conv2d_simple` and `F.pooling_simple` are those lines, composed of im2col, reshape, linear, max and transpose. All of
these are differentiable, so both have derivatives of any order without a backward of their own. Only im2col needs one:
a number is part of several patches, so its gradient is the sum of its gradients in all of them, `col2im`, whose
gradient in turn is im2col.

The cost is memory: patches overlap, and with a 3 x 3 kernel each number is stored nine times. `F.conv2d` is a single
Function. It copies the patches of a few samples at a time, all into the same memory (`functions/windows.py`, which you
can skip); its backward, written by hand, is

    gx  =  deconv2d(gy, W)                 each gradient times W is added to the patch of its output
    gW  =  Conv2dGradW(x, gy)              x and gy, correlated at each position of the filter

and these can be differentiated again, with each other. An easy mistake here is the second derivative with respect to W,
which must use the incoming gradient, not the earlier one; so it is checked below.

Sizes are a number or a pair, height and width. `L.Conv2d` is the layer; like Linear it infers the number of channels
from its first input. Pooling learns nothing and is only a function.

`--out DIR` saves drawings of im2col as DIR/step57.png.
"""

import numpy as np
from demo import options, show
from drawings import step57

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Variable, as_variable, check_gradients, grad
from stage5_advanced.utils import get_conv_outsize, pair

args = options(__doc__).parse_args()

np.random.seed(0)

# im2col: 9 patches of 75 numbers for one sample, 90 for ten.
x1 = np.random.rand(1, 3, 7, 7)
col1 = F.im2col(x1, kernel_size=5, stride=1, pad=0, to_matrix=True)
print(col1.shape)  # -> (9, 75)

x2 = np.random.rand(10, 3, 7, 7)
kernel_size = (5, 5)
stride = (1, 1)
pad = (0, 0)
col2 = F.im2col(x2, kernel_size, stride, pad, to_matrix=True)
print(col2.shape)  # -> (90, 75)

# Row 5 is the patch on the right of the middle row; to_matrix=False leaves out the reshape.
print(np.array_equal(col1.data[5], x1[0, :, 1:6, 2:7].ravel()))  # -> True
print(F.im2col(x2, kernel_size, stride, pad, to_matrix=False).shape)  # -> (10, 3, 5, 5, 3, 3)

# The cost: nine times the memory.
x = np.zeros((1, 64, 56, 56), np.float32)
print(F.im2col(x, 3, 1, 1).data.nbytes / x.nbytes)  # -> 9.0

# Sizes for both directions; reshape with -1 for filters.
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

# A single Function: the same numbers and the same gradients.
x = Variable(np.random.randn(2, 3, 7, 6))
W = Variable(np.random.randn(4, 3, 3, 2))
b = Variable(np.random.randn(4))
for settings in ({}, {"pad": 1}, {"stride": 2, "pad": (2, 1)}):
    y, simple = F.conv2d(x, W, b, **settings), conv2d_simple(x, W, b, **settings)
    gy = np.random.randn(*y.shape)
    pairs = zip(grad(y, [x, W, b], gy), grad(simple, [x, W, b], gy), strict=True)
    print(np.allclose(y.data, simple.data), [np.allclose(one.data, other.data) for one, other in pairs])
# -> True [True, True, True]
# -> True [True, True, True]
# -> True [True, True, True]

# First and second derivatives against numerical ones, with random gradients gy and ggx, ggW, ggb.
check_gradients(lambda x, W, b: F.conv2d(x, W, b, stride=2, pad=1), x, W, b)
check_gradients(lambda x: F.pooling(x, 2, 2), x)
print("second derivatives are right")  # -> second derivatives are right

# The layer: W is created at the first call.
layer = L.Conv2d(8, kernel_size=3, stride=1, pad=1)
print(layer.W)  # -> variable(None)
y = layer(np.zeros((1, 5, 15, 15), np.float32))
print(layer.W.shape, layer.b.shape, y.shape, y.dtype)  # -> (8, 5, 3, 3) (8,) (1, 8, 15, 15) float32

# Pooling, 2 x 2 with stride 2, of three channels: one row per patch, then one per patch and channel.
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

show(step57, args.out, image, kernel, planes)
