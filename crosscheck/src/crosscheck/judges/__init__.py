"""The judges: each looks at a trial, one case of a cell, and yields its failures."""

from collections.abc import Callable, Iterator

from ..trial import Failure, Trial
from .cpu import against_cpu
from .differences import against_differences
from .invariants import invariants
from .numpy import against_numpy
from .reference import against_reference
from .second_run import against_second_run
from .stage_before import against_stage_before

Judge = Callable[[Trial], Iterator[Failure]]

ALWAYS: tuple[Judge, ...] = (invariants, against_stage_before)
# Skipped for results that are bit-equal to those of the previous stage, which they have accepted.
UNLESS_INHERITED: tuple[Judge, ...] = (
    against_reference,
    against_numpy,
    against_differences,
    against_second_run,
    against_cpu,
)
