"""Programs: a trace of a graph, and Python source that calls its functions on arrays.

The graph that define-by-run leaves behind is a list of Functions whose inputs and outputs have places, called slots.
"""

from weakref import ref

import numpy as np

from .. import cuda
from ..core import Function, Variable, as_array, as_input
from .shortcuts import shortcut
from .structure import same, same_code

GRAPH = ("inputs", "outputs", "generation", "output_specs")  # attributes of a Function in a graph


class NoProgram(Exception):
    """Why there is no program."""


class Trace:
    """The graph behind results, as a list: functions, their steps, and the variables by slot.

    arguments: Variables, and arrays that became inputs of functions; they have the first slots. outside: functions that
    are not part of the list. steps: for each function its input slots, its output slots, and whether it returns a
    tuple. leaves: the slots of other variables that no function in the list created. results: slots.
    """

    def __init__(self, results, arguments, outside=()):
        self.outside = outside
        self.numbers = {x: i for i, x in enumerate(arguments) if isinstance(x, Variable)}
        self.arrays = {id(x): i for i, x in enumerate(arguments)}  # of a Variable no data has the id
        self.variables = [as_input(x) for x in arguments]
        self.used, self.leaves, self.steps = set(), [], []
        self.functions = self.in_order(results)
        for f in self.functions:
            ins = tuple(map(self.slot, f.inputs))
            self.steps.append((ins, tuple(self.new_slot(y()) for y in f.outputs), "output_specs" in vars(f)))
        self.results = [self.slot(y) for y in results]

    def in_order(self, results):
        """The functions, each after those of its inputs, first inputs first: in most models the order of the calls."""
        done = {}
        waiting = [f for f in map(self.creator, reversed(results)) if f is not None]
        while waiting:
            f = waiting[-1]
            missing = [g for g in map(self.creator, f.inputs) if g is not None and g not in done]
            if not missing:
                done[waiting.pop()] = None
            else:
                waiting += reversed(missing)
        return list(done)

    def creator(self, x):
        """The function that created x; None for arguments and leaves."""
        return None if x in self.numbers or x.creator in self.outside else x.creator

    def slot(self, x):
        """The slot of a variable that is read."""
        if x not in self.numbers and id(x.data) in self.arrays:
            self.numbers[x] = self.arrays[id(x.data)]
        if x not in self.numbers:
            self.leaves.append(self.new_slot(x))
        self.used.add(self.numbers[x])
        return self.numbers[x]

    def new_slot(self, x):
        """A new slot for a variable, or for None: an output that was not used."""
        self.numbers[x] = len(self.variables)
        self.variables.append(x)
        return self.numbers[x]

    def check(self, other):
        """Raise NoProgram unless another trace has the same functions, steps and constants."""
        equal = (self.steps, self.leaves, self.results) == (other.steps, other.leaves, other.results)
        if not equal or not all(map(same_code, map(type, self.functions), map(type, other.functions))):
            raise NoProgram("the functions that are called depend on the values")
        for i in self.leaves:
            if self.variables[i] is not other.variables[i] and not same(
                self.variables[i].data, other.variables[i].data
            ):
                k = next((k for k, (ins, _, _) in enumerate(self.steps) if i in ins), None)
                owner = "the result" if k is None else f"{type(self.functions[k]).__name__}, function number {k},"
                raise NoProgram(f"a constant of {owner} changes from call to call")


class Program:
    """A trace as Python source. `bind` returns what runs it: arrays of the arguments -> a tuple of arrays.

    arguments, outputs: slots. constants: slot -> array. keep: return all slots instead of the outputs. direct: slots
    that are copied if they are outputs, since they outlive the call. known: the copies of functions of another program
    to which the functions of this one refer, as the gradient of dropout does to the mask.
    """

    def __init__(self, trace, arguments, constants, outputs, keep, direct=(), known=()):
        data = {i: trace.variables[i].data for i in outputs}
        fresh = [i for i in outputs if i in direct or any(shared(data[i], a) for a in constants.values())]
        self.arguments, self.constants, self.outputs, self.steps = arguments, constants, outputs, trace.steps
        self.keep = keep
        self.constant_slots = {i for i, x in enumerate(trace.variables) if x is not None and x.constant}
        self.released = {i for i, x in enumerate(trace.variables) if x is not None and x.data is None}  # linear_simple
        self.flat = {i for _, outs, _ in trace.steps for i in outs if getattr(trace.variables[i], "generation", 1) == 0}
        generations = self.generations([0] * len(trace.variables))
        self.depths = [generations[i] for i in outputs]  # how many functions there are before each output
        self.functions = copies(trace.functions, known)
        self.inputs = [[example(trace.variables[i].data) for i in ins] for ins, _, _ in trace.steps]
        self.source = source_of(self, trace, fresh)
        space = {}
        exec(self.source, space)
        self.make = space["make"]

    def generations(self, found):
        """The generations of the variables of all slots, from those of the arguments and constants."""
        for ins, outs, _ in self.steps:
            for i in outs:
                found[i] = 0 if i in self.flat else 1 + max((found[j] for j in ins), default=0)
        return found

    def bind(self, known=()):
        """Copies of the functions, which keep what the gradients need of one call, and a function that calls them."""
        functions = copies(self.functions, known)
        convert = as_array if cuda.gpu_enable else np.asarray  # of what may be a scalar of NumPy
        calls = [shortcut(f, xs) or f.forward for f, xs in zip(functions, self.inputs, strict=True)]
        return functions, self.make(convert, *calls, *self.constants.values())


