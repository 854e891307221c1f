"""Graphs of computations as SVG, drawn by Graphviz if it is installed: the command dot, or pygraphviz."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping

LARGEST = 90  # nodes of a graph that is drawn; more are hard to read
LIMIT = 120.0  # seconds for all graphs together


def nodes(text: str) -> int:
    """The number of nodes of a graph in DOT."""
    return text.count("[label=")


def functions(text: str) -> list[str]:
    """The names of the functions in a graph, each once."""
    return list(dict.fromkeys(re.findall(r'\[label="(\w+)"[^\]]*shape=box\]', text)))


def draw(graphs: Mapping[str, str]) -> dict[str, str]:
    """name -> SVG, for every graph that is not too large. Empty if Graphviz is not installed or fails."""
    wanted = {name: styled(text) for name, text in graphs.items() if text and nodes(text) <= LARGEST}
    if not wanted:
        return {}
    if shutil.which("dot"):  # one process for all graphs
        try:
            done = subprocess.run(
                ["dot", "-Tsvg"], input="\n".join(wanted.values()).encode(), capture_output=True, timeout=LIMIT
            )
        except (OSError, subprocess.TimeoutExpired):
            return {}
        drawings = re.findall(r"<svg.*?</svg>", done.stdout.decode(errors="replace"), re.DOTALL)
        if done.returncode or len(drawings) != len(wanted):
            return {}
    else:
        try:
            import pygraphviz
        except ImportError:
            return {}
        drawings = [pygraphviz.AGraph(string=text).draw(format="svg", prog="dot").decode() for text in wanted.values()]
        drawings = [drawing[drawing.index("<svg") :] for drawing in drawings]
    return {name: for_the_page(name, svg) for name, svg in zip(wanted, drawings, strict=True)}


def styled(text: str) -> str:
    """The graph with rounded boxes and a font that the page has; its colors come from the page's CSS."""
    style = 'graph [bgcolor=transparent, nodesep=0.3, ranksep=0.35]; node [fontname="sans-serif", fontsize=12]; '
    return text.replace("{", "{" + style + "edge [arrowsize=0.7];", 1)


def for_the_page(name: str, svg: str) -> str:
    """The SVG with classes for functions and variables instead of colors, and ids unique to this graph."""
    svg = re.sub(r"<title>.*?</title>\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[^"]*"', "", svg)
    svg = svg.replace('fill="lightblue" stroke="lightblue"', 'class="function"')
    svg = svg.replace('fill="orange" stroke="orange"', 'class="variable"')
    svg = re.sub(r' (fill|stroke)="(black|none|white|transparent|#[0-9a-f]+)"', "", svg)
    svg = re.sub(r' font-family="[^"]*"', "", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="Graph of {name}"', 1)
