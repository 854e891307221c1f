"""Whether a program does what its model does: both are called once more, with other values and from the same state."""

from contextlib import contextmanager

import numpy as np

from .. import cuda
from ..core import Parameter, Variable, array_types
from ..layers import Buffer
from .program import GRAPH, NoProgram
from .structure import same


class Altered:
    """A context in which a second call finds other values: arguments, Variables, buffers, random numbers.

    layers: those of the model. trace: of the first call. arguments: new ones in place of those of the first call.
    Afterwards, generator, attributes of layers, Variables and constant arrays are what they were.
    """

    def __init__(self, layers, trace, arguments):
        rng = np.random.default_rng(0)
        self.arguments = [like(x, rng) for x in arguments]
        self.attributes = [(vars(layer), vars(layer).copy()) for layer in layers]
        leaves = [trace.variables[i] for i in trace.leaves]
        variables = [x for x in leaves if not x.constant]
        variables += [x for d, _ in self.attributes for x in d.values() if isinstance(x, Variable) and not is_state(x)]
        self.data = {x: x.data for x in variables}
        self.altered = {x: altered(a, rng) for x, a in self.data.items()}
        self.start = {x: None if isinstance(x, Parameter) or a is None else a.copy() for x, a in self.altered.items()}
        self.constants = [(x.data, x.data.copy()) for x in leaves if x.constant]

    def __enter__(self):
        self.before = np.random.get_state(legacy=False)
        for x, a in self.altered.items():
            x.data = a
        np.random.seed(1)
        self.generator = np.random.get_state(legacy=False)
        return self

    def __exit__(self, *error):
        self.rewind()
        np.random.set_state(self.before)
        for x, a in self.data.items():
            x.data = a
        for d, old in self.attributes:
            for name in [name for name in d if name not in old]:
                del d[name]
            d.update(old)

    def keep(self, variables):
        """Restore the data of those Variables of the first call that the second one has not found: temporary ones."""
        for x in [x for x in variables if x in self.data]:
            x.data = self.data.pop(x)
            del self.altered[x], self.start[x]

    def rewind(self):
        """Go back to the beginning of the second call, so that a program can follow it."""
        np.random.set_state(self.generator)
        for x, a in self.start.items():
            x.data = self.altered[x] if a is None else a
        for a, was in self.constants:
            if not same(a, was):
                a[...] = was

    def changed(self):
        """What a call has left: the generator, and the arrays that it may have updated in place."""
        kept = [x.data for x, a in self.start.items() if a is not None]
        return np.random.get_state(legacy=False), [a if a is None else a.copy() for a in kept], [
            a.copy() for a, _ in self.constants
        ]  # fmt: skip

    def check_attributes(self, states, unstable):
        """Raise NoProgram if the second call has replaced data, or attributes of layers other than states.

        The names of such attributes are added to unstable.
        """
        for x, a in self.altered.items():
            if x.data is not a:
                raise NoProgram(f"{x.name or 'a Variable'} is replaced outside of functions")
        kept = {(id(d), name) for d, name in states}
        for d, old in self.attributes:
            for name in {*d, *old} - {"inputs", "outputs"}:
                if (id(d), name) not in kept and not same(d.get(name), old.get(name)):
                    unstable.add((id(d), name))
                    raise NoProgram(f"the attribute {name} of a layer changes from call to call")


def compare(found, trace, slots, functions):
    """Raise NoProgram unless the arrays and the functions of a replay are equal to those of a trace."""
    for f, g in zip(functions, trace.functions, strict=True):
        for name, value in vars(g).items():
            if name not in GRAPH and not same(vars(f).get(name), value):
                raise NoProgram(f"{type(f).__name__}.{name} depends on the values")
    for a, i in zip(found, slots, strict=True):
        if trace.variables[i].data is not None and not same(a, trace.variables[i].data):
            raise NoProgram("the program has other results")


def release(templates, functions):
    """Forget the arrays that `forward` computes, in functions that are copied before they are called."""
    for f, g in zip(templates, functions, strict=True):
        for name, value in vars(f).items():
            parts = value if isinstance(value, tuple) else (value,)
            if vars(g)[name] is not value and any(isinstance(part, array_types) for part in parts):
                vars(f)[name] = None


def like(x, rng):
    """A Variable or an array like x with other values."""
    if not isinstance(x, Variable):
        return altered(x, rng)
    new = Variable(altered(x.data, rng), x.name)
    new.constant = x.constant
    return new


def altered(a, rng):
    """An array like a with other values: permuted, floats up to halved, and with the other sign if both signs occur.

    Integers, also as floats, stay in their range, so labels stay labels; the largest become the smallest, so that
    maxima, sums and numbers change, too. Of some permutations it is the one that changes most signs and elements.
    """
    if a is None:
        return None
    flat = cuda.as_numpy(a).ravel()
    values = permuted(flat, rng) if a.size < 1000 else np.roll(flat, 1)
    if a.dtype.kind == "f" and not np.array_equal(flat, np.rint(flat)):
        sign = -1 if flat.min() < 0 < flat.max() else 1
        values = values * (sign - np.resize(rng.random(min(a.size, 10**6)), a.size) * (sign / 2))
    elif a.size > 0 and flat.max() > flat.min():
        largest = np.flatnonzero(values == flat.max())
        values[largest if a.dtype.kind in "iu" else largest[: len(largest) // 2]] = flat.min()
    elif a.dtype.kind == "f":
        values = values * (1 - rng.random(a.size) / 2)
    elif a.dtype.kind in "iu":
        values = values - (values > 0)
    found = np.empty_like(cuda.as_numpy(a))
    found[...] = values.reshape(a.shape)
    return cuda.get_array_module(a).asarray(found)


def permuted(flat, rng):
    """A permutation of a vector that changes many signs and elements."""
    permutations = (rng.permutation(flat) for _ in range(16))
    return max(permutations, key=lambda v: (np.count_nonzero((v > 0) != (flat > 0)), np.count_nonzero(v != flat)))


def is_state(x):
    """Whether an attribute of a layer is a Variable that is neither trained nor saved."""
    return isinstance(x, Variable) and not isinstance(x, (Parameter, Buffer))


@contextmanager
def preserved_generator():
    """Restore NumPy's global generator afterwards."""
    state = np.random.get_state(legacy=False)
    try:
        yield
    finally:
        np.random.set_state(state)
