"""What functions of stage 5 say of arguments that do not fit: the type and the whole text of each error."""

from __future__ import annotations

import pathlib
import tomllib
from functools import partial
from typing import Any

import numpy as np

from .beyond_mutantsa import ones, whole
from .mutants_functions import message
from .utilities import NUMPY
from .values import values

MISFITS = tomllib.loads(pathlib.Path(__file__).with_name("misfits.toml").read_text(encoding="utf-8"))
ARRAYS: dict[str, Any] = {
    "np": np, "one": ones, "whole": whole, "image": ones(1, 4, 3, 5), "row": ones(1, 4, 5),
    "four": [ones(3, 2)] * 4, "b4": [ones(2)] * 4, "h4": [ones(2, 2)] * 4,
    "three": [ones(3, 2)] * 3, "b3": [ones(2)] * 3, "h3": [ones(2, 2)] * 3,
}  # fmt: skip


def said(fw: Any, group: str) -> list[str]:
    """What each call of a group says."""
    return [message(partial(eval, call, {"fw": fw, **ARRAYS})) for call in MISFITS[group]]


values(
    60, NUMPY,
    *((f"misfits_of_{group}", lambda fw, group=group: said(fw, group), lambda texts=texts: list(texts.values()))
      for group, texts in MISFITS.items()),
    since=5,
)  # fmt: skip
