"""Python code in color: one set of token classes, with a light and a dark color for each."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES, Token

LIGHT, DARK = "xcode", "github-dark"  # both have enough contrast, also on the lines marked as changed


@functools.cache
def colored(source: str) -> tuple[Markup, ...]:
    """The lines of a source, which is colored in full first: a line of a docstring is no Python by itself."""
    text = highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    text = re.sub(
        r'<span class="(\w+)">([^<]*)</span>', lambda found: found[0] if found[1] in CLASSES else found[2], text
    )
    return tuple(Markup(line) for line in text.rstrip("\n").split("\n"))


def code(source: str, before: str | None = None) -> Markup:
    """Colored lines; those that are not in `before` are marked."""
    lines = colored(source)
    new = set(range(len(lines))) if before is not None else set()
    if before is not None:
        matcher = difflib.SequenceMatcher(None, before.splitlines(), source.splitlines(), autojunk=False)
        for block in matcher.get_matching_blocks():
            new -= set(range(block.b, block.b + block.size))
    marked = [Markup("<mark>{}</mark>").format(line) if i in new and line else line for i, line in enumerate(lines)]
    return Markup("\n").join(marked)


def css() -> str:
    """A rule for each class of tokens. The background is that of the page, so no rule sets one."""
    return "".join(f"pre .{name}, .diff .{name} {{ color: {rule} }}\n" for name, rule in CLASSES.items())


def rules() -> Iterator[tuple[str, str]]:
    """Class of tokens -> its colors, for tokens that do not have the color of the text."""
    light, dark = (get_style_by_name(name) for name in (LIGHT, DARK))
    ink = dark.style_for_token(Token.Text)["color"]
    for token, name in STANDARD_TYPES.items():
        day, night = light.style_for_token(token), dark.style_for_token(token)
        slant = "; font-style: italic" if day["italic"] or night["italic"] else ""
        plain = day["color"] in (None, "000000") and night["color"] in (None, ink) and not slant
        if name and not plain and token is not Token.Text.Whitespace:
            yield name, f"light-dark({color(day['color'], '1c2733')}, {color(night['color'], 'e3e8ee')}){slant}"


def color(found: str | None, default: str) -> str:
    return f"#{found or default}"


CLASSES = dict(rules())
