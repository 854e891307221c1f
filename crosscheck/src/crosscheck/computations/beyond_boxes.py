"""Beyond the book: boxes, their targets and detections, and scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..frameworks.base import Array
from .errors import errors
from .values import values

LOOPS = "the definition in loops over single boxes, or numbers of d2l; PyTorch has no boxes without torchvision"
FORMULA = "the formula in NumPy or in loops; PyTorch has no such scores"
A = np.array(
    [
        [0, 0.1, 0.2, 0.3],
        [0.15, 0.2, 0.4, 0.4],
        [0.63, 0.05, 0.88, 0.98],
        [0.66, 0.45, 0.8, 0.8],
        [0.57, 0.3, 0.92, 0.9],
    ]
)
LABELS = np.array([[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]])
FOUND = np.array([[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91], [0.55, 0.2, 0.9, 0.88]])
P = np.array([[0, 0.9, 0.1], [0, 0.8, 0.2], [0, 0.7, 0.3], [0, 0.1, 0.9]])
WHOLE = np.array([[0, 0, 4, 2], [0, 0, 2, 2], [3, 1, 5, 5], [1, 1, 1, 3], [3, 3, 2, 2]])


def overlap(a: Array, b: Array) -> float:
    """Intersection over union of two boxes."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = sum(max(0, x[2] - x[0]) * max(0, x[3] - x[1]) for x in (a, b))
    return float(width * height / (areas - width * height)) if width * height else 0.0


def overlaps(a: Array, b: Array) -> Array:
    """Of each pair."""
    return np.array([[overlap(x, y) for y in b] for x in a])


def around(size: tuple[int, int], shapes: Any, image: tuple[int, int]) -> Array:
    """The anchors of these sizes and ratios."""
    found = []
    for i in range(size[0]):
        for j in range(size[1]):
            for s, r in shapes:
                w, h = s * math.sqrt(r) * image[0] / image[1], s / math.sqrt(r)
                x, y = (j + 0.5) / size[1], (i + 0.5) / size[0]
                found.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    return np.array(found, np.float32)


def matched(a: Array, b: Array, threshold: float) -> Array:
    """The box of each anchor: the best pair of those left, again and again; then all above the threshold."""
    table = overlaps(a, b)
    found = np.where(table.max(1) >= threshold, table.argmax(1), -1)
    rows, columns = set(range(len(a))), set(range(len(b)))
    while rows and columns:
        value, n, m = max((table[n, m], -n, -m) for n in rows for m in columns)
        if value == 0:
            break
        found[-n] = -m
        rows.remove(-n)
        columns.remove(-m)
    return found


def offsets(a: Array, b: Array, variances: Any = (0.1, 0.2)) -> Array:
    """Offsets of boxes from anchors."""
    size, other = a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]
    center = ((b[:, :2] + b[:, 2:]) - (a[:, :2] + a[:, 2:])) / 2 / size / variances[0]
    return np.concatenate([center, np.log(other / size) / variances[1]], axis=1)


def targets(labels: list[Any], threshold: float = 0.5, variances: Any = (0.1, 0.2)) -> Any:
    """What is to be predicted for these labels."""
    results: list[list[Array]] = [[], [], []]
    for label in labels:
        label = np.array(label, float).reshape(-1, 5)
        index = matched(A, label[:, 1:], threshold) if len(label) else np.full(len(A), -1)
        mask = np.repeat(index >= 0, 4)
        chosen = label[index] if len(label) else np.zeros((len(A), 5))
        found = offsets(A, chosen[:, 1:], variances).ravel() if len(label) else np.zeros(mask.shape)
        parts = np.where(mask, found, 0), mask * 1.0, (index >= 0) * (chosen[:, 0] + 1)
        for result, part in zip(results, parts, strict=True):
            result.append(part)
    return [np.array(results[0]), np.array(results[1]), np.array(results[2]).astype(int)]


