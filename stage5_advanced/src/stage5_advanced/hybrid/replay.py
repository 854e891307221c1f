"""Calls of programs: each is one Function in the graph, and its gradients are a program, too."""

from itertools import combinations
from weakref import ref

import numpy as np

from .. import cuda
from ..config import Config, using_config
from ..core import Function, Variable, array_types, as_input, propagate, unrecorded
from .program import Lease, NoProgram, Program, Trace
from .proof import altered, compare
from .reach import Generators, preserved
from .structure import LEAF, rebuild

LIMIT = 16  # programs of a Hybrid, and programs of gradients for each; what exceeds it runs as without hybridize


class Replay(Function):
    """A call of a program: one function in the graph. Its gradients are another program, `backward` for all inputs."""

    def __init__(self, traced):
        self.traced = traced
        self.lease = traced.lease()

    def __del__(self):
        if "lease" in vars(self):  # not if __init__ failed
            self.traced.leases.append(self.lease)

    def forward(self, *xs):
        self.slots = self.lease.run(*xs)
        return [self.slots[i] for i in self.traced.program.outputs]

    def record(self, inputs, xs):
        """The outputs for Variables with the data xs. What __call__ does, without its checks."""
        ys = [Variable(a) for a in self.forward(*xs)]
        self.inputs, self.outputs = inputs, [ref(y) for y in ys]
        self.generation = generation = max([x.generation for x in inputs], default=0)
        for y, depth in zip(ys, self.traced.program.depths, strict=True):
            y.creator = self
            y.generation = generation + depth  # as if the functions had been called one by one
        return ys

    def input_gradients(self, gys):
        """Pairs of an input and its gradient, for the inputs that have one.

        Where there is no program, or gradients are to be differentiated, the functions of the program take the place
        of this one in the graph, and the outputs are returned with their gradients: the backward pass goes on there.
        """
        gradients = None if Config.enable_backprop else self.traced.gradients_of(self, gys)
        if gradients is None or not gradients.program:
            outputs = [y() for y in self.outputs]
            self.lease.graph(self.slots, self.inputs, outputs)
            return [(y, gy) for y, gy in zip(outputs, gys, strict=True) if gy is not None]
        run = self.lease.runner(gradients.program)
        gxs = run(*self.slots, *[gy.data for gy in gys if gy is not None])
        return [(self.inputs[i], unrecorded(gx)) for i, gx in zip(gradients.places, gxs, strict=True)]


class Gradients:
    """A program of gradients, and the numbers of the inputs that they belong to; or the reason why there is none."""

    def __init__(self, program=None, places=(), reason=None):
        self.program, self.places, self.reason = program, places, reason


