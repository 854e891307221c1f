"""Boxes in images: overlaps, anchors, the targets of a detector, its detections and their evaluation.

All on arrays of the host or a GPU, without gradients. A box is (left, top, right, bottom), called "xyxy", in pixels or
in fractions of the image; a label is (class, x0, y0, x1, y1), a detection (class, score, x0, y0, x1, y1). Rows of
class -1 are padding.
"""

import numpy as np

from .. import cuda

VARIANCES = (0.1, 0.2)  # scales of the offsets of centers and of sizes, those of SSD
TO_XYXY = {
    "xyxy": lambda x0, y0, x1, y1: (x0, y0, x1, y1),
    "xywh": lambda x, y, w, h: (x, y, x + w, y + h),
    "cxcywh": lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
}
FROM_XYXY = {
    "xyxy": lambda x0, y0, x1, y1: (x0, y0, x1, y1),
    "xywh": lambda x0, y0, x1, y1: (x0, y0, x1 - x0, y1 - y0),
    "cxcywh": lambda x0, y0, x1, y1: ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0),
}


def as_floats(name, what, x, width):
    """x as an array of floats (..., width); integers become float64."""
    x = cuda.data_of(x)
    x = cuda.get_array_module(x).asarray(x)
    if x.ndim == 0 or x.shape[-1] != width:
        raise ValueError(f"{name}: expected {what} (..., {width}), got {x.shape}")
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def as_rows(name, what, x, width=4):
    """x as an array of floats (N, width); an empty list has no rows."""
    x = as_floats(name, what, np.empty((0, width)) if isinstance(x, (list, tuple)) and not x else x, width)
    if x.ndim != 2:
        raise ValueError(f"{name}: expected {what} (N, {width}), got {x.shape}")
    return x


def convert(boxes, source, target):
    """Boxes (..., 4) from one form to another: "xyxy", "xywh" (corner), "cxcywh" (center). [not in the book]"""
    for form in (source, target):
        if form not in TO_XYXY:
            raise ValueError(f"convert: expected a form of {list(TO_XYXY)}, got {form!r}")
    boxes = as_floats("convert", "boxes", boxes, 4)
    xyxy = TO_XYXY[source](*(boxes[..., i] for i in range(4)))
    return cuda.get_array_module(boxes).stack(FROM_XYXY[target](*xyxy), axis=-1)


def area(boxes):
    """The area of boxes (..., 4); 0 if right < left or bottom < top."""
    size = cuda.get_array_module(boxes).maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return size[..., 0] * size[..., 1]


def iou(a, b):
    """Intersection over union of each pair.  a (N, 4), b (M, 4) -> (N, M), 0-1. [not in the book]

    0 if both are empty, where torchvision has nan.
    """
    a, b = as_rows("iou", "boxes", a), as_rows("iou", "boxes", b)
    xp = cuda.get_array_module(a)
    a = a[:, None]  # (N, 1, 4)
    corners = [xp.maximum(a[..., :2], b[:, :2]), xp.minimum(a[..., 2:], b[:, 2:])]
    shared = area(xp.concatenate(corners, axis=-1))
    union = area(a) + area(b) - shared
    return shared / xp.where(union > 0, union, 1)


def anchors(size, sizes, ratios, image=None, dtype=np.float32):
    """Boxes around the center of each cell of a feature map, row by row -> (H W (n + m - 1), 4). [not in the book]

    size: (H, W) of the map. sizes (n), ratios (m): the boxes of a cell are of (sizes[i], ratios[0]) for each i, then
    of (sizes[0], ratios[j]) for j > 0. A box of size s and ratio r is s / sqrt(r) of the image high and s sqrt(r) H / W
    of it wide, so that in pixels width / height = r. image: (H, W) of the image, if its aspect ratio is not that of the
    map. (d2l's text gives the width as s sqrt(r); the operator that it calls computes what is computed here.)
    """
    for name, values in (("sizes", sizes), ("ratios", ratios)):
        if len(values) == 0 or min(values) <= 0:
            raise ValueError(f"anchors: expected positive {name}, got {values}")
    H, W = size
    height, width = image or size
    s = [*sizes, *[sizes[0]] * (len(ratios) - 1)]
    r = np.sqrt(np.array([*[ratios[0]] * len(sizes), *ratios[1:]], np.float64))
    half = np.stack([s * r * height / width, s / r], axis=1) / 2  # (A, 2)
    y, x = np.meshgrid((np.arange(H) + 0.5) / H, (np.arange(W) + 0.5) / W, indexing="ij")
    center = np.stack([x, y], axis=-1).reshape(-1, 1, 2)  # (H W, 1, 2)
    return np.concatenate([center - half, center + half], axis=-1).reshape(-1, 4).astype(dtype)


# --- training ---


