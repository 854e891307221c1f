"""Layer: a tree of parameters, buffers and sublayers."""

import weakref

import numpy as np

from .. import cuda
from ..core import Parameter, Variable


class Buffer(Variable):
    """A Variable of a layer that is saved and moved with it, but not trained. [step 54, not in the book]"""


class Layer:
    """A function with parameters: a subclass defines `forward`, from Variables to Variables. [step 44]

    Parameters, buffers and layers that are set as attributes are registered by name, in the order in which they
    were first set. Those in a list are not: set them as attributes, too.
    """

    def __init__(self):
        self._params = []  # names of parameters, buffers and layers

    def __setattr__(self, name, value):
        registered = isinstance(value, (Parameter, Buffer, Layer))
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

    def __call__(self, *inputs, **options):
        outputs = self.forward(*inputs, **options)
        if not isinstance(outputs, tuple):
            outputs = (outputs,)
        self.inputs = [weak(x) for x in inputs]
        self.outputs = [weak(y) for y in outputs]
        return outputs if len(outputs) > 1 else outputs[0]

    def __getstate__(self):
        """The attributes for copies and pickles: without the latest call, and without the graph of recurrent state."""
        kept = {name: value for name, value in self.__dict__.items() if name not in ("inputs", "outputs")}
        for name, value in kept.items():
            if isinstance(value, Variable) and value.creator is not None:
                kept[name] = Variable(value.data, value.name)
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
        """Yield every parameter and buffer of the tree with its path: ("l1/W", W), ...; a shared one once per path."""
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

    @property
    def xp(self):
        """The array module of the parameters; numpy if there are none. [step 52]"""
        return next((v.xp for _, v in self.named_state() if v.data is not None), np)

    def to_cpu(self):
        """Move parameters, their gradients, buffers and recurrent state to the host. [step 52]

        Recurrent state is detached from its graph, which is not moved.
        """
        for variable in self.all_variables():
            variable.to_cpu()

    def to_gpu(self):
        """Move the same to the GPU. Raises RuntimeError, without changes, if there is none. [step 52]"""
        cuda.need_gpu()
        for variable in self.all_variables():
            variable.to_gpu()

    def all_variables(self):
        """Yield every Variable of the tree: parameters, buffers and recurrent state."""
        for value in self.__dict__.values():
            if isinstance(value, Layer):
                yield from value.all_variables()
            elif isinstance(value, Variable):
                yield value

    def _flatten_params(self, params_dict, parent_key=""):
        """Add every parameter and buffer to the dict, under its path below parent_key. [step 53]"""
        for path, variable in self.named_state():
            params_dict[f"{parent_key}/{path}" if parent_key else path] = variable

    def get_weights(self):
        """Return copies of all parameters and buffers as NumPy arrays: {"l0/W": array, ...}. [step 53]"""
        from .. import saving

        return saving.get_weights(self)

    def set_weights(self, arrays):
        """Load copies of arrays by path. Raises ValueError or TypeError, without changes, on a mismatch. [step 53]"""
        from .. import saving

        saving.set_weights(self, arrays)

    def take_weights(self, arrays):
        """The former name of `set_weights`."""
        self.set_weights(arrays)

    def save_weights(self, path):
        """Write all parameters and buffers to an .npz file, or to a .safetensors file. [step 53]"""
        from .. import saving

        saving.save_weights(self, path)

    def load_weights(self, path):
        """Load a file that `save_weights` wrote. Raises ValueError, without changes, if it does not fit. [step 53]"""
        from .. import saving

        self.set_weights(saving.read_weights(path))


def weak(x):
    """A weak reference to x, or to the Variables in a list or tuple; for other objects a function that returns x."""
    if isinstance(x, (tuple, list)) and any(isinstance(part, Variable) for part in x):
        parts = [weak(part) for part in x]
        return lambda: [part() for part in parts]
    return weakref.ref(x) if isinstance(x, (Variable, np.ndarray)) or cuda.is_on_gpu(x) else lambda: x


def uninitialized(name, shape, dtype=None, kind=Parameter):
    """A parameter without data. The first call of its layer determines any size or dtype that is None."""
    variable = kind(None, name=name)
    variable.form = shape, dtype and np.dtype(dtype)
    return variable


def shape_text(variable):
    """The shape of a parameter for `repr`: "(2, 3)", or "(None, 3) uninitialized"."""
    if variable.data is not None:
        return str(variable.shape)
    shape, _ = getattr(variable, "form", ("", None))
    return f"{shape} uninitialized".strip()


def check_sizes(layer, nobias=False, **sizes):
    """Raise ValueError unless sizes are positive integers (or None for in_...), TypeError unless nobias is a bool."""
    name = type(layer).__name__
    if not isinstance(nobias, (bool, np.bool_)):
        raise TypeError(f"{name}: expected nobias to be True or False, got {nobias!r}; pass input sizes by keyword")
    for key, size in sizes.items():
        if not (size is None and key.startswith("in_")) and not (isinstance(size, (int, np.integer)) and size >= 1):
            raise ValueError(f"{name}: expected {key} to be a positive integer, got {size!r}")
