"""What is not differentiated: conversions, copies, checks of gradients, drawings, devices, files, preprocessing."""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import io
import os
import pathlib
import pickle
import subprocess
import tempfile
import types
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import PIL.Image

from ..frameworks.base import Array
from . import computation
from .data import IMAGE
from .errors import downloads, patched, with_file
from .errors_data import Broken
from .errors_engine import Elsewhere, subclass
from .values import values

ROWS = np.arange(6.0).reshape(2, 3)
NUMPY = "computed with NumPy; tensors have other conversions"


# --- variables ---


def named(fw: Any, a: Array, name: str) -> Any:
    """A variable with a name."""
    return type(fw.Variable(a))(a, name)


def copied(fw: Any, how: Callable[[Any], Any]) -> Any:
    """A copy of an intermediate variable: its data, name, gradient, creator, and whether the original is unchanged."""
    x = named(fw, ROWS.copy(), "x")
    y = fw.square(x)
    y.name = "y"
    y.backward()
    twin = how(y)
    leaf = how(x)
    return (
        [twin.data, twin.name, twin.creator, twin.generation, twin.recorded, y.creator is not None],
        [leaf.data, leaf.name, leaf.grad, leaf.generation, leaf.data is not x.data],
    )


def cleared(fw: Any) -> Any:
    """The gradient after cleargrad, and after another backward pass."""
    x = fw.Variable(ROWS.copy())
    fw.square(x).backward()
    x.cleargrad()
    found = [x.grad]
    fw.square(x).backward()
    return [*found, x.grad]


# fmt: off
values(
    9, NUMPY,
    ("as_array_of_numbers", lambda fw: [fw.as_array(x) for x in (1.5, 2, np.float32(0.5), ROWS, np.array(3))],
     lambda: [np.array(1.5), np.array(2), np.array(0.5, "f"), ROWS, np.array(3)]),
)
values(
    14, NUMPY,
    ("gradient_that_is_cleared", cleared, lambda: [None, 2 * ROWS]),
)
values(
    18, NUMPY,
    ("variables_copied", lambda fw: copied(fw, copy.deepcopy),
     lambda: ([ROWS**2, "y", None, 0, False, True], [ROWS, "x", 2 * ROWS, 0, True])),
    ("variables_pickled", lambda fw: copied(fw, lambda x: pickle.loads(pickle.dumps(x))),
     lambda: ([ROWS**2, "y", None, 0, False, True], [ROWS, "x", 2 * ROWS, 0, True])),
)
values(
    19, NUMPY,
    ("properties_of_a_variable", lambda fw: properties(fw.Variable(ROWS)), lambda: [[2, 3], 2, 6, ROWS.dtype, 2, None]),
)
values(
    19, NUMPY,
    ("repr_of_a_variable", lambda fw: [repr(fw.Variable(a)) for a in (ROWS, np.array(1), None)],
     lambda: ["variable([[0. 1. 2.]\n          [3. 4. 5.]])", "variable(1)", "variable(None)"]),
    unsupported="wrong",
)
values(
    21, NUMPY,
    ("as_variable_of_an_array", lambda fw: [fw.as_variable(ROWS).data, fw.as_variable(v := fw.Variable(ROWS)) is v],
     lambda: [ROWS, True]),
    ("variable_as_an_array", lambda fw: [np.asarray(fw.Variable(ROWS)), np.array(fw.Variable(ROWS), np.float32)],
     lambda: [ROWS, ROWS.astype("f")]),
    ("variable_by_dlpack", lambda fw: [np.from_dlpack(fw.Variable(ROWS)), list(fw.Variable(ROWS).__dlpack_device__())],
     lambda: [ROWS, [1, 0]]),
    ("variable_as_an_index", lambda fw: "abc"[fw.Variable(np.array(1))], lambda: "b"),
)
# fmt: on


def properties(x: Any) -> Any:
    """The shape and its like."""
    return [x.shape, x.ndim, x.size, x.dtype, len(x), x.name]


# --- derivatives ---


