"""`crosscheck exercise`: write a stage with its definitions taken out, as a package to complete.

The functions that the stage's lessons add become stubs: signature, docstring, and an error that names the step. Those
that they change are as in the stage before. Everything else is in place: class attributes, imports, what is beyond the
book, and the functions that run when the package is imported, without which nothing could be checked.
"""

from __future__ import annotations

import ast
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import UsageError
from .files import write_text
from .lessons import Lesson, lessons, module_names, moved, short, stage_definitions
from .stages import STAGES, Stage

NOTES = "crosscheck.json"  # in the folder of an exercise: what it is, and how far it got
# Prints where the functions of a package begin that run while it is imported.
AT_IMPORT = """
import importlib, json, sys
ran = set()
def note(frame, event, _):
    if event == "call":
        ran.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))
sys.setprofile(note)
importlib.import_module(sys.argv[1])
sys.setprofile(None)
print(json.dumps(sorted(ran)))
"""
INTRODUCTION = """\
# {title}

The package `{package}` in this folder is stage {number} with the functions of its lessons taken out.

- A function that ends in `raise NotImplementedError` is new in this stage: write it.
- A function below a comment `# Step N changes ...` is as in stage {before}: change it.

Everything else is in place. Work through the steps below in their order, and check after each of them:

    crosscheck grade {folder}

It compares what your package computes with PyTorch, step by step, and explains the first difference.
"""


@dataclass(frozen=True)
class Task:
    """A function to write, or to change if `before` is its source in the stage before."""

    name: str
    step: int
    before: str | None = None

    @property
    def verb(self) -> str:
        return "write" if self.before is None else "change"


@dataclass
class Notes:
    """What a folder contains, and the results of the last `grade`."""

    stage: int
    fault: str = ""  # the label of the bug to find, in a hunt
    hints: int = 0
    equal: list[str] = field(default_factory=list)  # names of the computations that were equal

    @classmethod
    def read(cls, folder: pathlib.Path) -> Notes:
        """Raises UsageError if `crosscheck exercise` or `crosscheck hunt` did not write the folder."""
        path = folder / NOTES
        try:
            notes = cls(**json.loads(path.read_text(encoding="utf-8")))
            known = any(stage.number == notes.stage for stage in STAGES)
            if not known or not isinstance(notes.equal, list) or not isinstance(notes.hints, int):
                raise ValueError
        except OSError as error:
            raise UsageError(f"{folder} is no exercise: there is no {NOTES}; crosscheck exercise N DIR") from error
        except (TypeError, ValueError) as error:
            raise UsageError(f"{path} is damaged: expected the notes of crosscheck exercise or hunt") from error
        return notes

    def write(self, folder: pathlib.Path) -> None:
        write_text(folder / NOTES, json.dumps(vars(self), indent=1) + "\n")

    @property
    def of(self) -> Stage:
        return STAGES[self.stage - 1]


@functools.cache
def run_at_import(stage: Stage) -> set[str]:
    """The functions of a stage that run while it is imported, by full name."""
    command = [sys.executable, "-c", AT_IMPORT, stage.package]
    path = os.pathsep.join([str(stage.source.parent), *sys.path])
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path})
    ran = {tuple(place) for place in json.loads(done.stdout)}
    return {
        name
        for module, file in module_names(stage).items()
        for name, node in functions_in(file.read_text(encoding="utf-8"), module)
        if (str(file), first_line(node)) in ran
    }


def first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The line of the first decorator, or of `def`."""
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


@functools.cache
def tasks(stage: Stage) -> list[Task]:
    """The functions that the lessons of a stage add or change, each once, with the first step that names it."""
    ours = stage_definitions(stage)
    before = stage_definitions(STAGES[stage.number - 2]) if stage.number > 1 else {}
    old_names = {new: old for old, new in moved(before, ours).items()}
    able = {name for name, source in ours.items() if is_function(source)} - run_at_import(stage)
    found: dict[str, Task] = {}
    for lesson in lessons(stage):
        for name in (*lesson.adds, *lesson.changes):
            old = before.get(name) or before.get(old_names.get(name, ""))
            if name in able and name not in found and not (old and same_code(old, ours[name])):
                found[name] = Task(name, lesson.step, old)
    return list(found.values())


def same_code(source: str, other: str) -> bool:
    """Whether two functions differ in nothing but comments and layout."""
    a, b = (ast.dump(ast.parse(textwrap.dedent(text))) for text in (source, other))
    return a == b


def is_function(source: str) -> bool:
    node = ast.parse(textwrap.dedent(source)).body[0]
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def emptied(source: str, module: str, todo: Mapping[str, Task]) -> str:
    """The source of a module with the functions of these tasks replaced."""
    lines = source.splitlines()
    for name, node in reversed(functions_in(source, module)):
        task = todo.get(name)
        if task is not None:
            start = first_line(node)
            lines[start - 1 : node.end_lineno] = replacement(task, node, lines)
    return "\n".join(lines) + "\n"


@functools.lru_cache(maxsize=256)  # several bugs are in one file
def functions_in(source: str, module: str) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions and methods of a module by full name, in the order of the source. Do not write to them."""
    found = []
    for node in ast.parse(source).body:
        for inner in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
                found.append((f"{module}.{owner}{inner.name}".lstrip("."), inner))
    return found


