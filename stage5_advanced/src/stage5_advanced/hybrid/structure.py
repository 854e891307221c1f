"""Nested tuples, lists and dicts of Variables and arrays: their structure, their leaves, and whether two are equal."""

from types import FunctionType

import numpy as np

from .. import cuda
from ..core import Variable, array_types

LEAF = "a Variable or an array"  # in a structure


def flatten(tree, leaves):
    """The structure of nested tuples, lists and dicts; their Variables and arrays are added to leaves.

    Of these it has the kind, shape and dtype, on which a program depends, and of a Variable whether it is constant.
    """
    if isinstance(tree, Variable):
        leaves.append(tree)
        data = tree.data
        return LEAF, type(data), data.shape, data.dtype, tree.constant
    if isinstance(tree, array_types):
        leaves.append(tree)
        return LEAF, type(tree), tree.shape, tree.dtype
    kind = type(tree)
    if kind is tuple or kind is list:
        return kind, tuple([flatten(part, leaves) for part in tree])
    if kind is dict:
        return dict, tuple(tree), tuple([flatten(part, leaves) for part in tree.values()])
    if isinstance(tree, (float, np.floating)):
        return None, kind, tree, np.signbit(tree)  # 0.0 and -0.0 are equal keys
    return None, kind, tree


def rebuild(structure, leaves):
    """The opposite of flatten; leaves: an iterator."""
    kind, *parts = structure
    if kind is LEAF:
        return next(leaves)
    if kind is None:
        return parts[1]
    found = [rebuild(part, leaves) for part in parts[-1]]
    return dict(zip(parts[0], found, strict=True)) if kind is dict else kind(found)


def constants(structure):
    """What flatten has found that is neither a leaf nor a container, such as numbers and layers."""
    if structure[0] is LEAF:
        return
    if structure[0] is None:
        yield structure[2]
        return
    for part in structure[-1]:
        yield from constants(part)


def same_code(a, b, seen=()):
    """Whether two functions do the same, or two classes, also if each call defines them anew.

    seen: pairs that are being compared: a class may occur in its own methods.
    """
    if a is b or any(a is x and b is y for x, y in seen):  # == of arrays is an array
        return True
    if not callable(a):
        return same(a, b)
    if isinstance(a, type) and isinstance(b, type):
        parts = [{k: v for k, v in vars(x).items() if k not in ("__dict__", "__weakref__", "__doc__")} for x in (a, b)]
        equal = a.__bases__ == b.__bases__ and parts[0].keys() == parts[1].keys()
    elif isinstance(a, FunctionType) and isinstance(b, FunctionType):
        cells = [zip(f.__code__.co_freevars, f.__closure__ or (), strict=True) for f in (a, b)]
        parts = [{k: cell.cell_contents for k, cell in found} for found in cells]
        defaults = [(f.__defaults__, f.__kwdefaults__) for f in (a, b)]
        equal = a.__code__ == b.__code__ and same(*defaults)
    else:
        return False
    return equal and all(same_code(value, parts[1][name], (*seen, (a, b))) for name, value in parts[0].items())


def same(a, b):
    """Whether two objects are equal: arrays bit for bit, others by their attributes. Callables are not compared."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Variable):
        return same(a.data, b.data)
    if isinstance(a, array_types):
        return a.dtype == b.dtype and a.shape == b.shape and cuda.as_numpy(a).tobytes() == cuda.as_numpy(b).tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if callable(a):
        return True
    return same(vars(a), vars(b)) if hasattr(a, "__dict__") else bool(a == b or (a != a and b != b))
