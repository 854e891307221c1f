"""Beyond the book: what processes exchange, which of them, and what each rank is told if they disagree."""

from __future__ import annotations

import os
import pathlib
import tempfile
import types
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from .beyond_mutantsc_ranks import BY_HAND, apart, contents, model_of, ranks, submodule
from .beyond_ranks import Rank, Shared, run
from .mutants_functions import message
from .values import values

X = np.arange(3.0)
EXCHANGES: list[tuple[str, tuple[Any, ...]]] = [
    ("allreduce", (X,)), ("allgather", (X,)), ("bcast", (X,)), ("allgather_obj", (1,)), ("gather_obj", (1,)),
    ("bcast_obj", (1,)), ("scatter_obj", ([1, 2],)), ("split", (0,)), ("any", (True,)), ("check", ("check", None)),
]  # fmt: skip
ROOTS: list[tuple[int, int]] = [(0, 1), (-1, -1), (2, 2), (1, 2)]  # of each rank
ROOTED = ("bcast", "bcast_obj", "gather_obj", "scatter_obj")


def elsewhere(fw: Any, comm: Any) -> list[str]:
    """The error of each exchange that the other rank does not begin, and of roots that differ or do not exist."""
    found = []
    for first in (0, 1):
        for name, arguments in EXCHANGES:
            call = partial(getattr(comm, name), *arguments)
            found.append(apart(comm, call if comm.rank == first else comm.barrier))
    for name in ROOTED:
        for roots in ROOTS:
            call = partial(getattr(comm, name), dict(EXCHANGES)[name][0], roots[comm.rank])
            found.append(apart(comm, call))
    model = model_of(fw, comm.rank)
    return [*found, *(apart(comm, partial(comm.bcast_data, model, root)) for root in (-1, 2))]


def expected_elsewhere(r: int) -> list[str]:
    found, same = [], "expected the same on every rank, got"
    for first in (0, 1):
        for name, _ in EXCHANGES:
            names = [name, "barrier"] if first == 0 else ["barrier", name]
            found.append(f"ValueError: {names[r]}: {same} rank 0: {names[0]}; rank 1: {names[1]}")
    for name in ROOTED:
        for roots in ROOTS:
            found.append(f"ValueError: MPICommunicator: expected a root from 0 to 1, got {roots[r]}")
            if roots[0] != roots[1]:
                found[-1] = f"ValueError: {name}: {same} rank 0: {name}({roots[0]},); rank 1: {name}({roots[1]},)"
    return found + [f"ValueError: MPICommunicator: expected a root from 0 to 1, got {root}" for root in (-1, 2)]


def told(fw: Any, comm: Any) -> Any:
    """What MPI gets for each dtype; the types of what is returned; results that are copies; arrays of other kinds."""
    given = np.arange(3.0) + comm.rank
    copies = [comm.bcast(given), comm.bcast(given, 1), comm.copy_of(given, 0)]
    large = comm.allgather(np.array([2**62 + 1, comm.rank]))
    wrong = [np.ones(2) > 0, np.ones(2, complex)] if comm.rank == 0 else [np.ones(2), np.ones(2, "f")]
    return [
        [comm.staged(np.ones((2, 3), kind).T).dtype for kind in "efdi"],
        [type(comm.any(flag)) is bool for flag in (0, 1)],
        [*copies, [np.shares_memory(y, given) for y in copies]],
        [large, [y.dtype for y in large]],
        [apart(comm, partial(comm.allreduce, x)) for x in wrong],
    ]


def expected_told(r: int) -> Any:
    calls = "('{}',); rank 1: allreduce((2,), '{}')"
    text = "ValueError: allreduce: expected the same on every rank, got rank 0: allreduce"
    return [
        [np.dtype(kind) for kind in "ffdi"],
        [True, True],
        [X, X + 1, X, [False] * 3],
        [[np.array([2**62 + 1, k]) for k in (0, 1)], [np.dtype(int)] * 2],
        [text + calls.format("bool", "<f8"), text + calls.format("complex128", "<f4")],
    ]


def split_up(fw: Any, comm: Any) -> Any:
    """Communicators of some of three ranks, by color, ordered by key and rank; what they exchange, and their kind."""
    r = comm.rank
    found: list[Any] = []
    for color, key in ((0, 0), (r % 2, -r), (2, [5, 0, 5][r])):
        part = comm.split(color, key) if r or key else comm.split(color)
        found += [part.rank, part.size, part.allgather_obj(r), part.allreduce(np.array([r])), part.cuda_aware]
    aware = type(comm)(comm.mpi_comm, True).split(0)
    return [*found, type(aware) is type(comm), aware.cuda_aware, type(comm)(comm.mpi_comm).cuda_aware]


def expected_split(r: int) -> Any:
    found: list[Any] = []
    for members in ([0, 1, 2], [1] if r == 1 else [2, 0], [1, 0, 2]):
        found += [members.index(r), len(members), members, np.array([sum(members)]), False]
    return [*found, True, True, False]


