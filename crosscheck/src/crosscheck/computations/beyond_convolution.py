"""Beyond the book: convolution with dilation, groups and every kind of padding, in one and two directions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DEEP, FLOATS, SHAPES_ONLY, normal
from . import computation
from .beyond_pool import rows
from .beyond_tensors import BEYOND
from .convolution import Pair, images
from .layers import fixed
from .states import with_gradients
from .steps37_41 import Shape, shaped

Padding = Any  # a number, pairs of numbers or of pairs, or "same", "valid", "full"

# images -> kernels (OC, C / groups, KH, KW), stride, padding, dilation, groups
GROUPED: dict[Shape, tuple[Shape, Pair, Padding, Pair, int]] = {
    (2, 3, 5, 4): ((6, 1, 3, 2), (2, 1), ((1, 0), (0, 2)), (1, 2), 3),
    (1, 4, 6, 5): ((2, 2, 2, 3), (1, 2), "same", (2, 1), 2),
    (2, 1, 7, 6): ((3, 1, 2, 2), (3, 2), "same", (1, 3), 1),
    (2, 4, 4, 3): ((4, 1, 2, 3), (1, 1), "full", (1, 2), 4),
    (1, 16, 3, 4): ((16, 8, 2, 1), (1, 1), "valid", (2, 2), 2),  # as many channels in a group as a product is worth
    (1, 6, 4, 4): ((3, 2, 1, 2), (2, 2), (1, 1), (1, 1), 3),
    (0, 2, 3, 3): ((2, 1, 2, 2), (1, 1), 0, (1, 1), 2),
}
GROUPED_INPUTS = [
    shaped(images),
    shaped(lambda shape: GROUPED[images(shape)][0]),
    shaped(lambda shape: GROUPED[images(shape)][0][:1]),
]


@computation(**BEYOND, inputs=GROUPED_INPUTS, shapes=tuple(GROUPED), order=3, cases=FLOATS)
def conv2d_with_groups(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """Groups, dilation, and padding that differs on the two sides"""
    return fw.conv2d(x, W, b, *GROUPED[tuple(x.shape)][1:])


# images -> kernels, padding, dilation: four times as many channels as kernels or more
FEW: dict[Shape, tuple[Shape, Padding, Pair]] = {
    (2, 8, 4, 5): ((2, 8, 3, 2), ((1, 0), (0, 2)), (1, 2)),
    (1, 4, 5, 3): ((1, 4, 2, 2), "valid", (2, 1)),
    (3, 9, 2, 2): ((2, 9, 3, 3), "same", (1, 1)),
    (0, 4, 3, 3): ((1, 4, 2, 2), 0, (1, 1)),
}


@computation(
    **BEYOND,
    inputs=[
        shaped(images),
        shaped(lambda shape: FEW[images(shape)][0]),
        shaped(lambda shape: FEW[images(shape)][0][:1]),
    ],
    shapes=tuple(FEW),
    cases=SHAPES_ONLY,
)
def conv2d_to_few_channels(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """Few kernels for many channels, with a bias and without"""
    _, pad, dilation = FEW[tuple(x.shape)]
    return fw.conv2d(x, W, b, 1, pad, dilation), fw.conv2d(x, W, None, 1, pad, dilation)


# images -> kernels, padding, dilation: more positions than kernels, and about as many kernels as channels
MANY: dict[Shape, tuple[Shape, Padding, Pair]] = {
    (2, 2, 5, 4): ((2, 2, 3, 2), ((1, 3), (0, 2)), (2, 2)),
    (2, 3, 4, 8): ((2, 3, 2, 3), "valid", (1, 2)),
    (3, 2, 3, 2): ((2, 2, 2, 2), "full", (1, 1)),
}


@computation(
    **BEYOND,
    inputs=[
        shaped(images),
        shaped(lambda shape: MANY[images(shape)][0]),
        shaped(lambda shape: MANY[images(shape)][0][:1]),
    ],
    shapes=tuple(MANY),
    cases=SHAPES_ONLY,
)
def conv2d_of_many_positions(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """Few kernels for few channels of larger images, with a bias and without"""
    _, pad, dilation = MANY[tuple(x.shape)]
    return fw.conv2d(x, W, b, 1, pad, dilation), fw.conv2d(x, W, None, 1, pad, dilation)


# PyTorch has no third derivative of some of these.
@computation(**BEYOND, inputs=GROUPED_INPUTS[:2], shapes=tuple(GROUPED), cases=FLOATS)
def deconv2d_with_groups(fw: Any, x: Any, W: Any) -> Any:
    """From the size that conv2d_with_groups returns, and back to it"""
    _, stride, pad, dilation, groups = GROUPED[tuple(x.shape)]
    y = fw.conv2d(x, W, None, stride, pad, dilation, groups)
    return fw.deconv2d(y * y, W, None, stride, pad, tuple(x.shape[2:]), dilation, groups)


@computation(**BEYOND, inputs=GROUPED_INPUTS[:2], shapes=tuple(GROUPED), cases=SHAPES_ONLY - DEEP)
def deconv2d_to_the_default_size(fw: Any, x: Any, W: Any) -> Any:
    """The smallest size; with "same", stride times the size"""
    _, stride, pad, dilation, groups = GROUPED[tuple(x.shape)]
    y = fw.conv2d(x, W, None, stride, pad, dilation, groups)
    c = fw.constant(np.linspace(-1, 1, x.shape[1], dtype=fw.array(x).dtype))
    same = fw.deconv2d(y, W, None, stride=stride, pad="same", groups=groups)
    return fw.deconv2d(y, W, c, stride, pad, None, dilation, groups), same


# sequences -> kernels (OC, C / groups, K), stride, padding, dilation, groups
ROWS: dict[Shape, tuple[Shape, int, Padding, int, int]] = {
    (2, 3, 5): ((6, 1, 3), 2, "same", 1, 3),
    (1, 2, 7): ((3, 2, 2), 1, (2, 1), 3, 1),
    (2, 4, 6): ((2, 2, 3), 1, "full", 1, 2),
    (3, 1, 4): ((2, 1, 2), 3, 1, 2, 1),
}
ROWS_INPUTS = [shaped(rows), shaped(lambda s: ROWS[rows(s)][0]), shaped(lambda s: ROWS[rows(s)][0][:1])]


@computation(**BEYOND, inputs=ROWS_INPUTS, shapes=tuple(ROWS), order=3, cases=FLOATS)
def conv1d(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """A convolution along one direction"""
    return fw.conv1d(x, W, b, *ROWS[tuple(x.shape)][1:])


@computation(**BEYOND, inputs=ROWS_INPUTS[:2], shapes=tuple(ROWS), cases=FLOATS)
def deconv1d(fw: Any, x: Any, W: Any) -> Any:
    """The transposed convolution along one direction, to two sizes"""
    _, stride, pad, dilation, groups = ROWS[tuple(x.shape)]
    y = fw.conv1d(x, W, None, stride, pad, dilation, groups)
    c = fw.constant(np.linspace(-1, 1, x.shape[1], dtype=fw.array(x).dtype))
    back = fw.deconv1d(y, W, c, stride, pad, x.shape[2], dilation, groups)
    return back, fw.deconv1d(y * y, W, None, stride, pad, dilation=dilation, groups=groups)


@computation(**BEYOND, inputs=[shaped(rows), shaped(lambda s: (2, rows(s)[1], 3))], shapes=((2, 3, 5),), cases=FLOATS)
def conv1d_and_back(fw: Any, x: Any, W: Any) -> Any:
    """A convolution along one direction and the transposed one, with a stride of 1 and without padding"""
    y = fw.conv1d(x, W)
    return y, fw.deconv1d(fw.tanh(y), W)


DEPTHWISE: dict[Shape, tuple[Shape, Pair, Padding, Pair]] = {
    (2, 3, 5, 4): ((6, 1, 3, 2), (1, 1), (1, 0), (1, 1)),
    (1, 2, 6, 5): ((2, 1, 3, 3), (2, 2), "same", (1, 1)),
    (2, 1, 4, 6): ((3, 1, 2, 2), (1, 3), "valid", (2, 1)),
}


@computation(
    **BEYOND,
    inputs=[
        shaped(images),
        shaped(lambda shape: DEPTHWISE[images(shape)][0]),
        shaped(lambda shape: DEPTHWISE[images(shape)][0][:1]),
        shaped(lambda shape: (2, DEPTHWISE[images(shape)][0][0], 1, 1)),
    ],
    shapes=tuple(DEPTHWISE),
    cases=FLOATS,
)
def depthwise_and_separable_conv2d(fw: Any, x: Any, W: Any, b: Any, Wp: Any) -> Any:
    """Every channel with its own kernels; then a mixture of the channels at each pixel"""
    sizes = DEPTHWISE[tuple(x.shape)][1:]
    return (
        fw.depthwise_conv2d(x, W, b, *sizes),
        fw.depthwise_conv2d(x, W),
        fw.separable_conv2d(x, W, Wp, b[:2], *sizes),
        fw.separable_conv2d(x, W, Wp),
    )


@computation(**BEYOND, order=0, dtypes=("float64",))
def receptive_fields(fw: Any) -> Any:
    """What an element of several layers sees: two 3 x 3 and a 2 x 2 pooling see 6"""
    return np.array(
        [
            fw.receptive_field((3, 3, 2), (1, 1, 2)),
            fw.receptive_field((), ()),
            fw.receptive_field([7, 3, 3], [2, 2, 1]),
            fw.receptive_field((3, 3, 3), (1, 1, 1), (1, 2, 4)),
        ]
    )


# --- layers ---


@computation(**BEYOND, inputs=[normal()], shapes=((2, 4, 6, 5), (1, 4, 4, 4)), cases=SHAPES_ONLY)
def convolution_layers_with_groups(fw: Any, x: Any) -> Any:
    """Layers with dilation, groups and padding "same"; the transposed convolution with groups"""
    conv = fw.Conv2d(6, (3, 2), pad="same", dilation=(1, 2), groups=2, in_channels=4)
    back = fw.Deconv2d(6, (3, 2), 2, (1, 0), nobias=True, dilation=(1, 2), groups=2)
    fw.set_weights(conv, fixed(fw.array(x), (6, 2, 3, 2), (6,)))
    fw.set_weights(back, fixed(fw.array(x), (4, 3, 3, 2)))
    return conv(x), back(x)


@computation(**BEYOND, inputs=[normal()], shapes=((2, 4, 7), (1, 4, 5)), cases=SHAPES_ONLY)
def conv1d_layer(fw: Any, x: Any) -> Any:
    """Weights copied into a layer before its first call, and into one with in_channels given"""
    late = fw.Conv1d(2, 3, 2, dtype=fw.array(x).dtype)
    early = fw.Conv1d(6, 2, pad="same", nobias=True, dilation=2, groups=2, in_channels=4)
    late(x)  # determines the shape of W
    fw.set_weights(late, fixed(fw.array(x), (2, 4, 3), (2,)))
    fw.set_weights(early, fixed(fw.array(x), (6, 2, 2)))
    return late(x), early(x)


@computation(**BEYOND, inputs=[normal()], shapes=((2, 3, 6, 5),), order=0, cases=SHAPES_ONLY)
def separable_layers(fw: Any, x: Any) -> Any:
    """Every channel by itself, then a mixture of channels; their output and gradients"""
    deep, late = fw.DepthwiseConv2d(2, 3, 2, "same", in_channels=3), fw.DepthwiseConv2d(1, (3, 2), nobias=True)
    mixed, lone = fw.SeparableConv2d(4, 3, 2, 2, "same"), fw.SeparableConv2d(2, 2, nobias=True, dilation=2)
    fw.set_weights(deep, fixed(fw.array(x), (6, 1, 3, 3), (6,)))
    fw.set_weights(late, fixed(fw.array(x), (3, 1, 3, 2)))
    fw.set_weights(mixed, fixed(fw.array(x), (6, 1, 3, 3), (4, 6, 1, 1), (4,)))
    fw.set_weights(lone, fixed(fw.array(x), (3, 1, 2, 2), (2, 3, 1, 1)))
    return [g for layer in (deep, late, mixed, lone) for g in with_gradients(fw, layer, layer(x))]
