"""Step 20: the operators + and *.

`add(mul(a, b), c)` is hard to read. For `a * b` Python calls `a.__mul__(b)`, and functions are objects
that can be assigned like any other, so two assignments below the definitions are all it takes:

    a * b   --->   Variable.__mul__(a, b)   --->   mul(a, b)

New is multiplication: y = x0 x1, so x0 gets gy x1 and x1 gets gy x0. Both operands must be variables;
step 21 puts an end to that.
"""

import contextlib
import heapq
import weakref

import numpy as np


class Config:
    """The one configuration; used as a class, never instantiated. It is shared by all threads. [step 18]

    enable_backprop: whether function calls remember their inputs for a backward pass.
    """

    enable_backprop = True


@contextlib.contextmanager
def using_config(name, value):
    """Set Config.name to a value inside a with block; the old value comes back in any case. [step 18]

    AttributeError for a name that Config does not have.
    """
    old_value = getattr(Config, name)
    setattr(Config, name, value)
    try:
        yield
    finally:
        setattr(Config, name, old_value)


def no_grad():
    """Record no graph inside a with block: less memory where no gradient is wanted. [step 18]"""
    return using_config("enable_backprop", False)


class Variable:
    """A box for an array, its gradient and the function that made it. [steps 1, 6, 7, 9, 16, 19]

    data: numpy.ndarray of any shape and dtype, or None. Raises TypeError for anything else.
    name: None, or a text that tells this variable from others.
    grad: None until `backward` fills it; then an ndarray with the shape of data, and with its dtype
        unless the seed had another.
    creator: the Function whose result this is, or None for a variable that the user made.
    generation: 0 for a variable of the user's; one more than its creator's for a result.

    Backward reads the data of the forward pass again: do not edit `data` in between.
    """

    def __init__(self, data, name=None):
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(f"{type(data)} is not supported: Variable needs a numpy.ndarray, or None")
        self.data = data
        self.name = name
        self.grad = None
        self.creator = None
        self.generation = 0

    @property
    def shape(self):
        """The lengths of the axes, a tuple. [step 19]"""
        return self.data.shape

    @property
    def ndim(self):
        """The number of axes. [step 19]"""
        return self.data.ndim

    @property
    def size(self):
        """The number of elements. [step 19]"""
        return self.data.size

    @property
    def dtype(self):
        """The type of the elements. [step 19]"""
        return self.data.dtype

    def __len__(self):
        """The length of the first axis; TypeError if there is none. [step 19]"""
        return len(self.data)

    def __repr__(self):
        """`variable(...)`, the rows of a matrix one below the other. [step 19]"""
        if self.data is None:
            return "variable(None)"
        text = str(self.data).replace("\n", "\n" + " " * len("variable("))
        return f"variable({text})"

    def set_creator(self, func):
        """Remember the function that made this variable; it is one generation younger. [steps 7, 16]"""
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forget the gradient, so that the next backward pass does not add to it. [step 14]"""
        self.grad = None

    def backward(self, retain_grad=False):
        """Add to `grad` of every leaf that this variable was computed from. [steps 7-9, 13, 14, 16-18]

        Starts from `self.grad`, or from ones where it is None. The variables in between end with no
        gradient; with retain_grad they keep that of this pass. ValueError if `self.grad` has not the
        shape of the data; RuntimeError if a function on the way was called again since, for it
        remembers only its latest call. An error leaves every `grad` as it was.
        """
        if self.grad is not None and np.shape(self.grad) != self.data.shape:
            raise ValueError(f"backward: grad has shape {np.shape(self.grad)}, data has {self.data.shape}")
        seed = np.ones_like(self.data) if self.grad is None else np.array(self.grad)
        grads = {self: seed}  # on their way: what has come together at each variable in this pass
        between = []  # the variables that functions made, each with the gradient that it keeps
        funcs = []  # a heap: the newest generation first, of one generation the last added
        seen = set()

        def add_creator(variable):
            f = variable.creator
            if f is not None and f not in seen:
                seen.add(f)
                heapq.heappush(funcs, (-f.generation, -len(seen), f))

        add_creator(self)
        while funcs:
            _, _, f = heapq.heappop(funcs)
            gys = []
            for output in f.outputs:
                y = output()
                gy = grads.pop(y, None)
                gys.append(gy)
                between.append((y, gy if retain_grad else None))
            if len(gys) > 1 or gys[0] is None:
                gys = f.fill_in(gys)
            gxs = f.backward(*gys)
            if not isinstance(gxs, tuple):
                gxs = (gxs,)
            if len(gxs) != len(f.inputs):
                raise ValueError(f"{type(f).__name__}.backward: {len(gxs)} gradients for {len(f.inputs)} inputs")
            for x, gx in zip(f.inputs, gxs, strict=True):
                if gx is None:
                    raise TypeError(f"{type(f).__name__}.backward: None came for a gradient, an array is needed")
                # Never +=, which would change the array for others that hold it too.
                grads[x] = grads[x] + gx if x in grads else gx
                add_creator(x)

        for x in grads:  # only leaves are left, unless a function does not know its output any more
            if x.creator is not None:
                raise RuntimeError(x.creator.called_again())
        leaves = [(x, gx if x.grad is None or x is self else x.grad + gx) for x, gx in grads.items()]
        given = {id(x.data) for x in grads}
        for variable, grad in between + leaves:
            if variable is not None:
                variable.grad = None if grad is None else own_array(grad, given)


class Function:
    """A computation from Variables to Variables. [steps 2, 6, 7, 9, 11-13, 16-18]

    A subclass writes `forward` and `backward`, both from arrays to arrays: one argument for each
    input or output, and a tuple where there are several results. An instance remembers its latest
    call (`inputs`, `outputs`), so each call takes an instance of its own: `Square()(x)`. The
    outputs are weak references, so that a graph nobody holds is freed at once.
    """

    def __call__(self, *inputs):
        for x in inputs:
            if not isinstance(x, Variable):
                raise TypeError(f"{type(self).__name__}: {type(x)} came, a Variable is needed: Variable(np.array(...))")
        xs = [x.data for x in inputs]
        ys = self.forward(*xs)
        if not isinstance(ys, tuple):
            ys = (ys,)
        outputs = [Variable(as_array(y)) for y in ys]

        if Config.enable_backprop:
            self.generation = max([x.generation for x in inputs])
            for output in outputs:
                output.set_creator(self)
            self.inputs = inputs
            self.outputs = [weakref.ref(output) for output in outputs]
            if len(outputs) > 1:
                self.kinds = [(output.shape, output.dtype) for output in outputs]
        return outputs if len(outputs) > 1 else outputs[0]

    def fill_in(self, gys):
        """Zeros for outputs that were not used or that nobody held. [step 17]"""
        if len(gys) == 1:
            raise RuntimeError(self.called_again())
        return [np.zeros(*kind) if gy is None else gy for gy, kind in zip(gys, self.kinds, strict=True)]

    def called_again(self):
        """What to say where backward meets an output of an earlier call."""
        name = type(self).__name__
        return f"backward: this {name} was called again after it made this variable; use one {name}() for each call"

    def forward(self, *xs):
        """The values: arrays xs -> array y, or a tuple of arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, *gys):
        """The chain rule: gradients gys of the outputs -> gradients of the inputs, all arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")


def as_array(x):
    """A 0-d array for a Python or NumPy scalar; anything else as it is. [step 9]

    NumPy's arithmetic on 0-d arrays returns scalars, which Variable would refuse.
    """
    return np.array(x) if np.isscalar(x) else x


def own_array(grad, given):
    """The gradient as an array that no other variable has. given: the ids of those given out so far. [step 18]"""
    grad = as_array(grad)
    if grad.base is not None or id(grad) in given:
        grad = grad.copy()
    given.add(id(grad))
    return grad


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
    """Sum: x0 + x1. [step 12]"""
    return Add()(x0, x1)


class Mul(Function):
    """y = x0 x1;  gx0 = gy x1, gx1 = gy x0."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.inputs[0].data, self.inputs[1].data
        return gy * x1, gy * x0


