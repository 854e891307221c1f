"""The Rosetta beyond the book: images in another size and regions of images of stage 5 as PyTorch calls."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as nnF


def points_of(begin: float, end: float, cells: int, sampling: int, aligned: bool) -> Any:
    """The sampling points of the cells along one direction."""
    width = end - begin if aligned else max(end - begin, 1.0)
    i = torch.arange(cells * sampling, dtype=torch.float64)
    return begin + (i + 0.5) * (width / (cells * sampling))


def sampled(x: Any, rows: Any, columns: Any) -> Any:
    """The interpolated values of x (C, H, W) at rows and columns, 0 more than a pixel outside: (C, rows, columns)."""
    inside = [(at >= -1) & (at <= n) for at, n in ((rows, x.shape[1]), (columns, x.shape[2]))]
    y = 0
    for down in (0, 1):
        for right in (0, 1):
            index, weight = [], []
            for at, n, more in ((rows, x.shape[1], down), (columns, x.shape[2], right)):
                at = at.clamp(0, n - 1)
                low = at.floor()
                index.append((low.long() + more).clamp(max=n - 1).to(x.device))
                weight.append((at - low if more else 1 - (at - low)).to(x.dtype))
            found = x[:, index[0]][:, :, index[1]]
            y = y + found * torch.outer(weight[0] * inside[0], weight[1] * inside[1]).to(x)
    return y


class TorchBeyondResize:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def resize_bilinear(self, x: Any, size: Any, align_corners: bool = False) -> Any:
        return nnF.interpolate(x, size, mode="bilinear", align_corners=align_corners)

    def resize_nearest(self, x: Any, size: Any) -> Any:
        """Positions are computed in float32."""
        return nnF.interpolate(x, size, mode="nearest")

    def roi_pooling(self, x: Any, rois: Any, output_size: Any, spatial_scale: float = 1.0) -> Any:
        """torchvision.ops.roi_pool; this is a composition, with adaptive pooling of each box."""
        OH, OW = (output_size, output_size) if isinstance(output_size, int) else output_size
        found = []
        for n, *corners in rois.tolist():
            left, top, right, bottom = (int((torch.tensor(v) * spatial_scale + 0.5).floor()) for v in corners)
            H, W = max(bottom - top + 1, 1), max(right - left + 1, 1)
            lowest = torch.full((1, x.shape[1], H, W), -torch.inf, dtype=x.dtype, device=x.device)
            rows = [i for i in range(H) if 0 <= top + i < x.shape[2]]
            columns = [j for j in range(W) if 0 <= left + j < x.shape[3]]
            if rows and columns:
                part = x[int(n)][
                    None, :, top + rows[0] : top + rows[-1] + 1, left + columns[0] : left + columns[-1] + 1
                ]
                before = columns[0], W - 1 - columns[-1], rows[0], H - 1 - rows[-1]
                lowest = nnF.pad(part, before, value=-torch.inf)
            y = nnF.adaptive_max_pool2d(lowest, (OH, OW))
            found.append(torch.where(y == -torch.inf, 0, y))
        return torch.cat(found)

    def roi_align(
        self, x: Any, rois: Any, output_size: Any, spatial_scale: float = 1.0, sampling: int = 2, aligned: bool = True
    ) -> Any:
        """torchvision.ops.roi_align(sampling_ratio=sampling); it has no second derivative, and aligned is False."""
        OH, OW = (output_size, output_size) if isinstance(output_size, int) else output_size
        found = []
        for n, *corners in rois.tolist():
            left, top, right, bottom = (v * spatial_scale - (0.5 if aligned else 0) for v in corners)
            rows = points_of(top, bottom, OH, sampling, aligned)
            y = sampled(x[int(n)], rows, points_of(left, right, OW, sampling, aligned))
            found.append(y.reshape(-1, OH, sampling, OW, sampling).mean((2, 4)))
        return torch.stack(found)
