"""Custom frameworks: a file in the book's style, or with functions that adapt it; see docs/frameworks.md."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from .. import UsageError
from .base import DTYPES, Array, Missing
from .book import BookStyle
from .settings import TAKEN, expect, is_name, is_positive

# Functions of the file that replace the book's conventions. They have the signatures in base.py.
OWN = ("function", "constant", "weights", "weight_gradients", "set_weights", "set_rate")


class Custom(BookStyle):
    """The functions and settings of a file, and the book's conventions for what it does not define.

    Raises UsageError if a setting is not as described in docs/frameworks.md.
    """

    custom = True

    def __init__(self, module: ModuleType, default_name: str):
        name = getattr(module, "name", default_name)
        from ..computations import all_computations  # they import frameworks/base.py

        expect(is_name(name), "name", f"a word of letters, digits and _, not {', '.join(TAKEN)}", name)
        super().__init__(name, [module])
        for function in ("Variable", "array", "gradients", *OWN):
            if hasattr(module, function) or function == "Variable":
                found = getattr(module, function, None)
                expect(callable(found), function, "a class or a function", found)
        vars(self).update({function: getattr(module, function) for function in OWN if hasattr(module, function)})
        self.own_array = getattr(module, "array", super().array)
        self.own_gradients = getattr(module, "gradients", None)
        self.max_order = getattr(module, "max_order", self.default_order())
        expect(type(self.max_order) is int and self.max_order > 0, "max_order", "a positive integer", self.max_order)
        if self.max_order > 1 and self.default_order() == 1 and self.own_gradients:
            raise UsageError("gradients: expected a parameter create_graph, since max_order is above 1")
        self.grads_are_variables = self.max_order > 1
        self.takes_integers = getattr(module, "takes_integers", True)
        self.deterministic = getattr(module, "deterministic", True)
        for setting in ("takes_integers", "deterministic"):
            expect(isinstance(vars(self)[setting], bool), setting, "True or False", vars(self)[setting])
        self.dtypes = getattr(module, "dtypes", DTYPES)
        good = isinstance(self.dtypes, list | tuple) and self.dtypes and all(d in DTYPES for d in self.dtypes)
        expect(good, "dtypes", f"some of {DTYPES}", self.dtypes)
        tolerance = getattr(module, "tolerance", {})
        self.tolerance = tolerance if isinstance(tolerance, Mapping) else dict.fromkeys(DTYPES, tolerance)
        good = set(self.tolerance) <= set(DTYPES) and all(map(is_positive, self.tolerance.values()))
        expect(good, "tolerance", 'a positive number of eps, or numbers by dtype: {"float32": 200}', tolerance)
        self.differs = getattr(module, "differs", {})
        good = isinstance(self.differs, Mapping) and all(isinstance(r, str) and r for r in self.differs.values())
        expect(good, "differs", 'reasons by computation: {"square": "..."}', self.differs)
        known = {key for c in all_computations() for key in (c.name, *(f"{c.name}/{dtype}" for dtype in c.dtypes))}
        unknown = [key for key in self.differs if key not in known]
        expect(not unknown, "differs", "names of computations (crosscheck list computations)", unknown)
        self.lacks = getattr(module, "lacks", None)
        good = isinstance(self.lacks, list | tuple | set | None) and all(isinstance(n, str) for n in self.lacks or ())
        expect(good, "lacks", 'a list of names: ["conv2d", "Variable.max"]', self.lacks)
        there = [lacked for lacked in self.lacks or () if hasattr(module, lacked)]
        expect(not there, "lacks", "names that the file does not have", there)

    def settings(self) -> str:
        found = [f"derivatives to order {self.max_order}"] if self.max_order < 99 else []
        found += [f"{', '.join(self.dtypes)} only"] if len(self.dtypes) < len(DTYPES) else []
        found += [f"tolerance {number:g} eps in {dtype}" for dtype, number in self.tolerance.items()]
        found += [] if self.takes_integers else ["no integers"]
        found += [] if self.deterministic else ["two runs are not compared"]
        return "; ".join(found)

    def default_order(self) -> int:
        """99 if gradients can be differentiated again, as far as the file shows; otherwise 1."""
        if self.own_gradients is None:
            return 99 if self.grads_are_variables else 1
        return 99 if "create_graph" in inspect.signature(self.own_gradients).parameters else 1

    def array(self, x: Any) -> Array:
        found = self.own_array(x)
        if not isinstance(found, np.ndarray | np.generic):
            raise TypeError(f"array: expected a NumPy array, got {type(found).__name__} for {type(x).__name__}")
        return np.asarray(found)

    def creator(self, y: Any) -> Any:
        own = getattr(self.modules[0], "creator", None)
        if own is None and not hasattr(y, "creator"):
            raise Missing(f"{self.name} has no creator", name="creator")
        return y.creator if own is None else own(y)

    def gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Any] | None, create_graph: bool = False
    ) -> list[Any]:
        if create_graph and self.max_order == 1:
            raise Missing(f"{self.name} has no derivatives of order 2", name="gradients(create_graph)")
        if self.own_gradients is None:
            return super().gradients(outputs, inputs, seeds, create_graph)
        found = list(self.own_gradients(outputs, inputs, seeds, **({"create_graph": True} if create_graph else {})))
        if len(found) != len(inputs):
            raise ValueError(f"gradients: expected {len(inputs)} gradients, one for each input, got {len(found)}")
        return found