def off_by(fw: Any, factor: float, add: float = 0.0, order: int = 1) -> Any:
    """x * x, with a first or second derivative that is wrong by this factor, and by this number."""

    def slope(x: Any, gy: Any) -> Any:
        return gy * x * (2.0 * factor) + gy * add

    def backward(self: Any, gy: Any) -> Any:
        x = self.inputs[0]
        if order == 1:
            return slope(x, gy)
        # The first derivative is right; the graph behind it is of a wrong one.
        return slope(x, gy) + fw.Variable((gy.data * x.data) * (2 - 2 * factor) - gy.data * add)

    return lambda x: subclass(fw, forward=lambda self, x: x * x, backward=backward)(x)


def accepted(fw: Any, f: Any, *xs: Any, **options: Any) -> list[bool]:
    """Whether check_gradients and gradient_check find no difference."""
    found = []
    with contextlib.redirect_stdout(None):
        try:
            fw.gradcheck.check_gradients(f, *xs, **options)
            found.append(True)
        except AssertionError:
            found.append(False)
        options.pop("order", None)
        found.append(fw.utils.gradient_check(f, *xs, **options))
    return found


def in_place(fw: Any) -> Any:
    """3 x, by a function that changes the data of its inputs."""

    def f(x: Any, y: Any) -> Any:
        y.data[...] += x.data
        x.data[...] *= 2
        return fw.add(x, fw.Variable(x.data / 2))

    return f


def differences(f: Callable[..., Array], x: Array, *others: Array, eps: float = 1e-4) -> Array:
    """Central differences of the sum of f, element by element."""
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[i], below[i] = x[i] + eps, x[i] - eps
        found[i] = (f(above, *others).sum() - f(below, *others).sum()) / (2 * eps)
    return found


POINT = np.array([1.0, -2.0])  # the random weights of check_gradients are 0.126 and -0.132 here
ZERO = np.zeros(2)

# fmt: off
values(
    36, NUMPY,
    ("check_gradients", lambda fw: [
        accepted(fw, fw.square, POINT), accepted(fw, fw.mul, POINT, ROWS[0, :2]),
        accepted(fw, off_by(fw, 1.1, order=2), POINT), accepted(fw, off_by(fw, 1.1, order=2), POINT, order=1),
        accepted(fw, off_by(fw, 1 + 0.7e-4), POINT * 100), accepted(fw, off_by(fw, 1 + 1.4e-4), POINT * 100),
        accepted(fw, off_by(fw, 1, 5.3e-5), ZERO, order=1), accepted(fw, off_by(fw, 1, 10.6e-5), ZERO, order=1),
        accepted(fw, off_by(fw, 1.1), POINT, rtol=0.2), accepted(fw, off_by(fw, 1, 0.1), ZERO, order=1, atol=0.2),
        accepted(fw, fw.square, POINT, rtol=0), accepted(fw, fw.square, POINT, atol=0),
        accepted(fw, fw.square, POINT.astype("f")), accepted(fw, fw.square, POINT.astype(int)),
        accepted(fw, lambda x: fw.mul(x, fw.mul(x, x)), POINT, order=3)],
     lambda: [True, True, True, True, False, True, True, True, True, True, False, False, True, True, False, False,
              *[True] * 14]),
    ("numerical_gradients", lambda fw: [
        fw.numerical_grad(fw.square, POINT), fw.numerical_grad(fw.mul, fw.Variable(POINT), ROWS[0, :2], eps=0.5),
        fw.numerical_grad(fw.square, POINT.astype("f")), fw.numerical_grad(in_place(fw), POINT, POINT), POINT],
     lambda: [differences(lambda x: x * x, POINT), differences(np.multiply, POINT, ROWS[0, :2], eps=0.5),
              differences(lambda x: x * x, POINT), differences(lambda x: 3 * x, POINT), np.array([1.0, -2.0])]),
    ("grad_from_ones", lambda fw: [g := fw.grad(fw.square(x := fw.Variable(POINT)), x), g.creator],
     lambda: [2 * POINT, None]),
)
# fmt: on


# --- drawings ---

