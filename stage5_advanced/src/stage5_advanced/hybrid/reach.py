"""What a model refers to, through attributes, containers and functions: all that a call may change, to undo it."""

import dis
import os
import pickle
import random
import sys
from collections import deque
from contextlib import contextmanager
from functools import lru_cache, partial
from operator import itemgetter
from pathlib import Path
from types import CellType, FunctionType, MethodType, ModuleType, SimpleNamespace

import numpy as np

from ..core import Function, Variable, array_types
from .structure import same

LIBRARIES = {*sys.stdlib_module_names, "numpy", "cupy"}  # their objects are not looked into
OWN = str(Path(__file__).parent.parent) + os.sep  # the files of this package
MANY = 64  # elements
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)


class Names:
    """The global variables of a module that a function names."""

    def __init__(self, f):
        self.variables = f.__globals__
        self.names = [name for name in names_in(f.__code__) if name in f.__globals__]


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
        self.contents = [(x, contents(x)) for x in objects if isinstance(x, (list, deque, set, dict, CellType, Names))]
        self.variables = [(x, vars(x).copy()) for x in objects if isinstance(x, Variable)]
        arrays = [x for x in objects if isinstance(x, array_types)]
        self.arrays = [a for a in arrays if getattr(a.flags, "writeable", True)]
        self.generators = Generators(objects)
        self.states = self.generators.states()

    def changes(self):
        """Yield what is no longer the same: (id of what contains it, its name), and a text or None.

        The text says what it is that no program can do: change an attribute of a layer, or a Variable or an array.
        Of numbers and texts elsewhere it is assumed that the model only reports them.
        """
        for x, old in self.contents:
            new, of_layer = contents(x), id(x) in self.layers
            for name in [name for name in {**old, **new} if not (of_layer and name in ("inputs", "outputs"))]:
                pair = [values[name] for values in (old, new) if name in values]
                if len(pair) != 2 or not same(*pair):
                    yield (key_of(x), name), self.text(x, name) if of_layer or any(map(computed, pair)) else None
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
    """What layers, functions, containers and objects refer to: a program is valid as long as that is the same.

    skipped: (id of what contains it, name) of what calls change. Not watched: containers with many elements, and the
    attributes of objects of this package other than layers, such as optimizers.
    """

    def __init__(self, objects=(), skipped=()):
        self.dicts, self.lists, self.cells = [], [], []
        layers = {id(vars(x)): x._params for x in objects if is_layer(x)}
        passed = {id(vars(x)) for x in objects if hasattr(x, "__dict__") and of_package(type(x)) and not is_layer(x)}
        passed |= {*map(id, layers.values())}  # their lengths are enough
        for x in [x for x in objects if isinstance(x, (dict, list, CellType, Names)) and id(x) not in passed]:
            known = {name: value for name, value in contents(x).items() if (key_of(x), name) not in skipped}
            if id(x) in layers:
                known = {name: value for name, value in known.items() if name not in ("inputs", "outputs")}
            elif len(known) > MANY or (isinstance(x, list) and any(key == id(x) for key, _ in skipped)):
                continue
            names = [name for name, value in known.items() if not isinstance(value, (type, ModuleType))]
            if isinstance(x, list):
                self.lists += [(x, x.copy())] * bool(x)
            elif isinstance(x, CellType):
                self.cells += [(x, value) for value in known.values()]
            elif names:
                pick = itemgetter(*names, names[0])  # a tuple, also of one name
                d, sized = x.variables if isinstance(x, Names) else x, layers.get(id(x), ())
                self.dicts.append((d, pick, pick(d), sized, len(sized)))

    def changed(self):
        """Whether something is no longer the same."""
        try:
            for d, pick, values, names, n in self.dicts:
                if pick(d) != values or len(names) != n:
                    return True
            for x, values in self.lists:
                if x != values:
                    return True
            for cell, value in self.cells:
                if cell.cell_contents is not value:
                    return True
        except (KeyError, ValueError):  # an attribute or a cell is empty; ValueError also from a comparison of arrays
            return True
        return False


def reach(roots, inside):
    """All that the roots refer to, each once. inside(x): x, or what is looked into instead of x.

    Not what libraries keep for themselves, nor the graph of a Variable.
    """
    found, waiting = {}, list(roots)
    for x in map(inside, waiting):
        if id(x) not in found and not isinstance(x, (str, int, float, type(None), type, ModuleType, Function)):
            found[id(x)] = x
            waiting += references(x)  # the loop goes on with them
    return list(found.values())


def references(x):
    """What an object refers to."""
    if isinstance(x, (list, deque, tuple, set, frozenset, dict, CellType, Names)):
        return contents(x).values()
    if isinstance(x, FunctionType):
        own = [vars(x), x.__defaults__, x.__kwdefaults__, *(x.__closure__ or ())]
        return own if of_library(x) or of_package(x) else [*own, Names(x)]
    if isinstance(x, MethodType):
        return [x.__self__, x.__func__]
    if isinstance(x, partial):
        return [x.func, x.args, x.keywords]
    if isinstance(x, (Variable, array_types)) or not hasattr(x, "__dict__"):
        return []
    if of_library(type(x)) and not isinstance(x, SimpleNamespace):
        return []
    kinds = [kind for kind in type(x).__mro__ if not (of_library(kind) or of_package(kind))]
    methods = [f for kind in kinds for f in vars(kind).values()]
    return [vars(x), *(f for f in methods if isinstance(f, FunctionType))]


def is_layer(x):
    """Whether an object is a layer."""
    return "_params" in getattr(x, "__dict__", ())


def of_library(x):
    """Whether a function or a class is from Python or NumPy."""
    return str(x.__module__).partition(".")[0] in LIBRARIES


def of_package(x):
    """Whether a function or a class is from this package."""
    return (getattr(sys.modules.get(x.__module__), "__file__", None) or "").startswith(OWN)


@lru_cache(maxsize=1000)
def names_in(code):
    """The names of global variables in the code of a function, and of those in it; attributes are none."""
    found = [step.argval for step in dis.get_instructions(code) if step.opname.endswith("_GLOBAL")]
    parts = [part for part in code.co_consts if isinstance(part, type(code))]
    return tuple(dict.fromkeys([*found, *(name for part in parts for name in names_in(part))]))


def contents(x):
    """What a container, a cell of a closure or Names contains, by index, key or name."""
    if isinstance(x, Names):
        return {name: x.variables[name] for name in x.names if name in x.variables}
    if isinstance(x, CellType):
        try:
            return {"": x.cell_contents}
        except ValueError:  # a variable without value
            return {}
    return dict(x) if isinstance(x, dict) else dict(enumerate(x))


def refill(x, old):
    """Replace the contents of a container, a cell of a closure or Names by those of earlier."""
    if isinstance(x, CellType):
        if old:
            x.cell_contents = old[""]
        else:
            del x.cell_contents
    elif isinstance(x, (dict, Names)):
        variables = x if isinstance(x, dict) else x.variables
        for name in contents(x).keys() - old.keys():
            del variables[name]
        variables.update(old)
    else:
        x.clear()
        (x.update if isinstance(x, set) else x.extend)(old.values())


def computed(x):
    """Whether an object is a Variable or an array, or contains one."""
    return isinstance(x, (Variable, array_types)) or (isinstance(x, (list, tuple)) and any(map(computed, x)))


def key_of(x):
    """What identifies a container as long as it exists."""
    return id(x.variables if isinstance(x, Names) else x)
