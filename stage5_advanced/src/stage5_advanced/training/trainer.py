"""Trainer: a training loop with metrics, validation and callbacks. History: what it measured."""

import json
from contextlib import ExitStack

import numpy as np

from .. import cuda
from ..config import no_grad, test_mode
from ..core import Variable, array_types, as_count
from ..optimizers import ClipGrad
from ..saving import load_checkpoint, replacing
from .callbacks import ProgressBar, better, mode_of

METHODS = ("on_begin", "on_epoch", "on_batch", "on_epoch_end", "on_end")  # of callbacks


class History:
    """What a run measured: `epochs`, a list of dicts such as {"loss": 0.3, "valid_loss": 0.4}. [not in the book]

    history["loss"] is the list of the losses of all epochs, len(history) the number of epochs.
    """

    def __init__(self, epochs=()):
        self.epochs = [dict(row) for row in epochs]

    def __len__(self):
        return len(self.epochs)

    def __getitem__(self, name):
        if name not in self.names:
            raise KeyError(f"History: expected one of {self.names}, got {name!r}")
        return [row[name] for row in self.epochs]

    def __repr__(self):
        last = ", ".join(f"{name} {value:.4g}" for name, value in self.epochs[-1].items()) if self.epochs else "empty"
        return f"History({len(self)} epochs: {last})"

    @property
    def names(self):
        """The names of the values: ["loss", ...]. [not in the book]"""
        return list(self.epochs[-1]) if self.epochs else []

    def best(self, name, mode=None):
        """The epoch, from 1, with the best value, and the value: (3, 0.25). [not in the book]

        mode: 'min' or 'max'; None: 'min' if the name ends in 'loss' or 'error', 'max' if it ends in 'accuracy'.
        Raises KeyError for an unknown name, ValueError if there is no mode or every value is nan.
        """
        values, mode, best = self[name], mode_of("History.best", name, mode), None
        for epoch, value in enumerate(values, start=1):
            if better(value, best[1] if best else None, mode):
                best = epoch, value
        if best is None:
            raise ValueError(f"History.best: expected numbers as {name!r}, got {values}")
        return best

    def to_json(self):
        """The epochs as a JSON string. [not in the book]"""
        return json.dumps(self.epochs)

    @classmethod
    def from_json(cls, text):
        """The history of a string that `to_json` returned. [not in the book]"""
        return cls(json.loads(text))

    def plot(self, to_file="history.png"):
        """Draw each value and its counterpart of the validation over the epochs, to a file. [not in the book]

        The ending of the name is the format. Raises RuntimeError without matplotlib, ValueError without epochs.
        """
        if not self.epochs:
            raise ValueError("History.plot: expected at least one epoch, got none")
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise RuntimeError("History.plot: needs matplotlib: pip install matplotlib") from error
        shown = [name for name in self.names if name.removeprefix("valid_") not in self.names or name[:6] != "valid_"]
        figure = Figure(figsize=(5 * len(shown), 4), layout="constrained")
        for axes, name in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
            for label in (name, f"valid_{name}"):
                if label in self.names:
                    axes.plot(range(1, len(self) + 1), self[label], marker=".", label=label)
            axes.set(xlabel="epoch", title=name)
            axes.legend()
        with replacing(to_file) as part:
            figure.savefig(part, format=str(to_file).rpartition(".")[2], dpi=150)


