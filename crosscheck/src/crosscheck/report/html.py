"""The report as a folder of web pages: the matrix, a page for each computation, training runs, differences.

The pages need no network and work without JavaScript; a small script adds filters and a switch for the theme.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup, escape

from .. import UsageError, __version__
from ..cells import Cell
from ..computations import DEFAULT_BUDGET, Computation
from ..details import CaseDetails, Example, tidy
from ..files import write_text
from ..lessons import lessons
from ..rosetta import Row, rosetta
from ..stages import STAGES
from . import STATES, Report, graphs, repeat_command, rows
from .highlight import code, css
from .sources import Package, Version, listing, versions

if TYPE_CHECKING:
    from .curves import Figure

SHOWN_FAILURES = 3  # per cell; the others are folded
MOST_DEFINITIONS = 12  # of a computation
TEMPLATES = pathlib.Path(__file__).parent / "templates"
GENERATOR = '<meta name="generator" content="crosscheck">'


@dataclass(frozen=True)
class Page:
    """An entry of the navigation."""

    file: str
    title: str


def write_html(report: Report, folder: pathlib.Path) -> pathlib.Path:
    """Write the pages into a folder, which is created if needed; return index.html.

    Everything is rendered before the first file is written, and each file is written in full. Pages of computations
    of an earlier report are removed.
    """
    files = render(report)
    try:
        (folder / "computations").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(folder / name, text)
        for old in (folder / "computations").glob("*.html"):
            if f"computations/{old.name}" not in files and GENERATOR in old.read_text(encoding="utf-8"):
                old.unlink()
    except OSError as error:
        raise UsageError(f"--html: {folder} cannot be written: {error.strerror}") from error
    return folder / "index.html"


def render(report: Report) -> dict[str, str]:
    """The files by name, index.html last."""
    table = rows(report.cells)
    figures = curves(report.cells)
    pages = [Page("index.html", "Matrix")]
    pages += [Page("training.html", "Training runs")] if figures else []
    pages += [Page("differences.html", "Differences")]
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
        apart=apart,
        code=code,
        column=column,
        eps=eps,
        nodes=graphs.nodes,
        note=note,
        number=number,
        repeat=lambda cell: repeat_command(cell, report.options),
        sentence=sentence,
        short=short,
        spoken=spoken,
        tidy=tidy,
        title=title,
        tolerance=tolerance,
        words=words,
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
    if cell.state == "equal":
        return eps(cell.distance) or "="
    return "FAILED" if cell.state == "failed" else cell.state


def eps(distance: float | None) -> str:
    """A distance, short but never 0 unless it is."""
    if distance is None:
        return ""
    if distance < 100:
        return "0" if distance == 0 else "<0.1" if distance < 0.05 else f"{distance:.1f}"
    return f"{distance:,.0f}" if distance < 1e5 else f"{distance:.0e}".replace("+", "")


def number(n: int) -> str:
    return f"{n:,}"


def column(name: str) -> str:
    """`stage1` -> `stage 1`."""
    return f"stage {name[5:]}" if name.startswith("stage") and name[5:6].isdigit() else name.replace("torch", "PyTorch")


def spoken(frameworks: Sequence[str]) -> str:
    """`stage1, stage2, stage3, torch` -> `stages 1 to 3 and PyTorch`."""
    stages = [int(name[5:]) for name in frameworks if name.startswith("stage") and name[5:].isdigit()]
    found = [column(name) for name in frameworks if not (name.startswith("stage") and name[5:].isdigit())]
    if len(stages) > 2 and stages == list(range(stages[0], stages[-1] + 1)):
        found.insert(0, f"stages {stages[0]} to {stages[-1]}")
    elif stages:
        found.insert(0, f"stage{'s' if stages[1:] else ''} {listed(list(map(str, stages)))}")
    return listed(found)


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def title(text: str) -> str:
    """With a capital letter, if it starts with `stage`; other names are kept as they are."""
    return text[:1].upper() + text[1:] if text.startswith("stage") else text


# --- a computation ---


@dataclass
class ExampleGroup:
    """Frameworks with the same bits in the example. Early stages have fewer derivatives."""

    frameworks: list[str]
    dtype: str
    example: Example
    orders: dict[str, int]  # framework -> the highest order that it has

    def fewer(self) -> list[str]:
        """The frameworks without the highest derivative."""
        return [name for name in self.frameworks if self.orders[name] < max(self.orders.values())]


def computation_of(columns: Mapping[str, Sequence[Cell]]) -> Computation:
    return next(iter(columns.values()))[0].computation


def computation_page(
    name: str, columns: Mapping[str, list[Cell]], packages: Mapping[str, Package], calls: Mapping[str, Row]
) -> dict[str, Any]:
    computation = computation_of(columns)
    cells = [cell for column in columns.values() for cell in column]
    found = listing(computation)
    dot = graph_of(columns)
    return {
        "computation": computation,
        "listing": found,
        "columns": columns,
        "dtypes": list(dict.fromkeys(cell.dtype for cell in cells)),
        "red": [cell for cell in cells if not cell.ok],
        "definitions": list(definitions(used(found.names, dot, packages), packages, calls)),
        "examples": examples(cells),
        "cases": cases(cells),
        "case_columns": [cell.framework for cell in cells if cell.details and cell.details.cases and first(cell)],
        "dot": dot,
    }


def first(cell: Cell) -> bool:
    """Whether a cell has the first dtype of its computation, which the page shows in detail."""
    return cell.dtype == cell.computation.dtypes[0]


def graph_of(columns: Mapping[str, Sequence[Cell]]) -> str:
    """The graph in DOT, drawn by the last framework that can."""
    texts = [cell.details.graph for column in columns.values() for cell in column if cell.details is not None]
    return next((text for text in reversed(texts) if text), "")


def used(names: Sequence[str], dot: str, packages: Mapping[str, Package]) -> list[str]:
    """The names in a computation's source, then those of the operators in its graph."""
    drew = next((packages[stage.name] for stage in reversed(STAGES) if stage.name in packages), None)
    operators = [drew.applies(name) for name in graphs.functions(dot)] if drew else []
    return list(dict.fromkeys([*names, *operators]))[:MOST_DEFINITIONS]


