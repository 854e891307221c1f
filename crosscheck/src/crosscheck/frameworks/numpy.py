"""NumPy as a reference for values at integers: their dtype, and how they wrap around. It has no gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .base import Array, Framework, Missing

# The functions of the stages that NumPy has. Operators and methods are those of its arrays.
SAME: dict[str, Callable[..., Any]] = {
    "square": lambda x: x**2,
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "log": np.log,
    "neg": np.negative,
    "add": np.add,
    "mul": np.multiply,
    "sub": np.subtract,
    "rsub": lambda x0, x1: x1 - x0,
    "div": np.divide,
    "rdiv": lambda x0, x1: x1 / x0,
    "pow": lambda x, c: x**c,
    "as_variable": np.asarray,
    "reshape": np.reshape,
    "swapaxes": np.swapaxes,
    "flip": np.flip,
    "transpose": np.transpose,
    "expand_dims": np.expand_dims,
    "flatten": lambda x: x.reshape(len(x), -1),
    "get_item": lambda x, slices: x[slices],
    "concat": np.concatenate,
    "stack": np.stack,
    "broadcast_to": np.broadcast_to,
    "sum": lambda x, axis=None, keepdims=False: np.sum(x, axis=axes(axis), keepdims=keepdims),
    "mean": lambda x, axis=None, keepdims=False: np.mean(x, axis=axes(axis), keepdims=keepdims),
    "average": lambda x, axis=None, keepdims=False: np.mean(x, axis=axes(axis), keepdims=keepdims),
    "sum_to": lambda x, shape: x if x.shape == tuple(shape) else sum_to(x, tuple(shape)),
    "max": lambda x, axis=None, keepdims=False: np.max(x, axis=axes(axis), keepdims=keepdims),
    "min": lambda x, axis=None, keepdims=False: np.min(x, axis=axes(axis), keepdims=keepdims),
    "matmul": np.matmul,
    "linear": lambda x, W, b=None: x @ W if b is None else x @ W + b,
    "linear_simple": lambda x, W, b=None: x @ W if b is None else x @ W + b,
    "clip": np.clip,
    "relu": lambda x: np.maximum(x, 0.0),
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "where": np.where,
    "sign": np.sign,
    "cast": lambda x, dtype: x.astype(dtype),
    "squeeze": np.squeeze,
    "tile": np.tile,
    "repeat": np.repeat,
    "abs": np.abs,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def axes(axis: Any) -> Any:
    """NumPy accepts no list of axes."""
    return tuple(axis) if isinstance(axis, list) else axis


def sum_to(x: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes that broadcasting to x adds or stretches."""
    lead = x.ndim - len(shape)
    stretched = (*range(lead), *(lead + i for i, n in enumerate(shape) if n == 1))
    return np.asarray(x.sum(axis=stretched, keepdims=True)).reshape(shape)


class NumPyFramework(Framework):
    """Variables are arrays. What is not in SAME is missing."""

    name = "numpy"
    number = None

    def __getattr__(self, name: str) -> Any:
        if name not in SAME:
            raise Missing(f"NumPy has no {name}", name=name)
        return SAME[name]

    def Variable(self, data: Any) -> Any:
        return np.asarray(data)

    def array(self, x: Any) -> Array:
        return np.asarray(x)

    def gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Any] | None, create_graph: bool = False
    ) -> list[Any]:
        raise Missing("NumPy has no gradients", name="gradients")

    def function(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
        return forward

    def weights(self, layer: Any) -> list[Array]:
        raise Missing("NumPy has no layers", name="weights")

    def weight_gradients(self, layer: Any) -> list[Array | None]:
        raise Missing("NumPy has no layers", name="weight_gradients")

    def set_weights(self, layer: Any, arrays: Sequence[Array]) -> None:
        raise Missing("NumPy has no layers", name="set_weights")

    def set_rate(self, optimizer: Any, rate: float) -> None:
        raise Missing("NumPy has no optimizers", name="set_rate")
