"""Recurrent layers: RNN, LSTM, GRU for one time step; NStepRNN, NStepLSTM, NStepGRU for whole sequences."""

import itertools

import numpy as np

from .. import functions as F
from ..core import as_input, as_number
from ..functions.sequences import Packing, check_lengths
from ..state_dict import arrays_of
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
        weights = weights_for(x, "LSTM", self, "fiou")
        self.h, self.c = F.lstm_cell(x, self.h, self.c, *weights)
        return self.h


class GRU(Layer):
    """Gated recurrent unit, one time step.  x (N, in_size) -> h' (N, hidden_size), the new h. [not in the book]

    h' = z h + (1 - z) n;  r, z = sigmoid(x W_x + b + h W_h),  n = tanh(x W_x + b + (r h) W_h) with weights for each.
    With reset_after, n = tanh(x W_x + b + r (h W_h + c)), as in PyTorch. x2r, x2z, x2n: Linear with a bias; if in_size
    is None, the first call determines it. h2r, h2z, h2n: Linear without a bias, but h2n has c with reset_after.
    h: the state, None before the first call. initializer: what draws the weights.
    """

    def __init__(self, hidden_size, in_size=None, reset_after=False, initializer=None):
        super().__init__()
        check_sizes(self, hidden_size=hidden_size, in_size=in_size)
        H, I = hidden_size, in_size
        self.x2r = Linear(H, in_size=I, initializer=initializer)
        self.x2z = Linear(H, in_size=I, initializer=initializer)
        self.x2n = Linear(H, in_size=I, initializer=initializer)
        self.h2r = Linear(H, in_size=H, nobias=True, initializer=initializer)
        self.h2z = Linear(H, in_size=H, nobias=True, initializer=initializer)
        self.h2n = Linear(H, in_size=H, nobias=not reset_after, initializer=initializer)
        self.h = None

    def reset_state(self):
        """Reset the state: the next input starts a new sequence. [not in the book]"""
        self.h = None

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        check_rows("GRU", x, self.h)
        self.h = F.gru_cell(x, self.h, *weights_for(x, "GRU", self, "rzn"), c=self.h2n.b)
        return self.h


def weights_for(x, name, cell, gates):
    """W_x, b and W_h of a cell for inputs like x (N, in_size): lists, one for each gate. The first call draws W_x."""
    x2, h2 = ([getattr(cell, f"{side}2{gate}") for gate in gates] for side in "xh")
    for layer in x2:
        layer.prepare(x)
    if x.shape[1] != len(x2[0].W):
        raise ValueError(f"{name}: expected x (N, {len(x2[0].W)}), got {x.shape}")
    return [layer.W for layer in x2], [layer.b for layer in x2], [layer.W for layer in h2]


def check_rows(name, x, h):
    """Raise ValueError unless x is 2-D, with as many rows as the state h, if any."""
    if x.ndim != 2:
        raise ValueError(f"{name}: expected x (N, in_size), got {x.shape}")
    if h is not None and len(x) != len(h):
        raise ValueError(
            f"{name}: expected {len(h)} rows, as in the state, got x {x.shape}; reset_state() starts a new sequence"
        )