DOT = r"""digraph g {
0 [label="y: (2,) float64", color=orange, style=filled]
1 [label="Mul", color=lightblue, style=filled, shape=box]
2 -> 1
3 -> 1
1 -> 0
2 [label="(2,) float64", color=orange, style=filled]
3 [label="x: (2,) float64", color=orange, style=filled]
4 [label="Square", color=lightblue, style=filled, shape=box]
5 -> 4
4 -> 2
5 [label="(2,) float64", color=orange, style=filled]
6 [label="Mine", color=lightblue, style=filled, shape=box]
3 -> 6
6 -> 5
6 -> 7
7 [label="b \"\\: (2,) float64", color=orange, style=filled]
}"""
QUIET = DOT.replace(": (2,) float64", "").replace("(2,) float64", "")


def graph(fw: Any) -> Any:
    """y, and an output that it does not depend on: (a, b) = f(x), y = a^2 x."""
    x = named(fw, POINT, "x")
    a, b = subclass(fw, forward=lambda self, x: (x * 1, x * 2))(x)
    y = fw.mul(fw.square(a), x)
    y.name, b.name = "y", 'b "\\'
    return y, b


def text(fw: Any, **options: Any) -> Any:
    y, _b = graph(fw)  # _b is drawn because it is referenced
    return fw.utils.get_dot_graph(y, **options)


def to_file(fw: Any, *arguments: Any) -> Any:
    y, _b = graph(fw)
    return fw.utils.plot_dot_graph(y, *arguments)


def drawn(draw: Callable[[], Any]) -> Any:
    """draw() in a temporary folder: how dot is called, the files, and what is returned."""
    done = types.SimpleNamespace(returncode=0, stdout=b"a drawing", stderr=b"")
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        mock.patch("shutil.which", return_value="dot"),
        mock.patch.object(subprocess, "run", return_value=done) as run,
    ):
        found = draw()
        (command,), options = run.call_args
        options["input"] = options["input"].decode()
        shown = str(found) if isinstance(found, pathlib.Path) else found
        return [command, options, {name: pathlib.Path(name).read_bytes() for name in os.listdir()}, shown]


def by_pygraphviz(draw: Callable[[], Any]) -> Any:
    """draw() without the command dot: how pygraphviz is called, and what is in the file."""

    def graph(string: str) -> Any:
        return types.SimpleNamespace(draw=lambda format, prog: f"{string} {format} {prog}".encode())

    module = types.SimpleNamespace(AGraph=graph)
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        mock.patch("shutil.which", return_value=None),
        mock.patch.dict("sys.modules", pygraphviz=module),
    ):
        return pathlib.Path(draw()).read_bytes()


def in_notebook(fw: Any, shell: Any, name: str) -> Any:
    """What is returned for a file of this name in IPython with this shell."""
    display = types.SimpleNamespace(Image=lambda filename: ["image", filename], SVG=lambda filename: ["svg", filename])
    module = types.SimpleNamespace(get_ipython=lambda: shell, display=display)
    with mock.patch.dict("sys.modules", IPython=module):
        return drawn(lambda: to_file(fw, True, name))[-1]


KERNEL = types.SimpleNamespace(kernel=None)


def modeled(fw: Any, **options: Any) -> Any:
    """A model of the user, drawn."""
    model = type("Mine", (fw.models.Model,), {"forward": lambda self, x, W: fw.matmul(x, W)})()
    return drawn(lambda: model.plot(fw.Variable(ROWS), fw.Variable(ROWS.T), **options))


GOLDEN = "a golden output: the text that draws this graph"
PRODUCT = """digraph g {
0 [label="(2, 2) float64", color=orange, style=filled]
1 [label="MatMul", color=lightblue, style=filled, shape=box]
2 -> 1
3 -> 1
1 -> 0
2 [label="(2, 3) float64", color=orange, style=filled]
3 [label="(3, 2) float64", color=orange, style=filled]
}"""
RUN = {"capture_output": True, "check": False}

