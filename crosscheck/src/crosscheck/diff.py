"""What differs between two stages or two steps: files, definitions, and the lessons that say why."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import UsageError
from .imports import graph, module_of, parse, reading_order
from .lessons import (
    DEMONSTRATION,
    SELF_CONTAINED,
    Lesson,
    Part,
    definitions,
    lessons,
    module_names,
    moved,
    parts,
    short,
    step_path,
)
from .report.hunks import Line, difference
from .stages import STAGES, Stage, one_stage
from .steps import ARGUMENTS, run_script

PAUSED = "steps 11 and 12 omit Square, Exp and numerical_diff, and step 13 restores them; no lesson names this"


@dataclass(frozen=True)
class FileChange:
    """A file of two packages."""

    path: str
    state: str  # new, changed, identical, removed, or moved: its definitions are, or were, in another file
    plus: int = 0
    minus: int = 0


@dataclass(frozen=True)
class DefinitionChange:
    """A definition, or other source, that differs between the two sides."""

    name: str
    path: str
    before: str | None
    after: str | None
    steps: tuple[int, ...] = ()  # those whose lessons name it, in their order
    parts: tuple[str, ...] = ()  # those beyond the book that name it
    source: str | None = None  # the file that it moved from

    @property
    def state(self) -> str:
        if self.before == self.after:
            return "moved"
        return "new" if self.before is None else "removed" if self.after is None else "changed"

    def unified(self) -> list[str]:
        """Lines with a sign in front, `@@` between distant changes; a new or removed definition in full."""
        return [str(line) for line in self.lines()]

    def lines(self) -> list[Line]:
        """The same lines in color, with marks on the words that changed."""
        return difference(self.before, self.after)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "file": self.path,
            "state": self.state,
            "steps": list(self.steps),
            "parts": list(self.parts),
            "moved_from": self.source,
            "before": self.before,
            "after": self.after,
            "diff": self.unified(),
        }


@dataclass(frozen=True)
class Chapter:
    """A lesson, or a part, and the definitions shown under it. later: those shown under a later lesson or part."""

    lesson: Lesson | Part | None
    shown: tuple[DefinitionChange, ...]
    later: tuple[DefinitionChange, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Two stages or two steps, side by side."""

    before: str
    after: str
    lessons: tuple[Lesson, ...]
    definitions: tuple[DefinitionChange, ...]
    files: tuple[FileChange, ...] = ()
    around: tuple[DefinitionChange, ...] = ()  # source that belongs to no definition, or whole scripts
    around_title: str = "Around the definitions: docstrings, imports, statements, comments"
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    moved: tuple[DefinitionChange, ...] = ()  # definitions that only moved to another file

    def chapters(self) -> list[Chapter]:
        """The lessons and parts in order, each definition under the last that names it; then those without one."""
        headings: list[Lesson | Part] = [*self.lessons, *self.parts]
        last = {d.name: n for n, heading in enumerate(headings) for d in self.definitions if names(heading, d)}
        found: list[Chapter] = []
        for n, heading in enumerate(headings):
            named = [d for d in self.definitions if names(heading, d)]
            found.append(
                Chapter(
                    heading,
                    tuple(d for d in named if last[d.name] == n),
                    tuple(d for d in named if last[d.name] != n),
                )
            )
        without = tuple(d for d in self.definitions if d.name not in last)
        return [*found, Chapter(None, without)] if without else found

    def as_json(self) -> dict[str, Any]:
        return {
            "before": self.before,
            "after": self.after,
            "notes": list(self.notes),
            "files": [dataclasses.asdict(change) for change in self.files],
            "lessons": [{"step": one.step, "title": one.title, "why": one.why} for one in self.lessons],
            "parts": [{"part": one.part, "title": one.title, "why": one.why} for one in self.parts],
            "definitions": [change.as_json() for change in self.definitions],
            "moved": [{"name": one.name, "from": one.source, "to": one.path} for one in self.moved],
            "around": [change.as_json() for change in self.around],
        }


