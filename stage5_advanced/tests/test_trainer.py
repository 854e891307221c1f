"""The Trainer: the bits of a loop by hand, runs that resume, callbacks, and the history."""

import csv
import io
import json
import math
import re
import sys

import numpy as np
import pytest

from .stage import DataLoader, F, L, Model, Variable, cuda, no_grad, optimizers, package
from .stage import training as T

x = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
t = (x[:, 0] > x[:, 1]).astype(int)
PAIRS = list(zip(x, t, strict=True))


class Net(Model):
    def __init__(self):
        super().__init__()
        self.l1 = L.Linear(8)
        self.bn = L.BatchNorm()
        self.l2 = L.Linear(2)

    def forward(self, x):
        return self.l2(F.dropout(F.relu(self.bn(self.l1(x))), 0.2))


def loader_of(batch_size=6, **options):
    return DataLoader(PAIRS, batch_size, rng=3, **options)


def make(seed=0, **options):
    """A new model, its trainer and a loader, always the same."""
    np.random.seed(seed)
    model = Net()
    options = {"metrics": [F.accuracy]} | options
    return model, T.Trainer(model, optimizers.Adam(0.01), F.softmax_cross_entropy, **options), loader_of()


def equal_weights(a, b):
    a, b = a.get_weights(), b.get_weights()
    assert a.keys() == b.keys()
    for path in a:
        np.testing.assert_array_equal(a[path], b[path], err_msg=path)


class Script:
    """A model whose validation losses are given: a loader of one batch, and the loss of each call in turn."""

    def __init__(self, values):
        self.values = iter(values)
        self.model = L.Linear(1, in_size=1)
        self.trainer = T.Trainer(self.model, optimizers.SGD(0.1), self.loss)
        self.loader = [(np.ones((1, 1), np.float32), None)]

    def loss(self, y, t):
        if package.Config.train:
            return F.sum(y)
        return Variable(np.array(next(self.values), np.float32))

    def fit(self, epochs, *callbacks):
        return self.trainer.fit(self.loader, epochs, self.loader, callbacks)


# --- the loop ---


def test_the_losses_are_those_of_a_loop_by_hand_bit_for_bit():
    model, trainer, loader = make(clip=0.5)
    history = trainer.fit(loader, 3, valid=loader_of(shuffle=False))

    np.random.seed(0)
    other = Net()
    optimizer = optimizers.Adam(0.01).setup(other)
    clip, loader = optimizers.ClipGrad(0.5), loader_of()
    for row in history.epochs:
        sum_loss = sum_right = 0.0
        for x, t in loader:
            y = other(x)
            loss = F.softmax_cross_entropy(y, t)
            sum_right += float(F.accuracy(y, t)) * len(x)
            other.cleargrads()
            loss.backward()
            clip(list(other.params()))
            optimizer.update()
            sum_loss += float(loss) * len(x)
        assert (row["loss"], row["accuracy"]) == (sum_loss / 20, sum_right / 20)
        with package.test_mode(), no_grad():
            sum_loss = sum(float(F.softmax_cross_entropy(other(x), t)) * len(x) for x, t in loader_of(shuffle=False))
        assert row["valid_loss"] == sum_loss / 20
    equal_weights(model, other)


def test_a_run_learns_and_its_history_has_all_values_of_all_epochs():
    _, trainer, loader = make()
    history = trainer.fit(loader, 40, valid=loader)
    assert history is trainer.history
    assert history.names == ["loss", "accuracy", "valid_loss", "valid_accuracy"]
    assert len(history) == len(history["loss"]) == 40
    assert history["valid_accuracy"][-1] > 0.9
    assert repr(history).startswith("History(40 epochs: loss 0.")


def test_a_second_fit_begins_a_new_history():
    _, trainer, loader = make()
    assert len(trainer.fit(loader, 2)) == len(trainer.fit(loader, 2)) == 2


