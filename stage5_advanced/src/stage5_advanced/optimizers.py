"""Optimizers: rules that turn gradients into updates; and hooks, which edit gradients before.

Notation: p a parameter's data, g its gradient's. All state has the dtype of the parameter and is where it is; only
counts of updates are integers, and stay on the host, where reading them waits for no GPU.
"""

import math

import numpy as np

from . import cuda
from .core import Variable, as_array


class Optimizer:
    """Updates the parameters of its target; a subclass writes `update_one`. [step 46]"""

    def __init__(self):
        self.target = None
        self.hooks = []
        self.states = {}  # parameter -> name -> array

    def setup(self, target):
        """Take a layer or model as the target; returns the optimizer. [step 46]"""
        if not hasattr(target, "params"):
            raise TypeError(f"{type(self).__name__}.setup: {type(target)} came, a Layer or Model is needed")
        self.target = target
        return self

    def update(self):
        """Call the hooks, then update every parameter that has a gradient. [step 46]"""
        params = list(self.target_for("update").params())
        for hook in self.hooks:
            hook([param for param in params if param.grad is not None])
        params = [param for param in params if param.grad is not None]
        for param in params:  # all of them first: an update is done whole or not at all
            if not isinstance(param.grad, Variable) or param.grad.shape != param.shape:
                came = param.grad.shape if isinstance(param.grad, Variable) else type(param.grad)
                raise ValueError(f"{type(self).__name__}.update: gradient {came} came for a parameter {param.shape}")
            check_place(f"{type(self).__name__}.update", param)
        for param in params:
            self.update_one(param)

    def update_one(self, param):
        """Change param.data, in place, by param.grad.data."""
        raise NotImplementedError(f"{type(self).__name__} has no update_one")

    def add_hook(self, f):
        """Call f with the list of parameters that have gradients, before each update. [step 46]"""
        if not callable(f):
            raise TypeError(f"{type(self).__name__}.add_hook: {type(f)} came, a callable is needed")
        self.hooks.append(f)

    def new_state(self, param):
        """What the rule remembers of a parameter from update to update, as it begins: name -> array."""
        return {}

    def state_of(self, param):
        """What it remembers now, where the parameter is now."""
        if param not in self.states:
            self.states[param] = self.new_state(param)
        elif cuda.gpu_enable:
            self.states[param] = placed_like(param, self.states[param])
        return self.states[param]

    def to_cpu(self):
        """Move all state to the host's memory; in place. [step 52]"""
        self.states = {param: moved(state, cuda.as_numpy) for param, state in self.states.items()}

    def to_gpu(self):
        """Move all state to the GPU; in place. RuntimeError, and no change, where there is none. [step 52]

        There is no need to: at the next update state follows its parameter, wherever that was moved.
        """
        cuda.need_gpu()
        self.states = {param: moved(state, cuda.as_cupy) for param, state in self.states.items()}

    def state(self):
        """A copy of all state by path, {"l0/W/v": array, ...}; np.savez(file, **state) saves it. [beside step 46]

        NumPy's arrays, wherever the parameters are.
        """
        return {
            f"{path}/{name}": cuda.as_numpy(value).copy()
            for path, param in self.target_for("state").named_params()
            for name, value in self.states.get(param, {}).items()
        }

    def load_state(self, state):
        """Take over what `state` gave, or a file that it was saved to: load_state(np.load(file)). [beside step 46]

        ValueError for what is no state of this rule and these parameters; then nothing has changed.
        """
        params = dict(self.target_for("load_state").named_params())
        found = {}
        for key in state:
            path, _, name = key.rpartition("/")
            if path not in params:
                raise ValueError(f"load_state: {key!r} came, there are the parameters {list(params)}")
            found.setdefault(path, {})[name] = np.array(cuda.as_numpy(state[key]))
        for path, arrays in found.items():
            if params[path].data is None:
                raise ValueError(f"load_state: {path!r} has no data yet; call the model once before")
            came, needed = (
                ", ".join(f"{name} {a.shape} {a.dtype}" for name, a in sorted(values.items()))
                for values in (arrays, self.new_state(params[path]))
            )
            if came != needed:
                raise ValueError(f"load_state: {path!r} came with {came}; {type(self).__name__} has {needed or 'none'}")
        self.states = {params[path]: placed_like(params[path], arrays) for path, arrays in found.items()}

    def target_for(self, purpose):
        """The target, or an error if there is none."""
        if self.target is None:
            raise RuntimeError(f"{type(self).__name__}.{purpose}: no target yet; call setup(model) first")
        return self.target


def moved(state, place):
    """The same state with its arrays, but not its counts, where place puts them."""
    return {name: value if value.dtype.kind in "iu" else place(value) for name, value in state.items()}


def placed_like(param, state):
    """The same state where the parameter is."""
    return moved(state, cuda.as_cupy if cuda.is_on_gpu(param.data) else cuda.as_numpy)


def check_place(name, param):
    """TypeError if the gradient is not where its parameter is."""
    places = ["the GPU" if cuda.is_on_gpu(x) else "the host" for x in (param.grad.data, param.data)]
    if places[0] != places[1]:
        raise TypeError(f"{name}: a gradient on {places[0]} came for a parameter on {places[1]}")


