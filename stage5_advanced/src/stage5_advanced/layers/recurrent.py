"""Recurrent layers: RNN, LSTM."""

from .. import functions as F
from ..core import as_input
from .base import Layer, check_sizes
from .linear import Linear


class RNN(Layer):
    """Recurrent layer: h' = tanh(x W_x + b + h W_h).  x (N, in_size) -> h' (N, hidden_size), the new h. [step 59]

    x2h: Linear with a bias; if in_size is None, the first call determines it. h2h: Linear without a bias.
    h: the state, None before the first call. initializer: what draws the weights, as for Linear.
    """

    def __init__(self, hidden_size, in_size=None, initializer=None):
        super().__init__()
        check_sizes(self, hidden_size=hidden_size, in_size=in_size)
        self.x2h = Linear(hidden_size, in_size=in_size, initializer=initializer)
        # the input of h2h is h, not x
        self.h2h = Linear(hidden_size, nobias=True, in_size=hidden_size, initializer=initializer)
        self.h = None

    def reset_state(self):
        """Reset the state: the next input starts a new sequence. [step 59]"""
        self.h = None

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        check_rows("RNN", x, self.h)
        z = self.x2h(x)
        self.h = F.tanh(z if self.h is None else z + self.h2h(self.h))
        return self.h


class LSTM(Layer):
    """Long short-term memory, one time step.  x (N, in_size) -> h' (N, hidden_size), the new h. [step 60]

    c' = f c + i u,  h' = o tanh(c');  f, i, o = sigmoid(z), u = tanh(z),  z = x W_x + b + h W_h with weights for each.
    x2f, x2i, x2o, x2u: Linear with a bias; if in_size is None, the first call determines it. h2f, h2i, h2o, h2u:
    Linear without a bias. h, c: the state, None before the first call. initializer: what draws the weights.
    """

    def __init__(self, hidden_size, in_size=None, initializer=None):
        super().__init__()
        check_sizes(self, hidden_size=hidden_size, in_size=in_size)
        H, I = hidden_size, in_size
        self.x2f = Linear(H, in_size=I, initializer=initializer)
        self.x2i = Linear(H, in_size=I, initializer=initializer)
        self.x2o = Linear(H, in_size=I, initializer=initializer)
        self.x2u = Linear(H, in_size=I, initializer=initializer)
        self.h2f = Linear(H, in_size=H, nobias=True, initializer=initializer)
        self.h2i = Linear(H, in_size=H, nobias=True, initializer=initializer)
        self.h2o = Linear(H, in_size=H, nobias=True, initializer=initializer)
        self.h2u = Linear(H, in_size=H, nobias=True, initializer=initializer)
        self.reset_state()

    def reset_state(self):
        """Reset the state: the next input starts a new sequence. [step 60]"""
        self.h = None
        self.c = None

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        check_rows("LSTM", x, self.h)
        x2, h2 = (self.x2f, self.x2i, self.x2o, self.x2u), (self.h2f, self.h2i, self.h2o, self.h2u)
        for layer in x2:
            layer.prepare(x)
        if x.shape[1] != len(self.x2f.W):
            raise ValueError(f"LSTM: expected x (N, {len(self.x2f.W)}), got {x.shape}")
        weights = [layer.W for layer in x2], [layer.b for layer in x2], [layer.W for layer in h2]
        self.h, self.c = F.lstm_cell(x, self.h, self.c, *weights)
        return self.h


def check_rows(name, x, h):
    """Raise ValueError unless x is 2-D, with as many rows as the state h, if any."""
    if x.ndim != 2:
        raise ValueError(f"{name}: expected x (N, in_size), got {x.shape}")
    if h is not None and len(x) != len(h):
        raise ValueError(
            f"{name}: expected {len(h)} rows, as in the state, got x {x.shape}; reset_state() starts a new sequence"
        )
