"""Training with many processes, which are threads here; test_mpi.py starts real ones."""

import copy
import ctypes
import os
import sys
import types

import numpy as np
import pytest

from . import ranks
from .stage import DataLoader, F, L, Model, Variable, check_gradients, cuda, models, optimizers, package, test_mode

test_mode.__test__ = False  # to pytest its name looks like a test
D = package.distributed
CASES = [("MLP", sizes) for sizes in ([16, 16], [17, 15], [8, 8, 8, 8], [1, 20, 11])]
CASES += [("CNN", [16, 16]), ("LSTM", [17, 15])]


class CNN(Model):
    def __init__(self):
        super().__init__()
        self.conv = L.Conv2d(3, 3, pad=1)
        self.fc = L.Linear(3)

    def forward(self, x):
        return self.fc(F.flatten(F.pooling(F.relu(self.conv(F.reshape(x, (-1, 1, 4, 4)))), 2, 2)))


class Recurrent(Model):
    def __init__(self):
        super().__init__()
        self.lstm = L.LSTM(4)
        self.fc = L.Linear(3)

    def forward(self, x):
        self.lstm.reset_state()
        for t in range(4):
            h = self.lstm(x[:, 4 * t : 4 * t + 4])
        return self.fc(h)


NETWORKS = {"MLP": lambda: models.MLP((5, 3), F.tanh), "CNN": CNN, "LSTM": Recurrent}


def initialized(make):
    """A model in float64 whose weights do not depend on np.random, which the threads share."""
    model, rng = make(), np.random.default_rng(7)
    model(np.zeros((2, 16), np.float32))
    for param in model.params():
        param.data = rng.normal(0, 0.5, param.shape)
    return model


