"""Beyond the book: Trainer and its callbacks, model selection, averages of weights, a look into models."""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import types
from collections.abc import Iterator
from typing import Any, ClassVar
from unittest import mock

import numpy as np

from ..frameworks.base import Array
from ..inputs import normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors, hidden, under, with_file
from .layers import fixed
from .states import same
from .steps52_60 import drawing
from .training import VALUES
from .values import values

ONCE: dict[str, Any] = {**BEYOND, **VALUES, "shapes": ((12, 3),), "inputs": [normal()]}
T = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1])
SHAPES: tuple[tuple[int, ...], ...] = ((3, 4), (4,), (4, 2), (2,))


def network(fw: Any, x: Any) -> Any:
    """Two Linear layers with fixed weights in the dtype of x."""
    model = fw.Sequential(fw.Linear(4, in_size=3), fw.tanh, fw.Linear(2, in_size=4))
    fw.set_weights(model, fixed(fw.array(x), *SHAPES))
    return model


def batches(fw: Any, x: Any, *sizes: int) -> list[tuple[Any, Any]]:
    """x and the labels in batches of these sizes."""
    cuts = np.cumsum(sizes)[:-1]
    pairs = zip(np.split(fw.array(x), cuts), np.split(T, cuts), strict=True)
    return [(fw.constant(rows), fw.constant(t)) for rows, t in pairs]


def loop(fw: Any, model: Any, optimizer: Any, loader: Any, valid: Any) -> Iterator[list[float]]:
    """Three epochs of a loop by hand: the means of loss and accuracy over the samples, and those of valid."""
    clip = fw.ClipGrad(0.3)
    for _ in range(3):
        sums = np.zeros(4)
        for part, found in ((loader, sums[:2]), (valid, sums[2:])):
            for x, t in part:
                y = model(x)
                loss = fw.softmax_cross_entropy(y, t)
                found += np.array([float(fw.array(loss)), float(fw.array(fw.accuracy(y, t)))]) * len(t)
                if part is loader:
                    fw.cleargrads(model)
                    fw.backward(loss)
                    clip(optimizer if fw.name == "torch" else list(model.params()))
                    fw.update(optimizer)
        yield list(sums / len(T))


@computation(**ONCE)
def trainer(fw: Any, x: Any) -> Any:
    """Three epochs of Trainer, and in PyTorch of a loop by hand: every value, then weights and predictions"""
    model, loader, valid = network(fw, x), batches(fw, x, 5, 5, 2), batches(fw, x, 7, 5)
    if fw.name == "torch":
        rows = list(loop(fw, model, fw.setup(fw.Adam(0.1), model), loader, valid))
        y = np.concatenate([fw.array(model(x)) for x, _ in valid])
    else:
        run = fw.Trainer(model, fw.optimizers.Adam(0.1), fw.softmax_cross_entropy, [fw.accuracy], clip=0.3)
        rows = [list(row.values()) for row in run.fit(loader, 3, valid).epochs]
        y = run.predict(valid)
        assert list(run.evaluate(valid).values()) == rows[-1][2:]
        assert run.names == ["loss", "accuracy"]
    return [np.array(rows).astype(y.dtype), y, *(np.array(a) for a in fw.weights(model))]


@computation(**ONCE)
def moving_average_of_weights(fw: Any, x: Any) -> Any:
    """The averages of all weights after ten updates, with and without warm-up, then applied to the model"""
    found = []
    for options in ({}, {"decay": 0.6}, {"decay": 0.3, "warmup": True}):
        model = network(fw, x)
        optimizer = fw.setup(fw.SGD(0.5), model)
        average = fw.ExponentialMovingAverage(model, **options)
        for rows, t in batches(fw, x, *[1] * 10, 2)[:10]:
            fw.cleargrads(model)
            fw.backward(fw.softmax_cross_entropy(model(rows), t))
            fw.update(optimizer)
            average.update_parameters(model) if fw.name == "torch" else average.update()
        if fw.name == "torch":
            found += [np.array(a) for a in fw.weights(average.module)]
        else:
            before = fw.weights(model)
            with average.applied():
                found += [np.array(a) for a in fw.weights(model)]
            assert all(a is b for a, b in zip(fw.weights(model), before, strict=True))
    return found


