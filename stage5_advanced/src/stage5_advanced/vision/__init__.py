"""Helpers for images, collected from the modules."""

from .boxes import (
    anchors,
    average_precision,
    batched_nms,
    class_ap,
    convert,
    decode,
    detect,
    encode,
    iou,
    match,
    mean_ap,
    nms,
    target,
)
