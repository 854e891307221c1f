"""Kernels for the steps of LSTM and GRU; skip on first reading.

The gates of a row are side by side: z (S, k H) instead of (k, S, H), so that one product with joined weights is enough
for a step. i counts the states (n, H) of a step; q is where the first gate of such an element is in z, j its column.
"""

from .. import cuda
from .products import product

INDEX = "ptrdiff_t j = i % H, q = i / H * {k} * H + j;"
SIGMOID = "1 / (1 + exp(-({})))"

lstm_gates = cuda.Kernel(
    "ElementwiseKernel",
    "T old, raw T bias, int64 H",
    "raw T z, T c, T tanh_c, T h",
    INDEX.format(k=4)
    + f"""
    T f = {SIGMOID.format("z[q] + bias[j]")}, k = {SIGMOID.format("z[q + H] + bias[j + H]")};
    T o = {SIGMOID.format("z[q + 2 * H] + bias[j + 2 * H]")}, u = tanh(z[q + 3 * H] + bias[j + 3 * H]);
    z[q] = f; z[q + H] = k; z[q + 2 * H] = o; z[q + 3 * H] = u;
    c = f * old + k * u; tanh_c = tanh(c); h = o * tanh_c;
    """,
    "lstm_gates",
)
lstm_gates_back = cuda.Kernel(
    "ElementwiseKernel",
    "raw T z, T old, T tanh_c, T gh_all, T gh, int64 H",
    "raw T gz, T gc",
    INDEX.format(k=4)
    + """
    T f = z[q], k = z[q + H], o = z[q + 2 * H], u = z[q + 3 * H];
    T d = gh + gh_all, g = gc + d * o * (1 - tanh_c * tanh_c);
    gz[q] = g * old * f * (1 - f); gz[q + H] = g * u * k * (1 - k);
    gz[q + 2 * H] = d * tanh_c * o * (1 - o); gz[q + 3 * H] = g * k * (1 - u * u);
    gc = g * f;
    """,
    "lstm_gates_back",
)
GRU_GATES = f"""
    T r = {SIGMOID.format("z[q] + bias[j]")}, update = {SIGMOID.format("z[q + H] + bias[j + H]")};
    z[q] = r; z[q + H] = update;
"""
gru_gates = cuda.Kernel(
    "ElementwiseKernel",
    "T old, raw T bias, int64 H",
    "raw T z, T inner",
    INDEX.format(k=3) + GRU_GATES + "inner = r * old;",
    "gru_gates",
)
gru_new = cuda.Kernel(
    "ElementwiseKernel",
    "T old, raw T bias, int64 H",
    "raw T z, T h",
    INDEX.format(k=3) + "T n = tanh(z[q + 2 * H] + bias[j + 2 * H]); z[q + 2 * H] = n; h = z[q + H] * (old - n) + n;",
    "gru_new",
)
gru_reset_after = cuda.Kernel(
    "ElementwiseKernel",
    "T old, raw T bias, raw T c, int64 H",
    "raw T z, T inner, T h",
    INDEX.format(k=3)
    + GRU_GATES
    + """
    inner += c[j];
    T n = tanh(z[q + 2 * H] + bias[j + 2 * H] + r * inner);
    z[q + 2 * H] = n; h = update * (old - n) + n;
    """,
    "gru_reset_after",
)
GRU_BACK = """
    T r = z[q], update = z[q + H], n = z[q + 2 * H], d = gh + gh_all, gn = d * (1 - update) * (1 - n * n);
    g[q + H] = d * (old - n) * update * (1 - update); g[q + 2 * H] = gn; gh = d * update;
"""
gru_back = cuda.Kernel(
    "ElementwiseKernel",
    "raw T z, T old, T gh_all, int64 H",
    "raw T g, T gh",
    INDEX.format(k=3) + GRU_BACK + "g[q] = 0 * r;",
    "gru_back",
)
gru_back_reset = cuda.Kernel(
    "ElementwiseKernel",
    "raw T z, T old, T through_n, int64 H",
    "raw T g, T gh",
    INDEX.format(k=3) + "T r = z[q]; g[q] = through_n * old * r * (1 - r); gh += through_n * r;",
    "gru_back_reset",
)
gru_back_reset_after = cuda.Kernel(
    "ElementwiseKernel",
    "raw T z, T old, T inner, T gh_all, int64 H",
    "raw T g, T reset, T gh",
    INDEX.format(k=3) + GRU_BACK + "g[q] = gn * inner * r * (1 - r); reset = gn * r;",
    "gru_back_reset_after",
)


def join_kernel(k):
    """The kernel that puts k arrays (..., H) side by side: (..., k H)."""
    names = "abcd"[:k]
    at = f"ptrdiff_t part = i / H % {k}, q = i / ({k} * H) * H + i % H;"
    choice = " : ".join([*(f"part == {n} ? {name}[q]" for n, name in enumerate(names[:-1])), f"{names[-1]}[q]"])
    inputs = ", ".join(f"raw T {name}" for name in names)
    return cuda.Kernel("ElementwiseKernel", f"{inputs}, int64 H", "T y", f"{at} y = {choice};", f"join_{k}")


