"""Rows of the matrix in worker processes, so that a cell that crashes its process is one red cell.

A worker imports the frameworks and computes row after row; the parent process imports no framework. Limits are in
CPU time, so a busy machine does not matter: in Python code a timer interrupts the cell; elsewhere the operating system
ends the worker. A worker that only waits is ended after TIMES_BY_THE_CLOCK times as much wall-clock time.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from typing import Any

from . import UsageError
from .cells import Cell
from .computations import all_computations, module_names
from .ending import interrupts_held
from .matrix import Column, Row, Settings
from .runner import Runner
from .trial import Failure

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]

TIMES_BY_THE_CLOCK = 10
IMPORT_LIMIT = 60.0  # seconds of CPU time
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Alone:
    """All rows in this process: `-n 0`."""

    def __init__(self, settings: Settings):
        with contextlib.redirect_stdout(sys.stderr):  # output of a framework must not mix with `--json`
            self.runner = settings.runner()
        self.columns = [Column.of(framework) for framework in self.runner.frameworks]

    def run(self, rows: Sequence[Row]) -> Iterator[Cell]:
        """Run all rows and yield their cells."""
        with seldom_collected(), self.runner.many_cells():
            for row in rows:
                for label in row.labels:
                    with contextlib.redirect_stdout(sys.stderr):
                        cell = run_cell(self.runner, row, label)
                    yield cell
                self.runner.forget()

    def close(self) -> None:
        """Nothing to close."""


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """In the block, the garbage collector ignores what was imported before, and looks at new objects less often.

    A graph of many objects, none of which is garbage, is then recorded in two thirds of the time.
    """
    gc.collect()
    gc.freeze()
    often = gc.get_threshold()
    gc.set_threshold(20_000, *often[1:])
    try:
        yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()


def run_cell(runner: Runner, row: Row, label: str) -> Cell:
    framework = next(framework for framework in runner.frameworks if framework.label == label)
    return runner.run(row.computation, framework, row.dtype)


# --- in a worker ---


def work(jobs: Connection, settings: Settings) -> None:
    """The worker: handles jobs until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends the workers
    os.dup2(2, 1)  # output of a framework must not mix with `--json`
    try:
        limit_cpu(IMPORT_LIMIT)
        runner = settings.runner()
    except (Exception, SystemExit) as error:
        text = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
        jobs.send(UsageError(text))
        return
    computations = {computation.name: computation for computation in all_computations()}
    with contextlib.suppress(EOFError, BrokenPipeError), seldom_collected(), runner.many_cells():  # the parent ended
        jobs.send([Column.of(framework) for framework in runner.frameworks])
        while True:
            name, dtype, labels = jobs.recv()
            row: Row | None = Row(computations[name], dtype, labels)
            while row is not None:
                found = []
                for label in row.labels[: row.together]:
                    limit_cpu(1.5 * settings.time_limit)
                    found.append(without_computation(run_cell(runner, row, label)))
                jobs.send(found)
                row = row.after(row.together)
            runner.forget()


def limit_cpu(seconds: float) -> None:
    """End this process after this much additional CPU time, in case it hangs outside Python code."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 1, hard))


def limit_memory(size: int) -> None:
    """Raise MemoryError in this process when it asks for more than this many bytes. Not every system does so."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (size, hard))


def without_computation(cell: Cell) -> dict[str, Any]:
    """A cell to send from a worker to the parent, which has the computation."""
    return {field.name: getattr(cell, field.name) for field in fields(cell) if field.name != "computation"}


# --- in the parent ---


