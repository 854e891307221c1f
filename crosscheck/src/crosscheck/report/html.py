"""The report as one page of HTML that needs nothing else: no network, no script."""

from __future__ import annotations

import inspect
import pathlib
import textwrap

import jinja2
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from .. import UsageError
from ..computations import Computation
from . import SIGNS, STATES, Report, eps, label, repeat_command, rows

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
        repeat=lambda cell: repeat_command(cell, report.options),
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    css = HtmlFormatter(style="friendly").get_style_defs("pre.code")  # type: ignore[no-untyped-call]  # no annotation
    return template.render(report=report, rows=rows(report.cells), worst=report.worst(), highlighting=css)


def write_html(report: Report, folder: pathlib.Path) -> pathlib.Path:
    """Write folder/index.html; the folder is made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / "index.html"
        page.write_text(render(report), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html: {folder} cannot be written: {error.strerror}") from error
    return page
