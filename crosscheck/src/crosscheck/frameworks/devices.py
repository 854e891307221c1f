"""Frameworks on a GPU: inputs are copied to the device, results are copied back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import UsageError
from .base import Array, Framework
from .book import BookStyle


class OnGPU(BookStyle):
    """A stage with CuPy: variables, constants, layers and batches are on the GPU; `array` returns NumPy arrays."""

    device = "cuda"

    def __init__(self, cpu: BookStyle):
        super().__init__(cpu.name, cpu.modules, cpu.number)
        self.cpu = cpu
        self.owns_gradients = False  # `array` returns copies, which always own their memory
        self.xp = self.cupy.cupy

    @property
    def cupy(self) -> Any:
        """The stage's `cuda` module."""
        return self.modules[0].cuda

    def find(self, name: str) -> Any:
        """Layers and batches are moved to the GPU on construction, arrays when they become variables."""
        found = super().find(name)
        if name in ("Parameter", "as_variable"):
            return lambda data: found(self.there(data))
        if name.endswith("DataLoader"):
            return lambda *arguments, **options: found(*arguments, **options, gpu=True)
        if isinstance(found, type) and issubclass(found, super().find("Layer")):
            return lambda *arguments, **options: self.moved(found(*arguments, **options))
        return found

    def there(self, data: Any) -> Any:
        """A NumPy array on the GPU; anything else unchanged."""
        return self.cupy.as_cupy(data) if isinstance(data, np.ndarray) else data

    def moved(self, layer: Any) -> Any:
        layer.to_gpu()
        return layer

    def Variable(self, data: Any) -> Any:
        return super().Variable(self.there(data))

    def constant(self, a: Array) -> Any:
        return self.there(a)

    def array(self, x: Any) -> Array:
        a: Array = self.cupy.as_numpy(super().array(x))
        return a

    def function(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
        def back(*arrays: Any) -> Any:
            gxs = backward(*map(self.there, arrays))
            return tuple(map(self.array, gxs)) if isinstance(gxs, tuple) else self.array(gxs)

        return super().function(forward, back)

    def set_weights(self, layer: Any, arrays: Sequence[Array]) -> None:
        super().set_weights(layer, arrays)
        self.moved(layer)


def on_gpu(stage: BookStyle, load_torch: Callable[[], Framework]) -> tuple[OnGPU, Framework]:
    """The stage and PyTorch, both on the GPU. Raises UsageError if either finds none."""
    try:
        stage.modules[0].cuda.as_cupy(0)
    except (AttributeError, RuntimeError) as error:
        raise UsageError(f"--device cuda: {stage.name}: {error}") from None
    oracle = load_torch()
    import torch

    if not torch.cuda.is_available():
        raise UsageError("--device cuda: torch: no GPU found, or this PyTorch was built without CUDA")
    torch.set_default_device("cuda")
    torch.backends.cudnn.allow_tf32 = False  # full float32 precision
    oracle.device = "cuda"
    return OnGPU(stage), oracle
