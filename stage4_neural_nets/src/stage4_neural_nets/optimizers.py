"""Optimizers: rules that turn gradients into updates; and hooks, which change gradients before an update.

Notation: p is the data of a parameter, g that of its gradient. State has the dtype of its parameter.
"""

import contextlib
import math
from numbers import Real

import numpy as np

from .core import Variable, as_array, as_number

# Hyperparameters are at least 0 and below these limits.
LIMITS = {"lr": math.inf, "momentum": math.inf, "rho": 1, "beta1": 1, "beta2": 1, "eps": math.inf, "rate": math.inf}


class Optimizer:
    """The base class: updates the parameters of its target; a subclass defines `update_one`. [step 46]

    Every optimizer calls its learning rate lr. Hyperparameters may be changed between updates.
    """

    def __init__(self):
        self.target = None
        self.hooks = []
        self.states = {}  # parameter -> name -> array

    def __setattr__(self, name, value):
        super().__setattr__(name, checked(type(self).__name__, name, value))

    def setup(self, target):
        """Take a layer or model as the target; return the optimizer. [step 46]"""
        if not hasattr(target, "params"):
            raise TypeError(f"{type(self).__name__}.setup: expected a Layer or Model, got {type(target)}")
        self.target = target
        return self

    def update(self):
        """Call the hooks, then update every parameter that has a gradient. [step 46]

        All parameters are checked before any is changed, so a failed update changes nothing.
        """
        if self.target is None:
            raise RuntimeError(f"{type(self).__name__}.update: expected a target, got None; call setup(model) first")
        params = list(self.target.params())
        with undone_on_failure(self, params):
            ready = self.ready(params)
            for hook in self.hooks:
                hook(ready)
                ready = self.ready(params)
            for param in ready:
                self.update_one(param)

    def ready(self, params):
        """Return the params that have gradients; create their state. Raises ValueError if one cannot be updated."""
        params = [param for param in params if param.grad is not None]
        for param in params:
            problem = misfit(param)
            if problem:
                path = next(path for path, other in self.target.named_params() if other is param)
                raise ValueError(f"{type(self).__name__}.update: {path}: {problem}")
            self.state_of(param)
        return params

    def update_one(self, param):
        """Update param.data in place from param.grad.data."""
        raise NotImplementedError(f"{type(self).__name__} has no update_one")

    def add_hook(self, f):
        """Add a hook: each update first calls f with the list of parameters that have gradients. [step 46]"""
        if not callable(f):
            raise TypeError(f"{type(self).__name__}.add_hook: expected a function, got {type(f)}")
        self.hooks.append(f)

    def new_state(self, param):
        """The initial state of a parameter, name -> array; `update_one` changes it in place."""
        return {}

    def state_of(self, param):
        """The state of a parameter, created at first use."""
        if param not in self.states:
            self.states[param] = self.new_state(param)
        return self.states[param]

    def numbers(self):
        """The hyperparameters, which are all numbers among the attributes: {"lr": 0.01, ...}."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Real)}

    def state(self):
        """The hyperparameters and copies of all state: {"lr": 0.01, "l0/W/v": array, ...}. [step 46, not in the book]

        np.savez(file, **state) saves it. Hooks are not included.
        """
        state = self.numbers()
        for path, param in self.target.named_params():
            for name, value in self.states.get(param, {}).items():
                state[f"{path}/{name}"] = value.copy()
        return state

    def load_state(self, state):
        """Load what `state` returned, or its file: load_state(np.load(file)). [step 46, not in the book]

        Raises ValueError, without changes, if it is the state of another rule or of other parameters. A state without
        hyperparameters, as older versions saved it, keeps those of the optimizer.
        """
        params, own = dict(self.target.named_params()), self.numbers()
        numbers, states = {}, {}
        for key in state:
            path, _, name = key.rpartition("/")
            if path in params:
                states.setdefault(path, {})[name] = np.array(state[key])
            elif key in own:
                numbers[key] = checked("load_state", key, np.array(state[key]).item())
            else:
                raise ValueError(f"load_state: expected {list(own)} and state of {list(params)}, got {key!r}")
        if numbers and numbers.keys() != own.keys():
            raise ValueError(f"load_state: expected the hyperparameters {list(own)}, got {list(numbers)}")
        for path, arrays in states.items():
            if params[path].data is None:
                raise ValueError(f"load_state: {path!r} is uninitialized; call the model once first")
            expected, got = layout(self.new_state(params[path])), layout(arrays)
            if got != expected:
                raise ValueError(f"load_state: {path!r}: expected {expected or 'no state'}, got {got}")
        vars(self).update(numbers)
        self.states = {params[path]: arrays for path, arrays in states.items()}


@contextlib.contextmanager
def undone_on_failure(optimizer, params):
    """Restore the gradients of params and the optimizer's state if the block fails; drop state of other parameters.

    An interrupt (Ctrl-C) may leave some parameters updated and others not, but restores all update counts.
    """
    grads = [param.grad for param in params]
    states = {param: optimizer.states[param] for param in params if param in optimizer.states}
    counts = [(a, a.copy()) for state in states.values() for a in state.values() if a.dtype.kind == "i"]
    optimizer.states = states.copy()
    try:
        yield
    except BaseException:
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad
        for a, before in counts:
            a[...] = before
        optimizer.states = states
        raise


def layout(arrays):
    """Names, shapes and dtypes, as a string."""
    return ", ".join(f"{name} {a.shape} {a.dtype}" for name, a in sorted(arrays.items()))


def misfit(param):
    """Say why a parameter cannot be updated in place from its gradient; None if it can."""
    grad = param.grad
    if param.dtype.kind != "f":
        return f"expected floats, got a parameter of {param.dtype}"
    if not param.data.flags.writeable:
        return "expected a writable parameter, got a read-only one"
    if not isinstance(grad, Variable):
        return f"expected a Variable as the gradient, got {type(grad)}"
    if grad.shape != param.shape or not np.can_cast(grad.dtype, param.dtype, "same_kind"):
        return f"expected a gradient {param.shape} {param.dtype}, got {grad.shape} {grad.dtype}"
    return None


def checked(owner, name, value):
    """Return the value, as a float if its name is in LIMITS: a NumPy scalar would turn float32 into float64.

    Raises TypeError unless it is a number then, ValueError if it is outside the limits.
    """
    if name in LIMITS:
        value = as_number(owner, name, value)
        if not 0 <= value < LIMITS[name]:  # false for nan, too
            raise ValueError(f"{owner}: expected 0 <= {name} < {LIMITS[name]}, got {value}")
        value = float(value)
    return value


def blocks(*arrays):
    """Yield views of equally shaped arrays, in blocks of rows that fit a processor's cache.

    This keeps temporary arrays small: it saves a quarter (AdaGrad) to a half (Adam) of the time of an update of 10^6 to
    4 10^6 elements.
    """
    first = arrays[0]
    if first.size <= 16384:
        yield arrays
        return
    rows = max(1, 16384 * len(first) // first.size)
    for start in range(0, len(first), rows):
        yield [a[start : start + rows] for a in arrays]


class SGD(Optimizer):
    """Stochastic gradient descent:  p -= lr g. [step 46]"""

    def __init__(self, lr=0.01):
        super().__init__()
        self.lr = lr

    def update_one(self, param):
        param.data -= self.lr * param.grad.data


class MomentumSGD(Optimizer):
    """Gradient descent with momentum:  v <- momentum v - lr g,  p += v. [step 46]

    As in the book, v includes the learning rate. In PyTorch it does not, so results differ once lr changes.
    """

    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__()
        self.lr = lr
        self.momentum = momentum

    def new_state(self, param):
        return {"v": np.zeros_like(param.data)}

    def update_one(self, param):
        v = self.state_of(param)["v"]
        v *= self.momentum
        v -= self.lr * param.grad.data
        param.data += v


class AdaGrad(Optimizer):
    """Smaller steps where gradients were large:  h += g^2,  p -= lr g / (sqrt(h) + eps). [step 46, not in the book]"""

    def __init__(self, lr=0.001, eps=1e-8):
        super().__init__()
        self.lr = lr
        self.eps = eps

    def new_state(self, param):
        return {"h": np.zeros_like(param.data)}

    def update_one(self, param):
        for p, g, h in blocks(param.data, param.grad.data, self.state_of(param)["h"]):
            h += g * g
            p -= self.lr * g / (np.sqrt(h) + self.eps)


class AdaDelta(Optimizer):
    """Steps in the units of the parameter. [step 46, not in the book]

    h <- rho h + (1 - rho) g^2,  d = sqrt((e + eps) / (h + eps)) g,  e <- rho e + (1 - rho) d^2,  p -= lr d
    lr is 1, as in the paper, unless it is set later.
    """

    def __init__(self, rho=0.95, eps=1e-6):
        super().__init__()
        self.lr = 1.0
        self.rho = rho
        self.eps = eps

    def new_state(self, param):
        return {"h": np.zeros_like(param.data), "e": np.zeros_like(param.data)}

    def update_one(self, param):
        state = self.state_of(param)
        for p, g, h, e in blocks(param.data, param.grad.data, state["h"], state["e"]):
            h += (1 - self.rho) * (g * g - h)
            d = np.sqrt((e + self.eps) / (h + self.eps)) * g
            e += (1 - self.rho) * (d * d - e)
            p -= self.lr * d


class Adam(Optimizer):
    """Momentum, and steps of about lr regardless of the scale of the gradients. [step 46, not in the book]

    m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2. Both start at zero, so the t-th update divides
    them by 1 - beta^t:  p -= lr m' / (sqrt(v') + eps). The book calls lr alpha.
    """

    def __init__(self, alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__()
        self.lr = alpha
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps

    @property
    def alpha(self):
        """The learning rate."""
        return self.lr

    @alpha.setter
    def alpha(self, alpha):
        self.lr = alpha

    def new_state(self, param):
        return {"m": np.zeros_like(param.data), "v": np.zeros_like(param.data), "t": np.array(0)}

    def update_one(self, param):
        state = self.state_of(param)
        state["t"] += 1
        t = int(state["t"])
        lr = self.lr / (1 - self.beta1**t)
        scale = 1 / math.sqrt(1 - self.beta2**t)
        for p, g, m, v in blocks(param.data, param.grad.data, state["m"], state["v"]):
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            p -= lr * m / (np.sqrt(v) * scale + self.eps)


class WeightDecay:
    """Hook:  g <- g + rate p, the gradient of the penalty rate/2 times the sum of squares. [step 46]"""

    def __init__(self, rate):
        self.rate = checked("WeightDecay", "rate", rate)

    def __call__(self, params):
        for param in params:
            param.grad = Variable(as_array(param.grad.data + self.rate * param.data))


class ClipGrad:
    """Hook: scale all gradients down so that their total norm is at most max_norm. [step 46]"""

    def __init__(self, max_norm):
        if not as_number("ClipGrad", "max_norm", max_norm) > 0:
            raise ValueError(f"ClipGrad: expected max_norm above 0, got {max_norm}")
        self.max_norm = float(max_norm)

    def __call__(self, params):
        # In float64, since float16 overflows above 65504.
        squares = [np.square(param.grad.data, dtype=np.float64).sum() for param in params]
        rate = self.max_norm / (math.sqrt(sum(map(float, squares))) + 1e-6)
        if rate < 1:
            for param in params:
                param.grad = Variable(as_array(param.grad.data * rate))


class FreezeParam:
    """Hook: exclude parameters, or all parameters of layers, from updates. [step 46]"""

    def __init__(self, *layers):
        for layer in layers:
            if not (hasattr(layer, "params") or hasattr(layer, "cleargrad")):
                raise TypeError(f"FreezeParam: expected layers and parameters as arguments, got {type(layer)}")
        self.layers = layers

    def __call__(self, params):
        for layer in self.layers:
            for param in layer.params() if hasattr(layer, "params") else [layer]:
                param.cleargrad()
