"""What detects mutants of functions, data and drawings that nothing else detects."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pathlib
import sys
import tempfile
import types
from typing import Any
from unittest import mock

import numpy as np

from ..inputs import DIFFERENCES, normal
from . import computation
from .errors import errors
from .mutants import swapped
from .utilities import GOLDEN, NUMPY, POINT, ROWS
from .values import values

# --- functions ---


def skipped(fw: Any) -> Any:
    """For each input of a function, whether its backward returns no gradient for it, because it is a constant."""
    v, c, W, b = fw.Variable(ROWS + 1), ROWS + 2, ROWS.T + 1, POINT
    calls = [f(*xs) for f in (fw.add, fw.mul, fw.sub, fw.div, fw.mean_squared_error) for xs in ((v, c), (c, v))]
    calls += [v**c, c**v, fw.matmul(v, W), fw.matmul(c, fw.Variable(W)), fw.linear(v, W, b)]
    calls += [fw.linear(c, fw.Variable(W), b), fw.linear(c, W, fw.Variable(b)), fw.concat([v, c]), fw.concat([c, v])]
    found = []
    for y in calls:
        gxs = y.creator.backward(fw.Variable(np.ones_like(y.data)))
        found.append([gx is None for gx in gxs])
    return found


SECOND, FIRST = [False, True], [True, False]  # of two inputs the second is a constant, the first is one
BASE, EXPONENT = np.array([0.0, 0.0, 0.0, 0.0, 2.0, 3.0]), np.array([-1, 0, 1, 2, -1, 2])


def derivatives(fw: Any, f: Any, *arrays: Any) -> Any:
    """The value of f and its gradients."""
    variables = [fw.Variable(a) for a in arrays]
    y = f(*variables)
    y.backward()
    return [y.data, *(fw.array(x.grad) for x in variables)]


@computation(step=47, inputs=[normal()], shapes=((2, 3),), cases=DIFFERENCES)
def clip_on_one_side(fw: Any, x: Any) -> Any:
    """clip with one bound"""
    return fw.clip(x, None, 0.3) * fw.clip(x, -0.2, None)


BYTES, MORE = np.array([[3, 250], [7, 0]], np.uint8), np.array([[5, 249], [6, 1]], np.uint8)

# fmt: off
values(
    36, NUMPY,
    ("gradients_of_two_outputs", lambda fw: [
        fw.grad([fw.square(x := fw.Variable(POINT)), fw.exp(x)], x), fw.grad(fw.square(x), x, ROWS[0, :2])],
     lambda: [2 * POINT + np.exp(POINT), 2 * POINT * ROWS[0, :2]]),
)
values(
    41, "constants are a matter of the stages",
    ("constants_have_no_gradients", skipped, lambda: [
        *[SECOND, FIRST] * 5, SECOND, FIRST, SECOND, FIRST, [False, True, True], [True, False, True],
        [True, True, False], SECOND, FIRST]),
)
values(
    22, NUMPY,
    ("array_powers_at_zero", lambda fw: derivatives(fw, fw.pow, BASE, EXPONENT.astype(float)),
     lambda: [BASE ** (1.0 * EXPONENT), np.array([-np.inf, 0.0, 1.0, 0.0, -0.25, 6.0]),
              np.array([-np.inf, 0.0, 0.0, 0.0, np.log(2) / 2, 9 * np.log(3)])]),
    ("integer_powers_of_integers", lambda fw: [fw.pow(fw.Variable(a), fw.Variable(c)).data for a, c in (
        (np.array([2, 3]), np.array([-1, 2])), (np.array([2, 4], "f"), np.array([-1, 2])),
        (np.array([2, 3]), np.array([1, 2])))],
     lambda: [np.array([0.5, 9.0]), np.array([0.5, 16.0]), np.array([2, 9])]),
    since=3,
)
values(
    40, NUMPY,
    ("sum_to_of_an_array", lambda fw: fw.functions.sum_to(ROWS, (1, 3)), lambda: ROWS.sum(0, keepdims=True)),
)
values(
    43, NUMPY,
    ("functions_of_bytes", lambda fw: [
        fw.sigmoid_simple(fw.Variable(BYTES)), fw.mean_squared_error(BYTES, MORE), fw.sigmoid(fw.Variable(BYTES)),
        fw.mean_squared_error(fw.Variable(MORE), BYTES)],
     lambda: [1 / (1 + np.exp(-1.0 * BYTES)), 3.5, 1 / (1 + np.exp(-1.0 * BYTES)), 3.5]),
    since=4,
)
values(
    50, NUMPY,
    ("accuracy_of_one_row", lambda fw: fw.accuracy(ROWS[:1], np.array(2)), lambda: 1.0),
    since=4,
)
values(
    47, NUMPY,
    ("softmax_over_no_axis", lambda fw: fw.softmax(fw.Variable(np.array(3.0)), ()), lambda: 1.0),
    ("functions_of_float16", lambda fw: [
        fw.utils.logsumexp(ROWS.astype("e")), fw.sum(fw.Variable(ROWS.astype("e"))),
        fw.softmax(fw.Variable(ROWS.astype("e"))), fw.logsumexp(fw.Variable(ROWS.astype("e")), 1)],
     lambda: [(s := np.log(np.exp(ROWS).sum(1, keepdims=True))).astype("e"), np.array(15, "e"),
              np.exp(ROWS - s).astype("e"), s[:, 0].astype("e")]),
    since=4,
)
errors(
    43,
    ("linear_of_a_number", lambda fw: fw.linear(fw.Variable(np.array(1.0)), ROWS),
     ValueError, "linear: expected x (N, D) and W (D, H), got x () and W (2, 3)"),
)
errors(
    50,
    ("accuracy_of_no_rows", lambda fw: fw.accuracy(ROWS[:0], np.zeros(0, int)),
     ValueError, "accuracy: expected y (N, C) and t (N,), N at least 1, got y (0, 3) and t (0,)"),
    since=4,
)
# fmt: on


# --- data ---


def loaders(fw: Any) -> Any:
    """The number of batches with and without an incomplete one; the order that NumPy's global seed determines."""
    pairs = list(enumerate(range(5)))
    counts = [len(fw.DataLoader(pairs, 2, drop_last=drop_last)) for drop_last in (False, True)]
    state = np.random.get_state()
    np.random.seed(1)
    index = fw.DataLoader(pairs, 2).index
    np.random.set_state(state)
    return counts, index


