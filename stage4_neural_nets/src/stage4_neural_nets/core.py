"""Variable and Function: an array with its gradient, and a computation that records how its outputs were made."""

import functools
import operator
from heapq import heappop, heappush
from numbers import Real
from weakref import ref

import numpy as np
from numpy import generic, ndarray

from .config import Config, using_config


class Variable:
    """An array with its gradient and the function that created it. [step 1]

    data: numpy.ndarray of real numbers of any shape and dtype, or None. Anything else raises TypeError.
    name: optional label, shown in graph drawings.
    grad: None until `backward` computes it; then a Variable with the shape of data, and with its
        dtype if both are floating-point.
    creator: the Function whose output this is, or None for a leaf (created by the user).
    generation: 0 for a leaf, one more than that of its creator for an output.
    recorded: False for an output or a gradient that was computed without recording a graph.
    constant: True for the Variable of an array or a number that was passed to a function: no gradient
        is computed for it.

    `==` compares identity, so variables can be dict keys. Do not edit `data` between a forward pass
    and its backward pass, which reads it.
    """

    name = grad = creator = None
    generation = 0
    recorded = True
    constant = False
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

    def backward(self, retain_grad=False, create_graph=False):
        """Compute gradients and add them to `grad` of every leaf that this variable depends on. [step 7]

        Starts from `self.grad`, or from ones if it is None. Gradients of intermediate variables are
        discarded, or kept if retain_grad is True. With create_graph the gradients have a graph of
        their own and can be differentiated again; they may share arrays, so do not edit their data.
        Raises ValueError if `self.grad` and `self.data` differ in shape, and RuntimeError if this
        variable was computed without recording a graph or if a function in the graph was called
        again: an instance keeps only its latest call. After an error every `grad` is unchanged.
        """
        with using_config("enable_backprop", create_graph):
            initial = initial_gradient(self.grad, self)
            gradients = propagate([self], [initial], keep_all=retain_grad)
            for x, gx in gradients.items():
                if x.creator is None and x.grad is not None and x is not self:
                    gradients[x] = cast_like(x, x.grad + gx)
        taken = {id(x.data) for x in (initial, *gradients)}
        for x, gx in gradients.items():
            x.grad = gx if create_graph or gx is None else unshare(gx, taken)


