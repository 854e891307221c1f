"""The Rosetta's training: layers, models, optimizers and batches as PyTorch calls."""

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
    """A function as a module, which is what PyTorch's Sequential is made of."""
    if isinstance(f, torch.nn.Module):
        return f
    made = torch.nn.Module()
    made.forward = f
    return made


class TorchTraining:
    """What a method returns is the call; its docstring is the difference, if there is one."""

    # --- layers and models ---

    def Parameter(self, data: Any) -> Any:
        return torch.nn.Parameter(torch.tensor(data))

    def Layer(self) -> Any:
        return torch.nn.Module()

    def params(self, layer: Any) -> Any:
        """A layer's own come first, then those of the layers in it; ours come as they were set."""
        return layer.parameters()

    def named_params(self, layer: Any) -> Any:
        """Dots, not slashes: l0.weight, l0.bias. A parameter that is in two places comes once."""
        return layer.named_parameters()

    def cleargrads(self, layer: Any) -> Any:
        return layer.zero_grad()

    def Linear(self, out_size: int, nobias: bool = False, dtype: Any = np.float32, in_size: Any = None) -> Any:
        """Without in_size LazyLinear. W is kept transposed, as weight (out, in). Weights and bias are uniform."""
        if in_size is None:
            return torch.nn.LazyLinear(out_size, not nobias, dtype=of_numpy(dtype))
        return torch.nn.Linear(in_size, out_size, not nobias, dtype=of_numpy(dtype))

    def Model(self) -> Any:
        """Nothing draws it; torchviz does."""
        return torch.nn.Module()

    def Sequential(self, *layers: Any) -> Any:
        """Modules only, torch.nn.ReLU(); ours takes functions as well."""
        return torch.nn.Sequential(*map(module, layers))

    def MLP(self, fc_output_sizes: Any, activation: Any = torch.sigmoid) -> Any:
        """There is one in torchvision.ops. Here the layers that it stands for."""
        pairs = [(module(activation), self.Linear(size)) for size in fc_output_sizes]
        return torch.nn.Sequential(*list(chain(*pairs))[1:])

    # --- optimizers ---

    def SGD(self, lr: float = 0.01) -> Any:
        return partial(torch.optim.SGD, lr=lr)

    def MomentumSGD(self, lr: float = 0.01, momentum: float = 0.9) -> Any:
        """v <- momentum v + g, p -= lr v: ours has lr inside v, so that a new lr acts on new gradients only."""
        return partial(torch.optim.SGD, lr=lr, momentum=momentum)

    def AdaGrad(self, lr: float = 0.001, eps: float = 1e-8) -> Any:
        """By default lr is 0.01 and eps 1e-10."""
        return partial(torch.optim.Adagrad, lr=lr, eps=eps)

    def AdaDelta(self, rho: float = 0.95, eps: float = 1e-6) -> Any:
        """By default rho is 0.9. It has a learning rate besides: 1.0."""
        return partial(torch.optim.Adadelta, rho=rho, eps=eps)

    def Adam(self, alpha: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Any:
        return partial(torch.optim.Adam, lr=alpha, betas=(beta1, beta2), eps=eps)

    def setup(self, optimizer: Any, target: Any) -> Any:
        """Optimizers are made with the parameters: torch.optim.SGD(model.parameters(), lr=0.01)."""
        return optimizer(target.parameters())

    def update(self, optimizer: Any) -> Any:
        return optimizer.step()

    def state(self, optimizer: Any) -> Any:
        """Nested, by the numbers of the parameters, learning rates included; ours are arrays by path."""
        return optimizer.state_dict()

    def load_state(self, optimizer: Any, state: Any) -> Any:
        return optimizer.load_state_dict(state)

    def add_hook(self, optimizer: Any, f: Any) -> Any:
        """They take the optimizer; ours the parameters that have gradients."""

        def hook(*_: Any) -> None:
            f(optimizer)

        hook()  # the first time before any gradient: see FreezeParam
        return optimizer.register_step_pre_hook(hook)

    def WeightDecay(self, rate: float) -> Any:
        """An option, not a hook: SGD(params, weight_decay=rate); added after any clipping. AdamW does otherwise."""
        return lambda optimizer: optimizer.param_groups[0].update(weight_decay=rate)

    def ClipGrad(self, max_norm: float) -> Any:
        """A function, called before step()."""
        return lambda optimizer: torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], max_norm)

    def FreezeParam(self, *layers: Any) -> Any:
        """No gradient is computed from then on; ours is computed and thrown away."""
        return lambda optimizer: [layer.requires_grad_(False) for layer in layers]

    # --- data ---

    def Dataset(self) -> Any:
        """Transforms are no part of it."""
        return torch.utils.data.Dataset()

    def DataLoader(self, dataset: Any, batch_size: int, shuffle: bool = True) -> Any:
        """Gives tensors. It does not shuffle unless told to."""
        return torch.utils.data.DataLoader(dataset, batch_size, shuffle)
