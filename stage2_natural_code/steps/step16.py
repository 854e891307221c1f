"""Step 16: complex computational graphs.

Step 15 as code. The forward pass numbers the generations. `backward` always takes the pending
function of the highest generation, and each function only once:

    generation    0     0      1     1      2      2      3
                 (x)  [ A ]   (a)  [ B ]   (b)   [ D ]   (y)
                                   [ C ]   (c)

The functions are kept in a heap, where adding or removing one takes O(log n) steps. The book sorts
its whole list at each insertion, so a sum of many terms, whose functions are all in the list at
once, takes time quadratic in their number. Within a generation both take the last added first.

Still missing: a second `backward` on the same graph adds to the gradients that the first one left
in intermediate variables (step 18).
"""

import heapq

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
            if variable not in f.outputs:
                name = type(f).__name__
                raise RuntimeError(
                    f"backward: expected an output of the latest call of {name}, got one of an earlier call; "
                    f"use a new {name}() for each call"
                )
            if f not in seen:
                seen.add(f)
                heapq.heappush(funcs, (-f.generation, -len(seen), f))

        add_creator(self)
        # A copy: no two variables share an array.
        self.grad = np.ones_like(self.data) if self.grad is None else np.array(self.grad)
        while funcs:
            _, _, f = heapq.heappop(funcs)
            gys = [output.grad for output in f.outputs]
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
    so use a new instance for each call: `Add()(x0, x1)`.
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
        self.outputs = outputs
        return outputs if len(outputs) > 1 else outputs[0]

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


class Dummy:
    """An object with a generation."""

    def __init__(self, generation):
        self.generation = generation


generations = [2, 0, 1, 4, 2]
funcs = [Dummy(g) for g in generations]
print([f.generation for f in funcs])  # -> [2, 0, 1, 4, 2]

# As in the book.
funcs.sort(key=lambda f: f.generation)
print([f.generation for f in funcs])  # -> [0, 1, 2, 2, 4]
print(funcs.pop().generation)  # -> 4

# A heap returns the smallest element first, hence the minus sign.
funcs = []
for generation in generations:
    heapq.heappush(funcs, -generation)
print(-heapq.heappop(funcs))  # -> 4

x = Variable(np.array(2.0))
a = square(x)
b, c = square(a), square(a)
y = add(b, c)
y.backward()
print(y.data)  # -> 32.0
print(x.grad)  # -> 64.0

# The generations of the variables and of the functions.
print([variable.generation for variable in (x, a, b, c, y)])  # -> [0, 1, 2, 2, 3]
print([variable.creator.generation for variable in (a, b, c, y)])  # -> [0, 1, 1, 2]

# The generation of a function is the largest of its inputs.
print(add(a, y).creator.generation)  # -> 3


# The backward of a function with two outputs is called once, after both gradients are computed.
class Separate(Function):
    """y0 is the first half of x, y1 the second half."""

    def forward(self, x):
        y0, y1 = np.split(x, 2)
        return y0, y1

    def backward(self, gy0, gy1):
        return np.concatenate([gy0, gy1])


x = Variable(np.array([1.0, 2.0, 3.0, 4.0]))
y0, y1 = Separate()(x)
y = add(square(y0), y1)
y.backward()
print(x.grad)  # -> [2. 4. 1. 1.]

# A sum of 20,000 terms: all the squares are in the heap at once.
x = Variable(np.array(1.0))
y = square(x)
for _ in range(19999):
    y = add(y, square(x))
y.backward()
print(y.data, x.grad)  # -> 20000.0 40000.0
