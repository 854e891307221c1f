"""Beyond the book: gated recurrent units, recurrent layers over whole sequences, sequences of different lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frameworks.base import Array
from ..inputs import DEEP, DIFFERENCES, FLOATS, GPU, SHAPES_ONLY, normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .layers import fixed
from .states import LSTM_SHAPES, RECURRENT, RNN_SHAPES, sequences, with_gradients
from .steps37_41 import Shape, ones, shaped
from .steps52_60 import CANCELLING_CELL
from .training import TRAINING, cut, scaled, train
from .values import values

# --- one step ---

# h (N, H) -> x (N, 2), the weights of the three gates concatenated: (2, 3H), (3H,), (H, 3H), and c (H,)
GATES = [shaped(lambda s: (2, 3 * s[-1])), shaped(lambda s: (3 * s[-1],)), shaped(lambda s: (s[-1], 3 * s[-1]))]
GRU: dict[str, Any] = {
    **BEYOND,
    "inputs": [normal(), shaped(lambda s: (s[0], 2)), *GATES, shaped(lambda s: s[-1:])],
    **CANCELLING_CELL,
}


def three(fw: Any, W: Any) -> list[Any]:
    """The weights of the three gates, split."""
    H = W.shape[-1] // 3
    return [fw.get_item(W, (..., slice(k * H, (k + 1) * H))) for k in range(3)]


@computation(**GRU, shapes=((2, 3), (1, 1), (0, 2)), cases=FLOATS - DEEP)
def gru_cell(fw: Any, h: Any, x: Any, Wx: Any, b: Any, Wh: Any, c: Any) -> Any:
    """h of the next time step, with both formulas"""
    weights = [three(fw, W) for W in (Wx, b, Wh)]
    return fw.gru_cell(x, h, *weights), fw.gru_cell(x, h, *weights, c) * c


@computation(**GRU, shapes=((2, 3), (0, 2)), cases=SHAPES_ONLY - DEEP - DIFFERENCES)
def gru_cell_at_the_beginning(fw: Any, h: Any, x: Any, Wx: Any, b: Any, Wh: Any, c: Any) -> Any:
    """No initial state, which counts as zeros, so that Wh is not used; constant arrays as states and inputs"""
    weights = [three(fw, W) for W in (Wx, b, Wh)]
    a, state = (fw.constant(np.full(fw.array(v).shape, 0.5, fw.array(v).dtype)) for v in (x, h))
    calls = [(x, None), (a, state), (a, h)]
    return [fw.gru_cell(*call, *weights) for call in calls] + [fw.gru_cell(*call, *weights, c=c) for call in calls]


@computation(**GRU, shapes=((9, 3),), order=0, cases=SHAPES_ONLY)
def gru_cell_of_large_numbers(fw: Any, h: Any, x: Any, Wx: Any, b: Any, Wh: Any, c: Any) -> Any:
    """Saturated gates, where e^-z overflows; their gradients are what rounding leaves of 1 - z"""
    weights = [three(fw, W) for W in (Wx, b, Wh)]
    return fw.gru_cell(x * 200.0, h, *weights), fw.gru_cell(x * 200.0, h, *weights, c)


@computation(**GRU | {"budget": {"float64": 4096.0}}, shapes=((1, 1),), order=3, dtypes=("float64",), cases=SHAPES_ONLY)
def gru_cell_to_third_order(fw: Any, h: Any, x: Any, Wx: Any, b: Any, Wh: Any, c: Any) -> Any:
    """One time step, differentiated three times"""
    return fw.gru_cell(x, h, *(three(fw, W) for W in (Wx, b, Wh)), c)


# --- layers of one step ---

GRU_SHAPES: tuple[Shape, ...] = (*[(3, 4), (4,)] * 3, *[(4, 4)] * 3)


@computation(**BEYOND, order=0, **RECURRENT, cases=SHAPES_ONLY)
def gru_layer(fw: Any, x: Any) -> Any:
    """A state that is kept, truncated, and reset, with both formulas; gradients of all weights"""
    found = []
    for reset_after in (False, True):
        layer = fw.GRU(4, 3, reset_after) if reset_after else fw.GRU(4, in_size=3)
        fw.set_weights(layer, fixed(fw.array(x), *GRU_SHAPES, *[(4,)] * reset_after))
        found += sequences(fw, layer, x)
    return found


# --- whole sequences ---

LENGTHS = [2, 4, 1]
STEPS: dict[str, Any] = {"inputs": [normal()], "shapes": ((3, 4, 3),)}  # three sequences of at most four steps


def cells(shapes: tuple[Shape, ...], n_layers: int, directions: int) -> list[Shape]:
    """The shapes of the weights of layers of cells, each for three inputs and four hidden units."""
    wide = [(4 * directions, 4) if shape == (3, 4) else shape for shape in shapes]
    return [*shapes * directions, *wide * directions * (n_layers - 1)]


def networks(fw: Any, like: Array) -> dict[str, Any]:
    """Every kind of layer over whole sequences, with fixed weights."""
    after = (*GRU_SHAPES, (4,))
    kinds: list[tuple[str, Any, tuple[Shape, ...], int, int]] = [
        ("rnn", fw.NStepRNN(1, 4, 3), RNN_SHAPES, 1, 1),
        ("rnn with relu", fw.NStepRNN(1, 4, in_size=3, activation=fw.relu), RNN_SHAPES, 1, 1),
        ("rnn in both directions", fw.NStepRNN(2, 4, 3, bidirectional=True), RNN_SHAPES, 2, 2),
        ("lstm", fw.NStepLSTM(1, 4, 3), LSTM_SHAPES, 1, 1),
        ("lstm in both directions", fw.NStepLSTM(2, 4, 3, bidirectional=True), LSTM_SHAPES, 2, 2),
        ("gru", fw.NStepGRU(1, 4, 3), GRU_SHAPES, 1, 1),
        ("gru in both directions", fw.NStepGRU(2, 4, 3, bidirectional=True), GRU_SHAPES, 2, 2),
        ("gru of PyTorch", fw.NStepGRU(2, 4, 3, reset_after=True), after, 2, 1),
        ("gru of PyTorch in both directions", fw.NStepGRU(1, 4, 3, bidirectional=True, reset_after=True), after, 1, 2),
    ]
    found = {}
    for name, layer, shapes, n_layers, directions in kinds:
        fw.set_weights(layer, fixed(like, *cells(shapes, n_layers, directions)))
        found[name] = layer, n_layers * directions
    return found


def results(found: tuple[Any, Any]) -> list[Any]:
    """y, and h or h and c."""
    y, state = found
    return [y, *(state if isinstance(state, tuple) else [state])]


@computation(**BEYOND, **STEPS, order=0, cases=SHAPES_ONLY)
def recurrent_layers_over_sequences(fw: Any, x: Any) -> Any:
    """All outputs, the last states, and the gradients of all weights; with lengths, y is 0 beyond them"""
    found = []
    for layer, cells_of in networks(fw, fw.array(x)).values():
        for options in ({"lengths": LENGTHS},) if cells_of > 2 else ({}, {"lengths": LENGTHS}):
            parts = results(layer(x, **options))
            total = sum(((part * part).sum() for part in parts[1:]), (parts[0] * parts[0]).sum())
            found += [np.array(fw.array(part)) for part in parts] + with_gradients(fw, layer, total)
            fw.cleargrads(layer)
    return found


@computation(**BEYOND, **STEPS, cases=SHAPES_ONLY - DEEP - DIFFERENCES)
def recurrent_layers_over_sequences_to_second_order(fw: Any, x: Any) -> Any:
    """Layers in one direction and in both, differentiated twice with respect to their input"""
    made = networks(fw, fw.array(x))
    names = ("rnn", "lstm", "gru", "gru of PyTorch in both directions")
    return [part for name in names for part in results(made[name][0](x, None, LENGTHS))]


@computation(**BEYOND, **STEPS, order=1, cases=SHAPES_ONLY - DIFFERENCES)
def recurrent_layers_from_a_state(fw: Any, x: Any) -> Any:
    """An initial state; a second part of a sequence after the first"""
    made = networks(fw, fw.array(x))
    found = []
    for name in ("rnn in both directions", "lstm in both directions", "gru"):
        layer, n = made[name]
        h, c = (fw.constant(a) for a in fixed(fw.array(x), (n, 3, 4), (n, 3, 4)))
        state = (h, c) if name.startswith("lstm") else h
        first = results(layer(x[:, :2], state, [2, 1, 2]))
        again = tuple(first[1:]) if len(first) > 2 else first[1]
        found += [first[0], *results(layer(x[:, 2:], again))]
    return found


@computation(**BEYOND, **STEPS, order=1, cases=SHAPES_ONLY)
def recurrent_layers_of_a_list(fw: Any, x: Any) -> Any:
    """A list of sequences of different lengths, and the list of their outputs"""
    made = networks(fw, fw.array(x))
    found = []
    for name in ("lstm", "gru of PyTorch"):
        ys, state = made[name][0]([x[0], x[1, :2], x[2, :1] * x[1, 3:]])
        found += [*ys, *results((ys[0], state))[1:]]
    return found


@computation(**BEYOND, **STEPS, order=1, cases=SHAPES_ONLY)
def dropout_between_layers_at_inference(fw: Any, x: Any) -> Any:
    """In test_mode a dropout_ratio changes nothing"""
    found = []
    for make, shapes in ((fw.NStepRNN, RNN_SHAPES), (fw.NStepLSTM, LSTM_SHAPES)):
        layer = make(2, 4, 3, dropout_ratio=0.9)
        fw.set_weights(layer, fixed(fw.array(x), *cells(shapes, 2, 1)))
        with fw.test_mode():
            found.append(layer(x)[0])
    layer = fw.NStepGRU(2, 4, 3, dropout_ratio=0.9, reset_after=True)
    fw.set_weights(layer, fixed(fw.array(x), *cells((*GRU_SHAPES, (4,)), 2, 1)))
    with fw.test_mode():
        return [*found, layer(x)[0]]


@computation(**BEYOND, order=0, dtypes=("float32",))
def weights_of_recurrent_layers(fw: Any) -> Any:
    """Shape and dtype of all weights, also of a layer that is called before its input size is known"""
    found = []
    for kind in (fw.NStepRNN, fw.NStepLSTM, fw.NStepGRU):
        options = {"reset_after": True} if kind == fw.NStepGRU else {}
        late = kind(2, 4, 3, **options) if fw.name == "torch" else kind(2, 4, **options)  # torch needs the size
        late(fw.constant(np.ones((2, 5, 3), np.float32)))
        found += [late, kind(1, 5, in_size=3, bidirectional=True, **options)]
    for reset_after in (False, True):
        late = fw.GRU(4, 3, reset_after) if fw.name == "torch" else fw.GRU(4, reset_after=reset_after)
        late(fw.constant(np.ones((2, 3), np.float32)))
        found.append(late)
    return [np.zeros_like(a) for layer in found for a in fw.weights(layer)]


STATE_DICTS = ("RNN", "LSTM", "GRU")


def state_dict_of(kind: str) -> dict[str, Array]:
    """Arrays with the names and shapes of two layers in both directions, 3 inputs, 4 hidden units."""
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind] * 4
    found: dict[str, Shape] = {}
    for layer in (0, 1):
        for suffix in ("", "_reverse"):
            shapes: dict[str, Shape] = {"weight_ih": (gates, 8 if layer else 3), "weight_hh": (gates, 4)}
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
            found |= {f"{name}_l{layer}{suffix}": shape for name, shape in shapes.items()}
    rng = np.random.default_rng(7)
    return {name: 0.5 * rng.standard_normal(shape) for name, shape in found.items()}


@computation(**BEYOND, **STEPS, order=1, cases=SHAPES_ONLY - GPU - DIFFERENCES)
def state_dicts_of_recurrent_layers(fw: Any, x: Any) -> Any:
    """Layers with the weights of a state_dict of torch.nn.RNN, LSTM and GRU"""
    found = []
    for kind in STATE_DICTS:
        options = {"reset_after": True} if kind == "GRU" else {}
        layer = getattr(fw, f"NStep{kind}")(2, 4, 3, bidirectional=True, **options)
        arrays = {name: a.astype(fw.array(x).dtype) for name, a in state_dict_of(kind).items()}
        if fw.name == "torch":
            layer.module.load_state_dict({name: fw.constant(a) for name, a in arrays.items()}, assign=True)
        else:
            fw.set_weights(layer, [a.astype(fw.array(x).dtype) for a in fw.weights(layer)])
            layer.load_state_dict(arrays)
        found += results(layer(x, None, LENGTHS))
    return found


# --- padding ---


@computation(**BEYOND, inputs=[normal()], shapes=((4, 3), (3, 1), (4, 2, 2)), cases=FLOATS)
def pad_and_unpad_sequences(fw: Any, x: Any) -> Any:
    """A list of sequences as a padded batch, and back"""
    n = x.shape[0]
    xs = [x[:2], x * x, x[n - 1 :]]
    padded, lengths = fw.pad_sequence(xs)
    other, _ = fw.pad_sequence([x[1:], x[:1]], -1.5)
    return [padded, other, *fw.unpad_sequence(padded * 2.0, lengths), fw.unpad_sequence(other, [1, 1])[1]]


@computation(**BEYOND, inputs=[normal()], shapes=((3, 4),), order=1, cases=SHAPES_ONLY - GPU)
def sequence_mask(fw: Any, x: Any) -> Any:
    """Which steps belong to a sequence, times x, so that there is a gradient"""
    dtype = fw.array(x).dtype
    lengths = np.array([2, 4, 0])
    return [x * fw.cast(mask, dtype) for mask in (fw.sequence_mask(lengths), fw.sequence_mask(lengths, 4))]


# --- training ---

HIDDEN = 6
SUMS: tuple[Shape, ...] = (*[(2, HIDDEN), (HIDDEN,)] * 3, *[(HIDDEN, HIDDEN)] * 3, (HIDDEN,), (HIDDEN, 1), (1,))
SUM_STEPS = 20


@computation(**BEYOND, inputs=[scaled(*SUMS)], **TRAINING | {"curve": SUM_STEPS}, quick={"steps": 4})
def training_a_gru_to_add(fw: Any, start: Any, steps: int = SUM_STEPS) -> Any:
    """Sequences of numbers, some of them marked: a GRU learns the sum of the marked ones; Adam, different lengths"""
    model = fw.Layer()
    model.rnn, model.fc = fw.NStepGRU(1, HIDDEN, 2, reset_after=True), fw.Linear(1, in_size=HIDDEN)
    fw.set_weights(model, cut(fw.array(start), SUMS))
    dtype = fw.array(start).dtype
    rng = np.random.default_rng(3)
    batches = []
    for _ in range(steps):
        x, lengths = rng.random((8, 5, 2)), rng.integers(1, 6, 8)
        x[..., 1] = x[..., 1] < 0.5
        inside = np.arange(5) < lengths[:, None]
        t = (x[..., 0] * x[..., 1] * inside).sum(1)[:, None]
        batches.append((x.astype(dtype), lengths, t.astype(dtype)))

    def loss(x: Array, lengths: Array, t: Array) -> Any:
        _, h = model.rnn(fw.constant(x), None, lengths)
        return fw.mean_squared_error(model.fc(h[0]), fw.constant(t))

    return train(fw, model, fw.Adam(0.02), loss, batches)


# --- what only the stages have ---

values(
    60,
    "names of the package's own paths",
    (
        "torch_names_of_recurrent_layers",
        lambda fw: [getattr(fw, f"NStep{kind}")(2, 4, 3, bidirectional=True).torch_names() for kind in STATE_DICTS],
        lambda: [torch_names(gates) for gates in ("h", "fiou", "rzn")],
    ),
    since=5,
)


def torch_names(gates: str) -> dict[str, str]:
    """The names of the tensors of two layers in both directions."""
    found = {}
    for cell, suffix in (("l0", "l0"), ("l0r", "l0_reverse"), ("l1", "l1"), ("l1r", "l1_reverse")):
        for gate in gates:
            found[f"{cell}/x2{gate}/W"] = f"weight_ih_{suffix}"
            found[f"{cell}/x2{gate}/b"] = f"bias_ih_{suffix}"
        found |= {f"{cell}/h2{gate}/W": f"weight_hh_{suffix}" for gate in gates}
    return found


def without_run(fw: Any) -> Any:
    """A subclass that defines half of what it must."""
    return type("Plain", (fw.layers.recurrent._NStep,), {"new_cell": lambda self, *sizes: fw.RNN(*sizes)})


# fmt: off
errors(
    60,
    ("gru_cell_without_weights", lambda fw: fw.gru_cell(ones(fw, 2, 3), None, [], None, []),
     TypeError, "gru_cell: expected three b, got None"),
    ("gru_cell_of_another_width",
     lambda fw: fw.gru_cell(ones(fw, 2, 3), ones(fw, 2, 4), *([ones(fw, *s)] * 3 for s in ((2, 4), (4,), (4, 4)))),
     ValueError, "gru_cell: expected x (N, I), three W_x (I, H), three b (H,), three W_h (H, H), h (N, H), c (H,), got "
                 "x (2, 3), W_x [(2, 4), (2, 4), (2, 4)], b [(4,), (4,), (4,)], W_h [(4, 4), (4, 4), (4, 4)], "
                 "h [(2, 4)], c []"),
    ("gru_of_another_batch", lambda fw: [layer(ones(fw, n, 3)) for layer in [fw.GRU(4, in_size=3)] for n in (2, 3)],
     ValueError, "GRU: expected 2 rows, as in the state, got x (3, 3); reset_state() starts a new sequence"),
    ("gru_of_other_columns", lambda fw: fw.GRU(2, in_size=3)(ones(fw, 2, 4)),
     ValueError, "GRU: expected x (N, 3), got (2, 4)"),
    ("recurrent_layer_with_dropout_in_one_layer", lambda fw: fw.NStepLSTM(1, 4, 3, dropout_ratio=0.5),
     ValueError, "NStepLSTM: expected a dropout_ratio in [0, 1), and 0 for one layer, since dropout is between layers, "
                 "got 0.5 for 1", "warns"),
    ("recurrent_layer_without_an_activation", lambda fw: fw.NStepRNN(1, 4, 3, activation="relu"),
     TypeError, "NStepRNN: expected a function as the activation, got 'relu'", "knows tanh and relu by name"),
    ("recurrent_layer_of_no_cells", lambda fw: fw.layers.recurrent._NStep(1, 4, 3, False, 0.0, None),
     NotImplementedError, "_NStep has no new_cell"),
    ("recurrent_layer_that_does_not_run", lambda fw: without_run(fw)(1, 4, 3, False, 0, None)(ones(fw, 1, 2, 3)),
     NotImplementedError, "Plain has no run"),
    ("recurrent_layer_of_no_steps", lambda fw: fw.NStepGRU(1, 4)(ones(fw, 2, 0, 3)),
     ValueError, "NStepGRU: expected x (N, T, in_size) with T at least 1, got (2, 0, 3)"),
    ("recurrent_layer_of_other_columns", lambda fw: fw.NStepGRU(1, 4, 3)(ones(fw, 2, 1, 2)),
     ValueError, "NStepGRU: expected x (N, T, 3) with T at least 1, got (2, 1, 2)"),
    ("recurrent_layer_of_a_list_with_lengths", lambda fw: fw.NStepGRU(1, 4, 3)([ones(fw, 2, 3)], None, [2]),
     ValueError, "NStepGRU: expected no lengths for a list of sequences, which have their own"),
    ("recurrent_layer_of_a_length_of_zero", lambda fw: fw.NStepRNN(1, 4, 3)(ones(fw, 2, 2, 3), None, [2, 0]),
     ValueError, "NStepRNN: expected lengths (2,) of 1 to 2 for x (2, 2, 3), got [2, 0]"),
    ("recurrent_layer_with_one_state_of_two", lambda fw: fw.NStepLSTM(1, 4, 3)(ones(fw, 2, 2, 3), ones(fw, 1, 2, 4)),
     TypeError, "NStepLSTM: expected a state (h, c), got Variable"),
    ("recurrent_layer_with_a_state_of_another_shape",
     lambda fw: fw.NStepGRU(1, 4, 3)(ones(fw, 2, 2, 3), ones(fw, 2, 2, 4)),
     ValueError, "NStepGRU: expected a state of (1, 2, 4), got (2, 2, 4)"),
    ("state_dict_for_the_gru_that_pytorch_does_not_have", lambda fw: fw.NStepGRU(1, 4, 3).load_state_dict({}),
     ValueError, "NStepGRU.load_state_dict: expected a layer with reset_after=True, as in PyTorch"),
    ("state_dict_of_another_recurrent_layer",
     lambda fw: fw.NStepRNN(2, 4, 3, bidirectional=True).load_state_dict(state_dict_of("GRU")),
     ValueError, "NStepRNN.load_state_dict: expected weight_ih_l0 of length 4, got (12, 3)"),
    ("pad_sequence_of_other_columns", lambda fw: fw.pad_sequence([ones(fw, 2, 3), ones(fw, 2, 4)]),
     ValueError, "pad_sequence: expected x (T_i, ...) that differ only in T_i, got [(2, 3), (2, 4)]"),
    ("unpad_sequence_of_too_many_steps", lambda fw: fw.unpad_sequence(ones(fw, 2, 3), [1, 4]),
     ValueError, "unpad_sequence: expected lengths (2,) of 0 to 3 for x (2, 3), got [1, 4]", "cuts the lengths"),
    ("sequence_mask_of_a_number", lambda fw: fw.sequence_mask(np.array(3)),
     ValueError, "sequence_mask: expected lengths (N,), or T if there are none, got ()"),
)
# fmt: on