def source_of(program, trace, fresh):
    """The source of `make`, which takes the functions and constants, and returns `run`."""
    last = {slot: k for k, (ins, outs, _) in enumerate(trace.steps) for slot in (*ins, *outs)}
    kept = {*program.outputs, *program.constants}
    lines = []
    for k, (f, (ins, outs, several)) in enumerate(zip(trace.functions, trace.steps, strict=True)):
        call = f"f{k}({', '.join(f'v{i}' for i in ins)})"
        shapes = (
            [shape for shape, _ in f.output_specs] if several else [getattr(trace.variables[outs[0]].data, "shape", ())]
        )
        if () in shapes:  # NumPy returns scalars instead of arrays without axes
            call = f"map(as_array, {call})" if several else f"as_array({call})"
        names = "".join(f"v{i}, " for i in outs).rstrip() if several else f"v{outs[0]}"
        lines.append(f"{names} = {call}  # {type(f).__name__}")
        if not program.keep:
            used = dict.fromkeys(f"v{i}" for i in (*ins, *outs) if last[i] == k and i not in kept)
            lines += [f"del {', '.join(used)}"] * bool(used)
    returned = range(len(trace.variables)) if program.keep else program.outputs
    lines.append(f"return ({''.join(f'v{i}.copy(), ' if i in fresh else f'v{i}, ' for i in returned)})")
    made = ", ".join(["as_array", *(f"f{k}" for k in range(len(trace.steps))), *(f"v{i}" for i in program.constants)])
    body = "\n        ".join(lines)
    head = f"def run({', '.join(f'v{i}' for i in program.arguments)}):"
    return f"def make({made}):\n    {head}\n        {body}\n    return run\n"


def example(a):
    """An array of the shape and dtype of another one, without its memory; None if it is not one of NumPy."""
    return np.broadcast_to(np.zeros((), a.dtype), a.shape) if type(a) is np.ndarray else None


def shared(a, b):
    """Whether two arrays may share memory; those on a GPU are copied in any case."""
    return cuda.is_on_gpu(a) or np.may_share_memory(a, b)


def copies(functions, known=()):
    """Shallow copies without a graph. They refer to each other, or to what is in known, as the functions do."""
    known = dict(known)
    for f in functions:
        known[f] = copy = type(f).__new__(type(f))
        vars(copy).update((name, value) for name, value in vars(f).items() if name not in GRAPH)
    for f in functions:
        attributes = vars(known[f])
        for name, value in attributes.items():
            if isinstance(value, Function):
                if value not in known:
                    raise NoProgram(f"{type(f).__name__}.{name} is a function outside of the program")
                attributes[name] = known[value]
    return [known[f] for f in functions]


class Lease:
    """What one call of a program needs at a time: copies of its functions, and of those of its gradients."""

    def __init__(self, program):
        self.program = program
        self.functions, self.run = program.bind()
        self.gradients = {}

    def runner(self, program):
        """The Python function of a program of gradients: arrays of all slots, and initial gradients -> gradients."""
        if program not in self.gradients:
            known = zip(self.program.functions, self.functions, strict=True)
            self.gradients[program] = program.bind(known)[1]
        return self.gradients[program]

    def graph(self, slots, inputs, outputs):
        """The graph of a call as it is when its functions are called one by one: its functions, and variables by slot.

        outputs: variables, or None for those to be created.
        """
        program, functions = self.program, copies(self.functions)
        variables = [None] * len(slots)
        for i, x in (*zip(program.arguments, inputs, strict=True), *zip(program.outputs, outputs, strict=True)):
            variables[i] = x
        for i, x in enumerate(variables):
            if x is None:
                variables[i] = Variable(None if i in program.released else slots[i])
                variables[i].constant = i in program.constant_slots
        generations = program.generations([x.generation for x in variables])
        for f, (ins, outs, several) in zip(functions, program.steps, strict=True):
            f.inputs, ys = [variables[i] for i in ins], [variables[i] for i in outs]
            f.outputs = [ref(y) for y in ys]
            f.generation = max((generations[i] for i in ins), default=0)
            if several:
                f.output_specs = [(y.shape, y.dtype) for y in ys]
            for i, y in zip(outs, ys, strict=True):
                y.creator = f
                y.generation = max(y.generation, generations[i])
        return functions, variables
