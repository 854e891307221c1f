"""Beyond the book: files of weights and checkpoints in detail, tensors of PyTorch, and errors without a GPU."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import sys
import tempfile
import types
import zipfile
from functools import partial
from typing import Any

import numpy as np

from .beyond_runs import BY_RULES, net, replaced
from .errors import package
from .mutants_functions import message
from .values import values


class Part:
    """A part of a checkpoint with this state, which it may refuse to load."""

    def __init__(self, state: Any, refuses: bool = False):
        self.kept = state
        self.refuses = refuses

    def state(self) -> dict[str, Any]:
        return {"kept": self.kept}

    def load_state(self, state: dict[str, Any]) -> None:
        if self.refuses:
            raise ValueError("refused")
        self.kept = state["kept"]


def files(fw: Any) -> Any:
    """The compression and the mode of a file that is replaced; what is left if it cannot be written."""
    saving = sys.modules[f"{fw.training.__name__.rpartition('.')[0]}.saving"]
    found: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "w.npz")
        saving.write_arrays(path, {"a": np.zeros(5000)})
        path.chmod(0o640)
        mode = stat.S_IMODE(path.stat().st_mode)
        saving.write_arrays(path, {"a": np.zeros(4000)})
        found += [path.stat().st_size < 4000, stat.S_IMODE(path.stat().st_mode) == mode]
        with zipfile.ZipFile(path) as file:
            found += [[one.filename, one.compress_type == zipfile.ZIP_DEFLATED] for one in file.infolist()]
        before = path.read_bytes()
        found.append(message(partial(saving.write_arrays, path, {"a": np.array([None])})).partition(":")[0])
        model, other = net(fw), net(fw)
        found.append(message(partial(saving.save_checkpoint, path, model, s=Part(np.array([None])))).partition(":")[0])
        found += [path.read_bytes() == before, os.listdir(folder)]
        optimizer, loader = fw.optimizers.SGD(0.25).setup(model), fw.DataLoader([(i, i) for i in range(4)], 2, rng=1)
        saving.save_checkpoint(path, model, optimizer, loader, a=Part(np.ones(2)), b=Part(np.ones(1)))
        optimizer, loader = fw.optimizers.SGD(0.5).setup(other), fw.DataLoader([(i, i) for i in range(4)], 2, rng=7)
        other.W.data += 1
        order, first = loader.index.copy(), Part(np.zeros(2))
        load = partial(saving.load_checkpoint, path, other, optimizer, loader, a=first)
        found += [message(lambda: load(b=Part(np.zeros(1), True))), other.W.data.copy(), optimizer.lr, first.kept]
        pathlib.Path(folder, "w").write_bytes(before)  # next to w.npz, which is the one that is read
        found.append("checkpoint" in saving.read_arrays(f"{folder}/w"))
        head = {"parts": ["model"], "values": {}, "random": {"bit_generator": "none"}}
        saving.write_arrays(f"{folder}/bad", {"checkpoint": np.array(json.dumps(head)), "model/W": np.ones((2, 1))})
        text = message(lambda: saving.load_checkpoint(f"{folder}/bad", other))
        found += [text.partition(", got")[0], other.W.data.copy()]
        found += [np.array_equal(loader.index, order), load(b=Part(np.zeros(1))), other.W, optimizer.lr, first.kept]
    return found


def expected_files() -> Any:
    W, wrong = np.ones((2, 1)), ["ValueError"] * 2
    found = [True, True, ["a.npy", True], *wrong, True, ["w.npz"], "ValueError: refused", W + 1, 0.5, np.zeros(2), True]
    return [*found, "ValueError: load_checkpoint: expected a checkpoint", W + 1, True, {}, W, 0.25, np.ones(2)]


def weights(fw: Any) -> Any:
    """Weights of unsigned integers, and a move of a layer that is not initialized."""
    layer, late = net(fw), fw.layers.Linear(1, nobias=True)
    layer.n = fw.layers.Buffer(np.array([4, 250], np.uint8), "n")
    kept = layer.get_weights()
    layer.n.data = np.array([1, 2], np.uint8)
    layer.set_weights(kept)
    late.to_cpu()
    return [layer.n, layer.n.dtype, late.W.data is None]


class Tensor:
    """A tensor as PyTorch's, which gives its numbers only on the host and without a gradient."""

    def __init__(self, a: Any, *steps: str):
        self.a = a
        self.steps = steps

    def detach(self) -> Tensor:
        return Tensor(self.a, *self.steps, "detach")

    def cpu(self) -> Tensor:
        return Tensor(self.a, *self.steps, "cpu")

    def numpy(self) -> Any:
        if set(self.steps) != {"detach", "cpu"}:
            raise RuntimeError("call detach() and cpu() first")
        return self.a


