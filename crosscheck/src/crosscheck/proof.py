"""The proof that definitions and lessons correspond one to one, and how much of the lessons is translated."""

from __future__ import annotations

import functools
import itertools
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .files import read_toml
from .lessons import (
    SELF_CONTAINED,
    Difference,
    Lesson,
    Part,
    lessons,
    module_names,
    moved,
    parts,
    short,
    stage_definitions,
    step_definitions,
)
from .stages import STAGES, Stage

MOST_WORDS = 150
LANGUAGES = tuple(read_toml(pathlib.Path(__file__).parent / "site" / "words.toml"))[1:]  # English is the first
SPLITTING = {"setup_variable"}  # in stage 2's package only: step 23 adds it when the script becomes modules
OMITTED = {"Square", "Exp", "square", "exp", "numerical_diff"}  # in steps 11 and 12, which cannot differentiate


def check() -> dict[str, Any]:
    """For each stage what lessons and definitions there are, how many texts are translated, and the problems."""
    stages = []
    for stage in STAGES:
        steps, beyond = lessons(stage), parts(stage)
        found: list[Lesson | Part] = [*steps, *beyond]
        stages.append(
            {
                "stage": stage.name,
                "lessons": len(steps),
                "parts": len(beyond),
                "definitions": len(changed(stage)),
                "translated": {one: sum(one in lesson.whys for lesson in found) for one in LANGUAGES},
                "untranslated": {
                    one: [label(lesson) for lesson in found if not (one in lesson.whys and one in lesson.titles)]
                    for one in LANGUAGES
                },
                "problems": list(problems(stage, steps, beyond)),
            }
        )
    return {"stages": stages}


def label(lesson: Lesson | Part) -> str:
    return str(lesson.step) if isinstance(lesson, Lesson) else lesson.part


def problems(stage: Stage, found: list[Lesson], beyond: list[Part]) -> Iterator[str]:
    """What is not covered by a lesson, and what no definition needs, in words that name it."""
    steps = [lesson.step for lesson in found]
    if steps != list(stage.steps):
        yield f"expected one lesson for each of the steps {stage.first_step}-{stage.last_step}, got {steps}"
    for lesson in found:
        yield from text_problems(lesson)
        if lesson.step <= SELF_CONTAINED:
            yield from step_problems(stage, lesson)
    for part in beyond:
        yield from text_problems(part)
    yield from stage_problems(stage, found, beyond)


def text_problems(lesson: Lesson | Part) -> Iterator[str]:
    """A text that is missing or too long, and a translation that names other code than the English text."""
    words = len(lesson.why.split())
    if not (lesson.title.strip() and words):
        yield f"{lesson.heading}: expected a title and a text"
    if words > MOST_WORDS:
        yield f"{lesson.heading}: expected at most {MOST_WORDS} words, got {words}"
    for language, text in lesson.whys.items():
        ours, theirs = code_in(lesson.why), code_in(text)
        if ours != theirs:
            differ = ", ".join(f"`{name}`" for name in sorted(ours ^ theirs))
            yield f"{lesson.heading}: expected the code of the English text in why.{language}, not {differ}"


def code_in(text: str) -> set[str]:
    """What stands between backticks."""
    return set(re.findall(r"`([^`]+)`", text))


def step_problems(stage: Stage, lesson: Lesson) -> Iterator[str]:
    """Definitions in which a self-contained step differs from the one before, compared with what its lesson names."""
    now = whole(lesson.step)
    earlier = next((step for step in range(lesson.step - 1, 0, -1) if step_definitions(step)), None)
    difference = Difference.between(whole(earlier) if earlier and now else {}, now)
    modules = module_names(stage)
    for kind, named, differing in (
        ("adds", lesson.adds, difference.added),
        ("changes", lesson.changes, difference.changed),
        ("removes", lesson.removes, difference.removed),
    ):
        yield from compared(lesson.heading, kind, {short(name, modules) for name in named}, differing)


def compared(heading: str, kind: str, named: Iterable[str], differing: Iterable[str]) -> Iterator[str]:
    """What only one side has."""
    for name in sorted({*differing} - {*named}):
        yield f"{heading}: {kind} {name}, which its lesson does not name"
    for name in sorted({*named} - {*differing}):
        yield f"{heading}: its lesson names {name}, but the step {kind} nothing of that name"


