"""Layers of steps 52-60: convolution, embedding, normalization and recurrence; saving and loading."""

from __future__ import annotations

import copy
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..compare import same_bytes
from ..frameworks.base import Array
from ..inputs import DEFAULT_SEED, DIFFERENCES, GPU, SHAPES_ONLY, normal
from . import computation
from .layers import fixed, pull
from .steps37_41 import Shape, refused
from .steps52_60 import NOT_IN_TORCH, drawing

LAYER: dict[str, Any] = {"inputs": [normal()]}


# --- convolution and embedding ---


def with_gradients(fw: Any, layer: Any, y: Any) -> list[Array]:
    """The output of a layer, and the gradients of its weights after a backward pass from it."""
    pull(fw, y)
    return [np.array(fw.array(y)), *(np.array(g) for g in fw.weight_gradients(layer))]


@computation(step=57, shapes=((2, 3, 5, 4), (1, 3, 3, 2)), **LAYER, cases=SHAPES_ONLY)
def conv2d_layer(fw: Any, x: Any) -> Any:
    """Weights copied into a layer with in_channels given, one before its first call, and one without a bias"""
    shapes: tuple[Shape, ...] = (4, 3, 3, 2), (4,)
    early = fw.Conv2d(4, (3, 2), (2, 1), (1, 0), in_channels=3)
    late = fw.Conv2d(4, kernel_size=(3, 2), stride=1, pad=1)
    bare = fw.Conv2d(4, (3, 2), nobias=True)
    fw.set_weights(early, fixed(fw.array(x), *shapes))
    fw.set_weights(late, fixed(fw.array(x), *shapes[::-1])[::-1])
    fw.set_weights(bare, fixed(fw.array(x), shapes[0]))
    return early(x), late(x), bare(x)


@computation(step=57, shapes=((2, 3, 3, 2), (1, 3, 1, 1)), **LAYER, cases=SHAPES_ONLY)
def deconv2d_layer(fw: Any, x: Any) -> Any:
    """The same for the transposed convolution, whose weights have the input channels first"""
    shapes: tuple[Shape, ...] = (3, 4, 3, 2), (4,)
    early = fw.Deconv2d(4, (3, 2), (2, 3), (1, 0), in_channels=3)
    late = fw.Deconv2d(4, (3, 2), stride=2)
    bare = fw.Deconv2d(4, (3, 2), nobias=True)
    fw.set_weights(early, fixed(fw.array(x), *shapes))
    fw.set_weights(late, fixed(fw.array(x), *shapes[::-1])[::-1])
    fw.set_weights(bare, fixed(fw.array(x), shapes[0]))
    return early(x), late(x), bare(x)


@computation(step=57, shapes=((2, 3, 6, 5),), order=0, **LAYER, cases=SHAPES_ONLY)
def gradients_of_image_layers(fw: Any, x: Any) -> Any:
    """gW and gb of a convolution followed by a transposed convolution"""
    model = fw.Sequential(fw.Conv2d(4, (3, 2), 2, 1), fw.tanh, fw.Deconv2d(2, 3, 2, (1, 0)))
    fw.set_weights(model, fixed(fw.array(x), (4, 3, 3, 2), (4,), (4, 2, 3, 3), (2,)))
    return with_gradients(fw, model, model(x))


@computation(step=60, shapes=((5, 3),), order=0, **LAYER, cases=SHAPES_ONLY)
def embed_id_layer(fw: Any, W: Any) -> Any:
    """Rows of W by id, some repeated, and the gradient of W"""
    layer = fw.EmbedID(5, 3)
    fw.set_weights(layer, [np.array(fw.array(W))])
    return with_gradients(fw, layer, layer(fw.constant(np.array([[4, 0, 4], [1, 1, 4]]))))


def made(fw: Any) -> Iterator[Any]:
    """Every new kind of layer with initialized weights: with its input size given, or after a first call."""
    images, rows = (fw.constant(np.ones(shape, np.float32)) for shape in ((2, 3, 5, 4), (2, 3)))
    for kind in (fw.Conv2d, fw.Deconv2d):
        late = kind(4, (3, 2))
        late(images)
        yield from (late, kind(4, 2, in_channels=3), kind(4, 2, 1, 0, True, np.float64, 3))
    yield fw.EmbedID(7, 3)
    for kind in (fw.RNN, fw.LSTM):
        late = kind(4, in_size=3) if fw.name == "torch" else kind(4)  # torch needs the size
        late(rows)
        yield from (late, kind(5, in_size=3))


