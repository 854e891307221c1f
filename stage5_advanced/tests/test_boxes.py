"""Boxes: overlaps, anchors, targets, detections, average precision."""

import numpy as np
import pytest

from .stage import cuda, package

boxes = package.vision
rng = np.random.default_rng(0)


def random_boxes(n, dtype=np.float64, size=1.0):
    corner = rng.uniform(0, size, (n, 2))
    return np.concatenate([corner, corner + rng.uniform(0.05, 0.6, (n, 2)) * size], axis=1).astype(dtype)


def iou_of(a, b):
    """Of two boxes, number by number."""
    w = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    h = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [max(0, x[2] - x[0]) * max(0, x[3] - x[1]) for x in (a, b)]
    return w * h / (sum(areas) - w * h) if w * h else 0.0


# --- forms and overlaps ---

FORMS = {"xyxy": [1, 2, 5, 8], "xywh": [1, 2, 4, 6], "cxcywh": [3, 5, 4, 6]}


@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("target", FORMS)
def test_forms_of_boxes(source, target):
    found = boxes.convert(np.array([[FORMS[source]]], np.float32), source, target)
    np.testing.assert_array_equal(found, np.array([[FORMS[target]]], np.float32), strict=True)
    assert boxes.convert(FORMS[source], source, target).dtype == np.float64


def test_iou_is_that_of_loops():
    a, b = random_boxes(7), random_boxes(9)
    expected = [[iou_of(x, y) for y in b] for x in a]
    np.testing.assert_allclose(boxes.iou(a, b), expected, rtol=1e-12)
    assert boxes.iou(a.astype("f"), b.astype("f")).dtype == np.float32
    np.testing.assert_allclose(boxes.iou(np.asfortranarray(a), b[::-1])[:, ::-1], expected, rtol=1e-12)


def test_iou_of_whole_and_of_empty_boxes():
    a = np.array([[0, 0, 2, 2], [1, 1, 1, 3], [3, 3, 2, 2]], np.uint8)  # differences of bytes would wrap around
    np.testing.assert_array_equal(boxes.iou(a, a), [[1, 0, 0], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(boxes.iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [2, 0, 4, 2]]), [[1 / 3, 0]])
    assert boxes.iou([], a).shape == (0, 3)


# --- anchors ---


def test_anchors_of_d2l():
    found = boxes.anchors((561, 728), [0.75, 0.5, 0.25], [1, 2, 0.5])
    assert (found.shape, found.dtype) == ((2042040, 4), np.float32)
    cell = found.reshape(561, 728, 5, 4)[250, 250]
    np.testing.assert_allclose(cell[0], [0.0551, 0.0715, 0.6331, 0.8215], atol=5e-5)
    np.testing.assert_allclose(boxes.convert(cell, "xyxy", "cxcywh")[:, 3], [0.75, 0.5, 0.25, 0.53033, 1.06066], 1e-4)


def test_anchors_are_square_in_pixels():
    found = boxes.anchors((2, 3), [0.5], [1, 4], image=(100, 400), dtype=np.float64)
    x, y, w, h = boxes.convert(found, "xyxy", "cxcywh").T
    np.testing.assert_allclose(w[::2] * 400, h[::2] * 100)
    np.testing.assert_allclose(w[1::2] * 400, 4 * h[1::2] * 100)
    np.testing.assert_allclose(x[::2], np.tile([1 / 6, 0.5, 5 / 6], 2))
    np.testing.assert_allclose(y[::2], np.repeat([0.25, 0.75], 3))


# --- targets ---

ANCHORS = np.array(
    [
        [0, 0.1, 0.2, 0.3],
        [0.15, 0.2, 0.4, 0.4],
        [0.63, 0.05, 0.88, 0.98],
        [0.66, 0.45, 0.8, 0.8],
        [0.57, 0.3, 0.92, 0.9],
    ]
)
LABELS = np.array([[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]])
OFFSETS = [[0] * 4, [1.40, 10.0, 2.594, 7.175], [-1.2, 0.2688, 1.682, -1.566], [0] * 4, [-0.5714, -1, 0, 0.6258]]


def test_targets_of_d2l():
    padded = np.concatenate([LABELS, np.full((1, 5), -1.0)])
    for labels in ([LABELS], padded[None]):
        offsets, mask, classes = boxes.target(ANCHORS, labels)
        np.testing.assert_array_equal(classes, [[0, 1, 2, 0, 2]])
        np.testing.assert_allclose(offsets.reshape(5, 4), OFFSETS, atol=6e-4)
        np.testing.assert_array_equal(mask.reshape(5, 4), np.array([[0, 1, 1, 0, 1]] * 4).T)


def test_targets_of_images_without_boxes():
    offsets, mask, classes = boxes.target(ANCHORS.astype("f"), [[], LABELS])
    assert [x.dtype for x in (offsets, mask, classes)] == [np.float32, np.float32, np.int64]
    assert not offsets[0].any()
    assert not classes[0].any()
    assert mask.sum(axis=1).tolist() == [0, 12]


