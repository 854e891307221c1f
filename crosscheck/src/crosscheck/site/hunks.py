"""Differences of Python source as colored lines, in which the words that changed are marked.

Both sides are colored whole and then cut into lines: a line of a docstring is no Python by itself.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES

CONTEXT = 4  # equal lines around a change
CLOSE = 0.4  # lines of which less is equal are not compared by words
Piece = tuple[str, str]  # a class of tokens, and text without line breaks


@dataclass(frozen=True)
class Line:
    """A line of a difference. sign: + - or a blank; @ where equal lines are left out."""

    sign: str
    code: Markup


@functools.cache
def pieces(source: str) -> tuple[tuple[Piece, ...], ...]:
    """The tokens of every line."""
    lines: list[list[Piece]] = [[]]
    for token, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(source):
        for n, part in enumerate(text.split("\n")):
            if n:
                lines.append([])
            if part:
                lines[-1].append((STANDARD_TYPES.get(token, ""), part))
    return tuple(map(tuple, lines))


def colored(line: Sequence[Piece], marks: Sequence[tuple[int, int]] = ()) -> Markup:
    """A line as HTML; the characters in these ranges are marked."""
    found, at = [], 0
    edges = sorted({edge for mark in marks for edge in mark})
    for name, text in line:
        cuts = [at, *(edge for edge in edges if at < edge < at + len(text)), at + len(text)]
        for start, end in itertools.pairwise(cuts):
            part = str(escape(text[start - at : end - at]))
            inner = f'<span class="{name}">{part}</span>' if name else part
            inside = any(low <= start and end <= high for low, high in marks)
            found.append(f"<b>{inner}</b>" if inside else inner)
        at += len(text)
    return Markup("".join(found))


def changed_words(before: str, after: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The ranges of characters in which two lines differ, word by word; none if most of them differs."""
    words = [re.findall(r"\w+|\s+|.", line) for line in (before, after)]
    matcher: difflib.SequenceMatcher[str] = difflib.SequenceMatcher(None, words[0], words[1], autojunk=False)
    if matcher.ratio() < CLOSE:
        return [], []
    ends = [[0], [0]]
    for side, end in zip(words, ends, strict=True):
        for word in side:
            end.append(end[-1] + len(word))
    found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for tag, i0, i1, j0, j1 in matcher.get_opcodes():
        if tag != "equal":
            found[0].append((ends[0][i0], ends[0][i1]))
            found[1].append((ends[1][j0], ends[1][j1]))
    return found


def difference(before: str | None, after: str | None) -> list[Line]:
    """The lines of both sides; of long equal stretches only those near a change."""
    if before is None or after is None:
        sign = "+" if before is None else "-"
        return [Line(sign, colored(line)) for line in pieces((before or after or "").rstrip("\n"))]
    old, new = before.splitlines(), after.splitlines()
    olds, news = pieces(before), pieces(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    found: list[Line] = []
    for n, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if n:
            found.append(Line("@", Markup("⋯")))
        for tag, i0, i1, j0, j1 in group:
            if tag == "equal":
                found += [Line(" ", colored(olds[i])) for i in range(i0, i1)]
                continue
            marks = [changed_words(old[i], new[j]) for i, j in zip(range(i0, i1), range(j0, j1), strict=False)]
            marks += [([], [])] * (max(i1 - i0, j1 - j0) - len(marks))
            found += [Line("-", colored(olds[i], marks[i - i0][0])) for i in range(i0, i1)]
            found += [Line("+", colored(news[j], marks[j - j0][1])) for j in range(j0, j1)]
    return found


CLASSES = {"+": "plus", "-": "minus", " ": "same", "@": "gap"}


def as_html(lines: Sequence[Line]) -> Markup:
    """The lines of a `<pre>`."""
    return Markup(
        "\n".join(
            f'<span class="{CLASSES[one.sign]}"><i aria-hidden="true">{one.sign.replace("@", " ")}</i>{one.code}</span>'
            for one in lines
        )
    )
