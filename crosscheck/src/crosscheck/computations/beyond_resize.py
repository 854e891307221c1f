"""Beyond the book: images in another size, and regions of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DIFFERENCES, SHAPES_ONLY, normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .steps37_41 import apart, ones

PICTURES = ((2, 2, 3, 4), (1, 1, 1, 1), (1, 2, 5, 2), (0, 1, 2, 3))
ROIS = [[1, 0, 0, 6, 4], [0, -3, 2.5, 99, 3], [1, 3, 2, 1, 5], [0, -30, -30, -20, -20]]


@computation(**BEYOND, inputs=[normal()], shapes=PICTURES, cases=SHAPES_ONLY)
def resize_bilinear(fw: Any, x: Any) -> Any:
    """Larger and smaller images, with aligned pixels and with aligned corners"""
    sizes = ((5, 3), 2, (1, 7))
    return [fw.resize_bilinear(x, size) for size in sizes] + [
        fw.resize_bilinear(x, s, align_corners=True) for s in sizes
    ]


@computation(**BEYOND, inputs=[normal()], shapes=PICTURES, cases=SHAPES_ONLY)
def resize_nearest(fw: Any, x: Any) -> Any:
    """Pixels repeated and left out"""
    return fw.resize_nearest(x, (6, 2)), fw.resize_nearest(x * x, 1)


@computation(**BEYOND, inputs=[apart()], shapes=((2, 2, 3, 4), (2, 1, 2, 1)), cases=SHAPES_ONLY)
def roi_pooling(fw: Any, x: Any) -> Any:
    """Boxes inside, partly outside and outside of the images, of no size, and with corners exchanged"""
    rois = fw.constant(np.array(ROIS))
    found = fw.roi_pooling(x, rois, (2, 3), 0.5) * x[0, 0, 0, 0], fw.roi_pooling(x, rois, 1)
    return [*found, fw.roi_pooling(x, fw.constant(np.array(ROIS)[:1]), 2, spatial_scale=0.3)]


@computation(**BEYOND, inputs=[normal()], shapes=((2, 2, 3, 4), (2, 1, 1, 2)), cases=SHAPES_ONLY - DIFFERENCES)
def roi_align(fw: Any, x: Any) -> Any:
    """The same boxes without rounding, with one and several sampling points"""
    rois = fw.constant(np.array(ROIS))
    found = [fw.roi_align(x, rois, (2, 3), 0.5), fw.roi_align(x, rois, 1)]
    return [*found, fw.roi_align(x, rois, 2, 0.4, 3, False)]


# fmt: off
errors(
    60,
    ("resize_an_image_without_a_batch", lambda fw: fw.resize_bilinear(ones(fw, 1, 2, 3), 2),
     ValueError, "resize_bilinear: expected x (N, C, H, W) and a size of at least 1, got x (1, 2, 3) and (2, 2)"),
    ("regions_without_samples", lambda fw: fw.roi_pooling(ones(fw, 1, 1, 2, 2), fw.constant(np.ones((2, 4))), 2),
     ValueError, "roi_pooling: expected rois (R, 5), a sample and two corners in each row, got (2, 4)"),
    ("region_of_a_sample_that_is_not_there",
     lambda fw: fw.roi_align(ones(fw, 1, 1, 2, 2), fw.constant(np.ones((1, 5))), 2),
     ValueError, "roi_align: expected rois of finite numbers with a sample from 0 to 0, got [[1.0, ..."),
    ("region_without_sampling_points",
     lambda fw: fw.roi_align(ones(fw, 2, 1, 2, 2), fw.constant(np.ones((1, 5))), 2, sampling=0),
     ValueError, "roi_align: expected a positive number of sampling points, got 0"),
)
# fmt: on