def paths(names: Any) -> list[str]:
    """Names of parameters as in the stages."""
    renamed = {"0": "l0", "2": "l2", "weight": "W", "bias": "b"}
    return ["/".join(renamed.get(part, part) for part in name.replace(".", "/").split("/")) for name in names]


@computation(**ONCE)
def look_into_a_model(fw: Any, x: Any) -> Any:
    """Parameters by pattern, their number, layers in the order of apply, norms of gradients"""
    model = network(fw, x)
    fw.backward(fw.softmax_cross_entropy(model(fw.constant(fw.array(x))), fw.constant(T)))
    seen: list[Any] = []
    fw.apply(model, seen.append)
    norms = fw.gradient_norms(model)
    everything, biases = fw.find_params(model), fw.find_params(model, "*/b*")
    assert paths(norms) == paths(everything) == ["l0/W", "l0/b", "l2/W", "l2/b"]
    found = [np.array(float(norm)) for norm in norms.values()]
    found += [np.array(fw.array(param)) for param in biases.values()]
    layers = [type(layer).__name__ for layer in seen if type(layer).__name__ in ("Linear", "Sequential")]
    return [*found, np.array(fw.count_params(model)), np.array([len(name) for name in layers])]


@computation(**ONCE)
def subsets_of_data(fw: Any, x: Any) -> Any:
    """A Subset, and how many samples split_dataset gives each part"""
    samples = list(zip(fw.array(x), T, strict=True))
    subset = fw.Subset(samples, [3, 0, 3])
    parts = fw.split_dataset(samples, [0.5, 0.3, 0.2], rng=0)
    rows = sorted(tuple(row) for part in parts for row, _ in part)
    return [np.array([row for row, _ in subset]), np.array([len(part) for part in parts]), np.array(rows)]


# --- values ---

FORMULA = "the documented formula; PyTorch has no such function"
x = np.linspace(-1, 1, 36).reshape(12, 3).astype(np.float32)


def folds(fw: Any) -> Any:
    """The indices of folds, in order and shuffled, also of labels; the scores of a cross-validation."""
    T = fw.training
    parts = [list(T.KFold(3).split(7)), list(T.KFold().split(5)), list(T.StratifiedKFold(2).split(list("aabbba")))]
    shuffled = [valid for _, valid in T.KFold(3, shuffle=True, rng=0).split(7)]
    fifths = [valid for _, valid in T.StratifiedKFold().split([0] * 5)]
    spread = [valid for _, valid in T.StratifiedKFold(2, True, rng=0).split([0, 0, 0, 1])]
    with drawing(0):
        halves = T.split_dataset(range(4), [0.5, 0.5])
    sums = T.cross_validate(lambda train, valid: sum(train) - len(valid), range(5))
    sizes = [len(valid) for valid in spread]
    return [parts, fifths, sorted(np.concatenate(shuffled)), sizes, sorted(i for part in halves for i in part), sums]


def expected_folds() -> Any:
    seven = [[0, 1, 2], [3, 4], [5, 6]]
    parts: list[Any] = [[(np.setdiff1d(np.arange(7), v), np.array(v)) for v in seven]]
    parts.append([(np.delete(np.arange(5), i), np.array([i])) for i in range(5)])
    valid = [np.array([0, 1, 2]), np.array([3, 4, 5])]  # a: 0, 1 | 5; b: 2 | 3, 4
    parts.append([(valid[1], valid[0]), (valid[0], valid[1])])
    scores = [9.0 - i for i in range(5)]
    return [
        parts,
        [np.array([i]) for i in range(5)],
        list(range(7)),
        [2, 2],
        list(range(4)),
        (scores, 7.0, float(np.std(scores))),
    ]


def script(fw: Any, callbacks: Any, losses: Any, epochs: int = 9) -> Any:
    """A run with given validation losses: how many epochs it took, and the learning rate at the end."""
    given = iter(losses)
    model = fw.layers.Linear(1, in_size=1)
    run = fw.Trainer(
        model,
        fw.optimizers.SGD(0.5),
        lambda y, t: fw.sum(y) if fw.Config.train else fw.Variable(np.array(next(given))),
    )
    loader = [(np.ones((1, 1), np.float32), None)]
    history = run.fit(loader, epochs, loader, callbacks(run))
    assert history["valid_loss"] == list(losses[: len(history)])
    return [len(history), run.optimizer.lr, history.best("valid_loss")]


