"""The start of a training with many processes, and its end when one of them fails."""

import atexit
import contextlib
import os
import platform
import sys
import threading
import traceback

from .. import cuda
from .communicator import Communicator, MPICommunicator, NCCLCommunicator

KINDS = {"auto": "auto", "single": "single", "mpi": "mpi", "naive": "mpi", "nccl": "nccl", "pure_nccl": "nccl"}

# The variables in which mpiexec or srun says how many processes it started: MPICH, Open MPI, MVAPICH, Slurm.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


def create_communicator(name="auto", mpi_comm=None, *, cuda_aware=False):
    """The communicator of this process: `python train.py` and `mpiexec -n 8 python train.py` run the same program.

    name: "single": one process, without MPI; "mpi" (or "naive"); "nccl" (or "pure_nccl"): between GPUs by NCCL, one GPU
    for each process; "auto": single unless started by mpiexec with more than one process, then nccl if every process
    has a GPU of its own, otherwise mpi. mpi_comm: a communicator of mpi4py, by default that of all processes.
    cuda_aware: whether the MPI takes CuPy arrays. Where there are GPUs, each process selects one. An exception in one
    process, or sys.exit with a status other than 0, then ends all. A process that reaches the end of the program waits
    for the others; what they still exchange with it is a ValueError. Raises RuntimeError without mpi4py, or if it
    belongs to another MPI than mpiexec. [not in the book]
    """
    if name not in KINDS:
        raise ValueError(f"create_communicator: expected one of {list(KINDS)}, got {name!r}")
    kind = KINDS[name]
    started = max(int(os.environ.get(variable) or 1) for variable in SIZES)
    if kind == "single" or (kind == "auto" and mpi_comm is None and started == 1):
        return Communicator()
    if mpi_comm is None:
        mpi_comm = world()
        if mpi_comm.Get_size() == 1 < started:
            raise RuntimeError(
                f"create_communicator: mpiexec started {started} processes, but MPI knows of one; "
                "mpi4py belongs to another MPI than mpiexec"
            )
    comm = MPICommunicator(mpi_comm, cuda_aware)
    end_all_on_error(comm)
    own = select_gpu(comm)
    return NCCLCommunicator(mpi_comm) if kind == "nccl" or (kind == "auto" and own) else comm


def world():
    """MPI's communicator of all processes. Raises RuntimeError without mpi4py or without an MPI."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py finds no MPI
        raise RuntimeError("create_communicator: needs mpi4py and an MPI: pip install mpi4py mpich") from error
    return MPI.COMM_WORLD


def select_gpu(comm):
    """Select a GPU by the rank on this computer; return whether every process has one of its own."""
    gpu = None
    if cuda.gpu_enable:
        device = cuda.cupy.cuda.Device(comm.intra_rank % cuda.cupy.cuda.runtime.getDeviceCount())
        device.use()
        gpu = platform.node(), device.pci_bus_id
    gpus = comm.allgather_obj(gpu)
    return None not in gpus and len(set(gpus)) == comm.size


class Exit(SystemExit):
    """What sys.exit raises in one of many processes: all end if this one ends by it with another status than 0."""

    @property
    def code(self):
        """The status. Python reads it without a caller when the process ends, not if something catches the exit."""
        status = SystemExit.code.__get__(self)
        if status and sys._getframe().f_back is None:
            from mpi4py.run import set_abort_status

            print(f"rank {self.rank} of {self.size}:\nexit: {status}", file=sys.stderr, flush=True)
            atexit.unregister(end_together)
            set_abort_status(1)
        return status


def end_all_on_error(comm):
    """From now on an exception that nothing catches prints its traceback, with the rank, and ends all processes.

    So does sys.exit with another status than 0. The end of the program on one process is an error on those that wait
    for it.
    """
    if "mpi4py.MPI" not in sys.modules or getattr(sys.excepthook, "ends_all", False):
        return
    from mpi4py.run import set_abort_status

    before = sys.excepthook

    def hook(kind, error, where):
        sys.stderr.write(f"rank {comm.rank} of {comm.size}:\n")
        before(kind, error, where)
        sys.stderr.flush()
        atexit.unregister(end_together)
        set_abort_status(1)  # when this process ends, MPI ends the others, which may wait for it

    def leave(status=None, /):
        if threading.current_thread() is not threading.main_thread():
            raise SystemExit(status)  # ends the thread only
        end = Exit(status)
        end.rank, end.size = comm.rank, comm.size
        raise end

    hook.ends_all = True
    sys.excepthook, sys.exit = hook, leave
    atexit.register(end_together, comm)


def end_together(comm):
    """At the end of the program, wait for the other processes; what they still exchange is an error there."""
    while not sys.modules["mpi4py.MPI"].Is_finalized():
        with contextlib.suppress(ValueError):  # another process is elsewhere, and has this error, too
            comm.meet("the end of the program")
            return


@contextlib.contextmanager
def abort_on_error(comm):
    """End all processes at once if the block raises, or calls sys.exit with another status than 0. [not in the book]

    The traceback is printed with the rank. `create_communicator` sees to sys.exit and to exceptions that nothing
    catches; after `raise SystemExit` the others get an error when they next exchange something. In a single process the
    block behaves as without this.
    """
    try:
        yield
    except BaseException as error:
        if comm.size == 1 or (isinstance(error, SystemExit) and not error.code):
            raise
        sys.stderr.write(f"rank {comm.rank} of {comm.size}:\n")
        if isinstance(error, SystemExit):
            print(f"exit: {error.code}", file=sys.stderr)
        else:
            traceback.print_exception(error)
        comm.abort()
