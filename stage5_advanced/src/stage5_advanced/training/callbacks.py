"""Callbacks of a Trainer: objects with any of the methods on_begin, on_epoch, on_batch, on_epoch_end, on_end."""

import csv
import importlib.util
import math
import sys
import time

import numpy as np

from ..core import as_count, as_number
from ..optimizers import OnPlateau
from ..saving import replacing, save_checkpoint


def mode_of(owner, name, mode):
    """'min' or 'max'; if mode is None, by the ending of the name. Raises ValueError if that does not say it."""
    if mode is None:
        mode = "min" if name.endswith(("loss", "error")) else "max" if name.endswith("accuracy") else None
    if mode not in ("min", "max"):
        raise ValueError(f"{owner}: expected mode 'min' or 'max' for {name!r}, got {mode!r}")
    return mode


def better(value, best, mode, min_delta=0.0):
    """Whether a value is better than the best so far by more than min_delta; nan never is."""
    if best is None:
        return not math.isnan(value)
    return best - value > min_delta if mode == "min" else value - best > min_delta


def check_monitor(callback, trainer):
    """Raise ValueError if the trainer does not measure what a callback monitors."""
    if callback.monitor is not None and callback.monitor not in trainer.expected:
        name = type(callback).__name__
        raise ValueError(f"{name}: expected monitor to be one of {trainer.expected}, got {callback.monitor!r}")


class EarlyStopping:
    """Stops when a value has not improved by more than min_delta for `patience` epochs. [not in the book]

    restore_best: at the end, give the model the weights of the best epoch. best_epoch: its number, 0 before any.
    mode: 'min' or 'max'; None: by the name, as in `History.best`.
    """

    def __init__(self, monitor="valid_loss", patience=5, min_delta=0.0, restore_best=True, mode=None):
        if not as_number("EarlyStopping", "patience", patience) >= 1:
            raise ValueError(f"EarlyStopping: expected patience to be at least 1, got {patience}")
        self.monitor = monitor
        self.patience = patience
        self.min_delta = as_number("EarlyStopping", "min_delta", min_delta)
        self.restore_best = restore_best
        self.mode = mode_of("EarlyStopping", monitor, mode)
        self.best_epoch = 0
        self.weights = {}

    def on_begin(self, trainer):
        check_monitor(self, trainer)
        if not trainer.history:
            self.best_epoch, self.weights = 0, {}

    def on_epoch_end(self, trainer):
        values = trainer.history[self.monitor]
        best = values[self.best_epoch - 1] if self.best_epoch else None
        if better(values[-1], best, self.mode, self.min_delta):
            self.best_epoch = trainer.epoch
            if self.restore_best:
                self.weights = trainer.model.get_weights()
        elif trainer.epoch - self.best_epoch >= self.patience:
            trainer.stop = True

    def on_end(self, trainer):
        if self.weights:
            trainer.model.set_weights(self.weights)

    def state(self):
        """The best epoch and its weights, for a Checkpoint. [not in the book]"""
        return {"best_epoch": np.array(self.best_epoch)} | {path: a.copy() for path, a in self.weights.items()}

    def load_state(self, state):
        """Load what `state` returned. [not in the book]"""
        self.weights = {path: np.array(a) for path, a in state.items() if path != "best_epoch"}
        self.best_epoch = int(state["best_epoch"])


class Checkpoint:
    """Saves a checkpoint after each epoch, to resume the run with `Trainer.resume`. [not in the book]

    It contains the model, the optimizer, the loader's generator, NumPy's, the history and the state of the callbacks.
    monitor: save only after epochs in which this value is the best so far. every: save after each of so many epochs.
    mode: as in EarlyStopping.
    """

    is_last = True  # so that it saves what the other callbacks have done

    def __init__(self, path, monitor=None, every=1, mode=None):
        self.path = path
        self.monitor = monitor
        self.every = as_count("Checkpoint", "every", every)
        self.mode = None if monitor is None else mode_of("Checkpoint", monitor, mode)

    def on_begin(self, trainer):
        check_monitor(self, trainer)

    def on_epoch_end(self, trainer):
        best = self.monitor is None or trainer.history.best(self.monitor, self.mode)[0] == trainer.epoch
        if best and trainer.epoch % self.every == 0:
            save_checkpoint(self.path, trainer.model, trainer.optimizer, trainer.loader, trainer=trainer)


