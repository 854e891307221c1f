"""Layers: functions that own parameters, and collect those of the layers inside them."""

import math
import weakref

import numpy as np

from . import functions as F
from .core import Parameter, Variable, as_input


class Layer:
    """A function with parameters; a subclass writes `forward`, from Variables to Variables. [steps 44, 45]

    Parameters and layers that are set as attributes are registered under their names, and walked in
    the order in which they were first set; those in a list are not: set them with setattr as well.
    """

    def __init__(self):
        self._params = []  # the names of parameters and layers

    def __setattr__(self, name, value):
        if isinstance(value, (Parameter, Layer)):
            if "_params" not in self.__dict__:
                raise RuntimeError(f"{type(self).__name__}: call super().__init__() before setting {name!r}")
            if name in ("inputs", "outputs"):
                raise ValueError(f"{type(self).__name__}: {name!r} is where a call is remembered; use another name")
        super().__setattr__(name, value)
        if isinstance(value, (Parameter, Layer)):
            if name not in self._params:
                self._params.append(name)
        elif name in self.__dict__.get("_params", ()):
            self._params.remove(name)

    def __delattr__(self, name):
        super().__delattr__(name)
        if name in self._params:
            self._params.remove(name)

    def __call__(self, *inputs):
        outputs = self.forward(*inputs)
        if not isinstance(outputs, tuple):
            outputs = (outputs,)
        self.inputs = [weakly(x) for x in inputs]
        self.outputs = [weakly(y) for y in outputs]
        return outputs if len(outputs) > 1 else outputs[0]

    def __getstate__(self):
        """What copies and pickles keep: all but the weak references to a call, and a list of names of their own."""
        kept = {name: value for name, value in self.__dict__.items() if name not in ("inputs", "outputs")}
        return kept | {"_params": list(self._params)}

    def forward(self, *inputs):
        """The outputs: a Variable, or a tuple of them."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def named_params(self):
        """Every parameter of the tree with its path: ("l1/W", W), ... One that is in two places comes twice."""
        for name in self._params:
            value = self.__dict__[name]
            if isinstance(value, Layer):
                for path, param in value.named_params():
                    yield f"{name}/{path}", param
            else:
                yield name, value

    def params(self):
        """Every parameter of the tree, each once. [steps 44, 45]"""
        yield from dict.fromkeys(param for _, param in self.named_params())

    def cleargrads(self):
        """Forget the gradients of all parameters. [step 44]"""
        for param in self.params():
            param.cleargrad()


def weakly(x):
    """A reference that does not keep x alive; numbers, tuples and the like have none and are kept."""
    return weakref.ref(x) if isinstance(x, (Variable, np.ndarray)) else lambda: x


class Linear(Layer):
    """y = x W + b.  x (N, in_size) -> (N, out_size). [steps 44, 45]

    W (in_size, out_size): normal numbers from NumPy's global generator, of standard deviation
    sqrt(1 / in_size); drawn at once if in_size is given, otherwise at the first call. b (out_size,):
    zeros, None with nobias. Both have the dtype given.
    """

    def __init__(self, out_size, nobias=False, dtype=np.float32, in_size=None):
        super().__init__()
        self.in_size = in_size
        self.out_size = out_size
        self.dtype = dtype

        self.W = Parameter(None, name="W")
        if self.in_size is not None:
            self._init_W()
        self.b = None if nobias else Parameter(np.zeros(out_size, dtype=dtype), name="b")

    def _init_W(self):
        I, O = self.in_size, self.out_size
        # A NumPy scalar from np.sqrt would make float64 of float32.
        self.W.data = np.random.randn(I, O).astype(self.dtype) * math.sqrt(1 / I)

    def forward(self, x):
        x = as_input(x)
        if self.W.data is None:
            if x.ndim == 0 or x.shape[-1] == 0:
                raise ValueError(f"Linear: x {x.shape} came, (N, in_size) with in_size at least 1 is needed")
            self.in_size = x.shape[-1]
            self._init_W()
        return F.linear(x, self.W, self.b)
