"""Build the site: every page in every language, from the sources, the lessons and the computations.

The pages need no network, and work from any web server and without one.
"""

from __future__ import annotations

import itertools
import json
import pathlib
from collections.abc import Iterator, Sequence

import jinja2

from .. import UsageError, __version__
from ..files import write_bytes
from ..lessons import lessons
from ..report.highlight import css
from ..report.html import GENERATOR
from ..report.html import TEMPLATES as REPORT
from ..rosetta import rosetta
from ..stages import STAGES
from .coming import coming_pages
from .course import (
    appendices,
    column_page,
    difference_page,
    graphs_of_steps,
    graphs_page,
    home,
    played,
    rosetta_page,
    stage_page,
    step_page,
    wrong_page,
)
from .evidence import benchmarks_page, examples_page, matrix_page
from .figures import figures
from .page import HERE, LANGUAGES, WORDS, Page, step_name, url
from .traces import traces

TEMPLATES = HERE / "templates"
MENU = ("rosetta", "matrix", "wrong", "graphs", "examples", "benchmarks", "coming")


def build(folder: pathlib.Path, with_figures: bool = False) -> int:
    """Write the site into a folder, which is created if needed; return the number of pages.

    Everything is rendered before the first file is written. Pages of an earlier site that this one does not have are
    removed; other files stay. with_figures: run the steps that draw, which takes a minute or two.
    """
    files = render(list(pages(with_figures)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_bytes(folder / name, content)
        for old in folder.glob("*.html"):
            if old.name not in files and GENERATOR in old.read_text(encoding="utf-8"):
                old.unlink()
    except OSError as error:
        raise UsageError(f"site: {folder} cannot be written: {error.strerror}") from error
    return sum(name.endswith(".html") for name in files)


def render(found: Sequence[Page]) -> dict[str, bytes]:
    """The files by name."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, REPORT]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    by_name = {page.name: page for page in found}
    pictures = {name: content for page in found for name, content in page.files.items()}
    files = {
        "style.css": (REPORT / "style.css").read_text("utf-8") + css() + (TEMPLATES / "site.css").read_text("utf-8"),
        "script.js": (REPORT / "script.js").read_text("utf-8"),
        "site.js": (TEMPLATES / "site.js").read_text("utf-8"),
        "player.js": (TEMPLATES / "player.js").read_text("utf-8"),
    }
    for language, say in WORDS.items():
        menu = [("index", say["home"]), *((s.name, f"{say['stage']} {s.number}") for s in STAGES if s.installed())]
        menu += [(name, say[name]) for name in MENU if name in by_name]
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
    return {name: text.encode() for name, text in files.items()} | pictures


# --- pages ---


def pages(with_figures: bool = False) -> Iterator[Page]:
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
    drawn = figures([lesson.step for _, lesson in steps]) if with_figures else {}
    players = [played(trace) for trace in traces()]
    for n, (stage, lesson) in enumerate(steps):
        before_step = step_name(steps[n - 1][1].step) if n else None
        after_step = step_name(steps[n + 1][1].step) if n + 1 < len(steps) else None
        yield step_page(stage, lesson, calls, drawings, players, drawn.get(lesson.step, {}), before_step, after_step)
    yield from map(column_page, installed)
    yield from appendices(installed[-1])
    yield rosetta_page(calls)
    yield wrong_page()
    yield graphs_page(players)
    yield matrix_page()
    yield examples_page(installed[-1])
    yield benchmarks_page(installed[-1].folder.parent)
    yield from coming_pages(installed[-1], calls)
