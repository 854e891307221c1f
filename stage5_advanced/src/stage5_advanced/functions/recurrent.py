"""LSTM and GRU: one Function each for a step, for sequences, and for packed rows. [step 60]"""

import functools
import itertools
import math

import numpy as np

from .. import cuda
from ..config import using_config
from ..core import Function, Variable, as_input, grad
from . import recurrent_kernels as kernels
from .activation import sigmoid
from .broadcast import sum_array_to
from .elementwise import tanh
from .matrix import linear, matmul
from .select import split
from .shape import concat, stack


class LSTM(Function):
    """c_t = f c_(t-1) + i u,  h_t = o tanh(c_t);  f, i, o = sigmoid(z), u = tanh(z),  z = x_t W_x + b + h_(t-1) W_h.

    Inputs: x (N, T, I), (N, I) for one step, or packed rows; four W_x, four b, four W_h; h_0 and c_0 (N, H), or
    neither for zeros. Outputs: all h, in the layout of x; the last c (N, H). counts: as in Packing, for packed rows.
    """

    def __init__(self, counts=None):
        self.counts = counts

    def forward(self, x, *others):
        xp, shape = self.xp, x.shape
        dtype = np.result_type(0.0, *{a.dtype for a in (x, *others)})
        counts = counts_of(x, self.counts)
        x, Wx, b, Wh, state = prepared(by_time(x), others, 4, dtype)
        N, S, H = counts[0], len(x), len(b[0])
        h, c = xp.zeros((2, N + S, H), x.dtype)
        tanh_c = xp.empty((S, H), x.dtype)
        self.states = h, c, tanh_c
        if state:
            h[:N], c[:N] = state
        self.gates = lstm_steps(x, h, c, tanh_c, Wx, b, Wh, list(steps_of(counts)), bool(state))
        return by_row(h[N:].astype(dtype), shape), last_of(xp, c, counts).astype(dtype)

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
        xp, shape, (gh_all, gc) = self.xp, x.shape, others[-2:]
        counts = counts_of(x, self.lstm.counts)
        x, Wx, _, Wh, state = prepared(by_time(x), others[:-2], 4, gc.dtype)
        h, c, tanh_c = self.lstm.states
        gh_all, gc, gh = by_time(gh_all), gc.astype(x.dtype), xp.zeros(gc.shape, x.dtype)
        steps = list(steps_of(counts))
        gz = lstm_steps_back(self.lstm.gates, c, tanh_c, gh_all, gh, gc, Wh, steps, bool(state))
        h = states_before(xp, h, steps)
        gxs = [*weight_gradients(x, gz), *bias_gradients(gz), *weight_gradients(h, gz), *([gh, gc] if state else [])]
        if not self.without_x:
            gxs.insert(0, by_row(input_gradient(gz, Wx), shape))
        return tuple(gxs)

    def backward(self, *ggxs):
        return second_gradients(self, functools.partial(simple_lstm, self.lstm.counts), 2, ggxs)


class GRU(Function):
    """h' = z h + (1 - z) n;  r, z = sigmoid(x W_x + b + h W_h),  n = tanh(x W_x + b + (r h) W_h), for each step.

    With reset_after, n = tanh(x W_x + b + r (h W_h + c)). Inputs: x, as in LSTM; three W_x, three b, three W_h;
    c (H,) with reset_after; h_0 (N, H), or none for zeros. Output: all h, in the layout of x.
    """

    def __init__(self, reset_after, counts=None):
        self.reset_after = reset_after
        self.counts = counts

    def forward(self, x, *others):
        xp, shape = self.xp, x.shape
        dtype = np.result_type(0.0, *{a.dtype for a in (x, *others)})
        counts = counts_of(x, self.counts)
        x, Wx, b, Wh, rest = prepared(by_time(x), others, 3, dtype)
        (c,), state = (rest[:1], rest[1:]) if self.reset_after else ([None], rest)
        N, S, H = counts[0], len(x), len(b[0])
        inner = self.inner = xp.zeros((S, H), x.dtype)  # the factor of W_h in n, or with reset_after of r
        h = self.states = xp.zeros((N + S, H), x.dtype)
        if state:
            h[:N] = state[0]
        self.gates = gru_steps(x, h, inner, Wx, b, Wh, c, list(steps_of(counts)), bool(state))
        return by_row(h[N:].astype(dtype), shape)

    def backward(self, gh):
        without_x = self.inputs[0].constant
        gxs = GRUGrad(self, without_x)(*self.inputs, gh)
        return (None, *gxs) if without_x else tuple(gxs)


