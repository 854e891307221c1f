"""Pictures of graphs: DOT text, and Graphviz's `dot` to draw it."""

import pathlib
import shutil
import subprocess
import sys
import tempfile


def get_dot_graph(output, verbose=True):
    """The graph that ends in output, as DOT text. [step 26]

    Variables are orange ellipses with their names, and with verbose their shapes and dtypes;
    functions are blue boxes. The numbers of the nodes follow the walk, so that the same graph gives
    the same text in every run.
    """
    numbers = {}

    def number(node):
        return numbers.setdefault(node, len(numbers))

    def var(v):
        label = "" if v.name is None else str(v.name)
        if verbose and v.data is not None:
            label += (": " if label else "") + f"{v.data.shape} {v.data.dtype}"
        return f"{number(v)} [label={quote(label)}, color=orange, style=filled]\n"

    def func(f):
        text = f"{number(f)} [label={quote(type(f).__name__)}, color=lightblue, style=filled, shape=box]\n"
        for x in f.inputs:
            text += f"{number(x)} -> {number(f)}\n"
        for y in (y() for y in f.outputs):
            if y is None:  # nobody holds it
                continue
            text += f"{number(f)} -> {number(y)}\n"
            if y not in drawn:  # it is beside the way to the output
                drawn.add(y)
                text += var(y)
        return text

    text = var(output)
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
        text += func(f)
        for x in f.inputs:
            if x not in drawn:
                drawn.add(x)
                text += var(x)
            add_creator(x)
    return "digraph g {\n" + text + "}"


def plot_dot_graph(output, verbose=True, to_file="graph.png"):
    """Draw the graph that ends in output to a file; its ending is the format: png, pdf, svg ... [step 26]

    Returns the path; in a notebook the picture itself, which then shows. RuntimeError if Graphviz
    is not installed or refuses; the file is then left as it was.
    """
    path = pathlib.Path(to_file)
    kind = path.suffix[1:].lower()
    if not kind:
        raise ValueError(f"plot_dot_graph: to_file={str(to_file)!r} has no ending such as .png that tells the format")
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"plot_dot_graph: to_file={str(to_file)!r} must be a file in a folder that exists")
    if shutil.which("dot") is None:
        raise RuntimeError(
            "plot_dot_graph: the command 'dot' is not there; install Graphviz: "
            "'apt install graphviz', 'brew install graphviz', or from graphviz.org"
        )
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "graph.dot")
        picture = pathlib.Path(folder, f"graph.{kind}")
        source.write_text(get_dot_graph(output, verbose), encoding="utf-8")
        command = ["dot", str(source), "-T", kind, "-o", str(picture)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"plot_dot_graph: dot refused: {done.stderr.strip()}")
        shutil.move(picture, path)
    return shown_in_notebook(path) or path


def quote(text):
    """A DOT string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def shown_in_notebook(path):
    """The picture as a notebook shows it, or None outside of one or for a format that it cannot show."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython import display

    kinds = {".png": display.Image, ".jpg": display.Image, ".svg": display.SVG}
    return kinds[path.suffix](filename=str(path)) if path.suffix in kinds else None
