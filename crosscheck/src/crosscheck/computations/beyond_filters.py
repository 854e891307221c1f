"""Beyond the book: filters of signals and images without channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import FLOATS, SHAPES_ONLY, normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .steps37_41 import Shape, ones, shaped

KERNELS: dict[Shape, Shape] = {  # signals -> kernels
    (5,): (3,),
    (4,): (4,),
    (2,): (7,),
    (1,): (1,),
    (2, 3): (2,),
    (2, 1, 4): (3, 2),  # batches that broadcast
    (0, 3): (2,),
}
KERNELS_2D: dict[Shape, Shape] = {(2, 3): (2, 2), (5, 4): (3, 2), (2, 2): (3, 4), (1, 1): (1, 1), (2, 3, 4): (2, 3)}


def half(shape: Shape) -> Shape:
    """A kernel with as many axes."""
    return tuple(n // 2 + 1 for n in shape)


@computation(**BEYOND, inputs=[normal(), shaped(lambda s: KERNELS[s])], shapes=tuple(KERNELS), cases=FLOATS)
def convolve1d(fw: Any, x: Any, w: Any) -> Any:
    """Convolution of signals at the positions of every mode"""
    return [fw.convolve1d(x, w), fw.convolve1d(x, w, "same"), fw.convolve1d(x, w, "valid")]


@computation(**BEYOND, inputs=[normal(), shaped(lambda s: KERNELS[s])], shapes=tuple(KERNELS), cases=SHAPES_ONLY)
def correlate1d(fw: Any, x: Any, w: Any) -> Any:
    """Correlation of signals at the positions of every mode"""
    return [fw.correlate1d(x, w), fw.correlate1d(x, w, "same"), fw.correlate1d(x, w, "valid")]


IMAGES: dict[str, Any] = {
    "inputs": [normal(), shaped(lambda s: KERNELS_2D[s])],
    "shapes": tuple(KERNELS_2D),
    "cases": SHAPES_ONLY,
}


@computation(**BEYOND, **IMAGES)
def convolve2d(fw: Any, x: Any, w: Any) -> Any:
    """Convolution of images at the positions of every mode"""
    return [fw.convolve2d(x, w), fw.convolve2d(x, w, "same"), fw.convolve2d(x, w, "valid")]


@computation(**BEYOND, **IMAGES)
def correlate2d(fw: Any, x: Any, w: Any) -> Any:
    """Correlation of images at the positions of every mode"""
    return [fw.correlate2d(x, w), fw.correlate2d(x, w, "same"), fw.correlate2d(x, w, "valid")]


@computation(**BEYOND, inputs=[normal(), shaped(half)], shapes=((4,), (2, 3), (3, 1, 2), (1, 1)), cases=FLOATS)
def fft_convolve(fw: Any, x: Any, w: Any) -> Any:
    """Convolution by FFT along all axes, and along the first"""
    return [
        fw.fft_convolve(x, w),
        fw.fft_convolve(x, w, "same"),
        fw.fft_convolve(x, w, "valid"),
        fw.fft_convolve(x, w[(slice(None), *[slice(1)] * (len(w.shape) - 1))], axes=0),
    ]


@computation(
    **BEYOND,
    inputs=[normal(), shaped(lambda s: (3, s[1], 3, 2)), shaped(lambda s: (3,))],
    shapes=((2, 2, 4, 3), (0, 1, 3, 3)),
    cases=SHAPES_ONLY,
)
def fft_conv2d(fw: Any, x: Any, W: Any, b: Any) -> Any:
    """conv2d by FFT, with every kind of padding; with constant images and kernels"""
    a, c = (fw.constant(np.cos(np.arange(v.size, dtype=v.dtype)).reshape(v.shape)) for v in map(fw.array, (x, W)))
    return [
        fw.fft_conv2d(x, W, b),
        fw.fft_conv2d(x, W, pad="same"),
        fw.fft_conv2d(x, c, None, "full"),
        fw.fft_conv2d(a, W, b, (1, 2)),
    ]


@computation(**BEYOND, inputs=[normal()], shapes=((2, 140),), order=1, cases=SHAPES_ONLY)
def filters_of_constants(fw: Any, x: Any) -> Any:
    """A signal, an image and kernels without gradient; more than 128 elements of a kernel"""
    w = fw.constant(np.linspace(-1.0, 1.0, 130).astype(fw.array(x).dtype))
    a = fw.constant(fw.array(w)[:6].reshape(2, 3))
    return [fw.convolve1d(x, w, "same"), fw.convolve1d(w, x[0], mode="full"), fw.correlate2d(a, x[:, :5], "full")]


@computation(**BEYOND, inputs=[normal(), normal()], shapes=((3,), (1,)), order=0, cases=SHAPES_ONLY)
def separate_kernel(fw: Any, column: Any, row: Any) -> Any:
    """A column and a row from their outer product, which the filter of both restores"""
    K = fw.constant(fw.array(column).reshape(-1, 1) * fw.array(row))
    if fw.name == "torch":
        return list(fw.separate_kernel(K))
    found = [*fw.separate_kernel(K), *fw.separate_kernel(K + 1e-9, tol=1e-3)]
    return [fw.constant(a) for a in found[:2]]


# fmt: off
errors(
    60,
    ("filter_in_an_unknown_mode", lambda fw: fw.convolve1d(ones(fw, 3), ones(fw, 2), "half"),
     ValueError, "convolve1d: expected mode 'full', 'same' or 'valid', got 'half'", "the adapter has three modes"),
    ("filter_of_nothing", lambda fw: fw.correlate1d(ones(fw, 0), ones(fw, 2)),
     ValueError, "correlate1d: expected elements along the last axis, got x (0,) and w (2,)",
     "the adapter sums nothing"),
    ("filter_of_a_row_as_an_image", lambda fw: fw.convolve2d(ones(fw, 3), ones(fw, 2, 2)),
     ValueError, "convolve2d: expected elements along the last 2 axes, got x (3,) and w (2, 2)"),
    ("filter_that_overlaps_completely_in_one_direction",
     lambda fw: fw.correlate2d(ones(fw, 3, 2), ones(fw, 2, 3), "valid"),
     ValueError, "correlate2d: expected x or w to be the larger one along each axis for mode 'valid', "
                 "got x (3, 2) and w (2, 3)", "the adapter has no check"),
    ("filter_of_batches_that_differ", lambda fw: fw.convolve1d(ones(fw, 2, 3), ones(fw, 3, 2)),
     ValueError, "convolve1d: expected axes of a batch that broadcast, got x (2, 3) and w (3, 2)"),
    ("fft_convolve_of_a_matrix_and_a_row", lambda fw: fw.fft_convolve(ones(fw, 2, 3), ones(fw, 3)),
     ValueError, "fft_convolve: expected x and w with equally many axes, got x (2, 3) and w (3,)"),
    ("separate_a_vector", lambda fw: fw.separate_kernel(ones(fw, 3)),
     ValueError, "separate_kernel: expected K (KH, KW) with elements, got (3,)"),
    ("separate_an_identity", lambda fw: fw.separate_kernel(fw.constant(np.eye(2))),
     ValueError, "separate_kernel: expected an outer product of a column and a row, got K (2, 2) of a higher rank",
     "the adapter has no check"),
)
# fmt: on