def test_evaluate_and_predict_use_evaluation_mode_and_record_nothing():
    model, trainer, loader = make()
    trainer.fit(loader, 1)
    before = model.get_weights()
    found = trainer.evaluate(loader_of(shuffle=False))
    y = trainer.predict(loader_of(shuffle=False))
    np.testing.assert_allclose(y, trainer.predict(x), rtol=1e-6)
    np.testing.assert_array_equal(trainer.predict(Variable(x)), trainer.predict(x))
    np.testing.assert_allclose(found["accuracy"], float(F.accuracy(y, t)), rtol=1e-6)
    np.testing.assert_allclose(found["loss"], float(F.softmax_cross_entropy(y, t)), rtol=1e-6)
    assert all(np.array_equal(a, before[path]) for path, a in model.get_weights().items())


def test_metrics_may_be_named():
    _, trainer, loader = make(metrics={"wrong": lambda y, t: 1 - float(F.accuracy(y, t))})
    assert trainer.fit(loader, 1).names == ["loss", "wrong"]


def test_a_loss_of_several_numbers_is_an_error():
    model = L.Linear(2)
    trainer = T.Trainer(model, optimizers.SGD(), lambda y, t: y)
    with pytest.raises(TypeError, match=r"expected the loss to be a Variable of one element, got \(20, 2\)"):
        trainer.fit([(x, t)], 1)
    trainer = T.Trainer(model, optimizers.SGD(), lambda y, t: 0.5)
    with pytest.raises(TypeError, match="expected the loss to be a Variable of one element, got float"):
        trainer.fit([(x, t)], 1)


@pytest.mark.parametrize("name", ["loss", "valid_accuracy"])
def test_names_of_metrics_that_would_hide_others_are_rejected(name):
    with pytest.raises(ValueError, match=f"expected metrics not called .*, got '{name}'"):
        make(metrics={name: F.accuracy})


def test_an_optimizer_of_another_model_is_rejected():
    with pytest.raises(ValueError, match="expected an optimizer set up with the model, got SGD"):
        T.Trainer(Net(), optimizers.SGD().setup(L.Linear(1)), F.mean_squared_error)


def test_a_loader_without_batches_is_an_error():
    _, trainer, loader = make()
    with pytest.raises(ValueError, match=r"Trainer.evaluate: expected at least one batch, got none"):
        trainer.evaluate([])
    with pytest.raises(ValueError, match=r"Trainer.predict: expected at least one batch, got none"):
        trainer.predict([])
    with pytest.raises(ValueError, match="a generator can be used only once"):
        trainer.fit(iter(list(loader)), 2)


def test_a_loader_and_a_model_on_different_devices_are_an_error(xp_device):
    model, trainer, loader = make()
    trainer.fit(loader, 1)
    model.to_gpu()
    with pytest.raises(TypeError, match="got batches on the host and the model on the GPU"):
        trainer.fit(loader, 1)
    loader.to_gpu()
    history = trainer.fit(loader, 1, valid=loader)
    assert isinstance(history["valid_loss"][0], float)
    assert cuda.get_array_module(trainer.predict(loader)) is xp_device
    model.to_cpu()
    with pytest.raises(TypeError, match="got batches on the GPU and the model on the host"):
        trainer.evaluate(loader)


# --- checkpoints ---


