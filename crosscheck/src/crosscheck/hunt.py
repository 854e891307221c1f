"""`crosscheck hunt`: a stage with one planted bug, to be found by its symptoms; hints on request."""

from __future__ import annotations

import pathlib
import random
from typing import Any

from . import UsageError
from .exercise import Notes, functions_in, write_folder
from .faults import Fault, planted, read_faults
from .lessons import module_names, short
from .stages import Stage

INSTRUCTIONS = """\
# A bug in stage {number}

The package `{package}` in this folder is stage {number} with one bug in it. To see what it breaks, and whether it is
mended:

    crosscheck grade {folder}

For a hint, of which there are three, from the file to the line:

    crosscheck hunt {folder} --hint
"""


def write_hunt(stage: Stage, folder: pathlib.Path, seed: int | None) -> dict[str, Any]:
    """Write a copy of a stage with a bug drawn from those of `crosscheck faults`; without a seed, any."""
    faults = [fault for fault in read_faults() if fault.stage == stage.number]
    fault = (random.SystemRandom() if seed is None else random.Random(seed)).choice(faults)
    sources = {path.relative_to(stage.source).as_posix(): path for path in module_names(stage).values()}
    files = {f"{stage.package}/{name}": path.read_text(encoding="utf-8") for name, path in sources.items()}
    name = f"{stage.package}/{fault.file}"
    files[name] = planted(fault, files[name])
    files["README.md"] = INSTRUCTIONS.format(number=stage.number, package=stage.package, folder=folder)
    kept = write_folder(stage, folder, files, Notes(stage.number, fault.name))
    return {"stage": stage.name, "folder": str(folder), "backups": kept}


def fault_of(notes: Notes) -> Fault:
    """The bug of a hunt. Raises UsageError if there is none of this name."""
    for fault in read_faults():
        if (fault.stage, fault.name) == (notes.stage, notes.fault):
            return fault
    raise UsageError(f"there is no planted bug {notes.fault!r} of stage {notes.stage}")


def hint(folder: pathlib.Path) -> str:
    """The next hint: the file, the definition, then the line."""
    notes = Notes.read(folder)
    if not notes.fault:
        raise UsageError(f"{folder} contains an exercise, not a hunt: its README.md says what to do")
    fault = fault_of(notes)
    hints = hints_of(notes.of, fault)
    notes.hints = min(notes.hints + 1, len(hints))
    notes.write(folder)
    return f"Hint {notes.hints} of {len(hints)}: {hints[notes.hints - 1]}"


def hints_of(stage: Stage, fault: Fault) -> list[str]:
    path = stage.source / fault.file
    source = path.read_text(encoding="utf-8")
    first = source[: source.index(fault.old)].count("\n") + 1
    modules = module_names(stage)
    module = next(name for name, file in modules.items() if file == path)
    around = [
        name
        for name, node in functions_in(source, module)
        if node.lineno <= first + fault.old.count("\n") and first <= (node.end_lineno or 0)
    ]
    where = f"it is in {short(around[0], modules)}" if around else "it is outside functions and methods"
    return [f"the bug is in {fault.file}", where, f"line {first}, where the stage has\n{fault.old}"]
