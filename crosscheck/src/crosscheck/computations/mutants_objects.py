"""What detects mutants of layers, optimizers, loaders, data sets and downloads that nothing else detects."""

from __future__ import annotations

import contextlib
import copy
import io
import pathlib
import sys
import types
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from ..frameworks.base import Array
from .data import images, labels, page, pages
from .errors import downloads, with_file
from .errors_data import idx
from .mutants_functions import message
from .utilities import GOLDEN, NUMPY, POINT, ROWS
from .values import values

# --- layers ---


def names_of(fw: Any) -> list[Any]:
    """The parameters of a layer after attributes are replaced and deleted, and those of its copy."""
    layer = fw.layers.Layer()
    layer.p, layer.q, layer.r = (fw.Parameter(POINT.copy(), name) for name in "pqr")
    layer.number = 1
    layer.q = 3
    del layer.number
    twin = copy.copy(layer)
    del layer.p
    twin.s = fw.Parameter(None)
    linear = fw.layers.Linear(2, in_size=3)
    names = [param.name for param in linear.params()]
    return [*([name for name, _ in x.named_params()] for x in (layer, twin)), repr(twin), names]


def early(fw: Any) -> list[Any]:
    """An attribute that is no parameter may be set before __init__ of the base class; the methods of a reduction."""

    def init(self: Any) -> None:
        self.size = 3
        fw.layers.Layer.__init__(self)

    x = fw.Variable(ROWS)
    wrong = [lambda: x.sum(out=ROWS), lambda: x.mean(dtype=float)]
    names = [getattr(x, name).__name__ for name in ("sum", "mean", "max", "min")]
    return [type("Mine", (fw.layers.Layer,), {"__init__": init})().size, *names, *map(message, wrong)]


def called(fw: Any) -> list[Any]:
    """What a layer with two outputs returns and remembers, while its inputs and outputs are alive and afterwards."""
    forward = {"forward": lambda self, x, y: (fw.mul(x, 2.0), fw.mul(y, 3.0), 5)}
    layer = type("Mine", (fw.layers.Layer,), forward)()
    x, y = fw.Variable(POINT), ROWS[0, :2].copy()
    outputs = layer(x, y)
    kept = [ref() is v for ref, v in zip([*layer.inputs, *layer.outputs], [x, y, *outputs], strict=True)]
    found = [type(outputs) is tuple, outputs[0].data, outputs[1].data, kept]
    del x, y, outputs
    found.append([ref() is None for ref in [*layer.inputs, *layer.outputs]])
    single = type("Mine", (fw.layers.Layer,), {"forward": lambda self, x: x})()
    pair = type("Mine", (fw.layers.Layer,), {"forward": lambda self, x: (x, x)})()
    return [
        *found,
        single(v := fw.Variable(POINT)) is v,
        type(pair(v)) is tuple,
        [ref() is v for ref in single.outputs],
    ]


def linear_layers(fw: Any) -> list[Any]:
    """Layers called on a vector and on a batch; wrong sizes; what is known of a parameter before the first call."""
    found = []
    for x in (ROWS[0], ROWS, ROWS[None]):
        layer = fw.layers.Linear(2)
        layer(fw.Variable(x))
        found.append(list(layer.W.shape))
    wrong = [partial(fw.layers.Linear, size) for size in (None, 2.5, 0)]
    wrong += [partial(fw.layers.Linear, 2, in_size=2.5), partial(fw.layers.Linear(2), fw.Variable(ROWS[:, :0]))]
    forms = [fw.layers.uninitialized("W", (None, 2), dtype).form for dtype in ("f4", None)]
    return [*found, *map(message, wrong), forms]


def shortened(fw: Any) -> list[Any]:
    """A sequence of layers that gets shorter, and longer again."""
    model = fw.models.Sequential(fw.functions.relu, fw.layers.Linear(2, in_size=3), fw.functions.exp)
    model.layers = [fw.functions.exp]
    found = [
        model.size,
        hasattr(model, "l1"),
        hasattr(model, "l2"),
        len(list(model.params())),
        model(fw.Variable(ROWS)),
    ]
    model.layers = [fw.functions.exp, fw.functions.log]
    return [*found, model(fw.Variable(ROWS))]


