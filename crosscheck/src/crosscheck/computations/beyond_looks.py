"""Beyond the book: a look into models in detail, weights in files of safetensors, and names imported at first use."""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import types
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from .beyond_runs import BY_RULES
from .errors import package
from .mutants_functions import message
from .values import values

X = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 2.0]])


def tables(fw: Any) -> Any:
    """Tables of three levels, of outputs that are not arrays, of one sample with batch norm, and in no_grad."""
    L, T = fw.layers, fw.training

    class Pair(L.Layer):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return x * 2, 3.0

    inner = fw.Sequential(fw.Sequential(L.Linear(2, in_size=3), L.BatchNorm()), L.Linear(1, in_size=2))
    model = fw.Sequential(inner, L.Linear(1, in_size=1))
    with contextlib.redirect_stdout(io.StringIO()) as printed, fw.no_grad():
        texts = [T.summary(model, X[:1]), T.summary(Pair(), X)]
    order: list[str] = []
    T.apply(model, lambda layer: order.append(type(layer).__name__))
    return [[str(text) for text in texts], [repr(text) == str(text) for text in texts], printed.getvalue(), order]


TABLE = """\
=============================================
Layer (class)            Output shape  Params
=============================================
Sequential               (1, 1)            --
├─ l0 (Sequential)       (1, 1)            --
│  ├─ l0 (Sequential)    (1, 2)            --
│  │  ├─ l0 (Linear)     (1, 2)             8
│  │  └─ l1 (BatchNorm)  (1, 2)             4
│  └─ l1 (Linear)        (1, 1)             3
└─ l1 (Linear)           (1, 1)             2
=============================================
Total params: 17
Buffers: 4
Size of both: 0.00 MiB
============================================="""
OF_A_PAIR = """\
===================================
Layer (class)  Output shape  Params
===================================
Pair           (2, 3)            --
===================================
Total params: 0
Buffers: 0
Size of both: 0.00 MiB
==================================="""


def expected_tables() -> Any:
    order = ["Linear", "BatchNorm", "Sequential", "Linear", "Sequential", "Linear", "Sequential"]
    return [[TABLE, OF_A_PAIR], [True, True], f"{TABLE}\n{OF_A_PAIR}\n", order]


def kernels(fw: Any) -> Any:
    """Kernels of TensorFlow as variables and arrays; norms of large float32 gradients; flows through one model."""
    L, T, found = fw.layers, fw.training, []
    W = np.arange(24.0).reshape(1, 2, 3, 4)
    for given in (W, fw.Variable(W)):
        for y in (T.from_tf_kernel(given), T.from_tf_kernel(given, True)):
            found.append([type(y) is np.ndarray, y])
    layer = L.Linear(1, in_size=3, nobias=True)
    layer.W.grad = fw.Variable(np.full((3, 1), 3e30, "f"))
    norm = T.gradient_norms(layer)["W"]
    found.append([np.isclose(norm / 3e30, 3**0.5), type(norm) is float])
    flows = T.gradient_flow(lambda *_: layer, X, fw.sum, {"a": 1, "b": 2}, {"c": 3})
    return [*found, [[*names, *norms.values()] for names, norms in flows.items()]]


def expected_kernels() -> Any:
    W = np.arange(24.0).reshape(1, 2, 3, 4)
    deep = np.stack([W[:, :, c, k] for c in range(3) for k in range(4)])[:, None]
    both = [[True, W.transpose(3, 2, 0, 1)], [True, deep]]
    norm = float(np.sqrt((X.sum(0) ** 2).sum()))
    return [*both, *both, [True, True], [["a", "c", norm], ["b", "c", norm]]]