def definitions(
    names: Sequence[str], packages: Mapping[str, Package], calls: Mapping[str, Row]
) -> list[tuple[str, list[Version], Row | None]]:
    found = [(name, versions(name, packages), calls.get(name)) for name in names]
    return [entry for entry in found if entry[1]]


def examples(cells: Sequence[Cell]) -> list[ExampleGroup]:
    """The example's values in the first dtype, once for frameworks that have the same, up to their last derivative."""
    groups: list[ExampleGroup] = []
    for cell in cells:
        if not first(cell) or cell.details is None or cell.details.example is None:
            continue
        example, name = cell.details.example, cell.framework
        order = max((result.order for result in example.results), default=0)
        for group in groups:
            ours, theirs = ([(r.name, r.dtype, r.text) for r in e.results] for e in (example, group.example))
            if all(a == b for a, b in zip(ours, theirs, strict=False)):
                group.frameworks.append(name)
                group.orders[name] = order
                if len(ours) > len(theirs):
                    group.example = example
                break
        else:
            groups.append(ExampleGroup([name], cell.dtype, example, {name: order}))
    return groups


def apart(text: str, reference: str) -> Markup:
    """An array as text, with the digits in which it differs from the reference in bold."""
    ours, theirs = text.split(" "), reference.split(" ")
    if len(ours) != len(theirs):
        return Markup(escape(text))
    found = []
    for a, r in zip(ours, theirs, strict=True):
        same = next((i for i, pair in enumerate(zip(a, r, strict=False)) if pair[0] != pair[1]), min(len(a), len(r)))
        tail = a[same:].rstrip("]")
        found.append(
            Markup("{}{}{}").format(a[:same], Markup("<b>{}</b>").format(tail) if tail else "", a[same + len(tail) :])
        )
    return Markup(" ").join(found)