class _NStep(Layer):
    """The base class of NStepRNN, NStepLSTM and NStepGRU: layers of recurrent cells, over whole sequences.

    The cells are l0, l1, ..., those of the opposite direction l0r, l1r, ...; each layer processes the outputs of the
    one before. A subclass defines `new_cell`, and `run`, which applies a cell to packed rows. [not in the book]
    """

    gates = ""  # the letters of the gates, in PyTorch's order
    states = ("h",)

    def __init__(self, n_layers, hidden_size, in_size, bidirectional, dropout_ratio, initializer):
        super().__init__()
        name = type(self).__name__
        check_sizes(self, n_layers=n_layers, hidden_size=hidden_size, in_size=in_size)
        if not 0 <= as_number(name, "dropout_ratio", dropout_ratio) < 1 or (dropout_ratio > 0 and n_layers == 1):
            raise ValueError(
                f"{name}: expected a dropout_ratio in [0, 1), and 0 for one layer, since dropout is between layers, "
                f"got {dropout_ratio} for {n_layers}"
            )
        self.n_layers = n_layers
        self.hidden_size = hidden_size
        self.dropout_ratio = dropout_ratio
        self.directions = ("", "r") if bidirectional else ("",)
        for k in range(n_layers):
            for direction in self.directions:
                setattr(self, f"l{k}{direction}", self.new_cell(hidden_size, in_size, initializer))
            in_size = hidden_size * len(self.directions)

    def new_cell(self, hidden_size, in_size, initializer):
        """A recurrent layer for one time step, whose weights are used."""
        raise NotImplementedError(f"{type(self).__name__} has no new_cell")

    def run(self, cell, x, counts, state):
        """Apply a cell to packed rows x (S, in_size). Returns [all h (S, H), other last states (N, H)]."""
        raise NotImplementedError(f"{type(self).__name__} has no run")

    def forward(self, x, state=None, lengths=None):
        """x (N, T, in_size) -> y (N, T, H), state.  H is hidden_size, or twice that in both directions.

        state: h, or (h, c) for an LSTM, each (cells, N, hidden_size), layer by layer, forward before backward: the
        initial one, None for zeros, and the one after the last step. lengths (N,): integers from 1 to T; y is 0 after
        the end of a sequence, its state is that after its last step, and the opposite direction starts there. x may
        also be a list of (T_i, in_size); then y is a list, too. Raises ValueError if shapes do not match.
        """
        name = type(self).__name__
        if isinstance(x, (list, tuple)):
            if lengths is not None:
                raise ValueError(f"{name}: expected no lengths for a list of sequences, which have their own")
            x, lengths = F.pad_sequence(x)
            y, state = self.forward(x, state, lengths)
            return F.unpad_sequence(y, lengths), state
        x = as_input(x, name)
        W = next(self.l0.params())
        I = x.shape[-1:] if W.data is None else W.shape[:1]
        if x.ndim != 3 or x.shape[1] == 0 or x.shape[2:] != I:
            width = "in_size" if W.data is None else len(W)
            raise ValueError(f"{name}: expected x (N, T, {width}) with T at least 1, got {x.shape}")
        T = x.shape[1]
        packing = Packing(check_lengths(name, np.full(len(x), T) if lengths is None else lengths, x))
        states = self.states_of_cells(state, packing)
        y, last = packing.pack(x), []
        for k in range(self.n_layers):
            x = y if k == 0 else F.dropout(y, self.dropout_ratio)
            outputs = []
            for direction in self.directions:
                turned = packing.reverse if direction else as_input
                y, *others = self.run(getattr(self, f"l{k}{direction}"), turned(x), packing.counts, states[len(last)])
                last.append([y[packing.last], *(v[packing.rank] for v in others)])
                outputs.append(turned(y))
            y = outputs[0] if len(outputs) == 1 else F.concat(outputs, axis=1)
        state = [F.stack(parts) for parts in zip(*last, strict=True)]
        return packing.unpack(y, T), tuple(state) if len(state) > 1 else state[0]

    def states_of_cells(self, state, packing):
        """The initial states of each cell, in the order of packed rows; an empty list for zeros."""
        cells = self.n_layers * len(self.directions)
        if state is None:
            return [[]] * cells
        name, shape = type(self).__name__, (cells, len(packing.order), self.hidden_size)
        parts = [state] if len(self.states) == 1 else state
        if not isinstance(parts, (list, tuple)) or len(parts) != len(self.states):
            raise TypeError(f"{name}: expected a state ({', '.join(self.states)}), got {type(state).__name__}")
        parts = [as_input(part, name) for part in parts]
        if any(part.shape != shape for part in parts):
            raise ValueError(f"{name}: expected a state of {shape}, got {', '.join(str(part.shape) for part in parts)}")
        return [[part[k][packing.order] for part in parts] for k in range(cells)]

    def torch_names(self):
        """The path of each parameter -> the name of PyTorch's tensor that has it as a part, as in {"l0/x2f/W": ...}."""
        names = {}
        for path, _ in self.named_state():
            cell, linear, kind = path.split("/")
            side, direction = "ih" if linear[0] == "x" else "hh", "_reverse" if cell.endswith("r") else ""
            names[path] = f"{'weight' if kind == 'W' else 'bias'}_{side}_{cell.rstrip('r')}{direction}"
        return names

    def load_state_dict(self, state_dict):
        """Load a copy of the state_dict of torch.nn.RNN, LSTM or GRU, of tensors or NumPy arrays.

        PyTorch adds two biases, which become one; only the n of a GRU needs both. Raises ValueError if a name or a
        shape does not match, TypeError if it is not a dict of arrays; then nothing is changed.
        """
        owner, names = f"{type(self).__name__}.load_state_dict", self.torch_names()
        second = {name: name.replace("bias_ih", "bias_hh") for name in names.values()}
        arrays = arrays_of(owner, state_dict, {name: name for name in (*second, *second.values())})
        width = len(self.gates) * self.hidden_size
        for name, a in arrays.items():
            if a.shape[-1:] != (width,):
                raise ValueError(f"{owner}: expected {name} of length {width}, got {state_dict[name].shape}")
        found = {}
        for path, name in names.items():
            gate = path.split("/")[1][2:]
            start = self.gates.index(gate) * self.hidden_size
            part = (..., slice(start, start + self.hidden_size))
            found[path] = np.ascontiguousarray(arrays[name][part])
            if path.replace("/x2", "/h2") not in names:
                found[path] = found[path] + arrays[second[name]][part]
        self.set_weights(found)