def names(heading: Lesson | Part, change: DefinitionChange) -> bool:
    """Whether a lesson or a part names a definition."""
    return heading.step in change.steps if isinstance(heading, Lesson) else heading.part in change.parts


def lines(text: str | None) -> list[str]:
    return (text or "").splitlines()


def matcher(before: Sequence[str], after: Sequence[str]) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, before, after, autojunk=False)


# --- files; a missing one is a UsageError ---


def stage_of(step: int) -> Stage:
    """The stage that contains a step."""
    for stage in STAGES:
        if step in stage.steps:
            return stage
    raise UsageError(f"unknown step {step}; there is {STAGES[0].first_step} to {STAGES[-1].last_step}")


def script(step: int) -> str:
    """The source of a step."""
    stage_of(step)
    path = step_path(step)
    if not path.is_file():
        raise UsageError(f"step {step} has no script: there is no file {path}")
    return path.read_text(encoding="utf-8")


def framework(step: int) -> tuple[int, str]:
    """The last step up to this one whose script has definitions, and the part of it above the demonstration."""
    for earlier in range(step, 0, -1):
        source = script(earlier).partition(DEMONSTRATION)[0]
        if definitions(source):
            return earlier, source
    return step, ""


def lesson_of(step: int) -> Lesson:
    stage = stage_of(step)
    for lesson in lessons(stage):
        if lesson.step == step:
            return lesson
    raise UsageError(f"step {step} has no lesson in {stage.folder / 'lessons.toml'}")


