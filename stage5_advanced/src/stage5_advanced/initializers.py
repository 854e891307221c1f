"""Initializers: rules for the first values of parameters; and `initialize`, which applies one to a model.

An initializer is called as init(shape, dtype=np.float32, *, fans=None, rng=None) and returns a NumPy array; any
function with these arguments is one. fans: the number of inputs of an output element, and of outputs of an input
element; None takes them from the shape, (in, out) or (OC, C, KH, KW). rng: a np.random.Generator, or a seed; None
stands for NumPy's global generator. Numbers are drawn in float64, then cast.
"""

import copy
import math

import numpy as np

from .config import no_grad, test_mode
from .core import Parameter, Variable, as_number


class Initializer:
    """The base class: a subclass defines `draw`, which returns an array of float64."""

    def __call__(self, shape, dtype=np.float32, *, fans=None, rng=None):
        """Return an array of initial values. [not in the book]"""
        shape = tuple(shape)
        return self.draw(shape, fans, np.random if rng is None else np.random.default_rng(rng)).astype(dtype)

    def fans(self, shape, fans):
        """The fans that were given, or those of the shape. Raises ValueError if it has fewer than two axes."""
        if fans is None:
            if len(shape) < 2:
                raise ValueError(
                    f"{type(self).__name__}: expected a shape with at least two axes, or fans, got {shape}"
                )
            fans = shape if len(shape) == 2 else (math.prod(shape[1:]), shape[0] * math.prod(shape[2:]))
        return fans


class Constant(Initializer):
    """All elements are c. [not in the book]"""

    def __init__(self, c):
        self.c = float(as_number("Constant", "c", c, nan=True))

    def draw(self, shape, fans, rng):
        return np.full(shape, self.c)


class Zeros(Constant):
    """All elements are 0. [not in the book]"""

    def __init__(self):
        super().__init__(0)


class Ones(Constant):
    """All elements are 1. [not in the book]"""

    def __init__(self):
        super().__init__(1)


class Normal(Initializer):
    """A normal distribution. Raises ValueError if std is negative. [not in the book]"""

    def __init__(self, std=0.01, mean=0.0):
        self.std = at_least_0(self, "std", std)
        self.mean = float(as_number("Normal", "mean", mean))

    def draw(self, shape, fans, rng):
        return rng.standard_normal(shape) * self.std + self.mean


class TruncatedNormal(Initializer):
    """A normal distribution without what is more than `cut` standard deviations from 0. [not in the book]

    std: before truncation, as in TensorFlow. Raises ValueError unless cut is above 0 and std at least 0.
    """

    def __init__(self, std=0.01, cut=2.0):
        if not as_number("TruncatedNormal", "cut", cut) > 0:
            raise ValueError(f"TruncatedNormal: expected cut above 0, got {cut}")
        self.std = at_least_0(self, "std", std)
        self.cut = float(cut)

    def draw(self, shape, fans, rng):
        z = rng.standard_normal(shape)
        while (beyond := np.abs(z) > self.cut).any():
            z[beyond] = rng.standard_normal(np.count_nonzero(beyond))
        return z * self.std


class Uniform(Initializer):
    """A uniform distribution from low to high. Raises ValueError if low is above high. [not in the book]"""

    def __init__(self, low, high):
        self.low = float(as_number("Uniform", "low", low))
        self.high = float(as_number("Uniform", "high", high))
        if not self.low <= self.high:
            raise ValueError(f"Uniform: expected low to be at most high, got {low} and {high}")

    def draw(self, shape, fans, rng):
        return rng.uniform(self.low, self.high, shape)


def scaled(std, normal, shape, rng):
    """Random numbers with mean 0 and standard deviation std: normal, or uniform up to sqrt(3) std."""
    limit = math.sqrt(3) * std
    return rng.standard_normal(shape) * std if normal else rng.uniform(-limit, limit, shape)


class Glorot(Initializer):
    """Standard deviation gain sqrt(2 / (in + out)): for tanh and sigmoid; also called Xavier. [not in the book]

    normal: a normal distribution instead of a uniform one. Raises ValueError if gain is negative.
    """

    def __init__(self, gain=1.0, normal=False):
        self.gain = at_least_0(self, "gain", gain)
        self.normal = bool(normal)

    def draw(self, shape, fans, rng):
        return scaled(self.gain * math.sqrt(2 / max(1, sum(self.fans(shape, fans)))), self.normal, shape, rng)


class He(Initializer):
    """Standard deviation sqrt(2 / ((1 + slope^2) fan)): for relu and leaky_relu; also called Kaiming. [not in the book]

    mode: 'fan_in', which keeps the variance of outputs from layer to layer, or 'fan_out', that of gradients. normal: a
    normal distribution instead of a uniform one. Raises ValueError for another mode.
    """

    def __init__(self, mode="fan_in", normal=True, slope=0.0):
        if mode not in ("fan_in", "fan_out"):
            raise ValueError(f"He: expected mode 'fan_in' or 'fan_out', got {mode!r}")
        self.mode = mode
        self.normal = bool(normal)
        self.slope = float(as_number("He", "slope", slope))

    def draw(self, shape, fans, rng):
        fan = self.fans(shape, fans)[self.mode == "fan_out"]
        return scaled(math.sqrt(2 / ((1 + self.slope**2) * max(1, fan))), self.normal, shape, rng)


class LeCun(Initializer):
    """Standard deviation sqrt(1 / in), that of the weights of Linear and Conv2d; for selu. [not in the book]

    normal: a normal distribution instead of a uniform one.
    """

    def __init__(self, normal=True):
        self.normal = bool(normal)

    def draw(self, shape, fans, rng):
        return scaled(math.sqrt(1 / max(1, self.fans(shape, fans)[0])), self.normal, shape, rng)


