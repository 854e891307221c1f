"""Update rules.  p: the data of a parameter, g: that of its gradient."""

import math

import numpy as np

from .base import LIMITS, Optimizer, blocks


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
        return {"v": param.xp.zeros_like(param.data)}

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
        return {"h": param.xp.zeros_like(param.data)}

    def update_one(self, param):
        xp = param.xp
        for p, g, h in blocks(param.data, param.grad.data, self.state_of(param)["h"]):
            h += g * g
            p -= self.lr * g / (xp.sqrt(h) + self.eps)


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
        xp, state = param.xp, self.state_of(param)
        for p, g, h, e in blocks(param.data, param.grad.data, state["h"], state["e"]):
            h += (1 - self.rho) * (g * g - h)
            d = xp.sqrt((e + self.eps) / (h + self.eps)) * g
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
        return {"m": param.xp.zeros_like(param.data), "v": param.xp.zeros_like(param.data), "t": np.array(0)}

    def update_one(self, param):
        xp, state = param.xp, self.state_of(param)
        state["t"] += 1
        t = int(state["t"])
        lr = self.lr / (1 - self.beta1**t)
        scale = 1 / math.sqrt(1 - self.beta2**t)
        for p, g, m, v in blocks(param.data, param.grad.data, state["m"], state["v"]):
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            p -= lr * m / (xp.sqrt(v) * scale + self.eps)


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
        for p, g, v in blocks(param.data, param.grad.data, self.state_of(param)["v"]):
            step = self.lr * g
            v *= self.momentum
            v -= step
            p += self.momentum * v - step


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
        self.start = float(style == "tensorflow") if start is None else float(start)

    def new_state(self, param):
        state = {"s": param.xp.full_like(param.data, self.start), "v": param.xp.zeros_like(param.data)}
        return state | {"m": param.xp.zeros_like(param.data)} if self.centered else state

    def update_one(self, param):
        xp, state, torch = param.xp, self.state_of(param), self.style == "torch"
        for p, g, s, v, *means in blocks(
            param.data, param.grad.data, *(state[name] for name in "svm" if name in state)
        ):
            s += (1 - self.alpha) * (g * g - s)
            var = s
            for m in means:
                m += (1 - self.alpha) * (g - m)
                var = s - m * m
            step = g / (xp.sqrt(var) + self.eps) if torch else self.lr * g / xp.sqrt(var + self.eps)
            if self.momentum:
                v *= self.momentum
                v += step
                step = v
            p -= self.lr * step if torch else step


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
