"""Beyond the book: training runs in detail: who is called when, what is shared, and defaults that are relied on."""

from __future__ import annotations

import contextlib
import io
import pathlib
import sys
import tempfile
import types
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar
from unittest import mock

import numpy as np

from .errors import package
from .mutants_functions import message
from .values import values

BY_RULES = "literals and NumPy, by the rules of the docstrings; PyTorch has no such functions"
X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]])
DATA = [(X, None), (X[:1], None)]


def replaced(fw: Any, module: str, **attributes: Any) -> Any:
    """In the block, a module of a package of a stage has other attributes."""
    fw.Trainer  # noqa: B018 - Missing, if the stage does not have it
    return mock.patch.multiple(sys.modules[f"{package(fw)}.{module}"], **attributes)


def net(fw: Any, **options: Any) -> Any:
    """A Linear layer without bias and with weights of 1."""
    layer = fw.layers.Linear(1, in_size=2, nobias=True, dtype=float, **options)
    layer.W.data[...] = 1
    return layer


def trainer(fw: Any, model: Any = None, **options: Any) -> Any:
    """A Trainer that makes the sum of the outputs smaller."""
    return fw.Trainer(model or net(fw), fw.optimizers.SGD(0.5), lambda y, t: fw.sum(y), **options)


class Log:
    """A callback that notes its calls, and stops after a number of batches."""

    def __init__(self, stop: int = -1):
        self.calls: list[str] = []
        self.stop = stop

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("on_"):
            raise AttributeError(name)

        def call(trainer: Any) -> None:
            self.calls.append(name)
            trainer.stop = trainer.stop or self.calls.count("on_batch") == self.stop

        return call


class Batches:
    """A loader without a length, with the device that it says."""

    def __init__(self, gpu: bool | None = None):
        self.gpu = gpu

    def __iter__(self) -> Iterator[Any]:
        return iter(DATA)


# --- averages of weights ---


def average(fw: Any) -> Any:
    """Averages share no memory with the model, nor with states that are given or taken; numbers are ints."""
    model = fw.Sequential(net(fw), fw.layers.BatchNorm())
    model(X)
    mean = model.layers[1].avg_mean.data
    ema = fw.training.ExponentialMovingAverage(model, 0.5)
    ema.update()
    mean += 1
    found: list[Any] = [ema.shadow["l1/avg_mean"] - mean, type(ema.decay) is float]
    state = ema.state()
    found += [[type(a) is np.ndarray for a in state.values()], np.shares_memory(state["l0/W"], ema.shadow["l0/W"])]
    with ema.applied():
        model.layers[0].W.data += 8
    found += [ema.shadow["l0/W"], model.layers[0].W.data.copy()]
    ema.load_state(state)
    state["l0/W"] += 5
    model.layers[0].W.data += 2
    ema.update()
    late = fw.training.ExponentialMovingAverage(fw.layers.Linear(1, nobias=True))
    late.load_state({"t": np.array(3), "W": np.ones((2, 1))})
    zero = fw.training.ExponentialMovingAverage(model, 0)
    model.layers[0].W.data += 1
    zero.update()
    return [
        *found,
        ema.shadow["l0/W"],
        state["t"],
        type(ema.t) is int,
        late.t,
        zero.shadow["l0/W"] - model.layers[0].W.data,
    ]


def expected_average() -> Any:
    W = np.ones((2, 1))
    return [np.array([-1.0]), True, [True] * 6, False, W, W, W + 1, 1, True, 3, 0 * W]


class Updates:
    """An average that counts its updates."""

    n = 0

    def update(self) -> None:
        self.n += 1


# --- callbacks ---