def callbacks(fw: Any) -> Any:
    """Runs that callbacks end, or whose learning rate they change."""
    T = fw.training
    falling = [5.0, 4.0, 3.0, 2.9, 2.8, 2.7, 2.6, 2.5, 2.4]
    found = [script(fw, lambda run: [T.EarlyStopping()], [1.0, *[2.0] * 8])]
    found += [script(fw, lambda run: [T.EarlyStopping("valid_loss", 2, 0.5, False)], falling)]
    found += [script(fw, lambda run: [T.ScheduleRate(fw.StepLR(run.optimizer, 2, 0.5))], falling)]
    found += [script(fw, lambda run: [T.ScheduleRate(fw.StepLR(run.optimizer, 3, 0.5), "batch")], falling)]
    found += [script(fw, lambda run: [T.ScheduleRate(fw.OnPlateau(run.optimizer, 0.5, 1))], [1.0] * 9)]
    found += [script(fw, lambda run: [T.StopOnNaN(), Infinite()], falling)]
    return found


class Infinite:
    """A callback that makes the weights infinite in the third epoch."""

    def on_epoch(self, trainer: Any) -> None:
        if trainer.epoch == 3:
            trainer.model.W.data[...] = np.inf


def expected_callbacks() -> Any:
    falling = (9, 2.4)
    return [
        [6, 0.5, (1, 1.0)],
        [5, 0.5, (5, 2.8)],
        [9, 0.5 / 16, falling],
        [9, 0.5 / 8, falling],
        [9, 0.5 / 16, (1, 1.0)],
        [3, 0.5, (3, 3.0)],
    ]


def resumed(fw: Any) -> Any:
    """Six epochs, and six with a break after three: whether all values, weights and averages are bit-equal."""
    T, samples = fw.training, list(zip(x, np.arange(12) % 2, strict=True))

    def run(path: pathlib.Path, seed: int, epochs: int, resume: bool = False) -> list[Array]:
        np.random.seed(seed)
        model = fw.Sequential(fw.Linear(4), fw.BatchNorm(), lambda h: fw.dropout(h, 0.3), fw.Linear(2))
        loop = fw.Trainer(model, fw.optimizers.Adam(0.05), fw.softmax_cross_entropy)
        loader = fw.DataLoader(samples, 5)
        average = T.ExponentialMovingAverage(model)
        schedule = T.ScheduleRate(fw.StepLR(loop.optimizer, 2))
        if resume:
            assert loop.resume(path, loader) == 3
        stopping = T.EarlyStopping("loss", 9)
        saving = [T.Checkpoint(path, every=3), T.Checkpoint(path.with_name("best"), "loss")]
        log = T.CSVLog(path.with_suffix(".csv"))
        history = loop.fit(loader, epochs, callbacks=[*saving, schedule, T.Average(average), stopping, log])
        assert history.names == ["loss"]
        assert T.History.from_json(history.to_json()).epochs == history.epochs
        rows = path.with_suffix(".csv").read_text().splitlines()
        assert rows == ["epoch,loss", *(f"{i},{value}" for i, value in enumerate(history["loss"], start=1))]
        return [np.array(history["loss"]), *fw.weights(model), *average.state().values()]

    with drawing(0), tempfile.TemporaryDirectory() as folder:
        whole = run(pathlib.Path(folder, "whole.npz"), 1, 6)
        run(pathlib.Path(folder, "part.npz"), 1, 3)
        return same(run(pathlib.Path(folder, "part.npz"), 2, 6, resume=True), whole)


class Pipe(io.StringIO):
    """Standard error that is no terminal."""


def progress(fw: Any) -> Any:
    """What a run prints: nothing in a pipe; a line for each epoch if asked."""
    model = fw.layers.Linear(1, in_size=3)
    run = fw.Trainer(model, fw.optimizers.SGD(0.0), lambda y, t: fw.sum(y) * 0.0)
    found = []
    for options in ({}, {"progress": True}, {"callbacks": [fw.training.ProgressBar()]}):
        pipe = Pipe()
        with contextlib.redirect_stderr(pipe):
            run.fit([(x, None)], 2, **options)
        found += [line.rpartition(",")[0] for line in pipe.getvalue().splitlines()]
    return [found, repr(run.history), repr(fw.training.History())]


