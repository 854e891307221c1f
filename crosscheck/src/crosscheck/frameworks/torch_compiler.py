"""Stand-ins for modules of PyTorch's compiler, which autograd and the optimizers import without using it, and SymPy.

The real ones import a thousand other modules, three seconds in each worker process. Whoever asks a stand-in for
anything else gets the real module, so `torch.compile` in a custom framework works.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

PACKAGES = ("__path__", "torch._dynamo"), ("__path__", "sympy")


class StandIn(ModuleType):
    """A module with a few functions; the first use of another name imports the real one in its place."""

    def __init__(self, name: str, **functions: Any):
        super().__init__(name)
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and (name, self.__name__) not in PACKAGES:  # to import a submodule
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def stand_in(name: str, **functions: Any) -> None:
    """Put a stand-in in the place of a module that is not imported yet."""
    if name not in sys.modules:
        sys.modules[name] = StandIn(name, **functions)


def without_compiler() -> None:
    """Nothing is being compiled: a function is never traced, and the sizes of tensors are numbers."""
    stand_in("torch._dynamo", graph_break=lambda: None, disable=lambda f, *_, **__: f)
    guards = dict.fromkeys(
        ("expect_true", "guard_or_false", "guard_or_true", "guard_size_oblivious", "statically_known_true"), bool
    )
    stand_in(
        "torch.fx.experimental.symbolic_shapes",
        **guards,
        guarding_hint_or_throw=int,
        has_guarding_hint=lambda _: True,
        is_nested_int=lambda _: False,
        sym_and=lambda *found: all(found),
        sym_eq=lambda a, b: a == b,
        sym_or=lambda *found: any(found),
    )
    stand_in("sympy", Basic=type("Basic", (), {}))  # of which no number of a tensor is one
