"""Import a stage from memory, with one file replaced: nothing is written, and nothing is left behind."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from types import CodeType, ModuleType

from ..frameworks import BookStyle
from ..stages import Stage


class Copy(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """A stage's modules as compiled code, found before the installed ones."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self.paths = {
            ".".join((stage.package, *path.relative_to(stage.source).with_suffix("").parts)).removesuffix(
                ".__init__"
            ): path
            for path in stage.source.rglob("*.py")
        }
        self.codes = {name: compile(path.read_bytes(), str(path), "exec") for name, path in self.paths.items()}

    def module(self, file: str) -> str:
        """functions/loss.py -> stage5_advanced.functions.loss"""
        return next(name for name, path in self.paths.items() if path == self.stage.source / file)

    @contextlib.contextmanager
    def planted(self, file: str, text: str) -> Iterator[BookStyle]:
        """In the block, the stage with another text of a file. Raises whatever compiling or importing it raises."""
        name, sound = self.module(file), self.codes.copy()
        self.codes[name] = compile(text, str(self.paths[name]), "exec")
        modules = self.exchange({})
        try:
            yield self.load()
        finally:
            self.codes = sound
            self.exchange(modules)

    def load(self) -> BookStyle:
        """Import all modules anew, also those that functions import: later imports find them."""
        sys.meta_path.insert(0, self)
        try:
            framework = BookStyle.from_package(self.stage.name, self.stage.package, number=self.stage.number)
            for name in self.paths:
                importlib.import_module(name)
            return framework
        finally:
            sys.meta_path.remove(self)

    def exchange(self, modules: dict[str, ModuleType]) -> dict[str, ModuleType]:
        """Make these the imported modules of the stage; return those that were."""
        found = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == self.stage.package}
        sys.modules.update(modules)
        return found

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self.paths:
            return None
        place = self.paths[name]
        folders = [str(place.parent)] if place.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, place, loader=self, submodule_search_locations=folders)

    def exec_module(self, module: ModuleType) -> None:
        code: CodeType = self.codes[module.__name__]
        exec(code, module.__dict__)
