"""The Rosetta beyond the book: model selection, averages of weights and a look into models as PyTorch calls."""

from __future__ import annotations

import fnmatch
from typing import Any

import torch


class TorchBeyondTrainer:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    def Subset(self, dataset: Any, indices: Any) -> Any:
        """Does not check the indices."""
        return torch.utils.data.Subset(dataset, indices)

    def split_dataset(self, dataset: Any, fractions: Any, rng: int = 0) -> Any:
        """Takes a torch.Generator."""
        return torch.utils.data.random_split(dataset, fractions, torch.Generator().manual_seed(rng))

    def ExponentialMovingAverage(self, model: Any, decay: float = 0.999, warmup: bool = False) -> Any:
        """Starts with a copy at its first update, made here, and has no warm-up: that is an avg_fn."""

        def average(shadow: Any, p: Any, number: Any) -> Any:
            d = min(decay, int(number) / (9 + int(number))) if warmup else decay
            return shadow * d + p * (1 - d)

        averaged = torch.optim.swa_utils.AveragedModel(model, avg_fn=average)
        averaged.update_parameters(model)
        return averaged

    def find_params(self, model: Any, pattern: str = "*") -> Any:
        """No direct equivalent."""
        return {name: p for name, p in model.named_parameters() if fnmatch.fnmatchcase(name.replace(".", "/"), pattern)}

    def count_params(self, model: Any) -> Any:
        """No direct equivalent; torchinfo.summary prints it."""
        return sum(p.numel() for p in model.parameters())

    def apply(self, model: Any, f: Any) -> Any:
        """A shared module is visited in each place."""
        return model.apply(f)

    def gradient_norms(self, model: Any) -> Any:
        """No direct equivalent; get_total_norm is that of all gradients together."""
        return {name: p.grad.norm() for name, p in model.named_parameters() if p.grad is not None}
