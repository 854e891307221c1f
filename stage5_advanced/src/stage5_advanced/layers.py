"""Layers: functions that own parameters, and collect those of the layers inside them."""

import math
import weakref

import numpy as np

from . import cuda
from . import functions as F
from .core import Parameter, Variable, as_input
from .saving import read_arrays, write_arrays


class Buffer(Variable):
    """A Variable that belongs to a layer and is saved and moved with it, but is not learned. [beside step 54]"""


class Layer:
    """A function with parameters; a subclass writes `forward`, from Variables to Variables. [steps 44, 45, 52, 53]

    Parameters, buffers and layers that are set as attributes are registered under their names, and walked
    in the order in which they were first set; those in a list are not: set them with setattr as well.
    """

    def __init__(self):
        self._params = []  # the names of parameters, buffers and layers

    def __setattr__(self, name, value):
        if isinstance(value, (Parameter, Buffer, Layer)):
            if "_params" not in self.__dict__:
                raise RuntimeError(f"{type(self).__name__}: call super().__init__() before setting {name!r}")
            if name in ("inputs", "outputs"):
                raise ValueError(f"{type(self).__name__}: {name!r} is where a call is remembered; use another name")
        super().__setattr__(name, value)
        if isinstance(value, (Parameter, Buffer, Layer)):
            if name not in self._params:
                self._params.append(name)
        elif name in self.__dict__.get("_params", ()):
            self._params.remove(name)

    def __delattr__(self, name):
        super().__delattr__(name)
        if name in self._params:
            self._params.remove(name)

    def __call__(self, *inputs):
        without_data = [variable for variable in self.all_variables() if variable.data is None]
        try:
            outputs = self.forward(*inputs)
        except BaseException:  # what was made for an input that did not fit would fit no other
            for variable in without_data:
                variable.data = None
            raise
        if not isinstance(outputs, tuple):
            outputs = (outputs,)
        self.inputs = [weakly(x) for x in inputs]
        self.outputs = [weakly(y) for y in outputs]
        return outputs if len(outputs) > 1 else outputs[0]

    def __getstate__(self):
        """What copies and pickles keep: not the weak references to a call; a state without the graph it came from."""
        kept = {name: value for name, value in self.__dict__.items() if name not in ("inputs", "outputs")}
        for name, value in kept.items():
            if isinstance(value, Variable) and value.creator is not None:
                kept[name] = Variable(value.data, value.name)
        return kept | {"_params": list(self._params)}  # a list of their own

    def forward(self, *inputs):
        """The outputs: a Variable, or a tuple of them."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def named_state(self):
        """Every parameter and buffer of the tree with its path: ("l1/W", W), ...; in two places, it comes twice."""
        for name in self._params:
            value = self.__dict__[name]
            if isinstance(value, Layer):
                for path, variable in value.named_state():
                    yield f"{name}/{path}", variable
            else:
                yield name, value

    def named_params(self):
        """The same without the buffers."""
        for path, variable in self.named_state():
            if not isinstance(variable, Buffer):
                yield path, variable

    def params(self):
        """Every parameter of the tree, each once. [steps 44, 45]"""
        yield from dict.fromkeys(param for _, param in self.named_params())

    def cleargrads(self):
        """Forget the gradients of all parameters. [step 44]"""
        for param in self.params():
            param.cleargrad()

    @property
    def xp(self):
        """The module of the parameters' arrays, numpy while there are none. [step 52]"""
        return next((v.xp for _, v in self.named_state() if v.data is not None), np)

    def to_cpu(self):
        """Move all parameters, their gradients, buffers and recurrent state to the host's memory. [step 52]

        State is cut from the graph that it came from, which stays where it is.
        """
        for variable in self.all_variables():
            variable.to_cpu()

    def to_gpu(self):
        """The same to the GPU. RuntimeError, and no change, where there is none. [step 52]"""
        cuda.need_gpu()
        for variable in self.all_variables():
            variable.to_gpu()

    def all_variables(self):
        """Every Variable that is an attribute of a layer of the tree: state that changes from call to call, too."""
        for value in self.__dict__.values():
            if isinstance(value, Layer):
                yield from value.all_variables()
            elif isinstance(value, Variable):
                yield value

    def _flatten_params(self, params_dict, parent_key=""):
        """Put every parameter and buffer into the dictionary, under its path below parent_key. [step 53]"""
        for path, variable in self.named_state():
            params_dict[f"{parent_key}/{path}" if parent_key else path] = variable

    def get_weights(self):
        """The arrays of all parameters and buffers by path, those of NumPy's: {"l0/W": array, ...}. [step 53]

        ValueError if one has no data yet.
        """
        arrays = {}
        for path, variable in self.named_state():
            if variable.data is None:
                raise ValueError(f"{type(self).__name__}: {path!r} has no data yet; call the model once before")
            arrays[path] = cuda.as_numpy(variable)
        return arrays

    def take_weights(self, arrays):
        """Take over copies of arrays by path, and put them where the model has others: on the host if none. [step 53]

        ValueError where a name, shape or dtype is not that of the model; then nothing has changed. A parameter
        without data yet takes any length that it would find out at the first call.
        """
        flat = dict(self.named_state())
        missing, unknown = sorted(flat.keys() - arrays.keys()), sorted(arrays.keys() - flat.keys())
        if missing or unknown:
            raise ValueError(f"{type(self).__name__}: the weights lack {missing}; {unknown} are not the model's")
        for path, variable in flat.items():
            a = arrays[path]
            if variable.data is not None:
                shape, dtype = variable.shape, variable.dtype
            else:
                shape, dtype = getattr(variable, "form", ((None,) * a.ndim, None))
            fits = len(shape) == a.ndim and all(n in (None, m) for n, m in zip(shape, a.shape, strict=True))
            if not fits or a.dtype.kind not in "fiu" or (dtype is not None and a.dtype != dtype):
                hint = "" if not fits else "; take_weights takes arrays that were cast"
                raise ValueError(
                    f"{type(self).__name__}: {path!r} came as {a.shape} {a.dtype}, not {shape} {dtype}{hint}"
                )
        xp = self.xp
        for path, variable in flat.items():
            variable.data = xp.array(arrays[path])

    def save_weights(self, path):
        """Write all parameters and buffers to a file of NumPy's, .npz; the model stays as it is. [step 53]

        A file that is there already is replaced only when the new one is complete. ValueError if a parameter
        has no data yet.
        """
        write_arrays(path, self.get_weights())

    def load_weights(self, path):
        """Take over what save_weights wrote. ValueError, and no change, where it does not fit. [step 53]"""
        self.take_weights(read_arrays(path))