# fmt: off
values(
    45, NUMPY,
    ("attributes_of_layers", names_of, lambda: [
        ["r"], ["p", "r", "s"], "Layer(p (2,), r (2,), s uninitialized)", ["W", "b"]]),
    ("attributes_set_early", early, lambda: [
        3, "sum", "mean", "max", "min",
        f"TypeError: sum: expected neither dtype nor out, got dtype None and out {ROWS}",
        "TypeError: mean: expected neither dtype nor out, got dtype <class 'float'> and out None"]),
    ("layers_called", called, lambda: [
        True, 2 * POINT, 3 * ROWS[0, :2], [True] * 5, [True] * 4 + [False], True, True, [True]]),
    ("linear_layers_and_sizes", linear_layers, lambda: [
        [3, 2], [3, 2], [3, 2],
        "ValueError: Linear: expected out_size to be a positive integer, got None",
        "ValueError: Linear: expected out_size to be a positive integer, got 2.5",
        "ValueError: Linear: expected out_size to be a positive integer, got 0",
        "ValueError: Linear: expected in_size to be a positive integer, got 2.5",
        "ValueError: Linear: expected x (N, in_size) with in_size at least 1, got (2, 0)",
        [[[None, 2], np.dtype("f4")], [[None, 2], None]]]),
    ("sequence_that_gets_shorter", shortened, lambda: [1, False, False, 0, np.exp(ROWS), ROWS]),
)
# fmt: on


# --- optimizers ---


def owner(fw: Any, **arrays: Array) -> Any:
    """A layer with these parameters, whose gradients are their data."""
    layer = fw.layers.Layer()
    for name, a in arrays.items():
        setattr(layer, name, fw.Parameter(a.copy()))
        getattr(layer, name).grad = fw.Variable(a.copy())
    return layer


LARGE = np.random.RandomState(2).randn(200, 100)


def large(fw: Any) -> list[bool]:
    """Whether large parameters are updated like their parts."""
    found = []
    for rule in (fw.optimizers.AdaGrad, fw.optimizers.AdaDelta, fw.optimizers.Adam):
        for a in (LARGE, LARGE.reshape(20000), LARGE.reshape(1, 20000), LARGE.reshape(2, 100, 100)):
            whole, parts = owner(fw, p=a), owner(fw, a=LARGE[:100], b=LARGE[100:])
            for layer in (whole, parts):
                optimizer = rule().setup(layer)
                optimizer.update()
                optimizer.update()
            found.append(np.array_equal(whole.p.data.ravel(), np.concatenate([parts.a.data, parts.b.data]).ravel()))
    return found


def failing(fw: Any) -> list[Any]:
    """An update that fails at the second parameter: its message, and the state before and after."""

    def update_one(self: Any, param: Any) -> None:
        if param.data.size == 6 and self.fails:
            raise ValueError("too large")
        fw.optimizers.Adam.update_one(self, param)

    layer = owner(fw, p=POINT, q=ROWS)
    rule = type("Mine", (fw.optimizers.Adam,), {"update_one": update_one, "fails": True})().setup(layer)
    found = [message(rule.update), len(rule.states)]
    rule.fails = False
    rule.update()
    before = rule.state()
    rule.fails = True
    found += [message(rule.update), [key for key, value in rule.state().items() if key.endswith("t") and value != 1]]
    found += [sorted(before), layer.p.grad.data]
    layer.q.grad = fw.Variable(ROWS.T)
    return [*found, message(rule.update)]


def unprepared(fw: Any) -> list[Any]:
    """A state that cannot be created: nothing is updated. The state of a parameter that is replaced is dropped."""

    def new_state(self: Any, param: Any) -> Any:
        if param.data.size == 6:
            raise ValueError("no state")
        return {"s": np.zeros(1)}

    def update_one(self: Any, param: Any) -> None:
        param.data += 1

    layer = owner(fw, p=POINT, q=ROWS)
    kind = type("Mine", (fw.optimizers.Optimizer,), {"new_state": new_state, "update_one": update_one})
    found = [message(kind().setup(layer).update), layer.p.data.copy()]
    rule = fw.optimizers.Adam().setup(layer)
    rule.update()
    layer.q = fw.Parameter(POINT.copy())
    rule.update()
    return [*found, len(rule.states)]


def kinds_of_rates(fw: Any) -> list[Any]:
    """Updates of a float32 parameter by rates and gradients of several types; the smallest hyperparameters."""
    found: list[Any] = []
    for rate in (0.25, np.float64(0.25), np.array(0.25), 0):
        for kind in ("f", "d", "i8"):
            layer = owner(fw, p=POINT.astype("f"))
            layer.p.grad = fw.Variable(POINT.astype(kind))
            rule = fw.optimizers.SGD(rate).setup(layer)
            rule.update()
            found.append([type(rule.lr) is float, layer.p.data])
    layer.p.grad.data = np.array([1.0, None])
    rules = fw.optimizers
    return [
        *found,
        message(rule.update),
        rules.MomentumSGD(0, 0).momentum,
        rules.Adam(0, 0, 0, 0).eps,
        rules.WeightDecay(0).rate,
    ]


