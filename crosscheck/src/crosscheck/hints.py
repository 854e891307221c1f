"""Hints for errors in scripts written for `dezero`: the step that adds what a stage does not have yet."""

from __future__ import annotations

import contextlib
import re
import sys
import types

from . import UsageError
from .stages import STAGES, Stage

NAME = "dezero"
PARTS = {  # a module of the book -> the modules of the stages that contain its names
    "core": ("core", "config", "functions.arithmetic", "operators"),
    "functions_conv": ("functions.conv", "functions.pool"),
    "models": ("models", "blocks"),
}
UNLISTED = {"core_simple": 23, "utils": 26, "T": 38, "functions_conv": 57}  # in no lesson under this name
ADDS = "step {} (stage {}) adds this; this is stage {}"
MESSAGES = (  # errors of Python, the step that adds what is missing, what to print
    (r"has no len\(\)", 19, ADDS),
    (r"unsupported operand type\(s\) for [+*]: .*'Variable'", 20, ADDS),
    (r"(unsupported operand type\(s\) for (-|/|\*\* or pow\(\))|bad operand type for unary -): .*'Variable'", 22, ADDS),
    (r"unexpected keyword argument 'retain_grad'", 18, ADDS),
    (r"unexpected keyword argument 'create_graph'", 32, ADDS),
    (
        r"memoryview",
        32,
        "write x.grad, not x.grad.data: gradients are Variables from step {} (stage {}) on, not in stage {}",
    ),
    (r"unsupported operand type\(s\) for @: .*'Variable'", 41, ADDS),
    (r"'Variable' object is not subscriptable", 47, ADDS),
)
ONE_ELEMENT = r"only 0-dimensional arrays can be converted to Python scalars"
ITEM = "since NumPy 2.4 an array such as [1.5] is not converted to a number: write y.data.item() instead of y.data"


def hint(stage: Stage, error: BaseException) -> str:
    """The step that adds what an error misses, or what to write instead; empty if neither is known."""
    if isinstance(error, TypeError):
        for message, step, text in MESSAGES:
            if re.search(message, str(error)) and stage_of(step) > stage.number:
                return text.format(step, stage_of(step), stage.number)
        return ITEM if re.search(ONE_ELEMENT, str(error)) else ""
    for where, name in missing(error):
        package, _, module = where.partition(".")
        if package in (NAME, stage.package):
            if (found := step_of(stage, module, name)) is not None:
                return ADDS.format(found, stage_of(found), stage.number)
            for other in ("core", "functions", "layers", "models", "optimizers", "datasets", "utils"):
                if hasattr(sys.modules.get(f"{stage.package}.{other}"), name):
                    return f"stage {stage.number} has {NAME}.{other}.{name}"
    return ""


def missing(error: BaseException) -> list[tuple[str, str]]:
    """What an error says is missing: modules and the names in them; methods are written `Variable.reshape`."""
    match error:
        case ModuleNotFoundError(name=str(full)):
            where, _, name = full.rpartition(".")
            return [(where, name)]
        case ImportError(name=str(where)):
            return [(where, name) for name in re.findall(r"cannot import name '(\w+)'", str(error))]
        case AttributeError(obj=types.ModuleType(__name__=where), name=str(name)):
            return [(where, name)]
        case AttributeError(name=str(name)):
            return [(kind.__module__, f"{kind.__name__}.{name}") for kind in type(error.obj).__mro__]
    return []


def step_of(stage: Stage, module: str, name: str) -> int | None:
    """The step of a later stage that adds a name to a module of the book, according to the lessons."""
    from .lessons import lessons

    adds: dict[str, int] = {}
    for later in STAGES[stage.number :]:
        with contextlib.suppress(UsageError, OSError, ValueError, KeyError):  # installed without lessons, or not at all
            for lesson in lessons(later):
                adds = dict.fromkeys(lesson.adds, lesson.step) | adds
    kind, _, last = name.rpartition(".")
    places = tuple(f"{place}.".lstrip(".") for place in PARTS.get(module, (module,)))
    named = {
        full: step for full, step in adds.items() if full.endswith(f".{name}") and full.removesuffix(name).islower()
    }
    inside = [step for full, step in named.items() if full.startswith(places)]
    modules = [step for full, step in adds.items() if not module and full.startswith(f"{name}.")]
    functions = [
        step for full, step in adds.items() if kind == "Variable" and re.match(rf"functions\.\w+\.{last}$", full)
    ]
    unlisted = [UNLISTED[last]] if stage_of(UNLISTED.get(last, 0)) > stage.number else []
    return next((min(steps) for steps in (unlisted, modules, inside, [*named.values()], functions) if steps), None)


def stage_of(step: int) -> int:
    return next((stage.number for stage in STAGES if step in stage.steps), 0)