def parts(sizes, seed=0):
    """Samples x (n, 16) with classes for each rank, the same in total."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(sum(sizes), 16)), rng.integers(3, size=sum(sizes))
    cuts = np.cumsum(sizes)[:-1]
    return list(zip(np.split(x, cuts), np.split(t, cuts), strict=True))


def step(model, optimizer, x, t, weight=None):
    loss = F.softmax_cross_entropy(model(x), t)
    model.cleargrads()
    loss.backward()
    return loss, optimizer.update(*([] if weight is None else [weight]))


def training(sizes, make, steps=20):
    """The losses over all samples, and the weights of each rank after each step."""
    data = parts(sizes)

    def train(comm):
        model = initialized(make)
        optimizer = D.create_multi_node_optimizer(optimizers.Adam(0.01), comm).setup(model)
        comm.bcast_data(model)
        x, t = data[comm.rank]
        losses, weights = [], []
        for _ in range(steps):
            loss, stepped = step(model, optimizer, x, t, len(x))
            assert stepped is True
            losses.append(float(loss) * len(x))
            weights.append(np.concatenate([a.ravel() for a in model.get_weights().values()]))
        return comm.allreduce(np.array(losses)) / sum(sizes), weights

    return ranks.run(len(sizes), train)


# --- arrays and objects ---


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_arrays(dtype):
    def exchange(comm):
        x = np.arange(6, dtype=dtype).reshape(2, 3).T + dtype(comm.rank)  # not contiguous
        kept = x.copy()
        found = comm.allreduce(x), comm.allgather(x[0]), comm.bcast(x if comm.rank == 1 else None, 1)
        np.testing.assert_array_equal(x, kept)
        return found

    x = np.arange(6, dtype=dtype).reshape(2, 3).T
    for total, everyone, second in ranks.run(3, exchange):
        np.testing.assert_array_equal(total, (3 * x + 3).astype(dtype), strict=True)
        np.testing.assert_array_equal(everyone, [x[0], x[0] + 1, x[0] + 2])
        assert everyone[0].dtype == dtype
        np.testing.assert_array_equal(second, (x + 1).astype(dtype), strict=True)


@pytest.mark.parametrize("shape", [(), (0, 3), (1,)])
def test_arrays_of_any_shape(shape):
    for total, everyone in ranks.run(2, lambda comm: (comm.allreduce(np.ones(shape)), comm.allgather(np.ones(shape)))):
        np.testing.assert_array_equal(total, np.full(shape, 2.0), strict=True)
        np.testing.assert_array_equal(everyone[1], np.ones(shape), strict=True)


def test_objects():
    def exchange(comm):
        comm.barrier()
        mine = {"rank": comm.rank}
        return [
            comm.bcast_obj(mine, 2),
            comm.gather_obj(mine, 1),
            comm.allreduce_obj([comm.rank]),
            comm.allgather_obj(comm.rank),
            comm.scatter_obj("abc", 0),
        ]

    for rank, (sent, gathered, total, everyone, letter) in enumerate(ranks.run(3, exchange)):
        assert sent == {"rank": 2}
        assert gathered == ([{"rank": 0}, {"rank": 1}, {"rank": 2}] if rank == 1 else None)
        assert total == everyone == [0, 1, 2]
        assert letter == "abc"[rank]


def test_ranks_of_a_part_of_the_processes():
    def exchange(comm):
        part = comm.split(comm.rank % 2, -comm.rank)
        return part.rank, part.size, part.intra_size, int(part.allreduce(np.array(comm.rank)))

    assert ranks.run(4, exchange) == [(1, 2, 2, 2), (1, 2, 2, 4), (0, 2, 2, 2), (0, 2, 2, 4)]


def test_a_single_process():
    comm = D.create_communicator()
    x = np.arange(3.0)
    assert (comm.rank, comm.size, comm.intra_rank, comm.intra_size) == (0, 1, 0, 1)
    for found in (comm.allreduce(x), *comm.allgather(x), comm.bcast(x)):
        np.testing.assert_array_equal(found, x, strict=True)
        assert not np.shares_memory(found, x)
    assert comm.bcast_obj("a") == comm.scatter_obj(["a"]) == "a"
    assert comm.gather_obj("a") == comm.allgather_obj("a") == ["a"]
    assert comm.allreduce_obj(2) == 2
    assert comm.split(0).size == 1
    comm.barrier()
    with pytest.raises(SystemExit) as end:
        comm.abort()
    assert end.value.code == 1
    assert copy.deepcopy(comm) is comm


def test_invalid_arrays_and_roots():
    comm = D.create_communicator("single")
    for call in (comm.allreduce, comm.allgather, comm.bcast):
        with pytest.raises(TypeError, match=f"{call.__name__}: expected an array of integers or floats, got list"):
            call([1.0])
        with pytest.raises(TypeError, match=f"{call.__name__}: expected an array of integers or floats, got complex"):
            call(np.array(1j))
    x = np.zeros(1)
    for call, given in ((comm.bcast, x), (comm.bcast_obj, x), (comm.gather_obj, x), (comm.bcast_data, L.Layer())):
        with pytest.raises(ValueError, match="Communicator: expected a root from 0 to 0, got 1"):
            call(given, root=1)
    with pytest.raises(ValueError, match="Communicator: expected a root from 0 to 0, got -1"):
        comm.scatter_obj(["a"], -1)


def test_different_arrays_are_an_error_on_every_rank():
    expected = (
        "allreduce: expected the same on every rank, got rank 0: allreduce((1,), '<f8'); rank 1: allreduce((2,), '<f8')"
    )
    assert ranks.errors_of(2, lambda comm: comm.allreduce(np.ones(comm.rank + 1))) == [expected] * 2
    found = ranks.errors_of(2, lambda comm: comm.allgather(np.ones(1, [np.float32, np.float64][comm.rank])))
    assert found[0] == found[1] != None  # noqa: E711
    found = ranks.errors_of(2, lambda comm: comm.bcast(np.ones(1), comm.rank))
    assert found == ["bcast: expected the same on every rank, got rank 0: bcast(0,); rank 1: bcast(1,)"] * 2


def test_what_is_no_array_on_one_rank_is_an_error_on_every_rank():
    def found(method, *values):
        return ranks.errors_of(2, lambda comm: getattr(comm, method)(values[comm.rank]))

    for method in ("allreduce", "allgather"):
        expected = (
            f"{method}: expected the same on every rank, got rank 0: {method}('list',); rank 1: {method}((1,), '<f8')"
        )
        assert found(method, [1.0], np.ones(1)) == [expected] * 2
    assert found("bcast", [1.0], np.ones(1)) == ["bcast: expected an array of integers or floats, got list"] * 2
    assert (
        found("bcast", np.array([1j]), None) == ["bcast: expected an array of integers or floats, got complex128"] * 2
    )


def test_different_methods_are_an_error_on_every_rank():
    calls = [lambda comm: comm.allreduce(np.ones(1)), lambda comm: comm.allgather(np.ones(1))]
    first, second = ranks.errors_of(2, lambda comm: calls[comm.rank](comm))
    assert first.startswith("allreduce: expected the same on every rank, got rank 0: allreduce")
    assert second.startswith("allgather: expected the same on every rank, got rank 0: allreduce")


# --- the start ---


@pytest.mark.parametrize("name", ["auto", "mpi", "naive"])
def test_names_of_communicators(name):
    comm = D.create_communicator(name, ranks.ThreadComm(ranks.Shared(1), 0))
    assert type(comm) is D.MPICommunicator
    with pytest.raises(ValueError, match=r"create_communicator: expected one of .*'nccl', 'pure_nccl'.*, got 'gloo'"):
        D.create_communicator("gloo")


def test_one_process_started_by_mpiexec_needs_no_mpi(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv("PMI_SIZE", "1")
    assert type(D.create_communicator()) is D.Communicator


@pytest.mark.parametrize("variable", ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_many_processes_without_mpi4py_are_refused(variable, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv(variable, "2")
    with pytest.raises(RuntimeError, match="create_communicator: needs mpi4py and an MPI: pip install mpi4py mpich"):
        D.create_communicator()
    assert type(D.create_communicator("single")) is D.Communicator


def test_many_processes_of_another_mpi_are_refused(monkeypatch):
    alone = types.SimpleNamespace(COMM_WORLD=ranks.ThreadComm(ranks.Shared(1), 0))
    monkeypatch.setitem(sys.modules, "mpi4py", types.SimpleNamespace(MPI=alone))
    monkeypatch.setenv("PMI_SIZE", "2")
    with pytest.raises(RuntimeError, match="create_communicator: mpiexec started 2 processes, but MPI knows of one"):
        D.create_communicator()


def test_an_error_in_a_block_ends_all_processes(capsys):
    def fail(comm):
        with D.abort_on_error(comm):
            if comm.rank == 1:
                raise ValueError("the data is missing")
            comm.barrier()

    with pytest.raises(SystemExit) as end:
        ranks.run(2, fail)
    assert end.value.code == 1
    stderr = capsys.readouterr().err
    assert "rank 1 of 2:\nTraceback" in stderr
    assert "ValueError: the data is missing" in stderr


@pytest.mark.parametrize(
    ("status", "expected"), [(0, None), (None, None), (3, "exit: 3"), ("no data", "exit: no data")]
)
def test_an_exit_in_a_block(status, expected, capsys):
    aborted = []
    comm = types.SimpleNamespace(rank=1, size=2, abort=lambda: aborted.append(True))
    if expected is None:
        with pytest.raises(SystemExit), D.abort_on_error(comm):
            sys.exit(status)
    else:
        with D.abort_on_error(comm):
            sys.exit(status)
    assert capsys.readouterr().err == (f"rank 1 of 2:\n{expected}\n" if expected else "")
    assert aborted == [True] * (expected is not None)


def test_a_single_process_raises_as_usual():
    with pytest.raises(ValueError, match="as usual"), D.abort_on_error(D.create_communicator()):
        raise ValueError("as usual")


# --- training ---


@pytest.mark.parametrize(("network", "sizes"), CASES, ids=str)
def test_many_processes_train_as_one(network, sizes):
    ((expected, weights),) = training([32], NETWORKS[network])
    found = training(sizes, NETWORKS[network])
    for losses, _ in found:
        np.testing.assert_allclose(losses, expected, rtol=1e-10)
    for i, expected in enumerate(weights):
        np.testing.assert_allclose(found[0][1][i], expected, rtol=1e-8, atol=1e-10)
        assert len({each[i].tobytes() for _, each in found}) == 1


def test_without_weights_every_rank_counts_the_same():
    def mean(comm):
        model = L.Linear(1, in_size=1, nobias=True)
        model.W.grad = Variable(np.array([[[1.0, 2.0, 6.0][comm.rank]]], np.float32))
        comm.multi_node_mean_grad(model)
        return model.W.grad.data

    for found in ranks.run(3, mean):
        np.testing.assert_allclose(found, np.array([[3.0]], np.float32), strict=True)


def test_the_first_update_copies_the_weights_of_rank_0():
    data = parts([4, 4])

    def train(comm):
        np.random.seed(comm.rank)
        model = models.MLP((5, 3))
        optimizer = D.create_multi_node_optimizer(optimizers.SGD(0.1), comm).setup(model)
        steps = [step(model, optimizer, *data[comm.rank])[1]]
        copied = model.get_weights()
        steps += [step(model, optimizer, *data[comm.rank])[1] for _ in range(2)]
        return steps, copied, model.get_weights()

    (steps, first, weights), (others, second, same) = ranks.run(2, train)
    assert steps == others == [False, True, True]
    for path in weights:
        assert first[path].tobytes() == second[path].tobytes()
        assert weights[path].tobytes() == same[path].tobytes() != first[path].tobytes()


def test_weights_that_one_rank_initializes_late_are_copied_when_all_have_them():
    data = parts([4, 4])

    class Late(Model):
        late = False

        def __init__(self):
            super().__init__()
            self.first = L.Linear(3)
            self.second = L.Linear(3)

        def forward(self, x):
            y = self.first(x)
            return self.second(y) if self.late else y

    def train(comm):
        model = Late()
        optimizer = D.create_multi_node_optimizer(optimizers.SGD(0.1), comm).setup(model)
        found = []
        for late in (False, False, True, True, False):
            model.late = late and comm.rank == 0
            found.append(step(model, optimizer, *data[comm.rank])[1])
        return found, model.get_weights()

    (steps, first), (others, second) = ranks.run(2, train)
    assert steps == others == [False, True, False, True, True]
    assert all(first[path].tobytes() == second[path].tobytes() for path in first)


def test_a_single_process_starts_with_a_step():
    model = models.MLP((5, 3))
    optimizer = D.create_multi_node_optimizer(optimizers.SGD(0.1), D.create_communicator()).setup(model)
    assert step(model, optimizer, *parts([4])[0])[1] is True


@pytest.mark.parametrize(
    "make",
    [
        optimizers.SGD,
        optimizers.MomentumSGD,
        optimizers.NAG,
        optimizers.AdaGrad,
        optimizers.AdaDelta,
        optimizers.RMSprop,
        optimizers.Adam,
        optimizers.AdamW,
    ],
)
def test_every_optimizer_of_a_single_process_gives_the_same_bits(make):
    def train(wrap):
        model = initialized(NETWORKS["MLP"])
        optimizer = wrap(make()).setup(model)
        optimizer.add_hook(optimizers.WeightDecay(0.01))
        for x, t in parts([8] * 5):
            step(model, optimizer, x, t)
        return model.get_weights(), optimizer.state()

    plain = train(lambda optimizer: optimizer)
    wrapped = train(lambda optimizer: D.create_multi_node_optimizer(optimizer, D.create_communicator()))
    for found, expected in zip(wrapped, plain, strict=True):
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_the_rest_of_an_optimizer_is_its_own():
    optimizer = D.create_multi_node_optimizer(optimizers.Adam(0.1), D.create_communicator())
    optimizers.StepLR(optimizer, 1).step()
    assert optimizer.lr == optimizer.actual_optimizer.lr == pytest.approx(0.01)
    assert copy.deepcopy(optimizer).lr == optimizer.lr
    with pytest.raises(RuntimeError, match=r"Adam\.update: expected a target, got None"):
        optimizer.update()
    with pytest.raises(AttributeError, match="no_such"):
        _ = optimizer.no_such
    with pytest.raises(ValueError, match="create_multi_node_optimizer: expected double_buffering=False"):
        D.create_multi_node_optimizer(optimizers.Adam(), D.create_communicator(), double_buffering=True)


def test_hooks_see_the_mean_and_frozen_and_unused_parameters_stay():
    norms = []

    def train(comm):
        model = Model()
        model.used, model.frozen, model.unused = (L.Linear(2, in_size=2, nobias=True) for _ in range(3))
        for layer in (model.used, model.frozen, model.unused):
            layer.W.data = np.ones((2, 2))
        optimizer = D.create_multi_node_optimizer(optimizers.SGD(1.0), comm).setup(model)
        optimizer.add_hook(optimizers.FreezeParam(model.frozen))
        optimizer.add_hook(optimizers.ClipGrad(1.0))
        optimizer.add_hook(lambda params: norms.append([float(np.sum(p.grad.data**2)) for p in params]))
        comm.bcast_data(model)
        y = F.sum(model.frozen(model.used(np.full((1, 2), 3.0 * comm.rank))))
        y.backward()
        optimizer.update()
        return model.get_weights(), model.unused.W.grad

    for weights, grad in ranks.run(2, train):
        assert grad is None
        np.testing.assert_array_equal(weights["frozen/W"], np.ones((2, 2)))
        np.testing.assert_array_equal(weights["unused/W"], np.ones((2, 2)))
        np.testing.assert_allclose(weights["used/W"], np.full((2, 2), 0.5), rtol=1e-6)
    assert all(len(each) == 1 and each[0] == pytest.approx(1.0, rel=1e-5) for each in norms)


def test_a_gradient_that_one_rank_lacks():
    def mean(zero_fill):
        def call(comm):
            model = models.MLP((2, 2))
            model(np.zeros((1, 2), np.float32))
            if comm.rank == 1:
                model.l1.b.grad = Variable(np.array([4.0, 2.0], np.float32))
            comm.multi_node_mean_grad(model, zero_fill)
            assert model.l0.b.grad is None
            return model.l1.b.grad.data

        return call

    for found in ranks.run(2, mean(zero_fill=True)):
        np.testing.assert_array_equal(found, np.array([2.0, 1.0], np.float32), strict=True)
    expected = "multi_node_mean_grad: 'l1/b': expected gradients of one form, got rank 0: None; rank 1: ((2,), '<f4')"
    assert ranks.errors_of(2, mean(zero_fill=False)) == [expected] * 2


def test_one_rank_without_samples():
    def mean(comm):
        model = L.Linear(2, in_size=1, nobias=True)
        model.W.data = np.ones((1, 2))
        if comm.rank:
            model.W.grad = Variable(np.array([[4.0, 2.0]]))
        comm.allreduce_grad(model, weight=[0, 3][comm.rank])
        return model.W.grad.data

    for found in ranks.run(2, mean):
        np.testing.assert_array_equal(found, np.array([[4.0, 2.0]]), strict=True)


@pytest.mark.parametrize("weights", [(1, -1), (0, 0), (1, np.nan), (np.inf, 1)])
def test_invalid_weights_are_an_error_on_every_rank(weights):
    found = ranks.errors_of(2, lambda comm: comm.multi_node_mean_grad(models.MLP((2,)), weight=weights[comm.rank]))
    got = [float(weight) for weight in weights]
    expected = f"multi_node_mean_grad: expected weights of at least 0 with a positive sum, got {got}"
    assert found == [expected] * 2


@pytest.mark.parametrize("shapes", [((5, 3), (4, 3)), ((5, 3), (5, 5, 3))])
def test_different_models_are_an_error_on_every_rank(shapes):
    def train(broadcast):
        def call(comm):
            model = models.MLP(shapes[comm.rank])
            model(np.zeros((1, 2), np.float32))
            if broadcast:
                D.create_multi_node_optimizer(optimizers.SGD(), comm).setup(model).update()
            else:
                comm.multi_node_mean_grad(model)

        return call

    first, second = ranks.errors_of(2, train(broadcast=True))
    assert first == second
    assert first.startswith("bcast_data: rank 1: ")
    first, second = ranks.errors_of(2, train(broadcast=False))
    assert first == second
    assert "expected the same parameters on every rank, got" in first


def test_gradients_that_are_not_finite_are_an_error_on_every_rank():
    def train(comm):
        model = L.Linear(2, in_size=1, nobias=True)
        model.W.data = np.ones((1, 2))
        model.W.grad = grad = Variable(np.array([[1.0, np.nan if comm.rank else 1.0]]))
        optimizer = D.create_multi_node_optimizer(optimizers.SGD(), comm, check_finite=True).setup(model)
        comm.bcast_data(model)
        try:
            optimizer.update()
        finally:
            assert model.W.grad is grad
            np.testing.assert_array_equal(model.W.data, np.ones((1, 2)))

    expected = "update: rank 1: expected finite gradients, got nan or inf in ['W']"
    assert ranks.errors_of(2, train) == [expected] * 2


def test_a_mean_of_large_gradients_does_not_overflow():
    def mean(comm):
        layer = L.Linear(1, in_size=1, nobias=True)
        layer.W.grad = Variable(np.full((1, 1), 3e38, np.float32))
        comm.multi_node_mean_grad(layer)
        return layer.W.grad.data.item()

    assert ranks.run(4, mean) == [np.float32(3e38)] * 4


def test_the_gradients_travel_in_one_message_for_each_dtype():
    def train(comm):
        model = models.MLP((4, 4, 3))
        model(np.zeros((1, 2), np.float32))
        model.l2.b.data = model.l2.b.data.astype(np.float16)
        for param in model.params():
            param.grad = Variable(np.ones_like(param.data))
        comm.mpi_comm.sent.clear()
        comm.multi_node_mean_grad(model)
        assert model.l2.b.grad.dtype == np.float16
        return comm.mpi_comm.sent

    for sent in ranks.run(2, train):
        assert sent == [("Allgather", 16), ("Allreduce", 4 * (8 + 4 + 16 + 4 + 12)), ("Allreduce", 4 * 3)]


def test_the_trainer_of_many_processes():
    data = parts([8, 8])

    def train(comm):
        model = initialized(NETWORKS["MLP"])
        optimizer = D.create_multi_node_optimizer(optimizers.Adam(0.01), comm)
        comm.bcast_data(model)
        trainer = package.training.Trainer(model, optimizer, F.softmax_cross_entropy)
        pairs = list(zip(*data[comm.rank], strict=True))
        history = trainer.fit(DataLoader(pairs, 4, shuffle=False), 3, progress=False)
        return comm.allreduce(np.array(history["loss"])) / comm.size, model.get_weights()

    ((expected, _),) = ranks.run(1, lambda comm: train_alone(data))
    (losses, first), (_, second) = ranks.run(2, train)
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    assert all(np.array_equal(first[path], second[path]) for path in first)


def train_alone(data):
    """The same training of one process, whose batches are those of both ranks."""
    model = initialized(NETWORKS["MLP"])
    trainer = package.training.Trainer(model, optimizers.Adam(0.01), F.softmax_cross_entropy)
    halves = [[np.concatenate([a[i : i + 4] for a in each]) for each in zip(*data, strict=True)] for i in (0, 4)]
    return trainer.fit(halves, 3, progress=False)["loss"], None


# --- models ---


def test_weights_of_one_rank_initialize_those_of_the_others():
    def copies(comm):
        model = models.MLP((3, 2))
        if comm.rank == 1:
            model(np.zeros((1, 4), np.float32))
            model.l0.W.data = model.l0.W.data.T.copy().T  # not contiguous
        comm.bcast_data(model, root=1)
        return model.get_weights()

    first, second, third = ranks.run(3, copies)
    for path in ("l0/W", "l0/b", "l1/W", "l1/b"):
        assert first[path].tobytes() == second[path].tobytes() == third[path].tobytes()


def test_a_shared_parameter_stays_shared():
    def copies(comm):
        model = models.Sequential(L.Linear(2, in_size=2), L.Linear(2, in_size=2))
        model.l1.W = model.l0.W
        comm.bcast_data(model)
        model.l0.W.grad = Variable(np.full((2, 2), comm.rank, np.float32))
        comm.multi_node_mean_grad(model)
        assert model.l1.W is model.l0.W
        return float(model.l1.W.grad.data[0, 0])

    assert ranks.run(2, copies) == [0.5, 0.5]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda rank: models.MLP([(3, 2), (3,)][rank]), "expected 'l1/W' as on rank 0, got None"),
        (lambda rank: models.MLP([(3,), (3, 2)][rank]), "expected None as on rank 0, got 'l1/W'"),
        (lambda rank: L.Linear(2, in_size=[None, 3][rank]), "'W' is uninitialized on rank 0, but not here"),
        (lambda rank: L.Linear(2, in_size=[4, 3][rank]), "'W': expected (3, 2) float32, got (4, 2) float32"),
        (lambda rank: L.Linear([3, 2][rank], in_size=[3, None][rank]), "'W': expected (None, 2) float32, got (3, 3)"),
    ],
)
def test_models_that_do_not_fit_are_an_error_on_every_rank(make, expected):
    def copies(comm):
        model = make(comm.rank)
        before = [param.data for param in model.params()]
        try:
            comm.bcast_data(model)
        finally:
            assert all(param.data is data for param, data in zip(model.params(), before, strict=True))

    first, second = ranks.errors_of(2, copies)
    assert first == second
    assert first.startswith(f"bcast_data: rank 1: {expected}")


def test_buffers_are_averaged():
    def average(comm):
        norm = L.BatchNorm(warmup=True)
        norm(np.arange(6.0).reshape(3, 2) * (comm.rank + 1))
        comm.mean_buffers(norm)
        return norm.get_weights()

    first, second = ranks.run(2, average)
    single = L.BatchNorm(warmup=True)
    single(np.arange(6.0).reshape(3, 2))
    np.testing.assert_allclose(first["avg_mean"], single.avg_mean.data * 1.5)
    assert all(first[path].tobytes() == second[path].tobytes() for path in first)
    assert first["updates"] == 1
    found = ranks.errors_of(2, lambda comm: comm.mean_buffers(L.BatchNorm() if comm.rank else L.Linear(2)))
    assert found[0] == found[1]
    assert found[0].startswith("mean_buffers: expected the same on every rank")


def test_the_state_of_an_optimizer_is_copied():
    def copies(comm):
        model = initialized(NETWORKS["MLP"])
        optimizer = optimizers.Adam(0.01 * (comm.rank + 1)).setup(model)
        if comm.rank == 1:
            step(model, optimizer, *parts([4])[0])
        comm.bcast_state(optimizer, root=1)
        return optimizer.state()

    first, second = ranks.run(2, copies)
    assert first.keys() == second.keys()
    assert first["lr"] == 0.02
    assert all(np.array_equal(first[name], second[name]) for name in first)

    def fail(comm):
        comm.bcast_state([optimizers.Adam, optimizers.SGD][comm.rank]().setup(models.MLP((2,))))

    first, second = ranks.errors_of(2, fail)
    assert first == second
    assert first.startswith("bcast_state: rank 1: load_state: expected ")


def test_seeds_differ_by_rank(monkeypatch):
    seeds = []
    monkeypatch.setattr(np.random, "seed", seeds.append)
    ranks.run(3, lambda comm: comm.seed(2**32 - 2))
    assert sorted(seeds) == [0, 2**32 - 2, 2**32 - 1]


# --- data ---


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("root", [None, 0])
def test_parts_of_a_dataset(size, root):
    def scatter(comm):
        found = []
        for n in range(11):
            data = [(i, -i) for i in range(n)]
            given = data if root is None or comm.rank == root else None
            for equal in (True, False):
                part = D.scatter_dataset(given, comm, root, force_equal_length=equal)
                found.append([part[i][0] for i in range(len(part))])
        return found

    found = ranks.run(size, scatter)
    for n in range(11):
        equal, unequal = ([each[2 * n + i] for each in found] for i in (0, 1))
        assert [len(part) for part in equal] == [-(-n // size)] * size
        assert [part[0] for part in equal if part] == ([n * i // size for i in range(size)] if n else [])
        assert sorted({i for part in equal for i in part}) == list(range(n))
        assert [i for part in unequal for i in part] == list(range(n))
        assert [len(part) for part in unequal] == [n // size + (i < n % size) for i in range(size)]


def test_parts_of_a_shuffled_dataset():
    def scatter(comm):
        part = D.scatter_dataset(range(20, 30), comm, None, shuffle=True, seed=3, force_equal_length=False)
        return [part[i] for i in range(len(part))]

    found = [i for part in ranks.run(3, scatter) for i in part]
    assert found == [20 + int(i) for i in np.random.default_rng(3).permutation(10)]
    np.random.seed(5)
    drawn = np.random.default_rng(np.random.randint(2**31)).permutation(10)
    np.random.seed(5)
    part = D.scatter_dataset(range(10), D.create_communicator(), shuffle=True)
    assert [part[i] for i in range(10)] == drawn.tolist()
    expected = (
        "scatter_dataset: expected the same on every rank, got rank 0: scatter_dataset(3,); rank 1: scatter_dataset(4,)"
    )
    assert ranks.errors_of(2, lambda comm: D.scatter_dataset(range(3 + comm.rank), comm, None)) == [expected] * 2


def test_a_batch_in_parts():
    x = np.arange(10).reshape(5, 2)
    first, second, third = D.split_batch(x, 3)
    np.testing.assert_array_equal(np.concatenate([first, second, third]), x)
    assert [len(first), len(second), len(third)] == [2, 2, 1]
    assert [len(part) for part in D.split_batch(Variable(x[:1]), 3)] == [1, 0, 0]
    with pytest.raises(ValueError, match="split_batch: expected at least one part, got 0"):
        D.split_batch(x, 0)


def test_loaders_of_different_lengths_are_an_error_on_every_rank():
    def check(sizes):
        data = [(np.zeros(1), 0)]
        return lambda comm: D.check_steps(comm, DataLoader(data * sizes[comm.rank], 2))

    assert ranks.errors_of(2, check([3, 4])) == [None, None]
    expected = "check_steps: expected as many batches on every rank, got [2, 3]"
    assert ranks.errors_of(2, check([4, 5])) == [expected] * 2


def test_means_over_all_parts():
    def measure(part):
        return {"sum": float(np.sum(part)), "squares": float(np.sum(part**2))}, len(part)

    data = np.arange(7.0)

    def evaluate(comm):
        part = D.split_batch(data, comm.size)[comm.rank]
        number = D.create_multi_node_evaluator(lambda part: (float(np.sum(part)), len(part)), comm)
        return D.create_multi_node_evaluator(measure, comm)(part), number(part)

    for size in (1, 3):
        for means, mean in ranks.run(size, evaluate):
            assert means == pytest.approx({"sum": 3.0, "squares": 13.0})
            assert mean == pytest.approx(3.0)
    expected = "create_multi_node_evaluator: expected samples on some rank, got none"
    assert ranks.errors_of(2, lambda comm: D.create_multi_node_evaluator(measure, comm)(data[:0])) == [expected] * 2


# --- batch normalization ---


@pytest.mark.parametrize("sizes", [[4, 4], [6, 2], [7, 1]], ids=str)
@pytest.mark.parametrize("shape", [(3,), (3, 2, 2)])
def test_batch_norm_over_all_ranks(sizes, shape):
    rng = np.random.default_rng(0)
    x, gy = (rng.normal(3.0, 2.0, (8, *shape)) for _ in range(2))
    cuts = np.cumsum(sizes)[:-1]

    def run(norm, x, gy):
        x, gy = Variable(x), Variable(gy)
        y = norm(x)
        (gx,) = package.grad([y], [x], [gy], create_graph=True)
        (ggx,) = package.grad([F.sum(gx * gx * gy)], [x])
        grads = package.grad([y], [norm.gamma, norm.beta], [gy])
        return [y.data, gx.data, ggx.data], [g.data for g in grads], [norm.avg_mean.data, norm.avg_var.data]

    def call(comm):
        norm = D.MultiNodeBatchNormalization(comm)
        rows, grads, buffers = run(norm, np.split(x, cuts)[comm.rank], np.split(gy, cuts)[comm.rank])
        return rows, [comm.allreduce(g) for g in grads], buffers

    rows, grads, buffers = run(L.BatchNorm(), x, gy)
    found = ranks.run(2, call)
    for i, expected in enumerate(rows):
        np.testing.assert_allclose(np.concatenate([each[0][i] for each in found]), expected, rtol=1e-9, atol=1e-11)
    for _, g, b in found:
        for each, expected in zip([*g, *b], [*grads, *buffers], strict=True):
            np.testing.assert_allclose(each, expected, rtol=1e-9, atol=1e-11)


def test_the_variance_does_not_cancel():
    def call(comm):
        x = np.array([[1e4 + comm.rank], [1e4 - comm.rank]], np.float32)
        norm = D.MultiNodeBatchNormalization(comm)
        y = norm(x)
        assert y.dtype == np.float32
        return y.data, norm.avg_var.data

    for (y, var), expected in zip(ranks.run(2, call), ([[0], [0]], [[2**0.5], [-(2**0.5)]]), strict=True):
        np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(var, 0.9 + 0.1 * 2 / 3, rtol=1e-3)


def test_batch_norm_without_parameters_and_in_evaluation():
    x = np.random.default_rng(0).normal(size=(4, 3))
    comm = D.create_communicator()
    for options in ({"affine": False}, {"decay": None}, {"warmup": True}, {"eps": 0.1, "decay": 0.5}):
        norm, expected = D.MultiNodeBatchNormalization(comm, **options), L.BatchNorm(**options)
        for _ in range(3):
            np.testing.assert_allclose(norm(x).data, expected(x).data)
        for a, b in zip(norm.get_weights().values(), expected.get_weights().values(), strict=True):
            np.testing.assert_allclose(a, b)
        with test_mode():
            np.testing.assert_allclose(norm(x).data, expected(x).data)


def test_too_few_numbers_are_an_error_on_every_rank():
    def call(comm):
        D.MultiNodeBatchNormalization(comm)(np.ones((1 - comm.rank, 2)))

    expected = "MultiNodeBatchNormalization: expected at least two numbers per channel in training, got 1"
    assert ranks.errors_of(2, call) == [expected] * 2


def test_a_copy_of_a_model_with_batch_norms_over_all_ranks():
    comm = D.create_communicator()
    model = models.Sequential(L.Linear(3), L.BatchNorm(0.1, 0.5), F.relu, models.Sequential(L.BatchNorm()))
    x = np.random.default_rng(0).normal(size=(4, 2))
    model(x)
    new = D.create_mnbn_model(model, comm)
    assert type(model.l1) is type(model.l3.l0) is L.BatchNorm
    assert type(new.l1) is type(new.l3.l0) is D.MultiNodeBatchNormalization
    assert (new.l1.eps, new.l1.decay, new.l1.comm) == (0.1, 0.5, comm)
    assert [path for path, _ in new.named_state()] == [path for path, _ in model.named_state()]
    assert not set(new.params()) & set(model.params())
    np.testing.assert_allclose(new(x).data, model(x).data)
    assert new.l1.avg_mean.data is not model.l1.avg_mean.data
    norm = L.BatchNorm()
    assert type(D.create_mnbn_model(norm, comm)) is D.MultiNodeBatchNormalization
    assert copy.deepcopy(new).l1.comm is comm


def test_the_gradient_of_the_sum_over_all_ranks():
    def call(comm):
        x = Variable(np.array([1.0 + comm.rank]))
        y = D.allreduce(comm, x) ** 3
        (gx,) = package.grad([y], [x], create_graph=True)
        (ggx,) = package.grad([gx], [x])
        return float(y), float(gx), float(ggx)

    assert ranks.run(1, call) == [(1.0, 3.0, 6.0)]
    check_gradients(lambda x: D.allreduce(D.create_communicator(), x * x) ** 2, np.array([0.5, -2.0]))
    # y = (x0 + x1)^3 on both: the sum over both is 2 (x0 + x1)^3, and so on
    assert ranks.run(2, call) == [(27.0, 54.0, 72.0)] * 2


# --- checkpoints ---


def run_of(comm, path, epochs, resume=False):
    """Train until there have been this number of epochs, from the start or from the checkpoint; then save."""
    model = models.Sequential(L.Linear(4, dtype=float), L.BatchNorm(), L.Linear(3, dtype=float))
    optimizer = D.create_multi_node_optimizer(optimizers.Adam(0.01), comm).setup(model)
    loader = DataLoader(list(zip(*parts([8, 8])[comm.rank], strict=True)), 4, rng=comm.rank)
    first = 0
    if resume:
        first = D.load_checkpoint(comm, path, model, optimizer, loader)["epoch"]
    else:
        for layer, (n, m) in ((model.l0, (16, 4)), (model.l2, (4, 3))):
            layer.W.data, layer.b.data = np.linspace(-1, 1, n * m).reshape(n, m), np.zeros(m)
        with test_mode():
            model.l1(np.zeros((1, 4)))
        comm.bcast_data(model)
    for _ in range(first, epochs):
        for x, t in loader:
            step(model, optimizer, x, t)
    D.save_checkpoint(comm, path, model, optimizer, loader, epoch=epochs)
    return model.get_weights(), optimizer.state()


def test_a_resumed_run_is_the_one_that_was_not_interrupted(tmp_path):
    path = tmp_path / "run.npz"
    whole = ranks.run(2, lambda comm: run_of(comm, tmp_path / "whole", 3))
    ranks.run(2, lambda comm: run_of(comm, path, 1))
    assert sorted(os.listdir(tmp_path)) == [
        *("run.rank0of2.npz", "run.rank1of2.npz", "whole.rank0of2.npz", "whole.rank1of2.npz")
    ]
    found = ranks.run(2, lambda comm: run_of(comm, path, 3, resume=True))
    assert not np.array_equal(whole[0][0]["l1/avg_mean"], whole[1][0]["l1/avg_mean"])
    for rank in range(2):
        for expected, state in zip(whole[rank], found[rank], strict=True):
            assert all(np.array_equal(expected[name], state[name]) for name in expected)


def test_checkpoints_that_do_not_fit_are_an_error_on_every_rank(tmp_path):
    path = tmp_path / "run.npz"
    expected = "load_checkpoint: rank {0}: expected run.rank{0}of2.npz, a checkpoint of 2 processes, got no file"
    found = ranks.errors_of(2, lambda comm: run_of(comm, path, 1, resume=True))
    assert found == [f"{expected.format(0)}; {expected.format(1).removeprefix('load_checkpoint: ')}"] * 2
    ranks.run(1, lambda comm: run_of(comm, path, 1))
    (found, _) = ranks.errors_of(2, lambda comm: run_of(comm, path, 1, resume=True))
    assert "got ['run.rank0of1.npz']; rank 1" in found
    ranks.run(2, lambda comm: run_of(comm, path, 1))
    kept = (tmp_path / "run.rank1of2.npz").read_bytes()
    ranks.run(2, lambda comm: run_of(comm, path, 2))
    (tmp_path / "run.rank1of2.npz").write_bytes(kept)
    (found, same) = ranks.errors_of(2, lambda comm: run_of(comm, path, 1, resume=True))
    assert found == same
    assert found.startswith("load_checkpoint: expected the same on every rank, got rank 0: load_checkpoint")


def test_files_of_a_checkpoint_are_replaced_together_or_not_at_all(tmp_path):
    path = tmp_path / "run.npz"
    ranks.run(2, lambda comm: run_of(comm, path, 1))
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}

    def fail(comm):
        model = models.MLP((2,))
        if comm.rank == 0:
            model(np.zeros((1, 2), np.float32))
        D.save_checkpoint(comm, path, model)

    with pytest.raises(ValueError, match="MLP: 'l0/W' is uninitialized"):
        ranks.run(2, fail)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


# --- GPUs ---


class NCCL:
    """A stand-in for cupy.cuda.nccl: communicators of threads that add what lies at the addresses."""

    available = True
    NCCL_FLOAT16, NCCL_FLOAT32, NCCL_FLOAT64, NCCL_INT64 = np.float16, np.float32, np.float64, np.int64
    NCCL_SUM = "sum"

    def __init__(self):
        self.shared = {}  # id -> what the ranks of a communicator share
        self.calls = []

    def get_unique_id(self):
        return f"id {len(self.shared)}"

    def NcclCommunicator(self, size, number, rank):
        comm = ranks.ThreadComm(self.shared.setdefault(number, ranks.Shared(size)), rank)

        def at(address, n, dtype):
            memory = (ctypes.c_byte * (n * np.dtype(dtype).itemsize)).from_address(address)
            return np.frombuffer(memory, dtype)

        def all_reduce(sent, received, n, dtype, op, stream):
            assert op == self.NCCL_SUM
            self.calls.append("allReduce")
            at(received, n, dtype)[...] = sum(comm.exchange("allReduce", at(sent, n, dtype).copy()))

        def all_gather(sent, received, n, dtype, stream):
            self.calls.append("allGather")
            found = comm.exchange("allGather", at(sent, n, dtype).copy())
            at(received, n * size, dtype)[...] = np.concatenate(found)

        def bcast(buffer, n, dtype, root, stream):
            self.calls.append("bcast")
            at(buffer, n, dtype)[...] = comm.exchange("bcast", at(buffer, n, dtype).copy())[root]

        return types.SimpleNamespace(allReduce=all_reduce, allGather=all_gather, bcast=bcast)


@pytest.fixture
def gpus(xp_standin, monkeypatch):
    """The stand-in for CuPy with several GPUs, and NCCL."""
    stream = types.SimpleNamespace(ptr=0, synchronize=lambda: fake.waits.append(True))
    fake = types.SimpleNamespace(
        count=4,
        waits=[],
        used=[],
        seeds=[],
        nccl=NCCL(),
        runtime=types.SimpleNamespace(getDeviceCount=lambda: fake.count),
        get_current_stream=lambda: stream,
        Device=lambda number: types.SimpleNamespace(pci_bus_id=f"gpu {number}", use=lambda: fake.used.append(number)),
    )
    address = property(lambda self: types.SimpleNamespace(ptr=self.memory.ctypes.data))
    monkeypatch.setattr(xp_standin, "cuda", fake, raising=False)
    monkeypatch.setattr(xp_standin.ndarray, "data", address, raising=False)
    monkeypatch.setattr(xp_standin.random, "seed", fake.seeds.append, raising=False)
    return fake


def exchanges_of_arrays(comm):
    """What the methods for arrays return for arrays on the GPU, copied to the host."""
    x = cuda.as_cupy(np.arange(6, dtype=np.float32).reshape(2, 3) + comm.rank)
    found = [comm.allreduce(x), *comm.allgather(x), comm.bcast(x if comm.rank else None, 1)]
    assert all(cuda.is_on_gpu(each) for each in found)
    return [type(comm).__name__, *(cuda.as_numpy(each) for each in found)]


@pytest.mark.parametrize(("kind", "options"), [("nccl", {}), ("mpi", {}), ("auto", {})])
def test_arrays_on_gpus(kind, options, gpus, monkeypatch):
    monkeypatch.setattr(ranks, "KIND", kind)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for name, *found in ranks.run(2, exchanges_of_arrays):
        assert name == ("MPICommunicator" if kind == "mpi" else "NCCLCommunicator")
        for each, expected in zip(found, [2 * x + 1, x, x + 1, x + 1], strict=True):
            np.testing.assert_array_equal(each, expected, strict=True)
    assert sorted(set(gpus.used)) == [0, 1]
    assert gpus.nccl.calls == ([] if kind == "mpi" else ["allReduce"] * 2 + ["allGather"] * 2 + ["bcast"] * 2)


def test_processes_that_share_a_gpu_use_mpi(gpus, monkeypatch):
    gpus.count = 1
    monkeypatch.setattr(ranks, "KIND", "auto")
    assert [name for name, *_ in ranks.run(2, exchanges_of_arrays)] == ["MPICommunicator"] * 2


def test_an_mpi_that_takes_arrays_of_a_gpu(gpus, xp_standin):
    sent = []

    class Aware(ranks.ThreadComm):
        def Allreduce(self, x, y):
            assert gpus.waits  # for the kernels that compute x
            sent.append(type(x))
            y.memory[...] = x.memory

    comm = D.create_communicator("mpi", Aware(ranks.Shared(1), 0), cuda_aware=True)
    np.testing.assert_array_equal(cuda.as_numpy(comm.sum_of(cuda.as_cupy(np.ones(3)))), np.ones(3))
    assert sent == [xp_standin.ndarray]


@pytest.mark.parametrize("kind", ["nccl", "mpi"])
def test_training_on_gpus(kind, gpus, monkeypatch):
    monkeypatch.setattr(ranks, "KIND", kind)
    data = parts([5, 3])

    def train(comm):
        model = initialized(lambda: models.Sequential(L.Linear(4), D.MultiNodeBatchNormalization(comm), L.Linear(3)))
        model.to_gpu()
        optimizer = D.create_multi_node_optimizer(optimizers.Adam(0.01), comm, check_finite=True).setup(model)
        x, t = (cuda.as_cupy(a) for a in data[comm.rank])
        steps = [step(model, optimizer, x, t, len(x))[1] for _ in range(3)]
        comm.mean_buffers(model)
        assert all(cuda.is_on_gpu(param.data) for param in model.params())
        return steps, model.get_weights()

    (steps, first), (_, second) = ranks.run(2, train)
    assert steps == [False, True, True]
    assert all(np.array_equal(first[path], second[path]) for path in first)


def test_seeds_of_gpus(gpus):
    state = np.random.get_state()
    D.create_communicator().seed(3)
    np.random.set_state(state)
    assert gpus.seeds == [3]


def test_without_nccl(gpus, monkeypatch):
    gpus.nccl.available = False
    with pytest.raises(RuntimeError, match="NCCLCommunicator: CuPy finds no NCCL; create_communicator"):
        D.create_communicator("nccl", ranks.ThreadComm(ranks.Shared(1), 0))


@pytest.mark.parametrize("on_gpu", [[False, True], [True, False]])
def test_models_on_different_devices_are_an_error_on_every_rank(on_gpu, gpus):
    def copies(comm):
        model = L.Linear(2, in_size=1)
        if on_gpu[comm.rank]:
            model.to_gpu()
        comm.bcast_data(model)

    expected = "bcast_data: rank 1: expected a model on the device of that of rank 0"
    assert ranks.errors_of(2, copies) == [expected] * 2


@pytest.mark.gpu
@pytest.mark.skipif(not cuda.gpu_enable, reason="no GPU that CuPy can use")
def test_nccl_with_one_process():
    comm = D.create_communicator("nccl", ranks.ThreadComm(ranks.Shared(1), 0))
    for dtype in (np.float16, np.float32, np.float64, np.int64):
        x = cuda.as_cupy(np.arange(6, dtype=dtype).reshape(2, 3))
        for each in (comm.allreduce(x), *comm.allgather(x), comm.bcast(x)):
            np.testing.assert_array_equal(cuda.as_numpy(each), cuda.as_numpy(x), strict=True)
