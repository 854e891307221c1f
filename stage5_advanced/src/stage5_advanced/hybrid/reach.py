"""What a model refers to, through attributes, containers and functions: all that a call may change, to undo it."""

import dis
import os
import pickle
import random
import sys
from collections import deque
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from operator import attrgetter, itemgetter
from pathlib import Path
from types import CellType, FunctionType, MemberDescriptorType, MethodType, ModuleType

import numpy as np

from ..core import Function, Variable, array_types
from .structure import same

LIBRARIES = {*sys.stdlib_module_names, "numpy", "cupy"}  # their objects are not looked into
OWN = str(Path(__file__).parent.parent) + os.sep  # the files of this package
MANY = 1000  # elements
OPEN = ("SimpleNamespace", "Namespace", "UserDict", "UserList")  # but those of these classes are
LATEST = ("inputs", "outputs")  # attributes of a layer
WRAPPERS = (property, staticmethod, classmethod, cached_property, type(lru_cache(len)))
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)


class Names:
    """Those variables of a module that a function names."""

    def __init__(self, variables, names):
        self.variables = variables
        self.names = [name for name in names if name in variables]


class Slots:
    """The attributes of an object that its classes have in `__slots__`."""

    def __init__(self, x, names):
        self.variables, self.names = x, names


CHANGEABLE = (list, deque, set, dict, type, CellType, Names, Slots)  # what has `contents` that may change


class Generators:
    """The generators of NumPy and Python, and those among objects."""

    def __init__(self, objects):
        self.all = [np.random, random, *(x for x in objects if type(x) in GENERATORS)]

    def states(self):
        """Where each of them is; those of Python as bytes, which are quicker to compare."""
        found = []
        for g in self.all:
            if isinstance(g, np.random.Generator):
                found.append(g.bit_generator.state)
            else:
                found.append(pickle.dumps(g.getstate()) if hasattr(g, "getstate") else g.get_state(legacy=False))
        return found

    def reseed(self):
        """Let them give other random numbers."""
        for g in self.all:
            if isinstance(g, np.random.Generator):
                g.bit_generator.state = type(g.bit_generator)(1).state
            else:
                g.seed(1)

    def rewind(self, states):
        """Let them go on from earlier states."""
        for g, state in zip(self.all, states, strict=True):
            if isinstance(g, np.random.Generator):
                g.bit_generator.state = state
            elif hasattr(g, "setstate"):
                g.setstate(pickle.loads(state))
            else:
                g.set_state(state)


@contextmanager
def preserved(generators):
    """Let generators go on afterwards as if they had not been used."""
    states = generators.states()
    try:
        yield
    finally:
        generators.rewind(states)


class Kept:
    """What objects contain: elements, attributes, and where random numbers go on; to compare and to restore it."""

    def __init__(self, objects):
        self.layers = {id(vars(x)) for x in objects if is_layer(x)}
        self.contents = [(x, contents(x)) for x in objects if isinstance(x, CHANGEABLE)]
        self.variables = [(x, vars(x).copy()) for x in objects if isinstance(x, Variable)]
        arrays = [x for x in objects if isinstance(x, array_types)]
        self.arrays = [a for a in arrays if getattr(a.flags, "writeable", True)]
        self.generators = Generators(objects)
        self.states = self.generators.states()

    def changes(self):
        """Yield what is no longer the same: (id of what contains it, its name), and a text or None.

        The text says what it is that no program can do. Without a text are the elements that a call adds to a list or a
        dict if they are neither Variables nor arrays: it is assumed that the model only reports them.
        """
        for x, old in self.contents:
            new, of_layer = contents(x), id(x) in self.layers
            for name in [name for name in {**old, **new} if not (of_layer and name in LATEST)]:
                pair = [values[name] for values in (old, new) if name in values]
                if len(pair) != 2 or not same(*pair):
                    reason = of_layer or len(pair) == 2 or any(map(computed, pair))
                    yield (key_of(x), name), self.text(x, name) if reason else None
        for x, old in self.variables:
            if x.grad is not old.get("grad"):
                yield (id(vars(x)), "grad"), f"the gradient of {x.name or 'a Variable'}"

    def text(self, x, name):
        """What an object contains under a name, for readers."""
        if id(x) in self.layers:
            return f"the attribute {name} of a layer"
        if isinstance(x, dict):
            return f"{name!r} of an object or a dict"
        if isinstance(x, Names):
            return f"the variable {name}"
        if isinstance(x, (type, Slots)):
            return f"the attribute {name} of {'a class' if isinstance(x, type) else 'an object'}"
        return "a variable of a closure" if isinstance(x, CellType) else f"a {type(x).__name__}"

    def restore(self):
        """Make all as it was."""
        self.generators.rewind(self.states)
        for x, old in self.variables:
            vars(x).update(old)
        for x, old in self.contents:
            new = contents(x)
            if new.keys() != old.keys() or any(new[name] is not old[name] for name in old):
                refill(x, old)