def stopping(fw: Any) -> Any:
    """What EarlyStopping knows before a run and from a state; its mode by the name; averages after each batch."""
    early = fw.training.EarlyStopping()
    found: list[Any] = [early.best_epoch, early.weights, early.mode, [*early.state().values()]]
    found += [fw.training.EarlyStopping(name).mode for name in ("loss", "valid_error", "accuracy", "valid_accuracy")]
    given = {"best_epoch": np.array(2), "W": np.ones(2)}
    early.load_state(given)
    given["W"] += 1
    counted = Updates()
    trainer(fw).fit(DATA, 2, callbacks=[fw.training.Average(counted)])
    return [*found, [*early.weights.items()], early.best_epoch, type(early.best_epoch) is int, counted.n]


def saved(fw: Any) -> Any:
    """The epochs after which a Checkpoint saves, and what."""
    found: list[Any] = []
    rows = [{"loss": loss, "score": 1 + loss} for loss in (3.0, 2.0, 2.5, 1.0)]
    plans: list[dict[str, Any]] = [{}, {"every": 2}, {"monitor": "loss"}, {"monitor": "score", "mode": "max"}]
    for options in (*plans, {"monitor": "loss", "every": 2}, {"monitor": "loss", "every": 4}):
        callback = fw.training.Checkpoint("run", **options)
        epochs: list[int] = []
        run = types.SimpleNamespace(model=1, optimizer=2, loader=3, history=fw.training.History(), epoch=0)

        def save(*given: Any, run: Any = run, epochs: list[int] = epochs, **named: Any) -> None:
            epochs.append(run.epoch if (given, named) == (("run", 1, 2, 3), {"trainer": run}) else -1)

        with replaced(fw, "training.callbacks", save_checkpoint=save):
            for row in rows:
                run.epoch += 1
                run.history.epochs.append(row)
                callback.on_epoch_end(run)
        found.append(epochs)
    return found


class Bar:
    """A bar of tqdm that notes its calls."""

    calls: ClassVar[list[Any]] = []

    def __init__(self, **options: Any):
        self.calls.append([*options.items()])

    def update(self) -> None:
        self.calls.append("update")

    def set_postfix(self, row: Any, refresh: bool = True) -> None:
        self.calls.append([dict(row), refresh])

    def close(self) -> None:
        self.calls.append("close")


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def progress(fw: Any) -> Any:
    """Who watches standard error; bars on a terminal, which end with the run, and lines without tqdm."""
    bar, found = fw.training.ProgressBar(), []
    for stream, modules in ((io.StringIO(), {}), (io.StringIO(), {"ipykernel": bar}), (Terminal(), {})):
        with mock.patch.dict(sys.modules, modules), contextlib.redirect_stderr(stream):
            found.append(bar.is_watched())
    run = types.SimpleNamespace(history=fw.training.History([{"loss": 0.5}]), epoch=1, epochs=3, batches=2)
    run.values = {"loss": 0.25}
    for installed in (True, False):
        Bar.calls.clear()
        tqdm = types.SimpleNamespace(tqdm=Bar)
        spec = types.SimpleNamespace(util=types.SimpleNamespace(find_spec={"tqdm": installed}.get))
        clock = types.SimpleNamespace(perf_counter=lambda: 1.0)
        with (
            mock.patch.dict(sys.modules, {"tqdm": tqdm}),
            replaced(fw, "training.callbacks", importlib=spec, time=clock),
            contextlib.redirect_stderr(Terminal()) as stderr,
        ):
            for event in ("begin", "epoch", "batch", "epoch_end", "epoch", "batch", "end", "end"):
                getattr(bar, f"on_{event}")(run)
        found += [[*Bar.calls], stderr.getvalue()]
    return found


def expected_progress() -> Any:
    start = [("total", 2), ("desc", "epoch 1/3")]
    first = [start, "update", [{"loss": 0.25}, False], [{"loss": 0.5}, True], "close"]
    calls = [*first, start, "update", [{"loss": 0.25}, False], "close"]
    return [False, True, True, calls, "", [], "epoch 1/3: loss 0.5, 0.0 s\n"]


# --- histories ---