class Figure:
    """Stands in for matplotlib's: notes what is drawn."""

    drawn: ClassVar[list[Any]] = []

    def __init__(self, **options: Any):
        pass

    def subplots(self, rows: int, columns: int, squeeze: bool) -> Any:
        return [[types.SimpleNamespace(plot=self.plot, set=self.plot, legend=lambda: None) for _ in range(columns)]]

    def plot(self, *arguments: Any, **options: Any) -> None:
        self.drawn.append((list(map(list, arguments)), sorted(options.items())))

    def savefig(self, path: pathlib.Path, **options: Any) -> None:
        path.write_text(str(options), encoding="utf-8")


def drawn_history(fw: Any) -> Any:
    """The lines and labels of a drawn history, and its file."""
    fw.Trainer  # noqa: B018 - Missing, if the stage does not have it
    Figure.drawn.clear()
    module: Any = types.ModuleType("matplotlib.figure")
    module.Figure = Figure
    history = fw.training.History([{"loss": 3.0, "valid_loss": 4.0}, {"loss": 1.0, "valid_loss": 2.0}])
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with mock.patch.dict(sys.modules, {"matplotlib.figure": module}):
            history.plot()
        files = [(path.name, path.read_text()) for path in pathlib.Path().iterdir()]
    return [list(Figure.drawn), files]


TABLE = """\
========================================
Layer (class)       Output shape  Params
========================================
Sequential          (12, 2)           --
├─ l0 (Linear)      (12, 4)           16
├─ l1 (BatchNorm)   (12, 4)            8
└─ l2 (Sequential)  (12, 2)           --
   └─ l1 (Linear)   (12, 2)           10
========================================
Total params: 34
Buffers: 8
Size of both: 0.00 MiB
========================================"""


def table(fw: Any) -> Any:
    """The summary of a model; what its rows print."""
    model = fw.Sequential(fw.Linear(4), fw.BatchNorm(), fw.Sequential(fw.relu, fw.Linear(2)))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), mock.patch.object(sys, "ps1", ">>> ", create=True):
        shown = fw.training.summary(model, x)
    return [str(shown), repr(shown), printed.getvalue()]


def flow(fw: Any) -> Any:
    """Norms of gradients for two scales of weights: one layer, y = sum W x, has the gradient x."""

    def make(scale: float, activation: Any) -> Any:
        model = fw.Sequential(fw.Linear(1, True, np.float64, 3), activation)
        model.l0.W.data[...] = scale
        return model

    scales = {"one": 1.0, "two": 2.0}
    return fw.training.gradient_flow(make, x[:1].astype(float), fw.sum, scales, {"square": fw.square})


def expected_flow() -> Any:
    row = x[:1].astype(np.float64)
    norms = [float(np.linalg.norm(2 * scale * row.sum() * row)) for scale in (1, 2)]
    return [(("one", "square"), {"l0/W": norms[0]}), (("two", "square"), {"l0/W": norms[1]})]


def kernels(fw: Any) -> Any:
    """Kernels in TensorFlow's order."""
    W = np.arange(24.0).reshape(1, 2, 3, 4)
    convert = fw.training.from_tf_kernel
    return [convert(W), convert(W[0]), convert(W, depthwise=True)]


def shared(fw: Any) -> Any:
    """Equal arrays for a shared layer are accepted."""
    layer = fw.Linear(2, in_size=2)
    model = fw.Sequential(layer, layer)
    return fw.training.check_shared(model.get_weights(), model)


def state_of_an_average(fw: Any) -> Any:
    """The state of an average, loaded into another."""
    model = fw.Linear(2, in_size=2)
    model.W.data[...] = 1
    first = fw.training.ExponentialMovingAverage(model, 0.5)
    model.W.data[...] = 3
    first.update()
    second = fw.training.ExponentialMovingAverage(model)
    second.load_state(first.state())
    return [second.state(), second.t]


def trainer_of(fw: Any, **options: Any) -> Any:
    """A Trainer of a layer whose loss is the sum of the outputs."""
    return fw.Trainer(fw.layers.Linear(1, in_size=3), fw.optimizers.SGD(0.1), lambda y, t: fw.sum(y), **options)


