"""Rows of the matrix in worker processes, so that a cell that ends its process is one red cell.

A worker imports the frameworks and computes one row after the other; the parent process imports none of them. Limits
are in CPU time, which a busy machine does not shorten: in Python a timer interrupts the cell, anywhere else the
operating system ends the worker. What only waits is ended by the clock, after TIMES_BY_THE_CLOCK as long.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection, wait
from typing import Any

from . import UsageError
from .computations import all_computations
from .coverage import uncovered
from .frameworks import BookStyle
from .matrix import Column, Row, Settings
from .runner import Cell, Runner

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]

TIMES_BY_THE_CLOCK = 10
IMPORT_LIMIT = 60.0  # seconds of CPU time
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Sink = Callable[[Cell], None]


class Alone:
    """Everything in this process: `-n 0`."""

    def __init__(self, settings: Settings):
        with contextlib.redirect_stdout(sys.stderr):  # what a framework prints must not get into `--json`
            self.runner = settings.runner()
        self.columns = [Column.of(framework) for framework in self.runner.frameworks]

    def run(self, rows: Sequence[Row]) -> Iterator[Cell]:
        """The cells of all rows."""
        for row in rows:
            for label in row.labels:
                with contextlib.redirect_stdout(sys.stderr):
                    cell = run_cell(self.runner, row, label)
                yield cell
            self.runner.forget()

    def uncovered(self) -> list[str]:
        """Public names of the stages that no computation differentiates."""
        with contextlib.redirect_stdout(sys.stderr):
            labels = [column.label for column in self.columns if column.is_stage]
            return [text for label in labels for text in uncovered_by(self.runner, label)]

    def close(self) -> None:
        """Nothing is open."""


def run_cell(runner: Runner, row: Row, label: str) -> Cell:
    framework = next(framework for framework in runner.frameworks if framework.label == label)
    return runner.run(row.computation, framework, row.dtype)


def uncovered_by(runner: Runner, label: str) -> list[str]:
    stage = next(framework for framework in runner.frameworks if framework.label == label)
    return uncovered(stage, all_computations()) if isinstance(stage, BookStyle) else []


# --- in a worker ---


def work(jobs: Connection, settings: Settings) -> None:
    """The worker: answers one job after the other until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the workers
    os.dup2(2, 1)  # what a framework prints must not get into `--json`
    try:
        limit_cpu(IMPORT_LIMIT)
        runner = settings.runner()
    except (Exception, SystemExit) as error:
        text = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
        jobs.send(UsageError(text))
        return
    jobs.send([Column.of(framework) for framework in runner.frameworks])
    computations = {computation.name: computation for computation in all_computations()}
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            name, dtype, labels = jobs.recv()
            if name is None:
                limit_cpu(settings.time_limit)
                jobs.send([text for label in labels for text in uncovered_by(runner, label)])
                continue
            row = Row(computations[name], dtype, labels)
            for label in labels:
                limit_cpu(1.5 * settings.time_limit)
                jobs.send(without_computation(run_cell(runner, row, label)))
            runner.forget()


def limit_cpu(seconds: float) -> None:
    """End this process when it has used so much more CPU time: the answer to a hang outside of Python."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 1, hard))


def without_computation(cell: Cell) -> dict[str, Any]:
    """A cell as it goes from a worker to the parent, which knows the computation."""
    return {field.name: getattr(cell, field.name) for field in fields(cell) if field.name != "computation"}


# --- in the parent ---


@dataclass
class Worker:
    """A process, the connection to it, and what it has yet to answer."""

    process: Any
    jobs: Connection
    row: Row | None = None
    since: float = 0.0
    late: bool = False

    @classmethod
    def start(cls, settings: Settings) -> Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, settings), daemon=True)
        process.start()
        theirs.close()
        return cls(process, ours, since=time.monotonic())

    def give(self, row: Row) -> None:
        """Start it on a row. That it has died meanwhile shows when the answer is read."""
        self.row, self.since = row, time.monotonic()
        with contextlib.suppress(OSError):
            self.jobs.send((row.computation.name, row.dtype, row.labels))

    def how_it_ended(self, limit: float) -> tuple[str, str]:
        """The kind of failure, and what to say."""
        self.process.join()
        code = self.process.exitcode
        if self.late:
            return "hang", f"no answer within {TIMES_BY_THE_CLOCK * limit:g} s by the clock"
        if code == -getattr(signal, "SIGXCPU", 0):
            return "hang", f"no answer within {limit:g} s of CPU time"
        return "died", f"the process ended: {signal.Signals(-code).name if code < 0 else f'exit status {code}'}"

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.jobs.close()


class Pool:
    """A few workers. Rows are handed out in the order given, so the long ones should be first."""

    def __init__(self, settings: Settings, n: int):
        self.settings = settings
        with one_thread_each():
            self.workers = [Worker.start(settings) for _ in range(n)]
        try:
            self.columns = [self.ready(worker) for worker in self.workers][-1]  # all are waited for
        except BaseException:
            self.close()
            raise

    def ready(self, worker: Worker) -> list[Column]:
        """Wait until a worker has imported the frameworks. UsageError if it cannot."""
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
        """The cells of all rows, as they are done."""
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
                yield self.answer(busy[jobs], waiting)
            for worker in busy.values():
                if time.monotonic() - worker.since > TIMES_BY_THE_CLOCK * self.settings.time_limit:
                    worker.late = True
                    worker.process.kill()  # its connection will tell

    def answer(self, worker: Worker, waiting: list[Row]) -> Cell:
        """The next cell of a worker's row; where the worker has died, that cell is red and another worker goes on."""
        row = worker.row
        assert row is not None
        try:
            cell = Cell(computation=row.computation, **worker.jobs.recv())
        except (EOFError, OSError):
            cell = Cell(row.computation, row.labels[0], row.dtype)
            cell.fail(*worker.how_it_ended(self.settings.time_limit))
            worker.stop()
            with one_thread_each():
                self.workers[self.workers.index(worker)] = new = Worker.start(self.settings)
            self.ready(new)
            if row.labels[1:]:
                waiting.append(Row(row.computation, row.dtype, row.labels[1:]))
            return cell
        rest = row.labels[1:]
        worker.row, worker.since = (Row(row.computation, row.dtype, rest) if rest else None), time.monotonic()
        return cell

    def uncovered(self) -> list[str]:
        """Public names of the stages that no computation differentiates."""
        labels = [column.label for column in self.columns if column.is_stage]
        worker = self.workers[0]
        worker.jobs.send((None, None, labels))
        return list(worker.jobs.recv())

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes that start in this block compute with one thread, unless the user has said how many."""
    changed = [name for name in ONE_THREAD if name not in os.environ]
    os.environ.update(dict.fromkeys(changed, "1"))
    try:
        yield
    finally:
        for name in changed:
            del os.environ[name]