class GRUGrad(Function):
    """The gradients of GRU, by backpropagation through time.

    gz = gh_t (h_(t-1) - n) z (1-z), gn = gh_t (1-z) (1-n^2), gr = gn W_h^T h_(t-1) r (1-r);
    gh_(t-1) += gh_t z + r gn W_h^T + gr W_h^T + gz W_h^T. With reset_after, gr = gn (h_(t-1) W_h + c) r (1-r) and
    gh_(t-1) += gh_t z + (r gn) W_h^T + ..., gc = sum r gn.  gx = sum g W_x^T,  gW = (x or h)^T g.
    """

    def __init__(self, gru, without_x):
        self.gru = gru  # holds the gates and the states
        self.without_x = without_x

    def forward(self, x, *others):
        xp, shape, gh_all, reset_after = self.xp, x.shape, others[-1], self.gru.reset_after
        counts = counts_of(x, self.gru.counts)
        x, Wx, _, Wh, rest = prepared(by_time(x), others[:-1], 3, gh_all.dtype)
        state = rest[1:] if reset_after else rest
        gates, inner, h = self.gru.gates, self.gru.inner, self.gru.states
        gh_all, gh = by_time(gh_all), xp.zeros((counts[0], len(Wh[0])), x.dtype)
        steps = list(steps_of(counts))
        g = gru_steps_back(gates, inner, h, gh_all, gh, Wh, steps, bool(state), reset_after)
        h = states_before(xp, h, steps)
        gn = g[2] * gates[0] if reset_after else g[2]
        gxs = [
            *weight_gradients(x, g),
            *bias_gradients(g),
            h.T @ g[0],
            h.T @ g[1],
            (h if reset_after else inner).T @ gn,
        ]
        gxs += [sum_array_to(gn, gn.shape[1:])] * reset_after + [gh] * len(state)
        if not self.without_x:
            gxs.insert(0, by_row(input_gradient(g, Wx), shape))
        return tuple(gxs)

    def backward(self, *ggxs):
        simple = functools.partial(simple_gru, self.gru.reset_after, self.gru.counts)
        return second_gradients(self, simple, 1, ggxs)


@cuda.on_gpu(kernels.lstm_steps)
def lstm_steps(x, h, c, tanh_c, Wx, b, Wh, steps, started):
    """Compute the gates (4, S, H), which are returned, and the states of all steps, in place.

    started: whether the first states are not zeros.
    """
    xp = cuda.get_array_module(x)
    gates = products(xp, x, Wx, b)
    for t, (rows, before, after) in enumerate(steps):
        if t > 0 or started:
            for z, W in zip(gates[:, rows], Wh, strict=True):
                z += h[before] @ W
        f, i, o, u = activated(xp, gates[:, rows])
        c[after] = f * c[before] + i * u
        xp.tanh(c[after], out=tanh_c[rows])
        xp.multiply(o, tanh_c[rows], out=h[after])
    return gates


@cuda.on_gpu(kernels.lstm_steps_back)
def lstm_steps_back(gates, c, tanh_c, gh_all, gh, gc, Wh, steps, started):
    """The gradients gz (4, S, H). gh and gc, of the last states, become those of the first, in place."""
    xp, (f, i, o, u) = cuda.get_array_module(gates), gates
    gz = gates * (1 - gates)  # the factors of g, and of gh for o
    gz[0] *= states_before(xp, c, steps)
    gz[1] *= u
    gz[2] *= tanh_c
    gz[3] = i * (1 - u * u)
    slope = o * (1 - tanh_c * tanh_c)
    WT = [W.T.copy() if len(steps) > 1 else W.T for W in Wh]  # contiguous, for faster products in the loop
    for t, (rows, _, _) in reversed(list(enumerate(steps))):
        running = slice(rows.stop - rows.start)  # shorter sequences keep the gradient of their last c
        gh[running] += gh_all[rows]
        g = gc[running] + gh[running] * slope[rows]
        gz[:2, rows] *= g
        gz[2, rows] *= gh[running]
        gz[3, rows] *= g
        gc[running] = g * f[rows]
        if t > 0 or started:
            gh[running] = through(gz[:, rows], WT)
    return gz


