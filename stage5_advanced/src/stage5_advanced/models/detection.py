"""Detection: TinySSD, a single-shot detector of small images, and its loss."""

from .. import functions as F
from ..core import Function, as_input
from ..layers import BatchNorm, Conv2d, check_sizes
from .base import Model, Sequential


def halving(channels):
    """Two convolutions with normalization and ReLU, and pooling: layers that halve the sides."""
    pair = [Conv2d(channels, 3, pad=1), BatchNorm(), F.relu]
    return [*pair, *[Conv2d(channels, 3, pad=1), BatchNorm(), F.relu], half]


def half(x):
    """The maxima of 2 x 2 pixels."""
    return F.max_pool2d(x, 2)


class TinySSD(Model):
    """A single-shot detector: on five maps of features, classes and offsets of four anchors at each position.

    x (N, C, H, W), sides of at least 64 -> anchors (M, 4), an array; scores (N, M, n_classes + 1), logits, the first of
    the background; offsets (N, M, 4). M counts the maps, in each row, column and anchor. For 256 x 256 it is 5,444.
    `ssd_loss` trains it, `vision.boxes.detect` makes detections of it. [not in the book]
    """

    sizes = ((0.2, 0.272), (0.37, 0.447), (0.54, 0.619), (0.71, 0.79), (0.88, 0.961))  # of the anchors of each map
    ratios = (1, 2, 0.5)

    def __init__(self, n_classes=1):
        super().__init__()
        check_sizes(self, n_classes=n_classes)
        self.n_classes = n_classes
        self.block0 = Sequential(*halving(16), *halving(32), *halving(64))
        self.block1, self.block2, self.block3 = (Sequential(*halving(128)) for _ in range(3))
        for i, sizes in enumerate(self.sizes):
            count = len(sizes) + len(self.ratios) - 1
            setattr(self, f"class{i}", Conv2d(count * (n_classes + 1), 3, pad=1))
            setattr(self, f"box{i}", Conv2d(count * 4, 3, pad=1))

    def maps(self, x):
        """The five maps of features, each half as large as the one before; the last has one position."""
        found = [self.block0(x)]
        for block in (self.block1, self.block2, self.block3):
            found.append(block(found[-1]))
        return [*found, F.global_max_pool(found[-1], keepdims=True)]

    def forward(self, x):
        from ..vision.boxes import anchors  # here, since few programs need it

        x = as_input(x, "TinySSD")
        if x.ndim != 4 or min(x.shape[2:]) < 64:
            raise ValueError(f"TinySSD: expected x (N, C, H, W) with sides of at least 64, got {x.shape}")
        boxes, scores, offsets = [], [], []
        for i, features in enumerate(self.maps(x)):
            boxes.append(anchors(features.shape[2:], self.sizes[i], self.ratios, x.shape[2:], x.dtype))
            scores.append(rows(getattr(self, f"class{i}")(features), self.n_classes + 1))
            offsets.append(rows(getattr(self, f"box{i}")(features), 4))
        return x.xp.concatenate([x.xp.asarray(a) for a in boxes]), F.concat(scores, 1), F.concat(offsets, 1)


def rows(y, width):
    """The numbers of each anchor as a row: (N, A * width, H, W) -> (N, H * W * A, width)."""
    return F.reshape(F.transpose(y, (0, 2, 3, 1)), (len(y), -1, width))


class HardNegatives(Function):
    """y = whether each anchor counts: positives, and `times` as many negatives of each image, of the largest losses."""

    not_differentiated = (0, 1)

    def __init__(self, times):
        self.times = times

    def forward(self, losses, labels):
        xp, positive = self.xp, labels > 0
        order = xp.where(positive, -xp.inf, losses).argsort(1)[:, ::-1]
        rank = xp.empty(order.shape, int)
        rank[xp.arange(len(rank))[:, None], order] = xp.arange(rank.shape[1])
        return positive | (rank < self.times * positive.sum(1, keepdims=True))

    def backward(self, gy):
        return None, None


def ssd_loss(scores, offsets, labels, targets, mask, *, box="l1", negatives=None):
    """The loss of a single-shot detector: of the classes of all anchors, and of the offsets where the mask is 1.

    scores (N, M, C + 1), offsets (N, M, 4); labels (N, M), 0 for the background; targets, mask (N, 4M) or (N, M, 4), as
    `vision.boxes.target` returns them. box: "l1" or "smooth_l1", the loss of offsets. Both terms are means over all
    elements. negatives: with a number, hard negative mining: in each image only that many times as many negatives as
    positives count, those of the largest losses; both terms are sums divided by the number of positives, at least 1.
    Raises ValueError if shapes do not match. [not in the book]
    """
    scores, offsets, labels = (as_input(v, "ssd_loss") for v in (scores, offsets, labels))
    targets, mask = (as_input(v, "ssd_loss") for v in (targets, mask))
    N, M = scores.shape[:2]
    if scores.ndim != 3 or labels.shape != (N, M) or not {offsets.size, targets.size, mask.size} == {4 * N * M}:
        raise ValueError(
            f"ssd_loss: expected scores (N, M, C), labels (N, M) and N M 4 offsets, targets and mask, "
            f"got {scores.shape}, {labels.shape}, {offsets.shape}, {targets.shape}, {mask.shape}"
        )
    losses = {"l1": F.l1_loss, "smooth_l1": F.smooth_l1_loss}
    if box not in losses:
        raise ValueError(f"ssd_loss: expected box 'l1' or 'smooth_l1', got {box!r}")
    offsets, targets, mask = (F.reshape(v, (N, M, 4)) for v in (offsets, targets, mask))
    if negatives is None:
        return F.softmax_cross_entropy(scores, labels, axis=2) + losses[box](offsets * mask, targets * mask)
    each = F.softmax_cross_entropy(scores, labels, axis=2, reduction="none")
    counted = F.cast(HardNegatives(negatives)(each, labels), each.dtype)
    positives = F.maximum(F.sum(F.cast(F.greater(labels, 0), each.dtype)), 1)
    return (F.sum(each * counted) + losses[box](offsets * mask, targets * mask, reduction="sum")) / positives