class Parameter(Variable):
    """A trainable Variable: layers collect parameters, optimizers update them. [step 44]"""

    def __getattr__(self, name):
        """Explain why `shape` and similar attributes are missing before the first call of the layer."""
        if "data" in self.__dict__ and self.data is None:
            raise AttributeError(
                f"parameter {self.name} has no {name!r} while it is uninitialized; call its layer once"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class Function:
    """A computation from Variables to Variables. [step 2]

    A subclass defines `forward` on arrays and `backward` on Variables: one argument for each input
    or output, and a tuple for several results. A gradient has the shape of its input, and may be None
    for a `constant` input. What `backward` computes with functions can be differentiated again. An
    instance keeps its latest call (`inputs`, `outputs`), so use a new instance for each call:
    `Add()(x0, x1)`. The outputs are weak references, so that a graph is freed as soon as nothing
    refers to it.
    """

    def __call__(self, *inputs):
        variables, xs, generation = [], [], 0
        for x in inputs:
            if not isinstance(x, Variable):
                x = as_input(x)
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
        pairs = []
        for x, gx in zip(self.inputs, gxs):  # noqa: B905 - the lengths are equal, and strict=True takes time
            if x.constant:
                continue
            if not isinstance(gx, Variable):
                raise TypeError(f"{type(self).__name__}.backward: expected Variables, got {type(gx)}")
            data, gdata = x.data, gx.data
            if data is not None:  # None if it was released, as in linear_simple
                if gdata.shape != data.shape:
                    raise ValueError(
                        f"{type(self).__name__}.backward: expected a gradient of shape {data.shape}, got {gdata.shape}"
                    )
                if gdata.dtype != data.dtype:
                    gx = cast_like(x, gx)
            pairs.append((x, gx))
        return pairs

    def fill_missing(self, gys):
        """Replace the missing gradients of unused or freed outputs by zeros. [step 17]"""
        if len(gys) == 1:
            raise self.stale_output()
        return [Variable(np.zeros(*s)) if gy is None else gy for gy, s in zip(gys, self.output_specs, strict=True)]

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
        """Apply the chain rule: gradients gys of the outputs -> gradients of the inputs, all Variables."""
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


def as_input(obj, name=None):
    """Convert an array to a constant Variable; return a Variable unchanged. [step 41]

    Given the name of a function, raises TypeError if there is no data.
    """
    variable = obj
    if not isinstance(obj, Variable):
        variable = Variable(obj)
        variable.constant = True
    if name is not None and variable.data is None:
        raise TypeError(f"{name}: expected a Variable with data or an array, got None")
    return variable


def as_number(name, key, value, nan=False):
    """A number, or an array () of one, as Python's: one of NumPy would turn float32 into float64. [step 46]

    name: of the function or class, key: of its argument. Raises TypeError unless it is a real number, and
    ValueError for nan, unless nan is True.
    """
    number = value.item() if hasattr(value, "item") and np.ndim(value) == 0 else value
    if not isinstance(number, Real):
        raise TypeError(f"{name}: expected {key} to be a number, got {value!r}")
    if number != number and not nan:
        raise ValueError(f"{name}: expected {key} to be a number, got nan")
    return number


def as_count(name, key, value, least=1):
    """An integer as Python's; name and key as in as_number. [step 50, not in the book]

    Raises TypeError unless it is an integer, ValueError if it is below `least`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected {key} to be an integer, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name}: expected {key} to be at least {least}, got {value}")
    return number


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
    """Initial gradient of y: gy, or ones if it is None. [step 18]"""
    if not y.recorded:
        raise RuntimeError(
            "backward: expected a variable with a graph, got a copy of a variable, or one computed "
            "under no_grad() or without create_graph=True"
        )
    if gy is None:
        return Variable(np.ones_like(y.data))
    gy = as_variable(as_array(gy))
    if gy.shape != y.data.shape:
        raise ValueError(f"backward: expected a gradient of shape {y.data.shape}, got {gy.shape}")
    return cast_like(y, gy)


class Cast(Function):
    """y = x with another floating-point dtype;  gx = gy;  `input_gradients` casts it back."""

    def __init__(self, dtype):
        self.dtype = dtype

    def forward(self, x):
        return x.astype(self.dtype)

    def backward(self, gy):
        return gy


def cast_like(x, gx):
    """Cast the gradient gx to the dtype of x if both are floating-point. [step 44]"""
    if gx.dtype != x.dtype and gx.dtype.kind == x.dtype.kind == "f":
        return Cast(x.dtype)(gx)
    return gx


def propagate(outputs, initial_gradients, keep_all=False, keep=()):
    """Backpropagate from outputs: return a dict from variables to their gradients. [step 18]

    It contains every leaf that was reached and the intermediate variables in keep, or all of them if
    keep_all is True; others with a `grad` from an earlier pass are mapped to None. No `grad` is
    propagated or modified, so gradients of this pass never mix with older ones.
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
            if y is not None and (keep_all or y in keep or y.grad is not None):
                intermediates[y] = gy if keep_all or y in keep else None
        pairs = f.input_gradients(gys)

    for x in gradients:  # only leaves remain, unless a function was called again
        if x.creator is not None:
            raise x.creator.stale_output()
    return intermediates | gradients


def unshare(gradient, taken):
    """Return gradient, or a copy if its array may also belong to another variable. [step 18]

    taken: ids of the arrays that already belong to a variable.
    """
    data = gradient.data
    if gradient.recorded or data.base is not None or id(data) in taken:
        data = data.copy()
    taken.add(id(data))
    return gradient if data is gradient.data else unrecorded(data)


def unrecorded(data):
    """A Variable marked as computed without recording a graph. [step 32]"""
    variable = Variable(data)
    variable.recorded = False
    return variable


def grad(outputs, inputs, grad_outputs=None, create_graph=False):
    """Return the gradients of outputs with respect to inputs; change no `grad`. [step 36, not in the book]

    outputs, inputs: a Variable or a list of Variables. Returns one Variable for one input, and a list
    for a list; zeros for an input on which the outputs do not depend.
    grad_outputs: initial gradient of each output; None stands for ones.
    create_graph: as in `backward`.
    """
    ys = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    xs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    gys = grad_outputs if isinstance(grad_outputs, (list, tuple)) else [grad_outputs] * len(ys)
    for variable in [*ys, *xs]:
        if not isinstance(variable, Variable):
            raise TypeError(f"grad: expected Variables, got {type(variable)}")
    if len(gys) != len(ys):
        raise ValueError(f"grad: expected as many grad_outputs as outputs, {len(ys)}, got {len(gys)}")
    with using_config("enable_backprop", create_graph):
        initial = [initial_gradient(gy, y) for y, gy in zip(ys, gys, strict=True)]
        gradients = propagate(ys, initial, keep=set(xs))
    gxs = []
    taken = {id(x.data) for x in [*initial, *xs]}
    for x in xs:
        gx = gradients.get(x)
        if gx is None:
            gx = Variable(np.zeros_like(x.data))
        gxs.append(gx if create_graph else unshare(gx, taken))
    return gxs if isinstance(inputs, (list, tuple)) else gxs[0]
