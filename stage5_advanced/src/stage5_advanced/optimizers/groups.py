"""An optimizer made of several: one for each group of parameters."""

import contextlib

from .base import Optimizer, undone_on_failure


class Group:
    """Some of the parameters of a model, as the target of an optimizer."""

    def __init__(self, model, chosen):
        self.model = model
        self.chosen = chosen

    def params(self):
        return (param for param in self.model.params() if param in self.chosen)

    def named_params(self):
        return ((path, param) for path, param in self.model.named_params() if param in self.chosen)


class Grouped(Optimizer):
    """Several optimizers as one, such as a higher learning rate for new layers than for pretrained ones.

    groups: a list of pairs (layers, optimizer); layers: a layer, a parameter, a list of these, or in the last pair the
    string "rest", which stands for all other parameters of the model. Each optimizer keeps its own hyperparameters,
    hooks and state; the hooks of Grouped see all parameters, before those of the groups. Raises TypeError for anything
    else, and ValueError if an optimizer is used twice. [not in the book]
    """

    def __init__(self, groups):
        super().__init__()
        self.groups = list(groups)
        for n, pair in enumerate(self.groups):
            if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[1], Optimizer)):
                raise TypeError(f"Grouped: expected pairs of layers and their optimizer, got {pair!r}")
            if isinstance(pair[0], str) and (pair[0] != "rest" or n < len(self.groups) - 1):
                raise ValueError(f'Grouped: expected layers, or "rest" in the last pair, got {pair[0]!r} in pair {n}')
        self.optimizers = [optimizer for _, optimizer in self.groups]
        if not self.optimizers or len(set(self.optimizers)) < len(self.optimizers):
            raise ValueError(f"Grouped: expected a different optimizer for each group, got {self.optimizers}")

    def setup(self, target):
        """Take a layer or model as the target, and divide its parameters; return the optimizer. [not in the book]

        Raises ValueError, without changes, unless each parameter of the target is in exactly one group.
        """
        if not hasattr(target, "params"):
            raise TypeError(f"Grouped.setup: expected a Layer or Model, got {type(target)}")
        names = {param: path for path, param in reversed(list(target.named_params()))}  # the first path of a shared one
        left, chosen = dict(names), []
        for layers, _ in self.groups:
            chosen.append(list(left) if isinstance(layers, str) else list(dict.fromkeys(parameters_of(layers))))
            for param in chosen[-1]:
                if left.pop(param, None) is None:
                    got = f"{names[param]!r} again" if param in names else f"{param.name!r}, which it does not have"
                    raise ValueError(f"Grouped: expected parameters of the model, each in one group, got {got}")
        if left:
            raise ValueError(f'Grouped: expected a group for {sorted(left.values())}; "rest" stands for all others')
        for optimizer, params in zip(self.optimizers, chosen, strict=True):
            optimizer.setup(Group(target, set(params)))
        return super().setup(target)

    def update(self):
        """Call the hooks, then update every parameter that has a gradient, by the optimizer of its group."""
        with contextlib.ExitStack() as stack:
            for optimizer in self.optimizers if self.target else ():
                stack.enter_context(undone_on_failure(optimizer, list(optimizer.target.params())))
            super().update()

    def ready(self, params):
        """As that of Optimizer, by group. Raises ValueError if the target has other parameters than at its setup."""
        known = set().union(*(optimizer.target.chosen for optimizer in self.optimizers))
        if not set(params) <= known:
            raise ValueError("Grouped.update: expected the parameters of setup, got new ones; call setup again")
        return [param for optimizer in self.optimizers for param in optimizer.ready(optimizer.target.params())]

    def hooked(self, params):
        super().hooked(params)
        groups = ((optimizer, list(optimizer.target.params())) for optimizer in self.optimizers)
        return [param for optimizer, params in groups for param in optimizer.hooked(params)]

    def update_one(self, param):
        next(optimizer for optimizer in self.optimizers if param in optimizer.target.chosen).update_one(param)

    def to_cpu(self):
        """Move the state of all groups to the host. [not in the book]"""
        for optimizer in self.optimizers:
            optimizer.to_cpu()

    def to_gpu(self):
        """Move the state of all groups to the GPU. Raises RuntimeError if there is none. [not in the book]"""
        for optimizer in self.optimizers:
            optimizer.to_gpu()

    def state(self):
        """The states of all groups, whose keys begin with their number: {"0/lr": 0.01, ...}. [not in the book]"""
        return {f"{n}/{key}": value for n, each in enumerate(self.optimizers) for key, value in each.state().items()}

    def load_state(self, state):
        """Load what `state` returned. Raises ValueError, without changes, if it does not fit. [not in the book]"""
        parts = [{} for _ in self.optimizers]
        for key in state:
            n, _, name = key.partition("/")
            if not (n.isdecimal() and int(n) < len(parts)):
                raise ValueError(f"load_state: expected keys that begin with 0/ to {len(parts) - 1}/, got {key!r}")
            parts[int(n)][name] = state[key]
        before = [optimizer.state() for optimizer in self.optimizers]
        try:
            for optimizer, part in zip(self.optimizers, parts, strict=True):
                optimizer.load_state(part)
        except BaseException:
            for optimizer, part in zip(self.optimizers, before, strict=True):
                optimizer.load_state(part)
            raise


def parameters_of(layers):
    """The parameters of a layer, a parameter, or a list of these. Raises TypeError for anything else."""
    if hasattr(layers, "params"):
        return list(layers.params())
    if hasattr(layers, "cleargrad"):
        return [layers]
    if isinstance(layers, (list, tuple)):
        return [param for layer in layers for param in parameters_of(layer)]
    raise TypeError(f'Grouped: expected layers, parameters or "rest", got {type(layers)}')
