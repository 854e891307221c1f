"""The Rosetta beyond the book: detection and segmentation of stage 5 as PyTorch modules."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as nnF


def halving(before: int, channels: int) -> list[Any]:
    """The layers of a block that halves the sides."""
    layers = []
    for size in (before, channels):
        norm = torch.nn.BatchNorm2d(channels)
        layers += [torch.nn.Conv2d(size, channels, 3, padding=1), norm, torch.nn.ReLU()]
    return [*layers, torch.nn.MaxPool2d(2)]


class TinySSDModule(torch.nn.Module):
    """Five maps of features, with two convolutions each."""

    SIZES = ((0.2, 0.272), (0.37, 0.447), (0.54, 0.619), (0.71, 0.79), (0.88, 0.961))

    def __init__(self, n_classes: int):
        super().__init__()
        self.n_classes = n_classes
        self.block0 = torch.nn.Sequential(*halving(3, 16), *halving(16, 32), *halving(32, 64))
        self.block1 = torch.nn.Sequential(*halving(64, 128))
        self.block2 = torch.nn.Sequential(*halving(128, 128))
        self.block3 = torch.nn.Sequential(*halving(128, 128))
        for i in range(5):
            channels = 64 if i == 0 else 128
            self.add_module(f"class{i}", torch.nn.Conv2d(channels, 4 * (n_classes + 1), 3, padding=1))
            self.add_module(f"box{i}", torch.nn.Conv2d(channels, 16, 3, padding=1))

    def maps(self, x: Any) -> list[Any]:
        """The maps of features."""
        found = [self.block0(x)]
        for block in (self.block1, self.block2, self.block3):
            found.append(block(found[-1]))
        return [*found, torch.amax(found[-1], (2, 3), keepdim=True)]

    def forward(self, x: Any) -> Any:
        boxes, scores, offsets = [], [], []
        for i, features in enumerate(self.maps(x)):
            H, W = features.shape[2:]
            shapes = [(s, 1.0) for s in self.SIZES[i]] + [(self.SIZES[i][0], r) for r in (2.0, 0.5)]
            for row in range(H):
                for column in range(W):
                    for s, r in shapes:
                        w, h = s * math.sqrt(r) * x.shape[2] / x.shape[3], s / math.sqrt(r)
                        cx, cy = (column + 0.5) / W, (row + 0.5) / H
                        boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
            scores.append(getattr(self, f"class{i}")(features).movedim(1, -1).reshape(len(x), -1, self.n_classes + 1))
            offsets.append(getattr(self, f"box{i}")(features).movedim(1, -1).reshape(len(x), -1, 4))
        return torch.tensor(boxes, dtype=x.dtype), torch.cat(scores, 1), torch.cat(offsets, 1)


class FCNModule(torch.nn.Module):
    """A trunk, 1 x 1 kernels and a transposed convolution."""

    def __init__(self, trunk: Any, n_classes: int, stride: int, channels: int):
        super().__init__()
        self.trunk = trunk
        self.score = torch.nn.Conv2d(channels, n_classes, 1)
        size = 2 * stride - stride % 2
        self.enlarge = torch.nn.ConvTranspose2d(n_classes, n_classes, size, stride, padding=stride // 2)
        self.enlarge.weight.data = bilinear(n_classes, n_classes, size)

    def forward(self, x: Any) -> Any:
        return self.enlarge(self.score(self.trunk(x)))


def bilinear(C: int, OC: int, k: int) -> Any:
    """The weights of a transposed convolution that interpolates each channel, in float32."""
    factor = (k + 1) // 2
    center = factor - 1 if k % 2 == 1 else factor - 0.5
    i = torch.arange(k, dtype=torch.float64)
    triangle = 1 - (i - center).abs() / factor
    channels = torch.eye(C, OC, dtype=torch.float64) if OC == C else torch.ones(C, OC, dtype=torch.float64)
    return (channels[:, :, None, None] * torch.outer(triangle, triangle)).float()


class TorchBeyondDetection:
    """Each method returns the PyTorch module or call; its docstring is the difference, if any."""

    def TinySSD(self, n_classes: int = 1) -> Any:
        """There is no such model in torchvision, which has SSD300."""
        return TinySSDModule(n_classes)

    def ssd_loss(
        self, scores: Any, offsets: Any, labels: Any, targets: Any, mask: Any, *, box: str = "l1", negatives: Any = None
    ) -> Any:
        """The loss inside of torchvision.models.detection.SSD, which has box="smooth_l1" and negatives=3."""
        offsets, targets, mask = (v.reshape(*labels.shape, 4) for v in (offsets, targets, mask))
        f = nnF.l1_loss if box == "l1" else nnF.smooth_l1_loss
        each = nnF.cross_entropy(scores.movedim(2, 1), labels, reduction="none")
        if negatives is None:
            return each.mean() + f(offsets * mask, targets * mask)
        counted = torch.zeros_like(each)
        for row, classes, losses in zip(counted, labels, each.detach(), strict=True):
            positive = classes > 0
            order = sorted((i for i in range(len(classes)) if not positive[i]), key=lambda i: -losses[i])
            row[positive] = 1
            row[order[: int(negatives * positive.sum())]] = 1
        total = (each * counted).sum() + f(offsets * mask, targets * mask, reduction="sum")
        return total / max(int((labels > 0).sum()), 1)

    def FCN(self, trunk: Any, n_classes: int, stride: int = 32, channels: int = 512) -> Any:
        """There is no such model in torchvision, whose FCN interpolates; the channels of the trunk must be given."""
        return FCNModule(trunk, n_classes, stride, channels)

    def bilinear_kernel(self, C: int, OC: int, k: int) -> Any:
        """There is no such function."""
        return bilinear(C, OC, k)