def weighted(fw: Any, comm: Any) -> Any:
    """Means with default weights on one rank, and with weights that are negative, or as small as can be."""
    r = comm.rank
    layer = fw.Linear(1, in_size=1, nobias=True, dtype=float)

    def mean(*weight: float) -> Any:
        layer.W.grad = fw.Variable(np.array([[1.0 + r]]))
        text = apart(comm, lambda: comm.multi_node_mean_grad(layer, True, *weight))
        return [text, layer.W.grad.data.copy()]

    found = [mean(*[3.0] * r), mean(2.0 - 3 * r), mean(5e-324 * r)]
    optimizer = fw.distributed.create_multi_node_optimizer(fw.SGD(1.0), comm).setup(layer)
    comm.bcast_data(layer)
    layer.W.data[...] = 0
    layer.W.grad = fw.Variable(np.array([[1.0 + r]]))
    optimizer.update(*[3.0] * r)
    found.append(layer.W.data.copy())
    layer.W.grad = fw.Variable(np.array([[np.inf]]))  # no error unless check_finite is True
    return [*found, optimizer.update(), layer.W]


def expected_weighted(r: int) -> Any:
    text = "ValueError: multi_node_mean_grad: expected weights of at least 0 with a positive sum, got "
    own = np.array([[1.0 + r]])
    means = [["no error", np.array([[mean]])] for mean in (1.75, 2.0)]
    return [means[0], [f"{text}[2.0, -1.0]", own], means[1], np.array([[-1.75]]), True, np.array([[-np.inf]])]


def on_devices(fw: Any, comm: Any) -> Any:
    """Copies of a model to one on another device, which is an error if it is initialized."""

    class Elsewhere(fw.layers.Layer):  # type: ignore[misc]
        xp = types.SimpleNamespace()

    found = []
    for data in (np.ones(2), None):
        model = (Elsewhere if comm.rank else fw.layers.Layer)()
        model.p = fw.Parameter(data)
        found.append(apart(comm, partial(comm.bcast_data, model)))
    return found


def tidy(fw: Any) -> Any:
    """A folder in which a checkpoint cannot be put into its place; checkpoints of weights that are transposed."""
    save, load = fw.distributed.save_checkpoint, fw.distributed.load_checkpoint
    module = submodule(fw, "checkpoints")

    def full(*_: Any) -> None:
        raise OSError("no space")

    def loaded(comm: Any) -> Any:
        layer = fw.Linear(2, in_size=3)
        layer.W.data = np.arange(6.0).reshape(2, 3).T
        save(comm, f"{folder}/run", layer)
        other = fw.Linear(2, in_size=3, dtype=float)
        other.b.data = np.zeros(2, "f")
        return [load(comm, f"{folder}/run", other), other.W, comm.sent.get(other) is None]

    with tempfile.TemporaryDirectory() as folder:
        disk = types.SimpleNamespace(replace=full, **{k: v for k, v in vars(os).items() if k != "replace"})
        alone = fw.distributed.create_communicator("single")
        with mock.patch.object(module, "os", disk):
            text = message(lambda: save(alone, f"{folder}/full", fw.Linear(1, in_size=1)))
        return [text, [*contents(folder)], run(fw, 2, loaded), pathlib.Path(folder, "run.rank1of2.npz").exists()]