class Watch:
    """What layers, functions, classes, containers and objects refer to: a program is valid as long as that is the same.

    skipped: (id of what contains it, name) of what calls change; of an array, (id, ""). Of objects of this package
    other than layers, such as optimizers, only attributes that functions name are watched. Not watched are containers
    and arrays with many elements, and arrays on a GPU.
    """

    def __init__(self, objects=(), skipped=()):
        self.picks, self.copies, self.cells = [], [], []
        arrays = [a for a in objects if type(a) is np.ndarray and (id(a), "") not in skipped]
        self.arrays = [(a, a.tobytes()) for a in arrays if a.size <= MANY]
        for x, known, whole in watched(objects, skipped):
            if isinstance(x, CellType):
                self.cells += [(x, value) for value in known.values()]
            elif isinstance(x, (list, deque, set)):
                self.copies += [(x, x.copy())] * whole
            elif known or whole:
                d = vars(x) if isinstance(x, type) else x if isinstance(x, dict) else x.variables
                pick = (attrgetter if isinstance(x, Slots) else itemgetter)(*known, *[*known][:1]) if known else len
                sized = d if whole else ()
                self.picks.append((d, pick, pick(d), sized, len(sized)))  # pick: a tuple, also of one name

    def changed(self):
        """Whether something is no longer the same."""
        try:
            for d, pick, values, sized, n in self.picks:
                if pick(d) != values or len(sized) != n:
                    return True
            for x, values in self.copies:
                if x != values:
                    return True
            for cell, value in self.cells:
                if cell.cell_contents is not value:
                    return True
            for a, values in self.arrays:
                if a.tobytes() != values:
                    return True
        except (AttributeError, KeyError, ValueError):  # nothing there; ValueError also from a comparison of arrays
            return True
        return False


def watched(objects, skipped):
    """Yield what can change, the contents to be watched, and whether there must not be others."""
    layers = [vars(x) for x in objects if is_layer(x)]
    lists = {id(d.get(name)) for d in layers for name in (*LATEST, "_params")}  # not what a call depends on
    layers = {*map(id, layers)}
    others = {id(vars(x)) for x in objects if hasattr(x, "__dict__") and of_package(type(x))} - layers
    named = {name for f in objects if isinstance(f, FunctionType) for name in all_names(f.__code__)}
    changed = {key for key, _ in skipped}
    for x in [x for x in objects if isinstance(x, CHANGEABLE) and id(x) not in lists]:
        known = {name: value for name, value in contents(x).items() if (key_of(x), name) not in skipped}
        whole = id(x) not in changed | others and not isinstance(x, (Names, Slots))
        if id(x) in layers:
            known = {name: value for name, value in known.items() if name not in LATEST}
        elif id(x) in others:
            known = {name: value for name, value in known.items() if name in named}
        if len(known) <= MANY or id(x) in layers:
            yield x, known, whole


def reach(roots, inside):
    """All that the roots refer to, each once. inside(x): x, or what is looked into instead of x.

    Not what libraries keep for themselves, nor the graph of a Variable.
    """
    found, waiting = {}, list(roots)
    for x in map(inside, waiting):
        if id(x) not in found and not passed(x):
            found[id(x)] = x
            waiting += references(x)  # the loop goes on with them
    return list(found.values())


def passed(x):
    """Whether there is nothing in an object that a call may change."""
    simple = isinstance(x, (str, int, float, type(None), ModuleType, Function))
    return simple or (isinstance(x, type) and not of_user([x]))


def references(x):
    """What an object refers to."""
    if isinstance(x, type):
        return [*of_user(x.__mro__), *contents(x).values()]
    if isinstance(x, (tuple, frozenset, *CHANGEABLE)):
        return [*contents(x).values(), *(x if isinstance(x, dict) else ())]
    if isinstance(x, FunctionType):
        own = [*([vars(x)] if vars(x) else []), x.__defaults__, x.__kwdefaults__, *(x.__closure__ or ())]
        return [*own, *(names for f in of_user([x]) for names in namespaces(f))]
    if isinstance(x, MethodType):
        return [x.__self__, x.__func__]
    if isinstance(x, partial):
        return [x.func, x.args, x.keywords]
    if isinstance(x, WRAPPERS):
        return [getattr(x, name) for name in ("__wrapped__", "fget", "func") if hasattr(x, name)]
    if isinstance(x, (Variable, array_types)) or (of_library(type(x)) and type(x).__name__ not in OPEN):
        return []
    kinds = of_user(type(x).__mro__)
    slots = [name for kind in kinds for name, f in vars(kind).items() if isinstance(f, MemberDescriptorType)]
    slots = [Slots(x, [name for name in slots if hasattr(x, name)])] if slots else []
    return [*([vars(x)] if hasattr(x, "__dict__") else []), *slots, *kinds]


