"""Hybrid: a model or a function that is traced at its first call, and replayed at later ones."""

import threading
from contextlib import contextmanager, suppress
from itertools import repeat

import numpy as np

from .. import cuda
from ..config import Config, using_config
from ..core import Parameter, Variable, as_input
from ..layers import Buffer, Layer
from ..models import Model
from .program import NoProgram, Trace
from .proof import Altered, compare, enlarged, reduced, release, unaltered
from .reach import Kept, Watch, is_layer, reach
from .replay import LIMIT, Traced
from .structure import constants, flatten, rebuild, same

NO_OPTIONS, NO_STATES = flatten({}, []), flatten([], [])


class Tracing(threading.local):
    """Whether this thread traces: then a Hybrid inside a model calls its own model."""

    now = False


TRACING = Tracing()


@contextmanager
def tracing():
    """Record a graph of basic functions, also of Hybrids inside a model."""
    before, TRACING.now = TRACING.now, True
    try:
        with using_config("enable_backprop", True):
            yield
    finally:
        TRACING.now = before


class Hybrid(Model):
    """What `hybridize` returns. Parameters, buffers and files are those of the model, under the same names.

    active: False to call the model itself. Other attributes and methods are those of the model, also if they are set or
    deleted. [not in the book]
    """

    def __init__(self, model):
        super().__init__()
        if not callable(model):
            raise TypeError(f"hybridize: expected a model or a function, got {type(model).__name__}")
        self.active = True
        self.states = []  # (attributes of a layer, name) of Variables that calls replace, such as h of an LSTM
        self.unstable = set()  # (id of attributes, name) of others that calls replace
        self.lock = threading.RLock()
        self.clear()
        self.__dict__["model"] = model  # not registered, so that its parameters keep their names

    def __getattr__(self, name):
        if name.startswith("__") or "model" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.model, name)

    def __setattr__(self, name, value):
        own = "model" not in vars(self) or name in vars(self)
        super().__setattr__(name, value) if own else setattr(self.model, name, value)

    def __delattr__(self, name):
        delattr(self.model, name)

    def __getstate__(self):
        """The model, for copies and pickles, which trace again."""
        return {"model": self.model, "active": self.active}

    def __setstate__(self, state):
        self.__init__(state["model"])
        self.active = state["active"]

    def __repr__(self):
        return f"hybridize({self.model!r})"

    def named_state(self):
        """Yield what the model yields; nothing for a function."""
        if isinstance(self.model, Layer):
            yield from self.model.named_state()

    def all_variables(self):
        """Yield what the model yields; nothing for a function."""
        if isinstance(self.model, Layer):
            yield from self.model.all_variables()

    def forward(self, *inputs, **options):
        """Call the model."""
        return self.model(*inputs, **options)

    def clear(self):
        """Forget all programs: the next calls trace again."""
        self.table = {}
        self.changes = 0
        self.forget()

    def forget(self):
        """Start again, since something has changed; count the changes that followed at once."""
        self.changes = 0 if any(traced.calls > 1 for traced in self.table.values()) else self.changes + 1
        self.table = {}
        self.quick = {}  # for a number of inputs and the modes, the latest program whose inputs are plain
        self.excess = Traced("others", f"more than {LIMIT} signatures")
        self.unkeyed = Traced("others", "arguments that cannot be keys")
        self.watch = Watch()

    def programs(self):
        """What is known about each signature: dicts of signature, state, reason, calls, gradients and source.

        state: "program", or "eager" with the reason why there is none. gradients: "program" or the reason, for each
        set of outputs and inputs that was asked for. source: of the program, as text.
        """
        others = [traced for traced in (self.excess, self.unkeyed) if traced.calls]
        found = [*self.table.values(), *others]
        return [
            {
                "signature": traced.signature,
                "state": "program" if traced.program else "eager",
                "reason": traced.reason,
                "calls": traced.calls,
                "gradients": [gradients.reason or "program" for gradients in traced.gradients.values()],
                "source": traced.program.source if traced.program else None,
            }
            for traced in found
        ]

    def __call__(self, *inputs, **options):
        if not self.active or TRACING.now:
            return self.model(*inputs, **options)
        if self.watch.changed():
            self.forget()
        mode = len(inputs), Config.enable_backprop, Config.train
        quick = self.quick.get(mode)
        if quick is not None and not options:
            xs = quick.fitting(inputs)
            if xs is not None:
                return quick.replay(inputs, xs)
        try:
            arguments, _, key = signature(inputs, options, [d[name] for d, name in self.states])
            traced = self.table.get(key)
        except (TypeError, AttributeError) as error:  # arguments that cannot be keys, a Variable without data
            result = self.model(*inputs, **options)
            self.unkeyed.calls += 1
            self.unkeyed.reason = f"{type(error).__name__}: {error}"
            return result
        if traced is not None and traced.program:
            given = traced.read()
            if given is not None:
                if not (options or self.states) and traced.look_at(inputs):
                    self.quick[mode] = traced
                return traced.replay(arguments, [cuda.data_of(x) for x in arguments] + given)
            self.table.pop(key, None)  # a parameter has another shape
            traced = None
        if traced is None and len(self.table) < LIMIT:
            with self.lock:
                return self.first_call(inputs, options)
        traced = traced or self.excess
        traced.calls += 1
        return self.model(*inputs, **options)

    def first_call(self, inputs, options):
        """Call the model; make a program of its graph if that can be proved right."""
        roots = [self.model, *constants(flatten([inputs, options], []))]
        before = [(vars(layer), vars(layer).copy()) for layer in filter(is_layer, reach(roots, without_hybrid))]
        old = [d[name] for d, name in self.states]
        with tracing():
            result = self.model(*inputs, **options)
        for d, values in before:
            for name, value in d.items():
                was = values.get(name)
                known = any(d is other and name == key for other, key in self.states)
                if not known and value is not was and (is_state(value) or is_state(was)):
                    self.states.append((d, name))
                    self.quick = {}
                    old.append(was)
        arguments, leaves, key = signature(inputs, options, old)
        traced = self.table[key] = Traced(describe(leaves + [x for x in old if x is None]))
        found = []
        form = flatten(result, found)
        values = [d[name] for d, name in self.states]
        reached = reach(roots, without_hybrid)
        try:
            if self.changes > LIMIT:
                raise NoProgram("what the model refers to changes between calls")
            self.prove(traced, Kept(reached), key[:3], leaves, arguments, (form, found, values))
        except Exception as error:  # the model runs as before; programs() has the reason
            traced.program = None
            traced.reason = str(error) if isinstance(error, NoProgram) else f"{type(error).__name__}: {error}"
        skipped = {(id(d), name) for d, name in self.states} | self.unstable
        self.watch = Watch(reached if self.changes <= LIMIT else (), skipped)
        if not Config.enable_backprop:
            for y in (*found, *values):
                if isinstance(y, Variable) and y.creator is not None and not any(y is x for x in arguments):
                    y.creator, y.generation, y.recorded = None, 0, False
        return result

    def prove(self, traced, kept, structure, leaves, arguments, result):
        """Make the program of a call, and compare it with three more calls, of altered values. Raises NoProgram."""
        form, found, values = result
        trace = Trace(variables_in(found, values), arguments)
        with np.errstate(all="ignore"), Altered(kept, trace, arguments) as altered:
            other = self.call_again(structure, leaves, arguments, altered)
            altered.check_changes(self.states, self.unstable)
            first, second = traces(trace, result, other, arguments, altered)
            traced.compile(first, second, len(arguments), form, found, list(zip(self.states, values, strict=True)))
            compare_replay(traced, second, altered)
        for change in enlarged, reduced:  # of the arguments: do large and small ones take the same branches?
            with np.errstate(all="ignore"), Altered(kept, trace, arguments, change, unaltered) as altered:
                other = None
                with suppress(Exception):  # such values may be invalid
                    other = self.call_again(structure, leaves, arguments, altered)
                if other is not None:
                    traces(trace, result, other, arguments, altered)
        traced.forms = [(x.data.shape, x.data.dtype) for x in traced.given]

    def call_again(self, structure, leaves, arguments, altered):
        """The form, the Variables and the states that the model returns for the altered arguments."""
        new = {id(x): y for x, y in zip(arguments, altered.arguments, strict=True)}
        inputs, options, states = rebuild((tuple, structure), iter([new[id(x)] for x in leaves]))
        for (d, name), x in zip(self.states, states, strict=True):
            d[name] = x
        with tracing():
            result = self.model(*inputs, **options)
        found = []
        form = flatten(result, found)
        return form, found, [d[name] for d, name in self.states]


