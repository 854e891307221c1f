"""Step 18: modes that save memory.

A model that is only used (inference) needs no gradients. So two things took memory without need. The gradients
of intermediate variables: `backward` now discards them, unless it is called with `retain_grad=True`. And the
links of the graph, which only a backward pass needs: inside `with no_grad():` a call computes its output and
records nothing. `Config` holds this mode, separately for each thread, and `using_config` restores the old
value, even after an error. Both context managers also work as decorators.

Repaired here: the book propagates gradients through `.grad` itself, so a gradient that an earlier pass
retained becomes part of the next one: the graph below, run twice with retain_grad, would give x0 5.0
instead of 4.0. The traversal is now a function, `propagate`, that keeps the gradients of a pass apart
from `.grad`; an error leaves every `grad` unchanged, and at the end `unshare` copies the arrays that
two variables would share. It also finds a variable whose function was called again: at the end of the
pass its gradient is left over.

In the book `Config` is shared by all threads, so `no_grad` in one thread affects another. And `backward`
on a variable that was computed inside `no_grad` fails with AttributeError; here the error says what is
missing, also for a copy of a variable, which has the data but no graph.

A call with one output, the usual case, builds no lists of outputs; `return_several` handles the others.
"""

import contextlib
import functools
import inspect
import os
import threading
import tracemalloc
from heapq import heappop, heappush
from weakref import ref

import numpy as np
from numpy import generic, ndarray


class ThreadConfig(threading.local):
    """The modes of one thread; a new thread starts with these defaults. `Config` is the only instance. [step 18]

    enable_backprop: whether function calls record the graph that a backward pass needs.
    """

    enable_backprop = True


Config = ThreadConfig()


