"""Print the comparison of two stages or steps, or a single step, in the terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ..diff import Chapter, Comparison, DefinitionChange
from ..imports import module_of
from ..lessons import Lesson, Part

STYLES = {"new": "green", "changed": "yellow", "identical": "dim", "removed": "red", "moved": "cyan"}
SIGN_STYLES = {"|": "yellow", "<": "red", ">": "green", " ": ""}
MIDDLE = 3  # columns between the two sides


def print_comparison(found: Comparison, out: Console, side_by_side: bool = False) -> None:
    """Print the notes, the table of files, the lessons with their definitions, and all other changes."""
    for note in found.notes:
        plain(out, note)
    if found.files:
        out.print(file_table(found))
    for chapter in found.chapters():
        print_chapter(chapter, out, side_by_side)
    if found.moved:
        print_moved(found.moved, out)
    if found.around:
        heading(out, found.around_title)
        for change in found.around:
            print_change(change, out, side_by_side)
    if not found.definitions and not found.moved and not found.around and not found.notes:
        plain(out, f"\nno definition differs between {found.before} and {found.after}")


def file_table(found: Comparison) -> Table:
    """The files in reading order."""
    table = Table(title=f"{found.before} -> {found.after}", title_justify="left", title_style="dim")
    for column in ("file", "state", "lines"):
        table.add_column(column, no_wrap=True)
    for change in found.files:
        counts = f"+{change.plus} -{change.minus}" if change.plus or change.minus else ""
        table.add_row(change.path, Text(change.state, STYLES[change.state]), counts)
    return table


def heading(out: Console, text: str) -> None:
    out.print()
    out.print(Text(text, "bold"))


def plain(out: Console, text: str) -> None:
    """A paragraph, wrapped at the terminal's width."""
    out.print(Text(text))


def print_lesson(lesson: Lesson | Part, out: Console) -> None:
    heading(out, lesson.heading)
    plain(out, lesson.why)


def print_moved(moved: Sequence[DefinitionChange], out: Console) -> None:
    """The definitions that only moved, by file; methods are not listed with their class."""
    heading(out, "Moved to another file, unchanged")
    names = {change.name for change in moved}
    for source, path in dict.fromkeys((change.source, change.path) for change in moved):
        here = [change.name for change in moved if (change.source, change.path) == (source, path)]
        shown = [name for name in here if name.rpartition(".")[0] not in names]
        module = module_of(path)
        plain(out, f"{source} -> {path}: {', '.join(name.removeprefix(f'{module}.') for name in shown)}")


def print_chapter(chapter: Chapter, out: Console, side_by_side: bool) -> None:
    """The lesson, followed by its definitions."""
    if chapter.lesson is not None:
        print_lesson(chapter.lesson, out)
    else:
        heading(out, "Without a lesson")
    if chapter.later:
        later = ", ".join(f"{change.name} ({last_heading(change)})" for change in chapter.later)
        alone = (
            f"; this step alone: crosscheck step {chapter.lesson.step}" if isinstance(chapter.lesson, Lesson) else ""
        )
        out.print(Text(f"Shown under the last step that changes it: {later}{alone}", "dim"))
    for change in chapter.shown:
        print_change(change, out, side_by_side, chapter.lesson)


def last_heading(change: DefinitionChange) -> str:
    """`step 54`, or `part A3`."""
    return f"part {change.parts[-1]}" if change.parts else f"step {change.steps[-1]}"


def print_change(
    change: DefinitionChange, out: Console, side_by_side: bool, lesson: Lesson | Part | None = None
) -> None:
    """The definition's name, its state, the steps that change it, and the difference."""
    others = [str(step) for step in change.steps if not isinstance(lesson, Lesson) or step != lesson.step]
    plural = "s" if len(others) > 1 else ""
    also = f", also in the lesson{plural} of step{plural} {', '.join(others)}" if others else ""
    where = "" if change.name == change.path else f" in {change.path}"
    where += f", moved from {change.source}" if change.source else ""
    out.print()
    out.print(
        Text.assemble((change.name, "bold cyan"), "  ", (change.state, STYLES[change.state]), f"{where}{also}"),
        soft_wrap=True,
    )
    if change.state == "new":
        code(change.after or "", "python", out)
    elif side_by_side and change.state == "changed":
        for line in columns(change, out.width):
            out.print(line, soft_wrap=True)
    else:
        code("\n".join(change.unified()), "diff", out)


def code(text: str, lexer: str, out: Console) -> None:
    """Highlighted in a color terminal; never wrapped, so that it can be copied."""
    shown = Syntax(text, lexer, theme="ansi_dark").highlight(text)
    shown.rstrip()
    out.print(shown, soft_wrap=True)


def columns(change: DefinitionChange, width: int) -> Iterator[Text]:
    """Both sides, each wrapped to half the width."""
    half = max((width - MIDDLE) // 2, 20)
    for left, sign, right in change.rows():
        lefts, rights = folded(left, half), folded(right, half)
        for n in range(max(len(lefts), len(rights))):
            before = lefts[n] if n < len(lefts) else ""
            after = rights[n] if n < len(rights) else ""
            style = SIGN_STYLES[sign]
            line = Text.assemble(
                (before.ljust(half), "red" if sign == "|" else style),
                f" {sign} ",
                (after, "green" if sign == "|" else style),
            )
            line.rstrip()
            yield line


def folded(line: str | None, width: int) -> list[str]:
    """At least one piece; an empty one if there is no line."""
    text = line or ""
    return [text[n : n + width] for n in range(0, len(text), width)] or [""]


def print_step(
    found: Comparison,
    source: str,
    result: subprocess.CompletedProcess[str] | None,
    out: Console,
    side_by_side: bool = False,
) -> None:
    """The lesson, its changes, the script, and its output."""
    print_comparison(found, out, side_by_side)
    heading(out, "The script")
    code(source, "python", out)
    if result is not None:
        heading(out, "What it prints")
        out.print(Text(result.stdout.rstrip("\n") or "(nothing)"), soft_wrap=True)
        if result.returncode:
            out.print(Text(result.stderr.rstrip("\n"), "red"), soft_wrap=True)
            plain(out, f"it ended with status {result.returncode}")
