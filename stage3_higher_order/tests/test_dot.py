"""Graphs as DOT text and as images."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from .stage import F, Function, Variable, dot, get_dot_graph, no_grad, plot_dot_graph

PNG = b"\x89PNG"


@pytest.fixture(params=["dot", "pygraphviz"])
def graphviz(request, tmp_path_factory, monkeypatch):
    """Graphviz through its command, then through the package pygraphviz."""
    if request.param == "dot" and shutil.which("dot") is None:
        pytest.skip("the command dot is not installed")
    if request.param == "pygraphviz":
        pytest.importorskip("pygraphviz")
        monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))


@pytest.fixture
def no_graphviz(tmp_path_factory, monkeypatch):
    """Neither the command dot nor pygraphviz."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


needs_graphviz = pytest.mark.usefixtures("graphviz")


def scalar(x, name=None):
    return Variable(np.array(x), name=name)


def addition():
    y = scalar(1.0, "x0") + scalar(1.0, "x1")
    y.name = "y"
    return y


def test_the_dot_text_of_an_addition():
    for _ in range(2):
        assert get_dot_graph(addition(), verbose=False) == (
            "digraph g {\n"
            '0 [label="y", color=orange, style=filled]\n'
            '1 [label="Add", color=lightblue, style=filled, shape=box]\n'
            "2 -> 1\n"
            "3 -> 1\n"
            "1 -> 0\n"
            '2 [label="x0", color=orange, style=filled]\n'
            '3 [label="x1", color=orange, style=filled]\n'
            "}"
        )


def test_the_lines_of_a_variable_and_of_a_function():
    x = Variable(np.zeros((2, 3)), name="x")
    assert dot._dot_var(x) == f'{id(x)} [label="x", color=orange, style=filled]\n'
    assert dot._dot_var(x, verbose=True) == f'{id(x)} [label="x: (2, 3) float64", color=orange, style=filled]\n'
    y = addition()
    node, *edges = dot._dot_func(y.creator).splitlines()
    assert node == f'{id(y.creator)} [label="Add", color=lightblue, style=filled, shape=box]'
    assert edges == [
        *(f"{id(x)} -> {id(y.creator)}" for x in y.creator.inputs),
        f"{id(y.creator)} -> {id(y)}",
    ]


@pytest.mark.parametrize(
    ("name", "verbose", "label"),
    [("x", True, "x: (2, 3) float64"), (None, True, "(2, 3) float64"), ("x", False, "x"), (None, False, "")],
)
def test_verbose_adds_shape_and_dtype(name, verbose, label):
    x = Variable(np.zeros((2, 3)), name)
    assert f'0 [label="{label}", color=orange, style=filled]\n' in get_dot_graph(x, verbose)


def test_a_leaf_is_a_graph():
    assert get_dot_graph(scalar(1.0, "x"), verbose=False).count("\n") == 2
    assert get_dot_graph(Variable(None, "x")).count("\n") == 2
    with no_grad():
        assert "Add" not in get_dot_graph(addition())


def test_a_variable_that_is_used_twice_is_one_node_with_two_arrows():
    x = scalar(1.0, "x")
    text = get_dot_graph(x * x, verbose=False)
    assert text.count('label="x"') == 1
    assert text.count("2 -> 1\n") == 2


def test_each_function_is_drawn_once():
    x = scalar(1.0)
    a = F.square(x)
    text = get_dot_graph(F.square(a) + F.square(a))
    assert text.count('"Square"') == 3
    assert text.count('"Add"') == 1


class Two(Function):
    """y0 = x, y1 = x."""

    def forward(self, x):
        return x, x


def test_an_output_that_was_freed_is_not_drawn():
    y0, y1 = Two()(scalar(1.0))
    del y1
    text = get_dot_graph(y0)
    assert text.count("color=orange") == 2
    assert text.count("->") == 2


def test_a_second_output_of_a_function_is_a_variable():
    y0, y1 = Two()(scalar(1.0, "x"))
    y1.name = "y1"
    text = get_dot_graph(y0, verbose=False)
    assert text.count("->") == 3
    assert text.count("color=orange") == 3
    assert text.count('"y1"') == 1


def test_the_graph_of_a_gradient_can_be_drawn():
    x = scalar(1.0)
    F.tanh(x).backward(create_graph=True)
    text = get_dot_graph(x.grad)
    assert [text.count(f'"{name}"') for name in ("Tanh", "Mul", "Sub")] == [1, 2, 1]


def test_a_long_graph_does_not_recurse():
    y = scalar(1.0)
    for _ in range(10_000):
        y = -y
    assert get_dot_graph(y).count('"Neg"') == 10_000


NAMES = ['say "x"', "back\\slash", 'end\\"', "two\nlines", "ümläut", "{a|b}", "<b>", "", "a -> b; c", "变量"]