@computation(step=60, order=0, dtypes=("float32",))
def weights_of_new_layers(fw: Any) -> Any:
    """Shape and dtype of all weights: float32 by default or as given"""
    return [np.zeros_like(a) for layer in made(fw) for a in fw.weights(layer)]


@computation(step=60, order=0, dtypes=("float64",))
def scales_of_new_layers(fw: Any) -> Any:
    """The scale of W is sqrt(1 / fan_in), of an embedding 1; b is small"""
    with drawing(0):
        conv, rnn = fw.Conv2d(60, (3, 4), in_channels=9), fw.RNN(80, in_size=70)
        W, b = fw.weights(conv)
        found = [0.5 < np.std(W) * np.sqrt(9 * 12) < 1.1, np.abs(b).max() <= np.sqrt(1 / 108)]
        W_x, _, W_h = fw.weights(rnn)
        found += [0.5 < np.std(W) * np.sqrt(n) < 1.1 for W, n in ((W_x, 70), (W_h, 80))]
        return np.array([*found, 0.95 < np.std(fw.weights(fw.EmbedID(100, 100))[0]) < 1.05])


# --- normalization, in training and at inference ---


def normalizing(fw: Any, x: Any) -> Any:
    """A BatchNorm layer with fixed weights for x."""
    layer = fw.BatchNorm(x.shape) if fw.name == "torch" else fw.BatchNorm()
    fw.set_weights(layer, fixed(fw.array(x), *[(x.shape[1],)] * 2))
    return layer


def statistics(fw: Any, layer: Any) -> list[Array]:
    """The running mean and variance."""
    names = ("running_mean", "running_var") if fw.name == "torch" else ("avg_mean", "avg_var")
    return [np.array(fw.array(getattr(layer, name))) for name in names]


@computation(step=54, shapes=((4, 3), (3, 2, 5), (2, 3, 4, 2)), order=0, **LAYER, cases=SHAPES_ONLY)
def batch_norm_layer(fw: Any, x: Any) -> Any:
    """Training and inference alternating: outputs, running statistics, and all gradients after each call"""
    layer, found = normalizing(fw, x), []
    for step, train in enumerate((True, True, False, True, False)):
        x = fw.Variable(np.array(fw.array(x)) * 1.5 + step)
        if train:
            y = layer(x)
        else:
            with fw.test_mode():
                y = layer(x)
        found += with_gradients(fw, layer, y * y)
        found += [np.array(fw.array(x.grad)), *statistics(fw, layer)]
        fw.cleargrads(layer)
    return found


@computation(step=54, shapes=((4, 3), (2, 3, 4, 2)), **LAYER, cases=SHAPES_ONLY - DIFFERENCES - NOT_IN_TORCH)
def batch_norm_layer_between_others(fw: Any, x: Any) -> Any:
    """Two BatchNorm layers in training and at inference, to second order"""
    layer, other = normalizing(fw, x), normalizing(fw, x)
    y = fw.tanh(other(layer(x) * x))
    with fw.test_mode():
        return y * x, layer(y) * x


# --- recurrence ---

SEQUENCES: tuple[Shape, ...] = ((6, 2, 3), (6, 1, 3))  # time steps, rows, columns
RNN_SHAPES: tuple[Shape, ...] = ((3, 4), (4,), (4, 4))
LSTM_SHAPES: tuple[Shape, ...] = (*[(3, 4), (4,)] * 4, *[(4, 4)] * 4)


def forget(fw: Any, layer: Any, loss: Any) -> None:
    """Truncate the graph behind a loss; the state keeps its values."""
    if fw.name != "torch":
        fw.unchain_backward(loss)
        return
    if layer.h is None:
        return
    layer.h = fw.unchain_backward(layer.h)
    layer.c = None if layer.c is None else fw.unchain_backward(layer.c)