def kept(boxes: Array, scores: Any, threshold: float) -> Array:
    """The boxes that no better one suppresses."""
    found: list[int] = []
    for n in sorted(range(len(boxes)), key=lambda n: (-scores[n], n)):
        if all(overlap(boxes[n], boxes[k]) <= threshold for k in found):
            found.append(n)
    return np.array(found, int)


def rows(*classes: int) -> Array:
    """The detections of FOUND with these classes."""
    return np.array([[[c, P[i, 1:].max(), *FOUND[i]] for c, i in zip(classes, (0, 3, 1, 2), strict=True)]])


TRUTHS: Any = [[[0, 0, 0, 2, 2], [1, 4, 4, 6, 6], [-1, 0, 0, 0, 0]], [[0, 1, 1, 3, 3]], []]
PREDS: Any = [
    [[0, 0.9, 0, 0, 2, 2], [0, 0.8, 0, 0, 2, 1.8], [1, 0.3, 4, 4, 6, 5], [-1, 1, 0, 0, 2, 2]],
    [[0, 0.7, 1, 1, 3, 2.9]],
    [[1, 0.6, 4, 4, 6, 6], [2, 0.9, 0, 0, 1, 1]],
]
SCORES, CORRECT = [0.9, 0.5, 0.7, 0.6, 0.8], [1, 1, 1, 0, 0]

