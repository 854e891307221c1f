"""Sizes of a convolution or pooling: kernel, stride, padding, dilation, groups. [steps 55 and 57]

A size is one number for both directions, or a pair (height, width).
"""

import numpy as np

from .windows import Geometry


def pair(x, name="pair"):
    """A size for both directions: 1 -> (1, 1), (1, 2) -> (1, 2). [step 57]

    name: of the function or layer, for the error. Raises ValueError for anything else.
    """
    if isinstance(x, (int, np.integer)):
        return (int(x), int(x))
    if isinstance(x, tuple) and len(x) == 2 and all(isinstance(n, (int, np.integer)) for n in x):
        return x
    raise ValueError(f"{name}: expected an integer or a tuple of two, got {x!r}")


def get_conv_outsize(input_size, kernel_size, stride, pad):
    """The number of positions of a kernel along one direction: (input + 2 pad - kernel) // stride + 1. [step 55]"""
    return (input_size + pad * 2 - kernel_size) // stride + 1


def get_deconv_outsize(size, k, s, p):
    """The smallest input that a convolution maps to this size: s (size - 1) + k - 2 p. [step 57, not in the book]"""
    return s * (size - 1) + k - 2 * p


def pairs(name, kernel_size, stride, pad, dilation=1):
    """Kernel size, stride, padding and dilation as pairs. Raises ValueError if one is too small.

    pad: also "same", "valid" or "full", which stay as they are, or (before, after) for a direction.
    """
    kernel, stride, dilation = (pair(size, name) for size in (kernel_size, stride, dilation))
    pad = check_padding(name, pad) if isinstance(pad, str) else sides(name, pad)
    least = 0 if isinstance(pad, str) else min(np.min(p) for p in pad)
    if min(kernel) < 1 or min(stride) < 1 or least < 0:
        sizes = f"kernel_size {kernel}, stride {stride}, pad {pad}"
        raise ValueError(f"{name}: expected a kernel_size and a stride of at least 1, a pad of at least 0, got {sizes}")
    if min(dilation) < 1:
        raise ValueError(f"{name}: expected a dilation of at least 1, got {dilation}")
    return kernel, stride, pad, dilation


def sides(name, pad):
    """Padding of both directions: a pair of numbers, or of pairs (before, after)."""
    if isinstance(pad, tuple) and len(pad) == 2 and any(isinstance(p, tuple) for p in pad):
        return tuple(pair(p, name) for p in pad)
    return pair(pad, name)


def check_padding(name, pad):
    """The name of a padding. Raises ValueError if it is unknown."""
    if pad not in ("same", "valid", "full"):
        raise ValueError(f"{name}: expected pad 'same', 'valid', 'full' or numbers, got {pad!r}")
    return pad


def padding(size, kernel, stride, pad, dilation=(1, 1)):
    """The padding of images (H, W) as numbers, if it is "same", "valid" or "full"; otherwise pad itself."""
    if pad == "same":
        return tuple(map(same_padding, size, kernel, stride, dilation))
    if pad == "full":
        return tuple((k - 1) * d for k, d in zip(kernel, dilation, strict=True))
    return (0, 0) if pad == "valid" else pad


def same_padding(n, kernel_size, stride=1, dilation=1):
    """(before, after): the padding for ceil(n / stride) positions along a direction. [not in the book]

    It is as little as possible, and an odd number has its larger half after the image, as in TensorFlow; so for a
    stride of 1 it is PyTorch's padding="same". Raises ValueError unless the sizes are positive integers; n may be 0.
    """
    check_positive("same_padding", n or 1, kernel_size, stride, dilation)
    total = max((-(-n // stride) - 1) * stride + (kernel_size - 1) * dilation + 1 - n, 0)
    return total // 2, total - total // 2


def geometry(name, size, kernel_size, stride, pad, dilation=1, groups=1):
    """The Geometry of the patches of images (H, W)."""
    kernel, stride, pad, dilation = pairs(name, kernel_size, stride, pad, dilation)
    return Geometry(name, size, kernel, stride, padding(size, kernel, stride, pad, dilation), dilation, groups=groups)


def transposed_geometry(name, size, kernel_size, stride, pad, dilation, groups, outsize):
    """The Geometry of the images (outsize, or those of default size) that a convolution maps to this size."""
    kernel, stride, pad, dilation = pairs(name, kernel_size, stride, pad, dilation)
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    rest = [s - 1 for s in stride]
    if pad == "same":  # any size with ceil(n / stride) positions; the default is the largest
        smallest = tuple(n * s - r for n, s, r in zip(size, stride, rest, strict=True))
    else:
        edges = [np.sum(p) if isinstance(p, tuple) else 2 * p for p in padding(size, kernel, stride, pad, dilation)]
        smallest = tuple(
            int(get_deconv_outsize(*place, 0) - n) for *place, n in zip(size, span, stride, edges, strict=True)
        )
    largest = tuple(n + r for n, r in zip(smallest, rest, strict=True))
    if outsize is None:
        outsize = largest if pad == "same" else smallest
    outsize = pair(outsize, name)
    if not all(low <= n <= high for low, n, high in zip(smallest, outsize, largest, strict=True)):
        raise ValueError(f"{name}: expected an outsize from {smallest} to {largest}, got {outsize}")
    pad = padding(outsize, kernel, stride, pad, dilation)
    return Geometry(name, outsize, kernel, stride, pad, dilation, groups=groups)


def check_positive(name, *sizes):
    """Raise ValueError unless the sizes are positive integers."""
    if not all(isinstance(n, (int, np.integer)) and n >= 1 for n in sizes):
        raise ValueError(f"{name}: expected positive integers, got {', '.join(map(repr, sizes))}")


def check_groups(name, groups, *channels):
    """Raise ValueError unless groups is a positive integer that divides the numbers of channels."""
    if not isinstance(groups, (int, np.integer)) or groups < 1:
        raise ValueError(f"{name}: expected groups to be a positive integer, got {groups!r}")
    if any(C % groups for C in channels):
        raise ValueError(f"{name}: expected numbers of channels that groups = {groups} divides, got {channels}")


def row_sizes(name, *sizes):
    """Sizes of sequences, the last a padding, as sizes of images of height 1: 3 -> (1, 3), padding 1 -> (0, 1)."""
    *numbers, pad = sizes
    if not all(isinstance(n, (int, np.integer)) for n in numbers):
        raise ValueError(f"{name}: expected integers as sizes, got {', '.join(map(str, numbers))}")
    return *((1, n) for n in numbers), pad if isinstance(pad, str) else (0, pad)


def receptive_field(kernels, strides, dilations=None):
    """How many elements of the input, along a direction, an element of the output of several layers depends on.

    kernels, strides, dilations: a number for each layer, convolution or pooling. Raises ValueError unless they are
    positive integers, equally many. [not in the book]
    """
    dilations = [1] * len(kernels) if dilations is None else dilations
    if not len(kernels) == len(strides) == len(dilations):
        found = f"{len(kernels)}, {len(strides)} and {len(dilations)}"
        raise ValueError(f"receptive_field: expected as many strides and dilations as kernels, got {found}")
    check_positive("receptive_field", *kernels, *strides, *dilations)
    seen, step = 1, 1
    for k, s, d in zip(kernels, strides, dilations, strict=True):
        seen += (k - 1) * d * step
        step *= s
    return seen
