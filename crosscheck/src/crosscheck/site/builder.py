"""Build the site: every page in every language, from the sources, the lessons and the computations.

The pages need no network, and work from any web server and without one.
"""

from __future__ import annotations

import ast
import functools
import itertools
import json
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup

from .. import UsageError, __version__
from ..computations import Computation, all_computations
from ..details import choose, draw
from ..diff import Comparison, DefinitionChange, compare_stages, compare_step, demonstration, select
from ..files import read_toml, write_text
from ..frameworks import load_stage
from ..inputs import DEFAULT_SEED
from ..lessons import SELF_CONTAINED, Lesson, Part, lessons, parts, stage_definitions
from ..report import graphs
from ..report.highlight import code, css
from ..report.html import GENERATOR
from ..report.html import TEMPLATES as REPORT
from ..report.hunks import as_html
from ..rosetta import Row, rosetta
from ..stages import STAGES, Stage

HERE = pathlib.Path(__file__).parent
TEMPLATES = HERE / "templates"
WRONG = HERE / "wrong"
WORDS: Mapping[str, Mapping[str, Any]] = read_toml(HERE / "words.toml")
LANGUAGES = {language: words["title"] for language, words in WORDS.items()}  # English first
ENGLISH = next(iter(LANGUAGES))
MOST_GRAPHS = 3  # of a step
LINES = re.compile(r"^\s*(#.*)?$")


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
class Shown:
    """A definition that differs, with the lines of its difference."""

    name: str
    path: str
    state: str
    html: Markup

    @classmethod
    def of(cls, change: DefinitionChange) -> Shown:
        return cls(change.name, change.path, change.state, as_html(change.lines()))


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


def build(folder: pathlib.Path) -> int:
    """Write the site into a folder, which is created if needed; return the number of pages.

    Everything is rendered before the first file is written. Pages of an earlier site that this one does not have are
    removed; other files stay.
    """
    files = render(list(pages()))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(folder / name, text)
        for old in folder.glob("*.html"):
            if old.name not in files and GENERATOR in old.read_text(encoding="utf-8"):
                old.unlink()
    except OSError as error:
        raise UsageError(f"site: {folder} cannot be written: {error.strerror}") from error
    return sum(name.endswith(".html") for name in files)


def url(name: str, language: str) -> str:
    """The file of a page."""
    return f"{name}.html" if language == ENGLISH else f"{name}.{language}.html"