def whole(step: int) -> dict[str, str]:
    """The definitions of a step; those that steps 11 and 12 omit are as in step 10."""
    if step not in (11, 12):
        return step_definitions(step)
    before = step_definitions(10)
    return {name: text for name, text in before.items() if name.partition(".")[0] in OMITTED} | step_definitions(step)


def last_step_problems(stage: Stage) -> Iterator[str]:
    """Definitions in which the last self-contained step of a stage differs from the stage's package."""
    step = min(stage.last_step, SELF_CONTAINED)
    modules = module_names(stage)
    own = {short(name, modules): text for name, text in package(stage).items()}
    own = {name: text for name, text in own.items() if name not in SPLITTING}
    difference = Difference.between(own, step_definitions(step))
    for name in sorted(difference.added | difference.changed | difference.removed):
        yield f"{stage.name}: {name} is not the same in step {step} and in the package"


@functools.cache
def package(stage: Stage) -> dict[str, str]:
    """The definitions of a stage's package."""
    return stage_definitions(stage)


@functools.cache
def changed(stage: Stage) -> frozenset[str]:
    """The names of the definitions that differ from the stage before; a definition that only moved does not differ."""
    before = next((a for a, b in itertools.pairwise(STAGES) if b == stage), None)
    old, new = package(before) if before else {}, package(stage)
    homes = moved(old, new)
    difference = Difference.between({homes.get(name, name): text for name, text in old.items()}, new)
    return difference.added | difference.changed | difference.removed


def stage_problems(stage: Stage, found: list[Lesson], beyond: list[Part]) -> Iterator[str]:
    """Definitions that differ from the stage before, compared with what lessons and parts name."""
    differing, modules = changed(stage), module_names(stage)
    named = set[str]().union(*(lesson.names for lesson in found))
    everything = package(stage)
    for name in sorted(named - differing):
        yield f"{stage.name}: a lesson names {name}, which does not differ from the stage before"
    if stage.first_step <= SELF_CONTAINED:
        yield from last_step_problems(stage)
    seen: set[str] = set()
    for part in beyond:
        if part.part in seen:
            yield f"{part.heading}: expected a part of its own, got {part.part!r} again"
        seen.add(part.part)
        yield from part_problems(part, differing, named, modules, everything)
    for name in sorted(differing):
        among = [part.part for part in beyond if part.includes(name)]
        if len(among) > 1:
            yield f"{stage.name}: expected {name} in one part, got it in {', '.join(among)}"
        elif not among and name not in named:
            yield f"{stage.name}: {name} differs from the stage before, and no lesson names it"


def part_problems(
    part: Part, differing: Iterable[str], named: set[str], modules: Mapping[str, object], everything: Iterable[str]
) -> Iterator[str]:
    """What a part names without need."""
    if not (part.modules or part.definitions):
        yield f"{part.heading}: expected modules or definitions, got none"
    for name in sorted({*part.definitions} - {*differing}):
        yield f"{part.heading}: names {name}, which does not differ from the stage before"
    for module in part.modules:
        if module not in modules:
            yield f"{part.heading}: names {module}, which is no module"
        for name in sorted(named):
            if name.startswith(f"{module}.") and name in everything:
                yield f"{part.heading}: names {module}, of which a step names {name}: name single definitions instead"


# --- the command ---


def lessons_report(json_target: str | None) -> int:
    """Print the proof. Exit status 1 if something is not covered."""
    from .report.out import output, print_table

    found = check()

    def text() -> None:
        columns = ["stage", "lessons", "beyond", "definitions", *(f"why.{language}" for language in LANGUAGES)]
        lines = []
        for one in found["stages"]:
            total = one["lessons"] + one["parts"]
            translated = [f"{one['translated'][language]} of {total}" for language in LANGUAGES]
            lines.append([one["stage"], *(str(one[key]) for key in ("lessons", "parts", "definitions")), *translated])
        print_table("", columns, lines)
        for language in LANGUAGES:
            for one in found["stages"]:
                if one["untranslated"][language]:
                    print(f"not in {language}, {one['stage']}: {', '.join(one['untranslated'][language])}")
        for problem in wrong:
            print(f"NOT COVERED: {problem}")
        good = "every definition has a lesson, and every lesson its definitions"
        print(f"{len(wrong)} problem{'s' * (len(wrong) > 1)}" if wrong else good)

    wrong = [problem for one in found["stages"] for problem in one["problems"]]
    output(found, json_target, text)
    return 1 if wrong else 0
