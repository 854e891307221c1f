"""Step 17: memory management and reference cycles.

Python frees an object as soon as the last reference to it is gone. A function held its outputs and
each output held its creator, a cycle in which the count never reaches zero:

    (x) <---inputs--- [ f ] <---creator--- (y)
                        |                   ^
                        +-----outputs-------+       now a weak reference, which does not count

Such a graph stayed in memory until the garbage collector ran. Now the graph is referenced only
through y, and when y is gone the whole graph is freed at once.

Repaired here: an output of a function with several outputs may already be freed, and then the book's
`backward` fails with AttributeError. A freed or unused output has no influence on the result, so its
gradient is zeros; to create them (`fill_missing`), the function stores the shapes and dtypes of its
outputs (`output_specs`). A function with one output never needs this: it is reached only
through that output. `stale_output` is the error for a variable that is no longer an output of its
creator, because the function was called again.

`--out DIR` writes the figure of memory, with and without weak references, to DIR/step17.png (needs
matplotlib); without it the figure is shown in a window.
"""

import argparse
import gc
import heapq
import pathlib
import sys
import tracemalloc
import weakref

import numpy as np
from numpy import generic, ndarray


class Variable:
    """An array with its gradient and the function that created it. [step 1]

    data: numpy.ndarray of real numbers of any shape and dtype, or None. Anything else raises TypeError.
    grad: None until `backward` computes it; then an ndarray with the shape of data, and with its
        dtype unless the initial gradient had another.
    creator: the Function whose output this is, or None for a leaf (created by the user).
    generation: 0 for a leaf, one more than that of its creator for an output.

    Do not edit `data` between a forward pass and its backward pass, which reads it.
    """

    grad = creator = None
    generation = 0

    def __init__(self, data):
        if type(data) is not ndarray or data.dtype.kind not in "biuf":
            check_data(data)
        self.data = data

    def set_creator(self, func):
        """Record the function that created this variable. [step 7]"""
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Delete the gradient, so that the next backward pass does not add to it. [step 14]"""
        self.grad = None

    def backward(self):
        """Add gradients to `grad` of every variable that this variable depends on. [step 7]

        Starts from `self.grad`, or from ones if it is None. `cleargrad` deletes the gradients of
        earlier passes. Raises ValueError if `self.grad` and `self.data` differ in shape, and
        RuntimeError if a function in the graph was called again: an instance keeps only its latest
        call.
        """
        if self.grad is not None and np.shape(self.grad) != self.data.shape:
            raise ValueError(f"backward: expected a gradient of shape {self.data.shape}, got {np.shape(self.grad)}")
        funcs = []  # max-heap by generation; ties: last added first
        seen = set()

        def add_creator(variable):
            f = variable.creator
            if f is None:  # a leaf
                return
            if all(output() is not variable for output in f.outputs):
                raise f.stale_output()
            if f not in seen:
                seen.add(f)
                heapq.heappush(funcs, (-f.generation, -len(seen), f))

        add_creator(self)
        # A copy: no two variables share an array.
        self.grad = np.ones_like(self.data) if self.grad is None else np.array(self.grad)
        while funcs:
            _, _, f = heapq.heappop(funcs)
            gys = []
            for output in f.outputs:
                y = output()
                gys.append(None if y is None else y.grad)
            if any(gy is None for gy in gys):
                gys = f.fill_missing(gys)
            gxs = f.backward(*gys)
            if not isinstance(gxs, tuple):
                gxs = (gxs,)
            taken = gys.copy()
            for x, gx in zip(f.inputs, gxs, strict=True):
                gx = as_array(gx)
                # Copy an array that is already in use, and possible views of one.
                if gx.base is not None or any(gx is other for other in taken):
                    gx = gx.copy()
                taken.append(gx)
                # Not +=, which would modify an array that other variables may share.
                x.grad = gx if x.grad is None else as_array(x.grad + gx)
                add_creator(x)


class Function:
    """A computation from Variables to Variables. [step 2]

    A subclass defines `forward` and `backward`, both on arrays: one argument for each input or
    output, and a tuple for several results. An instance keeps its latest call (`inputs`, `outputs`),
    so use a new instance for each call: `Add()(x0, x1)`. The outputs are weak references, so that a
    graph is freed as soon as nothing refers to it.
    """

    def __call__(self, *inputs):
        for x in inputs:
            if not isinstance(x, Variable):
                raise TypeError(f"{type(self).__name__}: expected Variables, got {type(x)}")
            if x.data is None:
                raise TypeError(f"{type(self).__name__}: expected Variables with data, got Variable(None)")
        xs = [x.data for x in inputs]
        ys = self.forward(*xs)
        if not isinstance(ys, tuple):
            ys = (ys,)
        outputs = [Variable(as_array(y)) for y in ys]
        self.generation = max([x.generation for x in inputs])
        for output in outputs:
            output.set_creator(self)
        self.inputs = inputs
        self.outputs = [weakref.ref(output) for output in outputs]
        if len(outputs) > 1:
            self.output_specs = [(y.data.shape, y.data.dtype) for y in outputs]
        return outputs if len(outputs) > 1 else outputs[0]

    def fill_missing(self, gys):
        """Replace the missing gradients of unused or freed outputs by zeros. [step 17]"""
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

# What raises the reference count of an object: another name, a container, an argument while the call lasts.
a = [1, 2, 3]
before = sys.getrefcount(a)  # includes the argument of this call
b = a
print(sys.getrefcount(a) - before)  # -> 1
c = {"key": a}
print(sys.getrefcount(a) - before)  # -> 2
d = weakref.ref(Variable(None))  # a weak reference raises no count
b = c = None
print(sys.getrefcount(a) - before, d() is None)  # -> 0 True

# A weak reference does not keep its object alive.
a = np.array([1, 2, 3])
b = weakref.ref(a)
print(b())  # -> [1 2 3]
a = None
print(b())  # -> None
print(repr(b).endswith("dead>"))  # -> True


class Obj:
    """An object that can hold references."""


gc.disable()  # from here on only reference counting frees objects
a, b, c = Obj(), Obj(), Obj()
a.b, b.c = b, c  # a chain
watch = [weakref.ref(obj) for obj in (a, b, c)]
a = b = c = None
print([ref() is None for ref in watch])  # -> [True, True, True]

a, b, c = Obj(), Obj(), Obj()
a.b, b.c, c.a = b, c, a  # a cycle
watch = [weakref.ref(obj) for obj in (a, b, c)]
a = b = c = None
print([ref() is None for ref in watch])  # -> [False, False, False]
gc.collect()
print([ref() is None for ref in watch])  # -> [True, True, True]

# The graph of y is kept alive by y.
x = Variable(np.array(2.0))
a = square(x)
y = square(a)
watch = weakref.ref(a)
a = None
print(watch() is None)  # -> False
y = None
print(watch() is None)  # -> True


def strengthen(y):
    """Make the references to outputs in the graph of y strong, as they were up to step 16."""
    while y.creator is not None:
        y.creator.outputs = [lambda y=y: y]
        y = y.creator.inputs[0]


def measure(weak):
    """Memory in use after each of 10 iterations, in bytes, and the number of variables that are alive."""
    gc.collect()
    tracemalloc.start()
    held, living = [], []
    for _ in range(10):
        x = Variable(np.random.randn(10000))
        y = square(square(square(x)))
        if not weak:
            strengthen(y)
        held.append(tracemalloc.get_traced_memory()[0])
        living.append(sum(type(obj) is Variable for obj in gc.get_objects()))
    tracemalloc.stop()
    return held, living


x = y = None
np.random.seed(0)
with_weak, living = measure(weak=True)
print(living)  # -> [4, 4, 4, 4, 4, 4, 4, 4, 4, 4]
without_weak, living = measure(weak=False)
print(living)  # -> [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
print([round(n / 1e6, 2) for n in with_weak])
# ~> [0.32, 0.32, 0.32, 0.32, 0.32, 0.32, 0.32, 0.32, 0.32, 0.32] (0.1)
print([round(n / 1e6, 2) for n in without_weak])
# ~> [0.32, 0.64, 0.96, 1.28, 1.61, 1.93, 2.25, 2.57, 2.89, 3.21] (0.1)
gc.enable()


# The gradient of an output that was freed is zeros.
class Separate(Function):
    """y0 is the first half of x, y1 the second half."""

    def forward(self, x):
        y0, y1 = np.split(x, 2)
        return y0, y1

    def backward(self, gy0, gy1):
        return np.concatenate([gy0, gy1])


x = Variable(np.array([1.0, 2.0, 3.0, 4.0]))
y = square(Separate()(x)[0])
y.backward()
print(x.grad)  # -> [2. 4. 0. 0.]


def draw(plt):
    """Memory held after each iteration."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    iterations = range(1, len(with_weak) + 1)
    for held, label, color in (
        (without_weak, "without: outputs held by their functions", "tab:orange"),
        (with_weak, "with weak references to the outputs", "tab:blue"),
    ):
        axes.plot(iterations, [n / 1e6 for n in held], "o-", color=color, label=label)
    axes.set_xticks(iterations)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("iteration")
    axes.set_ylabel("memory held, in MB")
    axes.set_title("y = square(square(square(x))) of 10,000 numbers, collector off")
    axes.legend(loc="upper left")
    return figure


def folder(text):
    """An argument type: the path of a folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a folder, got ''")
    return pathlib.Path(text)


parser = argparse.ArgumentParser(description="Step 17: memory management and reference cycles")
parser.add_argument("--out", type=folder, metavar="DIR", help="write the figure to DIR/step17.png")
arguments = parser.parse_args()
try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step17: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
figure = draw(plt)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out / "step17.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # matplotlib chooses Agg if there is no display
    plt.show()
