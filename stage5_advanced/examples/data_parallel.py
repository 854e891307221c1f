"""Training with many processes: each computes the gradients of its part of the batch, and all update with the mean.

    python stage5_advanced/examples/data_parallel.py --quick                      one process, without MPI
    mpiexec -n 4 python stage5_advanced/examples/data_parallel.py --quick         four: pip install mpi4py mpich
    python stage5_advanced/examples/data_parallel.py --measure                    1, 2 and 4 processes, with their times

The batch is divided, so the step is the same, however many processes there are: the losses that 1, 2 and 4 processes
print for the digits differ in rounding only, although the sums are computed in another order. What differs is the time.
The computation is divided, too, but the exchange is added: the gradients of all parameters, once per step.

    the test accuracy, --quick, 1, 2 or 4 processes:    0.93

With --measure, an MLP 784-1000-10 with a batch of 256 in all is timed: per step, the computation (forward, backward and
update), the wait for the slowest process, and the exchange. Processes that share processors gain nothing from being
more: the computation is divided by as many processors as there are, not by processes.

The figure: the loss of each step; the times per step.

P. Goyal and others, Accurate, large minibatch SGD: training ImageNet in 1 hour, arXiv:1706.02677 (2017). T. Akiba,
K. Fukuda, S. Suzuki, ChainerMN: scalable distributed deep learning framework, arXiv:1710.11351 (2017).
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
from common import begin, figure, options, pick, save, table

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, datasets, models, no_grad, optimizers
from stage5_advanced import distributed as D
from stage5_advanced.transforms import Compose, Flatten, Normalize, ToFloat

BATCH, TIMED_BATCH = 60, 256  # samples of all processes together
PARTS = ("computation", "wait", "exchange")
LIMIT = 300  # seconds for the processes of --measure


def train(comm, arguments):
    """Train an MLP on the digits; return the loss of each step and the test accuracy, the same on every rank."""
    transform = Compose([Flatten(), ToFloat(), Normalize(0, 16)])
    train_set, test_set = (datasets.Digits(train, transform) for train in (True, False))
    order = np.random.default_rng(arguments.seed).permutation(len(train_set))
    comm.seed(arguments.seed)
    model = models.MLP((100, 10), F.relu)
    optimizer = D.create_multi_node_optimizer(optimizers.MomentumSGD(0.1), comm).setup(model)
    with no_grad():
        model(train_set[0][0][None])  # initializes the weights
    comm.bcast_data(model)
    losses = []
    for _ in range(arguments.epochs):
        for batch in D.split_batch(order, len(order) // BATCH):
            x, t = joined(train_set, D.split_batch(batch, comm.size)[comm.rank])
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update(len(x))  # weighted, since parts may differ in length
            losses.append(float(loss) * len(x) / len(batch))

    def count(part):
        x, t = joined(test_set, part)
        with no_grad():
            return float(F.accuracy(model(x), t).data) * len(x), len(x)

    accuracy = D.create_multi_node_evaluator(count, comm)
    part = D.split_batch(np.arange(len(test_set)), comm.size)[comm.rank]
    return comm.allreduce(np.array(losses)), accuracy(part)


def joined(dataset, indices):
    """The samples at these indices as arrays."""
    x, t = next(DataLoader([dataset[int(i)] for i in indices], len(indices), shuffle=False))
    return x, t


def times(comm, steps):
    """The medians of the times per step, in milliseconds, of the slowest process: {"computation": 1.5, ...}."""
    rng = np.random.default_rng(comm.rank)
    n = len(D.split_batch(np.arange(TIMED_BATCH), comm.size)[comm.rank])
    x, t = rng.normal(size=(n, 784)).astype(np.float32), rng.integers(10, size=n)
    model = models.MLP((1000, 10), F.relu)
    optimizer = optimizers.MomentumSGD(0.01).setup(model)
    model(x)
    comm.bcast_data(model)
    found = []
    for _ in range(steps):
        comm.barrier()
        marks = [time.perf_counter()]
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        marks.append(time.perf_counter())
        comm.barrier()
        marks.append(time.perf_counter())
        comm.multi_node_mean_grad(model, weight=n)
        marks.append(time.perf_counter())
        optimizer.update()
        marks.append(time.perf_counter())
        first, wait, exchange, last = np.diff(marks)
        found.append((first + last, wait, exchange))
    medians = np.median(np.array(found[1:] or found), axis=0)
    return dict(zip(PARTS, 1000 * np.max(comm.allgather(medians), axis=0), strict=True))


def times_of(ranks, arguments):
    """The same of another run of this example with this number of processes; None without mpiexec and mpi4py."""
    folder = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")])
    mpiexec = shutil.which("mpiexec", path=folder)
    if mpiexec is None:
        return None
    size = ["--smoke"] * arguments.smoke + ["--quick"] * arguments.quick
    command = [mpiexec, "-n", str(ranks), sys.executable, __file__, "--measure", "--out", str(arguments.out), *size]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            stdout, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    return json.loads(stdout) if process.returncode == 0 else None


def main():
    parser = options(__doc__, epochs=(30, 10), gpu=False)
    parser.add_argument("--measure", action="store_true", help="time the steps of 1, 2 and 4 processes")
    arguments = begin(parser)
    comm = D.create_communicator()
    with D.abort_on_error(comm):
        steps = pick(arguments, 100, 30, 3)
        own = times(comm, steps)
        if arguments.measure and comm.size > 1:  # started by `times_of`
            if comm.rank == 0:
                print(json.dumps(own))
            return
        losses, accuracy = train(comm, arguments)
        if comm.rank > 0:
            return
        found = {comm.size: own}
        if arguments.measure:
            found |= {ranks: times_of(ranks, arguments) for ranks in (2, 4)}
        for epoch, each in enumerate(np.split(losses, arguments.epochs), start=1):
            print(f"epoch {epoch}: loss {each.mean():.10f}")
        print(f"{comm.size} process{'es' * (comm.size > 1)}, test accuracy: {accuracy:.4f}")
        if None in found.values():
            print("times of more processes need mpiexec and mpi4py: pip install mpi4py mpich")
        found = {ranks: each for ranks, each in found.items() if each}
        rows = [(ranks, *(f"{each[part]:.2f} ms" for part in PARTS)) for ranks, each in found.items()]
        table(("processes", *PARTS), rows)
        save(draw(losses, found), arguments)


def draw(losses, found):
    """The loss of each step; the times per step."""
    made, axes = figure("ab", height=6.0)
    axes["a"].semilogy(np.arange(1, len(losses) + 1), losses, linewidth=1)
    axes["a"].set(title="training loss", xlabel="step")
    bottom = np.zeros(len(found))
    for part in PARTS:
        heights = np.array([each[part] for each in found.values()])
        axes["b"].bar([str(ranks) for ranks in found], heights, 0.5, bottom, label=part)
        bottom += heights
    axes["b"].set(title=f"time per step of an MLP 784-1000-10, batch {TIMED_BATCH}", xlabel="processes", ylabel="ms")
    axes["b"].legend()
    return made


if __name__ == "__main__":
    main()