def tensors(fw: Any) -> Any:
    """Arrays of tensors, and names of other networks, of which up to four are shown."""
    fw.Trainer  # noqa: B018 - Missing, if the stage does not have it
    module = sys.modules[f"{package(fw)}.state_dict"]
    names = {"W": "weight"}
    found: list[Any] = [module.arrays_of("MLP", {"weight": Tensor(np.ones(2))}, names)["W"]]
    for n in (3, 4, 5):
        given = {"weight": np.ones(2)} | {f"x{i}": np.ones(1) for i in range(n)}
        text = message(partial(module.arrays_of, "MLP", given, names))
        found.append(text.partition("missing, ")[2].partition(" unknown")[0])
    return found


def without_a_gpu(fw: Any) -> Any:
    """Errors without CuPy and without a GPU; kernels that are asked for where there is none."""
    found: list[Any] = []
    driver = types.SimpleNamespace(asarray=lambda x: x)
    for cupy in (None, driver):
        with replaced(fw, "cuda", cupy=cupy, gpu_enable=False):
            found.append(message(lambda: fw.cuda.as_cupy(np.ones(1))).partition(". ")[0])
    with replaced(fw, "cuda", cupy=driver, gpu_enable=True):
        found.append([type(fw.cuda.as_cupy(x)) is np.ndarray for x in (np.ones(1), fw.Variable(np.ones(1)))])
    module = sys.modules[f"{package(fw)}.cuda"]
    found.append(module.use_kernels == (os.environ.get("USE_GPU_KERNELS") == "1"))
    x = np.array([0.5, -1.0])
    with replaced(fw, "cuda", use_kernels=True, gpu_enable=False):
        layer = net(fw)
        layer.W.grad = fw.Variable(np.ones((2, 1)))
        fw.optimizers.NAG(0.5).setup(layer).update()
        found += [fw.tanh(fw.Variable(x)), fw.relu(fw.Variable(x)), layer.W]
    rules = sys.modules[f"{package(fw)}.optimizers.rules"]
    return [*found, rules.nag.__name__]


def leaves(fw: Any) -> Any:
    """A result of no_grad that becomes a leaf has a gradient; so has what is computed from it."""
    x = fw.Variable(np.array([1.0, 2.0]))
    with fw.no_grad():
        y = x * x
    text = message(y.backward)
    y.unchain()
    y.backward()
    return [text[:12], y.grad, x.grad is None]


values(
    60,
    BY_RULES,
    ("files_that_are_replaced", files, expected_files),
    ("weights_that_are_bytes", weights, lambda: [np.array([4, 250], np.uint8), np.dtype(np.uint8), True]),
    (
        "weights_of_tensors",
        tensors,
        lambda: [np.ones(2), "['x0', 'x1', 'x2']", "['x0', 'x1', 'x2', 'x3']", "['x0', 'x1', 'x2', ... 5 in all]"],
    ),
    (
        "arrays_without_a_gpu",
        without_a_gpu,
        lambda: [
            "RuntimeError: CuPy cannot be loaded",
            "RuntimeError: CuPy is installed, but it finds no GPU",
            [True, True],
            True,
            np.tanh([0.5, -1.0]),
            np.array([0.5, 0.0]),
            np.array([[0.05], [0.05]]),
            "nag",
        ],
    ),
    ("leaves_without_recording", leaves, lambda: ["RuntimeError", np.ones(2), True]),
    since=5,
)