def stage_files(stage: Stage) -> dict[str, bytes]:
    """Path inside the package -> content."""
    return {
        path.relative_to(stage.source).as_posix(): path.read_bytes()
        for path in stage.source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def in_order(*sides: Mapping[str, bytes]) -> list[str]:
    """The files of both sides in reading order, by their imports; data at the end."""
    paths = sorted({path for files in sides for path in files})
    needs: dict[str, set[str]] = {}
    for files in sides:
        sources = {module_of(path): text.decode("utf-8") for path, text in files.items() if path.endswith(".py")}
        for module, needed in graph(sources).items():
            needs.setdefault(module, set()).update(needed)
    order = {module: n for n, module in enumerate(reading_order(needs))}
    return sorted(
        paths, key=lambda path: order.get(module_of(path), len(order)) if path.endswith(".py") else len(order)
    )


# --- comparing ---


def compare(before: str, after: str) -> Comparison:
    """Two stages (`1 2`, `stage1 stage2`) or two steps (`step07 step08`)."""
    first, second = (re.fullmatch(r"step(\d+)", word.strip()) for word in (before, after))
    if first and second:
        return compare_steps(int(first[1]), int(second[1]))
    if first or second:
        raise UsageError(f"diff: expected two stages or two steps, got {before} and {after}")
    return compare_stages(one_stage(before, "diff"), one_stage(after, "diff"))


def compare_stages(before: Stage, after: Stage) -> Comparison:
    """Every file and definition of two stages, with the lessons that lead from one to the other."""
    if before.number >= after.number:
        raise UsageError(f"diff: expected an earlier and a later stage, got {before.name} and {after.name}")
    between = [stage for stage in STAGES if before.number < stage.number < after.number] + [after]
    found = [one for stage in between for one in lessons(stage)]
    beyond = [one for stage in between for one in parts(stage)]
    old, new = stage_files(before), stage_files(after)
    texts = [
        {path: content.decode("utf-8") for path, content in side.items() if path.endswith(".py")} for side in (old, new)
    ]
    changes = list(package_changes(*texts, found=found, beyond=beyond))
    paths = in_order(old, new)
    changes.sort(key=lambda change: paths.index(change.path))
    sources = {change.path: change.source for change in changes if change.source is not None}
    sources |= {
        path: source
        for path in new.keys() - old.keys()
        for source in old.keys() - new.keys()
        if new[path] == old[source]
    }
    files = [moved_file(path, old, new, sources) or file_change(path, old.get(path), new.get(path)) for path in paths]
    around: list[DefinitionChange] = []
    for path in paths:
        if path.endswith(".py"):
            rests = [rest(side.get(path, "")) for side in texts]
            if rests[0] != rests[1]:
                around.append(DefinitionChange(path, path, rests[0] or None, rests[1] or None))
    return Comparison(
        before.name,
        after.name,
        tuple(found),
        tuple(change for change in changes if change.state != "moved"),
        tuple(files),
        tuple(around),
        parts=tuple(beyond),
        moved=tuple(change for change in changes if change.state == "moved"),
    )


def file_change(path: str, before: bytes | None, after: bytes | None) -> FileChange:
    if before == after:
        return FileChange(path, "identical")
    state = "new" if before is None else "removed" if after is None else "changed"
    try:
        old, new = (lines((content or b"").decode("utf-8")) for content in (before, after))
    except UnicodeDecodeError:  # data
        return FileChange(path, state)
    codes = [code for code in matcher(old, new).get_opcodes() if code[0] != "equal"]
    return FileChange(path, state, sum(j1 - j0 for *_, j0, j1 in codes), sum(i1 - i0 for _, i0, i1, *_ in codes))


def moved_file(
    path: str, old: Mapping[str, bytes], new: Mapping[str, bytes], sources: Mapping[str, str]
) -> FileChange | None:
    """A file whose content moved here, with the lines that it does not come from, or whose content moved away."""
    if path in sources and path not in old:
        return FileChange(path, "moved", plus=file_change(path, old[sources[path]], new[path]).plus)
    targets = [target for target, source in sources.items() if source == path]
    if path in new or not targets:
        return None
    try:
        before, *afters = (lines(content.decode("utf-8")) for content in (old[path], *(new[one] for one in targets)))
    except UnicodeDecodeError:  # data
        return FileChange(path, "moved")
    kept = {
        i
        for after in afters
        for block in matcher(before, after).get_matching_blocks()
        for i in range(block.a, block.a + block.size)
    }
    return FileChange(path, "moved", minus=sum(1 for i, line in enumerate(before) if i not in kept and line.strip()))


def package_changes(
    before: Mapping[str, str], after: Mapping[str, str], *, found: Sequence[Lesson], beyond: Sequence[Part]
) -> Iterator[DefinitionChange]:
    """The definitions that differ between two packages, or moved; of each file in its order, removed ones last."""
    places = [{path: definitions(source, module_of(path)) for path, source in side.items()} for side in (before, after)]
    olds, news = ({name: text for inner in side.values() for name, text in inner.items()} for side in places)
    old_names = {new: old for old, new in moved(olds, news).items()}
    homes = {name: path for path, inner in places[0].items() for name in inner}
    for path, inner in places[1].items():
        for name, text in inner.items():
            old = old_names.get(name, name)
            if olds.get(old) != text or old != name:
                yield DefinitionChange(
                    name,
                    path,
                    olds.get(old),
                    text,
                    tuple(lesson.step for lesson in found if name in lesson.names),
                    tuple(part.part for part in beyond if part.includes(name)),
                    source=homes[old] if old != name else None,
                )
    for name in (name for name in olds if name not in news and name not in old_names.values()):
        steps = tuple(lesson.step for lesson in found if name in lesson.names)
        named = tuple(part.part for part in beyond if part.includes(name))
        yield DefinitionChange(name, homes[name], olds[name], None, steps, named)


def definition_changes(before: str, after: str, *, path: str, found: Sequence[Lesson]) -> Iterator[DefinitionChange]:
    """What differs between two scripts, in the order of the later one; removed definitions last."""
    old, new = definitions(before), definitions(after)
    for name in [*new, *(name for name in old if name not in new)]:
        if old.get(name) != new.get(name):
            steps = tuple(lesson.step for lesson in found if name in lesson.names)
            yield DefinitionChange(name, path, old.get(name), new.get(name), steps)


def rest(source: str, docstring: bool = True) -> str:
    """The lines that belong to no definition, without the blank ones."""
    covered: set[int] = set()

    def cover(node: ast.stmt) -> None:
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
        covered.update(range(first, (node.end_lineno or first) + 1))

    for n, node in enumerate(parse(source, "").body):
        match node:
            case ast.ClassDef(body=body):
                covered.add(node.lineno)
                for inner in body:
                    cover(inner)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.AnnAssign(target=ast.Name()):
                cover(node)
            case ast.Assign(targets=targets) if any(isinstance(target, ast.Name) for target in targets):
                cover(node)
            case ast.Expr(value=ast.Constant()) if n == 0 and not docstring:
                cover(node)
    return "\n".join(line for n, line in enumerate(source.splitlines(), 1) if n not in covered and line.strip())


def shortened(lesson: Lesson) -> Lesson:
    """The lesson with the names that its definitions have in a self-contained step."""
    modules = module_names(stage_of(lesson.step))

    def names(full: Iterable[str]) -> tuple[str, ...]:
        return tuple(short(name, modules) for name in full)

    return dataclasses.replace(
        lesson, adds=names(lesson.adds), changes=names(lesson.changes), removes=names(lesson.removes)
    )


def compare_steps(before: int, after: int) -> Comparison:
    """Two scripts: by definition while they contain the framework, as a whole once they import it."""
    if before >= after:
        raise UsageError(f"diff: expected an earlier and a later step, got {before} and {after}")
    scripts = script(before), script(after)
    found = [lesson_of(step) for step in range(before + 1, after + 1)]
    names = f"step{before:02}", f"step{after:02}"
    if after > SELF_CONTAINED:
        stage = stage_of(after)
        note = f"{names[1]} imports {stage.name}, so these are the whole scripts; the framework's own differences: "
        earlier = next((one for one in STAGES if one.number == stage.number - 1), stage)
        note += f"crosscheck diff {earlier.number} {stage.number} --step {after}"
        whole = DefinitionChange(f"{names[1]}.py", f"{names[1]}.py", *scripts)
        return Comparison(*names, tuple(found), (), around=(whole,), around_title="The whole scripts", notes=(note,))
    notes = []
    sources = []
    for step in (before, after):
        home, source = framework(step)
        sources.append(source)
        if home != step:
            notes.append(f"step {step} is theory and has no definitions; those of step {home} are compared")
    if {before, after} & {11, 12}:
        notes.append(PAUSED)
    path = f"{names[1]}.py"
    changes = definition_changes(*sources, path=path, found=[shortened(one) for one in found])
    rests = [rest(source, docstring=False) for source in sources]
    around = [DefinitionChange(path, path, rests[0], rests[1])] if rests[0] != rests[1] else []
    title = "Around the definitions: imports, statements, comments"
    return Comparison(*names, tuple(found), tuple(changes), (), tuple(around), title, tuple(notes))


# --- a part of a comparison ---


def select(
    whole: Comparison, file: str | None = None, symbol: str | None = None, step: int | None = None
) -> Comparison:
    """Only a file (`core.py`), only definitions of a name (`Variable.backward`), only those of a step's lesson."""
    if file is None and symbol is None and step is None:
        return whole
    if whole.around_title == "The whole scripts":
        raise UsageError(f"--file, --symbol, --step choose among definitions; {whole.notes[0]}")
    if step is not None and step not in [lesson.step for lesson in whole.lessons]:
        raise UsageError(f"--step {step}: not a step between {whole.before} and {whole.after}")
    chosen = [
        change
        for change in whole.definitions
        if (file is None or ends_with(change.path, file, "/"))
        and (symbol is None or is_or_belongs_to(change.name, symbol))
        and (step is None or step in change.steps)
    ]
    by_file = file if symbol is None and step is None else None
    around = [change for change in whole.around if by_file is not None and ends_with(change.path, by_file, "/")]
    options = [
        f"--file {file}" if file else "",
        f"--symbol {symbol}" if symbol else "",
        f"--step {step}" if step else "",
    ]
    if not chosen and not around and step is None:
        raise UsageError(
            f"nothing that differs between {whole.before} and {whole.after} matches {' '.join(filter(None, options))}"
        )
    notes = whole.notes if chosen or step is None else (f"the lesson of step {step} names no definition that differs",)
    named = {number for change in chosen for number in change.steps}
    belongs = {part for change in chosen for part in change.parts} if step is None else set()
    return dataclasses.replace(
        whole,
        notes=notes,
        definitions=tuple(chosen),
        around=tuple(around),
        lessons=tuple(one for one in whole.lessons if (one.step == step if step else one.step in named)),
        parts=tuple(one for one in whole.parts if one.part in belongs),
        moved=tuple(one for one in whole.moved if by_file is not None and ends_with(one.path, by_file, "/")),
        files=tuple(one for one in whole.files if one.path in {change.path for change in [*chosen, *around]}),
    )


def is_or_belongs_to(name: str, symbol: str) -> bool:
    """Whether a symbol names the definition or its class: `Mul` also matches `Mul.forward`."""
    return ends_with(name, symbol, ".") or ends_with(name.rpartition(".")[0], symbol, ".")


def ends_with(name: str, suffix: str, separator: str) -> bool:
    """`core.Variable.backward` ends with `Variable.backward`, not with `able.backward`."""
    return name == suffix or name.endswith(separator + suffix)


# --- one step ---


def step_number(text: str) -> int:
    """`32` or `step32` -> 32."""
    if not (found := re.fullmatch(r"(?:step)?(\d+)", text.strip())):
        raise UsageError(f"step: {text!r} is not a number such as 32")
    stage_of(int(found[1]))
    return int(found[1])


def compare_step(step: int) -> Comparison:
    """What a step's lesson changed: in its script while that contains the framework, later in its stage."""
    lesson = lesson_of(step)
    if step > SELF_CONTAINED:
        stage = stage_of(step)
        earlier = next(one for one in STAGES if one.number == stage.number - 1)
        return select(compare_stages(earlier, stage), step=step)
    if step > 1:
        home, _ = framework(step - 1)
        found = compare_steps(home, step)
        return dataclasses.replace(found, lessons=(lesson,))
    _, source = framework(step)
    changes = definition_changes("", source, path="step01.py", found=[shortened(lesson)])
    return Comparison("nothing", "step01", (lesson,), tuple(changes))


def demonstration(step: int) -> str:
    """The demonstration in a step's script; the whole script if it does not contain the framework."""
    source = script(step)
    head, marker, tail = source.partition(DEMONSTRATION)
    return tail.strip("\n") if marker and definitions(head) and step <= SELF_CONTAINED else source.rstrip("\n")


def run_step(step: int) -> subprocess.CompletedProcess[str]:
    """Run the script of a step, with small data if it would train for minutes or download."""
    script(step)
    try:
        return run_script(step_path(step), *ARGUMENTS.get(step, ()))
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"step {step} was stopped after {error.timeout:.0f} s; use --no-run") from None


def step_json(
    step: int, found: Comparison, source: str, result: subprocess.CompletedProcess[str] | None
) -> dict[str, Any]:
    """A step as data."""
    data: dict[str, Any] = {"step": step, "stage": stage_of(step).name, **found.as_json(), "script": source}
    if result is not None:
        data |= {"output": result.stdout, "errors": result.stderr, "status": result.returncode}
    return data
