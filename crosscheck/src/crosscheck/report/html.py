"""The report as a self-contained HTML page, without scripts."""

from __future__ import annotations

import inspect
import pathlib
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import jinja2
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from .. import UsageError
from ..cells import Cell
from ..computations import Computation
from . import SIGNS, STATES, Report, eps, label, repeat_command, rows

if TYPE_CHECKING:
    from .curves import Figure

SHOWN_FAILURES = 20  # per cell; a wrong training run has one for each step
TEMPLATE = pathlib.Path(__file__).parent / "page.html.jinja"


def code(computation: Computation) -> str:
    """The computation's source, highlighted; the CSS is in the page."""
    source = textwrap.dedent(inspect.getsource(computation.body))
    return str(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


def render(report: Report) -> str:
    """The whole page."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.undefined = jinja2.StrictUndefined
    environment.globals.update(
        eps=eps,
        code=code,
        label=label,
        states=STATES,
        signs=SIGNS,
        shown_failures=SHOWN_FAILURES,
        repeat=lambda cell: repeat_command(cell, report.options),
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        report=report,
        rows=rows(report.cells),
        worst=report.worst(),
        figures=figures(report.cells),
        highlighting=highlighting("friendly"),
        highlighting_in_the_dark=highlighting("github-dark"),
    )


def figures(cells: Sequence[Cell]) -> list[Figure]:
    """The figures of the training runs; matplotlib, slow to import, is imported only if there are any."""
    if all(cell.curve is None for cell in cells):
        return []
    from .curves import draw

    return draw(cells)


def highlighting(style: str) -> str:
    """The CSS of highlighted code."""
    return str(HtmlFormatter(style=style).get_style_defs("pre.code"))  # type: ignore[no-untyped-call]  # no annotation


def write_html(report: Report, folder: pathlib.Path) -> pathlib.Path:
    """Write folder/index.html; create the folder if it does not exist."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / "index.html"
        page.write_text(render(report), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html: {folder} cannot be written: {error.strerror}") from error
    return page
