"""Images in another size, and parts of images in one size: resize_bilinear, resize_nearest, roi_pooling, roi_align.

Shapes: x (N, C, H, W). A size is one number for both directions, or a pair (height, width).
"""

import numpy as np

from .. import cuda
from ..core import Function, as_input, as_number
from .broadcast import narrow, widen
from .compare import as_constant, less, where
from .elementwise import as_float
from .matrix import matmul
from .select import take
from .shape import reshape
from .sizes import pair
from .units import maximum


def resize_bilinear(x, size, align_corners=False):
    """Images in another size: each pixel a weighted mean of four.  x (N, C, H, W) -> (N, C, *size). [not in the book]

    Pixels are squares, so pixel i of OH is at (i + 1/2) H / OH - 1/2, moved into the image; with align_corners they are
    points, the first and the last of both sizes coincide, and it is at i (H - 1) / (OH - 1). Integers are computed in
    float64. Raises ValueError unless x has four axes, and pixels.
    """
    x, size = as_pictures("resize_bilinear", as_float(x, "resize_bilinear"), size)
    A, B = (x.xp.asarray(weights(n, m, align_corners), x.dtype) for n, m in zip(x.shape[2:], size, strict=True))
    return matmul(matmul(A, x), B.T)


def weights(n, m, align_corners):
    """The matrix (m, n) that interpolates n values at m positions."""
    i = np.arange(m)
    at = i * ((n - 1) / max(m - 1, 1)) if align_corners else np.clip((i + 0.5) * (n / m) - 0.5, 0, n - 1)
    return np.maximum(1 - abs(at[:, None] - np.arange(n)), 0)


