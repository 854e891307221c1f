"""Beyond the book: training with many processes. PyTorch computes in one what they compute together."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import pathlib
import sys
import tempfile
import types
from typing import Any
from unittest import mock

import numpy as np

from ..inputs import DEEP, DEFAULT_SEED, SHAPES_ONLY, normal
from . import computation
from .beyond_ranks import Rank, Shared, parts, run
from .beyond_tensors import BEYOND
from .errors import errors, hidden
from .layers import fixed
from .training import VALUES
from .values import values

SIZES = (5, 4, 2)  # samples of each rank
TOGETHER: dict[str, Any] = {**BEYOND, **VALUES, "dtypes": ("float64",), "inputs": [normal()]}
T = np.array([0, 1, 2, 0, 1, 1, 2, 0, 0, 1, 2])
STEPS = 20
LAYERS: tuple[tuple[int, ...], ...] = ((3, 4), (4,), (4, 3), (3,))


def learn(fw: Any, comm: Any, x: Any, t: Any) -> list[Any]:
    """The losses of an MLP, times the numbers of samples, and its weights afterwards."""
    model, optimizer = fw.MLP((4, 3)), fw.MomentumSGD(0.2)
    model(fw.constant(x[:1])) if comm else None
    fw.set_weights(model, fixed(x, *LAYERS))
    if comm:
        comm.bcast_data(model)
        optimizer = fw.distributed.create_multi_node_optimizer(optimizer, comm)
    optimizer = fw.setup(optimizer, model)
    losses = []
    for _ in range(STEPS):
        loss = fw.softmax_cross_entropy(model(fw.constant(x)), fw.constant(t))
        fw.cleargrads(model)
        fw.backward(loss)
        fw.update(optimizer, *[len(x)] * bool(comm))
        losses.append(len(x) * float(fw.array(loss)))
    return [np.array(losses), *(np.array(a) for a in fw.weights(model))]


@computation(**TOGETHER | {"shapes": ((11, 3),)}, curve=STEPS)
def training_of_many_processes(fw: Any, x: Any) -> Any:
    """Three processes with different numbers of samples; in PyTorch one with all samples"""
    x = np.array(fw.array(x))
    if fw.name == "torch":
        losses, *weights = learn(fw, None, x, T)
        return [*map(np.array, losses / len(x)), *weights]
    data = parts(SIZES, x, T)
    found = run(fw, 3, lambda comm: learn(fw, comm, *data[comm.rank]))
    losses = sum(losses for losses, *_ in found)
    return [*map(np.array, losses / len(x)), *found[2][1:]]


def normalized(fw: Any, norm: Any, x: Any, gy: Any) -> list[Any]:
    """The output of a batch norm, the gradients of x, gamma and beta, and the derivative of gx gx gy."""
    x, gy = fw.Variable(x), fw.constant(gy)
    y = norm(x)
    gamma, beta = (norm.weight, norm.bias) if fw.name == "torch" else (norm.gamma, norm.beta)
    gx, ggamma, gbeta = fw.grad([y], [x, gamma, beta], [gy], create_graph=True)
    (ggx,) = fw.grad([(gx * gx * gy).sum()], [x])
    return [np.array(fw.array(each)) for each in (y, gx, ggx, ggamma, gbeta)]


def statistics(fw: Any, norm: Any) -> list[Any]:
    """The running statistics."""
    found = (norm.running_mean, norm.running_var) if fw.name == "torch" else (norm.avg_mean, norm.avg_var)
    return [np.array(fw.array(each)) for each in found]


@computation(**TOGETHER | {"shapes": ((11, 3), (11, 2, 2, 3))})
def batch_norm_of_many_processes(fw: Any, x: Any) -> Any:
    """Three processes with different numbers of samples, to the second derivative; in PyTorch one with all samples"""
    x = np.array(fw.array(x))
    (gy,) = fixed(x, x.shape)
    if fw.name == "torch":
        norm = fw.BatchNorm(x.shape).to(fw.constant(x).dtype)
        return normalized(fw, norm, x, gy) + statistics(fw, norm)

    def call(comm: Any) -> Any:
        norm = fw.distributed.MultiNodeBatchNormalization(comm)
        y, gx, ggx, *grads = normalized(fw, norm, *data[comm.rank])
        return [y, gx, ggx], [comm.allreduce(g) for g in grads] + statistics(fw, norm)

    data = parts(SIZES, x, gy)
    found = run(fw, 3, call)
    return [*map(np.concatenate, zip(*(rows for rows, _ in found), strict=True)), *found[1][1]]


@computation(**TOGETHER | {"shapes": ((11, 3),)})
def statistics_of_many_processes(fw: Any, x: Any) -> Any:
    """Running statistics of numbers whose squares are large compared with their variance"""
    x = np.array(fw.array(x)) * 0.5 + 1000
    if fw.name == "torch":
        norm = fw.BatchNorm(x.shape).to(fw.constant(x).dtype)
        norm(fw.constant(x))
        return statistics(fw, norm)

    def call(comm: Any) -> Any:
        norm = fw.distributed.MultiNodeBatchNormalization(comm)
        norm(data[comm.rank][0])
        return statistics(fw, norm)

    data = parts(SIZES, x)
    return run(fw, 3, call)[0]


@computation(**BEYOND, inputs=[normal()], cases=SHAPES_ONLY - DEEP - DEFAULT_SEED, shapes=((4, 3), (3, 2, 2)))
def batch_norm_of_one_process(fw: Any, x: Any) -> Any:
    """A MultiNodeBatchNormalization of a single process, with each option, and the copy of a model with one"""
    if fw.name == "torch":
        made = [fw.BatchNorm(x.shape, 0.1, 0.7, affine=False), fw.BatchNorm(x.shape, warmup=True)]
        made = [norm.to(x.dtype) for norm in made]
    else:
        comm = fw.distributed.create_communicator()
        new = fw.distributed.MultiNodeBatchNormalization
        model = fw.distributed.create_mnbn_model(fw.Sequential(fw.BatchNorm(warmup=True)), comm)
        made = [new(comm, 0.1, 0.7, affine=False), model]
    return [norm(x) for norm in made for _ in range(2)]


@computation(**BEYOND, inputs=[normal()], order=2)
def sum_over_one_process(fw: Any, x: Any) -> Any:
    """The sum over all processes if there is one: x"""
    return x * 1.0 if fw.name == "torch" else fw.distributed.allreduce(fw.distributed.create_communicator(), x)


# --- values ---

EXCHANGED = "sums and copies by hand; PyTorch's are of torch.distributed, for processes that it starts"


def exchanges(comm: Any) -> list[Any]:
    """What each method returns."""
    x, r = np.arange(6.0).reshape(2, 3).T * (comm.rank + 1), comm.rank
    comm.barrier()
    return [
        comm.allreduce(x),
        comm.allgather(x[0]),
        comm.bcast(x if r == 1 else None, 1),
        comm.bcast(x),
        comm.bcast_obj(r),
        comm.gather_obj(r),
        comm.allreduce_obj(r + 1),
        comm.scatter_obj([7, 8]),
        comm.split(r).size,
        comm.any(r == 1),
        [comm.rank, comm.size, comm.intra_rank, comm.intra_size],
    ]


def exchanged(r: int) -> list[Any]:
    """The same on rank r of two."""
    x = np.arange(6.0).reshape(2, 3).T
    lists = [[0, 1] if r == 0 else None, 3, 7 + r, 1, True, [r, 2, r, 2]]
    return [3 * x, [x[0], 2 * x[0]], 2 * x, x, 0, *lists]


def alone(fw: Any) -> list[Any]:
    """The methods of a communicator of one process."""
    comm, x = fw.distributed.create_communicator("single"), np.arange(3.0)
    comm.barrier()
    found = [comm.allreduce(x), comm.allgather(x), comm.bcast(x), comm.bcast_obj(1), comm.gather_obj(2)]
    return [*found, comm.allreduce_obj(3), comm.scatter_obj([4]), comm.split(0).size, comm.__deepcopy__({}) is comm]


def model_of(fw: Any, rank: int) -> Any:
    """A model whose weights, gradients, running statistics and optimizer depend on the rank."""
    model = fw.Sequential(fw.Linear(2, in_size=1, dtype=float), fw.BatchNorm())
    model.l0.W.data = np.array([[1.0, 2.0]]) + rank
    model(np.array([[1.0], [3.0]]) * (rank + 1))
    if rank:
        model.l0.W.grad = fw.Variable(np.array([[4.0, 8.0]]))
    return model


def averages(fw: Any, comm: Any) -> list[Any]:
    """Means of gradients and of running statistics, copies of weights and of the state of an optimizer."""
    model = model_of(fw, comm.rank)
    optimizer = fw.Adam(0.1 * (comm.rank + 1)).setup(model.l0)
    comm.multi_node_mean_grad(model)
    found = [model.l0.W.grad, model.l0.b.grad]
    comm.allreduce_grad(model)
    comm.allreduce_grad(model, weight=comm.rank)
    comm.mean_buffers(model)
    found += [model.l0.W.grad, model.l1.avg_mean]
    comm.bcast_data(model)
    comm.bcast_state(optimizer)
    comm.bcast_data(model, 1)
    comm.bcast_state(optimizer, 1)
    return [*found, model.l0.W, optimizer.lr]


def averaged() -> list[Any]:
    """The same by hand."""
    grad = np.array([[2.0, 4.0]])
    return [grad, None, grad, 0.1 * np.array([5.0, 8.0]), np.array([[1.0, 2.0]]), 0.1]


def first_updates(fw: Any, comm: Any, **options: Any) -> list[Any]:
    """Whether each of three updates is a step, and the weights afterwards."""
    model = model_of(fw, comm.rank)
    made = fw.distributed.create_multi_node_optimizer(fw.SGD(0.5), comm, **options)
    optimizer = made.setup(model)
    steps = [optimizer.update()]
    for _ in range(2):
        model.l0.W.grad = fw.Variable(np.array([[1.0, 3.0]]) * comm.rank)
        steps.append(optimizer.update(comm.rank + 1))
    return [steps, model.l0.W, optimizer.lr]


def dealt(fw: Any, comm: Any) -> list[Any]:
    """Parts of 5 samples, from rank 0, from everywhere and shuffled."""
    scatter, data = fw.distributed.scatter_dataset, list(range(5))
    found = [scatter(data if comm.rank == 0 else None, comm), scatter(data, comm, None, force_equal_length=False)]
    found.append(scatter(data, comm, None, True, 3))
    return [[part[i] for i in range(len(part))] for part in found]


def dealt_by_hand(r: int) -> list[Any]:
    """The same: parts of 3 samples begin at 0 and 2."""
    order = np.random.default_rng(3).permutation(5).tolist()
    parts = ([0, 1, 2], [2, 3, 4]), ([0, 1, 2], [3, 4]), (order[:3], order[2:])
    return [part[r] for part in parts]


def shuffled(fw: Any) -> list[Any]:
    """A part of one process in an order that one draw from np.random decides."""
    np.random.seed(0)
    part = fw.distributed.scatter_dataset(range(5), single(fw), shuffle=True)
    return [part[i] for i in range(5)]


def shuffled_by_hand() -> Any:
    """The same."""
    return np.random.default_rng(np.random.RandomState(0).randint(2**31)).permutation(5).tolist()


def means(fw: Any, comm: Any) -> list[Any]:
    """The means of the numbers of all ranks, of one name and of several."""
    numbers = np.arange(3.0) if comm.rank else np.arange(2.0)
    several = fw.distributed.create_multi_node_evaluator(lambda x: ({"a": x.sum(), "b": -x.sum()}, len(x)), comm)
    one = fw.distributed.create_multi_node_evaluator(lambda x: (x.sum(), len(x)), comm)
    fw.distributed.check_steps(comm, [0] * 3)
    return [several(numbers), one(numbers)]


def resumed(fw: Any) -> Any:
    """The state of two processes after saving, changes and loading, and the names of the files."""

    def call(comm: Any) -> list[Any]:
        model = model_of(fw, comm.rank)
        comm.bcast_data(model)
        optimizer = fw.distributed.create_multi_node_optimizer(fw.Adam(0.1), comm).setup(model)
        loader = fw.DataLoader([(i, i) for i in range(4)], 2, rng=comm.rank)
        mean = model.l1.avg_mean.data.copy() + comm.rank
        model.l1.avg_mean.data[...] = mean
        order = loader.index.copy()
        fw.distributed.save_checkpoint(comm, f"{folder}/run", model, optimizer, loader, epoch=3)
        optimizer.lr, model.l1.avg_mean.data[...], model.l0.W.data[...] = 0.5, 0, 0
        loader.reset()
        found = fw.distributed.load_checkpoint(comm, f"{folder}/run.npz", model, optimizer, loader)
        same = np.array_equal(model.l1.avg_mean.data, mean) and np.array_equal(loader.index, order)
        bare = fw.Linear(1, in_size=1)
        fw.distributed.save_checkpoint(comm, f"{folder}/bare", bare)
        return [found, same, optimizer.lr, model.l0.W, fw.distributed.load_checkpoint(comm, f"{folder}/bare", bare)]

    with tempfile.TemporaryDirectory() as folder:
        return run(fw, 2, call), sorted(os.listdir(folder))


NAMES = [f"{name}.rank{r}of2.npz" for name in ("bare", "run") for r in range(2)]
STATE = [{"epoch": 3}, True, 0.1, np.array([[1.0, 2.0]]), {}]


def kinds(fw: Any) -> list[str]:
    """The classes of communicators by name, and where there is nothing of mpiexec."""
    create = fw.distributed.create_communicator
    with mock.patch.dict(os.environ, {"PMI_SIZE": "1"}), hidden("mpi4py"):
        found = [create(), create("single")]
    alone = types.SimpleNamespace(MPI=types.SimpleNamespace(COMM_WORLD=Rank(Shared(1), 0)))
    with mock.patch.dict(sys.modules, {"mpi4py": alone}):
        found.append(create("naive"))
    return [
        type(comm).__name__
        for comm in [*found, create("auto", Rank(Shared(1), 0)), create("mpi", Rank(Shared(1), 0), cuda_aware=True)]
    ]


def seeds(fw: Any) -> list[int]:
    """What NumPy is seeded with on two ranks."""
    found: list[int] = []
    with mock.patch.object(np.random, "seed", found.append):
        run(fw, 2, lambda comm: comm.seed(7))
    return sorted(found)


def printed(fw: Any, error: BaseException, abort: Any = None) -> str:
    """What `abort_on_error` prints on rank 1 of two, without the lines of the traceback."""
    ended: list[bool] = []
    comm = types.SimpleNamespace(rank=1, size=2, abort=abort or (lambda: ended.append(True)))
    with contextlib.redirect_stderr(io.StringIO()) as stderr, fw.distributed.abort_on_error(comm):
        raise error
    first, *_, last = stderr.getvalue().splitlines()
    return f"{first} {last} {ended}"


def aborted(fw: Any) -> Any:
    """The status with which MPI ends all processes."""
    try:
        fw.distributed.create_communicator("mpi", Rank(Shared(1), 0)).abort()
    except SystemExit as end:
        return end.code
    return None


values(
    60,
    EXCHANGED,
    ("exchanges_of_two_processes", lambda fw: run(fw, 2, exchanges), lambda: [exchanged(0), exchanged(1)]),
    ("exchanges_of_one_process", alone, lambda: [*[np.arange(3.0)] * 3, 1, [2], 3, 4, 1, True]),
    ("averages_of_two_processes", lambda fw: run(fw, 2, lambda comm: averages(fw, comm)), lambda: [averaged()] * 2),
    (
        "first_updates_of_two_processes",
        lambda fw: run(fw, 2, lambda comm: [first_updates(fw, comm), first_updates(fw, comm, check_finite=True)]),
        lambda: [[[[False, True, True], np.array([[1 / 3, 0.0]]), 0.5]] * 2] * 2,
    ),
    (
        "parts_of_a_dataset",
        lambda fw: run(fw, 2, lambda comm: dealt(fw, comm)),
        lambda: [dealt_by_hand(0), dealt_by_hand(1)],
    ),
    (
        "parts_of_a_batch",
        lambda fw: fw.distributed.split_batch(np.arange(5), 3),
        lambda: [np.array([0, 1]), np.array([2, 3]), np.array([4])],
    ),
    (
        "means_of_two_processes",
        lambda fw: run(fw, 2, lambda comm: means(fw, comm)),
        lambda: [[{"a": 0.8, "b": -0.8}, 0.8]] * 2,
    ),
    ("checkpoints_of_two_processes", resumed, lambda: ([STATE] * 2, NAMES)),
    ("kinds_of_communicators", kinds, lambda: ["Communicator"] * 2 + ["MPICommunicator"] * 3),
    ("seeds_of_two_processes", seeds, lambda: [7, 8]),
    (
        "the_end_of_all_processes",
        lambda fw: [printed(fw, ValueError("no data")), printed(fw, SystemExit("no data")), aborted(fw)],
        lambda: ["rank 1 of 2: ValueError: no data [True]", "rank 1 of 2: exit: no data [True]", 1],
    ),
)


# --- errors ---


def single(fw: Any) -> Any:
    """A communicator of one process."""
    return fw.distributed.create_communicator("single")


def two(fw: Any, f: Any) -> Any:
    """f(comm) on two ranks."""
    return run(fw, 2, f)


def with_gradient(fw: Any, numbers: Any) -> Any:
    """A layer with this gradient."""
    layer = fw.Linear(1, in_size=1, nobias=True, dtype=float)
    layer.W.grad = None if numbers is None else fw.Variable(np.array([[numbers]]))
    return layer


def finite(fw: Any, *numbers: float) -> Any:
    """An update of two processes with these gradients, by an optimizer that checks them."""

    def call(comm: Any) -> Any:
        layer = with_gradient(fw, numbers[comm.rank])
        comm.bcast_data(layer)
        make = fw.distributed.create_multi_node_optimizer
        with np.errstate(invalid="ignore"):
            return make(fw.SGD(), comm, check_finite=True).setup(layer).update()

    return two(fw, call)


def save_layer(fw: Any, path: str, comm: Any) -> None:
    """A checkpoint of a layer."""
    fw.distributed.save_checkpoint(comm, path, fw.Linear(1, in_size=1))


def loaded(fw: Any, *moments: int) -> Any:
    """A checkpoint of as many processes as there are numbers, saved in as many calls as there are different ones."""
    with tempfile.TemporaryDirectory() as folder:
        for moment in set(moments):
            run(fw, len(moments), functools.partial(save_layer, fw, f"{folder}/{moment}"))
        for rank, moment in enumerate(moments):
            name = f"rank{rank}of{len(moments)}.npz"
            pathlib.Path(folder, f"{moment}.{name}").rename(pathlib.Path(folder, f"run.{name}"))
        return two(fw, lambda comm: fw.distributed.load_checkpoint(comm, f"{folder}/run", fw.Linear(1, in_size=1)))


def started(fw: Any, size: str, mpi4py: Any) -> Any:
    """A communicator where mpiexec has started this number of processes."""
    with mock.patch.dict(os.environ, {"PMI_SIZE": size}), mock.patch.dict(sys.modules, {"mpi4py": mpi4py}):
        return fw.distributed.create_communicator()


def bad_block(fw: Any) -> Any:
    """An error in a block of a single process."""
    with fw.distributed.abort_on_error(single(fw)):
        raise ValueError("as usual")


def allreduce_or_barrier(comm: Any) -> None:
    """Rank 1 is at another exchange than rank 0, whose error is the result."""
    if comm.rank == 0:
        comm.allreduce(np.ones(1))
    else:
        with contextlib.suppress(ValueError):
            comm.barrier()


# fmt: off
errors(
    60,
    ("communicator_of_an_unknown_kind", lambda fw: fw.distributed.create_communicator("gloo"),
     ValueError, "create_communicator: expected one of ['auto', ...], got 'gloo'"),
    ("many_processes_without_mpi4py", lambda fw: started(fw, "2", None),
     RuntimeError, "create_communicator: needs mpi4py and an MPI: pip install mpi4py mpich"),
    ("many_processes_of_another_mpi",
     lambda fw: started(fw, "2", types.SimpleNamespace(MPI=types.SimpleNamespace(COMM_WORLD=Rank(Shared(1), 0)))),
     RuntimeError, "create_communicator: mpiexec started 2 processes, but MPI knows of one; mpi4py belongs to ..."),
    ("nccl_without_a_gpu", lambda fw: fw.distributed.create_communicator("nccl", Rank(Shared(1), 0)),
     RuntimeError, "CuPy cannot be loaded. ..."),
    ("error_in_a_block_of_one_process", bad_block, ValueError, "as usual"),
    ("abort_of_one_process", lambda fw: single(fw).abort(), SystemExit, "1"),
    ("root_out_of_range", lambda fw: single(fw).bcast_obj(1, 2),
     ValueError, "Communicator: expected a root from 0 to 0, got 2"),
    ("allreduce_of_a_list", lambda fw: single(fw).allreduce([1.0]),
     TypeError, "allreduce: expected an array of integers or floats, got list"),
    ("allreduce_of_different_shapes", lambda fw: two(fw, lambda comm: comm.allreduce(np.ones(comm.rank + 1))),
     ValueError, "allreduce: expected the same on every rank, got rank 0: allreduce((1,), '<f8'); ..."),
    ("exchange_that_one_process_does_not_begin", lambda fw: two(fw, allreduce_or_barrier),
     ValueError, "allreduce: expected the same on every rank, got rank 0: allreduce; rank 1: barrier"),
    ("models_that_differ_by_rank",
     lambda fw: two(fw, lambda comm: comm.bcast_data(fw.Linear(1, in_size=comm.rank + 1))),
     ValueError, "bcast_data: rank 1: 'W': expected (2, 1) float32, got (1, 1) float32"),
    ("weights_of_processes_that_are_zero", lambda fw: single(fw).multi_node_mean_grad(fw.MLP((1,)), weight=0),
     ValueError, "multi_node_mean_grad: expected weights of at least 0 with a positive sum, got [0.0]"),
    ("gradients_of_models_that_differ",
     lambda fw: two(fw, lambda comm: comm.multi_node_mean_grad(fw.Linear(comm.rank + 1, in_size=1))),
     ValueError, "multi_node_mean_grad: expected the same parameters on every rank, got rank 0: 'W' ((1, 1), ..."),
    ("gradients_of_models_of_different_depth",
     lambda fw: two(fw, lambda comm: comm.multi_node_mean_grad(fw.MLP((1,) * (comm.rank + 1)))),
     ValueError, "multi_node_mean_grad: expected the same parameters on every rank, got [2, 4]"),
    ("gradient_that_one_process_lacks",
     lambda fw: two(fw, lambda comm: comm.multi_node_mean_grad(with_gradient(fw, 1.0 if comm.rank else None), False)),
     ValueError, "multi_node_mean_grad: 'W': expected gradients of one form, got rank 0: None; rank 1: ((1, 1), ..."),
    ("gradients_of_many_processes_with_nan", lambda fw: finite(fw, 1.0, np.nan),
     ValueError, "update: rank 1: expected finite gradients, got nan or inf in ['W']"),
    ("gradients_of_many_processes_with_infinities", lambda fw: finite(fw, np.inf, -np.inf),
     ValueError, "update: rank 0: expected finite gradients, got nan or inf in ['W']; rank 1: expected ..."),
    ("update_of_many_processes_without_a_target",
     lambda fw: fw.distributed.create_multi_node_optimizer(fw.SGD(), single(fw)).update(),
     RuntimeError, "SGD.update: expected a target, got None; call setup(model) first"),
    ("double_buffering",
     lambda fw: fw.distributed.create_multi_node_optimizer(fw.SGD(), single(fw), double_buffering=True),
     ValueError, "create_multi_node_optimizer: expected double_buffering=False: gradients are never a step old"),
    ("attribute_that_an_optimizer_lacks",
     lambda fw: fw.distributed.create_multi_node_optimizer(fw.SGD(), single(fw)).__no_such__,
     AttributeError, "__no_such__"),
    ("state_of_another_optimizer_of_many",
     lambda fw: two(fw, lambda comm: comm.bcast_state([fw.Adam, fw.SGD][comm.rank]().setup(fw.Linear(1, in_size=1)))),
     ValueError, "bcast_state: rank 1: load_state: expected ..."),
    ("batch_in_no_parts", lambda fw: fw.distributed.split_batch(np.zeros(3), 0),
     ValueError, "split_batch: expected at least one part, got 0"),
    ("loaders_of_different_lengths",
     lambda fw: two(fw, lambda comm: fw.distributed.check_steps(comm, [0] * (comm.rank + 1))),
     ValueError, "check_steps: expected as many batches on every rank, got [1, 2]"),
    ("means_of_no_samples",
     lambda fw: fw.distributed.create_multi_node_evaluator(lambda part: (0.0, 0), single(fw))([]),
     ValueError, "create_multi_node_evaluator: expected samples on some rank, got none"),
    ("batch_norm_of_one_number_in_all",
     lambda fw: two(fw, lambda comm: fw.distributed.MultiNodeBatchNormalization(comm)(np.ones((comm.rank, 2)))),
     ValueError, "MultiNodeBatchNormalization: expected at least two numbers per channel in training, got 1"),
    ("checkpoint_of_another_number_of_processes", lambda fw: loaded(fw, 0),
     ValueError, "load_checkpoint: rank 0: expected run.rank0of2.npz, a checkpoint of 2 processes, got ..."),
    ("checkpoints_of_two_moments", lambda fw: loaded(fw, 0, 1),
     ValueError, "load_checkpoint: expected the same on every rank, got rank 0: load_checkpoint(..."),
)
