"""Steps 55-57: convolution and pooling, with sizes that differ along every axis wherever possible."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..inputs import DEEP, DIFFERENCES, FLOATS, SHAPES_ONLY, normal
from . import computation
from .steps37_41 import Shape, apart, given, ones, refused, shaped, whole
from .steps42_51 import in_the_stages

Pair = tuple[int, int]
CONV: dict[str, Any] = {"step": 57}


def images(shape: Shape) -> Shape:
    """The shape of images; cases without one, such as those about memory layout, get (2, 3) -> (2, 3, 5, 4)."""
    return shape if len(shape) == 4 else (*shape, 5, 4)[:4]


# --- convolution ---

# images -> kernels (OC, C, KH, KW), stride, pad
CONVOLUTIONS: dict[Shape, tuple[Shape, Pair, Pair]] = {
    (2, 3, 5, 4): ((4, 3, 3, 2), (2, 1), (1, 0)),
    (3, 1, 7, 5): ((2, 1, 2, 3), (3, 2), (0, 2)),  # the last row is in no window
    (1, 3, 6, 7): ((2, 3, 2, 1), (4, 3), (0, 0)),  # gaps between the windows
    (1, 2, 2, 5): ((1, 2, 4, 2), (1, 3), (2, 1)),  # kernel taller than the image
    (2, 2, 3, 2): ((3, 2, 3, 2), (1, 1), (0, 0)),  # a single window
    (2, 3, 3, 1): ((2, 3, 1, 1), (1, 1), (0, 0)),  # 1x1 kernel
    (1, 2, 1, 1): ((3, 2, 1, 1), (1, 1), (1, 1)),  # eight windows contain only padding
    (0, 2, 4, 3): ((3, 2, 2, 2), (1, 1), (0, 0)),
}
CONV_INPUTS = [
    shaped(images),
    shaped(lambda shape: CONVOLUTIONS[images(shape)][0]),
    shaped(lambda shape: CONVOLUTIONS[images(shape)][0][:1]),
]


def geometry(x: Any) -> tuple[Pair, Pair]:
    """Stride and padding for these images."""
    _, stride, pad = CONVOLUTIONS[tuple(x.shape)]
    return stride, pad


@computation(**CONV, inputs=CONV_INPUTS, shapes=tuple(CONVOLUTIONS), order=3, cases=FLOATS)
def conv2d(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """conv2d(x, W, b, stride, pad), with remainders"""
    return fw.conv2d(x, W, b, *geometry(x))


@computation(**CONV, inputs=CONV_INPUTS[:2], shapes=tuple(CONVOLUTIONS), cases=SHAPES_ONLY)
def conv2d_without_bias(fw: Any, x: Any, W: Any) -> Any:
    """conv2d without b, with constant images, and with constant kernels"""
    stride, pad = geometry(x)
    a, c = (fw.constant(np.cos(np.arange(v.size, dtype=v.dtype)).reshape(v.shape)) for v in map(fw.array, (x, W)))
    y = fw.conv2d(x, W, None, stride, pad)
    return y, fw.conv2d(x, c, stride=stride, pad=pad), fw.conv2d(a, W, stride=stride, pad=pad)


@computation(**CONV, inputs=CONV_INPUTS, shapes=tuple(CONVOLUTIONS), cases=FLOATS)
def conv2d_simple(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """conv2d composed of basic functions"""
    return fw.conv2d_simple(x, W, b, *geometry(x)), fw.conv2d_simple(x, W, None, *geometry(x))


@computation(**CONV, inputs=[normal(), normal()], shapes=((2, 3, 4, 4),), cases=SHAPES_ONLY)
def conv2d_in_a_square(fw: Any, x: Any, W: Any) -> Any:
    """Sizes as single ints; stride and padding by default, and given"""
    return fw.conv2d(x, W[:, :, :2, :2]), fw.conv2d(x, W, None, 2, 1), fw.conv2d_simple(x, W, None, 2, 1)


@computation(
    step=57,
    inputs=[normal(), shaped(lambda s: (3, s[1], 3, 3)), shaped(lambda s: (3,))],
    shapes=((20, 40, 18, 16),),
    order=1,
    cases=SHAPES_ONLY - DIFFERENCES,
)
def conv2d_of_a_large_batch(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """A batch whose patches do not fit into one chunk"""
    return fw.conv2d(x, W, b, 1, 1), fw.deconv2d(fw.conv2d(x, W, b, 2, 1), W, None, 2, 1)


@computation(
    step=57,
    inputs=[given(1, np.nan, np.inf, -np.inf, 0, -0.0, 2, 3, 1e300, 5, 6, 7)],
    shapes=((),),
    dtypes=("float64",),
    order=1,
    cases=SHAPES_ONLY - DIFFERENCES,
)
def conv2d_of_special_values(fw: Any, x: Any) -> Any:
    """nan and infinities affect only the windows that contain them"""
    W = fw.constant(np.array([[[[2.0, -1.0], [1.0, 3.0]]]]))
    return fw.conv2d(x.reshape(1, 1, 3, 4), W), fw.deconv2d(x.reshape(1, 1, 3, 4), W, None, 2)


# --- transposed convolution ---

# images -> kernels (C, OC, KH, KW), stride, pad, what outsize adds to the minimum
DECONVOLUTIONS: dict[Shape, tuple[Shape, Pair, Pair, Pair]] = {
    (2, 3, 5, 4): ((3, 4, 3, 2), (2, 1), (1, 0), (1, 0)),
    (3, 1, 2, 3): ((1, 2, 2, 3), (3, 2), (0, 1), (2, 1)),
    (1, 2, 3, 2): ((2, 3, 1, 2), (4, 3), (0, 0), (0, 2)),  # gaps between the windows
    (2, 2, 1, 1): ((2, 1, 3, 2), (1, 1), (1, 0), (0, 0)),  # padding leaves a single row
    (1, 2, 1, 1): ((2, 3, 1, 1), (1, 1), (0, 0), (0, 0)),
    (0, 2, 3, 2): ((2, 3, 2, 2), (1, 2), (0, 0), (0, 1)),
}


DECONV_INPUTS = [
    shaped(images),
    shaped(lambda shape: DECONVOLUTIONS[images(shape)][0]),
    shaped(lambda shape: DECONVOLUTIONS[images(shape)][0][1:2]),
]


@computation(**CONV, inputs=DECONV_INPUTS, shapes=tuple(DECONVOLUTIONS), order=3, cases=FLOATS)
def deconv2d(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """deconv2d(x, W, b, stride, pad), with the smallest output size"""
    _, stride, pad, _ = DECONVOLUTIONS[tuple(x.shape)]
    return fw.deconv2d(x, W, b, stride, pad)


# PyTorch has no third derivative where the output is larger than the smallest.
@computation(**CONV, inputs=DECONV_INPUTS, shapes=tuple(DECONVOLUTIONS), cases=SHAPES_ONLY - DEEP)
def deconv2d_to_a_larger_size(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """deconv2d with outsize, which adds the rows and columns that a convolution would drop"""
    kernels, stride, pad, more = DECONVOLUTIONS[tuple(x.shape)]
    places = zip(x.shape[2:], kernels[2:], stride, pad, strict=True)
    size = tuple(fw.get_deconv_outsize(*place) + n for place, n in zip(places, more, strict=True))
    return fw.deconv2d(x, W, b, stride=stride, pad=pad, outsize=size)


@computation(**CONV, inputs=[normal(), normal()], shapes=((2, 2, 3, 3),), cases=SHAPES_ONLY - DEEP)
def deconv2d_of_arrays(fw: Any, x: Any, W: Any) -> Any:
    """Constant images or kernels; sizes as single ints"""
    a, c = (fw.constant(np.cos(np.arange(v.size, dtype=v.dtype)).reshape(v.shape)) for v in map(fw.array, (x, W)))
    return fw.deconv2d(a, W), fw.deconv2d(x, c, None, 2, 1), fw.deconv2d(x, W, None, 2, 1, 6)


@computation(
    **CONV, inputs=[shaped(images), shaped(lambda s: (4, images(s)[1], 3, 2))], shapes=((2, 3, 5, 4),), cases=FLOATS
)
def conv2d_and_back(fw: Any, x: Any, W: Any) -> Any:
    """A convolution followed by the transposed one with the same kernels, back to the original size"""
    y = fw.conv2d(x, W, None, (2, 1), 1)
    return y, fw.deconv2d(fw.tanh(y), W, None, (2, 1), 1, (5, 4))


# --- im2col and col2im ---

WINDOWS: tuple[tuple[Any, Any, Any], ...] = (((3, 2), (2, 1), (1, 0)), ((1, 3), (1, 2), (0, 2)), (2, 3, 1), (1, 1, 0))
IMAGES: tuple[Shape, ...] = ((2, 3, 5, 4), (1, 2, 3, 6), (3, 1, 4, 3))


@computation(step=57, inputs=[shaped(images)], shapes=IMAGES, order=3, cases=FLOATS)
def im2col(fw: Any, x: Any) -> Any:
    """Patches as rows of a matrix, and with separate axes"""
    found = [fw.im2col(x, *window) for window in WINDOWS]
    return [*found, *(fw.im2col(x, *window, to_matrix=False) for window in WINDOWS)]


@computation(step=57, inputs=[normal()], shapes=((0, 2, 4, 3), (2, 0, 4, 3)), order=1, cases=SHAPES_ONLY)
def im2col_of_nothing(fw: Any, x: Any) -> Any:
    """An empty batch, and images without channels"""
    if fw.name == "torch" and 0 in x.shape[1:2]:  # torch rejects it
        return x.new_zeros((2 * 3 * 2, 0)) + x.sum()
    return fw.im2col(x, 2)


@computation(
    step=57, inputs=[shaped(lambda s: (2 * 3 * 2, s[-1])), shaped(lambda s: (2, 2, 3, 2, 3, 2))], shapes=((12,),),
    order=3, cases=SHAPES_ONLY,
)  # fmt: skip
def col2im(fw: Any, rows: Any, windows: Any) -> Any:
    """Patches added back to images; overlapping pixels accumulate"""
    y = fw.col2im(rows, (2, 2, 5, 3), (3, 2), (1, 1), 0)
    return y, fw.col2im(windows, (2, 2, 5, 5), (3, 2), (2, 3), (1, 0), to_matrix=False)


@computation(step=57, inputs=[shaped(images)], shapes=IMAGES, cases=FLOATS)
def windows_put_back(fw: Any, x: Any) -> Any:
    """col2im(im2col(x)): each pixel times the number of windows that contain it"""
    return [fw.col2im(fw.im2col(x, *window) ** 2, tuple(x.shape), *window) for window in WINDOWS]


@computation(step=57, order=0, dtypes=("float64",))
def sizes_of_convolutions(fw: Any) -> Any:
    """Output sizes, input sizes of the transposed convolution, and pair"""
    found = [fw.get_conv_outsize(n, k, s, p) for n in (1, 4, 7) for k in (1, 3) for s in (1, 2) for p in (1, 2)]
    found += [fw.get_deconv_outsize(n, k, s, p) for n in (1, 4) for k in (3, 5) for s in (1, 3) for p in (0, 1)]
    return np.array([*found, *fw.pair(3), *fw.pair((1, 2))])


# --- pooling ---

POOLS: tuple[tuple[Any, Any, Any], ...] = (((3, 2), (2, 1), (1, 0)), ((1, 3), (1, 2), (0, 1)), (2, 3, 1), (3, 1, 2))
APART = shaped(images, apart())


@computation(step=57, inputs=[APART], shapes=IMAGES, order=3, cases=FLOATS)
def pooling(fw: Any, x: Any) -> Any:
    """The maximum of windows that overlap or have gaps, with padding of up to the kernel size minus one"""
    cubes = fw.pooling(x * x * x, (1, 2))  # so that the third derivative involves the second
    return [*(fw.pooling(x, *window) for window in POOLS), fw.pooling(x, 2), cubes]


@computation(step=57, inputs=[APART], shapes=((2, 3, 5, 4), (1, 2, 6, 7), (2, 1, 3, 8)), cases=FLOATS)
def pooling_rounded_up(fw: Any, x: Any) -> Any:
    """ceil_mode: the last window may extend past the image but must start inside it"""
    windows = [*POOLS, (2, 2, 1), (3, 2, 0), ((2, 3), (3, 4), (1, 1))]
    return [fw.pooling(x, *window, ceil_mode=True) for window in windows]


def below_zero(rng: np.random.Generator, shape: Shape) -> Any:
    """Different negative numbers."""
    return apart()(rng, shape) - 0.1 * math.prod(shape) - 1.0


@computation(step=57, inputs=[shaped(images, below_zero)], shapes=IMAGES, order=1, cases=FLOATS)
def pooling_of_negative_numbers(fw: Any, x: Any) -> Any:
    """Padding never wins the maximum"""
    return [f(x, *window) for f in (fw.pooling, fw.pooling_simple) for window in POOLS]


@computation(
    step=57, inputs=[shaped(images, whole(-1, 1))], shapes=(*IMAGES, (2, 2, 9, 9)), cases=SHAPES_ONLY - DIFFERENCES
)
def ties_of_pooling(fw: Any, x: Any) -> Any:
    """Of equal elements the first receives the gradient, in derivatives of every order"""
    return [*(fw.pooling(x, *window) for window in POOLS), fw.pooling(x, 3, 2, 1, True)]


@computation(
    step=57,
    inputs=[shaped(images, whole(-1, 1))],
    shapes=IMAGES,
    order=1,
    differs=in_the_stages(
        "composed with max, which shares the gradient evenly; in PyTorch the first element receives it"
    ),
    cases=SHAPES_ONLY - DIFFERENCES,
)
def ties_of_pooling_simple(fw: Any, x: Any) -> Any:
    """Equal elements share the gradient evenly"""
    return fw.pooling_simple(x, 3, 2, 1)


@computation(step=57, inputs=[APART], shapes=IMAGES, order=3, cases=FLOATS)
def pooling_simple(fw: Any, x: Any) -> Any:
    """pooling composed of basic functions"""
    return [fw.pooling_simple(x, *window) for window in POOLS]


SPECIAL: dict[str, Any] = {"step": 57, "shapes": ((),), "order": 1}
INFINITE = given(1, np.inf, -np.inf, 2, np.inf, -np.inf, -np.inf, -np.inf, 0, -0.0, 3, -np.inf)


@computation(inputs=[INFINITE], **SPECIAL, cases=SHAPES_ONLY - DIFFERENCES)
def pooling_of_infinities(fw: Any, x: Any) -> Any:
    """inf is the maximum; in a window of -inf only, the first element receives the gradient, not the padding"""
    x = x.reshape(1, 1, 3, 4)
    return fw.pooling(x, 2), fw.pooling(x, (3, 1)), fw.average_pooling(x, 2)


@computation(inputs=[given(1, np.nan, 3, 2, 0, 5, -1, 4, 6)], **SPECIAL, cases=SHAPES_ONLY - DIFFERENCES)
def pooling_of_nan(fw: Any, x: Any) -> Any:
    """nan is the maximum of its windows and receives the gradient; the mean of such a window is nan"""
    x = x.reshape(1, 1, 3, 3)
    return fw.pooling(x, 2), fw.average_pooling(x, 2), fw.average_pooling_simple(x, 2)


@computation(
    inputs=[given(1, np.nan, np.nan, 2, 0, np.nan, -1, 4, 6)],
    differs=in_the_stages(
        "of several nan the first receives the gradient, as with equal elements; in PyTorch the last one does"
    ),
    **SPECIAL,
    cases=SHAPES_ONLY - DIFFERENCES,
)
def pooling_of_several_nan(fw: Any, x: Any) -> Any:
    """One of several nan in a window receives the gradient"""
    return fw.pooling(x.reshape(1, 1, 3, 3), 2)


@computation(step=57, inputs=[shaped(images)], shapes=IMAGES, order=3, cases=FLOATS)
def average_pooling(fw: Any, x: Any) -> Any:
    """The mean of each window, with padding counted as zeros"""
    return [*(fw.average_pooling(x, *window) for window in POOLS), fw.average_pooling(x, 2)]


@computation(step=57, inputs=[shaped(images)], shapes=IMAGES, cases=FLOATS)
def average_pooling_simple(fw: Any, x: Any) -> Any:
    """average_pooling composed of basic functions"""
    return [fw.average_pooling_simple(x, *window) for window in POOLS]


@computation(step=57, inputs=[APART], shapes=((2, 3, 5, 4),), order=1, cases=SHAPES_ONLY)
def patches_of_one_pixel(fw: Any, x: Any) -> Any:
    """A kernel of 1, whose result equals x but is a copy"""
    found = [fw.pooling(x, 1), fw.average_pooling(x, 1), fw.pooling_simple(x, 1), fw.average_pooling_simple(x, 1)]
    return [*found, fw.im2col(x, 1), fw.im2col(x, 1, to_matrix=False)]


@computation(step=57, inputs=[APART], shapes=((0, 2, 4, 3),), cases=SHAPES_ONLY - DIFFERENCES)
def pooling_of_no_images(fw: Any, x: Any) -> Any:
    """An empty batch"""
    functions: list[Callable[..., Any]] = [fw.pooling, fw.average_pooling]
    return [f(x, 2) for f in functions]


@computation(step=57, order=0, dtypes=("float64",))
def images_of_integers(fw: Any) -> Any:
    """uint8 and int8 images: their maximum keeps the dtype, also next to padding; means and float32 kernels do not"""
    found = []
    for dtype in (np.uint8, np.int8):
        x = (np.arange(2 * 3 * 5 * 4) * 37 % 256).astype(np.uint8).view(dtype).reshape(2, 3, 5, 4)
        W = (np.arange(2 * 3 * 3 * 2) ** 2 % 7 - 3).astype(np.float32).reshape(2, 3, 3, 2)
        if fw.name == "torch":
            x, W = x.astype(np.float64), W.astype(np.float64)
        images, kernels = fw.constant(x), fw.constant(W)
        ys = [fw.pooling(images, 2, 1, 1), fw.pooling_simple(images, (3, 2), 2, 1), fw.im2col(images, 2, 1, 1)]
        ys += [fw.average_pooling(images, 2, 2, 1), fw.average_pooling_simple(images, 2, 2, 1)]
        ys += [fw.conv2d(images, kernels, None, 1, 1), fw.deconv2d(images, fw.transpose(kernels, (1, 0, 2, 3)))]
        kinds = [dtype, dtype, dtype, np.float64, np.float64, np.float32, np.float32]
        found += [fw.array(y).astype(kind) if fw.name == "torch" else y for y, kind in zip(ys, kinds, strict=True)]
    return found


# --- invalid input ---


@refused(
    57,
    ValueError,
    ("conv2d: expected x (N, C, H, W) and W (OC, C, KH, KW) of equal C, got x (1, 2, 4, 4) and W (3, 1, 2, 2)"),
)
def conv2d_of_other_channels(fw: Any) -> Any:
    """Two channels, and kernels for one"""
    return fw.conv2d(ones(fw, 1, 2, 4, 4), ones(fw, 3, 1, 2, 2))


@refused(57, ValueError, "conv2d: expected a kernel that fits images (4, 2) with padding (0, 1), got (3, 5)")
def conv2d_with_too_large_a_kernel(fw: Any) -> Any:
    """A kernel with five columns, and images with four, including padding"""
    return fw.conv2d(ones(fw, 1, 2, 4, 2), ones(fw, 3, 2, 3, 5), None, 1, (0, 1))


@refused(57, ValueError, "conv2d: expected b (3,) for W (3, 2, 2, 2), got b (2,)")
def conv2d_with_a_bias_that_does_not_fit(fw: Any) -> Any:
    """Two biases for three kernels"""
    return fw.conv2d(ones(fw, 1, 2, 4, 4), ones(fw, 3, 2, 2, 2), ones(fw, 2))


@refused(
    57,
    ValueError,
    "conv2d: expected x (N, C, H, W) and W (OC, C, KH, KW), got x (2, 4, 4) and W (3, 2, 2, 2)",
    differs={"torch": "accepts a single image without a batch axis"},
)
def conv2d_of_one_image(fw: Any) -> Any:
    """A single image, without a batch axis"""
    return fw.conv2d(ones(fw, 2, 4, 4), ones(fw, 3, 2, 2, 2))


@refused(
    57,
    ValueError,
    (
        "conv2d: expected a kernel_size and a stride of at least 1, a pad of at least 0, got "
        "kernel_size (2, 2), stride (0, 1), pad (0, 0)"
    ),
)
def conv2d_without_a_stride(fw: Any) -> Any:
    """A stride of 0"""
    return fw.conv2d(ones(fw, 1, 2, 4, 4), ones(fw, 3, 2, 2, 2), None, (0, 1))


@refused(
    57,
    ValueError,
    (
        "conv2d: expected a kernel_size and a stride of at least 1, a pad of at least 0, got "
        "kernel_size (2, 2), stride (1, 1), pad (-1, -1)"
    ),
)
def conv2d_with_negative_padding(fw: Any) -> Any:
    """Padding of -1"""
    return fw.conv2d(ones(fw, 1, 2, 4, 4), ones(fw, 3, 2, 2, 2), None, 1, -1)


@refused(
    57,
    ValueError,
    ("deconv2d: expected x (N, C, H, W) and W (C, OC, KH, KW) of equal C, got x (1, 2, 4, 4) and W (3, 2, 2, 2)"),
)
def deconv2d_of_other_channels(fw: Any) -> Any:
    """Kernels with the channel axes swapped"""
    return fw.deconv2d(ones(fw, 1, 2, 4, 4), ones(fw, 3, 2, 2, 2))


@refused(57, ValueError, "deconv2d: expected an outsize from (8, 8) to (9, 9), got (10, 8)")
def deconv2d_to_a_size_that_no_convolution_has(fw: Any) -> Any:
    """An outsize larger than the minimum by a full stride"""
    return fw.deconv2d(ones(fw, 1, 2, 4, 4), ones(fw, 2, 3, 2, 2), None, 2, 0, (10, 8))


@refused(57, ValueError, "im2col: expected a kernel that fits images (4, 4) with padding (0, 0), got (5, 2)")
def im2col_with_too_large_a_kernel(fw: Any) -> Any:
    """A kernel with five rows, and images with four"""
    return fw.im2col(ones(fw, 1, 2, 4, 4), (5, 2))


@refused(57, ValueError, "im2col: expected x (N, C, H, W), got x (4, 4)")
def im2col_of_a_matrix(fw: Any) -> Any:
    """A matrix instead of images"""
    return fw.im2col(ones(fw, 4, 4), 2)


@refused(57, ValueError, "col2im: expected x (18, 8) for images (2, 2, 4, 4), got x (9, 8)")
def col2im_of_too_few_windows(fw: Any) -> Any:
    """Half the required number of patches"""
    return fw.col2im(ones(fw, 9, 8), (2, 2, 4, 4), 2)


@refused(57, ValueError, "pooling: expected pad less than kernel_size (2, 3), got (2, 1)")
def pooling_of_padding_alone(fw: Any) -> Any:
    """Padding as large as the kernel"""
    return fw.pooling(ones(fw, 1, 1, 4, 4), (2, 3), 1, (2, 1))


@refused(57, ValueError, "average_pooling: expected pad less than kernel_size (2, 2), got (2, 2)")
def average_pooling_of_padding_alone(fw: Any) -> Any:
    """Padding as large as the kernel"""
    return fw.average_pooling(ones(fw, 1, 1, 4, 4), 2, 1, 2)


@refused(57, ValueError, "pooling: expected a kernel that fits images (4, 4) with padding (0, 0), got (5, 5)")
def pooling_with_too_large_a_kernel(fw: Any) -> Any:
    """A kernel with five rows, and images with four"""
    return fw.pooling(ones(fw, 1, 1, 4, 4), 5)


@refused(57, ValueError, "pooling_simple: expected x (N, C, H, W), got x (4, 4)")
def pooling_simple_of_a_matrix(fw: Any) -> Any:
    """A matrix instead of images"""
    return fw.pooling_simple(ones(fw, 4, 4), 2)


@refused(57, ValueError, "conv2d: expected an integer or a tuple of two, got (1, 2, 3)")
def stride_of_three_numbers(fw: Any) -> Any:
    """A stride of three numbers"""
    return fw.conv2d(ones(fw, 1, 1, 4, 4), ones(fw, 1, 1, 2, 2), None, (1, 2, 3))


# --- the numbers that the steps print ---


@computation(step=57, order=0, dtypes=("float64",))
def books_numbers_of_step_57(fw: Any) -> Any:
    """The shapes (9, 75), (90, 75), (1, 8, 15, 15) of step 57, and the gradients of its convolution"""
    x = fw.Variable(np.arange(1 * 5 * 15 * 15, dtype=float).reshape(1, 5, 15, 15) / 1000)
    W = fw.Variable(np.cos(np.arange(8 * 5 * 3 * 3, dtype=float)).reshape(8, 5, 3, 3))
    col = fw.im2col(x[:, :3, :7, :7], 5)
    ten = fw.im2col(fw.constant(np.sin(np.arange(10 * 3 * 7 * 7, dtype=float)).reshape(10, 3, 7, 7)), 5)
    y = fw.conv2d(x, W, None, 1, 1)
    shapes = np.array([*col.shape, *ten.shape, *y.shape])
    rows = math.prod(ten.shape)
    return [shapes, np.array(rows), col, y, *fw.gradients([y], [x, W], None)]
