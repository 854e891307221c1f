"""Batches prepared ahead, functions in threads, timers and waiting."""

import sys
import threading
import time
import traceback
import types

import numpy as np
import pytest

from .stage import (
    Config,
    DataLoader,
    F,
    SeqDataLoader,
    Variable,
    load_checkpoint,
    models,
    no_grad,
    optimizers,
    package,
    save_checkpoint,
    test_mode,
)

test_mode.__test__ = False  # to pytest its name looks like a test
P = package.prefetch
LIMIT = 300  # seconds: only a hang takes so long
DATA = [(np.full(2, i), i) for i in range(10)]


def ended():
    """Whether the threads of all loops have ended, or do so within the limit."""
    until = time.monotonic() + LIMIT
    while any(thread.name.startswith("Prefetch") for thread in threading.enumerate()):
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


def labels(loader):
    return [t.tolist() for _, t in loader]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("depth", [1, 2, 5, 100])
def test_the_batches_are_those_of_the_loader(depth, workers):
    expected, loader = DataLoader(DATA, 3, rng=0), P.Prefetch(DataLoader(DATA, 3, rng=0), depth, workers)
    assert len(loader) == 4
    for _ in range(3):
        assert labels(loader) == labels(expected)
    assert ended()


def test_random_orders_are_drawn_in_the_thread_of_the_loop():
    drawn = []
    for wrap in (lambda loader: loader, P.Prefetch):
        np.random.seed(3)
        loader = wrap(DataLoader(DATA, 4))
        drawn.append((labels(loader), [next(loader)[1].tolist() for _ in range(3)], labels(loader), np.random.rand()))
    assert drawn[0] == drawn[1]


def test_other_loaders():
    batches = [(np.zeros(1), np.array([i])) for i in range(5)]
    loader = P.Prefetch(batches)
    assert labels(loader) == labels(loader) == [[0], [1], [2], [3], [4]]
    assert len(loader) == 5
    assert not hasattr(loader, "load_state")
    with pytest.raises(TypeError, match=r"Prefetch: expected a DataLoader for next\(\), got list"):
        next(loader)
    assert labels(P.Prefetch([])) == []
    sequence = SeqDataLoader(DATA, 2)
    assert labels(P.Prefetch(sequence)) == labels(sequence)


def test_loops_inside_loops():
    loader = P.Prefetch(DataLoader(DATA, 5, shuffle=False))
    found = [(a[1][0], b[1][0]) for a in loader for b in loader]
    assert found == [(0, 0), (0, 5), (5, 0), (5, 5)]
    assert ended()


def test_the_next_batches_are_prepared_while_one_is_used():
    prepared = [threading.Event() for _ in DATA]

    class Data(list):
        def __getitem__(self, index):
            prepared[index].set()
            return DATA[index]

    loader = iter(P.Prefetch(DataLoader(Data(DATA), 1, shuffle=False), depth=3))
    next(loader)
    assert all(event.wait(LIMIT) for event in prepared[:4])
    time.sleep(0.01)
    assert not prepared[4].is_set()
    next(loader)
    assert prepared[4].wait(LIMIT)
    loader.close()
    assert ended()


def test_leaving_a_loop_ends_its_threads():
    for _ in P.Prefetch(DataLoader(DATA, 1), workers=2):
        break
    assert ended()
    loop = iter(P.Prefetch(DataLoader(DATA, 1)))
    next(loop)
    del loop
    assert ended()