def namespaces(f):
    """The Names of a function: global variables, and attributes of the user's modules among them or that it imports."""
    found, attributes = [Names(f.__globals__, names_in(f.__code__))], all_names(f.__code__)
    found.append(Names(sys.modules, names_in(f.__code__, "IMPORT_NAME")))
    for names in found:  # the loop goes on with what it finds
        modules = of_user(x for x in contents(names).values() if isinstance(x, ModuleType))
        for variables in [vars(x) for x in modules if "site-packages" not in file_of(x)]:
            if all(variables is not known.variables for known in found):
                found.append(Names(variables, attributes))
    return found


def is_layer(x):
    """Whether an object is a layer."""
    return "_params" in getattr(x, "__dict__", ())


def of_user(objects):
    """Those functions, classes and modules that are neither from Python or NumPy nor from this package."""
    return [x for x in objects if not (of_library(x) or of_package(x))]


def of_library(x):
    """Whether a function, a class or a module is from Python or NumPy."""
    return module_of(x).partition(".")[0] in LIBRARIES


def of_package(x):
    """Whether a function, a class or a module is from this package."""
    return file_of(sys.modules.get(module_of(x))).startswith(OWN)


def module_of(x):
    """The name of the module of a function or a class, or of a module itself."""
    return str(x.__name__ if isinstance(x, ModuleType) else x.__module__)


def file_of(module):
    """The file of a module; an empty string if it has none."""
    return getattr(module, "__file__", None) or ""


@lru_cache(maxsize=1000)
def names_in(code, operation="_GLOBAL"):
    """The names of global variables, or of imports, in the code of a function, and of those in it."""
    found = [step.argval for step in dis.get_instructions(code) if step.opname.endswith(operation)]
    parts = [part for part in code.co_consts if isinstance(part, type(code))]
    return tuple(dict.fromkeys([*found, *(name for part in parts for name in names_in(part, operation))]))


def all_names(code):
    """The names of global variables and of attributes in the code of a function, and of those in it."""
    parts = [part for part in code.co_consts if isinstance(part, type(code))]
    return {*code.co_names, *(name for part in parts for name in all_names(part))}


def contents(x):
    """What a container, a class, a cell of a closure, Names or Slots contains, by index, key, element or name."""
    if isinstance(x, type):
        return {k: v for k, v in vars(x).items() if not k.startswith("__") or isinstance(v, FunctionType)}
    if isinstance(x, Names):
        return {name: x.variables[name] for name in x.names if name in x.variables}
    if isinstance(x, Slots):
        return {name: getattr(x.variables, name) for name in x.names if hasattr(x.variables, name)}
    if isinstance(x, CellType):
        try:
            return {"": x.cell_contents}
        except ValueError:  # a variable without value
            return {}
    return dict(x) if isinstance(x, dict) else dict(zip(x, x, strict=True) if isinstance(x, set) else enumerate(x))


def refill(x, old):
    """Replace the contents of what `contents` takes by those of earlier."""
    if isinstance(x, (type, Slots)):
        owner = x if isinstance(x, type) else x.variables
        for name in contents(x).keys() - old.keys():
            delattr(owner, name)
        for name, value in old.items():
            setattr(owner, name, value)
    elif isinstance(x, CellType):
        if old:
            x.cell_contents = old[""]
        else:
            del x.cell_contents
    elif isinstance(x, (dict, Names)):
        variables = x if isinstance(x, dict) else x.variables
        for name in contents(x):
            del variables[name]
        for name, value in old.items():  # in their order; update of a Counter would add
            variables[name] = value
    else:
        x.clear()
        (x.update if isinstance(x, set) else x.extend)(old.values())


def computed(x):
    """Whether an object is a Variable or an array, or contains one."""
    return isinstance(x, (Variable, array_types)) or (isinstance(x, (list, tuple)) and any(map(computed, x)))


def key_of(x):
    """What identifies a container as long as it exists."""
    return id(x.variables if isinstance(x, (Names, Slots)) else x)