def downloading(fw: Any) -> Any:
    """How a file is downloaded: options, what is printed, where it is kept."""
    found: list[Any] = []

    def get(url: str, path: str, _: object) -> None:
        pathlib.Path(path).write_bytes(b"content")

    def downloader(**options: Any) -> Any:
        found.extend([options["progressbar"], options["chunk_size"], options["timeout"] is not None])
        return get

    printed = io.StringIO()
    tqdm = types.SimpleNamespace(__spec__=mock.Mock())
    modules: Any = {"pooch": types.SimpleNamespace(HTTPDownloader=downloader), "tqdm": tqdm}
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stderr(printed),
        contextlib.chdir(folder),
        mock.patch.dict(sys.modules, modules),
        mock.patch.dict(os.environ, DEZERO_HOME="relative"),
    ):
        path = fw.utils.get_file(URL)
        parts = pathlib.Path(path).relative_to(pathlib.Path(folder).resolve() / "relative").parts
        return [*found, printed.getvalue(), list(parts)]


URL = "https://example.org/folder/file.bin"

# fmt: off
values(
    50, NUMPY,
    ("batches_of_loaders", loaders, lambda: (
        [3, 2], np.random.default_rng(np.random.RandomState(1).randint(2**31)).permutation(5))),
)
values(
    51, GOLDEN,
    ("download_in_detail", downloading, lambda: [
        False, 2**16, True, f"Downloading {URL}\n",
        ["files", hashlib.sha256(URL.encode()).hexdigest()[:16], "file.bin"]]),
)
# fmt: on


# --- drawings ---


def branching(fw: Any) -> Any:
    """A graph with a function of two outputs, one of which is not used, and a variable that is used twice."""
    x = fw.Variable(POINT)
    y0, y1 = swapped(fw)(x, fw.Variable(POINT))
    return fw.mul(fw.square(y0), y0), y1


BRANCHING = """digraph g {
0 [label="", color=orange, style=filled]
1 [label="Mul", color=lightblue, style=filled, shape=box]
2 -> 1
3 -> 1
1 -> 0
2 [label="", color=orange, style=filled]
3 [label="", color=orange, style=filled]
4 [label="Mine", color=lightblue, style=filled, shape=box]
5 -> 4
6 -> 4
4 -> 3
4 -> 7
7 [label="", color=orange, style=filled]
5 [label="", color=orange, style=filled]
6 [label="", color=orange, style=filled]
8 [label="Square", color=lightblue, style=filled, shape=box]
3 -> 8
8 -> 2
}"""


def drawn_of(fw: Any, y: Any, unused: Any) -> Any:
    """The text that draws y, while an output is alive on which it does not depend."""
    return [fw.utils.get_dot_graph(y, verbose=False), unused.data]


def notebook(fw: Any, kernel: bool) -> Any:
    """What plot_dot_graph returns in a notebook, or in a shell of IPython that is none: it draws with pygraphviz."""
    shell = types.SimpleNamespace(kernel=None) if kernel else types.SimpleNamespace()
    show = types.SimpleNamespace(Image=lambda filename: "image", SVG=lambda filename: "svg")
    ipython = types.SimpleNamespace(get_ipython=lambda: shell, display=show)
    drawn: list[Any] = []

    def draw(format: str, prog: str = "") -> bytes:
        drawn.extend([format, prog])
        return b"a drawing"

    agraph = types.SimpleNamespace(AGraph=lambda string: types.SimpleNamespace(draw=draw))
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("shutil.which", return_value=None),
        mock.patch.dict(sys.modules, {"IPython": ipython, "pygraphviz": agraph}),
    ):
        graph, _ = branching(fw)
        shown = [fw.utils.plot_dot_graph(graph, to_file=f"{folder}/a.{kind}") for kind in ("png", "jpg", "svg", "pdf")]
    return [*drawn, *(what if isinstance(what, str) else None for what in shown)]


# fmt: off
values(
    26, GOLDEN,
    ("graph_that_branches", lambda fw: drawn_of(fw, *branching(fw)),
     lambda: [BRANCHING, POINT]),
    ("image_in_a_notebook", lambda fw: notebook(fw, True), lambda: [
        *(word for kind in ("png", "jpg", "svg", "pdf") for word in (kind, "dot")), "image", "image", "svg", None]),
    ("no_image_in_a_shell", lambda fw: notebook(fw, False), lambda: [
        *(word for kind in ("png", "jpg", "svg", "pdf") for word in (kind, "dot")), None, None, None, None]),
)
# fmt: on