@pytest.mark.parametrize("name", ['say "x"', 'end\\"', "two\nlines"])
def test_names_are_quoted(name):
    line = get_dot_graph(scalar(1.0, name), verbose=False).splitlines()[1]
    label = line.removeprefix('0 [label="').removesuffix('", color=orange, style=filled]')
    assert label.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\") == name


@needs_graphviz
@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_drawn_and_read(name, tmp_path):
    path = plot_dot_graph(scalar(1.0, name), verbose=False, to_file=tmp_path / "x.svg")
    text = path.read_text(encoding="utf-8")
    for line in name.split("\n"):
        shown = line.replace("<", "&lt;").replace(">", "&gt;").replace("-", "&#45;").replace('"', "&quot;")
        assert shown in text.replace("&#160;", " ")


@needs_graphviz
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_suffix_is_the_format(kind, tmp_path):
    path = tmp_path / f"graph.{kind}"
    assert plot_dot_graph(addition(), to_file=path) == path
    start = {"png": PNG, "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    assert path.read_bytes().startswith(start)


@needs_graphviz
@pytest.mark.parametrize(
    "name", ["two words.png", 'quo"te.png', "it's.png", "$(touch hacked).png", "-o x.png", "a.b.png", "a;touch b.png"]
)
def test_odd_file_names_are_only_names(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plot_dot_graph(addition(), to_file=name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes().startswith(PNG)


@needs_graphviz
def test_an_older_image_is_replaced(tmp_path):
    path = tmp_path / "graph.png"
    path.write_text("old")
    plot_dot_graph(addition(), to_file=str(path))
    assert path.read_bytes().startswith(PNG)


@needs_graphviz
def test_an_unknown_format_leaves_the_file_unchanged(tmp_path):
    path = tmp_path / "graph.nonsense"
    path.write_text("old")
    with pytest.raises(RuntimeError, match=r"plot_dot_graph: .*nonsense"):
        plot_dot_graph(addition(), to_file=path)
    assert path.read_text() == "old"


def test_a_name_without_a_suffix_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"expected to_file with a suffix such as \.png, got "):
        plot_dot_graph(addition(), to_file=tmp_path / "graph")


@pytest.mark.usefixtures("no_graphviz")
def test_without_graphviz_the_error_names_both_ways_to_get_it(tmp_path):
    path = tmp_path / "graph.png"
    path.write_text("old")
    with pytest.raises(RuntimeError, match=r"the command 'dot' or the package pygraphviz.*apt install.*pip install"):
        plot_dot_graph(addition(), to_file=path)
    assert path.read_text() == "old"


def test_the_command_is_preferred_and_gets_neither_a_shell_nor_a_file_name(tmp_path, monkeypatch):
    calls = []

    def run(command, **settings):
        calls.append(command)
        assert not settings.get("shell")
        return subprocess.CompletedProcess(command, 0, stdout=settings["input"], stderr=b"")

    monkeypatch.setattr(dot.shutil, "which", lambda command: command)
    monkeypatch.setattr(dot.subprocess, "run", run)
    path = plot_dot_graph(addition(), to_file=tmp_path / "$(touch hacked).png")
    assert calls == [["dot", "-Tpng"]]
    assert path.read_bytes().decode() == get_dot_graph(addition())


@pytest.mark.parametrize("to_file", [".", "folder.png", "no_such_folder/graph.png"])
def test_an_unwritable_path_is_reported(to_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ValueError, match="plot_dot_graph: expected to_file"):
        plot_dot_graph(Variable(np.array(1.0)), to_file=to_file)


# --- in a notebook ---


@needs_graphviz
def test_a_notebook_shows_a_variable_with_its_graph():
    y = scalar(2.0, "x<0>") * 3.0
    shown = y._repr_html_()
    assert shown.startswith("<pre>variable(6.0)</pre><svg")
    assert shown.endswith("</svg>\n")
    assert ">x&lt;0&gt;: () float64<" in shown
    assert ">Mul<" in shown


@needs_graphviz
def test_a_leaf_and_a_large_graph_are_shown_as_text():
    assert scalar(1.0)._repr_html_() is None
    with no_grad():
        assert addition()._repr_html_() is None
    y = scalar(1.0)
    for _ in range(24):
        y = F.exp(y * 0)
    assert y._repr_html_() is None
    wide = scalar(1.0)
    for _ in range(16):  # 49 nodes: 16 functions and their outputs, 16 constants, a leaf
        wide = wide + 1.0
    assert wide._repr_html_() is not None
    assert (wide + 1.0)._repr_html_() is None


@pytest.mark.usefixtures("no_graphviz")
def test_without_graphviz_a_variable_is_shown_as_text():
    assert addition()._repr_html_() is None