def fused(fw: Any) -> Any:
    """Layers that fuse keeps, their dtypes, and layers that are not initialized; shared arrays with nan."""
    L, T = fw.layers, fw.training
    kept = T.fuse(fw.Sequential(L.Linear(2, in_size=3), L.LayerNorm(), fw.relu, L.Linear(3, in_size=2)))
    found: list[Any] = [[getattr(layer, "__name__", type(layer).__name__) for layer in kept.layers]]
    late = fw.Sequential(L.Linear(2), L.BatchNorm())
    late.layers[1](X[:, :2])
    found.append(message(lambda: T.fuse(late)))
    for norm in (np.float32, np.float64):
        model = fw.Sequential(L.Linear(2, in_size=3), L.BatchNorm())
        model.layers[1](X[:, :2].astype(norm))
        (one,) = T.fuse(model).layers
        found.append([one.W.dtype, one.b.dtype])
    model = fw.Sequential(L.Linear(2, in_size=3))
    model.again = model.layers[0].W
    arrays = {path: np.full(v.shape, np.nan) for path, v in model.named_state()}
    found.append(message(partial(T.check_shared, arrays, model)))
    arrays["again"] = np.zeros((3, 2))
    return [*found, message(partial(T.check_shared, arrays, model))]


def expected_fused() -> Any:
    text = "ValueError: fuse: expected a model whose layers are initialized; call it once first"
    shared = "ValueError: check_shared: expected equal arrays for {} and {}, which are shared"
    single = [np.dtype("f")] * 2
    return [
        ["Linear", "LayerNorm", "relu", "Linear"],
        text,
        single,
        single,
        "no error",
        shared.format("'l0/W'", "'again'"),
    ]


def in_safetensors(fw: Any) -> Any:
    """What safetensors is given, the file, and the weights that are loaded from it."""
    given: list[Any] = []

    def save(arrays: dict[str, Any]) -> bytes:
        given.extend([name, a.flags.c_contiguous] for name, a in arrays.items())
        return json.dumps({name: [a.dtype.str, a.tolist()] for name, a in arrays.items()}).encode()

    def load(data: bytes) -> dict[str, Any]:
        return {name: np.array(rows, dtype) for name, (dtype, rows) in json.loads(data).items()}

    stand_in = types.SimpleNamespace(save=save, load=load)
    modules = {"safetensors": types.SimpleNamespace(numpy=stand_in), "safetensors.numpy": stand_in}
    layer, other = fw.layers.Linear(2, in_size=3, dtype=float), fw.layers.Linear(2, in_size=3, dtype=float)
    layer.W.data = np.arange(6.0).reshape(2, 3).T
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(sys.modules, modules):
        path = pathlib.Path(folder, "w.safetensors")
        layer.save_weights(str(path))
        other.load_weights(str(path))
        names = [file.name for file in path.parent.iterdir()]
        path.write_bytes(b"{")
        text = message(lambda: other.load_weights(path)).replace(folder, "").partition(", got")[0]
    return [given, names, other.W, text]


def late_names(fw: Any) -> Any:
    """Names that are imported at first use, and those that a stage lists, whether they are imported or not."""
    fw.Trainer  # noqa: B018 - Missing, if the stage does not have it
    home = sys.modules[package(fw)]
    names = {"training": "training", "Model": "models", "save_checkpoint": "saving", "hybridize": "hybrid"}
    found: list[Any] = []
    for name, part in names.items():
        value, module = vars(home)["__getattr__"](name), sys.modules[f"{package(fw)}.{part}"]
        found.append([value is (module if name == part else vars(module)[name]), name in dir(home)])
    listed = vars(home)["__dir__"]()
    return [*found, {"vision", "Variable", "Dataset"} <= set(listed), message(lambda: home.nothing)[:14]]


values(
    60,
    BY_RULES,
    ("tables_of_models", tables, expected_tables),
    ("kernels_and_norms", kernels, expected_kernels),
    ("layers_that_fuse_keeps", fused, expected_fused),
    (
        "weights_in_safetensors",
        in_safetensors,
        lambda: [
            [["W", True], ["b", True]],
            ["w.safetensors"],
            np.arange(6.0).reshape(2, 3).T,
            "ValueError: /w.safetensors: expected a file that save_weights wrote",
        ],
    ),
    ("names_at_first_use", late_names, lambda: [*[[True, True]] * 4, True, "AttributeError"]),
    since=5,
)
