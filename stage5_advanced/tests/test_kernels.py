"""Kernels: each computes its formula, and a training step launches few of them.

Everything runs on the stand-in, whose kernels g++ compiles, and under `-m gpu` on CuPy itself.
"""

import shutil

import numpy as np
import pytest

from .stage import F, Variable, cuda, optimizers
from .test_device import OPTIMIZERS, one_parameter, place, step


@pytest.fixture
def xp_kernels(xp_device, monkeypatch):
    """The device with the switch turned on."""
    if on_standin(xp_device):
        if not shutil.which("g++"):
            pytest.skip("the stand-in compiles kernels with g++, which is not installed")
        for kernel in cuda.KERNELS:  # created before the first call, which compiles all of them at once
            for dtype in [[np.dtype("f")], [np.dtype("d")]] if isinstance(kernel, cuda.BlockKernel) else [[]]:
                kernel.compiled(*dtype)
    monkeypatch.setattr(cuda, "use_kernels", True)
    return xp_device


def on_standin(xp):
    """Whether the device is the stand-in, which counts launches."""
    return hasattr(xp, "launches")


OPTIMIZERS = OPTIMIZERS | {
    "NAG": optimizers.NAG,
    "RMSprop": optimizers.RMSprop,
    "RMSprop momentum": lambda: optimizers.RMSprop(momentum=0.9),
    "RMSprop centered": lambda: optimizers.RMSprop(momentum=0.5, centered=True),
    "RMSprop tensorflow": lambda: optimizers.RMSprop(momentum=0.5, style="tensorflow"),
    "AdamW": optimizers.AdamW,
}


def launched(xp, f):
    """How often f launches each kernel of the stand-in."""
    xp.launches.clear()
    f()
    return dict(xp.launches)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_update_by_one_kernel_is_that_on_the_host(xp_kernels, make, dtype):
    layers = [one_parameter(xp, 5, 3, dtype=dtype) for xp in (xp_kernels, np)]
    for layer in layers:
        optimizer, data = make().setup(layer), layer.p.data
        for number in range(3):
            step(optimizer, number)
        assert layer.p.data is data
        layer.states = [a for a in optimizer.states[layer.p].values() if a.ndim]
    found, expected = ([layer.p.data, *layer.states] for layer in layers)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(cuda.as_numpy(a), b, rtol=1e-5 if dtype is np.float32 else 1e-12)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_update_is_one_launch(xp_kernels, make):
    if not on_standin(xp_kernels):
        pytest.skip("only the stand-in counts launches")
    layer = one_parameter(xp_kernels, 3)
    optimizer = make().setup(layer)
    step(optimizer, 0)
    decay = {"imul": 1} if isinstance(optimizer, optimizers.AdamW) else {}
    found = launched(xp_kernels, optimizer.update)
    assert len(found) == 1 + len(decay)
    assert set(found.values()) == {1}


def test_the_kernel_of_a_gradient_runs_where_no_graph_is_recorded(xp_kernels):
    x = Variable(place(xp_kernels, [-1.0, 0.0, 2.0]))
    for create_graph in (False, True):
        x.cleargrad()
        F.relu(x).backward(create_graph=create_graph)
        np.testing.assert_array_equal(cuda.as_numpy(x.grad), [0.0, 0.0, 1.0])
        assert (x.grad.creator is not None) is create_graph
