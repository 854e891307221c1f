"""Saved weights and checkpoints: round trips, invalid files, and failures."""

import json
import multiprocessing
import os
import pathlib
import pickle
import sys
import threading
import zipfile

import numpy as np
import pytest

from .stage import (
    MLP,
    SGD,
    Adam,
    DataLoader,
    F,
    L,
    Layer,
    MomentumSGD,
    Parameter,
    SeqDataLoader,
    Sequential,
    load_checkpoint,
    save_checkpoint,
)
from .stage import test_mode as in_use  # pytest would collect it under its own name


class Net(Layer):
    """Convolution and batch normalization in a sublayer, and a linear layer."""

    def __init__(self, channels=3, out=2):
        super().__init__()
        self.block = Layer()
        self.block.conv = L.Conv2d(channels, 2)
        self.block.bn = L.BatchNorm()
        self.fc = L.Linear(out)
        self.scale = Parameter(np.array(2.0))

    def forward(self, x):
        x = F.relu(self.block.bn(self.block.conv(x)))
        x = F.dropout(F.reshape(x, (len(x), -1)), 0.3)
        return self.fc(x) * self.scale


X = np.random.default_rng(0).standard_normal((12, 1, 3, 3)).astype(np.float32)
T = np.random.default_rng(1).standard_normal((12, 2)).astype(np.float32)
PATHS = [f"block/conv/{name}" for name in "Wb"]
PATHS += [f"block/bn/{name}" for name in ("avg_mean", "avg_var", "gamma", "beta")]
PATHS += ["fc/W", "fc/b", "scale"]


# np.load leaves a broken file open, which is tested; np.savez of older NumPy versions an unfinished zip file.


def net(seed=0, **kwargs):
    """A network after a call in training mode, so its buffers are not zeros and ones."""
    np.random.seed(seed)
    model = Net(**kwargs)
    model(X)
    return model


def bits(model):
    """The bytes of every array; None if uninitialized."""
    return {
        path: None if v.data is None else (v.shape, v.dtype.name, v.data.tobytes()) for path, v in model.named_state()
    }


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


# --- weights ---


@pytest.mark.parametrize("kind", [str, pathlib.Path], ids=["str", "Path"])
def test_weights_and_buffers_are_restored_bit_for_bit(tmp_path, kind):
    path = kind(tmp_path / "weights.npz")
    model, other = net(0), net(1)
    model.save_weights(path)
    before = bits(model)
    assert bits(other) != before
    params = list(other.params())
    other.load_weights(path)
    assert bits(other) == before
    assert list(other.params()) == params  # the same objects with other arrays
    with in_use():
        np.testing.assert_array_equal(other(X).data, model(X).data)