def sequences(fw: Any, layer: Any, x: Any) -> list[Array]:
    """Six steps, truncated in the middle, then a new sequence with another batch size: states and gradients."""
    found: list[Array] = []
    for start in (0, 3):
        x_now = fw.Variable(np.array(fw.array(x)))  # so that the part before the cut adds nothing to the gradient
        loss = None
        for t in range(start, start + 3):
            h = layer(fw.get_item(x_now, t))
            found.append(np.array(fw.array(h)))
            (weights,) = fixed(fw.array(h), fw.array(h).shape)
            term = (h * h * fw.constant(weights)).sum()
            loss = term if loss is None else loss + term
        fw.backward(loss)
        found += [np.array(fw.array(x_now.grad)), *(np.array(g) for g in fw.weight_gradients(layer))]
        forget(fw, layer, loss)
    layer.reset_state()
    fw.cleargrads(layer)
    rows = fw.constant(np.concatenate([fw.array(x)[0], fw.array(x)[1]]) * 2)
    return [*found, *with_gradients(fw, layer, layer(rows) + layer(rows))]


RECURRENT: dict[str, Any] = {"inputs": [normal()], "shapes": SEQUENCES}


@computation(step=59, order=0, **RECURRENT, cases=SHAPES_ONLY)
def rnn_layer(fw: Any, x: Any) -> Any:
    """A state that is kept, truncated, and reset; gradients of all weights"""
    layer = fw.RNN(4, in_size=3)
    fw.set_weights(layer, fixed(fw.array(x), *RNN_SHAPES))
    return sequences(fw, layer, x)


@computation(step=60, order=0, **RECURRENT, cases=SHAPES_ONLY)
def lstm_layer(fw: Any, x: Any) -> Any:
    """The same for an LSTM, with two states"""
    layer = fw.LSTM(4, in_size=3)
    fw.set_weights(layer, fixed(fw.array(x), *LSTM_SHAPES))
    return sequences(fw, layer, x)


@computation(step=60, **RECURRENT, cases=SHAPES_ONLY)
def recurrent_layers_to_second_order(fw: Any, x: Any) -> Any:
    """Three steps of an RNN and an LSTM, differentiated twice with respect to their input"""
    found = []
    for make, shapes in ((fw.RNN, RNN_SHAPES), (fw.LSTM, LSTM_SHAPES)):
        layer = make(4, in_size=3)
        fw.set_weights(layer, fixed(fw.array(x), *shapes))
        found += [layer(fw.get_item(x, t)) for t in range(3)]
    return found


def other_rows(fw: Any, kind: Callable[..., Any]) -> Any:
    """A batch of two rows, then one of three, without reset_state."""
    layer = kind(4, in_size=3)
    layer(fw.constant(np.ones((2, 3), np.float32)))
    return layer(fw.constant(np.ones((3, 3), np.float32)))


@refused(59, ValueError, "RNN: expected 2 rows, as in the state, got x (3, 3); reset_state() starts a new sequence")
def rnn_of_another_batch(fw: Any) -> Any:
    """A batch larger than the state"""
    return other_rows(fw, fw.RNN)


@refused(60, ValueError, "LSTM: expected 2 rows, as in the state, got x (3, 3); reset_state() starts a new sequence")
def lstm_of_another_batch(fw: Any) -> Any:
    """A batch larger than the state"""
    return other_rows(fw, fw.LSTM)


# --- saving and loading ---

SAVED: dict[str, Any] = {"order": 0, "inputs": [normal()], "shapes": ((12, 3),)}


def network(fw: Any, x: Any) -> Any:
    """A Linear layer, BatchNorm, and another Linear layer, initialized anew by every call."""
    norm = fw.BatchNorm((0, 4)) if fw.name == "torch" else fw.BatchNorm()
    model = fw.Sequential(fw.Linear(4, in_size=3), norm, fw.tanh, fw.Linear(2, in_size=4))
    if fw.name != "torch":
        norm(fw.constant(np.ones((2, 4), np.float32)))  # to initialize all weights
    return model


def everything(fw: Any, model: Any) -> list[Array]:
    """Copies of all weights and running statistics."""
    if fw.name == "torch":
        return [np.array(fw.array(a)) for key, a in model.state_dict().items() if "num_batches" not in key]
    return [np.array(a) for a in model.get_weights().values()]


