"""The matrix as a table, with the failed cells below it."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.segment import Segment, Segments
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


Word = tuple[str, str]  # a text and its style


def cell_word(cells: list[Cell], signs: bool = False) -> Word:
    """The label, or the sign, in the color of its state."""
    state, text = label(cells)
    return SIGNS[state] if signs else text, STYLES[state]


def lines(report: Report, signs: bool) -> list[list[Word]]:
    """The lines of the matrix: the headings, then for each computation its step, its name, and its cells."""
    columns = report.columns()
    names = [name.removeprefix("stage") if signs else name for name in columns]
    found = [[(text, "bold") for text in ("step", "computation", *names)]]
    for name, row in rows(report.cells).items():
        step = str(next(iter(row.values()))[0].computation.step)
        words = [cell_word(row[column], signs) if column in row else ("", "") for column in columns]
        found.append([(step, ""), (name, ""), *words])
    return found


def widths_of(found: list[list[Word]]) -> list[int]:
    """How wide each column is."""
    return [max(cell_len(text) for text, _ in column) for column in zip(*found, strict=True)]


def matrix(report: Report, out: Console) -> Iterator[Segment]:
    """computation x framework, with distances; with signs if less than NAME of a computation's name would be left."""
    found = lines(report, signs=False)
    widths = widths_of(found)
    excess = sum(widths) + 3 * len(widths) + 1 - out.width  # with borders
    signs = excess > max(widths[1] - NAME, 0) and out.width < PIPED_WIDTH
    title = [f"distance in eps: {' | '.join(report.dtypes())}; seed {report.seed}"]
    if signs:
        found = lines(report, signs)
        widths = widths_of(found)
        excess = sum(widths) + 3 * len(widths) + 1 - out.width
        explained = [f"{sign} {state}" for state, sign in SIGNS.items() if sign != "FAILED"]
        title = [f"{', '.join(explained)}; seed {report.seed}", "distances: in a wider window, or with --json"]
    widths[1] = max(widths[1] - max(excess, 0), 1)  # the only column that may shrink
    for text in title:
        for part in Text(text).wrap(out, sum(widths) + 3 * len(widths) + 1):
            yield from (Segment(part.plain, out.get_style("dim")), Segment.line())
    yield from drawn(found, widths, signs, out)


def drawn(found: list[list[Word]], widths: list[int], fold: bool, out: Console) -> Iterator[Segment]:
    """A table as rich draws it, in a tenth of the time. fold: names that are too long, which are cut otherwise."""
    frame = box.HEAVY_HEAD.substitute(out.options)
    spaces = [width + 2 for width in widths]
    yield from (Segment(frame.get_top(spaces)), Segment.line())
    left, middle, right = (Segment(text) for text in (frame.head_left, frame.head_vertical, frame.head_right))
    for k, (step, (name, style), *others) in enumerate(found):
        width = widths[1]
        parts = [name[i : i + width] for i in range(0, len(name), width)] if fold and k else [name]
        if not fold and len(name) > width:
            parts = [f"{name[: width - 1]}…"]
        for n, part in enumerate(parts):
            words = [("", "")] * len(others) if n else others
            for i, (text, of) in enumerate([("", "") if n else step, (part, style), *words]):
                blank = " " * (widths[i] - cell_len(text))
                yield from (middle if i else left, Segment(f" {blank}" if i == 0 else " "))
                yield from (Segment(text, out.get_style(of)), Segment(" " if i == 0 else f"{blank} "))
            yield from (right, Segment.line())
        if k == 0:
            yield from (Segment(frame.get_row(spaces, "head")), Segment.line())
            left, middle, right = (Segment(text) for text in (frame.mid_left, frame.mid_vertical, frame.mid_right))
    yield from (Segment(frame.get_bottom(spaces)), Segment.line())


def print_report(report: Report, out: Console) -> None:
    """Print the matrix, the failed cells, and the summary line."""
    if out.is_terminal:
        out.print(Segments(matrix(report, out)), end="")
    else:  # without colors; rich takes much longer
        out.file.write("".join(segment.text for segment in matrix(report, out)))
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
