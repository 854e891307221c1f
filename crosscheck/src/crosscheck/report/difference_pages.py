"""The comparison of two stages or steps as Markdown, and as one web page that needs no other file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import jinja2
from markupsafe import Markup, escape

from .. import __version__
from ..changes import ApiChange, Behavior, Slide, behaviors, higher_orders, interface_of, of_chapter
from ..diff import Comparison, DefinitionChange
from ..lessons import Lesson, Part
from .difference import API, TURN
from .highlight import css
from .html import TEMPLATES
from .hunks import Line, as_html, columns_as_html, cut, rows


def html(found: Comparison, side_by_side: bool = False, shown: Sequence[Slide] | None = None) -> str:
    """A page; shown: the slides, instead of all definitions."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    able = behaviors(found)
    chapters = [
        {
            "heading": one.lesson.heading if one.lesson else "Without a lesson",
            "why": prose(one.lesson.why) if one.lesson else "",
            "meaning": meaning(interface_of(one), of_chapter(able, one.lesson)),
            "later": [change.name for change in one.later],
            "changes": one.shown,
        }
        for one in found.chapters()
    ]
    return environment.get_template("difference.html.jinja").render(
        found=found,
        chapters=chapters,
        beyond=meaning([], [one for one in able if one.beyond]),
        higher=higher_orders(found),
        slides=shown,
        side_by_side=side_by_side,
        lines=as_html,
        unified=lambda change: as_html(change.lines()),
        columns=lambda change: columns_as_html(rows(change.before, change.after)),
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8") + css()),
        version=__version__,
    )


def prose(text: str) -> Markup:
    """A text with names between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def meaning(api: Sequence[ApiChange], able: Sequence[Behavior]) -> list[tuple[str, list[str]]]:
    """What follows from the changes: a title, and names."""
    found = [(API[state], [str(one) for one in api if one.state == state]) for state in API]
    names = [one.computation + (f" ({one.after})" if one.after != "equal" else "") for one in able]
    return [(title, listed) for title, listed in [*found, (TURN, names)] if listed]


# --- Markdown ---


def markdown(found: Comparison, side_by_side: bool = False, shown: Sequence[Slide] | None = None) -> str:
    """The same as Markdown. Side by side is a table in HTML, in which the words that changed are marked."""
    return "\n".join(slides_in_markdown(shown) if shown is not None else in_markdown(found, side_by_side)) + "\n"


def slides_in_markdown(shown: Sequence[Slide]) -> Iterator[str]:
    for n, slide in enumerate(shown):
        yield from ["---", ""] if n else []
        yield from [f"# {slide.heading}", "", f"`{slide.name}`", "", *fenced([str(line) for line in slide.lines])]


def in_markdown(found: Comparison, side_by_side: bool) -> Iterator[str]:
    yield from [f"# {found.before} -> {found.after}", ""]
    for note in found.notes:
        yield from [note, ""]
    if found.files:
        yield from ["| file | state | lines |", "|---|---|---|"]
        yield from (f"| `{one.path}` | {one.state} | {f'+{one.plus} -{one.minus}'} |" for one in found.files)
        yield ""
    able = behaviors(found)
    for chapter in found.chapters():
        yield from [f"## {chapter.lesson.heading if chapter.lesson else 'Without a lesson'}", ""]
        yield from [chapter.lesson.why, ""] if chapter.lesson else []
        yield from named(meaning(interface_of(chapter), of_chapter(able, chapter.lesson)))
        for change in chapter.shown:
            yield from in_fences(change, side_by_side, chapter.lesson)
    if more := meaning([], [one for one in able if one.beyond]):
        yield from ["## Beyond the book", "", *named(more)]
    if number := higher_orders(found):
        yield from [f"{number} computations of {found.before} can be differentiated twice in {found.after}.", ""]
    if found.moved:
        yield from ["## Moved to another file, unchanged", ""]
        yield from (f"- `{one.name}`, from `{one.source}`" for one in found.moved)
        yield ""
    if found.around:
        yield from [f"## {found.around_title}", ""]
        for change in found.around:
            yield from in_fences(change, side_by_side, None)


def named(found: Sequence[tuple[str, list[str]]]) -> Iterator[str]:
    for title, names in found:
        yield from [f"{title}: {', '.join(f'`{name}`' for name in names)}", ""]


def in_fences(change: DefinitionChange, side_by_side: bool, lesson: Lesson | Part | None) -> Iterator[str]:
    """The heading of a definition and its difference."""
    steps = [str(step) for step in change.steps if not isinstance(lesson, Lesson) or step != lesson.step]
    also = f", also in step {', '.join(steps)}" if steps else ""
    moved = f", moved from `{change.source}`" if change.source else ""
    yield from [f"### `{change.name}`", "", f"{change.state} in `{change.path}`{moved}{also}", ""]
    if side_by_side and change.state == "changed":
        found = rows(change.before, change.after)
        sides = (column([left for left, _ in found], "del"), column([right for _, right in found], "ins"))
        yield from ["<table><tr>", *(f"<td><pre>{side}</pre></td>" for side in sides), "</tr></table>", ""]
    elif change.state == "new":
        yield from fenced((change.after or "").splitlines(), "python")
    else:
        yield from fenced(change.unified())


def column(lines: Sequence[Line | None], tag: str) -> str:
    """One side of a difference in HTML without line breaks, which would end a table in Markdown."""
    found = []
    for line in lines:
        marks = [] if line is None else [(0, len(line.text))] if line.sign in "+-" and not line.marks else line.marks
        parts = [
            f"<{tag}>{escape(text)}</{tag}>" if inside and text.strip() else str(escape(text))
            for _, text, inside in cut([("", line.text)] if line else (), marks)
        ]
        found.append("⋯" if line and line.sign == "@" else "".join(parts))
    return "<br>".join(found)


def fenced(lines: Sequence[str], language: str = "diff") -> list[str]:
    """A code block, whose fence is longer than any in it."""
    longest = max([2, *(len(run) for line in lines for run in re.findall(r"`{3,}", line))])
    fence = "`" * (longest + 1)
    return [f"{fence}{language}", *lines, fence, ""]
