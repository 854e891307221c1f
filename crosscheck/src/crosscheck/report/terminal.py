"""The matrix as a table, with the failed cells below it."""

from __future__ import annotations

from rich.console import Console, JustifyMethod, OverflowMethod
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..cells import Cell
from ..frameworks.hybridized import PROGRAM
from . import Report, eps, label, repeat_command, rows
from .out import PIPED_WIDTH

STYLES = {
    "equal": "green",
    "partial": "magenta",
    "unsupported": "dim",
    "differs": "yellow",
    "error": "cyan",
    "failed": "bold red",
}
SIGNS = {"equal": "=", "partial": "~", "unsupported": "-", "differs": "≠", "error": "!", "failed": "FAILED"}
SHOWN_FAILURES = 3
NAME = 30  # characters of the name of a computation


def cell_text(cells: list[Cell], signs: bool = False) -> Text:
    """The label, or the sign, in the color of its state."""
    state, text = label(cells)
    return Text(SIGNS[state] if signs else text, STYLES[state])


def lines(report: Report, signs: bool) -> list[list[Text]]:
    """The lines of the matrix: the headings, then for each computation its step, its name, and its cells."""
    names = [Text(name.removeprefix("stage") if signs else name) for name in report.columns()]
    found = [[Text("step"), Text("computation"), *names]]
    for name, columns in rows(report.cells).items():
        step = str(next(iter(columns.values()))[0].computation.step)
        texts = [cell_text(columns[name], signs) if name in columns else Text() for name in report.columns()]
        found.append([Text(step), Text(name), *texts])
    return found


def widths_of(found: list[list[Text]]) -> list[int]:
    """How wide each column is."""
    return [max(text.cell_len for text in column) for column in zip(*found, strict=True)]


def matrix(report: Report, out: Console) -> Table:
    """computation x framework, with distances; with signs if less than NAME of a computation's name would be left."""
    found = lines(report, signs=False)
    widths = widths_of(found)
    excess = sum(widths) + 3 * len(widths) + 1 - out.width  # with borders
    signs = excess > max(widths[1] - NAME, 0) and out.width < PIPED_WIDTH
    title = f"distance in eps: {' | '.join(report.dtypes())}; seed {report.seed}"
    if signs:
        found = lines(report, signs)
        widths = widths_of(found)
        excess = sum(widths) + 3 * len(widths) + 1 - out.width
        title = (
            f"{', '.join(f'{sign} {state}' for state, sign in SIGNS.items() if sign != 'FAILED')}; seed {report.seed}"
        )
        title += "\ndistances: in a wider window, or with --json"
    widths[1] = max(widths[1] - max(excess, 0), 1)  # the only column that may shrink
    table = Table(title=title, title_justify="left", title_style="dim")
    for k, (heading, width) in enumerate(zip(found[0], widths, strict=True)):
        justify: JustifyMethod = "left" if k else "right"
        overflow: OverflowMethod = "fold" if signs else "ellipsis"
        table.add_column(heading, justify=justify, width=width, no_wrap=k != 1, overflow=overflow)
    for line in found[1:]:
        table.add_row(*line)
    return table


def print_report(report: Report, out: Console) -> None:
    """Print the matrix, the failed cells, and the summary line."""
    out.print(matrix(report, out))
    for cell in report.cells:
        if cell.ok:
            continue
        out.print(f"\n[bold red]{escape(cell.name)}[/]  {escape(cell.computation.doc)}")
        for failure in cell.failures[:SHOWN_FAILURES]:
            out.print(f"  {failure.kind}: {escape(failure.text)}")
        if len(cell.failures) > SHOWN_FAILURES:
            out.print(f"  and {len(cell.failures) - SHOWN_FAILURES} more")
        out.print(f"  reproduce: {escape(repeat_command(cell, report.options))}", soft_wrap=True)
    print_custom_frameworks(report, out)
    print_programs(report, out)
    for text in report.uncovered:
        out.print(f"[bold red]not covered[/]  {escape(text)}", soft_wrap=True)
    if report.coverage:
        out.print(escape(report.coverage.summary()), soft_wrap=True)
    out.print(summary(report), soft_wrap=True)  # on one line, so that its end can be searched for


def print_custom_frameworks(report: Report, out: Console) -> None:
    """Print for each custom framework what is not compared and why, with the computations."""
    for name in dict.fromkeys(cell.framework for cell in report.cells if cell.custom):
        if settings := report.settings.get(name):
            out.print(f"{name}: {settings}", highlight=False, soft_wrap=True)
        found: dict[str, list[str]] = {}
        for cell in report.cells:
            if cell.framework == name and cell.state in ("partial", "unsupported", "differs"):
                text = f"lacks {cell.lacks}" if cell.lacks else f"{cell.state}: {cell.reason}"
                found.setdefault(text, []).append(cell.computation.name)
        for text, computations in found.items():
            names = ", ".join(dict.fromkeys(computations))
            out.print(f"{name}: {escape(text)}: {names}", style="dim", highlight=False, soft_wrap=True)


def print_programs(report: Report, out: Console) -> None:
    """Print how many of the computations given to hybridize are programs, and why the others are not."""
    found = report.programs()
    if not found:
        return
    for text, names in sorted(found.items(), key=lambda item: -len(item[1])):
        if text != PROGRAM:
            out.print(
                f"no program, {text}: {', '.join(names)}", style="dim", highlight=False, soft_wrap=True, markup=False
            )
    total, programs = sum(map(len, found.values())), len(found.get(PROGRAM, []))
    share = f"{programs} of {total} computations, {programs / total:.0%}"
    out.print(f"hybridize: {share}, are programs, forward and gradients", highlight=False, soft_wrap=True)


def summary(report: Report) -> str:
    """One line: the number of cells in each state, the largest distance, the time."""
    parts = [f"[{STYLES[state]}]{count} {state}[/]" for state, count in report.counts().items()]
    worst = report.worst()
    furthest = (
        f"; largest distance (default tolerance) {eps(worst.distance)} eps, {worst.computation.name} {worst.dtype}"
        if worst
        else ""
    )
    as_declared = bool(report.cells) and all(cell.ok for cell in report.cells)
    verdict = "every cell is as declared" if as_declared else "[bold red]not every cell is as declared[/]"
    inherited = f"; {report.inherited} bit for bit as in the stage before" if report.inherited else ""
    ended = (
        f"[bold red]{report.ended}[/] after {len(report.cells)} of {report.expected} cells; " if report.ended else ""
    )
    counts = f"{len(report.cells)} cells: {', '.join(parts)}{inherited}{furthest}"
    return f"{ended}{counts}; {verdict} ({report.seconds:.1f} s)"
