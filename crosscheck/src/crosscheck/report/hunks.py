"""Differences of Python source as lines, in which the words that changed are marked: for terminals and for pages.

Both sides are colored whole and then cut into lines: a line of a docstring is no Python by itself.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES

from .highlight import CLASSES

CONTEXT = 4  # equal lines around a change
CLOSE = 0.4  # lines of which less is equal are not compared by words
Piece = tuple[str, str]  # a class of tokens, and text without line breaks
Range = tuple[int, int]  # of characters


@dataclass(frozen=True)
class Line:
    """A line of a difference. sign: + - or a blank; @ where equal lines are left out. marks: what changed in it."""

    sign: str
    pieces: tuple[Piece, ...] = ()
    marks: tuple[Range, ...] = ()

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.pieces)

    @property
    def code(self) -> Markup:
        return Markup("⋯") if self.sign == "@" else colored(self.pieces, self.marks)

    def __str__(self) -> str:
        """The line with its sign, `@@` for lines left out."""
        return "@@" if self.sign == "@" else f"{self.sign}{self.text}".rstrip() or " "

    @property
    def is_code(self) -> bool:
        """Whether it is more than blanks, a comment, or a docstring."""
        return any(text.strip() and not name.startswith(("sd", "c")) for name, text in self.pieces)


Row = tuple[Line | None, Line | None]  # of two columns


@functools.cache
def pieces(source: str) -> tuple[tuple[Piece, ...], ...]:
    """The tokens of every line; neighbors of the same color are one."""
    lines: list[list[Piece]] = [[]]
    for token, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(source):
        name = STANDARD_TYPES.get(token, "")
        name = name if name in CLASSES else ""
        for n, part in enumerate(text.split("\n")):
            if n:
                lines.append([])
            if part and lines[-1] and lines[-1][-1][0] == name:
                lines[-1][-1] = (name, lines[-1][-1][1] + part)
            elif part:
                lines[-1].append((name, part))
    return tuple(map(tuple, lines))


def cut(line: Sequence[Piece], marks: Sequence[Range]) -> Iterator[tuple[str, str, bool]]:
    """The pieces of a line, cut at the edges of the marks: class, text, and whether it is marked."""
    at = 0
    edges = sorted({edge for mark in marks for edge in mark})
    for name, text in line:
        cuts = [at, *(edge for edge in edges if at < edge < at + len(text)), at + len(text)]
        for start, end in itertools.pairwise(cuts):
            yield name, text[start - at : end - at], any(low <= start and end <= high for low, high in marks)
        at += len(text)


def colored(line: Sequence[Piece], marks: Sequence[Range] = ()) -> Markup:
    """A line as HTML; the characters in these ranges are marked."""
    found = []
    for name, text, inside in cut(line, marks):
        inner = f'<span class="{name}">{escape(text)}</span>' if name else str(escape(text))
        found.append(f"<b>{inner}</b>" if inside else inner)
    return Markup("".join(found))


def changed_words(before: str, after: str) -> tuple[list[Range], list[Range]]:
    """The ranges of characters in which two lines differ, word by word; none if most of them differs."""
    words = [re.findall(r"\w+|\s+|.", line) for line in (before, after)]
    matcher: difflib.SequenceMatcher[str] = difflib.SequenceMatcher(None, words[0], words[1], autojunk=False)
    if matcher.ratio() < CLOSE:
        return [], []
    ends = [[0], [0]]
    for side, end in zip(words, ends, strict=True):
        for word in side:
            end.append(end[-1] + len(word))
    found: tuple[list[Range], list[Range]] = ([], [])
    for tag, i0, i1, j0, j1 in matcher.get_opcodes():
        if tag != "equal":
            found[0].append((ends[0][i0], ends[0][i1]))
            found[1].append((ends[1][j0], ends[1][j1]))
    return found


def rows(before: str | None, after: str | None) -> list[Row]:
    """Both sides next to each other; of long equal stretches only what is near a change."""
    if before is None or after is None:
        lines = [Line("+" if before is None else "-", line) for line in pieces((before or after or "").rstrip("\n"))]
        return [(None, line) if before is None else (line, None) for line in lines]
    old, new = before.splitlines(), after.splitlines()
    olds, news = pieces(before), pieces(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    found: list[Row] = []
    for n, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if n:
            found.append((Line("@"), Line("@")))
        for tag, i0, i1, j0, j1 in group:
            if tag == "equal":
                found += [
                    (Line(" ", olds[i]), Line(" ", news[j])) for i, j in zip(range(i0, i1), range(j0, j1), strict=True)
                ]
                continue
            for i, j in itertools.zip_longest(range(i0, i1), range(j0, j1)):
                marks = changed_words(old[i], new[j]) if i is not None and j is not None else ([], [])
                found.append(
                    (
                        None if i is None else Line("-", olds[i], tuple(marks[0])),
                        None if j is None else Line("+", news[j], tuple(marks[1])),
                    )
                )
    return found


def unified(found: Iterable[Row]) -> list[Line]:
    """The rows below each other: of neighboring changes first what was, then what is."""
    lines: list[Line] = []
    for changed, group in itertools.groupby(found, lambda row: row[0] is None or row[0].sign == "-"):
        pairs = list(group)
        if changed:
            lines += [line for line, _ in pairs if line]
        lines += [line for _, line in pairs if line]
    return lines


def difference(before: str | None, after: str | None) -> list[Line]:
    """The lines of both sides, below each other."""
    return unified(rows(before, after))


SIGNS = {"+": "plus", "-": "minus", " ": "same", "@": "gap"}


def as_html(lines: Sequence[Line]) -> Markup:
    """The lines of a `<pre>`."""
    return Markup("\n").join(Markup('<span class="{}">{}</span>').format(SIGNS[one.sign], one.code) for one in lines)


def columns_as_html(found: Sequence[Row]) -> Markup:
    """The rows of a table with two columns."""

    def cell(line: Line | None) -> Markup:
        return Markup('<td class="{}">{}</td>').format(SIGNS[line.sign], line.code) if line else Markup("<td></td>")

    return Markup("\n").join(Markup("<tr>{}{}</tr>").format(cell(left), cell(right)) for left, right in found)
