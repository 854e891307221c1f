"""The interface of an adapter: the vocabulary in which all computations are written."""

from __future__ import annotations

import abc
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


DTYPES = ("float64", "float32")  # in which computations run


class Missing(AttributeError):
    """The framework does not have this name: the computation is not supported."""


class Framework(abc.ABC):
    """A framework under test.

    Besides the methods below, a computation uses the framework's own names: `fw.square(x)`, `fw.exp(x)`,
    `fw.numerical_diff(f, x)`, `fw.MLP((10, 3))` and so on; a missing name raises Missing. Methods of
    variables, layers and optimizers are called as functions: `fw.backward(loss)`, `fw.cleargrads(model)`,
    `fw.update(optimizer)`.
    """

    name: str
    number: int | None = None  # of the stage, if it is one
    custom: bool = False  # a custom framework, given with --framework: unsupported computations are not failures
    owns_gradients: bool = False  # guarantees that first-order gradients share memory with nothing else
    max_order: int = 99  # highest supported order of differentiation
    takes_integers: bool = True  # supports derivatives at integer data
    dtypes: Sequence[str] = DTYPES  # in which it computes
    deterministic: bool = True  # gives the same bits in every run
    # What a custom framework declares; read only.
    tolerance: Mapping[str, float] = {}  # dtype -> allowed distance in eps, if not the default
    differs: Mapping[str, str] = {}  # computation, or computation/dtype -> reason
    lacks: Collection[str] | None = None  # all names that it does not have; None: not declared
    broken: Sequence[str] = ()  # invariants that its objects violated in this computation
    device: str = "cpu"  # on which it computes
    cpu: Framework | None = None  # the same framework on the CPU, if this one is on a GPU
    plain: Framework | None = None  # the same framework without hybridize, if this one is with it
    xp: Any = np  # the array module to use inside `function`: xp.sin, xp.cos ...

    @property
    def label(self) -> str:
        """The name in cells: stage5, or stage5@cuda."""
        return self.name if self.device == "cpu" else f"{self.name}@{self.device}"

    def run(self, body: Callable[..., Any], variables: Sequence[Any]) -> Any:
        """Call a computation."""
        return body(self, *variables)

    def noted(self) -> str:
        """A note for the cell about the calls since the note before."""
        return ""

    @abc.abstractmethod
    def Variable(self, data: Any) -> Any:
        """A leaf variable that holds a NumPy array."""

    @abc.abstractmethod
    def array(self, x: Any) -> Array:
        """The NumPy array of a variable, a gradient or an array; shares memory where possible."""

    @abc.abstractmethod
    def gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Any] | None, create_graph: bool = False
    ) -> list[Any]:
        """The gradients of sum(seed * output) with respect to each input, None for an unused one.

        seeds: the initial gradients, or None for the framework's default: arrays, or with create_graph also variables
        that depend on the inputs. With create_graph the gradients are variables that can be differentiated again.
        """

    @abc.abstractmethod
    def function(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
        """A user-defined function: forward(*xs) -> ys, backward(*gys, *xs) -> gxs, on arrays of `xp`."""

    def constant(self, a: Array) -> Any:
        """An array as an operand without a gradient."""
        return a

    # --- training, from stage 4 on ---

    @abc.abstractmethod
    def weights(self, layer: Any) -> list[Array]:
        """The arrays of all parameters, in the order of `params`; W of a Linear layer is (in_size, out_size)."""

    @abc.abstractmethod
    def weight_gradients(self, layer: Any) -> list[Array | None]:
        """The gradients of all parameters, None where there is none."""

    @abc.abstractmethod
    def set_weights(self, layer: Any, arrays: Sequence[Array]) -> None:
        """Copy arrays into all parameters, regardless of their previous shapes and dtypes."""

    @abc.abstractmethod
    def set_rate(self, optimizer: Any, rate: float) -> None:
        """Change the learning rate."""

    def settings(self) -> str:
        """What is compared less strictly, or not at all, because the framework declares so."""
        return ""

    def version(self) -> str:
        """What was actually imported: the version and location."""
        return self.name
