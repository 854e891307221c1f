"""The Rosetta beyond the book: initializers of stage 5 as PyTorch calls, which draw from NumPy's generator here."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from torch.nn import init

from .torch_training import of_numpy


class Drawn(torch.Tensor):
    """A tensor that is filled with the numbers that NumPy draws for the same array in the layout of the stages."""

    kernels = False  # whether it has the elements of the kernels of a convolution

    def new_empty(self, *shape: Any, **_: Any) -> Any:
        new = torch.empty(*shape, dtype=self.dtype).as_subclass(Drawn)
        new.kernels = self.ndim > 2
        return new

    def fill_by(self, draw: Callable[[Any], Any]) -> Any:
        matrix = self.ndim == 2 and not self.kernels  # (out, in), in the stages (in, out)
        drawn = draw(tuple(self.shape[::-1] if matrix else self.shape))
        return torch.Tensor.copy_(self, torch.from_numpy(drawn.T if matrix else drawn))

    def normal_(self, mean: float = 0.0, std: float = 1.0, **_: Any) -> Any:
        return self.fill_by(lambda shape: np.random.standard_normal(shape) * std + mean)

    def uniform_(self, from_: float = 0.0, to: float = 1.0, **_: Any) -> Any:
        return self.fill_by(lambda shape: np.random.uniform(from_, to, shape))


def drawn(fill: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function of PyTorch that fills a tensor, as an initializer of the stages."""

    def initializer(shape: Any, dtype: Any = np.float32) -> Any:
        matrix = len(shape) == 2
        tensor = torch.empty(*(shape[::-1] if matrix else shape), dtype=of_numpy(dtype))
        filled = fill(tensor.as_subclass(Drawn)).as_subclass(torch.Tensor)
        return filled.T if matrix else filled

    initializer.fill = fill  # type: ignore[attr-defined]
    return initializer


class TorchBeyondInitializers:
    """Each method returns the PyTorch call, which fills a tensor in place; its docstring is the difference, if any."""

    def Constant(self, c: float) -> Any:
        return drawn(lambda t: init.constant_(t, c))

    def Zeros(self) -> Any:
        return drawn(init.zeros_)

    def Ones(self) -> Any:
        return drawn(init.ones_)

    def Normal(self, std: float = 0.01, mean: float = 0.0) -> Any:
        """Other argument order; std is 1 by default."""
        return drawn(lambda t: init.normal_(t, mean, std))

    def TruncatedNormal(self, std: float = 0.01, cut: float = 2.0) -> Any:
        """The bounds are absolute. It computes the numbers from uniform ones, without drawing any again."""
        return drawn(lambda t: init.trunc_normal_(t, std=std, a=-cut * std, b=cut * std))

    def Uniform(self, low: float, high: float) -> Any:
        return drawn(lambda t: init.uniform_(t, low, high))

    def Glorot(self, gain: float = 1.0, normal: bool = False) -> Any:
        """Counts axis 1 as the inputs, also for transposed convolutions; ignores groups."""
        return drawn(lambda t: (init.xavier_normal_ if normal else init.xavier_uniform_)(t, gain))

    Xavier = Glorot

    def He(self, mode: Any = "fan_in", normal: bool = True, slope: float = 0.0) -> Any:
        """Counts axis 1 as the inputs, also for transposed convolutions; ignores groups."""
        return drawn(lambda t: (init.kaiming_normal_ if normal else init.kaiming_uniform_)(t, slope, mode))

    Kaiming = He

    def LeCun(self, normal: bool = True) -> Any:
        """An option of kaiming_normal_."""
        return drawn(lambda t: (init.kaiming_normal_ if normal else init.kaiming_uniform_)(t, nonlinearity="linear"))

    def Orthogonal(self, gain: float = 1.0) -> Any:
        return drawn(lambda t: init.orthogonal_(t, gain))

    def Identity(self) -> Any:
        return drawn(init.eye_)

    def Bilinear(self) -> Any:
        """No direct equivalent: interpolate a single pixel."""
        return drawn(bilinear)

    def initialize(self, model: Any, initializer: Any, *inputs: Any, names: str = "*/W") -> Any:
        """No direct equivalent: model.apply(f), or a loop over parameters."""
        chosen = [p for name, p in parameters_after(model, inputs) if fnmatchcase(f"/{name}", names)]
        return [initializer.fill(p.data.as_subclass(Drawn)) for p in chosen]


def parameters_after(model: Any, inputs: Any) -> Any:
    """The parameters by the paths of the stages, initialized by a call if there are inputs."""
    with torch.no_grad():
        model(*inputs) if inputs else None
    for name, p in model.named_parameters():
        yield name.replace(".", "/").replace("weight", "W").replace("bias", "b"), p


def bilinear(t: Any) -> Any:
    """Weights of transposed convolution that interpolate: a triangle along each axis."""
    axes = []
    for n in t.shape[2:]:
        half = (n + 1) // 2
        axes.append(1 - (torch.arange(n, dtype=t.dtype) - (half - 1 if n % 2 else half - 0.5)).abs() / half)
    kernel = axes[0][:, None] * axes[1]
    channels = torch.ones(t.shape[:2]) if t.shape[1] < t.shape[0] else torch.eye(*t.shape[:2])
    return t.copy_(channels[:, :, None, None] * kernel)
