"""Plots as inline SVG, in the colors of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, ROW, NAMES, EDGE = 720, 22, 290, 20  # of a plot, in pixels
TICKS = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Series:
    """A row of a plot: a name, and numbers with the label of each, such as the stage."""

    name: str
    values: tuple[tuple[int, float], ...]


def ratios(rows: Sequence[Series]) -> Markup:
    """Ratios on a logarithmic axis: one row for each name, one point for each number; left of 1 is faster."""
    low, high = math.log(TICKS[0] / 1.3), math.log(TICKS[-1] * 1.1)

    def x(value: float) -> float:
        return NAMES + (WIDTH - NAMES - EDGE) * (math.log(value) - low) / (high - low)

    height = ROW * (len(rows) + 2)
    found = []
    for tick in TICKS:
        kind = ' class="one"' if tick == 1 else ""
        found.append(f'<line{kind} x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{ROW}" y2="{height - ROW}"/>')
        found.append(f'<text text-anchor="middle" x="{x(tick):.1f}" y="{height - 6}">{tick:g}</text>')
    for n, row in enumerate(rows):
        y = ROW * (n + 1.5)
        found.append(f'<text text-anchor="end" x="{NAMES - 10}" y="{y + 4}">{escape(row.name)}</text>')
        for label, value in row.values:
            found.append(
                f'<circle class="series-{(label - 1) % 5}" cx="{x(value):.1f}" cy="{y}" r="5">'
                f"<title>{escape(row.name)}, {label}: {value:g}</title></circle>"
            )
    labels = sorted({label for row in rows for label, _ in row.values})
    for n, label in enumerate(labels):
        at = NAMES + 34 * n + 8
        found.append(f'<circle class="series-{(label - 1) % 5}" cx="{at}" cy="{ROW / 2}" r="5"/>')
        found.append(f'<text x="{at + 8}" y="{ROW / 2 + 4}">{label}</text>')
    return svg(WIDTH, height, "Time divided by that of PyTorch", found)


def growth(title: str, values: Sequence[int]) -> Markup:
    """A bar for each stage, with its number."""
    width, height, bar = 220, 130, 34
    top = max(values)
    found = [f'<text class="title" x="0" y="14">{escape(title)}</text>']
    for n, value in enumerate(values):
        tall = max(70 * value / top, 1)
        x = n * (bar + 8)
        found.append(
            f'<rect class="series-{n % 5}" x="{x}" y="{112 - tall:.1f}" width="{bar}" height="{tall:.1f}" rx="3"/>'
        )
        found.append(f'<text text-anchor="middle" x="{x + bar / 2}" y="{106 - tall:.1f}">{value:,}</text>')
        found.append(f'<text text-anchor="middle" x="{x + bar / 2}" y="126">{n + 1}</text>')
    return svg(width, height, title, found)


def svg(width: float, height: float, title: str, inner: Sequence[str]) -> Markup:
    head = f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {width:g} {height:g}" width="{width:g}">'
    return Markup(f"{head}{''.join(inner)}</svg>")
