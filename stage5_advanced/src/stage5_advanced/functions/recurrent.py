"""LSTM: one Function for a step and for a sequence. [step 60]"""

import math

import numpy as np

from ..config import using_config
from ..core import Function, Variable, as_input, grad
from .activation import sigmoid
from .broadcast import sum_array_to
from .elementwise import tanh
from .matrix import linear, matmul
from .shape import concat, stack


class LSTM(Function):
    """c_t = f c_(t-1) + i u,  h_t = o tanh(c_t);  f, i, o = sigmoid(z), u = tanh(z),  z = x_t W_x + b + h_(t-1) W_h.

    Inputs: x (N, T, I), or (N, I) for one step; four W_x, four b, four W_h; h_0 and c_0 (N, H), or neither for zeros.
    Outputs: all h (N, T, H), or (N, H) for one step; the last c (N, H).
    """

    def forward(self, x, *others):
        xp, steps = self.xp, x.shape[:-1]
        dtype = np.result_type(0.0, *{a.dtype for a in (x, *others)})
        x, Wx, b, Wh, state = prepared(x, others, dtype)
        (T, N, I), H = x.shape, len(b[0])
        gates = self.gates = xp.empty((4, T, N, H), x.dtype)
        for z, W in zip(gates, Wx, strict=True):  # one product for all steps
            xp.matmul(x.reshape(T * N, I), W, out=z.reshape(T * N, H))
        gates += xp.concatenate(b).reshape(4, 1, 1, H)
        h, c, tanh_c = self.states = xp.zeros((3, T + 1, N, H), x.dtype)
        if state:
            h[0], c[0] = state
        for t in range(T):
            if t > 0 or state:
                for z, W in zip(gates[:, t], Wh, strict=True):
                    z += h[t] @ W
            f, i, o, u = activated(xp, gates[:, t])
            c[t + 1] = f * c[t] + i * u
            xp.tanh(c[t + 1], out=tanh_c[t + 1])
            xp.multiply(o, tanh_c[t + 1], out=h[t + 1])
        return h[1:].transpose(1, 0, 2).astype(dtype).reshape(*steps, H), c[T].astype(dtype)

    def backward(self, gh, gc):
        without_x = self.inputs[0].constant
        gxs = LSTMGrad(self, without_x)(*self.inputs, gh, gc)
        return (None, *gxs) if without_x else tuple(gxs)


class LSTMGrad(Function):
    """The gradients of LSTM, by backpropagation through time.

    With g = gc_t + gh_t o (1 - tanh(c_t)^2):  gc_(t-1) = g f,  gh_(t-1) += sum gz W_h^T,
    gz = g c_(t-1) f (1-f), g u i (1-i), gh_t tanh(c_t) o (1-o), g i (1-u^2);  gx = sum gz W_x^T,  gW = (x or h)^T gz.
    """

    def __init__(self, lstm, without_x):
        self.lstm = lstm  # holds the gates and the states
        self.without_x = without_x

    def forward(self, x, *others):
        x_shape, (gh_all, gc) = x.shape, others[-2:]
        x, Wx, _, Wh, state = prepared(x, others[:-2], gc.dtype)
        (T, N, I), H = x.shape, len(Wh[0])
        f, i, o, u = gates = self.lstm.gates
        h, c, tanh_c = self.lstm.states
        gz = gates * (1 - gates)  # the factors of g, and of gh for o
        gz[0] *= c[:-1]
        gz[1] *= u
        gz[2] *= tanh_c[1:]
        gz[3] = i * (1 - u * u)
        slope = o * (1 - tanh_c[1:] * tanh_c[1:])
        Wh = [W.T.copy() if T > 1 else W.T for W in Wh]  # contiguous, for faster products in the loop
        gh = 0
        for t, gh_t in reversed(list(enumerate(by_time(gh_all)))):
            gh = gh + gh_t
            g = gc + gh * slope[t]
            gz[:2, t] *= g
            gz[2, t] *= gh
            gz[3, t] *= g
            gc = g * f[t]
            if t > 0 or state:
                gh = through(gz[:, t], Wh)
        gz, x, h = gz.reshape(4, T * N, H), x.reshape(T * N, I), h[:-1].reshape(T * N, H)
        gb = sum_array_to(gz, (4, 1, H)).reshape(4, H)
        gxs = [*(x.T @ g for g in gz), *gb, *(h.T @ g for g in gz), *([gh, gc] if state else [])]
        if not self.without_x:
            gx = through(gz, [W.T for W in Wx])
            gxs.insert(0, gx.reshape(T, N, I).transpose(1, 0, 2).reshape(x_shape))
        return tuple(gxs)

    def backward(self, *ggxs):
        if self.without_x:
            ggxs = (Variable(self.xp.zeros_like(self.inputs[0].data)), *ggxs)
        n = len(ggxs)
        return tuple(Checkpoint(gradients(gradients(simple_lstm, n), n + 2))(*self.inputs, *ggxs))


def prepared(x, others, dtype):
    """Arrays x (T, N, I), W_x, b, W_h and the state in the dtype to compute in: float32 for float16."""
    work = np.result_type(dtype, np.float32)
    x, *others = (a if a.dtype == work else a.astype(work) for a in (by_time(x), *others))
    return x, others[:4], others[4:8], others[8:12], others[12:]


