"""Layers: functions that own parameters and collect those of their sublayers."""

import math
import weakref

import numpy as np

from . import cuda, saving
from . import functions as F
from .config import Config
from .core import Parameter, Variable, as_input


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

    def __call__(self, *inputs):
        outputs = self.forward(*inputs)
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
        return saving.get_weights(self)

    def set_weights(self, arrays):
        """Load copies of arrays by path. Raises ValueError or TypeError, without changes, on a mismatch. [step 53]"""
        saving.set_weights(self, arrays)

    def take_weights(self, arrays):
        """The former name of `set_weights`."""
        self.set_weights(arrays)

    def save_weights(self, path):
        """Write all parameters and buffers to an .npz file. [step 53]"""
        saving.save_weights(self, path)

    def load_weights(self, path):
        """Load a file that `save_weights` wrote. Raises ValueError, without changes, if it does not fit. [step 53]"""
        self.set_weights(saving.read_arrays(path))


def weak(x):
    """A weak reference to x; for numbers, tuples and other objects without one, a function that returns x."""
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

    def _init_W(self, xp=np):
        I, O = self.in_size, self.out_size
        # math.sqrt, since the NumPy scalar from np.sqrt would turn float32 into float64.
        self.W.data = xp.asarray(np.random.randn(I, O).astype(self.dtype) * math.sqrt(1 / I))

    def prepare(self, x):
        """Draw W for inputs like x if it is uninitialized. Check x first, so that a failure changes nothing."""
        if self.W.data is None:
            if x.ndim == 0 or x.shape[-1] == 0:
                raise ValueError(f"Linear: expected x (N, in_size) with in_size at least 1, got {x.shape}")
            self.in_size = x.shape[-1]
            self._init_W(x.xp)

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.linear(x, self.W, self.b)


