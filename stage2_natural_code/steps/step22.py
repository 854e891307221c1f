"""Step 22: the operators - / and **.

An operator has three parts: a Function, a Python function, and an assignment to Variable. If the order of
the operands matters, the reversed operator needs its own function:

    2.0 - x   --->   x.__rsub__(2.0)   --->   rsub(x, 2.0)   --->   Sub()(2.0, x)

The exponent of ** is a constant number. It has no derivative here, and anything but a number raises
TypeError (the book accepts a variable, then fails in NumPy or returns a wrong result). `//` and `%` are left to
the reader: their derivatives are zero or not defined where the result jumps.

Repaired here: for c = 0 at x = 0 the formula c x^(c-1) is 0 * inf, and the book's gradient of x ** 0 is nan;
the gradient of a constant is 0. NumPy does not raise integers to negative integer powers, so integer data
are raised as floats. And the book divides by x1^2 to get the gradient of a quotient with respect to x1,
which overflows for float32 from 2e19 on and underflows below 1e-23; (gy / x1) (-x0 / x1) stays in range.

This file holds the definitions of the finished package; step 23 only distributes them over modules.
"""

import functools
import inspect
import operator
import threading
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
    name: optional label, shown in graph drawings.
    grad: None until `backward` computes it; then an ndarray with the shape of data, and with its
        dtype unless the initial gradient had another.
    creator: the Function whose output this is, or None for a leaf (created by the user).
    generation: 0 for a leaf, one more than that of its creator for an output.
    recorded: False for an output that was computed without recording a graph.

    `==` compares identity, so variables can be dict keys. Do not edit `data` between a forward pass
    and its backward pass, which reads it.
    """

    name = grad = creator = None
    generation = 0
    recorded = True
    __array_priority__ = 200  # array + variable calls Variable.__radd__
    __array_ufunc__ = None  # ufuncs reject variables, also in place: array += variable

    def __init__(self, data, name=None):
        if type(data) is not ndarray or data.dtype.kind not in "biuf":
            check_data(data)
        self.data = data
        if name is not None:
            self.name = name

    @property
    def shape(self):
        """Lengths of the axes, a tuple. [step 19]"""
        return self.data.shape

    @property
    def ndim(self):
        """Number of axes. [step 19]"""
        return self.data.ndim

    @property
    def size(self):
        """Number of elements. [step 19]"""
        return self.data.size

    @property
    def dtype(self):
        """Type of the elements. [step 19]"""
        return self.data.dtype

    def __len__(self):
        """Length of the first axis. Raises TypeError if there is none. [step 19]"""
        return len(self.data)

    def __repr__(self):
        """`variable(...)`, with the rows of a matrix aligned. [step 19]"""
        if self.data is None:
            return "variable(None)"
        text = str(self.data).replace("\n", "\n" + " " * len("variable("))
        return f"variable({text})"

    def __bool__(self):
        """Truth value of the only element. Raises ValueError if the size is not 1. [step 19, not in the book]"""
        return bool(self.data.item())

    def __float__(self):
        """The only element as a float. [step 19, not in the book]"""
        return float(self.data.item())

    def __int__(self):
        """The only element as an int. [step 19, not in the book]"""
        return int(self.data.item())

    def __index__(self):
        """The only element as an index. Raises TypeError unless it is an integer. [step 19, not in the book]"""
        return operator.index(self.data.item())

    def __array__(self, dtype=None, copy=None):
        """The data, for NumPy functions; their results have no graph. [step 21, not in the book]"""
        return np.array(self.data, dtype, copy=copy)

    def __dlpack__(self, **options):
        """The data, for `from_dlpack` of other libraries. [step 21, not in the book]"""
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        """The device of the data, for `from_dlpack`. [step 21, not in the book]"""
        return self.data.__dlpack_device__()

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
        variables, xs, generation = [], [], 0
        for x in inputs:
            if not isinstance(x, Variable):
                x = as_variable(x)
            if x.data is None:
                raise TypeError(f"{type(self).__name__}: expected a Variable with data or an array, got None")
            variables.append(x)
            xs.append(x.data)
            if x.generation > generation:
                generation = x.generation
        ys = self.forward(*xs)
        if isinstance(ys, tuple):
            return self.return_several(variables, ys, generation)
        y = Variable(as_array(ys))
        if Config.enable_backprop:
            self.inputs = variables
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


def as_variable(obj):
    """Convert an array to a Variable; return a Variable unchanged. [step 21]"""
    return obj if isinstance(obj, Variable) else Variable(obj)


def as_operand(x, other):
    """Convert the second operand of an operator: a Python number becomes an array. [step 21]

    The number gets the dtype that NumPy gives it next to the other operand: float32 * 2.0 stays float32,
    int64 * 2.0 is float64. NumPy scalars and arrays keep their dtype.
    """
    if isinstance(x, Variable):
        return x
    dtype = getattr(other, "dtype", None)  # None if other is not an array: the function reports that
    if dtype is not None and type(x) in (bool, int, float):
        if dtype.kind != "f":
            dtype = np.result_type(dtype, x)
        return constant(x, dtype) if x else np.array(x, dtype)  # not cached: 0.0 and -0.0 are equal keys
    return as_array(x)


@functools.lru_cache(maxsize=256)
def constant(x, dtype):
    """The 0-d array of a number: cached, and read-only because it is shared. [step 21]"""
    return np.broadcast_to(np.array(x, dtype), ())


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
    """Sum x0 + x1; x1 may be a number or an array. [step 12]"""
    return Add()(x0, as_operand(x1, x0))


class Mul(Function):
    """y = x0 x1;  gx0 = gy x1, gx1 = gy x0."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.inputs[0].data, self.inputs[1].data
        return gy * x1, gy * x0