def blocks(*arrays):
    """Views of arrays of one shape, piece by piece: small enough for the cache, since an update reads them often.

    On a GPU the arrays as they are, since there each call costs more than what it reads.
    """
    first = arrays[0]
    if first.ndim == 0 or cuda.is_on_gpu(first):
        yield arrays
        return
    rows = max(1, 16384 * len(first) // max(1, first.size))
    for start in range(0, len(first), rows):
        yield [a[start : start + rows] for a in arrays]


class SGD(Optimizer):
    """Stochastic gradient descent:  p -= lr g. [step 46]"""

    def __init__(self, lr=0.01):
        super().__init__()
        self.lr = lr

    def update_one(self, param):
        for p, g in blocks(param.data, param.grad.data):
            p -= self.lr * g


class MomentumSGD(Optimizer):
    """Gradient descent with inertia:  v <- momentum v - lr g,  p += v. [step 46]

    v has the learning rate in it, as the book has it; PyTorch's has not, which differs once lr changes.
    """

    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__()
        self.lr = lr
        self.momentum = momentum

    def new_state(self, param):
        return {"v": param.xp.zeros_like(param.data)}

    def update_one(self, param):
        for p, g, v in blocks(param.data, param.grad.data, self.state_of(param)["v"]):
            v *= self.momentum
            v -= self.lr * g
            p += v


class AdaGrad(Optimizer):
    """Smaller steps where gradients were large:  h += g^2,  p -= lr g / (sqrt(h) + eps). [beside step 46]"""

    def __init__(self, lr=0.001, eps=1e-8):
        super().__init__()
        self.lr = lr
        self.eps = eps

    def new_state(self, param):
        return {"h": param.xp.zeros_like(param.data)}

    def update_one(self, param):
        xp = param.xp
        for p, g, h in blocks(param.data, param.grad.data, self.state_of(param)["h"]):
            h += g * g
            p -= self.lr * g / (xp.sqrt(h) + self.eps)


class AdaDelta(Optimizer):
    """Steps in the units of the parameter. [beside step 46]

    h <- rho h + (1 - rho) g^2,  d = sqrt((e + eps) / (h + eps)) g,  e <- rho e + (1 - rho) d^2,  p -= d
    """

    def __init__(self, rho=0.95, eps=1e-6):
        super().__init__()
        self.rho = rho
        self.eps = eps

    def new_state(self, param):
        return {"h": param.xp.zeros_like(param.data), "e": param.xp.zeros_like(param.data)}

    def update_one(self, param):
        state = self.state_of(param)
        xp = param.xp
        for p, g, h, e in blocks(param.data, param.grad.data, state["h"], state["e"]):
            h += (1 - self.rho) * (g * g - h)
            d = xp.sqrt((e + self.eps) / (h + self.eps)) * g
            e += (1 - self.rho) * (d * d - e)
            p -= d


class Adam(Optimizer):
    """Momentum, and steps of about alpha whatever the size of the gradients. [beside step 46]

    m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2; both start at zero, so the t-th update divides
    them by 1 - beta^t:  p -= alpha m' / (sqrt(v') + eps)
    """

    def __init__(self, alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__()
        self.alpha = alpha
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps

    def new_state(self, param):
        xp = param.xp
        return {"m": xp.zeros_like(param.data), "v": xp.zeros_like(param.data), "t": np.array(0)}

    def update_one(self, param):
        state = self.state_of(param)
        state["t"] += 1
        t = int(state["t"])
        lr = self.alpha / (1 - self.beta1**t)
        scale = 1 / math.sqrt(1 - self.beta2**t)
        xp = param.xp
        for p, g, m, v in blocks(param.data, param.grad.data, state["m"], state["v"]):
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            p -= lr * m / (xp.sqrt(v) * scale + self.eps)


class WeightDecay:
    """A hook:  g + rate p, the gradient of a penalty of rate/2 on the sum of squares. [step 46]"""

    def __init__(self, rate):
        self.rate = float(rate)  # a NumPy number would make float64 of float32

    def __call__(self, params):
        for param in params:
            check_place("WeightDecay", param)
            param.grad = Variable(as_array(param.grad.data + self.rate * param.data))


class ClipGrad:
    """A hook:  g shortened so that all gradients together have at most the length max_norm. [step 46]"""

    def __init__(self, max_norm):
        if not max_norm > 0:
            raise ValueError(f"ClipGrad: max_norm {max_norm} came, more than 0 is needed")
        self.max_norm = float(max_norm)

    def __call__(self, params):
        squares = [(param.grad.data**2).sum() for param in params]
        if cuda.gpu_enable and params:
            # All in one go, since the host waits for the GPU here.
            xp = cuda.common_module("ClipGrad", squares)
            squares = cuda.as_numpy(xp.stack(squares))
        norm = math.sqrt(sum(map(float, squares)))
        rate = self.max_norm / (norm + 1e-6)
        if rate < 1:
            for param in params:
                param.grad = Variable(as_array(param.grad.data * rate))


class FreezeParam:
    """A hook: no update for these parameters, or for all of these layers. [step 46]"""

    def __init__(self, *layers):
        for layer in layers:
            if not (hasattr(layer, "params") or hasattr(layer, "cleargrad")):
                raise TypeError(f"FreezeParam: {type(layer)} came, layers and parameters are needed, one by one")
        self.layers = layers

    def __call__(self, params):
        for layer in self.layers:
            for param in layer.params() if hasattr(layer, "params") else [layer]:
                param.cleargrad()
