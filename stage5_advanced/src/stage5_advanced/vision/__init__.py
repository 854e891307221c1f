"""Helpers for images, collected from the modules."""

from .augment import (
    Color,
    ColorJitter,
    Geometry,
    Joint,
    Pad,
    RandomAffine,
    RandomApply,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomErasing,
    RandomHue,
    RandomResizedCrop,
    RandomSaturation,
    RandomVerticalFlip,
)
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
