"""Layers: functions that own parameters and collect those of their sublayers."""

import math
import weakref

import numpy as np

from . import functions as F
from .core import Parameter, Variable, as_input


class Layer:
    """A function with parameters: a subclass defines `forward`, from Variables to Variables. [step 44]

    Parameters and layers that are set as attributes are registered by name, in the order in which they were
    first set. Those in a list are not: set them as attributes, too.
    """

    def __init__(self):
        self._params = []  # names of parameters and layers

    def __setattr__(self, name, value):
        registered = isinstance(value, (Parameter, Layer))
        if registered and "_params" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}: call super().__init__() before setting {name!r}")
        if registered and (name in ("inputs", "outputs") or "/" in name):
            raise ValueError(
                f"{type(self).__name__}: {name!r} cannot be the name of a parameter or layer: "
                "inputs and outputs hold the latest call, slashes separate names in paths"
            )
        super().__setattr__(name, value)
        names = self.__dict__.get("_params", [])
        if registered and name not in names:
            names.append(name)
        elif not registered and name in names:
            names.remove(name)

    def __delattr__(self, name):
        super().__delattr__(name)
        if name in self._params:
            self._params.remove(name)

    def __call__(self, *inputs):
        outputs = self.forward(*inputs)
        if not isinstance(outputs, tuple):
            outputs = (outputs,)
        self.inputs = [weak(x) for x in inputs]
        self.outputs = [weak(y) for y in outputs]
        return outputs if len(outputs) > 1 else outputs[0]

    def __getstate__(self):
        """The attributes for copies and pickles: without the latest call, and with a copy of the list of names."""
        kept = {name: value for name, value in self.__dict__.items() if name not in ("inputs", "outputs")}
        return kept | {"_params": list(self._params)}

    def __repr__(self):
        """The sublayers, one per line, and the shapes of the parameters. [step 45, not in the book]"""
        parameters, layers = [], []
        for name in self._params:
            value = self.__dict__[name]
            if isinstance(value, Layer):
                layers.append(f"({name}): {value!r}".replace("\n", "\n  "))
            else:
                parameters.append(f"{name} {shape_text(value)}")
        lines = [", ".join(parameters)] * bool(parameters) + layers
        text = "\n  ".join(["", *lines]) + "\n" if layers else "".join(lines)
        return f"{type(self).__name__}({text})"

    def forward(self, *inputs):
        """Compute the outputs: a Variable, or a tuple of them."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def named_state(self):
        """Yield every parameter of the tree with its path: ("l1/W", W), ...; a shared one once per path."""
        for name in self._params:
            value = self.__dict__[name]
            if isinstance(value, Layer):
                for path, variable in value.named_state():
                    yield f"{name}/{path}", variable
            else:
                yield name, value

    def named_params(self):
        """Yield the parameters among `named_state`, with their paths."""
        for path, variable in self.named_state():
            if isinstance(variable, Parameter):
                yield path, variable

    def params(self):
        """Yield every parameter of the tree, each once. [step 44]"""
        yield from dict.fromkeys(param for _, param in self.named_params())

    def cleargrads(self):
        """Clear the gradients of all parameters. [step 44]"""
        for param in self.params():
            param.cleargrad()


def weak(x):
    """A weak reference to x; for numbers, tuples and other objects without one, a function that returns x."""
    return weakref.ref(x) if isinstance(x, (Variable, np.ndarray)) else lambda: x


def uninitialized(name, shape, dtype=None):
    """A parameter without data. The first call of its layer determines any size or dtype that is None."""
    variable = Parameter(None, name=name)
    variable.form = shape, dtype and np.dtype(dtype)
    return variable


def shape_text(variable):
    """The shape of a parameter for `repr`: "(2, 3)", or "(None, 3) uninitialized"."""
    if variable.data is not None:
        return str(variable.shape)
    shape, _ = getattr(variable, "form", ("", None))
    return f"{shape} uninitialized".strip()


class Linear(Layer):
    """y = x W + b.  x (N, in_size) -> (N, out_size). [step 44]

    W (in_size, out_size): normal with standard deviation sqrt(1 / in_size), drawn from NumPy's global generator: on
    construction if in_size is given, otherwise at the first call. b (out_size,): zeros; None with nobias.
    Both have the given dtype.
    """

    def __init__(self, out_size, nobias=False, dtype=np.float32, in_size=None):
        super().__init__()
        check_sizes(self, nobias, out_size=out_size, in_size=in_size)
        self.in_size = in_size
        self.out_size = out_size
        self.dtype = dtype

        self.W = uninitialized("W", (in_size, out_size), dtype)
        if self.in_size is not None:
            self._init_W()
        self.b = None if nobias else Parameter(np.zeros(out_size, dtype=dtype), name="b")

    def _init_W(self):
        I, O = self.in_size, self.out_size
        # math.sqrt, since the NumPy scalar from np.sqrt would turn float32 into float64.
        self.W.data = np.random.randn(I, O).astype(self.dtype) * math.sqrt(1 / I)

    def prepare(self, x):
        """Draw W for inputs like x if it is uninitialized. Check x first, so that a failure changes nothing."""
        if self.W.data is None:
            if x.ndim == 0 or x.shape[-1] == 0:
                raise ValueError(f"Linear: expected x (N, in_size) with in_size at least 1, got {x.shape}")
            self.in_size = x.shape[-1]
            self._init_W()

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.linear(x, self.W, self.b)


def check_sizes(layer, nobias=False, **sizes):
    """Raise ValueError unless sizes are positive integers (or None for in_...), TypeError unless nobias is a bool."""
    name = type(layer).__name__
    if not isinstance(nobias, (bool, np.bool_)):
        raise TypeError(f"{name}: expected nobias to be True or False, got {nobias!r}; pass input sizes by keyword")
    for key, size in sizes.items():
        if not (size is None and key.startswith("in_")) and not (isinstance(size, (int, np.integer)) and size >= 1):
            raise ValueError(f"{name}: expected {key} to be a positive integer, got {size!r}")