class NStepRNN(_NStep):
    """Layers of RNN over whole sequences: y, h = layer(x, h, lengths), as in `_NStep.forward`. [not in the book]

    activation: applied to x W_x + b + h W_h at each step. bidirectional: a second cell in each layer starts at the end
    of each sequence; both outputs are concatenated. dropout_ratio: of dropout between the layers. The sub-layers l0,
    l1, ..., and l0r, l1r, ... of the opposite direction are RNN; if in_size is None, the first call determines it.
    initializer: what draws the weights.
    """

    gates = "h"

    def __init__(
        self,
        n_layers,
        hidden_size,
        in_size=None,
        *,
        activation=F.tanh,
        bidirectional=False,
        dropout_ratio=0.0,
        initializer=None,
    ):
        super().__init__(n_layers, hidden_size, in_size, bidirectional, dropout_ratio, initializer)
        if not callable(activation):
            raise TypeError(f"NStepRNN: expected a function as the activation, got {activation!r}")
        self.activation = activation

    def new_cell(self, hidden_size, in_size, initializer):
        return RNN(hidden_size, in_size, initializer)

    def run(self, cell, x, counts, state):
        h, hs = state[0] if state else None, []
        for z in F.split(cell.x2h(x), list(itertools.accumulate(counts))[:-1]):
            h = self.activation(z if h is None else z + cell.h2h(h[: len(z)]))
            hs.append(h)
        return [F.concat(hs)]


class NStepLSTM(_NStep):
    """Layers of LSTM over whole sequences: y, (h, c) = layer(x, (h, c), lengths), as in `_NStep.forward`.

    The other arguments and the sub-layers, which are LSTM, are as in NStepRNN. [not in the book]
    """

    gates = "ifuo"
    states = ("h", "c")

    def __init__(
        self, n_layers, hidden_size, in_size=None, *, bidirectional=False, dropout_ratio=0.0, initializer=None
    ):
        super().__init__(n_layers, hidden_size, in_size, bidirectional, dropout_ratio, initializer)

    def new_cell(self, hidden_size, in_size, initializer):
        return LSTM(hidden_size, in_size, initializer)

    def run(self, cell, x, counts, state):
        Wx, b, Wh = weights_for(x, "NStepLSTM", cell, "fiou")
        return F.LSTM(counts)(x, *Wx, *b, *Wh, *state)


class NStepGRU(_NStep):
    """Layers of GRU over whole sequences: y, h = layer(x, h, lengths), as in `_NStep.forward`. [not in the book]

    reset_after: as in GRU. The other arguments and the sub-layers, which are GRU, are as in NStepRNN.
    """

    gates = "rzn"

    def __init__(
        self,
        n_layers,
        hidden_size,
        in_size=None,
        *,
        bidirectional=False,
        dropout_ratio=0.0,
        reset_after=False,
        initializer=None,
    ):
        self.reset_after = reset_after
        super().__init__(n_layers, hidden_size, in_size, bidirectional, dropout_ratio, initializer)

    def new_cell(self, hidden_size, in_size, initializer):
        return GRU(hidden_size, in_size, self.reset_after, initializer)

    def run(self, cell, x, counts, state):
        Wx, b, Wh = weights_for(x, "NStepGRU", cell, "rzn")
        c = [cell.h2n.b] if self.reset_after else []
        return [F.GRU(self.reset_after, counts)(x, *Wx, *b, *Wh, *c, *state)]

    def load_state_dict(self, state_dict):
        """As in _NStep. Raises ValueError unless reset_after, since PyTorch has no other GRU."""
        if not self.reset_after:
            raise ValueError("NStepGRU.load_state_dict: expected a layer with reset_after=True, as in PyTorch")
        super().load_state_dict(state_dict)
