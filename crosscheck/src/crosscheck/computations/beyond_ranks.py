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
        self.slots: list[list[Any]] = [[None] * size, [None] * size]  # used in turn: one wait is enough
        self.condition = threading.Condition()
        self.waiting = self.round = 0
        self.ended = False  # whether one of the ranks has ended
        self.parts: dict[tuple[int, int], Shared] = {}

    def wait(self) -> None:
        """Wait for all ranks; BrokenBarrierError if one has ended, so that a mistake does not hang."""
        with self.condition:
            here = self.round
            self.waiting += 1
            if self.waiting == len(self.slots[0]):
                self.waiting, self.round = 0, here + 1
                self.condition.notify_all()
            self.condition.wait_for(lambda: self.ended or self.round > here, LIMIT)
            if self.round == here:
                raise threading.BrokenBarrierError

    def end(self) -> None:
        """One of the ranks has ended."""
        with self.condition:
            self.ended = True
            self.condition.notify_all()
        for part in [*self.parts.values()]:
            part.end()


class Rank:
    """One of the processes, with mpi4py's methods. It takes the arrays that MPI takes."""

    def __init__(self, shared: Shared, rank: int):
        self.shared = shared
        self.rank = rank
        self.turn = self.splits = 0

    def allgather(self, value: Any) -> list[Any]:
        slots = self.shared.slots[self.turn]
        self.turn = 1 - self.turn
        slots[self.rank] = copy.deepcopy(value)
        self.shared.wait()
        return list(slots)

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return len(self.shared.slots[0])

    def Allreduce(self, sent: Any, received: Any) -> None:
        received[...] = functools.reduce(operator.add, self.allgather(buffers(sent, received)[0]))

    def Allgather(self, sent: Any, received: Any) -> None:
        received[...] = self.allgather(buffers(sent, received)[0])

    def Bcast(self, buffer: Any, root: int) -> None:
        buffer[...] = self.allgather(*buffers(buffer))[root]

    def bcast(self, value: Any, root: int) -> Any:
        return self.allgather(value)[root]

    def scatter(self, values: Any, root: int) -> Any:
        return self.allgather(values)[root][self.rank]

    def Split(self, color: int, key: int) -> Rank:
        calls = enumerate(self.allgather((color, key)))
        part = sorted((key, rank) for rank, (other, key) in calls if other == color)
        self.splits += 1
        shared = self.shared.parts.setdefault((self.splits, color), Shared(len(part)))
        return Rank(shared, part.index((key, self.rank)))

    def Abort(self, status: int) -> None:
        raise SystemExit(status)


def buffers(*arrays: Any) -> tuple[Any, ...]:
    """The arrays. Raises ValueError unless they are as MPI takes them: contiguous, of one dtype, and not float16."""
    if {a.dtype for a in arrays} not in [{np.dtype(kind)} for kind in "fdbhilqBHILQ"]:
        raise ValueError(f"MPI: expected one dtype, not float16, got {[a.dtype for a in arrays]}")
    if not all(a.flags.c_contiguous for a in arrays):
        raise ValueError("MPI: expected contiguous arrays")
    return arrays


def run(fw: Any, size: int, f: Callable[[Any], Any]) -> list[Any]:
    """[f(comm) on each rank]; an error of one of them is raised."""
    shared, results, errors = Shared(size), [None] * size, []

    def work(rank: int) -> None:
        try:
            results[rank] = f(fw.distributed.create_communicator("mpi", Rank(shared, rank)))
        except Exception as error:
            errors.append(error)
        finally:
            shared.end()

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
