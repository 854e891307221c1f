"""What a computation uses of a stage: the public names it calls, the defaults it relies on, the errors it raises.

A recorder is a stage whose functions are wrapped on lookup. While it records, the methods of the stage's classes are
replaced by wrappers, too. The first case of a cell runs on a recorder; wrappers change no argument and no result.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import pathlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, ModuleType
from typing import Any

from .frameworks import BookStyle
from .handover import WATCHED, watched

TAG = re.compile(
    r"\[(step \d+|not in the book)"
)  # in the docstring of what a reader of the book or of the README may call
PARTS = (
    *("functions", "layers", "models", "optimizers", "initializers"),
    *("dataloaders", "datasets", "transforms", "training", "scratch", "cuda"),
    *("distributed", "hybrid", "prefetch", "records", "scores", "synthetic", "text", "vision"),
)
Called = dict[str, frozenset[str]]  # public name -> parameters that some call left at their defaults
Defaults = Sequence[tuple[str, int]]  # the parameters that have a default, with their positions
Place = tuple[type, str]  # a class and the name of its attribute
INHERITED = object()  # instead of a method that a class does not define itself


def code_of(value: Any) -> Any:
    """The function of a property, a static method or a class method; anything else unchanged."""
    return value.fget if isinstance(value, property) else getattr(value, "__func__", value)


class Surface:
    """The public names of a stage, as users reach them: `functions.exp`, `layers.Linear`, `Variable.backward`, `grad`.

    Public is what the package, `functions` and `utils` export, and what the other PARTS define with a step in the
    docstring; of a public class, methods and properties without an underscore, and special methods with a docstring.
    """

    def __init__(self, framework: BookStyle):
        self.package = framework.modules[0]
        self.objects: dict[str, Any] = {}  # name -> function or class
        self.names: dict[tuple[str, int], str] = {}  # (exported name, id of the object) -> name
        self.methods: dict[str, tuple[type, str]] = {}  # name -> its class and attribute
        found = {name: getattr(self.package, name) for name in dir(self.package)}  # some may be imported only now
        for module in [*(found[part] for part in PARTS if part in found), self.package, found.get("utils")]:
            for exported in dir(module) if module else ():
                value = getattr(module, exported)
                if (exported, id(value)) not in self.names and self.is_public(module, exported, value):
                    self.add(module.__name__[len(self.package.__name__) + 1 :], exported, value)

    def is_public(self, module: ModuleType, exported: str, value: Any) -> bool:
        if exported.startswith("_") or not (inspect.isfunction(value) or inspect.isclass(value)):
            return False
        part = module.__name__.rpartition(".")[2]
        if part in PARTS[1:]:
            return value.__module__.startswith(module.__name__) and bool(TAG.search(value.__doc__ or ""))
        return bool(value.__module__.startswith(f"{self.package.__name__}."))

    def add(self, part: str, exported: str, value: Any) -> None:
        name = f"{part}.{exported}".lstrip(".")
        self.objects[name] = value
        self.names[exported, id(value)] = name
        if inspect.isclass(value) and exported == value.__name__ and not self.is_function_class(value):
            for attribute, method in vars(value).items():
                if self.is_public_method(value, attribute, method):
                    self.methods[f"{name}.{attribute}"] = value, attribute

    def is_function_class(self, value: Any) -> bool:
        """Whether it is the class behind a function; its methods are not for users."""
        Function = self.package.Function
        return value is not Function and issubclass(value, Function)

    def is_public_method(self, owner: type, attribute: str, method: Any) -> bool:
        code = code_of(method)
        if not inspect.isfunction(code) or attribute == "__init__":
            return False
        if attribute.startswith("__"):
            return bool(code.__doc__) or self.is_operator(owner, attribute)
        return not attribute.startswith("_")

    def signatures(self) -> dict[str, Callable[..., Any] | None]:
        """Every public name, with the function whose defaults it has."""
        found: dict[str, Callable[..., Any] | None] = {}
        for name, value in self.objects.items():
            found[name] = value
            if inspect.isclass(value):  # another name of a class is recorded without defaults
                found[name] = initializer(value) if name.rpartition(".")[2] == value.__name__ else None
        return found | {name: code_of(vars(owner)[a]) for name, (owner, a) in self.methods.items()}

    def defaults(self) -> dict[str, tuple[str, ...]]:
        """Every public name, with its parameters that have a default."""
        return {name: tuple(n for n, _ in with_default(f)) for name, f in self.signatures().items()}

    def functions(self) -> dict[str, str]:
        """The functions of F: their names there -> their public names."""
        F = vars(self.package.functions).items()
        return {n: self.names[n, id(f)] for n, f in F if inspect.isfunction(f) and (n, id(f)) in self.names}

    def differentiable(self) -> tuple[str, ...]:
        """The functions of F, and the operators and methods that are assigned to Variable outside its class."""
        return (*self.functions().values(), *(n for n, method in self.methods.items() if self.is_operator(*method)))

    def is_operator(self, owner: type, attribute: str) -> bool:
        """Whether it is assigned to Variable from another module."""
        return owner is self.package.Variable and code_of(vars(owner)[attribute]).__module__ != owner.__module__


def initializer(owner: type) -> Any:
    """The `__init__` of a class, if it or a base class defines one in Python."""
    return next((vars(base)["__init__"] for base in owner.__mro__[:-1] if "__init__" in vars(base)), None)


def with_default(f: Callable[..., Any] | None) -> list[tuple[str, int]]:
    """The parameters that have a default, with their positions (large for keyword-only ones)."""
    if not inspect.isfunction(f):
        return []
    parameters = inspect.signature(f).parameters.values()
    return [
        (p.name, 10**6 if p.kind is p.KEYWORD_ONLY else i) for i, p in enumerate(parameters) if p.default is not p.empty
    ]


class Wrappers(ModuleType):
    """What records: methods that replace those of a stage, and functions; and what they have recorded.

    A method that can record nothing more gives its place back to the original. It is a module, so that `hybridize`,
    which looks into the attributes of what a model refers to, does not look into these.
    """

    def __init__(self, framework: BookStyle):
        super().__init__("wrappers")
        self.called: dict[str, set[str]] = {}
        self.complete: set[Place | str] = set()  # a further call there, or of this name, would record nothing
        self.broken: list[str] = []  # violated invariants of memory
        self.prefix = f"{framework.modules[0].__name__}."
        self.surface = Surface(framework)
        self.made: dict[str, Any] = {}  # name -> wrapper of a function or a method
        self.replaced = self.replacements()
        self.originals = {(owner, a): vars(owner).get(a, INHERITED) for owner, a in self.replaced}
        self.spent: list[Place] = []  # where the original is back already

    def replacements(self) -> dict[Place, Any]:
        """What is replaced while recording, by wrappers."""
        surface = self.surface
        classes = [c for c in surface.objects.values() if inspect.isclass(c) and (c.__name__, id(c)) in surface.names]
        found = {(owner, a): self.method(n, owner, a) for n, (owner, a) in surface.methods.items()}
        found |= {(c, "__init__"): self.of_class(c, "__init__") for c in classes if initializer(c) is not None}
        functions = filter(surface.is_function_class, classes)
        return found | {(c, "__call__"): self.of_class(c, "__call__") for c in functions}

    def put(self, methods: Mapping[Place, Any]) -> None:
        """Replace methods of classes."""
        for (owner, attribute), method in methods.items():
            if method is not INHERITED:
                setattr(owner, attribute, method)
            elif attribute in vars(owner):
                delattr(owner, attribute)

    def begin(self, in_place: bool) -> None:
        """Forget what is recorded, and put the wrappers in place; in_place: all but the spent ones are."""
        for kept in (self.called, self.complete, self.broken):
            kept.clear()
        self.put({place: self.replaced[place] for place in self.spent} if in_place else self.replaced)
        self.spent.clear()

    def note(self, name: str, defaults: Defaults, arguments: Any, options: Any, at: Place | str) -> None:
        """Record a call. at: the place of the wrapper, which the original gets back if that was all; or its name."""
        left = self.called.setdefault(name, set())
        if len(left) < len(defaults):
            left.update(p for p, position in defaults if position >= len(arguments) and p not in options)
        if len(left) == len(defaults):
            self.complete.add(at)
            if not isinstance(at, str):
                self.spent.append(at)
                self.put({at: self.originals[at]})

    def function(self, name: str, f: Callable[..., Any]) -> Any:
        """A function that records its calls."""
        if name not in self.made:
            self.made[name] = self.recorded(name, f)
        return self.made[name]

    def recorded(
        self, name: str, f: Callable[..., Any], place: Place | None = None, outside_only: bool = False
    ) -> Callable[..., Any]:
        """f, recording its calls under this name. outside_only: not those that the stage itself makes."""
        defaults, at = with_default(f), place or name

        def call(*arguments: Any, **options: Any) -> Any:
            if at not in self.complete and not (outside_only and self.within_stage(sys._getframe(1))):
                self.note(name, defaults, arguments, options, at)
            return f(*arguments, **options)

        return functools.wraps(f)(call)

    def within_stage(self, frame: FrameType) -> bool:
        """Whether a frame runs code of the stage."""
        return f"{frame.f_globals['__name__']}.".startswith(self.prefix)

    def method(self, name: str, owner: type, attribute: str) -> Any:
        """A method that records its calls, and what it does to memory if that is watched."""
        if name not in self.made:
            value = vars(owner)[attribute]
            code, place = code_of(value), None if attribute in WATCHED else (owner, attribute)
            if attribute in WATCHED:
                code = watched(code, self.surface.package.__name__, self.broken)
            wrapper = self.recorded(name, code, place, self.surface.is_operator(owner, attribute))
            if isinstance(value, property):
                self.made[name] = property(wrapper, value.fset, value.fdel)
            else:
                self.made[name] = type(value)(wrapper) if hasattr(value, "__func__") else wrapper
        return self.made[name]

    def of_class(self, owner: type, attribute: str) -> Any:
        """A special method of a class, recorded under the name of the class if it is that of the object, or its
        nearest public base.
        """
        name = self.surface.names[owner.__name__, id(owner)]
        own = vars(owner).get(attribute)
        defaults = with_default(initializer(owner)) if attribute == "__init__" else []
        place = owner, attribute

        def call(instance: Any, *arguments: Any, **options: Any) -> Any:
            if place not in self.complete and self.public_class(type(instance)) is owner:
                self.note(name, defaults, (instance, *arguments), options, place)
            if own is None:
                return getattr(super(owner, instance), attribute)(*arguments, **options)
            return own(instance, *arguments, **options)

        return functools.wraps(own or getattr(super(owner, owner), attribute))(call)

    def public_class(self, kind: type) -> type:
        """A class or the nearest of its bases that is public."""
        return next(base for base in kind.__mro__ if (base.__name__, id(base)) in self.surface.names)


class Recorder(BookStyle):
    """A stage that records what a computation uses of it; `with recorder:` around the computation."""

    def __init__(self, framework: BookStyle):
        self.wrappers = Wrappers(framework)
        self.stays = False  # whether the wrappers are in place between recordings
        self.folder = pathlib.Path(str(framework.modules[0].__file__)).parent
        super().__init__(framework.name, framework.modules, framework.number)

    @property
    def broken(self) -> list[str]:  # type: ignore[override]
        """Violated invariants of memory."""
        return self.wrappers.broken

    def __enter__(self) -> Recorder:
        self.wrappers.begin(in_place=self.stays)
        return self

    def __exit__(self, *_: object) -> None:
        if not self.stays:
            self.wrappers.put(self.wrappers.originals)

    def stay(self, stays: bool) -> None:
        """Leave the wrappers in place between recordings, or no longer: replacing a thousand methods takes time."""
        self.stays = stays
        if stays:
            self.wrappers.begin(in_place=False)
        else:
            self.wrappers.put(self.wrappers.originals)

    def taken(self) -> Called:
        """What was called, and which parameters were left at their defaults."""
        return {name: frozenset(left) for name, left in self.wrappers.called.items()}

    def find(self, name: str) -> Any:
        return self.seen(name, super().find(name))

    def seen(self, name: str, found: Any) -> Any:
        """What a computation gets for a name."""
        wrappers = self.wrappers
        if inspect.ismodule(found) and found.__name__.startswith(wrappers.prefix):
            return View(self, found)
        public = wrappers.surface.names.get((name, id(found)))
        if public is not None and inspect.isclass(found) and (initializer(found) is None or name != found.__name__):
            wrappers.called.setdefault(public, set())  # its construction records nothing, or another name
        return wrappers.function(public, found) if public is not None and inspect.isfunction(found) else found


class View(ModuleType):
    """A module of a stage, seen through a recorder; `hybridize` does not look into it, as into that module."""

    def __init__(self, recorder: Recorder, module: ModuleType):
        super().__init__(module.__name__)
        self._recorder = recorder
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return self._recorder.seen(name, getattr(self._module, name))


def lines_of(error: BaseException, folder: pathlib.Path) -> frozenset[tuple[str, int]]:
    """(file, line) of each frame in which an error or one of its causes was raised, of files in this folder."""
    found = set()
    pending: list[BaseException | None] = [error]
    met: list[BaseException] = []
    while pending:
        current = pending.pop()
        if current is None or current in met:
            continue
        met.append(current)
        pending += [current.__cause__, current.__context__]
        place = current.__traceback__
        while place is not None:
            file = pathlib.Path(place.tb_frame.f_code.co_filename)
            with contextlib.suppress(ValueError):
                found.add((file.relative_to(folder).as_posix(), place.tb_lineno))
            place = place.tb_next
    return frozenset(found)