def hybridize(model):
    """Trace a model or a function at its first call, and replay the program at later ones: a Hybrid. [not in the book]

    Inputs, results and gradients are those of the model, bit for bit; the graph has one function for each call. There
    is a program for each combination of shapes, dtypes and modes. It is compared with the model on altered values
    before it is used; without one the model runs as before, and `programs()` gives the reason. What is lost: the model
    runs four times at the first call with a signature; Python code such as `print` does not run at later ones; branches
    stay as they were taken, and the comparison cannot find one that altered values take as well. If what the model
    refers to is replaced, it is traced again; `clear()` forgets all programs. Raises TypeError unless the model can be
    called.
    """
    return Hybrid(model)


def is_state(x):
    """Whether an attribute of a layer is a Variable that is neither trained nor saved."""
    return isinstance(x, Variable) and not isinstance(x, (Parameter, Buffer))


def variables_in(found, values):
    """What a model returns and what its layers store, as Variables."""
    return [as_input(y) for y in (*found, *values) if y is not None]


def traces(first, result, other, arguments, altered):
    """The traces of both calls, without functions that ran before them. Raises NoProgram unless they are the same."""
    (form, found, values), (other_form, other_found, other_values) = result, other
    if not same_form((form, values), (other_form, other_values)):
        raise NoProgram("the result has values that no function computed")
    results, other_results = variables_in(found, values), variables_in(other_found, other_values)
    second = Trace(other_results, altered.arguments)
    outside = dict.fromkeys(f for f in first.functions if f in second.functions)
    if outside:
        first = Trace(results, arguments, outside)
        second = Trace(other_results, altered.arguments, outside)
    altered.keep([first.variables[i] for i in first.leaves if first.variables[i] not in second.numbers])
    for i in range(len(arguments)):
        if i not in first.used:
            raise NoProgram(f"input {i} is used as data, not as a variable")
    first.check(second)
    return first, second


