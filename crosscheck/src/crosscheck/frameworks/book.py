"""Frameworks in the book's style: the stages, the published original, and custom frameworks."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from .base import Array, Framework, Missing

# Searched in this order: Linear is the layer, not the Function.
PARTS = ["layers", "models", "optimizers", "initializers", "dataloaders", "datasets", "functions", "training"]
PARTS += ["utils", "cuda"]


class BookStyle(Framework):
    """Looks names up in the framework's own modules instead of listing them here."""

    def __init__(self, name: str, modules: Sequence[ModuleType], number: int | None = None):
        self.name = name
        self.modules = modules
        self.number = number
        self.owns_gradients = number is not None
        self.grads_are_variables = hasattr(modules[0], "grad")  # from stage 3 on
        self.max_order = 99 if self.grads_are_variables else 1

    @classmethod
    def from_package(cls, name: str, package: str, number: int | None = None) -> BookStyle:
        """Import the package and its modules, searched in this order: Linear is the layer, not the Function."""
        modules = [importlib.import_module(package)]
        for part in PARTS:
            with contextlib.suppress(ModuleNotFoundError):
                modules.append(importlib.import_module(f"{package}.{part}"))
        return cls(name, modules, number)

    def find(self, name: str) -> Any:
        """The framework's own object of this name, a method as a function, such as update(optimizer), or a module."""
        for module in self.modules:
            if not isinstance(found := getattr(module, name, module), ModuleType):  # layers.linear is a file
                return found
        if any(callable(getattr(owner, name, None)) for owner in self.owners):
            return lambda x, *arguments: getattr(x, name)(*arguments)
        if isinstance(part := getattr(self.modules[0], name, None), ModuleType):
            return part  # fw.transforms.Normalize
        raise Missing(f"{self.name} has no {name}", name=name)

    @functools.cached_property
    def owners(self) -> list[Any]:
        """The classes whose methods can be called as functions."""
        names = ("Variable", "Layer", "Optimizer")
        return list(
            dict.fromkeys(getattr(module, name) for module in self.modules for name in names if hasattr(module, name))
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "modules" not in self.__dict__:
            raise AttributeError(name)
        return self.find(name)

    def Variable(self, data: Any) -> Any:
        return self.variable_class(data)

    @functools.cached_property
    def variable_class(self) -> Any:
        """The framework's Variable, for the adapter's own use: a computation looks it up by name."""
        return BookStyle.find(self, "Variable")

    def array(self, x: Any) -> Array:
        while isinstance(x, self.variable_class):
            x = x.data
        return x  # type: ignore[no-any-return]  # data of a variable, or the array itself

    def creator(self, y: Any) -> Any:
        """The function that created y, or None."""
        return y.creator

    def gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Any] | None, create_graph: bool = False
    ) -> list[Any]:
        for x in inputs:
            x.grad = None
        options = {"create_graph": True} if create_graph else {}
        for i, y in enumerate(outputs):
            if seeds is not None:
                gy = seeds[i]
                y.grad = self.Variable(gy) if self.grads_are_variables and isinstance(gy, np.ndarray) else gy
            y.backward(**options)
        return [x.grad for x in inputs]

    def function(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
        def call_backward(func: Any, *gys: Any) -> Any:
            inputs = func.inputs if hasattr(func, "inputs") else [func.input]
            gxs = backward(*map(self.array, gys), *(x.data for x in inputs))
            if not self.grads_are_variables:
                return gxs
            return tuple(self.Variable(np.asarray(gx)) for gx in (gxs if isinstance(gxs, tuple) else (gxs,)))

        members = {"forward": lambda func, *xs: forward(*xs), "backward": call_backward}
        custom = type("Custom", (self.find("Function"),), members)
        return lambda *variables: custom()(*variables)

    def weights(self, layer: Any) -> list[Array]:
        return [self.array(param) for param in layer.params()]

    def weight_gradients(self, layer: Any) -> list[Array | None]:
        return [None if param.grad is None else self.array(param.grad) for param in layer.params()]

    def set_weights(self, layer: Any, arrays: Sequence[Array]) -> None:
        for param, a in zip(layer.params(), arrays, strict=False):  # a wrong number of arrays shows up in the results
            param.data = a.copy()

    def set_rate(self, optimizer: Any, rate: float) -> None:
        setattr(optimizer, "alpha" if hasattr(optimizer, "alpha") and not self.owns_gradients else "lr", rate)

    def version(self) -> str:
        module = self.modules[0]
        return f"{module.__name__} {getattr(module, '__version__', '')}".strip() + f" ({module.__file__})"