def test_a_file_holds_every_array_under_its_path(tmp_path):
    model = net()
    model.save_weights(tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz", allow_pickle=False) as arrays:
        assert arrays.files == PATHS
        for path, variable in model.named_state():
            np.testing.assert_array_equal(arrays[path], variable.data)
            assert arrays[path].dtype == variable.dtype
    assert {entry.compress_type for entry in zipfile.ZipFile(tmp_path / "weights.npz").infolist()} == {
        zipfile.ZIP_DEFLATED
    }


def test_a_file_that_numpy_wrote_can_be_loaded(tmp_path):
    layer = Layer()
    layer.l1 = Layer()
    layer.l1.p1, layer.p2 = Parameter(np.array(0)), Parameter(np.array([0.0, 0.0]))
    np.savez(tmp_path / "by hand.npz", **{"p2": np.array([1.0, 2.0]), "l1/p1": np.array(3)})
    layer.load_weights(tmp_path / "by hand.npz")
    np.testing.assert_array_equal(layer.p2.data, [1.0, 2.0])
    np.testing.assert_array_equal(layer.l1.p1.data, 3)


@pytest.mark.parametrize("saved", ["w", "w.npz", "v0.1", ".hidden"])
@pytest.mark.parametrize("loaded", ["as it was", "with its ending"])
def test_the_ending_is_appended_where_it_is_missing(tmp_path, saved, loaded):
    model, other = net(0), net(1)
    model.save_weights(tmp_path / saved)
    name = saved if saved.endswith(".npz") else f"{saved}.npz"
    assert listing(tmp_path) == [name]
    other.load_weights(tmp_path / (saved if loaded == "as it was" else name))
    assert bits(other) == bits(model)


def test_a_file_without_the_ending_can_be_loaded_too(tmp_path):
    model, other = net(0), net(1)
    model.save_weights(tmp_path / "w")
    (tmp_path / "w.npz").rename(tmp_path / "v1.weights")
    other.load_weights(tmp_path / "v1.weights")
    assert bits(other) == bits(model)


@pytest.mark.parametrize("beside", ["folder", "older file"])
def test_each_array_is_loaded_under_its_saved_name(tmp_path, beside):
    model, other = net(0), net(1)
    if beside == "folder":
        (tmp_path / "w").mkdir()
    else:
        net(2).save_weights(tmp_path / "w")
        (tmp_path / "w.npz").rename(tmp_path / "w")
    model.save_weights(tmp_path / "w")
    other.load_weights(tmp_path / "w")
    assert bits(other) == bits(model)


def test_saving_does_not_modify_the_model(tmp_path):
    model = net()
    F.sum(model(X)).backward()
    arrays = [(v, v.data, v.grad) for v in model.all_variables()]
    before = bits(model)
    model.save_weights(tmp_path / "w")
    assert bits(model) == before
    assert all(v.data is data and v.grad is gx for v, data, gx in arrays)


def test_weights_are_copies():
    """Weights kept from the best epoch do not change during further training."""
    model = net()
    best = model.get_weights()
    before = {path: a.copy() for path, a in best.items()}
    optimizer = SGD(0.1).setup(model)
    F.sum(model(X)).backward()
    optimizer.update()
    assert not np.array_equal(model.fc.W.data, before["fc/W"])
    for path, a in best.items():
        np.testing.assert_array_equal(a, before[path])
        a += 1  # nor does the model change if they do
    model.set_weights(before)
    np.testing.assert_equal(model.get_weights(), before)


def test_loaded_arrays_are_the_models_own():
    model, other = net(0), net(1)
    arrays = model.get_weights()
    other.set_weights(arrays)
    for path, variable in other.named_state():
        assert not np.shares_memory(variable.data, arrays[path])
        assert variable.data.flags.writeable


def test_a_shared_parameter_is_one_after_loading(tmp_path):
    def shared():
        model = Layer()
        model.l1 = L.Linear(2, in_size=2)
        model.l2 = L.Linear(2, in_size=2)
        model.l2.W = model.l1.W
        return model

    model, other = shared(), shared()
    model.save_weights(tmp_path / "w")
    other.load_weights(tmp_path / "w")
    assert other.l1.W is other.l2.W
    assert bits(other) == bits(model)


@pytest.mark.parametrize("make", [Net, lambda: L.Linear(2), L.BatchNorm], ids=["Net", "Linear", "BatchNorm"])
def test_a_parameter_without_data_cannot_be_saved(tmp_path, make):
    model = make()
    with pytest.raises(ValueError, match=rf"{type(model).__name__}: '.*' is uninitialized; call the model once first"):
        model.save_weights(tmp_path / "w")
    assert listing(tmp_path) == []


def test_a_parameter_may_have_any_name(tmp_path):
    model, other = Layer(), Layer()
    for k, name in enumerate(("file", "allow_pickle", "args", "self")):
        setattr(model, name, Parameter(np.array([k, 2.0])))
        setattr(other, name, Parameter(np.zeros(2)))
    model.save_weights(tmp_path / "w")
    other.load_weights(tmp_path / "w")
    assert bits(other) == bits(model)


# --- loading into an uninitialized model ---


def test_weights_can_be_loaded_before_the_first_call(tmp_path):
    model, other = net(), Net()
    model.save_weights(tmp_path / "w")
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    other.load_weights(tmp_path / "w")
    with in_use():
        np.testing.assert_array_equal(other(X).data, model(X).data)
    assert np.random.rand() == expected  # nothing was drawn
    assert bits(other) == bits(model)


@pytest.mark.parametrize(
    ("make", "x"),
    [
        (lambda: L.Linear(3, nobias=True), np.ones((2, 4))),
        (lambda: L.Conv2d(3, (2, 1)), np.ones((1, 2, 3, 3))),
        (lambda: L.Deconv2d(3, (2, 1)), np.ones((1, 2, 3, 3))),
        (L.BatchNorm, np.ones((2, 4))),
        (lambda: L.RNN(3), np.ones((2, 4))),
        (lambda: L.LSTM(3), np.ones((2, 4))),
    ],
    ids=["Linear", "Conv2d", "Deconv2d", "BatchNorm", "RNN", "LSTM"],
)
def test_every_kind_of_layer_can_be_loaded_before_the_first_call(make, x):
    model, other = make(), make()
    y = model(x)
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other(x).data, y.data)


def test_a_parameter_that_a_user_defined_layer_creates_later_can_be_loaded(tmp_path):
    """Step 45 writes `Parameter(None)`."""

    class Own(Layer):
        def __init__(self):
            super().__init__()
            self.W = Parameter(None, name="W")

    np.savez(tmp_path / "w.npz", W=np.ones(3))
    model = Own()
    model.load_weights(tmp_path / "w.npz")
    np.testing.assert_array_equal(model.W.data, np.ones(3))