@cuda.on_gpu(kernels.gru_steps)
def gru_steps(x, h, inner, Wx, b, Wh, c, steps, started):
    """Compute the gates (3, S, H), which are returned, the states and the inner factors of all steps, in place.

    c: None unless the gate r is applied after the product.
    """
    xp, (Wr, Wz, Wn) = cuda.get_array_module(x), Wh
    gates = products(xp, x, Wx, b)
    for t, (rows, before, after) in enumerate(steps):
        running, old, (r, z, n) = t > 0 or started, h[before], gates[:, rows]
        if running:
            r += old @ Wr
            z += old @ Wz
        logistic(xp, gates[:2, rows])
        if c is not None:
            xp.add(old @ Wn if running else 0, c, out=inner[rows])
            n += r * inner[rows]
        elif running:
            xp.multiply(r, old, out=inner[rows])
            n += inner[rows] @ Wn
        xp.tanh(n, out=n)
        xp.add(z * (old - n), n, out=h[after])
    return gates


@cuda.on_gpu(kernels.gru_steps_back)
def gru_steps_back(gates, inner, h, gh_all, gh, Wh, steps, started, reset_after):
    """The gradients g (3, S, H). gh, of the last states, becomes that of the first, in place."""
    xp, (r, z, n) = cuda.get_array_module(gates), gates
    h = states_before(xp, h, steps)
    g = xp.empty_like(gates)  # first the factors of the gradients
    xp.multiply(r * (1 - r), inner if reset_after else h, out=g[0])
    xp.multiply(z * (1 - z), h - n, out=g[1])
    xp.multiply(1 - z, 1 - n * n, out=g[2])
    Wr, Wz, Wn = (W.T.copy() if len(steps) > 1 else W.T for W in Wh)  # contiguous, for faster products in the loop
    for t, (rows, _, _) in reversed(list(enumerate(steps))):
        running = slice(rows.stop - rows.start)
        gh[running] += gh_all[rows]
        gr, gz, gn = g[:, rows]
        gz *= gh[running]
        gn *= gh[running]
        if reset_after:
            gr *= gn
        if t > 0 or started:
            through_n = gn * r[rows] @ Wn if reset_after else gn @ Wn
            if not reset_after:
                gr *= through_n
                through_n *= r[rows]
            gh[running] *= z[rows]
            gh[running] += through_n
            gh[running] += gr @ Wr
            gh[running] += gz @ Wz
    return g


@cuda.on_gpu(kernels.weight_gradients)
def weight_gradients(x, gz):
    """The gradients of weights that x is multiplied by, from gz (k, S, H): k arrays."""
    return [x.T @ g for g in gz]


@cuda.on_gpu(kernels.bias_gradients)
def bias_gradients(gz):
    """The gradients of biases (H,): k arrays."""
    k, _, H = gz.shape
    return sum_array_to(gz, (k, 1, H)).reshape(k, H)


@cuda.on_gpu(kernels.input_gradient)
def input_gradient(gz, W):
    """The gradient of what is multiplied by k weights W: the sum of gz W^T."""
    return through(gz, [w.T for w in W])


def second_gradients(function, simple, n_outputs, ggxs):
    """The gradients of LSTMGrad or GRUGrad: those of the formula composed of basic functions, for n_outputs."""
    if function.without_x:
        ggxs = (Variable(function.xp.zeros_like(function.inputs[0].data)), *ggxs)
    n = len(ggxs)
    return tuple(Checkpoint(gradients(gradients(simple, n), n + n_outputs))(*function.inputs, *ggxs))


def prepared(x, others, k, dtype):
    """x, k W_x, k b, k W_h and the others in the dtype to compute in: float32 for float16."""
    work = np.result_type(dtype, np.float32)
    x, *others = (a if a.dtype == work else a.astype(work) for a in (x, *others))
    return x, others[:k], others[k : 2 * k], others[2 * k : 3 * k], others[3 * k :]