class using_config:
    """Set Config.name to a value in a `with` block or a decorated function, then restore it. [step 18]

    In a decorated generator the value is set only while the generator runs, not in its caller. Raises
    AttributeError if Config has no such name.
    """

    def __init__(self, name, value):
        self.name = name
        self.value = value
        self.old_values = []  # one per open block: an object may be used in nested blocks

    def __enter__(self):
        self.old_values.append(getattr(Config, self.name))
        setattr(Config, self.name, self.value)

    def __exit__(self, *error):
        setattr(Config, self.name, self.old_values.pop())

    def __call__(self, function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            with using_config(self.name, self.value):
                return function(*args, **kwargs)

        @functools.wraps(function)
        def iterate(*args, **kwargs):
            items = function(*args, **kwargs)
            resume, argument = items.send, None
            while True:
                try:
                    with using_config(self.name, self.value):
                        item = resume(argument)
                except StopIteration as end:
                    return end.value
                try:
                    resume, argument = items.send, (yield item)
                except BaseException as error:  # thrown into this generator: pass it on
                    resume, argument = items.throw, error

        return iterate if inspect.isgeneratorfunction(function) else call


def no_grad():
    """Disable recording in a `with` block or a decorated function: less memory, no gradients. [step 18]"""
    return using_config("enable_backprop", False)


class Variable:
    """An array with its gradient and the function that created it. [step 1]

    data: numpy.ndarray of real numbers of any shape and dtype, or None. Anything else raises TypeError.
    grad: None until `backward` computes it; then an ndarray with the shape of data, and with its
        dtype unless the initial gradient had another.
    creator: the Function whose output this is, or None for a leaf (created by the user).
    generation: 0 for a leaf, one more than that of its creator for an output.
    recorded: False for an output that was computed without recording a graph.

    `==` compares identity, so variables can be dict keys. Do not edit `data` between a forward pass
    and its backward pass, which reads it.
    """

    grad = creator = None
    generation = 0
    recorded = True

    def __init__(self, data):
        if type(data) is not ndarray or data.dtype.kind not in "biuf":
            check_data(data)
        self.data = data

    def __getstate__(self):
        """The state for copy and pickle: everything but the graph. [step 18, not in the book]"""
        state = vars(self).copy()
        if state.pop("creator", None) is not None:
            state |= {"generation": 0, "recorded": False}
        return state

    def set_creator(self, func):
        """Record the function that created this variable. [step 7]"""
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Delete the gradient, so that the next backward pass does not add to it. [step 14]"""
        self.grad = None

    def backward(self, retain_grad=False):
        """Compute gradients and add them to `grad` of every leaf that this variable depends on. [step 7]

        Starts from `self.grad`, or from ones if it is None. Gradients of intermediate variables are
        discarded, or kept if retain_grad is True. Raises ValueError if `self.grad` and `self.data`
        differ in shape, and RuntimeError if this variable was computed without recording a graph or
        if a function in the graph was called again: an instance keeps only its latest call. After an
        error every `grad` is unchanged.
        """
        initial = initial_gradient(self.grad, self)
        gradients = propagate([self], [initial], keep_all=retain_grad)
        for x, gx in gradients.items():
            if x.creator is None and x.grad is not None and x is not self:
                gradients[x] = x.grad + gx
        taken = {id(x.data) for x in gradients}
        for x, gx in gradients.items():
            x.grad = None if gx is None else unshare(gx, taken)


class Function:
    """A computation from Variables to Variables. [step 2]

    A subclass defines `forward` and `backward`, both on arrays: one argument for each input or
    output, and a tuple for several results. An instance keeps its latest call (`inputs`, `outputs`),
    so use a new instance for each call: `Add()(x0, x1)`. The outputs are weak references, so that a
    graph is freed as soon as nothing refers to it.
    """

    def __call__(self, *inputs):
        xs, generation = [], 0
        for x in inputs:
            if not isinstance(x, Variable):
                raise TypeError(f"{type(self).__name__}: expected Variables, got {type(x)}")
            if x.data is None:
                raise TypeError(f"{type(self).__name__}: expected Variables with data, got Variable(None)")
            xs.append(x.data)
            if x.generation > generation:
                generation = x.generation
        ys = self.forward(*xs)
        if isinstance(ys, tuple):
            return self.return_several(inputs, ys, generation)
        y = Variable(as_array(ys))
        if Config.enable_backprop:
            self.inputs = inputs
            self.outputs = [ref(y)]
            self.generation = generation
            y.creator = self
            y.generation = generation + 1
        else:
            y.recorded = False
        return y

    def return_several(self, inputs, ys, generation):
        """Wrap and record a tuple of outputs: return a list of Variables, or the only one. [step 18]"""
        outputs = [Variable(as_array(y)) for y in ys]
        if Config.enable_backprop:
            self.inputs = inputs
            self.outputs = [ref(y) for y in outputs]
            self.generation = generation
            self.output_specs = [(y.data.shape, y.data.dtype) for y in outputs]
        for y in outputs:
            if Config.enable_backprop:
                y.set_creator(self)
            else:
                y.recorded = False
        return outputs if len(outputs) > 1 else outputs[0]

    def input_gradients(self, gys):
        """Call `backward`, check the results and pair each input with its gradient. [step 18]"""
        if len(gys) > 1 or gys[0] is None:
            gys = self.fill_missing(gys)
        gxs = self.backward(*gys)
        if not isinstance(gxs, tuple):
            gxs = (gxs,)
        if len(gxs) != len(self.inputs):
            raise ValueError(
                f"{type(self).__name__}.backward: expected {len(self.inputs)} gradients, "
                f"one for each input, got {len(gxs)}"
            )
        for gx in gxs:
            if gx is None:
                raise TypeError(f"{type(self).__name__}.backward: expected arrays, got None")
        return zip(self.inputs, gxs)  # noqa: B905 - the lengths are equal, and strict=True takes time

    def fill_missing(self, gys):
        """Replace the missing gradients of unused or freed outputs by zeros. [step 17]"""
        if len(gys) == 1:
            raise self.stale_output()
        return [np.zeros(*s) if gy is None else gy for gy, s in zip(gys, self.output_specs, strict=True)]

    def stale_output(self):
        """The error for an output of an earlier call. [step 17]"""
        name = type(self).__name__
        return RuntimeError(
            f"backward: expected an output of the latest call of {name}, got one of an earlier call; "
            f"use a new {name}() for each call"
        )

    def forward(self, *xs):
        """Compute the outputs: arrays xs -> array y, or a tuple of arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, *gys):
        """Apply the chain rule: gradients gys of the outputs -> gradients of the inputs, all arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")


def check_data(data):
    """Raise TypeError unless data is None or an array of real numbers. [step 9]

    Matrices and masked arrays are rejected, since their arithmetic differs from that of arrays.
    """
    if data is None:
        return
    if not isinstance(data, ndarray) or isinstance(data, (np.matrix, np.ma.MaskedArray)):
        raise TypeError(f"Variable: expected a numpy.ndarray, got {type(data)}")
    if data.dtype.kind not in "biuf":
        raise TypeError(f"Variable: expected an array of real numbers, got dtype {data.dtype}")


def as_array(x):
    """Convert a Python or NumPy scalar to a 0-d array; return anything else unchanged. [step 9]

    NumPy arithmetic on 0-d arrays returns scalars, which Variable does not accept.
    """
    if isinstance(x, ndarray):
        return x
    return np.array(x) if isinstance(x, generic) or np.isscalar(x) else x


def initial_gradient(gy, y):
    """Initial gradient of y: a copy of gy, since a backward may return it, or ones if it is None. [step 18]"""
    if not y.recorded:
        raise RuntimeError(
            "backward: expected a variable with a graph, got a copy of a variable, or one computed under no_grad()"
        )
    if gy is None:
        return np.ones_like(y.data)
    gy = np.array(gy)
    if gy.shape != y.data.shape:
        raise ValueError(f"backward: expected a gradient of shape {y.data.shape}, got {gy.shape}")
    return gy


def propagate(outputs, initial_gradients, keep_all=False):
    """Backpropagate from outputs: return a dict from variables to their gradients. [step 18]

    It contains every leaf that was reached and, if keep_all is True, the intermediate variables;
    otherwise those with a `grad` from an earlier pass are mapped to None. No `grad` is propagated or
    modified, so gradients of this pass never mix with older ones.
    """
    gradients = {}  # accumulated so far, by variable
    intermediates = {}
    funcs = []  # max-heap by generation; ties: last added first
    seen = set()
    pairs = zip(outputs, initial_gradients, strict=True)
    while True:
        for x, gx in pairs:
            # Not +=, which would modify an array that other variables may share.
            gradients[x] = gradients[x] + gx if x in gradients else gx
            f = x.creator
            if f is not None and f not in seen:
                seen.add(f)
                heappush(funcs, (-f.generation, -len(seen), f))
        if not funcs:
            break
        f = heappop(funcs)[2]
        gys = []
        for output in f.outputs:
            y = output()
            gy = gradients.pop(y, None)
            gys.append(gy)
            if y is not None and (keep_all or y.grad is not None):
                intermediates[y] = gy if keep_all else None
        pairs = f.input_gradients(gys)

    for x in gradients:  # only leaves remain, unless a function was called again
        if x.creator is not None:
            raise x.creator.stale_output()
    return intermediates | gradients


def unshare(gradient, taken):
    """Return gradient, or a copy if its array may also belong to another variable. [step 18]

    taken: ids of the arrays that already belong to a variable.
    """
    data = as_array(gradient)
    if data.base is not None or id(data) in taken:
        data = data.copy()
    taken.add(id(data))
    return data


class Square(Function):
    """y = x^2;  gx = 2 x gy."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.inputs[0].data
        return 2 * x * gy