def cases(cells: Sequence[Cell]) -> dict[str, dict[str, CaseDetails]]:
    """case -> framework -> what was compared, in the first dtype."""
    found: dict[str, dict[str, CaseDetails]] = {}
    for cell in cells:
        for case in cell.details.cases if cell.details is not None and first(cell) else ():
            found.setdefault(case.name, {})[cell.framework] = case
    return found


def words(cell: Cell) -> str:
    """The state of a cell, with its distance."""
    far = f", {eps(cell.distance)} eps" if cell.distance is not None and cell.state in ("equal", "failed") else ""
    return f"{cell.state}{far}"


def note(cells: Sequence[Cell]) -> str:
    """The reasons of the cells, and whether they have the bits of the stage before."""
    notes = ["same bits as the stage before"] if all(cell.inherited for cell in cells) else []
    notes += [said(cell.reason) for cell in cells if cell.reason and cell.state != "equal"]
    return "; ".join(dict.fromkeys(notes))


def said(reason: str) -> str:
    """A reason without the case in which it was found, and without the place in the source."""
    if reason.startswith(("missing: ", "wrong: ")):
        kind, _, text = reason.partition(": ")
        text = re.sub(r" \(\w+\.py:\d+ in .*\)$", "", text)
        missing = re.search(r"(?:Missing|ImportError|AttributeError|TypeError): (.*)", text)
        return missing[1] if missing else f"{kind}: {text}"
    return re.sub(r"^.*Missing: (.*) \(\w+\.py:\d+ in .*\)$", r"\1", reason)


# --- training runs, differences ---


def curves(cells: Sequence[Cell]) -> list[Figure]:
    """The figures of the training runs; matplotlib, slow to import, is imported only if there are any."""
    if all(cell.curve is None for cell in cells):
        return []
    from .curves import draw

    return draw(cells)


@dataclass(frozen=True)
class Declared:
    """A computation in which frameworks differ: those, by reason, and what the others do, by answer."""

    computation: Computation
    reasons: dict[str, list[str]]
    others: dict[str, list[str]]


def declared(table: Mapping[str, Mapping[str, Sequence[Cell]]]) -> list[Declared]:
    found = []
    for columns in table.values():
        reasons: dict[str, list[str]] = {}
        others: dict[str, list[str]] = {}
        for framework, cells in columns.items():
            for cell in cells:
                if cell.state == "unsupported":
                    continue
                texts, text = (reasons, cell.reason) if cell.state == "differs" else (others, answer(cell))
                if framework not in texts.setdefault(text, []):
                    texts[text].append(framework)
        if reasons:
            found.append(Declared(computation_of(columns), reasons, others))
    return found


def answer(cell: Cell) -> str:
    """What a framework does where others differ."""
    return cell.reason if cell.state == "error" else cell.state


def budgets(table: Mapping[str, Mapping[str, Sequence[Cell]]]) -> dict[str, list[tuple[str, str]]]:
    """reason -> the computations with a tolerance of their own, and the tolerance."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, columns in table.items():
        computation = computation_of(columns)
        if computation.budget:
            found.setdefault(computation.why_budget, []).append((name, tolerance(computation)))
    return found


def tolerance(computation: Computation) -> str:
    """`1,000 eps`, or by dtype if they differ."""
    allowed = {dtype: f"{eps(computation.allowed(dtype))} eps" for dtype in computation.dtypes}
    if len(set(allowed.values())) == 1:
        return next(iter(allowed.values())).replace(".0 ", " ")
    return ", ".join(f"{value} in {dtype}" for dtype, value in allowed.items()).replace(".0 ", " ")


def sentence(text: str) -> str:
    """With a period, and a capital letter unless it starts with code."""
    word = re.match(r"[a-z]+(?=[ ,.:;]|$)", text)
    return (text[:1].upper() + text[1:] if word else text) + ("" if text.endswith(".") else ".")


# --- where the names are ---


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