class Interrupt:
    """Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch(self, trainer):
        if (trainer.epoch, trainer.batch) == (self.epoch, 2):
            raise KeyboardInterrupt


def callbacks_of(trainer, path):
    """A checkpoint first, although it must save what the others do; and callbacks with states."""
    return [
        T.Checkpoint(path),
        T.ScheduleRate(optimizers.StepLR(trainer.optimizer, 2, 0.5)),
        T.Average(T.ExponentialMovingAverage(trainer.model, 0.9)),
        T.EarlyStopping("loss", patience=20),
    ]


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path):
    model, trainer, loader = make()
    callbacks = callbacks_of(trainer, tmp_path / "whole.npz")
    valid = loader_of(4)
    whole = trainer.fit(loader, 6, valid, callbacks)

    _, trainer, loader = make()
    valid = loader_of(4)
    part = trainer.fit(loader, 6, valid, [*callbacks_of(trainer, tmp_path / "part.npz"), Interrupt(4)])
    assert part.epochs == whole.epochs[:3]

    again, trainer, loader = make(seed=99)  # another start, which the checkpoint replaces
    np.random.seed(5)
    assert trainer.resume(tmp_path / "part.npz", loader) == 3
    others = callbacks_of(trainer, tmp_path / "part.npz")
    rest = trainer.fit(loader, 6, loader_of(4), others)
    assert rest.epochs == whole.epochs
    equal_weights(again, model)
    assert trainer.optimizer.lr == 0.01 / 8
    for name, a in others[2].average.state().items():
        np.testing.assert_array_equal(a, callbacks[2].average.state()[name])
    assert others[3].best_epoch == callbacks[3].best_epoch


def test_a_finished_run_that_is_resumed_with_more_epochs_continues(tmp_path):
    _, trainer, loader = make()
    trainer.fit(loader, 2, callbacks=[T.Checkpoint(tmp_path / "run")])
    _, trainer, loader = make()
    trainer.resume(tmp_path / "run", loader)
    assert len(trainer.fit(loader, 2)) == 2
    assert trainer.batch == 0  # nothing was left to do


def test_a_resumed_run_needs_callbacks_of_the_same_kinds(tmp_path):
    _, trainer, loader = make()
    trainer.fit(loader, 1, callbacks=callbacks_of(trainer, tmp_path / "run"))
    _, trainer, loader = make()
    trainer.resume(tmp_path / "run", loader)
    with pytest.raises(ValueError, match=r"expected \['ScheduleRate1', 'Average2', .*as in the checkpoint, got \[\]"):
        trainer.fit(loader, 2)


def test_a_checkpoint_of_something_else_changes_nothing(tmp_path):
    model, trainer, loader = make()
    trainer.fit(loader, 1)
    package.save_checkpoint(tmp_path / "other", model, trainer.optimizer, loader)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"expected a checkpoint of .*'trainer'"):
        trainer.resume(tmp_path / "other", loader)
    assert len(trainer.history) == 1
    assert all(np.array_equal(a, before[path]) for path, a in model.get_weights().items())


def test_a_checkpoint_with_a_loader_that_has_no_state(tmp_path):
    _, trainer, _ = make()
    trainer.fit([(x, t)], 1, callbacks=[T.Checkpoint(tmp_path / "run")])
    again, other, _ = make()
    other.resume(tmp_path / "run", [(x, t)])
    equal_weights(again, trainer.model)


def test_a_checkpoint_is_saved_every_so_many_epochs_and_if_monitored_only_at_the_best(tmp_path):
    saved = []

    class Notes(T.Checkpoint):
        def on_epoch_end(self, trainer):
            self.path.unlink(missing_ok=True)
            super().on_epoch_end(trainer)
            saved.append(self.path.exists())

    Script([3, 2, 2, 4, 1]).fit(5, Notes(tmp_path / "a.npz", every=2))
    Script([3, 2, 2, 4, 1]).fit(5, Notes(tmp_path / "b.npz", monitor="valid_loss"))
    assert saved == [False, True, False, True, False, True, True, False, False, True]
    with pytest.raises(ValueError, match="Checkpoint: expected every to be at least 1, got 0"):
        T.Checkpoint("run", every=0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: T.Checkpoint("run", every=math.nan),
            TypeError,
            "Checkpoint: expected every to be an integer, got nan",
        ),
        (
            lambda: T.EarlyStopping(patience=math.nan),
            ValueError,
            "EarlyStopping: expected patience to be a number, got nan",
        ),
        (
            lambda: T.EarlyStopping(min_delta=math.nan),
            ValueError,
            "EarlyStopping: expected min_delta to be a number, got nan",
        ),
        (lambda: T.ScheduleRate(0.1), TypeError, "ScheduleRate: expected a schedule with a method step, got 0.1"),
        (lambda: T.Average(None), TypeError, "Average: expected an average with a method update, got None"),
        (lambda: make()[1].fit(loader_of(4), "2"), TypeError, "Trainer.fit: expected epochs to be an integer, got '2'"),
    ],
)
def test_invalid_arguments_are_named(make, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        make()


def test_a_schedule_is_part_of_a_checkpoint(tmp_path):
    model = L.Linear(1, in_size=1)
    optimizer = optimizers.SGD(0.8).setup(model)
    schedule = optimizers.StepLR(optimizer, 1, 0.5)
    schedule.step()
    package.save_checkpoint(tmp_path / "run", model, optimizer, schedule=schedule, epoch=1)
    other = optimizers.StepLR(optimizers.SGD(0.3).setup(model), 1, 0.5)
    assert package.load_checkpoint(tmp_path / "run", model, other.optimizer, schedule=other) == {"epoch": 1}
    assert other.state() == {"t": 1, "base": 0.8}
    assert [type(value) for value in other.state().values()] == [int, float]
    assert other.last == 0.4


# --- callbacks ---


def test_callbacks_are_called_in_order_and_see_the_trainer():
    seen = []

    class Notes:
        def on_begin(self, trainer):
            seen.append(("begin", trainer.epochs))

        def on_epoch(self, trainer):
            seen.append(("epoch", trainer.epoch, trainer.batches))

        def on_batch(self, trainer):
            seen.append(("batch", trainer.batch, list(trainer.values)))

        def on_epoch_end(self, trainer):
            seen.append(("epoch end", len(trainer.history)))

        def on_end(self, trainer):
            seen.append("end")

    _, trainer, _ = make()
    trainer.fit(loader_of(10), 1, callbacks=[Notes()])
    with pytest.raises(TypeError, match=r"^Trainer.fit: expected callbacks with any of \('on_begin', .*, got <object"):
        trainer.fit(loader_of(10), 1, callbacks=[object()])
    with pytest.raises(ValueError, match=r"^Trainer\.fit: expected epochs to be at least 0, got -1"):
        trainer.fit(loader_of(10), -1)
    batches = [("batch", n, ["loss", "accuracy"]) for n in (1, 2)]
    assert seen == [("begin", 1), ("epoch", 1, 2), *batches, ("epoch end", 1), "end"]
    trainer.fit(iter([(x, t)]), 1, callbacks=[Notes()])
    assert ("epoch", 1, None) in seen


@pytest.mark.parametrize(
    ("values", "options", "epochs", "best"),
    [
        ([5, 4, 3, 3, 3, 1, 0], {"patience": 2}, 5, 3),
        ([5, 4, 4.5, 3, 3.5, 3.5, 0], {"patience": 2}, 6, 4),
        ([5, 4.8, 4.6, 4.4, 9, 9, 9], {"patience": 3, "min_delta": 0.5}, 7, 4),
        ([1, 2, 3, 2, 1, 0, 0], {"patience": 2, "mode": "max"}, 5, 3),
        ([np.nan, np.nan, np.nan, 1, 1, 1, 1], {"patience": 3}, 3, 0),
        ([2, np.nan, 1, 1, 0, 0, 0], {"patience": 2}, 7, 5),
    ],
)
def test_early_stopping_counts_epochs_without_improvement(values, options, epochs, best):
    script, stopping = Script(values), T.EarlyStopping(**options)
    assert len(script.fit(7, stopping)) == epochs
    assert stopping.best_epoch == best


def test_early_stopping_restores_the_weights_of_the_best_epoch():
    weights = []

    class Notes:
        def on_epoch_end(self, trainer):
            weights.append(float(trainer.model.W))

    script = Script([3, 1, 2, 2])
    script.fit(4, T.EarlyStopping(patience=2), Notes())
    assert float(script.model.W) == weights[1] != weights[-1]
    script = Script([3, 1, 2, 2])
    weights.clear()
    script.fit(4, T.EarlyStopping(patience=2, restore_best=False), Notes())
    assert float(script.model.W) == weights[-1]


def test_early_stopping_is_used_again_for_another_run():
    stopping = T.EarlyStopping(patience=1)
    Script([1, 2]).fit(5, stopping)
    assert len(Script([7, 6, 6]).fit(5, stopping)) == 3


@pytest.mark.parametrize(
    "make_callback",
    [
        T.EarlyStopping,
        lambda: T.Checkpoint("run", "valid_loss"),
        lambda: T.ScheduleRate(optimizers.OnPlateau(optimizers.SGD())),
    ],
)
def test_a_value_that_is_not_measured_is_an_error_before_the_first_epoch(make_callback):
    _, trainer, loader = make()
    with pytest.raises(ValueError, match=r"expected monitor to be one of \['loss', 'accuracy'\], got 'valid_loss'"):
        trainer.fit(loader, 1, callbacks=[make_callback()])
    assert not len(trainer.history)


@pytest.mark.parametrize("make_callback", [T.EarlyStopping, lambda name, mode=None: T.Checkpoint("run", name, 1, mode)])
def test_the_mode_follows_from_the_name_or_must_be_given(make_callback):
    assert make_callback("valid_loss").mode == make_callback("squared_error").mode == "min"
    assert make_callback("valid_accuracy").mode == make_callback("mae", mode="max").mode == "max"
    with pytest.raises(ValueError, match="expected mode 'min' or 'max' for 'mae', got None"):
        make_callback("mae")
    with pytest.raises(ValueError, match="expected mode 'min' or 'max' for 'loss', got 'low'"):
        make_callback("loss", mode="low")


def test_patience_below_one_is_rejected():
    with pytest.raises(ValueError, match="EarlyStopping: expected patience to be at least 1, got 0"):
        T.EarlyStopping(patience=0)


def test_a_schedule_steps_per_epoch_or_per_batch_or_on_a_plateau():
    for per, rate in (("epoch", 0.25), ("batch", 0.5**8)):
        _, trainer, loader = make()
        schedule = optimizers.ExponentialLR(trainer.optimizer, 0.5)
        trainer.optimizer.lr = schedule.base = 1.0
        trainer.fit(loader, 2, callbacks=[T.ScheduleRate(schedule, per)])
        assert trainer.optimizer.lr == rate
    script = Script([1, 1, 1, 1])
    script.fit(4, T.ScheduleRate(optimizers.OnPlateau(script.trainer.optimizer, 0.5, patience=1)))
    assert script.trainer.optimizer.lr == 0.05
    with pytest.raises(ValueError, match="expected per 'epoch' or 'batch', got 'step'"):
        T.ScheduleRate(schedule, "step")
    with pytest.raises(ValueError, match="expected per 'epoch' with monitor 'loss', got 'batch'"):
        T.ScheduleRate(schedule, "batch", "loss")


def test_a_loss_that_is_not_finite_ends_the_run():
    model = L.Linear(1, in_size=3)
    trainer = T.Trainer(model, optimizers.SGD(1e30), lambda y, t: F.sum(y * y))
    with np.errstate(all="ignore"):
        history = trainer.fit([(x, t)] * 5, 9, callbacks=[T.StopOnNaN()])
    assert len(history) == 1
    assert not np.isfinite(history["loss"][0])
    assert trainer.batch < 5


def test_control_c_ends_the_run_with_the_history_so_far():
    ended = []

    class Notes:
        def on_end(self, trainer):
            ended.append(trainer.epoch)

    _, trainer, loader = make()
    assert len(trainer.fit(loader, 5, callbacks=[Interrupt(3), Notes()])) == 2
    assert ended == [3]


def test_a_failed_run_ends_its_callbacks():
    ended = []

    class Fails:
        def on_epoch_end(self, trainer):
            raise ZeroDivisionError

        def on_end(self, trainer):
            ended.append(True)

    _, trainer, loader = make()
    with pytest.raises(ZeroDivisionError):
        trainer.fit(loader, 2, callbacks=[Fails()])
    assert ended == [True]


def test_the_csv_file_has_a_row_for_each_epoch_also_of_a_resumed_run(tmp_path):
    path = tmp_path / "log.csv"
    _, trainer, loader = make()
    trainer.fit(loader, 2, callbacks=[T.CSVLog(path), T.Checkpoint(tmp_path / "run")])
    path.unlink()
    _, trainer, loader = make()
    trainer.resume(tmp_path / "run", loader)
    history = trainer.fit(loader, 3, callbacks=[T.CSVLog(path), T.Checkpoint(tmp_path / "run")])
    head, *rows = csv.reader(path.read_text().splitlines())
    assert head == ["epoch", "loss", "accuracy"]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [float(row[1]) for row in rows] == history["loss"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log.csv", "run.npz"]


# --- progress ---


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_no_progress_in_a_pipe_unless_asked(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    _, trainer, loader = make()
    trainer.fit(loader, 1)
    assert sys.stderr.getvalue() == ""
    trainer.fit(loader, 2, progress=True)
    first, second = sys.stderr.getvalue().splitlines()
    assert first.startswith("epoch 1/2: loss ")
    assert second.startswith("epoch 2/2: loss ")
    assert ", accuracy " in first
    assert first.endswith(" s")


@pytest.mark.parametrize("installed", [True, False])
def test_on_a_terminal_a_bar_or_a_line_for_each_epoch(monkeypatch, installed):
    if installed:
        pytest.importorskip("tqdm", reason="tqdm is not installed")
    else:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    _, trainer, loader = make()
    trainer.fit(loader, 2)
    shown = sys.stderr.getvalue()
    assert ("100%" in shown) == installed
    assert "epoch 1/2: " in shown
    assert "epoch 2/2: " in shown
    before = len(shown)
    trainer.fit(loader, 2, progress=False)
    assert len(sys.stderr.getvalue()) == before


def test_a_notebook_shows_progress(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not T.ProgressBar.is_watched()
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    assert T.ProgressBar.is_watched()


# --- the history ---


def test_the_best_epoch():
    history = T.History([{"loss": a, "accuracy": b} for a, b in [(3, 0.1), (1, 0.4), (1, 0.4), (2, np.nan)]])
    assert history.best("loss") == (2, 1)
    assert history.best("accuracy") == (2, 0.4)
    assert history.best("loss", "max") == (1, 3)
    with pytest.raises(KeyError, match=r"expected one of \['loss', 'accuracy'\], got 'valid_loss'"):
        history.best("valid_loss")
    with pytest.raises(ValueError, match=r"expected numbers as 'loss', got \[nan\]"):
        T.History([{"loss": np.nan}]).best("loss")
    with pytest.raises(KeyError, match=r"expected one of \[\], got 'loss'"):
        T.History()["loss"]
    assert repr(T.History()) == "History(0 epochs: empty)"


def test_a_history_as_json():
    history = T.History([{"loss": 0.1 + 0.2}, {"loss": float("inf")}])
    again = T.History.from_json(history.to_json())
    assert again.epochs == history.epochs
    assert json.loads(history.to_json())[0] == {"loss": 0.1 + 0.2}


def test_a_history_is_drawn(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    history = T.History([{"loss": 1.0, "wrong": 2.0, "valid_loss": 3.0}] * 3)
    history.plot(tmp_path / "h.png")
    history.plot(tmp_path / "h.svg")
    assert (tmp_path / "h.png").read_bytes()[:4] == b"\x89PNG"
    text = (tmp_path / "h.svg").read_text()
    assert "<svg" in text
    with pytest.raises(ValueError, match=r"History.plot: expected at least one epoch, got none"):
        T.History().plot(tmp_path / "none.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(RuntimeError, match="needs matplotlib: pip install matplotlib"):
        history.plot()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h.png", "h.svg"]