def state_of_a_trainer(fw: Any) -> Any:
    """The state of a Trainer, loaded into another, which continues its history."""
    first, second = trainer_of(fw), trainer_of(fw)
    first.fit([(x, None)], 2)
    second.load_state(first.state())
    found = [len(second.history), len(second.fit([(x, None)], 3)), len(second.fit([(x, None)], 1))]

    def from_file(path: str) -> int:
        first.fit([(x, None)], 2, callbacks=[fw.training.Checkpoint(path)])
        return int(second.resume(path))

    return [*found, with_file(None, from_file, "run.npz")]


class Safetensors(types.ModuleType):
    """Stands in for safetensors.numpy: the format, for arrays of float32."""

    def save(self, arrays: dict[str, Array]) -> bytes:
        head, data = {}, b""
        for name, a in arrays.items():
            assert a.flags.c_contiguous  # the package writes the memory as it is
            place = [len(data), len(data) + a.nbytes]
            head[name] = {"dtype": "F32", "shape": a.shape, "data_offsets": place}
            data += a.tobytes()
        text = json.dumps(head).encode()
        return len(text).to_bytes(8, "little") + text + data

    def load(self, data: bytes) -> dict[str, Array]:
        size = 8 + int.from_bytes(data[:8], "little")
        return {
            name: np.frombuffer(data[size:][slice(*each["data_offsets"])], np.float32).reshape(each["shape"])
            for name, each in json.loads(data[8:size]).items()
        }


@contextlib.contextmanager
def with_safetensors() -> Iterator[None]:
    """In the block, the stand-in is installed."""
    package: Any = types.ModuleType("safetensors")
    package.numpy = Safetensors("safetensors.numpy")
    with mock.patch.dict(sys.modules, {"safetensors": package, "safetensors.numpy": package.numpy}):
        yield


def safetensors(fw: Any) -> Any:
    """Weights in a file that ends in .safetensors: its bytes, and what another layer loads from it."""
    first, second = fw.layers.Linear(3, in_size=2), fw.layers.Linear(3)
    first.W.data = np.arange(6, dtype=np.float32).reshape(3, 2).T
    with with_safetensors(), tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "w.safetensors")
        first.save_weights(path)
        second.load_weights(path)
        return [path.read_bytes()[:8], second.get_weights(), [file.name for file in path.parent.iterdir()]]


def expected_safetensors() -> Any:
    W, b = np.arange(6, dtype=np.float32).reshape(3, 2).T, np.zeros(3, np.float32)
    size = Safetensors("").save({"W": np.ascontiguousarray(W), "b": b})[:8]
    return [size, {"W": W, "b": b}, ["w.safetensors"]]


def damaged_safetensors(fw: Any) -> Any:
    with with_safetensors():
        return with_file(b"12345678", fw.layers.Linear(1).load_weights, "w.safetensors")


# fmt: off
values(
    60, FORMULA,
    ("weights_as_safetensors", safetensors, expected_safetensors),
    ("folds_of_samples", folds, expected_folds),
    ("runs_with_callbacks", callbacks, expected_callbacks),
    ("run_that_is_resumed", resumed, lambda: True),
    ("progress_of_a_run", progress,
     lambda: [["epoch 1/2: loss 0", "epoch 2/2: loss 0"] * 2, "History(2 epochs: loss 0)", "History(0 epochs: empty)"]),
    ("history_as_a_figure", drawn_history,
     lambda: [[([[1, 2], [3.0, 1.0]], [("label", "loss"), ("marker", ".")]),
               ([[1, 2], [4.0, 2.0]], [("label", "valid_loss"), ("marker", ".")]),
               ([], [("title", "loss"), ("xlabel", "epoch")])],
              [("history.png", "{'format': 'png', 'dpi': 150}")]]),
    ("summary_of_a_model", table, lambda: [TABLE, TABLE, ""]),
    ("flow_of_gradients", lambda fw: list(flow(fw).items()), expected_flow),
    ("kernels_of_tensorflow", kernels,
     lambda: [np.arange(24.0).reshape(1, 2, 3, 4).transpose(3, 2, 0, 1),
              np.arange(24.0).reshape(2, 3, 4).transpose(2, 1, 0),
              np.arange(24.0).reshape(1, 2, 12).transpose(2, 0, 1).reshape(12, 1, 1, 2)]),
    ("shared_weights_that_are_equal", shared, lambda: None),
    ("state_of_a_moving_average", state_of_an_average,
     lambda: [{"t": 1, "W": np.full((2, 2), 2, np.float32), "b": np.zeros(2, np.float32)}, 1]),
    ("state_of_a_trainer", state_of_a_trainer, lambda: [2, 3, 1, 2]),
    since=5,
)


