"""A limit on the CPU time of a cell, so that a busy machine makes none fail."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

TIME_LIMIT = 120.0  # seconds of CPU time per cell


class TimeLimit(BaseException):
    """Raised in a cell that takes too long; not an Exception, so that no `except Exception` catches it."""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise TimeLimit in the block after this much CPU time of the process, if the system has such a timer."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