# fmt: off
values(
    60, LOOPS,
    ("forms_of_boxes", lambda fw: [fw.vision.convert(WHOLE, a, b) for a, b in
                                   (("xyxy", "xywh"), ("xywh", "cxcywh"), ("cxcywh", "xyxy"))],
     lambda: [np.concatenate(parts, 1) for parts in (
         (WHOLE[:, :2], WHOLE[:, 2:] - WHOLE[:, :2] + 0.0), (WHOLE[:, :2] + WHOLE[:, 2:] / 2, WHOLE[:, 2:]),
         (WHOLE[:, :2] - WHOLE[:, 2:] / 2, WHOLE[:, :2] + WHOLE[:, 2:] / 2))]),
    ("overlaps_of_boxes", lambda fw: [fw.vision.iou(FOUND, A), fw.vision.iou(WHOLE.astype(np.uint8), WHOLE)],
     lambda: [overlaps(FOUND, A), overlaps(WHOLE, WHOLE)]),
    ("overlaps_of_single_precision", lambda fw: fw.vision.iou(FOUND.astype("f"), FOUND.astype("f")).dtype,
     lambda: np.float32),
    ("anchors", lambda fw: fw.vision.anchors((2, 3), [0.75, 0.5], [1, 2, 0.5]),
     lambda: around((2, 3), [(0.75, 1), (0.5, 1), (0.75, 2), (0.75, 0.5)], (2, 3))),
    ("anchors_in_an_image", lambda fw: fw.vision.anchors((2, 3), [0.5], [2], (100, 400), np.float16).astype("f4"),
     lambda: around((2, 3), [(0.5, 2)], (100, 400)).astype("f2").astype("f4")),
    ("anchors_matched", lambda fw: [fw.vision.match(A, LABELS[:, 1:]), fw.vision.match(A, FOUND, 0.3),
                                    fw.vision.match(WHOLE, WHOLE + 1), fw.vision.match([], FOUND)],
     lambda: [matched(A, LABELS[:, 1:], 0.5), matched(A, FOUND, 0.3), matched(WHOLE, WHOLE + 1, 0.5),
              np.zeros(0, int)]),
    ("boxes_encoded", lambda fw: [fw.vision.encode(A[:4], FOUND), fw.vision.encode(A[:4], FOUND, (1, 2))],
     lambda: [offsets(A[:4], FOUND), offsets(A[:4], FOUND, (1, 2))]),
    ("boxes_decoded", lambda fw: [fw.vision.decode(A[:4], offsets(A[:4], FOUND)),
                                  fw.vision.decode(A[:4], offsets(A[:4], FOUND, (1, 2)), (1, 2))],
     lambda: [FOUND, FOUND]),
    ("targets_of_a_detector", lambda fw: [fw.vision.target(A, [LABELS, [], [[-1] * 5, LABELS[1]]]),
                                          fw.vision.target(A, LABELS[None], 0.05, (1, 2))],
     lambda: [targets([LABELS, [], LABELS[1:]]), targets([LABELS], 0.05, (1, 2))]),
    ("targets_of_d2l", lambda fw: np.round(fw.vision.target(A, [LABELS])[0].reshape(5, 4)[[1, 2, 4]], 2) + 0.0,
     lambda: np.array([[1.4, 10, 2.59, 7.18], [-1.2, 0.27, 1.68, -1.57], [-0.57, -1, 0, 0.63]])),
    ("boxes_kept", lambda fw: [fw.vision.nms(FOUND, P[:, 1]), fw.vision.nms(FOUND, P[:, 1], 0.6),
                               fw.vision.nms(WHOLE, [1, 2, 2, 2, 2], 0.2), fw.vision.nms(WHOLE, [1, 1, 1, 1, 1], 0.5)],
     lambda: [kept(FOUND, P[:, 1], 0.5), kept(FOUND, P[:, 1], 0.6), kept(WHOLE, [1, 2, 2, 2, 2], 0.2),
              np.arange(5)]),
    ("boxes_kept_of_each_class",
     lambda fw: [fw.vision.batched_nms(FOUND, P[:, 1], np.array([0, 1, 0, 1])),
                 fw.vision.batched_nms(FOUND, P[:, 1], np.array([0, 0, 0, 1]), 0.6)],
     lambda: [np.array([0, 1, 3]), np.array([0, 2, 3])]),
    ("detections", lambda fw: [fw.vision.detect(P[None], np.zeros((1, 16)), FOUND),
                               fw.vision.detect(P[None], np.zeros((1, 4, 4)), FOUND, 0.6, 0.75),
                               fw.vision.detect(P[None], np.zeros((1, 4, 4)), FOUND, 0.6)],
     lambda: [rows(0, 1, -1, -1), rows(0, 1, -1, -1), rows(0, 1, -1, 0)]),
    ("detections_are_moved",
     lambda fw: fw.vision.detect(P[None, :1], np.array([[[1.0, 0, 5, 0]]]), FOUND[:1])[0, 0, 2:],
     lambda: np.array([0.31 + 0.042 - 0.21 * math.e, 0.08, 0.31 + 0.042 + 0.21 * math.e, 0.92])),
    ("average_precision", lambda fw: [fw.vision.average_precision(SCORES, CORRECT, 4),
                                      fw.vision.average_precision(SCORES, CORRECT, 4, "11point"),
                                      fw.vision.average_precision([], [], 2)],
     lambda: [(1 + 2 / 3 + 3 / 5) / 4, (3 + 2 + 6 / 5) / 11, 0.0]),
    ("average_precision_of_classes", lambda fw: [fw.vision.class_ap(PREDS, TRUTHS),
                                                 fw.vision.class_ap(PREDS, TRUTHS, 0.96, "11point")],
     lambda: [{0: (1 + 2 / 3) / 2, 1: 0.5}, {0: 6 / 11, 1: 0.0}]),
    ("mean_average_precision", lambda fw: [fw.vision.mean_ap(PREDS, TRUTHS),
                                           fw.vision.mean_ap(PREDS, TRUTHS, 0.96, "11point")],
     lambda: [((1 + 2 / 3) / 2 + 0.5) / 2, 3 / 11]),
    since=5,
)
errors(
    60,
    ("boxes_in_an_unknown_form", lambda fw: fw.vision.convert(FOUND, "xyxy", "yxyx"),
     ValueError, "convert: expected a form of ['xyxy', 'xywh', 'cxcywh'], got 'yxyx'"),
    ("box_of_three_numbers", lambda fw: fw.vision.convert([1, 2, 3], "xyxy", "xywh"),
     ValueError, "convert: expected boxes (..., 4), got (3,)"),
    ("overlaps_of_a_single_box", lambda fw: fw.vision.iou(FOUND[0], FOUND),
     ValueError, "iou: expected boxes (N, 4), got (4,)"),
    ("anchors_without_sizes", lambda fw: fw.vision.anchors((2, 2), [], [1]),
     ValueError, "anchors: expected positive sizes, got []"),
    ("boxes_with_too_few_scores", lambda fw: fw.vision.nms(FOUND, [1, 2]),
     ValueError, "nms: expected one score for each box, got boxes (4, 4) and scores (2,)"),
    ("boxes_with_too_few_classes", lambda fw: fw.vision.batched_nms(FOUND, P[:, 1], [1]),
     ValueError, "batched_nms: expected one class for each score, got (1,) and (4,)"),
    ("detections_of_too_few_scores", lambda fw: fw.vision.detect(P[None, :2], np.zeros((1, 16)), FOUND),
     ValueError, "detect: expected scores (N, 4, classes and background), offsets (N, 4, 4), got (1, 2, 3), (1, 16)"),
    ("average_precision_in_an_unknown_style", lambda fw: fw.vision.average_precision([1], [1], 1, "mean"),
     ValueError, "average_precision: expected style 'area' or '11point', got 'mean'"),
    ("average_precision_of_no_boxes", lambda fw: fw.vision.average_precision([1], [1], 0),
     ValueError, "average_precision: expected at least one box to find, got 0"),
    ("average_precision_of_too_few_scores", lambda fw: fw.vision.average_precision([1], [1, 0], 1),
     ValueError, "average_precision: expected scores and correct (N,), got (1,), (2,)"),
    ("mean_ap_of_too_few_images", lambda fw: fw.vision.mean_ap([[]], [[], []]),
     ValueError, "mean_ap: expected as many images with detections as with labels, got 1, 2"),
    ("mean_ap_without_labels", lambda fw: fw.vision.mean_ap([[]], [[]]),
     ValueError, "mean_ap: expected at least one label, got none"),
    since=5,
)
# fmt: on

