"""Graph drawings: DOT text, rendered by Graphviz."""

import html
import pathlib
import shutil
import subprocess
import sys

LARGEST = 50  # nodes of a graph that a notebook draws


def get_dot_graph(output, verbose=True):
    """DOT text of the graph that ends in output. [step 26]

    Variables are orange ellipses with their names, and with verbose their shapes and dtypes; functions are
    blue boxes. Nodes are numbered in the order of the traversal, so the same graph always gives the same text.
    """
    numbers = {}

    def number(node):
        return numbers.setdefault(node, len(numbers))

    text = _dot_var(output, verbose, number)
    drawn = {output}
    funcs = []

    def add_creator(variable):
        f = variable.creator
        if f is not None and f not in drawn:
            drawn.add(f)
            funcs.append(f)

    add_creator(output)
    while funcs:
        f = funcs.pop()
        text += _dot_func(f, number)
        for v in alive(f.outputs):  # `output` does not depend on all of them
            if v not in drawn:
                drawn.add(v)
                text += _dot_var(v, verbose, number)
        for x in f.inputs:
            if x not in drawn:
                drawn.add(x)
                text += _dot_var(x, verbose, number)
            add_creator(x)
    return "digraph g {\n" + text + "}"


def _dot_var(v, verbose=False, number=id):
    """The line of a variable in DOT text. number: gives a node its number in the text. [step 26]"""
    label = "" if v.name is None else str(v.name)
    if verbose and v.data is not None:
        label += (": " if label else "") + f"{v.data.shape} {v.data.dtype}"
    return f"{number(v)} [label={quote(label)}, color=orange, style=filled]\n"


def _dot_func(f, number=id):
    """The lines of a function in DOT text: its node, and the edges from its inputs and to its outputs. [step 26]"""
    text = f"{number(f)} [label={quote(type(f).__name__)}, color=lightblue, style=filled, shape=box]\n"
    for x in f.inputs:
        text += f"{number(x)} -> {number(f)}\n"
    for y in alive(f.outputs):
        text += f"{number(f)} -> {number(y)}\n"
    return text


def alive(outputs):
    """The outputs that have not been garbage-collected: something still references them. [step 26, not in the book]"""
    return [y for y in (y() for y in outputs) if y is not None]


def plot_dot_graph(output, verbose=True, to_file="graph.png"):
    """Draw the graph that ends in output to a file; its suffix is the format: png, pdf, svg ... [step 26]

    Returns the path, or in a notebook the image, which is displayed. Raises RuntimeError if Graphviz is
    not installed or fails; an existing file is then unchanged.
    """
    path = pathlib.Path(to_file)
    kind = path.suffix[1:].lower()
    if not kind:
        raise ValueError(f"plot_dot_graph: expected to_file with a suffix such as .png, got {str(to_file)!r}")
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"plot_dot_graph: expected to_file to be a file in an existing folder, got {str(to_file)!r}")
    path.write_bytes(render(get_dot_graph(output, verbose), kind))
    return shown_in_notebook(path) or path


def render(text, kind):
    """Render DOT text to bytes, by the command dot or else by pygraphviz. [step 26]"""
    if shutil.which("dot"):
        done = subprocess.run(["dot", f"-T{kind}"], input=text.encode(), capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"plot_dot_graph: dot failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout
    try:
        import pygraphviz
    except ImportError:
        raise RuntimeError(
            "plot_dot_graph: expected the command 'dot' or the package pygraphviz, found neither; install Graphviz "
            "('apt install graphviz', 'brew install graphviz' or graphviz.org), or 'pip install pygraphviz'"
        ) from None
    try:
        return pygraphviz.AGraph(string=text).draw(format=kind, prog="dot")
    except (TypeError, ValueError):  # raised for an unknown format
        raise RuntimeError(f"plot_dot_graph: pygraphviz cannot draw the format {kind!r}") from None


def quote(text):
    """Quote text as a DOT string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def shown_in_notebook(path):
    """The image, to be displayed by a notebook; None outside a notebook and for other formats."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if not hasattr(shell, "kernel"):
        return None
    from IPython import display

    kinds = {".png": display.Image, ".jpg": display.Image, ".svg": display.SVG}
    return kinds[path.suffix](filename=str(path)) if path.suffix in kinds else None


def shown_with_graph(output):
    """HTML for a notebook: the variable as text, and below it its graph. [step 26, not in the book]

    None, so that the notebook shows the text alone, for a leaf, for a graph of more than 50 nodes, and without
    Graphviz.
    """
    text = get_dot_graph(output) if 0 < output.generation < LARGEST else ""
    if not 0 < text.count(", style=filled") <= LARGEST:
        return None
    try:
        svg = render(text, "svg").decode()
    except RuntimeError:
        return None
    return f"<pre>{html.escape(repr(output))}</pre>{svg[svg.index('<svg') :]}"