def counts_of(x, counts):
    """The number of rows at each time step: counts, or N for each of T steps of x (N, T, I), or one of x (N, I)."""
    return counts or (len(x),) * math.prod(x.shape[1:-1])


def steps_of(counts):
    """For each step, the slice of its rows; in N initial states + S rows, those of its old and of its new states."""
    start = before = 0
    for n in counts:
        after = counts[0] + start
        yield slice(start, start + n), slice(before, before + n), slice(after, after + n)
        start, before = start + n, after


def states_before(xp, states, steps):
    """The states before each step (S, H) of states (N + S, H)."""
    if all(before == rows for rows, before, _ in steps):  # equally long sequences
        return states[: steps[-1][0].stop]
    return xp.concatenate([states[before] for _, before, _ in steps])


def last_of(xp, states, counts):
    """The state (N, H) after the last step of each sequence, of states (N + S, H)."""
    later = [*counts[1:], 0]  # sequences that have one more step
    steps = zip(steps_of(counts), later, strict=True)
    return xp.concatenate([states[after.start + n : after.stop] for (_, _, after), n in steps][::-1])


def by_time(x):
    """Put the rows of each time step together: (N, T, I) -> (T N, I); one step, or packed rows, are returned as is."""
    return x if x.ndim == 2 else x.transpose(1, 0, 2).reshape(-1, x.shape[2])


def by_row(y, shape):
    """The opposite for y (T N, H), where x has the given shape."""
    if len(shape) == 2:
        return y
    N, T, _ = shape
    return y.reshape(T, N, y.shape[1]).transpose(1, 0, 2)


def products(xp, x, Wx, b):
    """x W_x + b for each gate and all time steps: (k, S, H)."""
    gates = xp.empty((len(b), len(x), len(b[0])), x.dtype)
    for z, W in zip(gates, Wx, strict=True):  # one product for all steps
        xp.matmul(x, W, out=z)
    gates += xp.concatenate(b).reshape(len(b), 1, -1)
    return gates


def logistic(xp, z):
    """Compute sigmoid(z) in place."""
    with np.errstate(over="ignore"):  # e^-x may overflow to inf; 1 / inf = 0 is correct
        xp.exp(xp.negative(z, out=z), out=z)
    z += 1
    xp.divide(1, z, out=z)


def activated(xp, z):
    """Compute f, i, o, u from z (4, N, H) in place: sigmoid of the first three, tanh of the last."""
    logistic(xp, z[:3])
    xp.tanh(z[3], out=z[3])
    return z


def through(gz, WT):
    """The sum of gz W^T over the gates."""
    gx = gz[0] @ WT[0]
    for g, W in zip(gz[1:], WT[1:], strict=True):
        gx += g @ W
    return gx


def simple_lstm(counts, x, *others):
    """LSTM composed of basic functions, which can be differentiated to any order."""
    Wx, b, Wh = (concat(others[k : k + 4], axis=-1) for k in (0, 4, 8))
    h, c = others[12:] or (None, None)
    H = len(others[4])
    hs, ended = [], []
    for x_t in steps_in(x, counts):
        z = linear(x_t, Wx, b)
        if h is not None:
            if len(h) > len(x_t):  # some sequences have ended
                ended.insert(0, c[len(x_t) :])
                h, c = h[: len(x_t)], c[: len(x_t)]
            z = z + matmul(h, Wh)
        f, i, o, u = (z[:, k * H : (k + 1) * H] for k in range(4))
        f, i, o, u = sigmoid(f), sigmoid(i), sigmoid(o), tanh(u)
        c = i * u if c is None else f * c + i * u
        h = o * tanh(c)
        hs.append(h)
    return [joined(hs, x, counts), concat([c, *ended]) if ended else c]


def simple_gru(reset_after, counts, x, *others):
    """GRU composed of basic functions, which can be differentiated to any order."""
    Wx, b, Wh = (others[k : k + 3] for k in (0, 3, 6))
    c = others[9] if reset_after else None
    h = others[9 + reset_after] if len(others) > 9 + reset_after else None
    hs = []
    for x_t in steps_in(x, counts):
        r, z, n = (linear(x_t, W, v) for W, v in zip(Wx, b, strict=True))
        if h is not None:
            h = h[: len(x_t)]
            r, z = r + matmul(h, Wh[0]), z + matmul(h, Wh[1])
        r, z = sigmoid(r), sigmoid(z)
        if reset_after:
            n = n + r * (c if h is None else matmul(h, Wh[2]) + c)
        elif h is not None:
            n = n + matmul(r * h, Wh[2])
        n = tanh(n)
        h = (1 - z) * n if h is None else z * h + (1 - z) * n
        hs.append(h)
    return [joined(hs, x, counts)]


