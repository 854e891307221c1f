"""Gradients with and without create_graph, and in both stages, are bit-equal, also at sizes for which BLAS is used.

Both modes use one formula, with the same array calls on arrays of the same shape and layout, so the processor, the
number of threads and the layout of the initial gradient make no difference.
"""

import importlib

import numpy as np
import pytest

from crosscheck.compare import same_bytes
from crosscheck.stages import STAGES

PACKAGES = {stage.number: importlib.import_module(stage.package) for stage in STAGES if stage.number >= 4}
LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": lambda a: np.copy(a, order="F"),
    "gaps": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
}


def sequence(F, x, h, c, *weights):
    y, state = F.lstm(x, h, c, weights[:4], weights[4:8], weights[8:])
    return [y, *state]


def cell(F, x, h, c, *weights):
    return list(F.lstm_cell(x, h, c, weights[:4], weights[4:8], weights[8:]))


def weights(D, H):
    return [*[(D, H)] * 4, *[(H,)] * 4, *[(H, H)] * 4]


# The first stage that supports it; the function; the shapes of its inputs for three sizes.
TABLE = {
    "matmul": (4, lambda F, x, W: [F.matmul(x, W)], lambda N, D, H: [(N, D), (D, H)]),
    "matmul of batches": (4, lambda F, x, W: [F.matmul(x, W)], lambda N, D, H: [(3, N, D), (3, D, H)]),
    "matrix and vector": (4, lambda F, x, W: [F.matmul(x, W)], lambda N, D, H: [(N, D), (D,)]),
    "gram matrix": (4, lambda F, x: [F.matmul(F.transpose(x), x)], lambda N, D, H: [(N, D)]),
    "linear": (4, lambda F, x, W, b: [F.linear(x, W, b)], lambda N, D, H: [(N, D), (D, H), (H,)]),
    "softmax": (4, lambda F, x: [F.softmax(x)], lambda N, D, H: [(N, D)]),
    "broadcasting": (4, lambda F, x, b: [(x + b) * b / (x * x + 2.0)], lambda N, D, H: [(N, D, H), (D, 1)]),
    "conv2d": (5, lambda F, x, W, b: [F.conv2d(x, W, b, 1, 1)], lambda N, D, H: [(2, D, 9, 7), (H, D, 3, 2), (H,)]),
    "deconv2d": (5, lambda F, x, W, b: [F.deconv2d(x, W, b, 2, 1)], lambda N, D, H: [(2, D, 5, 4), (D, H, 3, 2), (H,)]),
    "lstm_cell": (5, cell, lambda N, D, H: [(N, D), (N, H), (N, H), *weights(D, H)]),
    "lstm": (5, sequence, lambda N, D, H: [(N, 4, D), (N, H), (N, H), *weights(D, H)]),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", TABLE)
def test_gradients_are_the_same_with_and_without_a_graph_and_in_both_stages(name, layout, dtype):
    since, f, shapes = TABLE[name]
    rng = np.random.default_rng(0)
    for size in ((1, 1, 1), (2, 3, 4), (7, 19, 5), (16, 33, 24), (40, 12, 34)):
        arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes(*size)]
        found = []
        for number, package in PACKAGES.items():
            if number < since:
                continue
            xs = [package.Variable(a) for a in arrays]
            ys = f(package.functions, *xs)
            drawn = np.random.default_rng(1)
            seeds = [LAYOUTS[layout](drawn.standard_normal(y.shape).astype(dtype)) for y in ys]
            found += [package.grad(ys, xs, seeds, create_graph=mode) for mode in (False, True, False)]
        for others in found[1:]:
            assert all(same_bytes(gx.data, other.data) for gx, other in zip(found[0], others, strict=True)), size