LAZY_WRONG = {
    "Linear": (
        lambda: L.Linear(3),
        {"W": np.ones((4, 2), "f"), "b": np.ones(3, "f")},
        r"'W': expected \(None, 3\) float32, got \(4, 2\) float32",
    ),
    "Linear, axes": (
        lambda: L.Linear(3, nobias=True),
        {"W": np.ones(3, "f")},
        r"'W': expected \(None, 3\) float32, got \(3,\) float32",
    ),
    "Linear, dtype": (
        lambda: L.Linear(3, nobias=True),
        {"W": np.ones((4, 3))},
        r"'W': expected \(None, 3\) float32, got \(4, 3\) float64; cast it and call set_weights",
    ),
    "Conv2d": (
        lambda: L.Conv2d(3, 2, nobias=True),
        {"W": np.ones((3, 1, 3, 3), "f")},
        r"'W': expected \(3, None, 2, 2\) float32, got \(3, 1, 3, 3\) float32",
    ),
    "Deconv2d": (
        lambda: L.Deconv2d(3, 2, nobias=True),
        {"W": np.ones((3, 1, 2, 2), "f")},
        r"'W': expected \(None, 3, 2, 2\) float32, got \(3, 1, 2, 2\) float32",
    ),
    "BatchNorm": (
        L.BatchNorm,
        {name: np.ones((3, 1), "f") for name in ("avg_mean", "avg_var", "gamma", "beta")},
        r"'avg_mean': expected \(None,\) numbers, got \(3, 1\) float32",
    ),
}


@pytest.mark.parametrize(("make", "arrays", "message"), LAZY_WRONG.values(), ids=LAZY_WRONG)
def test_sizes_that_a_first_call_could_not_infer_are_rejected(make, arrays, message):
    model = make()
    before = bits(model)
    with pytest.raises(ValueError, match=message):
        model.set_weights(arrays)
    assert bits(model) == before


@pytest.mark.parametrize("value", [Parameter(np.ones((12, 2), "f")), [[1.0, 2.0]] * 12, 1.0, None], ids=type)
def test_weights_that_are_not_arrays_are_rejected(value):
    for model in (net(), Net()):
        before = bits(model)
        arrays = net(1).get_weights() | {"fc/W": value}
        with pytest.raises(TypeError, match=f"Net: 'fc/W': expected an array, got {type(value).__name__}"):
            model.set_weights(arrays)
        assert bits(model) == before


def test_the_former_name_of_set_weights():
    model, other = net(0), net(1)
    other.take_weights(model.get_weights())
    assert bits(other) == bits(model)


# --- a failure while writing ---


ERRORS = [OSError, KeyboardInterrupt, MemoryError]


def half_way(monkeypatch, fail):
    """Call `fail` when the third array is written."""
    written = []

    def counted(self, name, *args, f=zipfile.ZipFile.open, **kwargs):
        written.append(name)
        if len(written) == 3:
            fail()
        return f(self, name, *args, **kwargs)

    monkeypatch.setattr(zipfile.ZipFile, "open", counted)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
