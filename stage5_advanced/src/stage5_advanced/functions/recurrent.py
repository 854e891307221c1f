"""One step of an LSTM, with all its gates in one function. [step 60]"""

import numpy as np

from ..config import Config
from ..core import Function, Variable, as_input
from .activation import sigmoid
from .elementwise import tanh
from .shape import concat


class LSTMCell(Function):
    """c' = f c + i u, h' = o tanh(c');  f, i, o = sigmoid(z), u = tanh(z), z = x W_x + b + h W_h with weights of each.

    With g = gc' + gh' o (1 - tanh(c')^2):  gc = g f,  gz = g c f (1-f), g u i (1-i), gh' tanh(c') o (1-o), g i (1-u^2).
    Keeps the gates alone: the weights are joined for each product, and let go again.
    """

    def forward(self, x, *others):
        Wx, b, state = others[:4], others[4:8], others[8:]
        z = x @ self.xp.concatenate(Wx, axis=1)
        z = z.astype(np.result_type(0.0, x.dtype, *(a.dtype for a in others)), copy=False)
        z += self.xp.concatenate(b)
        if state:
            z += state[0] @ self.xp.concatenate(state[2:], axis=1)
        H = z.shape[1] // 4
        s = z[:, : 3 * H]
        with np.errstate(over="ignore"):  # to inf, and 1 / inf is right
            self.xp.exp(self.xp.negative(s, out=s), out=s)
        s += 1
        self.xp.divide(1, s, out=s)
        self.xp.tanh(z[:, 3 * H :], out=z[:, 3 * H :])
        f, i, o, u = self.gates = quarters(z)
        c = i * u
        if state:
            c += f * state[1]
        self.top = self.xp.tanh(c)
        return o * self.top, c

    def backward(self, gh, gc):
        if Config.enable_backprop:
            return cell_gradients(concat, self.inputs, *self.differentiable_gates(), gh, gc, self.inputs[0].constant)
        arrays = [x.data for x in self.inputs]
        gxs = cell_gradients(
            self.xp.concatenate, arrays, *self.gates, self.top, gh.data, gc.data, self.inputs[0].constant
        )
        return tuple(None if gx is None else Variable(gx) for gx in gxs)

    def differentiable_gates(self):
        """f, i, o, u and tanh(c') once more, as Variables that know how they were made."""
        x, *others = self.inputs
        Wx, b, state = others[:4], others[4:8], others[8:]
        z = [x @ W + b for W, b in zip(Wx, b, strict=True)]
        if state:
            h, c, *Wh = state
            z = [z + h @ W for z, W in zip(z, Wh, strict=True)]
        f, i, o, u = sigmoid(z[0]), sigmoid(z[1]), sigmoid(z[2]), tanh(z[3])
        return f, i, o, u, tanh(f * c + i * u if state else i * u)


def cell_gradients(join, inputs, f, i, o, u, top, gh, gc, without_x):
    """The gradients of LSTMCell by its inputs: of arrays, or of Variables, to be differentiated again."""
    x, *others = inputs
    Wx, state = others[:4], others[8:]
    g = gc + gh * o * (1 - top * top)
    gf = g * f * (1 - f) * (state[1] if state else 0.0)
    gz = join([gf, g * u * i * (1 - i), gh * top * o * (1 - o), g * i * (1 - u * u)], axis=1)
    gx = None if without_x else gz @ join(Wx, axis=1).T
    gb = gz.sum(0).reshape(4, -1)
    gxs = [gx, *quarters(x.T @ gz), *(gb[k] for k in range(4))]
    if state:
        gxs += [gz @ join(state[2:], axis=1).T, g * f, *quarters(state[0].T @ gz)]
    return tuple(gxs)


def quarters(z):
    """(N, 4H) -> four of (N, H), in arrays views."""
    H = z.shape[1] // 4
    return [z[:, start : start + H] for start in range(0, 4 * H, H)]


def lstm_cell(x, h, c, Wx, b, Wh):
    """One step of an LSTM.  x (N, I), h, c (N, H) -> h', c' (N, H); h, c are None before the first step. [step 60]

    Wx, b, Wh: for the gates f, i, o and for u, four weights (I, H), four biases (H,), four weights (H, H).
    f, i, o = sigmoid(x W_x + b + h W_h), u = tanh(of its own),  c' = f c + i u,  h' = o tanh(c').
    ValueError for shapes that do not fit.
    """
    if (h is None) != (c is None):
        came = "h without c" if c is None else "c without h"
        raise ValueError(f"lstm_cell: {came} came, both or none are needed")
    x, b = as_input(x), [as_input(v) for v in b]
    Wx, Wh = ([as_input(W) for W in weights] for weights in (Wx, Wh))
    state = [] if h is None else [as_input(h), as_input(c)]
    N, I, H = x.shape[:1], x.shape[-1:], b[0].shape
    shapes = [v.shape for v in (x, *state, *Wx, *b, *Wh)]
    needed = [N + I, *[N + H] * len(state), *[I + H] * 4, *[H] * 4, *[H + H] * 4]
    if shapes != needed or len(H) != 1:
        raise ValueError(f"lstm_cell: x, h, c, W_x, b, W_h of shapes {shapes} came, {needed} are needed")
    return LSTMCell()(x, *Wx, *b, *([*state, *Wh] if state else []))
