"""What an error in a computation says about the framework: that it lacks a name, or that it failed."""

from __future__ import annotations

import os
import pathlib
import re
import traceback

from .frameworks import Framework, Missing

# Messages for a missing name, operator, keyword or argument.
LACKS = re.compile(
    r"unsupported operand type|bad operand type|has no attribute|unexpected keyword|positional argument"
    r"|not subscriptable|argument must be a|cannot import|has no len|cannot unpack|no keyword arguments"
    r"|cannot create weak reference|expected (a )?Variables?, got|expected a numpy.ndarray|expected a number"
    r"|indices must be integers"
)
OPERATOR = re.compile(r"operand type(?:\(s\))? for (?:unary )?(\S+?)(?: or pow\(\))?: ")
KEYWORD = re.compile(r"([\w.]+)\(\) got an unexpected keyword argument '(\w+)'")
HERE = pathlib.Path(__file__).parent
RECORDER = str(HERE / "recorder.py")
COMPUTATIONS, FRAMEWORKS = (f"{HERE / folder}{os.sep}" for folder in ("computations", "frameworks"))


def kind_of(error: BaseException, framework: Framework, early: bool) -> str:
    """missing: the framework lacks something; exception: it failed; adapter: the adapter failed.

    early: the stage is not expected to support everything, so a message that matches LACKS means missing. In a custom
    framework it does if the computation itself raised the error.
    """
    if isinstance(error, Missing | ImportError):
        return "missing"
    file = origin(error)[0]
    stumbled = framework.custom and file.startswith(COMPUTATIONS)
    if (early or stumbled) and LACKS.search(str(error)):
        return "missing"
    return "adapter" if file.startswith(FRAMEWORKS) else "exception"


def origin(error: BaseException) -> tuple[str, int, str]:
    """The file, the line and the name of the function in which it was raised; a recorder's wrappers are left out."""
    places = [(f.f_code.co_filename, line, f.f_code.co_name) for f, line in traceback.walk_tb(error.__traceback__)]
    return [place for place in places if place[0] != RECORDER][-1]


def lacking(error: BaseException) -> str:
    """The name that a custom framework lacks: conv2d, Variable.max, operator **, sum(axis) or the error's message."""
    if isinstance(error, Missing):
        return str(error.name)
    if isinstance(error, AttributeError) and error.name:
        return f"{type(error.obj).__name__}.{error.name}"
    if found := OPERATOR.search(str(error)):
        return f"operator {found[1]}"
    if found := KEYWORD.search(str(error)):
        return f"{found[1].strip('.')}({found[2]})"
    return " ".join(str(error).split())


def describe(error: BaseException) -> str:
    """The error and where it was raised."""
    file, line, name = origin(error)
    return f"{type(error).__name__}: {error} ({os.path.basename(file)}:{line} in {name})"