def replacement(task: Task, node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> list[str]:
    """The lines of a stub, or of the function as it is in the stage before."""
    indent = " " * node.col_offset
    if task.before is not None:
        old = textwrap.indent(textwrap.dedent(task.before), indent).splitlines()
        return [f"{indent}# Step {task.step} changes {node.name}.", *old]
    start = first_line(node)
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        head = lines[start - 1 : first.end_lineno]
    else:
        head = lines[start - 1 : min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", ()))]) - 1]
    body = [f'{indent}    raise NotImplementedError("{error_of(task)}")']
    if any("contextmanager" in ast.unparse(decorator) for decorator in node.decorator_list):
        body.append(f"{indent}    yield")  # so that it can be called, as a decorator, while the package is imported
    return [*head, *body]


def package_of(stage: Stage) -> dict[str, str]:
    """The files of an exercise, as paths below the package."""
    todo = {task.name: task for task in tasks(stage)}
    found = {}
    for module, path in module_names(stage).items():
        source = path.read_text(encoding="utf-8")
        found[path.relative_to(stage.source).as_posix()] = emptied(source, module, todo)
    return found


def instructions(stage: Stage, folder: pathlib.Path) -> str:
    """The README of an exercise: every lesson with what to write and to change."""
    by_step: dict[int, list[Task]] = {}
    for task in tasks(stage):
        by_step.setdefault(task.step, []).append(task)
    title = f"Exercise {stage.number}: {stage.title}"
    parts = [
        INTRODUCTION.format(
            title=title, package=stage.package, number=stage.number, before=stage.number - 1, folder=folder
        )
    ]
    for lesson in lessons(stage):
        parts.append(f"## {lesson.heading}\n\n{textwrap.fill(lesson.why, 100)}\n")
        if listed := by_step.get(lesson.step):
            parts.append("".join(f"- {line}\n" for line in to_do(listed, stage)))
    return "\n".join(parts)


def to_do(listed: Sequence[Task], stage: Stage) -> list[str]:
    """Lines such as: write `Sin.forward`, `Sin.backward` in `functions/elementwise.py`."""
    modules = module_names(stage)
    by_file: dict[tuple[str, str], list[str]] = {}
    for task in listed:
        name = short(task.name, modules)
        path = modules[task.name.removesuffix(f".{name}")].relative_to(stage.source).as_posix()
        by_file.setdefault((task.verb, path), []).append(f"`{name}`")
    return [f"{verb} {', '.join(names)} in `{path}`" for (verb, path), names in by_file.items()]


def left_to_do(stage: Stage, folder: pathlib.Path) -> list[Task]:
    """The tasks whose function is still a stub, or still as in the stage before; none if a file has another form."""
    found = []
    for module, path in module_names(stage).items():
        own = folder / stage.package / path.relative_to(stage.source)
        try:
            source = own.read_text(encoding="utf-8")
            functions = dict(functions_in(source, module))
        except (OSError, SyntaxError, ValueError):
            continue
        lines = source.splitlines()
        texts = {name: "\n".join(lines[first_line(node) - 1 : node.end_lineno]) for name, node in functions.items()}
        found += [task for task in tasks(stage) if task.name in texts and is_left(task, texts[task.name])]
    return found


def is_left(task: Task, text: str) -> bool:
    """Whether a function is still a stub, or still as in the stage before, comments aside."""
    if task.before is None:
        return f'raise NotImplementedError("{error_of(task)}")' in text
    return same_code(task.before, text)


def error_of(task: Task) -> str:
    """The message of a stub."""
    return f"step {task.step}: write {task.name.rpartition('.')[2]}"


def write_exercise(stage: Stage, folder: pathlib.Path) -> list[str]:
    """Write an exercise to a folder; return the names of backups. A file that differs is kept as NAME.backup-1, ..."""
    files = {f"{stage.package}/{path}": text for path, text in package_of(stage).items()}
    files["README.md"] = instructions(stage, folder)
    return write_folder(stage, folder, files, Notes(stage.number))


def write_folder(stage: Stage, folder: pathlib.Path, files: Mapping[str, str], notes: Notes) -> list[str]:
    """Write a package and its notes. Raises UsageError if the folder contains something else."""
    if folder.is_dir() and any(folder.iterdir()):
        before = Notes.read(folder)
        if before.stage != stage.number or bool(before.fault) != bool(notes.fault):
            raise UsageError(f"{folder} contains another exercise; choose a new folder")
    for path in stage.source.rglob("*"):  # data files
        target = folder / stage.package / path.relative_to(stage.source)
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    kept = []
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace") != text:
            kept.append(backup(path).relative_to(folder).as_posix())
        write_text(path, text)
    notes.write(folder)
    return kept


def backup(path: pathlib.Path) -> pathlib.Path:
    """Rename a file to the first NAME.backup-N that does not exist."""
    n = 1
    while (target := path.with_name(f"{path.name}.backup-{n}")).exists():
        n += 1
    return path.rename(target)


def exercise_report(stage: Stage, folder: pathlib.Path) -> dict[str, Any]:
    """Write an exercise; what was written, as plain data."""
    kept = write_exercise(stage, folder)
    found = tasks(stage)
    first: Lesson = next(lesson for lesson in lessons(stage) if any(task.step == lesson.step for task in found))
    return {
        "stage": stage.name,
        "folder": str(folder),
        "write": sum(task.before is None for task in found),
        "change": sum(task.before is not None for task in found),
        "first": first.heading,
        "backups": kept,
    }
