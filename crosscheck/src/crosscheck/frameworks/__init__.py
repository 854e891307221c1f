"""The frameworks under test: the stages, PyTorch, and custom frameworks given on the command line."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

from .. import UsageError
from ..stages import Stage
from .base import Framework, Missing
from .book import BookStyle
from .custom import Custom

__all__ = ["BookStyle", "Framework", "Missing", "load_file", "load_stage", "load_torch"]

TORCH_HINT = 'PyTorch is not installed: python -m pip install -c constraints.txt -e "./crosscheck[torch]"'


def load_stage(stage: Stage) -> BookStyle:
    """The adapter of an installed stage. Raises UsageError if its package is missing or cannot be imported."""
    stage.require()
    try:
        return BookStyle.from_package(stage.name, stage.package, number=stage.number)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{stage.name} cannot be imported: {type(error).__name__}: {error}") from error


def load_torch() -> Framework:
    """The adapter of PyTorch, imported on demand, since parts of crosscheck work without PyTorch."""
    try:
        from .torch import TorchFramework
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UsageError(TORCH_HINT) from None
    return TorchFramework()


def load_file(path: pathlib.Path) -> Custom:
    """The adapter of a custom framework. Raises UsageError if it cannot be imported or its settings are invalid."""
    if not path.is_file():
        raise UsageError(f"--framework: there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"crosscheck_framework_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"--framework: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    arguments, sys.argv = sys.argv, [str(path)]  # crosscheck's own arguments are not for the file
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"--framework: {path} cannot be imported: {describe(error)}") from error
    finally:
        sys.argv = arguments
    try:
        return Custom(module, path.stem)
    except UsageError as error:
        raise UsageError(f"--framework: {path}: {error}") from None
    except Exception as error:  # a setting that cannot even be compared
        raise UsageError(f"--framework: {path}: its settings cannot be read: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """The error on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
