"""Figures of training runs: the loss of every framework over the steps, and its distance from PyTorch's."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ..cells import Cell
from ..frameworks.base import Array
from . import rows

# Placeholders for the page's colors, which differ in dark mode: in the SVG they become CSS variables.
INK, SOFT, LINE, ORACLE = "#010001", "#020002", "#030003", "#040004"
SERIES = ("#050005", "#050105", "#050205", "#050305", "#050405")
COLORS = dict(zip((INK, SOFT, LINE, ORACLE), ("ink", "soft", "line", "oracle"), strict=True))
COLORS |= {color: f"series-{i}" for i, color in enumerate(SERIES)}
# Distinguishable without color.
MARKERS = ("o", "s", "^", "D", "v")
DASHES = ("-", (0, (5, 2)), (0, (2, 1.5)), (0, (7, 2, 1, 2)), (0, (1, 1)))
WIDTH, HEIGHT = 9.6, 4.6  # inches; one inch is 72 units in the SVG
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
}
STYLE |= {"xtick.color": SOFT, "ytick.color": SOFT, "xtick.labelcolor": INK, "ytick.labelcolor": INK}
REFERENCE = "PyTorch in float64"
STEEP = 30.0  # losses that fall by a larger factor get a logarithmic axis


@dataclass(frozen=True)
class Figure:
    """A training run: the drawing, and a line of text per cell."""

    name: str
    doc: str
    svg: str
    lines: list[tuple[str, str, str]]


def draw(cells: Sequence[Cell]) -> list[Figure]:
    """A figure for each computation with curves."""
    frameworks = list(dict.fromkeys(cell.framework for cell in cells if cell.curve is not None))
    found = []
    for name, columns in rows([cell for cell in cells if cell.curve is not None]).items():
        drawn = [cell for column in columns.values() for cell in column]
        found.append(Figure(name, drawn[0].computation.doc, svg(name, drawn, frameworks), [line(c) for c in drawn]))
    return found


def line(cell: Cell) -> tuple[str, str, str]:
    """The cell, its last loss and its largest distance: the figure in words."""
    assert cell.curve is not None
    worst = max(cell.curve.differences(), default=None)
    last = f"{cell.curve.losses[-1]:.6g}" if cell.curve.losses else ""
    return f"{cell.framework} {cell.dtype}", last, "" if worst is None else f"{worst:.1e}" if worst else "0"


def svg(name: str, cells: Sequence[Cell], frameworks: Sequence[str]) -> str:
    """For each dtype a panel of losses above a panel of distances, as an SVG element in the page's colors."""
    dtypes = list(dict.fromkeys(cell.dtype for cell in cells))
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        canvas = Canvas(figsize=(WIDTH, HEIGHT), layout="constrained")
        panels = canvas.subplots(2, len(dtypes), sharex=True, squeeze=False, height_ratios=(3, 2))
        for column, dtype in enumerate(dtypes):
            above, below = panels[:, column]
            curves = [cell for cell in cells if cell.dtype == dtype]
            draw_losses(above, curves, frameworks)
            draw_distances(below, curves, frameworks)
            above.set_title(dtype, color=INK, fontsize="medium")
        panels[0, 0].set_ylabel("loss")
        panels[1, 0].set_ylabel("relative distance")
        labels: dict[str, Any] = {}
        for axes in panels.flat:
            for handle, text in zip(*axes.get_legend_handles_labels(), strict=True):
                labels.setdefault(text, handle)
        canvas.legend(labels.values(), labels.keys(), loc="outside upper center", ncols=len(labels), frameon=False)
        file = io.StringIO()
        canvas.savefig(
            file, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return for_the_page(file.getvalue(), name)


def draw_losses(axes: Axes, cells: Sequence[Cell], frameworks: Sequence[str]) -> None:
    """A wide, light curve for the oracle, with thin curves of the frameworks on top."""
    oracle = next((cell.curve.oracle for cell in cells if cell.curve is not None and cell.curve.oracle), [])
    if oracle:
        axes.plot(range(1, len(oracle) + 1), oracle, color=ORACLE, lw=6, solid_capstyle="round", label=REFERENCE)
    seen: list[float] = []
    for cell in cells:
        assert cell.curve is not None
        losses = np.array(cell.curve.losses)
        seen.extend(losses[np.isfinite(losses)])
        every = max(1, len(losses) // 10)
        first = frameworks.index(cell.framework) * every // max(2, len(frameworks))
        plot(axes, losses, cell, frameworks, lw=1.3, ms=3.5, markevery=(first, every))
    if seen and min(seen) > 0 and max(seen) / min(seen) > STEEP:
        axes.set_yscale("log")
    tidy(axes)


def draw_distances(axes: Axes, cells: Sequence[Cell], frameworks: Sequence[str]) -> None:
    """|a - r| / |r| for each step on a logarithmic axis, and the allowed limit."""
    eps = float(np.finfo(cells[0].dtype).eps)
    limit = cells[0].computation.allowed(cells[0].dtype) * eps
    highest = limit
    for cell in cells:
        assert cell.curve is not None
        differences = np.array(cell.curve.differences())
        differences[~(np.isfinite(differences) & (differences > 0))] = np.nan
        highest = max([highest, *differences[np.isfinite(differences)]])
        plot(axes, differences, cell, frameworks, lw=0.7, ms=1.8)
    axes.axhline(limit, color=SOFT, lw=1, ls=(0, (1, 2)), label="allowed")
    axes.set_yscale("log")
    axes.set_ylim(eps / 30, highest * 10)
    axes.yaxis.set_major_locator(LogLocator(numticks=5))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}"))
    axes.set_xlabel("step")
    tidy(axes)


def plot(axes: Axes, values: Array, cell: Cell, frameworks: Sequence[str], **options: Any) -> None:
    """The curve of a framework, in the same style in all figures."""
    k = frameworks.index(cell.framework) % len(SERIES)
    look: dict[str, Any] = {"color": SERIES[k], "ls": DASHES[k], "marker": MARKERS[k], "label": cell.framework}
    axes.plot(np.arange(1, len(values) + 1), values, **look, **options)


def tidy(axes: Axes) -> None:
    """Remove unnecessary lines."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=LINE, lw=0.6)
    axes.set_axisbelow(True)


def for_the_page(text: str, name: str) -> str:
    """Only the SVG element, with size and colors from the page and with ids unique to this figure."""
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px system-ui, sans-serif", text)
    text = re.sub(r'(id="|href="#|url\(#)', rf"\1{name}-", text)
    for color, variable in COLORS.items():
        text = text.replace(color, f"var(--{variable})")
    label = html.escape(f"{name}: loss over the steps, and relative distance from PyTorch", quote=True)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