class ProgressBar:
    """Shows progress on standard error: on a terminal with tqdm a bar per epoch, else a line. [not in the book]

    `Trainer.fit` has one on a terminal and in a notebook, or with progress=True.
    """

    def on_begin(self, trainer):
        self.bar = None

    @staticmethod
    def is_watched():
        """Whether somebody sees standard error: it is a terminal or belongs to a notebook. [not in the book]"""
        return sys.stderr.isatty() or "ipykernel" in sys.modules

    def on_epoch(self, trainer):
        self.start = time.perf_counter()
        if sys.stderr.isatty() and importlib.util.find_spec("tqdm"):
            from tqdm import tqdm

            self.bar = tqdm(total=trainer.batches, desc=f"epoch {trainer.epoch}/{trainer.epochs}")

    def on_batch(self, trainer):
        if self.bar is not None:
            self.bar.update()
            self.bar.set_postfix(trainer.values, refresh=False)

    def on_epoch_end(self, trainer):
        row = trainer.history.epochs[-1]
        if self.bar is not None:
            self.bar.set_postfix(row)
            return self.close()
        values = ", ".join(f"{name} {value:.4g}" for name, value in row.items())
        seconds = time.perf_counter() - self.start
        return print(f"epoch {trainer.epoch}/{trainer.epochs}: {values}, {seconds:.1f} s", file=sys.stderr)

    def on_end(self, trainer):
        self.close()

    def close(self):
        """End the line of the bar. [not in the book]"""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


class ScheduleRate:
    """Calls the `step` of a learning-rate schedule after each epoch, or after each batch. [not in the book]

    monitor: the value that `step` is called with, for OnPlateau; None: "valid_loss" for OnPlateau.
    """

    def __init__(self, schedule, per="epoch", monitor=None):
        if per not in ("epoch", "batch"):
            raise ValueError(f"ScheduleRate: expected per 'epoch' or 'batch', got {per!r}")
        if monitor is None and isinstance(schedule, OnPlateau):
            monitor = "valid_loss"
        if monitor is not None and per == "batch":
            raise ValueError(f"ScheduleRate: expected per 'epoch' with monitor {monitor!r}, got 'batch'")
        if not hasattr(schedule, "step"):
            raise TypeError(f"ScheduleRate: expected a schedule with a method step, got {schedule!r}")
        self.schedule = schedule
        self.per = per
        self.monitor = monitor

    def on_begin(self, trainer):
        check_monitor(self, trainer)

    def on_batch(self, trainer):
        if self.per == "batch":
            self.schedule.step()

    def on_epoch_end(self, trainer):
        if self.monitor is not None:
            self.schedule.step(trainer.history[self.monitor][-1])
        elif self.per == "epoch":
            self.schedule.step()

    def state(self):
        """The state of the schedule, for a Checkpoint. [not in the book]"""
        return self.schedule.state()

    def load_state(self, state):
        """Load what `state` returned. [not in the book]"""
        self.schedule.load_state(state)


class StopOnNaN:
    """Stops after a batch whose loss is nan or infinite; that batch has updated the weights. [not in the book]"""

    def on_batch(self, trainer):
        if not math.isfinite(trainer.values["loss"]):
            trainer.stop = True


class CSVLog:
    """Writes the history to a CSV file after each epoch, with the epoch as the first column. [not in the book]

    The file is replaced as a whole, so it also has the epochs of a run that was resumed.
    """

    def __init__(self, path):
        self.path = path

    def on_epoch_end(self, trainer):
        with replacing(self.path) as part, open(part, "x", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *trainer.history.names])
            writer.writerows([i, *row.values()] for i, row in enumerate(trainer.history.epochs, start=1))


class Average:
    """Updates an average of the weights, such as ExponentialMovingAverage, after each batch. [not in the book]

    To evaluate with the averaged weights: `with average.applied(): trainer.evaluate(loader)`.
    """

    def __init__(self, average):
        if not hasattr(average, "update"):
            raise TypeError(f"Average: expected an average with a method update, got {average!r}")
        self.average = average

    def on_batch(self, trainer):
        self.average.update()

    def state(self):
        """The state of the average, for a Checkpoint. [not in the book]"""
        return self.average.state()

    def load_state(self, state):
        """Load what `state` returned. [not in the book]"""
        self.average.load_state(state)