def square(x):
    """Square, elementwise. [step 9]"""
    return Square()(x)


class Exp(Function):
    """y = e^x;  gx = e^x gy."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.inputs[0].data
        return np.exp(x) * gy


def exp(x):
    """Exponential, elementwise. [step 9]"""
    return Exp()(x)


class Add(Function):
    """y = x0 + x1;  gx0 = gy, gx1 = gy."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


def add(x0, x1):
    """Sum x0 + x1. [step 12]"""
    return Add()(x0, x1)


def numerical_diff(f, x, eps=1e-4):
    """Central difference (f(x + eps) - f(x - eps)) / (2 eps), computed in float64. [step 4]

    f: maps a Variable to a Variable. All elements of x change together, so for an array this is the
    derivative of each element only if f is elementwise.
    """
    if not isinstance(x, Variable):
        raise TypeError(f"numerical_diff: expected a Variable, got {type(x)}; use Variable(np.array(...))")
    point = x.data.astype(np.float64)  # float32 would round x - eps and x + eps
    x0 = Variable(as_array(point - eps))
    x1 = Variable(as_array(point + eps))
    y0 = f(x0)
    y1 = f(x1)
    return (y1.data - y0.data) / (2 * eps)


# --- demonstration ---

x0 = Variable(np.array(1.0))
x1 = Variable(np.array(1.0))
t = add(x0, x1)
y = add(x0, t)
y.backward()
print(y.grad, t.grad)  # -> None None
print(x0.grad, x1.grad)  # -> 2.0 1.0

