"""Finished stages: what is recorded of each, what only grows from one to the next, and what none may mention."""

from __future__ import annotations

import datetime
import functools
import hashlib
import inspect
import itertools
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import UsageError
from .files import write_text
from .frameworks import load_stage
from .recorder import Surface
from .stages import STAGES, Stage

RECORD = "frozen.txt"  # a line for each file and each public name, sorted, so that two branches can be merged
HISTORY = "CHANGELOG.md"
GENERATED = re.compile(r"\..*|__pycache__|build|dist|.*\.egg-info")  # names of folders and files that are no source
TEXT = {".py", ".md", ".toml", ".txt", ".ipynb", ".json", ""}  # whose line ends may be those of Windows
ALIASES = {"F": "functions", "L": "layers"}
SHOWN = 10  # differences in an entry of the history


# --- what a stage is ---


def contents(stage: Stage) -> dict[str, str]:
    """What is recorded: `file PATH` -> its hash, `name NAME` -> its parameters."""
    found = {f"file {path}": digest(stage.folder / path) for path in sources(stage)}
    return found | {f"name {name}": parameters(f) for name, f in interface(stage).items()}


def sources(stage: Stage) -> list[str]:
    """The files of a stage's folder, except its record and its history."""
    folder = stage.folder
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    own = (path for path in paths if not any(GENERATED.fullmatch(part) for part in path.parts))
    return sorted(path.as_posix() for path in own if path.as_posix() not in (RECORD, HISTORY))


def digest(path: pathlib.Path) -> str:
    data = path.read_bytes()
    return hashlib.sha256(data.replace(b"\r\n", b"\n") if path.suffix in TEXT else data).hexdigest()[:32]


@functools.cache
def interface(stage: Stage) -> Mapping[str, Callable[..., Any] | None]:
    """Every public name of a stage, as users reach it, with the function whose parameters it has."""
    return Surface(load_stage(stage)).signatures()


def parameters(f: Callable[..., Any] | None) -> str:
    """`(x, axis=None)`, the same in every version of Python; empty for what has none."""
    if not inspect.isfunction(f):
        return ""
    shown = []
    for p in inspect.signature(f).parameters.values():
        plain = repr(p.default) if isinstance(p.default, int | float | str | tuple | None) else name_of(p.default)
        shown.append(p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else Shown(plain)))
    return str(inspect.Signature(shown))


class Shown(str):
    """A text that is its own repr."""

    def __repr__(self) -> str:
        return str(self)


def name_of(value: object) -> str:
    return str(getattr(value, "__name__", type(value).__name__))


# --- the record ---


def read(stage: Stage) -> dict[str, str] | None:
    """What was recorded of a stage, or None. Raises UsageError if the record is damaged."""
    path = stage.folder / RECORD
    if not path.is_file():
        return None
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"(file \S+) ([0-9a-f]{32})|(name [\w.]+)(\(.*\))?", line)
        if match is None:
            raise UsageError(f"{path} is damaged: expected `file PATH HASH` or `name NAME(PARAMETERS)`, got {line!r}")
        found[match[1] or match[3]] = match[2] or match[4] or ""
    return found