def match(anchors, boxes, threshold=0.5):
    """The index of the box that each anchor (N, 4) is to predict, of boxes (M, 4), or -1 -> (N,). [not in the book]

    Each box gets the anchor that overlaps most with it, the largest overlap first and no anchor twice. Every other
    anchor gets the box that overlaps most with it, if their iou is at least the threshold.
    """
    overlap = iou(anchors, boxes)
    xp = cuda.get_array_module(overlap)
    N, M = overlap.shape
    if M == 0:
        return xp.full(N, -1)
    matched = xp.where(overlap.max(axis=1) >= threshold, overlap.argmax(axis=1), -1)
    for _ in range(N):
        n, m = divmod(int(overlap.argmax()), M)
        if not overlap[n, m] > 0:
            break
        matched[n] = m
        overlap[n] = overlap[:, m] = -1
    return matched


def encode(anchors, boxes, variances=VARIANCES):
    """What a detector is to predict: offsets of boxes from anchors, both (..., 4) -> (..., 4). [not in the book]

    The offset of the center, in sizes of the anchor, divided by variances[0]; the logarithm of the quotient of the
    sizes, divided by variances[1].
    """
    a, b = (convert(x, "xyxy", "cxcywh") for x in (anchors, boxes))
    xp = cuda.get_array_module(a)
    center = (b[..., :2] - a[..., :2]) / a[..., 2:] / variances[0]
    return xp.concatenate([center, xp.log(b[..., 2:] / a[..., 2:]) / variances[1]], axis=-1)


def decode(anchors, offsets, variances=VARIANCES):
    """The boxes with these offsets from anchors, both (..., 4): the inverse of `encode`. [not in the book]"""
    a = convert(anchors, "xyxy", "cxcywh")
    offsets = as_floats("decode", "offsets", offsets, 4)
    xp = cuda.get_array_module(a)
    center = a[..., :2] + offsets[..., :2] * variances[0] * a[..., 2:]
    size = xp.exp(offsets[..., 2:] * variances[1]) * a[..., 2:]
    return convert(xp.concatenate([center, size], axis=-1), "cxcywh", "xyxy")


def target(anchors, labels, threshold=0.5, variances=VARIANCES):
    """What a detector is to predict for each image: offsets (N, 4M), their mask (N, 4M), classes (N, M).

    anchors (M, 4); labels (N, K, 5), or a list of N arrays (K, 5). The mask is 1 for the offsets of anchors that
    `match` a box, and both are 0 for the others; classes is 0, the background, for them, otherwise the class of the box
    plus 1. [not in the book]
    """
    anchors = as_rows("target", "anchors", anchors)
    xp = cuda.get_array_module(anchors)
    M = len(anchors)
    offsets = xp.zeros((len(labels), M, 4), anchors.dtype)
    classes = xp.zeros((len(labels), M), int)
    for i, label in enumerate(labels):
        label = as_rows("target", "labels", label, 5)
        label = label[label[:, 0] >= 0]
        matched = match(anchors, label[:, 1:], threshold)
        positive = matched >= 0
        chosen = label[matched[positive]]
        offsets[i][positive] = encode(anchors[positive], chosen[:, 1:], variances)
        classes[i][positive] = chosen[:, 0] + 1
    mask = xp.zeros_like(offsets)
    mask[classes > 0] = 1
    return offsets.reshape(len(labels), 4 * M), mask.reshape(len(labels), 4 * M), classes


# --- detection ---


def nms(boxes, scores, threshold=0.5):
    """Non-maximum suppression: the indices of the boxes (N, 4) to keep, by falling score. [not in the book]

    A box is left out if its iou with one that is kept and has a higher score (or the same, and a lower index) exceeds
    the threshold. Arrays on a GPU are copied to the host for it.
    """
    module = cuda.get_array_module(boxes)
    boxes, scores = cuda.as_numpy(as_rows("nms", "boxes", boxes)), cuda.as_numpy(scores)
    if scores.shape != boxes.shape[:1]:
        raise ValueError(f"nms: expected one score for each box, got boxes {boxes.shape} and scores {scores.shape}")
    left, kept = np.argsort(-scores, kind="stable"), []
    while len(left):
        kept.append(left[0])
        left = left[1:][iou(boxes[left[:1]], boxes[left[1:]])[0] <= threshold]
    return module.asarray(np.array(kept, int))


def batched_nms(boxes, scores, classes, threshold=0.5):
    """nms among the boxes of each class -> indices by falling score.  classes (N,). [not in the book]"""
    module = cuda.get_array_module(boxes)
    boxes, scores, classes = (cuda.as_numpy(x) for x in (boxes, scores, classes))
    if classes.shape != scores.shape:
        raise ValueError(f"batched_nms: expected one class for each score, got {classes.shape} and {scores.shape}")
    own = [np.flatnonzero(classes == c) for c in np.unique(classes)]
    kept = np.sort(np.concatenate([i[nms(boxes[i], scores[i], threshold)] for i in own] or [np.empty(0, int)]))
    return module.asarray(kept[np.argsort(-scores[kept], kind="stable")])