def weakly(x):
    """A reference that does not keep x alive; numbers, tuples and the like have none and are kept."""
    return weakref.ref(x) if isinstance(x, (Variable, np.ndarray)) or cuda.is_on_gpu(x) else lambda: x


def unmade(name, shape, dtype=None, kind=Parameter):
    """A parameter without data yet; shape has None for what the first call finds out, dtype is None for that too."""
    variable = kind(None, name=name)
    variable.form = shape, dtype and np.dtype(dtype)
    return variable


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

        self.W = unmade("W", (in_size, out_size), dtype)
        if self.in_size is not None:
            self._init_W()
        self.b = None if nobias else Parameter(np.zeros(out_size, dtype=dtype), name="b")

    def _init_W(self, xp=np):
        I, O = self.in_size, self.out_size
        # A NumPy scalar from np.sqrt would make float64 of float32.
        self.W.data = xp.asarray(np.random.randn(I, O).astype(self.dtype) * math.sqrt(1 / I))

    def prepare(self, x):
        """Make W for inputs like x, if it is not there yet. [step 45]"""
        if self.W.data is None:
            if x.ndim == 0 or x.shape[-1] == 0:
                raise ValueError(f"Linear: x {x.shape} came, (N, in_size) with in_size at least 1 is needed")
            self.in_size = x.shape[-1]
            self._init_W(x.xp)

    def forward(self, x):
        x = as_input(x)
        self.prepare(x)
        return F.linear(x, self.W, self.b)


class Conv2d(Layer):
    """Convolution.  x (N, in_channels, H, W) -> (N, out_channels, OH, OW). [step 57]

    W (out_channels, in_channels, KH, KW): normal numbers from NumPy's global generator, of standard
    deviation sqrt(1 / (in_channels KH KW)); drawn at once if in_channels is given, otherwise at the first
    call. b (out_channels,): zeros, None with nobias. Both have the dtype given. kernel_size, stride, pad: a
    number, or a pair of height and width.
    """

    def __init__(self, out_channels, kernel_size, stride=1, pad=0, nobias=False, dtype=np.float32, in_channels=None):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad
        self.dtype = dtype
        check_sizes(self, out_channels=out_channels, in_channels=in_channels, kernel_size=min(F.pair(kernel_size)))

        self.W = unmade("W", self.W_shape(), dtype)
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
        """Make W for inputs like x, if it is not there yet. [step 57]"""
        if self.W.data is None:
            if x.ndim != 4 or x.shape[1] == 0:
                raise ValueError(f"{type(self).__name__}: x {x.shape} came, (N, C, H, W) with C at least 1 is needed")
            self.in_channels = x.shape[1]
            self._init_W(x.xp)

    def forward(self, x):
        x = as_input(x)
        self.prepare(x)
        return F.conv2d(x, self.W, self.b, self.stride, self.pad)


class Deconv2d(Conv2d):
    """Transposed convolution.  x (N, in_channels, H, W) -> (N, out_channels, OH, OW). [beside step 57]

    W (in_channels, out_channels, KH, KW); all else as in Conv2d.
    """

    def W_shape(self):
        """(C, OC, KH, KW)."""
        return (self.in_channels, self.out_channels, *F.pair(self.kernel_size))

    def forward(self, x):
        x = as_input(x)
        self.prepare(x)
        return F.deconv2d(x, self.W, self.b, self.stride, self.pad)


