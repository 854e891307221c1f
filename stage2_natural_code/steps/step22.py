"""Step 22: the operators - / and **.

Three parts make an operator: a Function, a Python function beside it, an assignment to Variable. Where
the order of the operands matters, the reversed operator needs a function of its own:

    2.0 - x   --->   x.__rsub__(2.0)   --->   rsub(x, 2.0)   --->   Sub()(2.0, x)

The exponent of ** is a constant number. It has no derivative here, and anything but a number is
refused with a TypeError (the book's form takes a variable and fails in NumPy, or worse, does not).

Repaired here: c x^(c-1) is 0 * inf for c = 0 at x = 0, which the book's x ** 0 answers with nan; the
gradient of a constant is 0. And NumPy does not raise integers to negative integer powers, so integer data
under a negative exponent is raised as floats.

This file holds the definitions of the finished package; step 23 only spreads them over modules.
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
    """A box for an array, its gradient and the function that made it. [steps 1, 6, 7, 9, 16, 19, 21]

    data: numpy.ndarray of any shape and dtype, or None. Raises TypeError for anything else.
    name: None, or a text that tells this variable from others.
    grad: None until `backward` fills it; then an ndarray with the shape of data, and with its dtype
        unless the seed had another.
    creator: the Function whose result this is, or None for a variable that the user made.
    generation: 0 for a variable of the user's; one more than its creator's for a result.

    Backward reads the data of the forward pass again: do not edit `data` in between.
    """

    __array_priority__ = 200  # array + variable is the variable's business ...
    __array_ufunc__ = None  # ... and no ufunc makes an array of variables, or edits one in place

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
    """A computation from Variables to Variables. [steps 2, 6, 7, 9, 11-13, 16-18, 21]

    A subclass writes `forward` and `backward`, both from arrays to arrays: one argument for each
    input or output, and a tuple where there are several results. An instance remembers its latest
    call (`inputs`, `outputs`), so each call takes an instance of its own: `Square()(x)`. The
    outputs are weak references, so that a graph nobody holds is freed at once.
    """

    def __call__(self, *inputs):
        inputs = [as_variable(x) for x in inputs]
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


def as_variable(obj):
    """A Variable for an array; a Variable as it is. [step 21]"""
    return obj if isinstance(obj, Variable) else Variable(obj)


def as_operand(x, other):
    """The second operand beside a first one: a Python number takes the dtype that NumPy gives it there.

    float32 * 2.0 stays float32, int64 * 2.0 is float64. NumPy's scalars and arrays keep their dtype. [step 21]
    """
    if isinstance(x, Variable):
        return x
    if type(x) in (bool, int, float):
        dtype = other.dtype
        return np.array(x, dtype if dtype.kind == "f" else np.result_type(dtype, x))
    return as_array(x)


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
    """Sum: x0 + x1. x1 may be a number or an array. [steps 12, 20, 21]"""
    return Add()(x0, as_operand(x1, x0))


class Mul(Function):
    """y = x0 x1;  gx0 = gy x1, gx1 = gy x0."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.inputs[0].data, self.inputs[1].data
        return gy * x1, gy * x0


def mul(x0, x1):
    """Product: x0 * x1. x1 may be a number or an array. [steps 20, 21]"""
    return Mul()(x0, as_operand(x1, x0))


class Neg(Function):
    """y = -x;  gx = -gy."""

    def forward(self, x):
        return -x

    def backward(self, gy):
        return -gy


def neg(x):
    """Negative: -x. [step 22]"""
    return Neg()(x)


class Sub(Function):
    """y = x0 - x1;  gx0 = gy, gx1 = -gy."""

    def forward(self, x0, x1):
        return x0 - x1

    def backward(self, gy):
        return gy, -gy


def sub(x0, x1):
    """Difference: x0 - x1. x1 may be a number or an array. [step 22]"""
    return Sub()(x0, as_operand(x1, x0))


def rsub(x0, x1):
    """Difference with the operands reversed: x1 - x0. [step 22]"""
    return Sub()(as_operand(x1, x0), x0)


class Div(Function):
    """y = x0 / x1;  gx0 = gy / x1, gx1 = -gy x0 / x1^2."""

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = self.inputs[0].data, self.inputs[1].data
        return gy / x1, gy * (-x0 / x1**2)


def div(x0, x1):
    """Quotient: x0 / x1. x1 may be a number or an array. [step 22]"""
    return Div()(x0, as_operand(x1, x0))


def rdiv(x0, x1):
    """Quotient with the operands reversed: x1 / x0. [step 22]"""
    return Div()(as_operand(x1, x0), x0)


class Pow(Function):
    """y = x^c;  gx = c x^(c-1) gy, and 0 for c = 0. The exponent c is a constant number."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return x ** exponent(self.c, x)

    def backward(self, gy):
        x, c = self.inputs[0].data, self.c
        if c == 0:  # c x^(c-1) would be 0 * inf at x = 0
            return np.zeros_like(gy)
        return c * x ** exponent(c - 1, x) * gy


def exponent(c, x):
    """The exponent as NumPy wants it: it raises integers to negative powers only as floats."""
    return float(c) if c < 0 and x.dtype.kind in "iu" else c


def pow(x, c):
    """Power with a constant exponent: x ** c. TypeError unless c is a number. [step 22]"""
    if not np.isscalar(c):
        raise TypeError(f"pow: {type(c)} came as the exponent, a number is needed")
    return Pow(c)(x)


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
print(Variable(np.array([1, 2, 4])) ** -1)  # -> variable([1.   0.5  0.25])

y = x
y += 1  # no in-place operator: y = y + 1 makes a new variable
print(x, y)  # -> variable(2.0) variable(3.0)

try:
    x**x
except TypeError as error:
    print(f"TypeError: {error}")
# !> TypeError: pow: <class '__main__.Variable'> came as the exponent, a number is needed
try:
    2**x
except TypeError as error:
    print(f"TypeError: {error}")  # !> TypeError: unsupported operand type(s) for ** or pow(): 'int' and 'Variable'
