"""Beyond the book: boxes and augmentation at their limits: ties, types, edges of pixels, sizes of nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from .beyond_augment import BOXES, BYTES, MASK, PIXELS, X, drawn
from .beyond_boxes import FOUND, LOOPS, A, P, offsets
from .beyond_limits import ONCE, owner
from .mutants_functions import message
from .values import values

# --- boxes ---

MANY = 40
ROW = np.array([[i, 0.0, i + 1, 1.0] for i in range(MANY)])  # boxes side by side
SAME = np.full(MANY, 0.5)
SINGLE = np.float32


def ties(fw: Any) -> Iterator[Any]:
    """Of many equal scores, those of lower indices are first; classes in order of their numbers."""
    b, classes, index = fw.vision.boxes, np.arange(MANY) % 3, np.arange(MANY)
    yield [b.nms(ROW, SAME), b.batched_nms(ROW, SAME, classes)]
    scores = np.stack([SAME, np.where(classes, 0, SAME), np.where(classes, SAME, 0)], axis=1)
    yield b.detect(scores[None], np.zeros((1, MANY, 4)), ROW)[0, :, [0, 2]]
    yield [b.average_precision(SAME, index < 4, 8), b.average_precision([0.9, 0.8], [3, 0], 1)]
    found = np.column_stack([np.full(MANY, 8), SAME, np.zeros((MANY, 2)), index + 1, np.ones(MANY)])
    truths = [np.array([[8, 0, 0, 1, 1], [1, 0, 0, 2, 1.0]])]
    yield [
        list(b.class_ap([found], truths)),
        b.class_ap([found], truths)[8],
        b.mean_ap([found], truths, 0.1, "11point"),
    ]


def expected_ties() -> Iterator[Any]:
    index = np.arange(MANY)
    yield [index, index]
    yield np.array([index % 3 > 0, index], float)
    yield [0.5, 1.0]
    yield [[1, 8], 1.0, 0.5]


def types_of_boxes(fw: Any) -> Iterator[Any]:
    """Lists, floats of single precision and integers as arguments; numbers of Python as results."""
    b, f = fw.vision.boxes, FOUND.astype(SINGLE)
    yield [b.nms(np.zeros((0, 4)), np.zeros(0)), b.iou(fw.Variable(FOUND), fw.Variable(FOUND)).diagonal()]
    given = (fw.Variable(P[None]), fw.Variable(np.zeros((1, 16))), fw.Variable(FOUND))
    yield b.detect(*given)[0, :, 0]
    yield [b.iou(np.zeros((0, 4), SINGLE), f), owner(partial(b.iou, np.zeros((0, 3)), f)), b.iou((), f).shape]
    detections = b.detect(P[None].astype(SINGLE), np.zeros((1, 16), SINGLE), f)
    yield [detections.dtype, b.detect(P[None], np.zeros((1, 16)), FOUND.tolist())[0, :, 0]]
    yield [b.decode(A[:4].tolist(), offsets(A[:4], FOUND).tolist()), owner(partial(b.decode, A, np.zeros((5, 3))))]
    yield b.encode(A[None, :4], FOUND[None])
    yield b.anchors((1, 2), np.array([0.3], SINGLE), np.array([0.7, 1.3], SINGLE), dtype=np.float64)
    yield [type(b.average_precision([], [], 2, style)) is float for style in ("area", "11point")]
    yield [
        type(b.mean_ap([np.ones((1, 6))], [np.ones((1, 5))])) is float,
        type(b.class_ap([[]], [[[2, 0, 0, 1, 1]]])[2]),
    ]


def expected_types() -> Iterator[Any]:
    yield [np.zeros(0, int), np.ones(4)]
    yield np.array([0.0, 1, -1, -1])
    yield [np.zeros((0, 4), SINGLE), "ValueError: iou", (0, 4)]
    yield [np.dtype(SINGLE), np.array([0.0, 1, -1, -1])]
    yield [FOUND, "ValueError: decode"]
    yield offsets(A[:4], FOUND)[None]
    s, r = float(SINGLE(0.3)), [float(SINGLE(0.7)), float(SINGLE(1.3))]
    yield exact((1, 2), [(s, r[0]), (s, r[1])])
    yield [True] * 2
    yield [True, float]


def exact(size: tuple[int, int], shapes: Any) -> Any:
    """Anchors in float64."""
    h, w = size
    rows = []
    for y in range(h):
        for x in range(w):
            for s, r in shapes:
                dx, dy = s * np.sqrt(r) * h / w / 2, s / np.sqrt(r) / 2
                rows.append([(x + 0.5) / w - dx, (y + 0.5) / h - dy, (x + 0.5) / w + dx, (y + 0.5) / h + dy])
    return np.array(rows)


def matches(fw: Any) -> list[Any]:
    """A single anchor; an overlap that is the threshold; boxes that overlap with nothing, of area 0."""
    b = fw.vision.boxes
    wide, half, thin = [0.0, 0, 2, 1], [0.0, 0, 1, 1], [3.0, 0, 3, 1]
    with np.errstate(all="raise"):
        return [
            b.match([wide], [half, thin]), b.match([wide, half], [wide]), b.match([wide, half], [wide], 0.51),
            b.match([half], []), b.iou([thin], [thin]), b.nms([wide, half, wide], [0.1, 0.2, 0.3], 0.5),
        ]  # fmt: skip


# --- augmentation ---


def edges(fw: Any) -> Any:
    """An image moved by half a pixel: centers that are on its edges are inside, and further ones not."""
    return fw.vision.augment.warp(np.array([[[1.0, 3.0], [5.0, 7.0]]]), np.array([[1, 0, 0.5], [0, 1, 0.5]]), (4, 4), 9)


def plans(fw: Any) -> Iterator[Any]:
    """The matrices of transforms, and limits that a list gave, which is changed later."""
    v, limits, margins = fw.vision, [0.5, 0.5], [1, 2, 3, 4]
    transforms = [v.RandomVerticalFlip(1), v.Pad(margins), v.RandomCrop(3), v.RandomResizedCrop(4, limits, (1, 1)),
                  v.RandomAffine((90, 90), scale=limits)]  # fmt: skip
    limits[:], margins[:] = (2, 2), (0, 0, 0, 0)
    for transform in transforms:
        yield [*drawn(lambda _, f=transform: f.draw(3, 6), None, 1)[0]]
    yield [isinstance(limit, tuple) for limit in (transforms[1].pad, transforms[3].scale, transforms[4].degrees)]


def expected_plans() -> Iterator[Any]:
    yield [np.array([[1, 0, 0], [0, -1, 3]]), (3, 6)]
    yield [np.array([[1, 0, 1], [0, 1, 2]]), (9, 10)]
    left = np.random.RandomState(3)
    top = left.randint(1)
    yield [np.array([[1, 0, -left.randint(4)], [0, 1, -top]]), (3, 3)]
    rng = np.random.RandomState(3)
    rng.uniform(), rng.uniform()
    top, side = rng.randint(1), rng.randint(4)
    yield [np.array([[4 / 3, 0, -side * 4 / 3], [0, 4 / 3, -top * 4 / 3]]), (4, 4)]
    c, s = np.cos(np.pi / 2) / 2, 0.5
    yield [np.array([[c, s, 3 - 3 * c - 1.5 * s], [-s, c, 1.5 + 3 * s - 1.5 * c]]), (3, 6)]
    yield [True] * 3


def accepted(fw: Any) -> list[str]:
    """What is said of the least limits, of images in other types, and of floats that are partly above 1."""
    v, least = fw.vision, (1.5e-9, 1)
    calls: list[Any] = [
        partial(v.RandomAffine, scale=least), partial(v.RandomErasing, ratio=least), partial(v.RandomHue, 0),
        partial(v.RandomResizedCrop, 2, ratio=least), partial(v.RandomCrop(2), X.astype(np.int32)),
        partial(v.RandomBrightness(0), np.array([[[0.5, 2.0]]])),
    ]  # fmt: skip
    return [message(call) for call in calls]


SAID = [*["no error"] * 4, "TypeError: RandomCrop: expected an array of floats or uint8, got an array of int32",
        "ValueError: RandomBrightness: expected floats from 0 to 1, got up to 2.0"]  # fmt: skip


def parts(fw: Any) -> list[Any]:
    """Crops and rectangles that rounding makes empty, or as high or as wide as the image, are drawn again."""
    v = fw.vision
    tall, wide = np.ones((1, 60, 9)), np.ones((1, 9, 60))
    fits = v.RandomResizedCrop(2, (0.5, 0.5), (1, 1))
    tops = {part[1] for part in drawn(lambda _: fits.part(4, 2), None, 20)}
    crops = [v.RandomResizedCrop(2, (0.001, 0.001), ratio).part(*x.shape[1:])
             for x, ratio in ((tall, (0.05, 0.05)), (wide, (20, 20)))]  # fmt: skip
    erased = [v.RandomErasing(1, (0.5, 0.5), (ratio, ratio))(X).all() for ratio in (0.75, 3.0)]
    small = drawn(v.RandomErasing(1, (0.02, 0.33), (0.3, 3.3), 5), np.zeros((1, 6, 9)), 20)
    return [
        crops,
        sorted(tops),
        erased,
        int(sum((image == 5).sum() for image in small)) > 20,
        sorted({im.shape for im in small}),
    ]


def colors(fw: Any) -> list[Any]:
    """The dtypes in which colors are computed; the hues of an image with a gray pixel."""
    v, seen = fw.vision, []

    def changed(self: Any, x: Any, factor: float) -> Any:
        seen.append(x.dtype)
        return x

    mine = type("Mine", (v.RandomBrightness,), {"changed": changed})(0.5)
    single = X.astype(np.float32)
    for x in (BYTES, single, X):
        seen.append(mine(x).dtype)
    found = [f(single).dtype for f in (v.RandomSaturation(0.5), v.RandomContrast(0.5), v.RandomHue(0.1))]
    gray = np.array([0.5, 0.5, 0.5, 0.2, 0.2, 0.7]).reshape(2, 3).T[:, None]
    with np.errstate(all="raise"):
        return [seen, found, drawn(v.RandomHue(0.5), gray, 2)[0][:, 0, 0]]


def labels(fw: Any) -> list[Any]:
    """Boxes and masks after margins and rotations: their dtypes and values, and what is outside by default."""
    v = fw.vision
    two = np.where(MASK % 2, 200, 0)
    turned = drawn(lambda x: v.Joint([v.RandomAffine((30, 30))], 255)(image=x, mask=two), X, 1)[0]
    found = v.Joint([v.Pad(1)])(image=X, mask=MASK + 1, boxes=BOXES.astype(np.float32))
    small = v.Joint([v.Pad(1)])(image=X, boxes=BOXES.astype(np.uint8), mask=MASK[None] + 1)
    half = v.Joint([v.RandomCrop((2, 4))])
    cut = drawn(lambda x: half(image=x, boxes=[[0, 0, 4, 4], [0, 0, 4, 3]]), np.ones((1, 4, 2)), 1)[0]
    both = v.Joint([v.RandomVerticalFlip(1)])(image=X, mask=np.stack([MASK, -MASK]))["mask"]
    return [both, sorted(set(turned["mask"].ravel().tolist())), found["boxes"], found["mask"], small["boxes"],
            small["mask"].shape, cut["boxes"]]  # fmt: skip


def expected_labels() -> list[Any]:
    moved = BOXES + np.array([0, 1, 1, 1, 1])
    both = np.stack([MASK, -MASK])[:, ::-1]
    return [both, [0, 200, 255], moved.astype(np.float32), np.pad(MASK + 1, 1), moved.astype(float), (1, 6, 8),
            np.array([[0.0, 0, 2, 4], [0, 0, 2, 3]])]  # fmt: skip


# fmt: off
values(
    60, LOOPS,
    ("boxes_of_equal_scores", lambda fw: list(ties(fw)), lambda: list(expected_ties())),
    ("types_of_boxes", lambda fw: list(types_of_boxes(fw)), lambda: list(expected_types())),
    ("boxes_at_the_threshold", matches, lambda: [
        np.array([0]), np.array([0, 0]), np.array([0, -1]), np.array([-1]), np.zeros((1, 1)), np.array([2, 1])]),
    **ONCE,
)
values(
    60, PIXELS,
    ("centers_on_the_edges", edges, lambda: np.array(
        [[[1, 2, 3, 9], [3, 4, 5, 9], [5, 6, 7, 9], [9, 9, 9, 9.0]]])),
    ("plans_of_transforms", lambda fw: list(plans(fw)), lambda: list(expected_plans())),
    ("limits_that_are_accepted", accepted, lambda: SAID),
    ("parts_that_do_not_fit", parts, lambda: [
        [(3, 0, 3, 60), (0, 3, 60, 3)], [0, 1, 2], [True] * 2, True, [(1, 6, 9)]]),
    ("dtypes_of_colors", colors, lambda: [
        [np.float32, np.uint8, np.float32, np.float32, float, float], [np.float32] * 3, np.full(3, 0.5)]),
    ("labels_after_transforms", labels, expected_labels),
    **ONCE,
)
# fmt: on