def test_an_error_is_raised_at_its_batch_with_its_traceback():
    class Broken(list):
        def __getitem__(self, index):
            if index == 5:
                raise KeyError("the sample is missing")
            return DATA[index]

    loop = iter(P.Prefetch(DataLoader(Broken(DATA), 2, shuffle=False), depth=4))
    assert [next(loop)[1].tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(KeyError, match="the sample is missing") as error:
        next(loop)
    assert "__getitem__" in [frame.name for frame in traceback.extract_tb(error.value.__traceback__)]


def test_the_state_is_that_of_the_batches_that_were_used(tmp_path):
    loader = P.Prefetch(DataLoader(DATA, 3, rng=0), depth=3)
    used = [next(loader)[1].tolist() for _ in range(2)]
    assert int(loader.state()["iteration"]) == loader.iteration == 2
    model = models.MLP((2,))
    model(np.zeros((1, 2), np.float32))
    save_checkpoint(tmp_path / "run", model, None, loader)
    rest = [loader.next()[1].tolist() for _ in range(2)]
    with pytest.raises(StopIteration):
        next(loader)
    second = next(loader)[1].tolist()

    other = P.Prefetch(DataLoader(DATA, 3, rng=1))
    next(other)
    load_checkpoint(tmp_path / "run", model, None, other)
    assert [next(other)[1].tolist() for _ in range(2)] == rest
    with pytest.raises(StopIteration):
        next(other)
    assert next(other)[1].tolist() == second
    assert len(used + rest) == 4
    del loader, other
    assert ended()


def test_a_trainer_with_batches_prepared_ahead():
    losses = []
    for wrap in (lambda loader: loader, P.Prefetch):
        np.random.seed(0)
        data = [(np.array([i, 1.0], np.float32), i % 2) for i in range(10)]
        trainer = package.training.Trainer(models.MLP((3, 2)), optimizers.Adam(0.1), F.softmax_cross_entropy)
        losses.append(trainer.fit(wrap(DataLoader(data, 4, rng=1)), 3, progress=False)["loss"])
    assert losses[0] == losses[1]


def test_the_mode_is_that_of_the_loop():
    class Data(list):
        def __getitem__(self, index):
            return np.array([Config.train, Config.enable_backprop]), 0

    with test_mode(), no_grad():
        ((x, _),) = P.Prefetch(DataLoader(Data(DATA[:1]), 1))
    assert x.tolist() == [[False, False]]


def test_invalid_loaders():
    loader = DataLoader(DATA, 2)
    for name, number in (("depth", 0), ("workers", 0), ("depth", -1)):
        with pytest.raises(ValueError, match=f"^Prefetch: expected {name} to be at least 1, got {number}"):
            P.Prefetch(loader, **{name: number})
        with pytest.raises(TypeError, match=f"^Prefetch: expected {name} to be an integer, got 'x'"):
            P.Prefetch(loader, **{name: "x"})
    with pytest.raises(TypeError, match=r"^Prefetch: expected a loader, got 5$"):
        P.Prefetch(5)
    with pytest.raises(TypeError, match="Prefetch: expected a loader, got generator, which can be used only once"):
        P.Prefetch(x for x in DATA)
    with pytest.raises(TypeError, match="Prefetch: expected a DataLoader for more than one worker, got list"):
        P.Prefetch(DATA, workers=2)
    with pytest.raises(AttributeError, match="no_such"):
        _ = P.Prefetch(loader).no_such


def test_functions_in_threads():
    def f(i):
        names.add(threading.current_thread().name)
        return i * i, Config.train, Config.enable_backprop

    names = set()
    with test_mode():
        found = P.map_threads(f, range(20), 3)
    assert found == [(i * i, False, True) for i in range(20)]
    assert threading.current_thread().name not in names
    with pytest.raises(ZeroDivisionError):
        P.map_threads(lambda i: 1 / i, [1, 0], 2)
    with pytest.raises(ValueError, match="map_threads: expected workers to be at least 1, got 0"):
        P.map_threads(f, [1], 0)
    with pytest.raises(TypeError, match="map_threads: expected workers to be an integer, got nan"):
        P.map_threads(f, [1], float("nan"))


@pytest.mark.parametrize("pools", [[{"num_threads": 8}, {"num_threads": 3}], [], None])
def test_matrix_products_of_threads_share_the_processors(pools, monkeypatch):
    limits = []

    class Limits:
        def __init__(self, limit, kind):
            limits.append((limit, kind))

        def __enter__(self):
            limits.append("in")

        def __exit__(self, *error):
            limits.append("out")

    fake = types.SimpleNamespace(threadpool_info=lambda: pools, threadpool_limits=Limits)
    monkeypatch.setitem(sys.modules, "threadpoolctl", fake if pools is not None else None)
    assert P.map_threads(abs, [-1], 3) == [1]
    assert limits == ([] if pools is None else [(2 if pools else 1, "blas"), "in", "out"])


def test_timers_and_waiting_without_a_gpu():
    with P.Timer() as timer:
        time.sleep(0.01)
    assert timer.seconds >= 0.01
    assert P.wait(np.zeros(1)) is P.wait(Variable(np.zeros(1))) is P.wait_all() is None


class GPU:
    """What Prefetch and wait need of CuPy beside arrays; `calls` lists what they did."""

    def __init__(self, module):
        self.calls = calls = []

        class Stream:
            def __init__(self, non_blocking=False):
                self.name = "copies" if non_blocking else "used"

            def __enter__(self):
                calls.append(("enter", self.name))

            def __exit__(self, *error):
                calls.append(("exit", self.name))

            def record(self):
                return f"event of {self.name}"

            def wait_event(self, event):
                calls.append((self.name, "waits for", event))

            def synchronize(self):
                calls.append((self.name, "synchronize"))

        class Device:
            def __enter__(self):
                calls.append("device")

            def __exit__(self, *error):
                pass

            def synchronize(self):
                calls.append("synchronize")

        used = Stream()
        self.Stream, self.Device = Stream, Device
        self.get_current_stream = lambda: used
        self.alloc_pinned_memory = bytearray


@pytest.fixture
def gpu(xp_standin, monkeypatch):
    gpu = GPU(xp_standin)
    monkeypatch.setattr(xp_standin, "cuda", gpu, raising=False)

    def set_(self, memory, stream):
        gpu.calls.append((stream.name, "copies"))
        self.memory[...] = memory

    monkeypatch.setattr(xp_standin.ndarray, "set", set_, raising=False)
    return gpu


def test_batches_for_a_gpu_are_copied_on_a_stream_of_their_own(gpu, xp_standin):
    loader = P.Prefetch(DataLoader(DATA, 5, shuffle=False, gpu=True), depth=1)
    (x, t), (_, second) = loader
    assert isinstance(x, xp_standin.ndarray)
    np.testing.assert_array_equal(xp_standin.asnumpy(t), np.arange(5))
    np.testing.assert_array_equal(xp_standin.asnumpy(second), np.arange(5, 10))
    np.testing.assert_array_equal(xp_standin.asnumpy(x), np.repeat(np.arange(5), 2).reshape(5, 2))
    one = [("enter", "used"), ("exit", "used"), ("copies", "waits for", "event of used")]
    one += [("copies", "copies"), ("copies", "synchronize")]
    assert gpu.calls == ["device", *one, *one] * 2
    ((x, t),) = P.Prefetch(DataLoader([(np.zeros(0), None)], 1, gpu=True))
    assert (x.shape, x.dtype, t) == ((1, 0), np.float64, None)


def test_timers_and_waiting_on_a_gpu(gpu, xp_standin):
    P.wait(np.zeros(1))
    assert gpu.calls == []
    P.wait(Variable(xp_standin.zeros(1)))
    assert gpu.calls == [("used", "synchronize")]
    gpu.calls.clear()
    with P.Timer():
        pass
    assert gpu.calls == ["synchronize"] * 2