# fmt: off
values(
    26, GOLDEN,
    ("dot_graph", lambda fw: [text(fw), text(fw, verbose=False)], lambda: [DOT, QUIET]),
    ("drawing", lambda fw: drawn(lambda: to_file(fw)),
     lambda: [["dot", "-Tpng"], {"input": DOT} | RUN, {"graph.png": b"a drawing"}, "graph.png"]),
    ("drawing_as_svg", lambda fw: drawn(lambda: to_file(fw, False, "a.SVG")),
     lambda: [["dot", "-Tsvg"], {"input": QUIET} | RUN, {"a.SVG": b"a drawing"}, "a.SVG"]),
    ("drawing_by_pygraphviz", lambda fw: by_pygraphviz(lambda: to_file(fw)), lambda: f"{DOT} png dot".encode()),
    ("drawing_in_a_notebook", lambda fw: [
        in_notebook(fw, shell, name) for shell, name in
        ((KERNEL, "a.png"), (KERNEL, "a.jpg"), (KERNEL, "a.svg"), (KERNEL, "a.pdf"), (1, "a.png"), (None, "a.png"))],
     lambda: [["image", "a.png"], ["image", "a.jpg"], ["svg", "a.svg"], "a.pdf", "a.png", "a.png"]),
)
values(
    45, GOLDEN,
    ("drawing_of_a_model", lambda fw: modeled(fw),
     lambda: [["dot", "-Tpng"], {"input": PRODUCT} | RUN, {"model.png": b"a drawing"}, "model.png"]),
    ("drawing_of_a_model_as_pdf", lambda fw: modeled(fw, to_file="b.pdf"),
     lambda: [["dot", "-Tpdf"], {"input": PRODUCT} | RUN, {"b.pdf": b"a drawing"}, "b.pdf"]),
)
# fmt: on


# --- utils ---


def equal(fw: Any, a: Any, b: Any) -> list[bool]:
    """array_equal and array_allclose, of arrays and of variables."""
    pairs = ((a, b), (fw.Variable(a), fw.Variable(b)))
    return [f(*pair) for f in (fw.utils.array_equal, fw.utils.array_allclose) for pair in pairs]


def logsumexp(x: Array, axis: Any = 1) -> Array:
    return np.asarray(np.log(np.exp(x).sum(axis, keepdims=True)))


URL = "http://example.org/folder/file.bin"


def files(fw: Any) -> Any:
    """Files that are downloaded once: under two names, with a checksum, after a broken connection."""
    checksum = hashlib.sha256(b"third").hexdigest()
    with (
        downloads(b"first", b"second", b"third", Broken(), b"fourth") as network,
        contextlib.redirect_stdout(io.StringIO()) as said,
    ):
        get = fw.utils.get_file
        paths = [get(URL), get(URL), get(URL, "other"), get(URL + "?3", checksum=checksum.upper()), get(URL + "?4")]
        paths.append(get(URL + "?3", checksum=checksum))
        contents = [pathlib.Path(path).read_bytes() for path in paths]
        places = [pathlib.Path(path).relative_to(network.folder).as_posix() for path in paths]
        beside = network.parts[0].parent.parent == pathlib.Path(paths[0]).parent
        named = all(part.parent.name.startswith("download-") for part in network.parts)
        return contents, places, network.urls, network.options[0], beside, named, said.getvalue()