class Orthogonal(Initializer):
    """A random matrix (shape[0], the rest) whose rows or columns, whichever are fewer, are orthonormal; times gain.

    It keeps the length of vectors, also over many time steps. Raises ValueError if there are fewer than two axes, or
    if gain is negative. [not in the book]
    """

    def __init__(self, gain=1.0):
        self.gain = at_least_0(self, "gain", gain)

    def draw(self, shape, fans, rng):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: expected a shape with at least two axes, got {shape}")
        z = rng.standard_normal((shape[0], math.prod(shape[1:])))
        q, r = np.linalg.qr(z if z.shape[0] >= z.shape[1] else z.T)
        q = q * np.copysign(1.0, np.diag(r)) * self.gain  # with these signs, every rotation is equally likely
        return (q if z.shape[0] >= z.shape[1] else q.T).reshape(shape)


class Identity(Initializer):
    """1 on the diagonal of a matrix, otherwise 0. Raises ValueError for another number of axes. [not in the book]"""

    def draw(self, shape, fans, rng):
        if len(shape) != 2:
            raise ValueError(f"Identity: expected a shape (in, out), got {shape}")
        return np.eye(*shape)


class Bilinear(Initializer):
    """Kernels (C, C, KH, KW), or (C, 1, KH, KW) with groups, of a Deconv2d that interpolates. [not in the book]

    With stride s, kernel_size 2 s - s % 2 and pad s // 2, such a layer enlarges images s times.
    """

    def draw(self, shape, fans, rng):
        if len(shape) != 4 or shape[1] not in (1, shape[0]):
            raise ValueError(f"Bilinear: expected a shape (C, C, KH, KW) or (C, 1, KH, KW), got {shape}")
        rows, columns = map(triangle, shape[2:])
        channels = np.eye(shape[0]) if shape[1] == shape[0] else np.ones(shape[:2])
        return channels[:, :, None, None] * np.outer(rows, columns)


def triangle(n):
    """n weights that fall linearly to both sides of the center."""
    half = (n + 1) // 2
    center = half - 1 if n % 2 else half - 0.5
    return 1 - np.abs(np.arange(n) - center) / half


Xavier, Kaiming = Glorot, He


def at_least_0(owner, name, value):
    """The value as a float. Raises TypeError unless it is a number, ValueError if it is negative."""
    number = float(as_number(type(owner).__name__, name, value))
    if not number >= 0:
        raise ValueError(f"{type(owner).__name__}: expected {name} of at least 0, got {value}")
    return number


def check_initializer(owner, initializer):
    """Return the initializer or None. Raises TypeError for what cannot be called, and for a class: He for He()."""
    if initializer is not None and (not callable(initializer) or isinstance(initializer, type)):
        raise TypeError(f"{owner}: expected an initializer such as He(), got {initializer!r}")
    return initializer


def initial_values(owner, initializer, shape, dtype, fans=None, rng=None):
    """The array that an initializer returns. Raises ValueError if its shape is not the one asked for."""
    values = np.asarray(initializer(shape, dtype, fans=fans, rng=rng), dtype)
    if values.shape != shape:
        raise ValueError(f"{owner}: expected an initializer that returns an array {shape}, got {values.shape}")
    return values


def initialize(model, initializer, *inputs, names="*/W", rng=None):
    """Give new values to all parameters of a model whose path matches `names`, such as "*/W". [not in the book]

    inputs: of the model, if some of these parameters are uninitialized: their shapes are those of a call of a copy of
    the model, under no_grad() and test_mode(); the model's state and NumPy's generator stay as they are. Raises
    ValueError, without changes, if no path matches, or if a parameter is uninitialized and its shape is not known.
    """
    from fnmatch import fnmatchcase  # here, since its imports take long

    check_initializer("initialize", initializer)
    if not hasattr(model, "named_state"):
        raise TypeError(f"initialize: expected a Layer or Model, got {type(model)}")
    found = {}  # parameter -> its path, layer and name; a shared one is there once
    for path, layer, name in owners(model):
        if fnmatchcase(path, names) or fnmatchcase(f"/{path}", names):
            found.setdefault(getattr(layer, name), (path, layer, name))
    if not found:
        raise ValueError(f"initialize: expected names of {[path for path, *_ in owners(model)]}, got {names!r}")
    unknown = inputs and any(param.data is None for param in found)
    called = dict(called_copy(model, inputs).named_state()) if unknown else {}
    like = {param: called.get(path, param) for param, (path, *_) in found.items()}
    missing = [found[param][0] for param, sample in like.items() if sample.data is None]
    if missing:
        raise ValueError(
            f"initialize: {missing} are uninitialized; pass inputs of the model with which it creates them"
        )
    new, rng = {}, None if rng is None else np.random.default_rng(rng)
    for param, (path, layer, name) in found.items():
        xp, shape, dtype = like[param].xp, like[param].shape, like[param].dtype
        fans = layer.fans(shape) if name == "W" and hasattr(layer, "fans") else None
        new[param] = xp.asarray(initial_values(path, initializer, shape, dtype, fans, rng))
    for param, values in new.items():
        param.data = values


def owners(layer, start=""):
    """Yield (path, layer, name) for every parameter, layer being the one that has it."""
    for name in layer._params:
        value = getattr(layer, name)
        if isinstance(value, Parameter):
            yield f"{start}{name}", layer, name
        elif not isinstance(value, Variable):
            yield from owners(value, f"{start}{name}/")


def called_copy(model, inputs):
    """A copy of the model after a call, in which its parameters are initialized."""
    model, state = copy.deepcopy(model), np.random.get_state()
    try:
        with no_grad(), test_mode():
            model(*inputs)
    finally:
        np.random.set_state(state)
    return model