def as_text(found: Mapping[str, str]) -> str:
    return "".join(f"{key}{' ' * key.startswith('file ')}{value}\n" for key, value in sorted(found.items()))


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What differs from a record, in words."""
    found = []
    for key in sorted(before.keys() | after.keys()):
        kind, _, name = key.partition(" ")
        if key not in after:
            found.append(f"{name} is missing")
        elif key not in before:
            found.append(f"{name} is new")
        elif before[key] != after[key]:
            found.append(f"{name} has changed" if kind == "file" else f"{name}{before[key]} is now {name}{after[key]}")
    return found


def update(stage: Stage, why: str) -> list[str]:
    """Record a stage as it is, with the reason in its history; return what differs from the record before."""
    before, after = read(stage), contents(stage)
    if before == after:
        return []
    if before is None:
        files = sum(key.startswith("file ") for key in after)
        found = [f"{files} files and {len(after) - files} public names"]
    else:
        found = differences(before, after)
    rest = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    entry = f"- {datetime.date.today()}: {' '.join(why.split()).rstrip('.')}. ({', '.join(found[:SHOWN])}{rest})\n"
    path = stage.folder / HISTORY
    title = f"# Changes of stage {stage.number}\n\nCorrections since the stage was recorded, newest first.\n"
    head, gap, entries = (path.read_text(encoding="utf-8") if path.is_file() else title + "\n").partition("\n\n- ")
    try:
        write_text(path, f"{head.rstrip()}\n\n{entry}{gap.strip()}{' ' * bool(gap)}{entries}")
        write_text(stage.folder / RECORD, as_text(after))
    except OSError as error:
        raise UsageError(f"freeze: cannot write to {stage.folder}: {error.strerror}") from error
    return found


# --- the checks ---


def problems(stage: Stage) -> list[str]:
    """How a stage differs from its record, what it lost since the stage before, and what it has too early."""
    before = read(stage)
    changed = ["has no record"] if before is None else differences(before, contents(stage))
    return [*changed, *lost(stage), *too_early(stage)]


def lost(stage: Stage) -> Iterator[str]:
    """Public names of the stage before that this one does not have, or that cannot be called as before."""
    earlier = next((a for a, b in itertools.pairwise(STAGES) if b == stage), None)
    names = interface(stage)
    for name, f in (interface(earlier) if earlier else {}).items():
        if name not in names and not reached(stage, name):
            yield f"{name} of {earlier.name if earlier else ''} is missing"
        elif name in names and not accepts(names[name], f):
            yield f"{name}{parameters(f)} of {earlier.name if earlier else ''} is now {name}{parameters(names[name])}"


def reached(stage: Stage, name: str) -> bool:
    """Whether a name leads to an object, such as one that `utils` takes from another module."""
    found: Any = load_stage(stage).modules[0]
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is not None


def accepts(after: Callable[..., Any] | None, before: Callable[..., Any] | None) -> bool:
    """Whether a function can be called as before: its positional parameters begin as before, none has gone."""
    if not (inspect.isfunction(after) and inspect.isfunction(before)):
        return True
    old, new = inspect.signature(before).parameters.values(), inspect.signature(after).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in new):
        return True
    ordered, later = ([p.name for p in side if p.kind is p.POSITIONAL_OR_KEYWORD] for side in (old, new))
    return later[: len(ordered)] == ordered and {p.name for p in old} <= {p.name for p in new}


def too_early(stage: Stage) -> Iterator[str]:
    """What belongs to a later stage, in the sources, tests, steps and pages of this one."""
    later = [other for other in STAGES if other.number > stage.number]
    own = {last_two(name) for name in interface(stage)}
    newer = {last_two(name): other for other in reversed(later) for name in interface(other)}
    packages = re.compile("|".join(other.package for other in later) or "(?!)")
    calls = {name.rpartition(".")[2] for name in newer} - {name.rpartition(".")[2] for name in own}
    for path in sources(stage):
        if pathlib.PurePath(path).suffix not in (".py", ".md"):
            continue
        text = (stage.folder / path).read_text(encoding="utf-8")
        yield from (f"{path} mentions {name}" for name in sorted(set(packages.findall(text))))
        mentioned = {f"{ALIASES.get(a, a)}.{b}" for a, b in re.findall(r"\b([A-Za-z]\w*)\.([A-Za-z]\w*)", text)}
        for name in sorted((mentioned & newer.keys()) - own):
            yield f"{path} mentions {name} of {newer[name].name}"
        quoted = {call for span in re.findall(r"`([^`\n]+)`", text) for call in re.findall(r"(?<![.\w])(\w+)\(", span)}
        yield from (f"{path} mentions {name}() of a later stage" for name in sorted(quoted & calls))


def last_two(name: str) -> str:
    """`layers.Linear.forward` -> `Linear.forward`; a name of the package itself belongs to its facade."""
    return ".".join(name.split(".")[-2:])


# --- the command ---


def check_report(json_target: str | None) -> int:
    """Print the problems of all stages. Exit status 1 if there is one."""
    from .report.out import output

    found = {stage.name: problems(stage) for stage in STAGES}

    def text() -> None:
        for name, said in found.items():
            for problem in said:
                print(f"{name}: {problem}")
        number = sum(map(len, found.values()))
        print(f"{number} problem{'s' * (number > 1)}" if number else "every stage is as recorded")

    output({"problems": found}, json_target, text)
    return int(any(found.values()))


def update_report(stages: Sequence[Stage], why: str, json_target: str | None) -> int:
    """Record the stages and print what differed."""
    from .report.out import output

    found = {stage.name: update(stage, why) for stage in stages}

    def text() -> None:
        for name, said in found.items():
            print(f"{name}: {', '.join(said) or 'nothing has changed'}")

    output({"recorded": found}, json_target, text)
    return 0