def addresses(fw: Any) -> Any:
    """Where files are kept: given relative to the current folder, or by default in the home of the user."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        found = []
        for home in ("cache", "~/cache", ""):
            with mock.patch.dict("os.environ", DEZERO_HOME=home, HOME="/home/reader"):
                found.append(fw.utils.cache_dir.removeprefix(os.getcwd()))
        return found


def kept(*urls: str, name: str = "file.bin") -> list[str]:
    """The place of each address in the cache."""
    return [f"files/{hashlib.sha256(url.encode()).hexdigest()[:16]}/{name}" for url in urls]


# fmt: off
values(
    39, NUMPY,
    ("arrays_that_are_equal", lambda fw: [
        equal(fw, ROWS, ROWS.copy()), equal(fw, ROWS, ROWS + 1), equal(fw, ROWS, ROWS[:1]), equal(fw, ROWS * 0, ROWS)],
     lambda: [True] * 4 + [False] * 12),
    ("arrays_that_are_close", lambda fw: [
        fw.utils.array_allclose(np.array(a), np.array(b), **options) for a, b, options in
        ((1.9e4, 1.9e4 + 1.7, {}), (1.9e4, 1.9e4 + 2.1, {}), (0.9e-5, 0.0, {}), (1.1e-5, 0.0, {}),
         (1.0, 1.5, {"rtol": 0.4}), (0.5, 0.0, {"atol": 0.6}))],
     lambda: [True, False, True, False, True, True]),
    ("as_numpy_of_a_variable", lambda fw: [fw.utils.as_numpy(fw.Variable(ROWS)), fw.utils.as_numpy(ROWS) is ROWS],
     lambda: [ROWS, True]),
    ("sums_of_arrays", lambda fw: [fw.utils.sum_to(ROWS, shape) for shape in ((2, 1), (3,), (1, 3), (), (2, 3))],
     lambda: [ROWS.sum(1, keepdims=True), ROWS.sum(0), ROWS.sum(0, keepdims=True), ROWS.sum(), ROWS]),
    ("gradient_of_a_sum_reshaped", lambda fw: [
        fw.utils.reshape_sum_backward(fw.Variable(np.array(a)), (2, 3), axis, keepdims)
        for a, axis, keepdims in
        ((ROWS[0], 0, False), (ROWS[:, 0], -1, False), (ROWS[:1], 0, True), (POINT[0], None, False))],
     lambda: [ROWS[:1], ROWS[:, :1], ROWS[:1], POINT[:1, None]]),
)
values(
    47, NUMPY,
    ("logsumexp_of_arrays", lambda fw: [
        fw.utils.logsumexp(ROWS), fw.utils.logsumexp(ROWS, 0), fw.utils.logsumexp(ROWS, (0, 1)),
        fw.utils.logsumexp(ROWS - np.inf)],
     lambda: [logsumexp(ROWS), logsumexp(ROWS, 0), logsumexp(ROWS, (0, 1)), np.full((2, 1), -np.inf)]),
    ("shape_of_the_gradient_of_a_maximum", lambda fw: [
        fw.utils.max_backward_shape(ROWS, axis) for axis in (None, 0, 1, -1, (0, 1))],
     lambda: [[1, 1], [1, 3], [2, 1], [2, 1], [1, 1]]),
)
values(
    51, "the contents of the files, which nobody else has",
    ("files_downloaded_once", files, lambda: (
        [b"first", b"first", b"second", b"third", b"fourth", b"third"],
        [*kept(URL, URL), *kept(URL, name="other"), *kept(URL + "?3", URL + "?4", URL + "?3")],
        [URL, URL, URL + "?3", URL + "?4", URL + "?4"],
        {"progressbar": False, "chunk_size": 65536, "timeout": 15}, True, True, "")),
    ("folders_of_downloads", addresses, lambda: ["/cache", "/home/reader/cache", "/home/reader/.dezero"]),
)
# fmt: on


# --- layers and optimizers ---


def described(fw: Any) -> Any:
    """Layers as text: initialized or not, nested, without parameters."""
    model = fw.models.Sequential(fw.layers.Linear(2), fw.functions.relu, fw.layers.Linear(1, in_size=2, nobias=True))
    layer = fw.layers.Layer()
    layer.p, layer.q = fw.Parameter(np.ones(2)), model
    return [repr(layer), repr(fw.layers.Layer())]


def twins(fw: Any, how: Callable[[Any], Any]) -> Any:
    """A copy of a model that has been called: the same weights, of its own; the call is not copied."""
    model = fw.models.MLP((2, 1))
    y = model(fw.Variable(ROWS))
    twin = how(model)
    same = fw.array(twin(fw.Variable(ROWS)))
    for param in twin.params():
        param.data += 1
    return [same - fw.array(y), fw.array(model(fw.Variable(ROWS))) - fw.array(y), len(list(twin.named_params()))]


def halving(fw: Any) -> Any:
    """Updates of an optimizer of the user, which has no state."""
    layer = fw.layers.Layer()
    layer.p, layer.q = fw.Parameter(ROWS.copy()), fw.Parameter(POINT.copy())
    rule = type("Mine", (fw.optimizers.Optimizer,), {"update_one": lambda self, param: param.data.__imul__(0.5)})()
    rule.setup(layer)
    layer.p.grad = fw.Variable(np.ones_like(ROWS))
    rule.update()
    return [layer.p, layer.q, rule.state()]


def batches(fw: Any) -> Any:
    """The batches of two epochs of a loader, one by one."""
    loader = fw.dataloaders.DataLoader([(row, None) for row in np.arange(10.0).reshape(5, 2)], 2, shuffle=False)
    found = [len(loader)]
    for _ in range(2):
        with contextlib.suppress(StopIteration):
            while True:
                found.append(loader.next())
    return found


def orders(fw: Any) -> Any:
    """The order of samples by default, with a seed, and the number of batches without the last one."""
    before = np.random.get_state()
    np.random.seed(4)
    loader = fw.dataloaders.DataLoader(PAIRS, 2)
    np.random.set_state(before)
    last = fw.dataloaders.DataLoader(PAIRS, 2, rng=6, drop_last=True)
    return [loader.index, last.index, len(last), len(list(last)), len(list(loader)), last.max_iter]


def clipped(fw: Any) -> Any:
    """Large gradients in float32, whose squares overflow, scaled down to a norm of 2."""
    param = fw.Parameter(np.ones(2, np.float32))
    param.grad = fw.Variable(np.array([3e30, 4e30], np.float32))
    fw.optimizers.ClipGrad(2)([param])
    return np.allclose(param.grad.data, [1.2, 1.6], 1e-5, 0)


PAIRS = [(row, None) for row in np.arange(10.0).reshape(5, 2)]


def seeded() -> Any:
    """The order that np.random.seed(4) determines."""
    return np.random.default_rng(np.random.RandomState(4).randint(2**31)).permutation(5)


# fmt: off
values(
    38, NUMPY,
    ("transpose_by_none", lambda fw: [fw.Variable(ROWS).transpose(None), fw.Variable(ROWS).transpose(())],
     lambda: [ROWS.T, ROWS.T]),
)
values(
    45, "a golden output: the layers as text",
    ("repr_of_layers", described, lambda: [
        "Layer(\n  p (2,)\n  (q): Sequential(\n    (l0): Linear(W (None, 2) uninitialized, b (2,))\n"
        "    (l2): Linear(W (2, 1))\n  )\n)", "Layer()"]),
)
values(
    45, NUMPY,
    ("models_copied", lambda fw: twins(fw, copy.deepcopy), lambda: [np.zeros((2, 1)), np.zeros((2, 1)), 4]),
    ("models_pickled", lambda fw: twins(fw, lambda model: pickle.loads(pickle.dumps(model))),
     lambda: [np.zeros((2, 1)), np.zeros((2, 1)), 4]),
)
values(
    46, NUMPY,
    ("large_gradients_clipped", clipped, lambda: True),
    ("optimizer_of_the_user", halving, lambda: [ROWS / 2, POINT, {}]),
)
values(
    50, NUMPY,
    ("order_of_samples", orders,
     lambda: [seeded(), np.random.default_rng(6).permutation(5), 2, 2, 3, 2]),
    ("batches_one_by_one", batches, lambda: [3, *[
        [np.arange(10.0).reshape(5, 2)[rows], None] for rows in (slice(2), slice(2, 4), slice(4, 5))] * 2]),
)
# fmt: on


# --- devices ---

GPU = types.SimpleNamespace(
    ndarray=Elsewhere, asarray=lambda a: np.array(a).view(Elsewhere), asnumpy=lambda a: np.array(a).view(np.ndarray)
)


def places(*variables: Any) -> list[bool]:
    """Whether arrays or variables, and their gradients, are on what stands for a GPU."""
    found = []
    for x in variables:
        found.append(isinstance(x.data if hasattr(x, "creator") else x, Elsewhere))
        if getattr(x, "grad", None) is not None:
            found.append(isinstance(x.grad.data, Elsewhere))
    return found


def moving(fw: Any, thing: Any, content: Callable[[], Any]) -> list[Any]:
    """Where the content of a thing is: before, after to_gpu, after to_cpu."""
    found = [places(*content())]
    thing.to_gpu()
    found.append(places(*content()))
    thing.to_cpu()
    return [*found, places(*content())]


def moved(fw: Any) -> Any:
    """Variables, layers, optimizers and loaders, moved to what stands for a GPU and back."""
    with patched(fw, "cuda", cupy=GPU, gpu_enable=True):
        x, y = fw.Variable(ROWS.copy()), fw.square(fw.Variable(ROWS))
        x.grad = fw.Variable(ROWS * 2)
        found = [moving(fw, x, lambda: [x]), moving(fw, y, lambda: [y]), y.creator, x.data, x.grad.data]
        layer = fw.layers.RNN(2, in_size=3)
        state = layer(fw.Variable(ROWS))
        found += [moving(fw, layer, lambda: [*layer.all_variables()]), layer.h.creator, fw.array(state) - layer.h.data]
        owner = fw.layers.Layer()
        owner.p = fw.Parameter(ROWS.copy())
        owner.p.grad = fw.Variable(ROWS)
        rule = fw.optimizers.Adam().setup(owner)
        rule.update()
        found.append(moving(fw, rule, lambda: [v for _, v in sorted(rule.states[owner.p].items())]))
        loader = fw.dataloaders.DataLoader([(row, 1) for row in ROWS], 2)
        found += [moving(fw, loader, lambda: next(iter(loader))), owner.xp is np, fw.layers.Layer().xp is np]
        found += [fw.cuda.get_array_module(a) is GPU for a in (ROWS, fw.Variable(GPU.asarray(ROWS)), 1.0)]
        found += [
            places(fw.cuda.as_cupy(fw.Variable(ROWS)), fw.cuda.as_numpy(GPU.asarray(ROWS))),
            fw.cuda.as_numpy(2.5),
        ]
        fw.cuda.need_gpu()
        return found


def back(n: int, places: list[bool] | None = None) -> list[list[bool]]:
    """What `moving` returns for n arrays."""
    return [[False] * n, places or [True] * n, [False] * n]


WEIGHTS = "computed with NumPy; PyTorch has no GPU here, nor have the stages: another array class stands for it"

# fmt: off
values(
    52, WEIGHTS,
    ("moved_to_a_gpu_and_back", moved, lambda: [
        back(2), back(1), None, ROWS, ROWS * 2, back(4), None, np.zeros((2, 2)), back(3, [True, False, True]),
        back(2), True, True, False, True, False, [True, False], 2.5]),
)
# fmt: on


# --- weights ---


def taken(fw: Any) -> Any:
    """Weights taken by the former name of set_weights, and a checkpoint of a model alone."""
    first, second = (fw.layers.Linear(2, in_size=3) for _ in range(2))
    weights = {"W": ROWS.T.astype("f"), "b": POINT.astype("f")}
    first.take_weights(weights)
    rule = fw.optimizers.MomentumSGD().setup(first)

    def saved(path: str) -> Any:
        before = np.random.get_state()
        fw.save_checkpoint(path, first, epoch=3)
        found = fw.load_checkpoint(path, second)
        np.random.set_state(before)
        return found, second.get_weights(), rule.state()

    return first.get_weights(), first.W.data is not weights["W"], *with_file(None, saved, "checkpoint.npz")


def pretrained(fw: Any) -> Any:
    """A model of the user with published weights, and their names in PyTorch."""
    kind = type("Mine", (fw.models.TorchvisionModel,), {"torch_layers": lambda self: {"l0": "features.0"}})
    model, file = kind(), io.BytesIO()
    model.l0 = fw.layers.Linear(2, in_size=3)
    arrays: dict[str, Any] = {f"l0/{name}": a for name, a in NAMES.items()}
    np.savez(file, **arrays)
    with downloads(file.getvalue()):
        model.load_pretrained("http://example.org/mine.npz")
    return model.torch_names(), model.get_weights()


NAMES = {"W": ROWS.T.astype("f"), "b": POINT.astype("f")}


def preprocessed(image: Any, size: Any, dtype: Any = np.float32) -> Array:
    """BGR minus the mean of each channel, (3, H, W)."""
    image = image.convert("RGB") if size is None else image.convert("RGB").resize(size, PIL.Image.Resampling.BILINEAR)
    pixels = np.asarray(image)[:, :, ::-1].astype(dtype)
    return np.asarray((pixels - np.array([103.939, 116.779, 123.68], dtype)).transpose(2, 0, 1))


# fmt: off
values(
    53, NUMPY,
    ("weights_taken", taken, lambda: [NAMES, True, {"epoch": 3}, NAMES, {"lr": 0.01, "momentum": 0.9}]),
)
values(
    54, NUMPY,
    ("buffer_of_the_user", lambda fw: [(b := fw.layers.Buffer(ROWS)).data, b.name, fw.layers.Buffer(POINT, "m").name],
     lambda: [ROWS, None, "m"]),
)
values(
    58, "computed with NumPy and Pillow",
    ("published_weights", pretrained, lambda: [
        {"l0/W": "features.0.weight", "l0/b": "features.0.bias"}, {f"l0/{name}": a for name, a in NAMES.items()}]),
    ("images_preprocessed", lambda fw: [fw.models.VGG16.preprocess(IMAGE), fw.models.VGG16.preprocess(IMAGE, None),
                                        fw.models.VGG16.preprocess(IMAGE.convert("L"), 4, np.float64),
                                        fw.models.VGG16.preprocess(IMAGE, (2, 3))],
     lambda: [preprocessed(IMAGE, (224, 224)), preprocessed(IMAGE, None),
              preprocessed(IMAGE.convert("L"), (4, 4), np.float64), preprocessed(IMAGE, (2, 3))]),
)
# fmt: on


# --- architectures ---

NETWORKS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("VGG16", (), {}), ("SqueezeNet", (), {}), ("ResNet", (), {}), ("ResNet", (50,), {"style": "torch"}),
    ("ResNet50", (), {}), ("ResNet101", (), {}), ("ResNet152", (), {}),
)  # fmt: skip


def both(x: Any) -> tuple[int, ...]:
    """A size for both axes."""
    return tuple(x) if isinstance(x, tuple) else (x, x)


def architecture(fw: Any, name: str, *arguments: Any, **options: Any) -> dict[str, tuple[int, ...]]:
    """Each layer by its name in PyTorch: output channels, kernel, stride, padding, bias; () for a normalization."""
    if fw.name == "torch":
        from ..frameworks.torch_models import shapes_only

        with shapes_only():
            modules = dict(getattr(fw, name)(*arguments, **options).named_modules())
    else:
        model = getattr(fw.models, name)(*arguments, **options)
        modules = {
            theirs: functools.reduce(getattr, ours.split("/"), model) for ours, theirs in model.torch_layers().items()
        }
        names = {value.rpartition(".")[0] for value in model.torch_names().values()}
        assert names == set(modules)
    found: dict[str, tuple[int, ...]] = {}
    for key, layer in modules.items():
        kind, bias = type(layer).__name__, getattr(layer, "b", getattr(layer, "bias", None)) is not None
        if kind == "Conv2d":
            sizes = (layer.kernel_size, layer.stride, layer.padding if fw.name == "torch" else layer.pad)
            found[key] = (layer.out_channels, *both(sizes[0]), *both(sizes[1]), *both(sizes[2]), bias)
        elif kind == "Linear":
            found[key] = (layer.out_features if fw.name == "torch" else layer.out_size, bias)
        elif kind.startswith("BatchNorm"):
            found[key] = ()
    return found


@computation(step=58, order=0, dtypes=("float64",), quick={"count": 3})
def architectures(fw: Any, count: int = len(NETWORKS)) -> Any:
    """The layers of all well-known networks, with their names in PyTorch and their sizes"""
    found = []
    for name, arguments, options in NETWORKS[:count]:
        layers = architecture(fw, name, *arguments, **options)
        found.append(np.frombuffer("\n".join(sorted(layers)).encode(), np.uint8))
        found.append(np.array([size for key in sorted(layers) for size in layers[key]]))
    return found
