"""Real processes, started by mpiexec: exchanges, training, failures, and the same program without mpiexec."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest

from .scripts import STAGE

LIMIT = 600  # seconds: only a hang takes so long
REQUIRED = "REQUIRE_MPI" in os.environ  # tox -e distributed: what would be skipped elsewhere fails or runs
EXAMPLE = STAGE / "examples" / "data_parallel.py"

START = """
import os, signal, sys
import numpy as np
import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, datasets, models, optimizers
from stage5_advanced import distributed as D

def model_of(name):
    if name == "MLP":
        model = models.MLP((5, 3), F.tanh)
    elif name == "CNN":
        model = models.Sequential(lambda x: F.reshape(x, (-1, 1, 4, 4)), L.Conv2d(3, 3, pad=1), F.relu,
                                  lambda x: F.flatten(F.pooling(x, 2, 2)), L.Linear(3))
    else:
        model = models.Sequential(L.LSTM(4), L.Linear(3))
    model(np.zeros((2, 16), np.float32))
    rng = np.random.default_rng(7)
    for param in model.params():
        param.data = rng.normal(0, 0.5, param.shape)
    return model

def train(name, comm, x, t, steps=20):
    model = model_of(name)
    optimizer = D.create_multi_node_optimizer(optimizers.Adam(0.01), comm).setup(model)
    comm.bcast_data(model)
    losses = []
    for _ in range(steps):
        if name == "LSTM":
            model.l0.reset_state()
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update(len(x))
        weights = b"".join(param.data.tobytes() for param in model.params())
        assert len(set(comm.allgather_obj(weights))) == 1
        losses.append(float(loss) * len(x))
    return comm.allreduce(np.array(losses))

