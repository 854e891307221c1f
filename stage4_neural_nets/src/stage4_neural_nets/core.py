"""Variable and Function: the box that holds an array, and the computation that fills one."""

import heapq
import weakref

import numpy as np

from .config import Config, using_config


class Variable:
    """A box for an array, its gradient and the function that made it. [steps 1, 6, 7, 9, 16, 19, 21, 32, 41, 44]

    data: numpy.ndarray of any shape and dtype, or None. Raises TypeError for anything else.
    name: None, or a text that tells this variable from others.
    grad: None until `backward` fills it; then a Variable with the shape of data, and with its dtype
        where both are floating.
    creator: the Function whose result this is, or None for a variable that the user made.
    generation: 0 for a variable of the user's; one more than its creator's for a result.
    constant: True where a Function made this variable of an array that it was given: nobody can ask
        for its gradient, and none is computed.

    Backward reads the data of the forward pass again: do not edit `data` in between.
    """

    __array_priority__ = 200  # array + variable is the variable's business ...
    __array_ufunc__ = None  # ... and no ufunc makes an array of variables, or edits one in place
    constant = False

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

    def backward(self, retain_grad=False, create_graph=False):
        """Add to `grad` of every leaf that this variable was computed from. [steps 7-9, 13, 14, 16-18, 32]

        Starts from `self.grad`, or from ones where it is None. The variables in between end with no
        gradient; with retain_grad they keep that of this pass. With create_graph the backward pass
        is a computation like any other: gradients know how they were made and can be differentiated
        again; they may be shared, so do not edit their data. ValueError if `self.grad` has not the
        shape of the data; RuntimeError if a function on the way was called again since, for it
        remembers only its latest call. An error leaves every `grad` as it was. The mode is that of the
        process: meanwhile forward passes in other threads record as this pass does, or not at all.
        """
        with using_config("enable_backprop", create_graph):
            seed = as_seed(self.grad, self, create_graph)
            arrived = propagate([self], [seed], keep_all=retain_grad)
            for x, gx in arrived.items():
                if x.creator is None and x.grad is not None and x is not self:
                    arrived[x] = like(x, x.grad + gx)
        given = {id(x.data) for x in arrived}
        for x, gx in arrived.items():
            x.grad = gx if create_graph or gx is None else own_gradient(gx, given)


class Parameter(Variable):
    """A Variable that is learned: layers collect parameters, optimizers update them. [step 44]"""

    def __getattr__(self, name):
        """Explain why `shape` and the like are missing before the first call of a layer."""
        if "data" in self.__dict__ and self.data is None:
            raise AttributeError(
                f"parameter {self.name} has no {name!r} while it is uninitialized; call its layer once"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class Function:
    """A computation from Variables to Variables. [steps 2, 6, 7, 9, 11-13, 16-18, 21, 32, 41]

    A subclass writes `forward`, from arrays to arrays, and `backward`, from Variables to Variables:
    one argument for each input or output, and a tuple where there are several results. A gradient
    has the shape of its input; for an input that is `constant` it may be None. Whatever `backward`
    computes with functions can be differentiated again. An instance remembers its latest
    call (`inputs`, `outputs`), so each call takes an instance of its own: `Square()(x)`. The
    outputs are weak references, so that a graph nobody holds is freed at once.
    """

    def __call__(self, *inputs):
        inputs = [as_input(x) for x in inputs]
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
        return [Variable(np.zeros(*kind)) if gy is None else gy for gy, kind in zip(gys, self.kinds, strict=True)]

    def called_again(self):
        """What to say where backward meets an output of an earlier call."""
        name = type(self).__name__
        return f"backward: this {name} was called again after it made this variable; use one {name}() for each call"

    def forward(self, *xs):
        """The values: arrays xs -> array y, or a tuple of arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, *gys):
        """The chain rule: gradients gys of the outputs -> gradients of the inputs, all Variables."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")


def as_array(x):
    """A 0-d array for a Python or NumPy scalar; anything else as it is. [step 9]

    NumPy's arithmetic on 0-d arrays returns scalars, which Variable would refuse.
    """
    return np.array(x) if np.isscalar(x) else x


def as_variable(obj):
    """A Variable for an array; a Variable as it is. [step 21]"""
    return obj if isinstance(obj, Variable) else Variable(obj)


def as_input(obj):
    """A Variable as it is; an array as one that is constant: a node of the graph without a gradient. [step 41]"""
    if isinstance(obj, Variable):
        return obj
    variable = Variable(obj)
    variable.constant = True
    return variable


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


def as_seed(gy, y, create_graph):
    """The gradient to start with at y: ones for None; without create_graph a copy, for it may be given on. [step 32]"""
    if gy is None:
        return Variable(np.ones_like(y.data))
    gy = as_variable(as_array(gy))
    if gy.shape != y.shape:
        raise ValueError(f"backward: grad has shape {gy.shape}, data has {y.shape}")
    gy = like(y, gy)
    return gy if create_graph else Variable(gy.data.copy())