def resize_nearest(x, size):
    """Images in another size, made of pixels of x.  x (N, C, H, W) -> (N, C, *size). [not in the book]

    Row i of OH is row floor(i H / OH), columns likewise. Raises ValueError unless x has four axes, and pixels.
    """
    x, size = as_pictures("resize_nearest", as_input(x, "resize_nearest"), size)
    for axis, (n, m) in enumerate(zip(x.shape[2:], size, strict=True), start=2):
        x = take(x, np.arange(m) * n // m, axis) if n != m else x
    return x


def as_pictures(name, x, size):
    """x and the size as a pair. Raises ValueError unless x has four axes and pixels, and the size is positive."""
    size = pair(size, name)
    if x.ndim != 4 or 0 in x.shape[2:] or min(size) < 1:
        raise ValueError(f"{name}: expected x (N, C, H, W) and a size of at least 1, got x {x.shape} and {size}")
    return x, size


class RoICells(Function):
    """y = the positions in the flattened x of the maxima of all cells, -1 for an empty one; without gradient."""

    not_differentiated = (0, 1)

    def __init__(self, size, scale):
        self.size = size
        self.scale = scale

    def forward(self, x, rois):
        N, C, H, W = x.shape
        which = self.xp.full((len(rois), C, *self.size), -1, np.int64)
        for y, (n, x1, y1, x2, y2) in zip(which, as_boxes("roi_pooling", rois, N), strict=True):
            x1, y1, x2, y2 = (int(np.floor(v * self.scale + 0.5)) for v in (x1, y1, x2, y2))
            rows, columns = (cells(*axis) for axis in ((y1, y2, self.size[0], H), (x1, x2, self.size[1], W)))
            at_channel = (n * C + self.xp.arange(C)) * (H * W)
            for j, (left, right) in enumerate(columns):
                if left < right:
                    column = x[n, :, :, left:right].argmax(2) + left  # the first of each row: (C, H)
                    largest = x[n, :, :, left:right].max(2)
                    for i, (top, bottom) in enumerate(rows):
                        if top < bottom:
                            row = largest[:, top:bottom].argmax(1) + top
                            y[:, i, j] = at_channel + row * W + column[self.xp.arange(C), row]
        return which

    def backward(self, gy):
        return None, None


def cells(first, last, count, n):
    """(begin, end) of the cells of a direction from its first to its last pixel, within 0 to n; they may overlap."""
    width = max(last - first + 1, 1)
    ends = ((first + i * width // count, first - (-(i + 1) * width // count)) for i in range(count))
    return [(min(max(begin, 0), n), min(max(end, 0), n)) for begin, end in ends]


def roi_pooling(x, rois, output_size, spatial_scale=1.0):
    """The maxima of the cells of boxes, regions of interest: all boxes in one size. [not in the book]

    x (N, C, H, W), rois (R, 5) -> (R, C, *output_size). A row of rois is a sample and the corners x1, y1, x2, y2 of a
    box in it; times spatial_scale, rounded to pixels of x, and both inside. Cells may overlap; an empty one is 0. In a
    tie the first element receives the gradient. Raises ValueError if shapes do not match or there is no such sample.
    """
    x, rois, size = as_regions("roi_pooling", as_input(x, "roi_pooling"), rois, output_size)
    which = as_constant(RoICells(size, as_number("roi_pooling", "spatial_scale", spatial_scale))(x, rois))
    return where(less(which, 0), 0, take(reshape(x, (-1,)), maximum(which, 0)))


class RoIAlign(Function):
    """y[r] = A[r] x[n] B[r]^T for box r of sample n;  gx[n] is the sum of A[r]^T gy[r] B[r] over its boxes."""

    not_differentiated = (1,)

    def __init__(self, *settings):
        self.settings = settings

    def forward(self, x, rois):
        self.x_shape = x.shape
        boxes = box_weights(self.xp, x, rois, *self.settings)
        y = self.xp.empty((len(boxes), x.shape[1], *self.settings[0]), x.dtype)
        for r, (n, A, B) in enumerate(boxes):
            y[r] = A @ widen(x[n]) @ B.T
        return y

    def backward(self, gy):
        return RoIAlignGrad(self.x_shape, *self.settings)(gy, self.inputs[1]), None


class RoIAlignGrad(Function):
    """Gradient of RoIAlign: gx[n] is the sum of A[r]^T gy[r] B[r] over the boxes of sample n;  ggy = roi_align(ggx)."""

    not_differentiated = (1,)

    def __init__(self, x_shape, *settings):
        self.x_shape = x_shape
        self.settings = settings

    def forward(self, gy, rois):
        dtype = np.result_type(gy.dtype, 0.0)
        gx = widen(self.xp.zeros(self.x_shape, dtype))
        for g, (n, A, B) in zip(gy, box_weights(self.xp, gx, rois, *self.settings), strict=True):
            gx[n] += A.T @ widen(g) @ B
        return narrow(gx, dtype)

    def backward(self, ggx):
        return RoIAlign(*self.settings)(ggx, self.inputs[1]), None


def box_weights(xp, x, rois, size, scale, sampling, aligned):
    """For each box its sample and the matrices A (OH, H), B (OW, W) that average its sampling points."""
    N, _, *image = x.shape
    found = []
    for n, *corners in as_boxes("roi_align", rois, N):
        x1, y1, x2, y2 = (v * scale - (0.5 if aligned else 0.0) for v in corners)
        directions = zip(((y1, y2), (x1, x2)), size, image, strict=True)
        found.append(
            (n, *(xp.asarray(samples(*ends, m, k, sampling, aligned), widen(x).dtype) for ends, m, k in directions))
        )
    return found


def samples(begin, end, m, n, sampling, aligned):
    """The matrix (m, n) of means over the sampling points of m cells; points more than 1 outside of n pixels are 0."""
    width = end - begin if aligned else max(end - begin, 1.0)
    at = begin + (np.arange(m * sampling) + 0.5) * (width / (m * sampling))
    near = np.clip(at, 0, n - 1)[:, None]
    points = np.maximum(1 - abs(near - np.arange(n)), 0) * ((at >= -1) & (at <= n))[:, None]
    return points.reshape(m, sampling, n).mean(1)


def roi_align(x, rois, output_size, spatial_scale=1.0, sampling=2, aligned=True):
    """Boxes in one size without rounding: means of interpolated sampling points, as in Mask R-CNN. [not in the book]

    x (N, C, H, W), rois (R, 5) as in `roi_pooling` -> (R, C, *output_size). A cell is the mean of sampling x sampling
    points; aligned: pixels are squares, so that corners are moved by half a pixel. Integers are computed in float64.
    Raises ValueError if shapes do not match or there is no such sample.
    """
    x, rois, size = as_regions("roi_align", as_float(x, "roi_align"), rois, output_size)
    if not (isinstance(sampling, (int, np.integer)) and sampling >= 1):
        raise ValueError(f"roi_align: expected a positive number of sampling points, got {sampling!r}")
    return RoIAlign(size, as_number("roi_align", "spatial_scale", spatial_scale), sampling, aligned)(x, rois)


def as_regions(name, x, rois, output_size):
    """x, boxes as a Variable, and the size as a pair. Raises ValueError if shapes do not match."""
    x, size = as_pictures(name, x, output_size)
    rois = as_input(rois, name)
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise ValueError(f"{name}: expected rois (R, 5), a sample and two corners in each row, got {rois.shape}")
    return x, rois, size


def as_boxes(name, rois, N):
    """The rows of rois on the host, each an integer and four numbers; on a GPU, the host waits for them."""
    rois = cuda.as_numpy(rois).astype(float)
    samples = rois[:, 0]
    if not (np.isfinite(rois).all() and ((samples >= 0) & (samples < N) & (samples % 1 == 0)).all()):
        raise ValueError(
            f"{name}: expected rois of finite numbers with a sample from 0 to {N - 1}, got {rois.tolist()}"
        )
    return [(int(n), *corners) for n, *corners in rois.tolist()]
