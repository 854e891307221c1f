"""The Rosetta beyond the book: optimizers and schedules of stage 5 as PyTorch calls."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch.optim import lr_scheduler


def divided(groups: Any, params: Any) -> Any:
    """The param_groups: the last group may be "rest"."""
    found = [{"params": list(p.parameters()), **make.keywords} for p, make in groups if p != "rest"]
    taken = {id(p) for group in found for p in group["params"]}
    rest = [{"params": [p for p in params if id(p) not in taken], **make.keywords} for p, make in groups if p == "rest"]
    return found + rest


class TorchBeyondTraining:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    # --- optimizers ---

    def NAG(self, lr: float = 0.01, momentum: float = 0.9) -> Any:
        """An option of SGD. In the stages v includes lr, so a new lr affects only new gradients."""
        return partial(torch.optim.SGD, lr=lr, momentum=momentum, nesterov=True)

    def RMSprop(
        self, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, momentum: float = 0.0, centered: bool = False
    ) -> Any:
        """Has no other style, and starts at 0."""
        return partial(torch.optim.RMSprop, lr=lr, alpha=alpha, eps=eps, momentum=momentum, centered=centered)

    def AdamW(
        self,
        alpha: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> Any:
        """lr and betas; which parameters decay is decided by param_groups, in the stages by a function."""
        return partial(torch.optim.AdamW, lr=alpha, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)

    def ClipValue(self, limit: float) -> Any:
        """A function to call before step()."""
        clip = torch.nn.utils.clip_grad_value_
        return lambda optimizer: [clip(p, limit) for p in optimizer.param_groups[0]["params"] if p.grad is not None]

    def Grouped(self, groups: Any) -> Any:
        """Groups of parameters are an argument of every optimizer; all have the same rule."""
        return lambda params: groups[0][1].func(divided(groups, list(params)))

    # --- schedules ---

    def StepLR(self, optimizer: Any, step_size: int, gamma: float = 0.1) -> Any:
        return lr_scheduler.StepLR(optimizer, step_size, gamma)

    def MultiStepLR(self, optimizer: Any, milestones: Any, gamma: float = 0.1) -> Any:
        return lr_scheduler.MultiStepLR(optimizer, milestones, gamma)

    def ExponentialLR(self, optimizer: Any, gamma: float) -> Any:
        return lr_scheduler.ExponentialLR(optimizer, gamma)

    def LinearLR(self, optimizer: Any, start: float = 1 / 3, end: float = 1.0, total: int = 5) -> Any:
        return lr_scheduler.LinearLR(optimizer, start, end, total)

    def PolynomialLR(self, optimizer: Any, total: int, power: float = 1.0) -> Any:
        return lr_scheduler.PolynomialLR(optimizer, total, power)

    def CosineLR(self, optimizer: Any, total: int, minimum: float = 0.0) -> Any:
        """Rises again after T_max steps."""
        return lr_scheduler.CosineAnnealingLR(optimizer, total, minimum)

    def InverseLR(self, optimizer: Any, rate: float, power: float = 1.0) -> Any:
        """No direct equivalent."""
        return lr_scheduler.LambdaLR(optimizer, lambda t: (1 + rate * t) ** -power)

    def LambdaLR(self, optimizer: Any, f: Any) -> Any:
        return lr_scheduler.LambdaLR(optimizer, f)

    def WarmUp(self, schedule: Any, steps: int) -> Any:
        """A chain: ChainedScheduler([LinearLR(optimizer, 1 / steps, 1.0, steps - 1), schedule])."""
        start = lr_scheduler.LinearLR(schedule.optimizer, 1 / steps, 1.0, steps - 1)
        return lr_scheduler.ChainedScheduler([start, schedule])

    def OnPlateau(
        self,
        optimizer: Any,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        mode: Any = "min",
        cooldown: int = 0,
        minimum: float = 0.0,
    ) -> Any:
        """By default, changes of less than eps = 1e-8 are not made."""
        return lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, factor, patience, min_delta, cooldown=cooldown, min_lr=minimum, eps=0
        )

    def between(self, optimizer: Any, final: float, epochs: int, kind: str = "linear") -> Any:
        """No direct equivalent."""
        ratio = final / optimizer.param_groups[0]["lr"]
        if kind == "linear":
            return lr_scheduler.LinearLR(optimizer, 1.0, ratio, epochs - 1)
        return lr_scheduler.ExponentialLR(optimizer, ratio ** (1 / (epochs - 1)))
