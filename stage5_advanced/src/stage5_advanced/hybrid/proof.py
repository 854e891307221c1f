"""Whether a program does what its model does: both are called again, with other values and from the same state."""

from zlib import crc32

import numpy as np

from .. import cuda
from ..core import Parameter, Variable, array_types
from .program import GRAPH, NoProgram
from .structure import same


def like(x, change, rng):
    """A Variable or an array like x with other values: change(array, rng)."""
    if not isinstance(x, Variable):
        return change(x, rng)
    new = Variable(change(x.data, rng), x.name)
    new.constant = x.constant
    return new


def altered(a, rng):
    """An array like a with other values: permuted, floats down to an eighth, with the other sign if both signs occur.

    Integers, also as floats, stay in their range, so labels stay labels; the largest become the smallest, so that
    maxima, sums and numbers change, too. Small arrays are the one of 16 that changes most: where the extremes are,
    signs, elements.
    """
    if a is None or a.size == 0:
        return a
    flat = cuda.as_numpy(a).ravel()

    def change(v):
        moved = (v.argmax() != flat.argmax()) + (v.argmin() != flat.argmin())
        return moved, np.count_nonzero((v > 0) != (flat > 0)), np.count_nonzero(v != flat)

    small = (other(flat, rng.permutation(flat), rng) for _ in range(16))
    return with_values(a, max(small, key=change) if a.size < 1000 else other(flat, np.roll(flat, 1), rng))


def enlarged(a, rng=None):
    """An array like a, times 64. Integers, also as floats, become the largest of them, and bools True."""
    if a is None or a.size == 0:
        return a
    values = cuda.as_numpy(a)
    if counts(values):
        return with_values(a, np.full_like(values, a.dtype.kind == "b" or values.max()))
    return with_values(a, values * 64)


def reduced(a, rng=None):
    """An array like a, divided by 64, or by -64 if both signs occur.

    Integers, also as floats, become the smallest of them, and bools False.
    """
    if a is None or a.size == 0:
        return a
    values = cuda.as_numpy(a)
    if counts(values):
        return with_values(a, np.full_like(values, a.dtype.kind != "b" and values.min()))
    return with_values(a, values / (-64 if values.min() < 0 < values.max() else 64))


def unaltered(a, rng=None):
    """A copy of an array, if there is one."""
    return None if a is None else a.copy()


def counts(values):
    """Whether values are integers, also as floats, or bools."""
    return np.array_equal(values, np.rint(values))


def with_values(a, values):
    """An array like a, of other values."""
    found = np.empty_like(cuda.as_numpy(a))
    found[...] = values.reshape(a.shape)
    return cuda.get_array_module(a).asarray(found)


def other(flat, values, rng):
    """A permutation of a vector, with other values of the same kind."""
    if not counts(flat):
        sign = -1 if flat.min() < 0 < flat.max() else 1
        return values * (sign * 2.0 ** (-3 * rng.random(flat.size)))
    if flat.max() > flat.min():
        largest = np.flatnonzero(values == flat.max())
        values[largest if flat.dtype.kind in "iu" else largest[: len(largest) // 2]] = flat.min()
        return values
    if flat.dtype.kind == "f":
        return values * (1 - rng.random(flat.size) / 2)
    return values - (values > 0) if flat.dtype.kind in "iu" else values


class Altered:
    """A context in which another call finds other values: arguments, Variables, buffers, random numbers.

    kept: what the model refers to. trace: of the first call. arguments: new ones in place of those of the first call.
    change, change_rest: (array, rng) -> array, for arguments and for Variables. Afterwards, all that the model refers
    to is what it was.
    """

    def __init__(self, kept, trace, arguments, change=altered, change_rest=altered):
        rng = np.random.default_rng(0)
        self.kept, self.arguments = kept, [like(x, change, rng) for x in arguments]
        leaves = [trace.variables[i] for i in trace.leaves]
        variables = [x for x in leaves if not x.constant]
        variables += [x for x, _ in kept.variables]
        self.data = {x: x.data for x in variables}
        self.altered = {x: change_rest(a, rng) for x, a in self.data.items()}
        self.start = {x: a.copy() for x, a in self.altered.items() if a is not None and not isinstance(x, Parameter)}
        self.sums = {x: checksum(a) for x, a in self.altered.items() if x not in self.start}
        arrays = [x.data for x in leaves if x.constant] + kept.arrays
        self.constants = [(a, a.copy()) for a in {id(a): a for a in arrays}.values()]

    def __enter__(self):
        for x, a in self.altered.items():
            x.data = a
        self.kept.generators.reseed()
        self.states = self.kept.generators.states()
        return self

    def __exit__(self, *error):
        self.rewind()
        self.kept.restore()
        for x, a in self.data.items():
            x.data = a

    def keep(self, variables):
        """Restore the data of those Variables of the first call that the second one has not found: temporary ones."""
        for x in [x for x in variables if x in self.data]:
            x.data = self.data.pop(x)
            del self.altered[x]

    def rewind(self):
        """Go back to the beginning of the second call, so that a program can follow it."""
        self.kept.generators.rewind(self.states)
        for x, a in self.altered.items():
            x.data = self.start.get(x, a)
        for a, was in self.constants:
            if not same(a, was):
                a[...] = was

    def changed(self):
        """What a call has left: the generators, and the arrays that it may have updated in place."""
        buffers, constants = [x.data for x in self.start], [a for a, _ in self.constants]
        return self.kept.generators.states(), [*map(checksum, buffers)], [*map(checksum, constants)]

    def check_changes(self, states, unstable):
        """Raise NoProgram if the second call has changed what the model refers to, other than states.

        What it was is added to unstable, also arrays that it has changed.
        """
        unstable.update((id(a), "") for a, was in self.constants if not same(a, was))
        for x, a in self.altered.items():
            if x.data is not a or (x in self.sums and checksum(a) != self.sums[x]):
                how = "changed" if x.data is a else "replaced"
                raise NoProgram(f"{x.name or 'a Variable'} is {how} outside of functions")
        known = {(id(d), name) for d, name in states}
        changes = [(key, text) for key, text in self.kept.changes() if key not in known]
        unstable.update(key for key, _ in changes)
        for _, text in changes:
            if text is not None:
                raise NoProgram(f"{text} changes from call to call")


def compare(found, trace, slots, functions):
    """Raise NoProgram unless the arrays and the functions of a replay are equal to those of a trace."""
    for f, g in zip(functions, trace.functions, strict=True):
        for name, value in vars(g).items():
            if name not in GRAPH and not same(vars(f).get(name), value):
                raise NoProgram(f"{type(f).__name__}.{name} depends on the values")
    for a, i in zip(found, slots, strict=True):
        if not same(a, trace.variables[i].data):
            raise NoProgram("the program has other results")


def release(templates, functions):
    """Forget the arrays that `forward` computes, in functions that are copied before they are called."""
    for f, g in zip(templates, functions, strict=True):
        for name, value in vars(f).items():
            parts = value if isinstance(value, tuple) else (value,)
            if vars(g)[name] is not value and any(isinstance(part, array_types) for part in parts):
                vars(f)[name] = None


def checksum(a):
    """A number that changes when an array changes in place."""
    return None if a is None else crc32(np.ascontiguousarray(cuda.as_numpy(a)))
