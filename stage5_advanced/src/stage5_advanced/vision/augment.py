"""Augmentation: random changes of images that leave alone what is to be learned.

Each transform is a small callable of an image (C, H, W), floats from 0 to 1 or uint8, that can be pickled; a PIL image
becomes one by transforms.ToArray(np.uint8). Random numbers come from np.random. Sizes are (width, height), or one
number. Coordinates are those of edges: the first pixel is from 0 to 1. Colors are RGB; gray images have one channel.
"""

import math

import numpy as np

from ..transforms import Compose, RandomHorizontalFlip, width_height
from .boxes import area

GRAY = (0.299, 0.587, 0.114)  # the parts of red, green and blue in a gray value


def check_image(transform, x):
    """Raise TypeError or ValueError unless x is an image."""
    name = type(transform).__name__
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fu":
        got = f"an array of {x.dtype}" if isinstance(x, np.ndarray) else type(x).__name__
        raise TypeError(f"{name}: expected an array of floats or uint8, got {got}")
    if x.ndim != 3:
        raise ValueError(f"{name}: expected (C, H, W), got {x.shape}")


def check_probability(transform, p):
    """Raise ValueError unless p is a probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"{type(transform).__name__}: expected a probability p from 0 to 1, got {p}")


def interval(transform, name, pair, least=-math.inf):
    """(low, high) from a pair. Raises ValueError unless least <= low <= high."""
    if not np.iterable(pair) or len(pair) != 2 or not least <= pair[0] <= pair[1]:
        raise ValueError(f"{type(transform).__name__}: expected {name} as a pair (low, high), got {pair}")
    return tuple(pair)


# --- geometry ---


class Geometry:
    """The base class of transforms that move pixels: `draw` decides how. [not in the book]"""

    fill = 0  # of pixels from outside of the image

    def draw(self, H, W):
        """(matrix (2, 3), (h, w)): point (x, y, 1) -> (x', y') of an output (h, w); None leaves all as it is."""
        raise NotImplementedError(f"{type(self).__name__} has no draw")

    def __call__(self, x):
        check_image(self, x)
        plan = self.draw(*x.shape[1:])
        return x if plan is None else warp(x, *plan, self.fill)


def warp(x, matrix, size, fill=0, nearest=False):
    """The image (C, h, w) whose point matrix @ (x, y, 1) is the point (x, y) of an image (C, H, W).

    Between the centers of pixels it is interpolated bilinearly, or has the value of the nearest; outside it is `fill`.
    """
    H, W = x.shape[1:]
    h, w = size
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    grid = [*np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5), np.ones((h, w))]
    u, v = np.tensordot(inverse, grid, 1)  # (h, w) each
    outside = (u < 0) | (u > W) | (v < 0) | (v > H)
    if nearest:
        y = x[:, at(v, H), at(u, W)]
    else:
        dtype = x.dtype if x.dtype.kind == "f" else np.float32
        left, top = np.floor(u - 0.5), np.floor(v - 0.5)
        right_part, bottom_part = (u - 0.5 - left).astype(dtype), (v - 0.5 - top).astype(dtype)
        rows = [
            x[:, at(i, H), at(left, W)] * (1 - right_part) + x[:, at(i, H), at(left + 1, W)] * right_part
            for i in (top, top + 1)
        ]
        y = rows[0] * (1 - bottom_part) + rows[1] * bottom_part
        y = y if x.dtype.kind == "f" else np.rint(y).astype(x.dtype)
    return np.where(outside, np.asarray(fill, x.dtype), y)


def at(index, length):
    """The indices of pixels from coordinates or whole numbers, those outside moved to the ends of the axis."""
    return np.clip(index, 0, length - 1).astype(int)


class RandomVerticalFlip(Geometry):
    """x -> x, or with probability p its mirror image, flipped top to bottom. [not in the book]"""

    def __init__(self, p=0.5):
        check_probability(self, p)
        self.p = p

    def draw(self, H, W):
        return (np.array([[1, 0, 0], [0, -1, H]]), (H, W)) if np.random.rand() < self.p else None


class Pad(Geometry):
    """x -> x with a margin of `fill`.  pad: of each side, or (left, top, right, bottom). [not in the book]"""

    def __init__(self, pad, fill=0):
        self.pad = tuple(pad) if np.iterable(pad) else (pad,) * 4
        if len(self.pad) != 4 or min(self.pad) < 0:
            raise ValueError(f"Pad: expected one or four margins of at least 0, got {pad}")
        self.fill = fill

    def draw(self, H, W):
        left, top, right, bottom = self.pad
        return np.array([[1, 0, left], [0, 1, top]]), (H + top + bottom, W + left + right)


class RandomCrop(Geometry):
    """x -> a part of x of this size, at a random position. [not in the book]

    pad: a margin of 0 around the image, from which the part may be taken, too.
    """

    def __init__(self, size, pad=0):
        self.size = width_height(self, size)
        self.pad = pad

    def draw(self, H, W):
        w, h = self.size
        down, right = H + 2 * self.pad - h, W + 2 * self.pad - w
        if min(down, right) < 0:
            raise ValueError(f"RandomCrop: expected an image of at least {self.size} with its margin, got {(W, H)}")
        top, left = np.random.randint(down + 1), np.random.randint(right + 1)
        return np.array([[1, 0, self.pad - left], [0, 1, self.pad - top]]), (h, w)


class RandomResizedCrop(Geometry):
    """x -> a random part of x, resized. [not in the book]

    scale: the part's share of the area; ratio: its width / height; drawn as in torchvision, up to ten times, until the
    part fits; then it is the largest in the center that has a ratio within the limits. Resized bilinearly, without
    smoothing.
    """

    def __init__(self, size, scale=(0.08, 1), ratio=(3 / 4, 4 / 3)):
        self.size = width_height(self, size)
        self.scale = interval(self, "scale", scale, 0)
        self.ratio = interval(self, "ratio", ratio, 1e-9)

    def draw(self, H, W):
        left, top, w, h = self.part(H, W)
        width, height = self.size
        return np.array([[width / w, 0, -left * width / w], [0, height / h, -top * height / h]]), (height, width)

    def part(self, H, W):
        """(left, top, width, height) of the part."""
        for _ in range(10):
            h, w = drawn_size(H * W, self.scale, self.ratio)
            if 0 < w <= W and 0 < h <= H:
                top, left = np.random.randint(H - h + 1), np.random.randint(W - w + 1)
                return left, top, w, h
        w, h = min(W, round(H * self.ratio[1])), min(H, round(W / self.ratio[0]))
        return (W - w) // 2, (H - h) // 2, w, h


def drawn_size(pixels, scale, ratio):
    """A random (height, width) with a share of these pixels and a width / height within these limits."""
    size = pixels * np.random.uniform(*scale)
    quotient = math.exp(np.random.uniform(*map(math.log, ratio)))
    return round(math.sqrt(size / quotient)), round(math.sqrt(size * quotient))


class RandomAffine(Geometry):
    """x -> x rotated, scaled, sheared and shifted around its center, of the same size. [not in the book]

    degrees: counterclockwise, and shear: the angle by which vertical lines lean, in degrees; a number d stands for
    (-d, d). shift: in fractions of the width and of the height; a number s for (-s, s). scale: a pair. Each is drawn
    uniformly. Pixels from outside of the image are `fill`.
    """

    def __init__(self, degrees=0, shift=0, scale=(1, 1), shear=0, fill=0):
        self.degrees, self.shift, self.shear = (
            interval(self, name, value if np.iterable(value) else (-value, value))
            for name, value in (("degrees", degrees), ("shift", shift), ("shear", shear))
        )
        self.scale = interval(self, "scale", scale, 1e-9)
        self.fill = fill

    def draw(self, H, W):
        angle, lean = (math.radians(np.random.uniform(*limits)) for limits in (self.degrees, self.shear))
        factor = np.random.uniform(*self.scale)
        shift = np.random.uniform(*self.shift, 2) * [W, H]
        rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        linear = factor * rotation @ [[1, math.tan(lean)], [0, 1]]
        center = [W / 2, H / 2]
        return np.column_stack([linear, center + shift - linear @ center]), (H, W)


# --- colors ---


class Color:
    """The base class of transforms of colors: `changed(x, f)`, f drawn from 1 - a to 1 + a. [not in the book]"""

    def __init__(self, a):
        if not a >= 0:
            raise ValueError(f"{type(self).__name__}: expected a of at least 0, got {a}")
        self.limits = max(0, 1 - a), 1 + a

    def __call__(self, x):
        check_image(self, x)
        factor = np.random.uniform(*self.limits)
        if x.dtype.kind == "u":
            y = self.changed(x.astype(np.float32) / 255, factor)
            return np.rint(np.clip(y, 0, 1) * 255).astype(x.dtype)
        if x.size and x.max() > 1:
            raise ValueError(f"{type(self).__name__}: expected floats from 0 to 1, got up to {x.max()}")
        return np.clip(self.changed(x, factor), 0, 1)

    def gray(self, x):
        """The gray values (1, H, W) of a color image."""
        if len(x) not in (1, 3):
            raise ValueError(f"{type(self).__name__}: expected 1 or 3 channels, got {len(x)}")
        return x if len(x) == 1 else np.tensordot(np.array(GRAY, x.dtype), x, 1)[None]


class RandomBrightness(Color):
    """x -> f x, with f drawn from 1 - a to 1 + a. [not in the book]"""

    def changed(self, x, factor):
        return x * factor


class RandomContrast(Color):
    """x -> m + f (x - m), with m the mean gray value of x, and f drawn from 1 - a to 1 + a. [not in the book]"""

    def changed(self, x, factor):
        mean = self.gray(x).mean()
        return mean + factor * (x - mean)


class RandomSaturation(Color):
    """x -> g + f (x - g), with g the gray values of x, and f drawn from 1 - a to 1 + a. [not in the book]"""

    def changed(self, x, factor):
        gray = self.gray(x)
        return gray + factor * (x - gray)


class RandomHue(Color):
    """x -> x with all hues shifted by a number drawn from -a to a; 1 is once around. a <= 0.5. [not in the book]"""

    def __init__(self, a):
        if not 0 <= a <= 0.5:
            raise ValueError(f"RandomHue: expected a from 0 to 0.5, got {a}")
        self.limits = -a, a

    def changed(self, x, shift):
        if len(self.gray(x)) == len(x):  # a gray image has no hues
            return x
        r, g, b = x
        value = x.max(axis=0)
        chroma = value - x.min(axis=0)
        divisor = np.where(chroma > 0, chroma, 1)
        sixth = np.where(
            value == r, (g - b) / divisor, np.where(value == g, 2 + (b - r) / divisor, 4 + (r - g) / divisor)
        )
        k = (np.array([5, 3, 1], x.dtype)[:, None, None] + sixth + 6 * shift) % 6
        return value - chroma * np.clip(np.minimum(k, 4 - k), 0, 1)


class ColorJitter:
    """x -> x with brightness, contrast, saturation and hue changed, in random order; 0 for none. [not in the book]"""

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        kinds = {RandomBrightness: brightness, RandomContrast: contrast, RandomSaturation: saturation, RandomHue: hue}
        self.transforms = [kind(a) for kind, a in kinds.items() if a]

    def __call__(self, x):
        for i in np.random.permutation(len(self.transforms)):
            x = self.transforms[i](x)
        return x


# --- parts, choices, labels ---


class RandomErasing:
    """x -> x, or with probability p a copy in which a random rectangle is `fill`. [not in the book]

    scale: its share of the area; ratio: its width / height; drawn as in torchvision, up to ten times, until it fits.
    """

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), fill=0):
        check_probability(self, p)
        self.p = p
        self.scale = interval(self, "scale", scale, 0)
        self.ratio = interval(self, "ratio", ratio, 1e-9)
        self.fill = fill

    def __call__(self, x):
        check_image(self, x)
        H, W = x.shape[1:]
        for _ in range(10 if np.random.rand() < self.p else 0):
            h, w = drawn_size(H * W, self.scale, self.ratio)
            if h < H and w < W:
                top, left = np.random.randint(H - h + 1), np.random.randint(W - w + 1)
                x = x.copy()
                x[:, top : top + h, left : left + w] = self.fill
                break
        return x


class RandomApply(Compose):
    """x -> x, or with probability p f_n(... f_1(x)). [not in the book]"""

    def __init__(self, transforms, p=0.5):
        super().__init__(transforms)
        check_probability(self, p)
        self.p = p

    def __call__(self, x):
        return super().__call__(x) if np.random.rand() < self.p else x


class Joint:
    """Transforms of an image together with its labels: joint(image=x, mask=m, boxes=b) -> dict. [not in the book]

    What moves pixels moves all of them, by the same random numbers; other transforms change only the image. mask (H, W)
    or (C, H, W), integers: the nearest pixel, and `fill` outside of the image. boxes (N, 4) or with more columns, the
    last four x0, y0, x1, y1 in pixels: the smallest boxes around the moved corners, clipped to the image; those of
    which less than half is left are dropped.
    """

    def __init__(self, transforms, fill=0):
        self.transform = transforms if callable(transforms) else Compose(transforms)
        self.fill = fill

    def __call__(self, image, **labels):
        unknown = labels.keys() - {"mask", "boxes"}
        if unknown:
            raise TypeError(f"Joint: expected image, mask and boxes, got {sorted(unknown)}")
        return self.apply(self.transform, {"image": image, **labels})

    def apply(self, f, sample):
        """The sample after a transform."""
        if isinstance(f, Compose):
            if isinstance(f, RandomApply) and np.random.rand() >= f.p:
                return sample
            for part in f.transforms:
                sample = self.apply(part, sample)
            return sample
        x = sample["image"]
        if not isinstance(f, (Geometry, RandomHorizontalFlip)):
            return sample | {"image": f(x)}
        check_image(f, x)
        H, W = x.shape[1:]
        if isinstance(f, RandomHorizontalFlip):
            plan = ([[-1, 0, W], [0, 1, 0]], (H, W)) if np.random.rand() < f.p else None
        else:
            plan = f.draw(H, W)
        if plan is None:
            return sample
        moved = {"image": warp(x, *plan, getattr(f, "fill", 0))}
        if "mask" in sample:
            moved["mask"] = move_mask(sample["mask"], (H, W), *plan, self.fill)
        if "boxes" in sample:
            moved["boxes"] = move_boxes(sample["boxes"], *plan)
        return sample | moved


def move_mask(mask, shape, matrix, size, fill):
    """A mask after a transform of its image of this shape."""
    if mask.shape[-2:] != shape:
        raise ValueError(f"Joint: expected a mask of the image's size {shape}, got {mask.shape}")
    moved = warp(mask.reshape(-1, *shape), matrix, size, fill, nearest=True)
    return moved.reshape(*mask.shape[:-2], *size)


def move_boxes(boxes, matrix, size):
    """Boxes after a transform of their image."""
    boxes = np.asarray(boxes)
    if boxes.ndim != 2 or boxes.shape[1] < 4:
        raise ValueError(f"Joint: expected boxes (N, 4), got {boxes.shape}")
    x0, y0, x1, y1 = boxes[:, -4:].T
    corners = [[x0, x1, x0, x1], [y0, y0, y1, y1], np.ones((4, len(boxes)))]  # (3, 4, N)
    moved = np.tensordot(matrix, corners, 1)
    around = np.concatenate([moved.min(axis=1), moved.max(axis=1)]).T  # (N, 4)
    h, w = size
    clipped = np.clip(around, 0, [w, h, w, h])
    moved = np.concatenate([boxes[:, :-4], clipped], axis=1)
    return moved[area(clipped) >= area(around) / 2].astype(boxes.dtype if boxes.dtype.kind == "f" else np.float64)
