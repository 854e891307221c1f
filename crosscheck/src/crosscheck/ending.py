"""Ctrl-C and SIGTERM: a command reports what it has done, and its exit status is 130 or 143."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass

STATUS = {"interrupted": 130, "terminated": 143}


class Terminated(BaseException):
    """Raised by SIGTERM, as KeyboardInterrupt is by Ctrl-C."""


@dataclass
class Ending:
    """How a block has ended: interrupted, terminated, or, if the word is empty, at its end."""

    word: str = ""

    @property
    def status(self) -> int:
        """The exit status."""
        return STATUS[self.word] if self.word else 0


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """In this block SIGTERM raises Terminated, so that processes and temporary files are cleaned up."""

    def terminate(*_: object) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # which alone may have a handler
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def ended_early() -> Iterator[Ending]:
    """Let Ctrl-C and SIGTERM end the block but not the command, so that what is done is reported."""
    ending = Ending()
    try:
        with terminable():
            yield ending
    except KeyboardInterrupt:
        ending.word = "interrupted"
    except Terminated:
        ending.word = "terminated"


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Processes that are started in this block never receive Ctrl-C; here it takes effect at the end of the block."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by new processes
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