def mul(x0, x1):
    """Product: x0 * x1. [step 20]"""
    return Mul()(x0, x1)


def numerical_diff(f, x, eps=1e-4):
    """Central difference (f(x + eps) - f(x - eps)) / (2 eps), computed in float64. [step 4]

    f: from Variable to Variable. All elements of x change together, so for an array this is the
    derivative of each element only if f works elementwise.
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
Variable.__mul__ = mul


# --- demonstration ---

a = Variable(np.array(3.0))
b = Variable(np.array(2.0))
c = Variable(np.array(1.0))
y = add(mul(a, b), c)
y.backward()
print(y)  # -> variable(7.0)
print(a.grad)  # -> 2.0
print(b.grad)  # -> 3.0

y = a * b
print(y)  # -> variable(6.0)

a = Variable(np.array(3.0))
b = Variable(np.array(2.0))
c = Variable(np.array(1.0))
y = a * b + c
y.backward()
print(y)  # -> variable(7.0)
print(a.grad)  # -> 2.0
print(b.grad)  # -> 3.0
print(c.grad)  # -> 1.0

# Not yet: numbers.
x = Variable(np.array(2.0))
try:
    y = 2.0 * x
except TypeError as error:
    print(f"TypeError: {error}")  # !> TypeError: unsupported operand type(s) for *: 'float' and 'Variable'
