"""The Rosetta for training: layers, models, optimizers and data loaders as PyTorch calls."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch


def of_numpy(dtype: Any) -> Any:
    """np.float32 -> torch.float32"""
    return torch.from_numpy(np.empty(0, dtype)).dtype


def module(f: Any) -> Any:
    """A function as a module, as PyTorch's Sequential requires."""
    if isinstance(f, torch.nn.Module):
        return f
    made = torch.nn.Module()
    made.forward = f
    return made


def on_default_device() -> Any:
    """A new random generator for tensors on the default device."""
    return torch.Generator(torch.get_default_device()).manual_seed(int(torch.randint(2**31, ()).item()))


class TorchTraining:
    """Each method returns the PyTorch call; its docstring is the difference, if any."""

    # --- layers and models ---

    def Parameter(self, data: Any) -> Any:
        return torch.nn.Parameter(torch.tensor(data))

    def Layer(self) -> Any:
        return torch.nn.Module()

    def params(self, layer: Any) -> Any:
        """A module's own parameters precede those of its submodules; in the stages, the order of assignment."""
        return layer.parameters()

    def named_params(self, layer: Any) -> Any:
        """Dots instead of slashes: l0.weight, l0.bias. A shared parameter is listed once."""
        return layer.named_parameters()

    def cleargrads(self, layer: Any) -> Any:
        return layer.zero_grad()

    def Linear(self, out_size: int, nobias: bool = False, dtype: Any = np.float32, in_size: Any = None) -> Any:
        """Without in_size, LazyLinear. The weight is (out, in). Weights and bias are initialized uniformly."""
        if in_size is None:
            return torch.nn.LazyLinear(out_size, not nobias, dtype=of_numpy(dtype))
        return torch.nn.Linear(in_size, out_size, not nobias, dtype=of_numpy(dtype))

    def Model(self) -> Any:
        """Has no plot; see torchviz."""
        return torch.nn.Module()

    def Sequential(self, *layers: Any) -> Any:
        """Takes modules only, such as torch.nn.ReLU(); the stages also take functions."""
        return torch.nn.Sequential(*map(module, layers))

    def MLP(self, fc_output_sizes: Any, activation: Any = torch.sigmoid) -> Any:
        """torchvision.ops has one; this is the equivalent Sequential."""
        pairs = [(module(activation), self.Linear(size)) for size in fc_output_sizes]
        return torch.nn.Sequential(*list(chain(*pairs))[1:])

    # --- optimizers ---

    def SGD(self, lr: float = 0.01) -> Any:
        """The learning rate is optimizer.param_groups[0]["lr"], in the stages optimizer.lr."""
        return partial(torch.optim.SGD, lr=lr)

    def MomentumSGD(self, lr: float = 0.01, momentum: float = 0.9) -> Any:
        """v <- momentum v + g, p -= lr v; in the stages v includes lr, so a new lr affects only new gradients."""
        return partial(torch.optim.SGD, lr=lr, momentum=momentum)

    def AdaGrad(self, lr: float = 0.001, eps: float = 1e-8) -> Any:
        """Defaults: lr 0.01, eps 1e-10."""
        return partial(torch.optim.Adagrad, lr=lr, eps=eps)

    def AdaDelta(self, rho: float = 0.95, eps: float = 1e-6) -> Any:
        """Defaults: rho 0.9, and lr 1.0, an argument; in the stages lr is only an attribute."""
        return partial(torch.optim.Adadelta, rho=rho, eps=eps)

    def Adam(self, alpha: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Any:
        """lr and betas; in the stages the argument alpha sets the attribute lr."""
        return partial(torch.optim.Adam, lr=alpha, betas=(beta1, beta2), eps=eps)

    def setup(self, optimizer: Any, target: Any) -> Any:
        """Parameters are passed to the constructor: torch.optim.SGD(model.parameters(), lr=0.01)."""
        return optimizer(target.parameters())

    def update(self, optimizer: Any) -> Any:
        return optimizer.step()

    def state(self, optimizer: Any) -> Any:
        """A nested dict by parameter index; the stages return hyperparameters by name and arrays by path."""
        return optimizer.state_dict()

    def load_state(self, optimizer: Any, state: Any) -> Any:
        return optimizer.load_state_dict(state)

    def add_hook(self, optimizer: Any, f: Any) -> Any:
        """Hooks receive the optimizer; in the stages, the parameters that have gradients."""

        def hook(*_: Any) -> None:
            f(optimizer)

        hook()  # once before any gradient is computed: see FreezeParam
        return optimizer.register_step_pre_hook(hook)

    def WeightDecay(self, rate: float) -> Any:
        """An option rather than a hook: SGD(params, weight_decay=rate), applied after clipping. AdamW decouples it."""
        return lambda optimizer: optimizer.param_groups[0].update(weight_decay=rate)

    def ClipGrad(self, max_norm: float) -> Any:
        """A function to call before step()."""
        return lambda optimizer: torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], max_norm)

    def FreezeParam(self, *layers: Any) -> Any:
        """Gradients are no longer computed; in the stages they are computed and discarded."""
        return lambda optimizer: [layer.requires_grad_(False) for layer in layers]

    # --- data ---

    def Dataset(self) -> Any:
        """Does not apply transforms."""
        return torch.utils.data.Dataset()

    def DataLoader(self, dataset: Any, batch_size: int, shuffle: bool = True) -> Any:
        """Returns tensors. shuffle is False by default; if the default device is a GPU, it needs a generator there."""
        options = {} if torch.get_default_device().type == "cpu" else {"generator": on_default_device()}
        return torch.utils.data.DataLoader(dataset, batch_size, shuffle, **options)