class Squares:
    """A data set that takes an int, and nothing else, as index."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, i: Any) -> Any:
        return i * i if type(i) is int else None


def sent(fw: Any, comm: Any) -> Any:
    """The samples of a data set that takes ints, and an order that one draw from np.random decides."""
    part = fw.distributed.scatter_dataset(Squares() if comm.rank == 0 else None, comm)
    np.random.seed(0)  # the first draw is above 2 ** 31
    order = fw.distributed.scatter_dataset(range(12), comm, None, True)
    return [[*part], [order[i] for i in range(6)] if comm.rank == 0 else 0]


def expected_sent(r: int) -> Any:
    seed = np.random.RandomState(0).randint(2**31)
    order = np.random.default_rng(seed).permutation(12)[:6].tolist()
    return [[i * i for i in range(6 * r, 6 * r + 6)], 0 if r else order]


def normalized(fw: Any) -> Any:
    """Batches of large integers in float32, whose mean is rounded by more than 2, on two ranks; their statistics"""
    x = (2**23 + np.random.default_rng(0).integers(0, 9, (80, 2))).astype("f")
    exact = x.astype(float)

    def call(comm: Any) -> Any:
        new = partial(fw.distributed.MultiNodeBatchNormalization, comm)
        norm = new(decay=0)
        part = slice(0, 26) if comm.rank == 0 else slice(26, 80)
        expected = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + norm.eps)
        close = [np.allclose(norm(x[part]).data, expected[part], 1e-4, 1e-5)]
        close.append((abs(norm.avg_mean.data - exact.mean(0)) <= 1).all())
        close.append(np.allclose(norm.avg_var.data, exact.var(0, ddof=1), 1e-4))
        mixed = new()
        mixed(exact)
        close.append(np.allclose(mixed(x).data, (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5), 1e-9, 1e-9))
        return [*map(bool, close), mixed(x).dtype, norm(x).dtype]

    return run(fw, 2, call)


def exchanged(fw: Any, comm: Any) -> Any:
    """A copy of a model with other batch norms: its layers, options, weights and statistics, and what is shared."""
    L = fw.layers

    class Other(L.BatchNorm):  # type: ignore[misc, name-defined]
        pass

    model = fw.Sequential(L.Linear(2, in_size=2), L.BatchNorm(0.1, 0.6, warmup=True), L.LayerNorm(), Other())
    model.again, model.gamma = model.layers[1], model.layers[1].gamma
    x = np.array([[1.0, 3.0], [2.0, -1.0], [0.5, 0.0]])
    model(x)
    model(x * 2)
    new = fw.distributed.create_mnbn_model(model, comm)
    norm, old = new.layers[1], model.layers[1]
    found: list[Any] = [[type(layer).__name__ for layer in new.layers], norm.comm is comm, norm is new.again]
    found += [
        new.gamma is norm.gamma,
        new.gamma is model.gamma,
        norm.eps,
        norm.decay,
        int(norm.updates.data),
        type(old) is Other,
    ]
    pairs = [(a.data, b.data) for (_, a), (_, b) in zip(new.named_state(), model.named_state(), strict=True)]
    found += [all(np.array_equal(a, b) for a, b in pairs), any(np.shares_memory(a, b) for a, b in pairs)]
    with fw.test_mode():
        found.append(np.allclose(new(x).data, model(x).data))
    return [*found, fw.distributed.create_mnbn_model(old, comm).eps]


def expected_exchange(r: int) -> Any:
    names = ["Linear", "MultiNodeBatchNormalization", "LayerNorm", "Other"]
    return [names, True, True, True, False, 0.1, 0.6, 2, False, True, False, True, 0.1]


def with_gpus(fw: Any) -> Any:
    """Which GPU a process selects, whether every process has its own, and the kind of communicator by that."""
    launch = submodule(fw, "launch")
    used: list[int] = []

    def device(i: int) -> Any:
        return types.SimpleNamespace(use=partial(used.append, i), pci_bus_id=f"bus {i}")

    driver = types.SimpleNamespace(Device=device, runtime=types.SimpleNamespace(getDeviceCount=lambda: 2))
    cuda = types.SimpleNamespace(gpu_enable=True, cupy=types.SimpleNamespace(cuda=driver))
    found: list[Any] = []
    patches: dict[str, Any] = {
        "cuda": cuda,
        "NCCLCommunicator": lambda _: None,
        "platform": types.SimpleNamespace(node=lambda: "here"),
    }
    with mock.patch.multiple(launch, **patches):
        for cuda.gpu_enable in (True, False):
            for rank, other in ((0, ("here", "bus 1")), (3, ("here", "bus 1")), (3, ("there", "bus 1")), (0, None)):
                gather = partial(lambda other, gpu: [gpu, other], other)
                comm = types.SimpleNamespace(intra_rank=rank, size=2, allgather_obj=gather)
                found.append(launch.select_gpu(comm))
            for kind in ("auto", "mpi", "naive", "nccl", "pure_nccl"):
                found.append(fw.distributed.create_communicator(kind, Rank(Shared(1), 0)) is None)
    return [*found, used]


values(
    60,
    BY_HAND,
    ("exchanges_that_do_not_meet", *ranks(2, elsewhere, expected_elsewhere)),
    ("what_mpi_is_given", *ranks(2, told, expected_told)),
    ("parts_of_a_communicator", *ranks(3, split_up, expected_split)),
    ("weights_of_means", *ranks(2, weighted, expected_weighted)),
    (
        "models_on_other_devices",
        *ranks(
            2,
            on_devices,
            lambda r: ["ValueError: bcast_data: rank 1: expected a model on the device of that of rank 0", "no error"],
        ),
    ),
    (
        "checkpoints_without_space",
        tidy,
        lambda: ["OSError: no space", [], [[{}, np.arange(6.0).reshape(2, 3).T, False]] * 2, True],
    ),
    ("samples_that_are_sent", *ranks(2, sent, expected_sent)),
    (
        "processes_with_gpus",
        with_gpus,
        lambda: [True, False, True, False, True, False, False, True, True, *[False] * 7, True, True, 0, 1, 1, *[0] * 6],
    ),
    ("statistics_of_large_integers", normalized, lambda: [[True] * 4, np.dtype("d"), np.dtype("f")] * 2),
    ("models_with_other_norms", *ranks(2, exchanged, expected_exchange)),
    ("batch_in_one_part", lambda fw: fw.distributed.split_batch(X, 1), lambda: [X]),
    since=5,
)