class BatchNorm(Layer):
    """Each channel normalized, then scaled by gamma and moved by beta.  x (N, C, ...) -> its shape. [beside step 54]

    gamma, beta (C,): parameters, ones and zeros. avg_mean, avg_var (C,): buffers, the running statistics that
    training updates and that `test_mode` uses. All are made at the first call, float64 for such x, otherwise
    float32.
    """

    def __init__(self):
        super().__init__()
        self.avg_mean = unmade("avg_mean", (None,), kind=Buffer)
        self.avg_var = unmade("avg_var", (None,), kind=Buffer)
        self.gamma = unmade("gamma", (None,))
        self.beta = unmade("beta", (None,))

    def prepare(self, x):
        """Make what is not there yet for inputs like x."""
        if x.ndim < 2:
            raise ValueError(f"BatchNorm: x {x.shape} came, (N, C, ...) is needed")
        dtype = np.float64 if x.dtype == np.float64 else np.float32
        for variable in (self.avg_mean, self.beta):
            if variable.data is None:
                variable.data = x.xp.zeros(x.shape[1], dtype)
        for variable in (self.avg_var, self.gamma):
            if variable.data is None:
                variable.data = x.xp.ones(x.shape[1], dtype)

    def forward(self, x):
        x = as_input(x)
        self.prepare(x)
        return F.batch_norm(x, self.gamma, self.beta, self.avg_mean, self.avg_var)


class EmbedID(Layer):
    """A vector for each number.  x (...), integers below in_size -> (..., out_size). [beside step 60]

    W (in_size, out_size): normal numbers of standard deviation 1, from NumPy's global generator, float32.
    """

    def __init__(self, in_size, out_size):
        super().__init__()
        check_sizes(self, in_size=in_size, out_size=out_size)
        self.W = Parameter(np.random.randn(in_size, out_size).astype(np.float32), name="W")

    def forward(self, x):
        return F.embed_id(x, self.W)


class RNN(Layer):
    """h' = tanh(x W_x + b + h W_h).  x (N, in_size) -> h' (N, hidden_size), which is also kept as h. [step 59]

    x2h: Linear with the bias, its in_size found out at the first call if None. h2h: Linear without. h: the
    state, None at the beginning.
    """

    def __init__(self, hidden_size, in_size=None):
        super().__init__()
        check_sizes(self, hidden_size=hidden_size, in_size=in_size)
        self.x2h = Linear(hidden_size, in_size=in_size)
        self.h2h = Linear(hidden_size, in_size=hidden_size, nobias=True)  # of h, not of x
        self.h = None

    def reset_state(self):
        """Forget the state: the next input is the first of a sequence. [step 59]"""
        self.h = None

    def forward(self, x):
        x = as_input(x)
        check_rows("RNN", x, self.h)
        z = self.x2h(x)
        self.h = F.tanh(z if self.h is None else z + self.h2h(self.h))
        return self.h


class LSTM(Layer):
    """A state that gates keep, write and show.  x (N, in_size) -> h' (N, hidden_size), kept as h. [step 60]

    f, i, o = sigmoid(x W_x + b + h W_h), u = tanh(of the same), each with weights of its own;  c' = f c + i u,
    h' = o tanh(c').  x2f, x2i, x2o, x2u: Linear with a bias, in_size found out at the first call if None.
    h2f, h2i, h2o, h2u: Linear without. h, c: the state, None at the beginning.
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
        """Forget the state: the next input is the first of a sequence. [step 60]"""
        self.h = None
        self.c = None

    def forward(self, x):
        x = as_input(x)
        check_rows("LSTM", x, self.h)
        x2, h2 = (self.x2f, self.x2i, self.x2o, self.x2u), (self.h2f, self.h2i, self.h2o, self.h2u)
        for layer in x2:
            layer.prepare(x)
        if x.shape[1] != len(self.x2f.W):
            raise ValueError(f"LSTM: x {x.shape} came, (N, {len(self.x2f.W)}) is needed")
        weights = [layer.W for layer in x2], [layer.b for layer in x2], [layer.W for layer in h2]
        self.h, self.c = F.lstm_cell(x, self.h, self.c, *weights)
        return self.h


def check_sizes(layer, **sizes):
    """ValueError for a size that is no whole number from 1 on; in_size and in_channels may be None."""
    for name, size in sizes.items():
        if not (size is None and name.startswith("in_")) and not (isinstance(size, (int, np.integer)) and size >= 1):
            raise ValueError(f"{type(layer).__name__}: {name}={size!r} came, a whole number from 1 on is needed")


def check_rows(name, x, h):
    """ValueError where x has no rows, or not those of the state."""
    if x.ndim != 2:
        raise ValueError(f"{name}: x {x.shape} came, (N, in_size) is needed")
    if h is not None and len(x) != len(h):
        raise ValueError(f"{name}: x {x.shape} came, the state has {len(h)} rows; reset_state() begins anew")