# --- scores ---

T, Y = np.array([0, 0, 1, 1, 255, 3]), np.array([0, 1, 1, 1, 0, 0])
TABLE = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0], [0.3, 0.3, 0.4]])
PRICES, GUESSES = np.array([1.0, 3.0, 20.0]), np.array([-5.0, 4.0, 18.0])


def mean(*numbers: float) -> float:
    """The mean."""
    return sum(numbers) / len(numbers)


# fmt: off
values(
    60, FORMULA,
    ("confusion_of_classes", lambda fw: [fw.scores.confusion(T[:4], Y[:4], 2), fw.scores.confusion(T, Y, 4, 255)],
     lambda: [np.array([[1, 1], [0, 2]]), np.array([[1, 1, 0, 0], [0, 2, 0, 0], [0] * 4, [1, 0, 0, 0]])]),
    ("accuracy_of_pixels", lambda fw: [fw.scores.pixel_accuracy(T, Y), fw.scores.pixel_accuracy(T, Y, 255)],
     lambda: [0.5, 0.6]),
    ("mean_iou_of_pixels", lambda fw: [fw.scores.mean_iou(T[:4], Y[:4], 3), fw.scores.mean_iou(T, Y, 5, 255)],
     lambda: [7 / 12, np.array([1 / 2, 2 / 3, np.nan]), 1 / 3, np.array([1 / 3, 2 / 3, np.nan, 0, np.nan])]),
    ("top_k_of_classes", lambda fw: [fw.scores.top_k(np.array([2, 1, 0]), TABLE, k) for k in (1, 2, 3)],
     lambda: [1 / 3, 1.0, 1.0]),
    ("top_five_of_classes", lambda fw: fw.scores.top_k(np.arange(8), np.tile(np.arange(8.0), (8, 1))), lambda: 5 / 8),
    ("f1_of_a_class", lambda fw: [fw.scores.f1(T, Y), fw.scores.f1(T, Y, 0), fw.scores.f1(T, Y, 7)],
     lambda: [4 / 5, 2 / 5, 0.0]),
    ("errors_of_prices", lambda fw: [fw.scores.mae(PRICES, GUESSES), fw.scores.rmse_log(PRICES, GUESSES)],
     lambda: [3.0, math.sqrt(mean(0, math.log(4 / 3) ** 2, math.log(18 / 20) ** 2))]),
    ("perplexity", lambda fw: [fw.scores.perplexity(np.log([2.0, 8.0])), fw.scores.perplexity(1e9)],
     lambda: [4.0, math.inf]),
    ("bleu_of_a_sentence", lambda fw: [fw.scores.bleu("A B B C D", "A B C D E F", 2), fw.scores.bleu("A B", list("AB")),
                                       fw.scores.bleu("A B B C D", "A B C D E F"), fw.scores.bleu("", "A"),
                                       fw.scores.bleu("A B C", "A B", 1)],
     lambda: [math.exp(-1 / 5) * (4 / 5) ** 0.5 * (3 / 4) ** 0.25, 1.0, 0.0, 0.0, (2 / 3) ** 0.5]),
    ("bleu_of_a_corpus",
     lambda fw: [fw.scores.corpus_bleu(["the cat is on the mat today", "there is a dog in the park"],
                                       ["the cat is on a mat", "there is a dog in a big park"]),
                 fw.scores.corpus_bleu(["a b c"], ["a b c d"], 2), fw.scores.corpus_bleu(["a b"], ["a b"])],
     lambda: [(11 / 14 * 7 / 12 * 5 / 10 * 3 / 8) ** 0.25, math.exp(-1 / 3), 0.0]),
    since=5,
)
errors(
    60,
    ("scores_of_nothing", lambda fw: fw.scores.mae([], []),
     ValueError, "mae: expected t and y of one shape, not empty, got (0,) and (0,)"),
    ("confusion_of_floats", lambda fw: fw.scores.confusion([0.0], [0.0], 2),
     TypeError, "confusion: expected integers, got float64 and float64"),
    ("confusion_of_too_many_classes", lambda fw: fw.scores.confusion([0], [2], 2),
     ValueError, "confusion: expected classes from 0 to 1, got 2 to 2"),
    ("mean_iou_of_ignored_targets", lambda fw: fw.scores.mean_iou([9], [0], 2, 9),
     ValueError, "mean_iou: expected a target other than 9, got none"),
    ("accuracy_of_ignored_pixels", lambda fw: fw.scores.pixel_accuracy([9], [0], 9),
     ValueError, "pixel_accuracy: expected a target other than 9, got none"),
    ("top_five_of_two_classes", lambda fw: fw.scores.top_k(np.array([0, 1]), np.eye(2)),
     ValueError, "top_k: expected t (N,), y (N, C) and k from 1 to C, got (2,), (2, 2) and 5"),
    ("logarithm_of_a_price_of_nothing", lambda fw: fw.scores.rmse_log(np.zeros(1), np.ones(1)),
     ValueError, "rmse_log: expected positive targets, got 0.0"),
    ("perplexity_of_nothing", lambda fw: fw.scores.perplexity([]),
     ValueError, "perplexity: expected at least one loss, got (0,)"),
    ("bleu_of_no_n_grams", lambda fw: fw.scores.bleu("a", "a", 0),
     ValueError, "bleu: expected k to be at least 1, got 0"),
    ("bleu_without_references", lambda fw: fw.scores.corpus_bleu(["a"], []),
     ValueError, "corpus_bleu: expected one reference for each prediction, got 1 and 0"),
    since=5,
)
# fmt: on
