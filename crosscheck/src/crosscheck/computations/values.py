"""Values as tables: (name, call, reference) for each, where PyTorch has no such function; and what their calls need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..frameworks.base import Array
from . import computation


def values(step: int, why: str, *rows: tuple[Any, ...], **declared: Any) -> None:
    """Register calls, call(fw), each with its reference, a function without arguments.

    why: what the references are, and why PyTorch computes none of them.
    """
    for name, call, reference in rows:
        body = in_turn(call, reference)
        body.__name__ = name
        body.__doc__ = name.replace("_", " ").capitalize()
        body.__wrapped__ = call  # type: ignore[attr-defined]  # whose source the report shows
        computation(step=step, order=0, dtypes=("float64",), golden=why, **declared)(body)


def in_turn(call: Callable[[Any], Any], reference: Callable[[], Any]) -> Callable[[Any], list[Array]]:
    """The arrays of call(fw), and in the column of PyTorch those of the reference."""
    return lambda fw: list(arrays(fw, reference() if fw.name == "torch" else call(fw)))


def arrays(fw: Any, value: Any) -> Iterator[Array]:
    """A value as arrays: sequences in order, dicts as keys and values, bytes and images as uint8, text as uint32."""
    if isinstance(value, dict):
        value = [part for item in value.items() for part in item]
    if isinstance(value, list | tuple):
        for part in value:
            yield from arrays(fw, part)
    elif value is None:
        yield np.array(np.nan)
    elif isinstance(value, str):
        yield np.frombuffer(value.encode("utf-32-le"), np.uint32)
    elif isinstance(value, bytes):
        yield np.frombuffer(value, np.uint8)
    elif isinstance(value, np.dtype | type):
        yield from arrays(fw, np.dtype(value).str)
    elif hasattr(value, "getbands"):  # an image
        yield from arrays(fw, [value.mode, np.asarray(value)])
    elif isinstance(value, bool | int | float | np.generic | np.ndarray):
        yield np.array(value)
    else:
        yield np.array(fw.array(value))
