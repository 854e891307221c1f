"""Worker processes that answer tasks side by side; one that dies or hangs is replaced."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from . import UsageError
from .ending import interrupts_held
from .pool import IMPORT_LIMIT, TIMES_BY_THE_CLOCK, limit_cpu, limit_memory, one_thread_each, start_method

MEMORY = 12 * 2**30  # bytes for each process, where a planted bug may ask for ever more

Answer = Callable[[Any], Any]
Answers = Callable[[Iterable[Any]], Iterator[tuple[Any, Any]]]


class Again(Exception):
    """Raised by a worker that earlier tasks have left in another state: a new process answers the task."""


@dataclass(frozen=True)
class Ended:
    """The answer to a task that ended its worker. hang: by its limit of CPU time, or of wall-clock time."""

    text: str
    hang: bool


def work(jobs: Connection, setup: Callable[..., Answer], arguments: tuple[Any, ...], limit: float) -> None:
    """The worker: answers tasks until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends the workers
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what a planted bug prints or warns of is of no interest
    limit_cpu(IMPORT_LIMIT)
    answer = setup(*arguments)
    limit_memory(MEMORY)
    os.dup2(nowhere, 2)
    with contextlib.suppress(EOFError, BrokenPipeError):  # when the parent has ended
        jobs.send(None)
        while True:
            task = jobs.recv()
            limit_cpu(limit)
            try:
                found = answer(task)
            except Again as again:
                found = again
            except Exception as error:
                found = UsageError(f"{task[0]}: {type(error).__name__}: {error}")
            jobs.send(found)


class Worker:
    """A process, its connection, and its current task."""

    def __init__(self, setup: Callable[..., Answer], arguments: tuple[Any, ...], limit: float):
        self.limit = limit
        self.task: Any = None
        self.busy = self.late = False
        self.since = 0.0
        context = start_method(with_torch=True)
        self.jobs, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, setup, arguments, limit), daemon=True)
        with one_thread_each(), interrupts_held():
            self.process.start()
        theirs.close()

    def wait_until_ready(self) -> None:
        try:
            self.jobs.recv()
        except EOFError:
            raise UsageError(f"a worker process ended while it started: {self.ended().text}") from None

    def give(self, task: Any) -> None:
        """Start the worker on a task. If the process has died, reading its answer fails."""
        self.task, self.busy, self.since = task, True, time.monotonic()
        with contextlib.suppress(OSError):
            self.jobs.send(task)

    def answer(self) -> Any:
        self.busy = False
        try:
            return self.jobs.recv()
        except (EOFError, OSError):
            return self.ended()

    def ended(self) -> Ended:
        self.process.join()
        code = self.process.exitcode or 0
        if self.late:
            return Ended(f"no answer within {TIMES_BY_THE_CLOCK * self.limit:g} s of wall-clock time", True)
        if code == -getattr(signal, "SIGXCPU", 0):
            return Ended(f"no answer within {self.limit:g} s of CPU time", True)
        return Ended(f"the process ended: {signal.Signals(-code).name if code < 0 else f'exit status {code}'}", False)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.jobs.close()


@contextlib.contextmanager
def workers(n: int, setup: Callable[..., Answer], arguments: tuple[Any, ...], limit: float) -> Iterator[Answers]:
    """In the block, a function that has tasks answered and yields pairs of task and answer, as they are finished.

    setup(*arguments) is called in each process and returns the function that answers tasks, each within a limit of
    CPU time. At the end of the block, however it ends, no process is left.
    """
    team: list[Worker] = []

    def answers(tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        waiting = iter(tasks)
        while True:
            for worker in team:
                if not worker.busy and (task := next(waiting, None)) is not None:
                    worker.give(task)
            busy = {worker.jobs: worker for worker in team if worker.busy}
            if not busy:
                return
            for jobs in wait(list(busy), timeout=1.0):
                worker = busy[jobs]  # only connections were waited for
                answer = worker.answer()
                if isinstance(answer, UsageError):
                    raise answer
                if isinstance(answer, Ended | Again):
                    worker.stop()
                    team[team.index(worker)] = new = Worker(setup, arguments, limit)
                    new.wait_until_ready()
                if isinstance(answer, Again):
                    new.give(worker.task)
                else:
                    yield worker.task, answer
            for worker in busy.values():
                if worker.busy and time.monotonic() - worker.since > TIMES_BY_THE_CLOCK * limit:
                    worker.late = True
                    worker.process.kill()  # then reading its answer fails

    try:
        for _ in range(n):
            team.append(Worker(setup, arguments, limit))
        for worker in team:
            worker.wait_until_ready()
        yield answers
    finally:
        for worker in team:
            worker.stop()