class Conv2d(Layer):
    """Convolution.  x (N, in_channels, H, W) -> (N, out_channels, OH, OW). [step 57]

    W (out_channels, in_channels, KH, KW): normal with standard deviation sqrt(1 / (in_channels KH KW)), drawn from
    NumPy's global generator: on construction if in_channels is given, otherwise at the first call.
    b (out_channels,): zeros; None with nobias. Both have the given dtype. kernel_size, stride, pad: an int or
    a pair (height, width).
    """

    out_size = staticmethod(F.get_conv_outsize)

    def __init__(self, out_channels, kernel_size, stride=1, pad=0, nobias=False, dtype=np.float32, in_channels=None):
        super().__init__()
        sizes = {"kernel_size": min(F.pair(kernel_size)), "stride": min(F.pair(stride))}
        check_sizes(self, nobias, out_channels=out_channels, in_channels=in_channels, **sizes)
        if min(F.pair(pad)) < 0:
            raise ValueError(f"{type(self).__name__}: expected pad to be at least 0, got {pad!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad
        self.dtype = dtype

        self.W = uninitialized("W", self.W_shape(), dtype)
        if in_channels is not None:
            self._init_W()
        self.b = None if nobias else Parameter(np.zeros(out_channels, dtype=dtype), name="b")

    def W_shape(self):
        """(OC, C, KH, KW)."""
        return (self.out_channels, self.in_channels, *F.pair(self.kernel_size))

    def _init_W(self, xp=np):
        scale = math.sqrt(1 / (self.in_channels * math.prod(F.pair(self.kernel_size))))
        self.W.data = xp.asarray(np.random.randn(*self.W_shape()).astype(self.dtype) * scale)

    def prepare(self, x):
        """Draw W for inputs like x if it is uninitialized. Check x first, so that a failure changes nothing."""
        if self.W.data is None:
            name, sizes = type(self).__name__, [F.pair(size) for size in (self.kernel_size, self.stride, self.pad)]
            if x.ndim != 4 or 0 in x.shape[1:]:
                raise ValueError(f"{name}: expected x (N, C, H, W) with C, H, W at least 1, got {x.shape}")
            if min(map(self.out_size, x.shape[2:], *sizes)) < 1:
                fits = f"a kernel that fits images {x.shape[2:]} with padding {sizes[2]}"
                raise ValueError(f"{name}: expected {fits}, got {sizes[0]}")
            self.in_channels = x.shape[1]
            self._init_W(x.xp)

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.conv2d(x, self.W, self.b, self.stride, self.pad)


class Deconv2d(Conv2d):
    """Transposed convolution.  x (N, in_channels, H, W) -> (N, out_channels, OH, OW). [step 57, not in the book]

    W (in_channels, out_channels, KH, KW); everything else as in Conv2d.
    """

    out_size = staticmethod(F.get_deconv_outsize)

    def W_shape(self):
        """(C, OC, KH, KW)."""
        return (self.in_channels, self.out_channels, *F.pair(self.kernel_size))

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.deconv2d(x, self.W, self.b, self.stride, self.pad)


class BatchNorm(Layer):
    """Normalize each channel, scale by gamma, shift by beta.  x (N, C, ...) -> its shape. [step 54, not in the book]

    gamma, beta (C,): parameters, ones and zeros. avg_mean, avg_var (C,): buffers, the running statistics that
    training updates and `test_mode` uses. All are created at the first call: float64 if x is, otherwise float32.
    """

    def __init__(self):
        super().__init__()
        self.avg_mean = uninitialized("avg_mean", (None,), kind=Buffer)
        self.avg_var = uninitialized("avg_var", (None,), kind=Buffer)
        self.gamma = uninitialized("gamma", (None,))
        self.beta = uninitialized("beta", (None,))

    def prepare(self, x):
        """Initialize parameters and buffers for inputs like x. Check x first, so that a failure changes nothing."""
        state = {self.avg_mean: 0, self.avg_var: 1, self.gamma: 1, self.beta: 0}
        missing = [variable for variable in state if variable.data is None]
        if missing:
            shapes = {variable.shape for variable in state if variable.data is not None}
            if x.ndim < 2 or not shapes <= {x.shape[1:2]}:
                raise ValueError(
                    f"BatchNorm: expected x (N, C, ...) with parameters (C,), got {x.shape} {shapes or ''}"
                )
            if Config.train and x.size < 2 * x.shape[1]:
                raise ValueError(f"BatchNorm: expected at least two numbers per channel in training, got x {x.shape}")
        dtype = np.float64 if x.dtype == np.float64 else np.float32
        for variable in missing:
            variable.data = x.xp.full(x.shape[1], state[variable], dtype)

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        self.prepare(x)
        return F.batch_norm(x, self.gamma, self.beta, self.avg_mean, self.avg_var)


class EmbedID(Layer):
    """A vector for each integer.  x (...), from 0 to in_size - 1 -> (..., out_size). [step 60, not in the book]

    W (in_size, out_size): float32, normal with standard deviation 1, drawn from NumPy's global generator.
    """

    def __init__(self, in_size, out_size):
        super().__init__()
        check_sizes(self, in_size=in_size, out_size=out_size)
        self.W = Parameter(np.random.randn(in_size, out_size).astype(np.float32), name="W")

    def forward(self, x):
        return F.embed_id(x, self.W)


class RNN(Layer):
    """Recurrent layer: h' = tanh(x W_x + b + h W_h).  x (N, in_size) -> h' (N, hidden_size), the new h. [step 59]

    x2h: Linear with a bias; if in_size is None, the first call determines it. h2h: Linear without a bias.
    h: the state, None before the first call.
    """

    def __init__(self, hidden_size, in_size=None):
        super().__init__()
        check_sizes(self, hidden_size=hidden_size, in_size=in_size)
        self.x2h = Linear(hidden_size, in_size=in_size)
        self.h2h = Linear(hidden_size, in_size=hidden_size, nobias=True)  # the input of h2h is h, not x
        self.h = None

    def reset_state(self):
        """Reset the state: the next input starts a new sequence. [step 59]"""
        self.h = None

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        check_rows("RNN", x, self.h)
        z = self.x2h(x)
        self.h = F.tanh(z if self.h is None else z + self.h2h(self.h))
        return self.h


class LSTM(Layer):
    """Long short-term memory, one time step.  x (N, in_size) -> h' (N, hidden_size), the new h. [step 60]

    c' = f c + i u,  h' = o tanh(c');  f, i, o = sigmoid(z), u = tanh(z),  z = x W_x + b + h W_h with weights for each.
    x2f, x2i, x2o, x2u: Linear with a bias; if in_size is None, the first call determines it. h2f, h2i, h2o, h2u:
    Linear without a bias. h, c: the state, None before the first call.
    """

    def __init__(self, hidden_size, in_size=None):
        super().__init__()
        check_sizes(self, hidden_size=hidden_size, in_size=in_size)
        H, I = hidden_size, in_size
        self.x2f = Linear(H, in_size=I)
        self.x2i = Linear(H, in_size=I)
        self.x2o = Linear(H, in_size=I)
        self.x2u = Linear(H, in_size=I)
        self.h2f = Linear(H, in_size=H, nobias=True)
        self.h2i = Linear(H, in_size=H, nobias=True)
        self.h2o = Linear(H, in_size=H, nobias=True)
        self.h2u = Linear(H, in_size=H, nobias=True)
        self.reset_state()

    def reset_state(self):
        """Reset the state: the next input starts a new sequence. [step 60]"""
        self.h = None
        self.c = None

    def forward(self, x):
        x = as_input(x, type(self).__name__)
        check_rows("LSTM", x, self.h)
        x2, h2 = (self.x2f, self.x2i, self.x2o, self.x2u), (self.h2f, self.h2i, self.h2o, self.h2u)
        for layer in x2:
            layer.prepare(x)
        if x.shape[1] != len(self.x2f.W):
            raise ValueError(f"LSTM: expected x (N, {len(self.x2f.W)}), got {x.shape}")
        weights = [layer.W for layer in x2], [layer.b for layer in x2], [layer.W for layer in h2]
        self.h, self.c = F.lstm_cell(x, self.h, self.c, *weights)
        return self.h


def check_sizes(layer, nobias=False, **sizes):
    """Raise ValueError unless sizes are positive integers (or None for in_...), TypeError unless nobias is a bool."""
    name = type(layer).__name__
    if not isinstance(nobias, (bool, np.bool_)):
        raise TypeError(f"{name}: expected nobias to be True or False, got {nobias!r}; pass input sizes by keyword")
    for key, size in sizes.items():
        if not (size is None and key.startswith("in_")) and not (isinstance(size, (int, np.integer)) and size >= 1):
            raise ValueError(f"{name}: expected {key} to be a positive integer, got {size!r}")


def check_rows(name, x, h):
    """Raise ValueError unless x is 2-D, with as many rows as the state h, if any."""
    if x.ndim != 2:
        raise ValueError(f"{name}: expected x (N, in_size), got {x.shape}")
    if h is not None and len(x) != len(h):
        raise ValueError(
            f"{name}: expected {len(h)} rows, as in the state, got x {x.shape}; reset_state() starts a new sequence"
        )