class Drawing:
    """A figure of matplotlib that notes its calls."""

    calls: ClassVar[list[Any]] = []

    def __init__(self, *given: Any, **options: Any):
        self.note("figure", *given, **options)

    def note(self, *given: Any, **options: Any) -> None:
        self.calls.append([*given, *(list(v) if isinstance(v, range) else v for v in options.items())])

    def subplots(self, rows: int, columns: int, **options: Any) -> Any:
        self.note("subplots", rows, columns, **options)
        return [[self] * columns]

    def plot(self, epochs: Any, *given: Any, **options: Any) -> None:
        self.note("plot", [*epochs], *given, **options)

    def set(self, **options: Any) -> None:
        self.note("set", **options)

    def legend(self) -> None:
        self.note("legend")

    def savefig(self, path: Any, **options: Any) -> None:
        self.note("savefig", **options)
        pathlib.Path(path).write_bytes(b"drawn")


def drawn(fw: Any) -> Any:
    """What is drawn of histories, by the calls of matplotlib; rows that a history does not share; its text."""
    found: list[Any] = []
    row = {"loss": 1.0, "valid_loss": 2.0, "valid_other": 3.0, "accuracy": 0.5}
    histories = [fw.training.History([row, row, row]), fw.training.History([{"loss": 2.0}])]
    row["loss"] = 7.0
    histories[0].epochs[2]["loss"] = 4.0
    histories[0].epochs[1]["loss"] = 5.0
    figure = types.SimpleNamespace(Figure=Drawing)
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(sys.modules, {"matplotlib.figure": figure}):
        for history, name in zip(histories, ("a.svg", "b.png"), strict=True):
            Drawing.calls.clear()
            with mock.patch.dict(sys.modules, {"matplotlib": types.SimpleNamespace(figure=figure)}):
                history.plot(pathlib.Path(folder, name))
            found += [[*Drawing.calls], pathlib.Path(folder, name).read_bytes()]
    return [*found, [repr(history) for history in histories]]


def expected_drawn() -> Any:
    found: list[Any] = []
    losses = [("loss", [1.0, 5.0, 4.0], "loss"), ("valid_loss", [2.0] * 3, "loss")]
    lines = [[losses, [("valid_other", [3.0] * 3, "valid_other")], [("accuracy", [0.5] * 3, "accuracy")]]]
    for parts, end in ((lines[0], "svg"), ([[("loss", [2.0], "loss")]], "png")):
        calls: list[Any] = [["figure", ("figsize", (5 * len(parts), 4)), ("layout", "constrained")]]
        calls.append(["subplots", 1, len(parts), ("squeeze", False)])
        for part in parts:
            for label, row, _ in part:
                calls.append(["plot", [*range(1, len(row) + 1)], row, ("marker", "."), ("label", label)])
            calls += [["set", ("xlabel", "epoch"), ("title", part[0][2])], ["legend"]]
        found += [[*calls, ["savefig", ("format", end), ("dpi", 150)]], b"drawn"]
    texts = ["3 epochs: loss 4, valid_loss 2, valid_other 3, accuracy 0.5", "1 epochs: loss 2"]
    return [*found, [f"History({text})" for text in texts]]


# --- runs ---


def runs(fw: Any) -> Any:
    """Progress is first and a Checkpoint last; the end within an epoch; loaders without length; clips; predictions."""
    log = Log()
    with replaced(fw, "training.trainer", ProgressBar=lambda: types.SimpleNamespace(on_begin=log.on_progress)):
        trainer(fw).fit(DATA, 1, callbacks=[log], progress=True)
    found: list[Any] = [log.calls]
    for stop in (1, 3):
        log, run = Log(stop), trainer(fw)
        run.fit(DATA, 3, callbacks=[log])
        found += [log.calls, len(run.history), run.model.W.data.copy()]
    run = trainer(fw)
    run.fit(Batches(), 1, callbacks=[Log()])
    found += [run.batches, run.batch]
    model = fw.Sequential(net(fw))
    model.unused = net(fw)
    run = trainer(fw, model, clip=1.0)
    run.fit(DATA[:1], 1)
    found += [model.layers[0].W, model.unused.W]
    model = fw.Sequential(fw.layers.Dropout(0.5), net(fw))
    run = trainer(fw, model)
    given = [run.predict(X), run.predict(DATA), run.predict(DATA[:1]), run.predict(fw.Variable(X))]
    return [*found, [[type(y) is np.ndarray, y] for y in given], model(X).creator is None]