def loaded(fw: Any) -> list[Any]:
    """State in another order of its names; a hyperparameter of the user; the learning rate by its other name."""
    layer = owner(fw, p=POINT)
    rule = type("Mine", (fw.optimizers.Adam,), {})().setup(layer)
    rule.steps = 3
    rule.update()
    state = rule.state()
    other = type(rule)().setup(layer)
    other.steps = 1
    other.load_state(dict(reversed(state.items())))
    found = [type(other.steps) is int, other.steps, sorted(other.state())]
    other.alpha = 0.5
    return [*found, other.lr, other.alpha, message(lambda: other.load_state({**state, "lr": -1.0}))]


def clipped(fw: Any) -> list[Any]:
    """The gradient of a float32 parameter after clipping by numbers of several kinds."""
    found = []
    for norm in (1, np.float64(1), np.float32(1), np.array(1.0)):
        layer = owner(fw, p=POINT.astype("f"))
        fw.optimizers.ClipGrad(norm)([layer.p])
        found.append(layer.p.grad.dtype)
    return found


# fmt: off
values(
    46, NUMPY,
    ("large_parameters_updated", large, lambda: [True] * 12),
    ("updates_that_fail", failing, lambda: [
        "ValueError: too large", 0, "ValueError: too large", [],
        sorted(["lr", "beta1", "beta2", "eps", "fails", *(f"{p}/{s}" for p in "pq" for s in "mvt")]), POINT,
        "ValueError: Mine.update: q: expected a gradient (2, 3) float64, got (3, 2) float64"]),
    ("state_in_another_order", loaded, lambda: [
        True, 3, sorted(["lr", "beta1", "beta2", "eps", "steps", "p/m", "p/v", "p/t"]), 0.5, 0.5,
        "ValueError: load_state: expected 0 <= lr < inf, got -1.0"]),
    ("states_not_created", unprepared, lambda: ["ValueError: no state", POINT, 1]),
    ("kinds_of_rates", kinds_of_rates, lambda: [
        *([True, (POINT * rest).astype("f")] for rest in (0.75, 0.75, 0.75, 1) for _ in range(3)),
        "ValueError: SGD.update: p: expected a gradient (2,) float32, got (2,) object", 0.0, 0.0, 0.0]),
    ("kinds_of_clipping", clipped, lambda: [np.float32] * 4),
)
# fmt: on


# --- loaders and data sets ---


class Indexed:
    """A data set that tells the type of the index."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, i: Any) -> Any:
        return i, type(i).__name__ == "int"


def epochs(fw: Any) -> list[Any]:
    """Loops, one in the other and in the middle of the loader's own epoch; batches of one; other shapes."""
    loader = fw.dataloaders.DataLoader(Indexed(), 2, rng=0)
    found = [next(loader), [list(loader), [(x, next(iter(loader))) for x, _ in loader]], next(loader), next(loader)]
    small = fw.dataloaders.DataLoader(Indexed(), 1, False)
    found += [len(small), next(small), [loader.drop_last, fw.DataLoader([], 1, drop_last=True).drop_last]]
    unequal = fw.dataloaders.DataLoader([(ROWS, 0), (ROWS.T, 1)], 2, False)
    return [*found, message(lambda: next(unequal)).partition("got")[0]]


def epochs_by_numpy() -> list[Any]:
    rng = np.random.default_rng(0)

    def batches() -> list[Any]:
        order = rng.permutation(5)
        return [(order[i : i + 2], np.ones(len(order[i : i + 2]), bool)) for i in (0, 2, 4)]

    own, first = batches(), batches()
    outer = batches()
    nested = [(x, batches()[0]) for x, _ in outer]
    found = [own[0], [first, nested], own[1], own[2], 5, (np.array([0]), np.array([True])), [False, True]]
    return [*found, "ValueError: DataLoader: expected x of one shape in a batch, "]


