"""The report as a folder of web pages: the matrix, a page for each computation, training runs, differences.

The pages need no network and work without JavaScript; a small script adds filters and a switch for the theme.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2

from .. import UsageError, __version__
from ..cells import Cell
from ..computations import DEFAULT_BUDGET
from ..details import tidy
from ..files import write_text
from ..lessons import lessons
from ..rosetta import Row, rosetta
from ..stages import STAGES
from . import STATES, Report, graphs, orders_compared, repeat_command, rows, words
from .computation import computation_page, graph_of, note
from .highlight import code, css
from .lists import budgets, coverage_page, declared
from .sources import Package
from .words import computation_of, eps, number

if TYPE_CHECKING:
    from .curves import Figure

WORDS = ("apart", "column", "eps", "number", "sentence", "spoken", "title", "tolerance", "words")  # of templates
SHOWN_FAILURES = 3  # per cell; the others are folded
TEMPLATES = pathlib.Path(__file__).parent / "templates"
GENERATOR = '<meta name="generator" content="crosscheck">'


@dataclass(frozen=True)
class Page:
    """An entry of the navigation."""

    file: str
    title: str


def write_html(report: Report, folder: pathlib.Path, mutants: Mapping[str, Any] | None = None) -> pathlib.Path:
    """Write the pages into a folder, which is created if needed; return index.html.

    Everything is rendered before the first file is written, and each file is written in full. Pages of an earlier
    report that this one does not have are removed. mutants: the results of mutation testing, from read_mutants.
    """
    files = render(report, mutants)
    try:
        (folder / "computations").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(folder / name, text)
        for old in [*folder.glob("*.html"), *(folder / "computations").glob("*.html")]:
            if old.relative_to(folder).as_posix() not in files and GENERATOR in old.read_text(encoding="utf-8"):
                old.unlink()
    except OSError as error:
        raise UsageError(f"--html: {folder} cannot be written: {error.strerror}") from error
    return folder / "index.html"


def render(report: Report, mutants: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The files by name, index.html last."""
    table = rows(report.cells)
    figures = curves(report.cells)
    pages = [Page("index.html", "Matrix")]
    pages += [Page("training.html", "Training runs")] if figures else []
    pages += [Page("differences.html", "Differences")]
    pages += [Page("coverage.html", "Coverage")] if report.coverage else []
    pages += [Page("mutation.html", "Mutation testing")] if mutants else []
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals.update(
        report=report,
        pages=pages,
        version=__version__,
        states=STATES,
        titles=step_titles(report),
        shown_failures=SHOWN_FAILURES,
        code=code,
        nodes=graphs.nodes,
        note=note,
        orders=orders_compared,
        repeat=lambda cell: repeat_command(cell, report.options),
        short=short,
        tidy=tidy,
        **{name: getattr(words, name) for name in WORDS},
    )

    def page(template: str, file: str, root: str = "", **data: Any) -> None:
        files[file] = environment.get_template(f"{template}.html.jinja").render(here=file, root=root, **data)

    files = {
        "style.css": (TEMPLATES / "style.css").read_text(encoding="utf-8") + css(),
        "script.js": (TEMPLATES / "script.js").read_text(encoding="utf-8"),
    }
    calls = rosetta_rows(report)
    packages = installed_packages(report)
    drawings = graphs.draw({name: graph_of(columns) for name, columns in table.items()})
    names = list(table)
    for i, (name, columns) in enumerate(table.items()):
        page(
            "computation",
            f"computations/{name}.html",
            "../",
            **computation_page(name, columns, packages, calls),
            svg=drawings.get(name, ""),
            previous=names[i - 1] if i else None,
            next=names[i + 1] if i + 1 < len(names) else None,
        )
    if figures:
        page("training", "training.html", figures=figures)
    page(
        "differences",
        "differences.html",
        declared=declared(table),
        budgets=budgets(table),
        default_budget=f"{DEFAULT_BUDGET:g}",
        calls=[row for row in calls.values() if row.difference],
    )
    if report.coverage:
        page("coverage", "coverage.html", **coverage_page(report.coverage))
    if mutants:
        page("mutation", "mutation.html", **mutants)
    page("index", "index.html", **index_page(report, table))
    return files


# --- the matrix ---


def index_page(report: Report, table: Mapping[str, dict[str, list[Cell]]]) -> dict[str, Any]:
    steps: dict[int, dict[str, dict[str, list[Cell]]]] = {}
    for name, columns in table.items():
        steps.setdefault(computation_of(columns).step, {})[name] = columns
    red: dict[str, list[Cell]] = {}
    for cell in report.cells:
        if not cell.ok:
            red.setdefault(cell.computation.name, []).append(cell)
    return {"rows": table, "steps": steps, "red": red, "worst": report.worst(), "verdict": verdict(report)}


def verdict(report: Report) -> str:
    """The heading of the report."""
    failed = sum(not cell.ok for cell in report.cells)
    if report.ended:
        return f"{report.ended.capitalize()} after {number(len(report.cells))} of {number(report.expected)} cells"
    if failed:
        return f"{number(failed)} cell{'s are' if failed > 1 else ' is'} not as declared"
    if report.uncovered:
        return f"{number(len(report.uncovered))} public name{'s' if len(report.uncovered) > 1 else ''} not covered"
    return "Every cell is as declared"


def short(cells: Sequence[Cell]) -> list[tuple[str, list[Cell]]]:
    """What the matrix shows for the dtypes of a computation: a text for each, or one for all if it is a word."""
    texts = [matrix_text(cell) for cell in cells]
    if len(set(texts)) == 1 and not texts[0][0].isdigit():
        return [(texts[0], list(cells))]
    return [(text, [cell]) for text, cell in zip(texts, cells, strict=True)]


def matrix_text(cell: Cell) -> str:
    if cell.state in ("equal", "partial"):
        return eps(cell.distance) or "="
    return "FAILED" if cell.state == "failed" else cell.state


def curves(cells: Sequence[Cell]) -> list[Figure]:
    """The figures of the training runs; matplotlib, slow to import, is imported only if there are any."""
    if all(cell.curve is None for cell in cells):
        return []
    from .curves import draw

    return draw(cells)


def step_titles(report: Report) -> dict[int, str]:
    """The titles of the lessons; empty for stages that are installed without them."""
    titles: dict[int, str] = {}
    for stage in STAGES:
        try:
            titles |= {lesson.step: lesson.title for lesson in lessons(stage)}
        except UsageError:
            continue
    return {cell.computation.step: titles.get(cell.computation.step, "") for cell in report.cells}


def rosetta_rows(report: Report) -> dict[str, Row]:
    """The PyTorch calls by name; none if the report has no PyTorch."""
    return {row.name: row for row in rosetta()} if any(name.startswith("torch") for name in report.frameworks) else {}


def installed_packages(report: Report) -> dict[str, Package]:
    """The sources of the stages in the report, and of custom frameworks."""
    found = {stage.name: Package(stage.source) for stage in STAGES if stage.name in report.columns()}
    for name, version in report.frameworks.items():
        path = pathlib.Path(version.rpartition("(")[2].rstrip(")"))
        if name not in found and not name.startswith("torch") and path.suffix == ".py" and path.is_file():
            found[name] = Package(path.parent if path.name == "__init__.py" else path)
    return found
