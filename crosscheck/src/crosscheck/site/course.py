"""The pages of the course: home, stages, their differences, steps, appendices, wrong versions, the Rosetta."""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ..changes import behaviors, interface_of, of_chapter
from ..computations import Computation, all_computations
from ..details import choose, draw
from ..diff import Chapter, Comparison, DefinitionChange, compare_stages, compare_step, demonstration, select
from ..frameworks import load_stage
from ..inputs import DEFAULT_SEED
from ..lessons import SELF_CONTAINED, Lesson, Part, lessons, parts, stage_definitions
from ..report import graphs
from ..report.highlight import code
from ..report.hunks import as_html
from ..rosetta import Row
from ..stages import STAGES, Stage
from . import drawing
from .page import (
    ENGLISH,
    HERE,
    LANGUAGES,
    WORDS,
    Page,
    Text,
    blocks,
    diff_name,
    markdown,
    stage_title,
    step_name,
    title,
    why,
    with_steps,
)
from .plots import growth
from .traces import Trace, frames

WRONG = HERE / "wrong"
MOST_GRAPHS = 3  # of a step
LINES = re.compile(r"^\s*(#.*)?$")


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
                    "adds": say["stage_adds"][row["stage"].number - 1],
                }
                for row in rows
            ],
            "plots": [
                growth(say[name], [row[name] for row in rows]) for name in ("definitions", "lines", "computations")
            ],
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


def difference_page(before: Stage, after: Stage) -> Page:
    found = compare(before, after)
    whole = {module for part in found.parts for module in part.modules}
    shown = {change.name: Shown.of(change) for change in found.definitions if not in_modules(change.name, whole)}
    able = behaviors(found)
    found_in = []
    for chapter in found.chapters():
        listed = (tuple(one for one in ones if one.name in shown) for ones in (chapter.shown, chapter.later))
        found_in.append((chapter, interface_of(Chapter(chapter.lesson, *listed))))
    data = {}
    for language, say in WORDS.items():
        chapters = []
        for chapter, api in found_in:
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
                    "api": api,
                    "able": of_chapter(able, lesson),
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
    players: Sequence[Mapping[str, Any]],
    figures: Mapping[str, bytes],
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
        "figures": [figure_name(step, name) for name in figures],
        "graphs": drawings.get(step, []),
        "traces": [one for one in players if one["step"] == step],
        "column": f"column{stage.number}" if step == stage.last_step else "",
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
        {figure_name(step, name): content for name, content in figures.items()},
    )


def column_page(stage: Stage) -> Page:
    """The column after the last step of a stage, from its docs."""
    text = (stage.folder / "docs" / "column.md").read_text(encoding="utf-8")
    heading = re.sub(r"^# ", "", text.partition("\n")[0])
    html = markdown(text.partition("\n")[2])
    return Page(
        f"column{stage.number}",
        "column",
        {language: {"stage": stage, "heading": heading, "html": with_steps(html, language)} for language in LANGUAGES},
        dict.fromkeys(LANGUAGES, heading),
        dict.fromkeys(LANGUAGES, text),
        step_name(stage.last_step),
        step_name(stage.last_step + 1) if stage is not STAGES[-1] else None,
    )


def played(trace: Trace) -> dict[str, Any]:
    """What the player of a trace needs."""
    return {
        "name": f"graph-{trace.name}",
        "step": trace.step,
        "title": trace.title,
        "text": Text(trace.text, ENGLISH),
        "code": code(trace.source),
        "frames": json.dumps(frames(trace), ensure_ascii=False, separators=(",", ":")),
        "svg": drawing.draw(trace),
    }


def graphs_page(players: Sequence[Mapping[str, Any]]) -> Page:
    """All recorded programs."""
    return Page(
        "graphs",
        "graphs",
        {language: {"traces": players} for language in LANGUAGES},
        {language: say["graphs"] for language, say in WORDS.items()},
        dict.fromkeys(LANGUAGES, " ".join(f"{one['title']} {one['text'].text}" for one in players)),
    )


def appendices(stage: Stage) -> Iterator[Page]:
    """The scripts of the appendices, with their output as comments."""
    paths = sorted((stage.folder / "steps").glob("appendix_*.py"))
    for n, path in enumerate(paths):
        source = path.read_text(encoding="utf-8")
        heading, _, text = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")
        body = "\n".join(source.splitlines()[ast.parse(source).body[0].end_lineno or 0 :]).strip("\n")
        yield Page(
            path.stem,
            "appendix",
            {
                language: {"heading": heading.rstrip("."), "text": blocks(text), "script": code(body)}
                for language in LANGUAGES
            },
            dict.fromkeys(LANGUAGES, heading.rstrip(".")),
            dict.fromkeys(LANGUAGES, text),
            paths[n - 1].stem if n else step_name(stage.last_step),
            paths[n + 1].stem if n + 1 < len(paths) else None,
        )


def figure_name(step: int, name: str) -> str:
    """The file of a figure: those of several steps may have the same name."""
    return name if name.startswith(step_name(step)) else f"{step_name(step)}-{name}"


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
                "title": Text(found[1].rstrip("."), ENGLISH),
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
        {language: " ".join(f"{one['title'].text}. {one['text'].text}" for one in programs) for language in LANGUAGES},
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