def split_kernel(k):
    """The kernel that takes them apart."""
    names = "abcd"[:k]
    parts = INDEX.format(k=k) + " ".join(f"{name} = y[q + {n} * H];" for n, name in enumerate(names))
    outputs = ", ".join(f"T {name}" for name in names)
    return cuda.Kernel("ElementwiseKernel", "raw T y, int64 H", outputs, parts, f"split_{k}")


JOIN = {k: join_kernel(k) for k in (2, 3, 4)}
SPLIT = {k: split_kernel(k) for k in (3, 4)}


def joined(arrays):
    """Equally shaped arrays (..., H) side by side."""
    *rows, H = arrays[0].shape
    return JOIN[len(arrays)](*arrays, H, cuda.cupy.empty((*rows, len(arrays) * H), arrays[0].dtype))


def split(y, k):
    """The opposite: k arrays."""
    *rows, width = y.shape
    return SPLIT[k](y, width // k, *(cuda.cupy.empty((*rows, width // k), y.dtype) for _ in range(k)))


def gate_by_gate(z, k):
    """A view of z (S, k H) as (k, S, H)."""
    return z.reshape(len(z), k, -1).transpose(1, 0, 2)


def row_by_row(gates):
    """The opposite; copied if the gates of a row are not side by side."""
    k, S, H = gates.shape
    return gates.transpose(1, 0, 2).reshape(S, k * H)


def weight_gradients(x, gz):
    """As in recurrent.py."""
    return split(product(x.T, row_by_row(gz)), len(gz))


def bias_gradients(gz):
    """As in recurrent.py."""
    return split(row_by_row(gz).sum(0), len(gz))


def input_gradient(gz, W):
    """As in recurrent.py."""
    return product(row_by_row(gz), joined(W).T)


def lstm_steps(x, h, c, tanh_c, Wx, b, Wh, steps, started):
    """As in recurrent.py."""
    H, bias, W = c.shape[1], joined(b), joined(Wh)
    z = product(x, joined(Wx))
    for t, (rows, before, after) in enumerate(steps):
        if t > 0 or started:
            product(h[before], W, z[rows], True)
        lstm_gates(c[before], bias, H, z[rows], c[after], tanh_c[rows], h[after])
    return gate_by_gate(z, 4)


def lstm_steps_back(gates, c, tanh_c, gh_all, gh, gc, Wh, steps, started):
    """As in recurrent.py."""
    H, z, W = c.shape[1], row_by_row(gates), joined(Wh).T
    gz = cuda.cupy.empty(z.shape, z.dtype)
    for t, (rows, before, _) in reversed(list(enumerate(steps))):
        running = slice(rows.stop - rows.start)
        lstm_gates_back(z[rows], c[before], tanh_c[rows], gh_all[rows], gh[running], H, gz[rows], gc[running])
        if t > 0 or started:
            product(gz[rows], W, gh[running])
    return gate_by_gate(gz, 4)


def gru_steps(x, h, inner, Wx, b, Wh, c, steps, started):
    """As in recurrent.py."""
    H, bias, W, Wn = h.shape[1], joined(b), joined(Wh[:2]), Wh[2]
    z = product(x, joined(Wx))
    for t, (rows, before, after) in enumerate(steps):
        old, running = h[before], t > 0 or started
        if running:
            product(old, W, z[rows, : 2 * H], True)
        if c is not None:
            if running:
                product(old, Wn, inner[rows])
            gru_reset_after(old, bias, c, H, z[rows], inner[rows], h[after])
            continue
        gru_gates(old, bias, H, z[rows], inner[rows])
        if running:
            product(inner[rows], Wn, z[rows, 2 * H :], True)
        gru_new(old, bias, H, z[rows], h[after])
    return gate_by_gate(z, 3)


def gru_steps_back(gates, inner, h, gh_all, gh, Wh, steps, started, reset_after):
    """As in recurrent.py."""
    xp, H, z, W, Wn = cuda.cupy, h.shape[1], row_by_row(gates), joined(Wh[:2]).T, Wh[2].T
    g = xp.empty(z.shape, z.dtype)
    for t, (rows, before, _) in reversed(list(enumerate(steps))):
        old, running, part = h[before], t > 0 or started, gh[: rows.stop - rows.start]
        if reset_after:
            reset = xp.empty(old.shape, z.dtype)
            gru_back_reset_after(z[rows], old, inner[rows], gh_all[rows], H, g[rows], reset, part)
            if running:
                product(reset, Wn, part, True)
        else:
            gru_back(z[rows], old, gh_all[rows], H, g[rows], part)
            if running:
                gru_back_reset(z[rows], old, product(g[rows, 2 * H :], Wn), H, g[rows], part)
        if running:
            product(g[rows, : 2 * H], W, part, True)
    return gate_by_gate(g, 3)
