"""Processes that exchange arrays, as threads of this one: a stand-in for mpi4py's communicators."""

from __future__ import annotations

import copy
import functools
import operator
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

LIMIT = 60.0  # seconds: a rank that waits so long for the others waits for ever


class Shared:
    """What the ranks of a communicator share."""

    def __init__(self, size: int):
        self.barrier = threading.Barrier(size, timeout=LIMIT)
        self.slots: list[list[Any]] = [[None] * size, [None] * size]  # used in turn: one wait is enough


class Rank:
    """One of the processes, with mpi4py's methods."""

    def __init__(self, shared: Shared, rank: int):
        self.shared = shared
        self.rank = rank
        self.turn = 0

    def allgather(self, value: Any) -> list[Any]:
        slots = self.shared.slots[self.turn]
        self.turn = 1 - self.turn
        slots[self.rank] = copy.deepcopy(value)
        self.shared.barrier.wait()
        return list(slots)

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return len(self.shared.slots[0])

    def Allreduce(self, sent: Any, received: Any) -> None:
        received[...] = functools.reduce(operator.add, self.allgather(sent))

    def Allgather(self, sent: Any, received: Any) -> None:
        received[...] = self.allgather(sent)

    def Bcast(self, buffer: Any, root: int) -> None:
        buffer[...] = self.allgather(buffer)[root]

    def Barrier(self) -> None:
        self.allgather(None)

    def bcast(self, value: Any, root: int) -> Any:
        return self.allgather(value)[root]

    def scatter(self, values: Any, root: int) -> Any:
        return self.allgather(values)[root][self.rank]

    def Split(self, color: int, key: int) -> Rank:
        """Only into parts of one process."""
        return Rank(Shared(1), 0)

    def Abort(self, status: int) -> None:
        raise SystemExit(status)


def run(fw: Any, size: int, f: Callable[[Any], Any]) -> list[Any]:
    """[f(comm) on each rank]; an error of one of them is raised."""
    shared, results, errors = Shared(size), [None] * size, []

    def work(rank: int) -> None:
        try:
            results[rank] = f(fw.distributed.create_communicator("mpi", Rank(shared, rank)))
        except Exception as error:
            errors.append(error)
            shared.barrier.abort()

    threads = [threading.Thread(target=work, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * LIMIT)
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    return results


def parts(sizes: tuple[int, ...], *arrays: Any) -> list[Any]:
    """The rows of each array for each rank."""
    return list(zip(*(np.split(a, np.cumsum(sizes)[:-1]) for a in arrays), strict=True))