class Trainer:
    """Trains a model by the loop that one would write: forward, backward, update. [not in the book]

    loss: a function of the output and the targets, (y, t) -> Variable of one element.
    metrics: a dict from names to functions (y, t) -> number, or a list of functions, which have names.
    clip: the largest norm of all gradients together, or None.
    The optimizer is set up with the model if it has no target yet. Callbacks may read `epoch` and `batch`, counted
    from 1, `epochs`, `batches` (None if unknown), `values` of the latest batch and `history`, and set `stop` to True.
    """

    def __init__(self, model, optimizer, loss, metrics=None, *, clip=None):
        if not hasattr(model, "params") or not hasattr(optimizer, "target") or not callable(loss):
            got = ", ".join(type(x).__name__ for x in (model, optimizer, loss))
            raise TypeError(f"Trainer: expected a model, an optimizer and a function as the loss, got {got}")
        metrics = metrics or {}
        self.metrics = metrics if isinstance(metrics, dict) else {f.__name__: f for f in metrics}
        for name in self.metrics:
            if name == "loss" or name.startswith("valid_"):
                raise ValueError(f"Trainer: expected metrics not called 'loss' or 'valid_...', got {name!r}")
        if optimizer.target is None:
            optimizer.setup(model)
        if not set(optimizer.target.params()) <= set(model.params()):
            raise ValueError(f"Trainer: expected an optimizer set up with the model, got {type(optimizer).__name__}")
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.clip = None if clip is None else ClipGrad(clip)
        self.history = History()
        self.loader = None
        self.expected = []  # the names of the values in the history of the current run
        self.epoch = self.batch = self.epochs = 0
        self.batches, self.values, self.stop = None, {}, False
        self.parts = {}  # name -> object with state that takes part in the current run
        self.resumed = None  # the states of such objects, by name, until `fit` loads them

    @property
    def names(self):
        """The names of what is measured, without validation: ["loss", ...]. [not in the book]"""
        return ["loss", *self.metrics]

    def fit(self, loader, epochs, valid=None, callbacks=(), progress=None):
        """Train until the history has this number of epochs; return the history. [not in the book]

        loader: an iterable of batches (x, t), a new iteration for each epoch. valid: the same for validation, whose
        values are called "valid_loss", ... callbacks: objects with any of the methods on_begin, on_epoch, on_batch,
        on_epoch_end and on_end, which are called with the trainer, in the order given; a Checkpoint is called last.
        progress: whether to show the progress; None: on a terminal. Each value is the mean over the samples of an
        epoch, for training with the weights at the time of the batch. The history starts anew, unless `resume`
        was called. Ctrl-C ends the training, and the history of the complete epochs is returned.
        """
        epochs = as_count("Trainer.fit", "epochs", epochs, least=0)
        check_device(self.model, loader)
        callbacks = sorted(callbacks, key=lambda callback: getattr(callback, "is_last", False))
        for callback in callbacks:
            if not any(hasattr(callback, method) for method in METHODS):
                raise TypeError(f"Trainer.fit: expected callbacks with any of {METHODS}, got {callback!r}")
        self.epochs = epochs
        self.start(valid, callbacks)
        self.loader = loader if hasattr(loader, "load_state") else None
        if progress or (progress is None and ProgressBar.is_watched()):
            callbacks.insert(0, ProgressBar())
        self.expected = self.names + [f"valid_{name}" for name in self.names] * (valid is not None)
        with ExitStack() as at_the_end:
            call(callbacks, "on_begin", self)
            at_the_end.callback(call, callbacks, "on_end", self)
            try:
                while len(self.history) < self.epochs and not self.stop:
                    self.fit_epoch(loader, valid, callbacks)
            except KeyboardInterrupt:
                self.stop = True
        return self.history

    def start(self, valid, callbacks):
        """Begin a new history, or continue the one of `resume`, with the states of valid and the callbacks."""
        parts = {f"{type(each).__name__}{i}": each for i, each in enumerate([valid, *callbacks])}
        parts = {name: part for name, part in parts.items() if hasattr(part, "load_state")}
        if self.resumed is None:
            self.history = History()
        elif self.resumed.keys() != parts.keys():
            raise ValueError(f"Trainer.fit: expected {list(self.resumed)} as in the checkpoint, got {list(parts)}")
        else:
            for name, part in parts.items():
                part.load_state(self.resumed[name])
        self.parts, self.resumed, self.stop = parts, None, False

    def fit_epoch(self, loader, valid, callbacks):
        """One epoch: update with every batch, validate, extend the history."""
        self.epoch, self.batch = len(self.history) + 1, 0
        self.batches = len(loader) if hasattr(loader, "__len__") else None
        call(callbacks, "on_epoch", self)
        means = Means("Trainer.fit")
        for x, t in loader:
            self.values = self.update(x, t)
            self.batch += 1
            means.add(self.values, len(x))
            call(callbacks, "on_batch", self)
            if self.stop:
                break
        row = means.result()
        if valid is not None:
            row |= {f"valid_{name}": value for name, value in self.evaluate(valid).items()}
        self.history.epochs.append(row)
        call(callbacks, "on_epoch_end", self)

    def update(self, x, t):
        """Update the model with one batch; return its loss and metrics: {"loss": 0.3, ...}. [not in the book]"""
        y = self.model(x)
        loss = self.loss(y, t)
        values = self.measure(loss, y, t)
        self.model.cleargrads()
        loss.backward()
        if self.clip:
            self.clip([param for param in self.model.params() if param.grad is not None])
        self.optimizer.update()
        return values

    def measure(self, loss, y, t):
        """The loss and the metrics of one batch as floats."""
        if not isinstance(loss, Variable) or loss.size != 1:
            got = loss.shape if isinstance(loss, Variable) else type(loss).__name__
            raise TypeError(f"Trainer: expected the loss to be a Variable of one element, got {got}")
        return {"loss": float(loss)} | {name: float(metric(y, t)) for name, metric in self.metrics.items()}

    def evaluate(self, loader):
        """The means of loss and metrics over the samples of a loader, in evaluation mode. [not in the book]"""
        check_device(self.model, loader)
        means = Means("Trainer.evaluate")
        with test_mode(), no_grad():
            for x, t in loader:
                y = self.model(x)
                means.add(self.measure(self.loss(y, t), y, t), len(x))
        return means.result()

    def predict(self, x):
        """The outputs of the model in evaluation mode, an array; x: an array, or a loader of (x, t). [not in the book]

        The outputs for the batches of a loader are concatenated along the first axis.
        """
        with test_mode(), no_grad():
            if isinstance(x, (Variable, array_types)):
                return self.model(x).data
            check_device(self.model, x)
            ys = [self.model(x).data for x, _ in x]
        if not ys:
            raise ValueError("Trainer.predict: expected at least one batch, got none")
        return cuda.get_array_module(ys[0]).concatenate(ys)

    def resume(self, path, loader=None):
        """Load what a Checkpoint saved; the next `fit` continues from there. [not in the book]

        Construct model, optimizer, loader and trainer as before, and call `fit` with callbacks of the same kinds; on
        the CPU the run is bit for bit the one that was not interrupted. Returns the number of complete epochs.
        Raises ValueError, without changes, if the file does not fit.
        """
        load_checkpoint(path, self.model, self.optimizer, loader if hasattr(loader, "state") else None, trainer=self)
        return len(self.history)

    def state(self):
        """The history, and the states of the callbacks, as arrays by name. [not in the book]"""
        head = {"history": self.history.epochs, "parts": list(self.parts)}
        states = {name: part.state() for name, part in self.parts.items()}
        arrays = {f"{name}/{key}": value for name, state in states.items() for key, value in state.items()}
        return {"head": np.array(json.dumps(head)), **arrays}

    def load_state(self, state):
        """Load what `state` returned: the next `fit` continues this history. [not in the book]"""
        head = json.loads(str(state["head"]))
        states = {name: {} for name in head["parts"]}
        for key, value in state.items():
            name, _, rest = key.partition("/")
            if rest:
                states[name][rest] = np.array(value)
        self.history, self.resumed = History(head["history"]), states


class Means:
    """Means of named values, weighted by numbers of samples."""

    def __init__(self, owner):
        self.owner, self.sums, self.n = owner, {}, 0

    def add(self, values, n):
        self.sums = {name: self.sums.get(name, 0.0) + value * n for name, value in values.items()}
        self.n += n

    def result(self):
        if self.n == 0:
            raise ValueError(f"{self.owner}: expected at least one batch, got none; a generator can be used only once")
        return {name: total / self.n for name, total in self.sums.items()}


def call(callbacks, method, trainer):
    """Call a method of all callbacks that have it."""
    for callback in callbacks:
        if hasattr(callback, method):
            getattr(callback, method)(trainer)


def check_device(model, loader):
    """Raise TypeError if a loader returns arrays on another device than the initialized model's."""
    on_gpu, variable = getattr(loader, "gpu", None), next((v for v in model.params() if v.data is not None), None)
    if on_gpu is not None and variable is not None and on_gpu != cuda.is_on_gpu(variable.data):
        places = ["the host", "the GPU"][:: -1 if on_gpu else 1]
        raise TypeError(
            f"Trainer: expected the loader and the model on one device, got batches on {places[0]} and the model on "
            f"{places[1]}; use to_gpu() or to_cpu()"
        )
