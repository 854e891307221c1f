"""Print the comparison of two stages or steps, or a single step, in the terminal."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ..changes import ApiChange, Behavior, Slide, behaviors, higher_orders, interface_of, of_chapter
from ..diff import Chapter, Comparison, DefinitionChange
from ..imports import module_of
from ..lessons import Lesson, Part
from .hunks import Line, Row, rows

STYLES = {"new": "green", "changed": "yellow", "identical": "dim", "removed": "red", "moved": "cyan"}
STYLE = {"+": "green", "-": "red", " ": ""}
API = {"added": "New names", "removed": "Removed names", "changed": "Changed signatures"}
TURN = "Computations that turn from unsupported to supported"
MIDDLE = 3  # columns between the two sides


def print_comparison(found: Comparison, out: Console, side_by_side: bool = False) -> None:
    """Print the notes, the table of files, the lessons with their definitions, and all other changes."""
    for note in found.notes:
        plain(out, note)
    if found.files:
        out.print(file_table(found))
    able = behaviors(found)
    for chapter in found.chapters():
        print_chapter(chapter, out, side_by_side, interface_of(chapter), of_chapter(able, chapter.lesson))
    if more := [one for one in able if one.beyond]:
        heading(out, "Beyond the book")
        print_meaning([], more, out)
    if number := higher_orders(found):
        plain(out, f"\n{number} computations of {found.before} can be differentiated twice in {found.after}")
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


def print_chapter(
    chapter: Chapter, out: Console, side_by_side: bool, api: Sequence[ApiChange], able: Sequence[Behavior]
) -> None:
    """The lesson, what it changes and makes possible, and its definitions."""
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
    print_meaning(api, able, out)
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
        for line in columns(rows(change.before, change.after), out.width):
            out.print(line, soft_wrap=True)
    else:
        print_lines(change.lines(), out)


def print_lines(lines: Iterable[Line], out: Console) -> None:
    """Lines with their signs, never wrapped, so that they can be copied; words that changed are reversed."""
    for line in lines:
        shown = (
            Text("@@", "cyan") if line.sign == "@" else Text.assemble(line.sign, marked(line), style=STYLE[line.sign])
        )
        shown.rstrip()
        out.print(shown, soft_wrap=True)


def marked(line: Line) -> Text:
    text = Text(line.text)
    for start, end in line.marks:
        text.stylize("reverse", start, end)
    return text


def code(text: str, lexer: str, out: Console) -> None:
    """Highlighted in a color terminal; never wrapped, so that it can be copied."""
    shown = Syntax(text, lexer, theme="ansi_dark").highlight(text) if out.color_system else Text(text)
    shown.rstrip()
    out.print(shown, soft_wrap=True)


def columns(found: Iterable[Row], width: int) -> Iterator[Text]:
    """Both sides, each wrapped to half the width; between them | changed, < only left, > only right."""
    half = max((width - MIDDLE) // 2, 20)
    for left, right in found:
        if left is not None and left.sign == "@":
            yield Text("@@", "cyan")
            continue
        same = left is not None and left.sign == " "
        sign = " " if same else "<" if right is None else ">" if left is None else "|"
        lefts, rights = folded(left, half), folded(right, half)
        for before, after in itertools.zip_longest(lefts, rights, fillvalue=Text()):
            before.pad_right(half - len(before))
            line = Text.assemble(before, f" {sign} ", after)
            line.rstrip()
            yield line


def folded(line: Line | None, width: int) -> list[Text]:
    """At least one piece; an empty one if there is no line."""
    if line is None:
        return [Text()]
    text = marked(line)
    text.stylize(STYLE[line.sign])
    return [text[n : n + width] for n in range(0, len(text), width)] or [Text()]


# --- what it means ---


def print_meaning(api: Sequence[ApiChange], able: Sequence[Behavior], out: Console) -> None:
    """The changes of the interface, and the computations that become possible, one paragraph for each kind."""
    for state in ("added", "removed", "changed"):
        if names := [str(one) for one in api if one.state == state]:
            out.print(Text.assemble((f"{API[state]}: ", "bold"), ", ".join(names)))
    if able:
        names = [one.computation + (f" ({one.after})" if one.after != "equal" else "") for one in able]
        out.print(Text.assemble((f"{TURN}: ", "bold"), ", ".join(names)))


def print_slides(found: Sequence[Slide], out: Console) -> None:
    """Each slide: the lesson, the definition, and ten lines."""
    for slide in found:
        heading(out, slide.heading)
        out.print(Text(slide.name, "bold cyan"))
        print_lines(slide.lines, out)


def print_step(found: Comparison, source: str, out: Console, side_by_side: bool = False) -> None:
    """The lesson, its changes, and the script."""
    print_comparison(found, out, side_by_side)
    heading(out, "The script")
    code(source, "python", out)


def print_result(result: subprocess.CompletedProcess[str] | None, out: Console) -> None:
    """The output of the script, if it was run."""
    if result is not None:
        heading(out, "What it prints")
        out.print(Text(result.stdout.rstrip("\n") or "(nothing)"), soft_wrap=True)
        if result.returncode:
            out.print(Text(result.stderr.rstrip("\n"), "red"), soft_wrap=True)
            plain(out, f"it ended with status {result.returncode}")