def mul(x0, x1):
    """Product x0 * x1; x1 may be a number or an array. [step 20]"""
    return Mul()(x0, as_operand(x1, x0))


class Neg(Function):
    """y = -x;  gx = -gy."""

    def forward(self, x):
        return -x

    def backward(self, gy):
        return -gy


def neg(x):
    """Negative -x. [step 22]"""
    return Neg()(x)


class Sub(Function):
    """y = x0 - x1;  gx0 = gy, gx1 = -gy."""

    def forward(self, x0, x1):
        return x0 - x1

    def backward(self, gy):
        return gy, -gy


def sub(x0, x1):
    """Difference x0 - x1; x1 may be a number or an array. [step 22]"""
    return Sub()(x0, as_operand(x1, x0))


def rsub(x0, x1):
    """Reversed difference x1 - x0. [step 22]"""
    return Sub()(as_operand(x1, x0), x0)


class Div(Function):
    """y = x0 / x1;  gx0 = gy / x1, gx1 = gx0 (-x0 / x1): x1^2 could overflow or underflow."""

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = self.inputs[0].data, self.inputs[1].data
        gx0 = gy / x1
        return gx0, gx0 * (-(x0 / x1))


def div(x0, x1):
    """Quotient x0 / x1; x1 may be a number or an array. [step 22]"""
    return Div()(x0, as_operand(x1, x0))


def rdiv(x0, x1):
    """Reversed quotient x1 / x0. [step 22]"""
    return Div()(as_operand(x1, x0), x0)


class Pow(Function):
    """y = x^c;  gx = c x^(c-1) gy, and 0 if c = 0. The exponent c is a number."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return x ** exponent(self.c, x)

    def backward(self, gy):
        x, c = self.inputs[0].data, self.c
        if c == 0:  # c x^(c-1) would be 0 * inf at x = 0
            return 0 * gy**0  # 0 also where gy is inf or nan
        return c * x ** exponent(c - 1, x) * gy


def exponent(c, x):
    """c, as a float if negative and x holds integers: NumPy rejects negative integer powers of integers."""
    return float(c) if c < 0 and x.dtype.kind in "iu" else c


def pow(x, c):
    """Power x ** c with a constant exponent. Raises TypeError unless c is a number. [step 22]"""
    if not np.isscalar(c):
        raise TypeError(f"pow: expected a number as the exponent, got {type(c)}")
    return Pow(c)(x)


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


Variable.__add__ = add
Variable.__radd__ = add
Variable.__mul__ = mul
Variable.__rmul__ = mul
Variable.__neg__ = neg
Variable.__sub__ = sub
Variable.__rsub__ = rsub
Variable.__truediv__ = div
Variable.__rtruediv__ = rdiv
Variable.__pow__ = pow


# --- demonstration ---

x = Variable(np.array(2.0))
y = -x
print(y)  # -> variable(-2.0)

y1 = 2.0 - x
y2 = x - 1.0
print(y1)  # -> variable(0.0)
print(y2)  # -> variable(1.0)

y = x**3
print(y)  # -> variable(8.0)
y.backward()
print(x.grad)  # -> 12.0


def gradient(f, data):
    x = Variable(np.array(data))
    f(x).backward()
    return x.grad


print(gradient(lambda x: 2.0 - x, 2.0))  # -> -1.0
print(gradient(lambda x: x / 4.0, 2.0))  # -> 0.25
print(1.0 / x)  # -> variable(0.5)
print(gradient(lambda x: 1.0 / x, 2.0))  # -> -0.25
print(gradient(lambda x: x**0, 0.0))  # -> 0.0
print(gradient(lambda x: 1e30 / x, np.float32(1e30)))  # -> -1e-30
print(Variable(np.array([1, 2, 4])) ** -1)  # -> variable([1.   0.5  0.25])

y = x
y += 1  # no in-place operator: y = y + 1 creates a new variable
print(x, y)  # -> variable(2.0) variable(3.0)

try:
    x**x
except TypeError as error:
    print(f"TypeError: {error}")
# !> TypeError: pow: expected a number as the exponent, got <class '__main__.Variable'>
try:
    2**x
except TypeError as error:
    print(f"TypeError: {error}")  # !> TypeError: unsupported operand type(s) for ** or pow(): 'int' and 'Variable'
