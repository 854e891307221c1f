"""Update rules.  p: the data of a parameter, g: that of its gradient.

The formula of each rule is a function above its class, which changes p and the state in place.
"""

import functools
import math

import numpy as np

from .. import cuda
from ..core import as_number
from .base import LIMITS, Optimizer, blocks


def in_blocks(update):
    """Decorator: call a formula for one block of its arrays after the other; see `blocks`."""

    @functools.wraps(update)
    def run(*args):
        arrays = [a for a in args if hasattr(a, "shape")]
        for block in blocks(*arrays):
            part = iter(block)
            update(*(next(part) if hasattr(a, "shape") else a for a in args))

    return run


@cuda.kernel("T g, T lr", "T p", "p -= lr * g")
def sgd(g, lr, p):
    """The update of SGD."""
    p -= lr * g


class SGD(Optimizer):
    """Stochastic gradient descent:  p -= lr g. [step 46]"""

    def __init__(self, lr=0.01):
        super().__init__()
        self.lr = lr

    def update_one(self, param):
        sgd(param.grad.data, self.lr, param.data)


@cuda.kernel("T g, T lr, T momentum", "T p, T v", "v = momentum * v - lr * g; p += v")
def momentum_sgd(g, lr, momentum, p, v):
    """The update of MomentumSGD."""
    v *= momentum
    v -= lr * g
    p += v


class MomentumSGD(Optimizer):
    """Gradient descent with momentum:  v <- momentum v - lr g,  p += v. [step 46]

    As in the book, v includes the learning rate. In PyTorch it does not, so results differ once lr changes.
    """

    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__()
        self.lr = lr
        self.momentum = momentum

    def new_state(self, param):
        return {"v": param.xp.zeros_like(param.data)}

    def update_one(self, param):
        momentum_sgd(param.grad.data, self.lr, self.momentum, param.data, self.state_of(param)["v"])


@cuda.kernel("T g, T lr, T eps", "T p, T h", "h += g * g; p -= lr * g / (sqrt(h) + eps)")
@in_blocks
def adagrad(g, lr, eps, p, h):
    """The update of AdaGrad."""
    xp = cuda.get_array_module(p)
    h += g * g
    p -= lr * g / (xp.sqrt(h) + eps)


class AdaGrad(Optimizer):
    """Smaller steps where gradients were large:  h += g^2,  p -= lr g / (sqrt(h) + eps). [step 46, not in the book]"""

    def __init__(self, lr=0.001, eps=1e-8):
        super().__init__()
        self.lr = lr
        self.eps = eps

    def new_state(self, param):
        return {"h": param.xp.zeros_like(param.data)}

    def update_one(self, param):
        adagrad(param.grad.data, self.lr, self.eps, param.data, self.state_of(param)["h"])


@cuda.kernel(
    "T g, T lr, T rate, T eps",
    "T p, T h, T e",
    "h += rate * (g * g - h); T d = sqrt((e + eps) / (h + eps)) * g; e += rate * (d * d - e); p -= lr * d",
)
@in_blocks
def adadelta(g, lr, rate, eps, p, h, e):
    """The update of AdaDelta.  rate: 1 - rho."""
    xp = cuda.get_array_module(p)
    h += rate * (g * g - h)
    d = xp.sqrt((e + eps) / (h + eps)) * g
    e += rate * (d * d - e)
    p -= lr * d


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
        return {"h": param.xp.zeros_like(param.data), "e": param.xp.zeros_like(param.data)}

    def update_one(self, param):
        state = self.state_of(param)
        adadelta(param.grad.data, self.lr, 1 - self.rho, self.eps, param.data, state["h"], state["e"])


@cuda.kernel(
    "T g, T lr, T rate1, T rate2, T scale, T eps",
    "T p, T m, T v",
    "m += rate1 * (g - m); v += rate2 * (g * g - v); p -= lr * m / (sqrt(v) * scale + eps)",
)
@in_blocks
def adam(g, lr, rate1, rate2, scale, eps, p, m, v):
    """The update of Adam.  rate1, rate2: 1 - beta;  lr, scale: corrected for the start at zero."""
    xp = cuda.get_array_module(p)
    m += rate1 * (g - m)
    v += rate2 * (g * g - v)
    p -= lr * m / (xp.sqrt(v) * scale + eps)


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
        return {"m": param.xp.zeros_like(param.data), "v": param.xp.zeros_like(param.data), "t": np.array(0)}

    def update_one(self, param):
        state = self.state_of(param)
        state["t"] += 1
        t = int(state["t"])
        lr = self.lr / (1 - self.beta1**t)
        scale = 1 / math.sqrt(1 - self.beta2**t)
        rates = 1 - self.beta1, 1 - self.beta2
        adam(param.grad.data, lr, *rates, scale, self.eps, param.data, state["m"], state["v"])