def match_of(overlap, threshold):
    """Search for the best pair again and again."""
    matched, pairs = np.full(len(overlap), -1), []
    while len(pairs) < min(overlap.shape):
        free = [
            (-overlap[n, m], n, m)
            for n in range(len(overlap))
            for m in range(overlap.shape[1])
            if n not in [p[0] for p in pairs] and m not in [p[1] for p in pairs]
        ]
        pairs.append(min(free)[1:])
    for n in range(len(overlap)):
        if overlap[n].max() >= threshold:
            matched[n] = overlap[n].argmax()
    for n, m in pairs:
        matched[n] = m
    return matched


@pytest.mark.parametrize("seed", range(20))
def test_matches_are_those_of_loops(seed):
    generator = np.random.default_rng(seed)
    n, m = generator.integers(1, 8, 2)
    a, b = (x / 4 + [0, 0, 1, 1] for x in (generator.integers(0, 3, (k, 4)) for k in (n, m)))  # all overlap, some ties
    np.testing.assert_array_equal(boxes.match(a, b, 0.6), match_of(boxes.iou(a, b), 0.6))


def test_a_box_that_no_anchor_overlaps_is_not_matched():
    np.testing.assert_array_equal(boxes.match([[0, 0, 1, 1], [5, 5, 6, 6]], [[2, 2, 3, 3], [5, 5, 7, 7]]), [-1, 1])
    assert boxes.match([], [[0, 0, 1, 1]]).shape == (0,)


def test_decode_is_the_inverse_of_encode():
    a, b = random_boxes(6), random_boxes(6)
    for variances in ((0.1, 0.2), (1, 1)):
        np.testing.assert_allclose(boxes.decode(a, boxes.encode(a, b, variances), variances), b)
    assert boxes.decode(a.astype("f"), np.zeros((3, 6, 4), np.float32)).dtype == np.float32


# --- detections ---

FOUND = np.array([[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91], [0.55, 0.2, 0.9, 0.88]])
PROBABILITIES = np.array([[0, 0.9, 0.1], [0, 0.8, 0.2], [0, 0.7, 0.3], [0, 0.1, 0.9]])


def test_detections_of_d2l():
    np.testing.assert_allclose(boxes.iou(FOUND[:1], FOUND)[0], [1, 0.7368, 0.5454, 0], atol=5e-5)
    rows = [[0, 0.9, *FOUND[0]], [1, 0.9, *FOUND[3]], [-1, 0.8, *FOUND[1]], [-1, 0.7, *FOUND[2]]]
    for shape in ((1, 4, 4), (1, 16)):
        found = boxes.detect(PROBABILITIES[None], np.zeros(shape), FOUND)
        np.testing.assert_allclose(found, [rows])
    kept = boxes.detect(PROBABILITIES[None], np.zeros((1, 16)), FOUND, nms_threshold=0.6, min_score=0.75)
    np.testing.assert_array_equal(kept[0, :, 0], [0, 1, -1, -1])
    kept = boxes.detect(PROBABILITIES[None], np.zeros((1, 16)), FOUND, nms_threshold=0.6)
    np.testing.assert_array_equal(kept[0, :, 0], [0, 1, -1, 0])


def nms_of(b, scores, threshold):
    kept = []
    for n in sorted(range(len(b)), key=lambda n: (-scores[n], n)):
        if all(iou_of(b[n], b[k]) <= threshold for k in kept):
            kept.append(n)
    return kept


@pytest.mark.parametrize("seed", range(10))
def test_nms_is_that_of_loops(seed):
    generator = np.random.default_rng(seed)
    b, scores = random_boxes(12), generator.integers(0, 5, 12) / 4  # with ties
    np.testing.assert_array_equal(boxes.nms(b, scores, 0.3), nms_of(b, scores, 0.3))
    classes = generator.integers(0, 3, 12)
    own = [np.flatnonzero(classes == c) for c in range(3)]
    kept = np.concatenate([i[nms_of(b[i], scores[i], 0.3)] for i in own])
    expected = sorted(kept, key=lambda n: (-scores[n], n))
    np.testing.assert_array_equal(boxes.batched_nms(b, scores, classes, 0.3), expected)


def test_nms_keeps_a_box_at_the_threshold():
    b = np.array([[0, 0, 4, 2], [0, 0, 2, 2], [0, 0, 2, 2]])
    assert boxes.nms(b, [0.9, 0.8, 0.7], 0.5).tolist() == [0, 1]
    assert boxes.nms(b, [0.9, 0.8, 0.7], 0.49).tolist() == [0]
    assert boxes.nms(np.empty((0, 4)), []).tolist() == []
    assert boxes.batched_nms(np.empty((0, 4)), [], np.empty(0, int)).tolist() == []


# --- average precision ---


