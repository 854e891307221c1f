"""The judges. Each looks at a trial, one case of a cell, and yields what is not as it should be."""

from collections.abc import Callable, Iterator

from ..trial import Failure, Trial
from .cpu import against_cpu
from .differences import against_differences
from .invariants import invariants
from .reference import against_reference
from .stage_before import against_stage_before

Judge = Callable[[Trial], Iterator[Failure]]

ALWAYS: tuple[Judge, ...] = (invariants, against_stage_before)
# Not asked again about the very bytes that they have accepted from the stage before.
UNLESS_INHERITED: tuple[Judge, ...] = (against_reference, against_differences, against_cpu)