def samples_of(fw: Any) -> list[Any]:
    """Samples from the end; labels of a data set; labels that are transformed; where files are kept."""
    data = fw.datasets.Spiral()
    found = [data[-300][1] == data[0][1], message(lambda: data[-301]), data.target_transform(3)]
    digits = fw.datasets.Digits(target_transform=lambda t: t + 10)
    found += [digits[0][1] >= 10, digits.labels()]
    files = [idx(*a.shape, content=a.tobytes()) for a in (images(5, 28, 28), labels(5))]
    kind = fw.datasets.MNIST
    unchecked = mock.patch.object(kind, "FILES", [(name, None) for name, _ in kind.FILES])
    with unchecked, downloads(*files) as network:
        mnist = kind(target_transform=lambda t: t + 10)
        kept = sorted(
            path.relative_to(network.folder).as_posix() for path in pathlib.Path(network.folder).rglob("*.gz")
        )
    empty = with_file(idx(0, 2, content=b""), lambda path: fw.datasets.read_idx(path, 2))
    return [*found, mnist[0][1] - int(labels(5)[0]), kept, empty]


# fmt: off
values(
    50, NUMPY,
    ("epochs_of_a_loader", epochs, epochs_by_numpy),
    since=4,
)
values(
    51, NUMPY,
    ("samples_and_labels", samples_of, lambda: [
        True, "IndexError: Spiral: expected an index below 300, got -301", 3, True, dict(enumerate("0123456789")), 10,
        ["mnist/train-images-idx3-ubyte.gz", "mnist/train-labels-idx1-ubyte.gz"], np.zeros((0, 2), np.uint8)]),
    ("images_on_pages", lambda fw: [page(fw, images(5, 1, 2, 3), 2, 3)[1], page(fw, images(5, 1, 2, 3), 2, 1)[1]],
     lambda: [pages(images(5, 1, 2, 3), 2, 3), pages(images(5, 1, 2, 3), 2, 1)]),
    ("normalize_bytes", lambda fw: fw.transforms.Normalize(0.1, 0.3)(images(2, 3)),
     lambda: (images(2, 3) - np.array(0.1)) / np.array(0.3)),
)
# fmt: on


# --- downloads ---

URL = "https://example.org/folder/file"
SPACES = b" \r\n\t"
PAGES: tuple[tuple[str, bytes], ...] = (
    ("a.bin", b"<!DOCTYPE HTML><p>"),
    ("b.bin", b"\xef\xbb\xbf" + SPACES + b"<html>"),
    ("c.html", b"<html>"),
    ("d.HTM", b"<html>"),
    ("e.htm", b"<html>"),
    ("f", b"<html>"),
    ("g.bin", b" " * 1019 + b"<html>"),
    ("h.bin", b" " * 1020 + b"<html>"),
    ("i.bin", b"no <html>"),
)


def contents(fw: Any) -> list[Any]:
    """Whether contents without a checksum are accepted; the type of the path; names with folders; mirrors."""
    found: list[Any] = []
    for name, content in PAGES:
        with downloads(content), contextlib.redirect_stderr(io.StringIO()):
            found.append(message(partial(fw.download.get_file, URL, name)) == "no error")
    with downloads(b"x", OSError("first"), b"y"), contextlib.redirect_stderr(io.StringIO()):
        found.append(type(fw.download.get_file(URL)) is str)
        path = fw.download.fetch("folder", "name", (f"{URL}{i}" for i in (1, 2)))
        found.append(path.read_bytes())
    with downloads(b"x"):
        found.append(message(lambda: fw.download.get_file(URL, "a\\b")))
    return found


def bars(fw: Any) -> list[Any]:
    """Whether downloads show a progress bar: on a terminal, if tqdm is installed."""
    found = []
    for terminal, tqdm in ((True, True), (True, False), (False, True), (None, True)):
        error = None if terminal is None else mock.Mock(isatty=mock.Mock(return_value=terminal))
        spec = mock.patch("importlib.util.find_spec", return_value=types.SimpleNamespace() if tqdm else None)
        with downloads(b"x") as network, spec, mock.patch.object(sys, "stderr", error):
            with contextlib.redirect_stdout(io.StringIO()):
                fw.download.get_file(URL)
            found.append(network.options[0]["progressbar"])
    return found


# fmt: off
values(
    51, GOLDEN,
    ("contents_of_downloads", contents, lambda: [
        False, False, True, False, True, True, False, True, True, True, b"y",
        f"ValueError: get_file: expected a file_name without folders for {URL}, got 'a\\\\b'"]),
    ("progress_bars", bars, lambda: [True, False, False, False]),
)
# fmt: on