def test_average_precision_by_hand():
    scores, correct = [0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 0, 1]
    # precision 1, 1/2, 2/3, 1/2, 3/5 at recall 1/4, 1/4, 1/2, 1/2, 3/4; the highest from there on 1, 2/3, 2/3, 3/5, 3/5
    assert boxes.average_precision(scores, correct, 4) == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    eleven = (3 * 1 + 3 * 2 / 3 + 2 * 3 / 5) / 11  # 0, .1, .2 | .3, .4, .5 | .6, .7 | .8, .9, 1
    assert boxes.average_precision(scores, correct, 4, "11point") == pytest.approx(eleven)
    assert boxes.average_precision(scores[::-1], correct[::-1], 4) == boxes.average_precision(scores, correct, 4)
    assert boxes.average_precision([], [], 3) == boxes.average_precision([], [], 3, "11point") == 0
    assert boxes.average_precision([0.1, 0.2], [1, 1], 2, "11point") == 1


def test_mean_ap():
    truths = [[[0, 0, 0, 2, 2], [1, 4, 4, 6, 6], [-1, 0, 0, 0, 0]], [[0, 1, 1, 3, 3]], []]
    preds = [
        [[0, 0.9, 0, 0, 2, 2], [0, 0.8, 0, 0, 2, 1.8], [1, 0.3, 4, 4, 6, 5], [-1, 1, 0, 0, 2, 2]],  # the second is late
        [[0, 0.7, 1, 1, 3, 2.9]],
        [[1, 0.6, 4, 4, 6, 6], [2, 0.9, 0, 0, 1, 1]],  # in an image without boxes; a class that never occurs
    ]
    assert boxes.class_ap(preds, truths) == {0: pytest.approx((1 + 2 / 3) / 2), 1: 0.5}
    assert boxes.mean_ap(preds, truths) == pytest.approx(((1 + 2 / 3) / 2 + 0.5) / 2)
    assert boxes.mean_ap(preds, truths, threshold=0.96) == pytest.approx((1 / 2 + 0) / 2)
    assert boxes.mean_ap(preds, truths, style="11point") == pytest.approx(((6 + 5 * 2 / 3) / 11 + 0.5) / 2)
    detected = boxes.detect(PROBABILITIES[None], np.zeros((1, 16)), FOUND)
    assert boxes.mean_ap(detected, [[[0, *FOUND[0]], [1, *FOUND[3]]]]) == 1


# --- errors and devices ---


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boxes.convert([0, 0, 1, 1], "xyxy", "yxyx"), "convert: expected a form of .*, got 'yxyx'"),
        (lambda: boxes.convert([0, 0, 1], "xyxy", "xywh"), r"convert: expected boxes \(..., 4\), got \(3,\)"),
        (lambda: boxes.iou([0, 0, 1, 1], [[0, 0, 1, 1]]), r"iou: expected boxes \(N, 4\), got \(4,\)"),
        (lambda: boxes.anchors((2, 2), [], [1]), r"anchors: expected positive sizes, got \[\]"),
        (lambda: boxes.anchors((2, 2), [0.5], [1, -1]), r"anchors: expected positive ratios, got \[1, -1\]"),
        (
            lambda: boxes.nms(FOUND, [1, 2]),
            r"nms: expected one score for each box, got boxes \(4, 4\) and scores \(2,\)",
        ),
        (lambda: boxes.batched_nms(FOUND, [1] * 4, [1]), r"batched_nms: expected one class for each score, got \(1,\)"),
        (
            lambda: boxes.detect(PROBABILITIES, FOUND, FOUND),
            r"detect: expected scores \(N, 4, classes and background\)",
        ),
        (lambda: boxes.average_precision([1], [1], 1, "mean"), "expected style 'area' or '11point', got 'mean'"),
        (lambda: boxes.average_precision([1], [1], 0), "average_precision: expected at least one box to find, got 0"),
        (lambda: boxes.average_precision([1], [1, 0], 1), r"expected scores and correct \(N,\), got \(1,\), \(2,\)"),
        (lambda: boxes.mean_ap([[]], [[], []]), "mean_ap: expected as many images with detections as with labels"),
        (lambda: boxes.mean_ap([[]], [[]]), "mean_ap: expected at least one label, got none"),
    ],
)
def test_errors_of_boxes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_boxes_on_a_gpu_give_what_boxes_on_the_host_give(xp_device):
    def host(x):
        return [cuda.as_numpy(part) for part in x] if isinstance(x, tuple) else cuda.as_numpy(x)

    calls = (
        lambda xp: boxes.convert(xp(FOUND), "xyxy", "cxcywh"),
        lambda xp: boxes.iou(xp(FOUND), xp(ANCHORS)),
        lambda xp: boxes.match(xp(ANCHORS), xp(FOUND)),
        lambda xp: boxes.decode(xp(FOUND), boxes.encode(xp(FOUND), xp(FOUND[::-1].copy()))),
        lambda xp: boxes.target(xp(ANCHORS), [xp(LABELS)]),
        lambda xp: boxes.nms(xp(FOUND), xp(PROBABILITIES[:, 1])),
        lambda xp: boxes.detect(xp(PROBABILITIES[None]), xp(np.zeros((1, 16))), xp(FOUND)),
    )
    for call in calls:
        expected, found = call(np.asarray), call(xp_device.asarray)
        assert all(isinstance(x, xp_device.ndarray) for x in (found if isinstance(found, tuple) else [found]))
        for a, b in zip(host(found), host(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
