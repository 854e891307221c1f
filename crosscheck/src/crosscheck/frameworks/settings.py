"""Checks of the settings of a custom framework."""

from __future__ import annotations

import keyword
import math
import reprlib

from .. import UsageError
from ..stages import STAGES

TAKEN = (*(stage.name for stage in STAGES), "torch")


def expect(good: object, setting: str, expected: str, got: object) -> None:
    if not good:
        raise UsageError(f"{setting}: expected {expected}; got {' '.join(reprlib.repr(got).split())}")


def is_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name) and name not in TAKEN


def is_positive(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < math.inf
