"""Ranks without MPI: a stand-in for mpi4py's communicators whose processes are threads of this one.

It is stricter than MPI: where MPI waits for ever, since two ranks call different methods or one has ended, it raises.
"""

import functools
import operator
import pickle
import threading

import numpy as np

from .stage import package

KIND = "mpi"  # of communicator
LIMIT = 300  # seconds: a rank that waits so long for the others waits for ever


class Shared:
    """What the ranks of a communicator share."""

    def __init__(self, size):
        self.barrier = threading.Barrier(size, timeout=LIMIT)
        self.slots = [[None] * size, [None] * size]  # used in turn: one wait is enough


class ThreadComm:
    """A communicator with the methods of mpi4py's that the package uses."""

    def __init__(self, shared, rank):
        self.shared = shared
        self.rank = rank
        self.turn = 0
        self.sent = []  # (method, bytes) of each exchange of arrays

    def exchange(self, name, value):
        slots = self.shared.slots[self.turn]
        self.turn = 1 - self.turn
        slots[self.rank] = name, value
        self.shared.barrier.wait()
        found = list(slots)
        assert {other for other, _ in found} == {name}, f"ranks wait for each other in {[name for name, _ in found]}"
        return [value for _, value in found]

    def arrays(self, name, x):
        assert type(x) is np.ndarray
        assert x.flags.c_contiguous
        assert x.dtype.kind in "iuf"
        assert x.dtype != np.float16
        self.sent.append((name, x.nbytes))
        found = self.exchange(name, x.copy())
        assert len({(a.shape, a.dtype) for a in found}) == 1, "MPI: message truncated"
        return found

    def objects(self, name, value):
        return [pickle.loads(each) for each in self.exchange(name, pickle.dumps(value))]

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return len(self.shared.slots[0])

    def Allreduce(self, sent, received):
        received[...] = functools.reduce(operator.add, self.arrays("Allreduce", sent))

    def Allgather(self, sent, received):
        received[...] = self.arrays("Allgather", sent)

    def Bcast(self, buffer, root):
        buffer[...] = self.arrays("Bcast", buffer)[root]

    def Barrier(self):
        self.exchange("Barrier", None)

    def allgather(self, value):
        return self.objects("allgather", value)

    def bcast(self, value, root):
        return self.objects("bcast", value)[root]

    def scatter(self, values, root):
        return self.objects("scatter", values)[root][self.rank]

    def Split(self, color, key):
        order = sorted(
            zip(*zip(*self.objects("Split", (color, key)), strict=True), range(self.Get_size()), strict=True)
        )
        group = [rank for other, _, rank in order if other == color]
        shared = self.exchange("shared", Shared(len(group)))[group[0]]
        return ThreadComm(shared, group.index(self.rank))

    def Abort(self, status):
        self.shared.barrier.abort()
        raise SystemExit(status)


def run(size, f):
    """[f(comm) on each rank]; if ranks raise, the first error that is not about the others."""
    shared, results, errors = Shared(size), [None] * size, [None] * size

    def work(rank):
        try:
            comm = package.distributed.create_communicator(KIND, ThreadComm(shared, rank))
            results[rank] = f(comm)
        except BaseException as error:
            errors[rank] = error
            shared.barrier.abort()

    threads = [threading.Thread(target=work, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * LIMIT)
    found = [error for error in errors if error is not None]
    for error in sorted(found, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    return results


def errors_of(size, f):
    """The ValueErrors and TypeErrors of all ranks, as strings; None for a rank without."""

    def call(comm):
        try:
            f(comm)
        except (TypeError, ValueError) as error:
            return str(error)
        return None

    return run(size, call)