def history(fw: Any, *losses: float) -> Any:
    """A history with these losses."""
    return fw.training.History([{"loss": loss} for loss in losses])


def without_matplotlib(fw: Any) -> Any:
    with mock.patch.dict(sys.modules, {"matplotlib.figure": None}):
        return history(fw, 1.0).plot()


def on_another_device(fw: Any) -> Any:
    """A loader that says that its batches are on a GPU."""
    loader = fw.DataLoader([(row, 0) for row in x], 4)
    loader.gpu = True
    return trainer_of(fw).evaluate(loader)


def resumed_with_other_callbacks(fw: Any) -> Any:
    first, second = trainer_of(fw), trainer_of(fw)
    first.fit([(x, None)], 1, callbacks=[fw.training.EarlyStopping("loss")])
    second.load_state(first.state())
    second.fit([(x, None)], 2)


errors(
    60,
    ("weights_in_a_damaged_safetensors_file", damaged_safetensors,
     ValueError, "...: expected a file that save_weights wrote, got ..."),
    ("weights_without_safetensors",
     lambda fw: under(hidden("safetensors", "safetensors.numpy"),
                      lambda: fw.layers.Linear(1, in_size=1).save_weights("w.safetensors")),
     RuntimeError, "save_weights: safetensors is not installed: pip install safetensors"),
    ("history_of_another_name", lambda fw: history(fw, 1.0)["x"],
     KeyError, "\"History: expected one of ['loss'], got 'x'\""),
    ("best_of_nan", lambda fw: history(fw, np.nan).best("loss"),
     ValueError, "History.best: expected numbers as 'loss', got [nan]"),
    ("best_in_an_unknown_mode", lambda fw: history(fw, 1.0).best("loss", "low"),
     ValueError, "History.best: expected mode 'min' or 'max' for 'loss', got 'low'"),
    ("plot_of_no_epochs", lambda fw: history(fw).plot(),
     ValueError, "History.plot: expected at least one epoch, got none"),
    ("plot_without_matplotlib", without_matplotlib,
     RuntimeError, "History.plot: needs matplotlib: pip install matplotlib"),
    ("metric_called_loss", lambda fw: trainer_of(fw, metrics={"loss": None}),
     ValueError, "Trainer: expected metrics not called 'loss' or 'valid_...', got 'loss'"),
    ("trainer_with_the_optimizer_of_another_model",
     lambda fw: fw.Trainer(fw.Linear(1, in_size=1), fw.optimizers.SGD().setup(fw.Linear(1, in_size=1)), fw.sum),
     ValueError, "Trainer: expected an optimizer set up with the model, got SGD"),
    ("trainer_resumed_with_other_callbacks", resumed_with_other_callbacks,
     ValueError, "Trainer.fit: expected ['EarlyStopping1'] as in the checkpoint, got []"),
    ("trainer_with_a_loss_of_several_numbers",
     lambda fw: fw.Trainer(fw.Linear(1, in_size=3), fw.optimizers.SGD(), lambda y, t: y).fit([(x, None)], 1),
     TypeError, "Trainer: expected the loss to be a Variable of one element, got (12, 1)"),
    ("trainer_without_batches", lambda fw: trainer_of(fw).fit([], 1),
     ValueError, "Trainer.fit: expected at least one batch, got none; a generator can be used only once"),
    ("predictions_without_batches", lambda fw: trainer_of(fw).predict([]),
     ValueError, "Trainer.predict: expected at least one batch, got none"),
    ("trainer_on_another_device", on_another_device,
     TypeError, "Trainer: expected the loader and the model on one device, got batches on the GPU and the model on the "
     "host; use to_gpu() or to_cpu()"),
    ("monitor_of_nothing", lambda fw: trainer_of(fw).fit([(x, None)], 1, callbacks=[fw.training.EarlyStopping()]),
     ValueError, "EarlyStopping: expected monitor to be one of ['loss'], got 'valid_loss'"),
    ("early_stopping_without_patience", lambda fw: fw.training.EarlyStopping(patience=0),
     ValueError, "EarlyStopping: expected patience to be at least 1, got 0"),
    ("checkpoint_after_every_no_epochs", lambda fw: fw.training.Checkpoint("run", every=0),
     ValueError, "Checkpoint: expected every to be at least 1, got 0"),
    ("schedule_per_sample", lambda fw: fw.training.ScheduleRate(None, "sample"),
     ValueError, "ScheduleRate: expected per 'epoch' or 'batch', got 'sample'"),
    ("schedule_per_batch_of_a_value", lambda fw: fw.training.ScheduleRate(None, "batch", "loss"),
     ValueError, "ScheduleRate: expected per 'epoch' with monitor 'loss', got 'batch'"),
    ("schedule_that_is_a_number", lambda fw: fw.training.ScheduleRate(0.5),
     TypeError, "ScheduleRate: expected a schedule with a method step, got 0.5"),
    ("average_of_nothing", lambda fw: fw.training.Average(None),
     TypeError, "Average: expected an average with a method update, got None"),
    ("callback_without_methods", lambda fw: trainer_of(fw).fit([(x, None)], 1, callbacks=["log"]),
     TypeError, "Trainer.fit: expected callbacks with any of ('on_begin', 'on_epoch', 'on_batch', 'on_epoch_end', "
     "'on_end'), got 'log'"),
    ("average_with_a_decay_of_one", lambda fw: fw.training.ExponentialMovingAverage(fw.Linear(1), 1.0),
     ValueError, "ExponentialMovingAverage: expected 0 <= decay < 1, got 1.0"),
    ("average_of_uninitialized_weights", lambda fw: fw.training.ExponentialMovingAverage(fw.Linear(1)).update(),
     ValueError, "ExponentialMovingAverage: 'W' is uninitialized; call the model once first"),
    ("average_applied_before_an_update",
     lambda fw: fw.training.ExponentialMovingAverage(fw.Linear(1)).applied().__enter__(),
     ValueError, "ExponentialMovingAverage: expected at least one update before applied, got none"),
    ("average_with_the_state_of_another",
     lambda fw: fw.training.ExponentialMovingAverage(fw.Linear(1, in_size=1)).load_state({"t": 1, "V": x}),
     ValueError, "ExponentialMovingAverage: expected the averages of {'W': (1, 1), 'b': (1,)}, got {'V': (12, 3)}"),
    ("one_fold", lambda fw: fw.training.KFold(1),
     ValueError, "KFold: expected at least 2 folds, got 1"),
    ("folds_of_too_few_samples", lambda fw: list(fw.training.KFold(3).split(2)),
     ValueError, "KFold: expected at least 3 samples, got 2"),
    ("stratified_folds_of_rare_labels", lambda fw: list(fw.training.StratifiedKFold(2).split([0, 1])),
     ValueError, "StratifiedKFold: expected a label that occurs at least 2 times, got [1 1] times"),
    ("subset_out_of_range", lambda fw: fw.Subset([1, 2], [2]),
     ValueError, "Subset: expected indices (n,) from 0 to 1, got [2]", "fails when the sample is read"),
    ("fractions_of_more_than_all", lambda fw: fw.split_dataset([1, 2], [0.7, 0.7]),
     ValueError, "split_dataset: expected positive fractions with the sum 1, got [0.7, 0.7]"),
    ("find_params_without_a_match", lambda fw: fw.find_params(fw.Linear(1, in_size=1), "x*"),
     ValueError, "find_params: expected a pattern that matches one of ['W', 'b'], got 'x*'", "returns an empty dict"),
    ("count_of_uninitialized_params", lambda fw: fw.count_params(fw.layers.Linear(1)),
     ValueError, "count_params: 'W' is uninitialized; call the model once first"),
    ("shared_weights_that_differ",
     lambda fw: (lambda layer: fw.training.check_shared(
         {"l0/W": x[0], "l1/W": x[1]}, fw.Sequential(layer, layer)))(fw.Linear(1, nobias=True)),
     ValueError, "check_shared: expected equal arrays for 'l0/W' and 'l1/W', which are shared"),
    ("kernel_of_one_axis", lambda fw: fw.training.from_tf_kernel(x[0]),
     ValueError, "from_tf_kernel: expected W (KH, KW, C, OC) or (KW, C, OC), got (3,)"),
    since=5,
)
# fmt: on