x0.cleargrad()
x1.cleargrad()
y.backward(retain_grad=True)  # as before this step
print(y.grad, t.grad)  # -> 1.0 1.0
print(x0.grad, x1.grad)  # -> 2.0 1.0

y.backward(retain_grad=True)  # leaves accumulate; the gradient that t retained is not propagated again
print(y.grad, t.grad)  # -> 1.0 1.0
print(x0.grad, x1.grad)  # -> 4.0 2.0


def held(enable_backprop):
    """Memory in use after the forward pass, in MB: x, y and the intermediates that the graph keeps."""
    tracemalloc.start()
    with using_config("enable_backprop", enable_backprop):
        x = Variable(np.ones((100, 100, 100)))
        y = square(square(square(x)))
        megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    if enable_backprop:
        y.backward()
        print(np.all(x.grad == 8.0))  # -> True
    return megabytes


print(held(True))  # ~> 32.0 (0.5)
print(held(False))  # ~> 16.0 (0.5)


# `with` ends what it began, here a file.
with open(os.devnull, "w") as file:
    file.write("written")
print(file.closed)  # -> True


@contextlib.contextmanager
def config_test():
    print("start")
    try:
        yield
    finally:
        print("done")


with config_test():
    print("process...")
# -> start
# -> process...
# -> done

with using_config("enable_backprop", False):
    x = Variable(np.array(2.0))
    y = square(x)
print(y.data, y.creator)  # -> 4.0 None

with no_grad():
    x = Variable(np.array(2.0))
    y = square(x)
print(y.data, y.creator)  # -> 4.0 None

try:
    with no_grad():
        print(Config.enable_backprop)  # -> False
        raise KeyError("an error")
except KeyError:
    print(Config.enable_backprop)  # -> True

try:
    with using_config("enable_backdrop", False):
        pass
except AttributeError as error:
    print(f"AttributeError: {error}")
# !> AttributeError: 'ThreadConfig' object has no attribute 'enable_backdrop'


@no_grad()
def predict(x):
    return square(x)


y = predict(Variable(np.array(2.0)))
try:
    y.backward()
except RuntimeError as error:
    print(str(error).split(", ")[0])  # !> backward: expected a variable with a graph

modes = []
with no_grad():  # a new thread starts with the defaults
    thread = threading.Thread(target=lambda: modes.append(Config.enable_backprop))
    thread.start()
    thread.join()
print(modes)  # -> [True]
