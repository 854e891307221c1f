"""Beyond the book: image classifiers, narrowed to a fraction of their channels, with weights from PyTorch's modules."""

from __future__ import annotations

from typing import Any

from ..inputs import SHAPES_ONLY, normal
from . import computation
from .layers import fixed

# --- blocks ---


def with_weights(fw: Any, block: Any, x: Any) -> Any:
    """The output of a block for x, with fixed weights."""
    if fw.name != "torch":
        block(fw.constant(fw.array(x)))  # determines the shapes
    fw.set_weights(block, fixed(fw.array(x), *(a.shape for a in fw.weights(block))))
    return block(x)


@computation(step=58, order=1, inputs=[normal()], shapes=((2, 8, 3, 4),), cases=SHAPES_ONLY)
def residual_blocks_by_default(fw: Any, x: Any) -> Any:
    """A Bottleneck and Residuals with required arguments only"""
    if fw.name == "torch":
        from ..frameworks import torch_models

        bottlenecks = [torch_models.Bottleneck(8, 2, 1, "torch", first) for first in (False, True, False)]
        blocks = [bottlenecks[0], fw.Sequential(*bottlenecks[1:])]
    else:
        blocks = [fw.models.Bottleneck(2, 8), fw.models.Residuals(2, 2, 8, (1, 1))]
    return [with_weights(fw, block, x) for block in blocks]