class Cast(Function):
    """y = x in another floating dtype;  gx = gy, which the engine casts back."""

    def __init__(self, dtype):
        self.dtype = dtype

    def forward(self, x):
        return x.astype(self.dtype)

    def backward(self, gy):
        return gy


def like(x, gx):
    """The gradient in the dtype of its variable, if both are floating. [step 44]"""
    if gx.dtype != x.dtype and gx.dtype.kind == x.dtype.kind == "f":
        return Cast(x.dtype)(gx)
    return gx


def propagate(outputs, seeds, keep_all=False, keep=()):
    """The backward pass from outputs with these seeds: a dict from variables to their gradients. [step 32]

    It has every leaf that was reached. Of the variables in between it has those in keep, or all with
    keep_all; and, with None, those whose `grad` is left over from an earlier pass. No `grad` takes
    part or is written, so gradients on their way are never mixed up with older ones.
    """
    grads = {}  # on their way: what has come together at each variable
    between = {}  # the variables that functions made
    funcs = []  # a heap: the newest generation first, of one generation the last added
    seen = set()

    def add_creator(variable):
        f = variable.creator
        if f is not None and f not in seen:
            seen.add(f)
            heapq.heappush(funcs, (-f.generation, -len(seen), f))

    for y, gy in zip(outputs, seeds, strict=True):
        grads[y] = grads[y] + gy if y in grads else gy
        add_creator(y)
    while funcs:
        _, _, f = heapq.heappop(funcs)
        gys = []
        for output in f.outputs:
            y = output()
            gy = grads.pop(y, None)
            gys.append(gy)
            if y is None:  # nobody held it
                continue
            if keep_all or y in keep:
                between[y] = gy
            elif y.grad is not None:  # kept by an earlier pass
                between[y] = None
        if len(gys) > 1 or gys[0] is None:
            gys = f.fill_in(gys)
        gxs = f.backward(*gys)
        if not isinstance(gxs, tuple):
            gxs = (gxs,)
        if len(gxs) != len(f.inputs):
            raise ValueError(f"{type(f).__name__}.backward: {len(gxs)} gradients for {len(f.inputs)} inputs")
        for x, gx in zip(f.inputs, gxs, strict=True):
            if x.constant:
                continue
            if not isinstance(gx, Variable):
                raise TypeError(f"{type(f).__name__}.backward: {type(gx)} came for a gradient, a Variable is needed")
            if x.data is not None:  # it is where it was released, as in linear_simple
                if gx.data.shape != x.data.shape:
                    raise ValueError(f"{type(f).__name__}.backward: a gradient {gx.shape} came for an input {x.shape}")
                if gx.data.dtype != x.data.dtype:
                    gx = like(x, gx)
            # Never +=, which would change the array for others that hold it too.
            grads[x] = grads[x] + gx if x in grads else gx
            add_creator(x)

    for x in grads:  # only leaves are left, unless a function does not know its output any more
        if x.creator is not None:
            raise RuntimeError(x.creator.called_again())
    return between | grads


def own_gradient(grad, given):
    """The gradient with an array that no other has. given: the ids of the arrays given out so far. [step 32]"""
    if grad.data.base is not None or id(grad.data) in given:
        grad = Variable(grad.data.copy())
    given.add(id(grad.data))
    return grad


def grad(outputs, inputs, grad_outputs=None, create_graph=False):
    """The gradients of outputs by inputs; every `grad` stays as it is. [beyond the book]

    outputs, inputs: a Variable or a list of them; the answer is bare for bare inputs, a list for a
    list. grad_outputs: the seed of each output, ones where it is None. Zeros for an input that the
    outputs do not depend on. create_graph as in `backward`.
    """
    ys = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    xs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    gys = grad_outputs if isinstance(grad_outputs, (list, tuple)) else [grad_outputs] * len(ys)
    for variable in [*ys, *xs]:
        if not isinstance(variable, Variable):
            raise TypeError(f"grad: {type(variable)} came, a Variable is needed")
    if len(gys) != len(ys):
        raise ValueError(f"grad: {len(gys)} grad_outputs came for {len(ys)} outputs")
    with using_config("enable_backprop", create_graph):
        seeds = [as_seed(gy, y, create_graph) for y, gy in zip(ys, gys, strict=True)]
        arrived = propagate(ys, seeds, keep=set(xs))
    gxs = []
    given = {id(x.data) for x in xs}
    for x in xs:
        gx = arrived.get(x)
        if gx is None:
            gx = Variable(np.zeros_like(x.data))
        gxs.append(gx if create_graph else own_gradient(gx, given))
    return gxs if isinstance(inputs, (list, tuple)) else gxs[0]