@dataclass
class Worker:
    """A process, its connection, and its current row."""

    process: Any
    jobs: Connection
    row: Row | None = None
    since: float = 0.0
    late: bool = False

    @classmethod
    def start(cls, settings: Settings) -> Worker:
        context = start_method(settings.torch)
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, settings), daemon=True)
        with interrupts_held():
            process.start()
        theirs.close()
        return cls(process, ours, since=time.monotonic())

    def give(self, row: Row) -> None:
        """Start the worker on a row. If the process has died, reading its answer fails."""
        self.row, self.since = row, time.monotonic()
        with contextlib.suppress(OSError):
            self.jobs.send((row.computation.name, row.dtype, row.labels))

    def how_it_ended(self, limit: float) -> tuple[str, str]:
        """The kind of failure, and its message."""
        self.process.join()
        code = self.process.exitcode
        if self.late:
            return "hang", f"no answer within {TIMES_BY_THE_CLOCK * limit:g} s of wall-clock time"
        if code == -getattr(signal, "SIGXCPU", 0):
            return "hang", f"no answer within {limit:g} s of CPU time"
        return "died", f"the process ended: {signal.Signals(-code).name if code < 0 else f'exit status {code}'}"

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.jobs.close()


def begin(with_torch: bool) -> None:
    """Start the server process, so that it imports PyTorch while this process prepares the rows."""
    if start_method(with_torch).get_start_method() == "forkserver":
        with one_thread_each(), interrupts_held():
            forkserver.ensure_running()


def start_method(with_torch: bool) -> Any:
    """Workers are forked from a server process that imports PyTorch and the computations once, where there is one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*(["torch"] if with_torch else []), *module_names()])
    return context


class Pool:
    """Several workers. Rows are started in order, so the slow ones should be first."""

    def __init__(self, settings: Settings, n: int):
        self.settings = settings
        with one_thread_each():
            self.workers = [Worker.start(settings) for _ in range(n)]
        try:
            self.columns = [self.ready(worker) for worker in self.workers][-1]  # wait for all of them
        except BaseException:
            self.close()
            raise

    def ready(self, worker: Worker) -> list[Column]:
        """Wait until a worker has imported the frameworks. Raises UsageError if it cannot."""
        try:
            if not worker.jobs.poll(IMPORT_LIMIT * TIMES_BY_THE_CLOCK):
                raise UsageError(f"importing the frameworks took more than {IMPORT_LIMIT * TIMES_BY_THE_CLOCK:.0f} s")
            answer = worker.jobs.recv()
        except EOFError:
            raise UsageError(f"importing the frameworks: {worker.how_it_ended(IMPORT_LIMIT)[1]}") from None
        if isinstance(answer, UsageError):
            raise answer
        return list(answer)

    def run(self, rows: Sequence[Row]) -> Iterator[Cell]:
        """Run all rows and yield cells as they finish."""
        waiting = list(reversed(rows))
        while True:
            for worker in self.workers:
                if worker.row is None and waiting:
                    worker.give(waiting.pop())
            busy = {worker.jobs: worker for worker in self.workers if worker.row is not None}
            if not busy:
                return
            for jobs in wait(list(busy), timeout=1.0):
                assert isinstance(jobs, Connection)
                yield from self.answer(busy[jobs], waiting)
            for worker in busy.values():
                if time.monotonic() - worker.since > TIMES_BY_THE_CLOCK * self.settings.time_limit:
                    worker.late = True
                    worker.process.kill()  # then reading its answer fails

    def answer(self, worker: Worker, waiting: list[Row]) -> list[Cell]:
        """The next cells of a worker's row; if the worker has died, that cell is red and a new worker continues.

        If it has died in one of several cells that it answers at once, each of them becomes a row, which shows which.
        """
        row = worker.row
        assert row is not None
        try:
            found = [Cell(computation=row.computation, **answer) for answer in worker.jobs.recv()]
        except (EOFError, OSError):
            died = Failure(*worker.how_it_ended(self.settings.time_limit))
            worker.stop()
            with one_thread_each():
                self.workers[self.workers.index(worker)] = new = Worker.start(self.settings)
            self.ready(new)
            if row.together > 1:
                waiting += [replace(row, labels=(label,)) for label in reversed(row.labels)]
                return []
            if rest := row.after(1):
                waiting.append(rest)
            return [Cell(row.computation, row.labels[0], row.dtype, state="failed", failures=[died])]
        worker.row, worker.since = row.after(len(found)), time.monotonic()
        return found

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes started in this block use one thread, unless the user has set the number."""
    changed = [name for name in ONE_THREAD if name not in os.environ]
    os.environ.update(dict.fromkeys(changed, "1"))
    try:
        yield
    finally:
        for name in changed:
            del os.environ[name]