def same(found: list[Array], expected: list[Array]) -> Array:
    """Whether all arrays are bit-equal."""
    return np.array(len(found) == len(expected) and all(map(same_bytes, found, expected)))


@computation(step=53, since=5, **SAVED, cases=SHAPES_ONLY - DEFAULT_SEED)
def weights_saved_and_loaded(fw: Any, x: Any) -> Any:
    """Weights loaded into a second model: every weight, every running statistic, and the output are bit-equal"""
    x = fw.constant(fw.array(x).astype(np.float32))
    first, second = network(fw, x), network(fw, x)
    first(x)
    before = everything(fw, first)
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "model.npz")
        fw.save_weights(first, path)
        found = [same(everything(fw, first), before), np.array(not same(everything(fw, second), before))]
        fw.load_weights(second, path)
    found.append(same(everything(fw, second), before))
    with fw.test_mode():
        found.append(same([fw.array(first(x))], [fw.array(second(x))]))
    return found


@computation(step=53, since=5, **SAVED, cases=SHAPES_ONLY - DEFAULT_SEED)
def best_weights_of_a_run(fw: Any, x: Any) -> Any:
    """Weights that were kept do not change in further training, and can be loaded again"""
    x = fw.constant(fw.array(x).astype(np.float32))
    model = network(fw, x)
    optimizer = fw.setup(fw.SGD(0.1), model)
    kept = copy.deepcopy(model.state_dict()) if fw.name == "torch" else model.get_weights()
    before = everything(fw, model)
    fw.backward((model(x) * model(x)).sum())
    fw.update(optimizer)
    found = [np.array(not same(everything(fw, model), before))]
    if fw.name == "torch":
        model.load_state_dict(kept)
    else:
        model.set_weights(kept)
    return [*found, same(everything(fw, model), before)]


@computation(step=53, since=5, **SAVED, cases=SHAPES_ONLY - DEFAULT_SEED - GPU)  # CuPy's generator is not saved
def training_that_was_broken_off(fw: Any, x: Any) -> Any:
    """Three epochs, a new rate, a checkpoint, three more; three from the checkpoint with new objects: the same bits"""
    x = fw.array(x).astype(np.float32)
    samples = [(row, int(i % 2)) for i, row in enumerate(x)]

    def objects() -> list[Any]:
        model = network(fw, x)
        optimizer = fw.setup(fw.Adam(0.05), model)
        return [model, optimizer, fw.DataLoader(samples, 5, shuffle=fw.name != "torch")]

    def passes(model: Any, optimizer: Any, loader: Any) -> list[Array]:
        losses = []
        for _ in range(3):
            for rows, t in loader:
                rows, t = (v if fw.name == "torch" else fw.constant(v) for v in (rows, t))
                h = fw.dropout(model(rows), 0.0 if fw.name == "torch" else 0.3)
                loss = fw.softmax_cross_entropy(h, t)
                fw.cleargrads(model)
                fw.backward(loss)
                fw.update(optimizer)
                losses.append(np.array(fw.array(loss)))
        return [*losses, *everything(fw, model)]

    with drawing(1), tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "checkpoint.npz")
        first = objects()
        passes(*first)
        fw.set_rate(first[1], 0.02)
        fw.save_checkpoint(path, *first[:2], *([] if fw.name == "torch" else first[2:]), epoch=3)
        ahead = passes(*first)
        np.random.seed(7)
        second = objects()
        if fw.name == "torch":
            values = fw.load_checkpoint(path, *second[:2])
            for part, owner in zip(("model", "optimizer"), second, strict=False):
                owner.load_state_dict(values[part])
        else:
            values = fw.load_checkpoint(path, *second)
        return np.array(values["epoch"] == 3), same(passes(*second), ahead)


@computation(step=60, order=0, dtypes=("float64",))
def seq_data_loader(fw: Any) -> Any:
    """Each row of a batch continues in the next one, also if the sizes do not divide evenly"""
    found = []
    for count, rows in ((12, 3), (11, 3), (4, 4)):
        samples = [(np.array([i, -i], np.float32), np.array([i + 1.0])) for i in range(count)]
        found += [fw.array(a) for batch in fw.SeqDataLoader(samples, rows) for a in batch]
    return found
