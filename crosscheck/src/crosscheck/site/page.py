"""What all pages have: a name, data by language, texts with their language, Markdown."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from ..files import read_toml
from ..lessons import Lesson, Part
from ..report.highlight import code
from ..stages import Stage

HERE = pathlib.Path(__file__).parent
WORDS: Mapping[str, Mapping[str, Any]] = read_toml(HERE / "words.toml")
LANGUAGES = {language: words["title"] for language, words in WORDS.items()}  # English first
ENGLISH = next(iter(LANGUAGES))


@dataclass(frozen=True)
class Text:
    """A text and the language that it is in: English where there is no translation."""

    text: str
    language: str

    @property
    def html(self) -> Markup:
        """The text with names between backticks as code."""
        return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(Markup.escape(self.text))))


@dataclass(frozen=True)
class Page:
    """A page in every language: its name, its template, its place in the search index, and its data by language."""

    name: str
    template: str
    data: Mapping[str, Mapping[str, Any]]  # language -> what the template needs
    titles: Mapping[str, str]
    texts: Mapping[str, str]
    before: str | None = None
    after: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)  # pictures, by name


def url(name: str, language: str) -> str:
    """The file of a page."""
    return f"{name}.html" if language == ENGLISH else f"{name}.{language}.html"


def step_name(step: int) -> str:
    return f"step{step:02}"


def diff_name(before: Stage, after: Stage) -> str:
    return f"diff{before.number}{after.number}"


def why(lesson: Lesson | Part, language: str) -> Text:
    """The text of a lesson in this language, else in English."""
    found = lesson.whys.get(language)
    return Text(found, language) if found else Text(lesson.why, ENGLISH)


def title(lesson: Lesson | Part, language: str) -> str:
    return lesson.titles.get(language, lesson.title)


def stage_title(stage: Stage, language: str) -> str:
    return str(WORDS[language]["stage_titles"][stage.number - 1])


def markdown(text: str) -> Markup:
    """Markdown without links to files of the repository, which the site does not have."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    html = parser.render(text)
    html = re.sub(r'<a href="(?!https?:|#)[^"]*">(.*?)</a>', r"\1", html, flags=re.DOTALL)
    html = re.sub(r"<img [^>]*>", "", html)
    html = html.replace("<pre>", '<pre tabindex="0">')
    html = html.replace("<table>", '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>')
    html = html.replace("</table>", "</table></div>")
    html = re.sub(
        r"<(h[23])>(.*?)</\1>", lambda match: f'<{match[1]} id="{anchor(match[2])}">{match[2]}</{match[1]}>', html
    )
    return Markup(
        re.sub(
            r'<code class="language-python">(.*?)</code>',
            lambda match: f"<code>{code(Markup(match[1]).unescape())}</code>",
            html,
            flags=re.DOTALL,
        )
    )


def anchor(heading: str) -> str:
    """The id that links within a README give to a heading."""
    text = re.sub(r"<[^>]+>", "", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def blocks(text: str) -> Markup:
    """The paragraphs of a docstring; indented ones are commands and results."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("    "):
            lines = "\n".join(line.removeprefix("    ") for line in block.splitlines())
            found.append(Markup('<pre tabindex="0"><code>{}</code></pre>').format(lines))
        else:
            found.append(Markup("<p>{}</p>").format(Text(" ".join(block.split()), ENGLISH).html))
    return Markup("\n").join(found)


def with_steps(html: Markup, language: str) -> Markup:
    """The text in which `step 14` and `steps 44 and 45` are links to the pages of steps."""

    def link(found: re.Match[str]) -> str:
        return re.sub(r"\d+", lambda step: link_to_step(int(step[0]), language), str(found[0]))

    return Markup(re.sub(r"\b[Ss]teps? \d+((, \d+)* (and|to) \d+)?(?![\w.])", link, str(html)))


def link_to_step(step: int, language: str) -> str:
    return f'<a href="{url(step_name(step), language)}">{step}</a>' if 1 <= step <= 60 else str(step)