@pytest.mark.parametrize("old", [True, False], ids=["over an old file", "first"])
@pytest.mark.parametrize("where", ["writing", "moving"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, error, old, where):
    model = net()
    if old:
        net(1).save_weights(tmp_path / "w.npz")
    before = {name: (tmp_path / name).read_bytes() for name in listing(tmp_path)}

    def fail(*args):
        assert {name: (tmp_path / name).read_bytes() for name in before} == before  # no partial file is visible
        raise error

    if where == "writing":
        half_way(monkeypatch, fail)
    else:
        monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(error):
        model.save_weights(tmp_path / "w.npz")
    monkeypatch.undo()
    assert {name: (tmp_path / name).read_bytes() for name in listing(tmp_path)} == before


def test_saving_again_replaces_the_old_file_and_leaves_no_other_file(tmp_path):
    other = net(2)
    for seed in (0, 1):
        model = net(seed)
        model.save_weights(tmp_path / "w")
        assert listing(tmp_path) == ["w.npz"]
    other.load_weights(tmp_path / "w")
    assert bits(other) == bits(model)


def save_again_and_again(path, value, rounds):
    layer = Layer()
    layer.W = Parameter(np.full(20_000, value))
    for _ in range(rounds):
        layer.save_weights(path)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_savers_to_one_path_do_not_disturb_each_other(tmp_path, kind):
    """There is a complete file at any time, and no other at the end."""
    path = tmp_path / "w.npz"
    save_again_and_again(path, 0.0, 1)
    if kind == "threads":
        make = threading.Thread
    else:
        make = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn").Process
    savers = [make(target=save_again_and_again, args=(path, float(i), 20)) for i in range(1, 4)]
    for saver in savers:
        saver.start()
    layer = Layer()
    layer.W = Parameter(np.zeros(20_000))
    while any(saver.is_alive() for saver in savers):
        layer.load_weights(path)
        assert layer.W.data.min() == layer.W.data.max()
    for saver in savers:
        saver.join()
        assert getattr(saver, "exitcode", 0) == 0
    assert listing(tmp_path) == ["w.npz"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    net().save_weights(tmp_path / "w")
    (tmp_path / "other").touch()
    assert (tmp_path / "w.npz").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_missing_folder_is_reported_and_not_created(tmp_path):
    with pytest.raises(FileNotFoundError):
        net().save_weights(tmp_path / "nowhere" / "w")
    assert listing(tmp_path) == []


# --- files that do not fit ---


def changed(**changes):
    """The weights of another network with some arrays changed, or omitted if None."""

    def write(path):
        arrays = net(1).get_weights() | {name.replace("__", "/"): a for name, a in changes.items()}
        np.savez(path, **{name: a for name, a in arrays.items() if a is not None})

    return write


def truncated(path):
    changed()(path)
    path.write_bytes(path.read_bytes()[:-40])


def one_array(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))


class Harmful:
    """Unpickling it creates a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path.with_name("unpickled")),)


def a_pickle(path):
    path.write_bytes(pickle.dumps(Harmful(path)))


def a_pickle_inside(path):
    changed(fc__W=np.array([Harmful(path)]))(path)


FILES = {
    "a key is missing": (changed(fc__W=None), r"Net: the weights \['fc/W'\] are missing, \[\] are unknown"),
    "a buffer is missing": (changed(block__bn__avg_var=None), r"the weights \['block/bn/avg_var'\] are missing, \[\]"),
    "an unknown key": (changed(fc2__W=np.ones(1)), r"Net: the weights \[\] are missing, \['fc2/W'\] are unknown"),
    "another shape": (changed(fc__b=np.ones(3, "f")), r"Net: 'fc/b': expected \(2,\) float32, got \(3,\) float32"),
    "fewer axes": (changed(fc__W=np.ones(2, "f")), r"'fc/W': expected \(12, 2\) float32, got \(2,\) float32"),
    "an axis of one": (changed(fc__b=np.ones((1, 2), "f")), r"'fc/b': expected \(2,\) float32, got \(1, 2\) float32"),
    "another dtype": (changed(fc__b=np.ones(2)), r"Net: 'fc/b': expected \(2,\) float32, got \(2,\) float64"),
    "less than float64": (changed(scale=np.ones((), "f")), r"Net: 'scale': expected \(\) float64, got \(\) float32"),
    "integers": (changed(fc__b=np.ones(2, int)), r"Net: 'fc/b': expected \(2,\) float32, got \(2,\) int64"),
    "no arrays at all": (
        lambda path: np.savez(path),
        r"Net: the weights \['block/bn/avg_mean', .*\] are missing, \[\]",
    ),
    "a text": (
        lambda path: path.write_text("weights"),
        r"w.npz: expected a file that save_weights wrote, got ",
    ),
    "an empty file": (lambda path: path.write_bytes(b""), "w.npz: expected a file that save_weights wrote"),
    "one array": (one_array, "w.npz: expected a file that save_weights wrote"),
    "a pickle": (a_pickle, "w.npz: expected a file that save_weights wrote"),
    "a pickle inside": (a_pickle_inside, "w.npz: expected a file that save_weights wrote"),
    "half of a file": (truncated, "w.npz: expected a file that save_weights wrote"),
}


@pytest.mark.parametrize(
    ("write", "message"),
    [pytest.param(*case, id=name) for name, case in FILES.items()],
)
def test_a_file_that_does_not_fit_is_rejected_and_changes_nothing(tmp_path, write, message):
    write(tmp_path / "w.npz")
    model = net()
    arrays = [v.data for v in model.all_variables()]
    before = bits(model)
    with pytest.raises(ValueError, match=message):
        model.load_weights(tmp_path / "w.npz")
    assert bits(model) == before
    assert all(v.data is a for v, a in zip(model.all_variables(), arrays, strict=True))
    assert listing(tmp_path) == ["w.npz"]


def test_every_damaged_byte_is_detected(tmp_path):
    """Each byte of a small file is changed in turn: the file is rejected or the change has no effect."""
    layer = Layer()
    layer.W = Parameter(np.arange(3.0))
    layer.save_weights(tmp_path / "w")
    data = (tmp_path / "w.npz").read_bytes()
    refused = 0
    for where in range(0, len(data), 3):
        (tmp_path / "w.npz").write_bytes(data[:where] + bytes([data[where] ^ 0x55]) + data[where + 1 :])
        layer.W.data = np.zeros(3)
        try:
            layer.load_weights(tmp_path / "w.npz")
        except ValueError:
            np.testing.assert_array_equal(layer.W.data, np.zeros(3))
            refused += 1
        else:
            np.testing.assert_array_equal(layer.W.data, np.arange(3.0))
    assert refused > len(data) / 3 / 2


def test_a_broken_file_is_closed(tmp_path, monkeypatch):
    opened = []

    def recorded(*args, f=open, **kwargs):
        opened.append(f(*args, **kwargs))
        return opened[-1]

    truncated(tmp_path / "w.npz")
    monkeypatch.setattr("builtins.open", recorded)
    with pytest.raises(ValueError, match="expected a file that save_weights wrote"):
        net().load_weights(tmp_path / "w.npz")
    left = [file for file in opened if not file.closed]
    for file in left:
        file.close()
    assert left == []


@pytest.mark.parametrize("name", ["nothing", "nothing.npz"])
def test_a_missing_file_is_a_file_not_found_error(tmp_path, name):
    model = net()
    before = bits(model)
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz"):
        model.load_weights(tmp_path / name)
    assert bits(model) == before


# --- checkpoints ---


class Run:
    """A training run in which everything has state: Adam, dropout, batch normalization, a shuffling loader."""

    def __init__(self, seed, kind=Adam, size=12, **kwargs):
        np.random.seed(seed)
        self.model = Net(**kwargs)
        self.optimizer = kind(0.01).setup(self.model)
        self.loader = DataLoader([(X[i % 12], T[i % 12]) for i in range(size)], 5)
        self.losses = []

    def epochs(self, n):
        for _ in range(n):
            for x, t in self.loader:
                loss = F.mean_squared_error(self.model(x), t)
                self.model.cleargrads()
                loss.backward()
                self.optimizer.update()
                self.losses.append(float(loss.data))
        return self

    def parts(self):
        return self.model, self.optimizer, self.loader

    def everything(self):
        """Everything that must be bit-equal, including the next random numbers."""
        state = {name: np.asarray(a).tobytes() for name, a in self.optimizer.state().items()}
        loader = {name: np.asarray(a).tobytes() for name, a in self.loader.state().items()}
        random = np.random.get_state(legacy=False)
        return bits(self.model), state, loader, random["state"]["key"].tobytes(), random["state"]["pos"]


@pytest.mark.parametrize("kind", [SGD, MomentumSGD, Adam], ids=lambda kind: kind.__name__)
def test_a_run_resumes_from_a_checkpoint_bit_for_bit(tmp_path, kind):
    whole = Run(0, kind).epochs(4)
    expected = whole.everything()
    first = Run(0, kind).epochs(2)
    save_checkpoint(tmp_path / "run", *first.parts(), epoch=2)
    second = Run(1, kind)  # uninitialized, with another seed
    assert load_checkpoint(tmp_path / "run", *second.parts()) == {"epoch": 2}
    second.epochs(2)
    assert first.losses + second.losses == whole.losses
    assert second.everything() == expected


def test_a_run_resumes_from_a_checkpoint_in_objects_that_were_used_already(tmp_path):
    first = Run(0).epochs(1)
    save_checkpoint(tmp_path / "run", *first.parts())
    first.losses.clear()
    expected = first.epochs(2).losses
    second = Run(3).epochs(3)
    load_checkpoint(tmp_path / "run", *second.parts())
    second.losses.clear()
    assert second.epochs(2).losses == expected


@pytest.mark.parametrize("kind", [SGD, MomentumSGD, Adam], ids=lambda kind: kind.__name__)
def test_a_checkpoint_has_the_current_learning_rate(tmp_path, kind):
    """Including a learning rate that changed during the run, and all other hyperparameters."""

    def epochs(run, n):
        for _ in range(n):
            run.epochs(1)
            run.optimizer.lr *= np.float64(0.5)
        return run

    whole = epochs(Run(0, kind), 4)
    first = epochs(Run(0, kind), 2)
    save_checkpoint(tmp_path / "run", *first.parts())
    second = Run(1, kind)
    load_checkpoint(tmp_path / "run", *second.parts())
    assert second.optimizer.lr == 0.01 / 4
    assert second.optimizer.numbers() == first.optimizer.numbers()
    assert epochs(second, 2).everything() == whole.everything()


def test_a_checkpoint_that_does_not_fit_leaves_the_learning_rate(tmp_path):
    first = Run(0).epochs(1)
    first.optimizer.lr = 0.5
    save_checkpoint(tmp_path / "run", *first.parts()[:2], loader=DataLoader([(x, 0) for x in X[:5]], 5))
    second = Run(1).epochs(1)
    with pytest.raises(ValueError, match=r"DataLoader\.load_state"):
        load_checkpoint(tmp_path / "run", *second.parts())
    assert second.optimizer.lr == 0.01


OWNERS = [
    (lambda run: (run.model, run.loader, run.optimizer), TypeError, "got Net, DataLoader, Adam"),
    (lambda run: (run.model, run.loader), TypeError, "got Net, DataLoader, NoneType"),
    (lambda run: (run.model, None, run.optimizer), TypeError, "got Net, NoneType, Adam"),
    (lambda run: (run.optimizer, run.model, run.loader), TypeError, "got Adam, Net, DataLoader"),
    (
        lambda run: (run.model, Adam().setup(net())),
        ValueError,
        "expected an optimizer set up with the model, got Adam",
    ),
    (lambda run: (run.model.fc, run.optimizer), ValueError, "expected an optimizer set up with the model, got Adam"),
    (lambda run: (run.model, SGD()), ValueError, "expected an optimizer set up with the model, got SGD"),
]


@pytest.mark.parametrize(("owners", "error", "text"), OWNERS)
def test_a_checkpoint_of_parts_that_do_not_belong_together_is_rejected(tmp_path, owners, error, text):
    run = Run(0).epochs(1)
    save_checkpoint(tmp_path / "run", *run.parts())
    others = owners(run)
    before, file = run.everything(), (tmp_path / "run.npz").read_bytes()
    with pytest.raises(error, match=text):
        save_checkpoint(tmp_path / "run", *others)
    with pytest.raises(error, match=text):
        load_checkpoint(tmp_path / "run", *others)
    assert run.everything() == before
    assert (tmp_path / "run.npz").read_bytes() == file


def test_an_optimizer_may_update_a_part_of_the_model(tmp_path):
    model, other = net(0), net(1)
    first, second = MomentumSGD().setup(model.fc), MomentumSGD().setup(other.fc)
    F.sum(model(X)).backward()
    first.update()
    save_checkpoint(tmp_path / "run", model, first)
    load_checkpoint(tmp_path / "run", other, second)
    np.testing.assert_equal(second.state(), first.state())


def test_without_the_loader_or_the_optimizer_a_run_would_continue_differently(tmp_path):
    """Shows that the test above can fail."""
    first = Run(0).epochs(1)
    save_checkpoint(tmp_path / "model", first.model)
    save_checkpoint(tmp_path / "both", first.model, first.optimizer)
    first.losses.clear()
    expected = first.epochs(1).losses
    for name, n in (("model", 1), ("both", 2)):
        second = Run(3)
        load_checkpoint(tmp_path / name, *second.parts()[:n])
        assert second.epochs(1).losses != expected


def test_saving_a_checkpoint_changes_nothing(tmp_path):
    run = Run(0).epochs(1)
    before = run.everything()
    save_checkpoint(tmp_path / "run", *run.parts())
    assert run.everything() == before
    assert listing(tmp_path) == ["run.npz"]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"epoch": 3, "best": 0.1 + 0.2, "name": "größe", "none": None, "flag": True},
        {"losses": [1e-300, 5e-324, 1 / 3], "nested": {"a": {"b": [1, 2]}}},
        {"large": 2**100, "infinite": float("inf")},
    ],
    ids=["none", "plain", "nested", "large"],
)
def test_values_of_ones_own_are_restored(tmp_path, values):
    save_checkpoint(tmp_path / "run", net(), **values)
    assert load_checkpoint(tmp_path / "run", net(1)) == values


def test_arrays_among_the_values_are_restored_as_lists(tmp_path):
    save_checkpoint(tmp_path / "run", net(), losses=np.array([0.1, 0.2]), loss=np.array(0.3))
    assert load_checkpoint(tmp_path / "run", net(1)) == {"losses": [0.1, 0.2], "loss": 0.3}


@pytest.mark.parametrize(
    "value", [np.float32(0.5), np.int64(3), np.bool_(True)], ids=lambda value: type(value).__name__
)
def test_numpy_scalars_among_the_values_are_restored(tmp_path, value):
    save_checkpoint(tmp_path / "run", net(), value=value)
    assert load_checkpoint(tmp_path / "run", net(1)) == {"value": value}


def test_a_checkpoint_is_one_file_of_arrays_without_pickles(tmp_path):
    save_checkpoint(tmp_path / "run", *Run(0).epochs(1).parts(), epoch=1)
    with np.load(tmp_path / "run.npz", allow_pickle=False) as arrays:
        names = set(arrays.files)
        assert json.loads(str(arrays["checkpoint"]))["values"] == {"epoch": 1}
        assert all(arrays[name].dtype.kind in "fiuU" for name in names)
    assert {f"model/{path}" for path in PATHS} < names
    assert "optimizer/fc/W/m" in names


def test_a_model_without_data_has_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="is uninitialized; call the model once first"):
        save_checkpoint(tmp_path / "run", *Run(0).parts())
    assert listing(tmp_path) == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_a_failure_leaves_the_old_checkpoint(tmp_path, monkeypatch, error):
    run = Run(0).epochs(1)
    save_checkpoint(tmp_path / "run", *run.parts())
    before = (tmp_path / "run.npz").read_bytes()

    def fail():
        raise error

    half_way(monkeypatch, fail)
    with pytest.raises(error):
        save_checkpoint(tmp_path / "run", *run.parts())
    assert listing(tmp_path) == ["run.npz"]
    assert (tmp_path / "run.npz").read_bytes() == before


def fitting(path):
    save_checkpoint(path, *Run(1).epochs(2).parts())


def with_changed(**changes):
    """A checkpoint that fits except for some of its arrays."""

    def write(path):
        fitting(path)
        with np.load(path) as arrays:
            kept = {name: arrays[name] for name in arrays.files} | {n.replace("__", "/"): a for n, a in changes.items()}
        np.savez(path, **{name: a for name, a in kept.items() if a is not None})

    return write


def with_head(**changes):
    """A checkpoint that fits except for its JSON head."""

    def write(path):
        fitting(path)
        with np.load(path) as arrays:
            head = json.loads(str(arrays["checkpoint"])) | changes
        with_changed(checkpoint=np.array(json.dumps(head)))(path)

    return write


CHECKPOINTS = {
    "weights alone": (
        lambda path: net(1).save_weights(path),
        "load_checkpoint: expected a checkpoint, got .*: KeyError",
    ),
    "a text": (lambda path: path.write_text("checkpoint"), "expected a file that save_weights wrote"),
    "another model": (
        lambda path: save_checkpoint(path, *Run(1, channels=4).epochs(1).parts()),
        "'block/conv/W': expected",
    ),
    "another rule": (
        lambda path: save_checkpoint(path, *Run(1, MomentumSGD).epochs(1).parts()),
        r"load_state: expected \['lr', 'beta1', 'beta2', 'eps'\] and state of .* got 'momentum'",
    ),
    "other data": (
        lambda path: save_checkpoint(path, *Run(1, size=13).epochs(1).parts()),
        "DataLoader.load_state: expected an order of 12 samples, got",
    ),
    "no loader": (
        lambda path: save_checkpoint(path, *Run(1).epochs(1).parts()[:2]),
        r"load_checkpoint: expected .* of \['model', 'optimizer', 'loader'\], got one of \['model', 'optimizer'\]",
    ),
    "a weight is missing": (with_changed(model__fc__W=None), r"the weights \['fc/W'\] are missing"),
    "a moment of another shape": (
        with_changed(optimizer__fc__W__m=np.ones(3)),
        r"load_state: 'fc/W': expected m .*, got m \(3,\)",
    ),
    "a moment of an unknown weight": (
        with_changed(optimizer__fc2__W__m=np.ones(3)),
        "load_state: expected .*, got 'fc2/W/m'",
    ),
    "an invalid random state": (with_head(random={}), "load_checkpoint: expected a checkpoint, got .*: "),
    "a random state of another kind": (
        with_head(random=np.random.default_rng(0).bit_generator.state),
        "load_checkpoint: expected a checkpoint, got .*: ",
    ),
    "a head that is no text of ours": (
        with_changed(checkpoint=np.array("epoch 3")),
        "expected a checkpoint, got .*: JSONDecodeError",
    ),
    "an order of samples that are not there": (
        with_changed(loader__index=np.full(12, 99)),
        "expected an order of 12 samples",
    ),
    "a pass without the order": (
        with_changed(loader__index=None),
        r"expected index, iteration and rng, got \['iteration', 'rng'\]",
    ),
    "a loader that does not shuffle": (with_changed(loader__rng=np.array("null")), "one of the two loaders shuffles"),
    "an unknown part": (
        with_changed(scheduler__lr=np.ones(1)),
        "load_checkpoint: expected arrays of .*, got 'scheduler/lr'",
    ),
}


@pytest.mark.parametrize(
    ("write", "message"),
    [pytest.param(*case, id=name) for name, case in CHECKPOINTS.items()],
)
def test_a_checkpoint_that_does_not_fit_changes_nothing(tmp_path, write, message):
    write(tmp_path / "run.npz")
    run = Run(0).epochs(1)
    before = run.everything()
    with pytest.raises(ValueError, match=message):
        load_checkpoint(tmp_path / "run.npz", *run.parts())
    assert run.everything() == before


def test_an_interrupt_while_loading_changes_nothing(tmp_path, monkeypatch):
    fitting(tmp_path / "run.npz")
    run = Run(0).epochs(1)
    before = run.everything()
    load_state = run.optimizer.load_state

    def interrupted(state):
        load_state(state)
        monkeypatch.setattr(run.optimizer, "load_state", load_state)
        raise KeyboardInterrupt

    monkeypatch.setattr(run.optimizer, "load_state", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_checkpoint(tmp_path / "run.npz", *run.parts())
    assert run.everything() == before


def test_a_failed_load_leaves_an_uncalled_model_uninitialized(tmp_path):
    save_checkpoint(tmp_path / "run", *Run(1, MomentumSGD).epochs(1).parts())
    run = Run(0)
    before = run.everything()
    with pytest.raises(ValueError, match=r"load_state: .* got 'momentum'"):
        load_checkpoint(tmp_path / "run", *run.parts())
    assert run.everything() == before
    assert run.model.fc.W.data is None


@pytest.mark.parametrize("part", ["optimizer", "loader"])
def test_a_part_that_was_saved_must_be_loaded(tmp_path, part):
    fitting(tmp_path / "run.npz")
    run = Run(0).epochs(1)
    before = run.everything()
    given = {"optimizer": run.optimizer, "loader": run.loader} | {part: None}
    with pytest.raises(
        ValueError, match=r"load_checkpoint: expected .*, got one of \['model', 'optimizer', 'loader'\]"
    ):
        load_checkpoint(tmp_path / "run.npz", run.model, **given)
    assert run.everything() == before


def test_a_missing_checkpoint_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz"):
        load_checkpoint(tmp_path / "nothing", net())


def test_a_loader_of_a_series_and_one_that_does_not_shuffle_have_checkpoints_too(tmp_path):
    pairs = [(x, t) for x, t in zip(X, T, strict=True)]
    for make in (lambda: SeqDataLoader(pairs, 3), lambda: DataLoader(pairs, 5, shuffle=False)):
        loader, other = make(), make()
        save_checkpoint(tmp_path / "run", net(), loader=loader)
        load_checkpoint(tmp_path / "run", net(1), loader=other)
        for (x, t), (y, s) in zip(loader, other, strict=True):
            np.testing.assert_array_equal(x, y)
            np.testing.assert_array_equal(t, s)


def test_a_loader_with_its_own_generator_resumes_from_a_checkpoint(tmp_path):
    pairs = [(x, t) for x, t in zip(X, T, strict=True)]
    loader, other = (DataLoader(pairs, 5, rng=seed) for seed in (1, 2))
    list(loader)
    save_checkpoint(tmp_path / "run", net(), loader=loader)
    expected = [x for _ in range(2) for x, _ in loader]
    load_checkpoint(tmp_path / "run", net(1), loader=other)
    for ours, x in zip([x for _ in range(2) for x, _ in other], expected, strict=True):
        np.testing.assert_array_equal(ours, x)


@pytest.mark.skipif(os.name != "posix", reason="links and permissions of POSIX")
def test_saving_through_a_link_keeps_the_link_and_the_mode(tmp_path):
    net().save_weights(tmp_path / "real.npz")
    (tmp_path / "real.npz").chmod(0o640)
    (tmp_path / "link.npz").symlink_to(tmp_path / "real.npz")
    net(1).save_weights(tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink()
    assert (tmp_path / "real.npz").stat().st_mode & 0o777 == 0o640
    np.testing.assert_array_equal(np.load(tmp_path / "real.npz")["fc/W"], net(1).fc.W.data)


def test_a_value_that_is_not_a_number_or_string_is_rejected(tmp_path):
    with pytest.raises(TypeError, match="save_checkpoint: expected numbers and strings as values, got complex"):
        save_checkpoint(tmp_path / "run", net(), z=1j)
    assert listing(tmp_path) == []


# --- files that were written before checkpoints had the learning rate ---

DATA = pathlib.Path(__file__).with_name("data")


def test_a_file_of_an_older_version_can_be_loaded():
    mlp = MLP((3, 2))
    mlp.load_weights(DATA / "mlp.npz")
    x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)
    expected = [[0.0704513, 0.4246559], [0.1869397, 0.4508916], [0.3840517, 0.4705845], [0.4945554, 0.4926598]]
    np.testing.assert_allclose(mlp(x).data, expected, rtol=1e-5)


def test_a_file_of_an_older_version_with_running_statistics_can_be_loaded():
    model = Sequential(L.Conv2d(2, 2), L.BatchNorm(), F.relu, F.flatten, L.Linear(2))
    model.load_weights(DATA / "batch_norm.npz")
    images = np.linspace(-1, 1, 36, dtype=np.float32).reshape(4, 1, 3, 3)
    expected = [[0.0, 0.0], [0.0, 0.0], [0.1558294, -0.2051436], [0.2756205, -0.5180827]]
    with in_use():
        np.testing.assert_allclose(model(images).data, expected, rtol=1e-5, atol=1e-6)


def test_a_run_resumes_from_a_checkpoint_of_an_older_version():
    rows = np.linspace(-1, 1, 20, dtype=np.float32).reshape(10, 2)
    model = MLP((3, 2))
    optimizer, loader = Adam(0.01).setup(model), DataLoader([(row, i % 2) for i, row in enumerate(rows)], 4)
    assert load_checkpoint(DATA / "checkpoint.npz", model, optimizer, loader) == {"epoch": 2, "best": 0.5}
    assert optimizer.lr == 0.01  # the optimizer's own value
    losses = []
    for _ in range(2):
        for x, t in loader:
            loss = F.softmax_cross_entropy(F.dropout(model(x), 0.1), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            losses.append(loss.data)
    expected = [0.838310957, 0.593704045, 0.712761223, 0.602655530, 1.178463340, 0.514660716]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