def render(found: Sequence[Page]) -> dict[str, str]:
    """The files by name."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, REPORT]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    by_name = {page.name: page for page in found}
    files = {
        "style.css": (REPORT / "style.css").read_text("utf-8") + css() + (TEMPLATES / "site.css").read_text("utf-8"),
        "script.js": (REPORT / "script.js").read_text("utf-8"),
        "site.js": (TEMPLATES / "site.js").read_text("utf-8"),
    }
    for language, say in WORDS.items():
        menu = [("index", say["home"]), *((s.name, f"{say['stage']} {s.number}") for s in STAGES if s.installed())]
        menu += [("rosetta", say["rosetta"]), ("wrong", say["wrong"])]
        for page in found:
            beside = [
                (name, by_name[name].titles[language]) if name in by_name else None
                for name in (page.before, page.after)
            ]
            files[url(page.name, language)] = environment.get_template(f"{page.template}.html.jinja").render(
                language=language,
                languages=LANGUAGES,
                say=say,
                menu=menu,
                here=page.name,
                url=lambda name, other=language: url(name, other),
                version=__version__,
                previous=beside[0],
                next=beside[1],
                **page.data[language],
            )
        index = [{"title": p.titles[language], "url": url(p.name, language), "text": p.texts[language]} for p in found]
        text = json.dumps(index, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        files[f"index-{language}.js"] = f"const INDEX = {text};\n"
    return files


# --- pages ---


def pages() -> Iterator[Page]:
    """Every page of the site."""
    installed = [stage for stage in STAGES if stage.installed()]
    calls = rosetta()
    steps = [(stage, lesson) for stage in installed for lesson in lessons(stage)]
    yield home(installed)
    for n, stage in enumerate(installed):
        yield stage_page(stage, installed[n - 1] if n else None, installed[n + 1] if n + 1 < len(installed) else None)
    for before, after in itertools.pairwise(installed):
        yield difference_page(before, after)
    drawings = graphs_of_steps(installed[-1])
    for n, (stage, lesson) in enumerate(steps):
        before_step = step_name(steps[n - 1][1].step) if n else None
        after_step = step_name(steps[n + 1][1].step) if n + 1 < len(steps) else None
        yield step_page(stage, lesson, calls, drawings, before_step, after_step)
    yield rosetta_page(calls)
    yield wrong_page()


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


@functools.cache
def compare(before: Stage, after: Stage) -> Comparison:
    """The difference of two stages: a page of its own, and a part of the page of each step."""
    return compare_stages(before, after)


def home(installed: Sequence[Stage]) -> Page:
    computations = all_computations()
    rows: list[dict[str, Any]] = [
        {
            "stage": stage,
            "files": len(list(stage.source.rglob("*.py"))),
            "definitions": len(stage_definitions(stage)),
            "lines": code_lines(stage),
            "computations": sum(one.since <= stage.number for one in computations),
            "diff": diff_name(installed[n - 1], stage) if n else "",
        }
        for n, stage in enumerate(installed)
    ]
    data = {
        language: {
            "stages": [
                row
                | {
                    "title": stage_title(row["stage"], language),
                    "diff_title": say["diff_title"].format(a=row["stage"].number - 1, b=row["stage"].number),
                    "lessons": [{"step": one.step, "title": title(one, language)} for one in lessons(row["stage"])],
                }
                for row in rows
            ]
        }
        for language, say in WORDS.items()
    }
    return Page(
        "index",
        "home",
        data,
        {language: say["home"] for language, say in WORDS.items()},
        {language: f"{say['lede']} {say['about']}" for language, say in WORDS.items()},
    )


def code_lines(stage: Stage) -> int:
    """Lines that are neither blank nor comments only, docstrings included."""
    return sum(
        not LINES.match(line) for path in stage.source.rglob("*.py") for line in path.read_text("utf-8").splitlines()
    )


def stage_page(stage: Stage, before: Stage | None, after: Stage | None) -> Page:
    found, beyond = lessons(stage), parts(stage)
    everything: list[Lesson | Part] = [*found, *beyond]
    readme = markdown((stage.folder / "README.md").read_text(encoding="utf-8"))
    data = {
        language: {
            "stage": stage,
            "readme": readme,
            "lessons": [{"step": one.step, "title": title(one, language), "why": why(one, language)} for one in found],
            "parts": [{"part": one.part, "title": title(one, language), "why": why(one, language)} for one in beyond],
        }
        for language in LANGUAGES
    }
    return Page(
        stage.name,
        "stage",
        data,
        {lang: f"{say['stage']} {stage.number}: {stage_title(stage, lang)}" for lang, say in WORDS.items()},
        {language: " ".join(title(one, language) for one in everything) for language in LANGUAGES},
        before.name if before else None,
        after.name if after else None,
    )


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


def difference_page(before: Stage, after: Stage) -> Page:
    found = compare(before, after)
    whole = {module for part in found.parts for module in part.modules}
    shown = {change.name: Shown.of(change) for change in found.definitions if not in_modules(change.name, whole)}
    data = {}
    for language, say in WORDS.items():
        chapters = []
        for chapter in found.chapters():
            lesson = chapter.lesson
            changes = [shown[change.name] for change in chapter.shown if change.name in shown]
            chapters.append(
                {
                    "id": chapter_id(lesson),
                    "title": say["changes"] if lesson is None else f"{label(lesson, say)}: {title(lesson, language)}",
                    "link": step_name(lesson.step) if isinstance(lesson, Lesson) else "",
                    "why": why(lesson, language) if lesson else None,
                    "changes": changes,
                    "modules": lesson.modules if isinstance(lesson, Part) else (),
                }
            )
        heading = say["diff_title"].format(a=before.number, b=after.number)
        data[language] = {"heading": heading, "files": found.files, "chapters": chapters}
    return Page(
        diff_name(before, after),
        "diff",
        data,
        {language: data[language]["heading"] for language in LANGUAGES},
        {language: " ".join(one.path for one in found.files if one.state != "identical") for language in LANGUAGES},
        before.name,
        after.name,
    )


def in_modules(name: str, modules: set[str]) -> bool:
    return any(name.startswith(f"{module}.") for module in modules)


def chapter_id(lesson: Lesson | Part | None) -> str:
    if lesson is None:
        return "others"
    return step_name(lesson.step) if isinstance(lesson, Lesson) else f"part-{lesson.part}"


def label(lesson: Lesson | Part, say: Mapping[str, Any]) -> str:
    return f"{say['step']} {lesson.step}" if isinstance(lesson, Lesson) else f"{say['beyond']}, {lesson.part}"


def step_page(
    stage: Stage,
    lesson: Lesson,
    calls: Sequence[Row],
    drawings: Mapping[int, list[dict[str, str]]],
    before: str | None,
    after: str | None,
) -> Page:
    step = lesson.step
    if step > SELF_CONTAINED:
        compared = select(compare(STAGES[stage.number - 2], stage), step=step)
    else:
        compared = compare_step(step)
    changes = [Shown.of(change) for change in compared.definitions if step in change.steps]
    used = {name.rpartition(".")[2] for name in lesson.names}
    common = {
        "step": step,
        "stage": stage,
        "changes": changes,
        "script": code(demonstration(step)),
        "graphs": drawings.get(step, []),
        "calls": [row for row in calls if row.name in used],
        "computations": [
            {"name": one.name, "doc": one.doc}
            for one in all_computations()
            if one.step == step and one.since == stage.number
        ],
    }
    return Page(
        step_name(step),
        "step",
        {language: common | {"title": title(lesson, language), "why": why(lesson, language)} for language in LANGUAGES},
        {lang: f"{say['step']} {step}: {title(lesson, lang)}" for lang, say in WORDS.items()},
        {language: f"{why(lesson, language).text} {' '.join(sorted(used))}" for language in LANGUAGES},
        before,
        after,
    )


def rosetta_page(calls: Sequence[Row]) -> Page:
    return Page(
        "rosetta",
        "rosetta",
        {language: {"rows": calls} for language in LANGUAGES},
        {language: say["rosetta"] for language, say in WORDS.items()},
        {language: " ".join(f"{row.name} {row.call}" for row in calls) for language in LANGUAGES},
    )


def wrong_page() -> Page:
    """The programs in the folder wrong/, by step: a title, a text, and the code below them."""
    programs: list[dict[str, Any]] = []
    for path in WRONG.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        heading, _, text = (ast.get_docstring(tree) or "").partition("\n\n")
        found = re.fullmatch(r"(.*) \[step (\d+)\]", heading)
        assert found is not None, f"{path.name} needs a title and a step"
        body = "\n".join(source.splitlines()[tree.body[0].end_lineno or 0 :]).strip("\n")
        programs.append(
            {
                "name": path.stem,
                "title": found[1].rstrip("."),
                "step": int(found[2]),
                "text": Text(" ".join(text.split()), ENGLISH),
                "code": code(body),
            }
        )
    programs.sort(key=lambda one: (one["step"], one["name"]))
    return Page(
        "wrong",
        "wrong",
        {language: {"programs": programs} for language in LANGUAGES},
        {language: say["wrong"] for language, say in WORDS.items()},
        {language: " ".join(f"{one['title']}. {one['text'].text}" for one in programs) for language in LANGUAGES},
    )


def graphs_of_steps(stage: Stage) -> dict[int, list[dict[str, str]]]:
    """Step -> the graphs of a few of its computations, recorded in this stage."""
    framework = load_stage(stage)
    wanted: dict[int, list[Computation]] = {}
    for computation in all_computations():
        small = computation.inputs and computation.cases >= DEFAULT_SEED and not computation.curve
        if small and computation.raises is None:
            wanted.setdefault(computation.step, []).append(computation)
    texts: dict[str, str] = {}
    for found in wanted.values():
        drawn = 0
        for computation in found:
            text = draw(computation, framework, choose(computation.make_cases(computation.dtypes[0], 0)))
            if text and graphs.nodes(text) <= graphs.LARGEST:
                texts[computation.name] = text
                drawn += 1
            if drawn == MOST_GRAPHS:
                break
    drawings = graphs.draw(texts)
    return {
        step: [{"name": c.name, "doc": c.doc, "svg": drawings[c.name]} for c in found if c.name in drawings]
        for step, found in wanted.items()
    }