def by_time(x):
    """Put the time axis first: (N, T, I), or (N, I) for one step -> (T, N, I)."""
    N, *T, I = x.shape
    return x.reshape(N, math.prod(T), I).transpose(1, 0, 2)


def activated(xp, z):
    """Compute f, i, o, u from z (4, N, H) in place: sigmoid of the first three, tanh of the last."""
    with np.errstate(over="ignore"):  # e^-x may overflow to inf; 1 / inf = 0 is correct
        xp.exp(xp.negative(z[:3], out=z[:3]), out=z[:3])
    z[:3] += 1
    xp.divide(1, z[:3], out=z[:3])
    xp.tanh(z[3], out=z[3])
    return z


def through(gz, WT):
    """The sum of gz W^T over the four gates."""
    gx = gz[0] @ WT[0]
    for k in (1, 2, 3):
        gx += gz[k] @ WT[k]
    return gx


def simple_lstm(x, *others):
    """LSTM composed of basic functions, which can be differentiated to any order."""
    Wx, b, Wh = (concat(others[k : k + 4], axis=-1) for k in (0, 4, 8))
    h, c = others[12:] or (None, None)
    H = len(others[4])
    hs = []
    for x_t in [x] if x.ndim == 2 else [x[:, t] for t in range(x.shape[1])]:
        z = linear(x_t, Wx, b)
        if h is not None:
            z = z + matmul(h, Wh)
        f, i, o, u = (z[:, k * H : (k + 1) * H] for k in range(4))
        f, i, o, u = sigmoid(f), sigmoid(i), sigmoid(o), tanh(u)
        c = i * u if c is None else f * c + i * u
        h = o * tanh(c)
        hs.append(h)
    return [h if x.ndim == 2 else stack(hs, axis=1), c]


class Checkpoint(Function):
    """ys = f(xs), without keeping the graph; backward computes f again and differentiates it, to any order."""

    def __init__(self, f):
        self.f = f

    def forward(self, *xs):
        with using_config("enable_backprop", True):
            return tuple(y.data for y in self.f(*map(Variable, xs)))

    def backward(self, *gys):
        return tuple(Checkpoint(gradients(self.f, len(self.inputs)))(*self.inputs, *gys))


def gradients(f, n):
    """The gradients of f as a function of its n inputs and of the gradients of its outputs."""
    return lambda *xs: grad(f(*xs[:n]), xs[:n], xs[n:], create_graph=True)


def lstm_cell(x, h, c, Wx, b, Wh):
    """One step of an LSTM.  x (N, I), h, c (N, H) -> h', c' (N, H); h, c are None before the first step. [step 60]

    Wx, b, Wh: for the gates f, i, o and for u, four weights (I, H), four biases (H,), four weights (H, H).
    f, i, o = sigmoid(z), u = tanh(z), where z = x W_x + b + h W_h;  c' = f c + i u,  h' = o tanh(c').
    Raises ValueError if shapes do not match.
    """
    return LSTM()(*as_inputs("lstm_cell", x, 2, h, c, Wx, b, Wh))


def lstm(x, h, c, Wx, b, Wh):
    """An LSTM over a sequence.  x (N, T, I), h, c (N, H) or None -> y (N, T, H), (h, c). [step 60, not in the book]

    y is h at each step; h and c are returned as they are after the last. Wx, b, Wh as in lstm_cell. Equivalent to T
    calls of lstm_cell, but x W_x of all steps is one product, and so is the gradient of each weight. Raises ValueError
    if shapes do not match or T is 0.
    """
    y, c = LSTM()(*as_inputs("lstm", x, 3, h, c, Wx, b, Wh))
    return y, (y[:, -1], c)


def as_inputs(name, x, ndim, h, c, Wx, b, Wh):
    """The inputs of LSTM as Variables. Raises TypeError if a group is missing, ValueError if shapes do not match."""
    for group, Ws in (("W_x", Wx), ("b", b), ("W_h", Wh)):
        if not np.iterable(Ws):
            raise TypeError(f"{name}: expected four {group}, got {Ws}")
    if (h is None) != (c is None):
        raise ValueError(f"{name}: expected h and c, or None for both, got {'h' if c is None else 'c'} alone")
    x, Wx, b, Wh = as_input(x, name), *([as_input(W, name) for W in Ws] for Ws in (Wx, b, Wh))
    state = [] if h is None else [as_input(h, name), as_input(c, name)]
    N, I, H = x.shape[:1], x.shape[-1:], b[0].shape if b else ()
    shapes = [[v.shape for v in group] for group in (Wx, b, Wh, state)]
    fitting = [[I + H] * 4, [H] * 4, [H + H] * 4, [N + H] * len(state)]
    if x.ndim != ndim or len(H) != 1 or shapes != fitting or 0 in x.shape[1:-1]:
        expected = "x (N, I)" if ndim == 2 else "x (N, T, I) with T at least 1"
        raise ValueError(
            f"{name}: expected {expected}, four W_x (I, H), four b (H,), four W_h (H, H), h and c (N, H), "
            f"got x {x.shape}, W_x {shapes[0]}, b {shapes[1]}, W_h {shapes[2]}, h and c {shapes[3]}"
        )
    return [x, *Wx, *b, *Wh, *state]