@cuda.kernel("T g, T lr, T momentum", "T p, T v", "v = momentum * v - lr * g; p += momentum * v - lr * g")
@in_blocks
def nag(g, lr, momentum, p, v):
    """The update of NAG."""
    step = lr * g
    v *= momentum
    v -= step
    p += momentum * v - step


class NAG(Optimizer):
    """Nesterov's accelerated gradient:  v <- momentum v - lr g,  p += momentum v - lr g. [not in the book]

    It looks ahead by one step of the momentum. Its range of stable learning rates is smaller than that of MomentumSGD.
    """

    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__()
        self.lr = lr
        self.momentum = momentum

    def new_state(self, param):
        return {"v": param.xp.zeros_like(param.data)}

    def update_one(self, param):
        nag(param.grad.data, self.lr, self.momentum, param.data, self.state_of(param)["v"])


RMSPROP = """
    T step = torch ? g / (sqrt(var) + eps) : lr * g / sqrt(var + eps);
    if (momentum > 0) { v = momentum * v + step; step = v; }
    p -= torch ? lr * step : step;
"""


@cuda.kernel(
    "T g, T lr, T rate, T eps, T momentum, bool torch", "T p, T s, T v", "s += rate * (g * g - s); T var = s;" + RMSPROP
)
@in_blocks
def rmsprop(g, lr, rate, eps, momentum, torch, p, s, v, *means):
    """The update of RMSprop.  rate: 1 - alpha;  torch: whether that is the style."""
    xp = cuda.get_array_module(p)
    s += rate * (g * g - s)
    var = s
    for m in means:
        m += rate * (g - m)
        var = s - m * m
    step = g / (xp.sqrt(var) + eps) if torch else lr * g / xp.sqrt(var + eps)
    if momentum:
        v *= momentum
        v += step
        step = v
    p -= lr * step if torch else step


@cuda.kernel(
    "T g, T lr, T rate, T eps, T momentum, bool torch",
    "T p, T s, T v, T m",
    "s += rate * (g * g - s); m += rate * (g - m); T var = s - m * m;" + RMSPROP,
)
def centered_rmsprop(*args):
    """The same with m, the average gradient."""
    rmsprop(*args)


class RMSprop(Optimizer):
    """Steps divided by the root of an average of squared gradients. [not in the book]

    s <- alpha s + (1 - alpha) g^2,  d = g / (sqrt(s) + eps),  v <- momentum v + d,  p -= lr v
    centered: subtract the square of the average gradient from s. style: 'torch', or 'tensorflow', which has
    d = g / sqrt(s + eps) and v <- momentum v + lr d, p -= v. start: of s; None stands for 0, in style 'tensorflow' for
    1, as in TensorFlow 1. Raises ValueError for another style.
    """

    limits = LIMITS | {"alpha": 1}

    def __init__(self, lr=0.01, alpha=0.99, eps=1e-8, momentum=0.0, centered=False, style="torch", start=None):
        super().__init__()
        if style not in ("torch", "tensorflow"):
            raise ValueError(f"RMSprop: expected style 'torch' or 'tensorflow', got {style!r}")
        self.lr = lr
        self.alpha = alpha
        self.eps = eps
        self.momentum = momentum
        self.centered = bool(centered)
        self.style = style
        self.start = float(style == "tensorflow" if start is None else as_number("RMSprop", "start", start))

    def new_state(self, param):
        state = {"s": param.xp.full_like(param.data, self.start), "v": param.xp.zeros_like(param.data)}
        return state | {"m": param.xp.zeros_like(param.data)} if self.centered else state

    def update_one(self, param):
        state = self.state_of(param)
        update = centered_rmsprop if self.centered else rmsprop
        numbers = self.lr, 1 - self.alpha, self.eps, self.momentum, self.style == "torch"
        update(param.grad.data, *numbers, param.data, *(state[name] for name in "svm" if name in state))


class AdamW(Adam):
    """Adam with decoupled weight decay:  p *= 1 - lr weight_decay, then as Adam. [not in the book]

    The hook WeightDecay adds to the gradient instead, which Adam divides by its scale again. decay: which parameters
    decay, a function (path, param) -> bool, such as lambda path, p: p.ndim > 1; None stands for all.
    """

    def __init__(self, alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, decay=None):
        super().__init__(alpha, beta1, beta2, eps)
        self.weight_decay = weight_decay
        self.decay = decay

    def ready(self, params):
        params = super().ready(params)
        self.decaying = set(params)
        if self.decay is not None:
            self.decaying &= {param for path, param in self.target.named_params() if self.decay(path, param)}
        return params

    def update_one(self, param):
        if param in self.decaying:
            param.data *= 1 - self.lr * self.weight_decay
        super().update_one(param)
