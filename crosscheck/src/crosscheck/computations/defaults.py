"""Calls with the required arguments only, compared with PyTorch's adapters, which have the documented defaults."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs import DIFFERENCES, GPU, normal
from . import computation
from .training import OPTIMIZING, descent, paths

UPDATES = 5


@computation(step=46, **OPTIMIZING)
def optimizers_by_default(fw: Any, start: Any, slopes: Any) -> Any:
    """Five steps of each optimizer with its default hyperparameters"""
    found = []
    for kind in (fw.SGD, fw.MomentumSGD, fw.AdaGrad, fw.AdaDelta, fw.Adam):
        down = descent(fw, kind(), start, slopes)
        found += paths(down.step(number) for number in range(UPDATES))
    return found


@computation(step=57, inputs=[normal()], shapes=((1, 2, 3, 3),), cases=DIFFERENCES | GPU)
def convolutions_by_default(fw: Any, x: Any) -> Any:
    """Stride 1, no padding, no bias; as functions, and as instances of the classes behind them"""
    W = fw.constant(np.arange(16, dtype=fw.array(x).dtype).reshape(2, 2, 2, 2) / 8 - 1)
    columns = fw.im2col(x, 2)
    found = [fw.conv2d_simple(x, W), columns, fw.col2im(columns, (1, 2, 3, 3), 2), fw.pooling_simple(x, 2)]
    if fw.name == "torch":
        made = [fw.conv2d(x, W), fw.deconv2d(x, W), fw.pooling(x, 2), fw.average_pooling(x, 2)]
    else:
        F = fw.functions
        made = [F.Conv2d()(x, W), F.Deconv2d()(x, W), F.Pooling(2)(x), F.AveragePooling(2)(x)]
    return [y * y for y in found + made]


@computation(step=54, inputs=[normal(0.003)], shapes=((4, 2),), order=0, cases=GPU)
def batch_norm_by_default(fw: Any, x: Any) -> Any:
    """decay and eps of batch_norm under both of its names, at a variance of about eps; the running statistics"""
    dtype, found = fw.array(x).dtype, []
    for f in (fw.batch_norm, fw.batch_nrom):
        gamma, beta, mean, var = (fw.constant(np.full(2, value, dtype)) for value in (1.0, 0.0, 0.5, 2.0))
        found += [f(x, gamma, beta, mean, var), *(np.array(fw.array(a)) for a in (mean, var))]
    return found


@computation(step=60, inputs=[normal()], shapes=((3, 4),), order=0, cases=GPU)
def selections_by_default(fw: Any, x: Any) -> Any:
    """argmax and argmin over all axes, take along the first"""
    return fw.argmax(x), fw.argmin(x), fw.take(x, fw.constant(np.array([2, 0])))
