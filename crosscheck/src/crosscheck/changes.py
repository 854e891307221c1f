"""What a difference means: names and signatures that change, computations that become possible, ten lines to show."""

from __future__ import annotations

import ast
import dataclasses
import functools
import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .computations import Computation, all_computations
from .diff import Chapter, Comparison, DefinitionChange
from .lessons import SELF_CONTAINED, Lesson, Part, lessons, step_definitions
from .report.hunks import Line, difference
from .stages import STAGES

SLIDE = 10  # lines


# --- the interface ---


@dataclass(frozen=True)
class ApiChange:
    """A public name that was added or removed, or whose signature changed."""

    name: str  # with its signature, such as core.Variable.backward(self)
    state: str  # added, removed, changed
    after: str = ""  # the new signature, of one that changed

    def __str__(self) -> str:
        return f"{self.name} -> {self.after}" if self.after else self.name


def interface(changes: Iterable[DefinitionChange]) -> list[ApiChange]:
    """The changes of public names, in order; the methods of a class that is new or removed are not listed."""
    changes = list(changes)
    return [*signatures(changes), *(one for change in changes for one, _ in attached(change))]


def interface_of(chapter: Chapter) -> list[ApiChange]:
    """Those that the lesson of a chapter makes; other lessons may change the same definitions.

    Up to step 22 the scripts show what each step makes of a definition. Later, a lesson lists the names that it adds
    and removes, a signature changes in the last lesson that names it, and `Variable.dot = matmul` is of the lesson
    of `matmul`.
    """
    lesson, changes = chapter.lesson, [*chapter.shown, *chapter.later]
    if not isinstance(lesson, Lesson):
        return interface(change for change in chapter.shown if change.state != "new" or not change.steps)
    if lesson.step <= SELF_CONTAINED:
        return interface(in_step(change, lesson.step) for change in changes)
    own = {"new": lesson.adds, "removed": lesson.removes}
    mine = [change for change in changes if change.name in own.get(change.state, {one.name for one in chapter.shown})]
    return signatures(mine) + [
        one for change in changes for one, words in attached(change) if lesson.step == step_of(words, change)
    ]


def step_of(words: Iterable[str], change: DefinitionChange) -> int:
    """The step that attaches something to a class: the last that adds one of the words, or changes the function."""
    born = {step for word in words for step in births().get(word, ())}
    return max(born & set(change.steps), default=change.steps[-1])


@functools.cache
def births() -> dict[str, set[int]]:
    """The steps whose lessons add definitions of a name: sum -> 39."""
    found: dict[str, set[int]] = {}
    for lesson in (lesson for stage in STAGES for lesson in lessons(stage)):
        for name in lesson.adds:
            found.setdefault(name.rpartition(".")[2], set()).add(lesson.step)
    return found


def in_step(change: DefinitionChange, step: int) -> DefinitionChange:
    """What a self-contained step makes of a definition. Steps 11 and 12 pause some, which counts as no change."""

    def last(step: int) -> str | None:
        texts = (one for n in range(step, 0, -1) for name, one in step_definitions(n).items() if same(name))
        return next(texts, None)

    def same(name: str) -> bool:
        return change.name == name or change.name.endswith(f".{name}")

    return dataclasses.replace(change, before=last(step - 1), after=last(step))


def signatures(changes: Sequence[DefinitionChange]) -> list[ApiChange]:
    """Names that are new or removed, and signatures that change."""
    found = []
    whole = {change.name for change in changes if change.state in ("new", "removed") and is_class(change)}
    for change in changes:
        before, after = (signature(text) for text in (change.before, change.after))
        if public(change.name) and change.name.rpartition(".")[0] not in whole:
            if change.state in ("new", "removed"):
                state = "added" if change.state == "new" else "removed"
                found.append(ApiChange(change.name + (after if change.before is None else before), state))
            elif before != after:
                found.append(ApiChange(change.name + before, "changed", after))
    return found


def attached(change: DefinitionChange) -> list[tuple[ApiChange, set[str]]]:
    """What a function assigns to a class, or no longer: `Variable.sum = reduction(sum)`, and the words of the value."""
    olds, news = (attributes(text) for text in (change.before, change.after))
    added = [(ApiChange(name, "added"), words) for name, words in news.items() if name not in olds]
    return added + [(ApiChange(name, "removed"), words) for name, words in olds.items() if name not in news]


def public(name: str) -> bool:
    """Whether no part of a name is private; special methods are public."""
    return not any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


def parsed(text: str | None) -> ast.AST | None:
    """The syntax tree of a definition; that of a class without its statements; None if there is none."""
    text = textwrap.dedent(text or "")
    if re.match(r"(@.*\n)*class ", text):
        text = text.partition("\n")[0] + " ..."
    try:
        return next(iter(ast.parse(text).body), None)
    except SyntaxError:  # source that is no definition by itself
        return None


def is_class(change: DefinitionChange) -> bool:
    return isinstance(parsed(change.after if change.before is None else change.before), ast.ClassDef)


def signature(text: str | None) -> str:
    """The parameters of a function or the bases of a class, in parentheses; empty for anything else."""
    match parsed(text):
        case ast.FunctionDef(args=arguments) | ast.AsyncFunctionDef(args=arguments):
            return f"({ast.unparse(arguments)})"
        case ast.ClassDef(bases=[_, *_] as bases):
            return f"({', '.join(map(ast.unparse, bases))})"
    return ""


def attributes(text: str | None) -> dict[str, set[str]]:
    """What is assigned to a class from outside, and the words of the value: `Variable.__add__ = add`."""
    found = re.findall(r"^\s*([A-Z]\w*\.\w+) = (\w+|\w+\(\w+\))$", text or "", re.MULTILINE)
    return {name: set(re.findall(r"\w+", value)) for name, value in found}


