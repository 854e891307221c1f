"""Beyond the book: augmentation of images."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..frameworks.base import Array
from .errors import errors
from .values import values

PIXELS = "NumPy's slices and rotations, or the formula pixel by pixel; PyTorch has no transforms without torchvision"
X = np.random.RandomState(5).rand(3, 4, 6)
BYTES = (X * 255).astype(np.uint8)
GRAY = np.array([0.299, 0.587, 0.114])[:, None, None]


def drawn(transform: Any, x: Any, count: int = 4, seed: int = 3) -> list[Any]:
    """Calls of a transform after seeding the generator."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        return [transform(x) for _ in range(count)]
    finally:
        np.random.set_state(before)


def expected(f: Callable[[Any], Any], count: int = 4, seed: int = 3) -> list[Any]:
    """f(generator), as often, with the same random numbers."""
    rng = np.random.RandomState(seed)
    return [f(rng) for _ in range(count)]


def cropped(rng: Any, x: Array, w: int, h: int, pad: int) -> Array:
    """A random part."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    top, left = rng.randint(x.shape[1] - h + 1), rng.randint(x.shape[2] - w + 1)
    return x[:, top : top + h, left : left + w]


def size(rng: Any, H: int, W: int, scale: Any, ratio: Any) -> tuple[int, int]:
    """The size of a random part."""
    area = H * W * rng.uniform(*scale)
    r = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
    return round(math.sqrt(area / r)), round(math.sqrt(area * r))


def resized(rng: Any, x: Array, w: int, h: int, scale: Any = (0.08, 1), ratio: Any = (3 / 4, 4 / 3)) -> Array:
    """A random part, resized pixel by pixel."""
    H, W = x.shape[1:]
    for _ in range(10):
        ph, pw = size(rng, H, W, scale, ratio)
        if 0 < ph <= H and 0 < pw <= W:
            top, left = rng.randint(H - ph + 1), rng.randint(W - pw + 1)
            break
    else:
        pw, ph = min(W, round(H * ratio[1])), min(H, round(W / ratio[0]))
        top, left = (H - ph) // 2, (W - pw) // 2
    return bilinear(x, w, h, lambda u, v: (left + u * pw / w, top + v * ph / h))


def bilinear(x: Array, w: int, h: int, source: Callable[[float, float], tuple[float, float]], fill: float = 0) -> Array:
    """An image whose point (u, v) is the point source(u, v) of x."""
    H, W = x.shape[1:]
    y = np.empty((len(x), h, w))
    for i in range(h):
        for j in range(w):
            u, v = source(j + 0.5, i + 0.5)
            left, top = math.floor(u - 0.5), math.floor(v - 0.5)
            y[:, i, j] = fill
            if 0 <= u <= W and 0 <= v <= H:
                y[:, i, j] = sum(
                    (1 - abs(u - 0.5 - m)) * (1 - abs(v - 0.5 - n)) * x[:, min(max(n, 0), H - 1), min(max(m, 0), W - 1)]
                    for m in (left, left + 1)
                    for n in (top, top + 1)
                )
    return y


def turned(
    rng: Any, x: Array, degrees: float = 0, shift: float = 0, scale: Any = (1, 1), shear: float = 0, fill: float = 0
) -> Array:
    """Rotated counterclockwise, scaled, sheared and shifted around the center."""
    H, W = x.shape[1:]
    angle, lean = (math.radians(rng.uniform(-limit, limit)) for limit in (degrees, shear))
    factor = rng.uniform(*scale)
    right, down = rng.uniform(-shift, shift) * W, rng.uniform(-shift, shift) * H

    def source(u: float, v: float) -> tuple[float, float]:
        a, b = (u - W / 2 - right) / factor, (v - H / 2 - down) / factor
        a, b = a * math.cos(angle) - b * math.sin(angle), a * math.sin(angle) + b * math.cos(angle)
        return a - math.tan(lean) * b + W / 2, b + H / 2

    return bilinear(x, W, H, source, fill)


def blended(rng: Any, x: Array, other: Any, a: float) -> Array:
    """Between or beyond two images."""
    return np.asarray(np.clip(other + rng.uniform(max(0, 1 - a), 1 + a) * (x - other), 0, 1))


def hue(rng: Any, x: Array, a: float) -> Array:
    """The hue of each pixel, shifted."""
    shift, y = rng.uniform(-a, a), np.empty_like(x)
    for i, j in np.ndindex(x.shape[1:]):
        h, s, v = colorsys.rgb_to_hsv(*x[:, i, j])
        y[:, i, j] = colorsys.hsv_to_rgb((h + shift) % 1, s, v)
    return y


def gray(x: Array) -> Array:
    """Gray values (1, H, W)."""
    return np.asarray((GRAY * x).sum(0, keepdims=True))


def jittered(rng: Any, x: Array) -> Array:
    """All colors, in random order."""
    changes = [
        lambda y: blended(rng, y, 0, 0.4),
        lambda y: blended(rng, y, gray(y).mean(), 0.3),
        lambda y: blended(rng, y, gray(y), 0.2),
        lambda y: hue(rng, y, 0.1),
    ]
    for i in rng.permutation(4):
        x = changes[i](x)
    return x


def erased(
    rng: Any, x: Array, p: float = 0.5, scale: Any = (0.02, 0.33), ratio: Any = (0.3, 3.3), fill: Any = 0
) -> Array:
    """With a random rectangle of one value."""
    x = x.copy()
    for _ in range(10 if rng.rand() < p else 0):
        h, w = size(rng, x.shape[1], x.shape[2], scale, ratio)
        if h < x.shape[1] and w < x.shape[2]:
            top, left = rng.randint(x.shape[1] - h + 1), rng.randint(x.shape[2] - w + 1)
            x[:, top : top + h, left : left + w] = fill
            break
    return x


MASK = np.arange(24).reshape(4, 6)
BOXES = np.array([[7, 0, 0, 2, 1], [8, 1, 1, 5, 3]])


def joint(fw: Any, *transforms: Any, fill: int | None = None) -> Any:
    """An image and its labels after these transforms."""
    f = fw.vision.Joint(transforms) if fill is None else fw.vision.Joint(transforms, fill)
    return drawn(lambda x: f(image=x, mask=MASK, boxes=BOXES), X)


def flipped(rng: Any) -> Any:
    """Flipped left to right, then top to bottom, each with probability 1/2."""
    x, mask, boxes = X, MASK, BOXES
    if rng.rand() < 0.5:
        x, mask, boxes = x[:, :, ::-1], mask[:, ::-1], abs(boxes[:, [0, 3, 2, 1, 4]] - [0, 6, 0, 6, 0.0])
    if rng.rand() < 0.5:
        x, mask, boxes = x[:, ::-1], mask[::-1], abs(boxes[:, [0, 1, 4, 3, 2]] - [0, 0, 4, 0, 4.0])
    return {"image": x, "mask": mask, "boxes": boxes}


def part(rng: Any, w: int, h: int, pad: int, fill: int) -> Any:
    """A part of an image and its labels."""
    top, left = rng.randint(4 + 2 * pad - h + 1) - pad, rng.randint(6 + 2 * pad - w + 1) - pad
    mask = np.pad(MASK, pad, constant_values=fill)[top + pad : top + pad + h, left + pad : left + pad + w]
    image = np.pad(X, ((0, 0), (pad, pad), (pad, pad)))[:, top + pad : top + pad + h, left + pad : left + pad + w]
    boxes = []
    for c, x0, y0, x1, y1 in BOXES:
        x, y = np.clip([x0 - left, x1 - left], 0, w), np.clip([y0 - top, y1 - top], 0, h)
        if (x[1] - x[0]) * (y[1] - y[0]) >= (x1 - x0) * (y1 - y0) / 2:
            boxes.append([c, x[0], y[0], x[1], y[1]])
    return {"image": image, "mask": mask, "boxes": np.array(boxes, float).reshape(-1, 5)}


# fmt: off
values(
    60, PIXELS,
    ("vertical_flips",
     lambda fw: [drawn(fw.vision.RandomVerticalFlip(*p), x, 9) for p in ((), (0.2,)) for x in (X, BYTES)],
     lambda: [expected(lambda rng: x[:, ::-1] if rng.rand() < p else x, 9)  # noqa: B023
              for p in (0.5, 0.2) for x in (X, BYTES)]),
    ("margins", lambda fw: [fw.vision.Pad(2)(X), fw.vision.Pad((1, 0, 3, 2), 7)(BYTES)],
     lambda: [np.pad(X, ((0, 0), (2, 2), (2, 2))), np.pad(BYTES, ((0, 0), (0, 2), (1, 3)), constant_values=7)]),
    ("random_crops", lambda fw: [drawn(fw.vision.RandomCrop((3, 2)), X), drawn(fw.vision.RandomCrop(5, 1), BYTES)],
     lambda: [expected(lambda rng: cropped(rng, X, 3, 2, 0)), expected(lambda rng: cropped(rng, BYTES, 5, 5, 1))]),
    ("random_crops_resized",
     lambda fw: [drawn(fw.vision.RandomResizedCrop((3, 5)), X, 9),
                 drawn(fw.vision.RandomResizedCrop(4, (0.9, 1), (2, 3)), X, 9),
                 drawn(fw.vision.RandomResizedCrop(4, (0.9, 1), (1 / 3, 1 / 2)), X, 9)],
     lambda: [expected(lambda rng: resized(rng, X, 3, 5), 9),
              expected(lambda rng: resized(rng, X, 4, 4, (0.9, 1), (2, 3)), 9),
              expected(lambda rng: resized(rng, X, 4, 4, (0.9, 1), (1 / 3, 1 / 2)), 9)]),
    ("rotations", lambda fw: [drawn(fw.vision.RandomAffine((d, d)), X[:, :, :4], 1) for d in (0, 90, 180, 270)],
     lambda: [np.rot90(X[:, :, :4], k, (1, 2)) for k in range(4)]),
    ("affine_transforms",
     lambda fw: [drawn(fw.vision.RandomAffine(), X), drawn(fw.vision.RandomAffine(30, 0.2, (0.8, 1.2), 20, 0.5), X),
                 drawn(fw.vision.RandomAffine(shift=0.3), X)],
     lambda: [expected(lambda rng: turned(rng, X)), expected(lambda rng: turned(rng, X, 30, 0.2, (0.8, 1.2), 20, 0.5)),
              expected(lambda rng: turned(rng, X, shift=0.3))]),
    ("brightness_and_contrast",
     lambda fw: [drawn(f, X) for f in (fw.vision.RandomBrightness(0.8), fw.vision.RandomContrast(2))],
     lambda: [expected(lambda rng: blended(rng, X, 0, 0.8)), expected(lambda rng: blended(rng, X, gray(X).mean(), 2))]),
    ("saturation_and_hue",
     lambda fw: [drawn(f, X) for f in (fw.vision.RandomSaturation(0.8), fw.vision.RandomHue(0.5))],
     lambda: [expected(lambda rng: blended(rng, X, gray(X), 0.8)), expected(lambda rng: hue(rng, X, 0.5))]),
    ("colors_of_bytes", lambda fw: drawn(fw.vision.RandomBrightness(0.8), BYTES),
     lambda: expected(lambda rng: np.rint(255 * blended(rng, BYTES / 255, 0, 0.8)).astype(np.uint8))),
    ("colors_of_gray_images",
     lambda fw: [drawn(f, X[:1]) for f in (fw.vision.RandomContrast(0.5), fw.vision.RandomHue(0.5))],
     lambda: [expected(lambda rng: blended(rng, X[:1], X[:1].mean(), 0.5)), [X[:1]] * 4]),
    ("colors_jittered", lambda fw: [drawn(fw.vision.ColorJitter(0.4, 0.3, 0.2, 0.1), X), fw.vision.ColorJitter()(X)],
     lambda: [expected(lambda rng: jittered(rng, X)), X]),
    ("rectangles_erased",
     lambda fw: [drawn(fw.vision.RandomErasing(), X, 9),
                 drawn(fw.vision.RandomErasing(1, (0.2, 0.4), (1, 2), 9), BYTES, 9)],
     lambda: [expected(lambda rng: erased(rng, X), 9),
              expected(lambda rng: erased(rng, BYTES, 1, (0.2, 0.4), (1, 2), 9), 9)]),
    ("transforms_applied_at_random",
     lambda fw: [drawn(fw.vision.RandomApply([np.negative, np.exp]), X, 9),
                 drawn(fw.vision.RandomApply([np.exp], 1), X)],
     lambda: [expected(lambda rng: np.exp(-X) if rng.rand() < 0.5 else X, 9), [np.exp(X)] * 4]),
    ("flips_of_images_and_labels",
     lambda fw: joint(fw, fw.transforms.RandomHorizontalFlip(), fw.vision.RandomVerticalFlip()),
     lambda: expected(flipped)),
    ("crops_of_images_and_labels",
     lambda fw: [joint(fw, fw.vision.RandomCrop((4, 3))), joint(fw, fw.vision.RandomCrop((4, 3), 1), fill=255)],
     lambda: [expected(lambda rng: part(rng, 4, 3, 0, 0)), expected(lambda rng: part(rng, 4, 3, 1, 255))]),
    ("colors_of_images_with_labels",
     lambda fw: joint(fw, fw.vision.RandomApply([fw.vision.RandomBrightness(0.5)]), np.negative),
     lambda: expected(lambda rng: {"image": -(blended(rng, X, 0, 0.5) if rng.rand() < 0.5 else X), "mask": MASK,
                                   "boxes": BOXES})),
    since=5,
)
errors(
    60,
    ("crop_of_a_list", lambda fw: fw.vision.RandomCrop(2)([1]),
     TypeError, "RandomCrop: expected an array of floats or uint8, got list"),
    ("crop_of_a_matrix", lambda fw: fw.vision.RandomCrop(2)(X[0]),
     ValueError, "RandomCrop: expected (C, H, W), got (4, 6)"),
    ("crop_that_is_too_large", lambda fw: fw.vision.RandomCrop(7, 1)(X),
     ValueError, "RandomCrop: expected an image of at least (7, 7) with its margin, got (6, 4)"),
    ("vertical_flip_with_probability_two", lambda fw: fw.vision.RandomVerticalFlip(2),
     ValueError, "RandomVerticalFlip: expected a probability p from 0 to 1, got 2"),
    ("crop_with_a_single_scale", lambda fw: fw.vision.RandomResizedCrop(2, 0.5),
     ValueError, "RandomResizedCrop: expected scale as a pair (low, high), got 0.5"),
    ("geometry_without_draw", lambda fw: type("Mine", (fw.vision.RandomCrop.__mro__[1],), {})()(X),
     NotImplementedError, "Mine has no draw"),
    ("negative_margin", lambda fw: fw.vision.Pad((1, -1, 0, 0)),
     ValueError, "Pad: expected one or four margins of at least 0, got (1, -1, 0, 0)"),
    ("negative_brightness", lambda fw: fw.vision.RandomBrightness(-1),
     ValueError, "RandomBrightness: expected a of at least 0, got -1"),
    ("brightness_of_large_floats", lambda fw: fw.vision.RandomBrightness(0)(X * 0 + 2),
     ValueError, "RandomBrightness: expected floats from 0 to 1, got up to 2.0"),
    ("contrast_of_two_channels", lambda fw: fw.vision.RandomContrast(0)(X[:2]),
     ValueError, "RandomContrast: expected 1 or 3 channels, got 2"),
    ("hue_shifted_by_one", lambda fw: fw.vision.RandomHue(1), ValueError, "RandomHue: expected a from 0 to 0.5, got 1"),
    ("joint_transform_of_text", lambda fw: fw.vision.Joint([])(image=X, text="a"),
     TypeError, "Joint: expected image, mask and boxes, got ['text']"),
    ("joint_transform_of_a_mask_of_another_size", lambda fw: fw.vision.Joint(fw.vision.Pad(1))(image=X, mask=MASK.T),
     ValueError, "Joint: expected a mask of the image's size (4, 6), got (6, 4)"),
    ("joint_transform_of_a_single_box", lambda fw: fw.vision.Joint(fw.vision.Pad(1))(image=X, boxes=BOXES[0]),
     ValueError, "Joint: expected boxes (N, 4), got (5,)"),
    since=5,
)
# fmt: on