def compare_replay(traced, second, altered):
    """Run the program on the altered values. Raises NoProgram unless it computes and changes what the call did."""
    left = altered.changed()
    altered.rewind()
    functions, run = traced.program.bind()
    xs = [x.data if isinstance(x, Variable) else x for x in (*altered.arguments, *traced.given)]
    slots = run(*xs)
    ys = [slots[i] for i in traced.program.outputs] if Config.enable_backprop else slots
    compare(ys, second, traced.program.outputs, functions)
    for what, a, b in zip(("a random number", "a buffer", "an array"), left, altered.changed(), strict=True):
        if not same(a, b):
            raise NoProgram(f"{what} changes outside of functions")
    release(traced.program.functions, functions)


def signature(inputs, options, states):
    """The different Variables and arrays of a call, all of them, and the key of its program.

    The key begins with the structures of the inputs, of the options and of the states of layers.
    """
    leaves = []
    inputs = tuple, tuple([flatten(x, leaves) for x in inputs])
    options = flatten(options, leaves) if options else NO_OPTIONS
    states = flatten(states, leaves) if states else NO_STATES
    arguments, pattern = leaves, None
    if len(leaves) > 1:
        different = {id(x): x for x in leaves}
        if len(different) < len(leaves):
            places = {key: i for i, key in enumerate(different)}
            pattern = tuple([places[id(x)] for x in leaves])
            arguments = different.values()
    return arguments, leaves, (inputs, options, states, Config.enable_backprop, Config.train, pattern)


def same_form(first, second):
    """Whether results have the same structure and constants, and the same states are None."""
    (form, values), (other_form, other_values) = first, second
    values, other_values = [x is None for x in values], [x is None for x in other_values]
    return rebuild(form, repeat(None)) == rebuild(other_form, repeat(None)) and values == other_values


def describe(leaves):
    """A signature for readers."""
    arrays = ", ".join("None" if x is None else f"{x.dtype} {x.shape}" for x in leaves)
    return f"{arrays}; {'training' if Config.train else 'test_mode'}{'' if Config.enable_backprop else ', no_grad'}"


def without_hybrid(x):
    """The model of a Hybrid; other objects as they are."""
    return x.model if isinstance(x, Hybrid) else x