rng = np.random.default_rng(0)
x, t = rng.normal(size=(32, 16)), rng.integers(3, size=32)
"""


def files_of_mpich():
    """The files that the package mpich from PyPI has installed: name -> path."""
    try:
        return {file.name: str(file.locate().resolve()) for file in importlib.metadata.files("mpich") or ()}
    except importlib.metadata.PackageNotFoundError:
        return {}


def run(command, cwd=None):
    """Run a command with a limit of time; return its exit status, stdout and stderr."""
    files = files_of_mpich()  # also found if they are installed for another environment
    env = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    if "libmpi.so.12" in files:
        env["MPI4PY_LIBMPI"] = files["libmpi.so.12"]
        env["PATH"] = os.pathsep.join([env.get("PATH", ""), os.path.dirname(files["mpiexec"])])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=env, cwd=cwd, start_new_session=True, **pipes) as process:
        try:
            stdout, stderr = process.communicate(timeout=LIMIT)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, stdout, stderr


@pytest.fixture(scope="module")
def mpiexec():
    """The command mpiexec, if mpi4py works with it."""
    missing = pytest.fail if REQUIRED else pytest.skip
    command = files_of_mpich().get("mpiexec") or shutil.which("mpiexec")
    if command is None or importlib.util.find_spec("mpi4py") is None:
        missing("mpi4py or an MPI is not installed: pip install mpi4py mpich")
    program = "from mpi4py import MPI; raise SystemExit(MPI.COMM_WORLD.Get_size() != 2)"
    status, _, stderr = run([command, "-n", "2", sys.executable, "-c", program])
    if status:
        missing(f"mpi4py does not work with {command}: {stderr[-300:]}")
    return command


@pytest.fixture
def ranks(mpiexec, tmp_path):
    """A function that runs a program on n ranks; n = 0: without mpiexec."""

    def call(n, program):
        path = tmp_path / "program.py"
        path.write_text(START + textwrap.dedent(program), encoding="utf-8")
        return run([*([mpiexec, "-n", str(n)] if n else []), sys.executable, str(path)])

    return call


@pytest.mark.parametrize("n", [2, 4])
def test_processes_exchange(n, ranks):
    program = """
    comm = D.create_communicator()
    assert type(comm) is D.MPICommunicator and comm.intra_size == comm.size
    for dtype in (np.float16, np.float32, np.float64, np.int64):
        x = np.arange(6, dtype=dtype).reshape(2, 3).T + dtype(comm.rank)
        total = comm.allreduce(x)
        assert total.dtype == dtype
        np.testing.assert_array_equal(total, sum(np.arange(6.0).reshape(2, 3).T + rank for rank in range(comm.size)))
        assert [a[0, 0] for a in comm.allgather(x)] == list(range(comm.size))
        np.testing.assert_array_equal(comm.bcast(x if comm.rank == 1 else None, 1), x - comm.rank + 1, strict=True)
    assert comm.allreduce_obj([comm.rank]) == list(range(comm.size))
    assert comm.gather_obj(comm.rank, 1) == (list(range(comm.size)) if comm.rank == 1 else None)
    assert comm.scatter_obj(list(range(comm.size))) == comm.rank
    part = comm.split(comm.rank % 2)
    assert int(part.allreduce(np.array(1))) == comm.size // 2
    try:
        comm.allreduce(np.zeros(comm.rank))
    except ValueError as error:
        assert "rank 1: allreduce((1,)" in str(error)
    data = D.scatter_dataset([(i, i) for i in range(10)] if comm.rank == 0 else None, comm, shuffle=True, seed=0)
    assert len(data) == -(-10 // comm.size)
    norm, batch = D.MultiNodeBatchNormalization(comm), np.array_split(x, comm.size)[comm.rank]
    y = comm.allgather_obj(norm(np.arange(16.0).reshape(8, 2)[comm.rank :: comm.size]).data)
    np.testing.assert_allclose(sum(a.sum(0) for a in y), 0, atol=1e-12)
    comm.barrier()
    print("done")
    """
    status, stdout, stderr = ranks(n, program)
    assert (status, stdout.count("done")) == (0, n), stderr


@pytest.mark.parametrize("n", [2, 4])
def test_many_processes_train_as_one(n, ranks):
    program = """
    comm = D.create_communicator()
    two = [("MLP", [17, 15]), ("CNN", [16, 16]), ("LSTM", [16, 16])]
    for name, sizes in two if comm.size == 2 else [("MLP", [9, 7, 15, 1])]:
        cuts = np.cumsum(sizes)[:-1]
        losses = train(name, comm, np.split(x, cuts)[comm.rank], np.split(t, cuts)[comm.rank])
        np.testing.assert_allclose(losses, train(name, D.create_communicator("single"), x, t), rtol=1e-10)
    print("done")
    """
    status, stdout, stderr = ranks(n, program)
    assert (status, stdout.count("done")) == (0, n), stderr


def test_the_same_program_with_and_without_mpiexec(ranks):
    program = """
    comm = D.create_communicator()
    assert (comm.size == 1) == ("mpi4py" not in sys.modules)
    part = D.scatter_dataset(datasets.Digits(), comm, root=None)
    np.random.seed(comm.rank)
    loader = DataLoader(part, 50 // comm.size, shuffle=False)
    model = models.MLP((20, 10))
    optimizer = D.create_multi_node_optimizer(optimizers.MomentumSGD(0.1), comm).setup(model)
    for x, t in loader:
        loss = F.softmax_cross_entropy(model(x / np.float32(16)), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
    D.save_checkpoint(comm, os.path.join(os.path.dirname(__file__), "run"), model, optimizer, loader)
    evaluate = D.create_multi_node_evaluator(lambda part: (float(len(part)), len(part)), comm)
    if comm.rank == 0:
        print(evaluate([0]), bool(np.isfinite(loss.data)))
    else:
        evaluate([0])
    """
    for n in (0, 2):
        status, stdout, stderr = ranks(n, program)
        assert (status, stdout) == (0, "1.0 True\n"), stderr


FAILURES = {
    "an error": (
        'raise ValueError("the data is missing")',
        "rank 1 of {n}:\nTraceback",
        "ValueError: the data is missing",
    ),
    "an error in a thread's result": (
        "from stage5_advanced.prefetch import Prefetch; next(iter(Prefetch(DataLoader([0], 1))))",
        "rank 1 of {n}:\nTraceback",
        "TypeError: DataLoader: expected pairs",
    ),
    "a signal": ("os.kill(os.getpid(), signal.SIGKILL)", "", ""),
    "an exit in a block": ('[None for _ in [0] if sys.exit("no data")]', "rank 1 of {n}:\nexit: no data", ""),
    "an exit": ('sys.exit("no data")', "rank 1 of {n}:\nexit: no data", ""),
    "wrong arguments": (
        "import argparse; argparse.ArgumentParser().parse_args(['--no'])",
        "rank 1 of {n}:\nexit: 2",
        "unrecognized arguments: --no",
    ),
    "the end of the program": ("raise SystemExit", "rank 0 of {n}:\nTraceback", "rank 1: the end of the program"),
    "an exit that is raised": ("raise SystemExit(3)", "rank 0 of {n}:\nTraceback", "rank 1: the end of the program"),
    "fewer steps": (
        "break",
        "of {n}:\n",
        "expected the same on every rank, got rank 0: update; rank 1: barrier",
    ),
    "the end of the process": ("os._exit(3)", "", ""),
    "gradients of nan": ("model.l0.W.grad.data[0, 0] = np.nan", "rank 1 of {n}:", "got nan or inf in ['l0/W']"),
    "another model": (
        'model = model_of("CNN"); optimizer.setup(model)',
        "rank 1 of {n}:",
        "bcast_data: rank 1: expected",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_of_one_process_ends_all(failure, ranks):
    statement, first, last = FAILURES[failure]
    program = f"""
    comm = D.create_communicator()
    model = model_of("MLP")
    optimizer = D.create_multi_node_optimizer(optimizers.SGD(0.1), comm, check_finite=True).setup(model)
    {"with D.abort_on_error(comm):" if "block" in failure else "if True:"}
        for i in range(4):
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            if comm.rank == 1 and i == {0 if "model" in failure else 2}:
                {statement}
            optimizer.update()
    comm.barrier()
    print("done")
    """
    n = 4 if failure == "an error" else 2
    status, stdout, stderr = ranks(n, program)
    assert status != 0
    assert "done" not in stdout
    assert first.format(n=n) in stderr
    assert last in stderr


def test_an_exit_that_is_caught_ends_nothing(ranks):
    program = """
    comm = D.create_communicator()
    try:
        sys.exit(f"rank {comm.rank}")
    except SystemExit as error:
        assert error.code == f"rank {comm.rank}"
    import threading
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join(60)
    assert comm.allreduce_obj(1) == 2
    print("done")
    sys.exit(0)
    """
    status, stdout, stderr = ranks(2, program)
    assert (status, stdout.count("done"), stderr) == (0, 2, "")


def test_a_process_that_has_ended_is_an_error_for_those_that_wait_for_it(ranks):
    program = """
    comm = D.create_communicator()
    if comm.rank == 1:
        raise SystemExit
    for _ in range(3):
        try:
            comm.allreduce(x)
        except ValueError as error:
            assert "got rank 0: allreduce; rank 1: the end of the program" in str(error)
        else:
            raise AssertionError("no error")
    print("done")
    """
    status, stdout, stderr = ranks(2, program)
    assert (status, stdout, stderr) == (0, "done\n", "")


slow = pytest.mark.skipif(not REQUIRED, reason="starts many processes with matplotlib: tox -e distributed")


@slow
def test_the_example_trains_with_two_processes_as_with_one(mpiexec, tmp_path):
    losses = []
    for start in ([], [mpiexec, "-n", "2"]):
        status, stdout, stderr = run([*start, sys.executable, str(EXAMPLE), "--smoke"], tmp_path)
        assert status == 0, stderr
        found = re.fullmatch(
            rf"epoch 1: loss (\S+)\n{len(start) // 2 + 1} process(es)?, test accuracy: \S+\n(.*\n)+figure: .*\n", stdout
        )
        losses.append(float(found.group(1)))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@slow
def test_the_example_measures_one_two_and_four_processes(mpiexec, tmp_path):
    status, stdout, stderr = run([sys.executable, str(EXAMPLE), "--smoke", "--measure"], tmp_path)
    assert status == 0, stderr
    table = stdout[stdout.index("processes  computation") :]
    assert [line.split()[0] for line in table.splitlines()] == ["processes", "1", "2", "4", "figure:"]