def detect(scores, offsets, anchors, nms_threshold=0.5, min_score=0.01):
    """Detections of a batch -> (N, M, 6), rows (class, score, x0, y0, x1, y1) by falling score. [not in the book]

    scores (N, M, C + 1): the probabilities of the background and of each class. offsets (N, M, 4) or (N, 4M), anchors
    (M, 4). The score of an anchor is its largest probability of a class; the class is -1 if that is below min_score, or
    if `batched_nms` suppresses the box.
    """
    anchors = as_rows("detect", "anchors", anchors)
    scores, offsets = (cuda.data_of(x) for x in (scores, offsets))
    xp = cuda.get_array_module(anchors)
    N, M = len(scores), len(anchors)
    if scores.shape[:2] != (N, M) or scores.ndim != 3 or scores.shape[2] < 2 or offsets.size != 4 * N * M:
        raise ValueError(
            f"detect: expected scores (N, {M}, classes and background), offsets (N, {M}, 4), "
            f"got {scores.shape}, {offsets.shape}"
        )
    boxes = decode(anchors, offsets.reshape(N, M, 4))
    classes, best = scores[..., 1:].argmax(axis=2), scores[..., 1:].max(axis=2)
    found = xp.empty((N, M, 6), boxes.dtype)
    for i in range(N):
        order = xp.asarray(np.argsort(-cuda.as_numpy(best[i]), kind="stable"))
        box, score, label = boxes[i][order], best[i][order], classes[i][order]
        n = int((score >= min_score).sum())  # the first n rows
        kept = batched_nms(box[:n], score[:n], label[:n], nms_threshold)
        found[i, :, 0] = -1
        found[i, kept, 0] = label[kept]
        found[i, :, 1], found[i, :, 2:] = score, box
    return found


# --- evaluation ---


def average_precision(scores, correct, n_truths, style="area"):
    """The mean precision over all values of recall, 0-1, for detections of one class. [not in the book]

    scores (N,); correct (N,), whether each detection found a box that none of a higher score had found; n_truths: how
    many boxes there are. The precision at a recall is the highest at this or a higher one. style: "area", the exact
    mean (Pascal VOC from 2010 on), or "11point", the mean at 0, 0.1, ..., 1 (VOC 2007).
    """
    if style not in ("area", "11point"):
        raise ValueError(f"average_precision: expected style 'area' or '11point', got {style!r}")
    if n_truths < 1:
        raise ValueError(f"average_precision: expected at least one box to find, got {n_truths}")
    scores, correct = cuda.as_numpy(scores), cuda.as_numpy(correct).astype(bool)
    if scores.shape != correct.shape or scores.ndim != 1:
        raise ValueError(f"average_precision: expected scores and correct (N,), got {scores.shape}, {correct.shape}")
    found = np.cumsum(correct[np.argsort(-scores, kind="stable")])
    recall = found / n_truths
    precision = np.maximum.accumulate((found / np.arange(1, len(found) + 1))[::-1])[::-1]  # the highest from here on
    if style == "area":
        return float(np.sum(np.diff(recall, prepend=0) * precision))
    levels = np.searchsorted(recall, np.arange(11) / 10)
    return float(np.append(precision, 0)[levels].mean())


def class_ap(preds, truths, threshold=0.5, style="area"):
    """{class: average precision} of the classes that occur in truths; arguments as in `mean_ap`. [not in the book]"""
    preds = [cuda.as_numpy(as_rows("mean_ap", "detections", p, 6)) for p in preds]
    truths = [cuda.as_numpy(as_rows("mean_ap", "labels", t, 5)) for t in truths]
    if len(preds) != len(truths):
        raise ValueError(
            f"mean_ap: expected as many images with detections as with labels, got {len(preds)}, {len(truths)}"
        )
    known = sorted({int(c) for t in truths for c in t[:, 0] if c >= 0})
    if not known:
        raise ValueError("mean_ap: expected at least one label, got none")
    found = {}
    for c in known:
        results = [found_boxes(p[p[:, 0] == c], t[t[:, 0] == c], threshold) for p, t in zip(preds, truths, strict=True)]
        scores, correct = (np.concatenate(parts) for parts in zip(*results, strict=True))
        found[c] = average_precision(scores, correct, sum((t[:, 0] == c).sum() for t in truths), style)
    return found


def found_boxes(preds, truths, threshold):
    """(scores, whether each is correct) of detections of one class in one image, by falling score."""
    preds = preds[np.argsort(-preds[:, 1], kind="stable")]
    overlap = iou(preds[:, 2:], truths[:, 1:])
    correct, free = np.zeros(len(preds), bool), np.ones(len(truths), bool)
    for n in range(len(preds) if len(truths) else 0):
        m = overlap[n].argmax()
        correct[n] = free[m] and overlap[n, m] >= threshold
        free[m] &= not correct[n]
    return preds[:, 1], correct


def mean_ap(preds, truths, threshold=0.5, style="area"):
    """The mean of the average precisions of the classes that occur in truths, 0-1. [not in the book]

    preds: for each image its detections (M, 6), as `detect` returns them; truths: for each image its labels (K, 5). In
    order of falling score a detection is correct if, of the boxes of its class in its image, the one that overlaps most
    with it has an iou of at least the threshold, and no other detection has found it. style as in `average_precision`.
    """
    return float(np.mean(list(class_ap(preds, truths, threshold, style).values())))