# --- behavior ---


@dataclass(frozen=True)
class Behavior:
    """A computation that the later side supports and the earlier one does not."""

    computation: str
    doc: str
    step: int
    before: str  # missing or wrong: how the earlier side fails
    after: str  # equal, differs or error
    beyond: bool  # the book

    @classmethod
    def of(cls, one: Computation, stage: int) -> Behavior:
        state = "error" if one.raises else "differs" if one.differs.get(f"stage{one.since}") else "equal"
        beyond = one.body.__module__.rpartition(".")[2].startswith("beyond_")
        return cls(one.name, one.doc, one.step, one.declared_failure(stage), state, beyond)


def behaviors(found: Comparison) -> list[Behavior]:
    """The computations that turn from unsupported to supported, of the lessons of a comparison."""
    numbers = [stage.number for stage in STAGES if stage.name == found.before]
    steps = {lesson.step for lesson in found.lessons}
    return [
        Behavior.of(one, numbers[0] if numbers else max(one.since - 1, 1))
        for one in all_computations()
        if one.step in steps and (not numbers or one.since > numbers[0])
    ]


def of_chapter(found: Sequence[Behavior], lesson: Lesson | Part | None) -> list[Behavior]:
    """Those of the book that a lesson makes possible."""
    return [one for one in found if isinstance(lesson, Lesson) and one.step == lesson.step and not one.beyond]


def higher_orders(found: Comparison) -> int:
    """How many computations of the earlier stage the later one can also differentiate twice."""
    numbers = [stage.number for stage in STAGES if stage.name in (found.before, found.after)]
    if len(numbers) < 2 or not numbers[0] < 3 <= numbers[1]:
        return 0
    return sum(one.since <= numbers[0] and one.order > 1 and one.raises is None for one in all_computations())


# --- slides ---


@dataclass(frozen=True)
class Slide:
    """A lesson in at most ten lines of the difference. name: the definition that they begin in."""

    heading: str
    name: str
    path: str
    lines: tuple[Line, ...]


def slides(found: Comparison) -> list[Slide]:
    """One slide for each lesson and part that changes something, or else one for scripts and other source."""
    shown = [slide for chapter in found.chapters() if (slide := slide_of(chapter))]
    rest = None if shown else slide_of(Chapter(found.lessons[-1] if found.lessons else None, found.around))
    return [rest] if rest else shown


def slide_of(chapter: Chapter) -> Slide | None:
    """The ten neighboring lines that show most: of changed definitions rather than of new ones."""
    told = f"{chapter.lesson.title} {chapter.lesson.why}" if chapter.lesson else ""
    words = {word for word in re.findall(r"\w+", told.lower()) if len(word) > 3}
    best: tuple[float, DefinitionChange, tuple[Line, ...]] | None = None
    for group in groups(chapter.shown or chapter.later):
        weight = 1.5 if group[0].state == "changed" else 1.0
        lines = joined(group)
        worths = [worth(line, after, words) for line, after in itertools.pairwise([*lines, Line("@")])]
        for start, end in windows(lines):
            score = weight * sum(worths[start:end])
            if score and (best is None or score > best[0]):
                best = score, group[0], tuple(lines[start:end])
    if best is None:
        return None
    heading = chapter.lesson.heading if chapter.lesson else best[1].name
    return Slide(heading, best[1].name, best[1].path, trimmed(best[2]))


def worth(line: Line, after: Line, words: set[str]) -> float:
    """How much a line says: more if the lesson has its words, nothing if it, or the line after it, raises an error."""
    text = line.text.strip()
    checks = re.match(r"raise |f?[\"']|\W+$|.*\btype\(self\)", text) or after.text.strip().startswith("raise ")
    if line.sign not in "+-" or not line.is_code or checks:
        return 0.0
    told = words & set(re.findall(r"[a-z]+", text.lower()))
    return (1.0 if line.sign == "+" else 0.5) + 0.5 * len(told) + 0.5 * bool(line.marks)


def groups(changes: Iterable[DefinitionChange]) -> list[list[DefinitionChange]]:
    """The methods of a new class with the class; any other definition by itself."""
    found: list[list[DefinitionChange]] = []
    for change in changes:
        last = found[-1] if found else []
        if last and change.state == last[0].state == "new" and change.name.startswith(f"{last[0].name}."):
            last.append(change)
        else:
            found.append([change])
    return found


def joined(group: Sequence[DefinitionChange]) -> list[Line]:
    """The lines of definitions, with a blank line between two."""
    lines: list[Line] = []
    for change in group:
        lines += [Line("+")] if lines else []
        lines += difference(change.before, change.after)
    return lines


def windows(lines: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """The first and last+1 of every run of at most ten lines without a gap, as long as possible."""
    for start, first in enumerate(lines):
        if first.sign != "@":
            gap = next((n for n in range(start, len(lines)) if lines[n].sign == "@"), len(lines))
            yield start, min(start + SLIDE, gap)


def trimmed(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Without blank lines at both ends."""
    shown = [n for n, line in enumerate(lines) if line.text.strip()]
    return tuple(lines[shown[0] : shown[-1] + 1]) if shown else ()


def as_json(found: Comparison, shown: Sequence[Slide] | None = None) -> dict[str, Any]:
    """A comparison as data, with what it means; or its slides."""
    if shown is not None:
        return {
            "slides": [
                {"heading": one.heading, "name": one.name, "file": one.path, "lines": [str(line) for line in one.lines]}
                for one in shown
            ]
        }
    return {
        **found.as_json(),
        "interface": [asdict(one) for one in interface(found.definitions)],
        "behavior": [asdict(one) for one in behaviors(found)],
        "differentiated_twice": higher_orders(found),
    }