def steps_in(x, counts):
    """The rows of each time step, a list: of packed rows, of x (N, T, I), or of one step (N, I)."""
    if counts:
        return split(x, list(itertools.accumulate(counts))[:-1])
    return [x] if x.ndim == 2 else [x[:, t] for t in range(x.shape[1])]


def joined(hs, x, counts):
    """The states of all steps in the layout of x."""
    if counts:
        return concat(hs)
    return hs[0] if x.ndim == 2 else stack(hs, axis=1)


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
    x, Wx, b, Wh = as_groups(name, "four", x, Wx, b, Wh)
    if (h is None) != (c is None):
        raise ValueError(f"{name}: expected h and c, or None for both, got {'h' if c is None else 'c'} alone")
    state = [] if h is None else [as_input(h, name), as_input(c, name)]
    shapes = [[v.shape for v in group] for group in (Wx, b, Wh, state)]
    if x.ndim != ndim or not fitting(x, 4, shapes):
        expected = "x (N, I)" if ndim == 2 else "x (N, T, I) with T at least 1"
        raise ValueError(
            f"{name}: expected {expected}, four W_x (I, H), four b (H,), four W_h (H, H), h and c (N, H), "
            f"got x {x.shape}, W_x {shapes[0]}, b {shapes[1]}, W_h {shapes[2]}, h and c {shapes[3]}"
        )
    return [x, *Wx, *b, *Wh, *state]


def gru_cell(x, h, Wx, b, Wh, c=None):
    """One step of a gated recurrent unit.  x (N, I), h (N, H) -> h' (N, H); h is None before the first step.

    Wx, b, Wh: for the gates r, z and for n, three weights (I, H), three biases (H,), three weights (H, H).
    r, z = sigmoid(x W_x + b + h W_h),  n = tanh(x W_x + b + (r h) W_h),  h' = z h + (1 - z) n.
    With c (H,), n = tanh(x W_x + b + r (h W_h + c)), which is PyTorch's and cuDNN's. In Chainer and in the paper, z and
    1 - z are exchanged. Raises ValueError if shapes do not match. [not in the book]
    """
    x, Wx, b, Wh = as_groups("gru_cell", "three", x, Wx, b, Wh)
    state = [] if h is None else [as_input(h, "gru_cell")]
    c = [] if c is None else [as_input(c, "gru_cell")]
    shapes = [[v.shape for v in group] for group in (Wx, b, Wh, state, c)]
    if x.ndim != 2 or not fitting(x, 3, shapes):
        raise ValueError(
            "gru_cell: expected x (N, I), three W_x (I, H), three b (H,), three W_h (H, H), h (N, H), c (H,), "
            f"got x {x.shape}, W_x {shapes[0]}, b {shapes[1]}, W_h {shapes[2]}, h {shapes[3]}, c {shapes[4]}"
        )
    return GRU(reset_after=bool(c))(x, *Wx, *b, *Wh, *c, *state)


def as_groups(name, number, x, Wx, b, Wh):
    """x and the lists of weights as Variables. Raises TypeError if a group is missing."""
    for group, Ws in (("W_x", Wx), ("b", b), ("W_h", Wh)):
        if not np.iterable(Ws):
            raise TypeError(f"{name}: expected {number} {group}, got {Ws}")
    return as_input(x, name), *([as_input(W, name) for W in Ws] for Ws in (Wx, b, Wh))


def fitting(x, k, shapes):
    """Whether the shapes of k W_x, k b, k W_h, of the state and of c match x."""
    _, b, _, state, *c = shapes
    N, I, H = x.shape[:1], x.shape[-1:], b[0] if b else ()
    expected = [[I + H] * k, [H] * k, [H + H] * k, [N + H] * len(state), *([H] * len(v) for v in c)]
    return len(H) == 1 and shapes == expected and 0 not in x.shape[1:-1]