def expected_runs() -> Any:
    batch, end = ["on_batch"], "on_epoch_end"
    found: list[Any] = [["on_progress", "on_begin", "on_epoch", *batch * 2, end, "on_end"]]
    found += [["on_begin", "on_epoch", *batch, end, "on_end"], 1, 1 - 0.5 * X.sum(0)[:, None]]
    W = 1 - 0.5 * (2 * X.sum(0) + X[0])[:, None]
    found += [["on_begin", "on_epoch", *batch * 2, end, "on_epoch", *batch, end, "on_end"], 2, W, None, 2]
    g = X.sum(0)[:, None]
    y = X.sum(1)[:, None]
    found += [1 - 0.5 * g / (np.sqrt((g * g).sum()) + 1e-6), np.ones((2, 1))]
    return [*found, [[True, a] for a in (y, np.concatenate([y, y[:1]]), y, y)], False]


def refused(fw: Any) -> Any:
    """Errors for each argument of a Trainer; loaders on another device; what resumes with loaders without a state."""
    sgd, loss = fw.optimizers.SGD(), len
    calls = [partial(fw.Trainer, *given) for given in ((1, sgd, loss), (net(fw), 2, loss), (net(fw), sgd, 3.0))]
    run, late = trainer(fw), trainer(fw, fw.layers.Linear(1, nobias=True))
    calls += [partial(f, Batches(True), 1) for f in (run.fit, late.fit)]
    calls += [partial(f, Batches(True)) for f in (run.evaluate, run.predict)]
    found = [message(call) for call in calls]
    with replaced(fw, "training.trainer", cuda=types.SimpleNamespace(is_on_gpu=lambda _: True)):
        found.append(message(lambda: run.fit(Batches(False), 1)))
    with tempfile.TemporaryDirectory() as folder:
        trainer(fw).fit(DATA, 2, callbacks=[fw.training.Checkpoint(f"{folder}/run")])
        found += [run.resume(f"{folder}/run.npz", DATA), run.resume(f"{folder}/run.npz")]
    return [*found, run.history["loss"], run.model.W]


def expected_refused() -> Any:
    head = "TypeError: Trainer: expected a model, an optimizer and a function as the loss, got"
    texts = [f"{head} {got}" for got in ("int, SGD, builtin_function_or_method", "Linear, int, "
             "builtin_function_or_method", "Linear, SGD, float")]  # fmt: skip
    head = "TypeError: Trainer: expected the loader and the model on one device, got batches on"
    places = ["the GPU and the model on the host", "the host and the model on the GPU"]
    device = [f"{head} {place}; use to_gpu() or to_cpu()" for place in places]
    W, losses = np.ones((2, 1)), []
    for _ in range(2):
        total = 0.0
        for x, _ in DATA:
            total += float((x @ W).sum()) * len(x)
            W = W - 0.5 * x.sum(0)[:, None]
        losses.append(total / 4)
    return [*texts, device[0], "no error", *device[:1] * 2, device[1], 2, 2, losses, W]


values(
    60,
    BY_RULES,
    ("averages_of_their_own", average, expected_average),
    (
        "stops_before_a_run",
        stopping,
        lambda: [0, {}, "min", [0], "min", "min", "max", "max", [("W", np.ones(2))], 2, True, 4],
    ),
    ("epochs_that_are_saved", saved, lambda: [[1, 2, 3, 4], [2, 4], [1, 2, 4], [1], [2, 4], [4]]),
    ("progress_on_terminals", progress, expected_progress),
    ("drawings_of_histories", drawn, expected_drawn),
    ("runs_in_detail", runs, expected_runs),
    ("runs_that_are_refused", refused, expected_refused),
    since=5,
)
