"""Optimizers: rules that turn gradients into updates; and hooks, which change gradients before an update.

Notation: p is the data of a parameter, g that of its gradient. State has the dtype and the device of its
parameter; only update counts are integers, on the host, where reading them does not wait for a GPU.
"""

import contextlib
import math
from numbers import Real

import numpy as np

from .. import cuda
from ..core import Variable, as_number

# Hyperparameters are at least 0 and below these limits.
LIMITS = {"rho": 1, "beta1": 1, "beta2": 1} | dict.fromkeys(("lr", "momentum", "eps", "rate", "weight_decay"), math.inf)


class Optimizer:
    """The base class: updates the parameters of its target; a subclass defines `update_one`. [step 46]

    Every optimizer calls its learning rate lr. Hyperparameters may be changed between updates.
    """

    limits = LIMITS

    def __init__(self):
        self.target = None
        self.hooks = []
        self.states = {}  # parameter -> name -> array

    def __setattr__(self, name, value):
        super().__setattr__(name, checked(type(self).__name__, name, value, self.limits))

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
            for param in self.hooked(params):
                self.update_one(param)

    def hooked(self, params):
        """Call the hooks; return the params that have gradients then."""
        ready = self.ready(params)
        for hook in self.hooks:
            hook(ready)
            ready = self.ready(params)
        return ready

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
        """The state of a parameter, created at first use, on the device of the parameter."""
        if param not in self.states:
            self.states[param] = self.new_state(param)
        elif cuda.gpu_enable:
            self.states[param] = to_device_of(param, self.states[param])
        return self.states[param]

    def to_cpu(self):
        """Move all state to the host. [step 52]"""
        self.states = {param: moved(state, cuda.as_numpy) for param, state in self.states.items()}

    def to_gpu(self):
        """Move all state to the GPU. Raises RuntimeError, without changes, if there is none. [step 52]

        This is optional: the next update moves state to the device of its parameter.
        """
        cuda.need_gpu()
        self.states = {param: moved(state, cuda.as_cupy) for param, state in self.states.items()}

    def numbers(self):
        """The hyperparameters, which are all numbers among the attributes: {"lr": 0.01, ...}."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Real)}

    def state(self):
        """The hyperparameters and copies of all state: {"lr": 0.01, "l0/W/v": array, ...}. [step 46, not in the book]

        np.savez(file, **state) saves it: all arrays are NumPy arrays. Hooks are not included.
        """
        state = self.numbers()
        for path, param in self.target.named_params():
            for name, value in self.states.get(param, {}).items():
                state[f"{path}/{name}"] = cuda.as_numpy(value).copy()
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
                states.setdefault(path, {})[name] = np.array(cuda.as_numpy(state[key]))
            elif key in own:
                numbers[key] = checked("load_state", key, np.array(state[key]).item(), self.limits)
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
        self.states = {params[path]: to_device_of(params[path], arrays) for path, arrays in states.items()}


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


def moved(state, move):
    """A copy of the state with `move` applied to all arrays except update counts."""
    return {name: value if value.dtype.kind in "iu" else move(value) for name, value in state.items()}


def to_device_of(param, state):
    """The state on the device of the parameter."""
    return moved(state, cuda.as_cupy if cuda.is_on_gpu(param.data) else cuda.as_numpy)


def misfit(param):
    """Say why a parameter cannot be updated in place from its gradient; None if it can."""
    grad = param.grad
    if param.dtype.kind != "f":
        return f"expected floats, got a parameter of {param.dtype}"
    if not getattr(param.data.flags, "writeable", True):  # CuPy has no read-only arrays
        return "expected a writable parameter, got a read-only one"
    if not isinstance(grad, Variable):
        return f"expected a Variable as the gradient, got {type(grad)}"
    if cuda.is_on_gpu(grad.data) != cuda.is_on_gpu(param.data):
        return f"expected a gradient on the device of the parameter, got {type(grad.data)} for {type(param.data)}"
    if grad.shape != param.shape or not np.can_cast(grad.dtype, param.dtype, "same_kind"):
        return f"expected a gradient {param.shape} {param.dtype}, got {grad.shape} {grad.dtype}"
    return None


def checked(owner, name, value, limits=LIMITS):
    """Return the value, as a float if its name is in limits: a NumPy scalar would turn float32 into float64.

    Raises TypeError unless it is a number then, ValueError if it is outside the limits.
    """
    if name in limits:
        value = as_number(owner, name, value)
        if not 0 <= value < limits[name]:  # false for nan, too
            raise ValueError(f"{owner}: expected 0 <= {name} < {limits[name]}, got {value}")
        value = float(value)
    return value


def blocks(*arrays):
    """Yield views of equally shaped arrays, in blocks of rows that fit a processor's cache.

    This keeps temporary arrays small: it saves a quarter (AdaGrad) to a half (Adam) of the time of an update of 10^6 to
    4 10^6 elements. On a GPU, yield whole arrays: there each call costs more than the memory it reads.
    """
    first = arrays[0]
    if first.size <= 16384 or cuda.is_on_gpu(first):
        yield arrays
        return
    rows = max(1, 16384 * len(first) // first.size)
    for start in range(0, len(first), rows):
        yield [a[start : start + rows] for a in arrays]
