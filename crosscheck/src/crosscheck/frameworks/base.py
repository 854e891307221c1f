"""What an adapter offers: the vocabulary in which every computation is written."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Missing(AttributeError):
    """The framework does not have this name."""


class Framework(abc.ABC):
    """A framework under test.

    Besides the methods below, a computation uses the names of the framework itself: `fw.square(x)`,
    `fw.exp(x)`, `fw.numerical_diff(f, x)`, `fw.MLP((10, 3))` and so on; a name that is not there raises
    Missing. Methods of variables, layers and optimizers are functions of them: `fw.backward(loss)`,
    `fw.cleargrads(model)`, `fw.update(optimizer)`.
    """

    name: str
    number: int | None = None  # of a stage
    guest: bool = False  # given with --framework: what it lacks is no failure
    owns_gradients: bool = False  # promises that first-order gradients are arrays of their own
    max_order: int = 99  # of differentiation
    takes_integers: bool = True  # can differentiate integer data
    differs: dict[str, str] = {}  # noqa: RUF012 (read only: a guest's declarations, computation -> reason)
    device: str = "cpu"  # where it computes
    cpu: Framework | None = None  # the same framework on the CPU, if this one is not
    xp: Any = np  # the module whose sin, cos ... work on what `function` is given

    @property
    def label(self) -> str:
        """How its cells are named: stage5, or stage5@cuda."""
        return self.name if self.device == "cpu" else f"{self.name}@{self.device}"

    @abc.abstractmethod
    def Variable(self, data: Any) -> Any:
        """A leaf that holds a NumPy array."""

    @abc.abstractmethod
    def array(self, x: Any) -> Array:
        """The NumPy array in a variable, a gradient or an array; shares memory with it where it can."""

    @abc.abstractmethod
    def gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Array] | None, create_graph: bool = False
    ) -> list[Any]:
        """The gradient of sum(seed * output) by each input, None where there is none.

        seeds None: the framework's own default. With create_graph the results are variables again.
        """

    @abc.abstractmethod
    def function(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the user's own: forward(*xs) -> ys, backward(*gys, *xs) -> gxs, on arrays of `xp`."""

    def constant(self, a: Array) -> Any:
        """An array as an operand beside a variable: what has no gradient."""
        return a

    # --- training, from stage 4 on ---

    @abc.abstractmethod
    def weights(self, layer: Any) -> list[Array]:
        """The arrays of all parameters, in the order of `params`; W of a Linear is (in_size, out_size)."""

    @abc.abstractmethod
    def weight_gradients(self, layer: Any) -> list[Array | None]:
        """Their gradients, None where there is none."""

    @abc.abstractmethod
    def set_weights(self, layer: Any, arrays: Sequence[Array]) -> None:
        """Copy arrays into all parameters, whatever shape and dtype these had."""

    @abc.abstractmethod
    def set_rate(self, optimizer: Any, rate: float) -> None:
        """Go on with another learning rate."""

    def version(self) -> str:
        """What was really imported: version and place."""
        return self.name