class Traced:
    """What is known about calls with a signature: a program, or the reason why there is none.

    given: the Variables that the program reads at each call, such as parameters. forms: their shapes and dtypes.
    result: the structure of the result. places: where its leaves are: k for output number k, ~i for argument number i,
    or a constant that is copied. only: the number of the output that is the result, or -1. states: attributes of a
    layer, name, and place; None for None.
    """

    program = look = None

    def __init__(self, signature, reason=None):
        self.signature = signature
        self.reason = reason
        self.calls = 1 - bool(reason)
        self.gradients = {}  # (which outputs have a gradient, which inputs are constant) -> Gradients
        self.leases = []

    def compile(self, first, second, n, form, found, states):
        """Make the program of the first of two equal traces with n arguments.

        form, found: the structure of the result and its leaves. states: ((attributes, name), value).
        """
        given = [i for i in first.leaves if first.variables[i] is second.variables[i]]
        arguments = [*range(n), *given]
        constants = {i: first.variables[i].data for i in first.leaves if i not in given}
        constants |= {i: a.copy() for i, a in constants.items() if i in first.results}
        computed = {i for _, outs, _ in first.steps for i in outs}
        outputs = [*dict.fromkeys(i for i in first.results if i in computed)]
        if not outputs:
            raise NoProgram("no function is called")
        self.given = [first.variables[i] for i in given]
        self.program = Program(first, arguments, constants, outputs, keep=Config.enable_backprop)
        self.marked = [k for k, i in enumerate(outputs) if first.variables[i].constant]
        place = {i: ~k for k, i in enumerate(arguments)} | {i: k for k, i in enumerate(outputs)}
        places = [place.get(i, first.variables[i]) for i in first.results]
        rest = iter(places[len(found) :])
        self.result = form
        self.places = [
            place if isinstance(place, int) else at(place if isinstance(y, Variable) else place.data, (), ())
            for place, y in zip(places, found, strict=False)  # copies, since the first result belongs to the caller
        ]
        self.only = self.places[0] if form[0] is LEAF and not states else -1
        self.states = [(d, name, None if value is None else next(rest)) for (d, name), value in states]

    def read(self):
        """The arrays of the Variables that the program reads; None if they have other shapes or dtypes than before."""
        try:
            xs = [x.data for x in self.given]
            return xs if [(a.shape, a.dtype) for a in xs] == self.forms else None
        except AttributeError:  # no data
            return None

    def lease(self):
        """A lease that no other call has."""
        try:
            return self.leases.pop()
        except IndexError:
            return Lease(self.program)

    def look_at(self, inputs):
        """Whether `look` can find the arrays of a call: if its inputs are different Variables and arrays."""
        plain = all(isinstance(x, (Variable, array_types)) for x in inputs) and len({*map(id, inputs)}) == len(inputs)
        if self.look is None and plain and inputs:
            space = {f"p{i}": x for i, x in enumerate(self.given)}
            exec(source_of_look(inputs, self.given), space)
            self.look = space["look"]
            self.seen = self.look(*inputs)[1]
        return self.look is not None

    def fitting(self, inputs):
        """The arrays of a call, as `replay` needs them; None if their forms are not those that `look` found first."""
        try:
            xs, seen = self.look(*inputs)
        except AttributeError:  # an array instead of a Variable, another object, no data
            return None
        return xs if seen == self.seen else None

    def replay(self, arguments, xs):
        """Run the program with the arrays xs; return the result, and replace the state of layers."""
        self.calls += 1
        if cuda.gpu_enable:
            cuda.common_module("hybridize", xs)
        if self.program.keep:
            ys = Replay(self).record([*map(as_input, arguments), *self.given], xs)
        else:
            lease = self.lease()
            ys = [unrecorded(a) for a in lease.run(*xs)]
            self.leases.append(lease)
        for k in self.marked:
            ys[k].constant = True
        if self.only >= 0:
            return ys[self.only]
        arguments = [*arguments, *self.given]
        for d, name, place in self.states:
            d[name] = None if place is None else at(place, ys, arguments)
        return rebuild(self.result, iter([at(place, ys, arguments) for place in self.places]))

    def gradients_of(self, call, gys):
        """The Gradients for the outputs of a call that have a gradient and the inputs that want one."""
        key = *[gy is None for gy in gys], *[x.constant for x in call.inputs]
        if key not in self.gradients:
            self.gradients[key] = self.prove_gradients(call, gys)
        return self.gradients[key]

    def prove_gradients(self, call, gys):
        """The Gradients of a call whose outputs have the initial gradients gys, with the same proof as for a call."""
        if len(self.gradients) >= LIMIT:
            return Gradients(reason=f"more than {LIMIT} combinations of outputs and inputs")
        try:
            used = Generators([value for f in self.program.functions for value in vars(f).values()])
            with preserved(used), np.errstate(all="ignore"), using_config("enable_backprop", True):
                lease, rng = Lease(self.program), np.random.default_rng(0)
                slots = lease.run(*(altered(x.data, rng) for x in call.inputs))
                seeds = [None if gy is None else Variable(altered(gy.data, rng)) for gy in gys]
                first, places = self.trace_gradients(call.lease, call.slots, call.inputs, gys)
                second, other_places = self.trace_gradients(lease, slots, call.inputs, seeds)
                if places != other_places:
                    raise NoProgram("the functions that are called depend on the values")
                first.check(second)
                n = len(slots) + sum(gy is not None for gy in gys)
                known = zip(first.outside, self.program.functions, strict=True)
                constants = {i: first.variables[i].data for i in first.leaves}
                program = Program(
                    first, range(n), constants, first.results, False, {*range(len(slots)), *first.leaves}, known
                )
                functions, run = program.bind(zip(self.program.functions, lease.functions, strict=True))
                found = run(*slots, *(seed.data for seed in seeds if seed is not None))
                compare(found, second, second.results, functions)
                return Gradients(program, places)
        except NoProgram as error:
            return Gradients(reason=str(error))
        except Exception as error:  # the gradients are computed as before
            return Gradients(reason=f"{type(error).__name__}: {error}")

    def trace_gradients(self, lease, slots, inputs, gys):
        """The trace of what `backward` computes with a graph, and the numbers of the inputs with a gradient."""
        leaves = [Variable(slots[i]) for i in self.program.arguments]
        for leaf, x in zip(leaves, inputs, strict=True):
            leaf.constant, leaf.generation = x.constant, x.generation
        functions, variables = lease.graph(slots, leaves, [None] * len(gys))
        seeds = [None if gy is None else Variable(gy.data) for gy in gys]
        pairs = [(variables[i], gy) for i, gy in zip(self.program.outputs, seeds, strict=True) if gy is not None]
        gradients = propagate(*zip(*pairs, strict=True))
        gxs = [gradients.get(x) for x in leaves]
        places = [i for i, gx in enumerate(gxs) if gx is not None]
        arguments = [*variables, *(seed for seed in seeds if seed is not None)]
        return Trace([gxs[i] for i in places], arguments, dict.fromkeys(functions)), places


def source_of_look(inputs, given):
    """The source of `look`, which returns the arrays of inputs like these and of the Variables given, and their forms.

    It does in one expression what `flatten` and `read` do.
    """
    names = [f"x{i}" for i in range(len(inputs))]
    variables = [name for name, x in zip(names, inputs, strict=True) if isinstance(x, Variable)]
    arrays = [f"{name}.data" if name in variables else name for name in names]
    arrays += [f"p{i}.data" for i in range(len(given))]
    forms = [f"type(x{i}), type(v{i})" for i in range(len(inputs))]
    forms += [f"{name}.constant" for name in variables]
    forms += [f"{a} is {b}" for a, b in combinations(names, 2)]
    forms += [f"v{i}.shape, v{i}.dtype" for i in range(len(arrays))]
    slots = "".join(f"v{i}, " for i in range(len(arrays)))
    body = f"{slots}= {''.join(f'{a}, ' for a in arrays)}\n    return ({slots}), ({', '.join(forms)})"
    return f"def look({', '.join(names)}):\n    {body}\n"


def at(place, ys, arguments):
    """The result at a place."""
    if isinstance(place, Variable):
        y = Variable(place.data.copy(), place.name)
        y.constant = place.constant
        return y
    if isinstance(place, array_types):
        return place.copy()
    return ys[place] if place >= 0 else arguments[~place]
